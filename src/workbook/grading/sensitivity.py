"""How far the weights can move before customers change tier: the regions in which each tier holds; row T10 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.grading.scale import Values
from workbook.grading.score import Grades
from workbook.grading.tiers import Places, places_of
from workbook.language import Text, count, named, points, share, text
from workbook.report.blocks import Block, Column, NotMeasured, Table

LEAVING = 0.05
"""A tier holds as long as at most this share of its customers would be in another."""

STEPS = 100
"""Weights that are tried, evenly from 0 to 1."""

MOST = 4000
"""Customers on whom they are tried, spread evenly over the file."""

ALL = "all"


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The range of each weight in which tiers hold, the other weights keeping their proportions.

    Attributes:
        frame: group, weight, ten (share of customers who change tier where it moves by ten points, the worse way), and for
            ``all`` and each tier with customers ``<tier>_low`` and ``<tier>_high``.
        names: tier → what readers see.
        groups: group → what readers see.
        n: customers tried.
    """

    frame: pd.DataFrame
    names: Mapping[str, Text]
    groups: Mapping[str, Text]
    n: int

    def table(self) -> Table:
        """Group by group: its weight, and the range in which everybody's tier, and each tier, holds."""
        shown = [name for name in (ALL, *list(self.names)[:4]) if f"{name}_low" in self.frame]
        heads = {ALL: text("grading.sensitivity.all", "All tiers hold at"), **self.names}
        body = pd.DataFrame({"group": self.frame["group"], "weight": self.frame["weight"], "ten": self.frame["ten"]})
        ranges = {
            name: [
                text("grading.sensitivity.range", "{low}–{high}", low=share(low, 0), high=share(high, 0))
                for low, high in zip(self.frame[f"{name}_low"], self.frame[f"{name}_high"], strict=True)
            ]
            for name in shown
        }
        body = body.join(pd.DataFrame(ranges))
        columns = (
            Column("group", text("grading.column.group", "Group of indices"), labels=self.groups),
            Column("weight", text("grading.column.weight", "Weight"), "share"),
            Column("ten", text("grading.sensitivity.ten", "Change tier at ±10 points"), "share"),
            *(Column(name, heads[name]) for name in shown),
        )
        note = text(
            "grading.sensitivity.note",
            "Range of a group's weight, the others keeping their proportions, in which at most {leaving} of the customers (of"
            " all; of each tier) would be in another tier by score; n = {n} customers.",
            leaving=share(LEAVING, 0),
            n=count(self.n),
        )
        return Table("grading.sensitivity", self._title(), columns, body, note, rows=len(body))

    def blocks(self) -> tuple[Block, ...]:
        """The table."""
        return (self.table(),)

    def _title(self) -> Text:
        # a range that ends where weights end is no limit
        below = np.where(self.frame["all_low"] > 0, self.frame["weight"] - self.frame["all_low"], np.inf)
        above = np.where(self.frame["all_high"] < 1, self.frame["all_high"] - self.frame["weight"], np.inf)
        free = np.minimum(below, above)
        if np.isinf(free).all():
            return text("grading.sensitivity.free", "No weight of one group moves over {leaving} of customers to another tier",
                        leaving=share(LEAVING, 0))  # fmt: skip
        room = np.floor(STEPS * free) / STEPS
        first = int(np.argmin(room))
        name = self.groups[str(self.frame["group"].iloc[first])]
        least = float(room[first])
        if least < 1 / STEPS:
            return text("grading.sensitivity.tight", "One point of weight of {group} moves over {leaving} of customers",
                        group=name, leaving=share(LEAVING, 0))  # fmt: skip
        return text(
            "grading.sensitivity.title", "Tiers hold while the weight of {group} moves by at most {room}",
            group=name, room=points(least, 0),
        )  # fmt: skip


def weigh_otherwise(grades: Grades | NotMeasured) -> Sensitivity | NotMeasured:
    """Try every weight of every group of indices, and tell in which range the tiers by score hold.

    Returns:
        The ranges; NotMeasured where there is only one group to weigh.
    """
    if isinstance(grades, NotMeasured):
        return grades
    groups = list(grades.group_weights)
    if len(groups) < 2:
        why = text("grading.sensitivity.one", "There is one group of indices, so no weight can move.")
        return NotMeasured("grading.sensitivity", text("grading.sensitivity.what", "How far weights can move"), (), why)
    chosen = np.unique(np.linspace(0, len(grades.frame) - 1, min(len(grades.frame), MOST)).astype(int))
    parts = np.column_stack([_of_group(grades, group)[chosen] for group in groups])
    there = ~np.isnan(parts)
    filled = np.where(there, parts, 0.0)
    lows = grades.policy.lows

    def placed(weights: Values) -> Places:
        whole = there @ weights
        return places_of(np.divide(filled @ weights, whole, out=np.zeros(len(filled)), where=whole > 0), lows)

    present = np.array([grades.group_weights[group] for group in groups])
    base = placed(present)
    tiers = {ALL: np.ones(len(base), bool)} | {tier: base == k for k, tier in enumerate(grades.names) if (base == k).any()}
    tried = np.arange(STEPS + 1) / STEPS
    rows = []
    for place, group in enumerate(groups):
        others = np.delete(present, place).sum()
        moved = np.empty((STEPS + 1, len(tiers)))
        for k, weight in enumerate(tried):
            weights = present * (1 - weight) / others
            weights[place] = weight
            away = placed(weights) != base
            moved[k] = [away[part].mean() for part in tiers.values()]
        row: dict[str, float | str] = {"group": group, "weight": float(present[place])}
        near = [np.interp(np.clip(present[place] + step, 0, 1), tried, moved[:, 0]) for step in (-0.1, 0.1)]
        row["ten"] = float(max(near))
        for column, tier in enumerate(tiers):
            row[f"{tier}_low"], row[f"{tier}_high"] = _range(tried, moved[:, column] <= LEAVING, float(present[place]))
        rows.append(row)
    return Sensitivity(
        pd.DataFrame(rows), grades.names, {group.id: named(group.name) for group in grades.settings.groups}, len(base)
    )


def _range(tried: Values, holds: NDArray[np.bool_], present: float) -> tuple[float, float]:
    """The unbroken run of weights about the present one at which the tier holds."""
    below, above = tried <= present, tried >= present
    broken_below, broken_above = tried[below & ~holds], tried[above & ~holds]
    low = tried[tried > broken_below.max()].min() if len(broken_below) else 0.0
    high = tried[tried < broken_above.min()].max() if len(broken_above) else 1.0
    return float(min(low, present)), float(max(high, present))


def _of_group(grades: Grades, group: str) -> Values:
    """The weighted mean of a group's indices for each customer; NaN where none has a score."""
    indices = [index for index in grades.settings.indices if index.group == group and index.id in grades.index_weights]
    scores = grades.frame[[f"index_{index.id}" for index in indices]].to_numpy(dtype=float)
    weights = np.array([grades.index_weights[index.id] for index in indices]) * ~np.isnan(scores)
    whole = weights.sum(axis=1)
    sums = (np.nan_to_num(scores) * weights).sum(axis=1)
    return np.asarray(np.where(whole > 0, sums / np.where(whole > 0, whole, 1.0), np.nan))
