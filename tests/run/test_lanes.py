"""Periods beside each other leave what they leave one after the other, in the same order, whatever happens to one of them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tests.run.conftest import Q3, Q4, TINY_STAGES

from workbook import stages
from workbook.errors import StageFailed, WorkbookError
from workbook.period import Period
from workbook.run import execute
from workbook.run.publish import client_lock
from workbook.run.stamp import is_fresh

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forking is for Linux")

Q1, Q2 = Period.parse("2025Q1"), Period.parse("2025Q2")
ALL = (Q1, Q2, Q3, Q4)
SHOW_PREVIOUS = """\
from workbook.places import PREVIOUS
earlier = tables.parent / PREVIOUS / "doubled.json"
print(period, earlier.read_text() if earlier.exists() else "has none before it")"""


@pytest.fixture
def chain(tiny: Any, light_preload: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Four periods whose second stage shows what it made in the period before."""
    first, second = TINY_STAGES
    monkeypatch.setattr(stages, "STAGES", (first, replace(second, previous=("doubled",))))
    for period in (Q1, Q2):
        for place in ("params", "data"):
            source = tiny.home / place / "tiny" / ("2025Q3.yaml" if place == "params" else "2025Q3")
            copy = shutil.copy if source.is_file() else shutil.copytree
            copy(source, source.with_name(source.name.replace("2025Q3", period.name)))
    add_cell(tiny, SHOW_PREVIOUS)
    return tiny


def add_cell(tiny: Any, words: str) -> None:
    path = tiny.notebooks / "2_double.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells.append(nbformat.v4.new_code_cell(words, id=f"added-{len(notebook.cells)}"))
    nbformat.write(notebook, path)


def visible(tiny: Any, contents: Callable[[Path], dict[str, bytes]]) -> dict[str, dict[str, bytes]]:
    return {period.name: contents(tiny.outputs / period.name) for period in ALL if (tiny.outputs / period.name).exists()}


def shown(tiny: Any, period: str) -> str:
    """What the last cell of the second notebook wrote."""
    notebook = nbformat.read(tiny.outputs / period / "notebooks" / "2_double.ipynb", 4)
    return str(notebook.cells[-1].outputs[0].text)


def told(tiny: Any, kind: str) -> list[str]:
    return [event.period for event in tiny.events if event.kind == kind]


def test_periods_beside_each_other_leave_the_bytes_that_they_leave_one_by_one(
    chain: Any, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    chain.run(*ALL)
    one_by_one = visible(chain, contents)
    keys = {p: json.loads((chain.outputs / p.name / "manifest.json").read_text())["run"] for p in ALL}
    shutil.rmtree(chain.outputs)
    results = chain.run(*ALL, lanes=3)
    assert [result.period for result in results] == list(ALL)
    assert visible(chain, contents) == one_by_one
    assert {p: json.loads((chain.outputs / p.name / "manifest.json").read_text())["run"] for p in ALL} == keys
    assert [shown(chain, period.name).partition(" ")[2][:10] for period in ALL] == ["has none b", *['{"client":'] * 3]
    assert not list((chain.outputs / ".work").glob("*"))


def test_they_are_published_in_their_order_and_found_fresh_afterwards(chain: Any) -> None:
    chain.run(*ALL, lanes=2)
    assert told(chain, "published") == [period.name for period in ALL]
    assert all(is_fresh(chain.home, "tiny", period) for period in ALL)
    chain.events.clear()
    assert [result.stages for result in chain.run(*ALL, lanes=2)] == [()] * 4
    assert {event.kind for event in chain.events} == {"up_to_date"}


def test_what_changed_in_one_period_is_executed_in_those_that_read_it(chain: Any) -> None:
    chain.run(*ALL, lanes=2)
    (chain.home / "data" / "tiny" / "2025Q2" / "orders.csv").write_text("id\n2\n", "utf-8")
    results = chain.run(*ALL, lanes=2)
    assert [result.stages for result in results] == [(), ("1_count", "2_double"), (), ()]


def test_a_failure_leaves_the_periods_before_it_and_stops_those_after_it(chain: Any) -> None:
    add_cell(chain, "assert period != '2025Q3', 'not this one'")
    with pytest.raises(StageFailed, match="tiny 2025Q3: 2_double failed"):
        chain.run(*ALL, lanes=4)
    assert told(chain, "published") == ["2025Q1", "2025Q2"]
    assert not (chain.outputs / "2025Q4").exists()
    assert not list((chain.outputs / ".work").glob("*"))
    with client_lock(chain.outputs):
        pass


def test_of_several_failures_the_earliest_is_told(chain: Any) -> None:
    add_cell(chain, "import time\nif period == '2025Q1': time.sleep(1)\nraise ValueError(period)")
    with pytest.raises(StageFailed, match="tiny 2025Q1: 2_double failed"):
        chain.run(*ALL, lanes=2)
    assert told(chain, "published") == []


def test_a_process_that_is_killed_is_told_and_the_next_run_completes(chain: Any) -> None:
    once = chain.home / "killed"
    add_cell(
        chain,
        "import os, signal, time\nfrom pathlib import Path\n"
        f"if period == '2025Q2' and not Path({str(once)!r}).exists():\n"
        f"    Path({str(once)!r}).touch(); os.kill(os.getppid(), signal.SIGKILL); time.sleep(5)",
    )
    with pytest.raises(WorkbookError, match=r"2025Q2: its process was ended by SIGKILL.*run it again"):
        chain.run(*ALL, lanes=2)
    assert told(chain, "published") == ["2025Q1"]
    chain.run(*ALL, lanes=2)
    assert told(chain, "published") == [period.name for period in ALL]


def test_faults_of_the_input_keep_their_kind_from_process_to_process(chain: Any) -> None:
    add_cell(chain, "from workbook.errors import DeliveryError\nraise DeliveryError(['a.csv: row 3', 'a.csv: row 9'])")
    with pytest.raises(WorkbookError) as failed:
        chain.run(*ALL, lanes=2)
    assert (failed.value.exit_code, str(failed.value).splitlines()[:2]) == (1, ["a.csv: row 3", "a.csv: row 9"])


def test_periods_of_other_lengths_do_not_wait_for_each_other(chain: Any) -> None:
    for name in ("2025-11", "2025-12"):
        shutil.copy(chain.home / "params" / "tiny" / "2025Q3.yaml", chain.home / "params" / "tiny" / f"{name}.yaml")
        shutil.copytree(chain.home / "data" / "tiny" / "2025Q3", chain.home / "data" / "tiny" / name)
    periods = [*ALL[2:], Period.parse("2025-11"), Period.parse("2025-12")]
    results = execute.run_periods(chain.home, "tiny", periods, lanes=4, echo=chain.events.append)
    assert [result.period.name for result in results] == ["2025Q3", "2025-11", "2025-12", "2025Q4"]
    assert shown(chain, "2025-11").startswith("2025-11 has none")
    assert shown(chain, "2025-12").startswith("2025-12 {") and shown(chain, "2025Q4").startswith("2025Q4 {")
