import datetime as dt

import numpy as np
import pytest
from scipy import stats
from tests.pilots.trials import pilot, settings, spend

from workbook.pilots.worth import corrected_effect, corrected_interval, yearly_factor, years_of


def test_the_corrected_effect_is_where_the_conditional_likelihood_is_highest():
    means = np.linspace(0, 4, 40_001)
    for z in (2.0, 2.3, 3.1):
        crossed = stats.norm.sf(1.96 - means) + stats.norm.cdf(-1.96 - means)
        best = means[np.argmax(stats.norm.logpdf(z - means) - np.log(crossed))]
        assert corrected_effect(z * 5, 5.0, 1.96) == pytest.approx(best * 5, abs=2e-3)
        assert corrected_effect(-z * 5, 5.0, 1.96) == -corrected_effect(z * 5, 5.0, 1.96)


def test_told_effects_are_too_large_and_corrected_ones_hardly():
    rng = np.random.default_rng(0)
    told = [z for z in rng.normal(2, 1, 900) if z > 1.96]
    corrected = [corrected_effect(z, 1.0, 1.96) for z in told]
    assert np.mean(told) > 2.7 and abs(np.mean(corrected) - 2) < 0.3


def test_what_did_not_cross_and_what_is_far_beyond_stays():
    assert corrected_effect(1.0, 1.0, 1.96) == 1.0
    assert corrected_effect(9.0, 1.0, 1.96) == pytest.approx(9.0, abs=1e-6)


@pytest.mark.parametrize("true", [0.0, 1.0, 2.5])
def test_the_interval_of_told_effects_covers_as_often_as_it_says_and_the_plain_one_does_not(true):
    """Held to an inverted distribution function: an end is where a told effect is beyond it as often as asked."""
    limit, grid = 2.2, np.linspace(-12, 16, 400_001)
    density = stats.norm.pdf(grid - true) * (np.abs(grid) > limit)
    density /= density.sum()
    told = limit + np.geomspace(1e-5, 8, 240)
    ends = np.array([corrected_interval(z, 1.0, limit, 0.95) for z in told])
    assert (np.diff(ends, axis=0) > 0).all()
    # which told effects have an interval that holds the truth; those below zero mirror those above
    place = np.interp(np.abs(grid), told, np.arange(len(told)))
    low, high = (np.where(grid > 0, 1, -1) * np.interp(place, np.arange(len(told)), ends[:, k]) for k in (0, 1))
    covered = density[(np.minimum(low, high) <= true) & (true <= np.maximum(low, high))].sum()
    plain = density[np.abs(grid - true) < 1.96].sum()
    assert covered == pytest.approx(0.95, abs=0.003)
    assert plain < 0.93 or true > 2


def test_the_interval_of_a_crossing_effect_holds_the_corrected_one_and_that_of_others_is_not_told():
    for z in (2.0, 2.5, 4.0, 9.0):
        for sign in (1, -1):
            low, high = corrected_interval(sign * z * 3, 3.0, 1.96, 0.95)
            assert low <= corrected_effect(sign * z * 3, 3.0, 1.96) <= high
    assert corrected_interval(9.0, 1.0, 1.96, 0.95) == pytest.approx((9 - 1.96, 9 + 1.96), abs=1e-3)
    assert corrected_interval(1.0, 1.0, 1.96, 0.95) is None


def test_a_pilot_of_the_high_season_is_worth_less_a_year_than_its_days_say():
    run = settings(pilot(starts="2025-11-01", ends="2025-11-30", metrics=[spend()])).pilots[0]
    flat = dict.fromkeys(range(1, 13), 1.0)
    high = flat | {11: 2.0}
    assert years_of(run) == years_of(run, flat) == pytest.approx(365 / 30)
    assert years_of(run, high) == pytest.approx((335 + 60) / 60)
    across = run.model_copy(update={"starts": dt.date(2025, 10, 17), "ends": dt.date(2025, 11, 15)})
    assert years_of(across, high) == pytest.approx(395 / 45)
    assert yearly_factor(run, run.metrics[0], high) == pytest.approx(395 / 60)
    worth = run.metrics[0].model_copy(update={"worth": 3.0})
    assert yearly_factor(run, worth, high) == 3.0  # the card says it, and knows its season
    assert yearly_factor(run, run.metrics[0].model_copy(update={"repeats": "mean"}), high) is None
