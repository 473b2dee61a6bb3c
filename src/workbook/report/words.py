"""The words around the content: labels, headings and notices of the pages, in the reader's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from workbook.language import Edition, Text, count, named, share, text
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
        "unclear": text("report.block.unclear", "no clear change"),
        "same": text("report.block.same", "unchanged"),
        "data": text("report.block.data", "Data behind this figure"),
        "limits": text("report.block.limits", "Limits"),
        "missing": text("report.block.missing", "n/a: not known."),
        "rounding": text("report.block.rounding", "Shares may not add to 100% because of rounding."),
    }
    colon = {"en": ": ", "zh": "："}[edition.language]
    comma = {"en": ", ", "zh": "，"}[edition.language]
    return {
        "colon": colon,
        "comma": comma,
        "and": {"en": ", ", "zh": "、"}[edition.language],
        **{name: each.render(edition) for name, each in words.items()},
    }


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


def chapter_name(stage: str) -> Text:
    """The neutral name of a stage's chapter."""
    return {
        "1_goals": text("report.chapter.goals", "Goals and scope"),
        "2_integrate": text("report.chapter.integrate", "Data"),
        "3_diagnose": text("report.chapter.diagnose", "Diagnosis"),
        "4_strategy": text("report.chapter.strategy", "Strategy"),
        "5_pilot": text("report.chapter.pilot", "Pilot"),
        "6_iterate": text("report.chapter.iterate", "Review"),
    }[stage]


def page_words(edition: Edition) -> dict[str, str]:
    """Words of the report's pages, by the name the templates call them."""
    words = {
        "summary": text("report.page.summary", "Summary"),
        "contents": text("report.page.contents", "Contents"),
        "appendix": text("report.page.appendix", "Appendix"),
        "situation": text("report.page.situation", "Situation"),
        "complication": text("report.page.complication", "Complication"),
        "resolution": text("report.page.resolution", "Resolution"),
        "numbers": text("report.page.numbers", "The numbers that matter"),
        "decisions": text("report.page.decisions", "Decisions asked of you"),
        "decision": text("report.page.decision", "Decision"),
        "unknown": text("report.page.unknown", "What remains unknown"),
        "nothing_unknown": text("report.page.nothing_unknown", "Everything that this report set out to measure was measured."),
        "meaning": text("report.page.meaning", "What it means"),
        "actions": text("report.page.actions", "Actions"),
        "limits": text("report.page.limits", "Limits"),
        "more": text("report.page.more", "More in the appendix"),
        "further": text("report.page.further", "Further figures and tables"),
        "table": text("report.page.table", "Table"),
        "rows_in": text("report.page.rows_in", "Rows in"),
        "rows_kept": text("report.page.rows_kept", "Rows kept"),
        "client": text("report.page.client", "Client"),
        "period": text("report.page.period", "Period"),
        "cut_off": text("report.page.cut_off", "Data up to"),
        "version": text("report.page.version", "Version"),
        "author": text("report.page.author", "Prepared by"),
        "synthetic": text("report.page.synthetic", "Synthetic data"),
        "synthetic_more": text("report.page.synthetic_more", "The client and all its customers are invented."),
        "definitions": text("report.page.definitions", "Definitions"),
        "changes": text("report.page.changes", "Changes since the last issue"),
        "measure": text("report.page.measure", "Measure"),
        "then": text("report.page.then", "Last issue"),
        "now": text("report.page.now", "This issue"),
        "change": text("report.page.change", "Change"),
        "reading": text("report.page.reading", "Reading"),
        "method": text("report.page.method", "How to read this report"),
        "files": text("report.page.files", "Data files"),
        "file": text("report.page.file", "File"),
        "fingerprint": text("report.page.fingerprint", "SHA-256, first 12 digits"),
        "lists": text("report.page.lists", "Lists for the departments"),
        "notebooks": text("report.page.notebooks", "Notebooks with the calculation"),
        "versions": text("report.page.versions", "Versions"),
        "skip": text("report.page.skip", "Skip to the summary"),
        "back": text("report.page.back", "Back to the report"),
        "calculation": text("report.page.calculation", "Calculation"),
    }
    return {**block_words(edition), **{name: each.render(edition) for name, each in words.items()}}


def method_notes(confidence: float, small_cell: int, edition: Edition) -> list[str]:
    """How intervals, wording and masking in the report are to be read."""
    notes = [
        text(
            "report.method.interval",
            "Where a figure rests on a sample, its {confidence} interval stands beside it: a range that would hold the true "
            "value in {confidence} of repeated samples.",
            confidence=share(confidence, 0),
        ),
        text(
            "report.method.wording",
            "Wording follows the interval: an effect is called an effect only where the whole interval lies on one side of "
            "nothing; otherwise the difference is called unclear. Where groups were not drawn at random, changes are described "
            "and not put down to the measure.",
        ),
        text(
            "report.method.points",
            "Two shares differ by percentage points. Shares of fewer than 30 cases are given as counts.",
        ),
        text(
            "report.method.masked",
            "Names, telephone numbers and addresses are masked. Groups of fewer than {small} customers are not shown by "
            "themselves.",
            small=count(small_cell),
        ),
        text(
            "report.method.missing",
            "What the data cannot tell is called not measured, with what would have to be delivered; it is never taken "
            "for zero.",
        ),
        text(
            "report.method.notebooks",
            "The source line beneath each exhibit leads to the notebook cell that computed it.",
        ),
    ]  # fmt: skip
    return [note.render(edition) for note in notes]


def shortened(names: Sequence[str], most: int, edition: Edition) -> str:
    """The first *most* names and how many more there are."""
    apart = {"en": "; ", "zh": "；"}[edition.language]
    listed = apart.join(names[:most])
    if len(names) <= most:
        return listed
    if edition.language == "zh" and listed[-1:].isascii() and listed[-1:].isalnum():
        listed += " "  # between 汉字 and Latin letters
    return text("report.page.and_more", "{names} and {n} more", names=listed, n=count(len(names) - most)).render(edition)


def more_asks(n: int) -> Text:
    """Says how many decisions stand only in the chapters; nothing where all stand in the summary."""
    if not n:
        return named("")
    return text("report.page.more_asks", "{n} more stand under Actions in the chapters.", n=count(n))


def more_unknown(n: int) -> Text:
    """Says how much of what is unknown stands only in the chapters; nothing where all stands in the summary."""
    if not n:
        return named("")
    return text("report.page.more_unknown", "{n} more stand under Not measured in the chapters.", n=count(n))
