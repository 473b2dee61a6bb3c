"""Tables as files for the client's departments: Excel with filters, choices and print set-up, and CSV.

What stands in a client's data is never taken for a formula: such text is written as text with a quote prefix (Excel) or
an apostrophe (CSV). The same table gives the same bytes.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

import workbook
from workbook.errors import WorkbookError
from workbook.language import Edition, Quantity, Text, Unit, count, day, display_width, is_missing, money_scale, text
from workbook.period import Period
from workbook.report.blocks import Column, Sheet, Table
from workbook.report.cells import HIDDEN, hides, mask
from workbook.report.words import period_words

MOST_ROWS, LONGEST_TEXT = 1_048_575, 32_767
_CREATED = dt.datetime(2000, 1, 1)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_FORMATS: Mapping[Unit, str] = {
    "count": "#,##0",
    "number": "#,##0.00",
    "share": "0.0%",
    "points": "0.0",
    "money": "#,##0.00",
    "score": "0.0",
    "ratio": "0.00",
    "days": "#,##0.0",
    "hours": "#,##0.0",
    "minutes": "#,##0.0",
    "months": "#,##0.0",
    "date": "yyyy-mm-dd",
    "time": "yyyy-mm-dd hh:mm",
}


@dataclass(frozen=True)
class About:
    """What the cover of a file says."""

    title: Text
    client: Text
    period: Period
    notes: tuple[Text, ...] = ()
    synthetic: bool = False


@dataclass(frozen=True)
class _Field:
    """A column as it stands in a file: an interval takes three of them."""

    column: Column
    name: str
    head: str


def write_excel(path: Path, sheets: Sequence[Sheet], edition: Edition, about: About) -> Path:
    """Write an Excel file: a cover with notes, a sheet for each table, the lists of choices last.

    Args:
        path: where to; its folder exists.
        sheets: the tables in order.
        edition: language and currency.
        about: title, client, period and notes for the cover.

    Raises:
        WorkbookError: where a table or a text is longer than Excel allows.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"title": about.title.render(edition), "created": _CREATED})
        book.set_calc_mode("auto")
        writer = _Writer(book, edition)
        names = _tab_names([_COVER, *(sheet.name for sheet in sheets), _CHOICES], edition)
        writer.cover(names[0], about, sheets, names[1:-1])
        ranges = _choice_ranges(sheets, names[-1])
        for number, (sheet, name) in enumerate(zip(sheets, names[1:-1], strict=True)):
            writer.table(name, sheet, about, {column: ranges[number, column] for column in sheet.choices})
        if ranges:
            writer.choices(names[-1], sheets)
    return path


def write_csv(path: Path, table: Table, edition: Edition, *, unmasked: bool = False) -> Path:
    """Write all rows of a table as CSV (UTF-8 with a byte order mark, so that Excel reads Chinese).

    Text that begins like a formula gets an apostrophe in front.
    """
    fields = list(_fields(table, edition))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_harmless(f.head) for f in fields)
        columns = [map(_plain, _values(table, f, edition, unmasked)) for f in fields]
        rows.writerows(zip(*columns, strict=True))
    return path


_COVER = text("report.excel.cover", "About")
_CHOICES = text("report.excel.choices", "Choices")


