"""Weights from pairwise comparisons: the analytic hierarchy process (层次分析法), row T2 of the method.

Several experts are joined by the geometric mean of their judgements (Aczél & Saaty 1983). Weights are the principal
eigenvector of the comparison matrix (Saaty 1980). Pairs that nobody compared are completed so that the largest
eigenvalue is as small as possible (Bozóki, Fülöp & Rónyai 2010); with every pair compared that changes nothing.
"""

from __future__ import annotations

import difflib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

from workbook.errors import SettingsError
from workbook.language import Text, count, named, number, share, text
from workbook.report.blocks import Block, Column, Table
from workbook.settings.models import Comparison

Matrix = NDArray[np.float64]

RANDOM_INDEX: Mapping[int, float] = {
    1: 0.0, 2: 0.0, 3: 0.52, 4: 0.89, 5: 1.11, 6: 1.25, 7: 1.35, 8: 1.40, 9: 1.45, 10: 1.49, 11: 1.52, 12: 1.54,
    13: 1.56, 14: 1.58, 15: 1.59,
}  # fmt: skip
"""Mean consistency index of random matrices, by number of items (Saaty & Tran 2007, table 3)."""

RANDOM_INDEX_OF_FOUR: Mapping[int, float] = {1: 0.58, 2: 0.28}
"""Random index of four items by the number of pairs not compared: 15,000 random matrices on Saaty's scale each (standard
error .004), where the straight line below would be 2% and 5% too high."""

MOST_ITEMS = max(RANDOM_INDEX)
MOST_CIRCLES = 3
ROUNDING = 1e-6
"""A consistency ratio below it is full agreement."""

MATRIX_COLUMNS = 6
"""Most items whose comparisons still fit a table as a square."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What one expert said: number of pairs judged and their consistency ratio (None where his pairs do not connect)."""

    expert: str
    pairs: int
    ratio: float | None


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of items that sum to 1, and how far the comparisons agree with each other.

    Attributes:
        items: ids in the order of the settings.
        names: id → what readers see.
        by_item: id → weight.
        logs: items × items, logarithms of the joined comparisons, NaN where nobody compared.
        matrix: items × items, how many times the row weighs more than the column; completed where nobody compared.
        missing: number of pairs that nobody compared.
        ratio: consistency ratio (CR), 0 for perfect agreement.
        limit: largest ratio accepted.
        judgements: one record an expert.
        among: the group whose indices are compared; empty where the groups themselves are.
    """

    items: tuple[str, ...]
    names: Mapping[str, Text]
    by_item: Mapping[str, float]
    logs: Matrix
    matrix: Matrix
    missing: int
    ratio: float
    limit: float
    judgements: tuple[Judgement, ...]
    among: str = ""

    def blocks(self) -> tuple[Block, ...]:
        """The weights; each expert's own agreement where there are several; what contradicts most where anything does."""
        several = (self.experts_table(),) if len(self.judgements) > 1 else ()
        circles = (self.circles_table(),) if self.ratio > ROUNDING else ()
        return (self.table(), *several, *circles)

    def circles_table(self) -> Table:
        """The circles of three comparisons that are furthest from closing, and the one change that would mend most."""
        rows = [
            {
                "first": self._pair(c.a, c.b),
                "second": self._pair(c.b, c.c),
                "asked": self._pair(c.a, c.c, c.asked),
                "found": c.found,
                "times": c.times,
            }
            for c in circles(self.logs)[:MOST_CIRCLES]
        ]
        columns = (
            Column("first", text("grading.ahp.first", "One comparison")),
            Column("second", text("grading.ahp.second", "Another")),
            Column("asked", text("grading.ahp.asked", "Together they ask for")),
            Column("found", text("grading.ahp.found", "But it is"), "number", digits=2),
            Column("times", text("grading.ahp.times", "Times apart"), "number", digits=1),
        )
        frame = pd.DataFrame(rows, columns=["first", "second", "asked", "found", "times"], dtype=object)
        mend = mend_of(self.logs, self.ratio)
        title = text("grading.ahp.circles_none", "The comparisons contradict each other along longer circles only")
        if mend is not None:
            title = text(
                "grading.ahp.circles",
                "With {pair} the consistency ratio falls from {ratio} to {after}",
                pair=self._pair(mend.a, mend.b, mend.better),
                ratio=number(self.ratio, 3),
                after=number(mend.ratio, 3),
            )
        note = text(
            "grading.ahp.circles_note",
            "Circles of three comparisons, those furthest from closing first; 1 time apart is full agreement. The title names "
            "the one judgement whose change mends most; what the experts then say is theirs to decide.",
        )
        return Table(f"grading.ahp_circles{self._suffix}", title, columns, frame, note)

    @property
    def _suffix(self) -> str:
        return f".{self.among}" if self.among else ""

    def _pair(self, a: int, b: int, value: float | None = None) -> Text:
        found = math.exp(self.logs[a, b]) if value is None else value
        return text(
            "grading.ahp.pair",
            "{a} : {b} = {times}",
            a=self.names[self.items[a]],
            b=self.names[self.items[b]],
            times=number(found, 2),
        )

    def table(self) -> Table:
        """The joined comparisons as a square with the weights beside them; beyond six items the weights alone."""
        frame = pd.DataFrame({"item": list(self.items)})
        columns = [Column("item", text("grading.ahp.item", "Compared"), labels=self.names)]
        if len(self.items) <= MATRIX_COLUMNS:
            for j, item in enumerate(self.items):
                frame[item] = self.matrix[:, j]
                columns.append(Column(item, self.names[item], "number", digits=2))
        frame["weight"] = [self.by_item[item] for item in self.items]
        columns.append(Column("weight", text("grading.ahp.weight", "Weight"), "share"))
        return Table(
            f"grading.ahp{self._suffix}",
            _title(self),
            tuple(columns),
            frame,
            text(
                "grading.ahp.note",
                "How many times the row weighs more than the column. Experts: {experts}, joined by the geometric mean; pairs"
                " not compared: {missing}. Weight: principal eigenvector. Consistency ratio {ratio}, accepted up to {limit}.",
                experts=count(len(self.judgements)),
                missing=count(self.missing),
                ratio=number(self.ratio, 3),
                limit=number(self.limit, 2),
            ),
        )

    def experts_table(self) -> Table:
        """Each expert's number of judged pairs and own consistency ratio."""
        frame = pd.DataFrame([(j.expert, j.pairs, j.ratio) for j in self.judgements], columns=["expert", "pairs", "ratio"])
        columns = (
            Column("expert", text("grading.ahp.expert", "Expert")),
            Column("pairs", text("grading.ahp.pairs", "Pairs judged"), "count"),
            Column("ratio", text("grading.ahp.ratio", "Consistency ratio"), "number", digits=3),
        )
        above = sum(1 for j in self.judgements if j.ratio is not None and j.ratio > self.limit)
        title = text(
            "grading.ahp.experts",
            "{above} of {all} experts contradict themselves beyond the limit",
            above=count(above),
            all=count(len(self.judgements)),
        )
        note = text(
            "grading.ahp.experts_note",
            "Consistency ratio of each expert alone, limit {limit}; n/a where the pairs judged do not connect everything.",
            limit=number(self.limit, 2),
        )
        return Table(f"grading.ahp_experts{self._suffix}", title, columns, frame, note)


