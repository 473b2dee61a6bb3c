"""From effect to decision, by the rule of the wording table fixed before the data (row P6)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from workbook.language import LANGUAGES, Edition, Text, count, day, joined, money, named, share, text
from workbook.period import Period
from workbook.pilots.campaigns import ObservedCampaigns
from workbook.pilots.checks import Checks
from workbook.pilots.chosen_clusters import VERDICTS, ChosenClusters
from workbook.pilots.chosen_customers import VERDICTS as OF_CUSTOMERS
from workbook.pilots.chosen_customers import ChosenCustomers
from workbook.pilots.decided import PilotDecision, Rival, worth_table
from workbook.pilots.effect import Effect
from workbook.pilots.effects import Effects
from workbook.pilots.evidence import CampaignEvidence
from workbook.pilots.look_exhibits import Seen
from workbook.pilots.looks import last_day
from workbook.pilots.luck import Passed, corrected_effect, corrected_interval
from workbook.pilots.season import Year
from workbook.pilots.units import arm_name, current, meeting, newest_first, with_scores
from workbook.pilots.verdicts import ACTIONS, Action, default_action
from workbook.pilots.worth import days_to_decide, worth_of
from workbook.report.blocks import Answer, Ask, Block, KeyFigure, NotMeasured, Table
from workbook.settings.models import Pilot, Settings

DAYS_TO_DECIDE = 14
"""Days after the period within which the client is asked to decide."""

_RANK: Mapping[Action, int] = {
    "roll_out": 0, "limited": 1, "extend": 2, "continue": 3, "cannot_decide": 4, "stop": 5, "roll_back": 6,
}  # fmt: skip


_NEXT = text("pilots.answer.next", "Only a pilot drawn at random can tell what a measure does.")


@dataclass(frozen=True)
class Decision:
    """The default decisions on all pilots.

    Attributes:
        decisions: the pilot that ends last in front.
        settings: the parameters.
        period: the period analysed.
        observed: campaigns without randomisation, None where they were not looked at.
        like: what comparisons of those campaigns bear, None where none was made.
        months: what a day of each month counts in a year's worth; None where no season is known.
    """

    decisions: tuple[PilotDecision, ...]
    settings: Settings
    period: Period
    observed: ObservedCampaigns | None = None
    like: CampaignEvidence | None = None
    months: Year | None = None

    @property
    def json(self) -> dict[str, Any]:
        """Pilot → decision, reason (in every language), and the effect that it rests on; plain JSON."""
        return {decision.pilot.id: _plain(decision, self.settings.currency) for decision in self.decisions}

    @property
    def to_roll_out(self) -> PilotDecision | None:
        """The first decision on a pilot of the period to roll out, wholly or limited; None where there is none."""
        news = current([decision.pilot for decision in self.decisions], self.period)
        return next((d for d in self.decisions if d.action in ("roll_out", "limited") and d.pilot in news), None)

    def answer(self) -> Answer:
        """The chapter's message: the decision on the first pilot and what it rests on."""
        if not self.decisions and self.observed is not None and len(self.observed.frame):
            heading = text("pilots.answer.observed", "Campaigns were not randomised: no effect can be claimed")
            return Answer(
                "pilots.answer",
                heading,
                (
                    text("pilots.answer.seen", "{seen}.", seen=self.observed.title()),
                    *(
                        [text("pilots.answer.like", "Beside other customers: {found}.", found=self.like.title())]
                        if self.like is not None and len(self.like.frame)
                        else []
                    ),
                    _NEXT,
                ),
                "resolution",
            )
        if not self.decisions:
            heading = text("pilots.answer.none", "No pilot has run yet")
            return Answer("pilots.answer", heading, (_NEXT,), "resolution")
        news = current([decision.pilot for decision in self.decisions], self.period)
        first, *others = [decision for decision in self.decisions if decision.pilot in news]
        heading = text("pilots.answer.heading", "{pilot}: {action}", pilot=first.name, action=ACTIONS[first.action])
        rival = [first.rival.words()] if first.rival is not None else []
        sentences = [self._finding(first), *rival, *(decision.words() for decision in others[:2])]
        return Answer("pilots.answer", heading, tuple(sentences), "resolution")

    def worth_table(self) -> Table | NotMeasured:
        """What each decision is worth a year, what a wrong one would cost, and the effect to plan with."""
        news = current([decision.pilot for decision in self.decisions], self.period)
        shown = [d for d in self.decisions if d.pilot in news and d.effect is not None and d.effect.shown]
        if not shown:
            why = text("pilots.worth.why", "No pilot of the period has an effect to show.")
            return NotMeasured("pilots.worth", text("pilots.worth.none", "Yearly worth of a roll-out"), why=why)
        return worth_table(shown, self.settings, self.months)

    def asks(self) -> tuple[Ask, ...]:
        """What the client is asked to decide: on pilots that ended in this period and can be judged."""
        by = self.period.end + dt.timedelta(days=DAYS_TO_DECIDE)
        return tuple(
            Ask(
                f"pilots.ask.{d.pilot.id}",
                text("pilots.ask", "{pilot}: {action}", pilot=d.name, action=ACTIONS[d.action]),
                text("pilots.ask.who", "sponsor of the pilot"),
                day(by),
                rank=_RANK[d.action],
            )
            for d in self.decisions
            if d.action not in ("continue", "cannot_decide") and d.pilot.ends >= self.period.start
        )

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """The effect on which the first decision of the period rests, and what rolling out is worth a year, as far as known."""
        news = current([decision.pilot for decision in self.decisions], self.period)
        first = next((d for d in self.decisions if d.pilot in news and d.effect is not None and d.effect.shown), None)
        if first is None or first.effect is None:
            return ()
        effect, found = first.effect, first.effect.found
        told = text("pilots.key.effect", "{pilot}: difference in {metric}", pilot=first.name, metric=named(effect.metric.name))
        note = text("pilots.key.units", "{n} units", n=count(found.n_control + found.n_treated))
        low, high = (effect.amount(end) for end in effect.interval)
        figures = [KeyFigure("pilots.effect", told, effect.amount(found.effect), low, high, note=note, rank=37)]
        if first.worth is not None:
            label = text("pilots.key.worth", "{pilot}: yearly value of a roll-out", pilot=first.name)
            value, least, most = (money(x) for x in (first.worth.value, first.worth.low, first.worth.high))
            figures.append(KeyFigure("pilots.worth.value", label, value, least, most, rank=38))
        return tuple(figures)

    def blocks(self) -> tuple[Block, ...]:
        """Answer, key figures, worth and what is asked."""
        return (self.answer(), *self.key_figures(), *((self.worth_table(),) if self.decisions else ()), *self.asks())

    def _finding(self, decision: PilotDecision) -> Text:
        effect = decision.effect
        if effect is None or not effect.shown:
            return text("pilots.answer.reason", "Reason: {reason}.", reason=decision.reason)
        return text(
            "pilots.answer.finding",
            "{metric}: {words} ({control} without the measure, {treated} with it; {level} interval of the difference {low} to "
            "{high}; {n} units).",
            metric=named(effect.metric.name),
            words=effect.words(),
            control=effect.level(effect.found.control),
            treated=effect.level(effect.found.treated),
            level=share(self.settings.analysis.confidence),
            low=effect.bare(effect.found.low),
            high=effect.bare(effect.found.high),
            n=count(effect.found.n_control + effect.found.n_treated),
        )


