"""Linking by rule keys (D4): which pairs of customer records agree in a key, and what speaks against them.

A key is evidence only while it belongs to one customer. The phone of a switchboard is shared by too many records, that of a
family by records with conflicting names: neither is a key. Pairs stopped by a guard are not lost, they are put up for review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from workbook.settings.models import Linking, LinkRule
from workbook.sources.parsing import literal
from workbook.sources.phones import write_e164

PAIR_COLUMNS = ("a", "b", "rule", "score", "fate", "reason")
"""``a`` < ``b`` are numbers of records; fate: link or review; reason: why a pair is not linked by the rule."""

REASONS = ("kinds_differ", "identity_differs", "names_differ", "names_unknown", "review_rule")
"""Why a pair that shares a key is not linked, the strongest objection first."""

MOST_RECORDS_OF_A_KEY = 50
"""Whatever the names: more records under one key are the mark of a placeholder, and their pairs would be too many."""

_KEY_OF = {"name": "name_key", "phone": "phone_key", "email": "email_key"}


@dataclass(frozen=True)
class SharedKey:
    """Keys of a rule that too many records share: how many keys, how many records."""

    rule: str
    keys: int
    records: int


def make_records(connection: duckdb.DuckDBPyConnection, systems: Mapping[int, str], order: Sequence[str], country: str) -> int:
    """Bring ``clean_customers`` to ``link_records``: one row a record, numbered from the most trusted system on.

    Args:
        systems: number of each file → the system that it comes from.
        order: systems from the most to the least trusted; a record's number is also its rank as the leading record.
        country: ISO code in which phone numbers without a country code are read.

    Returns:
        Number of records.
    """
    system = " ".join(f"when {file} then {literal(name)}" for file, name in systems.items())
    rank = " ".join(f"when {literal(name)} then {place}" for place, name in enumerate(order))
    connection.execute(
        f"create or replace temp table link_sources as select *, case _file {system} end as system from clean_customers "
        "where customer_id is not null"
    )
    connection.execute((Path(__file__).parent / "sql" / "link_records.sql").read_text("utf-8").replace("{rank}", rank))
    write_e164(connection, "link_records", "phone_key", country, keep=False)
    (row,) = connection.execute("select count(*) from link_records").fetchall()
    return int(row[0])


def key_pairs(connection: duckdb.DuckDBPyConnection, linking: Linking) -> tuple[pd.DataFrame, list[SharedKey]]:
    """Pairs of records that agree in the key of a rule, each put down to the first rule that it meets.

    Args:
        linking: rules, ``most_shared`` and ``within``; ``ids`` says whether one number in two systems is one customer.

    Returns:
        Frame with PAIR_COLUMNS, sorted by a and b; score is 1 for a link and the likeness of the names (0–1) for a pair to
        review. And for each rule the values that too many records share.
    """
    shared: list[SharedKey] = []
    connection.execute(
        "create or replace temp table link_pairs "
        "(a integer, b integer, rank integer, rule varchar, score double, fate varchar, reason varchar)"
    )
    rules = [*([_SAME_ID] if linking.ids == "shared" else []), *linking.rules]
    for rank, rule in enumerate(rules):
        shared += _add_pairs(connection, rule, rank, linking)
    frame = connection.execute(
        "select a, b, rule, score, fate, reason from link_pairs "
        "qualify row_number() over (partition by a, b order by fate <> 'link', rank) = 1 order by a, b"
    ).df()
    return frame.astype({"a": "int64", "b": "int64"}), shared


_SAME_ID = LinkRule(id="same_id", name="same_id", keys=["customer_id"], guarded=False)


def _add_pairs(connection: duckdb.DuckDBPyConnection, rule: LinkRule, rank: int, linking: Linking) -> list[SharedKey]:
    columns = [_KEY_OF.get(key, key) for key in rule.keys]
    filled = " and ".join(f'"{column}" is not null' for column in columns)
    kind = f" and kind = {literal(rule.kind)}" if rule.kind else ""
    key = "concat_ws(chr(31), " + ", ".join(f'cast("{column}" as varchar)' for column in columns) + ")"
    connection.execute(f"create or replace temp table keyed as select *, {key} as key from link_records where {filled}{kind}")
    # several records of one name are one customer delivered often, not a switchboard; each record without a name may be anyone
    connection.execute(
        "create or replace temp table link_shared as select key, count(*) as records, "
        "count(distinct name_key) + count(*) filter (name_key is null) > $most or count(*) > $bound as common "
        "from keyed group by key",
        # one number in two systems is the client's own statement: it is never too common
        {"most": linking.most_shared if rule is not _SAME_ID else 1_000, "bound": MOST_RECORDS_OF_A_KEY},
    )
    query = (Path(__file__).parent / "sql" / "link_pairs.sql").read_text("utf-8")
    connection.execute(
        query,
        {"rule": rule.id, "rank": rank, "within": linking.within, "guarded": rule.guarded, "review": rule.review},
    )
    ((values, records),) = connection.execute("select count(*), sum(records) from link_shared where common").fetchall()
    return [SharedKey(rule.id, int(values), int(records))] if values else []
