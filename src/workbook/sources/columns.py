"""The file's own columns → typed canonical columns: mapping, vocabularies, constants, units, dates (D1, D2).

A required value that cannot be read quarantines its row; an optional one is emptied and counted as a repair. A column of
which more than half cannot be read is no dirty column but a wrong one, and stops the delivery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import duckdb

from workbook.settings.models import Source
from workbook.sources.forms import count_forms, form_flags, several_scales
from workbook.sources.mapping import ROW_NUMBER, own_columns
from workbook.sources.masking import FREE_TEXT, shown_value
from workbook.sources.parsing import (
    DAY_FIRST,
    EXCEL,
    LONGEST_TEXT,
    LONGEST_WORDS,
    MONTH_FIRST,
    POINT,
    UNIX,
    bare_number_sql,
    date_evidence,
    epoch_time_sql,
    excel_time_sql,
    flag_sql,
    given_time_sql,
    has_scale,
    id_sql,
    iso_time_sql,
    literal,
    number_evidence,
    number_sql,
    phone_masked,
    phone_scientific,
    phone_sql,
    plausible,
    rating_sql,
    short_sql,
    tidy,
    tidy_sql,
    time_sql,
    unclear_decimals,
)
from workbook.sources.phones import write_e164
from workbook.sources.read import RawFile
from workbook.sources.typed import Cell, Held, LostValue, RawSource, Repair, TypedSource
from workbook.sources.waits import ELAPSED, as_moments, wait_cell, wait_problems
from workbook.tables import SCHEMAS, SQL_TYPES, Kind

AMOUNT_SCALES = {"yuan": "1", "thousand": "1000", "ten_thousand": "10000", "cent": "0.01"}

MOST_VALUES = 1_000
"""So many values that could not be read are kept with their row, of each column and file."""

YES_AS_ONE = ("value", "pre_value")
"""Numbers that clients also deliver as yes or no (bought, came back): 1 and 0."""
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE")
_TIMES = ("DATE", "TIMESTAMP")


def join_files(connection: duckdb.DuckDBPyConnection, raws: Mapping[int, RawFile], source: Source, relation: str) -> RawSource:
    """Put the mapped columns of the files of one source under one another; their order may differ from file to file.

    Args:
        raws: number of each file → the file, its mapping already found sound (:func:`mapping_problems`).
        relation: name of the DuckDB view to make.
    """
    own = tuple(own_columns(source).values())
    types = []
    for columns in own:
        found = {raw.types[raw.columns.index(columns[0])] for raw in raws.values()}
        types.append(found.pop() if len(found) == 1 and len(columns) == 1 else "VARCHAR")
    parts = []
    for number, raw in raws.items():
        cells = []
        for i, (columns, wanted) in enumerate(zip(own, types, strict=True)):
            places = [raw.columns.index(column) for column in columns]
            same = len(places) == 1 and raw.types[places[0]] == wanted
            texts = [tidy_text(f"c{place}", raw.types[place], signs=False) for place in places]
            cells.append(f"{f'c{places[0]}' if same else _one_text(texts)} as c{i}")
        parts.append(f"select {', '.join([f'{number} as _file', '_row', *cells])} from {raw.relation}")
    connection.execute(f"create or replace temp view {relation} as {' union all '.join(parts)}")
    names = {number: raw.name for number, raw in raws.items()}
    name = next(iter(names.values())) if len(names) == 1 else source.file
    return RawSource(
        name, relation, tuple(map(" ".join, own)), tuple(types), any(raw.iso_dates for raw in raws.values()), names
    )


def _one_text(texts: Sequence[str]) -> str:
    """Several cells as one text; Chinese characters that meet (family and given name) have no space between."""
    if len(texts) == 1:
        return texts[0]
    parts = ", ".join(f"nullif({words}, '')" for words in texts)
    together = f"trim(concat_ws(' ', {parts}))"
    return f"regexp_replace({together}, '([\u4e00-\u9fff]) +([\u4e00-\u9fff])', '\\1\\2', 'g')"


def type_columns(
    connection: duckdb.DuckDBPyConnection, raw: RawSource, source: Source, country: str, relation: str
) -> TypedSource:
    """Bring a source to canonical columns in the DuckDB table *relation*.

    Its texts are tidied once, into a table of their own; all its values judge how each column is read.

    Args:
        country: ISO code of the client's country, for phone numbers.
    """
    problems: list[str] = []
    held = [
        _held(raw, source, column)
        for column in SCHEMAS[source.table].columns
        if column in source.columns or column in source.constants
    ]
    texts = f"texts_of_{relation}"
    tidied = ", ".join(f'{h.own} as "h_{h.column}", {h.tidy} as "u_{h.column}"' for h in held)
    read = ", ".join(f'{h.text} as "t_{h.column}"' for h in held)
    kept = ", ".join(f'"t_{h.column}"{form_flags(h)}' for h in held)
    with _as_written(connection):
        connection.execute(
            f"create or replace temp table {texts} as select _file, _row, {kept} from "
            f"(select *, {read} from (select _file, _row, {tidied} from {raw.relation}))"
        )
    try:
        cells = [_cell(connection, texts, raw, source, country, h, problems) for h in held]
        if problems:
            return TypedSource(relation, tuple(c.column for c in cells), (), tuple(problems))
        cells = as_moments(cells, source.table)
        _write_typed(connection, texts, source, country, cells, relation)
        repairs, problems = _unreadable(connection, raw, source, relation, cells)
        lost = () if problems else _lost_values(connection, relation, repairs)
        repairs += count_forms(connection, raw, texts, relation, held, cells, source)
    finally:
        connection.execute(f"drop table {texts}")
    return TypedSource(relation, tuple(c.column for c in cells), tuple(repairs), tuple(problems), lost)


def _write_typed(
    connection: duckdb.DuckDBPyConnection,
    texts: str,
    source: Source,
    country: str,
    cells: Sequence[Cell],
    relation: str,
) -> None:
    required = SCHEMAS[source.table].required
    typed = ", ".join(f'{c.typed} as "{c.column}"' for c in cells)
    kept_texts = "".join(f', "t_{c.column}"' for c in cells if c.fallible)
    needed = [c for c in cells if c.column in required]
    reasons = "".join(_unreadable_reason(c) for c in needed)
    # what is no business need not be whole: a deal that is still open has no day of closing
    for column, words in source.only.items():
        allowed = ", ".join(literal(tidy(word)) for word in words)
        reasons += f' when "{column}" is null or "{column}" not in ({allowed}) then \'not_valid_business\''
    reasons += "".join(f" when \"{c.column}\" is null then 'missing_{c.column}'" for c in needed)
    reason = f"case{reasons} end" if reasons else "null::varchar"
    bare = "".join(f', {c.bare} as "s_{c.column}"' for c in cells if c.bare)
    inner = f"(select _file, _row, {typed}{kept_texts} from (select *{bare} from {texts}))"
    if source.group == "last" and (told_once := _told_once(source, cells)):
        inner = f"(select * replace ({told_once}) from {inner})"
    with _as_written(connection):
        connection.execute(f"create or replace table {relation} as select *, {reason} as _reason from {inner}")
    if any(c.column == "phone" for c in cells):
        write_e164(connection, relation, "phone", country, keep=True)


def _told_once(source: Source, cells: Sequence[Cell]) -> str:
    """Empty cells that decide whether a row counts, filled with what another row of the same thing tells last.

    A shop's export names the day and state of an order on its first line only: the others are no less part of it.
    """
    schema, by_name = SCHEMAS[source.table], {c.column: c for c in cells}
    if any(k not in by_name for k in schema.identity):
        return ""
    key = ", ".join(f'"{k}"' for k in schema.identity)
    given = " and ".join(f'"{k}" is not null' for k in schema.identity)
    deciding = [c for c in by_name if c not in schema.identity and (c in schema.required or c in source.only or c == "status")]
    return ", ".join(
        f'case when {given} and "{"t_" * by_name[c].fallible}{c}" is null then last_value("{c}" ignore nulls) over '
        f"(partition by {key} order by _file, _row rows between unbounded preceding and unbounded following) "
        f'else "{c}" end as "{c}"'
        for c in deciding
    )


@contextmanager
def _as_written(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Compute long lists of expressions step by step as they are written: to look for better takes longer than it saves."""
    connection.execute("pragma disable_optimizer")
    try:
        yield
    finally:
        connection.execute("pragma enable_optimizer")


