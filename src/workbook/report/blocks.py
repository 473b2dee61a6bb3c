"""The content of a report, apart from how it is drawn.

A notebook shows blocks; each is a frozen record with a stable ``id`` that turns itself into a *bundle*: plain JSON with
its words, cells and pictures in every language asked for. The executed notebook is thus the content tree from which the
pages, the PDF and the Excel files are made.

Kinds: ``answer`` (a chapter's message and its first sentences), ``figure``, ``table``, ``key_figure`` (a number for the
summary), ``paragraph`` (what it means, limits), ``ask`` (a decision asked of the client), ``not_measured``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from workbook.language import Edition, Quantity, Text, Unit, format_value, is_missing, money_scale, text
from workbook.report.cells import HIDDEN, hides, is_nothing, mask, mask_contacts, raw

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

MIME = "application/vnd.workbook.block.v1+json"
VERSION = 1
Bundle = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a :class:`Table`.

    Attributes:
        name: column of the frame.
        head: what readers see above it (money gets its unit added).
        unit: how its values are formatted.
        labels: value → words, for codes that readers must not see raw.
        digits: decimals shown; None for what suits the unit.
        low, high: columns of the frame that hold the interval, shown in the same cell as "x (low to high)".
        personal: names, phones, e-mails: masked wherever the table is shown.
        of: for a share: the column of people that it is a share of; where that is too small to be shown, so is the share.
        within: for the share of one part of a row's people: their column; where the part is too small to be shown, so is its
            share. Columns within the same people are the parts of a row; one with an interval is a sum of some of them.
    """

    name: str
    head: Text
    unit: Unit = "text"
    labels: Mapping[str, Text] = field(default_factory=dict)
    digits: int | None = None
    low: str | None = None
    high: str | None = None
    personal: bool = False
    of: str | None = None
    within: str | None = None


