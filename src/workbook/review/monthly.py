"""KPIs month by month, before and after the measures began to work: control limits and what was to be expected (row P7)."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.language import Text, count, day, text
from workbook.period import Period
from workbook.report.blocks import Block, NotMeasured, Sheet, Table
from workbook.review import monthly_exhibits as exhibits
from workbook.review.control import LEAST_BEFORE, MonthlyKpi, expect, individual_limits, share_limits
from workbook.review.kpi import finished
from workbook.review.kpi_definitions import DEFINITIONS
from workbook.service_hours import judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables

MOST_MONTHS = 36
"""Months looked back at most: what lies longer ago tells little of today."""
FIRST_DAYS = 5
"""The first delivered month counts where its first event lies within so many days, else it is taken to be cut."""


@dataclass(frozen=True)
class Tracking:
    """KPIs by month.

    Attributes:
        kpis: those with enough months, in the order of the KPIs.
        short: KPI → months before the change, for those with too few.
        since: first day on which the measures worked.
        confidence: level of all differences together.
        lacks: what to deliver where no KPI could be followed at all.
    """

    kpis: tuple[MonthlyKpi, ...]
    short: Mapping[str, int]
    since: dt.date
    confidence: float
    lacks: tuple[str, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Columns kpi, month, value, after, low, high (control limits), expected, expected_low, expected_high."""
        parts = [
            pd.DataFrame(
                {
                    "kpi": k.kpi, "month": pd.to_datetime(list(k.months)), "value": k.series,
                    "after": np.arange(len(k.series)) >= k.before, "low": k.limits.low, "high": k.limits.high,
                    "expected": k.expected.line, "expected_low": k.expected.low, "expected_high": k.expected.high,
                }
            )
            for k in self.kpis
        ]  # fmt: skip
        columns = ["kpi", "month", "value", "after", "low", "high", "expected", "expected_low", "expected_high"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def of(self, kpi: str) -> MonthlyKpi | None:
        """The KPI called *kpi*, None where it could not be followed."""
        return next((k for k in self.kpis if k.kpi == kpi), None)

    def blocks(self) -> tuple[Block, ...]:
        """Picture and table; a note of what to deliver where nothing could be followed."""
        if not self.kpis:
            return (NotMeasured("review.monthly", text("review.monthly.none", "KPIs by month"), self.lacks, self._why()),)
        return exhibits.monthly_blocks(self.kpis, self.short, self.since, self.confidence)

    def sheets(self) -> tuple[Sheet, ...]:
        """The table as a sheet; none where nothing could be followed."""
        tables = [block for block in self.blocks() if isinstance(block, Table)]
        return tuple(Sheet(text("review.monthly.sheet", "KPIs by month"), table) for table in tables)

    def _why(self) -> Text | None:
        if self.lacks:
            return None
        return text(
            "review.monthly.short",
            "The change is dated {day}. To be followed, a KPI needs {least} whole months before it and one after; deliver "
            "the earlier months, or set review.changed_on.",
            day=day(self.since),
            least=count(LEAST_BEFORE),
        )


def track(tables: Tables, settings: Settings) -> Tracking:
    """Follow every KPI that can be counted by month, before and after the measures began to work.

    Repeat purchase and churn look a year back: their months share most of their orders, and a chart of them would tell noise
    for signal; they are followed from period to period instead.

    Args:
        tables: canonical tables, with the history that was delivered.
        settings: ``review.changed_on`` (the first day of the period by default), service limits, finished order states.

    Source: method.md P7.
    """
    since = settings.review.changed_on or tables.period.start
    looked_back = min(MOST_MONTHS, _history(tables))
    wide = dataclasses.replace(tables, period=Period(tables.period.first + tables.period.months - looked_back, looked_back))
    series: dict[str, pd.DataFrame] = {}
    for needs, measure in _MEASURES:
        if wide.has(*needs):
            series |= measure(wide, settings)
    ready, short = {}, {}
    for kpi in DEFINITIONS:
        found = series.get(kpi)
        if found is None or found.empty:
            continue
        found = _unbroken(found)
        before = int((found["month"] < pd.Timestamp(since.replace(day=1))).sum())
        if before < LEAST_BEFORE or before == len(found):
            short[kpi] = before
        else:
            ready[kpi] = (found, before)
    # as many differences are told at once: each interval is so wide that all of them hold together (Bonferroni)
    each = 1 - (1 - settings.analysis.confidence) / max(len(ready), 1)
    kpis = tuple(_follow(kpi, found, before, each) for kpi, (found, before) in ready.items())
    lacks = () if series else tables.lacks("orders.ordered_at", "tickets.opened_at", "feedback.given_at")
    return Tracking(kpis, short, since, settings.analysis.confidence, lacks)


def _history(tables: Tables) -> int:
    """Months from the first delivered event to the end of the period."""
    firsts = []
    for table, column in (("orders", "ordered_at"), ("tickets", "opened_at"), ("feedback", "given_at")):
        if tables.has(f"{table}.{column}"):
            firsts.append(tables.connection.execute(f"select min({column}) from {table}").fetchall()[0][0])
    if not firsts:
        return tables.period.months
    first: dt.datetime = min(firsts)
    return max(tables.period.first + tables.period.months - (12 * first.year + first.month - 1), tables.period.months)


def _follow(kpi: str, found: pd.DataFrame, before: int, confidence: float) -> MonthlyKpi:
    values = found["value"].to_numpy(np.float64)
    if "hits" in found:
        limits = share_limits(found["hits"].to_numpy(np.float64), found["cases"].to_numpy(np.float64), before)
    elif kpi == "nps":
        limits = individual_limits(values, before, -100.0, 100.0)
    else:
        # refunds may carry revenue below zero; nothing else passes it
        limits = individual_limits(values, before, -np.inf if kpi == "revenue" else 0.0)
    months = tuple(month.date() for month in found["month"])
    return MonthlyKpi(kpi, months, values, before, limits, expect(values, before, confidence))


# ---------------------------------------------------------------------------------------------------------------------
# counting


def _orders(tables: Tables, settings: Settings) -> dict[str, pd.DataFrame]:
    query = f"""
        with parts as (
            select date_trunc('month', ordered_at) as month, customer_id, min(ordered_at) as first_at, sum(amount) as total,
                   count(case when amount >= 0 then 1 end) as orders,
                   count(case when coalesce(amount, 0) >= 0 then 1 end) as bought
            from orders where ordered_at >= $start {finished(settings)} group by 1, 2)
        select month, min(first_at) as first_at, sum(total) as total, sum(orders) as orders,
               count(case when bought > 0 then customer_id end) as buyers
        from parts group by 1 order by 1"""
    rows = _whole(tables.sql(query, finished=settings.analysis.finished_orders))
    if rows.empty:
        return {}
    every = rows.set_index("month").asfreq("MS").reset_index()  # a month without an order sold nothing
    found = {}
    if tables.has("orders.amount"):
        found["revenue"] = every[["month"]].assign(value=every["total"].astype(float).fillna(0.0))
        means = rows[rows["orders"] > 0]
        found["average_order"] = means[["month"]].assign(value=means["total"].astype(float) / means["orders"])
    if tables.has("orders.customer_id"):
        found["active_customers"] = every[["month"]].assign(value=every["buyers"].astype(float).fillna(0.0))
    return found


def _tickets(tables: Tables, settings: Settings) -> dict[str, pd.DataFrame]:
    judged, values = judged_tickets(tables, settings, "first_response_at")
    query = f"""
        with {judged}
        select date_trunc('month', opened_at) as month, min(opened_at) as first_at,
               percentile_cont(0.5) within group (order by hours) as value,
               count(late) as cases, count(case when late then 1 end) as hits
        from judged group by 1 order by 1"""
    rows = _whole(tables.sql(query, **values))
    return {
        "first_response_hours": rows.loc[rows["value"].notna(), ["month", "value"]],
        "late_share": _shares(rows),
    }


def _complaints(tables: Tables, settings: Settings) -> dict[str, pd.DataFrame]:
    query = """
        with complaints as (
            select resolved_at, called_back_at, resolved_at + $limit * interval 1 hour as due_at
            from tickets where list_contains($topics, lower(topic)) and resolved_at >= $start
              and resolved_at < cast($end as timestamp) + interval 1 day)
        select date_trunc('month', resolved_at) as month, min(resolved_at) as first_at, count(*) as cases,
               count(case when called_back_at <= due_at then 1 end) as hits
        from complaints
        where called_back_at is not null or due_at < cast($end as timestamp) + interval 1 day
        group by 1 order by 1"""
    topics = [topic.lower() for topic in settings.service.complaint_topics]
    rows = tables.sql(query, topics=topics, limit=float(settings.service.callback_hours))
    return {"complaints_called_back": _shares(rows.iloc[1:] if len(rows) else rows)}  # solved late of the month before


def _feedback(tables: Tables, settings: Settings) -> dict[str, pd.DataFrame]:
    query = """
        select date_trunc('month', given_at) as month, min(given_at) as first_at,
               count(case when lower(instrument) = 'csat' then 1 end) as cases,
               count(case when lower(instrument) = 'csat' and score >= 0.8 * coalesce(scale_max, 5) - 1e-9 then 1 end) as hits,
               100.0 * count(case when lower(instrument) = 'nps' and score >= 9 then 1 end)
             - 100.0 * count(case when lower(instrument) = 'nps' and score <= 6 then 1 end) as net,
               count(case when lower(instrument) = 'nps' then 1 end) as answers
        from feedback
        where given_at >= $start and ((lower(instrument) = 'csat' and score between 1 and coalesce(scale_max, 5))
              or (lower(instrument) = 'nps' and score between 0 and 10 and coalesce(scale_max, 10) = 10))
        group by 1 order by 1"""
    rows = _whole(tables.sql(query))
    asked = rows[rows["answers"] > 0]
    return {"csat": _shares(rows), "nps": asked[["month"]].assign(value=asked["net"] / asked["answers"])}


_MEASURES: tuple[tuple[tuple[str, ...], Callable[[Tables, Settings], dict[str, pd.DataFrame]]], ...] = (
    (("orders.ordered_at",), _orders),
    (("tickets.opened_at", "tickets.first_response_at"), _tickets),
    (("tickets.topic", "tickets.resolved_at", "tickets.called_back_at"), _complaints),
    (("feedback.instrument", "feedback.score", "feedback.given_at"), _feedback),
)


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without a first month that the delivery cut."""
    cut = len(rows) > 0 and pd.Timestamp(rows["first_at"].iloc[0]).day > FIRST_DAYS
    return rows.iloc[1:].reset_index(drop=True) if cut else rows


def _unbroken(rows: pd.DataFrame) -> pd.DataFrame:
    """The latest months that follow on each other; what lies before a month without a case is left out."""
    places = 12 * rows["month"].dt.year + rows["month"].dt.month
    gaps = (places.diff() > 1).to_numpy()
    return rows.iloc[int(np.flatnonzero(gaps)[-1]) if gaps.any() else 0 :].reset_index(drop=True)


def _shares(rows: pd.DataFrame) -> pd.DataFrame:
    some = rows[rows["cases"] > 0]
    return some[["month", "hits", "cases"]].assign(value=some["hits"] / some["cases"])
