"""A history shorter than the window is said, and notes that quote the window say what the data cover."""

import pandas as pd
import pytest
from tests.review.firms import orders, settings, tables

from workbook.language import Edition
from workbook.review.history import tell_history
from workbook.review.kpi import measure_kpis
from workbook.review.scope import count_scope
from workbook.sources.profile import build_profile
from workbook.value.lifecycle import place_in_lifecycle

EN, ZH = Edition("en"), Edition("zh")
SHORT = orders([(f"c{k % 40}", day, 10) for k, day in enumerate(pd.date_range("2025-10-09", "2025-12-31"))])


@pytest.mark.parametrize(
    ("first", "covered"),
    [("2024-12-31", 12), ("2025-01-31", 12), ("2025-02-01", 11), ("2025-12-31", 1), ("2019-01-01", 12)],
)
def test_months_are_counted_from_that_of_the_first_order(first, covered):
    found = tables(orders=orders([("a", first, 1), ("a", "2025-12-31", 1)]))
    assert found.covered_months(12) == covered
    assert (tell_history(found, settings()) == ()) is (covered == 12)


def test_without_orders_there_is_nothing_to_say():
    assert tables().covered_months(12) == 12 and tell_history(tables(), settings()) == ()


def test_the_limit_names_day_window_and_what_is_covered():
    (block,) = tell_history(tables(orders=SHORT), settings())
    assert block.role == "limits"
    words = block.words.render(EN)
    assert "begin on 9 Oct 2025: of the window of 12 months only 3 are covered" in words
    assert "2025 年 10 月 9 日起，12 个月的统计期只覆盖 3 个月" in block.words.render(ZH)


def test_titles_and_notes_quote_the_months_that_are_covered():
    found = tables(orders=SHORT)
    assert "within 3 months" in measure_kpis(found, settings()).table().title.render(EN)
    assert "last 3 months" in count_scope(found, settings()).table().note.render(EN)
    profile = build_profile(found, settings())
    assert "window from 1 Oct 2025 to 31 Dec 2025" in profile.table().note.render(EN)
    stages = place_in_lifecycle(profile.frame, settings().analysis, period=found.period, window_months=found.covered_months(12))
    assert "the 3 months to 31 Dec 2025" in stages.table().note.render(EN)


@pytest.mark.parametrize(
    ("last", "gap", "told"),
    [("2025-12-31", 0, False), ("2025-12-25", 0, False), ("2025-12-09", 0, True), ("2025-12-09", 30, False)],
)
def test_orders_that_end_before_the_period_are_told_unless_they_paused_as_long_before(last, gap, told):
    closed = pd.date_range("2025-03-01", periods=gap)
    days = pd.date_range("2024-12-01", last).difference(closed)
    found = tell_history(tables(orders=orders([(f"c{k % 40}", day, 10) for k, day in enumerate(days)])), settings())
    assert [block.id for block in found] == ["review.history.end"] * told
    if told:
        assert "end on 9 Dec 2025, 22 days before the period does" in found[0].words.render(EN)
        assert "止于 2025 年 12 月 9 日，距期末尚有 22 天" in found[0].words.render(ZH)
