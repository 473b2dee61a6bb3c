"""The form of the comparison with competitors: written by stage 3, filled in, read back, refused as a whole when at fault."""

import datetime as dt

import pandas as pd
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from workbook.cli import app
from workbook.competing import read_forms
from workbook.errors import SettingsError
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.excel import About, write_excel
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.voice.register_exhibits import competitor_sheet

PERIOD = Period.parse("2025Q4")
REGISTER = pd.DataFrame({"need_en": ["Delivery", "Price"], "need_zh": ["配送", "价格"]})


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "params" / "acme"
    folder.mkdir(parents=True)
    (folder / "engagement.yaml").write_text("client: {name: Acme}\nsources: []\n", "utf-8")
    (folder / "2025Q4.yaml").write_text("seed: 7  # chosen by hand\n", "utf-8")
    return tmp_path


def filled(path, language, rows):
    """The form with rows: number → competitor, ours, theirs, source, seen."""
    sheet = competitor_sheet(REGISTER, Settings(client={"name": "Test"}))
    write_excel(path, [sheet], Edition(language), About(named("x"), named("Acme"), PERIOD))
    book = load_workbook(path)
    page = book.worksheets[1]
    for number, cells in rows.items():
        for column, value in enumerate(cells, start=2):
            page.cell(number, column, value)
    book.save(path)
    return path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_filled_form_becomes_comparisons_and_comments_stay(home, language, tmp_path):
    form = filled(
        tmp_path / "form.xlsx", language, {2: ("Rival", 3, "5", "test purchase", dt.datetime(2025, 11, 3)), 5: ("Rival", 4, 2)}
    )
    path, n = read_forms(home, "acme", PERIOD, [form])
    assert n == 2 and "# chosen by hand" in path.read_text("utf-8")
    found = read_settings(home, "acme", PERIOD).voice.competitors
    first, second = ("Delivery", "Price") if language == "en" else ("配送", "价格")
    assert [(c.need, c.competitor, c.ours, c.theirs) for c in found] == [(first, "Rival", 3, 5), (second, "Rival", 4, 2)]
    assert found[0].seen == dt.date(2025, 11, 3)


def test_new_marks_take_the_place_of_old_ones_and_others_stay(home, tmp_path):
    read_forms(home, "acme", PERIOD, [filled(tmp_path / "a.xlsx", "en", {2: ("Rival", 3, 5), 5: ("Other", 4, 2)})])
    read_forms(home, "acme", PERIOD, [filled(tmp_path / "b.xlsx", "en", {2: ("rival", 1, 1)})])
    found = read_settings(home, "acme", PERIOD).voice.competitors
    assert sorted((c.need, c.ours) for c in found) == [("Delivery", 1), ("Price", 4)]


def test_faults_are_named_by_row_and_nothing_is_written(home, tmp_path):
    before = (home / "params" / "acme" / "2025Q4.yaml").read_text("utf-8")
    form = filled(tmp_path / "form.xlsx", "en", {2: ("Rival", 3, 9), 3: ("Rival", None, 2), 5: ("Good", 1, 2)})
    with pytest.raises(SettingsError) as fault:
        read_forms(home, "acme", PERIOD, [form])
    words = str(fault.value)
    assert "row 2: theirs: found '9', expected a mark from 1 to 5" in words and "row 3: ours: found 'nothing'" in words
    assert (home / "params" / "acme" / "2025Q4.yaml").read_text("utf-8") == before


def test_an_empty_form_and_another_file_are_refused_with_what_to_do(home, tmp_path):
    with pytest.raises(SettingsError, match="found no comparison"):
        read_forms(home, "acme", PERIOD, [filled(tmp_path / "empty.xlsx", "en", {})])
    (tmp_path / "x.xlsx").write_text("no workbook")
    with pytest.raises(SettingsError, match="lists/competitors"):
        read_forms(home, "acme", PERIOD, [tmp_path / "x.xlsx"])
    done = CliRunner().invoke(app, ["--home", str(home), "competitors", "acme", str(tmp_path / "x.xlsx")])
    assert done.exit_code == 1
