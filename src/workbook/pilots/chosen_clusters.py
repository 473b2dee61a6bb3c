"""Clusters that the client chose to have a measure: what two comparisons bear, graded as those of campaigns are (row P5)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.language import Quantity, Text, count, named, number, share, text
from workbook.pilots.effect import amount_of_difference
from workbook.pilots.estimates import generator
from workbook.pilots.few_clusters import Permuted, clusters_in_differences, on_earlier_dates
from workbook.pilots.graded import STRETCHES, nearest, reading, widened
from workbook.pilots.history import read_history
from workbook.pilots.looks import last_day
from workbook.pilots.not_randomised import Compared, hidden_factor
from workbook.pilots.outcomes import read_values
from workbook.pilots.synthetic_control import FEWEST_STRETCHES, WORST_FIT, Synthetic, synthetic_control
from workbook.pilots.units import arm_name, in_two_arms, newest_first, read_units
from workbook.report.blocks import Block, Column, Paragraph, Table
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

MOST_STRETCHES = 12
"""Stretches before the measure that are looked at, each as long as the measure."""

Floats = NDArray[np.float64]

VERDICTS: Mapping[str, Text] = {
    "higher_moderate": text("pilots.chosen.higher_moderate", "higher; moderate evidence"),
    "higher_weak": text("pilots.chosen.higher_weak", "higher; weak evidence"),
    "lower_moderate": text("pilots.chosen.lower_moderate", "lower; moderate evidence"),
    "lower_weak": text("pilots.chosen.lower_weak", "lower; weak evidence"),
    "unclear_moderate": text("pilots.chosen.unclear_moderate", "no clear difference"),
    "unclear_weak": text("pilots.chosen.unclear_weak", "no clear difference; weak evidence"),
    "few": text("pilots.chosen.few", "undecided (too few clusters)"),
    "short": text("pilots.chosen.short", "undecided (too little history)"),
    "differ": text("pilots.chosen.differ", "undecided (they differed before)"),
}
"""How the clusters with the measure moved beside the others, or why nothing can be said."""


@dataclass(frozen=True)
class Chosen:
    """One arm of a pilot whose clusters the client chose.

    Attributes:
        treated, others: clusters with and without the measure.
        stretches: before it, each as long as the measure.
        plain: difference in differences of the clusters; its interval holds what earlier dates showed too. None where it cannot
            be had.
        earlier: the same effect on every earlier date, the latest first, and its p.
        mixture: beside a synthetic control; ``placebo`` the same one stretch before.
        plain_passes, mixture_passes: whether each shows nothing on earlier dates, and the mixture went as the treated did.
        verdict: a key of :data:`VERDICTS`.
    """

    pilot: Pilot
    metric: Metric
    arm: str
    treated: int
    others: int
    stretches: int
    plain: Permuted | None
    earlier: tuple[tuple[float, float], ...]
    mixture: Synthetic | None
    placebo: Synthetic | None
    plain_passes: bool
    mixture_passes: bool
    verdict: str

    @property
    def hidden(self) -> float | None:
        """E-value of the end of the first interval nearest to zero; None where that comparison is not shown."""
        return hidden_factor(nearest(self.plain.estimate), self.plain.typical) if self.plain and self.plain_passes else None


@dataclass(frozen=True)
class ChosenClusters:
    """Every arm of every pilot whose clusters were chosen, not drawn; ``settings`` are the parameters."""

    found: tuple[Chosen, ...]
    settings: Settings

    @property
    def frame(self) -> pd.DataFrame:
        """Columns pilot, arm, treated, others, stretches, effect, low, high, p, mixture, mixture_p, fit, verdict."""
        rows = [
            (c.pilot.id, c.arm, c.treated, c.others, c.stretches, *_of_plain(c.plain), *_of_mixture(c.mixture), c.verdict)
            for c in self.found
        ]
        names = ["pilot", "arm", "treated", "others", "stretches", "effect", "low", "high", "p", "mixture", "mixture_p", "fit"]
        return pd.DataFrame(rows, columns=[*names, "verdict"])

    def table(self) -> Table:
        """A row an arm: both comparisons, the first of them one stretch earlier too, and the reading."""
        rows: list[dict[str, object]] = [
            {
                "pilot": named(c.pilot.name) if len(c.pilot.arms) == 2 else arm_name(c.arm),
                "clusters": text("pilots.chosen.clusters", "{with} / {without}",
                                 **{"with": count(c.treated), "without": count(c.others)}),
                **interval_cells("plain", c.metric, c.plain if c.plain_passes else None),
                **range_cells("earlier", c.metric, [effect for effect, _ in c.earlier]),
                "mixture": _mixture(c),
                "hidden": named("–") if c.hidden is None else number(c.hidden, 2),
                "words": VERDICTS[c.verdict],
            }
            for c in self.found
        ]  # fmt: skip
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("clusters", text("pilots.chosen.head.clusters", "Clusters with / without"), "number"),
            Column("plain", text("pilots.chosen.head.plain", "Beside other clusters"), "number", low="plain_low",
                   high="plain_high"),
            Column("earlier", text("pilots.chosen.head.earlier", "The same on earlier dates (range)"), "number",
                   low="earlier_low", high="earlier_high"),
            Column("mixture", text("pilots.chosen.head.mixture", "Beside a like mixture (p)"), "number"),
            Column("hidden", text("pilots.evidence.hidden", "E-value"), "number"),
            Column("words", text("pilots.head.reading", "Reading")),
        )  # fmt: skip
        first = self.found[0]
        title = text("pilots.chosen.title", "{pilot}, clusters chosen by the client: {verdict}",
                     pilot=named(first.pilot.name), verdict=VERDICTS[first.verdict])  # fmt: skip
        note = text(
            "pilots.chosen.note",
            "{metric}: change of the clusters with the measure less that of the others, a cluster counting once; {level} "
            "intervals hold what a permutation of the clusters does not reject, and a bias as large as the largest found on up "
            "to {most} earlier dates, on which there was nothing to find. Mixture: weighted others that went the same way over "
            "up to {most} equal stretches before (synthetic control), p among placebos; none below {fewest} stretches, with "
            "too few clusters for such a p, or where its error before is over {worst} times that of placebos. What differed on "
            "earlier dates is not shown. E-value: strength a hidden factor would need to explain the first comparison.",
            metric=named(first.metric.name),
            level=share(self.settings.analysis.confidence),
            worst=number(WORST_FIT, 0),
            fewest=count(FEWEST_STRETCHES),
            most=count(MOST_STRETCHES),
        )
        return Table("pilots.chosen", title, columns, pd.DataFrame(rows, dtype=object), note)

    def blocks(self) -> tuple[Block, ...]:
        """Table and limits; nothing where no pilot has chosen clusters."""
        if not self.found:
            return ()
        words = text(
            "pilots.chosen.limits",
            "The client chose these clusters. The comparison beside all others assumes that both would have moved alike, the "
            "one beside a mixture that what went alike before goes on alike. Each must show nothing on earlier dates. Both "
            "passed and agreeing is moderate evidence, one alone weak; more cannot be had without a draw.",
        )
        return (self.table(), Paragraph("pilots.chosen.limits", words, "limits"))


def weigh_clusters(tables: Tables, settings: Settings) -> ChosenClusters:
    """Compare the chosen clusters of every pilot that nobody drew with the others, on its primary metric, and grade what that
    bears.

    A metric given as an expression is worked out for stretches before the pilot too, and so are outcomes that were delivered
    with the days of measurement before it; of others only the value before the pilot is known, which is one stretch.
    """
    found: list[Chosen] = []
    for pilot in newest_first(settings):
        if pilot.randomised or pilot.unit != "cluster" or pilot.metrics[0].kind not in ("mean", "proportion"):
            continue
        if pilot.starts > tables.period.end:
            continue
        units = read_units(tables, pilot)
        units = units[~in_two_arms(units) & units["cluster"].notna()]
        arms_of = units.groupby("cluster", sort=True)["arm"].agg(["first", "nunique"])
        arm_of = arms_of["first"][arms_of["nunique"] == 1]
        if arm_of.empty:
            continue
        panel = read_panel(tables, pilot, units, by="cluster").reindex(arm_of.index)
        control, *arms = pilot.arms
        for arm in arms:
            kept = panel[(arm_of.isin([control, arm])) & panel.notna().all(axis=1)]
            found.append(_judge(pilot, arm, kept, (arm_of.reindex(kept.index) == arm).to_numpy(), settings))
    return ChosenClusters(tuple(found), settings)


def read_panel(tables: Tables, pilot: Pilot, units: pd.DataFrame, by: Literal["cluster", "unit_id"]) -> pd.DataFrame:
    """The primary metric of each cluster (its mean) or unit: rows of these, columns 0 (during) and 1, 2 … (stretches before).

    Args:
        units: unit_id, and cluster where the rows are these.
    """
    metric = pilot.metrics[0]
    of = units.reset_index(drop=True)[["unit_id"] if by == "unit_id" else ["unit_id", "cluster"]]
    if metric.source == "outcomes":
        history = read_history(tables, pilot, metric.id, MOST_STRETCHES)
        if len(history):
            panel = of.merge(history, on="unit_id").groupby([by, "back"], sort=True)["value"].mean()
            return panel.unstack("back") * metric.scale  # noqa: PD010
        values = of.merge(read_values(tables, pilot, metric), on="unit_id", how="left")
        means = values.groupby(by, sort=True)[["value", "pre_value"]].mean()
        means.columns = pd.Index([0, 1])
        return means.dropna(axis=1, how="all")
    end = min(last_day(pilot), tables.period.end)
    days = (end - pilot.starts).days + 1
    since = tables.first_order.date() if tables.first_order is not None else pilot.starts
    earlier = min(MOST_STRETCHES, max(0, (pilot.starts - since).days // days))
    columns: dict[int, pd.Series] = {}
    for back in range(earlier + 1):
        moved = dt.timedelta(days=days * back)
        shifted = pilot.model_copy(update={"starts": pilot.starts - moved, "ends": end - moved, "extended_to": None})
        values = of.merge(read_values(tables, shifted, metric)[["unit_id", "value"]], on="unit_id", how="left")
        columns[back] = values.groupby(by, sort=True)["value"].mean()
    return pd.DataFrame(columns)


def _judge(pilot: Pilot, arm: str, panel: pd.DataFrame, treated: NDArray[np.bool_], settings: Settings) -> Chosen:
    """One row of the evidence: both comparisons, each held to its own test one stretch earlier, and what they bear."""
    table = panel.to_numpy(dtype=float)
    stretches = max(table.shape[1] - 1, 0)
    confidence = 1 - (1 - settings.analysis.confidence) / (len(pilot.arms) - 1)  # arms beside one control share the error
    n1, n0 = int(treated.sum()), int((~treated).sum())
    plain = None
    earlier: list[tuple[float, float]] = []
    mixture = placebo = None
    if stretches >= 1 and n1 and n0:
        rng = generator(settings.seed, pilot.id, arm, "clusters")
        plain = clusters_in_differences(table[:, 0], table[:, 1 : STRETCHES + 1], treated, confidence, rng)
        earlier = on_earlier_dates(table, treated, MOST_STRETCHES, STRETCHES, rng)
        if plain is not None:
            plain = replace(plain, estimate=widened(plain.estimate, [effect for effect, _ in earlier]))
        series = table[:, ::-1]
        ours, others = series[treated].mean(axis=0), series[~treated]
        mixture = synthetic_control(ours, others, stretches, confidence)
        placebo = synthetic_control(ours[:-1], others[:, :-1], stretches - 1, confidence)
    # the earlier dates share the error
    plain_passes = plain is not None and bool(earlier) and min(p for _, p in earlier) > (1 - confidence) / len(earlier)
    mixture_passes = mixture is not None and mixture.fits and (placebo is None or placebo.p > 1 - confidence)
    readings = []
    if plain_passes and plain is not None:
        readings.append({"more": "higher", "less": "lower", "unclear": "unclear"}[reading(plain.estimate)])
    if mixture_passes and mixture is not None:
        clear = mixture.p <= 1 - confidence
        readings.append(("higher" if mixture.effect > 0 else "lower") if clear else "unclear")
    if readings:
        agree = len(set(readings)) == 1
        verdict = f"{readings[0] if agree else 'unclear'}_{'moderate' if agree and len(readings) == 2 else 'weak'}"
    elif plain is None and mixture is None:
        verdict = "short" if stretches < 1 else "few"
    else:
        verdict = "short" if stretches < 2 else "differ"
    passes = (plain_passes, mixture_passes)
    return Chosen(pilot, pilot.metrics[0], arm, n1, n0, stretches, plain, tuple(earlier), mixture, placebo, *passes, verdict)


def interval_cells(name: str, metric: Metric, found: Compared | None) -> dict[str, object]:
    """Value and ends of a comparison for a table; a dash where it could not be had."""
    if found is None:
        return {name: named("–"), f"{name}_low": None, f"{name}_high": None}
    e = found.estimate
    value, low, high = (amount_of_difference(metric, x) for x in (e.effect, e.low, e.high))
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def range_cells(name: str, metric: Metric, effects: Sequence[float]) -> dict[str, object]:
    """Mean, smallest and largest of the effects on earlier dates for a table; a dash without any."""
    if not effects:
        return {name: named("–"), f"{name}_low": None, f"{name}_high": None}
    values = (float(np.mean(effects)), min(effects), max(effects))
    mean, low, high = (amount_of_difference(metric, x) for x in values)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def _mixture(chosen: Chosen) -> Text | Quantity:
    if chosen.mixture is None or not chosen.mixture_passes:
        return named("–")
    return text(
        "pilots.chosen.mixture",
        "{effect} ({p})",
        effect=amount_of_difference(chosen.metric, chosen.mixture.effect),
        p=number(chosen.mixture.p, 3),
    )


def _of_plain(found: Permuted | None) -> tuple[float, ...]:
    if found is None:
        return (math.nan,) * 4
    return (found.estimate.effect, found.estimate.low, found.estimate.high, found.p)


def _of_mixture(found: Synthetic | None) -> tuple[float, ...]:
    return (math.nan,) * 3 if found is None else (found.effect, found.p, found.fit)
