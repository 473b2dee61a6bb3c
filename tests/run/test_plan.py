"""Stages and periods come in the order that later ones need."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from workbook.errors import UsageError, WorkbookError
from workbook.period import Period
from workbook.run.plan import check_reused, plan_runs
from workbook.stages import STAGES
from workbook.store import Store

Q1, Q2 = Period.parse("2025Q1"), Period.parse("2025Q2")


def test_all_stages_of_each_period_earliest_first_and_each_once() -> None:
    plans = plan_runs([Q2, Q1, Q2])
    assert [plan.period for plan in plans] == [Q1, Q2]
    assert plans[0].executed == STAGES
    assert plans[0].reused == ()


def test_wanted_stages_are_executed_in_the_order_of_the_method() -> None:
    (plan,) = plan_runs([Q1], ["4_strategy", "goals", "4"])
    assert [stage.id for stage in plan.executed] == ["1_goals", "4_strategy"]
    assert len(plan.reused) == len(STAGES) - 2


def test_an_unknown_stage_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"1_goals.*6_iterate"):
        plan_runs([Q1], ["7_sleep"])


def test_results_to_reuse_must_be_there(tmp_path: Path) -> None:
    (plan,) = plan_runs([Q1], [stage.id for stage in STAGES[1:]])
    with pytest.raises(WorkbookError, match=r"1_goals \(kpis\), 1_goals \(goals\)"):
        check_reused(plan, "demo", tmp_path)
    for name in STAGES[0].makes:
        Store(tmp_path / "tables").write(name, pd.DataFrame({"a": [1]}))
    check_reused(plan, "demo", tmp_path)


def test_no_stage_needs_what_no_earlier_stage_makes() -> None:
    made: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= made, stage.id
        made |= set(stage.makes)
    assert {name for stage in STAGES for name in stage.previous} <= made
