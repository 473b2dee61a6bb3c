"""Files of every kind become text with the row numbers that people see."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pytest

from workbook.errors import DeliveryError
from workbook.settings.models import Source
from workbook.sources.read import read_file


def read(path: Path, **more):
    connection = duckdb.connect()
    chosen = Source(table="orders", file=path.name, columns={"order_id": "id"}, **more)
    raw = read_file(connection, path, path.name, chosen, "raw")
    return raw, connection.execute("select * from raw order by _row").df()


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_chinese_arrives_whatever_the_encoding(tmp_path, encoding):
    raw, frame = read(write(tmp_path, "a.csv", "客户编号,备注\n1,上海浦东新区\n".encode(encoding)))
    assert raw.columns == ("客户编号", "备注")
    assert list(frame["c1"]) == ["上海浦东新区"]


def test_a_given_encoding_is_obeyed(tmp_path):
    _, frame = read(write(tmp_path, "a.csv", "id,city\n1,Köln\n".encode("latin-1")), encoding="latin-1")
    assert list(frame["c1"]) == ["Köln"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_from_the_header(tmp_path, delimiter):
    raw, frame = read(write(tmp_path, "a.csv", f"id{delimiter}amount\n1{delimiter}5\n"))
    assert raw.columns == ("id", "amount")
    assert frame.iloc[0][["c0", "c1"]].tolist() == ["1", "5"]


def test_line_breaks_and_marks_in_quotes_stay_in_their_cell(tmp_path):
    raw, frame = read(write(tmp_path, "a.csv", 'id,text\n1,"two\nlines, ""quoted"""\n2,x\n'))
    assert list(frame["c1"]) == ['two\nlines, "quoted"', "x"]
    assert list(frame["_row"]) == [2, 3]
    assert raw.rows == 2


def test_rows_with_too_many_or_too_few_cells_are_told_with_their_number(tmp_path):
    raw, frame = read(write(tmp_path, "a.csv", "id,amount\n1,5\n2\n\n3,6,7\n4,8\n"))
    assert raw.misfits == ((3, "2"), (5, "3,6,7"))
    assert list(frame["_row"]) == [2, 6]
    assert raw.rows == 4


def test_header_row_skips_what_stands_above(tmp_path):
    raw, frame = read(write(tmp_path, "a.csv", "Report of shop\n,\nid,amount\n1,5\nbad\n2,6\n"), header_row=3)
    assert raw.columns == ("id", "amount")
    assert list(frame["_row"]) == [4, 6]
    assert raw.misfits == ((5, "bad"),)


def test_formulas_and_html_pass_as_text(tmp_path):
    cells = ["=1+1", "<script>alert(1)</script>", "@SUM(A1)", "'; drop table raw; --"]
    _, frame = read(write(tmp_path, "a.csv", "id\n" + "\n".join(cells) + "\n"))
    assert list(frame["c0"]) == cells


def excel(rows: list[list[object]], sheet: str = "工单") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    page.title = sheet
    for row in rows:
        page.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_excel_gives_dates_as_iso_and_long_numbers_whole(tmp_path):
    content = excel(
        [
            ["id", "at", "phone", "note"],
            [1, dt.datetime(2025, 1, 2, 8, 30), 13812345678, None],
            [],
            [2, dt.date(2025, 1, 3), 0.5, "x"],
        ]
    )
    raw, frame = read(write(tmp_path, "a.xlsx", content), sheet="工单")
    assert frame[["c0", "c1", "c2", "c3"]].to_numpy().tolist() == [
        ["1", "2025-01-02 08:30:00", "13812345678", ""],
        ["2", "2025-01-03", "0.5", "x"],
    ]
    assert list(frame["_row"]) == [2, 4]
    assert raw.rows == 2


def test_parquet_keeps_its_types(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame({"id": [7], "at": [pd.Timestamp("2025-01-02 03:04:05")], "x": [1.5]}).to_parquet(path)
    raw, frame = read(path)
    assert raw.types[0] == "BIGINT"
    assert raw.types[1].startswith("TIMESTAMP")
    assert list(frame["_row"]) == [2]


def test_json_lines_are_read_with_their_line_numbers(tmp_path):
    raw, frame = read(write(tmp_path, "a.jsonl", '{"id": 1, "tags": ["a"]}\n\n{"id": 2, "x": 1.0}\n'))
    assert raw.columns == ("id", "tags", "x")
    assert list(frame["_row"]) == [1, 3]
    assert frame["c1"].tolist()[0] == '["a"]'


def test_packed_files_are_unpacked(tmp_path):
    _, frame = read(write(tmp_path, "a.csv.gz", gzip.compress("id,备注\n1,上海浦东\n".encode("gbk"))))
    assert list(frame["c1"]) == ["上海浦东"]
    _, frame = read(write(tmp_path, "a.jsonl.gz", gzip.compress(b'{"id": 1}\n')))
    assert list(frame["c0"]) == ["1"]


@pytest.mark.parametrize("content", [b"id\n1\n", gzip.compress(b"id\n1\n" * 99, mtime=0)[:-9]])
def test_a_file_that_cannot_be_unpacked_is_told(tmp_path, content):
    with pytest.raises(DeliveryError, match="gzip cannot unpack"):
        read(write(tmp_path, "a.csv.gz", content))


def test_columns_may_be_set_apart_by_spaces(tmp_path):
    raw, frame = read(write(tmp_path, "a.txt", " id  day      n\n 001 19970101  1\n 12  19970112 12\n"), delimiter=" ")
    assert raw.columns == ("id", "day", "n")
    assert frame[["c0", "c2"]].to_numpy().tolist() == [["001", "1"], ["12", "12"]]


def test_a_file_without_a_header_numbers_its_columns(tmp_path):
    raw, frame = read(write(tmp_path, "a.csv", "1,2025-01-02\n2,2025-01-03\n"), header_row=0)
    assert raw.columns == ("column 1", "column 2")
    assert list(frame["_row"]) == [1, 2]


def test_tables_of_sqlite_and_duckdb_files_are_read(tmp_path):
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as base:
        base.execute('create table 订单 (编号 integer, "sum\'s" real, note blob)')
        base.executemany("insert into 订单 values (?, ?, ?)", [(1, 5.5, "甲"), (2, 6.0, None)])
        base.execute("create view peek as select 1")
        base.commit()
    raw, frame = read(path, sheet="订单")
    assert raw.columns == ("编号", "sum's", "note")
    assert frame["c1"].tolist() == ["5.5", "6"]
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as base:
        base.execute("create table orders (id bigint, day date)")
        base.execute("insert into orders values (1, '2025-01-02')")
        base.execute("create view peek as select 1")
    raw, frame = read(path)
    assert (raw.columns, raw.types, raw.rows) == (("id", "day"), ("BIGINT", "DATE"), 1)
    assert frame["_row"].tolist() == [2]


def test_a_view_of_a_database_file_is_no_table(tmp_path):
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as base:
        base.execute("create view peek as select * from read_text('/etc/hostname')")
    with pytest.raises(DeliveryError, match="no table 'peek'"):
        read(path, sheet="peek")
    with pytest.raises(DeliveryError, match="without a table"):
        read(path)


def test_a_file_that_is_no_database_is_told(tmp_path):
    with pytest.raises(DeliveryError, match="no SQLite or DuckDB database"):
        read(write(tmp_path, "a.db", b"hello" * 99))
    with pytest.raises(DeliveryError, match="cannot be opened"):
        read(write(tmp_path, "b.db", b"SQLite format 3\x00" + b"\x01" * 500))
