"""The faults that are planted, each with its largest share; a stronger fault hits all that a weaker one hits, and more.

Whoever is hit is decided by one number a row (or customer) that does not depend on the strength: ``u < strength × largest``.
Source: row C3 of method.md; the checks that look for them: D2–D4, X1–X5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbook.synthetic.activity import Sales
from workbook.synthetic.plan import Plan, stream
from workbook.synthetic.records import States
from workbook.synthetic.service import COMPLAINT
from workbook.synthetic.world import INDUSTRIES, Flags, Ints, World

LARGEST: Mapping[str, float] = {
    "duplicate_customers": 0.25, "missing_fields": 0.5, "wrong_industry": 0.6, "malformed_contacts": 0.15,
    "malformed_dates": 0.02, "repeated_rows": 0.04, "unfinished_orders": 0.15, "wrong_totals": 0.05, "late_rows": 1.0,
    "stale_status": 0.7, "late_responses": 1.0, "no_callback": 0.9, "repeat_tickets": 0.5, "misgraded": 0.7,
    "missed_cross_sell": 0.9, "silent_customers": 0.8, "surface_needs": 0.9, "missed_recommendations": 1.0,
}  # fmt: skip
"""Fault: the share of those who can be hit that is hit at strength 1."""

MISSING_BY_FIELD = {"phone": 0.5, "email": 1.0, "region": 0.15, "industry": 0.8, "birthday": 1.0}
"""Field: how much of ``missing_fields`` falls on it."""

OVERRATED_SHARE = 0.12
"""How much of ``misgraded`` falls on ordinary customers who are called gold."""

EVENING = (18, 23)
LATE_CHANNEL = "微信"
REPEAT_DAYS = 14


@dataclass(frozen=True)
class Planted:
    """What one fault hit.

    Attributes:
        kind: what the ids are: customer, order, ticket, …
        ids: whom it hit, in order.
        eligible: how many could have been hit.
        detail: what else is worth knowing.
    """

    kind: str
    ids: tuple[str, ...]
    eligible: int
    detail: Mapping[str, object] = field(default_factory=dict)


def hits(plan: Plan, fault: str, n: int, part: float = 1.0, salt: str = "") -> Flags:
    """Which of *n* rows a fault hits; a superset of those hit at any smaller strength."""
    limit = plan.faults.strengths()[fault] * LARGEST[fault] * part
    flags: Flags = stream(plan.seed, f"fault {fault}{salt}").random(n) < limit
    return flags


def miss_cross_sell(world: World, sales: Sales) -> tuple[pd.DataFrame, Planted]:
    """The lines without the companions of the customers who were never offered one."""
    lines, c = sales.lines, world.customers
    hit = hits(world.plan, "missed_cross_sell", len(c))
    buyer = sales.orders["customer"].to_numpy()[lines["order"].to_numpy()]
    gone = hit[buyer] & (lines["pair"] >= 0).to_numpy()
    kept = lines[~gone].copy()
    kept["line"] = kept.groupby("order").cumcount() + 1
    return kept.reset_index(drop=True), _customers(world, hit, removed_lines=int(gone.sum()))


def unfinished(world: World, orders: pd.DataFrame, delivered: Flags) -> tuple[Flags, Planted]:
    """Which *delivered* orders were first begun once in vain; the vain attempt is delivered as an order of its own."""
    hit = hits(world.plan, "unfinished_orders", len(orders)) & delivered
    ids = tuple("U" + orders["order_id"].to_numpy(str).astype(object)[hit])
    return hit, Planted("order", ids, int(delivered.sum()))


def wrong_totals(world: World, orders: pd.DataFrame, delivered: Flags) -> tuple[Ints, Planted]:
    """The amounts that the shop states, in cents: some 5 to 30 % off the sum of their lines."""
    rng = stream(world.plan.seed, "wrong totals by")
    off = rng.uniform(0.05, 0.3, len(orders)) * np.where(rng.random(len(orders)) < 0.5, -1, 1)
    stated = (orders["cents"].to_numpy() * (1 + off)).round().astype(np.int64)
    # an order that came back whole adds up to nothing, and no share of nothing is wrong
    hit = hits(world.plan, "wrong_totals", len(orders)) & delivered
    hit &= stated != orders["cents"].to_numpy()
    ids = tuple(orders["order_id"].to_numpy(object)[hit])
    return np.where(hit, stated, orders["cents"].to_numpy()), Planted("order", ids, int(delivered.sum()))


def repeat_tickets(world: World, tickets: pd.DataFrame) -> tuple[pd.DataFrame, Planted]:
    """The tickets and the same trouble again within two weeks, under the ticket's number with an R before it."""
    rng = stream(world.plan.seed, "repeats")
    hit = hits(world.plan, "repeat_tickets", len(tickets))
    shift = rng.integers(2 * 1440, REPEAT_DAYS * 1440, len(tickets))
    again = tickets.copy()
    again["ticket_id"] = "R" + again["ticket_id"]
    for column in ("opened", "responded", "resolved", "called_back"):
        again[column] = np.where(again[column] >= 0, again[column] + shift, -1)
    again = again[hit & (again["opened"] < world.plan.days * 1440).to_numpy()]
    both = pd.concat([tickets, again]).sort_values(["opened", "ticket_id"], kind="stable", ignore_index=True)
    return both, Planted("ticket", tuple(again["ticket_id"]), len(tickets), {"within_days": REPEAT_DAYS})


