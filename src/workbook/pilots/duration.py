"""How long the next pilot must run: from the client's own rhythm of orders and the rate at which customers come (row P1).

A longer window lets each customer buy more often, which makes the spread smaller beside the level; more customers come with
time. Both are read from the orders, together with how much more orders vary between customers than chance alone would make.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from workbook.language import Quantity, Text, count, named, number, share, text
from workbook.pilots.design import Assignment, Unplanned
from workbook.pilots.power import detectable_mean
from workbook.pilots.season import Season, read_season
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

WEEKS = (4, 8, 13, 26)
"""Lengths of the window in which each customer's orders are counted."""
MOST_CUSTOMERS = 20_000
"""Customers of the draw whose orders are read; of more, the first by id stand for all."""
LONGEST = 365
"""Days beyond which a pilot is no longer planned."""
DAYS_TO_START = 14
"""Days after the period before which no pilot starts."""

Floats = NDArray[np.float64]
_WHAT = text("pilots.duration.none", "How long the next pilot must run")


@dataclass(frozen=True)
class Window:
    """One length of the window.

    Attributes:
        days: its length.
        level, spread: mean and standard deviation of revenue a customer in it.
        scatter: variance over mean of the number of orders a customer; 1 where orders come by chance alone.
        found: smallest difference of revenue a customer that those drawn find with the wanted power.
        needed: customers of all arms for the difference asked for.
        gather: days until so many are there; 0 where they are, None where not within :data:`LONGEST` days.
    """

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


@dataclass(frozen=True)
class Duration:
    """How long the next pilot must run.

    Attributes:
        windows: by length.
        drawn: customers of the draw; ``a_week`` more come who would take part.
        season: what the months of the history say of the planned window.
        settings: the parameters.
    """

    windows: tuple[Window, ...]
    drawn: int
    a_week: float
    season: Season
    settings: Settings

    @property
    def best(self) -> Window | None:
        """The window with which the difference asked for is found soonest; None where none does within a year."""
        told = [window for window in self.windows if window.total is not None]
        return min(told, key=lambda window: (window.total or 0, window.days), default=None)

    def table(self) -> Table:
        """A row a window: level, scatter, what is found, customers needed and days in all."""
        pilot = self.settings.next_pilot
        rows: list[dict[str, object]] = [
            {
                "days": text("pilots.duration.days", "{n} days", n=count(window.days)),
                "level": Quantity(window.level, "money"),
                "scatter": window.scatter,
                "found": Quantity(window.found, "money"),
                "relative": window.found / window.level if window.level else None,
                "needed": window.needed,
                "total": text("pilots.duration.long", "over a year") if window.total is None else count(window.total),
            }
            for window in self.windows
        ]
        columns = (
            Column("days", text("pilots.duration.head.days", "Orders counted over")),
            Column("level", text("pilots.duration.head.level", "Revenue a customer"), "number"),
            Column("scatter", text("pilots.duration.head.scatter", "Orders scatter, times chance"), "number", digits=1),
            Column("found", text("pilots.head.detectable", "Smallest difference found"), "number"),
            Column("relative", text("pilots.head.relative", "As a share of the level"), "share", digits=0),
            Column("needed", text("pilots.duration.head.needed", "Customers needed"), "people"),
            Column("total", text("pilots.duration.head.total", "Days in all"), "number"),
        )
        note = text(
            "pilots.duration.note",
            "From the orders of those drawn ({n}) in the year before. Needed: for a difference of {margin} of the level, power "
            "{power}, confidence {level}. Days in all: until so many are there, at {rate} new ones a week who would take part, "
            "and the window. Scatter: variance of the orders a customer over their mean, 1 by chance alone.",
            n=count(self.drawn),
            margin=share(pilot.margin, 0),
            power=share(pilot.power, 0),
            level=share(self.settings.analysis.confidence, 0),
            rate=number(self.a_week, 1),
        )
        return Table("pilots.duration", self.title(), columns, pd.DataFrame(rows, dtype=object), note)

    def title(self) -> Text:
        """Days that the difference asked for takes, or how much is found within a year."""
        margin = share(self.settings.next_pilot.margin, 0)
        if self.best is not None:
            return text(
                "pilots.duration.title",
                "To find a difference of {margin} the next pilot needs {days} days",
                margin=margin,
                days=count(self.best.total or 0),
            )
        found = min(window.found / window.level for window in self.windows if window.level)
        return text(
            "pilots.duration.title_none",
            "Within a year no difference of {margin} can be found, only from {found} on",
            margin=margin,
            found=share(found, 0),
        )

    def blocks(self) -> tuple[Block, ...]:
        """The table, and what the season says."""
        return (self.table(), self.season.paragraph())


