"""Customers who came after the analysis date are set aside, as later orders are (D2).

An export of today tells of customers whom an earlier period cannot know. A record dated after the period stays all the
same where any row up to its end names the customer: then the customer was there, and only the date of the record is late
(the alert ``order_before_customer`` tells it).
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from workbook.period import Period
from workbook.sources.fates import lose
from workbook.tables import SCHEMAS, TableSchema


def set_aside_later_customers(connection: duckdb.DuckDBPyConnection, names: Sequence[str], period: Period) -> None:
    """Move later customers from ``clean_customers`` to ``lost_customers``, and with them the rows without a date that name
    them alone (a credit report, a consent without its day), so that none of these points to nobody.

    Args:
        names: the tables that were cleaned, ``customers`` among them.
    """
    naming = [SCHEMAS[name] for name in names if name != "customers" and "customer_id" in SCHEMAS[name].columns]
    known = " union all ".join(f"select customer_id from clean_{s.name} where {_dated(s)}" for s in naming if s.event)
    known_too = f"and customer_id not in (select customer_id from ({known}) where customer_id is not null)" if known else ""
    connection.execute(
        "create or replace temp table later as select _file, _row, customer_id from clean_customers "
        f"where created_at > date '{period.end}' {known_too}"
    )
    lose(connection, SCHEMAS["customers"], "later", "'set_aside'", "null")
    for schema in naming:
        connection.execute(
            f"create or replace temp table following as select rows._file, rows._row from clean_{schema.name} as rows "
            f"where not ({_dated(schema)}) and rows.customer_id in (select customer_id from later) "
            "and rows.customer_id not in (select customer_id from clean_customers)"
        )
        lose(connection, schema, "following", "'set_aside'", "null")


def _dated(schema: TableSchema) -> str:
    return f'"{schema.event}" is not null' if schema.event else "false"
