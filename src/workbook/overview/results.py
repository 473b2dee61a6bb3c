"""What there is of every client and period, found from folders and manifests; key figures are kept by manifest."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbook.errors import UsageError
from workbook.period import Period
from workbook.run.published import read_pointer
from workbook.run.stamp import is_fresh
from workbook.settings.folders import ENGAGEMENT, clients

State = Literal["published", "failed_after", "failed", "waiting", "not_run"]
"""``failed_after``: the last run failed and earlier results stand. ``waiting``: no delivery is there yet."""

MANIFEST = "manifest.json"
KEPT = Path(".overview") / "figures.json"
FORM = 1
"""Grows with what :class:`Figures` holds, so that figures kept in an earlier form are read anew."""

_PACKAGE = re.compile(r"\bpackage\s*:\s*[^\s#~]")


@dataclass(frozen=True)
class Measure:
    """A key figure: its value, and its change since the previous period where that was judged.

    Attributes:
        movement: better, worse, same or unclear; empty where nothing was compared.
    """

    value: float
    change: float | None = None
    movement: str = ""


@dataclass(frozen=True)
class Figures:
    """The key figures of one published period; what could not be measured is None.

    Attributes:
        repurchase: share of buyers who ordered again.
        revenue: of the period, in *currency*.
        high_tiers: share of revenue that the high tiers bring.
        high_problems: number of problems of high priority.
    """

    currency: str = "CNY"
    repurchase: Measure | None = None
    revenue: Measure | None = None
    high_tiers: float | None = None
    high_problems: int | None = None


@dataclass(frozen=True)
class Result:
    """One period of one client.

    Attributes:
        stale: whether something that its results may rest on changed since; None where that is not on record.
        figures: None where nothing is published or it cannot be read.
        reports: language → page, relative to ``outputs/``.
        notebooks, lists: files of the period, relative to ``outputs/``.
        manifest: relative to ``outputs/``; empty where nothing is published.
    """

    client: str
    period: Period
    state: State
    stale: bool | None = None
    figures: Figures | None = None
    reports: Mapping[str, str] | None = None
    notebooks: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    manifest: str = ""


@dataclass(frozen=True)
class Overview:
    """Everything in a home.

    Attributes:
        names: client → its name in one or several languages.
        synthetic: the clients that are invented.
        results: by client, the latest period first.
        kept: the figures to keep for the next time, by ``client/period``.
    """

    home: Path
    names: Mapping[str, Mapping[str, str]]
    synthetic: frozenset[str]
    results: tuple[Result, ...]
    kept: Mapping[str, Any]

    def of_client(self, client: str) -> tuple[Result, ...]:
        """The periods of one client, the latest first."""
        return tuple(result for result in self.results if result.client == client)

    @property
    def clients(self) -> tuple[str, ...]:
        """All clients, sorted."""
        return tuple(dict.fromkeys(result.client for result in self.results))


def find_results(home: Path) -> Overview:
    """Look at every client and period of a home that has parameters or published results."""
    kept = _read_kept(home / "outputs" / KEPT)
    found: dict[str, Any] = {}
    results: list[Result] = []
    names: dict[str, Mapping[str, str]] = {}
    synthetic: set[str] = set()
    for client in sorted({*clients(home), *_published_clients(home)}):
        for period in _periods(home, client):
            place = f"{client}/{period.name}"
            record = _record(home / "outputs" / client / period.name, kept.get(place))
            if record:
                found[place] = record
                names.setdefault(client, record["name"])
                if record["synthetic"]:
                    synthetic.add(client)
            results.append(_result(home, client, period, record))
    return Overview(home, names, frozenset(synthetic), tuple(results), found)


def keep_figures(overview: Overview) -> None:
    """Keep the figures, so that the next look reads only what was published since."""
    path = overview.home / "outputs" / KEPT
    replace_bytes(path, (json.dumps(overview.kept, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())


def replace_bytes(path: Path, content: bytes) -> Path:
    """Write a small file in one step; runs of several clients may do so at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    return temporary.replace(path)


