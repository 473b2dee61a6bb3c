"""Rows that were delivered before: a batch twice, exports that overlap, older versions of a record (D2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from workbook.sources.fates import count_in, lose
from workbook.sources.typed import Delivered
from workbook.tables import TableSchema

OVERLAP_COLUMNS = ("file", "other", "table", "rows", "share", "kind")
SMALLEST_BATCH = 20
"""So many rows in a row that equal an earlier stretch of the same file are a batch delivered twice and no coincidence."""

_WHOLE = 0.99
_DIFFERENT = 10


def drop_repeated(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> int:
    """Rows without a key of their own that an earlier file holds already are repeated.

    Inside one file equal rows may be right (two of the same article): the n-th of them repeats only the n-th of an earlier
    file, unless a whole stretch of the file stands there twice. Returns how many equal rows were kept.
    """
    # without its date a row is told apart by the rest of its key, which keeps one of each
    key = set(schema.identity) - {schema.event}
    keyless = [d for d in files if d.source.group or not key <= set(d.typed.columns)]
    if not keyless:
        return 0
    columns = ", ".join(f'"{c}"' for c in schema.columns)
    content = f"hash({columns}) as _h, hash('again', {columns}) as _g"
    numbers = ", ".join(str(d.file) for d in keyless)
    rows = f"(select _file, _row, {content} from clean_{schema.name} where _file in ({numbers}))"
    if not _equal_rows(connection, rows):
        return 0
    _drop_batches(connection, schema, rows)
    if len(keyless) > 1:
        connection.execute(
            f"""
            create or replace temp table again as
            with numbered as (
                select _file, _row, _h, _g, row_number() over (partition by _h, _g, _file order by _row) as _n from {rows}
            )
            select _file, _row, _twin from (
                select _file, _row, row_number() over same as _copy, first_value(_file) over same as _twin
                from numbered window same as (partition by _h, _g, _n order by _file)
            ) where _copy > 1
            """
        )
        lose(connection, schema, "again", "'repeated'", "null", "_twin")
    return 0 if all(d.source.group for d in keyless) else _equal_rows(connection, rows)


def _equal_rows(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(connection.execute(f"select count(*) - count(distinct (_h, _g)) from {rows}").fetchall()[0][0])


def _drop_batches(connection: duckdb.DuckDBPyConnection, schema: TableSchema, rows: str) -> None:
    """The second copy of a stretch of at least :data:`SMALLEST_BATCH` rows that follow one another twice in one file.

    Candidates are the distances between a row and its next equal; a distance at which a whole stretch repeats is a batch.
    """
    connection.execute(
        f"""
        create or replace temp table placed as
        select *, row_number() over (partition by _file order by _row) as _place from {rows}
        """
    )
    distances = connection.execute(
        f"""
        select _file, _gap from (
            select _file, lead(_place) over (partition by _file, _h, _g order by _place) - _place as _gap from placed
        ) where _gap is not null
        group by _file, _gap having count(*) >= {SMALLEST_BATCH}
        order by _file, count(*) desc, _gap limit 10
        """
    ).fetchall()
    for file, gap in distances:
        connection.execute(
            f"""
            create or replace temp table batch as
            with again as (
                select later._file, later._row, later._h, later._place,
                    later._place - row_number() over (order by later._place) as _stretch
                from placed as earlier join placed as later
                    on later._file = earlier._file and later._place = earlier._place + {gap}
                    and later._h = earlier._h and later._g = earlier._g
                where earlier._file = {file}
            )
            select _file, _row from again
            where _stretch in (
                select _stretch from again group by _stretch
                having count(*) >= {SMALLEST_BATCH} and count(distinct _h) >= {_DIFFERENT}
            )
            """
        )
        lose(connection, schema, "batch", "'repeated'", "null", "losers._file")


def keep_latest(connection: duckdb.DuckDBPyConnection, schema: TableSchema, apart: str) -> None:
    """One row a key: the one updated last, else the last delivered; equal ones are repeated, the others quarantined. Where a
    table may hold several, all different ones of the last file that has the key.

    Args:
        apart: SQL that tells rows of different systems, whose keys may be equal and mean different customers; may be empty.
    """
    name = schema.name
    key = ", ".join([*(f'"{k}"' for k in schema.key), *([apart] if apart else [])])
    row = connection.execute(f"select count(*), count(distinct ({key})) from clean_{name}").fetchall()[0]
    if row[0] == row[1]:
        return
    columns = ", ".join(f'"{c}"' for c in schema.columns)
    latest = 'order by "updated_at" desc nulls last, _file desc, _row desc' if "updated_at" in schema.columns else (
        "order by _file desc, _row desc"
    )  # fmt: skip
    rank = "dense_rank() over by_file" if schema.several else "row_number() over alike"
    connection.execute(
        f"""
        create or replace temp table losing as
        select _file, _row, _twin, case when _copy > 1 then 'repeated' else 'quarantined' end as _fate,
            case when _copy = 1 then 'duplicate_key' end as _reason
        from (
            select _file, _row, {rank} as _rank, first_value(_file) over alike as _twin,
                row_number() over (partition by {columns}{", " + apart if apart else ""} {latest}) as _copy
            from clean_{name} window alike as (partition by {key} {latest}), by_file as (partition by {key} order by _file desc)
        ) where _rank > 1 or ({schema.several} and _copy > 1)
        """
    )
    lose(connection, schema, "losing", "_fate", "_reason", "_twin")


def find_overlaps(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str],
    files: Mapping[int, str],
    rows_in: Mapping[tuple[str, str], int],
) -> pd.DataFrame:
    """Which files hold rows of which others, from the rows that were repeated.

    Args:
        names: the tables that were cleaned.
        files: number of each file → its name.
        rows_in: (file, table) → rows of the file.

    Returns:
        file, other, table, rows (repeated), share (of the file's rows), kind: ``batch`` (a stretch twice in one file),
        ``whole`` (the file stands whole in the other), ``part`` (exports that overlap), ``scattered`` (single rows twice in
        one file).
    """
    parts = []
    for name in names:
        if not count_in(connection, f"lost_{name} where _twin is not null and _fate = 'repeated'"):
            continue
        found = connection.execute(
            f"""
            select _file, _twin, count(*) as rows, max(_stretch) as longest from (
                select _file, _twin, count(*) over (partition by _file, _twin, _run) as _stretch from (
                    select _file, _twin, _row - row_number() over (partition by _file, _twin order by _row) as _run
                    from lost_{name} where _twin is not null and _fate = 'repeated'
                )
            ) group by _file, _twin order by _file, _twin
            """
        ).fetchall()
        for file, twin, rows, longest in found:
            share = rows / max(rows_in[files[file], name], 1)
            kind = "whole" if share >= _WHOLE else "part"
            if file == twin:
                kind = "batch" if longest >= SMALLEST_BATCH else "scattered"
            parts.append((files[file], files[twin], name, rows, share, kind))
    return pd.DataFrame(parts, columns=list(OVERLAP_COLUMNS)).astype({"rows": "int64", "share": "float64"})
