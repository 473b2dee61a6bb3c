"""The font that travels with a page: only the glyphs it uses, as woff2."""

from __future__ import annotations

import base64
import functools
import io
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workbook.errors import WorkbookError

FAMILY = "Workbook Sans"
_SIMPLIFIED, _KOREAN = "Noto Sans CJK SC", "Noto Sans CJK KR"
_WESTERN = "‘’“”·…—"
"""Signs that a Chinese font draws a whole square wide; Western text takes the narrow ones of the Korean face."""


def font_file() -> Path:
    """The collection of CJK fonts that the package noto-cjk-sans-otc carries."""
    import noto_cjk_sans_otc

    return Path(noto_cjk_sans_otc.__file__).parent / "NotoSansCJK-Regular.ttc"


def subset_woff2(words: Iterable[str], language: str) -> tuple[bytes, frozenset[str]]:
    """The part of the house font that *words* need, and the characters that the font does not have.

    The bytes depend on the set of characters and the language alone.

    Raises:
        WorkbookError: where the collection holds no simplified Chinese face.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    wanted = {character for piece in words for character in piece if character.isprintable()} | set(" \u00a0–…")
    font = TTFont(font_file(), fontNumber=_face(_SIMPLIFIED), lazy=True, recalcTimestamp=False, recalcBBoxes=False)
    if language != "zh":
        _make_western(font)
    known = font.getBestCmap()
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["kern", "halt", "chws"]
    options.hinting = False
    options.name_IDs = [1, 2]
    options.drop_tables += ["vhea", "vmtx", "VORG"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(ord(c) for c in wanted if ord(c) in known))
    subsetter.subset(font)
    font.flavor = "woff2"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue(), frozenset(c for c in wanted if ord(c) not in known)


def font_face(woff2: bytes) -> str:
    """The CSS rule that embeds a font."""
    data = base64.b64encode(woff2).decode()
    return (
        f'@font-face{{font-family:"{FAMILY}";font-weight:400;font-display:block;'
        f'src:url(data:font/woff2;base64,{data}) format("woff2")}}'
    )


def _make_western(font: Any) -> None:
    """Give the signs of Western text their narrow forms; all faces of the collection share their glyphs."""
    from fontTools.ttLib import TTFont

    narrow = TTFont(font_file(), fontNumber=_face(_KOREAN), lazy=True).getBestCmap()
    for table in font["cmap"].tables:
        if table.isUnicode() and table.format != 14:
            table.cmap.update({ord(sign): narrow[ord(sign)] for sign in _WESTERN})


@functools.cache
def _face(name: str) -> int:
    from fontTools.ttLib import TTCollection

    with TTCollection(str(font_file()), lazy=True) as collection:
        for place, font in enumerate(collection.fonts):
            if font["name"].getDebugName(1) == name:
                return place
    raise WorkbookError(f"{font_file()}: no face {name!r}; reinstall the package noto-cjk-sans-otc")
