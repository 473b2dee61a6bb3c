"""Purchase histories in the form that models of repeat buying read: (x, t_x, T) for each customer; row L3 of the method.

x is the number of purchase days after the first, t_x the age at the last of them, T the age at the end of the observation, both
counted from the first purchase. Several orders of one day are one purchase. Customers with the same three numbers are one row
to the models, so that a million of them cost no more than the histories they share.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.tables import Tables

Values = NDArray[np.float64]
Places = NDArray[np.int64]

Chosen = NDArray[np.bool_]

FEWEST = 100
"""Fewest repeat buyers seen from the start on whom alone a model is fitted."""

WEEK = 7.0
"""Days in the models' unit of time."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Different histories and how many customers have each.

    Attributes:
        x: purchases after the first.
        t_x, age: weeks from the first purchase to the last, and to the end of the observation.
        n: customers.
        x_values, x_place: the different numbers of purchases, and the place of each row among them.
    """

    x: Values
    t_x: Values
    age: Values
    n: Values
    x_values: Values
    x_place: Places

    @classmethod
    def of(cls, x: Values, t_x: Values, age: Values, n: Values | None = None) -> Rows:
        """Rows from arrays of equal length; *n* is 1 for each by default."""
        values, place = np.unique(x, return_inverse=True)
        sizes = np.ones(len(x)) if n is None else n
        return cls(x.astype(float), t_x.astype(float), age.astype(float), sizes.astype(float), values.astype(float), place)

    @property
    def customers(self) -> float:
        """Customers in all rows."""
        return float(self.n.sum())

    def every(self, step: int) -> Rows:
        """Every so-many-th row: a sample of the histories that is the same in every run."""
        return Rows.of(self.x[::step], self.t_x[::step], self.age[::step], self.n[::step])

    def only(self, places: Places) -> Rows:
        """The histories of some customers, each named by its place."""
        sizes = np.bincount(places, minlength=len(self.x))
        there = sizes > 0
        return Rows.of(self.x[there], self.t_x[there], self.age[there], sizes[there].astype(float))

    def at_age(self, more: float | Values) -> Rows:
        """The same histories with no purchase in *more* further weeks."""
        return Rows(self.x, self.t_x, self.age + more, self.n, self.x_values, self.x_place)


@dataclass(frozen=True, eq=False)
class Histories:
    """One history a customer.

    Attributes:
        frame: customer_id, first (day), x, last (days from the first purchase to the last), age (days from the first purchase
            to the end), spend (mean of the purchases after the first, NaN without one), kind, seen (whether the first purchase
            in the files is taken to be the customer's first); ordered by customer_id.
        until: last day of the observation.
        begins: first day of any order in the files.
    """

    frame: pd.DataFrame
    until: dt.date
    begins: dt.date

    def ground(self) -> Chosen:
        """The customers that models are fitted on: those seen from the start, or all where too few of them bought twice."""
        seen: Chosen = self.frame["seen"].to_numpy(dtype=bool)
        enough = int((seen & (self.frame["x"] > 0).to_numpy()).sum()) >= FEWEST
        return seen if enough else np.ones(len(seen), dtype=bool)

    def rows(self) -> tuple[Rows, Places]:
        """The different histories, and for each customer the place of the own one."""
        return collapse(*(self.frame[name].to_numpy() for name in ("x", "last", "age")))


def collapse(x: NDArray[np.int64], last: NDArray[np.int64], age: NDArray[np.int64]) -> tuple[Rows, Places]:
    """Histories in whole days, each different one once, and for each customer the place of the own one.

    >>> rows, place = collapse(np.array([2, 0, 2]), np.array([70, 0, 70]), np.array([280, 273, 280]))
    >>> rows.x.tolist(), rows.t_x.tolist(), rows.n.tolist(), place.tolist()
    ([0.0, 2.0], [0.0, 10.0], [1.0, 2.0], [1, 0, 1])
    """
    days = int(age.max(initial=0)) + 1
    # one whole number for each history sorts a million of them in a tenth of a second
    keys = (x.astype(np.int64) * days + last) * days + age
    different, place, sizes = np.unique(keys, return_inverse=True, return_counts=True)
    rest, ages = np.divmod(different, days)
    counts, lasts = np.divmod(rest, days)
    return Rows.of(counts.astype(float), lasts / WEEK, ages / WEEK, sizes.astype(float)), place


def purchase_histories(tables: Tables, *, until: dt.date, lead_days: int = 90) -> Histories:
    """The histories of all customers who bought until a day.

    Where the files begin in the middle of a customer's life, the first purchase seen is not the first made. It is taken to be
    so where the customer record was made on or after the first day of the files; without such a date, where the first purchase
    lies *lead_days* or more after that day.

    Args:
        until: last day that counts.
        lead_days: days at the beginning of the files in which somebody without a record date counts as an old customer.
    """
    frame = tables.sql(
        """
        with days as (
            select customer_id, cast(ordered_at as date) as day, sum(amount) as spent
            from orders
            where customer_id is not null and coalesce(amount, 0) >= 0 and cast(ordered_at as date) <= $until
            group by customer_id, cast(ordered_at as date)
        ),
        firsts as (
            select customer_id, min(day) as first_day, max(day) as last_day, count(*) as bought, sum(spent) as spent
            from days group by customer_id
        )
        select
            f.customer_id, f.first_day as first, f.bought - 1 as x,
            date_diff('day', f.first_day, f.last_day) as last,
            date_diff('day', f.first_day, cast($until as date)) as age,
            cast(f.spent - d.spent as double) / nullif(f.bought - 1, 0) as spend,
            c.kind,
            case
                when c.created_at is not null then c.created_at >= (select min(day) from days)
                else date_diff('day', (select min(day) from days), f.first_day) >= $lead
            end as seen
        from firsts as f
        join days as d on d.customer_id = f.customer_id and d.day = f.first_day
        left join customers as c on c.customer_id = f.customer_id
        order by f.customer_id
        """,
        until=until,
        lead=lead_days,
    )
    begins = pd.to_datetime(frame["first"]).min()
    first_day = until if pd.isna(begins) else begins.date()
    return Histories(frame.astype({"x": "int64", "last": "int64", "age": "int64", "seen": bool}), until, first_day)
