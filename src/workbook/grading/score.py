"""Grade customers: weighted score from 0 to 100, tier, and what each tier brings; rows T1 to T4 and T11 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbook.errors import WorkbookError
from workbook.grading import agreement, pyramid
from workbook.grading.ahp import Weights
from workbook.grading.clusters import Clusters, find_clusters, place_in_clusters
from workbook.grading.composite import (
    benchmark_thresholds,
    check_grading,
    compare,
    total_score,
    weigh_groups,
    weigh_indices,
    with_compared,
)
from workbook.grading.facts import Told, carry_facts, told_values, with_facts
from workbook.grading.indices import DIRECTIONS, MISSING_RULES, NORMALISATIONS, score_indices
from workbook.grading.moves import Moves, Tiers, explain_moves, policy_words, tiers_by
from workbook.grading.policy import Past, Policy, choose_scales
from workbook.grading.rules import Groups, Ruled, apply_rules, names_cluster
from workbook.grading.tiers import held_tiers, thresholds, tier_of, tier_totals
from workbook.language import Quantity, Text, count, day, joined, money, named, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, Figure, KeyFigure, NotMeasured, Paragraph, Table
from workbook.settings.models import Grading


@dataclass(frozen=True, eq=False)
class Grades:
    """Customers with their scores and tiers.

    Attributes:
        frame: customer_id, one column ``index_<id>`` an index (0–100, NaN where left out), score (0–100, unrounded),
            tier (id, after buffer and rules), revenue (of the window), tier_by_score (id, before the buffer), waiting
            (periods in which the buffer has held the tier: above 0 against a rise, below 0 against a fall), rule (that gave
            the tier), held (id, after the buffer and before the rules); ordered by customer_id.
        tiers: tier (id), customers, customer_share, revenue, revenue_share; from the highest tier to the lowest.
        values: the indices' own values, one column an index, in the order of ``frame``.
        settings: how the customers were graded.
        policy: the frozen scales and thresholds behind the scores.
        past: how the period before was graded; None where it was not.
        without_change: cause of a move → tiers up to it (:func:`workbook.grading.moves.tiers_by`); None where none are known.
        held: tier id of each customer by score and buffer, before the rules.
        ruled: what rules and overrides did to it.
        told: facts that events and appeals told in the periods before, and which of them still count here.
        groups: the natural groups where a rule names ``cluster``; None where none does.
        group_weights: group → weight; they sum to 1 over the groups measured.
        index_weights: index → weight in the whole score; they sum to 1 over the indices measured.
        compared: the comparisons behind weights: of the groups under ``""``, of a group's indices under its id.
        unmeasured: indices without a value for any customer; their group's other indices take their weight.
        unscored: customers about whom no index says anything; they score 0.
        present: the client's own tier of each customer, in the order of ``frame``; missing where the client has none.
        window: "the 12 months to 31 Dec 2025", for notes.
    """

    frame: pd.DataFrame
    tiers: pd.DataFrame
    values: pd.DataFrame
    settings: Grading
    policy: Policy
    past: Past | None
    without_change: Mapping[str, Tiers] | None
    held: Tiers
    ruled: Ruled
    told: Told
    groups: Clusters | NotMeasured | None
    group_weights: Mapping[str, float]
    index_weights: Mapping[str, float]
    compared: Mapping[str, Weights]
    unmeasured: tuple[str, ...]
    unscored: int
    present: pd.Series[str]
    window: Text

    @property
    def names(self) -> Mapping[str, Text]:
        """Tier id → what readers see, from the highest to the lowest."""
        return {tier.id: named(tier.name) for tier in self.settings.tiers}

    @property
    def high(self) -> tuple[str, ...]:
        """Ids of the tiers that count as high value."""
        return tuple(self.names)[: self.settings.high_tiers]

    def pyramid(self) -> Figure:
        """The value pyramid: share of customers to the left, share of revenue to the right, tiers from top to bottom."""
        return pyramid.pyramid(self.tiers, self.names, self.high, self.tiers_table(), self._note())

    def message(self) -> Text:
        """What the tiers say in one sentence, as over the pyramid."""
        return pyramid.tier_message(self.tiers, self.names, self.high)

    def share_curve(self) -> Figure:
        """Share of revenue that the largest customers bring, with the tiers marked."""
        return pyramid.share_curve(self.frame["revenue"].to_numpy(), self.tiers, self.names, self._note())

    def distribution(self) -> Figure:
        """How the scores spread, with the thresholds of the tiers."""
        return pyramid.distribution(self.frame, self.settings, self._note())

    def tiers_table(self) -> Table:
        """Customers and revenue of each tier."""
        columns = (
            Column("tier", text("grading.column.tier", "Tier"), labels=self.names),
            Column("at_least", text("grading.column.at_least", "Threshold"), "score"),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            Column("customer_share", text("grading.column.customer_share", "Share of customers"), "share", of="customers"),
            Column("revenue", text("grading.column.revenue", "Revenue"), "money"),
            Column("revenue_share", text("grading.column.revenue_share", "Share of revenue"), "share"),
        )
        frame = self.tiers.assign(at_least=[tier.at_least for tier in self.settings.tiers])
        title = pyramid.tier_message(self.tiers, self.names, self.high)
        return Table("grading.tiers", title, columns, frame, self._note(), rows=len(frame), artefact="tiers")

    def weighing(self) -> tuple[Block, ...]:
        """How the weights came about: as given, or by comparisons with what the experts disagree on."""
        given = () if "" in self.compared else (self.weights_table(),)
        return (*given, *(block for weights in self.compared.values() for block in weights.blocks()))

    def weights_table(self) -> Table:
        """Weights of the groups of indices as given, brought to a sum of 1."""
        names = {group.id: named(group.name) for group in self.settings.groups}
        frame = pd.DataFrame({"group": list(self.group_weights), "weight": list(self.group_weights.values())})
        first = max(self.group_weights, key=lambda group: self.group_weights[group])
        columns = (
            Column("group", text("grading.column.group", "Group of indices"), labels=names),
            Column("weight", text("grading.column.weight", "Weight"), "share"),
        )
        title = text(
            "grading.weights.title",
            "{group} weighs {weight} of the score",
            group=names[first],
            weight=share(self.group_weights[first]),
        )
        note = text("grading.weights.note", "Weights as given in the settings, brought to a sum of 100%.")
        return Table("grading.weights", title, columns, frame, note, rows=len(frame))

    def indices_table(self) -> Table:
        """The index system: source, direction, normalisation, weight and missing values of each index."""
        groups = {group.id: named(group.name) for group in self.settings.groups}
        rows = [
            {
                "index": named(index.name),
                "group": index.group,
                "source": index.source,
                "direction": index.direction,
                "normalise": index.normalise,
                "weight": self.index_weights.get(index.id, 0.0),
                "missing": int(self.values[index.id].isna().sum()),
                "rule": index.missing,
            }
            for index in self.settings.indices
        ]
        columns = (
            Column("index", text("grading.column.index", "Index")),
            Column("group", text("grading.column.group", "Group of indices"), labels=groups),
            Column("source", text("grading.column.source", "Source in the profile")),
            Column("direction", text("grading.column.direction", "Direction"), labels=DIRECTIONS),
            Column("normalise", text("grading.column.normalise", "Normalisation"), labels=NORMALISATIONS),
            Column("weight", text("grading.column.weight", "Weight"), "share"),
            Column("missing", text("grading.column.missing", "Without value"), "count"),
            Column("rule", text("grading.column.rule", "Their score"), labels=MISSING_RULES),
        )
        heaviest = max(self.index_weights, key=lambda index: self.index_weights[index])
        title = text(
            "grading.indices.title",
            "{n} indices make the score; {first} weighs most, {weight}",
            n=count(len(self.index_weights)),
            first=self._index_names[heaviest],
            weight=share(self.index_weights[heaviest]),
        )
        note = text(
            "grading.indices.note",
            "Weight in the whole score; customers without a value of n = {n}.",
            n=count(len(self.frame)),
        )
        return Table("grading.indices", title, columns, pd.DataFrame(rows), note, rows=len(rows))

    def policy_words(self) -> Paragraph:
        """Which policy the grades stand on, and why."""
        return policy_words(self.policy)

    def moves(self) -> Moves | NotMeasured:
        """Who moved since the period before, and how much of it behaviour, new scales and changed settings did."""
        if self.past is None:
            what = text("grading.moves.what", "Moves between tiers since the period before, and their causes")
            why = text("grading.moves.why", "The period before was not graded, so there is nothing to compare with.")
            return NotMeasured("grading.moves", what, (), why)
        told = explain_moves(self.frame, self.held, self.past, self.policy, self.without_change, self.settings.tiers)
        if told.n:
            return told
        what = text("grading.moves.what", "Moves between tiers since the period before, and their causes")
        why = text("grading.moves.none", "No customer was graded in both periods under tiers that the settings still have.")
        return NotMeasured("grading.moves", what, (), why)

    def rules(self) -> tuple[Block, ...]:
        """Floors, caps and overrides with what they did and what is wrong with them; nothing where there are none."""
        return self.ruled.blocks()

    def agreement(self) -> Table | NotMeasured:
        """The client's present tiers against these, customer by customer."""
        return agreement.cross_table(self.present, self.frame["tier"], self.settings.tiers)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Customers of the high tiers, and their share of customers and of revenue."""
        high = self.tiers[self.tiers["tier"].isin(self.high)]
        names = joined([self.names[tier] for tier in self.high])
        return (
            KeyFigure(
                "grading.high_revenue_share",
                text("grading.key.revenue_share", "Share of revenue from {tiers}", tiers=names),
                share(float(high["revenue_share"].sum(min_count=1))),
                note=self._note(),
                rank=20,
            ),
            KeyFigure(
                "grading.high_customers",
                text("grading.key.customers", "Customers in {tiers}", tiers=names),
                count(int(high["customers"].sum())),
                note=text("grading.key.of", "of {n} customers graded", n=count(len(self.frame))),
                rank=21,
            ),
            KeyFigure(
                "grading.high_revenue",
                text("grading.key.revenue", "Revenue from {tiers}", tiers=names),
                money(float(high["revenue"].sum(min_count=1))),
                note=self._note(),
                rank=22,
            ),
        )

    def limits(self) -> tuple[Paragraph, ...]:
        """What the scores do not say, what could not be taken into account, and high tiers that nobody reaches."""
        told = [
            Paragraph(
                "grading.limits",
                text(
                    "grading.limits.scores",
                    "Scores rank customers by what the indices measure; they do not forecast what customers will buy.",
                ),
                "limits",
            )
        ]
        if self.policy.settings.cut == "benchmark":
            words = text(
                "grading.limits.benchmark",
                "Thresholds are the scores of the benchmark values in the settings; what a benchmark does not name counts as"
                " the middle customer's.",
            )
            told.append(Paragraph("grading.limits_benchmark", words, "limits"))
        if self.unscored:
            words = text("grading.limits.unscored", "Customers without any value, who score 0: {n}.", n=count(self.unscored))
            told.append(Paragraph("grading.limits.unscored", words, "limits"))
        if self.unmeasured:
            words = text(
                "grading.limits.unmeasured",
                "No customer has a value for {indices}; the other indices of the group take the weight.",
                indices=joined([self._index_names[index] for index in self.unmeasured]),
            )
            told.append(Paragraph("grading.limits_unmeasured", words, "limits"))
        empty = [tier for tier in self.high if not (self.frame["tier"] == tier).any()]
        if empty:
            words = text(
                "grading.limits.empty",
                "Nobody reaches {tiers}; the best score is {best}. The mean of many indices crowds towards 50: lower the"
                " thresholds or set grading.cut to quantile.",
                tiers=joined([self.names[tier] for tier in empty]),
                best=Quantity(float(self.frame["score"].max()), "score"),
            )
            told.append(Paragraph("grading.limits_empty", words, "limits"))
        return tuple(told)

    @property
    def _index_names(self) -> Mapping[str, Text]:
        return {index.id: named(index.name) for index in self.settings.indices}

    def _note(self) -> Text:
        return text(
            "grading.note",
            "Tier by unrounded score; revenue in {window}; all n = {n} customers counted, so there is no interval.",
            window=self.window,
            n=count(len(self.frame)),
        )


def grade(
    profile: pd.DataFrame,
    settings: Grading,
    *,
    period: Period,
    window_months: int = 12,
    whole: int | None = None,
    past: Past | None = None,
    before: pd.DataFrame | NotMeasured | None = None,
    centres: Mapping[str, Any] | NotMeasured | None = None,
    seed: int = 0,
) -> Grades | NotMeasured:
    """Score every customer of the profile on the frozen scales and put each into a tier, which the buffer may hold.

    Args:
        profile: one row a customer with customer_id, revenue, tier (the client's own) and what the indices name.
        settings: groups, weights or comparisons, indices, tiers.
        period: the period analysed; its last day ends the window of the profile.
        window_months: length of that window in months, as far as the data reach.
        whole: its length once the data reach back far enough; scales frozen before are provisional.
        past: how the period before was graded (:func:`workbook.grading.policy.past_of`); None where it was not.
        before: the profile of the period before, as delivered: a fact told since counts while the delivery stays what it was.
        centres, seed: centres of the natural groups frozen before, and what draws where they are found anew: for rules that
            name ``cluster``.

    Returns:
        The grades, or NotMeasured where no index has a value for any customer.

    Raises:
        SettingsError: for settings that contradict themselves or the profile.
    """
    check_grading(settings)
    profile = _ordered(profile)
    told = Told()
    if past is not None:
        delivered = before if isinstance(before, pd.DataFrame) else None
        told = carry_facts(past.facts, profile, delivered, settings.indices, past.policy.settings.indices)
    facts = told.beside(profile["customer_id"])
    bought = profile["revenue"]  # what a tier brings is told as delivered
    bare, profile, values = profile, with_facts(profile, settings.indices, facts), told_values(profile, settings.indices, facts)
    measured = [index for index in settings.indices if values[index.id].notna().any()]
    if not measured:
        what = text("grading.not_measured", "The grading of customers")
        return NotMeasured("grading.tiers", what, ("customers", "orders"))
    compared = compare(settings)
    settings = with_compared(settings, compared)
    measured = [index for index in settings.indices if index.id in {one.id for one in measured}]
    group_weights = weigh_groups(settings, measured)
    full = whole is None or window_months >= whole
    policy, kept = choose_scales(values, settings, measured, period=period, past=past.policy if past else None, full=full)
    scores = score_indices(values, settings.indices, policy.scales)
    total = total_score(scores, settings.indices, group_weights)
    unscored = np.isnan(total)
    total = np.where(unscored, 0.0, total)
    revenue = pd.to_numeric(bought).astype(float)
    if revenue.notna().any():  # else no amount was delivered
        revenue = revenue.fillna(0.0)
    frame = pd.DataFrame({"customer_id": profile["customer_id"]})
    for index in settings.indices:
        frame[f"index_{index.id}"] = scores[index.id]
    frame["score"] = total
    if not kept:
        benchmarked = settings.cut == "benchmark"
        lows = benchmark_thresholds(settings, policy.scales, group_weights) if benchmarked else thresholds(total, settings)
        policy = replace(policy, lows=lows)
    if settings.cut == "benchmark":  # from here on the tiers are cut by the scores of the benchmarks
        cut = [tier.model_copy(update={"at_least": float(low)}) for tier, low in zip(settings.tiers, policy.lows, strict=True)]
        settings = settings.model_copy(update={"cut": "score", "tiers": cut})
    held, waiting = held_tiers(frame, settings, policy.lows, past.grades if past else None)
    present = profile["tier"] if "tier" in profile else pd.Series(pd.NA, index=profile.index, dtype="str")
    people = profile.assign(client_tier=present, score=total, tier=held)
    groups: Groups = "kept"
    clusters: Clusters | NotMeasured | None = None
    if any(names_cluster(rule) for rule in settings.rules):
        graded = frame.assign(tier=held, revenue=revenue)
        clusters = find_clusters(graded, settings, policy.number, period=period, seed=seed, frozen=centres)
        groups = "none" if isinstance(clusters, NotMeasured) else "kept" if clusters.choice.empty else "fresh"
        people["cluster"] = place_in_clusters(frame, None if isinstance(clusters, NotMeasured) else clusters.centres)
    ruled = apply_rules(people, settings, period.end, groups)
    frame["tier"] = ruled.tiers
    frame["revenue"] = revenue
    frame["tier_by_score"] = tier_of(total, settings, policy.lows)
    frame["waiting"] = waiting
    frame["rule"] = ruled.by
    frame["held"] = held
    return Grades(
        frame=frame,
        tiers=tier_totals(frame, settings.tiers),
        values=values,
        settings=settings,
        policy=policy,
        past=past,
        without_change=None if past is None else tiers_by(bare, past, policy, told, held if kept else None),
        held=held,
        ruled=ruled,
        told=told,
        groups=clusters,
        group_weights=group_weights,
        index_weights=weigh_indices(measured, group_weights),
        compared=compared,
        unmeasured=tuple(index.id for index in settings.indices if index not in measured),
        unscored=int(unscored.sum()),
        present=present,
        window=text("grading.window", "the {months} to {day}", months=Quantity(window_months, "months"), day=day(period.end)),
    )


def _ordered(profile: pd.DataFrame) -> pd.DataFrame:
    ids = profile["customer_id"]
    if not (ids.is_monotonic_increasing and ids.is_unique):
        profile = profile.sort_values("customer_id", kind="stable")
        twice = profile.loc[profile["customer_id"].duplicated(), "customer_id"]
        if len(twice):
            raise WorkbookError(f"profile: customer {twice.iloc[0]!r} stands in several rows, expected one row a customer")
    return profile.reset_index(drop=True)
