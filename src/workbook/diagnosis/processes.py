"""How tickets run: the states they pass through with their times, and the loop of a complaint (X5)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.diagnosis.finding import proportion_interval
from workbook.diagnosis.tickets import spellings
from workbook.settings.models import Settings
from workbook.tables import Tables

STEPS = ("accepted", "analysed", "solved", "called_back")
"""The loop of a complaint (受理-分析-解决-回访)."""

FROM_TIMES = ("opened", "first_response", "solved", "called_back")
"""States of a ticket whose times stand in the ticket itself, where no log of events was delivered."""


@dataclass(frozen=True)
class ProcessMap:
    """What follows on what.

    Attributes:
        moves: before, after, passes, tickets, median and p90 (hours from the one to the next), total (hours of all passes).
        states: state, tickets, visits, last (tickets whose last state it is), in the order of the process: that in which most
            passes lead onward.
        tickets: tickets with an event.
        logged: whether the states come from ticket_events; else from the times of the tickets.
    """

    moves: pd.DataFrame
    states: pd.DataFrame
    tickets: int
    logged: bool


# events of one moment stand in the order in which their states usually come
_LOGGED = """
    with logged as (
        select e.ticket_id, trim(e.activity) as state, e.happened_at,
               percent_rank() over (partition by e.ticket_id order by e.happened_at) as place
        from ticket_events e join mine m on m.ticket_id = e.ticket_id where trim(e.activity) <> ''
    ), usual as (
        select state, avg(place) as step from logged group by state
    )
    select l.ticket_id, l.state, l.happened_at, u.step from logged l join usual u on u.state = l.state
"""

_FROM_TIMES = """
    select ticket_id, 'opened' as state, opened_at as happened_at, 0 as step from mine
    union all
    select ticket_id, 'first_response' as state, first_response_at as happened_at, 1 as step from mine
    where first_response_at >= opened_at
    union all
    select ticket_id, 'solved' as state, resolved_at as happened_at, 2 as step from mine where resolved_at >= opened_at
    union all
    select ticket_id, 'called_back' as state, called_back_at as happened_at, 3 as step from mine
    where called_back_at >= resolved_at
