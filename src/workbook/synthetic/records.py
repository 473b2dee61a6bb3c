"""What the client keeps about its customers: states and tiers, needs, consents, contracts, risk and leads.

Source: rows C3, D5–D7, L1, L5, X1, X2, X4 of method.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbook.synthetic.activity import numbered, revenue_between
from workbook.synthetic.plan import stream
from workbook.synthetic.world import CREDIT, Ints, World, tier_of

STATES = ("prospect", "active", "dormant", "lost")
DORMANT_DAYS, LOST_DAYS = 90, 180
"""Days without an order after which the client's own rule calls a customer dormant, and lost."""

NEEDS = (
    "稳定供货",
    "降低采购成本",
    "缩短等待时间",
    "提升办公室咖啡体验",
    "学习冲煮方法",
    "定制礼品",
    "减少设备停机",
    "会员优惠",
)
RENEWAL = 0.62
"""Chance that a customer of average contentment renews a contract."""


@dataclass(frozen=True)
class States:
    """The state of each customer at the end of each month.

    Attributes:
        days: last day of each month, since the history opens; the first entry is the day before it opens.
        state: position in :data:`STATES`, one row a month, one column a customer.
    """

    days: Ints
    state: npt.NDArray[np.int8]

    def known(self, day: Ints) -> npt.NDArray[np.int8]:
        """The state that was on record for each customer on the given day of his own."""
        month = np.searchsorted(self.days, day, side="right") - 1
        found: npt.NDArray[np.int8] = self.state[np.maximum(month, 0), np.arange(self.state.shape[1])]
        return found


def make_states(world: World, orders: pd.DataFrame) -> States:
    """Follow each customer's state by days since the last order."""
    plan, c = world.plan, world.customers
    months = pd.date_range(plan.opens, plan.last.end, freq="ME")
    days = np.concatenate([[-1], (months - pd.Timestamp(plan.opens)).days.to_numpy()])
    n = len(c)
    real = orders[orders["happened"]]
    who, when = real["customer"].to_numpy(), real["day_of"].to_numpy()
    # before the history: who is alive then bought lately, who is not has long been lost
    last = np.where(c["created"] < 0, np.where(c["alive_to"] > 0, -30, -400), -10_000)
    last = np.where(c["prospect"], -10_000, last)
    state = np.empty((len(days), n), dtype=np.int8)
    for row, day in enumerate(days):  # two dozen months, not customers
        since = days[row - 1] if row else -1
        fresh = (when > since) & (when <= day)
        np.maximum.at(last, who[fresh], when[fresh])
        idle = day - last
        state[row] = np.where(last == -10_000, 0, np.where(idle > LOST_DAYS, 3, np.where(idle > DORMANT_DAYS, 2, 1)))
    return States(days, state)


def status_history(world: World, states: States) -> pd.DataFrame:
    """Every change of state: customer, day_of, old, new (positions in :data:`STATES`)."""
    month, who = np.nonzero(np.diff(states.state, axis=0))
    created = world.customers["created"].to_numpy()
    day = states.days[month + 1]
    rows = pd.DataFrame({"customer": who, "day_of": day, "old": states.state[month, who], "new": states.state[month + 1, who]})
    found: pd.DataFrame = rows[rows["day_of"] >= created[rows["customer"].to_numpy()]].reset_index(drop=True)
    return found


def client_tiers(world: World, orders: pd.DataFrame, end: int) -> npt.NDArray[np.str_]:
    """The client's own tier at day *end*: the rank by revenue of the year before."""
    return tier_of(revenue_between(world, orders, end - 364, end))