@dataclass(frozen=True)
class Table:
    """A table with a message for a title.

    Attributes:
        id: stable id, ``<room>.<name>``.
        title: one sentence with the finding and its number.
        columns: at most eight.
        frame: the data, one row a line.
        note: measure, unit, population, period, n.
        rows: most rows shown (None: the report's own limit); the rest stands in the artefact.
        artefact: name of the artefact that holds the whole table.
    """

    id: str
    title: Text
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    note: Text | None = None
    rows: int | None = None
    artefact: str | None = None

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """The table as JSON: raw cells once, formatted cells in each language."""
        shown = self.frame.head(self.rows or most_rows)
        return _bundle(
            "table",
            self.id,
            {e.language: self._words(shown, e) for e in editions},
            columns=[{"name": c.name, "unit": c.unit} for c in self.columns],
            rows=[list(row) for row in zip(*(self._raw(shown, c, editions) for c in self.columns), strict=True)],
            n_rows=len(self.frame),
            artefact=self.artefact,
            rounded=self._rounded(shown),
        )

    def hidden(self, shown: pd.DataFrame, column: Column, edition: Edition) -> list[bool]:
        """Which cells of a column stand for too few people to be shown: the numbers themselves, and shares of them.

        Where the rows are parts of one whole and one alone is hidden, the next smallest is hidden too: the others would
        tell it.
        """
        if column.within:
            return [few or cell for few, cell in zip(
                self.hidden(shown, next(c for c in self.columns if c.name == column.within), edition),
                self._few_parts(shown, column.within, edition)[column.name], strict=True,
            )]  # fmt: skip
        name = column.of or column.name
        unit: Unit = next((c.unit for c in self.columns if c.name == name), column.unit)
        if unit != "people" and not any(isinstance(v, Quantity) for v in shown[name]):
            return [False] * len(shown)
        few = [hides(v, unit, edition) for v in shown[name]]
        if sum(few) == 1 and self._parts(name):
            sizes = pd.to_numeric(shown[name], errors="coerce").to_numpy(float)
            others = np.where(np.array(few) | ~(sizes > 0), np.inf, sizes)
            few[int(others.argmin())] |= bool(np.isfinite(others.min()))
        return few

    def _few_parts(self, shown: pd.DataFrame, people: str, edition: Edition) -> pd.DataFrame:
        """Which shares of the parts of each row stand for too few people, or would tell one that does: bool, one row a line."""
        columns = [c for c in self.columns if c.within == people]
        parts, sums = [c.name for c in columns if not c.low], [c.name for c in columns if c.low]
        shares = shown[[*parts, *sums]].astype("float64")
        sizes = shares.mul(shown[people].astype("float64"), axis=0).round()
        few = (sizes > 0) & (sizes < edition.least)
        alone = few[parts].sum(axis=1) == 1
        others = sizes[parts].where((sizes[parts] > 0) & ~few[parts])
        next_smallest = others.eq(others.min(axis=1), axis=0)
        first = next_smallest & (next_smallest.cumsum(axis=1) == 1)
        few[parts] |= first.mul(alone, axis=0).astype(bool)
        veiled = shares[parts].where(few[parts], 0.0).sum(axis=1)
        for name in sums:  # a sum tells a hidden part, unless it is that of all hidden parts, which the others tell anyway
            few[name] |= few[parts].any(axis=1) & ((shares[name] - veiled).abs() > 1e-9)
        return few

    def _parts(self, people: str) -> bool:
        """Whether the shares of a column of people add to a whole."""
        shares = [self.frame[c.name] for c in self.columns if c.of == people and not c.low]
        return any(abs(float(pd.to_numeric(s).sum()) - 1) < 1e-6 for s in shares)

    def _raw(self, shown: pd.DataFrame, column: Column, editions: Sequence[Edition]) -> list[Any]:
        few = [any(cells) for cells in zip(*(self.hidden(shown, column, e) for e in editions), strict=True)]
        few = few or [False] * len(shown)
        return [None if column.personal or less else raw(v) for v, less in zip(shown[column.name], few, strict=True)]

    def _rounded(self, shown: pd.DataFrame) -> bool:
        """Whether a column of shares adds to 1 but its rounded cells do not add to 100%."""
        for column in self.columns:
            if column.unit != "share" or column.low or len(shown) < max(len(self.frame), 2):
                continue
            shares = [float(v) for v in shown[column.name] if not is_missing(v)]
            digits = 1 if column.digits is None else column.digits
            if abs(sum(shares) - 1) < 1e-6 and round(sum(round(100 * v, digits) for v in shares), 6) != 100:
                return True
        return False

    def _words(self, shown: pd.DataFrame, edition: Edition) -> dict[str, Any]:
        money = [c for c in self.columns if c.unit == "money"]
        largest = max((abs(float(v)) for c in money for v in shown[c.name] if not is_missing(v)), default=0.0)
        scale, unit = money_scale(largest, edition)
        heads, cells = [], []
        for column in self.columns:
            words = column.head.render(edition)
            if column.unit == "money":
                words += f"（{unit}）" if edition.language == "zh" else f" ({unit})"
            heads.append(words)
            cells.append(self._cells(shown, column, edition, scale))
        return {
            "title": self.title.render(edition),
            "head": heads,
            "cells": [list(row) for row in zip(*cells, strict=True)],
            "note": self.note.render(edition) if self.note else "",
        }

    def _cells(self, shown: pd.DataFrame, column: Column, edition: Edition, scale: float) -> list[str]:
        digits = column.digits
        if digits is None and column.unit == "money":
            digits = 0 if scale == 1.0 else 1
        if digits is None and column.unit == "share":
            digits = 1
        if digits is None and column.unit == "number":
            values = [float(v) for v in shown[column.name] if not (is_missing(v) or isinstance(v, Text | Quantity))]
            digits = 0 if all(v == round(v) for v in values) else 2

        def words(value: Any) -> str:
            if is_missing(value):
                return "n/a" if edition.language == "en" else "未知"
            if column.personal:
                return mask(str(value))
            if str(value) in column.labels:
                return column.labels[str(value)].render(edition)
            if isinstance(value, Text | Quantity):
                return value.render(edition)
            if isinstance(value, str):
                value = mask_contacts(value)
            if column.unit == "money":
                return format_value(float(value) / scale, "number", edition, digits)
            if column.unit == "points":
                return format_value(100 * float(value), "number", edition, 1 if digits is None else digits)
            if column.unit in ("days", "hours", "minutes", "months"):
                return format_value(float(value), "number", edition, 1 if digits is None else digits)
            return format_value(value, column.unit, edition, digits)

        def cell(value: Any, low: Any, high: Any) -> str:
            if low is None or is_missing(low) or is_missing(high) or is_missing(value):
                return "–" if is_nothing(value, column.unit) else words(value)
            to = " to " if edition.language == "en" else "～"
            return f"{words(value)} ({words(low)}{to}{words(high)})" if edition.language == "en" else (
                f"{words(value)}（{words(low)}{to}{words(high)}）"
            )  # fmt: skip

        lows = shown[column.low] if column.low else [None] * len(shown)
        highs = shown[column.high] if column.high else [None] * len(shown)
        few = self.hidden(shown, column, edition)
        veiled = HIDDEN[edition.language]
        return [
            veiled if less and not hides(v, column.unit, edition) else cell(v, lo, hi)
            for v, lo, hi, less in zip(shown[column.name], lows, highs, few, strict=True)
        ]


