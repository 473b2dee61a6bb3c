"""The visible folder follows its pointer, whatever moment a run is killed at and whatever people do to the folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbook.run import publish as publishing
from workbook.run.kept import find_kept
from workbook.run.publish import exchange
from workbook.run.published import follow, is_visible, kept_by, pointer_file, read_pointer, recover

Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def two(tiny: Any, contents: Contents) -> tuple[Any, list[dict[str, bytes]], list[bytes]]:
    """Two runs published one after the other: their visible files and their pointers."""
    files, pointers = [], []
    for seed in (1, 2):
        (result,) = tiny.run(overrides={"seed": seed})
        files.append(contents(result.folder))
        pointers.append(pointer_file(tiny.outputs, "2025Q4").read_bytes())
    assert files[0] != files[1]
    return tiny, files, pointers


def killed(work: Callable[[], None]) -> None:
    """Do *work* in a process that is killed by what *work* itself does."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_the_manifest_is_the_pointer_and_names_what_is_kept(two: Any) -> None:
    tiny, _, pointers = two
    assert (tiny.outputs / "2025Q4" / "manifest.json").read_bytes() == pointers[1]
    kept = kept_by(tiny.outputs, json.loads(pointers[1]))
    assert list(kept) == ["1_count", "2_double", "report"]
    assert set(kept["1_count"].files) == {"notebooks/1_count.ipynb", "tables/counted.json", "lists/names.csv"}
    assert set(kept["report"].files) == {"report.en.html"}


def test_a_pointer_put_back_brings_the_earlier_results_back(two: Any, contents: Contents) -> None:
    tiny, files, pointers = two
    pointer_file(tiny.outputs, "2025Q4").write_bytes(pointers[0])
    assert not is_visible(tiny.outputs, "2025Q4")
    assert follow(tiny.outputs, "2025Q4")
    assert contents(tiny.outputs / "2025Q4") == files[0]


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "report.en.html").write_text("edited by hand"),
        lambda folder: (folder / "tables" / "counted.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{}"),
        shutil.rmtree,
    ],
)
def test_a_visible_folder_that_was_harmed_is_repaired_by_the_next_run(
    two: Any, contents: Contents, harm: Callable[[Path], object]
) -> None:
    tiny, files, _ = two
    harm(tiny.outputs / "2025Q4")
    tiny.events.clear()
    (result,) = tiny.run(overrides={"seed": 2})
    assert contents(tiny.outputs / "2025Q4") == files[1]
    assert (result.stages, [event.kind for event in tiny.events]) == ((), ["up_to_date"])


def test_a_file_that_a_person_put_there_is_left_until_new_results_come(two: Any) -> None:
    tiny, _, _ = two
    note = tiny.outputs / "2025Q4" / "note.txt"
    note.write_text("mine")
    tiny.run(overrides={"seed": 2})
    assert note.is_file()
    tiny.run(overrides={"seed": 3})
    assert not note.exists()


def test_kept_results_that_are_not_whole_do_not_count(two: Any, contents: Contents) -> None:
    tiny, files, pointers = two
    kept = kept_by(tiny.outputs, json.loads(pointers[1]))["1_count"]
    (kept.folder / "tables" / "counted.json").write_text("")  # as a disk that went away leaves it
    assert find_kept(tiny.outputs, "1_count", kept.key) is None
    (result,) = tiny.run(overrides={"seed": 2})
    assert result.stages == ("1_count",)
    assert contents(tiny.outputs / "2025Q4") == files[1]


def test_a_pointer_that_cannot_be_read_is_written_anew(two: Any, contents: Contents) -> None:
    tiny, files, _ = two
    pointer_file(tiny.outputs, "2025Q4").write_text("{")
    assert read_pointer(tiny.outputs, "2025Q4") == {}
    (result,) = tiny.run(overrides={"seed": 2})
    assert (result.stages, contents(result.folder)) == ((), files[1])


@pytest.mark.parametrize("moment", range(7))
@pytest.mark.parametrize("exchanging", [True, False])
def test_a_kill_at_any_step_of_publishing_is_completed(two: Any, contents: Contents, exchanging: bool, moment: int) -> None:
    tiny, files, pointers = two
    pointer_file(tiny.outputs, "2025Q4").write_bytes(pointers[0])

    def work() -> None:
        steps = iter(range(moment))

        def then_killed(step: Callable[..., object]) -> Callable[..., object]:
            def stepped(*words: object, **options: object) -> object:
                if next(steps, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)
                return step(*words, **options)

            return stepped

        Path.rename = then_killed(Path.rename)  # type: ignore[method-assign, assignment]
        os.unlink = then_killed(os.unlink)  # type: ignore[assignment]
        shutil.copy2 = then_killed(shutil.copy2)  # type: ignore[assignment]
        publishing.exchange = then_killed(exchange if exchanging else lambda one, other: False)  # type: ignore[assignment]
        follow(tiny.outputs, "2025Q4")
        os.kill(os.getpid(), signal.SIGKILL)

    killed(work)
    recover(tiny.outputs)
    assert contents(tiny.outputs / "2025Q4") == files[0]
    assert not list((tiny.outputs / ".work").glob("*"))
