"""The client's present tiers held against realised value: who sits where revenue would put them, and who sits too low (X4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from workbook.diagnosis.finding import Context
from workbook.language import Text, count, joined, named, number, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.service_hours import tier_words
from workbook.settings.models import Settings
from workbook.tables import Tables

MOST_UNKNOWN = 0.05
"""Share of graded customers in unknown words up to which the others are judged: a whole tier left out would mislead."""

MOST_TIERS = 6
"""Tiers that a table can hold side by side."""


@dataclass(frozen=True)
class Grades:
    """Customers with a tier of the client's that is known, the highest revenue first.

    Attributes:
        frame: customer_id, tier (the client's word), place (from the top, 0), revenue, earned: the place that revenue alone
            would give where every tier keeps its number of customers.
        names: what readers call the tiers, from the top.
        unknown: the client's words that are none of the tiers → how many customers hold them.
    """

    frame: pd.DataFrame
    names: tuple[Text, ...]
    unknown: dict[str, int]

    @property
    def judged(self) -> bool:
        """Whether enough of the client's words are known for his tiers to be judged."""
        unknown = sum(self.unknown.values())
        return not self.frame.empty and unknown <= MOST_UNKNOWN * (unknown + len(self.frame))


def tier_places(settings: Settings) -> dict[str, int]:
    """Place of each tier from the top (0) by every word for it in small letters: those of diagnosis.client_tiers where they are
    given, else ids and names of grading.tiers."""
    given = settings.diagnosis.client_tiers
    if given:
        return {word.strip().lower(): place for place, word in enumerate(given)}
    return {word: place for place, words in enumerate(tier_words(settings).values()) for word in words}


def present_grades(tables: Tables, settings: Settings, context: Context) -> Grades:
    """The client's tiers beside those that revenue would give; customers of the profile only."""
    rows = tables.sql("select customer_id, trim(tier) as tier from customers where trim(tier) <> '' order by customer_id")
    rows = rows[rows["customer_id"].isin(context.revenue.index)]
    rows["place"] = rows["tier"].str.lower().map(tier_places(settings))
    unknown = rows.loc[rows["place"].isna(), "tier"].value_counts()
    rows = rows[rows["place"].notna()].astype({"place": int})
    rows["revenue"] = context.revenue.reindex(rows["customer_id"]).to_numpy()
    ranked = rows.sort_values(["revenue", "customer_id"], ascending=[False, True], ignore_index=True)
    ranked["earned"] = np.sort(ranked["place"].to_numpy())
    given = settings.diagnosis.client_tiers
    names = tuple(named(word) for word in given) or tuple(named(tier.name) for tier in settings.grading.tiers)
    return Grades(ranked, names, {str(word): int(n) for word, n in unknown.items()})


def rank_agreement(first: pd.Series, second: pd.Series, confidence: float) -> tuple[float, float, float]:
    """Spearman's rank correlation with ties, and its interval (Bonett & Wright 2000: Fisher's z, variance (1 + ρ²/2)/(n − 3)).

    Args:
        first, second: values in the same order; larger means the same in both.
        confidence: level of the interval.

    Returns:
        Correlation, low, high; all three missing where one of them does not vary or there are fewer than 4 pairs.
    """
    n = len(first)
    if n < 4 or first.nunique() < 2 or second.nunique() < 2:
        return (float("nan"),) * 3
    rho = float(np.corrcoef(first.rank(), second.rank())[0, 1])
    held = min(max(rho, -1 + 1e-12), 1 - 1e-12)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt((1 + held**2 / 2) / (n - 3))
    return rho, math.tanh(math.atanh(held) - half), math.tanh(math.atanh(held) + half)


def ask_for_order(grades: Grades, tables: Tables, context: Context, settings: Settings) -> Text:
    """What to ask where no word of the client's tiers is known: their order, and the one that their mean revenue suggests."""
    words = list(grades.unknown)[:MOST_TIERS]
    rows = tables.sql("select customer_id, trim(tier) as tier from customers where trim(tier) <> ''")
    rows["revenue"] = context.revenue.reindex(rows["customer_id"]).fillna(0.0).to_numpy()
    means = rows[rows["tier"].isin(words)].groupby("tier")["revenue"].mean()
    order = means.rename_axis("tier").reset_index().sort_values(["revenue", "tier"], ascending=[False, True])["tier"]
    return text(
        "diagnosis.grades.ask",
        "The client’s tiers ({words}) are none of {tiers}: map them in sources, or name them from the highest to the lowest in "
        "diagnosis.client_tiers. By mean revenue their order would be {order}.",
        words=joined([named(word) for word in words]), tiers=joined([named(tier.name) for tier in settings.grading.tiers]),
        order=", ".join(str(word) for word in order),
    )  # fmt: skip


def grades_table(tables: Tables, profile: pd.DataFrame, settings: Settings) -> Table | NotMeasured:
    """The client's tiers against those that revenue would give: counts, with the agreement of the two orders."""
    id, what = "diagnosis.grades", text("diagnosis.grades.what", "The client’s tiers against realised value")
    context = Context.of(profile, settings.analysis.confidence)
    missing = tables.lacks("customers.tier", "orders")
    if missing or not (context.revenue > 0).any():
        return NotMeasured(id, what, missing or ("orders.amount",))
    grades = present_grades(tables, settings, context)
    if not grades.judged:
        return NotMeasured(id, what, why=ask_for_order(grades, tables, context, settings))
    rows = grades.frame
    tiers = sorted(rows["place"].unique())[:MOST_TIERS]
    counts = pd.crosstab(rows["place"], rows["earned"]).reindex(index=tiers, columns=tiers, fill_value=0)
    rho, low, high = rank_agreement(-rows["place"], rows["revenue"], settings.analysis.confidence)
    frame = pd.DataFrame({f"to_{place}": counts[place].to_numpy() for place in tiers})
    frame.insert(0, "tier", pd.Series([grades.names[place] for place in tiers], dtype=object))
    frame["agree"] = [counts.loc[place, place] / max(int(counts.loc[place].sum()), 1) for place in tiers]
    columns = (
        Column("tier", text("diagnosis.grades.tier", "Client’s tier")),
        *(Column(f"to_{place}", text("diagnosis.grades.earned", "Earned: {tier}", tier=grades.names[place]), "people")
          for place in tiers),
        Column("agree", text("diagnosis.grades.agree", "Agree"), "share", digits=0),
    )  # fmt: skip
    same = float((rows["place"] == rows["earned"]).mean())
    title = text("diagnosis.grades.title", "{part} of customers sit in the tier that their revenue earns", part=share(same, 0))
    note = text(
        "diagnosis.grades.note",
        "Customers by the client’s tier (rows) and by revenue of the trailing window, each tier keeping its size (columns); "
        "rank agreement {rho} ({low} to {high}; 1: same order, 0: none); n = {n}; tiers in unknown words: {unknown}.",
        rho=number(rho, 2), low=number(low, 2), high=number(high, 2), n=count(len(rows)),
        unknown=count(sum(grades.unknown.values())),
    )  # fmt: skip
    return Table(id, title, columns, frame, note)


def misgraded_table(tables: Tables, profile: pd.DataFrame, settings: Settings) -> Table | NotMeasured:
    """High-value customers in a low tier, the largest first."""
    id, what = "diagnosis.misgraded", text("diagnosis.misgraded.what", "High-value customers in a tier below their revenue")
    context = Context.of(profile, settings.analysis.confidence)
    missing = tables.lacks("customers.tier", "orders")
    if missing or not (context.revenue > 0).any():
        return NotMeasured(id, what, missing or ("orders.amount",))
    grades = present_grades(tables, settings, context)
    if not grades.judged:
        return NotMeasured(id, what, why=ask_for_order(grades, tables, context, settings))
    rows = grades.frame[misgraded(grades, settings, context)]
    if rows.empty:
        return NotMeasured(id, what, why=text("diagnosis.misgraded.nobody", "No high-value customer sits in a low tier."))
    frame = rows.assign(
        now=pd.Series([grades.names[p] for p in rows["place"]], index=rows.index, dtype=object),
        by_revenue=pd.Series([grades.names[p] for p in rows["earned"]], index=rows.index, dtype=object),
        rank=rows.index + 1,
    )
    columns = (
        Column("customer_id", text("diagnosis.misgraded.customer", "Customer")),
        Column("now", text("diagnosis.grades.tier", "Client’s tier")),
        Column("by_revenue", text("diagnosis.misgraded.earned", "Tier that revenue earns")),
        Column("rank", text("diagnosis.misgraded.rank", "Rank by revenue"), "count"),
        Column("revenue", text("diagnosis.misgraded.revenue", "Revenue"), "money"),
    )
    title = text("diagnosis.misgraded.title", "{n} high-value customers sit too low and bring {part} of revenue",
                 n=count(len(rows)), part=share(float(rows["revenue"].sum() / context.revenue.sum()), 0))  # fmt: skip
    note = text("diagnosis.misgraded.note", "Largest first; revenue of the trailing window; the whole list: problem_customers, "
                "value.misgraded.")  # fmt: skip
    return Table(id, title, columns, frame, note, artefact="problem_customers")


def misgraded(grades: Grades, settings: Settings, context: Context) -> pd.Series:
    """Which rows of the grades are high-value customers outside the high tiers although these had room for them."""
    rows = grades.frame
    high = rows["place"] < settings.grading.high_tiers
    return deserving(grades, settings, context) & ~high


def deserving(grades: Grades, settings: Settings, context: Context) -> pd.Series:
    """Which rows would sit in the high tiers if these were filled by revenue, and are among the top buyers."""
    rows = grades.frame
    valuable = rows["customer_id"].isin(context.valuable(settings.scope.high_value_share))
    return valuable & (np.arange(len(rows)) < int((rows["place"] < settings.grading.high_tiers).sum()))
