"""Tables and pictures of effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from scipy import stats

from workbook.language import Edition, Text, Unit, count, joined, named, number, share, text
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.drawing import Panel, PanelRow, draw_panels
from workbook.pilots.effect import Effect, State, message
from workbook.pilots.estimates import WAYS
from workbook.pilots.shrinkage import shrink
from workbook.pilots.units import arm_name
from workbook.pilots.verdicts import judge, reading
from workbook.report.blocks import Column, Figure, Table
from workbook.settings.models import Metric, Pilot, Settings

NOTHING = text("pilots.effects.none", "No effect of a pilot could be measured")

_EMPTY = named("")


def effects_table(effects: Sequence[Effect], settings: Settings) -> Table:
    """Every metric and arm with both levels, the difference and its reading."""
    several = len({effect.pilot.id for effect in effects}) > 1
    *columns, last = _table_columns(text("pilots.head.metric", "Metric"), effects)
    head = text("pilots.head.lift", "Over the control (interval)")
    columns += [Column("lift", head, "share", digits=1, low="lift_low", high="lift_high"), last]
    frame = _table_rows(effects, [label(e, several) for e in effects])
    for name, pick in (("lift", "value"), ("lift_low", "low"), ("lift_high", "high")):
        frame[name] = pd.Series([getattr(e.lift, pick) if e.lift and e.shown else None for e in effects], dtype=object)
    return Table("pilots.effects", _title(effects), tuple(columns), frame, _note(effects, settings), artefact="pilot_effects")


def strata_table(shown: Sequence[Effect], settings: Settings, *, several: bool) -> Table:
    """The primary metric by stratum, as it is and drawn towards the whole; exploratory."""
    frame = _table_rows(shown, [_stratum_label(part, settings, several) for part in shown])
    drawn = drawn_to_the_whole(shown)
    verdicts = [judge(low, high, e.metric.margin, e.metric.better) for e, (_, low, high) in zip(shown, drawn, strict=True)]
    good = sum(verdict in ("better", "small") for verdict in verdicts)
    frame["drawn"] = pd.Series([e.amount(x) for e, (x, _, _) in zip(shown, drawn, strict=True)], dtype=object)
    frame["drawn_low"] = pd.Series([e.bare(x) for e, (_, x, _) in zip(shown, drawn, strict=True)], dtype=object)
    frame["drawn_high"] = pd.Series([e.bare(x) for e, (_, _, x) in zip(shown, drawn, strict=True)], dtype=object)
    frame["words"] = pd.Series(
        [
            reading(verdict, e.amount(abs(x)), e.metric.better, sound=e.sound)
            for e, verdict, (x, _, _) in zip(shown, verdicts, drawn, strict=True)
        ],
        dtype=object,
    )
    title = text(
        "pilots.strata.title",
        "Exploratory: the measure helped in {n} of {all} groups",
        n=count(good),
        all=count(len(shown)),
    )
    note = text(
        "pilots.strata.note",
        "Primary metric by stratum at assignment, intervals of {limit} standard errors, group by group. Drawn to the whole: "
        "each group's effect pulled towards the common one, the more the less the group knows by itself; the reading follows "
        "it. The groups were not planned as tests. Groups with fewer than {cell} units in an arm are not shown.",
        limit=number(shown[0].look.limit, 2),
        cell=count(max(2, settings.analysis.small_cell)),
    )
    if any(part.pilot.unit == "cluster" for part in shown):
        note = text(
            "pilots.strata.clusters",
            "{note} Where clusters were drawn, n counts those that have such customers; groups with fewer than {least} an arm "
            "are not shown, and groups of the same clusters are not independent of each other.",
            note=note,
            least=count(FEWEST_CLUSTERS),
        )
    drawn_head = text("pilots.head.drawn", "Drawn to the whole (interval)")
    columns = [c for c in _table_columns(text("pilots.head.stratum", "Stratum"), shown) if c.name != "words"]
    columns += [
        Column("drawn", drawn_head, "number", low="drawn_low", high="drawn_high"),
        Column("words", text("pilots.head.reading", "Reading")),
    ]
    return Table("pilots.strata", title, tuple(columns), frame, note)


def ways_table(pilot: Pilot, effects: Sequence[Effect]) -> Table:
    """The primary effect by other ways of estimating it, the one that counts in front."""
    rows: list[dict[str, object]] = []
    agree = True
    for effect in effects:
        leading = effect.metric.estimate
        ways = sorted(effect.ways, key=lambda way: way.way != leading)
        for way in ways:
            name = WAYS[way.way]
            rows.append(
                {
                    "way": text("pilots.way.counts", "{way} (counts)", way=name) if way.way == leading else name,
                    "arm": arm_name(effect.arm),
                    "n": _sizes(way.found.n_control, way.found.n_treated),
                    "effect": effect.amount(way.found.effect),
                    "low": effect.bare(way.found.low),
                    "high": effect.bare(way.found.high),
                    "gain": named("–") if way.gain is None else share(way.gain, 0),
                }
            )
            sides = {_side(other.found.low, other.found.high) for other in effect.ways if other.way != "as_treated"}
            agree = agree and len(sides) == 1
    first = effects[0]
    title = (
        text("pilots.ways.title", "{pilot}: every way of estimating reads alike", pilot=named(pilot.name))
        if agree
        else text("pilots.ways.title_apart", "{pilot}: the reading depends on the way of estimating", pilot=named(pilot.name))
    )
    note = text(
        "pilots.ways.note",
        "{metric}: difference arm less control. Variance saved: against the plain difference, negative where a way is noisier.",
        metric=named(first.metric.name),
    )
    shown = {way.way for effect in effects for way in effect.ways}
    if "capped" in shown:
        note = text(
            "pilots.ways.capped",
            "{note} Largest values are capped at the {cap} quantile of those that are not zero, in both arms together.",
            note=note,
            cap=share(first.metric.cap, 0),
        )
    if "as_treated" in shown:
        note = text(
            "pilots.ways.as_treated",
            "{note} As treated compares only those who met the measure, who were not drawn at random; it never counts.",
            note=note,
        )
    columns = (
        Column("way", text("pilots.head.way", "Way of estimating")),
        Column("arm", text("pilots.head.arm", "Arm")),
        Column("n", text("pilots.head.n", "n (control / arm)"), "number"),
        Column("effect", text("pilots.head.effect", "Difference (interval)"), "number", low="low", high="high"),
        Column("gain", text("pilots.head.gain", "Variance saved")),
    )
    return Table(f"pilots.ways.{pilot.id}", title, columns, pd.DataFrame(rows, dtype=object), note)


def effects_figure(pilot: Pilot, shown: Sequence[Effect]) -> Figure:
    """Effects with intervals and readings of one pilot, a panel a metric."""
    panels = [
        Panel(
            named(metric.name),
            axis_unit(metric),
            metric.margin,
            metric.better,
            tuple(_panel_row(e) for e in shown if e.metric.id == metric.id),
        )
        for metric in pilot.metrics
        if any(e.metric.id == metric.id for e in shown)
    ]

    def draw(edition: Edition) -> Canvas:
        return draw_panels(panels, edition)

    readings = joined([message(e) for e in shown])
    alt = text("pilots.alt.effects", "Interval plot of the effects of {pilot}. {words}.", pilot=named(pilot.name),
               words=readings)  # fmt: skip
    primary = [e for e in shown if e.role == "primary"] or list(shown)
    note = text(
        "pilots.figure.note",
        "Difference arm less control with the interval that the look allows ({look}); solid line: no difference; dashed: "
        "smallest worthwhile effect. Each metric has its own scale. {n} units with an outcome of the primary metric.",
        look=shown[0].look.words(),
        n=count(primary[0].found.n_control + sum(e.found.n_treated for e in primary)),
    )
    best = max(primary, key=lambda e: e.found.effect if e.metric.better == "higher" else -e.found.effect)
    return Figure(f"pilots.effects.{pilot.id}", message(best), draw, alt, note)


def label(effect: Effect, several: bool) -> Text:
    """What a row of effects is called: its metric and what that is for, and its pilot where there are several."""
    metric = named(effect.metric.name)
    if effect.role == "secondary":
        metric = text("pilots.label.secondary", "{metric} (secondary)", metric=metric)
    if effect.role == "guardrail":
        metric = text("pilots.label.guardrail", "{metric} (guardrail)", metric=metric)
    if not several:
        return metric
    return text("pilots.label.pilot", "{pilot}: {metric}", pilot=named(effect.pilot.name), metric=metric)


def axis_unit(metric: Metric) -> Unit:
    """The unit of a metric's differences."""
    return "points" if metric.unit == "share" else metric.unit


