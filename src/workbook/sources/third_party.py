"""Fields that a third party supplied (D5): from whom, of which day, for how many customers, and how many rows found theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd

from workbook.language import count, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.sources.link import system_of
from workbook.sources.parsing import literal
from workbook.sources.typed import Delivered
from workbook.sources.words import table_names
from workbook.tables import SCHEMAS

THIRD_PARTY_COLUMNS = ("source", "table", "column", "rows", "matched", "customers", "everyone", "latest")

ALWAYS = ("risk",)
"""Tables that are a third party's whoever delivers them."""

_ABOUT = ("customer_id", "source", "noted_at", "updated_at", "created_at", "kind")
"""Columns that say whom and when a row is about; they are no field of it."""


def count_third_party(connection: duckdb.DuckDBPyConnection, by_table: Mapping[str, Sequence[Delivered]]) -> pd.DataFrame:
    """Each field of third parties in the clean tables, which speak the customers' linked ids already.

    Args:
        by_table: table → its files. The rows that a third party gave of customers stand in ``outside_customers``.

    Returns:
        source, table, column, rows (with a value), matched (rows whose customer is on the list), customers (who have the
        value), everyone (on the list), latest (day of the newest row; missing where rows carry none).
    """
    parts = [
        _count(connection, name, outside)
        for name in SCHEMAS
        if "customer_id" in SCHEMAS[name].columns
        and (outside := [d for d in by_table.get(name, ()) if d.source.third_party or name in ALWAYS])
    ]
    empty = pd.DataFrame({name: pd.Series(dtype="object") for name in THIRD_PARTY_COLUMNS})
    found = pd.concat(parts, ignore_index=True) if parts else empty
    words = dict.fromkeys(("source", "table", "column"), "str")
    numbers = dict.fromkeys(("rows", "matched", "customers", "everyone"), "int64")
    return found.astype({**words, **numbers, "latest": "datetime64[us]"})


def _count(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Delivered]) -> pd.DataFrame:
    schema = SCHEMAS[name]
    dated = next((c for c in ("noted_at", schema.event, "updated_at") if c and c in schema.columns), None)
    latest = f'cast(max("{dated}") as timestamp)' if dated else "cast(null as timestamp)"
    system = " ".join(f"when {d.file} then {literal(system_of(d.source))}" for d in files)
    numbers = ", ".join(str(d.file) for d in files)
    rows = "outside_customers" if name == "customers" else f"clean_{name}"
    given = {column for d in files for column in d.typed.columns}
    fields = [c for c in schema.columns if c in given and c not in _ABOUT and c not in schema.key]
    each = " union all ".join(
        f'select {place} as place, {literal(field)} as "column", _system as source, count(*) as rows, '
        f"count(*) filter (known) as matched, count(distinct customer_id) filter (known) as customers, {latest} as latest "
        f'from theirs where "{field}" is not null group by _system'
        for place, field in enumerate(fields)
    )
    return connection.execute(
        f"""
        with theirs as (
            select *, case _file {system} end as _system,
                coalesce(customer_id in (select customer_id from clean_customers), false) as known
            from {rows} where _file in ({numbers})
        )
        select source, {literal(name)} as "table", "column", rows, matched, customers,
            (select count(*) from clean_customers) as everyone, latest
        from ({each}) order by source, place
        """
    ).df()


@dataclass(frozen=True)
class ThirdParty:
    """The fields of third parties.

    Attributes:
        frame: source, table, column, rows, matched, customers, everyone, latest: see :func:`count_third_party`.
    """

    frame: pd.DataFrame

    def table(self) -> Table:
        """Each field with its source, its day, its match rate and the customers who have it."""
        shown = self.frame.assign(
            rate=self.frame["matched"] / self.frame["rows"], part=self.frame["customers"] / self.frame["everyone"].clip(lower=1)
        )
        worst = shown.sort_values(["rate", "source", "column"], kind="stable").iloc[0]
        widest = shown.sort_values(["part", "source", "column"], ascending=[False, True, True], kind="stable").iloc[0]
        if worst["rate"] < 1:
            title = text(
                "sources.third_party.title",
                "{source}: {share} of its rows find their customer",
                source=str(worst["source"]),
                share=share(float(worst["rate"]), 1),
            )
        else:
            title = text(
                "sources.third_party.all",
                "Every third-party row finds its customer; {share} of customers have a value",
                share=share(float(widest["part"]), 1),
            )
        return Table(
            "sources.third_party",
            title,
            (
                Column("column", text("sources.third_party.field", "Field")),
                Column("table", text("sources.ledger.table", "Table"), labels=table_names()),
                Column("source", text("sources.third_party.source", "Source")),
                Column("latest", text("sources.third_party.latest", "Newest row"), "date"),
                Column("rows", text("sources.third_party.rows", "Rows with a value"), "count"),
                Column("rate", text("sources.third_party.rate", "Match rate"), "share"),
                Column("customers", text("sources.third_party.customers", "Customers with it"), "people"),
                Column("part", text("sources.third_party.part", "Share of customers"), "share", of="customers"),
            ),
            shown,
            note=text(
                "sources.third_party.note",
                "Rows of third parties by field; match rate: rows whose customer is on the list; {n} customers. Where the "
                "client's own systems hold a value of a customer field, theirs is used.",
                n=count(int(self.frame["everyone"].max())),
            ),
            artefact="third_party",
        )


def tell_third_party(frame: pd.DataFrame) -> ThirdParty | NotMeasured:
    """The fields of third parties as blocks; NotMeasured where none were delivered.

    Args:
        frame: ``Preparation.third_party``.
    """
    if frame.empty:
        what = text(
            "sources.third_party.missing", "What third parties know of customers: credit rating, company size, industry"
        )
        return NotMeasured("sources.third_party", what, ALWAYS)
    return ThirdParty(frame)
