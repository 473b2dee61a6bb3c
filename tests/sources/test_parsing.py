"""What cells mean: amounts, dates, phones, flags as clients write them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.sources import parsing


def texts(values: list[str | None]) -> tuple[duckdb.DuckDBPyConnection, str]:
    connection = duckdb.connect()
    connection.execute("create table given as select unnest(?::varchar[]) as v, unnest(range(?)) as n", [values, len(values)])
    return connection, f"(select n, {parsing.tidy_sql('v', signs=True)} as t from given)"


def amounts(*values: str) -> list[Decimal | None]:
    connection, relation = texts(list(values))
    query = f"select {parsing.number_sql('s')} from (select n, {parsing.bare_number_sql('t')} as s from {relation}) order by n"
    return [row[0] for row in connection.execute(query).fetchall()]


def times(*values: str) -> list[dt.datetime | None]:
    connection, relation = texts(list(values))
    evidence = parsing.date_evidence(connection, relation)
    inner = f"(select n, t, {parsing.iso_time_sql('t', evidence)} as s from {relation})"
    return [
        r[0] for r in connection.execute(f"select {parsing.time_sql('s', 't', evidence)} from {inner} order by n").fetchall()
    ]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("￥1,234.50", "1234.5"), ("$22,700.00", "22700"), ("(12.00)", "-12"), ("（12.00）", "-12"), ("3.5万", "35000"),
        ("1.2亿元", "120000000"), ("１２３．５０", "123.5"), ("12-", "-12"), ("-￥5", "-5"), ("1 234.5", "1234.5"),
        ("1.2E+05", "120000"), ("0", "0"), (".5", "0.5"), ("RMB 88", "88"), ("−7", "-7"), ("12元", "12"), ("4星", "4"),
        ("4.5 stars", "4.5"), ("R$ 9.5", "9.5"),
    ],
)  # fmt: skip
def test_amounts_are_read_as_clients_write_them(written, value):
    assert amounts(written) == [Decimal(value)]


@pytest.mark.parametrize("written", ["1,23", "12.3.4", "abc", "约 300", "-", "", "1.234,50", "万", "nan", "inf", "12%"])
def test_what_is_no_amount_is_never_guessed(written):
    assert amounts(written) == [None]


@settings(deadline=None, max_examples=40)
@given(st.decimals(-(10**9), 10**9, places=2, allow_nan=False))
def test_an_amount_survives_its_thousands_marks(value):
    assert amounts(f"￥{value:,.2f}", f"{value}") == [value, value]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2025年1月2日", dt.datetime(2025, 1, 2)), ("2025/1/2", dt.datetime(2025, 1, 2)),
        ("2025-01-02 10:00", dt.datetime(2025, 1, 2, 10)), ("2025-01-02 10:00:05", dt.datetime(2025, 1, 2, 10, 0, 5)),
        ("2025.01.02", dt.datetime(2025, 1, 2)), ("20250102", dt.datetime(2025, 1, 2)),
        ("20250102103005", dt.datetime(2025, 1, 2, 10, 30, 5)),
        ("2025年1月2日 下午3:05", dt.datetime(2025, 1, 2, 15, 5)), ("2025-01-02 12:30 AM", dt.datetime(2025, 1, 2, 0, 30)),
        ("2025年01月02日10时30分05秒", dt.datetime(2025, 1, 2, 10, 30, 5)),
        ("2025-01-02T10:00:05+08:00", dt.datetime(2025, 1, 2, 10, 0, 5)),
        ("2025/1/2 10:00:05 PM GMT+8", dt.datetime(2025, 1, 2, 22, 0, 5)), ("２０２５／１／２", dt.datetime(2025, 1, 2)),
        ("Jan 2, 2025", dt.datetime(2025, 1, 2)), ("2-Jan-2025", dt.datetime(2025, 1, 2)),
    ],
)  # fmt: skip
def test_dates_without_doubt_are_read(written, value):
    assert times(written) == [value]


@pytest.mark.parametrize(
    "written",
    [
        "昨天",
        "today",
        "now",
        "infinity",
        "epoch",
        "3 days ago",
        "2025-02-30",
        "0205-01-02",
        "2025-13-01",
        "25/1/2",
        "待定",
        "45658",
    ],
)
def test_words_and_impossible_days_are_no_dates(written):
    assert times(written) == [None]


def test_the_whole_column_decides_between_day_and_month():
    assert times("13/01/2025", "02/03/2025 08:30") == [dt.datetime(2025, 1, 13), dt.datetime(2025, 3, 2, 8, 30)]
    assert times("01/13/2025", "02/03/2025") == [dt.datetime(2025, 1, 13), dt.datetime(2025, 2, 3)]


@pytest.mark.parametrize("column", [["01/02/2025", "03/04/2025"], ["13/01/2025", "01/13/2025"]])
def test_day_and_month_that_cannot_be_told_apart_are_said_to_be_ambiguous(column):
    connection, relation = texts(column)
    assert parsing.date_evidence(connection, relation).ambiguous


@settings(deadline=None, max_examples=40)
@given(st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31)))
def test_every_way_of_writing_a_moment_gives_that_moment(moment):
    moment = moment.replace(microsecond=0)
    y, m, d = moment.year, moment.month, moment.day
    clock = moment.strftime("%H:%M:%S")
    forms = [
        f"{y:04}-{m:02}-{d:02} {clock}",
        f"{y:04}/{m}/{d} {clock}",
        f"{y:04}年{m}月{d}日 {clock}",
        f"{y:04}-{m:02}-{d:02}T{clock}Z",
    ]
    assert times(*forms) == [moment] * 4


def phones(country: str, *values: str) -> list[str | None]:
    connection, relation = texts(list(values))
    return [r[0] for r in connection.execute(f"select {parsing.phone_sql('t', country)} from {relation} order by n").fetchall()]


def test_chinese_mobiles_come_in_one_form_and_damaged_ones_are_lost():
    written = ["138 1234 5678", "+86-13812345678", "008613812345678", "１３８１２３４５６７８", "13812345678.0"]
    assert phones("CN", *written) == ["+8613812345678"] * 5
    assert phones("CN", "138****5678", "1.38E+10", "123") == [None] * 3
    assert phones("CN", "010-12345678转801", "(021) 6543 2100", "0755 8888 8888") == [
        "+861012345678", "+862165432100", "+8675588888888",
    ]  # fmt: skip
    assert phones("CN", "400-800-1234", "0044 20 7946 0958") == ["4008001234", "+442079460958"]
    assert phones("US", "+1 (555) 010-9999") == ["+15550109999"]


def test_flags_are_read_in_both_languages():
    connection, relation = texts(["是", "否", "Yes", "NO", "1", "0", "true", "maybe"])
    found = connection.execute(f"select {parsing.flag_sql('t')} from {relation} order by n").fetchall()
    assert [r[0] for r in found] == [True, False, True, False, True, False, True, None]


def test_tidying_in_sql_and_in_python_agree():
    words = ["　ＶＩＰ１２ ", "好，很好！", "（a）", "\u200bx\ufeff", "plain"]
    for signs in (False, True):
        connection = duckdb.connect()
        query = f"select {parsing.tidy_sql('v', signs=signs)} from (select unnest(?::varchar[]) as v)"
        assert [r[0] for r in connection.execute(query, [words]).fetchall()] == [parsing.tidy(w, signs=signs) for w in words]


def test_sentences_keep_their_full_width_punctuation():
    assert parsing.tidy("服务很好，推荐！１００％") == "服务很好，推荐！100％"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("03-JAN-2025 10:00:00", dt.datetime(2025, 1, 3, 10)), ("03/Jan/25 4:30 PM", dt.datetime(2025, 1, 3, 16, 30)),
        ("03-JAN-25", dt.datetime(2025, 1, 3)), ("Jan 3, 2025, 12:05:09 AM", dt.datetime(2025, 1, 3, 0, 5, 9)),
        ("Jan 3, 2025 4:30:00 PM", dt.datetime(2025, 1, 3, 16, 30)),
    ],
)  # fmt: skip
def test_month_names_of_oracle_jira_and_shops_are_read_with_their_clock(written, read):
    assert times(written) == [read]
