"""Systemic fault or single cases: does what customers complain of gather somewhere more than chance allows (V4)?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, count, number, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.hotspot_exhibits import topic_name
from workbook.voice.hotspots import Hotspots
from workbook.voice.intervals import share_interval
from workbook.voice.topics import OTHER

FACTOR_NAMES = {
    "channel": text("voice.causes.channel", "Channel"),
    "owner": text("voice.causes.owner", "Account owner"),
    "weekday": text("voice.causes.weekday", "Weekday (1 = Monday)"),
    "hours": text("voice.causes.hours", "Time of day"),
}


@dataclass(frozen=True)
class Causes:
    """Where the complaints of one topic gather.

    Account owners are numbered here, in the order of their names: only the departments' lists say who they are.

    Attributes:
        places: one row a factor and level: factor, level, cases (discontent customers who speak of the topic), n (all
            discontent customers), expected cases, share with low and high, p (exact), p_held (Holm over all rows).
        name: the topic, as readers call it.
        settings: section analysis.
    """

    places: pd.DataFrame
    name: Text
    settings: Settings

    @property
    def systemic(self) -> bool:
        """Whether a place has more cases than chance allows, over all places looked at."""
        return bool((self.places["p_held"] <= 1 - self.settings.analysis.confidence).any())

    def table(self) -> Table:
        """Places by their excess over chance, the least probable first."""
        columns = (
            Column("factor", text("voice.causes.factor", "Looked at by"), labels=FACTOR_NAMES),
            Column("level", text("voice.causes.level", "Place")),
            Column("cases", text("voice.causes.cases", "Cases"), "count"),
            Column("n", text("voice.causes.all", "Discontent customers"), "count"),
            Column("expected", text("voice.causes.expected", "Expected by chance"), "number", digits=1),
            Column("share", text("voice.causes.share", "Share of cases (interval)"), "share", low="low", high="high"),
            Column("p_held", text("voice.causes.p", "p, for all places"), "number", digits=3),
        )
        note = text(
            "voice.causes.note",
            "Discontent customers, each counted once; a case speaks of the topic. Systemic: more cases in a place than among "
            "the other discontent customers, by Fisher's exact test, one-sided, p held over all {n} places (Holm), {level} "
            "confidence; intervals for each place alone. It tells where to look, not why. Without an excess, cases are "
            "single ones or a fault of the whole process: the test cannot tell which. Account owners are numbered in the order "
            "of their names.",
            n=count(len(self.places)), level=share(self.settings.analysis.confidence),
        )  # fmt: skip
        places = [_place(*at) for at in zip(self.places["factor"], self.places["level"], strict=True)]
        shown = self.places.assign(level=pd.Series(places, index=self.places.index, dtype=object))
        return Table("voice.causes", self._title(), columns, shown, note, rows=8)

    def _title(self) -> Text:
        first = self.places.iloc[0]
        if self.systemic:
            return text("voice.causes.systemic", "Systemic: {topic}, {cases} at {place} against {expected} expected",
                        topic=self.name, cases=count(int(first["cases"])), place=_place(first["factor"], first["level"]),
                        expected=number(float(first["expected"]), 1))  # fmt: skip
        return text("voice.causes.single", "{topic}: no place stands out; none of {n} exceeds chance",
                    topic=self.name, n=count(len(self.places)))  # fmt: skip


def _place(factor: str, level: str) -> Text | str:
    """What readers call a level of a factor."""
    return text("voice.causes.owner_number", "Owner no. {n}", n=level) if factor == "owner" else level


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
    owners = tables.sql("select customer_id, owner from customers where owner is not null")
    owner = owners.drop_duplicates("customer_id").set_index("customer_id")["owner"]
    held = bad["customer_id"].map(owner.rank(method="dense").map("{:.0f}".format))
    given = pd.to_datetime(bad["given_at"])
    timed = bool((given.dt.normalize() != given).any())
    six = given.dt.hour // 6 * 6
    cases = pd.DataFrame(
        {
            "customer_id": bad["customer_id"].fillna(bad["comment_id"]),
            "case": bad["topic"] == known["topic"].iloc[0],
            "channel": bad["channel"].replace("", None),
            "owner": held,
            "weekday": given.dt.isocalendar().day.astype(str),
            "hours": (six.map("{:02d}:00".format) + "–" + (six + 5).map("{:02d}:59".format)) if timed else None,
        }
    )  # fmt: skip
    # a customer who complains twice is one case
    once = cases.sort_values("case", ascending=False, kind="stable").drop_duplicates("customer_id")
    places = excess(once, list(FACTOR_NAMES), settings.analysis.confidence, least)
    if places.empty:
        why = text("voice.causes.few", "No topic draws discontent often enough to look for its places.")
        return NotMeasured("voice.causes", what, why=why)
    return Causes(places, topic_name(known.iloc[0]), settings)


def excess(cases: pd.DataFrame, factors: list[str], confidence: float, least: int) -> pd.DataFrame:
    """Excess of cases over chance in each level of each factor, by Fisher's exact test, held over all levels by Holm.

    Args:
        cases: one row a customer: case (bool) and the factors (missing values are left out).
        factors: columns to look at.
        confidence: of the intervals.
        least: rows that a level needs to be looked at.

    Returns:
        factor, level, cases, n, expected, share, low, high, p, p_held; the least probable first.
    """
    long = cases.melt(id_vars=["case"], value_vars=factors, var_name="factor", value_name="level").dropna(subset=["level"])
    whole = long.groupby("factor")["case"].agg(["sum", "size"])
    rows = long.groupby(["factor", "level"], as_index=False)["case"].agg(cases="sum", n="size")
    total, everyone = rows["factor"].map(whole["sum"]), rows["factor"].map(whole["size"])
    rows = rows.assign(
        expected=rows["n"] * total / everyone, p=stats.hypergeom.sf(rows["cases"] - 1, everyone, total, rows["n"])
    )
    # chosen by size alone, never by cases: the test stays exact
    rows = rows[(rows["n"] >= least) & (rows["n"] < everyone)].sort_values(["p", "factor", "level"], ignore_index=True)
    low, high = share_interval(rows["cases"], rows["n"], confidence)
    held = np.minimum(1.0, np.maximum.accumulate(rows["p"].to_numpy(float) * np.arange(len(rows), 0, -1)))
    found: pd.DataFrame = rows.assign(share=rows["cases"] / rows["n"], low=low, high=high, p_held=held)
    return found
