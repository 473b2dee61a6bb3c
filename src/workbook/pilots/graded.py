"""Two groups that nobody drew: two comparisons, each tried on every earlier date that the history allows, and the grade of
evidence that follows (row P5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbook.pilots.not_randomised import (
    FEWEST,
    LARGEST_IMBALANCE,
    Compared,
    Estimate,
    Values,
    Weighted,
    difference_in_differences,
    doubly_robust,
    hidden_factor,
    parallel_before,
)

STRETCHES = 4
"""Most stretches before a measure with which it is compared, each as long as the measure."""
PLACEBOS = 6
"""Most earlier dates, a stretch apart, on which a comparison is tried as if the measure had begun there."""

Reading = Literal["more", "less", "unclear"]
Grade = Literal["moderate", "weak", "few", "short", "apart", "differ"]


@dataclass(frozen=True)
class Graded:
    """What the comparisons of two groups bear.

    Attributes:
        stretches: before the measure.
        plain: difference in differences; its interval holds what earlier dates showed too. None where it cannot be had.
        weighted: the same beside like customers.
        plain_before, weighted_before: effects on earlier dates, the latest first; there was none to find.
        parallel: p that both groups moved alike before.
        plain_passes, weighted_passes: whether each holds its tests.
        hidden: least E-value of the ends nearest to zero of those that pass; NaN where none does.
        reading: ``unclear`` where they do not agree.
        grade: ``moderate`` where both pass and agree, ``weak``, or why nothing can be said.
    """

    stretches: int
    plain: Compared | None
    weighted: Weighted | None
    plain_before: tuple[float, ...]
    weighted_before: tuple[float, ...]
    parallel: float | None
    plain_passes: bool
    weighted_passes: bool
    hidden: float
    reading: Reading
    grade: Grade

    @property
    def judged(self) -> bool:
        """Whether anything can be said."""
        return self.grade in ("moderate", "weak")


def grade(
    panel: Values,
    covariates: Callable[[int], Values],
    treated: NDArray[np.bool_],
    confidence: float,
    together: float | None = None,
) -> Graded:
    """Compare the treated with the others, and grade what that bears.

    Args:
        panel: units × stretches: while the measure ran, then one stretch before it, two before it …
        covariates: of each unit, as they were known that many stretches before the measure began.
        treated: which units have the measure.
        confidence: of a comparison by itself; ``together`` of this one, where it is one of several.

    The earlier dates share the error: each is held to its share. Intervals hold a bias as large as the largest effect on them,
    where there was nothing to find. Source: Rambachan & Roth (2023), Review of Economic Studies 90, 2555-2591, section 2.4.1
    (relative magnitudes, 1).
    """
    stretches = panel.shape[1] - 1
    nothing = Graded(stretches, None, None, (), (), None, False, False, math.nan, "unclear", "few")
    if min(int(treated.sum()), int((~treated).sum())) < FEWEST:
        return nothing
    if stretches < 2:
        return replace(nothing, grade="short")
    together = confidence if together is None else together
    # with less history before it a date is compared worse than the measure is, and tells of another bias
    dates = range(1, max(1, min(PLACEBOS, stretches - STRETCHES)) + 1)
    each = 1 - (1 - confidence) / len(dates)

    def change(at: int) -> Values:
        return np.asarray(panel[:, at] - _before(panel, at).mean(axis=1))

    plain = difference_in_differences(panel[:, 0], _before(panel, 0), treated, together)
    weighted = doubly_robust(change(0), covariates(0), treated, together)
    plain_before = _told(difference_in_differences(panel[:, at], _before(panel, at), treated, each) for at in dates)
    weighted_before = _told(doubly_robust(change(at), covariates(at), treated, each) for at in dates) if weighted else []
    parallel = parallel_before(_before(panel, 0), treated)
    plain_passes = plain is not None and bool(plain_before) and parallel is not None and parallel >= 1 - confidence
    weighted_passes = (
        weighted is not None and bool(weighted_before) and all(one.covers_zero for one in weighted_before)
        and weighted.after < LARGEST_IMBALANCE and weighted.counted >= FEWEST
    )  # fmt: skip
    early_plain, early_weighted = (tuple(one.effect for one in found) for found in (plain_before, weighted_before))
    if plain is not None:
        plain = replace(plain, estimate=widened(plain.estimate, early_plain))
    if weighted is not None:
        weighted = replace(weighted, estimate=widened(weighted.estimate, early_weighted))
    passes = (plain_passes, weighted_passes)
    found = Graded(
        stretches, plain, weighted, early_plain, early_weighted, parallel, *passes, math.nan, "unclear", "differ"
    )  # fmt: skip
    passing = [one for one, passes in ((plain, plain_passes), (weighted, weighted_passes)) if passes and one is not None]
    if not passing:
        return found if weighted is not None else replace(found, grade="apart")
    readings = {reading(one.estimate) for one in passing}
    agree = len(readings) == 1
    return replace(
        found,
        hidden=min(hidden_factor(nearest(one.estimate), one.typical) for one in passing),
        reading=readings.pop() if agree else "unclear",
        grade="moderate" if agree and len(passing) == 2 else "weak",
    )


def widened(found: Estimate, earlier: Sequence[float]) -> Estimate:
    """The estimate with an interval that holds a bias as large as what was found on dates on which there was nothing to find.

    >>> widened(Estimate(10.0, 3.0, 4.0, 16.0), [2.0, -3.0])
    Estimate(effect=10.0, error=3.0, low=1.0, high=19.0)
    """
    bias = max((abs(one) for one in earlier), default=0.0)
    return replace(found, low=found.low - bias, high=found.high + bias)


def nearest(found: Estimate) -> float:
    """The end of the interval nearest to zero; 0 where it holds zero."""
    return 0.0 if found.covers_zero else min(abs(found.low), abs(found.high))


def reading(found: Estimate) -> Reading:
    """How the interval reads."""
    return "more" if found.low > 0 else "less" if found.high < 0 else "unclear"


def _before(panel: Values, at: int) -> Values:
    """The stretches with which one *at* stretches before the measure is compared."""
    return panel[:, at + 1 : at + 1 + STRETCHES]


def _told(found: Iterable[Compared | None]) -> list[Estimate]:
    return [one.estimate for one in found if one is not None]
