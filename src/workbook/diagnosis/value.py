"""X4, value assessment: do the client's present tiers agree with realised value, and is cross-sell left on the table?"""

from __future__ import annotations

import pandas as pd

from workbook.diagnosis.assessment import ask_for_order, deserving, misgraded, present_grades
from workbook.diagnosis.companions import anchor_buyers, baskets_of, companion_pairs, unmoved_share
from workbook.diagnosis.finding import Context, Finding, Measured, Module, Words, no_case, not_delivered, share_finding
from workbook.language import Text, count, joined, named, number, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "value"


def value_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """High-value customers in a tier too low for them, and buyers without the usual companion product.

    Source: method.md X4.
    """
    context = Context.of(profile, settings.analysis.confidence)
    return [_misgraded(tables, settings, context), _cross_sell(tables, settings, context)]


def _misgraded(tables: Tables, settings: Settings, context: Context) -> Measured:
    """High-value customers outside the high tiers although these had room for them.

    The client's high tiers have so many places; filled by revenue they would hold the same number of customers. Those who
    would sit there and are among the top buyers, yet hold a lower tier, are misgraded. So a client whose high tiers are
    meant to be few is not blamed for their size.
    """
    check = "value.misgraded"
    words = Words(
        text("diagnosis.misgraded.measure", "High-value customers in a tier below their revenue"),
        text("diagnosis.misgraded.problem", "High-value customers graded too low"),
        text("diagnosis.misgraded.cause", "Tiers were given once and did not follow what customers buy."),
    )
    missing = tables.lacks("customers.tier", "orders")
    if missing or not (context.revenue > 0).any():
        return not_delivered(check, words.measure, missing or ("orders.amount",))
    grades = present_grades(tables, settings, context)
    if not grades.judged:
        return NotMeasured(f"diagnosis.{check}", words.measure, why=ask_for_order(grades, tables, context, settings))
    wrong, deserved = misgraded(grades, settings, context), deserving(grades, settings, context)
    return share_finding(
        check, MODULE, words, hits=int(wrong.sum()), n=int(deserved.sum()), threshold=settings.diagnosis.misgraded_share,
        direction="above", touched=grades.frame.loc[wrong, "customer_id"], context=context,
        unjudged=sum(grades.unknown.values()), looked_at=len(grades.frame) + sum(grades.unknown.values()),
    )  # fmt: skip


def _cross_sell(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, months = "value.cross_sell", settings.analysis.window_months
    measure = text("diagnosis.cross_sell.measure", "Buyers who take the companion product no more often than chance")
    if missing := tables.lacks("order_lines.product_id", "orders.customer_id"):
        return not_delivered(check, measure, missing)
    with baskets_of(tables, months):
        pairs = companion_pairs(tables, settings.diagnosis.cross_lift)
        buyers = anchor_buyers(tables, pairs)
    if pairs.empty:
        why = text("diagnosis.cross_sell.none", "No two products are bought together clearly more often than by chance.")
        return NotMeasured(f"diagnosis.{check}", measure, why=why)
    if buyers.empty:
        return no_case(check, measure)
    pair = buyers["anchor"].str.cat(buyers["companion"], sep="\x1f")
    unmoved = unmoved_share(pair, buyers["baskets"], buyers["taken"], buyers["chance"], context.confidence)
    customers, revenue = context.touched(buyers.loc[~buyers["owns"].astype(bool), "customer_id"])
    named_pairs = [_pair_name(tables, a, c) for a, c in zip(pairs["anchor"], pairs["companion"], strict=True)]
    pairs = pairs.assign(name=pd.Series(named_pairs, index=pairs.index, dtype=object))
    words = Words(
        measure,
        text("diagnosis.cross_sell.problem", "Cross-sell left on the table"),
        text(
            "diagnosis.cross_sell.cause", "Nothing suggests the companion at the sale; the pairs bought together are {pairs}.",
            pairs=joined(named_pairs),
        ),
    )  # fmt: skip
    return Finding(
        check, MODULE, words, unmoved.share, "share", unmoved.low, unmoved.high, len(buyers),
        settings.diagnosis.missed_cross_share, "above", customers, revenue, pairs,
    )  # fmt: skip


def _pair_name(tables: Tables, anchor: str, companion: str) -> Text:
    names = tables.sql(
        "select product_id, max(name) as name from products where product_id in ($anchor, $companion) group by product_id",
        anchor=anchor, companion=companion,
    ).set_index("product_id")["name"].dropna()  # fmt: skip
    first, second = str(names.get(anchor, anchor)), str(names.get(companion, companion))
    # two articles of one name are told apart by their ids
    return named(f"{first} ({anchor} + {companion})" if first == second else f"{first} + {second}")


def pairs_table(found: Finding) -> Table:
    """The pairs of products behind the finding ``value.cross_sell``."""
    pairs = found.detail if found.detail is not None else pd.DataFrame()
    columns = (
        Column("name", text("diagnosis.pairs.name", "Bought + companion")),
        Column("baskets", text("diagnosis.pairs.baskets", "Baskets with the first"), "count"),
        Column("joint", text("diagnosis.pairs.joint", "With both"), "count"),
        Column("lift", text("diagnosis.pairs.lift", "Lift (interval)"), "ratio", low="lift_low", high="lift_high"),
        Column("attach", text("diagnosis.pairs.attach", "Companion taken"), "share"),
        Column("chance", text("diagnosis.pairs.chance", "By chance"), "share"),
    )
    title = text("diagnosis.pairs.title", "Surest companions: bought together up to {lift} times as often as by chance",
                 lift=number(float(pairs["lift"].max()), 1))  # fmt: skip
    note = text(
        "diagnosis.pairs.note",
        "The surest pairs within baskets of the trailing window, of {pairs} pairs looked at; intervals (Poisson) allow for all "
        "of them. By chance: as often as in baskets without the first, for their size.",
        pairs=count(int(pairs["pairs"].iloc[0])),
    )  # fmt: skip
    return Table("diagnosis.pairs", title, columns, pairs, note)
