import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from workbook.review.intervals import change_between, median_ranks, normal, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(hits, n, low, high):
    """Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3."""
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 500), st.data(), st.floats(0.51, 0.999))
def test_wilson_agrees_with_statsmodels_and_stays_inside(n, data, level):
    hits = data.draw(st.integers(0, n))
    low, high = wilson(hits, n, level)
    assert 0 <= low <= hits / n <= high <= 1
    assert (low, high) == pytest.approx(proportion_confint(hits, n, 1 - level, "wilson"), abs=1e-9)


@pytest.mark.parametrize(("n", "ranks"), [(5, None), (6, (1, 6)), (8, (1, 8)), (10, (2, 9)), (20, (6, 15)), (30, (10, 21))])
def test_ranks_of_the_median_are_those_of_the_tables(n, ranks):
    """Conover 1999, Practical Nonparametric Statistics, 3.2 (95 %)."""
    assert median_ranks(n) == ranks


@given(st.integers(1, 2000), st.floats(0.6, 0.995))
def test_ranks_cover_the_median_and_the_next_narrower_pair_does_not(n, level):
    ranks = median_ranks(n, level)
    coverage = lambda k: 1 - 2 * stats.binom.cdf(k - 1, n, 0.5)  # noqa: E731
    if ranks is None:
        assert coverage(1) < level
    else:
        lower, upper = ranks
        assert lower + upper == n + 1 and coverage(lower) >= level - 1e-12 and coverage(lower + 1) < level


def test_change_of_two_wilson_intervals_is_newcombes():
    """Newcombe 1998, Statistics in Medicine 17, 873-890, method 10: 56/70 less 48/80 is .0524 to .3339."""
    found = change_between(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))
    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_change_of_two_normal_intervals_is_the_plain_one():
    low, high = change_between(10, normal(10, 3), 6, normal(6, 4))
    assert (low, high) == pytest.approx(normal(4, 5))


def test_the_interval_of_the_median_covers_in_trials():
    rng = np.random.default_rng(3)
    lower, upper = median_ranks(25)
    draws = np.sort(rng.exponential(size=(20000, 25)), axis=1)
    covered = (draws[:, lower - 1] <= np.log(2)) & (np.log(2) <= draws[:, upper - 1])
    assert covered.mean() >= 0.95
