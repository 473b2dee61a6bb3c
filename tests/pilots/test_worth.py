import datetime as dt

import numpy as np
import pytest
from scipy import stats
from tests.pilots.trials import pilot, settings, spend

from workbook.pilots.comparison import Difference
from workbook.pilots.effect import Effect
from workbook.pilots.looks import Look
from workbook.pilots.season import Year, _steps
from workbook.pilots.worth import worth_of, yearly_factor, years_of


def test_a_pilot_of_the_high_season_is_worth_less_a_year_than_its_days_say():
    run = settings(pilot(starts="2025-11-01", ends="2025-11-30", metrics=[spend()])).pilots[0]
    even = dict.fromkeys(range(1, 13), 1.0)
    flat, high = (Year(days, np.zeros((12, 12)), 23) for days in (even, even | {11: 2.0}))
    assert years_of(run).value == years_of(run, flat).value == pytest.approx(365 / 30)
    assert years_of(run, high).value == pytest.approx((335 + 60) / 60) and years_of(run, high).error == 0
    across = run.model_copy(update={"starts": dt.date(2025, 10, 17), "ends": dt.date(2025, 11, 15)})
    assert years_of(across, high).value == pytest.approx(395 / 45)
    assert yearly_factor(run, run.metrics[0], high) == pytest.approx(395 / 60)
    worth = run.metrics[0].model_copy(update={"worth": 3.0})
    assert yearly_factor(run, worth, high) == 3.0  # the card says it, and knows its season
    assert yearly_factor(run, run.metrics[0].model_copy(update={"repeats": "mean"}), high) is None


def seasons(seed, peak=0.5, months=36, noise=0.08):
    """Revenue a day, month by month, of three years with a high November."""
    month = np.arange(months) % 12
    return np.exp(peak * (month == 10) + np.random.default_rng(seed).normal(0, noise, months))


def test_the_error_of_the_season_is_that_of_years_drawn_again_and_again():
    run = settings(pilot(starts="2025-11-05", ends="2025-12-12", metrics=[spend()])).pilots[0]
    found, told = [], []
    for seed in range(400):
        steps, covariance, freedom = _steps(seasons(seed), 1)
        times = years_of(run, Year({m: float(np.exp(steps[m - 1])) for m in range(1, 13)}, covariance, freedom))
        found.append(times.value)
        told.append(times)
    true = years_of(run, Year({m: float(np.exp(0.5 * (m == 11))) for m in range(1, 13)}, np.zeros((12, 12)), 23)).value
    assert np.mean([one.error for one in told]) == pytest.approx(np.std(found), rel=0.1)
    held = [abs(one.value - true) < stats.t.ppf(0.975, one.freedom) * one.error for one in told]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_the_yearly_interval_holds_the_error_of_the_effect_and_of_the_season():
    """Over made-up pilots and seasons, both drawn anew, it covers as often as it says; without the season it does not."""
    base = settings(pilot(starts="2025-11-05", ends="2025-12-12", metrics=[spend(margin=1)], population=1000)).pilots[0]
    true = years_of(base, Year({m: float(np.exp(0.5 * (m == 11))) for m in range(1, 13)}, np.zeros((12, 12)), 23)).value
    look = Look(base.ends, 2000, 1.0, "fixed", "end", 1, float(stats.norm.isf(0.025)))
    covered, alone = [], []
    for seed in range(600):
        gain = 20 + np.random.default_rng(seed).normal(0, 0.6)
        found = Difference(100, 100 + gain, 1000, 1000, gain, 0.6, gain - 0.6 * 1.96, gain + 0.6 * 1.96, 0)
        effect = Effect(base, base.metrics[0], "treatment", found, 0, 0, "better", True, look, "primary")
        steps, covariance, freedom = _steps(seasons(seed), 1)
        days = {m: float(np.exp(steps[m - 1])) for m in range(1, 13)}
        for kept, year in ((covered, covariance), (alone, np.zeros((12, 12)))):
            worth = worth_of(effect, 1000, Year(days, year, freedom))
            kept.append(worth.low <= 1000 * true * 20 <= worth.high)
    assert 0.94 <= np.mean(covered) <= 0.98 and np.mean(alone) < 0.85


def test_without_customers_delivered_nothing_is_multiplied_by_nobody():
    run = settings(pilot(metrics=[spend()])).pilots[0]
    look = Look(run.ends, 400, 1.0, "fixed", "end", 1, 1.96)
    found = Difference(50.0, 60.0, 200, 200, 10.0, 2.0, 6.0, 14.0, 0.001)
    effect = Effect(run, run.metrics[0], "treatment", found, 0, 0, "better", True, look, "primary")
    assert worth_of(effect, 0) is None and worth_of(effect, None) is None and worth_of(effect, 100) is not None
