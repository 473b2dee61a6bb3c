"""Two measures tried out at once, alone and together: what each does, and whether their effects add up (row P3)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, count, named, number, share, text
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.comparison import variance_of_mean
from workbook.pilots.effect import Effect
from workbook.pilots.estimates import known_before
from workbook.pilots.moments import Moments
from workbook.pilots.multiplicity import holm
from workbook.pilots.samples import VALUE, read_samples
from workbook.pilots.verdicts import judge, reading
from workbook.report.blocks import Column, Table
from workbook.settings.models import Pilot
from workbook.tables import Tables

Kind = Literal["main", "interaction"]


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of the means of arms with its interval, by Welch and Satterthwaite."""

    effect: float
    error: float
    low: float
    high: float
    p: float
    freedom: float


@dataclass(frozen=True)
class Factorial:
    """Both factors of one pilot on its primary metric.

    Attributes:
        effect: one of the arm's, for the metric, the look and the words.
        found: name of the factor, or of the interaction → its contrast; the interaction last.
        adjusted: p of each by Holm.
        units: units (clusters) with an outcome.
        confidence: of the card, in which all three intervals share.
    """

    effect: Effect
    found: Mapping[str, Contrast]
    adjusted: tuple[float | None, ...]
    units: int
    confidence: float

    def words(self, kind: Kind, one: Contrast) -> Text:
        """The reading of a main effect by the wording table, or of the interaction."""
        e = self.effect
        if kind == "main":
            verdict = judge(one.low, one.high, e.metric.margin, e.metric.better)
            return reading(verdict, e.amount(abs(one.effect)), e.metric.better, sound=e.sound)
        low, high = sorted((one.low, one.high) if e.metric.better == "higher" else (-one.low, -one.high))
        size = e.amount(abs(one.effect))
        if low > 0:
            return text("pilots.factors.more", "together better than both apart, by {size}", size=size)
        if high < 0:
            return text("pilots.factors.less", "together worse than both apart, by {size}", size=size)
        if low > -e.metric.margin and high < e.metric.margin:
            return text("pilots.factors.add", "their effects add up")
        return text("pilots.factors.unclear", "whether their effects add up is not clear")

    def table(self) -> Table:
        """Main effects and interaction with interval and reading."""
        e = self.effect
        rows: list[dict[str, object]] = []
        *factors, both = self.found
        for (name, one), p in zip(self.found.items(), self.adjusted, strict=True):
            kind: Kind = "interaction" if name == both else "main"
            rows.append(
                {
                    "what": text("pilots.factors.both", "Both together, against both apart") if name == both else named(name),
                    "effect": e.amount(one.effect),
                    "low": e.bare(one.low),
                    "high": e.bare(one.high),
                    "p": named("<0.001") if p is not None and p < 0.0005 else p,
                    "words": self.words(kind, one),
                }
            )
        title = text(
            "pilots.factors.title", "{first} and {second}: {words}",
            first=named(factors[0]), second=named(factors[1]), words=self.words("interaction", self.found[both]),
        )  # fmt: skip
        note = text(
            "pilots.factors.note",
            "{metric}, {n} units with an outcome. Of a factor: its difference, in the mean of those without and with the other "
            "one. Together: the difference of these two differences. The {level} intervals of all three hold together "
            "({limit} standard errors where samples are large); p by Holm. A factor's row speaks of it alone only as far as "
            "the effects add up, so what is decided is decided by arm.",
            metric=named(e.metric.name),
            n=count(self.units),
            level=share(self.confidence),
            limit=number(e.look.limit, 2),
        )
        columns = (
            Column("what", text("pilots.head.factor", "Factor")),
            Column("effect", text("pilots.head.effect", "Difference (interval)"), "number", low="low", high="high"),
            Column("p", text("pilots.head.p", "p"), "number", digits=3),
            Column("words", text("pilots.head.reading", "Reading")),
        )
        return Table(f"pilots.factors.{e.pilot.id}", title, columns, pd.DataFrame(rows, dtype=object), note)


def weigh_factors(tables: Tables, effects: Sequence[Effect], confidence: float) -> Factorial | None:
    """Main effects and interaction of a pilot whose card names factors, on its primary metric.

    The three intervals are as wide as those of the three arms: they share the error in the same way.

    Args:
        effects: of the pilot.
        confidence: of the card.

    Returns:
        None where its card names none, no effect may be shown, the metric is neither mean nor proportion, or an arm has too few
        units. Adjusted by what was known before where the card says so, with slopes common to the arms. Sources: Montgomery
        (2017), Design and Analysis of Experiments, 6.2; Lin (2013), Annals of Applied Statistics 7, 295-318.
    """
    shown = [e for e in effects if e.role == "primary" and e.shown]
    if not shown or not shown[0].pilot.factors or shown[0].metric.kind not in ("mean", "proportion"):
        return None
    pilot, metric, look = shown[0].pilot, shown[0].metric, shown[0].look
    sample = read_samples(tables, pilot, metric)[metric.id]
    clustered = pilot.unit == "cluster"
    counted = sample.clusters() if clustered else sample
    arms = crossed(pilot)
    variables = [VALUE, *(known_before(counted, arms) if metric.estimate == "adjusted" else ())]
    groups = [counted.moments(arm, *variables) for arm in arms]
    if min(group.n for group in groups) < (FEWEST_CLUSTERS if clustered else len(variables) + 1):
        return None
    first, second = pilot.factors
    half = 0.5
    weights = {first: (-half, half, -half, half), second: (-half, -half, half, half), "": (1.0, -1.0, -1.0, 1.0)}
    found = {name: contrast(groups, w, look.confidence) for name, w in weights.items()}
    told = {name: one for name, one in found.items() if one is not None}
    if len(told) < len(found):
        return None
    adjusted = tuple(holm([one.p for one in told.values()]))
    return Factorial(shown[0], told, adjusted, sum(group.n for group in groups), confidence)


def crossed(pilot: Pilot) -> tuple[str, str, str, str]:
    """The arms of a pilot with two factors: with neither, with the first, with the second, with both."""
    first, second = (set(arms) for arms in pilot.factors.values())
    neither, one, other, both = (
        next(arm for arm in pilot.arms if (arm in first, arm in second) == has)
        for has in ((False, False), (True, False), (False, True), (True, True))
    )
    return neither, one, other, both


def contrast(groups: Sequence[Moments], weights: Sequence[float], confidence: float) -> Contrast | None:
    """A weighted sum of the first variable's means, those of the others taken off by their common slopes.

    Returns:
        None where nothing varies.
    """
    k = len(groups[0].mean) - 1
    pooled = np.sum([group.scatter for group in groups], axis=0)
    slopes = np.linalg.lstsq(pooled[1:, 1:], pooled[1:, 0], rcond=1e-10)[0] if k else np.empty(0)
    along = np.concatenate([[1.0], -slopes])
    effect = float(sum(w * (along @ group.mean) for w, group in zip(weights, groups, strict=True)))
    lost = 1 + k / max(1, sum(group.n for group in groups) - len(groups) - k)
    parts = [lost * w * w * variance_of_mean(group, along) for w, group in zip(weights, groups, strict=True)]
    error = math.sqrt(sum(parts))
    if error <= 1e-12 * max(abs(float(group.mean[0])) for group in groups) or error == 0:
        return None
    freedom = 1 / sum((part / sum(parts)) ** 2 / (group.n - 1) for part, group in zip(parts, groups, strict=True))
    reach = float(stats.t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * stats.t.sf(abs(effect) / error, freedom))
    return Contrast(effect, error, effect - reach, effect + reach, p, freedom)
