"""Working days: holidays and the weekend days that make up for them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbook.errors import WorkbookError
from workbook.strategy.workdays import first_workday, last_of_workdays, next_workday

day = dt.date


@pytest.mark.parametrize(
    "start, days, country, due",
    [
        # National Day 2025: 1 to 8 October off, Saturday 11 October worked (State Council notice of 2024-11-12)
        (day(2025, 9, 29), 3, "CN", day(2025, 10, 9)),
        (day(2025, 10, 9), 3, "CN", day(2025, 10, 11)),
        (day(2025, 10, 9), 4, "CN", day(2025, 10, 13)),
        (day(2025, 12, 24), 2, "US", day(2025, 12, 26)),
        (day(2025, 7, 3), 1, "US", day(2025, 7, 3)),
    ],
)
def test_the_last_working_day_is_counted_by_hand(start, days, country, due):
    assert last_of_workdays(start, days, country) == due


def test_a_holiday_moves_the_first_day():
    assert first_workday(day(2025, 10, 1), "CN") == day(2025, 10, 9)
    assert first_workday(day(2025, 10, 11), "CN") == day(2025, 10, 11)
    assert next_workday(day(2025, 9, 30), "CN") == day(2025, 10, 9)


@given(st.dates(day(2023, 1, 1), day(2026, 6, 1)), st.integers(1, 60))
def test_counting_goes_day_by_day(start, days):
    start = first_workday(start, "CN")
    stepped = start
    for _ in range(days - 1):
        stepped = next_workday(stepped, "CN")
    assert last_of_workdays(start, days, "CN") == stepped


def test_an_unknown_country_is_told():
    with pytest.raises(WorkbookError, match=r"client.country.*'XX'"):
        first_workday(day(2025, 1, 1), "XX")


def test_no_days_at_all_is_told():
    with pytest.raises(WorkbookError, match="found 0"):
        last_of_workdays(day(2025, 1, 2), 0, "CN")
