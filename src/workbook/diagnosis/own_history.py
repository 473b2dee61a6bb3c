"""Limits from the client's own history: what the figure of a check was in earlier periods, and how much it moved (X6)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from statistics import NormalDist

import pandas as pd
from scipy import stats

from workbook.diagnosis.catalogue import declared, own_check
from workbook.diagnosis.finding import Direction, Finding, Measured
from workbook.diagnosis.tickets import reaches_back
from workbook.language import Quantity, Text, Unit, count, text
from workbook.period import Period
from workbook.report.blocks import Column, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

HISTORY_COLUMNS: tuple[str, ...] = ("check", "period", "figure", "low", "high", "n", "rule", "from")

Checks = Callable[[Tables, pd.DataFrame, Settings, Collection[str]], list[Measured]]

LEAST_PERIODS = 3
"""Earlier periods without which no spread can be told that anybody should rely on."""

MOST_KEPT = 24

FROM_NAMES = {
    "report": text("diagnosis.history.report", "reports"),
    "delivery": text("diagnosis.history.delivery", "this delivery"),
    "both": text("diagnosis.history.both", "reports and this delivery"),
}


@dataclass(frozen=True)
class OwnLimit:
    """What earlier periods say of a check.

    Attributes:
        periods: the names of the periods that it rests on, the earliest first.
        mean: of their figures.
        spread: standard deviation of their figures, at least what chance alone gives.
        limit: on the bad side of the mean, what the next figure passes by chance with (1 − confidence) / 2; missing where there
            are fewer than ``LEAST_PERIODS``.
        origin: report, delivery or both.
        other_rule: periods left out, as their figures were found by other settings.
    """

    periods: tuple[str, ...]
    mean: float
    spread: float
    limit: float
    origin: str
    other_rule: int


def own_limit(rows: pd.DataFrame, unit: Unit, direction: Direction, confidence: float) -> OwnLimit:
    """The limit of a check by its figures of earlier periods.

    Mean and spread of k figures give an upper (lower) prediction limit of the next: mean ± t(k − 1) · spread · √(1 + 1/k)
    (Hahn & Meeker 1991, ch. 4). The spread is never taken for less than the sampling error of the figures, so that a few equal
    figures do not give a limit of no width.

    Args:
        rows: period, figure, low, high, from; one row an earlier period.
        confidence: two-sided level, also of the intervals *low* to *high*.
    """
    k = len(rows)
    periods = tuple(rows["period"].astype(str))
    origins = set(rows["from"])
    origin = "both" if len(origins) > 1 else next(iter(origins), "report")
    if k < LEAST_PERIODS:
        return OwnLimit(periods, math.nan, math.nan, math.nan, origin, 0)
    figures = rows["figure"].astype(float)
    errors = (rows["high"].astype(float) - rows["low"].astype(float)) / (2 * NormalDist().inv_cdf((1 + confidence) / 2))
    spread = math.sqrt(max(float(figures.var(ddof=1)), float((errors**2).mean())))
    reach = float(stats.t.ppf((1 + confidence) / 2, k - 1)) * spread * math.sqrt(1 + 1 / k)
    mean = float(figures.mean())
    limit = mean + reach if direction == "above" else mean - reach
    return OwnLimit(periods, mean, spread, min(max(limit, 0.0), 1.0), origin, 0)


def figure_history(measured: list[Finding], before: pd.DataFrame | None, settings: Settings, period: Period) -> pd.DataFrame:
    """The figures of this period added to those of earlier reports, for the periods to come.

    Returns:
        ``HISTORY_COLUMNS``: check, period, figure, low, high, n, rule (what the figure was found by), from (report).
    """
    rows = [
        (f.check, period.name, f.figure, f.low, f.high, f.n, figure_rule(f.check, settings), "report") for f in measured
    ]  # fmt: skip
    frames = [pd.DataFrame(rows, columns=list(HISTORY_COLUMNS))]
    if before is not None and not before.empty:
        kept = sorted(set(before["period"]) - {period.name}, key=Period.parse)[-MOST_KEPT:]
        frames.insert(0, before[before["period"].isin(kept)])
    history: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return history


def figure_rule(check: str, settings: Settings) -> str:
    """A short name of the settings that decide what a check counts: figures found by others are not comparable."""
    own = own_check(check, settings)
    one = declared(check)
    if own is not None:
        parts: list[object] = [own.sql, own.direction]
    else:
        keys = one.rests_on if one else ()
        parts = [_plain(reduce(getattr, key.split("."), settings)) for key in keys]
    return hashlib.sha256(json.dumps([check, parts], ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:12]


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def own_limits(
    measured: list[Finding],
    history: pd.DataFrame | None,
    tables: Tables,
    profile: pd.DataFrame,
    settings: Settings,
    by_event: Mapping[str, Checks],
) -> dict[str, OwnLimit]:
    """What the earlier periods say of each check of diagnosis.own_history that could be measured.

    Periods that no report of the client covers are measured in this delivery, where it reaches back to their first days and the
    check counts what happened in a period.

    Args:
        history: the artefact ``figure_history`` of the previous period; None where there is none.
        by_event: module → its checks, of those that count what happened in a period; they take which are wanted.
    """
    wanted = {finding.check: finding for finding in measured if finding.check in settings.diagnosis.own_history}
    if not wanted:
        return {}
    known = pd.DataFrame(columns=list(HISTORY_COLUMNS)) if history is None else history
    before = sorted(set(map(Period.parse, known["period"])), reverse=True)
    periods = [p for p in before if p < tables.period and p.months == tables.period.months]
    most = settings.diagnosis.history_periods
    replayed = _replayed(wanted, tables, profile, settings, by_event, most)
    found = {}
    for check, finding in wanted.items():
        rule = figure_rule(check, settings)
        reported = known[(known["check"] == check) & known["period"].isin([p.name for p in periods])]
        same = reported[reported["rule"] == rule]
        again = replayed[(replayed["check"] == check) & ~replayed["period"].isin(same["period"])]
        rows = pd.concat([frame for frame in (same, again) if not frame.empty] or [same], ignore_index=True)
        order = rows["period"].map(lambda name: Period.parse(name).first)
        rows = rows.loc[order.sort_values(kind="stable").index].tail(most)
        one = own_limit(rows, finding.unit, finding.direction, settings.analysis.confidence)
        left_out = set(reported.loc[reported["rule"] != rule, "period"]) - set(rows["period"])
        found[check] = replace(one, other_rule=len(left_out))
    return found


def _replayed(
    wanted: Mapping[str, Finding], tables: Tables, profile: pd.DataFrame, settings: Settings,
    by_event: Mapping[str, Checks], most: int,
) -> pd.DataFrame:  # fmt: skip
    """The figures of earlier periods as this delivery tells them."""
    rows: list[tuple[object, ...]] = []
    modules = [m for m in by_event if any(check in REPLAYED and check.startswith(f"{m}.") for check in wanted)]
    period = tables.period
    for _ in range(most if modules else 0):
        period = period.previous
        if not reaches_back(tables, period):
            break
        earlier = replace(tables, period=period)
        for module in modules:
            rows += [
                (f.check, period.name, f.figure, f.low, f.high, f.n, figure_rule(f.check, settings), "delivery")
                for f in by_event[module](earlier, profile, settings, set(wanted))
                if isinstance(f, Finding) and f.check in wanted and f.check in REPLAYED
            ]
    return pd.DataFrame(rows, columns=list(HISTORY_COLUMNS))


REPLAYED = (
    "interaction.late_response", "service.callback", "service.repeat", "service.reopened", "service.late_resolution",
    "service.missed_level", "service.first_contact",
)  # fmt: skip
"""Checks that count what happened in a period, so that the tickets of an earlier one tell them too."""


def history_source(one: OwnLimit, finding: Finding, fallback: Text) -> Text:
    """Where a limit from the client's own history comes from, in words; what stands in for it where there is none."""
    if math.isnan(one.limit):
        return text("diagnosis.history.too_few", "{fallback}; own history asked for, but {n} of {least} periods known",
                    fallback=fallback, n=count(len(one.periods)), least=count(LEAST_PERIODS))  # fmt: skip
    return text(
        "diagnosis.history.source", "own history {first} to {last}: mean {mean}, spread {spread}",
        first=one.periods[0], last=one.periods[-1], mean=Quantity(one.mean, finding.unit, 1),
        spread=Quantity(one.spread, "points", 1),
    )  # fmt: skip


