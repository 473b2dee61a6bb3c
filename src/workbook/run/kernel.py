"""One notebook through papermill, in a forked child or a kernel, its surroundings fixed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papermill
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from workbook.places import HOME_VARIABLE, WORKSPACE_VARIABLE
from workbook.run.failures import TIME_LIMIT, Failure, plain, telling_line
from workbook.run.limits import Limits
from workbook.run.steady import STEADY


class StageStopped(Exception):
    """A notebook stopped on an error; carries the :class:`Failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.summary)
        self.failure = failure


def surroundings(home: Path, workspace: Path, scratch: Path) -> dict[str, str]:
    """The environment variables of a run's notebooks; a person's own IPython start-up files stay out."""
    return {
        HOME_VARIABLE: str(home),
        WORKSPACE_VARIABLE: str(workspace),
        "IPYTHONDIR": str(scratch / "ipython"),
        **STEADY,
    }


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, Any],
    variables: Mapping[str, str],
    cwd: Path,
    engine: str,
    limits: Limits,
) -> None:
    """Execute *notebook* with *parameters* (client, period, overrides) and write it to *output*, its outputs in it.

    Args:
        variables: environment variables of the notebook.
        cwd: folder in which it works.
        engine: one of :data:`workbook.run.limits.ENGINES`.

    Raises:
        StageStopped: where a cell raised or took too long, or the process died; *output* then holds the error, unless it
            was a kernel that took too long or died.
    """
    own: dict[str, Any] = (
        {"engine_name": "fork", "variables": variables, "memory": limits.memory}
        if engine == "fork"
        else {
            "record_timing": False,
            "kernel_manager_class": _kernel_manager(variables),
            # the kernel's own log would tell of the interrupt that ends it; what matters comes back as an exception
            "extra_arguments": ["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50"],
        }
    )
    try:
        papermill.execute_notebook(
            notebook,
            output,
            dict(parameters),
            kernel_name="python3",
            cwd=cwd,
            progress_bar=False,
            request_save_on_cell_execute=False,
            execution_timeout=limits.timeout,
            **own,
        )
    except PapermillExecutionError as error:
        raise StageStopped(
            _failure(notebook, output, parameters, f"In [{error.exec_count}]", error.source, error.ename, error.evalue)
        ) from None
    except CellTimeoutError:
        words = f"a cell was still at work after {limits.timeout:g} s, the limit (--timeout), and was stopped"
        raise StageStopped(_failure(notebook, notebook, parameters, "", "", TIME_LIMIT, words)) from None
    except DeadKernelError as error:
        words = f"{error}; most often the machine has run out of memory"
        raise StageStopped(_failure(notebook, notebook, parameters, "", "", type(error).__name__, words)) from None


def _failure(
    notebook: Path, open: Path, parameters: Mapping[str, Any], cell: str, source: str, error: str, message: str
) -> Failure:
    return Failure(
        client=str(parameters["client"]),
        period=str(parameters["period"]),
        stage=notebook.stem,
        cell=cell,
        line=telling_line(source),
        error=error,
        message=plain(message),
        open=open,
    )


def _kernel_manager(variables: Mapping[str, str]) -> type[AsyncKernelManager]:
    class RunKernelManager(AsyncKernelManager):
        """Starts the interpreter that runs now, whatever a person's own kernel called python3 may be."""

        @default("transport_encryption")
        def _encrypt_where_possible(self) -> str:
            return "auto"

        @property
        def kernel_spec(self) -> KernelSpec:
            return KernelSpec(**get_kernel_dict())  # its argv begins with sys.executable

        async def _async_start_kernel(self, **options: Any) -> None:
            await super()._async_start_kernel(**{**options, "env": {**os.environ, **variables}})

        start_kernel = _async_start_kernel

    return RunKernelManager