class _Writer:
    """Writes sheets of one file in the house's formats."""

    def __init__(self, book: Any, edition: Edition) -> None:
        self.book, self.edition = book, edition
        self._formats: dict[tuple[Any, ...], Any] = {}

    def format(self, **properties: Any) -> Any:
        key = tuple(properties.items())
        if key not in self._formats:
            base = {"font_name": {"en": "Calibri", "zh": "Microsoft YaHei"}[self.edition.language], "font_size": 10,
                    "valign": "top", "font_color": "#1F2933"}  # fmt: skip
            self._formats[key] = self.book.add_format({**base, **properties})
        return self._formats[key]

    def text(self, sheet: Any, row: int, column: int, words: str, **properties: Any) -> None:
        if len(words) > LONGEST_TEXT:
            raise WorkbookError(
                f"{sheet.name}, row {row + 1}: found a text of {len(words)} characters, Excel takes {LONGEST_TEXT}; "
                "shorten it in the delivery or use the CSV file"
            )
        if words.startswith(_FORMULA):
            properties["quote_prefix"] = True
        sheet.write_string(row, column, words, self.format(**properties))

    def cover(self, name: str, about: About, sheets: Sequence[Sheet], names: Sequence[str]) -> None:
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        edition = self.edition
        facts = [
            (text("report.page.client", "Client"), about.client.render(edition)),
            (text("report.page.period", "Period"), period_words(about.period, edition)),
            (text("report.page.cut_off", "Data up to"), day(about.period.end).render(edition)),
            (text("report.page.version", "Version"), f"{about.period.name}, {workbook.__version__}"),
        ]
        self.text(sheet, 0, 0, about.title.render(edition), bold=True, font_size=16)
        for row, (label, words) in enumerate(facts, start=2):
            self.text(sheet, row, 0, label.render(edition), font_color="#5B6670")
            self.text(sheet, row, 1, words)
        row = 2 + len(facts)
        if about.synthetic:
            warning = text("report.excel.synthetic", "Synthetic data: the client and all its customers are invented.")
            self.text(sheet, row, 0, warning.render(edition), bold=True, font_color="#5C3D00")
            row += 1
        row += 1
        heads = [
            text("report.excel.sheet", "Sheet"),
            text("report.excel.content", "Content"),
            text("report.excel.rows", "Rows"),
        ]
        for column, head in enumerate(heads):
            self.text(sheet, row, column, head.render(edition), bold=True, bottom=1)
        for one, tab in zip(sheets, names, strict=True):
            row += 1
            sheet.write_url(row, 0, f"internal:'{tab}'!A1", self.format(font_color="#12436D", underline=1), tab)
            self.text(sheet, row, 1, one.table.title.render(edition), text_wrap=True)
            sheet.write_number(row, 2, len(one.table.frame), self.format(num_format="#,##0"))
        notes = [*about.notes, *(s.table.note for s in sheets if s.table.note)]
        if any(s.choices or any(c.unit == "date" for c in s.table.columns) for s in sheets):
            notes.append(text("report.excel.to_fill", "Empty cells in columns of dates and choices are for you to fill in."))
        row += 2
        if notes:
            self.text(sheet, row, 0, text("report.excel.notes", "Notes").render(edition), bold=True, bottom=1)
            for note in dict.fromkeys(each.render(edition) for each in notes):
                row += 1
                self.text(sheet, row, 1, note, text_wrap=True)
        sheet.set_column(0, 0, 26)
        sheet.set_column(1, 1, 70)
        sheet.set_column(2, 2, 10)
        self._print(sheet, about, row, 2)

    def table(self, name: str, one: Sheet, about: About, choices: Mapping[str, str]) -> None:
        frame, edition = one.table.frame, self.edition
        if len(frame) > MOST_ROWS:
            raise WorkbookError(
                f"{name}: found {count(len(frame)).render(edition)} rows, Excel takes {MOST_ROWS}; use the CSV file"
            )
        sheet = self.book.add_worksheet(name)
        fields = list(_fields(one.table, edition))
        head = {"bold": True, "text_wrap": True, "bottom": 2, "bg_color": "#F5F7F9"}
        for place, f in enumerate(fields):
            self.text(sheet, 0, place, f.head, align="left" if f.column.unit == "text" else "right", **head)
            values = _values(one.table, f, edition, one.unmasked)
            self._column(sheet, place, values, f.column, one.to_fill or f.name in choices or f.column.unit == "date")
            sheet.set_column(place, place, _width([f.head, *values], f.column))
            if len(frame):
                self._validate(sheet, place, len(frame), f, choices)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(1, len(frame)), len(fields) - 1)
        sheet.repeat_rows(0)
        self._print(sheet, about, max(1, len(frame)), len(fields) - 1)

    def choices(self, name: str, sheets: Sequence[Sheet]) -> None:
        """The words offered in the lists, a column each."""
        sheet = self.book.add_worksheet(name)
        place = 0
        for one in sheets:
            heads = {f.name: f.head for f in _fields(one.table, self.edition)}
            for column, words in one.choices.items():
                self.text(sheet, 0, place, heads[column], bold=True, bottom=1)
                for row, word in enumerate(words, start=1):
                    shown = word.render(self.edition)
                    # a number chosen from words would be refused when it is typed
                    if shown.isdecimal():
                        sheet.write_number(row, place, int(shown))
                    else:
                        self.text(sheet, row, place, shown)
                sheet.set_column(place, place, 24)
                place += 1
        sheet.freeze_panes(1, 0)

    def _column(self, sheet: Any, place: int, values: Sequence[Any], column: Column, to_fill: bool) -> None:
        """Write one column; what is unknown is left empty only where the department is to fill it in."""
        line = {"bottom": 1, "bottom_color": "#DDE3E8"}
        moment = self.format(num_format=_FORMATS["time" if column.unit == "time" else "date"], align="right", **line)
        number = self.format(num_format=_number_format(column), **line) if column.unit in _FORMATS else None
        words = self.format(text_wrap=True, **line)
        unknown = "" if to_fill else "n/a" if self.edition.language == "en" else "未知"
        for row, value in enumerate(values, start=1):
            if isinstance(value, str):
                if value.startswith(_FORMULA) or len(value) > LONGEST_TEXT:
                    self.text(sheet, row, place, value, text_wrap=True, **line)
                else:
                    sheet.write_string(row, place, value or unknown, words)
            elif value is None:
                sheet.write_string(row, place, unknown, words)
            elif isinstance(value, dt.date):
                whole = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
                sheet.write_datetime(row, place, whole, moment)
            else:
                sheet.write_number(row, place, value, number or self.format(num_format=_number_format(column), **line))

    def _validate(self, sheet: Any, place: int, rows: int, f: _Field, choices: Mapping[str, str]) -> None:
        if f.name in choices:
            sheet.data_validation(1, place, rows, place, {"validate": "list", "source": choices[f.name]})
        elif f.column.unit == "date":
            rule = {"validate": "date", "criteria": ">=", "value": dt.date(1900, 1, 1), "ignore_blank": True}
            sheet.data_validation(1, place, rows, place, rule)

    def _print(self, sheet: Any, about: About, last_row: int, last_column: int) -> None:
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.5, 0.5, 0.75, 0.6)
        title = re.sub("&", "&&", about.title.render(self.edition))
        sheet.set_header(f"&L{title}&R{about.period.name}")
        sheet.set_footer("&R&P / &N")
        sheet.print_area(0, 0, last_row, last_column)


