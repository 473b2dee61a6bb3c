"""Columns that tell when something happened: days, moments, times of day, and how long after the opening it came (D1)."""

from __future__ import annotations

import re

from workbook.language import Text, text
from workbook.sources.inspection.facts import Facts
from workbook.sources.inspection.vocabulary import tokens, vocabulary
from workbook.sources.waits import CLOCK

_UNITS = {
    "seconds": text("new.unit.seconds", "seconds"),
    "minutes": text("new.unit.minutes", "minutes"),
    "hours": text("new.unit.hours", "hours"),
    "days": text("new.unit.days", "days"),
}


def fit_date(facts: Facts) -> tuple[float, Text | None]:
    """How well all values of a column suit a day or moment, from 0 to 1, and what is to be said of them."""
    if facts.share(facts.relative) >= 0.3:
        return 0.0, text("new.values.relative", "its dates only mean something on the day of the export")
    dates = facts.share(facts.dates)
    if dates >= 0.9:
        return 1.0, None
    if facts.share(facts.serials) >= 0.9:
        return 0.85, text("new.values.serials", "day numbers of a spreadsheet")
    if facts.share(facts.epochs) >= 0.9:
        return 1.0, text("new.values.epochs", "seconds or milliseconds since 1970, in UTC")
    return (0.8 if dates >= 0.5 else 0.0), None


def fit_wait(facts: Facts) -> tuple[float, Text | None]:
    """A moment, or how long after the opening it came: a unit at the end of the name tells a number that it is none of days."""
    unit = vocabulary().duration(facts.name)[1]
    date = (0.0, None) if unit else fit_date(facts)
    clocks = clock_share(facts)
    numbers = facts.share(facts.numbers - facts.negative) >= 0.9 and (facts.most or 0) < 1e8
    if date[0] or not (numbers or clocks >= 0.9):
        return date
    if unit:
        return 0.95, text("new.values.wait", "it tells how long after the opening, in {unit}", unit=_UNITS[unit])
    why = text(
        "new.values.wait_unit", "it tells how long after the opening, but not in which unit: write seconds, minutes, hours or "
        "days under dates, and the column under columns"
    )  # fmt: skip
    return 0.6, why


def clock_share(facts: Facts) -> float:
    """Share of the most frequent values that are times of day or durations, such as 9:05 and 00:02:35."""
    rows = sum(n for _, n in facts.top)
    return sum(n for words, n in facts.top if re.fullmatch(CLOCK, words.strip())) / rows if rows else 0.0


def bare_of_time(name: str) -> str:
    """A name without the words that say day or time: call of Call Date and Call_Time, nothing of Date.

    >>> bare_of_time("Call Date"), bare_of_time("Call_Time"), bare_of_time("日期"), bare_of_time("Time of day")
    ('call', 'call', '', '')
    """
    words = re.sub("日期|时间|時間|时刻", "", " ".join(tokens(name))).split()
    return " ".join(word for word in words if word not in ("date", "time", "day", "of"))
