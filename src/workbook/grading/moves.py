"""Who moved between tiers since the period before, and why: behaviour, scales frozen anew, changed settings; row T8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.errors import SettingsError
from workbook.grading.composite import benchmark_thresholds, total_score, weigh_groups
from workbook.grading.facts import Told, told_values
from workbook.grading.indices import score_indices
from workbook.grading.policy import CAUSES, Past, Policy
from workbook.grading.scale import freeze
from workbook.grading.tiers import held_tiers, places_of, thresholds
from workbook.language import Quantity, Text, count, share, text
from workbook.report.blocks import Block, Column, KeyFigure, Paragraph, Table
from workbook.settings.models import Tier

FEW = 30
"""Below this many customers counts are told instead of shares."""

Tiers = NDArray[np.object_]

STEPS = {
    "behaviour": text("grading.moves.behaviour", "What customers did"),
    "scales": text("grading.moves.scales", "Scales frozen anew"),
    "settings": text("grading.moves.settings", "Changed settings"),
    "rules": text("grading.moves.rules", "Rules and overrides"),
    "policy": text("grading.moves.both", "Behaviour and changed settings together"),
    "all": text("grading.moves.all", "All moves, with the buffer"),
    "free": text("grading.moves.free", "Moves by score, without a buffer"),
}


@dataclass(frozen=True, eq=False)
class Moves:
    """Moves since the period before, of the customers graded in both.

    Attributes:
        frame: step (see STEPS), up, down, share (of customers graded in both).
        n: customers graded in both periods.
        held: customers whose score asks for another tier than the one that the buffer holds.
        policy: the policy of this period.
        past: how the period before was graded.
    """

    frame: pd.DataFrame
    n: int
    held: int
    policy: Policy
    past: Past

    def share(self, step: str) -> float:
        """The share of customers that a step moved."""
        return float(self.frame.loc[self.frame["step"] == step, "share"].iloc[0])

    def table(self) -> Table:
        """Moves by cause, all moves, and what they would have been without a buffer."""
        columns = (
            Column("step", text("grading.moves.step", "Cause"), labels=STEPS),
            Column("up", text("grading.moves.up", "Rose"), "count"),
            Column("down", text("grading.moves.down", "Fell"), "count"),
            Column("share", text("grading.moves.share", "Share of customers"), "share"),
        )
        buffer = self.policy.settings.buffer
        note = text(
            "grading.moves.note",
            "Customers whose tier each cause moved, one after the other; n = {n} customers graded in {before} too, all counted."
            " Buffer: a tier changes at once where the score lies {points} points beyond a threshold, else after {periods}"
            " periods running; it holds {held} customers.",
            n=count(self.n),
            before=self.past.period,
            points=Quantity(buffer.points, "number"),
            periods=count(buffer.periods),
            held=count(self.held),
        )
        return Table("grading.moves", self._title(), columns, self.frame, note, rows=len(self.frame))

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of customers whose tier changed."""
        if self.n < FEW:
            return ()
        label = text("grading.moves.key", "Customers whose tier changed")
        note = text(
            "grading.moves.key_note", "{free} by score alone; the rest holds the buffer; n = {n}",
            free=share(self.share("free")), n=count(self.n),
        )  # fmt: skip
        return (KeyFigure("grading.moved", label, share(self.share("all")), note=note, rank=28),)

    def blocks(self) -> tuple[Block, ...]:
        """The table and its key figure."""
        return (self.table(), *self.key_figures())

    def _title(self) -> Text:
        moves = self.frame.set_index("step")[["up", "down"]].sum(axis=1)
        moved, free = int(moves["all"]), int(moves["free"])
        if self.n < FEW:
            return text(
                "grading.moves.few",
                "{moved} of {n} customers changed tier; by score alone it would be {free}",
                moved=count(moved),
                n=count(self.n),
                free=count(free),
            )
        return text(
            "grading.moves.title",
            "{moved} of customers changed tier; by score alone it would be {free}",
            moved=share(moved / self.n),
            free=share(free / self.n),
        )


