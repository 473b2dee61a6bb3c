"""The quarterly review: KPIs against the period before and against their targets, problems opened and closed (row I1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Text, count, is_missing, joined, named, share, text
from workbook.report.blocks import Answer, Block, Column, Figure, NotMeasured, Table
from workbook.review.kpi import KPI_NAMES, Kpi, change_interval, comparable, kpis_of
from workbook.review.kpi_definitions import DEFINITIONS, kpi_change, kpi_value
from workbook.review.modules import MODULES
from workbook.review.strips import MOST_STRIPS, Strip, draw_strips

Movement = Literal["better", "worse", "unclear", "same", "first", "window"]

MOVEMENTS: Mapping[Movement, Text] = {
    "better": text("review.movement.better", "better"),
    "worse": text("review.movement.worse", "worse"),
    "unclear": text("review.movement.unclear", "no clear change"),
    "same": text("review.movement.same", "unchanged"),
    "first": text("review.movement.first", "first period"),
    "window": text("review.movement.window", "not comparable"),
}

STEADY = 0.01
"""A total that moved by no more than this share of itself counts as unchanged: it has no interval to tell."""

_FIRST = text("review.first_period", "There is no previous period to compare with.")


@dataclass(frozen=True)
class Movements:
    """One KPI: now, before, and what became of it. ``low`` and ``high`` are the interval of the change, where both periods have
    one; ``target`` is a level."""

    now: Kpi
    before: Kpi | None
    low: float | None
    high: float | None
    target: float | None
    movement: Movement

    @property
    def change(self) -> float | None:
        """Now less before, in the KPI's unit."""
        return None if self.before is None else self.now.value - self.before.value

    @property
    def reached(self) -> bool | None:
        """Whether the value is at the target or better; None without a target."""
        if self.target is None:
            return None
        up = DEFINITIONS[self.now.id].better == "higher"
        return self.now.value >= self.target if up else self.now.value <= self.target


