"""The work of a run: one period's stale stages and its pages, each kept as soon as it is made.

What is heavy to import stands here, so that a run that finds nothing stale does without.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from workbook import stages
from workbook.errors import StageFailed
from workbook.places import PREVIOUS, notebooks_folder
from workbook.report.build import build_report
from workbook.run import child, kernel
from workbook.run.canonical import canonicalise
from workbook.run.events import Event, Kind
from workbook.run.failures import UNHARMED, Failure
from workbook.run.kept import REPORT, Kept, find_kept, keep
from workbook.run.keys import Ground, Previous, key_of, notebook_file, published_before
from workbook.run.lanes import PUBLISHED, Ahead, Behind
from workbook.run.limits import Limits
from workbook.run.manifest import manifest
from workbook.run.plan import Plan, check_carried
from workbook.run.publish import Workplace, workplace
from workbook.run.published import follow, kept_by, lay_out, read_pointer, write_pointer
from workbook.settings.declared import declared
from workbook.sources.prepare import prepare
from workbook.stages import REPORT_SETTINGS, Stage

Answer = TypeVar("Answer")


@dataclass
class Work:
    """One period's run.

    Attributes:
        ahead: the run of the previous period, where it is at work in another process.
        behind: the run of the next period, where it waits in another.
        executed: ids of the stages that were executed.
        waiting: events that are told only if there is work to do.
    """

    plan: Plan
    ground: Ground
    engine: str
    limits: Limits
    echo: Callable[[Event], None]
    ahead: Ahead | None = None
    behind: Behind | None = None
    executed: list[str] = field(default_factory=list)
    waiting: list[Event] = field(default_factory=list)

    @property
    def client_folder(self) -> Path:
        return self.ground.home / "outputs" / self.ground.client

    @property
    def period(self) -> str:
        return self.ground.period.name

    def apart(self, function: Callable[..., Answer], *words: Any) -> Answer:
        """Call a function whose threads and memory must not be handed on to forked notebooks."""
        return child.apart(function, *words) if self.engine == "fork" else function(*words)

    def say(self, kind: Kind, stage: str = "", seconds: float | None = None, words: str = "") -> None:
        """Tell what happened; what was only reused is told before the first piece of work."""
        self.waiting.append(Event(kind, self.ground.client, self.period, stage, seconds, words))
        if kind not in ("begun", "reused"):
            for event in self.waiting:
                self.echo(event)
            self.waiting.clear()


def bring_up_to_date(job: Work) -> tuple[str, ...]:
    """Execute the stages of one period that are stale and publish it; the caller holds the client's lock.

    Returns:
        Ids of the stages that were executed.

    Raises:
        WorkbookError: where the delivery is at fault, or results to carry over are not there.
        StageFailed: where a notebook stopped or did not make what it should; what was published stands.
    """
    job.say("begun")
    pointer = read_pointer(job.client_folder, job.period)
    published = kept_by(job.client_folder, pointer)
    check_carried(job.plan, job.ground.client, published)
    made: dict[str, Kept] = {}
    for stage in stages.STAGES:
        made[stage.id] = published[stage.id] if stage in job.plan.carried else _made(job, stage, made)
        if job.behind:
            job.behind.tell(stage.id, made[stage.id].key)
    pages = _pages(job, made)
    run = key_of({name: kept.key for name, kept in [*made.items(), (REPORT, pages)]})
    if job.ahead:
        job.ahead.wait_until_published()
    if pointer.get("run") == run and not job.executed and follow(job.client_folder, job.period):
        job.waiting.clear()
        job.say("up_to_date")
    else:
        write_pointer(job.client_folder, job.period, manifest(job.ground, run, made, pages, notebooks_folder().parent))
        follow(job.client_folder, job.period)
        shutil.rmtree(job.client_folder / ".draft" / job.period, ignore_errors=True)
        job.say("published")
    if job.behind:
        job.behind.tell(PUBLISHED)
    return tuple(job.executed)


def _made(job: Work, stage: Stage, made: Mapping[str, Kept]) -> Kept:
    """What a stage makes of today's inputs: kept from before, or executed now."""
    needed = {name: (kept, file) for kept in made.values() for name in stage.needs if (file := kept.artefact(name))}
    previous = _previous(job, stage)
    artefacts = {name: kept.files[file]["sha256"] for name, (kept, file) in needed.items()}
    inputs = job.ground.of_stage(stage, artefacts, previous)
    key = key_of(inputs)
    kept = None if stage in job.plan.forced else find_kept(job.client_folder, stage.id, key)
    if kept:
        job.say("reused", stage.id)
        return kept
    if not job.executed:
        begun = time.monotonic()
        job.apart(_prepare, job.ground)
        job.say("prepared", seconds=time.monotonic() - begun)
    started = dt.datetime.now(dt.UTC)
    with workplace(job.client_folder, job.period) as place:
        for folder in ("notebooks", "tables", "lists"):
            (place.results / folder).mkdir()
        for holder, name in needed.values():
            shutil.copy2(holder.folder / name, place.results / name)
        (place.results / PREVIOUS).mkdir()
        for path in previous.files.values():
            shutil.copy2(path, place.results / PREVIOUS)
        _execute(job, stage, place)
        shutil.rmtree(place.results / PREVIOUS)
        for _, name in needed.values():
            (place.results / name).unlink()
        ended = dt.datetime.now(dt.UTC)
        kept = keep(place.results, job.client_folder, stage.id, inputs, key, started, ended)
    job.executed.append(stage.id)
    job.say("stage", stage.id, (ended - started).total_seconds())
    return kept


