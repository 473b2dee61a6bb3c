"""Where things lie: the home of the engagements, and the notebooks and templates that come with the package."""

from __future__ import annotations

import os
from pathlib import Path

HOME_VARIABLE = "WORKBOOK_HOME"
WORKSPACE_VARIABLE = "WORKBOOK_WORKSPACE"
"""Set by a run: the folder that takes what its stages make, published when all are done."""
PREVIOUS = "previous"
"""In that folder: what the stage reads of the previous period, laid out by a run and not published."""


def home_folder() -> Path:
    """The folder that holds ``params/ data/ outputs/``: ``WORKBOOK_HOME``, else the repository, else the present folder."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().resolve()
    repository = _repository()
    return repository if repository else Path.cwd()


def notebooks_folder() -> Path:
    """The folder of the six notebooks: the repository's, or the copy in the installed wheel."""
    return _carried("notebooks")


def templates_folder() -> Path:
    """The folder of report pages, measures, questionnaires, starters and catalogues."""
    return _carried("templates")


def kept_fonts(home: Path) -> Path:
    """Where the fonts of a home's pages are kept; what lies there can be made again."""
    return home / "outputs" / ".fonts"


def _repository() -> Path | None:
    root = Path(__file__).resolve().parents[2]
    return root if (root / "pyproject.toml").is_file() and (root / "notebooks").is_dir() else None


def _carried(name: str) -> Path:
    repository = _repository()
    return repository / name if repository else Path(__file__).resolve().parent / "_shipped" / name
