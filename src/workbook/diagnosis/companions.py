"""Products that go together, and buyers who take the companion no more often than chance (X4, cross-sell not caught)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from workbook.tables import Tables

MOST_PRODUCTS = 2000
"""Only pairs of the products in the most baskets are looked at: rarer ones cannot carry a measure of their own."""

MOST_PAIRS = 5
SMALLEST_PAIR = 10
"""Baskets with both products that a pair must have."""

FALSE_PAIRS = 0.05
"""Chance of even one pair found in noise, over all pairs of the products looked at (Bonferroni)."""

Floats = npt.NDArray[np.float64]


@contextmanager
def baskets_of(tables: Tables, months: int) -> Iterator[None]:
    """What was bought together over the trailing *months*, as two short-lived tables that the functions below read.

    Identifiers are replaced by numbers, so that a million baskets of thousands of products join in seconds; refunded lines are
    no purchases of their own.
    """
    connection = tables.connection
    tables.sql(
        """
        create or replace temp table window_orders as
        select order_id, customer_id, row_number() over () as basket from orders
        where cast(ordered_at as date) > cast($end as date) - to_months($months)
          and cast(ordered_at as date) <= cast($end as date)
        """,
        months=months,
    )
    connection.execute(
        """
        create or replace temp table window_products as
        select product_id, row_number() over (order by product_id) as product from (
            select distinct product_id from order_lines where product_id is not null
        )
        """
    )
    connection.execute(
        """
        create or replace temp table window_baskets as
        select distinct o.basket, p.product
        from order_lines l join window_orders o on o.order_id = l.order_id join window_products p on p.product_id = l.product_id
        where l.refund_of is null
        """
    )
    try:
        yield
    finally:
        for name in ("window_baskets", "window_products", "window_orders"):
            connection.execute(f"drop table {name}")


def companion_pairs(tables: Tables, lift: float) -> pd.DataFrame:
    """The surest pairs of products that stand in one basket more often than by chance, at most five.

    A pair counts where so many joint baskets are so unlikely by chance (Poisson) that among all pairs looked at not one would
    be expected; the surest is the one of the largest deviance. The anchor is the dearer product, since an add-on is offered to
    the larger purchase; where prices are not known or equal it is the rarer one.

    Args:
        tables: inside :func:`baskets_of`.
        lift: smallest lift, P(A and B) / (P(A) P(B)).

    Returns:
        anchor, companion, baskets (with the anchor), joint, lift with lift_low and lift_high (exact Poisson, for all pairs
        looked at together), attach = joint / baskets, pairs (looked at), and chance: how often the companion would stand in a
        basket with the anchor if each other place there held it as often as a place in baskets without it.
    """
    found = _surest(_joint_baskets(tables, lift))
    tables.connection.register("pairs_found", found)
    try:
        pairs = tables.sql(_DIRECTED)
    finally:
        tables.connection.unregister("pairs_found")
    per_place = pairs["per_place"].astype(float).fillna(0.0).clip(0.0, 0.99)
    pairs["chance"] = (1 - (1 - per_place) ** (pairs["others"] / (1 - per_place))).clip(upper=pairs["attach"])
    tail = FALSE_PAIRS / (2 * pairs["pairs"])
    expected = pairs["joint"] / pairs["lift"]
    pairs["lift_low"] = stats.gamma.ppf(tail, pairs["joint"]) / expected
    pairs["lift_high"] = stats.gamma.isf(tail, pairs["joint"] + 1) / expected
    shown: pd.DataFrame = pairs[
        ["anchor", "companion", "baskets", "joint", "lift", "lift_low", "lift_high", "attach", "chance", "pairs"]
    ]
    return shown


def _joint_baskets(tables: Tables, lift: float) -> pd.DataFrame:
    """Pairs of common products beyond *lift*: baskets with each and with both, and what chance gives; ``pairs`` looked at."""
    return tables.sql(
        f"""
        with popular as (
            select product, count(*) as baskets from window_baskets group by product having count(*) >= {SMALLEST_PAIR}
            order by count(*) desc, product limit {MOST_PRODUCTS}
        ), kept as (
            select b.basket, b.product, p.baskets from window_baskets b join popular p on p.product = b.product
        ), joint as (
            select a.product as first, b.product as second, any_value(a.baskets) as first_baskets,
                   any_value(b.baskets) as second_baskets, count(*) as joint
            from kept a join kept b on b.basket = a.basket and b.product > a.product
            group by a.product, b.product having count(*) >= {SMALLEST_PAIR}
        ), total as (
            select count(distinct basket) as n from window_baskets
        )
        select first, second, first_baskets, second_baskets, joint,
               cast(first_baskets as double) * second_baskets / n as expected,
               (select cast(count(*) as double) * (count(*) - 1) / 2 from popular) as pairs
        from joint cross join total
        where joint * cast(n as double) >= $lift * first_baskets * second_baskets
        order by first, second
        """,
        lift=float(lift),
    )


def _surest(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs of the largest Poisson deviance among those that chance does not explain."""
    joint, expected = pairs["joint"].to_numpy(float), pairs["expected"].to_numpy(float)
    sure = stats.poisson.sf(joint - 1, expected) * pairs["pairs"].to_numpy(float) <= FALSE_PAIRS
    deviance = joint * np.log(joint / expected) - (joint - expected)
    ranked = pairs.assign(deviance=deviance)[sure]
    ranked = ranked.sort_values(["deviance", "joint", "first_baskets", "second_baskets"], ascending=False, kind="stable")
    best: pd.DataFrame = ranked.head(MOST_PAIRS)
    return best


