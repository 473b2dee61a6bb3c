"""Effects of randomised pilots by intention to treat, each with the interval that the look allows and its reading (row P3)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbook.language import Text, named, text
from workbook.period import Period
from workbook.pilots import effect_exhibits as exhibits
from workbook.pilots.checks import Checks
from workbook.pilots.comparison import Difference, ratio_of_sums, relative_lift, two_proportions, welch
from workbook.pilots.effect import Effect, Role, State
from workbook.pilots.estimates import Estimate, lead_estimate, other_estimates
from workbook.pilots.factorial import Factorial, weigh_factors
from workbook.pilots.lasting import Lasting, weigh_lasting
from workbook.pilots.look_exhibits import Seen, looks_figure, looks_table
from workbook.pilots.looks import Look, last_day, summarised, take_looks
from workbook.pilots.moments import Moments, summary
from workbook.pilots.multiplicity import benjamini_hochberg, holm
from workbook.pilots.samples import Sample, read_samples, tally_units
from workbook.pilots.units import current, newest_first, read_summaries
from workbook.pilots.unmeasured import unarmed, unassigned, unmeasured
from workbook.pilots.verdicts import judge, judge_guardrail
from workbook.report.blocks import Block, Figure, NotMeasured, Paragraph, Table
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

COLUMNS = ["pilot", "metric", "arm", "n_control", "n_arm", "control", "treated", "effect", "low", "high", "p", "margin",
           "unit", "verdict", "role", "error", "p_holm", "q", "lift", "lift_low", "lift_high", "limit", "method", "why",
           "information"]  # fmt: skip


@dataclass(frozen=True)
class Effects:
    """Effects of all pilots.

    Attributes:
        effects: a row for each pilot, metric and arm but the control; the primary metric first.
        parts: the primary metric of each pilot by stratum: exploratory.
        seen: pilot → its looks on the primary metric in order, an entry an arm and look.
        missing: what could not be measured and why.
        lasting: both halves of pilots that were measured along the way.
        settings: the parameters.
        period: the period analysed.
        factors: of pilots of two measures alone and together, what each does and whether they add up.
    """

    effects: tuple[Effect, ...]
    parts: tuple[Effect, ...]
    seen: Mapping[str, tuple[Seen, ...]]
    missing: tuple[NotMeasured, ...]
    lasting: tuple[Lasting, ...]
    settings: Settings
    period: Period
    factors: tuple[Factorial, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row a pilot, metric and arm.

        Columns pilot, metric, arm, n_control, n_arm, control, treated, effect, low, high (the interval that the look allows),
        p (of one comparison by itself at one look), margin, unit, verdict (a :data:`State`), role, error (standard), p_holm
        (among the arms), q (false-discovery rate among the secondary comparisons), lift, lift_low, lift_high (over the level of
        the control, Fieller), limit (half the interval in standard errors), method, why and information of the look. What
        comes from the effect is missing where none may be shown.
        """
        return _frame([effect.row() for effect in self.effects])

    @property
    def by_stratum(self) -> pd.DataFrame:
        """The same columns for each stratum, with ``stratum`` in front; exploratory."""
        frame = _frame([part.row() for part in self.parts])
        frame.insert(0, "stratum", [part.stratum for part in self.parts])
        return frame

    def table(self) -> Table | NotMeasured:
        """Every metric and arm with both levels, the difference and its reading."""
        if not self.effects:
            return NotMeasured("pilots.effects", exhibits.NOTHING, ("assignments", "outcomes"))
        return exhibits.effects_table(self.effects, self.settings)

    def stratum_table(self) -> Table | NotMeasured:
        """The primary metric by stratum, as it is and drawn towards the whole; exploratory."""
        shown = [part for part in self.parts if part.shown]
        if not shown:
            return NotMeasured(
                "pilots.strata",
                text("pilots.strata.none", "Effect by stratum"),
                ("assignments.stratum", "outcomes.value"),
            )
        return exhibits.strata_table(shown, self.settings, several=self._several_pilots())

    def figure(self, pilot: str | None = None) -> Figure | NotMeasured:
        """Effects with intervals and readings of one pilot (the first with an effect, unless named)."""
        figures = self.figures()
        wanted = [f for f in figures if pilot is None or f.id == f"pilots.effects.{pilot}"]
        if wanted:
            return wanted[0]
        return NotMeasured("pilots.effects.figure", exhibits.NOTHING, why=self._why())

    def figures(self) -> tuple[Figure, ...]:
        """A picture for each pilot of the period with an effect to show; without one, for the newest of the earlier ones."""
        return tuple(exhibits.effects_figure(pilot, self._shown(pilot)) for pilot in self.shown_pilots())

    def looks(self) -> tuple[Block, ...]:
        """Picture and table of the looks at each pilot of the period that was looked at more than once, or before its end."""
        blocks: list[Block] = []
        for pilot in self.shown_pilots():
            seen = self.seen.get(pilot.id, ())
            if len({one.look.on for one in seen}) > 1:
                blocks.append(looks_figure(pilot, seen))
            if seen and (len(seen) > len(pilot.arms) - 1 or seen[-1].look.method != "fixed"):
                blocks.append(looks_table(pilot, seen, self.settings))
        return tuple(blocks)

    def ways(self) -> tuple[Table, ...]:
        """The primary effect of each pilot of the period by other ways of estimating it."""
        tables = [
            exhibits.ways_table(pilot, [e for e in self.of(pilot.id) if e.shown and len(e.ways) > 1])
            for pilot in self.shown_pilots()
            if any(e.shown and len(e.ways) > 1 for e in self.of(pilot.id))
        ]
        return tuple(tables)

    def blocks(self) -> tuple[Block, ...]:
        """Tables, pictures and notes, in the order of a chapter."""
        if not self.effects:
            return self.missing or (self.table(),)
        strata: tuple[Block, ...] = (self.stratum_table(),) if any(part.shown for part in self.parts) else ()
        notes = tuple(
            Paragraph(
                f"pilots.limits.{pilot.id}",
                text(
                    "pilots.limits.not_randomised",
                    "{pilot}: the client chose who took part, so the difference between the groups is no "
                    "effect of the measure.",
                    pilot=named(pilot.name),
                ),
                "limits",
            )
            for pilot in {e.pilot.id: e.pilot for e in self.effects if e.state == "not_randomised"}.values()
        )
        shown = [pilot.id for pilot in self.shown_pilots()]
        halves = [one.paragraph() for one in self.lasting if one.pilot.id in shown]
        crossed = [one.table() for one in self.factors if one.effect.pilot.id in shown]
        return (*self.figures(), *self.looks(), self.table(), *crossed, *self.ways(), *halves, *strata, *self.missing, *notes)

    def of(self, pilot: str) -> tuple[Effect, ...]:
        """The effects of one pilot on its primary metric, one an arm."""
        return tuple(e for e in self.effects if e.pilot.id == pilot and e.role == "primary")

    def guardrails(self, pilot: str, arm: str) -> tuple[Effect, ...]:
        """What must not get worse in one arm of a pilot."""
        return tuple(e for e in self.effects if e.pilot.id == pilot and e.arm == arm and e.role == "guardrail")

    def shown_pilots(self) -> list[Pilot]:
        """The pilots of the period with an effect to show; without one, the newest of the earlier ones."""
        pilots = {effect.pilot.id: effect.pilot for effect in self.effects if effect.shown}
        return current(pilots.values(), self.period)

    def _shown(self, pilot: Pilot) -> list[Effect]:
        return [effect for effect in self.effects if effect.pilot.id == pilot.id and effect.shown]

    def _several_pilots(self) -> bool:
        return len({effect.pilot.id for effect in self.effects}) > 1

    def _why(self) -> Text:
        if any(effect.state == "hidden" for effect in self.effects):
            return text("pilots.why.hidden", "A check was not passed; what was found stands in the table of checks.")
        if any(effect.state == "not_randomised" for effect in self.effects):
            return text("pilots.why.not_randomised", "The pilot was not randomised; no effect can be claimed.")
        return text("pilots.why.no_outcome", "No outcome of a pilot with its assignment was delivered.")


