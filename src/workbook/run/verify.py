"""Whether the published results can be made again: every stage is executed anew, elsewhere, and everything is compared.

The work is done in a home of its own that holds links to the parameters and deliveries and a copy of what was published for
the earlier periods, so that results that depend on where they are made are found out too.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.run.events import Event
from workbook.run.execute import run_periods
from workbook.run.kept import Kept
from workbook.run.publish import client_lock, workplace
from workbook.run.published import kept_by, read_pointer, recover
from workbook.run.stale import examine
from workbook.settings.folders import earlier_periods

_AROUND = 30
"""Characters shown on each side of the first difference of two texts."""


@dataclass(frozen=True)
class Difference:
    """Something that did not come out the same.

    Attributes:
        file: path below the published folder.
        place: where in the file: cell and output of a notebook, column of a table, line of a text; empty for the whole file.
        published, again: what stands there; empty where nothing does.
    """

    file: str
    place: str
    published: str
    again: str

    @property
    def words(self) -> str:
        """The difference in a line."""
        place = f" {self.place}" if self.place else ""
        return f"{self.file}{place}: published {self.published or 'nothing'}, now {self.again or 'nothing'}"

    def as_json(self) -> dict[str, str]:
        """The difference as ``workbook verify --json`` prints it."""
        return asdict(self)


def verify(
    home: Path,
    client: str,
    period: Period,
    *,
    engine: str | None = None,
    echo: Callable[[Event], None] = lambda event: None,
) -> list[Difference]:
    """Execute all stages of a published period again and compare artefacts, notebooks, lists and pages.

    Returns:
        What differs; nothing where every byte is the same.

    Raises:
        WorkbookError: where nothing is published, or the inputs are not those of the published results any more.
        StageFailed: where a notebook stops now.
    """
    home = home.resolve()
    folder = home / "outputs" / client
    pointer = read_pointer(folder, period.name)
    if not pointer:
        raise WorkbookError(
            f"{client} {period.name}: found nothing published, expected results to verify; "
            f"run first: workbook run {client} {period.name}"
        )
    overrides = pointer["overrides"]
    stale = [state.stage for state in examine(home, client, period, overrides) if state.state != "fresh"]
    if stale:
        raise WorkbookError(
            f"{client} {period.name}: {', '.join(stale)} cannot be compared, since the inputs are not what they were; "
            f"see workbook why {client} {period.name}, or run first: workbook run {client} {period.name}"
        )
    with client_lock(folder):
        recover(folder)
        with workplace(folder, f"verify-{period.name}") as place:
            elsewhere = _second_home(home, client, period, place.scratch)
            run_periods(elsewhere, client, [period], overrides=overrides, engine=engine, force=True, echo=echo)
            again = elsewhere / "outputs" / client
            return list(_differences(kept_by(folder, pointer), kept_by(again, read_pointer(again, period.name))))


def _second_home(home: Path, client: str, period: Period, folder: Path) -> Path:
    (folder / "params").mkdir(parents=True)
    (folder / "params" / client).symlink_to(home / "params" / client)
    for place in (Path("data") / client, Path("data") / "synthetic" / client):
        if (home / place).is_dir():
            (folder / place.parent).mkdir(parents=True, exist_ok=True)
            (folder / place).symlink_to(home / place)
    for earlier in earlier_periods(home, client, period)[:1]:
        tables = home / "outputs" / client / earlier.name / "tables"
        if tables.is_dir():
            shutil.copytree(tables, folder / "outputs" / client / earlier.name / "tables")
    return folder


def _differences(published: Mapping[str, Kept], again: Mapping[str, Kept]) -> Iterator[Difference]:
    for name, kept in published.items():
        other = again[name]
        for file in sorted({*kept.files, *other.files}):
            if file not in other.files or file not in kept.files:
                words = ("the file", "") if file in kept.files else ("", "the file")
                yield Difference(file, "", *words)
            elif kept.files[file]["sha256"] != other.files[file]["sha256"]:
                yield from compare_files(file, kept.folder / file, other.folder / file)


def compare_files(name: str, one: Path, other: Path) -> list[Difference]:
    """What differs between two files of one name whose bytes differ."""
    if one.suffix == ".ipynb":
        found = list(_cells(name, json.loads(one.read_text("utf-8")), json.loads(other.read_text("utf-8"))))
    elif one.suffix == ".parquet":
        found = list(_columns(name, one, other))
    else:
        found = [Difference(name, *_first_difference(one.read_bytes(), other.read_bytes()))]
    return found or [Difference(name, *_first_difference(one.read_bytes(), other.read_bytes()))]


def _cells(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    cells, others = one["cells"], other["cells"]
    if len(cells) != len(others):
        yield Difference(name, "", f"{len(cells)} cells", f"{len(others)} cells")
        return
    for cell, its in zip(cells, others, strict=True):
        outputs, theirs = cell.get("outputs", []), its.get("outputs", [])
        if len(outputs) != len(theirs):
            yield Difference(name, f"cell {cell['id']}", f"{len(outputs)} outputs", f"{len(theirs)} outputs")
        for number, (output, their) in enumerate(zip(outputs, theirs, strict=False), start=1):
            if output != their:
                place, was, now = _first_difference(_encoded(output), _encoded(their))
                yield Difference(name, f"cell {cell['id']} output {number} {place}", was, now)
        if {**cell, "outputs": []} != {**its, "outputs": []}:
            yield Difference(name, f"cell {cell['id']}", *_first_difference(_encoded(cell), _encoded(its))[1:])


def _columns(name: str, one: Path, other: Path) -> Iterator[Difference]:
    import pandas as pd

    frame, its = pd.read_parquet(one), pd.read_parquet(other)
    if list(frame.columns) != list(its.columns) or len(frame) != len(its):
        yield Difference(name, "", _shape(frame), _shape(its))
        return
    for column in frame.columns:
        same = (frame[column] == its[column]) | (frame[column].isna() & its[column].isna())
        if not same.all():
            row = int((~same.to_numpy()).argmax())
            rows = f"column {column}, {int((~same).sum())} rows, first {row + 1}"
            yield Difference(name, rows, repr(frame[column].iloc[row]), repr(its[column].iloc[row]))


def _shape(frame: Any) -> str:
    return f"{len(frame)} rows of {', '.join(frame.columns)}"


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode()


def _first_difference(one: bytes, other: bytes) -> tuple[str, str, str]:
    """Where two texts part, and what stands there in each."""
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    begin = max(0, at - _AROUND)
    line = one[:at].count(b"\n") + 1
    parts = [text[begin : at + _AROUND].decode("utf-8", errors="replace") for text in (one, other)]
    in_a_line = [" ".join(part.split()) for part in parts]
    shown = in_a_line if in_a_line[0] != in_a_line[1] else [repr(part) for part in parts]
    return f"line {line}", shown[0], shown[1]
