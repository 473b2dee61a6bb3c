"""Moments that a service system tells by how long they took: first answer after 95 seconds, solved after 3.5 hours (D1, D2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb

from workbook.settings.models import Source
from workbook.sources.parsing import POINT, bare_number_sql, number_evidence, number_sql, plausible, unclear_decimals
from workbook.sources.typed import Cell
from workbook.tables import SCHEMAS, SQL_TYPES

ELAPSED = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
"""Forms under ``sources.dates`` that say: not the moment, but so many units after the opening of the ticket."""

CLOCK = "[0-9]+(:[0-5]?[0-9]){1,2}([.][0-9]+)?"
"""A duration, or a time of day, as hours, minutes and seconds."""

_OPENED = {"tickets": "opened_at"}


def follows_opening(table: str, column: str) -> bool:
    """Whether a canonical column is a moment that can be told by how long after the opening it came."""
    opened = _OPENED.get(table)
    return opened is not None and column != opened and SCHEMAS[table].columns.get(column) == "time"


def wait_problems(file: str, source: Source, column: str, unit: str) -> list[str]:
    """What is wrong with a column whose form is a unit of time: it follows no opening."""
    if follows_opening(source.table, column) and _OPENED[source.table] in source.columns:
        return []
    return [
        f"{file}: found {unit!r} under sources.dates for {source.table}.{column}; expected the form of a date: only what "
        "follows the opening of a ticket is told by how long it took, and tickets.opened_at is needed; correct sources.dates"
    ]


def wait_cell(
    connection: duckdb.DuckDBPyConnection,
    texts: str,
    file: str,
    own: str,
    source: Source,
    country: str,
    column: str,
    problems: list[str],
) -> Cell:
    """How a column of durations is read: as seconds, until :func:`as_moments` adds them to the opening.

    Args:
        texts: relation with the column's text as ``t_<column>``.
        file, own: the file and its column, as people call them.
        problems: where a fault of the column's numbers is added.
    """
    t = f'"t_{column}"'
    unit = source.dates if isinstance(source.dates, str) else (source.dates or {})[column]
    plain = bare_number_sql(t)
    signs = number_evidence(connection, f"(select {plain} as t from {texts})", country, source.decimals)
    if signs.decimals is None:
        problems.append(unclear_decimals(file, own, signs.sample))
    number = number_sql(f'"s_{column}"', signs.decimals or POINT)
    return Cell(column, SCHEMAS[source.table].columns[column], seconds_sql(t, number, unit), True, plain, wait=True)


def seconds_sql(t: str, number: str, unit: str) -> str:
    """Seconds of a duration: a *number* of units, or ``2:35`` and ``1:02:35``; null for what is neither or is below zero.

    Two parts are hours and minutes, but minutes and seconds where the unit is a minute or a second.
    """
    first, second, third = (f"try_cast(string_split({t}, ':')[{i}] as double)" for i in (1, 2, 3))
    two = f"{first} * 60 + {second}" if ELAPSED[unit] <= 60 else f"{first} * 3600 + {second} * 60"
    clock = f"case when {third} is null then {two} else {first} * 3600 + {second} * 60 + {third} end"
    plain = f"case when ({number}) >= 0 then cast({number} as double) * {ELAPSED[unit]} end"
    return f"case when regexp_full_match({t}, '{CLOCK}') then {clock} else {plain} end"


def as_moments(cells: Sequence[Cell], table: str) -> list[Cell]:
    """The columns of a table, each duration among them as the moment so long after the opening."""
    opened = next((c.typed for c in cells if c.column == _OPENED.get(table)), None)
    return [
        replace(c, typed=f"cast({plausible(f'({opened} + to_seconds({c.typed}))')} as {SQL_TYPES[c.kind]})") if c.wait else c
        for c in cells
    ]
