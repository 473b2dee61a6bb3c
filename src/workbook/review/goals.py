"""Goals tied to KPIs: the baseline is computed, never typed; target, date and owner come from the settings (row G1)."""

from __future__ import annotations

import datetime as dt
import difflib
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.errors import SettingsError
from workbook.language import Edition, Text, count, day, joined, named, share, text
from workbook.period import Period
from workbook.report.blocks import Answer, Block, Column, Figure, NotMeasured, Table
from workbook.review.kpi import KPI_NAMES, Kpi, Kpis
from workbook.review.kpi_definitions import DEFINITIONS, kpi_bare, kpi_value
from workbook.review.strips import MOST_STRIPS, Strip, draw_strips
from workbook.settings.models import Goal, Settings

_NO_GOAL = text("review.goals.set_some", "The settings name no goal; add one under goals.")


@dataclass(frozen=True)
class SetGoal:
    """One goal: ``found`` is its KPI as measured (None where the data lack it), ``target`` a level in the KPI's unit."""

    id: str
    name: Text
    kpi: str
    found: Kpi | None
    target: float | None
    due: dt.date
    owner: Text

    def strip(self) -> Strip | None:
        """Its line in the picture; None without baseline or target."""
        if self.found is None or self.target is None:
            return None
        words = text(
            "review.goals.strip",
            "{now} → {target}",
            now=kpi_value(self.kpi, self.found.value),
            target=kpi_value(self.kpi, self.target),
        )
        return Strip(self.name, words, self.found.value, self.found.low, self.found.high, target=self.target)