def measure_effects(tables: Tables, settings: Settings, checks: Checks, looks: object = None) -> Effects:
    """Effects of every pilot of the settings on each of its metrics.

    By intention to treat: a unit counts in the arm it was assigned to. Units in two arms are left out; missing outcomes are
    left out and counted, never zero. An effect behind a red gate, or of a pilot that was not randomised, is not worked out into
    the result. Of pilots without units the delivered summaries are used.

    Args:
        checks: of :func:`workbook.pilots.checks.check_pilots` on the same tables.
        looks: records of the ledger of kind ``looks``; anything but a frame: none was accepted.
    """
    effects: list[Effect] = []
    parts: list[Effect] = []
    seen: dict[str, tuple[Seen, ...]] = {}
    missing: list[NotMeasured] = []
    lasting: list[Lasting] = []
    factors: list[Factorial] = []
    for pilot in newest_first(settings):
        trial = _Trial(tables, pilot, settings, checks, _earlier(pilot, looks))
        drawn = tally_units(tables, pilot)
        if drawn.empty:
            summaries = read_summaries(tables, pilot)
            if summaries.empty:
                missing.append(unassigned(tables, pilot, settings))
                continue
            found, seen[pilot.id] = trial.of_summaries(summaries, missing)
        else:
            found, strata, seen[pilot.id] = trial.of_units(drawn, missing)
            parts += strata
            if (crossed := weigh_factors(tables, found, settings.analysis.confidence)) is not None:
                factors.append(crossed)
            if any(effect.shown and effect.role == "primary" for effect in found):
                lasting += weigh_lasting(tables, pilot, settings.analysis.confidence)
        effects += _among_each_other(found)
    return Effects(tuple(effects), tuple(parts), seen, tuple(missing), tuple(lasting), settings, tables.period, tuple(factors))


