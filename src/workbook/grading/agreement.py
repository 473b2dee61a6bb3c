"""The client's present tiers against the computed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbook.language import Text, count, named, number, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Tier

FEW = 30
"""Below this many customers counts are told instead of shares."""


def cross_table(present: pd.Series[str], computed: pd.Series[str], tiers: Sequence[Tier]) -> Table | NotMeasured:
    """Customers by the client's tier (rows) and the computed tier (columns, at most six).

    Args:
        present: the client's own words for the tier of each customer; missing where there is none.
        computed: the computed tier id of each customer, same order.
        tiers: the tiers of the settings, the highest first.

    Returns:
        The table, with the share of equal tiers and weighted kappa where the client's words are the tiers' own names; or
        NotMeasured where the client gave no customer a tier.
    """
    known = present.notna().to_numpy()
    if not known.any():
        what = text("grading.agreement.what", "How well the client's present tiers agree with the computed ones")
        return NotMeasured("grading.agreement", what, ("customers.tier",))
    words = present[known].astype(str).str.strip().reset_index(drop=True)
    new = computed[known].astype(str).reset_index(drop=True)
    names = {tier.id: named(tier.name) for tier in tiers}
    ids = _ids(tiers)
    mapped = words.map(lambda word: ids.get(word.casefold()))
    ours = not mapped.isna().any()
    rows, order = (mapped, list(names)) if ours else (words, _order(words, tiers))
    shown = list(names)[:6]
    frame = pd.crosstab(rows, new).reindex(index=order, columns=list(names), fill_value=0)
    body = frame[shown].reset_index(names="present").assign(n=frame.sum(axis=1).to_numpy())
    columns = (
        Column("present", text("grading.agreement.present", "Present tier"), labels=names if ours else {}),
        *(Column(tier, names[tier], "people") for tier in shown),
        Column("n", text("grading.column.customers", "Customers"), "people"),
    )
    n = len(words)
    if not ours:
        title = text("grading.agreement.neutral", "The client's present tiers against the computed ones")
        return Table("grading.agreement", title, columns, body, _note(n, None))
    same = int((mapped == new).sum())
    if n < FEW:
        title = text("grading.agreement.few", "{same} of {n} customers keep their present tier", same=count(same), n=count(n))
    else:
        title = text("grading.agreement.title", "{same} of customers keep their present tier", same=share(same / n))
    rank = {tier.id: position for position, tier in enumerate(tiers)}
    kappa = weighted_kappa(mapped.map(rank).to_numpy(dtype=int), new.map(rank).to_numpy(dtype=int), len(rank))
    return Table("grading.agreement", title, columns, body, _note(n, kappa))


def weighted_kappa(first: np.ndarray, second: np.ndarray, levels: int) -> float:
    """Agreement of two gradings beyond chance, 1 for full agreement; a miss counts by the square of its distance.

    Args:
        first, second: level of each customer, 0 to *levels* − 1.
        levels: number of levels.

    Source: Cohen (1968). NaN where both put everyone into one same level, so that chance alone agrees fully.

    >>> round(weighted_kappa(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2]), 3), 4)
    0.8
    """
    table = np.zeros((levels, levels))
    np.add.at(table, (first, second), 1.0)
    table /= table.sum()
    distance = np.subtract.outer(np.arange(levels), np.arange(levels)) ** 2.0
    chance = float((distance * np.outer(table.sum(axis=1), table.sum(axis=0))).sum())
    return float("nan") if chance == 0 else 1.0 - float((distance * table).sum()) / chance


def _ids(tiers: Sequence[Tier]) -> Mapping[str, str]:
    """Every word for a tier (id and its names in any language) → its id."""
    words: dict[str, str] = {}
    for tier in tiers:
        names = [tier.name] if isinstance(tier.name, str) else list(tier.name.values())
        words.update({word.strip().casefold(): tier.id for word in [tier.id, *names]})
    return words


def _order(words: pd.Series[str], tiers: Sequence[Tier]) -> list[str]:
    """The client's words: those that name a tier in the tiers' order, the others by size."""
    ids, rank = _ids(tiers), {tier.id: position for position, tier in enumerate(tiers)}
    sizes = words.value_counts()
    return sorted(sizes.index, key=lambda word: (rank.get(ids.get(word.casefold(), ""), len(rank)), -sizes[word], word))


def _note(n: int, kappa: float | None) -> Text:
    if kappa is None or np.isnan(kappa):
        return text(
            "grading.agreement.note",
            "Number of customers by the client's tier (rows) and the computed tier (columns); n = {n} customers with a tier.",
            n=count(n),
        )
    return text(
        "grading.agreement.note_kappa",
        "Number of customers by the client's tier (rows) and the computed tier (columns); n = {n} customers with a tier;"
        " weighted kappa {kappa} (1 = full agreement, 0 = no more than chance).",
        n=count(n),
        kappa=number(kappa, 2),
    )
