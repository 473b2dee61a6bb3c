"""What customers buy in windows of several lengths: level and spread of each metric, and what a pilot of such windows finds.

A longer window lets each customer buy more often, which makes the spread smaller beside the level. Both are read from the
client's own orders, for means, proportions and ratios, of single customers or of whole clusters (row P1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.design import Assignment
from workbook.pilots.power import detectable_mean, detectable_proportion, detectable_t, ratio_spread
from workbook.settings.models import Settings
from workbook.tables import Tables

WEEKS = (4, 8, 13, 26)
"""Lengths of the window in which each customer's orders are counted."""
MOST_CUSTOMERS = 20_000
"""Customers of the draw whose orders are read; of more, the first by id stand for all. Of clusters all are read."""
LONGEST = 365
"""Days beyond which a pilot is no longer planned."""
MOST_CLUSTERS = 100_000
"""Clusters beyond which no pilot is planned."""

Floats = NDArray[np.float64]
Measure = Literal["revenue", "buyers", "average_order"]
MEASURES: tuple[Measure, ...] = ("revenue", "buyers", "average_order")


@dataclass(frozen=True)
class Bought:
    """What units bought in successive windows of one length: arrays of units × windows.

    Attributes:
        revenue, orders, buyers: of each customer; of clusters the means over their customers.
    """

    revenue: Floats
    orders: Floats
    buyers: Floats


@dataclass(frozen=True)
class Window:
    """One metric in one length of the window.

    Attributes:
        measure: the metric.
        days: its length.
        level, spread: of the metric: mean and standard deviation of a unit; of a ratio that of its linearised values.
        scatter: variance over mean of the number of orders a customer; 1 where orders come by chance alone; NaN of clusters.
        found: smallest difference that those drawn find with the wanted power; NaN where none.
        needed: units of all arms for the difference asked for; 0 where no number is enough.
        gather: days until so many are there; 0 where they are, None where not within :data:`LONGEST` days.
    """

    measure: Measure
    days: int
    level: float
    spread: float
    scatter: float
    found: float
    needed: int
    gather: int | None

    @property
    def total(self) -> int | None:
        """Days from the first day to the last measurement; None beyond :data:`LONGEST`."""
        if self.gather is None or self.gather + self.days > LONGEST:
            return None
        return self.gather + self.days


def windows_of(tables: Tables, draw: Assignment, a_week: float, weeks: int, settings: Settings) -> tuple[Window, ...]:
    """Every metric in every length that the history holds.

    Args:
        draw: who was drawn, as customers or as clusters.
        a_week: customers a week who come and would take part; no clusters come.
        weeks: of the history that are read.

    Returns:
        By metric and length; none of metrics without a level or a spread.
    """
    lengths = [length for length in WEEKS if length <= weeks]
    if draw.drawn_clusters is None:
        whole = _by_week(tables, draw, settings, weeks)
        bought = {length: _in_windows(*whole, length) for length in lengths}
    else:
        bought = {length: _of_clusters(tables, draw, settings, weeks, length) for length in lengths}
    found = [
        _window(m, one, 7 * n, draw, a_week, settings) for m in MEASURES for n, one in bought.items() if len(one.revenue) > 1
    ]
    return tuple(window for window in found if window.level > 0 and window.spread > 0)


def proportion_needed(level: float, rise: float, parts: tuple[float, float], confidence: float, power: float) -> float:
    """Units of all arms for which the pooled z-test finds a rise of a proportion; infinite where it would pass one.

    Args:
        parts: shares of all units in the control and in the arm.

    Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 4.2 and 4.4.
    """
    other = level + rise
    if other > 1 or rise <= 0:
        return math.inf
    p0, p1 = parts
    pooled = (p0 * level + p1 * other) / (p0 + p1)
    null = math.sqrt(pooled * (1 - pooled) * (1 / p0 + 1 / p1))
    true = math.sqrt(level * (1 - level) / p0 + other * (1 - other) / p1)
    return float(((stats.norm.ppf(0.5 + confidence / 2) * null + stats.norm.ppf(power) * true) / rise) ** 2)


def clusters_needed(spread: float, wanted: float, parts: tuple[float, float], confidence: float, power: float) -> float:
    """Fewest clusters of all arms whose means show a difference of *wanted* by Student's t; infinite beyond
    :data:`MOST_CLUSTERS`.

    Args:
        spread: standard deviation of the clusters' means.
        parts: shares of all clusters in the control and in the arm.
    """
    p0, p1 = parts

    def short(units: int) -> bool:
        n0, n1 = max(FEWEST_CLUSTERS, round(units * p0)), max(FEWEST_CLUSTERS, round(units * p1))
        return detectable_t(spread * math.sqrt(1 / n0 + 1 / n1), n0 + n1 - 2, confidence, power) > wanted

    low = high = math.ceil(FEWEST_CLUSTERS / min(parts))
    while short(high):
        low, high = high, 2 * high
        if high > MOST_CLUSTERS:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if short(middle) else (low, middle)
    return float(high)


