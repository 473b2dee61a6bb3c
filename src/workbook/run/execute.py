"""Periods of a client, from delivery to published report. Nothing heavy is imported until a period is found to be stale."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbook.errors import Problem, SettingsError
from workbook.period import Period
from workbook.run.events import Event
from workbook.run.failures import disk_full, is_disk_full
from workbook.run.kept import REPORT, Kept
from workbook.run.keys import Ground
from workbook.run.limits import TIMEOUT, Limits, check_engine, default_engine
from workbook.run.plan import Plan, plan_runs
from workbook.run.publish import client_lock
from workbook.run.published import kept_by, read_pointer, recover
from workbook.run.stamp import is_fresh, stamp, write_stamp


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
            return [_run(home, client, plan, overrides, engine, limits, echo) for plan in plans]
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


def _run(
    home: Path,
    client: str,
    plan: Plan,
    overrides: Mapping[str, Any],
    engine: str,
    limits: Limits,
    echo: Callable[[Event], None],
) -> RunResult:
    begun = time.monotonic()
    executed: tuple[str, ...] = ()
    if plan.whole and is_fresh(home, client, plan.period, overrides):
        echo(Event("up_to_date", client, plan.period.name))
    else:
        from workbook.run.work import Work, bring_up_to_date

        before = stamp(home, client, plan.period, overrides)
        ground = Ground.read(home, client, plan.period, overrides)
        executed = bring_up_to_date(Work(plan, ground, engine, limits, echo))
        if stamp(home, client, plan.period, overrides) == before and not plan.carried:
            write_stamp(home, client, plan.period, before)
    folder = home / "outputs" / client
    shutil.rmtree(folder / ".failed" / plan.period.name, ignore_errors=True)
    pages = kept_by(folder, read_pointer(folder, plan.period.name))[REPORT]
    reports = tuple(folder / plan.period.name / name for name in _reports(pages))
    return RunResult(client, plan.period, folder / plan.period.name, reports, executed, time.monotonic() - begun)


def _reports(pages: Kept) -> list[str]:
    """The report in each language, the leading one first."""
    names = [f"report.{language}.html" for language in json.loads(pages.inputs["settings.languages"])]
    return [name for name in names if name in pages.files]
