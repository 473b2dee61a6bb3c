"""Where each discontent comment belongs: employee, product, store, channel, region and time (V4)."""

from __future__ import annotations

import pandas as pd

from workbook.language import Text, day, named, text
from workbook.tables import Tables
from workbook.voice.exhibits import channel_name
from workbook.voice.teams import SERVED, staff_numbers

FACTOR_NAMES = {
    "channel": text("voice.causes.channel", "Channel"),
    "employee": text("voice.causes.employee", "Employee who served"),
    "owner": text("voice.causes.owner", "Account owner"),
    "week": text("voice.causes.week", "Week"),
    "weekday": text("voice.causes.weekday", "Weekday"),
    "hours": text("voice.causes.hours", "Time of day"),
    "region": text("voice.causes.region", "Region"),
    "store": text("voice.causes.store", "Store of the last order"),
    "product": text("voice.causes.product", "Product group of the last order"),
}
DAY_NAMES = (
    text("voice.day.1", "Monday"), text("voice.day.2", "Tuesday"), text("voice.day.3", "Wednesday"),
    text("voice.day.4", "Thursday"), text("voice.day.5", "Friday"), text("voice.day.6", "Saturday"),
    text("voice.day.7", "Sunday"),
)  # fmt: skip

MOST_WEEKS = 6
"""Weeks of a period up to which time is looked at by weeks; longer periods are looked at by months."""


def place_name(factor: str, level: str) -> Text:
    """What readers call a level of a factor."""
    if factor in ("owner", "employee"):
        return text("voice.causes.staff_number", "employee no. {n}", n=level)
    if factor == "week":
        first = pd.Timestamp(level).date()
        return text("voice.causes.week_of", "week from {day}", day=day(first)) if len(level) > len("2025-10") else named(level)
    if factor == "weekday":
        return DAY_NAMES[int(level) - 1]
    return channel_name(level) if factor == "channel" else named(level)


def place_comments(bad: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """Discontent customers, each by the last discontent comment: what it speaks of, and where it belongs.

    One comment a customer, chosen without a look at its topic: whoever complains often would otherwise count for the topic at
    one place and against it at none, and the test would no longer hold its level.

    Args:
        bad: discontent comments: comment_id, source, customer_id, given_at, channel, topic.
        tables: whatever tells where a comment belongs; employees are numbered, as `staff_numbers` says.

    Returns:
        customer_id, topic and the factors as text, missing where not known. Employee: who logged most events of the ticket
        that the comment is, or is about; where no events with their actors were delivered, of the last contact before it.
    """
    last = bad.sort_values(["given_at", "source", "comment_id"], kind="stable").assign(
        who=bad["customer_id"].fillna(bad["source"] + " " + bad["comment_id"])
    )
    last = last.drop_duplicates("who", keep="last", ignore_index=True)
    tables.connection.register("discontent", last[["comment_id", "source", "customer_id", "given_at"]])
    try:
        placed = tables.sql(_PLACES).drop_duplicates(["comment_id", "source"])
        served = tables.sql(_SERVED_BY if tables.has("ticket_events.actor") else _CONTACTED_BY)
    finally:
        tables.connection.unregister("discontent")
    rows = last.merge(placed, on=["comment_id", "source"], how="left").merge(
        served.drop_duplicates(["comment_id", "source"]), on=["comment_id", "source"], how="left"
    )
    numbers = staff_numbers(tables)
    given = pd.to_datetime(rows["given_at"])
    timed = bool((given.dt.normalize() != given).any())
    six = given.dt.hour // 6 * 6
    monday = given.dt.normalize() - pd.to_timedelta(given.dt.day_of_week, unit="D")
    by_week = (tables.period.end - tables.period.start).days < 7 * MOST_WEEKS
    employee = rows["employee"].map(numbers)
    owner = rows["owner"].map(numbers)
    return pd.DataFrame(
        {
            "customer_id": rows["who"],
            "topic": rows["topic"],
            "channel": rows["channel"].replace("", None),
            # the same people twice would cost the test power and tell nothing
            "employee": None if employee.equals(owner) else employee,
            "owner": owner,
            "week": monday.dt.strftime("%Y-%m-%d") if by_week else given.dt.strftime("%Y-%m"),
            "weekday": given.dt.isocalendar().day.astype(str),
            "hours": (six.map("{:02d}:00".format) + "–" + (six + 5).map("{:02d}:59".format)) if timed else None,
            "region": rows["region"],
            "store": rows["store"],
            "product": rows["product"],
        }
    )


_PLACES = """
    with groups as (
        select order_id, category, row_number() over (
            partition by order_id order by sum(amount) desc nulls last, category) as rank
        from (select l.order_id, coalesce(l.category, p.category) as category, l.amount
              from order_lines l left join products p on p.product_id = l.product_id)
        where category is not null group by order_id, category
    ), last as (
        select d.comment_id, d.source, d.customer_id,
               coalesce(f.order_id, max_by(o.order_id, (o.ordered_at, o.order_id))) as order_id
        from discontent d
        left join feedback f on d.source <> 'ticket' and f.feedback_id = d.comment_id
        left join orders o on o.customer_id = d.customer_id and o.ordered_at <= d.given_at
        group by d.comment_id, d.source, d.customer_id, f.order_id
    ), people as (select customer_id, any_value(owner) as owner, any_value(region) as region from customers group by 1)
    select l.comment_id, l.source, o.store, g.category as product, c.owner, c.region
    from last l left join orders o on o.order_id = l.order_id
    left join groups g on g.order_id = l.order_id and g.rank = 1
    left join people c on c.customer_id = l.customer_id
    order by l.comment_id, l.source, l.order_id
    """

_SERVED_BY = f"""
    with served as ({SERVED})
    select d.comment_id, d.source, s.employee
    from discontent d left join feedback f on d.source <> 'ticket' and f.feedback_id = d.comment_id
    join served s on s.ticket_id = case when d.source = 'ticket' then d.comment_id else f.ticket_id end
    order by d.comment_id, d.source
    """

_CONTACTED_BY = """
    select d.comment_id, d.source, arg_max(i.employee, (i.happened_at, i.employee)) as employee
    from discontent d join interactions i on i.customer_id = d.customer_id and i.happened_at <= d.given_at
    where i.employee is not null group by d.comment_id, d.source order by d.comment_id, d.source
    """
