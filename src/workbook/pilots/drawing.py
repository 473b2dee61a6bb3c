"""The interval plot of effects: a panel a metric, a row an arm, with value and reading beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbook.language import Edition, Text, Unit, format_value, money_scale, text
from workbook.report.figures import FULL_WIDTH, MUTED, TEXT, VERDICT_COLOURS, label_axis
from workbook.settings.models import Metric


@dataclass(frozen=True)
class PanelRow:
    """One interval: ``value``, ``low`` and ``high`` in the metric's unit."""

    label: Text
    value_words: Text
    words: Text
    value: float
    low: float
    high: float
    verdict: Literal["better", "worse", "unclear"]


@dataclass(frozen=True)
class Panel:
    """One metric with its smallest worthwhile effect."""

    metric: Text
    unit: Unit
    margin: float
    better: Literal["higher", "lower"]
    rows: tuple[PanelRow, ...]


def draw_panels(panels: Sequence[Panel], edition: Edition) -> Canvas:
    """The picture; call inside :func:`workbook.report.figures.house_style`."""
    sizes = [0.5 + 0.42 * len(panel.rows) for panel in panels]
    picture = Canvas(figsize=(FULL_WIDTH, sum(sizes) + 0.45), layout="constrained")
    rows = picture.subplots(len(panels), 1, squeeze=False, gridspec_kw={"height_ratios": sizes})[:, 0]
    for axes, panel in zip(rows, panels, strict=True):
        _draw(axes, panel, edition)
    return picture


def _draw(axes: Axes, panel: Panel, edition: Edition) -> None:
    margin = panel.margin if panel.better == "higher" else -panel.margin
    marks = [x for row in panel.rows for x in (row.low, row.high)] + [0.0, margin]
    spread = max(marks) - min(marks)
    axes.set_xlim(min(marks) - 0.06 * spread, max(marks) + 0.06 * spread)
    axes.set_ylim(len(panel.rows) - 0.5, -0.5)
    axes.axvline(0, color=MUTED, linewidth=1.0, zorder=1)
    axes.axvline(margin, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    for place, row in enumerate(panel.rows):
        colour = VERDICT_COLOURS[row.verdict]
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.4, solid_capstyle="butt", zorder=2)
        fill = "white" if row.verdict == "unclear" else colour
        axes.plot(row.value, place, marker="o", markersize=7, markerfacecolor=fill, markeredgecolor=colour, zorder=3)
        beside = f"{row.value_words.render(edition)}\n{row.words.render(edition)}"
        axes.text(1.03, place, beside, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=TEXT,
                  linespacing=1.45)  # fmt: skip
    axes.set_yticks(range(len(panel.rows)), [row.label.render(edition) for row in panel.rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    scale, unit = _scale(panel.unit, max(abs(x) for x in marks), edition)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick(x * scale, edition)))
    label_axis(axes, text("pilots.axis", "{metric}: difference, {unit}", metric=panel.metric, unit=unit).render(edition))


def scale_of(metric: Metric, largest: float, edition: Edition) -> tuple[float, Text | str]:
    """What differences of a metric are multiplied by on an axis that reaches to *largest*, and the unit written above it."""
    return _scale("points" if metric.unit == "share" else metric.unit, largest, edition)


def _scale(unit: Unit, largest: float, edition: Edition) -> tuple[float, Text | str]:
    match unit:
        case "points":
            return 100.0, text("pilots.axis.points", "percentage points")
        case "money":
            divisor, name = money_scale(largest, edition)
            return 1 / divisor, name
        case "hours":
            return 1.0, text("pilots.axis.hours", "hours")
        case _:
            return 1.0, text("pilots.axis.number", "units of the metric")


def tick(value: float, edition: Edition) -> str:
    """A number on an axis with as many decimals as it has."""
    rounded = round(value, 6)
    digits = next((d for d in range(4) if abs(rounded - round(rounded, d)) < 1e-9), 4)
    return format_value(rounded, "number", edition, digits)
