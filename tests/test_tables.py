"""The canonical tables: what is declared holds together, what was not delivered is empty and known to be lacking."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import pandas as pd
import pytest

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.tables import SCHEMAS, SQL_TYPES, empty_tables, tables_of

Q4 = Period.parse("2025Q4")


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_holds_together(name):
    schema = SCHEMAS[name]
    assert schema.name == name
    assert set(schema.key) <= set(schema.columns)
    assert set(schema.required) <= set(schema.columns)
    assert set(schema.columns.values()) <= set(SQL_TYPES)
    assert "at" not in schema.columns  # reserved in DuckDB
    if schema.event:
        assert schema.columns[schema.event] in ("date", "time")


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_that_was_not_delivered_is_empty_and_lacking(name):
    tables = empty_tables(Q4)
    assert list(tables.sql(f'select * from "{name}"').columns) == list(SCHEMAS[name].columns)
    assert tables.rows(name) == 0
    assert tables.lacks(name) == (name,)
    assert not tables.has(name)


def test_columns_come_in_their_declared_types():
    frame = pd.DataFrame({"order_id": ["00123"], "ordered_at": ["2025-11-03 10:20"], "amount": ["12.345"]})
    row = tables_of({"orders": frame}, Q4).connection.execute("select order_id, ordered_at, amount from orders").fetchone()
    assert row == ("00123", dt.datetime(2025, 11, 3, 10, 20), Decimal("12.3450"))


def test_money_is_summed_exactly():
    frame = pd.DataFrame({"order_id": [str(i) for i in range(10)], "ordered_at": "2025-11-03", "amount": ["0.1"] * 10})
    total = tables_of({"orders": frame}, Q4).connection.execute("select sum(amount) from orders").fetchone()
    assert total == (Decimal("1.0000"),)


def test_a_column_without_a_value_is_lacking_though_its_table_is_there():
    frame = pd.DataFrame({"order_id": ["1", "2"], "ordered_at": ["2025-11-03", None], "channel": [None, None]})
    tables = tables_of({"orders": frame}, Q4)
    assert tables.lacks("orders", "orders.ordered_at", "orders.channel", "tickets") == ("orders.channel", "tickets")
    assert tables.has("orders", "orders.ordered_at")
    assert tables.rows("orders") == 2


@pytest.mark.parametrize("name", ["order", "orders.when", "orders.", ""])
def test_a_name_that_is_no_table_or_column_is_an_error_and_not_a_lack(name):
    if name == "orders.":
        assert empty_tables(Q4).lacks(name) == (name,)
        return
    with pytest.raises(WorkbookError, match="not a canonical table or column"):
        empty_tables(Q4).lacks(name)


def test_values_reach_a_query_as_values():
    frame = pd.DataFrame({"order_id": ["1", "x' or 1=1 --"], "ordered_at": "2025-11-03"})
    tables = tables_of({"orders": frame}, Q4)
    found = tables.sql("select order_id from orders where order_id = $id and ordered_at <= $end", id="x' or 1=1 --")
    assert list(found["order_id"]) == ["x' or 1=1 --"]
    assert tables.sql("select $start as first, $end as last").iloc[0].dt.date.tolist() == [Q4.start, Q4.end]


def test_a_value_whose_name_begins_like_another_is_not_confused_with_it():
    tables = empty_tables(Q4)
    assert tables.sql("select $end_hour as hour", end_hour=5)["hour"].tolist() == [5]


def test_a_column_that_is_not_canonical_is_refused():
    with pytest.raises(WorkbookError, match="no canonical column is called"):
        tables_of({"orders": pd.DataFrame({"order_id": ["1"], "when": ["2025-01-01"]})}, Q4)


def test_a_value_that_does_not_fit_its_type_is_refused():
    frame = pd.DataFrame({"order_id": ["1"], "ordered_at": ["2025-11-03"], "amount": ["much"]})
    with pytest.raises(duckdb.ConversionException):
        tables_of({"orders": frame}, Q4)


def test_a_wide_result_is_the_same_as_a_plain_one_and_leaves_the_limits_as_they_were():
    orders = pd.DataFrame({"order_id": ["2", "1"], "ordered_at": ["2025-11-03", "2025-12-04"], "amount": ["1.5", None]})
    tables = tables_of({"orders": orders}, Period.parse("2025Q4"))
    query = "select *, $x as given, $start as first from orders order by order_id"
    before = tables.sql("select current_setting('memory_limit') as m")["m"].iloc[0]
    pd.testing.assert_frame_equal(tables.wide(query, x="y"), tables.sql(query, x="y"))
    with pytest.raises(duckdb.Error):
        tables.wide("select nothing from orders")
    assert tables.sql("select current_setting('memory_limit') as m")["m"].iloc[0] == before
