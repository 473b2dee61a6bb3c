"""The font that travels with a page: only the glyphs it uses, as WOFF (WOFF2 is a fifth smaller and takes seconds to pack)."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import io
import logging
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbook.errors import WorkbookError
from workbook.places import kept_fonts, templates_folder

FAMILY = "Workbook Sans"
_SIMPLIFIED, _KOREAN = "Noto Sans CJK SC", "Noto Sans CJK KR"
_CJK = "\u2e80"
"""From here on stand the characters that English pages need only where a client's own words hold them."""
_SIGNS = {*map(chr, range(32, 127)), *" \u00a0–…±−×÷≤≥≈·•←↑→↓"}
_WESTERN = "‘’“”·…—"
"""Signs that a Chinese font draws a whole square wide; Western text takes the narrow ones of the Korean face."""


def font_file() -> Path:
    """The collection of CJK fonts that the package noto-cjk-sans-otc carries."""
    import noto_cjk_sans_otc

    return Path(noto_cjk_sans_otc.__file__).parent / "NotoSansCJK-Regular.ttc"


def subset_woff(words: Iterable[str], language: str) -> tuple[bytes, frozenset[str]]:
    """The part of the house font that *words* need, and the characters that the font does not have.

    The bytes depend on the set of characters and the language alone.

    Raises:
        WorkbookError: where the collection holds no simplified Chinese face.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    wanted = _printable(words) | set(" \u00a0–…")
    font = TTFont(font_file(), fontNumber=_face(_SIMPLIFIED), lazy=True, recalcTimestamp=False, recalcBBoxes=False)
    if language != "zh":
        _make_western(font)
    known = font.getBestCmap()
    options = subset.Options()
    options.flavor = "woff"
    options.layout_features = ["kern", "halt", "chws"]
    options.hinting = False
    options.name_IDs = [1, 2]
    options.drop_tables += ["vhea", "vmtx", "VORG"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(ord(c) for c in wanted if ord(c) in known))
    subsetter.subset(font)
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue(), frozenset(c for c in wanted if ord(c) not in known)


def page_font(pages: Iterable[str], language: str, home: Path) -> str:
    """The CSS rules that embed the font of some pages: one with the product's own characters, one with those beside them.

    All pages of a language share the first, which takes seconds to cut out of the collection; the second is small. Both are
    kept in ``outputs/.fonts`` by their characters.

    Args:
        pages: words of the pages, without markup that hides characters.
        language: en or zh.
        home: folder that holds outputs/.
    """
    own = _own_characters(language)
    others = _printable(pages) - own
    faces = [font_face(_kept_woff(own, language, home))]
    if others:
        faces.append(font_face(_kept_woff(others, language, home), others))
    return "".join(faces)


def _kept_woff(characters: Iterable[str], language: str, home: Path) -> bytes:
    """The part of the font that holds *characters*, kept in a home."""
    sorted_characters = "".join(sorted(characters))
    made_of = f"{language} {version('fonttools')} {version('noto-cjk-sans-otc')} {sorted_characters}"
    kept = kept_fonts(home) / f"{language}-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.woff"
    try:
        return kept.read_bytes()
    except OSError:
        woff, _ = subset_woff([sorted_characters], language)
        with contextlib.suppress(OSError):  # a home that takes no more has its page all the same
            kept.parent.mkdir(parents=True, exist_ok=True)
            temporary = kept.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_bytes(woff)
            temporary.replace(kept)
        return woff


def _printable(words: Iterable[str]) -> set[str]:
    return {character for piece in words for character in set(piece) if character.isprintable()}


@functools.cache
def _own_characters(language: str) -> frozenset[str]:
    """The characters of the product's own words: those of the catalogues, and signs that stand in numbers."""
    catalogues = sorted((templates_folder() / "locale").rglob("*.po"))
    found = _printable(path.read_text("utf-8") for path in catalogues) | _SIGNS
    return frozenset(found if language == "zh" else {character for character in found if character < _CJK})


def font_face(woff: bytes, only: Iterable[str] = ()) -> str:
    """The CSS rule that embeds a font; *only*: the characters for which it stands beside another of its name."""
    data = base64.b64encode(woff).decode()
    places = ",".join(f"U+{ord(character):X}" for character in sorted(only))
    return (
        f'@font-face{{font-family:"{FAMILY}";font-weight:400;font-display:block;'
        f'{f"unicode-range:{places};" if places else ""}src:url(data:font/woff;base64,{data}) format("woff")}}'
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
