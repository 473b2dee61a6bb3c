"""Rows that leave a clean table, and where they go: ``clean_<table>`` → ``lost_<table>`` (D2)."""

from __future__ import annotations

import duckdb

from workbook.tables import TableSchema


def lose(
    connection: duckdb.DuckDBPyConnection, schema: TableSchema, losers: str, fate: str, reason: str, twin: str = "null::integer"
) -> None:
    """Move the rows of *losers* from ``clean_<table>`` to ``lost_<table>``, with all members of a group.

    Args:
        losers: relation with ``_file`` and ``_row``.
        fate, reason, twin: SQL over *losers*: what becomes of a row, why, and the file that holds what it repeats.
    """
    name = schema.name
    if not count_in(connection, losers):
        return
    key = ", ".join(f'rows."{k}"' for k in schema.key)
    connection.execute(
        f"create or replace temp table leaving as select rows._file, rows._row, {fate} as _fate, {reason} as _reason, "
        f"{twin} as _twin, {key} "
        f"from clean_{name} as rows join {losers} as losers on losers._file = rows._file and losers._row = rows._row"
    )
    connection.execute(
        f"create or replace table clean_{name} as select * from clean_{name} as rows anti join leaving "
        "on leaving._file = rows._file and leaving._row = rows._row"
    )
    if exists(connection, f"members_{name}"):
        same = " and ".join(f'members."{k}" is not distinct from leaving."{k}"' for k in schema.key)
        grouped = f"exists (select 1 from members_{name} as m where m._file = leaving._file and m._row = leaving._row)"
        members = ", ".join(f'members."{k}"' for k in schema.key)
        connection.execute(
            f"create or replace temp table leaving as select * from leaving where not {grouped} union all "
            f"select members._file, members._row, leaving._fate, leaving._reason, leaving._twin, {members} "
            f"from members_{name} as members join leaving on {grouped} and {same}"
        )
    connection.execute(f"insert into lost_{name} by name select * from leaving")


def exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether there is a table of that name."""
    return bool(connection.execute("select count(*) from duckdb_tables() where table_name = ?", [table]).fetchall()[0][0])


def count_in(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    """Rows of a relation; it may carry a condition."""
    row = connection.execute(f"select count(*) from {relation}").fetchall()[0]
    return int(row[0])
