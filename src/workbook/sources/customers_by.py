"""Files that call customers by name, e-mail or telephone, as CRMs and hotlines export them: the id is found (D3, D4)."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from workbook.errors import DeliveryError
from workbook.sources.derived import Note
from workbook.sources.fates import count_in
from workbook.sources.masking import shown_value
from workbook.sources.parsing import phone_sql
from workbook.sources.phones import write_e164
from workbook.sources.typed import Delivered
from workbook.tables import SCHEMAS


def spelled(words: str) -> str:
    """SQL: a name or address as it is compared: no case, no double spaces, brackets of one kind.

    >>> spelled("t")
    "lower(translate(regexp_replace(trim(t), '\\\\s+', ' ', 'g'), '（）', '()'))"
    """
    return f"lower(translate(regexp_replace(trim({words}), '\\s+', ' ', 'g'), '（）', '()'))"


def find_customers(
    connection: duckdb.DuckDBPyConnection, delivered: Sequence[Delivered], country: str
) -> list[tuple[str, Note]]:
    """Put the id in place of the name, e-mail or telephone in all typed files that say ``customers_by``; the list of
    customers is clean already.

    Whom the list of customers does not hold, or holds twice, has no id: the row stays where its table can do without, else it
    is quarantined.

    Args:
        country: ISO code of the client's country, in which telephone numbers without a country code are read.

    Returns:
        Table and what was found or not found in it.

    Raises:
        DeliveryError: where no list of customers holds the name, e-mail or telephone.
    """
    told: list[tuple[str, Note]] = []
    problems = []
    for one in {d.typed.relation: d for d in delivered if d.source.customers_by != "id"}.values():
        by, table = one.source.customers_by, one.source.table
        lists = [d for d in delivered if d.source.table == "customers" and by in d.typed.columns]
        if not lists or table == "customers" or "customer_id" not in one.typed.columns:
            problems.append(
                f"{one.raw.name}: found customers_by: {by} in sources; expected a list of customers with a column {by}, and "
                f"another table that names customers in customer_id; deliver it, or take customers_by out"
            )
            continue
        told += [(table, note) for note in _find(connection, one, by, country)]
    if problems:
        raise DeliveryError(problems)
    return told


def _find(connection: duckdb.DuckDBPyConnection, one: Delivered, by: str, country: str) -> list[Note]:
    typed, table = one.typed.relation, one.source.table
    lost = "'unknown_customer'" if "customer_id" in SCHEMAS[table].required else "null"
    # the list's telephones are E.164 already
    told, asked = (
        ('"phone"', phone_sql("customer_id", country)) if by == "phone" else (spelled(f'"{by}"'), spelled("customer_id"))
    )
    connection.execute(
        f"""
        create or replace temp table called as
        select {told} as word, min(customer_id) as id, count(distinct customer_id) as customers
        from clean_customers where "{by}" is not null group by 1;
        create or replace temp table wanted as
        select _file, _row, customer_id as words, {asked} as word from {typed} where customer_id is not null;
        """
    )
    if by == "phone":
        write_e164(connection, "wanted", "word", country, keep=True)
    connection.execute(
        """
        create or replace temp table looked_up as
        select wanted._file, wanted._row, wanted.words, called.id, called.customers
        from wanted left join called on called.word = wanted.word
        """
    )
    connection.execute(
        f"""
        update {typed} as rows set
            customer_id = case when found.customers = 1 then found.id end,
            _reason = coalesce(rows._reason, case when found.customers is distinct from 1 then {lost} end)
        from looked_up as found where found._file = rows._file and found._row = rows._row
        """
    )
    notes = []
    for repair, condition in (("customer_found", "customers = 1"), ("customer_unknown", "customers is null"),
                              ("customer_called_twice", "customers > 1")):  # fmt: skip
        if rows := count_in(connection, f"looked_up where {condition}"):
            first = connection.execute(
                f"select words, id from looked_up where {condition} order by _file, _row limit 1"
            ).fetchall()[0]
            word = shown_value("customers", by, first[0])
            example = f"{word} → {shown_value(table, 'customer_id', first[1])}" if condition == "customers = 1" else word
            notes.append(Note("customer_id", repair, rows, example))
    return notes
