"""The figures of speed, each beside a baseline of the same run: ``make bench``, or ``make bench ARGS=engines`` for those alone.

Seconds depend on the machine; the ratio to the baseline is what to compare.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import big_tables
import engines
from measuring import BIN, Measured, measured

import diagnosis
import pilots
import voice

ROOT = Path(__file__).parents[2]


def show(name: str, ours: Measured, baseline_name: str, baseline: Measured) -> None:
    """One line of the result."""
    print(
        f"{name:<42} {ours.wall:6.1f} s wall {ours.cpu:6.1f} s CPU {ours.memory:6.0f} MB   "
        f"{ours.wall / baseline.wall:5.2f} × {baseline_name} ({baseline.wall:.1f} s)",
        flush=True,
    )


def fresh_home(folder: Path) -> Path:
    """A home with the engagements and nothing run."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "params", folder / "params")
    shutil.copytree(ROOT / "data" / "synthetic", folder / "data" / "synthetic")
    return folder


def main(parts: list[str]) -> None:
    """Print the figures of some parts (report, engines, tables, diagnosis, value, grades, voice, pilots), or of all."""
    for part in parts or ["report", "engines", "tables", "diagnosis", "value", "grades", "voice", "pilots"]:
        with tempfile.TemporaryDirectory() as name:
            part_of = {
                "report": reports, "engines": engines.compare, "tables": big_tables.compare, "pilots": pilots.compare,
                "value": lambda _: on_the_path("value"), "grades": lambda _: on_the_path("grades"),
                "diagnosis": lambda _: diagnosis.main(), "voice": lambda _: voice.main(),
            }  # fmt: skip
            part_of[part](Path(name))


def on_the_path(name: str) -> None:
    """A part in a process of its own, which counts its own memory; its data are those of the tests, found by the path."""
    words = [sys.executable, Path(__file__).with_name(f"{name}.py")]
    subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


def reports(place: Path) -> None:
    """From delivery to report."""
    workbook = BIN / "workbook"
    plain = [BIN / "jupyter", "nbconvert", "--log-level=ERROR", "--to=notebook", "--execute", "--output-dir", place / "out"]
    baseline = measured([*plain, *sorted((ROOT / "notebooks").glob("*.ipynb"))], fresh_home(place / "plain"))
    for title, words in (
        ("demo, one period, nothing prepared", ["run", "demo", "2025Q4"]),
        ("demo, all periods (make report)", ["run", "demo"]),
        ("demo, settings and delivery checked", ["check", "demo", "2025Q4"]),
        ("complete-journey, all periods", ["run", "complete-journey"]),
    ):
        ours = measured([workbook, *words], fresh_home(place / "ours"))
        show(title, ours, "jupyter nbconvert --execute of one period", baseline)
    home = fresh_home(place / "ours")
    first = measured([workbook, "run", "demo"], home)
    show("demo, all periods, nothing stale", measured([workbook, "run", "demo"], home), "the run before", first)
    first = measured([workbook, "run", "demo", "2025Q4", "--set", "next_pilot.power=0.9"], home)
    again = measured([workbook, "run", "demo", "2025Q4", "--force"], home)
    show("demo, one period, one parameter changed", first, "all stages forced", again)
    made = place / "made"
    synth = measured([workbook, "synth", "bench", "--customers=100000", "--periods=1", "--out", made], place)
    show("synth, 100,000 customers, one period", synth, "counting the lines of its files", measured(line_count(made), place))


def line_count(folder: Path) -> list[str | Path]:
    """A command that reads every file of *folder* and counts its lines."""
    program = "import pathlib, sys; print(sum(p.read_bytes().count(10) for p in pathlib.Path(sys.argv[1]).rglob('*.*')))"
    return [sys.executable, "-c", program, folder]


if __name__ == "__main__":
    main(sys.argv[1:])
