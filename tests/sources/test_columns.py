"""Mapping a file's own columns: parts of one text, day numbers of a spreadsheet, date orders, logs."""

from __future__ import annotations

import duckdb
import pytest

from workbook.errors import DeliveryError
from workbook.sources.parsing import epoch_time_sql


def rows(prepared, table, columns):
    found = prepared.tables.connection.execute(f"select {columns} from {table} order by 1").fetchall()
    return [[None if cell is None else str(cell) for cell in row] for row in found]


def test_names_in_parts_become_one(deliver, source):
    one = {**source("customers", "c.csv", ""), "columns": {"customer_id": "id", "name": ["first", "last"]}}
    made = deliver({"c.csv": "id,first,last\n1,Ann,Lee\n2,王,小明\n3,,Smith\n"}, [one])
    assert rows(made, "customers", "customer_id, name") == [["1", "Ann Lee"], ["2", "王小明"], ["3", "Smith"]]


def test_day_numbers_of_a_spreadsheet_are_dates_where_the_settings_say_so(deliver, source):
    one = source("orders", "o.csv", "order_id=id ordered_at=day", dates={"ordered_at": "excel"})
    made = deliver({"o.csv": "id,day\n1,45931\n2,45931.5\n3,2025-10-03\n"}, [one])
    found = [["1", "2025-10-01 00:00:00"], ["2", "2025-10-01 12:00:00"], ["3", "2025-10-03 00:00:00"]]
    assert rows(made, "orders", "order_id, ordered_at") == found


@pytest.mark.parametrize(
    ("unit", "waits"),
    [
        ("seconds", {"95": "09:01:35", "1:35": "09:01:35", "0:01:35": "09:01:35", "": None, "-5": None, "0": "09:00:00"}),
        ("hours", {"1.5": "10:30:00", "1:35": "10:35:00", "26:00:00": "11:00:00"}),
        ("days", {"0.5": "21:00:00"}),
    ],
)
def test_how_long_an_answer_took_makes_its_moment(deliver, source, unit, waits):
    content = "id,day,clock,wait\n" + "".join(f"{i},01/10/2025,09:00:00,{wait}\n" for i, wait in enumerate(waits, 1))
    one = source("tickets", "t.csv", "ticket_id=id", dates={"opened_at": "day first", "first_response_at": unit})
    one["columns"] |= {"opened_at": ["day", "clock"], "first_response_at": "wait"}
    made = deliver({"t.csv": content}, [one])
    found = rows(made, "tickets", "ticket_id::int, cast(first_response_at as time)")
    assert [moment for _, moment in found] == list(waits.values())


def test_waits_with_decimal_commas_are_read_and_what_follows_no_opening_is_refused(deliver, source):
    one = source("tickets", "t.csv", "ticket_id=id opened_at=day resolved_at=wait", dates={"resolved_at": "hours"})
    made = deliver({"t.csv": "id;day;wait\n1;2025-10-01 09:00;1,5\n2;2025-10-01 09:00;0,25\n"}, [one])
    assert rows(made, "tickets", "cast(resolved_at as time)") == [["09:15:00"], ["10:30:00"]]
    wrong = source("orders", "o.csv", "order_id=id ordered_at=day", dates={"ordered_at": "hours"})
    with pytest.raises(DeliveryError, match=r"found 'hours' under sources\.dates for orders"):
        deliver({"o.csv": "id,day\n1,5\n"}, [wrong])


@pytest.mark.parametrize(("order", "month"), [("day first", "11"), ("month first", "10")])
def test_the_order_of_day_and_month_may_be_given(deliver, source, order, month):
    one = source("orders", "o.csv", "order_id=id ordered_at=day", dates=order)
    made = deliver({"o.csv": "id,day\n1,10/11/2025 08:30\n"}, [one])
    assert rows(made, "orders", "month(ordered_at)::varchar") == [[month]]


def test_an_ambiguous_date_names_the_words_to_write(deliver, source):
    with pytest.raises(DeliveryError, match="'day first' or 'month first'"):
        deliver({"o.csv": "id,day\n1,10/11/2025\n"}, [source("orders", "o.csv", "order_id=id ordered_at=day")])


def test_the_last_row_of_a_log_tells_how_a_ticket_stands(deliver, source):
    log = "id,opened,state,reopened,solved\n1,2025-10-01,new,0,\n1,2025-10-01,open,1,\n2,2025-10-02,new,0,\n"
    log += "1,2025-10-01,closed,1,2025-10-05\n"
    one = source("tickets", "t.csv", "ticket_id=id opened_at=opened status=state reopened resolved_at=solved", group="last")
    made = deliver({"t.csv": log}, [one])
    assert rows(made, "tickets", "ticket_id, status, reopened, resolved_at::date") == [
        ["1", "closed", "1", "2025-10-05"],
        ["2", "new", "0", None],
    ]
    (line,) = made.row_ledger.to_dict("records")
    assert (line["rows_in"], line["rows_kept"]) == (4, 4)


