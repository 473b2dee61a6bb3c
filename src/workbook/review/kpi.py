"""KPIs of a period, counted from the canonical tables, each with its definition, its n and its interval (row G4)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from workbook.language import Text, count, is_missing, share, text
from workbook.report.blocks import Block, Column, KeyFigure, NotMeasured, Paragraph, Table
from workbook.review.intervals import Interval, change_between, median_ranks, normal, wilson
from workbook.review.kpi_definitions import DEFINITIONS, KPI_NAMES, kpi_bare, kpi_change, kpi_value
from workbook.service_hours import judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables

__all__ = ["KPI_NAMES", "Kpi", "Kpis", "measure_kpis"]


@dataclass(frozen=True)
class Kpi:
    """One KPI as measured: value and interval in its unit, ``n`` the cases behind it; ``low`` and ``high`` None for totals.

    ``months`` are those that the data cover of a KPI's trailing window; None for KPIs of the period alone.
    """

    id: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None
    months: int | None = None


@dataclass(frozen=True)
class Kpis:
    """The KPIs of a period.

    Attributes:
        measured: those that the data allow, in the order of :data:`KPI_NAMES`.
        missing: a note for each of the others, saying what to deliver.
        settings: the parameters that the definitions quote.
        months: months of the trailing window that the data cover.
    """

    measured: tuple[Kpi, ...]
    missing: tuple[NotMeasured, ...]
    settings: Settings
    months: int

    @property
    def frame(self) -> pd.DataFrame:
        """Columns kpi, value, low, high, n, unit, months (of a trailing window); one row a KPI that could be measured."""
        rows = [(k.id, k.value, k.low, k.high, k.n, DEFINITIONS[k.id].unit, k.months) for k in self.measured]
        frame = pd.DataFrame(rows, columns=["kpi", "value", "low", "high", "n", "unit", "months"])
        numbers = dict.fromkeys(["value", "low", "high", "months"], "float64")
        return frame.astype(numbers | {"n": "int64", "kpi": "str", "unit": "str"})

    def comparable(self, previous: object) -> dict[str, Kpi]:
        """The KPIs of an artefact of the period before that look back as far as today's."""
        return comparable({k.id: k for k in self.measured}, kpis_of(previous))

    def get(self, kpi: str) -> Kpi | None:
        """The KPI called *kpi*, None where it could not be measured."""
        return next((k for k in self.measured if k.id == kpi), None)

    def table(self, previous: pd.DataFrame | None = None) -> Table | NotMeasured:
        """All KPIs with interval, n and, where *previous* (the artefact of the period before) is given, their change."""
        if not self.measured:
            return NotMeasured(
                "review.kpis", text("review.kpis.none", "No KPI could be measured"), ("orders", "tickets", "feedback")
            )
        before = self.comparable(previous)
        rows: list[dict[str, object]] = [
            {
                "kpi": KPI_NAMES[k.id],
                "value": kpi_value(k.id, k.value),
                "low": None if k.low is None else kpi_bare(k.id, k.low),
                "high": None if k.high is None else kpi_bare(k.id, k.high),
                "n": k.n,
                "previous": kpi_value(k.id, before[k.id].value) if k.id in before else None,
                "change": kpi_change(k.id, k.value - before[k.id].value) if k.id in before else None,
            }
            for k in self.measured
        ]
        columns = [
            Column("kpi", text("review.head.kpi", "KPI")),
            Column("value", text("review.head.value_interval", "Value (interval)"), "number", low="low", high="high"),
            Column("n", text("review.head.n", "Cases (n)"), "count"),
        ]
        if before:
            columns += [
                Column("previous", text("review.head.previous", "Previous period"), "number"),
                Column("change", text("review.head.change", "Change"), "number"),
            ]
        return Table("review.kpis", self._title(), tuple(columns), _objects(rows), self._note(), artefact="kpis")

    def key_figures(self, previous: pd.DataFrame | None = None) -> tuple[KeyFigure, ...]:
        """The KPIs for the summary, with their change since *previous*."""
        before = self.comparable(previous)
        return tuple(
            KeyFigure(
                f"review.key.{k.id}",
                KPI_NAMES[k.id],
                kpi_value(k.id, k.value),
                None if k.low is None else kpi_value(k.id, k.low),
                None if k.high is None else kpi_value(k.id, k.high),
                kpi_value(k.id, before[k.id].value) if k.id in before else None,
                DEFINITIONS[k.id].better,
                rank=DEFINITIONS[k.id].rank,
                change=change_interval(k, before[k.id]) if k.id in before else None,
            )
            for k in self.measured
        )

    def definitions(self) -> tuple[Paragraph, ...]:
        """What each measured KPI counts, for the appendix."""
        return tuple(
            Paragraph(
                f"review.definition.{k.id}",
                text(
                    "review.define.line", "{kpi}: {words}.", kpi=KPI_NAMES[k.id], words=DEFINITIONS[k.id].words(self.settings)
                ),
                "definition",
            )
            for k in self.measured
        )

    def blocks(self, previous: pd.DataFrame | None = None) -> tuple[Block, ...]:
        """Table, notes of what could not be measured, key figures and definitions, in the order of a chapter."""
        missing = self.missing if self.measured else ()
        return (self.table(previous), *missing, *self.key_figures(previous), *self.definitions())

    def _title(self) -> Text:
        repeat, revenue = self.get("repurchase_rate"), self.get("revenue")
        if repeat and repeat.n >= 30:
            return text(
                "review.kpis.title_repeat",
                "{rate} of buyers ordered again within {months} months",
                rate=kpi_value("repurchase_rate", repeat.value),
                months=count(self.months),
            )
        if revenue:
            return text(
                "review.kpis.title_revenue", "Revenue of the period: {revenue}", revenue=kpi_value("revenue", revenue.value)
            )
        return text("review.kpis.title", "KPIs of the period")

    def _note(self) -> Text:
        return text(
            "review.kpis.note",
            "{n} of {all} KPIs could be measured. Intervals at {level} confidence: Wilson for shares, order statistics for the "
            "median, normal for means and the net promoter score; totals have none. Refunds (orders below zero) lower revenue "
            "and are no orders. Definitions stand in the appendix.",
            n=count(len(self.measured)),
            all=count(len(DEFINITIONS)),
            level=share(self.settings.analysis.confidence),
        )


