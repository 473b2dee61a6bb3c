"""Gates before any effect: a pilot whose data fail one has no effect to show (row P2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from workbook.language import Text, count, day, joined, named, number, share, text
from workbook.pilots import draw_gates, gates
from workbook.pilots.card import Cards, fix_cards
from workbook.pilots.drawn import Drawn, count_drawn
from workbook.pilots.gates import LARGEST_FAULTY, SMALLEST_P, Check
from workbook.pilots.looks import last_day
from workbook.pilots.samples import read_samples
from workbook.pilots.units import newest_first, read_summaries
from workbook.pilots.unmeasured import without_card
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Pilot, Settings
from workbook.tables import Tables


@dataclass(frozen=True)
class Checks:
    """The checks of all pilots.

    Attributes:
        checks: in the order of the settings.
        doubts: pilot → what keeps its result from being called sound, though no gate is red.
        unchecked: pilot → what the data did not allow to check.
        names: pilot → its name.
        uncarded: what was delivered and no card names; None where there is none.
    """

    checks: tuple[Check, ...]
    doubts: Mapping[str, tuple[Text, ...]]
    unchecked: Mapping[str, tuple[Text, ...]]
    names: Mapping[str, Text]
    uncarded: Paragraph | None = None

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
                why=text("pilots.nothing", "Nothing was delivered of a randomised pilot that the settings name.")
                if self.names
                else text("pilots.no_pilot", "The settings name no randomised pilot; add one under pilots."),
            )
        passed, failed = text("pilots.passed", "passed"), text("pilots.failed", "not passed")
        rows: list[dict[str, object]] = [
            {
                "pilot": self.names[c.pilot],
                "check": c.name,
                "found": c.words,
                "p": named("–") if c.p is None else named("<0.001") if c.p < 0.0005 else c.p,
                "status": passed if c.passed else failed,
            }
            for c in sorted(self.checks, key=lambda check: check.passed)
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
            "A check that is a test is not passed where p is below {p}; units in two arms, exposed too early, drawn or "
            "measured outside the pilot or measured twice may be at most {faulty}. An effect behind a check that is not passed "
            "is not shown.",
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
        return (self.table(), *words, *((self.uncarded,) if self.uncarded is not None else ()))


def check_pilots(tables: Tables, settings: Settings, cards: Cards | None = None) -> Checks:
    """Check every randomised pilot of the settings for which units or summaries were delivered.

    Args:
        cards: of :func:`workbook.pilots.card.fix_cards`; without them no card counts as fixed before.
    """
    fixed = cards or fix_cards(settings, tables.period)
    checks: list[Check] = []
    doubts: dict[str, tuple[Text, ...]] = {}
    unchecked: dict[str, tuple[Text, ...]] = {}
    for pilot in newest_first(settings):
        if not pilot.randomised:
            continue
        drawn = count_drawn(tables, pilot)
        summaries = read_summaries(tables, pilot)
        if drawn is not None:
            found, doubts[pilot.id], unchecked[pilot.id] = _check(tables, pilot, drawn)
        elif len(summaries):
            found, doubts[pilot.id], unchecked[pilot.id] = _check_summaries(tables, pilot, summaries)
        else:
            continue
        checks.append(gates.card(pilot, fixed.differences.get(pilot.id, ()), fixed.fixed.get(pilot.id)))
        checks += found
    names = {pilot.id: named(pilot.name) for pilot in settings.pilots}
    return Checks(tuple(checks), doubts, unchecked, names, without_card(tables, settings))


def _check(tables: Tables, pilot: Pilot, drawn: Drawn) -> tuple[list[Check], tuple[Text, ...], tuple[Text, ...]]:
    """The checks of one pilot, the doubts they leave, and what could not be checked."""
    ratio = gates.sample_ratio(pilot, drawn.arms)
    found: list[Check | None] = [gates.assigned(pilot, drawn.arms), ratio]
    if pilot.unit == "customer":
        found.append(gates.arrivals(pilot, drawn.by_day))
    else:
        found.append(gates.clusters(pilot, drawn))
    found += [draw_gates.whole_clusters(pilot, drawn), draw_gates.strata(pilot, drawn.strata)]
    found += [gates.two_arms(pilot, drawn), gates.dates(tables, pilot), gates.duplicates(tables, pilot)]
    doubts: list[Text] = []
    unchecked: list[Text] = []
    doubts += [
        text(
            "pilots.doubt.changed", "the measure was changed on {day}, so the effect is that of both forms", day=day(change.on)
        )
        for change in pilot.changes
        if pilot.starts < change.on <= min(last_day(pilot), tables.period.end)
    ]
    if (sizes := draw_gates.uneven(pilot, ratio)) is not None:
        doubts.append(sizes)
    if drawn.dated:
        found.append(gates.exposure(pilot, drawn))
    else:
        unchecked.append(text("pilots.doubt.exposure", "when units were exposed was not delivered"))
    samples = read_samples(tables, pilot)
    primary = samples[pilot.metrics[0].id]
    if (days := draw_gates.day_by_day(pilot, primary)) is not None:
        doubts.append(days)
    if (shared := draw_gates.shared_clusters(pilot, drawn)) is not None:
        unchecked.append(shared)
    found.append(draw_gates.amounts(tables, pilot, pilot.metrics[0]))
    found.append(draw_gates.scale(pilot, pilot.metrics[0], primary))
    found += [draw_gates.possible(pilot, metric, samples[metric.id]) for metric in pilot.metrics]
    ended = last_day(pilot) <= tables.period.end
    found += [gates.missing(pilot, metric, samples[metric.id], doubts, ended=ended) for metric in pilot.metrics]
    balance = gates.balance(tables, pilot, primary)
    if balance is None:
        unchecked.append(text("pilots.doubt.balance", "nothing from before the pilot was delivered to check its balance"))
    found += [balance, gates.before(pilot, samples)]
    return [check for check in found if check is not None], tuple(doubts), tuple(unchecked)


def _check_summaries(
    tables: Tables, pilot: Pilot, summaries: pd.DataFrame
) -> tuple[list[Check], tuple[Text, ...], tuple[Text, ...]]:
    """What can be checked where only summaries were delivered: arms and their sizes, at every look."""
    sizes = summaries.groupby(["looked_at", "arm"], sort=True)["n"].max().unstack("arm").ffill().fillna(0)  # noqa: PD010
    now = sizes.iloc[-1]
    found = [gates.assigned(pilot, now[now > 0]), gates.summaries(tables, pilot), gates.sample_ratio(pilot, now)]
    arrivals = gates.arrivals(pilot, sizes.diff().fillna(sizes.iloc[:1]).clip(lower=0))
    unchecked = (text("pilots.doubt.summaries", "only summaries were delivered, so units cannot be checked one by one"),)
    return [*found, *([arrivals] if arrivals is not None else [])], (), unchecked
