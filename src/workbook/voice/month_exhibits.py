"""Satisfaction month by month: a panel a measure, each month with its interval and whether it differs from the others (V2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, count, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import BETTER, FULL_WIDTH, TIER_EDGE, UNCLEAR, WORSE, label_axis
from workbook.settings.models import Settings
from workbook.voice.exhibits import INSTRUMENT_NAMES, READING_NAMES, quantity

FEWEST = 3
"""Months from which a measure is drawn month by month."""

COLOURS = {"better": BETTER, "worse": WORSE}


def month_figure(frame: pd.DataFrame, period: Period, settings: Settings) -> Figure | NotMeasured:
    """Points with intervals over the months; filled and coloured where a month differs clearly from the others."""
    rows = frame[frame["dimension"] == "month"]
    often = rows.groupby("instrument")["group"].transform("count")
    rows = rows[often >= FEWEST].reset_index(drop=True)
    if rows.empty:
        why = text("voice.month.few", "Fewer than {n} months have enough answers to stand by themselves.", n=count(FEWEST))
        return NotMeasured("voice.months", text("voice.month.what", "Satisfaction by month"), why=why)
    months = [str(m) for m in pd.period_range(rows["group"].min(), rows["group"].max(), freq="M")]
    asked = [one for one in INSTRUMENT_NAMES if (rows["instrument"] == one).any()]

    def draw(edition: Edition) -> Canvas:
        figure = Canvas(figsize=(FULL_WIDTH, 0.5 + 1.35 * len(asked)), layout="constrained")
        for axes, one in zip(figure.subplots(len(asked), 1, sharex=True, squeeze=False)[:, 0], asked, strict=True):
            part = rows[rows["instrument"] == one]
            scale = 100 if one == "csat" else 1
            at = np.array([months.index(m) for m in part["group"]])
            value = scale * part["value"].to_numpy(float)
            spans = np.array([value - scale * part["low"].to_numpy(float), scale * part["high"].to_numpy(float) - value])
            axes.errorbar(at, value, yerr=np.nan_to_num(spans), fmt="none", ecolor=TIER_EDGE, elinewidth=1.1)
            for reading in ("better", "worse", "unclear"):
                own = (part["reading"].replace("none", "unclear") == reading).to_numpy()
                colour = COLOURS.get(reading, UNCLEAR)
                axes.plot(at[own], value[own], "o", color=colour if reading in COLOURS else "white", markeredgecolor=colour,
                          markersize=5)  # fmt: skip
            label_axis(axes, INSTRUMENT_NAMES[one].render(edition))
            axes.margins(y=0.12)
            axes.locator_params(axis="y", nbins=4)
            if one == "csat":
                axes.yaxis.set_major_formatter(lambda v, _: f"{v:.0f}%")
        axes.set_xlim(-0.6, len(months) - 0.4)
        step = 1 if len(months) <= 8 else 2
        axes.set_xticks(range(0, len(months), step), months[::step])
        return figure

    alt = text("voice.month.alt", "Points with intervals by month, a panel a measure; panels: {n}, months: {months}.",
               n=count(len(asked)), months=count(len(months)))  # fmt: skip
    return Figure("voice.months", _title(rows), draw, alt, _note(settings), _table(rows, period, settings))


def _title(rows: pd.DataFrame) -> Text:
    clear = rows[rows["reading"].isin(["better", "worse"])]
    if clear.empty:
        return text("voice.month.steady", "In none of {n} months does satisfaction differ clearly from the others",
                    n=count(rows["group"].nunique()))  # fmt: skip
    last = clear.sort_values(["group", "instrument"], kind="stable").iloc[-1]
    values: dict[str, Text | Quantity] = {
        "measure": INSTRUMENT_NAMES[str(last["instrument"])], "month": named(str(last["group"])),
        "value": quantity(float(last["value"]), str(last["unit"])),
    }  # fmt: skip
    if last["reading"] == "worse":
        return text("voice.month.worse", "{measure} fell clearly below other months in {month}: {value}", **values)
    return text("voice.month.better", "{measure} rose clearly above other months in {month}: {value}", **values)


def _note(settings: Settings) -> Text:
    return text(
        "voice.month.note",
        "Answers of each month, weighted where weights were delivered, with {level} intervals; months of fewer than {cell} "
        "answers are left out. Coloured: differs from the other months taken together by more than chance allows among all "
        "months of the measure (blue better, orange worse); hollow: no clear difference.",
        level=share(settings.analysis.confidence), cell=count(settings.analysis.small_cell),
    )  # fmt: skip


def _table(rows: pd.DataFrame, period: Period, settings: Settings) -> Table:
    units = rows["unit"].tolist()

    def moved(name: str) -> list[object]:
        return [None if v != v else number(100 * v if u == "share" else v, 1) for v, u in zip(rows[name], units, strict=True)]

    shown = pd.DataFrame({
        "instrument": rows["instrument"], "month": rows["group"], "n": rows["n"],
        **{name: [None if v != v else quantity(v, u) for v, u in zip(rows[name], units, strict=True)]
           for name in ("value", "low", "high", "before")},
        **{name: moved(name) for name in ("change", "change_low", "change_high")},
        "reading": rows["reading"],
    })  # fmt: skip
    columns = (
        Column("instrument", text("voice.column.instrument", "Measure"), labels=INSTRUMENT_NAMES),
        Column("month", text("voice.column.month", "Month")),
        Column("n", text("voice.column.n", "Answers"), "count"),
        Column("value", text("voice.column.value", "Value (interval)"), low="low", high="high"),
        Column("before", text("voice.column.other_months", "Other months")),
        Column("change", text("voice.column.difference", "Difference (interval)"), low="change_low", high="change_high"),
        Column("reading", text("voice.column.reading", "Reading"),
               labels=READING_NAMES | {"none": text("voice.reading.none", "not compared"),
                                       "unclear": text("voice.reading.alike", "no clear difference")}),
    )  # fmt: skip
    return Table("voice.month_list", _title(rows), columns, shown, _note(settings), rows=40)
