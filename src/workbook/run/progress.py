"""What a run shows while it works: a bar with the time left on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbook.run.events import Event
from workbook.stages import STAGES

STEPS = len(STAGES) + 2
"""Steps of one period: the delivery, the stages, the report."""

_STEP = ("prepared", "stage", "reused", "report")
_END = ("published", "up_to_date", "failed", "waiting")


@contextmanager
def shown(periods: int, *, as_json: bool = False, failures: bool = True) -> Iterator[Callable[[Event], None]]:
    """What takes the events of a run and shows them, as suits where the output goes.

    Args:
        periods: number of periods that will be run, by which the time left is reckoned.
        as_json: one event a line on standard output instead.
        failures: whether failures show too; their messages may follow at the end anyway.
    """
    if as_json:
        yield lambda event: print(event.as_json(), flush=True)
    elif sys.stderr.isatty():
        with _bar(periods, failures) as take:
            yield take
    else:

        def line(event: Event) -> None:
            if failures or event.kind != "failed":
                print(event.line(), file=sys.stderr, flush=True)

        yield line


@contextmanager
def _bar(periods: int, failures: bool) -> Iterator[Callable[[Event], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), TextColumn("·"),
        TimeRemainingColumn(), TextColumn("left"),
    )  # fmt: skip
    # refreshed by events and not by a thread, since notebooks are forked from this process
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=periods * STEPS)
        steps: dict[tuple[str, str], int] = {}

        def take(event: Event) -> None:
            whose = (event.client, event.period)
            if event.kind in _STEP:
                progress.advance(task)
                steps[whose] = steps.get(whose, 0) + 1
            elif event.kind in _END:
                progress.advance(task, STEPS - steps.pop(whose, 0))
                if failures or event.kind != "failed":
                    progress.console.print(event.line(), markup=False, highlight=False, soft_wrap=True)
            progress.update(task, description=f"{event.client} {event.period} {event.stage or event.kind}", refresh=True)

        yield take
