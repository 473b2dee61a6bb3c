"""Gates before any effect: what must hold of a pilot's data before its result may be looked at (row P2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Text, count, day, joined, named, number, points, share, text
from workbook.pilots.comparison import Values, compare_means, standardised_difference
from workbook.pilots.units import in_two_arms, money_before, newest_first, read_units, read_values
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

SMALLEST_P = 0.001
"""A gate is red below this: a sound pilot meets it once in a thousand (Fabijan et al. 2019, KDD, on sample ratios)."""
LARGEST_FAULTY = 0.01
"""Share of units in two arms, or exposed before they were assigned, above which a gate is red."""
MANY_MISSING = 0.05
"""Share of missing outcomes above which a result is no longer called sound."""

CHECKS: Mapping[str, Text] = {
    "assigned": text("pilots.check.assigned", "Units assigned to every arm"),
    "ended": text("pilots.check.ended", "Pilot has ended"),
    "sample_ratio": text("pilots.check.sample_ratio", "Sample ratio"),
    "two_arms": text("pilots.check.two_arms", "Units in two arms"),
    "exposure": text("pilots.check.exposure", "Exposed before assigned"),
    "missing": text("pilots.check.missing", "Missing outcomes by arm"),
    "balance": text("pilots.check.balance", "Balance before the pilot"),
}


@dataclass(frozen=True)
class Check:
    """One check of one pilot.

    Attributes:
        check: a name in :data:`CHECKS`; ``missing.<metric>`` for the outcomes of a metric.
        statistic: chi-square, share or standardised difference, as the check has it.
        p: probability of so much by chance, where the check is a test.
        passed: False shuts the gate.
        words: what was found.
    """

    pilot: str
    check: str
    statistic: float | None
    p: float | None
    passed: bool
    words: Text

    @property
    def name(self) -> Text:
        """What readers call the check."""
        return CHECKS[self.check.partition(".")[0]]


@dataclass(frozen=True)
class Checks:
    """The checks of all pilots.

    Attributes:
        checks: in the order of the settings.
        doubts: pilot → what keeps its result from being called sound, though no gate is red.
        unchecked: pilot → what the data did not allow to check.
        names: pilot → its name.
    """

    checks: tuple[Check, ...]
    doubts: Mapping[str, tuple[Text, ...]]
    unchecked: Mapping[str, tuple[Text, ...]]
    names: Mapping[str, Text]

    @property
    def frame(self) -> pd.DataFrame:
        """Columns pilot, check, statistic, p, passed."""
        rows = [(c.pilot, c.check, c.statistic, c.p, c.passed) for c in self.checks]
        frame = pd.DataFrame(rows, columns=["pilot", "check", "statistic", "p", "passed"])
        return frame.astype({"pilot": "str", "check": "str", "statistic": float, "p": float, "passed": bool})

    def failed(self, pilot: str) -> tuple[Check, ...]:
        """The red gates of *pilot*."""
        return tuple(c for c in self.checks if c.pilot == pilot and not c.passed)

    def table(self) -> Table | NotMeasured:
        """Every check with what was found and whether it was passed."""
        if not self.checks:
            return NotMeasured(
                "pilots.checks",
                text("pilots.checks.none", "No pilot could be checked"),
                why=text("pilots.no_pilot", "The settings name no randomised pilot; add one under pilots."),
            )
        passed, failed = text("pilots.passed", "passed"), text("pilots.failed", "not passed")
        rows: list[dict[str, object]] = [
            {
                "pilot": self.names[c.pilot],
                "check": c.name,
                "found": c.words,
                "p": named("–") if c.p is None else c.p,
                "status": passed if c.passed else failed,
            }
            for c in self.checks
        ]
        red = [c for c in self.checks if not c.passed]
        if red:
            title = text(
                "pilots.checks.title_red",
                "{n} of {all} checks not passed; first: {check}",
                n=count(len(red)),
                all=count(len(self.checks)),
                check=red[0].name,
            )
        else:
            title = text("pilots.checks.title", "All {n} checks of the pilot data are passed", n=count(len(self.checks)))
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("check", text("pilots.head.check", "Check")),
            Column("found", text("pilots.head.found", "Found")),
            Column("p", text("pilots.head.p", "p"), "number", digits=3),
            Column("status", text("pilots.head.status", "Status")),
        )
        note = text(
            "pilots.checks.note",
            "A check that is a test is not passed where p is below {p}; units in two arms or exposed too early may be at most "
            "{faulty}. An effect behind a check that is not passed is not shown.",
            p=number(SMALLEST_P, 3),
            faulty=share(LARGEST_FAULTY, 0),
        )
        return Table("pilots.checks", title, columns, pd.DataFrame(rows, dtype=object), note, artefact="pilot_checks")

    def blocks(self) -> tuple[Block, ...]:
        """The table, and a word on doubts and on what could not be checked."""
        words = [
            Paragraph(
                f"pilots.doubts.{pilot}",
                text("pilots.doubts", "{pilot}: {doubts}.", pilot=self.names[pilot], doubts=joined([*found])),
                "limits",
            )
            for pilot in self.doubts
            if (found := self.doubts[pilot] + self.unchecked.get(pilot, ()))
        ]
        return (self.table(), *words)


def check_pilots(tables: Tables, settings: Settings) -> Checks:
    """Check every randomised pilot of the settings for which units were delivered."""
    checks: list[Check] = []
    doubts: dict[str, tuple[Text, ...]] = {}
    unchecked: dict[str, tuple[Text, ...]] = {}
    for pilot in newest_first(settings):
        units = read_units(tables, pilot)
        if pilot.randomised and len(units):
            found, doubts[pilot.id], unchecked[pilot.id] = _check(tables, pilot, units)
            checks += found
    return Checks(tuple(checks), doubts, unchecked, {pilot.id: named(pilot.name) for pilot in settings.pilots})


def _check(tables: Tables, pilot: Pilot, units: pd.DataFrame) -> tuple[list[Check], tuple[Text, ...], tuple[Text, ...]]:
    """The checks of one pilot, the doubts they leave, and what could not be checked."""
    kept = units[~in_two_arms(units)]
    checks = [_assigned(pilot, units), _ended(tables, pilot), _sample_ratio(pilot, units), _two_arms(pilot, units)]
    doubts: list[Text] = []
    unchecked: list[Text] = []
    if kept["exposed_at"].notna().any() and kept["assigned_at"].notna().any():
        checks.append(_exposure(pilot, kept))
    else:
        unchecked.append(text("pilots.doubt.exposure", "when units were exposed was not delivered"))
    checks += [check for metric in pilot.metrics if (check := _missing(tables, pilot, metric, kept, doubts))]
    balance = _balance(tables, pilot, kept)
    if balance is not None:
        checks.append(balance)
    else:
        unchecked.append(text("pilots.doubt.balance", "nothing from before the pilot was delivered to check its balance"))
    return checks, tuple(doubts), tuple(unchecked)


def _assigned(pilot: Pilot, units: pd.DataFrame) -> Check:
    arms = units.groupby("arm")["unit_id"].nunique()
    strange = sorted(set(arms.index) - set(pilot.arms))
    empty = [arm for arm in pilot.arms if arm not in arms.index]
    if strange:
        words = text("pilots.found.strange", "arms that the settings do not name: {arms}", arms=", ".join(strange))
    elif empty:
        words = text("pilots.found.empty", "no unit in: {arms}", arms=", ".join(empty))
    else:
        words = text("pilots.found.assigned", "{n} units in {arms} arms", n=count(int(arms.sum())), arms=count(len(arms)))
    return Check(pilot.id, "assigned", float(arms.sum()), None, not strange and not empty, words)


def _ended(tables: Tables, pilot: Pilot) -> Check:
    words = text("pilots.found.ends", "planned end: {ends}", ends=day(pilot.ends))
    return Check(pilot.id, "ended", None, None, pilot.ends <= tables.period.end, words)


def _sample_ratio(pilot: Pilot, units: pd.DataFrame) -> Check:
    """Pearson's chi-square of the units in each arm against the shares that the pilot fixed."""
    seen = units.groupby("arm")["unit_id"].nunique().reindex(list(pilot.arms), fill_value=0).to_numpy(float)
    shares = np.array(list(pilot.arms.values()))
    expected = seen.sum() * shares / shares.sum()
    if seen.sum() == 0 or len(seen) < 2:
        words = text("pilots.found.one_arm", "fewer than two arms")
        return Check(pilot.id, "sample_ratio", None, None, False, words)
    statistic = float(((seen - expected) ** 2 / expected).sum())
    p = float(stats.chi2.sf(statistic, len(seen) - 1))
    words = text("pilots.found.ratio", "{counts} units", counts=" / ".join(f"{int(n):,}" for n in seen))
    return Check(pilot.id, "sample_ratio", statistic, p, p >= SMALLEST_P, words)


