"""Pilots of no effect and of a planted one, played through by the rule of a card, look by look (rows P3 and P4)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workbook.pilots.comparison import FEWEST_EVENTS
from workbook.pilots.estimates import DRAWS
from workbook.settings.models import Metric

TRIALS = 4000
"""Pilots played through; their simulation error is told beside every share."""
QUANTILE_TRIALS = 1000
"""The same of a pilot on a quantile, in each of which :data:`~workbook.pilots.estimates.DRAWS` places are looked up."""
MOST_UNITS = 10_000
"""Units of a played pilot; of larger ones the planted effect is scaled, so that it stands out as much."""
QUANTILE_UNITS = 4_000
"""The same of a pilot on a quantile."""
AT_ONCE = 4_000_000
"""Units in memory at a time."""
OFTEN = 2
"""Times the units of a pilot from which on a stretch of the history is drawn from with replacement: the difference is small."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Look = tuple[float, float]
"""Information and limit in standard errors."""


@dataclass(frozen=True)
class Played:
    """What became of pilots with one true effect.

    Attributes:
        effect: planted, in the metric's unit; positive is better.
        gain, harm: shares of pilots that told a gain or a harm at any look.
        naive: share that told anything where every look is judged as if it were the only one.
        information: of the planned one, used on average until the rule ended the pilot.
        trials: pilots played.
    """

    effect: float
    gain: float
    harm: float
    naive: float
    information: float
    trials: int


def play(
    history: Floats | Sequence[Floats],
    units: tuple[int, int],
    looks: Sequence[Look],
    metric: Metric,
    error: float,
    rng: np.random.Generator,
    trials: int | None = None,
    *,
    clustered: bool = False,
) -> tuple[Played, ...]:
    """Play pilots of no effect, of the metric's margin and of twice that.

    Each pilot takes its units from one stretch of the history and splits them into the arms in a drawn order (an A/A split);
    where a stretch has fewer units than the pilot, they are drawn with replacement.

    Args:
        history: a value a unit, of one stretch or of several, which take turns.
        units: in the control and in the arm at the planned end.
        looks: information and limit of each look.
        metric: its margin is planted: added to means and quantiles, in proportions units change sides. A ratio comes as the
            mean of its linearised values.
        error: two-sided, of one look by itself.
        trials: pilots; by default :data:`TRIALS`, of a quantile :data:`QUANTILE_TRIALS`.
        clustered: the units are clusters, whose shares are means as well.

    Returns:
        One record an effect, none first.
    """
    stretches = [history] if isinstance(history, np.ndarray) else list(history)
    of_quantile = metric.kind == "quantile"
    trials = trials or (QUANTILE_TRIALS if of_quantile else TRIALS)
    both = sum(units)
    smaller = min(1.0, (QUANTILE_UNITS if of_quantile else MOST_UNITS) / both)
    n0, n1 = (max(2, round(n * smaller)) for n in units)
    scale = math.sqrt(both / (n0 + n1))
    ends = [(max(1, round(n0 * t)), max(1, round(n1 * t))) for t, _ in looks]
    sign = 1.0 if metric.better == "higher" else -1.0
    drawn = _drawn(stretches, n0 + n1, rng, trials)
    judged: list[list[tuple[Floats, Floats, Bools]]] = [[], [], []]
    counted = "proportion" if metric.kind == "proportion" and not clustered else "mean"
    if of_quantile:
        blocks = list(drawn)
        steps = [
            _quantiles(blocks, n0, end, metric.quantile, limit, error, rng) for end, (_, limit) in zip(ends, looks, strict=True)
        ]
        for times in (0, 1, 2):
            away = sign * times * metric.margin * scale
            judged[times] = [_seen(low + away, high + away, plain_low + away, plain_high + away, sign)
                             for low, high, plain_low, plain_high in steps]  # fmt: skip
    else:
        # differences of means are the same about any centre, and raw sums of squares die at means of 1e9
        centre = 0.0 if counted == "proportion" else float(stretches[0].mean())
        control, arm = _sums(drawn, n0, ends, centre)
        for times in (0, 1, 2):
            treated = _planted(arm, sign * times * metric.margin * scale, counted, rng)
            for place, (_, limit) in enumerate(looks):
                ordinary = float(stats.norm.isf(error / 2))
                interval = _of_proportions if counted == "proportion" else _of_means
                judged[times].append(_seen(*interval(control[:, place], treated[:, place], limit),
                                           *interval(control[:, place], treated[:, place], ordinary), sign))  # fmt: skip
    return tuple(
        _judged(seen, [t for t, _ in looks], metric.margin * scale, times * metric.margin) for times, seen in enumerate(judged)
    )


