"""The needs register: what customers need, from research, feedback and comparison with competitors, ranked by a rule (V7).

A need is a topic of comments or a need that was noted; a noted need joins the topic whose words (``voice.topics``) stand in it.
Score: the weighted mean (``voice.need_weights``) of customers, their revenue, mentions beyond the first a customer, and how far
competitors are ahead, each as a part of the largest. The ranking is tried again with every weight halved and doubled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from workbook.language import LANGUAGES, Edition, Text, named, text
from workbook.report.blocks import NotMeasured, Sheet, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice import register_exhibits as exhibits
from workbook.voice.excess import held_over_all
from workbook.voice.hotspot_exhibits import topic_name
from workbook.voice.hotspots import Hotspots
from workbook.voice.intervals import Floats, share_interval
from workbook.voice.ngrams import plain
from workbook.voice.topics import OTHER, given_topics

REGISTER_COLUMNS: tuple[str, ...] = (
    "need", "rank", "need_en", "need_zh", "kind", "customers", "share", "low", "high", "revenue", "mentions", "behind", "score",
    "rank_low", "rank_high", "problem",
)  # fmt: skip
KEPT_DAYS = 365
"""Days for which a noted need stands in the register."""

MOST_NEEDS = 30


@dataclass(frozen=True)
class Register:
    """The needs register.

    Attributes:
        frame: one row a need, the first in rank first (``REGISTER_COLUMNS``): kind (noted, complained of, both), customers with
            their share of all heard (low, high), revenue of these over the trailing window, mentions a customer, behind (mean
            lead of competitors in points of five; missing where nobody compared), score 0–1, rank with the best and the worst
            one under other weights, problem (the check whose customers speak of it more than chance allows; else missing).
        heard: customers who noted a need or commented.
    """

    frame: pd.DataFrame
    heard: int
    settings: Settings
    tables: Tables

    def table(self) -> Table:
        """The register for the report."""
        return exhibits.register_table(self.frame, self.heard, self.settings, self.tables.period)

    def competitor_sheet(self) -> Sheet:
        """The form of the comparison with competitors (竞品分析), begun with the first needs of the register."""
        return exhibits.competitor_sheet(self.frame, self.settings)


def register_needs(
    heard: Hotspots | NotMeasured, profile: pd.DataFrame, problem_customers: pd.DataFrame, tables: Tables, settings: Settings
) -> Register | NotMeasured:
    """Gather, classify and rank what customers need.

    Args:
        heard: the comments read; discontent ones tell a need.
        profile: customer_id and revenue over the trailing window.
        problem_customers: problem, customer_id.
        tables: needs, where delivered; those noted in the last KEPT_DAYS count.
        settings: section voice (topics, need_weights, competitors) and analysis.

    Returns:
        NotMeasured where neither needs nor discontent comments are known.
    """
    what = text("voice.needs.what", "Register of customers' needs")
    mentions, names, everyone = _mentions(heard, tables, settings)
    if mentions.empty:
        return NotMeasured("voice.needs", what, tables.lacks("needs", "feedback.text") or ("needs",))
    revenue = profile.set_index("customer_id")["revenue"] if "revenue" in profile else pd.Series(dtype="float64")
    once = mentions.groupby(["need", "customer_id"], as_index=False, sort=True).agg(
        times=("customer_id", "size"), noted=("noted", "max"), told=("noted", "min"))  # fmt: skip
    once["revenue"] = pd.to_numeric(once["customer_id"].map(revenue)).astype("float64").fillna(0.0)
    rows = once.groupby("need", sort=True).agg(
        customers=("customer_id", "size"), revenue=("revenue", "sum"), times=("times", "sum"), noted=("noted", "max"),
        told=("told", "min"),
    ).reset_index()  # fmt: skip
    rows = rows[rows["customers"] >= settings.analysis.small_cell].reset_index(drop=True)
    if rows.empty:
        why = text("voice.needs.few", "No need is shared by enough customers.")
        return NotMeasured("voice.needs", what, why=why)
    low, high = share_interval(rows["customers"], [everyone] * len(rows), settings.analysis.confidence)
    rows = rows.assign(
        kind=np.where(~rows["told"], np.where(rows["noted"], "both", "complained"), "noted"),
        share=rows["customers"] / everyone, low=low, high=high, mentions=rows["times"] / rows["customers"],
        behind=rows["need"].map(_behind(names, settings)).astype("float64"),
        **{f"need_{language}": [names[need].render(Edition(language)) for need in rows["need"]] for language in LANGUAGES},
    )  # fmt: skip
    frame = _ranked(rows, settings).head(MOST_NEEDS)
    found = _linked(mentions[mentions["need"].isin(frame["need"])], problem_customers, settings.analysis.confidence)
    frame = frame.assign(problem=frame["need"].map(found).astype(object))
    return Register(frame[list(REGISTER_COLUMNS)], everyone, settings, tables)


def _mentions(heard: Hotspots | NotMeasured, tables: Tables, settings: Settings) -> tuple[pd.DataFrame, dict[str, Text], int]:
    """One row a mention (need, customer_id, noted), what each need is called, and the customers who said anything."""
    noted = tables.sql(
        """
        select customer_id, trim(need) as need from needs
        where customer_id is not null and trim(need) <> '' and (noted_at is null
              or (noted_at <= $end and noted_at > cast($end as date) - $days))
        order by need, customer_id, noted_at
        """,
        days=KEPT_DAYS,
    )  # fmt: skip
    topic, _ = given_topics(noted["need"].map(plain), settings.voice.topics)
    own = noted["need"].str.lower()
    names: dict[str, Text] = {f"need:{key}": named(word) for key, word in zip(own, noted["need"], strict=True)}
    names |= {each.id: named(each.name) for each in settings.voice.topics}
    parts = [
        pd.DataFrame({"need": topic.where(topic != OTHER, "need:" + own), "customer_id": noted["customer_id"], "noted": True})
    ]
    speakers = set(noted["customer_id"])
    if not isinstance(heard, NotMeasured):
        # who comments without a name counts as one customer a comment
        said = heard.comments.assign(
            customer_id=heard.comments["customer_id"].fillna("comment " + heard.comments["comment_id"].astype(str))
        )
        speakers |= set(said["customer_id"])
        bad = said[(said["mood"] == "discontent") & (said["topic"] != OTHER)]
        parts.append(pd.DataFrame({"need": bad["topic"], "customer_id": bad["customer_id"], "noted": False}))
        names |= {str(row["topic"]): topic_name(row) for _, row in heard.topics.iterrows()}
    mentions = pd.concat(parts, ignore_index=True).astype({"need": "str", "customer_id": "str", "noted": "bool"})
    return mentions, names, len(speakers)


def _behind(names: dict[str, Text], settings: Settings) -> dict[str, float]:
    """How far competitors are ahead of us in each need, in points of five, in the mean over those compared."""
    by_word = {name.render(Edition(language)).strip().lower(): need for need, name in names.items() for language in LANGUAGES}
    found: dict[str, list[float]] = {}
    for row in settings.voice.competitors:
        need = by_word.get(row.need.strip().lower())
        if need:
            found.setdefault(need, []).append(row.theirs - row.ours)
    return {need: float(np.mean(leads)) for need, leads in found.items()}


def _ranked(rows: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The rows by score, with the best and the worst rank under other weights."""
    given = settings.voice.need_weights
    parts = pd.DataFrame(
        {
            "customers": rows["customers"], "value": rows["revenue"].clip(lower=0), "intensity": rows["mentions"] - 1,
            "gap": rows["behind"].clip(lower=0).fillna(0.0),
        }
    )  # fmt: skip
    parts = (parts / parts.max().where(parts.max() > 0)).dropna(axis=1)
    weights = np.array([getattr(given, str(name)) for name in parts], dtype=float)
    scores = parts.to_numpy(float)

    def places(tried: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
        score = scores @ tried / max(tried.sum(), 1e-12)
        return score, stats.rankdata(-np.round(score, 12), method="min").astype(int)

    score, rank = places(weights)
    tries = [places(weights * np.where(np.arange(len(weights)) == k, factor, 1.0))[1]
             for k in range(len(weights)) for factor in (0.5, 2.0)]  # fmt: skip
    ranks = np.array([rank, *tries])
    found = rows.assign(score=score, rank=rank, rank_low=ranks.min(axis=0), rank_high=ranks.max(axis=0))
    return found.sort_values(["rank", "customers", "need"], ascending=[True, False, True], ignore_index=True)


def _linked(mentions: pd.DataFrame, problem_customers: pd.DataFrame, confidence: float) -> dict[str, str]:
    """The problem whose customers have a need more often than others heard in the same way, by Fisher's exact test.

    Customers who noted a need are compared with those who noted another, discontent ones with those discontent with something
    else: or every noted need would go with what is wrong with notes. P is held over all pairs (Holm).
    """
    tried, parts = 0, []
    for _, said in mentions.groupby("noted"):
        once = said.drop_duplicates(["need", "customer_id"])
        everyone = once["customer_id"].drop_duplicates()
        touched = problem_customers[problem_customers["customer_id"].isin(everyone)]
        pairs = once.merge(touched, on="customer_id").groupby(["need", "problem"], as_index=False).size()
        of_need, of_problem = once.groupby("need").size(), touched.groupby("problem").size()
        tried += len(of_need) * len(of_problem)
        p = stats.hypergeom.sf(pairs["size"] - 1, len(everyone), pairs["problem"].map(of_problem), pairs["need"].map(of_need))
        parts.append(pairs.assign(p=p))
    pairs = pd.concat(parts).sort_values(["p", "need", "problem"], ignore_index=True)
    # pairs without a common customer were looked at as well
    padded = pd.concat([pairs["p"], pd.Series([1.0] * (tried - len(pairs)))], ignore_index=True)
    clear = pairs[held_over_all(padded)[: len(pairs)] <= 1 - confidence].drop_duplicates("need")
    return dict(zip(clear["need"].astype(str), clear["problem"].astype(str), strict=True))
