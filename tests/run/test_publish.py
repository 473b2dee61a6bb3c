"""Folders become visible whole, workplaces do not stay behind, and two runs of one client exclude each other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbook.errors import WorkbookError
from workbook.run import publish as publishing
from workbook.run.publish import client_lock, exchange, publish, workplace


def results(client: Path, words: str) -> Path:
    folder = client / ".work" / f"2025Q4-{words}" / "results"
    folder.mkdir(parents=True)
    (folder / "report.en.html").write_text(words, "utf-8")
    (folder / f"{words}.txt").write_text(words, "utf-8")
    return folder


def visible_words(client: Path) -> set[str]:
    """What the visible folder holds: its words, said by every file alike."""
    return {path.read_text("utf-8") for path in (client / "2025Q4").iterdir()}


@pytest.mark.parametrize("exchanging", [True, False])
def test_new_results_replace_old_ones_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanging: bool) -> None:
    if not exchanging:
        monkeypatch.setattr(publishing, "exchange", lambda one, other: False)
    for words in ("first", "second"):
        publish(results(tmp_path, words), tmp_path / "2025Q4")
        assert visible_words(tmp_path) == {words}
        assert len(list((tmp_path / "2025Q4").iterdir())) == 2


def test_folders_change_places_in_one_call_on_linux_and_macos(tmp_path: Path) -> None:
    one, other = results(tmp_path, "one"), results(tmp_path, "other")
    if not exchange(one, other):
        pytest.skip("this file system cannot exchange folders")
    assert (one / "other.txt").is_file() and (other / "one.txt").is_file()


def killed(work: Callable[[], None]) -> None:
    """Do *work* in a process that is killed by what *work* itself does."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_a_workplace_is_removed_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), workplace(tmp_path, "2025Q4") as place:
        (place.results / "half").write_text("half", "utf-8")
        raise KeyboardInterrupt
    assert not list((tmp_path / ".work").iterdir())


def test_the_lock_of_a_killed_run_is_free_again(tmp_path: Path) -> None:
    def work() -> None:
        with client_lock(tmp_path):
            os.kill(os.getpid(), signal.SIGKILL)

    killed(work)
    with client_lock(tmp_path):
        pass


def test_the_second_run_is_told_which_process_holds_the_lock(tmp_path: Path) -> None:
    with client_lock(tmp_path), pytest.raises(WorkbookError, match=rf"process {os.getpid()}.*wait"), client_lock(tmp_path):
        pass


def test_the_lock_waits_for_what_a_killed_run_had_started(tmp_path: Path) -> None:
    def work() -> None:
        with client_lock(tmp_path):
            if os.fork() == 0:
                time.sleep(0.5)  # a notebook that lives a little longer than its run, the lock in its hands
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)

    killed(work)
    with client_lock(tmp_path):
        pass