def _drawn(stretches: Sequence[Floats], units: int, rng: np.random.Generator, trials: int) -> Iterator[Floats]:
    """Values of the units of every pilot in the order in which they come, some pilots at a time: pilots × units."""
    for place, values in enumerate(stretches):
        mine = trials // len(stretches) + (place < trials % len(stretches))
        split = units <= len(values) < OFTEN * units
        per = max(1, AT_ONCE // (len(values) if split else units))
        for start in range(0, mine, per):
            now = min(per, mine - start)
            if split:
                yield rng.permuted(np.broadcast_to(values, (now, len(values))), axis=1)[:, :units]
            else:
                yield values[rng.integers(0, len(values), (now, units))]


def _sums(blocks: Iterable[Floats], n0: int, ends: Sequence[tuple[int, int]], centre: float) -> tuple[Floats, Floats]:
    """Number, sum and sum of squares about a centre of each arm at every look: trials × looks × 3."""
    sides: tuple[list[Floats], list[Floats]] = ([], [])
    for block in blocks:
        for side, found in enumerate(sides):
            values = (block[:, :n0] if side == 0 else block[:, n0:]) - centre
            stops = np.array([end[side] for end in ends])
            starts = np.minimum(np.concatenate([[0], stops[:-1]]), values.shape[1] - 1)
            last = int(stops[-1])
            sums = np.add.reduceat(values[:, :last], starts, axis=1).cumsum(axis=1)
            squares = np.add.reduceat(values[:, :last] ** 2, starts, axis=1).cumsum(axis=1)
            number = np.broadcast_to(stops.astype(float), sums.shape)
            found.append(np.stack([number, sums, squares], axis=2))
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def _planted(arm: Floats, planted: float, counted: str, rng: np.random.Generator) -> Floats:
    """The sums of an arm with an effect: means move, units of a proportion change sides."""
    if planted == 0:
        return arm
    n, total, squares = arm[..., 0], arm[..., 1], arm[..., 2]
    if counted == "mean":
        return np.stack([n, total + n * planted, squares + 2 * planted * total + n * planted**2], axis=2)
    number = np.diff(n, axis=1, prepend=0.0)
    yes = np.diff(total, axis=1, prepend=0.0)
    change = yes if planted < 0 else number - yes
    part = min(1.0, abs(planted) / max(float(change.sum() / number.sum()), 1e-12))
    moved = rng.binomial(np.round(change).astype(int), part).cumsum(axis=1) * (1 if planted > 0 else -1)
    return np.stack([n, total + moved, total + moved], axis=2)


def _of_means(control: Floats, arm: Floats, limit: float) -> tuple[Floats, Floats]:
    """Welch's interval of the difference of means, as wide as *limit* standard errors of large samples."""
    levels, parts = [], []
    for sums in (control, arm):
        n, total, squares = sums[:, 0], sums[:, 1], sums[:, 2]
        mean = total / n
        variance = np.maximum(squares - n * mean**2, 0.0) / np.maximum(n - 1, 1)
        levels.append(mean)
        parts.append(variance / n)
    spread = np.sqrt(parts[0] + parts[1])
    weights = parts[0] ** 2 / np.maximum(control[:, 0] - 1, 1) + parts[1] ** 2 / np.maximum(arm[:, 0] - 1, 1)
    freedom = np.maximum((parts[0] + parts[1]) ** 2 / np.maximum(weights, 1e-300), 1.0)
    difference = levels[1] - levels[0]
    half = stats.t.isf(stats.norm.sf(limit), freedom) * spread
    return difference - half, difference + half


def _of_proportions(control: Floats, arm: Floats, limit: float) -> tuple[Floats, Floats]:
    """The interval of :func:`workbook.pilots.comparison.two_proportions` for every pilot."""
    (n0, yes0), (n1, yes1) = ((side[:, 0], np.round(side[:, 1])) for side in (control, arm))
    share0, share1 = yes0 / n0, yes1 / n1
    effect = share1 - share0
    half = limit * np.sqrt(share0 * (1 - share0) / n0 + share1 * (1 - share1) / n1)
    (low0, high0), (low1, high1) = (_wilson(x, n, limit) for x, n in ((share0, n0), (share1, n1)))
    few = np.minimum.reduce([yes0, n0 - yes0, yes1, n1 - yes1]) < FEWEST_EVENTS
    low = np.where(few, effect - np.hypot(share1 - low1, high0 - share0), effect - half)
    high = np.where(few, effect + np.hypot(high1 - share1, share0 - low0), effect + half)
    return low, high


def _wilson(part: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    centre = (part + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(part * (1 - part) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return centre - half, centre + half


def _quantiles(
    blocks: Sequence[Floats], n0: int, end: tuple[int, int], q: float, limit: float, error: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """The interval of :func:`workbook.pilots.estimates.quantile_difference` for every pilot at one look, as wide as the limit
    says and as if it were the only look. All pilots share the places drawn, as they hang on the number of units alone."""
    drawn = []
    for n in end:
        r = max(1, math.ceil(q * n))
        places = np.clip(np.ceil(n * rng.beta(r, n - r + 1, DRAWS)).astype(int), 1, n) - 1
        drawn.append(np.concatenate([[r - 1], places]))
    tails = [float(stats.norm.sf(limit)), 1 - float(stats.norm.sf(limit)), error / 2, 1 - error / 2]
    found = []
    for block in blocks:
        for rows in np.array_split(block, max(1, len(block) * DRAWS // AT_ONCE)):
            control, arm = (np.sort(side, axis=1) for side in (rows[:, : end[0]], rows[:, n0 : n0 + end[1]]))
            differences = arm[:, drawn[1]] - control[:, drawn[0]]
            effect = differences[:, 0]
            low, high, plain_low, plain_high = np.quantile(differences[:, 1:], tails, axis=1)
            still = differences[:, 1:].std(axis=1) == 0  # no interval can be told then
            low, plain_low = (np.where(still, -np.inf, np.minimum(x, effect)) for x in (low, plain_low))
            high, plain_high = (np.where(still, np.inf, np.maximum(x, effect)) for x in (high, plain_high))
            found.append(np.stack([low, high, plain_low, plain_high]))
    low, high, plain_low, plain_high = np.concatenate(found, axis=1)
    return low, high, plain_low, plain_high


def _seen(low: Floats, high: Floats, plain_low: Floats, plain_high: Floats, sign: float) -> tuple[Floats, Floats, Bools]:
    """The interval of a look, positive being better, and whether the plain one leaves zero out."""
    told = (plain_low > 0) | (plain_high < 0)
    return (low, high, told) if sign > 0 else (-high, -low, told)


def _judged(seen: Sequence[tuple[Floats, Floats, Bools]], information: Sequence[float], margin: float, effect: float) -> Played:
    """What the rule said of every pilot, look by look, until it ended it."""
    trials = len(seen[0][0])
    running = np.ones(trials, dtype=bool)
    gained, harmed, naive = (np.zeros(trials, dtype=bool) for _ in range(3))
    used = np.zeros(trials)
    for (low, high, told), t in zip(seen, information, strict=True):
        gained |= running & (low > 0)
        harmed |= running & (high < 0)
        naive |= told
        used[running] = t
        # better, worse, little or no difference, no worthwhile gain: a running pilot ends; else it goes on
        running &= ~((low >= margin) | (high < margin))
    return Played(effect, float(gained.mean()), float(harmed.mean()), float(naive.mean()), float(used.mean()), trials)
