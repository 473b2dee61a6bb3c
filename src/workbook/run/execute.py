"""Periods of a client, from delivery to published report."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from workbook.errors import Problem, SettingsError, StageFailed
from workbook.period import Period
from workbook.places import notebooks_folder
from workbook.report.build import build_report
from workbook.run import child, kernel
from workbook.run.canonical import canonicalise
from workbook.run.failures import UNHARMED, Failure, disk_full, is_disk_full
from workbook.run.manifest import StageRecord, manifest, read_manifest, settings_hash, write_manifest
from workbook.run.plan import Plan, check_reused, plan_runs
from workbook.run.publish import Workplace, client_lock, publish, recover, workplace
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.delivery import DeliveredFile
from workbook.sources.prepare import prepare
from workbook.stages import Stage
from workbook.store import Store

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class RunResult:
    """One period published.

    Attributes:
        folder: the visible folder, ``outputs/<client>/<period>``.
        reports: the report in each language, the leading one first.
        stages: ids of the stages that were executed.
        seconds: wall time.
    """

    client: str
    period: Period
    folder: Path
    reports: tuple[Path, ...]
    stages: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Job:
    """What all steps of one period's run need to know."""

    home: Path
    client: str
    plan: Plan
    settings: Settings
    overrides: Mapping[str, Any]
    engine: str
    limits: kernel.Limits
    echo: Callable[[str], None]

    @property
    def client_folder(self) -> Path:
        return self.home / "outputs" / self.client

    @property
    def visible(self) -> Path:
        return self.client_folder / self.plan.period.name

    def apart(self, function: Callable[..., Kept], *words: Any) -> Kept:
        """Call a function whose threads and memory must not be handed on to forked notebooks."""
        return child.apart(function, *words) if self.engine == "fork" else function(*words)

    def say(self, words: str) -> None:
        self.echo(f"{self.client} {self.plan.period.name}  {words}")


