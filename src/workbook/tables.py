"""The canonical tables: their columns and types, and how methods read them.

Stage 2 brings every delivery to these tables; every method reads only these. A table that was not delivered exists and
is empty, so that SQL needs no case distinction; :meth:`Tables.lacks` says what the client did not hand over.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from workbook.errors import WorkbookError
from workbook.period import Period

if TYPE_CHECKING:  # the settings name canonical tables and must be checked before anything heavy is imported
    import duckdb
    import pandas as pd

Kind = Literal["id", "text", "money", "number", "count", "date", "time", "flag", "contact"]
"""How a column is read: ``id`` and ``text`` as text, ``contact`` as text that is personal and always masked, ``money`` as
decimal(18,4) in the engagement's currency, ``number`` as double, ``count`` as bigint, ``date``/``time`` as naive local time,
``flag`` as boolean."""

SQL_TYPES: Mapping[Kind, str] = {
    "id": "varchar", "text": "varchar", "contact": "varchar", "money": "decimal(18,4)", "number": "double",
    "count": "bigint", "date": "date", "time": "timestamp", "flag": "boolean",
}  # fmt: skip


@dataclass(frozen=True)
class TableSchema:
    """One canonical table: ``columns`` name → kind in order, ``key`` the columns that identify a row, ``required`` those
    without which a row is worthless, ``event`` the column that dates a row (rows after the analysis date are set aside),
    ``several`` whether all different rows of one file are kept though their key is the same: a method counts them,
    ``parts`` the columns of the key that tell rows of one id apart and may be empty: the questions one respondent answered."""

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    required: tuple[str, ...] = ()
    event: str | None = None
    several: bool = False
    parts: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns of the key without its parts: every row that tells them has an id of its own."""
        return tuple(column for column in self.key if column not in self.parts)


def _columns(words: str) -> dict[str, Kind]:
    return cast(dict[str, Kind], dict(pair.split(":") for pair in words.split()))


