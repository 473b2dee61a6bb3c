"""The buffer: small moves must last, large ones go at once, new customers are not held, and no buffer means none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.grading.tiers import NOBODY, hold, places_of, thresholds
from workbook.settings.models import Buffer, Grading

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
