"""One effect by every way of estimating it that fits its metric: plain, capped, adjusted, weighted, as treated (row P3)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, text
from workbook.pilots.clusters import FEWEST_CLUSTERS, permutation_p
from workbook.pilots.comparison import Difference, adjusted_means, ratio_of_sums, two_proportions, welch
from workbook.pilots.samples import VALUE, Sample, Variable
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
    sample: Sample, metric: Metric, control: str, arm: str, confidence: float, *, seed: int, clustered: bool = False
) -> Difference | None:
    """The effect of *arm* that the reading rests on, as the card says it is worked out.

    Args:
        sample: the metric's units of any arm.
        confidence: of the interval.
        seed: of permutations and bootstrap.
        clustered: clusters were drawn, not units; everything is then counted in clusters.

    Returns:
        None where an arm has no unit with a value.
    """
    clusters = sample.clusters() if clustered else None
    counted = clusters or sample
    if metric.estimate == "adjusted":
        found = _adjusted(counted, control, arm, confidence)
        if found is not None:
            return _enough_clusters(found) if clustered else found
    found = _plain(counted, metric, control, arm, confidence, seed, clustered)
    return _as_clusters(found, clusters.frame, control, arm, seed) if clusters is not None and found is not None else found


def other_estimates(
    sample: Sample, metric: Metric, control: str, arm: str, confidence: float, *, seed: int, clustered: bool = False
) -> tuple[Estimate, ...]:
    """Every way that the data allow, the plain difference first; where clusters were drawn, each counts clusters."""

    def counted(units: Sample) -> Sample:
        return units.clusters() if clustered else units

    whole = counted(sample)
    plain = _plain(whole, metric, control, arm, confidence, seed, clustered)
    if plain is None or plain.error is None:
        return ()
    found: list[Estimate] = [Estimate("plain", plain, None)]

    def add(way: Way, other: Difference | None, *, gain: bool = True) -> None:
        other = _enough_clusters(other) if clustered and other is not None else other
        if other is not None and other.error is not None and plain.error:
            found.append(Estimate(way, other, 1 - (other.error / plain.error) ** 2 if gain else None))

    if metric.kind in ("mean", "proportion"):
        add("adjusted", _adjusted(whole, control, arm, confidence))
        add("post_stratified", _post_stratified(whole, control, arm, confidence, few=clustered))
    if metric.kind == "mean" and metric.cap < 1 and (cap := _cap(sample, metric, control, arm)) is not None:
        capped = counted(sample.capped(cap))
        add("capped", welch(capped.moments(control, VALUE), capped.moments(arm, VALUE), confidence))
    if metric.kind in ("mean", "proportion") and (reached := _reached(sample, control, arm)) is not None:
        add("as_treated", _plain(counted(reached), metric, control, arm, confidence, 0, clustered), gain=False)
    return tuple(found)


def quantile_difference(
    sample: Sample, control: str, arm: str, q: float, confidence: float, rng: np.random.Generator
) -> Difference | None:
    """Difference of two quantiles with a bootstrap interval.

    The bootstrap distribution of an order statistic is known: the r-th of n resampled values stands at place ⌈n U⌉, U being
    Beta(r, n − r + 1). So places are drawn and nothing is resampled. Source: Efron (1979), Annals of Statistics 7, section 3.
    """
    sizes = [sample.moments(name, VALUE).n for name in (control, arm)]
    if not min(sizes):
        return None
    levels, drawn = [], []
    for name, n in zip((control, arm), sizes, strict=True):
        r = max(1, math.ceil(q * n))
        places = np.clip(np.ceil(n * rng.beta(r, n - r + 1, DRAWS)).astype(int), 1, n)
        level, *others = sample.ordered(name, np.concatenate([[r], places]))
        levels.append(float(level))
        drawn.append(np.array(others))
    effect = levels[1] - levels[0]
    differences = drawn[1] - drawn[0]
    error = float(differences.std(ddof=1))
    plain = Difference(levels[0], levels[1], sizes[0], sizes[1], effect, None, None, None, None)
    if min(sizes) < 2 or error == 0:
        return plain
    low, high = (float(x) for x in np.quantile(differences, [(1 - confidence) / 2, (1 + confidence) / 2]))
    beyond = min((differences <= 0).sum(), (differences >= 0).sum())
    p = min(1.0, 2 * (float(beyond) + 1) / (DRAWS + 1))
    return replace(plain, error=error, low=min(low, effect), high=max(high, effect), p=p)


def _plain(
    sample: Sample, metric: Metric, control: str, arm: str, confidence: float, seed: int, clustered: bool
) -> Difference | None:
    if metric.kind == "ratio":
        pair0, pair1 = (sample.moments(name, VALUE, Variable("denominator")) for name in (control, arm))
        return ratio_of_sums(pair0, pair1, confidence)
    if metric.kind == "quantile":
        return quantile_difference(sample, control, arm, metric.quantile, confidence, generator(seed, metric.id, arm))
    base, other = (sample.moments(name, VALUE) for name in (control, arm))
    if metric.kind == "proportion" and not clustered:
        yes0, yes1 = (round(float(one.mean[0]) * one.n) if one.n else 0 for one in (base, other))
        return two_proportions(yes0, base.n, yes1, other.n, confidence)
    return welch(base, other, confidence)


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


def known_before(sample: Sample, arms: Sequence[str]) -> list[Variable]:
    """What was known before of the units of some arms; one of which nothing was known gets the mean, and a mark that it did."""
    variables = []
    for name in sample.before:
        told, gone, mean = sample.level(name, arms)
        if not told:
            continue
        variables.append(Variable(name, fill=mean))
        if gone:
            variables.append(Variable(name, mark=True))
    return variables


def _adjusted(sample: Sample, control: str, arm: str, confidence: float) -> Difference | None:
    variables = [VALUE, *known_before(sample, (control, arm))]
    if len(variables) == 1:
        return None
    return adjusted_means(sample.moments(control, *variables), sample.moments(arm, *variables), confidence)


def _cap(sample: Sample, metric: Metric, control: str, arm: str) -> float | None:
    """The quantile of both arms together as which values above it count: less noise for a little bias.

    The quantile is that of the values that are not zero: where few buy, that of all would be zero itself. None where nothing
    lies above it.
    """
    top = sample.top((control, arm), metric.cap)
    if top is None:
        return None
    cap, low, high = top
    return None if cap >= high or cap <= low else cap


def _post_stratified(sample: Sample, control: str, arm: str, confidence: float, *, few: bool = False) -> Difference | None:
    """Differences within strata, weighted by the strata's units. Source: Miratrix, Sekhon & Yu (2013), Journal of the Royal
    Statistical Society B 75, 369-396.

    Args:
        few: of few units (clusters) the interval is Student's, with Satterthwaite's degrees of freedom over all cells.
    """
    cells = sample.strata((control, arm))
    names = sorted(cells["stratum"].dropna().unique())
    if cells["stratum"].isna().any() or len(names) < 2:
        return None
    base, other = (
        cells[cells["arm"] == name].set_index("stratum").reindex(names).fillna({"count": 0}) for name in (control, arm)
    )
    if min(base["count"].min(), other["count"].min()) < 2:
        return None
    weights = (base["count"] + other["count"]) / cells["count"].sum()
    parts = base["var"] / base["count"] + other["var"] / other["count"]
    variance = float((weights**2 * parts).sum())
    if variance <= 0:
        return None
    level0, level1 = float((weights * base["mean"]).sum()), float((weights * other["mean"]).sum())
    effect, error = level1 - level0, math.sqrt(variance)
    freedom = math.inf
    if few:
        squares = [((weights**2 * one["var"] / one["count"]) ** 2 / (one["count"] - 1)).sum() for one in (base, other)]
        freedom = variance**2 / float(sum(squares))
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(effect) / error, freedom))
    sizes = (int(base["count"].sum()), int(other["count"].sum()))
    return Difference(
        level0, level1, *sizes, effect, error, effect - half, effect + half, p, freedom if few else None
    )  # fmt: skip


def _reached(sample: Sample, control: str, arm: str) -> Sample | None:
    """Only the units of the arm that were reached, beside the control: no longer what was drawn, so never what counts. None
    where all or none were."""
    reached = sample.reached(arm)
    tally, kept = sample.tally()["units"], reached.tally()["units"]
    return None if arm not in kept.index or kept[arm] == tally[arm] else reached


def generator(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that one more arm leaves the draws of the others alone."""
    digest = hashlib.sha256(":".join([str(seed), *names]).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
