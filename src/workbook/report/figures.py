"""The house style of pictures: colours, type, sizes, and drawing to reproducible SVG.

Titles, sources and legends in words stand in the page and not in the picture. A glyph that the house font lacks is an error
in our own words; in a client's (a channel called 😀, a region in Thai) a box that says which script it is takes its place.
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

DIAMOND, GOLD, SILVER, ORDINARY = "#12436D", "#A86F00", "#93A4B1", "#D5DCE2"
TIER_COLOURS = (DIAMOND, GOLD, SILVER, ORDINARY)
TIER_EDGE = "#5B6670"
BETTER, WORSE, UNCLEAR = "#0072B2", "#D55E00", "#8A949E"
CATEGORIES = ("#12436D", "#D55E00", "#28A197", "#A285D1")
TEXT, MUTED, GRID = "#1F2933", "#5B6670", "#DDE3E8"

FONT = "Noto Sans CJK SC"
FOREIGN_FONT = "DejaVu Sans"
"""Comes with matplotlib and holds Arabic, Hebrew and some signs; what it lacks too becomes a box."""
FULL_WIDTH, PARTIAL_WIDTH = 6.7, 4.4

STYLE: dict[Any, Any] = {
    "font.family": FONT,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": TEXT,
    "axes.titlelocation": "left",
    "axes.unicode_minus": True,
    "text.color": TEXT,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "crm-workbook",
    "text.parse_math": False,  # "$3 to $4" is money
}


@functools.cache
def register_font() -> str:
    """Make the CJK font known to matplotlib and return its family name.

    Raises:
        ValueError: where the font cannot be found.
    """
    import noto_cjk_sans_otc

    path = Path(noto_cjk_sans_otc.__file__).parent / "NotoSansCJK-Regular.ttc"
    font_manager.fontManager.addfont(str(path))
    font_manager.findfont(FONT, fallback_to_default=False)
    return FONT


@contextmanager
def house_style(*, foreign: bool = False) -> Iterator[None]:
    """Draw in the house style; settings of the caller are restored.

    Args:
        foreign: True where words of a client's data are drawn: glyphs that the house font lacks are then taken from
            :data:`FOREIGN_FONT` or drawn as boxes, else they are an error.
    """
    register_font()
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        if foreign:
            mpl.rcParams["font.family"] = [FONT, FOREIGN_FONT]
        warnings.filterwarnings("ignore" if foreign else "error", message="Glyph .* missing")
        yield


def canvas(width: float = FULL_WIDTH, height: float = 2.8) -> tuple[Canvas, Axes]:
    """An empty picture of *width* × *height* inches with one pair of axes; call inside :func:`house_style`."""
    figure = Canvas(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def label_axis(axes: Axes, words: str) -> None:
    """Put the name of the y axis above it, horizontal, as the house writes it."""
    axes.set_title(words, loc="left", color=MUTED, fontsize=8.5, linespacing=1.45)


def svg(figure: Canvas) -> bytes:
    """The picture as SVG, the same bytes each time.

    What ``savefig`` does, without its first drawing, which goes nowhere and takes a fifth of the time.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer, drawing = io.BytesIO(), FigureCanvasSVG(figure)
    figure.dpi = drawing.fixed_dpi
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine("none")
    drawing.print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def png(figure: Canvas, dpi: int = 200) -> bytes:
    """The picture as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


Verdict = Literal["better", "worse", "unclear"]
VERDICT_COLOURS: dict[Verdict, str] = {"better": BETTER, "worse": WORSE, "unclear": UNCLEAR}


def tier_colours(n: int) -> list[str]:
    """Colours of *n* tiers from the highest to the lowest; the lowest always has the lightest."""
    if n <= len(TIER_COLOURS):
        return [*TIER_COLOURS[: n - 1], TIER_COLOURS[-1]] if n else []
    return [*TIER_COLOURS[:-1], *[TIER_COLOURS[-1]] * (n - len(TIER_COLOURS) + 1)]
