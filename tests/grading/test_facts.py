"""Told facts go on as long as the delivery stays what it was, and give way, with the cause, once it moves."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from workbook.grading.facts import Told, carry_facts, tell_fact, told_at_last
from workbook.grading.policy import past_of
from workbook.grading.score import grade
from workbook.language import Edition, named
from workbook.period import Period
from workbook.settings.models import Buffer, Grading, Index

Q2, Q3, Q4 = (Period.parse(f"2025Q{k}") for k in (2, 3, 4))
FREE = Grading(buffer=Buffer(points=0, periods=1))
INDICES = [
    Index(id="rating", name="Rating", source="rating", group="risk"),
    Index(id="growth", name="Growth", source="late - early", group="potential"),
]


def changes(*rows: tuple[str, str, dict]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "happened_on", "facts"])
    return frame.assign(facts=frame["facts"].map(json.dumps), held="gold")


def profile(**values: list) -> pd.DataFrame:
    frame = {"customer_id": ["a", "b", "c"], "rating": [1.0, None, 3.0], "early": [0, 0, 0], "late": [5, 6, 7]}
    return pd.DataFrame(frame | values)


def test_the_last_change_says_all_that_stands_and_a_value_keeps_the_day_on_which_it_was_first_told():
    known = pd.DataFrame({
        "customer_id": ["a", "a", "b"], "fact": ["rating", "late", "rating"], "told_on": "2025-05-01", "value": [9.0, 1.0, 4.0],
        "before": 1.0, "delivered": 1.0, "state": ["carried", "carried", "carried"],
    })  # fmt: skip
    found = told_at_last(known, changes(("a", "2025-08-01", {"rating": 9}), ("a", "2025-09-01", {"rating": 9, "growth": 2})))
    beside = found.pop("beside")
    assert beside.isna().tolist() == [True, True, False] and found.pop("recorded").tolist() == [False, False, True]
    assert found.to_dict("list") == {
        "customer_id": ["a", "a", "b"], "fact": ["growth", "rating", "rating"],
        "told_on": ["2025-09-01", "2025-05-01", "2025-05-01"], "value": [2.0, 9.0, 4.0],
    }  # fmt: skip
    assert told_at_last(known.assign(state="moved"), changes()).empty  # what gave way does not come back


def test_a_fact_counts_while_the_delivery_stays_and_gives_way_with_its_cause_when_it_moves():
    told = told_at_last(None, changes(("a", "2025-08-01", {"rating": 9, "growth": 2}), ("b", "2025-08-02", {"rating": 7})))
    same = carry_facts(told, profile(), profile(), INDICES, INDICES)
    assert same.frame["state"].tolist() == ["carried"] * 3
    assert same.frame.set_index(["customer_id", "fact"])["delivered"].to_dict()[("a", "growth")] == 5.0
    beside = same.beside(pd.Series(["c", "b", "a"]))
    assert beside["rating"].tolist()[1:] == [7.0, 9.0] and beside["rating"].isna()[0]
    moved = carry_facts(told, profile(rating=[2.0, None, 3.0], late=[5, 6, 8]), profile(), INDICES, INDICES).frame
    assert moved["state"].tolist() == ["carried", "moved", "carried"]  # growth of a; rating of a; rating of b, still missing
    filled = carry_facts(told, profile(rating=[1.0, 2.0, 3.0]), profile(), INDICES, INDICES).frame
    assert filled["state"].tolist() == ["carried", "carried", "moved"]  # what was missing is delivered now
    gone = carry_facts(told, profile().iloc[1:], profile(), INDICES, INDICES).frame
    assert gone["state"].tolist() == ["gone", "gone", "carried"]


def test_what_was_told_of_one_period_ends_with_it_even_where_the_delivery_happens_to_stay():
    told = told_at_last(None, changes(("a", "2025-08-01", {"revenue_period": 9, "growth": 2})))
    index = INDICES[1].model_copy(update={"source": "revenue_period - revenue_previous"})
    frame = profile().assign(revenue_period=0.0, revenue_previous=0.0)
    found = carry_facts(told, frame, frame, [index], [index])
    assert found.frame["state"].tolist() == ["period", "period"] and found.beside(frame["customer_id"]).empty
    assert "was of one period" in tell_fact(found.frame.iloc[0].to_dict(), named("Growth")).render(Edition("en"))


@pytest.mark.parametrize("indices", [
    [INDICES[0], INDICES[1].model_copy(update={"source": "late"})],  # another measure under the same name
    [INDICES[0]],  # no longer asked for
])  # fmt: skip
def test_a_fact_of_an_index_that_is_measured_otherwise_is_given_up(indices):
    told = told_at_last(None, changes(("a", "2025-08-01", {"growth": 2, "rating": 9})))
    found = carry_facts(told, profile(), profile(), indices, INDICES)
    assert found.frame["state"].tolist() == ["unknown", "carried"]
    assert list(found.beside(profile()["customer_id"])) == ["rating"]


def test_a_late_event_is_held_against_the_delivery_that_it_stood_on():
    """Told on the grades of an earlier period: the delivery had moved by the period before, where nobody looks."""
    event = changes(("a", "2025-08-01", {"rating": 9.0}), ("b", "2025-08-01", {"rating": 9.0, "growth": 2.0}))
    then = [json.dumps({"rating": 1.0}), json.dumps({"rating": None, "growth": 5.0})]
    moved = profile(rating=[2.0, None, 3.0])
    unrecorded = carry_facts(told_at_last(None, event), moved, moved, INDICES, INDICES).frame
    assert unrecorded["state"].tolist() == ["carried"] * 3
    recorded = told_at_last(None, event.assign(delivered=then))
    for before in (moved, None):
        found = carry_facts(recorded, moved, before, INDICES, INDICES).frame.set_index(["customer_id", "fact"])
        assert found["state"].to_dict() == {("a", "rating"): "moved", ("b", "rating"): "carried", ("b", "growth"): "moved"}
        assert found["before"][("a", "rating")] == 1.0 and pd.isna(found["before"][("b", "rating")])
    # what counts goes on with what the delivery says now
    later = carry_facts(told_at_last(found.reset_index(), changes()), profile(rating=[2.0, 4.0, 3.0]), None, INDICES, INDICES)
    assert later.frame["state"].tolist() == ["moved"]


def test_an_appeal_upheld_still_counts_a_period_later_and_the_score_does_not_fall_back(make_profile):
    base = make_profile(300)
    first = grade(base, FREE, period=Q2)
    who = str(first.frame.sort_values("score")["customer_id"].iloc[20])
    row = base.index[base["customer_id"] == who][0]
    appeals = pd.DataFrame({
        "customer_id": [who], "period": "2025Q2", "decided_on": "2025-07-09", "held": "gold",
        "facts": json.dumps({"breadth": 8.0, "revenue": 99999.0}),
    })  # fmt: skip

    def after(profile, before, appeals=None, period=Q3, previous=first, told=None):
        span = (period.previous, period)
        past = past_of(previous.frame, previous.policy.json, changes=[appeals], told=told, periods=span)
        return grade(profile, FREE, period=period, past=past, before=before)

    corrected = base.copy()
    corrected.loc[row, ["revenue", "categories"]] = [99999.0, 8.0]
    expected = grade(corrected, FREE, period=Q3, past=past_of(first.frame, first.policy.json, periods=(Q2, Q3)))
    third = after(base, base, appeals)
    score = third.frame.set_index("customer_id")["score"]
    assert score[who] == pytest.approx(expected.frame.set_index("customer_id")["score"][who])
    assert score.drop(who).equals(first.frame.set_index("customer_id")["score"].drop(who))
    # what a tier brings is told as delivered, not as told
    assert third.frame.set_index("customer_id")["revenue"][who] == first.frame.set_index("customer_id")["revenue"][who]
    # a period later: the delivered revenue moved, the breadth did not
    moved = base.copy()
    moved.loc[row, "revenue"] = float(base.loc[row, "revenue"]) + 1
    fourth = after(moved, base, period=Q4, previous=third, told=third.told.frame)
    assert fourth.told.frame[["fact", "state"]].to_numpy().tolist() == [["breadth", "carried"], ["revenue", "moved"]]
    assert fourth.told.frame["told_on"].tolist() == ["2025-07-09"] * 2
    last = after(moved, moved, period=Period.parse("2026Q1"), previous=fourth, told=fourth.told.frame)
    assert last.told.frame["fact"].tolist() == ["breadth"]


def test_the_sentences_tell_value_day_and_cause_in_both_languages():
    told = told_at_last(None, changes(("a", "2025-08-01", {"rating": 9}), ("b", "2025-08-02", {"rating": 7})))
    found = carry_facts(told, profile(rating=[2.0, None, 3.0]), profile(), INDICES, INDICES)
    english, chinese = ([tell_fact(row, named("Rating")).render(Edition(one)) for row in found.frame.to_dict("records")]
                        for one in ("en", "zh"))  # fmt: skip
    assert english[0].startswith("Rating counts as delivered again, 2.00: it moved from 1.00 after 9.00 was told on 2025-08-01")
    assert "counts as 7.00, as told on 2025-08-02" in english[1] and "2025-08-02" in chinese[1]
    (table,) = found.blocks(INDICES)
    assert table.title.render(Edition("en")) == "Of 2 facts told by events and appeals, 1 still counts"
    assert Told().blocks(INDICES) == ()
