"""The form of labels: drawn at random and masked, filled in, read back, refused as a whole when at fault."""

import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from workbook.cli import app
from workbook.errors import DeliveryError
from workbook.labelling import draw, read_forms, write_form
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
ENGAGEMENT = """\
client: {name: Acme}
sources:
  - {table: feedback, file: said.csv, columns: {feedback_id: id, given_at: day, text: words, customer_id: who}}
  - {table: customers, file: people.csv, columns: {customer_id: who, name: name, owner: owner}}
voice:
  topics: [{id: ship, name: {en: Shipping, zh: 配送}, words: [parcel]}]
"""


@pytest.fixture
def home(tmp_path):
    folder, data = tmp_path / "params" / "acme", tmp_path / "data" / "acme" / "2025Q4"
    for place in (folder, data):
        place.mkdir(parents=True)
    (folder / "engagement.yaml").write_text(ENGAGEMENT, "utf-8")
    (folder / "2025Q4.yaml").write_text("", "utf-8")
    said = [f"F{i},2025-11-03,the parcel of Ann Archer came late {'x' * i} 13812345678,C1" for i in range(12)]
    (data / "said.csv").write_text("\n".join(["id,day,words,who", *said]) + "\n", "utf-8")
    (data / "people.csv").write_text("who,name,owner\nC1,Ann Archer,Bob Best\n", "utf-8")
    return tmp_path


def fill(path, cells):
    """Fill topic and mood of rows: number → (topic, mood)."""
    book = load_workbook(path)
    page = book.worksheets[1]
    ids = {}
    for row, words in cells.items():
        for column, word in zip((4, 5), words, strict=True):
            page.cell(row, column, word)
        ids[row] = page.cell(row, 1).value
    book.save(path)
    return ids


@pytest.mark.parametrize(("language", "words"), [("en", ("Shipping", "discontent")), ("zh", ("配送", "不满"))])
def test_a_filled_form_becomes_labels_and_what_is_labelled_is_not_drawn_again(home, language, words):
    form = home / "form.xlsx"
    assert write_form(home, "acme", PERIOD, form, language, 8) == 8
    ids = fill(form, {2: words, 4: (None, words[1])})
    path, n = read_forms(home, "acme", PERIOD, [form])
    assert (path.name, n) == ("labels.csv", 2)
    found = read_settings(home, "acme", PERIOD).voice.labels
    assert [(x.comment, x.topic, x.mood) for x in found] == [(ids[2], "ship", "discontent"), (ids[4], "", "discontent")]
    assert write_form(home, "acme", PERIOD, form, language, 50) == 10


def test_a_later_form_changes_what_it_fills_and_nothing_else(home):
    form = home / "form.xlsx"
    write_form(home, "acme", PERIOD, form, "en", 8)
    ids = fill(form, {2: ("Shipping", None), 3: ("other", None)})
    read_forms(home, "acme", PERIOD, [form])
    fill(form, {2: (None, "neither"), 3: ("ship", None)})
    read_forms(home, "acme", PERIOD, [form])
    found = {x.comment: (x.topic, x.mood) for x in read_settings(home, "acme", PERIOD).voice.labels}
    assert found == {ids[2]: ("ship", "neither"), ids[3]: ("ship", "")}


def test_the_form_shows_no_name_no_number_and_no_reading_of_a_model(home):
    form = home / "form.xlsx"
    write_form(home, "acme", PERIOD, form, "en", 8)
    rows = [[str(cell) for cell in row if cell] for row in load_workbook(form).worksheets[1].iter_rows(values_only=True)]
    words = " ".join(cell for row in rows for cell in row)
    assert "parcel" in words and not any(secret in words for secret in ("Archer", "Best", "13812345678"))
    assert {len(row) for row in rows[1:]} == {3}


def test_comments_are_drawn_evenly_and_the_same_again():
    frame = pd.DataFrame({"feedback_id": [f"F{i:04}" for i in range(1000)], "given_at": "2025-11-03",
                          "text": [f"said no {i} to it" for i in range(1000)]})  # fmt: skip
    settings = Settings(client={"name": "T"})
    tables = tables_of({"feedback": frame}, PERIOD)
    first = draw(tables, settings, 200)["comment"]
    assert first.equals(draw(tables, settings, 200)["comment"]) and first.is_unique
    assert abs((first < "F0500").mean() - 0.5) < 0.12


def test_faults_are_named_by_row_and_nothing_is_written(home):
    form = home / "form.xlsx"
    write_form(home, "acme", PERIOD, form, "en", 8)
    fill(form, {2: ("Shop", "content"), 3: ("Shipping", "angry"), 4: ("Shipping", "content")})
    with pytest.raises(DeliveryError) as fault:
        read_forms(home, "acme", PERIOD, [form])
    assert "row 2: topic: found 'Shop', expected one of ship, other" in str(fault.value)
    assert "row 3: mood: found 'angry', expected one of content, discontent, neither" in str(fault.value)
    assert not (home / "params" / "acme" / "labels.csv").exists()


def test_an_empty_form_and_an_empty_command_say_what_to_do(home):
    form = home / "form.xlsx"
    run = CliRunner()
    done = run.invoke(app, ["--home", str(home), "labels", "acme", "--form", str(form), "--comments", "5", "--language", "zh"])
    assert done.exit_code == 0 and "5 comments of 2025Q4" in done.output
    for given, words in (([str(form)], "no topic and no mood"), ([], "--form FILE")):
        done = run.invoke(app, ["--home", str(home), "labels", "acme", *given])
        assert done.exit_code != 0 and "labels" in str(done.exception) + done.output
        assert words in str(done.exception) + done.output
