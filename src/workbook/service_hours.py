"""Hours of service: how long a ticket has waited, counting only the hours in which service is open, and its limit (X3, X5).

Everything that judges whether a ticket is late reads it from here, so that one report has one answer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd

from workbook.clocks import odd_clocks
from workbook.errors import WorkbookError
from workbook.settings.diagnosing import WEEKDAYS, OpenHours
from workbook.settings.models import Settings
from workbook.tables import Tables

Event = Literal["first_response_at", "resolved_at"]

DEFAULT = "default"

LONGEST_DAYS = 3660
"""Days of calendar made at most: an event dated later than ten years after the first ticket is an error of its file."""

CLOSED = (
    "closed", "resolved", "solved", "done", "completed", "cancelled", "canceled",
    "已关闭", "关闭", "已解决", "解决", "已完成", "完成", "结案", "已取消", "取消",
)  # fmt: skip
"""Words of tickets.status, in small letters, of a ticket that waits for no solution: without its time it is not judged."""

# every exhibit of a period reads its tickets from here: the text columns are copied and the customers joined once
_OPENED = """
create temp table if not exists {name} as
select t.ticket_id, t.customer_id, coalesce(t.channel, '') as channel, coalesce(c.tier, '') as tier,
       coalesce(lower(trim(t.priority)), '') as priority, trim(t.topic) as topic, extract(hour from t.opened_at) as opened_hour,
       t.opened_at, t.first_response_at, t.resolved_at, coalesce(list_contains($closed, lower(trim(t.status))), false) as closed
