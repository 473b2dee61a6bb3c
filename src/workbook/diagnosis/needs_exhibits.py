"""How deep the recorded needs go by tier, and what recommendations are worth beyond chance (X2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.diagnosis.finding import SMALL_SAMPLE, proportion_interval
from workbook.diagnosis.needs import level_words, recommendations, unknown_levels
from workbook.diagnosis.tiers import customers_by_tier
from workbook.language import Text, count, day, points, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

LEVELS = ("none", "surface", "root", "product")
"""How deep the records of one customer go: no need, a wish, what lies behind it, and a product recommended against that."""

READINGS = {
    "beyond": text("diagnosis.match.beyond", "better than chance"),
    "unclear": text("diagnosis.match.unclear", "not told from chance"),
    "below": text("diagnosis.match.below", "worse than chance"),
}


def need_levels(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Each customer with the deepest level of the needs recorded up to the end of the period: customer_id, level (place).

    The level is empty where needs are recorded and the level of none of them is known.
    """
    return tables.sql(
        """
        with deepest as (
            select customer_id,
                   max(case when not coalesce(list_contains($known, lower(trim(level))), false) then null
                            when not list_contains($root, lower(trim(level))) then 1
                            when product_recommended is not null then 3 else 2 end) as level
            from needs where customer_id is not null group by customer_id
        )
        select c.customer_id, case when d.customer_id is null then 0 else d.level end as level
        from customers c left join deepest d on d.customer_id = c.customer_id order by c.customer_id
        """,
        **level_words(settings),
    )


def depth_table(tables: Tables, settings: Settings) -> Table | NotMeasured:
    """How deep the needs of the customers of each tier are recorded."""
    id, what = "diagnosis.depth", text("diagnosis.depth.what", "Depth of the recorded needs by tier")
    if missing := tables.lacks("needs.level", "customers"):
        return NotMeasured(id, what, missing)
    if why := unknown_levels(tables, settings):
        return NotMeasured(id, what, why=why)
    place, names = customers_by_tier(tables, settings)
    every_customer = need_levels(tables, settings)
    rows = every_customer.dropna(subset="level").astype({"level": int})
    rows["place"] = place.reindex(rows["customer_id"].astype(str)).to_numpy()
    counts = pd.crosstab(rows["place"], rows["level"]).reindex(columns=range(len(LEVELS)), fill_value=0)
    counts = counts[counts.sum(axis=1) >= settings.analysis.small_cell]
    if counts.empty:
        return NotMeasured(id, what, why=text("diagnosis.depth.few", "There are too few customers to show."))
    whole = pd.crosstab(np.zeros(len(rows)), rows["level"]).reindex(columns=range(len(LEVELS)), fill_value=0)
    every = pd.concat([whole, counts], ignore_index=True) if len(counts) > 1 else whole
    n = every.sum(axis=1)
    level = 1 - (1 - settings.analysis.confidence) / len(every)
    deep = every[2] + every[3]
    bounds = [proportion_interval(hits, of, level) for hits, of in zip(deep, n, strict=True)]
    called = [text("diagnosis.tiers.all", "all customers"), *(names[int(i)] for i in counts.index)][: len(every)]
    frame = pd.DataFrame(
        {"name": pd.Series(called, dtype=object), "n": n, "deep": deep / n, "low": [b[0] for b in bounds],
         "high": [b[1] for b in bounds], **{name: every[i] / n for i, name in enumerate(LEVELS)}}
    )  # fmt: skip
    columns = (
        Column("name", text("diagnosis.grades.tier", "Client’s tier")),
        Column("n", text("diagnosis.column.customers_all", "Customers"), "people"),
        Column("none", text("diagnosis.depth.none", "No need recorded"), "share", digits=0),
        Column("surface", text("diagnosis.depth.surface", "Wish only"), "share", digits=0),
        Column("root", text("diagnosis.depth.root", "Cause asked"), "share", digits=0),
        Column("product", text("diagnosis.depth.product", "Cause and product"), "share", digits=0),
        Column("deep", text("diagnosis.depth.deep", "Down to the cause (interval)"), "share", low="low", high="high"),
    )
    title = text("diagnosis.depth.title", "Of {part} of customers no need is recorded; down to the cause: {deep}",
                 part=share(float(frame["none"].iloc[0])), deep=share(float(frame["deep"].iloc[0])))  # fmt: skip
    shown = {"end": day(tables.period.end), "rows": count(len(frame))}
    note = text(
        "diagnosis.depth.note",
        "Deepest need recorded of each customer up to {end}: none, a wish, the cause behind it, the cause with a product "
        "recommended. The last column holds the two deepest; its intervals allow for {rows} rows.",
        **shown,
    )
    if len(rows) < len(every_customer):
        note = text(
            "diagnosis.depth.note_left",
            "Deepest need recorded of each customer up to {end}: none, a wish, the cause behind it, the cause with a product "
            "recommended. The last column holds the two deepest; its intervals allow for {rows} rows. Left out are the {left} "
            "of customers for whom needs of unknown level alone are recorded.",
            left=share(1 - len(rows) / len(every_customer), 1), **shown,
        )  # fmt: skip
    return Table(id, title, columns, frame, note, rows=10)


