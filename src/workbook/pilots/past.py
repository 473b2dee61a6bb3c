"""What a pilot's primary metric was before the pilot, for the same units over as many days: its history (rows P3 and P4)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.history import read_history
from workbook.pilots.samples import FrameSample, Sample, read_samples
from workbook.pilots.units import in_two_arms, is_large, read_units
from workbook.settings.models import Metric, Pilot
from workbook.tables import SCHEMAS, Tables

MOST_STRETCHES = 8
"""Stretches before the pilot that are read."""
MOST_VALUES = 200_000
"""Values of a stretch that are read, about; of a larger pilot, a hash of the unit picks them."""
FEWEST = 20
"""Values of a stretch below which nothing can be played."""
PAIRED = 0.5
"""Share of the units of a stretch of which a guardrail must be known as well, to be played with it."""

Floats = NDArray[np.float64]
Stretches = dict[int, pd.Series]
"""How many stretches back → value of each unit (or cluster)."""
Source = Literal["windows", "measured", "control"]


@dataclass(frozen=True)
class Past:
    """Values from which pilots are played.

    Attributes:
        stretches: a value a unit (or cluster), of one stretch of time each; of a ratio its linearised values.
        source: ``windows`` (the metric worked out anew over stretches before the pilot), ``measured`` (what the client measured
            before it), ``control`` (no history was delivered: the control's own values while it ran).
        days: of a stretch; None where the client did not say when it was measured.
        guardrails: whose values of the same units stand in the further columns of each stretch; without any it has but one.
    """

    stretches: tuple[Floats, ...]
    source: Source
    days: int | None = None
    guardrails: tuple[Metric, ...] = ()

    @property
    def count(self) -> int:
        """Values of all stretches together."""
        return sum(len(stretch) for stretch in self.stretches)

    def level(self, metric: Metric) -> float:
        """The metric over all stretches: the mean of their means, or of their quantiles."""
        of = (lambda one: np.quantile(one, metric.quantile)) if metric.kind == "quantile" else np.mean
        return float(np.mean([of(one.reshape(len(one), -1)[:, 0]) for one in self.stretches]))


def read_past(tables: Tables, pilot: Pilot, metric: Metric, guardrails: Sequence[Metric] = ()) -> Past | None:
    """The history of a metric: before the pilot where it can be had, else the control's own values.

    Units of every arm stand in it, since none had the measure yet. A stretch with fewer than :data:`FEWEST` units (or
    :data:`~workbook.pilots.clusters.FEWEST_CLUSTERS` clusters an arm), or whose values are all alike, is left out.

    Args:
        guardrails: read of the same units over the same stretches; one of which too little is known is left out.

    Returns:
        None where nothing is left.
    """
    read = _windows if metric.source != "outcomes" else _measured
    days = (pilot.ends - pilot.starts).days + 1 if metric.source != "outcomes" else None
    before = _paired(
        read(tables, pilot, metric),
        [(one, read(tables, pilot, one)) for one in guardrails if (one.source != "outcomes") == (metric.source != "outcomes")],
    )
    source: Source = "windows" if metric.source != "outcomes" else "measured"
    return _enough(before, source, days, pilot) or read_control(tables, pilot, metric, guardrails)


def read_control(tables: Tables, pilot: Pilot, metric: Metric, guardrails: Sequence[Metric] = ()) -> Past | None:
    """The control's own values while the pilot ran; None where they are too few or all alike."""
    control = [next(iter(pilot.arms))]

    def of(one: Metric) -> Stretches:
        return {0: _values(_units(read_samples(tables, pilot, one)[one.id], pilot), control, one)}

    return _enough(_paired(of(metric), [(one, of(one)) for one in guardrails]), "control", None, pilot)


def _paired(primary: Stretches, others: Sequence[tuple[Metric, Stretches]]) -> tuple[tuple[Floats, ...], tuple[Metric, ...]]:
    """The stretches of a metric with the guardrails that are known of the same units, and which these are."""
    told = [
        (metric, stretches)
        for metric, stretches in others
        if all(
            back in stretches and values.index.isin(stretches[back].index).mean() >= PAIRED
            for back, values in primary.items()
            if len(values)
        )
    ]
    rows = [
        pd.concat([values, *(stretches[back] for _, stretches in told)], axis=1, join="inner") if told else values
        for back, values in primary.items()
        if len(values)
    ]
    return tuple(one.to_numpy(float) for one in rows), tuple(metric for metric, _ in told)


def _enough(read: tuple[tuple[Floats, ...], tuple[Metric, ...]], source: Source, days: int | None, pilot: Pilot) -> Past | None:
    """The stretches with enough values that differ; None where there is none."""
    fewest = FEWEST_CLUSTERS if pilot.unit == "cluster" else FEWEST
    stretches, guardrails = read
    kept = tuple(one for one in stretches if len(one) >= fewest and np.ptp(one.reshape(len(one), -1)[:, 0]) > 0)
    return Past(kept, source, days, guardrails) if kept else None


def _windows(tables: Tables, pilot: Pilot, metric: Metric) -> Stretches:
    """The metric's expression over stretches as long as the pilot, the latest just before it, of customers who were there."""
    days = (pilot.ends - pilot.starts).days + 1
    since = _since(tables, metric.source)
    if metric.kind == "ratio" or since is None:
        return {}
    known = """unit.customer_id in (select customer_id from customers where cast(created_at as date) <= $first_day union all
                                    select customer_id from orders where cast(ordered_at as date) <= $first_day)"""
    then = metric.model_copy(update={"source": f"case when {known} then ({metric.source}) end", "covariates": []})
    found: Stretches = {}
    for back in range(1, MOST_STRETCHES + 1):
        first = pilot.starts - dt.timedelta(days=back * days)
        if first < since:
            break
        moved = pilot.model_copy(update={"starts": first, "ends": first + dt.timedelta(days=days - 1), "extended_to": None})
        found[back] = _values(_units(read_samples(tables, moved, then)[metric.id], pilot), [*pilot.arms], metric)
    return found


def _measured(tables: Tables, pilot: Pilot, metric: Metric) -> Stretches:
    """What the client measured before the pilot: stretch by stretch where it says when, else the one value that it gave."""
    stretches = {} if is_large(tables, pilot) else _by_stretch(tables, pilot, metric)
    if not stretches and metric.kind != "ratio":
        earlier = read_samples(tables, pilot, metric)[metric.id].earlier()
        stretches = {0: _values(_units(earlier, pilot), [*pilot.arms], metric)}
    if metric.kind == "proportion" and pilot.unit == "customer":  # a share of yes before is no yes or no
        stretches = {back: one for back, one in stretches.items() if bool(one.isin([0, 1]).all())}
    return stretches


def _by_stretch(tables: Tables, pilot: Pilot, metric: Metric) -> Stretches:
    read = read_history(tables, pilot, metric.id, MOST_STRETCHES)
    read = read[read["back"] > 0].assign(value=lambda rows: rows["value"] * metric.scale)
    if metric.denominator is not None:
        below = read_history(tables, pilot, metric.denominator, MOST_STRETCHES)
        read = read.merge(below.rename(columns={"value": "denominator"}), on=["unit_id", "back"])
    if read.empty:
        return {}
    units = read_units(tables, pilot)
    rows = units[~in_two_arms(units)].merge(read, on="unit_id")
    parts = rows.groupby("back", sort=True)
    return {int(str(back)): _values(_units(FrameSample(part), pilot), [*pilot.arms], metric) for back, part in parts}


def _units(sample: Sample, pilot: Pilot) -> Sample:
    return sample.clusters() if pilot.unit == "cluster" else sample


def _values(sample: Sample, arms: Sequence[str], metric: Metric) -> pd.Series:
    """Unit → value in some arms; of a ratio R of sums each unit's R + (y − R x) / mean(x), whose mean is R and whose spread is
    that of the ratio. Source: Budylin, Drutsa, Katsev & Tsoy (2018), Consistent transformation of ratio metrics, WSDM."""
    if metric.kind != "ratio":
        return sample.some(arms, MOST_VALUES)["value"]
    rows = sample.some(arms, MOST_VALUES, "denominator").dropna(subset=["denominator"])
    below = float(rows["denominator"].mean()) if len(rows) else 0.0
    if below <= 0:
        return rows["value"].iloc[:0]
    ratio = float(rows["value"].mean()) / below
    return ratio + (rows["value"] - ratio * rows["denominator"]) / below


def _since(tables: Tables, expression: str) -> dt.date | None:
    """First day on which every dated table that an expression reads has something; None where the expression does not count
    over the pilot's days, or reads what there was not before the pilot."""
    named = set(re.findall(r"[$\w]+", expression.lower()))
    if not {"$first_day", "$last_day"} <= named or named & {"assignments", "outcomes", "pilot_summaries"}:
        return None
    dated = {name: schema.event for name, schema in SCHEMAS.items() if name in named and schema.event is not None}
    firsts = [
        tables.sql(f"select cast(min({event}) as date) as day from {name}")["day"].iloc[0] for name, event in dated.items()
    ]
    return max(pd.Timestamp(day).date() for day in firsts) if firsts and not pd.isna(firsts).any() else None
