"""A stage that did not finish, told in one screen: notebook, cell, error, and the file to open."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbook.errors import StageFailed, WorkbookError

UNHARMED = "nothing was published, earlier results stand as they were"
TIME_LIMIT = "TimeLimit"
DIED = "NotebookDied"
"""Names of the errors of a notebook that was stopped from outside."""

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_WORDS = re.compile(
    r"No space left on device|Disk quota exceeded|File too large|\[Errno (?:" + "|".join(str(code) for code in _FULL) + r")\]"
)


@dataclass(frozen=True)
class Failure:
    """Where and why a stage stopped.

    Attributes:
        cell: what stands before the cell in the notebook, e.g. ``In [7]``; empty where no cell was at fault.
        line: first line of the cell that says something.
        error: name of the exception, e.g. ``KeyError``.
        message: its words.
        open: the notebook with the error in it, or the source where none could be kept.
    """

    client: str
    period: str
    stage: str
    cell: str
    line: str
    error: str
    message: str
    open: Path

    @property
    def summary(self) -> str:
        """What a person needs in order to mend it."""
        last = next((line for line in reversed(self.message.splitlines()) if line.strip()), "")
        rows = [
            ("notebook", f"{self.stage}.ipynb"),
            ("cell", f"{self.cell}: {self.line}" if self.cell else ""),
            ("error", f"{self.error}: {last.strip()}" if last else self.error),
            ("open", str(self.open)),
        ]
        head = f"{self.client} {self.period}: {self.stage} failed; {UNHARMED}"
        return "\n".join([head, *(f"  {name:<9} {value}" for name, value in rows if value)])

    def exception(self) -> WorkbookError:
        """The error to raise: the notebook's own message where the input is at fault, else :class:`StageFailed`."""
        if self.error in _input_errors():
            where = f"  in {self.stage}.ipynb of {self.client} {self.period}; {UNHARMED}; open {self.open}"
            return WorkbookError(f"{self.message}\n{where}")
        if _FULL_WORDS.search(self.message):
            return disk_full(self.message, self.open)
        return StageFailed(self.summary)


def brief(message: str) -> str:
    """One line of a message: the error and the file to open where it is a :attr:`Failure.summary`, else its first line.

    >>> brief("demo 2025Q4: 3_diagnose failed\\n  error     KeyError: 'a'\\n  open      /x/3_diagnose.ipynb")
    "3_diagnose: KeyError: 'a'; open /x/3_diagnose.ipynb"
    """
    rows = dict(parts for line in message.splitlines() if len(parts := line.strip().split(maxsplit=1)) == 2)
    first = message.partition("\n")[0]
    if not {"error", "open"} <= set(rows):
        return first
    stage = first.partition(": ")[2].partition(" failed")[0]
    return f"{stage}: {rows['error']}; open {rows['open']}"


def plain(words: str) -> str:
    """Words without terminal colours."""
    return _ANSI.sub("", words)


def telling_line(source: str) -> str:
    """The first line of a cell that is neither empty nor a comment.

    >>> telling_line("# tiers\\n\\ntiers = grade(profile)\\ntiers")
    'tiers = grade(profile)'
    """
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("#")), lines[0] if lines else "")


def is_disk_full(error: OSError) -> bool:
    """Whether an error of the system says that nothing more can be written."""
    return error.errno in _FULL


def disk_full(words: str, where: Path) -> WorkbookError:
    """The message for a disk that takes no more."""
    return WorkbookError(
        f"{where}: the disk is full ({words.strip().splitlines()[-1]}); {UNHARMED}; free some space, or name a "
        "home on another disk with --home, and run again"
    )


def refused(error: OSError) -> WorkbookError:
    """The message for a file or folder with which the system would not do what was asked.

    >>> print(str(refused(PermissionError(13, "Permission denied", "acme/outputs"))).partition(";")[0])
    acme/outputs: found no right to read or write it (Permission denied), expected one for every file of the home
    """
    where, found = error.filename or "file", error.strerror or str(error)
    if is_disk_full(error):
        return disk_full(str(error), Path(where))
    another = "or name a home of your own, with copies of params/ and data/, by --home or WORKBOOK_HOME"
    if error.errno == errno.EROFS:
        return WorkbookError(
            f"{where}: found a disk that can only be read ({found}), expected a home that takes outputs/; mount it for "
            f"writing, {another}"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return WorkbookError(
            f"{where}: found no right to read or write it ({found}), expected one for every file of the home; change its "
            f"permissions, {another}"
        )
    return WorkbookError(f"{where}: {found}")


def _input_errors() -> set[str]:
    return {kind.__name__ for kind in _kinds(WorkbookError) if kind.exit_code == 1}


def _kinds(kind: type[WorkbookError]) -> Iterator[type[WorkbookError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
