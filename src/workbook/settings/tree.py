"""YAML files as trees that remember where each value was written, and how trees are laid over one another.

Plain scalars keep their text beside their YAML 1.2 value, so that ``00123`` can still become the text "00123" where a
field is text. Dates stay text: the field decides whether it is one.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from workbook.errors import Problem

Path_ = tuple[str | int, ...]
"""The way to a value: keys of mappings, positions in lists (from 0)."""

_NULLS = {"", "~", "null", "Null", "NULL"}
_FLAGS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_STRING_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Node:
    """A value of a settings file and its place.

    Attributes:
        value: a scalar, a dict of key → Node or a list of Nodes.
        raw: the text of a plain (unquoted) scalar; None for all else.
        file: the file as shown to people; empty for what is built in.
        line: line of the key (of the item in a list), from 1.
        complete: for a built-in list, the keys that a full item has: full items take the place of the list,
            others change its items.
    """

    value: Any
    raw: str | None = None
    file: str = ""
    line: int | None = None
    complete: tuple[str, ...] = ()

    @property
    def found(self) -> str:
        """The value as an error message shows it."""
        if isinstance(self.value, dict):
            return "a mapping" if self.value else "an empty mapping"
        if isinstance(self.value, list):
            return f"a list of {len(self.value)}" if self.value else "an empty list"
        if self.value is None:
            return "nothing"
        if isinstance(self.value, bool | int | float):
            return self.raw or str(self.value)
        words = str(self.value)
        return repr(words if len(words) <= 60 else words[:57] + "…")


def read_tree(path: Path, shown: str) -> tuple[Node | None, list[Problem]]:
    """The tree of one YAML file and every fault of its form; None where nothing can be read from it.

    Args:
        path: the file.
        shown: how messages name it, e.g. ``params/demo/engagement.yaml``.
    """
    content = path.read_bytes()
    try:
        words = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        return None, [Problem(shown, line, "", "bytes that are not UTF-8", "a text file in UTF-8", "save it as UTF-8")]
    return parse_tree(words, shown)


def parse_tree(words: str, shown: str) -> tuple[Node | None, list[Problem]]:
    """As :func:`read_tree`, from text."""
    tree, problems = _parsed(words, shown)
    return tree, list(problems)


@functools.lru_cache(maxsize=64)
def _parsed(words: str, shown: str) -> tuple[Node | None, list[Problem]]:
    """The tree of some words, parsed once: nobody changes a tree, and forked notebooks read what their parent has read."""
    try:
        root = YAML(typ="safe", pure=True).compose(words)
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = mark.line + 1 if mark else None
        what = " ".join(f"{fault.context or ''} {fault.problem or ''}".split())
        hint = "indent with spaces, not tabs" if "\\t" in what else "put text that holds : # [ ] { } % @ in quotes"
        return None, [Problem(shown, line, "", f"this is not YAML ({what})", "", hint)]
    except YAMLError as fault:
        what = " ".join(str(fault).split())[:120]
        return None, [Problem(shown, None, "", f"this is not YAML ({what})", "", "save it as plain text in UTF-8")]
    except RecursionError:
        return None, [Problem(shown, None, "", "values nested too deeply", "a few levels of keys", "close the brackets")]
    if root is None:
        return None, []
    problems: list[Problem] = []
    tree = _node(root, shown, root.start_mark.line + 1, (), problems, ())
    if not isinstance(tree.value, dict) and tree.value is not None:
        problems.append(Problem(shown, tree.line, "", tree.found, "keys with values, such as 'client:'"))
        return None, problems
    return (tree if tree.value is not None else None), problems


def _node(source: Any, file: str, line: int, path: Path_, problems: list[Problem], within: tuple[int, ...]) -> Node:
    if id(source) in within:
        problems.append(Problem(file, line, dotted(path), "an alias that holds itself", "a value"))
        return Node(None, None, file, line)
    within = (*within, id(source))
    if isinstance(source, MappingNode):
        entries: dict[str, Node] = {}
        for key_node, value_node in source.value:
            at = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                problems.append(Problem(file, at, dotted(path), "a list or mapping as a key", "a word as the key"))
                continue
            key = str(key_node.value)
            if key in entries:
                hint = f"the first one is in line {entries[key].line}"
                problems.append(Problem(file, at, dotted((*path, key)), "the key a second time", "each key once", hint))
                continue
            entries[key] = _node(value_node, file, at, (*path, key), problems, within)
        return Node(entries, None, file, line)
    if isinstance(source, SequenceNode):
        items = [
            _node(item, file, item.start_mark.line + 1, (*path, i), problems, within) for i, item in enumerate(source.value)
        ]
        return Node(items, None, file, line)
    raw = str(source.value)
    if source.style is not None:
        return Node(raw, None, file, line)
    value = raw if str(source.tag) == _STRING_TAG and raw not in _NULLS else plain_scalar(raw)
    return Node(value, raw, file, line)


def plain_scalar(raw: str) -> Any:
    """The value of an unquoted scalar by the core schema of YAML 1.2; words such as yes and no stay words.

    >>> [plain_scalar(raw) for raw in ("5", "0.5", "true", "yes", "2025-12-31", "~")]
    [5, 0.5, True, 'yes', '2025-12-31', None]
    """
    if raw in _NULLS:
        return None
    if raw in _FLAGS:
        return _FLAGS[raw]
    if _INTEGER.fullmatch(raw):
        return int(raw)
    return float(raw) if _DECIMAL.fullmatch(raw) else raw


def node_of(value: Any, file: str) -> Node:
    """The tree of a Python value (an override, a default)."""
    if isinstance(value, Node):
        return value
    if isinstance(value, Mapping):
        return Node({str(k): node_of(v, file) for k, v in value.items()}, None, file)
    if isinstance(value, list | tuple):
        return Node([node_of(item, file) for item in value], None, file)
    return Node(value, str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None, file)


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def merged(lower: Node, upper: Node) -> Node:
    """*upper* laid over *lower*.

    Mappings are merged key by key, lists of items with an ``id`` by it (``remove: true`` takes one away), all else is
    replaced. A built-in list gives way to the first file that gives items in full; items in part change it. A key left empty
    changes nothing in a list or mapping.
    """
    if isinstance(lower.value, dict) and isinstance(upper.value, dict):
        entries = dict(lower.value)
        for key, child in upper.value.items():
            entries[key] = merged(entries[key], child) if key in entries else child
        return Node(entries, None, upper.file or lower.file, upper.line or lower.line)
    if upper.value is None and upper.raw == "" and isinstance(lower.value, dict | list):
        return lower
    if not (_identified(lower) and _identified(upper)):
        return upper
    if lower.complete and all(key in item.value for item in upper.value for key in lower.complete):
        return upper
    return replace(upper, value=_merged_items(lower.value, upper.value))


def _identified(node: Node) -> bool:
    return (
        isinstance(node.value, list)
        and bool(node.value)
        and all(isinstance(item.value, dict) and "id" in item.value for item in node.value)
    )


def _merged_items(lower: Sequence[Node], upper: Sequence[Node]) -> list[Node]:
    waiting = {str(item.value["id"].value): item for item in reversed(lower)}
    changed: dict[int, Node | None] = {}
    added: list[Node] = []
    for item in upper:
        below = waiting.pop(str(item.value["id"].value), None)
        if below is None:
            added.append(item)
        else:
            gone = "remove" in item.value and str(item.value["remove"].value).lower() in ("true", "yes")
            changed[id(below)] = None if gone else merged(below, item)
    kept = [changed.get(id(item), item) for item in lower]
    return [item for item in kept if item is not None] + added


def placed(tree: Node, key: str, value: Any, file: str) -> tuple[Node, Problem | None]:
    """*tree* with *value* laid over what stands at the dotted *key*; items of lists are named by id or by number from 1."""
    parts = key.split(".")
    try:
        return _placed(tree, parts, node_of(value, file)), None
    except _NoSuchItem as fault:
        nearest = get_close_matches(fault.part, fault.known, 1, 0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else ""
        expected = f"one of {', '.join(fault.known)}" if fault.known else "an item that a settings file gives"
        return tree, Problem(file, None, key, repr(fault.part), expected, hint)


class _NoSuchItem(Exception):
    def __init__(self, part: str, known: list[str]) -> None:
        self.part, self.known = part, known


def _placed(node: Node, parts: list[str], value: Node) -> Node:
    if not parts:
        return merged(node, value)
    part, rest = parts[0], parts[1:]
    if isinstance(node.value, list):
        known = [str(item.value["id"].value) for item in node.value] if _identified(node) else []
        numbers = [str(i) for i in range(1, len(node.value) + 1)]
        if part not in known and part not in numbers:
            raise _NoSuchItem(part, known or numbers)
        position = known.index(part) if part in known else int(part) - 1
        items = list(node.value)
        items[position] = _placed(items[position], rest, value)
        return replace(node, value=items, complete=())
    entries = dict(node.value) if isinstance(node.value, dict) else {}
    entries[part] = _placed(entries.get(part, Node({}, None, value.file)), rest, value) if part in entries or rest else value
    return replace(node, value=entries, raw=None)


def walked(tree: Node, path: Sequence[str | int]) -> Iterator[tuple[str | int, Node]]:
    """The nodes along *path*, as far as they exist; parts that name no key (pydantic's union members) end the walk."""
    node = tree
    for part in path:
        if isinstance(node.value, dict) and str(part) in node.value:
            node = node.value[str(part)]
        elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return
        yield part, node


def dotted(path: Sequence[str | int], tree: Node | None = None) -> str:
    """The path as people write it: items of lists by their id where they have one, else by number from 1."""
    words: list[str] = []
    node = tree
    for part in path:
        step = next(walked(node, [part]), None) if node else None
        node = step[1] if step else None
        if isinstance(part, int):
            identity = node.value.get("id") if node and isinstance(node.value, dict) else None
            words.append(str(identity.value) if identity and isinstance(identity.value, str) else str(part + 1))
        else:
            words.append(str(part))
    return ".".join(words)
