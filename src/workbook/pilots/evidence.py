"""What campaigns that nobody randomised can tell: comparisons that are tested, and graded by what they bear (P5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Text, count, number, share, text
from workbook.pilots.campaigns import NEEDS
from workbook.pilots.graded import PLACEBOS, STRETCHES, Graded, grade
from workbook.pilots.not_randomised import LARGEST_IMBALANCE, Compared, Values
from workbook.report.blocks import Block, Column, Figure, NotMeasured, Paragraph, Table
from workbook.report.figures import BETTER, MUTED, UNCLEAR, WORSE, canvas, label_axis
from workbook.settings.models import Settings
from workbook.tables import Tables

MOST = 50_000
"""Most customers of a group that are compared; of more, those whose ids have the smallest MD5 sums stand for all."""

VERDICTS: Mapping[str, Text] = {
    "more_moderate": text("pilots.evidence.more_moderate", "spent more; moderate evidence"),
    "more_weak": text("pilots.evidence.more_weak", "spent more; weak evidence"),
    "less_moderate": text("pilots.evidence.less_moderate", "spent less; moderate evidence"),
    "less_weak": text("pilots.evidence.less_weak", "spent less; weak evidence"),
    "unclear_moderate": text("pilots.evidence.unclear_moderate", "no clear difference"),
    "unclear_weak": text("pilots.evidence.unclear_weak", "no clear difference; weak evidence"),
    "few": text("pilots.evidence.few", "undecided: too few customers"),
    "short": text("pilots.evidence.short", "undecided: too little history"),
    "apart": text("pilots.evidence.apart", "undecided: no like customers"),
    "differ": text("pilots.evidence.differ", "undecided: they differed before"),
}
"""What can be said of a campaign: how the reached spent beside like customers, or why nothing can be said."""

_ESTIMATES = ("plain", "plain_before", "weighted", "weighted_before")
_COLUMNS = [
    "campaign", "measure", "days", "stretches", "reached", "others", "placebos",
    *(f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")),
    "parallel_p", "uneven", "uneven_weighted", "counted", "plain_passes", "weighted_passes", "hidden", "also", "verdict",
]  # fmt: skip


@dataclass(frozen=True)
class CampaignEvidence:
    """Spend of reached customers beside others, campaign by campaign.

    Attributes:
        frame: one row a campaign: campaign, measure, days, stretches (before it), reached, others (customers compared); with
            their intervals in money a customer plain (difference in differences), weighted (beside like customers); both on
            ``placebos`` earlier dates (plain_before, weighted_before: mean, smallest and largest), by which the intervals are
            widened; parallel_p (both groups moved alike before), uneven and uneven_weighted (largest standardised difference
            of a covariate), counted (others that count after weighting), plain_passes, weighted_passes (whether each holds its
            test), hidden (least E-value of the limit nearest to zero),
            also (share of the reached whom another campaign reached meanwhile), verdict (a key of :data:`VERDICTS`).
        missing: what was not delivered.
        settings: the parameters.
        graded: the comparisons of each campaign, in the order of the rows.
    """

    frame: pd.DataFrame
    missing: tuple[str, ...]
    settings: Settings
    graded: tuple[Graded, ...] = ()

    @property
    def judged(self) -> pd.DataFrame:
        """The campaigns of which something can be said."""
        return self.frame[self.frame["verdict"].str.endswith(("_moderate", "_weak"))]

    def table(self) -> Table | NotMeasured:
        """Difference, the same difference before the campaign, balance, hidden factor and verdict."""
        if self.frame.empty:
            what = text("pilots.evidence.none", "Comparison of campaigns with like customers")
            why = None if self.missing else text("pilots.evidence.no_case", "No campaign of the delivery ran in the period.")
            return NotMeasured("pilots.campaigns_evidence", what, self.missing, why)
        columns = (
            Column("campaign", text("pilots.evidence.campaign", "Campaign")),
            Column("reached", text("pilots.evidence.reached", "Reached"), "count"),
            Column(
                "plain",
                text("pilots.evidence.plain", "Beside all others"),
                "money",
                low="plain_low",
                high="plain_high",
                digits=1,
            ),
            Column(
                "weighted",
                text("pilots.evidence.weighted", "Beside like customers"),
                "money",
                low="weighted_low",
                high="weighted_high",
                digits=1,
            ),
            Column(
                "weighted_before",
                text("pilots.evidence.before", "The same on earlier dates (range)"),
                "money",
                low="weighted_before_low",
                high="weighted_before_high",
                digits=1,
            ),
            Column("uneven_weighted", text("pilots.evidence.imbalance", "Imbalance"), "number", digits=2),
            Column("hidden", text("pilots.evidence.hidden", "E-value"), "number", digits=2),
            Column("verdict", text("pilots.evidence.verdict", "Reading"), labels=VERDICTS),
        )
        # an estimate that fails its test hides behind the reading
        shown = self.frame.astype(object)
        for name in ("plain", "weighted"):
            shown.loc[self.frame[f"{name}_passes"] != True, [name, f"{name}_low", f"{name}_high"]] = math.nan  # noqa: E712
        note = text(
            "pilots.evidence.note",
            "Change of a reached customer's spend less that of others, against up to {stretches} equal stretches before; "
            "customers with an earlier order. {level} intervals, for all campaigns together, widened by a bias as large "
            "as the largest found on up to {placebos} earlier dates, on which there was nothing to find. Not shown: "
            "beside all others where both groups moved apart before; beside like customers where an imbalance of {even} "
            "stays or they differed on an earlier date. E-value: strength a hidden factor would need.",
            placebos=count(PLACEBOS),
            stretches=count(STRETCHES),
            level=share(self.settings.analysis.confidence),
            even=number(LARGEST_IMBALANCE, 1),
        )
        return Table("pilots.campaigns_evidence", self.title(), columns, shown, note)

    def title(self) -> Text:
        """How many campaigns can be judged at all, and what they say."""
        judged = self.judged["verdict"]
        if judged.empty:
            return text(
                "pilots.evidence.title_none", "None of {all} {all:campaign|campaigns} can be judged", all=count(len(self.frame))
            )
        more = int(judged.str.startswith("more").sum())
        return text(
            "pilots.evidence.title",
            "{judged} of {all} {all:campaign|campaigns} can be judged; in {more} the reached spent clearly more",
            judged=count(len(judged)),
            all=count(len(self.frame)),
            more=count(more),
        )

    def figure(self) -> Figure | NotMeasured:
        """Differences with intervals during each campaign, and one stretch before it."""
        shown = self.judged.head(12).to_dict("records")
        if not shown:
            what = text("pilots.evidence.figure_none", "Picture of the campaigns beside like customers")
            return NotMeasured("pilots.campaigns_picture", what, self.missing)

        by_name = dict(zip(self.frame["campaign"], self.graded, strict=True))

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(height=0.9 + 0.36 * len(shown))
            axes.axvline(0, color=MUTED, linewidth=0.8)
            for place, row in enumerate(shown):
                earlier = by_name[row["campaign"]]
                colour = {"more": BETTER, "less": WORSE}.get(str(row["verdict"]).partition("_")[0], UNCLEAR)
                for name, mark, shift, marks in (
                    ("plain", "s", -0.15, earlier.plain_before), ("weighted", "o", 0.15, earlier.weighted_before)
                ):  # fmt: skip
                    if row[f"{name}_passes"] is True:
                        axes.plot(marks, [place + shift] * len(marks), "|", color=MUTED, markersize=6)
                        axes.plot([row[f"{name}_low"], row[f"{name}_high"]], [place + shift] * 2, color=colour, linewidth=2)
                        axes.plot(row[name], place + shift, mark, color=colour, markersize=5)
            names = [_named(row).render(edition) for row in shown]
            axes.set_yticks(range(len(shown)), names)
            axes.set_ylim(len(shown) - 0.5, -0.5)
            axes.tick_params(axis="y", length=0)
            axes.spines["left"].set_visible(False)
            label_axis(
                axes,
                text("pilots.evidence.axis", "Difference of spend a customer, {unit}", unit=edition.currency).render(edition),
            )
            return figure

        return Figure(
            "pilots.campaigns_picture",
            self.title(),
            draw,
            text("pilots.evidence.alt", "Marks with intervals: spend of the reached less that of others, by campaign."),
            text(
                "pilots.evidence.picture_note",
                "Squares: beside all others; dots: beside like customers; only what holds its test. Blue more, orange less, "
                "grey unclear; {level} intervals for all campaigns together. Strokes: the same on earlier dates, on which "
                "there was nothing to find. n: reached customers. Not randomised.",
                level=share(self.settings.analysis.confidence),
            ),
        )

    def paragraph(self) -> Paragraph:
        """How far such a comparison bears."""
        words = text(
            "pilots.evidence.limits",
            "Two comparisons that assume different things: beside all others that both would have moved alike, beside like "
            "customers (weighted to have spent, ordered and been contacted as the reached had) that nothing else decided who "
            "was chosen. Both passed and agreeing is moderate evidence, one alone weak; more cannot be had without a draw. "
            "{also} of the reached, in the median campaign, were reached by another campaign meanwhile.",
            also=share(float(self.frame["also"].median()), 0),
        )
        return Paragraph("pilots.campaigns_evidence.limits", words, "limits")

    def blocks(self) -> tuple[Block, ...]:
        """Picture, table and limits; nothing where no campaign was delivered, which the description of campaigns says."""
        return (self.figure(), self.table(), self.paragraph()) if len(self.frame) else ()


def weigh_campaigns(tables: Tables, settings: Settings) -> CampaignEvidence:
    """Compare the customers reached by each campaign of the period with like customers, and grade what that bears."""
    missing = tables.lacks(*NEEDS)
    if missing:
        return CampaignEvidence(pd.DataFrame(columns=_COLUMNS).astype({"verdict": "str"}), missing, settings)
    runs = _runs(tables)
    judged = [_judge(tables, settings, dict(run), len(runs)) for run in runs.to_dict("records")]
    frame = pd.DataFrame([row for row, _ in judged], columns=_COLUMNS).astype({"verdict": "str"})
    return CampaignEvidence(frame, (), settings, tuple(found for _, found in judged))


def _runs(tables: Tables) -> pd.DataFrame:
    """Campaigns that overlap the period, largest first: campaign, measure, first_day, last_day, days, stretches."""
    runs = tables.sql(
        """
        with runs as (
            select campaign_id, min(measure) as measure, min(starts_at) as first_day,
                   least(max(ends_at), cast($end as date)) as last_day
            from campaigns where starts_at is not null and ends_at is not null group by campaign_id),
        reached as (select campaign_id, count(distinct customer_id) as reached from campaign_contacts group by campaign_id),
        history as (select cast(min(ordered_at) as date) as since from orders)
        select r.campaign_id as campaign, r.measure, r.first_day, r.last_day,
               date_diff('day', r.first_day, r.last_day) + 1 as days,
               date_diff('day', h.since, r.first_day) as earlier
        from runs r join reached c on c.campaign_id = r.campaign_id cross join history h
        where r.first_day <= $end and r.last_day >= $start and r.last_day >= r.first_day
        order by c.reached desc, r.campaign_id"""
    )
    runs["stretches"] = (runs["earlier"] // runs["days"]).clip(0, STRETCHES + PLACEBOS).astype("int64")
    return runs


def _customers(tables: Tables, settings: Settings, run: dict[Any, Any]) -> pd.DataFrame:
    """Customers with an order before the campaign: reached, also, and for each stretch spend_0 …, orders_0 …, and contacts_0 …
    before it."""
    stretches = range(int(run["stretches"]) + 1)
    spends = ", ".join(f"sum(case when stretch = {k} then amount else 0 end) as spend_{k}" for k in stretches)
    numbers = ", ".join(f"sum(case when stretch = {k} then 1 else 0 end) as orders_{k}" for k in stretches)
    sums = ", ".join(f"coalesce(spend_{k}, 0)::double as spend_{k}, coalesce(orders_{k}, 0)::bigint as orders_{k}"
                     for k in stretches)  # fmt: skip
    contacts = ", ".join(
        f"sum(case when c.starts_at < $first_day - {k} * $days * interval 1 day then 1 else 0 end) as contacts_{k}"
        for k in stretches
    )
    counted = ", ".join(f"coalesce(o.contacts_{k}, 0)::double as contacts_{k}" for k in stretches)
    finished = "and list_contains($finished, status)" if settings.analysis.finished_orders else ""
    return tables.sql(
        f"""
        with bought as (
            select customer_id, cast(ordered_at as date) as ordered_on, amount,
                   case when cast(ordered_at as date) >= $first_day then 0
                        else (date_diff('day', cast(ordered_at as date), $first_day) + $days - 1) // $days end as stretch
            from orders where customer_id is not null and amount is not null and cast(ordered_at as date) <= $last_day
            {finished}),
        known as (select customer_id from bought where ordered_on < $first_day group by customer_id),
        spent as (select customer_id, {spends}, {numbers} from bought group by customer_id),
        reached as (select distinct customer_id from campaign_contacts where campaign_id = $campaign),
        others as (
            select k.customer_id,
                   {contacts},
                   max(case when c.starts_at <= $last_day and c.ends_at >= $first_day then 1 else 0 end) as also
            from (select distinct campaign_id, customer_id from campaign_contacts) k
            join campaigns c on c.campaign_id = k.campaign_id
            where k.campaign_id <> $campaign group by k.customer_id),
        groups as (
            select k.customer_id, r.customer_id is not null as reached,
                   row_number() over (partition by r.customer_id is not null order by md5(k.customer_id), k.customer_id) as p
            from known k left join reached r on r.customer_id = k.customer_id)
        select g.customer_id, g.reached, {counted}, coalesce(o.also, 0) as also, {sums}
        from groups g left join spent s on s.customer_id = g.customer_id left join others o on o.customer_id = g.customer_id
        where g.p <= $most order by g.customer_id""",
        campaign=run["campaign"],
        first_day=run["first_day"].date(),
        last_day=run["last_day"].date(),
        days=int(run["days"]),
        most=MOST,
        finished=settings.analysis.finished_orders,
    )


def _judge(tables: Tables, settings: Settings, run: dict[Any, Any], campaigns: int) -> tuple[dict[str, Any], Graded]:
    """One row of the evidence, and the comparisons that it comes from."""
    stretches = int(run["stretches"])
    frame = _customers(tables, settings, run)
    reached = frame["reached"].to_numpy(dtype=bool)
    spend = frame[[f"spend_{k}" for k in range(stretches + 1)]].to_numpy(dtype=float)
    orders = frame[[f"orders_{k}" for k in range(stretches + 1)]].to_numpy(dtype=float)

    def covariates(at: int) -> Values:
        before = slice(at + 1, at + 1 + STRETCHES)
        contacts = frame[f"contacts_{at}"].to_numpy(dtype=float)
        bought = np.log1p(orders[:, before].sum(axis=1))
        return np.column_stack([np.log1p(spend[:, before].clip(min=0)), bought, np.log1p(contacts)])

    confidence = settings.analysis.confidence
    # each campaign is one of several
    found = grade(spend, covariates, reached, confidence, 1 - (1 - confidence) / campaigns)
    row: dict[str, Any] = dict.fromkeys(_COLUMNS, math.nan) | {
        "campaign": run["campaign"], "measure": run["measure"], "days": int(run["days"]), "stretches": stretches,
        "reached": int(reached.sum()), "others": int((~reached).sum()),
        "also": float(frame["also"].to_numpy()[reached].mean()) if reached.any() else math.nan,
        "placebos": len(found.plain_before), "hidden": found.hidden,
        "parallel_p": math.nan if found.parallel is None else found.parallel,
        "plain_passes": found.plain_passes, "weighted_passes": found.weighted_passes,
        "verdict": f"{found.reading}_{found.grade}" if found.judged else found.grade,
    }  # fmt: skip
    row |= _told("plain", found.plain) | _told("weighted", found.weighted)
    row |= _earlier("plain_before", found.plain_before) | _earlier("weighted_before", found.weighted_before)
    if found.weighted is not None:
        row |= {"uneven": found.weighted.before, "uneven_weighted": found.weighted.after, "counted": found.weighted.counted}
    return row, found


def _told(name: str, found: Compared | None) -> dict[str, float]:
    if found is None:
        return {}
    return {name: found.estimate.effect, f"{name}_low": found.estimate.low, f"{name}_high": found.estimate.high}


def _earlier(name: str, effects: Sequence[float]) -> dict[str, float]:
    """Mean, smallest and largest of the effects on earlier dates."""
    if not effects:
        return {}
    return {name: float(np.mean(effects)), f"{name}_low": min(effects), f"{name}_high": max(effects)}


def _named(row: dict[Any, Any]) -> Text:
    return text("pilots.evidence.named", "{campaign} (n = {n})", campaign=str(row["campaign"]), n=count(row["reached"]))
