"""Ways to the next tier: the change of one index, or of two, that reaches it, in the index's own unit; row T9 of the method."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.grading.scale import Scale
from workbook.grading.tiers import TOLERANCE
from workbook.language import Quantity, Text, Unit, text
from workbook.settings.models import Index

MONEY = frozenset((
    "revenue", "revenue_all", "revenue_period", "revenue_previous", "average_order", "contract_value",
))  # fmt: skip
"""Columns of the profile that are amounts of money."""

SHARES = frozenset(("refund_share", "discount_share", "margin", "late_responses"))
"""Columns of the profile that are proportions."""

SMALL_CHANGE = 100.0
"""From this amount of money on, what is asked for is told without cents."""

HAIR = 1e-12
"""So much more is asked for, that rounding does not leave the score below the threshold."""


@dataclass(frozen=True)
class Start:
    """An index of one customer, before it changes.

    Attributes:
        index, scale: as in the policy.
        value, points, weight: the value, its points of 100, and its weight in this customer's score.
        whole: whether it counts things.
    """

    index: Index
    scale: Scale
    value: float
    points: float
    weight: float
    whole: bool

    @property
    def unit(self) -> Unit:
        """What its values measure."""
        return natural_unit(self.index, self.whole)

    @property
    def room(self) -> float:
        """The points that it can gain."""
        return max(self.scale.most - self.points, 0.0)

    def gain(self, points: float) -> float | None:
        """The value that has so many points more; the change is whole where it counts things or much
        money. None where none has."""
        reached = self.points + points
        if reached > self.scale.most + TOLERANCE:
            return None
        wanted = self.scale.value_at(min(reached * (1 + HAIR), self.scale.most))
        if wanted is None or not (self.whole or (self.unit == "money" and abs(wanted) >= SMALL_CHANGE)):
            return wanted
        step = wanted - self.value
        return self.value + float(np.ceil(step) if self.index.direction == "benefit" else np.floor(step))

    def gained(self, value: float) -> float:
        """The points more that *value* has."""
        return float(self.scale.score(np.array([value]))[0]) - self.points


@dataclass(frozen=True)
class Step:
    """One index taken from one value to another.

    Attributes:
        index: its id.
        value, wanted: before and after, in ``unit``.
        points: of the index, gained.
        unit: what the values measure.
    """

    index: str
    value: float
    wanted: float
    points: float
    unit: Unit

    @property
    def change(self) -> Text:
        """The difference with its sign, in the unit of the index."""
        return change_words(self.value, self.wanted, self.unit)

    def words(self, names: Mapping[str, Text]) -> Text:
        """The step in words: "Orders a year +2 (from 5 to 7)"."""
        return text(
            "grading.card.step",
            "{index} {change} (from {value} to {wanted})",
            index=names[self.index],
            change=self.change,
            value=in_unit(self.value, self.unit),
            wanted=in_unit(self.wanted, self.unit),
        )


def change_words(value: float, wanted: float, unit: Unit) -> Text:
    """The difference of two values with its sign."""
    size = in_unit(abs(wanted - value), unit)
    return (
        text("grading.card.less", "−{size}", size=size) if wanted < value else text("grading.card.more", "+{size}", size=size)
    )


def in_unit(value: float, unit: Unit) -> Quantity:
    """A value of an index as readers see it."""
    return Quantity(value, unit)


def natural_unit(index: Index, counts: bool) -> Unit:
    """What the values of an index measure: as the settings say, or by the column of the profile behind it."""
    if index.unit != "auto":
        return index.unit
    column = index.source.strip()
    if column in MONEY:
        return "money"
    if column in SHARES:
        return "share"
    if column.endswith("_days"):
        return "days"
    if column.endswith("_hours"):
        return "hours"
    return "count" if counts else "number"


def counts_things(profile: pd.DataFrame, index: Index) -> bool:
    """Whether an index counts things: a column without a fraction anywhere."""
    column = index.source.strip()
    if column not in profile:
        return False
    known = pd.to_numeric(profile[column]).astype(float).dropna()
    return bool((known % 1 == 0).all())


def alone(start: Start, gap: float) -> Step | None:
    """The change of this index alone that lifts the score by *gap*; None where none does."""
    points = gap / start.weight
    wanted = start.gain(points) if start.weight > 0 else None
    return None if wanted is None else _step(start, wanted, points)


def pair(starts: Sequence[Start], gap: float) -> tuple[Step, Step] | None:
    """The two indices that lift the score by *gap* with the fewest points in all, both rising alike as far as each can.

    None where no two can.
    """
    best: tuple[float, Start, Start, float] | None = None
    for one, two in itertools.combinations([start for start in starts if start.weight > 0], 2):
        first, second = (two, one) if two.whole and not one.whole else (one, two)  # the other takes up what whole steps leave
        both = gap / (first.weight + second.weight)
        points = float(np.clip(both, (gap - second.weight * second.room) / first.weight, first.room))
        rest = (gap - first.weight * points) / second.weight
        if rest > second.room + TOLERANCE:
            continue
        if best is None or points + rest < best[0]:
            best = (points + rest, first, second, points)
    if best is None:
        return None
    _, first, second, points = best
    wanted = first.gain(points)
    if wanted is None:
        return None
    rest = max(gap - first.weight * first.gained(wanted), 0.0) / second.weight
    other = second.gain(rest)
    return None if other is None else (_step(first, wanted, first.gained(wanted)), _step(second, other, rest))


def _step(start: Start, wanted: float, points: float) -> Step:
    return Step(start.index.id, start.value, wanted, points, start.unit)
