"""The words around the content: labels, headings and notices of the pages, in the reader's language."""

from __future__ import annotations

import datetime as dt

from workbook.language import Edition, Text, count, named, text
from workbook.period import Period

_CHINESE_DIGITS = "零一二三四五六七八九"


def chinese_number(n: int) -> str:
    """*n* (1–99) in Chinese figures, as headings are numbered.

    >>> chinese_number(2), chinese_number(10), chinese_number(12), chinese_number(30)
    ('二', '十', '十二', '三十')
    """
    tens, ones = divmod(n, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else _CHINESE_DIGITS[tens] + "十")
    return head + (_CHINESE_DIGITS[ones] if ones or not tens else "")


def heading_number(n: int, level: int, language: str) -> str:
    """What stands before the *n*-th heading of a level: 一、（一）1. (GB/T 9704) or 1, 1.1 left to the English page.

    >>> heading_number(2, 1, "zh"), heading_number(2, 2, "zh"), heading_number(2, 3, "zh"), heading_number(2, 1, "en")
    ('二、', '（二）', '2. ', '2')
    """
    if language == "zh":
        return {1: f"{chinese_number(n)}、", 2: f"（{chinese_number(n)}）"}.get(level, f"{n}. ")
    return str(n) if level == 1 else ""


def caption_label(kind: str, number: str, edition: Edition) -> str:
    """ "Figure 1-1" or "图 1-1"; ``kind`` is figure or table."""
    label = (
        text("report.label.figure", "Figure {number}", number=number)
        if kind == "figure"
        else text("report.label.table", "Table {number}", number=number)
    )
    return label.render(edition)


def period_words(period: Period, edition: Edition) -> str:
    """A period as readers say it: "Q4 2025 (Oct to Dec)", "2025 年第四季度（10—12 月）".

    >>> period_words(Period.parse("2025Q4"), Edition("en")), period_words(Period.parse("2025-11"), Edition("en"))
    ('Q4 2025 (Oct to Dec)', 'November 2025')
    """
    first, last = period.start, period.end
    if edition.language == "zh":
        months = f"{first.month}—{last.month} 月"
        return {
            1: f"{first.year} 年 {first.month} 月",
            3: f"{first.year} 年第{_CHINESE_DIGITS[(first.month + 2) // 3]}季度（{months}）",
            6: f"{first.year} 年{'上' if first.month == 1 else '下'}半年（{months}）",
            12: f"{first.year} 年",
        }[period.months]
    span = f"{_MONTHS[first.month - 1][:3]} to {_MONTHS[last.month - 1][:3]}"
    return {
        1: f"{_MONTHS[first.month - 1]} {first.year}",
        3: f"Q{(first.month + 2) // 3} {first.year} ({span})",
        6: f"{'First' if first.month == 1 else 'Second'} half of {first.year} ({span})",
        12: f"{first.year}",
    }[period.months]


_MONTHS = tuple(dt.date(2000, month, 1).strftime("%B") for month in range(1, 13))


def block_words(edition: Edition) -> dict[str, str]:
    """Words inside blocks, by the name the templates call them."""
    words = {
        "not_measured": text("report.block.not_measured", "Not measured"),
        "ask": text("report.block.ask", "Decision asked"),
        "who": text("report.block.who", "Who"),
        "by": text("report.block.by", "By when"),
        "previous": text("report.block.previous", "previous period"),
        "interval": text("report.block.interval", "interval"),
        "better": text("report.block.better", "better"),
        "worse": text("report.block.worse", "worse"),
        "same": text("report.block.same", "unchanged"),
        "data": text("report.block.data", "Data behind this figure"),
        "limits": text("report.block.limits", "Limits"),
        "missing": text("report.block.missing", "n/a: not known."),
        "rounding": text("report.block.rounding", "Shares may not add to 100% because of rounding."),
    }
    colon = {"en": ": ", "zh": "："}[edition.language]
    return {"colon": colon, **{name: each.render(edition) for name, each in words.items()}}


def rows_left_out(shown: int, rows: int, artefact: str | None) -> Text:
    """Says how many rows of a table are shown and where the others stand."""
    if shown >= rows:
        return named("")
    if artefact:
        return text(
            "report.block.rows_in_file", "The first {shown} of {rows} rows; all stand in tables/{artefact}.",
            shown=count(shown), rows=count(rows), artefact=artefact,
        )  # fmt: skip
    return text("report.block.rows", "The first {shown} of {rows} rows.", shown=count(shown), rows=count(rows))
