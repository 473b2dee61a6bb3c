"""Frozen scales: equal to ranking at once, kept digit by digit through JSON, and unmoved by customers who come later."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from workbook.grading.scale import KNOTS, Scale, freeze
from workbook.settings.models import Index

quickly = settings(max_examples=40, deadline=None)
KINDS = ("percentile", "minmax", "robust", "log", "z", "target")
amounts = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)


def index(**more):
    return Index(id="an_index", name="An index", source="x", group="g", target=100.0, **more)


@quickly
@given(amounts, amounts, st.sampled_from(KINDS), st.sampled_from(["benefit", "cost"]))
def test_later_values_are_scored_in_their_order_and_alike(reference, later, kind, direction):
    scale = freeze(np.array(reference), index(normalise=kind, direction=direction))
    found = scale.score(np.array(later))
    assert ((found >= 0) & (found <= 100)).all()
    steps = np.diff(found[np.argsort(later, kind="stable")])
    assert (steps >= -1e-9).all() if direction == "benefit" else (steps <= 1e-9).all()
    one_by_one = [scale.score(np.array([value]))[0] for value in later]
    assert list(found) == one_by_one


@quickly
@given(amounts, st.sampled_from(KINDS))
def test_a_scale_told_as_json_gives_the_same_scores_to_the_last_digit(values, kind):
    scale = freeze(np.array(values), index(normalise=kind))
    again = Scale.of(json.loads(json.dumps(scale.json)))
    new = np.linspace(-2e9, 2e9, 101)
    assert np.array_equal(scale.score(new), again.score(new)) and scale.median == again.median


def test_a_percentile_scale_of_many_values_stays_within_a_fifth_of_a_point_of_the_ranks():
    values = np.random.default_rng(3).lognormal(4, 1.5, 200_000)
    scale = freeze(values, index())
    assert len(scale.numbers) <= KNOTS
    ranks = 100 * (rankdata(values) - 0.5) / len(values)
    assert np.abs(scale.score(values) - ranks).max() < 0.2
    assert scale.score(np.array([values.min(), values.max()])) == pytest.approx([ranks.min(), ranks.max()])


def test_missing_values_stay_missing_and_beyond_the_ends_nothing_happens():
    scale = freeze(np.array([1.0, np.nan, 3.0, 3.0]), index())
    assert scale.score(np.array([-5.0, 1.0, 3.0, 99.0, np.nan])) == pytest.approx(
        [50 / 3, 50 / 3, 200 / 3, 200 / 3, np.nan], nan_ok=True
    )
