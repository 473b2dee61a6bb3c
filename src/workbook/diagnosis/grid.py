"""Shares by group and measure as a heat map that misleads nobody (X1, X3): small cells are hidden, others drawn to the mean,
and the reading is corrected for the number of cells looked at."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas

from workbook.diagnosis.finding import proportion_interval
from workbook.language import Edition, Quantity, Text, count, share, text
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import GRID, WORSE, canvas

Floats = npt.NDArray[np.float64]

TINTS = LinearSegmentedColormap.from_list("tints", ["#FFF4EA", "#F2A868"])
"""Tints of the colour for worse, light enough that black words on them are read."""

LONGEST = 16


@dataclass(frozen=True)
class Worst:
    """The worst cell of a grid (among those beyond their limit where there are any), and how many of all lie beyond it."""

    row: Text
    column: Text
    share: float
    n: int
    beyond: int
    cells: int


@dataclass(frozen=True)
class Grid:
    """Shares of bad cases, groups down and measures across.

    Attributes:
        cells: row, column (positions), bad, n; a cell without cases may be missing.
        limits: accepted share of bad cases of each column.
        least: fewest cases of a cell that is shown.
        confidence: of the reading of all cells together.
        drawn: rows drawn, from the first; the others are read all the same. All where none is given.
    """

    rows: tuple[Text, ...]
    columns: tuple[Text, ...]
    cells: pd.DataFrame
    limits: tuple[float, ...]
    least: int
    confidence: float
    drawn: int | None = None

    def read(self) -> pd.DataFrame:
        """The cells shown: share, low, high (Wilson, corrected for all cells shown by Bonferroni), drawn (share drawn towards
        the column's mean), limit and beyond: whether the whole interval lies beyond the limit."""
        shown = self.cells[self.cells["n"] >= self.least].sort_values(["row", "column"], ignore_index=True)
        level = 1 - (1 - self.confidence) / max(len(shown), 1)
        bounds = [proportion_interval(bad, n, level) for bad, n in zip(shown["bad"], shown["n"], strict=True)]
        limit = np.array(self.limits, dtype=float)[shown["column"].to_numpy(int)]
        parts = [
            pd.Series(drawn_in(group["bad"].to_numpy(float), group["n"].to_numpy(float)), index=group.index)
            for _, group in shown.groupby("column")
        ]
        drawn = pd.concat(parts).reindex(shown.index) if parts else pd.Series(dtype=float)
        return shown.assign(
            share=shown["bad"] / shown["n"], low=[low for low, _ in bounds], high=[high for _, high in bounds], drawn=drawn,
            limit=limit, beyond=np.array([low for low, _ in bounds], dtype=float) > limit,
        )  # fmt: skip

    def figure(
        self, id: str, what: Text, titled: Callable[[Worst], Text], note: Text, row_head: Text, columns_head: Text
    ) -> Figure | NotMeasured:
        """The heat map with its cells as a table.

        Args:
            what: what it shows, where nothing can be shown.
            titled: the title, from the worst cell.
            note: measure, unit, population, period.
            row_head, columns_head: what rows and columns are.
        """
        read = self.read()
        if read.empty:
            why = text("diagnosis.grid.small", "No group has the {least} cases that a share needs.", least=count(self.least))
            return NotMeasured(id, what, why=why)
        beyond = read[read["beyond"]]
        worst = (beyond if len(beyond) else read).assign(
            far=lambda f: 1 - f["limit"] / f["low"].where(f["low"] > 0)
        ).sort_values(["far", "row", "column"], ascending=[False, True, True]).iloc[0]  # fmt: skip
        where, measure = self.rows[int(worst["row"])], self.columns[int(worst["column"])]
        title = titled(Worst(where, measure, float(worst["share"]), int(worst["n"]), len(beyond), len(read)))
        alt = text(
            "diagnosis.grid.alt", "Heat map of {rows} groups by {columns} measures; {n} of {cells} cells beyond their limit.",
            rows=count(len(self.rows)), columns=count(len(self.columns)), n=count(len(beyond)), cells=count(len(read)),
        )  # fmt: skip
        legend = text(
            "diagnosis.grid.legend",
            "{note} Share of bad cases, cases below; tint: how far beyond the limit, after small groups are drawn towards the "
            "mean; frame: beyond it by the interval, corrected for {cells} cells; · fewer than {least} cases.",
            note=note, cells=count(len(read)), least=count(self.least),
        )  # fmt: skip
        table = self._table(f"{id}.cells", read, row_head, columns_head)
        return Figure(id, title, lambda edition: self._draw(read, edition), alt, legend, table)

    def _table(self, id: str, read: pd.DataFrame, row_head: Text, columns_head: Text) -> Table:
        ranked = read.assign(far=1 - read["limit"] / read["low"].where(read["low"] > 0))
        ranked = ranked.sort_values(["beyond", "far", "n"], ascending=False, kind="stable").head(12)
        frame = ranked.assign(
            row=pd.Series([self.rows[i] for i in ranked["row"]], index=ranked.index, dtype=object),
            column=pd.Series([self.columns[i] for i in ranked["column"]], index=ranked.index, dtype=object),
            reading=np.where(ranked["beyond"], "beyond", np.where(ranked["share"] > ranked["limit"], "perhaps", "within")),
        )
        columns = (
            Column("row", row_head),
            Column("column", columns_head),
            Column("share", text("diagnosis.grid.share", "Bad cases (interval)"), "share", low="low", high="high"),
            Column("n", text("diagnosis.column.n", "n"), "count"),
            Column("limit", text("diagnosis.grid.limit", "Accepted"), "share", digits=0),
            Column("reading", text("diagnosis.column.reading", "Reading"), labels=READINGS),
        )
        title = text("diagnosis.grid.table", "The {n} worst of {cells} cells", n=count(len(frame)), cells=count(len(read)))
        note = text("diagnosis.grid.table_note", "Intervals hold for all {cells} cells together.", cells=count(len(read)))
        return Table(id, title, columns, frame, note, rows=12)

    def _draw(self, read: pd.DataFrame, edition: Edition) -> Canvas:
        rows, columns = len(self.rows[: self.drawn]), len(self.columns)
        read = read[read["row"] < rows]
        figure, axes = canvas(height=0.44 * rows + 0.75)
        axes.set_xlim(0, columns)
        axes.set_ylim(rows, 0)
        # one collection and texts that the layout need not measure: a hundred cells cost a tenth of what patches do
        x, y = read["column"].to_numpy(float), read["row"].to_numpy(float)
        corners = np.array([[0.03, 0.05], [0.97, 0.05], [0.97, 0.95], [0.03, 0.95]])
        beyond, limit, drawn = (read[c].to_numpy() for c in ("beyond", "limit", "drawn"))
        depth = 1 - limit / np.maximum(drawn, 1e-9)
        axes.add_collection(
            PolyCollection(
                list(np.stack([x, y], axis=1)[:, None, :] + corners),
                facecolors=[TINTS(part) if part > 0 else "white" for part in depth.tolist()],
                edgecolors=np.where(beyond, WORSE, GRID).tolist(), linewidths=np.where(beyond, 1.6, 0.8),
            ),
            autolim=False,
        )  # fmt: skip
        words = {
            (int(r), int(c)): f"{_percent(part).render(edition)}\n{count(n).render(edition)}"
            for r, c, part, n in zip(read["row"], read["column"], read["share"].tolist(), read["n"].tolist(), strict=True)
        }
        for r, c in itertools.product(range(rows), range(columns)):
            shown = axes.text(c + 0.5, r + 0.5, words.get((r, c), "·"), ha="center", va="center", fontsize=8, linespacing=1.45)
            shown.set_in_layout(False)
        axes.set_xticks(
            np.arange(columns) + 0.5, [_broken(c.render(edition), edition, columns) for c in self.columns], linespacing=1.45
        )
        axes.set_yticks(np.arange(rows) + 0.5, [_cut(r.render(edition)) for r in self.rows[:rows]])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        return figure


READINGS = {
    "beyond": text("diagnosis.breach.clear", "beyond the limit"),
    "perhaps": text("diagnosis.breach.possible", "perhaps beyond the limit"),
    "within": text("diagnosis.breach.fine", "within the limit"),
}


def drawn_in(hits: Floats, n: Floats) -> Floats:
    """Shares drawn towards their common mean by how much they differ beyond chance (empirical Bayes, beta-binomial by moments).

    Args:
        hits, n: cases with the trait and all cases of each group, n at least 1; shape (groups,).

    Source: Kleinman 1973; with no difference beyond chance every group gets the mean.

    >>> drawn_in(np.array([1.0, 3.0, 2.0]), np.array([20.0, 20.0, 20.0])).round(2).tolist()
    [0.1, 0.1, 0.1]
    """
    mean = hits.sum() / n.sum()
    if len(n) < 2 or mean in (0.0, 1.0):
        return hits / n
    spread = float(np.sum(n * (hits / n - mean) ** 2))
    size = float(n.sum() - (n**2).sum() / n.sum())
    between = max(0.0, (spread - (len(n) - 1) * mean * (1 - mean)) / size)
    if between <= 0:
        return np.full(len(n), mean)
    prior = max(mean * (1 - mean) / between - 1, 0.0)
    drawn: Floats = (hits + prior * mean) / (n + prior)
    return drawn


def labelled(dimension: Text, group: Text) -> Text:
    """What a group is called in a heat map: by what, and which."""
    return text("diagnosis.grid.group", "{group} ({dimension})", dimension=dimension, group=group)


def _percent(value: float) -> Quantity:
    return share(value, 0 if value == 0 or round(100 * value, 1) >= 10 else 1)


def _cut(words: str) -> str:
    return words if len(words) <= 2 * LONGEST else words[: 2 * LONGEST - 1] + "…"


def _broken(words: str, edition: Edition, columns: int) -> str:
    """A column's name over three lines at most, as narrow as so many columns side by side need."""
    if edition.language == "en":
        width = 11 if columns <= 9 else 9 if columns == 10 else max(7, min(8, max(map(len, words.split()), default=7)))
        return "\n".join(textwrap.wrap(words, width, break_long_words=True, break_on_hyphens=False)[:3])
    width = 5 if columns <= 9 else 4 if columns == 10 else 3
    lines = min(-(-len(words) // width), 3)
    return "\n".join(textwrap.wrap(words, -(-len(words) // lines), break_long_words=True)[:3])
