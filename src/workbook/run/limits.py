"""What executes notebooks, and what a notebook may take. Light, so that commands can be checked before anything is imported."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from workbook.errors import UsageError

ENGINES = ("fork", "papermill")
TIMEOUT = 3600.0
"""Seconds that one cell may take where nothing else is said."""

_MOST_JOBS = 4
"""Each takes up to half a gigabyte."""


@dataclass(frozen=True)
class Limits:
    """What a notebook may take.

    Attributes:
        timeout: seconds for one cell; None for no limit.
        memory: megabytes for the notebook beside what is shared with the parent; None for no limit. Only the engine fork
            can hold a notebook to it.
    """

    timeout: float | None = TIMEOUT
    memory: int | None = None


def default_engine() -> str:
    """``fork`` where processes can be forked safely, which is Linux; ``papermill``, a fresh kernel a notebook, elsewhere."""
    return "fork" if sys.platform == "linux" else "papermill"


def default_jobs() -> int:
    """How many periods are run beside each other where nothing is said: one a processor, as long as memory is no question."""
    if sys.platform != "linux":
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST_JOBS)


def check_engine(engine: str, limits: Limits) -> None:
    """See that the engine exists here and can do what is asked.

    Raises:
        UsageError: where it does not or cannot.
    """
    if engine not in ENGINES:
        raise UsageError(f"engine: found {engine!r}, expected {' or '.join(ENGINES)}")
    if engine == "fork" and default_engine() != "fork":
        raise UsageError("engine: found 'fork', which needs Linux; expected papermill here")
    if limits.memory is not None and engine != "fork":
        raise UsageError(f"memory: found a limit for the engine {engine!r}, expected fork, which alone can keep it")
