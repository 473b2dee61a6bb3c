"""``workbook new``: from a folder to an engagement that is checked, asked about and run; whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.opening.conftest import workbook_of, write_files
from tests.opening.test_odd_deliveries import CUSTOMERS, ORDERS, day, table
from typer.testing import CliRunner

from workbook.cli import app
from workbook.opening import placing
from workbook.period import Period
from workbook.settings.reading import read_settings

NPS = table("response id,nps", lambda i: f"R{i},{i % 11}")
AMBIGUOUS = table(
    "Order ID,Customer ID,Order Date,Total Amount", lambda i: f"{i},{CUSTOMERS[i]},0{1 + i % 9}/0{1 + i % 8}/2025,5"
)
NAMES = [
    "order id",
    "customer id",
    "order date",
    '"a: b # c\nnew: [line"',
    "<script>alert(1)</script>",
    "total amount",
    "{{7*7}}",
]
HOSTILE = table(",".join([*NAMES, "'); drop table x;--"]), lambda i: f"{i},{CUSTOMERS[i]},{day(i)},1,2,{i},4,5")


@pytest.fixture
def workbook(tmp_path):
    def call(*words: str, answers: str | None = None):
        return CliRunner().invoke(app, ["--home", str(tmp_path / "home"), *words], input=answers)

    (tmp_path / "home").mkdir()
    return call


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_files(tmp_path / "from", {"orders.csv": ORDERS, "deep/notes.txt": "x1,x2\n1,2\n"})


def replace_in(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_becomes_an_engagement_that_is_sound(workbook, folder, tmp_path):
    before = everything(folder)
    done = workbook("new", "acme", "--from", str(folder))
    assert done.exit_code == 0, done.output
    assert "orders" in done.stdout and "4_strategy" in done.stdout and "2025Q4" in done.stdout
    home = tmp_path / "home"
    assert everything(folder) == before
    assert everything(home / "data" / "acme" / "2025Q4") == before
    settings = read_settings(home, "acme", Period.parse("2025Q4"))
    assert settings.sources[0].columns["ordered_at"] == "Order Date"
    checked = workbook("check", "acme")
    assert checked.exit_code == 0, checked.output
    assert sorted(p.name for p in home.iterdir()) == ["data", "outputs", "params"]


def test_the_same_files_give_the_same_bytes(workbook, folder):
    texts = [workbook("new", "acme", "--from", str(folder), "--dry-run").stdout for _ in range(2)]
    assert texts[0] == texts[1] != ""


@pytest.mark.parametrize(("language", "words"), [("en", "by its name"), ("zh", "由列名得出")])
def test_comments_speak_the_leading_language(workbook, folder, language, words, tmp_path):
    assert workbook("new", "acme", "--from", str(folder), "--language", language, "--template", "retail").exit_code == 0
    text = (tmp_path / "home" / "params" / "acme" / "engagement.yaml").read_text("utf-8")
    assert words in text
    settings = read_settings(tmp_path / "home", "acme", Period.parse("2025Q4"))
    assert (settings.languages[0], settings.template) == (language, "retail")


def test_hostile_names_stay_names(workbook, tmp_path):
    folder = write_files(
        tmp_path / "from", {"=cmd|x: [y].csv": HOSTILE, "a\nb # c.csv": HOSTILE.replace("total amount", "amount\x85\u2028x")}
    )
    done = workbook("new", "acme", "--from", str(folder))
    assert done.exit_code == 0, done.output
    files = [s.file for s in read_settings(tmp_path / "home", "acme", Period.parse("2025Q4")).sources]
    assert set(files) == {"=cmd|x: [y].csv", "a\nb # c.csv"}
    assert workbook("check", "acme").exit_code == 0


def test_a_required_question_stops_check_and_run_until_it_is_answered(workbook, tmp_path):
    folder = write_files(tmp_path / "from", {"survey.csv": NPS})
    assert workbook("new", "acme", "--from", str(folder)).exit_code == 1  # nothing is dated: which period?
    assert not (tmp_path / "home" / "params").exists()
    done = workbook("new", "acme", "--from", str(folder), "--period", "2025Q2")
    assert done.exit_code == 0
    assert "must be answered: given_at" in done.stdout
    path = tmp_path / "home" / "params" / "acme" / "engagement.yaml"
    for command in ("check", "run"):
        stopped = workbook(command, "acme")
        assert stopped.exit_code == 1
        assert "which column of survey.csv is feedback.given_at?" in stopped.output
        assert "Traceback" not in stopped.output
    # the answer in its place is enough, whether the question is deleted or not
    path.write_text(
        path.read_text("utf-8").replace("    constants:\n", "    constants:\n      given_at: 2025-05-31\n"), "utf-8"
    )
    assert workbook("check", "acme").exit_code == 0


def test_an_order_of_day_and_month_is_answered_under_dates(workbook, tmp_path):
    folder = write_files(tmp_path / "from", {"orders.csv": AMBIGUOUS})
    assert workbook("new", "acme", "--from", str(folder), "--period", "2025Q3").exit_code == 0
    stopped = workbook("check", "acme")
    assert stopped.exit_code == 1
    assert "how are the dates of orders.csv written in 'Order Date'?" in stopped.output
    path = tmp_path / "home" / "params" / "acme" / "engagement.yaml"
    path.write_text(
        path.read_text("utf-8").replace("    todo:\n", "    dates: {ordered_at: month first}\n    todo:\n"), "utf-8"
    )
    assert workbook("check", "acme").exit_code == 0


def test_an_optional_question_is_a_warning(workbook, tmp_path):
    text = table("订单号,会员号,下单时间,金额,金额", lambda i: f"{i},{CUSTOMERS[i]},{day(i)},{i}.5,{i}")
    folder = write_files(tmp_path / "from", {"orders.csv": text})
    assert workbook("new", "acme", "--from", str(folder)).exit_code == 0
    checked = workbook("check", "acme")
    assert checked.exit_code == 0
    assert "orders.amount is not read until todo is answered: 金额" in checked.stdout


def test_answers_at_the_terminal_are_written(workbook, tmp_path):
    folder = write_files(tmp_path / "from", {"orders.csv": AMBIGUOUS, "survey.csv": NPS})
    done = workbook("new", "acme", "--from", str(folder), "--ask", answers="7\n1\n=soon\n= 2025-05-31\n2025Q2\n")
    assert done.exit_code == 0, done.output
    sources = {s.table: s for s in read_settings(tmp_path / "home", "acme", Period.parse("2025Q2")).sources}
    assert sources["orders"].dates == {"ordered_at": "day first"}
    assert sources["feedback"].constants["given_at"] == "2025-05-31"
    assert not sources["orders"].todo and not sources["feedback"].todo
    assert workbook("check", "acme").exit_code == 0


def test_nothing_typed_leaves_a_question_open(workbook, tmp_path):
    folder = write_files(tmp_path / "from", {"orders.csv": AMBIGUOUS})
    done = workbook("new", "acme", "--from", str(folder), "--ask", "--period", "2025Q2", answers="\n")
    assert done.exit_code == 0
    assert "todo:" in (tmp_path / "home" / "params" / "acme" / "engagement.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["Acme", "--from", "."], 1, "small letters"),
        (["acme", "--from", "nowhere"], 1, "found no folder"),
        (["acme", "--from", ".", "--template", "retial"], 2, "did you mean 'retail'"),
        (["acme", "--from", ".", "--period", "2025Q5"], 2, "expected 2025Q4"),
        (["acme", "--from", ".", "--language", "fr"], 2, "expected en or zh"),
    ],
)
def test_what_is_said_wrongly_is_told(workbook, words, code, message, tmp_path):
    done = workbook("new", *words)
    assert (done.exit_code, "Traceback" in done.output) == (code, False)
    assert message in done.output


def test_an_empty_folder_and_one_with_nothing_to_use_write_nothing(workbook, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no file to read" in workbook("new", "acme", "--from", str(tmp_path / "empty")).output
    folder = write_files(tmp_path / "from", {"odd.csv": "x1,x2\n1,2\n3,4\n"})
    done = workbook("new", "acme", "--from", str(folder))
    assert done.exit_code == 1
    assert "odd.csv: none of its columns is known" in done.output
    assert list((tmp_path / "home").iterdir()) == []


def test_what_is_there_already_is_not_touched(workbook, folder, tmp_path):
    assert workbook("new", "acme", "--from", str(folder)).exit_code == 0
    before = everything(tmp_path / "home")
    again = workbook("new", "acme", "--from", str(folder))
    assert again.exit_code == 1
    assert "found a delivery" in again.output
    told = workbook("new", "acme", "--from", str(folder), "--template", "retail")
    assert told.exit_code == 2 and "found an engagement" in told.output
    assert everything(tmp_path / "home") == before
    shutil.rmtree(tmp_path / "home" / "params")
    refused = workbook("new", "acme", "--from", str(folder))
    assert "found a delivery" in refused.output
    assert {k: v for k, v in before.items() if k.startswith("data")} == everything(tmp_path / "home")


@pytest.mark.parametrize("step", ["_copy", "check_settings"])
def test_a_failure_leaves_nothing_half_written(workbook, folder, tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(placing, step, fail)
    done = workbook("new", "acme", "--from", str(folder))
    assert done.exit_code == 1
    assert "No space left" in done.output
    assert everything(tmp_path / "home") == {}


def test_a_link_that_leads_out_is_not_copied(workbook, folder, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text(ORDERS)
    (folder / "link.csv").symlink_to(secret)
    assert workbook("new", "acme", "--from", str(folder)).exit_code == 0
    assert not (tmp_path / "home" / "data" / "acme" / "2025Q4" / "link.csv").exists()


def test_orders_without_customers_open_no_strategy(workbook, tmp_path):
    text = table("Order ID,Order Date,Total Amount", lambda i: f"{i},{day(i)},{i}.5")
    folder = write_files(tmp_path / "from", {"orders.csv": text})
    done = workbook("new", "acme", "--from", str(folder))
    assert "no RFM" in done.stdout
    assert "4_strategy: cannot say anything yet" in done.stdout
    checked = workbook("check", "acme")
    assert checked.exit_code == 0
    assert "4_strategy   no data yet; more with orders.customer_id" in checked.stdout


def test_sheets_of_one_file_that_fill_one_table_are_checked_as_one(workbook, tmp_path):
    sheets = {
        name: [
            ["Order ID", "Customer ID", "Order Date", "Amount"],
            *([f"{name}{i}", "C1", day(i), i] for i in range(30)),
            ["Total"],
        ]
        for name in ("North", "South")
    }
    folder = write_files(tmp_path / "from", {"orders.xlsx": workbook_of(sheets)})
    assert workbook("new", "acme", "--from", str(folder)).exit_code == 0
    (told,) = json.loads(workbook("check", "acme", "--json").stdout)["files"]
    assert (told["rows_in"], told["rows_kept"] + told["rows_quarantined"]) == (62, 62)
    assert sum(told["reasons"].values()) == told["rows_quarantined"] == 2
