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
from workbook.settings.models import Analysis
from workbook.sources.derived import (
    Note,
    count_discounts,
    date_by_months,
    derive_ids,
    give_ids,
    multiply_prices,
    name_rows,
    part_ids,
    tell_answers_apart,
    turn_scores,
)
from workbook.sources.fates import exists, lose
from workbook.sources.parsing import literal
from workbook.sources.repeated import drop_repeated, keep_latest
from workbook.sources.typed import Delivered
from workbook.tables import SCHEMAS, SQL_TYPES, TableSchema

PARENTS = {"order_lines": ("orders", "order_id"), "campaign_contacts": ("campaigns", "campaign_id")}
"""Tables whose rows carry no date of their own, the table that they belong to and its key."""


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
            (``_file``, ``_row``, ``_fate``, ``_reason``, ``_twin`` – the file that holds what the row repeats – and the key).
        notes: what was given or worked out.
        identical: rows that equal another one and were kept, since no key tells them apart.
    """

    name: str
    notes: tuple[Note, ...]
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
    identical = drop_repeated(connection, schema, files)
    notes = [
        *turn_scores(connection, schema, files),
        *count_discounts(connection, schema, files),
        *multiply_prices(connection, schema),
        *date_by_months(connection, schema),
        *name_rows(connection, schema, files),
    ]
    notes += [*derive_ids(connection, schema, files), *tell_answers_apart(connection, schema, files)]
    _group(connection, schema, files)
    notes += give_ids(connection, schema)
    keep_latest(connection, schema, apart)
    notes += part_ids(connection, schema, files)
    return CleanTable(name, tuple(notes), identical)


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
    days = [schema.event] if schema.event else []
    days += ["noted_at"] if name == "contracts" else []  # a snapshot taken later knows what the period does not
    aside = " or ".join(f"\"{day}\" >= date '{period.end}' + interval 1 day" for day in days) or "false"
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
        f"case when _fate = 'quarantined' then _reason end as _reason, null::integer as _twin, {key} "
        "from gathered where coalesce(_fate, '') <> 'kept'"
    )


def _follow_parent(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> None:
    """Rows share the fate of what they belong to: lines of an order set aside or quarantined are not kept without it."""
    parent, key = PARENTS.get(schema.name, ("", ""))
    if not parent or not exists(connection, f"clean_{parent}"):
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
