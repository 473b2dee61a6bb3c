"""X5, service optimisation: are complaints closed with a call, solved once, and solved in time?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from workbook.diagnosis.finding import (
    Cases,
    Context,
    Finding,
    Measured,
    Module,
    Words,
    difference_interval,
    not_delivered,
    share_finding,
)  # fmt: skip
from workbook.diagnosis.reversal import gap_within
from workbook.diagnosis.tickets import (
    days_only,
    late_cases,
    lateness,
    no_complaint_topic,
    opened_in_period,
    spellings,
    unagreed,
)
from workbook.language import count, number, share, text
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "service"


def service_checks(
    tables: Tables, profile: pd.DataFrame, settings: Settings, only: Collection[str] | None = None
) -> list[Measured]:
    """Call-backs, repeated and reopened tickets, late solutions, the client's own service levels, solutions that hold.

    Args:
        only: the checks that are wanted; all of them by default.

    Source: method.md X5.
    """
    context = Context.of(profile, settings.analysis.confidence)
    followed = cache(lambda: _followed(tables, settings))
    checks: dict[tuple[str, ...], Callable[[], list[Measured]]] = {
        ("service.callback",): lambda: [_callback(tables, settings, context)],
        ("service.repeat",): lambda: [_repeat(tables, followed(), settings, context)],
        ("service.reopened",): lambda: [_reopened(tables, settings, context)],
        ("service.late_resolution",): lambda: [_late_resolution(tables, settings, context)],
        ("service.missed_level",): lambda: [_missed_level(tables, settings, context)],
        ("service.first_contact", "service.template"): lambda: _held(tables, followed(), settings, context),
    }
    return [found for ids, check in checks.items() if only is None or set(ids) & set(only) for found in check()]


def _followed(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Tickets with a customer and a topic, and when the customer came before and came again with it.

    They begin diagnosis.repeat_days before the period: who came earlier than that does not count as come again. Tickets of one
    customer, topic and moment are twins, one ticket delivered under two numbers: the last solved stands for them. Where only
    the day is known (midnight) each counts.

    Returns:
        customer_id, subject (the topic in one spelling), opened_at, place (among those of one customer, topic and moment, from
        1), resolved_at, reopened (times), template (an answer from a template was logged), before and again (when the ticket
        before and after it was opened), by customer, topic and opening.
    """
    days = settings.diagnosis.repeat_days
    templates = spellings(tables, "ticket_events.activity", settings.service.template_activities)
    by_template = "a.ticket_id is not null" if templates else "false"
    joined = (
        """left join (select distinct ticket_id from ticket_events where list_contains($templates, activity)) as a
        on a.ticket_id = t.ticket_id"""
        if templates
        else ""
    )
    # customers and topics as numbers, sorted in the database and held against their neighbours outside: half the time of a
    # window over the same rows
    tables.connection.execute(
        """
        create or replace temp table numbered as
        select customer_id, cast(row_number() over () as integer) as number
        from (select distinct customer_id from tickets where customer_id is not null)
        """
    )
    rows = tables.sql(
        f"""
        with topics as (
            select topic, dense_rank() over (order by lower(trim(topic))) as subject
            from (select distinct topic from tickets where topic is not null)
        )
        select n.number, cast(s.subject as integer) as subject, t.opened_at, t.resolved_at,
               coalesce(t.reopened, 0) as reopened, {by_template} as template
        from tickets t join numbered n on n.customer_id = t.customer_id join topics s on s.topic = t.topic {joined}
        where t.opened_at >= cast($start as timestamp) - to_days($days)
        order by number, subject, opened_at, resolved_at nulls first, reopened, template
        """,
        days=days + 1, templates=templates,
    )  # fmt: skip
    customers = tables.sql("select customer_id from numbered order by number")
    subjects = tables.sql("select distinct lower(trim(topic)) as subject from tickets where topic is not null order by subject")
    tables.connection.execute("drop table numbered")
    if rows.empty:
        return rows.assign(customer_id=pd.Categorical([]), place=0, before=rows["opened_at"], again=rows["opened_at"])
    moved = rows[["number", "subject"]].diff().ne(0).any(axis=1)
    at_once = ~moved & rows["opened_at"].diff().eq(pd.Timedelta(0))
    order = np.arange(len(rows))
    rows["place"] = order - np.maximum.accumulate(np.where(at_once, 0, order)) + 1
    twin = at_once & rows["opened_at"].dt.normalize().ne(rows["opened_at"])
    first = np.flatnonzero(~twin)
    last = np.append(first[1:], len(rows)) - 1
    once = rows.iloc[last].reset_index(drop=True)
    once["reopened"] = np.maximum.reduceat(rows["reopened"].to_numpy(), first)
    once["template"] = np.logical_or.reduceat(rows["template"].to_numpy(), first)
    begins = moved.to_numpy()[first]
    once["before"] = once["opened_at"].shift().mask(begins)
    once["again"] = once["opened_at"].shift(-1).mask(np.append(begins[1:], True))
    once["subject"] = pd.Categorical.from_codes(once["subject"] - 1, pd.Index(subjects["subject"]), validate=False)
    once["customer_id"] = pd.Categorical.from_codes(once.pop("number") - 1, pd.Index(customers["customer_id"]), validate=False)
    return once


