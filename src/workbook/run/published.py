"""What is published: one pointer a period, and the visible folder that follows it.

``outputs/<client>/.published/<period>.json`` is the manifest of the run that is published; it names the kept results of each
stage (:mod:`workbook.run.kept`) and is replaced in one step. The visible folder ``outputs/<client>/<period>/`` holds copies of
those results and of the manifest. A run that is killed after the pointer was replaced and before the visible folder changed
is completed by :func:`follow`, which every run of the client calls before it begins.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbook.run.kept import REPORT, Kept, find_kept
from workbook.run.manifest import NAME
from workbook.run.publish import clear_workplaces, publish, workplace

_TOLERANCE = 2_000_000_000
"""Nanoseconds by which a copy's time of change may differ: file systems round it to as much as two seconds."""


def pointer_file(client_folder: Path, period: str) -> Path:
    """The file that says what is published for a period."""
    return client_folder / ".published" / f"{period}.json"


def read_pointer(client_folder: Path, period: str) -> dict[str, Any]:
    """The manifest of what is published for a period; empty where nothing is."""
    try:
        content = json.loads(pointer_file(client_folder, period).read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # a pointer that cannot be read points to nothing, and the next run writes it anew
    return content if isinstance(content, dict) else {}


def write_pointer(client_folder: Path, period: str, content: Mapping[str, Any]) -> None:
    """Replace what is published for a period; the visible folder follows with :func:`follow`.

    The pointer of another run that stood there is kept in ``.published/earlier/``, so that the two can be compared.
    """
    before = read_pointer(client_folder, period)
    if before.get("run") and before["run"] != content.get("run"):
        earlier = pointer_file(client_folder, f"earlier/{period}-{before['run']}")
        replace_text(earlier, pointer_file(client_folder, period).read_text("utf-8"))
    replace_text(pointer_file(client_folder, period), json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n")


def replace_text(path: Path, words: str) -> None:
    """Write a small file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(words, "utf-8")
    temporary.replace(path)


def kept_by(client_folder: Path, pointer: Mapping[str, Any]) -> dict[str, Kept]:
    """Stage (and :data:`workbook.run.kept.REPORT`) → its kept results, as far as they are whole, of a pointer."""
    keys = {name: stage["key"] for name, stage in pointer.get("stages", {}).items()}
    keys |= {REPORT: pointer["report"]["key"]} if "report" in pointer else {}
    found = {name: find_kept(client_folder, name, key) for name, key in keys.items()}
    return {name: kept for name, kept in found.items() if kept is not None}


def is_visible(client_folder: Path, period: str) -> bool:
    """Whether the visible folder of a period holds what its pointer names. Files that people added do not count."""
    pointer, visible = read_pointer(client_folder, period), client_folder / period
    kept = kept_by(client_folder, pointer)
    if not pointer or len(kept) != len(pointer["stages"]) + 1:
        return False
    try:
        return (visible / NAME).read_bytes() == pointer_file(client_folder, period).read_bytes() and all(
            _same(result.folder / name, visible / name) for result in kept.values() for name in result.files
        )
    except FileNotFoundError:
        return False


def _same(file: Path, copy: Path) -> bool:
    """Whether a copy has the size and the time of change of the original."""
    one, other = file.stat(), copy.stat()
    return one.st_size == other.st_size and abs(one.st_mtime_ns - other.st_mtime_ns) <= _TOLERANCE


def lay_out(results: Iterable[Kept], folder: Path) -> None:
    """Copy kept results into a folder; the copies keep their time of change."""
    for kept in results:
        for name in kept.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(kept.folder / name, folder / name)


def follow(client_folder: Path, period: str) -> bool:
    """Let the visible folder of a period follow its pointer; the caller holds the client's lock.

    Returns:
        True where it does now; False where the pointer names results that are not kept any more.
    """
    if is_visible(client_folder, period):
        return True
    pointer = read_pointer(client_folder, period)
    kept = kept_by(client_folder, pointer)
    if not pointer or len(kept) != len(pointer["stages"]) + 1:
        return False
    with workplace(client_folder, period) as place:
        lay_out(kept.values(), place.results)
        shutil.copy2(pointer_file(client_folder, period), place.results / NAME)
        publish(place.results, client_folder / period)
    return True


def recover(client_folder: Path) -> None:
    """Bring a client's folder into order after a run that was killed; the caller holds the client's lock."""
    clear_workplaces(client_folder)
    for pointer in sorted((client_folder / ".published").glob("*.json")):
        follow(client_folder, pointer.stem)
