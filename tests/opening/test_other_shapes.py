"""Exports of ERP systems, of shops in four languages, and tables that are nothing of customers, in shapes of their own."""

from __future__ import annotations

import pytest
from tests.opening.conftest import mapped, source_of, workbook_of
from tests.opening.test_known_systems import day, table

from workbook.language import Edition


def why(proposal) -> str:
    return " | ".join(one.why.render(Edition("en")) for one in proposal.unplaced)


def german(i: int) -> str:
    return f"{1 + i}.{100 + i},50"


def compact(i: int) -> str:
    return day(i).replace("-", "")


def test_an_erp_s_technical_names_its_dates_and_decimal_commas_are_read(look):
    proposal = look(
        {
            "KNA1.csv": table(
                "MANDT;KUNNR;NAME1;ORT01;TELF1;ERDAT", lambda i: f"800;{i:010d};Firma {i};Ulm;0221/12345{i:02d};{compact(i)}"
            ),
            "VBAK.csv": table(
                "MANDT;VBELN;ERDAT;AUDAT;NETWR;KUNNR", lambda i: f"800;45{i:08d};{compact(i)};{compact(i)};{german(i)};{i:010d}"
            ),
            "VBAP.csv": table(
                "MANDT;VBELN;POSNR;MATNR;KWMENG;NETWR;NETPR",
                lambda i: f"800;45{i // 2:08d};{10 + i % 2 * 10:06d};M{i};2,000;{german(i)};3,50",
            ),
        }
    )
    assert mapped(proposal, "orders") == {"order_id": "VBELN", "customer_id": "KUNNR", "ordered_at": "AUDAT", "amount": "NETWR"}
    assert mapped(proposal, "customers")["phone"] == "TELF1"
    assert mapped(proposal, "order_lines")["line_id"] == "POSNR"
    assert not proposal.open_questions()


@pytest.mark.parametrize(
    ("header", "state", "sold"),
    [
        ("N° commande;N° client;Date de commande;Montant TTC;Statut", "Annulée", "Livrée"),
        ("Nº pedido;Código cliente;Fecha pedido;Importe;Estado", "Cancelado", "Entregado"),
        ("numero_pedido;codigo_cliente;data_pedido;valor_total;situacao", "cancelado", "entregue"),
        ("Bestellnummer;Kundennummer;Bestelldatum;Gesamtbetrag;Bestellstatus", "storniert", "geliefert"),
    ],
)
def test_shops_of_four_languages_are_read_and_what_was_cancelled_is_no_sale(look, header, state, sold):
    text = table(
        header, lambda i: f"{5000 + i};K{i % 20:03};{1 + i % 28:02d}/{1 + i % 12:02d}/2025;{german(i)} €;{(sold, state)[i % 2]}"
    )
    proposal = look({"export.csv": text.encode("cp1252")})
    columns = header.split(";")
    assert mapped(proposal, "orders") == dict(
        zip(("order_id", "customer_id", "ordered_at", "amount", "status"), columns, strict=True)
    )
    assert source_of(proposal, "orders").source.only == {"status": [sold]}


@pytest.mark.parametrize(
    ("name", "header", "row", "words"),
    [
        ("sales_forecast.csv", "Customer ID,Product,Month,Forecast Amount", lambda i: f"C{i},P,{day(i)},{i}", "planned"),
        ("2026销售预测.csv", "客户编号,月份,预测金额", lambda i: f"C{i},{day(i)},{i}", "planned"),
        ("people.csv", "Employee ID,Name,Email,Hire Date,Salary", lambda i: f"E{i},Ann,a{i}@x.org,{day(i)},{i}", "own staff"),
        ("花名册.csv", "工号,姓名,手机号,入职日期", lambda i: f"G{i},王芳,138{i:08d},{day(i)}", "own staff"),
        ("vendors.csv", "Supplier ID,Name,Email,Created Date", lambda i: f"S{i},Firm,s{i}@x.org,{day(i)}", "of suppliers"),
        ("po.csv", "PO Number,Supplier ID,PO Date,Amount", lambda i: f"P{i},S{i % 9},{day(i)},{i}", "of suppliers"),
        ("retouren.csv", "Retourennummer;Kundennummer;Retourendatum;Menge", lambda i: f"R{i};K{i};{day(i)};1", "lists returns"),
        ("ads.csv", "Start Date,Campaign Name,Campaign ID,Impressions,Clicks", lambda i: f"{day(i)},S,{i},9,1", "advertising"),
    ],
)  # fmt: skip
def test_what_tells_of_something_else_than_customers_is_refused_with_the_columns_that_say_so(look, name, header, row, words):
    proposal = look({name: table(header, row)})
    assert not proposal.sources
    assert words in why(proposal)


