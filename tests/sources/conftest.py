"""A delivery in a temporary home, and the settings that describe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.prepare import Preparation, prepare

Deliver = Callable[..., Preparation]


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Write files, then prepare them: ``deliver({"a.csv": "…"}, [{"table": …}], period="2025Q4", **settings)``."""

    def run(
        files: Mapping[str, str | bytes], sources: list[dict[str, Any]], period: str = "2025Q4", **settings: Any
    ) -> Preparation:
        for name, content in files.items():
            path = tmp_path / "data" / "acme" / period / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": sources, **settings})
        return prepare(tmp_path, "acme", Period.parse(period), chosen)

    return run


@pytest.fixture
def source() -> Callable[..., dict[str, Any]]:
    """A source whose columns are written ``canonical=own canonical=own``; one word stands for both."""

    def described(table: str, file: str, columns: str, **more: Any) -> dict[str, Any]:
        pairs = dict((word.split("=") * 2)[:2] for word in columns.split())
        return {"table": table, "file": file, "columns": pairs, **more}

    return described
