"""What was known on an earlier day: every canonical table as it stood then, so that no forecast can look ahead; row L4.

A query over the past names the canonical tables as usual. Each name is shadowed by a common table expression that holds only
rows dated on or before the cut, without the columns that were filled in later; tables and columns without a date are empty.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import pandas as pd

from workbook.tables import SCHEMAS, Tables

KNOWN: Mapping[str, str] = {
    "customers": "select customer_id, kind, created_at from main.customers where created_at is null or created_at <= $cut",
    "orders": "select order_id, customer_id, ordered_at, amount, channel, store, due_at,"
    " case when paid_at <= $cut then paid_at end as paid_at from main.orders where cast(ordered_at as date) <= $cut",
    "order_lines": "select l.* from main.order_lines as l join main.orders as o on o.order_id = l.order_id"
    " where cast(o.ordered_at as date) <= $cut",
    "contracts": "select contract_id, customer_id, starts_at, value,"
    " case when ended is null or ends_at <= $cut then ends_at end as ends_at, case when ends_at <= "
    "$cut then renewed end as renewed from main.contracts where starts_at <= $cut",
    "attributes": "select * from main.attributes where noted_at <= $cut",
    "interactions": "select * from main.interactions where cast(happened_at as date) <= $cut",
    "tickets": "select ticket_id, customer_id, opened_at, due_at, channel, topic, priority,"
    " case when cast(first_response_at as date) <= $cut then first_response_at end as first_response_at,"
    " case when cast(resolved_at as date) <= $cut then resolved_at end as resolved_at,"
    " case when cast(called_back_at as date) <= $cut then called_back_at end as called_back_at"
    " from main.tickets where cast(opened_at as date) <= $cut",
    "feedback": "select * from main.feedback where cast(given_at as date) <= $cut",
    "needs": "select * from main.needs where noted_at <= $cut",
    "status_history": "select * from main.status_history where changed_at <= $cut",
}
"""Table → its rows and columns as they stood at the end of the day ``$cut``. States without a date (a ticket's, a
customer's, an order's) are left out: they tell how it went on."""


def as_of(query: str) -> str:
    """The *query* over the tables as they stood on the day ``$cut``; a table without dates of its own is empty.

    >>> as_of("select count(*) from orders").startswith("with customers as (select")
    True
    """
    known = [f"{name} as ({KNOWN.get(name, f'select * from main.{name} where false')})" for name in SCHEMAS]
    return f"with {', '.join(known)} select * from ({query}) order by 1"


def known_on(tables: Tables, query: str, cut: dt.date, **values: object) -> pd.DataFrame:
    """The rows of *query* as they could have been had on the day *cut*, ordered by the first column.

    Args:
        tables: the canonical tables.
        query: names canonical tables without a schema; ``$cut`` and the names of *values* stand for values.
        cut: the last day that is known.
    """
    return tables.sql(as_of(query), cut=cut, **values)


def leaks(at_cut: pd.DataFrame, later: pd.DataFrame) -> tuple[str, ...]:
    """Columns that look ahead: those that differ where the same day was computed again after more had happened.

    Args:
        at_cut: features of a day, computed from tables that end on it.
        later: the same from tables that go on; the first column of both names the customer. Customers in one only count for
            every column.
    """
    key = str(at_cut.columns[0])
    if set(at_cut[key]) != set(later[key]):
        return tuple(map(str, at_cut.columns))
    one, two = (frame.set_index(key).sort_index() for frame in (at_cut, later))
    return tuple(str(name) for name in one.columns if not _same(one[name], two[name]))


def _same(one: pd.Series[float], two: pd.Series[float]) -> bool:
    missing = one.isna().to_numpy()
    equal = one.to_numpy() == two.to_numpy()
    return bool(np.all(np.where(missing, two.isna().to_numpy(), equal)))