def _window(measure: Measure, bought: Bought, days: int, draw: Assignment, a_week: float, settings: Settings) -> Window:
    """What one length of the window finds, level and spread averaged over all such windows of the history."""
    pilot, confidence = settings.next_pilot, settings.analysis.confidence
    level, spread = _level_and_spread(measure, bought)
    clustered = draw.drawn_clusters is not None
    mean = float(bought.orders.mean())
    scatter = math.nan if clustered or not mean else float(bought.orders.var(axis=0, ddof=1).mean()) / mean
    control, *arms = pilot.arms
    drawn = draw.frame["arm"] if draw.drawn_clusters is None else draw.drawn_clusters["arm"]
    sizes = drawn.value_counts()
    n0, n1 = int(sizes.get(control, 0)), min(int(sizes.get(arm, 0)) for arm in arms)
    whole = sum(pilot.arms.values())
    parts = (pilot.arms[control] / whole, min(pilot.arms[arm] for arm in arms) / whole)
    wanted = pilot.margin * level
    found, needed = math.nan, math.inf
    if clustered:
        if min(n0, n1) >= FEWEST_CLUSTERS:
            found = detectable_t(spread * math.sqrt(1 / n0 + 1 / n1), n0 + n1 - 2, confidence, pilot.power)
        if level > 0 and spread > 0:
            needed = clusters_needed(spread, wanted, parts, confidence, pilot.power)
    elif min(n0, n1) and level > 0:
        if measure == "buyers":
            found = detectable_proportion(level, n0, n1, confidence, pilot.power)
            needed = proportion_needed(level, wanted, parts, confidence, pilot.power)
        else:
            found = detectable_mean(spread, n0, n1, confidence, pilot.power)
            z = float(stats.norm.ppf(0.5 + confidence / 2) + stats.norm.ppf(pilot.power))
            needed = (z * spread / wanted) ** 2 * sum(1 / part for part in parts)
    enough = math.ceil(needed) if math.isfinite(needed) else 0
    short = needed - len(drawn)
    pace = 0.0 if clustered else a_week
    gather = 0 if short <= 0 else math.ceil(7 * (enough - len(drawn)) / pace) if pace > 0 and enough else LONGEST + 1
    return Window(measure, days, level, spread, scatter, found, enough, gather if gather <= LONGEST else None)


def _level_and_spread(measure: Measure, bought: Bought) -> tuple[float, float]:
    """Mean of a metric over units and windows, and the standard deviation of units within a window."""
    if measure == "average_order":
        below = float(bought.orders.mean())
        if below <= 0:
            return 0.0, 0.0
        spreads = [ratio_spread(y, x) for y, x in zip(bought.revenue.T, bought.orders.T, strict=True) if x.sum() > 0]
        return float(bought.revenue.mean()) / below, math.sqrt(float(np.mean(np.square(spreads))))
    values = bought.revenue if measure == "revenue" else bought.buyers
    return float(values.mean()), math.sqrt(float(values.var(axis=0, ddof=1).mean()))


def _in_windows(revenue: Floats, orders: Floats, length: int) -> Bought:
    blocks = revenue.shape[1] // length
    money, times = (
        weekly[:, : blocks * length].reshape(len(weekly), blocks, length).sum(axis=2) for weekly in (revenue, orders)
    )
    return Bought(money, times, np.asarray(times > 0, np.float64))


def _by_week(tables: Tables, draw: Assignment, settings: Settings, weeks: int) -> tuple[Floats, Floats]:
    """Revenue and orders of each customer in each week before the analysis date, the latest first: customers × weeks."""
    ids = sorted(_old(draw.people, weeks)["customer_id"])[:MOST_CUSTOMERS]
    found = tables.sql(
        f"""select customer_id, date_diff('day', cast(ordered_at as date), cast($end as date)) // 7 as week,
                   count(*) as orders, cast(sum(amount) as double) as revenue
            from orders
            where customer_id in (select unnest($ids)) and {_counted(settings, weeks)}
            group by 1, 2 order by 1, 2""",
        ids=ids,
        finished=settings.analysis.finished_orders,
    )
    revenue, orders = np.zeros((len(ids), weeks)), np.zeros((len(ids), weeks))
    place = pd.Index(ids).get_indexer(found["customer_id"])
    week = found["week"].to_numpy(int)
    revenue[place, week] = found["revenue"].to_numpy(float)
    orders[place, week] = found["orders"].to_numpy(float)
    return revenue, orders


def _of_clusters(tables: Tables, draw: Assignment, settings: Settings, weeks: int, length: int) -> Bought:
    """Means a customer of each cluster in successive windows of *length* weeks, the latest first."""
    people = _old(draw.people, weeks)
    blocks = weeks // length
    found = tables.sql(
        f"""with member as (select unnest($ids) as customer_id, unnest($clusters) as cluster)
            select cluster, date_diff('day', cast(ordered_at as date), cast($end as date)) // {7 * length} as back,
                   count(*) as orders, cast(sum(amount) as double) as revenue, count(distinct customer_id) as buyers
            from orders join member using (customer_id)
            where {_counted(settings, blocks * length)}
            group by 1, 2 order by 1, 2""",
        ids=people["customer_id"].tolist(),
        clusters=people["cluster"].astype(str).tolist(),
        finished=settings.analysis.finished_orders,
    )
    sizes = people["cluster"].astype(str).value_counts().sort_index()
    place, back = sizes.index.get_indexer(pd.Index(found["cluster"])), found["back"].to_numpy(int)

    def means(column: str) -> Floats:
        sums = np.zeros((len(sizes), blocks))
        sums[place, back] = found[column].to_numpy(float)
        return np.asarray(sums / sizes.to_numpy(float)[:, None])

    return Bought(means("revenue"), means("orders"), means("buyers"))


def _old(people: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """Those who were customers all the while: who was none yet did not buy for that reason; all where they are too few."""
    if "tenure_days" not in people.columns:
        return people
    old = people[people["tenure_days"].fillna(0) >= 7 * weeks]
    return old if len(old) >= 30 else people


def _counted(settings: Settings, weeks: int) -> str:
    """Condition of the orders that count: finished, with an amount, in the last *weeks*."""
    finished = "and list_contains($finished, status)" if settings.analysis.finished_orders else ""
    return f"""amount is not null and cast(ordered_at as date) <= $end
               and cast(ordered_at as date) > cast($end as date) - {7 * weeks} * interval 1 day {finished}"""
