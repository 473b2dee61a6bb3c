"""The whole client in one hand: what truly happened, and what the faults made of it.

Source: row C3 of method.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.synthetic import activity, faults, pilot, records, service
from workbook.synthetic.activity import Sales
from workbook.synthetic.faults import Planted
from workbook.synthetic.flow import make_events
from workbook.synthetic.pilot import Measured
from workbook.synthetic.plan import Plan
from workbook.synthetic.records import States
from workbook.synthetic.tasks import make_tasks
from workbook.synthetic.world import Flags, Ints, World, make_world

VALUABLE_SHARE = 0.25
"""Share of customers, by the revenue of the whole history, whom account managers call regularly."""


@dataclass(frozen=True)
class Story:
    """Everything that happened to an invented client. Times are days or minutes since ``world.plan.opens``.

    Attributes:
        world: customers with what is hidden of them, products, pairs.
        sales: orders and lines that came about.
        stated_cents: the amount of each order as the shop states it.
        unfinished: which orders were begun once in vain before.
        tickets, events, feedback, interactions, needs, consents, contracts, risk, leads, tasks: as their makers describe them.
        states: each customer's state month by month.
        pilots: the trials with outcomes and true effects.
        record: what the client's systems hold of each customer where it differs from the truth: phone, email, industry.
        gaps: field: whose record lacks it.
        frozen: day on which each customer's record stopped being kept.
        twins: which customers the shop knows under a second id.
        late: which orders of the days after the last period are delivered all the same.
        twice: table: which rows stand twice in their file.
        spoiled: table: the rows whose time is no time.
        tiers: period: the client's own tier of each customer at its end.
        planted: fault: what it hit.
    """

    world: World
    sales: Sales
    stated_cents: Ints
    unfinished: Flags
    tickets: pd.DataFrame
    events: pd.DataFrame
    feedback: pd.DataFrame
    interactions: pd.DataFrame
    needs: pd.DataFrame
    consents: pd.DataFrame
    contracts: pd.DataFrame
    risk: pd.DataFrame
    leads: pd.DataFrame
    tasks: pd.DataFrame
    states: States
    pilots: tuple[Measured, ...]
    record: pd.DataFrame
    gaps: Mapping[str, Flags]
    frozen: Ints
    twins: Flags
    late: Flags
    twice: Mapping[str, Flags]
    spoiled: Mapping[str, Flags]
    tiers: Mapping[str, pd.Series]
    planted: Mapping[str, Planted]


def generate(source: Plan | World) -> Story:
    """Invent a client: from a plan, or from a world already drawn.

    The same plan always gives the same story.
    """
    world = source if isinstance(source, World) else make_world(source)
    plan = world.plan
    planted: dict[str, Planted] = {}
    sales, pilots, planted["missed_cross_sell"] = _sell(world)
    orders = sales.orders
    late, planted["late_rows"] = faults.late_rows(world, orders)
    delivered = orders["happened"].to_numpy() & ((orders["day_of"] < plan.days).to_numpy() | late)
    unfinished, planted["unfinished_orders"] = faults.unfinished(world, orders, delivered)
    stated, planted["wrong_totals"] = faults.wrong_totals(world, orders, delivered)

    tickets, planted["repeat_tickets"] = faults.repeat_tickets(world, service.make_tickets(world, orders))
    tickets, planted["late_responses"] = faults.late_responses(world, tickets)
    tickets, planted["no_callback"] = faults.no_callback(world, tickets)
    tickets = service.add_words(world, tickets)

    valuable = _valuable(world, orders)
    interactions, planted["silent_customers"] = faults.silence(world, activity.make_interactions(world, valuable), valuable)
    needs, planted["surface_needs"] = faults.surface_needs(world, records.make_needs(world, orders, sales.lines))
    needs, planted["missed_recommendations"] = faults.miss_recommendations(world, needs)
    states = records.make_states(world, orders)
    frozen, planted["stale_status"] = faults.stale(world, states)

    gaps, planted["missing_fields"] = faults.missing_fields(world)
    industry, planted["wrong_industry"] = faults.wrong_industry(world)
    phone, email, planted["malformed_contacts"] = faults.malformed_contacts(world)
    twins, planted["duplicate_customers"] = faults.duplicates(world)
    feedback = service.make_feedback(world, tickets, orders)
    twice, planted["repeated_rows"] = faults.hit_rows(
        plan, "repeated_rows", {"orders": (orders, delivered), "feedback": (feedback, np.ones(len(feedback), dtype=bool))}
    )
    spoiled, planted["malformed_dates"] = faults.hit_rows(
        plan,
        "malformed_dates",
        {"orders": (orders, delivered), "interactions": (interactions, np.ones(len(interactions), dtype=bool))},
    )
    tiers, planted["misgraded"] = _grade(world, orders)
    return Story(
        world=world,
        sales=sales,
        stated_cents=stated,
        unfinished=unfinished,
        tickets=tickets,
        events=make_events(plan, tickets),
        feedback=feedback,
        interactions=interactions,
        needs=needs,
        consents=records.make_consents(world),
        contracts=records.make_contracts(world),
        risk=records.make_risk(world),
        leads=records.make_leads(world),
        tasks=make_tasks(plan),
        states=states,
        pilots=pilots,
        record=pd.DataFrame({"phone": phone, "email": email, "industry": industry}),
        gaps=gaps,
        frozen=frozen,
        twins=twins,
        late=late,
        twice=twice,
        spoiled=spoiled,
        tiers=tiers,
        planted={name: planted[name] for name in plan.faults.strengths()},
    )


def run_pilots(world: World) -> tuple[Measured, ...]:
    """The pilots alone, with the orders that they need: what a check of the effects over many seeds runs."""
    return _sell(world)[1]


def _sell(world: World) -> tuple[Sales, tuple[Measured, ...], Planted]:
    enrolments = tuple(pilot.enrol(world, trial) for trial in pilot.trials(world.plan))
    orders = activity.make_orders(world, enrolments)
    lines, missed = faults.miss_cross_sell(world, Sales(orders, activity.make_lines(world, orders)))
    lines = activity.refund(world, lines)
    orders = activity.add_up(orders, lines)
    pilots = tuple(pilot.measure(world, enrolment, orders) for enrolment in enrolments)
    return Sales(orders, lines), pilots, missed


def _grade(world: World, orders: pd.DataFrame) -> tuple[Mapping[str, pd.Series], Planted]:
    ids = world.customers["customer_id"].to_numpy(object)
    tiers: dict[str, pd.Series] = {}
    wrong: dict[str, list[str]] = {}
    right: dict[str, list[str]] = {}
    for period in world.plan.deliveries:
        true = records.client_tiers(world, orders, world.plan.day(period.end))
        tiers[period.name], hit = faults.misgrade(world, true)
        wrong[period.name], right[period.name] = ids[hit].tolist(), true[hit].tolist()
    last = world.plan.last.name
    detail = {"by_period": wrong, "tier_by_revenue": right}
    return tiers, Planted("customer", tuple(wrong[last]), len(ids), detail)


def _valuable(world: World, orders: pd.DataFrame) -> Flags:
    revenue = activity.revenue_between(world, orders, 0, world.plan.days)
    limit = np.quantile(revenue, 1 - VALUABLE_SHARE)
    return (revenue > 0) & (revenue >= limit)
