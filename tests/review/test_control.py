import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from workbook.review.control import RUN, expect, individual_limits, share_limits

VISCOSITY = np.array([33.75, 33.05, 34, 33.81, 33.46, 34.02, 33.68, 33.27, 33.49, 33.2, 33.62, 33, 33.54, 33.12, 33.84])


def test_limits_of_individual_values_are_those_of_the_textbook():
    # Montgomery, Introduction to Statistical Quality Control: viscosity of primer paint, mean 33.52, limits 32.24 and 34.80
    limits = individual_limits(VISCOSITY, len(VISCOSITY))
    assert (round(limits.centre, 2), round(limits.low[0], 2), round(limits.high[0], 2)) == (33.52, 32.24, 34.80)
    assert not limits.signal


def test_months_after_the_change_move_no_limit():
    quiet, loud = np.append(VISCOSITY, 33.5), np.append(VISCOSITY, 99.0)
    one, other = individual_limits(quiet, 15), individual_limits(loud, 15)
    assert one.high[0] == other.high[0] and one.beyond == () and other.beyond == (15,)


def test_a_month_before_the_change_is_no_signal_of_it():
    assert not individual_limits(np.array([1.0, 9.0] * 5 + [5.0] * 2), 10).signal


def test_a_long_run_on_one_side_is_a_signal_though_within_the_limits():
    rng = np.random.default_rng(3)
    base = rng.normal(100, 5, 20)
    shifted = np.append(base, np.full(RUN, base.mean() + 3))
    limits = individual_limits(shifted, 20)
    assert limits.run and not limits.beyond and limits.signal
    assert not individual_limits(shifted[:-1], 20).run or np.sign(base[-1] - base.mean()) > 0


def test_shares_that_vary_only_as_counting_does_get_nearly_binomial_limits():
    rng = np.random.default_rng(5)
    cases = np.full(400, 500.0)
    limits = share_limits(rng.binomial(500, 0.2, 400).astype(float), cases, 400)
    assert limits.high[0] - limits.centre == pytest.approx(3 * np.sqrt(0.2 * 0.8 / 500), rel=0.08)


def test_shares_of_many_cases_that_vary_by_month_do_not_cry_wolf():
    rng = np.random.default_rng(6)
    alarms = plain = 0
    for _ in range(200):
        cases = np.full(18, 20_000.0)
        hits = rng.binomial(20_000, np.clip(rng.normal(0.2, 0.01, 18), 0, 1)).astype(float)
        alarms += bool(share_limits(hits, cases, 15).beyond)
        plain += bool((np.abs(hits[15:] / cases[15:] - 0.2) > 3 * np.sqrt(0.16 / 20_000)).any())
    assert alarms <= 16 and plain >= 100


def neighbours(rng, rho, n, burn=40):
    """Months of which each goes with the one before; one standard deviation each."""
    e = rng.normal(size=n + burn)
    for i in range(1, n + burn):
        e[i] = rho * e[i - 1] + np.sqrt(1 - rho**2) * e[i]
    return e[burn:]


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_months_that_go_together_do_not_cry_wolf_and_a_large_step_is_still_seen(rho):
    """By moving ranges alone a fifth to a third of steady firms would be called changed where months go together."""
    rng = np.random.default_rng(7)
    steady = [neighbours(rng, rho, 21) for _ in range(500)]
    step = 8.0 * (np.arange(21) >= 18)
    assert np.mean([bool(individual_limits(100 + e, 18).beyond) for e in steady]) < 0.06
    assert np.mean([bool(individual_limits(100 + e + step, 18).beyond) for e in steady]) > 0.8
    hits = [np.round(20_000 * (0.2 + 0.01 * e)) for e in steady]
    assert np.mean([bool(share_limits(h, np.full(21, 20_000.0), 18).beyond) for h in hits]) < 0.06


def test_limits_stay_where_values_can_be():
    limits = share_limits(np.array([0.0, 1, 0, 1, 0, 1, 0, 1]), np.full(8, 10.0), 8)
    assert (limits.low >= 0).all() and (limits.high <= 1).all()
    none = share_limits(np.zeros(9), np.full(9, 10.0), 8)
    assert none.centre == 0 and not none.signal
    assert individual_limits(np.array([1.0, 9, 1, 9]), 4, 0.0).low[0] == 0


def test_without_autocorrelation_it_is_the_dummy_of_a_second_implementation():
    # one month after: its dummy's coefficient and interval are the prediction error of ordinary least squares
    rng = np.random.default_rng(0)
    for _ in range(50):
        y = 50 + 0.7 * np.arange(14) + rng.normal(0, 2, 14)
        found = expect(y, 13)
        if found.autocorrelation:
            continue
        frame = pd.DataFrame({"one": 1.0, "t": np.arange(14.0), "after": (np.arange(14) == 13) * 1.0})
        fit = sm.OLS(y, frame).fit()
        low, high = fit.conf_int().loc["after"]
        assert (found.difference, found.difference_low, found.difference_high) == pytest.approx(
            (fit.params["after"], low, high), rel=1e-9, abs=1e-9
        )
        assert (found.low[13], found.high[13]) == pytest.approx(
            (y[13] - found.difference - (high - low) / 2, y[13] - found.difference + (high - low) / 2), rel=1e-9
        )
        return
    pytest.fail("no series without autocorrelation was drawn")


def test_errors_that_go_together_are_fitted_as_a_second_implementation_does():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, 40)
    for i in range(1, 40):
        noise[i] += 0.8 * noise[i - 1]
    found = expect(10 + noise, 36)
    assert found.autocorrelation > 0.3
    design = sm.add_constant(np.arange(36.0))
    places = np.arange(36)
    fit = sm.GLS(10 + noise[:36], design, sigma=found.autocorrelation ** np.abs(np.subtract.outer(places, places))).fit()
    assert found.line == pytest.approx(fit.predict(sm.add_constant(np.arange(40.0))), rel=1e-9)


@pytest.mark.parametrize(("rho", "most"), [(0.0, 0.055), (0.3, 0.085)])
def test_nothing_is_called_a_change_more_often_than_said(rho, most):
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(1500):
        e = rng.normal(size=48)
        for i in range(1, 48):
            e[i] += rho * e[i - 1]
        found = expect(100 + 0.5 * np.arange(18) + e[30:], 15)
        wrong += not found.difference_low <= 0 <= found.difference_high
    assert wrong / 1500 <= most


def test_a_planted_step_is_found_and_covered():
    rng = np.random.default_rng(2)
    found = [expect(100 + np.arange(18.0) + rng.normal(0, 2, 18) + 20 * (np.arange(18) >= 15), 15) for _ in range(300)]
    assert np.mean([f.difference_low > 0 for f in found]) > 0.95
    assert np.mean([f.difference_low <= 20 <= f.difference_high for f in found]) > 0.93


@given(st.floats(-1e9, 1e9), st.floats(-1e6, 1e6))
def test_a_straight_line_is_carried_on_without_error(level, slope):
    y = level + slope * np.arange(12.0)
    found = expect(y, 9)
    assert found.difference == pytest.approx(0, abs=1e-6 * max(1.0, np.abs(y).max()))
    assert np.isfinite([found.difference_low, found.difference_high]).all()


def test_scale_and_level_change_nothing_but_the_unit():
    rng = np.random.default_rng(4)
    y = rng.normal(0, 1, 15)
    one, other = expect(y, 12), expect(1e9 + 3 * y, 12)
    assert other.difference == pytest.approx(3 * one.difference, rel=1e-5)
    assert other.difference_high == pytest.approx(3 * one.difference_high, rel=1e-5)
