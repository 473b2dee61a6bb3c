"""How often this rule errs on this client's own data, at this schedule of looks: pilots of no effect and of a planted one,
drawn from the client's history (rows P3 and P4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbook.language import Text, count, named, share, text
from workbook.pilots.boundaries import FARTHEST, limits
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.comparison import wilson
from workbook.pilots.effect import Effect
from workbook.pilots.effects import Effects
from workbook.pilots.estimates import generator
from workbook.pilots.samples import Sample, read_samples, tally_units
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

TRIALS = 4000
"""Pilots played through; their simulation error is told beside every share."""
MOST_UNITS = 10_000
"""Units of a played pilot; of larger ones the planted effect is scaled, so that it stands out as much."""
MOST_VALUES = 200_000
"""Values of the history that outcomes are drawn from, about; of a larger pilot, a hash of the unit picks them."""
FEWEST = 20
"""Values of the history below which nothing can be played."""
AT_ONCE = 4_000_000
"""Units in memory at a time."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Played:
    """What became of pilots with one true effect.

    Attributes:
        effect: planted, in the metric's unit; positive is better.
        gain, harm: shares of pilots that told a gain or a harm at any look.
        naive: share that told anything where every look is judged as if it were the only one.
        information: of the planned one, used on average until the rule ended the pilot.
    """

    effect: float
    gain: float
    harm: float
    naive: float
    information: float


@dataclass(frozen=True)
class Calibrated:
    """The measured behaviour of the rule of one pilot.

    Attributes:
        played: without an effect, with the smallest worthwhile one, and with twice as much.
        units: units (or clusters) of both arms of each played pilot.
        history: number of values that they were drawn from; ``before`` says that they are from before the pilot, else they
            are the control's own.
        looks: information at each look.
    """

    pilot: Pilot
    played: tuple[Played, ...]
    units: int
    history: int
    before: bool
    looks: tuple[float, ...]

    def table(self) -> Table:
        """Shares of pilots that told a gain or a harm, with their simulation error."""
        names = [
            text("pilots.calibration.null", "none"),
            text("pilots.calibration.margin", "smallest worthwhile"),
            text("pilots.calibration.twice", "twice that"),
        ]
        rows: list[dict[str, object]] = []
        for name, one in zip(names, self.played, strict=True):
            row: dict[str, object] = {"effect": name, "information": one.information}
            for column, value in (("gain", one.gain), ("harm", one.harm), ("naive", one.naive)):
                low, high = wilson(value, TRIALS, 1.96)
                row |= {column: value, f"{column}_low": low, f"{column}_high": high}
            rows.append(row)
        null, least, _ = self.played
        title = text(
            "pilots.calibration.title",
            "{pilot}: the rule errs in {error} of pilots and finds the smallest worthwhile effect in {power}",
            pilot=named(self.pilot.name),
            error=share(null.gain + null.harm, 1),
            power=share(least.gain, 1),
        )
        source = (
            text("pilots.calibration.before", "values from before the pilot")
            if self.before
            else text("pilots.calibration.control", "the control's own values")
        )
        linear = text("pilots.calibration.linear", " The ratio is played by its linearised values.")
        note = text(
            "pilots.calibration.note",
            "{trials} pilots of {units} units each, drawn from {source} ({n}), judged by the rule of the card (looks: "
            "{looks}); the intervals are the simulation's own error. Unguarded: the same looks, each judged as if it were "
            "the only one. Information used: until the rule ended the pilot. One arm against the control.{linear}",
            linear=linear if self.pilot.metrics[0].kind == "ratio" else named(""),
            trials=count(TRIALS),
            units=count(self.units),
            n=count(self.history),
            source=source,
            looks=count(len(self.looks)),
        )
        columns = (
            Column("effect", text("pilots.head.true_effect", "True effect")),
            Column("gain", text("pilots.head.told_gain", "Gain told"), "share", digits=1, low="gain_low", high="gain_high"),
            Column("harm", text("pilots.head.told_harm", "Harm told"), "share", digits=1, low="harm_low", high="harm_high"),
            Column(
                "naive", text("pilots.head.naive", "Told, unguarded"), "share", digits=1, low="naive_low", high="naive_high"
            ),
            Column("information", text("pilots.head.used", "Information used"), "share", digits=0),
        )
        frame = pd.DataFrame(rows)
        return Table(f"pilots.calibration.{self.pilot.id}", title, columns, frame, note)


@dataclass(frozen=True)
class Calibration:
    """The measured behaviour of the rules of the period's pilots, and of which it could not be measured and why."""

    calibrated: tuple[Calibrated, ...]
    missing: tuple[NotMeasured, ...]

    def blocks(self) -> tuple[Block, ...]:
        """A table or a note a pilot; a note where there is none."""
        return (*(one.table() for one in self.calibrated), *self.missing)