def weigh(
    comparisons: Sequence[Comparison],
    items: Sequence[str],
    *,
    limit: float = 0.1,
    names: Mapping[str, Text] | None = None,
    among: str = "",
) -> Weights:
    """Weights of *items* from the experts' pairwise comparisons.

    Args:
        comparisons: one record an expert; a pair that several judged takes the geometric mean of those who did.
        items: ids that are compared, at most 15.
        limit: largest consistency ratio accepted.
        names: id → what readers see; the id itself by default.
        among: the group that the items are indices of; empty where they are the groups.

    Raises:
        SettingsError: for pairs that cannot be read, comparisons that fall apart into unconnected groups, and ratios
            above the limit, naming the three comparisons that contradict each other most and the change that mends most.

    >>> from workbook.settings.models import Comparison
    >>> judge = Comparison(expert="sales", pairs={"a/b": "5/3", "a/c": 2.5, "b/c": 1.5})
    >>> {item: round(weight, 6) for item, weight in weigh([judge], ["a", "b", "c"]).by_item.items()}
    {'a': 0.5, 'b': 0.3, 'c': 0.2}
    """
    items = tuple(items)
    where = f"grading.comparisons (among {among})" if among else "grading.comparisons"
    if not 1 <= len(items) <= MOST_ITEMS:
        raise SettingsError([f"{where}: found {len(items)} items, expected 1 to {MOST_ITEMS} to compare"])
    single = [_logs(comparison, items, position) for position, comparison in enumerate(comparisons)]
    joined = _join(single, len(items))
    parts = _parts(joined, items)
    if len(parts) > 1:
        told = " and ".join("{" + ", ".join(part) + "}" for part in parts)
        raise SettingsError([f"{where}: nobody compared {told} with each other; add a comparison that connects them"])
    matrix, missing = complete(joined)
    ratio = consistency_ratio(matrix, missing)
    if ratio > limit:
        raise SettingsError(
            [f"{where}: consistency ratio {ratio:.3f}, expected at most {limit:g}; {_contradiction(joined, items, ratio)}"]
        )
    weights = eigenvector(matrix)[0]
    judgements = tuple(
        Judgement(comparison.expert, len(comparison.pairs), _own_ratio(logs, items))
        for comparison, logs in zip(comparisons, single, strict=True)
    )
    return Weights(
        items,
        names or {item: named(item) for item in items},
        {item: float(w) for item, w in zip(items, weights, strict=True)},
        joined,
        matrix,
        missing,
        ratio,
        limit,
        judgements,
        among,
    )


