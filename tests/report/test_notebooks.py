"""The Chinese notebooks are what the English ones and the catalogue make of them."""

import json

import polib
import pytest

from workbook.places import notebooks_folder, templates_folder
from workbook.report.notebooks import translated_notebook
from workbook.stages import STAGES


@pytest.mark.parametrize("stage", [s.id for s in STAGES])
def test_chinese_notebook_has_not_drifted_from_the_english(stage):
    committed = (notebooks_folder() / "zh" / f"{stage}.ipynb").read_text("utf-8")
    assert committed == translated_notebook(notebooks_folder() / f"{stage}.ipynb", "zh"), "run `make notebooks`"


def test_no_translation_is_left_of_a_cell_that_is_gone():
    cells = {
        f"notebooks.{s.id}.{cell['id']}"
        for s in STAGES
        for cell in json.loads((notebooks_folder() / f"{s.id}.ipynb").read_text("utf-8"))["cells"]
        if cell["cell_type"] == "markdown"
    }
    catalogue = polib.pofile(str(templates_folder() / "locale" / "zh" / "notebooks.po"))
    assert {entry.msgctxt for entry in catalogue} == cells
