"""A roll-out by whole clusters, where clusters were drawn: waves of shops or regions, some held out of all of them (row P6)."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Quantity, Text, count, day, money, named, share, text
from workbook.pilots.boundaries import limits
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.decided import PilotDecision
from workbook.pilots.draws import hashes
from workbook.pilots.effect import Effect
from workbook.pilots.holdout import MOST_HELD, first_day, smallest_share, stops
from workbook.pilots.power import detectable_t
from workbook.report.blocks import Block, Column, Sheet, Table
from workbook.settings.models import Pilot, Settings
from workbook.tables import Tables

COLUMNS = ["pilot", "cluster", "customers", "wave", "starts", "arm"]
MOST_WAVES = 3
ALIKE = 0.95
"""Share of a pilot's customers (or, where none are named, of its clusters) whose cluster a column must tell as they do."""
_PROFILE = ("region", "owner", "industry", "channel")


@dataclass(frozen=True)
class ClusterWave:
    """One wave.

    Attributes:
        starts: its first day; ``read_on`` the day on which all clusters reached so far are compared with those held out.
        clusters, customers: who get the measure in it.
        widen, back: difference between clusters reached and held out, of all waves so far, that stops the roll-out, and that
            takes the measure back, where the difference is worse; NaN where none are held out.
    """

    starts: dt.date
    read_on: dt.date
    clusters: int
    customers: int
    widen: float
    back: float


