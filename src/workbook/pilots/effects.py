"""Effects of randomised pilots by intention to treat, each with its interval and its reading (row P3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, Unit, count, joined, named, share, text
from workbook.period import Period
from workbook.pilots.checks import Checks
from workbook.pilots.comparison import Difference, compare_means, compare_proportions
from workbook.pilots.drawing import Panel, PanelRow, draw_panels
from workbook.pilots.units import arm_name, current, in_two_arms, newest_first, read_units, read_values
from workbook.pilots.verdicts import Verdict, judge, reading
from workbook.report.blocks import Block, Column, Figure, NotMeasured, Paragraph, Table
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

State = Verdict | Literal["hidden", "not_randomised", "no_interval"]
"""``hidden``: a check was not passed; ``not_randomised``: no effect is claimed; ``no_interval``: too few units, or no
variation."""

_COLUMNS = ["pilot", "metric", "arm", "n_control", "n_arm", "control", "treated", "effect", "low", "high", "p", "margin",
            "unit", "verdict"]  # fmt: skip


@dataclass(frozen=True)
class Effect:
    """The effect of one arm on one metric.

    Attributes:
        found: both means, their difference and its interval; effect and interval are kept back where ``state`` is
            ``hidden`` or ``not_randomised``.
        missing_control, missing_arm: units whose outcome is missing; they are in no mean.
        sound: False where something is in doubt (see :class:`~workbook.pilots.checks.Checks`).
        stratum: the stratum of an exploratory part; None for the whole pilot.
    """

    pilot: Pilot
    metric: Metric
    arm: str
    found: Difference
    missing_control: int
    missing_arm: int
    state: State
    sound: bool
    stratum: str | None = None

    def words(self) -> Text:
        """The reading, in the words of the wording table."""
        match self.state:
            case "hidden":
                return text("pilots.state.hidden", "not shown: a check was not passed")
            case "not_randomised":
                return text("pilots.state.not_randomised", "not randomised: no effect can be claimed")
            case "no_interval":
                return text("pilots.state.no_interval", "cannot tell: too few units or no variation")
            case _:
                return reading(self.state, self.amount(abs(self.found.effect)), self.metric.better, sound=self.sound)

    def amount(self, value: float | None) -> Quantity:
        """A difference in the metric's unit."""
        return amount_of_difference(self.metric, value)

    def level(self, value: float | None) -> Quantity:
        """A mean in the metric's unit."""
        return share(value, 1) if self.metric.unit == "share" else Quantity(value, self.metric.unit)

    def row(self) -> tuple[object, ...]:
        """The effect as a row of the artefact ``pilot_effects``."""
        d = self.found
        kept = (None,) * 4 if self.state in ("hidden", "not_randomised") else (d.effect, d.low, d.high, d.p)
        return (self.pilot.id, self.metric.id, self.arm, d.n_control, d.n_treated, d.control, d.treated, *kept,
                self.metric.margin, self.metric.unit, self.state)  # fmt: skip

    @property
    def shown(self) -> bool:
        """Whether there is an effect with an interval to show."""
        return self.state not in ("hidden", "not_randomised", "no_interval")


