"""Removing results that nothing points to. A run never does it; ``workbook prune`` does."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbook.places import kept_fonts
from workbook.run.kept import REPORT, store_folder
from workbook.run.publish import client_lock
from workbook.run.published import recover
from workbook.settings.folders import clients, engagement_file, periods

_DRAFTS_LIVE = 3600.0
"""Seconds after which what a command was preparing is taken for left behind."""


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        places: path of each folder or file, with the bytes in it.
    """

    places: tuple[tuple[Path, int], ...]

    @property
    def bytes(self) -> int:
        """Size of all of it."""
        return sum(size for _, size in self.places)


def prune(home: Path, client: str | None = None, *, keep: int = 0, dry: bool = False) -> Pruned:
    """Remove kept results that no published period names, and what ended runs left behind.

    Args:
        client: whose; None for every client of the home, and for the fonts that are kept for their pages.
        keep: how many earlier runs of each period to keep beside the published one.
        dry: whether only to tell.

    Raises:
        WorkbookError: for an unknown client, or where a run of a client is at work.
    """
    if client is not None:
        engagement_file(home, client)
    found: list[tuple[Path, int]] = []
    for name in clients(home) if client is None else [client]:
        folder = home / "outputs" / name
        if not folder.is_dir():
            continue
        with client_lock(folder):
            recover(folder)
            known = {period.name for period in periods(home, name)}
            found += _removed([*_unnamed(folder, keep), *_left_behind(folder, known)], dry)
    if client is None:
        found += _removed(sorted(kept_fonts(home).glob("*")), dry)
    return Pruned(tuple(found))


def _removed(outdated: list[Path], dry: bool) -> list[tuple[Path, int]]:
    """Remove files and folders, unless only to tell; each with its size."""
    found = [(path, _size(path)) for path in outdated]
    for path in outdated if not dry else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return found


def _unnamed(folder: Path, keep: int) -> Iterator[Path]:
    """Pointers of earlier runs but the latest of each period, and kept results that no other pointer names."""
    pointers = sorted((folder / ".published").glob("*.json"))
    earlier: dict[str, list[Path]] = {}
    for path in (folder / ".published" / "earlier").glob("*.json"):
        earlier.setdefault(path.stem.rpartition("-")[0], []).append(path)
    for paths in earlier.values():
        latest_first = sorted(paths, key=lambda path: (-path.stat().st_mtime_ns, path.name))
        pointers += latest_first[:keep]
        yield from latest_first[keep:]
    named = {name for path in pointers for name in _names(path)}
    yield from sorted(path for path in store_folder(folder).glob("*-*") if path.name not in named)


def _names(pointer: Path) -> Iterator[str]:
    """The folders of the store that a pointer names."""
    try:
        content = json.loads(pointer.read_text("utf-8"))
        yield from (f"{stage}-{record['key']}" for stage, record in content["stages"].items())
        yield f"{REPORT}-{content['report']['key']}"
    except (ValueError, KeyError, TypeError):
        return  # a pointer that cannot be read names nothing


def _left_behind(folder: Path, known: set[str]) -> Iterator[Path]:
    """Prepared deliveries of periods that are gone or replaced, and notebooks and drafts of runs that ended."""
    prepared: dict[str, list[Path]] = {}
    for path in (folder / ".prepared").glob("*"):
        if path.name.startswith("."):
            if time.time() - path.stat().st_mtime > _DRAFTS_LIVE:
                yield path
        else:
            prepared.setdefault(path.name.rpartition("-")[0], []).append(path)
    for period, paths in prepared.items():
        latest_first = sorted(paths, key=lambda path: (-path.stat().st_mtime_ns, path.name))
        yield from latest_first[1:] if period in known else latest_first
    for name in (".failed", ".work"):
        yield from sorted((folder / name).glob("*"))


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in (place, *place.rglob("*")) if path.is_file())
