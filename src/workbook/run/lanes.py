"""Periods of one client beside each other, each in a process of its own; a stage waits for what it reads of the period before.

A process tells the one that runs the next period, through a pipe, of each stage that is done and of the publishing, so that
periods are published in their order. Linux only, as forking is.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import select
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from workbook.errors import StageFailed
from workbook.period import Period
from workbook.run.child import Child, Died, Send
from workbook.run.events import Event
from workbook.run.kept import Kept, find_kept
from workbook.run.plan import Plan

Result = TypeVar("Result")

PUBLISHED = "published"
_PATIENCE = 10.0
"""Seconds in which a process that is told to stop may tidy up."""


class Left(Exception):
    """The run of the previous period has ended without what was waited for."""


@dataclass
class Ahead:
    """The run of the previous period, at work in another process."""

    period: Period
    reading: int
    client_folder: Path
    _keys: dict[str, str] = field(default_factory=dict)
    _rest: bytes = b""

    def made(self, stage: str) -> Kept:
        """What a stage has made, as soon as it is done.

        Raises:
            Left: where it will not be done.
        """
        self._wait_for(stage)
        kept = find_kept(self.client_folder, stage, self._keys[stage])
        if kept is None:
            raise Left
        return kept

    def wait_until_published(self) -> None:
        """Return when the previous period is published.

        Raises:
            Left: where it will not be.
        """
        self._wait_for(PUBLISHED)

    def _wait_for(self, name: str) -> None:
        while name not in self._keys:
            content = os.read(self.reading, 1 << 16)
            if not content:
                raise Left
            *lines, self._rest = (self._rest + content).split(b"\n")
            self._keys |= dict(json.loads(line) for line in lines)


@dataclass(frozen=True)
class Behind:
    """The run of the next period, which waits in another process."""

    writing: int

    def tell(self, name: str, key: str = "") -> None:
        """Say that a stage is done, or that the period is :data:`PUBLISHED`."""
        with contextlib.suppress(BrokenPipeError):  # that run has ended; this one goes on
            os.write(self.writing, json.dumps([name, key]).encode() + b"\n")


Run = Callable[[Plan, Ahead | None, Behind | None, Callable[[Event], None]], Result]


def run_beside(
    plans: Sequence[Plan],
    lanes: int,
    run: Run[Result],
    client_folder: Path,
    follows: Mapping[Period, Period],
    echo: Callable[[Event], None],
) -> list[Result]:
    """Run periods in processes of their own; where one fails those after it are stopped, and those before it come to their end.

    Args:
        plans: in time order.
        lanes: processes at a time.
        run: runs one of them; what it returns or raises must be picklable.
        client_folder: the client's folder in outputs/.
        follows: period → its previous period, where that is one of those.
        echo: takes each event of all periods.

    Raises:
        Exception: what the earliest run that failed raised.
        StageFailed: where its process was killed.
    """
    waiting, links = list(range(len(plans))), dict[Period, int]()
    running: dict[int, Child] = {}
    results: dict[int, Result] = {}
    faults: dict[int, Exception] = {}
    try:
        while running or (waiting and not faults):
            while waiting and len(running) < lanes and not faults:
                place = waiting.pop(0)
                running[place] = _begin(plans[place], run, client_folder, follows, links)
            for place in _ready(running):
                if place not in running:
                    continue  # stopped a moment ago
                kind, content = _message(running[place], plans[place].period)
                if kind == "event":
                    echo(content)
                    continue
                running.pop(place).end()
                if kind == "done":
                    results[place] = content
                elif kind == "fault":
                    faults[place] = content
                    for later in [one for one in running if one > place]:
                        running.pop(later).end(_PATIENCE)
    finally:
        for child in running.values():
            child.end(_PATIENCE)
        for descriptor in links.values():
            os.close(descriptor)
    if faults:
        raise faults[min(faults)]
    return [results[place] for place in range(len(plans))]


def _begin(
    plan: Plan,
    run: Run[Result],
    client_folder: Path,
    follows: Mapping[Period, Period],
    links: dict[Period, int],
) -> Child:
    """Start the process of a period; in *links* stands the end of each pipe from which a later period will read."""
    period = plan.period
    previous = follows.get(period)
    ahead = Ahead(previous, links.pop(previous), client_folder) if previous else None
    pipe = os.pipe() if period in follows.values() else None

    def work(send: Send) -> None:
        def tell(event: Event) -> None:
            send(pickle.dumps(("event", event)))

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        if pipe:
            os.close(pipe[0])
        for descriptor in links.values():
            os.close(descriptor)
        try:
            end: tuple[str, Any] = ("done", run(plan, ahead, Behind(pipe[1]) if pipe else None, tell))
        except Left:
            end = ("left", None)
        except SystemExit:
            return
        except Exception as error:
            error.add_note(traceback.format_exc())
            end = ("fault", error)
        send(pickle.dumps(end))

    child = Child(work, {})
    if ahead:
        os.close(ahead.reading)
    if pipe:
        os.close(pipe[1])
        links[period] = pipe[0]
    return child


def _ready(running: Mapping[int, Child]) -> list[int]:
    """The processes that have something to say, or have ended."""
    ready, _, _ = select.select(list(running.values()), [], [])
    return [place for place, child in running.items() if child in ready]


def _message(child: Child, period: Period) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = pickle.loads(child.receive())
    except Died as died:
        return "fault", StageFailed(f"{period.name}: {died}; earlier results stand as they were, run it again")
    return message
