"""Column names as the exports of usual systems write them are the canonical columns that they mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbook.sources.inspection.vocabulary import squash, vocabulary
from workbook.tables import SCHEMAS

HEADERS = Path(__file__).with_name("headers.tsv")


def pairs() -> list[tuple[str, str, str]]:
    lines = HEADERS.read_text("utf-8").splitlines()[1:]
    return [(table, header, column) for table, _, header, column in (line.split("\t") for line in lines)]


def test_there_are_headers_of_both_languages_enough():
    headers = {header for _, header, _ in pairs()}
    assert len(headers) >= 180
    assert min(sum(h.isascii() for h in headers), sum(not h.isascii() for h in headers)) >= 70


@pytest.mark.parametrize(("table", "header", "column"), pairs())
def test_a_header_is_the_column_that_it_means(table, header, column):
    known = [m for m in vocabulary().of(header) if m.table == table]
    assert column in {m.column for m in known}, known
    best = "sure" if any(m.strength == "sure" for m in known) else "maybe"
    assert column in {m.column for m in known if m.strength == best}


@pytest.mark.parametrize("header", ["zip_code", "Fresh", "备注2号", "x1", "", "  ", "🙂", "=1+1", "default", "poutcome"])
def test_a_header_that_nobody_knows_means_nothing(header):
    assert vocabulary().of(header) == ()


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("合同金额（万元）", "ten_thousand"), ("金额万元", "ten_thousand"), ("金额(元)", "yuan"), ("Amount (USD)", "yuan"),
        ("金额_分", "cent"), ("销售额（千元）", "thousand"), ("Revenue (k)", "thousand"), ("销售额（百万元）", "unsupported"),
        ("amount", None), ("部分", None), ("订单金额", None),
    ],
)  # fmt: skip
def test_the_unit_of_an_amount_is_read_from_its_name(header, unit):
    assert vocabulary().unit(header) == unit


def test_every_column_of_the_vocabulary_is_canonical_and_every_table_is_known():
    tables = vocabulary().content["tables"]
    assert set(tables) == set(SCHEMAS)
    for table, about in tables.items():
        assert set(about["columns"]) <= set(SCHEMAS[table].columns)


def test_no_word_is_sure_of_two_columns_of_one_table():
    doubled = {
        (words, m.table)
        for words, meanings in vocabulary().meanings.items()
        for m in meanings
        if m.strength == "sure" and len({n.column for n in meanings if (n.table, n.strength) == (m.table, "sure")}) > 1
    }
    assert doubled == set()


def test_the_words_for_nothing_are_no_numbers():
    assert not [word for word in vocabulary().content["missing"] if squash(word).isdigit() and "-" not in word]