def calibrate(tables: Tables, effects: Effects) -> Calibration:
    """Play the rule of every pilot of the period with an effect on the client's own values."""
    shown = [pilot for pilot in effects.shown_pilots() if effects.of(pilot.id)]
    found = [_calibrated(tables, effects, pilot) for pilot in shown]
    missing = [one for one in found if isinstance(one, NotMeasured)]
    if not shown:
        why = text("pilots.calibration.why", "No pilot of the period has an effect to show.")
        missing = [NotMeasured("pilots.calibration", text("pilots.calibration.none", "How often the rule errs"), why=why)]
    return Calibration(tuple(one for one in found if isinstance(one, Calibrated)), tuple(missing))


def _uncalibrated(pilot: Pilot, why: Text) -> NotMeasured:
    what = text("pilots.calibration.of", "How often the rule of {pilot} errs on the client's own data", pilot=named(pilot.name))
    return NotMeasured(f"pilots.calibration.{pilot.id}", what, why=why)


def play(
    history: Floats,
    units: tuple[int, int],
    looks: Sequence[tuple[float, float]],
    metric: Metric,
    error: float,
    rng: np.random.Generator,
    trials: int = TRIALS,
) -> tuple[Played, ...]:
    """Play pilots of no effect, of the metric's margin and of twice that.

    Args:
        history: values from which the outcome of every unit is drawn.
        units: in the control and in the arm at the planned end.
        looks: information and limit (standard errors) of each look.
        metric: its margin is planted: added to means, in proportions units change sides.
        error: two-sided, of one look by itself.

    Returns:
        One record an effect, none first.
    """
    both = sum(units)
    smaller = min(1.0, MOST_UNITS / both)
    n0, n1 = (max(2, round(n * smaller)) for n in units)
    scale = math.sqrt(both / (n0 + n1))
    per = max(1, AT_ONCE // (n0 + n1))
    blocks = [_sums(history, (n0, n1), [t for t, _ in looks], rng, min(per, trials - start)) for start in range(0, trials, per)]
    control, arm = (np.concatenate([block[i] for block in blocks]) for i in (0, 1))
    sign = 1.0 if metric.better == "higher" else -1.0
    found = []
    for times in (0, 1, 2):
        planted = times * metric.margin * scale
        treated = _planted(arm, sign * planted, metric, rng)
        found.append(_judged(control, treated, looks, metric.margin * scale, sign, error, times * metric.margin))
    return tuple(found)


def _calibrated(tables: Tables, effects: Effects, pilot: Pilot) -> Calibrated | NotMeasured:
    metric, effect = pilot.metrics[0], effects.of(pilot.id)[0]
    if tally_units(tables, pilot).empty:
        return _uncalibrated(
            pilot, text("pilots.calibration.summaries", "Only summaries were delivered, no values to draw from.")
        )
    if metric.kind == "quantile":
        return _uncalibrated(pilot, text("pilots.calibration.quantile", "Pilots on a quantile are not played through."))
    units = read_samples(tables, pilot, metric)[metric.id]
    earlier = units.earlier()
    clustered = pilot.unit == "cluster"
    sample, earlier = (units.clusters(), earlier.clusters()) if clustered else (units, earlier)
    fewest = FEWEST_CLUSTERS if clustered else FEWEST
    control = _values(sample, [next(iter(pilot.arms))], metric)
    before = _values(earlier, [*pilot.arms], metric) if len(control) < fewest and metric.kind != "ratio" else control[:0]
    # what the metric was before stands in where the control has too few; a proportion must then be one
    from_before = len(before) > 0 and (metric.kind == "mean" or bool(np.isin(before, [0, 1]).all()))
    history = before if from_before else control
    if len(history) < fewest or np.ptp(history) == 0:
        why = text("pilots.calibration.few", "Fewer than {n} values, or all alike: nothing to draw from.", n=count(fewest))
        return _uncalibrated(pilot, why)
    error = (1 - effects.settings.analysis.confidence) / (len(pilot.arms) - 1)
    looks = _schedule(pilot, effect, error)
    sizes = (effect.found.n_control, effect.found.n_treated)
    end = max(effect.look.information, 1e-9)
    planned = (math.ceil(sizes[0] / min(end, 1.0)), math.ceil(sizes[1] / min(end, 1.0)))
    rng = generator(effects.settings.seed, pilot.id, "calibration")
    as_mean = metric.model_copy(update={"kind": "mean", "denominator": None}) if metric.kind == "ratio" else metric
    played = play(history, planned, looks, as_mean, error, rng)
    return Calibrated(pilot, played, sum(planned), len(history), from_before, tuple(t for t, _ in looks))


def _values(sample: Sample, arms: Sequence[str], metric: Metric) -> Floats:
    """The values of some arms; of a ratio R of sums each unit's R + (y − R x) / mean(x), whose mean is R and whose spread is
    that of the ratio. Source: Budylin, Drutsa, Katsev & Tsoy (2018), Consistent transformation of ratio metrics, WSDM."""
    if metric.kind != "ratio":
        return np.asarray(sample.some(arms, MOST_VALUES)[:, 0])
    rows = sample.some(arms, MOST_VALUES, "denominator")
    below = float(rows[:, 1].mean()) if len(rows) else 0.0
    if below <= 0:
        return rows[:0, 0]
    ratio = float(rows[:, 0].mean()) / below
    return np.asarray(ratio + (rows[:, 0] - ratio * rows[:, 1]) / below)


def _schedule(pilot: Pilot, effect: Effect, error: float) -> list[tuple[float, float]]:
    """Information and limit of each look: those planned, evenly spaced; one at the end where none was planned before it."""
    if pilot.looks == 1:
        return [(1.0, float(stats.norm.isf(error / 2)) if effect.look.method == "fixed" else effect.look.limit)]
    times = [k / pilot.looks for k in range(1, pilot.looks + 1)]
    return [(t, min(limit, FARTHEST)) for t, limit in zip(times, limits(times, error, pilot.spending), strict=True)]


def _sums(
    history: Floats, units: tuple[int, int], times: Sequence[float], rng: np.random.Generator, trials: int
) -> tuple[Floats, Floats]:
    """Number, sum and sum of squares of each arm at every look: trials × looks × 3."""
    centre = float(history.mean())
    found = []
    for n in units:
        ends = np.maximum(1, np.round(n * np.array(times)).astype(int))
        values = history[rng.integers(0, len(history), (trials, n))] - centre
        starts = np.concatenate([[0], ends[:-1]])
        sums = np.add.reduceat(values, np.minimum(starts, n - 1), axis=1).cumsum(axis=1)
        squares = np.add.reduceat(values * values, np.minimum(starts, n - 1), axis=1).cumsum(axis=1)
        number = np.broadcast_to(ends.astype(float), sums.shape)
        found.append(np.stack([number, sums + number * centre, squares + 2 * centre * sums + number * centre**2], axis=2))
    return found[0], found[1]


def _planted(arm: Floats, planted: float, metric: Metric, rng: np.random.Generator) -> Floats:
    """The sums of an arm with an effect: means move, units of a proportion change sides."""
    if planted == 0:
        return arm
    n, total, squares = arm[..., 0], arm[..., 1], arm[..., 2]
    if metric.kind == "mean":
        return np.stack([n, total + n * planted, squares + 2 * planted * total + n * planted**2], axis=2)
    number = np.diff(n, axis=1, prepend=0.0)
    yes = np.diff(total, axis=1, prepend=0.0)
    change = yes if planted < 0 else number - yes
    part = min(1.0, abs(planted) / max(float(change.sum() / number.sum()), 1e-12))
    moved = rng.binomial(np.round(change).astype(int), part).cumsum(axis=1) * (1 if planted > 0 else -1)
    return np.stack([n, total + moved, total + moved], axis=2)


def _judged(
    control: Floats, arm: Floats, looks: Sequence[tuple[float, float]], margin: float, sign: float, error: float, effect: float
) -> Played:
    """What the rule said of every pilot, look by look, until it ended it."""
    running = np.ones(len(control), dtype=bool)
    gained, harmed, naive = (np.zeros(len(control), dtype=bool) for _ in range(3))
    used = np.zeros(len(control))
    for place, (information, limit) in enumerate(looks):
        difference, spread, freedom = _difference(control[:, place], arm[:, place])
        difference = sign * difference
        ordinary = stats.t.isf(error / 2, freedom) * spread
        half = stats.t.isf(stats.norm.sf(limit), freedom) * spread
        low, high = difference - half, difference + half
        gained |= running & (low > 0)
        harmed |= running & (high < 0)
        naive |= np.abs(difference) > ordinary
        used[running] = information
        # better, worse, little or no difference, no worthwhile gain: a running pilot ends; else it goes on
        running &= ~((low >= margin) | (high < margin))
    return Played(effect, float(gained.mean()), float(harmed.mean()), float(naive.mean()), float(used.mean()))


def _difference(control: Floats, arm: Floats) -> tuple[Floats, Floats, Floats]:
    """Difference of means, its standard error and Welch's degrees of freedom, from numbers, sums and squares."""
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
    return levels[1] - levels[0], spread, freedom
