"""How the text of a cell becomes a value: SQL expressions for amounts, dates, phones and flags as clients write them.

Each function takes an SQL expression of type varchar and returns one of the type wanted, null where the text cannot be
read. Nothing is guessed: ``12,5`` is no amount, ``01/02/2025`` is no date before the whole column has shown its order.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import duckdb

SPACES = " \t\r\n\u00a0\u3000\u200b\ufeff"
_LETTERS = "".join(chr(c) for c in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)))
_SIGNS = "".join(chr(c) for c in range(0xFF01, 0xFF5F) if chr(c) not in _LETTERS)
_ASCII = {wide: chr(ord(wide) - 0xFEE0) for wide in _LETTERS + _SIGNS}
_NARROW_ALL = str.maketrans(_ASCII)
_NARROW_LETTERS = str.maketrans({wide: _ASCII[wide] for wide in _LETTERS})

MONTH_NAMES = (
    "%d-%b-%Y", "%d/%b/%Y", "%d %b %Y", "%d %b, %Y", "%b %d, %Y", "%b %d %Y", "%d %B %Y", "%d %B, %Y", "%B %d, %Y", "%B %d %Y",
)  # fmt: skip
SHORT_YEARS = ("%d-%b-%y", "%d/%b/%y")
"""Forms of dates with English month names; they leave no doubt about the order."""

YES = ("是", "y", "yes", "true", "t", "1", "有", "√", "✓", "对", "ja", "oui", "si", "sí", "sì", "sim")
NO = ("否", "n", "no", "false", "f", "0", "无", "×", "没有", "错", "nein", "non", "não", "nao", "nee")

DAY_FIRST, MONTH_FIRST, EXCEL, UNIX = "day first", "month first", "excel", "unix"
"""Words of ``sources.dates`` that are no strptime formats: the order of day and month, and day numbers of a spreadsheet."""

POINT, COMMA = "point", "comma"
"""Words of ``sources.decimals``."""

EARLIEST, LATEST = "1900-01-01", "2200-01-01"
"""Dates outside are typing errors, not dates."""


def literal(value: str) -> str:
    """*value* as an SQL string."""
    return "'" + value.replace("'", "''") + "'"


def tidy(words: str, *, signs: bool = False) -> str:
    """The same tidying as :func:`tidy_sql`, for the words of the settings.

    >>> tidy(" ＶＩＰ　客户 "), tidy("（１２）", signs=True)
    ('VIP\\u3000客户', '(12)')
    """
    return words.strip(SPACES).translate(_NARROW_ALL if signs else _NARROW_LETTERS)


def tidy_sql(x: str, *, signs: bool = False) -> str:
    """Text without the spaces around it, full-width letters and digits made narrow.

    Args:
        signs: full-width punctuation too, which in sentences is right as it stands.
    """
    wide = _LETTERS + (_SIGNS if signs else "")
    trimmed = f"trim({x}, {literal(SPACES)})"
    narrow = f"translate({trimmed}, {literal(wide)}, {literal(''.join(_ASCII[c] for c in wide))})"
    # translate is slow, and most text holds no such letter
    return f"case when strlen({x}) > length({x}) and regexp_matches({x}, '[\uff01-\uff5e]') then {narrow} else {trimmed} end"


def bare_number_sql(t: str) -> str:
    """A number without currency, stars, brackets and spaces: ``￥1,234.50`` → ``1,234.50``, ``(12.00)`` → ``-12.00``."""
    signs = "R[$]|[\\s￥¥$€£]|RMB|CNY|USD|EUR|GBP|HKD|BRL|CHF|人民币|元|星级?|stars?"
    bare = f"regexp_replace(replace({t}, '−', '-'), '{signs}', '', 'gi')"
    signed = f"regexp_replace(regexp_replace({bare}, '^\\((.*)\\)$', '-\\1'), '^([^-].*)-$', '-\\1')"
    return f"case when regexp_full_match({t}, '-?[0-9]+(\\.[0-9]+)?') then {t} else {signed} end"


def number_sql(s: str, decimals: str = POINT) -> str:
    """A number as decimal(28,8) from bare text: ``1,234.50``, ``3.5万``, ``1.2E+05``; ``1,23`` is none.

    Args:
        decimals: ``comma`` where the column writes 1.234,50: then ``1.23`` is none.
    """
    apart, sign = (",", "[.]") if decimals == POINT else ("[.]", ",")
    digits = f"regexp_replace({s}, '[万亿]$', '')"
    digits = f"replace({digits}, ',', '')" if decimals == POINT else f"replace(replace({digits}, '.', ''), ',', '.')"
    scale = f"case right({s}, 1) when '万' then 10000 when '亿' then 100000000 else 1 end"
    form = f"[+-]?([0-9]{{1,3}}({apart}[0-9]{{3}})+|[0-9]+)?({sign}[0-9]+)?([eE][+-]?[0-9]+)?[万亿]?"
    return (
        f"case when regexp_full_match({s}, '{form}') then "
        f"try_cast(try_cast({digits} as decimal(28,8)) * {scale} as decimal(28,8)) end"
    )


def unclear_decimals(file: str, own: str, sample: str) -> str:
    """The fault of a column of numbers whose decimal sign nothing decides."""
    return (
        f"{file}: found numbers such as {sample!r} in {own!r}; expected to tell the sign "
        f"before decimals; set sources.decimals to {POINT} (1,234.50) or {COMMA} (1.234,50)"
    )


STARS = "[★☆⭐✩✰️ ]+"
RATING = "([0-9]+([.][0-9]+)?) ?(/|／|out of|von|sur|sobre) ?(5|7|10|100)( ?(stars?|points?|分|星))?"
"""Ratings that tell their scale: ★★★★☆, 4/5, 4 out of 5."""


def rating_sql(t: str) -> str:
    """A score of *t* without the scale behind it: ``★★★★☆`` → 4, ``4/5`` → 4, ``4.5 out of 5`` → 4.5; others as they are."""
    full = f"cast(length(regexp_replace({t}, '[^★⭐]', '', 'g')) as varchar)"
    return (
        f"case when regexp_full_match({t}, '{STARS}') then {full} "
        f"when regexp_full_match(lower({t}), '{RATING}') then regexp_extract(lower({t}), '{RATING}', 1) else {t} end"
    )


@dataclass(frozen=True)
class NumberEvidence:
    """What all values of a column say about its decimal sign.

    Attributes:
        comma, point: values that can only be read with that sign: ``1.234,5`` and ``12,5``; ``1,234.5`` and ``12.5``.
        grouped_comma, grouped_point: values such as ``1,234`` and ``1.234``, whose sign may part thousands or decimals.
        sample: one of the values that leave doubt, for messages.
        foreign: whether the client's country writes the comma.
        given: the sign that the settings give.
    """

    comma: int
    point: int
    grouped_comma: int
    grouped_point: int
    sample: str
    foreign: bool
    given: str | None = None

    @property
    def decimals(self) -> str | None:
        """``point`` or ``comma``; None where the values contradict each other, or do not tell."""
        if self.given:
            return self.given
        if self.comma and self.point:
            return None
        if self.comma:
            return None if self.grouped_comma else COMMA
        if self.point:
            return POINT
        return None if self.foreign and (self.grouped_comma or self.grouped_point) else POINT


_COMMA_ONLY = "[+-]?([0-9]{1,3}([.][0-9]{3})+,[0-9]+|[0-9]{1,3}([.][0-9]{3}){2,}|0?,[0-9]+|[0-9]+,([0-9]{1,2}|[0-9]{4,}))"
_POINT_ONLY = (
    "[+-]?([0-9]{1,3}(,[0-9]{3})+[.][0-9]*|[0-9]{1,3}(,[0-9]{3}){2,}|0?[.][0-9]+|[0-9]+[.]([0-9]{1,2}|[0-9]{4,})|"
    "[0-9]{4,}[.][0-9]{3})"
)


def number_evidence(connection: duckdb.DuckDBPyConnection, texts: str, country: str, given: str | None) -> NumberEvidence:
    """Look at all values of *texts*, a relation with the column ``t``.

    Args:
        country: ISO code of the client's country, which tells where the values do not.
        given: the sign in the settings.
    """
    by_comma, by_point = (f"[+-]?[1-9][0-9]{{0,2}}{sign}[0-9]{{3}}" for sign in (",", "[.]"))
    row = connection.execute(
        f"""
        select count(*) filter (regexp_full_match(s, '{_COMMA_ONLY}')), count(*) filter (regexp_full_match(s, '{_POINT_ONLY}')),
            count(*) filter (regexp_full_match(s, '{by_comma}')), count(*) filter (regexp_full_match(s, '{by_point}')),
            coalesce(min(t) filter (contains(s, ',')), min(t), '')
        from (select t, {bare_number_sql("t")} as s from {texts} where contains(t, ',') or contains(t, '.'))
        """
    ).fetchall()[0]
    comma, point, grouped_comma, grouped_point, sample = row
    return NumberEvidence(comma, point, grouped_comma, grouped_point, sample, writes_comma(country), given)


@functools.cache
def writes_comma(country: str) -> bool:
    """Whether a country writes 1.234,50, by the Unicode locale data.

    >>> writes_comma("DE"), writes_comma("CN")
    (True, False)
    """
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(f"und_{country}").number_symbols["latn"]["decimal"]) == ","
    except (UnknownLocaleError, ValueError, KeyError):
        return False


def has_scale(t: str) -> str:
    """Whether the text itself says ten thousand or hundred million."""
    return f"regexp_matches({t}, '[万亿]')"


def flag_sql(t: str) -> str:
    """Yes or no, in either language."""
    yes, no = (", ".join(map(literal, words)) for words in (YES, NO))
    return f"case when lower({t}) in ({yes}) then true when lower({t}) in ({no}) then false end"


def phone_sql(t: str, country: str) -> str:
    """A phone number: Chinese mobiles and lines with their area as E.164, other numbers as their digits (:mod:`phones` brings
    them there); masked ones are lost."""
    bare = f"regexp_replace(regexp_replace({t}, '\\.0$', ''), '(转|ext\\.?|x)\\s*[0-9]+$', '')"
    digits = f"regexp_replace(regexp_replace({bare}, '[^0-9+]', '', 'g'), '^00', '+')"
    lost = f"{phone_masked(t)} or {phone_scientific(t)} or length({digits}) < 5"
    if country != "CN":
        return f"case when {lost} then null else {digits} end"
    mobile, line = "^(?:\\+?86)?(1[3-9][0-9]{9})$", "^(?:\\+?86)?0((?:10|2[0-9]|[3-9][0-9]{2})[0-9]{7,8})$"
    return (
        f"case when {lost} then null when regexp_matches({digits}, '{mobile}') "
        f"then '+86' || regexp_extract({digits}, '{mobile}', 1) when regexp_matches({digits}, '{line}') "
        f"then '+86' || regexp_extract({digits}, '{line}', 1) else {digits} end"
    )


def phone_masked(t: str) -> str:
    """Whether the system that exported the number had hidden its middle."""
    return f"regexp_matches({t}, '[*＊●•]|[xX]{{3,}}')"


def phone_scientific(t: str) -> str:
    """Whether a spreadsheet program had made 1.38E+10 of it."""
    return f"regexp_full_match({t}, '[0-9](\\.[0-9]+)?[eE]\\+?[0-9]+')"


LONGEST_ID, LONGEST_WORDS, LONGEST_TEXT = 255, 2_000, 32_767
"""Characters of an id, of a word or name, and of free text (what a cell of Excel takes); what is longer is no such thing."""


def id_sql(t: str, whole: bool) -> str:
    """An id; null where a spreadsheet program made 1.2E+11 of it, or where it is too long for one.

    *whole*: all ids of the column end in ``.0``."""
    bare = f"regexp_replace({t}, '\\.0$', '')" if whole else t
    lost = f"regexp_full_match({t}, '[0-9](\\.[0-9]+)?E\\+[0-9]+') or length({t}) > {LONGEST_ID}"
    return f"case when {lost} then null else {bare} end"


def short_sql(t: str, longest: int) -> str:
    """Text; null where it is longer than any that a person writes there."""
    return f"case when length({t}) <= {longest} then {t} end"


@dataclass(frozen=True)
class DateEvidence:
    """What all values of a column say about how its dates are written.

    Attributes:
        values: values that are not missing.
        numeric: values such as 03/04/2025, the year last.
        first_high, second_high: those of them whose first (second) number is above 12.
        named: values with an English month name.
        compact: values such as 20250304.
        words: any with 时, 分, 上午, pm …
        sample: the first value in order of text, for messages.
        given: the order that the settings give, ``dmy`` or ``mdy``.
    """

    values: int
    numeric: int
    first_high: int
    second_high: int
    named: int
    compact: int
    words: bool
    sample: str
    given: str | None = None

    @property
    def order(self) -> str | None:
        """``dmy`` or ``mdy`` where the settings give it or the values of the column decide it."""
        if self.given:
            return self.given
        if self.first_high and not self.second_high:
            return "dmy"
        return "mdy" if self.second_high and not self.first_high else None

    @property
    def ambiguous(self) -> bool:
        """Whether day and month cannot be told apart, or both orders occur."""
        return self.numeric > 0 and self.order is None


_YEAR_LAST = "^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})\\b"
_YEAR_FIRST = "^([0-9]{4})\\s*[-/.年]\\s*([0-9]{1,2})\\s*[-/.月]\\s*([0-9]{1,2})\\s*日?\\s*T?\\s*"
_SHORT_YEAR = "^[0-9]{1,2}[-/][A-Za-z]{3}[-/][0-9]{2}\\b"
_COMPACT = "[0-9]{8}([0-9]{4}([0-9]{2})?)?"
_ISO = "(19|20|21)[0-9]{2}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\\.[0-9]+)?)?)?"


def date_evidence(connection: duckdb.DuckDBPyConnection, texts: str) -> DateEvidence:
    """Look at all values of *texts*, a relation with the column ``t``."""
    row = connection.execute(
        f"""
        select count(t), count(*) filter (regexp_matches(t, '{_YEAR_LAST}')),
            count(*) filter (try_cast(regexp_extract(t, '{_YEAR_LAST}', 1) as integer) > 12),
            count(*) filter (try_cast(regexp_extract(t, '{_YEAR_LAST}', 2) as integer) > 12),
            count(*) filter (regexp_matches(t, '[A-Za-z]{{3}}') and regexp_matches(t, '[0-9]{{4}}')
                             or regexp_matches(t, '{_SHORT_YEAR}')),
            count(*) filter (regexp_full_match(t, '{_COMPACT}')),
            coalesce(bool_or(regexp_matches(t, '[时点分秒午晚]|[0-9]\\s*[AaPp][Mm]')), false),
            coalesce(min(t) filter (regexp_matches(t, '{_YEAR_LAST}')), min(t), '')
        from {texts}
        """
    ).fetchall()[0]
    return DateEvidence(*row)


def iso_time_sql(t: str, evidence: DateEvidence) -> str:
    """Text that :func:`time_sql` can read, from a date in any form that leaves no doubt; order of day and month by *evidence*.

    The clock time stands as it was written: a zone behind it (``Z``, ``+08:00``, ``GMT+8``) is taken off: times are local.
    """
    s = f"regexp_replace({t}, '{_YEAR_FIRST}', '\\1-\\2-\\3 ')"
    if evidence.numeric and evidence.order:
        turned = "\\3-\\2-\\1" if evidence.order == "dmy" else "\\3-\\1-\\2"
        s = f"regexp_replace({s}, '{_YEAR_LAST}', '{turned}')"
    if evidence.compact:
        cut = "^([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?$"
        s = (
            f"case when regexp_full_match({t}, '{_COMPACT}') then "
            f"regexp_replace(regexp_replace({t}, '{cut}', '\\1-\\2-\\3 \\4:\\5:\\6'), '[ :]+$', '') else {s} end"
        )
    if evidence.words:
        s = f"regexp_replace({s}, '\\s*(上午|下午|晚上|[AaPp][Mm])\\s*', ' ', 'g')"
        s = f"regexp_replace(regexp_replace({s}, '[时点分]\\s*', ':', 'g'), '[:秒]\\s*$', '')"
    zone = "(?:Z|(?:GMT|UTC)?[+-][0-9]{1,2}(?::?[0-9]{2})?|GMT|UTC)"
    s = f"regexp_replace({s}, '(:[0-9]{{2}}(?:\\.[0-9]+)?)\\s*{zone}$', '\\1')"
    return f"trim(regexp_replace({s}, '\\s+', ' ', 'g'))"


def time_sql(s: str, t: str, evidence: DateEvidence) -> str:
    """A timestamp from *s*, the text of :func:`iso_time_sql`; *t* is the text before it."""
    read = f"case when regexp_full_match({s}, '{_ISO}') then try_cast({s} as timestamp) end"
    if evidence.words:
        later, earlier = f"regexp_matches({t}, '下午|晚上|[Pp][Mm]')", f"regexp_matches({t}, '上午|[Aa][Mm]')"
        read = (
            f"case when {later} and hour({read}) < 12 then {read} + interval 12 hour "
            f"when {earlier} and hour({read}) = 12 then {read} - interval 12 hour else {read} end"
        )
    if evidence.named:
        clocks = ["", " %H:%M", " %H:%M:%S"]
        clocks += [" %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %I:%M:%S %p"] if evidence.words else []
        long, short = (", ".join(literal(f + c) for f in forms for c in clocks) for forms in (MONTH_NAMES, SHORT_YEARS))
        read = (
            f"coalesce({read}, case when regexp_matches({t}, '{_SHORT_YEAR}') then try_strptime({t}, [{short}]) "
            f"when regexp_matches({t}, '\\b(19|20|21)[0-9]{{2}}\\b') then try_strptime({t}, [{long}]) end)"
        )
    return read


def given_time_sql(t: str, form: str, *, iso_too: bool) -> str:
    """A timestamp from text in the strptime format *form* (and as ISO where the file format itself knows dates)."""
    forms = [form, *(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"] if iso_too else [])]
    return f"try_strptime({t}, [{', '.join(map(literal, forms))}])"


def excel_time_sql(t: str) -> str:
    """A timestamp from a spreadsheet's day number, ``45658`` or ``45658.5``; ISO text, which some cells still are, as it is.

    Day 60 is the 29 February 1900 that never was; from 61 on the count is days since 30 December 1899.
    """
    days = f"try_cast({t} as double)"
    moment = f"timestamp '1899-12-30' + to_seconds(round({days} * 86400))"
    iso = f"case when regexp_full_match({t}, '{_ISO}') then try_cast({t} as timestamp) end"
    return f"case when {days} between 61 and 109574 then {moment} else {iso} end"


def epoch_time_sql(t: str) -> str:
    """A timestamp (UTC) from seconds since 1970, ``1511544070``, or milliseconds, ``1433221332117``, of the years 2000–2099."""
    seconds, milliseconds = "[0-9]{9,10}([.][0-9]+)?", "[0-9]{12,13}"
    micros = (
        f"case when regexp_full_match({t}, '{seconds}') then try_cast({t} as double) * 1000000 "
        f"when regexp_full_match({t}, '{milliseconds}') then try_cast({t} as double) * 1000 end"
    )
    moment = f"make_timestamp(cast(round({micros}) as bigint))"
    return f"case when ({micros}) between 946684800000000 and 4102444799999999 then {moment} end"


def plausible(x: str) -> str:
    """A timestamp, null outside 1900–2199."""
    return f"case when {x} >= timestamp '{EARLIEST}' and {x} < timestamp '{LATEST}' then {x} end"
