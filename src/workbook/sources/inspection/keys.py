"""Whether the ids of one file are those of another: shares of different values that both hold (D3, D4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from workbook.sources.columns import tidy_text
from workbook.sources.customers_by import spelled
from workbook.sources.inspection.extracts import Extract


@dataclass(frozen=True)
class Overlap:
    """How many of a column's different ids stand in the lists of customers.

    Attributes:
        ids: different values of the column.
        known: those of them that a list of customers holds.
    """

    ids: int
    known: int

    @property
    def share(self) -> float:
        """``known`` as a share of ``ids``; 0 where there is none."""
        return self.known / self.ids if self.ids else 0.0


def gather_ids(connection: duckdb.DuckDBPyConnection, lists: Sequence[tuple[Extract, str]], *, by: str = "id") -> int:
    """Put the ids of all lists of customers into the table ``known_ids``; returns how many different ones.

    Args:
        lists: file and the column that holds its ids.
        by: what the columns hold: ``id``, compared letter by letter; ``name`` or ``email``, as they are spelled; ``phone``, by
            their last digits.
    """
    parts = [f"select {_id(extract, column, by)} as id from {extract.raw.relation}" for extract, column in lists]
    content = " union ".join(parts) if parts else "select null::varchar as id limit 0"
    connection.execute(
        f"create or replace temp table known_ids as select id from ({content}) where id is not null and id <> ''"
    )
    return int(connection.execute("select count(*) from known_ids").fetchall()[0][0])


def overlap(connection: duckdb.DuckDBPyConnection, extract: Extract, column: str, *, by: str = "id") -> Overlap:
    """How many different ids of a file's column are in ``known_ids``; ``by`` as in :func:`gather_ids`."""
    row = connection.execute(
        f"""
        select count(*), count(known_ids.id) from
            (select distinct {_id(extract, column, by)} as id from {extract.raw.relation}) as ids
            left join known_ids on known_ids.id = ids.id
        where ids.id is not null and ids.id <> ''
        """
    ).fetchall()[0]
    return Overlap(int(row[0]), int(row[1]))


def could_be_ids(extract: Extract, column: str) -> bool:
    """Whether values can be told from row numbers and codes: enough different ones, long enough not to meet by chance."""
    facts = extract.column(column)
    return facts.distinct >= 20 and facts.width >= 4 and not facts.emails and facts.numbers - facts.whole == 0


def _id(extract: Extract, column: str, by: str) -> str:
    raw = extract.raw
    place = raw.columns.index(column)
    text = tidy_text(f"c{place}", raw.types[place])
    if by == "phone":  # with or without the code of the country; fewer digits, or masked ones, tell nobody
        return f"nullif(regexp_extract(regexp_replace({text}, '[^0-9*]|[.]0$', '', 'g'), '[0-9]{{9}}$'), '')"
    if by != "id":
        return spelled(text)
    whole = extract.facts[place].float_ids == extract.facts[place].filled > 0
    return f"regexp_replace({text}, '[.]0$', '')" if whole else text
