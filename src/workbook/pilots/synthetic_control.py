"""Synthetic control: clusters with a measure beside that mixture of others which went the same way before (row P5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]

FEWEST_STRETCHES = 4
"""Stretches before the measure below which any mixture fits and none says anything."""
WORST_FIT = 2.0
"""Error before the measure, over the median of the placebos, above which no mixture of the others is like the treated."""
RIDGE = 1.0
"""With fewer stretches than donors many mixtures fit without any error, and errors of nothing cannot be compared; so of near
mixtures the more even one is taken. With 5 stretches and 19 donors that quadruples the power and leaves the level as it is."""


@dataclass(frozen=True)
class Synthetic:
    """A treated series beside its synthetic control.

    Attributes:
        effect: mean gap while the measure ran.
        p: share of all units, the treated one among them, whose error grew at least as much as that of the treated.
        fit: error before the measure over the median of the placebos; above :data:`WORST_FIT` the effect has no meaning.
        weights: of the donors, none below zero, 1 in sum.
        gaps: treated less synthetic, stretch by stretch.
    """

    effect: float
    p: float
    fit: float
    weights: Floats
    gaps: Floats

    @property
    def fits(self) -> bool:
        """Whether the mixture went as the treated did before the measure."""
        return self.fit <= WORST_FIT


def synthetic_control(treated: Floats, donors: Floats, before: int, confidence: float) -> Synthetic | None:
    """The treated series less a mixture of *donors*, held against the same of every donor.

    Every donor is taken for treated in its turn, with a mixture of the other donors; the statistic is the ratio of the root
    mean squared errors during and before the measure, which asks less of units that never fitted. Of several treated clusters
    the mean is given, which varies less than a donor: the p is then rather too large than too small.

    Args:
        treated: its outcome, stretch by stretch.
        donors: donors × stretches.
        before: stretches before the measure; the others are those during it.
        confidence: 0.95 asks for 19 donors, since p is never below one in so many and one.

    Returns:
        None with too few donors or fewer than :data:`FEWEST_STRETCHES` stretches before. Source: Abadie, Diamond & Hainmueller
        (2010), Journal of the American Statistical Association 105, 493-505.
    """
    if 1 / (len(donors) + 1) > 1 - confidence + 1e-12 or before < FEWEST_STRETCHES or len(treated) <= before:
        return None
    weights = simplex_weights(donors[:, :before].T, treated[:before])
    gaps = treated - weights @ donors
    ratio, error = _ratio(gaps, before)
    placebos = [_placebo(donors, place, before) for place in range(len(donors))]
    grown = sum(other >= ratio * (1 - 1e-9) for other, _ in placebos)
    usual = float(np.median([other for _, other in placebos]))
    fit = error / usual if usual > 0 else (0.0 if error == 0 else np.inf)
    return Synthetic(float(gaps[before:].mean()), (1 + grown) / (1 + len(donors)), float(fit), weights, gaps)


def simplex_weights(others: Floats, wanted: Floats, ridge: float = RIDGE) -> Floats:
    """Weights of the columns of *others*, none below zero and 1 in sum, whose mixture is near to *wanted*.

    The sum is held by one more row with a large weight (non-negative least squares: Lawson & Hanson 1974, Solving Least Squares
    Problems, ch. 23), then made exact.

    Args:
        ridge: how much the squared weights count beside the squared errors, in mean squares of *others*.

    >>> simplex_weights(np.array([[0.0, 4.0], [0.0, 8.0]]), np.array([1.0, 2.0]), 0.0).round(6).tolist()
    [0.75, 0.25]
    """
    # without its mean each row is small beside the row that holds the sum; that takes nothing away, for the weights add to 1
    shift = others.mean(axis=1, keepdims=True)
    away, target = others - shift, wanted - shift[:, 0]
    scale = float(np.sqrt(np.mean(away**2))) or 1.0
    heavy, n = 1e4, others.shape[1]
    table = np.vstack([away / scale, np.full((1, n), heavy), math.sqrt(ridge) * np.eye(n)])
    weights, _ = optimize.nnls(table, np.concatenate([target / scale, [heavy], np.zeros(n)]))
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def _placebo(donors: Floats, place: int, before: int) -> tuple[float, float]:
    others = np.delete(donors, place, axis=0)
    weights = simplex_weights(others[:, :before].T, donors[place, :before])
    return _ratio(donors[place] - weights @ others, before)


def _ratio(gaps: Floats, before: int) -> tuple[float, float]:
    """Error during over error before, and the error before."""
    early, late = (float(np.sqrt(np.mean(part**2))) for part in (gaps[:before], gaps[before:]))
    return (late / early if early > 0 else np.inf if late > 0 else 0.0), early
