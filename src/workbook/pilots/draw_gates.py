"""Gates on how units were drawn and what their outcomes can be: what a sound draw never looks like (row P2)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, count, named, number, share, text
from workbook.pilots.drawn import Drawn
from workbook.pilots.gates import DOUBTED_P, SMALLEST_P, Check
from workbook.pilots.outcomes import values_query
from workbook.pilots.samples import VALUE, Sample
from workbook.pilots.units import arm_name, store_units
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

FEWEST_WHOLE = 4
"""Clusters from which on it is no chance that each stands whole in one arm."""
FEWEST_DAYS = 10
"""Days from which on a pilot with one unit a day is taken for one that switches from day to day."""
FEWEST_AMOUNTS = 20
"""Units with an outcome and orders below which their units of money are not compared."""
NEAR = 1.25
"""So near a ratio of amounts must be to a hundred or ten thousand (分, 万元) to be taken for it."""
BEYOND = 10.0
"""Times the largest value of another arm beyond which a twentieth of an arm is no effect."""
ALIKE = 0.3
"""Correlation of neighbouring days above which they are said to go together."""


def strata(pilot: Pilot, drawn: pd.DataFrame) -> Check | None:
    """Whether the arms hold each stratum in the same share: they do where units were drawn, within strata or not.

    Args:
        drawn: units, or clusters where those were drawn; rows strata, columns arms.

    Returns:
        None where no stratum was delivered or there is one alone. Pearson's chi-square of strata by arms, of clusters where
        those were drawn; rare strata count together, so that the distribution holds.
    """
    table = drawn[[arm for arm in pilot.arms if arm in drawn.columns]]
    table = table[table.sum(axis=1) > 0]
    n = len(table)
    if n < 2 or table.shape[1] < 2:
        return None
    least = table.sum(axis=1) * float((table.sum() / table.sum(axis=None)).min())
    rare = table[least < 5]
    table = pd.concat([table[least >= 5], rare.sum().to_frame().T]) if len(rare) else table
    if len(table) < 2:
        return None
    found = stats.chi2_contingency(table.to_numpy(), correction=False)
    shares = table / table.sum()
    apart = (shares.max(axis=1) - shares.min(axis=1)).max()
    words = text(
        "pilots.found.strata",
        "{n} strata; the share of one differs by {apart} points between arms at most",
        n=count(n),
        apart=number(100 * float(apart), 1),
    )
    return Check(pilot.id, "strata", float(found.statistic), float(found.pvalue), bool(found.pvalue >= SMALLEST_P), words)


def whole_clusters(pilot: Pilot, drawn: Drawn) -> Check | None:
    """Whether the clusters of customers who are said to have been drawn one by one stand whole in one arm each: then clusters
    were drawn, and customers counted one by one would look far surer than they are.

    Returns:
        None where no clusters of several customers were delivered, or clusters were drawn as the card says.
    """
    several = drawn.clusters[drawn.clusters["size"] > 1]
    if pilot.unit == "cluster" or len(several) < FEWEST_WHOLE:
        return None
    whole = int((several["arms"] == 1).sum())
    words = text(
        "pilots.found.whole_clusters",
        "{whole} of {n} clusters stand whole in one arm; where clusters were drawn, the card must say so (unit: cluster)",
        whole=count(whole),
        n=count(len(several)),
    )
    return Check(pilot.id, "whole_clusters", whole / len(several), None, whole < len(several), words)


def possible(pilot: Pilot, metric: Metric, sample: Sample) -> Check | None:
    """Whether every outcome of a proportion is 0 or 1; others count as missing."""
    odd = int(sample.tally()["odd"].sum())
    if metric.kind != "proportion" or not odd:
        return None
    words = text(
        "pilots.found.possible",
        "{metric}: {n} outcomes are neither 0 nor 1; deliver yes as 1 and no as 0, or say kind: mean",
        metric=named(metric.name),
        n=count(odd),
    )
    return Check(pilot.id, f"possible.{metric.id}", float(odd), None, False, words)


def amounts(tables: Tables, pilot: Pilot, metric: Metric) -> Check | None:
    """Whether delivered amounts are in the unit of the orders: a hundred times as much is money in hundredths.

    Returns:
        None where outcomes or orders are no amounts, or too few units have both.
    """
    if metric.unit != "money" or metric.source != "outcomes" or tables.lacks("orders.amount", "orders.customer_id"):
        return None
    query = values_query(tables, pilot, metric)
    (row,) = tables.sql(
        f"""with spent as (
               select customer_id, cast(sum(amount) as double) as spent from orders
               where customer_id is not null
                     and cast(ordered_at as date) between $first_day and least($last_day, cast($end as date))
               group by customer_id having sum(amount) > 0)
            select count(*) as n, median(value / spent) as times
            from {store_units(tables, pilot)} join ({query.sql}) measured using (unit_id) join spent using (customer_id)
            where value > 0 and not doubled""",
        **query.given,
    ).to_dict("records")
    if row["n"] < FEWEST_AMOUNTS:
        return None
    times = float(row["times"])
    apart = any(size / NEAR <= times <= size * NEAR for size in (0.01, 100.0, 0.0001, 10_000.0))
    words = text(
        "pilots.found.amounts",
        "{metric}: {times} times the orders of the same customers and days, in the middle; scale brings it to their unit",
        metric=named(metric.name),
        times=number(times, 2),
    )
    return Check(pilot.id, "amounts", times, None, False, words) if apart else None


def scale(pilot: Pilot, metric: Metric, sample: Sample) -> Check | None:
    """Whether one arm has values that another has nowhere near: units mixed there (yuan and fen), or whatever is no person.

    Returns:
        None where a twentieth of no arm lies beyond :data:`BEYOND` times the largest value of another, or where half of an arm
        is zero, whose largest value says little.
    """
    if metric.kind != "mean":
        return None
    told = {arm: sample.moments(arm, VALUE).n for arm in pilot.arms}
    if min(told.values()) < FEWEST_AMOUNTS:
        return None
    places = {arm: np.array([n // 2, math.ceil(0.95 * n), n]) for arm, n in told.items()}
    found = {arm: sample.ordered(arm, places[arm]) for arm in pilot.arms}
    if min(middle for middle, _, _ in found.values()) <= 0:
        return None
    arm, (_, high, _) = max(found.items(), key=lambda one: float(one[1][1]))
    other, (_, _, largest) = min(found.items(), key=lambda one: float(one[1][2]))
    if high <= BEYOND * largest:
        return None
    words = text(
        "pilots.found.scale",
        "{metric}: a twentieth of arm {arm} lies above {high}, nothing of arm {other} above {largest}; deliver one unit",
        metric=named(metric.name),
        arm=arm_name(arm),
        other=arm_name(other),
        high=number(float(high), 0),
        largest=number(float(largest), 0),
    )
    return Check(pilot.id, f"scale.{metric.id}", float(high / largest), None, False, words)


def uneven(pilot: Pilot, ratio: Check) -> Text | None:
    """What must be doubted where the arms are of sizes that a draw seldom gives, though not so seldom that nothing is shown."""
    if pilot.unit == "cluster" or ratio.p is None or not SMALLEST_P <= ratio.p < DOUBTED_P:
        return None
    return text(
        "pilots.doubt.ratio",
        "the arms are of sizes that a draw gives in {p} of pilots only ({found}): look for units added to or lost from one arm",
        p=share(ratio.p, 1),
        found=ratio.words,
    )


def shared_clusters(pilot: Pilot, drawn: Drawn) -> Text | None:
    """What cannot be known where customers of one cluster stand in both arms: whether the measure reached the others too."""
    shared = int((drawn.clusters["arms_kept"] > 1).sum())
    if pilot.unit == "cluster" or not shared:
        return None
    return text(
        "pilots.doubt.shared",
        "customers of both arms meet in {n} clusters, and whether the measure reached those without it cannot be told",
        n=count(shared),
    )


def day_by_day(pilot: Pilot, sample: Sample) -> Text | None:
    """What must be doubted where each unit is a day of its own: days carry over to the next, and neighbours are alike."""
    known = sample.days()
    if pilot.unit == "cluster" or known is None or len(known) < FEWEST_DAYS:
        return None
    away = (known["value"] - known.groupby("arm")["value"].transform("mean")).to_numpy(float)
    total = float((away**2).sum())
    together = float((away[1:] * away[:-1]).sum()) / total if total > 0 else 0.0
    if together > max(ALIKE, 2 / np.sqrt(len(away))):
        return text(
            "pilots.doubt.days_alike",
            "each unit is a day of its own, neighbouring days go together (correlation {r}), so the interval is not to be "
            "relied on, and one day may carry over to the next",
            r=number(together, 1),
        )
    return text("pilots.doubt.days", "each unit is a day of its own, and one day may carry over to the next")
