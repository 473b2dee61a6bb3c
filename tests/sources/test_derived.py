"""What a delivery leaves out and its own columns imply: amounts from unit prices, order numbers from customer and time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from workbook.errors import DeliveryError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.prepare import prepare
from workbook.sources.tell import tell_delivery

RETAIL = Path(__file__).parents[3] / "shared" / "data" / "online_retail" / "online_retail.parquet"


def repairs(done):
    return {(r.table, r.column, r.repair): r.rows for r in done.repairs.itertuples()}


def test_amounts_are_quantity_times_unit_price(deliver, source):
    text = "no,who,day,sku,n,each\n1,A,2025-10-01,x,3,2.55\n1,A,2025-10-01,y,-1,0.0001\n2,B,2025-10-02,x,2,\n"
    done = deliver(
        {"t.csv": text},
        [
            source("orders", "t.csv", "order_id=no customer_id=who ordered_at=day", group=True),
            source("order_lines", "t.csv", "order_id=no product_id=sku quantity=n price=each"),
        ],
    )
    lines = done.tables.sql("select amount::varchar as amount from order_lines order by order_id, product_id")
    assert lines["amount"].tolist()[:2] == ["7.6500", "-0.0001"] and lines["amount"].isna().tolist()[2]
    amounts = done.tables.sql("select amount::varchar as amount from orders order by order_id")["amount"]
    assert amounts.tolist()[0] == "7.6499" and amounts.isna().tolist()[1]
    assert repairs(done)["order_lines", "amount", "amount_from_price"] == 2
    assert tell_delivery(done).answer().sentences[-1].id == "sources.answer.shared"  # one file, two tables: counted twice


def test_discounts_told_as_shares_of_the_list_price_lower_the_amount_and_are_money(deliver, source):
    lines = "no,n,each,off,sum\n1,10,2.50,0.2,\n2,4,5,0,\n3,,,0.5,30\n4,2,3,1,\n5,2,3,,\n"
    done = deliver(
        {"l.csv": lines}, [source("order_lines", "l.csv", "order_id=no quantity=n price=each discount=off amount=sum")]
    )
    found = done.tables.sql("select amount::double as amount, discount::double as discount from order_lines order by order_id")
    assert found["amount"].tolist() == [20, 20, 30, 0, 6]
    assert found["discount"].tolist()[:4] == [5, 0, 30, 6] and found["discount"].isna().tolist()[4]
    assert repairs(done)["order_lines", "discount", "discount_of_share"] == 4


def test_discounts_in_money_stay_as_they_are(deliver, source):
    lines = "no,n,each,off\n1,10,2.50,0.2\n2,4,5,3\n"
    done = deliver({"l.csv": lines}, [source("order_lines", "l.csv", "order_id=no quantity=n price=each discount=off")])
    found = done.tables.sql("select amount::double as amount, discount::double as discount from order_lines order by order_id")
    assert found.to_numpy().tolist() == [[25, 0.2], [20, 3]]


def test_a_delivered_amount_is_left_as_it_is(deliver, source):
    done = deliver(
        {"l.csv": "no,n,each,sum\n1,3,2,5\n2,3,2,\n"},
        [source("order_lines", "l.csv", "order_id=no quantity=n price=each amount=sum")],
    )
    assert done.tables.sql("select amount from order_lines order by order_id")["amount"].astype(float).tolist() == [5, 6]


def test_grouped_lines_add_amounts_and_not_prices(deliver, source):
    text = "no,line,n,each\n1,1,3,2\n1,1,4,2\n"
    done = deliver(
        {"l.csv": text}, [source("order_lines", "l.csv", "order_id=no line_id=line quantity=n price=each", group=True)]
    )
    row = done.tables.sql("select quantity, price, amount from order_lines").astype(float).iloc[0]
    assert (row["quantity"], row["price"], row["amount"]) == (7, 2, 14)


ROWS = "who,day,sum\nA,2025-10-01 10:00,5\nA,2025-10-01 10:00,5\nB,2025-10-01 10:00,7\n,2025-10-02 09:30,1\n"
LIST = "customer_id=who ordered_at=day amount=sum"


def test_orders_without_numbers_get_stable_ones(deliver, source):
    done = deliver({"o.csv": ROWS}, [source("orders", "o.csv", LIST)])
    ids = done.tables.sql("select order_id from orders order by order_id")["order_id"].tolist()
    assert ids == ["A-20251001T100000", "A-20251001T100000-2", "B-20251001T100000", "unknown-20251002T093000"]
    assert repairs(done)["orders", "order_id", "id_of_customer_and_time"] == 4
    assert done.row_ledger["rows_kept"].tolist() == [4]


def test_rows_of_one_moment_are_one_order_where_the_file_is_grouped(deliver, source):
    done = deliver({"o.csv": ROWS}, [source("orders", "o.csv", LIST, group=True)])
    found = done.tables.sql("select order_id, amount from orders order by order_id")
    assert found["order_id"].tolist() == ["A-20251001T100000", "B-20251001T100000", "unknown-20251002T093000"]
    assert found["amount"].tolist() == [Decimal(10), Decimal(7), Decimal(1)]
    assert done.row_ledger["rows_kept"].tolist() == [4]


def test_the_same_orders_delivered_again_keep_their_numbers(deliver, source):
    orders = source("orders", "o.csv", LIST, accumulate=True)
    deliver({"o.csv": ROWS.replace("2025-10", "2025-07")}, [orders], period="2025Q3")
    done = deliver({"o.csv": ROWS.replace("2025-10", "2025-07") + "A,2025-10-05 08:00,9\n"}, [orders])
    assert done.tables.rows("orders") == 5
    assert done.row_ledger["rows_repeated"].tolist() == [0, 4]


def test_neither_number_nor_customer_is_refused(deliver, source):
    with pytest.raises(DeliveryError, match=r"no column for orders\.order_id"):
        deliver({"o.csv": ROWS}, [source("orders", "o.csv", "ordered_at=day amount=sum")])


@pytest.mark.skipif(not RETAIL.is_file(), reason="shared/data/online_retail is not there")
def test_online_retail_has_the_published_figures(tmp_path):
    """Revenue 9,747,747.934 in 541,909 rows and 25,900 invoices (oracles.md; README of the set)."""
    folder = tmp_path / "data" / "acme" / "2011"
    folder.mkdir(parents=True)
    (folder / "r.parquet").symlink_to(RETAIL)
    header = {"order_id": "InvoiceNo", "customer_id": "CustomerID", "ordered_at": "InvoiceDate"}
    lines = {"order_id": "InvoiceNo", "product_id": "StockCode", "quantity": "Quantity", "price": "UnitPrice"}
    chosen = Settings.model_validate({
        "client": {"name": "A", "country": "GB"}, "currency": "GBP",
        "sources": [{"table": "orders", "file": "r.parquet", "columns": header, "group": True},
                    {"table": "order_lines", "file": "r.parquet", "columns": lines}],
    })  # fmt: skip
    done = prepare(tmp_path, "acme", Period.parse("2011"), chosen)
    one = done.tables.sql("select sum(amount)::varchar as total, count(*) as n from order_lines").iloc[0]
    assert (one["total"], one["n"]) == ("9747747.9340", 541_909)
    of_orders = done.tables.sql("select sum(amount)::varchar as total, count(*) as n from orders").iloc[0]
    assert (of_orders["total"], of_orders["n"]) == ("9747747.9340", 25_900)
    assert repairs(done)["order_lines", "amount", "amount_from_price"] == 541_909


def test_a_survey_read_column_by_column_keeps_every_answer_of_a_respondent(deliver, source):
    text = "id,cid,day,NPS,How easy was it?,Why\nr1,c1,2025-11-01,9,2,fast\nr2,c2,2025-11-02,3,5,\nr1,c1,2025-11-01,9,2,fast\n"
    columns = {"feedback_id": "id", "customer_id": "cid", "given_at": "day"}
    sources = [
        {"table": "feedback", "file": "s.csv", "columns": {**columns, "score": "NPS"},
         "constants": {"instrument": "nps", "scale_max": "10"}},
        {"table": "feedback", "file": "s.csv", "columns": {**columns, "score": "How easy was it?"},
         "constants": {"instrument": "ces", "scale_max": "7", "question": "ease"}},
        {"table": "feedback", "file": "s.csv", "columns": {**columns, "text": "Why"}, "constants": {"instrument": "open"}},
    ]  # fmt: skip
    done = deliver({"s.csv": text}, sources)
    answers = done.tables.sql("select feedback_id, score from feedback order by 1")
    assert answers["feedback_id"].tolist() == ["r1/NPS", "r1/Why", "r1/ease", "r2/NPS", "r2/Why", "r2/ease"]
    # the row delivered twice is repeated in each, nothing is quarantined
    ledger = done.row_ledger[["rows_repeated", "rows_quarantined"]].sum().tolist()
    assert ledger == [3, 0]


def test_a_survey_of_one_question_keeps_its_numbers(deliver):
    one = {
        "table": "feedback", "file": "s.csv", "columns": {"feedback_id": "id", "given_at": "day", "score": "NPS"},
        "constants": {"instrument": "nps", "scale_max": "10"},
    }  # fmt: skip
    done = deliver({"s.csv": "id,day,NPS\nr1,2025-11-01,9\n"}, [one])
    assert done.tables.sql("select feedback_id from feedback")["feedback_id"].tolist() == ["r1"]
