"""Natural groups of customers: K-means on the indices, its number of groups reasoned and its centres frozen (T6).

Groups are worth a name only where customers really lie in heaps. Two things are asked of every number of groups: do the groups
stand apart (silhouette) more clearly than in values without heaps, shuffled ones (every index keeps its spread, nothing hangs
together) and normal ones with the same correlations; and are the same groups found again in other draws of the customers
(adjusted Rand index)?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.language import Text, count, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Grading

FEWEST, MOST = 2, 6
"""Numbers of groups that are tried."""
DRAWN = 1_200
"""Customers on whom the numbers of groups are tried."""
DRAWS, AGAIN = 20, 500
"""Bootstrap draws on which the groups are found again, and customers of each at most."""
STABLE, CLEARER = 0.75, 0.05
"""Mean agreement of the draws from which groups count as the same; silhouette by which they must beat values without heaps."""
FEWEST_CUSTOMERS = 50
_FITTED_ON = 20_000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """Customers by natural group.

    Attributes:
        frame: customer_id, cluster (1 brings most revenue a customer), distance (to its centre, in standard deviations).
        choice: clusters (their number), silhouette, chance (that of values without heaps), stability with stability_low and
            stability_high (between which 95% of the draws lie); empty where the centres were frozen before.
        centres: what is frozen: columns, mean, spread, centres, since, policy; for the artefact ``cluster_centres``.
        found: whether the customers lie in heaps at all.
        graded: customer_id, tier, revenue and one column ``index_<id>`` an index.
        settings: tiers and names of the indices.
    """

    frame: pd.DataFrame
    choice: pd.DataFrame
    centres: Mapping[str, Any]
    found: bool
    graded: pd.DataFrame
    settings: Grading

    def table(self) -> Table:
        """Each group with its customers, its revenue and its mean on every index."""
        joined = self.graded.merge(self.frame, on="customer_id")
        indices = [index for index in self.settings.indices if f"index_{index.id}" in self.centres["columns"]]
        groups = joined.groupby("cluster", sort=True)
        rows = pd.DataFrame({"customers": groups.size(), "revenue": groups["revenue"].sum()})
        for index in indices:
            rows[index.id] = groups[f"index_{index.id}"].mean()
        rows["revenue_share"] = rows["revenue"] / rows["revenue"].sum()
        rows["customer_share"] = rows["customers"] / rows["customers"].sum()
        rows = rows.reset_index()
        return Table(
            "grading.clusters",
            self._title(rows),
            (
                Column("cluster", text("grading.clusters.cluster", "Group"), "count"),
                Column("customers", text("grading.column.customers", "Customers"), "people"),
                Column(
                    "customer_share", text("grading.clusters.customer_share", "Share of customers"), "share", of="customers"
                ),
                Column("revenue_share", text("grading.clusters.revenue_share", "Share of revenue"), "share"),
                *(Column(index.id, named(index.name), "score") for index in indices[:4]),
            ),
            rows,
            note=text(
                "grading.clusters.note",
                "K-means on the standardised indices; n = {n}; means of the first {shown} indices from 0 to 100; group 1 "
                "brings most revenue a customer. The centres have stood since {since}, as long as the grade policy does.",
                n=count(len(self.frame)),
                shown=count(min(4, len(indices))),
                since=named(str(self.centres["since"])),
            ),
            artefact="clusters",
        )

    def crossed(self) -> Table:
        """How groups and tiers go together: customers of each group in each tier."""
        joined = self.graded.merge(self.frame, on="customer_id")
        tiers = [tier.id for tier in self.settings.tiers]
        rows = pd.crosstab(joined["cluster"], joined["tier"]).reindex(columns=tiers, fill_value=0).reset_index()
        highest = rows[tiers[0]].to_numpy()
        place = int(highest.argmax())
        return Table(
            "grading.clusters.tiers",
            text(
                "grading.clusters.tiers.title",
                "{share} of {tier} customers lie in group {cluster}",
                share=share(float(highest[place] / highest.sum()) if highest.sum() else None),
                tier=named(self.settings.tiers[0].name),
                cluster=count(int(rows["cluster"].iloc[place])),
            ),
            (
                Column("cluster", text("grading.clusters.cluster", "Group"), "count"),
                *(Column(tier.id, named(tier.name), "people") for tier in self.settings.tiers[:7]),
            ),
            rows,
            note=text("grading.clusters.tiers.note", "Customers by natural group and tier; n = {n}.", n=count(len(joined))),
        )

    def choice_table(self) -> Table | None:
        """The numbers of groups that were tried; None where the centres were frozen before."""
        if self.choice.empty:
            return None
        best = self.choice.sort_values("silhouette", ascending=False).iloc[0]
        return Table(
            "grading.clusters.choice",
            text(
                "grading.clusters.choice.title",
                "{n} groups stand apart most: silhouette {silhouette}, by chance {chance}",
                n=count(int(best["clusters"])),
                silhouette=number(float(best["silhouette"]), 2),
                chance=number(float(best["chance"]), 2),
            ),
            (
                Column("clusters", text("grading.clusters.number", "Groups"), "count"),
                Column("silhouette", text("grading.clusters.silhouette", "Silhouette"), "ratio"),
                Column("chance", text("grading.clusters.chance", "Silhouette by chance"), "ratio"),
                Column("stability", text("grading.clusters.stability", "Agreement with new draws"), "ratio",
                       low="stability_low", high="stability_high"),
            ),
            self.choice,
            note=text(
                "grading.clusters.choice.note",
                "Silhouette from -1 to 1, on {drawn} customers at most; by chance: the higher of shuffled values and of normal "
                "values with the same correlations; agreement: adjusted Rand index with the groups found in {draws} bootstrap "
                "draws of {again} at most, the mean and where 95% of the draws lie. Groups count where they beat chance by "
                "{clearer} and agree by {stable} in the mean.",
                drawn=count(DRAWN), draws=count(DRAWS), again=count(AGAIN), clearer=number(CLEARER, 2),
                stable=number(STABLE, 2),
            ),
        )  # fmt: skip

    def blocks(self) -> tuple[Table, ...]:
        """The groups, how they cross with the tiers, and how their number was chosen."""
        choice = self.choice_table()
        return (self.table(), self.crossed(), *([choice] if choice else []))

    def _title(self, rows: pd.DataFrame) -> Text:
        if not self.found:
            return text(
                "grading.clusters.none",
                "Customers form no natural groups: {n} groups are only a way to cut them",
                n=count(len(rows)),
            )
        return text(
            "grading.clusters.title",
            "{n} natural groups: the first, {customers} of customers, brings {revenue} of revenue",
            n=count(len(rows)),
            customers=share(float(rows["customer_share"].iloc[0])),
            revenue=share(float(rows["revenue_share"].iloc[0])),
        )


def find_clusters(
    graded: pd.DataFrame | NotMeasured,
    settings: Grading,
    policy: int,
    *,
    period: Period,
    seed: int,
    frozen: Mapping[str, Any] | NotMeasured | None = None,
    known: Clusters | NotMeasured | None = None,
) -> Clusters | NotMeasured:
    """Group the graded customers by K-means on their standardised indices.

    Args:
        graded: customer_id, tier, revenue, one column ``index_<id>`` an index (0–100).
        settings: indices and tiers.
        policy: number of the grade policy: centres of the same policy are used again.
        period: the period analysed.
        seed: of the draws and starts.
        frozen: the artefact ``cluster_centres`` of the period before; None where there is none.
        known: the groups of these customers where the rules of the grading asked for them already; they are not found twice.

    Source: MacQueen (1967); Rousseeuw (1987), J. Comput. Appl. Math. 20, for the silhouette; Hubert and Arabie (1985), J. of
    Classification 2, for the adjusted Rand index; method.md T6.
    """
    what = text("grading.clusters.what", "Natural groups of customers")
    if isinstance(graded, NotMeasured) or len(graded) < FEWEST_CUSTOMERS:
        why = text("grading.clusters.few", "fewer than {n} customers were graded", n=count(FEWEST_CUSTOMERS))
        return NotMeasured("grading.clusters", what, why=why)
    names = [f"index_{index.id}" for index in settings.indices]
    columns = [name for name in names if graded[name].notna().all() and graded[name].std() > 0]
    if len(columns) < 2:
        why = text("grading.clusters.narrow", "fewer than two indices have a value for every customer and vary")
        return NotMeasured("grading.clusters", what, why=why)
    if isinstance(known, Clusters):
        return replace(known, graded=graded[["customer_id", "tier", "revenue", *columns]])
    scores = graded[columns].to_numpy(float)
    if isinstance(frozen, Mapping) and frozen["policy"] == policy and list(frozen["columns"]) == columns:
        kept, choice = dict(frozen), pd.DataFrame()
    else:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # sums of floats hang on the number of threads
            kept, choice = _freeze(scores, graded["revenue"].to_numpy(float), columns, policy, period, seed)
    where, distance = _nearest((scores - np.array(kept["mean"])) / np.array(kept["spread"]), np.array(kept["centres"]))
    frame = pd.DataFrame({"customer_id": graded["customer_id"], "cluster": where + 1, "distance": distance})
    return Clusters(frame, choice, kept, bool(kept["found"]), graded[["customer_id", "tier", "revenue", *columns]], settings)


def place_in_clusters(points: pd.DataFrame, centres: Mapping[str, Any] | NotMeasured | None) -> pd.Series[int]:
    """The cluster of each row by frozen centres; missing where there are none, or an index that they need has no score.

    Args:
        points: one column ``index_<id>`` an index (0–100).
        centres: the artefact ``cluster_centres``.
    """
    nobody = pd.Series(pd.NA, index=points.index, dtype="Int64")
    if not isinstance(centres, Mapping) or not set(centres["columns"]) <= set(points.columns):
        return nobody
    scores = points[list(centres["columns"])].to_numpy(float)
    known = ~np.isnan(scores).any(axis=1)
    where, _ = _nearest((scores - np.array(centres["mean"])) / np.array(centres["spread"]), np.array(centres["centres"]))
    return pd.Series(where + 1, index=points.index, dtype="Int64").where(known, nobody)


def _freeze(
    scores: Values, revenue: Values, columns: list[str], policy: int, period: Period, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Choose the number of groups and fit their centres, the most valuable first."""
    chance = np.random.default_rng(seed)
    mean, spread = scores.mean(axis=0), scores.std(axis=0)
    x = (scores - mean) / spread
    choice = _try_numbers(x[_drawn(len(x), DRAWN, chance)], chance)
    sound = choice[(choice["silhouette"] >= choice["chance"] + CLEARER) & (choice["stability"] >= STABLE)]
    number_of = int((sound if len(sound) else choice).sort_values("silhouette", ascending=False)["clusters"].iloc[0])
    centres = _fit(x[_drawn(len(x), _FITTED_ON, chance)], number_of, chance)
    where, _ = _nearest(x, centres)
    value = [revenue[where == place].mean() if (where == place).any() else -np.inf for place in range(number_of)]
    centres = centres[np.argsort(value, kind="stable")[::-1]]
    kept = {
        "columns": columns, "mean": mean.tolist(), "spread": spread.tolist(), "centres": centres.tolist(),
        "found": bool(len(sound)), "since": period.name, "policy": policy,
    }  # fmt: skip
    return kept, choice


