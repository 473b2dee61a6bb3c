"""One row a customer of all that his records hold, and every table speaking his one id (D4, D5).

A field takes the value of the most trusted system that has one, or of the newest record, as the settings say; provenance
tells which system each value of a merged customer comes from. Third-party files come last and add nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pandas as pd

from workbook.settings.models import Linking
from workbook.sources.link import by_priority
from workbook.sources.parsing import literal
from workbook.tables import SCHEMAS

KEPT_APART = ("customers", "consents")
"""Tables in which one customer may have several rows of a key: of consents the last decision holds anyway."""


def merge_customers(
    connection: duckdb.DuckDBPyConnection,
    files: Mapping[int, str],
    third_party: Sequence[int],
    order: Sequence[str],
    linking: Linking,
) -> int:
    """``clean_customers`` becomes one row a customer of ``link_xref``; ``link_provenance`` says where his fields come from.

    Args:
        files: number of each file of customers → its system.
        third_party: numbers of the files of third parties; they fill what is empty in customers who are there.
        order: the client's systems from the most to the least trusted.

    Returns:
        Number of records that joined another one.
    """
    system = _system(files)
    outside = ", ".join(map(str, third_party)) or "null"
    connection.execute(
        f"""
        create or replace temp table link_rows as
        with rows as (select *, {system} as system, coalesce(_file in ({outside}), false) as outside from clean_customers)
        select coalesce(x.customer_id, u.customer_id) as linked, rows.*
        from rows
        left join link_xref as x on x.source = rows.system and x.source_id = rows.customer_id and not rows.outside
        left join ({_BY_ID}) as u on u.source_id = rows.customer_id and rows.outside
        where x.customer_id is not null or u.customer_id is not null
        """
    )
    schema = SCHEMAS["customers"]
    fields = [c for c in schema.columns if c not in ("customer_id", "created_at", "updated_at")]
    trusted = {c: by_priority(order, linking.fields.get(c, [])) for c in fields}
    names = {trust: f"rank_{place}" for place, trust in enumerate(dict.fromkeys(trusted.values()))}
    numbered = ", ".join(f"{_rank(trust, linking)} as {name}" for trust, name in names.items())
    connection.execute(f"create or replace temp table link_ranked as select *, {numbered} from link_rows")
    of = {c: names[trusted[c]] for c in fields}
    values = ", ".join(f'arg_min("{c}", {of[c]}) filter ("{c}" is not null) as "{c}"' for c in fields)
    # the file and row that a customer is put down to are those of the record that gave him his id
    leading = f"outside, {_priority(order)}, created_at nulls last, customer_id, _file, _row"
    connection.execute(
        f"""
        create or replace temp table link_provenance as
        {" union all ".join(_provenance(c, of[c]) for c in fields)}
        """
    )
    before = _count(connection, "link_rows where not outside")
    connection.execute(
        f"""
        create or replace table clean_customers as
        select arg_min(_file, place) as _file, arg_min(_row, place) as _row, linked as customer_id,
            min(created_at) filter (not outside) as created_at, max(updated_at) filter (not outside) as updated_at, {values}
        from (select *, row_number() over (order by {leading}) as place from link_ranked)
        group by linked
        """
    )
    return before - _count(connection, "clean_customers")


_BY_ID = (
    "select source_id, case when count(distinct customer_id) = 1 then min(customer_id) end as customer_id, "
    "count(distinct customer_id) > 1 as ambiguous from link_xref group by source_id"
)
"""An id alone names a customer where all systems mean the same one by it."""


def resolve_customers(
    connection: duckdb.DuckDBPyConnection, name: str, files: Mapping[int, str], relation: str = ""
) -> tuple[int, int]:
    """Bring the customer ids of ``clean_<name>`` to the linked ones.

    An id is looked up among those of the file's own system first, then among all. One by which several systems mean different
    customers, and that comes from none of them, is emptied: it names nobody. Units of pilots keep their ids and get the
    customer that each of them is.

    Args:
        files: number of each file of the table → its system.
        relation: another relation with rows of the table, instead of ``clean_<name>``.

    Returns:
        Rows whose id was emptied, and rows that fell together because their customers became one.
    """
    relation = relation or f"clean_{name}"
    known = _count(connection, f"{relation} where customer_id is not null")
    id_ = "coalesce(customer_id, unit_id)" if "unit_id" in SCHEMAS[name].columns else "customer_id"
    connection.execute(
        f"""
        create or replace table {relation} as
        select rows.* exclude (_system, _id) replace (
            coalesce(x.customer_id, u.customer_id, case when not coalesce(u.ambiguous, false) then rows.customer_id end)
            as customer_id)
        from (select *, {_system(files)} as _system, {id_} as _id from {relation}) as rows
        left join link_xref as x on x.source = rows._system and x.source_id = rows._id
        left join ({_BY_ID}) as u on u.source_id = rows._id
        """
    )
    emptied = max(0, known - _count(connection, f"{relation} where customer_id is not null"))
    return emptied, _keep_one(connection, name)


def read_provenance(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """customer_id, field, source, different: of customers of several records; no row where nothing was merged."""
    made = "select count(*) from duckdb_tables() where table_name = 'link_provenance'"
    if not connection.execute(made).fetchall()[0][0]:
        return pd.DataFrame({c: pd.Series(dtype="str") for c in ("customer_id", "field", "source")} | {"different": _NUMBERS})
    frame = connection.execute("select * from link_provenance order by customer_id, field").df()
    return frame.astype({"customer_id": "str", "field": "str", "source": "str", "different": "int64"})


_NUMBERS = pd.Series(dtype="int64")


def _keep_one(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Rows of one key that linking made equal become one, the newest; returns how many went."""
    schema = SCHEMAS[name]
    if "customer_id" not in schema.key or name in KEPT_APART:
        return 0
    key = ", ".join(f'"{k}"' for k in schema.key)
    dated = next(
        (c for c in (schema.event, "noted_at", "updated_at") if c and c in schema.columns and c not in schema.key), None
    )
    newest = f'"{dated}" desc nulls last, ' if dated else ""
    before = _count(connection, f"clean_{name}")
    connection.execute(
        f"create or replace table clean_{name} as select * from clean_{name} "
        f"qualify row_number() over (partition by {key} order by {newest}_file desc, _row desc) = 1"
    )
    return before - _count(connection, f"clean_{name}")


def _system(files: Mapping[int, str]) -> str:
    cases = " ".join(f"when {file} then {literal(name)}" for file, name in files.items())
    return f"case _file {cases} end"


def _rank(trusted: Sequence[str], linking: Linking) -> str:
    """The place of a record among those of all customers: third parties last, then as the settings trust."""
    fresh, priority = "updated_at desc nulls last", _priority(trusted)
    first, second = (fresh, priority) if linking.prefer == "fresh" else (priority, fresh)
    return f"row_number() over (order by outside, {first}, {second}, created_at nulls last, customer_id, _file, _row)"


def _priority(trusted: Sequence[str]) -> str:
    return f"case system {' '.join(f'when {literal(name)} then {place}' for place, name in enumerate(trusted))} end"


def _provenance(column: str, rank: str) -> str:
    """Customers of several records: the system of the value that survived, and of how many different ones."""
    return (
        f"select linked as customer_id, {literal(column)} as field, arg_min(system, {rank}) as source, "
        f'count(distinct cast("{column}" as varchar)) as different from link_ranked '
        f'where "{column}" is not null and linked in (select linked from link_ranked group by linked having count(*) > 1) '
        "group by linked"
    )


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])
