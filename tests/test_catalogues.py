"""Every sentence of the product stands in Chinese: whole, current, with the same values in it, spaced as Chinese print is.

The sentences are the ``text("id", "English", …)`` calls of ``src/`` and the markdown cells of the notebooks.
"""

from __future__ import annotations

import ast
import json
import re
import string
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "workbook"
CATALOGUES = ROOT / "templates" / "locale" / "zh"

QUANTITIES = ("count", "number", "share", "points", "money", "day", "Quantity")
BANNED_ENGLISH = re.compile(r"\bsignifican(?:t|ce|tly)\b|\bprov(?:e|es|ed|en)\b", re.IGNORECASE)
BANNED_CHINESE = re.compile("显著|证明")
HAN = r"[\u4e00-\u9fff]"
UNSPACED = re.compile(rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}")
WIDE = "，。：；？！、《》（）“”"
BESIDE_WIDE = re.compile(rf" [{WIDE}]|[{WIDE}] ")


@dataclass(frozen=True)
class Sentence:
    """A sentence of the source: where it stands, its English, and the names of the values given to it."""

    where: str
    id: str
    english: str
    given: frozenset[str] | None  # None where the call passes a mapping
    quantities: frozenset[str]

    @property
    def room(self) -> str:
        return self.id.split(".", 1)[0]


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """The text() calls of a file, each with its place."""
    tree = ast.parse(path.read_text("utf-8"))
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "text")
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "text" and _is_language(node.func.value))
        )
    ]


def _is_language(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "language"


def literal(call: ast.Call, position: int) -> str | None:
    if len(call.args) <= position:
        return None
    argument = call.args[position]
    return argument.value if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else None


def is_quantity(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in QUANTITIES


@cache
def all_calls() -> list[tuple[str, ast.Call]]:
    return [call for path in sorted(SOURCE.rglob("*.py")) for call in calls(path)]


@cache
def source_sentences() -> list[Sentence]:
    found = []
    for where, call in all_calls():
        id, english = literal(call, 0), literal(call, 1)
        if id is None or english is None:
            continue
        names = [keyword.arg for keyword in call.keywords]
        given = None if None in names else frozenset(str(name) for name in names)
        quantities = frozenset(str(k.arg) for k in call.keywords if k.arg and is_quantity(k.value))
        found.append(Sentence(where, id, english, given, quantities))
    return found


@cache
def notebook_sentences() -> list[Sentence]:
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                id = f"notebooks.{path.stem}.{cell['id']}"
                found.append(Sentence(f"{path.name}, cell {cell['id']}", id, "".join(cell["source"]), None, frozenset()))
    return found


def sentences() -> list[Sentence]:
    return source_sentences() + notebook_sentences()


@cache
def catalogue(room: str) -> polib.POFile:
    return polib.pofile(str(CATALOGUES / f"{room}.po"), encoding="utf-8")


ROOMS = sorted({s.room for s in sentences()} | {path.stem for path in CATALOGUES.glob("*.po")})


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def plain(words: str) -> str:
    """Words without what is no prose: placeholders, code, formulas, addresses."""
    words = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$\n]+\$", "…", words, flags=re.DOTALL)
    words = re.sub(r"\]\([^)]*\)", "]", words)
    words = words.replace("{{", "").replace("}}", "")
    return re.sub(r"\{\w*\}", "…", words).replace("`", "")


def said(faults: list[str]) -> None:
    assert not faults, "\n" + "\n".join(faults)


def test_ids_and_english_are_literals_so_that_they_can_be_collected() -> None:
    said(
        [
            f"{where}: text() wants two literals, {ast.unparse(call)[:80]}"
            for where, call in all_calls()
            if literal(call, 0) is None or literal(call, 1) is None
        ]
    )


def test_one_id_has_one_english() -> None:
    by_id: dict[str, Sentence] = {}
    faults = []
    for sentence in sentences():
        first = by_id.setdefault(sentence.id, sentence)
        if first.english != sentence.english:
            faults.append(f"{sentence.where}: {sentence.id} stands with another English at {first.where}")
    said(faults)


def test_a_sentence_is_given_the_values_it_names() -> None:
    said(
        [
            f"{s.where}: {s.id} names {sorted(placeholders(s.english))}, is given {sorted(s.given)}"
            for s in source_sentences()
            if s.given is not None and placeholders(s.english) != set(s.given)
        ]
    )


@pytest.mark.parametrize("room", ROOMS)
def test_every_sentence_has_its_chinese_and_none_is_stale(room: str) -> None:
    assert (CATALOGUES / f"{room}.po").is_file(), f"templates/locale/zh/{room}.po is missing"
    entries = {entry.msgctxt: entry for entry in catalogue(room)}
    faults = []
    for s in sentences():
        if s.room != room:
            continue
        entry = entries.get(s.id)
        if entry is None or not entry.msgstr.strip():
            faults.append(f"{s.where}: {s.id} has no Chinese: {s.english!r}")
        elif entry.msgid != s.english:
            faults.append(f"{s.where}: {s.id} translates {entry.msgid!r}, the English is now {s.english!r}")
    said(faults)


@pytest.mark.parametrize("room", ROOMS)
def test_a_catalogue_holds_nothing_unused_fuzzy_obsolete_or_double(room: str) -> None:
    used = {s.id for s in sentences()}
    entries = list(catalogue(room))
    counts = Counter(entry.msgctxt for entry in entries)
    faults = [f"{room}.po: {id} stands {n} times" for id, n in counts.items() if n > 1]
    faults += [f"{room}.po: {entry.msgctxt} is not used" for entry in entries if entry.msgctxt not in used]
    faults += [f"{room}.po: {entry.msgctxt} is fuzzy" for entry in entries if "fuzzy" in entry.flags]
    faults += [f"{room}.po: {entry.msgctxt} is obsolete" for entry in entries if entry.obsolete]
    said(faults)


@pytest.mark.parametrize("room", [room for room in ROOMS if room != "notebooks"])
def test_the_chinese_names_the_same_values(room: str) -> None:
    said(
        [
            f"{room}.po: {e.msgctxt} names {sorted(placeholders(e.msgstr))}, the English {sorted(placeholders(e.msgid))}"
            for e in catalogue(room)
            if placeholders(e.msgstr) != placeholders(e.msgid)
        ]
    )


@pytest.mark.parametrize("room", ROOMS)
def test_chinese_is_spaced_from_latin_letters_and_digits(room: str) -> None:
    quantities = {s.id: s.quantities for s in source_sentences()}
    faults = []
    for entry in catalogue(room):
        words = plain(entry.msgstr)
        # a space between 。** and a word is Markdown's: without it the bold would not end
        for found in [*UNSPACED.findall(words.replace("*", "")), *BESIDE_WIDE.findall(words)]:
            faults.append(f"{room}.po: {entry.msgctxt}: {found!r} in {entry.msgstr!r}")
        for name in quantities.get(str(entry.msgctxt), ()):
            if re.search(rf"{HAN}\{{{name}\}}", entry.msgstr):
                faults.append(f"{room}.po: {entry.msgctxt}: no space before the number {{{name}}} in {entry.msgstr!r}")
    said(faults)


@pytest.mark.parametrize("room", ROOMS)
def test_no_word_claims_more_than_an_interval_can_say(room: str) -> None:
    faults = []
    for entry in catalogue(room):
        for pattern, words in ((BANNED_ENGLISH, entry.msgid), (BANNED_CHINESE, entry.msgstr)):
            faults += [f"{room}.po: {entry.msgctxt}: {word!r} in {words!r}" for word in pattern.findall(words)]
    said(faults)
