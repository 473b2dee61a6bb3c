"""One file of a delivery → a relation of raw text with the row numbers of the file (D1).

Whatever the format, a cell arrives as the text that the client's program would show: dates of Excel as ISO, whole
numbers without ``.0``. Only Parquet, which knows its types, keeps them. Columns are called ``c0 … cn`` in the
relation, ``_row`` is the number that a spreadsheet program shows beside the row. Rows without any value are no rows.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as arrow_csv
from python_calamine import CalamineError, CalamineWorkbook

from workbook.errors import DeliveryError
from workbook.settings.models import Source
from workbook.sources.databases import DATABASE_ENDINGS, database_tables, load_table
from workbook.sources.encoding import find_encoding

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
EXCEL_ENDINGS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
PARQUET_ENDINGS = (".parquet", ".pq")
JSON_ENDINGS = (".jsonl", ".ndjson")
ENDINGS = TEXT_ENDINGS + EXCEL_ENDINGS + PARQUET_ENDINGS + JSON_ENDINGS + DATABASE_ENDINGS
ZIPPED = ".gz"
"""A text file or JSON lines may come packed, as ``orders.csv.gz``."""

DELIMITERS = (",", "\t", ";", "|")
BLANKS = " "
"""The delimiter of files whose columns are set apart by one or more spaces."""

_BINARY = {
    b"PK\x03\x04": "an Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF file",
    b"\x1f\x8b": "a gzip file",
    b"\x89PNG": "a picture",
}
_BLOCK = 1 << 24
_LARGEST = 1 << 32
_RUN = re.compile(rb"[ \t]+")


@dataclass(frozen=True)
class RawFile:
    """A file as it stands.

    Attributes:
        name: the file as people call it: its path inside the delivery.
        relation: DuckDB table or view with ``_row`` and ``c0 … cn``.
        columns: the file's own column names, in the order of ``c0 … cn``.
        types: the DuckDB type of each column; ``VARCHAR`` except for Parquet.
        rows: rows with at least one value, those of ``misfits`` included.
        misfits: row number and text of the rows that have too many or too few cells.
        iso_dates: True where the format itself knows dates, which then arrive as ISO.
    """

    name: str
    relation: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: int
    misfits: tuple[tuple[int, str], ...] = ()
    iso_dates: bool = False


def ending_of(path: Path) -> str:
    """The ending that tells what a file is, without that of its packing: ``.csv`` of ``orders.csv.gz``."""
    ending = path.suffix.lower()
    return Path(path.stem).suffix.lower() if ending == ZIPPED else ending


def content_of(path: Path, name: str) -> bytes:
    """The bytes of a file, unpacked where it is packed.

    Raises:
        DeliveryError: where it is no sound gzip file, or larger than 4 GB unpacked.
    """
    if path.suffix.lower() != ZIPPED:
        return path.read_bytes()
    try:
        with gzip.open(path) as packed:
            content = packed.read(_LARGEST + 1)
    except (OSError, EOFError, zlib.error) as fault:
        raise _fault(name, f"a file that gzip cannot unpack ({fault})", "a whole .gz file", "pack it again") from None
    if len(content) > _LARGEST:
        raise _fault(name, "more than 4 GB once unpacked", "at most 4 GB", "deliver it in parts or as Parquet")
    return content


def read_file(connection: duckdb.DuckDBPyConnection, path: Path, name: str, source: Source, relation: str) -> RawFile:
    """Read one file into *relation* of *connection*.

    Args:
        path: the file.
        name: how messages call it.
        source: what the settings say of it (sheet or table, header_row, encoding, delimiter).
        relation: name of the DuckDB relation to make.

    Raises:
        DeliveryError: where the file is missing, empty, only a header, of another kind than its name says, or undecodable.
    """
    if not path.is_file():
        raise _fault(name, "no such file", "the file named in sources.file", "deliver it or correct the name")
    if path.stat().st_size == 0:
        raise _fault(name, "an empty file (0 bytes)", "a header and rows", "export it again")
    ending = ending_of(path)
    if ending in PARQUET_ENDINGS:
        raw = _read_parquet(connection, path, name, relation)
    elif ending in EXCEL_ENDINGS:
        raw = _read_excel(connection, path, name, source, relation)
    elif ending in JSON_ENDINGS:
        raw = _read_json_lines(connection, path, name, relation)
    elif ending in DATABASE_ENDINGS:
        raw = _read_database(connection, path, name, source, relation)
    elif ending in TEXT_ENDINGS:
        raw = _read_text(connection, path, name, source, relation)
    else:
        known = ", ".join(ENDINGS)
        raise _fault(name, f"the ending {ending or '(none)'}", f"one of {known}", "export it in one of these formats")
    if raw.rows == 0:
        raise _fault(
            name, "a header only, no rows", f"rows for the table {source.table}", "export it again, or take it out of sources"
        )
    return raw


def _fault(name: str, found: str, expected: str, do: str) -> DeliveryError:
    return DeliveryError([f"{name}: found {found}; expected {expected}; {do}"])


# text ------------------------------------------------------------------------------------------------------------


def _read_text(connection: duckdb.DuckDBPyConnection, path: Path, name: str, source: Source, relation: str) -> RawFile:
    content = content_of(path, name)
    for magic, kind in _BINARY.items():
        if content.startswith(magic):
            raise _fault(name, f"{kind} under the name of a text file", "text with columns", "rename or export it as CSV")
    content = as_utf8(content, name, source.encoding)
    if b"\x00" in content[:65536]:
        raise _fault(name, "a binary file (NUL bytes)", "text with columns", "export it as CSV")
    try:
        return _read_columns(connection, content, name, source, relation)
    except (csv.Error, pa.ArrowInvalid) as fault:
        found = f"text that cannot be cut into columns ({fault})"
        raise _fault(name, found, "rows of columns", "set sources.delimiter, or export it again") from None


def _read_columns(connection: duckdb.DuckDBPyConnection, content: bytes, name: str, source: Source, relation: str) -> RawFile:
    """The rows of a text in UTF-8."""
    if not content.endswith((b"\n", b"\r")):
        content += b"\n"  # a header alone, and nothing behind it, is a whole line too
    if source.delimiter == BLANKS:
        content = b"\n".join(_RUN.sub(b"\t", line.strip()) for line in content.splitlines())
    skipped = max(source.header_row - 1, 0)
    lines = content.splitlines(keepends=True) if skipped else []
    start = sum(len(line) for line in lines[:skipped])
    head = content[start : start + (1 << 20)].decode("utf-8", "ignore")
    delimiter = "\t" if source.delimiter == BLANKS else source.delimiter or find_delimiter(head)
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    header = next(reader, [])
    told = reader.line_num if source.header_row else 0
    header = header if source.header_row else _numbered(len(header))
    if not any(cell.strip() for cell in header):
        raise _fault(name, f"no column names in row {source.header_row}", "a header", "set sources.header_row")
    cells = [f"c{i}" for i in range(len(header))]
    misfits: list[tuple[int, str]] = []

    def misfit(row: arrow_csv.InvalidRow) -> str:
        misfits.append((row.number, row.text))
        return "skip"

    # the header may itself hold line breaks: skip what the csv module consumed for it
    table = arrow_csv.read_csv(
        pa.BufferReader(content),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=cells, skip_rows=skipped + told, block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=misfit
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(cells, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    )
    _refuse_open_quote(table, misfits, content, name)
    shift = max(told - 1, 0)  # rows are counted as a spreadsheet does: a header of several lines is one row
    misfits = [(number - shift, text) for number, text in misfits]
    blank = {number for number, text in misfits if not text.strip()}
    numbers = _row_numbers(table.num_rows, source.header_row + 1, {number for number, _ in misfits})
    return _load(
        connection, relation, name, header, table.append_column("_row", numbers), [m for m in misfits if m[0] not in blank]
    )


def as_utf8(content: bytes, name: str, given: str | None) -> bytes:
    """The text as UTF-8, in the encoding given or found by evidence.

    Raises:
        DeliveryError: where the bytes are no text in it.
    """
    if given:
        try:
            words = content.decode(given)
        except LookupError:
            raise _fault(
                name, f"the encoding {given!r} in sources.encoding", "a name that Python knows", "e.g. gb18030"
            ) from None
        except UnicodeDecodeError as fault:
            row = content.count(b"\n", 0, fault.start) + 1
            raise _fault(
                name, f"bytes in row {row} that are not {given}", f"text in {given}", "correct or remove sources.encoding"
            ) from None
        return words.removeprefix("\ufeff").encode()
    encoding = find_encoding(content, name)
    if encoding == "utf-8":
        return content
    try:
        return content.decode(encoding).encode()
    except UnicodeDecodeError as fault:
        raise _fault(
            name,
            f"bytes at {fault.start} that are not {encoding}",
            f"text in {encoding}, as its first bytes say",
            "export it again",
        ) from None


def _numbered(width: int) -> list[str]:
    """Names for the columns of a file without a header."""
    return [f"column {i}" for i in range(1, width + 1)]


def find_delimiter(head: str) -> str:
    """The character that parts the header into most columns; a comma where there is only one."""
    parts = {d: len(next(csv.reader(io.StringIO(head, newline=""), delimiter=d), [])) for d in DELIMITERS}
    return max(DELIMITERS, key=lambda d: parts[d])


def _refuse_open_quote(table: pa.Table, misfits: Sequence[tuple[int, str]], content: bytes, name: str) -> None:
    """A quotation mark that is never closed swallows the rest of the file: that is no row."""
    if content.count(b'"') % 2 == 0:
        return
    last = [table.column(c)[-1].as_py() for c in table.column_names] if table.num_rows else []
    if any("\n" in cell for cell in last) or (misfits and "\n" in misfits[-1][1]):
        row = content.count(b"\n", 0, content.rfind(b'"')) + 1
        raise _fault(name, f"a quotation mark in line {row} that is never closed", "pairs of marks", "mend that line")


def _row_numbers(rows: int, first: int, taken: set[int]) -> pa.Array:
    """The numbers of *rows* rows that stand in a file from row *first* on, where *taken* rows stand between them."""
    import numpy as np

    if not taken:
        return pa.array(np.arange(first, first + rows, dtype=np.int64))
    everything = np.arange(first, first + rows + len(taken), dtype=np.int64)
    return pa.array(np.setdiff1d(everything, np.fromiter(taken, dtype=np.int64), assume_unique=True)[:rows])


# Excel -----------------------------------------------------------------------------------------------------------


def _read_excel(connection: duckdb.DuckDBPyConnection, path: Path, name: str, source: Source, relation: str) -> RawFile:
    try:
        book = CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError) as fault:
        raise _fault(name, f"a file that Excel cannot open ({fault})", "an Excel file", "save it again from Excel") from None
    if source.sheet is not None and source.sheet not in book.sheet_names:
        sheets = ", ".join(repr(s) for s in book.sheet_names)
        raise _fault(name, f"no sheet {source.sheet!r}", f"one of {sheets}", "correct sources.sheet")
    rows = book.get_sheet_by_name(source.sheet or book.sheet_names[0]).to_python(skip_empty_area=False)
    if source.header_row:
        header = [cell_text(c) for c in rows[source.header_row - 1]] if len(rows) >= source.header_row else []
        while header and not header[-1].strip():
            header.pop()
    else:
        header = _numbered(len(rows[0])) if rows else []
    if not header:
        raise _fault(name, f"no column names in row {source.header_row}", "a header", "set sources.header_row")
    width = len(header)
    body = [[cell_text(c) for c in row[:width]] for row in rows[source.header_row :]]
    arrays = (
        [pa.array(column, pa.string()) for column in zip(*body, strict=True)] if body else [pa.array([], pa.string())] * width
    )
    table = pa.table(arrays, names=[f"c{i}" for i in range(width)])
    numbers = _row_numbers(len(body), source.header_row + 1, set())
    return _load(connection, relation, name, header, table.append_column("_row", numbers), [], iso_dates=True)


def cell_text(value: object) -> str:
    """A cell as its reader sees it: dates as ISO, whole numbers without a decimal point.

    >>> cell_text(13812345678.0), cell_text(dt.datetime(2025, 1, 2)), cell_text(0.5), cell_text(True)
    ('13812345678', '2025-01-02', '0.5', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        whole_day = value.time() == dt.time(0)
        return value.date().isoformat() if whole_day else value.isoformat(" ", "seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return "" if value is None else str(value)


# Parquet and JSON ------------------------------------------------------------------------------------------------


def _read_parquet(connection: duckdb.DuckDBPyConnection, path: Path, name: str, relation: str) -> RawFile:
    place = "'" + str(path).replace("'", "''") + "'"
    try:
        described = connection.execute(f"describe select * from read_parquet({place})").fetchall()
    except duckdb.Error:
        raise _fault(name, "a file that is not Parquet", "a Parquet file", "export it again") from None
    columns = tuple(str(row[0]) for row in described)
    picked = ", ".join(f'"{c.replace(chr(34), chr(34) * 2)}" as c{i}' for i, c in enumerate(columns))
    connection.execute(
        f"create or replace view {relation} as select file_row_number + 2 as _row, {picked} "
        f"from read_parquet({place}, file_row_number=true)"
    )
    rows = _one(connection, f"select count(*) from {relation}")
    return RawFile(name, relation, columns, tuple(str(row[1]) for row in described), rows, iso_dates=True)


def _read_json_lines(connection: duckdb.DuckDBPyConnection, path: Path, name: str, relation: str) -> RawFile:
    records: list[dict[str, object]] = []
    for number, line in enumerate(as_utf8(content_of(path, name), name, None).decode().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as fault:
            raise _fault(name, f"in line {number} {fault.msg}", "one JSON object a line", "mend that line") from None
        if not isinstance(record, dict):
            raise _fault(name, f"in line {number} {type(record).__name__}", "one JSON object a line", "mend that line")
        records.append({"_row": number, **record})
    columns = list(dict.fromkeys(key for record in records for key in record if key != "_row"))
    arrays = [pa.array([_json_cell(record.get(c)) for record in records], pa.string()) for c in columns]
    table = pa.table(arrays, names=[f"c{i}" for i in range(len(columns))])
    numbers = pa.array([record["_row"] for record in records], pa.int64())
    return _load(connection, relation, name, columns, table.append_column("_row", numbers), [])


def _json_cell(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else cell_text(value)


# databases -------------------------------------------------------------------------------------------------------


def _read_database(connection: duckdb.DuckDBPyConnection, path: Path, name: str, source: Source, relation: str) -> RawFile:
    tables = database_tables(path, name)
    chosen = source.sheet or next(iter(tables), None)
    if chosen not in tables:
        found = f"no table {chosen!r}" if chosen else "a database without a table"
        raise _fault(name, found, f"one of {', '.join(map(repr, tables)) or 'its tables'}", "correct sources.sheet")
    columns = load_table(connection, path, chosen, relation)
    types = [str(row[1]) for row in connection.execute(f"describe {relation}").fetchall()[1:]]
    rows = _one(connection, f"select count(*) from {relation}")
    return RawFile(name, relation, tuple(columns), tuple(types), rows, iso_dates=True)


# loading ---------------------------------------------------------------------------------------------------------


def _load(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    name: str,
    header: Sequence[str],
    table: pa.Table,
    misfits: Sequence[tuple[int, str]],
    *,
    iso_dates: bool = False,
) -> RawFile:
    columns = tuple(cell.strip().lstrip("\ufeff") for cell in header)
    filled = " or ".join(f"trim(c{i}) <> ''" for i in range(len(columns))) or "false"
    connection.register("arriving", table)
    connection.execute(f"create or replace table {relation} as select * from arriving where {filled}")
    connection.unregister("arriving")
    rows = _one(connection, f"select count(*) from {relation}") + len(misfits)
    return RawFile(name, relation, columns, ("VARCHAR",) * len(columns), rows, tuple(misfits), iso_dates)


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchall()[0]
    return int(row[0])
