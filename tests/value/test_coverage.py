"""Intervals keep their word: over 2,000 drawn clients the 95% intervals hold the planted parameters in 95% of them (long)."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest

from workbook.value.buying import MODELS
from workbook.value.fitting import Fit, NoFit
from workbook.value.histories import collapse
from workbook.value.renewing import fit_renewals
from workbook.value.spending import fit_spend

SEEDS = int(os.environ.get("WORKBOOK_SEEDS", "2000"))
CUSTOMERS = 2000
WEEKS, DAYS = 52, 364

PLANTED = {
    "bg_nbd": {"r": 0.8, "alpha": 4.0, "a": 0.9, "b": 2.5},
    "mbg_nbd": {"r": 0.8, "alpha": 4.0, "a": 0.9, "b": 2.5},
    "pareto_nbd": {"r": 0.8, "alpha": 6.0, "s": 0.7, "beta": 10.0},
    "gamma_gamma": {"p": 4.0, "q": 3.5, "v": 20.0},
    "sbg": {"alpha": 0.8, "beta": 2.5},
}


def histories(model: str, rng: np.random.Generator) -> Fit | NoFit:
    """Customers who began in the first half of a year, drawn as the model says; days are those of the calendar."""
    p = list(PLANTED[model].values())
    n = CUSTOMERS
    age = rng.integers(DAYS // 2, DAYS, n)
    rate = rng.gamma(p[0], 1 / p[1], n) / 7
    waits = rng.exponential(1 / rate[:, None], (n, 120))
    # the first purchase falls at some hour of its day, so that days are as often too long as too short
    at = np.cumsum(waits, axis=1) + rng.random((n, 1))
    if model == "pareto_nbd":
        end = rng.exponential(1 / (rng.gamma(p[2], 1 / p[3], n) / 7))
        made = np.cumsum(waits, axis=1) <= np.minimum(age, end)[:, None]
    else:
        first = 1 if model == "mbg_nbd" else 0
        most = rng.geometric(rng.beta(p[2], p[3], n)) - first
        made = (np.cumsum(waits, axis=1) <= age[:, None]) & (np.arange(120) < most[:, None])
    x = made.sum(axis=1)
    last = np.where(x > 0, np.minimum(np.floor(at[np.arange(n), np.maximum(x - 1, 0)]), age), 0).astype(np.int64)
    return MODELS[model].fit(collapse(x, last, age)[0])


def spend(rng: np.random.Generator) -> Fit | NoFit:
    p, q, v = PLANTED["gamma_gamma"].values()
    x = 1 + rng.poisson(2.0, CUSTOMERS)
    scale = rng.gamma(q, 1 / v, CUSTOMERS)
    return fit_spend(x.astype(float), rng.gamma(p * x, 1 / (scale * x)))


def renewals(rng: np.random.Generator) -> Fit | NoFit:
    left = rng.geometric(rng.beta(*PLANTED["sbg"].values(), CUSTOMERS))
    return fit_renewals([(left > t).sum() for t in range(8)])


DRAWN: dict[str, Callable[[np.random.Generator], Fit | NoFit]] = {
    **{model: (lambda rng, model=model: histories(model, rng)) for model in MODELS}, "gamma_gamma": spend, "sbg": renewals,
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("model", list(PLANTED))
def test_parameters_lie_within_their_intervals_in_95_of_100_clients(model):
    inside, fits = dict.fromkeys(PLANTED[model], 0), 0
    for seed in range(SEEDS):
        found = DRAWN[model](np.random.default_rng([seed, 11]))
        if not isinstance(found, Fit):
            continue
        fits += 1
        for name, truth in PLANTED[model].items():
            low, high = found.interval(name)
            inside[name] += low < truth < high
    shares = {name: hits / fits for name, hits in inside.items()}
    print(f"\n{model}: fitted {fits} of {SEEDS}, " + ", ".join(f"{name} {part:.4f}" for name, part in shares.items()))
    assert fits >= 0.99 * SEEDS
    allowed = 0.015 + 3 * np.sqrt(0.95 * 0.05 / SEEDS) * (SEEDS < 2000)
    assert all(abs(part - 0.95) <= allowed for part in shares.values()), shares
