import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from scipy import optimize, stats

from workbook.pilots.boundaries import anytime_limit, constant_limit, crossing, limits, mixture_scale, spend, spent

FIVE = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_pocock_and_obrien_fleming_constants_of_five_looks():
    """Jennison & Turnbull 2000, tables 2.1 and 2.3."""
    assert constant_limit(5) == pytest.approx(2.4132, abs=5e-5)
    assert constant_limit(5, shape=lambda t: t**-0.5) == pytest.approx(2.0401, abs=5e-5)


def test_power_spending_of_five_looks():
    """Spending α t²: figures of the method's list of oracles."""
    found = spend(FIVE, [0.05 * t * t for t in FIVE])
    assert found == pytest.approx([3.0902, 2.7141, 2.4728, 2.2799, 2.1140], abs=5e-5)


def test_lan_demets_spending_of_five_looks():
    """Limits of the R package ldbounds (Reboussin, DeMets, Kim & Lan 2000), two-sided, α 0.05, read in its documentation."""
    assert limits(FIVE) == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert limits(FIVE, spending="pocock") == pytest.approx([2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=1e-4)


@pytest.mark.parametrize(
    ("looks", "wrong"),
    [(1, 0.05), (2, 0.0831), (3, 0.1073), (4, 0.1262), (5, 0.1417), (10, 0.1934), (20, 0.2479), (50, 0.3205)],
)
def test_naive_peeking_is_wrong_as_often_as_published(looks, wrong):
    """Armitage, McPherson & Rowe 1969, table 2; more digits in the method's list of oracles."""
    information = [k / looks for k in range(1, looks + 1)]
    assert crossing(information, [stats.norm.isf(0.025)] * looks)[-1] == pytest.approx(wrong, abs=5e-5)


def test_normal_mixture_boundary():
    """confseq's tests: V_opt = V = 100, α 0.05."""
    assert 10 * anytime_limit(1.0) == pytest.approx(30.35209, abs=5e-6)
    assert 100 * mixture_scale(0.05) == pytest.approx(12.60056, abs=5e-6)


def test_the_scale_of_the_mixture_gives_the_one_sided_boundary_too():
    """confseq's tests: V_opt = V = 100, α 0.05; the half-normal mixture is narrowest at the scale of twice the error.

    No reading rests on a one-sided limit; this holds the scale at a second error.
    """
    rho = 100 * mixture_scale(0.1)
    whole = 100 + rho

    def evidence(s):
        return math.log(2) + math.log(rho / whole) / 2 + s * s / (2 * whole) + stats.norm.logcdf(s / math.sqrt(whole))

    assert optimize.brentq(lambda s: evidence(s) - math.log(1 / 0.05), 1, 100) == pytest.approx(27.66071, abs=5e-6)


def test_asymptotic_confidence_sequence_of_a_relative_lift():
    """gbstats' fixture: 1396 of 3000 against 2422 of 3461, tuned at 5000 units."""
    control, treated = 1396 / 3000, 2422 / 3461
    lift = treated / control - 1
    error = math.sqrt(treated * (1 - treated) / 3461 / control**2 + control * (1 - control) / 3000 * treated**2 / control**4)
    half = error * anytime_limit(6461 / 5000)
    assert (lift, lift - half, lift + half) == pytest.approx((0.50386, 0.40098, 0.60675), abs=5e-6)


def test_power_at_two_looks_is_that_of_many_walks():
    bounds = limits([0.5, 1.0])
    walks = np.random.default_rng(5).normal(2.8 * 0.5, math.sqrt(0.5), (200_000, 2)).cumsum(axis=1) / np.sqrt([0.5, 1.0])
    assert crossing([0.5, 1.0], bounds, drift=2.8)[-1] == pytest.approx((np.abs(walks) >= bounds).any(axis=1).mean(), abs=0.004)


@examples(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.02, 1), min_size=1, max_size=8, unique=True),
    st.sampled_from(["obrien_fleming", "pocock"]),
    st.sampled_from([0.01, 0.05, 0.1]),
)
def test_a_true_null_crosses_with_the_error_spent_whenever_the_looks_fall(times, spending, error):
    information = sorted(t for i, t in enumerate(sorted(times)) if i == 0 or t - sorted(times)[i - 1] > 1e-3)
    found = limits(information, error, spending)
    expected = float(spent(np.array(information[-1:]), error, spending)[0])
    assert crossing(information, [min(limit, 9.0) for limit in found])[-1] == pytest.approx(expected, abs=1e-6)


def test_a_look_that_may_spend_nothing_has_no_limit():
    assert limits([0.005, 1.0])[0] == math.inf
    assert limits([0.005, 1.0])[1] == pytest.approx(stats.norm.isf(0.025), abs=1e-6)


def test_looks_must_go_on():
    with pytest.raises(ValueError, match="must rise"):
        limits([0.5, 0.5])


def test_the_anytime_limit_is_wider_than_any_planned_one_and_falls_towards_the_plan():
    times = np.linspace(0.05, 1, 20)
    found = [anytime_limit(t) for t in times]
    assert bool((np.diff(found) < 0).all()) and found[-1] > limits(FIVE)[-1]
