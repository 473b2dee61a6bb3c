"""The difference between two groups of units, from their moments: means by Welch, proportions by their own variances, ratios
of sums by the delta method, means adjusted by what was known before."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workbook.pilots.moments import Moments, moments_of

FEWEST_EVENTS = 5
"""Below so many yes or no in an arm the interval of two proportions is taken from Wilson intervals."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """Arm less control. ``low``, ``high`` and ``p`` are None where the data cannot carry an interval (fewer than two units
    in an arm, or no variation at all).

    Attributes:
        control, treated: both levels.
        error: standard error of the effect.
        freedom: degrees of freedom of the interval; None where it is normal.
        error_control: standard error of the control's level.
    """

    control: float
    treated: float
    n_control: int
    n_treated: int
    effect: float
    error: float | None
    low: float | None
    high: float | None
    p: float | None
    freedom: float | None = None
    error_control: float | None = None


@dataclass(frozen=True)
class Lift:
    """The effect as a share of the control's level; ``low`` and ``high`` are Fieller's interval."""

    value: float
    low: float
    high: float


def compare_means(control: Values, treated: Values, confidence: float = 0.95) -> Difference | None:
    """Difference of means of two columns of numbers without gaps; see :func:`welch`."""
    return welch(moments_of(control), moments_of(treated), confidence)


def compare_proportions(control: Values, treated: Values, confidence: float = 0.95) -> Difference | None:
    """Difference of two proportions of columns of 0 and 1 without gaps; see :func:`two_proportions`."""
    return two_proportions(float(control.sum()), len(control), float(treated.sum()), len(treated), confidence)


def welch(control: Moments, treated: Moments, confidence: float = 0.95) -> Difference | None:
    """Difference of the first variable's means with Welch's interval and test.

    Returns:
        None where an arm is empty. Source: Welch (1947), Biometrika 34, 28-35.
    """
    n0, n1 = control.n, treated.n
    if not n0 or not n1:
        return None
    mean0, mean1 = float(control.mean[0]), float(treated.mean[0])
    plain = Difference(mean0, mean1, n0, n1, mean1 - mean0, None, None, None, None)
    if n0 < 2 or n1 < 2:
        return plain
    return _with_interval(plain, control.variance() / n0, treated.variance() / n1, confidence)


def two_proportions(yes0: float, n0: int, yes1: float, n1: int, confidence: float = 0.95) -> Difference | None:
    """Difference of two proportions: interval from each arm's own variance, p from the pooled z-test.

    With fewer than :data:`FEWEST_EVENTS` yes or no in an arm the interval is Newcombe's (1998, Statistics in Medicine 17,
    873-890, method 10), since the plain one shrinks to nothing there.

    Returns:
        None where an arm is empty.
    """
    if not n0 or not n1:
        return None
    share0, share1 = yes0 / n0, yes1 / n1
    effect = share1 - share0
    error = math.sqrt(share0 * (1 - share0) / n0 + share1 * (1 - share1) / n1)
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    if min(yes0, n0 - yes0, yes1, n1 - yes1) >= FEWEST_EVENTS:
        low, high = effect - z * error, effect + z * error
    else:
        (low0, high0), (low1, high1) = wilson(share0, n0, z), wilson(share1, n1, z)
        low = effect - math.hypot(share1 - low1, high0 - share0)
        high = effect + math.hypot(high1 - share1, share0 - low0)
    pooled = (yes0 + yes1) / (n0 + n1)
    pooled_error = math.sqrt(pooled * (1 - pooled) * (1 / n0 + 1 / n1))
    p = float(2 * stats.norm.sf(abs(effect) / pooled_error)) if pooled_error else None
    part0 = math.sqrt(share0 * (1 - share0) / n0)
    return Difference(share0, share1, n0, n1, effect, error, low, high, p, None, part0)


def ratio_of_sums(control: Moments, treated: Moments, confidence: float = 0.95) -> Difference | None:
    """Difference of two ratios of sums (spend an order, clicks a view) where units bring several each.

    Args:
        control, treated: moments of numerator and denominator of each unit.

    Returns:
        None where an arm is empty or its denominators do not sum to more than 0. Variances by the delta method: Deng,
        Knoblich & Lu (2018), Applying the delta method in metric analytics, KDD.
    """
    if not control.n or not treated.n or control.mean[1] <= 0 or treated.mean[1] <= 0:
        return None
    ratio0, ratio1 = (float(arm.mean[0] / arm.mean[1]) for arm in (control, treated))
    plain = Difference(ratio0, ratio1, control.n, treated.n, ratio1 - ratio0, None, None, None, None)
    if control.n < 2 or treated.n < 2:
        return plain
    weights0, weights1 = np.array([1.0, -ratio0]) / control.mean[1], np.array([1.0, -ratio1]) / treated.mean[1]
    return _with_interval(plain, variance_of_mean(control, weights0), variance_of_mean(treated, weights1), confidence)


def adjusted_means(control: Moments, treated: Moments, confidence: float = 0.95) -> Difference | None:
    """Difference of means with chance differences in what was known before taken off.

    Args:
        control, treated: moments of the outcome, then of one or several covariates known before the assignment.

    Returns:
        Levels as they are, the adjusted effect with Welch's interval; None where an arm has too few units. The slopes are
        those within arms (ordinary regression on arm and covariates). Source: Deng, Xu, Kohavi & Walker (2013), Improving the
        sensitivity of online controlled experiments by utilizing pre-experiment data, WSDM; for several covariates Lin
        (2013), Annals of Applied Statistics 7, 295-318.
    """
    k = len(control.mean) - 1
    if min(control.n, treated.n) < k + 2:
        return None
    pooled = control.scatter + treated.scatter
    # a covariate that says nothing new (constant, or a copy of another) gets no slope of its own
    slopes = np.linalg.lstsq(pooled[1:, 1:], pooled[1:, 0], rcond=1e-10)[0]
    weights = np.concatenate([[1.0], -slopes])
    lost = 1 + k / max(1, control.n + treated.n - k - 2)
    effect = float(weights @ (treated.mean - control.mean))
    level0, level1 = float(control.mean[0]), float(treated.mean[0])
    plain = Difference(level0, level1, control.n, treated.n, effect, None, None, None, None)
    return _with_interval(
        plain, lost * variance_of_mean(control, weights), lost * variance_of_mean(treated, weights), confidence
    )


def variance_of_mean(arm: Moments, weights: Values) -> float:
    """Variance of the mean of a weighted sum of an arm's variables; 0 where only rounding is left of what varies."""
    left, whole = float(weights @ arm.scatter @ weights), float(weights**2 @ np.diag(arm.scatter))
    return left / (arm.n * (arm.n - 1)) if left > 1e-12 * whole else 0.0


