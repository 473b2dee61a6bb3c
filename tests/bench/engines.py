"""Sixty notebooks: the forked engine beside the papermill command line, and beside the same cells in one plain process.

Five small invented clients, two periods each, six notebooks a period. Every way begins with a home in which nothing was
prepared, and executes the notebooks alone: no report is built.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from measuring import BIN, Measured, measured

from workbook.places import HOME_VARIABLE, WORKSPACE_VARIABLE, notebooks_folder
from workbook.run.steady import STEADY
from workbook.settings.folders import clients, periods
from workbook.stages import STAGES

CLIENTS, PERIODS, CUSTOMERS = 5, 2, 300


def notebooks(home: Path, client: str) -> Iterator[tuple[Path, dict[str, str], Path]]:
    """Notebook, parameters and workspace of each stage of each period of a client."""
    for period in periods(home, client):
        workspace = home / "outputs" / client / ".draft" / period.name
        for folder in ("tables", "lists"):
            (workspace / folder).mkdir(parents=True, exist_ok=True)
        for stage in STAGES:
            yield notebooks_folder() / f"{stage.id}.ipynb", {"client": client, "period": period.name}, workspace


def by_command_line(home: Path, client: str) -> None:
    """A papermill command for each notebook, as its users run it."""
    for notebook, parameters, workspace in notebooks(home, client):
        words = [part for name, value in parameters.items() for part in ("-p", name, value)]
        command = [BIN / "papermill", "--no-progress-bar", notebook, workspace / notebook.name, *words]
        subprocess.run(command, check=True, capture_output=True)


def by_fork(home: Path, client: str) -> None:
    """Papermill's function with the forked engine."""
    import papermill

    for notebook, parameters, workspace in notebooks(home, client):
        papermill.execute_notebook(
            notebook, workspace / notebook.name, parameters, engine_name="fork", progress_bar=False,
            request_save_on_cell_execute=False, variables={WORKSPACE_VARIABLE: str(workspace)},
        )  # fmt: skip


def plainly(home: Path, client: str) -> None:
    """The cells alone, in this process; what they show goes nowhere."""
    from workbook import book

    book.display = lambda *shown, **options: None
    for notebook, parameters, workspace in notebooks(home, client):
        os.environ[WORKSPACE_VARIABLE] = str(workspace)
        names: dict[str, object] = {}
        for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)  # the notebooks are ours
                names |= parameters if "parameters" in cell["metadata"].get("tags", []) else {}


WAYS: dict[str, Callable[[Path, str], None]] = {"command-line": by_command_line, "fork": by_fork, "plain": plainly}


def execute(home: Path, way: str, jobs: int) -> None:
    """All notebooks of a home in one of the ways, *jobs* clients beside each other."""
    names = clients(home)
    if way == "command-line":
        with ThreadPoolExecutor(jobs) as threads:
            list(threads.map(by_command_line, [home] * len(names), names))
    elif jobs == 1:
        for name in names:
            WAYS[way](home, name)
    else:
        from workbook.run.preload import preload

        preload()
        with get_context("fork").Pool(jobs) as pool:
            pool.starmap(WAYS[way], [(home, name) for name in names], chunksize=1)


def invent(home: Path) -> None:
    """The five clients."""
    for number in range(CLIENTS):
        words = [f"--customers={CUSTOMERS}", f"--periods={PERIODS}", f"--seed={number + 1}", "--out", home]
        subprocess.run([BIN / "workbook", "synth", f"client{number + 1}", *words], check=True, capture_output=True)


def compare(place: Path) -> None:
    """Print the figures."""
    figures: dict[tuple[str, int], Measured] = {}
    for way, jobs in (("plain", 1), ("fork", 1), ("fork", 2), ("command-line", 1), ("command-line", 2)):
        home = place / f"{way} {jobs}"
        invent(home)
        figures[way, jobs] = measured([sys.executable, __file__, home, way, str(jobs)], home, STEADY)
        one = figures[way, jobs]
        name = f"{CLIENTS * PERIODS * len(STAGES)} notebooks, {way}, {jobs} job{'s' * (jobs > 1)}"
        print(f"{name:<42} {one.wall:6.1f} s wall {one.cpu:6.1f} s CPU {one.memory:6.0f} MB", flush=True)
    fork, line = figures["fork", 1], figures["command-line", 1]
    two, two_lines = figures["fork", 2], figures["command-line", 2]
    plain = figures["plain", 1]
    print(f"  forked, CPU: 1/{line.cpu / fork.cpu:.1f} of the papermill command line's (goal 1/6)")
    print(f"  forked, wall with two jobs: 1/{two_lines.wall / two.wall:.1f} of the command line's with two jobs,")
    print(f"    1/{line.wall / two.wall:.1f} of its wall with one (goal 1/6)")
    print(f"  forked, CPU: {fork.cpu / plain.cpu:.2f} × that of the same cells in one plain process (goal 2.5 ×)")


if __name__ == "__main__":
    os.environ[HOME_VARIABLE] = sys.argv[1]
    execute(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
