"""A forked process: it does one piece of work, sends back what it found, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import select
import signal
import stat
import struct
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, TypeVar

Result = TypeVar("Result")
Send = Callable[[bytes], None]

_PR_SET_PDEATHSIG = 1
_STOPPED_BY = {
    signal.SIGKILL: "most often because the machine has run out of memory",
    signal.SIGABRT: "which a library asked for",
    signal.SIGSEGV: "a fault in a library",
}


class Died(Exception):
    """The child ended before its work was done; the message says how."""


class Child:
    """A forked process that works and sends messages; on leaving the ``with``, it and all it started are gone.

    Args:
        work: what the child does; it is given the function that sends a message to the parent.
        variables: environment variables to set in the child.
        memory: megabytes that the child may take beside what it shares with the parent; None for no limit.
        alone: whether the files and sockets that the parent has open are closed in the child.
    """

    def __init__(
        self, work: Callable[[Send], None], variables: Mapping[str, str], memory: int | None = None, *, alone: bool = False
    ) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        reading, writing = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _live(work, writing, parent, variables, memory, alone)
        os.close(writing)
        self._reading = reading
        self._status: int | None = None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def fileno(self) -> int:
        """The descriptor at which messages come, for ``select``."""
        return self._reading

    def end(self, patience: float = 0.0) -> None:
        """End the child and all it started.

        Args:
            patience: seconds in which it may tidy up once it is told to stop.
        """
        os.close(self._reading)
        if patience:
            self._stop(patience)
        for kill in (os.killpg, os.kill):  # the group first: whatever the child started ends with it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)
        self._reap()

    def receive(self, timeout: float | None = None) -> bytes:
        """The child's next message.

        Raises:
            TimeoutError: where *timeout* seconds were not enough.
            Died: where the child is gone.
        """
        end = None if timeout is None else time.monotonic() + timeout
        (size,) = struct.unpack("!Q", self._read(8, end))
        return self._read(size, end)

    def _read(self, size: int, end: float | None) -> bytes:
        parts, left = [], size
        while left:
            wait = None if end is None else max(0.0, end - time.monotonic())
            if not select.select([self._reading], [], [], wait)[0]:
                raise TimeoutError
            part = os.read(self._reading, min(left, 1 << 20))
            if not part:
                raise Died(_how(self._reap()))
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _stop(self, patience: float) -> None:
        limit = time.monotonic() + patience
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        while self._status is None and time.monotonic() < limit:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._status = status
            else:
                time.sleep(0.01)

    def _reap(self) -> int:
        if self._status is None:
            _, self._status = os.waitpid(self.pid, 0)
        return self._status


def apart(function: Callable[..., Result], *words: Any) -> Result:
    """Call a function in a forked child, so that its threads, memory and open files end with it.

    What it returns, or raises, must be picklable.

    Raises:
        Died: where the child ended before the function did.
    """

    def work(send: Send) -> None:
        try:
            answer: tuple[bool, Any] = (True, function(*words))
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = (False, error)
        send(pickle.dumps(answer))

    with Child(work, {}) as child:
        done, answer = pickle.loads(child.receive())
    if not done:
        raise answer
    result: Result = answer
    return result


def end_with(parent: int) -> None:
    """Let the system end this process when its parent ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before the call above
        os._exit(1)


def _live(
    work: Callable[[Send], None], writing: int, parent: int, variables: Mapping[str, str], memory: int | None, alone: bool
) -> NoReturn:
    """The child's whole life."""
    code = 1
    try:
        gc.freeze()  # what the parent left to be collected holds threads and handles that ended with the fork
        os.setsid()
        end_with(parent)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(os.devnull) as nothing:  # noqa: PTH123  a descriptor is wanted, not content
            os.dup2(nothing.fileno(), 0)
        if alone:
            _close_inherited(writing)
        os.environ.update(variables)
        if memory is not None:
            import resource  # not on every system on which this file is imported

            limit = _taken() + memory * 1_000_000
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        work(lambda content: _write(writing, struct.pack("!Q", len(content)) + content))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _taken() -> int:
    """Bytes of this process that count against the limit of its data."""
    (line,) = [line for line in Path("/proc/self/status").read_text("utf-8").splitlines() if line.startswith("VmData:")]
    return int(line.split()[1]) * 1024


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _how(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"its process ended by itself with exit code {os.waitstatus_to_exitcode(status)}"
    stopped = signal.Signals(os.WTERMSIG(status))
    reason = _STOPPED_BY.get(stopped)
    return f"its process was ended by {stopped.name}" + (f", {reason}" if reason else "")


def _close_inherited(kept: int) -> None:
    """Close the files, folders and sockets that the parent had open; *kept* stays.

    Pipes stay too: libraries hold some for their own signals and end a process that finds them closed.
    """
    for number in sorted(int(path.name) for path in Path("/proc/self/fd").iterdir()):
        try:
            mode = os.fstat(number).st_mode
            if number > 2 and number != kept and not stat.S_ISFIFO(mode):
                os.close(number)
        except OSError:  # the descriptor that listed the folder is gone by now
            continue
