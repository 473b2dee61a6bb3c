"""How customers moved between tiers from one period to the next; row T11 of the method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from workbook.grading.alluvial import draw_flow, lay_out
from workbook.language import Edition, Text, count, day, joined, named, part_and_people, share, text
from workbook.period import Period
from workbook.report.blocks import Answer, Column, Figure, KeyFigure, NotMeasured, Table
from workbook.report.figures import BETTER, FULL_WIDTH, GRID, TEXT, UNCLEAR, WORSE, canvas, label_axis
from workbook.settings.models import Tier

FEW = 30
"""Below this many customers counts are told instead of shares."""

NEW, ABSENT = "new", "absent"
STATES: Mapping[str, Text] = {
    NEW: text("grading.migration.new", "New"),
    ABSENT: text("grading.migration.absent", "No longer there"),
}
Move = Literal["same", "up", "down", "new", "absent", "other"]


@dataclass(frozen=True, eq=False)
class Migration:
    """Customers by their tier before and after.

    Attributes:
        frame: before (tier id or ``new``), after (tier id or ``absent``), customers; every pair that holds somebody, the
            highest tiers first.
        names: state → what readers see.
        rank: tier id → 0 for the highest; tiers that the settings no longer know have none.
        before, after: names of the two periods.
        same, up, down: customers in both periods who kept their tier, rose, fell.
        new, absent: customers in one period only.
        other: customers whose earlier tier is no longer in the settings, so that up and down cannot be told.
        basis: whether the earlier tiers were accepted or only proposed.
        high: how many tiers from the top count as high value.
    """

    frame: pd.DataFrame
    names: Mapping[str, Text]
    rank: Mapping[str, int]
    before: Text
    after: Text
    same: int
    up: int
    down: int
    new: int
    absent: int
    other: int
    basis: Text
    high: int

    @property
    def both(self) -> int:
        """Customers graded in both periods."""
        return self.same + self.up + self.down + self.other

    @property
    def moved(self) -> int:
        """Customers graded in both periods who are in another tier now."""
        return self.both - self.same

    def table(self) -> Table:
        """From–to: number of customers, tiers before in the rows and after in the columns (at most six)."""
        square = self._square()
        shown = list(square.columns)[:6]
        body = square[shown].reset_index(names="before").assign(n=square.sum(axis=1).to_numpy())
        columns = (
            Column("before", text("grading.migration.before", "Tier in {period}", period=self.before), labels=self.names),
            *(Column(state, self.names[state], "people") for state in shown),
            Column("n", text("grading.column.customers", "Customers"), "people"),
        )
        return Table("grading.migration", self._title(), columns, body, self._note(), rows=len(body), artefact="migration")

    def figure(self) -> Figure:
        """From–to grid: share of the row and number; unchanged grey, up blue, down or gone orange."""
        square = self._square()
        rows, columns = list(square.index), list(square.columns)
        totals = square.sum(axis=1)

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(FULL_WIDTH, max(2.6, 0.85 + 0.5 * len(rows)))
            for i, before in enumerate(rows):
                for j, after in enumerate(columns):
                    n = int(square.loc[before, after])
                    part = n / totals[before] if totals[before] else 0.0
                    ink = _INK[self._move(before, after)]
                    depth = (0.12 + 0.6 * part) if n else 0.0
                    axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=ink, alpha=depth, edgecolor="none"))
                    if n:
                        words = part_and_people(part, n, edition)
                        bold = "white" if depth > 0.55 and ink == BETTER else TEXT
                        axes.text(j, i, words, ha="center", va="center", color=bold, fontsize=8.5)
            for k in range(len(columns) + 1):
                axes.axvline(k - 0.5, color=GRID, linewidth=0.8)
            for k in range(len(rows) + 1):
                axes.axhline(k - 0.5, color=GRID, linewidth=0.8)
            axes.set_xlim(-0.5, len(columns) - 0.5)
            axes.set_ylim(len(rows) - 0.5, -0.5)
            axes.set_xticks(range(len(columns)), [self.names[state].render(edition) for state in columns])
            axes.set_yticks(range(len(rows)), [self.names[state].render(edition) for state in rows])
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set_xlabel(text("grading.migration.after", "Tier in {period}", period=self.after).render(edition))
            label_axis(axes, text("grading.migration.before", "Tier in {period}", period=self.before).render(edition))
            return figure

        alt = text(
            "grading.migration.alt",
            "Grid of tiers before against tiers after with share of the row and number of customers. {message}",
            message=self._title(),
        )
        data = self.table()
        under = Table("grading.migration_data", data.title, data.columns, data.frame, data.note, data.rows, data.artefact)
        return Figure("grading.migration_grid", self._title(), draw, alt, self._note(), under)

    def flow(self) -> Figure:
        """Who went where as bands: tiers before on the left and now on the right, with those who came and who are gone."""
        square = self._square()
        flow, tiers = lay_out(square), list(self.rank)
        inks = {(band.before, band.after): _INK[self._move(band.before, band.after)] for band in flow.bands}
        heads = (
            text("grading.migration.before", "Tier in {period}", period=self.before),
            text("grading.migration.after", "Tier in {period}", period=self.after),
        )
        alt = text(
            "grading.migration.flow_alt",
            "Bands of customers from the tiers before on the left to the tiers now on the right. {message}",
            message=self._flow_title(),
        )
        note = text(
            "grading.migration.flow_note",
            "A band is as wide as its customers are many; grey = same tier or new, blue = higher, orange = lower or no longer"
            " there; {before} to {after}; n = {n} customers graded in either, all counted. {basis}",
            before=self.before,
            after=self.after,
            n=count(flow.everyone),
            basis=self.basis,
        )

        def draw(edition: Edition) -> Canvas:
            return draw_flow(flow, tiers, self.names, inks, heads, edition)

        under = self._balance(square, self._flow_title(), note)
        return Figure("grading.migration_flow", self._flow_title(), draw, alt, note, under)

    def _balance(self, square: pd.DataFrame, title: Text, note: Text) -> Table:
        """Each tier's customers before, who came, who left, and its customers now."""
        states = list(self.rank)
        before, after = square.sum(axis=1), square.sum(axis=0)
        cells = square.reindex(index=[*states, NEW], columns=[*states, ABSENT], fill_value=0).to_numpy()
        stayed, new, absent = np.diag(cells)[: len(states)], cells[-1, :-1], cells[:-1, -1]
        frame = pd.DataFrame({
            "tier": states, "before": before[states].to_numpy(), "new": new,
            "came": after[states].to_numpy() - stayed - new, "left": before[states].to_numpy() - stayed - absent,
            "absent": absent, "after": after[states].to_numpy(),
        })  # fmt: skip
        columns = (
            Column("tier", text("grading.column.tier", "Tier"), labels=self.names),
            Column("before", text("grading.balance.before", "Customers in {period}", period=self.before), "people"),
            Column("new", self.names[NEW], "people"),
            Column("came", text("grading.balance.came", "From another tier"), "people"),
            Column("left", text("grading.balance.left", "To another tier"), "people"),
            Column("absent", self.names[ABSENT], "people"),
            Column("after", text("grading.balance.after", "Customers in {period}", period=self.after), "people"),
        )
        return Table("grading.migration_flow_data", title, columns, frame, note, rows=len(frame))

    def _flow_title(self) -> Text:
        tops = list(self.rank)[: self.high]
        inside = self.frame["before"].isin(tops), self.frame["after"].isin(tops)
        if not tops or not (inside[0] | inside[1]).any():
            return text("grading.migration.flow_neutral", "Where customers of each tier went")
        return text(
            "grading.migration.flow_title",
            "{tiers}: {came} customers came, {left} left",
            tiers=joined([self.names[one] for one in tops]),
            came=count(int(self.frame.loc[inside[1] & ~inside[0], "customers"].sum())),
            left=count(int(self.frame.loc[inside[0] & ~inside[1], "customers"].sum())),
        )

    def sentences(self) -> tuple[Text, ...]:
        """Who moved, who came and who went, in three sentences at most."""
        first = text(
            "grading.migration.moves",
            "Of {both} customers graded in both periods, {up} rose, {down} fell and {same} kept their tier.",
            both=count(self.both),
            up=count(self.up),
            down=count(self.down),
            same=count(self.same),
        )
        second = text(
            "grading.migration.flow",
            "{new} customers are new in {after}; {absent} of {before} are no longer there.",
            new=count(self.new),
            absent=count(self.absent),
            after=self.after,
            before=self.before,
        )
        if not self.other:
            return first, second
        third = text(
            "grading.migration.unknown",
            "{other} come from tiers that the settings no longer have, so up or down cannot be told.",
            other=count(self.other),
        )
        return first, second, third

    def answer(self) -> Answer:
        """The moves as a chapter's message."""
        return Answer("grading.migration_answer", self._title(), self.sentences(), "complication")

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of customers graded in both periods who changed tier."""
        if not self.both:
            return ()
        return (
            KeyFigure(
                "grading.moved_share",
                text("grading.migration.key", "Customers who changed tier"),
                share(self.moved / self.both),
                note=text(
                    "grading.migration.key_note",
                    "{up} up, {down} down, of {both} graded in both periods",
                    up=count(self.up),
                    down=count(self.down),
                    both=count(self.both),
                ),
                rank=45,
            ),
        )

    def _square(self) -> pd.DataFrame:
        states = list(self.names)
        square = self.frame.set_index(["before", "after"])["customers"].unstack(fill_value=0)  # noqa: PD010 – pairs are unique
        rows = [s for s in states if s in square.index or s in self.rank]
        columns = [s for s in states if s in square.columns or s in self.rank]
        return square.reindex(index=rows, columns=columns, fill_value=0)

    def _move(self, before: str, after: str) -> Move:
        return _move(before, after, self.rank)

    def _title(self) -> Text:
        if not self.both:
            return text("grading.migration.neutral", "Customers by tier before and after")
        if self.both < FEW:
            return text(
                "grading.migration.few",
                "{moved} of {both} customers changed tier: {up} up, {down} down",
                moved=count(self.moved),
                both=count(self.both),
                up=count(self.up),
                down=count(self.down),
            )
        return text(
            "grading.migration.title",
            "{moved} of customers changed tier: {up} up, {down} down",
            moved=share(self.moved / self.both),
            up=share(self.up / self.both),
            down=share(self.down / self.both),
        )

    def _note(self) -> Text:
        return text(
            "grading.migration.note",
            "Share of the row and number of customers; grey = same tier, blue = higher, orange = lower or no longer there;"
            " {before} to {after}; n = {n} customers graded in both, all counted. {basis}",
            before=self.before,
            after=self.after,
            n=count(self.both),
            basis=self.basis,
        )


_INK: Mapping[Move, str] = {
    "same": UNCLEAR, "up": BETTER, "down": WORSE, "absent": WORSE, "new": UNCLEAR, "other": UNCLEAR,
}  # fmt: skip


def compare_tiers(
    before: pd.DataFrame | NotMeasured | None,
    after: pd.DataFrame | NotMeasured,
    tiers: Sequence[Tier],
    *,
    periods: tuple[Period | str, Period | str],
    accepted: pd.DataFrame | NotMeasured | None = None,
    high: int = 1,
) -> Migration | NotMeasured:
    """Customers by their tier in the previous and in this period.

    Args:
        before, after: customer_id and tier, one row a customer; *before* is None in the first period.
        accepted: grades given: period, customer_id, tier, accepted_on. Those of the earlier period go before what its run
            proposed.
        tiers: the tiers of the settings, the highest first.
        high: how many of them, from the top, count as high value.
        periods: the two periods, the earlier first.

    Returns:
        The moves, or NotMeasured where one of the two gradings is missing.
    """
    first, second = (named(str(period)) for period in periods)
    basis = text("grading.migration.proposed", "Tiers of {period} as its run proposed them, not accepted.", period=first)
    if isinstance(accepted, pd.DataFrame) and len(given := accepted[accepted["period"] == str(periods[0])]):
        before = given
        basis = text(
            "grading.migration.accepted",
            "Compared with the tiers of {period} accepted on {day}.",
            period=first,
            day=day(given["accepted_on"].max()),
        )
    if not isinstance(before, pd.DataFrame) or not isinstance(after, pd.DataFrame):
        what = text("grading.migration.what", "Moves of customers between tiers")
        why = text("grading.migration.why", "There is no grading of an earlier period to compare with.")
        return NotMeasured("grading.migration", what, (), why)
    both = before[["customer_id", "tier"]].merge(
        after[["customer_id", "tier"]], on="customer_id", how="outer", suffixes=("_before", "_after")
    )
    pairs = pd.DataFrame({"before": both["tier_before"].fillna(NEW), "after": both["tier_after"].fillna(ABSENT)})
    rank = {tier.id: position for position, tier in enumerate(tiers)}
    strange = sorted((set(pairs["before"]) | set(pairs["after"])) - set(rank) - {NEW, ABSENT})
    names = {
        **{tier.id: named(tier.name) for tier in tiers},
        **{state: named(state) for state in strange},
        **STATES,
    }
    order = {state: position for position, state in enumerate(names)}
    counts = pairs.value_counts().reset_index(name="customers")
    counts = counts.sort_values(["before", "after"], key=lambda column: column.map(order)).reset_index(drop=True)
    moves = [_move(b, a, rank) for b, a in zip(counts["before"], counts["after"], strict=True)]
    sizes = counts.groupby(np.array(moves, dtype=object))["customers"].sum() if moves else pd.Series(dtype=int)
    told = {move: int(sizes.get(move, 0)) for move in _INK}
    return Migration(
        counts.astype({"before": "str", "after": "str", "customers": "int64"}), names, rank, first, second,
        told["same"], told["up"], told["down"], told["new"], told["absent"], told["other"], basis, high,
    )  # fmt: skip


def _move(before: str, after: str, rank: Mapping[str, int]) -> Move:
    if before == NEW:
        return "new"
    if after == ABSENT:
        return "absent"
    if before == after:
        return "same"
    if before not in rank or after not in rank:
        return "other"
    return "up" if rank[after] < rank[before] else "down"
