"""Times of service tickets held against the limit of their priority; interaction and service checks stand on them."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from workbook.diagnosis.finding import proportion_interval
from workbook.language import Text, named, text
from workbook.service_hours import Event, judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables


def lateness(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame:
    """Tickets opened in the period by customer and channel: ``tickets`` judged and ``late`` among them."""
    judged, values = judged_tickets(tables, settings, event)
    return tables.sql(
        f"with {judged}"
        """
        select customer_id, channel, count(*) as tickets, sum(case when late then 1 else 0 end) as late
        from judged where late is not null group by customer_id, channel order by customer_id, channel
        """,
        **values,
    )


def ticket_times(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame:
    """First responses or solutions of the period, in all and by channel, priority, hour of opening and tier of the customer.

    Returns:
        dimension (all, channel, priority, hour, tier), group, tickets, late, share with low and high (Wilson), and p50 and p90
        in service hours with the interval of the order statistics (normal approximation of the binomial rank); hours know only
        tickets with the event.
    """
    judged, values = judged_tickets(tables, settings, event)
    rows = tables.sql(
        f"with {judged}"
        """
        , grouped as (
            select 'all' as dimension, '' as "group", hours, late from judged
            union all
            select 'channel' as dimension, channel as "group", hours, late from judged where channel <> ''
            union all
            select 'priority' as dimension, priority as "group", hours, late from judged where priority <> ''
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
        **values,
    )
    intervals = [
        proportion_interval(late, n, settings.analysis.confidence)
        for late, n in zip(rows["late"], rows["tickets"], strict=True)
    ]
    rows.insert(4, "share", rows["late"] / rows["tickets"])
    rows.insert(5, "low", [low for low, _ in intervals])
    rows.insert(6, "high", [high for _, high in intervals])
    return rows


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
