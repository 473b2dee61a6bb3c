"""Comments that a person labelled, in a file of their own: ``params/<client>/labels.csv``.

A row a comment: its id, and its topic or mood or both. The file may be kept in a spreadsheet; `workbook labels` writes it too.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from workbook.errors import Problem
from workbook.settings.folders import shown
from workbook.settings.tree import Node

LABELS = "labels.csv"
FIELDS = ("comment", "topic", "mood")


def label_file(home: Path, client: str) -> Path:
    """Where a client's labels stand."""
    return home / "params" / client / LABELS


def with_label_file(tree: Node, home: Path, client: str) -> tuple[Node, list[Problem]]:
    """The engagement's *tree* with the labels of the client's file behind those of voice.labels, and every fault of its form.

    Each value keeps the line where it stands, so that all that is judged later is told there.
    """
    path = label_file(home, client)
    if not path.is_file():
        return tree, []
    name = shown(home, path)
    try:
        words = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = path.read_bytes()[: fault.start].count(b"\n") + 1
        return tree, [Problem(name, line, "", "bytes that are not UTF-8", "a text file in UTF-8", "save it as CSV UTF-8")]
    rows = csv.reader(io.StringIO(words, newline=""))
    head = [cell.strip().lower() for cell in next(rows, [])]
    if "comment" not in head or not set(head) <= set(FIELDS):
        return tree, [Problem(name, 1, "", f"the head {', '.join(head) or 'nothing'!r}", f"the head {', '.join(FIELDS)}")]
    voice = tree.value.get("voice")
    voice = Node({}, None, name, 1) if voice is None or voice.value is None else voice
    given = voice.value.get("labels", Node(None, None, name, 1)) if isinstance(voice.value, dict) else voice
    if not isinstance(given.value, list | None):
        return tree, []  # told as what it is
    try:
        found = _items([(rows.line_num, row) for row in rows], head, name)
    except csv.Error as fault:
        return tree, [Problem(name, rows.line_num, "", str(fault), "a row a comment: " + ", ".join(FIELDS))]
    labels = Node([*(given.value or []), *found], None, given.file, given.line)
    section = replace(voice, value={**voice.value, "labels": labels})
    return replace(tree, value={**tree.value, "voice": section}), []


def _items(rows: list[tuple[int, list[str]]], head: list[str], name: str) -> list[Node]:
    told = [(line, {field: cell.strip() for field, cell in zip(head, row, strict=False) if cell.strip()}) for line, row in rows]
    return [Node({field: Node(cell, None, name, line) for field, cell in row.items()}, None, name, line)
            for line, row in told if row]  # fmt: skip