def _in_period(moments: pd.Series, period: Period) -> pd.Series:
    return (moments >= pd.Timestamp(period.start)) & (moments < pd.Timestamp(period.end) + pd.Timedelta(1, "D"))


def _days(earlier: pd.Series, later: pd.Series) -> pd.Series:
    """Days from the one date to the other; missing where one of them is."""
    days: pd.Series = (later.dt.normalize() - earlier.dt.normalize()).dt.days
    return days


def _count(tables: Tables, condition: str, **values: object) -> int:
    """Number of tickets that meet a condition."""
    return int(tables.sql(f"select count(*) as n from tickets where {condition}", **values)["n"].iloc[0])


_OPENED = "opened_at >= cast($start as timestamp) and opened_at < cast($end as timestamp) + interval 1 day"

_TICKETS = "select ticket_id as record_id, customer_id, opened_at as happened_at"

_COMPLAINTS = """complaints as (
    select ticket_id, customer_id, opened_at,
           coalesce(called_back_at >= resolved_at
                    and date_diff('second', resolved_at, called_back_at) / 3600.0 <= $hours, false) as called
    from tickets
    where list_contains($topics, topic) and resolved_at >= cast($start as timestamp)
      and date_diff('second', resolved_at, cast($end as timestamp) + interval 1 day) / 3600.0 >= $hours
)"""


