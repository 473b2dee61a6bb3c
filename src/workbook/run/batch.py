"""Clients beside each other: each in a process of its own, the periods of one in order, a failure of one left to itself."""

from __future__ import annotations

import concurrent.futures
import errno
import json
import multiprocessing
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workbook.errors import StageFailed, WorkbookError
from workbook.period import Period
from workbook.run import execute
from workbook.run.events import Event
from workbook.run.failures import brief, refused
from workbook.run.limits import TIMEOUT, default_engine
from workbook.run.stamp import is_fresh
from workbook.run.steady import STEADY
from workbook.settings.folders import known_periods

Echo = Callable[[Event], None]
State = Literal["published", "up to date", "failed", "not run"]

_MESSAGE = 1 << 17
"""Bytes of one message between processes at most."""
_WORDS = _MESSAGE // 8


@dataclass(frozen=True)
class ClientJob:
    """What is to be run for one client; the options are those of :func:`workbook.run.execute.run_periods`.

    Attributes:
        periods: the periods to run; None for all that do not wait for their delivery.
    """

    client: str
    periods: tuple[Period, ...] | None = None
    stages: tuple[str, ...] | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None
    force: bool = False
    timeout: float | None = TIMEOUT
    memory: int | None = None
    lanes: int = 1


@dataclass(frozen=True)
class Outcome:
    """What became of one period.

    Attributes:
        period: its name; empty where the client's periods could not be found.
        seconds: wall time; None where it was not begun.
        reports: the published report in each language, the leading one first.
        error: the message of a failure.
    """

    client: str
    period: str
    state: State
    seconds: float | None = None
    reports: tuple[Path, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class ClientResult:
    """What became of one client: its periods in order, and the error that ended its run."""

    client: str
    outcomes: tuple[Outcome, ...]
    error: WorkbookError | None = None


@dataclass(frozen=True)
class BatchResult:
    """What became of all clients, in the order of the jobs."""

    clients: tuple[ClientResult, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All periods of all clients."""
        return tuple(outcome for client in self.clients for outcome in client.outcomes)

    @property
    def reports(self) -> tuple[Path, ...]:
        """All reports that are published."""
        return tuple(report for outcome in self.outcomes for report in outcome.reports)

    @property
    def errors(self) -> tuple[WorkbookError, ...]:
        """What ended the runs that failed."""
        return tuple(client.error for client in self.clients if client.error)

    @property
    def failures(self) -> tuple[tuple[Outcome, WorkbookError], ...]:
        """The period at which each client failed, and why."""
        return tuple((o, c.error) for c in self.clients for o in c.outcomes if c.error and o.state == "failed")

    @property
    def exit_code(self) -> int:
        """0 where all went well, 3 where a stage failed, else 1 where an input was at fault."""
        return max((error.exit_code for error in self.errors), default=0)

    def table(self) -> str:
        """One line a period: client, period, state, seconds, and the report or what is at fault and the file to open."""
        head = ("client", "period", "state", "seconds", "report, or what is at fault")
        rows = [
            (
                outcome.client,
                outcome.period or "–",
                outcome.state,
                "" if outcome.seconds is None else f"{outcome.seconds:.1f}",
                brief(outcome.error) if outcome.error else str(outcome.reports[0]) if outcome.reports else "",
            )
            for outcome in self.outcomes
        ]
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(4)]
        line = f"{{:<{widths[0]}}}  {{:<{widths[1]}}}  {{:<{widths[2]}}}  {{:>{widths[3]}}}  {{}}"
        return "\n".join(line.format(*row).rstrip() for row in (head, *rows))


def run_clients(
    home: Path, jobs: Sequence[ClientJob], *, workers: int = 1, executor: Executor | None = None, echo: Echo
) -> BatchResult:
    """Run clients, *workers* of them beside each other; where they are fewer, periods of one too.

    Args:
        home: folder that holds params/, data/ and outputs/; with an executor on other machines, one that all of them see.
        workers: processes of this machine; not used with an executor.
        executor: takes the jobs instead: anything with ``submit`` that gives futures, such as the executor of a
            ``dask.distributed`` client. Each job then gets a process of its own where the executor puts it.
        echo: takes each event of all runs, in this process; with an executor when a client is done.
    """
    home = home.resolve()
    if executor is None and jobs:
        jobs = [replace(job, lanes=max(1, workers // len(jobs))) for job in jobs]
    if executor is not None:
        results = _elsewhere(home, jobs, executor, echo)
    elif min(workers, len(jobs)) < 2:
        results = [run_client(home, job, echo) for job in jobs]
    elif default_engine() == "fork":
        results = _beside(home, jobs, min(workers, len(jobs)), echo)
    else:
        with ThreadPoolExecutor(workers) as threads:
            results = _elsewhere(home, jobs, threads, echo)
    return BatchResult(tuple(results))


def run_client(home: Path, job: ClientJob, echo: Echo) -> ClientResult:
    """Run the periods of one client in this process; errors are part of the result."""
    done: dict[str, Outcome] = {}
    since = time.monotonic()

    def listen(event: Event) -> None:
        nonlocal since
        if event.kind in ("published", "up_to_date"):
            folder, now = home / "outputs" / job.client / event.period, time.monotonic()
            state: State = "published" if event.kind == "published" else "up to date"
            reports = tuple(sorted(folder.glob("report.*.html")))
            done[event.period] = Outcome(job.client, event.period, state, now - since, reports)
            since, event = now, replace(event, words=str(folder))
        echo(event)

    periods: list[Period] = []
    error: WorkbookError
    try:
        periods = _chosen_periods(home, job, listen)
        results = execute.run_periods(
            home,
            job.client,
            periods,
            stages=list(job.stages) if job.stages else None,
            overrides=job.overrides,
            engine=job.engine,
            force=job.force,
            timeout=job.timeout,
            memory=job.memory,
            lanes=job.lanes,
            echo=listen,
        )
    except WorkbookError as fault:
        error = fault
    except OSError as fault:
        if fault.errno == errno.EPIPE:
            raise
        error = refused(fault)
    except Exception as fault:
        words = traceback.format_exc()
        error = StageFailed(f"{job.client}: {type(fault).__name__}: {fault}; a fault of the program, not of the input\n{words}")
    else:
        outcomes = [
            replace(
                done.get(r.period.name, Outcome(job.client, r.period.name, "published")), reports=r.reports, seconds=r.seconds
            )
            for r in results
        ]
        return ClientResult(job.client, tuple(outcomes))
    left = [period.name for period in periods if period.name not in done] or [""]
    failed = Outcome(job.client, left[0], "failed", time.monotonic() - since, error=str(error))
    echo(Event("failed", job.client, left[0], words=str(error)))
    rest = [Outcome(job.client, name, "not run") for name in left[1:]]
    return ClientResult(job.client, (*done.values(), failed, *rest), error)


def _chosen_periods(home: Path, job: ClientJob, echo: Echo) -> list[Period]:
    if job.periods is not None:
        return known_periods(home, job.client, list(job.periods))
    known = known_periods(home, job.client, None)
    last = known[-1]
    delivered = any((home / "data" / place / last.name).is_dir() for place in (job.client, f"synthetic/{job.client}"))
    if delivered or is_fresh(home, job.client, last, job.overrides):
        return known
    from workbook.checking import waiting_periods

    waiting = waiting_periods(home, job.client, known)
    for period in waiting:
        echo(Event("waiting", job.client, period.name, words="no delivery yet, left out"))
    return [period for period in known if period not in waiting]


def _beside(home: Path, jobs: Sequence[ClientJob], workers: int, echo: Echo) -> list[ClientResult]:
    """Jobs in processes forked from this one, which has imported before what all of them need."""
    if any((job.engine or "fork") == "fork" and not _is_fresh(home, job) for job in jobs):
        from workbook.run.preload import preload

        preload()
    results = _in_pool(home, dict(enumerate(jobs)), workers, echo)
    for number, job in enumerate(jobs):
        if number not in results:  # a process was killed, which takes the whole pool with it
            results |= _in_pool(home, {number: job}, 1, echo)
        if number not in results:
            results[number] = _lost(job, "its process was killed twice, most often because memory ran out", echo)
    return [results[number] for number in range(len(jobs))]


def _is_fresh(home: Path, job: ClientJob) -> bool:
    """Whether a job is known to find nothing to do."""
    if job.force or job.stages:
        return False
    try:
        periods = known_periods(home, job.client, list(job.periods) if job.periods is not None else None)
    except WorkbookError:
        return True
    return all(is_fresh(home, job.client, period, job.overrides) for period in periods)


def _in_pool(home: Path, jobs: Mapping[int, ClientJob], workers: int, echo: Echo) -> dict[int, ClientResult]:
    """Number → result of the jobs whose process lived to the end."""
    others = set(multiprocessing.active_children())
    receiving, sending = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("fork"), initializer=_begin_worker, initargs=(sending, os.getpid())
    )
    results: dict[int, ClientResult] = {}
    with receiving, sending:
        try:
            futures = {number: pool.submit(_work, home, job) for number, job in jobs.items()}
            for number, future in futures.items():
                future.add_done_callback(lambda _, number=number: sending.send(json.dumps(number).encode()))  # type: ignore[misc]
            left = len(futures)
            while left:
                message = json.loads(receiving.recv(_MESSAGE))
                if isinstance(message, dict):
                    echo(Event(**message))
                    continue
                left -= 1
                try:
                    results[message] = futures[message].result()
                except BrokenProcessPool:
                    continue
        except BaseException:
            for worker in set(multiprocessing.active_children()) - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return results


_channel: socket.socket | None = None
_stopped = False


def _begin_worker(channel: socket.socket, parent: int) -> None:
    """A worker ends with its parent; it tidies up when told to stop; Ctrl-C is for the parent to hear."""
    from workbook.run.child import end_with

    global _channel
    _channel = channel
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop_worker)
    end_with(parent)


def _stop_worker(*_: object) -> None:
    global _stopped
    _stopped = True
    raise KeyboardInterrupt


def _work(home: Path, job: ClientJob) -> ClientResult:
    if _stopped:
        raise KeyboardInterrupt
    return run_client(home, job, _tell)


def _tell(event: Event) -> None:
    """Send an event to the parent; a message of that many words stands whole in the result."""
    if _channel is not None:
        _channel.send(json.dumps(asdict(replace(event, words=event.words[:_WORDS]))).encode())


def _elsewhere(home: Path, jobs: Sequence[ClientJob], executor: Executor, echo: Echo) -> list[ClientResult]:
    futures = {executor.submit(work_in_own_process, home, job): number for number, job in enumerate(jobs)}
    results: dict[int, ClientResult] = {}
    try:
        for future in concurrent.futures.as_completed(futures):
            number = futures[future]
            try:
                results[number], events = future.result()
            except Exception as fault:
                results[number] = _lost(jobs[number], f"{type(fault).__name__}: {fault}", echo)
            else:
                for event in events:
                    echo(event)
    finally:
        for future in futures:
            future.cancel()
    return [results[number] for number in range(len(jobs))]


def work_in_own_process(home: Path, job: ClientJob) -> tuple[ClientResult, list[Event]]:
    """One client in a fresh process: an executor's own may have threads, which must not be forked.

    Returns:
        The result and the events that led to it.

    Raises:
        RuntimeError: where the process was killed.
    """
    done = subprocess.run(
        [sys.executable, "-c", "from workbook.run.batch import serve; serve()"],
        input=pickle.dumps((home, job)),
        stdout=subprocess.PIPE,
        env={**os.environ, **STEADY},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the process of {job.client} ended with exit code {done.returncode}")
    answer: tuple[ClientResult, list[Event]] = pickle.loads(done.stdout)
    return answer


def serve() -> None:
    """What :func:`work_in_own_process` starts: a job comes by standard input, its result goes by standard output."""
    answering = os.dup(1)
    os.dup2(2, 1)  # nothing that is printed may get between
    home, job = pickle.load(sys.stdin.buffer)
    events: list[Event] = []
    result = run_client(home, job, events.append)
    with open(answering, "wb") as answer:  # noqa: PTH123  a descriptor, not a path
        pickle.dump((result, events), answer)


def _lost(job: ClientJob, words: str, echo: Echo) -> ClientResult:
    """The result of a job whose process gave none."""
    names = [period.name for period in job.periods or ()] or [""]
    error = StageFailed(f"{job.client}: {words}; earlier results stand as they were, run it again")
    echo(Event("failed", job.client, names[0], words=str(error)))
    rest = [Outcome(job.client, name, "not run") for name in names[1:]]
    return ClientResult(job.client, (Outcome(job.client, names[0], "failed", error=str(error)), *rest), error)
