"""Risk differences within strata (Mantel & Haenszel): are those with a signal worse off than their like without it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matched:
    """One comparison.

    Attributes:
        n, others: cases with the signal and without it, in strata that hold both.
        left_out: cases with the signal in strata that hold none without it.
        share, other_share: of the outcome, weighted alike over the strata.
        difference, low, high: share − other_share with Sato's interval.
        p: of no difference in any stratum (Cochran, Mantel & Haenszel), two-sided.
        error: standard error of the difference.
    """

    n: int
    others: int
    left_out: int
    share: float
    other_share: float
    difference: float
    low: float
    high: float
    p: float
    error: float


def compare_within(
    stratum: npt.NDArray[np.int64],
    signal: npt.NDArray[np.bool_],
    outcome: npt.NDArray[np.bool_],
    confidence: float,
    unit: npt.NDArray[np.int64] | None = None,
) -> Matched | None:
    """Compare cases with a signal to those without it inside each stratum.

    Args:
        stratum: number of each case's stratum, from 0; shape (n,).
        signal: who has it; shape (n,).
        outcome: who came to it; shape (n,).
        confidence: of the interval.
        unit: number of the customer behind each case, where one may stand in several (stacked periods). Interval and p then
            allow for his cases being alike: the variance of the sums by customer of the cases' influence on the difference
            (Liang & Zeger 1986), where it is the larger; shape (n,).

    Returns:
        None where no stratum holds both kinds.

    Source: Mantel & Haenszel 1959 (weights); Sato 1989, Biometrics 45, 1323 (variance, right for few large strata and for many
    small ones).
    """
    size = int(stratum.max(initial=-1)) + 1
    n1, n0 = (np.bincount(stratum[chosen], minlength=size).astype(float) for chosen in (signal, ~signal))
    x1, x0 = (np.bincount(stratum[chosen & outcome], minlength=size).astype(float) for chosen in (signal, ~signal))
    both = (n1 > 0) & (n0 > 0)
    if not both.any():
        return None
    left_out = int(n1[~both].sum())
    n1, n0, x1, x0 = n1[both], n0[both], x1[both], x0[both]
    n = n1 + n0
    weight = n1 * n0 / n
    p1, p0 = float((weight * x1 / n1).sum() / weight.sum()), float((weight * x0 / n0).sum() / weight.sum())
    difference = p1 - p0
    half_p = (n1**2 * x0 - n0**2 * x1 + n1 * n0 * (n0 - n1) / 2) / n**2
    half_q = (x1 * (n0 - x0) + x0 * (n1 - x1)) / (2 * n)
    error = float(np.sqrt(max(difference * half_p.sum() + half_q.sum(), 0.0)) / weight.sum())
    p = _no_difference(n1, n0, x1, x0)
    if unit is not None and (alike := _error_by_unit(stratum, signal, outcome, both, unit)) > error:
        error, p = alike, max(p, float(2 * stats.norm.sf(abs(difference) / alike)))
    half = float(stats.norm.ppf((1 + confidence) / 2)) * error
    return Matched(
        int(n1.sum()), int(n0.sum()), left_out, p1, p0, difference, max(difference - half, -1.0), min(difference + half, 1.0),
        p, error,
    )  # fmt: skip


def _error_by_unit(
    stratum: npt.NDArray[np.int64],
    signal: npt.NDArray[np.bool_],
    outcome: npt.NDArray[np.bool_],
    both: npt.NDArray[np.bool_],
    unit: npt.NDArray[np.int64],
) -> float:
    """Standard error of the difference where the cases of one unit may be alike."""
    inside = both[stratum]
    stratum, signal, outcome, unit = stratum[inside], signal[inside], outcome[inside], unit[inside]
    n1, n0 = (np.bincount(stratum[chosen], minlength=len(both)).astype(float) for chosen in (signal, ~signal))
    x1, x0 = (np.bincount(stratum[chosen & outcome], minlength=len(both)) for chosen in (signal, ~signal))
    with np.errstate(divide="ignore", invalid="ignore"):
        weight, p1, p0 = n1 * n0 / (n1 + n0), x1 / n1, x0 / n0
        influence = np.where(signal, (outcome - p1[stratum]) / n1[stratum], -(outcome - p0[stratum]) / n0[stratum])
    sums = np.bincount(unit, weights=weight[stratum] * influence)
    return float(np.sqrt((sums**2).sum()) / weight[both].sum())


def _no_difference(n1: Floats, n0: Floats, x1: Floats, x0: Floats) -> float:
    n, x = n1 + n0, x1 + x0
    more = n > 1
    spread = float((n1 * n0 * x * (n - x))[more] @ (1 / (n**2 * (n - 1))[more]))
    if spread <= 0:
        return 1.0
    return float(stats.chi2.sf((x1 - n1 * x / n).sum() ** 2 / spread, 1))
