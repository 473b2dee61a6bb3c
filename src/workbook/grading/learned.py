"""Weights that later value suggests, beside those of the policy: proposed, never applied; row T7 of the method.

Three windows: the indices at the end of one period, what customers bought in the next, from which the weights are learned, and
what they bought in the one after, which judges them. A weight tells what an index says of later value that the others do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import rankdata

from workbook.grading.composite import total_score
from workbook.grading.scale import Values
from workbook.grading.score import Grades
from workbook.grading.tiers import places_of
from workbook.grading.worth import FEW, Z, capture
from workbook.language import Text, count, named, points, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Index

DRAWS = 400
"""Bootstrap draws behind the intervals."""

PARCELS = 2000
"""Customers are drawn in at most so many parcels: a million costs no more than two thousand."""

_WHAT = text("grading.learned.what", "Weights that later value suggests")


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights learned from one window.

    Attributes:
        weights, low, high: one an index, adding up to 1, with the 95% bootstrap interval.
        n: customers.
    """

    weights: Values
    low: Values
    high: Values
    n: int


@dataclass(frozen=True, eq=False)
class Learned:
    """The learned weights beside the present ones, and what they would change.

    Attributes:
        frame: index (id), present, learned, low, high.
        moved, up, down: shares of this period's customers whose tier by score would be another.
        caught, present: share of held-out revenue from the best tenth by learned and by present weights.
        gap, gap_low, gap_high: caught less present, with its paired 95% interval.
        n: customers in the held-out window; ``learned_n`` in the one learned from.
        windows: the period whose indices were learned from, the one whose revenue, and the held-out one.
    """

    frame: pd.DataFrame
    names: Mapping[str, Text]
    moved: float
    up: float
    down: float
    caught: float
    present: float
    gap: float
    gap_low: float
    gap_high: float
    n: int
    learned_n: int
    windows: tuple[str, str, str]

    def table(self) -> Table:
        """Index by index: the present weight and the learned one."""
        columns = (
            Column("index", text("grading.card.index", "Index"), labels=self.names),
            Column("present", text("grading.learned.present", "Present weight"), "share"),
            Column("learned", text("grading.learned.learned", "Learned weight"), "share", low="low", high="high"),
        )
        note = text(
            "grading.learned.note",
            "Share of the whole score. Learned by non-negative least squares: rank of a customer's revenue in {second} on the"
            " indices at the end of {first}; 95% bootstrap interval, n = {learned}. Judged on revenue of {third}, n = {n}.",
            first=self.windows[0], second=self.windows[1], third=self.windows[2], learned=count(self.learned_n),
            n=count(self.n),
        )  # fmt: skip
        return Table("grading.learned", self._title(), columns, self.frame, note, rows=len(self.frame))

    def words(self) -> Paragraph:
        """What the change would move; it is not made."""
        return Paragraph(
            "grading.learned_effect",
            text(
                "grading.learned.effect",
                "By the learned weights the best tenth would have brought {caught} of the revenue of {third}, by the present"
                " ones {present}: a difference of {gap} ({low} to {high}). {moved} of customers would be in another tier by"
                " score ({up} higher, {down} lower). This is a proposal: weights change only in the settings.",
                caught=share(self.caught), present=share(self.present), third=self.windows[2], gap=points(self.gap),
                low=points(self.gap_low), high=points(self.gap_high), moved=share(self.moved), up=share(self.up),
                down=share(self.down),
            ),
        )  # fmt: skip

    def blocks(self) -> tuple[Block, ...]:
        """The table and the effect in words."""
        return (self.table(), self.words())

    def _title(self) -> Text:
        values = {"caught": share(self.caught), "present": share(self.present)}
        if self.gap_low > 0:
            return text(
                "grading.learned.better", "Learned weights do better: best tenth brings {caught}, by present weights {present}",
                **values,
            )  # fmt: skip
        if self.gap_high < 0:
            return text(
                "grading.learned.worse", "Learned weights do worse: best tenth brings {caught}, by present weights {present}",
                **values,
            )  # fmt: skip
        return text(
            "grading.learned.level", "Learned weights do not clearly do better: {caught} against {present} of later revenue",
            **values,
        )  # fmt: skip


def fit_weights(scores: Values, target: Values, rng: np.random.Generator, draws: int = DRAWS) -> Fit | None:
    """Non-negative weights, adding up to 1, of the scores that tell *target* best by least squares, with bootstrap intervals.

    Args:
        scores: customers × indices, 0 to 100; NaN counts as the index's mean.
        target: beside them, what is to be told.

    Returns:
        The fit; None where no index rises with the target.

    Source: Lawson & Hanson (1974), chapter 23; the bootstrap draws parcels of customers, so that its cost does not grow.
    """
    n, k = scores.shape
    known = pd.DataFrame(scores)
    filled = known.fillna(known.mean()).fillna(0.0).to_numpy()  # an index that nobody has a value for says nothing
    rows = np.column_stack([np.ones(n), filled / 100.0, target])
    first, second = np.triu_indices(k + 2)
    products = rows[:, first] * rows[:, second]
    parcels = min(n, PARCELS)
    if parcels < n:
        where = rng.permutation(n) % parcels
        products = np.column_stack([np.bincount(where, weights=one, minlength=parcels) for one in products.T])
    drawn = rng.multinomial(parcels, np.full(parcels, 1 / parcels), draws).astype(float)
    sums = np.vstack([products.sum(axis=0), drawn @ products])
    moments = np.zeros((draws + 1, k + 2, k + 2))
    moments[:, first, second] = moments[:, second, first] = sums
    found = np.array([_solve(one) for one in moments])
    if not np.isfinite(found[0]).all():
        return None
    low, high = np.nanquantile(found[1:], [0.025, 0.975], axis=0)
    return Fit(found[0], np.minimum(low, found[0]), np.maximum(high, found[0]), n)