def _callback(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, hours = "service.callback", settings.service.callback_hours
    words = Words(
        text("diagnosis.callback.measure", "Solved complaints called back within {hours} hours", hours=number(hours)),
        text("diagnosis.callback.problem", "Complaints closed without a call-back"),
        text("diagnosis.callback.cause", "A complaint counts as closed when it is solved, not when the customer agrees."),
    )
    if missing := tables.lacks("tickets.topic", "tickets.resolved_at", "tickets.called_back_at"):
        return not_delivered(check, words.measure, missing)
    # a complaint solved so late that its call-back is not yet due is left out; a call before the solution is no call-back
    if why := no_complaint_topic(tables, settings):
        return NotMeasured(f"diagnosis.{check}", words.measure, why=why)
    values = {"topics": spellings(tables, "tickets.topic", settings.service.complaint_topics), "hours": float(hours)}
    rows = tables.sql(
        f"""
        with {_COMPLAINTS}
        select case when called then null else customer_id end as customer_id, count(*) as complaints,
               sum(case when called then 1 else 0 end) as called
        from complaints group by 1 order by 1
        """,
        **values,
    )
    waiting = _count(
        tables, "list_contains($topics, topic) and resolved_at < cast($end as timestamp) + interval 1 day "
        "and date_diff('second', resolved_at, cast($end as timestamp) + interval 1 day) / 3600.0 < $hours", **values,
    )  # fmt: skip
    return share_finding(
        check, MODULE, words, hits=int(rows["called"].sum()), n=int(rows["complaints"].sum()),
        threshold=settings.diagnosis.callback_share, direction="below",
        touched=rows["customer_id"], context=context, unjudged=waiting,
        cases=Cases("tickets", f"with {_COMPLAINTS} {_TICKETS} from complaints where not called", values),
    )  # fmt: skip


def _repeat(tables: Tables, asked: pd.DataFrame, settings: Settings, context: Context) -> Measured:
    check, days = "service.repeat", settings.diagnosis.repeat_days
    words = Words(
        text("diagnosis.repeat.measure", "Customers back on one topic within {days} days, of those with a ticket",
             days=count(days)),
        text("diagnosis.repeat.problem", "Customers come back with the same problem"),
        text("diagnosis.repeat.cause", "Tickets are closed on the symptom; the cause stays."),
    )  # fmt: skip
    if missing := tables.lacks("tickets.topic", "tickets.customer_id"):
        return not_delivered(check, words.measure, missing)
    rows = asked[_in_period(asked["opened_at"], tables.period)]
    back = _days(rows["before"], rows["opened_at"]) <= days
    asked_by, touched = rows["customer_id"].cat.codes.nunique(), rows.loc[back, "customer_id"].unique()
    return share_finding(
        check, MODULE, words, hits=len(touched), n=asked_by, threshold=settings.diagnosis.repeat_share, direction="above",
        touched=touched, context=context, cases=_these(rows[back]), looked_at=opened_in_period(tables),
        unjudged=_count(tables, f"{_OPENED} and (customer_id is null or topic is null)"),
    )  # fmt: skip


def _these(rows: pd.DataFrame) -> Cases:
    """The tickets of some rows of :func:`_followed` as cases; their numbers are looked up only where they are asked for."""
    return Cases("tickets", _LOOKED_UP, rows=rows[["customer_id", "subject", "opened_at", "place"]])


_LOOKED_UP = """
    with asked as (
        select ticket_id, customer_id, lower(trim(topic)) as subject, opened_at,
               row_number() over (partition by customer_id, lower(trim(topic)), opened_at
                                  order by resolved_at nulls first, coalesce(reopened, 0), ticket_id) as place
        from tickets
        where customer_id is not null and topic is not null and opened_at in (select opened_at from bad_rows)
    )
    select a.ticket_id as record_id, a.customer_id, a.opened_at as happened_at
    from bad_rows b
    join asked a on a.customer_id = cast(b.customer_id as varchar) and a.subject = cast(b.subject as varchar)
                    and a.opened_at = b.opened_at and a.place = b.place
"""


def _reopened(tables: Tables, settings: Settings, context: Context) -> Measured:
    check = "service.reopened"
    words = Words(
        text("diagnosis.reopened.measure", "Solved tickets opened again"),
        text("diagnosis.reopened.problem", "Solutions do not hold: tickets opened again"),
        text("diagnosis.reopened.cause", "Solutions are not checked with the customer before a ticket is closed."),
    )
    if missing := tables.lacks("tickets.reopened", "tickets.resolved_at"):
        return not_delivered(check, words.measure, missing)
    solved = "resolved_at >= cast($start as timestamp) and resolved_at < cast($end as timestamp) + interval 1 day"
    rows = tables.sql(
        f"""
        select case when reopened > 0 then customer_id end as customer_id, count(*) as solved,
               sum(case when reopened > 0 then 1 else 0 end) as reopened
        from tickets where {solved} and reopened is not null group by 1 order by 1
        """
    )
    return share_finding(
        check, MODULE, words, hits=int(rows["reopened"].sum()), n=int(rows["solved"].sum()),
        threshold=settings.diagnosis.reopened_share, direction="above",
        touched=rows["customer_id"], context=context,
        unjudged=_count(tables, f"{solved} and reopened is null"),
        cases=Cases("tickets", f"{_TICKETS} from tickets where {solved} and reopened > 0"),
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
    if why := days_only(tables, settings, "resolved_at"):
        return NotMeasured(f"diagnosis.{check}", words.measure, why=why)
    words = replace(words, cause=unagreed(tables, settings, "resolved_at") or words.cause)
    rows = lateness(tables, settings, "resolved_at")
    return share_finding(
        check, MODULE, words, hits=int(rows["late"].sum()), n=int(rows["tickets"].sum()),
        threshold=settings.diagnosis.late_resolution_share, direction="above",
        touched=rows.loc[rows["late"] > 0, "customer_id"], context=context,
        unjudged=opened_in_period(tables) - int(rows["tickets"].sum()),
        cases=late_cases(tables, settings, "resolved_at"),
    )  # fmt: skip


def _missed_level(tables: Tables, settings: Settings, context: Context) -> Measured:
    """By the client's own word, whatever the limits of the settings are."""
    check = "service.missed_level"
    words = Words(
        text("diagnosis.missed_level.measure", "Tickets that missed their service level, by the client’s own record"),
        text("diagnosis.missed_level.problem", "Service levels missed"),
        text("diagnosis.missed_level.cause", "Promises lack the people to keep them, or nobody is warned in time."),
    )
    if missing := tables.lacks("tickets.in_time"):
        return not_delivered(check, words.measure, missing)
    rows = tables.sql(
        f"""
        select case when not in_time then customer_id end as customer_id, count(*) as tickets,
               sum(case when in_time then 0 else 1 end) as missed
        from tickets where {_OPENED} and in_time is not null group by 1 order by 1
        """
    )
    return share_finding(
        check, MODULE, words, hits=int(rows["missed"].sum()), n=int(rows["tickets"].sum()),
        threshold=settings.diagnosis.missed_level_share, direction="above",
        touched=rows["customer_id"], context=context,
        unjudged=_count(tables, f"{_OPENED} and in_time is null"),
        cases=Cases("tickets", f"{_TICKETS} from tickets where {_OPENED} and not in_time"),
    )  # fmt: skip


def _held(tables: Tables, asked: pd.DataFrame, settings: Settings, context: Context) -> list[Measured]:
    """Solutions that held: at the first contact, and by template against by hand.

    A solution holds where the ticket was not opened again and the customer brought no other ticket on the topic within
    diagnosis.repeat_days; so only tickets solved that long before the end of the period are judged.
    """
    days = settings.diagnosis.repeat_days
    first = Words(
        text("diagnosis.first_contact.measure", "Tickets solved for good at the first contact"),
        text("diagnosis.first_contact.problem", "Problems not solved at the first contact"),
        text("diagnosis.first_contact.cause", "The first to answer may not, or cannot, solve; customers have to come back."),
    )
    template = text(
        "diagnosis.template.measure", "Gap in solutions that did not hold, within topics: from a template against by hand"
    )
    missing = tables.lacks("tickets.topic", "tickets.customer_id", "tickets.resolved_at")
    events = tables.lacks("ticket_events.activity")
    if missing:
        return [
            not_delivered("service.first_contact", first.measure, missing),
            not_delivered("service.template", template, (*events, *missing)),
        ]
    opened, solved = asked["opened_at"], asked["resolved_at"]
    due = pd.Timestamp(tables.period.end) - pd.Timedelta(days - 1, "D")
    rows = asked[(opened >= pd.Timestamp(tables.period.start)) & (opened < due) & (solved >= opened)]
    rows = rows.assign(held=(rows["reopened"] == 0) & ~(_days(rows["opened_at"], rows["again"]) <= days))
    left_out = _count(
        tables, f"{_OPENED} and resolved_at is not null and (customer_id is null or topic is null or resolved_at < opened_at "
        "or date_diff('day', opened_at, cast($end as date)) < $days)", days=days,
    )  # fmt: skip
    found = share_finding(
        "service.first_contact", MODULE, first, hits=int(rows["held"].sum()), n=len(rows),
        threshold=settings.diagnosis.first_contact_share, direction="below",
        touched=rows.loc[~rows["held"], "customer_id"].unique(), context=context, cases=_these(rows[~rows["held"]]),
        unjudged=left_out,
    )  # fmt: skip
    if events:
        return [found, not_delivered("service.template", template, events)]
    return [found, _template(rows, left_out, settings, context)]


def _template(rows: pd.DataFrame, left_out: int, settings: Settings, context: Context) -> Measured:
    """Whether answers from a template fit the need: how much more often their solutions do not hold, within topics.

    Templates are written for some topics and not for others, which may be the hard ones: only tickets of topics that were
    answered both ways are held against each other.
    """
    check = "service.template"
    measure = text(
        "diagnosis.template.measure", "Gap in solutions that did not hold, within topics: from a template against by hand"
    )
    if not rows["template"].any():
        why = text("diagnosis.template.none", "No event says that a ticket was answered from a template "
                   "(service.template_activities).")  # fmt: skip
        return NotMeasured(f"diagnosis.{check}", measure, why=why)
    both = rows[rows.groupby("subject", observed=True)["template"].transform("nunique") == 2]
    if both.empty:
        why = text("diagnosis.template.apart", "No topic was answered both from a template and by hand, so like cannot be held "
                   "against like.")  # fmt: skip
        return NotMeasured(f"diagnosis.{check}", measure, why=why)
    counted = both.assign(bad=~both["held"]).groupby(["subject", "template"], observed=True)["bad"].agg(["sum", "size"])
    template, hand = (counted.xs(kind, level="template") for kind in (True, False))
    strata = pd.DataFrame({"hits": template["sum"], "n": template["size"], "other_hits": hand["sum"], "other_n": hand["size"]})
    hits, n, other_hits, other_n = (int(strata[column].sum()) for column in ("hits", "n", "other_hits", "other_n"))
    gap, low, high = gap_within(strata, context.confidence)
    if len(strata) == 1:
        low, high = difference_interval(hits, n, other_hits, other_n, context.confidence)
    words = Words(
        measure,
        text("diagnosis.template.problem", "Standard answers do not fit what customers need"),
        text("diagnosis.template.cause",
             "Templates are sent for needs that they do not answer: {bad} did not hold, against {others} by hand.",
             bad=share(hits / n, 1), others=share(other_hits / other_n, 1)),
    )  # fmt: skip
    bad = both[both["template"] & ~both["held"]]
    customers, revenue = context.touched(bad["customer_id"].unique())
    return Finding(
        check, MODULE, words, gap, "points", low, high, n, settings.diagnosis.template_gap, "above", customers, revenue,
        cases=_these(bad), unjudged=left_out + len(rows) - len(both),
    )  # fmt: skip
