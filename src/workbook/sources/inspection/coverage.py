"""Which months a delivery covers, and the last period that it covers whole."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import duckdb

from workbook.period import Period

ACTIVITY = (
    "orders", "tickets", "interactions", "ticket_events", "feedback", "campaign_contacts", "leads", "status_history", "needs",
    "contracts", "assignments", "outcomes", "customers",
)  # fmt: skip
"""Tables by which the period is found, the liveliest first."""


@dataclass(frozen=True)
class Coverage:
    """The days that a table tells of.

    Attributes:
        table: canonical table.
        first, last: first and last day; days of months that hold next to nothing (typing errors) left out.
        gap: usual number of days between two days with rows.
    """

    table: str
    first: dt.date
    last: dt.date
    gap: int


def coverage_of(connection: duckdb.DuckDBPyConnection, table: str, days: str) -> Coverage | None:
    """The days that *days*, a relation with a date column ``day``, tells of; None where there is none.

    A month counts that holds a twentieth of the rows of the fullest one.
    """
    found = connection.execute(f"select day, count(*) from ({days}) where day is not null group by day order by day").fetchall()
    if not found:
        return None
    months: dict[tuple[int, int], int] = {}
    for day, rows in found:
        months[day.year, day.month] = months.get((day.year, day.month), 0) + rows
    fullest = max(months.values())
    kept = [day for day, _ in found if months[day.year, day.month] >= 0.05 * fullest]
    gaps = sorted((b - a).days for a, b in pairwise(kept))
    return Coverage(table, kept[0], kept[-1], gaps[len(gaps) // 2] if gaps else 1)


def last_full_period(coverages: Sequence[Coverage]) -> Period | None:
    """The last quarter that the liveliest table covers whole; the last month where there is no such quarter, and the month of
    its last day where not even a month is whole.

    A period is whole where the days without a row at its ends are no more than are usual in the table.

    >>> day = dt.date
    >>> [last_full_period([Coverage("orders", *days, 1)]).name for days in
    ...  [(day(2024, 1, 2), day(2025, 12, 30)), (day(2010, 12, 1), day(2011, 12, 9)), (day(2025, 3, 1), day(2025, 5, 20))]]
    ['2025Q4', '2011Q3', '2025-04']
    """
    for table in ACTIVITY:
        found = [c for c in coverages if c.table == table]
        if found:
            first, last = min(c.first for c in found), max(c.last for c in found)
            slack = dt.timedelta(days=min(10, max(3, 3 * min(c.gap for c in found))))
            for months in (3, 1):
                period = _ending_by(last + slack, months)
                if first - slack <= period.start:
                    return period
            return Period(12 * last.year + last.month - 1, 1)
    return None


def _ending_by(day: dt.date, months: int) -> Period:
    """The last period of so many months that ends on *day* or before."""
    month = 12 * day.year + day.month - 1
    if day.day < calendar.monthrange(day.year, day.month)[1]:
        month -= 1
    return Period((month + 1) // months * months - months, months)
