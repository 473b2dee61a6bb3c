"""Appeals: the form shows how one was graded, corrected facts are graded by the same policy, decisions stay in the register."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from workbook.appeals import enter, review, write_form
from workbook.cli import app
from workbook.errors import DeliveryError
from workbook.events import enter as enter_events
from workbook.grading.changes import tell_changes
from workbook.grading.policy import past_of
from workbook.language import Edition
from workbook.ledger import ledger_file, read_ledger
from workbook.period import Period
from workbook.settings.models import Grading
from workbook.store import Store

openpyxl = pytest.importorskip("openpyxl")
Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
TODAY = dt.date(2026, 1, 12)
RAISED = {"raised_on": "2025-10-20", "about": "+The refund was counted twice"}
DECIDED = {"reason": "Invoice seen", "author": "head of sales", "decided_on": "2025-10-27"}


@pytest.fixture
def home(graded_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(graded_home, tmp_path / "home"))


def filled(home: Path, rows: dict[str, dict[str, object]], language: str = "en") -> Path:
    """The form of some customers with cells filled in: customer → column → value."""
    path = home / "appeals.xlsx"
    write_form(home, "demo", list(rows), path, language)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[1]
    heads = [str(cell.value).replace("（", "(").replace("：", ":") for cell in sheet[1]]
    for line in range(2, sheet.max_row + 1):
        for name, value in rows[str(sheet.cell(line, 1).value)].items():
            place = next(k for k, head in enumerate(heads, 1) if head.split(":")[0].split("(")[0].strip() == name)
            sheet.cell(line, place, value)
    book.save(path)
    return path


def low(home: Path) -> str:
    """An ordinary customer."""
    scores = Store(home / "outputs/demo/2025Q3/tables").read("scores")
    return str(scores.loc[scores["tier"] == "ordinary", "customer_id"].iloc[0])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_form_shows_the_values_graded_and_reads_back_what_was_corrected(home, language):
    who = low(home)
    profile = Store(home / "outputs/demo/2025Q3/tables").read("profile").set_index("customer_id").loc[who]
    path = filled(home, {who: {**RAISED, "revenue": profile["revenue"] * 50}, "c011": {}}, language)
    shown = pd.read_excel(path, sheet_name=1, engine="calamine")
    now = next(name for name in shown if name.startswith("now_revenue"))
    assert shown[now].iloc[0] == pytest.approx(profile["revenue"], abs=0.01)
    told = review(home, "demo", path, today=TODAY)
    assert (
        told.frame["customer_id"].tolist() == [who] and told.frame["score_asked"].iloc[0] > told.frame["score_before"].iloc[0]
    )
    assert told.records.empty  # open: nothing is decided
    words = told.as_screen(Edition(language))
    assert ("open" if language == "en" else "待处理") in words


def test_decisions_enter_the_register_and_the_next_buffer_begins_from_them(home):
    who = low(home)
    path = filled(home, {
        who: {**RAISED, **DECIDED, "revenue": 90000, "frequency": 60, "decision": "upheld"},
        "c011": {**RAISED, **DECIDED, "decision": "changed", "tier_given": "gold"},
        "c012": {**RAISED, **DECIDED, "revenue": 90000, "decision": "refused"},
    })  # fmt: skip
    assert enter(home, "demo", path, today=TODAY, by="sales director").ok
    written = ledger_file(home, "demo", "appeals").read_bytes()
    assert enter(home, "demo", path, today=TODAY, by="x").appended["appeals"].empty
    assert ledger_file(home, "demo", "appeals").read_bytes() == written
    kept = read_ledger(home, "demo", "appeals").set_index("customer_id")
    scores = Store(home / "outputs/demo/2025Q3/tables").read("scores").set_index("customer_id")
    assert kept.loc[who, "score"] > scores.loc[who, "score"] and kept.loc[who, "tier"] != "ordinary"
    assert kept.loc["c011", "tier"] == "gold" and kept.loc["c012", "tier"] == scores.loc["c012", "tier"]
    policy = Store(home / "outputs/demo/2025Q3/tables").read("grade_policy")
    past = past_of(scores.reset_index(), policy, None, None, (kept.reset_index(),), periods=(Q3, Q4))
    held = past.grades.set_index("customer_id")["held"]
    assert held["c011"] == "gold" and held[who] == kept.loc[who, "held"] and held["c012"] == scores.loc["c012", "held"]
    (table,) = tell_changes((pd.DataFrame(), kept.reset_index()), Grading(), periods=(Q3, Q4))
    assert "Events and appeals since 2025Q3: 3" in table.title.render(Edition("en"))
    assert "The refund" not in str(table.bundle((Edition("en"), Edition("zh"))))
    register = home / "register.xlsx"
    done = CliRunner().invoke(app, ["--home", str(home), "appeals", "demo", "--register", str(register), "--language", "zh"])
    assert done.exit_code == 0, done.output
    rows = pd.read_excel(register, sheet_name=1, engine="calamine")
    assert rows["决定"].tolist().count("驳回") == 1 and "+The refund was counted twice" in set(rows["申诉理由"])


def test_the_card_shows_the_grade_after_event_and_appeal(home):
    who = low(home)

    def card() -> dict:
        done = CliRunner().invoke(app, ["--home", str(home), "customer", "demo", who, "--json"])
        assert done.exit_code == 0, done.output
        return json.loads(done.output)

    before = card()
    (home / "events.csv").write_text(f"customer,date,kind,amount\n{who},2025-10-05,large_order,900000\n")
    enter_events(home, "demo", home / "events.csv", today=TODAY, by="a")
    middle = card()
    assert middle["score"] > before["score"] and middle["changes"][0]["what"] == "large_order"
    assert sum(part["contribution"] for part in middle["parts"]) == pytest.approx(middle["score"])
    enter(home, "demo", filled(home, {who: {**RAISED, **DECIDED, "growth": 123456, "decision": "upheld"}}), today=TODAY, by="a")
    after = card()
    parts = {part["index"]: part for part in after["parts"]}
    assert after["score"] >= middle["score"] and parts["growth"]["value"] == 123456
    assert [one["what"] for one in after["changes"]] == ["large_order", "appeal"]
    assert after["tier"] == after["changes"][-1]["tier"]
    english = CliRunner().invoke(app, ["--home", str(home), "customer", "demo", who])
    assert "Events and appeals: 2; those since 2025Q3 count in the grade above" in english.output


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ({"about": "x"}, "raised_on: found ''"),
        ({"raised_on": "2025-10-20"}, "about: found nothing, expected why"),
        ({**RAISED, "revenue": "much"}, "revenue: found 'much', expected a number"),
        ({**RAISED, **DECIDED}, "decision: found '', expected one of upheld, changed, refused"),
        ({**RAISED, **DECIDED, "decision": "upheld"}, "found no corrected fact"),
        ({**RAISED, **DECIDED, "decision": "changed"}, "tier_given: found '', expected one of diamond"),
        ({**RAISED, **DECIDED, "decision": "changed", "tier_given": "tin"}, "tier_given: found 'tin'"),
        ({**RAISED, **DECIDED, "decision": "refused", "tier_given": "gold"}, "nothing elsewhere"),
        ({**RAISED, "decision": "refused", "decided_on": "2025-10-27"}, "reason: found nothing"),
        ({**RAISED, **DECIDED, "decision": "refused", "decided_on": "2025-10-02"}, "expected 2025-10-20 or later"),
    ],
)
def test_a_form_at_fault_is_refused_with_its_place_and_nothing_is_written(home, cells, fault):
    with pytest.raises(DeliveryError, match="row 2") as told:
        enter(home, "demo", filled(home, {"c011": cells}), today=TODAY, by="a")
    assert fault in str(told.value)
    assert not ledger_file(home, "demo", "appeals").exists()


def test_an_accepted_appeal_cannot_be_told_otherwise(home):
    first = {**RAISED, **DECIDED, "decision": "refused"}
    enter(home, "demo", filled(home, {"c011": first}), today=TODAY, by="a")
    with pytest.raises(DeliveryError, match="what was accepted stands: raise a new one"):
        review(home, "demo", filled(home, {"c011": {**first, "reason": "Other"}}), today=TODAY)
    done = CliRunner().invoke(
        app, ["--home", str(home), "appeals", "demo", "--form", str(home / "f.xlsx"), "--customers", "zz"]
    )
    assert done.exit_code == 2 and "found zz, expected customers graded for 2025Q3" in done.output
