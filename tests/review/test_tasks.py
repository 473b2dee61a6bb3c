import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.review.firms import tables

from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.review.tasks import STATES, track_tasks

EN, ZH = Edition("en"), Edition("zh")


def rows(*given):
    """Tasks from (measure, owner, due, done, status)."""
    frame = pd.DataFrame(given, columns=["measure", "owner", "due_at", "done_at", "status"], dtype="object")
    return tables(tasks=frame.assign(task_id=[f"T{i}" for i in range(len(frame))]))


LIST = rows(
    ("Care list", "Wu Min", "2025-11-01", "2025-10-30", "done"),
    ("Call-backs", "Wu Min", "2025-11-01", "2025-11-04", "done"),
    ("客服响应培训", "Li Na", "2025-12-01", None, "进行中"),
    ("Tagging workshop", "Li Na", "2025-12-31", "2026-01-05", "已完成"),
    ("Survey", None, "2026-02-01", None, "open"),
    ("Old idea", "Li Na", "2025-01-01", None, "已取消"),
    ("Template", "Li Na", None, None, ""),
    ("Letter", "Li Na", "2025-10-05", None, "done"),
)


def test_each_task_stands_as_it_did_on_the_analysis_date():
    found = track_tasks(LIST).frame.set_index("task_id")
    assert found["state"].to_dict() == {"T0": "on_time", "T1": "late", "T2": "overdue", "T3": "overdue", "T4": "open",
                                        "T5": "dropped", "T6": "undated", "T7": "done"}  # fmt: skip
    assert found["days_late"].to_dict() == {"T0": 0, "T1": 3, "T2": 30, "T3": 0, "T4": 0, "T5": 0, "T6": 0, "T7": 0}
    assert found.index[0] == "T2"


def test_owners_add_up_and_training_is_counted():
    work = track_tasks(LIST)
    owners = work.owners().frame
    assert owners["tasks"].sum() == 8 and owners["overdue"].sum() == 2 and owners["owner"].isna().sum() == 1
    assert work.owners().title.render(EN) == "Of 4 tasks due, 2 are done, 1 on time; overdue: 2"
    assert work.blocks()[-1].words.render(EN) == "Team training: 0 of 2 tasks are done, 2 overdue."


def test_names_of_owners_are_masked_in_the_report_and_whole_in_the_file():
    work = track_tasks(LIST)
    assert "Wu Min" not in str([block.bundle((EN, ZH)) for block in work.blocks()])
    assert work.sheet().unmasked and "Wu Min" in set(work.sheet().table.frame["owner"])


def test_without_tasks_the_client_is_asked_for_them():
    note = track_tasks(tables())
    assert isinstance(note, NotMeasured) and "tasks.due_at" in note.missing and note.bundle((EN, ZH))


def test_a_list_without_training_says_so():
    assert "No task trains" in track_tasks(rows(("Care", "a", "2025-11-01", None, ""))).blocks()[-1].words.render(EN)


days = st.one_of(st.none(), st.dates(pd.Timestamp("2025-01-01").date(), pd.Timestamp("2026-12-31").date()))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(days, days, st.sampled_from(["", "done", "进行中", "已取消", "<b>"])), min_size=1, max_size=8))
def test_every_task_is_in_one_state_and_only_late_ones_have_days(given_tasks):
    whole = [("x", "o", due, done, status) for due, done, status in given_tasks]
    work = track_tasks(rows(*whole))
    if isinstance(work, NotMeasured):
        assert all(due is None for due, _, _ in given_tasks)
        return
    assert work.number(*STATES) == len(whole)
    late = work.frame["state"].isin(["late", "overdue"])
    assert (work.frame.loc[~late, "days_late"] == 0).all() and (work.frame["days_late"] >= 0).all()
    assert all(block.bundle((EN, ZH)) for block in work.blocks())