def _fields(table: Table, edition: Edition) -> Iterator[_Field]:
    """The columns of a file: as in the table, units in the head, the ends of an interval in columns of their own."""
    for column in table.columns:
        head = column.head.render(edition) + _unit_words(column.unit, edition)
        yield _Field(column, column.name, head)
        if column.low:
            yield _Field(column, column.low, text("report.excel.low", "{head}: from", head=head).render(edition))
        if column.high:
            yield _Field(column, column.high, text("report.excel.high", "{head}: to", head=head).render(edition))


def _unit_words(unit: Unit, edition: Edition) -> str:
    if unit == "money":
        return f"（{money_scale(1, edition)[1]}）" if edition.language == "zh" else f" ({money_scale(1, edition)[1]})"
    if unit == "points":
        return "（百分点）" if edition.language == "zh" else " (points)"
    return ""


def _values(table: Table, field: _Field, edition: Edition, unmasked: bool) -> list[Any]:
    """The cells of a column as they are written, see :func:`_value`; equal words are turned once."""
    words: dict[str, Any] = {}
    cells: list[Any] = []
    column = field.column
    few = [False] * len(table.frame) if unmasked else table.hidden(table.frame, column, edition)
    for value, less in zip(table.frame[field.name].tolist(), few, strict=True):
        if less:
            cells.append(f"<{edition.least}" if hides(value, column.unit, edition) else HIDDEN[edition.language])
            continue
        if type(value) is not str:
            cells.append(_value(value, column, edition, unmasked))
            continue
        if value not in words:
            words[value] = _value(value, column, edition, unmasked)
        cells.append(words[value])
    return cells


