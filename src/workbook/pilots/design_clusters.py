"""The next pilot where whole clusters are drawn: regions, industries or channels, each with all of its customers (row P1)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workbook.language import Text, count, named, text
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.draws import balanced_draw, hashes
from workbook.pilots.power import CLUSTERS, detectable_t
from workbook.pilots.units import arm_name, purpose_name
from workbook.report.blocks import Column, Table
from workbook.settings.models import Settings

SIZE = "customers"
"""Name of the covariate that says how many customers a cluster has."""


_WAYS: Mapping[str, Text] = {
    **CLUSTERS,
    "size": text("pilots.power.size", "by size"),
    "channel": text("pilots.power.channel", "by channel"),
}


def way_of(column: str) -> Text:
    """How clusters are drawn, in words: by region, by industry …"""
    return _WAYS.get(column) or named(column)


@dataclass(frozen=True)
class ClusterDraw:
    """Clusters drawn into arms.

    Attributes:
        clusters: one row a cluster: cluster, customers (in it), the mean of each covariate, arm; sorted by cluster.
        people: the customers in them with their cluster and arm; sorted by customer.
        beyond: customers who are left out: without a cluster, or beyond the largest size of the pilot.
        attempt: which draw was kept; above 1 only where the settings ask for balance.
    """

    clusters: pd.DataFrame
    people: pd.DataFrame
    beyond: int
    attempt: int


def draw_clusters(granted: pd.DataFrame, settings: Settings, covariates: Sequence[str]) -> ClusterDraw | None:
    """Draw the clusters of the customers who may take part.

    The order of clusters is that of a hash of seed, pilot and cluster; the balance that the settings ask for is that of the
    clusters' means and sizes.

    Args:
        granted: the profile of those who may take part; those without a cluster are left out.
        covariates: columns whose means are balanced, where they are there.

    Returns:
        None where there are fewer than :data:`~workbook.pilots.clusters.FEWEST_CLUSTERS` clusters an arm.
    """
    pilot = settings.next_pilot
    people = granted.assign(cluster=granted[str(pilot.cluster)].astype("str")) if pilot.cluster in granted.columns else None
    if people is None:
        return None
    people = people[granted[str(pilot.cluster)].notna()]
    known = [column for column in covariates if column in people.columns]
    numbers = people[["cluster", *known]].assign(**{c: pd.to_numeric(people[c], errors="coerce") for c in known})
    clusters = numbers.groupby("cluster", sort=True)[known].mean().astype("float64")
    clusters.insert(0, SIZE, people.groupby("cluster", sort=True).size())
    clusters = clusters.reset_index()
    clusters = clusters.assign(place="", draw=hashes(clusters["cluster"], f"{settings.seed}:{pilot.id}:")[0].to_numpy())
    clusters = clusters.sort_values(["draw", "cluster"], kind="stable").reset_index(drop=True)
    if pilot.largest:
        clusters = clusters[clusters[SIZE].cumsum() <= pilot.largest].reset_index(drop=True)
    if len(clusters) < FEWEST_CLUSTERS * len(pilot.arms):
        return None
    drawn, attempt = balanced_draw(clusters.assign(customer_id=clusters["cluster"]), settings, [SIZE, *known])
    kept = drawn.drop(columns=["customer_id", "place", "draw"]).sort_values("cluster", kind="stable").reset_index(drop=True)
    arm_of = kept.set_index("cluster")["arm"]
    inside = people[people["cluster"].isin(arm_of.index)]
    inside = inside.assign(arm=inside["cluster"].map(arm_of).astype("str"), stratum="–")
    inside = inside.sort_values("customer_id", kind="stable").reset_index(drop=True)
    return ClusterDraw(kept, inside, len(granted) - len(inside), attempt)


def detectable(clusters: pd.DataFrame, column: str, control: str, arm: str, confidence: float, power: float) -> float:
    """Smallest difference of the means of clusters that is found, by Student's t with as many observations as clusters.

    Args:
        clusters: of :class:`ClusterDraw`.
        column: a covariate that is the metric's own history.
    """
    sizes = clusters["arm"].value_counts()
    n0, n1 = int(sizes.get(control, 0)), int(sizes.get(arm, 0))
    if min(n0, n1) < FEWEST_CLUSTERS:
        return math.nan
    error = float(clusters[column].std(ddof=1)) * math.sqrt(1 / n0 + 1 / n1)
    return detectable_t(error, n0 + n1 - 2, confidence, power)


def clusters_table(clusters: pd.DataFrame, settings: Settings, eligible: int, blocked: int, beyond: int) -> Table:
    """Clusters of each arm, and the customers in them.

    Args:
        clusters: of :class:`ClusterDraw`.
        eligible: customers that meet the condition; blocked: of these, those without consent; beyond: those left out besides.
    """
    pilot = settings.next_pilot
    drawn, inside = clusters["arm"].value_counts(), clusters.groupby("arm")[SIZE].sum()
    rows: list[dict[str, object]] = [
        {"arm": arm_name(arm), "clusters": int(drawn[arm]), "customers": int(inside[arm])}
        for arm in pilot.arms
        if arm in drawn.index
    ]
    title = text(
        "pilots.assignment.title_clusters",
        "{pilot}: {n} clusters drawn into {arms} arms",
        pilot=named(pilot.name),
        n=count(len(clusters)),
        arms=count(len(rows)),
    )
    note = text(
        "pilots.assignment.note_clusters",
        "{eligible} customers meet the condition; {blocked} of them have not granted the purpose “{purpose}” and are left out; "
        "{beyond} have no cluster or are beyond the largest size. Drawn {way}, whole, by a hash of cluster and seed "
        "{seed}: anybody can repeat it. The card of the pilot then says unit: cluster.",
        eligible=count(eligible),
        blocked=count(blocked),
        purpose=purpose_name(pilot.purpose),
        beyond=count(beyond),
        way=way_of(str(pilot.cluster)),
        seed=str(settings.seed),
    )
    columns = (
        Column("arm", text("pilots.head.arm", "Arm")),
        Column("clusters", text("pilots.assignment.clusters", "Clusters"), "count"),
        Column("customers", text("pilots.assignment.customers", "Customers in them"), "people"),
    )
    return Table("pilots.assignment", title, columns, pd.DataFrame(rows), note, artefact="assignment")
