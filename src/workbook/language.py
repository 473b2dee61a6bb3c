"""What a reader sees, in the reader's language: sentences, names, numbers, dates and money.

A :class:`Text` is a sentence that knows its stable id, its English and the typed values in it; it becomes words only
when it is rendered for an :class:`Edition` (a language and a currency). The Chinese stands in gettext catalogues
``templates/locale/zh/<room>.po``: ``msgctxt`` is the id, ``msgid`` the English. The first part of an id, up to the
first dot, names the catalogue. English that changed without its Chinese raises :class:`StaleTranslation`.

>>> en = Edition("en", "CNY")
>>> text("doc.example", "{n} customers bring {part} of revenue", n=count(1234), part=share(0.75)).render(en)
'1,234 customers bring 75% of revenue'
"""

from __future__ import annotations

import datetime as dt
import functools
import math
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import polib
from babel.dates import format_date

from workbook.errors import WorkbookError
from workbook.places import templates_folder

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

Unit = Literal[
    "text",
    "count",
    "people",
    "number",
    "share",
    "points",
    "money",
    "score",
    "ratio",
    "days",
    "hours",
    "minutes",
    "months",
    "date",
    "time",
]
"""What a number measures. ``people`` are counted like things, but a number below :attr:`Edition.least` is hidden.
``share`` is a proportion 0–1 shown in per cent; ``points`` is a difference of two shares
(0.034 is shown as 3.4 percentage points); ``money`` is in the edition's currency; ``date`` and ``time`` are dates."""

Scalar = str | int | float | Decimal | dt.date | dt.datetime | bool | None

