"""What a decision is worth a year, and what a wrong one would cost (row P6)."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from workbook.pilots.effect import Effect
from workbook.pilots.looks import last_day
from workbook.pilots.season import DAYS, Year
from workbook.settings.models import Metric, Pilot

YEAR = 365
"""Days to which an amount of money gained during a pilot is brought."""


@dataclass(frozen=True)
class Worth:
    """What rolling out would bring in a year, in the engagement's currency, costs taken off.

    Attributes:
        customers: who would get the measure.
        value, low, high: yearly value, with the interval that the look allows.
        loss_out: expected loss of rolling out: what is lost on average, over the cases in which it does harm.
        loss_stay: expected loss of not rolling out: what is forgone on average, over the cases in which it would have helped.
        chance: probability that it pays, from the effect and its error alone (flat prior).
    """

    customers: int
    value: float
    low: float
    high: float
    loss_out: float
    loss_stay: float
    chance: float


@dataclass(frozen=True)
class Times:
    """How many times the planned days of a pilot go into a year; ``error`` is its standard error, from that of the season, with
    ``freedom`` degrees of freedom."""

    value: float
    error: float = 0.0
    freedom: float = math.inf


def years_of(pilot: Pilot, year: Year | None = None) -> Times:
    """How many times the planned days of a pilot go into a year, each day counting as its month does.

    Args:
        year: of :func:`~workbook.pilots.season.read_year`; without it all days count alike, as if that were known.

    Returns:
        The error by the delta method, from the covariance of the months.
    """
    length = (pilot.ends - pilot.starts).days + 1
    if year is None:
        return Times(YEAR / length)
    within = np.bincount([(pilot.starts + dt.timedelta(days=d)).month for d in range(length)], minlength=13)[1:]
    months = range(1, 13)
    whole = np.array([DAYS[m] * year.days[m] for m in months])
    window = within * np.array([year.days[m] for m in months])
    times = float(whole.sum() / window.sum())
    slope = times * (whole / whole.sum() - window / window.sum())
    return Times(times, math.sqrt(max(float(slope @ year.covariance @ slope), 0.0)), year.freedom)


def yearly_factor(pilot: Pilot, metric: Metric, year: Year | None = None) -> float | None:
    """What one unit of the metric is worth a customer and year; None where the card does not say and it is no money.

    Money gained during the pilot is brought to a year by its days, as the season of the orders weighs them: the gain is taken
    to rise and fall as they do. Less is better turns the sign.
    """
    times = _times(pilot, metric, year)
    return None if times is None else (1.0 if metric.better == "higher" else -1.0) * times.value


def worth_of(effect: Effect, customers: int | None, year: Year | None = None) -> Worth | None:
    """The yearly worth of rolling out the arm of *effect*; None where nothing says what the metric or how many customers are
    worth, nobody is known who would get it, or the effect has no interval.

    The interval holds both errors, that of the effect (as the look allows it) and that of the season which brings it to a year:
    the ends of each are put together as of a product of independent estimates (Zou & Donner 2008, Statistics in Medicine 27,
    1693-1702). Source of the expected losses: Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, 5.3 (unit normal
    loss).
    """
    metric, cost, found = effect.metric, effect.pilot.cost, effect.found.effect
    times = _times(effect.pilot, metric, year)
    error = effect.found.error
    if times is None or not customers or not error or not effect.shown:
        return None
    sign = 1.0 if metric.better == "higher" else -1.0
    low, high = sorted(sign * end for end in effect.interval)
    gain = sign * found
    value = customers * (times.value * gain - cost)
    season = gain * times.error * float(stats.t.ppf(0.5 + effect.look.confidence / 2, times.freedom)) if times.error else 0.0
    ends = [value + way * customers * math.hypot(times.value * (end - gain), season) for way, end in ((-1, low), (1, high))]
    spread = customers * math.hypot(times.value * error, gain * times.error)
    z = value / spread
    forgone = spread * (float(stats.norm.pdf(z)) + z * float(stats.norm.cdf(z)))
    return Worth(customers, value, ends[0], ends[1], forgone - value, forgone, float(stats.norm.cdf(z)))


def _times(pilot: Pilot, metric: Metric, year: Year | None) -> Times | None:
    """What a unit of the metric counts a year: as the card says, or as money gained during the pilot's days."""
    if metric.worth is not None:
        return Times(metric.worth)
    if metric.unit != "money" or metric.kind not in ("mean", "quantile") or metric.repeats == "mean":
        return None  # of the mean of several measurements nobody can say which time it stands for
    return years_of(pilot, year)


def days_to_decide(effect: Effect, on: dt.date) -> int | None:
    """Days that a pilot needs at most from *on*, at the present rate of units, until its reading can no longer be unclear.

    An interval narrower than the smallest worthwhile effect cannot hold both zero and that effect. Its width falls with the
    root of the information. 0 where it is that narrow already; None where there is no interval.
    """
    if not effect.shown or effect.role == "guardrail":
        return None
    low, high = effect.interval
    times = ((high - low) / effect.metric.margin) ** 2
    gone = (min(on, last_day(effect.pilot)) - effect.pilot.starts).days + 1
    return max(0, math.ceil(max(gone, 1) * (times - 1)))
