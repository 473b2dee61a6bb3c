import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbook.pilots.clusters import cluster_values, intra_class_correlation, permutation_p
from workbook.pilots.comparison import compare_means
from workbook.pilots.moments import moments_of


def rng():
    return np.random.default_rng(0)


def test_permutation_over_all_assignments_is_scipys():
    control, treated = np.array([3.1, 2.2, 4.0, 3.3]), np.array([4.9, 5.1, 3.9, 6.0])
    other = stats.permutation_test(
        (treated, control), lambda a, b, axis: np.abs(a.mean(axis) - b.mean(axis)), vectorized=True, alternative="greater"
    )
    assert permutation_p(control, treated, rng()) == pytest.approx(other.pvalue)


def test_permutation_follows_the_strata_of_the_draw():
    """Pairs: only 2³ assignments were possible, so no p below 2/8."""
    control, treated = np.array([1.0, 10.0, 20.0]), np.array([2.0, 11.0, 21.5])
    strata = np.array(["a", "b", "c", "a", "b", "c"], dtype=object)
    assert permutation_p(control, treated, rng(), strata) == pytest.approx(2 / 8)
    assert permutation_p(control, treated, rng()) > 0.5


def test_with_many_clusters_draws_come_near_welch_and_are_never_zero():
    values = np.random.default_rng(4).normal(0, 1, (2, 40))
    p = permutation_p(values[0], values[1], rng())
    assert p == pytest.approx(compare_means(values[0], values[1]).p, abs=0.02)
    assert permutation_p(np.zeros(40), np.arange(40) + 9.0, rng()) > 0


def test_clusters_are_means_of_their_units_and_missing_is_missing():
    units = pd.DataFrame(
        {"cluster": ["s1", "s1", "s2", "s2", None], "arm": ["a", "a", "b", "b", "b"], "stratum": "x",
         "value": [1.0, 3.0, 5.0, np.nan, 9.0], "pre_value": [0.0, 2.0, 4.0, 6.0, 8.0]}
    )  # fmt: skip
    found = cluster_values(units).set_index("cluster")
    assert found["value"].to_dict() == {"s1": 2.0, "s2": 5.0} and found["pre_value"].to_dict() == {"s1": 1.0, "s2": 4.0}


def test_intra_class_correlation_is_the_planted_one():
    generator = np.random.default_rng(6)
    shops = [generator.normal(generator.normal(0, np.sqrt(0.1)), np.sqrt(0.9), 400) for _ in range(400)]
    assert intra_class_correlation([moments_of(shop) for shop in shops]) == pytest.approx(0.1, abs=0.015)
    alike = [np.array([1.0, 2.0, 3.0])] * 4
    assert intra_class_correlation([moments_of(shop) for shop in alike]) == 0


def test_eight_shops_a_side_err_as_often_as_they_say():
    """Known behaviour in the method's list: ordinary regression rejects 37.7 %, shop means about 5 %."""
    generator = np.random.default_rng(8)
    trials = 1200
    means = generator.normal(0, np.sqrt(0.1 + 0.9 / 50), (trials, 16))
    t = [compare_means(row[:8], row[8:]).p < 0.05 for row in means]
    exact = [permutation_p(row[:8], row[8:], generator) < 0.05 for row in means[:150]]
    assert np.mean(t) == pytest.approx(0.05, abs=0.015) and np.mean(exact) < 0.09
