"""What a delivery leaves out and its own columns imply: numbers of rows, amounts, customers known from rows alone (D2).

Every function tells what it gave or worked out as :class:`Note`: a named rule with its count and an example.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from workbook.errors import DeliveryError
from workbook.sources.columns import tidy_text
from workbook.sources.fates import count_in
from workbook.sources.mapping import DERIVED_IDS, ROW_NUMBER
from workbook.sources.masking import shown_value
from workbook.sources.parsing import (
    LONGEST_WORDS,
    POINT,
    bare_number_sql,
    literal,
    number_evidence,
    number_sql,
    unclear_decimals,
)
from workbook.sources.typed import Delivered
from workbook.tables import SCHEMAS, SQL_TYPES, TableSchema

NEARLY_ALL = 0.9
"""Share of a pilot's units that are called like customers from which they are those customers."""


class Note(NamedTuple):
    """A rule that gave or worked out values of one column: on how many rows, and what came of the first of them."""

    column: str
    repair: str
    rows: int
    example: str


def fill_amounts(connection: duckdb.DuckDBPyConnection) -> list[Note]:
    """Orders without an amount get the sum of their lines."""
    if not count_in(connection, "clean_orders where amount is null"):
        return []
    connection.execute(
        "create or replace temp table summed as select clean_orders.order_id, lines.amount from clean_orders "
        "join (select order_id, sum(amount)::decimal(18,4) as amount from clean_order_lines group by order_id) as lines "
        "on lines.order_id = clean_orders.order_id where clean_orders.amount is null and lines.amount is not null"
    )
    connection.execute(
        "update clean_orders set amount = summed.amount from summed "
        "where clean_orders.amount is null and summed.order_id = clean_orders.order_id"
    )
    example = "order_id || ': ' || amount::decimal(18,2)"
    return _noted(connection, "amount", "amount_from_lines", "summed", example, "order_id")


