"""Questionnaires as files: the Excel form that goes out, and the filled form that comes back as a file to deliver."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import Edition, Language, named
from workbook.period import Period
from workbook.report.excel import About, write_excel
from workbook.voice.questionnaires import feedback_of, form, read_questionnaire


def write_form(name: str, path: Path, language: Language, client: str, period: Period) -> Path:
    """Write the form of a questionnaire: a sheet of questions, and one of answers with lists of what may stand in a cell."""
    asked = read_questionnaire(name)
    return write_excel(path, list(form(name)), Edition(language), About(named(asked.name), named(client), period))


def take_answers(name: str, filled: Path, path: Path) -> int:
    """Write the answers of a filled form as CSV whose columns are those of the table ``feedback``.

    Returns:
        The number of answers.

    Raises:
        WorkbookError: where the form cannot be read, or an answer is none of what may be answered.
    """
    try:
        sheets = pd.read_excel(filled, sheet_name=None, dtype=str, header=None, engine="calamine")
    except (OSError, ValueError) as fault:
        raise WorkbookError(f"{filled}: {fault}; expected the Excel form of `workbook questionnaire {name}`") from None
    for sheet in sheets.values():
        first = sheet.iloc[:, 0].astype(str) if sheet.shape[1] else pd.Series(dtype="str")
        heads = [int(row) for row in sheet.index[first.str.startswith("respondent")]] if len(first) else []
        if heads:
            top = heads[0]
            answers = sheet.iloc[top + 1 :].set_axis(sheet.iloc[top].astype(str), axis=1)
            answers.index = answers.index - 1  # so that row 2 of a message is the sheet's row
            rows = feedback_of(name, answers, str(filled))
            rows.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")
            return len(rows)
    raise WorkbookError(
        f"{filled}: no sheet has a head that begins with 'respondent'; fill the form of `workbook questionnaire {name}`"
    )
