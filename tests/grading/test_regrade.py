"""Customers graded again on changed facts: what the run would give, at once, in the direction of the change, rules last."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbook.errors import SettingsError, WorkbookError
from workbook.grading.policy import past_of
from workbook.grading.regrade import fact_names, facts_of_event, regrade
from workbook.grading.score import grade
from workbook.period import Period
from workbook.settings.models import Buffer, EventKind, GradeRule, Grading

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
DAY = dt.date(2025, 11, 3)
FREE = Grading(buffer=Buffer(points=0, periods=1))
MEASURED = tuple(index.id for index in FREE.indices)


def graded(profile, settings=FREE, **more):
    return grade(profile, settings, period=Q3, **more)


def again(grades, profile, facts, **more):
    people = profile.sort_values("customer_id", ignore_index=True)
    rows = facts.index
    return regrade(
        people.loc[rows], grades.frame.loc[rows], grades.policy, facts, measured=more.pop("measured", MEASURED), on=DAY, **more
    )  # fmt: skip


def test_it_is_what_the_whole_run_gives_on_the_same_facts_under_the_frozen_policy(make_profile):
    profile = make_profile(400)
    first = graded(profile)
    rows = pd.Index([3, 10, 77, 200])  # 10 has bought nothing: what is missing is filled as in the run
    facts = pd.DataFrame({"revenue": [9e5, np.nan, 0.0, 500.0], "recency": [0.0, np.nan, 300.0, np.nan]}, index=rows)
    changed = profile.copy()
    changed.loc[rows, "revenue"] = facts["revenue"].fillna(profile.loc[rows, "revenue"])
    changed.loc[rows, "recency_days"] = facts["recency"].fillna(profile.loc[rows, "recency_days"])
    past = past_of(first.frame, first.policy.json, periods=(Q3, Q4))
    whole = grade(changed, FREE, period=Q4, past=past)
    found = again(first, profile, facts)
    assert whole.policy.number == first.policy.number
    np.testing.assert_allclose(found["score"], whole.frame.loc[rows, "score"], rtol=0, atol=1e-9)
    assert found["tier"].tolist() == whole.frame.loc[rows, "tier"].tolist()
    np.testing.assert_allclose(found["index_recency"], whole.frame.loc[rows, "index_recency"], atol=1e-9)


def test_a_customer_graded_alone_gets_the_fill_of_a_missing_value_not_a_hole(make_profile):
    profile = make_profile(400)
    first = graded(profile)
    found = again(first, profile, pd.DataFrame({"breadth": [3.0]}, index=[10]))
    assert found["index_recency"].iloc[0] == 0.0  # missing: worst, though nobody else is there to compare with


def test_a_good_event_never_lowers_and_a_bad_one_never_raises_whatever_the_buffer_held(make_profile):
    profile = make_profile(400)
    first = graded(profile)
    standing = first.frame.copy()
    lower, upper = ((first.frame["tier"] == tier) & (first.frame["score"].between(*span))
                    for tier, span in (("silver", (62, 70)), ("gold", (80, 88))))  # fmt: skip
    standing.loc[lower, "held"] = standing.loc[lower, "tier"] = "gold"  # the buffer held them above their score
    rows = standing.index[lower | upper]
    rise = pd.DataFrame({"revenue": profile.loc[rows, "revenue"] * 1.01}, index=rows)
    args = {"measured": MEASURED, "on": DAY}
    better = regrade(profile.loc[rows], standing.loc[rows], first.policy, rise, **args)
    worse = regrade(profile.loc[rows], standing.loc[rows], first.policy, rise / 1.05, **args)
    order = {"diamond": 0, "gold": 1, "silver": 2, "ordinary": 3}
    assert (better["tier"].map(order) <= better["tier_before"].map(order)).all() and (
        better["score"] > better["score_before"]
    ).any()
    assert (worse["tier"].map(order) >= worse["tier_before"].map(order)).all()
    assert (worse.loc[worse["score"] < worse["score_before"], "tier"] != "gold").any()
    same = regrade(profile.loc[rows], standing.loc[rows], first.policy, rise * np.nan, **args)
    assert (same["tier"] == same["tier_before"]).all() and (same["cause"] == "none").all()


def test_an_event_may_cap_raise_or_step_and_rules_have_the_last_word(make_profile):
    profile = make_profile(400)
    vip = GradeRule(id="vip", name="VIP", when="customer_id = 'c0000003'", at_least="gold", reason="r", author="a")
    first = graded(profile, FREE.model_copy(update={"rules": [vip]}))
    rows = first.frame.index[:40]
    facts = pd.DataFrame(index=rows)
    cap, floor, step = (
        EventKind(id="x", name="x", **effect) for effect in ({"at_most": "silver"}, {"at_least": "gold"}, {"steps": -1})
    )
    order = ["diamond", "gold", "silver", "ordinary"]
    before = first.frame.loc[rows, "held"].map(order.index).to_numpy()
    for kind, wanted in ((cap, np.maximum(before, 2)), (floor, np.minimum(before, 1)), (step, np.minimum(before + 1, 3))):
        found = again(first, profile, facts, kinds=[kind] * len(rows))
        assert [order.index(tier) for tier in found["held"]] == wanted.tolist()
    assert found["tier"].iloc[3] in ("diamond", "gold") and found["rule"].iloc[3] == "vip"
    changed = found["tier"] != found["tier_before"]
    assert set(found.loc[changed & (found["rule"] == ""), "cause"]) == {"event"}


def test_a_step_rule_does_not_climb_again_with_every_quarter_or_event(make_profile):
    """The buffer and events begin from the tier before the rules, else one step up becomes two."""
    profile = make_profile(400)
    up = GradeRule(id="up", name="Up", when="true", steps=1, reason="r", author="a")
    settings = Grading(buffer=Buffer(points=100, periods=9), rules=[up])
    first = graded(profile, settings)
    past = past_of(first.frame, first.policy.json, periods=(Q3, Q4))
    second = grade(profile, settings, period=Q4, past=past)
    assert second.frame["tier"].tolist() == first.frame["tier"].tolist()
    found = again(first, profile, pd.DataFrame(index=first.frame.index[:50]))
    assert found["tier"].tolist() == first.frame["tier"].tolist()[:50]


def test_earlier_facts_stay_and_the_next_event_stands_on_them(make_profile):
    profile = make_profile(400)
    first = graded(profile)
    rows = pd.Index([5, 6])
    one = pd.DataFrame({"revenue": [8000.0, 9000.0]}, index=rows)
    two = pd.DataFrame({"breadth": [8.0, np.nan]}, index=rows)
    half = again(first, profile, one)
    done = regrade(profile.loc[rows], half, first.policy, two, measured=MEASURED, on=DAY, earlier=one)
    both = again(first, profile, pd.concat([one, two], axis=1))
    np.testing.assert_allclose(done["score"], both["score"], atol=1e-9)
    np.testing.assert_allclose(done["score_before"], half["score"], atol=1e-9)


def test_an_index_that_compares_customers_is_refused_for_a_few(make_profile):
    profile = make_profile(400)
    source = "percent_rank() over (order by revenue)"
    indices = [i.model_copy(update={"source": source}) if i.id == "revenue" else i for i in FREE.indices]
    ranked = FREE.model_copy(update={"indices": indices})
    first = graded(profile, ranked)
    with pytest.raises(WorkbookError, match="compares customers cannot be graded for a few"):
        again(first, profile, pd.DataFrame({"breadth": [3.0]}, index=[21]))


def test_an_event_computes_its_facts_from_profile_and_amount_and_what_is_said_goes_before(make_profile):
    people = make_profile(400).iloc[[1, 2]].reset_index(drop=True)
    kind = next(kind for kind in Grading().events if kind.id == "large_order")
    given = pd.DataFrame({"amount": [1000.0, 500.0], "orders": [np.nan, 40.0]})
    facts = facts_of_event(people, given, kind)
    assert facts["revenue"].tolist() == (people["revenue"] + [1000.0, 500.0]).tolist()
    assert facts["orders"].tolist() == [people["orders"][0] + 1, 40.0] and facts["recency_days"].tolist() == [0.0, 0.0]
    wrong = EventKind(id="odd", name="odd", facts={"revenue": "revenu + amount"})
    with pytest.raises(SettingsError, match=r"grading\.events\.odd\.facts\.revenue: found 'revenu \+ amount'"):
        facts_of_event(people, given, wrong)


def test_what_may_be_told_are_indices_and_numeric_columns(make_profile):
    profile = make_profile(400)
    names = fact_names(profile, graded(profile).policy)
    assert {"growth", "recency", "recency_days", "credit"} <= set(names) and "tier" not in names and "customer_id" not in names
