"""Products that go together, and buyers who never get the companion (X4, cross-sell not caught)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from workbook.tables import Tables

MOST_PRODUCTS = 60
"""Only pairs of the products in the most baskets are looked at: rarer ones cannot carry a measure of their own."""

MOST_PAIRS = 5
SMALLEST_PAIR = 10
"""Baskets with both products that a pair must have."""

SUREST = 3.0
"""Standard deviations by which these baskets must exceed what chance gives (Poisson): with hundreds of pairs looked at, less
would find pairs in noise."""

Floats = npt.NDArray[np.float64]


def companion_pairs(tables: Tables, lift: float, months: int) -> pd.DataFrame:
    """The pairs of products with the highest basket lift over the trailing window, at most five.

    Args:
        lift: smallest lift, P(A and B) / (P(A) P(B)).
        months: length of the window that ends on the analysis date.

    Returns:
        anchor (the rarer product), companion, baskets (with the anchor), joint, lift, attach = joint / baskets.
    """
    return tables.sql(
        f"""
        with {_BASKETS}, popular as (
            select product_id, count(*) as baskets from baskets group by product_id
            order by count(*) desc, product_id limit {MOST_PRODUCTS}
        ), total as (
            select count(*) as n from (select order_id from baskets group by order_id)
        ), joint as (
            select a.product_id as first_id, b.product_id as second_id, count(*) as joint
            from baskets a
            join popular pa on pa.product_id = a.product_id
            join baskets b on b.order_id = a.order_id and b.product_id > a.product_id
            join popular pb on pb.product_id = b.product_id
            group by a.product_id, b.product_id having count(*) >= {SMALLEST_PAIR}
        )
        select case when x.baskets <= y.baskets then j.first_id else j.second_id end as anchor,
               case when x.baskets <= y.baskets then j.second_id else j.first_id end as companion,
               least(x.baskets, y.baskets) as baskets, j.joint,
               j.joint * (select n from total) / nullif(cast(x.baskets as double) * y.baskets, 0) as lift,
               j.joint / nullif(cast(least(x.baskets, y.baskets) as double), 0) as attach
        from joint j
        join popular x on x.product_id = j.first_id
        join popular y on y.product_id = j.second_id
        where j.joint * (select n from total) >= $lift * x.baskets * y.baskets
          and j.joint - x.baskets * y.baskets / nullif(cast((select n from total) as double), 0)
              >= {SUREST} * sqrt(x.baskets * y.baskets / nullif(cast((select n from total) as double), 0))
        order by lift desc, anchor, companion limit {MOST_PAIRS}
        """,
        lift=float(lift), months=months,
    )  # fmt: skip


def anchor_buyers(tables: Tables, pairs: pd.DataFrame, months: int) -> pd.DataFrame:
    """One row a pair and buyer of its anchor: ``baskets`` with the anchor, ``taken`` among them with the companion, and
    ``owns``: whether the companion was bought in any basket of the window."""
    tables.connection.register("pairs_of_products", pairs[["anchor", "companion"]])
    try:
        return tables.sql(
            f"""
            with {_BASKETS}, buyers as (
                select p.anchor, p.companion, a.customer_id, count(*) as baskets,
                       sum(case when b.order_id is not null then 1 else 0 end) as taken
                from pairs_of_products p
                join baskets a on a.product_id = p.anchor
                left join baskets b on b.order_id = a.order_id and b.product_id = p.companion
                where a.customer_id is not null
                group by p.anchor, p.companion, a.customer_id
            ), owners as (
                select customer_id, product_id from baskets group by customer_id, product_id
            )
            select s.anchor, s.companion, s.customer_id, s.baskets, s.taken, o.customer_id is not null as owns
            from buyers s
            left join owners o on o.customer_id = s.customer_id and o.product_id = s.companion
            order by s.anchor, s.companion, s.customer_id
            """,
            months=months,
        )
    finally:
        tables.connection.unregister("pairs_of_products")


_BASKETS = """
    baskets as (
        select o.order_id, o.customer_id, l.product_id
        from order_lines l join orders o on o.order_id = l.order_id
        where l.refund_of is null and l.product_id is not null
          and cast(o.ordered_at as date) > cast($end as date) - to_months($months)
          and cast(o.ordered_at as date) <= cast($end as date)
        group by o.order_id, o.customer_id, l.product_id
    )
"""


@dataclass(frozen=True)
class NeverShare:
    """Estimated share of buyers who never take the companion, with its likelihood interval."""

    share: float
    low: float
    high: float


def never_takers(pair: npt.ArrayLike, baskets: npt.ArrayLike, taken: npt.ArrayLike, confidence: float) -> NeverShare:
    """The share of buyers who never take the companion beyond what chance leaves without it.

    A buyer with few baskets may lack the companion by chance alone. So takers take it in each basket with the pair's own
    probability, and a share *m*, common to the pairs, never takes it: a zero-inflated binomial (Hall 2000), fitted by
    maximum likelihood (EM for the probabilities on a grid of *m*); the interval holds every *m* that the likelihood-ratio
    test at *confidence* does not reject.

    Args:
        pair: pair of each buyer, any label; shape (n,).
        baskets: baskets with the anchor, at least 1; shape (n,).
        taken: those among them with the companion; shape (n,).
        confidence: level of the interval.
    """
    cells = (
        pd.DataFrame({"pair": np.asarray(pair), "k": np.asarray(baskets), "x": np.asarray(taken)})
        .groupby(["pair", "k", "x"]).size().rename("n").reset_index()
    )  # fmt: skip
    code = pd.factorize(cells["pair"])[0]
    k, x, n = (cells[c].to_numpy(float) for c in ("k", "x", "n"))
    grid = np.linspace(0.0, 0.99, 199)
    log_likelihood = np.array([_profile(m, code, k, x, n) for m in grid])
    best = int(np.argmax(log_likelihood))
    inside = grid[log_likelihood >= log_likelihood[best] - stats.chi2.ppf(confidence, 1) / 2]
    return NeverShare(float(grid[best]), float(inside.min()), float(inside.max()))


def _profile(m: float, code: npt.NDArray[np.intp], k: Floats, x: Floats, n: Floats) -> float:
    """Largest log likelihood over the probabilities of the pairs, given the share *m* of never-takers."""
    probability = np.bincount(code, n * x) / np.bincount(code, n * k)
    for _ in range(60):
        p = np.clip(probability[code], 1e-9, 1 - 1e-9)
        none = (1 - m) * (1 - p) ** k
        taker = np.where(x > 0, 1.0, none / (m + none))
        probability = np.bincount(code, n * x) / np.maximum(np.bincount(code, n * taker * k), 1e-12)
    p = np.clip(probability[code], 1e-9, 1 - 1e-9)
    with_some = np.log1p(-m) + x * np.log(p) + (k - x) * np.log1p(-p)
    return float(np.sum(n * np.where(x > 0, with_some, np.log(m + (1 - m) * (1 - p) ** k))))
