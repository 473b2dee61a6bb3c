"""A tiny engagement of two stages, so that runs take seconds: real settings and notebooks,
a delivery that is not read, a report of one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbook import stages
from workbook.period import Period
from workbook.run import execute, keys, preload, stamp, work
from workbook.run.events import Event
from workbook.stages import Stage
from workbook.tables import empty_tables

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TINY_STAGES = (
    Stage("1_count", needs=(), makes=("counted",), lists=("names",)),
    Stage("2_double", needs=("counted",), makes=("doubled",)),
)
ENGAGEMENT = """\
client: {name: Tiny}
languages: [en]
sources: [{table: orders, file: orders.csv, columns: {order_id: id}}]
"""
Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")


@dataclass
class Tiny:
    """The engagement: its home, its notebooks, and a run of it."""

    home: Path
    notebooks: Path
    events: list[Event] = field(default_factory=list)

    @property
    def outputs(self) -> Path:
        return self.home / "outputs" / "tiny"

    def use(self, variant: str) -> None:
        """Put the notebooks of tests/notebooks/<variant> in place of those of the same name."""
        shutil.copytree(NOTEBOOKS / variant, self.notebooks, dirs_exist_ok=True)

    def run(self, *periods: Period, **options: Any) -> list[execute.RunResult]:
        return execute.run_periods(self.home, "tiny", list(periods) or [Q4], **{"echo": self.events.append, **options})


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    notebooks = tmp_path / "notebooks"
    params = tmp_path / "home" / "params" / "tiny"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text(ENGAGEMENT, "utf-8")
    for period in (Q3, Q4):
        (params / f"{period.name}.yaml").write_text("{}\n", "utf-8")
        delivery = tmp_path / "home" / "data" / "tiny" / period.name
        delivery.mkdir(parents=True)
        (delivery / "orders.csv").write_text("id\n1\n", "utf-8")
    engagement = Tiny(tmp_path / "home", notebooks)
    engagement.use("tiny")
    monkeypatch.setattr(stages, "STAGES", TINY_STAGES)
    for module in (keys, stamp, work):
        monkeypatch.setattr(module, "notebooks_folder", lambda: notebooks)
    monkeypatch.setattr(work, "prepare", _nothing_delivered)
    monkeypatch.setattr(work, "build_report", _one_line)
    return engagement


@pytest.fixture
def light_preload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Preload what tiny notebooks need and no more, which takes seconds."""
    monkeypatch.setattr(preload, "PRELOADED", ("papermill", "ipykernel.ipkernel"))
    preload.preload()
    yield
    preload.preload.cache_clear()


def _nothing_delivered(home: Path, client: str, period: Period, settings: Any) -> Any:
    return SimpleNamespace(tables=empty_tables(period))


def _one_line(folder: Path, settings: Any, period: Period, client: str, home: Path, deliveries: Any) -> list[Path]:
    report = folder / "report.en.html"
    report.write_text(f"<p>{client} {period.name}</p>", "utf-8")
    return [report]


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Name → bytes of every file of a results folder but the manifest, which alone holds times."""
    return lambda folder: {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.json"
    }
