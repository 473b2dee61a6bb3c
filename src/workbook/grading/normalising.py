"""What another normalisation would do to the shares of the tiers, before it is chosen; row T3 of the method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd

from workbook.grading.composite import total_score
from workbook.grading.indices import NORMALISATIONS, score_indices
from workbook.grading.scale import Values
from workbook.grading.score import Grades
from workbook.grading.tiers import tier_of
from workbook.language import Text, count, named, share, text
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Index

CHOICES: tuple[str, ...] = get_args(Index.model_fields["normalise"].annotation)
PRESENT, ALL = "present", "all"

BEST = 0.2
"""Where no target is set, what this share of customers reach or better is tried as one."""

MOST = 20_000
"""Customers on whom the choices are tried, spread evenly over the file."""


NOBODY = text("grading.normalisation.none", "No other normalisation would move a customer to another tier")


@dataclass(frozen=True, eq=False)
class Normalised:
    """Shares of the tiers by score under each normalisation.

    Attributes:
        frame: index (id; ``all`` for every index at once), normalise (``present`` for what is set), one column a tier with its
            share of customers, moved (share of customers in another tier than by the normalisations set).
        tiers: tier → what readers see, the highest first.
        indices: index → what readers see.
        n: customers on whom they are tried.
        aimed: whether a target had to be put in for an index that has none.
    """

    frame: pd.DataFrame
    tiers: Mapping[str, Text]
    indices: Mapping[str, Text]
    n: int
    aimed: bool

    def blocks(self) -> tuple[Block, ...]:
        """Every index changed at once, then one index at a time."""
        return (self.together(), self.alone())

    def together(self) -> Table:
        """What each normalisation, used for every index, does to the shares of the tiers."""
        body = self.frame[self.frame["index"] == ALL]
        first, moved = _furthest(body)
        title = NOBODY
        if moved > 0:
            title = text(
                "grading.normalisation.title",
                "{choice} for every index would move {moved} of customers to another tier",
                choice=NORMALISATIONS[first["normalise"]],
                moved=share(moved),
            )
        note = text(
            "grading.normalisation.note",
            "Share of customers in each tier by score, were every index normalised in this way over the customers of this"
            " period; same weights and thresholds, no buffer; n = {n}.{target}",
            n=count(self.n),
            target=self._target(),
        )
        return Table("grading.normalisation", title, self._columns(6), body, note, rows=len(body))

    def alone(self) -> Table:
        """What another normalisation of one index, the others as they are, does to the shares of the tiers."""
        body = self.frame[self.frame["index"] != ALL]
        first, moved = _furthest(body)
        title = NOBODY
        if moved > 0:
            title = text(
                "grading.normalisation.alone",
                "{choice} for {index} alone would move {moved} of customers to another tier",
                choice=NORMALISATIONS[first["normalise"]],
                index=self.indices[first["index"]],
                moved=share(moved),
            )
        note = text(
            "grading.normalisation.alone_note",
            "Share of customers in each tier by score, were this one index normalised in this way over the customers of this"
            " period and all others as they are; same weights and thresholds, no buffer; n = {n}.{target}",
            n=count(self.n),
            target=self._target(),
        )
        columns = (Column("index", text("grading.column.index", "Index"), labels=self.indices), *self._columns(5))
        return Table("grading.normalisation_alone", title, columns, body, note, rows=len(body))

    def _columns(self, most: int) -> tuple[Column, ...]:
        labels = {**NORMALISATIONS, PRESENT: text("grading.normalise.present", "As set")}
        return (
            Column("normalise", text("grading.column.normalise", "Normalisation"), labels=labels),
            *(Column(tier, self.tiers[tier], "share") for tier in list(self.tiers)[:most]),
            Column("moved", text("grading.column.moved", "Moved to another tier"), "share"),
        )

    def _target(self) -> Text:
        if not self.aimed:
            return named("")
        return text(
            "grading.normalisation.target",
            " Target where none is set: what the best {part} of customers reach, if above 0.",
            part=share(BEST, 0),
        )


def _furthest(body: pd.DataFrame) -> tuple[Mapping[str, str], float]:
    """The row that moves most customers, and the share that it moves; 0 where there is no row."""
    if body.empty:
        return {}, 0.0
    place = int(body["moved"].argmax())
    return {name: str(body[name].iloc[place]) for name in ("index", "normalise")}, float(body["moved"].iloc[place])


def normalise_otherwise(grades: Grades | NotMeasured) -> Normalised | NotMeasured:
    """Try every normalisation for every index at once, and for one index at a time.

    Indices keep the scales of the grade policy until they are changed; a changed one is normalised over the customers of this
    period. An index for which no target above 0 can be put in keeps its normalisation where targets are tried.
    """
    if isinstance(grades, NotMeasured):
        return grades
    settings, weights, given = grades.settings, grades.group_weights, grades.values  # noqa: PD011 – a frame of our own
    picked = np.unique(np.linspace(0, len(grades.frame) - 1, min(len(grades.frame), MOST)).astype(int))
    values = given.iloc[picked].reset_index(drop=True)
    measured = [index for index in settings.indices if index.id in grades.index_weights]
    present = pd.DataFrame({i.id: grades.frame[f"index_{i.id}"].to_numpy(dtype=float)[picked] for i in settings.indices})
    before = grades.frame["tier_by_score"].to_numpy()[picked]
    changed = {(index.id, kind): points for index in measured for kind, points in _tried(index, values)}

    def row(index: str, kind: str, points: pd.DataFrame) -> dict[str, object]:
        tiers = before if kind == PRESENT else tier_of(np.nan_to_num(total_score(points, settings.indices, weights)), settings)
        shares = {tier: float(np.mean(tiers == tier)) for tier in grades.names}
        return {"index": index, "normalise": kind, **shares, "moved": float(np.mean(tiers != before))}

    rows = [row(ALL, PRESENT, present)]
    for kind in CHOICES:
        rows.append(row(ALL, kind, present.assign(**{i: points for (i, k), points in changed.items() if k == kind})))
    own = {index.id: index.normalise for index in measured}
    rows += [row(i, k, present.assign(**{i: points})) for (i, k), points in changed.items() if k != own[i]]
    names = {index.id: named(index.name) for index in measured}
    aimed = any(index.target is None for index in measured)
    return Normalised(pd.DataFrame(rows), grades.names, names, len(picked), aimed)


def _tried(index: Index, values: pd.DataFrame) -> Iterator[tuple[str, Values]]:
    """The normalisations that the index can have, each with its scores."""
    known = values[index.id].dropna()
    if known.empty:
        return
    best = index.target or float(known.quantile(1 - BEST if index.direction == "benefit" else BEST))
    for kind in CHOICES:
        if kind == "target" and best <= 0:
            continue
        one = index.model_copy(update={"normalise": kind, "target": best})
        yield kind, score_indices(values[[index.id]], [one])[index.id].to_numpy(dtype=float)
