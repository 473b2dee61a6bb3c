"""Picture and table of the KPIs by month (row P7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, MaxNLocator

from workbook.language import Edition, Text, count, day, format_value, joined, money_scale, named, share, text
from workbook.report.blocks import Block, Column, Figure, Paragraph, Table
from workbook.report.figures import FULL_WIDTH, MUTED, TEXT, WORSE, label_axis
from workbook.review.control import LEAST_BEFORE, RUN, MonthlyKpi
from workbook.review.kpi_definitions import DEFINITIONS, KPI_NAMES, kpi_change, kpi_value

MOST_PANELS = 2
"""Panels drawn: each costs a tenth of a second in each language; the table holds every KPI."""

_MOVED: Mapping[int, Text] = {
    1: text("review.monthly.rose", "rose after"),
    -1: text("review.monthly.fell", "fell after"),
    0: text("review.monthly.within", "no clear difference from expected"),
}


def monthly_blocks(
    kpis: Sequence[MonthlyKpi], short: Mapping[str, int], since: dt.date, confidence: float
) -> tuple[Block, ...]:
    """Picture, table and what they cannot tell, in the order of a chapter."""
    return (_figure(kpis, since), _table(kpis, since, confidence), _limits(short))


def _title(kpis: Sequence[MonthlyKpi], since: dt.date) -> Text:
    up, down = [k for k in kpis if k.moved > 0], [k for k in kpis if k.moved < 0]
    if not up and not down:
        return text(
            "review.monthly.title_none",
            "Since {day} no KPI has clearly left its expected course ({n} judged)",
            day=day(since),
            n=count(len(kpis)),
        )
    return text(
        "review.monthly.title",
        "Since {day}, against expected: KPIs risen {up}, fallen {down}, of {n}",
        day=day(since),
        up=count(len(up)),
        down=count(len(down)),
        n=count(len(kpis)),
    )


def _table(kpis: Sequence[MonthlyKpi], since: dt.date, confidence: float) -> Table:
    rows: list[dict[str, object]] = []
    for k in kpis:
        e = k.expected
        beyond = [_month(k.months[i]) for i in k.limits.beyond]
        signs = [text("review.monthly.beyond", "beyond: {months}", months=joined(beyond))] if beyond else []
        if k.limits.run:
            signs.append(text("review.monthly.run", "{n} months in a row on one side", n=count(RUN)))
        rows.append(
            {
                "kpi": KPI_NAMES[k.kpi],
                "before": kpi_value(k.kpi, float(k.series[: k.before].mean())),
                "months": text("review.monthly.months", "{before} / {after}", before=count(k.before),
                               after=count(len(k.series) - k.before)),
                "after": kpi_value(k.kpi, e.actual),
                "expected": kpi_value(k.kpi, e.expected),
                "difference": kpi_change(k.kpi, e.difference),
                "low": kpi_change(k.kpi, e.difference_low, bare=True),
                "high": kpi_change(k.kpi, e.difference_high, bare=True),
                "reading": _MOVED[k.moved],
                "signs": joined(signs) if signs else named("–"),
            }
        )  # fmt: skip
    columns = (
        Column("kpi", text("review.head.kpi", "KPI")),
        Column("months", text("review.head.months", "Months before / after")),
        Column("before", text("review.head.before", "Mean before"), "number"),
        Column("after", text("review.head.after", "Mean after"), "number"),
        Column("expected", text("review.head.expected", "Expected after"), "number"),
        Column("difference", text("review.head.difference", "Difference (interval)"), "number", low="low", high="high"),
        Column("reading", text("review.head.movement", "Reading")),
        Column("signs", text("review.head.signs", "Outside control limits")),
    )
    note = text(
        "review.monthly.note",
        "Means of monthly figures. Expected: the straight line of the months before {day}, carried on; neighbouring months "
        "may go together. Intervals hold for all {n} KPIs at once, at {level}. Control limits from the months before: single "
        "values with moving ranges (XmR), for shares Laney's P′ chart, wider where neighbouring months go together; a signal "
        "is a month beyond them or {run} in a row on one side.",
        day=day(since),
        n=count(len(kpis)),
        level=share(confidence),
        run=count(RUN),
    )
    return Table("review.monthly", _title(kpis, since), columns, pd.DataFrame(rows, dtype=object), note)


def _limits(short: Mapping[str, int]) -> Paragraph:
    words = text(
        "review.monthly.limits",
        "What came after a change is not yet its effect: the season, the market or another measure may have moved the "
        "figure too. With fewer than two years before the change a season cannot be told from it. Only a randomised pilot says "
        "what a measure did. Repeat purchase and churn look a year back and are compared from period to period instead.",
    )
    if short:
        words = text(
            "review.monthly.limits_short",
            "{words} Too few whole months before the change ({least} are needed) for: {kpis}.",
            words=words,
            least=count(LEAST_BEFORE),
            kpis=joined([KPI_NAMES[kpi] for kpi in short]),
        )
    return Paragraph("review.monthly.limits", words, "limits")


def _figure(kpis: Sequence[MonthlyKpi], since: dt.date) -> Figure:
    # those that left their course first, then in the order of the summary
    shown = sorted(kpis, key=lambda k: (k.moved == 0, not k.limits.signal, DEFINITIONS[k.kpi].rank))[:MOST_PANELS]

    def draw(edition: Edition) -> Canvas:
        lines = (len(shown) + 1) // 2
        picture = Canvas(figsize=(FULL_WIDTH, 0.4 + 2.0 * lines), layout="constrained")
        panels = picture.subplots(lines, 2, squeeze=False).ravel()
        for axes, k in zip(panels, shown, strict=False):
            _panel(axes, k, edition)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
        return picture

    alt = text(
        "review.monthly.alt",
        "Lines by month with control limits and expected band: {kpis}. {title}.",
        kpis=joined([KPI_NAMES[k.kpi] for k in shown]),
        title=_title(kpis, since),
    )
    note = text(
        "review.monthly.figure_note",
        "Solid: actual, by month; vertical line: {day}; thin grey: mean before and control limits; hatched: where a month was "
        "expected had nothing changed; orange: beyond the control limits. Each panel has its own scale.",
        day=day(since),
    )
    title = text("review.monthly.figure", "Monthly KPIs ({n}), before and after {day}", n=count(len(shown)), day=day(since))
    return Figure("review.monthly.figure", title, draw, alt, note)


def _panel(axes: Axes, k: MonthlyKpi, edition: Edition) -> None:
    place = np.arange(len(k.series))
    after = place >= k.before
    low, high = k.expected.low[after], k.expected.high[after]
    axes.plot(place, np.full(len(place), k.limits.centre), color=MUTED, linewidth=0.8)
    for limit in (k.limits.low, k.limits.high):
        axes.step(place, limit, where="mid", color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
    ends = place[after].astype(float)
    ends[0], ends[-1] = ends[0] - 0.4, ends[-1] + 0.4
    axes.fill_between(ends, low, high, facecolor="none", edgecolor=MUTED, hatch="////", linewidth=0.0, alpha=0.7)
    axes.axvline(k.before - 0.5, color=MUTED, linewidth=1.0)
    axes.plot(place, k.series, color=TEXT, marker="o", markersize=2.8, linewidth=1.5)
    beyond = list(k.limits.beyond)
    axes.plot(beyond, k.series[beyond], linestyle="none", marker="o", markersize=6, color=WORSE)
    axes.set_xlim(-0.6, len(place) - 0.4)
    ticks = [i for i, month in enumerate(k.months) if month.month in (1, 7)] or [0]
    axes.set_xticks(ticks, [_month(k.months[i]).render(edition) for i in ticks])
    scale, unit = _scale(k, edition)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _tick(float(y) * scale, edition)))
    name = KPI_NAMES[k.kpi]
    label_axis(axes, (text("review.monthly.axis", "{kpi}, {unit}", kpi=name, unit=unit) if unit else name).render(edition))


def _scale(k: MonthlyKpi, edition: Edition) -> tuple[float, Text | str | None]:
    """What values are multiplied by on the axis, and the unit written beside the name."""
    match DEFINITIONS[k.kpi].unit:
        case "share":
            return 100.0, "%"
        case "money":
            divisor, name = money_scale(float(np.abs(k.series).max()), edition)
            return 1 / divisor, name
        case "hours":
            return 1.0, text("review.monthly.hours", "hours")
        case _:
            return 1.0, None


def _tick(value: float, edition: Edition) -> str:
    """A number with as many decimals as it has."""
    rounded = round(value, 6)
    digits = next((d for d in range(4) if abs(rounded - round(rounded, d)) < 1e-9), 4)
    return format_value(rounded, "number", edition, digits)


def _month(month: dt.date) -> Text:
    return named(f"{month:%Y-%m}")
