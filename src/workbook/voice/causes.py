"""Systemic fault or single cases: does what customers complain of gather somewhere more than chance allows (V4)?

The verdict, by a written rule over all places looked at:

- systemic: some place has more cases than chance allows (Fisher's exact test, one-sided, held by Holm);
- otherwise, where an excess of ``voice.systemic_ratio`` times is ruled out in places that hold EVEN of the customers of every
  factor, complaints are spread evenly: single cases where at most ``voice.single_share`` of the active customers have them, a
  general fault where more have, each by its interval;
- open where the numbers are too small to tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, count, named, number, share, text
from workbook.report.blocks import Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.exhibits import channel_name
from workbook.voice.hotspot_exhibits import topic_name
from workbook.voice.hotspots import Hotspots
from workbook.voice.intervals import Floats, share_interval
from workbook.voice.topics import OTHER

FACTOR_NAMES = {
    "channel": text("voice.causes.channel", "Channel"),
    "owner": text("voice.causes.owner", "Account owner"),
    "weekday": text("voice.causes.weekday", "Weekday"),
    "hours": text("voice.causes.hours", "Time of day"),
    "region": text("voice.causes.region", "Region"),
    "store": text("voice.causes.store", "Store of the last order"),
    "product": text("voice.causes.product", "Product group of the last order"),
}
DAY_NAMES = (
    text("voice.day.1", "Monday"), text("voice.day.2", "Tuesday"), text("voice.day.3", "Wednesday"),
    text("voice.day.4", "Thursday"), text("voice.day.5", "Friday"), text("voice.day.6", "Saturday"),
    text("voice.day.7", "Sunday"),
)  # fmt: skip
Counts = Sequence[float] | pd.Series

EVEN = 0.8
"""Share of the customers of every factor whose places must rule an excess out before complaints are called evenly spread."""

SMALLEST_P = 0.001
MOST_LEVELS = 12
"""Places looked at for each factor, those with most discontent customers: a thousand stores would drown the test."""

Verdict = Literal["systemic", "general", "single", "open"]


@dataclass(frozen=True)
class Causes:
    """Where the complaints of one topic gather.

    Account owners are numbered here, in the order of their names: only the departments' lists say who they are.

    Attributes:
        places: one row a factor and level: factor, level, cases (discontent customers who speak of the topic), n (all
            discontent customers), expected cases, share with low and high, p (exact), p_held (Holm over all rows), ratio (share
            here to share elsewhere) with ratio_high, its upper bound over all rows.
        name: the topic, as readers call it.
        settings: sections analysis and voice.
        customers: one row a discontent customer: customer_id, case and the factors.
        active: customers with an order, ticket or feedback in the period.
    """

    places: pd.DataFrame
    name: Text
    settings: Settings
    customers: pd.DataFrame
    active: int

    @property
    def verdict(self) -> Verdict:
        """Systemic, general, single or open, by the rule that stands at the head of this module."""
        if (self.places["p_held"] <= 1 - self.settings.analysis.confidence).any():
            return "systemic"
        if self.ruled_out < EVEN:
            return "open"
        low, high = share_interval([self.cases], [self.active], self.settings.analysis.confidence)
        limit = self.settings.voice.single_share
        return "general" if float(low[0]) > limit else "single" if float(high[0]) <= limit else "open"

    @property
    def cases(self) -> int:
        """Discontent customers who speak of the topic."""
        return int(self.customers["case"].sum())

    @property
    def ruled_out(self) -> float:
        """Share of discontent customers in places where the excess is ruled out, in the factor where it is smallest."""
        even = self.places["ratio_high"] < self.settings.voice.systemic_ratio
        known = self.customers[list(self.places["factor"].unique())].notna().sum()
        held = self.places["n"].where(even, 0).groupby(self.places["factor"]).sum()
        return float((held / known.reindex(held.index)).min())

    def table(self) -> Table:
        """Places by their excess over chance, the least probable first."""
        columns = (
            Column("factor", text("voice.causes.factor", "Looked at by"), labels=FACTOR_NAMES),
            Column("level", text("voice.causes.level", "Place")),
            Column("cases", text("voice.causes.cases", "Cases"), "count"),
            Column("n", text("voice.causes.all", "Discontent customers"), "count"),
            Column("expected", text("voice.causes.expected", "Expected by chance"), "number", digits=1),
            Column("share", text("voice.causes.share", "Share of cases (interval)"), "share", low="low", high="high"),
            Column("ratio_high", text("voice.causes.ratio", "At most so many times elsewhere"), "number", digits=1),
            Column("p_held", text("voice.causes.p", "p, for all places"), "number", digits=3),
        )
        low, high = share_interval([self.cases], [self.active], self.settings.analysis.confidence)
        note = text(
            "voice.causes.note",
            "Discontent customers, each counted once; a case speaks of the topic: {part} of active customers ({low} to "
            "{high}). p: Fisher's exact test, one-sided, over {n} places (Holm). {times} times the share elsewhere is ruled "
            "out for {ruled} of customers; {level} confidence. It tells where to look, not why. Account owners are numbered in "
            "the order of their names.",
            n=count(len(self.places)), level=share(self.settings.analysis.confidence), part=share(self.cases / self.active, 1),
            low=share(float(low[0]), 1), high=share(float(high[0]), 1), times=number(self.settings.voice.systemic_ratio),
            ruled=share(self.ruled_out, 0),
        )  # fmt: skip
        level = pd.Series(self.names, index=self.places.index, dtype=object)
        shown = self.places.assign(level=level, p_held=told_p(self.places["p_held"]))
        return Table("voice.causes", self._title(), columns, shown, note, rows=8)

    def definition(self) -> Paragraph:
        """The rule of the verdict; for the appendix."""
        words = text(
            "voice.causes.rule",
            "Systemic: complaints of the topic are more frequent in a place than chance allows. Spread evenly: {times} times "
            "the share elsewhere is ruled out in places that hold {even} of the discontent customers by every factor. Evenly "
            "spread they are single cases where up to {limit} of active customers have them, a general fault where more have, "
            "by the interval. Otherwise the matter stays open. Active: an order, ticket or feedback in the period.",
            times=number(self.settings.voice.systemic_ratio), even=share(EVEN), limit=share(self.settings.voice.single_share),
        )  # fmt: skip
        return Paragraph("voice.causes.rule", words, "definition")

    @property
    def names(self) -> list[Text | str]:
        """What readers call each place."""
        return [_place(*at) for at in zip(self.places["factor"], self.places["level"], strict=True)]

    def _title(self) -> Text:
        first = self.places.iloc[0]
        verdict, n = self.verdict, count(self.cases)
        if verdict == "systemic":
            return text("voice.causes.systemic", "Systemic: {topic}, {cases} at {place} against {expected} expected",
                        topic=self.name, cases=count(int(first["cases"])), place=self.names[0],
                        expected=number(float(first["expected"]), 1))  # fmt: skip
        if verdict == "general":
            return text("voice.causes.general", "A general fault: {topic}, {n} customers, spread evenly",
                        topic=self.name, n=n)  # fmt: skip
        if verdict == "single":
            return text("voice.causes.single", "Single cases: {topic}, {n} customers, spread evenly", topic=self.name, n=n)
        return text("voice.causes.open", "{topic}: no place stands out, but {n} cases are too few to tell",
                    topic=self.name, n=n)  # fmt: skip


def _place(factor: str, level: str) -> Text | str:
    """What readers call a level of a factor."""
    if factor == "owner":
        return text("voice.causes.owner_number", "Owner no. {n}", n=level)
    if factor == "weekday":
        return DAY_NAMES[int(level) - 1]
    return channel_name(level) if factor == "channel" else level


def told_p(p: pd.Series) -> pd.Series:
    """P values as a table shows them: three decimals, below that only that they are smaller."""
    told = [named("<0.001") if value < SMALLEST_P else number(float(value), 3) for value in p]
    return pd.Series(told, index=p.index, dtype=object)


def find_causes(heard: Hotspots | NotMeasured, tables: Tables, settings: Settings) -> Causes | NotMeasured:
    """Tell a systemic fault from single cases, for the topic that draws most discontent.

    Args:
        heard: the comments read.
        tables: customers with owner, where delivered.
        settings: section analysis (confidence, small_cell).

    Returns:
        NotMeasured where comments are, or where too few are discontent or speak of a topic.
    """
    what = text("voice.causes.what", "Systemic fault or single case")
    if isinstance(heard, NotMeasured):
        return NotMeasured("voice.causes", what, heard.missing, why=heard.why)
    known = heard.topics[heard.topics["topic"] != OTHER]
    bad = heard.comments[heard.comments["mood"] == "discontent"]
    least = settings.analysis.small_cell
    if known.empty or int(known["discontent"].iloc[0]) < least:
        why = text("voice.causes.few", "No topic draws discontent often enough to look for its places.")
        return NotMeasured("voice.causes", what, why=why)
    cases = placed_cases(bad, str(known["topic"].iloc[0]), tables)
    places = excess(cases, list(FACTOR_NAMES), settings.analysis.confidence, least)
    if places.empty:
        places_of = ("feedback.channel", "customers.owner", "customers.region", "orders.store", "order_lines.category")
        even = text("voice.causes.one_place", "All discontent customers stand at one place by whatever they are looked at.")
        lacking = tables.lacks(*places_of)
        return NotMeasured("voice.causes", what, lacking, None if lacking else even)
    active = tables.sql(
        """
        select count(distinct customer_id) as n from (
            select customer_id, cast(ordered_at as date) as day from orders
            union all select customer_id, cast(opened_at as date) from tickets
            union all select customer_id, cast(given_at as date) from feedback
        ) where customer_id is not null and day >= $start and day <= $end
        """
    )
    nameless = int(heard.comments["customer_id"].isna().sum())
    return Causes(places, topic_name(known.iloc[0]), settings, cases, int(active["n"].iloc[0]) + nameless)


def placed_cases(bad: pd.DataFrame, topic: str, tables: Tables) -> pd.DataFrame:
    """Discontent customers, each once: whether he speaks of the topic, and where his comment belongs."""
    tables.connection.register("discontent", bad[["comment_id", "source", "customer_id", "given_at"]])
    try:
        placed = tables.sql(
            """
            with groups as (
                select order_id, category, row_number() over (
                    partition by order_id order by sum(amount) desc nulls last, category) as rank
                from (select l.order_id, coalesce(l.category, p.category) as category, l.amount
                      from order_lines l left join products p on p.product_id = l.product_id)
                where category is not null group by order_id, category
            ), last as (
                select d.comment_id, d.source, coalesce(f.order_id, max_by(o.order_id, (o.ordered_at, o.order_id))) as order_id
                from discontent d
                left join feedback f on d.source <> 'ticket' and f.feedback_id = d.comment_id
                left join orders o on o.customer_id = d.customer_id and o.ordered_at <= d.given_at
                group by d.comment_id, d.source, f.order_id
            )
            select l.comment_id, l.source, o.store, g.category as product
            from last l left join orders o on o.order_id = l.order_id
            left join groups g on g.order_id = l.order_id and g.rank = 1
            order by l.comment_id, l.source
            """
        ).drop_duplicates(["comment_id", "source"])
    finally:
        tables.connection.unregister("discontent")
    people = tables.sql("select customer_id, owner, region from customers").drop_duplicates("customer_id")
    people = people.set_index("customer_id")
    given = pd.to_datetime(bad["given_at"])
    timed = bool((given.dt.normalize() != given).any())
    six = given.dt.hour // 6 * 6
    owner = people["owner"].rank(method="dense").map("{:.0f}".format, na_action="ignore")
    cases = bad[["comment_id", "source"]].assign(
        customer_id=bad["customer_id"].fillna(bad["comment_id"]),
        case=bad["topic"] == topic,
        channel=bad["channel"].replace("", None),
        owner=bad["customer_id"].map(owner),
        region=bad["customer_id"].map(people["region"]),
        weekday=given.dt.isocalendar().day.astype(str),
        hours=(six.map("{:02d}:00".format) + "–" + (six + 5).map("{:02d}:59".format)) if timed else None,
    )  # fmt: skip
    cases = cases.merge(placed, on=["comment_id", "source"], how="left")
    # a customer who complains twice is one case
    once: pd.DataFrame = cases.sort_values("case", ascending=False, kind="stable").drop_duplicates("customer_id")
    return once[["customer_id", "case", *FACTOR_NAMES]]


def excess(cases: pd.DataFrame, factors: list[str], confidence: float, least: int) -> pd.DataFrame:
    """Excess of cases over chance in each level of each factor, by Fisher's exact test, held over all levels by Holm.

    Args:
        cases: one row a customer: case (bool) and the factors (missing values are left out).
        factors: columns to look at.
        confidence: of the intervals.
        least: rows that a level needs to be looked at.

    Returns:
        factor, level, cases, n, expected, share, low, high, p, p_held, ratio (to the share elsewhere) and ratio_high, its upper
        bound for all rows together (MOVER of Wilson's limits, Donner & Zou 2012, at Bonferroni's level); the least probable
        first.
    """
    long = cases.melt(id_vars=["case"], value_vars=factors, var_name="factor", value_name="level").dropna(subset=["level"])
    whole = long.groupby("factor")["case"].agg(["sum", "size"])
    rows = long.groupby(["factor", "level"], as_index=False)["case"].agg(cases="sum", n="size")
    # of no row at all pandas makes text
    total, everyone = (rows["factor"].map(whole[column]).astype("int64") for column in ("sum", "size"))
    rows = rows.assign(
        expected=rows["n"] * total / everyone,
        others=total - rows["cases"],
        rest=everyone - rows["n"],
        p=stats.hypergeom.sf(rows["cases"] - 1, everyone, total, rows["n"]),
    )
    # chosen by size alone, never by cases: the test stays exact
    rows = rows[(rows["n"] >= least) & (rows["n"] < everyone)].sort_values(
        ["factor", "n", "level"], ascending=[True, False, True]
    )
    rows = rows.groupby("factor").head(MOST_LEVELS).sort_values(["p", "factor", "level"], ignore_index=True)
    low, high = share_interval(rows["cases"], rows["n"], confidence)
    held = held_over_all(rows["p"])
    rows = rows.assign(share=rows["cases"] / rows["n"], low=low, high=high, p_held=held)
    most = ratio_bound(rows["cases"], rows["n"], rows["others"], rows["rest"], 1 - 2 * (1 - confidence) / max(len(rows), 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rows["share"] / (rows["others"] / rows["rest"])
    found: pd.DataFrame = rows.drop(columns=["others", "rest"]).assign(ratio=ratio, ratio_high=most)
    return found


def held_over_all(p: pd.Series) -> Floats:
    """P values in ascending order, held over all of them (Holm 1979).

    >>> [float(round(x, 3)) for x in held_over_all(pd.Series([0.01, 0.02, 0.4]))]
    [0.03, 0.04, 0.4]
    """
    held: Floats = np.minimum(1.0, np.maximum.accumulate(p.to_numpy(float) * np.arange(len(p), 0, -1)))
    return held


def ratio_bound(hits: Counts, n: Counts, other_hits: Counts, other_n: Counts, confidence: float) -> Floats:
    """Upper end of the interval of the ratio of two shares, hits/n to other_hits/other_n (Donner & Zou 2012, MOVER-R).

    Infinite where no case stands elsewhere.

    >>> round(float(ratio_bound([30], [100], [20], [100], 0.95)[0]), 3)
    2.445
    """
    p, q = np.asarray(hits, dtype=float) / np.asarray(n), np.asarray(other_hits, dtype=float) / np.asarray(other_n)
    high, low = share_interval(hits, n, confidence)[1], share_interval(other_hits, other_n, confidence)[0]
    under = low * (2 * q - low)
    root = np.sqrt(np.maximum((p * q) ** 2 - high * (2 * p - high) * under, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        bound: Floats = np.where(under > 0, (p * q + root) / under, np.inf)
    return bound
