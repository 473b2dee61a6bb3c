"""Every fault: none at strength 0, more at greater strength, and where it should be."""

from dataclasses import replace

import numpy as np
import pytest

from workbook.synthetic import Faults, Plan, Story, generate
from workbook.synthetic.service import late

FAULTS = list(Faults.none().strengths())


def test_strength_zero_plants_nothing(clean: Story) -> None:
    assert {name: len(p.ids) for name, p in clean.planted.items()} == dict.fromkeys(FAULTS, 0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_stronger_fault_hits_all_that_a_weaker_one_hits(fault: str) -> None:
    hit = [set()]
    for strength in (0.0, 0.4, 1.0):
        plan = Plan(customers=300, seed=3, faults=replace(Faults.none(), **{fault: strength}))
        hit.append(set(generate(plan).planted[fault].ids))
    assert hit[1] == set()
    assert hit[1] <= hit[2] <= hit[3]
    assert len(hit[3]) > len(hit[2])


def test_one_fault_leaves_the_others_victims_as_they_were(faulty: Story) -> None:
    alone = generate(replace(faulty.world.plan, faults=Faults.of({"misgraded": Faults.moderate().misgraded})))
    assert set(alone.planted["missing_fields"].ids) == set()
    both = generate(replace(faulty.world.plan, faults=replace(Faults.none(), misgraded=0.55, missing_fields=0.35)))
    assert both.planted["missing_fields"].ids == faulty.planted["missing_fields"].ids
    assert both.planted["misgraded"].ids == alone.planted["misgraded"].ids


def test_late_responses_stand_in_one_channel_only(faulty: Story, clean: Story) -> None:
    share = faulty.tickets.assign(late=late(faulty.tickets)).groupby("channel")["late"].mean()
    assert share["微信"] > 0.1
    assert share.drop("微信").max() < 0.03
    assert late(clean.tickets).mean() < 0.02


def test_customers_are_less_content_where_the_answer_came_late(faulty: Story) -> None:
    slow = set(faulty.tickets.loc[late(faulty.tickets), "ticket_id"])
    csat = faulty.feedback[faulty.feedback["instrument"] == "csat"]
    behind = csat["ticket_id"].isin(slow)
    gap = csat.loc[~behind, "score"].mean() - csat.loc[behind, "score"].mean()
    assert 0.5 < gap < 1.7


def test_tiers_follow_revenue_unless_misgraded(faulty: Story, clean: Story) -> None:
    assert set(np.unique(clean.tiers["2025Q4"])) == {"diamond", "gold", "silver", "ordinary"}
    wrong = (faulty.tiers["2025Q4"].to_numpy() != clean_tiers(faulty)).sum()
    assert wrong == len(faulty.planted["misgraded"].ids)


def clean_tiers(story: Story) -> np.ndarray:
    from workbook.synthetic.records import client_tiers

    return client_tiers(story.world, story.sales.orders, story.world.plan.day(story.world.plan.last.end))


def test_stated_totals_are_the_sums_of_their_lines_unless_planted(faulty: Story) -> None:
    orders, lines = faulty.sales.orders, faulty.sales.lines
    sums = np.bincount(lines["order"], weights=lines["cents"], minlength=len(orders)).astype(int)
    off = orders["order_id"].to_numpy()[faulty.stated_cents != sums]
    assert set(off) == set(faulty.planted["wrong_totals"].ids)


def test_times_of_a_ticket_follow_one_another(faulty: Story) -> None:
    t = faulty.tickets
    assert (t["responded"] > t["opened"]).all()
    solved = t[t["resolved"] >= 0]
    assert (solved["resolved"] > solved["responded"]).all()
    called = t[t["called_back"] >= 0]
    assert (called["called_back"] >= called["resolved"]).all()
    assert set(called["topic"]) == {"投诉"}
