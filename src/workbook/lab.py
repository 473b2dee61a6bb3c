"""The six notebooks of one client and period, copied with their parameters filled in, for work in JupyterLab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.places import notebooks_folder
from workbook.settings.models import Settings
from workbook.stages import STAGES


def lay_out(home: Path, client: str, period: Period, settings: Settings, *, fresh: bool = False) -> list[Path]:
    """Copy the notebooks to ``outputs/<client>/.lab/<period>/`` with client and period in them; the originals stay untouched.

    Args:
        home: the folder that holds ``outputs/``.
        client: name of the folder in ``params/``.
        period: the period to open.
        settings: the client's parameters; the leading language decides which notebooks are copied.
        fresh: True to copy again what is there already; by default work in earlier copies stays.

    Returns:
        The copies, in the order of the stages.

    Raises:
        WorkbookError: where a notebook is missing or has no cell tagged ``parameters``.
    """
    folder = home / "outputs" / client / ".lab" / period.name
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for stage in STAGES:
        copy = folder / f"{stage.id}.ipynb"
        if fresh or not copy.is_file():
            filled = _filled(_original(stage.id, settings.languages[0]), client, period)
            temporary = copy.with_suffix(".tmp")
            temporary.write_text(json.dumps(filled, ensure_ascii=False, indent=1) + "\n", "utf-8", newline="\n")
            temporary.replace(copy)
        copies.append(copy)
    return copies


def _original(stage: str, language: str) -> Path:
    translated = notebooks_folder() / language / f"{stage}.ipynb"
    path = translated if translated.is_file() else notebooks_folder() / f"{stage}.ipynb"
    if not path.is_file():
        raise WorkbookError(f"{path}: the notebook of stage {stage} is missing; install the package anew")
    return path


def _filled(path: Path, client: str, period: Period) -> dict[str, Any]:
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if "parameters" in cell.get("metadata", {}).get("tags", []):
            cell["source"] = [f'client = "{client}"\n', f'period = "{period.name}"\n', "overrides = {}"]
            return notebook
    raise WorkbookError(f"{path}: found no cell tagged 'parameters', expected one with client, period and overrides")
