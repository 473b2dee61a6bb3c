"""Clients beside each other: a failure touches no other, results do not depend on their number, a stop leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
import pytest

from workbook.errors import StageFailed, WorkbookError
from workbook.period import Period
from workbook.run import batch, execute
from workbook.run.batch import BatchResult, ClientJob, run_client, run_clients
from workbook.run.events import Event
from workbook.run.progress import shown
from workbook.run.steady import STEADY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forking is for Linux")

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")


def clients(tiny: Any, *names: str) -> list[ClientJob]:
    """Copies of the tiny engagement under other names."""
    for name in names:
        for place in ("params", "data"):
            shutil.copytree(tiny.home / place / "tiny", tiny.home / place / name)
    return [ClientJob(name, (Q3, Q4)) for name in names]


def cell(tiny: Any, stage: str, words: str) -> None:
    """Add a cell to a notebook of the tiny engagement."""
    path = tiny.notebooks / f"{stage}.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(3, nbformat.v4.new_code_cell(words, id="added"))
    nbformat.write(notebook, path)


def states(result: BatchResult) -> list[tuple[str, str, str]]:
    return [(o.client, o.period, o.state) for o in result.outcomes]


def test_clients_beside_each_other_leave_the_bytes_that_they_leave_one_by_one(
    tiny: Any, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    jobs = clients(tiny, "ada", "bob", "cyd")
    left = []
    for workers in (1, 2):
        events: list[Event] = []
        result = run_clients(tiny.home, jobs, workers=workers, echo=events.append)
        assert result.exit_code == 0
        assert states(result) == [(c, p, "published") for c in ("ada", "bob", "cyd") for p in ("2025Q3", "2025Q4")]
        assert [str(r.relative_to(tiny.home)) for r in result.reports][:2] == [
            "outputs/ada/2025Q3/report.en.html", "outputs/ada/2025Q4/report.en.html",
        ]  # fmt: skip
        for client in ("ada", "bob", "cyd"):
            done = [e.period for e in events if e.client == client and e.kind == "published"]
            assert done == ["2025Q3", "2025Q4"]
        left.append({c: contents(tiny.home / "outputs" / c) for c in ("ada", "bob", "cyd")})
        left[-1] = {c: {n: b for n, b in files.items() if n.startswith("2025Q")} for c, files in left[-1].items()}
        shutil.rmtree(tiny.home / "outputs")
    assert left[0] == left[1]
    assert len(left[0]["ada"]) == 12


def test_one_failure_touches_no_other_client_and_ends_in_the_table(tiny: Any) -> None:
    jobs = [*clients(tiny, "ada", "bob"), ClientJob("nobody")]
    cell(tiny, "2_double", "assert client != 'ada' or period == '2025Q3', 'it is Ada'")
    result = run_clients(tiny.home, jobs, workers=2, echo=tiny.events.append)
    assert states(result) == [
        ("ada", "2025Q3", "published"), ("ada", "2025Q4", "failed"),
        ("bob", "2025Q3", "published"), ("bob", "2025Q4", "published"), ("nobody", "", "failed"),
    ]  # fmt: skip
    assert result.exit_code == 3
    lines = result.table().splitlines()
    kept = tiny.home / "outputs" / "ada" / ".failed" / "2025Q4" / "2_double.ipynb"
    assert lines[2].endswith(f"2_double: AssertionError: it is Ada; open {kept}")
    assert lines[3].endswith("outputs/bob/2025Q3/report.en.html")
    assert "client: found 'nobody', expected one of ada, bob, tiny" in lines[5]
    assert sorted(e.client for e in tiny.events if e.kind == "failed") == ["ada", "nobody"]


def test_an_input_at_fault_is_exit_code_1_and_periods_after_it_are_not_run(tiny: Any) -> None:
    (job,) = clients(tiny, "ada")
    cell(tiny, "1_count", "from workbook.errors import DeliveryError\nraise DeliveryError(['a.csv: row 3', 'a.csv: row 9'])")
    result = run_clients(tiny.home, [job], echo=tiny.events.append)
    assert states(result) == [("ada", "2025Q3", "failed"), ("ada", "2025Q4", "not run")]
    assert result.exit_code == 1
    assert str(result.errors[0]).startswith("a.csv: row 3\na.csv: row 9\n")


def test_a_fault_of_the_program_is_told_with_its_place_and_the_others_go_on(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(home: Path, client: str, *_: Any, **__: Any) -> list[execute.RunResult]:
        if client == "ada":
            raise ZeroDivisionError("in the program")
        return []

    monkeypatch.setattr(execute, "run_periods", broken)
    result = run_clients(tiny.home, clients(tiny, "ada", "bob"), echo=tiny.events.append)
    assert result.exit_code == 3
    assert "ada: ZeroDivisionError: in the program" in str(result.errors[0]) and "in broken" in str(result.errors[0])


def test_nothing_stale_is_said_and_imports_no_notebook_machinery(tiny: Any) -> None:
    jobs = clients(tiny, "ada", "bob")
    run_clients(tiny.home, jobs, workers=2, echo=tiny.events.append)
    events: list[Event] = []
    result = run_clients(tiny.home, jobs, workers=2, echo=events.append)
    assert {state for _, _, state in states(result)} == {"up to date"}
    assert {event.kind for event in events} == {"up_to_date"}
    assert len(result.reports) == 4


def test_a_worker_that_is_killed_costs_only_its_client(tiny: Any) -> None:
    jobs = clients(tiny, "ada", "bob")
    cell(
        tiny,
        "1_count",  # the first time bob is at work, in the middle, when ada's worker dies
        f"""import os, signal, time