def _unreadable_reason(cell: Cell) -> str:
    unreadable = f' when "{cell.column}" is null and "t_{cell.column}" is not null then \'unreadable_{cell.column}\''
    return unreadable if cell.fallible else ""


def _held(raw: RawSource, source: Source, column: str) -> Held:
    """Where the file holds a canonical column, and its text."""
    kind = SCHEMAS[source.table].columns[column]
    if column in source.constants:
        given = source.constants[column]
        own, type_ = "cast(_row as varchar)" if given == ROW_NUMBER else literal(given), "VARCHAR"
    else:
        position = raw.columns.index(" ".join(own_columns(source)[column]))
        own, type_ = f"c{position}", raw.types[position]
    native = _native(own, type_, kind, source)
    if native is not None and column not in source.values:
        return Held(column, own, type_, native, f'"u_{column}"', native=True)
    signs = kind not in ("text", "contact") or column in ("phone", "email")
    # several columns of a file that make one hold no text of their own to compare with
    single = isinstance(source.columns.get(column), str) and type_ == "VARCHAR"
    return Held(column, own, type_, tidy_text(own, type_, signs=signs), _text(type_, source, column, signs), compared=single)


def _cell(
    connection: duckdb.DuckDBPyConnection,
    texts: str,
    raw: RawSource,
    source: Source,
    country: str,
    held: Held,
    problems: list[str],
) -> Cell:
    """How a column is read, judged by all its *texts*."""
    column, kind = held.column, SCHEMAS[source.table].columns[held.column]
    t, s = f'"t_{column}"', f'"s_{column}"'
    if held.native:
        return Cell(column, kind, t, fallible=False)
    if kind in ("date", "time"):
        form = source.dates if isinstance(source.dates, str) else (source.dates or {}).get(column)
        if form in ELAPSED:
            problems += wait_problems(raw.name, source, column, form)
            return wait_cell(connection, texts, raw.name, _own(source, column), source, country, column, problems)
        if form == EXCEL:
            return Cell(column, kind, f"cast({plausible(excel_time_sql(t))} as {SQL_TYPES[kind]})", True)
        if form == UNIX:
            return Cell(column, kind, f"cast({plausible(epoch_time_sql(t))} as {SQL_TYPES[kind]})", True)
        if form is not None and form not in (DAY_FIRST, MONTH_FIRST):
            problems += _form_problems(connection, raw, column, form)
            bare = given_time_sql(t, form, iso_too=raw.iso_dates)
            return Cell(column, kind, f"cast({plausible(s)} as {SQL_TYPES[kind]})", True, bare)
        evidence = date_evidence(connection, f"(select {t} as t from {texts})")
        if form is not None:
            evidence = replace(evidence, given="dmy" if form == DAY_FIRST else "mdy")
        if evidence.ambiguous:
            problems.append(
                f"{raw.name}: found dates such as {evidence.sample!r} in {_own(source, column)!r}; "
                f"expected to tell day from month; set sources.dates to %d/%m/%Y or %m/%d/%Y, {DAY_FIRST!r} or {MONTH_FIRST!r}"
            )
        typed = f"cast({time_sql(s, t, evidence)} as {SQL_TYPES[kind]})"
        return Cell(column, kind, typed, True, iso_time_sql(t, evidence))
    if kind in ("money", "number", "count"):
        # an outcome in percent is a share: 12 % is 0.12
        parted = column in YES_AS_ONE and held.type == "VARCHAR" and _has_percent(connection, t, texts)
        plain, bare = (f"rtrim({x}, ' %％')" if parted else x for x in (t, bare_number_sql(t)))
        signs = number_evidence(connection, f"(select {plain} as t from {texts})", country, source.decimals)
        if signs.decimals is None:
            problems.append(unclear_decimals(raw.name, _own(source, column), signs.sample))
        if column == "score" and held.type == "VARCHAR":
            problems += several_scales(connection, raw, held.own, _own(source, column), source.values.get("score", {}))
        number = number_sql(s, signs.decimals or POINT)
        scale = AMOUNT_SCALES[source.amounts_in]
        typed = {
            "money": f"try_cast(({number}) * (case when {has_scale(s)} then 1 else {scale} end) as decimal(18,4))",
            "number": f"cast({number} as double)",
            "count": f"case when ({number}) = trunc({number}) then try_cast(({number}) as bigint) end",
        }[kind]
        if parted:
            problems += _mixed_percent(connection, raw, _own(source, column), t, texts)
            typed = f"({typed}) / (case when right({t}, 1) in ('%', '％') then 100 else 1 end)"
        if column in YES_AS_ONE:
            typed = f"coalesce({typed}, cast({flag_sql(t)} as double))"
        return Cell(column, kind, typed, True, bare)
    if kind == "flag":
        return Cell(column, kind, flag_sql(t), fallible=True)
    if column == "phone":
        return Cell(column, kind, phone_sql(t, country), fallible=True)
    if column == "email":
        return Cell(column, kind, f"lower({t})", fallible=False)
    if kind == "id" and held.type == "VARCHAR":
        return Cell(column, kind, id_sql(t, _all_whole(connection, t, texts)), fallible=True)
    longest = LONGEST_TEXT if column in FREE_TEXT else LONGEST_WORDS
    if held.type == "VARCHAR" and _longest(connection, t, texts) > longest:
        return Cell(column, kind, short_sql(t, longest), fallible=True)
    return Cell(column, kind, t, fallible=False)


