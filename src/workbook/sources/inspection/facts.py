"""What all values of a column are: counts of dates, numbers, e-mails, telephone numbers, yes and no, and damage (D1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from workbook.sources.columns import tidy_text
from workbook.sources.inspection.vocabulary import Vocabulary
from workbook.sources.parsing import (
    COMMA,
    NO,
    YES,
    DateEvidence,
    bare_number_sql,
    date_evidence,
    epoch_time_sql,
    iso_time_sql,
    literal,
    number_sql,
    phone_masked,
    phone_scientific,
    plausible,
    rating_sql,
    time_sql,
)
from workbook.sources.read import RawFile

NOTHING = ("none", "nil", "无")
"""Words for "missing" that are also what the control of a pilot got; left as they are, or with a capital, or in capitals."""
PERCENT = "[+-]?[0-9]+([.,][0-9]+)? ?[%％]"
TOP = 60
"""Most different values that are kept by themselves."""


_PHONE = "[+]?[0-9() ./\u2013-]{7,20}(转|ext[.]?|x)?[0-9]*"
_MOBILE = "([+]?86[ -]?)?1[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}|[+][0-9][0-9 ()-]{7,18}"
_HAN = "[\u4e00-\u9fff]"


@dataclass(frozen=True)
class Facts:
    """Counts over the values of one column, each value as often as it stands there.

    Attributes:
        name: the file's own column name.
        position: its place, 0 first.
        rows, filled: rows of the table; those with a value that is no word for "missing".
        distinct: different values.
        missing: word for "missing" → rows, of words that do not count as missing everywhere.
        dates, times: values that are dates with a year; those of them with a clock time.
        order: evidence on day and month, see :class:`DateEvidence`.
        serials: numbers that are day numbers of a spreadsheet for the years 1950–2119.
        epochs: seconds or milliseconds since 1970, for the years 2000–2099.
        relative: values such as 3 天前 or yesterday.
        numbers, whole, negative: values that are numbers; whole ones; negative ones.
        emails, phones, mobiles: by form; mobiles are those of China, or written with their country.
        masked, scientific: hidden by the sender; damaged by a spreadsheet program (1.38E+10).
        float_ids: values such as 1001.0.
        flags: yes or no, in either language.
        ratings: scores that are no plain numbers: ★★★★☆, 4/5, very satisfied.
        han: values with a Chinese character.
        width: mean length in characters.
        least, most: smallest and largest number.
        top: the most frequent values with their rows; whole where there are at most TOP different ones.
        currencies: signs of currencies found in the values.
        percents: values such as 12 %; they do not count as numbers.
        none: rows whose only word is one for "nothing", such as None: missing elsewhere, but an arm among arms.
    """

    name: str
    position: int
    rows: int
    filled: int
    distinct: int
    missing: tuple[tuple[str, int], ...]
    dates: int
    times: int
    order: DateEvidence
    serials: int
    epochs: int
    relative: int
    numbers: int
    whole: int
    negative: int
    emails: int
    phones: int
    mobiles: int
    masked: int
    scientific: int
    float_ids: int
    flags: int
    ratings: int
    han: int
    width: float
    least: float | None
    most: float | None
    top: tuple[tuple[str, int], ...]
    currencies: tuple[str, ...]
    percents: int = 0
    none: tuple[tuple[str, int], ...] = ()

    def share(self, count: int) -> float:
        """*count* as a share of the values."""
        return count / self.filled if self.filled else 0.0

    @property
    def unique(self) -> float:
        """Different values as a share of all values."""
        return self.distinct / self.filled if self.filled else 0.0


def column_facts(
    connection: duckdb.DuckDBPyConnection, raw: RawFile, vocabulary: Vocabulary, usual: Sequence[str]
) -> list[Facts]:
    """The facts of every column of a file.

    Args:
        usual: words that stand for "missing" in every source.
    """
    return [_facts(connection, raw, i, vocabulary, usual) for i in range(len(raw.columns))]


def _facts(connection: duckdb.DuckDBPyConnection, raw: RawFile, i: int, vocabulary: Vocabulary, usual: Sequence[str]) -> Facts:
    words = tidy_text(f"c{i}", raw.types[i])
    connection.execute(
        f"create or replace temp table judged as select t, count(*) as n from (select {words} as t from {raw.relation}) "
        "where t is not null and t <> '' group by t"
    )
    known = [word for word in vocabulary.content["missing"] if word not in usual]
    found = connection.execute(f"select t, n from judged where t in ({_list(known)}) order by n desc, t").fetchall()
    nothing = [form for word in NOTHING for form in (word, word.upper(), word.capitalize())]
    none = connection.execute(f"select t, n from judged where t in ({_list(nothing)}) order by n desc, t").fetchall()
    connection.execute(f"delete from judged where t in ({_list([*usual, *known])})")
    # shops put an apostrophe before long numbers, so that spreadsheet programs leave them alone
    bare = "case when regexp_matches(t, '^''[0-9+]') then substr(t, 2) else t end"
    connection.execute(f"create or replace temp view bare as select {bare} as t, n from judged")
    order = date_evidence(connection, "judged")
    s, number = f"({bare_number_sql('t')})", f"coalesce({number_sql('s')}, {number_sql('s', COMMA)})"
    date = plausible(f"({time_sql('d', 't', order)})") if order.values else "null::timestamp"
    if order.ambiguous:  # dates all the same: only their order is open
        either = [replace(order, given=given) for given in ("dmy", "mdy")]
        date = f"coalesce({', '.join(plausible(_time(evidence)) for evidence in either)})"
    relative = "|".join(vocabulary.content["relative_dates"])
    said = [str(word).casefold() for words in vocabulary.content["values"]["feedback.score"].values() for word in words]
    signs = [sign for signs in vocabulary.content["currencies"].values() for sign in signs]
    row = connection.execute(
        f"""
        select coalesce(sum(n), 0), count(*), {_sum("date is not null")}, {_sum("date is not null and t like '%:%'")},
            {_sum("number between 18264 and 80354")}, {_sum(f"{epoch_time_sql('t')} is not null")},
            {_sum(f"regexp_matches(lower(t), '({relative})') and date is null")},
            {_sum("number is not null")}, {_sum("number = trunc(number)")}, {_sum("number < 0")},
            {_sum("regexp_full_match(t, '[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+')")},
            {_sum(f"regexp_full_match(t, '{_PHONE}') and length(digits) between 7 and 15")},
            {_sum(f"regexp_full_match(t, '{_MOBILE}')")},
            {_sum("regexp_matches(t, '[0-9*]{3}') and " + phone_masked("t"))}, {_sum(phone_scientific("t"))},
            {_sum("regexp_full_match(t, '[0-9]+[.]0')")}, {_sum(f"lower(t) in ({_list([*YES, *NO])})")},
            {_sum(f"{rating_sql('t')} <> t or lower(t) in ({_list(said)})")},
            {_sum(f"regexp_matches(t, '{_HAN}')")}, coalesce(sum(length(t) * n) / nullif(sum(n), 0), 0),
            min(number)::double, max(number)::double, {_sum(f"regexp_full_match(t, '{PERCENT}')")},
            {", ".join(f"coalesce(bool_or(contains(t, {literal(sign)})), false)" for sign in signs)}
        from (
            select t, n, {number} as number, {date} as date, regexp_replace(t, '[^0-9]', '', 'g') as digits
            from (select t, n, {s} as s, {iso_time_sql("t", order)} as d from bare)
        )
        """
    ).fetchall()[0]
    top = connection.execute(f"select t, n from judged order by n desc, t limit {TOP}").fetchall()
    counts = [int(x) for x in row[:19]]
    rows = connection.execute(f"select count(*) from {raw.relation}").fetchall()[0][0]
    return Facts(
        raw.columns[i], i, rows, counts[0], counts[1], tuple(found), counts[2], counts[3], order, *counts[4:19],  # type: ignore[arg-type,misc]
        width=float(row[19]), least=row[20], most=row[21], top=tuple(top),
        currencies=tuple(sign for sign, there in zip(signs, row[23:], strict=True) if there),
        percents=int(row[22]), none=tuple(none),
    )  # fmt: skip


def _time(evidence: DateEvidence) -> str:
    """A timestamp from ``t`` in the order that the evidence gives."""
    iso = f"({iso_time_sql('t', evidence)})"
    return f"({time_sql(iso, 't', evidence)})"


def _sum(condition: str) -> str:
    return f"coalesce(sum(n) filter ({condition}), 0)"


def _list(words: Sequence[str]) -> str:
    return ", ".join(map(literal, words)) or "null"
