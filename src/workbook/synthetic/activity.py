"""What customers do: orders with their lines, refunds, and the contacts that account managers note.

Source: rows C3, S3, X3 and X4 of method.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.synthetic.pilot import Enrolment, extra_orders
from workbook.synthetic.plan import SPILL_DAYS, stream
from workbook.synthetic.world import Flags, Floats, Ints, World

SEASON = np.array([0.95, 0.80, 0.95, 1.00, 1.02, 1.08, 0.98, 0.95, 1.02, 1.05, 1.22, 1.18])
"""Purchase rate of each month against the year's mean."""

HOURS = np.array([0, 0, 0, 0, 0, 0, 1, 3, 6, 8, 9, 8, 7, 6, 6, 7, 7, 7, 8, 9, 8, 5, 3, 1], dtype=float)
"""Orders and tickets by hour of the day."""

ORDER_CHANNELS = ("小程序", "网店", "门店", "电话")
STORES = ("静安店", "望京店", "天河店", "西湖店", "锦江店")
REFUND_SHARE = 0.03
EXTRA_PICKS = 0.55
"""Mean number of further products in a basket."""
MORE_UNITS = {"person": 0.6, "company": 4.0}
"""Mean number of units beyond the first in a line, for a customer whose spend factor is 1."""
SECOND_MACHINE = 0.1
"""Chance that a company takes two of what is bought one at a time."""
DISCOUNTED, DISCOUNTS = 0.2, (0.05, 0.1, 0.15, 0.2)
"""Share of lines with a discount, and the discounts that are given, each as often as the others."""


@dataclass(frozen=True)
class Sales:
    """Orders and their lines.

    Attributes:
        orders: order_id, customer (position), day (float), day_of (whole days), minute (of the day), cents, channel, store,
            trial, happened; in time order.
        lines: order (position), line, product (position), quantity, cents, cost_cents, discount_cents, pair (the planted
            pair that put it into the basket, −1 for none), refund_of (line, 0 for none).
    """

    orders: pd.DataFrame
    lines: pd.DataFrame


def make_orders(world: World, enrolments: tuple[Enrolment, ...]) -> pd.DataFrame:
    """All orders, also those that treatment would have brought to the control arm (``happened`` is False there)."""
    plan, c = world.plan, world.customers
    rng = stream(plan.seed, "orders")
    horizon = plan.days + SPILL_DAYS
    begin = c["alive_from"].to_numpy(float)
    days = np.maximum(np.minimum(c["alive_to"].to_numpy(float), horizon) - begin, 0.0)
    peak = SEASON.max()
    n = rng.poisson(c["rate"].to_numpy(float) / 7 * days * peak)
    who = np.repeat(np.arange(len(c)), n)
    day = begin[who] + rng.random(len(who)) * days[who]
    kept = rng.random(len(who)) * peak < SEASON[_month(world, day)]
    joined = np.flatnonzero((c["created"].to_numpy() >= 0) & (days > 0))
    parts = [
        pd.DataFrame({"customer": who[kept], "day": day[kept], "trial": "", "happened": True}),
        # whoever joins does so with a first order
        pd.DataFrame({"customer": joined, "day": begin[joined] + 0.5, "trial": "", "happened": True}),
    ]
    for enrolment in enrolments:
        extra = extra_orders(world, enrolment)
        treated = np.zeros(len(c), dtype=bool)
        treated[enrolment.units[enrolment.treated]] = True
        parts.append(extra.assign(trial=enrolment.trial.id, happened=treated[extra["customer"].to_numpy()]))
    orders = pd.concat(parts, ignore_index=True)
    orders["minute"] = minutes(rng, len(orders))
    company = (c["kind"] == "company").to_numpy()[orders["customer"].to_numpy()]
    u = rng.random(len(orders))
    person_channel = np.searchsorted([0.45, 0.70, 0.95], u)
    company_channel = np.searchsorted([0.10, 0.45, 0.50], u)
    orders["channel"] = np.array(ORDER_CHANNELS)[np.where(company, company_channel, person_channel)]
    store = np.array(STORES)[orders["customer"].to_numpy() % len(STORES)]
    orders["store"] = np.where(orders["channel"] == "门店", store, "")
    orders["day_of"] = np.floor(orders["day"]).astype(int)
    orders = orders.sort_values(["day_of", "minute", "customer"], kind="stable", ignore_index=True)
    orders.insert(0, "order_id", numbered("D", np.arange(len(orders)), 7))
    return orders


