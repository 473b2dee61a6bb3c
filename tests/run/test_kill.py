"""A run that is killed at any moment is completed by the next one to the same bytes, and leaves no process behind."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.run.conftest import Q3, Q4

from workbook.period import Period
from workbook.run import execute
from workbook.run.prune import prune

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def processes_of(home: Path) -> set[int]:
    """Living processes that work in a folder below *home* or name it in their environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            works_in = (entry / "cwd").readlink().is_relative_to(home)
            if works_in or str(home).encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
    return found


def run_and_kill(tiny: Any, seed: int, delay: float, lanes: int) -> bool:
    """Start a run in a process of its own and kill it after *delay* seconds; whether it was killed before its end."""

    def run() -> None:
        execute.run_periods(tiny.home, "tiny", [Q3, Q4], overrides={"seed": seed}, lanes=lanes, echo=lambda event: None)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(delay)
    if process.is_alive() and process.pid:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=pytest.mark.long)])
def test_the_run_after_a_kill_at_a_random_moment_completes_to_the_same_bytes(
    tiny: Any, contents: Callable[[Path], dict[str, bytes]], light_preload: None, kills: int
) -> None:
    def visible() -> dict[Period, dict[str, bytes]]:
        return {period: contents(tiny.outputs / period.name) for period in (Q3, Q4)}

    reference = []
    for seed in (0, 1):
        begun = time.monotonic()
        tiny.run(Q3, Q4, overrides={"seed": seed})
        whole = time.monotonic() - begun
        reference.append(visible())
    moments = random.Random(kills)
    killed = number = 0
    while killed < kills and number < 3 * kills:  # on a machine that got faster meanwhile a run may end before its moment
        old, new = reference[(number + 1) % 2], reference[number % 2]
        prune(tiny.home, "tiny")  # so that there is work to do again
        moment = moments.uniform(0.02, whole)
        if run_and_kill(tiny, number % 2, moment, lanes=2 - number % 2):
            killed += 1
        else:
            whole = moment  # it had ended before
        for period, files in visible().items():
            assert files in (old[period], new[period])
        tiny.run(Q3, Q4, overrides={"seed": number % 2})
        assert visible() == new
        assert not list((tiny.outputs / ".work").glob("*"))
        number += 1
    assert killed == kills
    end = time.monotonic() + 10
    while processes_of(tiny.home) and time.monotonic() < end:
        time.sleep(0.1)
    assert processes_of(tiny.home) == set()
