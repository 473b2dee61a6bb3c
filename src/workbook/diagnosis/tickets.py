"""Times of service tickets held against the limit of their priority; interaction and service checks stand on them."""

from __future__ import annotations

from statistics import NormalDist

import pandas as pd

from workbook.diagnosis.finding import proportion_interval
from workbook.language import Text, named, text
from workbook.service_hours import Event, judged_tickets
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
        from judged where late is not null group by 1, channel order by 1, channel
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
    z = NormalDist().inv_cdf((1 + settings.analysis.confidence) / 2)
    # one sorted list a group holds its quantiles and their order statistics: a fifth of what ranking every row takes
    rows = tables.sql(
        f"with {judged}"
        """
        , banded as (
            select channel, priority, tier, hours, late,
                   case when opened_hour < 8 then '00:00–08:00' when opened_hour < 12 then '08:00–12:00'
                        when opened_hour < 18 then '12:00–18:00' else '18:00–24:00' end as band
            from judged
        ), grouped as (
            select case grouping(channel, priority, band, tier) when 15 then 'all' when 7 then 'channel' when 11 then 'priority'
                        when 13 then 'hour' else 'tier' end as dimension,
                   coalesce(channel, priority, band, tier, '') as "group", count(late) as tickets,
                   cast(sum(case when late then 1 else 0 end) as bigint) as late,
                   list_sort(list(hours) filter (where hours is not null)) as sorted
            from banded group by grouping sets ((), (channel), (priority), (band), (tier))
        ), sized as (
            select *, len(sorted) as n from grouped where tickets > 0 and (dimension = 'all' or "group" <> '')
        )
        select dimension, "group", tickets, late,
               sorted[cast(floor((n - 1) * 0.5) + 1 as bigint)] + ((n - 1) * 0.5 - floor((n - 1) * 0.5))
                   * (sorted[least(cast(floor((n - 1) * 0.5) + 2 as bigint), n)]
                      - sorted[cast(floor((n - 1) * 0.5) + 1 as bigint)]) as p50,
               case when n * 0.5 - $z * sqrt(n * 0.25) >= 1
                    then sorted[cast(floor(n * 0.5 - $z * sqrt(n * 0.25)) as bigint)] end as p50_low,
               case when ceil(n * 0.5 + $z * sqrt(n * 0.25)) + 1 <= n
                    then sorted[cast(ceil(n * 0.5 + $z * sqrt(n * 0.25)) + 1 as bigint)] end as p50_high,
               sorted[cast(floor((n - 1) * 0.9) + 1 as bigint)] + ((n - 1) * 0.9 - floor((n - 1) * 0.9))
                   * (sorted[least(cast(floor((n - 1) * 0.9) + 2 as bigint), n)]
                      - sorted[cast(floor((n - 1) * 0.9) + 1 as bigint)]) as p90,
               case when n * 0.9 - $z * sqrt(n * 0.09) >= 1
                    then sorted[cast(floor(n * 0.9 - $z * sqrt(n * 0.09)) as bigint)] end as p90_low,
               case when ceil(n * 0.9 + $z * sqrt(n * 0.09)) + 1 <= n
                    then sorted[cast(ceil(n * 0.9 + $z * sqrt(n * 0.09)) + 1 as bigint)] end as p90_high
        from sized order by dimension, "group"
        """,
        z=z,
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
