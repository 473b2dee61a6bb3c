"""One effect by every way of estimating it that fits its metric: plain, capped, adjusted, weighted, as treated (row P3)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, text
from workbook.pilots.clusters import FEWEST_CLUSTERS, cluster_values, permutation_p
from workbook.pilots.comparison import (
    Difference,
    Values,
    adjusted_means,
    compare_means,
    compare_proportions,
    ratio_of_sums,
    welch,
)
from workbook.pilots.moments import moments_of
from workbook.settings.models import Metric

Way = Literal["plain", "adjusted", "capped", "post_stratified", "as_treated"]

WAYS: Mapping[Way, Text] = {
    "plain": text("pilots.way.plain", "plain difference"),
    "adjusted": text("pilots.way.adjusted", "adjusted by what was known before"),
    "capped": text("pilots.way.capped", "largest values capped"),
    "post_stratified": text("pilots.way.post_stratified", "weighted by stratum"),
    "as_treated": text("pilots.way.as_treated", "as treated (not as drawn)"),
}

DRAWS = 4000
"""Bootstrap draws of a quantile."""


@dataclass(frozen=True)
class Estimate:
    """One way of estimating an effect; ``gain`` is the share of the variance of the plain difference that it saves."""

    way: Way
    found: Difference
    gain: float | None


def lead_estimate(
    values: pd.DataFrame, metric: Metric, control: str, arm: str, confidence: float, *, seed: int, clustered: bool = False
) -> Difference | None:
    """The effect of *arm* that the reading rests on, as the card says it is worked out.

    Args:
        values: columns unit_id, arm, stratum, cluster, value, pre_value, denominator (of a ratio) and known_*; one row a unit
            of any arm.
        confidence: of the interval.
        seed: of permutations and bootstrap.
        clustered: clusters were drawn, not units; everything is then counted in clusters.

    Returns:
        None where an arm has no unit with a value.
    """
    rows = cluster_values(values) if clustered else values
    if metric.estimate == "adjusted":
        found = _adjusted(rows, control, arm, confidence)
        if found is not None:
            return _enough_clusters(found) if clustered else found
    found = _plain(rows, metric, control, arm, confidence, seed, clustered)
    return _as_clusters(found, rows, control, arm, seed) if clustered and found is not None else found


def other_estimates(
    values: pd.DataFrame, metric: Metric, control: str, arm: str, confidence: float, *, seed: int, clustered: bool = False
) -> tuple[Estimate, ...]:
    """Every way that the data allow, the plain difference first."""
    rows = cluster_values(values) if clustered else values
    plain = _plain(rows, metric, control, arm, confidence, seed, clustered)
    if plain is None or plain.error is None:
        return ()
    found: list[Estimate] = [Estimate("plain", plain, None)]

    def add(way: Way, other: Difference | None, *, gain: bool = True) -> None:
        if other is not None and other.error is not None and plain.error:
            found.append(Estimate(way, other, 1 - (other.error / plain.error) ** 2 if gain else None))

    if metric.kind in ("mean", "proportion"):
        add("adjusted", _adjusted(rows, control, arm, confidence))
        if not clustered:
            add("post_stratified", _post_stratified(rows, control, arm, confidence))
    if metric.kind == "mean" and metric.cap < 1 and not clustered:
        add("capped", _capped(rows, metric, control, arm, confidence))
    if metric.kind in ("mean", "proportion") and not clustered:
        add("as_treated", _as_treated(rows, metric, control, arm, confidence), gain=False)
    return tuple(found)


def quantile_difference(
    control: Values, treated: Values, q: float, confidence: float, rng: np.random.Generator
) -> Difference | None:
    """Difference of two quantiles with a bootstrap interval.

    The bootstrap distribution of an order statistic is known: the r-th of n resampled values stands at place ⌈n U⌉, U being
    Beta(r, n − r + 1). So places are drawn and nothing is resampled. Source: Efron (1979), Annals of Statistics 7, section 3.
    """
    n0, n1 = len(control), len(treated)
    if not n0 or not n1:
        return None
    levels, drawn = [], []
    for values in (np.sort(control), np.sort(treated)):
        n = len(values)
        r = max(1, math.ceil(q * n))
        levels.append(float(values[r - 1]))
        places = np.ceil(n * rng.beta(r, n - r + 1, DRAWS)).astype(int)
        drawn.append(values[np.clip(places, 1, n) - 1])
    effect = levels[1] - levels[0]
    differences = drawn[1] - drawn[0]
    error = float(differences.std(ddof=1))
    plain = Difference(levels[0], levels[1], n0, n1, effect, None, None, None, None)
    if min(n0, n1) < 2 or error == 0:
        return plain
    low, high = (float(x) for x in np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2]))
    beyond = min((differences <= 0).sum(), (differences >= 0).sum())
    p = min(1.0, 2 * (float(beyond) + 1) / (DRAWS + 1))
    return Difference(levels[0], levels[1], n0, n1, effect, error, min(low, effect), max(high, effect), p)


def _plain(
    rows: pd.DataFrame, metric: Metric, control: str, arm: str, confidence: float, seed: int, clustered: bool
) -> Difference | None:
    known = rows[rows["value"].notna()]
    base, other = known[known["arm"] == control], known[known["arm"] == arm]
    if metric.kind == "ratio":
        pair0, pair1 = (moments_of(part[["value", "denominator"]].to_numpy(float)) for part in (base, other))
        return ratio_of_sums(pair0, pair1, confidence)
    values0, values1 = base["value"].to_numpy(float), other["value"].to_numpy(float)
    if metric.kind == "quantile":
        return quantile_difference(values0, values1, metric.quantile, confidence, generator(seed, metric.id, arm))
    if metric.kind == "proportion" and not clustered:
        return compare_proportions(values0, values1, confidence)
    return compare_means(values0, values1, confidence)


def _as_clusters(found: Difference, rows: pd.DataFrame, control: str, arm: str, seed: int) -> Difference:
    """The difference of cluster means with the p of the permutation test."""
    found = _enough_clusters(found)
    if found.low is None:
        return found
    base, other = rows[rows["arm"] == control], rows[rows["arm"] == arm]
    strata = pd.concat([base["stratum"], other["stratum"]])
    within = strata.astype(object).to_numpy() if strata.notna().all() else None
    values0, values1 = base["value"].to_numpy(float), other["value"].to_numpy(float)
    return replace(found, p=permutation_p(values0, values1, generator(seed, "clusters", arm), within))


def _enough_clusters(found: Difference) -> Difference:
    """The difference without its interval where clusters are too few to carry one."""
    if min(found.n_control, found.n_treated) >= FEWEST_CLUSTERS:
        return found
    return replace(found, error=None, low=None, high=None, p=None)


def _adjusted(rows: pd.DataFrame, control: str, arm: str, confidence: float) -> Difference | None:
    names = [c for c in rows.columns if (c == "pre_value" or c.startswith("known_")) and rows[c].notna().any()]
    if not names:
        return None
    known = rows.loc[rows["value"].notna() & rows["arm"].isin([control, arm]), ["arm", "value", *names]]
    columns: dict[str, Values] = {"value": known["value"].to_numpy(float)}
    for name in names:
        numbers = known[name].to_numpy(float)
        gone = np.isnan(numbers)
        if gone.all():
            continue
        # a unit of which nothing was known before stays in: it gets the mean, and a mark that it did
        columns[name] = np.where(gone, numbers[~gone].mean(), numbers)
        if gone.any():
            columns[f"{name} unknown"] = gone.astype(float)
    if len(columns) == 1:
        return None
    table = np.column_stack(list(columns.values()))
    is_arm = (known["arm"] == arm).to_numpy()
    return adjusted_means(moments_of(table[~is_arm]), moments_of(table[is_arm]), confidence)


def _capped(rows: pd.DataFrame, metric: Metric, control: str, arm: str, confidence: float) -> Difference | None:
    """Values above a quantile of both arms together count as that quantile: less noise for a little bias.

    The quantile is that of the values that are not zero: where few buy, that of all would be zero itself.
    """
    known = rows[rows["value"].notna() & rows["arm"].isin([control, arm])]
    values = known["value"].to_numpy(float)
    told = values[values != 0]
    if not len(told):
        return None
    cap = float(np.quantile(told, metric.cap))
    if cap >= values.max() or cap <= values.min():
        return None
    is_arm = (known["arm"] == arm).to_numpy()
    capped = np.minimum(values, cap)
    return welch(moments_of(capped[~is_arm]), moments_of(capped[is_arm]), confidence)


def _post_stratified(rows: pd.DataFrame, control: str, arm: str, confidence: float) -> Difference | None:
    """Differences within strata, weighted by the strata's units. Source: Miratrix, Sekhon & Yu (2013), Journal of the Royal
    Statistical Society B 75, 369-396."""
    known = rows[rows["value"].notna() & rows["arm"].isin([control, arm])]
    if known["stratum"].isna().any() or known["stratum"].nunique() < 2:
        return None
    cells = [
        known[known["arm"] == name].groupby("stratum", sort=True)["value"].agg(["count", "mean", "var"])
        for name in (control, arm)
    ]
    base, other = (cell.reindex(sorted(known["stratum"].unique())).fillna({"count": 0}) for cell in cells)
    if min(base["count"].min(), other["count"].min()) < 2:
        return None
    weights = (base["count"] + other["count"]) / len(known)
    parts = base["var"] / base["count"] + other["var"] / other["count"]
    variance = float((weights**2 * parts).sum())
    if variance <= 0:
        return None
    level0, level1 = float((weights * base["mean"]).sum()), float((weights * other["mean"]).sum())
    effect, error = level1 - level0, math.sqrt(variance)
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    p = float(2 * stats.norm.sf(abs(effect) / error))
    sizes = (int(base["count"].sum()), int(other["count"].sum()))
    return Difference(level0, level1, *sizes, effect, error, effect - half, effect + half, p)


def _as_treated(rows: pd.DataFrame, metric: Metric, control: str, arm: str, confidence: float) -> Difference | None:
    """Only the units of the arm that were reached against the control: no longer what was drawn, so never what counts."""
    if "exposed_at" not in rows.columns:
        return None
    is_arm = rows["arm"] == arm
    reached = rows["exposed_at"].notna()
    if not (is_arm & reached).any() or not (is_arm & ~reached).any():
        return None
    kept = rows[(rows["arm"] == control) | (is_arm & reached)]
    return _plain(kept, metric, control, arm, confidence, 0, False)


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that one more arm leaves the draws of the others alone."""
    digest = hashlib.sha256(":".join([str(seed), *names]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
