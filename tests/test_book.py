"""The book: it opens on any period that has parameters, holds stages to what they declare, and shows each result once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from workbook import book as module
from workbook.book import Book
from workbook.errors import DeliveryError, SettingsError, UndeclaredRead, UsageError, WorkbookError
from workbook.language import named
from workbook.period import Period
from workbook.places import WORKSPACE_VARIABLE
from workbook.report.blocks import MIME, Column, NotMeasured, Sheet, Table
from workbook.settings.kinds import slot_at
from workbook.stages import EVERY_STAGE, REPORT_SETTINGS, STAGES, stage
from workbook.store import Store

ENGAGEMENT = """\
client: {name: Demo}
languages: [zh, en]
sources:
  - table: orders
    file: orders.csv
    columns: {order_id: id, customer_id: who, ordered_at: day, amount: sum}
"""
SCORES = pd.DataFrame({"customer_id": ["a", "b"], "score": [90.0, 50.0]})


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    params = tmp_path / "params" / "demo"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text(ENGAGEMENT)
    for period in ("2025Q3", "2025Q4", "2025-12"):
        (params / f"{period}.yaml").write_text("")
    data = tmp_path / "data" / "demo" / "2025Q4"
    data.mkdir(parents=True)
    (data / "orders.csv").write_text("id,who,day,sum\n1,a,2025-10-05,10.50\n2,b,2025-11-05,20\n3,a,2026-01-02,5\n")
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    monkeypatch.delenv(WORKSPACE_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    outputs: list[dict] = []
    monkeypatch.setattr(module, "display", lambda bundle, raw: outputs.append(bundle))
    return outputs


def note(id: str = "test.note") -> NotMeasured:
    return NotMeasured(id, named({"en": "late responses", "zh": "超时率"}), ("tickets",), named({"en": "no", "zh": "无"}))


def table(id: str = "test.table") -> Table:
    return Table(
        id, named("Scores"), (Column("customer_id", named("Customer")), Column("score", named("Score"), "score")), SCORES
    )


def test_it_opens_settings_and_tables_up_to_the_analysis_date(home):
    book = Book.open("demo", "2025Q4", {"seed": "5"}, stage="1_goals")
    assert (book.stage.id, book.period.name, book.settings.seed) == ("1_goals", "2025Q4", 5)
    assert (book.tables.rows("orders"), book.tables.has("tickets")) == (2, False)
    assert [edition.language for edition in book.editions] == ["zh", "en"]
    assert book.workspace == home / "outputs" / "demo" / ".draft" / "2025Q4"


def test_opening_twice_prepares_once(home):
    first = Book.open("demo", "2025Q4", stage="1").preparation.folder
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    assert Book.open("demo", "2025Q4", stage="2").preparation.folder == first
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before


@pytest.mark.parametrize(
    ("client", "period", "overrides", "kind"),
    [
        ("dem", "2025Q4", None, WorkbookError),
        ("../demo", "2025Q4", None, WorkbookError),
        ("demo", "2020Q1", None, WorkbookError),
        ("demo", 12, None, UsageError),
        ("demo", "2025Q4", {"seed": "x"}, SettingsError),
        ("demo", "2025Q3", None, DeliveryError),  # parameters, but no delivery
    ],
)
def test_it_does_not_open_on_what_is_not_there(home, client, period, overrides, kind):
    with pytest.raises(kind):
        Book.open(client, period, overrides, stage="1_goals")
    assert not list(home.glob("outputs/**/*.parquet"))


def test_an_unknown_stage_is_told(home):
    with pytest.raises(UsageError, match="expected one of 1_goals"):
        Book.open("demo", "2025Q4", stage="7_dream")


def test_a_run_names_the_workspace(home, monkeypatch, tmp_path):
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "work"))
    assert Book.open("demo", "2025Q4", stage="1").workspace == tmp_path / "work"


@pytest.fixture
def book(home) -> Book:
    return Book.open("demo", "2025Q4", stage="4_strategy")


def test_a_stage_saves_only_what_it_declares(book):
    book.save("scores", SCORES)
    pd.testing.assert_frame_equal(book.load("scores"), SCORES)
    with pytest.raises(UndeclaredRead, match=r"4_strategy saves 'profile'.*stages\.py"):
        book.save("profile", SCORES)


def test_a_stage_loads_only_what_it_declares(book):
    with pytest.raises(UndeclaredRead, match="4_strategy reads 'decision'"):
        book.load("decision")
    with pytest.raises(UndeclaredRead, match="4_strategy reads 'kpis' of the previous period"):
        book.previous("kpis")
    with pytest.raises(WorkbookError, match="no artefact 'profile'; run the stage"):
        book.load("profile")


def test_a_draft_goes_before_what_was_published(book):
    published = Store(book.published(book.period) / "tables")
    published.write("profile", SCORES.head(1))
    assert len(book.load("profile")) == 1
    Store(book.workspace / "tables").write("profile", SCORES)
    assert len(book.load("profile")) == 2


def test_the_previous_period_is_the_latest_earlier_one_of_equal_length(book, home):
    assert book.previous("scores") is None
    Store(home / "outputs" / "demo" / "2025-12" / "tables").write("scores", SCORES.head(0))
    assert book.previous("scores") is None
    Store(home / "outputs" / "demo" / "2025Q3" / "tables").write("scores", SCORES)
    assert len(book.previous("scores")) == 2
    assert [period.name for period in book.compared] == ["2025Q3", "2025Q4"]


def test_results_are_shown_in_every_language_with_their_type(book, shown):
    book.show(table(), note())
    assert [set(output) for output in shown] == [{MIME, "text/html", "text/plain"}] * 2
    assert [output[MIME]["id"] for output in shown] == ["test.table", "test.note"]
    assert set(shown[1][MIME]["languages"]) == {"zh", "en"}
    assert "超时率" in shown[1]["text/html"]


def test_an_id_is_shown_once_but_one_missing_result_may_stand_for_its_parts(book, shown):
    book.show(note(), note())
    assert len(shown) == 1
    book.show(table())
    with pytest.raises(WorkbookError, match=r"two blocks have the id 'test\.table'"):
        book.show(table())


def test_a_list_is_written_for_each_language_where_it_is_declared(book):
    book.write_list("action_plan", note())
    assert not (book.workspace / "lists").exists(), "what was not measured gives no file"
    book.write_lists({"action_plan": [Sheet(named("tiers"), table())]})
    assert sorted(path.name for path in (book.workspace / "lists").iterdir()) == [
        "action_plan.en.csv", "action_plan.en.xlsx", "action_plan.zh.csv", "action_plan.zh.xlsx",
    ]  # fmt: skip
    with pytest.raises(UndeclaredRead, match="writes the list 'others'"):
        book.write_list("others", Sheet(named("tiers"), table()))


def test_the_stages_pass_on_what_later_ones_need():
    made: set[str] = set()
    for each in STAGES:
        assert set(each.needs) <= made, each.id
        made |= set(each.makes)
    everything = [name for each in STAGES for name in each.makes]
    assert len(everything) == len(set(everything))
    assert {name for each in STAGES for name in each.previous} <= made


def test_stages_read_settings_that_exist():
    keys = {key for each in STAGES for key in (*each.settings, *EVERY_STAGE, *REPORT_SETTINGS)}
    assert [key for key in sorted(keys) if slot_at(key.split(".")) is None] == []


def test_a_setting_that_the_stage_does_not_declare_cannot_be_read(book):
    assert book.settings.grading.rfm.bins == 5
    assert book.settings.report.rows == 12
    with pytest.raises(UndeclaredRead, match=r"4_strategy reads the setting 'pilots'.*stages\.py"):
        _ = book.settings.pilots
    with pytest.raises(UndeclaredRead, match=r"'report\.title'"):
        _ = book.settings.report.title
    with pytest.raises(AttributeError):
        _ = book.settings.model_dump


@pytest.mark.parametrize("words", ["4_strategy", "4", "strategy"])
def test_a_stage_is_found_by_its_name_or_its_number(words):
    assert stage(words).id == "4_strategy"


def test_a_book_cannot_be_changed(book):
    with pytest.raises(dataclasses.FrozenInstanceError):
        book.period = Period.parse("2025Q3")
