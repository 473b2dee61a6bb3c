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
Interval = tuple[Floats, Floats, Bools]
"""Both ends of every pilot, positive being better, and whether the one of a single look leaves zero out."""


@dataclass(frozen=True)
class Played:
    """What became of pilots with one true effect.

    Attributes:
        effect: planted in the first arm with a measure, in the metric's unit; positive is better. The other arms have none.
        gain: share of pilots that told a gain at any look: of that arm, or without an effect of any arm.
        harm: share that told a harm of any arm at any look.
        told: share that told a gain or a harm of any arm at any look.
        out: share in which the rule rolled an arm out, wholly or limited: its guardrails held.
        naive: share that told anything where every look and arm is judged as if it were the only one.
        information: of the planned one, used on average until the rule ended the pilot.
        trials: pilots played.
    """

    effect: float
    gain: float
    harm: float
    told: float
    out: float
    naive: float
    information: float
    trials: int


def play(
    history: Floats | Sequence[Floats],
    units: Sequence[int],
    looks: Sequence[Look],
    metric: Metric,
    error: float,
    rng: np.random.Generator,
    trials: int | None = None,
    *,
    guardrails: Sequence[Metric] = (),
    clustered: bool = False,
) -> tuple[Played, ...]:
    """Play pilots of no effect, of the metric's margin and of twice that.

    Each pilot takes its units from one stretch of the history and splits them into the arms in a drawn order (an A/A split);
    where a stretch has fewer units than the pilot, they are drawn with replacement.

    Args:
        history: a value a unit, of one stretch or of several, which take turns; with guardrails units × metrics.
        units: in the control and in each arm at the last look.
        looks: information and limit of each look.
        metric: its margin is planted in the first arm: added to means and quantiles, in proportions units change sides. A ratio
            comes as the mean of its linearised values.
        error: two-sided, of one look and arm; arms share that of the pilot.
        trials: pilots; by default :data:`TRIALS`, of a quantile :data:`QUANTILE_TRIALS`.
        guardrails: metrics of the further columns, on which nothing is planted.
        clustered: the units are clusters, whose shares are means as well.

    Returns:
        One record an effect, none first.
    """
    stretches = [history] if isinstance(history, np.ndarray) else list(history)
    stretches = [one.reshape(len(one), -1) for one in stretches]
    metrics = [metric, *guardrails]
    of_quantile = any(one.kind == "quantile" for one in metrics)
    trials = trials or (QUANTILE_TRIALS if of_quantile else TRIALS)
    both = sum(units)
    smaller = min(1.0, (QUANTILE_UNITS if of_quantile else MOST_UNITS) / both)
    sizes = [max(2, round(n * smaller)) for n in units]
    scale = math.sqrt(both / sum(sizes))
    margins = [scale * (one.margin if one is metric else one.harm or one.margin) for one in metrics]
    last = looks[-1][0]
    ends = [[max(1, round(n * t / last)) for n in sizes] for t, _ in looks]
    plan = _Plan(
        sizes, ends, [limit for _, limit in looks], float(stats.norm.isf(min(error * (len(units) - 1), 1.0) / 2)), clustered
    )
    blocks = _drawn(stretches, sum(sizes), rng, trials)
    centres = [float(stretches[0][:, place].mean()) for place in range(len(metrics))]
    seen = _tracks(blocks, metrics, centres, plan, margins[0], rng)
    return tuple(
        _judged(of_one, [t for t, _ in looks], margins, times * metric.margin, planted=bool(times))
        for times, of_one in enumerate(seen)
    )


@dataclass(frozen=True)
class _Plan:
    """Units of each arm, control first, how many of them are there at each look, and how wide the interval of each is."""

    sizes: Sequence[int]
    ends: Sequence[Sequence[int]]
    limits: Sequence[float]
    ordinary: float
    clustered: bool

    @property
    def edges(self) -> list[int]:
        return [sum(self.sizes[:place]) for place in range(len(self.sizes) + 1)]

    def counted(self, metric: Metric) -> str:
        if metric.kind == "proportion":
            return "mean" if self.clustered else "proportion"
        return "quantile" if metric.kind == "quantile" else "mean"