def _two_arms(pilot: Pilot, units: pd.DataFrame) -> Check:
    doubled = int(units.loc[in_two_arms(units), "unit_id"].nunique())
    faulty = doubled / units["unit_id"].nunique()
    words = text("pilots.found.doubled", "{n} units, left out of the effect", n=count(doubled))
    return Check(pilot.id, "two_arms", faulty, None, faulty <= LARGEST_FAULTY, words)


def _exposure(pilot: Pilot, units: pd.DataFrame) -> Check:
    early = int((units["exposed_at"] < units["assigned_at"]).sum())
    faulty = early / len(units)
    words = text("pilots.found.early", "{n} units", n=count(early))
    return Check(pilot.id, "exposure", faulty, None, faulty <= LARGEST_FAULTY, words)


def _missing(tables: Tables, pilot: Pilot, metric: Metric, units: pd.DataFrame, doubts: list[Text]) -> Check | None:
    """Whether missing outcomes differ by arm; None where the metric has no outcome at all (it is not measured then)."""
    values = units.merge(read_values(tables, pilot, metric), on="unit_id", how="left")
    gone = values["value"].isna()
    if values.empty or gone.all():
        return None
    by_arm = gone.groupby(values["arm"]).agg(["sum", "count"]).reindex([a for a in pilot.arms if (values["arm"] == a).any()])
    rates = by_arm["sum"] / by_arm["count"]
    if gone.mean() > MANY_MISSING:
        doubts.append(
            text(
                "pilots.doubt.missing",
                "{part} of the outcomes of {metric} are missing",
                part=share(float(gone.mean())),
                metric=named(metric.name),
            )
        )
    p = 1.0
    if gone.any() and len(by_arm) > 1:
        table = np.array([by_arm["sum"], by_arm["count"] - by_arm["sum"]])
        p = float(stats.chi2_contingency(table, correction=False).pvalue)
    words = text(
        "pilots.found.missing",
        "{metric}: {n} missing, {apart} between arms",
        metric=named(metric.name),
        n=count(int(gone.sum())),
        apart=points(float(rates.max() - rates.min())),
    )
    return Check(pilot.id, f"missing.{metric.id}", float(rates.max() - rates.min()), p, p >= SMALLEST_P, words)


def _balance(tables: Tables, pilot: Pilot, units: pd.DataFrame) -> Check | None:
    """The primary metric before the pilot (or, where it was not delivered, the year's revenue before it) between the arms."""
    before = read_values(tables, pilot, pilot.metrics[0])[["unit_id", "pre_value"]].rename(columns={"pre_value": "value"})
    if before["value"].notna().sum() == 0:
        if tables.lacks("orders.customer_id", "orders.amount", "assignments.customer_id"):
            return None
        before = money_before(tables, pilot)
        if not (before["value"] != 0).any():
            return None
    values = units.merge(before.dropna(), on="unit_id")
    groups: dict[str, Values] = {arm: values.loc[values["arm"] == arm, "value"].to_numpy(float) for arm in pilot.arms}
    control, *others = groups.values()
    sizes = [abs(d) for other in others if (d := standardised_difference(control, other)) is not None]
    tests = [t.p for other in others if (t := compare_means(control, other)) is not None and t.p is not None]
    if not sizes or not tests:
        return None
    p = min(1.0, min(tests) * len(others))
    words = text("pilots.found.balance", "largest standardised difference {size}", size=number(max(sizes), 3))
    return Check(pilot.id, "balance", max(sizes), p, p >= SMALLEST_P, words)
