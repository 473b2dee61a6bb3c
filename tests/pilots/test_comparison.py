import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from workbook.pilots.comparison import adjusted_means, compare_means, compare_proportions, standardised_difference
from workbook.pilots.moments import moments_of


def test_welch_agrees_with_statsmodels():
    rng = np.random.default_rng(1)
    control, treated = rng.lognormal(3, 1, 173), rng.lognormal(3.2, 1.3, 91)
    found = compare_means(control, treated, 0.9)
    other = CompareMeans(DescrStatsW(treated), DescrStatsW(control))
    assert (found.low, found.high) == pytest.approx(other.tconfint_diff(alpha=0.1, usevar="unequal"), rel=1e-9)
    assert found.p == pytest.approx(other.ttest_ind(usevar="unequal")[1], rel=1e-9)


def test_proportions_agree_with_statsmodels():
    control, treated = np.repeat([1.0, 0.0], [60, 140]), np.repeat([1.0, 0.0], [90, 130])
    found = compare_proportions(control, treated)
    assert (found.low, found.high) == pytest.approx(confint_proportions_2indep(90, 220, 60, 200, method="wald"), abs=1e-12)
    assert found.p == pytest.approx(proportions_ztest([90, 60], [220, 200])[1], rel=1e-9)


def test_rare_events_take_the_interval_of_newcombe():
    # Newcombe 1998, table II (method 10): 9/10 - 3/10 is .1705 to .8090; 10/10 - 0/20 is .6791 to 1
    found = compare_proportions(np.repeat([1.0, 0.0], [3, 7]), np.repeat([1.0, 0.0], [9, 1]))
    assert (found.low, found.high) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    found = compare_proportions(np.zeros(20), np.ones(10))
    assert (found.low, found.high) == pytest.approx((0.6791, 1.0), abs=5e-5)


def test_no_event_at_all_is_no_certainty():
    found = compare_proportions(np.zeros(40), np.zeros(40))
    assert found.low < -0.05 and found.high > 0.05 and found.p is None


@pytest.mark.parametrize(("control", "treated"), [([1.0], [2.0, 3.0]), ([5.0, 5.0], [5.0, 5.0])])
def test_one_unit_or_no_variation_gives_no_interval(control, treated):
    found = compare_means(np.array(control), np.array(treated))
    assert found.low is None and found.p is None


def test_an_empty_arm_gives_nothing():
    assert compare_means(np.array([]), np.array([1.0])) is None
    assert compare_proportions(np.array([1.0]), np.array([])) is None


def test_means_of_a_billion_with_unit_variance_keep_their_digits():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 1, 400), rng.normal(0.3, 1, 400)
    plain, moved = compare_means(a, b), compare_means(a + 1e9, b + 1e9)
    assert moved.error == pytest.approx(plain.error, rel=1e-6)


def test_standardised_difference_of_equal_constants_is_zero_and_of_others_has_no_meaning():
    ones = np.ones(3)
    assert standardised_difference(ones, ones) == 0
    assert standardised_difference(ones, 2 * ones) is None


def test_welch_keeps_its_level_and_covers_on_skewed_spend():
    """4,000 trials of zero-inflated lognormal spend, 400 a side: simulation error of 5 % is .0034."""
    rng = np.random.default_rng(20250101)
    trials, n = 4000, 400
    spend = rng.lognormal(3, 1, (2, trials, n)) * (rng.random((2, trials, n)) < 0.5)
    control, treated = spend[0], spend[1] + 0.0
    part0, part1 = control.var(axis=1, ddof=1) / n, treated.var(axis=1, ddof=1) / n
    freedom = (part0 + part1) ** 2 / (part0**2 + part1**2) * (n - 1)
    gap = np.abs(treated.mean(axis=1) - control.mean(axis=1))
    rejected = gap > stats.t.ppf(0.975, freedom) * np.sqrt(part0 + part1)
    assert abs(rejected.mean() - 0.05) < 0.012
    # the vectorised trials are the function's own arithmetic
    for k in range(0, trials, 400):
        assert bool(compare_means(control[k], treated[k]).p < 0.05) == bool(rejected[k])


def test_the_interval_of_two_proportions_covers():
    """20,000 trials at .3 against .34, 300 a side: simulation error of 95 % is .0015."""
    rng = np.random.default_rng(7)
    n = 300
    a, b = rng.binomial(n, 0.30, 20000) / n, rng.binomial(n, 0.34, 20000) / n
    half = stats.norm.ppf(0.975) * np.sqrt(a * (1 - a) / n + b * (1 - b) / n)
    covered = np.abs(b - a - 0.04) <= half
    assert abs(covered.mean() - 0.95) < 0.006


def test_adjustment_by_several_covariates_is_regression():
    import statsmodels.api as sm

    from workbook.pilots.comparison import adjusted_means
    from workbook.pilots.moments import moments_of

    rng = np.random.default_rng(0)
    known = rng.normal(size=(600, 2))
    arm = rng.integers(0, 2, 600)
    y = known @ [1.0, 2.0] + 0.3 * arm + rng.normal(size=600)
    table = np.column_stack([y, known])
    found = adjusted_means(moments_of(table[arm == 0]), moments_of(table[arm == 1]))
    other = sm.OLS(y, sm.add_constant(np.column_stack([arm, known]))).fit(cov_type="HC2")
    assert found.effect == pytest.approx(other.params[1], rel=1e-9) and found.error == pytest.approx(other.bse[1], rel=5e-3)


def test_a_copied_or_constant_covariate_changes_nothing():
    from workbook.pilots.comparison import adjusted_means
    from workbook.pilots.moments import moments_of

    rng = np.random.default_rng(1)
    x = rng.normal(size=400)
    y, arm = x + rng.normal(size=400), np.arange(400) % 2

    def effect(*columns):
        table = np.column_stack([y, *columns])
        return adjusted_means(moments_of(table[arm == 0]), moments_of(table[arm == 1])).effect

    assert effect(x, x, np.ones(400)) == pytest.approx(effect(x), rel=1e-9)


def test_fieller_holds_the_truth_as_often_as_it_says():
    from workbook.pilots.comparison import relative_lift

    rng = np.random.default_rng(2)
    held = []
    for _ in range(1500):
        lift = relative_lift(compare_means(rng.exponential(2, 80), rng.exponential(3, 80)))
        held.append(lift.low < 0.5 < lift.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_an_outcome_that_was_known_before_to_the_last_digit_leaves_no_variance_to_judge_by():
    rng = np.random.default_rng(17)
    known = rng.normal(100, 20, (2, 200))
    control, treated = (moments_of(np.column_stack([20 * side, side])) for side in known)
    found = adjusted_means(control, treated)
    assert found.error is None and found.low is None and found.effect == pytest.approx(0, abs=1e-9)