@dataclass(frozen=True)
class Figure:
    """A picture with a message for a title.

    Attributes:
        draw: makes the picture for one edition, called inside :func:`workbook.report.figures.house_style`.
        alt: chart type, data and message in words.
        table: the data behind it, shown under the picture.
        width: inches as drawn, so that a page can show it unstretched.
    """

    id: str
    title: Text
    draw: Callable[[Edition], Canvas]
    alt: Text
    note: Text | None = None
    table: Table | None = None

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """The picture as JSON: an SVG (base64), its size in inches and its words in each language."""
        from workbook.report.figures import house_style, svg

        words = {}
        for edition in editions:
            with house_style(foreign=True):
                picture = self.draw(edition)
                words[edition.language] = {
                    "title": self.title.render(edition),
                    "alt": self.alt.render(edition),
                    "note": self.note.render(edition) if self.note else "",
                    "svg": base64.b64encode(svg(picture)).decode(),
                    "inches": [round(float(x), 3) for x in picture.get_size_inches()],
                }
        table = self.table.bundle(editions, most_rows) if self.table else None
        return _bundle("figure", self.id, words, table=table)


@dataclass(frozen=True)
class Answer:
    """A chapter's message heading and its answer in at most three sentences.

    ``part`` says where the sentences go in the summary: situation, complication or resolution.
    """

    id: str
    heading: Text
    sentences: tuple[Text, ...]
    part: Literal["situation", "complication", "resolution"]

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """Heading and sentences in each language."""
        words = {e.language: {"heading": self.heading.render(e), "sentences": [s.render(e) for s in self.sentences]}
                 for e in editions}  # fmt: skip
        return _bundle("answer", self.id, words, part=self.part)


@dataclass(frozen=True)
class KeyFigure:
    """A number worth a place in the summary, with its change since the previous period and its interval.

    ``better`` says which way is good, None where neither is; ``change`` is the interval of the change, where one could be
    computed: a change whose interval holds zero is unclear, whatever its sign. ``rank`` orders the summary, smaller first.
    """

    id: str
    label: Text
    value: Quantity
    low: Quantity | None = None
    high: Quantity | None = None
    previous: Quantity | None = None
    better: Literal["higher", "lower"] | None = None
    note: Text | None = None
    rank: int = 50
    change: tuple[float, float] | None = None

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """Label, value, interval and change in each language."""
        words = {}
        for e in editions:
            interval = ""
            if self.low is not None and self.high is not None:
                to = " to " if e.language == "en" else "～"
                interval = f"{self.low.render(e)}{to}{self.high.render(e)}"
            words[e.language] = {
                "label": self.label.render(e),
                "value": self.value.render(e),
                "interval": interval,
                "previous": self.previous.render(e) if self.previous and not is_missing(self.previous.value) else "",
                "change": self._change(e),
                "note": self.note.render(e) if self.note else "",
            }
        known = not is_missing(self.value.value)
        return _bundle("key_figure", self.id, words, rank=self.rank, verdict=self._verdict(), known=known)

    def _change(self, edition: Edition) -> str:
        """The change since the previous period with its sign: in points for shares, relative for amounts and counts."""
        if self.previous is None or is_missing(self.previous.value) or is_missing(self.value.value):
            return ""
        if self.value.unit in ("text", "date", "time"):
            return ""
        if any(edition.hides(q.value, q.unit) for q in (self.value, self.previous)):
            return ""
        now, before = float(self.value.value), float(self.previous.value)  # type: ignore[arg-type]
        sign = "+" if now > before else "−" if now < before else "±"
        unit, size = self.value.unit, abs(now - before)
        if unit in ("money", "count", "people") and before:
            return sign + format_value(size / abs(before), "share", edition, 1)
        if unit == "share":
            return sign + format_value(size, "points", edition, 1)
        return sign + format_value(size, unit, edition, self.value.digits)

    def _verdict(self) -> str:
        """better, worse, same; unclear where the interval of the change holds zero.

        Where only the interval of the value is known, the previous value is taken to be as uncertain as this one.
        """
        if self.better is None or self.previous is None or is_missing(self.previous.value) or is_missing(self.value.value):
            return "none"
        change = float(self.value.value) - float(self.previous.value)  # type: ignore[arg-type]
        if change == 0:
            return "same"
        if self.change is not None:
            unclear = self.change[0] <= 0 <= self.change[1]
        else:
            unclear = abs(change) <= math.sqrt(2) * self._half_width()
        if unclear:
            return "unclear"
        return "better" if (change > 0) == (self.better == "higher") else "worse"

    def _half_width(self) -> float:
        if self.low is None or self.high is None or is_missing(self.low.value) or is_missing(self.high.value):
            return 0.0
        return (float(self.high.value) - float(self.low.value)) / 2  # type: ignore[arg-type]


