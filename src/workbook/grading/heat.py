"""Heat maps of the tiers: what sets them apart index by index, and where their customers live; row T11 of the method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from scipy.special import ndtri

from workbook.grading.score import Grades
from workbook.grading.worth import Z
from workbook.language import Edition, Quantity, Text, count, joined, named, share, text
from workbook.report.blocks import Block, Column, Figure, NotMeasured, Table
from workbook.report.figures import DIAMOND, FULL_WIDTH, TEXT, canvas

MOST_INDICES, MOST_REGIONS, MOST_TIERS = 7, 9, 4
"""Columns and rows that a reader can take in; further regions are put together."""

FEWEST = 20
"""Customers of a region from which its share is compared."""

OTHER, NOWHERE = "\x00other", "\x00nowhere"
_LATER = {OTHER: text("grading.heat.other", "Others"), NOWHERE: text("grading.heat.nowhere", "Not known")}


@dataclass(frozen=True, eq=False)
class Heat:
    """Tiers by index and by region.

    Attributes:
        indices: tier (those that hold somebody, from the highest), one column an index: mean points (0–100).
        regions: region, customers, one column a tier (share of the region's customers), high, low, top (share in the high tiers
            with its 95% interval); the largest region first, the others and those without one last; None where nobody has one.
        overall: share of all customers in the high tiers.
        grades: the grades.
    """

    indices: pd.DataFrame
    regions: pd.DataFrame | None
    overall: float
    grades: Grades

    def figure(self) -> Figure:
        """Mean points of each tier on each index, the more the darker."""
        tiers, names = self.indices["tier"].tolist(), self._index_names
        shown = list(names)

        def draw(edition: Edition) -> Canvas:
            points = self.indices[shown].to_numpy(float)
            words = [[Quantity(v, "score", 0).render(edition) for v in row] for row in points.tolist()]
            heads = [_broken(names[index].render(edition), edition) for index in shown]
            return _grid(points / 100, words, [self.grades.names[tier].render(edition) for tier in tiers], heads)

        alt = text("grading.heat.alt", "Grid of tiers against indices with mean points. {message}", message=self._title())
        columns = (
            Column("tier", text("grading.column.tier", "Tier"), labels=self.grades.names),
            *(Column(index, words, "score", digits=0) for index, words in names.items()),
        )
        under = Table("grading.heat_data", self._title(), columns, self.indices, self._note(), rows=len(self.indices))
        return Figure("grading.heat", self._title(), draw, alt, self._note(), under)

    def table(self) -> Table | NotMeasured:
        """Region by region: the share of its customers in each tier."""
        if self.regions is None:
            return NotMeasured("grading.regions", text("grading.heat.what", "Tiers by region"), ("customers.region",))
        tiers = list(self.grades.names)[:MOST_TIERS]
        regions = {str(region): named(str(region)) for region in self.regions["region"]} | _LATER
        columns = (
            Column("region", text("grading.heat.region", "Region"), labels=regions),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            *(Column(tier, self.grades.names[tier], "share", within="customers") for tier in tiers),
            Column("high", joined([self.grades.names[tier] for tier in self.grades.high]), "share", low="low", high="top",
                   within="customers"),
        )  # fmt: skip
        note = text(
            "grading.heat.regions_note",
            "Share of the customers of each region by tier; last column with 95% intervals; all regions: {overall};"
            " n = {n} customers graded.",
            overall=share(self.overall),
            n=count(len(self.grades.frame)),
        )
        return Table("grading.regions", self._regions_title(self.regions), columns, self.regions, note, rows=len(self.regions))

    def region_figure(self) -> Figure | NotMeasured:
        """Share of the customers of each region in each tier, the more the darker; the table stands under it."""
        table = self.table()
        if isinstance(table, NotMeasured):
            return table
        regions, columns = table.frame, {c.name: c for c in table.columns}
        tiers = [tier for tier in self.grades.names if tier in columns]
        shares = regions[tiers].to_numpy(float)

        def draw(edition: Edition) -> Canvas:
            few = np.array([table.hidden(regions, columns[tier], edition) for tier in tiers]).T
            shown = np.where(few, np.nan, shares)
            words = [[share(v, 0).render(edition) for v in row] for row in shares.tolist()]
            called = [_LATER.get(str(region), named(str(region))) for region in regions["region"]]
            rows = [
                f"{name.render(edition)} ({count(int(n)).render(edition)})"
                for name, n in zip(called, regions["customers"], strict=True)
            ]
            return _grid(shown / shares.max(), words, rows, [self.grades.names[tier].render(edition) for tier in tiers])

        alt = text("grading.heat.regions_alt", "Grid of regions against tiers with shares of customers. {message}",
                   message=table.title)  # fmt: skip
        note = text(
            "grading.heat.region_grid_note",
            "Share of the customers of each region in each tier; in brackets: customers; blank: too few to show; all regions:"
            " {overall} in high tiers; n = {n} customers graded.",
            overall=share(self.overall),
            n=count(len(self.grades.frame)),
        )
        return Figure("grading.region_heat", table.title, draw, alt, note, table)

    def blocks(self) -> tuple[Block, ...]:
        """The heat maps of indices and of regions."""
        return (self.figure(), self.region_figure())

    @property
    def _index_names(self) -> Mapping[str, Text]:
        return {i.id: named(i.name) for i in self.grades.settings.indices if i.id in self.indices.columns}

    def _title(self) -> Text:
        body = self.indices.drop(columns="tier")
        apart = body.iloc[0] - body.iloc[-1]
        if len(body) < 2 or apart.isna().all():
            return text("grading.heat.neutral", "Mean points of each tier by index")
        index = str(apart.abs().idxmax())
        names = self.grades.names
        return text(
            "grading.heat.title",
            "{index} sets tiers most apart: {top} {first} points, {bottom} {last}",
            index=self._index_names[index],
            top=names[str(self.indices["tier"].iloc[0])],
            first=Quantity(float(body[index].iloc[0]), "score", 0),
            bottom=names[str(self.indices["tier"].iloc[-1])],
            last=Quantity(float(body[index].iloc[-1]), "score", 0),
        )

    def _regions_title(self, regions: pd.DataFrame) -> Text:
        tiers = joined([self.grades.names[tier] for tier in self.grades.high])
        compared = regions[~regions["region"].isin(list(_LATER)) & (regions["customers"] >= FEWEST)]
        # several regions are looked at: the one that is named must stand out among so many (Bonferroni)
        limit = ndtri(1 - 0.025 / max(len(compared), 1))
        error = np.sqrt(self.overall * (1 - self.overall) / compared["customers"])
        away = (compared["high"] - self.overall).abs()
        if not (away > limit * error).any():
            return text("grading.heat.even", "No region clearly holds more or fewer {tiers} customers than others", tiers=tiers)
        most = compared.iloc[int(np.argmax(np.where(away > limit * error, away, -1.0)))]
        return text(
            "grading.heat.apart",
            "{region}: {part} of customers are {tiers}; everywhere {overall}",
            region=str(most["region"]), part=share(float(most["high"])), tiers=tiers, overall=share(self.overall),
        )  # fmt: skip

    def _note(self) -> Text:
        return text(
            "grading.heat.note",
            "Mean points from 0 to 100 (100 the best, also where less is better) of the customers of each tier; indices by"
            " weight; n = {n} customers graded.",
            n=count(len(self.grades.frame)),
        )


def map_tiers(grades: Grades | NotMeasured, profile: pd.DataFrame) -> Heat | NotMeasured:
    """Tiers against the indices that weigh most, and against the regions that hold most customers.

    Args:
        grades: this period's grades.
        profile: customer_id and, where delivered, region.
    """
    if isinstance(grades, NotMeasured):
        return grades
    frame, order = grades.frame, list(grades.names)
    heaviest = sorted(grades.index_weights, key=lambda index: -grades.index_weights[index])[:MOST_INDICES]
    points = frame.groupby("tier")[[f"index_{index}" for index in heaviest]].mean()
    points = points.reindex([tier for tier in order if tier in points.index]).set_axis(heaviest, axis=1)
    is_high = frame["tier"].isin(grades.high)
    regions = None
    if "region" in profile and profile["region"].notna().any():
        region = frame["customer_id"].map(profile.set_index("customer_id")["region"])
        regions = _by_region(region.astype("object"), frame["tier"].to_numpy(dtype=object), is_high.to_numpy(), order)
    return Heat(points.reset_index(), regions, float(is_high.mean()), grades)


def _by_region(region: pd.Series, tiers: np.ndarray, is_high: np.ndarray, order: list[str]) -> pd.DataFrame:
    largest = region.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable").index
    kept = list(largest) if len(largest) <= MOST_REGIONS else list(largest[: MOST_REGIONS - 1])
    place = region.where(region.isin(kept), OTHER).where(region.notna(), NOWHERE)
    shares = pd.crosstab(place, tiers, normalize="index").reindex(columns=order, fill_value=0.0)
    n = place.value_counts().reindex(shares.index).astype("int64")
    high = pd.Series(is_high).groupby(place.to_numpy()).mean().reindex(shares.index)
    middle = (high + Z**2 / (2 * n)) / (1 + Z**2 / n)  # Wilson (1927)
    reach = Z * np.sqrt(high * (1 - high) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    table = shares.assign(customers=n, high=high, low=middle - reach, top=middle + reach).rename_axis("region").reset_index()
    last = table["region"].map({OTHER: 1, NOWHERE: 2}).fillna(0)
    return table.assign(last=last).sort_values(["last", "customers", "region"], ascending=[True, False, True]).drop(
        columns="last"
    ).reset_index(drop=True)  # fmt: skip


def _grid(depths: np.ndarray, words: list[list[str]], rows: list[str], heads: list[str]) -> Canvas:
    """Cells the darker the deeper (0 to 1), each with its words; none where the depth is not known."""
    figure, axes = canvas(FULL_WIDTH, max(2.2, 0.75 + 0.45 * len(rows)))
    for (i, j), value in np.ndenumerate(depths):
        if np.isnan(value):
            continue
        depth = 0.06 + 0.84 * float(value)
        axes.add_patch(Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, facecolor=DIAMOND, alpha=depth, linewidth=0))
        axes.text(j, i, words[i][j], ha="center", va="center", color="white" if depth > 0.62 else TEXT, fontsize=8.5)
    axes.set_xlim(-0.5, len(heads) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks(range(len(heads)), heads)
    axes.set_yticks(range(len(rows)), rows)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for label in axes.get_xticklabels():
        label.set_linespacing(1.45)
    axes.spines[:].set_visible(False)
    return figure


def _broken(words: str, edition: Edition) -> str:
    """A label on two lines where it is long."""
    if edition.language == "zh":
        return words if len(words) <= 6 else words[: (len(words) + 1) // 2] + "\n" + words[(len(words) + 1) // 2 :]
    parts = words.split(" ")
    if len(words) <= 12 or len(parts) < 2:
        return words
    cut = min(range(1, len(parts)), key=lambda k: abs(len(" ".join(parts[:k])) - len(" ".join(parts[k:]))))
    return " ".join(parts[:cut]) + "\n" + " ".join(parts[cut:])
