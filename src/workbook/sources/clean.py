"""Typed files → one clean canonical table, and where every row of every file went (D2).

Each row of a file has one fate: kept, quarantined with a reason, repeated (delivered twice) or set aside (after the
analysis date). Nothing is dropped in silence: :func:`count_rows` holds the sum of the fates against the rows of the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.settings.models import Analysis, Source
from workbook.sources.columns import DERIVED_IDS, TypedSource
from workbook.sources.parsing import literal
from workbook.sources.read import RawFile
from workbook.tables import SCHEMAS, SQL_TYPES, TableSchema

PARENTS = {"order_lines": ("orders", "order_id"), "campaign_contacts": ("campaigns", "campaign_id")}
"""Tables whose rows carry no date of their own, the table that they belong to and its key."""


@dataclass(frozen=True)
class Delivered:
    """A file that was read, and its source typed: ``file`` is its number, in the order in which later files win."""

    file: int
    raw: RawFile
    typed: TypedSource
    source: Source


@dataclass(frozen=True)
class RowCount:
    """Where the rows of one file went on their way to one table."""

    file: str
    table: str
    system: str
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    rows_repeated: int
    rows_set_aside: int


@dataclass(frozen=True)
class CleanTable:
    """One canonical table.

    Attributes:
        name: the table; the DuckDB table ``clean_<name>`` holds its rows, ``lost_<name>`` the fates of the others
            (``_file``, ``_row``, ``_fate``, ``_reason`` and the key).
        notes: what was given or derived: (column, repair, rows).
        identical: rows that equal another one and were kept, since no key tells them apart.
    """

    name: str
    notes: tuple[tuple[str, str, int], ...]
    identical: int


def clean_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    files: Sequence[Delivered],
    period: Period,
    analysis: Analysis,
    *,
    apart: str = "",
) -> CleanTable:
    """Gather the files of one table, set aside, quarantine, group, and leave one row a key.

    Args:
        files: the typed files of the table, earlier deliveries first.
        period: rows dated after its end are set aside.
        analysis: ``finished_orders`` says which order states are sales.
        apart: SQL over ``_file``; rows for which it differs are never versions of one another, whatever their key.
    """
    schema = SCHEMAS[name]
    _gather(connection, schema, files, period, analysis)
    _follow_parent(connection, schema)
    identical = _drop_repeated(connection, schema, files)
    notes = [*_multiply_prices(connection, schema), *_derive_ids(connection, schema, files)]
    _group(connection, schema, files)
    notes += _give_ids(connection, schema)
    _keep_latest(connection, schema, apart)
    return CleanTable(name, tuple(notes), identical)


def fill_amounts(connection: duckdb.DuckDBPyConnection) -> int:
    """Orders without an amount get the sum of their lines; returns how many."""
    missing = _count(connection, "clean_orders where amount is null")
    if not missing:
        return 0
    connection.execute(
        """
        update clean_orders set amount = lines.amount
        from (select order_id, sum(amount)::decimal(18,4) as amount from clean_order_lines group by order_id) as lines
        where clean_orders.amount is null and lines.order_id = clean_orders.order_id
        """
    )
    return missing - _count(connection, "clean_orders where amount is null")


def add_customers(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> int:
    """Customers that *tables* name and the customer table lacks are added with their id alone; returns how many."""
    before = _count(connection, "clean_customers")
    naming = [table for table in tables if "customer_id" in SCHEMAS[table].columns]
    if not naming:
        return 0
    named = " union ".join(f"select customer_id from clean_{table}" for table in naming)
    connection.execute(
        f"insert into clean_customers by name select distinct customer_id from ({named}) as named "
        "where customer_id is not null and customer_id not in (select customer_id from clean_customers)"
    )
    return _count(connection, "clean_customers") - before


def count_rows(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Delivered]) -> list[RowCount]:
    """The row ledger of one table: rows in = kept + quarantined + repeated + set aside, for each file.

    Raises:
        WorkbookError: where the sum does not hold (a defect of this package, never of a delivery).
    """
    lost: Mapping[tuple[int, str], int] = {
        (file, fate): rows
        for file, fate, rows in connection.execute(
            f"select _file, _fate, count(*) from lost_{name} group by all order by all"
        ).fetchall()
    }
    kept = dict(
        connection.execute(f"select _file, count(*) from ({_kept_rows(name, files)}) group by _file order by _file").fetchall()
    )
    counts = []
    for delivered in files:
        quarantined, repeated, aside = (
            lost.get((delivered.file, fate), 0) for fate in ("quarantined", "repeated", "set_aside")
        )
        quarantined += len(delivered.raw.misfits)
        row = RowCount(
            delivered.raw.name, name, delivered.source.system, delivered.raw.rows,
            kept.get(delivered.file, 0), quarantined, repeated, aside,
        )  # fmt: skip
        if row.rows_in != row.rows_kept + row.rows_quarantined + row.rows_repeated + row.rows_set_aside:
            raise WorkbookError(f"{row.file}: rows do not add up: {row}")
        counts.append(row)
    return counts


def _kept_rows(name: str, files: Sequence[Delivered]) -> str:
    """The file rows behind the clean table: itself, or the members of its groups."""
    grouped = ", ".join(str(d.file) for d in files if d.source.group)
    if not grouped:
        return f"select _file from clean_{name}"
    same = " and ".join(f'members."{k}" is not distinct from clean."{k}"' for k in SCHEMAS[name].key)
    return (
        f"select _file from clean_{name} where _file not in ({grouped}) union all "
        f"select members._file from members_{name} as members join clean_{name} as clean "
        f"on clean._file in ({grouped}) and {same}"
    )


def _gather(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered], period: Period, analysis: Analysis
) -> None:
    """All files under one another: sound rows in ``clean_<table>``, the others in ``lost_<table>``."""
    name = schema.name
    parts = []
    for d in {d.typed.relation: d for d in files}.values():
        filled = ", ".join(
            f'"{c}"' if c in d.typed.columns else f'null::{SQL_TYPES[kind]} as "{c}"' for c, kind in schema.columns.items()
        )
        reason = "_reason"
        if name == "orders" and analysis.finished_orders and "status" in d.typed.columns:
            states = ", ".join(map(literal, analysis.finished_orders))
            reason = f"coalesce(_reason, case when status is null or status not in ({states}) then 'unfinished_order' end)"
        parts.append(f"select _file, _row, {filled}, {reason} as _reason from {d.typed.relation}")
    aside = f"\"{schema.event}\" >= date '{period.end}' + interval 1 day" if schema.event else "false"
    connection.execute(
        f"create or replace temp view gathered as select *, case when {aside} then 'set_aside' when _reason is not null "
        f"then 'quarantined' else 'kept' end as _fate from ({' union all '.join(parts)})"
    )
    key = ", ".join(f'"{k}"' for k in schema.key)
    connection.execute(
        f"create or replace table clean_{name} as select * exclude (_reason, _fate) from gathered where _fate = 'kept'"
    )
    connection.execute(
        f"create or replace table lost_{name} as select _file, _row, _fate, "
        f"case when _fate = 'quarantined' then _reason end as _reason, {key} from gathered where coalesce(_fate, '') <> 'kept'"
    )


def _follow_parent(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """Rows share the fate of what they belong to: lines of an order set aside or quarantined are not kept without it."""
    parent, key = PARENTS.get(schema.name, ("", ""))
    if not parent or not _exists(connection, f"clean_{parent}"):
        return
    connection.execute(
        f"""
        create or replace temp table following as
        select rows._file, rows._row, parents._fate,
            case when parents._fate = 'quarantined' then '{parent}_quarantined' end as _reason
        from clean_{schema.name} as rows
        join (
            select {key}, max(_fate) as _fate from lost_{parent}
            where _fate in ('set_aside', 'quarantined') and {key} is not null
            group by {key}
        ) as parents on parents.{key} = rows.{key}
        where rows.{key} not in (select {key} from clean_{parent})
        """
    )
    lose(connection, schema, "following", "_fate", "_reason")


def _drop_repeated(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> int:
    """Rows without a key of their own that an earlier file holds already are repeated.

    Inside one file equal rows may be right (two of the same article): the n-th of them repeats only the n-th of an earlier
    file. Returns how many equal rows were kept.
    """
    keyless = [d for d in files if d.source.group or not set(schema.key) <= set(d.typed.columns)]
    if not keyless:
        return 0
    name = schema.name
    columns = ", ".join(f'"{c}"' for c in schema.columns)
    content = f"hash({columns}) as _h, hash('again', {columns}) as _g"
    numbers = ", ".join(str(d.file) for d in keyless)
    if len(keyless) > 1:
        connection.execute(
            f"""
            create or replace temp table again as
            with numbered as (
                select _file, _row, _h, _g, row_number() over (partition by _h, _g, _file order by _row) as _n
                from (select _file, _row, {content} from clean_{name} where _file in ({numbers}))
            )
            select _file, _row from (
                select _file, _row, row_number() over (partition by _h, _g, _n order by _file) as _copy from numbered
            ) where _copy > 1
            """
        )
        lose(connection, schema, "again", "'repeated'", "null")
    if all(d.source.group for d in keyless):
        return 0
    row = connection.execute(
        f"select count(*) - count(distinct (_h, _g)) from (select {content} from clean_{name} where _file in ({numbers}))"
    ).fetchall()[0]
    return int(row[0])


def _group(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> None:
    """Rows of grouped files become one row a key: amounts and numbers summed, of the other columns the first value; where each
    row tells all of it (``group: last``), the last value of every column."""
    chosen = [d for d in files if d.source.group]
    if not chosen:
        return
    name = schema.name
    grouped = ", ".join(str(d.file) for d in chosen)
    key = ", ".join(f'"{k}"' for k in schema.key)
    connection.execute(
        f"create or replace table members_{name} as select _file, _row, {key} from clean_{name} where _file in ({grouped})"
    )
    parts = []
    for last in (False, True):
        numbers = ", ".join(str(d.file) for d in chosen if (d.source.group == "last") is last)
        if numbers:
            merged = ", ".join(_last_cell(schema, c) if last else _summed_cell(schema, c) for c in schema.columns)
            of, order = ("max", "_file desc, _row desc") if last else ("min", "_file, _row")
            parts.append(
                f"select {of}(_file) as _file, first(_row order by {order}) as _row, {merged} "
                f"from clean_{name} where _file in ({numbers}) group by {key}"
            )
    connection.execute(f"create or replace table grouped as {' union all by name '.join(parts)}")
    connection.execute(
        f"create or replace table clean_{name} as select * from clean_{name} where _file not in ({grouped}) "
        "union all by name select * from grouped"
    )


def _summed_cell(schema: TableSchema, column: str) -> str:
    kind = schema.columns[column]
    if column in schema.key:
        return f'"{column}"'
    if kind in ("money", "count") and column != "price":
        return f'sum("{column}")::{SQL_TYPES[kind]} as "{column}"'
    if kind == "number":
        # decimals, so that the sum does not hang on the order of the rows
        return f'sum("{column}"::decimal(28,8))::double as "{column}"'
    return f'first("{column}" order by _file, _row) filter ("{column}" is not null) as "{column}"'


def _last_cell(schema: TableSchema, column: str) -> str:
    if column in schema.key:
        return f'"{column}"'
    return f'first("{column}" order by _file desc, _row desc) filter ("{column}" is not null) as "{column}"'


def _multiply_prices(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> list[tuple[str, str, int]]:
    """Lines without an amount get quantity times unit price, where both are known."""
    if schema.name != "order_lines":
        return []
    without = "amount is null and quantity is not null and price is not null"
    found = _count(connection, f"clean_order_lines where {without}")
    if not found:
        return []
    connection.execute(
        "update clean_order_lines set amount = try_cast(try_cast(quantity as decimal(18,6)) * price as decimal(18,4)) "
        f"where {without}"
    )
    return [("amount", "amount_from_price", found)]


def _derive_ids(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]
) -> list[tuple[str, str, int]]:
    """Orders of files without order numbers get one of customer and time, so that the same order keeps it for ever.

    Rows of one customer and moment are one order where the file is grouped; else the second of them is ``…-2``.
    """
    column = DERIVED_IDS.get(schema.name)
    bare = [d for d in files if column and column not in d.typed.columns]
    if not bare or not schema.event:
        return []
    numbers = ", ".join(str(d.file) for d in bare)
    alone = ", ".join(str(d.file) for d in bare if not d.source.group) or "-1"
    time = f'"{schema.event}"'
    connection.execute(
        f"""
        create or replace table clean_{schema.name} as
        select * exclude (_copy) replace (case when _file in ({numbers}) then concat(
            coalesce(customer_id, 'unknown'), '-', strftime({time}, '%Y%m%dT%H%M%S'),
            case when _copy > 1 and _file in ({alone}) then '-' || _copy end
        ) else "{column}" end as "{column}")
        from (
            select *, row_number() over (
                partition by _file in ({numbers}), customer_id, {time} order by _file, _row
            ) as _copy from clean_{schema.name}
        )
        """
    )
    return [(str(column), "id_of_customer_and_time", _count(connection, f"clean_{schema.name} where _file in ({numbers})"))]


def _give_ids(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> list[tuple[str, str, int]]:
    """Rows without an id of their own get one: lines their number in the order, others file and row."""
    column = schema.key[-1] if schema.name == "order_lines" else schema.key[0]
    if column in schema.required or schema.columns[column] != "id":
        return []
    name = schema.name
    missing = _count(connection, f'clean_{name} where "{column}" is null')
    if not missing:
        return []
    if name == "order_lines":
        given = "'row' || _row" if missing < _count(connection, f"clean_{name}") else (
            "row_number() over (partition by order_id order by _file, _row)::varchar"
        )  # fmt: skip
    else:
        given = "'file' || _file || '-row' || _row"
    connection.execute(
        f"create or replace table clean_{name} as "
        f'select * replace (coalesce("{column}", {given}) as "{column}") from clean_{name}'
    )
    return [(column, "id_given", missing)]


def _keep_latest(connection: duckdb.DuckDBPyConnection, schema: TableSchema, apart: str) -> None:
    """One row a key: the one updated last, else the last delivered; equal ones are repeated, the others quarantined."""
    name = schema.name
    key = ", ".join([*(f'"{k}"' for k in schema.key), *([apart] if apart else [])])
    row = connection.execute(f"select count(*), count(distinct ({key})) from clean_{name}").fetchall()[0]
    if row[0] == row[1]:
        return
    columns = ", ".join(f'"{c}"' for c in schema.columns)
    latest = 'order by "updated_at" desc nulls last, _file desc, _row desc' if "updated_at" in schema.columns else (
        "order by _file desc, _row desc"
    )  # fmt: skip
    connection.execute(
        f"""
        create or replace temp table losing as
        select _file, _row, case when _copy > 1 then 'repeated' else 'quarantined' end as _fate,
            case when _copy = 1 then 'duplicate_key' end as _reason
        from (
            select _file, _row, row_number() over (partition by {key} {latest}) as _rank,
                row_number() over (partition by {columns}{", " + apart if apart else ""} {latest}) as _copy
            from clean_{name}
        ) where _rank > 1
        """
    )
    lose(connection, schema, "losing", "_fate", "_reason")


def lose(connection: duckdb.DuckDBPyConnection, schema: TableSchema, losers: str, fate: str, reason: str) -> None:
    """Move the rows of *losers* from ``clean_<table>`` to ``lost_<table>``, with all members of a group."""
    name = schema.name
    if not _count(connection, losers):
        return
    key = ", ".join(f'rows."{k}"' for k in schema.key)
    connection.execute(
        f"create or replace temp table leaving as select rows._file, rows._row, {fate} as _fate, {reason} as _reason, {key} "
        f"from clean_{name} as rows join {losers} as losers on losers._file = rows._file and losers._row = rows._row"
    )
    connection.execute(
        f"create or replace table clean_{name} as select * from clean_{name} as rows anti join leaving "
        "on leaving._file = rows._file and leaving._row = rows._row"
    )
    if _exists(connection, f"members_{name}"):
        same = " and ".join(f'members."{k}" is not distinct from leaving."{k}"' for k in schema.key)
        grouped = f"exists (select 1 from members_{name} as m where m._file = leaving._file and m._row = leaving._row)"
        members = ", ".join(f'members."{k}"' for k in schema.key)
        connection.execute(
            f"create or replace temp table leaving as select * from leaving where not {grouped} union all "
            f"select members._file, members._row, leaving._fate, leaving._reason, {members} "
            f"from members_{name} as members join leaving on {grouped} and {same}"
        )
    connection.execute(f"insert into lost_{name} by name select * from leaving")


def _exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(connection.execute("select count(*) from duckdb_tables() where table_name = ?", [table]).fetchall()[0][0])


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchall()[0]
    return int(row[0])
