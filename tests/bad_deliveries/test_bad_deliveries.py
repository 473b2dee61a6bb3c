"""Every kind of bad file gives one clear message that says where, what was found, what was expected and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbook.errors import DeliveryError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.prepare import prepare

GOOD = "id,day,sum\n1,2025-10-01,5\n2,2025-10-02,6\n"
ORDERS: dict[str, Any] = {
    "table": "orders", "file": "orders.csv", "columns": {"order_id": "id", "ordered_at": "day", "amount": "sum"},
}  # fmt: skip


def prepared(home: Path, files: dict[str, str | bytes], *sources: dict[str, Any], **settings: Any):
    folder = home / "data" / "acme" / "2025Q4"
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": list(sources), **settings})
    return prepare(home, "acme", Period.parse("2025Q4"), chosen)


CASES: dict[str, tuple[dict[str, str | bytes], dict[str, Any], list[str]]] = {
    "missing file": ({"order.csv": GOOD}, {}, ["orders.csv", "no such file", "there is order.csv"]),
    "no file for a pattern": ({}, {"file": "orders_*.csv"}, ["orders_*.csv", "no such file"]),
    "empty file": ({"orders.csv": ""}, {}, ["orders.csv", "empty file", "export it again"]),
    "header only": ({"orders.csv": "id,day,sum\n"}, {}, ["orders.csv", "header only", "orders"]),
    "blank header": ({"orders.csv": ",,\n1,2,3\n"}, {}, ["no column names in row 1", "sources.header_row"]),
    "binary": ({"orders.csv": b"\x01\x02\x00\x03" * 50}, {}, ["orders.csv", "binary file"]),
    "Excel named csv": ({"orders.csv": b"PK\x03\x04rest"}, {}, ["orders.csv", "an Excel or zip file"]),
    "text named Excel": ({"orders.xlsx": GOOD}, {"file": "orders.xlsx"}, ["orders.xlsx", "Excel cannot open"]),
    "text named Parquet": ({"orders.parquet": GOOD}, {"file": "orders.parquet"}, ["orders.parquet", "not Parquet"]),
    "broken JSON": ({"orders.jsonl": '{"id": 1}\n{oops\n'}, {"file": "orders.jsonl"}, ["orders.jsonl", "line 2"]),
    "unknown ending": ({"orders.pdf": GOOD}, {"file": "orders.pdf"}, ["ending .pdf", ".csv"]),
    "undecodable": ({"orders.csv": "id,day,sum\nПривет,Мир,Это\n".encode("cp1251")}, {}, ["neither UTF-8 nor GB 18030"]),
    "wrong encoding given": (
        {"orders.csv": GOOD.replace("5", "五").encode("gbk")}, {"encoding": "utf-8"},
        ["row 2", "not utf-8", "sources.encoding"],
    ),
    "unknown encoding given": ({"orders.csv": GOOD}, {"encoding": "gbk2"}, ["'gbk2'", "a name that Python knows"]),
    "open quotation mark": ({"orders.csv": GOOD + '3,"2025-10-03,7\n4,2025-10-04,8\n'}, {}, ["line 4", "never closed"]),
    "column not there": (
        {"orders.csv": GOOD.replace("sum", "amount_due")}, {"columns": {**ORDERS["columns"], "amount": "amount"}},
        ["no column 'amount'", "orders.amount", "nearest is 'amount_due'"],
    ),
    "two columns mapped to one": (
        {"orders.csv": GOOD}, {"columns": {**ORDERS["columns"], "paid_at": "day"}}, ["'day' mapped to ordered_at and paid_at"],
    ),
    "column twice in the header": (
        {"orders.csv": "id,day,sum,sum\n1,2025-10-01,5,5\n"}, {}, ["2 columns 'sum'", "rename them"],
    ),
    "required column not mapped": (
        {"orders.csv": GOOD}, {"columns": {"order_id": "id"}}, ["no column for orders.ordered_at", "id, day, sum"],
    ),
    "unknown canonical column": (
        {"orders.csv": GOOD}, {"columns": {"order_id": "id", "ordered_at": "day", "ammount": "sum"}},
        ["'ammount'", "nearest is 'amount'"],
    ),
    "unknown table": ({"orders.csv": GOOD}, {"table": "order"}, ["table 'order'", "nearest is 'orders'"]),
    "mapped and constant": (
        {"orders.csv": GOOD}, {"constants": {"amount": "1"}}, ["'amount' both in columns and in constants"],
    ),
    "unparsable dates": (
        {"orders.csv": GOOD.replace("2025-10-0", "week ")}, {},
        ["2 of 2 values of 'day'", "no dates", "'week 1'", "sources.dates"],
    ),
    "relative dates": ({"orders.csv": "id,day,sum\n1,昨天,5\n"}, {}, ["no dates", "'昨天'"]),
    "ambiguous dates": (
        {"orders.csv": "id,day,sum\n1,03/04/2025,5\n2,05/06/2025,5\n"}, {}, ["'03/04/2025'", "tell day from month", "%d/%m/%Y"],
    ),
    "wrong date format given": ({"orders.csv": GOOD}, {"dates": "%d.%m.%Y"}, ["2 of 2 values of 'day'", "no dates"]),
    "no date format": ({"orders.csv": GOOD}, {"dates": "%Q"}, ["date format '%Q'", "strptime"]),
    "amounts with text": (
        {"orders.csv": "id,day,sum\n1,2025-10-01,ten\n2,2025-10-02,twelve\n3,2025-10-03,7\n"}, {},
        ["2 of 3 values of 'sum'", "no amounts", "'ten'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CASES)
def test_a_bad_file_is_refused_with_one_clear_message(tmp_path, kind):
    files, more, parts = CASES[kind]
    with pytest.raises(DeliveryError) as caught:
        prepared(tmp_path, files, {**ORDERS, **more})
    assert len(caught.value.problems) == 1
    for part in parts:
        assert part in caught.value.problems[0]
    left = [path for path in tmp_path.rglob("*") if path.is_file() and "outputs" in path.parts]
    assert not left, "something half written was left behind"


def test_an_unknown_sheet_is_named_with_those_that_are_there(tmp_path):
    import openpyxl

    (tmp_path / "data" / "acme" / "2025Q4").mkdir(parents=True)
    book = openpyxl.Workbook()
    book.active.title = "工单"
    book.save(tmp_path / "data" / "acme" / "2025Q4" / "a.xlsx")
    chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": [{**ORDERS, "file": "a.xlsx", "sheet": "订单"}]})
    with pytest.raises(DeliveryError, match="no sheet '订单'; expected one of '工单'"):
        prepare(tmp_path, "acme", Period.parse("2025Q4"), chosen)


def test_all_faults_of_all_files_come_at_once(tmp_path):
    others = [{**ORDERS, "file": "b.csv"}, {"table": "products", "file": "c.csv", "columns": {"product_id": "sku"}}]
    with pytest.raises(DeliveryError) as caught:
        prepared(tmp_path, {"orders.csv": "", "b.csv": GOOD.replace("2025", "x"), "c.csv": "name\nA\n"}, ORDERS, *others)
    problems = "\n".join(caught.value.problems)
    for file in ("orders.csv: found an empty file", "b.csv: found 2 of 2", "c.csv: found no column 'sku'"):
        assert file in problems


def test_brackets_in_a_file_name_are_part_of_it(tmp_path):
    """The fault "found no such file; there is orders [1].csv" told of a file that lay there so named."""
    done = prepared(tmp_path, {"orders [1].csv": GOOD}, {**ORDERS, "file": "orders [1].csv"})
    assert done.row_ledger["file"].tolist() == ["orders [1].csv"]


def test_no_delivery_names_the_folder_to_make(tmp_path):
    chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": [ORDERS]})
    with pytest.raises(DeliveryError, match=r"acme 2025Q4: found no delivery; expected a folder .*data.acme.2025Q4"):
        prepare(tmp_path, "acme", Period.parse("2025Q4"), chosen)


def test_a_missing_package_names_what_to_install(tmp_path):
    chosen = {"client": {"name": "Acme"}, "sources": [ORDERS], "delivery": {"package": "no_such_package"}}
    with pytest.raises(DeliveryError, match=r"no installed package 'no_such_package'.*pip install 'no_such_package'"):
        prepare(tmp_path, "acme", Period.parse("2025Q4"), Settings.model_validate(chosen))


@pytest.mark.parametrize("way", ["../../secret.csv", "/etc/passwd", "../*.csv"])
def test_a_source_cannot_reach_outside_the_delivery(tmp_path, way):
    (tmp_path / "data" / "secret.csv").parent.mkdir(parents=True)
    (tmp_path / "data" / "secret.csv").write_text(GOOD)
    (tmp_path / "data" / "acme").mkdir()
    (tmp_path / "data" / "acme" / "beside.csv").write_text(GOOD)
    with pytest.raises(DeliveryError, match="no such file"):
        prepared(tmp_path, {}, {**ORDERS, "file": way})


def test_duplicate_keys_are_quarantined_and_counted(tmp_path):
    done = prepared(tmp_path, {"orders.csv": GOOD + "1,2025-10-03,9\n"}, ORDERS)
    assert done.quarantine["orders"][["row", "reason"]].to_numpy().tolist() == [[2, "duplicate_key"]]
    assert done.tables.sql("select amount from orders where order_id = '1'")["amount"].astype(float).tolist() == [9.0]


def test_hostile_text_goes_through_untouched(tmp_path):
    names = ["<img src=x onerror=alert(1)>", "=HYPERLINK('http://x')", "'; drop table orders; --", "{n} {{x}}", "%s$1"]
    lines = "".join(f'{i},"{name}"\n' for i, name in enumerate(names))
    products = {"table": "products", "file": "p.csv", "columns": {"product_id": "id", "name": "name"}}
    done = prepared(tmp_path, {"p.csv": "id,name\n" + lines}, products)
    assert done.tables.sql("select name from products order by product_id")["name"].tolist() == names


def test_an_endless_id_is_told_with_its_file_and_row_or_stops_there(tmp_path):
    done = prepared(tmp_path, {"orders.csv": GOOD + f"{'x' * 300_000},2025-10-03,9\n"}, ORDERS)
    assert done.quarantine["orders"][["file", "row", "reason"]].to_numpy().tolist() == [
        ["orders.csv", 4, "unreadable_order_id"]
    ]


def test_a_file_of_endless_ids_is_refused_by_name(tmp_path):
    with pytest.raises(DeliveryError) as caught:
        prepared(tmp_path, {"orders.csv": f"id,day,sum\n{'x' * 300_000},2025-10-03,9\n"}, ORDERS)
    assert "orders.csv: found 1 of 1 values of 'id' that are no ids" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_endless_words_are_emptied_and_counted(tmp_path):
    customers = {"table": "customers", "file": "c.csv", "columns": {"customer_id": "id", "region": "city", "name": "name"}}
    rows = "".join(f"{i},Paris,Ann\n" for i in range(3))
    done = prepared(tmp_path, {"c.csv": f"id,city,name\n{rows}9,{'y' * 40_000},{'z' * 3_000}\n"}, customers)
    found = done.repairs.set_index("column")
    assert found["rows"].to_dict() == {"region": 1, "name": 1}
    assert done.tables.sql("select max(length(region)) as n from customers")["n"].item() == 5
    assert "zzzzz" not in str(found.loc["name", "example"])
