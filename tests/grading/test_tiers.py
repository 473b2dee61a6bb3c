"""The buffer: small moves must last, large ones go at once, new customers are not held, and no buffer means none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.errors import SettingsError, WorkbookError
from workbook.grading.normalising import normalise_otherwise
from workbook.grading.policy import past_of
from workbook.grading.score import grade
from workbook.grading.tiers import NOBODY, hold, places_of, thresholds
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.checks import check
from workbook.settings.models import Buffer, Grading, Index, IndexGroup, Settings, Tier

quickly = settings(max_examples=60, deadline=None)
LOWS = np.array([90.0, 80.0, 60.0, 0.0])


def step(before, waiting, score, lows=LOWS, **buffer):
    given, waited = hold(np.array([before]), np.array([waiting]), np.array([float(score)]), lows, Buffer(**buffer))
    return int(given[0]), int(waited[0])


def test_a_small_move_waits_and_then_goes():
    # gold (80 to 90) falls to 75: held once, given silver the second time running
    assert step(1, 0, 75) == (1, -1)
    assert step(1, -1, 75) == (2, 0)
    # a rise of the same kind
    assert step(2, 0, 85) == (2, 1)
    assert step(2, 1, 85) == (1, 0)


def test_a_score_that_comes_back_begins_to_wait_anew():
    assert step(1, -1, 82) == (1, 0)
    assert step(1, -1, 92) == (1, 1)  # now above: one period upwards, the fall is forgotten


def test_a_large_move_goes_at_once_to_the_tier_of_the_score():
    assert step(1, 0, 70) == (2, 0)
    assert step(0, 0, 10) == (3, 0)
    assert step(3, 0, 95) == (0, 0)
    assert step(1, 0, 70.1) == (1, -1)


def test_the_lengths_of_the_buffer_are_the_settings_own():
    assert step(1, -1, 75, periods=3) == (1, -2)
    assert step(1, -2, 75, periods=3) == (2, 0)
    assert step(1, 0, 78, points=2) == (2, 0)


def test_a_tier_that_no_score_reaches_is_left_and_not_entered():
    lows = np.array([np.inf, 80.0, 60.0, 0.0])
    assert step(0, 0, 99, lows) == (1, 0)
    assert step(1, 1, 99, lows) == (1, 0)


scores = st.lists(st.floats(0, 100), min_size=1, max_size=12)


@quickly
@given(scores)
def test_without_a_buffer_the_tier_follows_the_score(path):
    for buffer in ({"points": 0}, {"periods": 1}):
        held = NOBODY
        waiting = 0
        for score in path:
            held, waiting = step(held, waiting, score, **buffer)
            assert held == places_of(np.array([score]), LOWS)[0] and waiting == 0


@quickly
@given(scores, st.integers(1, 4))
def test_whoever_stays_beyond_is_followed_in_time_and_a_tier_held_is_never_far_from_the_score(path, periods):
    held, waiting, beyond = NOBODY, 0, 0
    for score in path:
        now = int(places_of(np.array([score]), LOWS)[0])
        was = held
        held, waiting = step(held, waiting, score, periods=periods)
        assert held in (was, now)
        beyond = beyond + 1 if held != now else 0
        assert beyond < 2 * periods
        if held != now:
            crossed = LOWS[held - 1] if now < held else LOWS[held]
            assert abs(score - crossed) < 10 + 1e-6


def test_frozen_quantile_thresholds_grade_others_by_the_same_scores():
    grading = Grading(cut="quantile")
    lows = thresholds(np.arange(100.0), grading)
    assert list(lows) == [90, 80, 60, 0]
    assert list(places_of(np.array([89.9, 90.0, 5.0]), lows)) == [1, 0, 3]
    assert list(thresholds(np.full(5, 50.0), grading)) == [np.inf, np.inf, np.inf, 0]


BENCHMARKED = [
    Tier(id="top", name="Top", benchmark={"revenue": 2000.0, "frequency": 20.0}),
    Tier(id="middle", name="Middle", benchmark={"revenue": 400.0, "frequency": 6.0}),
    Tier(id="low", name="Low"),
]
Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")


def test_a_benchmark_cuts_where_the_customer_who_has_its_values_would_score(make_profile):
    settings = Grading(cut="benchmark", tiers=BENCHMARKED, high_tiers=1, buffer=Buffer(points=0, periods=1))
    profile = make_profile(400)
    found = grade(profile, settings, period=Q3)
    assert found.policy.lows[0] > found.policy.lows[1] > found.policy.lows[2] == 0
    assert found.tiers_table().frame["at_least"].tolist() == found.policy.lows.tolist()
    scales = found.policy.scales
    points = {id: scale.median for id, scale in scales.items()} | {
        id: scales[id].score(np.array([value]))[0] for id, value in BENCHMARKED[0].benchmark.items()
    }
    assert found.policy.lows[0] == pytest.approx(sum(found.index_weights[id] * points[id] for id in points))
    past = past_of(found.frame, found.policy.json, periods=(Q3, Q4))
    again = grade(profile.assign(revenue=profile["revenue"] * 3), settings, period=Q4, past=past)
    assert again.policy.number == 1 and again.policy.lows.tolist() == found.policy.lows.tolist()  # frozen with the policy
    anew = settings.model_copy(update={"reference": settings.reference + 1})
    moved = grade(profile, anew, period=Q4, past=past)
    assert moved.policy.number == 2 and moved.moves().share("all") == 0
    shown = (
        *moved.moves().blocks(),
        *moved.limits(),
        moved.tiers_table(),
        moved.distribution(),
        *normalise_otherwise(moved).blocks(),
    )
    for block in shown:
        block.bundle((Edition("en"), Edition("zh")))


def test_benchmarks_that_do_not_fall_are_refused_with_both_scores(make_profile):
    wrong = [BENCHMARKED[0].model_copy(update={"benchmark": {"revenue": 1.0}}), *BENCHMARKED[1:]]
    with pytest.raises(SettingsError, match=r"grading\.tiers\.top\.benchmark: found values that score .* the score of middle"):
        grade(make_profile(400), Grading(cut="benchmark", tiers=wrong, high_tiers=1), period=Q3)


def test_benchmarks_are_checked_before_a_run():
    def faults(cut, *benchmarks):
        tiers = [{"id": f"t{k}", "name": "T", "benchmark": one, "at_least": 10 * (2 - k)} for k, one in enumerate(benchmarks)]
        grading = {"cut": cut, "tiers": tiers, "high_tiers": 1}
        return [(fault.path, fault.found) for fault in check(Settings(client={"name": "A"}, grading=grading))]

    at = ("grading", "tiers")
    assert faults("benchmark", {"revenue": 9}, {"revenue": 5}, {}) == []
    assert faults("benchmark", {"revenu": 9}, {}, {"revenue": 1}) == [
        ((*at, 0, "benchmark", "revenu"), "'revenu'"), ((*at, 1, "benchmark"), "no benchmark values"),
        ((*at, 2, "benchmark"), "benchmark values"),
    ]  # fmt: skip
    assert faults("score", {}, {"revenue": 5}, {}) == [((*at, 1, "benchmark"), "benchmark values")]


@pytest.mark.parametrize("amount", [1e308, -1e308, 1e16, np.inf])
def test_an_amount_that_cannot_be_money_is_refused_by_customer(make_profile, amount):
    profile = make_profile(50).astype({"revenue": "float64"})
    profile.loc[7, "revenue"] = amount
    with pytest.raises(
        WorkbookError, match=r"revenue of customer 'c0000007': found -?(1e\+(308|16)|inf), expected amounts that"
    ):
        grade(profile, Grading(), period=Period.parse("2025Q4"))


def test_negative_margins_are_an_index_like_any_other(make_profile):
    profile = make_profile(200).assign(margin=np.random.default_rng(3).normal(0, 0.3, 200))
    for kind in ("percentile", "minmax", "robust", "log", "z"):
        margin = Index(id="margin", name="Margin", source="revenue * margin", group="profit", normalise=kind, missing="worst")
        settings = Grading(groups=[IndexGroup(id="profit", name="Profit", weight=1)], indices=[margin])
        frame = grade(profile, settings, period=Period.parse("2025Q4")).frame
        points = frame["index_margin"].to_numpy()[np.argsort((profile["revenue"] * profile["margin"]).to_numpy())]
        assert np.isfinite(points).all() and (np.diff(points) >= -1e-9).all() and 0 <= points.min() < points.max() <= 100, kind