def _tracks(
    blocks: Iterable[Floats], metrics: Sequence[Metric], centres: Sequence[float], plan: _Plan, margin: float,
    rng: np.random.Generator,
) -> list[list[list[list[Interval]]]]:  # fmt: skip
    """Intervals of every pilot: with each planted effect, of each metric, at each look, of each arm."""
    kept: list[list[Floats]] = [[] for _ in metrics]
    for block in blocks:
        for place, metric in enumerate(metrics):
            values = block[:, :, place]
            if plan.counted(metric) != "quantile":
                # differences of means are the same about any centre, and raw sums of squares die at means of 1e9
                centre = 0.0 if plan.counted(metric) == "proportion" else centres[place]
                values = _sums(values, plan, centre)
            kept[place].append(values)
    found: list[list[list[list[Interval]]]] = [[], [], []]
    for place, metric in enumerate(metrics):
        sign = 1.0 if metric.better == "higher" else -1.0
        if plan.counted(metric) == "quantile":
            of_none = [
                [_quantiles(kept[place], plan, look, arm, metric.quantile, rng) for arm in range(1, len(plan.sizes))]
                for look in range(len(plan.limits))
            ]
        else:
            sums = np.concatenate(kept[place])
            of_none = _intervals(sums, plan, plan.counted(metric))
        for times in (0, 1, 2):
            away = sign * times * margin
            if place or not times:
                found[times].append([[_seen(*one, sign) for one in look] for look in of_none])
            elif plan.counted(metric) == "quantile":
                moved = [[_moved(one, away * (arm == 0)) for arm, one in enumerate(look)] for look in of_none]
                found[times].append([[_seen(*one, sign) for one in look] for look in moved])
            else:
                changed = sums.copy()
                changed[:, 1] = _planted(sums[:, 1], away, plan.counted(metric), rng)
                first = _intervals(changed[:, :2], plan, plan.counted(metric))
                found[times].append([[_seen(*one, sign) for one in (*new, *old[1:])]
                                     for new, old in zip(first, of_none, strict=True)])  # fmt: skip
    return found


def _intervals(sums: Floats, plan: _Plan, counted: str) -> list[list[tuple[Floats, Floats, Floats, Floats]]]:
    """Of each look and arm both ends as wide as the look allows, and as if it were the only one."""
    interval = _of_proportions if counted == "proportion" else _of_means
    return [
        [
            (
                *interval(sums[:, 0, look], sums[:, arm, look], limit),
                *interval(sums[:, 0, look], sums[:, arm, look], plan.ordinary),
            )
            for arm in range(1, sums.shape[1])
        ]
        for look, limit in enumerate(plan.limits)
    ]


