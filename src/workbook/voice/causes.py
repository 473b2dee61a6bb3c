"""Systemic fault or single cases: does what customers complain of gather somewhere more than chance allows (V4)?

Every topic that enough customers complain of is judged. The verdict, by a written rule over all places of all topics:

- systemic: some place has more cases than chance allows (Fisher's exact test, one-sided, held by Holm). The topic that gathers
  most is judged first and then set aside, so that its cases make no other topic look rare where they gather;
- otherwise, where an excess of ``voice.systemic_ratio`` times is ruled out in places that hold EVEN of the customers of every
  factor, complaints are spread evenly: single cases where at most ``voice.single_share`` of the active customers have them, a
  general fault where more have, each by its interval;
- open where the numbers are too small to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from workbook.language import Text, count, named, number, share, text
from workbook.report.blocks import Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.excess import counted, held
from workbook.voice.hotspot_exhibits import topic_name
from workbook.voice.hotspots import Hotspots
from workbook.voice.intervals import share_interval
from workbook.voice.placing import FACTOR_NAMES, place_comments, place_name
from workbook.voice.topics import OTHER

EVEN = 0.8
"""Share of the customers of every factor whose places must rule an excess out before complaints are called evenly spread."""

SMALLEST_P = 0.001

Verdict = Literal["systemic", "general", "single", "open"]


@dataclass(frozen=True)
class Causes:
    """Where the complaints of one topic gather.

    Employees are numbered here, in the order of their names: only the departments' lists say who they are.

    Attributes:
        places: one row a factor and level: factor, level, cases (discontent customers who speak of the topic), n (all
            discontent customers), expected cases, share with low and high, p (exact), p_held (Holm over the places of all
            topics judged with it), ratio (share here to share elsewhere) with ratio_high, its upper bound over as many.
        name: the topic, as readers call it.
        settings: sections analysis and voice.
        customers: one row a discontent customer: customer_id, case and the factors; of those who speak of a topic that was
            found systemic before it, none.
        active: customers with an order, ticket or feedback in the period.
        judged: places of all topics that were judged with it.
        told: customers who speak of the topic with discontent in any comment, not the last alone.
    """

    places: pd.DataFrame
    name: Text
    settings: Settings
    customers: pd.DataFrame
    active: int
    judged: int
    told: int

    @property
    def verdict(self) -> Verdict:
        """Systemic, general, single or open, by the rule that stands at the head of this module."""
        if (self.places["p_held"] <= 1 - self.settings.analysis.confidence).any():
            return "systemic"
        if self.ruled_out < EVEN:
            return "open"
        low, high = share_interval([self.told], [self.active], self.settings.analysis.confidence)
        limit = self.settings.voice.single_share
        return "general" if float(low[0]) > limit else "single" if float(high[0]) <= limit else "open"

    @property
    def cases(self) -> int:
        """Discontent customers who speak of the topic in their last comment."""
        return int(self.customers["case"].sum())

    @property
    def ruled_out(self) -> float:
        """Share of discontent customers in places where the excess is ruled out, in the factor where it is smallest."""
        return float(self.ruled_out_by.min())

    @property
    def ruled_out_by(self) -> pd.Series:
        """Factor → share of discontent customers in places where the excess is ruled out."""
        even = self.places["ratio_high"] < self.settings.voice.systemic_ratio
        known = self.customers[list(self.places["factor"].unique())].notna().sum()
        inside = self.places["n"].where(even, 0).groupby(self.places["factor"]).sum()
        return inside / known.reindex(inside.index)

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
        low, high = share_interval([self.told], [self.active], self.settings.analysis.confidence)
        note = text(
            "voice.causes.note",
            "Discontent customers, each by the last discontent comment; a case speaks of the topic. {told} customers complain "
            "of it in any comment: {part} of active ones ({low} to {high}). p: Fisher's exact test, one-sided, over {n} places "
            "of all topics judged (Holm). {times} times the share elsewhere is ruled out for {ruled} of customers; {level} "
            "confidence. It tells where to look, not why. Employees are numbered in the order of their names.",
            n=count(self.judged), level=share(self.settings.analysis.confidence), part=share(self.told / self.active, 1),
            told=count(self.told),
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
            "Systemic: complaints of the topic are more frequent in a place than chance allows, over the places of all topics; "
            "the cases of a topic found so are left out where the others are judged. Spread evenly: {times} times "
            "the share elsewhere is ruled out in places that hold {even} of the discontent customers by every factor. Evenly "
            "spread they are single cases where up to {limit} of active customers have them, a general fault where more have, "
            "by the interval. Otherwise the matter stays open. Active: an order, ticket or feedback in the period.",
            times=number(self.settings.voice.systemic_ratio), even=share(EVEN), limit=share(self.settings.voice.single_share),
        )  # fmt: skip
        return Paragraph("voice.causes.rule", words, "definition")

    @property
    def names(self) -> list[Text]:
        """What readers call each place."""
        return [place_name(*at) for at in zip(self.places["factor"], self.places["level"], strict=True)]

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


def told_p(p: pd.Series) -> pd.Series:
    """P values as a table shows them: three decimals, below that only that they are smaller."""
    told = [named("<0.001") if value < SMALLEST_P else number(float(value), 3) for value in p]
    return pd.Series(told, index=p.index, dtype=object)


@dataclass(frozen=True)
class AllCauses:
    """The verdict on every topic that enough customers complain of.

    Attributes:
        topics: systemic ones first, in the order in which they were found; then the others, most discontent first.
        small: topics that too few customers complain of to be judged.
    """

    topics: tuple[Causes, ...]
    small: int
    settings: Settings

    @property
    def first(self) -> Causes:
        """The topic that gathers most; where none does, the one that draws most discontent."""
        return self.topics[0]

    def table(self) -> Table:
        """Topics with their verdict and the place where each exceeds chance most."""
        columns = (
            Column("topic", text("voice.verdicts.topic", "Topic")),
            Column("customers", text("voice.verdicts.customers", "Customers who complain of it"), "people"),
            Column("verdict", text("voice.verdicts.verdict", "Verdict"), labels=VERDICT_NAMES),
            Column("place", text("voice.verdicts.place", "Most in excess at")),
            Column("cases", text("voice.verdicts.cases", "Cases there"), "count"),
            Column("expected", text("voice.causes.expected", "Expected by chance"), "number", digits=1),
            Column("p_held", text("voice.causes.p", "p, for all places"), "number", digits=3),
            Column("even", text("voice.verdicts.spread", "Evenly spread, by ways looked at")),
        )
        worst = pd.DataFrame([topic.places.iloc[0] for topic in self.topics]).reset_index(drop=True)
        rows = worst.assign(
            topic=pd.Series([topic.name for topic in self.topics], dtype=object),
            customers=[topic.told for topic in self.topics],
            verdict=[topic.verdict for topic in self.topics],
            place=pd.Series([topic.names[0] for topic in self.topics], dtype=object),
            p_held=told_p(worst["p_held"]),
            even=pd.Series([_spread(topic.ruled_out_by) for topic in self.topics], dtype=object),
        )
        note = text(
            "voice.verdicts.note",
            "Topics that at least {least} discontent customers speak of in their last comment, which alone is a case here; "
            "{small} {small:topic is|topics are} too small to be judged. The place shown is the one with the smallest p, "
            "whatever the verdict; evenly spread where {times} times the share elsewhere is ruled out for {even} of customers; "
            "{level} confidence over the places of all topics.",
            least=count(self.settings.analysis.small_cell), small=count(self.small),
            level=share(self.settings.analysis.confidence), times=number(self.settings.voice.systemic_ratio), even=share(EVEN),
        )  # fmt: skip
        return Table("voice.verdicts", self._title(), columns, rows, note)

    def _title(self) -> Text:
        systemic = sum(topic.verdict == "systemic" for topic in self.topics)
        even = sum(topic.verdict in ("single", "general") for topic in self.topics)
        n = count(len(self.topics))
        if systemic:
            return text("voice.verdicts.title", "{systemic} of {n} {n:topic|topics} judged gather at a place: systemic",
                        systemic=count(systemic), n=n)  # fmt: skip
        if even == len(self.topics):
            return text("voice.verdicts.even", "{n} {n:topic|topics} judged: none gathers at a place", n=n)
        return text("voice.verdicts.open", "No topic clearly gathers at a place; {open} of {n} stay open",
                    open=count(len(self.topics) - even), n=n)  # fmt: skip


def _spread(ruled_out: pd.Series) -> Text:
    """By how many of the ways looked at complaints are spread evenly."""
    even = int((ruled_out >= EVEN).sum())
    return text("voice.verdicts.ways", "{even} of {n}", even=count(even), n=count(len(ruled_out)))


VERDICT_NAMES = {
    "systemic": text("voice.verdict.systemic", "systemic"),
    "general": text("voice.verdict.general", "general fault, evenly spread"),
    "single": text("voice.verdict.single", "single cases"),
    "open": text("voice.verdict.open", "open: too few to tell"),
}


def find_causes(heard: Hotspots | NotMeasured, tables: Tables, settings: Settings) -> AllCauses | NotMeasured:
    """Tell a systemic fault from single cases, for every topic that enough customers complain of.

    Args:
        heard: the comments read.
        tables: whatever tells where a comment belongs: orders, events of tickets, contacts, customers.
        settings: sections analysis (confidence, small_cell) and voice.

    Returns:
        NotMeasured where comments are, or where too few are discontent or speak of a topic.
    """
    what = text("voice.causes.what", "Systemic fault or single case")
    if isinstance(heard, NotMeasured):
        return NotMeasured("voice.causes", what, heard.missing, why=heard.why)
    bad = heard.comments[heard.comments["mood"] == "discontent"]
    placed = place_comments(bad, tables)
    often = placed["topic"].value_counts()
    known = heard.topics[(heard.topics["topic"] != OTHER) & (heard.topics["discontent"] > 0)]
    names = {str(row["topic"]): topic_name(row) for _, row in known.iterrows()}
    large = [topic for topic in names if often.get(topic, 0) >= settings.analysis.small_cell]
    if not large:
        why = text("voice.causes.few", "No topic draws discontent often enough to look for its places.")
        return NotMeasured("voice.causes", what, why=why)
    found = judge_topics(placed, large, settings)
    if not found:
        places_of = ("feedback.channel", "ticket_events.actor", "customers.owner", "customers.region", "orders.store",
                     "order_lines.category")  # fmt: skip
        even = text("voice.causes.one_place", "All discontent customers stand at one place by whatever they are looked at.")
        lacking = tables.lacks(*places_of)
        return NotMeasured("voice.causes", what, lacking, None if lacking else even)
    nameless = int(heard.comments["customer_id"].isna().sum())
    active = _active(tables) + nameless
    bad = bad.assign(who=bad["customer_id"].fillna(bad["source"] + " " + bad["comment_id"]))
    told = bad.groupby("topic")["who"].nunique()
    return AllCauses(
        tuple(
            Causes(places, names[topic], settings, customers, active, judged, int(told[topic]))
            for topic, places, customers, judged in found
        ),
        len(names) - len(large), settings,
    )  # fmt: skip


def judge_topics(
    placed: pd.DataFrame, topics: list[str], settings: Settings
) -> list[tuple[str, pd.DataFrame, pd.DataFrame, int]]:
    """Test every topic at every place, the one that gathers most first and then without its cases.

    Discontent that gathers at one place makes all other topics rarer there, and so more frequent elsewhere: what was found
    systemic is set aside before the others are judged, among as many places as are left (as Holm's steps go).

    Args:
        placed: one row a discontent customer: customer_id, topic and the factors.
        topics: those to be judged, most discontent first.
        settings: section analysis (confidence, small_cell).

    Returns:
        For each topic its id, places (as `excess.held` gives them), customers (with case) and how many places of all topics
        were judged with it; systemic ones first, in the order found. Topics without a place to look at are left out.
    """
    confidence, least = settings.analysis.confidence, settings.analysis.small_cell
    factors, found = list(FACTOR_NAMES), []
    while topics:
        cases = {topic: placed.assign(case=placed["topic"] == topic).drop(columns="topic") for topic in topics}
        rows = held(pd.concat([counted(cases[topic], factors, confidence, least).assign(topic=topic) for topic in topics]),
                    confidence)  # fmt: skip
        gathers = not rows.empty and float(rows["p_held"].iloc[0]) <= 1 - confidence
        done = [str(rows["topic"].iloc[0])] if gathers else topics
        for topic in done:
            places = rows[rows["topic"] == topic].drop(columns="topic").reset_index(drop=True)
            if not places.empty:
                found.append((topic, places, cases[topic], len(rows)))
        placed = placed[~placed["topic"].isin(done)]
        topics = [topic for topic in topics if topic not in done]
    return found


def _active(tables: Tables) -> int:
    """Customers with an order, ticket or feedback in the period."""
    active = tables.sql(
        """
        select count(distinct customer_id) as n from (
            select customer_id, cast(ordered_at as date) as day from orders
            union all select customer_id, cast(opened_at as date) from tickets
            union all select customer_id, cast(given_at as date) from feedback
        ) where customer_id is not null and day >= $start and day <= $end
        """
    )
    return int(active["n"].iloc[0])
