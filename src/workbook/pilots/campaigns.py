"""Campaigns that nobody randomised: what was seen before and after, and that no effect can be claimed (ground for P5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, count, money, share, text
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

NEEDS = ("campaigns.starts_at", "campaigns.ends_at", "campaign_contacts.customer_id", "orders.customer_id", "orders.amount")

Movement = Literal["rose", "fell", "unclear", "unknown"]

MOVEMENTS: Mapping[Movement, Text] = {
    "rose": text("pilots.campaign.rose", "rose after"),
    "fell": text("pilots.campaign.fell", "fell after"),
    "unclear": text("pilots.campaign.unclear", "no clear change"),
    "unknown": text("pilots.campaign.unknown", "cannot tell"),
}

_LABELS: Mapping[str, Text] = {str(movement): words for movement, words in MOVEMENTS.items()}
_COLUMNS = ["campaign", "measure", "days", "contacted", "before", "after", "change", "low", "high", "others", "others_change",
            "movement"]  # fmt: skip


@dataclass(frozen=True)
class ObservedCampaigns:
    """Spending before and after each campaign of the period.

    Attributes:
        frame: columns campaign, measure, days (length of the campaign up to the analysis date, and of the stretch before it),
            contacted (customers), before, after, change, low, high (spend a contacted customer), others (customers not
            contacted), others_change (their change of spend a customer), movement (rose, fell, unclear, unknown).
        missing: what was not delivered; empty where campaigns could be described.
        settings: the parameters.
    """

    frame: pd.DataFrame
    missing: tuple[str, ...]
    settings: Settings

    def table(self) -> Table | NotMeasured:
        """Before and after of each campaign, contacted customers beside the others."""
        if self.frame.empty:
            why = None if self.missing else text("pilots.campaigns.no_case", "No campaign of the delivery ran in the period.")
            what = text("pilots.campaigns.none", "Spending around campaigns")
            return NotMeasured("pilots.campaigns", what, self.missing, why)
        columns = (
            Column("campaign", text("pilots.head.campaign", "Campaign")),
            Column("contacted", text("pilots.head.contacted", "Contacted"), "count"),
            Column("before", text("pilots.head.before", "Before"), "number"),
            Column("after", text("pilots.head.after", "After"), "number"),
            Column("change", text("pilots.head.change", "Change (interval)"), "number", low="low", high="high"),
            Column("movement", text("pilots.head.reading", "Reading"), labels=_LABELS),
            Column("others_change", text("pilots.head.others", "Change of the others"), "number"),
        )
        note = text(
            "pilots.campaigns.note",
            "Spend a customer during the campaign against as many days just before it; {level} interval of the mean change. "
            "Others: customers who were not contacted by the campaign. Not randomised.",
            level=share(self.settings.analysis.confidence),
        )
        # amounts a customer are small beside the totals of a report, so each cell says its own unit
        shown = self.frame.astype(object)
        for name in ("before", "after", "change", "low", "high", "others_change"):
            shown[name] = pd.Series([money(x) for x in self.frame[name]], index=shown.index, dtype=object)
        return Table("pilots.campaigns", self.title(), columns, shown, note)

    def title(self) -> Text:
        """What was seen, without a word on causes."""
        rose = int((self.frame["movement"] == "rose").sum())
        return text(
            "pilots.campaigns.title",
            "Contacted customers' spending rose after {n} of {all} {all:campaign|campaigns}",
            n=count(rose),
            all=count(len(self.frame)),
        )

    def paragraph(self) -> Paragraph:
        """Why no effect can be claimed."""
        words = text(
            "pilots.campaigns.limits",
            "Who was contacted was not drawn at random: the client chose, so contacted and other customers differ from the "
            "start and the season moves both. What rose after a campaign was not necessarily raised by it; no effect can be "
            "claimed. A pilot drawn at random can tell.",
        )
        return Paragraph("pilots.campaigns.limits", words, "limits")

    def blocks(self) -> tuple[Block, ...]:
        """Table and statement; a note where nothing could be described."""
        return (self.table(), self.paragraph()) if len(self.frame) else (self.table(),)


def observe_campaigns(tables: Tables, settings: Settings) -> ObservedCampaigns:
    """Describe the campaigns that overlap the period: spend of contacted and other customers during and just before."""
    missing = tables.lacks(*NEEDS)
    if missing:
        return ObservedCampaigns(pd.DataFrame(columns=_COLUMNS), missing, settings)
    finished = "and list_contains($finished, o.status)" if settings.analysis.finished_orders else ""
    sums = tables.sql(
        f"""
        with runs as (
            select campaign_id, min(measure) as measure, min(starts_at) as first_day,
                   least(max(ends_at), cast($end as date)) as last_day
            from campaigns where starts_at is not null and ends_at is not null group by campaign_id),
        lengths as (
            select *, date_diff('day', first_day, last_day) + 1 as days from runs
            where first_day <= $end and last_day >= $start and last_day >= first_day),
        contacts as (select distinct campaign_id, customer_id from campaign_contacts where customer_id is not null),
        spent as (
            select l.campaign_id, o.customer_id,
                   sum(case when o.ordered_at < l.first_day then o.amount else 0 end) as before,
                   sum(case when o.ordered_at >= l.first_day then o.amount else 0 end) as after
            from lengths l join orders o
              on o.ordered_at >= l.first_day - l.days * interval 1 day and o.ordered_at < l.last_day + interval 1 day
            where o.customer_id is not null and o.amount is not null {finished}
            group by l.campaign_id, o.customer_id),
        known as (select customer_id from customers where customer_id is not null
                  union select customer_id from orders where customer_id is not null),
        everyone as (select count(*) as n from known),
        reached as (select campaign_id, count(*) as n from contacts group by campaign_id),
        totals as (
            select s.campaign_id, c.customer_id is not null as contacted, sum(before) as before, sum(after) as after,
                   sum(cast((after - before) as decimal(18, 4)) * cast((after - before) as decimal(18, 4))) as squares
            from spent s left join contacts c on c.campaign_id = s.campaign_id and c.customer_id = s.customer_id
            group by 1, 2)
        select l.campaign_id as campaign, l.measure, l.days, r.n as contacted, e.n - r.n as others,
               t.before, t.after, t.squares, u.before as others_before, u.after as others_after
        from lengths l join reached r on r.campaign_id = l.campaign_id cross join everyone e
        left join totals t on t.campaign_id = l.campaign_id and t.contacted
        left join totals u on u.campaign_id = l.campaign_id and not u.contacted
        order by r.n desc, l.campaign_id""",
        finished=settings.analysis.finished_orders,
    )
    return ObservedCampaigns(_describe(sums, settings.analysis.confidence), (), settings)


def _describe(sums: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Means a customer and the interval of the mean change, from sums over customers; customers without orders count as 0."""
    money_columns = ["before", "after", "squares", "others_before", "others_after"]
    frame = sums.assign(**{column: sums[column].astype(float).fillna(0.0) for column in money_columns})
    n = frame["contacted"].astype(float)
    change = (frame["after"] - frame["before"]) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = ((frame["squares"] - n * change**2) / (n - 1)).clip(lower=0).where(n > 1)
        half = pd.Series(stats.t.ppf(0.5 + confidence / 2, (n - 1).clip(lower=1)), index=frame.index) * (variance / n) ** 0.5
        others = ((frame["others_after"] - frame["others_before"]) / frame["others"]).where(frame["others"] > 0)
    low, high = change - half, change + half
    movement = np.select([half.isna() | (half == 0), low > 0, high < 0], ["unknown", "rose", "fell"], default="unclear")
    result = pd.DataFrame(
        {
            "campaign": frame["campaign"],
            "measure": frame["measure"],
            "days": frame["days"].astype("int64"),
            "contacted": frame["contacted"].astype("int64"),
            "before": frame["before"] / n,
            "after": frame["after"] / n,
            "change": change,
            "low": low,
            "high": high,
            "others": frame["others"].astype("int64"),
            "others_change": others,
            "movement": movement,
        }
    )
    return result[_COLUMNS]
