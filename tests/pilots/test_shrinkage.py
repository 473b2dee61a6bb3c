import numpy as np
import pytest

from workbook.pilots.shrinkage import shrink


def test_eight_schools_are_drawn_as_published():
    """Rubin 1981; means under flat priors on mean and spread, as Stan's eight schools with uniform priors give them."""
    found = shrink(np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18]))
    assert found.effect == pytest.approx([11.4, 7.9, 6.2, 7.7, 5.1, 6.1, 10.6, 8.4], abs=0.25)
    assert found.mean == pytest.approx(7.97, abs=0.15) and found.spread == pytest.approx(6.56, abs=0.25)


def test_parts_that_know_much_stay_where_they_are_and_one_that_knows_nothing_goes_to_the_mean():
    found = shrink(np.array([0.0, 10.0, 5.0, 90.0]), np.array([0.1, 0.1, 0.1, 60.0]))
    assert found.effect[:3] == pytest.approx([0, 10, 5], abs=0.05) and 0 < found.effect[3] < 30
    assert shrink(np.array([1.0, 3.0]), np.array([1.0, 1.0])).effect == pytest.approx([1.4, 2.6], abs=0.4)


def test_drawn_effects_are_nearer_the_truth_and_their_intervals_hold():
    rng = np.random.default_rng(2)
    error = np.array([1.0, 0.5, 2.0, 1.0, 0.7, 1.5])
    worse = better = held = 0.0
    for _ in range(1000):
        truth = rng.normal(3, 1, 6)
        plain = truth + rng.normal(0, error)
        found = shrink(plain, error)
        worse += ((plain - truth) ** 2).mean()
        better += ((found.effect - truth) ** 2).mean()
        held += (np.abs(found.effect - truth) < 1.96 * found.error).mean() / 1000
    assert better < 0.75 * worse and 0.93 < held < 0.975
