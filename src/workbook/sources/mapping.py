"""What the settings say of a file's columns held against its header: which is which, what is missing or named twice (D1)."""

from __future__ import annotations

import difflib

from workbook.settings.models import Source
from workbook.sources.read import RawFile
from workbook.tables import SCHEMAS

DERIVED_IDS = {"orders": "order_id", "contracts": "contract_id"}
"""Ids that are made of customer and time where a file has no column for them."""

ROW_NUMBER = "row number"
"""Constant that is no one value but the number of the row: for files with a row a customer or unit, and no id of theirs."""


def mapping_problems(raw: RawFile, source: Source) -> list[str]:
    """What is wrong with the mapping of a file, one line each: unknown, doubled or missing columns."""
    schema = SCHEMAS.get(source.table)
    if schema is None:
        near = _nearest(source.table, list(SCHEMAS))
        return [f"{raw.name}: found the table {source.table!r} in sources; expected a canonical table; {near}"]
    problems = []
    for column in (*source.columns, *source.constants, *source.values, *source.only):
        if column not in schema.columns:
            near = _nearest(column, list(schema.columns))
            problems.append(f"{raw.name}: found the column {column!r} in sources; expected a column of {source.table}; {near}")
    mapped = [(column, own) for column, parts in own_columns(source).items() for own in parts]
    for column, own in mapped:
        if own not in raw.columns:
            near = _nearest(own, list(raw.columns))
            problems.append(
                f"{raw.name}: found no column {own!r} for {source.table}.{column}; expected it in the header; {near}"
            )
        elif raw.columns.count(own) > 1:
            problems.append(
                f"{raw.name}: found {raw.columns.count(own)} columns {own!r}; expected one for {source.table}.{column}; "
                "rename them in the file"
            )
    for own in sorted({own for _, own in mapped}):
        doubled = [column for column, name in mapped if name == own]
        if len(doubled) > 1:
            problems.append(
                f"{raw.name}: found {own!r} mapped to {' and '.join(doubled)}; expected one canonical column a file column; "
                "take one out of sources.columns"
            )
    for own in source.own_columns:
        if raw.columns.count(own) != 1 or "customer_id" not in schema.columns:
            problems.append(
                f"{raw.name}: found no column of its own {own!r} for sources.attributes of {source.table}; expected it once in "
                f"the header, and a table that names customers; {_nearest(own, list(raw.columns))}"
            )
    for column in sorted(set(source.columns) & set(source.constants)):
        problems.append(
            f"{raw.name}: found {column!r} both in columns and in constants; expected one of them; take one out of sources"
        )
    for column in source.needed:
        if column not in source.columns and column not in source.constants and column not in source.todo:
            if column == DERIVED_IDS.get(source.table) and {"customer_id"} & {*source.columns, *source.constants}:
                continue
            problems.append(
                f"{raw.name}: found no column for {source.table}.{column}; expected one, since rows are worthless without it; "
                f"map one of {', '.join(raw.columns)}"
            )
    return problems


def own_columns(source: Source) -> dict[str, tuple[str, ...]]:
    """Canonical column → the file's own columns that make it; several are one text with spaces between."""
    return {column: (own,) if isinstance(own, str) else tuple(own) for column, own in source.columns.items()}


def _nearest(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"the nearest is {near[0]!r}" if near else f"there are {', '.join(words)}"
