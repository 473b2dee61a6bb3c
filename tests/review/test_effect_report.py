import pandas as pd
import pytest
from tests.review.firms import kpi_frame, tables

from workbook.language import Edition
from workbook.report.blocks import NotMeasured, Sheet
from workbook.review.compare import compare_kpis
from workbook.review.effect_report import report_effects
from workbook.review.monthly import track
from workbook.settings.models import Settings

EN, ZH = Edition("en"), Edition("zh")
GOAL = {"id": "late", "name": {"en": "Answer in time", "zh": "及时响应"}, "kpi": "late_share", "due": "2026-06-30"}
PLAN = pd.DataFrame({"module": ["service", "interaction", "service"], "measure": ["a", "b", "a"],
                     "measure_name_en": ["Call back", "Care", "Call back"],
                     "measure_name_zh": ["回访", "关怀", "回访"]})  # fmt: skip
PILOT = {"decision_words": {"en": "extend", "zh": "延长试点"},
         "reason": {"en": "no clear difference yet", "zh": "差异尚不明确"},
         "effect": 0.02, "low": -0.01, "high": 0.05, "unit": "share"}  # fmt: skip


def settings(**more):
    return Settings(client={"name": "x"}, goals=[GOAL], **more)


def report(now, before=None, plan=None, decisions=None, target=0.05, **more):
    given = settings(**more)
    goals = pd.DataFrame({"goal": ["late"], "kpi": ["late_share"], "target": [target]})
    review = compare_kpis(kpi_frame(**now), None if before is None else kpi_frame(**before), goals)
    return report_effects(given, review, track(tables(), given), plan, decisions)


def words(found, row=0):
    return {key: cell.render(EN) for key, cell in found.rows[row].items()}


@pytest.mark.parametrize(
    ("now", "before", "judgement", "following"),
    [
        ((0.04, 0.03, 0.05), (0.10, 0.08, 0.12), "better, target reached", "Hold the level"),
        ((0.08, 0.07, 0.09), (0.12, 0.11, 0.13), "better, target not reached yet", "Go on"),
        ((0.08, 0.06, 0.10), (0.09, 0.07, 0.11), "no clear change, target not reached yet", "Measure on"),
        ((0.20, 0.18, 0.22), (0.09, 0.07, 0.11), "worse, target not reached yet", "Find the cause"),
        ((0.20, 0.18, 0.22), None, "first period, target not reached yet", "Compare with the next"),
    ],
)
def test_judgement_and_next_step_follow_the_interval_and_the_target(now, before, judgement, following):
    found = words(report({"late_share": now}, before and {"late_share": before}))
    assert found["judgement"] == judgement and found["next"].startswith(following)


def test_a_figure_that_got_worse_beyond_the_target_is_not_called_held():
    found = words(report({"late_share": (0.04, 0.035, 0.045)}, {"late_share": (0.02, 0.015, 0.025)}))
    assert found["judgement"] == "worse, target reached" and found["next"].startswith("Find the cause")


def test_the_approach_names_the_measures_of_the_modules_that_the_goal_leans_on():
    assert words(report({"late_share": 0.1}, plan=PLAN))["done"] == "Call back, Care"
    assert words(report({"late_share": 0.1}, plan=PLAN[:0]))["done"] == "no earlier plan"
    assert words(report({"late_share": 0.1}))["done"] == "no earlier plan"


def test_the_result_shows_both_periods_and_the_interval_of_the_change():
    found = words(report({"late_share": (0.08, 0.06, 0.10)}, {"late_share": (0.10, 0.08, 0.12)}))
    assert found["result"].startswith("10.0% → 8.0%: -2.0 points (") and found["aim"].endswith("(Late first responses 5.0%)")


def test_what_was_not_measured_asks_for_its_data():
    found = words(report({"nps": 30}))
    assert found["result"] == "not measured" and "Late first responses" in found["next"]


def test_a_pilot_brings_its_own_effect_and_decision():
    pilot = {"id": "care", "name": "Care", "starts": "2025-10-01", "ends": "2025-12-31",
             "metrics": [{"id": "bought", "name": "Bought again", "unit": "share", "margin": 0.02}]}  # fmt: skip
    found = report({"late_share": 0.1}, decisions={"care": PILOT}, pilots=[pilot])
    row = words(found, 1)
    assert row["result"] == "2.0 points (-1.0 points to 5.0 points)"
    assert (row["judgement"], row["next"]) == ("no clear difference yet", "extend")
    assert found.randomised == 1 and found.table().title.render(EN).endswith("pilots with a result: 1")


def test_an_effect_that_crossed_its_limit_stands_beside_the_one_to_plan_with():
    pilot = {"id": "care", "name": "Care", "starts": "2025-10-01", "ends": "2025-12-31",
             "metrics": [{"id": "bought", "name": "Bought again", "unit": "share", "margin": 0.02}]}  # fmt: skip
    corrected = {"corrected": 0.031, "corrected_low": -0.01, "corrected_high": 0.09}
    told = PILOT | {"effect": 0.05, "low": 0.01, "high": 0.09} | corrected
    row = words(report({"late_share": 0.1}, decisions={"care": told}, pilots=[pilot]), 1)
    assert row["result"].endswith(
        "to plan with, without the luck of crossing its limit: 3.1 points (-1.0 points to 9.0 points)"
    )
    same = words(report({"late_share": 0.1}, decisions={"care": told | {"corrected": 0.0499}}, pilots=[pilot]), 1)
    assert same["result"] == "5.0 points (1.0 points to 9.0 points)"


def test_it_reads_in_both_languages_and_goes_to_a_file():
    found = report({"late_share": (0.04, 0.03, 0.05)}, {"late_share": (0.1, 0.08, 0.12)}, PLAN)
    assert isinstance(found.sheet(), Sheet) and found.table().bundle((EN, ZH))
    assert [c.head.render(ZH) for c in found.table().columns] == ["目标", "做法", "结果", "判断", "下一步"]
    bare = report_effects(Settings(client={"name": "x"}), compare_kpis(kpi_frame(), None, None), track(tables(), settings()),
                          None, None)  # fmt: skip
    assert isinstance(bare.table(), NotMeasured) and isinstance(bare.sheet(), NotMeasured)