def eigenvector(matrix: Matrix) -> tuple[Matrix, float]:
    """The principal eigenvector of a positive matrix, summing to 1, and its eigenvalue."""
    values, vectors = np.linalg.eig(matrix)
    first = int(np.argmax(values.real))
    vector = np.abs(vectors[:, first].real)
    return vector / vector.sum(), float(values[first].real)


def complete(logs: Matrix) -> tuple[Matrix, int]:
    """The comparison matrix of *logs* (items × items, NaN where not compared) with the gaps filled, and their number.

    The gaps take the values that make the largest eigenvalue smallest; the problem is convex in the logarithms
    (Bozóki, Fülöp & Rónyai 2010), so that the descent, begun at the least-squares solution, finds the only answer.
    """
    rows, columns = np.nonzero(np.triu(np.isnan(logs), 1))
    if not len(rows):
        return np.exp(logs), 0
    base = np.where(np.isnan(logs), 0.0, logs)

    def filled(gaps: Matrix) -> Matrix:
        full = base.copy()
        full[rows, columns], full[columns, rows] = gaps, -gaps
        return np.exp(full)

    def largest(gaps: Matrix) -> tuple[float, Matrix]:
        matrix = filled(gaps)
        right, value = eigenvector(matrix)
        left, _ = eigenvector(matrix.T)
        slope = left[rows] * matrix[rows, columns] * right[columns] - left[columns] * matrix[columns, rows] * right[rows]
        return value, slope / (left @ right)

    start = np.log(least_squares(logs))
    found = minimize(largest, start[rows] - start[columns], jac=True, method="BFGS", options={"gtol": 1e-10})
    return filled(found.x), len(rows)


def least_squares(logs: Matrix) -> Matrix:
    """Weights by logarithmic least squares on the graph of the pairs compared (NaN where not), summing to 1.

    With every pair compared these are the geometric means of the rows (Crawford & Williams 1985).
    """
    known = ~np.isnan(logs)
    np.fill_diagonal(known, False)
    laplacian = np.diag(known.sum(axis=1)) - known.astype(float)
    solution = np.linalg.pinv(laplacian) @ np.where(known, logs, 0.0).sum(axis=1)
    weights = np.exp(solution - solution.max())
    return np.asarray(weights / weights.sum())


def consistency_ratio(matrix: Matrix, missing: int = 0) -> float:
    """Saaty's ratio: how much more the matrix contradicts itself than full agreement, 1 meaning as much as chance."""
    n = len(matrix)
    random = random_index(n, missing)
    if random == 0.0:  # a tree of comparisons, or two items, leaves no room for contradiction
        return 0.0
    return max(0.0, (eigenvector(matrix)[1] - n) / (n - 1)) / random


def random_index(n: int, missing: int = 0) -> float:
    """The random index of *n* items with *missing* pairs not compared.

    Fewer comparisons leave less room for contradiction, so the index shrinks to 0 where they form a tree, almost in a
    straight line: RI(n, m) = (1 − 2m / ((n − 1)(n − 2))) · RI(n) (Ágoston & Csató 2022); four
    items stand in a table of their own.
    """
    if n < 3:
        return 0.0
    if n == 4 and missing in RANDOM_INDEX_OF_FOUR:
        return RANDOM_INDEX_OF_FOUR[missing]
    return (1 - 2 * missing / ((n - 1) * (n - 2))) * RANDOM_INDEX[n]