def _value(value: Any, column: Column, edition: Edition, unmasked: bool) -> str | float | int | dt.date | None:
    """A cell as it is written: a number, a date or words; None where nothing is known."""
    if isinstance(value, Quantity):
        value = value.value if column.unit == value.unit else value.render(edition)
    if isinstance(value, Text):
        return value.render(edition)
    if is_missing(value):
        return None
    if column.personal and not unmasked:
        return mask(str(value))
    if column.labels and str(value) in column.labels:
        return column.labels[str(value)].render(edition)
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    if isinstance(value, dt.datetime):
        return value if column.unit == "time" else value.date()
    if isinstance(value, dt.date | str):
        return value
    if isinstance(value, bool) or column.unit in ("text", "date", "time"):
        return str(value)
    number = float(value) if isinstance(value, Decimal | float) else value.item() if hasattr(value, "item") else value
    return 100 * float(number) if column.unit == "points" else number


def _number_format(column: Column) -> str:
    if column.digits is None:
        return _FORMATS[column.unit]
    decimals = "." + "0" * column.digits if column.digits else ""
    return f"0{decimals}%" if column.unit == "share" else f"#,##0{decimals}"


def _plain(value: Any) -> str:
    """A cell of a CSV file."""
    if value is None:
        return ""
    if isinstance(value, dt.date):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    return _harmless(value) if isinstance(value, str) else repr(value)


def _harmless(words: str) -> str:
    """Words that no spreadsheet takes for a formula.

    >>> _harmless("=1+1"), _harmless("Wu")
    ("'=1+1", 'Wu')
    """
    return f"'{words}" if words.startswith(_FORMULA) else words


def _width(values: Sequence[Any], column: Column) -> int:
    """Width of a column of a sheet, from the widest line in it."""
    shown = {value for value in values if isinstance(value, str)}
    if numbers := [value for value in values if isinstance(value, int | float)]:
        shown |= {f"{value:,.2f}" for value in (min(numbers), max(numbers))}
    if column.unit != "text" and any(isinstance(value, dt.date) for value in values):
        shown.add("0000-00-00")
    widest = max((display_width(line) for words in shown for line in words.splitlines()), default=0)
    return min(48, max(9, widest + 2))


def _tab_names(names: Sequence[Text], edition: Edition) -> list[str]:
    """Names of sheets as Excel allows them: 31 characters, none of []:*?/\\, each once."""
    taken: list[str] = []
    for name in names:
        words = re.sub(r"[\[\]:*?/\\]", " ", name.render(edition)).strip("' ")[:31] or "Sheet"
        shown, n = words, 1
        while shown.lower() in {t.lower() for t in taken}:
            n += 1
            shown = f"{words[: 30 - len(str(n))]} {n}"
        taken.append(shown)
    return taken


def _choice_ranges(sheets: Sequence[Sheet], tab: str) -> dict[tuple[int, str], str]:
    """(sheet, column) → where its choices stand in the sheet of choices."""
    ranges, place = {}, 0
    for number, sheet in enumerate(sheets):
        for column, words in sheet.choices.items():
            letter = xlsxwriter.utility.xl_col_to_name(place)
            ranges[number, column] = f"='{tab}'!${letter}$2:${letter}${1 + len(words)}"
            place += 1
    return ranges
