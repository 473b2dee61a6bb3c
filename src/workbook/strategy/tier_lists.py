"""Customer lists per tier for sales, marketing and service, with the next step that suits the tier (S6, T12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import pandas as pd

from workbook.language import Text, count, named, text
from workbook.report.blocks import Column, NotMeasured, Sheet, Table
from workbook.settings.models import Settings
from workbook.strategy.keeping import keep_sheet

Department = Literal["sales", "marketing", "service"]

LIST_COLUMNS: tuple[str, ...] = ("customer_id", "tier", "score", "owner", "region", "last_order_at", "revenue", "step")


@dataclass(frozen=True)
class TierLists:
    """Lists of customers by tier for one department.

    Attributes:
        frame: customer_id, tier, score, owner, region, last_order_at, revenue, step (id of the next step), best tier first.
        department: whom the list is for.
        left_out: customers whom the consent gate keeps from this list.
    """

    frame: pd.DataFrame
    department: Department
    left_out: int
    settings: Settings

    def tables(self) -> tuple[Table, ...]:
        """One table a tier, the best first; tiers without a customer have none. Names of account managers are masked in it."""
        tiers = [tier for tier in self.settings.grading.tiers if (self.frame["tier"] == tier.id).any()]
        return tuple(self._table(tier.id, named(tier.name)) for tier in tiers)

    def sheets(self) -> tuple[Sheet, ...]:
        """The tables as sheets of the department's own file, where the names of its account managers stand in full."""
        return tuple(Sheet(table.title, table, unmasked=True) for table in self.tables())

    def _table(self, tier: str, name: Text) -> Table:
        rows = self.frame[self.frame["tier"] == tier].reset_index(drop=True)
        columns = (
            Column("customer_id", text("strategy.column.customer", "Customer")),
            Column("tier", text("strategy.column.tier", "Tier"), labels={tier: name}),
            Column("score", text("strategy.column.score", "Score"), "score"),
            Column("owner", text("strategy.column.manager", "Account manager"), personal=True),
            Column("region", text("strategy.column.region", "Region")),
            Column("last_order_at", text("strategy.column.last_order", "Last order"), "date"),
            Column("revenue", text("strategy.column.revenue", "Revenue"), "money"),
            Column("step", text("strategy.column.next_step", "Next step"), labels=NEXT_STEPS),
        )
        title = text("strategy.tier_list.title", "{tier}: {n} {n:customer|customers}", tier=name, n=count(len(rows)))
        note = text(
            "strategy.tier_list.left_out",
            "{n} customers are left out of all tiers: the consent gate keeps them from this list.",
            n=count(self.left_out),
        ) if self.left_out else None  # fmt: skip
        return Table(f"strategy.tier_list.{self.department}.{tier}", title, columns, rows, note, rows=max(len(rows), 1))


NEXT_STEPS = {
    "sales.high": text("strategy.step.sales.high", "Dedicated manager visits and agrees a yearly plan"),
    "sales.middle": text("strategy.step.sales.middle", "Call with the suggested next product"),
    "sales.low": text("strategy.step.sales.low", "Standard offer; pass on when interest shows"),
    "marketing.high": text("strategy.step.marketing.high", "Personal invitation and tailored offer"),
    "marketing.middle": text("strategy.step.marketing.middle", "Tiered promotion"),
    "marketing.low": text("strategy.step.marketing.low", "Community and content"),
    "service.high": text("strategy.step.service.high", "Route to the dedicated team, answer within 24 hours"),
    "service.middle": text("strategy.step.service.middle", "Standard service with a survey after each ticket"),
    "service.low": text("strategy.step.service.low", "Automated service and self-help"),
}


def tier_lists(
    scores: pd.DataFrame, profile: pd.DataFrame, settings: Settings, department: Department, allowed: pd.DataFrame
) -> TierLists:
    """The customers of every tier with what a department needs to act.

    Args:
        scores: the artefact of stage 4: customer_id, score, tier.
        profile: customer_id and, where delivered, owner, region, last_order_at, revenue.
        settings: section grading (tiers from the highest; high_tiers counts as high, the lowest tier as low).
        department: sales, marketing or service.
        allowed: customer_id of those whom the consent gate lets through to its list.

    Source: method.md S6, T12, D7.
    """
    places = {tier.id: place for place, tier in enumerate(settings.grading.tiers)}
    lowest = len(places) - 1
    wanted = ["customer_id", "owner", "region", "last_order_at", "revenue"]
    known = profile.reindex(columns=wanted).drop_duplicates("customer_id")
    rows = scores[["customer_id", "tier", "score"]].merge(known, on="customer_id", how="left")
    kept = rows[rows["customer_id"].isin(allowed["customer_id"])]
    place = kept["tier"].map(places)
    level = pd.Series("middle", index=kept.index)
    level = level.mask(place == lowest, "low").mask(place < settings.grading.high_tiers, "high")
    kept = kept.assign(step=f"{department}." + level, place=place)
    kept = kept.sort_values(["place", "score", "customer_id"], ascending=[True, False, True], ignore_index=True)
    return TierLists(kept[list(LIST_COLUMNS)], department, len(rows) - len(kept), settings)


def department_lists(
    scores: pd.DataFrame | NotMeasured,
    profile: pd.DataFrame,
    settings: Settings,
    allowed: Mapping[str, pd.DataFrame],
    risks: pd.DataFrame | NotMeasured | None = None,
) -> Mapping[Department, Sequence[Sheet | NotMeasured]]:
    """The lists of all departments, department → its sheets; see :func:`tier_lists`.

    Args:
        allowed: department → customer_id of those whom the consent gate lets through to its list.
        risks: whom to keep (:func:`workbook.strategy.keeping.keep_sheet`); each list holds those of them who are *allowed*.
    """
    departments: tuple[Department, ...] = get_args(Department)
    if isinstance(scores, NotMeasured):
        return dict.fromkeys(departments, (scores,))
    lists: dict[Department, Sequence[Sheet | NotMeasured]] = {}
    for name in departments:
        sheets: tuple[Sheet | NotMeasured, ...] = tier_lists(scores, profile, settings, name, allowed[name]).sheets()
        if isinstance(risks, pd.DataFrame):
            kept = risks[risks["customer_id"].isin(allowed[name]["customer_id"])]
            sheets = (*sheets, keep_sheet(kept, profile, scores, settings))
        lists[name] = sheets
    return lists
