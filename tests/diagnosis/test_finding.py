"""Intervals, breaches, severity and whom a finding touches."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from workbook.diagnosis.catalogue import limit_source
from workbook.diagnosis.finding import (
    Context,
    Finding,
    Words,
    difference_interval,
    no_case,
    proportion_interval,
    share_finding,
)
from workbook.language import Edition, named
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings

WORDS = Words(named("measure"), named("problem"), named("cause"))


def finding(figure=0.2, low=0.1, high=0.3, n=100, threshold=0.15, direction="above", unit="share"):
    return Finding("needs.depth", "needs", WORDS, figure, unit, low, high, n, threshold, direction, (), 0.0)


@pytest.mark.parametrize("hits, n", [(0, 10), (1, 1), (7, 22), (15, 50), (999, 1000), (1000, 1000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson_interval_agrees_with_statsmodels(hits, n, confidence):
    expected = proportion_confint(hits, n, 1 - confidence, method="wilson")
    assert proportion_interval(hits, n, confidence) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("a", [(15, 50, 3, 60), (0, 20, 20, 20), (56, 70, 48, 80)])
def test_difference_interval_agrees_with_statsmodels_newcombe(a):
    expected = confint_proportions_2indep(*a, method="newcomb")
    assert difference_interval(*a) == pytest.approx(expected, abs=1e-9)


def test_difference_interval_is_newcombes_published_one():
    # Newcombe 1998, table II, method 10, 56/70 against 48/80: 0.0524 to 0.3339
    assert difference_interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_holds_the_figure_and_stays_inside_0_and_1(case):
    hits, n = case
    low, high = proportion_interval(hits, n)
    assert 0 <= low <= hits / n <= high <= 1


def test_interval_without_a_case_says_nothing():
    assert proportion_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    "direction, figure, low, high, expected",
    [
        ("above", 0.2, 0.16, 0.3, "clear"), ("above", 0.2, 0.1, 0.3, "possible"), ("above", 0.15, 0.1, 0.2, "fine"),
        ("below", 0.1, 0.05, 0.14, "clear"), ("below", 0.1, 0.05, 0.2, "possible"), ("below", 0.15, 0.1, 0.2, "fine"),
    ],
)  # fmt: skip
def test_breach_is_clear_only_where_the_whole_interval_is_beyond(direction, figure, low, high, expected):
    assert finding(figure, low, high, direction=direction).breached == expected


def test_severity_is_the_share_of_bad_cases_that_must_go():
    assert finding(0.4, 0.3, 0.5, threshold=0.1).severity == pytest.approx(0.75)
    assert finding(0.8, 0.7, 0.9, threshold=0.95, direction="below").severity == pytest.approx(0.75)
    assert finding(0.1, 0.0, 0.2).severity == 0.0


def test_evidence_of_few_cases_is_told_as_counts():
    few = finding(7 / 22, 0.16, 0.53, n=22)
    assert few.evidence.render(Edition("en")) == "7 of 22 (limit 15%)"
    assert few.evidence.render(Edition("zh")) == "22 例中 7 例（限值 15%）"
    assert finding().evidence.render(Edition("en")) == "20.0% (10.0% to 30.0%), limit 15%, n = 100"


def test_points_are_named_once_in_the_evidence():
    gap = finding(0.2, 0.1, 0.3, unit="points", threshold=0.1)
    assert gap.evidence.render(Edition("en")) == "20.0 points (10.0 to 30.0), limit 10 points, n = 100"


def test_revenue_is_that_of_known_customers_counted_once():
    profile = pd.DataFrame({"customer_id": ["b", "a", "c"], "revenue": [10.0, 5.0, None]})
    context = Context.of(profile, 0.95)
    assert context.touched(["a", "b", "b", "unknown", None, float("nan")]) == (("a", "b"), 15.0)


def test_without_any_revenue_the_money_touched_is_not_known_rather_than_none():
    customers, revenue = Context.of(pd.DataFrame({"customer_id": ["a"]}), 0.95).touched(["a"])
    assert customers == ("a",)
    assert math.isnan(revenue)


def test_bad_cases_that_name_no_customer_touch_an_unknown_number_not_zero():
    alone = replace(finding(), customers=(), revenue=0.0)
    assert alone.reach == (None, None)
    assert alone.row["customers"] is None
    sound = replace(alone, figure=0.0 if alone.direction == "above" else 1.0)
    assert sound.reach == (0, 0.0)


def test_the_most_valuable_are_picked_by_revenue_then_id():
    profile = pd.DataFrame({"customer_id": list("edcba"), "revenue": [0.0, 5, 5, 9, 1]})
    assert list(Context.of(profile, 0.95).valuable(0.5)) == ["b", "c"]
    assert list(Context.of(profile, 0.95).valuable(0.75)) == ["b", "c", "d"]


def test_a_share_of_no_case_is_not_measured():
    context = Context(pd.Series(dtype=float), 0.95)
    result = share_finding("needs.depth", "needs", WORDS, hits=0, n=0, threshold=0.1, direction="above", touched=[],
                           context=context)  # fmt: skip
    assert isinstance(result, NotMeasured)
    assert result == no_case("needs.depth", WORDS.measure)


def test_row_carries_the_words_of_both_languages():
    row = finding().row
    assert row["breached"] == "possible"
    assert row["problem_zh"] == "problem"
    assert np.isclose(row["threshold"], 0.15)


def test_a_limit_says_whether_it_was_set_is_a_default_or_comes_from_elsewhere():
    given = Settings(client={"name": "Test"}, diagnosis={
        "completeness": 0.9, "limit_sources": {"service.repeat": "Industry survey 2024", "information.complete": "Own mean"},
    })  # fmt: skip
    default = Settings(client={"name": "Test"}, diagnosis={"completeness": 0.9})
    said = {check: limit_source(check, given).render(Edition("en")) for check in ("service.repeat", "service.reopened")}
    assert said == {"service.repeat": "Industry survey 2024", "service.reopened": "workbook’s default"}
    assert limit_source("information.complete.phone", given).render(Edition("en")) == "Own mean"
    assert limit_source("information.complete.phone", default).render(Edition("zh")) == "为本客户设定"
    assert limit_source("service.own.mine", default).render(Edition("en")) == "set for this client"


@pytest.mark.parametrize(
    ("n", "said"),
    [(400, "20.0% in order (10.0% to 30.0%), at least 50% wanted, n = 400"), (20, "4 of 20 in order (at least 50% wanted)")],
)
def test_a_figure_that_counts_what_is_in_order_says_so_beside_the_name_of_what_is_wrong(n, said):
    """“Complaints closed without a call-back: 57.6%” was read as 57.6% without one; it was the share with one."""
    found = Finding("service.callback", "service", None, 0.2, "share", 0.1, 0.3, n, 0.5, "below", (), 0.0)
    assert found.evidence.render(Edition("en")) == said
    assert "达标" in found.evidence.render(Edition("zh"))
