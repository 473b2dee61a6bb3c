"""Stages and periods come in the order that later ones need."""

from __future__ import annotations

import pytest

from workbook.errors import UsageError, WorkbookError
from workbook.period import Period
from workbook.run.plan import check_carried, plan_runs
from workbook.stages import STAGES, Stage

Q1, Q2 = Period.parse("2025Q1"), Period.parse("2025Q2")


def ids(stages: tuple[Stage, ...]) -> list[str]:
    return [stage.id for stage in stages]


def test_all_stages_of_each_period_earliest_first_and_each_once() -> None:
    plans = plan_runs([Q2, Q1, Q2])
    assert [plan.period for plan in plans] == [Q1, Q2]
    assert (plans[0].forced, plans[0].wanted, plans[0].carried) == ((), STAGES, ())
    assert plans[0].whole


def test_force_executes_what_is_not_stale_too() -> None:
    (plan,) = plan_runs([Q1], force=True)
    assert (plan.forced, plan.wanted, plan.carried) == (STAGES, (), ())
    assert not plan.whole


def test_chosen_stages_are_executed_what_they_need_is_met_and_the_rest_carried_over() -> None:
    (plan,) = plan_runs([Q1], ["5_pilot", "goals", "5"])
    assert ids(plan.forced) == ["1_goals", "5_pilot"]
    assert ids(plan.wanted) == ["2_integrate", "3_diagnose", "4_strategy"]
    assert ids(plan.carried) == ["6_iterate"]


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"1_goals.*6_iterate"):
        plan_runs([Q1], ["7_sleep"])


def test_results_to_carry_over_must_be_there() -> None:
    (plan,) = plan_runs([Q1], ["4"])
    with pytest.raises(WorkbookError, match=r"no published results of 1_goals, 5_pilot, 6_iterate.*workbook run demo 2025Q1"):
        check_carried(plan, "demo", {})
    check_carried(plan, "demo", {"1_goals": 1, "5_pilot": 1, "6_iterate": 1})


def test_no_stage_needs_what_no_earlier_stage_makes() -> None:
    made: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= made, stage.id
        made |= set(stage.makes)
    assert {name for stage in STAGES for name in stage.previous} <= made