@dataclass(frozen=True)
class _Trial:
    """One pilot on its way to effects; ``earlier`` are the records of its looks on the primary metric."""

    tables: Tables
    pilot: Pilot
    settings: Settings
    checks: Checks
    earlier: pd.DataFrame

    @property
    def today(self) -> dt.date:
        return min(self.tables.period.end, last_day(self.pilot))

    @property
    def arms(self) -> list[str]:
        return list(self.pilot.arms)[1:]

    def of_units(self, drawn: pd.DataFrame, missing: list[NotMeasured]) -> tuple[list[Effect], list[Effect], tuple[Seen, ...]]:
        """Effects, those of the strata, and the looks, from outcomes unit by unit.

        Args:
            drawn: of :func:`~workbook.pilots.samples.tally_units`.
        """
        pilot, metrics = self.pilot, self.pilot.metrics
        told = drawn[drawn["kept"] > 0].index
        if not {next(iter(pilot.arms))} < set(told) & set(pilot.arms):
            missing.append(unarmed(pilot, drawn.index))
            return [], [], ()
        samples = read_samples(self.tables, pilot)
        tallies = {name: sample.tally().reindex([*pilot.arms], fill_value=0) for name, sample in samples.items()}
        told_units = {name: int((tally["units"] - tally["missing"]).sum()) for name, tally in tallies.items()}
        look = self._looks(told_units[metrics[0].id])[-1]
        found: list[Effect] = []
        parts: list[Effect] = []
        for metric in metrics:
            sample, tally = samples[metric.id], tallies[metric.id]
            if not told_units[metric.id]:
                missing.append(unmeasured(self.tables, pilot, metric, tally))
                continue
            effects = self._compared(sample, metric, look, tally["missing"])
            found += effects
            if metric is metrics[0] and any(effect.shown for effect in effects):
                parts = self._by_stratum(sample, metric, look)
        return found, parts, self._seen([(e, look) for e in found if e.role == "primary" and e.shown])

    def of_summaries(self, summaries: pd.DataFrame, missing: list[NotMeasured]) -> tuple[list[Effect], tuple[Seen, ...]]:
        """Effects at the newest look, and those on the primary metric at every look, from delivered summaries."""
        found: list[Effect] = []
        history: list[tuple[Effect, Look]] = []
        primary = self.pilot.metrics[0]
        of_primary = summaries[summaries["metric"] == primary.id]
        taken = [(on, int(rows["n"].sum())) for on, rows in of_primary.groupby("looked_at", sort=True)]
        looks = {look.on: look for look in self._looks_of([(_day(on), n) for on, n in taken])} if taken else {}
        for metric in self.pilot.metrics:
            rows = summaries[summaries["metric"] == metric.id]
            days = [day for day in sorted({_day(on) for on in rows["looked_at"]}) if day in looks]
            if not days or metric.kind == "quantile":
                missing.append(unmeasured(self.tables, self.pilot, metric))
                continue
            below = summaries[summaries["metric"] == metric.denominator]
            if not self._of_summary(rows, below, metric, looks[days[-1]]):
                missing.append(unmeasured(self.tables, self.pilot, metric))
                continue
            for day in days if metric is primary else days[-1:]:
                effects = self._of_summary(rows, below, metric, looks[day])
                if metric is primary:
                    history += [(e, looks[day]) for e in effects if e.shown]
                if day == days[-1]:
                    found += effects
        return found, self._seen(history)

    def _looks(self, units: int) -> list[Look]:
        """The looks of the ledger and the one that is taken now."""
        before = [(on, n) for on, n in summarised(self.pilot.id, self.earlier) if on < self.today]
        return self._looks_of([*before, (self.today, units)])

    def _looks_of(self, taken: list[tuple[dt.date, int]]) -> list[Look]:
        return take_looks(self.pilot, taken, self.settings.analysis.confidence, len(self.arms))

    def _compared(
        self, sample: Sample, metric: Metric, look: Look, gone: pd.Series, stratum: str | None = None
    ) -> list[Effect]:
        """The effect of every arm on one metric.

        Args:
            gone: arm → units without an outcome.
        """
        pilot, seed, clustered = self.pilot, self.settings.seed, self.pilot.unit == "cluster"
        control = next(iter(pilot.arms))
        found = []
        for arm in self.arms:
            given = (sample, metric, control, arm, look.confidence)
            difference = lead_estimate(*given, seed=seed, clustered=clustered)
            if difference is None:
                continue
            effect = self._effect(difference, metric, arm, look, stratum)
            lost = (int(gone.get(control, 0)), int(gone.get(arm, 0)))
            ways: tuple[Estimate, ...] = ()
            if effect.role == "primary" and stratum is None and effect.shown:
                ways = other_estimates(*given, seed=seed, clustered=clustered)
            found.append(replace(effect, missing_control=lost[0], missing_arm=lost[1], ways=ways))
        return found

    def _of_summary(self, rows: pd.DataFrame, below: pd.DataFrame, metric: Metric, look: Look) -> list[Effect]:
        """The effects of one look; ``below`` are the summaries of the denominator of a ratio."""
        control = next(iter(self.pilot.arms))
        found = []
        sides, unders = (
            {str(row["arm"]): row for row in part[part["looked_at"].map(_day) == look.on].to_dict("records")}
            for part in (rows, below)
        )
        for arm in self.arms:
            if control not in sides or arm not in sides:
                continue
            if metric.kind == "ratio":
                base, other = (_pair(sides[side], unders.get(side)) for side in (control, arm))
                difference = ratio_of_sums(base, other, look.confidence) if base and other else None
            else:
                difference = _summary_difference(sides[control], sides[arm], metric, look.confidence)
            if difference is not None:
                found.append(self._effect(difference, metric, arm, look))
        return found

    def _effect(self, found: Difference, metric: Metric, arm: str, look: Look, stratum: str | None = None) -> Effect:
        pilot, checks = self.pilot, self.checks
        role: Role = "guardrail" if metric.guardrail else "primary" if metric is pilot.metrics[0] else "secondary"
        state = _state(pilot, metric, found, closed=bool(checks.failed(pilot.id)))
        lift = relative_lift(found, look.confidence) if metric.estimate == "plain" else None
        sound = not checks.doubts.get(pilot.id)
        return Effect(pilot, metric, arm, found, 0, 0, state, sound, look, role, lift=lift, stratum=stratum)

    def _by_stratum(self, sample: Sample, metric: Metric, look: Look) -> list[Effect]:
        least = max(2, self.settings.analysis.small_cell)
        parts: list[Effect] = []
        cells = sample.strata([*self.pilot.arms]).dropna(subset=["stratum"])
        sizes = cells.pivot_table(index="stratum", columns="arm", values="count", aggfunc="sum", fill_value=0)
        sizes = sizes.reindex(columns=[*self.pilot.arms], fill_value=0)
        nothing = pd.Series(0, index=[*self.pilot.arms])
        for stratum in sizes.index[sizes.min(axis=1) >= least]:
            parts += self._compared(sample.within(str(stratum)), metric, look, nothing, str(stratum))
        return parts

    def _seen(self, now: Sequence[tuple[Effect, Look]]) -> tuple[Seen, ...]:
        """What was seen at every look: as the ledger has it, and as it is worked out now."""
        days = {look.on for _, look in now}
        looks = {look.on: look for look in self._looks_of(summarised(self.pilot.id, self.earlier))} if len(self.earlier) else {}
        before = [
            Seen(str(row["arm"]), looks[day], float(row["effect"]), float(row["low"]), float(row["high"]))
            for row in self.earlier.to_dict("records")
            if (day := _day(row["looked_at"])) in looks and day < self.today and day not in days
        ]
        fresh = [Seen(e.arm, look, e.found.effect, *e.interval) for e, look in now]
        return tuple(sorted([*before, *fresh], key=lambda one: (one.look.on, self.arms.index(one.arm))))


