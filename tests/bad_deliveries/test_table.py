"""A table of bad files: each is mended by a named rule, loses rows with a reason, or is refused with a clear message."""

from __future__ import annotations

import gzip
import io
from typing import Any

import pytest

from workbook.errors import DeliveryError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.prepare import prepare

HEAD = "id,day,sum\n"
GOOD = "1,2025-10-01,5\n2,2025-10-02,6\n3,2025-10-03,7\n"


def orders(*rows, head=HEAD):
    return head + "".join(f"{r}\n" for r in rows)


def sums(*values):
    return orders(*(f'{i},2025-10-0{i},"{v}"' for i, v in enumerate(values, 1)))


def days(*values):
    return orders(*(f'{i},"{v}",5' for i, v in enumerate(values, 1)))


def ids(*values):
    return orders(*(f'"{v}",2025-10-0{i},5' for i, v in enumerate(values, 1)))


CHINESE = "单号,日期,金额,门店\n1,2025-10-01,5,上海南京路店\n2,2025-10-02,6,北京王府井店\n"
ZH = {"columns": {"order_id": "单号", "ordered_at": "日期", "amount": "金额", "store": "门店"}}
PEOPLE = {"table": "customers", "columns": {"customer_id": "id", "phone": "phone", "email": "mail", "birthday": "born"}}


def people(phone="", mail="", born=""):
    return f"id,phone,mail,born\n1,{phone},{mail},{born}\n2,13812345678,a@b.cn,1990-01-01\n3,13812345679,c@b.cn,1990-01-01\n"


FLAGS = {"table": "contracts", "columns": {"contract_id": "id", "customer_id": "who", "renewed": "ok"}}


def flags(*values):
    return "id,who,ok\n" + "".join(f"{i},A,{v}\n" for i, v in enumerate(values, 1))


STATES = {"columns": {"order_id": "id", "ordered_at": "day", "amount": "sum", "status": "state"}, "only": {"status": ["done"]}}


def packed(words):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        file.write(words.encode())
    return out.getvalue()


ORDERS = {"table": "orders", "file": "orders.csv", "columns": {"order_id": "id", "ordered_at": "day", "amount": "sum"}}

