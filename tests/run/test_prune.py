"""Pruning removes what nothing points to, and never what is published."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.run.conftest import Q3, Q4

from workbook.errors import WorkbookError
from workbook.run.prune import prune
from workbook.run.publish import client_lock


@pytest.fixture
def runs(tiny: Any) -> Any:
    """Two published periods, the later one run three times with other results each."""
    tiny.run(Q3)
    for seed in (1, 2, 3):
        tiny.run(Q4, overrides={"seed": seed})
    return tiny


def stored(tiny: Any) -> set[str]:
    return {path.name for path in (tiny.outputs / ".store").iterdir()}


def test_a_run_removes_nothing(runs: Any) -> None:
    assert len(stored(runs)) == 4 * 3  # two stages and the pages, of four runs


def test_what_is_published_stays_and_is_still_up_to_date(runs: Any, contents: Callable[[Path], dict[str, bytes]]) -> None:
    before = contents(runs.outputs)
    pruned = prune(runs.home, "tiny")
    assert pruned.bytes > 0
    assert {name: content for name, content in before.items() if "/" in name and not name.startswith(".")} == {
        name: content for name, content in contents(runs.outputs).items() if "/" in name and not name.startswith(".")
    }
    assert len(stored(runs)) == 6
    results = runs.run(Q3) + runs.run(Q4, overrides={"seed": 3})
    assert [result.stages for result in results] == [(), ()]


def test_earlier_runs_are_kept_where_that_is_asked(runs: Any) -> None:
    prune(runs.home, "tiny", keep=1)
    (result,) = runs.run(Q4, overrides={"seed": 2})
    assert result.stages == ()
    (result,) = runs.run(Q4, overrides={"seed": 1})
    assert result.stages == ("1_count", "2_double")


def test_a_dry_run_only_tells(runs: Any) -> None:
    before = stored(runs)
    told = prune(runs.home, dry=True)
    assert stored(runs) == before
    assert prune(runs.home).places == told.places
    assert prune(runs.home).places == ()


def test_what_ended_runs_left_is_removed_and_what_is_being_prepared_is_not(runs: Any) -> None:
    prepared = runs.outputs / ".prepared"
    names = {"2025Q4-new": 0, "2025Q4-old": 50, "2019Q1-gone": 0, ".young.tmp": 50, ".old.tmp": 5000}
    for name, age in names.items():
        (prepared / name).mkdir(parents=True)
        moment = (prepared / name).stat().st_mtime - age
        os.utime(prepared / name, (moment, moment))
    (runs.outputs / ".failed" / "2025Q4").mkdir(parents=True)
    prune(runs.home, "tiny")
    assert {path.name for path in prepared.iterdir()} == {"2025Q4-new", ".young.tmp"}
    assert not list((runs.outputs / ".failed").iterdir())


def test_a_client_at_work_or_unknown_is_refused(runs: Any) -> None:
    with pytest.raises(WorkbookError, match="found 'nobody'"):
        prune(runs.home, "nobody")
    with client_lock(runs.outputs), pytest.raises(WorkbookError, match="another run"):
        prune(runs.home, "tiny")
