"""The step of the preparation that makes customers of records: what is linked, and what every table owes to it (D4, D5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pandas as pd

from workbook.settings.models import Settings
from workbook.sources.link import Linked, by_priority, link_customers, linking_systems, system_of
from workbook.sources.link_merge import merge_customers, resolve_customers
from workbook.sources.parsing import literal
from workbook.sources.typed import Delivered
from workbook.tables import SCHEMAS

Note = tuple[str, str, str, int]
"""table, column, repair, rows: see the preparation's repairs."""


def customer_systems(settings: Settings) -> Mapping[int, str]:
    """Position of each source of customers → its system, where records are to be told apart by it; empty where they are not.

    They are where customers are linked, and where a third party adds to them.
    """
    sources = settings.sources
    outside = any(s.third_party and s.table == "customers" for s in sources)
    if not outside and not linking_systems(sources, settings.linking):
        return {}
    return {i: system_of(source) for i, source in enumerate(sources) if source.table == "customers"}


def link_tables(
    connection: duckdb.DuckDBPyConnection,
    by_table: Mapping[str, Sequence[Delivered]],
    settings: Settings,
    answers: pd.DataFrame,
    spill: Path,
) -> tuple[Linked | None, list[Note]]:
    """Link the customers of the clean tables and bring every table to their ids.

    Args:
        by_table: table → its files, all of them clean.
        answers: what people said of pairs (:func:`workbook.sources.link_review.read_answers`).
        spill: folder for what does not fit in memory.

    Returns:
        The links, None where nothing is to be linked; and what was done to the tables.
    """
    if "customers" not in by_table or not customer_systems(settings):
        return None, []
    files = {d.file: system_of(d.source) for d in by_table["customers"]}
    outside = [d.file for d in by_table["customers"] if d.source.third_party]
    own = [d for d in by_table["customers"] if not d.source.third_party]
    linking, order = settings.linking, linking_systems(settings.sources, settings.linking)
    linked_at_all = bool(order)
    if not linked_at_all:
        # a third party adds to customers whom the client's systems share by their numbers alone
        linking = linking.model_copy(update={"rules": [], "model": False})
        order = by_priority(tuple(dict.fromkeys(system_of(d.source) for d in own)), linking.priority)
    if outside:
        _set_aside(connection, outside)
    linked = link_customers(
        connection, files, order, linking, answers, country=settings.client.country, seed=settings.seed, spill=spill
    )
    if outside:
        connection.execute("insert into clean_customers by name select * from outside_customers")
    joined = merge_customers(connection, files, outside, order, linking)
    if outside:
        resolve_customers(connection, "customers", {d.file: "" for d in by_table["customers"]}, relation="outside_customers")
    notes: list[Note] = [("customers", "customer_id", "records_linked", joined)]
    for name in (n for n in SCHEMAS if n in by_table and n != "customers" and "customer_id" in SCHEMAS[n].columns):
        emptied, merged = resolve_customers(connection, name, {d.file: system_of(d.source) for d in by_table[name]})
        notes += [(name, "customer_id", "ambiguous_customer", emptied), (name, "customer_id", "merged_by_link", merged)]
    return linked if linked_at_all else None, [note for note in notes if note[3]]


def _set_aside(connection: duckdb.DuckDBPyConnection, outside: Sequence[int]) -> None:
    """Third-party rows are no records to link: they join by the number that the client gave the third party."""
    theirs = ", ".join(map(str, outside))
    connection.execute(f"create or replace table outside_customers as select * from clean_customers where _file in ({theirs})")
    connection.execute(f"delete from clean_customers where _file in ({theirs})")


def apart_sql(systems: Mapping[int, str], files: Sequence[Delivered]) -> str:
    """The system of a row of customers, as SQL over ``_file``; a row of one system is no newer version of another's.

    Args:
        systems: position of each source → its system (:func:`customer_systems`).
        files: the files of the table.
    """
    cases = " ".join(f"when {d.file} then {literal(system_of(d.source))}" for d in files)
    return f"case _file {cases} end" if systems else ""