FILES: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    # how the file is written
    "a byte order mark": ("\ufeff" + HEAD + GOOD, {}),
    "UTF-16, little end first": ((HEAD + GOOD).encode("utf-16"), {}),
    "UTF-16, big end first": (b"\xfe\xff" + (HEAD + GOOD).encode("utf-16-be"), {}),
    "GBK": (CHINESE.encode("gbk"), ZH),
    "Big5": (
        CHINESE.replace("单号", "單號")
        .replace("金额", "金額")
        .replace("门店", "門店")
        .replace("王府井店", "王府井店")
        .encode("big5"),
        {"columns": {"order_id": "單號", "ordered_at": "日期", "amount": "金額", "store": "門店"}},
    ),
    "Windows Latin": (
        "id,day,sum,store\n1,2025-10-01,5,Café Zürich\n2,2025-10-02,6,Müller & Söhne\n".encode("cp1252"),
        {"columns": {"order_id": "id", "ordered_at": "day", "amount": "sum", "store": "store"}},
    ),
    "semicolons": ((HEAD + GOOD).replace(",", ";"), {}),
    "tabs": ((HEAD + GOOD).replace(",", "\t"), {}),
    "bars": ((HEAD + GOOD).replace(",", "|"), {}),
    "line ends of Windows": ((HEAD + GOOD).replace("\n", "\r\n"), {}),
    "line ends of an old Mac": ((HEAD + GOOD).replace("\n", "\r"), {}),
    "no line end at the end": ((HEAD + GOOD).rstrip(), {}),
    "empty lines between": (HEAD + GOOD.replace("\n", "\n\n"), {}),
    "lines of commas alone": (HEAD + GOOD + ",,\n,,\n", {}),
    "a cell too many": (HEAD + GOOD + "4,2025-10-04,8,9\n", {}),
    "a cell too few": (HEAD + GOOD + "4,2025-10-04\n", {}),
    "a line break inside quotes": (HEAD + '"1\n2",2025-10-01,5\n' + GOOD, {}),
    "the separator inside quotes": (HEAD + GOOD + '4,2025-10-04,"1,234"\n', {}),
    "doubled quotes": (HEAD + '"say ""7""",2025-10-01,5\n' + GOOD, {}),
    "spaces around everything": ("id , day , sum\n 1 , 2025-10-01 , 5 \n 2 , 2025-10-02 , 6 \n", {}),
    "spaces no keyboard has": (HEAD + "1\u00a0,\u30002025-10-01,5\u200b\n2,2025-10-02,6\n", {}),
    "title rows above the header": ("Report of orders,,\n,,\n" + HEAD + GOOD, {"header_row": 3}),
    "title rows that nobody told of": ("Report of orders\n\n" + HEAD + GOOD, {}),
    "a file packed with gzip": (packed(HEAD + GOOD), {"file": "orders.csv.gz"}),
    "columns in another order with more of them": ("x,sum,day,y,id\n1,5,2025-10-01,2,1\n3,6,2025-10-02,4,2\n", {}),
    "a total at the foot": (HEAD + GOOD + "Total,,18\n", {}),
    "the header twice": (HEAD + GOOD + HEAD + "4,2025-10-04,8\n", {}),
    # amounts
    "currency and thousands": (sums("￥1,234.50", "$2,000", "EUR 7"), {}),
    "ten thousands in words": (sums("3.5万", "2亿", "7"), {}),
    "brackets for minus": (sums("(12.00)", "12-", "7"), {}),
    "full-width digits": (sums("１２．５", "6", "7"), {}),
    "powers of ten": (sums("1.2E+02", "1e3", "7"), {}),
    "words for missing": (sums("N/A", "-", "7"), {}),
    "one amount in words": (sums("five", "6", "7"), {}),
    "a decimal comma": (sums("12,5", "6", "7"), {}),
    "thousands at the wrong place": (sums("12,34,567", "6", "7"), {}),
    "not a number and infinity": (sums("nan", "inf", "7", "8", "9"), {}),
    "an amount beyond all bounds": (sums("9" * 30, "6", "7"), {}),
    "a date where an amount belongs": (sums("2025-10-01", "6", "7"), {}),
    "amounts below zero": (sums("-5", "6", "7"), {}),
    "amounts of zero": (sums("0", "0.00", "7"), {}),
    # dates
    "Chinese dates": (days("2025年10月1日", "2025年10月02日", "2025年10月3日 8时30分"), {}),
    "dates without separators": (days("20251001", "20251002", "20251003083000"), {}),
    "slashes, dots and dashes": (days("2025/10/1", "2025.10.2", "2025-10-3"), {}),
    "the day first, shown by one of them": (days("01/10/2025", "25/10/2025", "03/10/2025"), {}),
    "the month first, shown by one of them": (days("10/01/2025", "10/25/2025", "10/03/2025"), {}),
    "both orders in one column": (days("25/10/2025", "10/25/2025", "03/10/2025"), {}),
    "English month names": (days("1 Oct 2025", "Oct 2, 2025", "3-Oct-2025"), {}),
    "a comma in the middle of a date": (days("15 Oct, 2025 00:03:00", "16 Oct, 2025 10:00:00", "3 Oct, 2025 00:00:00"), {}),
    "a time zone behind the time": (days("2025-10-01T10:00:00Z", "2025-10-02T10:00:00+08:00", "2025-10-03"), {}),
    "before and after noon": (days("2025-10-01 下午3:15", "2025-10-02 11:00 PM", "2025-10-03 上午9:00"), {}),
    "a day that no calendar has": (days("2025-02-30", "2025-10-02", "2025-10-03"), {}),
    "a year of long ago": (days("1025-10-01", "2025-10-02", "2025-10-03"), {}),
    "a year of the far future": (days("9999-12-31", "2025-10-02", "2025-10-03"), {}),
    "no date": (days("", "2025-10-02", "2025-10-03"), {}),
    "relative dates among others": (days("yesterday", "2025-10-02", "2025-10-03"), {}),
    "orders after the period": (days("2026-01-01", "2025-10-02", "2025-12-31 23:59:59"), {}),
    "a two-digit year": (days("01/10/25", "25/10/25", "03/10/25"), {}),
    # ids
    "no id": (ids("", "2", "3"), {}),
    "ids with .0": (ids("1.0", "2.0", "3.0"), {}),
    "ids that a spreadsheet rounded": (ids("1.38E+10", "2", "3"), {}),
    "an id twice, told differently": (orders("1,2025-10-01,5", "1,2025-10-02,6", "2,2025-10-02,7"), {}),
    "a row twice": (orders("1,2025-10-01,5", "1,2025-10-01,5", "2,2025-10-02,7"), {}),
    "an id without end": (ids("x" * 5000, "2", "3"), {}),
    "ids that look like formulas": (ids("=1+1", "@SUM(A1)", "+2"), {}),
    "ids that look like markup": (ids("<b>1</b>", "'; drop table orders; --", "{x}"), {}),
    "ids in signs and pictures": (ids("№🙂", "ملف", "é"), {}),
    "leading zeros": (ids("007", "7", "07"), {}),
    # states and flags
    "states that do not count": ("id,day,sum,state\n1,2025-10-01,5,done\n2,2025-10-02,6,open\n3,2025-10-02,6,\n", STATES),
    "yes and no in many words": (flags("是", "否", "Y", "no", "√", "0"), FLAGS),
    "a flag that says perhaps": (flags("是", "否", "perhaps"), FLAGS),
    "flags that say nothing": (flags("a", "b", "c"), FLAGS),
    # people
    "a masked phone": (people("138****5678"), PEOPLE),
    "a rounded phone": (people("1.38E+10"), PEOPLE),
    "a phone with an extension": (people("021-12345678转801"), PEOPLE),
    "a phone with its country": (people("+86 138-1234-5670"), PEOPLE),
    "a phone that is none": (people("call me"), PEOPLE),
    "an e-mail in capitals": (people("", "A@B.CN"), PEOPLE),
    "a birthday of long ago": (people("", "", "1890-05-05"), PEOPLE),
    # other formats
    "JSON lines that lack keys": (
        '{"id": 1, "day": "2025-10-01"}\n\n{"id": 2, "day": "2025-10-02", "sum": 6}\n',
        {"file": "orders.jsonl"},
    ),
    "a JSON list": ('[{"id": 1}]\n', {"file": "orders.jsonl"}),
    "JSON with things inside": (
        '{"id": {"a": 1}, "day": "2025-10-01", "sum": [5]}\n{"id": 2, "day": "2025-10-02", "sum": 6}\n',
        {"file": "orders.jsonl"},
    ),
    "a web page under the name of a CSV file": ("<!DOCTYPE html><html><body>Login</body></html>\n", {}),
    "a picture under the name of a CSV file": (b"\x89PNG\r\n\x1a\n" + b"x" * 80, {}),
    "a PDF under the name of a CSV file": (b"%PDF-1.7 ...", {}),
    "half an Excel file": (b"PK\x03\x04" + b"\x00" * 60, {"file": "orders.xlsx"}),
    "half a Parquet file": (b"PAR1" + b"\x00" * 60, {"file": "orders.parquet"}),
    "half a packed file": (packed(HEAD + GOOD)[:-9], {"file": "orders.csv.gz"}),
    "bytes that are no text in the middle": ((HEAD + GOOD).encode() + b"4,2025-10-04,\xff\xfe\xfa\n", {}),
    "NUL bytes in a cell": ((HEAD + GOOD).encode() + b"4,2025-10-04,\x00\n", {}),
    "a header and white space": (HEAD + "   \n  \n", {}),
    "spaces alone": ("   \n\n  ", {}),
    "one column that holds all": ("id day sum\n1 2025-10-01 5\n", {}),
}

