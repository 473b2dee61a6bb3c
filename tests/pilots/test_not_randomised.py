"""Groups that nobody drew: planted effects are covered, tests hold their level, what cannot be compared is refused."""

import numpy as np
import pytest
import statsmodels.api as sm

from workbook.pilots.not_randomised import (
    FEWEST,
    difference_in_differences,
    doubly_robust,
    hidden_factor,
    parallel_before,
)

EFFECT = 1.5


def trial(rng, n=1000, curved=False):
    """Covariates that decide both who is reached and how the outcome moves."""
    x = rng.normal(size=(n, 3))
    reached = rng.random(n) < 1 / (1 + np.exp(-(x @ [0.8, -0.5, 0.3] - 0.5)))
    moved = 2 * np.exp(0.5 * x[:, 0]) + x[:, 1] ** 2 if curved else x @ [1, 2, -1]
    return moved + 2 * rng.normal(size=n) + EFFECT * reached, x, reached


@pytest.mark.parametrize("curved", [False, True], ids=["both models right", "only the chance of being reached right"])
def test_the_planted_effect_is_covered_where_the_plain_difference_is_far_off(curved):
    rng = np.random.default_rng(11)
    seeds = 300
    covered, plain, errors, spread = 0, [], [], []
    for _ in range(seeds):
        change, x, reached = trial(rng, curved=curved)
        found = doubly_robust(change, x, reached, 0.95).estimate
        covered += found.low <= EFFECT <= found.high
        errors.append(found.effect - EFFECT)
        spread.append(found.error)
        plain.append(change[reached].mean() - change[~reached].mean() - EFFECT)
    assert abs(np.mean(plain)) > 0.3
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(seeds) + (0.03 if curved else 0)
    assert 0.91 <= covered / seeds <= 0.98
    assert np.mean(spread) == pytest.approx(np.std(errors), rel=0.12)


def test_effect_is_that_of_the_two_models_fitted_one_by_one():
    change, x, reached = trial(np.random.default_rng(3))
    found = doubly_robust(change, 5 + 100 * x, reached, 0.95)  # scale and place of a covariate change nothing
    design = sm.add_constant(x)
    chance = sm.Logit(reached.astype(float), design).fit(disp=False).predict()
    left = change - sm.OLS(change[~reached], design[~reached]).fit().predict(design)
    odds = chance / (1 - chance)
    by_hand = left[reached].mean() - np.average(left[~reached], weights=odds[~reached])
    assert found.estimate.effect == pytest.approx(by_hand, abs=1e-7)
    assert found.before > 0.5 and found.after < 0.05
    assert found.counted == pytest.approx(odds[~reached].sum() ** 2 / (odds[~reached] ** 2).sum(), rel=1e-6)


def test_error_is_that_of_the_bootstrap():
    rng = np.random.default_rng(5)
    change, x, reached = trial(rng, 600)
    draws = []
    for _ in range(300):
        who = rng.integers(0, 600, 600)
        draws.append(doubly_robust(change[who], x[who], reached[who], 0.95).estimate.effect)
    assert doubly_robust(change, x, reached, 0.95).estimate.error == pytest.approx(np.std(draws), rel=0.15)


def test_groups_that_cannot_be_compared_are_refused():
    change, x, _ = trial(np.random.default_rng(1), 400)
    few = np.zeros(400, bool)
    few[: FEWEST - 1] = True
    assert doubly_robust(change, x, few, 0.95) is None
    assert doubly_robust(change, x, ~few, 0.95) is None
    apart = x[:, 0] > 0
    assert doubly_robust(change, x, apart, 0.95) is None


def test_a_covariate_twice_or_without_variation_changes_nothing():
    change, x, reached = trial(np.random.default_rng(2), 400)
    more = np.column_stack([x, x[:, 0] * 2 + 1, np.ones(400)])
    assert doubly_robust(change, more, reached, 0.95).estimate == pytest.approx(
        doubly_robust(change, x, reached, 0.95).estimate
    )


def test_difference_in_differences_takes_off_what_both_groups_share():
    rng = np.random.default_rng(7)
    level = rng.lognormal(3, 1, 2000)
    reached = rng.random(2000) < 0.3
    before = level[:, None] + 40 * reached[:, None] + rng.normal(size=(2000, 3))
    during = level + 40 * reached + 5 + 3 * reached + rng.normal(size=2000)
    found = difference_in_differences(during, before, reached, 0.95)
    assert found.estimate.low < 3 < found.estimate.high and found.estimate.high - found.estimate.low < 0.3
    assert difference_in_differences(during[:1], before[:1], reached[:1], 0.95) is None
    assert not found.estimate.covers_zero


def test_parallel_test_keeps_its_level_and_sees_a_drift():
    rng = np.random.default_rng(9)
    reached = np.arange(500) < 150
    level = rng.normal(size=(500, 1))
    p = np.array([parallel_before(level + rng.normal(size=(500, 4)), reached) for _ in range(400)])
    assert 0.02 <= (p < 0.05).mean() <= 0.085
    drifting = level + rng.normal(size=(500, 4)) + 0.4 * reached[:, None] * np.arange(4)
    assert parallel_before(drifting, reached) < 0.001
    assert parallel_before(level, reached) is None
    assert parallel_before(np.zeros((500, 4)), reached) is None


@pytest.mark.parametrize(("ratio", "published"), [(3.9, 7.26), (1.0, 1.0), (1.5, 2.37)])
def test_hidden_factor_of_published_ratios(ratio, published):
    # VanderWeele & Ding 2017: 3.9 needs 7.26; a difference of d standard deviations stands for the ratio exp(0.91 d)
    assert hidden_factor(np.log(ratio) / 0.91, 1.0) == pytest.approx(published, abs=0.006)
    assert hidden_factor(-np.log(ratio) / 0.91, 1.0) == pytest.approx(published, abs=0.006)


def test_hidden_factor_without_spread_asks_for_nothing():
    assert hidden_factor(3.0, 0.0) == 1.0 and hidden_factor(1e9, 1.0) < np.inf
