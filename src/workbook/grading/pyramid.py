"""Pictures of the tiers: value pyramid, share curve and spread of scores; row T11 of the method."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from workbook.language import Edition, Quantity, Text, count, joined, money, named, part_and_people, share, text
from workbook.report.blocks import Column, Figure, Table
from workbook.report.figures import (
    DIAMOND,
    FULL_WIDTH,
    GRID,
    MUTED,
    PARTIAL_WIDTH,
    TEXT,
    TIER_EDGE,
    canvas,
    label_axis,
    tier_colours,
)
from workbook.settings.models import Grading

FEW = 30
"""Below this many customers counts are told instead of shares."""

POINTS = 200
"""Points that draw the share curve; more would only make the file larger."""

LABELS = 4
"""Most tiers that the share curve labels; the table under it holds all."""

MARK = 0.8
"""The share of revenue whose customers the title of the share curve counts."""


def tier_message(tiers: pd.DataFrame, names: Mapping[str, Text], high: Sequence[str]) -> Text:
    """One sentence on what the high tiers bring, by the numbers of the tiers table."""
    top = tiers[tiers["tier"].isin(high)]
    customers, everyone = int(top["customers"].sum()), int(tiers["customers"].sum())
    part, revenue = customers / max(everyone, 1), float(top["revenue_share"].sum(min_count=1))
    these = _names([names[tier] for tier in high])
    if customers == 0:
        return text("grading.message.nobody", "No customer reaches {tiers}", tiers=these)
    if np.isnan(revenue):
        return text("grading.message.no_revenue", "{tiers}: {customers} of customers", tiers=these, customers=share(part))
    if everyone < FEW:
        return text(
            "grading.message.few",
            "{tiers}: {customers} of {everyone} customers, {revenue} of revenue",
            tiers=these,
            customers=count(customers),
            everyone=count(everyone),
            revenue=share(revenue),
        )
    return text(
        "grading.message.tiers",
        "{tiers}: {customers} of customers bring {revenue} of revenue",
        tiers=these,
        customers=share(part),
        revenue=share(revenue),
    )


def pyramid(tiers: pd.DataFrame, names: Mapping[str, Text], high: Sequence[str], table: Table, note: Text) -> Figure:
    """The value pyramid drawn as mirrored bars (customers left, revenue right), the highest tier on top."""
    title = tier_message(tiers, names, high)

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(FULL_WIDTH, max(2.6, 0.9 + 0.48 * len(tiers)))
        y = np.arange(len(tiers))[::-1]
        customers = tiers["customer_share"].to_numpy(dtype=float)
        revenue = np.nan_to_num(tiers["revenue_share"].to_numpy(dtype=float))
        for parts in (-customers, revenue):
            axes.barh(y, parts, 0.68, color=tier_colours(len(tiers)), edgecolor=TIER_EDGE, linewidth=0.8)
        axes.axvline(0, color="white", linewidth=3)
        for at, part, n in zip(y, customers, tiers["customers"], strict=True):
            words = part_and_people(part, int(n), edition)
            axes.annotate(words, (-part, at), (-5, 0), textcoords="offset points", ha="right", va="center")
        for at, part, amount in zip(y, tiers["revenue_share"], tiers["revenue"], strict=True):
            words = f"{share(part).render(edition)} · {money(amount).render(edition)}"
            end = 0.0 if np.isnan(part) else max(0.0, part)
            axes.annotate(words, (end, at), (5, 0), textcoords="offset points", ha="left", va="center")
        widest = max(float(customers.max()), float(revenue.max()), 0.01)
        axes.set_xlim(-1.55 * widest, 1.75 * widest)
        axes.set_ylim(-0.6, len(tiers) - 0.4)
        axes.set_yticks(y, [_wrapped(names[tier].render(edition), edition) for tier in tiers["tier"]], linespacing=1.45)
        axes.tick_params(axis="y", length=0)
        axes.set_xticks([])
        axes.spines[["left", "bottom"]].set_visible(False)
        heads = (
            (-0.02, "right", text("grading.pyramid.customers", "Share and number of customers")),
            (0.02, "left", text("grading.pyramid.revenue", "Share and amount of revenue")),
        )
        for x, side, head in heads:
            axes.annotate(
                head.render(edition), (x * widest, 1.0), (0, 4), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha=side, va="bottom", color=MUTED, fontsize=8.5,
            )  # fmt: skip
        return figure

    alt = text(
        "grading.pyramid.alt",
        "Mirrored bars: share of customers to the left and of revenue to the right for {n} tiers. {message}",
        n=count(len(tiers)),
        message=title,
    )
    return Figure("grading.pyramid", title, draw, alt, note, _under(table, "grading.pyramid_data"))


def _wrapped(name: str, edition: Edition) -> str:
    """A tier's name on at most two lines, so that a long one leaves room for the bars."""
    width = 20 if edition.language == "en" else 10
    return textwrap.fill(name, width, max_lines=2, placeholder="…", break_on_hyphens=False)