# what becomes of it: rows kept, repeated, set aside; reasons of quarantine; repairs by column and rule; or words of the refusal
EXPECTED: dict[str, Any] = {
    "a byte order mark": (3, 0, 0, {}, {}),
    "UTF-16, little end first": (3, 0, 0, {}, {}),
    "UTF-16, big end first": (3, 0, 0, {}, {}),
    "GBK": (2, 0, 0, {}, {}),
    "Big5": (2, 0, 0, {}, {}),
    "Windows Latin": (2, 0, 0, {}, {}),
    "semicolons": (3, 0, 0, {}, {}),
    "tabs": (3, 0, 0, {}, {}),
    "bars": (3, 0, 0, {}, {}),
    "line ends of Windows": (3, 0, 0, {}, {}),
    "line ends of an old Mac": (3, 0, 0, {}, {}),
    "no line end at the end": (3, 0, 0, {}, {}),
    "empty lines between": (3, 0, 0, {}, {}),
    "lines of commas alone": (3, 0, 0, {}, {}),
    "a cell too many": (3, 0, 0, {"wrong_number_of_cells": 1}, {}),
    "a cell too few": (3, 0, 0, {"wrong_number_of_cells": 1}, {}),
    "a line break inside quotes": (4, 0, 0, {}, {}),
    "the separator inside quotes": (4, 0, 0, {}, {"amount:amount_form": 1}),
    "doubled quotes": (4, 0, 0, {}, {}),
    "spaces around everything": (
        2,
        0,
        0,
        {},
        {"amount:spaces_and_widths": 2, "order_id:spaces_and_widths": 2, "ordered_at:spaces_and_widths": 2},
    ),
    "spaces no keyboard has": (
        2,
        0,
        0,
        {},
        {"amount:spaces_and_widths": 1, "order_id:spaces_and_widths": 1, "ordered_at:spaces_and_widths": 1},
    ),
    "title rows above the header": (3, 0, 0, {}, {}),
    "title rows that nobody told of": "there are Report of orders",
    "a file packed with gzip": (3, 0, 0, {}, {}),
    "columns in another order with more of them": (2, 0, 0, {}, {}),
    "a total at the foot": (3, 0, 0, {"missing_ordered_at": 1}, {}),
    "the header twice": (4, 0, 0, {"unreadable_ordered_at": 1}, {"amount:unreadable_amount": 1}),
    "currency and thousands": (3, 0, 0, {}, {"amount:amount_form": 3}),
    "ten thousands in words": (3, 0, 0, {}, {"amount:amount_form": 2}),
    "brackets for minus": (3, 0, 0, {}, {"amount:amount_form": 2}),
    "full-width digits": (3, 0, 0, {}, {"amount:spaces_and_widths": 1}),
    "powers of ten": (3, 0, 0, {}, {"amount:amount_form": 2}),
    "words for missing": (3, 0, 0, {}, {"amount:word_for_missing": 2}),
    "one amount in words": (3, 0, 0, {}, {"amount:unreadable_amount": 1}),
    "a decimal comma": (3, 0, 0, {}, {"amount:amount_form": 1}),
    "thousands at the wrong place": (3, 0, 0, {}, {"amount:unreadable_amount": 1}),
    "not a number and infinity": (5, 0, 0, {}, {"amount:unreadable_amount": 2}),
    "an amount beyond all bounds": (3, 0, 0, {}, {"amount:unreadable_amount": 1}),
    "a date where an amount belongs": (3, 0, 0, {}, {"amount:unreadable_amount": 1}),
    "amounts below zero": (3, 0, 0, {}, {}),
    "amounts of zero": (3, 0, 0, {}, {}),
    "Chinese dates": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "dates without separators": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "slashes, dots and dashes": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "the day first, shown by one of them": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "the month first, shown by one of them": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "both orders in one column": "tell day from month",
    "English month names": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "a comma in the middle of a date": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "a time zone behind the time": (3, 0, 0, {}, {"ordered_at:date_form": 2}),
    "before and after noon": (3, 0, 0, {}, {"ordered_at:date_form": 3}),
    "a day that no calendar has": (2, 0, 0, {"unreadable_ordered_at": 1}, {}),
    "a year of long ago": (2, 0, 0, {"unreadable_ordered_at": 1}, {}),
    "a year of the far future": (2, 0, 0, {"unreadable_ordered_at": 1}, {}),
    "no date": (2, 0, 0, {"missing_ordered_at": 1}, {}),
    "relative dates among others": (2, 0, 0, {"unreadable_ordered_at": 1}, {}),
    "orders after the period": (2, 0, 1, {}, {}),
    "a two-digit year": "no dates, such as '01/10/25'",
    "no id": (2, 0, 0, {"missing_order_id": 1}, {}),
    "ids with .0": (3, 0, 0, {}, {}),
    "ids that a spreadsheet rounded": (2, 0, 0, {"unreadable_order_id": 1}, {}),
    "an id twice, told differently": (2, 0, 0, {"duplicate_key": 1}, {}),
    "a row twice": (2, 1, 0, {}, {}),
    "an id without end": (2, 0, 0, {"unreadable_order_id": 1}, {}),
    "ids that look like formulas": (3, 0, 0, {}, {}),
    "ids that look like markup": (3, 0, 0, {}, {}),
    "ids in signs and pictures": (3, 0, 0, {}, {}),
    "leading zeros": (3, 0, 0, {}, {}),
    "states that do not count": (1, 0, 0, {"not_valid_business": 2}, {}),
    "yes and no in many words": (6, 0, 0, {}, {}),
    "a flag that says perhaps": (3, 0, 0, {}, {"renewed:unreadable_renewed": 1}),
    "flags that say nothing": "no yes or no, such as 'a'",
    "a masked phone": (3, 0, 0, {}, {"phone:masked_phone": 1, "phone:phone_form": 2}),
    "a rounded phone": (3, 0, 0, {}, {"phone:phone_form": 2, "phone:phone_in_scientific_notation": 1}),
    "a phone with an extension": (3, 0, 0, {}, {"phone:phone_form": 3}),
    "a phone with its country": (3, 0, 0, {}, {"phone:phone_form": 3}),
    "a phone that is none": (3, 0, 0, {}, {"phone:phone_form": 2, "phone:unreadable_phone": 1}),
    "an e-mail in capitals": (3, 0, 0, {}, {"phone:phone_form": 2}),
    "a birthday of long ago": (3, 0, 0, {}, {"birthday:unreadable_birthday": 1, "phone:phone_form": 2}),
    "JSON lines that lack keys": (2, 0, 0, {}, {}),
    "a JSON list": "in line 1 list; expected one JSON object a line",
    "JSON with things inside": (2, 0, 0, {}, {"amount:unreadable_amount": 1}),
    "a web page under the name of a CSV file": "a header only, no rows",
    "a picture under the name of a CSV file": "a picture under the name of a text file",
    "a PDF under the name of a CSV file": "a PDF file under the name of a text file",
    "half an Excel file": "a file that Excel cannot open",
    "half a Parquet file": "a file that is not Parquet",
    "half a packed file": "a file that gzip cannot unpack",
    "bytes that are no text in the middle": "text that is neither UTF-8 nor GB 18030",
    "NUL bytes in a cell": "a binary file (NUL bytes)",
    "a header and white space": "a header only, no rows",
    "spaces alone": "no column names in row 1",
    "one column that holds all": "there are id day sum",
}


