"""A papermill engine that forks instead of starting a kernel.

A fresh kernel spends most of its life importing. This engine imports the libraries once in the parent (which only
imports, never computes) and forks a child for each notebook; the child runs the cells in an IPython shell and sends
each cell's outputs back through a pipe. Nothing passes from one notebook to the next, since every child dies. Linux only:
elsewhere papermill's own engine runs the notebooks. Papermill imports this module, by its entry point; others leave it alone,
since the two import each other.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from nbformat import from_dict
from papermill.engines import Engine, NotebookExecutionManager

from workbook.run.child import Child, Died, Send
from workbook.run.failures import DIED, TIME_LIMIT
from workbook.run.preload import preload
from workbook.run.shell import Source, run_cells
from workbook.run.steady import STEADY, restore_the_grammar


class ForkEngine(Engine):  # type: ignore[misc]
    """Executes a notebook in a forked child; outputs are those of papermill's own engine."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        execution_timeout: float | None = None,
        variables: Mapping[str, str] | None = None,
        memory: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Run the cells of the managed notebook; a cell that is stopped from outside holds an error that says so.

        Args:
            nb_man: papermill's record of the execution.
            kernel_name: not used, the child is this interpreter.
            log_output: not used.
            execution_timeout: seconds that one cell may take; None for no limit.
            variables: environment variables of the notebook.
            memory: megabytes that the notebook may take; None for no limit.
        """
        preload()
        steady = all(os.environ.get(name) == value for name, value in (variables or {}).items() if name in STEADY)
        from ipykernel.ipkernel import IPythonKernel

        nb = nb_man.nb
        sources = [
            Source(index, cell.source, "raises-exception" in cell.metadata.get("tags", []))
            for index, cell in enumerate(nb.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]

        def work(send: Send) -> None:
            _like_a_fresh_interpreter(steady)
            for answer in run_cells(sources):
                send(json.dumps(answer).encode())

        with Child(work, variables or {}, memory, alone=True) as child:
            for number, source in enumerate(sources, start=1):
                cell = nb.cells[source.index]
                nb_man.cell_start(cell, source.index)
                try:
                    answer = json.loads(child.receive(execution_timeout))
                except TimeoutError:
                    words = f"the cell was still at work after {execution_timeout:g} s, the limit (--timeout), and was stopped"
                    answer = _stopped(source.index, number, TIME_LIMIT, words)
                except Died as died:
                    answer = _stopped(source.index, number, DIED, str(died))
                for index, outputs in answer["outputs"].items():
                    nb.cells[int(index)].outputs = [from_dict(output) for output in outputs]
                cell.execution_count = answer["execution_count"]
                failed = answer["failed"] and not source.may_fail
                if failed:
                    nb_man.cell_exception(cell, source.index)
                nb_man.cell_complete(cell, source.index)
                if failed:
                    break
        nb.metadata["language_info"] = from_dict(IPythonKernel.language_info)


def _like_a_fresh_interpreter(steady: bool) -> None:
    """What the parent's start has fixed and a fork would hand on: last value, random state, command line, backend, threads."""
    import matplotlib as mpl
    import numpy as np
    from threadpoolctl import threadpool_limits

    np.random.seed()  # noqa: NPY002  the legacy state is the one that is handed on
    sys.argv = [""]
    builtins.__dict__.pop("_", None)  # where Python's own prompt, and doctest, keep what they showed last
    restore_the_grammar()
    mpl.rcParams["backend"] = os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    if not steady:
        threadpool_limits(int(os.environ["OMP_NUM_THREADS"]))


def _stopped(index: int, number: int, name: str, words: str) -> dict[str, Any]:
    error = {"output_type": "error", "ename": name, "evalue": words, "traceback": [f"{name}: {words}"]}
    return {"outputs": {index: [error]}, "execution_count": number, "failed": True}