_LOCALES = {"en": "en", "zh": "zh_Hans_CN"}
_CURRENCY_SIGNS = {
    "en": {"CNY": "CNY ", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$"},
    "zh": {"CNY": "", "USD": "美元", "EUR": "欧元", "GBP": "英镑", "HKD": "港元"},
}


class StaleTranslation(WorkbookError):
    """A sentence has no translation, or one made for an earlier English wording."""


@dataclass(frozen=True)
class Edition:
    """One reader's view.

    Attributes:
        language: of the words.
        currency: of the engagement.
        least: numbers of people from 1 up to below it are shown as "<5" (analysis.small_cell), so that no reader recognises
            one of a few; 0 and 1 show all.
    """

    language: Language
    currency: str = "CNY"
    least: int = 0

    def hides(self, value: object, unit: Unit) -> bool:
        """Whether *value* is a number of people too small to be shown by itself.

        >>> Edition("en", least=5).hides(4, "people"), Edition("en", least=5).hides(4, "count")
        (True, False)
        """
        return unit == "people" and not is_missing(value) and 0 < float(value) < self.least  # type: ignore[arg-type]

    @property
    def locale(self) -> str:
        """The Babel locale, e.g. ``zh_Hans_CN``."""
        return _LOCALES[self.language]


@dataclass(frozen=True)
class Quantity:
    """A value with its unit; ``digits`` are the decimals shown (None: what suits the unit)."""

    value: Scalar
    unit: Unit
    digits: int | None = None

    def render(self, edition: Edition) -> str:
        """The value in the words of *edition*, its unit included."""
        return format_value(self.value, self.unit, edition, self.digits)


def count(value: float | None) -> Quantity:
    """A number of things."""
    return Quantity(value, "count")


def people(value: float | None) -> Quantity:
    """A number of people: told as "<5" where it is smaller than the edition shows (small cells)."""
    return Quantity(value, "people")


def part_and_people(part: float, n: float, edition: Edition) -> str:
    """A share with the number of people it stands for, as figures label it; where they are too few to be shown, that alone.

    >>> part_and_people(0.25, 50, Edition("en", least=5)), part_and_people(0.02, 4, Edition("en", least=5))
    ('25% · 50', '<5')
    """
    told = people(n).render(edition)
    return told if edition.hides(n, "people") else f"{share(part).render(edition)} · {told}"


def number(value: float | None, digits: int | None = None) -> Quantity:
    """A plain number."""
    return Quantity(value, "number", digits)


def share(value: float | None, digits: int | None = None) -> Quantity:
    """A proportion from 0 to 1, shown in per cent."""
    return Quantity(value, "share", digits)


def points(value: float | None, digits: int | None = 1) -> Quantity:
    """A difference of two proportions, shown in percentage points."""
    return Quantity(value, "points", digits)


def money(value: float | Decimal | None, digits: int | None = None) -> Quantity:
    """An amount in the currency of the engagement."""
    return Quantity(value, "money", digits)


def day(value: dt.date | None) -> Quantity:
    """A date."""
    return Quantity(value, "date")


@dataclass(frozen=True)
class Text:
    """A sentence or name with a stable id. Build it with :func:`text` or :func:`named`."""

    id: str
    english: str
    values: Mapping[str, Text | Quantity | str] = field(default_factory=dict)
    given: Mapping[str, str] | None = None

    def render(self, edition: Edition) -> str:
        """The sentence in the words of *edition*.

        Raises:
            StaleTranslation: where the catalogue has no Chinese for this id and this English.
        """
        if self.given is not None:
            return self.given.get(edition.language) or next(iter(self.given.values()))
        template = self.english if edition.language == "en" else translation(self.id, self.english, edition.language)
        if not self.values:
            return template.replace("{{", "{").replace("}}", "}")
        words = {name: v if isinstance(v, str) else v.render(edition) for name, v in self.values.items()}
        return _FORMATTER.vformat(template, (), words)


class _Formatter(string.Formatter):
    """Formats sentences; ``{n:row|rows}`` is the word for one, or that for any other number.

    >>> text("x.rows", "{n} {n:row is|rows are} kept", n=count(1)).render(Edition("en"))
    '1 row is kept'
    """

    def format_field(self, value: Any, format_spec: str) -> str:
        one, bar, many = format_spec.partition("|")
        return (one if value == "1" else many) if bar else str(super().format_field(value, format_spec))


_FORMATTER = _Formatter()


def text(id: str, english: str, /, **values: Text | Quantity | str) -> Text:
    """A sentence of the product. *id* and *english* must be literals, so that a test can collect them.

    Args:
        id: ``<room>.<rest>``; the room names the catalogue ``templates/locale/zh/<room>.po``.
        english: the sentence with ``{name}`` for each value, and ``{name:row|rows}`` for what depends on whether it is one.
        values: quantities, other texts, or the client's own words (plain str).
    """
    return Text(id, english, values)


def named(names: Mapping[str, str] | str) -> Text:
    """A name that the client or a settings file gives, in one or several languages; never looked up.

    >>> named({"en": "Gold", "zh": "黄金"}).render(Edition("zh"))
    '黄金'
    """
    given: dict[str, str] = {"en": names, "zh": names} if isinstance(names, str) else {str(k): v for k, v in names.items()}
    return Text("", next(iter(given.values()), ""), given=given)


def joined(parts: list[Text]) -> Text:
    """Several names in one, set apart as each language does (", " and "、")."""
    if not parts:
        return named({"en": "–", "zh": "–"})
    return _Joined("", "", parts=tuple(parts))


@dataclass(frozen=True)
class _Joined(Text):
    parts: tuple[Text, ...] = ()

    def render(self, edition: Edition) -> str:
        return (", " if edition.language == "en" else "、").join(part.render(edition) for part in self.parts)


@functools.cache
def catalogue(room: str, language: str) -> Mapping[str, tuple[str, str]]:
    """The catalogue of one room: id → (English it was made for, translation)."""
    path = templates_folder() / "locale" / language / f"{room}.po"
    if not path.is_file():
        return {}
    entries = polib.pofile(str(path), encoding="utf-8")
    return {e.msgctxt: (e.msgid, e.msgstr) for e in entries if e.msgctxt and not e.obsolete and "fuzzy" not in e.flags}


def translation(id: str, english: str, language: str) -> str:
    """The words for *id* in *language*.

    Raises:
        StaleTranslation: where there is none, or one of another English.
    """
    room = id.split(".", 1)[0]
    source, words = catalogue(room, language).get(id, ("", ""))
    if not words:
        raise StaleTranslation(f"templates/locale/{language}/{room}.po: no translation of {id!r} ({english!r})")
    if source != english:
        raise StaleTranslation(
            f"templates/locale/{language}/{room}.po: {id!r} translates {source!r}, but the English is now {english!r}"
        )
    return words


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT or pd.NA."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return True


def display_width(words: str) -> int:
    """Columns that words take: a Chinese character counts two.

    >>> display_width("客户 A")
    6
    """
    if words.isascii():
        return len(words)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words)


