"""Cells executed in an IPython shell of this very process, their outputs collected as a Jupyter kernel would send them."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipykernel.compiler import XCachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

Output = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A cell to execute.

    Attributes:
        index: its place in the notebook.
        code: what it says.
        may_fail: whether the next cell comes even if this one raises.
    """

    index: int
    code: str
    may_fail: bool = False


class Descriptor:
    """What programs and libraries write past Python to descriptor 1 or 2."""

    def __init__(self, number: int) -> None:
        self._file = os.memfd_create(f"descriptor {number}")
        self._seen = 0
        os.dup2(self._file, number)

    def news(self) -> str:
        """What came since the last time."""
        size = os.fstat(self._file).st_size
        words = os.pread(self._file, size - self._seen, self._seen).decode("utf-8", "replace")
        self._seen = size
        return words


@dataclass
class Collected:
    """Outputs by the rules of nbclient.

    Attributes:
        descriptors: name of a stream → what is written to it past Python.
        cells: place of the cell in the notebook → its outputs.
        changed: cells whose outputs are not yet told, an earlier one's where ``update_display`` reached it.
    """

    descriptors: Mapping[str, Descriptor]
    cells: dict[int, list[Output]] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    _now: int = -1
    _clear_first: bool = False
    _displays: dict[str, list[tuple[int, Output]]] = field(default_factory=dict)

    def begin(self, index: int) -> None:
        """A cell begins."""
        self._now, self._clear_first = index, False
        self.cells[index] = []
        self.changed = {index}

    def add(self, output: Output, display: str | None = None) -> None:
        """Take one output; *display* is the id by which it may be updated."""
        self.drain()
        self._clear_if_asked()
        self.cells[self._now].append(output)
        if display:
            self._displays.setdefault(display, []).append((self._now, output))

    def update(self, display: str | None, data: Any, metadata: Any) -> None:
        """Put other content into every output of a display id."""
        for index, output in self._displays.get(display or "", ()):
            output.update(data=data, metadata=metadata)
            self.changed.add(index)

    def stream(self, name: str, words: str) -> None:
        """Take text: that of one stream between two displays is one output."""
        self.drain()
        self._write(name, words)

    def drain(self) -> None:
        """Take what programs and libraries wrote past Python."""
        for name, descriptor in self.descriptors.items():
            words = descriptor.news()
            if words:
                self._write(name, words)

    def _write(self, name: str, words: str) -> None:
        self._clear_if_asked()
        outputs = self.cells[self._now]
        for output in reversed(outputs):
            if output["output_type"] != "stream":
                break
            if output["name"] == name:
                output["text"] += words
                return
        if words:
            outputs.append({"output_type": "stream", "name": name, "text": words})

    def clear(self, wait: bool) -> None:
        """Forget the cell's outputs, now or when the next one comes."""
        if wait:
            self._clear_first = True
        else:
            self.cells[self._now].clear()

    def _clear_if_asked(self) -> None:
        if self._clear_first:
            self._clear_first = False
            self.cells[self._now].clear()


def run_cells(sources: list[Source]) -> Iterator[dict[str, Any]]:
    """Execute cells in one fresh shell until one fails.

    Yields:
        For each cell: ``outputs`` (place of a cell → its outputs), ``execution_count``, ``failed``.
    """
    collected = Collected({"stdout": Descriptor(1), "stderr": Descriptor(2)})
    shell = _shell(collected)
    sys.stdout, sys.stderr = _Stream("stdout", collected), _Stream("stderr", collected)
    for source in sources:
        collected.begin(source.index)
        result = shell.run_cell(source.code, store_history=True, silent=False)
        collected.drain()
        yield {
            "outputs": {index: collected.cells[index] for index in sorted(collected.changed)},
            # run_cell has counted on: the number of this cell is one less
            "execution_count": shell.execution_count - 1,
            "failed": not result.success,
        }
        if not (result.success or source.may_fail):
            return


def _shell(collected: Collected) -> Any:
    class Publisher(DisplayPublisher):
        def publish(
            self,
            data: Any,
            metadata: Any = None,
            *source: Any,
            transient: Any = None,
            update: bool = False,
            **more: Any,
        ) -> None:
            display = (transient or {}).get("display_id")
            if update:
                collected.update(display, _plain(data), metadata or {})
            else:
                collected.add({"output_type": "display_data", "data": _plain(data), "metadata": metadata or {}}, display)

        def clear_output(self, wait: bool = False) -> None:
            collected.clear(wait)

    class Hook(DisplayHook):
        def write_output_prompt(self) -> None:
            """The number goes with the data."""

        def start_displayhook(self) -> None:
            """Nothing to open."""

        def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
            content = {"data": _plain(format_dict), "metadata": md_dict or {}, "execution_count": self.prompt_count}
            collected.add({"output_type": "execute_result", **content})

        def finish_displayhook(self) -> None:
            """Nothing to close."""

    class Shell(InteractiveShell):
        compiler_class = XCachingCompiler  # names cells in warnings as a kernel does

        def _showtraceback(self, etype: type[BaseException], evalue: BaseException, stb: list[str]) -> None:
            collected.add({"output_type": "error", "ename": etype.__name__, "evalue": str(evalue), "traceback": stb})

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "neutral"
    Shell.clear_instance()
    InteractiveShell.clear_instance()
    return Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Hook)


class _Stream:
    """What the notebook takes for stdout or stderr."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, name: str, collected: Collected) -> None:
        self.name = name
        self._take: Callable[[str, str], None] = collected.stream

    def write(self, words: str) -> int:
        if not isinstance(words, str):
            raise TypeError(f"write() argument must be str, not {type(words)}")
        self._take(self.name, words)
        return len(words)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {mime: base64.b64encode(v).decode() if isinstance(v, bytes) else v for mime, v in data.items()}
