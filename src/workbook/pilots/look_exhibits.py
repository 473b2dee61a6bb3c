"""The looks at a pilot: effect, limits and what the rule said at each, as picture and table (row P4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from workbook.language import Edition, Quantity, Text, count, day, format_value, named, share, text
from workbook.pilots.drawing import scale_of, tick
from workbook.pilots.effect import amount_of_difference
from workbook.pilots.looks import METHODS, WHYS, Look
from workbook.pilots.units import arm_name
from workbook.pilots.verdicts import judge, reading
from workbook.report.blocks import Column, Figure, Table
from workbook.report.figures import FULL_WIDTH, MUTED, TEXT, VERDICT_COLOURS, label_axis
from workbook.settings.models import Pilot, Settings

MOST_ROWS = 12
MOST_DAYS = 5
"""Most days written below the axis of a picture."""


@dataclass(frozen=True)
class Seen:
    """What one look showed of one arm on the primary metric, with the interval that it allowed."""

    arm: str
    look: Look
    effect: float
    low: float
    high: float

    @property
    def side(self) -> Literal[-1, 0, 1]:
        """On which side of zero the interval lies; 0: the limit is not crossed."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    @property
    def half(self) -> float:
        """The limit in the metric's unit: an effect farther from zero crosses it."""
        return (self.high - self.low) / 2


def first_crossing(seen: Sequence[Seen], arm: str) -> Seen | None:
    """The first look at which the limit of an arm was crossed."""
    return next((one for one in seen if one.arm == arm and one.side), None)


def looks_figure(pilot: Pilot, seen: Sequence[Seen]) -> Figure:
    """Effect and limits at every look, a panel an arm; hollow after the look at which the limit was crossed."""
    arms = [arm for arm in list(pilot.arms)[1:] if any(one.arm == arm for one in seen)]

    def draw(edition: Edition) -> Canvas:
        picture = Canvas(figsize=(FULL_WIDTH, 0.6 + 2.0 * len(arms)), layout="constrained")
        rows = picture.subplots(len(arms), 1, squeeze=False, sharex=True)[:, 0]
        for axes, arm in zip(rows, arms, strict=True):
            _draw(axes, pilot, [one for one in seen if one.arm == arm], len(arms) > 1, edition)
        return picture

    alt = text(
        "pilots.alt.looks",
        "Effects of {pilot} at {n} looks with stopping limits. {title}.",
        pilot=named(pilot.name),
        n=count(len({one.look.on for one in seen})),
        title=_title(pilot, seen),
    )
    note = text(
        "pilots.looks.note",
        "{metric}: difference arm less control at each look; bars: interval that the look allows; stepped lines: limits, an "
        "effect beyond them is told from none; dashed: smallest worthwhile effect. Looks after the crossing are hollow. Last "
        "look: {look}.",
        metric=named(pilot.metrics[0].name),
        look=seen[-1].look.words(),
    )
    return Figure(f"pilots.looks.{pilot.id}", _title(pilot, seen), draw, alt, note)


def looks_table(pilot: Pilot, seen: Sequence[Seen], settings: Settings) -> Table:
    """The newest looks: day, units, information, rule, interval and reading."""
    metric = pilot.metrics[0]
    rows: list[dict[str, object]] = []
    for one in seen[-MOST_ROWS:]:
        verdict = judge(one.low, one.high, metric.margin, metric.better)
        look = one.look
        rows.append(
            {
                "look": text("pilots.looks.place", "{place}: {day}", place=count(look.place), day=day(look.on)),
                "arm": arm_name(one.arm),
                "units": look.units,
                "information": look.information,
                "rule": METHODS[look.method],
                "why": WHYS[look.why],
                "effect": amount_of_difference(metric, one.effect),
                "low": _end(pilot, one.low),
                "high": _end(pilot, one.high),
                "words": reading(verdict, amount_of_difference(metric, abs(one.effect)), metric.better),
            }
        )
    columns = (
        Column("look", text("pilots.head.look", "Look")),
        Column("arm", text("pilots.head.arm", "Arm")),
        Column("units", text("pilots.head.units", "Units"), "count"),
        Column("information", text("pilots.head.information", "Information"), "share", digits=0),
        Column("rule", text("pilots.head.rule", "Limit")),
        Column("why", text("pilots.head.why", "Because")),
        Column("effect", text("pilots.head.effect", "Difference (interval)"), "number", low="low", high="high"),
        Column("words", text("pilots.head.reading", "Reading")),
    )
    note = text(
        "pilots.looks.table_note",
        "{metric}. Looks before this one are those that were accepted into the ledger, or delivered as summaries. {planned} "
        "looks were planned; together they err at most {error} of the time where the measure does nothing. Information: "
        "share of that at the planned end.",
        metric=named(metric.name),
        planned=count(pilot.looks),
        error=share(1 - settings.analysis.confidence, 0),
    )
    frame = pd.DataFrame(rows, dtype=object)
    return Table(f"pilots.look_list.{pilot.id}", _title(pilot, seen), columns, frame, note, rows=MOST_ROWS)


