"""Synthetic control: weights are those of a second solver, a planted effect is found, placebos hold the level."""

import numpy as np
import pytest
from scipy import optimize, stats

from workbook.pilots.synthetic_control import FEWEST_STRETCHES, RIDGE, simplex_weights, synthetic_control


def world(rng, donors=20, before=8, effect=0.0):
    """Series that follow two common factors, each in its own way."""
    factors = rng.normal(size=(2, before + 1)).cumsum(axis=1)
    series = 10 + rng.normal(1, 0.5, (donors + 1, 2)) @ factors + rng.normal(0, 0.5, (donors + 1, before + 1))
    series[0, before:] += effect
    return series[0], series[1:], before


@pytest.mark.parametrize("ridge", [0.0, RIDGE])
def test_weights_are_those_of_another_solver(ridge):
    rng = np.random.default_rng(1)
    others, wanted = rng.normal(size=(12, 6)), rng.normal(size=12)
    weights = simplex_weights(others, wanted, ridge)
    scale = np.mean((others - others.mean(axis=1, keepdims=True)) ** 2)

    def loss(w):
        return np.sum((wanted - others @ w) ** 2) + ridge * scale * np.sum(w**2)

    rules = {"type": "eq", "fun": lambda w: w.sum() - 1}
    found = optimize.minimize(loss, np.full(6, 1 / 6), bounds=[(0, 1)] * 6, constraints=rules, options={"ftol": 1e-15})
    assert loss(weights) <= found.fun + 1e-6 and weights == pytest.approx(found.x, abs=2e-3)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1, abs=1e-12)


def test_a_planted_effect_is_found_over_seeds_and_none_is_not():
    rng = np.random.default_rng(2)
    with_effect = [synthetic_control(*world(rng, effect=3.0), 0.95) for _ in range(80)]
    none = [synthetic_control(*world(rng), 0.95) for _ in range(200)]
    effects = [one.effect for one in with_effect]
    assert np.mean(effects) == pytest.approx(3.0, abs=4 * np.std(effects) / np.sqrt(80))
    assert np.mean([one.p <= 0.05 for one in with_effect]) > 0.45
    assert np.mean([one.p <= 0.05 for one in none]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert stats.kstest([one.p - rng.random() / 21 for one in none], "uniform").pvalue > 0.01


def test_too_few_donors_or_stretches_are_refused():
    rng = np.random.default_rng(3)
    assert synthetic_control(*world(rng, donors=18), 0.95) is None
    assert synthetic_control(*world(rng, donors=19), 0.95) is not None
    assert synthetic_control(*world(rng, before=FEWEST_STRETCHES - 1), 0.95) is None
    assert synthetic_control(*world(rng, donors=40), 0.99) is None


def test_a_unit_unlike_any_mixture_is_said_not_to_fit():
    rng = np.random.default_rng(4)
    treated, donors, before = world(rng)
    assert synthetic_control(treated, donors, before, 0.95).fits
    alone = synthetic_control(treated + 20, donors, before, 0.95)
    assert not alone.fits and alone.fit > 5


def test_scale_and_level_change_no_weight():
    treated, donors, before = world(np.random.default_rng(5))
    one = synthetic_control(treated, donors, before, 0.95)
    other = synthetic_control(1e6 + 1000 * treated, 1e6 + 1000 * donors, before, 0.95)
    assert other.weights == pytest.approx(one.weights, abs=1e-6) and other.p == one.p
    assert other.effect == pytest.approx(1000 * one.effect, rel=1e-6)
