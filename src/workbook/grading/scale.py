"""Scales: how the values of an index become scores from 0 to 100, frozen from one population; row T3 of the method.

A scale is made from the customers of one period and kept with the grade policy. A later value gets its score from the scale
alone, so that nobody's score moves because other customers changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from workbook.errors import SettingsError
from workbook.settings.models import Index

Values = NDArray[np.float64]

KNOTS = 501
"""Most values that a percentile scale keeps; between two of them it is straight, at most a fifth of a point from the rank."""


@dataclass(frozen=True, eq=False)
class Scale:
    """From value to score.

    Attributes:
        kind: normalisation, as in the settings.
        cost: whether less is better.
        numbers: what the kind needs: knots (``percentile``), low and high (``minmax``, ``robust``), low, high and median size
            (``log``), mean and standard deviation (``z``), target (``target``).
        ranks: share below plus half of those equal at each knot (``percentile``).
        median: median score of the population that the scale was made from, for customers without a value.
    """

    kind: str
    cost: bool
    numbers: Values
    ranks: Values
    median: float

    def score(self, values: Values) -> Values:
        """Scores from 0 to 100; NaN stays NaN."""
        known = ~np.isnan(values)
        scores = np.full(len(values), np.nan)
        unit = _UNITS[self.kind](values[known], self)
        if self.cost and self.kind != "target":
            unit = 1.0 - unit
        scores[known] = 100.0 * np.clip(unit, 0.0, 1.0)
        return scores

    def value_at(self, score: float) -> float | None:
        """The value that scores just so, or the nearest one that scores more; None where none does.

        >>> freeze(np.array([0.0, 10.0]), Index(id="x", name="x", source="x", group="g", normalise="minmax")).value_at(25.0)
        2.5
        """
        ends = self._ends()
        if ends[0] == ends[-1] and self.kind != "percentile":  # all alike: whatever lies beside them scores 0 or 100
            ends = ends + np.array([-1.0, 1.0]) * max(abs(float(ends[0])), 1.0) * 1e-6
        reached = self.score(ends)
        worse, better = ends[int(np.argmin(reached))], ends[int(np.argmax(reached))]
        if reached.max() < score:
            return None
        if reached.min() >= score:
            return float(worse)
        for _ in range(200):  # halving ends at neighbouring numbers
            middle = worse / 2 + better / 2
            if middle in (worse, better):
                break
            if self.score(np.array([middle]))[0] >= score:
                better = middle
            else:
                worse = middle
        return float(better)

    @property
    def most(self) -> float:
        """The highest score that a value can have."""
        ends = self._ends()
        alike = self.kind != "percentile" and ends[0] == ends[-1]  # whatever lies beside it scores 0 or 100
        return 100.0 if alike else float(self.score(ends).max())

    def _ends(self) -> Values:
        """A value that scores least and one that scores most."""
        if self.kind == "percentile":
            return self.numbers[[0, -1]]
        if self.kind == "target":
            return np.array([0.0, 2 * self.numbers[0]])
        if self.kind == "z":
            mean, spread = self.numbers
            return np.array([mean - 9 * spread, mean + 9 * spread])
        if self.kind == "log":
            low, high, median = self.numbers
            return np.asarray(np.sign([low, high]) * np.expm1(np.abs([low, high])) * median)
        return self.numbers

    @property
    def json(self) -> dict[str, Any]:
        """As plain JSON; floats keep every digit."""
        return {"kind": self.kind, "cost": self.cost, "numbers": self.numbers.tolist(), "ranks": self.ranks.tolist(),
                "median": self.median}  # fmt: skip

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Scale:
        """The scale that :attr:`json` told."""
        return cls(said["kind"], said["cost"], np.asarray(said["numbers"]), np.asarray(said["ranks"]), said["median"])


def freeze(values: Values, index: Index) -> Scale:
    """The scale of an index, made from the values of a population (NaN where there is none; at least one value).

    * ``percentile``: share of customers below plus half of those equal (mid-rank), so that ties score alike.
    * ``minmax``: position between the smallest and the largest value.
    * ``robust``: position between the 5th and the 95th percentile; beyond them 0 and 100.
    * ``log``: position on the scale sign(x)·log(1 + |x| / median of |x| above 0): free of the unit of money.
    * ``z``: normal probability of the standard score, 50 at the mean.
    * ``target``: benefit: value / target; cost: 2 − value / target; held between 0 and 1.

    Where all values are equal, no order can be told and each scores 50 (``target`` excepted).

    Raises:
        SettingsError: where ``target`` is chosen without a target above 0.
    """
    x = values[~np.isnan(values)]
    numbers, ranks = _MADE[index.normalise](x, index)
    scale = Scale(index.normalise, index.direction == "cost", numbers, ranks, 50.0)
    return Scale(scale.kind, scale.cost, numbers, ranks, float(np.median(scale.score(x))))


def _between(x: Values, low: float | Values, high: float | Values) -> Values:
    # halves first, so that a range near the largest float does not overflow
    x, low, high = x / 2, np.asarray(low) / 2, np.asarray(high) / 2
    apart = high > low
    inside = np.where(apart, (x - low) / np.where(apart, high - low, 1.0), 0.5)
    return np.asarray(np.where(apart, inside, np.where(x < low, 0.0, np.where(x > high, 1.0, 0.5))))


def _log_units(x: Values, median: float) -> Values:
    return np.asarray(np.sign(x) * np.log1p(np.abs(x) / median))


def _knots(x: Values, _: Index) -> tuple[Values, Values]:
    values, sizes = np.unique(x, return_counts=True)
    ranks = (np.cumsum(sizes) - sizes / 2) / len(x)
    if len(values) > KNOTS:
        even = np.linspace(ranks[0], ranks[-1], KNOTS)
        kept = np.unique(np.append(np.searchsorted(ranks, even[:-1]), len(ranks) - 1))
        values, ranks = values[kept], ranks[kept]
    return values, ranks


def _percentile(x: Values, scale: Scale) -> Values:
    knots, ranks = scale.numbers, scale.ranks
    right = np.clip(np.searchsorted(knots, x), 0, len(knots) - 1)
    left = np.maximum(right - 1, 0)
    inside = ranks[left] + _between(x, knots[left], knots[right]) * (ranks[right] - ranks[left])
    return np.where((knots[right] <= x) | (right == 0), ranks[right], inside)


def _range(x: Values, _: Index) -> tuple[Values, Values]:
    return np.array([x.min(), x.max()]), np.array([])


def _robust_range(x: Values, _: Index) -> tuple[Values, Values]:
    return np.quantile(x, [0.05, 0.95]), np.array([])


def _log_range(x: Values, _: Index) -> tuple[Values, Values]:
    size = np.abs(x)
    median = float(np.median(size[size > 0])) if (size > 0).any() else 1.0
    units = _log_units(x, median)
    return np.array([units.min(), units.max(), median]), np.array([])


def _moments(x: Values, _: Index) -> tuple[Values, Values]:
    if x.min() == x.max():  # whatever rounding makes of their mean
        return np.array([x.min(), 0.0]), np.array([])
    return np.array([x.mean(), x.std()]), np.array([])


def _target(x: Values, index: Index) -> tuple[Values, Values]:
    if index.target is None or index.target <= 0:
        raise SettingsError(
            [f"grading.indices.{index.id}.target: found {index.target!r}, expected a number above 0, since normalise is target"]
        )
    return np.array([index.target]), np.array([])


def _z_units(x: Values, scale: Scale) -> Values:
    mean, spread = scale.numbers
    if spread == 0.0:
        return np.where(x < mean, 0.0, np.where(x > mean, 1.0, 0.5))
    return np.asarray(ndtr((x - mean) / spread))


def _target_units(x: Values, scale: Scale) -> Values:
    part = x / scale.numbers[0]
    return np.asarray(2.0 - part if scale.cost else part)


_MADE: Mapping[str, Callable[[Values, Index], tuple[Values, Values]]] = {
    "percentile": _knots, "minmax": _range, "robust": _robust_range, "log": _log_range, "z": _moments, "target": _target,
}  # fmt: skip
_UNITS: Mapping[str, Callable[[Values, Scale], Values]] = {
    "percentile": _percentile,
    "minmax": lambda x, scale: _between(x, scale.numbers[0], scale.numbers[1]),
    "robust": lambda x, scale: _between(x, scale.numbers[0], scale.numbers[1]),
    "log": lambda x, scale: _between(_log_units(x, scale.numbers[2]), scale.numbers[0], scale.numbers[1]),
    "z": _z_units,
    "target": _target_units,
}
