"""The effect report (客户关系管理优化效果报告): aim, what was done, result, judgement, next step (row P7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbook.language import Quantity, Text, Unit, count, is_missing, joined, named, text
from workbook.report.blocks import Block, Column, NotMeasured, Sheet, Table
from workbook.review.compare import MOVEMENTS, Movements, Review
from workbook.review.kpi_definitions import KPI_NAMES, kpi_change, kpi_value
from workbook.review.modules import LEANS
from workbook.review.monthly import Tracking
from workbook.settings.models import Pilot, Settings

MOST_MEASURES = 3
"""Measures named in a row; the others are counted."""

_NEXT: Mapping[str, Text] = {
    "reached": text("review.effect.next.reached", "Hold the level; set the next target"),
    "better": text("review.effect.next.better", "Go on; pilot the measure that is to be rolled out next"),
    "unclear": text("review.effect.next.unclear", "Measure on; pilot a measure to learn what it does"),
    "worse": text("review.effect.next.worse", "Find the cause first, then change the measures"),
    "first": text("review.effect.next.first", "Compare with the next period"),
}


@dataclass(frozen=True)
class EffectReport:
    """Rows aim, done, result, judgement, next: a goal each, then a pilot each; ``randomised`` counts the pilots judged."""

    rows: tuple[Mapping[str, Text], ...]
    reached: int
    aimed: int
    randomised: int

    def table(self) -> Table | NotMeasured:
        """The report as a table."""
        what = text("review.effect.none", "Effect report")
        if not self.rows:
            return NotMeasured("review.effect", what, why=text("review.effect.why", "There is neither a goal nor a pilot."))
        columns = (
            Column("aim", text("review.head.aim", "Aim")),
            Column("done", text("review.head.approach", "Approach")),
            Column("result", text("review.head.result", "Result")),
            Column("judgement", text("review.head.judgement", "Judgement")),
            Column("next", text("review.head.next", "Next step")),
        )
        title = text(
            "review.effect.title",
            "Targets reached: {reached} of {aimed}; randomised pilots with a result: {pilots}",
            reached=count(self.reached),
            aimed=count(self.aimed),
            pilots=count(self.randomised),
        )
        note = text(
            "review.effect.note",
            "A row a goal and a pilot. Approach: measures of the last period's plan for the modules that the goal leans on. "
            "What rose or fell after them did so after, not through them; only a randomised pilot tells the effect of a "
            "measure. Intervals in brackets.",
        )
        return Table("review.effect", title, columns, pd.DataFrame(list(self.rows), dtype=object), note)

    def sheet(self) -> Sheet | NotMeasured:
        """The report as the first sheet of its own file."""
        table = self.table()
        return table if isinstance(table, NotMeasured) else Sheet(text("review.effect.sheet", "Effect report"), table)

    def blocks(self) -> tuple[Block, ...]:
        """The table."""
        return (self.table(),)


def report_effects(settings: Settings, review: Review, tracked: Tracking, plan: object, decisions: object) -> EffectReport:
    """Gather for every goal and pilot what was aimed at, done and found, and what follows.

    Args:
        settings: goals and pilots with their names.
        review: KPIs against the previous period and the targets.
        tracked: KPIs by month.
        plan: artefact ``plan`` of the previous period; anything but a frame: none was made.
        decisions: artefact ``decision``: pilot → what was decided and on which effect.

    Source: method.md P7; report.md, sections 2 and 5.
    """
    moved = {m.now.id: m for m in review.movements}
    goals = [(goal, moved.get(goal.kpi)) for goal in settings.goals]
    rows = [_goal_row(named(goal.name), goal.kpi, found, tracked, plan) for goal, found in goals]
    known: Mapping[str, Any] = decisions if isinstance(decisions, Mapping) else {}
    pilots = [(pilot, known[pilot.id]) for pilot in settings.pilots if pilot.id in known]
    rows += [_pilot_row(pilot, decision) for pilot, decision in pilots]
    aimed = [found for _, found in goals if found is not None and found.reached is not None]
    judged = sum("effect" in decision for _, decision in pilots)
    return EffectReport(tuple(rows), sum(bool(m.reached) for m in aimed), len(aimed), judged)


def _goal_row(name: Text, kpi: str, found: Movements | None, tracked: Tracking, plan: object) -> Mapping[str, Text]:
    if found is None:
        nothing = text("review.effect.unmeasured", "not measured")
        ask = text("review.effect.next.deliver", "Deliver the data that {kpi} needs", kpi=KPI_NAMES[kpi])
        return {"aim": name, "done": _measures(kpi, plan), "result": nothing, "judgement": nothing, "next": ask}
    aim = name
    if found.target is not None:
        aim = text("review.effect.aim", "{goal} ({kpi} {target})", goal=name, kpi=KPI_NAMES[kpi],
                   target=kpi_value(kpi, found.target))  # fmt: skip
    return {
        "aim": aim,
        "done": _measures(kpi, plan),
        "result": _result(kpi, found),
        "judgement": _judgement(kpi, found, tracked),
        "next": _NEXT[_follows(found)],
    }


def _follows(found: Movements) -> str:
    if found.movement in ("worse", "first"):
        return found.movement
    if found.reached:
        return "reached"
    return "better" if found.movement == "better" else "unclear"


def _result(kpi: str, found: Movements) -> Text:
    now = kpi_value(kpi, found.now.value)
    if found.before is None or found.change is None:
        return text("review.effect.now", "{now}", now=now)
    before, change = kpi_value(kpi, found.before.value), kpi_change(kpi, found.change)
    if found.low is None or found.high is None:
        return text("review.effect.moved", "{before} → {now}: {change}", before=before, now=now, change=change)
    return text(
        "review.effect.moved_interval",
        "{before} → {now}: {change} ({low} to {high})",
        before=before,
        now=now,
        change=change,
        low=kpi_change(kpi, found.low, bare=True),
        high=kpi_change(kpi, found.high, bare=True),
    )


def _judgement(kpi: str, found: Movements, tracked: Tracking) -> Text:
    parts = [MOVEMENTS[found.movement]]
    if found.reached is not None:
        parts.append(
            text("review.effect.reached", "target reached")
            if found.reached
            else text("review.effect.not_yet", "target not reached yet")
        )
    monthly = tracked.of(kpi)
    if monthly is not None and monthly.moved:
        parts.append(
            text("review.effect.above", "rose after the change")
            if monthly.moved > 0
            else text("review.effect.below", "fell after the change")
        )
    return joined(parts)


def _measures(kpi: str, plan: object) -> Text:
    if not isinstance(plan, pd.DataFrame) or plan.empty:
        return text("review.effect.no_plan", "no earlier plan")
    wanted = plan[plan["module"].isin(list(LEANS.get(kpi, {})))].drop_duplicates("measure")
    if wanted.empty:
        return text("review.effect.no_measure", "no measure was planned")
    names = [named({"en": row["measure_name_en"], "zh": row["measure_name_zh"]}) for row in wanted.to_dict("records")]
    if len(names) <= MOST_MEASURES:
        return joined(names)
    return text("review.effect.more", "{measures} and {n} more", measures=joined(names[:MOST_MEASURES]),
                n=count(len(names) - MOST_MEASURES))  # fmt: skip


def _alike(one: float, other: float) -> bool:
    """Whether two effects read the same: half a per cent apart at most."""
    return abs(one - other) <= 0.005 * abs(other)


def _pilot_row(pilot: Pilot, decision: Mapping[str, Any]) -> Mapping[str, Text]:
    result = text("review.effect.no_effect", "no effect is shown")
    if not is_missing(decision.get("effect")):
        unit: Unit = "points" if decision["unit"] == "share" else decision["unit"]
        effect, low, high = (Quantity(float(decision[key]), unit) for key in ("effect", "low", "high"))
        result = text("review.effect.pilot", "{effect} ({low} to {high})", effect=effect, low=low, high=high)
        if not is_missing(decision.get("corrected")) and not _alike(decision["corrected"], decision["effect"]):
            # what was told because it crossed its limit is too large on average
            result = text(
                "review.effect.pilot_corrected",
                "{result}; to plan with, without the luck of crossing its limit: {corrected} ({low} to {high})",
                result=result,
                corrected=Quantity(float(decision["corrected"]), unit),
                low=Quantity(float(decision["corrected_low"]), unit),
                high=Quantity(float(decision["corrected_high"]), unit),
            )
    return {
        "aim": named(pilot.metrics[0].name),
        "done": text("review.effect.piloted", "Pilot: {pilot}", pilot=named(pilot.name)),
        "result": result,
        "judgement": named(decision["reason"]),
        "next": named(decision["decision_words"]),
    }
