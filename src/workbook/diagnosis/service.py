"""X5, service optimisation: are complaints closed with a call, solved once, and solved in time?"""

from __future__ import annotations

import pandas as pd

from workbook.diagnosis.finding import Context, Measured, Module, Words, not_delivered, share_finding
from workbook.diagnosis.tickets import lateness
from workbook.language import count, number, text
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "service"


def service_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """Complaints called back in time, repeated tickets, reopened tickets and late solutions.

    Source: method.md X5.
    """
    context = Context.of(profile, settings.analysis.confidence)
    return [
        _callback(tables, settings, context),
        _repeat(tables, settings, context),
        _reopened(tables, settings, context),
        _late_resolution(tables, settings, context),
    ]


def _callback(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, hours = "service.callback", settings.service.callback_hours
    words = Words(
        text("diagnosis.callback.measure", "Solved complaints called back within {hours} hours", hours=number(hours)),
        text("diagnosis.callback.problem", "Complaints closed without a call-back"),
        text("diagnosis.callback.cause", "A complaint counts as closed when it is solved, not when the customer agrees."),
    )
    if missing := tables.lacks("tickets.topic", "tickets.resolved_at", "tickets.called_back_at"):
        return not_delivered(check, words.measure, missing)
    # a complaint solved so late in the period that its call-back is not yet due is left out
    rows = tables.sql(
        """
        with complaints as (
            select customer_id, date_diff('second', resolved_at, called_back_at) / 3600.0 as hours
            from tickets
            where list_contains($topics, lower(trim(topic))) and resolved_at >= cast($start as timestamp)
              and date_diff('second', resolved_at, cast($end as timestamp) + interval 1 day) / 3600.0 >= $hours
        )
        select customer_id, count(*) as complaints,
               sum(case when hours is not null and hours <= $hours then 1 else 0 end) as called
        from complaints group by customer_id order by customer_id
        """,
        topics=[topic.strip().lower() for topic in settings.service.complaint_topics], hours=float(hours),
    )  # fmt: skip
    return share_finding(
        check, MODULE, words, hits=int(rows["called"].sum()), n=int(rows["complaints"].sum()),
        threshold=settings.diagnosis.callback_share, direction="below",
        touched=rows.loc[rows["called"] < rows["complaints"], "customer_id"], context=context,
    )  # fmt: skip


def _repeat(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, days = "service.repeat", settings.diagnosis.repeat_days
    words = Words(
        text("diagnosis.repeat.measure", "Customers back on one topic within {days} days, of those with a ticket",
             days=count(days)),
        text("diagnosis.repeat.problem", "Customers come back with the same problem"),
        text("diagnosis.repeat.cause", "Tickets are closed on the symptom; the cause stays."),
    )  # fmt: skip
    if missing := tables.lacks("tickets.topic", "tickets.customer_id"):
        return not_delivered(check, words.measure, missing)
    rows = tables.sql(
        """
        with followed as (
            select customer_id, opened_at,
                   lag(opened_at) over (partition by customer_id, lower(trim(topic)) order by opened_at, ticket_id) as before
            from tickets where customer_id is not null and topic is not null
        )
        select customer_id,
               max(case when cast(opened_at as date) - cast(before as date) <= $days then 1 else 0 end) as again
        from followed
        where opened_at >= cast($start as timestamp) and opened_at < cast($end as timestamp) + interval 1 day
        group by customer_id order by customer_id
        """,
        days=days,
    )
    again = rows["again"] > 0
    return share_finding(
        check, MODULE, words, hits=int(again.sum()), n=len(rows), threshold=settings.diagnosis.repeat_share,
        direction="above", touched=rows.loc[again, "customer_id"], context=context,
    )  # fmt: skip


def _reopened(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "service.reopened"
    words = Words(
        text("diagnosis.reopened.measure", "Solved tickets opened again"),
        text("diagnosis.reopened.problem", "Solutions do not hold: tickets opened again"),
        text("diagnosis.reopened.cause", "Solutions are not checked with the customer before a ticket is closed."),
    )
    if missing := tables.lacks("tickets.reopened", "tickets.resolved_at"):
        return not_delivered(check, words.measure, missing)
    rows = tables.sql(
        """
        select customer_id, count(*) as solved, sum(case when reopened > 0 then 1 else 0 end) as reopened
        from tickets
        where resolved_at >= cast($start as timestamp) and resolved_at < cast($end as timestamp) + interval 1 day
          and reopened is not null
        group by customer_id order by customer_id
        """
    )
    return share_finding(
        check, MODULE, words, hits=int(rows["reopened"].sum()), n=int(rows["solved"].sum()),
        threshold=settings.diagnosis.reopened_share, direction="above",
        touched=rows.loc[rows["reopened"] > 0, "customer_id"], context=context,
    )  # fmt: skip


def _late_resolution(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "service.late_resolution"
    words = Words(
        text("diagnosis.late_resolution.measure", "Solutions later than the limit of their priority"),
        text("diagnosis.late_resolution.problem", "Solutions too late"),
        text("diagnosis.late_resolution.cause", "Steps between teams have no limits of their own."),
    )
    if missing := tables.lacks("tickets.resolved_at"):
        return not_delivered(check, words.measure, missing)
    rows = lateness(tables, settings, "resolved_at")
    return share_finding(
        check, MODULE, words, hits=int(rows["late"].sum()), n=int(rows["tickets"].sum()),
        threshold=settings.diagnosis.late_resolution_share, direction="above",
        touched=rows.loc[rows["late"] > 0, "customer_id"], context=context,
    )  # fmt: skip
