"""Filled forms taken back: in any form that leaves no doubt, in either language; all that is wrong is told at once, by row."""

import datetime as dt

import openpyxl
import pandas as pd
import pytest

from workbook.errors import WorkbookError
from workbook.forms import take_answers, write_form
from workbook.period import Period
from workbook.voice.answers import feedback_of
from workbook.voice.questionnaires import read_questionnaire


def one(name="csat", **answer):
    items = {item.id: "" for item in read_questionnaire(name).items}
    row = {"respondent": "a", "customer_id": "", "given_at": "2025-12-01", "channel": "", **items, **answer}
    return pd.DataFrame([row], index=[2])


def filled(tmp_path, rows, change=lambda book, sheet: None, language="zh"):
    """The rows of the answers that come back from a form filled with *rows* (day, then scores) and then changed."""
    path, out = write_form("csat", tmp_path / "form.xlsx", language, "Test", Period.parse("2026Q1")), tmp_path / "answers.csv"
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[2]
    for place, (day, *scores) in enumerate(rows, start=2):
        for column, value in enumerate([place - 1, f"C{place}", day, "微信", *scores], start=1):
            sheet.cell(place, column).value = value
    change(book, sheet)
    book.save(path)
    take_answers("csat", path, out)
    return pd.read_csv(out, dtype=str, keep_default_na=False)


DAY = dt.datetime(2026, 1, 15)
ROWS = [(DAY, 5, 4, 4, 5, 5, 1), (DAY, 2, 3, 2, 1, 2, 4)]


def ahead(book, sheet):
    book.move_sheet(sheet, -2)
    sheet.insert_cols(1)
    sheet.cell(1, 1).value = "序号"


def under_a_title(book, sheet):
    sheet.insert_rows(1)
    sheet.cell(1, 1).value = "满意度调查"
    sheet.merge_cells("A1:K1")


def merged(book, sheet):
    sheet["C3"].value = None
    sheet.merge_cells("C2:C3")


@pytest.mark.parametrize("change", [ahead, under_a_title, merged])
def test_a_form_moved_about_by_those_who_filled_it_gives_the_same_answers(tmp_path, change):
    rows = filled(tmp_path, ROWS, change)
    assert rows["score"].tolist() == ["5", "4", "4", "5", "5", "5", "2", "3", "2", "1", "2", "2"]
    assert set(rows["given_at"]) == {"2026-01-15"} and rows["feedback_id"].iloc[0] == "2026-01-15 1/overall"


@pytest.mark.parametrize("day", ["2026-01-15", "2026/1/15", "2026年1月15日", "15.01.2026", "2026-01-15 09:30"])
def test_a_day_is_read_in_any_form_that_leaves_no_doubt(day):
    assert feedback_of("csat", one(overall="4", given_at=day), "form.xlsx")["given_at"].tolist() == ["2026-01-15"]


@pytest.mark.parametrize(
    "said, score", [("4.0", "4"), ("4分", "4"), ("4/5", "4"), ("非常满意", "5"), ("Very dissatisfied", "1")]
)
def test_a_score_may_carry_its_unit_or_be_the_words_of_an_end(said, score):
    assert feedback_of("csat", one(overall=said), "form.xlsx")["score"].tolist() == [score]


@pytest.mark.parametrize(
    "answer, said",
    [
        ({"overall": "9"}, "row 2, overall: found '9', expected 1 to 5 .very dissatisfied – very satisfied."),
        ({"overall": "3.67"}, "found '3.67'"), ({"overall": "4/10"}, "found '4/10'"), ({"overall": "满意"}, "found '满意'"),
        ({"overall": "4", "given_at": ""}, "row 2, given_at is empty"),
        ({"overall": "4", "given_at": "1/2/2026"}, "given_at: found '1/2/2026', expected the day"),
        ({}, "found no answer"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_names_its_row_and_what_may_stand_there(answer, said):
    with pytest.raises(WorkbookError, match=said):
        feedback_of("csat", one(**answer), "form.xlsx")


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    with pytest.raises(WorkbookError) as fault:
        filled(tmp_path, [(DAY, 7, "x"), ("昨天", 3)], lambda book, sheet: sheet.cell(3, 1, 1))
    told = str(fault.value).splitlines()
    assert len(told) == 4 and sum("row 2" in line for line in told) == 3
    assert "respondent: found '1' again (row 2)" in str(fault.value)


def test_choices_stand_in_the_language_of_the_form_and_may_be_set_apart_as_people_do():
    for said in ("price; quality", "价格；质量", "price, quality", "价格、质量、价格", "Price\nQuality;"):
        rows = feedback_of("needs", one("needs", matters=said), "form.xlsx")
        assert rows["choices"].tolist() == ["price;quality"], said
    chinese = one("needs", purpose="for my firm").rename(columns={"respondent": "respondent（编号）"})
    assert feedback_of("needs", chinese, "form.xlsx")["choices"].tolist() == ["企业使用"]
    with pytest.raises(WorkbookError, match="matters: found 'price; luck', expected any of price / quality"):
        feedback_of("needs", one("needs", matters="price; luck"), "form.xlsx")


def test_a_file_that_is_no_form_is_refused_without_a_traceback(tmp_path):
    (tmp_path / "junk.xlsx").write_text("junk")
    with pytest.raises(WorkbookError, match="expected the Excel form of `workbook questionnaire csat`"):
        take_answers("csat", tmp_path / "junk.xlsx", tmp_path / "out.csv")


def test_a_form_without_a_question_names_it():
    with pytest.raises(WorkbookError, match="no column begins with respondent"):
        feedback_of("nps", pd.DataFrame({"recommend: How likely": ["9"]}), "form.xlsx")
