"""Results become visible whole or not at all.

A run works in ``outputs/<client>/.work/<period>-<unique>/``: ``results/`` will be published, ``scratch/`` will not. When all
is there, ``results/`` and the visible folder ``outputs/<client>/<period>/`` change places in one system call (Linux and
macOS; a rename where nothing was published before), so that a kill at any moment leaves the old results or the new ones.
Where the file system cannot exchange folders, the old one steps aside first; a run that is killed between the two renames is
completed by the next one (:func:`workbook.run.published.recover`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbook.errors import WorkbookError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_ASIDE = ".aside"
_WORK = ".work"
_DYING = 10.0
"""Seconds that the processes which a killed run had started may take to end."""


@dataclass(frozen=True)
class Workplace:
    """The hidden folder in which one period's run works."""

    folder: Path

    @property
    def results(self) -> Path:
        """What will be published."""
        return self.folder / "results"

    @property
    def scratch(self) -> Path:
        """What will not."""
        return self.folder / "scratch"


@contextlib.contextmanager
def workplace(client_folder: Path, period: str) -> Iterator[Workplace]:
    """A fresh workplace, removed at the end whatever happens."""
    parent = client_folder / _WORK
    parent.mkdir(parents=True, exist_ok=True)
    place = Workplace(Path(tempfile.mkdtemp(prefix=f"{period}-", dir=parent)))
    try:
        for folder in (place.results, place.scratch):
            folder.mkdir()
        yield place
    finally:
        shutil.rmtree(place.folder, ignore_errors=True)


def clear_workplaces(client_folder: Path) -> None:
    """Remove what a run left that was stopped, even while it was tidying up; the caller holds the client's lock."""
    shutil.rmtree(client_folder / _WORK, ignore_errors=True)


def publish(results: Path, visible: Path) -> None:
    """Let *results* take the place of *visible* in one step; afterwards the old results lie where the new ones were."""
    if not visible.exists():
        results.rename(visible)
    elif not exchange(results, visible):
        aside = visible.parent / _WORK / (visible.name + _ASIDE)
        visible.rename(aside)
        results.rename(visible)
        shutil.rmtree(aside)


def exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one system call; False where system or file system has none for it."""
    library = ctypes.CDLL(None, use_errno=True) if sys.platform in ("linux", "darwin") else None
    if library is None:
        return False
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return bool(library.renamex_np(*names, ctypes.c_uint(2)) == 0)  # RENAME_SWAP
    if hasattr(library, "renameat2"):
        here = ctypes.c_int(-100)  # AT_FDCWD
        return bool(library.renameat2(here, names[0], here, names[1], ctypes.c_uint(2)) == 0)  # RENAME_EXCHANGE
    return False


@contextlib.contextmanager
def client_lock(client_folder: Path) -> Iterator[None]:
    """Keep two runs of one client apart. The system lets go of the lock when its holder ends, killed or not.

    Raises:
        WorkbookError: where another run holds it.
    """
    client_folder.mkdir(parents=True, exist_ok=True)
    path = client_folder / ".lock"
    with path.open("a+") as file:
        end = time.monotonic() + _DYING
        while not _take(file.fileno()):
            file.seek(0)
            holder = file.read().strip() or "unknown"
            if _is_gone(holder) and time.monotonic() < end:
                time.sleep(0.05)  # what the killed run had started holds the lock until it is gone too
                continue
            raise WorkbookError(
                f"{client_folder}: another run of this client is at work (process {holder}); "
                "wait until it is done, then run again"
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _is_gone(holder: str) -> bool:
    """Whether the process that took the lock is known to have ended."""
    if sys.platform == "win32" or not holder.isdecimal():
        return False
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _take(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # past the text, which others may still read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
