"""Control limits of a monthly figure, and what its own past lets one expect of the months after a change (row P7).

Totals, means and scores are charted as individual values (XmR): their noise from month to month is not that of counting, so
limits from a Poisson or normal model of single cases would cry wolf; the moving range measures the noise that is there.
Shares of many cases vary more than the binomial says for the same reason: Laney's P′ chart stretches the binomial limits by
the noise found.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Values = npt.NDArray[np.float64]

LEAST_BEFORE = 8
"""Months before the change from which limits and trend are told; fewer move too much themselves."""
RUN = 8
"""Months in a row on one side of the centre that count as a signal."""
_D2 = 1.128
"""Expected range of two standard normal values."""


@dataclass(frozen=True)
class Limits:
    """A control chart, its limits from the months before the change alone.

    Attributes:
        centre: mean of the months before.
        low, high: one value a month, before and after alike.
        beyond: months after the change (places in the series) that lie outside the limits.
        run: whether the last months, at least one of them after the change, are RUN or more on one side of the centre.
    """

    centre: float
    low: Values
    high: Values
    beyond: tuple[int, ...]
    run: bool

    @property
    def signal(self) -> bool:
        """Whether either rule was met after the change."""
        return bool(self.beyond) or self.run


def individual_limits(values: Values, before: int, floor: float = -np.inf, ceiling: float = np.inf) -> Limits:
    """The XmR chart: mean ± 2.66 mean moving ranges; wider where neighbouring months go together.

    Args:
        values: one a month, in the figure's unit.
        before: how many of them lie before the change, 2 or more.
        floor, ceiling: values that the figure cannot pass.

    Source: Wheeler (1993), Understanding Variation; Montgomery, Introduction to Statistical Quality Control, 6.4; months that
    go together: Vasilopoulos & Stamboulis (1978), Journal of Quality Technology 10, 20-30.
    """
    base = values[:before]
    centre, spread = float(base.mean()), _spread(base)
    n = len(values)
    low, high = np.full(n, max(centre - 3 * spread, floor)), np.full(n, min(centre + 3 * spread, ceiling))
    return _judged(values, before, centre, low, high)


def share_limits(hits: Values, cases: Values, before: int) -> Limits:
    """Laney's P′ chart: binomial limits of each month, stretched by the noise between the months (:func:`individual_limits`).

    Args:
        hits, cases: counts a month; cases above 0.
        before: how many months lie before the change, 2 or more.

    Source: Laney (2002), Improved control charts for attributes, Quality Engineering 14(4), 531-537.
    """
    centre = float(hits[:before].sum() / cases[:before].sum())
    shares, binomial = hits / cases, np.sqrt(centre * (1 - centre) / cases)
    stretch = 1.0
    if 0 < centre < 1:
        z = (shares[:before] - centre) / binomial[:before]
        stretch = _spread(z)
    low = np.maximum(centre - 3 * stretch * binomial, 0.0)
    high = np.minimum(centre + 3 * stretch * binomial, 1.0)
    return _judged(shares, before, centre, low, high)


def _spread(base: Values) -> float:
    """Standard deviation of single months by their mean moving range.

    Neighbours that go together differ by less than months do: the variance of a difference is 2 σ² (1 − ρ).
    """
    together = _autocorrelation(np.ones((len(base), 1)), base) if len(base) >= LEAST_BEFORE else 0.0
    return float(np.abs(np.diff(base)).mean()) / _D2 / math.sqrt(1 - together)


def _judged(values: Values, before: int, centre: float, low: Values, high: Values) -> Limits:
    slack = 1e-9 * max(1.0, abs(centre))
    beyond = [i for i in range(before, len(values)) if not low[i] - slack <= values[i] <= high[i] + slack]
    last = np.sign(values - centre)[-RUN:]
    run = len(values) > before and len(last) == RUN and abs(float(last.sum())) == RUN
    return Limits(centre, low, high, tuple(beyond), run)


@dataclass(frozen=True)
class Expected:
    """What the months before let one expect of those after, had nothing changed.

    Attributes:
        line: the trend, one value a month of the whole series.
        low, high: band of the single months after the change (NaN before it).
        actual, expected: means of the months after.
        difference, difference_low, difference_high: actual less expected, with its interval.
        autocorrelation: of neighbouring months around the trend, as used.
    """

    line: Values
    low: Values
    high: Values
    actual: float
    expected: float
    difference: float
    difference_low: float
    difference_high: float
    autocorrelation: float


def expect(values: Values, before: int, confidence: float = 0.95) -> Expected:
    """Carry the straight line of the months before forward and set the months after beside it.

    Errors of neighbouring months go together (first-order autoregression; its coefficient is corrected for the bias of a short
    series and never taken below zero), the line is fitted by generalised least squares, and the interval of the difference
    holds the uncertainty of the line and the noise of the months after, by Student's t.

    Args:
        values: one a month.
        before: how many of them lie before the change; LEAST_BEFORE or more, and at least one after.
        confidence: level of band and interval.

    Source: Box & Tiao (1975), JASA 70, 70-79 (interrupted series); Goldberger (1962), JASA 57, 369-375 (prediction with
    correlated errors, here without the carry-over from the last month); bias of the coefficient: Marriott & Pope (1954),
    Biometrika 41, 390-402.
    """
    n, after = len(values), len(values) - before
    place = np.arange(n, dtype=np.float64)
    design = np.column_stack([np.ones(n), place - place[:before].mean()])
    base, scale = values[:before], float(np.abs(values).max()) or 1.0
    rho = _autocorrelation(design[:before], base)
    together = rho ** np.abs(np.subtract.outer(place, place))
    weight = np.linalg.inv(together[:before, :before])
    spread = np.linalg.inv(design[:before].T @ weight @ design[:before])
    slope = spread @ design[:before].T @ weight @ base
    rest = base - design[:before] @ slope
    noise = float(rest @ weight @ rest) / (before - 2)
    if noise < (1e-12 * scale) ** 2:
        noise = 0.0  # the months before lie on a line: what is left is the rounding of the machine
    line = design @ slope
    t = float(stats.t.ppf(0.5 + confidence / 2, before - 2))
    ahead = design[before:]
    single = t * np.sqrt(noise * (1 + np.einsum("ij,jk,ik->i", ahead, spread, ahead)))
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    low[before:], high[before:] = line[before:] - single, line[before:] + single
    middle = ahead.mean(axis=0)
    error = np.sqrt(noise * (together[before:, before:].mean() + middle @ spread @ middle)) if after else np.nan
    actual, expected = float(values[before:].mean()), float(line[before:].mean())
    gap = actual - expected
    if abs(gap) <= 1e-9 * scale:
        gap = 0.0  # rounding too
    return Expected(line, low, high, actual, expected, gap, gap - t * error, gap + t * error, rho)


def _autocorrelation(design: Values, base: Values) -> float:
    """Lag-one coefficient around what *design* fits (a mean, or a line), its bias taken off, between 0 and 0.9."""
    rest = base - design @ np.linalg.lstsq(design, base, rcond=None)[0]
    total = float(rest @ rest)
    if total <= (1e-12 * (float(np.abs(base).max()) or 1.0)) ** 2:
        return 0.0
    found = float(rest[1:] @ rest[:-1]) / total
    m, k = len(base), design.shape[1]
    return float(np.clip((found + k / m) / (1 - (k + 2) / m), 0.0, 0.9))


@dataclass(frozen=True)
class MonthlyKpi:
    """One KPI by month.

    Attributes:
        kpi: its id.
        months: first day of each month.
        series: values in the KPI's unit; the months follow on each other without a gap.
        before: how many of the months lie before the change.
        limits: the control chart.
        expected: the trend carried forward, with the interval of the difference.
    """

    kpi: str
    months: tuple[dt.date, ...]
    series: Values
    before: int
    limits: Limits
    expected: Expected

    @property
    def moved(self) -> int:
        """1 where the months after lie above what was expected, −1 below, 0 where no difference can be told."""
        return 1 if self.expected.difference_low > 0 else -1 if self.expected.difference_high < 0 else 0