@dataclass(frozen=True)
class Goals:
    """The goals of an engagement.

    Attributes:
        goals: in the order of the settings.
        kpis: the KPIs that the baselines come from.
        period: the period analysed.
    """

    goals: tuple[SetGoal, ...]
    kpis: Kpis
    period: Period

    @property
    def frame(self) -> pd.DataFrame:
        """Columns goal, kpi, baseline, low, high, target, due, unit; baseline, interval and target in the KPI's unit, missing
        where the KPI could not be measured."""
        rows = [
            (g.id, g.kpi, *((g.found.value, g.found.low, g.found.high) if g.found else (None,) * 3), g.target, g.due)
            for g in self.goals
        ]
        frame = pd.DataFrame(rows, columns=["goal", "kpi", "baseline", "low", "high", "target", "due"])
        frame["unit"] = [DEFINITIONS[g.kpi].unit for g in self.goals]
        return frame.astype(
            {"goal": "str", "kpi": "str", "unit": "str", "baseline": float, "low": float, "high": float, "target": float}
        )

    def table(self) -> Table | NotMeasured:
        """Goals with baseline, target, date and owner."""
        if not self.goals:
            return NotMeasured("review.goals", text("review.goals.none", "No goal was set"), why=_NO_GOAL)
        rows: list[dict[str, object]] = [
            {
                "name": g.name,
                "kpi": KPI_NAMES[g.kpi],
                "baseline": kpi_value(g.kpi, g.found.value) if g.found else None,
                "low": kpi_bare(g.kpi, g.found.low) if g.found and g.found.low is not None else None,
                "high": kpi_bare(g.kpi, g.found.high) if g.found and g.found.high is not None else None,
                "target": None if g.target is None else kpi_value(g.kpi, g.target),
                "due": g.due,
                "owner": g.owner,
            }
            for g in self.goals
        ]
        columns = (
            Column("name", text("review.head.goal", "Goal")),
            Column("kpi", text("review.head.kpi", "KPI")),
            Column("baseline", text("review.head.baseline", "Baseline (interval)"), "number", low="low", high="high"),
            Column("target", text("review.head.target", "Target"), "number"),
            Column("due", text("review.head.due", "Due"), "date"),
            Column("owner", text("review.head.owner", "Owner")),
        )
        note = text(
            "review.goals.note",
            "Baselines computed from the data of {period}; intervals at {level} confidence, none for totals.",
            period=self.period.name,
            level=share(self.kpis.settings.analysis.confidence),
        )
        title = text(
            "review.goals.title",
            "Goals with a baseline from the client's own data: {measured} of {all}",
            measured=count(self._based()),
            all=count(len(self.goals)),
        )
        return Table("review.goals", title, columns, pd.DataFrame(rows, dtype=object), note, artefact="goals")

    def answer(self) -> Answer:
        """The chapter's message: the leading goal in numbers, and what stands behind it."""
        return Answer("review.goals.answer", self._heading(), self._sentences(), "situation")

    def figure(self) -> Figure | NotMeasured:
        """Baseline with interval and target of each goal, a line each on its own scale."""
        strips = [strip for goal in self.goals if (strip := goal.strip())][:MOST_STRIPS]
        if not strips:
            return NotMeasured(
                "review.goals.figure",
                text("review.goals.figure_none", "Baselines and targets cannot be shown"),
                tuple(dict.fromkeys(field for goal in self.goals for field in DEFINITIONS[goal.kpi].needs)),
                None if self.goals else _NO_GOAL,
            )

        def draw(edition: Edition) -> Canvas:
            return draw_strips(strips, edition)

        words = joined(
            [text("review.goals.alt_part", "{name} {words}", name=strip.name, words=strip.words) for strip in strips]
        )
        note = text(
            "review.goals.figure_note",
            "Dot: baseline of {period} with its {level} interval, where a sample stands behind it; tick: target. Each line has "
            "its own scale.",
            period=self.period.name,
            level=share(self.kpis.settings.analysis.confidence),
        )
        sampled = [s for s in strips if s.low is not None and s.high is not None and s.target is not None]
        outside = sum(not s.low <= s.target <= s.high for s in sampled)  # type: ignore[operator]
        title = (
            text(
                "review.goals.figure_title",
                "{outside} of {n} {n:target lies|targets lie} outside the interval of today's value",
                outside=count(outside),
                n=count(len(sampled)),
            )
            if sampled
            else text("review.goals.figure_neutral", "Baseline and target of each goal")
        )
        alt = text("review.goals.alt", "Dot plot of baseline and target of each goal, from → to: {words}.", words=words)
        return Figure("review.goals.figure", title, draw, alt, note)

    def blocks(self) -> tuple[Block, ...]:
        """Answer, table and figure, in the order of a chapter."""
        return (self.answer(), self.table(), self.figure()) if self.goals else (self.answer(), self.table())

    def _based(self) -> int:
        return sum(goal.found is not None for goal in self.goals)

    def _heading(self) -> Text:
        for goal in self.goals:
            if goal.found is not None and goal.target is not None:
                return text(
                    "review.goals.heading",
                    "{kpi}: from {now} to {target} by {due}",
                    kpi=KPI_NAMES[goal.kpi],
                    now=kpi_value(goal.kpi, goal.found.value),
                    target=kpi_value(goal.kpi, goal.target),
                    due=day(goal.due),
                )
        return text("review.goals.heading_none", "Goals and scope of the analysis")

    def _sentences(self) -> tuple[Text, ...]:
        sentences = []
        active, revenue = self.kpis.get("active_customers"), self.kpis.get("revenue")
        if active and revenue:
            sentences.append(
                text(
                    "review.goals.business",
                    "In {period}, revenue was {revenue}; {n} known {n:customer|customers} ordered.",
                    period=self.period.name,
                    n=count(active.value),
                    revenue=kpi_value("revenue", revenue.value),
                )
            )
        if self.goals:
            sentences.append(
                text(
                    "review.goals.count",
                    "Goals with a computed baseline: {measured} of {all}.",
                    measured=count(self._based()),
                    all=count(len(self.goals)),
                )
            )
        else:
            sentences.append(_NO_GOAL)
        missing = len(self.kpis.missing)
        if missing:
            sentences.append(
                text(
                    "review.goals.missing",
                    "KPIs that cannot be measured with the data delivered: {n} ({names}).",
                    n=count(missing),
                    names=joined([KPI_NAMES[m.id.rpartition(".")[2]] for m in self.kpis.missing]),
                )
            )
        return tuple(sentences)


def set_goals(kpis: Kpis, settings: Settings, period: Period) -> Goals:
    """Tie each goal of the settings to the measured value of its KPI.

    A goal with a ``target`` keeps it as a level; one with a ``change`` gets the baseline plus the change. Where both are
    given the level holds, so that a target once fixed does not move with the baseline.

    Raises:
        SettingsError: for a goal whose KPI does not exist, or that has neither target nor change.
    """
    problems = [problem for goal in settings.goals for problem in _faults(goal)]
    if problems:
        raise SettingsError(problems)
    return Goals(tuple(_set(goal, kpis.get(goal.kpi)) for goal in settings.goals), kpis, period)


def _set(goal: Goal, found: Kpi | None) -> SetGoal:
    target = goal.target
    if target is None and found is not None and goal.change is not None:
        target = found.value + goal.change
    return SetGoal(goal.id, named(goal.name), goal.kpi, found, target, goal.due, named(goal.owner or "–"))


def _faults(goal: Goal) -> list[str]:
    faults = []
    if goal.kpi not in DEFINITIONS:
        near = difflib.get_close_matches(goal.kpi, DEFINITIONS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        faults.append(f"goals.{goal.id}.kpi: found {goal.kpi!r}, expected one of {', '.join(DEFINITIONS)}{hint}")
    if goal.target is None and goal.change is None:
        faults.append(f"goals.{goal.id}: found neither target nor change; give the level or the change that is aimed at")
    return faults
