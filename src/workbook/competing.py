"""The comparison with competitors (竞品分析) on paper: filled forms read back into the parameters (V7).

Stage 3 writes the form, ``lists/competitors.<language>.xlsx``; its rows begin with the first needs of the register.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import SettingsError
from workbook.language import LANGUAGES, Edition, text
from workbook.period import Period
from workbook.settings.diagnosing import Compared
from workbook.settings.reading import read_settings
from workbook.settings.writing import Change, write_period
from workbook.voice.register_exhibits import FORM_HEADS


def read_forms(home: Path, client: str, period: Period, paths: Sequence[Path]) -> tuple[Path, int]:
    """Read filled forms into ``voice.competitors`` of *period*.

    A need compared with the same competitor before gets the new marks; others stay. Nothing is written where a row of any form
    cannot be read.

    Args:
        home: the folder that holds ``params/``.
        paths: filled forms; a row counts once somebody named the competitor or gave a mark.

    Returns:
        The parameter file, and the number of comparisons read.

    Raises:
        SettingsError: with every fault of every form, by file, sheet and row.
    """
    settings = read_settings(home, client, period)
    fresh: dict[tuple[str, str], Compared] = {}
    faults: list[str] = []
    for path in paths:
        rows, wrong = _rows(path)
        faults += wrong
        fresh |= {(row.need.strip().lower(), row.competitor.strip().lower()): row for row in rows}
        if not rows and not wrong:
            faults.append(f"{path}: found no comparison, expected a competitor with both marks in at least one row")
    if faults:
        raise SettingsError(faults)
    kept = {(row.need.strip().lower(), row.competitor.strip().lower()): row for row in settings.voice.competitors}
    together = [row.model_dump(mode="json", exclude_none=True) for row in (kept | fresh).values()]
    because = text("voice.compete.because", "Comparison with competitors, from the filled form.")
    change = Change(together, because.render(Edition(settings.languages[0])))
    return write_period(home, client, period, {"voice.competitors": change}), len(fresh)


def _rows(path: Path) -> tuple[list[Compared], list[str]]:
    """The comparisons of one form, and what is wrong with it."""
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except (CalamineError, OSError) as fault:
        return [], [f"{path}: found {fault}; expected lists/competitors of a published period, filled in"]
    heads = {FORM_HEADS[field].render(Edition(language)): field for field in FORM_HEADS for language in LANGUAGES}
    found: list[Compared] = []
    faults: list[str] = []
    for name, rows in sheets.items():
        top = next(
            (n for n, row in enumerate(rows) if {"need", "competitor"} <= {heads.get(str(c).strip()) for c in row}), None
        )
        if top is None:
            continue
        fields = [heads.get(str(cell).strip()) for cell in rows[top]]
        for number, row in enumerate(rows[top + 1 :], start=top + 2):
            given = {f: _plain(cell) for f, cell in zip(fields, row, strict=True) if f and str(cell).strip()}
            if not {"competitor", "ours", "theirs"} & set(given):
                continue
            try:
                found.append(Compared.model_validate(given))
            except ValidationError as error:
                faults += [f"{path}, sheet {name}, row {number}: {'.'.join(map(str, e['loc']))}: found "
                           f"{_said(given.get(str(e['loc'][0]), 'nothing'))!r}, expected {_EXPECTED[str(e['loc'][0])]}"
                           for e in error.errors()]  # fmt: skip
        return found, faults
    return [], [f"{path}: no sheet has the columns need and competitor; fill in lists/competitors of a published period"]


_EXPECTED = {
    "need": "the need", "competitor": "the competitor's name", "ours": "a mark from 1 to 5", "theirs": "a mark from 1 to 5",
    "source": "a few words", "seen": "a date, 2025-11-03",
}  # fmt: skip


def _said(cell: Any) -> str:
    """A cell as a message repeats it."""
    return f"{cell:g}" if isinstance(cell, float) else str(cell)[:40]


def _plain(cell: Any) -> Any:
    """A cell as the settings take it: days without a time, words without blanks around them."""
    if isinstance(cell, dt.datetime):
        return cell.date()
    return cell.strip() if isinstance(cell, str) else cell