_DIRECTED = """
    with paid as (
        select p.product, sum(l.amount) / nullif(sum(l.quantity), 0) as price
        from order_lines l
        join window_products p on p.product_id = l.product_id
        where l.refund_of is null and l.quantity > 0 and l.amount > 0
          and (p.product in (select first from pairs_found) or p.product in (select second from pairs_found))
        group by p.product
    ), priced as (
        select w.product, w.product_id, coalesce(p.price, d.price) as price
        from window_products w
        left join products p on p.product_id = w.product_id
        left join paid d on d.product = w.product
    ), ordered as (
        select f.*, x.product_id as first_id, y.product_id as second_id,
               case when x.price is null or y.price is null or x.price = y.price
                    then f.first_baskets < f.second_baskets
                         or f.first_baskets = f.second_baskets and x.product_id < y.product_id
                    else x.price > y.price end as first_leads
        from pairs_found f
        join priced x on x.product = f.first
        join priced y on y.product = f.second
    ), led as (
        select case when first_leads then first_id else second_id end as anchor,
               case when first_leads then second_id else first_id end as companion,
               case when first_leads then first else second end as anchor_product,
               case when first_leads then first_baskets else second_baskets end as baskets,
               case when first_leads then second_baskets else first_baskets end as companion_baskets,
               joint, joint / expected as lift, deviance, pairs
        from ordered
    ), around as (
        select a.anchor_product, count(*) as places
        from (select distinct anchor_product from led) a
        join window_baskets b on b.product = a.anchor_product
        join window_baskets s on s.basket = b.basket
        group by a.anchor_product
    )
    select l.anchor, l.companion, l.baskets, l.joint, l.lift, cast(l.pairs as bigint) as pairs,
           l.joint / cast(l.baskets as double) as attach,
           (a.places - l.baskets - l.joint) / cast(l.baskets as double) as others,
           (l.companion_baskets - l.joint)
               / nullif(cast((select count(*) from window_baskets) - a.places as double), 0) as per_place
    from led l join around a on a.anchor_product = l.anchor_product
    order by l.deviance desc, l.anchor, l.companion
"""


