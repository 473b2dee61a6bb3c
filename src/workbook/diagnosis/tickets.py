"""Times of service tickets held against the limit of their priority; interaction and service checks stand on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbook.diagnosis.finding import Cases, proportion_interval
from workbook.language import Text, count, joined, named, number, share, text
from workbook.period import Period
from workbook.report.cells import mask_contacts
from workbook.service_hours import DAY_HOURS, Event, judged_tickets, limit_parts
from workbook.settings.models import Settings
from workbook.tables import Tables

LONGEST_WORD = 20
"""Characters of one of the client's own words that are shown."""


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


MOST_NAMED = 4
"""Priorities without a limit that a cause names."""


def unagreed(tables: Tables, settings: Settings, event: Event) -> Text | None:
    """What to do first where the limits speak of priorities, and of none that most tickets have; None elsewhere."""
    service = settings.service
    limits = service.first_response_hours if event == "first_response_at" else service.resolution_hours
    spoken_of = {limit_parts(one)[1] for one in limits} - {"default"}
    if not spoken_of or not tables.has("tickets.priority"):
        return None
    rows = tables.sql(
        """
        select lower(trim(priority)) as priority, count(*) as n from tickets
        where priority is not null and opened_at >= cast($start as timestamp)
          and opened_at < cast($end as timestamp) + interval 1 day
        group by 1 order by n desc, priority
        """
    )
    odd = rows[~rows["priority"].isin(spoken_of)]
    if odd.empty or odd["n"].sum() <= rows["n"].sum() / 2:
        return None
    return text(
        "diagnosis.unagreed",
        "Agree limits first: none speaks of the priorities {words}, so that {part} of tickets are held against the general "
        "{hours} hours.",
        words=joined([named(str(word)) for word in odd["priority"].head(MOST_NAMED)]),
        part=share(float(odd["n"].sum() / rows["n"].sum())), hours=number(limits.get("default", max(limits.values()))),
    )  # fmt: skip


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
        tickets with the event. Intervals of groups allow for all groups (Bonferroni), that of all tickets stands alone.
    """
    judged, values = judged_tickets(tables, settings, event)
    # whole seconds in a list for each kind of ticket, brought together by group outside: a third of the time of groups within
    cells = tables.sql(
        f"""
        with {judged}
        select channel, priority, tier,
               case when opened_hour < 8 then '00:00–08:00' when opened_hour < 12 then '08:00–12:00'
                    when opened_hour < 18 then '12:00–18:00' else '18:00–24:00' end as hour,
               count(late) as tickets, cast(sum(case when late then 1 else 0 end) as bigint) as late,
               coalesce(list(cast(round(hours * 3600) as integer)) filter (where hours is not null), []) as seconds
        from judged group by all order by all
        """,
        **values,
    )
    rows = pd.DataFrame(
        [
            {"dimension": dimension, "group": group, "tickets": int(part["tickets"].sum()), "late": int(part["late"].sum()),
             "seconds": list(part["seconds"])}
            for dimension in ("all", *COMPARED, "hour")
            for group, part in ([("", cells)] if dimension == "all" else cells.groupby(dimension, sort=True))
            if dimension == "all" or group
        ],
        columns=["dimension", "group", "tickets", "late", "seconds"],
    )  # fmt: skip
    rows = rows[rows["tickets"] > 0].sort_values(["dimension", "group"], ignore_index=True)
    level = settings.analysis.confidence
    shown = rows["dimension"].isin(COMPARED) & (rows["tickets"] >= settings.analysis.small_cell)
    levels = np.where(rows["dimension"] == "all", level, 1 - (1 - level) / max(int(shown.sum()), 1)).tolist()
    times = [_times(np.concatenate(parts), of) for parts, of in zip(rows.pop("seconds"), levels, strict=True)]
    rows = rows.join(pd.DataFrame(times, index=rows.index, columns=TIMES, dtype="float64"))
    intervals = [proportion_interval(late, n, of) for late, n, of in zip(rows["late"], rows["tickets"], levels, strict=True)]
    rows.insert(4, "share", rows["late"] / rows["tickets"])
    rows.insert(5, "low", [low for low, _ in intervals])
    rows.insert(6, "high", [high for _, high in intervals])
    return rows


COMPARED = ("channel", "priority", "tier")
"""What the groups of one table of times are made by; the hours stand in a heat map of their own."""

TIMES = ("p50", "p50_low", "p50_high", "p90", "p90_low", "p90_high")


def _times(seconds: npt.NDArray[np.int32], confidence: float) -> dict[str, float]:
    """Median and 90th percentile of *seconds* in hours with their order statistics; an end is left out for few cases."""
    n, z = len(seconds), NormalDist().inv_cdf((1 + confidence) / 2)
    found: dict[str, float] = {}
    wanted: dict[str, int] = {}
    for name, p, variance in (("p50", 0.5, 0.25), ("p90", 0.9, 0.09)) if n else ():
        place, half = math.floor((n - 1) * p), z * math.sqrt(n * variance)
        wanted |= {f"{name}_at": place, f"{name}_after": min(place + 1, n - 1)}
        if (low := n * p - half) >= 1:
            wanted[f"{name}_low"] = math.floor(low) - 1
        if (high := math.ceil(n * p + half) + 1) <= n:
            wanted[f"{name}_high"] = high - 1
    ordered = np.partition(seconds, sorted(set(wanted.values()))) if wanted else seconds
    value = {name: float(ordered[place]) / 3600 for name, place in wanted.items()}
    for name, p in (("p50", 0.5), ("p90", 0.9)) if n else ():
        at, after = value.pop(f"{name}_at"), value.pop(f"{name}_after")
        found[name] = at + ((n - 1) * p - math.floor((n - 1) * p)) * (after - at)
    return found | value


def spellings(tables: Tables, column: str, words: Iterable[str]) -> list[str]:
    """The values of a column (``tickets.topic``), as they are written there, that are one of *words* in any case.

    To compare with these few takes a third of the time of bringing every row to one spelling.
    """
    wanted = {word.strip().lower() for word in words}
    table, _, name = column.partition(".")
    found = tables.sql(f'select distinct "{name}" as word from "{table}" where "{name}" is not null order by word')["word"]
    return [word for word in map(str, found) if word.strip().lower() in wanted]


def frequent_words(tables: Tables, column: str, least: int) -> Text:
    """The most frequent values of a column (``tickets.topic``) as a reader may see them: short, masked, and only those that
    *least* records hold; who writes whole sentences where a word was meant may write of a person."""
    table, _, name = column.partition(".")
    found = tables.sql(
        f"""
        select lower(trim("{name}")) as word from "{table}" where trim("{name}") <> ''
        group by 1 having count(*) >= $least order by count(*) desc, word limit 5
        """,
        least=least,
    )["word"]
    if found.empty:
        return text("diagnosis.words.rare", "words that stand a few times each only")
    return in_short(map(str, found))


def in_short(words: Iterable[str]) -> Text:
    """The first words of a list as a reader may see them; of more than eight the rest is left out."""
    shown = list(itertools.islice(words, 9))
    names = [named(_cut(mask_contacts(word))) for word in shown[:8]]
    return joined([*names, named("…")] if len(shown) > 8 else names)


def no_complaint_topic(tables: Tables, settings: Settings) -> Text | None:
    """Why no complaint is known though tickets have topics: none is one of service.complaint_topics; None where one is."""
    topics = settings.service.complaint_topics
    if spellings(tables, "tickets.topic", topics):
        return None
    if not int(tables.sql("select count(*) as n from tickets where trim(topic) <> ''")["n"].iloc[0]):
        return None
    return text(
        "diagnosis.callback.no_topic",
        "No ticket has a topic of service.complaint_topics ({expected}). The most frequent topics are: {found}. Name those "
        "that are complaints there.",
        expected=in_short(topics), found=frequent_words(tables, "tickets.topic", settings.analysis.small_cell),
    )  # fmt: skip


def _cut(word: str) -> str:
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"


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