def add_customers(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> list[Note]:
    """Customers that *tables* name and the customer table lacks are added with their id alone."""
    naming = [table for table in tables if "customer_id" in SCHEMAS[table].columns]
    if not naming:
        return []
    named = " union ".join(f"select customer_id from clean_{table}" for table in naming)
    connection.execute(
        f"create or replace temp table added as select distinct customer_id from ({named}) as named "
        "where customer_id is not null and customer_id not in (select customer_id from clean_customers)"
    )
    connection.execute("insert into clean_customers by name select customer_id from added")
    return _noted(connection, "customer_id", "customers_from_orders", "added", "customer_id", "customer_id")


def name_units(connection: duckdb.DuckDBPyConnection) -> list[Note]:
    """Units of pilots of which no customer is told are the customers of the same id, where nearly all of them are called so."""
    ((units, known),) = connection.execute(
        """select count(distinct unit_id), count(distinct unit_id) filter (unit_id in (select customer_id from clean_customers))
           from clean_assignments where customer_id is null"""
    ).fetchall()
    if not units or known < NEARLY_ALL * units:
        return []
    made = "clean_assignments where customer_id is null and unit_id in (select customer_id from clean_customers)"
    notes = _noted(connection, "customer_id", "customer_is_unit", made, "unit_id", "_file, _row")
    connection.execute(
        "update clean_assignments set customer_id = unit_id "
        "where customer_id is null and unit_id in (select customer_id from clean_customers)"
    )
    return notes


def count_discounts(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> list[Note]:
    """Discounts of files that tell them as shares of the list price (0.15) become money; lines without an amount get theirs.

    They are shares where none of a file is below 0 or above 1 and some lie between: no shop gives less than 1 off all the time.
    """
    if schema.name != "order_lines":
        return []
    found = connection.execute(
        "select _file from clean_order_lines group by _file having min(discount) >= 0 and max(discount) <= 1 "
        "and count(*) filter (discount > 0 and discount < 1) > 0 order by _file"
    ).fetchall()
    plain = {d.file for d in files if d.source.amounts_in == "yuan"}
    told = [str(file) for (file,) in found if file in plain]
    if not told:
        return []
    shares = f"discount is not null and _file in ({', '.join(told)})"
    example = "round(100 * discount, 2)::double || ' %'"
    notes = _noted(connection, "discount", "discount_of_share", f"clean_order_lines where {shares}", example, "_file, _row")
    listed = "coalesce(amount / nullif(1 - cast(discount as double), 0), cast(quantity as double) * price)"
    net = "coalesce(amount, try_cast(cast(quantity as double) * price * (1 - discount) as decimal(18,4)))"
    connection.execute(
        f"update clean_order_lines set amount = {net}, discount = try_cast({listed} * discount as decimal(18,4)) where {shares}"
    )
    return notes


def multiply_prices(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> list[Note]:
    """Lines without an amount get quantity times unit price, where both are known."""
    if schema.name != "order_lines":
        return []
    without = "amount is null and quantity is not null and price is not null"
    example = "quantity || ' × ' || price::decimal(18,2)"
    notes = _noted(connection, "amount", "amount_from_price", f"clean_order_lines where {without}", example, "_file, _row")
    if notes:
        connection.execute(
            "update clean_order_lines set amount = try_cast(try_cast(quantity as decimal(18,6)) * price as decimal(18,4)) "
            f"where {without}"
        )
    return notes


def name_rows(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> list[Note]:
    """Tell that rows of files that name nobody count as a customer each (a constant, see :data:`ROW_NUMBER`)."""
    numbers = ", ".join(str(d.file) for d in files if d.source.constants.get("customer_id") == ROW_NUMBER)
    if not numbers:
        return []
    made = f"clean_{schema.name} where _file in ({numbers})"
    return _noted(connection, "customer_id", "customer_is_row", made, "customer_id", "_file, _row")


def date_by_months(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> list[Note]:
    """Contracts known from a snapshot: the start lies so many whole months before the day of the file, the end of one that is
    said to have ended on that day, where the file tells neither date."""
    if schema.name != "contracts":
        return []
    start = "starts_at is null and noted_at is not null and months >= 0"
    end = "ends_at is null and noted_at is not null and ended"
    begun = "cast(noted_at - to_months(cast(floor(months) as integer)) as date)"
    table = "clean_contracts"
    notes = _noted(
        connection, "starts_at", "start_by_months", f"{table} where {start}", f"months || ' → ' || {begun}", "_file, _row"
    )
    notes += _noted(connection, "ends_at", "end_by_snapshot", f"{table} where {end}", "noted_at", "_file, _row")
    if notes:
        connection.execute(
            f"update {table} set starts_at = case when {start} then {begun} else starts_at end, "
            f"ends_at = case when {end} then noted_at else ends_at end"
        )
    return notes


def keep_attributes(connection: duckdb.DuckDBPyConnection, files: Sequence[Delivered], country: str) -> list[Note]:
    """Make ``clean_attributes`` of what ``sources.attributes`` names, a row a customer and column, where anything is named.

    The customers are those of the clean tables: whose row was not kept, or has no id, has no attributes. A number that cannot
    be read is left out and told.

    Args:
        country: ISO code of the client's country, which may write the comma before decimals.

    Raises:
        DeliveryError: where the numbers of a column do not tell their decimal sign.
    """
    kept = [d for d in files if d.source.attributes]
    if not kept:
        return []
    columns = ", ".join(f'null::{SQL_TYPES[kind]} as "{c}"' for c, kind in SCHEMAS["attributes"].columns.items())
    start = f"create table if not exists clean_attributes as select 0 as _file, 0::bigint as _row, {columns} limit 0"
    connection.execute(start)
    notes = []
    for d in kept:
        notes += _tell_attributes(connection, d, country)
    twice = "(select 1 from clean_attributes group by customer_id, attribute having count(*) > 1)"
    if count_in(connection, twice):  # several contracts of a customer, or several files: the last one counts
        connection.execute(
            "create or replace table clean_attributes as select * from clean_attributes "
            "qualify row_number() over (partition by customer_id, attribute order by _file desc, _row desc) = 1"
        )
    return notes


def _tell_attributes(connection: duckdb.DuckDBPyConnection, d: Delivered, country: str) -> list[Note]:
    """Add the attributes of one file to ``clean_attributes``: its rows are joined once, each number is read once."""
    own = list(d.source.own_columns.items())
    missing = f"[{', '.join(literal(word) for word in sorted({'', *d.source.missing}))}]"
    words = []
    for i, (name, kind) in enumerate(own):
        place = d.raw.columns.index(name)
        words.append(f"left({tidy_text(f'raw.c{place}', d.raw.types[place], signs=kind == 'number')}, {LONGEST_WORDS}) as w{i}")
    noted = "clean.noted_at" if "noted_at" in SCHEMAS[d.source.table].columns else "null::date as noted_at"
    given = ", ".join(f"case when not list_contains({missing}, w{i}) then w{i} end as v{i}" for i in range(len(own)))
    connection.execute(
        f"create or replace temp table told as select _row, customer_id, noted_at, {given} from "
        f"(select clean._row, clean.customer_id, {noted}, {', '.join(words)} from clean_{d.source.table} as clean "
        f"join {d.raw.relation} as raw on raw._row = clean._row where clean._file = {d.file} and clean.customer_id is not null)"
    )
    read, notes = [], []
    for i, (name, kind) in enumerate(own):
        if kind == "text":
            read.append(f"v{i} as r{i}")
            continue
        signs = number_evidence(connection, f"(select v{i} as t from told where v{i} is not null)", country, d.source.decimals)
        if signs.decimals is None:
            raise DeliveryError([unclear_decimals(d.raw.name, name, signs.sample)])
        slow = number_sql(f"({bare_number_sql(f'v{i}')})", signs.decimals)
        plain = f"regexp_full_match(v{i}, '-?[0-9]+{'([.][0-9]+)?' * (signs.decimals == POINT)}')"  # most need no more looking
        value = f"case when {plain} then cast(try_cast(v{i} as decimal(28,8)) as double) else cast({slow} as double) end"
        read.append(f"regexp_replace(cast({value} as varchar), '[.]0$', '') as r{i}")
    connection.execute(f"create or replace temp table told as select *, {', '.join(read)} from told")
    for i, (name, kind) in enumerate(own):
        if kind == "number":
            example = f"{literal(name)} || ': ' || v{i}"
            unread = f"told where v{i} is not null and r{i} is null"
            notes += _noted(connection, "value", "unreadable_value", unread, example, "_row")
        connection.execute(
            f"insert into clean_attributes by name select {d.file} as _file, _row, customer_id, "
            f"{literal(name)} as attribute, r{i} as value, noted_at from told where r{i} is not null"
        )
    connection.execute("drop table told")
    return notes


def derive_ids(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> list[Note]:
    """Orders of files without order numbers get one of customer and time, so that the same order keeps it for ever.

    Rows of one customer and moment are one order where the file is grouped; else the second of them is ``…-2``.
    """
    column = DERIVED_IDS.get(schema.name)
    bare = [d for d in files if column and column not in d.typed.columns]
    if column is None or not bare or not schema.event:
        return []
    numbers = ", ".join(str(d.file) for d in bare)
    alone = ", ".join(str(d.file) for d in bare if not d.source.group) or "-1"
    time = f'"{schema.event}"'
    form = "%Y%m%dT%H%M%S" if schema.columns[schema.event] == "time" else "%Y%m%d"
    connection.execute(
        f"""
        create or replace table clean_{schema.name} as
        select * exclude (_copy) replace (case when _file in ({numbers}) then concat_ws('-',
            coalesce(customer_id, 'unknown'), strftime({time}, '{form}'),
            case when _copy > 1 and _file in ({alone}) then _copy end
        ) else "{column}" end as "{column}")
        from (
            select *, row_number() over (
                partition by _file in ({numbers}), customer_id, {time} order by _file, _row
            ) as _copy from clean_{schema.name}
        )
        """
    )
    made = f"clean_{schema.name} where _file in ({numbers})"
    return _noted(connection, column, "id_of_customer_and_time", made, f'"{column}"', "_file, _row")


def tell_answers_apart(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> list[Note]:
    """Answers of one respondent to several questions, a source each of the same file, are answers and no versions of one: the
    id of the respondent gets the question behind it, or the file's own column where no question is told."""
    if schema.name != "feedback":
        return []
    named = [d for d in files if "feedback_id" in d.typed.columns]
    notes = []
    for d in named:
        if len({id(other.source) for other in named if other.raw.name == d.raw.name}) < 2:
            continue
        own = next((d.source.columns[c] for c in ("score", "choices", "text") if c in d.source.columns), d.source.table)
        label = d.source.constants.get("question") or (own if isinstance(own, str) else own[0])
        told = f"clean_feedback where _file = {d.file} and feedback_id is not null"
        number = f"feedback_id || '/' || {literal(label)}"
        notes += _noted(connection, "feedback_id", "answer_of_respondent", told, number, "_row")
        where = f"_file = {d.file} and feedback_id is not null"
        connection.execute(f"update clean_feedback set feedback_id = {number} where {where}")
    return notes


def give_ids(connection: duckdb.DuckDBPyConnection, schema: TableSchema) -> list[Note]:
    """Rows without an id of their own get one: lines their number in the order, others file and row."""
    column = schema.key[-1] if schema.name == "order_lines" else schema.key[0]
    if column in schema.required or schema.columns[column] != "id":
        return []
    name = schema.name
    missing = count_in(connection, f'clean_{name} where "{column}" is null')
    if not missing:
        return []
    if name == "order_lines":
        given = "'row' || _row" if missing < count_in(connection, f"clean_{name}") else (
            "row_number() over (partition by order_id order by _file, _row)::varchar"
        )  # fmt: skip
    else:
        given = "'file' || _file || '-row' || _row"
    without = f'clean_{name} where "{column}" is null'
    notes = _noted(connection, column, "id_given", without, f"'row ' || _row || ' → ' || {given}", "_file, _row")
    connection.execute(
        f"create or replace table clean_{name} as "
        f'select * replace (coalesce("{column}", {given}) as "{column}") from clean_{name}'
    )
    return notes


SCORE_SCALES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Lowest and highest score of an instrument where the delivery names no ``scale_max``."""


def turn_scores(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> list[Note]:
    """Scores of instruments whose lowest one is the best (``sources.low_is_good``), turned round within their scale.

    What lies outside the scale (0 or 9 for "don't know" on 1–7) lies outside it afterwards too, and counts as no answer.
    """
    turned = [(d.file, instrument) for d in files if schema.name == "feedback" for instrument in d.source.low_is_good]
    if not turned:
        return []
    which = " or ".join(f"(_file = {file} and lower(trim(instrument)) = {literal(name)})" for file, name in turned)
    ends = "case lower(trim(instrument)) " + " ".join(
        f"when {literal(name)} then {low} + coalesce(scale_max, {high})" for name, (low, high) in SCORE_SCALES.items()
    )
    rows = f"clean_feedback where score is not null and ({which})"
    notes = _noted(connection, "score", "score_turned", rows, f"score || ' → ' || ({ends} end - score)", "_file, _row")
    connection.execute(f"update clean_feedback set score = {ends} end - score where score is not null and ({which})")
    return notes


def part_ids(connection: duckdb.DuckDBPyConnection, schema: TableSchema, files: Sequence[Delivered]) -> list[Note]:
    """Answers to several questions under one number of a respondent: the number, and behind it what was asked.

    The name of the instrument, and where one was asked several times six signs made of the question, so that an answer
    keeps its number from delivery to delivery.
    """
    grouped = ", ".join(str(d.file) for d in files if d.source.group) or "-1"
    if schema.name != "feedback" or not count_in(
        connection, "(select feedback_id from clean_feedback group by feedback_id having count(*) > 1)"
    ):
        return []
    connection.execute(
        f"""
        create or replace temp table parted as
        select _file, _row, feedback_id, concat(feedback_id, '/', coalesce(nullif(lower(trim(instrument)), ''), 'open'),
            case when count(*) over (partition by feedback_id, lower(trim(instrument))) > 1
                then '-' || left(md5(coalesce(question, '')), 6) else '' end) as part
        from clean_feedback where _file not in ({grouped})
        qualify count(*) over (partition by feedback_id) > 1
        """
    )
    notes = _noted(connection, "feedback_id", "id_of_question", "parted", "feedback_id || ' → ' || part", "_file, _row")
    connection.execute(
        "update clean_feedback set feedback_id = parted.part from parted "
        "where parted._file = clean_feedback._file and parted._row = clean_feedback._row"
    )
    return notes


def _noted(connection: duckdb.DuckDBPyConnection, column: str, repair: str, rows: str, example: str, order: str) -> list[Note]:
    """What a rule did: the rows of a relation counted, the first of them as the example."""
    number = count_in(connection, rows)
    if not number:
        return []
    (first,) = connection.execute(f"select cast({example} as varchar) from {rows} order by {order} limit 1").fetchall()[0]
    return [Note(column, repair, number, shown_value("orders", "order_id", first))]