def _objects(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows whose cells are quantities and texts, kept as they are."""
    return pd.DataFrame(rows, dtype=object)


def kpis_of(frame: object) -> dict[str, Kpi]:
    """The KPIs in an artefact ``kpis``; none where there is no earlier period. KPIs of earlier versions are left out."""
    if not isinstance(frame, pd.DataFrame):
        return {}
    found = {}
    for row in frame.to_dict("records"):
        if row["kpi"] in DEFINITIONS:
            low, high = (None if is_missing(row[end]) else float(row[end]) for end in ("low", "high"))
            months = None if is_missing(row.get("months")) else int(row["months"])
            found[row["kpi"]] = Kpi(row["kpi"], float(row["value"]), int(row["n"]), low, high, months)
    return found


def comparable(now: Mapping[str, Kpi], before: Mapping[str, Kpi]) -> dict[str, Kpi]:
    """Those of *before* that look back as far as today's, or do not say: ten months of a window are no measure for twelve."""
    return {id: kpi for id, kpi in before.items() if id in now and kpi.months in (None, now[id].months)}


def change_interval(now: Kpi, before: Kpi) -> Interval | None:
    """The interval of the change between two periods; None where one of them has none (totals)."""
    if now.low is None or now.high is None or before.low is None or before.high is None:
        return None
    return change_between(now.value, (now.low, now.high), before.value, (before.low, before.high))


# ---------------------------------------------------------------------------------------------------------------------
# measuring


def measure_kpis(tables: Tables, settings: Settings) -> Kpis:
    """Every KPI that the canonical tables allow, for their period.

    Args:
        tables: canonical tables of the period.
        settings: windows, finished order states, service limits and the confidence level.

    Returns:
        Kpis: values with intervals; what the data lack is a note for each KPI, never a zero.
    """
    measured: list[Kpi] = []
    missing: list[NotMeasured] = []
    for kpi, definition in DEFINITIONS.items():
        lacks = tables.lacks(*definition.needs)
        result = None if lacks else _MEASURES[kpi](kpi, tables, settings)
        if result is not None:
            measured.append(replace(result, months=_looks_back(kpi, tables, settings)))
            continue
        what = text("review.kpi.unmeasured", "{kpi}", kpi=definition.name)
        why = text("review.kpi.no_case", "The data hold no case of it: {words}.", words=definition.words(settings))
        missing.append(NotMeasured(f"review.missing.{kpi}", what, lacks, None if lacks else why))
    return Kpis(tuple(measured), tuple(missing), settings, tables.covered_months(settings.analysis.window_months))


def _looks_back(kpi: str, tables: Tables, settings: Settings) -> int | None:
    """Months that the data cover of those which a KPI looks back; None where it is of the period alone."""
    window = settings.analysis.window_months
    match kpi:
        case "repurchase_rate":
            return tables.covered_months(window)
        case "churn_share":
            return tables.covered_months(window + math.ceil(settings.analysis.churn_days / 30.4))
        case _:
            return None


def finished(settings: Settings) -> str:
    """SQL condition, to follow another, that keeps the order states which count as sales."""
    return "and list_contains($finished, status)" if settings.analysis.finished_orders else ""


def purchases(settings: Settings) -> str:
    """SQL condition, to follow another, that keeps finished orders which are no refunds (an amount below zero)."""
    return f"and coalesce(amount, 0) >= 0 {finished(settings)}"


def window_start(period_end: dt.date, months: int) -> dt.date:
    """First day of the trailing window of *months* that closes with *period_end*."""
    return (pd.Timestamp(period_end) + pd.Timedelta(days=1) - pd.DateOffset(months=months)).date()


def _one(tables: Tables, query: str, **values: object) -> dict[str, Any]:
    """The one row of a query that aggregates everything."""
    return {str(name): value for name, value in tables.sql(query, **values).iloc[0].items()}


def _proportion(kpi: str, row: dict[str, Any], settings: Settings) -> Kpi | None:
    n, hits = int(row["n"]), int(row["hits"])
    return Kpi(kpi, hits / n, n, *wilson(hits, n, settings.analysis.confidence)) if n else None


def _repurchase_rate(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    query = f"""
        with buyers as (
            select customer_id, count(*) as orders
            from orders
            where customer_id is not null and ordered_at >= $since {purchases(settings)}
            group by customer_id)
        select count(*) as n, count(case when orders >= 2 then 1 end) as hits from buyers"""
    since = window_start(tables.period.end, settings.analysis.window_months)
    return _proportion(kpi, _one(tables, query, since=since, finished=settings.analysis.finished_orders), settings)


def _revenue(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    query = f"""
        select count(case when amount >= 0 then 1 end) as n, sum(amount) as total
        from orders where ordered_at >= $start {finished(settings)}"""
    row = _one(tables, query, finished=settings.analysis.finished_orders)
    return None if is_missing(row["total"]) else Kpi(kpi, float(row["total"]), int(row["n"]))


def _active_customers(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    query = f"""
        with buyers as (
            select customer_id from orders
            where customer_id is not null and ordered_at >= $start {purchases(settings)} group by customer_id)
        select count(*) as n from buyers"""
    n = int(_one(tables, query, finished=settings.analysis.finished_orders)["n"])
    return Kpi(kpi, float(n), n) if n else None


def _average_order(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    """Ratio of two customer totals; its error by linearisation over customers (Cochran 1977, Sampling Techniques, 6.4).

    Refunds are taken off what a customer spent and are no orders, as in the profile.
    """
    buyers = f"""
        select coalesce(customer_id, order_id) as buyer, sum(amount) as spent, count(case when amount >= 0 then 1 end) as orders
        from orders where ordered_at >= $start and amount is not null {finished(settings)} group by 1"""
    values = {"finished": settings.analysis.finished_orders}
    sums = _one(tables, f"with b as ({buyers}) select count(*) as m, sum(spent) as spent, sum(orders) as n from b", **values)
    buyers_n, n = int(sums["m"]), 0 if is_missing(sums["n"]) else int(sums["n"])
    if not n:
        return None
    mean = float(sums["spent"]) / n
    if buyers_n < 2:
        return Kpi(kpi, mean, n)
    # squares are summed as decimals: sums of floats change with the number of threads
    squares = f"""with b as ({buyers}) select sum(cast((spent - $mean * orders) * (spent - $mean * orders)
                  as decimal(38, 4))) as total from b"""
    scatter = float(_one(tables, squares, mean=mean, **values)["total"])
    error = (scatter * buyers_n / (buyers_n - 1)) ** 0.5 / n
    return Kpi(kpi, mean, n, *normal(mean, error, settings.analysis.confidence))


def _first_response_hours(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    judged, values = judged_tickets(tables, settings, "first_response_at")
    waits = f"with {judged}, w as (select hours, ticket_id from judged where hours is not null)"
    row = _one(
        tables, f"{waits} select count(*) as n, percentile_cont(0.5) within group (order by hours) as value from w", **values
    )
    n = int(row["n"])
    if not n:
        return None
    ranks = median_ranks(n, settings.analysis.confidence)
    if ranks is None:
        return Kpi(kpi, float(row["value"]), n)
    bounds = tables.sql(
        f"""{waits}, ranked as (select hours, row_number() over (order by hours, ticket_id) as place from w)
            select hours from ranked where place = $lower or place = $upper order by place""",
        **values,
        lower=ranks[0],
        upper=ranks[1],
    )["hours"]
    return Kpi(kpi, float(row["value"]), n, float(bounds.iloc[0]), float(bounds.iloc[-1]))


def _late_share(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    judged, values = judged_tickets(tables, settings, "first_response_at")
    query = f"""
        with {judged}
        select count(late) as n, count(case when late then 1 end) as hits from judged"""
    return _proportion(kpi, _one(tables, query, **values), settings)


def _nps(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    query = """
        with answers as (
            select
                coalesce(cast(weight as double), 1.0) as w,
                case when score >= 9 then 1 when score <= 6 then -1 else 0 end as x
            from feedback
            where lower(instrument) = 'nps' and score between 0 and 10 and coalesce(scale_max, 10) = 10 and given_at >= $start)
        select count(*) as n, sum(w) as w, sum(w * x) as wx, sum(w * w) as ww, sum(w * w * x) as wwx, sum(w * w * x * x) as wwxx
        from answers
        where w > 0"""
    row = _one(tables, query)
    n = int(row["n"])
    if not n:
        return None
    mean = row["wx"] / row["w"]
    # without weights the variance of a difference of two multinomial shares: Rocks (2016), The American Statistician 70
    variance = max(0.0, row["wwxx"] - 2 * mean * row["wwx"] + mean**2 * row["ww"]) / row["w"] ** 2
    low, high = normal(100 * mean, 100 * variance**0.5, settings.analysis.confidence)
    return Kpi(kpi, float(100 * mean), n, max(low, -100.0), min(high, 100.0))


def _csat(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    query = """
        select count(*) as n, count(case when score >= 0.8 * coalesce(scale_max, 5) - 1e-9 then 1 end) as hits
        from feedback
        where lower(instrument) = 'csat' and score between 1 and coalesce(scale_max, 5) and given_at >= $start"""
    return _proportion(kpi, _one(tables, query), settings)


def _churn_share(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    until = tables.period.end - dt.timedelta(days=settings.analysis.churn_days)  # an order on that day is still in time
    since = window_start(until - dt.timedelta(days=1), settings.analysis.window_months)
    query = f"""
        with seen as (
            select customer_id, max(ordered_at) as last_at, min(ordered_at) as first_at
            from orders
            where customer_id is not null and ordered_at >= $since {purchases(settings)}
            group by customer_id)
        select count(*) as n, count(case when last_at < $until then 1 end) as hits from seen where first_at < $until"""
    values = {"since": since, "until": until, "finished": settings.analysis.finished_orders}
    return _proportion(kpi, _one(tables, query, **values), settings)


def _complaints_called_back(kpi: str, tables: Tables, settings: Settings) -> Kpi | None:
    query = """
        with complaints as (
            select called_back_at, resolved_at + $limit * interval 1 hour as due_at
            from tickets
            where list_contains($topics, lower(topic)) and resolved_at >= $start
              and resolved_at < cast($end as timestamp) + interval 1 day)
        select count(*) as n, count(case when called_back_at <= due_at then 1 end) as hits
        from complaints
        where called_back_at is not null or due_at < cast($end as timestamp) + interval 1 day"""
    topics = [topic.lower() for topic in settings.service.complaint_topics]
    return _proportion(kpi, _one(tables, query, topics=topics, limit=float(settings.service.callback_hours)), settings)


_MEASURES: Mapping[str, Callable[[str, Tables, Settings], Kpi | None]] = {
    "repurchase_rate": _repurchase_rate,
    "revenue": _revenue,
    "active_customers": _active_customers,
    "average_order": _average_order,
    "first_response_hours": _first_response_hours,
    "late_share": _late_share,
    "nps": _nps,
    "csat": _csat,
    "churn_share": _churn_share,
    "complaints_called_back": _complaints_called_back,
}
