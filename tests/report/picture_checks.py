"""What a test can see of a picture: text outside the canvas, text over text. (Text over lines needs eyes.)"""

from __future__ import annotations

from itertools import combinations

from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text as Words
from matplotlib.transforms import Bbox

from workbook.language import Edition
from workbook.report.blocks import Figure
from workbook.report.figures import house_style

SMALLEST_PT = 8.0


def text_boxes(picture: Canvas) -> list[tuple[str, Bbox]]:
    """Every visible text of a drawn picture with its box in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(picture)
    canvas.draw()
    renderer = canvas.get_renderer()
    shown = [t for t in picture.findobj(Words) if t.get_visible() and t.get_text().strip() and _all_visible(t)]
    ticks = _hidden_ticks(picture)
    return [(t.get_text(), t.get_window_extent(renderer)) for t in shown if id(t) not in ticks]


def assert_readable(picture: Canvas, slack: float = 1.0) -> None:
    """Fail where a text of the picture leaves the canvas, overlaps another or is smaller than 8 pt.

    Args:
        picture: as drawn; call inside :func:`house_style`.
        slack: pixels that two boxes may share.
    """
    boxes = text_boxes(picture)
    width, height = picture.bbox.width, picture.bbox.height
    for words, box in boxes:
        inside = box.x0 >= -slack and box.y0 >= -slack and box.x1 <= width + slack and box.y1 <= height + slack
        assert inside, f"{words!r} leaves the picture: {box} in {width:.0f} × {height:.0f}"
    for (one, a), (other, b) in combinations(boxes, 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= slack or down <= slack, f"{one!r} and {other!r} overlap by {across:.0f} × {down:.0f} px"
    small = {t.get_text() for t in picture.findobj(Words) if t.get_text().strip() and t.get_fontsize() < SMALLEST_PT}
    assert not small, f"smaller than {SMALLEST_PT} pt: {sorted(small)}"


def assert_figure_readable(figure: Figure, editions: tuple[Edition, ...] = (Edition("en"), Edition("zh"))) -> None:
    """:func:`assert_readable` of a figure in every language."""
    for edition in editions:
        with house_style():
            assert_readable(figure.draw(edition))


def _all_visible(words: Words) -> bool:
    """Whether the axes that hold a text are shown at all."""
    return words.axes is None or words.axes.get_visible()


def _hidden_ticks(picture: Canvas) -> set[int]:
    """Texts of axes that are switched off, and of ticks outside the view, which matplotlib keeps but does not draw."""
    hidden: set[int] = set()
    for axes in picture.axes:
        for axis in (axes.xaxis, axes.yaxis):
            drawn = (
                {id(t) for tick in axis._update_ticks() for t in (tick.label1, tick.label2)} if axis.get_visible() else set()
            )
            kept = {id(t) for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()] for t in (tick.label1, tick.label2)}
            hidden |= kept - drawn
            if not axis.get_visible() or not axes.axison:
                hidden |= kept | {id(axis.label), id(axis.offsetText)}
    return hidden
