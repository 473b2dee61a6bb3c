"""Few clusters that nobody drew: the test holds its level, the interval covers, and too few are refused."""

import numpy as np
import pytest
from scipy import stats

from workbook.pilots.few_clusters import _assignments, clusters_in_differences, p_among


def firm(rng, side=6, correlation=0.1, size=40, gain=0.0, stretches=3, others=None):
    """Shops with means that stay, means that move from stretch to stretch, and customers around them."""
    shops = side + (others or side)
    treated = np.arange(shops) < side
    stay = rng.normal(0, 1, (shops, 1))
    move = rng.normal(0, np.sqrt(correlation + (1 - correlation) / size), (shops, stretches + 1))
    table = 10 + stay + move + rng.normal(0, 1, (1, stretches + 1))
    return table[:, 0] + gain * treated, table[:, 1:], treated


@pytest.mark.parametrize("side", [5, 6])
def test_a_true_nought_is_rejected_as_often_as_the_level_says(side):
    rng = np.random.default_rng(side)
    chosen = _assignments(np.arange(2 * side) < side, rng)
    rejected = []
    for _ in range(3000):
        during, before, treated = firm(rng, side)
        rejected.append(p_among(during - before.mean(axis=1), treated, chosen) <= 0.05)
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.012)


def test_four_clusters_a_side_are_on_the_safe_side():
    rng = np.random.default_rng(4)
    chosen = _assignments(np.arange(8) < 4, rng)
    rejected = []
    for _ in range(3000):
        during, before, treated = firm(rng, 4)
        rejected.append(p_among(during - before.mean(axis=1), treated, chosen) <= 0.05)
    assert 0.015 < np.mean(rejected) <= 0.05


def test_the_interval_covers_a_planted_effect_as_often_as_it_says():
    rng = np.random.default_rng(1)
    found = [clusters_in_differences(*firm(rng, 5, gain=0.7), 0.95, rng).estimate for _ in range(250)]
    covered = np.mean([one.low <= 0.7 <= one.high for one in found])
    assert 0.915 <= covered <= 0.985
    assert np.mean([one.effect for one in found]) == pytest.approx(0.7, abs=0.06)


def test_p_is_that_of_scipy_over_all_assignments():
    rng = np.random.default_rng(2)
    during, before, treated = firm(rng, 5, gain=0.4)
    found = clusters_in_differences(during, before, treated, 0.95, rng)
    change = during - before.mean(axis=1)

    def welch(a, b, axis):
        return stats.ttest_ind(a, b, axis=axis, equal_var=False).statistic

    other = stats.permutation_test((change[treated], change[~treated]), welch, vectorized=True, n_resamples=np.inf)
    assert found.p == pytest.approx(other.pvalue, abs=1e-12)
    assert found.estimate.effect == pytest.approx(change[treated].mean() - change[~treated].mean())


def test_the_ends_of_the_interval_are_where_the_test_turns():
    rng = np.random.default_rng(3)
    during, before, treated = firm(rng, 6, gain=0.5)
    found = clusters_in_differences(during, before, treated, 0.95, rng).estimate
    change, chosen = during - before.mean(axis=1), _assignments(treated, rng)
    for end, out in ((found.low, -1e-6), (found.high, 1e-6)):
        assert p_among(change - (end - 10 * out) * treated, treated, chosen) > 0.05
        assert p_among(change - (end + 10 * out) * treated, treated, chosen) <= 0.05 + 2 / len(chosen)


def test_scale_and_level_of_the_outcome_change_nothing():
    rng = np.random.default_rng(6)
    during, before, treated = firm(rng, 5, gain=0.4)
    one = clusters_in_differences(during, before, treated, 0.95, rng)
    other = clusters_in_differences(1e6 + 1000 * during, 1e6 + 1000 * before, treated, 0.95, rng)
    assert other.p == one.p and other.estimate.low == pytest.approx(1000 * one.estimate.low, rel=1e-6)


def test_too_few_clusters_or_no_variation_carry_nothing():
    rng = np.random.default_rng(7)
    assert clusters_in_differences(*firm(rng, 3), 0.95, rng) is None
    assert clusters_in_differences(*firm(rng, 2, others=20), 0.95, rng) is None
    assert clusters_in_differences(*firm(rng, 4), 0.99, rng) is None  # 70 assignments: none is rarer than 1 in 35
    treated = np.arange(10) < 5
    assert clusters_in_differences(np.full(10, 3.0), np.full((10, 2), 3.0), treated, 0.95, rng) is None


def test_many_clusters_are_drawn_among_and_repeat_from_the_seed():
    found = [
        clusters_in_differences(*firm(np.random.default_rng(8), 12, gain=0.6), 0.95, np.random.default_rng(1)) for _ in range(2)
    ]
    assert found[0] == found[1] and found[0].estimate.low < 0.6 < found[0].estimate.high
