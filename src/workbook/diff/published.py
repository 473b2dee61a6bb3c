"""One published result as a comparison reads it: manifest, artefacts and the blocks of the executed notebooks."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import Text, named
from workbook.report.blocks import MIME, Bundle
from workbook.stages import STAGES

MANIFEST = "manifest.json"
POINTERS, KEPT, RECORD = ".published", ".store", "stage.json"
"""Where a run keeps what it published: pointers, results of stages by key, and the record beside each."""


@dataclass(frozen=True)
class Published:
    """A result folder.

    Attributes:
        label: how it is named in the comparison: ``2025Q4``, ``2025Q4@3fa2``, or the folder's name.
        folders: where ``tables/`` and ``notebooks/`` lie: the published folder, or those kept of each stage.
        manifest: what went in and what came out.
        inputs: stage → all that it depended on by name, for stages whose record is kept.
    """

    label: str
    folders: tuple[Path, ...]
    manifest: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, label: str) -> Published:
        """Read a result folder.

        Raises:
            WorkbookError: where it holds no readable manifest.
        """
        content = read_manifest(folder / MANIFEST)
        kept = kept_folders(folder.parent, content)
        return cls(label, (folder,), content, {stage: stage_inputs(place) for stage, place in kept.items()})

    @classmethod
    def open_kept(cls, pointer: Path, label: str) -> Published:
        """Read an earlier run from what is kept of its stages.

        Args:
            pointer: the manifest that named them, ``outputs/<client>/.published/…/<name>.json``.

        Raises:
            WorkbookError: where results of a stage are not kept any more.
        """
        content = read_manifest(pointer)
        client_folder = next(folder.parent for folder in pointer.parents if folder.name == POINTERS)
        kept = kept_folders(client_folder, content)
        if gone := [stage for stage in content.get("stages") or () if stage not in kept]:
            raise WorkbookError(f"{label}: found no results of {', '.join(gone)} any more, expected those that {pointer} names")
        return cls(label, tuple(kept.values()), content, {stage: stage_inputs(place) for stage, place in kept.items()})

    @property
    def period(self) -> str:
        """The period analysed, as its name."""
        return str(self.manifest.get("period", self.label))

    @functools.cached_property
    def tables(self) -> dict[str, Path]:
        """Name of each artefact → its file."""
        files = sorted(file for folder in self.folders for file in (folder / "tables").glob("*"))
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
        files = [(s.id, folder / "notebooks" / f"{s.id}.ipynb") for s in STAGES for folder in self.folders]
        return {(stage, str(bundle["id"])): bundle for stage, file in files for bundle in _bundles(file)}

    @functools.cached_property
    def kpi_names(self) -> dict[str, Text]:
        """KPI → its name as the first notebook that shows it says it, in the languages that it was made in."""
        names: dict[str, Text] = {}
        for (_, id), bundle in self.blocks.items():
            if bundle["kind"] == "key_figure" and ".key." in id:
                words = {language: said["label"] for language, said in bundle["languages"].items()}
                names.setdefault(id.rpartition(".key.")[2], named(words))
        return names


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a file.

    Raises:
        WorkbookError: where there is none that can be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise WorkbookError(
            f"{path.parent}: found no {path.name}, expected the results of a run; run the period first"
        ) from None
    except ValueError as error:
        raise WorkbookError(f"{path}: found no JSON ({error}), expected a manifest; run the period again") from None
    if not isinstance(content, dict):
        raise WorkbookError(f"{path}: found {type(content).__name__}, expected a manifest; run the period again")
    return content


def kept_folders(client_folder: Path, manifest: Mapping[str, Any]) -> dict[str, Path]:
    """Stage → the folder that keeps its results under the key that a manifest names, as far as they are kept."""
    keys = {stage: str(record.get("key", "")) for stage, record in (manifest.get("stages") or {}).items()}
    places = {stage: client_folder / KEPT / f"{stage}-{key}" for stage, key in keys.items() if key}
    return {stage: place for stage, place in places.items() if (place / RECORD).is_file()}


def stage_inputs(kept: Path) -> dict[str, str]:
    """What a stage depended on, from the record beside its kept results."""
    inputs: dict[str, str] = json.loads((kept / RECORD).read_text("utf-8"))["inputs"]
    return inputs


def _bundles(notebook: Path) -> Iterator[Bundle]:
    if not notebook.is_file():
        return
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            if bundle := output.get("data", {}).get(MIME):
                yield bundle