def _logs(comparison: Comparison, items: tuple[str, ...], position: int) -> Matrix:
    logs = np.full((len(items), len(items)), np.nan)
    np.fill_diagonal(logs, 0.0)
    problems: list[str] = []
    for key, found in comparison.pairs.items():
        where = f"grading.comparisons[{position}].pairs.{key}"
        first, slash, second = (part.strip() for part in key.partition("/"))
        unknown = [name for name in (first, second) if name not in items]
        if not slash or unknown or first == second:
            near = difflib.get_close_matches(unknown[0], items, 1) if unknown else []
            hint = f"; the nearest is {near[0]!r}" if near else ""
            problems.append(f"{where}: found {key!r}, expected two of {', '.join(items)} as 'a/b'{hint}")
            continue
        value = _ratio(found)
        if value is None:
            problems.append(f"{where}: found {found!r}, expected a number above 0 such as 3, 0.5 or 5/3")
            continue
        i, j = items.index(first), items.index(second)
        if not math.isnan(logs[i, j]) and not math.isclose(logs[i, j], math.log(value)):
            problems.append(f"{where}: found {found!r}, but the same expert gave {second}/{first} another value; keep one")
            continue
        logs[i, j], logs[j, i] = math.log(value), -math.log(value)
    if problems:
        raise SettingsError(problems)
    return logs


def _ratio(found: str | float) -> float | None:
    try:
        value = float(Fraction(found.replace(" ", ""))) if isinstance(found, str) else float(found)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) and value > 0 else None


def _join(single: Sequence[Matrix], n: int) -> Matrix:
    given = np.zeros((n, n))
    total = np.zeros((n, n))
    for logs in single:
        known = ~np.isnan(logs)
        given += known
        total += np.where(known, logs, 0.0)
    joined = np.where(given > 0, total / np.maximum(given, 1), np.nan)
    np.fill_diagonal(joined, 0.0)
    return joined


def _parts(logs: Matrix, items: tuple[str, ...]) -> list[list[str]]:
    n, labels = connected_components(~np.isnan(logs), directed=False)
    return [[item for item, label in zip(items, labels, strict=True) if label == part] for part in range(n)]


def _own_ratio(logs: Matrix, items: tuple[str, ...]) -> float | None:
    return consistency_ratio(*complete(logs)) if len(_parts(logs, items)) == 1 else None


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


@dataclass(frozen=True)
class Mend:
    """The judgement of a to b taken from what the others say, and the consistency ratio then."""

    a: int
    b: int
    better: float
    ratio: float


def circles(logs: Matrix) -> list[Circle]:
    """Every circle of three compared pairs, those furthest from closing first."""
    found = [
        Circle(a, b, c, math.exp(logs[a, b] + logs[b, c]), math.exp(logs[a, c]))
        for a, b, c in itertools.combinations(range(len(logs)), 3)
        if not np.isnan(logs[a, b] + logs[b, c] + logs[a, c])
    ]
    return sorted(found, key=lambda circle: (-circle.times, circle.a, circle.b, circle.c))


def mend_of(logs: Matrix, ratio: float) -> Mend | None:
    """The one pair whose judgement, taken from all others, lowers the consistency ratio most; None where none lowers it."""
    best: Mend | None = None
    for a, b in itertools.combinations(range(len(logs)), 2):
        if np.isnan(logs[a, b]):
            continue
        without = logs.copy()
        without[a, b] = without[b, a] = np.nan
        if connected_components(~np.isnan(without), directed=False)[0] > 1:
            continue
        filled, _ = complete(without)
        changed = logs.copy()
        changed[a, b], changed[b, a] = math.log(filled[a, b]), math.log(filled[b, a])
        after = consistency_ratio(*complete(changed))
        if after < (ratio if best is None else best.ratio) - ROUNDING:
            best = Mend(a, b, float(filled[a, b]), after)
    return best


def _contradiction(logs: Matrix, items: tuple[str, ...], ratio: float) -> str:
    """The circle of three compared pairs that is furthest from closing, in words, and the change that mends most."""
    found, mend = circles(logs), mend_of(logs, ratio)
    told = "the comparisons contradict each other along a longer circle"
    if found:
        a, b, c = (items[i] for i in (found[0].a, found[0].b, found[0].c))
        first, second = math.exp(logs[found[0].a, found[0].b]), math.exp(logs[found[0].b, found[0].c])
        told = (
            f"{a}/{b} = {first:.3g} and {b}/{c} = {second:.3g} ask for {a}/{c} = {found[0].asked:.3g},"
            f" but it is {found[0].found:.3g}"
        )
    if mend is None:
        return f"{told}; ask the experts again"
    return (
        f"{told}; with {items[mend.a]}/{items[mend.b]} = {mend.better:.3g} the ratio would be {mend.ratio:.3f}:"
        " ask the experts about these again"
    )


def _title(weights: Weights) -> Text:
    first = max(weights.items, key=lambda item: weights.by_item[item])
    return text(
        "grading.ahp.title",
        "{first} weighs most: {weight}; consistency ratio {ratio}",
        first=weights.names[first],
        weight=share(weights.by_item[first]),
        ratio=number(weights.ratio, 3),
    )
