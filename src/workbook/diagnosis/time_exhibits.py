"""How ticket times show: late first responses by channel, times to the first response and to the solution (X3, X5)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from workbook.diagnosis.tickets import channel_name
from workbook.language import Edition, Quantity, Text, Unit, count, day, joined, named, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import BETTER, TEXT, UNCLEAR, WORSE, canvas, label_axis
from workbook.service_hours import limit_parts, tier_words
from workbook.settings.models import Settings

MOST_BARS = 12
MOST_NAMED = 5
"""Priorities without a limit that a note names."""


def sla_figure(responses: pd.DataFrame, settings: Settings, period: Period) -> Figure | NotMeasured:
    """Late first responses by channel: bars with interval, the accepted share as a tick."""
    channels, least = responses[responses["dimension"] == "channel"], settings.analysis.small_cell
    rows = channels[channels["tickets"] >= least].sort_values(["share", "group"], ascending=[False, True])
    if rows.empty:
        what = text("diagnosis.responses.what", "First responses against their limit, by channel")
        if channels.empty:
            return NotMeasured("diagnosis.sla", what, ("tickets.channel",))
        why = text("diagnosis.sla.few", "No channel has {n} tickets whose first response can be judged.", n=count(least))
        return NotMeasured("diagnosis.sla", what, why=why)
    rows = rows.head(MOST_BARS).reset_index(drop=True)
    limit, n = settings.service.late_share, int(responses.loc[responses["dimension"] == "all", "tickets"].sum())

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(height=max(2.6, 0.4 * len(rows) + 1.0))
        places = np.arange(len(rows))
        late, low, high = (100 * rows[c].to_numpy(float) for c in ("share", "low", "high"))
        beyond, within = low > 100 * limit, high < 100 * limit
        colours = np.where(beyond, WORSE, np.where(within, BETTER, UNCLEAR))
        axes.barh(places, late, height=0.6, color=np.where(beyond | within, colours, "white"), edgecolor=colours, linewidth=1.2)
        axes.errorbar(late, places, xerr=[late - low, high - late], fmt="none", ecolor=TEXT, elinewidth=1, capsize=2.5)
        axes.vlines(np.full(len(rows), 100 * limit), places - 0.42, places + 0.42, color=TEXT, linewidth=2)
        for place, found, cases in zip(places.tolist(), rows["share"], rows["tickets"], strict=True):
            words = f"{share(found, 1).render(edition)}  n = {count(cases).render(edition)}"
            axes.text(max(high[place], 100 * limit) + 1.2, place, words, va="center", fontsize=8.5)
        axes.set_yticks(places, [channel_name(str(g)).render(edition) for g in rows["group"]])
        axes.invert_yaxis()
        top = max(float(high.max()), 100 * limit)
        axes.set_xlim(0, top * 1.3 + 6)
        ticks = [tick for tick in MaxNLocator(6).tick_values(0, top) if tick <= top]
        axes.set_xticks(ticks, [f"{tick:g}%" for tick in ticks])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        label_axis(axes, text("diagnosis.sla.axis", "Late first responses; tick: limit {limit}",
                              limit=share(limit)).render(edition))  # fmt: skip
        return figure

    worst = rows.iloc[0]
    channel = channel_name(str(worst["group"]))
    return Figure(
        "diagnosis.sla",
        _sla_title(channel, float(worst["share"]), float(worst["low"]), limit, int(worst["late"]), int(worst["tickets"])),
        draw,
        text("diagnosis.sla.alt",
             "Horizontal bars: share of late first responses in {n} channels with intervals; highest {channel} at {late}.",
             n=count(len(rows)), channel=channel, late=share(float(worst["share"]), 1)),
        text("diagnosis.sla.note",
             "Share of tickets whose first response came after the limit of their priority, with {level} interval that "
             "allows for all groups of the table; tickets opened {start} to {end}; n = {n}. Hollow: the interval includes the "
             "limit.",
             level=share(settings.analysis.confidence), start=day(period.start), end=day(period.end), n=count(n)),
        response_table(responses, settings, period),
    )  # fmt: skip


def _sla_title(channel: Text, late: float, low: float, limit: float, hits: int, n: int) -> Text:
    if n < 30:
        return text("diagnosis.sla.counts", "Most often late: {channel}, {hits} of {n} first responses",
                    channel=channel, hits=count(hits), n=count(n))  # fmt: skip
    if low > limit:
        return text("diagnosis.sla.late", "{late} of first responses by {channel} are late; {limit} is accepted",
                    channel=channel, late=share(late), limit=share(limit))  # fmt: skip
    if late > limit:
        return text("diagnosis.sla.unclear", "First responses by {channel} may be late too often: {late}, {limit} accepted",
                    channel=channel, late=share(late), limit=share(limit))  # fmt: skip
    return text("diagnosis.sla.fine", "No channel is late more often than the accepted {limit}", limit=share(limit))


def response_table(responses: pd.DataFrame, settings: Settings, period: Period) -> Table:
    """Late share, median and 90th percentile of the first response, in all and by channel, priority and tier."""
    whole = responses[responses["dimension"] == "all"].iloc[0]
    title = text("diagnosis.responses.title", "Half of first responses take up to {p50}, one in ten over {p90}",
                 p50=_duration(whole, "p50"), p90=_duration(whole, "p90"))  # fmt: skip
    return _times_table("diagnosis.responses", title, responses, settings, period)


def solution_table(solutions: pd.DataFrame, settings: Settings, period: Period) -> Table:
    """The same of the solutions."""
    whole = solutions[solutions["dimension"] == "all"].iloc[0]
    title = text("diagnosis.solutions.title", "Half of solutions take up to {p50}, one in ten over {p90}",
                 p50=_duration(whole, "p50"), p90=_duration(whole, "p90"))  # fmt: skip
    return _times_table("diagnosis.solutions", title, solutions, settings, period)


def _in_minutes(whole: pd.Series) -> bool:
    """Whether times are so short that hours would say nothing: nine in ten of all tickets take less than one."""
    return bool(whole["p90"] < 1)


def _duration(whole: pd.Series, column: str) -> Quantity:
    return (
        Quantity(60 * float(whole[column]), "minutes", 1) if _in_minutes(whole) else Quantity(float(whole[column]), "hours", 1)
    )


def _times_table(id: str, title: Text, times: pd.DataFrame, settings: Settings, period: Period) -> Table:
    tier_names = {tier.id.lower(): named(tier.name) for tier in settings.grading.tiers}
    tiers = {word: tier_names[id] for id, words in tier_words(settings).items() for word in words}
    order = {"all": 0, "channel": 1, "priority": 2, "tier": 3}
    # the hours stand in the heat map; a group of few is not shown by itself
    times = times[(times["dimension"] != "hour") & (times["tickets"] >= settings.analysis.small_cell)]
    rows = times.assign(place=times["dimension"].map(order))
    rows = rows.assign(rank=rows["group"].map({"high": 0, "medium": 1, "low": 2}).fillna(3))
    rows = rows.sort_values(["place", "rank", "group"], ignore_index=True)

    def name(dimension: str, group: str) -> Text:
        if dimension == "all":
            return text("diagnosis.responses.all", "all tickets")
        if dimension == "channel":
            return channel_name(group)
        if dimension == "priority":
            return PRIORITY_WORDS.get(group, named(group))
        return tiers.get(group.strip().lower(), named(group)) if dimension == "tier" else named(group)

    frame = rows.copy()
    frame["name"] = pd.Series(
        [name(str(d), str(g)) for d, g in zip(rows["dimension"], rows["group"], strict=True)], dtype="object"
    )
    dimensions = {
        "all": text("diagnosis.dimension.all", "all"),
        "channel": text("diagnosis.dimension.channel", "channel"),
        "priority": text("diagnosis.dimension.priority", "priority"),
        "tier": text("diagnosis.dimension.tier", "client's tier"),
    }
    p50, p90 = text("diagnosis.column.p50", "Median, hours"), text("diagnosis.column.p90", "90th percentile, hours")
    unit: Unit = "hours"
    if _in_minutes(times[times["dimension"] == "all"].iloc[0]):
        p50 = text("diagnosis.column.p50_minutes", "Median, minutes")
        p90 = text("diagnosis.column.p90_minutes", "90th percentile, minutes")
        unit, measured = "minutes", [f"{p}{end}" for p in ("p50", "p90") for end in ("", "_low", "_high")]
        frame[measured] = frame[measured] * 60
    columns = (
        Column("dimension", text("diagnosis.column.dimension", "By"), labels=dimensions),
        Column("name", text("diagnosis.column.group", "Group")),
        Column("tickets", text("diagnosis.column.tickets", "Tickets"), "count"),
        Column("share", text("diagnosis.column.late", "Late (interval)"), "share", low="low", high="high"),
        Column("p50", p50, unit, low="p50_low", high="p50_high"),
        Column("p90", p90, unit, low="p90_low", high="p90_high"),
    )
    note = text(
        "diagnosis.responses.note",
        "Tickets opened {start} to {end}; {hours}; times of tickets that have come so far; intervals of the percentiles from "
        "order statistics, n/a where there are too few. Intervals of groups allow for all {groups} groups, that of all tickets "
        "stands alone.",
        groups=count(int((times["dimension"] != "all").sum())),
        start=day(period.start), end=day(period.end), hours=hours_words(settings),
    )  # fmt: skip
    return Table(id, title, columns, frame, _with_default(note, times, settings), rows=15)


def _with_default(note: Text, times: pd.DataFrame, settings: Settings) -> Text:
    """The note, and which priorities have no limit of their own: their tickets are held against the default."""
    service = settings.service
    known = {limit_parts(key)[1] for key in (*service.first_response_hours, *service.resolution_hours)}
    rows = times[(times["dimension"] == "priority") & ~times["group"].isin(known)]
    if rows.empty:
        return note
    words = joined([named(str(word)) for word in rows.sort_values("tickets", ascending=False)["group"].head(MOST_NAMED)])
    return text("diagnosis.responses.default", "{note} Without a limit of their own, held against the default: {n} tickets of "
                "priority {words}.", note=note, n=count(int(rows["tickets"].sum())), words=words)  # fmt: skip


def hours_words(settings: Settings) -> Text:
    """Which hours count as waiting, in words."""
    hours = settings.service.hours
    if hours.always:
        return text("diagnosis.hours.always", "hours around the clock")
    if hours.holidays == "closed":
        return text("diagnosis.hours.workdays", "service hours {opens}–{closes} on {n} days a week without public holidays",
                    opens=hours.opens, closes=hours.closes, n=count(len(set(hours.days))))  # fmt: skip
    return text("diagnosis.hours.open", "service hours {opens}–{closes} on {n} days a week",
                opens=hours.opens, closes=hours.closes, n=count(len(set(hours.days))))  # fmt: skip


PRIORITY_WORDS = {
    "high": text("diagnosis.priority.high", "high"),
    "medium": text("diagnosis.priority.medium", "medium"),
    "low": text("diagnosis.priority.low", "low"),
}
