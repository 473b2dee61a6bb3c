"""Intervals of shares and of the change of a share, for many groups at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]


def share_interval(hits: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's score interval (1927) of each share hits/n; NaN where n is 0.

    >>> [float(round(x, 4)) for x in np.ravel(share_interval([15], [50], 0.95))]
    [0.191, 0.4375]
    """
    k, m = np.asarray(hits, dtype=np.float64), np.asarray(n, dtype=np.float64)
    m = np.where(m > 0, m, np.nan)
    z2 = float(stats.norm.ppf((1 + confidence) / 2)) ** 2
    p = k / m
    centre = (p + z2 / (2 * m)) / (1 + z2 / m)
    half = np.sqrt(z2 * (p * (1 - p) / m + z2 / (4 * m * m))) / (1 + z2 / m)
    # rounding must not move an end past the share
    return np.minimum(np.maximum(centre - half, 0.0), p), np.maximum(np.minimum(centre + half, 1.0), p)


def change_interval(
    hits: npt.ArrayLike, n: npt.ArrayLike, before_hits: npt.ArrayLike, before_n: npt.ArrayLike, confidence: float
) -> tuple[Floats, Floats]:
    """Newcombe's interval (1998, method 10) of each change hits/n − before; NaN where either has no case."""
    p = np.asarray(hits, dtype=np.float64) / np.where(np.asarray(n) > 0, n, np.nan)
    q = np.asarray(before_hits, dtype=np.float64) / np.where(np.asarray(before_n) > 0, before_n, np.nan)
    low, high = share_interval(hits, n, confidence)
    before_low, before_high = share_interval(before_hits, before_n, confidence)
    return (
        (p - q) - np.sqrt((p - low) ** 2 + (before_high - q) ** 2),
        (p - q) + np.sqrt((high - p) ** 2 + (q - before_low) ** 2),
    )
