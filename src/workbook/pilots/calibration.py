"""How often this rule errs on this client's own data, at this schedule of looks: pilots of no effect and of a planted one,
drawn from the client's history (rows P3 and P4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.language import Quantity, Text, count, joined, named, share, text
from workbook.pilots.boundaries import FARTHEST, anytime_limit, limits
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.comparison import wilson
from workbook.pilots.effect import Effect
from workbook.pilots.effects import Effects
from workbook.pilots.estimates import generator
from workbook.pilots.looks import Look, last_day
from workbook.pilots.past import FEWEST, Past, read_control, read_past
from workbook.pilots.playing import MOST_UNITS, QUANTILE_UNITS, Played, play
from workbook.pilots.samples import tally_units
from workbook.pilots.units import arm_name
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

NORMAL = 20_000
"""Values that stand for the distribution that a summary is taken to tell of."""

Floats = NDArray[np.float64]
Origin = Literal["windows", "measured", "control", "apart", "normal", "shares"]
"""Where the played units come from."""
LARGEST = 10
"""Values of a pilot that are looked at for a heavy tail."""
HEAVY = 1 / 3
"""Share of the variance that they make, from which on the report says what that does to the rule."""
FAR = 3.0
"""Times the level of the control by which that of the history is apart, from which on it is no history of the metric."""
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
        looks: information at each look; the first ``taken`` were taken, the others are still planned.
        guardrails: that stand in the rule that was played.
        levels: of the metric in the history, and in the control while the pilot ran; None where they are the same.
        own_power: share of pilots with the smallest worthwhile effect that tell a gain where they are played from the control's
            own values; None where the levels are not far apart.
        largest: share of the variance that the :data:`LARGEST` largest values of such a pilot make; None but of means.
        confidence: of the card.
    """

    pilot: Pilot
    played: tuple[Played, ...]
    units: int
    history: int
    origin: Origin
    looks: tuple[float, ...]
    taken: int
    guardrails: tuple[Metric, ...] = ()
    stretches: int = 1
    days: int | None = None
    levels: tuple[Quantity, Quantity] | None = None
    own_power: float | None = None
    largest: float | None = None
    confidence: float = 0.95

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
            for column, value in (("gain", one.gain), ("harm", one.harm), ("out", one.out), ("naive", one.naive)):
                low, high = wilson(value, one.trials, 1.96)
                row |= {column: value, f"{column}_low": low, f"{column}_high": high}
            rows.append(row)
        null, least, _ = self.played
        title = text(
            "pilots.calibration.title",
            "{pilot}: the rule errs in {error}, finds the smallest worthwhile effect in {power}",
            pilot=named(self.pilot.name),
            error=share(null.told, 1),
            power=share(least.gain, 1),
        )
        note = text(
            "pilots.calibration.note",
            "{trials} pilots of {units} units each, split at random into the {arms} arms, {origin}. Judged by the rule of the "
            "card ({looks}{guardrails}); the intervals are the simulation's own error. Rolled out: wholly or limited. "
            "Unguarded: every look and arm judged as if it were the only one. Information used: until the rule ended the "
            "pilot.{several}{levels}{played}{tail}",
            several=self._several(),
            levels=self._levels(),
            played=self._played(),
            tail=self._tail(),
            trials=count(null.trials),
            units=count(self.units),
            arms=count(len(self.pilot.arms)),
            origin=self._from(),
            looks=self._looks(),
            guardrails=self._guardrails(),
        )
        columns = (
            Column("effect", text("pilots.head.true_effect", "True effect")),
            Column("gain", text("pilots.head.told_gain", "Gain told"), "share", digits=1, low="gain_low", high="gain_high"),
            Column("harm", text("pilots.head.told_harm", "Harm told"), "share", digits=1, low="harm_low", high="harm_high"),
            Column("out", text("pilots.head.rolled_out", "Rolled out"), "share", digits=1, low="out_low", high="out_high"),
            Column(
                "naive", text("pilots.head.naive", "Told, unguarded"), "share", digits=1, low="naive_low", high="naive_high"
            ),
            Column("information", text("pilots.head.used", "Information used"), "share", digits=0),
        )
        frame = pd.DataFrame(rows)
        return Table(f"pilots.calibration.{self.pilot.id}", title, columns, frame, note)

    def _looks(self) -> Text:
        taken = text("pilots.calibration.taken", "looks taken: {n}", n=count(self.taken))
        if self.taken == len(self.looks):
            return taken
        left = count(len(self.looks) - self.taken)
        return text("pilots.calibration.coming", "{taken}, still planned: {left}", taken=taken, left=left)

    def _guardrails(self) -> Text:
        """The guardrails that are in the rule played, and those that are not."""
        every = [one for one in self.pilot.metrics if one.guardrail]
        played = {one.id for one in self.guardrails}
        inside = [named(one.name) for one in every if one.id in played]
        outside = [named(one.name) for one in every if one.id not in played]
        words = named("")
        if inside:
            words = text("pilots.calibration.guardrails", "; guardrails: {names}", names=joined(inside))
        if outside:
            words = text(
                "pilots.calibration.unplayed",
                "{before}; without the guardrails of whose past too little is known: {names}",
                before=words,
                names=joined(outside),
            )
        return words

    def _several(self) -> Text:
        arms = list(self.pilot.arms)[1:]
        if len(arms) == 1:
            return named("")
        return text(
            "pilots.calibration.several",
            " The {n} arms with a measure share the error. Without an effect whatever is told of any of them counts; an effect "
            "is planted in arm {arm} alone, and its gain counts.",
            n=count(len(arms)),
            arm=arm_name(arms[0]),
        )

    def _tail(self) -> Text:
        """That a few large values make the rule cautious, where they do."""
        null = self.played[0]
        error = 1 - self.confidence
        if self.largest is None or self.largest < HEAVY or wilson(null.told, null.trials, 1.96)[1] >= error:
            return named("")
        return text(
            "pilots.calibration.tail",
            " The {n} largest values of such a pilot make {part} of its variance: beside so heavy a tail the rule is cautious, "
            "it errs less often than {error} and finds less than it might.",
            n=count(LARGEST),
            part=share(self.largest, 0),
            error=share(error, 0),
        )

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
            case "apart":
                return text(
                    "pilots.calibration.apart",
                    "from the control's own values ({n}), as what was delivered of the time before the pilot is no history of "
                    "this metric (its level: {before}, in the control while the pilot ran: {now})",
                    n=n,
                    before=self.levels[0] if self.levels else named("–"),
                    now=self.levels[1] if self.levels else named("–"),
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
        if self.levels is None or self.origin == "apart":
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
        most = QUANTILE_UNITS if metric.kind == "quantile" else MOST_UNITS
        words = named("")
        if metric.kind == "ratio":
            words = text("pilots.calibration.linear", " The ratio is played by its linearised values.")
        elif metric.estimate == "adjusted":
            words = text(
                "pilots.calibration.plain",
                " Played by the plain difference: the adjusted one of the card errs as often in simulated pilots and finds at "
                "least as much.",
            )
        if self.units <= most:
            return words
        return text(
            "pilots.calibration.smaller",
            "{words} Of so large a pilot {n} units are played, with effects scaled to stand out as much; heavy tails weigh "
            "more there.",
            words=words,
            n=count(most),
        )


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
    shown = [effect for effect in effects.of(pilot.id) if effect.shown]
    metric, effect = pilot.metrics[0], shown[0]
    guardrails = [one for one in pilot.metrics if one.guardrail]
    clustered = pilot.unit == "cluster"
    past: Past | None
    origin: Origin
    rng = generator(effects.settings.seed, pilot.id, "calibration")
    if tally_units(tables, pilot).empty:
        past = _of_summary(effect, effects.guardrails(pilot.id, effect.arm), rng)
        origin = "shares" if metric.kind == "proportion" else "normal"
        told = effect.found.n_control
    else:
        past = read_past(tables, pilot, metric, guardrails)
        origin, told = (past.source, past.count) if past else ("control", 0)
    if past is None:
        why = text("pilots.calibration.few", "Fewer than {n} values, or all alike: nothing to draw from.",
                   n=count(FEWEST_CLUSTERS if clustered else FEWEST))  # fmt: skip
        return _uncalibrated(pilot, why)
    error = (1 - effects.settings.analysis.confidence) / (len(pilot.arms) - 1)
    taken = _taken(effects, pilot, effect)
    looks = _schedule(pilot, taken, error)
    sizes = [effect.found.n_control, *(one.found.n_treated for one in shown)]
    at_last = [math.ceil(n * looks[-1][0] / max(effect.look.information, 1e-9)) for n in sizes]

    levels: tuple[Quantity, Quantity] | None = None
    own: Past | None = None
    if origin in ("windows", "measured"):
        before, now = past.level(metric), effect.found.control
        levels = (effect.level(before), effect.level(now))
        own = read_control(tables, pilot, metric, guardrails) if abs(now - before) > APART * abs(before) else None
        if own is not None and not 1 / FAR <= abs(before) / max(abs(now), 1e-300) <= FAR:
            past, origin, told, own = own, "apart", own.count, None

    def played(values: Past) -> tuple[Played, ...]:
        guarded = [_as_mean(one) for one in values.guardrails]
        return play(values.stretches, at_last, looks, _as_mean(metric), error, rng, guardrails=guarded, clustered=clustered)

    found = Calibrated(
        pilot, played(past), sum(at_last), told, origin, tuple(t for t, _ in looks), len(taken), past.guardrails,
        len(past.stretches), past.days,
        largest=None if metric.kind in ("proportion", "quantile") else _largest(past, sum(at_last)),
        confidence=effects.settings.analysis.confidence,
    )  # fmt: skip
    return replace(found, levels=levels, own_power=None if own is None else played(own)[1].gain)


def _largest(past: Past, units: int) -> float:
    """Share of the variance that the :data:`LARGEST` largest of so many units make, by all stretches of the history."""
    values = np.concatenate([one.reshape(len(one), -1)[:, 0] for one in past.stretches])
    squares = np.sort((values - values.mean()) ** 2)
    return float(squares[-max(1, round(LARGEST * len(values) / units)) :].sum() / squares.sum())


def _as_mean(metric: Metric) -> Metric:
    """The metric as it is played: a ratio by the mean of its linearised values."""
    return metric.model_copy(update={"kind": "mean", "denominator": None}) if metric.kind == "ratio" else metric


def _of_summary(effect: Effect, guardrails: Sequence[Effect], rng: np.random.Generator) -> Past | None:
    """Values with the level and spread of the control's summaries, each metric by itself; None where they do not vary."""
    first, *others = [_of_moments(one, rng) for one in (effect, *guardrails)]
    if first is None:
        return None
    told = [(one.metric, values) for one, values in zip(guardrails, others, strict=True) if values is not None]
    columns = [first, *(values for _, values in told)]
    return Past((np.column_stack(columns),), "control", guardrails=tuple(metric for metric, _ in told))


def _of_moments(effect: Effect, rng: np.random.Generator) -> Floats | None:
    found = effect.found
    if effect.metric.kind == "proportion":
        yes = round(found.control * NORMAL)
        return rng.permutation(np.repeat([1.0, 0.0], [yes, NORMAL - yes])) if 0 < yes < NORMAL else None
    if not found.error_control:
        return None
    return rng.normal(found.control, found.error_control * math.sqrt(found.n_control), NORMAL)


def _taken(effects: Effects, pilot: Pilot, effect: Effect) -> list[Look]:
    """The looks taken so far, the present one last."""
    days = {one.look.on: one.look for one in effects.seen.get(pilot.id, ())}
    return [days[on] for on in sorted(days)] or [effect.look]


def _schedule(pilot: Pilot, taken: Sequence[Look], error: float) -> list[tuple[float, float]]:
    """Information and limit of each look: those taken, and while the pilot runs those still planned, evenly spaced."""
    now = taken[-1]
    times = [look.information for look in taken]
    known = [(look.information, min(look.limit, FARTHEST)) for look in taken]
    if now.on >= last_day(pilot) or now.information >= 1:
        return known
    left = max(pilot.looks - len(taken), 1)
    coming = [now.information + (1 - now.information) * k / left for k in range(1, left + 1)]
    if any(look.method == "anytime" for look in taken):
        return [*known, *((t, anytime_limit(t, error)) for t in coming)]
    new = limits([*times, *coming], error, pilot.spending)[len(times) :]
    return [*known, *((t, min(limit, FARTHEST)) for t, limit in zip(coming, new, strict=True))]
