"""A comparison on the screen: one screen first, everything on demand."""

from __future__ import annotations

from collections.abc import Sequence

from workbook.diff.whole import Difference
from workbook.diff.words import Listing, Name, lead, listings, title
from workbook.language import Edition, count, display_width, text

BRIEF: dict[Name, int] = {"kpis": 10, "files": 0, "rows": 0, "parameters": 4, "code": 3, "tables": 6, "blocks": 0}
"""The lists of the first screen and the most rows of each; without rows a list is told by its sentence."""

BRIEF_COLUMNS: dict[Name, tuple[int, ...]] = {"tables": (0, 1, 2, 3, 4, 5, 7)}
"""Columns of a list that the first screen has room for, where it has not room for all."""

WIDEST = 44
"""Most columns of the screen that one cell takes on the first screen."""


def as_screen(difference: Difference, edition: Edition, *, whole: bool = False) -> str:
    """The comparison as lines of text.

    Args:
        whole: every row of every list, cells uncut.
    """
    lines = [title(difference).render(edition), *(sentence.render(edition) for sentence in lead(difference))]
    for listing in listings(difference, edition):
        if not whole and listing.name not in BRIEF:
            continue
        most = len(listing.rows) if whole else BRIEF[listing.name]
        if whole or listing.name in ("kpis", "tables"):
            lines.append("")
        lines.append(f"{listing.heading}  {listing.sentence}")
        lines += _table(listing, most, None if whole else WIDEST)
        if 0 < most < len(listing.rows):
            left = count(len(listing.rows) - most)
            lines.append("  " + text("diff.screen.more", "… and {left} more", left=left).render(edition))
    if not whole and not difference.same:
        more = text("diff.screen.all", "--all tells every row, --html writes a page, --json is for programs.")
        lines += ["", more.render(edition)]
    return "\n".join(line.rstrip() for line in lines)


def _table(listing: Listing, most: int, widest: int | None) -> list[str]:
    """Rows below their heads, set in columns; a Chinese character takes two."""
    if not most or not listing.rows:
        return []
    columns = range(len(listing.head)) if widest is None else BRIEF_COLUMNS.get(listing.name, range(len(listing.head)))
    rows = [[_cut(row[i], widest) for i in columns] for row in (listing.head, *listing.rows[:most])]
    widths = [max(display_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    numeric = [listing.numeric[i] for i in columns]
    return ["  " + "  ".join(_set(row, widths, numeric)) for row in rows]


def _set(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> list[str]:
    cells = []
    for cell, width, is_number in zip(row, widths, numeric, strict=True):
        space = " " * (width - display_width(cell))
        cells.append(space + cell if is_number else cell + space)
    return cells


def _cut(cell: str, widest: int | None) -> str:
    """A cell on one line, without what could steer the terminal, its end left out where it is too wide."""
    cell = "".join(c if c.isprintable() else " " for c in cell)
    if widest is None or display_width(cell) <= widest:
        return cell
    kept = ""
    for character in cell:
        if display_width(kept + character) >= widest:
            break
        kept += character
    return kept + "…"