def _drawn(stretches: Sequence[Floats], units: int, rng: np.random.Generator, trials: int) -> Iterator[Floats]:
    """Values of the units of every pilot in the order in which they come, some pilots at a time: pilots × units × metrics."""
    for place, values in enumerate(stretches):
        mine = trials // len(stretches) + (place < trials % len(stretches))
        split = units <= len(values) < OFTEN * units
        per = max(1, AT_ONCE // ((len(values) if split else units) * values.shape[1]))
        for start in range(0, mine, per):
            now = min(per, mine - start)
            if split:
                places = rng.permuted(np.broadcast_to(np.arange(len(values)), (now, len(values))), axis=1)[:, :units]
            else:
                places = rng.integers(0, len(values), (now, units))
            yield values[places]


def _sums(values: Floats, plan: _Plan, centre: float) -> Floats:
    """Number, sum and sum of squares about a centre of each arm at every look: pilots × arms × looks × 3."""
    found = []
    for side, start in enumerate(plan.edges[:-1]):
        stops, back = np.unique([end[side] for end in plan.ends], return_inverse=True)
        mine = values[:, start : start + int(stops[-1])] - centre
        starts = np.concatenate([[0], stops[:-1]])
        sums = np.add.reduceat(mine, starts, axis=1).cumsum(axis=1)
        squares = np.add.reduceat(mine * mine, starts, axis=1).cumsum(axis=1)
        number = np.broadcast_to(stops.astype(float), sums.shape)
        found.append(np.stack([number, sums, squares], axis=2)[:, back])
    return np.stack(found, axis=1)


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
    blocks: Sequence[Floats], plan: _Plan, look: int, arm: int, q: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """The interval of :func:`workbook.pilots.estimates.quantile_difference` for every pilot at one look, as wide as the limit
    says and as if it were the only look. All pilots share the places drawn, as they hang on the number of units alone."""
    drawn, sides = [], []
    for side in (0, arm):
        n, start = plan.ends[look][side], plan.edges[side]
        r = max(1, math.ceil(q * n))
        places = np.clip(np.ceil(n * rng.beta(r, n - r + 1, DRAWS)).astype(int), 1, n) - 1
        drawn.append(np.concatenate([[r - 1], places]))
        sides.append(slice(start, start + n))
    outer, once = (float(stats.norm.sf(limit)) for limit in (plan.limits[look], plan.ordinary))
    tails = [outer, 1 - outer, once, 1 - once]
    found = []
    for block in blocks:
        for rows in np.array_split(block, max(1, len(block) * DRAWS // AT_ONCE)):
            control, treated = (np.sort(rows[:, side], axis=1) for side in sides)
            differences = treated[:, drawn[1]] - control[:, drawn[0]]
            effect = differences[:, 0]
            low, high, plain_low, plain_high = np.quantile(differences[:, 1:], tails, axis=1)
            still = differences[:, 1:].std(axis=1) == 0  # no interval can be told then
            low, plain_low = (np.where(still, -np.inf, np.minimum(x, effect)) for x in (low, plain_low))
            high, plain_high = (np.where(still, np.inf, np.maximum(x, effect)) for x in (high, plain_high))
            found.append(np.stack([low, high, plain_low, plain_high]))
    low, high, plain_low, plain_high = np.concatenate(found, axis=1)
    return low, high, plain_low, plain_high


def _moved(ends: tuple[Floats, Floats, Floats, Floats], away: float) -> tuple[Floats, Floats, Floats, Floats]:
    low, high, plain_low, plain_high = ends
    return low + away, high + away, plain_low + away, plain_high + away


def _seen(low: Floats, high: Floats, plain_low: Floats, plain_high: Floats, sign: float) -> Interval:
    """The interval of a look, positive being better, and whether the plain one leaves zero out."""
    told = (plain_low > 0) | (plain_high < 0)
    return (low, high, told) if sign > 0 else (-high, -low, told)


def _judged(
    seen: Sequence[Sequence[Sequence[Interval]]], information: Sequence[float], margins: Sequence[float], effect: float, *,
    planted: bool,
) -> Played:  # fmt: skip
    """What the rule said of every pilot, look by look, until it ended it.

    Args:
        seen: of the primary metric and each guardrail, at each look, of each arm.
        margins: the smallest worthwhile effect, and of each guardrail the worsening that must be ruled out.
    """
    primary, *guarded = seen
    trials = len(primary[0][0][0])
    running = np.ones(trials, dtype=bool)
    gained, harmed, spoke, rolled, naive = (np.zeros(trials, dtype=bool) for _ in range(5))
    used = np.zeros(trials)
    for look, t in enumerate(information):
        used[running] = t
        out, goes_on = np.zeros(trials, dtype=bool), np.zeros(trials, dtype=bool)
        for arm, (low, high, told) in enumerate(primary[look]):
            gained |= running & (low > 0) & (arm == 0 or not planted)
            harmed |= running & (high < 0)
            spoke |= running & ((low > 0) | (high < 0))
            naive |= told
            guards = [one[look][arm] for one in guarded]
            # a harm that is sure stops the arm, one that is not ruled out keeps it from being rolled out
            broken = _any([top < -harm for (_, top, _), harm in zip(guards, margins[1:], strict=True)], trials)
            doubted = _any([bottom <= -harm for (bottom, _, _), harm in zip(guards, margins[1:], strict=True)], trials)
            worthwhile = (high >= margins[0]) & ~broken
            surely = worthwhile & ~doubted & (low >= margins[0])
            out |= surely if look < len(information) - 1 else worthwhile & ~doubted & (low > 0)
            goes_on |= worthwhile
        rolled |= running & out
        running &= goes_on & ~out
    of_gain, of_harm, of_told, of_out, of_naive = (float(one.mean()) for one in (gained, harmed, spoke, rolled, naive))
    return Played(effect, of_gain, of_harm, of_told, of_out, of_naive, float(used.mean()), trials)


def _any(found: Sequence[Bools], trials: int) -> Bools:
    return np.logical_or.reduce(found) if found else np.zeros(trials, dtype=bool)
