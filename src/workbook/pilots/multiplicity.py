"""Several arms and several metrics: p-values and intervals that say how much a chance find among many is worth (row P3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted so that the chance of any false find in the family stays below the limit; None stays None.

    Source: Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    return _adjusted(p, _holm)


def benjamini_hochberg(p: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted so that the expected share of false finds among the finds stays below the limit; None stays None.

    Source: Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    return _adjusted(p, _benjamini_hochberg)


def simultaneous(confidence: float, n: int) -> float:
    """Confidence of each of *n* intervals that all hold together with at least *confidence* (Bonferroni).

    >>> round(simultaneous(0.95, 2), 4)
    0.975
    """
    return 1 - (1 - confidence) / max(n, 1)


def _adjusted(p: Sequence[float | None], rule: Callable[[Floats], Floats]) -> list[float | None]:
    known = [x for x in p if x is not None]
    if not known:
        return [None] * len(p)
    values = iter(rule(np.array(known)).tolist())
    return [None if x is None else float(next(values)) for x in p]


def _holm(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _back(np.minimum(steps, 1.0), order)


def _benjamini_hochberg(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    m = len(p)
    steps = np.minimum.accumulate((p[order] * m / np.arange(1, m + 1))[::-1])[::-1]
    return _back(np.minimum(steps, 1.0), order)


def _back(values: Floats, order: NDArray[np.intp]) -> Floats:
    placed = np.empty_like(values)
    placed[order] = values
    return placed
