"""Whether a pilot's window misses a season that the orders show: what it finds need not hold then (row P1)."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from workbook.language import Quantity, Text, count, day, joined, number, text
from workbook.report.blocks import Paragraph
from workbook.settings.models import Settings
from workbook.tables import Tables

FEWEST_MONTHS = 24
"""Months of orders below which no season can be told from a single odd month."""
LEAST = 0.2
"""Share by which a month must stand above or below the year's mean to count."""

DAYS: Mapping[int, int] = {month: calendar.monthrange(2025, month)[1] for month in range(1, 13)}
"""Days of each month of a year that is no leap year."""

Floats = NDArray[np.float64]

MONTHS: Mapping[int, Text] = {
    1: text("pilots.month.1", "January"),
    2: text("pilots.month.2", "February"),
    3: text("pilots.month.3", "March"),
    4: text("pilots.month.4", "April"),
    5: text("pilots.month.5", "May"),
    6: text("pilots.month.6", "June"),
    7: text("pilots.month.7", "July"),
    8: text("pilots.month.8", "August"),
    9: text("pilots.month.9", "September"),
    10: text("pilots.month.10", "October"),
    11: text("pilots.month.11", "November"),
    12: text("pilots.month.12", "December"),
}


@dataclass(frozen=True)
class Year:
    """How much a day of each month counts, by the delivered orders.

    Attributes:
        days: month of the year → times the mean day of the year; all twelve.
        covariance: of the logarithms of those, January first.
        freedom: its degrees of freedom.
    """

    days: Mapping[int, float]
    covariance: Floats
    freedom: int


@dataclass(frozen=True)
class Season:
    """The months that stand out, beside the window of one pilot.

    Attributes:
        name: of the pilot; ``first`` and ``last`` day of its window.
        months: month of the year → times the mean month, those that stand out.
        seen: months of orders that could be looked at.
    """

    name: Text
    first: dt.date
    last: dt.date
    months: Mapping[int, float]
    seen: int

    @property
    def missed(self) -> dict[int, float]:
        """The months that stand out and of which the window holds less than half."""
        return {month: times for month, times in self.months.items() if 2 * _days_in(month, self.first, self.last) < 28}

    def paragraph(self) -> Paragraph:
        """What the window misses, in a sentence."""
        return Paragraph("pilots.season", self._words(), "limits")

    def _words(self) -> Text:
        window: dict[str, Text | Quantity] = {"pilot": self.name, "first": day(self.first), "last": day(self.last)}
        if self.seen < FEWEST_MONTHS:
            return text(
                "pilots.season.short",
                "{pilot}: whether its window ({first} to {last}) misses a season cannot be told from {n} whole months of "
                "orders; {fewest} are needed.",
                n=count(self.seen),
                fewest=count(FEWEST_MONTHS),
                **window,
            )
        if not self.months:
            return text(
                "pilots.season.none",
                "{pilot}: no month of the year stands out clearly in {n} months of orders, so no season is known that its "
                "window ({first} to {last}) would miss.",
                n=count(self.seen),
                **window,
            )
        if not self.missed:
            return text(
                "pilots.season.held",
                "{pilot}: its window ({first} to {last}) holds the months that stand out: {months}.",
                months=_listed(self.months),
                **window,
            )
        return text(
            "pilots.season.missed",
            "{pilot}: its window ({first} to {last}) misses months that stand out: {months}. What it finds need not hold then.",
            months=_listed(self.missed),
            **window,
        )


def read_season(tables: Tables, settings: Settings, name: Text, first: dt.date, last: dt.date) -> Season:
    """The months of the year that stand out in the delivered orders, beside a window.

    Args:
        name: of the pilot; first, last: days of its window.
    """
    values, month, seen = _by_month(tables, settings)
    if not len(values):
        return Season(name, first, last, {}, seen)
    return Season(name, first, last, outstanding(values, month, settings.analysis.confidence), seen)


