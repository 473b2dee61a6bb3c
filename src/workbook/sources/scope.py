"""The scope narrowed to some customers of the client's list (G2): every figure of every stage then speaks of them alone.

The condition sees what the list says of a customer and not what the customer did: a scope drawn by behaviour would make
rates of repeat purchase and loss true by definition, and would take units out of a pilot for what the pilot brought about.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from workbook.errors import SettingsError
from workbook.sources.parsing import literal
from workbook.tables import SCHEMAS, SQL_TYPES

SCOPE = "scope.parquet"
"""The file of the customers in scope, beside the canonical tables."""

COLUMNS = tuple(name for name, kind in SCHEMAS["customers"].columns.items() if kind != "contact")
"""What a condition may name."""

_THROUGH = {"order_lines": ("orders", "order_id"), "ticket_events": ("tickets", "ticket_id")}
"""Tables without a customer of their own, the table through which they have one, and the key to it."""


def check_condition(condition: str) -> None:
    """Judge a condition on a customer list without a row.

    Raises:
        SettingsError: where it is none.
    """
    columns = ", ".join(f'"{name}" {SQL_TYPES[SCHEMAS["customers"].columns[name]]}' for name in COLUMNS)
    # the condition sees this table and nothing else: no other table, no file
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.execute(f"create table customers ({columns})")
        try:
            _customers(connection, condition).fetchall()
        except duckdb.Error as fault:
            raise SettingsError(
                [
                    f"scope.where: found {condition!r}; expected an SQL condition over the columns {', '.join(COLUMNS)} "
                    f"({str(fault).splitlines()[0]}); correct the condition"
                ]
            ) from fault


def write_scope(connection: duckdb.DuckDBPyConnection, condition: str, folder: Path) -> int:
    """Write the ids of the customers who meet a sound condition: :data:`SCOPE`, one column, customer_id, sorted.

    Args:
        connection: holds the canonical table ``customers``, whole.
        folder: where the canonical tables lie.

    Returns:
        Customers of the list, in scope or not.

    Raises:
        SettingsError: where nobody meets the condition, or it fails on a value.
    """
    path = folder / SCOPE
    try:
        _customers(connection, condition).write_parquet(str(path))
        (met,) = connection.execute(f"select count(*) from read_parquet({literal(str(path))})").fetchall()[0]
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as fault:
        raise SettingsError(
            [f"scope.where: found {condition!r}, which fails on a customer ({str(fault).splitlines()[0]}); correct it"]
        ) from fault
    (everyone,) = connection.execute("select count(*) from customers").fetchall()[0]
    if not met:
        raise SettingsError(
            [f"scope.where: found {condition!r}, which none of {everyone:,} customers meets; expected some; widen it"]
        )
    return int(everyone)


def in_scope(table: str, folder: Path) -> str:
    """The ``where`` that keeps the rows of customers in scope; empty for a table that speaks of no customers.

    Rows without a customer go, but for units of a pilot that are no customers (stores, regions).

    Args:
        folder: holds the scope and the whole customer list as Parquet files.
    """
    if table in _THROUGH:
        parent, key = _THROUGH[table]
        return f'where "{key}" in (select "{key}" from "{parent}")'
    if "customer_id" not in SCHEMAS[table].columns:
        return ""
    scope = f"select customer_id from read_parquet({literal(str(folder / SCOPE))})"
    if table == "assignments":
        everyone = f"select customer_id from read_parquet({literal(str(folder / 'customers.parquet'))})"
        unit = "coalesce(customer_id, unit_id)"
        return f"where {unit} in ({scope}) or (customer_id is null and unit_id not in ({everyone}))"
    return f"where customer_id in ({scope})"


def _customers(connection: duckdb.DuckDBPyConnection, condition: str) -> duckdb.DuckDBPyRelation:
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    return connection.table("customers").project(columns).filter(condition).project("customer_id").order("customer_id")