SCHEMAS: Mapping[str, TableSchema] = {
    schema.name: schema
    for schema in (
        TableSchema("customers", _columns(
            "customer_id:id name:contact kind:text status:text created_at:date updated_at:date region:text industry:text "
            "size:text channel:text phone:contact email:contact union_id:id registration_id:id postcode:text birthday:date "
            "tier:text owner:contact"),
            ("customer_id",), ("customer_id",)),
        TableSchema("orders", _columns(
            "order_id:id customer_id:id ordered_at:time amount:money status:text channel:text store:text due_at:date "
            "paid_at:date"), ("order_id",), ("order_id", "ordered_at"), "ordered_at"),
        TableSchema("order_lines", _columns(
            "order_id:id line_id:id product_id:id category:text quantity:number price:money amount:money cost:money "
            "discount:money refund_of:id"), ("order_id", "line_id"), ("order_id",)),
        TableSchema("products", _columns("product_id:id name:text category:text price:money"),
            ("product_id",), ("product_id",)),
        TableSchema("contracts", _columns(
            "contract_id:id customer_id:id starts_at:date ends_at:date renewed:flag value:money noted_at:date months:number "
            "ended:flag"),
            ("contract_id",), ("contract_id", "customer_id"), "starts_at"),
        TableSchema("attributes", _columns("customer_id:id attribute:text value:text noted_at:date"),
            ("customer_id", "attribute"), ("customer_id", "attribute", "value")),
        TableSchema("interactions", _columns(
            "interaction_id:id customer_id:id happened_at:time channel:text kind:text direction:text employee:contact "
            "outcome:text next_due:date"), ("interaction_id",), ("customer_id", "happened_at"), "happened_at"),
        TableSchema("tickets", _columns(
            "ticket_id:id customer_id:id opened_at:time first_response_at:time resolved_at:time called_back_at:time "
            "due_at:time channel:text topic:text priority:text status:text reopened:count in_time:flag "
            "text:text"),
            ("ticket_id",), ("ticket_id", "opened_at"), "opened_at"),
        TableSchema("feedback", _columns(
            "feedback_id:id customer_id:id given_at:time channel:text instrument:text question:text score:number "
            "scale_max:number choices:text text:text language:text weight:number order_id:id ticket_id:id"),
            ("feedback_id", "instrument", "question"), ("given_at",), "given_at", parts=("instrument", "question")),
        TableSchema("needs", _columns(
            "customer_id:id noted_at:date need:text level:text source:text product_recommended:id"),
            ("customer_id", "noted_at", "need"), ("customer_id", "need"), "noted_at"),
        TableSchema("consents", _columns(
            "customer_id:id purpose:text channel:text basis:text granted:flag granted_at:date withdrawn_at:date "
            "expires_at:date evidence:text"), ("customer_id", "purpose", "channel", "granted_at"), ("customer_id", "purpose"),
            "granted_at"),
        TableSchema("risk", _columns(
            "customer_id:id credit_rating:text disputes:count overdue_days:number source:text noted_at:date"),
            ("customer_id",), ("customer_id",)),
        TableSchema("status_history", _columns("customer_id:id field:text old:text new:text changed_at:date"),
            ("customer_id", "field", "changed_at"), ("customer_id", "changed_at"), "changed_at"),
        TableSchema("leads", _columns(
            "lead_id:id customer_id:id created_at:date source:text stage:text stage_at:date"),
            ("lead_id",), ("lead_id",), "created_at"),
        TableSchema("ticket_events", _columns("ticket_id:id happened_at:time activity:text actor:contact"),
            ("ticket_id", "happened_at", "activity"), ("ticket_id", "happened_at"), "happened_at"),
        TableSchema("campaigns", _columns("campaign_id:id measure:text starts_at:date ends_at:date"),
            ("campaign_id",), ("campaign_id",), "starts_at"),
        TableSchema("campaign_contacts", _columns(
            "campaign_id:id customer_id:id contacted_at:date response:flag"),
            ("campaign_id", "customer_id"), ("campaign_id", "customer_id"), "contacted_at"),
        TableSchema("assignments", _columns(
            "pilot:id unit_id:id customer_id:id arm:text assigned_at:date exposed_at:date stratum:text cluster:id"),
            ("pilot", "unit_id", "arm"), ("pilot", "unit_id", "arm"), "assigned_at"),
        TableSchema("outcomes", _columns(
            "pilot:id unit_id:id metric:text value:number pre_value:number measured_at:date"),
            ("pilot", "unit_id", "metric", "measured_at"), ("pilot", "unit_id", "metric"), "measured_at", several=True),
        TableSchema("pilot_summaries", _columns(
            "pilot:id arm:text metric:text looked_at:date n:count mean:number variance:number successes:count "
            "covariance:number"),
            ("pilot", "arm", "metric", "looked_at"), ("pilot", "arm", "metric"), "looked_at", several=True),
        TableSchema("tasks", _columns("task_id:id measure:text owner:text due_at:date done_at:date status:text"),
            ("task_id",), ("task_id",)),
    )
}  # fmt: skip


MEMORY = "1GB"
"""What the database may take for a wide result; what does not fit goes to disk."""

MANY_ROWS = 1_000_000
"""Rows of all tables from which the parts of a query are made one after the other: less memory, and no more time."""

COLUMNS_AT_ONCE = 8


