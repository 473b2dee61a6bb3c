"""Gamma-Gamma spend: the published fit and expectations, units of money, planted parameters, too little data said."""

from __future__ import annotations

import numpy as np
import pytest
from tests.value.cdnow import cdnow

from workbook.value.fitting import Fit, NoFit
from workbook.value.kinds import one_model_serves
from workbook.value.spending import expected_spend, fit_spend


def test_the_published_fit_comes_out_to_its_digits():
    frame = cdnow()
    x, spend = frame["x"].to_numpy(float), frame["spend"].to_numpy()
    found = fit_spend(x, spend)
    assert isinstance(found, Fit) and found.customers == 946
    assert list(found.parameters.values()) == pytest.approx([6.25, 3.74, 15.44], abs=0.005)
    assert found.log_likelihood == pytest.approx(-4055.92, abs=0.005)
    first_ten = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert expected_spend(found.values, x, spend)[:10] == pytest.approx(first_ten, abs=0.006)


def drawn(n, seed, p=5.0, q=4.0, v=60.0):
    rng = np.random.default_rng(seed)
    x = 1.0 + rng.poisson(2.0, n)
    return x, rng.gamma(p * x, 1.0) / (rng.gamma(q, 1 / v, n) * x)


def test_planted_parameters_lie_in_their_intervals():
    inside = []
    for seed in range(60):
        found = fit_spend(*drawn(800, seed))
        limits = {true: found.interval(name) for name, true in (("p", 5.0), ("q", 4.0), ("v", 60.0))}
        inside += [low <= true <= high for true, (low, high) in limits.items()]
    assert 0.9 <= np.mean(inside) <= 0.99


def test_the_unit_of_money_changes_v_alone():
    x, spend = drawn(1000, 1)
    one, other = fit_spend(x, spend), fit_spend(x, 1e4 * spend)
    assert other.parameters["v"] == pytest.approx(1e4 * one.parameters["v"], rel=1e-5)
    assert other.log_likelihood == pytest.approx(one.log_likelihood - 1000 * np.log(1e4))
    assert other.errors["p"] == pytest.approx(one.errors["p"], rel=1e-4)


def test_few_purchases_are_drawn_to_the_mean_of_all_and_none_take_it():
    found = fit_spend(*drawn(1000, 2))
    p, q, v = found.values
    mean = p * v / (q - 1)
    told = expected_spend(found.values, np.array([0.0, 1.0, 50.0]), np.array([np.nan, 100.0, 100.0]))
    assert told[0] == pytest.approx(mean)
    assert mean < told[1] < told[2] < 100


def test_groups_that_differ_are_told_from_groups_that_do_not():
    parts = [fit_spend(*drawn(500, seed)) for seed in (1, 2)]
    x, spend = (np.concatenate(both) for both in zip(drawn(500, 1), drawn(500, 2), strict=True))
    assert one_model_serves(parts, fit_spend(x, spend)) > 0.01
    dear = [drawn(500, 1), drawn(500, 2, v=120.0)]
    x, spend = (np.concatenate(both) for both in zip(*dear, strict=True))
    assert one_model_serves([fit_spend(*one) for one in dear], fit_spend(x, spend)) < 1e-6


def test_too_few_customers_are_said():
    assert isinstance(fit_spend(np.array([1.0, 0.0]), np.array([5.0, np.nan])), NoFit)
