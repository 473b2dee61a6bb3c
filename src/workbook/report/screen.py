"""Tables as lines of text, for commands that answer on a screen."""

from __future__ import annotations

from workbook.language import Edition, display_width
from workbook.report.blocks import Table


def table_lines(table: Table, edition: Edition) -> list[str]:
    """A table in columns below its title, its note last; a Chinese character takes two places."""
    bundle = table.bundle([edition])
    words = bundle["languages"][edition.language]
    rows = [words["head"], *words["cells"]]
    widths = [max(display_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [words["title"]]
    if words["cells"]:
        lines += [
            "  " + "  ".join(cell + " " * (w - display_width(cell)) for cell, w in zip(r, widths, strict=True)) for r in rows
        ]
    return [*lines, f"  {words['note']}"] if words["note"] else lines