def history_table(limits: Mapping[str, OwnLimit], measured: tuple[Finding, ...], settings: Settings) -> tuple[Table, ...]:
    """The limits taken from the client's own history, with what they rest on; nothing where none was asked for."""
    found = [finding for finding in measured if finding.check in limits]
    if not found:
        return ()
    own = [limits[finding.check] for finding in found]
    frame = pd.DataFrame(
        {
            "measure": pd.Series([f.words.measure for f in found], dtype=object),
            "periods": pd.Series([_periods(one) for one in own], dtype=object),
            "mean": pd.Series([_said(one.mean, f.unit) for one, f in zip(own, found, strict=True)], dtype=object),
            "spread": [one.spread for one in own],
            "limit": pd.Series([_said(one.limit, f.unit) for one, f in zip(own, found, strict=True)], dtype=object),
            "figure": pd.Series([f.quantity(f.figure) for f in found], dtype=object),
            "origin": [one.origin for one in own],
        }
    )
    columns = (
        Column("measure", text("diagnosis.column.measure", "Measure")),
        Column("periods", text("diagnosis.history.periods", "Earlier periods")),
        Column("origin", text("diagnosis.history.origin", "Known from"), labels=FROM_NAMES),
        Column("mean", text("diagnosis.history.mean", "Mean"), "share", digits=1),
        Column("spread", text("diagnosis.history.spread", "Spread, points"), "points", digits=1),
        Column("limit", text("diagnosis.history.limit", "Limit"), "share", digits=1),
        Column("figure", text("diagnosis.history.figure", "This period"), "share", digits=1),
    )
    used = sum(not math.isnan(one.limit) for one in own)
    title = text("diagnosis.history.title", "Limits that rest on the client’s own history: {n} of {of} asked for",
                 n=count(used), of=count(len(own)))  # fmt: skip
    note = text(
        "diagnosis.history.note",
        "Limit: how far from the mean of the earlier periods one more like them would lie at most (prediction limit, {level}); "
        "fewer than {least} periods give none, and the limit of the settings holds. Periods left out, as other settings "
        "decided what they count: {other}.",
        level=Quantity(settings.analysis.confidence, "share", 0), least=count(LEAST_PERIODS),
        other=count(sum(one.other_rule for one in own)),
    )  # fmt: skip
    return (Table("diagnosis.own_history", title, columns, frame, note),)


def _periods(one: OwnLimit) -> Text | None:
    if not one.periods:
        return None
    return text("diagnosis.history.span", "{n}: {first} to {last}", n=count(len(one.periods)), first=one.periods[0],
                last=one.periods[-1])  # fmt: skip


def _said(value: float, unit: Unit) -> Quantity | None:
    return None if math.isnan(value) else Quantity(value, unit, 1)