begun = Path({str(tiny.home / "begun")!r})
if client == "ada":
    while not begun.exists(): time.sleep(0.01)
    os.kill(os.getppid(), signal.SIGKILL)
if client == "ada" or not begun.exists():
    begun.touch()
    time.sleep(1000)""",
    )
    result = run_clients(tiny.home, jobs, workers=2, echo=tiny.events.append)
    assert [(c, s) for c, _, s in states(result)] == [
        ("ada", "failed"), ("ada", "not run"), ("bob", "published"), ("bob", "published"),
    ]  # fmt: skip
    assert "its process was killed twice" in str(result.errors[0])


def test_an_executor_of_another_kind_takes_the_jobs(home_of_two: Path) -> None:
    """Threads here: each job must get a process of its own, with real stages, which fail for want of orders."""
    events: list[Event] = []
    with ThreadPoolExecutor(2) as threads:
        jobs = [ClientJob("ada"), ClientJob("bob"), ClientJob("nobody")]
        result = run_clients(home_of_two, jobs, executor=threads, echo=events.append)
    assert_both_told(result, events)


def test_a_dask_scheduler_with_two_workers_takes_the_jobs(home_of_two: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    events: list[Event] = []
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        jobs = [ClientJob("ada"), ClientJob("bob"), ClientJob("nobody")]
        result = run_clients(home_of_two, jobs, executor=client.get_executor(pure=False), echo=events.append)
        assert_both_told(result, events)
        command = [sys.executable, "-m", "workbook", "--home", home_of_two, "run", "ada,bob", "--json"]
        done = subprocess.run([*command, "--scheduler", cluster.scheduler_address], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert {json.loads(line)["client"] for line in done.stdout.splitlines()} == {"ada", "bob"}


@pytest.fixture
def home_of_two(tmp_path: Path) -> Path:
    """Two clients whose deliveries lack their only file."""
    for name in ("ada", "bob"):
        folder = tmp_path / "params" / name
        folder.mkdir(parents=True)
        (folder / "engagement.yaml").write_text(
            "client: {name: A}\nlanguages: [en]\nsources: [{table: orders, file: o.csv, columns: {order_id: id}}]\n", "utf-8"
        )
        (folder / "2025Q4.yaml").write_text("{}\n", "utf-8")
        (tmp_path / "data" / name / "2025Q4").mkdir(parents=True)
    return tmp_path


def assert_both_told(result: BatchResult, events: list[Event]) -> None:
    assert [(c, s) for c, _, s in states(result)] == [("ada", "failed"), ("bob", "failed"), ("nobody", "failed")]
    assert result.exit_code == 1
    assert [type(error) for error in result.errors[2:]] == [WorkbookError]
    assert all("o.csv" in str(error) for error in result.errors[:2])
    assert sorted(event.client for event in events if event.kind == "failed") == ["ada", "bob", "nobody"]


STOPPED = """\
import sys
sys.path.insert(0, {tests!r})
import conftest
from pathlib import Path
from workbook import stages
from workbook.run import keys, preload, stamp, work
stages.STAGES = conftest.TINY_STAGES
for module in (keys, stamp, work):
    module.notebooks_folder = lambda: Path({notebooks!r})