@dataclass(frozen=True)
class Tables:
    """The canonical tables of one client and period, open for reading.

    Attributes:
        connection: DuckDB with one view for each canonical table; rows after the analysis date are already set aside.
        period: the period analysed.
        filled: table → column → number of rows with a value; the pseudo-column ``*`` counts rows.
        everyone: customers of the delivery where the settings narrow the scope to some of them, else None.
        first_order: moment of the delivery's first order, in scope or not; None where no order was delivered.
    """

    connection: duckdb.DuckDBPyConnection
    period: Period
    filled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    everyone: int | None = None
    first_order: dt.datetime | None = None

    def rows(self, table: str) -> int:
        """Number of rows of a canonical table; 0 where it was not delivered."""
        return self.filled.get(table, {}).get("*", 0)

    def has(self, *names: str) -> bool:
        """Whether every one of ``tickets`` or ``tickets.due_at`` was delivered with at least one value."""
        return not self.lacks(*names)

    def lacks(self, *names: str) -> tuple[str, ...]:
        """Those of the named tables and columns that hold no value at all.

        Raises:
            WorkbookError: for a name that is no canonical table or column (an error of the caller).
        """
        return tuple(name for name in names if not self._filled(name))

    def covered_months(self, months: int) -> int:
        """How many of the last *months* months the delivered orders reach back into: from the month of the first of them on.

        All of *months* where no order was delivered: then there is nothing that a history could be too short for.
        """
        if self.first_order is None:
            return months
        first, end = self.first_order, self.period.end
        return min(months, 12 * (end.year - first.year) + end.month - first.month + 1)

    def sql(self, query: str, /, **values: object) -> pd.DataFrame:
        """The result of *query* as a frame; ``$name`` in the query stands for a value of *values*.

        ``$start`` and ``$end`` (first and last day of the period) are always there to use.
        """
        return self.connection.execute(query, self._used(query, values)).df()

    def wide(self, query: str, /, **values: object) -> pd.DataFrame:
        """The same as :meth:`sql` for a result with a row a customer and many columns.

        It is made in the database, in MEMORY, and fetched a few columns at a time: the whole never stands in memory twice.
        Of many rows each part of the query (``with``) becomes a table of its own, one after the other, which may go to disk.
        """
        import pandas as pd

        connection = self.connection
        connection.execute(f"set memory_limit = '{MEMORY}'")
        try:
            many = sum(map(self.rows, self.filled)) >= MANY_ROWS
            (self._make_in_steps if many else self._make)("wide", query, values)
            names = [str(row[0]) for row in connection.execute("describe wide").fetchall()]
            groups = [names[i : i + COLUMNS_AT_ONCE] for i in range(0, len(names), COLUMNS_AT_ONCE)]
            parts = [connection.execute(f"select {_quoted(group)} from wide").df() for group in groups]
            connection.execute("drop table wide")
        finally:
            connection.execute("reset memory_limit")
        return pd.concat(parts, axis=1)

    def once(self, query: str, /, **values: object) -> pd.DataFrame:
        """The same as :meth:`sql`, with its rows in order, worked out once: for counts that several exhibits read."""
        name = self._name("once", query, values)
        if not self._holds(name):
            self._make(name, query, values)
        return self.sql(f"select * from {name} order by all")

    def keep(self, query: str, /, **values: object) -> str:
        """The result of *query* as a table of the database, which may go to disk: for what is too large for a frame.

        Returns:
            Name of the table; the same query is worked out once.
        """
        name = self._name("kept", query, values)
        if not self._holds(name):
            # from here on: what is kept takes of it too
            self.connection.execute(f"set memory_limit = '{MEMORY}'")
            self._make(name, query, values)
        return name

    def _name(self, what: str, query: str, values: Mapping[str, object]) -> str:
        """A name for the result of *query* with its values."""
        given = sorted((self._used(query, values) or {}).items())
        return f"{what}_{hashlib.sha256(repr((query, given)).encode()).hexdigest()[:16]}"

    def _holds(self, name: str) -> bool:
        found = self.connection.execute("select 1 from duckdb_tables() where table_name = ?", [name]).fetchone()
        return found is not None

    def _make(self, name: str, query: str, values: Mapping[str, object]) -> None:
        self.connection.execute(f"create or replace temp table {name} as {query}", self._used(query, values))

    def _make_in_steps(self, name: str, query: str, values: Mapping[str, object]) -> None:
        """The same table as :meth:`_make`, with one part of the query at work at a time."""
        import sqlglot
        from sqlglot import exp

        tree = sqlglot.parse_one(query, dialect="duckdb").assert_is(exp.Select)
        parts = [(str(part.alias), part.this.sql("duckdb")) for part in tree.ctes]
        tree.set("with_", None)
        parts.append((name, tree.sql("duckdb")))
        for place, (step, words) in enumerate(parts):
            self._make(step, words, values)
            waiting = " ".join(later for _, later in parts[place + 1 :])
            for done, _ in parts[: min(place + 1, len(parts) - 1)]:
                if not re.search(rf"\b{done}\b", waiting):
                    self.connection.execute(f"drop table if exists {done}")

    def _used(self, query: str, values: Mapping[str, object]) -> dict[str, object] | None:
        """The values that a query asks for; DuckDB refuses others."""
        given = {"start": self.period.start, "end": self.period.end, **values}
        return {name: value for name, value in given.items() if re.search(rf"\${name}\b", query)} or None

    def _filled(self, name: str) -> int:
        table, _, column = name.partition(".")
        schema = SCHEMAS.get(table)
        if schema is None or (column and column not in schema.columns):
            raise WorkbookError(f"{name!r} is not a canonical table or column; see workbook/tables.py")
        return self.filled.get(table, {}).get(column or "*", 0)


