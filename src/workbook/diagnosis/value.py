"""X4, value assessment: do the client's present tiers agree with realised value, and is cross-sell left on the table?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.diagnosis.companions import anchor_buyers, baskets_of, companion_pairs, unmoved_share
from workbook.diagnosis.finding import Context, Finding, Measured, Module, Words, no_case, not_delivered, share_finding
from workbook.language import Text, joined, named, text
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "value"


def value_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """High-value customers in a tier too low for them, and buyers without the usual companion product.

    Source: method.md X4.
    """
    context = Context.of(profile, settings.analysis.confidence)
    return [_misgraded(tables, settings, context), _cross_sell(tables, settings, context)]


def tier_places(settings: Settings) -> dict[str, int]:
    """Place of each tier from the top (0), by its id and by its name in every language, in small letters."""
    places: dict[str, int] = {}
    for place, tier in enumerate(settings.grading.tiers):
        names = [tier.name] if isinstance(tier.name, str) else list(tier.name.values())
        for word in (tier.id, *names):
            places.setdefault(word.strip().lower(), place)
    return places


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
    rows = tables.sql(
        "select customer_id, lower(trim(tier)) as tier from customers where tier is not null order by customer_id"
    )
    places = tier_places(settings)
    rows["place"] = rows["tier"].map(places)
    rows = rows[rows["place"].notna() & rows["customer_id"].isin(context.revenue.index)]
    if rows.empty:
        why = text(
            "diagnosis.misgraded.unknown", "The client's tiers are none of {tiers}; map their values in sources.",
            tiers=joined([named(tier.name) for tier in settings.grading.tiers]),
        )  # fmt: skip
        return NotMeasured(f"diagnosis.{check}", words.measure, why=why)
    rows["revenue"] = context.revenue.reindex(rows["customer_id"]).to_numpy()
    ranked = rows.sort_values(["revenue", "customer_id"], ascending=[False, True], ignore_index=True)
    high = ranked["place"] < settings.grading.high_tiers
    valuable = ranked["customer_id"].isin(context.valuable(settings.scope.high_value_share))
    deserved = valuable & (np.arange(len(ranked)) < int(high.sum()))
    wrong = deserved & ~high
    return share_finding(
        check, MODULE, words, hits=int(wrong.sum()), n=int(deserved.sum()), threshold=settings.diagnosis.misgraded_share,
        direction="above", touched=ranked.loc[wrong, "customer_id"], context=context,
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
    words = Words(
        measure,
        text("diagnosis.cross_sell.problem", "Cross-sell left on the table"),
        text(
            "diagnosis.cross_sell.cause", "Nothing suggests the companion at the sale; the pairs bought together are {pairs}.",
            pairs=joined([_pair_name(tables, a, c) for a, c in zip(pairs["anchor"], pairs["companion"], strict=True)]),
        ),
    )  # fmt: skip
    return Finding(
        check, MODULE, words, unmoved.share, "share", unmoved.low, unmoved.high, len(buyers),
        settings.diagnosis.missed_cross_share, "above", customers, revenue,
    )  # fmt: skip


def _pair_name(tables: Tables, anchor: str, companion: str) -> Text:
    names = tables.sql(
        "select product_id, max(name) as name from products where product_id in ($anchor, $companion) group by product_id",
        anchor=anchor, companion=companion,
    ).set_index("product_id")["name"].dropna()  # fmt: skip
    first, second = str(names.get(anchor, anchor)), str(names.get(companion, companion))
    # two articles of one name are told apart by their ids
    return named(f"{anchor} + {companion}" if first == second else f"{first} + {second}")