def _solve(moments: Values) -> Values:
    """The weights from the sums of products of one, scores and target: least squares about the means, none below 0."""
    centred = moments[1:, 1:] - np.outer(moments[0, 1:], moments[0, 1:]) / moments[0, 0]
    inner, told = centred[:-1, :-1], centred[:-1, -1]
    values, vectors = np.linalg.eigh(inner)
    roots = np.sqrt(np.maximum(values, 1e-9 * max(values[-1], 1e-300)))  # two indices that say the same share their weight
    weights, _ = nnls(roots[:, None] * vectors.T, (vectors.T @ told) / roots)
    whole = weights.sum()
    return np.asarray(weights / whole if whole > 0 else np.full(len(weights), np.nan))


def learn_weights(
    before: pd.DataFrame | NotMeasured | None,
    now: pd.DataFrame,
    indices: Sequence[Index],
    *,
    periods: tuple[Period, Period],
    seed: int,
) -> dict[str, Any] | NotMeasured:
    """The weights that this period's revenue suggests for the indices of the period before; the next period judges them.

    Args:
        before: scores of the period before; *now*: this period's profile (revenue_period).
    """
    names = [index.id for index in indices]
    if not isinstance(before, pd.DataFrame) or not {f"index_{name}" for name in names} <= set(before.columns):
        why = text("grading.learned.first", "The period before was not graded by the same indices.")
        return NotMeasured("grading.learned", _WHAT, (), why)
    later = _later(before, now)
    if len(before) < FEW or later.max() <= 0:
        return NotMeasured(
            "grading.learned", _WHAT, (), text("grading.learned.few", "It takes 100 customers with revenue since.")
        )
    rank = 100 * (rankdata(later) - 0.5) / len(later)
    fit = fit_weights(_points(before, names), rank, np.random.default_rng(seed))
    if fit is None:
        return NotMeasured("grading.learned", _WHAT, (), text("grading.learned.none", "No index rises with later revenue."))
    told = {"weights": fit.weights, "low": fit.low, "high": fit.high}
    return {"windows": [period.name for period in periods], "n": fit.n,
            **{key: dict(zip(names, value.tolist(), strict=True)) for key, value in told.items()}}  # fmt: skip


def judge_weights(
    learned: Mapping[str, Any] | NotMeasured | None,
    before: pd.DataFrame | NotMeasured | None,
    now: pd.DataFrame,
    grades: Grades,
    *,
    periods: tuple[Period, Period],
) -> Learned | NotMeasured:
    """Hold the weights learned a period ago against revenue that they have not seen, and tell what they would move.

    Args:
        learned: what :func:`learn_weights` gave in the period before.
        before: scores of the period before; *now*: this period's profile (revenue_period).
        grades: this period's.
    """
    indices = grades.settings.indices
    names = [index.id for index in indices]
    if not isinstance(learned, Mapping):
        why = text(
            "grading.learned.later", "Weights are learned from one period and judged by the next: it takes three periods."
        )
        return NotMeasured("grading.learned", _WHAT, (), why)
    if set(learned["weights"]) != set(names) or not isinstance(before, pd.DataFrame) or len(before) < FEW:
        why = text("grading.learned.first", "The period before was not graded by the same indices.")
        return NotMeasured("grading.learned", _WHAT, (), why)
    later = _later(before, now)
    if later.sum() <= 0:
        return NotMeasured(
            "grading.learned", _WHAT, (), text("grading.learned.few", "It takes 100 customers with revenue since.")
        )
    present = {name: grades.index_weights.get(name, 0.0) for name in names}

    def ranked(weights: Mapping[str, float], frame: pd.DataFrame) -> Values:
        scored = pd.DataFrame(_points(frame, names), columns=names)
        weighed = [index.model_copy(update={"weight": weights[index.id]}) for index in indices]
        groups = {group.id: sum(weights[i.id] for i in indices if i.group == group.id) for group in grades.settings.groups}
        return np.nan_to_num(total_score(scored, weighed, groups))

    caught, told = capture(ranked(learned["weights"], before), later)
    base, known = capture(ranked(present, before), later)
    half = Z * float((told - known).std()) / np.sqrt(len(later))
    tiers, others = (places_of(ranked(one, grades.frame), grades.policy.lows) for one in (present, learned["weights"]))
    frame = pd.DataFrame({
        "index": names, "present": list(present.values()), "learned": [learned["weights"][name] for name in names],
        "low": [learned["low"][name] for name in names], "high": [learned["high"][name] for name in names],
    })  # fmt: skip
    return Learned(
        frame, {index.id: named(index.name) for index in indices}, float((tiers != others).mean()),
        float((others < tiers).mean()), float((others > tiers).mean()), caught, base, caught - base, caught - base - half,
        caught - base + half, len(later), int(learned["n"]), (*learned["windows"], periods[1].name),
    )  # fmt: skip


def _points(frame: pd.DataFrame, names: Sequence[str]) -> Values:
    return frame[[f"index_{name}" for name in names]].to_numpy(dtype=float)


def _later(before: pd.DataFrame, now: pd.DataFrame) -> Values:
    """This period's revenue of the customers graded before; who is missing bought nothing."""
    found = now.set_index("customer_id")["revenue_period"].reindex(before["customer_id"])
    return np.asarray(pd.to_numeric(found).astype(float).fillna(0.0).to_numpy())
