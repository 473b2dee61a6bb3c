"""A papermill engine that forks instead of starting a kernel.

A fresh kernel spends most of its life importing. This engine imports the libraries once in the parent (which only
imports, never computes) and forks a child for each notebook; the child runs the cells in an IPython shell and sends
each cell's outputs back through a pipe. Nothing passes from one notebook to the next, since every child dies. Linux only:
elsewhere papermill's own engine runs the notebooks.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import from_dict
from papermill.engines import Engine, NotebookExecutionManager

PRELOADED = (
    "IPython.core.interactiveshell",
    "workbook.book",
    "workbook.diagnosis.problems",
    "workbook.grading.migration",
    "workbook.grading.rfm",
    "workbook.grading.score",
    "workbook.pilots.decision",
    "workbook.pilots.design",
    "workbook.report.excel",
    "workbook.review.compare",
    "workbook.review.next_period",
    "workbook.sources.profile",
    "workbook.strategy.plan",
    "workbook.value.lifecycle",
    "workbook.voice.satisfaction",
)
"""Modules that the notebooks import; imported once by the parent."""

_PR_SET_PDEATHSIG = 1


def available() -> bool:
    """Whether this platform can run the engine."""
    return sys.platform == "linux"


def preload() -> None:
    """Import in the parent what every notebook imports."""
    import importlib

    for module in PRELOADED:
        importlib.import_module(module)


class ForkEngine(Engine):  # type: ignore[misc]
    """Executes a notebook in a forked child; outputs are those of papermill's own engine."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        execution_timeout: float | None = None,
        **kwargs: Any,
    ) -> None:
        """Run the cells of the managed notebook.

        Args:
            nb_man: papermill's record of the execution.
            kernel_name: not used, the child is this interpreter.
            log_output: not used.
            execution_timeout: seconds that one cell may take; None for no limit.

        Raises:
            CellTimeoutError: where a cell takes longer.
            DeadKernelError: where the child dies (killed, out of memory).
        """
        preload()
        cells = [(i, cell) for i, cell in enumerate(nb_man.nb.cells) if cell.cell_type == "code" and cell.source.strip()]
        with _Child([cell.source for _, cell in cells]) as child:
            for index, cell in cells:
                nb_man.cell_start(cell, index)
                try:
                    answer = child.next_answer(execution_timeout)
                except TimeoutError:
                    nb_man.cell_exception(cell, index)
                    raise CellTimeoutError.error_from_timeout_and_cell(
                        "Cell execution timed out", int(execution_timeout or 0), cell
                    ) from None
                except EOFError:
                    nb_man.cell_exception(cell, index)
                    raise DeadKernelError(f"Kernel died: {child.cause_of_death()}") from None
                cell.outputs = [from_dict(output) for output in answer["outputs"]]
                cell.execution_count = answer["execution_count"]
                if answer["failed"]:
                    nb_man.cell_exception(cell, index)
                nb_man.cell_complete(cell, index)
                if answer["failed"]:
                    return


class _Child:
    """A forked process that executes cells one after the other; on leaving, it and all it started are gone."""

    def __init__(self, sources: list[str]) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _live(sources, writing, parent)
        os.close(writing)
        self._reading = reading
        self._status: int | None = None

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._reading)
        for kill in (os.killpg, os.kill):  # the group first: whatever the notebook started ends with it
            try:
                kill(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        self._reap()

    def next_answer(self, timeout: float | None) -> dict[str, Any]:
        """What the next cell gave.

        Raises:
            TimeoutError: where *timeout* seconds were not enough.
            EOFError: where the child is gone.
        """
        end = None if timeout is None else time.monotonic() + timeout
        (size,) = struct.unpack("!Q", self._read(8, end))
        answer: dict[str, Any] = json.loads(self._read(size, end))
        return answer

    def cause_of_death(self) -> str:
        """How the child ended, in words."""
        status = self._reap()
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            return f"the process was ended by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
        return f"the process ended with exit code {os.waitstatus_to_exitcode(status)}"

    def _reap(self) -> int:
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)
        return self._status

    def _read(self, size: int, end: float | None) -> bytes:
        parts, left = [], size
        while left:
            wait = None if end is None else max(0.0, end - time.monotonic())
            if not select.select([self._reading], [], [], wait)[0]:
                raise TimeoutError
            part = os.read(self._reading, min(left, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def _live(sources: list[str], writing: int, parent: int) -> None:
    """The child's whole life; never returns."""
    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the call above
            os._exit(1)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(os.devnull) as nothing:  # noqa: PTH123  a descriptor is wanted, not content
            os.dup2(nothing.fileno(), 0)
        for answer in _run_cells(sources):
            content = json.dumps(answer).encode()
            _write(writing, struct.pack("!Q", len(content)) + content)
        code = 0
    finally:
        os._exit(code)


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _run_cells(sources: list[str]) -> Iterator[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    shell = _shell(outputs.append)
    sys.stdout, sys.stderr = _Stream("stdout", outputs), _Stream("stderr", outputs)
    for source in sources:
        outputs.clear()
        result = shell.run_cell(source, store_history=True, silent=False)
        # run_cell has counted on: the number of this cell is one less
        yield {"outputs": outputs, "execution_count": shell.execution_count - 1, "failed": not result.success}
        if not result.success:
            return


def _shell(publish: Callable[[dict[str, Any]], None]) -> Any:
    """A fresh IPython shell that hands every output to *publish* instead of a terminal."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.displaypub import DisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, metadata: Any = None, *source: Any, **more: Any) -> None:
            publish(_message("display_data", data=_plain(data), metadata=metadata or {}))

        def clear_output(self, wait: bool = False) -> None:
            pass

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            self._content: dict[str, Any] = {}

        def start_displayhook(self) -> None:
            pass

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            publish(
                _message("execute_result", data=_plain(format_dict), metadata=md_dict or {}, execution_count=self.prompt_count)
            )

        def finish_displayhook(self) -> None:
            pass

    class Shell(InteractiveShell):
        def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
            publish(_message("error", ename=etype.__name__, evalue=str(evalue), traceback=stb))

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "neutral"
    Shell.clear_instance()
    InteractiveShell.clear_instance()
    return Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook)


class _Stream:
    """stdout or stderr of the child: text of one stream between two displays is one output, as in a kernel."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, name: str, outputs: list[dict[str, Any]]) -> None:
        self.name, self._outputs = name, outputs

    def write(self, words: str) -> int:
        for output in reversed(self._outputs):
            if output["output_type"] != "stream":
                break
            if output["name"] == self.name:
                output["text"] += words
                return len(words)
        if words:
            self._outputs.append({"output_type": "stream", "name": self.name, "text": words})
        return len(words)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return False


def _message(kind: str, **content: Any) -> dict[str, Any]:
    return {"output_type": kind, **content}


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    from base64 import b64encode

    return {mime: b64encode(value).decode() if isinstance(value, bytes) else value for mime, value in data.items()}
