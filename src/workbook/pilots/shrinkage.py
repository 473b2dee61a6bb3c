"""Effects by tier drawn towards the whole: a tier with few customers says little by itself (row P3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEPS = 800
"""Points of the grid over the spread of the true effects."""
REACH = 4.0
"""The grid ends at so many times the largest distance between two parts, or the largest error where that is more."""


@dataclass(frozen=True)
class Shrunk:
    """Effects of parts drawn towards their common mean.

    Attributes:
        effect, error: of each part after it; the error knows that the spread is not known.
        mean: the common mean.
        spread: standard deviation of the true effects between parts, as is expected of it.
    """

    effect: Floats
    error: Floats
    mean: float
    spread: float


def shrink(effect: Floats, error: Floats) -> Shrunk:
    """Draw each part towards the common mean, the more the less it knows by itself.

    Args:
        effect, error: estimates of two parts or more and their standard errors, all above 0.

    Returns:
        Means and standard deviations of the effects in the normal hierarchical model with flat priors on mean and spread,
        averaged over the spread instead of fixing it at an estimate, which would feign too much certainty. Source: Gelman et
        al. (2013), Bayesian Data Analysis, 3rd edition, 5.4.
    """
    reach = REACH * max(float(np.ptp(effect)), float(error.max()))
    spreads = np.linspace(0.0, reach, STEPS)[:, None]
    variance = error**2 + spreads**2
    weight = 1 / variance
    total = weight.sum(axis=1, keepdims=True)
    mean = (weight * effect).sum(axis=1, keepdims=True) / total
    log_density = 0.5 * (np.log(weight).sum(axis=1) - np.log(total[:, 0]) - (weight * (effect - mean) ** 2).sum(axis=1))
    density = np.exp(log_density - log_density.max())[:, None]
    density /= density.sum()
    pull = error**2 / variance
    drawn = (1 - pull) * effect + pull * mean
    within = (1 - pull) * error**2 + pull**2 / total
    centre = (density * drawn).sum(axis=0)
    scatter = (density * (within + (drawn - centre) ** 2)).sum(axis=0)
    return Shrunk(centre, np.sqrt(scatter), float((density * mean).sum()), float((density * spreads).sum()))
