"""Randomised pilots with a known effect: who takes part, what the treatment adds, what the client measured.

Both arms are simulated with and without treatment; only one of the two is then delivered. The true effect is therefore
known exactly for the very customers who took part (Neyman 1923: the sample average treatment effect).
Source: rows P1–P3 of method.md.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbook.synthetic.plan import Plan, stream
from workbook.synthetic.world import TIERS, Flags, Floats, Ints, World

METRICS = ("spend", "repeat")
"""What the client measured: money spent within the window, and whether anything was bought."""


@dataclass(frozen=True)
class Trial:
    """One pilot.

    Attributes:
        id: its name in the files.
        starts: day of the assignment, as days since the history opens.
        window: days over which the outcome is measured.
        lift: tier: relative rise of the purchase rate under treatment.
        part: share of the eligible persons who take part, drawn by chance.
        missing: share of the units whose outcome was lost, alike in both arms.
    """

    id: str
    starts: int
    window: int
    lift: Mapping[str, float] = field(default_factory=dict)
    part: float = 1.0
    missing: float = 0.02

    @property
    def measured(self) -> int:
        """Day on which the outcomes were measured."""
        return self.starts + self.window


def trials(plan: Plan) -> tuple[Trial, ...]:
    """A first pilot without any effect in the first period, and one that works over the last two."""
    first, last = plan.deliveries[0], plan.last
    return (
        Trial("welcome_card", plan.day(first.start) + 5, min(60, int(first.days * 0.7)), part=0.3),
        Trial(
            "monthly_care", plan.day(last.previous.start) + 6, min(90, last.days),
            {"diamond": 0.20, "gold": 0.40, "silver": 0.70, "ordinary": 0.55},
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class Enrolment:
    """Who takes part in a trial.

    Attributes:
        trial: the trial.
        units: positions in ``world.customers``, ascending.
        treated: whether each unit is in the treatment arm.
    """

    trial: Trial
    units: Ints
    treated: Flags

    def arms(self) -> pd.Series:
        """The arm of each unit, in words."""
        return pd.Series(np.where(self.treated, "treatment", "control"))


def enrol(world: World, trial: Trial) -> Enrolment:
    """Draw half of the persons known before the trial into treatment, evenly within each stratum of value."""
    c = world.customers
    rng = stream(world.plan.seed, f"pilot {trial.id}")
    eligible = (c["kind"] == "person") & ~c["prospect"] & (c["created"] < trial.starts)
    units = np.flatnonzero(eligible.to_numpy() & (rng.random(len(c)) < trial.part))
    treated = np.zeros(len(units), dtype=bool)
    tiers = c["stratum"].to_numpy(str)[units]
    for tier in TIERS:
        members = rng.permutation(np.flatnonzero(tiers == tier))
        # where a stratum is odd the coin decides which arm is larger
        treated[members[: (len(members) + int(rng.integers(2))) // 2]] = True
    return Enrolment(trial, units, treated)


def extra_orders(world: World, enrolment: Enrolment) -> pd.DataFrame:
    """The orders that treatment would add to each unit of either arm.

    Returns:
        Columns customer (position), day (float, since the history opens).
    """
    trial = enrolment.trial
    rng = stream(world.plan.seed, f"extra {trial.id}")
    c = world.customers.iloc[enrolment.units]
    lift = c["stratum"].map(dict.fromkeys(TIERS, 0.0) | dict(trial.lift)).to_numpy(float)
    begin = np.maximum(c["alive_from"].to_numpy(float), trial.starts + 1)
    end = np.minimum(c["alive_to"].to_numpy(float), trial.measured)
    days = np.maximum(end - begin, 0.0)
    n = rng.poisson(c["rate"].to_numpy(float) / 7 * days * lift)
    return pd.DataFrame(
        {
            "customer": np.repeat(enrolment.units, n),
            "day": np.repeat(begin, n) + rng.random(n.sum()) * np.repeat(days, n),
        }
    )


@dataclass(frozen=True)
class Measured:
    """What a trial brought.

    Attributes:
        enrolment: who took part.
        spend, repeat: what was observed under the arm that each unit had.
        before: spend over an equal window before the trial.
        effects: metric → group ("all" or a tier) → the true mean effect over the units of both arms.
    """

    enrolment: Enrolment
    spend: Floats
    repeat: Floats
    before: Floats
    effects: Mapping[str, Mapping[str, float]]


def measure(world: World, enrolment: Enrolment, orders: pd.DataFrame) -> Measured:
    """Observe the outcomes of a trial and work out its true effect.

    Args:
        world: the client.
        enrolment: who took part.
        orders: all orders, also those that were only possible: customer, day, cents, trial (the trial that added it, or
            ""), happened (whether it came about).
    """
    trial, n = enrolment.trial, len(world.customers)
    day = orders["day"].to_numpy(float)
    cents = orders["cents"].to_numpy(float)
    who = orders["customer"].to_numpy(np.int64)
    added = (orders["trial"] == trial.id).to_numpy()
    inside = (day >= trial.starts + 1) & (day < trial.measured)
    usual = inside & orders["happened"].to_numpy() & ~added
    before = orders["happened"].to_numpy() & (day >= trial.starts - trial.window) & (day < trial.starts)

    def total(rows: Flags, weights: Floats | None = None) -> Floats:
        w = None if weights is None else weights[rows]
        return np.bincount(who[rows], weights=w, minlength=n)[enrolment.units].astype(float)

    spend0, spend1 = total(usual, cents) / 100, total(usual | (inside & added), cents) / 100
    repeat0, repeat1 = (total(usual) > 0).astype(float), (total(usual | (inside & added)) > 0).astype(float)
    tiers = world.customers["stratum"].to_numpy(str)[enrolment.units]
    effects = {
        metric: {"all": float(gain.mean()) if len(gain) else 0.0}
        | {tier: float(gain[tiers == tier].mean()) for tier in TIERS if (tiers == tier).any()}
        for metric, gain in (("spend", spend1 - spend0), ("repeat", repeat1 - repeat0))
    }
    treated = enrolment.treated
    return Measured(
        enrolment, np.where(treated, spend1, spend0), np.where(treated, repeat1, repeat0), total(before, cents) / 100, effects
    )


def assignment_rows(world: World, enrolment: Enrolment) -> pd.DataFrame:
    """The assignment as the client wrote it down."""
    c = world.customers.iloc[enrolment.units]
    opens = pd.Timestamp(world.plan.opens)
    return pd.DataFrame(
        {
            "pilot": enrolment.trial.id,
            "customer_id": c["customer_id"].to_numpy(str),
            "arm": enrolment.arms().to_numpy(str),
            "stratum": c["stratum"].to_numpy(str),
            "assigned_at": opens + dt.timedelta(days=enrolment.trial.starts),
        }
    )


def outcome_rows(world: World, measured: Measured) -> pd.DataFrame:
    """The outcomes as the client delivers them, some lost: one row a unit and metric.

    A tenth of the lost ones stand in the file with an empty value, the others not at all.
    """
    trial, units = measured.enrolment.trial, measured.enrolment.units
    rng = stream(world.plan.seed, f"lost {trial.id}")
    u = rng.random(len(units))
    here = u >= trial.missing * 0.9
    empty = u < trial.missing
    ids = world.customers["customer_id"].to_numpy(str)[units]
    frames = [
        pd.DataFrame(
            {
                "pilot": trial.id,
                "customer_id": ids[here],
                "metric": metric,
                "value": np.where(empty, np.nan, values)[here],
                "pre_value": before[here],
            }
        )
        for metric, values, before in (
            ("spend", measured.spend, measured.before),
            ("repeat", measured.repeat, (measured.before > 0).astype(float)),
        )
    ]
    rows = pd.concat(frames, ignore_index=True)
    rows["measured_at"] = pd.Timestamp(world.plan.opens) + dt.timedelta(days=trial.measured)
    return rows