def empty_tables(
    period: Period, connection: duckdb.DuckDBPyConnection | None = None, names: Sequence[str] = tuple(SCHEMAS)
) -> Tables:
    """Canonical tables without a row, all or those of *names*: the ground on which tests and preparation build."""
    import duckdb

    connection = connection or duckdb.connect()
    for name in names:
        columns = ", ".join(f'"{column}" {SQL_TYPES[kind]}' for column, kind in SCHEMAS[name].columns.items())
        connection.execute(f'create or replace table "{name}" ({columns})')
    return Tables(connection, period, {})


def tables_of(frames: Mapping[str, pd.DataFrame], period: Period) -> Tables:
    """Canonical tables made of frames (columns by canonical name, any subset); for tests and examples.

    >>> import pandas as pd
    >>> t = tables_of({"orders": pd.DataFrame({"order_id": ["1"], "ordered_at": ["2025-11-03"]})}, Period.parse("2025Q4"))
    >>> t.rows("orders"), t.lacks("orders.ordered_at", "orders.amount", "tickets")
    (1, ('orders.amount', 'tickets'))
    """
    tables = empty_tables(period)
    filled: dict[str, dict[str, int]] = {}
    for name, frame in frames.items():
        schema = SCHEMAS[name]
        unknown = set(frame.columns) - set(schema.columns)
        if unknown:
            raise WorkbookError(f"{name}: no canonical column is called {sorted(unknown)}")
        tables.connection.register("delivered", frame)
        names = ", ".join(f'"{c}"' for c in frame.columns)
        casts = ", ".join(f'cast("{c}" as {SQL_TYPES[schema.columns[c]]})' for c in frame.columns)
        tables.connection.execute(f'insert into "{name}" ({names}) select {casts} from delivered')
        tables.connection.unregister("delivered")
        filled[name] = count_filled(tables.connection, name)
    return Tables(tables.connection, period, filled, first_order=first_order(tables.connection, "orders"))


def first_order(connection: duckdb.DuckDBPyConnection, orders: str) -> dt.datetime | None:
    """The moment of the first row of *orders*, a relation with the column ``ordered_at``."""
    (first,) = connection.execute(f"select min(ordered_at) from {orders}").fetchall()[0]
    return cast("dt.datetime | None", first)


def count_filled(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """Rows with a value for each column of a canonical table, and ``*`` for all rows."""
    columns = list(SCHEMAS[table].columns)
    counts = ", ".join(f'count("{c}")' for c in columns)
    # the whole result is fetched: a connection with an unfinished one refuses further work
    (row,) = connection.execute(f'select count(*), {counts} from "{table}"').fetchall()
    return dict(zip(["*", *columns], row, strict=True))


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
