"""A low answer puts a grade up for review, as of its day, and the list is the file that grades again."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pandas as pd
import pytest

from workbook.events import propose
from workbook.grading.policy import past_of
from workbook.grading.review import review_answers
from workbook.grading.score import grade
from workbook.language import Edition, text
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Sheet
from workbook.report.excel import About, write_csv, write_excel
from workbook.settings.models import Answers, EventKind, Grading
from workbook.store import Store
from workbook.tables import Tables, tables_of

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
NONE = NotMeasured("ledger", text("grading.tiers", "Nothing was accepted"))
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")


def feedback(*rows: tuple) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "given_at", "instrument", "score", "scale_max"])
    frame["given_at"] = pd.to_datetime(frame["given_at"], format="mixed")
    return frame.assign(feedback_id=[f"f{k}" for k in range(len(frame))], question="")


def delivered(frame: pd.DataFrame | None) -> Tables:
    return tables_of({} if frame is None else {"feedback": frame}, Q4)


@pytest.fixture(scope="module")
def past(make_profile):
    first = grade(make_profile(60), Grading(), period=Q3)
    return past_of(first.frame, first.policy.json, periods=(Q3, Q4))


ANSWERS = feedback(
    ("c0000001", "2025-10-05 09:00", "csat", 2, 5), ("c0000001", "2025-10-05 18:00", "csat", 1, 5),
    ("c0000002", "2025-11-01", " CSAT ", 2, None), ("c0000003", "2025-11-01", "csat", 3, 5),
    ("c0000004", "2025-11-01", "nps", 0, 10), ("c0000005", "2025-09-30", "csat", 1, 5),
    ("nobody", "2025-11-01", "csat", 1, 5), (None, "2025-11-01", "csat", 1, 5), ("c0000006", "2025-11-02", "csat", -1, 5),
)  # fmt: skip


def test_who_answered_low_in_the_period_and_was_graded_before_is_listed(past):
    found = review_answers(delivered(ANSWERS), Grading(), past, (NONE, NONE), period=Q4)
    rows = found.frame.set_index("customer_id")
    assert set(rows.index) == {"c0000001", "c0000002"} and (rows["event"] == "low_satisfaction").all()
    assert rows.loc["c0000001", ["happened_on", "answer", "scale", "satisfaction"]].to_list() == ["2025-10-05", 1, 5, 0.2]
    assert rows["tier"].to_dict() == past.grades.set_index("customer_id")["tier"].loc[rows.index].to_dict()
    known = pd.DataFrame({"customer_id": ["c0000002"], "happened_on": ["2025-11-01"], "event": ["low_satisfaction"]})
    again = review_answers(delivered(ANSWERS), Grading(), past, (known, NONE), period=Q4)
    assert again.frame["customer_id"].tolist() == ["c0000001"]  # what the ledger holds is done
    for block in found.blocks():
        assert "Low answers put 2 grades up for review" in block.title.render(EN)
        assert "满意度过低 = CSAT 打分不高于 2" in block.note.render(ZH)
        block.bundle((EN, ZH))


def test_several_kinds_of_answers_tell_of_several_events(past):
    kinds = [
        EventKind(id=one, name=one, answers=Answers(instrument=one, at_most=most)) for one, most in (("nps", 6), ("csat", 1))
    ]
    found = review_answers(delivered(ANSWERS), Grading(events=kinds), past, (NONE, NONE), period=Q4)
    assert set(zip(found.frame["customer_id"], found.frame["event"], strict=True)) == {
        ("c0000001", "csat"),
        ("c0000004", "nps"),
    }


def test_without_answers_a_period_before_or_a_kind_there_is_nothing_to_review(past):
    for found in (
        review_answers(delivered(None), Grading(), past, (NONE, NONE), period=Q4),
        review_answers(delivered(ANSWERS), Grading(), None, (NONE, NONE), period=Q4),
        review_answers(delivered(ANSWERS), Grading(events=[]), past, (NONE, NONE), period=Q4),
        review_answers(delivered(ANSWERS[3:4]), Grading(), past, (NONE, NONE), period=Q4),
    ):
        assert found.blocks() == () and isinstance(found.sheet(), NotMeasured)


def test_the_list_is_the_file_that_regrade_reads_and_the_ledger_keeps_what_was_delivered(graded_home, tmp_path):
    home = Path(shutil.copytree(graded_home, tmp_path / "home"))
    store = Store(home / "outputs/demo/2025Q3/tables")
    store.write("profile", store.read("profile").assign(satisfaction=0.9))
    scores = store.read("scores")
    who = str(scores["customer_id"].iloc[3])
    past = past_of(scores, store.read("grade_policy"), periods=(Q3, Q4))
    answers = delivered(feedback((who, "2025-11-01", "csat", 1, 5)))
    sheet = review_answers(answers, Grading(), past, (NONE, NONE), period=Q4).sheet()
    assert isinstance(sheet, Sheet)
    for edition in (EN, ZH):
        excel, plain = tmp_path / f"review.{edition.language}.xlsx", tmp_path / f"review.{edition.language}.csv"
        write_excel(excel, [sheet], edition, About(sheet.name, sheet.name, Q4))
        write_csv(plain, sheet.table, edition)
        for path in (excel, plain):
            (row,) = propose(home, "demo", path, today=dt.date(2026, 1, 12)).records.to_dict("records")
            assert (row["customer_id"], row["happened_on"], row["event"]) == (who, "2025-11-01", "low_satisfaction")
            assert (row["facts"], row["delivered"]) == ('{"satisfaction":0.2}', '{"satisfaction":0.9}')
            assert (
                row["cause"] == "none" and row["tier"] == row["tier_before"]
            )  # no index asks for it: looked at, and it stands
