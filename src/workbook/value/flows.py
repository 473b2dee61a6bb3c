"""How customers moved between the stages of their life from one period to the next; row L1 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from workbook.language import Edition, Text, count, named, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import BETTER, FULL_WIDTH, GRID, TEXT, UNCLEAR, WORSE, canvas, label_axis
from workbook.value.lifecycle import ACQUISITION, CHURNED, CONTACT, DEVELOPMENT, FEW, NAMES, RETENTION, STAGES

NEW, ABSENT = "new", "absent"
STATES: Mapping[str, Text] = {
    **NAMES,
    NEW: text("value.flows.new", "Not there before"),
    ABSENT: text("value.flows.absent", "Not there any more"),
}
BUYING = (ACQUISITION, DEVELOPMENT, RETENTION)


@dataclass(frozen=True, eq=False)
class Flows:
    """Customers by their stage before and after.

    Attributes:
        square: customers; stages before (and ``new``) down, stages after (and ``absent``) across.
        before, after: names of the two periods.
    """

    square: pd.DataFrame
    before: Text
    after: Text

    @property
    def lost(self) -> tuple[int, int]:
        """Customers who were buying before and still stand in the files, and those of them who are lost now."""
        rows = self.square.loc[list(BUYING), list(STAGES)]
        return int(rows.to_numpy().sum()), int(rows[CHURNED].to_numpy().sum())

    @property
    def won_back(self) -> tuple[int, int]:
        """Customers who were lost before and still stand in the files, and those of them who buy again."""
        rows = self.square.loc[[CHURNED]]
        return int(rows[list(STAGES)].to_numpy().sum()), int(rows[list(BUYING)].to_numpy().sum())

    def figure(self) -> Figure:
        """From-to grid: share of the row and number; same stage grey, on in life and back blue, lost or gone orange."""
        square = self.square.loc[self.square.sum(axis=1) > 0]
        rows, columns = (
            [str(one) for one in square.index],
            [str(one) for one in square.columns if square[one].sum() or one in STAGES],
        )
        totals, cells = square.sum(axis=1), square[columns].to_numpy()

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(FULL_WIDTH, max(2.6, 0.85 + 0.4 * len(rows)))
            for i, before in enumerate(rows):
                for j, after in enumerate(columns):
                    n = int(cells[i, j])
                    if not n:
                        continue
                    part, ink = n / int(cells[i].sum()), _ink(before, after)
                    depth = 0.12 + 0.6 * part
                    axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=ink, alpha=depth, edgecolor="none"))
                    words = f"{share(part, 0).render(edition)} · {count(n).render(edition)}"
                    bold = "white" if depth > 0.55 and ink == BETTER else TEXT
                    axes.text(j, i, words, ha="center", va="center", color=bold, fontsize=8.5)
            for k in range(len(columns) + 1):
                axes.axvline(k - 0.5, color=GRID, linewidth=0.8)
            for k in range(len(rows) + 1):
                axes.axhline(k - 0.5, color=GRID, linewidth=0.8)
            axes.set_xlim(-0.5, len(columns) - 0.5)
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.set_xticks(range(len(columns)), [STATES[one].render(edition) for one in columns])
            axes.set_yticks(range(len(rows)), [STATES[one].render(edition) for one in rows])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set_xlabel(text("value.flows.after", "Stage in {period}", period=self.after).render(edition))
            label_axis(axes, text("value.flows.before", "Stage in {period}", period=self.before).render(edition))
            return figure

        alt = text(
            "value.flows.alt",
            "Grid of stages before against stages after with share of the row and number of customers. {message}",
            message=self._title(),
        )
        shown = [*columns][:6]
        body = square[shown].rename_axis("before").reset_index().assign(n=totals.to_numpy())
        heads = (
            Column("before", text("value.flows.before", "Stage in {period}", period=self.before), labels=STATES),
            *(Column(one, STATES[one], "count") for one in shown),
            Column("n", text("value.column.customers", "Customers"), "people"),
        )
        under = Table("value.flows_data", self._title(), heads, body, self._note(), rows=len(body))
        return Figure("value.flows", self._title(), draw, alt, self._note(), under)

    def _title(self) -> Text:
        (buying, lost), (gone, back) = self.lost, self.won_back
        if min(buying, gone) < FEW:
            return text(
                "value.flows.few",
                "{lost} of {buying} buying customers were lost, {back} of {gone} lost ones came back",
                lost=count(lost), buying=count(buying), back=count(back), gone=count(gone),
            )  # fmt: skip
        return text(
            "value.flows.title",
            "{lost} of buying customers were lost, {back} of the lost came back",
            lost=share(lost / buying),
            back=share(back / gone),
        )

    def _note(self) -> Text:
        (buying, _), (gone, _) = self.lost, self.won_back
        return text(
            "value.flows.note",
            "Share of the row and number of customers, {before} to {after}; grey = same stage or a step back, blue = further in"
            " life or back, orange = lost or gone; buying: n = {buying}, lost: n = {gone}; counted, so there is no interval.",
            before=self.before, after=self.after, buying=count(buying), gone=count(gone),
        )  # fmt: skip


def flow_between(
    before: pd.DataFrame | NotMeasured | None, after: pd.DataFrame | NotMeasured, *, periods: tuple[Period, Period]
) -> Flows | NotMeasured:
    """The moves between stages of life.

    Args:
        before, after: customer_id and lifecycle, one row a customer; *before* is None in the first period.
        periods: the two periods, the earlier first.
    """
    if isinstance(after, NotMeasured):
        return after
    if not isinstance(before, pd.DataFrame):
        what = text("value.flows.what", "Moves between stages of life")
        why = text("value.flows.first", "There is no earlier period to compare with.")
        return NotMeasured("value.flows", what, (), why)
    both = before[["customer_id", "lifecycle"]].merge(
        after[["customer_id", "lifecycle"]], on="customer_id", how="outer", suffixes=("_before", "_after")
    )
    first, second = both["lifecycle_before"].fillna(NEW), both["lifecycle_after"].fillna(ABSENT)
    square = pd.crosstab(first, second).reindex(index=[*STAGES, NEW], columns=[*STAGES, ABSENT], fill_value=0)
    return Flows(square, named(str(periods[0])), named(str(periods[1])))


def _ink(before: str, after: str) -> str:
    """Blue further in life (or back from being lost), orange lost or gone, grey the same, a step back, or new."""
    if after in (CHURNED, ABSENT) and before != after:
        return WORSE if before != NEW and not (before == CONTACT and after == ABSENT) else UNCLEAR
    if before in (NEW, after):
        return UNCLEAR
    if before == CHURNED:
        return BETTER
    return BETTER if STAGES.index(after) > STAGES.index(before) else UNCLEAR
