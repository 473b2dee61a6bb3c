"""Periods: quarters, months, half-years and years, as they are written in commands and file names."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from functools import total_ordering

from workbook.errors import UsageError

_FORMS = {
    "quarter": (re.compile(r"([0-9]{4})Q([1-4])"), 3),
    "half": (re.compile(r"([0-9]{4})H([12])"), 6),
    "month": (re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])"), 1),
    "year": (re.compile(r"([0-9]{4})"), 12),
}


@total_ordering
@dataclass(frozen=True)
class Period:
    """A stretch of whole months; the analysis date is its last day.

    >>> p = Period.parse("2025Q4")
    >>> p.start.isoformat(), p.end.isoformat(), p.previous.name
    ('2025-10-01', '2025-12-31', '2025Q3')
    >>> Period.parse(2025).months
    12
    """

    first: int  # months since year 0
    months: int

    @classmethod
    def parse(cls, text: object) -> Period:
        """Read ``2025Q4``, ``2025-11``, ``2025H2`` or ``2025`` (also as the number that papermill's -p makes of it).

        Raises:
            UsageError: for anything else.
        """
        words = str(text).strip()
        for pattern, months in _FORMS.values():
            if match := pattern.fullmatch(words):
                year, part = int(match[1]), int(match[2]) if pattern.groups == 2 else 1
                if year < 1:
                    break
                return cls(12 * year + (part - 1) * months, months)
        raise UsageError(f"period: found {words!r}, expected 2025Q4, 2025-11, 2025H2 or 2025")

    @property
    def name(self) -> str:
        """The period as it is written in file names."""
        year, month = divmod(self.first, 12)
        return {
            1: f"{year:04d}-{month + 1:02d}",
            3: f"{year:04d}Q{month // 3 + 1}",
            6: f"{year:04d}H{month // 6 + 1}",
            12: f"{year:04d}",
        }[self.months]

    @property
    def start(self) -> dt.date:
        """The first day."""
        return dt.date(self.first // 12, self.first % 12 + 1, 1)

    @property
    def end(self) -> dt.date:
        """The last day: the analysis date."""
        year, month = divmod(self.first + self.months - 1, 12)
        return dt.date(year, month + 1, calendar.monthrange(year, month + 1)[1])

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.end - self.start).days + 1

    @property
    def previous(self) -> Period:
        """The period of equal length just before this one."""
        return Period(self.first - self.months, self.months)

    @property
    def following(self) -> Period:
        """The period of equal length just after this one."""
        return Period(self.first + self.months, self.months)

    def __str__(self) -> str:
        return self.name

    def __lt__(self, other: Period) -> bool:
        return (self.first + self.months, self.months) < (other.first + other.months, other.months)