def run_periods(
    home: Path,
    client: str,
    periods: list[Period],
    *,
    stages: list[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    engine: str | None = None,
    timeout: float | None = kernel.TIMEOUT,
    memory: int | None = None,
    echo: Callable[[str], None] = print,
) -> list[RunResult]:
    """Execute the stages for each period, earliest first, and publish each period's results whole.

    Settings and deliveries of all periods are read before the first kernel starts, so that their errors come at once.

    Args:
        home: folder that holds params/, data/ and outputs/.
        stages: ids of the stages to execute, None for all; the published results of the others are used as they are.
        overrides: settings to replace, ``{"grading.rfm.bins": 4}``.
        engine: one of :data:`workbook.run.kernel.ENGINES`; None for the best of this system.
        timeout: seconds that one cell may take; None for no limit.
        memory: megabytes that a notebook may take; None for no limit; only where the engine is fork.
        echo: takes each line of progress.

    Raises:
        WorkbookError: where settings or delivery are at fault, another run is at work or the disk is full.
        StageFailed: where a notebook stopped or did not make what it should; earlier results stand.
        UsageError: for an unknown engine or stage.
    """
    engine = engine or kernel.default_engine()
    limits = kernel.Limits(timeout, memory)
    kernel.check_engine(engine, limits)
    home, overrides = home.resolve(), dict(overrides or {})
    plans = plan_runs(periods, stages)
    settings = _settings(home, client, plans, overrides)
    jobs = [_Job(home, client, plan, settings[plan.period], overrides, engine, limits, echo) for plan in plans]
    try:
        with client_lock(home / "outputs" / client):
            recover(home / "outputs" / client)
            for job in jobs:
                check_reused(job.plan, client, job.visible)
            return [_run(job) for job in jobs]
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(str(error), home / "outputs" / client) from error
        raise


def _settings(home: Path, client: str, plans: list[Plan], overrides: Mapping[str, Any]) -> dict[Period, Settings]:
    settings: dict[Period, Settings] = {}
    problems: dict[str, str | Problem] = {}
    for plan in plans:
        try:
            settings[plan.period] = read_settings(home, client, plan.period, overrides)
        except SettingsError as error:
            problems |= {str(problem): problem for problem in error.details or error.problems}
    if problems:
        raise SettingsError(list(problems.values()))
    return settings


def _run(job: _Job) -> RunResult:
    begun = time.monotonic()
    plan, period = job.plan, job.plan.period.name
    files = job.apart(_prepare, job)
    job.say(f"delivery read  {time.monotonic() - begun:5.1f} s")
    with workplace(job.client_folder, period) as place:
        _carry_over(plan, job.visible, place.results)
        records = [_execute_stage(job, stage, place) for stage in plan.executed]
        reports = _build_report(job, place.results)
        earlier = read_manifest(job.visible).get("stages", {})
        content = manifest(
            client=job.client,
            period=period,
            settings=job.settings,
            overrides=job.overrides,
            deliveries={file.name: file.sha256 for file in files},
            results=place.results,
            executed=records,
            reused={stage.id: earlier[stage.id] for stage in plan.reused if stage.id in earlier},
            code=notebooks_folder().parent,
        )
        write_manifest(content, place.results)
        publish(place.results, job.visible)
    for outdated in (".draft", ".failed"):
        shutil.rmtree(job.client_folder / outdated / period, ignore_errors=True)
    published = tuple(job.visible / report.name for report in reports if report.parent == place.results)
    return RunResult(
        job.client, plan.period, job.visible, published, tuple(s.id for s in plan.executed), time.monotonic() - begun
    )


def _prepare(job: _Job) -> tuple[DeliveredFile, ...]:
    prepared = prepare(job.home, job.client, job.plan.period, job.settings)
    prepared.tables.connection.close()
    return prepared.files


def _carry_over(plan: Plan, visible: Path, results: Path) -> None:
    """Lay out the results folder, with copies of what the stages that are not executed made before."""
    made = {"notebooks": {s.id for s in plan.reused}, "tables": {n for s in plan.reused for n in s.makes},
            "lists": {n for s in plan.reused for n in s.lists}}  # fmt: skip
    for name, stems in made.items():
        (results / name).mkdir()
        for file in sorted((visible / name).glob("*")) if stems else ():
            if file.name.partition(".")[0] in stems:
                shutil.copy2(file, results / name / file.name)


def _kept(failure: Failure, output: Path, folder: Path) -> Failure:
    """Keep the notebook that failed where a person can open it, if there is still room for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = output.replace(folder / output.name)
    except OSError:
        return replace(failure, open=notebooks_folder() / output.name)
    return replace(failure, open=kept)


def _execute_stage(job: _Job, stage: Stage, place: Workplace) -> StageRecord:
    started = dt.datetime.now(dt.UTC)
    period = job.plan.period.name
    output = place.results / "notebooks" / f"{stage.id}.ipynb"
    try:
        kernel.execute(
            notebooks_folder() / f"{stage.id}.ipynb",
            output,
            {"client": job.client, "period": period, "overrides": dict(job.overrides)},
            kernel.surroundings(job.home, place.results, place.scratch),
            place.results,
            job.engine,
            job.limits,
        )
    except kernel.StageStopped as stopped:
        raise _kept(stopped.failure, output, job.client_folder / ".failed" / period).exception() from None
    tables = Store(place.results / "tables")
    absent = [name for name in stage.makes if not tables.has(name)]
    if absent:
        raise StageFailed(
            f"{job.client} {period}: {stage.id} did not save {', '.join(absent)}, which stages.py lists under makes; "
            f"{UNHARMED}; open {notebooks_folder() / f'{stage.id}.ipynb'}"
        )
    canonicalise(output, {str(place.results): f"outputs/{job.client}/{period}", str(job.home): "."})
    ended = dt.datetime.now(dt.UTC)
    job.say(f"{stage.id:<13}  {(ended - started).total_seconds():5.1f} s")
    return StageRecord(stage.id, started, ended, settings_hash(job.settings))


def _build_report(job: _Job, results: Path) -> list[Path]:
    begun = time.monotonic()
    reports = job.apart(build_report, results, job.settings, job.plan.period, job.client)
    job.say(f"report built   {time.monotonic() - begun:5.1f} s")
    return reports
