"""Questionnaires as files: the Excel form that goes out, and the filled form that comes back as a file to deliver."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import WorkbookError
from workbook.language import Edition, Language, named
from workbook.period import Period
from workbook.report.excel import About, write_excel
from workbook.voice.answers import feedback_of
from workbook.voice.questionnaires import form, read_questionnaire


def write_form(name: str, path: Path, language: Language, client: str, period: Period) -> Path:
    """Write the form of a questionnaire: a sheet of questions, and one of answers with lists of what may stand in a cell."""
    asked = read_questionnaire(name)
    return write_excel(path, list(form(name)), Edition(language), About(named(asked.name), named(client), period))


def take_answers(name: str, filled: Path, path: Path) -> tuple[int, int]:
    """Write the answers of a filled form as CSV whose columns are those of the table ``feedback``.

    Returns:
        The number of answers, and of respondents.

    Raises:
        WorkbookError: where the form cannot be read, or an answer is none of what may be answered.
    """
    try:
        with CalamineWorkbook.from_path(filled) as book:
            sheets = [book.get_sheet_by_name(sheet) for sheet in book.sheet_names]
            cells = [sheet.to_python(skip_empty_area=False) for sheet in sheets]
    except (CalamineError, OSError) as fault:
        raise WorkbookError(f"{filled}: found {fault}; expected the Excel form of `workbook questionnaire {name}`") from None
    for sheet, rows in zip(sheets, cells, strict=True):
        answers = _answers(rows, sheet.merged_cell_ranges or ())
        if answers is not None:
            feedback = feedback_of(name, answers, str(filled))
            feedback.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
            return len(feedback), int(feedback["feedback_id"].str.partition("/")[0].nunique())
    raise WorkbookError(
        f"{filled}: no sheet has a head that begins with 'respondent'; fill the form of `workbook questionnaire {name}`"
    )


def _answers(rows: list[list[Any]], merged: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> pd.DataFrame | None:
    """The sheet of answers as text, by the row's number in the sheet; None where no head stands in the sheet.

    A merged cell says the same of all its rows: day and channel of a whole group are often written so.
    """
    heads = [n for n, row in enumerate(rows) if any(str(cell).strip().startswith("respondent") for cell in row)]
    if not heads:
        return None
    top = heads[0]
    for (first, left), (last, right) in merged:
        for row in rows[max(first, top + 1) : last + 1]:
            row[left : right + 1] = [rows[first][left]] * len(row[left : right + 1])
    columns = [_said(cell) for cell in rows[top]]
    told = pd.DataFrame([[_said(cell) for cell in row] for row in rows[top + 1 :]], columns=columns, dtype="str")
    told.index = pd.RangeIndex(top + 2, top + 2 + len(told))
    return told.loc[:, (told.columns != "") & ~told.columns.duplicated()]


def _said(cell: Any) -> str:
    """A cell as text: whole numbers without a point, days without a time."""
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell).strip()
