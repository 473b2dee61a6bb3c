"""The cheapest change that reaches the next tier: it leads there, no other is cheaper, and it is told in the index's unit."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.grading.cards import make_card
from workbook.grading.indices import index_values
from workbook.grading.scale import freeze
from workbook.grading.score import grade
from workbook.grading.ways import Start, alone, natural_unit, pair
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Grading, Index

EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
Q4 = Period.parse("2025Q4")
quickly = settings(max_examples=60, deadline=None)


def start(name, value, weight, direction="benefit"):
    """An index from 0 to 1 whose points are a hundred times its value (or its distance from 1)."""
    index = Index(id=name, name=name, source="x / 1", group="g", direction=direction, normalise="minmax")
    scale = freeze(np.array([0.0, 1.0]), index)
    return Start(index, scale, value, float(scale.score(np.array([value]))[0]), weight, whole=False)


def risen_alike(one, two, gap):
    """Points in all when both indices rise by small steps until the gap is closed; infinite where it never is."""
    steps = np.arange(0.0, 100.01, 0.05)
    gained = one.weight * np.minimum(steps, one.room) + two.weight * np.minimum(steps, two.room)
    reached = np.flatnonzero(gained >= gap - 1e-9)
    return np.inf if not len(reached) else min(steps[reached[0]], one.room) + min(steps[reached[0]], two.room)


indices = st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 1), st.sampled_from(["benefit", "cost"])), min_size=2, max_size=5)


@quickly
@given(indices, st.floats(0.5, 80))
def test_no_other_pair_rising_alike_is_cheaper(drawn, gap):
    whole = sum(weight for _, weight, _ in drawn)
    starts = [start(f"i{k}", value, weight / whole, way) for k, (value, weight, way) in enumerate(drawn)]
    found = pair(starts, gap)
    cheapest = min(risen_alike(one, two, gap) for one, two in itertools.combinations(starts, 2))
    if found is None:
        assert max(a.weight * a.room + b.weight * b.room for a, b in itertools.combinations(starts, 2)) <= gap + 1e-6
        return
    assert sum(step.points for step in found) <= cheapest + 1e-6
    known = {one.index.id: one for one in starts}
    lifted = sum(known[step.index].weight * known[step.index].gained(step.wanted) for step in found)
    assert lifted >= gap - 1e-6


@quickly
@given(st.floats(0, 1), st.floats(0.05, 1), st.floats(0.5, 80), st.sampled_from(["benefit", "cost"]))
def test_one_index_does_it_alone_only_where_it_has_the_room(value, weight, gap, direction):
    one = start("i", value, weight, direction)
    step = alone(one, gap)
    if step is None:
        assert one.weight * one.room < gap + 1e-6
    else:
        assert one.weight * one.gained(step.wanted) >= gap - 1e-6
        assert (step.wanted - value) * (1 if direction == "benefit" else -1) > 0


def test_the_way_on_every_card_leads_to_the_tier_and_a_card_without_one_has_none(make_profile):
    profile = make_profile(300)
    grades = grade(profile, Grading(), period=Q4)
    indices, policy = grades.settings.indices, grades.policy
    values = index_values(profile, indices)
    kinds = set()
    for row, customer in enumerate(profile["customer_id"][::13].index):
        found = make_card(profile["customer_id"][customer], profile, grades.frame, policy, rng=np.random.default_rng(row))
        if found.gap is None or found.gap <= 0:
            continue
        changed = values.loc[customer].copy()
        for step in found.way:
            changed[step.index] = step.wanted
        points = {i.id: policy.scales[i.id].score(changed[[i.id]].to_numpy(dtype=float))[0] for i in indices}
        parts = found.parts.set_index("index")
        points = {i: parts.loc[i, "points"] if np.isnan(p) else p for i, p in points.items()}
        kinds.add(len(found.way))
        if found.way:
            assert sum(parts.loc[i, "weight"] * p for i, p in points.items()) >= found.score + found.gap - 1e-6
            continue
        rises = [
            parts.loc[i.id, "weight"] * (policy.scales[i.id].most - parts.loc[i.id, "points"])
            for i in indices
            if not np.isnan(parts.loc[i.id, "value"])
        ]
        assert sum(sorted(rises)[-2:]) < found.gap + 1e-6
        assert found.sentences()[-1].render(EN).startswith("No change of one index or of two reaches")
    assert kinds == {0, 1, 2}


def test_changes_are_told_in_the_unit_of_the_index(make_profile):
    profile = make_profile(400)
    grades = grade(profile, Grading(), period=Q4)
    units = {i.id: i.source for i in grades.settings.indices}
    told = {}
    for customer in grades.frame["customer_id"]:
        found = make_card(customer, profile, grades.frame, grades.policy, rng=np.random.default_rng(1))
        for step in found.way:
            told.setdefault(units[step.index], (step, found))
        if {"revenue", "orders", "recency_days"} <= set(told):
            break
    money, orders, days = (told[name][0] for name in ("revenue", "orders", "recency_days"))
    assert money.unit == "money" and money.change.render(EN).startswith("+$") and money.change.render(ZH).endswith("元")
    assert orders.unit == "count" and orders.change.render(EN) == f"+{orders.wanted - orders.value:,.0f}"
    assert days.unit == "days" and days.change.render(EN).startswith("−") and "day" in days.change.render(EN)
    shown = told["orders"][1].table().bundle((EN, ZH))["languages"]["en"]["cells"]
    assert any(row[-1].startswith("+") for row in shown)


def test_a_unit_of_the_settings_goes_before_that_of_the_column():
    index = Index(id="growth", name="Growth", source="revenue_period - revenue_previous", group="g")
    assert natural_unit(index, False) == "number"
    assert natural_unit(index.model_copy(update={"unit": "money"}), False) == "money"
    assert natural_unit(index.model_copy(update={"source": "overdue_days"}), True) == "days"
