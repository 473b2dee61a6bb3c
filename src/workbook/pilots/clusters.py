"""Pilots in which whole clusters were drawn (shops, regions): as many observations as clusters, not as customers (row P3)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.pilots.moments import Moments

FEWEST_CLUSTERS = 4
"""Clusters of an arm below which no interval is told: with three a side even the rarest of the 20 assignments has p = 0.1."""
MOST_ASSIGNMENTS = 20_000
"""Assignments up to which the permutation test goes through all of them; beyond it draws as many."""

Floats = NDArray[np.float64]


def cluster_values(values: pd.DataFrame) -> pd.DataFrame:
    """The units of each cluster put together.

    Args:
        values: columns cluster, arm, stratum, value, and others with numbers known before; one row a unit.

    Returns:
        One row a cluster with a value: cluster, arm, stratum (missing where its units stand in several), and the mean over its
        units of every number; sorted by cluster.
    """
    numbers = [c for c in values.columns if c in ("value", "pre_value", "denominator") or c.startswith("known_")]
    known = values[values["value"].notna() & values["cluster"].notna()]
    grouped = known.groupby("cluster", sort=True)
    means = grouped[numbers].mean()
    means.insert(0, "arm", grouped["arm"].first())
    strata = grouped["stratum"].agg(["first", "nunique"])
    means.insert(1, "stratum", strata["first"].where(strata["nunique"] == 1))
    return means.reset_index()


def permutation_p(
    control: Floats, treated: Floats, rng: np.random.Generator, strata: NDArray[np.object_] | None = None
) -> float:
    """Two-sided p of the difference of means among all assignments that could have been drawn.

    Args:
        control, treated: one number a cluster.
        rng: draws assignments where there are more than :data:`MOST_ASSIGNMENTS`.
        strata: of control then treated clusters, where they were drawn within strata: arms are only exchanged within one.

    Returns:
        Share of assignments at least as far from zero; drawn ones count the actual one too, so it is never 0. Source: Gail,
        Mark, Carroll, Green & Pee (1996), Statistics in Medicine 15, 1069-1092.
    """
    values = np.concatenate([control, treated])
    is_treated = np.arange(len(values)) >= len(control)
    groups = [np.arange(len(values))] if strata is None else [np.flatnonzero(strata == s) for s in sorted(set(strata.tolist()))]
    sums, total = _assigned_sums(values, is_treated, groups, rng)
    n1, n0 = len(treated), len(control)
    everything = float(values.sum())
    differences = np.abs(sums / n1 - (everything - sums) / n0)
    actual = abs(float(treated.mean()) - float(control.mean()))
    as_far = int((differences >= actual - 1e-12 * max(1.0, actual)).sum())
    return as_far / total if total == len(sums) and total <= MOST_ASSIGNMENTS else (as_far + 1) / (len(sums) + 1)


def intra_class_correlation(moments: list[Moments]) -> float:
    """Share of the variance that lies between clusters, by analysis of variance; 0 where it would be negative.

    Args:
        moments: of each cluster of one arm. Source: Donner & Klar (2000), Design and Analysis of Cluster Randomization Trials.
    """
    n = np.array([m.n for m in moments], float)
    k = len(n)
    if k < 2 or n.sum() <= k:
        return math.nan
    means = np.array([m.mean[0] for m in moments])
    within = sum(float(m.scatter[0, 0]) for m in moments) / (n.sum() - k)
    grand = float((n * means).sum() / n.sum())
    between = float((n * (means - grand) ** 2).sum()) / (k - 1)
    size = (n.sum() - (n**2).sum() / n.sum()) / (k - 1)
    total = between + (size - 1) * within
    return max(0.0, float((between - within) / total)) if total > 0 else math.nan


def _assigned_sums(
    values: Floats, treated: NDArray[np.bool_], groups: list[NDArray[np.intp]], rng: np.random.Generator
) -> tuple[Floats, float]:
    """Sums of the treated under assignments that keep the number treated in each group, and how many there are in all."""
    sizes = [(len(group), int(treated[group].sum())) for group in groups]
    total = math.prod(math.comb(n, k) for n, k in sizes)
    if total <= MOST_ASSIGNMENTS:
        sums = np.zeros(1)
        for group, (n, k) in zip(groups, sizes, strict=True):
            chosen = np.array(list(itertools.combinations(range(n), k)), dtype=np.intp).reshape(-1, k)
            sums = (sums[:, None] + values[group][chosen].sum(axis=1)).ravel()
        return sums, float(total)
    sums = np.zeros(MOST_ASSIGNMENTS)
    for group, (n, k) in zip(groups, sizes, strict=True):
        order = np.argsort(rng.random((MOST_ASSIGNMENTS, n)), axis=1)[:, :k]
        sums += values[group][order].sum(axis=1)
    return sums, float(total)