def late_responses(world: World, tickets: pd.DataFrame) -> tuple[pd.DataFrame, Planted]:
    """The tickets of the evening in one channel wait for the next morning; everything after it moves along."""
    rng = stream(world.plan.seed, "next morning")
    u = rng.random(len(tickets)) < world.plan.faults.late_responses * LARGEST["late_responses"]
    morning = rng.integers(8 * 60 + 30, 11 * 60, len(tickets))
    opened = tickets["opened"].to_numpy()
    hour = opened % 1440 // 60
    exposed = (tickets["channel"] == LATE_CHANNEL).to_numpy() & (hour >= EVENING[0]) & (hour <= EVENING[1])
    hit = u & exposed
    delay = np.where(hit, (opened // 1440 + 1) * 1440 + morning - tickets["responded"].to_numpy(), 0)
    moved = tickets.copy()
    for column in ("responded", "resolved", "called_back"):
        moved[column] = np.where(tickets[column] >= 0, tickets[column] + delay, -1)
    ids = tuple(tickets["ticket_id"].to_numpy(object)[hit])
    return moved, Planted("ticket", ids, int(exposed.sum()), {"channel": LATE_CHANNEL, "hours": list(EVENING)})


def no_callback(world: World, tickets: pd.DataFrame) -> tuple[pd.DataFrame, Planted]:
    """The tickets, with some complaints never called back."""
    exposed = (tickets["topic"] == COMPLAINT).to_numpy() & (tickets["called_back"] >= 0).to_numpy()
    hit = hits(world.plan, "no_callback", len(tickets)) & exposed
    ids = tuple(tickets["ticket_id"].to_numpy(object)[hit])
    return tickets.assign(called_back=np.where(hit, -1, tickets["called_back"])), Planted("ticket", ids, int(exposed.sum()))


def silence(world: World, interactions: pd.DataFrame, valuable: Flags) -> tuple[pd.DataFrame, Planted]:
    """The contacts without those of valuable customers whom somebody stopped calling in the year before the last period."""
    plan = world.plan
    rng = stream(plan.seed, "silent since")
    since = rng.integers(plan.days - 365, plan.days - 120, len(valuable))
    hit = hits(plan, "silent_customers", len(valuable)) & valuable
    who = interactions["customer"].to_numpy()
    gone = hit[who] & (interactions["day"].to_numpy() >= since[who])
    planted = _customers(world, hit, eligible=int(valuable.sum()), removed_contacts=int(gone.sum()))
    return interactions[~gone].reset_index(drop=True), planted


def surface_needs(world: World, needs: pd.DataFrame) -> tuple[pd.DataFrame, Planted]:
    """The needs, with some root causes left out."""
    deep = (needs["level"] == "root").to_numpy()
    hit = hits(world.plan, "surface_needs", len(needs)) & deep
    return needs.assign(level=np.where(hit, "surface", needs["level"])), _needs(world, needs, hit, int(deep.sum()))


def miss_recommendations(world: World, needs: pd.DataFrame) -> tuple[pd.DataFrame, Planted]:
    """The needs, with another product recommended than the one that was then bought."""
    rng = stream(world.plan.seed, "other product")
    n = len(world.products)
    other = (needs["product"].to_numpy() + rng.integers(1, n, len(needs))) % n
    right = needs["matched"].to_numpy(bool)
    hit = hits(world.plan, "missed_recommendations", len(needs)) & right
    changed = needs.assign(product=np.where(hit, other, needs["product"]), matched=right & ~hit)
    return changed, _needs(world, needs, hit, int(right.sum()))


def stale(world: World, states: States) -> tuple[Ints, Planted]:
    """The day on which each customer's record stopped following the status history; far ahead where it did not."""
    plan, c = world.plan, world.customers
    rng = stream(plan.seed, "frozen on")
    frozen = plan.days - rng.integers(210, 600, len(c))
    hit = hits(plan, "stale_status", len(c)) & (c["created"].to_numpy() < frozen)
    day = np.where(hit, frozen, 1_000_000)
    end = np.full(len(c), plan.days - 1)
    wrong = hit & (states.known(np.minimum(day, end)) != states.known(end))
    ids = c["customer_id"].to_numpy(object)
    return day, _customers(world, hit, status_differs=ids[wrong].tolist())


def late_rows(world: World, orders: pd.DataFrame) -> tuple[Flags, Planted]:
    """Which orders of the days after the last period are delivered with it all the same."""
    after = (orders["day_of"] >= world.plan.days).to_numpy() & orders["happened"].to_numpy()
    hit = hits(world.plan, "late_rows", len(orders)) & after
    return hit, Planted("order", tuple(orders["order_id"].to_numpy(object)[hit]), int(after.sum()))


def hit_rows(plan: Plan, fault: str, tables: Mapping[str, tuple[pd.DataFrame, Flags]]) -> tuple[Mapping[str, Flags], Planted]:
    """Which rows a fault of single rows hits: those that stand twice, or whose time is no time.

    Args:
        plan: the plan.
        fault: ``repeated_rows`` or ``malformed_dates``.
        tables: table: its rows, the id in the first column, and which of them are delivered.
    """
    hit = {name: hits(plan, fault, len(rows), salt=f" {name}") & here for name, (rows, here) in tables.items()}
    ids = {name: tables[name][0].iloc[:, 0].to_numpy(object)[found].tolist() for name, found in hit.items()}
    everyone = tuple(i for found in ids.values() for i in found)
    return hit, Planted("row", everyone, sum(int(here.sum()) for _, here in tables.values()), ids)


def misgrade(world: World, tiers: np.ndarray[tuple[int], np.dtype[np.str_]]) -> tuple[pd.Series, Flags]:
    """The client's tiers with some valuable customers called silver or ordinary, and some ordinary ones called gold."""
    plan, n = world.plan, len(tiers)
    high = np.isin(tiers, ["diamond", "gold"])
    low = high & hits(plan, "misgraded", n)
    # only who buys can be mistaken for gold
    up = (
        (tiers == "ordinary")
        & (world.customers["alive_to"].to_numpy() > 0)
        & hits(plan, "misgraded", n, OVERRATED_SHARE, " up")
    )
    coin = stream(plan.seed, "graded as").random(n) < 0.6
    return pd.Series(np.where(low, np.where(coin, "silver", "ordinary"), np.where(up, "gold", tiers))), low | up


def missing_fields(world: World) -> tuple[Mapping[str, Flags], Planted]:
    """Field: whose record in the CRM or shop lacks it."""
    ids = world.customers["customer_id"].to_numpy(object)
    gaps = {f: hits(world.plan, "missing_fields", len(ids), part, f" {f}") for f, part in MISSING_BY_FIELD.items()}
    anyone = np.logical_or.reduce(list(gaps.values()))
    return gaps, _customers(world, anyone, **{f: ids[hit].tolist() for f, hit in gaps.items()})


def wrong_industry(world: World) -> tuple[pd.Series, Planted]:
    """The industry on record: for some companies not the one in their name."""
    c = world.customers
    rng = stream(world.plan.seed, "other industry")
    right = c["industry"].map({name: i for i, name in enumerate(INDUSTRIES)}).to_numpy()
    other = np.array(INDUSTRIES)[(right + rng.integers(1, len(INDUSTRIES), len(c))) % len(INDUSTRIES)]
    company = (c["kind"] == "company").to_numpy()
    hit = hits(world.plan, "wrong_industry", len(c)) & company
    return pd.Series(np.where(hit, other, c["industry"])), _customers(world, hit, eligible=int(company.sum()))


def malformed_contacts(world: World) -> tuple[pd.Series, pd.Series, Planted]:
    """Phones and e-mails on record: some cut short, some with words in them."""
    c = world.customers
    rng = stream(world.plan.seed, "malformed as")
    shape = rng.integers(0, 3, len(c))
    bad_phone = hits(world.plan, "malformed_contacts", len(c), salt=" phone")
    bad_email = hits(world.plan, "malformed_contacts", len(c), salt=" email")
    phone, email = c["phone"], c["email"]
    broken = np.select([shape == 0, shape == 1], [phone.str[:7], "0" + phone.str[1:]], phone.str[:9] + "转前台")
    cut = np.select([shape == 0, shape == 1], [email.str.replace("@", "#"), email.str.split("@").str[0]], "@example")
    ids = c["customer_id"].to_numpy(object)
    planted = _customers(world, bad_phone | bad_email, phone=ids[bad_phone].tolist(), email=ids[bad_email].tolist())
    return pd.Series(np.where(bad_phone, broken, phone)), pd.Series(np.where(bad_email, cut, email)), planted


def duplicates(world: World) -> tuple[Flags, Planted]:
    """Which persons of the CRM are also members of the shop, under the id ``M`` + the digits of their own."""
    c = world.customers
    exposed = ((c["system"] == "crm") & (c["kind"] == "person") & ~c["prospect"]).to_numpy()
    hit = hits(world.plan, "duplicate_customers", len(c)) & exposed
    twins = {i: twin_id(i) for i in c["customer_id"].to_numpy(object)[hit]}
    return hit, _customers(world, hit, eligible=int(exposed.sum()), twin_of=twins)


def twin_id(customer_id: str) -> str:
    """The id under which the shop knows a customer of the CRM."""
    return "M" + customer_id[1:]


def _customers(world: World, hit: Flags, eligible: int | None = None, **detail: object) -> Planted:
    ids = world.customers["customer_id"].to_numpy(object)
    return Planted("customer", tuple(ids[hit]), len(ids) if eligible is None else eligible, detail)


def _needs(world: World, needs: pd.DataFrame, hit: Flags, eligible: int) -> Planted:
    ids = world.customers["customer_id"].to_numpy(object)[needs["customer"].to_numpy()[hit]]
    days = pd.Timestamp(world.plan.opens) + pd.to_timedelta(needs["day_of"].to_numpy()[hit], unit="D")
    keys = ids + "|" + days.strftime("%Y-%m-%d").to_numpy(object) + "|" + needs["need"].to_numpy(object)[hit]
    return Planted("need", tuple(keys), eligible)
