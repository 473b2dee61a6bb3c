"""The client's own rows behind every problem, so that whoever keeps the system can find and mend them (D2, D3).

Values are shown as delivered, but masked where they are personal, and not at all where people write sentences.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workbook.sources.mapping import own_columns
from workbook.sources.masking import shown_value
from workbook.sources.typed import Delivered
from workbook.tables import SCHEMAS

PROBLEM_COLUMNS = ("kind", "problem", "table", "column", "file", "row", "value")
MOST_ROWS = 1_000
"""So many rows are named for each problem of a file."""


def problem_rows(quarantine: Mapping[str, pd.DataFrame], delivered: Sequence[Delivered], alerts: pd.DataFrame) -> pd.DataFrame:
    """All rows behind problems: of quarantine, of values that were emptied, of checks across tables.

    Args:
        quarantine: table → file, row, reason, original.
        delivered: the files, with the values that could not be read.
        alerts: alert, table, column, file (its number), row, value.

    Returns:
        kind (quarantine, repair, alert), problem, table, column, file, row, value; in the order of kind, table, problem, file
        and row.
    """
    names = {d.file: d.raw.name for d in delivered}
    rows = [*_quarantined(quarantine, delivered), *_emptied(delivered)]
    rows += [
        ("alert", alert, table, column, names[file], row, shown_value(table, column, value))
        for alert, table, column, file, row, value in alerts.itertuples(index=False, name=None)
    ]
    frame = pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS)).astype({"row": "int64"})
    for column in ("kind", "problem", "table", "column", "file", "value"):
        frame[column] = frame[column].astype("str")
    return frame


def _quarantined(
    quarantine: Mapping[str, pd.DataFrame], delivered: Sequence[Delivered]
) -> Iterator[tuple[str, str, str, str, str, int, str]]:
    sources = {(d.raw.name, d.source.table): d.source for d in delivered}
    for table, frame in quarantine.items():
        for (file, reason), some in frame.groupby(["file", "reason"], sort=True):
            column = _column_of(str(reason), table)
            own = own_columns(sources[str(file), table]).get(column, ())
            for row, original in zip(some["row"].tolist()[:MOST_ROWS], some["original"].tolist()[:MOST_ROWS], strict=True):
                cells = json.loads(original)
                value = " ".join(str(cells.get(name) or "") for name in own).strip() if isinstance(cells, dict) else ""
                yield "quarantine", str(reason), table, column, str(file), int(row), shown_value(table, column, value)


def _column_of(reason: str, table: str) -> str:
    """The canonical column that a reason speaks of; the key where it is of the whole row."""
    column = reason.removeprefix("missing_").removeprefix("unreadable_")
    if column in SCHEMAS[table].columns:
        return column
    return "status" if reason in ("unfinished_order", "not_valid_business") else SCHEMAS[table].key[0]


def _emptied(delivered: Sequence[Delivered]) -> Iterator[tuple[str, str, str, str, str, int, str]]:
    for d in delivered:
        for lost in d.typed.lost:
            if lost.file == d.file:
                shown = shown_value(d.source.table, lost.column, lost.value)
                yield "repair", lost.repair, d.source.table, lost.column, d.raw.name, lost.row, shown