def match_rates(tables: Tables, settings: Settings) -> tuple[pd.DataFrame, tuple[Text, ...]]:
    """Recommendations bought against chance, in all and by tier.

    Returns:
        place (−1 for all), n, hits, figure, chance (mean over the recommendations), gain with low and high: figure less chance,
        and its interval by Wilson's with the number of cases lowered for several recommendations to one customer (design
        effect), corrected for the number of rows; and the names of the tiers.
    """
    place, names = customers_by_tier(tables, settings)
    rows = recommendations(tables, settings.diagnosis.match_days)
    rows["place"] = place.reindex(rows["customer_id"].astype(str)).fillna(len(names) - 1).to_numpy()
    least = max(settings.analysis.small_cell, 10)
    sizes = rows["place"].value_counts()
    groups = [int(p) for p in sorted(sizes[sizes >= least].index)]
    groups = [-1, *(groups if len(groups) > 1 else [])]
    level = 1 - (1 - settings.analysis.confidence) / len(groups)
    found = []
    for group in groups:
        mine = rows if group < 0 else rows[rows["place"] == group]
        n, hits, chance = len(mine), int(mine["bought"].sum()), float(mine["chance"].mean())
        cases = n / _design_effect(mine)
        low, high = proportion_interval(hits / n * cases, cases, level)
        found.append(
            {"place": group, "n": n, "hits": hits, "figure": hits / n, "chance": chance,
             "gain": hits / n - chance, "low": low - chance, "high": high - chance}
        )  # fmt: skip
    return pd.DataFrame(found), names


def _design_effect(rows: pd.DataFrame) -> float:
    """How much more the share of hits varies than if each were a customer of its own (Kish 1965); at least 1."""
    n, p = len(rows), float(rows["bought"].mean())
    if p in (0.0, 1.0):
        return 1.0
    clusters = (rows["bought"] - p).groupby(rows["customer_id"]).sum()
    return max(1.0, float((clusters**2).sum()) / (n * p * (1 - p)))


def match_table(tables: Tables, settings: Settings) -> Table | NotMeasured:
    """The hit rate of recommendations against chance, with the interval of the difference."""
    id, what = "diagnosis.match", text("diagnosis.match.what", "Recommended against bought, beside chance")
    if missing := tables.lacks("needs.product_recommended", "needs.noted_at", "order_lines.product_id", "orders"):
        return NotMeasured(id, what, missing)
    if recommendations(tables, settings.diagnosis.match_days).empty:
        return NotMeasured(id, what, why=text("diagnosis.match.young", "No recommendation is old enough to be judged."))
    rates, names = match_rates(tables, settings)
    everyone = text("diagnosis.match.all", "all recommendations")
    frame = rates.assign(
        name=pd.Series([everyone if p < 0 else names[int(p)] for p in rates["place"]], dtype=object),
        reading=[_reading(low, high) for low, high in zip(rates["low"], rates["high"], strict=True)],
    )
    columns = (
        Column("name", text("diagnosis.grades.tier", "Client’s tier")),
        Column("n", text("diagnosis.match.n", "Recommendations"), "count"),
        Column("hits", text("diagnosis.match.hits", "Bought"), "count"),
        Column("figure", text("diagnosis.match.rate", "Hit rate"), "share", digits=1),
        Column("chance", text("diagnosis.pairs.chance", "By chance"), "share", digits=1),
        Column("gain", text("diagnosis.match.gain", "Beyond chance, points"), "points", low="low", high="high"),
        Column("reading", text("diagnosis.column.reading", "Reading"), labels=READINGS),
    )
    note = text(
        "diagnosis.match.note",
        "Recommendations bought within {days} days. By chance: how many of all advised customers bought the same product in "
        "the same time, whatever was recommended to them. Intervals allow for several recommendations to one customer and for "
        "{rows} {rows:row|rows}; those younger than {days} days are left out.",
        days=count(settings.diagnosis.match_days), rows=count(len(frame)),
    )  # fmt: skip
    return Table(id, _match_title(rates.iloc[0]), columns, frame, note, rows=10)


def _reading(low: float, high: float) -> str:
    return "beyond" if low > 0 else "below" if high < 0 else "unclear"


def _match_title(whole: pd.Series) -> Text:
    n, hits, chance = count(int(whole["n"])), count(int(whole["hits"])), share(float(whole["chance"]), 1)
    if whole["n"] < SMALL_SAMPLE:
        return text("diagnosis.match.title_few", "{hits} of {n} recommendations were bought; by chance {chance} would be",
                    hits=hits, n=n, chance=chance)  # fmt: skip
    figure = share(float(whole["figure"]), 1)
    if whole["low"] > 0:
        return text("diagnosis.match.title", "{figure} of recommendations are bought, {gain} more than by chance",
                    figure=figure, gain=points(float(whole["gain"])))  # fmt: skip
    if whole["high"] < 0:
        return text("diagnosis.match.title_below", "{figure} of recommendations are bought, fewer than by chance ({chance})",
                    figure=figure, chance=chance)  # fmt: skip
    return text("diagnosis.match.title_unclear", "{figure} of recommendations are bought, not told from chance ({chance})",
                figure=figure, chance=chance)  # fmt: skip
