"""Customers whom the client chose to have a measure: what two comparisons with the others bear, graded (row P5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbook.language import Text, count, named, number, share, text
from workbook.pilots.chosen_clusters import VERDICTS as OF_CLUSTERS
from workbook.pilots.chosen_clusters import interval_cells, range_cells, read_panel
from workbook.pilots.estimates import generator
from workbook.pilots.graded import PLACEBOS, STRETCHES, Graded, grade
from workbook.pilots.not_randomised import LARGEST_IMBALANCE, Values
from workbook.pilots.outcomes import read_values
from workbook.pilots.units import arm_name, in_two_arms, newest_first, read_units
from workbook.report.blocks import Block, Column, Paragraph, Table
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

MOST = 50_000
"""Most customers of an arm that are compared; of more, drawn ones stand for all."""
WHOLE = 0.8
"""Share of the customers known in the latest stretch who must be known in an older one too, for it to count."""

VERDICTS: Mapping[str, Text] = {
    **{key: words for key, words in OF_CLUSTERS.items() if key != "few"},
    "few": text("pilots.alike.few", "undecided (too few customers)"),
    "apart": text("pilots.alike.apart", "undecided (no like customers)"),
}
"""How the customers with the measure moved beside the others, or why nothing can be said."""

_WORDS = {"more": "higher", "less": "lower", "unclear": "unclear"}


@dataclass(frozen=True)
class Chosen:
    """One arm of a pilot whose customers the client chose; ``treated`` and ``others`` are customers compared."""

    pilot: Pilot
    metric: Metric
    arm: str
    treated: int
    others: int
    graded: Graded

    @property
    def verdict(self) -> str:
        """A key of :data:`VERDICTS`."""
        found = self.graded
        return f"{_WORDS[found.reading]}_{found.grade}" if found.judged else found.grade


@dataclass(frozen=True)
class ChosenCustomers:
    """Every arm of every pilot whose customers were chosen, not drawn; ``settings`` are the parameters."""

    found: tuple[Chosen, ...]
    settings: Settings

    def table(self) -> Table:
        """A row an arm: both comparisons, the second on earlier dates too, balance, hidden factor and reading."""
        rows: list[dict[str, object]] = []
        for one in self.found:
            found = one.graded
            after = found.weighted.after if found.weighted is not None else math.nan
            rows.append({
                "pilot": named(one.pilot.name) if len(one.pilot.arms) == 2 else arm_name(one.arm),
                "customers": text("pilots.alike.customers", "{with} / {without}",
                                  **{"with": count(one.treated), "without": count(one.others)}),
                **interval_cells("plain", one.metric, found.plain if found.plain_passes else None),
                **interval_cells("weighted", one.metric, found.weighted if found.weighted_passes else None),
                **range_cells("earlier", one.metric, found.weighted_before or found.plain_before),
                "uneven": named("–") if math.isnan(after) else number(after, 2),
                "hidden": named("–") if math.isnan(found.hidden) else number(found.hidden, 2),
                "words": VERDICTS[one.verdict],
            })  # fmt: skip
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("customers", text("pilots.alike.head.customers", "With / without the measure"), "number"),
            Column("plain", text("pilots.evidence.plain", "Beside all others"), "number", low="plain_low", high="plain_high"),
            Column("weighted", text("pilots.evidence.weighted", "Beside like customers"), "number", low="weighted_low",
                   high="weighted_high"),
            Column("earlier", text("pilots.evidence.before", "The same on earlier dates (range)"), "number",
                   low="earlier_low", high="earlier_high"),
            Column("uneven", text("pilots.evidence.imbalance", "Imbalance"), "number"),
            Column("hidden", text("pilots.evidence.hidden", "E-value"), "number"),
            Column("words", text("pilots.head.reading", "Reading")),
        )  # fmt: skip
        first = self.found[0]
        title = text("pilots.alike.title", "{pilot}, customers chosen by the client: {verdict}",
                     pilot=named(first.pilot.name), verdict=VERDICTS[first.verdict])  # fmt: skip
        note = text(
            "pilots.alike.note",
            "{metric}: change of a customer with the measure less that of others, against up to {stretches} equal stretches "
            "before. Like customers: the others, weighted to have had the same metric before, the same stratum and what the "
            "card names as known before. {level} intervals, widened by a bias as large as the largest found on up to "
            "{placebos} earlier dates, on which there was nothing to find. Not shown: beside all others where both "
            "moved apart before; beside "
            "like customers where an imbalance of {even} stays or they differed on an earlier date. E-value: strength a hidden "
            "factor would need.",
            metric=named(first.metric.name),
            stretches=count(STRETCHES),
            level=share(self.settings.analysis.confidence),
            placebos=count(PLACEBOS),
            even=number(LARGEST_IMBALANCE, 1),
        )
        return Table("pilots.alike", title, columns, pd.DataFrame(rows, dtype=object), note)

    def blocks(self) -> tuple[Block, ...]:
        """Table and limits; nothing where no pilot has chosen customers."""
        if not self.found:
            return ()
        words = text(
            "pilots.alike.limits",
            "The client chose these customers. The comparison beside all others assumes that both would have moved alike, the "
            "one beside like customers that nothing else decided who was chosen. Both passed and agreeing is moderate "
            "evidence, one alone weak; more cannot be had without a draw.",
        )
        return (self.table(), Paragraph("pilots.alike.limits", words, "limits"))


def weigh_customers(tables: Tables, settings: Settings) -> ChosenCustomers:
    """Compare the chosen customers of every pilot that nobody drew with the others, on its primary metric, and grade it.

    The metric before the measure is read as :func:`~workbook.pilots.chosen_clusters.weigh_clusters` reads it.
    """
    found: list[Chosen] = []
    for pilot in newest_first(settings):
        if pilot.randomised or pilot.unit == "cluster" or pilot.metrics[0].kind not in ("mean", "proportion"):
            continue
        if pilot.starts > tables.period.end:
            continue
        units = read_units(tables, pilot)
        units = units[~in_two_arms(units) & units["arm"].isin([*pilot.arms])].set_index("unit_id", drop=False)
        if units.empty:
            continue
        units = _some(units, pilot, settings)
        panel = _whole(read_panel(tables, pilot, units, by="unit_id"))
        known = _known(tables, pilot, units)
        control, *arms = pilot.arms
        confidence = 1 - (1 - settings.analysis.confidence) / len(arms)  # arms beside one control share the error
        for arm in arms:
            kept = panel.index[units["arm"].reindex(panel.index).isin([control, arm])]
            treated = (units["arm"].reindex(kept) == arm).to_numpy()
            values, more = panel.loc[kept].to_numpy(dtype=float), known.loc[kept].to_numpy(dtype=float)

            def covariates(at: int, values: Values = values, more: Values = more) -> Values:
                return np.column_stack([values[:, at + 1 : at + 1 + STRETCHES], more])

            graded = grade(values, covariates, treated, confidence)
            found.append(Chosen(pilot, pilot.metrics[0], arm, int(treated.sum()), int((~treated).sum()), graded))
    return ChosenCustomers(tuple(found), settings)


def _some(units: pd.DataFrame, pilot: Pilot, settings: Settings) -> pd.DataFrame:
    """At most :data:`MOST` units of each arm."""
    if len(units) <= MOST:
        return units
    rng = generator(settings.seed, pilot.id, "chosen")
    parts = [part if len(part) <= MOST else part.iloc[np.sort(rng.permutation(len(part))[:MOST])]
             for _, part in units.sort_index().groupby("arm", sort=True)]  # fmt: skip
    return pd.concat(parts)


def _whole(panel: pd.DataFrame) -> pd.DataFrame:
    """The customers known in every stretch, back to the oldest of which enough are known."""
    stretches = [column for column in map(int, panel.columns) if column > 0]
    kept = [0, *stretches[:1]]
    if 0 not in panel.columns:
        return panel.iloc[:0]
    latest = int(panel[kept].notna().all(axis=1).sum())
    for column in stretches[1:]:
        if panel[[*kept, column]].notna().all(axis=1).sum() < WHOLE * latest:
            break
        kept.append(column)
    return panel[kept].dropna()


def _known(tables: Tables, pilot: Pilot, units: pd.DataFrame) -> pd.DataFrame:
    """What was known of each unit before: its stratum, and the covariates of the card with a mark where one is missing."""
    columns: dict[str, pd.Series] = {}
    for stratum in sorted(units["stratum"].dropna().unique())[1:]:
        columns[f"stratum_{stratum}"] = (units["stratum"] == stratum).astype(float)
    if pilot.metrics[0].covariates:
        values = read_values(tables, pilot, pilot.metrics[0]).set_index("unit_id").reindex(units.index)
        for name in [column for column in values.columns if column.startswith("known_")]:
            columns[name] = values[name].fillna(values[name].mean())
            columns[f"{name}_missing"] = values[name].isna().astype(float)
    return pd.DataFrame(columns, index=units.index)
