"""How much of a roll-out is held out, when it starts, and what stops it: shared by waves of customers and of clusters (P6)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

from scipy import stats

from workbook.pilots.boundaries import FARTHEST, limits

MOST_HELD = 0.2
"""Share held out at most unless the settings ask for more: who is held out goes without the measure."""
DAYS_TO_START = 14
"""Days after the period before which no wave starts: the client has to decide and to prepare."""


def smallest_share(customers: int, spread: float, lift: float, limit: float, power: float) -> float:
    """Smallest share held out of *customers* with which a difference of *lift* is found with *power*; 0.5 where none is enough.

    The variance of the difference is spread² / (N h (1 − h)); the equation is solved for h.

    Args:
        spread: standard deviation of the metric between customers.
        limit: of the last look, in standard errors.

    >>> round(smallest_share(10_000, 10.0, 1.0, 1.96, 0.8), 3)
    0.086
    """
    wanted = ((limit + float(stats.norm.ppf(power))) * spread / lift) ** 2 / customers
    return (1 - math.sqrt(1 - 4 * wanted)) / 2 if wanted <= 0.25 else 0.5


def stops(
    errors: Sequence[float], margin: float, error: float, freedom: Sequence[int] | None = None
) -> list[tuple[float, float]]:
    """Gain below which no further wave follows, and below which the measure is taken back, after each wave.

    The interval that the look allows then lies wholly below the smallest worthwhile effect, or below zero.

    Args:
        errors: standard error of the difference after each wave; NaN where nobody is held out.
        margin: smallest worthwhile effect.
        error: that the waves share.
        freedom: degrees of freedom after each wave, where few clusters widen the intervals (Student's t).
    """
    known = [e for e in errors if not math.isnan(e)]
    if not known:
        return [(math.nan, math.nan)] * len(errors)
    times = [(known[-1] / e) ** 2 for e in known]
    # evenly spent: harm in the first wave shall be seen there, not saved for the last
    told = iter(min(limit, FARTHEST) for limit in limits(times, error, "pocock"))
    found = []
    for place, e in enumerate(errors):
        if math.isnan(e):
            found.append((math.nan, math.nan))
            continue
        limit = next(told)
        if freedom is not None:
            limit = float(stats.t.isf(stats.norm.sf(limit), freedom[place]))
        found.append((margin - limit * e, -limit * e))
    return found


def first_day(today: dt.date) -> dt.date:
    """The first Monday on which a wave may start.

    >>> first_day(dt.date(2025, 12, 31)).isoformat()
    '2026-01-19'
    """
    on = today + dt.timedelta(days=DAYS_TO_START)
    return on + dt.timedelta(days=-on.weekday() % 7)