def plan_duration(
    tables: Tables, draw: Assignment, profile: pd.DataFrame, settings: Settings
) -> Duration | Unplanned | NotMeasured:
    """Days that the next pilot needs, from the orders of those who were drawn.

    Args:
        profile: one row a customer: of those who come, as large a share would take part as of those who are there.

    Returns:
        Unplanned where nobody was drawn; NotMeasured where no orders were delivered, or they reach back too short for the
        shortest window.
    """
    if draw.reason is not None or draw.frame.empty:
        return Unplanned(pd.DataFrame(), _WHAT)
    missing = tables.lacks("orders.customer_id", "orders.amount")
    if missing or tables.first_order is None:
        return NotMeasured("pilots.duration", _WHAT, missing or ("orders.ordered_at",))
    if draw.drawn_clusters is not None:
        why = text(
            "pilots.duration.clusters",
            "Whole clusters are drawn: more days bring no more of them, so what can be found hangs on their number.",
        )
        return NotMeasured("pilots.duration", _WHAT, why=why)
    end = tables.period.end
    weeks = min(52, ((end - tables.first_order.date()).days + 1) // 7)
    lengths = [length for length in WEEKS if length <= weeks]
    if not lengths:
        why = text("pilots.duration.short", "The orders reach back less than {n} weeks.", n=count(WEEKS[0]))
        return NotMeasured("pilots.duration", _WHAT, why=why)
    revenue, orders = _by_week(tables, draw, settings, weeks)
    a_week = _arrivals(tables, weeks) * (len(draw.frame) + draw.beyond) / len(profile)
    windows = tuple(_window(revenue, orders, length, draw, a_week, settings) for length in lengths)
    windows = tuple(window for window in windows if window.level > 0 and window.spread > 0)
    if not windows:
        why = text("pilots.duration.silent", "Nobody who was drawn bought anything in the year before.")
        return NotMeasured("pilots.duration", _WHAT, why=why)
    told = [window for window in windows if window.total is not None]
    longest = min((w.total or 0 for w in told), default=windows[-1].days)
    first = end + dt.timedelta(days=DAYS_TO_START)
    season = read_season(tables, settings, named(settings.next_pilot.name), first, first + dt.timedelta(days=longest - 1))
    return Duration(windows, len(draw.frame), a_week, season, settings)


def _by_week(tables: Tables, draw: Assignment, settings: Settings, weeks: int) -> tuple[Floats, Floats]:
    """Revenue and orders of each customer in each week before the analysis date, the latest first: customers × weeks."""
    people = draw.people
    if "tenure_days" in people.columns:
        old = people["tenure_days"].fillna(0) >= 7 * weeks
        people = people[old] if int(old.sum()) >= 30 else people  # who was no customer yet did not buy for that reason
    ids = sorted(people["customer_id"])[:MOST_CUSTOMERS]
    found = tables.sql(
        f"""select customer_id, date_diff('day', cast(ordered_at as date), cast($end as date)) // 7 as week,
                   count(*) as orders, cast(sum(amount) as double) as revenue
            from orders
            where customer_id in (select unnest($ids)) and amount is not null and cast(ordered_at as date) <= $end
              and cast(ordered_at as date) > cast($end as date) - {7 * weeks} * interval 1 day
              {"and list_contains($finished, status)" if settings.analysis.finished_orders else ""}
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


def _arrivals(tables: Tables, weeks: int) -> float:
    """Customers a week whose first order fell into the stretch; 0 where the history is no longer than the stretch."""
    row = tables.sql(
        """select count(*) filter (where first > cast($end as date) - $days * interval 1 day) as new
           from (select min(cast(ordered_at as date)) as first from orders
                 where customer_id is not null group by customer_id)""",
        days=7 * weeks,
    )
    since = tables.first_order.date() if tables.first_order else tables.period.end
    # in a history that begins with the stretch, everybody seems to be new
    known = (tables.period.end - since).days >= 2 * 7 * weeks
    return float(row["new"].iloc[0]) / weeks if known else 0.0


def _window(revenue: Floats, orders: Floats, length: int, draw: Assignment, a_week: float, settings: Settings) -> Window:
    """What one length of the window finds, spread and level averaged over all such windows of the stretch."""
    pilot, confidence = settings.next_pilot, settings.analysis.confidence
    blocks = revenue.shape[1] // length
    money = revenue[:, : blocks * length].reshape(len(revenue), blocks, length).sum(axis=2)
    times = orders[:, : blocks * length].reshape(len(orders), blocks, length).sum(axis=2)
    if len(money) < 2:
        return Window(7 * length, 0.0, 0.0, math.nan, math.nan, 0, None)
    level, spread = float(money.mean()), math.sqrt(float(money.var(axis=0, ddof=1).mean()))
    mean = float(times.mean())
    scatter = float(times.var(axis=0, ddof=1).mean()) / mean if mean else math.nan
    sizes = draw.frame["arm"].value_counts()
    control, *arms = pilot.arms
    n0, n1 = int(sizes.get(control, 0)), min(int(sizes.get(arm, 0)) for arm in arms)
    found = detectable_mean(spread, n0, n1, confidence, pilot.power) if min(n0, n1) else math.nan
    whole = sum(pilot.arms.values())
    parts = [pilot.arms[control] / whole, min(pilot.arms[arm] for arm in arms) / whole]
    z = float(stats.norm.ppf(0.5 + confidence / 2) + stats.norm.ppf(pilot.power))
    wanted = (z * spread / (pilot.margin * level)) ** 2 * sum(1 / part for part in parts) if level > 0 else math.inf
    needed = math.ceil(wanted) if math.isfinite(wanted) else 0
    short = needed - len(draw.frame)
    days = 0 if short <= 0 else math.ceil(7 * short / a_week) if a_week > 0 else LONGEST + 1
    return Window(7 * length, level, spread, scatter, found, needed, days if days <= LONGEST else None)
