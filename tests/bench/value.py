"""What the models of repeat buying cost and how honest their intervals are: ``make bench ARGS=value``.

The baseline of each fit is the same likelihood maximised without slopes and without counting equal histories once, in the same
run, and the package lifetimes where it is installed (``uv pip install lifetimes``; it is archived, so no dependency). That of a
million customers is one pass over their rows to sort them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from tests.value.cdnow import cdnow
from tests.value.test_buying import drawn
from tests.value.test_coverage import DRAWN, PLANTED

from workbook.value.buying import MODELS
from workbook.value.fitting import Fit
from workbook.value.histories import Rows, collapse

MILLION = 1_000_000

GOAL_CDNOW, GOAL_FIT, GOAL_PREDICT = 0.05, 2.0, 1.0
"""Seconds wanted on two quiet cores: BG/NBD on CDNOW; on a million customers with the compression; their prediction."""

GOAL_COVERAGE = 1.5
"""Points by which the share of 95% intervals that hold the truth may miss 95%."""


def seconds(work: Callable[[], Any], times: int = 1) -> float:
    """The fastest of so many runs."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def plain_fit(id: str, rows: Rows) -> float:
    """The same model fitted without slopes, one row a customer."""
    return float(
        minimize(lambda logs: -MODELS[id].likelihood(np.exp(logs), rows)[0].sum(), np.zeros(4), method="Nelder-Mead").fun
    )


def by_lifetimes(id: str, frame: pd.DataFrame) -> str:
    """Seconds of the same fit by the package lifetimes, in words."""
    try:
        import lifetimes
    except ImportError:
        return "lifetimes not installed"
    name = {"bg_nbd": "BetaGeoFitter", "mbg_nbd": "ModifiedBetaGeoFitter", "pareto_nbd": "ParetoNBDFitter"}[id]
    fitter = getattr(lifetimes, name)()
    taken = seconds(lambda: fitter.fit(frame["x"], frame["last"] / 7, frame["age"] / 7))
    return f"lifetimes {1000 * taken:9.1f} ms"


def cdnow_fits() -> None:
    frame = cdnow()
    parts = [frame[name].to_numpy() for name in ("x", "last", "age")]
    each = Rows.of(parts[0].astype(float), parts[1] / 7, parts[2] / 7)
    for id, model in MODELS.items():
        ours = seconds(lambda m=model: m.fit(collapse(*parts)[0]), 5)
        plain = seconds(lambda m=id: plain_fit(m, each))
        goal = goal_of(ours, GOAL_CDNOW) if id == "bg_nbd" else "no goal"
        print(f"{id:<11} CDNOW, 2,357 customers   {1000 * ours:7.1f} ms ({goal})   without slopes, one row each"
              f" {1000 * plain:9.1f} ms   {by_lifetimes(id, frame)}")  # fmt: skip


def a_million_customers() -> None:
    rng = np.random.default_rng(1)
    rows = drawn(MILLION, 1, r=0.25, alpha=4.4, a=0.8, b=2.4, weeks=39.0)
    age = rng.integers(183, 274, MILLION)
    last = np.minimum((rows.t_x * 7).astype(int), age)
    x = rows.x.astype(int)
    sort = seconds(lambda: np.sort(x * 1000 + last))
    begun = time.perf_counter()
    histories, place = collapse(x, last, age)
    compressed = time.perf_counter() - begun
    begun = time.perf_counter()
    found = MODELS["bg_nbd"].fit(histories)
    fitted = time.perf_counter() - begun
    assert isinstance(found, Fit)
    predicted = seconds(lambda: MODELS["bg_nbd"].expected(found.values, histories, 39.0)[place])
    print(
        f"bg_nbd      1,000,000 customers ({len(histories.x):,} histories)   {compressed:.2f} s to compress + {fitted:.2f} s"
        f" to fit ({goal_of(compressed + fitted, GOAL_FIT)})   {predicted:.2f} s to predict"
        f" ({goal_of(predicted, GOAL_PREDICT)})   one sort of them {sort:.2f} s"
    )


def coverage(seeds: int) -> None:
    """How often the intervals of each model hold the planted parameters, over clients drawn as the model says."""
    for id, planted in PLANTED.items():
        inside: dict[str, list[bool]] = {name: [] for name in planted}
        for seed in range(seeds):
            found = DRAWN[id](np.random.default_rng([seed, 11]))
            if isinstance(found, Fit):
                for name, truth in planted.items():
                    low, high = found.interval(name)
                    inside[name].append(low < truth < high)
        shares = {name: 100 * float(np.mean(hits)) for name, hits in inside.items()}
        kept = all(abs(part - 95) <= GOAL_COVERAGE for part in shares.values())
        told = "  ".join(f"{name} {part:.1f}%" for name, part in shares.items())
        goal = f"goal 95 ± {GOAL_COVERAGE} %: {'reached' if kept else 'missed'}"
        fits = len(next(iter(inside.values())))
        print(
            f"{id:<11} 95% intervals over {seeds:,} seeds ({fits:,} fitted) hold the planted parameters: {told}   ({goal})",
            flush=True,
        )


def goal_of(taken: float, goal: float) -> str:
    """The goal in seconds beside what was taken, in words."""
    return f"goal {goal:g} s: {'reached' if taken <= goal else 'missed'}"


if __name__ == "__main__":
    cdnow_fits()
    a_million_customers()
    coverage(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
