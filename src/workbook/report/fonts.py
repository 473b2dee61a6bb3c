"""The font that travels with a page: only the glyphs it uses, as woff2."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterable
from pathlib import Path

from workbook.errors import WorkbookError

FAMILY = "Workbook Sans"
_SIMPLIFIED = "Noto Sans CJK SC"


def font_file() -> Path:
    """The collection of CJK fonts that the package noto-cjk-sans-otc carries."""
    import noto_cjk_sans_otc

    return Path(noto_cjk_sans_otc.__file__).parent / "NotoSansCJK-Regular.ttc"


def subset_woff2(words: Iterable[str]) -> tuple[bytes, frozenset[str]]:
    """The part of the house font that *words* need, and the characters that the font does not have.

    The bytes depend on the set of characters alone.

    Raises:
        WorkbookError: where the collection holds no simplified Chinese face.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    wanted = {character for piece in words for character in piece if character.isprintable()} | set(" \u00a0–…")
    font = TTFont(font_file(), fontNumber=_face(), lazy=True, recalcTimestamp=False)
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


def _face() -> int:
    from fontTools.ttLib import TTCollection

    with TTCollection(str(font_file()), lazy=True) as collection:
        for place, font in enumerate(collection.fonts):
            if font["name"].getDebugName(1) == _SIMPLIFIED:
                return place
    raise WorkbookError(f"{font_file()}: no face {_SIMPLIFIED!r}; reinstall the package noto-cjk-sans-otc")