def _panel_row(effect: Effect) -> PanelRow:
    low, high = effect.interval
    value = text(
        "pilots.figure.value",
        "{effect} ({low} to {high})",
        effect=effect.amount(effect.found.effect),
        low=effect.bare(low),
        high=effect.bare(high),
    )
    return PanelRow(arm_name(effect.arm), value, effect.words(), effect.found.effect, low, high, _colour(effect.state))


def _title(effects: Sequence[Effect]) -> Text:
    shown = [effect for effect in effects if effect.shown and effect.role != "guardrail"]
    if not shown:
        return text("pilots.effects.title_none", "No effect can be shown for this period's pilots")
    gains = sum(effect.state in ("better", "small") for effect in shown)
    return text(
        "pilots.effects.title", "Gain in {n} of {all} {all:comparison|comparisons}", n=count(gains), all=count(len(shown))
    )


def _note(effects: Sequence[Effect], settings: Settings) -> Text:
    missing = sum(effect.missing_arm for effect in effects) + sum(
        {(e.pilot.id, e.metric.id): e.missing_control for e in effects}.values()
    )
    arms = max(len(effect.pilot.arms) - 1 for effect in effects)
    together = text(
        "pilots.note.arms",
        " The intervals of {n} arms hold together (Bonferroni); the artefact has p by Holm beside it.",
        n=count(arms),
    )
    widened = text("pilots.note.looks", " Where looks were taken before the end, intervals are as wide as these looks demand.")
    clusters = text("pilots.note.clusters", " Where clusters were drawn, n counts clusters.")
    return text(
        "pilots.effects.note",
        "Units by the arm they were assigned to (intention to treat); difference: arm less control, {level} interval. "
        "{missing} missing outcomes are left out, not counted as zero. Over the control: only where its level is surely "
        "above zero (Fieller's interval).{together}{widened}{clusters}",
        level=share(settings.analysis.confidence),
        missing=count(missing),
        together=together if arms > 1 else _EMPTY,
        widened=widened if any(e.look.method != "fixed" for e in effects) else _EMPTY,
        clusters=clusters if any(e.pilot.unit == "cluster" for e in effects) else _EMPTY,
    )


