"""Markdown cells as HTML: no raw markup passes through, formulas become pictures, headings fit the page around them."""

from __future__ import annotations

import base64
import functools
import io
import re
from collections.abc import Callable
from typing import Any

import mistune
from markupsafe import Markup, escape

from workbook.errors import WorkbookError

_SYNONYMS = {r"\le": r"\leq", r"\ge": r"\geq", r"\ne": r"\neq", r"\dfrac": r"\frac", r"\tfrac": r"\frac"}
_SYNONYM = re.compile(r"\\(?:le|ge|ne|dfrac|tfrac)(?![a-zA-Z])")
_WIDE = "\u3000-\u9fff\uff00-\uffef“”‘’"
_BROKEN_CHINESE = re.compile(rf"^((?![#|>]).*[{_WIDE}])\n(?=[{_WIDE}])", re.M)
"""A line of Chinese broken in the source, which would show as a space in the middle of a sentence."""

_NUMBERED = re.compile(r"^([一二三四五六七八九十]+、|（[一二三四五六七八九十]+）|\d+[.．、])")


def markdown_html(source: str, *, number: Callable[[], str] | None = None, top: int = 2, drop_title: bool = False) -> Markup:
    """Markdown as HTML.

    Args:
        source: the text of a markdown cell.
        number: gives the number of the next heading; not asked where the heading carries one.
        top: level of the highest heading on the page that takes the text.
        drop_title: leave out headings of the first level, since the page has its own.
    """
    source = _BROKEN_CHINESE.sub(r"\1", source)
    renderer = _Renderer(number, top, drop_title)
    plugins = ["table", "strikethrough", "math"]
    page = mistune.create_markdown(renderer=renderer, plugins=plugins)(source)
    return Markup(str(page).strip())


class _Renderer(mistune.HTMLRenderer):
    """Escapes raw HTML, moves headings to the levels of the page and draws formulas."""

    def __init__(self, number: Callable[[], str] | None, top: int, drop_title: bool) -> None:
        super().__init__(escape=True)
        self._number, self._top, self._drop_title = number, top, drop_title

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        if level == 1 and self._drop_title:
            return ""
        shown = min(6, max(self._top, level + self._top - 2 if self._drop_title else level + self._top - 1))
        prefix = self._number() if self._number and shown == self._top and not _NUMBERED.match(text) else ""
        return f"<h{shown}>{escape(prefix)}{text}</h{shown}>\n"

    def inline_math(self, text: str) -> str:
        return formula(text)

    def block_math(self, text: str) -> str:
        return f'<p class="formula">{formula(text)}</p>\n'

    def table(self, text: str) -> str:
        return f'<div class="scroll" tabindex="0"><table>{text}</table></div>\n'


@functools.lru_cache(maxsize=512)
def formula(tex: str) -> Markup:
    """A formula as a picture that needs no script, with its TeX as the text read aloud.

    Raises:
        WorkbookError: where it uses TeX that matplotlib does not know.
    """
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser, math_to_image

    words = "$" + _SYNONYM.sub(lambda match: _SYNONYMS[match[0]], " ".join(tex.split())) + "$"
    size = FontProperties(size=11)
    buffer = io.BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "crm-workbook", "mathtext.fontset": "dejavusans"}):
        try:
            _, height, depth, _, _ = MathTextParser("path").parse(words, dpi=72, prop=size)[:5]
        except ValueError as fault:
            raise WorkbookError(f"a notebook's formula ${tex}$ cannot be drawn: {fault}") from fault
        math_to_image(words, buffer, prop=size, format="svg", color="#1F2933")
    picture = re.sub(rb"<metadata>.*?</metadata>", b"", buffer.getvalue(), flags=re.S)
    data = base64.b64encode(picture).decode()
    sink = round(-depth / 11, 2)
    return Markup(
        '<img class="formula" alt="{}" src="data:image/svg+xml;base64,{}" style="height:{}em;vertical-align:{}em">'
    ).format(tex.strip(), data, round(height / 11, 2), sink)