def _title(pilot: Pilot, seen: Sequence[Seen]) -> Text:
    """What the looks said: crossed, and when, or not yet."""
    last = seen[-1].look
    crossed = [one for arm in list(pilot.arms)[1:] if (one := first_crossing(seen, arm))]
    if not crossed:
        return text(
            "pilots.looks.title_open",
            "{pilot}: no limit crossed at look {n} of {planned}",
            pilot=named(pilot.name),
            n=count(last.place),
            planned=count(max(pilot.looks, last.place)),
        )
    first = min(crossed, key=lambda one: (one.look.place, one.arm))
    upward = (first.side > 0) == (pilot.metrics[0].better == "higher")
    if upward:
        return text(
            "pilots.looks.title_gain",
            "{pilot}: limit crossed at look {n}, for the better",
            pilot=named(pilot.name),
            n=count(first.look.place),
        )
    return text(
        "pilots.looks.title_harm",
        "{pilot}: limit crossed at look {n}, for the worse",
        pilot=named(pilot.name),
        n=count(first.look.place),
    )


def _end(pilot: Pilot, value: float) -> Text:
    if pilot.metrics[0].unit == "share":
        return text("pilots.bare", "{value}", value=Quantity(100 * value, "number", 1))
    return text("pilots.bare", "{value}", value=amount_of_difference(pilot.metrics[0], value))


def _draw(axes: Axes, pilot: Pilot, seen: Sequence[Seen], several: bool, edition: Edition) -> None:
    metric = pilot.metrics[0]
    days = [float(date2num(one.look.on)) for one in seen]  # type: ignore[no-untyped-call]
    margin = metric.margin if metric.better == "higher" else -metric.margin
    # an early limit may be far out; what is beyond three times the last interval is cut off, not squeezed in
    reach = max([3 * seen[-1].half, 1.3 * abs(margin), *(1.15 * abs(one.effect) for one in seen)])
    axes.set_ylim(-reach, reach)
    axes.axhline(0, color=MUTED, linewidth=1.0, zorder=1)
    axes.axhline(margin, color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    limits = [min(one.half, 2 * reach) for one in seen]
    for sign in (1, -1):
        axes.step(days, [sign * x for x in limits], where="mid", color=TEXT, linewidth=1.2, zorder=2)
    crossed = first_crossing(seen, seen[0].arm)
    for x, one in zip(days, seen, strict=True):
        colour = VERDICT_COLOURS[_colour(one, metric.better)]
        after = crossed is not None and one.look.place > crossed.look.place
        axes.plot(
            [x, x], [one.low, one.high], color=colour, linewidth=1.0 if after else 2.0, alpha=0.5 if after else 1, zorder=3
        )
        fill = "white" if after or one.side == 0 else colour
        axes.plot(x, one.effect, marker="o", markersize=5, markerfacecolor=fill, markeredgecolor=colour, zorder=4)
    even = np.linspace(days[0], days[-1], min(MOST_DAYS, len(days)))
    axes.xaxis.set_major_locator(FixedLocator(sorted({min(days, key=lambda x: abs(x - at)) for at in even.tolist()})))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _day_words(x, edition)))
    space = max((days[-1] - days[0]) * 0.06, 1.0)
    axes.set_xlim(days[0] - space, days[-1] + space)
    scale, unit = scale_of(metric, reach, edition)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: tick(y * scale, edition)))
    words = text("pilots.axis", "{metric}: difference, {unit}", metric=named(metric.name), unit=unit)
    if several:
        words = text("pilots.axis.arm", "{arm} · {words}", arm=arm_name(seen[0].arm), words=words)
    label_axis(axes, words.render(edition))


def _day_words(value: float, edition: Edition) -> str:
    """Day and month; the year stands in the table of looks."""
    words = format_value(dt.date(1970, 1, 1) + dt.timedelta(days=round(value)), "date", edition)
    return words.rpartition(" ")[0] if edition.language == "en" else words.partition("年 ")[2]


def _colour(one: Seen, better: Literal["higher", "lower"]) -> Literal["better", "worse", "unclear"]:
    if one.side == 0:
        return "unclear"
    return "better" if (one.side > 0) == (better == "higher") else "worse"
