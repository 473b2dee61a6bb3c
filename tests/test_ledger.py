"""Reading the ledger: only what was accepted, only of earlier periods, never what was changed by hand; a run only reads."""

from __future__ import annotations

import ast
import datetime as dt
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from workbook.accepting import append
from workbook.book import Book
from workbook.errors import UndeclaredRead, UsageError, WorkbookError
from workbook.grading.migration import Migration, compare_tiers
from workbook.language import Edition
from workbook.ledger import KINDS, given_before, ledger_file, ledger_folder, ledger_key, read_ledger, signatures
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Grading
from workbook.stages import STAGES

SOURCE = Path(__file__).parents[1] / "src" / "workbook"
Q2, Q3, Q4 = (Period.parse(f"2025Q{n}") for n in (2, 3, 4))
DAY, LATER = dt.date(2025, 10, 12), dt.date(2026, 1, 12)


def give(home: Path, period: Period, tiers: dict[str, str], on: dt.date = DAY) -> None:
    rows = {"period": period.name, "customer_id": list(tiers), "tier": list(tiers.values()), "score": 1.0}
    assert append(home, "demo", period, {"grades": pd.DataFrame(rows)}, on=on).ok


@pytest.fixture
def home(tmp_path: Path) -> Path:
    give(tmp_path, Q2, {"a": "gold", "b": "silver"})
    give(tmp_path, Q3, {"a": "gold", "b": "gold"})
    return tmp_path


def test_a_period_sees_what_was_accepted_for_periods_before_it(home):
    assert read_ledger(home, "demo", "grades", before=Q4)["period"].tolist() == ["2025Q2", "2025Q2", "2025Q3", "2025Q3"]
    assert set(read_ledger(home, "demo", "grades", before=Q3)["period"]) == {"2025Q2"}
    assert isinstance(given_before(home, "demo", "grades", Q2), NotMeasured)
    assert read_ledger(home, "demo", "grades", before=Period.parse("2025-09"))["period"].unique() == ["2025Q2"]
    assert set(read_ledger(home, "demo", "grades", of=Q3)["period"]) == {"2025Q3"}


def test_what_is_accepted_later_changes_neither_sight_nor_key_of_an_earlier_period(home):
    before = {period: (ledger_key(home, "demo", ["grades"], period), read_ledger(home, "demo", "grades", before=period))
              for period in (Q2, Q3, Q4)}  # fmt: skip
    give(home, Q4, {"a": "silver"}, LATER)
    give(home, Q3, {"late": "gold"}, LATER)
    for period in (Q2, Q3):
        key, seen = before[period]
        assert ledger_key(home, "demo", ["grades"], period) == key
        pd.testing.assert_frame_equal(read_ledger(home, "demo", "grades", before=period), seen)
    assert ledger_key(home, "demo", ["grades"], Q4) != before[Q4][0], "what stage 6 compares with is another now"


def test_the_key_is_of_the_kinds_asked_and_the_same_without_a_ledger(home, tmp_path):
    empty = ledger_key(home, "nobody", ["grades"], Q4)
    assert ledger_key(home, "demo", [], Q4) == ledger_key(home, "demo", ["looks"], Q4) == empty
    assert ledger_key(home, "demo", ["looks", "grades"], Q4) == ledger_key(home, "demo", ["grades"], Q4) != empty
    with pytest.raises(UsageError, match="found 'wishes'"):
        ledger_key(home, "demo", ["wishes"], Q4)
    # the same batches in another order are the same sight
    other = tmp_path / "other"
    lines = ledger_file(home, "demo", "grades").read_bytes()
    first = signatures(ledger_file(home, "demo", "grades"))[0][0]
    cut = first.end + len(first.line)
    ledger_folder(other, "demo").mkdir(parents=True)
    ledger_file(other, "demo", "grades").write_bytes(lines[cut:] + lines[:cut])
    assert ledger_key(other, "demo", ["grades"], Q4) == ledger_key(home, "demo", ["grades"], Q4)
    pd.testing.assert_frame_equal(read_ledger(other, "demo", "grades"), read_ledger(home, "demo", "grades"))