@dataclass(frozen=True)
class Paragraph:
    """What the exhibits mean, or where they end. ``role``: meaning, limits or definition (definitions go to the appendix)."""

    id: str
    words: Text
    role: Literal["meaning", "limits", "definition"] = "meaning"

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """The words in each language."""
        return _bundle("paragraph", self.id, {e.language: {"words": self.words.render(e)} for e in editions}, role=self.role)


@dataclass(frozen=True)
class Ask:
    """A decision asked of the client: what, of whom, by when; gathered in the summary."""

    id: str
    what: Text
    who: Text
    by: Quantity
    rank: int = 50

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """What, who and by when in each language."""
        words = {
            e.language: {"what": self.what.render(e), "who": self.who.render(e), "by": self.by.render(e)} for e in editions
        }
        return _bundle("ask", self.id, words, rank=self.rank)


@dataclass(frozen=True)
class NotMeasured:
    """What the data cannot tell: renders as a note that names what to deliver.

    It stands in for the result that could not be had, so that a notebook goes on: whatever part of the missing result is
    asked for (``grades.frame``, ``grades.pyramid()``, ``*grades.key_figures()``) is this note again.

    Attributes:
        what: what could not be measured ("the share of late first responses").
        missing: canonical tables or columns that were not delivered (``tickets.first_response_at``).
        why: said instead, where the reason is another than missing data.
    """

    id: str
    what: Text
    missing: tuple[str, ...] = ()
    why: Text | None = None

    def __getattr__(self, name: str) -> NotMeasured:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *given: object, **named: object) -> NotMeasured:
        """The note itself: stands in for a method of the missing result."""
        return self

    def __iter__(self) -> Iterator[NotMeasured]:
        return iter((self,))

    def bundle(self, editions: Sequence[Edition], most_rows: int = 12) -> Bundle:
        """What is missing and what to deliver, in each language."""
        words = {}
        for e in editions:
            needed = ", ".join(self.missing) if e.language == "en" else "、".join(self.missing)
            reason = self.why or text("report.not_measured.deliver", "To measure it, deliver: {needed}.", needed=needed)
            words[e.language] = {"what": self.what.render(e), "why": reason.render(e)}
        return _bundle("not_measured", self.id, words, missing=list(self.missing))


@dataclass(frozen=True)
class Sheet:
    """One sheet of an Excel file.

    Attributes:
        name: what stands on the tab (31 characters at most are kept).
        table: its data; all rows are written, with full values.
        choices: column name → the words that may stand in it, offered as a list.
        unmasked: True where the department may see names and contacts.
        to_fill: True where it is a form: what is unknown is left empty in every column.
    """

    name: Text
    table: Table
    choices: Mapping[str, Sequence[Text]] = field(default_factory=dict)
    unmasked: bool = False
    to_fill: bool = False


Block = Table | Figure | Answer | KeyFigure | Paragraph | Ask | NotMeasured


def _bundle(kind: str, id: str, languages: Mapping[Any, Any], **more: Any) -> Bundle:
    return {"version": VERSION, "kind": kind, "id": id, "languages": dict(languages), **more}
