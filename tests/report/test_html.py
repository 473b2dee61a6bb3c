"""Blocks as HTML: every kind, both languages, nothing of a client's words taken for markup."""

import datetime as dt

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from tests.report.made_up import EDITIONS, HOSTILE, tier_table

from workbook.language import Quantity, count, day, money, named, points, share
from workbook.report.blocks import Answer, Ask, Column, KeyFigure, NotMeasured, Paragraph, Table
from workbook.report.html import Source, block_html
from workbook.report.templating import anchor

WORDS = named(HOSTILE)
BLOCKS = [
    Answer("a.a", WORDS, (WORDS,), "situation"),
    Ask("a.k", WORDS, WORDS, day(dt.date(2026, 1, 5))),
    KeyFigure("a.n", WORDS, share(0.3), note=WORDS),
    NotMeasured("a.x", WORDS, why=WORDS),
    Paragraph("a.p", WORDS, "limits"),
    Table("a.t", WORDS, (Column("x", WORDS),), pd.DataFrame({"x": [HOSTILE]}), WORDS),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: type(b).__name__)
def test_hostile_words_are_escaped_everywhere(block, language):
    page = block_html(block.bundle(EDITIONS), language)
    soup = BeautifulSoup(page, "html.parser")
    assert HOSTILE in soup.get_text()
    assert not soup.find_all(["script", "img"])


def test_a_language_that_the_bundle_lacks_falls_to_the_first_it_has():
    assert "Zwei" not in block_html(Paragraph("a.p", named({"en": "Two", "zh": "二"})).bundle(EDITIONS[:1]), "zh")
    assert "Two" in block_html(Paragraph("a.p", named({"en": "Two", "zh": "二"})).bundle(EDITIONS[:1]), "zh")


def test_table_says_how_many_rows_it_leaves_out_and_where_they_are():
    table = Table("a.t", named("T"), (Column("n", named("N"), "count"),), pd.DataFrame({"n": range(1, 41)}), artefact="tiers")
    assert "The first 12 of 40 rows; all stand in tables/tiers." in block_html(table.bundle(EDITIONS), "en")
    assert "共 40 行，此处显示前 12 行" in block_html(table.bundle(EDITIONS), "zh")


def test_table_explains_missing_values_and_rounding():
    frame = pd.DataFrame({"part": [1 / 3, 1 / 3, 1 / 3], "n": [1, None, 3]})
    columns = (Column("part", named("Share"), "share"), Column("n", named("N"), "count"))
    page = block_html(Table("a.t", named("T"), columns, frame).bundle(EDITIONS), "en")
    assert "Shares may not add to 100%" in page and "n/a: not known." in page


def test_shares_that_add_up_as_shown_get_no_rounding_note():
    frame = pd.DataFrame({"part": [0.25, 0.75]})
    page = block_html(Table("a.t", named("T"), (Column("part", named("Share"), "share"),), frame).bundle(EDITIONS), "en")
    assert "rounding" not in page


def test_zero_is_a_dash_and_words_stand_left_of_numbers():
    soup = BeautifulSoup(block_html(tier_table("a.t").bundle(EDITIONS), "en"), "html.parser")
    last = soup.select("tbody tr")[-1].find_all(["th", "td"])
    assert [cell.get_text() for cell in last][2:4] == ["–", "–"]
    assert [cell["class"] for cell in last] == [["txt", "short"], ["num"], ["num"], ["num"], ["txt", "short"]]


def test_number_and_source_of_an_exhibit():
    page = block_html(tier_table("a.t").bundle(EDITIONS), "zh", "2-3", Source("资料来源：某公司", "notebooks/x.html#cell-y"))
    assert "表 2-3" in page and 'href="notebooks/x.html#cell-y"' in page


@pytest.mark.parametrize(
    ("now", "before", "en", "zh"),
    [
        (share(0.412), share(0.391), "+2.1 points", "+2.1 个百分点"),
        (money(110), money(100), "+10.0%", "+10.0%"),
        (count(80), count(100), "−20.0%", "−20.0%"),
        (Quantity(2.5, "hours"), Quantity(4, "hours"), "−1.5 hours", "−1.5 小时"),
        (points(0.01), points(0.01), "±0.0 points", "±0.0 个百分点"),
    ],
)
def test_change_of_a_key_figure_is_said_in_its_unit(now, before, en, zh):
    bundle = KeyFigure("a.n", named("N"), now, previous=before, better="higher").bundle(EDITIONS)
    assert [bundle["languages"][language]["change"] for language in ("en", "zh")] == [en, zh]


def test_a_fall_in_what_should_fall_is_called_better():
    page = block_html(KeyFigure("a.n", named("N"), share(0.1), previous=share(0.2), better="lower").bundle(EDITIONS), "en")
    assert "−10.0 points, better" in page


def test_anchor_is_fit_for_an_address():
    assert anchor("exhibit", "a b/ü'\"<") == "exhibit-a-b-"
