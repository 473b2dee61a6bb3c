"""Executed notebooks without what differs from run to run: times, random cell ids, process numbers, folders of the machine."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INJECTED = "injected-parameters"
_KERNEL_FILE = re.compile(r"\S*ipykernel_\d+[/\\]\d+\.py")
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")


def canonical_notebook(notebook: Mapping[str, Any], folders: Mapping[str, str]) -> dict[str, Any]:
    """The notebook as every run of the same inputs leaves it.

    Args:
        notebook: an executed notebook as its JSON.
        folders: folder of this machine → the word that stands for it.
    """
    longest_first = sorted(folders.items(), key=lambda pair: -len(pair[0]))
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "papermill"}
    return {**notebook, "metadata": metadata, "cells": [_cell(cell, longest_first) for cell in notebook["cells"]]}


def canonicalise(path: Path, folders: Mapping[str, str]) -> None:
    """Rewrite an executed notebook in its canonical form, laid out as nbformat lays it out."""
    notebook = canonical_notebook(json.loads(path.read_text("utf-8")), folders)
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


def _cell(cell: Mapping[str, Any], folders: list[tuple[str, str]]) -> dict[str, Any]:
    kept = {key: value for key, value in cell["metadata"].items() if key not in ("papermill", "execution")}
    clean: dict[str, Any] = {**cell, "metadata": kept}
    if INJECTED in kept.get("tags", []):
        clean["id"] = INJECTED
    if "outputs" in cell:
        clean["outputs"] = [_words(output, folders) for output in cell["outputs"]]
    return clean


def _words(value: Any, folders: list[tuple[str, str]]) -> Any:
    if isinstance(value, Mapping):
        return {key: _words(part, folders) for key, part in value.items()}
    if isinstance(value, list):
        return [_words(part, folders) for part in value]
    if not isinstance(value, str):
        return value
    for folder, word in folders:
        value = value.replace(folder, word)
    # asked first, since the patterns are slow over a picture of a megabyte
    if "ipykernel_" in value:
        value = _KERNEL_FILE.sub("cell.py", value)
    return _ADDRESS.sub("at 0x", value) if " at 0x" in value else value
