"""Exports in the shape of known systems (rows made up here): a shop, a CRM, a payment service, an event log."""

from __future__ import annotations

import pytest
from tests.opening.conftest import mapped, said, source_of

from workbook.language import Edition

CUSTOMERS = [f"{7 * i + 10_000:06x}f{i:02d}" for i in range(60)]


def day(i: int) -> str:
    return f"2025-{1 + i % 12:02d}-{1 + i % 28:02d}"


def table(header: str, row, rows: int = 60) -> str:
    return header + "\n" + "".join(row(i) + "\n" for i in range(rows))


def test_a_market_place_whose_columns_carry_the_name_of_their_table(look):
    proposal = look(
        {
            "customers_dataset.csv": table(
                "customer_id,customer_zip_code_prefix,customer_city", lambda i: f"{CUSTOMERS[i]},0{i},Recife"
            ),
            "orders_dataset.csv": table(
                "order_id,customer_id,order_status,order_purchase_timestamp",
                lambda i: f"o{i:05d},{CUSTOMERS[i]},delivered,{day(i)} 10:00:00",
            ),
            "order_payments_dataset.csv": table("order_id,payment_type,payment_value", lambda i: f"o{i:05d},card,{i}.50"),
            "order_reviews_dataset.csv": table(
                "review_id,order_id,review_score,review_comment_message,review_creation_date",
                lambda i: f"r{i:05d},o{i:05d},{1 + i % 5},bom {i},{day(i)} 00:00:00",
            ),
            "order_items_dataset.csv": table(
                "order_id,order_item_id,product_id,shipping_limit_date,price,freight_value",
                lambda i: f"o{i:05d},1,p{i:05d},{day(i)},{i}.50,3.10",
            ),
            "products_dataset.csv": table("product_id,product_category_name", lambda i: f"p{i:05d},artes"),
        }
    )
    assert {p.source.table: p.source.file for p in proposal.sources} == {
        "customers": "customers_dataset.csv", "orders": "orders_dataset.csv", "feedback": "order_reviews_dataset.csv",
        "order_lines": "order_items_dataset.csv", "products": "products_dataset.csv",
    }  # fmt: skip
    assert mapped(proposal, "customers")["region"] == "customer_city"
    assert mapped(proposal, "products")["category"] == "product_category_name"
    lines = source_of(proposal, "order_lines")
    assert lines.source.columns["amount"] == "price" and "one unit" in said(lines)
    feedback = mapped(proposal, "feedback")
    assert (feedback["score"], feedback["given_at"], feedback["text"]) == (
        "review_score", "review_creation_date", "review_comment_message"
    )  # fmt: skip
    (left,) = proposal.unplaced
    assert "no column holds ordered_at; orders_dataset.csv holds it" in left.why.render(Edition("en"))


@pytest.mark.parametrize(("won", "lost"), [("Closed Won (Sales Pipeline)", "Closed Lost (Sales Pipeline)"), ("赢单", "输单")])
def test_deals_won_are_orders_where_no_orders_came(look, won, lost):
    deals = table(
        "Record ID,Deal Stage,Close Date,Amount,Associated Contact IDs,Create Date",
        lambda i: f"{9000 + i},{lost if i % 3 else won},{day(i)} 09:00,{100 + i},{CUSTOMERS[i]},{day(i)} 08:00",
    )
    contacts = table("Contact ID,Full Name,Email", lambda i: f"{CUSTOMERS[i]},Ann {i},a{i}@example.com")
    proposal = look({"all-deals.csv": deals, "all-contacts.csv": contacts})
    orders = source_of(proposal, "orders")
    assert dict(orders.source.columns) == {
        "order_id": "Record ID", "customer_id": "Associated Contact IDs", "ordered_at": "Close Date", "amount": "Amount",
        "status": "Deal Stage",
    }  # fmt: skip
    assert orders.source.only == {"status": [won]} and "deals won" in said(orders)
    assert source_of(proposal, "leads").source.columns["stage"] == "Deal Stage"


