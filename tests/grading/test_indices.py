"""Values and scores of indices: SQL over the profile, invariants of each normalisation, faults with their key path."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.errors import SettingsError
from workbook.grading.indices import fill_missing, index_values, normalise
from workbook.settings.models import Index

quickly = settings(max_examples=40, deadline=None)

KINDS = ("percentile", "minmax", "robust", "log", "z", "target")


def index(source="x", **more):
    return Index(id="an_index", name="An index", source=source, group="g", **more)


def scores(values, **more):
    return normalise(np.asarray(values, dtype=float), index(**more))


amounts = st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=1, max_size=40)


@quickly
@given(amounts, st.sampled_from(KINDS), st.sampled_from(["benefit", "cost"]))
def test_scores_lie_between_0_and_100_and_follow_the_values(values, kind, direction):
    found = scores(values, normalise=kind, direction=direction, target=100.0)
    assert ((found >= 0) & (found <= 100)).all()
    ordered = found[np.argsort(values, kind="stable")]
    steps = np.diff(ordered if direction == "benefit" else -ordered)
    assert (steps >= -1e-9).all()
    for value in set(values):
        alike = found[np.asarray(values) == value]
        assert (alike == alike[0]).all()


@quickly
@given(amounts, st.sampled_from(KINDS[:5]), st.integers(-8, 8))
def test_scores_do_not_depend_on_the_unit_of_money(values, kind, power):
    scaled = [value * 2.0**power for value in values]
    assert scores(scaled, normalise=kind) == pytest.approx(scores(values, normalise=kind), abs=1e-6)


@quickly
@given(amounts)
def test_percentile_survives_any_rising_transformation(values):
    assert (scores(np.arctan(np.array(values) / 1e6) + 3) == scores(values)).all() or len(set(np.arctan(values))) < len(
        set(values)
    )


@quickly
@given(amounts, st.randoms(use_true_random=False))
def test_percentile_agrees_with_counting_below_and_equal(values, random):
    # an independent implementation: the definition, counted pair by pair
    counted = [100 * (sum(v < x for v in values) + sum(v == x for v in values) / 2) / len(values) for x in values]
    assert scores(values) == pytest.approx(counted)
    mixed = list(values)
    random.shuffle(mixed)
    assert sorted(scores(mixed)) == sorted(scores(values))


def test_equal_values_cannot_be_ordered_and_score_the_middle():
    for kind in KINDS[:5]:
        assert (scores([7, 7, 7], normalise=kind) == 50).all()


def test_minmax_of_money_is_ruled_by_one_outlier_and_robust_is_not():
    money = [*range(100), 100_000]
    assert np.median(scores(money, normalise="minmax")) < 1
    assert 40 < np.median(scores(money, normalise="robust")) < 60
    assert 40 < np.median(scores(money, normalise="percentile")) < 60


def test_target_is_reached_in_proportion_and_cost_lost_in_proportion():
    assert list(scores([0, 50, 100, 300], normalise="target", target=100)) == [0, 50, 100, 100]
    assert list(scores([0, 30, 45, 60, 90], normalise="target", target=30, direction="cost")) == [100, 100, 50, 0, 0]


@pytest.mark.parametrize("target", [None, 0, -3])
def test_target_without_a_usable_target_is_named(target):
    with pytest.raises(SettingsError, match=r"grading\.indices\.an_index\.target"):
        scores([1, 2], normalise="target", target=target)


def test_missing_values_score_by_the_rule_and_do_not_move_the_others():
    found = scores([1, np.nan, 3])
    assert np.isnan(found[1]) and list(found[[0, 2]]) == [25, 75]
    filled = {rule: fill_missing(scores([1, np.nan, 3, 3]), index(missing=rule))[1] for rule in ("median", "worst", "neutral")}
    assert filled == {"median": pytest.approx(200 / 3), "worst": 0, "neutral": 50}
    assert np.isnan(fill_missing(found, index(missing="exclude"))[1])
    nobody = np.array([np.nan, np.nan])
    assert np.isnan(fill_missing(nobody, index(missing="neutral"))).all()


PROFILE = pd.DataFrame(
    {"customer_id": ["a", "b", "c"], "revenue": [10.0, None, 30.0], "orders": [0, 2, 3], "rating": list("ABC")}
)


def test_expressions_are_computed_row_by_row_in_the_order_of_the_profile():
    found = index_values(PROFILE, [index("revenue / nullif(orders, 0)"), index("orders").model_copy(update={"id": "o"})])
    assert list(found.columns) == ["an_index", "o"]
    assert np.array_equal(found["an_index"], [np.nan, np.nan, 10], equal_nan=True)
    assert list(found["o"]) == [0, 2, 3]


def test_expressions_may_be_cases_flags_and_carry_a_comment():
    cases = index("case rating when 'A' then 3 when 'B' then 2 end -- by the agency")
    assert np.array_equal(index_values(PROFILE, [cases])["an_index"], [3, 2, np.nan], equal_nan=True)
    assert list(index_values(PROFILE, [index("orders > 1")])["an_index"]) == [0, 1, 1]


def test_division_by_zero_is_a_missing_value():
    assert np.isnan(index_values(PROFILE, [index("orders / 0")])["an_index"]).all()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("revenu", "the nearest column is 'revenue'"),
        ("rating", "grading.indices.an_index.source"),
        ("revenue +", "grading.indices.an_index.source"),
        ("sum(revenue)", "gives 1 values for 3 customers"),
        ("revenue) from profile; drop table profile; --", "grading.indices.an_index.source"),
        ("(select count(*) from read_csv('/etc/passwd'))", "grading.indices.an_index.source"),
        ("", "grading.indices.an_index.source"),
    ],
)
def test_expressions_that_cannot_be_computed_are_named_with_their_key(source, said):
    with pytest.raises(SettingsError) as caught:
        index_values(PROFILE, [index("orders").model_copy(update={"id": "good"}), index(source)])
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1
