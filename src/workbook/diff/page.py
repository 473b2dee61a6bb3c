"""A comparison as a page of its own, in the report's looks, with nothing loaded from outside."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from nbformat import NotebookNode

from workbook.diff.whole import Difference
from workbook.diff.words import Listing, lead, listings, title
from workbook.language import LANGUAGES, Edition, Language, display_width, named, text
from workbook.report import fonts
from workbook.report.build import FONTS, PageExporter
from workbook.report.colours import legible
from workbook.report.templating import css_string
from workbook.report.words import page_words

HOUSE_COLOUR = "#12436D"
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
LONG = 16
"""Rows from which a list of details stands folded, its sentence in front."""

SHORT = 20
"""Widest cell, in Latin letters, of a column that is kept on one line."""

OPEN = ("kpis", "tables", "blocks")
"""Lists that never stand folded."""


def difference_page(difference: Difference, edition: Edition, others: Mapping[str, str] | None = None) -> str:
    """The page in one language.

    Args:
        others: language → file name of the same page in it, for the links between them.
    """
    settings = difference.after.manifest.get("settings") or {}
    client = settings.get("client") or {}
    words, language = page_words(edition), edition.language
    name = named(client.get("name") or difference.client).render(edition)
    heading = text("diff.page.heading", "What changed").render(edition)
    colour = str((settings.get("report") or {}).get("brand", {}).get("colour", ""))
    brand = colour if _COLOUR.fullmatch(colour) else HOUSE_COLOUR
    page = {
        "words": {**words, "show": text("diff.page.show", "Show all rows").render(edition)},
        "language": {"en": "en", "zh": "zh-Hans"}[language],
        "code": language,
        "cover": {"client": name, "synthetic": bool(client.get("synthetic"))},
        "brand_colour": brand,
        "brand_text": legible(brand),
        "footer": css_string(f"{name} – {heading}"),
        "ribbon": css_string(f"{words['synthetic']}{words['colon']}{words['synthetic_more']}"),
        "others": [(code, {"en": "English", "zh": "中文"}[code], file) for code, file in (others or {}).items()],
        "heading": heading,
        "title": title(difference).render(edition),
        "lead": [sentence.render(edition) for sentence in lead(difference)],
        "listings": [_shown(listing) for listing in listings(difference, edition)],
    }
    exporter = PageExporter(template_file="diff.html.j2")
    content = NotebookNode(nbformat=4, nbformat_minor=5, metadata=NotebookNode(), cells=[])
    rendered, _ = exporter.from_notebook_node(content, {"page": page})
    woff, _ = fonts.subset_woff([html.unescape(str(rendered))], language)
    return str(rendered).replace(FONTS, fonts.font_face(woff), 1)


def write_pages(difference: Difference, outputs: Path, file: Path | None = None) -> list[Path]:
    """Write the page in each language of the later result's settings, or one *file* in its leading language.

    Args:
        outputs: the client's folder, which takes ``diff-<before>-<after>.<language>.html``.
        file: where to write instead: with ``.en.html`` or ``.zh.html`` at its end in that language.
    """
    settings = difference.after.manifest.get("settings") or {}
    spoken = [cast(Language, code) for code in settings.get("languages") or () if code in LANGUAGES] or list(LANGUAGES)
    currency = str(settings.get("currency") or "CNY")
    if file is not None:
        named_language = next((code for code in LANGUAGES if file.name.endswith(f".{code}.html")), spoken[0])
        pages = {named_language: file}
    else:
        pair = "-".join(re.sub(r"[^\w@.]+", "_", side.label) for side in (difference.before, difference.after))
        pages = {code: outputs / f"diff-{pair}.{code}.html" for code in spoken}
    for code, path in pages.items():
        others: dict[str, str] = {other: p.name for other, p in pages.items() if other != code}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(difference_page(difference, Edition(code, currency), others), "utf-8")
    return list(pages.values())


def _shown(listing: Listing) -> dict[str, Any]:
    return {
        "name": listing.name,
        "heading": listing.heading,
        "sentence": listing.sentence,
        "head": listing.head,
        "align": [
            "num" if numeric else "txt short" if max(map(display_width, column)) <= SHORT else "txt"
            for numeric, column in zip(listing.numeric, zip(listing.head, *listing.rows, strict=True), strict=True)
        ],
        "rows": listing.rows,
        "folded": len(listing.rows) >= LONG and listing.name not in OPEN,
    }