def _state(pilot: Pilot, metric: Metric, found: Difference, *, closed: bool) -> State:
    if not pilot.randomised:
        return "not_randomised"
    if closed:
        return "hidden"
    if found.low is None or found.high is None:
        return "no_interval"
    if metric.guardrail:
        return judge_guardrail(found.low, found.high, metric.harm or metric.margin, metric.better)
    return judge(found.low, found.high, metric.margin, metric.better)


def _summary_difference(
    control: Mapping[Hashable, Any], treated: Mapping[Hashable, Any], metric: Metric, confidence: float
) -> Difference | None:
    """The difference of two delivered summaries."""
    sides = (control, treated)
    n0, n1 = (int(side["n"]) for side in sides)
    if metric.kind == "proportion":
        yes0, yes1 = (
            float(side["successes"]) if pd.notna(side["successes"]) else float(side["mean"]) * n
            for side, n in zip(sides, (n0, n1), strict=True)
        )
        if not (0 <= yes0 <= n0 and 0 <= yes1 <= n1):
            return None
        return two_proportions(yes0, n0, yes1, n1, confidence)
    if any(pd.isna(side["mean"]) or pd.isna(side["variance"]) for side in sides):
        return None
    moments = [summary(int(side["n"]), float(side["mean"]), float(side["variance"])) for side in sides]
    return welch(moments[0], moments[1], confidence)