def _previous(job: Work, stage: Stage) -> Previous:
    """What a stage reads of the previous period: published, or made a moment ago by the run that is at work on it."""
    if not (job.ahead and stage.previous):
        return published_before(job.ground.home, job.ground.client, job.ground.period, stage.previous)
    files = {}
    for maker in stages.STAGES:
        for name in sorted(set(maker.makes) & set(stage.previous)):
            kept = job.ahead.made(maker.id)
            if file := kept.artefact(name):
                files[name] = kept.folder / file
    return Previous(job.ahead.period.name, files)


def _prepare(ground: Ground) -> None:
    prepare(ground.home, ground.client, ground.period, ground.settings).tables.connection.close()


def _execute(job: Work, stage: Stage, place: Workplace) -> None:
    """Execute a stage's notebook in a workplace, and see that it made what it declares and nothing else."""
    ground, output = job.ground, place.results / "notebooks" / f"{stage.id}.ipynb"
    try:
        kernel.execute(
            notebook_file(stage),
            output,
            {"client": ground.client, "period": job.period, "overrides": ground.given(stage)},
            kernel.surroundings(ground.home, place.results, place.scratch),
            place.results,
            job.engine,
            job.limits,
        )
    except kernel.StageStopped as stopped:
        raise _opened(stopped.failure, output, job.client_folder / ".failed" / job.period).exception() from None
    needed = set(stage.needs)
    tables = {file.stem for file in (place.results / "tables").iterdir()} - needed
    lists = {file.name.partition(".")[0] for file in (place.results / "lists").iterdir()}
    absent, others = set(stage.makes) - tables, (tables - set(stage.makes)) | (lists - set(stage.lists))
    if absent or others:
        did = f"did not save {_names(absent)}, which stages.py lists under makes" if absent else (
            f"made {_names(others)}, which stages.py does not list")  # fmt: skip
        raise StageFailed(f"{ground.client} {job.period}: {stage.id} {did}; {UNHARMED}; open {notebook_file(stage)}")
    canonicalise(output, {str(place.results): f"outputs/{ground.client}/{job.period}", str(ground.home): "."})


def _names(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _opened(failure: Failure, output: Path, folder: Path) -> Failure:
    """Leave the notebook that failed where a person can open it, if there is still room for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        left = output.replace(folder / output.name)
    except OSError:
        return replace(failure, open=notebooks_folder() / output.name)
    return replace(failure, open=left)


def _pages(job: Work, made: Mapping[str, Kept]) -> Kept:
    """The pages that the stages' results make: kept from before, or built now."""
    ground = job.ground
    inputs = ground.of_report({name: kept.content for name, kept in made.items()})
    key = key_of(inputs)
    kept = None if job.executed and job.plan.forced else find_kept(job.client_folder, REPORT, key)
    if kept:
        job.say("reused", REPORT)
        return kept
    started = dt.datetime.now(dt.UTC)
    with workplace(job.client_folder, job.period) as place:
        lay_out(made.values(), place.results)
        visible = declared(ground.settings, REPORT_SETTINGS, "the report")
        job.apart(build_report, place.results, visible, ground.period, ground.client, ground.home, ground.deliveries)
        for results in made.values():
            for name in results.files:
                (place.results / name).unlink()
        ended = dt.datetime.now(dt.UTC)
        kept = keep(place.results, job.client_folder, REPORT, inputs, key, started, ended)
    job.say("report", seconds=(ended - started).total_seconds())
    return kept