def quantile(found: Difference, confidence: float) -> float:
    """Half the width of the interval in standard errors."""
    if found.freedom is None:
        return float(stats.norm.ppf(0.5 + confidence / 2))
    return float(stats.t.ppf(0.5 + confidence / 2, found.freedom))


def relative_lift(found: Difference, confidence: float = 0.95) -> Lift | None:
    """The effect over the control's level, with Fieller's interval.

    Args:
        found: the plain difference of two independent groups.

    Returns:
        None where the control's level is not surely above zero: a share of nothing has no meaning. Source: Fieller (1954),
        Journal of the Royal Statistical Society B 16, 175-185.
    """
    if found.error is None or found.error_control is None or found.control <= 0:
        return None
    z = quantile(found, confidence)
    # everything as a share of the control's level first: squares of the values themselves may not fit into a number
    part0, whole = found.error_control / found.control, found.error / found.control
    v0 = part0 * part0
    v1 = max(whole * whole - v0, 0.0)
    g = z * z * v0
    if g >= 1:
        return None
    centre = 1 + found.effect / found.control
    half = z * math.sqrt(max(v1 * (1 - g) + centre * centre * v0, 0.0))
    return Lift(centre - 1, (centre - half) / (1 - g) - 1, (centre + half) / (1 - g) - 1)


def standardised_difference(control: Values, treated: Values) -> float | None:
    """The same as :func:`standardised`, of two columns of numbers without gaps."""
    return standardised(moments_of(control), moments_of(treated))


def standardised(control: Moments, treated: Moments) -> float | None:
    """Difference of means over the pooled standard deviation (Austin 2009, Statistics in Medicine 28, 3083-3107).

    0 where neither group varies and both agree; None where it has no meaning.
    """
    if control.n < 2 or treated.n < 2:
        return None
    spread = math.sqrt((control.variance() + treated.variance()) / 2)
    difference = float(treated.mean[0] - control.mean[0])
    if spread == 0:
        return 0.0 if difference == 0 else None
    return difference / spread


def _with_interval(plain: Difference, part0: float, part1: float, confidence: float) -> Difference:
    """The difference with the interval and test that follow from the variances of both levels."""
    error = math.sqrt(part0 + part1)
    scale = max(abs(plain.control), abs(plain.treated))
    if error <= 1e-12 * scale or error == 0:
        return plain
    n0, n1, effect = plain.n_control, plain.n_treated, plain.effect
    # by the shares of both parts, since their squares may not fit into a number
    share0, share1 = part0 / (part0 + part1), part1 / (part0 + part1)
    freedom = 1 / (share0 * share0 / (n0 - 1) + share1 * share1 / (n1 - 1))
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(effect) / error, freedom))
    return replace(
        plain, error=error, low=effect - half, high=effect + half, p=p, freedom=freedom, error_control=math.sqrt(part0)
    )


def wilson(share: float, n: int, z: float) -> tuple[float, float]:
    """Wilson's interval of a proportion of *n*, *z* standard errors to either side."""
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)
