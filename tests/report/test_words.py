"""Numbers of headings, names of periods, and formats of the two languages."""

import pytest

from workbook.language import Edition, format_value
from workbook.period import Period
from workbook.report.words import chinese_number, heading_number, period_words, shortened

EN, ZH = Edition("en"), Edition("zh")


@pytest.mark.parametrize(
    ("period", "en", "zh"),
    [
        ("2025Q4", "Q4 2025 (Oct to Dec)", "2025 年第四季度（10—12 月）"),
        ("2025-11", "November 2025", "2025 年 11 月"),
        ("2025H1", "First half of 2025 (Jan to Jun)", "2025 年上半年（1—6 月）"),
        ("2025", "2025", "2025 年"),
    ],
)
def test_periods_are_said_as_each_language_does(period, en, zh):
    assert (period_words(Period.parse(period), EN), period_words(Period.parse(period), ZH)) == (en, zh)


def test_chinese_headings_are_numbered_by_level():
    assert [heading_number(n, 1, "zh") for n in (1, 11, 20)] == ["一、", "十一、", "二十、"]
    assert heading_number(3, 2, "zh") == "（三）"
    assert chinese_number(99) == "九十九"


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0.0004, "share", "<1%", "<1%"),
        (0.999, "share", ">99%", ">99%"),
        (1.0, "share", "100%", "100%"),
        (0.0, "share", "0%", "0%"),
        (0.034, "points", "3.4 points", "3.4 个百分点"),
        (9_999, "money", "CNY 9,999", "9,999 元"),
        (12_345, "money", "CNY 12,345", "1.23 万元"),
        (123_456, "money", "CNY 123,456", "12.3 万元"),
        (123_456_789, "money", "CNY 123.46 million", "1.23 亿元"),
        (-12_345, "money", "-CNY 12,345", "-1.23 万元"),
        (1, "days", "1 day", "1 天"),
        (2.5, "hours", "2.5 hours", "2.5 小时"),
    ],
)
def test_values_in_sentences(value, unit, en, zh):
    assert (format_value(value, unit, EN), format_value(value, unit, ZH)) == (en, zh)


def test_a_small_share_in_a_table_is_not_called_nothing():
    assert format_value(0.0003, "share", EN, 1) == "<0.1%"


def test_a_shortened_list_of_columns_keeps_the_space_before_chinese():
    assert shortened(["a.b", "c.d"], 1, Edition("zh")) == "a.b 等，另有 1 项"
    assert shortened(["甲", "乙"], 1, Edition("zh")) == "甲等，另有 1 项"
    assert shortened(["a", "b"], 1, Edition("en")) == "a and 1 more"
