"""Customers by purchase history, interaction, needs and loyalty, each by a written rule; row L2 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.language import Quantity, Text, count, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Analysis
from workbook.value.needs import Needing
from workbook.value.risk import wilson

CONVINCED, CONTENT = 9.0, 0.8
"""Answers from which on a customer counts as convinced: likelihood to recommend (0-10), satisfaction (0-1)."""

CLOSE = 4
"""Contacts, tickets and answers in the window from which on the exchange counts as close."""

DIMENSIONS: Mapping[str, Text] = {
    "history": text("value.segment.history", "Purchase history"),
    "interaction": text("value.segment.interaction", "Interaction"),
    "needs": text("value.segment.needs", "Needs"),
    "loyalty": text("value.segment.loyalty", "Loyalty"),
}
SEGMENTS: Mapping[str, Text] = {
    "once": text("value.segment.once", "Bought once"),
    "occasional": text("value.segment.occasional", "Occasional"),
    "regular": text("value.segment.regular", "Regular"),
    "none": text("value.segment.none", "No exchange"),
    "some": text("value.segment.some", "Some exchange"),
    "close": text("value.segment.close", "Close exchange"),
    "unknown": text("value.segment.unknown", "Needs unknown"),
    "known": text("value.segment.known", "Needs recorded"),
    "loyal": text("value.segment.loyal", "Loyal"),
    "habit": text("value.segment.habit", "Buys, not convinced"),
    "friend": text("value.segment.friend", "Convinced, buys little"),
    "distant": text("value.segment.distant", "Neither"),
}
WITHIN: Mapping[str, tuple[str, ...]] = {
    "history": ("once", "occasional", "regular"),
    "interaction": ("none", "some", "close"),
    "needs": ("unknown", "known"),
    "loyalty": ("loyal", "habit", "friend", "distant"),
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "interaction": ("interactions", "tickets", "feedback"),
    "needs": ("needs",),
    "loyalty": ("feedback.score",),
}


@dataclass(frozen=True, eq=False)
class Segments:
    """Customers by four dimensions.

    Attributes:
        frame: customer_id, history, interaction, needs, loyalty (segment ids; missing where the rule has no answer: nobody who
            never bought has a history, nobody who was not asked a loyalty), need (the leading one; missing: not delivered).
        rows: dimension, segment, customers, share, revenue_share, lost with low and high (95%, Wilson): of those who ever
            bought, who counts as lost.
        settings: churn_days and established_orders.
        missing: dimensions that the delivery does not hold.
        window_months: months of the window of revenue and exchange, as far as the data reach.
    """

    frame: pd.DataFrame
    rows: pd.DataFrame
    settings: Analysis
    missing: tuple[str, ...]
    window_months: int

    def table(self) -> Table:
        """Every segment with its rule, its customers, their revenue and how many of them are lost."""
        columns = (
            Column("dimension", text("value.column.dimension", "Segmented by"), labels=DIMENSIONS),
            Column("segment", text("value.column.segment", "Segment"), labels=SEGMENTS),
            Column("rule", text("value.column.rule", "Rule"), labels=_rules(self.settings)),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("share", text("value.column.customer_share", "Share"), "share"),
            Column("revenue_share", text("value.column.revenue_share", "Share of revenue"), "share"),
            Column("lost", text("value.column.lost", "Of them lost"), "share", low="low", high="high"),
        )
        shown = self.rows.assign(rule=self.rows["segment"])
        small = (shown["customers"] > 0) & (shown["customers"] < self.settings.small_cell)
        shown.loc[small, ["share", "revenue_share", "lost", "low", "high"]] = np.nan
        return Table("value.segments", self._title(), columns, shown, self._note(), rows=len(shown), artefact="segments")

    def not_measured(self) -> tuple[NotMeasured, ...]:
        """The dimensions that the delivery does not hold."""
        what = {
            "interaction": text("value.segments.what_interaction", "Segments by degree of interaction"),
            "needs": text("value.segments.what_needs", "Segments by needs"),
            "loyalty": text("value.segments.what_loyalty", "Segments by loyalty"),
        }
        return tuple(NotMeasured(f"value.segments_{name}", what[name], NEEDED[name]) for name in self.missing)

    def _title(self) -> Text:
        rows = self.rows.set_index("segment")
        if "loyal" in rows.index:
            return text(
                "value.segments.title_loyal",
                "{customers} of those asked are loyal and bring {revenue} of their revenue",
                customers=share(float(rows["share"]["loyal"])),
                revenue=share(float(rows["revenue_share"]["loyal"])),
            )
        return text(
            "value.segments.title",
            "{customers} of buyers are regular and bring {revenue} of the revenue",
            customers=share(float(rows["share"]["regular"])),
            revenue=share(float(rows["revenue_share"]["regular"])),
        )

    def _note(self) -> Text:
        return text(
            "value.segments.note",
            "Shares of the customers for whom the rule has an answer; loyalty only of those who were asked; exchange and"
            " revenue in the last {months}; lost = no order for more than {days}, of those who ever bought, 95% intervals;"
            " n = {n} customers.",
            months=Quantity(self.window_months, "months"),
            days=Quantity(self.settings.churn_days, "days"),
            n=count(len(self.frame)),
        )


def segment_customers(
    profile: pd.DataFrame, settings: Analysis, *, window_months: int = 12, leading: Needing | NotMeasured | None = None
) -> Segments | NotMeasured:
    """Place every customer by each of the four rules.

    Args:
        profile: one row a customer: customer_id, orders_all, recency_days, revenue, and where delivered contacts, tickets,
            feedbacks, needs, nps, satisfaction.
        settings: churn_days, established_orders, small_cell.
        window_months: length of the window of the profile, for the note.
        leading: the leading need of each customer, where needs were delivered.
    """
    people = profile.sort_values("customer_id", kind="stable").reset_index(drop=True)
    orders = _numbers(people, "orders_all").fillna(0.0)
    if not (orders > 0).any():
        what = text("value.segments.none", "Customers by purchase history, interaction, needs and loyalty")
        return NotMeasured("value.segments", what, ("orders",))
    regular = orders >= settings.established_orders
    met = sum((_numbers(people, name).fillna(0.0) for name in ("contacts", "tickets", "feedbacks")), start=orders * 0.0)
    needs, nps, satisfaction = (_numbers(people, name) for name in ("needs", "nps", "satisfaction"))
    asked = nps.notna() | satisfaction.notna()
    convinced = (nps >= CONVINCED) | (nps.isna() & (satisfaction >= CONTENT))
    frame = pd.DataFrame({
        "customer_id": people["customer_id"],
        "history": _first([(orders == 1, "once"), (regular, "regular"), (orders > 0, "occasional")]),
        "interaction": _first([(met <= 0, "none"), (met < CLOSE, "some"), (met >= CLOSE, "close")]),
        "needs": _first([(needs.fillna(0.0) > 0, "known"), (needs.fillna(0.0) <= 0, "unknown")]),
        "loyalty": _first([(~asked | (orders <= 0), None), (regular & convinced, "loyal"), (regular, "habit"),
                           (convinced, "friend"), (asked, "distant")]),
    })  # fmt: skip
    need = leading.frame.set_index("customer_id")["need"] if isinstance(leading, Needing) else pd.Series(dtype="object")
    frame["need"] = frame["customer_id"].map(need)
    there = {
        "history": True,
        "interaction": bool((met > 0).any()),
        "needs": bool((needs > 0).any()),
        "loyalty": bool(asked.any()),
    }
    revenue = _numbers(people, "revenue").fillna(0.0)
    lost = (_numbers(people, "recency_days") > settings.churn_days).astype(float).where(orders > 0)
    rows = pd.concat([_count(frame[name], name, revenue, lost) for name, known in there.items() if known], ignore_index=True)
    return Segments(frame, rows, settings, tuple(name for name, known in there.items() if not known), window_months)


def _first(rules: list[tuple[pd.Series[bool], str | None]]) -> pd.Series[str]:
    """The name of the first rule that holds for each customer; missing where none does."""
    found = np.select([rule.to_numpy(dtype=bool) for rule, _ in rules], np.arange(len(rules)), len(rules))
    names = np.array([*(name for _, name in rules), None], dtype=object)
    return pd.Series(names[found])


def _count(segment: pd.Series[str], dimension: str, revenue: pd.Series[float], lost: pd.Series[float]) -> pd.DataFrame:
    # whole ten-thousandths, so that the order of the customers cannot change the last digit of a sum
    parts = pd.DataFrame({"segment": segment, "money": np.round(revenue * 10_000).astype("int64"),
                          "buyers": lost.notna().astype("int64"), "lost": lost.fillna(0.0).astype("int64")})  # fmt: skip
    sums = parts.dropna(subset=["segment"]).groupby("segment").agg(
        customers=("money", "size"), money=("money", "sum"), buyers=("buyers", "sum"), lost=("lost", "sum")
    ).reindex(list(WITHIN[dimension]), fill_value=0)  # fmt: skip
    part = (sums["lost"] / sums["buyers"]).to_numpy(dtype=float)
    low, high = wilson(part, sums["buyers"].to_numpy(dtype=float))
    return pd.DataFrame({
        "dimension": dimension, "segment": sums.index.astype(str), "customers": sums["customers"].to_numpy(),
        "share": (sums["customers"] / sums["customers"].sum()).to_numpy(),
        "revenue_share": (sums["money"] / sums["money"].sum()).to_numpy(dtype=float) if sums["money"].sum() else np.nan,
        "lost": part, "low": low, "high": high,
    })  # fmt: skip


def _numbers(profile: pd.DataFrame, name: str) -> pd.Series[float]:
    if name not in profile:
        return pd.Series(np.nan, index=profile.index)
    return pd.to_numeric(profile[name]).astype(float)


def _rules(settings: Analysis) -> Mapping[str, Text]:
    established = count(settings.established_orders)
    return {
        "once": text("value.segment.rule_once", "One order ever"),
        "occasional": text("value.segment.rule_occasional", "More than one order, fewer than {n}", n=established),
        "regular": text("value.segment.rule_regular", "{n} orders or more", n=established),
        "none": text("value.segment.rule_none", "No contact, ticket or answer"),
        "some": text("value.segment.rule_some", "Fewer than {n} of these", n=count(CLOSE)),
        "close": text("value.segment.rule_close", "{n} of these or more", n=count(CLOSE)),
        "unknown": text("value.segment.rule_unknown", "No need recorded"),
        "known": text("value.segment.rule_known", "At least one need recorded"),
        "loyal": text("value.segment.rule_loyal", "Regular, and would recommend (9 or 10) or is content (80%)"),
        "habit": text("value.segment.rule_habit", "Regular, but neither recommends nor is content"),
        "friend": text("value.segment.rule_friend", "Recommends or is content, but is not regular"),
        "distant": text("value.segment.rule_distant", "Neither of both"),
    }
