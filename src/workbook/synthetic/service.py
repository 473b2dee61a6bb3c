"""Tickets with their times, and what customers say afterwards: scores and words tied to a cause.

Source: rows C3, X3, X5, V1–V5 of method.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.synthetic.activity import minutes, numbered
from workbook.synthetic.plan import stream
from workbook.synthetic.sentences import CAUSES, sentences
from workbook.synthetic.world import Flags, Floats, Ints, World

TICKETS_A_YEAR = 0.35
"""Tickets of a customer a year, besides those that follow from his orders."""

TOPICS = ("物流配送", "商品质量", "设备故障", "使用咨询", "发票账单", "投诉")
TOPIC_SHARES = (0.22, 0.16, 0.20, 0.20, 0.10, 0.12)
TOPIC_CAUSES = ("delivery", "quality", "equipment", "response", "price", "response")
PRIORITIES = ("medium", "medium", "high", "low", "low", "high")
COMPLAINT = "投诉"

TICKET_CHANNELS = ("电话", "微信", "邮件", "网页")
CHANNEL_SHARES = (0.32, 0.38, 0.12, 0.18)
FIRST_RESPONSE_HOURS = (0.20, 0.45, 0.80, 0.60)
"""Median hours to the first response, by channel."""

RESOLUTION_HOURS = {"high": 5.0, "medium": 16.0, "low": 20.0}
"""Median hours from the first response to the solution."""

LATE_HOURS = {"high": 2.0, "medium": 8.0, "low": 24.0}
"""Hours within which the client promises a first response."""

LATE_ON_SCORE = 1.1
"""Points of five that a late first response takes off the satisfaction with a ticket."""

NO_CALLBACK_ON_SCORE = 0.7
"""Points that a complaint without a call-back takes off."""

CONTENTMENT_ON_SCORE = 0.45
"""Points that one standard deviation of contentment adds."""

ENGLISH_SHARE = 0.22


def make_tickets(world: World, orders: pd.DataFrame) -> pd.DataFrame:
    """Tickets in time order: 9 % of the orders bring one, the rest comes by itself.

    Returns:
        ticket_id, customer, opened, responded, resolved, called_back (minutes since the history opens, −1 where it did not
        happen), channel, topic, priority, status, reopened, cause.
    """
    plan, c = world.plan, world.customers
    rng = stream(plan.seed, "tickets")
    n = len(c)
    begin = c["alive_from"].to_numpy(float)
    end = np.clip(c["alive_to"].to_numpy(float), begin, plan.days)
    own = rng.poisson(TICKETS_A_YEAR * (end - begin) / 365)
    who_own = np.repeat(np.arange(n), own)
    asked = orders[orders["happened"].to_numpy() & (rng.random(len(orders)) < 0.09)]
    who = np.concatenate([who_own, asked["customer"].to_numpy()])
    day = np.concatenate(
        [
            begin[who_own] + rng.random(len(who_own)) * (end - begin)[who_own],
            asked["day"].to_numpy() + rng.integers(1, 12, len(asked)),
        ]
    )
    opened = np.floor(day).astype(np.int64) * 1440 + minutes(rng, len(day))
    keep = day < plan.days
    order = np.lexsort((who[keep], opened[keep]))
    who, opened = who[keep][order], opened[keep][order]
    m = len(who)
    topic = rng.choice(len(TOPICS), m, p=TOPIC_SHARES)
    channel = rng.choice(len(TICKET_CHANNELS), m, p=CHANNEL_SHARES)
    priority = np.array(PRIORITIES)[topic]
    hour = opened % 1440 // 60
    night = np.where((hour >= 21) | (hour < 8), 1.4, 1.0)
    wait = np.array(FIRST_RESPONSE_HOURS)[channel] * night * np.exp(0.5 * rng.standard_normal(m))
    solve = np.array([RESOLUTION_HOURS[p] for p in ("high", "medium", "low")])[_rank(priority)]
    responded = opened + np.maximum(1, (60 * wait).astype(np.int64))
    resolved = responded + np.maximum(5, (60 * solve * np.exp(0.55 * rng.standard_normal(m))).astype(np.int64))
    called = resolved + (60 * np.minimum(40, 10 * np.exp(0.6 * rng.standard_normal(m)))).astype(np.int64)
    unsolved = rng.random(m) < 0.015
    complaint = np.array(TOPICS)[topic] == COMPLAINT
    return pd.DataFrame(
        {
            "ticket_id": numbered("T", np.arange(m), 6),
            "customer": who,
            "opened": opened,
            "responded": responded,
            "resolved": np.where(unsolved, -1, resolved),
            "called_back": np.where(complaint & ~unsolved, called, -1),
            "channel": np.array(TICKET_CHANNELS)[channel],
            "topic": np.array(TOPICS)[topic],
            "priority": priority,
            "status": np.where(unsolved, "处理中", "已关闭"),
            "reopened": np.where(rng.random(m) < 0.05, 1, 0),
            "cause": np.array(TOPIC_CAUSES)[topic],
        }
    )


def late(tickets: pd.DataFrame) -> Flags:
    """Whether the first response came after the limit of the ticket's priority."""
    limit = np.array([LATE_HOURS[p] for p in ("high", "medium", "low")])[_rank(tickets["priority"].to_numpy(str))]
    flags: Flags = (tickets["responded"] - tickets["opened"]).to_numpy() > 60 * limit
    return flags


