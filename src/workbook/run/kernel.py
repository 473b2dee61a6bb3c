"""One notebook through papermill, in a kernel whose surroundings are fixed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papermill
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets import default

from workbook.places import HOME_VARIABLE, WORKSPACE_VARIABLE
from workbook.run.failures import Failure, plain, telling_line

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")


class StageStopped(Exception):
    """A notebook stopped on an error; carries the :class:`Failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.summary)
        self.failure = failure


def surroundings(home: Path, workspace: Path, scratch: Path) -> dict[str, str]:
    """The environment variables of a run's kernels.

    Sums of floats depend on the number of threads and sets of words on the hash seed, so both are fixed; a person's own
    IPython start-up files stay out.
    """
    return {
        HOME_VARIABLE: str(home),
        WORKSPACE_VARIABLE: str(workspace),
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLBACKEND": "agg",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
        **dict.fromkeys(_THREADS, "1"),
    }


def execute(notebook: Path, output: Path, parameters: Mapping[str, Any], variables: Mapping[str, str], cwd: Path) -> None:
    """Execute *notebook* with *parameters* (client, period, overrides) and write it to *output*, its outputs in it.

    Raises:
        StageStopped: where a cell raised or the kernel died; *output* then holds the error where a cell raised.
    """
    try:
        papermill.execute_notebook(
            notebook,
            output,
            dict(parameters),
            kernel_name="python3",
            cwd=cwd,
            progress_bar=False,
            request_save_on_cell_execute=False,
            record_timing=False,
            kernel_manager_class=_kernel_manager(variables),
            # the kernel's own log would tell of the interrupt that ends it; what matters comes back as an exception
            extra_arguments=["--HistoryManager.enabled=False", "--IPKernelApp.log_level=50"],
        )
    except PapermillExecutionError as error:
        raise StageStopped(
            _failure(notebook, output, parameters, f"In [{error.exec_count}]", error.source, error.ename, error.evalue)
        ) from None
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
