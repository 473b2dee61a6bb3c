"""How a table lies in a file: the character between its columns, the row of its column names (D1).

Judged by the first rows: names are words, all different, many of them known, and stand over columns of numbers and dates.
Titles, notes and group headings above them are passed over; of two rows of names (codes and labels) the later one counts.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbook.sources.inspection.vocabulary import Vocabulary
from workbook.sources.read import BLANKS, DELIMITERS

Rows = Sequence[Sequence[str]]

HEAD_BYTES = 1 << 18
_DEEPEST = 20
_SAMPLE = 200
_TYPED = re.compile(
    r"[-+(]?[￥¥$€£]?\s*[0-9][0-9,.\s]*[%万亿元)]?|"
    r"[0-9]{1,4}[-/.年][0-9]{1,2}([-/.月][0-9]{1,4}日?)?([ T].*)?|[0-9]{1,2}:[0-9]{2}.*"
)


@dataclass(frozen=True)
class Layout:
    """Where the names stand.

    Attributes:
        header_row: row of the column names counted from 1; 0 where the file has none.
        above: rows with something in them above it: titles, notes, group headings.
    """

    header_row: int
    above: int


def find_delimiter_of(head: str) -> str:
    """The delimiter that parts most of the first rows into equally many cells; a comma where none parts them.

    >>> find_delimiter_of("Report 2025, all\\nid;sum\\n1;5,20\\n2;6,30\\n")
    ';'
    >>> find_delimiter_of(" 1 19970101 5\\n 2 19970102 6\\n")
    ' '
    """
    scores: dict[str, float] = {}
    for delimiter in DELIMITERS:
        rows = [row for row in _parsed(head, delimiter) if any(cell.strip() for cell in row)]
        regular = _regularity([len(row) for row in rows])
        # "1;5,20" is a number and a number where the semicolon parts, no number at all where the comma does
        scores[delimiter] = regular + 0.1 * _typed_share(rows) if regular else 0
    best = max(DELIMITERS, key=lambda d: scores[d])
    if scores[best] > 0:
        return best
    lines = [line for line in head.splitlines() if line.strip()][:_SAMPLE]
    widths = [len(line.split()) for line in lines]
    return BLANKS if len(lines) >= 2 and set(widths) == {max(widths)} and max(widths) > 2 else ","


def find_layout(rows: Rows, vocabulary: Vocabulary) -> Layout:
    """Where the column names stand in the first rows of a table."""
    filled = [i for i, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not filled:
        return Layout(1, 0)
    width = _usual_width(rows)
    judged = {i: _Row.of(rows, i, width, vocabulary) for i in filled[:_DEEPEST] if i < len(rows)}
    fit = {i: row for i, row in judged.items() if row.filled >= 0.5 or len(judged) == 1}
    if not fit:
        return Layout(filled[0] + 1, 0)
    best = max(fit, key=lambda i: (fit[i].score - 0.02 * i, -i))
    if fit[best].known == 0 and fit[best].contrast == 0 and _is_data(rows, filled[0], width):
        return Layout(0, 0)
    while best + 1 in fit and fit[best + 1].is_names_too(fit[best]):
        best += 1
    return Layout(best + 1, sum(i < best for i in filled))


def head_rows(head: str, delimiter: str) -> list[list[str]]:
    """The first rows of a text file as cells."""
    if delimiter == BLANKS:
        return [line.split() for line in head.splitlines()[:_SAMPLE]]
    return _parsed(head, delimiter)


@dataclass(frozen=True)
class _Row:
    """What speaks for a row of names: shares of its cells that are filled, known words, words at all, all different, and
    of the columns below that hold numbers or dates under a cell that is none."""

    filled: float
    known: float
    words: float
    different: float
    contrast: float

    @property
    def score(self) -> float:
        return 2 * self.known + self.words + self.different + self.contrast + min(1.0, self.filled)

    def is_names_too(self, above: _Row) -> bool:
        """Whether this row, just below a row of names, holds the names that the cells below it mean."""
        return (
            self.words == 1 and self.different == 1 and self.filled >= 0.8 and self.contrast > 0
            and self.contrast >= above.contrast and self.known >= 0.5 * above.known and self.known > 0
        )  # fmt: skip

    @classmethod
    def of(cls, rows: Rows, i: int, width: int, vocabulary: Vocabulary) -> _Row:
        cells = [cell.strip() for cell in rows[i]]
        given = [cell for cell in cells if cell]
        below = [row for row in rows[i + 1 : i + 1 + _SAMPLE] if any(cell.strip() for cell in row)]
        typed = [k for k in range(min(width, len(cells))) if cells[k] and _is_typed_column(below, k)]
        return cls(
            filled=len(given) / max(width, 1),
            known=sum(vocabulary.knows(cell) for cell in given) / max(width, len(given), 1),
            words=sum(not _TYPED.fullmatch(cell) for cell in given) / max(len(given), 1),
            different=len(set(given)) / max(len(given), 1),
            contrast=sum(not _TYPED.fullmatch(cells[k]) for k in typed) / max(width, 1),
        )


def _is_typed_column(below: Rows, k: int) -> bool:
    cells = [row[k].strip() for row in below if k < len(row) and row[k].strip()]
    return bool(cells) and sum(bool(_TYPED.fullmatch(cell)) for cell in cells) >= 0.7 * len(cells)


def _is_data(rows: Rows, i: int, width: int) -> bool:
    """Whether a row looks as those below it do: numbers over numbers."""
    cells = [cell.strip() for cell in rows[i]]
    typed = [k for k in range(min(width, len(cells))) if _is_typed_column(rows[i + 1 :], k)]
    return bool(typed) and all(_TYPED.fullmatch(cells[k]) for k in typed)


def _usual_width(rows: Rows) -> int:
    """Number of cells up to the last filled one, in most rows; the wider where two are as frequent."""
    widths = Counter(max((k + 1 for k, cell in enumerate(row) if cell.strip()), default=0) for row in rows)
    widths.pop(0, None)
    return max(widths, key=lambda w: (widths[w], w), default=1)


def _regularity(widths: Sequence[int]) -> float:
    if not widths:
        return 0
    width, rows = Counter(w for w in widths).most_common(1)[0]
    return rows / len(widths) * math.log(width)


def _typed_share(rows: Rows) -> float:
    cells = [cell.strip() for row in rows for cell in row if cell.strip()]
    return sum(bool(_TYPED.fullmatch(cell)) for cell in cells) / max(len(cells), 1)


def _parsed(head: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) >= _SAMPLE:
                break
    except csv.Error:
        return rows  # a cell beyond the limit of the csv module: what was read tells enough
    return rows
