"""What the latent quantities of each customer make probable on a given day: the profile without its noise.

A delivery shows draws; the truth behind them is their mean given the customer's own rate, spend, kind and the days between
which he was a customer. Graded by an engagement's policy these means give the tiers that a run should find again.
Source: row C3 of method.md; a Poisson process thinned by month and by content of the basket stays Poisson.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.synthetic.activity import (
    DISCOUNTED,
    DISCOUNTS,
    EXTRA_PICKS,
    MORE_UNITS,
    REFUND_SHARE,
    SEASON,
    SECOND_MACHINE,
    product_position,
)
from workbook.synthetic.records import make_risk
from workbook.synthetic.world import Floats, World


def expected_profile(world: World, end: int, *, period: int = 92, window: int = 365) -> pd.DataFrame:
    """The mean of what a profile would hold of each customer, given all that is hidden of him.

    Args:
        world: the client.
        end: last day, counted from ``plan.opens``.
        period: days of the period that ends then.
        window: days of the window that ends then.

    Returns:
        customer_id, orders, revenue, revenue_period, revenue_previous, categories, recency_days, overdue_days; one row a
        customer known by then, under the position in ``world.customers``. Who never can have ordered has no recency. Orders
        that a pilot added are left out: they are no trait.
    """
    money = expected_amount(world)
    orders, first = _orders(world, end - window, end)
    now, before = (sum(_orders(world, last - period, last)) for last in (end, end - period))
    company = (world.customers["kind"] == "company").to_numpy()
    categories = np.zeros(len(company))
    for category in world.products["category"].unique():  # half a dozen, not customers
        share = np.array([_share_with(world, chosen, category) for chosen in _basket(world)])[company.astype(int)]
        categories += 1 - np.exp(-orders * share) * (1 - share) ** first
    risk = make_risk(world)
    frame = pd.DataFrame(
        {
            "customer_id": world.customers["customer_id"],
            "orders": orders + first,
            "revenue": (orders + first) * money,
            "revenue_period": now * money,
            "revenue_previous": before * money,
            "categories": categories,
            "recency_days": expected_recency(world, end),
            "overdue_days": risk.set_index("customer")["overdue_days"].reindex(range(len(company))).to_numpy(float),
        }
    )
    return frame[(world.customers["created"] <= end).to_numpy()]


def expected_amount(world: World) -> Floats:
    """Mean amount of an order (yuan, refunds off) of each customer."""
    p, c = world.products, world.customers
    company = (c["kind"] == "company").to_numpy()
    spend = c["spend"].to_numpy(float)
    usual = 1 + c["kind"].map(MORE_UNITS).to_numpy(float) * spend
    single = p["single"].to_numpy(bool)
    price = p["price"].to_numpy(float)
    total = np.zeros(len(c))
    for mine, big in ((~company, 0), (company, 1)):
        chosen = _basket(world)[big]
        held = 1 - _without(chosen)
        for pair in world.pairs:
            a, b = product_position(world, pair.anchor), product_position(world, pair.companion)
            held[b] += pair.attach * (_without(chosen[b]) - _without(chosen[a] + chosen[b]))
        below = np.concatenate([[0.0], np.cumsum(chosen)])
        first = _without(below[:-1]) - _without(below[1:])
        weight = (held - REFUND_SHARE * first) * price
        alone = weight[single].sum() * (1 + SECOND_MACHINE * big)
        total[mine] = alone + weight[~single].sum() * usual[mine]
    found: Floats = total * (1 - DISCOUNTED * float(np.mean(DISCOUNTS)))
    return found


def expected_recency(world: World, end: int) -> Floats:
    """Mean days from the last order to day *end*, where there was one; NaN for who never can have ordered."""
    c = world.customers
    begin = c["alive_from"].to_numpy(float)
    stop = np.minimum(c["alive_to"].to_numpy(float), end + 1)
    length = np.maximum(stop - begin, 0.0)
    pace = c["rate"].to_numpy(float) / 7
    silent = np.exp(-pace * length)
    joined = c["created"].to_numpy() >= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        since = np.where(joined, (1 - silent) / pace, 1 / pace - length * silent / (1 - silent))
    return np.where(length > 0, end - stop + since, np.nan)


def _orders(world: World, after: int, last: int) -> tuple[Floats, Floats]:
    """Mean number of usual orders, and of first ones, in the days after *after* up to *last*."""
    c = world.customers
    begin, stop = c["alive_from"].to_numpy(float), c["alive_to"].to_numpy(float)
    days = np.arange(0, last + 1)
    months = (np.datetime64(world.plan.opens, "D") + days).astype("datetime64[M]").astype(int) % 12
    passed = np.concatenate([[0.0], np.cumsum(SEASON[months])])  # seasonal days until the morning of each day

    def until(day: Floats) -> Floats:
        return np.asarray(np.interp(day, np.arange(len(passed)), passed))

    low, high = np.maximum(begin, after + 1), np.minimum(stop, last + 1)
    usual = c["rate"].to_numpy(float) / 7 * np.where(high > low, until(high) - until(low), 0.0)
    joined = (c["created"].to_numpy() >= 0) & (stop > begin)
    first = joined & (np.floor(begin + 0.5) > after) & (np.floor(begin + 0.5) <= last)
    return usual, first.astype(float)


def _basket(world: World) -> tuple[Floats, Floats]:
    """Chance of each product at each pick, of persons and of companies."""
    p = world.products
    person, company = (p[name].to_numpy(float) for name in ("weight_person", "weight_company"))
    return person / person.sum(), company / company.sum()


def _without(chance: Floats | float) -> Floats:
    """Chance that a basket of 1 + Poisson picks holds nothing of what comes with *chance* at each pick."""
    return np.asarray((1 - chance) * np.exp(-EXTRA_PICKS * np.asarray(chance)))


def _share_with(world: World, chosen: Floats, category: str) -> float:
    """Chance that an order holds the category, be it as the companion of a product of another one."""
    inside = (world.products["category"] == category).to_numpy()
    own = float(chosen[inside].sum())
    share = 1 - float(_without(own))
    for pair in world.pairs:
        anchor, companion = (product_position(world, product) for product in (pair.anchor, pair.companion))
        if inside[companion] and not inside[anchor]:
            share += pair.attach * float(_without(own) - _without(own + chosen[anchor]))
    return share