@dataclass(frozen=True)
class ClusterRollout:
    """The plan of a roll-out by clusters.

    Attributes:
        waves: in order; a limited roll-out has one.
        held: clusters held out of all waves; 0 where too few are left to hold any out.
        waiting: clusters that wait for the first wave to be read.
        already: clusters that have the measure from the pilot.
        frame: columns pilot (the id with _rollout behind it), cluster, customers, wave, starts, arm (the control is held out;
            its wave is the first, whose start begins the comparison); sorted. Delivered back as assignments (unit_id: cluster),
            it is a pilot of its own.
        found: smallest effect that the clusters held out find with the wanted power; NaN where none are.
        lift: the effect that they shall find.
        factor: what one unit of the metric is worth a customer and year; None where the card does not say.
        settings: the parameters.
    """

    decided: PilotDecision
    effect: Effect
    waves: tuple[ClusterWave, ...]
    held: int
    waiting: int
    already: int
    frame: pd.DataFrame
    found: float
    lift: float
    factor: float | None
    settings: Settings

    def table(self) -> Table:
        """A row a wave: days, clusters and customers reached, and what stops it."""
        nothing = named("–")
        rows: list[dict[str, object]] = [
            {
                "wave": count(n),
                "starts": day(wave.starts),
                "read": day(wave.read_on),
                "clusters": wave.clusters,
                "customers": wave.customers,
                "widen": nothing if math.isnan(wave.widen) else self.effect.amount(wave.widen),
                "back": nothing if math.isnan(wave.back) else self.effect.amount(wave.back),
            }
            for n, wave in enumerate(self.waves, 1)
        ]
        columns = (
            Column("wave", text("pilots.rollout.head.wave", "Wave")),
            Column("starts", text("pilots.rollout.head.starts", "Starts")),
            Column("read", text("pilots.rollout.head.read", "Read on")),
            Column("clusters", text("pilots.rollout.head.clusters", "Clusters reached"), "count"),
            Column("customers", text("pilots.rollout.head.reached", "Customers reached"), "people"),
            Column("widen", text("pilots.rollout.head.widen", "No further wave where worse than"), "number"),
            Column("back", text("pilots.rollout.head.back", "Taken back where worse than"), "number"),
        )
        frame = pd.DataFrame(rows, dtype=object)
        return Table("pilots.rollout", self.title(), columns, frame, self._note(), artefact="rollout")

    def title(self) -> Text:
        """The pilot, its clusters and waves, and how many are held out."""
        words: dict[str, Text | Quantity] = {
            "pilot": self.decided.name,
            "n": count(sum(wave.clusters for wave in self.waves)),
            "held": count(self.held),
            "waves": count(len(self.waves)),
        }
        if len(self.waves) == 1:
            return text("pilots.rollout.clusters_one", "{pilot}: {n} clusters in one wave, {held} held out", **words)
        return text("pilots.rollout.clusters", "{pilot}: {n} clusters in {waves} {waves:wave|waves}, {held} held out", **words)

    def sheet(self) -> Sheet:
        """Which cluster gets the measure when, and which are held out, as a file for those who roll it out."""
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("cluster", text("pilots.rollout.head.cluster", "Cluster")),
            Column("customers", text("pilots.rollout.head.customers", "Customers"), "people"),
            Column("wave", text("pilots.rollout.head.wave", "Wave"), "count"),
            Column("starts", text("pilots.rollout.head.starts", "Starts"), "date"),
            Column("arm", text("pilots.head.arm", "Arm")),
        )
        title = text("pilots.rollout.sheet_clusters", "{pilot}: roll-out by cluster", pilot=named(self.decided.pilot.name))
        return Sheet(text("pilots.rollout.sheet", "Roll-out"), Table("pilots.rollout.list", title, columns, self.frame))

    def blocks(self) -> tuple[Block, ...]:
        """The table of waves."""
        return (self.table(),)

    def _note(self) -> Text:
        effect, plan = self.effect, self.decided.pilot.rollout
        if not self.held:
            reach = text(
                "pilots.rollout.clusters_none",
                "Too few clusters are left to hold {least} out, so nobody will know whether it still works.",
                least=count(FEWEST_CLUSTERS),
            )
        else:
            reach = text(
                "pilots.rollout.clusters_held",
                "The clusters held out of all waves find an effect from {found} on (to plan with: {lift}; power {power}, all "
                "waves together). Limits: difference of {metric}, clusters reached less held out, all waves so far; the waves "
                "share the error as looks do, widened for few clusters (Student's t).",
                found=effect.amount(self.found),
                lift=effect.amount(self.lift),
                power=share(plan.power, 0),
                metric=named(effect.metric.name),
            )
        note = text(
            "pilots.rollout.clusters_note",
            "Clusters in an order by a keyed hash with seed {seed}, so that early and late ones can be compared. {reach} Not "
            "counted: {already} clusters that have it from the pilot.",
            seed=str(self.settings.seed),
            reach=reach,
            already=count(self.already),
        )
        if self.waiting:
            note = text(
                "pilots.rollout.clusters_waiting",
                "{note} {n} clusters wait, since the roll-out is limited to its first wave.",
                note=note,
                n=count(self.waiting),
            )
        worth = self._worth()
        return note if worth is None else text("pilots.rollout.clusters_worth", "{note} {worth}", note=note, worth=worth)

    def _worth(self) -> Text | None:
        factor, cost = self.factor, self.effect.pilot.cost
        if factor is None:
            return None
        low, high = sorted(factor * end - cost for end in self.effect.interval)
        return text(
            "pilots.rollout.worth",
            "Net worth a customer and year: {value} ({low} to {high}).",
            value=money(factor * self.effect.found.effect - cost),
            low=money(low),
            high=money(high),
        )


def clusters_of(tables: Tables, pilot: Pilot, units: pd.DataFrame, people: pd.DataFrame) -> pd.Series | None:
    """The cluster of every customer, by the column that tells the clusters of the pilot's own customers.

    Args:
        units: of :func:`~workbook.pilots.units.read_units`.
        people: the profile.

    Returns:
        customer_id → cluster; None where neither a column of the profile nor the shop of most orders tells them.
    """
    clusters = units.drop_duplicates("cluster")["cluster"].dropna()
    of = units.dropna(subset=["customer_id", "cluster"]).drop_duplicates("customer_id").set_index("customer_id")["cluster"]
    candidates = [people.set_index("customer_id")[column].dropna() for column in _PROFILE if column in people.columns]
    if not tables.lacks("orders.store", "orders.customer_id"):
        shops = tables.sql(
            """select customer_id, arg_max(store, (orders, store)) as store
               from (select customer_id, store, count(*) as orders from orders
                     where customer_id is not null and store is not null group by customer_id, store)
               group by customer_id order by customer_id"""
        )
        candidates.append(shops.set_index("customer_id")["store"])
    for told in candidates:
        text_of = told.astype("str")
        alike = (of == text_of.reindex(of.index)).mean() if len(of) else clusters.isin(text_of).mean()
        if alike >= ALIKE:
            return text_of
    return None


