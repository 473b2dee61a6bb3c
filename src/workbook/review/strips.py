"""One line a KPI, each on its own scale: where it was, where it is with its interval, and where it is to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Text
from workbook.report.figures import BETTER, FULL_WIDTH, MUTED, TEXT, UNCLEAR, WORSE

MOST_STRIPS = 8
LEAST_SPAN = 0.25
"""Least width of a line's scale, as a share of the value."""

_COLOURS = {"better": BETTER, "worse": WORSE, "unclear": UNCLEAR, "none": TEXT}


@dataclass(frozen=True)
class Strip:
    """One line of the picture; all numbers in the KPI's own unit.

    Attributes:
        name: the KPI.
        words: what stands at the right end: values in words.
        colour: better, worse, unclear (hollow) or none.
    """

    name: Text
    words: Text
    value: float
    low: float | None = None
    high: float | None = None
    previous: float | None = None
    target: float | None = None
    colour: str = "none"


def draw_strips(strips: Sequence[Strip], edition: Edition) -> Canvas:
    """The picture of at most :data:`MOST_STRIPS` KPIs; call inside :func:`workbook.report.figures.house_style`."""
    shown = list(strips)[:MOST_STRIPS]
    picture = Canvas(figsize=(FULL_WIDTH, 0.35 + 0.42 * len(shown)), layout="constrained")
    rows = picture.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, strip in zip(rows, shown, strict=True):
        _draw(axes, strip, edition)
    return picture


def _draw(axes: Axes, strip: Strip, edition: Edition) -> None:
    marks = [x for x in (strip.value, strip.low, strip.high, strip.previous, strip.target) if x is not None]
    # a line spans at least a quarter of the value, so that a change of two per cent does not fill the picture
    centre = (max(marks) + min(marks)) / 2
    half = 0.62 * max(max(marks) - min(marks), LEAST_SPAN * abs(strip.value)) or 1.0
    axes.set_xlim(centre - half, centre + half)
    axes.set_ylim(-1, 1)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([0], [strip.name.render(edition)])
    axes.tick_params(axis="y", length=0)
    axes.axhline(0, color="#DDE3E8", linewidth=0.8, zorder=0)
    colour = _COLOURS[strip.colour]
    if strip.low is not None and strip.high is not None:
        axes.plot([strip.low, strip.high], [0, 0], color=colour, linewidth=2.4, alpha=0.55, solid_capstyle="butt")
    if strip.previous is not None:
        axes.plot(strip.previous, 0, marker="o", markersize=6, color=UNCLEAR, zorder=3)
    fill = "white" if strip.colour == "unclear" else colour
    axes.plot(strip.value, 0, marker="o", markersize=7, markerfacecolor=fill, markeredgecolor=colour, zorder=4)
    if strip.target is not None:
        axes.plot([strip.target] * 2, [-0.75, 0.75], color=TEXT, linewidth=1.8, zorder=2)
    axes.text(1.02, 0.5, strip.words.render(edition), transform=axes.transAxes, va="center", fontsize=8.5, color=MUTED)
