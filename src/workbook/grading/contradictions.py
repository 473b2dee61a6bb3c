"""Where pairwise comparisons contradict each other, and which one judgement would mend it; row T2 of the method.

A circle of three is where a to b and b to c ask for another a to c than was judged. A mend takes one judgement to the step of
Saaty's scale that lowers the consistency ratio most, everything else staying as it is.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.sparse.csgraph import connected_components

from workbook.grading.pairwise import Matrix, complete, consistency_ratio

STEPS: tuple[Fraction, ...] = (*(Fraction(1, n) for n in range(9, 1, -1)), *(Fraction(n) for n in range(1, 10)))
"""Saaty's scale: from a ninth to nine times."""

MOST_CIRCLES = 3
ROUNDING = 1e-6
"""A consistency ratio below it is full agreement."""


@dataclass(frozen=True)
class Circle:
    """Three comparisons: a to b and b to c ask for a to c (``asked``), but it is ``found``; ``times`` they are apart."""

    a: int
    b: int
    c: int
    asked: float
    found: float

    @property
    def times(self) -> float:
        """How many times what is asked for differs from what is found; 1 for full agreement."""
        return max(self.asked / self.found, self.found / self.asked)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The three pairs compared."""
        return (self.a, self.b), (self.b, self.c), (self.a, self.c)


@dataclass(frozen=True)
class Mend:
    """The judgement of a to b taken from ``found`` to the step ``better``, and the consistency ratio then."""

    a: int
    b: int
    found: float
    better: Fraction
    ratio: float


def circles(logs: Matrix) -> list[Circle]:
    """Every circle of three compared pairs, those furthest from closing first."""
    found = [
        Circle(a, b, c, math.exp(logs[a, b] + logs[b, c]), math.exp(logs[a, c]))
        for a, b, c in itertools.combinations(range(len(logs)), 3)
        if not np.isnan(logs[a, b] + logs[b, c] + logs[a, c])
    ]
    return sorted(found, key=lambda circle: (-circle.times, circle.a, circle.b, circle.c))


def worst(logs: Matrix) -> list[Circle]:
    """The few circles that are furthest from closing, those that close left out."""
    return [circle for circle in circles(logs)[:MOST_CIRCLES] if circle.times > 1 + ROUNDING]


def mend_of(logs: Matrix, ratio: float, pairs: Iterable[tuple[int, int]] | None = None) -> Mend | None:
    """The one judgement whose change, to a step of the scale, lowers the consistency ratio most; None where none lowers it.

    The largest eigenvalue is convex in the logarithm of one judgement, so its best step is one of the two beside the value
    that the other judgements ask for.

    Args:
        logs: items × items, logarithms of the comparisons, NaN where nobody compared.
        ratio: their consistency ratio.
        pairs: the judgements that may change; all of them by default.
    """
    best: Mend | None = None
    for a, b in itertools.combinations(range(len(logs)), 2) if pairs is None else pairs:
        if np.isnan(logs[a, b]):
            continue
        without = logs.copy()
        without[a, b] = without[b, a] = np.nan
        if connected_components(~np.isnan(without), directed=False)[0] > 1:
            continue
        for step in _beside(float(complete(without)[0][a, b])):
            changed = logs.copy()
            changed[a, b], changed[b, a] = math.log(step), -math.log(step)
            after = consistency_ratio(*complete(changed))
            if after < (ratio if best is None else best.ratio) - ROUNDING:
                best = Mend(a, b, math.exp(logs[a, b]), step, after)
    return best


def contradiction(logs: Matrix, items: Sequence[str], ratio: float) -> str:
    """The circles that are furthest from closing, each with the judgement that would mend it, in words."""
    told = []
    for circle in worst(logs):
        a, b, c = (items[i] for i in (circle.a, circle.b, circle.c))
        first, second = math.exp(logs[circle.a, circle.b]), math.exp(logs[circle.b, circle.c])
        asked = f"{a}/{b} = {first:.3g} and {b}/{c} = {second:.3g} ask for {a}/{c} = {circle.asked:.3g}"
        told.append(f"{asked}, but it is {circle.found:.3g}{_mended(mend_of(logs, ratio, circle.pairs), items)}")
    if not told:
        told.append(f"the comparisons contradict each other along a longer circle{_mended(mend_of(logs, ratio), items)}")
    return "; ".join(told) + "; ask the experts about these again"


def step_words(value: float | Fraction, digits: int = 3) -> str:
    """A judgement as the sheet writes it: ``4``, ``1/3``, or a number between the steps."""
    near = min(STEPS, key=lambda step: abs(math.log(step) - math.log(value)))
    return str(near) if math.isclose(near, value, rel_tol=1e-9) else f"{float(value):.{digits}g}"


def _beside(value: float) -> tuple[Fraction, ...]:
    """The steps of the scale on either side of *value*; its end where it lies beyond."""
    place = bisect(STEPS, value * (1 + 1e-9))
    return STEPS[max(place - 1, 0) : place + 1] or STEPS[-1:]


def _mended(mend: Mend | None, items: Sequence[str]) -> str:
    if mend is None:
        return ""
    change = f"{items[mend.a]}/{items[mend.b]} = {step_words(mend.better)} instead of {step_words(mend.found)}"
    return f" (with {change} the ratio would be {mend.ratio:.3f})"
