"""Effects without the luck of having crossed a limit: for one look and for pilots that were looked at before."""

import numpy as np
import pytest
from scipy import stats

from workbook.pilots.boundaries import limits
from workbook.pilots.luck import Crossing, Passed, corrected_effect, corrected_interval

LOOKS = 5
TIMES = [k / LOOKS for k in range(1, LOOKS + 1)]


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


def played(true, margin, trials, seed):
    """Pilots under the rule with five looks: for each look the trials that reach it, their effects and the corridor before.

    An effect has the standard error 1 at the end; one that lies between the limits around the margin goes on.
    """
    rng = np.random.default_rng(seed)
    score = np.cumsum(rng.normal(true / LOOKS, np.sqrt(1 / LOOKS), (trials, LOOKS)), axis=1)
    effects = score / np.array(TIMES)
    widths = [min(limit, 9.0) / np.sqrt(t) for limit, t in zip(limits(TIMES), TIMES, strict=True)]
    running = np.ones(trials, dtype=bool)
    found = []
    for k, width in enumerate(widths):
        error = 1 / np.sqrt(TIMES[k])
        passed = [Passed(TIMES[j] / TIMES[k], margin - widths[j], margin + widths[j]) for j in range(k)]
        found.append((effects[running & (np.abs(effects[:, k]) > width), k], error, width / error, passed))
        running &= (effects[:, k] >= margin - width) & (effects[:, k] < margin + width)
    return found


@pytest.mark.parametrize(("true", "margin"), [(0.0, 1.0), (2.0, 1.0), (3.0, 2.0)])
def test_among_effects_told_at_a_look_the_interval_covers_as_often_as_it_says(true, margin):
    covered, plain, told = 0, 0, 0
    for effects, error, limit, passed in played(true, margin, 20_000, 1):
        if not len(effects):
            continue
        told += len(effects)
        # the interval holds the truth where neither side is too far off under it: read off a grid of told effects
        sides = np.where(effects > 0, 1.0, -1.0)
        for sign in (1.0, -1.0):
            grid = np.linspace(limit * (1 + 1e-9), limit + 12, 200)
            mine = np.abs(effects[sides == sign]) / error
            looked, alone = (Crossing(sign * 9 * error, error, limit, before) for before in (passed, ()))
            far, once = (np.interp(mine, grid, [_beyond(one, x, sign * true / error) for x in grid]) for one in (looked, alone))
            covered += (np.abs(far - 0.5) < 0.475).sum()
            plain += (np.abs(once - 0.5) < 0.475).sum()
    error = 2.6 * np.sqrt(0.95 * 0.05 / told)
    assert covered / told == pytest.approx(0.95, abs=error)
    # to leave out the looks before is not right either
    assert plain / told > 0.95 + error or true == 0


def _beyond(one, x, theta):
    one.x = x
    return one.beyond(theta)


def test_the_likeliest_effect_is_held_to_a_grid_of_simulated_densities():
    passed = [Passed(0.5, -1.0, 4.0)]
    one = Crossing(2.4, 1.0, 2.0, passed)
    grid, step = np.linspace(-14, 14, 200_001, retstep=True)
    # the density after one earlier look: the bridge back to half-time lies within the corridor
    inside = stats.norm.cdf((4 * 0.5 - grid / 2) / 0.5) - stats.norm.cdf((-1 * 0.5 - grid / 2) / 0.5)
    told = stats.norm.pdf(grid) * inside * (np.abs(grid) > 2)
    means = np.linspace(0, 4, 2001)
    whole = np.array([(told * np.exp(m * grid - m * m / 2)).sum() * step for m in means])
    best = means[np.argmax(2.4 * means - means**2 / 2 - np.log(whole))]
    assert one.effect() == pytest.approx(best, abs=2e-3)
    for m in (-1.0, 0.0, 1.5):
        density = told * np.exp(m * grid)
        assert one.beyond(m) == pytest.approx(density[grid >= 2.4].sum() / density.sum(), abs=1e-4)