def decide(
    effects: Effects,
    checks: Checks,
    settings: Settings,
    period: Period,
    observed: ObservedCampaigns | None = None,
    like: CampaignEvidence | None = None,
    *,
    chosen: ChosenClusters | None = None,
    alike: ChosenCustomers | None = None,
    profile: object = None,
    scores: object = None,
    months: Year | None = None,
) -> Decision:
    """The default decision on each pilot: by the primary metric, of the arm that did best, as its guardrails allow.

    Several arms are decided on intervals that hold together, so that the best of many is not taken for better than it is. A
    pilot that still runs is only ended early where the interval that its looks allow says so.

    Args:
        observed: campaigns that were delivered; without a pilot the answer says what they can and cannot tell.
        like: comparisons of those campaigns with other customers.
        chosen, alike: comparisons of clusters and of customers that the client chose; what they bear stands in the reason why
            nothing is decided.
        profile: one row a customer, to count who would get the measure where the card does not say; anything but a frame:
            unknown.
        scores: the artefact ``scores``, whose tier and score a condition may name.
        months: of :func:`workbook.pilots.season.read_year`; without them all days of a year count alike.
    """
    people = with_scores(profile, scores) if isinstance(profile, pd.DataFrame) else None
    decided = [_decide(pilot, effects, checks, period, people, months) for pilot in newest_first(settings)]
    decisions = tuple(_with_evidence(decision, chosen, alike) for decision in decided)
    return Decision(decisions, settings, period, observed, like, months)


