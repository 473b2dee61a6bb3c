"""Who comes back: customers by the period of their first purchase, and the share that bought in each period since; row L1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from workbook.language import Edition, Text, count, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import DIAMOND, FULL_WIDTH, MUTED, TEXT, canvas, label_axis
from workbook.settings.models import Analysis, Value
from workbook.tables import Tables
from workbook.value.risk import wilson

FEW = 30
"""Below this many customers counts are told instead of shares."""

COHORTS, AGES = 12, 8
"""Most cohorts (the latest) and periods since that are shown."""

TABLE_AGES = 5
"""Periods since in the table under the picture."""


@dataclass(frozen=True, eq=False)
class Cohorts:
    """Customers by the period of their first purchase.

    Attributes:
        frame: cohort (name of the period), n (customers), kept_1, kept_2, … (share that bought so many periods later); the
            oldest first. Missing where the period is not over yet, or too few came back or did not to be shown.
        hidden: cells that stand for too few customers (cohort × age).
        next_period: customers whose next period is over, and those of them who bought in it.
        next_interval: 95% interval of their share.
        period: the last period counted.
        least: fewest customers that a cell may stand for.
    """

    frame: pd.DataFrame
    hidden: pd.DataFrame
    next_period: tuple[int, int]
    next_interval: tuple[float, float]
    period: Period
    least: int

    @property
    def ages(self) -> list[int]:
        """The periods since that are shown."""
        return [int(name[5:]) for name in self.frame.columns if str(name).startswith("kept_")]

    def figure(self) -> Figure:
        """Heat map: cohorts down, periods since across; the tint is the share that bought."""

        def draw(edition: Edition) -> Canvas:
            rows = len(self.frame)
            figure, axes = canvas(FULL_WIDTH, max(2.2, 0.9 + 0.3 * rows))
            for i in range(rows):
                for j, age in enumerate(self.ages):
                    part, few = float(self.frame[f"kept_{age}"].iloc[i]), bool(self.hidden[f"kept_{age}"].iloc[i])
                    if np.isnan(part):
                        if few:
                            axes.text(j, i, f"<{self.least}", ha="center", va="center", color=MUTED, fontsize=8.5)
                        continue
                    axes.add_patch(Rectangle((j - 0.47, i - 0.45), 0.94, 0.9, facecolor=DIAMOND, alpha=0.08 + 0.87 * part))
                    ink = "white" if part > 0.5 else TEXT
                    axes.text(j, i, share(part, 0).render(edition), ha="center", va="center", color=ink, fontsize=8.5)
            axes.set_xlim(-0.5, len(self.ages) - 0.5)
            axes.set_ylim(rows - 0.5, -0.5)
            axes.set_xticks(range(len(self.ages)), [str(age) for age in self.ages])
            names = [
                text("value.cohorts.row", "{cohort} · n = {n}", cohort=str(cohort), n=count(int(n))).render(edition)
                for cohort, n in zip(self.frame["cohort"], self.frame["n"], strict=True)
            ]
            axes.set_yticks(range(rows), names)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set_xlabel(text("value.cohorts.since", "Periods since the first purchase").render(edition))
            label_axis(axes, text("value.cohorts.first", "Period of the first purchase").render(edition))
            return figure

        alt = text(
            "value.cohorts.alt",
            "Heat map of the share of customers who bought, by period of the first purchase and periods since. {message}",
            message=self._title(),
        )
        shown = self.ages[:TABLE_AGES]
        columns = (
            Column("cohort", text("value.cohorts.first", "Period of the first purchase")),
            Column("n", text("value.column.customers", "Customers"), "people"),
            *(Column(f"kept_{age}", text("value.column.after", "{age} later", age=count(age)), "share") for age in shown),
        )
        under = Table("value.cohorts_data", self._title(), columns, self.frame, self._note(), rows=len(self.frame))
        return Figure("value.cohorts", self._title(), draw, alt, self._note(), under)

    def _title(self) -> Text:
        n, back = self.next_period
        if n == 0:
            return text("value.cohorts.neutral", "Who came back, by period of the first purchase")
        if n < FEW:
            return text(
                "value.cohorts.few", "{back} of {n} new customers bought again in the next period", back=count(back), n=count(n)
            )
        return text(
            "value.cohorts.title", "{part} of new customers buy again in the next period", part=share(back / n, 0)
        )  # fmt: skip

    def _note(self) -> Text:
        low, high = self.next_interval
        return text(
            "value.cohorts.note",
            "Share of each cohort with a purchase in the period, up to {period}; next period: {low} to {high} (95%), n = {n}."
            " Blank: not over yet; <{least}: too few to show. Left out: who may have bought before the files begin.",
            period=self.period.name, low=share(low), high=share(high), n=count(self.next_period[0]), least=count(self.least),
        )  # fmt: skip


def keep_cohorts(tables: Tables, settings: Value, analysis: Analysis, *, period: Period) -> Cohorts | NotMeasured:
    """The share of each cohort that bought in each period since its first purchase.

    Args:
        tables: orders, and customers for the record dates.
        settings: lead_days.
        analysis: small_cell, the fewest customers that a cell may stand for.
        period: the period analysed; cohorts are periods of its length.
    """
    what = text("value.cohorts.what", "How many of each cohort come back")
    if tables.lacks("orders.customer_id"):
        return NotMeasured("value.cohorts", what, ("orders.customer_id",))
    query = (Path(__file__).parent / "sql" / "cohorts.sql").read_text("utf-8")
    cells = tables.sql(query, months=period.months, lead=settings.lead_days)
    last = period.first // period.months
    wide = cells.pivot_table(index="cohort", columns="age", values="customers", aggfunc="sum").sort_index()
    if wide.empty or not (wide.index < last).any():
        why = text("value.cohorts.short", "No customer is seen from the first purchase on for a whole period.")
        return NotMeasured("value.cohorts", what, (), why)
    return _count(wide, last, period, analysis.small_cell)


def _count(wide: pd.DataFrame, last: int, period: Period, least: int) -> Cohorts:
    n = wide[0].to_numpy(dtype=float)
    oldest = last - wide.index.to_numpy()
    ages = range(1, min(AGES, int(oldest.max())) + 1)
    bought = wide.reindex(columns=list(ages)).fillna(0.0).to_numpy(dtype=float)
    over = oldest[:, None] >= np.array(list(ages))
    size = np.broadcast_to(n[:, None], bought.shape)
    # a share of a cohort tells both who came and who did not: neither may be one of a few
    few = over & ((size < least) | ((bought > 0) & (bought < least)) | ((size - bought > 0) & (size - bought < least)))
    part = np.where(over & ~few, bought / size, np.nan)
    names = [f"kept_{age}" for age in ages]
    cohort = [Period(int(k) * period.months, period.months).name for k in wide.index]
    frame = pd.DataFrame({"cohort": cohort, "n": n.astype("int64"), **dict(zip(names, part.T, strict=True))})
    hidden = pd.DataFrame(dict(zip(names, few.T, strict=True)))
    followed = over[:, 0]
    known, back = int(n[followed].sum()), int(bought[followed, 0].sum())
    low, high = wilson(np.array([back / known if known else np.nan]), np.array([float(known)]))
    tail = slice(-COHORTS, None)
    return Cohorts(frame[tail].reset_index(drop=True), hidden[tail].reset_index(drop=True), (known, back),
                   (float(low[0]), float(high[0])), period, least)  # fmt: skip
