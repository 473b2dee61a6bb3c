"""What an interval says of an effect, in words and as a default decision: six cases that leave nothing out (row P6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from workbook.language import Quantity, Text, text

Verdict = Literal["better", "small", "unclear", "none", "no_gain", "worse"]
"""The six rows of the wording table, from the interval L to U (positive is better) and the smallest worthwhile effect M:
``better`` L ≥ M · ``small`` 0 < L < M ≤ U · ``unclear`` L ≤ 0, U ≥ M · ``none`` L > −M, U < M · ``no_gain`` L ≤ −M, 0 ≤ U < M ·
``worse`` L ≤ −M, U < 0."""

Guard = Literal["safe", "open", "broken"]
"""What an interval says of a guardrail, H being the worsening that must be ruled out: ``safe`` L > −H · ``broken`` U < −H ·
``open`` anything between."""

Action = Literal["roll_out", "limited", "extend", "stop", "roll_back", "continue", "cannot_decide"]

DEFAULT_ACTION: Mapping[Verdict, Action] = {
    "better": "roll_out",
    "small": "limited",
    "unclear": "extend",
    "none": "stop",
    "no_gain": "stop",
    "worse": "roll_back",
}
"""Verdict → what is done unless the client decides otherwise."""


def default_action(state: str) -> Action:
    """What is done at a verdict unless the client decides otherwise; any other state cannot be decided."""
    return next((action for verdict, action in DEFAULT_ACTION.items() if verdict == state), "cannot_decide")


ACTIONS: Mapping[Action, Text] = {
    "roll_out": text("pilots.action.roll_out", "roll out"),
    "limited": text("pilots.action.limited", "limited roll-out"),
    "extend": text("pilots.action.extend", "extend"),
    "stop": text("pilots.action.stop", "stop"),
    "roll_back": text("pilots.action.roll_back", "stop, or roll back where it is already out"),
    "continue": text("pilots.action.continue", "continue as planned"),
    "cannot_decide": text("pilots.action.cannot_decide", "cannot be decided"),
}


def judge(low: float, high: float, margin: float, better: Literal["higher", "lower"] = "higher") -> Verdict:
    """The row of the wording table into which an interval falls.

    Args:
        low, high: ends of the interval of the effect, arm less control, in the metric's unit.
        margin: smallest worthwhile effect, above 0, in the same unit.
        better: ``lower`` where less is better; the interval is then mirrored.

    >>> judge(0.03, 0.05, 0.02), judge(-0.01, 0.01, 0.02), judge(-5, -3, 2, better="lower")
    ('better', 'none', 'better')
    """
    if better == "lower":
        low, high = -high, -low
    if high >= margin:
        if low >= margin:
            return "better"
        return "small" if low > 0 else "unclear"
    if low > -margin:
        return "none"
    return "no_gain" if high >= 0 else "worse"


def judge_guardrail(low: float, high: float, harm: float, better: Literal["higher", "lower"] = "higher") -> Guard:
    """Whether a worsening by *harm* is ruled out.

    >>> judge_guardrail(-0.004, 0.01, 0.005), judge_guardrail(-0.02, 0.01, 0.005), judge_guardrail(-0.02, -0.01, 0.005)
    ('safe', 'open', 'broken')
    """
    if better == "lower":
        low, high = -high, -low
    if low > -harm:
        return "safe"
    return "broken" if high < -harm else "open"


def guard_words(guard: Guard) -> Text:
    """What an interval says of a guardrail, in words."""
    match guard:
        case "safe":
            return text("pilots.guard.safe", "no worse than allowed")
        case "broken":
            return text("pilots.guard.broken", "worse than allowed")
        case _:
            return text("pilots.guard.open", "harm not ruled out yet")


def reading(verdict: Verdict, effect: Quantity, better: Literal["higher", "lower"], *, sound: bool = True) -> Text:
    """The verdict in the words of the table.

    Args:
        effect: size of the effect without its sign, with its unit.
        better: which way is good; decides between "raised" and "lowered".
        sound: False where some check could not be made or many outcomes are missing: the words say "probably".
    """
    words = _reading(verdict, effect, better)
    return words if sound else text("pilots.reading.probably", "probably: {words}", words=words)


def _reading(verdict: Verdict, effect: Quantity, better: Literal["higher", "lower"]) -> Text:
    up = better == "higher"
    match verdict:
        case "better" if up:
            return text("pilots.reading.raised", "raised it by {effect}", effect=effect)
        case "better":
            return text("pilots.reading.lowered", "lowered it by {effect}", effect=effect)
        case "small" if up:
            return text("pilots.reading.raised_small", "raised it, perhaps by less than needed")
        case "small":
            return text("pilots.reading.lowered_small", "lowered it, perhaps by less than needed")
        case "unclear":
            return text("pilots.reading.unclear", "no clear difference yet")
        case "none":
            return text("pilots.reading.none", "little or no difference")
        case "no_gain":
            return text("pilots.reading.no_gain", "no worthwhile gain; harm possible")
        case _:
            return text("pilots.reading.worse", "made it worse")
