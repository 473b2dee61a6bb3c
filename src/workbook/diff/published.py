"""One published result as a comparison reads it: manifest, artefacts and the blocks of the executed notebooks."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import Text, named
from workbook.report.blocks import MIME, Bundle
from workbook.stages import STAGES

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Published:
    """A result folder.

    Attributes:
        label: how it is named in the comparison: ``2025Q4``, ``2025Q4@3fa2``, or the folder's name.
        folder: holds ``manifest.json``, ``tables/`` and ``notebooks/``.
        manifest: what went in and what came out.
    """

    label: str
    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path, label: str) -> Published:
        """Read a result folder.

        Raises:
            WorkbookError: where it holds no readable manifest.
        """
        path = folder / MANIFEST
        try:
            content = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            raise WorkbookError(f"{folder}: found no {MANIFEST}, expected the results of a run; run the period first") from None
        except ValueError as error:
            raise WorkbookError(f"{path}: found no JSON ({error}), expected a manifest; run the period again") from None
        if not isinstance(content, dict):
            raise WorkbookError(f"{path}: found {type(content).__name__}, expected a manifest; run the period again")
        return cls(label, folder, content)

    @property
    def period(self) -> str:
        """The period analysed, as its name."""
        return str(self.manifest.get("period", self.label))

    @functools.cached_property
    def tables(self) -> dict[str, Path]:
        """Name of each artefact → its file."""
        files = sorted((self.folder / "tables").glob("*"))
        return {file.stem: file for file in files if file.suffix in (".parquet", ".json")}

    def frame(self, name: str) -> pd.DataFrame | None:
        """The artefact called *name* where it is a table, else None."""
        path = self.tables.get(name)
        return pd.read_parquet(path) if path is not None and path.suffix == ".parquet" else None

    def object(self, name: str) -> dict[str, Any] | None:
        """The artefact called *name* where it is an object (or a note that it was not measured), else None."""
        path = self.tables.get(name)
        if path is None or path.suffix != ".json":
            return None
        content = json.loads(path.read_text("utf-8"))
        return content if isinstance(content, dict) else {"": content}

    @functools.cached_property
    def blocks(self) -> dict[tuple[str, str], Bundle]:
        """(stage, id) → what a notebook showed, in the order of the notebooks."""
        return {
            (stage.id, str(b["id"])): b for stage in STAGES for b in _bundles(self.folder / "notebooks" / f"{stage.id}.ipynb")
        }

    @functools.cached_property
    def kpi_names(self) -> dict[str, Text]:
        """KPI → its name as the first notebook that shows it says it, in the languages that it was made in."""
        names: dict[str, Text] = {}
        for (_, id), bundle in self.blocks.items():
            if bundle["kind"] == "key_figure" and ".key." in id:
                words = {language: said["label"] for language, said in bundle["languages"].items()}
                names.setdefault(id.rpartition(".key.")[2], named(words))
        return names


def _bundles(notebook: Path) -> Iterator[Bundle]:
    if not notebook.is_file():
        return
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            if bundle := output.get("data", {}).get(MIME):
                yield bundle