def _pair(above: Mapping[Hashable, Any], below: Mapping[Hashable, Any] | None) -> Moments | None:
    """Moments of numerator and denominator from their delivered summaries; None where something of them is missing."""
    if below is None or int(below["n"]) != int(above["n"]):
        return None
    n, covariance = int(above["n"]), float(above["covariance"])
    means, variances = ([float(one[name]) for one in (above, below)] for name in ("mean", "variance"))
    if not math.isfinite(sum([*means, *variances, covariance])) or covariance**2 > variances[0] * variances[1] * (1 + 1e-9):
        return None
    return Moments(n, np.array(means), (n - 1) * np.array([[variances[0], covariance], [covariance, variances[1]]]))


def _among_each_other(effects: list[Effect]) -> list[Effect]:
    """The effects of one pilot with p-values that know how many comparisons there are."""
    by_metric: dict[str, list[int]] = {}
    for place, effect in enumerate(effects):
        by_metric.setdefault(effect.metric.id, []).append(place)
    found = list(effects)
    for places in by_metric.values():
        _adjust(found, places, holm, "p_holm")
    _adjust(found, [i for i, e in enumerate(found) if e.role == "secondary"], benjamini_hochberg, "q")
    return found


def _adjust(
    effects: list[Effect], places: list[int], rule: Callable[[Sequence[float | None]], list[float | None]], field: str
) -> None:
    for place, p in zip(places, rule([effects[i].found.p for i in places]), strict=True):
        effects[place] = replace(effects[place], **{field: p})  # type: ignore[arg-type]


def _earlier(pilot: Pilot, looks: object) -> pd.DataFrame:
    """The records of the looks at a pilot's primary metric; no row where there are none."""
    if not isinstance(looks, pd.DataFrame):
        return pd.DataFrame(columns=["pilot", "metric", "arm", "looked_at", "n_control", "n_arm", "effect", "low", "high"])
    mine = looks[(looks["pilot"] == pilot.id) & (looks["metric"] == pilot.metrics[0].id) & looks["arm"].isin(list(pilot.arms))]
    return mine.dropna(subset=["effect", "low", "high"])


def _day(value: object) -> dt.date:
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))


def _frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    words = ["pilot", "metric", "arm", "unit", "verdict", "role", "method", "why"]
    counts = ["n_control", "n_arm"]
    kinds = {c: "str" if c in words else "int64" if c in counts else "float64" for c in COLUMNS}
    return frame.astype(kinds)
