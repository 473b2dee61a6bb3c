"""Odd and hostile folders: the right mapping where it can be known, else a question; a refusal where none would do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.opening.conftest import mapped, said, source_of, workbook_of

from workbook.language import Edition

CUSTOMERS = [f"C{10000 + 7 * i}" for i in range(60)]


def day(i: int) -> str:
    return f"2025-{1 + i % 12:02d}-{1 + i % 28:02d}"


def table(header: str, row: Callable[[int], str], rows: int = 60) -> str:
    return header + "\n" + "".join(row(i) + "\n" for i in range(rows))


ORDERS = table("Order ID,Customer ID,Order Date,Total Amount", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5")


def test_files_of_several_encodings_and_delimiters_make_one_delivery(look):
    proposal = look(
        {
            "客户.csv": table("客户编号,客户名称,手机号", lambda i: f"{CUSTOMERS[i]},王小{i}明,138{i:08d}").encode("gbk"),
            "訂單.csv": table(
                "訂單編號,客戶編號,下單時間,訂單金額", lambda i: f"O{i},{CUSTOMERS[i]},{day(i)},{i}"
            ).encode("big5"),
            "reviews.csv": table(
                "review_id,customer_id,review_date,rating,review text",
                lambda i: f"R{i},{CUSTOMERS[i]},{day(i)},{1 + i % 5},Très bien {i}",
            ).encode("cp1252"),
            "sub/tickets.csv": "\ufeff"
            + table("ticket id;customer id;created at;subject", lambda i: f"T{i};{CUSTOMERS[i]};{day(i)};x"),
        }
    )  # fmt: skip
    assert [p.source.table for p in proposal.sources] == ["customers", "orders", "tickets", "feedback"]
    assert mapped(proposal, "orders") == {
        "order_id": "訂單編號", "customer_id": "客戶編號", "ordered_at": "下單時間", "amount": "訂單金額",
    }  # fmt: skip
    assert source_of(proposal, "feedback").source.constants == {"instrument": "review", "scale_max": "5"}
    assert source_of(proposal, "tickets").source.file == "sub/tickets.csv"
    assert (proposal.country, proposal.unplaced, proposal.unread) == ("CN", (), ())


def test_day_and_month_that_cannot_be_told_apart_are_asked(look):
    row = "{i},{c},{a:02d}/{b:02d}/2025,{b:02d}/{a:02d}/2025,5"
    text = table(
        "Order ID,Customer ID,Order Date,Paid Date,Total Amount",
        lambda i: row.format(i=i, c=CUSTOMERS[i], a=1 + i % 12, b=1 + i % 11),
    )
    source = source_of(look({"orders.csv": text}), "orders").source
    assert source.columns["ordered_at"] == "Order Date"
    assert source.todo == {"ordered_at": ["day first", "month first"], "paid_at": ["Paid Date"]}
    assert "paid_at" not in source.columns


def test_dates_that_mean_something_only_on_the_day_of_the_export_are_refused(look):
    text = table("Order ID,Customer ID,Order Date,Total Amount", lambda i: f"{i},{CUSTOMERS[i]},{i} days ago,5")
    question = source_of(look({"orders.csv": text}), "orders").questions["ordered_at"]
    assert question.candidates == ()
    assert "day of the export" in question.why.render(Edition("en"))


def test_day_numbers_of_a_spreadsheet_are_known(look):
    proposal = look(
        {"o.csv": table("order id,customer id,order date,total amount", lambda i: f"{i},{CUSTOMERS[i]},{45658 + 2 * i},5")}
    )
    assert source_of(proposal, "orders").source.dates == {"ordered_at": "excel"}
    assert proposal.period is not None and proposal.period.name == "2025Q1"


def test_titles_group_headings_and_notes_of_a_spreadsheet_are_passed_over(look):
    rows: list[list[object]] = [["2025 年订单汇总表"], [], ["基本信息", None, None, "金额", None]]
    rows += [["订单号", "客户编号", "下单日期", "订单金额（万元）", "备注"]]
    rows += [[f"D{i}", CUSTOMERS[i], f"2025年{1 + i % 12}月{1 + i % 28}日", 1.5 + i, ""] for i in range(40)]
    proposal = look({"报表.xlsx": workbook_of({"说明": [["本表为测试数据"]], "订单": rows, "空": []})})
    source = source_of(proposal, "orders").source
    assert (source.sheet, source.header_row, source.amounts_in) == ("订单", 4, "ten_thousand")
    assert source.columns["ordered_at"] == "下单日期"
    assert [one.file for one in proposal.unread] == ["报表.xlsx [说明]", "报表.xlsx [空]"]


def test_of_two_rows_of_names_the_second_one_counts(look):
    text = "cust,ord,dt,amt\n" + table("客户编号,订单号,下单日期,订单金额", lambda i: f"{CUSTOMERS[i]},E{i},{day(i)},{i}.5")
    source = source_of(look({"o.csv": text}), "orders").source
    assert source.header_row == 2
    assert source.columns == {"order_id": "订单号", "customer_id": "客户编号", "ordered_at": "下单日期", "amount": "订单金额"}


def test_a_column_name_that_stands_twice_is_asked_about(look):
    text = table("订单号,会员号,下单时间,金额,金额", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5,{i}")
    one = source_of(look({"o.csv": text}), "orders")
    assert "amount" not in one.source.columns
    assert one.source.todo == {"amount": ["金额"]}
    assert "rename" in one.questions["amount"].why.render(Edition("en"))


def test_orders_without_a_customer_are_kept_and_what_they_cannot_serve_is_left_to_ask(look):
    proposal = look({"o.csv": table("Order ID,Order Date,Total Amount", lambda i: f"{i},{day(i)},{i}.5")})
    assert "orders.customer_id" not in proposal.names
    proposal = look({"o.csv": table("Order ID,Order Date,Total,Email", lambda i: f"{i},{day(i)},{i}.5,a{i}@b.org")})
    assert source_of(proposal, "orders").source.todo == {"customer_id": ["Email"]}


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        (
            "Customer Name,Region,Phone,Industry\n" + "Ann,North,13812345678,Retail\nBob,South,13912345678,Food\n" * 9,
            "customer_id",
        ),
        ("pilot,metric,arm,mean,variance\np,,,1,2\n" * 1 + "p,m,a,1,2\n" * 9, None),
        ("Ticket Status,Priority,Date Opened,Case Reason\n" + "open,high,2025-01-02,late\n" * 9, "ticket_id"),
    ],
)
def test_a_table_without_the_ids_of_its_rows_is_refused_plainly(look, text, lacking):
    proposal = look({"list.csv": text})
    if lacking is None:
        assert [p.source.table for p in proposal.sources] == ["pilot_summaries"]
        return
    (one,) = proposal.unplaced
    assert lacking in one.why.render(Edition("en"))
    assert proposal.sources == ()


def test_amounts_of_the_whole_order_on_each_line_count_once(look):
    def row(i: int) -> str:
        return f"O{i // 2},{CUSTOMERS[i // 2]},{day(i // 2)},{(i // 2) * 20 + 30},SKU{i % 3},1,{10 + i % 3}"

    proposal = look({"o.csv": table("order no,customer id,order date,order total,sku,qty,unit price", row, 80)})
    orders, lines = source_of(proposal, "orders"), source_of(proposal, "order_lines")
    assert (orders.source.group, orders.source.columns["amount"]) == ("last", "order total")
    assert "amount" not in lines.source.columns
    assert lines.source.columns["price"] == "unit price"
    assert "counts once" in said(orders)


def test_amounts_of_lines_are_summed_over_an_order(look):
    def row(i: int) -> str:
        return f"O{i // 2},{CUSTOMERS[i // 2]},{day(i // 2)},{10 + i}.5,SKU{i % 3},{1 + i % 2}"

    proposal = look({"o.csv": table("basket id,customer id,order date,sales value,sku,qty", row, 80)})
    assert source_of(proposal, "orders").source.group is True
    assert mapped(proposal, "orders")["amount"] == mapped(proposal, "order_lines")["amount"] == "sales value"


def test_states_that_are_no_sale_are_left_out_and_told(look):
    states = ["交易成功", "交易关闭", "等待买家付款", "某种状态"]
    text = table(
        "订单编号,买家会员名,订单创建时间,买家实际支付金额,订单状态", lambda i: f"{i},nick{i},{day(i)},5,{states[i % 4]}"
    )
    one = source_of(look({"o.csv": text}), "orders")
    assert one.source.only == {"status": ["交易成功", "某种状态"]}
    assert "某种状态" in said(one) and "交易关闭" in said(one)


def test_an_unknown_column_is_the_customer_where_its_values_are_the_customers(look):
    proposal = look(
        {
            "customers.csv": table("customer id,name,city", lambda i: f"{CUSTOMERS[i]},Ann {i},Rome"),
            "orders.csv": table("order no,ref,order date,total amount", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}"),
            "cases.csv": table("ticket id,buyer,requester,created at", lambda i: f"{i},{i % 9},{CUSTOMERS[i]},{day(i)}"),
        }
    )
    assert mapped(proposal, "orders")["customer_id"] == "ref"
    assert mapped(proposal, "tickets")["customer_id"] == "requester"


def test_row_numbers_are_no_customers_although_they_meet_their_ids(look):
    proposal = look(
        {
            "customers.csv": table("customer id,name,city", lambda i: f"{i},Ann {i},Rome"),
            "orders.csv": table("order no,position,order date,total amount", lambda i: f"X{i},{i},{day(i)},{i}"),
        }
    )
    assert "customer_id" not in mapped(proposal, "orders")


def test_damaged_ids_and_telephone_numbers_are_reported(look):
    phones = ["138****1234", "1.38E+10", "13812345678"]
    text = table("会员号,姓名,手机号", lambda i: f"{i}.0,李{i},{phones[i % 3]}")
    words = said(source_of(look({"m.csv": text}), "customers"))
    assert "60 end in .0" in words
    assert "20 are masked" in words
    assert "20 were rounded" in words


@pytest.mark.parametrize(
    ("unit", "found"), [("万元", "ten_thousand"), ("元", "yuan"), ("分", "cent"), ("千元", "thousand"), ("百万元", None)]
)
def test_the_unit_in_a_name_is_declared_or_asked(look, unit, found):
    text = table(f"合同编号,客户编号,开始日期,合同金额（{unit}）", lambda i: f"H{i},{CUSTOMERS[i]},{day(i)},{i}")
    source = source_of(look({"c.csv": text}), "contracts").source
    if found is None:
        assert source.todo == {"value": [f"合同金额（{unit}）"]}
    else:
        assert (source.amounts_in, source.todo) == (found, {})


def test_monthly_files_of_one_form_are_one_source(look):
    files = {f"orders_2025-{m:02d}.csv": ORDERS for m in (1, 2, 3)}
    proposal = look({**files, "orders_notes.csv": "a,b\nx,y\n"})
    assert source_of(proposal, "orders").source.file == "orders_2025-*.csv"
    assert source_of(proposal, "orders").rows == 180


def test_words_for_nothing_are_proposed_and_scores_outside_their_scale_are_no_answers(look):
    text = table(
        "response id,submitted at,nps,comment", lambda i: f"R{i},{day(i)},{(10, 9, 99, 0)[i % 4]},{('?', 'good')[i % 2]}"
    )
    source = source_of(look({"survey.csv": text}), "feedback").source
    assert source.values == {"score": {"99": ""}}
    assert source.constants == {"instrument": "nps", "scale_max": "10"}
    assert "?" in source.missing


def test_amounts_in_several_currencies_are_told(look):
    text = table(
        "order id,customer id,order date,total amount,currency",
        lambda i: f"{i},{CUSTOMERS[i]},{day(i)},5,{('EUR', 'USD')[i % 2]}",
    )
    proposal = look({"o.csv": text})
    assert "EUR, USD" in said(source_of(proposal, "orders"))
    assert proposal.currency is None
    assert look({"o.csv": text.replace("USD", "EUR")}).currency == "EUR"


def test_a_sure_name_over_values_that_do_not_suit_it_is_asked_about(look):
    text = table("Order No;Customer No;Order Date;Total Amount", lambda i: f"{i};{CUSTOMERS[i]};{day(i)};{i} pieces")
    one = source_of(look({"export.csv": "sep=;\n" + text}), "orders")
    assert one.source.header_row == 2
    assert one.source.todo == {"amount": ["Total Amount"]}
    assert "do not suit" in one.questions["amount"].why.render(Edition("en"))


def test_what_is_no_table_is_listed_with_its_reason(look):
    proposal = look(
        {
            "empty.csv": "", "header.csv": "order id,order date\n", "picture.png": b"\x89PNG", "broken.xlsx": b"no Excel",
            "odd.csv": "x1,x2\n1,2\n3,4\n", ".hidden": "x", "~$lock.xlsx": "x", "Thumbs.db": b"x", "orders.csv": ORDERS,
            "cyrillic.csv": "Клиент,Город\nИванов,Москва\n".encode("cp1251"), "zip.csv": b"PK\x03\x04rest",
        }
    )  # fmt: skip
    assert {one.file for one in proposal.unread} == {
        "empty.csv", "header.csv", "picture.png", "broken.xlsx", "cyrillic.csv", "zip.csv",
    }  # fmt: skip
    assert [one.extract.file for one in proposal.unplaced] == ["odd.csv"]
    assert [one.source.table for one in proposal.sources] == ["orders"]
