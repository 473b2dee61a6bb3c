"""The figures of speed, each beside a baseline of the same run: ``make bench``.

Seconds depend on the machine; the ratio to the baseline is what to compare.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Measured:
    """One command: wall seconds, CPU seconds of it and all it started, and the most memory one process took (MB)."""

    wall: float
    cpu: float
    memory: float


def measured(words: list[str | Path], home: Path) -> Measured:
    """Run a command in a child of its own, so that its CPU and memory are its own."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        begun = time.monotonic()
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            code = subprocess.run(words, cwd=home, env={**os.environ, "WORKBOOK_HOME": str(home)}, stdout=nothing).returncode
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = f"{time.monotonic() - begun} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024} {code}"
        os.write(writing, line.encode())
        os._exit(0)
    os.wait()
    wall, cpu, memory, code = os.read(reading, 1000).decode().split()
    if code != "0":
        raise SystemExit(f"failed: {' '.join(map(str, words))}")
    return Measured(float(wall), float(cpu), float(memory))


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


def main() -> None:
    """Print all figures."""
    workbook = BIN / "workbook"
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
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
        made = place / "made"
        synth = measured([workbook, "synth", "bench", "--customers=100000", "--periods=1", "--out", made], place)
        show(
            "synth, 100,000 customers, one period", synth, "counting the lines of its files", measured(line_count(made), place)
        )


def line_count(folder: Path) -> list[str | Path]:
    """A command that reads every file of *folder* and counts its lines."""
    program = "import pathlib, sys; print(sum(p.read_bytes().count(10) for p in pathlib.Path(sys.argv[1]).rglob('*.*')))"
    return [sys.executable, "-c", program, folder]


if __name__ == "__main__":
    main()
