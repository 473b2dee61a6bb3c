"""Whom to keep, the most value at risk first, with the sign and the offer that answers it (L4, S6)."""

from __future__ import annotations

import pandas as pd

from workbook.language import count, named, text
from workbook.report.blocks import Column, NotMeasured, Sheet, Table
from workbook.settings.models import Settings

MOST = 1000
"""Most customers of the list."""


def keep_sheet(
    risks: pd.DataFrame | NotMeasured, profile: pd.DataFrame, scores: pd.DataFrame, settings: Settings
) -> Sheet | NotMeasured:
    """The customers with the most value at risk.

    Args:
        risks: customer_id, probability, value_at_risk, signs and offer (texts), the most value at risk first; customers who may
            not stand in the list are left out already.
        profile: customer_id and, where delivered, owner.
        scores: customer_id, tier.
        settings: section grading, for the names of the tiers.
    """
    if isinstance(risks, NotMeasured):
        return risks
    rows = risks.head(MOST).merge(scores[["customer_id", "tier"]], on="customer_id", how="left")
    rows = rows.merge(
        profile.reindex(columns=["customer_id", "owner"]).drop_duplicates("customer_id"), on="customer_id", how="left"
    )
    columns = (
        Column("customer_id", text("strategy.column.customer", "Customer")),
        Column("tier", text("strategy.column.tier", "Tier"), labels={t.id: named(t.name) for t in settings.grading.tiers}),
        Column("owner", text("strategy.column.manager", "Account manager"), personal=True),
        Column("probability", text("strategy.column.leaving", "Probability of leaving"), "share"),
        Column("value_at_risk", text("strategy.column.at_risk", "Value at risk"), "money"),
        Column("signs", text("strategy.column.signs", "Signs")),
        Column("offer", text("strategy.column.offer", "What to do")),
    )
    title = text("strategy.keep.title", "Worth keeping: {n} {n:customer|customers}", n=count(len(rows)))
    note = text(
        "strategy.keep.note",
        "The most value at risk first (probability of leaving × value to come), {most} at most; signs that set leavers clearly"
        " apart.",
        most=count(MOST),
    )
    table = Table("strategy.keep", title, columns, rows, note, rows=max(len(rows), 1))
    return Sheet(text("strategy.keep.sheet", "Worth keeping"), table, unmasked=True)
