"""The next period's parameters, proposed from this period's results with a reason each (row I2)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from workbook.language import LANGUAGES, Edition, Quantity, Text, count, day, is_missing, named, number, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.review.kpi import KPI_NAMES
from workbook.review.kpi_definitions import DEFINITIONS, kpi_value
from workbook.settings.models import Goal, Pilot, Settings

TOP_SHARE = 0.05
"""Share of customers for which the highest tier is made, where nobody reaches it."""

_FRAME = ["key", "from", "to", "because"]


@dataclass(frozen=True)
class Change:
    """One parameter to change: ``key`` as in ``--set KEY=VALUE`` (an item of a list by its id), values as in the file."""

    key: str
    before: Any
    after: Any
    because: Text
    before_words: Quantity | Text | None
    after_words: Quantity | Text


@dataclass(frozen=True)
class Proposal:
    """What to set for the next period; nothing is changed by itself.

    Attributes:
        changes: the parameters to change, with reasons.
        carried: problems that stay open.
        settings: this period's parameters.
        following: the next period.
    """

    changes: tuple[Change, ...]
    carried: int
    settings: Settings
    following: Period

    @property
    def json(self) -> dict[str, Any]:
        """Settings key → from, to, because (in every language); plain JSON, dates as text."""
        editions = [Edition(language, self.settings.currency) for language in LANGUAGES]
        return {
            change.key: {
                "from": _plain(change.before),
                "to": _plain(change.after),
                "because": {e.language: change.because.render(e) for e in editions},
            }
            for change in self.changes
        }

    def table(self) -> Table | NotMeasured:
        """Parameter, present and proposed value, reason."""
        if not self.changes:
            return NotMeasured(
                "review.proposal",
                text("review.proposal.none", "No parameter needs to change for {period}", period=self.following.name),
                why=text("review.proposal.why_none", "No goal, tier or pilot of this period calls for it."),
            )
        rows: list[dict[str, object]] = [
            {
                "key": change.key,
                "from": change.before_words if change.before_words is not None else named("–"),
                "to": change.after_words,
                "because": change.because,
            }
            for change in self.changes
        ]
        columns = (
            Column("key", text("review.head.parameter", "Parameter")),
            Column("from", text("review.head.from", "Now"), "number"),
            Column("to", text("review.head.to", "Proposed"), "number"),
            Column("because", text("review.head.because", "Because")),
        )
        title = text(
            "review.proposal.title",
            "Parameters proposed for {period}: {n}",
            n=count(len(self.changes)),
            period=self.following.name,
        )
        note = text(
            "review.proposal.note",
            "Proposals by rule from this period's results; they hold only once they are written to the parameters of {period}. "
            "Tier thresholds are recalibrated by decision only; RFM cut points follow each period's buyers unless grading.rfm "
            "keeps them.",
            period=self.following.name,
        )
        return Table("review.proposal", title, columns, pd.DataFrame(rows, dtype=object), note, artefact="proposal")

    def blocks(self) -> tuple[Block, ...]:
        """The table, and a word on the problems carried over."""
        if not self.carried:
            return (self.table(),)
        words = text(
            "review.proposal.carried",
            "Problems that stay open and are carried over to {period} with their measures: {n}.",
            n=count(self.carried),
            period=self.following.name,
        )
        return (self.table(), Paragraph("review.proposal.carried", words))


def propose(
    settings: Settings,
    period: Period,
    goals: object,
    *,
    scores: object = None,
    problems: object = None,
    decision: object = None,
) -> Proposal:
    """The next period's parameters.

    Rules: a target that was given as a change is fixed as a level, so that the next period is held to the same mark; a target
    that is reached moves on by the goal's own change; a due date that has passed unreached moves to the end of the next period;
    a highest tier that nobody reaches gets the threshold of the best twentieth; a pilot to extend
    goes on to the end of the next period.

    Args:
        settings: this period's parameters.
        period: this period.
        goals: artefact ``goals`` of this period (baseline is this period's value).
        scores: artefact ``scores``; anything but a frame is left out.
        problems: artefact ``problems``; anything but a frame counts none.
        decision: artefact ``decision`` (pilot → decision …); anything but a dict is left out.
    """
    changes: list[Change] = []
    values = _goal_values(goals)
    for goal in settings.goals:
        if goal.id in values:
            changes += _goal_changes(goal, *values[goal.id], period)
    if isinstance(scores, pd.DataFrame):
        changes += _tier_changes(settings, scores)
    if isinstance(decision, Mapping):
        changes += [c for pilot in settings.pilots for c in _pilot_changes(pilot, decision.get(pilot.id), period)]
    carried = len(problems) if isinstance(problems, pd.DataFrame) else 0
    return Proposal(tuple(changes), carried, settings, period.following)


def _goal_values(goals: object) -> dict[str, tuple[float, float]]:
    """Goal → value now and target, where both are known."""
    if not isinstance(goals, pd.DataFrame):
        return {}
    return {
        row["goal"]: (float(row["baseline"]), float(row["target"]))
        for row in goals.to_dict("records")
        if not is_missing(row["baseline"]) and not is_missing(row["target"])
    }


def _goal_changes(goal: Goal, value: float, target: float, period: Period) -> list[Change]:
    name = KPI_NAMES[goal.kpi]
    key = f"goals.{goal.id}"
    up = DEFINITIONS[goal.kpi].better == "higher"
    present = None if goal.target is None else kpi_value(goal.kpi, goal.target)
    reached = goal.target is not None and (value >= target if up else value <= target)
    changes: list[Change] = []
    if reached and goal.change is not None:
        after = _rounded(goal.kpi, value + goal.change)
        because = text(
            "review.because.reached",
            "{kpi} reached its target with {value}; the next step is the goal's own change",
            kpi=name,
            value=kpi_value(goal.kpi, value),
        )
        changes.append(Change(f"{key}.target", goal.target, after, because, present, kpi_value(goal.kpi, after)))
    elif goal.target is None:
        after = _rounded(goal.kpi, target)
        because = text(
            "review.because.fixed",
            "the change is fixed as a level on the baseline of {period}, so that the mark of “{kpi}” does not move",
            period=period.name,
            kpi=name,
        )
        changes.append(Change(f"{key}.target", None, after, because, None, kpi_value(goal.kpi, after)))
    if not reached and goal.due <= period.end:
        after_day = period.following.end
        because = text(
            "review.because.overdue",
            "{kpi} stands at {value}, the target {target} was due on {due}",
            kpi=name,
            value=kpi_value(goal.kpi, value),
            target=kpi_value(goal.kpi, target),
            due=day(goal.due),
        )
        changes.append(Change(f"{key}.due", goal.due, after_day, because, day(goal.due), day(after_day)))
    return changes


def _tier_changes(settings: Settings, scores: pd.DataFrame) -> list[Change]:
    grading = settings.grading
    if grading.cut != "score" or len(grading.tiers) < 2 or scores.empty or "tier" not in scores.columns:
        return []
    top, second = sorted(grading.tiers, key=lambda tier: -tier.at_least)[:2]
    if (scores["tier"] == top.id).any():
        return []
    proposed = float(math.floor(scores["score"].astype(float).quantile(1 - TOP_SHARE)))
    if not second.at_least < proposed < top.at_least:
        return []
    because = text(
        "review.because.top_tier",
        "no customer reaches {tier}; one in twenty has a score of {score} or more",
        tier=named(top.name),
        score=number(proposed),
    )
    key = f"grading.tiers.{top.id}.at_least"
    return [Change(key, top.at_least, proposed, because, number(top.at_least), number(proposed))]


def _pilot_changes(pilot: Pilot, decided: Any, period: Period) -> list[Change]:
    last = pilot.extended_to or pilot.ends
    if last < period.start or not isinstance(decided, Mapping) or decided.get("decision") != "extend":
        return []
    after = period.following.end
    because = text("review.because.extend", "{pilot}: no clear difference yet, so it goes on", pilot=named(pilot.name))
    return [Change(f"pilots.{pilot.id}.extended_to", pilot.extended_to, after, because, day(last), day(after))]


def _rounded(kpi: str, value: float) -> float:
    """A target as people write it: shares to a tenth of a point, money and counts whole, the rest to one decimal."""
    return round(value, {"share": 3, "money": 0, "count": 0}.get(DEFINITIONS[kpi].unit, 1))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