def test_customers_that_name_their_supplier_stay_customers(look):
    text = table("Customer ID,Customer Name,Supplier Name,Supplier ID,Created Date", lambda i: f"C{i},Firm {i},S,S1,{day(i)}")
    assert mapped(look({"customers.csv": text}), "customers")["customer_id"] == "Customer ID"


def test_an_id_under_a_heading_of_its_own_is_asked_and_not_decided_by_a_total_at_the_end(look):
    rows = [["Sales report"], ["Customer", "", "Order", "", ""], ["ID", "Name", "No.", "Date", "Net amount"]]
    rows += [[f"C{i % 20:03}", f"Firm {i % 20}", f"A{i:04}", day(i), f"{i}.50"] for i in range(60)]
    proposal = look({"sales report.xlsx": workbook_of({"Data": [*rows, ["Total", "", "", "", 999]]})})
    assert source_of(proposal, "orders").questions["order_id"].candidates == ("ID", "No.")


def test_codes_with_a_point_are_ids(look):
    text = table("客户代码,单据编号,单据日期,本位币金额", lambda i: f"01.{i % 20:03},F{i:04},{day(i)},{i}.5")
    assert mapped(look({"应收.csv": text}), "orders")["customer_id"] == "客户代码"


def test_a_customer_and_a_day_alone_are_no_orders(look):
    proposal = look({"出库.csv": table("客户编号,出库日期,仓库", lambda i: f"C{i % 20},{day(i)},A")})
    assert not proposal.sources


def test_a_hotline_that_knows_callers_by_their_number_is_looked_up(look):
    proposal = look(
        {
            "customers.csv": table("Customer ID,Customer Name,Mobile", lambda i: f"C{i},Ann {i},138{i:08d}"),
            "工单.csv": table(
                "工单号,来电号码,创建时间,问题描述", lambda i: f"T{i},+86 138{(i * 7) % 60:08d},{day(i)},送货晚了"
            ),
        }
    )
    tickets = source_of(proposal, "tickets")
    assert (tickets.source.columns["customer_id"], tickets.source.customers_by) == ("来电号码", "phone")


def test_amounts_that_may_be_thousands_or_three_decimals_are_asked(look):
    proposal = look(
        {
            "orders.csv": table(
                "Order ID;Customer ID;Order Date;Amount", lambda i: f"{i};C{i % 9};{day(i)};{1 + i % 9}.{100 + i}"
            )
        }
    )
    orders = source_of(proposal, "orders")
    assert "amount" not in orders.source.columns and orders.source.todo["amount"] == ["Amount"]
    prices = look(
        {
            "orders.csv": table(
                "Order ID;Customer ID;Order Date;Amount", lambda i: f"{i};C{i % 9};{day(i)};{i % 30}.{i % 90 + 10}"
            )
        }
    )
    assert mapped(prices, "orders")["amount"] == "Amount"


def test_names_of_products_that_order_lines_repeat_are_names_all_the_same(look):
    rows = [f"o{i},c{i % 50},2025-11-{1 + i % 28:02},p{i % 100},Article {i % 100},{1 + i % 3},9.5" for i in range(6000)]
    text = "\n".join(["InvoiceNo,CustomerID,InvoiceDate,StockCode,Description,Quantity,UnitPrice", *rows])
    assert mapped(look({"sales.csv": text}), "products") == {"product_id": "StockCode", "name": "Description"}