def _table_columns(first: Text, effects: Sequence[Effect]) -> tuple[Column, ...]:
    # where each pilot has one arm beside the control its name says nothing
    several = any(len(effect.pilot.arms) > 2 for effect in effects)
    return (
        Column("label", first),
        *((Column("arm", text("pilots.head.arm", "Arm")),) if several else ()),
        Column("n", text("pilots.head.n", "n (control / arm)"), "number"),
        Column("control", text("pilots.head.control", "Control"), "number"),
        Column("treated", text("pilots.head.treated", "With measure"), "number"),
        Column("effect", text("pilots.head.effect", "Difference (interval)"), "number", low="low", high="high"),
        Column("words", text("pilots.head.reading", "Reading")),
    )


def _table_rows(effects: Sequence[Effect], labels: Sequence[Text]) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for e, name in zip(effects, labels, strict=True):
        open_ = e.shown or e.state == "no_interval"
        rows.append(
            {
                "label": name,
                "arm": arm_name(e.arm),
                "n": _sizes(e.found.n_control, e.found.n_treated),
                "control": e.level(e.found.control),
                "treated": e.level(e.found.treated),
                "effect": e.amount(e.found.effect) if open_ else None,
                "low": e.bare(e.found.low) if e.shown else None,
                "high": e.bare(e.found.high) if e.shown else None,
                "words": e.words(),
            }
        )
    return pd.DataFrame(rows, dtype=object)


def _sizes(control: int, arm: int) -> Text:
    return text("pilots.n", "{control} / {arm}", control=count(control), arm=count(arm))


def drawn_to_the_whole(shown: Sequence[Effect]) -> list[tuple[float, float, float]]:
    """Effect and interval of each part, drawn to the common effect of the parts of its pilot and arm."""
    groups: dict[tuple[str, str], list[int]] = {}
    for place, part in enumerate(shown):
        if part.found.error:
            groups.setdefault((part.pilot.id, part.arm), []).append(place)
    found = [(e.found.effect, *e.interval) for e in shown]
    for places in groups.values():
        if len(places) < 2:
            continue
        effect = np.array([shown[i].found.effect for i in places])
        limit = float(stats.norm.ppf(0.5 + shown[places[0]].look.confidence / 2))
        # of few clusters an interval is wider than its standard error says by itself
        few = shown[places[0]].pilot.unit == "cluster"
        error = np.array([(np.ptp(shown[i].interval) / 2 / limit if few else shown[i].found.error) or np.nan for i in places])
        drawn = shrink(effect, error)
        half = limit * drawn.error
        for i, x, width in zip(places, drawn.effect.tolist(), half.tolist(), strict=True):
            found[i] = (x, x - width, x + width)
    return found


def _stratum_label(part: Effect, settings: Settings, several: bool) -> Text:
    tiers = {tier.id: named(tier.name) for tier in settings.grading.tiers}
    name = joined([tiers.get(value, named(value)) for value in (part.stratum or "").split("|")])
    return text("pilots.label.pilot", "{pilot}: {metric}", pilot=named(part.pilot.name), metric=name) if several else name


def _side(low: float | None, high: float | None) -> int:
    """On which side of zero an interval lies: 0 where it holds zero."""
    if low is None or high is None or low <= 0 <= high:
        return 0
    return 1 if low > 0 else -1


def _colour(state: State) -> Literal["better", "worse", "unclear"]:
    if state in ("better", "small", "safe"):
        return "better"
    return "worse" if state in ("worse", "broken") else "unclear"
