"""The difference between two groups of units: means by Welch, proportions by their own variances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FEWEST_EVENTS = 5
"""Below so many yes or no in an arm the interval of two proportions is taken from Wilson intervals."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Arm less control. ``low``, ``high`` and ``p`` are None where the data cannot carry an interval (fewer than two units
    in an arm, or no variation at all)."""

    control: float
    treated: float
    n_control: int
    n_treated: int
    effect: float
    error: float | None
    low: float | None
    high: float | None
    p: float | None


def compare_means(control: Values, treated: Values, confidence: float = 0.95) -> Difference | None:
    """Difference of means with Welch's interval and test.

    Args:
        control, treated: one number a unit; no missing values.

    Returns:
        None where an arm is empty. Source: Welch (1947), Biometrika 34, 28-35.
    """
    n0, n1 = len(control), len(treated)
    if not n0 or not n1:
        return None
    mean0, mean1 = float(control.mean()), float(treated.mean())
    plain = Difference(mean0, mean1, n0, n1, mean1 - mean0, None, None, None, None)
    if n0 < 2 or n1 < 2:
        return plain
    part0, part1 = float(control.var(ddof=1)) / n0, float(treated.var(ddof=1)) / n1
    error = math.sqrt(part0 + part1)
    if error == 0:
        return plain
    freedom = (part0 + part1) ** 2 / (part0**2 / (n0 - 1) + part1**2 / (n1 - 1))
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    effect = mean1 - mean0
    p = float(2 * stats.t.sf(abs(effect) / error, freedom))
    return Difference(mean0, mean1, n0, n1, effect, error, effect - half, effect + half, p)


def compare_proportions(control: Values, treated: Values, confidence: float = 0.95) -> Difference | None:
    """Difference of two proportions: interval from each arm's own variance, p from the pooled z-test.

    With fewer than :data:`FEWEST_EVENTS` yes or no in an arm the interval is Newcombe's (1998, Statistics in Medicine 17,
    873-890, method 10), since the plain one shrinks to nothing there.

    Args:
        control, treated: 0 or 1 for each unit; no missing values.

    Returns:
        None where an arm is empty.
    """
    n0, n1 = len(control), len(treated)
    if not n0 or not n1:
        return None
    yes0, yes1 = float(control.sum()), float(treated.sum())
    share0, share1 = yes0 / n0, yes1 / n1
    effect = share1 - share0
    error = math.sqrt(share0 * (1 - share0) / n0 + share1 * (1 - share1) / n1)
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    if min(yes0, n0 - yes0, yes1, n1 - yes1) >= FEWEST_EVENTS:
        low, high = effect - z * error, effect + z * error
    else:
        (low0, high0), (low1, high1) = _wilson(share0, n0, z), _wilson(share1, n1, z)
        low = effect - math.hypot(share1 - low1, high0 - share0)
        high = effect + math.hypot(high1 - share1, share0 - low0)
    pooled = (yes0 + yes1) / (n0 + n1)
    pooled_error = math.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1))
    p = float(2 * stats.norm.sf(abs(effect) / pooled_error)) if pooled_error else None
    return Difference(share0, share1, n0, n1, effect, error, low, high, p)


def standardised_difference(control: Values, treated: Values) -> float | None:
    """Difference of means over the pooled standard deviation (Austin 2009, Statistics in Medicine 28, 3083-3107).

    0 where neither group varies and both agree; None where it has no meaning.
    """
    if len(control) < 2 or len(treated) < 2:
        return None
    spread = math.sqrt((float(control.var(ddof=1)) + float(treated.var(ddof=1))) / 2)
    difference = float(treated.mean() - control.mean())
    if spread == 0:
        return 0.0 if difference == 0 else None
    return difference / spread


def _wilson(share: float, n: int, z: float) -> tuple[float, float]:
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