def test_deals_are_no_orders_beside_orders(look):
    deals = table("Deal ID,Deal Stage,Close Date,Amount,Create Date", lambda i: f"{i},Won,{day(i)},{i},{day(i)}")
    orders = table("Order ID,Customer ID,Order Date,Total Amount", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5")
    assert source_of(look({"deals.csv": deals, "orders.csv": orders}), "orders").source.file == "orders.csv"


def test_a_name_by_which_other_files_call_customers_is_their_id(look):
    files = {
        "accounts.csv": table("account,sector,employees", lambda i: f"Firm No {i} Ltd,energy,{i + 5}"),
        "sales_pipeline.csv": table(
            "opportunity_id,account,deal_stage,engage_date,close_date,close_value",
            lambda i: f"K{i:07d},Firm No {i % 50} Ltd,{'Won' if i % 2 else 'Lost'},{day(i)},{day(i)},{i * 10}", 200,
        ),
    }  # fmt: skip
    proposal = look(files)
    assert {t: mapped(proposal, t)["customer_id"] for t in ("customers", "orders", "leads")} == {
        "customers": "account", "orders": "account", "leads": "account",
    }  # fmt: skip


def test_a_list_of_customers_that_nobody_names_stays_without_an_id(look):
    files = {
        "accounts.csv": table("account,sector,employees", lambda i: f"Firm No {i} Ltd,energy,{i + 5}"),
        "orders.csv": table("Order ID,Customer ID,Order Date,Total Amount", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5"),
    }
    assert "customers" not in {p.source.table for p in look(files).sources}


def test_an_id_that_every_row_has_is_taken_before_one_that_some_lack(look):
    def row(i: int) -> str:
        first = f"paid,{day(i // 3)} 10:00:00,{i + 60}.00,5{i:09d}" if i % 3 == 0 else ",,,"
        return f"#{1000 + i // 3},a{i // 3}@example.com,{first},1,Tee,{20 + i % 3}.00,SKU{i % 3}"

    header = "Name,Email,Financial Status,Created at,Total,Id,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku"
    proposal = look({"orders_export.csv": table(header, row, 90)})
    orders = source_of(proposal, "orders").source
    assert (orders.columns["order_id"], orders.group, orders.columns["amount"]) == ("Name", "last", "Total")
    assert mapped(proposal, "order_lines")["order_id"] == "Name"


@pytest.mark.parametrize("unit", [1, 1000])
def test_moments_since_1970_are_known(look, unit):
    log = table("order id,user id,timestamp,total", lambda i: f"{i},{CUSTOMERS[i]},{(1_735_700_000 + 86_400 * i) * unit},9.5")
    assert source_of(look({"orders.csv": log}), "orders").source.dates == {"ordered_at": "unix"}


def test_a_file_without_a_header_is_told(look):
    proposal = look({"log.csv": "".join(f"{i % 9},{i},{i % 5},pv,{1_511_544_070 + i}\n" for i in range(60))})
    (left,) = proposal.unplaced
    assert "its first row holds values" in left.why.render(Edition("en"))


def test_who_left_is_known_by_one_and_nothing(look):
    proposal = look(
        {"churn.csv": table("CustomerId,Geography,Balance,Exited", lambda i: f"{15_600_000 + i},France,{i}.5,{i % 2}")}
    )
    customers = source_of(proposal, "customers").source
    assert customers.columns["region"] == "Geography"
    assert customers.values["status"] == {"0": "active", "1": "lost"}


@pytest.mark.parametrize("by", ["name", "email"])
def test_files_that_call_customers_by_name_or_address_are_looked_up(look, by):
    customers = table("Customer No,Account Name,Email", lambda i: f"{CUSTOMERS[i]},Firm {i} 有限公司,Firm{i}@example.com")
    calls = {"name": lambda i: f"firm {i} 有限公司", "email": lambda i: f"firm{i}@example.com"}[by]
    head = {"name": "Customer", "email": "Requester email"}[by]
    files = {
        "accounts.csv": customers,
        "orders.csv": table(f"Order ID,{head},Order Date,Total Amount", lambda i: f"{i},{calls(i)},{day(i)},{i}.5"),
        "calls.csv": table(f"{head},Call Date,Call Type", lambda i: f"{calls(i % 50)},{day(i)},visit", 100),
    }
    proposal = look(files)
    for name in ("orders", "interactions"):
        source = source_of(proposal, name).source
        assert (source.customers_by, source.columns["customer_id"]) == (by, head)


def test_names_that_several_customers_share_are_not_looked_up(look):
    customers = table("Customer No,Name", lambda i: f"{CUSTOMERS[i]},Ann {i % 20}")
    orders = table("Order ID,Customer,Order Date,Total Amount", lambda i: f"{i},Ann {i % 20},{day(i)},{i}.5")
    source = source_of(look({"customers.csv": customers, "orders.csv": orders}), "orders").source
    assert source.customers_by == "id" and "customer_id" not in source.columns


@pytest.mark.parametrize("seen", [["view", "cart", "purchase"], ["pv", "fav", "buy"], ["浏览", "加购", "收藏"]])
def test_a_log_of_visits_is_no_list_of_orders(look, seen):
    log = table(
        "order_id,user_id,event_time,event_type,price", lambda i: f"{i},{CUSTOMERS[i]},{day(i)} 10:00:00,{seen[i % 3]},9.5"
    )
    (left,) = look({"orders.csv": log}).unplaced
    assert "it logs what visitors do" in left.why.render(Edition("en"))


def test_the_only_column_of_days_is_the_day_of_the_order(look):
    one = table("order no,client id,stamp,total", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5")
    guess = source_of(look({"sales.csv": one}), "orders").guesses["ordered_at"]
    assert guess.own == ("stamp",) and guess.confidence < 0.75


def test_of_two_columns_of_days_none_is_taken(look):
    two = table("order no,client id,stamp,seal,total", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{day(i)},{i}.5")
    assert "ordered_at" not in {c for p in look({"sales.csv": two}).sources for c in p.guesses}


def test_a_column_of_days_that_means_something_else_is_not_taken(look):
    born = table("order no,client id,birthday,total", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5")
    assert "ordered_at" not in {c for p in look({"sales.csv": born}).sources for c in p.guesses}


def test_small_whole_numbers_are_not_taken_for_amounts(look):
    orders = table("order no,client id,order date,amount", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{1 + i % 6}")
    source = source_of(look({"sales.csv": orders}), "orders").source
    assert "amount" not in source.columns and source.todo["amount"] == ["amount"]


def test_long_ids_are_ids_and_an_open_one_stops_nothing(look):
    long = [f"{i:064x}" for i in range(60)]
    proposal = look({
        "customers.csv": table("customer_id,age", lambda i: f"{long[i]},{i}"),
        "orders.csv": table("order id,customer_id,order date,total", lambda i: f"{i},{long[i]},{day(i)},{i}.5"),
    })  # fmt: skip
    assert mapped(proposal, "orders")["customer_id"] == "customer_id"


def test_many_rows_of_a_thing_are_no_list_of_it(look):
    rows = table("product_id,brand,category,price", lambda i: f"p{i % 9},acme,shoes,{i}.5", 90)
    assert "products" not in {p.source.table for p in look({"log.csv": rows}).sources}


def test_the_arm_without_a_measure_is_an_arm(look):
    arms = table(
        "pilot,customer id,arm,assigned_at", lambda i: f"care,{CUSTOMERS[i]},{['none', 'men', 'women'][i % 3]},{day(i)}"
    )
    assert "none" not in source_of(look({"assignments.csv": arms}), "assignments").source.missing


def test_a_list_of_buyers_that_has_telephones_too_is_known_by_its_ids(look):
    proposal = look(
        {
            "Customers.csv": table(
                "CustomerID,CompanyName,City,Region,Phone", lambda i: f"{CUSTOMERS[i]},Firm {i},Lyon,,030-00{i:05d}"
            ),
            "Orders.csv": table("OrderID,CustomerID,OrderDate,Amount", lambda i: f"{10248 + i},{CUSTOMERS[i]},{day(i)},{i}.50"),
            "Calls.csv": table("Call Id,Phone,Call Date", lambda i: f"c{i:05d},030-00{i:05d},{day(i)} 10:00"),
        }
    )
    assert proposal.partial_customers is None
    assert mapped(proposal, "customers")["region"] == "City", "a filled column comes before an empty one of the surer name"


def test_a_state_of_the_country_is_no_state_of_an_order(look):
    states = ["Ohio", "Utah"]
    rows = table(
        "Order ID,Customer ID,Order Date,State,Sales", lambda i: f"o{i:05d},{CUSTOMERS[i]},{day(i)},{states[i % 2]},{i}.50"
    )
    proposal = look({"orders.csv": rows})
    assert "status" not in mapped(proposal, "orders") and "State" in source_of(proposal, "orders").left


def test_transactions_of_a_customer_and_day_with_short_names_are_orders(look):
    proposal = look(
        {"trans.csv": table("customer_id,trans_date,tran_amount", lambda i: f"{CUSTOMERS[i % 20]},{day(i)},{i + 10}")}
    )
    assert mapped(proposal, "orders") == {"customer_id": "customer_id", "ordered_at": "trans_date", "amount": "tran_amount"}


def test_a_call_centre_s_log_becomes_tickets_answered_after_so_many_seconds_and_scores(look):
    proposal = look(
        {
            "Call-Center.csv": table(
                "Call Id,Agent,Date,Time,Topic,Answered (Y/N),Speed of answer in seconds,Satisfaction rating",
                lambda i: (
                    f"ID{i:04d},Agent {i % 7},{1 + i % 12}/{13 + i % 9}/2021,{9 + i % 8:02d}:{i % 60:02d}:00,Payment,"
                    + ("N,," if i % 5 == 0 else f"Y,{i + 9},{1 + i % 5}")
                ),
            )
        }
    )
    tickets, feedback = source_of(proposal, "tickets").source, source_of(proposal, "feedback").source
    assert tickets.columns["opened_at"] == feedback.columns["given_at"] == ["Date", "Time"]
    assert tickets.columns["first_response_at"] == "Speed of answer in seconds"
    assert tickets.dates == {"first_response_at": "seconds"}
    assert (feedback.columns["score"], feedback.columns["ticket_id"]) == ("Satisfaction rating", "Call Id")
    assert feedback.constants == {"instrument": "csat", "scale_max": "5"}


@pytest.mark.parametrize(
    ("heading", "unit"),
    [
        ("First reply time in minutes", "minutes"),
        ("首次响应时长（小时）", "hours"),
        ("First Response Time (Hrs)", "hours"),
        ("First response", None),
    ],
)
def test_how_long_an_answer_took_is_told_by_its_unit_and_without_one_asked(look, heading, unit):
    proposal = look({"tickets.csv": table(f"Ticket ID,Requester ID,Created at,{heading},Topic",
                                          lambda i: f"t{i:05d},{CUSTOMERS[i]},{day(i)} 10:00:00,{i * 37},Price")})  # fmt: skip
    tickets = source_of(proposal, "tickets")
    assert (tickets.source.dates or {}).get("first_response_at") == unit
    assert ("first_response_at" in tickets.source.columns) is (unit is not None)
    assert ("first_response_at" in tickets.questions) is (unit is None)


def test_unanswered_calls_are_given_up_and_who_took_the_others_is_told(look):
    rows = table(
        "Call Id,Agent,Call Time,Topic,Answered (Y/N)",
        lambda i: f"ID{i:04d},Agent {i % 7},{day(i)} 09:00:00,Payment,{'N' if i % 5 == 0 else 'Y'}",
    )
    proposal = look({"calls.csv": rows})
    assert source_of(proposal, "tickets").source.values["status"] == {"N": "abandoned", "Y": "answered"}
    log = source_of(proposal, "ticket_events").source
    assert (log.columns["actor"], log.constants) == ("Agent", {"activity": "handled"})
