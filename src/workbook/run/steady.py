"""The environment variables that every process of a run shares, so that the same inputs give the same bytes."""

from __future__ import annotations

import os
import sys

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")

STEADY = {
    "MPLBACKEND": "agg",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONHASHSEED": "0",
    **dict.fromkeys(_THREADS, "1"),
}
"""Sums of floats depend on the number of threads and sets of words on the hash seed, so both are fixed."""


def become_steady() -> None:
    """Start this program again with :data:`STEADY` where they are not set.

    The interpreter reads its hash seed, and the libraries their number of threads, once at the start: a process that is to
    fork notebooks must have begun with them. Called before anything heavy is imported; on Linux only, as forking is.
    """
    if sys.platform == "linux" and any(os.environ.get(name) != value for name, value in STEADY.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **STEADY})


_UNUSED = "rfc3987_syntax"
"""A grammar of addresses that jsonschema loads where it is installed, a second of CPU, and nbformat never asks for."""


def spare_the_grammar() -> None:
    """Let the import of nbformat do without :data:`_UNUSED`; called before it."""
    sys.modules.setdefault(_UNUSED, None)  # type: ignore[arg-type]


def restore_the_grammar() -> None:
    """Let it be imported again, by a notebook that does ask for it."""
    if sys.modules.get(_UNUSED, sys) is None:
        del sys.modules[_UNUSED]