def anchor_buyers(tables: Tables, pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a pair and buyer of its anchor: ``baskets`` with the anchor, ``taken`` among them with the companion, ``owns``:
    whether the companion was bought in any basket of the window, and ``chance`` of the pair; inside :func:`baskets_of`."""
    tables.connection.register("pairs_of_products", pairs[["anchor", "companion", "chance"]])
    try:
        return tables.sql(
            """
            with numbered as (
                select p.*, x.product as anchor_product, y.product as companion_product
                from pairs_of_products p
                join window_products x on x.product_id = p.anchor join window_products y on y.product_id = p.companion
            ), companions as (
                select distinct companion_product as product from numbered
            ), taking as (
                select b.basket, b.product from window_baskets b join companions c on c.product = b.product
            ), buyers as (
                select n.anchor, n.companion, n.companion_product, any_value(n.chance) as chance, o.customer_id,
                       count(*) as baskets, count(t.basket) as taken
                from numbered n
                join window_baskets a on a.product = n.anchor_product
                join window_orders o on o.basket = a.basket
                left join taking t on t.basket = a.basket and t.product = n.companion_product
                where o.customer_id is not null
                group by n.anchor, n.companion, n.companion_product, o.customer_id
            ), owners as (
                select distinct o.customer_id, t.product from taking t join window_orders o on o.basket = t.basket
            )
            select s.anchor, s.companion, s.customer_id, s.baskets, s.taken, s.chance, o.customer_id is not null as owns
            from buyers s
            left join owners o on o.customer_id = s.customer_id and o.product = s.companion_product
            order by s.anchor, s.companion, s.customer_id
            """
        )
    finally:
        tables.connection.unregister("pairs_of_products")


@dataclass(frozen=True)
class UnmovedShare:
    """Estimated share of buyers whom the pair does not move, with its likelihood interval."""

    share: float
    low: float
    high: float


def unmoved_share(
    pair: npt.ArrayLike, baskets: npt.ArrayLike, taken: npt.ArrayLike, chance: npt.ArrayLike, confidence: float
) -> UnmovedShare:
    """The share of buyers of an anchor who take its companion only as often as chance puts it there.

    Of the buyers a share *m*, common to the pairs, takes the companion with the pair's *chance*; the others with the pair's own
    higher probability. So the baskets of a buyer are a mixture of two binomials (one of them known), fitted by maximum
    likelihood (EM for the probabilities on a grid of *m*; Dempster, Laird & Rubin 1977); with chance 0 it is the zero-inflated
    binomial (Hall 2000). The interval holds every *m* that the likelihood-ratio test at *confidence* does not reject.

    Args:
        pair: pair of each buyer, any label; shape (n,).
        baskets: baskets with the anchor, at least 1; shape (n,).
        taken: those among them with the companion; shape (n,).
        chance: the pair's probability of the companion by chance, below 1; shape (n,).
        confidence: level of the interval.
    """
    cells = (
        pd.DataFrame({"pair": np.asarray(pair), "k": np.asarray(baskets), "x": np.asarray(taken), "q": np.asarray(chance)})
        .groupby(["pair", "k", "x", "q"]).size().rename("n").reset_index()
    )  # fmt: skip
    code = pd.factorize(cells["pair"])[0]
    k, x, n, q = (cells[c].to_numpy(float) for c in ("k", "x", "n", "q"))
    grid = np.linspace(0.0, 0.99, 199)
    log_likelihood = _profile(grid, code, k, x, n, np.clip(q, 1e-9, 1 - 1e-9))
    best = int(np.argmax(log_likelihood))
    inside = grid[log_likelihood >= log_likelihood[best] - stats.chi2.ppf(confidence, 1) / 2]
    return UnmovedShare(float(grid[best]), float(inside.min()), float(inside.max()))


def _profile(m: Floats, code: npt.NDArray[np.intp], k: Floats, x: Floats, n: Floats, q: Floats) -> Floats:
    """Largest log likelihood over the probabilities of the pairs (at least chance), for each share *m* of unmoved buyers."""
    member = np.eye(int(code.max()) + 1)[code]  # cells × pairs
    unmoved = x * np.log(q) + (k - x) * np.log1p(-q) + np.log(np.maximum(m, 1e-300))[:, None]
    floor = (n * q) @ member / (n @ member)
    probability = np.maximum((n * x) @ member / ((n * k) @ member), floor) * np.ones((len(m), 1))

    def moved() -> Floats:
        p = np.clip(probability, 1e-9, 1 - 1e-9)
        found: Floats = np.log1p(-m)[:, None] + x * np.log(p)[:, code] + (k - x) * np.log1p(-p)[:, code]
        return found

    for _ in range(60):
        taker = 1 / (1 + np.exp(np.clip(unmoved - moved(), -700, 700)))
        weight = (taker * (n * k)) @ member
        probability = np.maximum((taker * (n * x)) @ member / np.maximum(weight, 1e-12), floor)
    likelihood: Floats = np.logaddexp(unmoved, moved()) @ n
    return likelihood
