"""What the next pilot can find, before it starts: ratios, and whole clusters drawn instead of single customers (row P1).

Everything comes from the client's own history: spread, size of the clusters and how alike the customers of one cluster are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from scipy import optimize, stats

from workbook.language import Edition, Quantity, Text, count, joined, money_scale, named, number, share, text
from workbook.pilots.clusters import FEWEST_CLUSTERS, intra_class_correlation
from workbook.pilots.moments import Moments, moments_of
from workbook.report.blocks import Block, Column, Figure, Table
from workbook.report.figures import CATEGORIES, FULL_WIDTH, MUTED, canvas, label_axis

Floats = NDArray[np.float64]

CLUSTERS: Mapping[str, Text] = {
    "owner": text("pilots.power.owner", "by account manager"),
    "region": text("pilots.power.region", "by region"),
    "industry": text("pilots.power.industry", "by industry"),
}
"""Columns of the profile whose values may be drawn as clusters."""

SINGLE = text("pilots.power.single", "single customers")


@dataclass(frozen=True)
class Clustering:
    """One way to draw: ``units`` are clusters (customers where they are drawn singly).

    Attributes:
        by: column of the profile; empty for single customers.
        units: how many there are to draw.
        customers: customers in them.
        correlation: intra-class correlation of the metric; 0 for single customers.
        correlation_low, correlation_high: its interval, 0 at least.
        inflation: how many times the variance of single draws (design effect).
        detectable: smallest difference found with the wanted power; NaN where too few can be drawn.
    """

    by: str
    units: int
    customers: int
    correlation: float
    correlation_low: float
    correlation_high: float
    inflation: float
    detectable: float

    @property
    def name(self) -> Text:
        """What is drawn, in words."""
        return CLUSTERS[self.by] if self.by else SINGLE


def ratio_spread(numerator: Floats, denominator: Floats) -> float:
    """Standard deviation a unit of a ratio of sums, by the delta method: sd(y − R x) / mean(x).

    To be put where the standard deviation of a mean stands. NaN where the denominators sum to zero.

    Source: Cochran (1977), Sampling Techniques, 6.4; Deng, Knoblich & Lu (2018), KDD.
    """
    mean = float(denominator.mean()) if len(denominator) else 0.0
    if mean == 0 or len(denominator) < 2:
        return math.nan
    level = float(numerator.mean()) / mean
    return float((numerator - level * denominator).std(ddof=1)) / abs(mean)


def design_effect(sizes: Floats, correlation: float) -> float:
    """How many times the variance of a mean grows where clusters of *sizes* are drawn: 1 + ((1 + cv²) m − 1) ρ.

    Source: Eldridge, Ashby & Kerry (2006), International Journal of Epidemiology 35, 1292-1300.
    """
    mean = float(sizes.mean())
    unequal = float(sizes.var()) / mean**2
    return 1 + ((1 + unequal) * mean - 1) * correlation


def detectable_mean(spread: float, n_control: int, n_arm: int, confidence: float, power: float) -> float:
    """Smallest difference of means found with *power*: (z₁₋α/₂ + z_power) · σ · √(1/n₀ + 1/n₁).

    Args:
        spread: standard deviation of the metric. Source: Fleiss (1986), Design and Analysis of Clinical Experiments.
    """
    return _z(confidence, power) * spread * math.sqrt(1 / n_control + 1 / n_arm)


def detectable_proportion(level: float, n_control: int, n_arm: int, confidence: float, power: float) -> float:
    """Smallest rise of a proportion from *level* found with *power* by the pooled z-test; ``nan`` where no rise up to one
    would be found. Source: Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 4.2."""
    z_test, z_power = float(stats.norm.ppf(0.5 + confidence / 2)), float(stats.norm.ppf(power))

    def short(rise: float) -> float:
        other = level + rise
        pooled = (n_control * level + n_arm * other) / (n_control + n_arm)
        null = math.sqrt(pooled * (1 - pooled) * (1 / n_control + 1 / n_arm))
        true = math.sqrt(level * (1 - level) / n_control + other * (1 - other) / n_arm)
        return z_test * null + z_power * true - rise

    most = 1 - level
    return float(optimize.brentq(short, 0.0, most)) if most > 0 and short(most) < 0 else math.nan


def _z(confidence: float, power: float) -> float:
    return float(stats.norm.ppf(0.5 + confidence / 2) + stats.norm.ppf(power))


def correlation_interval(moments: Sequence[Moments], confidence: float) -> tuple[float, float]:
    """Interval of the intra-class correlation by the F-distribution, exact for clusters of one size; cut at 0 and 1.

    Args:
        moments: of each cluster, as :func:`workbook.pilots.clusters.intra_class_correlation` takes them.

    Source: Searle (1971), Linear Models, 9.7; unequal sizes: Thomas & Hultquist (1978), Annals of Statistics 6, 582-587, in
    its usual approximation by the mean size that the analysis of variance uses.
    """
    n = np.array([m.n for m in moments], dtype=float)
    k, total = len(n), float(n.sum())
    means = np.array([m.mean[0] for m in moments])
    within = sum(float(m.scatter[0, 0]) for m in moments) / (total - k)
    between = float((n * (means - float((n * means).sum()) / total) ** 2).sum()) / (k - 1)
    if within <= 0:
        return 0.0, 1.0
    size = (total - float((n**2).sum()) / total) / (k - 1)
    tail = (1 - confidence) / 2
    ends = [between / within / float(stats.f.ppf(p, k - 1, total - k)) for p in (1 - tail, tail)]
    low, high = ((f - 1) / (f + size - 1) for f in ends)
    return min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)


def detectable_t(error: float, freedom: int, confidence: float, power: float) -> float:
    """Smallest difference that a t-test finds with *power*, by the noncentral t distribution.

    Args:
        error: standard error of the difference.
        freedom: degrees of freedom; with few clusters they widen every interval.

    Returns:
        NaN without a degree of freedom.
    """
    if freedom < 1 or not math.isfinite(error):
        return math.nan
    critical = float(stats.t.ppf(0.5 + confidence / 2, freedom))

    def short(away: float) -> float:
        # far from zero the other tail is nothing, and scipy gives NaN for it
        other = float(np.nan_to_num(stats.nct.cdf(-critical, freedom, away)))
        return power - float(stats.nct.sf(critical, freedom, away)) - other

    most = critical + 1
    while short(most) > 0:
        most *= 1.5
    return error * float(optimize.brentq(short, 0.0, most, xtol=1e-12))


def clusterings(people: pd.DataFrame, metric: str, ratio: float, confidence: float, power: float) -> tuple[Clustering, ...]:
    """What is found where single customers are drawn, and where whole clusters of each kind are.

    Args:
        people: the profile of those who may take part; *metric* and any columns of :data:`CLUSTERS`.
        metric: a column of numbers; missing ones count as zero.
        ratio: share of the units that stands in the control.
        confidence: of the interval that the result will have.
        power: wanted.

    Returns:
        Single draws first; nothing where all customers have the same value.
    """
    values: Floats = np.asarray(people[metric].astype(float).fillna(0.0), np.float64)
    if values.size and values.min() == values.max():
        return ()
    n, spread = len(values), float(values.std(ddof=1)) if len(values) > 1 else math.nan
    found = [Clustering("", n, n, 0.0, 0.0, 0.0, 1.0, _found(spread, 1.0, 1.0, n, ratio, confidence, power))]
    for by in [column for column in CLUSTERS if column in people.columns]:
        known = people[by].notna().to_numpy()
        codes, names = pd.factorize(people.loc[known, by])
        if len(names) < 2 or len(names) == known.sum():
            continue
        order = np.argsort(codes, kind="stable")
        parts = np.split(values[known][order], np.cumsum(np.bincount(codes))[:-1])
        sizes = np.array([len(part) for part in parts], dtype=float)
        moments = [moments_of(np.asarray(part, np.float64)) for part in parts]
        rho = intra_class_correlation(moments)
        if math.isnan(rho):
            continue
        inflation = design_effect(sizes, rho)
        least = _found(spread, inflation, float(sizes.mean()), len(sizes), ratio, confidence, power)
        found.append(
            Clustering(by, len(sizes), int(sizes.sum()), rho, *correlation_interval(moments, confidence), inflation, least)
        )
    return tuple(found)


def _found(spread: float, inflation: float, size: float, units: int, ratio: float, confidence: float, power: float) -> float:
    n0 = round(units * ratio)
    n1 = units - n0
    fewest = FEWEST_CLUSTERS if size > 1 else 2
    if min(n0, n1) < fewest:
        return math.nan
    error = spread * math.sqrt(inflation / size * (1 / n0 + 1 / n1))
    return detectable_t(error, units - 2, confidence, power)


def clustering_blocks(ways: tuple[Clustering, ...], level: float, confidence: float, power: float) -> tuple[Block, ...]:
    """Table and picture of the ways to draw, for the mean revenue of a customer in a period; none where nobody is grouped."""
    if len(ways) < 2:
        return ()
    return (_table(ways, level, confidence, power), _figure(ways))


def _table(ways: tuple[Clustering, ...], level: float, confidence: float, power: float) -> Table:
    rows: list[dict[str, object]] = [
        {
            "way": way.name,
            "units": way.units,
            "customers": way.customers,
            "correlation": number(way.correlation, 3) if way.by else named("–"),
            "low": number(way.correlation_low, 3) if way.by else None,
            "high": number(way.correlation_high, 3) if way.by else None,
            "inflation": way.inflation,
            "detectable": _least(way),
            "relative": way.detectable / level if level else None,
        }
        for way in ways
    ]
    columns = (
        Column("way", text("pilots.clusters.head.drawn", "Drawn")),
        Column("units", text("pilots.head.units", "Units"), "count"),
        Column("customers", text("pilots.clusters.head.customers", "Customers"), "people"),
        Column(
            "correlation",
            text("pilots.clusters.head.correlation", "Intra-class correlation (interval)"),
            "number",
            low="low",
            high="high",
        ),
        Column("inflation", text("pilots.clusters.head.inflation", "Times the variance"), "number", digits=2),
        Column("detectable", text("pilots.head.detectable", "Smallest difference found"), "number"),
        Column("relative", text("pilots.head.relative", "As a share of the level"), "share", digits=0),
    )
    note = text(
        "pilots.clusters.note",
        "Revenue a customer and period, {level} today. Customers of one cluster are alike, so a cluster counts less than its "
        "customers; few clusters widen the interval besides (Student's t). Power {power}, confidence {confidence}; below "
        "{least} clusters an arm nothing is told.",
        level=Quantity(level, "money"),
        power=share(power),
        confidence=share(confidence),
        least=count(FEWEST_CLUSTERS),
    )
    return Table("pilots.clusters", _title(ways), columns, pd.DataFrame(rows, dtype=object), note)


def _least(way: Clustering) -> Quantity | Text:
    if math.isnan(way.detectable):
        return text("pilots.clusters.few", "too few clusters")
    return Quantity(way.detectable, "money")


def _title(ways: tuple[Clustering, ...]) -> Text:
    told = [way for way in ways[1:] if not math.isnan(way.detectable)]
    if not told or not ways[0].detectable:
        return text("pilots.clusters.title_none", "Only single customers can be drawn: clusters are too few")
    best = min(told, key=lambda way: way.detectable)
    return text(
        "pilots.clusters.title",
        "Drawn {clusters}, only differences {times} times as large are found",
        clusters=best.name,
        times=number(best.detectable / ways[0].detectable, 1),
    )


def _figure(ways: tuple[Clustering, ...]) -> Figure:
    told = [way for way in ways if not math.isnan(way.detectable)]

    def draw(edition: Edition) -> Canvas:
        picture, axes = canvas(FULL_WIDTH, 0.7 + 0.4 * len(told))
        scale, unit = money_scale(max(way.detectable for way in told), edition)
        least = [way.detectable / scale for way in told]
        axes.barh(range(len(told)), least, height=0.55, color=[MUTED, *[CATEGORIES[0]] * (len(told) - 1)])
        for place, (way, length) in enumerate(zip(told, least, strict=True)):
            axes.text(length, place, " " + Quantity(way.detectable, "money").render(edition), va="center", fontsize=8.5)
        axes.set_xlim(0, max(least) * 1.2)
        axes.set_ylim(len(told) - 0.5, -0.5)
        axes.set_yticks(range(len(told)), [_label(way).render(edition) for way in told])
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        label_axis(axes, text("pilots.clusters.axis", "Smallest difference found, {unit}", unit=unit).render(edition))
        return picture

    alt = text(
        "pilots.clusters.alt",
        "Bars: smallest difference that the next pilot finds by what is drawn: {ways}.",
        ways=joined([_label(way) for way in told]),
    )
    note = text(
        "pilots.clusters.figure_note",
        "Revenue a customer and period; the shorter the bar, the smaller an effect is found. In brackets: units to draw.",
    )
    title = text("pilots.clusters.figure", "What is drawn decides how small an effect can be found")
    return Figure("pilots.clusters.figure", title, draw, alt, note)


def _label(way: Clustering) -> Text:
    return text("pilots.clusters.label", "{drawn} ({n})", drawn=way.name, n=count(way.units))