from tickets t left join customers c on c.customer_id = t.customer_id
where t.opened_at >= cast($start as timestamp) and t.opened_at < cast($end as timestamp) + interval 1 day
"""

# A ticket without the event is late once its limit has passed; before that it cannot be judged (late is null). One of which
# both times tell the day alone cannot be judged by a limit in hours and is left out; one that was closed without a time of
# solution may have been solved in time.
_JUDGED = """
limits as (
    select unnest($limit_tiers) as tier, unnest($limit_priorities) as priority, unnest($limit_hours) as limit_hours
), timed as (
    select o.*, o.{event} as happened_at, coalesce({of_tier}z.limit_hours, $default_hours) as limit_hours, {timed}
    from {opened} o
    {by_tier}
    left join limits z on z.tier = '' and z.priority = o.priority
    {by_day}
), judged as (
    select *, case when hours is not null then hours > limit_hours when waited > limit_hours {but} then true end as late
    from timed where (hours is null or happened_at >= opened_at) and not ({days_alone}) {by_one_clock}
)
"""

DAY_HOURS = 24.0
"""Limits of a day or more can be judged by the days alone."""

_DAYS_ALONE = f"""limit_hours < {DAY_HOURS:g} and opened_at = date_trunc('day', opened_at)
                   and happened_at = date_trunc('day', happened_at)"""

# joined only where a limit names a tier: a quarter of the time over a million tickets
_BY_TIER = """left join limits x on x.tier = lower(trim(o.tier)) and x.priority = o.priority
    left join limits y on y.tier = lower(trim(o.tier)) and y.priority = 'default'"""

_CLOCK = """date_diff('second', o.opened_at, o.{event}) / 3600.0 as hours,
           date_diff('second', o.opened_at, cast($until as timestamp)) / 3600.0 as waited"""

# service seconds up to a moment: those of the days before it, and of its own day what lies within the open hours
_SECONDS = """(
    {day}.before + {day}.open * (least(greatest(
        date_diff('second', cast(cast({moment} as date) as timestamp), {moment}), $opens), $closes) - $opens)
)"""
_OPEN_HOURS = f"""({_SECONDS.format(day="b", moment="o.{event}")} - {_SECONDS.format(day="a", moment="o.opened_at")}) / 3600.0
               as hours,
           ($until - {_SECONDS.format(day="a", moment="o.opened_at")}) / 3600.0 as waited"""
_BY_DAY = """left join {calendar} a on a.day = cast(o.opened_at as date)
    left join {calendar} b on b.day = cast(o.{event} as date)"""


def judged_tickets(
    tables: Tables, settings: Settings, event: Event, since: dt.date | None = None
) -> tuple[str, dict[str, Any]]:
    """The tickets opened in the period, each with its waiting time and whether it is late, as SQL to read from.

    Args:
        tables: the canonical tables; the first day and the last come from its period.
        settings: service (limits and hours), grading.tiers (the tiers that limits may name), client.country (holidays).
        event: what ends the waiting.
        since: first day on which the tickets were opened; that of the period by default.

    Returns:
        Common table expressions (to put after ``with``) that end in ``judged``, without tickets of impossible times, those
        that tell days alone where the limit counts hours, and those of channels that keep two clocks: ticket_id, customer_id,
        channel, tier,
        priority, opened_hour, opened_at, happened_at, limit_hours, hours (service hours until the event; null without it),
        waited (service hours until the end of the period), late (null where it cannot be judged yet); and the values to pass.

    Raises:
        WorkbookError: where holidays are to be closed and the country's are not known.

    Source: method.md X3, X5.
    """
    start, end = since or tables.period.start, tables.period.end
    opened = _named("opened", start, end)
    values = _limits(settings, event)
    odd = list(clocks_apart(tables, start, end)["channel"])
    if odd:
        values["odd_clocks"] = odd
    named = any(values["limit_tiers"])
    parts = {"opened": opened, "event": event, "by_tier": _BY_TIER if named else "", "days_alone": _DAYS_ALONE,
             "but": "and not closed" if event == "resolved_at" else "",
             "by_one_clock": "and not list_contains($odd_clocks, channel)" if odd else "",
             "of_tier": "x.limit_hours, y.limit_hours, " if named else ""}  # fmt: skip
    hours = settings.service.hours
    if hours.always:
        values["until"] = end + dt.timedelta(days=1)
        return _JUDGED.format(timed=_CLOCK.format(event=event), by_day="", **parts), values
    (last,) = tables.connection.execute(f"select max(cast({event} as date)) from {opened}").fetchall()[0]
    latest = min(max(last or end, end), start + dt.timedelta(days=LONGEST_DAYS))
    days = _calendar_table(tables, hours, settings.client.country, start, latest + dt.timedelta(days=1))
    (before,) = tables.connection.execute(
        f"select before from {days} where day = $day", {"day": end + dt.timedelta(days=1)}
    ).fetchall()[0]
    values |= {"opens": _seconds(hours.opens), "closes": _seconds(hours.closes), "until": before}
    by_day = _BY_DAY.format(calendar=days, event=event)
    return _JUDGED.format(timed=_OPEN_HOURS.format(event=event), by_day=by_day, **parts), values


def clocks_apart(tables: Tables, start: dt.date, end: dt.date) -> pd.DataFrame:
    """The channels of tickets opened from *start* to *end* that keep two clocks (:func:`workbook.clocks.odd_clocks`); worked
    out once."""
    import duckdb

    opened, name = _named("opened", start, end), _named("clocks", start, end)
    try:
        return tables.sql(f"select * from {name} order by channel")
    except duckdb.CatalogException:  # the first to ask; a try costs a tenth of a look into the catalogue
        tables.connection.execute(_OPENED.format(name=opened), {"start": start, "end": end, "closed": list(CLOSED)})
    tables.connection.register("clocks_found", odd_clocks(tables, opened).astype({"channel": "str"}))
    tables.connection.execute(f"create temp table {name} as select * from clocks_found")
    tables.connection.unregister("clocks_found")
    return tables.sql(f"select * from {name} order by channel")


def _named(what: str, *of: object) -> str:
    """The name of a table that holds *what* of these values: one name for the same values, another for others."""
    return f"{what}_{hashlib.md5(repr(of).encode(), usedforsecurity=False).hexdigest()}"


def _calendar_table(tables: Tables, hours: OpenHours, country: str, first: dt.date, last: dt.date) -> str:
    """The table of :func:`calendar` in the database, made once; returns its name."""
    name = _named("calendar", hours, country, first, last)
    if not tables.connection.execute("select 1 from duckdb_tables() where table_name = $name", {"name": name}).fetchall():
        days = calendar(hours, country, first, last)
        tables.connection.register("days_of_service", days)
        tables.connection.execute(
            f'create temp table {name} as select cast(day as date) as day, open, "before" from days_of_service'
        )
        tables.connection.unregister("days_of_service")
    return name


def calendar(hours: OpenHours, country: str, first: dt.date, last: dt.date) -> pd.DataFrame:
    """Days of service from *first* to *last*.

    Args:
        hours: when service is open.
        country: ISO code; its holidays close the service where *hours* says so, and its make-up weekend days (调休) open it.
        first, last: both included.

    Returns:
        day, open (1 where service is open on it), before (open seconds from *first* to the beginning of the day).
    """
    days = pd.date_range(first, last)
    is_open = days.day_of_week.isin([WEEKDAYS.index(day) for day in hours.days])
    if hours.holidays == "closed":
        closed, made_up = _holidays(country, first.year, last.year)
        is_open = (is_open & ~days.isin(closed)) | days.isin(made_up)
    frame = pd.DataFrame({"day": days, "open": is_open.astype("int64")})
    lengths = frame["open"] * (_seconds(hours.closes) - _seconds(hours.opens))
    frame["before"] = lengths.cumsum() - lengths
    return frame


def public_holidays(country: str, years: Iterable[int] | None = None, otherwise: str = "") -> Any:
    """The public holidays of a country (:class:`holidays.HolidayBase`), of *years* or of each year that is asked about.

    Args:
        otherwise: what else helps where the country's are not known, for the message.

    Raises:
        WorkbookError: where the country's are not known.
    """
    import holidays  # a tenth of a second, and only those pay who ask

    try:
        return holidays.country_holidays(country, years=years)
    except NotImplementedError as error:
        raise WorkbookError(
            f"client.country: no public holidays are known for {country!r}; expected an ISO code such as CN, DE or US"
            + (f", or {otherwise}" if otherwise else "")
        ) from error


def _holidays(country: str, first: int, last: int) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Days off, and weekend days worked instead."""
    found = public_holidays(country, range(first, last + 1), "service.hours.holidays: open")
    return pd.DatetimeIndex(sorted(found)), pd.DatetimeIndex(sorted(getattr(found, "weekend_workdays", ())))


