"""Questionnaires: form out, answers in, the same scores again; reliability held to its definition; advice on sample size."""

import numpy as np
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from workbook.cli import app
from workbook.errors import WorkbookError
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.questionnaires import form, questionnaire_names, read_questionnaire
from workbook.voice.reliability import alpha_interval, answers_needed, measure_reliability, omega, sample_advice
from workbook.voice.satisfaction import measure_satisfaction

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})


@pytest.mark.parametrize("name", ["ces", "csat", "needs", "nps"])
def test_every_questionnaire_stands_in_both_languages(name):
    assert name in questionnaire_names()
    for item in read_questionnaire(name).items:
        assert set(item.words) == {"en", "zh"}
    for sheet in form(name):
        sheet.table.bundle(EDITIONS)


def test_a_score_typed_into_the_form_is_one_of_its_list(tmp_path):
    """Excel refuses the number 5 where the list holds the text 5."""
    path = tmp_path / "form.xlsx"
    assert CliRunner().invoke(app, ["questionnaire", "nps", "2025Q4", "--out", str(path)]).exit_code == 0
    book = openpyxl.load_workbook(path)
    assert [cell.value for cell in book["Choices"]["A"][1:]] == list(range(11))
    kinds = {rule.type for rule in book["Answers"].data_validations.dataValidation}
    assert kinds == {"list", "date"}


