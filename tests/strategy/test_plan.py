"""The action plan: a measure for every problem, dates, owners one after another, sheets and asks."""

import datetime as dt

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from workbook.errors import WorkbookError
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Paragraph
from workbook.report.figures import house_style
from workbook.settings.models import Settings
from workbook.strategy.plan import PLAN_COLUMNS, plan_measures

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


def problems(*checks_and_priorities):
    rows = [
        {
            "check": check, "module": check.split(".")[0], "priority": priority, "status": "new", "customers": 12,
            "revenue": 3456.0, "problem_en": f"Problem {check}", "problem_zh": f"问题 {check}", "evidence_en": "20%",
            "evidence_zh": "20%",
        }
        for check, priority in checks_and_priorities
    ]  # fmt: skip
    return (
        pd.DataFrame(rows) if rows else pd.DataFrame(columns=["check", "module", "priority", "status", "customers", "revenue"])
    )


LIST = problems(
    ("service.callback", "high"), ("information.stale", "high"), ("information.complete.phone", "medium"),
    ("service.repeat", "medium"), ("information.complete.email", "low"),
)  # fmt: skip


@pytest.fixture
def settings():
    return Settings(client={"name": "Test"})


@pytest.fixture
def plan(settings):
    return plan_measures(LIST, settings, PERIOD)


def date(value):
    return pd.Timestamp(value).date()


def test_every_problem_has_a_measure_owner_and_deadline(plan):
    assert list(plan.frame["problem"]) == list(LIST["check"])
    assert list(plan.frame.columns) == list(PLAN_COLUMNS)
    assert plan.frame.notna().all().all()


def test_the_plan_starts_on_the_first_working_day_after_the_period(plan):
    # 1 to 3 January 2026 are holidays, Sunday 4 January makes up for one
    assert date(plan.frame["starts"].iloc[0]) == dt.date(2026, 1, 4)


def test_one_owner_takes_measures_one_after_another_and_owners_work_side_by_side(plan):
    rows = plan.frame.drop_duplicates("measure").set_index("measure")
    assert date(rows.loc["complaint_procedure", "starts"]) == date(rows.loc["update_reminders", "starts"])
    assert rows.loc["complete_fields", "starts"] > rows.loc["update_reminders", "due"]
    assert rows.loc["repeat_causes", "starts"] > rows.loc["complaint_procedure", "due"]


def test_a_measure_against_two_problems_is_done_once(plan):
    rows = plan.frame[plan.frame["measure"] == "complete_fields"]
    assert len(rows) == 2
    assert rows["due"].iloc[0] == rows["due"].iloc[1]
    assert [measure.id for measure in plan.measures].count("complete_fields") == 1


def test_the_client_may_set_the_start(plan):
    later = Settings(client={"name": "Test"}, measures={"start": "2026-02-16"})
    # 15 to 23 February 2026: Spring Festival
    assert date(plan_measures(LIST, later, PERIOD).frame["starts"].iloc[0]) == dt.date(2026, 2, 24)


def test_the_leading_language_gives_the_plain_columns():
    chinese = Settings(client={"name": "Test"}, languages=["zh"])
    row = plan_measures(LIST, chinese, PERIOD).frame.iloc[0]
    assert row["owner"] == row["owner_zh"] == "售后主管"


def test_a_check_that_no_measure_answers_stops_the_plan(settings):
    with pytest.raises(WorkbookError, match=r"needs\.unheard"):
        plan_measures(problems(("needs.unheard", "high")), settings, PERIOD)


@pytest.mark.parametrize(
    ("customers", "revenue", "said"),
    [(12, 340.0, "12 customers, revenue €340"), (1, None, "1 customer"), (None, None, "not known: the rows name no customer")],
)
def test_the_sheet_names_whom_a_problem_touches_only_as_far_as_it_is_known(settings, customers, revenue, said):
    some = LIST.assign(
        customers=pd.array([customers] * len(LIST), dtype="Int64"), revenue=pd.Series([revenue] * len(LIST), dtype=float)
    )
    sheet = plan_measures(some, settings, PERIOD).problem_sheet().bundle([Edition("en", "EUR")])["languages"]["en"]
    assert {row[4].split(".")[0] for row in sheet["cells"]} == {said}


TIERS = named("A: 10% of customers bring 40% of revenue")


def test_asks_speak_of_high_problems_only(plan):
    assert [ask.id for ask in plan.asks()] == ["strategy.ask.complaint_procedure", "strategy.ask.update_reminders"]
    words = plan.asks()[0].bundle(EDITIONS)["languages"]
    assert words["zh"]["who"] == "售后主管"
    assert "2026" in words["en"]["what"]


def test_problem_sheet_has_the_columns_of_the_chinese_form(plan):
    words = plan.problem_sheet().bundle(EDITIONS)["languages"]["zh"]
    assert words["title"] == "客户关系管理功能问题清单"
    assert words["head"] == ["序号", "模块", "问题", "证据", "影响", "优先级", "责任人", "完成时限", "状态"]
    assert len(words["cells"]) == len(LIST)


def test_problems_of_one_remedy_share_their_number_in_the_sheet_as_in_the_report(settings):
    first, second = LIST["check"].iloc[:2]
    some = LIST.iloc[:3].assign(part_of=[first, second, first])
    sheet = plan_measures(some, settings, PERIOD).problem_sheet().bundle(EDITIONS)["languages"]["en"]
    assert [row[0] for row in sheet["cells"]] == ["1", "2", "1"]


def test_every_block_renders_in_both_languages_and_ids_differ(plan):
    blocks = [plan.answer(TIERS), plan.table(), plan.gantt(), plan.problem_sheet(), plan.plan_sheet(), plan.steps_sheet(),
              plan.limits(), *plan.asks()]  # fmt: skip
    ids = [block.bundle(EDITIONS)["id"] for block in blocks]
    assert len(set(ids)) == len(ids)


def test_without_problems_there_is_no_plan_and_no_error(settings):
    plan = plan_measures(problems(), settings, PERIOD)
    assert plan.frame.empty
    assert isinstance(plan.gantt(), Paragraph)
    assert plan.asks() == ()
    assert plan.answer(TIERS).heading == TIERS
    unknown = NotMeasured("grading.tiers", named("the grading"))
    assert plan.answer(unknown).heading.render(EDITIONS[0]) == "No problem asks for a measure"
    for block in (plan.answer(TIERS), plan.table(), plan.problem_sheet(), plan.plan_sheet(), plan.steps_sheet()):
        block.bundle(EDITIONS)


def test_a_plan_read_back_from_its_problem_list_is_the_same(settings, plan, tmp_path):
    LIST.to_parquet(tmp_path / "problems.parquet")
    again = plan_measures(pd.read_parquet(tmp_path / "problems.parquet"), settings, PERIOD)
    pd.testing.assert_frame_equal(again.frame, plan.frame)


def test_no_label_of_the_chart_is_cut_off_or_lies_on_another(plan):
    for edition in EDITIONS:
        with house_style():
            canvas = plan.gantt().draw(edition)
            agg = FigureCanvasAgg(canvas)
            agg.draw()
            axes = canvas.axes[0]
            labels = [t for t in (*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()) if t.get_text()]
            boxes = [t.get_window_extent(agg.get_renderer()) for t in labels]
        assert all(b.x0 >= -1 and b.x1 <= canvas.bbox.width + 1 for b in boxes)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