def _try_numbers(x: Values, chance: np.random.Generator) -> pd.DataFrame:
    from scipy.spatial.distance import cdist

    shuffled = np.column_stack([chance.permutation(column) for column in x.T])
    normal = chance.multivariate_normal(np.zeros(x.shape[1]), np.cov(x.T), len(x))
    worlds = [(values, cdist(values, values)) for values in (x, shuffled, normal)]
    rows = []
    for number_of in range(FEWEST, min(MOST, len(x) - 1) + 1):
        found = [_nearest(values, _fit(values, number_of, chance))[0] for values, _ in worlds]
        apart, *without = (silhouette(far, where) for (_, far), where in zip(worlds, found, strict=True))
        draws = (chance.integers(0, len(x), min(AGAIN, len(x))) for _ in range(DRAWS))
        again = [_nearest(x, _fit_once(x[draw], number_of, chance))[0] for draw in draws]
        agree = np.array([agreement(found[0], other) for other in again])
        low, high = np.quantile(agree, [0.025, 0.975])
        rows.append((number_of, apart, max(without), float(agree.mean()), float(low), float(high)))
    return pd.DataFrame(rows, columns=["clusters", "silhouette", "chance", "stability", "stability_low", "stability_high"])


def silhouette(far: Values, where: NDArray[np.int64]) -> float:
    """The mean silhouette: how much nearer a member lies to its own group than to the nearest other; -1 for one group alone.

    Args:
        far: distance of each to each.
        where: group of each, from 0.
    """
    mine = np.equal.outer(where, np.unique(where)).astype(float)
    sizes = mine.sum(axis=0)
    if len(sizes) < 2:
        return -1.0
    sums, own = far @ mine, mine.argmax(axis=1)
    rows = np.arange(len(where))
    within = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
    others = sums / sizes
    others[rows, own] = np.inf
    nearest = others.min(axis=1)
    larger = np.maximum(within, nearest)
    apart = np.divide(nearest - within, larger, out=np.zeros(len(rows)), where=larger > 0)
    return float(np.where(sizes[own] > 1, apart, 0.0).mean())