def policy_words(policy: Policy) -> Paragraph:
    """Number, beginning and cause of the policy, and the populations that its scales were frozen from."""
    periods = sorted(set(policy.reference.values()))
    told = text(
        "grading.policy.words",
        "Grade policy {number}, since {since}. {cause}. Scales are frozen from the customers of {reference}: nobody's score"
        " moves because others did; the setting grading.reference freezes them anew.",
        number=count(policy.number),
        since=policy.since,
        cause=CAUSES[policy.cause],
        reference=", ".join(periods),
    )
    if policy.provisional:
        told = text(
            "grading.policy.provisional",
            "Grade policy {number}, since {since}, is provisional: the orders delivered do not fill the window yet, so the"
            " scales are frozen again next period.",
            number=count(policy.number),
            since=policy.since,
        )
    return Paragraph("grading.policy", told)


def explain_moves(
    frame: pd.DataFrame,
    held: Tiers,
    past: Past,
    policy: Policy,
    without_change: tuple[Tiers, Tiers] | None,
    tiers: Sequence[Tier],
) -> Moves:
    """Split the moves since the period before into their causes, one after the other.

    The tier before; the tier that this period's values give by the policy before (behaviour); the same on the scales of this
    period's policy (scales frozen anew); the tier by score and buffer (changed settings); the tier given (rules and overrides).
    The steps add up: no move is counted in two causes but one that a later cause takes back.

    Args:
        frame: customer_id, score, tier, tier_by_score of this period.
        held: tier by score and buffer, before rules and overrides.
        without_change: tiers by the policy before, and by its settings on the scales of this one; None where the policy before
            cannot be computed any more, so that behaviour and settings stay together.
    """
    place = {tier.id: position for position, tier in enumerate(tiers)}
    known = past.grades.set_index("customer_id").reindex(frame["customer_id"])
    both = known["tier"].isin(list(place)).to_numpy()

    def places(names: Any) -> Any:
        return pd.Series(names).map(place).to_numpy(dtype=float)[both]

    before, by_buffer, given = (places(one) for one in (known["tier"].to_numpy(), held, frame["tier"].to_numpy()))
    before_by_score = places_of(known["score"].to_numpy(dtype=float)[both], past.policy.lows).astype(float)
    path = [("policy", before, by_buffer)]
    if without_change is not None:
        old, rescaled = (places(one) for one in without_change)
        path = [("behaviour", before, old), ("scales", old, rescaled), ("settings", rescaled, by_buffer)]
    path += [("rules", by_buffer, given)] if (by_buffer != given).any() else []
    by_score = places(frame["tier_by_score"].to_numpy())
    path += [("all", before, given), ("free", before_by_score, by_score)]
    n = int(both.sum())
    rows = [
        {"step": step, "up": int((b < a).sum()), "down": int((b > a).sum()), "share": float((b != a).sum()) / max(n, 1)}
        for step, a, b in path
    ]
    return Moves(pd.DataFrame(rows), n, int((by_buffer != by_score).sum()), policy, past)


def tiers_by(profile: pd.DataFrame, past: Past, policy: Policy, told: Told) -> tuple[Tiers, Tiers] | None:
    """Tiers of this period by the policy before, and by its settings on scales frozen when this policy's were.

    None where an index of the policy before cannot be computed from this profile, or its tiers have other ids.
    """
    old = past.policy
    if [tier.id for tier in old.settings.tiers] != [tier.id for tier in policy.settings.tiers]:
        return None
    try:
        values = told_values(profile, old.settings.indices, told.beside(profile["customer_id"]))
    except SettingsError:
        return None
    measured = [index for index in old.settings.indices if values[index.id].notna().any()]
    if not measured:
        return None
    weights = weigh_groups(old.settings, measured)
    anew = policy.cause in ("reference", "window")
    fresh = {index.id: freeze(values[index.id].to_numpy(), index) for index in measured} if anew else old.scales

    def given(scales: Any, frozen: bool) -> Tiers:
        scores = total_score(score_indices(values, old.settings.indices, scales), old.settings.indices, weights)
        frame = pd.DataFrame({"customer_id": profile["customer_id"], "score": np.nan_to_num(scores)})
        lows = old.lows
        if not frozen and old.settings.cut == "benchmark":
            lows = benchmark_thresholds(old.settings, scales, weights)
        elif not frozen:
            lows = thresholds(frame["score"].to_numpy(), old.settings)
        return held_tiers(frame, old.settings, lows, past.grades)[0]

    return given(old.scales, True), given(fresh, not anew)
