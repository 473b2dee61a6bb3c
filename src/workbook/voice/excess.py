"""More cases at a place than chance allows: exact tests, held over all places looked at (V4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from workbook.voice.intervals import Floats, share_interval

Counts = Sequence[float] | pd.Series

MOST_LEVELS = 12
"""Places looked at for each factor, those with most discontent customers: a thousand stores would drown the test."""


def excess(cases: pd.DataFrame, factors: list[str], confidence: float, least: int) -> pd.DataFrame:
    """Excess of cases over chance in each level of each factor, held over all levels.

    Args:
        cases: one row a customer: case (bool) and the factors (missing values are left out).
        factors: columns to look at.
        confidence: of the intervals.
        least: rows that a level needs to be looked at.

    Returns:
        The rows of `counted`, held as `held` says; the least probable first.
    """
    return held(counted(cases, factors, confidence, least), confidence)


def counted(cases: pd.DataFrame, factors: list[str], confidence: float, least: int) -> pd.DataFrame:
    """Cases in each level of each factor against chance, by Fisher's exact test for each level alone.

    Args:
        cases: one row a customer: case (bool) and the factors (missing values are left out).
        factors: columns to look at.
        confidence: of the intervals.
        least: rows that a level needs to be looked at.

    Returns:
        factor, level, cases, n, expected, share, low, high, p, and elsewhere others (cases) of rest (customers).
    """
    is_case = cases["case"].to_numpy(bool)
    parts = []
    for factor in factors:
        codes, levels = pd.factorize(cases[factor].to_numpy(object), sort=True)
        at, case_at = codes[codes >= 0], codes[(codes >= 0) & is_case]
        n, hits = (np.bincount(part, minlength=len(levels)) for part in (at, case_at))
        # chosen by size alone, never by cases: the test stays exact
        kept = np.flatnonzero((n >= least) & (n < len(at)))
        kept = kept[np.argsort(-n[kept], kind="stable")][:MOST_LEVELS]
        whole = [np.full(len(kept), size) for size in (len(case_at), len(at))]
        parts.append((np.full(len(kept), factor, dtype=object), levels[kept], hits[kept], n[kept], *whole))
    columns = ("factor", "level", "cases", "n", "total", "everyone")
    rows = pd.DataFrame({name: np.concatenate(part) for name, part in zip(columns, zip(*parts, strict=True), strict=False)},
                        columns=list(columns)).astype(dict.fromkeys(columns[2:], "int64"))  # fmt: skip
    rows = rows.assign(
        expected=rows["n"] * rows["total"] / rows["everyone"],
        others=rows["total"] - rows["cases"],
        rest=rows["everyone"] - rows["n"],
        p=stats.hypergeom.sf(rows["cases"] - 1, rows["everyone"], rows["total"], rows["n"]),
    ).drop(columns=["total", "everyone"])
    low, high = share_interval(rows["cases"], rows["n"], confidence)
    told: pd.DataFrame = rows.assign(share=rows["cases"] / rows["n"], low=low, high=high)
    return told


def held(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Rows of `counted`, of one topic or of several, judged together.

    Returns:
        The rows, the least probable first, with p_held (Holm), ratio (to the share elsewhere) and ratio_high, its upper bound
        (one-sided; MOVER of Wilson's limits, Donner & Zou 2012); without others and rest. The bound is of each row alone:
        whoever claims that no place exceeds a ratio must rule it out everywhere, and errs only where the worst place is
        missed (intersection-union, Berger 1982).
    """
    rows = rows.sort_values(["p", "factor", "level"], ignore_index=True)
    most = ratio_bound(rows["cases"], rows["n"], rows["others"], rows["rest"], 2 * confidence - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rows["share"] / (rows["others"] / rows["rest"])
    found: pd.DataFrame = rows.drop(columns=["others", "rest"]).assign(
        p_held=held_over_all(rows["p"]), ratio=ratio, ratio_high=most
    )
    return found


def held_over_all(p: pd.Series) -> Floats:
    """P values in ascending order, held over all of them (Holm 1979).

    >>> [float(round(x, 3)) for x in held_over_all(pd.Series([0.01, 0.02, 0.4]))]
    [0.03, 0.04, 0.4]
    """
    told: Floats = np.minimum(1.0, np.maximum.accumulate(p.to_numpy(float) * np.arange(len(p), 0, -1)))
    return told


def ratio_bound(hits: Counts, n: Counts, other_hits: Counts, other_n: Counts, confidence: float) -> Floats:
    """Upper end of the interval of the ratio of two shares, hits/n to other_hits/other_n (Donner & Zou 2012, MOVER-R).

    Infinite where no case stands elsewhere.

    >>> round(float(ratio_bound([30], [100], [20], [100], 0.95)[0]), 3)
    2.445
    """
    p, q = np.asarray(hits, dtype=float) / np.asarray(n), np.asarray(other_hits, dtype=float) / np.asarray(other_n)
    high, low = share_interval(hits, n, confidence)[1], share_interval(other_hits, other_n, confidence)[0]
    under = low * (2 * q - low)
    root = np.sqrt(np.maximum((p * q) ** 2 - high * (2 * p - high) * under, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        bound: Floats = np.where(under > 0, (p * q + root) / under, np.inf)
    return bound