def read_year(tables: Tables, settings: Settings) -> Year | None:
    """How much a day of each month counts, by the delivered orders.

    Returns:
        None where no month stands out, or where the orders are too few months to tell.
    """
    values, month, _ = _by_month(tables, settings)
    if not len(values) or not outstanding(values, month, settings.analysis.confidence):
        return None
    days = np.array([DAYS[m] for m in range(1, 13)])
    steps, covariance, freedom = _steps(values, month)
    level = np.exp(steps)
    level *= days.sum() / float(days @ level)
    return Year({m: float(level[m - 1]) for m in range(1, 13)}, covariance, freedom)


def _by_month(tables: Tables, settings: Settings) -> tuple[Floats, int, int]:
    """Revenue a day of each whole month of orders, the month of the year of the first, and how many there are; no value where
    they are too few."""
    rows = tables.sql(
        f"""select date_trunc('month', ordered_at) as month, cast(sum(amount) as double) as revenue from orders
            where amount is not null and cast(ordered_at as date) <= $end
            {"and list_contains($finished, status)" if settings.analysis.finished_orders else ""}
            group by 1 order by 1""",
        finished=settings.analysis.finished_orders,
    )
    revenue = dict(zip((m.date() for m in rows["month"]), rows["revenue"].tolist(), strict=True))
    if not revenue or tables.first_order is None:
        return np.empty(0), 1, 0
    since, end = tables.first_order.date(), tables.period.end
    months = [(y, m) for y in range(since.year, end.year + 1) for m in range(1, 13)]
    whole = [dt.date(y, m, 1) for y, m in months
             if dt.date(y, m, 1) >= since and dt.date(y, m, calendar.monthrange(y, m)[1]) <= end]  # fmt: skip
    values = np.array([revenue.get(month, 0.0) / calendar.monthrange(month.year, month.month)[1] for month in whole])
    if len(whole) < FEWEST_MONTHS or (values <= 0).any():
        return np.empty(0), 1, min(len(whole), FEWEST_MONTHS - 1)
    return values, whole[0].month, len(whole)


def outstanding(values: Floats, first_month: int, confidence: float) -> dict[int, float]:
    """Months of the year that stand out, as times the mean month.

    The logarithm of the level a day is a straight line and a step a month of the year (least squares). A month stands out where
    its step is at least :data:`LEAST` and its interval, all twelve together (Bonferroni), leaves zero out.

    Args:
        values: revenue a day of each month in order, above 0; at least :data:`FEWEST_MONTHS`.
        first_month: of the year, of the first value.

    Source: Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd edition, 7.4 (seasonal dummies).
    """
    steps, covariance, freedom = _steps(values, first_month)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0))
    reach = float(stats.t.ppf(1 - (1 - confidence) / 24, freedom)) * errors
    clear = (np.abs(steps) > reach) & (np.abs(np.expm1(steps)) >= LEAST)
    return {int(m) + 1: float(np.exp(steps[m])) for m in np.flatnonzero(clear)}


def _steps(values: Floats, first_month: int) -> tuple[Floats, Floats, int]:
    """The step of each month of the year (their mean is zero), their covariance, and its degrees of freedom."""
    n = len(values)
    month = (first_month - 1 + np.arange(n)) % 12
    design = np.column_stack([np.eye(12)[month], np.arange(n) - (n - 1) / 2])
    log = np.log(values)
    gram = np.linalg.inv(design.T @ design)
    line = gram @ design.T @ log
    freedom = n - design.shape[1]
    variance = float(((log - design @ line) ** 2).sum()) / freedom
    away = np.eye(12) - 1 / 12
    steps = away @ line[:12]
    return steps, away @ gram[:12, :12] @ away.T * variance, freedom


def _days_in(month: int, first: dt.date, last: dt.date) -> int:
    """Days of a month of the year that a window holds."""
    spans = [
        (max(first, dt.date(year, month, 1)), min(last, dt.date(year, month, calendar.monthrange(year, month)[1])))
        for year in range(first.year, last.year + 1)
    ]
    return sum(max((end - begin).days + 1, 0) for begin, end in spans)


def _listed(months: Mapping[int, float]) -> Text:
    return joined([
        text("pilots.season.month", "{month} ({times} times a usual month)", month=MONTHS[m], times=number(times, 1))
        for m, times in months.items()
    ])  # fmt: skip