def prepared(home, name):
    content, more = FILES[name]
    source = {**ORDERS, **more}
    folder = home / "data" / "acme" / "2025Q4"
    folder.mkdir(parents=True)
    (folder / source["file"]).write_bytes(content if isinstance(content, bytes) else content.encode())
    chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": [source]})
    return source["table"], prepare(home, "acme", Period.parse("2025Q4"), chosen)


def test_the_table_is_whole():
    assert set(FILES) == set(EXPECTED) and len(FILES) >= 80


@pytest.mark.parametrize("name", [name for name, found in EXPECTED.items() if isinstance(found, str)])
def test_it_is_refused_with_a_message_that_says_what_to_do(tmp_path, name):
    with pytest.raises(DeliveryError) as caught:
        prepared(tmp_path, name)
    words = str(caught.value)
    assert EXPECTED[name] in words and "orders." in words
    assert all("found " in line and "; expected " in line for line in words.splitlines())
    assert "Traceback" not in words and "Error:" not in words


@pytest.mark.parametrize("name", [name for name, found in EXPECTED.items() if not isinstance(found, str)])
def test_it_is_mended_or_its_rows_are_accounted_for(tmp_path, name):
    table, done = prepared(tmp_path, name)
    kept, repeated, aside, reasons, repairs = EXPECTED[name]
    (row,) = done.row_ledger.to_dict("records")
    assert (row["rows_kept"], row["rows_repeated"], row["rows_set_aside"]) == (kept, repeated, aside)
    assert row["rows_in"] == kept + repeated + aside + sum(reasons.values())
    assert done.quarantine[table]["reason"].value_counts().to_dict() == reasons
    assert {f"{r.column}:{r.repair}": r.rows for r in done.repairs.itertuples() if r.table == table} == repairs
    assert done.tables.rows(table) == kept
