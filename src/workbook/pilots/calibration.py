"""How often this rule errs on this client's own data, at this schedule of looks: pilots of no effect and of a planted one,
drawn from the client's history (rows P3 and P4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbook.language import Quantity, Text, count, named, share, text
from workbook.pilots.boundaries import FARTHEST, limits
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.comparison import wilson
from workbook.pilots.effect import Effect
from workbook.pilots.effects import Effects
from workbook.pilots.estimates import generator
from workbook.pilots.past import FEWEST, Past, read_control, read_past
from workbook.pilots.playing import Played, play
from workbook.pilots.samples import tally_units
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

NORMAL = 20_000
"""Values that stand for the distribution that a summary is taken to tell of."""

Floats = NDArray[np.float64]
Origin = Literal["windows", "measured", "control", "normal", "shares"]
"""Where the played units come from."""
APART = 0.25
"""Share of the level of the history by which that of the control is apart, from which on its own values are played as well."""


@dataclass(frozen=True)
class Calibrated:
    """The measured behaviour of the rule of one pilot.

    Attributes:
        played: without an effect, with the smallest worthwhile one, and with twice as much.
        units: units (or clusters) of both arms of each played pilot.
        history: number of values that they were drawn from, of ``stretches`` of ``days`` where the client's records tell.
        origin: where these come from.
        looks: information at each look.
        levels: of the metric in the history, and in the control while the pilot ran; None where they are the same.
        own_power: share of pilots with the smallest worthwhile effect that tell a gain where they are played from the control's
            own values; None where the levels are not far apart.
    """

    pilot: Pilot
    played: tuple[Played, ...]
    units: int
    history: int
    origin: Origin
    looks: tuple[float, ...]
    stretches: int = 1
    days: int | None = None
    levels: tuple[Quantity, Quantity] | None = None
    own_power: float | None = None

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
                low, high = wilson(value, one.trials, 1.96)
                row |= {column: value, f"{column}_low": low, f"{column}_high": high}
            rows.append(row)
        null, least, _ = self.played
        title = text(
            "pilots.calibration.title",
            "{pilot}: {arms}the rule errs in {error}, finds the smallest worthwhile effect in {power}",
            arms=text("pilots.calibration.each", "for each arm ") if len(self.pilot.arms) > 2 else named(""),
            pilot=named(self.pilot.name),
            error=share(null.gain + null.harm, 1),
            power=share(least.gain, 1),
        )
        note = text(
            "pilots.calibration.note",
            "{trials} pilots of {units} units each, split at random into the arms, {origin}. Judged by the rule of the card "
            "(looks: {looks}); the intervals are the simulation's own error. Unguarded: the same looks, each judged as if it "
            "were the only one. Information used: until the rule ended the pilot. One arm against the control{several}."
            "{levels}{played}",
            several=text(
                "pilots.calibration.shared", ", at the limit that the {n} arms share", n=count(len(self.pilot.arms) - 1)
            )
            if len(self.pilot.arms) > 2
            else named(""),
            levels=self._levels(),
            played=self._played(),
            trials=count(null.trials),
            units=count(self.units),
            origin=self._from(),
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

    def _from(self) -> Text:
        n = count(self.history)
        match self.origin:
            case "windows":
                return text(
                    "pilots.calibration.windows",
                    "from the client's history: the same customers over {stretches} stretches of {days} days before the pilot "
                    "({n} values)",
                    stretches=count(self.stretches),
                    days=count(self.days or 0),
                    n=n,
                )
            case "measured":
                return text(
                    "pilots.calibration.measured",
                    "from the client's history: what was measured before the pilot ({n} values)",
                    n=n,
                )
            case "control":
                return text(
                    "pilots.calibration.control",
                    "from the control's own values ({n}), as nothing was delivered of the time before the pilot",
                    n=n,
                )
            case "normal":
                return text(
                    "pilots.calibration.normal",
                    "from a normal distribution with the mean and spread of the control's summary ({n} units): it does not "
                    "tell how skewed the values are, so what heavy tails do is not tried",
                    n=n,
                )
        return text(
            "pilots.calibration.shares", "with the control's share of yes, by its summary ({n} units), each unit by itself", n=n
        )

    def _levels(self) -> Text:
        if self.levels is None:
            return named("")
        levels = text(
            "pilots.calibration.levels",
            " Level in the history {before}, in the control while the pilot ran {now}.",
            before=self.levels[0],
            now=self.levels[1],
        )
        if self.own_power is None:
            return levels
        return text(
            "pilots.calibration.own_power",
            "{levels} As they are far apart: from the control's own values the rule finds the smallest worthwhile effect in "
            "{power}.",
            levels=levels,
            power=share(self.own_power, 1),
        )

    def _played(self) -> Text:
        """What was played otherwise than the card says."""
        metric = self.pilot.metrics[0]
        if metric.kind == "ratio":
            return text("pilots.calibration.linear", " The ratio is played by its linearised values.")
        if metric.estimate == "adjusted":
            return text(
                "pilots.calibration.plain",
                " Played by the plain difference: the adjusted one of the card finds at least as much.",
            )
        return named("")


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


def _calibrated(tables: Tables, effects: Effects, pilot: Pilot) -> Calibrated | NotMeasured:
    metric, effect = pilot.metrics[0], effects.of(pilot.id)[0]
    clustered = pilot.unit == "cluster"
    past: Past | None
    origin: Origin
    rng = generator(effects.settings.seed, pilot.id, "calibration")
    if tally_units(tables, pilot).empty:
        past = _of_summary(effect, metric, rng)
        origin = "shares" if metric.kind == "proportion" else "normal"
        told = effect.found.n_control
    else:
        past = read_past(tables, pilot, metric)
        origin, told = (past.source, past.count) if past else ("control", 0)
    if past is None:
        why = text("pilots.calibration.few", "Fewer than {n} values, or all alike: nothing to draw from.",
                   n=count(FEWEST_CLUSTERS if clustered else FEWEST))  # fmt: skip
        return _uncalibrated(pilot, why)
    error = (1 - effects.settings.analysis.confidence) / (len(pilot.arms) - 1)
    looks = _schedule(pilot, effect, error)
    sizes = (effect.found.n_control, effect.found.n_treated)
    end = max(effect.look.information, 1e-9)
    planned = (math.ceil(sizes[0] / min(end, 1.0)), math.ceil(sizes[1] / min(end, 1.0)))
    as_mean = metric.model_copy(update={"kind": "mean", "denominator": None}) if metric.kind == "ratio" else metric
    played = play(past.stretches, planned, looks, as_mean, error, rng, clustered=clustered)
    shown = tuple(t for t, _ in looks)
    levels, own_power = None, None
    if origin in ("windows", "measured"):
        before, now = past.level(metric), effect.found.control
        levels = (effect.level(before), effect.level(now))
        own = read_control(tables, pilot, metric) if abs(now - before) > APART * abs(before) else None
        if own is not None:
            own_power = play(own.stretches, planned, looks, as_mean, error, rng, clustered=clustered)[1].gain
    return Calibrated(pilot, played, sum(planned), told, origin, shown, len(past.stretches), past.days, levels, own_power)


def _of_summary(effect: Effect, metric: Metric, rng: np.random.Generator) -> Past | None:
    """Values with the level and spread that the control's summary tells; None where they do not vary."""
    found = effect.found
    if metric.kind == "proportion":
        yes = round(found.control * NORMAL)
        return Past((np.repeat([1.0, 0.0], [yes, NORMAL - yes]),), "control") if 0 < yes < NORMAL else None
    if not found.error_control:
        return None
    spread = found.error_control * math.sqrt(found.n_control)
    return Past((rng.normal(found.control, spread, NORMAL),), "control")


def _schedule(pilot: Pilot, effect: Effect, error: float) -> list[tuple[float, float]]:
    """Information and limit of each look: those planned, evenly spaced; one at the end where none was planned before it."""
    if pilot.looks == 1:
        return [(1.0, float(stats.norm.isf(error / 2)) if effect.look.method == "fixed" else effect.look.limit)]
    times = [k / pilot.looks for k in range(1, pilot.looks + 1)]
    return [(t, min(limit, FARTHEST)) for t, limit in zip(times, limits(times, error, pilot.spending), strict=True)]