def money_scale(largest: float, edition: Edition) -> tuple[float, str]:
    """Divisor and unit name for amounts up to *largest*: 元, 万元, 亿元 in Chinese; thousand and million in English.

    >>> money_scale(250_000, Edition("zh"))
    (10000.0, '万元')
    """
    sign = _CURRENCY_SIGNS[edition.language].get(edition.currency, edition.currency)
    if edition.language == "zh":
        base = sign or "元"
        if largest >= 1e8:
            return 1e8, f"亿{base}"
        return (1e4, f"万{base}") if largest >= 1e4 else (1.0, base)
    base = sign.strip() or edition.currency
    if largest >= 1e7:
        return 1e6, f"{base} million"
    return (1e3, f"{base} thousand") if largest >= 1e5 else (1.0, base)


def format_value(value: Scalar, unit: Unit, edition: Edition, digits: int | None = None) -> str:
    """A value as a reader of *edition* sees it in a sentence, its unit included; "n/a" where it is missing."""
    if is_missing(value):
        return "n/a" if edition.language == "en" else "未知"
    if unit == "text" or isinstance(value, str):
        return str(value)
    if unit in ("date", "time"):
        return _format_day(value, unit, edition)
    x = float(value)  # type: ignore[arg-type]
    if math.isinf(x):
        return "∞" if x > 0 else "-∞"
    zh = edition.language == "zh"
    match unit:
        case "share":
            return _format_share(x, digits, edition)
        case "points":
            words = _decimal(100 * x, 1 if digits is None else digits, edition)
            return f"{words} 个百分点" if zh else f"{words} points"
        case "money":
            return _format_money(x, digits, edition)
        case "people" if edition.hides(x, unit):
            return f"<{edition.least}"
        case "count" | "people":
            return _decimal(x, 0 if digits is None else digits, edition)
        case "score" | "ratio":
            return _decimal(x, (1 if unit == "score" else 2) if digits is None else digits, edition)
        case "days" | "hours" | "minutes" | "months":
            words = _decimal(x, (0 if x == round(x) else 1) if digits is None else digits, edition)
            names = {
                "days": ("days", "天"), "hours": ("hours", "小时"), "minutes": ("minutes", "分钟"),
                "months": ("months", "个月"),
            }[unit]  # fmt: skip
            one = words == "1" and not zh
            return f"{words} {names[zh][:-1] if one else names[zh]}"
        case _:
            return _decimal(x, _number_digits(x) if digits is None else digits, edition)


def _number_digits(x: float) -> int:
    return 0 if x == round(x) and abs(x) < 1e15 else (1 if abs(x) >= 100 else 2)


def _decimal(x: float, digits: int, edition: Edition) -> str:
    """A number with its thousands apart, as both languages write it (and Babel would, at twenty times the cost)."""
    rounded = round(x, digits)
    return f"{rounded + 0.0 if rounded else 0.0:,.{digits}f}"


def _format_share(x: float, digits: int | None, edition: Edition) -> str:
    percent = 100 * x
    if digits is None:
        if 0 < percent < 1:
            return "<1%"
        if 99.5 <= percent < 100:
            return ">99%"
        digits = 0 if abs(percent) >= 10 or percent == 0 else 1
    smallest = 10.0**-digits
    if 0 < percent < smallest / 2:
        return f"<{_decimal(smallest, digits, edition)}%"
    return _decimal(percent, digits, edition) + "%"


def _format_money(x: float, digits: int | None, edition: Edition) -> str:
    if edition.language == "zh":
        divisor, name = money_scale(abs(x), edition)
        if digits is None:
            digits = 0 if divisor == 1.0 and abs(x) >= 100 else (2 if divisor == 1.0 or abs(x) < 10 * divisor else 1)
        return f"{_decimal(x / divisor, digits, edition)} {name}"
    sign = _CURRENCY_SIGNS["en"].get(edition.currency, edition.currency + " ")
    size = abs(x)
    minus = "-" if round(x, 2 if digits is None else digits) < 0 else ""
    if size >= 1e6:
        return f"{minus}{sign}{_decimal(size / 1e6, 2 if digits is None else digits, edition)} million"
    if digits is None:
        digits = 0 if size >= 100 else 2
    return f"{minus}{sign}{_decimal(size, digits, edition)}"


def _format_day(value: object, unit: Unit, edition: Edition) -> str:
    moment = value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    if isinstance(moment, dt.datetime):
        if unit == "time":
            return _format_day(moment.date(), "date", edition) + moment.strftime(" %H:%M")
        moment = moment.date()
    if not isinstance(moment, dt.date):
        raise TypeError(f"a date was expected, found {value!r}")
    pattern = "y 年 M 月 d 日" if edition.language == "zh" else "d MMM y"
    return format_date(moment, pattern, locale=edition.locale)
