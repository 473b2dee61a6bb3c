"""From a decision to a plan: roll out wave after wave by tier, with customers held out to see whether it works there (row P6).

A pilot tells what a measure did to those who took part. Whether it still does so when everybody gets it, only customers who
do not get it can tell. So in every wave a share is held out by a keyed hash; the waves are looks at one comparison and share
its error, and what stops the roll-out is written down before the first of them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Quantity, Text, count, day, joined, named, share, text
from workbook.pilots.boundaries import limits
from workbook.pilots.decided import PilotDecision
from workbook.pilots.decision import Decision
from workbook.pilots.design import Unplanned
from workbook.pilots.draws import arm_by_hash
from workbook.pilots.effect import Effect
from workbook.pilots.effect_exhibits import drawn_to_the_whole
from workbook.pilots.effects import Effects
from workbook.pilots.holdout import MOST_HELD, first_day, smallest_share, stops
from workbook.pilots.rollout_clusters import ClusterRollout, clusters_of, plan_clusters
from workbook.pilots.season import Year
from workbook.pilots.units import granting, meeting, purpose_name, read_units, with_scores
from workbook.pilots.worth import yearly_factor
from workbook.report.blocks import Block, Column, NotMeasured, Sheet, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

LEAST_WAVE = 0.1
"""Share of the customers below which a tier is no wave of its own: too few could be held out to learn anything."""

COLUMNS = ["pilot", "customer_id", "tier", "wave", "starts", "arm"]
Interval = tuple[float, float, float]
"""A value, and the ends of its interval."""

_PLAN = text("pilots.rollout.none", "Plan of the roll-out by tier")


@dataclass(frozen=True)
class Wave:
    """One wave of a roll-out.

    Attributes:
        tiers: that get the measure in it.
        starts: its first day; ``read_on`` the day on which it is compared with those held out.
        reached, held: customers who get the measure, and who are held out.
        worth: of the measure a customer and year with its interval, its cost taken off; None where the card does not say.
        widen, back: difference between those reached and those held out, of all waves so far, that stops the roll-out, and
            that takes the measure back, where the difference is worse; NaN where nobody is held out.
    """

    tiers: tuple[str, ...]
    starts: dt.date
    read_on: dt.date
    reached: int
    held: int
    worth: Interval | None
    widen: float
    back: float


@dataclass(frozen=True)
class Rollout:
    """The plan of a roll-out.

    Attributes:
        decided: the pilot and what was decided on it.
        waves: in order; a limited roll-out has one.
        waiting: tiers that wait for the first wave to be read, or whose estimated worth is not above its cost.
        frame: columns pilot (the id with _rollout behind it), customer_id, tier, wave, starts, arm (the control is held out);
            sorted by customer. Delivered back as assignments, it is a pilot of its own.
        lift: the effect that those held out shall find; ``found`` the smallest that they do find with the wanted power.
        share: held out of each wave.
        already: customers who have the measure from the pilot; blocked: those without consent.
        settings: the parameters.
    """

    decided: PilotDecision
    effect: Effect
    waves: tuple[Wave, ...]
    waiting: tuple[str, ...]
    frame: pd.DataFrame
    lift: float
    found: float
    share: float
    already: int
    blocked: int
    settings: Settings

    def table(self) -> Table:
        """A row a wave: tiers, days, customers reached and held out, worth, and what stops it."""
        effect = self.effect
        rows: list[dict[str, object]] = [
            {
                "wave": text("pilots.rollout.wave", "{n}: {tiers}", n=count(n), tiers=self._tiers(wave.tiers)),
                "starts": day(wave.starts),
                "read": day(wave.read_on),
                "reached": wave.reached,
                "held": wave.held,
                "value": wave.worth[0] if wave.worth else None,
                "low": wave.worth[1] if wave.worth else None,
                "high": wave.worth[2] if wave.worth else None,
                "widen": _or_nothing(effect, wave.widen),
                "back": _or_nothing(effect, wave.back),
            }
            for n, wave in enumerate(self.waves, 1)
        ]
        columns = (
            Column("wave", text("pilots.rollout.head.wave", "Wave")),
            Column("starts", text("pilots.rollout.head.starts", "Starts")),
            Column("read", text("pilots.rollout.head.read", "Read on")),
            Column("reached", text("pilots.rollout.head.reached", "Customers reached"), "people"),
            Column("held", text("pilots.rollout.head.held", "Customers held out"), "people"),
            Column(
                "value",
                text("pilots.rollout.head.value", "Net worth a customer and year (interval)"),
                "money",
                low="low",
                high="high",
            ),
            Column("widen", text("pilots.rollout.head.widen", "No further wave where worse than"), "number"),
            Column("back", text("pilots.rollout.head.back", "Taken back where worse than"), "number"),
        )
        return Table(
            "pilots.rollout", self.title(), columns, pd.DataFrame(rows, dtype=object), self._note(), artefact="rollout"
        )

    def title(self) -> Text:
        """The pilot, its waves and how many are held out."""
        held = sum(wave.held for wave in self.waves)
        words: dict[str, Text | Quantity] = {
            "pilot": self.decided.name,
            "n": count(len(self.frame) - held),
            "held": count(held),
        }
        if len(self.waves) == 1:
            return text("pilots.rollout.title_one", "{pilot}: {n} customers in one wave, {held} held out", **words)
        return text(
            "pilots.rollout.title",
            "{pilot}: {n} customers in {waves} {waves:wave|waves}, {held} held out",
            waves=count(len(self.waves)),
            **words,
        )

    def sheet(self) -> Sheet:
        """Who gets the measure when, and who is held out, as a file for those who roll it out; arms as systems know them."""
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("customer_id", text("pilots.head.customer", "Customer")),
            Column("tier", text("pilots.rollout.head.tier", "Tier")),
            Column("wave", text("pilots.rollout.head.wave", "Wave"), "count"),
            Column("starts", text("pilots.rollout.head.starts", "Starts"), "date"),
            Column("arm", text("pilots.head.arm", "Arm")),
        )
        title = text("pilots.rollout.sheet_title", "{pilot}: roll-out by tier", pilot=self.decided.name)
        return Sheet(text("pilots.rollout.sheet", "Roll-out"), Table("pilots.rollout.list", title, columns, self.frame))

    def blocks(self) -> tuple[Block, ...]:
        """The table of waves."""
        return (self.table(),)

    def _tiers(self, ids: Sequence[str]) -> Text:
        names = {tier.id: named(tier.name) for tier in self.settings.grading.tiers}
        return joined([names.get(tier, named(tier)) for tier in ids])

    def _note(self) -> Text:
        effect, plan = self.effect, self.decided.pilot.rollout
        reach = (
            text("pilots.rollout.finds", "which finds the effect to plan with, {lift}", lift=effect.amount(self.lift))
            if self.found <= self.lift * (1 + 1e-9)
            else text(
                "pilots.rollout.short",
                "which finds an effect from {found} on, not yet the one to plan with, {lift}",
                lift=effect.amount(self.lift),
                found=effect.amount(self.found),
            )
        )
        note = text(
            "pilots.rollout.note",
            "Held out by a keyed hash with seed {seed}: {share} of each wave, {reach} (power {power}, all waves together). "
            "Limits: difference of {metric}, reached less held out, all waves so far; the waves share the error as looks do. "
            "Not counted: {already} who have it from the pilot, {blocked} without consent to “{purpose}”.",
            seed=str(self.settings.seed),
            share=share(self.share, 0),
            reach=reach,
            power=share(plan.power, 0),
            metric=named(effect.metric.name),
            already=count(self.already),
            blocked=count(self.blocked),
            purpose=purpose_name(self.decided.pilot.purpose),
        )
        if not self.waiting:
            return note
        tiers = self._tiers(self.waiting)
        if self.decided.action == "limited":
            return text(
                "pilots.rollout.waiting",
                "{note} Not planned yet: {tiers}, since the roll-out is limited to its first wave.",
                note=note,
                tiers=tiers,
            )
        if plan.waves:
            return text("pilots.rollout.unnamed", "{note} In no wave of the settings: {tiers}.", note=note, tiers=tiers)
        return text(
            "pilots.rollout.unworthy", "{note} Left out: {tiers}, where it is not worth its cost.", note=note, tiers=tiers
        )


def plan_rollout(
    tables: Tables,
    decision: Decision,
    effects: Effects,
    profile: pd.DataFrame,
    scores: object,
    consents: pd.DataFrame | None,
) -> Rollout | ClusterRollout | Unplanned | NotMeasured:
    """The plan of the first pilot of the period that is to be rolled out.

    Args:
        effects: whose parts by tier give the worth of each, drawn to the whole.
        profile: one row a customer.
        scores: the artefact ``scores``; anything but a frame leaves the client's own tier.
        consents: customer_id, purpose and standing of each consent; None: none were delivered, so nobody may be reached.

    Returns:
        Waves of clusters where clusters were drawn. Unplanned where no pilot is to be rolled out; NotMeasured where nobody may
        be reached, or where nothing says who belongs to which cluster.

    Raises:
        WorkbookError: where the pilot's condition cannot be worked out.
    """
    decided, settings = decision.to_roll_out, decision.settings
    if decided is None or decided.effect is None or not decided.effect.found.error:
        return Unplanned(pd.DataFrame(columns=COLUMNS, dtype="str").astype({"wave": "int64"}), _PLAN)
    pilot, effect = decided.pilot, decided.effect
    people = with_scores(profile, scores)
    eligible = people[people["customer_id"].isin(meeting(people, pilot.groups, f"pilots.{pilot.id}.groups"))]
    if pilot.unit == "cluster":
        return _by_clusters(tables, decided, effect, read_units(tables, pilot), eligible, decision)
    if consents is None:
        return NotMeasured("pilots.rollout", _PLAN, ("consents.customer_id", "consents.purpose"))
    having = tables.sql(
        """select distinct customer_id from assignments
           where pilot = $name and arm = $arm and unit_id is not null and customer_id is not null""",
        name=pilot.id,
        arm=effect.arm,
    )["customer_id"]
    new = eligible[~eligible["customer_id"].isin(having)]
    granted = new[new["customer_id"].isin(granting(consents, pilot.purpose))]
    if granted.empty:
        why = text("pilots.rollout.nobody", "No customer without the measure meets the condition and has granted the purpose.")
        return NotMeasured("pilots.rollout", _PLAN, why=why)
    tier = granted["tier"].astype(object).where(granted["tier"].notna(), "–") if "tier" in granted.columns else "–"
    frame = pd.DataFrame({"pilot": f"{pilot.id}_rollout", "customer_id": granted["customer_id"], "tier": tier})
    return _plan(decided, effect, frame, _worths(effect, effects, settings, decision.months), settings, decision.period.end,
                 already=len(eligible) - len(new), blocked=len(new) - len(granted))  # fmt: skip


def _by_clusters(
    tables: Tables,
    decided: PilotDecision,
    effect: Effect,
    units: pd.DataFrame,
    eligible: pd.DataFrame,
    decision: Decision,
) -> ClusterRollout | NotMeasured:
    """The plan by clusters; why there is none where nobody can say which other clusters there are, or none is left."""
    cluster_of = clusters_of(tables, decided.pilot, units, eligible)
    if cluster_of is None:
        why = text(
            "pilots.rollout.unknown_clusters",
            "Whole clusters were drawn, and no column of the customers, nor the shop of their orders, tells them as the "
            "assignment does; deliver one (orders.store, customers.region).",
        )
        return NotMeasured("pilots.rollout", _PLAN, why=why)
    named_ones = cluster_of[cluster_of.index.isin(eligible["customer_id"])]
    factor = yearly_factor(effect.pilot, effect.metric, decision.months)
    plan = plan_clusters(decided, effect, units, named_ones, factor, decision.settings, decision.period.end)
    if plan is None:
        return NotMeasured("pilots.rollout", _PLAN, why=text("pilots.rollout.all_clusters", "Every cluster has the measure."))
    return plan


def _plan(
    decided: PilotDecision,
    effect: Effect,
    frame: pd.DataFrame,
    worths: Mapping[str, Interval | None],
    settings: Settings,
    today: dt.date,
    *,
    already: int,
    blocked: int,
) -> Rollout:
    pilot, plan, confidence = decided.pilot, decided.pilot.rollout, settings.analysis.confidence
    sizes_of = frame["tier"].value_counts()
    order = [wave for names in plan.waves if (wave := tuple(t for t in names if t in sizes_of.index))]
    kept = order if plan.waves else _grouped(worths, sizes_of)
    kept = kept[: 1 if decided.action == "limited" else None]
    place = {tier: n for n, wave in enumerate(kept, 1) for tier in wave}
    frame = frame[frame["tier"].isin(list(place))]
    frame = frame.assign(wave=frame["tier"].map(place).astype("int64")).sort_values("customer_id", kind="stable")
    sizes = (effect.found.n_control, effect.found.n_treated)
    spread = (effect.found.error or math.nan) / math.sqrt(1 / sizes[0] + 1 / sizes[1])
    sign = 1 if effect.metric.better == "higher" else -1
    lift = abs(decided.corrected) if decided.corrected and decided.corrected * sign > 0 else effect.metric.margin
    shares = np.cumsum([int(sizes_of[list(wave)].sum()) for wave in kept]) / len(frame)
    last = limits(shares.tolist(), 1 - confidence, "pocock")[-1]
    part = plan.holdout or min(MOST_HELD, smallest_share(len(frame), spread, lift, last, plan.power))
    control = next(iter(pilot.arms))
    arms = {control: part, effect.arm: 1 - part}
    drawn = arm_by_hash(frame["customer_id"], f"{settings.seed}:{pilot.id}:holdout:", arms)
    length = plan.days or (pilot.ends - pilot.starts).days + 1
    first = plan.starts or first_day(today)
    starts = [first + dt.timedelta(days=length * n) for n in range(len(kept))]
    frame = frame.assign(starts=[starts[n - 1] for n in frame["wave"]], arm=drawn)[COLUMNS].reset_index(drop=True)
    held, reached = (
        np.array([int(((frame["wave"] == n) & (frame["arm"] == arm)).sum()) for n in range(1, len(kept) + 1)]) for arm in arms
    )
    errors = [spread * math.sqrt(1 / h + 1 / r) if h and r else math.nan
              for h, r in zip(held.cumsum(), reached.cumsum(), strict=True)]  # fmt: skip
    limits_of = stops(errors, effect.metric.margin, 1 - confidence)
    waves = tuple(
        Wave(
            tiers,
            on,
            on + dt.timedelta(days=length),
            int(r),
            int(h),
            _together(tiers, worths, sizes_of),
            sign * widen,
            sign * back,
        )
        for tiers, on, r, h, (widen, back) in zip(kept, starts, reached, held, limits_of, strict=True)
    )
    z = last + float(stats.norm.ppf(plan.power))
    waiting = tuple(tier for tier in _by_worth(worths, list(sizes_of.index)) if tier not in place)
    return Rollout(decided, effect, waves, waiting, frame, lift, z * errors[-1], part, already, blocked, settings)


def _worths(effect: Effect, effects: Effects, settings: Settings, months: Year | None) -> dict[str, Interval | None]:
    """Tier → worth of the measure a customer and year; every tier without a part of its own has that of the whole (key "")."""
    factor, cost = yearly_factor(effect.pilot, effect.metric, months), effect.pilot.cost

    def worth(size: float, low: float, high: float) -> Interval | None:
        if factor is None:
            return None
        ends = sorted((factor * low - cost, factor * high - cost))
        return factor * size - cost, ends[0], ends[1]

    parts = [p for p in effects.parts if p.pilot.id == effect.pilot.id and p.arm == effect.arm and p.shown]
    found = {"": worth(effect.found.effect, *effect.interval)}
    for part, drawn in zip(parts, drawn_to_the_whole(parts), strict=True):
        found[part.stratum or ""] = worth(*drawn)
    return found | {tier.id: found.get(tier.id, found[""]) for tier in settings.grading.tiers}


def _by_worth(worths: Mapping[str, Interval | None], there: Collection[str]) -> list[str]:
    """Tiers from the one worth most to the one worth least; those worth the same as the settings have them, others last."""
    known = [tier for tier in worths if tier in there]
    ordered = [*known, *sorted(set(there) - set(known))]
    return sorted(ordered, key=lambda tier: -(worths.get(tier) or worths[""] or (0.0,))[0])


def _grouped(worths: Mapping[str, Interval | None], sizes: pd.Series) -> list[tuple[str, ...]]:
    """Waves of the tiers that are worth their cost, from the one worth most; small ones go together with the next."""
    order = _by_worth(worths, list(sizes.index))
    worthy = [tier for tier in order if (worth := worths.get(tier, worths[""])) is None or worth[0] > 0] or order
    least = LEAST_WAVE * int(sizes[worthy].sum())
    waves: list[tuple[str, ...]] = []
    gathered: list[str] = []
    for tier in worthy:
        gathered.append(tier)
        if int(sizes[gathered].sum()) >= least:
            waves.append(tuple(gathered))
            gathered = []
    if gathered and waves:
        waves[-1] = (*waves[-1], *gathered)
    return waves


def _together(tiers: Sequence[str], worths: Mapping[str, Interval | None], sizes: pd.Series) -> Interval | None:
    """Worth of a wave: that of its tiers, weighted by their customers; ends too, as if all erred together."""
    told = [worths.get(tier, worths[""]) for tier in tiers]
    known = [worth for worth in told if worth is not None]
    if len(known) < len(told):
        return None
    value, low, high = np.average(np.array(known), axis=0, weights=sizes[list(tiers)].to_numpy(float)).tolist()
    return value, low, high


def _or_nothing(effect: Effect, value: float) -> object:
    return named("–") if math.isnan(value) else effect.amount(value)