def make_needs(world: World, orders: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Needs with a recommended product: three in five name what is bought within the next weeks.

    Returns:
        customer, day_of, need, level (root or surface), source, product (position), matched.
    """
    rng = stream(world.plan.seed, "needs")
    happened = orders["happened"].to_numpy()[lines["order"].to_numpy()] & (lines["refund_of"] == 0).to_numpy()
    chosen = lines[happened & (rng.random(len(lines)) < 0.075)]
    order = chosen["order"].to_numpy()
    m = len(chosen)
    matched = rng.random(m) < 0.6
    rows = pd.DataFrame(
        {
            "customer": orders["customer"].to_numpy()[order],
            "day_of": orders["day_of"].to_numpy()[order] - rng.integers(2, 40, m),
            "need": np.array(NEEDS)[rng.choice(len(NEEDS), m, p=[0.2, 0.16, 0.14, 0.14, 0.12, 0.08, 0.08, 0.08])],
            "level": np.where(rng.random(m) < 0.8, "root", "surface"),
            "source": np.array(["访谈", "问卷", "客服", "拜访"])[rng.choice(4, m, p=[0.3, 0.3, 0.25, 0.15])],
            "product": np.where(matched, chosen["product"].to_numpy(), rng.integers(0, len(world.products), m)),
            "matched": matched,
        }
    )
    created = world.customers["created"].to_numpy()[rows["customer"].to_numpy()]
    rows = rows[(rows["day_of"] >= np.maximum(created, 0)) & (rows["day_of"] < world.plan.days)]
    rows = rows.drop_duplicates(["customer", "day_of", "need"])
    found: pd.DataFrame = rows.sort_values(["day_of", "customer", "need"], kind="stable", ignore_index=True)
    return found


def make_consents(world: World) -> pd.DataFrame:
    """Consents by purpose: customer, purpose, channel, granted, withdrawn (days; a large number where it still stands)."""
    rng = stream(world.plan.seed, "consents")
    c = world.customers
    parts = []
    for purpose, part in (("营销", 0.72), ("满意度调研", 0.25)):
        who = np.flatnonzero(rng.random(len(c)) < part)
        granted = c["created"].to_numpy()[who] + rng.integers(0, 20, len(who))
        away = rng.random(len(who)) < 0.07
        parts.append(
            pd.DataFrame(
                {
                    "customer": who,
                    "purpose": purpose,
                    "channel": np.array(["微信", "短信", "邮件"])[rng.choice(3, len(who), p=[0.5, 0.3, 0.2])],
                    "granted": granted,
                    "withdrawn": np.where(away, granted + rng.integers(30, 900, len(who)), 1_000_000),
                }
            )
        )
    return pd.concat(parts).sort_values(["customer", "purpose"], kind="stable", ignore_index=True)


def make_contracts(world: World) -> pd.DataFrame:
    """Yearly supply contracts of companies, renewed by chance and contentment.

    Returns:
        contract_id, customer, starts, ends (days), renewed, value (ten thousands of yuan).
    """
    rng = stream(world.plan.seed, "contracts")
    c = world.customers
    firms = np.flatnonzero(((c["kind"] == "company") & ~c["prospect"]).to_numpy())
    mine = firms[rng.random(len(firms)) < 0.6]
    odds = np.log(RENEWAL / (1 - RENEWAL)) + 0.6 * c["contentment"].to_numpy(float)[mine]
    starts = np.maximum(c["created"].to_numpy()[mine], -400) + rng.integers(5, 90, len(mine))
    value = np.round(1.2 * c["spend"].to_numpy(float)[mine] * np.exp(0.5 * rng.standard_normal(len(mine))) + 0.3, 1)
    going = np.ones(len(mine), dtype=bool)
    terms = []
    for term in range(1, 2 + world.plan.days // 365):  # two or three terms, not customers
        renewed = rng.random(len(mine)) < 1 / (1 + np.exp(-odds))
        terms.append(
            pd.DataFrame(
                {
                    "contract_id": numbered("HT", mine, 5) + f"-{term}",
                    "customer": mine,
                    "starts": starts,
                    "ends": starts + 364,
                    "renewed": renewed,
                    "value": value,
                }
            )[going]
        )
        going = going & renewed
        starts = starts + 365
        value = np.round(value * 1.05, 1)
    return pd.concat(terms).sort_values(["starts", "contract_id"], kind="stable", ignore_index=True)


def make_risk(world: World) -> pd.DataFrame:
    """Credit of companies from a third party: customer, credit_rating, disputes, overdue_days."""
    rng = stream(world.plan.seed, "risk")
    c = world.customers
    firms = np.flatnonzero((c["kind"] == "company").to_numpy())
    grade = c["credit"].map({rating: i for i, rating in enumerate(CREDIT)}).to_numpy()[firms]
    return pd.DataFrame(
        {
            "customer": firms,
            "credit_rating": c["credit"].to_numpy(str)[firms],
            "disputes": rng.poisson(0.06 * (grade + 1)),
            "overdue_days": np.where(rng.random(len(firms)) < 0.12 * (grade + 1), rng.integers(1, 90, len(firms)), 0),
        }
    )


def make_leads(world: World) -> pd.DataFrame:
    """Leads: every prospect and those who joined during the history; stage 成交 where they bought.

    Returns:
        lead_id, customer, created, source, stage, stage_day.
    """
    rng = stream(world.plan.seed, "leads")
    c = world.customers
    who = np.flatnonzero((c["prospect"] | ((c["created"] >= 0) & (rng.random(len(c)) < 0.4))).to_numpy())
    joined = c["created"].to_numpy()[who]
    bought = ~c["prospect"].to_numpy()[who]
    created = np.where(bought, joined - rng.integers(3, 60, len(who)), joined)
    open_stage = np.array(["新线索", "已联系", "有意向", "已放弃"])[rng.choice(4, len(who), p=[0.3, 0.3, 0.2, 0.2])]
    rows = pd.DataFrame(
        {
            "customer": who,
            "created": created,
            "source": np.array(["展会", "官网", "转介绍", "广告"])[rng.choice(4, len(who), p=[0.2, 0.35, 0.25, 0.2])],
            "stage": np.where(bought, "成交", open_stage),
            "stage_day": np.where(bought, joined, created + rng.integers(1, 45, len(who))),
        }
    )
    rows = rows.sort_values(["created", "customer"], kind="stable", ignore_index=True)
    rows["lead_id"] = numbered("L", np.arange(len(rows)), 5)
    return rows