def make_lines(world: World, orders: pd.DataFrame) -> pd.DataFrame:
    """The lines of each order: products by popularity, companions by the planted pairs, quantity by kind and spend."""
    rng = stream(world.plan.seed, "lines")
    p, c = world.products, world.customers
    company = (c["kind"] == "company").to_numpy()[orders["customer"].to_numpy()]
    picks = 1 + rng.poisson(EXTRA_PICKS, len(orders))
    order = np.repeat(np.arange(len(orders)), picks)
    u = rng.random(len(order))
    product = np.where(company[order], _draw(p["weight_company"], u), _draw(p["weight_person"], u))
    basket = pd.DataFrame({"order": order, "product": product, "pair": -1})
    parts = [basket]
    for index, pair in enumerate(world.pairs):
        anchors = basket.loc[basket["product"] == product_position(world, pair.anchor), "order"].unique()
        joined = anchors[rng.random(len(anchors)) < pair.attach]
        parts.append(pd.DataFrame({"order": joined, "product": product_position(world, pair.companion), "pair": index}))
    lines = pd.concat(parts, ignore_index=True)
    # a companion that was in the basket anyway owes nothing to the pair: the first row stays
    lines = lines.drop_duplicates(["order", "product"]).sort_values(["order", "product"], kind="stable", ignore_index=True)
    who = orders["customer"].to_numpy()[lines["order"].to_numpy()]
    big = company[lines["order"].to_numpy()]
    spend = c["spend"].to_numpy(float)[who]
    single = p["single"].to_numpy(bool)[lines["product"].to_numpy()]
    more = {kind: 1 + rng.poisson(MORE_UNITS[kind] * spend) for kind in ("company", "person")}
    usual = np.where(big, more["company"], more["person"])
    lines["quantity"] = np.where(single, 1 + (big & (rng.random(len(lines)) < SECOND_MACHINE)), usual)
    price = (p["price"].to_numpy(float) * 100).round().astype(np.int64)[lines["product"].to_numpy()]
    off = np.where(rng.random(len(lines)) < DISCOUNTED, rng.choice(DISCOUNTS, len(lines)), 0.0)
    full = price * lines["quantity"].to_numpy(np.int64)
    lines["discount_cents"] = (full * off).round().astype(np.int64)
    lines["cents"] = full - lines["discount_cents"]
    lines["cost_cents"] = (full * p["cost_share"].to_numpy(float)[lines["product"].to_numpy()]).round().astype(np.int64)
    lines["line"] = lines.groupby("order").cumcount() + 1
    lines["refund_of"] = 0
    return lines


def refund(world: World, lines: pd.DataFrame) -> pd.DataFrame:
    """The lines with refunds: in 3 % of the orders the first line comes back as a negative one."""
    rng = stream(world.plan.seed, "refunds")
    orders = int(lines["order"].max()) + 1 if len(lines) else 0
    back = rng.random(orders) < REFUND_SHARE
    last = lines.groupby("order")["line"].transform("max")
    first = lines.groupby("order")["line"].transform("min")
    rows = lines[back[lines["order"].to_numpy()] & (lines["line"] == first)].copy()
    rows["refund_of"] = rows["line"]
    rows["line"] = last[rows.index] + 1
    for column in ("quantity", "cents", "cost_cents", "discount_cents"):
        rows[column] = -rows[column]
    found: pd.DataFrame = pd.concat([lines, rows]).sort_values(["order", "line"], kind="stable", ignore_index=True)
    return found


