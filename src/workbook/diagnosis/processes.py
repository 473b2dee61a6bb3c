"""How tickets run: the states they pass through with their times, and the loop of a complaint (X5)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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


_MINE = """
    with mine as (
        select row_number() over () as number, * from tickets
        where opened_at >= cast($start as timestamp) and opened_at < cast($end as timestamp) + interval 1 day
    )
"""

_LOGGED = """, words as (
        select activity, trim(activity) as state from (select distinct activity from ticket_events) as used
        where trim(activity) <> ''
    ), states as (
        select state, row_number() over (order by state) - 1 as code from (select distinct state from words) as known
    ), moments as (
        select m.number, s.code, e.happened_at from ticket_events e join mine m on m.ticket_id = e.ticket_id
        join words w on w.activity = e.activity join states s on s.state = w.state
    )
"""

_FROM_TIMES = """, moments as (
        select number, 0 as code, opened_at as happened_at from mine
        union all
        select number, 1 as code, first_response_at as happened_at from mine where first_response_at >= opened_at
        union all
        select number, 2 as code, resolved_at as happened_at from mine where resolved_at >= opened_at
        union all
        select number, 3 as code, called_back_at as happened_at from mine where called_back_at >= resolved_at
    )
"""


def _moments(tables: Tables, *, logged: bool) -> tuple[list[str], pd.DataFrame]:
    """The states, and who entered which of them when: number (of the ticket), code (of the state), happened_at; in order.

    Tickets and states as numbers, sorted in the database and held against their neighbours outside it: a third of the time of
    windows over the same rows, at 20 bytes an event.
    """
    steps = _MINE + (_LOGGED if logged else _FROM_TIMES)
    rows = tables.sql(
        f"{steps} select cast(number as integer) as number, cast(code as integer) as code, happened_at from moments "
        "order by number, happened_at, code"
    )
    if not logged:
        return list(FROM_TIMES), rows
    names = tables.sql("select distinct trim(activity) as state from ticket_events where trim(activity) <> '' order by state")
    return names["state"].tolist(), rows


def process_map(tables: Tables) -> ProcessMap | None:
    """Direct-follows counts and times of the tickets opened in the period; None where none has an event.

    Source: method.md X5; directly-follows graph, van der Aalst 2016, ch. 5.
    """
    logged = tables.has("ticket_events")
    names, rows = _moments(tables, logged=logged)
    if rows.empty:
        return None
    number, code, moment = (rows[c].to_numpy() for c in rows.columns)
    if logged:
        order = _usual_order(number, code, moment)
        code = code if order is None else code[order]
    again = np.append(False, (number[1:] == number[:-1]) & (code[1:] == code[:-1]))  # a repeated entry of a state is no move
    number, code, moment = number[~again], code[~again], moment[~again]
    begins = np.append(True, number[1:] != number[:-1])
    place = np.arange(len(number)) - np.flatnonzero(begins)[np.cumsum(begins) - 1]
    follows = ~np.append(begins[1:], True)
    visits = np.bincount(code, minlength=len(names))
    states = pd.DataFrame(
        {
            "state": names, "tickets": _tickets(code, number, len(names)), "visits": visits,
            "last": np.bincount(code[~follows], minlength=len(names)),
            "place": np.bincount(code, place, len(names)) / np.maximum(visits, 1),
        }
    )  # fmt: skip
    states = states[states["visits"] > 0].sort_values(["place", "state"]).drop(columns="place").reset_index(drop=True)
    at = np.flatnonzero(follows)
    moves = _moves(code[at], code[at + 1], number[at], (moment[at + 1] - moment[at]).astype("timedelta64[s]"), names)
    return ProcessMap(moves, _in_order(states, moves), int(begins.sum()), logged)


def _usual_order(
    number: npt.NDArray[np.int32], code: npt.NDArray[np.int32], moment: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.intp] | None:
    """Where the moments of one ticket and one time stand in the order in which their states usually come; None if none do."""
    new = np.append(True, number[1:] != number[:-1])
    later = new | np.append(True, moment[1:] != moment[:-1])
    if later.all():
        return None
    row = np.arange(len(number))
    first, ticket = np.flatnonzero(new), np.cumsum(new) - 1
    size = np.diff(np.append(first, len(number)))[ticket]
    rank = np.maximum.accumulate(np.where(later, row, 0)) - first[ticket]
    place = rank / np.maximum(size - 1, 1)
    usual = np.bincount(code, place) / np.maximum(np.bincount(code), 1)
    return np.lexsort((code, usual[code], moment, number))


def _tickets(kind: npt.NDArray[np.int64], number: npt.NDArray[np.int32], kinds: int) -> npt.NDArray[np.int64]:
    """How many different tickets each of *kinds* kinds has."""
    most = int(number.max(initial=0)) + 1
    pairs = np.sort(kind.astype(np.int64) * most + number)  # a tenth of the time of np.unique
    return np.bincount(pairs[np.diff(pairs, prepend=-1) != 0] // most, minlength=kinds)


def _moves(
    before: npt.NDArray[np.int32], after: npt.NDArray[np.int32], number: npt.NDArray[np.int32],
    time: npt.NDArray[np.timedelta64], names: list[str],
) -> pd.DataFrame:  # fmt: skip
    """Passes from one state to the next, the commonest first, with the hours between their beginnings."""
    kind = before.astype(np.int64) * len(names) + after
    passes = np.bincount(kind, minlength=len(names) ** 2)
    tickets = _tickets(kind, number, len(names) ** 2)
    seconds = time.astype(np.int64)
    ends = np.cumsum(passes)
    seconds = seconds[np.lexsort((seconds, kind))]
    rows = [
        {
            "before": names[pair // len(names)], "after": names[pair % len(names)], "passes": int(passes[pair]),
            "tickets": int(tickets[pair]), "median": float(np.quantile(hours, 0.5)), "p90": float(np.quantile(hours, 0.9)),
            "total": float(hours.sum()),
        }
        for pair in np.flatnonzero(passes)
        for hours in [seconds[ends[pair] - passes[pair] : ends[pair]] / 3600]
    ]  # fmt: skip
    columns = ["before", "after", "passes", "tickets", "median", "p90", "total"]
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values(["passes", "before", "after"], ascending=[False, True, True], ignore_index=True)


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
