"""Writing parameters: a period's file gets values with their reasons as comments; what people wrote in it stays."""

from __future__ import annotations

import datetime as dt
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from workbook.errors import SettingsError, WorkbookError
from workbook.period import Period
from workbook.settings.kinds import Slot, container, members, slot_at
from workbook.settings.reading import check_words, engagement_file
from workbook.settings.tree import Node, read_tree

SCHEMA_LINE = "yaml-language-server: $schema=../schema.json"
"""First comment of a written file: editors complete keys from the schema."""


@dataclass(frozen=True)
class Change:
    """A parameter to set: its value, and the reason that stands above it as a comment."""

    value: Any
    because: str = ""


def write_period(home: Path, client: str, period: Period, changes: Mapping[str, Change]) -> Path:
    """Write *changes* into the client's file of *period*, in one step; comments and other keys of the file stay.

    Args:
        home: the folder that holds ``params/``.
        client: name of the folder in ``params/``.
        period: the period whose file is made or changed.
        changes: dotted key → change; items of lists by their id, ``goals.repeat.change``.

    Returns:
        The file.

    Raises:
        SettingsError: where the file is at fault already, or would be after the changes; it stays as it was then.
        WorkbookError: for an unknown client, or a key that leads into a list without ids.
    """
    path = engagement_file(home, client).parent / f"{period.name}.yaml"
    content = _opened(path, home, f"{client}, {period.name}")
    for key, change in changes.items():
        _put(content, key, change)
    words = _dumped(content)
    problems = check_words(home, client, period, words)
    if problems:
        raise SettingsError(problems)
    return write_whole(path, words)


def write_whole(path: Path, words: str) -> Path:
    """Write a text file in one step, so that a reader finds the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(words, "utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def keys_given(path: Path) -> set[str]:
    """The dotted keys of the values that a settings file gives; empty where there is no file."""
    if not path.is_file():
        return set()
    tree, _ = read_tree(path, path.name)
    return set(_keys(tree, "")) if tree else set()


def proposal_changes(proposal: Mapping[str, Mapping[str, Any]], language: str) -> dict[str, Change]:
    """The changes that a run's ``proposal`` artefact names: settings key → ``{"from", "to", "because"}``.

    Args:
        proposal: as stage 6 saves it; ``because`` is one sentence, or one for each language.
        language: language of the comments.
    """
    return {key: Change(item["to"], _reason(item, language)) for key, item in proposal.items()}


def _reason(item: Mapping[str, Any], language: str) -> str:
    because = item.get("because", "")
    words = because.get(language) or next(iter(because.values()), "") if isinstance(because, Mapping) else str(because)
    before = item.get("from")
    if before is None or isinstance(before, dict | list):
        return words
    return f"{words}（原值 {before}）" if language == "zh" else f"{words} (was {before})"


def _keys(node: Node, before: str) -> list[str]:
    if isinstance(node.value, dict):
        return [key for name, child in node.value.items() for key in _keys(child, f"{before}.{name}" if before else name)]
    if isinstance(node.value, list) and node.value and all(isinstance(i.value, dict) and "id" in i.value for i in node.value):
        return [key for item in node.value for key in _keys(item, f"{before}.{item.value['id'].value}")]
    return [before]


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _opened(path: Path, home: Path, title: str) -> CommentedMap:
    if path.is_file():
        shown = path.relative_to(home).as_posix()
        _, problems = read_tree(path, shown)
        if problems:
            raise SettingsError(problems)
        content = _yaml().load(path.read_text("utf-8-sig"))
        if isinstance(content, CommentedMap):
            return content
        kept = [line.lstrip("# ").rstrip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()]
    else:
        kept = [SCHEMA_LINE, title]
    fresh = CommentedMap()
    fresh.yaml_set_start_comment("\n".join(kept))
    return fresh


def _put(content: CommentedMap, key: str, change: Change) -> None:
    holder, indent = content, 0
    path: tuple[str | int, ...] = ()
    parts = key.split(".")
    for part in parts[:-1]:
        path = (*path, part)
        slot = slot_at(path)
        if slot is None:
            raise WorkbookError(f"{key}: found a key that does not exist; `workbook explain` lists the keys")
        inside = _within(holder, part, slot, key)
        indent += 4 if isinstance(inside, CommentedMap) and isinstance(holder, CommentedSeq) else 2
        indent -= 2 if isinstance(holder, CommentedSeq) else 0
        holder = inside
    last = parts[-1]
    if not isinstance(holder, CommentedMap):
        raise WorkbookError(f"{key}: found the name of a list's item, expected a key of the item after it")
    slot = slot_at((*path, last))
    fresh = last not in holder
    holder[last] = _typed(change.value, slot)
    reason = one_line(change.because)
    if reason and fresh:
        holder.yaml_set_comment_before_after_key(last, before=reason, indent=indent)


def _within(holder: Any, part: str, slot: Slot, key: str) -> Any:
    if isinstance(holder, CommentedSeq):
        for item in holder:
            if isinstance(item, CommentedMap) and str(item.get("id")) == part:
                return item
        added = CommentedMap({"id": part})
        holder.append(added)
        return added
    inside = holder.get(part)
    if inside is None:
        shape = container(slot)
        if shape is None:
            raise WorkbookError(f"{key}: found a key into a value or a list without ids, expected {part!r} as a whole")
        inside = CommentedSeq() if shape == "items" else CommentedMap()
        holder[part] = inside
    return inside


def _typed(value: Any, slot: Slot | None) -> Any:
    if slot and isinstance(value, str) and any(member.kind is dt.date for member in members(slot)):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            return value  # the check of the whole file names it
    return value


def one_line(words: str) -> str:
    """A comment cannot be left by a line break of any kind that is hidden in it."""
    return "".join(sign for sign in " ".join(words.split()) if sign.isprintable())


def _dumped(content: CommentedMap) -> str:
    stream = io.StringIO()
    _yaml().dump(content, stream)
    return stream.getvalue()