def share_curve(revenue: NDArray[np.float64], tiers: pd.DataFrame, names: Mapping[str, Text], note: Text) -> Figure:
    """Share of revenue brought by the largest customers, and where each tier and those above it lie.

    The curve orders customers by revenue; a tier's point lies below it as far as the score looks at more than revenue.
    """
    largest = np.sort(revenue)[::-1]
    total = float(largest.sum())
    reached = np.concatenate([[0.0], np.cumsum(largest)]) / (total if total > 0 else np.nan)
    part = np.arange(len(largest) + 1) / max(len(largest), 1)
    marks = pd.DataFrame(
        {
            "tier": tiers["tier"],
            "customer_share": tiers["customer_share"].cumsum(),
            "revenue_share": tiers["revenue_share"].cumsum(),
        }
    )
    # the last tier always lies at 100% and 100%; tiers that hold nobody add nothing
    marked = marks[(tiers["customers"] > 0) & (marks.index < len(marks) - 1) & marks["revenue_share"].notna()]

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(PARTIAL_WIDTH, 3.2)
        picked = np.unique(np.linspace(0, len(part) - 1, POINTS).round().astype(int))
        axes.grid(True)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.plot(part[picked], reached[picked], color=DIAMOND)
        _mark(axes, marked, names, tiers, edition)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(1.02, float(np.nanmax(reached)) * 1.02 if total > 0 else 1.02))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda x, _: share(x, 0).render(edition)))
        axes.set_xlabel(text("grading.curve.x", "Share of customers, largest first").render(edition))
        label_axis(axes, text("grading.curve.y", "Share of revenue").render(edition))
        return figure

    needed = int(np.argmax(reached >= MARK)) if total > 0 else 0
    if total <= 0 or not needed:
        title = text("grading.curve.neutral", "Revenue by customers, largest first")
    elif len(largest) < FEW:
        title = text(
            "grading.curve.few",
            "The largest {needed} of {n} customers bring {mark} of revenue",
            needed=count(needed),
            n=count(len(largest)),
            mark=share(MARK),
        )
    else:
        title = text(
            "grading.curve.title",
            "The largest {part} of customers bring {mark} of revenue",
            part=share(needed / len(largest)),
            mark=share(MARK),
        )
    alt = text(
        "grading.curve.alt", "Curve of the share of revenue by share of customers, tiers marked. {message}", message=title
    )
    columns = (
        Column("tier", text("grading.curve.tier", "Tier and those above"), labels=names),
        Column("customer_share", text("grading.column.customer_share", "Share of customers"), "share"),
        Column("revenue_share", text("grading.column.revenue_share", "Share of revenue"), "share"),
    )
    table = Table("grading.curve_data", title, columns, marks, note, rows=len(marks))
    return Figure("grading.curve", title, draw, alt, note, table)


def distribution(frame: pd.DataFrame, settings: Grading, note: Text) -> Figure:
    """Histogram of the scores in steps of 2.5, each bar in the colour of its customers' tiers."""
    edges = np.linspace(0, 100, 41)
    ids = [tier.id for tier in settings.tiers]
    counts = {id: np.histogram(frame.loc[frame["tier"] == id, "score"], edges)[0] for id in ids}
    median = float(frame["score"].median())
    shown = [] if settings.cut == "quantile" else [tier for tier in settings.tiers if tier.at_least > 0]

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(FULL_WIDTH, 2.6)
        floor = np.zeros(len(edges) - 1)
        for id, colour in zip(ids[::-1], tier_colours(len(ids))[::-1], strict=True):
            axes.bar(edges[:-1], counts[id], 2.5, floor, align="edge", color=colour, edgecolor=TIER_EDGE, linewidth=0.5)
            floor = floor + counts[id]
        top = float(floor.max()) * 1.3
        axes.set_ylim(0, top)
        axes.set_xlim(0, 100)
        for tier in shown:
            axes.axvline(tier.at_least, color=TEXT, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.annotate(
                named(tier.name).render(edition), (tier.at_least, top), (3, -2), textcoords="offset points", va="top",
                fontsize=8.5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
        axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: count(x).render(edition)))
        axes.yaxis.grid(True, color=GRID)
        axes.set_xlabel(text("grading.distribution.x", "Score").render(edition))
        label_axis(axes, text("grading.distribution.y", "Customers").render(edition))
        return figure

    title = text("grading.distribution.title", "Half of the customers score {median} or less", median=Quantity(median, "score"))
    alt = text(
        "grading.distribution.alt", "Histogram of scores from 0 to 100 with the tiers' thresholds. {message}", message=title
    )
    return Figure("grading.distribution", title, draw, alt, note)


def _names(names: list[Text]) -> Text:
    if len(names) == 2:
        return text("grading.message.pair", "{first} and {second}", first=names[0], second=names[1])
    return joined(names)


def _mark(axes: Axes, marked: pd.DataFrame, names: Mapping[str, Text], tiers: pd.DataFrame, edition: Edition) -> None:
    """Points of the tiers; the first LABELS of them, which matter most, are labelled and kept apart."""
    colours = dict(zip(tiers["tier"], tier_colours(len(tiers)), strict=True))
    labelled = set(marked["tier"].head(LABELS))
    lowest = 0.06  # clear of the axis
    for tier, x, y in zip(marked["tier"], marked["customer_share"], marked["revenue_share"], strict=True):
        axes.plot(x, y, "o", markersize=6.5, color=colours[tier], markeredgecolor=TIER_EDGE, zorder=4, clip_on=False)
        if tier not in labelled:
            continue
        at = max(y - 0.09, lowest)
        lowest = at + 0.1
        words = text(
            "grading.curve.mark",
            "{tier}: {customers} → {revenue}",
            tier=names[tier],
            customers=share(x),
            revenue=share(y),
        ).render(edition)
        right = x > 0.55
        axes.annotate(
            words, (x, y), (x - 0.03 if right else x + 0.05, at), ha="right" if right else "left", va="center",
            fontsize=8.5, arrowprops={"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkB": 3},
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8}, zorder=3,
        )  # fmt: skip


def _under(table: Table, id: str) -> Table:
    return Table(id, table.title, table.columns, table.frame, table.note, table.rows, table.artefact)
