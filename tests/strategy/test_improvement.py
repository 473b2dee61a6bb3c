"""The improvement plan: each need has the measure against its problem, one without a problem begins with finding the cause."""

import pandas as pd

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.strategy.improvement import plan_improvement
from workbook.strategy.plan import plan_measures

SETTINGS = Settings(client={"name": "Test"}, measures={"owners": {"clarify": "Quality manager"}})
PROBLEMS = pd.DataFrame({"check": ["service.callback"], "module": ["service"], "priority": ["high"], "status": ["new"],
                         "customers": [9], "revenue": [1.0], "problem_en": ["No call-back"], "problem_zh": ["未回访"],
                         "evidence_en": ["x"], "evidence_zh": ["x"]})  # fmt: skip
REGISTER = pd.DataFrame({"rank": [1, 2, 3], "need_en": ["Answers", "Price", "Taste"], "need_zh": ["响应", "价格", "口味"],
                         "customers": [40, 30, 3], "share": [0.4, 0.3, 0.03],
                         "problem": ["service.callback", None, "service.gone"]})  # fmt: skip


def test_a_need_takes_measure_owner_and_deadline_of_its_problem():
    actions = plan_measures(PROBLEMS, SETTINGS, Period.parse("2025Q4"))
    rows = plan_improvement(REGISTER, actions).frame
    planned = actions.frame.iloc[0]
    assert rows.loc[0, ["measure", "due", "owner_en"]].tolist() == planned[["measure", "due", "owner_en"]].tolist()
    assert rows.loc[1:, "measure"].tolist() == ["clarify", "clarify"] and rows.loc[1:, "due"].isna().all()
    assert set(rows.loc[1:, "owner_en"]) == {"Quality manager"}


def test_it_reads_in_both_languages_and_hides_needs_of_few_customers():
    found = plan_improvement(REGISTER, plan_measures(PROBLEMS, SETTINGS, Period.parse("2025Q4"))).table()
    words = found.bundle((Edition("en", least=5), Edition("zh", least=5)))["languages"]
    assert words["en"]["title"] == "With a measure already: 1 of the first 3 needs; first: Answers"
    assert words["en"]["cells"][2][2:4] == ["<5", "hidden"] and words["en"]["cells"][1][4] == "not known yet"


def test_without_a_register_there_is_no_plan():
    nothing = NotMeasured("voice.needs", None, ("needs",))
    assert plan_improvement(nothing, plan_measures(PROBLEMS, SETTINGS, Period.parse("2025Q4"))).missing == ("needs",)
