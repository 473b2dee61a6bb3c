"""Comparisons that may mislead (Simpson's reversal, X3): is a channel late more often among tickets of one kind too?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import pandas as pd

from workbook.diagnosis.finding import difference_interval
from workbook.diagnosis.tickets import channel_name, days_only, late_cells
from workbook.language import Text, count, day, points, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

LEAST_TICKETS = 10
"""Tickets that a channel must have, as in the comparison that is looked into."""

MOST_ROWS = 12

WITHIN = {
    "priority": text("diagnosis.dimension.priority", "priority"),
    "tier": text("diagnosis.dimension.tier", "client's tier"),
    "hours": text("diagnosis.dimension.hour", "hour opened"),
    "topic": text("diagnosis.dimension.topic", "topic"),
}
READINGS = {
    "reversed": text("diagnosis.reversal.reversed", "turns round"),
    "gone": text("diagnosis.reversal.gone", "is no longer clear"),
    "holds": text("diagnosis.reversal.holds", "holds"),
    "unclear": text("diagnosis.reversal.unclear", "was not clear"),
}


def gap_within(strata: pd.DataFrame, confidence: float) -> tuple[float, float, float]:
    """Difference of two shares within strata, weighted by Mantel and Haenszel, with Sato's interval (1989).

    Args:
        strata: one row a stratum: hits and n of the one group, other_hits and other_n of the other.
        confidence: level of the interval.

    Returns:
        Gap (one less other), low, high; missing where no stratum holds both.
    """
    both = strata[(strata["n"] > 0) & (strata["other_n"] > 0)]
    a, n, b, m = (both[c].to_numpy(float) for c in ("hits", "n", "other_hits", "other_n"))
    total = n + m
    weight = float((n * m / total).sum())
    if weight == 0:
        return (float("nan"),) * 3
    gap = float(((a * m - b * n) / total).sum()) / weight
    p = float(((n**2 * b - m**2 * a + n * m * (m - n) / 2) / total**2).sum())
    q = float(((a * (m - b) + b * (n - a)) / (2 * total)).sum())
    half = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(max(gap * p + q, 0.0)) / weight
    return gap, gap - half, gap + half


def compared(strata: pd.DataFrame, level: float) -> dict[str, Any]:
    """A share against another, as they are and within strata.

    Args:
        strata: as :func:`gap_within` takes them.
        level: of the intervals.

    Returns:
        n, other_n, part and other_part (the shares), gap with low and high (Newcombe), inside with inside_low and inside_high
        (Mantel-Haenszel), clear and clear_inside (whether the interval leaves zero out), turned (both clear, opposite signs).
    """
    hits, n, other_hits, other_n = (int(strata[c].sum()) for c in ("hits", "n", "other_hits", "other_n"))
    part, other_part = hits / n, other_hits / other_n
    low, high = difference_interval(hits, n, other_hits, other_n, level)
    inside, inside_low, inside_high = gap_within(strata, level)
    clear, clear_inside = low > 0 or high < 0, inside_low > 0 or inside_high < 0
    return {
        "n": n, "other_n": other_n, "part": part, "other_part": other_part, "gap": part - other_part, "low": low, "high": high,
        "inside": inside, "inside_low": inside_low, "inside_high": inside_high, "clear": clear, "clear_inside": clear_inside,
        "turned": clear and clear_inside and (part - other_part) * inside < 0,
    }  # fmt: skip


def channel_gaps(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Late first responses of each channel against all others, as they are and within tickets of one kind.

    Returns:
        channel, within (priority, tier, hours, topic), n, gap with low and high (Newcombe), inside with inside_low and
        inside_high (Mantel-Haenszel), reading: reversed (both clear, with opposite signs), gone (clear only as it is), holds,
        or unclear (not clear as it is). Levels are corrected for the number of rows (Bonferroni); reversals first.
    """
    cells = late_cells(tables, settings, "first_response_at")
    cells = cells[cells["channel"] != ""].assign(hours=cells["opened_hour"] // 4)
    sizes = cells.groupby("channel")["n"].sum()
    channels = [str(c) for c in sizes[sizes >= LEAST_TICKETS].index]
    cells = cells[cells["channel"].isin(channels)]
    kinds = [kind for kind in WITHIN if len(set(cells[kind])) > 1]
    pairs = [(channel, kind) for channel in channels for kind in kinds if len(channels) > 1]
    level = 1 - (1 - settings.analysis.confidence) / max(len(pairs), 1)
    rows = [_gaps(cells, channel, kind, level) for channel, kind in pairs]
    columns = ["channel", "within", "n", "gap", "low", "high", "inside", "inside_low", "inside_high", "reading"]
    found = pd.DataFrame(rows, columns=columns)
    order = {name: place for place, name in enumerate(READINGS)}
    found["place"] = found["reading"].map(order)
    return found.sort_values(["place", "gap", "channel", "within"], ascending=[True, False, True, True], ignore_index=True)


def _gaps(cells: pd.DataFrame, channel: str, kind: str, level: float) -> dict[str, object]:
    mine = cells["channel"] == channel
    own, others = (cells[rows].groupby(kind)[["hits", "n"]].sum() for rows in (mine, ~mine))
    strata = own.join(others.add_prefix("other_"), how="outer").fillna(0)
    found = compared(strata, level)
    sure = "reversed" if found["turned"] else "holds" if found["clear_inside"] else "gone"
    return {"channel": channel, "within": kind, **found, "reading": sure if found["clear"] else "unclear"}


@dataclass(frozen=True)
class Inside:
    """The gap of a channel within tickets of one *kind*, with its interval."""

    kind: str
    gap: float
    low: float
    high: float


def turned_gaps(tables: Tables, settings: Settings) -> dict[str, Inside]:
    """Channels whose gap comes from the mix of their tickets: it turns round within one kind, or loses more than half of itself
    and is no longer clear; of several kinds the one with the smallest gap within, one that turns it round first."""
    found = channel_gaps(tables, settings)
    mixed = (found["reading"] == "gone") & (found["inside"].astype(float).abs() <= found["gap"].astype(float).abs() / 2)
    rows = found[mixed | (found["reading"] == "reversed")].sort_values(["place", "inside", "within"])
    return {
        str(row["channel"]): Inside(str(row["within"]), row["inside"], row["inside_low"], row["inside_high"])
        for row in rows.drop_duplicates("channel").to_dict("records")
    }


def reversal_table(tables: Tables, settings: Settings) -> Table | NotMeasured:
    """Whether the comparison of channels holds among tickets of one kind."""
    id, what = (
        "diagnosis.reversal",
        text("diagnosis.reversal.what", "Late first responses by channel, among tickets of one kind"),
    )
    if missing := tables.lacks("tickets.first_response_at", "tickets.channel"):
        return NotMeasured(id, what, missing)
    if why := days_only(tables, settings, "first_response_at"):
        return NotMeasured(id, what, why=why)
    found = channel_gaps(tables, settings)
    if found.empty:
        why = text("diagnosis.reversal.none", "There are no two channels of {n} tickets to compare.", n=count(LEAST_TICKETS))
        return NotMeasured(id, what, why=why)
    frame = found.assign(name=pd.Series([channel_name(str(c)) for c in found["channel"]], dtype=object))
    for column in ("gap", "low", "high", "inside", "inside_low", "inside_high"):
        frame[column] = frame[column].astype(float)
    columns = (
        Column("name", text("diagnosis.dimension.channel", "channel")),
        Column("n", text("diagnosis.column.tickets", "Tickets"), "count"),
        Column("gap", text("diagnosis.reversal.gap", "Gap to the others, points"), "points", low="low", high="high"),
        Column("within", text("diagnosis.reversal.within", "Compared within"), labels=WITHIN),
        Column("inside", text("diagnosis.reversal.inside", "Gap within, points"), "points", low="inside_low",
               high="inside_high"),
        Column("reading", text("diagnosis.reversal.reading", "The gap"), labels=READINGS),
    )  # fmt: skip
    note = text(
        "diagnosis.reversal.note",
        "Share of late first responses of a channel less that of all others (limit accepted: {limit}), as it is and within "
        "tickets of one kind (Mantel-Haenszel); intervals allow for {rows} comparisons; {start} to {end}.",
        limit=share(settings.service.late_share), rows=count(len(found)), start=day(tables.period.start),
        end=day(tables.period.end),
    )  # fmt: skip
    return Table(id, _title(found), columns, frame, note, rows=MOST_ROWS)


def _title(found: pd.DataFrame) -> Text:
    first = found.iloc[0]
    name, kind = channel_name(str(first["channel"])), WITHIN[str(first["within"])]
    if first["reading"] == "reversed":
        return text("diagnosis.reversal.title",
                    "Simpson’s reversal: {channel}, {gap} against the others, turns round within {kind}",
                    channel=name, gap=points(float(first["gap"])), kind=kind)  # fmt: skip
    if first["reading"] == "gone":
        return text("diagnosis.reversal.title_gone", "The gap of {channel} is no longer clear within {kind}",
                    channel=name, kind=kind)  # fmt: skip
    clear = found[found["reading"] == "holds"]["channel"].nunique()
    if not clear:
        return text("diagnosis.reversal.title_unclear", "No channel is clearly later or sooner than the others")
    return text("diagnosis.reversal.title_holds", "Channels whose gap holds among tickets of one kind: {n}", n=count(clear))
