"""Two groups that nobody drew at random: estimators that say what they assume, and tests of those assumptions (P5).

Each works on one row a customer: spend during the measure, and in stretches of the same length before it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from workbook.pilots.comparison import compare_means, standardised_difference

Values = NDArray[np.float64]

FEWEST = 30
"""Fewer customers in a group, or fewer that count after weighting, carry no comparison."""

LARGEST_IMBALANCE = 0.1
"""Standardised difference from which a covariate counts as uneven (Austin 2009, Statistics in Medicine 28, 3083-3107)."""


@dataclass(frozen=True)
class Estimate:
    """A difference a customer with its interval; ``error`` is its standard error."""

    effect: float
    error: float
    low: float
    high: float

    @property
    def covers_zero(self) -> bool:
        """Whether the interval holds zero."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Compared:
    """The reached beside others.

    Attributes:
        estimate: the mean effect on those who were reached.
        typical: standard deviation of the change among the others, weighted where they are.
    """

    estimate: Estimate
    typical: float


@dataclass(frozen=True)
class Weighted(Compared):
    """The reached beside others who were weighted to be like them.

    Attributes:
        before: largest standardised difference of a covariate between the groups as they are.
        after: the same once the others are weighted.
        counted: others that the weights leave (Kish's effective number).
    """

    before: float
    after: float
    counted: float


def difference_in_differences(during: Values, before: Values, reached: NDArray[np.bool_], confidence: float) -> Compared | None:
    """Change of the reached less change of the others; customers are the independent units.

    Args:
        during: outcome of each customer while the measure ran.
        before: customers × stretches before it, of which the mean is taken.
        reached: whether the measure reached the customer.

    Returns:
        None where a group has fewer than two customers or nothing varies. Assumes that without the measure both groups would
        have changed by the same amount; :func:`parallel_before` looks whether they did before.
    """
    change = during - before.mean(axis=1)
    found = compare_means(change[~reached], change[reached], confidence)
    if found is None or found.error is None or found.low is None or found.high is None:
        return None
    return Compared(Estimate(found.effect, found.error, found.low, found.high), float(change[~reached].std(ddof=1)))


def parallel_before(before: Values, reached: NDArray[np.bool_]) -> float | None:
    """p of the Wald test that both groups moved alike over the stretches before the measure.

    Returns:
        None with fewer than two stretches, or where the changes do not vary. A large p is no proof that they are alike.
    """
    if before.shape[1] < 2:
        return None
    steps = before[:, 1:] - before[:, :1]
    groups = steps[reached], steps[~reached]
    if min(len(group) for group in groups) <= steps.shape[1] + 1:
        return None
    gap = groups[0].mean(axis=0) - groups[1].mean(axis=0)
    spread = sum(np.atleast_2d(np.cov(group, rowvar=False)) / len(group) for group in groups)
    if np.linalg.matrix_rank(spread) < len(gap):
        return None
    return float(stats.chi2.sf(gap @ np.linalg.solve(spread, gap), len(gap)))


def doubly_robust(change: Values, covariates: Values, reached: NDArray[np.bool_], confidence: float) -> Weighted | None:
    """The mean effect on the reached, the others weighted to be like them and what is left taken off by regression.

    Right where either the chance of being reached (logistic) or the change without the measure (linear) is described by
    the covariates. Source: Sant'Anna & Zhao (2020), Journal of Econometrics 219, 101-122, equation 2.6 for panels; the
    standard error is that of its influence function.

    Args:
        change: change of the outcome of each customer.
        covariates: customers × covariates, known before the measure; no intercept.

    Returns:
        None where a group is smaller than :data:`FEWEST` or the covariates part the groups completely.
    """
    n = len(change)
    treated = reached.astype(float)
    if min(treated.sum(), n - treated.sum()) < FEWEST:
        return None
    spread = covariates.std(axis=0)
    design = np.column_stack([np.ones(n), (covariates - covariates.mean(axis=0))[:, spread > 0] / spread[spread > 0]])
    design = design[:, _independent(design)]
    chance = _chance(treated, design)
    if chance is None:
        return None
    odds = chance * (1 - treated) / (1 - chance)
    estimate = _robust(change, design, treated, chance, odds, confidence)
    others = odds[~reached]
    return Weighted(
        estimate,
        typical=float(math.sqrt(np.cov(change[~reached], aweights=others))),
        before=_imbalance(covariates, reached, None),
        after=_imbalance(covariates, reached, others),
        counted=float(others.sum() ** 2 / (others**2).sum()),
    )


