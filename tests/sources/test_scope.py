"""A narrowed scope: no stage sees the others, and what is no condition is refused before anything is kept."""

from __future__ import annotations

import pytest

from workbook.errors import SettingsError
from workbook.sources.scope import COLUMNS, check_condition, in_scope
from workbook.tables import SCHEMAS

CUSTOMERS = "id,region,kind\nA,North,person\nB,South,person\nC,North,company\n"
ORDERS = "no,who,day,sum\n1,A,2025-10-01,5\n2,B,2025-10-02,6\n3,,2025-10-03,7\n4,D,2025-10-04,8\n"
LINES = "no,line,article\n1,1,x\n2,1,x\n3,1,y\n4,1,y\n"
UNITS = "pilot,unit,who,arm\np,A,A,control\np,B,B,treatment\np,shop,,control\nq,C,,control\nq,B,,treatment\n"


@pytest.fixture
def files(source):
    return {"c.csv": CUSTOMERS, "o.csv": ORDERS, "l.csv": LINES, "u.csv": UNITS}, [
        source("customers", "c.csv", "customer_id=id region kind"),
        source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day amount=sum"),
        source("order_lines", "l.csv", "order_id=no line_id=line product_id=article"),
        source("assignments", "u.csv", "pilot unit_id=unit customer_id=who arm"),
    ]


def kept(done, table, column):
    return done.tables.sql(f"select {column} from {table} order by 1")[column].tolist()


def test_every_table_keeps_the_customers_in_scope_alone(deliver, files):
    done = deliver(*files, scope={"where": "region = 'North' -- not the South"})
    assert done.tables.everyone == 3
    assert kept(done, "customers", "customer_id") == ["A", "C"]
    assert kept(done, "orders", "order_id") == ["1"] and kept(done, "order_lines", "order_id") == ["1"]
    assert kept(done, "assignments", "unit_id") == ["A", "C", "shop"]  # a unit that is no customer stays in its pilot
    assert done.tables.rows("orders") == 1 and done.tables.rows("customers") == 2


def test_the_account_of_rows_counts_the_whole_delivery(deliver, files):
    whole = deliver(*files)
    ledger, alerts = whole.row_ledger, whole.alerts  # a preparation makes room for the next one
    assert whole.tables.everyone is None and whole.tables.rows("orders") == 4
    narrow = deliver(*files, scope={"where": "region = 'North'"})
    assert narrow.row_ledger.equals(ledger) and narrow.alerts.equals(alerts)
    assert whole.folder != narrow.folder


@pytest.mark.parametrize(
    "condition", ["nonsense >", "orders > 3", "name = 'x'", "true; drop table customers", "true) or (", "select 1", ""]
)
def test_what_is_no_condition_is_refused_with_the_columns(condition, deliver, files):
    if not condition:
        assert deliver(*files, scope={"where": ""}).tables.everyone is None
        return
    with pytest.raises(SettingsError, match=r"^scope\.where: found .*expected an SQL condition over the columns customer_id"):
        deliver(*files, scope={"where": condition})


def test_a_condition_that_nobody_meets_or_that_fails_leaves_nothing(deliver, files, tmp_path):
    with pytest.raises(SettingsError, match="none of 3 customers meets"):
        deliver(*files, scope={"where": "region = 'East'"})
    with pytest.raises(SettingsError, match="fails on a customer"):
        deliver(*files, scope={"where": "cast(region as integer) > 1"})
    assert not list(tmp_path.rglob("preparation.json")) and not list(tmp_path.rglob("*.tmp"))


def test_every_table_that_names_customers_is_narrowed(tmp_path):
    for name, schema in SCHEMAS.items():
        narrowed = "customer_id" in schema.columns or name in ("order_lines", "ticket_events")
        assert bool(in_scope(name, tmp_path)) == narrowed, name


def test_conditions_see_no_contact_data():
    assert "phone" not in COLUMNS and "name" not in COLUMNS and "region" in COLUMNS
    check_condition("created_at >= date '2025-01-01' and kind in ('person')")