def test_an_unknown_questionnaire_is_refused_with_those_there_are():
    with pytest.raises(WorkbookError, match="expected one of ces, csat, needs, nps"):
        read_questionnaire("gss")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_form_written_filled_and_taken_back_gives_its_scores(tmp_path, language):
    path, out = tmp_path / "form.xlsx", tmp_path / "answers.csv"
    run = CliRunner()
    done = run.invoke(app, ["questionnaire", "csat", "2025Q4", "--out", str(path), "--language", language])
    assert done.exit_code == 0, done.output
    book = openpyxl.load_workbook(path)
    sheet = book[book.sheetnames[2]]
    assert str(sheet.cell(1, 1).value).startswith("respondent")
    for row, values in enumerate([("a", "C1", "2025-12-01", "web", 5, 4, 5, 4, 5, 1, "=1+1"),
                                  ("", "", "2025-12-02", "", 2, "", "", "", "", 5, "")], start=2):  # fmt: skip
        for column, value in enumerate(values, start=1):
            sheet.cell(row, column).value = value
    book.save(path)
    done = run.invoke(app, ["questionnaire", "csat", "--answers", str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(out, dtype=str, keep_default_na=False)
    scores = rows[rows["score"] != ""].set_index("feedback_id")["score"]
    assert scores["2025-12-01 a/overall"] == "5" and scores["2025-12-01 a/trouble"] == "5"  # 1 turned round
    assert scores["2025-12-02 row 3/overall"] == "2" and scores["2025-12-02 row 3/trouble"] == "1"
    assert "8 answers of 2 respondents" in done.output.replace("\n", " ")
    assert rows.loc[rows["question"] == "csat.overall", "instrument"].tolist() == ["csat", "csat"]
    tables = tables_of({"feedback": rows.replace("", None)}, PERIOD)
    assert measure_satisfaction(tables, SETTINGS).row("csat")["value"] == 0.5


def congeneric(loading, own, n, seed):
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((n, 1))
    return factor * np.array(loading) + rng.standard_normal((n, len(loading))) * np.array(own)


def test_alpha_is_its_definition_and_that_of_two_halves():
    answers = congeneric([1, 1, 1, 1], [1, 1, 1, 1], 4000, 1)
    low, alpha, high = alpha_interval(answers, 0.95)
    assert alpha == pytest.approx(4 / 3 * (1 - answers.var(axis=0, ddof=1).sum() / answers.sum(axis=1).var(ddof=1)))
    assert low < 0.8 < high  # four tau-equivalent items of reliability ½: Spearman–Brown gives 0.8
    assert omega(answers) == pytest.approx(alpha, abs=0.01)


def test_omega_is_that_of_the_factor_and_alpha_lies_below_where_items_weigh_apart():
    loading, own = [1.5, 1.0, 0.5, 0.2], [0.5, 1.0, 1.0, 1.0]
    answers = congeneric(loading, own, 40_000, 2)
    expected = sum(loading) ** 2 / (sum(loading) ** 2 + sum(s * s for s in own))
    assert omega(answers) == pytest.approx(expected, abs=0.01)
    assert alpha_interval(answers, 0.95)[1] < omega(answers) - 0.02


def test_feldts_interval_covers_as_often_as_it_says():
    held = sum(
        low <= 0.8 <= high
        for low, _, high in (alpha_interval(congeneric([1] * 4, [1] * 4, 60, seed), 0.95) for seed in range(400))
    )
    assert 0.92 <= held / 400 <= 0.98


def test_answers_needed_are_cochrans():
    assert answers_needed(0.5, 0.05, None, 0.95) == 385
    assert answers_needed(0.5, 0.05, 10_000, 0.95) == 370


def test_reliability_is_measured_from_delivered_answers_and_only_whole_ones():
    answers = np.clip(np.round(3.5 + congeneric([0.8] * 6, [0.6] * 6, 80, 3)), 1, 5)
    items = ["overall", "product", "delivery", "response", "staff", "trouble"]
    rows = [
        {"feedback_id": f"r{i}/{item}", "given_at": "2025-11-01", "instrument": "scale", "question": f"csat.{item}",
         "score": answers[i, j], "scale_max": 5}
        for i in range(80) for j, item in enumerate(items) if not (i < 5 and j == 2)
    ]  # fmt: skip
    found = measure_reliability(tables_of({"feedback": pd.DataFrame(rows)}, PERIOD), SETTINGS)
    row = found.frame.iloc[0]
    assert (row["questionnaire"], row["items"], row["respondents"]) == ("csat", 6, 75)
    assert row["alpha"] == pytest.approx(alpha_interval(answers[5:], 0.95)[1])
    found.table().bundle(EDITIONS)
    note = found.table().note
    assert "How often was something wrong that we had to put right?” (1 to 5: never – very often)" in note.render(EDITIONS[0])
    assert "（1～5 分：从不 – 经常）" in note.render(EDITIONS[1])


def test_without_such_answers_it_is_not_measured():
    rows = pd.DataFrame({"feedback_id": ["1"], "given_at": ["2025-11-01"], "instrument": ["nps"], "score": [9]})
    assert isinstance(measure_reliability(tables_of({"feedback": rows}, PERIOD), SETTINGS), NotMeasured)
    missing = measure_satisfaction(tables_of({}, PERIOD), SETTINGS)
    assert sample_advice(missing, tables_of({}, PERIOD)) is missing


def test_sample_advice_needs_more_answers_where_they_differ_more():
    rows = pd.DataFrame({"feedback_id": [str(i) for i in range(80)], "given_at": "2025-11-01", "instrument": "nps",
                         "score": [10, 0] * 40})  # fmt: skip
    tables = tables_of({"feedback": rows}, PERIOD)
    table = sample_advice(measure_satisfaction(tables, SETTINGS), tables)
    assert table.frame["needed"].iloc[0] == pytest.approx((1.96 * 100 / 10) ** 2, rel=0.05)
    table.bundle(EDITIONS)


@pytest.mark.parametrize("n", [150, 186, 400])
def test_sample_advice_asks_for_more_answers_exactly_where_the_interval_is_too_wide(n):
    """Whatever the number of customers: else 170 answers would suffice where 186 do not reach the useful half width."""
    scores = np.resize([10, 9, 9, 8, 7, 10, 3, 6], n)
    rows = pd.DataFrame(
        {"feedback_id": [str(i) for i in range(n)], "given_at": "2025-11-01", "instrument": "nps", "score": scores}
    )
    people = pd.DataFrame({"customer_id": [f"C{i}" for i in range(1500)]})
    tables = tables_of({"feedback": rows, "customers": people}, PERIOD)
    row = sample_advice(measure_satisfaction(tables, SETTINGS), tables).frame.iloc[0]
    assert (row["needed"] > n) == (row["reached"] > row["wanted"])


def test_sample_advice_names_no_number_that_exceeds_the_customers():
    rows = pd.DataFrame({"feedback_id": [str(i) for i in range(80)], "given_at": "2025-11-01", "instrument": "nps",
                         "score": [10, 0] * 40})  # fmt: skip
    people = pd.DataFrame({"customer_id": [f"C{i}" for i in range(100)]})
    tables = tables_of({"feedback": rows, "customers": people}, PERIOD)
    table = sample_advice(measure_satisfaction(tables, SETTINGS), tables)
    assert pd.isna(table.frame["needed"].iloc[0]) and "1 of 1" in table.title.render(EDITIONS[0])