def agreement(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """The adjusted Rand index of two groupings: 1 where they are the same, about 0 where they agree as by chance."""
    n, wide = len(one), int(other.max()) + 1
    cells = np.bincount(one * wide + other, minlength=(int(one.max()) + 1) * wide).reshape(-1, wide).astype(float)

    def pairs(counts: Values) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    rows, columns = pairs(cells.sum(axis=1)), pairs(cells.sum(axis=0))
    expected, most = rows * columns / (n * (n - 1) / 2), (rows + columns) / 2
    return 1.0 if most == expected else (pairs(cells) - expected) / (most - expected)


def _fit(x: Values, number_of: int, chance: np.random.Generator) -> Values:
    from sklearn.cluster import KMeans

    seed = int(chance.integers(2**31))
    return np.asarray(KMeans(number_of, n_init=3, random_state=seed).fit(x).cluster_centers_, dtype=float)


def _fit_once(x: Values, number_of: int, chance: np.random.Generator) -> Values:
    """As :func:`_fit` from one start, drawn as k-means++ draws it: far from the centres before (Arthur, Vassilvitskii 2007)."""
    from sklearn.cluster import KMeans

    start = [x[chance.integers(len(x))]]
    far = ((x - start[0]) ** 2).sum(axis=1)
    while len(start) < number_of:
        reach = np.cumsum(far)
        place = int(np.searchsorted(reach, chance.random() * reach[-1], side="right"))
        start.append(x[min(place, len(x) - 1)])
        far = np.minimum(far, ((x - start[-1]) ** 2).sum(axis=1))
    return np.asarray(KMeans(number_of, init=np.array(start), n_init=1).fit(x).cluster_centers_, dtype=float)


def _drawn(n: int, most: int, chance: np.random.Generator) -> NDArray[np.int64]:
    """Rows of a draw, in order; all of them where they are few."""
    return np.sort(chance.choice(n, most, replace=False)) if n > most else np.arange(n)


def _nearest(x: Values, centres: Values) -> tuple[NDArray[np.int64], Values]:
    """The nearest centre of each row and its distance."""
    squares = np.stack([((x - centre) ** 2).sum(axis=1) for centre in centres], axis=1)
    where = squares.argmin(axis=1)
    return where.astype(np.int64), np.sqrt(squares[np.arange(len(x)), where])
