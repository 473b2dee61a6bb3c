"""When tickets are late and when they pile up: late first responses by channel and hour, and the queue over the day (X3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd

from workbook.diagnosis.finding import SMALL_SAMPLE
from workbook.diagnosis.grid import Grid, Worst
from workbook.diagnosis.tickets import channel_name, days_alone, days_only, late_cells
from workbook.language import Quantity, Text, count, day, named, share, text
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.service_hours import Event
from workbook.settings.models import Settings
from workbook.tables import Tables

BANDS = (0, 8, 10, 12, 14, 16, 18, 20, 22, 24)
"""Hours of the day at which a band begins or ends; the night is one, since few write then."""

LEAST_TICKETS = 10
MOST_CHANNELS = 8

_BAND = "case " + " ".join(f"when {{hour}} < {end} then {place}" for place, end in enumerate(BANDS[1:])) + " end"


def band_name(place: int) -> str:
    """A band of hours as readers see it: ``08–10``."""
    return f"{BANDS[place]:02}–{BANDS[place + 1]:02}"


def late_grid(tables: Tables, settings: Settings) -> Figure | NotMeasured:
    """Late first responses by channel and by the hour at which a ticket was opened, as a heat map."""
    what = text("diagnosis.late_hours.what", "Late first responses by channel and hour")
    note = text(
        "diagnosis.late_hours.note",
        "Tickets opened {start} to {end} whose first response came after their limit ({limit} accepted); columns: hour of "
        "opening.{alone}",
        **_of_period(tables, settings.service.late_share, "first_response_at"),
    )
    return _by_hour(
        tables, settings, "first_response_at", "diagnosis.late_hours", what, note, settings.service.late_share, _late_title
    )


def late_solution_grid(tables: Tables, settings: Settings) -> Figure | NotMeasured:
    """Late solutions in the same way."""
    what = text("diagnosis.late_solutions.what", "Late solutions by channel and hour")
    limit = settings.diagnosis.late_resolution_share
    note = text(
        "diagnosis.late_solutions.note",
        "Tickets opened {start} to {end} whose solution came after their limit ({limit} accepted); columns: hour of opening."
        "{alone}",
        **_of_period(tables, limit, "resolved_at"),
    )
    return _by_hour(tables, settings, "resolved_at", "diagnosis.late_solutions", what, note, limit, _solved_title)


def _of_period(tables: Tables, limit: float, event: Event) -> dict[str, Text | Quantity | str]:
    """What the notes say of the tickets shown: period, accepted share, and how many tell the day alone."""
    alone = days_alone(tables, event)[0] if tables.has(f"tickets.{event}") else 0
    said = (
        text("diagnosis.late_hours.alone", " Left out: {n} {n:ticket|tickets} that {n:tells|tell} the day and not the hour.",
             n=count(alone))
        if alone
        else named("")
    )  # fmt: skip
    return {"start": day(tables.period.start), "end": day(tables.period.end), "limit": share(limit), "alone": said}


def _by_hour(
    tables: Tables,
    settings: Settings,
    event: Event,
    id: str,
    what: Text,
    note: Text,
    limit: float,
    titled: Callable[[Worst], Text],
) -> Figure | NotMeasured:
    if missing := tables.lacks(f"tickets.{event}"):
        return NotMeasured(id, what, missing)
    if why := days_only(tables, settings, event):
        return NotMeasured(id, what, why=why)
    cells = late_cells(tables, settings, event)
    cells = cells[cells["opened_hour"] >= 0]
    cells = cells.assign(band=np.searchsorted(BANDS, cells["opened_hour"], side="right") - 1)
    found = cells.groupby(["channel", "band"], as_index=False)[["n", "hits"]].sum().rename(columns={"hits": "bad"})
    least = max(settings.analysis.small_cell, LEAST_TICKETS)
    shown = set(found.loc[found["n"] >= least, "channel"]) - {""}  # a channel of small cells alone would be an empty line
    sizes = found[found["channel"].isin(shown)].groupby("channel")["n"].sum().sort_values(ascending=False, kind="stable")
    # nor is one that holds every ticket: it would say the same as all channels
    channels = ["", *(c for c in sizes.index[:MOST_CHANNELS] if sizes[c] < found["n"].sum())]
    every = found.groupby("band", as_index=False)[["n", "bad"]].sum().assign(row=0)
    apart = found.assign(row=found["channel"].map({c: i for i, c in enumerate(channels) if c}))
    cells = pd.concat([every, apart[apart["row"].notna()]], ignore_index=True)
    cells = cells.assign(row=cells["row"].astype(int), column=cells["band"].astype(int))
    rows = (text("diagnosis.late_hours.all", "all channels"), *(channel_name(c) for c in channels[1:]))
    columns = tuple(named(band_name(i)) for i in range(len(BANDS) - 1))
    grid = Grid(
        rows, columns, cells, (limit,) * len(columns), least, settings.analysis.confidence,
    )  # fmt: skip
    return grid.figure(
        id, what, titled, note, text("diagnosis.dimension.channel", "channel"), text("diagnosis.dimension.hour", "hour opened")
    )


def _solved_title(worst: Worst) -> Text:
    if not worst.beyond:
        return text("diagnosis.late_solutions.fine", "No channel and hour is clearly solved late too often")
    late = share(worst.share) if worst.n >= SMALL_SAMPLE else count(round(worst.share * worst.n))
    return text("diagnosis.late_solutions.title", "Solved late most often: {channel} at {hours} o’clock, {late} of {n} tickets",
                channel=worst.row, hours=worst.column, late=late, n=count(worst.n))  # fmt: skip


def _late_title(worst: Worst) -> Text:
    if not worst.beyond:
        return text("diagnosis.late_hours.fine", "No channel and hour is clearly late too often")
    if worst.n < SMALL_SAMPLE:
        hits = count(round(worst.share * worst.n))
        return text("diagnosis.late_hours.counts", "Late most often: {channel} at {hours} o’clock, {late} of {n} tickets",
                    channel=worst.row, hours=worst.column, late=hits, n=count(worst.n))  # fmt: skip
    return text("diagnosis.late_hours.title", "Late most often: {channel} at {hours} o’clock, {late} of {n} tickets",
                channel=worst.row, hours=worst.column, late=share(worst.share), n=count(worst.n))  # fmt: skip


GIVEN_UP = "abandoned"
"""State of a ticket or call whose customer gave up before anybody answered: nobody waits there any more."""


def queue(tables: Tables) -> tuple[pd.DataFrame, dt.datetime | None]:
    """Tickets opened and waiting for their first response, by band of hours.

    Returns:
        band, opened (tickets), a_day (of them a day), waiting (mean number waiting at the full hours), longest (most of them),
        longest_at; and the moment of the longest queue of all, None where nobody waited.
    """
    rows = tables.sql(
        f"""
        with mine as (
            select opened_at, first_response_at from tickets
            where opened_at >= cast($start as timestamp) and opened_at < cast($end as timestamp) + interval 1 day
              and (first_response_at is null or first_response_at >= opened_at)
              and (first_response_at is not null or status is distinct from '{GIVEN_UP}')
        ), moves as (
            select date_trunc('hour', opened_at) + interval 1 hour as moment, 1 as opened, 0 as answered from mine
            union all
            select date_trunc('hour', first_response_at) + interval 1 hour as moment, 0 as opened, 1 as answered
            from mine where first_response_at is not null
        ), hourly as (
            select moment, sum(opened) as opened, sum(answered) as answered from moves group by moment
        ), hours as (
            select unnest(generate_series(cast($start as timestamp) + interval 1 hour, cast($end as timestamp) + interval 1 day,
                                          interval 1 hour)) as moment
        ), running as (
            select h.moment, coalesce(m.opened, 0) as opened,
                   sum(coalesce(m.opened, 0) - coalesce(m.answered, 0)) over (order by h.moment) as waiting
            from hours h left join hourly m on m.moment = h.moment
        )
        select {_BAND.format(hour="extract(hour from moment - interval 1 hour)")} as band,
               cast(sum(opened) as bigint) as opened,
               sum(opened) / nullif(count(distinct cast(moment - interval 1 hour as date)), 0) as a_day,
               avg(waiting) as waiting, cast(max(waiting) as bigint) as longest, arg_max(moment, waiting) as longest_at
        from running group by 1 order by 1
        """
    )
    if rows.empty or not int(rows["longest"].max()):
        return rows, None
    worst = int(rows["longest"].to_numpy().argmax())
    return rows, pd.DatetimeIndex(rows["longest_at"])[worst].to_pydatetime()


def queue_table(tables: Tables) -> Table | NotMeasured:
    """The queue over the day: tickets opened and waiting by hour, and when most of them waited."""
    id, what = "diagnosis.queue", text("diagnosis.queue.what", "Tickets waiting for a first response")
    if missing := tables.lacks("tickets.first_response_at"):
        return NotMeasured(id, what, missing)
    rows, peak = queue(tables)
    if peak is None:
        return NotMeasured(id, what, why=text("diagnosis.queue.none", "No ticket waited over a full hour in the period."))
    frame = rows.assign(
        band=[band_name(int(b)) for b in rows["band"]],
        longest_at=pd.Series([_moment(m) for m in rows["longest_at"]], dtype=object),
    )
    columns = (
        Column("band", text("diagnosis.queue.band", "Hours of the day")),
        Column("opened", text("diagnosis.queue.opened", "Tickets opened"), "count"),
        Column("a_day", text("diagnosis.queue.a_day", "A day"), "number", digits=1),
        Column("waiting", text("diagnosis.queue.waiting", "Waiting, mean"), "number", digits=1),
        Column("longest", text("diagnosis.queue.longest", "Longest queue"), "count"),
        Column("longest_at", text("diagnosis.queue.longest_at", "It stood at")),
    )
    title = text("diagnosis.queue.title", "Longest queue: {n} tickets waiting on {moment}",
                 n=count(int(rows["longest"].max())), moment=_moment(peak))  # fmt: skip
    note = text(
        "diagnosis.queue.note",
        "Tickets opened {start} to {end} without a first response yet, counted at the full hours; opened within the hours; "
        "those that the customer gave up unanswered are left out; n = {n}.",
        start=day(tables.period.start), end=day(tables.period.end), n=count(int(rows["opened"].sum())),
    )  # fmt: skip
    return Table(id, title, columns, frame, note, rows=len(BANDS))


def _moment(value: object) -> Text:
    when = pd.Timestamp(str(value))
    return text("diagnosis.queue.moment", "{day}, {hour}:00", day=day(when.date()), hour=f"{when.hour:02}")
