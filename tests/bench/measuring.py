"""What a command takes: wall, CPU and memory, its children included."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Measured:
    """One command: wall seconds, CPU seconds of it and all it started, and the most memory one process took (MB)."""

    wall: float
    cpu: float
    memory: float


def measured(words: Sequence[str | Path], home: Path, variables: Mapping[str, str] | None = None) -> Measured:
    """Run a command in a child of its own, so that its CPU and memory are its own."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        begun = time.monotonic()
        with open(os.devnull, "w") as nothing:  # noqa: PTH123
            environment = {**os.environ, "WORKBOOK_HOME": str(home), **(variables or {})}
            code = subprocess.run(words, cwd=home, env=environment, stdout=nothing, check=False).returncode
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = f"{time.monotonic() - begun} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024} {code}"
        os.write(writing, line.encode())
        os._exit(0)
    os.wait()
    wall, cpu, memory, code = os.read(reading, 1000).decode().split()
    if code != "0":
        raise SystemExit(f"failed: {' '.join(map(str, words))}")
    return Measured(float(wall), float(cpu), float(memory))
