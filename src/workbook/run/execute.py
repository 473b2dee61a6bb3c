"""Periods of a client, from delivery to published report. Nothing heavy is imported until a period is found to be stale."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbook.errors import Problem, SettingsError, WorkbookError
from workbook.period import Period
from workbook.run.events import Event
from workbook.run.failures import disk_full, is_disk_full
from workbook.run.kept import REPORT, Kept
from workbook.run.keys import Ground
from workbook.run.limits import TIMEOUT, Limits, check_engine, default_engine
from workbook.run.plan import Plan, plan_runs
from workbook.run.publish import clear_workplaces, client_lock
from workbook.run.published import kept_by, read_pointer, recover
from workbook.run.stamp import is_fresh, stamp, write_stamp
from workbook.settings.folders import earlier_periods

if TYPE_CHECKING:  # nothing that a run without work can do without
    from workbook.run.lanes import Ahead, Behind


@dataclass(frozen=True)
class RunResult:
    """One period published.

    Attributes:
        folder: the visible folder, ``outputs/<client>/<period>``.
        reports: the report in each language, the leading one first.
        stages: ids of the stages that were executed; none where nothing was stale.
        seconds: wall time.
    """

    client: str
    period: Period
    folder: Path
    reports: tuple[Path, ...]
    stages: tuple[str, ...]
    seconds: float


def run_periods(
    home: Path,
    client: str,
    periods: list[Period],
    *,
    stages: list[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    engine: str | None = None,
    force: bool = False,
    timeout: float | None = TIMEOUT,
    memory: int | None = None,
    lanes: int = 1,
    echo: Callable[[Event], None] = lambda event: print(event.line()),
) -> list[RunResult]:
    """Execute the stages that are stale for each period, earliest first, and publish each period's results whole.

    Settings and deliveries of all periods are read before the first kernel starts, so that their errors come at once.

    Args:
        home: folder that holds params/, data/ and outputs/.
        stages: ids of stages to execute whether stale or not, and what they need where it is stale; the published results of
            the others are carried over. None for all that are stale.
        overrides: settings to replace, ``{"grading.rfm.bins": 4}``.
        engine: one of :data:`workbook.run.limits.ENGINES`; None for the best of this system.
        force: whether to execute what is not stale too.
        timeout: seconds that one cell may take; None for no limit.
        memory: megabytes that a notebook may take; None for no limit; only where the engine is fork.
        lanes: periods to run beside each other, as far as their order allows; one where processes cannot be forked safely.
        echo: takes each event of the run.

    Raises:
        WorkbookError: where settings or delivery are at fault, another run is at work or the disk is full.
        StageFailed: where a notebook stopped or did not make what it should; earlier results stand.
        UsageError: for an unknown engine or stage.
    """
    engine = engine or default_engine()
    limits = Limits(timeout, memory)
    check_engine(engine, limits)
    home, overrides = home.resolve(), dict(overrides or {})
    plans = plan_runs(periods, stages, force=force)
    _check_inputs(home, client, plans, overrides)
    try:
        with client_lock(home / "outputs" / client):
            recover(home / "outputs" / client)
            fresh = list(itertools.takewhile(lambda plan: _is_fresh(home, client, plan, overrides), plans))
            done = [_up_to_date(home, client, plan, echo) for plan in fresh]
            try:
                return done + _run_stale(home, client, plans[len(fresh) :], overrides, engine, limits, lanes, echo)
            finally:
                clear_workplaces(home / "outputs" / client)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(str(error), home / "outputs" / client) from error
        raise


def _check_inputs(home: Path, client: str, plans: list[Plan], overrides: Mapping[str, Any]) -> None:
    """Read parameters and delivery of every period in which anything changed, and tell all faults of parameters at once."""
    problems: dict[str, str | Problem] = {}
    for plan in plans:
        if plan.whole and is_fresh(home, client, plan.period, overrides):
            continue
        from workbook.expressions import check_expressions

        try:
            Ground.read(home, client, plan.period, overrides)
            found = check_expressions(home, client, [plan.period], overrides)
            problems |= {str(problem): problem for problem in found}
        except SettingsError as error:
            problems |= {str(problem): problem for problem in error.details or error.problems}
    if problems:
        raise SettingsError(list(problems.values()))


def _is_fresh(home: Path, client: str, plan: Plan, overrides: Mapping[str, Any]) -> bool:
    return plan.whole and is_fresh(home, client, plan.period, overrides)


def _up_to_date(home: Path, client: str, plan: Plan, echo: Callable[[Event], None]) -> RunResult:
    begun = time.monotonic()
    echo(Event("up_to_date", client, plan.period.name))
    return _result(home, client, plan, (), begun)


def _run_stale(
    home: Path,
    client: str,
    plans: Sequence[Plan],
    overrides: Mapping[str, Any],
    engine: str,
    limits: Limits,
    lanes: int,
    echo: Callable[[Event], None],
) -> list[RunResult]:
    """Run periods of which the first is stale."""
    if not plans:
        return []
    with _prepared_meanwhile(home, client, plans[0], overrides, engine):
        from workbook.run.work import Work, bring_up_to_date

        if engine == "fork":
            from workbook.run.preload import preload

            preload()

    def run(plan: Plan, ahead: Ahead | None, behind: Behind | None, echo: Callable[[Event], None]) -> RunResult:
        begun = time.monotonic()
        # what is published of the previous period changes meanwhile where it is run beside this one, by nobody else
        before = stamp(home, client, plan.period, overrides, previous=ahead is None)
        ground = Ground.read(home, client, plan.period, overrides)
        executed = bring_up_to_date(Work(plan, ground, engine, limits, echo, ahead, behind))
        if stamp(home, client, plan.period, overrides, previous=ahead is None) == before and not plan.carried:
            write_stamp(home, client, plan.period, stamp(home, client, plan.period, overrides))
        return _result(home, client, plan, executed, begun)

    if min(lanes, len(plans)) < 2 or default_engine() != "fork":
        return [
            _up_to_date(home, client, plan, echo) if _is_fresh(home, client, plan, overrides) else run(plan, None, None, echo)
            for plan in plans
        ]
    from workbook.run.lanes import run_beside

    earlier = {plan.period: earlier_periods(home, client, plan.period)[:1] for plan in plans}
    follows = {period: found[0] for period, found in earlier.items() if found and found[0] in earlier}
    return run_beside(plans, min(lanes, len(plans)), run, home / "outputs" / client, follows, echo)


@contextlib.contextmanager
def _prepared_meanwhile(home: Path, client: str, plan: Plan, overrides: Mapping[str, Any], engine: str) -> Iterator[None]:
    """Bring the first period's delivery to the canonical tables in another process, while this one imports."""
    if engine != "fork":
        yield
        return
    from workbook.run.child import Child, Died

    def work(send: Callable[[bytes], None]) -> None:
        from workbook.settings.reading import read_settings
        from workbook.sources.prepare import prepare

        with contextlib.suppress(WorkbookError):  # told by the run itself, which prepares what it does not find prepared
            prepare(home, client, plan.period, read_settings(home, client, plan.period, overrides)).tables.connection.close()
        send(b"done")

    with Child(work, {}) as child:
        yield
        with contextlib.suppress(Died):
            child.receive()


def _result(home: Path, client: str, plan: Plan, executed: tuple[str, ...], begun: float) -> RunResult:
    folder = home / "outputs" / client
    shutil.rmtree(folder / ".failed" / plan.period.name, ignore_errors=True)
    pages = kept_by(folder, read_pointer(folder, plan.period.name))[REPORT]
    reports = tuple(folder / plan.period.name / name for name in _reports(pages))
    return RunResult(client, plan.period, folder / plan.period.name, reports, executed, time.monotonic() - begun)


def _reports(pages: Kept) -> list[str]:
    """The report in each language, the leading one first."""
    names = [f"report.{language}.html" for language in json.loads(pages.inputs["settings.languages"])]
    return [name for name in names if name in pages.files]
