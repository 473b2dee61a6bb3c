"""The stages of a customer's life: contact, acquisition, development, retention, churned; row L1 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, count, day, part_and_people, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, KeyFigure, NotMeasured, Table
from workbook.report.figures import DIAMOND, FULL_WIDTH, MUTED, WORSE, canvas
from workbook.settings.models import Analysis

FEW = 30
"""Below this many customers counts are told instead of shares."""

CONTACT, ACQUISITION, DEVELOPMENT, RETENTION, CHURNED = STAGES = (
    "contact", "acquisition", "development", "retention", "churned",
)  # fmt: skip
"""The stages in the order in which a customer passes through them."""

NAMES: Mapping[str, Text] = {
    CONTACT: text("value.lifecycle.contact", "Contact"),
    ACQUISITION: text("value.lifecycle.acquisition", "Acquisition"),
    DEVELOPMENT: text("value.lifecycle.development", "Development"),
    RETENTION: text("value.lifecycle.retention", "Retention"),
    CHURNED: text("value.lifecycle.churned", "Churned"),
}
AIMS: Mapping[str, Text] = {
    CONTACT: text("value.aim.contact", "Win the first order"),
    ACQUISITION: text("value.aim.acquisition", "Win the second order"),
    DEVELOPMENT: text("value.aim.development", "More orders and a wider basket"),
    RETENTION: text("value.aim.retention", "Keep rhythm and satisfaction"),
    CHURNED: text("value.aim.churned", "Win back who is worth it"),
}
STRATEGIES: Mapping[str, Text] = {
    CONTACT: text("value.strategy.contact", "Content and trial offers; follow up within the agreed days; know the need"),
    ACQUISITION: text("value.strategy.acquisition", "Welcome and first-use care; ask for satisfaction after the first order"),
    DEVELOPMENT: text("value.strategy.development", "Recommend by need; bundles and steps of benefits; complete the profile"),
    RETENTION: text(
        "value.strategy.retention", "Care plan and fixed contact; early warning when the rhythm slows; loyalty benefits"
    ),
    CHURNED: text(
        "value.strategy.churned", "Ask for the reason; win-back offer and budget by tier; stop where it does not pay"
    ),
}


@dataclass(frozen=True, eq=False)
class Lifecycle:
    """Customers by stage of life.

    Attributes:
        frame: customer_id, lifecycle (stage id); ordered by customer_id.
        stages: lifecycle, customers, customer_share, revenue, revenue_share; all five stages in their order.
        settings: the days and orders of the rules.
        window: "the 12 months to 31 Dec 2025", for notes.
    """

    frame: pd.DataFrame
    stages: pd.DataFrame
    settings: Analysis
    window: Text

    def table(self) -> Table:
        """Each stage with its rule, its customers, its aim and its strategy."""
        stage = self.stages["lifecycle"]
        frame = self.stages.assign(rule=stage, aim=stage, strategy=stage)
        columns = (
            Column("lifecycle", text("value.column.stage", "Stage"), labels=NAMES),
            Column("rule", text("value.column.rule", "Rule"), labels=_rules(self.settings)),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("customer_share", text("value.column.customer_share", "Share"), "share", of="customers"),
            Column("revenue", text("value.column.revenue", "Revenue"), "money"),
            Column("aim", text("value.column.aim", "Aim"), labels=AIMS),
            Column("strategy", text("value.column.strategy", "Strategy"), labels=STRATEGIES),
        )
        return Table("value.lifecycle", self._title(), columns, frame, self._note(), rows=len(frame), artefact="lifecycle")

    def figure(self) -> Figure:
        """Share of customers in each stage, in the order of a customer's life."""

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(FULL_WIDTH, 2.6)
            y = np.arange(len(self.stages))[::-1]
            parts = self.stages["customer_share"].to_numpy(dtype=float)
            colours = [WORSE if s == CHURNED else MUTED if s == CONTACT else DIAMOND for s in self.stages["lifecycle"]]
            axes.barh(y, parts, height=0.62, color=colours)
            for at, part, n in zip(y, parts, self.stages["customers"], strict=True):
                words = part_and_people(part, int(n), edition)
                axes.annotate(words, (part, at), (5, 0), textcoords="offset points", va="center")
            axes.set_yticks(y, [NAMES[s].render(edition) for s in self.stages["lifecycle"]])
            axes.set_xlim(0, 1.25 * max(float(parts.max()), 0.01))
            axes.tick_params(axis="y", length=0)
            axes.set_xticks([])
            axes.spines[["bottom"]].set_visible(False)
            return figure

        alt = text(
            "value.lifecycle.alt", "Bars of the share and number of customers in five stages of life. {message}",
            message=self._title(),
        )  # fmt: skip
        columns = (
            Column("lifecycle", text("value.column.stage", "Stage"), labels=NAMES),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("customer_share", text("value.column.customer_share", "Share"), "share", of="customers"),
        )
        under = Table("value.lifecycle_data", self._title(), columns, self.stages, self._note(), rows=len(self.stages))
        return Figure("value.lifecycle_stages", self._title(), draw, alt, self._note(), under)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of the customers who ever bought that are lost."""
        sizes = self.stages.set_index("lifecycle")["customers"]
        buyers = int(sizes.sum() - sizes[CONTACT])
        return (
            KeyFigure(
                "value.churned_share",
                text("value.key.churned", "Lost customers"),
                share(int(sizes[CHURNED]) / buyers),
                better="lower",
                note=text(
                    "value.key.churned_note",
                    "no order for more than {days}; of {n} customers who ever bought",
                    days=Quantity(self.settings.churn_days, "days"),
                    n=count(buyers),
                ),
                rank=30,
            ),
        )

    def _title(self) -> Text:
        sizes = self.stages.set_index("lifecycle")["customers"]
        customers, kept, lost = int(sizes.sum()), int(sizes[RETENTION]), int(sizes[CHURNED])
        if customers < FEW:
            return text(
                "value.lifecycle.few",
                "{kept} of {n} customers are in retention, {lost} are lost",
                kept=count(kept),
                lost=count(lost),
                n=count(customers),
            )
        return text(
            "value.lifecycle.title",
            "{kept} of customers are in retention, {lost} are lost",
            kept=share(kept / customers),
            lost=share(lost / customers),
        )

    def _note(self) -> Text:
        return text(
            "value.lifecycle.note",
            "All n = {n} customers; buyers = an order at any time; the rule of churned goes before those of acquisition,"
            " development and retention; revenue in {window}; counted, so there is no interval.",
            n=count(len(self.frame)),
            window=self.window,
        )


def place_in_lifecycle(
    profile: pd.DataFrame, settings: Analysis, *, period: Period, window_months: int = 12
) -> Lifecycle | NotMeasured:
    """The stage of life of every customer, by the first rule that holds.

    1. contact: no order yet;
    2. churned: no order for more than ``churn_days``;
    3. acquisition: the first order lies at most ``new_days`` back;
    4. development: fewer than ``established_orders`` orders, or revenue of the period above that of the previous period by
       ``growth_share`` or more;
    5. retention: everybody else.

    Args:
        profile: one row a customer with customer_id, orders_all, first_order_at, last_order_at, recency_days, revenue,
            revenue_period and revenue_previous.
        settings: the days and orders of the rules.
        period: the period analysed.
        window_months: length of the window of ``revenue`` in months, as far as the data reach.

    Returns:
        The stages, or NotMeasured where nobody ever ordered.
    """
    profile = profile.sort_values("customer_id", kind="stable").reset_index(drop=True)
    orders = _numbers(profile["orders_all"]).fillna(0.0)
    if not (orders > 0).any():
        return NotMeasured("value.lifecycle", text("value.lifecycle.what", "Stages of the customers' life"), ("orders",))
    recency = _numbers(profile["recency_days"])
    first, last = pd.to_datetime(profile["first_order_at"]), pd.to_datetime(profile["last_order_at"])
    since_first = recency + (last.dt.normalize() - first.dt.normalize()).dt.days
    now, then = _numbers(profile["revenue_period"]), _numbers(profile["revenue_previous"])
    grows = (then > 0) & (now >= (1 + settings.growth_share) * then)
    rules = [
        orders <= 0,
        recency > settings.churn_days,
        since_first <= settings.new_days,
        (orders < settings.established_orders) | grows,
    ]
    stage = np.select([rule.to_numpy(dtype=bool) for rule in rules], [CONTACT, CHURNED, ACQUISITION, DEVELOPMENT], RETENTION)
    frame = pd.DataFrame({"customer_id": profile["customer_id"], "lifecycle": stage})
    window = text(
        "value.window",
        "the {months} to {day}",
        months=Quantity(window_months, "months"),
        day=day(period.end),
    )
    return Lifecycle(frame, _totals(frame["lifecycle"], _numbers(profile["revenue"])), settings, window)


def _numbers(column: pd.Series[float]) -> pd.Series[float]:
    return pd.to_numeric(column).astype(float)


def _totals(stage: pd.Series[str], revenue: pd.Series[float]) -> pd.DataFrame:
    # whole ten-thousandths, so that the order of the customers cannot change the last digit of a sum
    known = bool(revenue.notna().any()) or revenue.empty
    parts = pd.DataFrame({"stage": stage, "parts": np.round(revenue.fillna(0.0).to_numpy() * 10_000).astype("int64")})
    grouped = parts.groupby("stage")["parts"].agg(["size", "sum"]).reindex(list(STAGES), fill_value=0)
    total = int(grouped["sum"].sum())
    return pd.DataFrame(
        {
            "lifecycle": grouped.index.astype(str),
            "customers": grouped["size"].to_numpy(),
            "customer_share": grouped["size"].to_numpy() / len(stage),
            "revenue": grouped["sum"].to_numpy() / 10_000 if known else np.nan,
            "revenue_share": grouped["sum"].to_numpy() / total if total > 0 else np.nan,
        }
    )


def _rules(settings: Analysis) -> Mapping[str, Text]:
    return {
        CONTACT: text("value.rule.contact", "No order yet"),
        ACQUISITION: text(
            "value.rule.acquisition",
            "First order at most {days} ago",
            days=Quantity(settings.new_days, "days"),
        ),
        DEVELOPMENT: text(
            "value.rule.development",
            "Fewer than {orders} orders, or revenue up {growth} or more",
            orders=count(settings.established_orders),
            growth=share(settings.growth_share),
        ),
        RETENTION: text(
            "value.rule.retention",
            "{orders} orders or more, and none of the other rules",
            orders=count(settings.established_orders),
        ),
        CHURNED: text(
            "value.rule.churned",
            "No order for more than {days}",
            days=Quantity(settings.churn_days, "days"),
        ),
    }
