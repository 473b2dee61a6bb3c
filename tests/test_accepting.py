"""Accepting: entered once by key, refused as a whole where it differs, never half written, and never by a run."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from workbook import accepting
from workbook.accepting import accept, append
from workbook.cli import app
from workbook.errors import UsageError, WorkbookError
from workbook.ledger import KINDS, ledger_file, ledger_folder, read_ledger, signatures
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.run.manifest import sha256
from workbook.run.publish import client_lock
from workbook.store import Store

Q2, Q3, Q4 = (Period.parse(f"2025Q{n}") for n in (2, 3, 4))
DAY, LATER = dt.date(2026, 1, 12), dt.date(2026, 4, 3)
quickly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SCORES = pd.DataFrame(
    {"customer_id": ["C3", "C1", "C2"], "index_revenue": [1.0, 2.0, 3.0], "score": [22.083849123456789, 71.2, 50.0],
     "tier": ["ordinary", "gold", "银卡"]}
)  # fmt: skip
EFFECTS = pd.DataFrame(
    {"pilot": ["care", "care", "hidden"], "metric": ["spend", "repeat", "spend"], "arm": ["treatment"] * 3,
     "n_control": [701, 701, 20], "n_arm": [698, 698, 20], "control": [180.9, 0.4, 3.0], "treated": [256.9, 0.5, 3.0],
     "effect": [75.9, 0.08, None], "low": [35.3, 0.03, None], "high": [116.5, 0.13, None], "p": [0.0, 0.0, None],
     "margin": [20.0, 0.03, 20.0], "unit": ["money", "share", "money"], "verdict": ["better", "small", "hidden"]}
)  # fmt: skip
DECISION = {
    "care": {"decision": "roll_out", "decision_words": {"en": "roll out", "zh": "全面推广"}, "metric": "spend",
             "reason": {"en": "raised it by CNY 75.94", "zh": "提高 75.94 元"}, "arm": "treatment", "effect": 75.9, "low": 35.3,
             "high": 116.5, "unit": "money", "verdict": "better", "better": "higher", "margin": 20.0},
    "hidden": {"decision": "cannot_decide", "decision_words": {"en": "no decision possible", "zh": "无法决定"},
               "reason": {"en": "checks not passed", "zh": "检查未通过"}, "metric": "spend", "arm": "treatment",
               "verdict": "hidden", "unit": "money", "better": "higher", "margin": 20.0},
}  # fmt: skip
PILOTS = [
    {"id": "care", "measure": "monthly_care", "ends": "2025-12-15"},
    {"id": "hidden", "measure": "", "ends": "2025-12-15"},
]


def make_home(folder: Path) -> Path:
    params = folder / "params" / "demo"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text("client: {name: Demo}\n")
    for period in (Q2, Q3, Q4):
        (params / f"{period.name}.yaml").write_text("")
        publish(folder, period)
    return folder


def publish(home: Path, period: Period, scores=SCORES, effects=EFFECTS, decision=DECISION) -> Path:
    results = home / "outputs" / "demo" / period.name
    store = Store(results / "tables")
    paths = [store.write("scores", scores), store.write("pilot_effects", effects), store.write("decision", decision)]
    manifest = {
        "run": "0123456789abcdef",
        "settings": {"pilots": PILOTS},
        "artefacts": {path.relative_to(results).as_posix(): sha256(path) for path in paths},
    }
    (results / "manifest.json").write_text(json.dumps(manifest))
    return results


def contents(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(ledger_folder(home, "demo").glob("*"))}


def grades(tiers: dict[str, str], period: Period = Q4) -> pd.DataFrame:
    return pd.DataFrame(
        {"period": period.name, "customer_id": list(tiers), "tier": list(tiers.values()), "score": 1.0}, dtype="object"
    )


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(accepting.os, "fsync", lambda _: None)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


@pytest.fixture
def workbook(home: Path):
    return lambda *words: CliRunner().invoke(app, ["--home", str(home), *words])


def test_a_period_is_accepted_with_what_its_run_published(home):
    outcome = accept(home, "demo", Q4, on=DAY, by="sales director")
    assert outcome.ok and {kind: len(added) for kind, added in outcome.appended.items()} == {
        "grades": 3, "looks": 2, "decisions": 2, "lessons": 1,
    }  # fmt: skip
    given = read_ledger(home, "demo", "grades")
    assert given[["customer_id", "tier", "score", "cause"]].values.tolist() == [
        ["C1", "gold", 71.2, "first grade"], ["C2", "银卡", 50.0, "first grade"],
        ["C3", "ordinary", 22.083849123456789, "first grade"],
    ]  # fmt: skip
    assert set(given["accepted_by"]) == {"sales director"} and set(given["accepted_on"]) == {pd.Timestamp(DAY)}
    assert set(given["run"]) == {"0123456789abcdef"}
    looks = read_ledger(home, "demo", "looks")
    assert looks[["pilot", "metric", "looked_at", "n_control", "effect"]].values.tolist() == [
        ["care", "repeat", "2025-12-31", 701, 0.08], ["care", "spend", "2025-12-31", 701, 75.9],
    ]  # fmt: skip
    decisions = read_ledger(home, "demo", "decisions")
    assert decisions[["pilot", "decision", "reason_zh"]].values.tolist() == [
        ["care", "roll_out", "提高 75.94 元"], ["hidden", "cannot_decide", "检查未通过"],
    ]  # fmt: skip
    lessons = read_ledger(home, "demo", "lessons")
    assert lessons[["id", "measure", "effect", "better"]].values.tolist() == [["care.2025Q4", "monthly_care", 75.9, "higher"]]


def test_accepting_twice_changes_no_byte_even_later_and_by_somebody_else(home):
    accept(home, "demo", Q4, on=DAY, by="sales director")
    before = contents(home)
    publish(home, Q4)
    again = accept(home, "demo", Q4, on=LATER, by="somebody else")
    assert again.ok and again.same == {"grades": 3, "looks": 2, "decisions": 2, "lessons": 1}
    assert all(added.empty for added in again.appended.values())
    assert contents(home) == before
    assert "grades     nothing new, 3 accepted before" in again.as_words()


def test_something_different_under_the_same_key_is_refused_as_a_whole_with_the_difference(home):
    accept(home, "demo", Q4, kinds=["grades", "decisions"], on=DAY)
    before = contents(home)
    other = SCORES.assign(tier=["ordinary", "silver", "银卡"], score=[22.083849123456789, 61.2, 50.0])
    other.loc[3] = ["C4", 1.0, 30.0, "gold"]  # a customer who would be new
    publish(home, Q4, scores=other, decision={"care": {**DECISION["care"], "decision": "limited", "effect": None}})
    outcome = accept(home, "demo", Q4, on=LATER)
    assert not outcome.ok
    assert outcome.refused.values.tolist() == [
        ["grades", "2025Q4 C1", "tier", "gold", "silver"],
        ["grades", "2025Q4 C1", "score", "71.2", "61.2"],
        ["decisions", "care 2025Q4", "decision", "roll_out", "limited"],
        ["decisions", "care 2025Q4", "effect", "75.9", "nothing"],
    ]
    assert contents(home) == before, "looks and lessons, which would have been new, were written"
    words = outcome.as_words(1).splitlines()
    assert "found 2 records that differ from what was accepted" in words[0]
    assert words[1:3] == ["  grades 2025Q4 C1: tier: accepted gold, now silver", "  … and 3 more differences"]
    assert words[3].endswith("to accept the rest: --only looks,lessons")


def test_customers_who_came_later_are_added_and_those_who_left_stay(home):
    accept(home, "demo", Q4, kinds=["grades"], on=DAY)
    publish(home, Q4, scores=SCORES.assign(customer_id=["C3", "C9", "C2"]))
    outcome = accept(home, "demo", Q4, kinds=["grades"], on=LATER)
    assert outcome.as_words() == (
        "demo 2025Q4  grades     1 accepted (1 first grade), 2 accepted before; "
        "1 accepted before that this run no longer has: they stay"
    )
    given = read_ledger(home, "demo", "grades")
    assert list(given["customer_id"]) == ["C1", "C2", "C3", "C9"]
    assert [day.date() for day in given["accepted_on"]] == [DAY, DAY, DAY, LATER]


def test_a_customer_graded_in_an_earlier_period_is_re_graded(home):
    accept(home, "demo", Q3, kinds=["grades"], on=DAY)
    publish(home, Q4, scores=SCORES.assign(customer_id=["C3", "C1", "new"]))
    outcome = accept(home, "demo", Q4, kinds=["grades"], on=DAY)
    assert outcome.appended["grades"]["cause"].tolist() == ["re-graded", "re-graded", "first grade"]
    # a period accepted afterwards knows of no grade before it; what stands does not change by it
    assert set(accept(home, "demo", Q2, kinds=["grades"], on=LATER).appended["grades"]["cause"]) == {"first grade"}
    assert accept(home, "demo", Q3, kinds=["grades"], on=LATER).same == {"grades": 3}


def test_what_a_run_could_not_measure_is_said_and_the_rest_accepted(home):
    results = home / "outputs" / "demo" / "2025Q4"
    from workbook.language import named

    Store(results / "tables").write("scores", NotMeasured("grading.tiers", named("Grading"), ("orders",)))
    outcome = accept(home, "demo", Q4, on=DAY)
    assert "grades     nothing to accept: scores could not be measured" in outcome.as_words()
    assert "grades.jsonl" not in contents(home) and "decisions.jsonl" in contents(home)


def test_nobody_looked_at_what_a_check_kept_back_and_a_running_pilot_taught_nothing(home):
    running = {"care": {**DECISION["care"], "decision": "extend"}}
    publish(home, Q4, effects=EFFECTS.tail(1), decision=running)
    outcome = accept(home, "demo", Q4, on=DAY)
    assert outcome.appended["looks"].empty and outcome.appended["lessons"].empty
    assert not {"looks.jsonl", "lessons.jsonl"} & set(contents(home))
    accept(home, "demo", Q3, on=DAY)  # the pilots end in the quarter after
    assert "lessons.jsonl" not in contents(home)


@pytest.mark.parametrize("name", ["scores.parquet", "decision.json"])
def test_results_changed_after_the_run_are_not_accepted(home, name):
    path = home / "outputs" / "demo" / "2025Q4" / "tables" / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WorkbookError, match=rf"{name}: found a file that was changed after the run"):
        accept(home, "demo", Q4, on=DAY)
    assert not contents(home)


def test_faults_of_the_call_are_told(home, tmp_path):
    with pytest.raises(UsageError, match="found appeals, expected of grades, policies, cards, looks, decisions, lessons"):
        accept(home, "demo", Q4, kinds=["appeals"], on=DAY)
    with pytest.raises(UsageError, match="by: found"):
        accept(home, "demo", Q4, on=DAY, by=" ")
    with pytest.raises(WorkbookError, match="found 'nobody'"):
        accept(home, "nobody", Q4, on=DAY)
    with pytest.raises(WorkbookError, match="2024Q1"):
        accept(home, "demo", Period.parse("2024Q1"), on=DAY)
    (home / "outputs" / "demo" / "2025Q4" / "manifest.json").unlink()
    with pytest.raises(WorkbookError, match="run it first: workbook run demo 2025Q4"):
        accept(home, "demo", Q4, on=DAY)
    assert not contents(home)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (grades({"a": "gold"}).assign(colour="red"), "found the fields colour"),
        (grades({"a": "gold"}).assign(customer_id=None), "found records without customer_id"),
        (grades({"a": "gold"}, Q3), "found period 2025Q3, expected 2025Q4"),
        (pd.concat([grades({"a": "gold"})] * 2), "found 2025Q4 a more than once"),
        (grades({"a": "gold"}).assign(score=float("inf")), "a value that cannot be kept"),
    ],
)
def test_records_at_fault_are_not_entered(home, records, said):
    with pytest.raises(WorkbookError, match=said):
        append(home, "demo", Q4, {"grades": records}, on=DAY)
    assert not contents(home)


def test_an_appeal_is_entered_by_the_function_until_there_is_a_register(home):
    appeal = pd.DataFrame({"customer_id": ["C1"], "period": ["2025Q4"], "id": ["1"], "decision": ["等级维持"]})
    assert append(home, "demo", Q4, {"appeals": appeal}, on=DAY).ok
    kept = read_ledger(home, "demo", "appeals")
    assert kept["decision"].tolist() == ["等级维持"] and kept["reason"].isna().all()


def test_a_batch_torn_at_any_byte_of_its_last_line_is_cut_off_told_and_completed_to_the_same_bytes(home):
    accept(home, "demo", Q3, kinds=["grades"], on=DAY)
    path = ledger_file(home, "demo", "grades")
    before = len(path.read_bytes())
    accept(home, "demo", Q4, kinds=["grades"], on=DAY)
    whole = path.read_bytes()
    signature = whole.rindex(b"\n", 0, -1) + 1
    cuts = [*range(before, signature, 17), *range(signature, len(whole))]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        assert set(read_ledger(home, "demo", "grades")["period"]) == {"2025Q3"}, f"torn at byte {cut}: taken for data"
        outcome = accept(home, "demo", Q4, kinds=["grades"], on=DAY)
        assert path.read_bytes() == whole, f"torn at byte {cut}"
        said = f"found {cut - before:,} bytes below the last signature"
        assert (said in outcome.as_words()) == (cut > before)
    torn = path.with_suffix(".torn").read_bytes()
    assert torn == b"".join(whole[before:cut] for cut in cuts), "something that stood there was thrown away"


def test_a_disk_that_is_full_leaves_the_ledger_as_it_was(home, monkeypatch):
    accept(home, "demo", Q3, on=DAY)
    before = contents(home)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(accepting.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        accept(home, "demo", Q4, on=DAY)
    assert contents(home) == before


def test_two_at_once_and_one_beside_a_run_are_kept_apart(home):
    script = (
        "import sys, pathlib; from workbook.run.publish import client_lock\n"
        "with client_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    folder = home / "outputs" / "demo"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(WorkbookError, match=f"process {other.pid}"):
            accept(home, "demo", Q4, on=DAY)
        assert not contents(home)
        other.stdin.close()
        other.wait(20)
    assert accept(home, "demo", Q4, on=DAY).ok
    with client_lock(folder):
        pass  # let go


customers = st.text('ABCé客户\u2028 "\\{}\n', min_size=1, max_size=4)
tiers_of = st.dictionaries(customers, st.sampled_from(["gold", "silver", '{"accepted":']), max_size=8)


@quickly
@given(first=tiers_of, second=tiers_of)
def test_accepting_adds_what_is_new_and_refuses_as_a_whole_what_differs(first, second):
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        append(home, "demo", Q4, {"grades": grades(first)}, on=DAY)
        before = contents(home)
        outcome = append(home, "demo", Q4, {"grades": grades(second)}, on=LATER)
        differs = {c for c in first.keys() & second.keys() if first[c] != second[c]}
        assert len(outcome.refused) == len(differs)
        kept = read_ledger(home, "demo", "grades")
        expected = first if differs else first | second
        assert dict(zip(kept["customer_id"], kept["tier"], strict=True)) == expected
        if differs:
            assert contents(home) == before
        else:
            assert outcome.same["grades"] == len(first.keys() & second.keys())
            assert outcome.left["grades"] == len(first.keys() - second.keys())
            for name, content in before.items():
                assert contents(home)[name].startswith(content), "what stood in the ledger was touched"


@quickly
@given(st.dictionaries(st.sampled_from([Q2, Q3, Q4]), tiers_of, min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_accepting_and_of_rows_does_not_matter(given_tiers, random):
    def accepted(periods, shuffle):
        with tempfile.TemporaryDirectory() as folder:
            for period in periods:
                rows = grades(given_tiers[period], period)
                rows = rows.sample(frac=1, random_state=random.randrange(1000)) if shuffle else rows
                append(Path(folder), "demo", period, {"grades": rows}, on=DAY)
            frame = read_ledger(Path(folder), "demo", "grades")
            return frame.drop(columns="cause")  # tells what was known on the day

    periods = sorted(given_tiers)
    mixed = random.sample(periods, len(periods))
    pd.testing.assert_frame_equal(accepted(periods, False), accepted(mixed, True))


@quickly
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_scores_are_kept_to_the_last_bit(scores):
    with tempfile.TemporaryDirectory() as folder:
        rows = grades({f"C{k}": "gold" for k in range(len(scores))}).assign(score=scores)
        append(Path(folder), "demo", Q4, {"grades": rows}, on=DAY)
        assert read_ledger(Path(folder), "demo", "grades")["score"].tolist() == scores
        assert append(Path(folder), "demo", Q4, {"grades": rows}, on=LATER).ok


def test_the_command_says_what_it_did_and_exits_1_where_it_refuses(home, workbook):
    done = workbook("accept", "demo", "2025Q4", "--by", "sales director", "--only", "grades, decisions")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "demo 2025Q4  grades     3 accepted (3 first grade)",
        "demo 2025Q4  decisions  2 accepted (care: roll_out; hidden: cannot_decide)",
    ]
    assert signatures(ledger_file(home, "demo", "grades"))[0][0].by == "sales director"
    publish(home, Q4, scores=SCORES.assign(tier="gold"))
    refused = workbook("accept", "demo", "2025Q4")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "grades 2025Q4 C2: tier: accepted 银卡, now gold" in refused.stderr
    assert workbook("accept", "demo", "2025Q4", "--only", "wishes").exit_code == 2
    assert workbook("accept", "demo", "2025Q4", "--only", "").exit_code == 2


def test_every_field_that_is_taken_from_a_run_is_one_of_the_ledger(home):
    accept(home, "demo", Q4, on=DAY)
    for kind in ("grades", "looks", "decisions", "lessons"):
        lines = [json.loads(line) for line in contents(home)[f"{kind}.jsonl"].splitlines()]
        assert list(lines[-1]) == ["accepted"] and all(list(line) == list(KINDS[kind].fields) for line in lines[:-1])