"""


@contextmanager
def _stays(tables: Tables, *, logged: bool) -> Iterator[None]:
    """A short-lived table ``stays``: one row a stay of a ticket in a state, in order; a repeated entry of one state is no move.

    Columns: ticket_id, state, began, place (from 0), next and next_began (null at the end).
    """
    tables.connection.execute(
        f"""
        create or replace temp table stays as
        with mine as (
            select * from tickets
            where opened_at >= cast($start as timestamp) and opened_at < cast($end as timestamp) + interval 1 day
        ), events as (
            {_LOGGED if logged else _FROM_TIMES}
        ), changes as (
            select *, lag(state) over (partition by ticket_id order by happened_at, step, state) as before from events
        ), entered as (
            select ticket_id, state, happened_at, step from changes where before is null or before <> state
        )
        select ticket_id, state, happened_at as began,
               row_number() over ticket - 1 as place, lead(state) over ticket as next,
               lead(happened_at) over ticket as next_began
        from entered window ticket as (partition by ticket_id order by happened_at, step, state)
        """,
        {"start": tables.period.start, "end": tables.period.end},
    )
    try:
        yield
    finally:
        tables.connection.execute("drop table stays")


def process_map(tables: Tables) -> ProcessMap | None:
    """Direct-follows counts and times of the tickets opened in the period; None where none has an event.

    Source: method.md X5; directly-follows graph, van der Aalst 2016, ch. 5.
    """
    logged = tables.has("ticket_events")
    with _stays(tables, logged=logged):
        moves = tables.sql(
            """
            with timed as (
                select state, next, ticket_id, date_diff('second', began, next_began) / 3600.0 as hours
                from stays where next is not null
            )
            select state as before, next as after, count(*) as passes, count(distinct ticket_id) as tickets,
                   percentile_cont(0.5) within group (order by hours) as median,
                   percentile_cont(0.9) within group (order by hours) as p90, sum(hours) as total
            from timed group by state, next order by count(*) desc, state, next
            """
        )
        states = tables.sql(
            """
            select state, count(distinct ticket_id) as tickets, count(*) as visits,
                   cast(sum(case when next is null then 1 else 0 end) as bigint) as last
            from stays group by state order by avg(place), state
            """
        )
        tickets = int(tables.sql("select count(distinct ticket_id) as n from stays")["n"].iloc[0])
    return ProcessMap(moves, _in_order(states, moves), tickets, logged) if tickets else None


MOST_ORDERED = 7
"""States whose order is searched; rarer ones follow in the order of their mean position."""


def _in_order(states: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """The states in the order in which the most passes lead onward (every order of the commonest ones is tried)."""
    common = states.sort_values(["tickets", "state"], ascending=[False, True]).head(MOST_ORDERED)
    names = [str(name) for name in states["state"] if name in set(common["state"])]
    passes = moves.pivot_table(index="before", columns="after", values="passes", aggfunc="sum")
    table = passes.reindex(index=names, columns=names).fillna(0).to_numpy(float)
    orders = np.array(list(itertools.permutations(range(len(names)))))
    onward = np.zeros(len(orders))
    for i, j in itertools.combinations(range(len(names)), 2):
        onward += table[orders[:, i], orders[:, j]]
    best = [names[k] for k in orders[int(onward.argmax())]]
    rest = [str(name) for name in states["state"] if name not in best]
    return states.set_index("state").loc[[*best, *rest]].reset_index()


def complaint_loop(tables: Tables, settings: Settings) -> pd.DataFrame:
    """How far the complaints opened in the period have come round the loop.

    A complaint is analysed with the first event whose activity is one of service.analysed_activities, or, where no such event
    was logged for any complaint, with the first response. A step that came before its predecessor counts as not done.

    Returns:
        step, complaints (which reached it), of (which reached the step before), share with low and high, median and p90 (hours
        since the step before), in_time (called back within service.callback_hours; null for the other steps).
    """
    topics = spellings(tables, "tickets.topic", settings.service.complaint_topics)
    row = tables.sql(
        """
        with complaints as (
            select ticket_id, opened_at, first_response_at, resolved_at, called_back_at from tickets
            where list_contains($topics, topic) and opened_at >= cast($start as timestamp)
              and opened_at < cast($end as timestamp) + interval 1 day
        ), noted as (
            select e.ticket_id, min(e.happened_at) as analysed_at from ticket_events e
            join complaints c on c.ticket_id = e.ticket_id
            where list_contains($activities, e.activity) and e.happened_at >= c.opened_at group by e.ticket_id
        ), steps as (
            select c.opened_at, c.called_back_at,
                   case when (select count(*) from noted) > 0 then n.analysed_at
                        when c.first_response_at >= c.opened_at then c.first_response_at end as analysed_at,
                   case when c.resolved_at >= c.opened_at then c.resolved_at end as resolved_at
            from complaints c left join noted n on n.ticket_id = c.ticket_id
        ), timed as (
            select date_diff('second', opened_at, analysed_at) / 3600.0 as to_analysed,
                   date_diff('second', coalesce(analysed_at, opened_at), resolved_at) / 3600.0 as to_solved,
                   case when called_back_at >= resolved_at
                        then date_diff('second', resolved_at, called_back_at) / 3600.0 end as to_called,
                   resolved_at is not null
                     and date_diff('second', resolved_at, cast($end as timestamp) + interval 1 day) / 3600.0 >= $hours as due
            from steps
        )
        select count(*) as accepted, count(to_analysed) as analysed, count(to_solved) as solved,
               count(to_called) as called_back,
               (select count(*) from noted) as noted,
               cast(coalesce(sum(case when due then 1 else 0 end), 0) as bigint) as due,
               cast(coalesce(sum(case when due and to_called <= $hours then 1 else 0 end), 0) as bigint) as in_time,
               percentile_cont(0.5) within group (order by to_analysed) as analysed_median,
               percentile_cont(0.9) within group (order by to_analysed) as analysed_p90,
               percentile_cont(0.5) within group (order by to_solved) as solved_median,
               percentile_cont(0.9) within group (order by to_solved) as solved_p90,
               percentile_cont(0.5) within group (order by to_called) as called_back_median,
               percentile_cont(0.9) within group (order by to_called) as called_back_p90
        from timed
        """,
        topics=topics, hours=float(settings.service.callback_hours),
        activities=spellings(tables, "ticket_events.activity", settings.service.analysed_activities),
    ).iloc[0]  # fmt: skip
    level = settings.analysis.confidence
    rows = []
    for step, of in zip(STEPS, ("accepted", "accepted", "accepted", "solved"), strict=True):
        reached, base = int(row[step]), int(row[of])
        low, high = proportion_interval(reached, base, level)
        rows.append(
            {
                "step": step, "complaints": reached, "of": base, "share": reached / base if base else float("nan"), "low": low,
                "high": high, "median": row.get(f"{step}_median", float("nan")), "p90": row.get(f"{step}_p90", float("nan")),
                "due": int(row["due"]) if step == "called_back" else None,
                "in_time": int(row["in_time"]) if step == "called_back" else None, "noted": int(row["noted"]) > 0,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)
