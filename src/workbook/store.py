"""Artefacts on disk: named tables as Parquet and objects as JSON in one folder, each file written whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import named
from workbook.report.blocks import NotMeasured

Artefact = pd.DataFrame | dict[str, Any] | NotMeasured


@dataclass(frozen=True)
class Store:
    """The artefacts in one folder."""

    folder: Path

    def has(self, name: str) -> bool:
        """Whether an artefact of that name was saved."""
        return self._table(name).is_file() or self._object(name).is_file()

    def write(self, name: str, value: Artefact) -> Path:
        """Save *value*; what was there under the name before is replaced in one step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if isinstance(value, pd.DataFrame):
            path, other = self._table(name), self._object(name)
            temporary = path.with_suffix(".tmp")
            value.reset_index(drop=True).to_parquet(temporary, index=False)
        else:
            path, other = self._object(name), self._table(name)
            temporary = path.with_suffix(".tmp")
            content = {"not_measured": _not_measured(value)} if isinstance(value, NotMeasured) else value
            temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=_plain), "utf-8")
        temporary.replace(path)
        other.unlink(missing_ok=True)
        return path

    def read(self, name: str) -> Artefact:
        """The artefact called *name*.

        Raises:
            WorkbookError: where it was never saved.
        """
        if self._table(name).is_file():
            return pd.read_parquet(self._table(name))
        if not self._object(name).is_file():
            raise WorkbookError(f"{self.folder}: no artefact {name!r}; run the stage that makes it first")
        content: dict[str, Any] = json.loads(self._object(name).read_text("utf-8"))
        if set(content) == {"not_measured"}:
            saved = content["not_measured"]
            return NotMeasured(
                saved["id"], named(saved["what"]), tuple(saved["missing"]), named(saved["why"]) if saved["why"] else None
            )
        return content

    def _table(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def _object(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _plain(value: Any) -> Any:
    """A value of a frame as JSON has it: numpy's numbers as numbers, dates and decimals as text."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dt.date | Decimal):
        return str(value)
    raise TypeError(f"an artefact cannot hold {type(value).__name__} {value!r}")


def _not_measured(value: NotMeasured) -> dict[str, Any]:
    from workbook.language import LANGUAGES, Edition

    def words(text: Any) -> dict[str, str]:
        return {language: text.render(Edition(language)) for language in LANGUAGES}

    return {
        "id": value.id,
        "what": words(value.what),
        "missing": list(value.missing),
        "why": words(value.why) if value.why else None,
    }
