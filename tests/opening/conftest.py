"""A client's folder, written for a test, and what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import xlsxwriter

from workbook.language import Edition
from workbook.sources.inspection.assemble import inspect_folder
from workbook.sources.inspection.proposal import Proposal, ProposedSource

Content = str | bytes


def workbook_of(sheets: Mapping[str, list[list[object]]]) -> bytes:
    """An Excel file with these sheets."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for r, row in enumerate(rows):
                for c, cell in enumerate(row):
                    sheet.write(r, c, cell)
    return stream.getvalue()


def write_files(folder: Path, files: Mapping[str, Content]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Mapping[str, Content]], Proposal]:
    """Write files into a folder and propose what they become."""
    return lambda files: inspect_folder(write_files(tmp_path / "delivery", files)).proposal()


def mapped(proposal: Proposal, table: str) -> dict[str, object]:
    """The columns of the one source of a table."""
    return dict(source_of(proposal, table).source.columns)


def source_of(proposal: Proposal, table: str) -> ProposedSource:
    (found,) = [p for p in proposal.sources if p.source.table == table]
    return found


def said(proposed: ProposedSource) -> str:
    """All notes on a source, in English."""
    notes = [*proposed.notes, *(note for notes in proposed.column_notes.values() for note in notes)]
    return " | ".join(note.render(Edition("en")) for note in notes)
