"""Every file of a folder → the tables in it, read whole, with the facts of every column; what cannot be read says why (D1)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import duckdb
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import DeliveryError, WorkbookError
from workbook.settings.models import Source
from workbook.sources.columns import tidy_text
from workbook.sources.databases import DATABASE_ENDINGS, database_tables
from workbook.sources.inspection.facts import Facts, column_facts
from workbook.sources.inspection.layout import HEAD_BYTES, Layout, find_delimiter_of, find_layout, head_rows
from workbook.sources.inspection.vocabulary import Vocabulary
from workbook.sources.read import (
    ENDINGS,
    EXCEL_ENDINGS,
    TEXT_ENDINGS,
    RawFile,
    as_utf8,
    cell_text,
    content_of,
    ending_of,
    find_delimiter,
    read_file,
)

PASSED_OVER = ("thumbs.db", "desktop.ini")
"""Files that operating systems leave in folders."""

_HEAD_ROWS = 200
_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Reading:
    """How a table of a file is read, as the settings of a source say it."""

    sheet: str | None = None
    header_row: int = 1
    encoding: str | None = None
    delimiter: str | None = None

    def source(self, file: str, table: str = "orders") -> Source:
        """A source without columns that reads the file so."""
        return Source(
            table=table, file=file, columns={}, sheet=self.sheet, header_row=self.header_row,
            encoding=self.encoding, delimiter=self.delimiter,
        )  # fmt: skip


@dataclass(frozen=True)
class Extract:
    """One table of one file.

    Attributes:
        file: path inside the folder, with ``/``.
        reading: how it is read.
        raw: its rows in DuckDB.
        facts: of each column, in order.
        above: rows passed over above the column names.
        sheets: sheets or tables in the file.
        files: number of files; ``file`` is a pattern where there are several.
    """

    file: str
    reading: Reading
    raw: RawFile
    facts: tuple[Facts, ...]
    above: int = 0
    sheets: int = 1
    files: int = 1

    @property
    def name(self) -> str:
        """The table as people call it: its file, and its sheet where there are several."""
        return f"{self.file} [{self.reading.sheet}]" if self.sheets > 1 else self.file

    def column(self, name: str) -> Facts:
        """The facts of the column called *name*; the first of several."""
        return self.facts[self.raw.columns.index(name)]


@dataclass(frozen=True)
class Unread:
    """A file, or a sheet of it, that holds no table: why, in the words of the error."""

    file: str
    why: str


def delivered_paths(folder: Path) -> list[tuple[str, Path]]:
    """The files of a folder and its subfolders, by path inside it; hidden ones, locks and links that lead out left out."""
    inside = folder.resolve()
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in sorted(files):
            path = Path(root) / name
            if name.startswith((".", "~$")) or name.casefold() in PASSED_OVER or not path.is_file():
                continue
            if inside in path.resolve().parents:
                found.append((path.relative_to(folder).as_posix(), path))
    return found


def read_folder(
    connection: duckdb.DuckDBPyConnection, folder: Path, vocabulary: Vocabulary
) -> tuple[list[Extract], list[Unread]]:
    """Every table of every file of *folder*, and what could not be read.

    Args:
        connection: DuckDB that takes the rows.
    """
    found: list[tuple[RawFile, Reading, int, int]] = []
    unread: list[Unread] = []
    for file, path in delivered_paths(folder):
        if ending_of(path) not in ENDINGS:
            if path.suffix.casefold() not in (".md", ".pdf", ".docx", ".doc"):
                unread.append(Unread(file, f"the ending {path.suffix or '(none)'}; expected one of {', '.join(ENDINGS)}"))
            continue
        try:
            readings = list(_readings(path, file, vocabulary))
        except DeliveryError as fault:
            unread.append(Unread(file, _why(fault, file)))
            continue
        for reading, above in readings:
            relation = f"extract_{len(found)}"
            shown = f"{file} [{reading.sheet}]" if len(readings) > 1 else file
            try:
                raw = read_file(connection, path, file, reading.source(file), relation)
            except DeliveryError as fault:
                unread.append(Unread(shown, _why(fault, file)))
                continue
            found.append((raw, reading, above, len(readings)))
    return [_extract(connection, batch, vocabulary) for batch in _batches(found)], unread


def _batches(found: Sequence[tuple[RawFile, Reading, int, int]]) -> list[list[tuple[RawFile, Reading, int, int]]]:
    """Files of one form whose names differ in numbers alone (``orders_2025-01.csv``, ``orders_2025-02.csv``) are one table."""
    batches: dict[tuple[object, ...], list[tuple[RawFile, Reading, int, int]]] = {}
    for one in found:
        raw, reading = one[0], one[1]
        batches.setdefault((_NUMBER.sub("#", raw.name), reading, raw.columns), []).append(one)
    names = {raw.name for raw, *_ in found}
    result: list[list[tuple[RawFile, Reading, int, int]]] = []
    for batch in batches.values():
        own = {raw.name for raw, *_ in batch}
        if {name for name in names if fnmatchcase(name, pattern_of(sorted(own)).replace("[", "[[]"))} == own:
            result.append(batch)
        else:
            result += [[one] for one in batch]
    return result


def _extract(
    connection: duckdb.DuckDBPyConnection, batch: Sequence[tuple[RawFile, Reading, int, int]], vocabulary: Vocabulary
) -> Extract:
    raw, reading, above, sheets = batch[0]
    file = pattern_of([one.name for one, *_ in batch])
    if len(batch) > 1:
        cells = [
            ", ".join(tidy_text(f"c{i}", kind, signs=False) + f" as c{i}" for i, kind in enumerate(one.types))
            for one, *_ in batch
        ]
        relation = f"{raw.relation}_batch"
        parts = " union all ".join(f"select _row, {c} from {one.relation}" for c, (one, *_) in zip(cells, batch, strict=True))
        connection.execute(f"create or replace temp view {relation} as {parts}")
        types = ("VARCHAR",) * len(raw.columns)
        raw = RawFile(file, relation, raw.columns, types, sum(one.rows for one, *_ in batch), iso_dates=raw.iso_dates)
    facts = tuple(column_facts(connection, raw, vocabulary, reading.source(file).missing))
    return Extract(file, reading, raw, facts, above, sheets, len(batch))


def _as_text(raw: RawFile) -> str:
    return ", ".join(tidy_text(f"c{i}", kind, signs=False) + f" as c{i}" for i, kind in enumerate(raw.types))


def pattern_of(names: Sequence[str]) -> str:
    """The name, or the pattern, of files whose names differ in numbers alone.

    >>> pattern_of(["orders_2025-01.csv", "orders_2025-02.csv"])
    'orders_2025-*.csv'
    """
    parts = [_NUMBER.split(name) for name in names]
    numbers = [_NUMBER.findall(name) for name in names]
    same = [len({n[i] for n in numbers}) == 1 for i in range(len(numbers[0]))]
    middle = [numbers[0][i] if one else "*" for i, one in enumerate(same)]
    return "".join(a + b for a, b in zip(parts[0], [*middle, ""], strict=True))


def _why(fault: WorkbookError, file: str) -> str:
    """What was found, without what the settings of a source would need, which do not exist yet."""
    return str(fault).removeprefix(f"{file}: found ").partition("; expected ")[0]


def _readings(path: Path, file: str, vocabulary: Vocabulary) -> Iterator[tuple[Reading, int]]:
    """How each table of a file is read, and the rows passed over above its names."""
    ending = ending_of(path)
    if ending in EXCEL_ENDINGS:
        yield from _sheets(path, file, vocabulary)
    elif ending in DATABASE_ENDINGS:
        for table in database_tables(path, file):
            yield Reading(sheet=table), 0
    elif ending in TEXT_ENDINGS and path.stat().st_size:
        content = content_of(path, file)
        head = as_utf8(content, file, None)[:HEAD_BYTES].decode("utf-8", "ignore")
        delimiter = find_delimiter_of(head)
        layout = find_layout(head_rows(head, delimiter), vocabulary)
        rest = "".join(head.splitlines(keepends=True)[max(layout.header_row - 1, 0) :])
        given = None if find_delimiter(rest) == delimiter else delimiter
        yield Reading(header_row=layout.header_row, delimiter=given), layout.above
    else:
        yield Reading(), 0


def _sheets(path: Path, file: str, vocabulary: Vocabulary) -> Iterator[tuple[Reading, int]]:
    try:
        book = CalamineWorkbook.from_path(str(path))
        names: Sequence[str] = book.sheet_names
        for name in names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=_HEAD_ROWS)
            layout = find_layout([[cell_text(cell) for cell in row] for row in rows], vocabulary)
            layout = layout if rows else Layout(1, 0)
            yield Reading(sheet=name if len(names) > 1 else None, header_row=layout.header_row), layout.above
    except (CalamineError, OSError) as fault:
        raise DeliveryError(
            [f"{file}: found a file that Excel cannot open ({fault}); expected an Excel file; save it again from Excel"]
        ) from None
