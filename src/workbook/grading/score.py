"""Grade customers: weighted score from 0 to 100, tier, and what each tier brings; rows T1 to T4 and T11 of the method."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd

from workbook.errors import SettingsError, WorkbookError
from workbook.grading import agreement, pyramid
from workbook.grading.ahp import Weights, weigh
from workbook.grading.indices import (
    DIRECTIONS,
    MISSING_RULES,
    NORMALISATIONS,
    Values,
    fill_missing,
    index_values,
    normalise,
)
from workbook.language import Quantity, Text, count, day, joined, money, named, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, KeyFigure, NotMeasured, Paragraph, Table
from workbook.settings.models import Grading, Index, Tier

TOLERANCE = 1e-9
"""Scores this close below a threshold reach it: 80 computed as 79.99999999999999 is 80."""

OTHER_CHOICES = tuple(kind for kind in get_args(Index.model_fields["normalise"].annotation) if kind != "target")


@dataclass(frozen=True, eq=False)
class Grades:
    """Customers with their scores and tiers.

    Attributes:
        frame: customer_id, one column ``index_<id>`` an index (0–100, NaN where left out), score (0–100, unrounded),
            tier (id), revenue (of the window); ordered by customer_id.
        tiers: tier (id), customers, customer_share, revenue, revenue_share; from the highest tier to the lowest.
        values: the indices' own values, one column an index, in the order of ``frame``.
        settings: how the customers were graded.
        group_weights: group → weight; they sum to 1 over the groups measured.
        index_weights: index → weight in the whole score; they sum to 1 over the indices measured.
        weights: the comparisons behind the group weights, None where the weights were given.
        unmeasured: indices without a value for any customer; their group's other indices take their weight.
        unscored: customers about whom no index says anything; they score 0.
        present: the client's own tier of each customer, in the order of ``frame``; missing where the client has none.
        window: "the 12 months to 31 Dec 2025", for notes.
    """

    frame: pd.DataFrame
    tiers: pd.DataFrame
    values: pd.DataFrame
    settings: Grading
    group_weights: Mapping[str, float]
    index_weights: Mapping[str, float]
    weights: Weights | None
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
            Column("customers", text("grading.column.customers", "Customers"), "count"),
            Column("customer_share", text("grading.column.customer_share", "Share of customers"), "share"),
            Column("revenue", text("grading.column.revenue", "Revenue"), "money"),
            Column("revenue_share", text("grading.column.revenue_share", "Share of revenue"), "share"),
        )
        frame = self.tiers.assign(at_least=[tier.at_least for tier in self.settings.tiers])
        title = pyramid.tier_message(self.tiers, self.names, self.high)
        return Table("grading.tiers", title, columns, frame, self._note(), rows=len(frame), artefact="tiers")

    def weights_table(self) -> Table:
        """Weights of the groups of indices: with the comparisons behind them, or as given."""
        if self.weights is not None:
            return self.weights.table()
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

    def normalisation_table(self) -> Table:
        """What another normalisation, used for every index, would do to the shares of the tiers."""
        present = self.frame["tier"].to_numpy()
        shown = list(self.names)[:6]
        others = {kind: tier_of(self._scores(kind), self.settings) for kind in OTHER_CHOICES}
        moved = {kind: float(np.mean(tiers != present)) for kind, tiers in others.items()}
        rows = [
            {"normalise": kind, **{tier: float(np.mean(tiers == tier)) for tier in shown}, "moved": moved.get(kind, 0.0)}
            for kind, tiers in {"present": present, **others}.items()
        ]
        labels = {**NORMALISATIONS, "present": text("grading.normalise.present", "As set")}
        columns = (
            Column("normalise", text("grading.column.normalise", "Normalisation"), labels=labels),
            *(Column(tier, self.names[tier], "share") for tier in shown),
            Column("moved", text("grading.column.moved", "Moved to another tier"), "share"),
        )
        most = max(moved, key=lambda kind: moved[kind])
        title = text(
            "grading.normalisation.title",
            "{choice} for every index would move {moved} of customers to another tier",
            choice=labels[most],
            moved=share(moved[most]),
        )
        if moved[most] == 0:
            title = text("grading.normalisation.none", "No other normalisation would move a customer to another tier")
        note = text(
            "grading.normalisation.note",
            "Share of customers in each tier, were every index normalised in this way; same weights and thresholds; n = {n}.",
            n=count(len(self.frame)),
        )
        return Table("grading.normalisation", title, columns, pd.DataFrame(rows), note)

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
                money(float(high["revenue"].sum())),
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

    def _scores(self, kind: str) -> Values:
        changed = [index.model_copy(update={"normalise": kind}) for index in self.settings.indices]
        return _total(score_indices(self.values, changed), self.settings.indices, self.group_weights)


def grade(profile: pd.DataFrame, settings: Grading, *, period: Period, window_months: int = 12) -> Grades | NotMeasured:
    """Score every customer of the profile and put each into a tier.

    Args:
        profile: one row a customer with customer_id, revenue, tier (the client's own) and what the indices name.
        settings: groups, weights or comparisons, indices, tiers.
        period: the period analysed; its last day ends the window of the profile.
        window_months: length of that window in months.

    Returns:
        The grades, or NotMeasured where no index has a value for any customer.

    Raises:
        SettingsError: for settings that contradict themselves or the profile.
    """
    _check(settings)
    profile = _ordered(profile)
    values = index_values(profile, settings.indices)
    measured = [index for index in settings.indices if values[index.id].notna().any()]
    if not measured:
        what = text("grading.not_measured", "The grading of customers")
        return NotMeasured("grading.tiers", what, ("customers", "orders"))
    group_weights, weights = _group_weights(settings, measured)
    scores = score_indices(values, settings.indices)
    total = _total(scores, settings.indices, group_weights)
    unscored = np.isnan(total)
    total = np.where(unscored, 0.0, total)
    revenue = pd.to_numeric(profile["revenue"]).fillna(0.0).astype(float)
    frame = pd.DataFrame({"customer_id": profile["customer_id"]})
    for index in settings.indices:
        frame[f"index_{index.id}"] = scores[index.id]
    frame["score"] = total
    frame["tier"] = tier_of(total, settings)
    frame["revenue"] = revenue
    present = profile["tier"] if "tier" in profile else pd.Series(pd.NA, index=profile.index, dtype="str")
    return Grades(
        frame=frame,
        tiers=tier_totals(frame, settings.tiers),
        values=values,
        settings=settings,
        group_weights=group_weights,
        index_weights=_index_weights(measured, group_weights),
        weights=weights,
        unmeasured=tuple(index.id for index in settings.indices if index not in measured),
        unscored=int(unscored.sum()),
        present=present,
        window=text("grading.window", "the {months} to {day}", months=Quantity(window_months, "months"), day=day(period.end)),
    )


def score_indices(values: pd.DataFrame, indices: Sequence[Index]) -> pd.DataFrame:
    """The score of each index, 0 to 100, missing values by each index's rule; an index nobody has a value for is NaN."""
    scores = {index.id: fill_missing(normalise(values[index.id].to_numpy(), index), index) for index in indices}
    return pd.DataFrame(scores, index=values.index)


def tier_of(scores: Values, settings: Grading) -> Values:
    """The tier id of each score.

    With ``cut: score`` a customer is in the highest tier whose threshold the unrounded score reaches; with
    ``cut: quantile`` in the highest whose threshold the share of customers strictly below reaches, so that a tier from
    90 up never holds more than 10% of customers and equal scores share a tier.
    """
    lows = np.array([tier.at_least for tier in settings.tiers])
    ids = np.array([tier.id for tier in settings.tiers], dtype=object)
    measure = scores
    if settings.cut == "quantile":
        measure = 100.0 * np.searchsorted(np.sort(scores), scores, side="left") / max(len(scores), 1)
    position = np.searchsorted(lows[::-1], measure + TOLERANCE, side="right") - 1
    picked: Values = ids[::-1][np.maximum(position, 0)]
    return picked


def tier_totals(frame: pd.DataFrame, tiers: Sequence[Tier]) -> pd.DataFrame:
    """Customers, revenue and their shares for each tier, the highest first; a tier without customers has zeros.

    Revenue is summed in whole ten-thousandths, so that the order of the customers cannot change the last digit.
    """
    parts = np.round(frame["revenue"].to_numpy() * 10_000).astype("int64")
    grouped = pd.DataFrame({"tier": frame["tier"], "parts": parts}).groupby("tier")["parts"].agg(["size", "sum"])
    grouped = grouped.reindex([tier.id for tier in tiers], fill_value=0)
    total = int(grouped["sum"].sum())
    return pd.DataFrame(
        {
            "tier": grouped.index.astype(str),
            "customers": grouped["size"].to_numpy(),
            "customer_share": grouped["size"].to_numpy() / max(len(frame), 1),
            "revenue": grouped["sum"].to_numpy() / 10_000,
            "revenue_share": grouped["sum"].to_numpy() / total if total > 0 else np.nan,
        }
    )


def _ordered(profile: pd.DataFrame) -> pd.DataFrame:
    ids = profile["customer_id"]
    if not (ids.is_monotonic_increasing and ids.is_unique):
        profile = profile.sort_values("customer_id", kind="stable")
        twice = profile.loc[profile["customer_id"].duplicated(), "customer_id"]
        if len(twice):
            raise WorkbookError(f"profile: customer {twice.iloc[0]!r} stands in several rows, expected one row a customer")
    return profile.reset_index(drop=True)


def _check(settings: Grading) -> None:
    problems: list[str] = []
    groups = [group.id for group in settings.groups]
    used = {index.group for index in settings.indices}
    for index in settings.indices:
        if index.group not in groups:
            problems.append(f"grading.indices.{index.id}.group: found {index.group!r}, expected one of {', '.join(groups)}")
    problems += [
        f"grading.groups.{group}: no index belongs to it; add an index or take the group out"
        for group in groups
        if group not in used
    ]
    for group in groups:
        given = [index.weight is None for index in settings.indices if index.group == group]
        if any(given) and not all(given):
            problems.append(f"grading.groups.{group}: some of its indices have a weight and some none; give all or none")
    for what, ids in (("indices", [index.id for index in settings.indices]), ("groups", groups)):
        problems += [f"grading.{what}: {id!r} stands there twice" for id in sorted({i for i in ids if ids.count(i) > 1})]
    lows = [tier.at_least for tier in settings.tiers]
    if not lows or lows[-1] != 0 or any(high <= low for high, low in itertools.pairwise(lows)):
        problems.append(
            f"grading.tiers: found at_least {lows}, expected falling thresholds from the highest tier down to 0 for the lowest"
        )
    if not settings.comparisons and len({group.weight is None for group in settings.groups}) > 1:
        problems.append("grading.groups: some groups have a weight and some none; give all or none")
    if problems:
        raise SettingsError(problems)


def _group_weights(settings: Grading, measured: Sequence[Index]) -> tuple[dict[str, float], Weights | None]:
    """Weights of the groups in which at least one index is measured, summing to 1, and the comparisons behind them."""
    names = {group.id: named(group.name) for group in settings.groups}
    weights = None
    if settings.comparisons:
        weights = weigh(settings.comparisons, list(names), limit=settings.consistency_limit, names=names)
        given = dict(weights.by_item)
    else:
        given = {group.id: 1.0 if group.weight is None else group.weight for group in settings.groups}
    present = {index.group for index in measured}
    kept = {group: weight for group, weight in given.items() if group in present}
    return {group: weight / sum(kept.values()) for group, weight in kept.items()}, weights


def _inside(index: Index) -> float:
    return 1.0 if index.weight is None else index.weight


def _index_weights(measured: Sequence[Index], group_weights: Mapping[str, float]) -> dict[str, float]:
    inside = {g: sum(_inside(index) for index in measured if index.group == g) for g in group_weights}
    return {index.id: group_weights[index.group] * _inside(index) / inside[index.group] for index in measured}


def _total(scores: pd.DataFrame, indices: Sequence[Index], group_weights: Mapping[str, float]) -> Values:
    """The weighted mean of the groups' weighted means. What a customer lacks is left out: first inside its group, so that
    the group keeps its weight, and where the whole group is missing the other groups share it. NaN where nothing is left."""
    total, weight = np.zeros(len(scores)), np.zeros(len(scores))
    for group, group_weight in group_weights.items():
        part, inside = np.zeros(len(scores)), np.zeros(len(scores))
        for index in indices:
            if index.group == group:
                one = scores[index.id].to_numpy()
                there = ~np.isnan(one)
                part += np.where(there, one, 0.0) * _inside(index)
                inside += there * _inside(index)
        there = inside > 0
        total += np.where(there, part / np.where(there, inside, 1.0), 0.0) * group_weight
        weight += there * group_weight
    mean = np.divide(total, weight, out=np.full(len(scores), np.nan), where=weight > 0)
    return np.asarray(np.clip(mean, 0.0, 100.0))
