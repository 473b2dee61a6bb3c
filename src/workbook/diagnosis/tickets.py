"""Times of service tickets held against the limit of their priority; interaction and service checks stand on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd
from scipy import stats

from workbook.diagnosis.finding import proportion_interval
from workbook.language import Text, named, text
from workbook.settings.models import Settings
from workbook.tables import Tables

Event = Literal["first_response_at", "resolved_at"]

# A ticket without the event counts as late once its limit has passed; before that it cannot be judged (late is null).
_TIMED = """
limits as (
    select unnest($priorities) as priority, unnest($limit_hours) as limit_hours
), timed as (
    select t.ticket_id, t.customer_id, coalesce(t.channel, '') as channel, coalesce(c.tier, '') as tier,
           extract(hour from t.opened_at) as opened_hour,
           coalesce(l.limit_hours, $default_hours) as limit_hours,
           date_diff('second', t.opened_at, t.{event}) / 3600.0 as hours,
           date_diff('second', t.opened_at, cast($end as timestamp) + interval 1 day) / 3600.0 as waited
    from tickets t
    left join limits l on l.priority = lower(trim(t.priority))
    left join customers c on c.customer_id = t.customer_id
    where t.opened_at >= cast($start as timestamp) and t.opened_at < cast($end as timestamp) + interval 1 day
), judged as (
    select *, case when hours is not null then hours > limit_hours when waited > limit_hours then true end as late
    from timed where hours is null or hours >= 0
)
"""


def lateness(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame:
    """Tickets opened in the period by customer and channel: ``tickets`` judged and ``late`` among them."""
    return tables.sql(
        f"with {_TIMED.format(event=event)}"
        """
        select customer_id, channel, count(*) as tickets, sum(case when late then 1 else 0 end) as late
        from judged where late is not null group by customer_id, channel order by customer_id, channel
        """,
        **_limits(settings, event),
    )


def response_times(tables: Tables, settings: Settings) -> pd.DataFrame:
    """First responses of the period, in all and by channel, hour of opening and tier of the customer.

    Returns:
        dimension (all, channel, hour, tier), group, tickets, late, share with low and high (Wilson), and p50 and p90 in hours
        with the interval of the order statistics (normal approximation of the binomial rank); hours know only answered tickets.
    """
    rows = tables.sql(
        f"with {_TIMED.format(event='first_response_at')}"
        """
        , grouped as (
            select 'all' as dimension, '' as "group", hours, late from judged
            union all
            select 'channel' as dimension, channel as "group", hours, late from judged where channel <> ''
            union all
            select 'hour' as dimension,
                   case when opened_hour < 8 then '00:00–08:00' when opened_hour < 12 then '08:00–12:00'
                        when opened_hour < 18 then '12:00–18:00' else '18:00–24:00' end as "group", hours, late from judged
            union all
            select 'tier' as dimension, tier as "group", hours, late from judged where tier <> ''
        ), counted as (
            select dimension, "group", count(late) as tickets, cast(sum(case when late then 1 else 0 end) as bigint) as late
            from grouped group by dimension, "group"
        ), ranked as (
            select dimension, "group", hours, row_number() over (partition by dimension, "group" order by hours) as place,
                   count(*) over (partition by dimension, "group") as n
            from grouped where hours is not null
        ), quantiles as (
            select dimension, "group",
                   percentile_cont(0.5) within group (order by hours) as p50,
                   percentile_cont(0.9) within group (order by hours) as p90,
                   max(case when place = floor(n * 0.5 - $z * sqrt(n * 0.25)) then hours end) as p50_low,
                   max(case when place = ceil(n * 0.5 + $z * sqrt(n * 0.25)) + 1 then hours end) as p50_high,
                   max(case when place = floor(n * 0.9 - $z * sqrt(n * 0.09)) then hours end) as p90_low,
                   max(case when place = ceil(n * 0.9 + $z * sqrt(n * 0.09)) + 1 then hours end) as p90_high
            from ranked group by dimension, "group"
        )
        select c.dimension, c."group", c.tickets, c.late, q.p50, q.p50_low, q.p50_high, q.p90, q.p90_low, q.p90_high
        from counted c
        left join quantiles q on q.dimension = c.dimension and q."group" = c."group"
        where c.tickets > 0
        order by c.dimension, c."group"
        """,
        z=float(stats.norm.ppf((1 + settings.analysis.confidence) / 2)),
        **_limits(settings, "first_response_at"),
    )
    intervals = [
        proportion_interval(late, n, settings.analysis.confidence)
        for late, n in zip(rows["late"], rows["tickets"], strict=True)
    ]
    rows.insert(4, "share", rows["late"] / rows["tickets"])
    rows.insert(5, "low", [low for low, _ in intervals])
    rows.insert(6, "high", [high for _, high in intervals])
    return rows


def _limits(settings: Settings, event: Event) -> dict[str, object]:
    service = settings.service
    hours: Mapping[str, float] = (
        service.first_response_hours if event == "first_response_at" else service.resolution_hours
    )  # fmt: skip
    named_limits = {priority.strip().lower(): float(limit) for priority, limit in sorted(hours.items())}
    default = named_limits.get("default", max(named_limits.values()))
    return {
        "priorities": list(named_limits), "limit_hours": list(named_limits.values()), "default_hours": default,
    }  # fmt: skip


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
