"""How often customers are contacted, held against what they are worth (X3)."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pandas as pd

from workbook.diagnosis.assessment import rank_agreement
from workbook.diagnosis.finding import Context, proportion_interval
from workbook.diagnosis.tiers import customers_by_tier
from workbook.language import Quantity, Text, count, day, number, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

QUARTER_DAYS = 91.3125
"""Days of a mean quarter."""

OUTBOUND = ("outbound", "out", "outgoing", "呼出", "主动", "外呼")
"""Words of interactions.direction for a contact that the client made."""

FIFTHS = 5


def contacts(tables: Tables) -> tuple[pd.DataFrame, int]:
    """Contacts of each customer in the period: customer_id, contacts, ours (made by the client); and the days that the records
    of contacts cover of it."""
    rows = tables.sql(
        """
        select customer_id, count(*) as contacts,
               cast(sum(case when list_contains($outbound, lower(trim(direction))) then 1 else 0 end) as bigint) as ours
        from interactions
        where customer_id is not null and happened_at >= cast($start as timestamp)
          and happened_at < cast($end as timestamp) + interval 1 day
        group by customer_id order by customer_id
        """,
        outbound=list(OUTBOUND),
    )
    (first,) = tables.connection.execute("select min(cast(happened_at as date)) from interactions").fetchall()[0]
    period = tables.period
    begins = period.start if first is None or (first - period.start).days <= period.days / 10 else first
    return rows, (period.end - begins).days + 1


def contact_rates(
    tables: Tables, profile: pd.DataFrame, settings: Settings
) -> tuple[pd.DataFrame, tuple[Text, ...], tuple[float, float, float]]:
    """Contacts a quarter by tier, else by fifths of revenue, of the customers who bought in the trailing window.

    Returns:
        place (−1 for all), n, revenue_share, a_quarter with low and high (normal, by the spread over customers), ours, without
        (share of customers without a contact) with without_low and without_high (Wilson), all corrected for the number of rows;
        the names of the places; and the rank correlation of contacts with revenue with its interval.
    """
    context = Context.of(profile, settings.analysis.confidence)
    revenue = context.revenue[context.revenue > 0] if context.total > 0 else context.revenue
    made, days = contacts(tables)
    rows = made.set_index(made["customer_id"].astype(str))[["contacts", "ours"]].reindex(revenue.index).fillna(0)
    rows["revenue"] = revenue.to_numpy()
    place, names = customers_by_tier(tables, settings)
    if len(names) > 1:
        rows["place"] = place.reindex(rows.index).fillna(len(names) - 1).to_numpy()
    else:
        ranks = rows["revenue"].rank(method="first", ascending=False)
        rows["place"] = np.minimum((ranks - 1) * FIFTHS // max(len(rows), 1), FIFTHS - 1) if context.total > 0 else 0
        names = _fifths() if context.total > 0 else names
    sizes = rows["place"].value_counts()
    groups = [int(p) for p in sorted(sizes[sizes >= max(settings.analysis.small_cell, 2)].index)]
    groups = [-1, *(groups if len(groups) > 1 else [])]
    level = 1 - (1 - settings.analysis.confidence) / len(groups)
    scale = QUARTER_DAYS / days
    found = [_rate(rows if g < 0 else rows[rows["place"] == g], g, scale, level, context.total) for g in groups]
    agreement = rank_agreement(rows["contacts"], rows["revenue"], settings.analysis.confidence)
    return pd.DataFrame(found), names, agreement


def _rate(rows: pd.DataFrame, place: int, scale: float, level: float, total: float) -> dict[str, float]:
    n = len(rows)
    made = rows["contacts"].to_numpy(float) * scale
    mean = float(made.mean())
    half = NormalDist().inv_cdf((1 + level) / 2) * (float(made.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan)
    without = int((made == 0).sum())
    low, high = proportion_interval(without, n, level)
    return {
        "place": place, "n": n, "revenue_share": float(rows["revenue"].sum()) / total if total > 0 else math.nan,
        "a_quarter": mean, "low": max(0.0, mean - half), "high": mean + half, "ours": float(rows["ours"].mean()) * scale,
        "without": without / n, "without_low": low, "without_high": high,
    }  # fmt: skip


def _fifths() -> tuple[Text, ...]:
    return (
        text("diagnosis.contact.first", "top fifth by revenue"),
        *(text("diagnosis.contact.fifth", "fifth {n} by revenue", n=count(n)) for n in range(2, FIFTHS)),
        text("diagnosis.contact.last", "bottom fifth by revenue"),
    )


def contact_table(tables: Tables, profile: pd.DataFrame, settings: Settings) -> Table | NotMeasured:
    """Contacts a quarter by tier or by value, beside the share of revenue."""
    id, what = "diagnosis.contact", text("diagnosis.contact.what", "Contact frequency against value")
    if missing := tables.lacks("interactions"):
        return NotMeasured(id, what, missing)
    if profile.empty:
        return NotMeasured(id, what, ("customers",))
    rates, names, (rho, low, high) = contact_rates(tables, profile, settings)
    everyone = text("diagnosis.contact.all", "all buyers")
    frame = rates.assign(name=pd.Series([everyone if p < 0 else names[int(p)] for p in rates["place"]], dtype=object))
    directed = tables.has("interactions.direction")
    columns = (
        Column("name", text("diagnosis.column.group", "Group")),
        Column("n", text("diagnosis.contact.n", "Customers"), "people"),
        Column("revenue_share", text("diagnosis.contact.revenue", "Share of revenue"), "share", digits=0),
        Column("a_quarter", text("diagnosis.contact.rate", "Contacts a quarter"), "number", digits=2, low="low", high="high"),
        *((Column("ours", text("diagnosis.contact.ours", "Of them made by us"), "number", digits=2),) if directed else ()),
        Column("without", text("diagnosis.contact.without", "Without a contact"), "share", low="without_low",
               high="without_high"),
    )  # fmt: skip
    note = text(
        "diagnosis.contact.note",
        "Contacts per customer from {start} to {end}, scaled to a quarter; customers who bought in the trailing window. "
        "Intervals allow for {rows} {rows:row|rows}. Rank correlation of contacts with revenue: {rho} ({low} to {high}); 1 "
        "would mean that contacts follow value, 0 that they do not.",
        start=day(tables.period.start), end=day(tables.period.end), rows=count(len(frame)), rho=number(rho, 2),
        low=number(low, 2), high=number(high, 2),
    )  # fmt: skip
    return Table(id, _title(rates, names), columns, frame, note, rows=10)


def _title(rates: pd.DataFrame, names: tuple[Text, ...]) -> Text:
    """The first group against the last that holds more than who has no tier."""
    groups = rates[(rates["place"] >= 0) & ~((rates["place"] == len(names) - 1) & (len(names) != FIFTHS))]
    whole = rates.iloc[0]
    if len(groups) < 2:
        return text("diagnosis.contact.title_all", "{part} of buyers had no contact in the period",
                    part=share(float(whole["without"])))  # fmt: skip
    top, last = groups.iloc[0], groups.iloc[-1]
    given: dict[str, Text | Quantity | str] = {
        "top": names[int(top["place"])], "last": names[int(last["place"])], "n": number(float(top["a_quarter"]), 1),
        "other": number(float(last["a_quarter"]), 1),
    }  # fmt: skip
    if top["low"] > last["high"]:
        return text("diagnosis.contact.title", "{top}: {n} contacts a quarter; {last}: {other}", **given)
    if top["high"] < last["low"]:
        return text("diagnosis.contact.title_less", "{top}: only {n} contacts a quarter, fewer than {last} with {other}",
                    **given)  # fmt: skip
    return text("diagnosis.contact.title_same", "{top} is not clearly contacted more than {last}: {n} and {other} a quarter",
                **given)  # fmt: skip
