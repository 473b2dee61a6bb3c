"""Events on the command line: proposed first, entered once by key, the same bytes again, a bad file refused as a whole."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbook.cli import app
from workbook.errors import DeliveryError, WorkbookError
from workbook.events import enter, propose
from workbook.grading.policy import past_of
from workbook.ledger import ledger_file, read_ledger
from workbook.period import Period
from workbook.store import Store

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
TODAY = dt.date(2026, 1, 12)
EVENTS = """customer,date,kind,amount,breadth
c007,2025/11/3,large_order,"20,000",
c007,2025-12-05,违约,,
c011,2025-10-20,Strategic contract,,8
"""


@pytest.fixture
def home(graded_home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(graded_home, tmp_path / "home"))


def events(home: Path, words: str = EVENTS, name: str = "events.csv") -> Path:
    path = home / name
    path.write_text(words, "utf-8")
    return path


def test_a_proposal_writes_nothing_and_tells_before_and_after_in_both_languages(home):
    path = events(home)
    call = ["--home", str(home), "regrade", "demo", str(path)]
    english, chinese = (CliRunner().invoke(app, [*call, "--language", one]) for one in ("en", "zh"))
    assert english.exit_code == chinese.exit_code == 0, english.output
    assert "3 events change the tier of" in english.output and "the event itself" in english.output
    assert "3 项事件" in chinese.output and "大额订单" in chinese.output and "违约" in chinese.output
    said = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert [one["happened_on"] for one in said["events"]] == ["2025-11-03", "2025-12-05", "2025-10-20"]
    assert not ledger_file(home, "demo", "events").exists()


def test_accepted_once_replayed_to_the_same_bytes_and_the_next_run_begins_from_it(home):
    path = events(home)
    call = ["--home", str(home), "regrade", "demo", str(path), "--accept"]
    unsigned = CliRunner().invoke(app, call)
    assert unsigned.exit_code == 2 and "--by" in unsigned.output
    assert enter(home, "demo", path, today=TODAY, by="sales director").ok
    written = ledger_file(home, "demo", "events").read_bytes()
    assert enter(home, "demo", path, today=TODAY, by="somebody else").appended["events"].empty
    assert propose(home, "demo", path, today=TODAY).known == 3
    assert ledger_file(home, "demo", "events").read_bytes() == written
    # the file in another order, event by event, on a fresh ledger: the same records
    ledger_file(home, "demo", "events").unlink()
    head, *lines = EVENTS.strip().splitlines()
    enter(home, "demo", events(home, "\n".join([head, *lines[::-1]])), today=TODAY, by="sales director")
    assert ledger_file(home, "demo", "events").read_bytes() == written
    kept = read_ledger(home, "demo", "events", before=Q4)
    scores, policy = (Store(home / "outputs/demo/2025Q3/tables").read(name) for name in ("scores", "grade_policy"))
    given = read_ledger(home, "demo", "grades", before=Q4)
    past = past_of(scores, policy, given, None, (kept,), periods=(Q3, Q4))
    held = past.grades.set_index("customer_id")["held"]
    assert held["c007"] == kept.loc[kept["event"] == "default", "held"].iloc[0] and held["c011"] == kept["held"].iloc[-1]
    assert past.grades.set_index("customer_id")["tier"].equals(given.set_index("customer_id")["tier"])


def test_events_entered_one_by_one_give_what_they_give_together(home):
    head, *lines = EVENTS.strip().splitlines()
    for k, line in enumerate(lines):
        enter(home, "demo", events(home, f"{head}\n{line}\n", f"{k}.csv"), today=TODAY, by="a")
    single = read_ledger(home, "demo", "events").drop(columns="accepted_by")
    ledger_file(home, "demo", "events").unlink()
    enter(home, "demo", events(home), today=TODAY, by="b")
    assert single.equals(read_ledger(home, "demo", "events").drop(columns="accepted_by"))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("nobody,2025-11-03,default,,", r"row 2, customer: found 'nobody', expected one of the 300 customers"),
        ("c007,2025-11-03,gift,,", r"row 2, kind: found 'gift', expected one of large_order, strategic_contract, default"),
        ("c007,2025-09-30,default,,", r"row 2, date: found '2025-09-30', expected .* after 2025-09-30"),
        ("c007,2026-01-13,default,,", r"row 2, date: .* not after 2026-01-12"),
        ("c007,soon,default,,", r"row 2, date: found 'soon'"),
        ("c007,2025-11-03,large_order,much,", r"row 2, amount: found 'much', expected a number"),
        ("c007,2025-11-03,large_order,1e999,", r"row 2, amount: found '1e999', expected a number"),
        ("c007,2025-11-03,large_order,,", r"row 2: found nothing from which revenue could be told"),
        ("c007,2025-11-03,default,,\nc007,2025-11-03,违约,,", r"row 3: found c007 2025-11-03 default again"),
        ("", r"found 0 filled rows"),
    ],
)
def test_a_bad_line_is_refused_with_its_place_and_nothing_is_written(home, line, fault):
    good = "c011,2025-10-20,default,,"
    path = events(home, f"customer,date,kind,amount,breadth\n{line}\n{good if line else ''}\n")
    with pytest.raises(DeliveryError, match=fault):
        enter(home, "demo", path, today=TODAY, by="a")
    assert not ledger_file(home, "demo", "events").exists()


def test_all_faults_of_a_file_are_told_at_once_and_a_strange_column_is_refused(home):
    path = events(home, "customer,date,kind\nx,y,z\nc007,2025-11-03,gift\n")
    with pytest.raises(DeliveryError) as told:
        propose(home, "demo", path, today=TODAY)
    assert len(told.value.problems) == 4
    with pytest.raises(DeliveryError, match="found the column 'colour', expected each once of customer, date, kind, amount"):
        propose(home, "demo", events(home, "customer,date,kind,colour\nc007,2025-11-03,default,red\n"), today=TODAY)
    with pytest.raises(DeliveryError, match="expected an Excel or CSV file"):
        propose(home, "demo", events(home, "no workbook", "events.xlsx"), today=TODAY)


def test_what_was_accepted_is_neither_told_otherwise_nor_overtaken(home):
    enter(home, "demo", events(home), today=TODAY, by="a")
    with pytest.raises(DeliveryError, match="as it was accepted for c007 2025-11-03 large_order"):
        propose(home, "demo", events(home, EVENTS.replace("20,000", "30,000")), today=TODAY)
    with pytest.raises(DeliveryError, match="expected a day after 2025-12-05"):
        propose(home, "demo", events(home, "customer,date,kind\nc007,2025-11-30,default\n"), today=TODAY)


def test_grades_that_were_not_accepted_or_are_published_otherwise_are_no_base(home):
    ledger_file(home, "demo", "grades").rename(home / "away")
    with pytest.raises(WorkbookError, match="accept them: workbook accept demo PERIOD"):
        propose(home, "demo", events(home), today=TODAY)
    (home / "away").rename(ledger_file(home, "demo", "grades"))
    store = Store(home / "outputs/demo/2025Q3/tables")
    store.write("scores", store.read("scores").assign(score=50.0))
    with pytest.raises(WorkbookError, match="found grades that differ from those accepted for 2025Q3"):
        propose(home, "demo", events(home), today=TODAY)


def test_the_form_is_read_back_as_it_is_filled_in(home):
    openpyxl = pytest.importorskip("openpyxl")
    for language in ("en", "zh"):
        form = home / f"{language}.xlsx"
        call = ["--home", str(home), "regrade", "demo", "--form", str(form), "--language", language]
        assert CliRunner().invoke(app, call).exit_code == 0
        book = openpyxl.load_workbook(form)
        sheet = book.worksheets[1]
        heads = [str(cell.value) for cell in sheet[1]]
        for name, value in {
            "customer": "c007",
            "date": dt.datetime(2025, 11, 3),
            "kind": "large_order",
            "amount": 20000,
        }.items():
            place = next(k for k, head in enumerate(heads, 1) if head.startswith(name))
            sheet.cell(2, place, value)
        book.save(form)
        records = propose(home, "demo", form, today=TODAY).records
        assert (
            records["given"].tolist() == ['{"amount":20000.0}'] and records["score"].iloc[0] > records["score_before"].iloc[0]
        )


def test_an_expression_may_name_an_index_that_is_no_column_as_it_was_graded_last(home):
    kinds = "grading: {events: [{id: order, name: Order, facts: {growth: growth + amount}}]}\n"
    (home / "params" / "demo" / "engagement.yaml").write_text("client: {name: Demo}\n" + kinds)
    path = events(
        home,
        "customer,date,kind,amount,growth\nc007,2025-11-03,order,500,\nc007,2025-11-04,order,500,\nc011,2025-11-03,order,5,7\n",
    )
    records = propose(home, "demo", path, today=TODAY).records.set_index(["customer_id", "happened_on"])
    profile = Store(home / "outputs/demo/2025Q3/tables").read("profile").set_index("customer_id")
    growth = float(profile.loc["c007", "revenue_period"] - profile.loc["c007", "revenue_previous"])
    facts = records["facts"].map(json.loads)
    assert facts["c007", "2025-11-03"]["growth"] == growth + 500 and facts["c007", "2025-11-04"]["growth"] == growth + 1000
    assert facts["c011", "2025-11-03"] == {"growth": 7.0}  # what is said goes before what is computed