def limit_parts(key: str) -> tuple[str, str]:
    """Tier (empty: every tier) and priority of a limit's key.

    >>> limit_parts("Gold/high"), limit_parts("low")
    (('gold', 'high'), ('', 'low'))
    """
    tier, found, priority = key.strip().lower().rpartition("/")
    return (tier.strip(), priority.strip()) if found else ("", priority)


def _limits(settings: Settings, event: Event) -> dict[str, Any]:
    service = settings.service
    given: Mapping[str, float] = (
        service.first_response_hours if event == "first_response_at" else service.resolution_hours
    )  # fmt: skip
    hours = {limit_parts(key): float(limit) for key, limit in sorted(given.items())}
    words = tier_words(settings) if any(tier for tier, _ in hours) else {}
    rows = [
        (word, priority, limit)
        for (tier, priority), limit in hours.items()
        for word in (words.get(tier, (tier,)) if tier else ("",))
    ]
    general = [limit for (tier, _), limit in hours.items() if not tier] or list(hours.values())
    return {
        "limit_tiers": [row[0] for row in rows], "limit_priorities": [row[1] for row in rows],
        "limit_hours": [row[2] for row in rows], "default_hours": hours.get(("", DEFAULT), max(general)),
    }  # fmt: skip


def tier_words(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Id of each tier → the words by which a client's file may call it: the id and the name in every language."""
    found = {}
    for tier in settings.grading.tiers:
        names = [tier.name] if isinstance(tier.name, str) else list(tier.name.values())
        found[tier.id.lower()] = tuple(dict.fromkeys(word.strip().lower() for word in (tier.id, *names)))
    return found


def _seconds(time: str) -> int:
    hours, minutes = time.split(":")
    return 3600 * int(hours) + 60 * int(minutes)
