"""The next period's parameters from the proposal that a run published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.settings.reading import known_periods, read_settings
from workbook.settings.writing import keys_given, proposal_changes, write_period


@dataclass(frozen=True)
class NextPeriod:
    """The file written.

    Attributes:
        path: the next period's file.
        set: keys that now have the proposed value.
        kept: keys proposed that the file gave already; they stay as a person wrote them.
    """

    path: Path
    set: tuple[str, ...]
    kept: tuple[str, ...]


def write_next(home: Path, client: str, period: Period | None = None) -> NextPeriod:
    """Write ``params/<client>/<next period>.yaml`` from the proposal of *period* (the latest with one by default).

    Raises:
        WorkbookError: where no run has published a proposal, or the files are at fault.
    """
    known = known_periods(home, client, [period] if period else None)
    proposed = [p for p in known if _proposal_file(home, client, p).is_file()]
    if not proposed:
        raise WorkbookError(
            f"{client}: found no proposal of {', '.join(p.name for p in known)}, expected one that a run published; "
            f"run it first: workbook run {client}"
        )
    latest = proposed[-1]
    content = read_proposal(home, client, latest)
    settings = read_settings(home, client, latest)
    following = latest.following
    path = home / "params" / client / f"{following.name}.yaml"
    given = keys_given(path)
    changes = proposal_changes(content, settings.languages[0])
    kept = [key for key in changes if any(g == key or g.startswith(key + ".") or key.startswith(g + ".") for g in given)]
    fresh = {key: change for key, change in changes.items() if key not in kept}
    return NextPeriod(write_period(home, client, following, fresh), tuple(fresh), tuple(kept))


def read_proposal(home: Path, client: str, period: Period) -> dict[str, Any]:
    """The proposal that a run of *period* published: settings key → ``{"from", "to", "because"}``.

    Raises:
        WorkbookError: where stage 6 could not make one, or the file is none.
    """
    path = _proposal_file(home, client, period)
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as fault:
        raise WorkbookError(f"{path}: this is not JSON ({fault}); run the period again") from fault
    if "not_measured" in content:
        raise WorkbookError(f"{client} {period}: the run proposed nothing, since data were missing; see the report's stage 6")
    for key, item in content.items():
        if not isinstance(item, dict) or "to" not in item:
            raise WorkbookError(f"{path}: {key}: found no 'to', expected from, to and because; run the period again")
    return dict(content)


def _proposal_file(home: Path, client: str, period: Period) -> Path:
    return home / "outputs" / client / period.name / "tables" / "proposal.json"
