"""A made-up home: what was published, failed, waits, was never run, and a client with hostile words."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.diff.made_up import HOSTILE, KPIS, PROBLEMS, REVIEW, manifest, publish, tables


def add_period(home: Path, client: str, period: str, delivered: bool = True) -> None:
    folder = home / "params" / client
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "engagement.yaml").touch()
    (folder / f"{period}.yaml").touch()
    if delivered:
        (home / "data" / client / period).mkdir(parents=True)


def made_up_home(home: Path) -> Path:
    for period, delivered in (("2025Q2", True), ("2025Q3", True), ("2025Q4", True), ("2026Q1", False)):
        add_period(home, "made-up", period, delivered)
    add_period(home, "hostile", "2025-11")
    outputs = home / "outputs"
    publish(outputs / "made-up" / "2025Q3", manifest("2025Q3"), {**tables(), "problems": PROBLEMS.head(1)})
    review = REVIEW.assign(change=-0.02, movement="worse")
    for period, client in (("2025Q4", "made-up"), ("2025-11", "hostile")):
        settings = {
            **manifest()["settings"],
            "client": {"name": HOSTILE if client == "hostile" else {"en": "Cloud Pine", "zh": "云松"}},
        }
        publish(outputs / client / period, manifest(period, settings=settings), {**tables(), "kpis": KPIS, "review": review})
        for name in ("report.en.html", "report.zh.html", "lists/x y.en.xlsx", "lists/x y.en.csv", "notebooks/1_goals.en.html"):
            (outputs / client / period / name).parent.mkdir(exist_ok=True)
            (outputs / client / period / name).touch()
    (outputs / "hostile" / ".failed" / "2025-11").mkdir(parents=True)
    (outputs / "made-up" / ".failed" / "2025Q2").mkdir(parents=True)
    return home


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read only."""
    return made_up_home(tmp_path_factory.mktemp("home"))