work.prepare, work.build_report = conftest._nothing_delivered, conftest._one_line
preload.PRELOADED = ("ipykernel.ipkernel", "papermill")  # the rest is not needed here and takes seconds
sys.argv = ["workbook", "--home", {home!r}, "run", "ada,bob", *sys.argv[1:]]
from workbook.__main__ import main
main()
"""


def living(home: Path) -> list[str]:
    """Processes that have to do with a home."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            if str(home).encode() in words and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(folder.name)
        except OSError:
            continue
    return [pid for pid in found if int(pid) != os.getpid()]


@pytest.mark.parametrize(
    ("how", "code", "workers"),
    [(signal.SIGINT, 130, "2"), (signal.SIGINT, 130, "4"), (signal.SIGTERM, 143, "1"), (signal.SIGKILL, -9, "4")],
    ids=["Ctrl-C", "Ctrl-C, periods beside each other", "TERM", "KILL"],
)
def test_a_stop_ends_everything_and_the_next_run_completes(
    tiny: Any, light_preload: None, how: signal.Signals, code: int, workers: str
) -> None:
    jobs = clients(tiny, "ada", "bob")
    cell(tiny, "2_double", f"import subprocess, time\nif not Path({str(tiny.home / 'go')!r}).exists():\n    time.sleep(1000)")
    script = tiny.home / "run.py"
    script.write_text(
        STOPPED.format(tests=str(Path(__file__).parent), notebooks=str(tiny.notebooks), home=str(tiny.home)), "utf-8"
    )
    command = [sys.executable, script, "--jobs", workers, "--json"]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env={**os.environ, **STEADY}
    )
    assert run.stdout and run.stderr
    for line in run.stdout:
        if json.loads(line).get("stage") == "1_count":
            break
    time.sleep(0.5)
    os.killpg(run.pid, how) if how == signal.SIGINT else run.send_signal(how)
    assert run.wait(20) == code
    if how == signal.SIGINT:
        assert run.stderr.read().endswith("stopped; what was published before stands as it was\n")
    end = time.monotonic() + 5
    while living(tiny.home) and time.monotonic() < end:
        time.sleep(0.05)
    assert living(tiny.home) == []
    for client in ("ada", "bob"):
        assert not (tiny.home / "outputs" / client / "2025Q3").exists()
        if how != signal.SIGKILL and (work := tiny.home / "outputs" / client / ".work").exists():
            assert list(work.iterdir()) == []
    (tiny.home / "go").touch()
    assert run_clients(tiny.home, jobs, workers=int(workers), echo=tiny.events.append).exit_code == 0
    assert (tiny.home / "outputs" / "bob" / "2025Q4" / "report.en.html").is_file()


def test_a_run_on_a_terminal_shows_the_time_left_and_each_period_that_is_done(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with shown(2) as echo:
        echo(Event("prepared", "ada", "2025Q3"))
        echo(Event("stage", "ada", "2025Q3", "1_goals"))
        echo(Event("published", "ada", "2025Q3", words="/there"))
        echo(Event("failed", "ada", "2025Q4", words="told"))
    told = capsys.readouterr().err
    assert "ada 2025Q3  published      /there" in told
    assert "left" in told and "50%" in told and "100%" in told


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(1, failures=False) as echo:
        echo(Event("stage", "ada", "2025Q3", "1_goals", 1.25))
        echo(Event("failed", "ada", "2025Q3", words="told elsewhere"))
    assert capsys.readouterr() == ("", "ada 2025Q3  1_goals          1.2 s\n")


def test_a_result_carries_its_errors_from_process_to_process(tiny: Any) -> None:
    lost = batch._lost(ClientJob("ada", (Q3, Q4)), "gone", tiny.events.append)
    assert isinstance(lost.error, StageFailed)
    assert [o.state for o in lost.outcomes] == ["failed", "not run"]
    assert run_client(tiny.home, ClientJob("nobody"), tiny.events.append).outcomes[0].period == ""
