import pandas as pd
import pytest
from tests.report.picture_checks import assert_figure_readable
from tests.review.firms import PERIOD, many_orders, settings, tables

from workbook.errors import SettingsError
from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.review.goals import set_goals
from workbook.review.kpi import measure_kpis

EN, ZH = Edition("en"), Edition("zh")


def goal(**changes):
    return {
        "id": "repeat",
        "name": {"en": "More repeat purchases", "zh": "提高复购率"},
        "kpi": "repurchase_rate",
        "due": "2026-06-30",
    } | changes


def goals(*wanted):
    plan = settings(goals=list(wanted))
    return set_goals(measure_kpis(tables(orders=many_orders()), plan), plan, PERIOD)


def test_the_baseline_is_the_measured_kpi_and_the_change_lies_on_it():
    found = goals(goal(change=0.03))
    measured = found.kpis.get("repurchase_rate")
    row = found.frame.iloc[0]
    assert (row["baseline"], row["low"], row["high"]) == (measured.value, measured.low, measured.high)
    assert row["target"] == pytest.approx(measured.value + 0.03)
    assert list(found.frame.columns) == ["goal", "kpi", "baseline", "low", "high", "target", "due", "unit"]


def test_a_level_holds_even_beside_a_change():
    assert goals(goal(change=0.03, target=0.9)).frame["target"].tolist() == [0.9]


def test_a_goal_without_data_keeps_its_row_and_has_no_baseline():
    found = goals(goal(id="sat", kpi="csat", change=0.05))
    assert found.frame[["baseline", "target"]].isna().all().all()
    assert isinstance(found.figure(), NotMeasured) and "feedback.score" in found.figure().missing


def test_unknown_kpi_and_missing_target_are_told_together_with_the_nearest_name():
    with pytest.raises(SettingsError) as told:
        goals(goal(kpi="repurchase_rat"), goal(id="b", kpi="nps"))
    assert len(told.value.problems) == 3
    assert "did you mean 'repurchase_rate'?" in told.value.problems[0] and "goals.b" in told.value.problems[2]


def test_heading_carries_the_numbers_of_the_first_goal():
    found = goals(goal(change=0.03))
    row = found.frame.iloc[0]
    for edition in (EN, ZH):
        heading = found.answer().heading.render(edition)
        assert f"{100 * row['baseline']:.1f}%" in heading and f"{100 * row['target']:.1f}%" in heading


def test_no_goal_is_said_and_not_fatal():
    found = goals()
    assert found.frame.empty and isinstance(found.table(), NotMeasured)
    assert [block.bundle((EN, ZH))["kind"] for block in found.blocks()] == ["answer", "not_measured"]


def test_the_picture_can_be_read_and_the_blocks_render():
    found = goals(
        goal(change=0.03),
        goal(id="money", name="Revenue", kpi="revenue", target=200000),
        goal(id="churn", name="Churn", kpi="churn_share", change=-0.05),
    )
    assert_figure_readable(found.figure())
    assert all(block.bundle((EN, ZH)) for block in found.blocks())


def test_due_dates_stay_dates():
    assert goals(goal(change=0.1)).frame["due"].iloc[0] == pd.Timestamp("2026-06-30").date()