_PERCENT = "[+-]?[0-9]+([.,][0-9]+)?"


def _has_percent(connection: duckdb.DuckDBPyConnection, t: str, texts: str) -> bool:
    (row,) = connection.execute(
        f"select count(*) from (select 1 from {texts} where regexp_full_match({t}, '{_PERCENT} ?[%％]') limit 1)"
    ).fetchall()
    return bool(row[0])


def _mixed_percent(connection: duckdb.DuckDBPyConnection, raw: RawSource, own: str, t: str, texts: str) -> list[str]:
    """The fault of a column that writes some numbers with and some without a sign of percent: 12 beside 12 % may be either."""
    (row,) = connection.execute(
        f"""select min({t}) filter (regexp_full_match({t}, '{_PERCENT} ?[%％]')),
                   min({t}) filter (regexp_full_match({t}, '{_PERCENT}'))
            from {texts} where {t} <> '0'"""
    ).fetchall()
    if row[1] is None:
        return []
    return [f"{raw.name}: found {row[0]!r} and {row[1]!r} in {own!r}; expected all numbers with a sign of percent, or none; "
            "correct the file"]  # fmt: skip


def _longest(connection: duckdb.DuckDBPyConnection, t: str, texts: str) -> int:
    return int(connection.execute(f"select coalesce(max(length({t})), 0) from {texts}").fetchall()[0][0])


