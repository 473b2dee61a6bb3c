"""The notebooks in Chinese: made from the English ones and the catalogue, never edited by hand.

``make notebooks`` writes ``notebooks/zh/``; a test fails where a file there is not what this module would make.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from workbook.language import translation
from workbook.places import notebooks_folder
from workbook.stages import STAGES


def translated_notebook(source: Path, language: str) -> str:
    """The notebook file *source* with its markdown cells in *language*; code and ids stay as they are.

    Raises:
        StaleTranslation: where a markdown cell has no translation, or one of an earlier wording.
    """
    notebook: dict[str, Any] = json.loads(source.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            words = translation(f"notebooks.{source.stem}.{cell['id']}", "".join(cell["source"]), language)
            cell["source"] = words.splitlines(keepends=True)
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def write_translated(language: str = "zh") -> list[Path]:
    """Write ``notebooks/<language>/`` for all six stages and return the files."""
    folder = notebooks_folder() / language
    folder.mkdir(exist_ok=True)
    written = []
    for stage in STAGES:
        path = folder / f"{stage.id}.ipynb"
        path.write_text(translated_notebook(notebooks_folder() / f"{stage.id}.ipynb", language), "utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    sys.stdout.writelines(f"{path}\n" for path in write_translated())