def hidden_factor(estimate: float, typical: float) -> float:
    """How strongly a factor that nobody recorded would have to go with both, being reached and the outcome, to explain it.

    The E-value of a difference of means, on the scale of risk ratios; 1 means that nothing is needed.
    Source: VanderWeele & Ding (2017), Annals of Internal Medicine 167, 268-274.

    >>> round(hidden_factor(0.5, 1.0), 3)
    2.529
    """
    if typical <= 0 or not math.isfinite(estimate):
        return 1.0
    ratio = math.exp(min(0.91 * abs(estimate) / typical, 50.0))
    return ratio + math.sqrt(ratio * (ratio - 1))


def _chance(treated: Values, design: Values) -> Values | None:
    """The chance of being reached by logistic regression; None where the covariates tell it without doubt."""
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("error", PerfectSeparationWarning)
        try:
            fit = GLM(treated, design, family=Binomial()).fit()
        except PerfectSeparationWarning:
            return None
    chance = np.clip(np.asarray(fit.fittedvalues), 1e-9, 1 - 1e-9)
    return chance if fit.converged and float(chance[treated == 1].max()) < 1 - 1e-6 else None


def _robust(change: Values, design: Values, treated: Values, chance: Values, odds: Values, confidence: float) -> Estimate:
    n = len(change)
    others = 1 - treated
    gram = (design * others[:, None]).T @ design / n
    line = np.linalg.solve(gram, design.T @ (others * change) / n)
    left = change - design @ line
    mean_treated, mean_odds = float(treated.mean()), float(odds.mean())
    of_treated, of_others = float((treated * left).mean()) / mean_treated, float((odds * left).mean()) / mean_odds
    # what each customer adds to the two estimated models, and through them to the effect
    by_line = np.linalg.solve(gram, (design * (others * left)[:, None]).T).T
    hessian = (design * (chance * (1 - chance))[:, None]).T @ design / n
    by_chance = np.linalg.solve(hessian, (design * (treated - chance)[:, None]).T).T
    first = (treated * (left - of_treated) - by_line @ (design * treated[:, None]).mean(axis=0)) / mean_treated
    second = (
        odds * (left - of_others)
        + by_chance @ (design * (odds * (left - of_others))[:, None]).mean(axis=0)
        - by_line @ (design * odds[:, None]).mean(axis=0)
    ) / mean_odds
    error = float((first - second).std(ddof=1)) / math.sqrt(n)
    effect = of_treated - of_others
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    return Estimate(effect, error, effect - half, effect + half)


def _independent(design: Values) -> list[int]:
    """Columns that are no sums of the columns before them."""
    kept: list[int] = []
    for column in range(design.shape[1]):
        if np.linalg.matrix_rank(design[:, [*kept, column]]) > len(kept):
            kept.append(column)
    return kept


def _imbalance(covariates: Values, reached: NDArray[np.bool_], weights: Values | None) -> float:
    """The largest standardised difference; the spread is that of the groups as they are."""
    gaps = []
    for column in covariates.T:
        plain = standardised_difference(column[~reached], column[reached])
        if plain is None:
            gaps.append(math.inf)
            continue
        spread = math.sqrt((float(column[~reached].var(ddof=1)) + float(column[reached].var(ddof=1))) / 2)
        other = float(np.average(column[~reached], weights=weights))
        gaps.append(abs(float(column[reached].mean()) - other) / spread if spread else 0.0)
    return max(gaps, default=0.0)
