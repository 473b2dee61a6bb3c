"""Published sets as they are: the right tables and columns, the published figures, refusals where nothing is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workbook.errors import WorkbookError
from workbook.opening.client import open_client
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.run.execute import run_periods
from workbook.settings.readiness import readiness
from workbook.settings.reading import read_settings
from workbook.sources.inspection.assemble import inspect_folder
from workbook.sources.prepare import Preparation, prepare
from workbook.store import Store

DATA = Path(__file__).parents[3] / "shared" / "data"
Opening = Callable[..., tuple[dict[str, dict[str, object]], Preparation]]


@pytest.fixture
def delivered(tmp_path: Path) -> Opening:
    """Open an engagement from a set, answers given, and prepare it: table → columns, and the preparation."""

    def run(name: str, period: str, *answers: str) -> tuple[dict[str, dict[str, object]], Preparation]:
        folder = data_of(name)
        replies = iter(answers)
        open_client(tmp_path, "acme", folder, period=Period.parse(period), ask=lambda _: next(replies, ""))
        settings = read_settings(tmp_path, "acme", Period.parse(period))
        columns = {source.table: dict(source.columns) for source in settings.sources}
        return columns, prepare(tmp_path, "acme", Period.parse(period), settings)

    return run


def data_of(name: str) -> Path:
    folder = DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


def one(prepared: Preparation, query: str) -> tuple[object, ...]:
    return prepared.tables.connection.execute(query).fetchall()[0]


@pytest.mark.long
def test_online_retail_is_orders_lines_products_and_buyers(delivered):
    columns, prepared = delivered("online_retail", "2011")
    assert columns["orders"] == {"order_id": "InvoiceNo", "customer_id": "CustomerID", "ordered_at": "InvoiceDate"}
    assert columns["order_lines"] == {
        "order_id": "InvoiceNo", "product_id": "StockCode", "quantity": "Quantity", "price": "UnitPrice",
    }  # fmt: skip
    assert columns["customers"] == {"customer_id": "CustomerID", "region": "Country"}
    assert columns["products"] == {"product_id": "StockCode", "name": "Description"}
    # oracles.md: 541,909 rows, 135,080 of them without a customer, revenue 9,747,747.934
    ledger = {row["table"]: row for row in prepared.row_ledger.to_dict("records")}
    assert (ledger["customers"]["rows_in"], ledger["customers"]["rows_quarantined"]) == (541_909, 135_080)
    assert float(one(prepared, "select sum(amount) from orders")[0]) == pytest.approx(9_747_747.934, abs=0.01)


@pytest.mark.long
def test_complete_journey_is_what_its_hand_written_engagement_says():
    proposal = inspect_folder(data_of("complete_journey")).proposal()
    columns = {p.source.table: p.source.columns for p in proposal.sources}
    assert columns["customers"]["customer_id"] == columns["campaign_contacts"]["customer_id"] == "household_id"
    assert columns["orders"] == {
        "order_id": "basket_id", "customer_id": "household_id", "ordered_at": "transaction_timestamp",
        "amount": "sales_value", "store": "store_id",
    }  # fmt: skip
    assert set(columns) == {"customers", "orders", "order_lines", "products", "campaigns", "campaign_contacts"}
    assert {one.extract.file for one in proposal.unplaced} == {"coupons.parquet", "coupon_redemptions.parquet"}
    # oracles.md: 2,469 households, 801 with demographics; one trip is stamped 2018-01-01 and ends no quarter
    assert proposal.partial_customers == (2469, 801)
    assert proposal.period == Period.parse("2017Q4")


def test_telco_takes_the_extract_that_tells_something_and_finds_who_has_left(delivered):
    columns, prepared = delivered("ibm_telco", "2018Q4", "= 2018-12-31")
    snapshot = {"customer_id": "customerID", "value": "MonthlyCharges", "months": "tenure", "ended": "Churn"}
    assert columns == {"contracts": snapshot}
    # oracles.md: 1,869 of 7,043
    assert one(prepared, "select count(*), count(*) filter (ended) from contracts") == (7043, 1869)


@pytest.mark.long
def test_a_snapshot_without_dates_runs_to_its_report_and_claims_no_orders(tmp_path):
    """Telco names months on board, not days: the months tell who stays, and what needs orders names what to deliver."""
    period = Period.parse("2018Q4")
    replies = iter(["= 2018-12-31"])
    ask = lambda _: next(replies, "")  # noqa: E731
    open_client(tmp_path, "acme", data_of("ibm_telco"), period=period, template="subscription", ask=ask)
    run_periods(tmp_path, "acme", [period])
    results = tmp_path / "outputs" / "acme" / "2018Q4"
    store = Store(results / "tables")
    for name in ("rfm", "lifetime", "learned_weights"):
        assert isinstance(store.read(name), NotMeasured), name
    assert len(store.read("churn")) == 7043 - 1869
    assert store.read("profile")["tenure_days"].median() == 883  # since 2016-07-31, 29 months before
    assert (results / "report.en.html").is_file() and (results / "report.zh.html").is_file()


@pytest.mark.long
def test_servicenow_events_become_tickets_and_their_log():
    proposal = inspect_folder(data_of("servicenow_incidents")).proposal()
    tickets, events = (p.source for p in proposal.sources)
    assert (tickets.table, events.table) == ("tickets", "ticket_events")
    assert tickets.group == "last"
    assert tickets.columns["ticket_id"] == events.columns["ticket_id"] == "number"
    assert (tickets.columns["opened_at"], tickets.columns["resolved_at"]) == ("opened_at", "resolved_at")
    assert (tickets.columns["customer_id"], events.columns["happened_at"]) == ("caller_id", "sys_updated_at")
    assert "?" in tickets.missing
    # oracles.md: 141,712 events
    assert [p.rows for p in proposal.sources] == [141_712] * 2


def test_the_survey_of_sfo_asks_for_its_day_and_gives_its_score(delivered):
    columns, prepared = delivered("sfo_nps", "2017Q2", "", "", "= 2017-05-31")
    assert columns["feedback"] == {"feedback_id": "RESPNUM", "score": "NETPRO", "weight": "WEIGHT"}
    # oracles.md: NPS 39.84, weighted 40.40; code 11 is a blank
    score = "100.0 * (sum({w}) filter (score >= 9) - sum({w}) filter (score <= 6)) / sum({w}) filter (score is not null)"
    plain, weighted = one(prepared, f"select {score.format(w='1')}, {score.format(w='weight')} from feedback")
    assert (round(float(plain), 2), round(float(weighted), 2)) == (39.84, 40.40)
    # answers alone have a satisfaction, and the opened file must not say that the diagnosis is empty
    assert readiness(["feedback", *(f"feedback.{column}" for column in columns["feedback"])])["3_diagnose"].ready


def test_chinese_reviews_ask_for_their_day_and_lose_no_text(delivered):
    columns, prepared = delivered("zh_hotel_reviews", "2010", "= 2010-06-30")
    assert columns == {"feedback": {"text": "review"}}
    # oracles.md: 7,766 texts, one of them empty (README of the set)
    assert one(prepared, "select count(*), count(text) from feedback") == (7766, 7765)


@pytest.mark.parametrize(
    ("name", "file", "columns"),
    [
        ("cdnow", "CDNOW_master.txt", {"customer_id": "customer_id", "ordered_at": "date", "amount": "dollar_value"}),
        ("rfm_orders", "orders.csv", {"customer_id": "customer_id", "ordered_at": "order_date", "amount": "revenue"}),
    ],
)
def test_lists_of_purchases_without_order_numbers_are_orders(delivered, name, file, columns):
    found, prepared = delivered(name, {"cdnow": "1998Q2", "rfm_orders": "2006Q4"}[name])
    assert found == {"orders": columns}
    assert one(prepared, "select count(*) from orders")[0] == {"cdnow": 69_659, "rfm_orders": 4_906}[name]


def test_records_to_be_linked_are_customers_with_their_names_put_together(delivered):
    columns, prepared = delivered("link_fake_1000", "2025Q4")
    assert columns == {
        "customers": {
            "customer_id": "unique_id", "name": ["first_name", "surname"], "email": "email", "birthday": "dob",
            "region": "city",
        }
    }  # fmt: skip
    assert one(prepared, "select count(*) from customers") == (1000,)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("wholesale_customers", "no column holds customer_id"),
        ("asos_experiments", "known"),
    ],
)
def test_what_names_no_customer_or_holds_nothing_to_map_is_refused(tmp_path, name, why):
    with pytest.raises(WorkbookError, match="nothing was written") as fault:
        open_client(tmp_path, "acme", data_of(name), period=Period.parse("2017Q2"))
    assert why in str(fault.value)
    assert list(tmp_path.iterdir()) == []
