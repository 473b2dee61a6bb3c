"""From effect to decision, by the rule of the wording table fixed before the data (row P6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbook.language import LANGUAGES, Edition, Text, count, day, joined, named, share, text
from workbook.period import Period
from workbook.pilots.campaigns import ObservedCampaigns
from workbook.pilots.checks import Checks
from workbook.pilots.effects import Effect, Effects, bare
from workbook.pilots.evidence import CampaignEvidence
from workbook.pilots.units import arm_name, current, newest_first
from workbook.pilots.verdicts import ACTIONS, DEFAULT_ACTION, Action
from workbook.report.blocks import Answer, Ask, Block
from workbook.settings.models import Pilot, Settings

DAYS_TO_DECIDE = 14
"""Days after the period within which the client is asked to decide."""

_RANK: Mapping[Action, int] = {
    "roll_out": 0, "limited": 1, "extend": 2, "continue": 3, "cannot_decide": 4, "stop": 5, "roll_back": 6,
}  # fmt: skip


_NEXT = text("pilots.answer.next", "Only a pilot drawn at random can tell what a measure does.")


@dataclass(frozen=True)
class PilotDecision:
    """The default decision on one pilot. ``effect`` is the one it rests on, of the best arm; None where there is none."""

    pilot: Pilot
    action: Action
    reason: Text
    effect: Effect | None = None

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


@dataclass(frozen=True)
class Decision:
    """The default decisions on all pilots.

    Attributes:
        decisions: the pilot that ends last in front.
        settings: the parameters.
        period: the period analysed.
        observed: campaigns without randomisation, None where they were not looked at.
        like: what comparisons of those campaigns bear, None where none was made.
    """

    decisions: tuple[PilotDecision, ...]
    settings: Settings
    period: Period
    observed: ObservedCampaigns | None = None
    like: CampaignEvidence | None = None

    @property
    def json(self) -> dict[str, Any]:
        """Pilot → decision, reason (in every language), and the effect that it rests on; plain JSON."""
        return {decision.pilot.id: _plain(decision, self.settings.currency) for decision in self.decisions}

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
        sentences = [self._finding(first), *(decision.words() for decision in others[:2])]
        return Answer("pilots.answer", heading, tuple(sentences), "resolution")

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

    def blocks(self) -> tuple[Block, ...]:
        """Answer and what is asked."""
        return (self.answer(), *self.asks())

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
            low=bare(effect, effect.found.low),
            high=bare(effect, effect.found.high),
            n=count(effect.found.n_control + effect.found.n_treated),
        )


def decide(
    effects: Effects,
    checks: Checks,
    settings: Settings,
    period: Period,
    observed: ObservedCampaigns | None = None,
    like: CampaignEvidence | None = None,
) -> Decision:
    """The default decision on each pilot: by the primary metric, of the arm that did best.

    Args:
        observed: campaigns that were delivered; without a pilot the answer says what they can and cannot tell.
        like: comparisons of those campaigns with other customers.
    """
    return Decision(
        tuple(_decide(pilot, effects, checks) for pilot in newest_first(settings)), settings, period, observed, like
    )


def _decide(pilot: Pilot, effects: Effects, checks: Checks) -> PilotDecision:
    failed = checks.failed(pilot.id)
    if [check.check for check in failed] == ["ended"]:
        reason = text("pilots.reason.running", "it runs until {ends} and is judged at its planned end", ends=day(pilot.ends))
        return PilotDecision(pilot, "continue", reason)
    if failed:
        reason = text("pilots.reason.failed", "checks not passed: {checks}", checks=joined([c.name for c in failed]))
        return PilotDecision(pilot, "cannot_decide", reason)
    found = effects.of(pilot.id)
    if not found:
        reason = text("pilots.reason.unmeasured", "no outcome with its assignment was delivered")
        return PilotDecision(pilot, "cannot_decide", reason)
    judged = [(effect, _action(effect)) for effect in found]
    sign = 1 if pilot.metrics[0].better == "higher" else -1
    effect, action = min(judged, key=lambda pair: (_RANK[pair[1]], -sign * pair[0].found.effect, pair[0].arm))
    if len(found) == 1:
        return PilotDecision(pilot, action, effect.words(), effect)
    reason = text("pilots.reason.arm", "best arm {arm}: {words}", arm=arm_name(effect.arm), words=effect.words())
    return PilotDecision(pilot, action, reason, effect)


def _action(effect: Effect) -> Action:
    match effect.state:
        case "hidden" | "not_randomised" | "no_interval":
            return "cannot_decide"
        case verdict:
            return DEFAULT_ACTION[verdict]


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
    return plain
