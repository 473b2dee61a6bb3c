"""Periods as people write them: their days, their neighbours, their order."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbook.errors import UsageError
from workbook.period import Period

periods = st.builds(
    lambda year, months, part: Period(12 * year + part % (12 // months) * months, months),
    st.integers(1, 9998),
    st.sampled_from([1, 3, 6, 12]),
    st.integers(0, 11),
)


@pytest.mark.parametrize(
    ("name", "start", "end", "previous", "following", "months"),
    [
        ("2025Q4", "2025-10-01", "2025-12-31", "2025Q3", "2026Q1", 3),
        ("2025Q1", "2025-01-01", "2025-03-31", "2024Q4", "2025Q2", 3),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-01", "2024-03", 1),
        ("2025-12", "2025-12-01", "2025-12-31", "2025-11", "2026-01", 1),
        ("2025H2", "2025-07-01", "2025-12-31", "2025H1", "2026H1", 6),
        ("2024", "2024-01-01", "2024-12-31", "2023", "2025", 12),
    ],
)
def test_days_and_neighbours(name, start, end, previous, following, months):
    period = Period.parse(name)
    assert (period.start, period.end) == (dt.date.fromisoformat(start), dt.date.fromisoformat(end))
    assert (period.previous.name, period.following.name, period.months) == (previous, following, months)
    assert period.days == (period.end - period.start).days + 1


@pytest.mark.parametrize("written", [2025, "2025", " 2025 ", 2025.0 and 2025])
def test_a_year_that_came_as_a_number_is_a_year(written):
    assert Period.parse(written) == Period.parse("2025")


@pytest.mark.parametrize(
    "written",
    ["2025Q5", "2025Q0", "2025q4", "2025-13", "2025-1", "2025-00", "2025H3", "-2025", "-2025Q4", "0000", "0000Q1", "25", "",
     "Q4", "2025Q4 extra", "2025/11", None, -2025, 2025.5, "２０２５"],
)  # fmt: skip
def test_what_is_no_period_is_refused_with_the_forms_that_are(written):
    with pytest.raises(UsageError, match="expected 2025Q4, 2025-11, 2025H2 or 2025"):
        Period.parse(written)


@given(periods)
def test_a_name_leads_back_to_its_period(period):
    assert Period.parse(period.name) == period
    assert str(period) == period.name


@given(periods)
def test_neighbours_touch_and_have_the_same_length(period):
    assert period.following.start - period.end == dt.timedelta(days=1)
    assert period.following.previous == period
    assert period.previous < period < period.following


@given(st.lists(periods, max_size=8))
def test_periods_sort_by_their_last_day(several):
    ends = [p.end for p in sorted(several)]
    assert ends == sorted(ends)