@dataclass(frozen=True)
class Review:
    """KPIs of two periods.

    Attributes:
        movements: in the order of the KPIs.
        first: True where there is no previous period.
    """

    movements: tuple[Movements, ...]
    first: bool

    @property
    def frame(self) -> pd.DataFrame:
        """Columns kpi, value, previous, change, low, high (interval of the change), target, unit, movement."""
        rows = [
            (m.now.id, m.now.value, m.before.value if m.before else None, m.change, m.low, m.high, m.target,
             DEFINITIONS[m.now.id].unit, m.movement)
            for m in self.movements
        ]  # fmt: skip
        columns = ["kpi", "value", "previous", "change", "low", "high", "target", "unit", "movement"]
        numbers = dict.fromkeys(["value", "previous", "change", "low", "high", "target"], "float64")
        return pd.DataFrame(rows, columns=columns).astype(numbers | dict.fromkeys(["kpi", "unit", "movement"], "str"))

    def table(self) -> Table | NotMeasured:
        """Value, previous value, change with interval, target and status of every KPI."""
        if not self.movements:
            return NotMeasured(
                "review.review", text("review.review.none", "There is no KPI to review"), ("orders", "tickets", "feedback")
            )
        rows: list[dict[str, object]] = [_row(m) for m in self.movements]
        columns = (
            Column("kpi", text("review.head.kpi", "KPI")),
            Column("value", text("review.head.now", "Now"), "number"),
            Column("previous", text("review.head.previous", "Previous period"), "number"),
            Column("change", text("review.head.change_interval", "Change (interval)"), "number", low="low", high="high"),
            Column("movement", text("review.head.movement", "Reading")),
            Column("target", text("review.head.target", "Target"), "number"),
            Column("reached", text("review.head.reached", "Target reached")),
        )
        note = text(
            "review.review.note",
            "Change of shares in percentage points. Interval of the change from the intervals of both periods, taken as "
            "independent; where the same customers stand behind both, the true one is narrower. Totals have none; "
            "within {steady} they count as unchanged.",
            steady=share(STEADY, 0),
        )
        return Table("review.review", self._title(), columns, pd.DataFrame(rows, dtype=object), note, artefact="review")

    def answer(self) -> Answer:
        """The chapter's message: what got better, what got worse, which targets are reached."""
        return Answer("review.answer", self._title(), self._sentences(), "situation")

    def figure(self) -> Figure | NotMeasured:
        """Each KPI on its own scale: before, now, target."""
        strips = [_strip(m) for m in self.movements if m.before is not None or m.target is not None][:MOST_STRIPS]
        if not strips:
            return NotMeasured(
                "review.figure", text("review.figure.none", "There is nothing to compare the KPIs with"), why=_FIRST
            )

        def draw(edition: Edition) -> Canvas:
            return draw_strips(strips, edition)

        words = joined([text("review.figure.part", "{kpi} {words}", kpi=s.name, words=s.words) for s in strips])
        alt = text("review.figure.alt", "Dot plot of KPIs before, now and aimed at: {words}.", words=words)
        note = text(
            "review.figure.note",
            "Grey dot: previous period; dot with bar: this period with its interval (blue better, orange worse, hollow: no "
            "clear change); tick: target. Each line has its own scale.",
        )
        reached = [m.reached for m in self.movements if m.reached is not None]
        title = (
            text("review.figure.title", "Targets reached: {n} of {all}", n=count(sum(reached)), all=count(len(reached)))
            if reached
            else text("review.figure.neutral", "KPIs now and in the previous period")
        )
        return Figure("review.figure", title, draw, alt, note)

    def blocks(self) -> tuple[Block, ...]:
        """Answer, figure and table, in the order of a chapter."""
        return (self.answer(), self.figure(), self.table())

    def _of(self, movement: Movement) -> list[Text]:
        return [KPI_NAMES[m.now.id] for m in self.movements if m.movement == movement]

    def _title(self) -> Text:
        if self.first and not self.movements:
            return text("review.title.nothing", "First period: no KPI could be measured")
        if self.first:
            return text("review.title.first", "First period: {n} KPIs set the baseline", n=count(len(self.movements)))
        better, worse = len(self._of("better")), len(self._of("worse"))
        if not better and not worse:
            return text("review.title.still", "No KPI changed clearly since the previous period")
        return text(
            "review.title",
            "KPIs better than in the previous period: {better}; worse: {worse}",
            better=count(better),
            worse=count(worse),
        )

    def _sentences(self) -> tuple[Text, ...]:
        sentences = [_FIRST] if self.first else []
        better, worse = self._of("better"), self._of("worse")
        if better:
            sentences.append(text("review.sentence.better", "Better: {names}.", names=joined(better)))
        if worse:
            sentences.append(text("review.sentence.worse", "Worse: {names}.", names=joined(worse)))
        if apart := self._of("window"):
            sentences.append(
                text(
                    "review.sentence.window",
                    "Not comparable, since the data of the previous period covered fewer months: {names}.",
                    names=joined(apart),
                )
            )
        reached = [m for m in self.movements if m.reached]
        aimed = [m for m in self.movements if m.reached is not None]
        if aimed:
            sentences.append(
                text("review.sentence.reached", "Targets reached: {n} of {all}.", n=count(len(reached)), all=count(len(aimed)))
            )
        return tuple(sentences)


def compare_kpis(now: pd.DataFrame, before: object, goals: object) -> Review:
    """Set this period's KPIs beside the previous period's and beside the targets.

    Args:
        now: artefact ``kpis`` of this period.
        before: artefact ``kpis`` of the previous period; anything but a frame means that there is none.
        goals: artefact ``goals``: the target of each KPI (of several goals on one KPI, the first).
    """
    today, earlier = kpis_of(now), kpis_of(before)
    alike, targets = comparable(today, earlier), _targets(goals)
    moves = (
        Movements(kpi, None, None, None, targets.get(kpi.id), "window")
        if kpi.id in earlier and kpi.id not in alike
        else _move(kpi, alike.get(kpi.id), targets.get(kpi.id))
        for kpi in today.values()
    )
    return Review(tuple(moves), not earlier)


def _targets(goals: object) -> dict[str, float]:
    if not isinstance(goals, pd.DataFrame):
        return {}
    return {row["kpi"]: float(row["target"]) for row in reversed(goals.to_dict("records")) if not is_missing(row["target"])}


def _move(now: Kpi, before: Kpi | None, target: float | None) -> Movements:
    if before is None:
        return Movements(now, None, None, None, target, "first")
    interval = change_interval(now, before)
    low, high = interval or (None, None)
    change = now.value - before.value
    good = (change > 0) == (DEFINITIONS[now.id].better == "higher")
    movement: Movement
    if low is not None and high is not None and low <= 0 <= high:
        movement = "unclear"
    elif abs(change) <= (STEADY * abs(before.value) if interval is None else 0):
        movement = "same"
    else:
        movement = "better" if good else "worse"
    return Movements(now, before, low, high, target, movement)


