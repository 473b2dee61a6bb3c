"""Times of service tickets held against the limit of their priority; interaction and service checks stand on them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbook.diagnosis.finding import Cases, proportion_interval
from workbook.language import Text, count, named, text
from workbook.period import Period
from workbook.service_hours import DAY_HOURS, Event, judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables


def lateness(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame:
    """Tickets opened in the period by channel and customer: ``tickets`` judged and ``late`` among them.

    Customers stand in rows of late tickets only; tickets in time are counted in a row without a customer for each channel.
    """
    judged, values = judged_tickets(tables, settings, event)
    return tables.sql(
        f"with {judged}"
        """
        select case when late then customer_id end as customer_id, channel, count(*) as tickets,
               cast(sum(case when late then 1 else 0 end) as bigint) as late
        from judged where late is not null group by 1, channel
        """,
        **values,
    )


def late_cases(tables: Tables, settings: Settings, event: Event, channel: str | None = None) -> Cases:
    """The late tickets of the period themselves, of one *channel* where it is given."""
    judged, values = judged_tickets(tables, settings, event)
    of_channel = "" if channel is None else " and channel = $channel"
    sql = (
        f"with {judged} select ticket_id as record_id, customer_id, opened_at as happened_at from judged where late{of_channel}"
    )
    return Cases("tickets", sql, values if channel is None else {**values, "channel": channel})


def late_cells(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame:
    """Tickets of the period counted by channel, priority, tier, hour of opening and topic; worked out once.

    Returns:
        channel, priority, tier, opened_hour (−1 where the ticket tells the day alone), topic (each empty where unknown), n
        (tickets judged), hits (late among them).
    """
    judged, values = judged_tickets(tables, settings, event)
    return tables.once(
        f"""
        with {judged}
        select channel, priority, tier,
               case when opened_at = date_trunc('day', opened_at)
                         and coalesce(happened_at = date_trunc('day', happened_at), true)
                    then -1 else opened_hour end as opened_hour,
               coalesce(topic, '') as topic, count(*) as n,
               cast(sum(case when late then 1 else 0 end) as bigint) as hits
        from judged where late is not null group by all
        """,
        **values,
    )


def opened_in_period(tables: Tables) -> int:
    """Number of tickets opened in the period, whether or not they can be judged."""
    rows = tables.sql(
        """
        select count(*) as n from tickets
        where opened_at >= cast($start as timestamp) and opened_at < cast($end as timestamp) + interval 1 day
        """
    )
    return int(rows["n"].iloc[0])


MOST_DAYS_ONLY = 0.9
"""Share of tickets with days alone from which the others are too few to speak for all."""


def days_only(tables: Tables, settings: Settings, event: Event) -> Text | None:
    """Why an event cannot be held against its limit in hours: the tickets tell only the days of it; None where it can."""
    service = settings.service
    limits = service.first_response_hours if event == "first_response_at" else service.resolution_hours
    if min(limits.values()) >= DAY_HOURS:
        return None
    whole, n = days_alone(tables, event)
    if n == 0 or whole < MOST_DAYS_ONLY * n:
        return None
    return text("diagnosis.days_only", "{n} of {of} tickets tell the day and not the time of day, so that limits in hours "
                "cannot be judged; deliver both times with hours and minutes.",
                n=count(whole), of=count(n))  # fmt: skip


def days_alone(tables: Tables, event: Event) -> tuple[int, int]:
    """Tickets opened in the period with an event of which both times tell the day and not the time of day; and all of them."""
    row = tables.sql(
        f"""
        select count(*) as n, count(*) filter (where opened_at = date_trunc('day', opened_at)
                                               and {event} = date_trunc('day', {event})) as whole
        from tickets where {event} is not null and opened_at >= cast($start as timestamp)
          and opened_at < cast($end as timestamp) + interval 1 day
        """
    ).iloc[0]
    return int(row["whole"]), int(row["n"])


def reaches_back(tables: Tables, period: Period) -> bool:
    """Whether the tickets delivered reach back to the first tenth of a period."""
    (first,) = tables.connection.execute("select min(cast(opened_at as date)) from tickets").fetchall()[0]
    return first is not None and (first - period.start).days <= period.days / 10


def ticket_times(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame:
    """First responses or solutions of the period, in all and by channel, priority, hour of opening and tier of the customer.

    Returns:
        dimension (all, channel, priority, hour, tier), group, tickets, late, share with low and high (Wilson), and p50 and p90
        in service hours with the interval of the order statistics (normal approximation of the binomial rank); hours know only
        tickets with the event.
    """
    judged, values = judged_tickets(tables, settings, event)
    # whole seconds in lists, to be sorted outside the database: a quarter of the time of a sort in it
    rows = tables.sql(
        f"""
        with {judged}, banded as (
            select channel, priority, tier, cast(round(hours * 3600) as integer) as seconds, late,
                   case when opened_hour < 8 then '00:00–08:00' when opened_hour < 12 then '08:00–12:00'
                        when opened_hour < 18 then '12:00–18:00' else '18:00–24:00' end as band
            from judged
        ), grouped as (
            select case grouping(channel, priority, band, tier) when 15 then 'all' when 7 then 'channel' when 11 then 'priority'
                        when 13 then 'hour' else 'tier' end as dimension,
                   coalesce(channel, priority, band, tier, '') as "group", count(late) as tickets,
                   cast(sum(case when late then 1 else 0 end) as bigint) as late,
                   coalesce(list(seconds) filter (where seconds is not null), []) as seconds
            from banded group by grouping sets ((), (channel), (priority), (band), (tier))
        )
        select * from grouped where tickets > 0 and (dimension = 'all' or "group" <> '') order by dimension, "group"
        """,
        **values,
    )
    times = [_times(np.sort(seconds) / 3600, settings.analysis.confidence) for seconds in rows.pop("seconds")]
    rows = rows.join(pd.DataFrame(times, index=rows.index, columns=TIMES, dtype="float64"))
    intervals = [
        proportion_interval(late, n, settings.analysis.confidence)
        for late, n in zip(rows["late"], rows["tickets"], strict=True)
    ]
    rows.insert(4, "share", rows["late"] / rows["tickets"])
    rows.insert(5, "low", [low for low, _ in intervals])
    rows.insert(6, "high", [high for _, high in intervals])
    return rows


TIMES = ("p50", "p50_low", "p50_high", "p90", "p90_low", "p90_high")


def _times(hours: npt.NDArray[np.float64], confidence: float) -> dict[str, float]:
    """Median and 90th percentile of sorted *hours* with their order statistics; an end is left out for few cases."""
    found: dict[str, float] = {}
    n, z = len(hours), NormalDist().inv_cdf((1 + confidence) / 2)
    for name, p, variance in (("p50", 0.5, 0.25), ("p90", 0.9, 0.09)) if n else ():
        place, half = math.floor((n - 1) * p), z * math.sqrt(n * variance)
        at, after = float(hours[place]), float(hours[min(place + 1, n - 1)])
        found[name] = at + ((n - 1) * p - place) * (after - at)
        if (low := n * p - half) >= 1:
            found[f"{name}_low"] = float(hours[math.floor(low) - 1])
        if (high := math.ceil(n * p + half) + 1) <= n:
            found[f"{name}_high"] = float(hours[high - 1])
    return found


def spellings(tables: Tables, column: str, words: Iterable[str]) -> list[str]:
    """The values of a column (``tickets.topic``), as they are written there, that are one of *words* in any case.

    To compare with these few takes a third of the time of bringing every row to one spelling.
    """
    wanted = {word.strip().lower() for word in words}
    table, _, name = column.partition(".")
    found = tables.sql(f'select distinct "{name}" as word from "{table}" where "{name}" is not null order by word')["word"]
    return [word for word in map(str, found) if word.strip().lower() in wanted]


def channel_name(channel: str) -> Text:
    """What readers call a channel; the client's own word where the house has none."""
    names = {
        ("phone", "电话"): text("diagnosis.channel.phone", "phone"),
        ("email", "邮件", "邮箱"): text("diagnosis.channel.email", "e-mail"),
        ("wechat", "微信"): text("diagnosis.channel.wechat", "WeChat"),
        ("web", "网站", "官网"): text("diagnosis.channel.web", "web"),
        ("app",): text("diagnosis.channel.app", "app"),
        ("store", "门店"): text("diagnosis.channel.store", "store"),
        ("chat", "在线客服"): text("diagnosis.channel.chat", "live chat"),
        ("sms", "短信"): text("diagnosis.channel.sms", "text message"),
        ("visit", "拜访"): text("diagnosis.channel.visit", "visit"),
        ("online", "线上"): text("diagnosis.channel.online", "online"),
    }
    word = channel.strip().lower()
    return next((name for words, name in names.items() if word in words), named(channel))
