"""The comparison sheet: written, filled in with a spreadsheet's own cells, read back, and refused as a whole when at fault."""

from __future__ import annotations

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from workbook.cli import app
from workbook.errors import SettingsError, WorkbookError
from workbook.period import Period
from workbook.settings.reading import read_settings
from workbook.weighing import SCALE, read_sheets, write_sheet

PERIOD = Period.parse("2025Q4")
ENGAGEMENT = """client: {name: Acme}
sources: []
"""


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "params" / "acme"
    folder.mkdir(parents=True)
    (folder / "engagement.yaml").write_text(ENGAGEMENT, "utf-8")
    (folder / "2025Q4.yaml").write_text("# the quarter\nseed: 7  # chosen by hand\n", "utf-8")
    return tmp_path


def fill(blank, path, judgements):
    """A copy of the sheet with judgements: pair → cell, as a person would leave it."""
    with CalamineWorkbook.from_path(blank) as book, xlsxwriter.Workbook(str(path), {"strings_to_formulas": False}) as filled:
        for name in book.sheet_names:
            sheet = filled.add_worksheet(name)
            for r, row in enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False)):
                row = list(row)
                for c, cell in enumerate(row):
                    if cell in judgements:
                        row[c - 2] = judgements[cell]
                for c, cell in enumerate(row):
                    sheet.write(r, c, cell)
    return path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_filled_sheet_becomes_comparisons_and_comments_stay(home, language, tmp_path):
    blank = write_sheet(home, "acme", PERIOD, tmp_path / "blank.xlsx", language)
    judged = {"financial/potential": "5/3", "financial/risk": 2.5, "potential/risk": 1.5, "revenue/frequency|financial": "3"}
    done = read_sheets(home, "acme", PERIOD, [fill(blank, tmp_path / "Head of sales.xlsx", judged)])
    assert done.pairs == {"Head of sales": 4}
    assert [round(w, 4) for w in done.weights[""].by_item.values()] == [0.5, 0.3, 0.2]
    assert done.weights["financial"].by_item["revenue"] == pytest.approx(0.75)
    words = (home / "params" / "acme" / "2025Q4.yaml").read_text("utf-8")
    assert "# the quarter" in words and "# chosen by hand" in words
    found = read_settings(home, "acme", PERIOD).grading.comparisons
    assert [(c.expert, c.among, len(c.pairs)) for c in found] == [("Head of sales", None, 3), ("Head of sales", "financial", 1)]


def test_a_second_expert_joins_and_the_first_may_change_his_mind(home, tmp_path):
    blank = write_sheet(home, "acme", PERIOD, tmp_path / "blank.xlsx", "en")
    first = fill(blank, tmp_path / "sales.xlsx", {"financial/potential": 2, "financial/risk": 3, "potential/risk": 2})
    second = fill(blank, tmp_path / "service.xlsx", {"financial/potential": 1, "financial/risk": 3, "potential/risk": 2})
    read_sheets(home, "acme", PERIOD, [first])
    together = read_sheets(home, "acme", PERIOD, [second])
    assert [round(w, 4) for w in together.weights[""].by_item.values()] == [0.4918, 0.3410, 0.1672]
    changed = fill(blank, tmp_path / "sales.xlsx", {"financial/potential": 1, "financial/risk": 3, "potential/risk": 2})
    again = read_sheets(home, "acme", PERIOD, [changed])
    assert [j.expert for j in again.weights[""].judgements] == ["service", "sales"]


@pytest.mark.parametrize(
    ("judged", "said"),
    [
        ({"financial/potential": "a lot"}, "found 'a lot', expected one of 9, 8"),
        ({"financial/potential": -3, "potential/risk": 2}, "found '-3"),
        ({"financial/potential": 0, "potential/risk": 2}, "expected one of"),
        ({"financial/potential": "1/0", "potential/risk": 2}, "1/0"),
        ({}, "found no judgement"),
        ({"financial/potential": 3}, "nobody compared"),
        ({"financial/potential": 9, "potential/risk": 9, "financial/risk": "1/9"}, "consistency ratio"),
    ],
)
def test_a_sheet_at_fault_changes_nothing(home, tmp_path, judged, said):
    blank = write_sheet(home, "acme", PERIOD, tmp_path / "blank.xlsx", "en")
    before = (home / "params" / "acme" / "2025Q4.yaml").read_bytes()
    with pytest.raises(SettingsError) as fault:
        read_sheets(home, "acme", PERIOD, [fill(blank, tmp_path / "sales.xlsx", judged)])
    assert said in str(fault.value)
    assert (home / "params" / "acme" / "2025Q4.yaml").read_bytes() == before


def test_what_is_no_sheet_is_told(home, tmp_path):
    (tmp_path / "notes.xlsx").write_text("no excel", "utf-8")
    for path in (tmp_path / "notes.xlsx", tmp_path / "missing.xlsx"):
        with pytest.raises(SettingsError, match="expected an Excel file made by"):
            read_sheets(home, "acme", PERIOD, [path])


def test_nothing_to_compare_is_told(home, tmp_path):
    one = """client: {name: Acme}
grading:
  groups: [{id: all, name: All}]
  indices: [{id: r, name: R, source: revenue, group: all}]
"""
    (home / "params" / "acme" / "engagement.yaml").write_text(one, "utf-8")
    with pytest.raises(WorkbookError, match="nothing to compare"):
        write_sheet(home, "acme", PERIOD, tmp_path / "blank.xlsx", "en")


def test_the_command_writes_reads_and_tells_the_weights(home, tmp_path):
    def call(*words):
        return CliRunner().invoke(app, ["--home", str(home), "weights", "acme", *words])

    assert "financial" in call().output and "50.0%" in call().output
    assert call("--sheet", str(tmp_path / "b.xlsx")).exit_code == 0
    judged = {"financial/potential": 3, "financial/risk": 5, "potential/risk": 3}
    path = fill(tmp_path / "b.xlsx", tmp_path / "sales.xlsx", judged)
    done = call("--read", str(path), "--language", "zh")
    assert done.exit_code == 0 and "sales: 3 pairs" in done.output and "一致性比率" in done.output
    assert call("--sheet", "a.xlsx", "--read", str(path)).exit_code == 2
    assert call("2031Q1").exit_code == 1


def test_the_scale_is_saatys():
    assert len(SCALE) == 17 and SCALE[0] == "9" and SCALE[8] == "1" and SCALE[-1] == "1/9"
