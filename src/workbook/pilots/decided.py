"""The decision on one pilot, and the table of what decisions are worth (row P6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from workbook.language import Quantity, Text, count, money, named, number, text
from workbook.pilots.effect import Effect
from workbook.pilots.season import Year
from workbook.pilots.units import arm_name
from workbook.pilots.verdicts import ACTIONS, Action
from workbook.pilots.worth import YEAR, Worth, years_of
from workbook.report.blocks import Column, Table
from workbook.settings.models import Pilot, Settings


@dataclass(frozen=True)
class Rival:
    """The best arm beside the one that did best after it: difference of both with its interval, in the metric's unit."""

    effect: Effect
    difference: float
    low: float
    high: float

    def words(self) -> Text:
        """Whether the best arm is surely the better of the two."""
        sign = 1 if self.effect.metric.better == "higher" else -1
        words: dict[str, Text | Quantity] = {
            "arm": arm_name(self.effect.arm),
            "difference": self.effect.amount(self.difference),
            "low": self.effect.bare(self.low),
            "high": self.effect.bare(self.high),
        }
        if min(sign * self.low, sign * self.high) > 0:
            return text("pilots.rival.better", "It is better than arm {arm} too: by {difference} ({low} to {high}).", **words)
        return text(
            "pilots.rival.unclear",
            "That it is better than arm {arm} is not clear: {difference} apart ({low} to {high}).",
            **words,
        )


@dataclass(frozen=True)
class PilotDecision:
    """The default decision on one pilot.

    Attributes:
        effect: the one it rests on, of the best arm; None where there is none.
        worth: what rolling that arm out is worth a year; None where the card does not say enough.
        corrected: the effect without the luck of having crossed its limit; None where there is none to show.
        planned: the interval of that effect: given that it crossed, or else the one that the look allows.
        days: days that the pilot needs at most until it is clear, where it is not.
        rival: the next best arm that would be rolled out as well; None where there is none.
    """

    pilot: Pilot
    action: Action
    reason: Text
    effect: Effect | None = None
    worth: Worth | None = None
    corrected: float | None = None
    planned: tuple[float, float] | None = None
    days: int | None = None
    rival: Rival | None = None

    @property
    def name(self) -> Text:
        """The pilot; where it has several arms with a measure, with the one that is decided on."""
        if self.effect is None or len(self.pilot.arms) == 2:
            return named(self.pilot.name)
        return text(
            "pilots.decision.of_arm", "{pilot} (arm {arm})", pilot=named(self.pilot.name), arm=arm_name(self.effect.arm)
        )

    def words(self) -> Text:
        """The pilot, the decision and its reason in one sentence."""
        return text(
            "pilots.decision.sentence",
            "{pilot}: {action}, because: {reason}.",
            pilot=self.name,
            action=ACTIONS[self.action],
            reason=self.reason,
        )


_BEST = text("pilots.worth.best", " Of several arms the best is shown; that it came out best by luck too is not taken off.")
_LOOKED = text("pilots.worth.looked", " at this look, after looks at which the rule let the pilot go on")


def worth_table(decisions: Sequence[PilotDecision], settings: Settings, months: Year | None = None) -> Table:
    """What each decision is worth a year, what a wrong one would cost, and the effect to plan with."""
    nothing = named("–")
    rows: list[dict[str, object]] = []
    for d in decisions:
        effect, worth = d.effect, d.worth
        if effect is None:
            continue
        rows.append(
            {
                "pilot": d.name,
                "action": ACTIONS[d.action],
                "effect": effect.amount(effect.found.effect),
                "corrected": nothing if d.corrected is None else effect.amount(d.corrected),
                "corrected_low": None if d.planned is None else effect.bare(d.planned[0]),
                "corrected_high": None if d.planned is None else effect.bare(d.planned[1]),
                "value": worth.value if worth else None,
                "low": worth.low if worth else None,
                "high": worth.high if worth else None,
                "loss_out": worth.loss_out if worth else None,
                "loss_stay": worth.loss_stay if worth else None,
                "days": nothing if d.days is None else count(d.days),
            }
        )
    first = next((d for d in decisions if d.worth is not None), None)
    if first is None or first.worth is None:
        title = text("pilots.worth.title_unknown", "What a roll-out is worth a year cannot be told yet")
    else:
        title = text(
            "pilots.worth.title",
            "{pilot}: rolled out, worth {value} a year ({low} to {high})",
            pilot=first.name,
            value=money(first.worth.value),
            low=money(first.worth.low),
            high=money(first.worth.high),
        )
    note = text(
        "pilots.worth.note",
        "Yearly value: effect a customer, {brought}, times {n}, less the measure's cost; the interval that the looks "
        "allow. Expected loss: what a wrong decision costs on average, over its chance. Effect to plan with: without the luck "
        "of having crossed the limit{looks}; its interval covers as often among effects told like this.{best} Days: at most so "
        "many more at the present rate of units. Assumes that the effect lasts, or the measure is repeated, all year; missing "
        "where the card names no worth of the metric, or neither its population nor customers were delivered.",
        best=_BEST if any(len(d.pilot.arms) > 2 for d in decisions) else named(""),
        looks=_LOOKED if any(d.effect is not None and d.effect.look.place > 1 for d in decisions) else named(""),
        brought=_brought(first, months),
        n=text("pilots.worth.customers", "{n} customers", n=count(first.worth.customers))
        if first and first.worth
        else text("pilots.worth.whoever", "the customers who would get it"),
    )
    columns = (
        Column("pilot", text("pilots.head.pilot", "Pilot")),
        Column("action", text("pilots.head.decision", "Decision")),
        Column("effect", text("pilots.head.found_effect", "Effect found"), "number"),
        Column(
            "corrected",
            text("pilots.head.corrected", "Effect to plan with (interval)"),
            "number",
            low="corrected_low",
            high="corrected_high",
        ),
        Column("value", text("pilots.head.yearly", "Yearly value (interval)"), "money", low="low", high="high"),
        Column("loss_out", text("pilots.head.loss_out", "Expected loss of rolling out"), "money"),
        Column("loss_stay", text("pilots.head.loss_stay", "Expected loss of not rolling out"), "money"),
        Column("days", text("pilots.head.days", "Days to a decision"), "number"),
    )
    return Table("pilots.worth", title, columns, pd.DataFrame(rows, dtype=object), note)


def _brought(decided: PilotDecision | None, months: Year | None) -> Text:
    """How the effect of a pilot's days is brought to a year."""
    if decided is None or decided.effect is None or decided.effect.metric.worth is not None:
        return text("pilots.worth.by_card", "worth what the card says")
    if months is None:
        return text(
            "pilots.worth.by_days",
            "brought to {year} days that count alike (the orders tell no season; what one would do is not in the interval)",
            year=count(YEAR),
        )
    times = years_of(decided.pilot, months)
    reach = times.error * float(stats.t.ppf(0.5 + decided.effect.look.confidence / 2, times.freedom))
    return text(
        "pilots.worth.by_season",
        "brought to a year by the season of the orders ({times} times the pilot's days, {low} to {high}, which the interval "
        "holds too; {plain} if all days counted alike)",
        times=number(times.value, 2),
        low=number(times.value - reach, 2),
        high=number(times.value + reach, 2),
        plain=number(years_of(decided.pilot).value, 2),
    )