def test_a_value_translated_to_nothing_is_missing(deliver, source):
    one = source("feedback", "f.csv", "feedback_id=id given_at=day score=s", values={"score": {"11": ""}})
    made = deliver({"f.csv": "id,day,s\n1,2025-10-01,10\n2,2025-10-01,11\n"}, [one])
    assert rows(made, "feedback", "feedback_id, score") == [["1", "10.0"], ["2", None]]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.234,50;12,5;7;-2.000.000", ["-2000000.0000", "12.5000", "1234.5000", "7.0000"]),
        ("€ 1.234,50;(12,00)", ["-12.0000", "1234.5000"]),
        ("1,234.50;12.5;1,000", ["1000.0000", "12.5000", "1234.5000"]),
        ("1.234;2.500", ["1.2340", "2.5000"]),  # a Chinese client writes the point
        ("1,234;2,500", ["1234.0000", "2500.0000"]),
        ("3,5万;1.000,00", ["1000.0000", "35000.0000"]),
    ],
)
def test_the_sign_before_decimals_is_found_from_all_values_of_a_column(deliver, source, written, read):
    one = source("orders", "o.csv", "order_id=id ordered_at=day amount=sum", delimiter="|")
    lines = "".join(f"{n}|2025-10-01|{amount}\n" for n, amount in enumerate(written.split(";")))
    made = deliver({"o.csv": "id|day|sum\n" + lines}, [one])
    assert sorted(amount for (amount,) in rows(made, "orders", "amount")) == read


@pytest.mark.parametrize("written", ["1.234,50;1,234.50", "12,5;1,234"])
def test_where_the_sign_before_decimals_cannot_be_told_it_is_asked_for(deliver, source, written):
    lines = "".join(f"{n}|2025-10-01|{amount}\n" for n, amount in enumerate(written.split(";")))
    columns = "order_id=id ordered_at=day amount=sum"
    with pytest.raises(DeliveryError, match=r"set sources\.decimals to point \(1,234\.50\) or comma"):
        deliver({"o.csv": "id|day|sum\n" + lines}, [source("orders", "o.csv", columns, delimiter="|")])


def test_the_given_sign_before_decimals_counts_and_amounts_in_thousands_too(deliver, source):
    columns = "order_id=id ordered_at=day amount=sum"
    one = source("orders", "o.csv", columns, decimals="comma", amounts_in="thousand")
    made = deliver({"o.csv": 'id,day,sum\n1,2025-10-01,1.234\n2,2025-10-01,"0,5"\n'}, [one])
    assert rows(made, "orders", "order_id, amount") == [["1", "1234000.0000"], ["2", "500.0000"]]


def test_phones_of_any_country_are_kept_as_e164(deliver, source):
    one = source("customers", "c.csv", "customer_id=id phone")
    made = deliver({"c.csv": "id,phone\n1,138 1234 5678\n2,(010) 6554 3210\n3,+44 20 7946 0958\n4,95588\n"}, [one])
    assert rows(made, "customers", "customer_id, phone") == [
        ["1", "+8613812345678"], ["2", "+861065543210"], ["3", "+442079460958"], ["4", "95588"],
    ]  # fmt: skip


SHOP = "Name,State,Day,Total,Sku\n" + "".join(
    f"#{k},{state},{day},{total},S{j}\n"
    for k, whole in enumerate([("paid", "2025-10-02", "60"), ("refunded", "2025-11-05", "70"), ("paid", "2026-02-01", "80")])
    for j, (state, day, total) in enumerate([whole, ("", "", ""), ("", "", "")])
)


def test_lines_on_which_an_order_does_not_repeat_its_day_and_state_are_part_of_it(deliver, source):
    orders = source("orders", "o.csv", "order_id=Name status=State ordered_at=Day amount=Total", group="last")
    lines = source("order_lines", "o.csv", "order_id=Name product_id=Sku")
    found = deliver({"o.csv": SHOP}, [{**orders, "only": {"status": ["paid"]}}, lines])
    assert rows(found, "orders", "order_id, amount::int") == [["#0", "60"]]
    assert rows(found, "order_lines", "order_id, product_id") == [["#0", "S0"], ["#0", "S1"], ["#0", "S2"]]
    first = found.row_ledger.set_index("table").loc["orders"]
    assert first[["rows_kept", "rows_quarantined", "rows_set_aside"]].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("1735700000", "2025-01-01"),
        ("1735700000123", "2025-01-01"),
        ("1511544070.5", "2017-11-24"),
        ("17357", None),
        ("soon", None),
    ],
)
def test_moments_since_1970_are_read_as_they_say(words, day):
    (row,) = duckdb.execute(f"select cast({epoch_time_sql('t')} as date) from (select '{words}' as t)").fetchall()
    assert (None if row[0] is None else str(row[0])) == day
