"""Words, numbers, dates and money as readers of each language see them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from workbook import language
from workbook.language import (
    Edition,
    StaleTranslation,
    count,
    day,
    format_value,
    is_missing,
    joined,
    money,
    money_scale,
    named,
    number,
    points,
    share,
    text,
)

EN, ZH = Edition("en"), Edition("zh")


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (1234, "count", "1,234", "1,234"),
        (0.0, "count", "0", "0"),
        (-0.4, "count", "0", "0"),  # never a minus before nothing
        (0.75, "share", "75%", "75%"),
        (0.0751, "share", "7.5%", "7.5%"),
        (0.004, "share", "<1%", "<1%"),
        (0, "share", "0%", "0%"),
        (1, "share", "100%", "100%"),
        (0.034, "points", "3.4 points", "3.4 个百分点"),
        (-0.02, "points", "-2.0 points", "-2.0 个百分点"),
        (1, "days", "1 day", "1 天"),
        (2.5, "hours", "2.5 hours", "2.5 小时"),
        (12, "months", "12 months", "12 个月"),
        (81.25, "score", "81.2", "81.2"),
        (1.5, "ratio", "1.50", "1.50"),
        (3.14159, "number", "3.14", "3.14"),
        (1234.5, "number", "1,234.5", "1,234.5"),
        (float("inf"), "number", "∞", "∞"),
        (float("-inf"), "number", "-∞", "-∞"),
        (None, "money", "n/a", "未知"),
        (float("nan"), "share", "n/a", "未知"),
        ("gold", "text", "gold", "gold"),
        (dt.date(2025, 12, 1), "date", "1 Dec 2025", "2025 年 12 月 1 日"),
        (dt.datetime(2025, 12, 1, 9, 5), "time", "1 Dec 2025 09:05", "2025 年 12 月 1 日 09:05"),
        (dt.datetime(2025, 12, 1, 9, 5), "date", "1 Dec 2025", "2025 年 12 月 1 日"),
    ],
)
def test_values_in_both_languages(value, unit, english, chinese):
    assert (format_value(value, unit, EN), format_value(value, unit, ZH)) == (english, chinese)


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (12.3, "CNY 12.30", "12.30 元"),
        (9_999, "CNY 9,999", "9,999 元"),
        (12_345, "CNY 12,345", "1.23 万元"),
        (2_500_000, "CNY 2.50 million", "250.0 万元"),
        (123_456_789, "CNY 123.46 million", "1.23 亿元"),
        (-12_345, "-CNY 12,345", "-1.23 万元"),
        (Decimal("0"), "CNY 0.00", "0.00 元"),
    ],
)
def test_money_in_the_units_of_each_language(value, english, chinese):
    assert (format_value(value, "money", EN), format_value(value, "money", ZH)) == (english, chinese)


@pytest.mark.parametrize(
    ("currency", "english", "chinese"),
    [("USD", "$12,345", "1.23 万美元"), ("EUR", "€12,345", "1.23 万欧元"), ("SGD", "SGD 12,345", "1.23 万SGD")],
)
def test_money_in_other_currencies(currency, english, chinese):
    assert format_value(12_345, "money", Edition("en", currency)) == english
    assert format_value(12_345, "money", Edition("zh", currency)) == chinese


def test_one_scale_serves_a_whole_axis():
    assert money_scale(250_000, EN) == (1e3, "CNY thousand")
    assert money_scale(25_000_000, EN) == (1e6, "CNY million")
    assert money_scale(2_000, ZH) == (1.0, "元")
    assert money_scale(3e8, ZH) == (1e8, "亿元")


@given(st.floats(-1e15, 1e15), st.sampled_from(["count", "share", "points", "number", "money"]))
def test_no_number_is_shown_as_minus_nothing(value, unit):
    for edition in (EN, ZH):
        words = format_value(value, unit, edition)
        assert not (words.startswith("-") and not set("123456789∞") & set(words))


@pytest.mark.parametrize("value", [None, float("nan"), Decimal("nan")])
def test_a_missing_value_is_seen_as_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, "", False, 0.0, dt.date(2025, 1, 1)])
def test_nothing_else_is(value):
    assert not is_missing(value)


def test_a_date_that_is_none_is_an_error_of_the_caller():
    with pytest.raises(TypeError, match="a date was expected"):
        format_value(5, "date", EN)


def test_a_sentence_carries_its_values_into_each_language(monkeypatch):
    monkeypatch.setattr(language, "catalogue", lambda *_: {"test.id": ("{n} of {name}: {part}", "{name}：{n} 位，{part}")})
    words = text("test.id", "{n} of {name}: {part}", n=count(1200), name=named({"en": "Gold", "zh": "黄金"}), part=share(0.5))
    assert words.render(EN) == "1,200 of Gold: 50%"
    assert words.render(ZH) == "黄金：1,200 位，50%"


def test_braces_in_the_words_of_a_client_stay_words(monkeypatch):
    monkeypatch.setattr(language, "catalogue", lambda *_: {})
    assert text("test.id", "by {who}", who="{x} {0} {{").render(EN) == "by {x} {0} {{"
    assert text("test.id", "a {{literal}}").render(EN) == "a {literal}"
    assert named("{x} {{").render(EN) == "{x} {{"


def test_english_that_changed_makes_its_chinese_stale(monkeypatch):
    monkeypatch.setattr(language, "catalogue", lambda *_: {"test.id": ("old English", "旧"), "test.empty": ("x", "")})
    with pytest.raises(StaleTranslation, match=r"templates/locale/zh/test\.po: 'test\.id' translates 'old English'"):
        text("test.id", "new English").render(ZH)
    for id in ("test.none", "test.empty"):
        with pytest.raises(StaleTranslation, match="no translation"):
            text(id, "x").render(ZH)
    assert text("test.id", "new English").render(EN) == "new English"


def test_a_name_given_in_one_language_serves_both():
    assert named("Demo").render(ZH) == "Demo"
    assert named({"en": "Gold"}).render(ZH) == "Gold"
    assert named({"zh": "黄金"}).render(EN) == "黄金"


def test_names_are_joined_as_each_language_does():
    names = [named({"en": "Gold", "zh": "黄金"}), named({"en": "Silver", "zh": "白银"})]
    assert (joined(names).render(EN), joined(names).render(ZH)) == ("Gold, Silver", "黄金、白银")
    assert joined([]).render(EN) == "–"


def test_quantities_say_what_they_measure():
    found = [count(5), number(2.5), share(0.5), points(0.034), money(10), day(dt.date(2025, 1, 1))]
    assert [q.unit for q in found] == ["count", "number", "share", "points", "money", "date"]
    assert [q.render(EN) for q in found] == ["5", "2.50", "50%", "3.4 points", "CNY 10.00", "1 Jan 2025"]


@given(st.floats(-1e9, 1e9), st.integers(0, 4), st.sampled_from(["en", "zh"]))
def test_numbers_are_written_as_the_locale_writes_them(x, digits, language):
    edition = Edition(language, "CNY")
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    nearest = round(x, digits) or 0.0  # no minus before nothing
    assert format_value(x, "number", edition, digits) == format_decimal(nearest, pattern, edition.locale)