def test_keys_are_made_without_anything_heavy(home):
    code = (
        "import sys; from pathlib import Path; from workbook.ledger import ledger_key; from workbook.period import Period\n"
        "ledger_key(Path(sys.argv[1]), 'demo', ['grades'], Period.parse('2025Q4'))\n"
        "print(sorted({'pandas', 'numpy', 'pyarrow', 'matplotlib', 'babel'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_record_changed_by_hand_is_told_and_not_used(home, place):
    path = ledger_file(home, "demo", "grades")
    content = path.read_bytes()
    at = content.find(b"gold") if place == "first" else content.rfind(b"gold")
    path.write_bytes(content[:at] + b"good" + content[at + 4 :])
    with pytest.raises(WorkbookError, match=r"records accepted for 2025Q\d on 2025-10-12 changed since they were signed"):
        read_ledger(home, "demo", "grades")


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_line_taken_out_is_told_and_not_used(home, line):
    path = ledger_file(home, "demo", "grades")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    with pytest.raises(WorkbookError, match="changed since they were signed"):
        read_ledger(home, "demo", "grades")


def test_records_without_a_signature_were_not_accepted(home):
    path = ledger_file(home, "demo", "grades")
    signed = path.read_bytes()
    key, seen = ledger_key(home, "demo", ["grades"], Q4), read_ledger(home, "demo", "grades")
    batch = signed[signatures(path)[0][-1].start : -1]
    for torn in (b"{", b'{"accepted":{"period":"2025Q3"', b'{"accepted":{}}\n', batch, b"\n\n", b"\xff" * 9000):
        path.write_bytes(signed + torn)
        assert ledger_key(home, "demo", ["grades"], Q4) == key
        pd.testing.assert_frame_equal(read_ledger(home, "demo", "grades"), seen)
    path.write_bytes(b'{"period":"2025Q2"')
    assert read_ledger(home, "demo", "grades").empty


@pytest.mark.parametrize("kind", KINDS)
def test_without_records_there_are_the_columns_and_a_note_in_both_languages(tmp_path, kind):
    frame = read_ledger(tmp_path, "demo", kind)
    assert frame.empty and list(frame.columns[-4:]) == ["accepted_for", "accepted_on", "accepted_by", "run"]
    note = given_before(tmp_path, "demo", kind, Q4)
    assert isinstance(note, NotMeasured)
    words = note.bundle((Edition("en"), Edition("zh")))["languages"]
    assert "workbook accept" in words["en"]["why"] and "确认" in words["zh"]["why"]


@pytest.fixture
def engagement(home, monkeypatch):
    params = home / "params" / "demo"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text(
        "client: {name: Demo}\nsources:\n"
        "  - {table: orders, file: o.csv, columns: {order_id: id, customer_id: who, ordered_at: day, amount: sum}}\n"
    )
    for period in (Q3, Q4):
        (params / f"{period.name}.yaml").write_text("")
        data = home / "data" / "demo" / period.name
        data.mkdir(parents=True)
        (data / "o.csv").write_text("id,who,day,sum\n1,a,2025-07-05,10\n")
    monkeypatch.setenv("WORKBOOK_HOME", str(home))
    return home


def test_a_stage_reads_the_kinds_it_declares_of_the_periods_before(engagement):
    book = Book.open("demo", "2025Q4", stage="6_iterate")
    assert set(book.ledger("grades")["period"]) == {"2025Q2", "2025Q3"}
    with pytest.raises(UndeclaredRead, match=r"6_iterate reads 'looks' of the ledger, which stages\.py does not list"):
        book.ledger("looks")
    with pytest.raises(UndeclaredRead):
        Book.open("demo", "2025Q4", stage="1_goals").ledger("grades")
    assert set(Book.open("demo", "2025Q3", stage="6_iterate").ledger("grades")["period"]) == {"2025Q2"}


def test_stages_declare_kinds_that_there_are():
    assert {kind for stage in STAGES for kind in stage.ledger} <= set(KINDS)


def test_no_code_that_a_run_or_a_notebook_can_reach_writes_to_the_ledger():
    writers = ("workbook.accepting", "workbook.events", "workbook.appeals")
    for path in SOURCE.rglob("*.py"):
        if path in (SOURCE / "cli.py", SOURCE / "commands" / "grades.py") or path.name in (
            "events.py",
            "appeals.py",
            "accepting.py",
        ):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [f"workbook.{a.name}" for a in node.names] if isinstance(node, ast.ImportFrom) else []
            assert not set(names) & set(writers), f"{path}:{node.lineno} can write to the ledger"
    reading = (SOURCE / "ledger.py").read_text("utf-8")
    assert not [word for word in ("write", '"ab"', '"wb"', '"a"', '"w"', "unlink", "mkdir", "rename") if f"{word}(" in reading]


def test_the_review_compares_with_the_tiers_given_and_says_so(home):
    tiers = Grading().tiers
    now = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["gold", "silver"]})
    proposed = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["silver", "silver"]})
    given = given_before(home, "demo", "grades", Q4)
    moves = compare_tiers(proposed, now, tiers, periods=(Q3, Q4), accepted=given)
    assert isinstance(moves, Migration) and (moves.same, moves.up, moves.down) == (1, 0, 1)
    note = moves.table().note
    assert note.render(Edition("en")).endswith("Compared with the tiers of 2025Q3 accepted on 12 Oct 2025.")
    assert note.render(Edition("zh")).endswith("2025Q3 等级以 2025 年 10 月 12 日确认的结果为准。")
    # without a run of the period before, what was given is still there
    assert isinstance(compare_tiers(None, now, tiers, periods=(Q3, Q4), accepted=given), Migration)


def test_without_grades_given_for_the_period_before_the_review_says_that_they_were_only_proposed(home):
    tiers = Grading().tiers
    frame = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["silver", "silver"]})
    given = read_ledger(home, "demo", "grades", before=Q3)  # of 2025Q2 alone
    for accepted in (given, given_before(home, "nobody", "grades", Q4), None):
        moves = compare_tiers(frame, frame, tiers, periods=(Q3, Q4), accepted=accepted)
        assert isinstance(moves, Migration) and moves.same == 2
        assert moves.table().note.render(Edition("en")).endswith("Tiers of 2025Q3 as its run proposed them, not accepted.")
        assert moves.table().note.render(Edition("zh")).endswith("2025Q3 等级为运行建议，尚未确认。")