@dataclass(frozen=True)
class Effects:
    """Effects of all pilots.

    Attributes:
        effects: a row for each pilot, metric and arm but the control; the primary metric first.
        parts: the primary metric of each pilot by stratum: exploratory.
        missing: what could not be measured and why.
        settings: the parameters.
        period: the period analysed.
    """

    effects: tuple[Effect, ...]
    parts: tuple[Effect, ...]
    missing: tuple[NotMeasured, ...]
    settings: Settings
    period: Period

    @property
    def frame(self) -> pd.DataFrame:
        """Columns pilot, metric, arm, n_control, n_arm, control, treated, effect, low, high, p, margin, unit, verdict.

        ``verdict`` is a :data:`State`; effect, low, high and p are missing where no effect may be shown.
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
            return NotMeasured("pilots.effects", _NOTHING, ("assignments", "outcomes"))
        return Table(
            "pilots.effects",
            self._title(),
            _table_columns(text("pilots.head.metric", "Metric")),
            _table_rows(self.effects, [_label(e, self._several_pilots()) for e in self.effects]),
            self._note(),
            artefact="pilot_effects",
        )

    def stratum_table(self) -> Table | NotMeasured:
        """The primary metric by stratum; exploratory."""
        shown = [part for part in self.parts if part.shown]
        if not shown:
            return NotMeasured(
                "pilots.strata",
                text("pilots.strata.none", "Effect by stratum"),
                ("assignments.stratum", "outcomes.value"),
            )
        good = sum(part.state in ("better", "small") for part in shown)
        title = text(
            "pilots.strata.title",
            "Exploratory: the measure helped in {n} of {all} groups",
            n=count(good),
            all=count(len(shown)),
        )
        note = text(
            "pilots.strata.note",
            "Primary metric by stratum at assignment, {level} intervals one by one. The groups were not planned as tests: "
            "among several, one differs by chance easily. Groups with fewer than {cell} units in an arm are not shown.",
            level=share(self.settings.analysis.confidence),
            cell=count(max(2, self.settings.analysis.small_cell)),
        )
        labels = [_stratum_label(part, self.settings, self._several_pilots()) for part in shown]
        return Table(
            "pilots.strata",
            title,
            _table_columns(text("pilots.head.stratum", "Stratum")),
            _table_rows(shown, labels),
            note,
        )

    def figure(self, pilot: str | None = None) -> Figure | NotMeasured:
        """Effects with intervals and readings of one pilot (the first with an effect, unless named)."""
        figures = self.figures()
        wanted = [f for f in figures if pilot is None or f.id == f"pilots.effects.{pilot}"]
        if wanted:
            return wanted[0]
        return NotMeasured("pilots.effects.figure", _NOTHING, why=self._why())

    def figures(self) -> tuple[Figure, ...]:
        """A picture for each pilot of the period with an effect to show; without one, for the newest of the earlier ones."""
        pilots = {effect.pilot.id: effect.pilot for effect in self.effects if effect.shown}
        return tuple(self._figure(pilot) for pilot in current(pilots.values(), self.period))

    def blocks(self) -> tuple[Block, ...]:
        """Tables, pictures and notes, in the order of a chapter."""
        if not self.effects:
            return (self.table(), *self.missing)
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
        return (*self.figures(), self.table(), *strata, *self.missing, *notes)

    def of(self, pilot: str) -> tuple[Effect, ...]:
        """The effects of one pilot on its primary metric, one an arm."""
        return tuple(e for e in self.effects if e.pilot.id == pilot and e.metric.id == e.pilot.metrics[0].id)

    def _several_pilots(self) -> bool:
        return len({effect.pilot.id for effect in self.effects}) > 1

    def _why(self) -> Text:
        if any(effect.state == "hidden" for effect in self.effects):
            return text("pilots.why.hidden", "A check was not passed; what was found stands in the table of checks.")
        if any(effect.state == "not_randomised" for effect in self.effects):
            return text("pilots.why.not_randomised", "The pilot was not randomised; no effect can be claimed.")
        return text("pilots.why.no_outcome", "No outcome of a pilot with its assignment was delivered.")

    def _title(self) -> Text:
        shown = [effect for effect in self.effects if effect.shown]
        if not shown:
            return text("pilots.effects.title_none", "No effect can be shown for this period's pilots")
        gains = sum(effect.state in ("better", "small") for effect in shown)
        return text("pilots.effects.title", "Gain in {n} of {all} comparisons", n=count(gains), all=count(len(shown)))

    def _note(self) -> Text:
        missing = sum(effect.missing_arm for effect in self.effects) + sum(
            {(e.pilot.id, e.metric.id): e.missing_control for e in self.effects}.values()
        )
        return text(
            "pilots.effects.note",
            "Units by the arm they were assigned to (intention to treat); difference: arm less control, {level} interval, each "
            "comparison by itself. {missing} missing outcomes are left out, not counted as zero.",
            level=share(self.settings.analysis.confidence),
            missing=count(missing),
        )

    def _figure(self, pilot: Pilot) -> Figure:
        shown = [effect for effect in self.effects if effect.pilot.id == pilot.id and effect.shown]
        panels = [
            Panel(
                named(metric.name),
                _axis_unit(metric),
                metric.margin,
                metric.better,
                tuple(
                    PanelRow(
                        arm_name(e.arm),
                        text(
                            "pilots.figure.value",
                            "{effect} ({low} to {high})",
                            effect=e.amount(e.found.effect),
                            low=bare(e, e.found.low),
                            high=bare(e, e.found.high),
                        ),
                        e.words(),
                        e.found.effect,
                        _sure(e.found.low),
                        _sure(e.found.high),
                        _colour(e.state),
                    )
                    for e in shown
                    if e.metric.id == metric.id
                ),
            )
            for metric in pilot.metrics
            if any(e.metric.id == metric.id for e in shown)
        ]

        def draw(edition: Edition) -> Canvas:
            return draw_panels(panels, edition)

        readings = joined([text("pilots.alt.part", "{label}: {words}", label=_label(e, False), words=e.words()) for e in shown])
        alt = text("pilots.alt.effects", "Interval plot of the effects of {pilot}. {words}.", pilot=named(pilot.name),
                   words=readings)  # fmt: skip
        note = text(
            "pilots.figure.note",
            "Difference arm less control with its {level} interval; solid line: no difference; dashed: smallest worthwhile "
            "effect. Each metric has its own scale. {n} units with an outcome of the primary metric.",
            level=share(self.settings.analysis.confidence),
            n=count(shown[0].found.n_control + sum(e.found.n_treated for e in self.of(pilot.id))),
        )
        return Figure(f"pilots.effects.{pilot.id}", message(shown[0]), draw, alt, note)


_NOTHING = text("pilots.effects.none", "No effect of a pilot could be measured")


def amount_of_difference(metric: Metric, value: float | None) -> Quantity:
    """A difference of *metric* with its unit: points for shares."""
    if metric.unit == "share":
        return Quantity(value, "points", 1)
    return Quantity(value, metric.unit, 2 if metric.unit == "money" and value is not None and abs(value) < 100 else None)


def message(effect: Effect) -> Text:
    """The finding in one sentence: metric, arm where there are several, and reading, with the number of the difference."""
    metric = named(effect.metric.name)
    if len(effect.pilot.arms) > 2:
        metric = text("pilots.message.arm", "{metric} (arm {arm})", metric=metric, arm=arm_name(effect.arm))
    return text("pilots.message", "{metric}: {words}", metric=metric, words=effect.words())


def measure_effects(tables: Tables, settings: Settings, checks: Checks) -> Effects:
    """Effects of every pilot of the settings on each of its metrics.

    By intention to treat: a unit counts in the arm it was assigned to. Units in two arms are left out; missing outcomes are
    left out and counted, never zero. An effect behind a red gate, or of a pilot that was not randomised, is not worked out into
    the result.

    Args:
        checks: of :func:`workbook.pilots.checks.check_pilots` on the same tables.
    """
    effects: list[Effect] = []
    parts: list[Effect] = []
    missing: list[NotMeasured] = []
    for pilot in newest_first(settings):
        units = read_units(tables, pilot)
        if units.empty:
            missing.append(_unassigned(pilot))
            continue
        units = units[~in_two_arms(units) & units["arm"].isin(list(pilot.arms))]
        for place, metric in enumerate(pilot.metrics):
            values = units.merge(read_values(tables, pilot, metric), on="unit_id", how="left")
            if values["value"].notna().sum() == 0:
                missing.append(_unmeasured(pilot, metric))
                continue
            found = _compare_arms(values, pilot, metric, settings, checks)
            effects += found
            if place == 0 and any(effect.shown for effect in found):
                parts += _by_stratum(values, pilot, metric, settings, checks)
    return Effects(tuple(effects), tuple(parts), tuple(missing), settings, tables.period)


def _compare_arms(
    values: pd.DataFrame, pilot: Pilot, metric: Metric, settings: Settings, checks: Checks, stratum: str | None = None
) -> list[Effect]:
    control_name, *arms = pilot.arms
    control = values.loc[values["arm"] == control_name, "value"]
    sound = not checks.doubts.get(pilot.id)
    closed = bool(checks.failed(pilot.id))
    effects = []
    for arm in arms:
        treated = values.loc[values["arm"] == arm, "value"]
        compare = compare_proportions if metric.kind == "proportion" else compare_means
        known = (control.dropna().to_numpy(float), treated.dropna().to_numpy(float))
        found = compare(*known, settings.analysis.confidence)
        if found is None:
            continue
        state = _state(pilot, metric, found, closed)
        effects.append(
            Effect(pilot, metric, arm, found, int(control.isna().sum()), int(treated.isna().sum()), state, sound, stratum)
        )
    return effects


def _state(pilot: Pilot, metric: Metric, found: Difference, closed: bool) -> State:
    if not pilot.randomised:
        return "not_randomised"
    if closed:
        return "hidden"
    if found.low is None or found.high is None:
        return "no_interval"
    return judge(found.low, found.high, metric.margin, metric.better)


def _by_stratum(values: pd.DataFrame, pilot: Pilot, metric: Metric, settings: Settings, checks: Checks) -> list[Effect]:
    least = max(2, settings.analysis.small_cell)
    parts: list[Effect] = []
    for stratum, rows in values.dropna(subset=["stratum", "value"]).groupby("stratum", sort=True):
        if rows.groupby("arm")["value"].count().reindex(list(pilot.arms), fill_value=0).min() >= least:
            parts += _compare_arms(rows, pilot, metric, settings, checks, str(stratum))
    return parts


def _unassigned(pilot: Pilot) -> NotMeasured:
    return NotMeasured(
        f"pilots.missing.{pilot.id}",
        text("pilots.missing.units", "Effect of {pilot}", pilot=named(pilot.name)),
        ("assignments.unit_id", "assignments.arm"),
    )


def _unmeasured(pilot: Pilot, metric: Metric) -> NotMeasured:
    return NotMeasured(
        f"pilots.missing.{pilot.id}.{metric.id}",
        text(
            "pilots.missing.metric",
            "Effect of {pilot} on {metric}",
            pilot=named(pilot.name),
            metric=named(metric.name),
        ),
        ("outcomes.value",),
    )


def _frame(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    numbers = dict.fromkeys(["control", "treated", "effect", "low", "high", "p", "margin"], "float64")
    words = dict.fromkeys(["pilot", "metric", "arm", "unit", "verdict"], "str")
    return frame.astype(numbers | words | {"n_control": "int64", "n_arm": "int64"})


def _table_columns(first: Text) -> tuple[Column, ...]:
    return (
        Column("label", first),
        Column("arm", text("pilots.head.arm", "Arm")),
        Column("n", text("pilots.head.n", "n (control / arm)"), "number"),
        Column("control", text("pilots.head.control", "Control"), "number"),
        Column("treated", text("pilots.head.treated", "With measure"), "number"),
        Column("effect", text("pilots.head.effect", "Difference (interval)"), "number", low="low", high="high"),
        Column("words", text("pilots.head.reading", "Reading")),
    )


def _table_rows(effects: Sequence[Effect], labels: Sequence[Text]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for e, label in zip(effects, labels, strict=True):
        open_ = e.shown or e.state == "no_interval"
        rows.append(
            {
                "label": label,
                "arm": arm_name(e.arm),
                "n": text("pilots.n", "{control} / {arm}", control=count(e.found.n_control), arm=count(e.found.n_treated)),
                "control": e.level(e.found.control),
                "treated": e.level(e.found.treated),
                "effect": e.amount(e.found.effect) if open_ else None,
                "low": bare(e, e.found.low) if e.shown else None,
                "high": bare(e, e.found.high) if e.shown else None,
                "words": e.words(),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _label(effect: Effect, several: bool) -> Text:
    metric = named(effect.metric.name)
    if effect.metric.id != effect.pilot.metrics[0].id:
        metric = text("pilots.label.secondary", "{metric} (secondary)", metric=metric)
    if not several:
        return metric
    return text("pilots.label.pilot", "{pilot}: {metric}", pilot=named(effect.pilot.name), metric=metric)


def _stratum_label(part: Effect, settings: Settings, several: bool) -> Text:
    tiers = {tier.id: named(tier.name) for tier in settings.grading.tiers}
    name = joined([tiers.get(value, named(value)) for value in (part.stratum or "").split("|")])
    return text("pilots.label.pilot", "{pilot}: {metric}", pilot=named(part.pilot.name), metric=name) if several else name


def _axis_unit(metric: Metric) -> Unit:
    return "points" if metric.unit == "share" else metric.unit


def bare(effect: Effect, value: float | None) -> Text:
    """An end of an interval without its unit where the unit is said already (points)."""
    if effect.metric.unit == "share" and value is not None:
        return text("pilots.bare", "{value}", value=Quantity(100 * value, "number", 1))
    return text("pilots.bare", "{value}", value=effect.amount(value))


def _sure(value: float | None) -> float:
    assert value is not None, "an effect without an interval is not drawn"
    return value


def _colour(state: State) -> Literal["better", "worse", "unclear"]:
    if state in ("better", "small"):
        return "better"
    return "worse" if state == "worse" else "unclear"
