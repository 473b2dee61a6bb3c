"""The package's own errors. Each message says where, what was found, what was expected and what to do."""

from __future__ import annotations


class WorkbookError(Exception):
    """Anything that the person at the keyboard can mend. Shown as one message, never as a traceback."""

    exit_code = 1


class SettingsError(WorkbookError):
    """One or more faults in the settings files; ``problems`` holds one line each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class DeliveryError(WorkbookError):
    """One or more faults in the client's files that no repair rule may mend by itself."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class UsageError(WorkbookError):
    """The command was called in a way that has no meaning."""

    exit_code = 2


class UndeclaredRead(WorkbookError):
    """A notebook read or saved what its stage does not declare in stages.py."""

    exit_code = 3


class StageFailed(WorkbookError):
    """A notebook stopped on an error."""

    exit_code = 3
