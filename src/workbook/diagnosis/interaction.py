"""X3, interaction tracking: are valuable customers looked after, and are first responses in time?"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from workbook.diagnosis.finding import (
    Context,
    Finding,
    Measured,
    Module,
    Words,
    difference_interval,
    no_case,
    not_delivered,
    share_finding,
)
from workbook.diagnosis.reversal import WITHIN, turned_gaps
from workbook.diagnosis.tickets import channel_name, days_only, late_cases, lateness, opened_in_period, unagreed
from workbook.language import Text, count, day, points, share, text
from workbook.report.blocks import NotMeasured
from workbook.service_hours import clocks_apart
from workbook.settings.models import Settings
from workbook.tables import Tables

MODULE: Module = "interaction"

SMALLEST_CHANNEL = 10
"""Tickets that a channel must have to be compared with the others."""


def interaction_checks(
    tables: Tables, profile: pd.DataFrame, settings: Settings, only: Collection[str] | None = None
) -> list[Measured]:
    """Silent valuable customers, late first responses, and the channel that is late more often than the others.

    Args:
        only: the checks that are wanted; all of them by default.

    Source: method.md X3.
    """
    context = Context.of(profile, settings.analysis.confidence)
    answered = tables.has("tickets.first_response_at")
    counted = cache(lambda: lateness(tables, settings, "first_response_at") if answered else pd.DataFrame())
    checks: dict[str, Callable[[], list[Measured]]] = {
        "interaction.silent": lambda: [_silent(tables, settings, context)],
        "interaction.late_response": lambda: [_late(tables, counted(), settings, context)],
        "interaction.late_channel": lambda: [_late_channel(tables, counted(), settings, context)],
        "interaction.clock": lambda: [*_clocks(tables)] if answered else [],
    }
    return [found for id, check in checks.items() if only is None or id in only for found in check()]


def _clocks(tables: Tables) -> list[NotMeasured]:
    """Channels whose tickets are left out of all times, since their openings and answers stand by two clocks."""
    found = []
    apart = clocks_apart(tables, tables.period.start, tables.period.end)
    for number, (channel, n, before, hours) in enumerate(apart.itertuples(index=False, name=None), start=1):
        given = {"n": count(int(n)), "part": share(float(before)), "hours": count(0 if np.isnan(hours) else int(hours))}
        why = (
            text("diagnosis.clock.before",
                 "{part} of {n} answers stand before their opening: the two systems keep different clocks. The channel’s "
                 "tickets are left out of all times; deliver both times by one clock.", **given)
            if np.isnan(hours)
            else text("diagnosis.clock.apart",
                      "None of {n} tickets was answered within {hours} {hours:hour|hours}, elsewhere some are within minutes: "
                      "openings and answers seem to stand by clocks {hours} {hours:hour|hours} apart. The channel’s tickets "
                      "are left out of all times; deliver both times by one clock.", **given)
        )  # fmt: skip
        what = text("diagnosis.clock.what", "Waiting times of the channel {channel}", channel=channel_name(str(channel)))
        found.append(NotMeasured(f"diagnosis.interaction.clock.{number}", what, why=why))
    return found


def _silent(tables: Tables, settings: Settings, context: Context) -> Measured:
    check, days = "interaction.silent", settings.diagnosis.silent_days
    words = Words(
        text("diagnosis.silent.measure", "High-value customers without contact for {days} days", days=count(days)),
        text("diagnosis.silent.problem", "High-value customers left without contact"),
        text("diagnosis.silent.cause", "No care plan says who contacts a valuable customer, and when."),
    )
    if missing := tables.lacks("interactions"):
        return not_delivered(check, words.measure, missing)
    if why := _short_log(tables, days):
        return NotMeasured(f"diagnosis.{check}", words.measure, why=why)
    valuable = context.valuable(settings.scope.high_value_share)
    # who asked for help was in contact too, though no call of the log says so
    asked = "union all select customer_id, opened_at from tickets" if tables.has("tickets.customer_id") else ""
    recent = tables.sql(
        f"""
        select distinct customer_id from (select customer_id, happened_at from interactions {asked})
        where customer_id is not null and date_diff('day', cast(happened_at as date), cast($end as date)) < $days
        order by customer_id
        """,
        days=days,
    )
    silent = valuable.difference(pd.Index(recent["customer_id"]))
    return share_finding(
        check, MODULE, words, hits=len(silent), n=len(valuable), threshold=settings.diagnosis.silent_share,
        direction="above", touched=silent, context=context,
    )  # fmt: skip


def _short_log(tables: Tables, days: int) -> Text | None:
    """Why nobody can be called silent: the log of contacts begins after the *days* that are looked back on.

    As where contacts are counted, a log that lacks at most a tenth of the days at their beginning (a holiday) reaches back.
    """
    (first,) = tables.connection.execute("select min(cast(happened_at as date)) from interactions").fetchall()[0]
    end = tables.period.end
    if first is None:
        return text("diagnosis.silent.undated", "No contact of the log has a date.")
    reach = (end - first).days + 1
    if reach >= days - days // 10:
        return None
    return text(
        "diagnosis.silent.short_log",
        "The log of contacts reaches back to {first} only, {reach} {reach:day|days} before the end of the period; {days} are "
        "looked back on. Deliver older contacts as well, or lower diagnosis.silent_days.",
        first=day(first), reach=count(reach), days=count(days),
    )  # fmt: skip


def _late(tables: Tables, rows: pd.DataFrame, settings: Settings, context: Context) -> Measured:
    check = "interaction.late_response"
    words = Words(
        text("diagnosis.late_response.measure", "First responses later than the limit of their priority"),
        text("diagnosis.late_response.problem", "First responses too late"),
        text("diagnosis.late_response.cause", "Nobody is warned before a limit passes."),
    )
    if missing := tables.lacks("tickets.first_response_at"):
        return not_delivered(check, words.measure, missing)
    if why := days_only(tables, settings, "first_response_at"):
        return NotMeasured(f"diagnosis.{check}", words.measure, why=why)
    words = replace(words, cause=unagreed(tables, settings, "first_response_at") or words.cause)
    return share_finding(
        check, MODULE, words, hits=int(rows["late"].sum()), n=int(rows["tickets"].sum()),
        threshold=settings.service.late_share, direction="above",
        touched=rows.loc[rows["late"] > 0, "customer_id"], context=context,
        unjudged=opened_in_period(tables) - int(rows["tickets"].sum()),
        cases=late_cases(tables, settings, "first_response_at"),
    )  # fmt: skip


def _late_channel(tables: Tables, rows: pd.DataFrame, settings: Settings, context: Context) -> Measured:
    """The worst channel against all others; the interval allows for its having been picked among several (Bonferroni).

    Where the mix of its tickets makes or hides a channel's gap, the gap within tickets of one kind stands for it.
    """
    check = "interaction.late_channel"
    measure = text("diagnosis.late_channel.any", "Gap in late first responses between the worst channel and the others")
    if missing := tables.lacks("tickets.first_response_at", "tickets.channel"):
        return not_delivered(check, measure, missing)
    if why := days_only(tables, settings, "first_response_at"):
        return NotMeasured(f"diagnosis.{check}", measure, why=why)
    channels = rows[rows["channel"] != ""].groupby("channel")[["tickets", "late"]].sum()
    channels = channels[channels["tickets"] >= SMALLEST_CHANNEL]
    if channels.empty:
        return no_case(check, measure)
    if len(channels) == 1:
        why = text("diagnosis.late_channel.one", "Tickets came in through one channel only.")
        return NotMeasured(f"diagnosis.{check}", measure, why=why)
    turned = turned_gaps(tables, settings)
    raw = {str(c): _gap(channels, str(c)) for c in channels.index}
    worst = max(sorted(raw), key=lambda c: turned[c].gap if c in turned else raw[c])
    n, late = (int(channels.loc[[worst], c].sum()) for c in ("tickets", "late"))
    other_n, other_late = int(channels["tickets"].sum()) - n, int(channels["late"].sum()) - late
    problem = text("diagnosis.late_channel.problem", "Late first responses concentrate on {channel}",
                   channel=channel_name(worst))  # fmt: skip
    customers, revenue = context.touched(rows.loc[(rows["channel"] == worst) & (rows["late"] > 0), "customer_id"])
    if worst in turned:
        inside = turned[worst]
        words = Words(
            text("diagnosis.late_channel.inside",
                 "Gap in late first responses between {channel} and the other channels, within one {kind}",
                 channel=channel_name(worst), kind=WITHIN[inside.kind]),
            problem,
            text("diagnosis.late_channel.mix",
                 "Seen as a whole the gap is {raw} (Simpson): the channels carry different tickets, so like is held against "
                 "like.",
                 raw=points(raw[worst])),
        )  # fmt: skip
        figure, low, high = inside.gap, inside.low, inside.high
    else:
        words = Words(
            text("diagnosis.late_channel.measure", "Gap in late first responses between {channel} and the other channels",
                 channel=channel_name(worst)),
            problem,
            text("diagnosis.late_channel.cause",
                 "The channel is staffed or routed apart: {late} late there against {others} elsewhere.",
                 late=share(late / n, 1), others=share(other_late / other_n, 1)),
        )  # fmt: skip
        figure = raw[worst]
        low, high = difference_interval(late, n, other_late, other_n, 1 - (1 - context.confidence) / len(channels))
    return Finding(
        check, MODULE, words, figure, "points", low, high, n, settings.diagnosis.channel_gap, "above", customers, revenue,
        unjudged=opened_in_period(tables) - int(channels["tickets"].sum()), looked_at=opened_in_period(tables),
        cases=late_cases(tables, settings, "first_response_at", worst),
    )  # fmt: skip


def _gap(channels: pd.DataFrame, channel: str) -> float:
    """Share of late tickets of a channel less that of all others."""
    own, others = channels.loc[channel], channels.drop(index=channel).sum()
    return float(own["late"] / own["tickets"] - others["late"] / others["tickets"])
