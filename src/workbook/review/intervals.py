"""Intervals that stand behind the KPIs: proportions, medians, ratios and the change between two periods."""

from __future__ import annotations

import math

from scipy import stats

Interval = tuple[float, float]


def wilson(hits: int, n: int, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a proportion.

    Args:
        hits: cases counted, 0 to *n*.
        n: all cases, at least 1.
        confidence: level, e.g. 0.95.

    Source: Wilson (1927); method 3 of Newcombe (1998), Statistics in Medicine 17, 857-872.

    >>> [round(x, 4) for x in wilson(81, 263)]
    [0.2553, 0.3662]
    """
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share = hits / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if hits == 0 else (centre - half) / scale
    high = 1.0 if hits == n else (centre + half) / scale
    return low, high


def median_ranks(n: int, confidence: float = 0.95) -> tuple[int, int] | None:
    """Ranks (from 1) of the two order statistics that hold the median with at least *confidence*.

    None where *n* is too small for any such pair. Exact for every continuous distribution, since the number of values
    below the median is binomial with probability one half.

    >>> median_ranks(10), median_ranks(20), median_ranks(5)
    ((2, 9), (6, 15), None)
    """
    # the largest k with P(B < k) <= alpha/2; ppf gives the smallest x whose cdf reaches alpha/2
    tail = (1 - confidence) / 2
    k = int(stats.binom.ppf(tail, n, 0.5))
    if stats.binom.cdf(k, n, 0.5) <= tail:
        k += 1
    return (k, n + 1 - k) if k >= 1 else None


def normal(value: float, error: float, confidence: float = 0.95) -> Interval:
    """The interval of an estimate whose standard error is known, by the normal distribution."""
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    return value - z * error, value + z * error


def change_between(now: float, now_interval: Interval, before: float, before_interval: Interval) -> Interval:
    """The interval of ``now - before`` from the interval of each, the two taken as independent.

    Where the same customers stand behind both, the two go together and the true interval is narrower: what this one calls
    a change is one. For two Wilson intervals it is method 10 of Newcombe (1998), Statistics in Medicine 17, 873-890;
    in general the method of variance estimates recovery (Zou & Donner 2008, Statistics in Medicine 27, 1693-1702).
    """
    difference = now - before
    low = difference - math.hypot(now - now_interval[0], before_interval[1] - before)
    high = difference + math.hypot(now_interval[1] - now, before - before_interval[0])
    return low, high
