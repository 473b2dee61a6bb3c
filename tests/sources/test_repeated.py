"""What was delivered twice is recognised and counted once: batches, whole files, overlapping exports."""

from __future__ import annotations

import pytest

from workbook.language import Edition
from workbook.report.blocks import Paragraph
from workbook.sources import account

EN, ZH = Edition("en"), Edition("zh")


def lines(first: int, last: int, month: str = "10") -> str:
    return "".join(f"{i},P{i % 7},{i * 1.5:.2f}\n" for i in range(first, last))


def overlaps(done):
    return [(r.file, r.other, r.table, r.rows, r.kind) for r in done.overlaps.itertuples()]


def test_a_stretch_twice_in_one_file_is_one_batch(deliver, source):
    header = "no,sku,sum\n"
    body = lines(0, 60)
    done = deliver(
        {"l.csv": header + body + lines(10, 50)}, [source("order_lines", "l.csv", "order_id=no product_id=sku amount=sum")]
    )
    assert overlaps(done) == [("l.csv", "l.csv", "order_lines", 40, "batch")]
    assert done.row_ledger[["rows_in", "rows_kept", "rows_repeated"]].to_numpy().tolist() == [[100, 60, 40]]
    assert "identical_rows" not in set(done.alerts["alert"])


def test_a_few_equal_rows_are_no_batch(deliver, source):
    done = deliver(
        {"l.csv": "no,sku,sum\n" + lines(0, 60) + lines(10, 25)},
        [source("order_lines", "l.csv", "order_id=no product_id=sku amount=sum")],
    )
    assert overlaps(done) == []
    assert done.row_ledger["rows_kept"].tolist() == [75]
    assert done.alerts.set_index("alert").loc["identical_rows", "rows"] == 15


def test_many_equal_rows_of_one_kind_are_no_batch(deliver, source):
    """Sixty times the same article at the same till is sixty sales."""
    done = deliver(
        {"l.csv": "no,sku,sum\n" + "1,x,2\n" * 60}, [source("order_lines", "l.csv", "order_id=no product_id=sku amount=sum")]
    )
    assert done.row_ledger["rows_kept"].tolist() == [60] and overlaps(done) == []


@pytest.mark.parametrize(("second", "kind", "rows"), [((0, 60), "whole", 60), ((40, 100), "part", 20)])
@pytest.mark.parametrize(
    "columns", ["order_id=no product_id=sku amount=sum", "order_id=no line_id=no product_id=sku amount=sum"]
)
def test_files_that_repeat_each_other_are_recognised_with_and_without_keys(deliver, source, second, kind, rows, columns):
    pairs = dict(pair.split("=") for pair in columns.split())
    pairs.pop("line_id", None)
    described = source("order_lines", "l_*.csv", " ".join(f"{a}={b}" for a, b in pairs.items()))
    if "line_id" in columns:
        described["columns"]["line_id"] = "sku"
        described["columns"].pop("product_id")
    files = {"l_1.csv": "no,sku,sum\n" + lines(0, 60), "l_2.csv": "no,sku,sum\n" + lines(*second)}
    done = deliver(files, [described])
    assert [(r[3], r[4]) for r in overlaps(done)] == [(rows, kind)]
    assert done.tables.rows("order_lines") == max(60, second[1])
    assert {r[0] for r in overlaps(done)} | {r[1] for r in overlaps(done)} == {"l_1.csv", "l_2.csv"}


def test_the_report_names_what_was_delivered_twice(deliver, source):
    files = {"l_1.csv": "no,sku,sum\n" + lines(0, 60), "l_2.csv": "no,sku,sum\n" + lines(0, 60)}
    done = deliver(files, [source("order_lines", "l_*.csv", "order_id=no product_id=sku amount=sum")])
    table = account.overlaps(done)
    assert table.title.render(EN) == "A batch was delivered twice: 60 rows of l_2.csv"
    assert table.title.render(ZH) == "有一批数据提供了两次：l_2.csv 的 60 行"
    assert table.bundle((EN, ZH))
    once = deliver(
        {"l_2.csv": "no,sku,sum\n" + lines(60, 80)}, [source("order_lines", "l_*.csv", "order_id=no product_id=sku amount=sum")]
    )
    assert isinstance(account.overlaps(once), Paragraph)


def test_forms_and_refunds_are_told_with_examples(deliver, source):
    text = 'no,who,day,sum\n1, A ,2025/10/1,"￥1,200.00"\n2,B,2025-10-02,N/A\n3,A,2025-10-03,-1200\n'
    done = deliver({"o.csv": text}, [source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day amount=sum")])
    found = {(r.column, r.repair): (r.rows, r.example) for r in done.repairs.itertuples()}
    assert found["customer_id", "spaces_and_widths"] == (1, " A ")
    assert found["amount", "word_for_missing"] == (1, "N/A")
    assert found["amount", "amount_form"] == (1, "￥1,200.00")
    assert found["ordered_at", "date_form"] == (1, "2025/10/1")
    assert account.forms(done).bundle((EN, ZH))
    assert account.refunds(done).title.render(EN) == "1 of 1 refunds have their purchase in the delivery"
    assert account.refunds(done).bundle((EN, ZH))


def test_alert_rows_point_into_the_clients_files(deliver, source):
    text = "no,who,day,sum\n1,A,2025-10-01,5\n2,Z,2025-10-02,6\n,B,2025-10-02,6\n3,,2025-10-03,-7\n"
    done = deliver(
        {"o.csv": text, "c.csv": "id\nA\nB\n"},
        [
            source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day amount=sum"),
            source("customers", "c.csv", "customer_id=id"),
        ],
    )
    found = done.problem_rows.loc[done.problem_rows["kind"] == "alert"]
    rows = found.set_index("problem")
    assert rows.loc["order_of_unknown_customer", ["file", "row", "value"]].tolist() == ["o.csv", 3, "Z"]
    assert rows.loc["refund_order", ["file", "row"]].tolist() == ["o.csv", 5]
    assert rows.loc["customer_without_order", ["file", "row"]].tolist() == ["c.csv", 3]
    for alert in done.alerts.itertuples():
        assert (found["problem"] == alert.alert).sum() == alert.rows
