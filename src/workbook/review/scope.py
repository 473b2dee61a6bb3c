"""The customers that the analysis speaks of: new, existing, high value, prospects and lost, by rule (row G2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbook.language import Text, count, is_missing, share, text
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.review.kpi import finished, window_start
from workbook.settings.models import Settings
from workbook.tables import Tables

GROUPS: Mapping[str, Text] = {
    "new": text("review.group.new", "New customers"),
    "existing": text("review.group.existing", "Existing customers"),
    "lost": text("review.group.lost", "Lost customers"),
    "prospect": text("review.group.prospect", "Prospects"),
    "high_value": text("review.group.high_value", "High-value customers"),
}
"""The groups of row G2; the first four part all customers, high value cuts across them."""


@dataclass(frozen=True)
class Scope:
    """Customers by group.

    Attributes:
        frame: columns group, customers, customer_share, revenue, revenue_share (trailing window); shares of all customers
            and of all revenue, 0 to 1.
        customers: all customers in scope, prospects included.
        everyone: all customers of the delivery where the settings narrow the scope, else None.
        summed: whether pilots were delivered as summaries, which cannot be narrowed.
        settings: the parameters that the rules quote.
        months: months of the trailing window that the data cover.
        ordered: whether orders were delivered; without them nobody is known to be new, lost or a prospect.
    """

    frame: pd.DataFrame
    customers: int
    everyone: int | None
    summed: bool
    settings: Settings
    months: int
    ordered: bool

    def table(self) -> Table | NotMeasured:
        """Groups with their rule, their customers and what they bring."""
        if not self.customers:
            return NotMeasured(
                "review.scope", text("review.scope.none", "No customer could be counted"), ("customers", "orders.customer_id")
            )
        if not self.ordered:
            what = text(
                "review.scope.ungrouped",
                "Which of the {n} customers in scope are new, existing, lost or prospects",
                n=count(self.customers),
            )
            return NotMeasured("review.scope", what, ("orders.customer_id", "orders.ordered_at"))
        words = [{"name": GROUPS[group], "rule": self._rule(group)} for group in self.frame["group"]]
        frame = pd.concat([pd.DataFrame(words, dtype=object), self.frame], axis=1)
        columns = (
            Column("name", text("review.head.group", "Group")),
            Column("rule", text("review.head.rule", "Rule")),
            Column("customers", text("review.head.customers", "Customers"), "people"),
            Column("customer_share", text("review.head.customer_share", "Share of customers"), "share", of="customers"),
            Column("revenue", text("review.head.revenue", "Revenue"), "money"),
            Column("revenue_share", text("review.head.revenue_share", "Share of revenue"), "share"),
        )
        note = text(
            "review.scope.note",
            "All {n} customers in scope, those with orders only included; revenue of the last {months} months. "
            "Refunds lower it and are no orders. High-value customers are counted in their other group too. "
            "Counts of all customers: no interval.",
            n=count(self.customers),
            months=count(self.months),
        )
        return Table("review.scope", self._title(), columns, frame, note)

    def blocks(self) -> tuple[Block, ...]:
        """The table, and a word where the settings narrow the scope."""
        where = self.settings.scope.where
        if not where or self.everyone is None:
            return (self.table(),)
        words = text(
            "review.scope.where",
            "Only customers with {where} are analysed: {n} of {all}. What the others did, and what is known of no customer, "
            "enters no figure; the account of the delivered rows counts everything.",
            where=where,
            n=count(self.customers),
            all=count(self.everyone),
        )
        summed = text("review.scope.summed", "Pilots delivered as summaries stay whole: they do not name their units.")
        notes = [Paragraph("review.scope.where", words, "limits")]
        notes += [Paragraph("review.scope.summed", summed, "limits")] if self.summed else []
        return (self.table(), *notes)

    def _title(self) -> Text:
        for row in self.frame.to_dict("records"):
            if row["group"] == "high_value" and not is_missing(row["revenue_share"]):
                return text(
                    "review.scope.title_high",
                    "{n} high-value customers bring {part} of revenue",
                    n=count(row["customers"]),
                    part=share(row["revenue_share"]),
                )
        return text("review.scope.title", "{n} {n:customer|customers} in scope", n=count(self.customers))

    def _rule(self, group: str) -> Text:
        analysis = self.settings.analysis
        match group:
            case "new":
                return text("review.rule.new", "first order at most {days} days ago", days=count(analysis.new_days))
            case "existing":
                return text(
                    "review.rule.existing", "last order at most {days} days ago, not new", days=count(analysis.churn_days)
                )
            case "lost":
                return text("review.rule.lost", "last order more than {days} days ago", days=count(analysis.churn_days))
            case "prospect":
                return text("review.rule.prospect", "no order yet")
            case _:
                return text(
                    "review.rule.high_value",
                    "top {part} of buyers by revenue",
                    part=share(self.settings.scope.high_value_share),
                )


def count_scope(tables: Tables, settings: Settings) -> Scope:
    """Customers by group, counted from the customer list and the orders.

    A customer is new with a first order at most ``analysis.new_days`` days before the analysis date; else existing or lost by
    whether the last order lies at most ``analysis.churn_days`` days before it, as in the lifecycle of stage 4; a prospect
    without any order. A refund (an amount below zero) lowers revenue and is no order. High value: revenue of the trailing
    window at or above the quantile that ``scope.high_value_share`` of the buyers reach.
    """
    end = tables.period.end
    values = {
        "since": window_start(end, settings.analysis.window_months),
        "new_from": end - dt.timedelta(days=settings.analysis.new_days),
        "kept_from": end - dt.timedelta(days=settings.analysis.churn_days),
        "quantile": 1 - settings.scope.high_value_share,
        "finished": settings.analysis.finished_orders,
    }
    frame = tables.sql(
        f"""
        with bought as (
            select customer_id, min(case when coalesce(amount, 0) >= 0 then ordered_at end) as first_at,
                   max(case when coalesce(amount, 0) >= 0 then ordered_at end) as last_at,
                   sum(case when ordered_at >= $since then amount end) as revenue
            from orders where customer_id is not null {finished(settings)} group by customer_id),
        known as (
            select customer_id from customers where customer_id is not null
            union select customer_id from bought),
        cut as (select percentile_cont($quantile) within group (order by revenue) as least from bought where revenue > 0),
        grouped as (
            select k.customer_id, b.revenue,
                   case when b.first_at is null then 'prospect' when b.first_at >= $new_from then 'new'
                        when b.last_at >= $kept_from then 'existing' else 'lost' end as main,
                   b.revenue > 0 and b.revenue >= c.least as high
            from known k left join bought b on b.customer_id = k.customer_id cross join cut c)
        select main as "group", count(*) as customers, sum(revenue) as revenue from grouped group by main
        union all
        select 'high_value' as "group", count(*) as customers, sum(revenue) as revenue from grouped where high
        order by 1""",
        **values,
    ).set_index("group")
    parts = frame.drop(index="high_value")
    everyone = int(parts["customers"].sum())
    revenue = float(parts["revenue"].fillna(0).astype(float).sum())
    wanted = [group for group in GROUPS if group in settings.scope.groups]
    shown = frame.reindex(wanted).rename_axis("group").reset_index()
    shown["customers"] = shown["customers"].fillna(0).astype("int64")
    # nobody bought for anything: none in a group is nothing, and unknown where no amount was delivered
    shown["revenue"] = shown["revenue"].astype(float).fillna(0.0 if tables.has("orders.amount") else float("nan"))
    shown["customer_share"] = shown["customers"] / everyone if everyone else float("nan")
    shown["revenue_share"] = shown["revenue"] / revenue if revenue else float("nan")
    columns = ["group", "customers", "customer_share", "revenue", "revenue_share"]
    months = tables.covered_months(settings.analysis.window_months)
    ordered = tables.has("orders.customer_id", "orders.ordered_at")
    return Scope(shown[columns], everyone, tables.everyone, tables.has("pilot_summaries"), settings, months, ordered)
