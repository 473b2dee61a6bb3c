import datetime as dt

import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import pilot, settings

from workbook.language import Edition
from workbook.pilots.boundaries import anytime_limit, limits
from workbook.pilots.looks import information_at, summarised, take_looks

Z = stats.norm.isf(0.025)


def day(words):
    return dt.date.fromisoformat(words)


def planned(**changes):
    return settings(pilot(starts="2025-01-01", ends="2025-12-31", **changes)).pilots[0]


def taken(plan, *looks, comparisons=1):
    return take_looks(plan, [(day(on), n) for on, n in looks], 0.95, comparisons)


def test_one_look_at_the_end_is_the_ordinary_interval():
    (look,) = taken(planned(), ("2025-12-31", 900))
    assert (look.method, look.why, look.limit, look.information) == ("fixed", "end", pytest.approx(Z), 1.0)
    assert look.confidence == pytest.approx(0.95)


def test_planned_looks_spend_the_error_by_how_far_the_pilot_is():
    looks = taken(planned(looks=3, units=900), ("2025-04-30", 300), ("2025-08-31", 600), ("2025-12-31", 880))
    assert [look.method for look in looks] == ["group_sequential"] * 3
    assert [look.limit for look in looks] == pytest.approx(limits([1 / 3, 2 / 3, 1.0]))
    pocock = taken(planned(looks=3, units=900, spending="pocock"), ("2025-04-30", 300))
    assert pocock[0].limit == pytest.approx(limits([1 / 3], spending="pocock")[0])


def test_a_look_nobody_planned_falls_under_the_limit_that_always_holds_and_so_does_the_end():
    looks = taken(planned(units=900), ("2025-06-30", 450), ("2025-12-31", 900))
    assert [(look.method, look.why) for look in looks] == [("anytime", "unplanned"), ("anytime", "earlier")]
    assert [look.limit for look in looks] == pytest.approx([anytime_limit(0.5), anytime_limit(1.0)])


def test_more_looks_than_planned_and_a_pilot_past_its_plan_fall_under_it_too():
    many = taken(planned(looks=2, units=900), ("2025-03-31", 200), ("2025-06-30", 400), ("2025-09-30", 600))
    assert [look.why for look in many] == ["planned", "planned", "more_than_planned"]
    longer = planned(looks=2, units=900, extended_to="2026-03-31")
    past = taken(longer, ("2025-12-31", 800), ("2026-03-31", 1000))
    assert [look.why for look in past] == ["planned", "past_plan"] and past[1].limit == pytest.approx(anytime_limit(1000 / 900))


def test_looks_after_the_last_day_are_one_look_on_it():
    looks = taken(planned(), ("2025-12-31", 900), ("2026-03-31", 900), ("2026-06-30", 900))
    assert len(looks) == 1 and looks[0].method == "fixed"


def test_several_arms_share_the_error():
    (look,) = taken(planned(), ("2025-12-31", 900), comparisons=2)
    assert look.limit == pytest.approx(stats.norm.isf(0.0125)) and look.confidence == pytest.approx(0.975)


def test_without_planned_units_the_calendar_says_how_far_it_is():
    assert information_at(planned(), day("2025-07-02"), 5) == pytest.approx(183 / 365)
    assert information_at(planned(units=10), day("2025-07-02"), 5) == 0.5
    assert information_at(planned(units=10), day("2025-12-31"), 5) == 1.0


def test_records_of_the_ledger_become_looks():
    rows = pd.DataFrame(
        {"pilot": "care", "arm": ["a", "b", "a", "b"], "looked_at": ["2025-03-31"] * 2 + ["2025-06-30"] * 2,
         "n_control": [10, 10, 20, 20], "n_arm": [11, 12, 21, 22]}
    )  # fmt: skip
    assert summarised("care", rows) == [(day("2025-03-31"), 33), (day("2025-06-30"), 63)]


def test_words_name_the_rule_and_its_reason_in_both_languages():
    look = taken(planned(units=900), ("2025-06-30", 450))[0]
    english, chinese = look.words().render(Edition("en")), look.words().render(Edition("zh"))
    assert "no look before the end was planned" in english and "50%" in english
    assert "结束前没有计划查看" in chinese


def test_each_of_many_looks_has_the_limit_that_it_had_when_it_was_the_last():
    plan = settings(pilot(looks=9, units=900)).pilots[0]
    taken = [(dt.date(2025, 10, 5) + dt.timedelta(days=8 * k), 100 * (k + 1) + 7 * (k % 3)) for k in range(8)]
    whole = take_looks(plan, taken, 0.95)
    assert [look.limit for look in whole] == [take_looks(plan, taken[: k + 1], 0.95)[-1].limit for k in range(8)]
    more = take_looks(plan, [*taken, (dt.date(2025, 12, 10), 700)], 0.95)  # no further than before: it opens
    assert [look.method for look in more] == ["group_sequential"] * 8 + ["anytime"] and more[:8] == whole