def add_up(orders: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The orders with ``cents``, the sum of their lines."""
    total = np.bincount(lines["order"], weights=lines["cents"], minlength=len(orders)).astype(np.int64)
    return orders.assign(cents=total)


def revenue_between(world: World, orders: pd.DataFrame, first: int, last: int) -> Floats:
    """Money (yuan) of each customer from day *first* to day *last*, both included."""
    rows = orders[orders["happened"] & orders["day_of"].between(first, last)]
    return np.bincount(rows["customer"], weights=rows["cents"] / 100, minlength=len(world.customers)).astype(float)


def make_interactions(world: World, valuable: Flags) -> pd.DataFrame:
    """Contacts: valuable customers about every seven weeks, the others now and then while they are customers.

    Returns:
        interaction_id, customer, day (float), day_of, minute, channel, kind, direction, employee, outcome, next_day (−1 where
        none is planned); in time order.
    """
    plan, c = world.plan, world.customers
    rng = stream(plan.seed, "interactions")
    n = len(c)
    begin = c["alive_from"].to_numpy(float)
    cared = np.flatnonzero(valuable)
    visits = plan.days // 48 + 1
    first = rng.random(len(cared)) * 48
    grid = (first[:, None] + 48 * np.arange(visits) + rng.normal(0, 7, (len(cared), visits))).ravel()
    who_grid = np.repeat(cared, visits)
    inside = (grid >= begin[who_grid]) & (grid < plan.days)
    casual = rng.poisson(np.where(valuable, 0.0, 0.8) * np.maximum(plan.days - begin, 0) / 365)
    who_casual = np.repeat(np.arange(n), casual)
    day_casual = begin[who_casual] + rng.random(len(who_casual)) * (plan.days - begin[who_casual])
    rows = pd.DataFrame(
        {"customer": np.concatenate([who_grid[inside], who_casual]), "day": np.concatenate([grid[inside], day_casual])}
    )
    m = len(rows)
    rows["minute"] = 540 + rng.integers(0, 540, m)
    rows["channel"] = np.array(["电话", "微信", "上门", "邮件"])[rng.choice(4, m, p=[0.4, 0.35, 0.15, 0.1])]
    rows["kind"] = np.array(["关怀回访", "新品介绍", "需求沟通", "续约沟通"])[rng.choice(4, m, p=[0.45, 0.25, 0.2, 0.1])]
    rows["direction"] = np.where(rng.random(m) < 0.85, "outbound", "inbound")
    rows["employee"] = c["owner"].to_numpy(str)[rows["customer"].to_numpy()]
    rows["outcome"] = np.array(["已沟通", "有意向", "未接通", "已成交"])[rng.choice(4, m, p=[0.5, 0.2, 0.2, 0.1])]
    rows["next_day"] = np.where(rng.random(m) < 0.4, np.floor(rows["day"]) + rng.integers(14, 60, m), -1).astype(int)
    rows["day_of"] = np.floor(rows["day"]).astype(int)
    rows = rows.sort_values(["day_of", "minute", "customer"], kind="stable", ignore_index=True)
    rows.insert(0, "interaction_id", numbered("G", np.arange(m), 6))
    return rows


def minutes(rng: np.random.Generator, n: int) -> Ints:
    """Minutes of the day for *n* events, by :data:`HOURS`."""
    hour = np.searchsorted(np.cumsum(HOURS) / HOURS.sum(), rng.random(n), side="right")
    return np.minimum(hour, 23) * 60 + rng.integers(0, 60, n)


def numbered(prefix: str, number: Ints, width: int) -> pd.Series:
    """Identifiers such as ``D0000001``, counted from 1."""
    return pd.Series(np.char.add(prefix, np.char.zfill((np.asarray(number) + 1).astype(str), width)))


def product_position(world: World, product_id: str) -> int:
    """Row of a product."""
    return int(np.flatnonzero((world.products["product_id"] == product_id).to_numpy())[0])


def _month(world: World, day: Floats) -> Ints:
    opens = np.datetime64(world.plan.opens, "D")
    months: Ints = (opens + np.floor(day).astype("timedelta64[D]")).astype("datetime64[M]").astype(np.int64) % 12
    return months


def _draw(weights: pd.Series, u: Floats) -> Ints:
    shares = np.cumsum(weights.to_numpy(float))
    return np.searchsorted(shares / shares[-1], u, side="right").clip(max=len(shares) - 1)
