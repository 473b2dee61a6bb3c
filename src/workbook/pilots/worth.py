"""What a decision is worth a year, what a wrong one would cost, and what an effect is once its luck is taken off (row P6)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import optimize, stats

from workbook.pilots.effect import Effect
from workbook.pilots.looks import last_day
from workbook.pilots.season import DAYS
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


def years_of(pilot: Pilot, months: Mapping[int, float] | None = None) -> float:
    """How many times the planned days of a pilot go into a year, each day counting as its month does.

    Args:
        months: month of the year → weight of one of its days, as :func:`~workbook.pilots.season.read_year` gives them; without
            them all days count alike.
    """
    length = (pilot.ends - pilot.starts).days + 1
    if not months:
        return YEAR / length
    window = sum(months[(pilot.starts + dt.timedelta(days=d)).month] for d in range(length))
    return sum(DAYS[month] * weight for month, weight in months.items()) / window


def yearly_factor(pilot: Pilot, metric: Metric, months: Mapping[int, float] | None = None) -> float | None:
    """What one unit of the metric is worth a customer and year; None where the card does not say and it is no money.

    Money gained during the pilot is brought to a year by its days, as the season of the orders weighs them: the gain is taken
    to rise and fall as they do. Less is better turns the sign.
    """
    sign = 1.0 if metric.better == "higher" else -1.0
    if metric.worth is not None:
        return sign * metric.worth
    if metric.unit != "money" or metric.kind not in ("mean", "quantile") or metric.repeats == "mean":
        return None  # of the mean of several measurements nobody can say which time it stands for
    return sign * years_of(pilot, months)


def worth_of(effect: Effect, customers: int | None, months: Mapping[int, float] | None = None) -> Worth | None:
    """The yearly worth of rolling out the arm of *effect*; None where nothing says what the metric or how many customers are
    worth, or the effect has no interval.

    Source of the expected losses: Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, 5.3 (unit normal loss).
    """
    factor = yearly_factor(effect.pilot, effect.metric, months)
    error = effect.found.error
    if factor is None or customers is None or not error or not effect.shown:
        return None
    cost = effect.pilot.cost
    value = customers * (factor * effect.found.effect - cost)
    ends = sorted(customers * (factor * end - cost) for end in effect.interval)
    spread = customers * abs(factor) * error
    z = value / spread
    forgone = spread * (float(stats.norm.pdf(z)) + z * float(stats.norm.cdf(z)))
    return Worth(customers, value, ends[0], ends[1], forgone - value, forgone, float(stats.norm.cdf(z)))


def corrected_effect(effect: float, error: float, limit: float) -> float:
    """The effect without the luck that made it cross the limit: most likely value given that it did.

    Of effects that are only told when they cross a limit, the told ones are too large on average. Given that |x| > limit ·
    error, the likelihood is highest where the expected crossing effect is the one that was found.

    Args:
        limit: in standard errors; an effect that did not cross is returned as it is.

    Source: Zhong & Prentice (2008), Biostatistics 9, 621-634 (conditional maximum likelihood).

    >>> round(corrected_effect(2.5, 1.0, 1.96), 3), round(corrected_effect(6.0, 1.0, 1.96), 3)
    (1.138, 6.0)
    """
    z = abs(effect) / error
    if z <= limit:
        return effect

    def expected(mean: float) -> float:
        up, down = float(stats.norm.logsf(limit - mean)), float(stats.norm.logcdf(-limit - mean))
        both = float(math.log1p(math.exp(down - up)) + up)
        slope = math.exp(float(stats.norm.logpdf(limit - mean)) - both) - math.exp(
            float(stats.norm.logpdf(limit + mean)) - both
        )
        return mean + slope

    if expected(0.0) >= z:
        return 0.0
    mean = float(optimize.brentq(lambda m: expected(m) - z, 0.0, z, xtol=1e-10)) if expected(z) > z else z
    return math.copysign(mean * error, effect)


def corrected_interval(effect: float, error: float, limit: float, confidence: float) -> tuple[float, float] | None:
    """Interval of the effect given that it crossed the limit; None where it did not.

    It holds every effect under which a crossing one is not too far off to either side, so of all effects that are told it
    covers as often as it says. Just beyond the limit it reaches far towards zero and past it: a crossing alone says little.

    Args:
        limit: in standard errors.
        confidence: 0.95.

    Source: Zöllner & Pritchard (2007), American Journal of Human Genetics 80, 605-615; Zhong & Prentice (2008).

    >>> [round(end, 2) for end in corrected_interval(6.0, 1.0, 1.96, 0.95)]
    [4.03, 7.96]
    """
    z = abs(effect) / error
    if z <= limit:
        return None

    def above(mean: float, part: float) -> float:
        """Logarithm of the chance that a crossing effect is at least as large, over *part*."""
        up, down = float(stats.norm.logsf(limit - mean)), float(stats.norm.logcdf(-limit - mean))
        crossed = max(up, down) + math.log1p(math.exp(-abs(up - down)))
        return float(stats.norm.logsf(z - mean)) - crossed - math.log(part)

    side = (1 - confidence) / 2
    ends = [float(optimize.brentq(above, -z - 10.0, z + 10.0, args=(part,), xtol=1e-10)) for part in (side, 1 - side)]
    low, high = sorted(math.copysign(1.0, effect) * end * error for end in ends)
    return low, high


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
