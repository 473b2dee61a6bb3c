"""Blocks as HTML. Everything that comes out of the client's files is escaped; the markup stands in ``templates/report``."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from workbook.language import LANGUAGES, Edition, Language, display_width
from workbook.report.blocks import Bundle
from workbook.report.figures import FULL_WIDTH
from workbook.report.templating import anchor, environment
from workbook.report.words import block_words, caption_label, rows_left_out

COLUMN = 760
"""Width in px of the text column; a picture of FULL_WIDTH inches fills it."""

SHORT = 12
"""Widest cell, in Latin letters, of a column of words that is kept on one line."""

WIDE_VALUE = 9
"""Widest value, in Latin letters, that a card shows in its largest type."""

_UNKNOWN = {"en": "n/a", "zh": "未知"}
_NUMERIC = {"count", "people", "number", "share", "points", "money", "score", "ratio", "days", "hours", "minutes", "months"}


@dataclass(frozen=True)
class Source:
    """Where an exhibit comes from: the words of its source line and the page and cell that computed it."""

    words: str
    href: str


def block_html(bundle: Bundle, language: str, number: str | None = None, source: Source | None = None) -> str:
    """A block as HTML in one language, escaped throughout.

    Args:
        bundle: what :meth:`Block.bundle` made.
        language: en or zh; where the bundle was not made in it, the bundle's first language stands in.
        number: "1-1" for a numbered exhibit of the report.
        source: the source line beneath an exhibit.
    """
    spoken = language if language in bundle["languages"] else next(iter(bundle["languages"]))
    template = environment().get_template("blocks.html.j2")
    return template.render(block=_block(bundle, spoken, number), source=source, words=_words(spoken)).strip()


@functools.cache
def _words(language: str) -> dict[str, str]:
    return block_words(Edition(language if language in LANGUAGES else "en"))


def _block(bundle: Bundle, language: str, number: str | None) -> dict[str, Any]:
    """What the templates read: the words of one language beside the facts that hold in all."""
    kind = bundle["kind"]
    words = bundle["languages"][language]
    block: dict[str, Any] = {**bundle, **words, "caption_label": "", "anchor": anchor("exhibit", bundle["id"])}
    block["remarks"] = words.get("note", "")
    if kind in ("figure", "table") and number:
        block["caption_label"] = caption_label(kind, number, Edition(cast(Language, language)))
    if kind == "key_figure":
        block["is_wide"] = display_width(words["value"]) > WIDE_VALUE
    if kind == "table":
        block |= _table(bundle, language)
    if kind == "figure":
        inches = float(block["inches"][0])
        block["percent"] = round(min(100.0, 100 * inches / FULL_WIDTH), 1)
        block["pixels"] = round(min(inches, FULL_WIDTH) / FULL_WIDTH * COLUMN)
        block["ratio"] = f"{inches:g} / {float(block['inches'][1]):g}"
        block["data"] = _block(bundle["table"], language, None) if bundle.get("table") else None
    return block


def _table(bundle: Bundle, language: str) -> dict[str, Any]:
    words = bundle["languages"][language]
    said = _words(language)
    left_out = rows_left_out(len(words["cells"]), int(bundle["n_rows"]), bundle.get("artefact"))
    remarks = [
        words["note"],
        left_out.render(Edition(cast(Language, language))),
        said["rounding"] if bundle.get("rounded") else "",
        said["missing"] if any(_UNKNOWN[language] == cell for row in words["cells"] for cell in row) else "",
    ]
    columns = zip(words["head"], *words["cells"], strict=True)
    return {
        "align": [_column_class(unit["unit"], cells) for unit, cells in zip(bundle["columns"], columns, strict=True)],
        "remarks": ("" if language == "zh" else " ").join(filter(None, remarks)),
    }


def _column_class(unit: str, cells: Sequence[str]) -> str:
    """How a column is set: numbers right, words left; dates and short words are not broken over lines."""
    if unit in _NUMERIC:
        return "num"
    return "txt short" if unit in ("date", "time") or max(map(display_width, cells)) <= SHORT else "txt"