def _decide(
    pilot: Pilot,
    effects: Effects,
    checks: Checks,
    period: Period,
    people: pd.DataFrame | None,
    months: Year | None,
) -> PilotDecision:
    failed = checks.failed(pilot.id)
    if failed:
        reason = text("pilots.reason.failed", "checks not passed: {checks}", checks=joined([c.name for c in failed]))
        return PilotDecision(pilot, "cannot_decide", reason)
    running = last_day(pilot) > period.end
    found = effects.of(pilot.id)
    if not found and running:
        return PilotDecision(pilot, "continue", _runs(pilot))
    if not found:
        reason = text("pilots.reason.unmeasured", "no effect could be measured; the note on it says what is missing")
        return PilotDecision(pilot, "cannot_decide", reason)
    judged = [(effect, *_action(effect, effects.guardrails(pilot.id, effect.arm), running=running)) for effect in found]
    sign = 1 if pilot.metrics[0].better == "higher" else -1
    effect, action, reason = min(judged, key=lambda one: (_RANK[one[1]], -sign * one[0].found.effect, one[0].arm))
    if len(found) > 1:
        reason = text("pilots.reason.arm", "best arm {arm}: {words}", arm=arm_name(effect.arm), words=reason)
    if not effect.shown:
        return PilotDecision(pilot, action, reason, effect)
    error, limit = effect.found.error, effect.look.limit
    passed = _passed(effect, effects.seen.get(pilot.id, ()))
    return PilotDecision(
        pilot,
        action,
        reason,
        effect,
        worth_of(effect, _customers(pilot, people), months),
        corrected_effect(effect.found.effect, error, limit, passed) if error else None,
        _planned(effect, effects.settings.analysis.confidence, passed),
        days_to_decide(effect, period.end) if action in ("extend", "continue") else None,
        _rival(effect, [e for e, same, _ in judged if same == action in ("roll_out", "limited") and e.arm != effect.arm]),
    )


def _passed(effect: Effect, seen: Sequence[Seen]) -> tuple[Passed, ...]:
    """The looks before, in order, if the pilot went on after them by the rule; none where it went on against the rule, or where
    the effect is no further than it was: then nothing follows from their having been passed.

    Of several arms one that does badly ends no pilot, as long as another may do well.
    """
    error, margin = effect.found.error, effect.metric.margin
    sign = 1.0 if effect.metric.better == "higher" else -1.0
    found: list[Passed] = []
    for one in seen:
        if one.arm != effect.arm or one.look.on >= effect.look.on or not error or not one.half:
            continue
        information = (error * one.look.limit / one.half) ** 2
        low = margin - one.half if len(effect.pilot.arms) == 2 else -math.inf
        high = margin + one.half
        if not low <= sign * one.effect < high or not (found[-1].information if found else 0) < information < 1:
            return ()
        found.append(Passed(information, *sorted((sign * low, sign * high))))
    return tuple(found)


def _planned(effect: Effect, confidence: float, passed: Sequence[Passed]) -> tuple[float, float] | None:
    """The interval of the effect to plan with; several arms hold together."""
    error = effect.found.error
    if not error:
        return None
    each = 1 - (1 - confidence) / max(len(effect.pilot.arms) - 1, 1)
    return corrected_interval(effect.found.effect, error, effect.look.limit, each, passed) or effect.interval


