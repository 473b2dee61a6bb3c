"""A run publishes whole results or none, says what failed, and leaves the same bytes for the same inputs."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbook.errors import SettingsError, StageFailed, UsageError, WorkbookError
from workbook.period import Period
from workbook.run import execute, work
from workbook.run.events import Event
from workbook.run.publish import client_lock
from workbook.store import Store

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
Contents = Callable[[Path], dict[str, bytes]]


def test_a_run_publishes_notebooks_tables_lists_report_and_manifest(tiny: Any, contents: Contents) -> None:
    (result,) = tiny.run()
    assert result.folder == tiny.outputs / "2025Q4"
    assert result.reports == (result.folder / "report.en.html",)
    assert result.stages == ("1_count", "2_double")
    assert set(contents(result.folder)) == {
        "lists/names.csv",
        "notebooks/1_count.ipynb",
        "notebooks/2_double.ipynb",
        "report.en.html",
        "tables/counted.json",
        "tables/doubled.json",
    }
    assert Store(result.folder / "tables").read("doubled") == {"client": "tiny", "n": 42}
    assert not list((tiny.outputs / ".work").glob("*"))
    told = [(event.kind, event.stage) for event in tiny.events]
    assert told == [
        ("begun", ""), ("prepared", ""), ("stage", "1_count"), ("stage", "2_double"), ("report", ""), ("published", ""),
    ]  # fmt: skip


def test_two_runs_in_two_homes_leave_the_same_bytes(tiny: Any, contents: Contents, tmp_path: Path) -> None:
    (first,) = tiny.run()
    before = contents(first.folder)
    tiny.home = tiny.home.rename(tmp_path / "another home")
    (second,) = tiny.run()
    assert contents(second.folder) == before


def test_the_executed_notebook_names_no_folder_of_the_machine(tiny: Any) -> None:
    (result,) = tiny.run()
    words = (result.folder / "notebooks" / "1_count.ipynb").read_text("utf-8")
    assert str(tiny.home) not in words
    assert "outputs/tiny/2025Q4 . True" in words
    assert "at 0x" in (result.folder / "notebooks" / "2_double.ipynb").read_text("utf-8")


def test_overrides_reach_the_notebooks_through_settings_and_parameters(tiny: Any) -> None:
    (result,) = tiny.run(overrides={"seed": 7})
    manifest = json.loads((result.folder / "manifest.json").read_text("utf-8"))
    assert manifest["seed"] == 7
    assert manifest["overrides"] == {"seed": 7}
    cells = json.loads((result.folder / "notebooks" / "1_count.ipynb").read_text("utf-8"))["cells"]
    assert 'overrides = {"seed": 7}\n' in cells[2]["source"]


def test_periods_run_in_time_order_whatever_order_they_are_given_in(tiny: Any) -> None:
    assert [r.period for r in tiny.run(Q4, Q3)] == [Q3, Q4]


def test_kernels_are_this_interpreter_with_one_thread_and_no_history(tiny: Any) -> None:
    tiny.use("surroundings")
    (result,) = tiny.run()
    assert Store(result.folder / "tables").read("doubled") == {
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "python": sys.executable,
        "history": False,
    }


def test_a_failing_cell_is_told_with_notebook_cell_error_and_file_and_nothing_is_published(
    tiny: Any, contents: Contents
) -> None:
    (earlier,) = tiny.run()
    before = contents(earlier.folder)
    tiny.use("failing")
    with pytest.raises(StageFailed) as failed:
        tiny.run()
    kept = tiny.outputs / ".failed" / "2025Q4" / "2_double.ipynb"
    assert str(failed.value).splitlines() == [
        "tiny 2025Q4: 2_double failed; nothing was published, earlier results stand as they were",
        "  notebook  2_double.ipynb",
        '  cell      In [4]: doubled = json.loads((tables / "counted.json").read_text())["missing"] * 2',
        "  error     KeyError: 'missing'",
        f"  open      {kept}",
    ]
    assert failed.value.exit_code == 3
    assert "KeyError" in kept.read_text("utf-8")
    assert contents(earlier.folder) == before
    tiny.use("tiny")
    tiny.run()
    assert not kept.exists()


def test_a_stage_that_does_not_save_what_it_declares_fails_the_run(tiny: Any) -> None:
    tiny.use("forgetful")
    with pytest.raises(StageFailed, match=r"2_double did not save doubled, which stages\.py lists"):
        tiny.run()
    assert not (tiny.outputs / "2025Q4").exists()


def test_a_fault_of_the_input_found_in_a_notebook_keeps_its_words_and_exit_code_1(tiny: Any) -> None:
    tiny.use("wrong_input")
    with pytest.raises(WorkbookError, match=r"row 3: found 'x', expected an amount\norders\.csv: row 9") as failed:
        tiny.run()
    assert failed.value.exit_code == 1
    assert "2_double.ipynb of tiny 2025Q4" in str(failed.value)


def test_a_kernel_that_dies_fails_the_stage_with_a_message(tiny: Any) -> None:
    tiny.use("dying")
    with pytest.raises(StageFailed, match="NotebookDied: its process was ended by SIGKILL, most often because the machine"):
        tiny.run()
    assert not list((tiny.outputs / ".work").glob("*"))


def test_a_full_disk_met_by_a_notebook_is_said_and_nothing_is_half_written(tiny: Any, contents: Contents) -> None:
    (earlier,) = tiny.run()
    before = contents(earlier.folder)
    tiny.use("full_disk")
    with pytest.raises(WorkbookError, match="the disk is full") as failed:
        tiny.run()
    assert failed.value.exit_code == 1
    assert contents(earlier.folder) == before
    assert not list((tiny.outputs / ".work").glob("*"))


def test_a_full_disk_met_while_writing_the_report_is_said_and_nothing_is_half_written(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")

    def write_much(folder: Path, *_: object) -> list[Path]:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            (folder / "report.en.html").write_bytes(b"x" * 100_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        return []

    monkeypatch.setattr(work, "build_report", write_much)
    with pytest.raises(WorkbookError, match=r"the disk is full .*free some space"):
        tiny.run()
    assert not (tiny.outputs / "2025Q4").exists()
    assert not list((tiny.outputs / ".work").glob("*"))


def test_one_stage_alone_uses_the_published_results_of_the_others(tiny: Any) -> None:
    (whole,) = tiny.run()
    before = json.loads((whole.folder / "manifest.json").read_text("utf-8"))["stages"]
    (alone,) = tiny.run(stages=["2_double"])
    after = json.loads((alone.folder / "manifest.json").read_text("utf-8"))["stages"]
    assert alone.stages == ("2_double",)
    assert after["1_count"] == before["1_count"]
    assert after["2_double"]["started"] > before["2_double"]["ended"]
    assert (alone.folder / "lists" / "names.csv").is_file()


def test_one_stage_alone_does_not_pass_off_its_old_artefact_as_new(tiny: Any) -> None:
    tiny.run()
    tiny.use("forgetful")
    with pytest.raises(StageFailed, match="did not save doubled"):
        tiny.run(stages=["2"])


def test_one_stage_alone_without_published_results_of_others_is_refused_with_the_command_to_run(tiny: Any) -> None:
    with pytest.raises(WorkbookError, match=r"no published results of 2_double.*workbook run tiny 2025Q4"):
        tiny.run(stages=["1_count"])


def test_what_a_stage_alone_needs_is_executed_where_it_is_stale(tiny: Any) -> None:
    (result,) = tiny.run(stages=["2_double"])
    assert result.stages == ("1_count", "2_double")
    (result,) = tiny.run(stages=["2_double"])
    assert result.stages == ("2_double",)


def test_faults_of_the_settings_come_before_any_kernel_and_leave_no_folder(tiny: Any) -> None:
    for period in (Q3, Q4):
        (tiny.home / "params" / "tiny" / f"{period.name}.yaml").write_text("sed: 1\n", "utf-8")
    with pytest.raises(SettingsError) as failed:
        tiny.run(Q3, Q4)
    assert len(failed.value.problems) == 2
    assert not tiny.outputs.exists()


def test_a_stop_in_the_middle_of_tidying_up_leaves_nothing_either(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    remove, stops = shutil.rmtree, iter((True,))

    def stopped(folder: Any, *words: Any, **options: Any) -> None:
        if Path(folder).parent.name == ".work" and next(stops, False):
            raise KeyboardInterrupt
        remove(folder, *words, **options)

    monkeypatch.setattr(shutil, "rmtree", stopped)
    with pytest.raises(KeyboardInterrupt):
        tiny.run(engine="papermill")
    assert next(stops, None) is None
    assert not list((tiny.outputs / ".work").glob("*"))


def test_a_second_run_of_the_client_is_told_to_wait(tiny: Any) -> None:
    with client_lock(tiny.outputs), pytest.raises(WorkbookError, match="another run of this client is at work"):
        tiny.run()


@pytest.mark.parametrize("step", ["1_count", "2_double", "report"])
def test_the_run_after_a_killed_one_completes_to_the_same_bytes(tiny: Any, contents: Contents, step: str) -> None:
    def killed_after(event: Event) -> None:
        if step in (event.stage, event.kind):
            os.kill(os.getpid(), signal.SIGKILL)

    def run() -> None:
        execute.run_periods(tiny.home, "tiny", [Q4], overrides={"seed": 8}, echo=killed_after)

    (earlier,) = tiny.run()
    before = contents(earlier.folder)
    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert contents(earlier.folder) == before
    (again,) = tiny.run()
    assert contents(again.folder) == before
    assert not list((tiny.outputs / ".work").glob("*"))


@pytest.mark.parametrize("options", [{"engine": "quantum"}, {"stages": ["9_never"]}])
def test_an_unknown_engine_or_stage_is_wrong_usage(tiny: Any, options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"found '(quantum|9_never)', expected"):
        tiny.run(**options)
