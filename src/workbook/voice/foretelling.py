"""What goes with late answers and unhappy customers: how well the facts of a case foretell it, and which of them count (V4).

Logistic regression on the facts of each case, all held-out: the customers are dealt into five parts, and each part is judged by
a model trained on the other four. AUC is the chance that a bad case is ranked above a good one (0.5: a coin). A fact
contributes what the AUC loses when its values are shuffled among the held-out cases. Intervals by the influence of each
customer on the AUC (LeDell, Petersen & van der Laan 2015), for the models at hand; those of contributions allow for the number
of facts (Bonferroni).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]

FOLDS = 5
SHUFFLES = 6
FEWEST = 20
"""Cases of either kind below which nothing can be learnt and tested."""

MOST_CASES = 10_000
MOST_LEVELS = 12
UNKNOWN, REST = "–", "…"
"""Levels of cases where the fact is not known, and of all levels that too few cases have."""


@dataclass(frozen=True)
class Held:
    """How well bad cases are foretold on held-out rows.

    Attributes:
        auc, low, high: chance that a bad case ranks above a good one, and its interval.
        contributions: one row a fact, most first: factor, drop (of the AUC where it is shuffled) with low and high, level with
            the largest share of bad cases of their own, its share, n and bad cases.
        n, bad: cases, and bad ones among them.
    """

    auc: float
    low: float
    high: float
    contributions: pd.DataFrame
    n: int
    bad: int


def foretell(
    cases: pd.DataFrame, factors: list[str], confidence: float, least: int, seed: int, within: str | None = None
) -> Held:
    """Train and test on held-out customers, and take each fact's contribution.

    Args:
        cases: one row a case: bad (bool), customer_id, and the factors (text; missing where not known).
        factors: the facts; those of a single level contribute nothing.
        confidence: of the intervals.
        least: cases that a level needs to be one of its own.
        seed: deals customers into parts and shuffles.
        within: column whose cases are compared with their like only (bad means another thing elsewhere).
    """
    rng = np.random.default_rng(seed)
    if len(cases) > MOST_CASES:
        cases = cases.iloc[np.sort(rng.choice(len(cases), MOST_CASES, replace=False))]
    cases = cases.reset_index(drop=True)
    bad = cases["bad"].to_numpy(bool)
    who = pd.factorize(cases["customer_id"].fillna("").where(cases["customer_id"].notna(), cases.index.astype(str)))[0]
    levels = {name: levels_of(cases[name], least) for name in factors}
    columns = {name: pd.get_dummies(level, dtype="float64").to_numpy() for name, level in levels.items()}
    fold = _dealt(who, bad, rng)
    kind = pd.factorize(cases[within], use_na_sentinel=False)[0] if within else np.zeros(len(bad), dtype=np.int64)
    cells = [(k, out) for k in range(FOLDS) for j in range(kind.max() + 1)
             if bad[out := np.flatnonzero((fold == k) & (kind == j))].any() and not bad[out].all()]  # fmt: skip
    pairs = np.array([float(bad[out].sum() * (~bad[out]).sum()) for _, out in cells])
    pairs /= pairs.sum()
    auc, influence = 0.0, np.zeros(len(bad))
    lost, lost_by = np.zeros(len(factors)), np.zeros((len(factors), len(bad)))
    whole = np.hstack([*columns.values(), pd.get_dummies(kind, dtype="float64").to_numpy()])
    ends = np.cumsum([part.shape[1] for part in columns.values()])
    with threadpool_limits(1):
        models = {k: LogisticRegression(solver="newton-cholesky").fit(whole[fold != k], bad[fold != k]).coef_[0]
                  for k in dict.fromkeys(k for k, _ in cells)}  # fmt: skip
    for (k, out), weight in zip(cells, pairs, strict=True):
        parts = np.stack([whole[out, a:b] @ models[k][a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)])
        score, is_bad = parts.sum(axis=0), bad[out]
        value, by_case = auc_of(score, is_bad)
        auc += weight * value
        influence[out] = weight * by_case
        for i, part in enumerate(parts):
            for _ in range(SHUFFLES):
                worse, worse_by = auc_of(score - part + part[rng.permutation(len(out))], is_bad)
                lost[i] += weight * (value - worse) / SHUFFLES
                lost_by[i, out] += weight * (by_case - worse_by) / SHUFFLES
    z, z_all = (stats.norm.ppf(1 - (1 - confidence) / (2 * m)) for m in (1, max(len(factors), 1)))
    half = float(z) * _error(influence, who)
    rows = [
        {"factor": name, "drop": lost[i], "low": lost[i] - z_all * _error(lost_by[i], who),
         "high": lost[i] + z_all * _error(lost_by[i], who), **_worst(levels[name], bad, least)}
        for i, name in enumerate(factors)
    ]  # fmt: skip
    contributions = pd.DataFrame(rows).sort_values(["drop", "factor"], ascending=[False, True], ignore_index=True)
    return Held(auc, max(auc - half, 0.0), min(auc + half, 1.0), contributions, len(bad), int(bad.sum()))


def levels_of(fact: pd.Series, least: int) -> pd.Series:
    """The levels that cases are told apart by: what is not known is one, and so are all levels of fewer than *least* cases."""
    known = fact.astype(object).where(fact.notna(), UNKNOWN).astype(str)
    often = known.value_counts()
    kept = often[often >= least].sort_index(kind="stable").sort_values(ascending=False, kind="stable").index[:MOST_LEVELS]
    return known.where(known.isin(kept), REST)


def _dealt(who: npt.NDArray[np.int64], bad: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Part of each case: customers in parts with as many bad cases each as can be, none in two of them."""
    each = np.bincount(who, weights=bad)
    order = rng.permutation(len(each))
    order = order[np.argsort(-each[order], kind="stable")]
    part = np.empty(len(each), dtype=np.int64)
    part[order] = np.arange(len(each)) % FOLDS
    dealt: npt.NDArray[np.int64] = part[who]
    return dealt


def auc_of(score: Floats, bad: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """AUC with ties by half, and what each case adds to its error (sums to 0)."""
    score = np.round(score, 9)  # sums of the same facts in another order are ties
    worse, better = np.sort(score[bad]), np.sort(score[~bad])
    below = better.searchsorted(score[bad]) + better.searchsorted(score[bad], "right")
    above = worse.searchsorted(score[~bad]) + worse.searchsorted(score[~bad], "right")
    placed = np.empty(len(score))
    placed[bad], placed[~bad] = below / (2 * len(better)), 1 - above / (2 * len(worse))
    auc = float(placed[bad].mean())
    return auc, np.where(bad, (placed - auc) / len(worse), (placed - auc) / len(better))


def _error(influence: Floats, who: npt.NDArray[np.int64]) -> float:
    """Standard error of a sum of influences whose customers are independent."""
    each = np.bincount(who, weights=influence)
    return float(np.sqrt(np.sum(each**2) * len(each) / max(len(each) - 1, 1)))


def _worst(levels: pd.Series, bad: npt.NDArray[np.bool_], least: int) -> dict[str, object]:
    grouped = pd.DataFrame({"level": levels, "bad": bad}).groupby("level")["bad"].agg(["mean", "size", "sum"])
    named = grouped[(grouped["size"] >= least) & ~grouped.index.isin([UNKNOWN, REST])]
    if named.empty:
        return {"level": None, "level_share": float("nan"), "level_n": 0, "level_bad": 0}
    row = named.reset_index().sort_values(["mean", "level"], ascending=[False, True]).iloc[0]
    return {"level": row["level"], "level_share": row["mean"], "level_n": row["size"], "level_bad": row["sum"]}