def plan_clusters(
    decided: PilotDecision,
    effect: Effect,
    units: pd.DataFrame,
    cluster_of: pd.Series,
    factor: float | None,
    settings: Settings,
    today: dt.date,
) -> ClusterRollout | None:
    """The plan of a roll-out over all clusters that do not have the measure yet.

    Args:
        units: of the pilot.
        cluster_of: customer_id → cluster, of the customers who meet the pilot's condition.
        factor: what one unit of the metric is worth a customer and year, None where nobody says.
        today: last day of the period.

    Returns:
        None where every cluster has it.
    """
    pilot, plan, confidence = decided.pilot, decided.pilot.rollout, settings.analysis.confidence
    having = set(units.loc[units["arm"] == effect.arm, "cluster"].dropna())
    sizes = cluster_of.value_counts().sort_index()
    left = pd.Series([name for name in sizes.index if name not in having], dtype="str")
    if left.empty:
        return None
    order = left.iloc[np.argsort(hashes(left, f"{settings.seed}:{pilot.id}:holdout:")[0].to_numpy(str))].tolist()
    n0, n1 = effect.found.n_control, effect.found.n_treated
    spread = (effect.found.error or math.nan) / math.sqrt(1 / n0 + 1 / n1)
    sign = 1 if effect.metric.better == "higher" else -1
    lift = abs(decided.corrected) if decided.corrected and decided.corrected * sign > 0 else effect.metric.margin
    held = _held(len(order), spread, lift, confidence, plan.holdout, plan.power)
    kept, out = order[held:], order[:held]
    parts = np.array_split(np.array(kept, dtype=object), max(1, min(MOST_WAVES, len(kept) // FEWEST_CLUSTERS)))
    groups = [part.tolist() for part in parts][: 1 if decided.action == "limited" else None]
    length = plan.days or (pilot.ends - pilot.starts).days + 1
    starts = [(plan.starts or first_day(today)) + dt.timedelta(days=length * n) for n in range(len(groups))]
    reached = np.cumsum([len(group) for group in groups])
    errors = [spread * math.sqrt(1 / held + 1 / r) if held else math.nan for r in reached.tolist()]
    freedom = [max(held + int(r) - 2, 1) for r in reached]
    told = stops(errors, effect.metric.margin, 1 - confidence, freedom)
    waves = tuple(
        ClusterWave(on, on + dt.timedelta(days=length), len(group), int(sizes[group].sum()), sign * widen, sign * back)
        for group, on, (widen, back) in zip(groups, starts, told, strict=True)
    )
    control = next(iter(pilot.arms))
    rows = [(name, n, starts[n - 1], effect.arm) for n, group in enumerate(groups, 1) for name in group]
    rows += [(name, 1, starts[0], control) for name in out]
    frame = pd.DataFrame(rows, columns=["cluster", "wave", "starts", "arm"]).sort_values("cluster", kind="stable")
    frame = frame.assign(pilot=f"{pilot.id}_rollout", customers=sizes[frame["cluster"]].to_numpy("int64"))
    found = math.nan
    if held:
        times = [(errors[-1] / e) ** 2 for e in errors]
        last = float(2 * stats.norm.sf(limits(times, 1 - confidence, "pocock")[-1]))
        found = detectable_t(errors[-1], freedom[-1], 1 - last, plan.power)
    waiting = len(kept) - int(reached[-1])
    frame = frame[COLUMNS].reset_index(drop=True)
    return ClusterRollout(decided, effect, waves, held, waiting, len(having), frame, found, lift, factor, settings)


def _held(n: int, spread: float, lift: float, confidence: float, wanted: float | None, power: float) -> int:
    """Clusters held out of *n*: as many as find the effect, never so few that they say nothing; none where too few are left."""
    if n < 2 * FEWEST_CLUSTERS:
        return 0
    limit = float(stats.norm.isf((1 - confidence) / 2))
    part = wanted or min(MOST_HELD, smallest_share(n, spread, lift, limit, power))
    return min(max(math.ceil(part * n - 1e-9), FEWEST_CLUSTERS), n - FEWEST_CLUSTERS)
