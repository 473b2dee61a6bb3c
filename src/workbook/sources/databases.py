"""Tables of a database file, SQLite or DuckDB, read without changing it (D1).

Only stored tables are read. A view is a query of the sender's, which could name any file of the reader's machine.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from workbook.errors import DeliveryError

DATABASE_ENDINGS = (".sqlite", ".sqlite3", ".db", ".duckdb")

_SQLITE = b"SQLite format 3\x00"
_DUCKDB = b"DUCK"
_BATCH = 50_000


def database_tables(path: Path, name: str) -> list[str]:
    """The stored tables of a database file, sorted.

    Raises:
        DeliveryError: where the file is neither, or damaged.
    """
    try:
        if _is_sqlite(path):
            with closing(_sqlite(path)) as base:
                found = base.execute(
                    "select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'"
                )
                return sorted(row[0] for row in found.fetchall())
        if _is_duckdb(path):
            with duckdb.connect() as connection:
                _attach(connection, path)
                names = connection.execute(
                    "select table_name from duckdb_tables() where database_name = 'delivered' and schema_name = 'main'"
                ).fetchall()
                return sorted(name for (name,) in names)
    except (sqlite3.Error, duckdb.Error) as fault:
        raise _fault(
            name, f"a database that cannot be opened ({_first_line(fault)})", "copy it again, with nobody writing"
        ) from None
    raise _fault(name, "a file that is no SQLite or DuckDB database", "rename it, or export its tables as CSV")


def load_table(connection: duckdb.DuckDBPyConnection, path: Path, table: str, relation: str) -> list[str]:
    """Copy one stored table into *relation* as ``_row`` (2 is the first, as under a header) and ``c0 … cn``.

    Returns:
        The table's own names of ``c0 … cn``.
    """
    if _is_sqlite(path):
        return _load_sqlite(connection, path, table, relation)
    _attach(connection, path)
    try:
        place = f"delivered.main.{_quoted(table)}"
        names = [row[0] for row in connection.execute(f"describe {place}").fetchall()]
        picked = "".join(f", {_quoted(column)} as c{i}" for i, column in enumerate(names))
        connection.execute(f"create or replace table {relation} as select rowid + 2 as _row{picked} from {place}")
    finally:
        connection.execute("detach delivered")
    return [str(name) for name in names]


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    place = str(path).replace("'", "''")
    connection.execute(f"attach '{place}' as delivered (read_only, type duckdb)")


def _load_sqlite(connection: duckdb.DuckDBPyConnection, path: Path, table: str, relation: str) -> list[str]:
    """SQLite does not type its columns: every cell arrives as text."""
    with closing(_sqlite(path)) as base:
        cursor = base.execute(f"select * from {_quoted(table)}")
        names = [column[0] for column in cursor.description]
        cells = "".join(f", c{i} varchar" for i in range(len(names)))
        connection.execute(f"create or replace table {relation} (_row bigint{cells})")
        first = 2
        for batch in _batches(cursor):
            columns = list(zip(*batch, strict=True))
            arrays = [pa.array(range(first, first + len(batch)), pa.int64())]
            arrays += [pa.array([_text(cell) for cell in column], pa.string()) for column in columns]
            arriving = pa.table(arrays, names=["_row", *(f"c{i}" for i in range(len(names)))])
            connection.register("arriving", arriving)
            connection.execute(f"insert into {relation} select * from arriving")
            connection.unregister("arriving")
            first += len(batch)
    return [str(name) for name in names]


def _batches(cursor: sqlite3.Cursor) -> Iterator[list[tuple[object, ...]]]:
    while batch := cursor.fetchmany(_BATCH):
        yield batch


def _text(cell: object) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, bytes):
        return cell.hex()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)


def _sqlite(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    base.text_factory = lambda words: words.decode("utf-8", "replace")
    return base


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _is_duckdb(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(12)[8:] == _DUCKDB


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(fault: Exception) -> str:
    return next(iter(str(fault).splitlines()), type(fault).__name__)


def _fault(name: str, found: str, do: str) -> DeliveryError:
    return DeliveryError([f"{name}: found {found}; expected a SQLite or DuckDB database; {do}"])