def _read_kept(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # nothing kept, or by a process that was killed: all is read anew
    return content if isinstance(content, dict) else {}


def _published_clients(home: Path) -> set[str]:
    return {path.parent.parent.name for path in (home / "outputs").glob(f"[!.]*/[!.]*/{MANIFEST}")}


def _periods(home: Path, client: str) -> list[Period]:
    """Periods with parameters or results, the latest first; files of other names are for ``workbook check`` to tell."""
    names = {path.stem for path in (home / "params" / client).glob("*.yaml") if path.name != ENGAGEMENT}
    names |= {path.parent.name for path in (home / "outputs" / client).glob(f"[!.]*/{MANIFEST}")}
    names |= {path.name for path in (home / "outputs" / client / ".failed").glob("*")}
    found = []
    for name in names:
        try:
            found.append(Period.parse(name))
        except UsageError:
            continue
    return sorted(found, reverse=True)


def _result(home: Path, client: str, period: Period, record: Mapping[str, Any] | None) -> Result:
    outputs = home / "outputs"
    folder = outputs / client / period.name
    failed = (outputs / client / ".failed" / period.name).is_dir()
    if record is None:
        waiting = not failed and _waits(home, client, period)
        return Result(client, period, "failed" if failed else "waiting" if waiting else "not_run")

    def files(pattern: str) -> tuple[str, ...]:
        return tuple(sorted(path.relative_to(outputs).as_posix() for path in folder.glob(pattern)))

    return Result(
        client, period, "failed_after" if failed else "published",
        stale=_stale(home, client, period), figures=_figures(record.get("figures")),
        reports={path.split(".")[-2]: path for path in files("report.*.html")},
        notebooks=files("notebooks/*.ipynb") + files("notebooks/*.html"), lists=files("lists/*"),
        manifest=f"{client}/{period.name}/{MANIFEST}",
    )  # fmt: skip


def _stale(home: Path, client: str, period: Period) -> bool | None:
    return not is_fresh(home, client, period) if read_pointer(home / "outputs" / client, period.name) else None


def _waits(home: Path, client: str, period: Period) -> bool:
    """Whether a period has no delivery yet. A client whose delivery is a package has one at any time."""
    if any((place / client / period.name).is_dir() for place in (home / "data", home / "data" / "synthetic")):
        return False
    settings = [home / "params" / client / name for name in (ENGAGEMENT, f"{period.name}.yaml")]
    # the word is enough here: to read the settings as settings would cost more than all the rest of the overview
    return not any(_PACKAGE.search(path.read_text("utf-8", "replace")) for path in settings if path.is_file())


def _record(folder: Path, kept: Any) -> dict[str, Any] | None:
    """What is kept of a published period; read from its artefacts where its manifest is another than it was."""
    try:
        content = (folder / MANIFEST).read_bytes()
    except OSError:
        return None
    digest = hashlib.sha256(content).hexdigest()
    if isinstance(kept, dict) and kept.get("of") == digest and kept.get("form") == FORM:
        return kept
    try:
        manifest = json.loads(content)
        settings = manifest.get("settings") or {}
        figures: dict[str, Any] | None = asdict(_read_figures(folder / "tables", settings))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        settings, figures = {}, None  # shown as published without figures: a broken artefact is no reason to show nothing
    client = settings.get("client") or {}
    return {
        "form": FORM, "of": digest, "name": _named(client.get("name"), folder.parent.name),
        "synthetic": bool(client.get("synthetic")), "figures": figures,
    }  # fmt: skip


def _named(name: Any, otherwise: str) -> dict[str, str]:
    if isinstance(name, str) and name:
        return {"en": name, "zh": name}
    return {str(k): str(v) for k, v in name.items()} if isinstance(name, dict) and name else {"en": otherwise, "zh": otherwise}


def _read_figures(tables: Path, settings: Mapping[str, Any]) -> Figures:
    kpis = {row["kpi"]: row for row in _rows(tables / "kpis.parquet", ["kpi", "value"])}
    review = {row["kpi"]: row for row in _rows(tables / "review.parquet", ["kpi", "change", "movement"])}
    grading = settings.get("grading") or {}
    high = {tier["id"] for tier in (grading.get("tiers") or [])[: int(grading.get("high_tiers") or 0)]}
    tiers = _rows(tables / "tiers.parquet", ["tier", "revenue_share"])
    shares = [row["revenue_share"] for row in tiers if row["tier"] in high]
    problems = tables / "problems.parquet"

    def measure(kpi: str) -> Measure | None:
        value = _number(kpis.get(kpi, {}).get("value"))
        judged = review.get(kpi, {})
        return None if value is None else Measure(value, _number(judged.get("change")), str(judged.get("movement") or ""))

    return Figures(
        currency=str(settings.get("currency") or "CNY"),
        repurchase=measure("repurchase_rate"),
        revenue=measure("revenue"),
        high_tiers=_number(sum(shares)) if shares else None,
        high_problems=sum(row["priority"] == "high" for row in _rows(problems, ["priority"])) if problems.is_file() else None,
    )


def _rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    """Rows of an artefact; none where it is no table, since what was not measured is kept as JSON."""
    if not path.is_file():
        return []
    from pyarrow.parquet import read_table

    rows: list[dict[str, Any]] = read_table(path, columns=columns).to_pylist()
    return rows


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _figures(record: Any) -> Figures | None:
    if not isinstance(record, dict):
        return None
    measures = {name: Measure(**record[name]) if record[name] else None for name in ("repurchase", "revenue")}
    return Figures(**{**record, **measures})
