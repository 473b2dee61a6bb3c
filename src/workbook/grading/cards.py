"""The grade card: why a customer stands where he stands, and what would lift him; row T9 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbook.errors import UsageError
from workbook.grading.composite import index_shares, weigh_groups
from workbook.grading.facts import fact_words, no_facts, tell_fact
from workbook.grading.indices import index_values
from workbook.grading.policy import Policy
from workbook.grading.scale import Values
from workbook.grading.tiers import places_of
from workbook.grading.ways import Start, Step, alone, change_words, counts_things, in_unit, natural_unit, pair
from workbook.language import Quantity, Text, count, named, number, share, text
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Index

DRAWS = 4000
"""Draws behind the probability of each tier."""

SURENESS = 100.0
"""How sure weights are (the sum of a Dirichlet distribution): a weight of 50% is taken as 50% give or take 10 points."""

NEIGHBOURS = 5.0
"""Customers whose score a period ago lay within so many points tell how much scores like this one move."""

FEWEST = 30


@dataclass(frozen=True, eq=False)
class Card:
    """The grade of one customer, taken apart.

    Attributes:
        customer: the id.
        score: unrounded.
        tier, by_score: as given, and that of the score alone.
        waiting: periods in which the buffer has held the tier.
        rule: the rule or override that gave the tier, None where score and buffer did.
        parts: index (id), group, value (missing where there is none), points (of the index, 0 to 100), weight (in this
            customer's score), contribution (points of the score; they add up to it), lift (points of the index that would reach
            the next tier alone), wanted (the value that has them; missing where no value has), unit (of the values).
        next_tier: the tier above the one given, None at the top.
        gap: points of the score to its threshold, at or below 0 where only the buffer holds.
        odds: tier → probability that it is the right one, weights and value being uncertain.
        noise: points by which scores like this one go up and down from period to period; None where no earlier period tells.
        policy: what the grade stands on.
        told: facts told in earlier periods, one row each (:attr:`workbook.grading.facts.Told.frame`): what counts of them.
        together: where no index alone reaches the next tier, the two that do with the fewest points; None where no two do.
    """

    customer: str
    score: float
    tier: str
    by_score: str
    waiting: int
    rule: str | None
    parts: pd.DataFrame
    next_tier: str | None
    gap: float | None
    odds: Mapping[str, float]
    noise: float | None
    policy: Policy
    told: pd.DataFrame
    together: tuple[Step, Step] | None

    @property
    def names(self) -> Mapping[str, Text]:
        """Tier id → what readers see."""
        return {tier.id: named(tier.name) for tier in self.policy.settings.tiers}

    @property
    def cheapest(self) -> str | None:
        """The index whose smallest rise in points reaches the next tier; None where none does alone."""
        able = self.parts[self.parts["wanted"].notna() & (self.parts["lift"] > 0)]
        return None if able.empty else str(able.sort_values(["lift", "index"])["index"].iloc[0])

    @property
    def way(self) -> tuple[Step, ...]:
        """The cheapest change that reaches the next tier: of one index, of two where none does alone; empty where none is
        wanted or no two do."""
        if self.cheapest is None:
            return self.together or ()
        row = self.parts[self.parts["index"] == self.cheapest].to_dict("records")[0]
        return (Step(self.cheapest, row["value"], row["wanted"], row["lift"], row["unit"]),)

    def table(self) -> Table:
        """The score index by index."""
        names = {index.id: named(index.name) for index in self.policy.settings.indices}
        columns = (
            Column("index", text("grading.card.index", "Index"), labels=names),
            Column("value", text("grading.card.value", "Value")),
            Column("points", text("grading.card.points", "Points of 100"), "score"),
            Column("weight", text("grading.card.weight", "Weight"), "share"),
            Column("contribution", text("grading.card.contribution", "Adds to the score"), "score", digits=2),
            Column("lift", text("grading.card.lift", "Points wanted"), "score"),
            Column("wanted", text("grading.card.wanted", "Value wanted")),
            Column("change", text("grading.card.change", "Change wanted")),
        )
        frame = pd.DataFrame([_in_units(row) for row in self.parts.to_dict("records")], dtype=object)
        title = text("grading.card.title", "{customer}: {tier}, score {score}", customer=self.customer,
                     tier=self.names[self.tier], score=Quantity(self.score, "score", 2))  # fmt: skip
        note = text(
            "grading.card.note",
            "What each index adds; together they are the score. Wanted: the rise of this index alone that reaches the next tier"
            " (n/a where none does). Policy {number}, since {since}.",
            number=count(self.policy.number),
            since=self.policy.since,
        )
        return Table("grading.card", title, columns, frame, note, rows=len(frame))

    def odds_table(self) -> Table:
        """How sure the tier is."""
        frame = pd.DataFrame({"tier": list(self.odds), "odds": list(self.odds.values())})
        columns = (
            Column("tier", text("grading.column.tier", "Tier"), labels=self.names),
            Column("odds", text("grading.card.odds", "Probability"), "share"),
        )
        title = text("grading.card.odds_title", "{tier} by score: {odds} sure", tier=self.names[self.by_score],
                     odds=share(self.odds[self.by_score]))  # fmt: skip
        return Table("grading.card_odds", title, columns, frame, self._odds_note(), rows=len(frame))

    def sentences(self) -> tuple[Text, ...]:
        """What was told of the customer, where he stands, what the buffer does, and what would lift him."""
        facts = fact_words(self.told["fact"], self.policy.settings.indices)
        told = [tell_fact(row, facts[row["fact"]]) for row in self.told.to_dict("records")]
        if self.rule is not None:
            told.append(
                text(
                    "grading.card.ruled",
                    "The rule or override {rule} gives {tier}; by score alone it would be {by_score}.",
                    rule=self.rule,
                    tier=self.names[self.tier],
                    by_score=self.names[self.by_score],
                )
            )
        elif self.by_score != self.tier:
            told.append(
                text(
                    "grading.card.held",
                    "By score alone the tier would be {by_score}; the buffer holds {tier}, now for {periods} period(s).",
                    by_score=self.names[self.by_score],
                    tier=self.names[self.tier],
                    periods=count(abs(self.waiting)),
                )
            )
        if self.next_tier is None or self.gap is None:
            return (*told, text("grading.card.top", "There is no higher tier."))
        above, buffer = self.names[self.next_tier], self.policy.settings.buffer
        if np.isinf(self.gap):
            return (*told, text("grading.card.unreachable", "No score reaches {tier} under this policy.", tier=above))
        if self.gap <= 0:
            return (*told, text("grading.card.reached", "The score has reached {tier}.", tier=above))
        told.append(
            text(
                "grading.card.gap",
                "{gap} points are wanted for {tier}, kept for {periods} periods running, or {at_once} to get it at once.",
                gap=Quantity(self.gap, "score", 2),
                tier=above,
                periods=count(buffer.periods),
                at_once=Quantity(self.gap + buffer.points, "score", 2),
            )
        )
        return (*told, self._way(above))

    def blocks(self) -> tuple[Block, ...]:
        """The card as exhibits."""
        words = tuple(Paragraph(f"grading.card_{k}", one) for k, one in enumerate(self.sentences(), 1))
        return (self.table(), *words, self.odds_table())

    def _way(self, above: Text) -> Text:
        names = {index.id: named(index.name) for index in self.policy.settings.indices}
        if not self.way:
            return text("grading.card.no_way", "No change of one index or of two reaches {tier}.", tier=above)
        if len(self.way) == 1:
            return text("grading.card.cheapest", "The cheapest change, in points of one index: {step}.",
                        step=self.way[0].words(names))  # fmt: skip
        first, second = (step.words(names) for step in self.way)
        return text(
            "grading.card.together",
            "No index alone reaches {tier}. The cheapest two together: {first}, and {second}.",
            tier=above,
            first=first,
            second=second,
        )

    def _odds_note(self) -> Text:
        if self.noise is None:
            return text(
                "grading.card.odds_weights",
                "Weights drawn {draws} times about those set (Dirichlet, sum {sureness}); how much scores move by themselves"
                " is not known before a second period.",
                draws=count(DRAWS),
                sureness=number(SURENESS, 0),
            )
        return text(
            "grading.card.odds_both",
            "Weights drawn {draws} times about those set (Dirichlet, sum {sureness}), and the score about itself by {noise}"
            " points, as scores like it moved from one period to the next.",
            draws=count(DRAWS),
            sureness=number(SURENESS, 0),
            noise=Quantity(self.noise, "score"),
        )


def make_card(
    customer: str,
    profile: pd.DataFrame,
    scores: pd.DataFrame,
    policy: Policy,
    *,
    before: pd.DataFrame | NotMeasured | None = None,
    facts: Mapping[str, float] | None = None,
    told: pd.DataFrame | None = None,
    rng: np.random.Generator,
) -> Card:
    """The grade card of one customer.

    Args:
        customer: the id.
        profile, scores: artefacts of the period, all customers.
        policy: the policy that they were graded by.
        before: the scores of the period before; without them the noise of scores is not known.
        facts: index → its value where events or appeals told another one than the profile.
        told: the artefact ``told_facts``: facts told in earlier periods, and which of them count.
        rng: draws weights and scores.

    Raises:
        UsageError: where nobody has that id.
    """
    found = scores[scores["customer_id"] == customer]
    if found.empty:
        raise UsageError(f"customer: found no {customer!r} among {len(scores):,} graded customers")
    row = found.iloc[0]
    indices = policy.settings.indices
    points = pd.DataFrame([[float(row[f"index_{i.id}"]) for i in indices]], columns=[i.id for i in indices])
    measured = [i for i in indices if scores[f"index_{i.id}"].notna().any()]
    group_weights = weigh_groups(policy.settings, measured)
    weights = index_shares(points, indices, group_weights).iloc[0]
    values = index_values(profile[profile["customer_id"] == customer].reset_index(drop=True), indices).iloc[0]
    given = facts or {}
    values = pd.Series({index.id: given.get(index.id, values[index.id]) for index in indices}, dtype=float)
    known = no_facts() if told is None else told[told["customer_id"] == customer]
    tiers = [tier.id for tier in policy.settings.tiers]
    place, score = tiers.index(str(row["tier"])), float(row["score"])
    gap = float(policy.lows[place - 1]) - score if place else None
    parts = pd.DataFrame([
        {"index": i.id, "group": i.group, "value": values[i.id], "points": points[i.id].iloc[0], "weight": weights[i.id],
         "contribution": 0.0 if np.isnan(points[i.id].iloc[0]) else weights[i.id] * points[i.id].iloc[0],
         "whole": counts_things(profile, i)}
        for i in indices
    ])  # fmt: skip
    starts = [_start(policy, i, parts.iloc[k]) for k, i in enumerate(indices) if _can_change(parts.iloc[k])]
    open_gap = gap if gap is not None and 0 < gap < np.inf else None
    steps = {} if open_gap is None else {one.index.id: step for one in starts if (step := alone(one, open_gap)) is not None}
    together = None if open_gap is None or steps else pair(starts, open_gap)
    parts["lift"] = [steps[i.id].points if i.id in steps else np.nan for i in indices]
    parts["wanted"] = [steps[i.id].wanted if i.id in steps else np.nan for i in indices]
    parts["unit"] = [natural_unit(i, bool(parts["whole"].iloc[k])) for k, i in enumerate(indices)]
    parts = parts.drop(columns="whole")
    rule = str(row["rule"]) if "rule" in scores and pd.notna(row["rule"]) and row["rule"] else None
    noise = _noise(scores, before, score)
    odds = _odds(points.iloc[0].to_numpy(dtype=float), weights.to_numpy(dtype=float), score, noise, policy, rng)
    return Card(
        customer, score, str(row["tier"]), str(row["tier_by_score"]), int(row["waiting"]), rule, parts,
        tiers[place - 1] if place else None, gap, dict(zip(tiers, odds, strict=True)), noise, policy, known, together,
    )  # fmt: skip


def _in_units(row: dict[Any, Any]) -> dict[Any, Any]:
    """A part of the card with its values in the unit of the index."""
    value, wanted, unit = row["value"], row["wanted"], row["unit"]
    told = row | {"value": None if pd.isna(value) else in_unit(value, unit), "wanted": None, "change": None}
    if not pd.isna(wanted):
        told |= {"wanted": in_unit(wanted, unit), "change": change_words(value, wanted, unit)}
    return told


def _can_change(part: pd.Series[Any]) -> bool:
    """Whether an index has a value that could be another, and weighs anything."""
    return bool(part["weight"] > 0 and pd.notna(part["points"]) and pd.notna(part["value"]))


def _start(policy: Policy, index: Index, part: pd.Series[Any]) -> Start:
    numbers = (float(part["value"]), float(part["points"]), float(part["weight"]))
    return Start(index, policy.scales[index.id], *numbers, whole=bool(part["whole"]))


def _noise(scores: pd.DataFrame, before: pd.DataFrame | NotMeasured | None, score: float) -> float | None:
    """Standard deviation of one period's score about itself: that of the changes of like customers, over the root of two."""
    if not isinstance(before, pd.DataFrame):
        return None
    both = scores[["customer_id", "score"]].merge(before[["customer_id", "score"]], on="customer_id", suffixes=("", "_before"))
    like = both[(both["score_before"] - score).abs() <= NEIGHBOURS]
    if len(like) < FEWEST:
        return None
    return float((like["score"] - like["score_before"]).std() / np.sqrt(2))


def _odds(
    points: Values, weights: Values, score: float, noise: float | None, policy: Policy, rng: np.random.Generator
) -> list[float]:
    """The share of draws in each tier, the highest first."""
    there = weights > 0
    drawn = rng.dirichlet(SURENESS * weights[there], DRAWS) @ points[there] if there.any() else np.full(DRAWS, score)
    moved = np.clip(drawn + (rng.normal(0.0, noise, DRAWS) if noise else 0.0), 0.0, 100.0)
    places = places_of(moved, policy.lows)
    return [float((places == place).mean()) for place in range(len(policy.lows))]