def _with_evidence(decision: PilotDecision, chosen: ChosenClusters | None, alike: ChosenCustomers | None) -> PilotDecision:
    """The decision, and in its reason what comparisons of chosen clusters or customers bear; they decide nothing."""
    if decision.action != "cannot_decide":
        return decision
    mine = decision.pilot.id
    clusters = [VERDICTS[c.verdict] for c in chosen.found if c.pilot.id == mine] if chosen is not None else []
    customers = [OF_CUSTOMERS[c.verdict] for c in alike.found if c.pilot.id == mine] if alike is not None else []
    if clusters:
        reason = text(
            "pilots.reason.chosen",
            "{words}; beside other clusters: {verdict}",
            words=decision.reason,
            verdict=joined(clusters),
        )
    elif customers:
        reason = text(
            "pilots.reason.alike",
            "{words}; beside other customers: {verdict}",
            words=decision.reason,
            verdict=joined(customers),
        )
    else:
        return decision
    return replace(decision, reason=reason)


def _rival(best: Effect, others: Sequence[Effect]) -> Rival | None:
    """The best arm beside the next best of those of which the same is decided; both stand beside one control, whose error
    falls out of their difference."""
    sign = 1 if best.metric.better == "higher" else -1
    shown = [e for e in others if e.shown and e.found.error and e.found.error_control is not None]
    if not shown or not best.found.error or best.found.error_control is None:
        return None
    other = max(shown, key=lambda e: (sign * e.found.effect, e.arm))
    parts = [(e.found.error or 0) ** 2 - (e.found.error_control or 0) ** 2 for e in (best, other)]
    reach = best.look.limit * math.sqrt(max(sum(parts), 0.0))
    difference = best.found.effect - other.found.effect
    return Rival(other, difference, difference - reach, difference + reach)


def _action(effect: Effect, guardrails: Sequence[Effect], *, running: bool) -> tuple[Action, Text]:
    """What the rule says of one arm, and why."""
    action = default_action(effect.state)
    if action == "cannot_decide":
        return action, effect.words()
    held = [(state, g) for state in ("broken", "open") for g in guardrails if g.state == state]
    if held and action in ("roll_out", "limited", "extend"):
        state, worst = held[0]
        guarded = text(
            "pilots.reason.guardrail",
            "{words}, but {metric}: {guard}",
            words=effect.words(),
            metric=named(worst.metric.name),
            guard=worst.words(),
        )
        if state == "broken":
            return "stop", guarded
        return ("continue" if running else "extend"), guarded
    if running and action in ("limited", "extend"):
        return "continue", text("pilots.reason.early", "{words}; {runs}", words=effect.words(), runs=_runs(effect.pilot))
    return action, effect.words()


def _runs(pilot: Pilot) -> Text:
    return text("pilots.reason.running", "it runs until {ends} and is judged at its planned end", ends=day(last_day(pilot)))


def _customers(pilot: Pilot, people: pd.DataFrame | None) -> int | None:
    """Who would get the measure: as the card says, or else who meets its condition today; None without customers delivered."""
    if pilot.population is not None:
        return pilot.population
    if people is None or people.empty:
        return None
    return len(meeting(people, pilot.groups, f"pilots.{pilot.id}.groups"))


def _plain(decision: PilotDecision, currency: str) -> dict[str, Any]:
    editions = [Edition(language, currency) for language in LANGUAGES]
    plain: dict[str, Any] = {
        "decision": decision.action,
        "decision_words": {e.language: ACTIONS[decision.action].render(e) for e in editions},
        "reason": {e.language: decision.reason.render(e) for e in editions},
    }
    effect = decision.effect
    if effect is not None:
        plain |= {"metric": effect.metric.id, "arm": effect.arm, "verdict": effect.state, "margin": effect.metric.margin}
        plain |= {"unit": effect.metric.unit, "better": effect.metric.better}
    if effect is not None and effect.shown:
        plain |= {"effect": effect.found.effect, "low": effect.found.low, "high": effect.found.high}
        low, high = decision.planned or (None, None)
        plain |= {"corrected": decision.corrected, "corrected_low": low, "corrected_high": high}
        plain |= {"days_to_decide": decision.days}
    if decision.worth is not None:
        plain["worth"] = asdict(decision.worth)
    return plain