def _native(held: str, type_: str, kind: Kind, source: Source) -> str | None:
    """A cell of a typed file that needs no reading, only a cast; null for the other cells."""
    number = type_ in (*_NUMBERS, *_FLOATS) or type_.startswith("DECIMAL")
    bare = f"(case when isfinite({held}) then {held} end)" if type_ in _FLOATS else held
    if kind == "money" and number:
        scale = AMOUNT_SCALES[source.amounts_in]
        exact = f"try_cast({bare} as decimal(28,8))"
        return f"try_cast({exact} * {scale} as decimal(18,4))" if scale != "1" else f"try_cast({bare} as decimal(18,4))"
    if kind == "number" and type_ == "BOOLEAN":
        return f"cast({held} as double)"
    if kind == "number" and number:
        return f"cast({bare} as double)"
    if kind == "count" and type_ in _NUMBERS:
        return f"cast({held} as bigint)"
    if kind == "flag" and type_ == "BOOLEAN":
        return held
    if kind in ("date", "time") and type_.startswith(_TIMES):
        return f"cast({plausible(f'cast({held} as timestamp)')} as {SQL_TYPES[kind]})"
    return None


def tidy_text(held: str, type_: str, *, signs: bool = True) -> str:
    """A cell as text without the spaces around it, whatever its type in the file."""
    if type_ == "VARCHAR":
        return tidy_sql(held, signs=signs)
    if type_ in _FLOATS:
        return (
            f"(case when isfinite({held}) then case when {held} = trunc({held}) and abs({held}) < 1e15 "
            f"then cast(cast({held} as bigint) as varchar) else cast({held} as varchar) end end)"
        )
    return f"cast({held} as varchar)"


def _text(type_: str, source: Source, column: str, signs: bool) -> str:
    """Tidy text with the words for missing values made null and the client's vocabulary made canonical."""
    u = f'"u_{column}"'
    words = {tidy(own, signs=signs): ours for own, ours in source.values.get(column, {}).items()}
    # a word that the vocabulary names is never a word for "missing"
    missing = ({tidy(word, signs=signs) for word in source.missing} - set(words)) | {""}
    # a list, since DuckDB makes a join of every "in" with so many words
    none = f"list_contains([{', '.join(map(literal, sorted(missing)))}], {u})"
    cases = [f"when {none} then null"] if type_ == "VARCHAR" else []
    cases += [f"when {u} = {literal(own)} then {literal(ours) if ours else 'null'}" for own, ours in words.items()]
    plain = rating_sql(u) if column == "score" and type_ == "VARCHAR" else u
    return f"(case {' '.join(cases)} else {plain} end)" if cases else plain


def _all_whole(connection: duckdb.DuckDBPyConnection, t: str, texts: str) -> bool:
    whole = f"select coalesce(bool_and({t} like '%.0' and regexp_full_match({t}, '[0-9]+\\.0')), false) from {texts}"
    return bool(connection.execute(whole).fetchall()[0][0])


