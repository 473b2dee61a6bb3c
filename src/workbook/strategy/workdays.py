"""Working days of a country: weekends, public holidays and the weekend days that make up for them (调休)."""

from __future__ import annotations

import datetime as dt
import functools
from typing import Any

from workbook.errors import WorkbookError
from workbook.service_hours import public_holidays


def first_workday(day: dt.date, country: str) -> dt.date:
    """*day* itself, or the next working day after it.

    >>> first_workday(dt.date(2026, 1, 1), "CN").isoformat()
    '2026-01-04'
    """
    calendar = _calendar(country)
    found: dt.date = day if calendar.is_working_day(day) else calendar.get_nth_working_day(day, 1)
    return found


def last_of_workdays(start: dt.date, days: int, country: str) -> dt.date:
    """The last of *days* working days, *start* (a working day) being the first.

    >>> last_of_workdays(dt.date(2026, 1, 5), 5, "CN").isoformat()
    '2026-01-09'
    """
    if days < 1:
        raise WorkbookError(f"working days: found {days}, expected 1 or more")
    end: dt.date = start if days == 1 else _calendar(country).get_nth_working_day(start, days - 1)
    return end


def next_workday(day: dt.date, country: str) -> dt.date:
    """The first working day after *day*."""
    return first_workday(day + dt.timedelta(days=1), country)


@functools.cache
def _calendar(country: str) -> Any:
    return public_holidays(country)
