"""The invented client: its customers with what nobody sees of them, and its products with what goes together.

A customer buys by a Poisson process with a rate of his own (gamma distributed), until he drops out (exponential
lifetime, longer where he is content), each time for an amount that follows a factor of his own (lognormal): the
assumptions of the "buy till you die" models (Schmittlein, Morrison & Colombo 1987; Fader, Hardie & Lee 2005).
Source: rows C3, L3, L4 and S3 of method.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbook.synthetic.names import company_names, person_names, phones
from workbook.synthetic.plan import Plan, stream

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TIERS = ("diamond", "gold", "silver", "ordinary")
TIER_SHARES = (0.05, 0.20, 0.50)
"""Cumulated shares of customers, best first, that are diamond, gold and silver; the rest is ordinary."""

REGIONS = ("上海", "北京", "广州", "深圳", "杭州", "成都", "南京", "武汉", "西安", "青岛")
INDUSTRIES = ("餐饮", "科技", "教育", "金融", "制造", "医疗", "传媒", "零售")
SIZES = ("微型", "小型", "中型", "大型")
SOURCES = ("门店", "小程序", "网店", "转介绍", "展会")
OWNERS = ("客户经理甲", "客户经理乙", "客户经理丙", "客户经理丁", "客户经理戊", "客户经理己")
CREDIT = ("AAA", "AA", "A", "BBB", "BB", "B")


@dataclass(frozen=True)
class Assumptions:
    """The truth from which customers are drawn; all of it goes to truth.json.

    Attributes:
        company_share: share of companies among customers.
        shop_share: share of persons known to the shop's system alone.
        existing_share: share of customers who were there before the history begins.
        lost_share: share of those who had already dropped out by then.
        prospect_share: share of customers who never buy.
        rate_shape: shape of the gamma distribution of purchase rates.
        person_rate, company_rate: mean orders a week while alive.
        lifetime_days: mean days until a customer of average contentment drops out.
        contentment_on_lifetime: log change of the mean lifetime per standard deviation of contentment.
        spend_sigma: standard deviation of the log spend factor.
    """

    company_share: float = 0.17
    shop_share: float = 0.12
    existing_share: float = 0.6
    lost_share: float = 0.08
    prospect_share: float = 0.05
    rate_shape: float = 1.6
    person_rate: float = 0.10
    company_rate: float = 0.15
    lifetime_days: float = 1200.0
    contentment_on_lifetime: float = 0.35
    spend_sigma: float = 0.45


@dataclass(frozen=True)
class Pair:
    """Two products that go together: *attach* is the chance that the companion joins a basket with the anchor."""

    anchor: str
    companion: str
    attach: float


PRODUCTS = pd.DataFrame(
    [
        # code, name, category, price, cost share, weight for persons, for companies, bought one at a time
        ("P01", "意式拼配咖啡豆", "咖啡豆", 78.0, 0.45, 14, 16, False),
        ("P02", "单品手冲咖啡豆", "咖啡豆", 98.0, 0.48, 10, 5, False),
        ("P03", "低因咖啡豆", "咖啡豆", 88.0, 0.50, 4, 3, False),
        ("P04", "挂耳咖啡礼盒", "咖啡豆", 69.0, 0.42, 12, 8, False),
        ("P05", "冷萃咖啡液", "咖啡豆", 59.0, 0.40, 9, 6, False),
        ("P06", "胶囊咖啡组合", "咖啡豆", 128.0, 0.44, 7, 9, False),
        ("P11", "全自动咖啡机", "设备", 1299.0, 0.66, 0.8, 1.6, True),
        ("P12", "胶囊咖啡机", "设备", 599.0, 0.62, 1.2, 1.2, True),
        ("P13", "电动磨豆机", "设备", 399.0, 0.58, 1.4, 0.9, True),
        ("P14", "手冲壶套装", "设备", 219.0, 0.52, 2.2, 0.4, True),
        ("P15", "奶泡机", "设备", 169.0, 0.55, 1.8, 0.8, True),
        ("P21", "滤纸", "耗材", 25.0, 0.35, 5, 5, False),
        ("P22", "除垢剂", "耗材", 39.0, 0.30, 1.6, 3, False),
        ("P23", "清洁药片", "耗材", 45.0, 0.32, 1.6, 3, False),
        ("P24", "滤芯", "耗材", 89.0, 0.45, 1.4, 3.5, False),
        ("P25", "纸杯", "耗材", 32.0, 0.50, 1.0, 9, False),
        ("P31", "随行杯", "杯具", 119.0, 0.40, 5, 1.5, False),
        ("P32", "陶瓷杯", "杯具", 79.0, 0.38, 4, 1.5, False),
        ("P33", "玻璃分享壶", "杯具", 99.0, 0.40, 2.0, 0.5, False),
        ("P41", "燕麦奶", "饮品伴侣", 22.0, 0.60, 6, 7, False),
        ("P42", "风味糖浆", "饮品伴侣", 48.0, 0.42, 2.5, 3, False),
        ("P43", "红茶", "饮品伴侣", 66.0, 0.45, 3.5, 5, False),
        ("P44", "曲奇饼干", "饮品伴侣", 38.0, 0.50, 4, 6, False),
        ("P51", "上门保养服务", "服务", 199.0, 0.55, 0.5, 2.0, True),
        ("P52", "咖啡体验课", "服务", 159.0, 0.45, 1.2, 0.5, True),
    ],
    columns=["product_id", "name", "category", "price", "cost_share", "weight_person", "weight_company", "single"],
)

PAIRS = (
    Pair("P02", "P21", 0.34),
    Pair("P11", "P22", 0.55),
    Pair("P12", "P06", 0.60),
    Pair("P13", "P02", 0.45),
    Pair("P05", "P41", 0.30),
    Pair("P24", "P23", 0.35),
)


@dataclass(frozen=True)
class World:
    """A client with everything that the files will not show.

    Attributes:
        plan: what was asked for.
        customers: one row a true customer in order of ``customer_id``; times are days since ``plan.opens``. Hidden
            columns: rate (orders a week), spend (factor), contentment (standard normal), alive_from, alive_to, value
            (expected yearly value while active, relative), stratum (its tier by rank, in which pilots are drawn).
        products: one row a product with its weights in a basket.
        pairs: products that go together.
        assumptions: the distributions behind it.
    """

    plan: Plan
    customers: pd.DataFrame
    products: pd.DataFrame = field(default_factory=lambda: PRODUCTS)
    pairs: tuple[Pair, ...] = PAIRS
    assumptions: Assumptions = Assumptions()


def make_world(plan: Plan, assumptions: Assumptions | None = None) -> World:
    """Draw the customers of *plan*; no fault is in them yet."""
    a = assumptions or Assumptions()
    rng = stream(plan.seed, "world")
    n = plan.customers
    company = rng.random(n) < a.company_share
    prospect = rng.random(n) < a.prospect_share
    existing = rng.random(n) < np.where(prospect, 0.3, a.existing_share)
    created = np.where(existing, -rng.integers(1, 5 * 365, n), rng.integers(0, plan.days, n))
    contentment = rng.standard_normal(n)
    mean_rate = np.where(company, a.company_rate, a.person_rate)
    rate = rng.gamma(a.rate_shape, mean_rate / a.rate_shape)
    spend = np.exp(a.spend_sigma * rng.standard_normal(n) - a.spend_sigma**2 / 2)
    lifetime = rng.exponential(a.lifetime_days * np.exp(a.contentment_on_lifetime * contentment))
    lost = (rng.random(n) < a.lost_share) & existing
    alive_from = np.maximum(created, 0)
    # exponential lifetimes have no memory: who is alive when the history begins has a whole lifetime before him
    alive_to = np.where(lost | prospect, 0.0, alive_from + lifetime)
    value = rate * spend * np.where(company, 2.5, 1.0)
    shop = ~company & ~prospect & (rng.random(n) < a.shop_share)
    customers = pd.DataFrame(
        {
            "customer_id": _ids(shop),
            "system": np.where(shop, "shop", "crm"),
            "kind": np.where(company, "company", "person"),
            "created": created,
            "region": np.array(REGIONS)[rng.choice(len(REGIONS), n, p=_falling(len(REGIONS)))],
            "industry": np.array(INDUSTRIES)[rng.choice(len(INDUSTRIES), n, p=_falling(len(INDUSTRIES)))],
            "size": np.where(company, np.array(SIZES)[rng.choice(4, n, p=[0.3, 0.4, 0.2, 0.1])], ""),
            "channel": np.where(shop, "小程序", np.array(SOURCES)[rng.choice(5, n, p=[0.3, 0.25, 0.2, 0.15, 0.1])]),
            "phone": phones(rng, n),
            "birthday": rng.integers(-60 * 365, -20 * 365, n),
            "owner": np.array(OWNERS)[rng.integers(0, len(OWNERS), n)],
            "prospect": prospect,
            "rate": rate,
            "spend": spend,
            "contentment": contentment,
            "alive_from": alive_from.astype(float),
            "alive_to": alive_to,
            "value": value,
            "stratum": tier_of(np.where(prospect, 0.0, value)),
            "credit": np.array(CREDIT)[np.clip(rng.normal(2.2, 1.3, n).round().astype(int), 0, 5)],
        }
    )
    customers["email"] = "u" + pd.Series(rng.permutation(n) + 10_000).astype(str) + "@example." + np.where(shop, "com", "cn")
    names = stream(plan.seed, "names")
    customers["name"] = np.where(company, company_names(names, customers["industry"].to_numpy(str)), person_names(names, n))
    return World(plan, customers.sort_values("customer_id", ignore_index=True), assumptions=a)


def tier_of(value: Floats) -> npt.NDArray[np.str_]:
    """The tier of each value by its rank: 5 % diamond, 15 % gold, 30 % silver, 50 % ordinary; no value is ordinary.

    >>> tier_of(np.arange(1.0, 21.0))[[0, 9, 10, 15, 16, 19]].tolist()
    ['ordinary', 'ordinary', 'silver', 'silver', 'gold', 'diamond']
    """
    rank = np.empty(len(value))
    rank[np.argsort(-value, kind="stable")] = np.arange(len(value))
    step = np.searchsorted(np.array(TIER_SHARES), rank / max(len(value), 1), side="right")
    return np.array(TIERS)[np.where(value > 0, step, 3)]


def _ids(shop: Flags) -> npt.NDArray[np.str_]:
    """``C000001`` for customers of the CRM and ``S000001`` for members of the shop, each numbered from 1."""
    order = np.where(shop, np.cumsum(shop), np.cumsum(~shop))
    return np.char.add(np.where(shop, "S", "C"), np.char.zfill(order.astype(str), 6))


def _falling(n: int) -> Floats:
    """Shares that fall from the first to the last."""
    weights = 1 / (np.arange(n) + 2.0)
    shares: Floats = weights / weights.sum()
    return shares
