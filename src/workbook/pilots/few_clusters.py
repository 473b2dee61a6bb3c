"""Difference in differences of few clusters (shops, regions) that nobody drew: as many observations as clusters (row P5).

The statistic is Welch's t of the changes of whole clusters. Its distribution is that over all assignments of as many clusters,
so that the test is exact where any clusters could have been chosen, however few they are; ordinary and clustered standard
errors reject a true nought up to a third of the time there. Of 8, 6 and 5 clusters a side a true nought is rejected in
5.0, 5.3 and 5.0 % of trials at 95 % confidence, of 4 a side in 3.0 %; a wild cluster bootstrap (all signs) rejects 6.3 % of
5 a side and 6.5 % of 4, so it is not used.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbook.pilots.clusters import FEWEST_CLUSTERS, MOST_ASSIGNMENTS
from workbook.pilots.not_randomised import Compared, Estimate

Floats = NDArray[np.float64]

STEPS = 60
"""Halvings with which an end of the interval is sought."""


@dataclass(frozen=True)
class Permuted(Compared):
    """The clusters with the measure beside the others; ``p`` is that of no effect among all assignments."""

    p: float


def clusters_in_differences(
    during: Floats, before: Floats, treated: NDArray[np.bool_], confidence: float, rng: np.random.Generator
) -> Permuted | None:
    """Change of the clusters with the measure less change of the others, each cluster counting once.

    Args:
        during: outcome a cluster while the measure ran.
        before: clusters × stretches before it, of which the mean is taken.
        treated: which clusters have the measure.
        rng: draws assignments where there are more than :data:`~workbook.pilots.clusters.MOST_ASSIGNMENTS`.

    Returns:
        The interval holds every effect that the test does not reject. None with fewer than
        :data:`~workbook.pilots.clusters.FEWEST_CLUSTERS` clusters a side, where nothing varies, or where no assignment is rare
        enough. Source: Chung & Romano (2013), Annals of Statistics 41, 484-507 (studentised); Donald & Lang (2007), Review of
        Economics and Statistics 89, 221-233 (clusters as observations).
    """
    change = during - before.mean(axis=1)
    n1 = int(treated.sum())
    if min(n1, len(treated) - n1) < FEWEST_CLUSTERS:
        return None
    effect = float(change[treated].mean() - change[~treated].mean())
    parts = (float(change[treated].var(ddof=1)) / n1, float(change[~treated].var(ddof=1)) / (len(change) - n1))
    error = math.sqrt(sum(parts))
    if error <= 1e-12 * max(1.0, float(np.abs(change).max())):
        return None
    chosen = _assignments(treated, rng)
    if 2 / len(chosen) > 1 - confidence:
        return None
    ends = [_end(change, treated, chosen, effect, sign * error, 1 - confidence) for sign in (-1, 1)]
    if not all(math.isfinite(end) for end in ends):
        return None
    typical = float(change[~treated].std(ddof=1))
    return Permuted(Estimate(effect, error, ends[0], ends[1]), typical, p_among(change, treated, chosen))


def on_earlier_dates(
    panel: Floats, treated: NDArray[np.bool_], most: int, stretches: int, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Effect and p of the same comparison as if the measure had begun 1, 2 … stretches before it did.

    Args:
        panel: clusters × stretches: while the measure ran, then one before it, two before it …
        most: dates; ``stretches`` with which each is compared, at least one.
    """
    if min(int(treated.sum()), int((~treated).sum())) < FEWEST_CLUSTERS:
        return []
    chosen = _assignments(treated, rng)
    found = []
    for at in range(1, min(most, panel.shape[1] - 2) + 1):
        change = panel[:, at] - panel[:, at + 1 : at + 1 + stretches].mean(axis=1)
        if np.ptp(change) > 0:
            effect = float(change[treated].mean() - change[~treated].mean())
            found.append((effect, p_among(change, treated, chosen)))
    return found


def p_among(change: Floats, treated: NDArray[np.bool_], chosen: Floats) -> float:
    """Share of assignments whose t is at least as far from zero as that of the actual one, which is among them.

    Args:
        chosen: assignments × clusters, 1 for the treated.
    """
    n1 = int(treated.sum())
    n0 = len(treated) - n1
    away = change - change.mean()
    sums, squares = chosen @ away, chosen @ away**2
    mean1, mean0 = sums / n1, -sums / n0
    spread1 = squares - n1 * mean1**2
    spread0 = float((away**2).sum()) - squares - n0 * mean0**2
    variance = np.maximum(spread1, 0) / (n1 * (n1 - 1)) + np.maximum(spread0, 0) / (n0 * (n0 - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(np.abs(mean1 - mean0) / np.sqrt(variance), nan=0.0, posinf=np.inf)
    actual = float(t[0])
    return float((t >= actual * (1 - 1e-9)).mean())


def _assignments(treated: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """The actual assignment first, then all others of as many clusters, or as many drawn ones as are looked at."""
    n, k = len(treated), int(treated.sum())
    if math.comb(n, k) <= MOST_ASSIGNMENTS:
        places = np.array(list(itertools.combinations(range(n), k)), dtype=np.intp)
    else:
        places = np.argsort(rng.random((MOST_ASSIGNMENTS, n)), axis=1)[:, :k]
    chosen = np.zeros((len(places), n))
    np.put_along_axis(chosen, places, 1.0, axis=1)
    actual = treated.astype(float)
    others = chosen[(chosen != actual).any(axis=1)]
    return np.vstack([actual[None, :], others])


def _end(change: Floats, treated: NDArray[np.bool_], chosen: Floats, effect: float, step: float, error: float) -> float:
    """The farthest effect on one side that is not rejected; infinite where none is."""

    def held(reach: float) -> bool:
        return p_among(change - (effect + reach * step) * treated, treated, chosen) > error

    far = 2.0
    while held(far):
        far *= 2
        if far > 1e4:
            return math.inf
    near = 0.0
    for _ in range(STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if held(middle) else (near, middle)
        if far - near < 1e-9 * far:
            break
    return effect + near * step