def _row(m: Movements) -> dict[str, object]:
    yes, no, none = text("review.reached.yes", "reached"), text("review.reached.no", "not yet"), named("–")
    kpi = m.now.id
    return {
        "kpi": KPI_NAMES[kpi],
        "value": kpi_value(kpi, m.now.value),
        "previous": kpi_value(kpi, m.before.value) if m.before else none,
        "change": kpi_change(kpi, m.change) if m.change is not None else none,
        "low": kpi_change(kpi, m.low, bare=True) if m.low is not None else None,
        "high": kpi_change(kpi, m.high, bare=True) if m.high is not None else None,
        "movement": MOVEMENTS[m.movement],
        "target": kpi_value(kpi, m.target) if m.target is not None else none,
        "reached": none if m.reached is None else (yes if m.reached else no),
    }


def _strip(m: Movements) -> Strip:
    kpi = m.now.id
    if m.before is None:
        aim = named("–") if m.target is None else kpi_value(kpi, m.target)
        words = text("review.strip.now", "{now}, target {target}", now=kpi_value(kpi, m.now.value), target=aim)
    else:
        words = text(
            "review.strip.change",
            "{before} → {now}",
            before=kpi_value(kpi, m.before.value),
            now=kpi_value(kpi, m.now.value),
        )
    colour = {"better": "better", "worse": "worse", "unclear": "unclear"}.get(m.movement, "none")
    return Strip(
        KPI_NAMES[kpi], words, m.now.value, m.now.low, m.now.high, m.before.value if m.before else None, m.target, colour
    )


@dataclass(frozen=True)
class ProblemChanges:
    """Problems against the previous period.

    Attributes:
        frame: columns check, module, state (opened, carried, closed), figure, previous_figure; one row a problem.
        first: True where there is no previous period.
    """

    frame: pd.DataFrame
    first: bool

    def table(self) -> Table | NotMeasured:
        """How many problems of each module were opened, carried over and closed."""
        if self.first:
            return NotMeasured(
                "review.problems",
                text("review.problems.none", "Problems opened and closed"),
                why=_FIRST,
            )
        counts = pd.crosstab(self.frame["module"], self.frame["state"])
        counts = counts.reindex(columns=["opened", "carried", "closed"], fill_value=0).rename_axis("module").reset_index()
        columns = (
            Column("module", text("review.head.module", "Module"), labels=dict(MODULES)),
            Column("opened", text("review.head.opened", "Opened"), "count"),
            Column("carried", text("review.head.carried", "Carried over"), "count"),
            Column("closed", text("review.head.closed", "Closed"), "count"),
        )
        title = text(
            "review.problems.title",
            "Problems closed: {closed}; opened: {opened}; carried over: {carried}",
            closed=count(int(counts["closed"].sum())),
            opened=count(int(counts["opened"].sum())),
            carried=count(int(counts["carried"].sum())),
        )
        note = text(
            "review.problems.note",
            "A problem is a check whose figure breaches its threshold; closed: it breached in the previous period "
            "and no longer does.",
        )
        return Table("review.problems", title, columns, counts, note)

    def blocks(self) -> tuple[Block, ...]:
        """The table."""
        return (self.table(),)


def compare_problems(now: object, before: object) -> ProblemChanges:
    """Which problems were opened, carried over and closed since the previous period.

    Args:
        now, before: artefacts ``problems`` (check, module, figure …); anything but a frame for *before* means that there is
            no previous period.
    """
    columns = ["check", "module", "figure"]
    present = now[columns] if isinstance(now, pd.DataFrame) else pd.DataFrame(columns=columns)
    if not isinstance(before, pd.DataFrame):
        return ProblemChanges(present.assign(state="opened", previous_figure=float("nan")), True)
    both = present.merge(before[columns], on="check", how="outer", suffixes=("", "_before"), indicator=True)
    both["module"] = both["module"].fillna(both["module_before"])
    both["state"] = both["_merge"].map({"left_only": "opened", "both": "carried", "right_only": "closed"}).astype("str")
    both = both.rename(columns={"figure_before": "previous_figure"}).sort_values("check", kind="stable")
    return ProblemChanges(both[["check", "module", "state", "figure", "previous_figure"]].reset_index(drop=True), False)