def _form_problems(connection: duckdb.DuckDBPyConnection, raw: RawSource, column: str, form: str) -> list[str]:
    try:
        connection.execute("select try_strptime('', ?)", [form])
    except duckdb.Error:
        return [
            f"{raw.name}: found the date format {form!r} for {column}; expected strptime directives such as %Y-%m-%d; "
            "correct sources.dates"
        ]
    return []


def _unreadable(
    connection: duckdb.DuckDBPyConnection, raw: RawSource, source: Source, relation: str, cells: Sequence[Cell]
) -> tuple[list[Repair], list[str]]:
    """Values that could not be read: repairs by column, and faults where they are more than half of a column."""
    fallible = [c for c in cells if c.fallible]
    if not fallible:
        return [], []
    counts = ", ".join(
        f'count("t_{c.column}"), count(*) filter ("t_{c.column}" is not null and "{c.column}" is null), '
        f'min("t_{c.column}") filter ("{c.column}" is null)'
        for c in fallible
    )
    repairs, problems = [], []
    for file, *found in connection.execute(f"select _file, {counts} from {relation} group by _file order by _file").fetchall():
        for i, cell in enumerate(fallible):
            given, lost, example = found[3 * i : 3 * i + 3]
            if lost:
                parts = _lost_phones(connection, relation, file) if cell.column == "phone" else {}
                unread = lost - sum(parts.values())
                shown = shown_value(source.table, cell.column, example, 40)
                if 2 * unread > given:
                    problems.append(_wrong_column(raw.files[file], source, cell, unread, given, shown))
                if cell.column not in SCHEMAS[source.table].required:
                    counted = {**parts, f"unreadable_{cell.column}": unread}
                    repairs += [Repair(file, cell.column, name, rows, shown) for name, rows in counted.items() if rows]
    return repairs, problems


def _lost_values(connection: duckdb.DuckDBPyConnection, relation: str, repairs: Sequence[Repair]) -> tuple[LostValue, ...]:
    """The rows of values that were emptied, with the values; the first of each file and column."""
    found = []
    for file, column in dict.fromkeys((r.file, r.column) for r in repairs):
        rows = connection.execute(
            f'select _row, "t_{column}" from {relation} where _file = ? and "t_{column}" is not null and "{column}" is null '
            f"order by _row limit {MOST_VALUES}",
            [file],
        ).fetchall()
        found += [LostValue(file, column, _repair_of(column, value), row, value) for row, value in rows]
    return tuple(found)


def _repair_of(column: str, value: str) -> str:
    if column == "phone" and re.search(r"[*＊●•]|[xX]{3,}", value):
        return "masked_phone"
    if column == "phone" and re.fullmatch(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+", value):
        return "phone_in_scientific_notation"
    return f"unreadable_{column}"


def _own(source: Source, column: str) -> str:
    """A column as its file calls it."""
    return " ".join(own_columns(source).get(column, (column,)))


def _wrong_column(file: str, source: Source, cell: Cell, unread: int, given: int, example: str) -> str:
    own = _own(source, cell.column)
    advice = _ADVICE.get(cell.kind, "correct the file")
    return (
        f"{file}: found {unread} of {given} values of {own!r} that are no {_NOUNS[cell.kind]}, such as {example!r}; "
        f"expected {source.table}.{cell.column} in most rows; map another column or {advice}"
    )


_NOUNS: Mapping[Kind, str] = {
    "id": "ids", "text": "text of a cell's length", "contact": "names or numbers", "money": "amounts", "number": "numbers",
    "count": "whole numbers", "date": "dates", "time": "dates", "flag": "yes or no",
}  # fmt: skip
_ADVICE: Mapping[Kind, str] = {
    "date": "set sources.dates to its strptime format",
    "time": "set sources.dates to its strptime format",
    "flag": "translate its words under sources.values",
    "number": "translate its words under sources.values",
    "count": "translate its words under sources.values",
}


def _lost_phones(connection: duckdb.DuckDBPyConnection, relation: str, file: int) -> dict[str, int]:
    row = connection.execute(
        f"select count(*) filter ({phone_masked('t_phone')}), "
        f"count(*) filter ({phone_scientific('t_phone')} and not {phone_masked('t_phone')}) from {relation} "
        "where phone is null and _file = ?",
        [file],
    ).fetchall()[0]
    return {"masked_phone": row[0], "phone_in_scientific_notation": row[1]}
