"""The package's own errors. Each message says where, what was found, what was expected and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class WorkbookError(Exception):
    """Anything that the person at the keyboard can mend. Shown as one message, never as a traceback."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One fault in a settings file: where it is, what was found and what was expected there.

    >>> str(Problem("params/demo/engagement.yaml", 12, "grading.rfm.bins", "'five'", "a whole number from 2 to 10"))
    "params/demo/engagement.yaml:12: grading.rfm.bins: found 'five', expected a whole number from 2 to 10"
    """

    file: str
    line: int | None
    key: str
    found: str
    expected: str
    hint: str = ""

    @property
    def message(self) -> str:
        """What is wrong and what to write instead, without the place."""
        words = f"found {self.found}, expected {self.expected}" if self.expected else self.found
        return f"{words}; {self.hint}" if self.hint else words

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (where, self.key, self.message) if part)


class SettingsError(WorkbookError):
    """One or more faults in the settings files; ``problems`` holds one line each, ``details`` the same as records."""

    def __init__(self, problems: Sequence[str | Problem]) -> None:
        self.problems = [str(problem) for problem in problems]
        self.details = [p for p in problems if isinstance(p, Problem)]
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[Any, ...]:  # carried from one process to another
        return type(self), (self.details if len(self.details) == len(self.problems) else self.problems,)


class DeliveryError(WorkbookError):
    """One or more faults in the client's files that no repair rule may mend by itself."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


class UsageError(WorkbookError):
    """The command was called in a way that has no meaning."""

    exit_code = 2


class UndeclaredRead(WorkbookError):
    """A notebook read or saved what its stage does not declare in stages.py."""

    exit_code = 3


class StageFailed(WorkbookError):
    """A notebook stopped on an error."""

    exit_code = 3
