"""Weights from pairwise comparisons: the analytic hierarchy process (层次分析法), row T2 of the method.

Several experts are joined by the geometric mean of their judgements (Aczél & Saaty 1983). Weights are the principal
eigenvector of the comparison matrix (Saaty 1980). Pairs that nobody compared are completed so that the largest
eigenvalue is as small as possible (Bozóki, Fülöp & Rónyai 2010); with every pair compared that changes nothing.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from workbook.errors import SettingsError
from workbook.grading.contradictions import ROUNDING, Circle, Mend, contradiction, mend_of, step_words, worst
from workbook.grading.pairwise import RANDOM_INDEX, Matrix, complete, consistency_ratio, eigenvector
from workbook.language import Text, count, named, number, share, text
from workbook.report.blocks import Block, Column, Table
from workbook.settings.models import Comparison

MOST_ITEMS = max(RANDOM_INDEX)
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
        """The circles of three comparisons that are furthest from closing, and for each the judgement that would mend it."""
        found = [(circle, mend_of(self.logs, self.ratio, circle.pairs)) for circle in worst(self.logs)]
        columns = (
            Column("first", text("grading.ahp.first", "One comparison")),
            Column("second", text("grading.ahp.second", "Another")),
            Column("asked", text("grading.ahp.asked", "Together they ask for")),
            Column("found", text("grading.ahp.found", "But it is"), "number", digits=2),
            Column("times", text("grading.ahp.times", "Times apart"), "number", digits=1),
            Column("mend", text("grading.ahp.mend", "What would mend it")),
            Column("after", text("grading.ahp.after", "Consistency ratio then"), "number", digits=3),
        )
        frame = pd.DataFrame([self._row(*one) for one in found], columns=[one.name for one in columns], dtype=object)
        mends = [mend for _, mend in found if mend]
        best = min(mends, key=lambda mend: mend.ratio) if mends else None if found else mend_of(self.logs, self.ratio)
        title = text("grading.ahp.circles_none", "The comparisons contradict each other along longer circles only")
        if found:
            title = text(
                "grading.ahp.circles_no_mend",
                "No step of the scale would agree better; consistency ratio {ratio}",
                ratio=number(self.ratio, 3),
            )
        if best is not None:
            title = text(
                "grading.ahp.circles",
                "With {change} the consistency ratio falls from {ratio} to {after}",
                change=self._change(best),
                ratio=number(self.ratio, 3),
                after=number(best.ratio, 3),
            )
        note = text(
            "grading.ahp.circles_note",
            "Circles of three comparisons, those furthest from closing first; 1 time apart is full agreement; consistency ratio"
            " now {ratio}. A mend takes one judgement of the circle to the step of the scale, 1/9 to 9, that lowers the ratio"
            " most (n/a where none does); what the experts then say is theirs to decide.",
            ratio=number(self.ratio, 3),
        )
        return Table(f"grading.ahp_circles{self._suffix}", title, columns, frame, note)

    def _row(self, circle: Circle, mend: Mend | None) -> dict[str, object]:
        return {
            "first": self._pair(circle.a, circle.b),
            "second": self._pair(circle.b, circle.c),
            "asked": self._pair(circle.a, circle.c, circle.asked),
            "found": circle.found,
            "times": circle.times,
            "mend": self._change(mend) if mend else None,
            "after": mend.ratio if mend else None,
        }

    def _change(self, mend: Mend) -> Text:
        return text(
            "grading.ahp.change",
            "{a} : {b} = {better} instead of {found}",
            a=self.names[self.items[mend.a]],
            b=self.names[self.items[mend.b]],
            better=named(step_words(mend.better)),
            found=named(step_words(mend.found)),
        )

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
            [f"{where}: consistency ratio {ratio:.3f}, expected at most {limit:g}; {contradiction(joined, items, ratio)}"]
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


def _title(weights: Weights) -> Text:
    first = max(weights.items, key=lambda item: weights.by_item[item])
    return text(
        "grading.ahp.title",
        "{first} weighs most: {weight}; consistency ratio {ratio}",
        first=weights.names[first],
        weight=share(weights.by_item[first]),
        ratio=number(weights.ratio, 3),
    )