def add_words(world: World, tickets: pd.DataFrame) -> pd.DataFrame:
    """The tickets with what the customer wrote."""
    rng = stream(world.plan.seed, "ticket words")
    n = len(tickets)
    tongue = _tongues(world, tickets["customer"].to_numpy())
    return tickets.assign(text=sentences(rng, tickets["cause"].to_numpy(str), tongue, np.zeros(n, dtype=bool)))


def make_feedback(world: World, tickets: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Answers after tickets (CSAT, CES), a survey each quarter (NPS), reviews of orders, and a few interview notes.

    Returns:
        feedback_id, customer, minute_at (minutes since the history opens), channel, instrument, score, scale_max, text,
        language, cause, content, order_id, ticket_id; in time order.
    """
    parts = [_after_tickets(world, tickets), _surveys(world, tickets), _reviews(world, orders), _interviews(world)]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows[rows["minute_at"] < world.plan.days * 1440]
    rows = rows.sort_values(["minute_at", "customer"], kind="stable", ignore_index=True)
    rng = stream(world.plan.seed, "feedback words")
    rows["language"] = _tongues(world, rows["customer"].to_numpy())
    words = sentences(rng, rows["cause"].to_numpy(str), rows["language"].to_numpy(str), rows["content"].to_numpy(bool))
    silent = rng.random(len(rows)) < np.where(rows["instrument"].isin(["review", "open"]), 0.0, 0.6)
    rows["text"] = np.where(silent, "", words)
    rows.insert(0, "feedback_id", numbered("F", np.arange(len(rows)), 6))
    return rows


def _after_tickets(world: World, tickets: pd.DataFrame) -> pd.DataFrame:
    rng = stream(world.plan.seed, "csat")
    answered = (rng.random(len(tickets)) < 0.38) & (tickets["resolved"] >= 0).to_numpy()
    mine = tickets[answered]
    m = len(mine)
    slow = late(mine)
    contentment = world.customers["contentment"].to_numpy(float)[mine["customer"].to_numpy()]
    unheard = (mine["topic"] == COMPLAINT).to_numpy() & (mine["called_back"] < 0).to_numpy()
    level = 4.25 + CONTENTMENT_ON_SCORE * contentment - LATE_ON_SCORE * slow - NO_CALLBACK_ON_SCORE * unheard
    level = level - 0.5 * (mine["reopened"].to_numpy() > 0) + 0.6 * rng.standard_normal(m)
    ces = rng.random(m) < 0.25
    score = np.where(ces, np.clip(np.round(level * 7 / 5), 1, 7), np.clip(np.round(level), 1, 5))
    blamed = slow | unheard
    cause = np.where(blamed & (rng.random(m) < 0.8), "response", mine["cause"].to_numpy(str))
    return _feedback(
        mine["customer"].to_numpy(),
        mine["resolved"].to_numpy() + rng.integers(60, 2880, m),
        score=score,
        scale_max=np.where(ces, 7.0, 5.0),
        instrument=np.where(ces, "ces", "csat"),
        channel=mine["channel"].to_numpy(str),
        cause=cause,
        content=level >= 3.5,
        ticket_id=mine["ticket_id"].to_numpy(str),
    )


def _surveys(world: World, tickets: pd.DataFrame) -> pd.DataFrame:
    plan, c = world.plan, world.customers
    rng = stream(plan.seed, "nps")
    first, last = plan.deliveries[0], plan.last
    starts = [plan.day(p.start) for p in plan.deliveries]
    earlier = first.previous
    while earlier.start >= plan.opens:
        starts.insert(0, plan.day(earlier.start))
        earlier = earlier.previous
    slow = tickets[late(tickets)]
    parts = []
    for start in starts:  # one survey a period
        day = start + last.days * 0.6
        asked = np.flatnonzero((c["alive_from"].to_numpy() < day) & (c["alive_to"].to_numpy() > day - 90))
        mine = asked[rng.random(len(asked)) < 0.16]
        hurt = np.isin(mine, slow.loc[slow["opened"].between((day - 120) * 1440, day * 1440), "customer"])
        level = 8.3 + 1.3 * c["contentment"].to_numpy(float)[mine] - 1.8 * hurt + 1.2 * rng.standard_normal(len(mine))
        cause = np.array(CAUSES)[rng.choice(6, len(mine), p=[0.2, 0.25, 0.15, 0.15, 0.1, 0.15])]
        parts.append(
            _feedback(
                mine,
                int(day) * 1440 + rng.integers(0, 14 * 1440, len(mine)),
                score=np.clip(np.round(level), 0, 10),
                scale_max=np.full(len(mine), 10.0),
                instrument=np.full(len(mine), "nps"),
                channel=np.full(len(mine), "微信"),
                cause=np.where(hurt, "response", cause),
                content=level >= 7,
            )
        )
    return pd.concat(parts, ignore_index=True)


def _reviews(world: World, orders: pd.DataFrame) -> pd.DataFrame:
    rng = stream(world.plan.seed, "reviews")
    mine = orders[orders["happened"].to_numpy() & (rng.random(len(orders)) < 0.085)]
    m = len(mine)
    level = 4.2 + CONTENTMENT_ON_SCORE * world.customers["contentment"].to_numpy(float)[mine["customer"].to_numpy()]
    level = level + 0.8 * rng.standard_normal(m)
    cause = np.array(CAUSES)[rng.choice(6, m, p=[0.25, 0.4, 0.1, 0.05, 0.08, 0.12])]
    return _feedback(
        mine["customer"].to_numpy(),
        np.floor(mine["day"].to_numpy()).astype(np.int64) * 1440 + rng.integers(2 * 1440, 12 * 1440, m),
        score=np.clip(np.round(level), 1, 5),
        scale_max=np.full(m, 5.0),
        instrument=np.full(m, "review"),
        channel=mine["channel"].to_numpy(str),
        cause=cause,
        content=level >= 3.5,
        order_id=mine["order_id"].to_numpy(str),
    )


def _interviews(world: World) -> pd.DataFrame:
    plan, c = world.plan, world.customers
    rng = stream(plan.seed, "interviews")
    guests = np.flatnonzero((c["kind"] == "company").to_numpy() & ~c["prospect"].to_numpy())
    mine = guests[rng.random(len(guests)) < 0.25]
    m = len(mine)
    begin = c["alive_from"].to_numpy(float)[mine]
    content = c["contentment"].to_numpy(float)[mine] + rng.standard_normal(m) > 0
    return _feedback(
        mine,
        np.floor((begin + rng.random(m) * (plan.days - begin)) * 1440).astype(np.int64),
        score=np.full(m, np.nan),
        scale_max=np.full(m, np.nan),
        instrument=np.full(m, "open"),
        channel=np.full(m, "访谈"),
        cause=np.array(CAUSES)[rng.integers(0, 6, m)],
        content=content,
    )


def _feedback(customer: Ints, minute_at: Ints, *, score: Floats, scale_max: Floats, **words: object) -> pd.DataFrame:
    frame = pd.DataFrame({"customer": customer, "minute_at": minute_at, "score": score, "scale_max": scale_max, **words})
    for column in ("order_id", "ticket_id"):
        if column not in frame:
            frame[column] = ""
    return frame


def _tongues(world: World, customer: Ints) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    english = stream(world.plan.seed, "tongue").random(len(world.customers)) < ENGLISH_SHARE
    return np.where(english[customer], "en", "zh")


def _rank(priority: np.ndarray[tuple[int], np.dtype[np.str_]]) -> Ints:
    return np.where(priority == "high", 0, np.where(priority == "medium", 1, 2))
