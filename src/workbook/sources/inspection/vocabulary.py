"""What clients' systems call things: column names and file names → canonical tables and columns.

The words stand in ``templates/vocabulary.yaml``, which a consultant extends. A word is compared without case, spaces and
signs. What stands between brackets, or a unit at the end, is taken off and kept as the unit.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from babel import Locale
from ruamel.yaml import YAML

from workbook.places import templates_folder

Strength = Literal["sure", "maybe", "partly"]

_BRACKETS = re.compile(r"[(\[{<【〔《（].*?[)\]}>】〕》）]")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BEFORE_UNIT = r"[\s_\-(（\[【/,]*(?:\b(?:in|as|of)\b)?[\s_]*"
_CUSTOM = re.compile(r"__[a-z]$", re.IGNORECASE)


@dataclass(frozen=True)
class Meaning:
    """One thing that a column name can mean.

    Attributes:
        table: canonical table.
        column: canonical column.
        strength: ``sure`` and ``maybe`` as the vocabulary says; ``partly`` where only the end of the name is known.
        rank: place of the word in its list, 0 first.
    """

    table: str
    column: str
    strength: Strength
    rank: int


@dataclass(frozen=True)
class Vocabulary:
    """The words, ready to be looked up.

    Attributes:
        meanings: squashed column name → its meanings.
        called: table → squashed words of file and sheet names.
        content: the file as it stands: instruments, values, order_states, missing, relative_dates, units, currencies.
        units: squashed unit → what it says of amounts.
    """

    meanings: Mapping[str, tuple[Meaning, ...]]
    called: Mapping[str, tuple[str, ...]]
    content: Mapping[str, Any]
    units: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> tuple[Meaning, ...]:
        """What a column name can mean, in any table; empty where the vocabulary does not know it."""
        for words in _readings(name, self.units):
            if words in self.meanings:
                return self.meanings[words]
        return self._of_a_thing(name) or self._by_ending(name)

    def knows(self, name: str) -> bool:
        """Whether the whole name is a word of the vocabulary."""
        return any(words in self.meanings for words in _readings(name, self.units))

    def unit(self, name: str) -> str | None:
        """The unit that a column name gives: ``yuan``, ``thousand``, ``ten_thousand``, ``cent`` or ``unsupported``."""
        found = [squash(part) or part.strip(" ()[]（）") for part in _BRACKETS.findall(unicodedata.normalize("NFKC", name))]
        found += [part.strip("()[] ") for part in _BRACKETS.findall(unicodedata.normalize("NFKC", name))]
        for part in found:
            if part in self.units:
                return self.units[part]
        whole = squash(bare_name(name))
        for unit in sorted(self.units, key=len, reverse=True):
            if whole.endswith(unit) and whole[: -len(unit)] in self.meanings and len(unit) < len(whole):
                return self.units[unit]
        return None

    def duration(self, name: str) -> tuple[str, str | None]:
        """A column's name without the unit of time at its end, and the unit: seconds, minutes, hours or days.

        >>> vocabulary().duration("Speed of answer in seconds"), vocabulary().duration("First response time (hrs)")
        (('Speed of answer', 'seconds'), ('First response time', 'hours'))
        >>> vocabulary().duration("响应时长（分钟）"), vocabulary().duration("Admin")
        (('响应时长', 'minutes'), ('Admin', None))
        """
        units = {word: unit for unit, words in self.content["durations"].items() for word in words}
        ending = "|".join(map(re.escape, sorted(units, key=len, reverse=True)))
        found = re.search(rf"{_BEFORE_UNIT}(?P<unit>{ending})[\s.)）\]】]*$", name, re.IGNORECASE)
        if found is None or not found.start() or (found["unit"].isascii() and name[found.start()].isalpha()):
            return name, None
        return name[: found.start()], units[found["unit"].casefold()]

    def speaks_for(self, words: str) -> dict[str, float]:
        """Tables that the name of a file or sheet speaks for, and how strongly: longer words more."""
        found: dict[str, float] = {}
        for table, called in self.called.items():
            hits = speaks_of(called, words)
            if hits:
                found[table] = 1 + 0.1 * min(10, max(len(w) if w.isascii() else 3 * len(w) for w in hits))
        return found

    def _of_a_thing(self, name: str) -> tuple[Meaning, ...]:
        """Names such as review_score or customer_city: the thing that a table lists, then a column of this table."""
        words = tokens(name)
        known = self.meanings.get(squash(" ".join(words[1:])), ()) if len(words) > 1 else ()
        return tuple(m for m in known if words[0] in self.called[m.table])

    def _by_ending(self, name: str) -> tuple[Meaning, ...]:
        """Names such as 下单客户编号 or primary_email_address, of which the end is a sure word."""
        words = tokens(name)
        endings = [squash(" ".join(words[i:])) for i in range(1, len(words))]
        last = words[-1] if words else ""
        if last and not last.isascii():
            endings += [last[i:] for i in range(1, len(last) - 1)]
        for ending in endings:
            known = [m for m in self.meanings.get(ending, ()) if m.strength == "sure"]
            if known and (not ending.isascii() or len(ending) >= 5):
                return tuple(Meaning(m.table, m.column, "partly", m.rank) for m in known)
        return ()


@functools.cache
def vocabulary() -> Vocabulary:
    """The vocabulary of ``templates/vocabulary.yaml``, with the European words behind it."""
    content, more = (
        YAML(typ="safe").load((templates_folder() / f"{name}.yaml").read_text("utf-8"))
        for name in ("vocabulary", "vocabulary_european")
    )
    for table, about in more["tables"].items():
        content["tables"][table]["called"] += about["called"]
        for column, lists in about["columns"].items():
            for strength, words in lists.items():
                content["tables"][table]["columns"][column][strength] += words
    for kind, words in more["order_states"].items():
        content["order_states"][kind] += words
    meanings: dict[str, list[Meaning]] = {}
    strengths: tuple[Strength, Strength] = ("sure", "maybe")
    for table, about in content["tables"].items():
        for column, lists in about["columns"].items():
            for strength in strengths:
                for rank, words in enumerate(lists[strength]):
                    known = meanings.setdefault(squash(words), [])
                    if (table, column) not in {(m.table, m.column) for m in known}:  # "cust id" and "custid" are one
                        known.append(Meaning(table, column, strength, rank))
    called = {table: tuple(map(_plain, about["called"])) for table, about in content["tables"].items()}
    units = {squash(unit) or unit: kind for kind, names in content["units"].items() for unit in names}
    units |= {unit: kind for kind, names in content["units"].items() for unit in names}
    return Vocabulary({words: tuple(found) for words, found in meanings.items()}, called, content, units)


def territory_code(words: str) -> str | None:
    """The ISO code of a country by its English or Chinese name.

    >>> territory_code("United Kingdom"), territory_code("中国"), territory_code("上海")
    ('GB', 'CN', None)
    """
    return _territories().get(squash(words))


@functools.cache
def _territories() -> Mapping[str, str]:
    names = [Locale.parse(language).territories for language in ("en", "zh_Hans")]
    found = {squash(name): code for known in names for code, name in known.items() if len(code) == 2 and code.isalpha()}
    return found | {"usa": "US", "uk": "GB", "us": "US", "england": "GB", "prc": "CN"}


def squash(words: str) -> str:
    """A name as it is compared: compatibility forms unified, no case, no accents, no spaces, no signs.

    >>> squash("Order_ID"), squash(" 客户 编号 "), squash("＊手机号"), squash("Código do Cliente")
    ('orderid', '客户编号', '手机号', 'codigodocliente')
    """
    return "".join(c for c in _without_accents(words).casefold() if c.isalnum())


def _without_accents(words: str) -> str:
    """Compatibility forms unified, and Latin letters without their marks: ``Código`` is ``Codigo``."""
    unified = unicodedata.normalize("NFKC", words)
    if unified.isascii():
        return unified
    return "".join(base[0] if (base := unicodedata.normalize("NFD", c))[0].isascii() else c for c in unified)


def bare_name(name: str) -> str:
    """A name without what stands between brackets.

    >>> bare_name("Closed Won (Sales Pipeline)"), bare_name("金额（元）")
    ('Closed Won ', '金额')
    """
    return _BRACKETS.sub("", unicodedata.normalize("NFKC", name))


def tokens(words: str) -> list[str]:
    """The words of a name, camel case and signs parting them; Chinese stays in one piece.

    >>> tokens("primaryEmailAddress"), tokens("orders_2025-01.csv"), tokens("CRM客户")
    (['primary', 'email', 'address'], ['orders', '2025', '01', 'csv'], ['crm', '客户'])
    """
    spaced = _CAMEL.sub(" ", _without_accents(words))
    return re.findall(r"[a-z]+|[0-9]+|[^\W\d_a-z]+", spaced.casefold())


def _plain(words: str) -> str:
    return " ".join(tokens(words))


def speaks_of(called: Sequence[str], words: str) -> list[str]:
    """Those of *called* that stand in a name as whole words; Chinese ones anywhere in it.

    >>> [speaks_of(["order", "订单"], name) for name in ("Order export 2025.csv", "全部订单.csv", "border.csv")]
    [['order'], ['订单'], []]
    """
    parts, whole = set(tokens(words)), " ".join(tokens(words))
    return [w for w in called if _is_in(w, parts, whole)]


def _is_in(word: str, parts: set[str], whole: str) -> bool:
    if not word.isascii():
        return word.replace(" ", "") in whole.replace(" ", "")
    return word in parts or (" " in word and f" {word} " in f" {whole} ")


def _readings(name: str, units: Mapping[str, str]) -> Sequence[str]:
    """A name squashed as it stands, without brackets, without a custom field's ending, without a unit at its end."""
    bare = bare_name(name)
    readings = [squash(name), squash(bare), squash(_CUSTOM.sub("", name.strip()))]
    whole = squash(bare)
    readings += [
        whole[: -len(u)] for u in units if whole.endswith(u) and len(u) < len(whole) and not (u.isascii() and len(u) < 3)
    ]
    return [words for words in dict.fromkeys(readings) if words]
