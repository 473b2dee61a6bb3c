"""How the run of tickets shows: a map of their states with times, the same as a table, and the loop of complaints (X5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import FancyArrowPatch

from workbook.diagnosis.finding import SMALL_SAMPLE
from workbook.diagnosis.processes import ProcessMap, complaint_loop, process_map
from workbook.diagnosis.tickets import no_complaint_topic
from workbook.language import Edition, Quantity, Text, count, day, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, NotMeasured, Table
from workbook.report.figures import MUTED, SILVER, TEXT, WORSE, canvas
from workbook.settings.models import Settings
from workbook.tables import Tables

MOST_STATES = 7
LONGEST = 20
FIRST_LANE, LANE = 1.45, 0.95
"""How far from the middle moves past other states run: the first of them, and each further one."""
MOST_MOVES = 12
"""Moves drawn; the table and its count tell what is left out."""

STATE_NAMES = {
    "opened": text("diagnosis.state.opened", "opened"),
    "first_response": text("diagnosis.state.first_response", "first response"),
    "solved": text("diagnosis.state.solved", "solved"),
    "called_back": text("diagnosis.state.called_back", "called back"),
}
STEP_NAMES = {
    "accepted": text("diagnosis.step.accepted", "accepted"),
    "analysed": text("diagnosis.step.analysed", "analysed"),
    "solved": text("diagnosis.step.solved", "solved"),
    "called_back": text("diagnosis.step.called_back", "called back"),
}


def process_figure(tables: Tables, settings: Settings) -> Figure | NotMeasured:
    """The map of ticket states: what follows on what, how often, and how long it takes."""
    id, what = "diagnosis.process", text("diagnosis.process.what", "How tickets run from state to state")
    found = process_map(tables) if tables.has("tickets") else None
    if found is None:
        missing = () if tables.has("tickets") else ("tickets", "ticket_events")
        none = text("diagnosis.process.none", "No ticket of the period has an event.")
        return NotMeasured(id, what, missing, None if missing else none)
    kept = found.moves[found.moves["tickets"] >= settings.analysis.small_cell]
    if kept.empty:
        small = text("diagnosis.process.small", "No move from state to state was made by {n} tickets.",
                     n=count(settings.analysis.small_cell))  # fmt: skip
        return NotMeasured(id, what, why=small)
    order = _drawn_states(found, kept)
    drawn = kept[kept["before"].isin(order) & kept["after"].isin(order)].head(MOST_MOVES)
    part = float(drawn["passes"].sum() / found.moves["passes"].sum())
    note = text(
        "diagnosis.process.note",
        "Tickets opened {start} to {end}, n = {n}; states from {source}; on each arrow: passes and median hours around the "
        "clock; orange: back to an earlier state. Drawn: {part} of all passes.",
        start=day(tables.period.start), end=day(tables.period.end), n=count(found.tickets),
        source=text("diagnosis.process.logged", "the log of events") if found.logged
        else text("diagnosis.process.times", "the times of the tickets"),
        part=share(part, 0),
    )  # fmt: skip
    alt = text(
        "diagnosis.process.alt", "Map of {states} ticket states and {moves} moves between them, with passes and hours.",
        states=count(len(order)), moves=count(len(drawn)),
    )  # fmt: skip
    return Figure(id, _title(found, kept), _Map(order, drawn, found), alt, note, _moves_table(found, kept, tables.period))


def _drawn_states(found: ProcessMap, kept: pd.DataFrame) -> list[str]:
    """The commonest states that the commonest moves lead from or to, in the order of the process."""
    states = found.states.assign(place=range(len(found.states)))
    most = set(states.sort_values(["tickets", "place"], ascending=[False, True]).head(MOST_STATES)["state"])
    drawn = kept[kept["before"].isin(most) & kept["after"].isin(most)].head(MOST_MOVES)
    used = set(drawn["before"]) | set(drawn["after"])
    return [str(state) for state in states["state"] if state in used]


def _state(found: ProcessMap, state: object) -> Text:
    name = str(state)
    return named(name) if found.logged else STATE_NAMES[name]


SOLVED = (
    "resolved",
    "solved",
    "closed",
    "done",
    "completed",
    "已解决",
    "解决",
    "已关闭",
    "关闭",
    "结案",
    "完成",
    "called_back",
)
"""States, in small letters, after which a ticket waits for nobody's solution."""


def _solved(found: ProcessMap, state: object) -> bool:
    return str(state).strip().lower() in SOLVED


def _title(found: ProcessMap, kept: pd.DataFrame) -> Text:
    # what follows the solution, such as the days until a ticket closes by itself, keeps nobody waiting
    waiting = [not _solved(found, state) for state in kept["before"]]
    open_still = kept[waiting] if any(waiting) else kept
    longest = open_still.sort_values(["total", "before", "after"], ascending=[False, True, True]).iloc[0]
    total = float(sum(t for s, t in zip(found.moves["before"], found.moves["total"], strict=True)
                      if not any(waiting) or not _solved(found, s)))  # fmt: skip
    before, after = _state(found, longest["before"]), _state(found, longest["after"])
    if total <= 0:
        return text("diagnosis.process.instant", "Tickets pass from state to state at once")
    if total < float(found.moves["total"].sum()):
        return text("diagnosis.process.title_open", "{part} of the time to a solution lies between “{before}” and “{after}”",
                    part=share(float(longest["total"]) / total, 0), before=before, after=after)  # fmt: skip
    return text("diagnosis.process.title", "{part} of ticket time lies between “{before}” and “{after}”",
                part=share(float(longest["total"]) / total, 0), before=before, after=after)  # fmt: skip


def _moves_table(found: ProcessMap, kept: pd.DataFrame, period: Period) -> Table:
    rows = kept.head(MOST_MOVES)
    back = _backward(found)
    frame = rows.assign(
        before=pd.Series([_state(found, s) for s in rows["before"]], index=rows.index, dtype=object),
        after=pd.Series([_state(found, s) for s in rows["after"]], index=rows.index, dtype=object),
        part=rows["tickets"] / found.tickets,
        time=rows["total"] / max(float(found.moves["total"].sum()), 1e-9),
        way=["back" if (b, a) in back else "on" for b, a in zip(rows["before"], rows["after"], strict=True)],
    )
    columns = (
        Column("before", text("diagnosis.process.before", "From")),
        Column("after", text("diagnosis.process.after", "To")),
        Column("way", text("diagnosis.process.way", "Direction"), labels={
            "on": text("diagnosis.process.on", "onward"), "back": text("diagnosis.process.back", "back")}),
        Column("passes", text("diagnosis.process.passes", "Passes"), "count"),
        Column("part", text("diagnosis.process.part", "Of tickets"), "share"),
        Column("median", text("diagnosis.column.p50", "Median, hours"), "hours"),
        Column("p90", text("diagnosis.column.p90", "90th percentile, hours"), "hours"),
        Column("time", text("diagnosis.process.time", "Of all time"), "share"),
    )  # fmt: skip
    again = int(found.states["visits"].sum() - found.states["tickets"].sum())
    title = text("diagnosis.process.table", "Tickets came back to a state they had left {n} times", n=count(again))
    if not found.logged:
        title = text("diagnosis.process.table_times", "{n} steps of tickets with their times", n=count(len(frame)))
    note = text("diagnosis.process.table_note", "{kept} of {n} kinds of moves; {start} to {end}; n = {tickets} tickets.",
                kept=count(len(frame)), n=count(len(found.moves)), start=day(period.start), end=day(period.end),
                tickets=count(found.tickets))  # fmt: skip
    return Table("diagnosis.process.moves", title, columns, frame, note, rows=MOST_MOVES)


def _backward(found: ProcessMap) -> set[tuple[str, str]]:
    place = {state: i for i, state in enumerate(found.states["state"])}
    return {(b, a) for b, a in zip(found.moves["before"], found.moves["after"], strict=True) if place[a] < place[b]}


@dataclass(frozen=True)
class _Map:
    """Draws the states down the middle, moves onward to the right and back to the left."""

    order: list[str]
    moves: pd.DataFrame
    found: ProcessMap

    def __call__(self, edition: Edition) -> Canvas:
        n = len(self.order)
        figure, axes = canvas(height=max(2.4, 0.78 * n + 0.3))
        place = {state: i for i, state in enumerate(self.order)}
        counted = self.found.states.set_index("state")["tickets"]
        for state, y in place.items():
            words = _short(_state(self.found, state).render(edition))
            axes.text(0, y, f"{words}\n{count(int(counted[state])).render(edition)}", ha="center", va="center", fontsize=8.5,
                      linespacing=1.45, zorder=3, bbox={"boxstyle": "round,pad=0.35", "facecolor": "white",
                                                        "edgecolor": TEXT, "linewidth": 1}, in_layout=False)  # fmt: skip
        most = float(self.moves["passes"].max())
        lanes = {1: 0, -1: 0}
        spans = [abs(place[str(a)] - place[str(b)]) for b, a in zip(self.moves["before"], self.moves["after"], strict=True)]
        for i in np.argsort(spans, kind="stable"):
            move = self.moves.iloc[int(i)]
            start, end = place[str(move["before"])], place[str(move["after"])]
            side = 1 if end > start else -1
            straight = end == start + 1
            if not straight:
                lanes[side] += 1
            self._arrow(
                axes, start, end, 0 if straight else side * (FIRST_LANE + LANE * (lanes[side] - 1)), move, most, edition
            )
        axes.set_xlim(-FIRST_LANE - LANE * (max(lanes[-1], 1) - 0.5), FIRST_LANE + LANE * (max(lanes[1], 1) - 0.5))
        axes.set_ylim(n - 0.55, -0.45)
        axes.set_axis_off()
        return figure

    def _arrow(self, axes: Axes, start: int, end: int, lane: float, move: pd.Series, most: float, edition: Edition) -> None:
        width, colour = 0.8 + 2.4 * float(move["passes"]) / most, WORSE if end < start else MUTED if lane else SILVER
        hours = Quantity(float(move["median"]), "hours", 1).render(edition)
        words = f"{count(int(move['passes'])).render(edition)} · {hours}"
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        if not lane:
            axes.add_patch(FancyArrowPatch((0, start + 0.27), (0, end - 0.27), arrowstyle="-|>", mutation_scale=9,
                                           color=colour, linewidth=width, shrinkA=0, shrinkB=0))  # fmt: skip
            axes.text(0.08, (start + end) / 2, words, ha="left", va="center", fontsize=8, zorder=4, bbox=box)
            return
        side, edge = np.sign(lane), 0.34
        x = [side * edge, lane, lane, side * edge]
        shift = 0.08 * side
        y = [start + shift, start + shift, end + shift, end + shift]
        axes.plot(x[:3], y[:3], color=colour, linewidth=width, solid_joinstyle="round", zorder=1)
        axes.add_patch(FancyArrowPatch((x[2], y[2]), (x[3], y[3]), arrowstyle="-|>", mutation_scale=9, color=colour,
                                       linewidth=width, shrinkA=0, shrinkB=0, zorder=1))  # fmt: skip
        axes.text(lane, (start + end) / 2 + shift, words.replace(" · ", "\n"), ha="center", va="center", fontsize=8,
                  linespacing=1.45, zorder=4, bbox=box)  # fmt: skip


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def loop_table(tables: Tables, settings: Settings) -> Table | NotMeasured:
    """The loop of the period's complaints: how many came to each step, and how long each took."""
    id, what = "diagnosis.loop", text("diagnosis.loop.what", "The loop of complaints from acceptance to call-back")
    if missing := tables.lacks("tickets.topic", "tickets.resolved_at", "tickets.called_back_at"):
        return NotMeasured(id, what, missing)
    rows = complaint_loop(tables, settings)
    if not int(rows["complaints"].iloc[0]):
        none = text("diagnosis.loop.none", "No ticket of the period is a complaint by service.complaint_topics.")
        return NotMeasured(id, what, why=no_complaint_topic(tables, settings) or none)
    called = rows.iloc[-1]
    due, in_time, hours = int(called["due"]), int(called["in_time"]), number(settings.service.callback_hours)
    if due >= SMALL_SAMPLE:
        title = text("diagnosis.loop.title", "{part} of solved complaints were called back within {hours} hours",
                     part=share(in_time / due, 0), hours=hours)  # fmt: skip
    else:
        title = text("diagnosis.loop.counts", "{n} of {due} solved complaints were called back within {hours} hours",
                     n=count(in_time), due=count(due), hours=hours)  # fmt: skip
    columns = (
        Column("step", text("diagnosis.loop.step", "Step"), labels=STEP_NAMES),
        Column("complaints", text("diagnosis.loop.complaints", "Complaints"), "count"),
        Column("of", text("diagnosis.loop.of", "Of"), "count"),
        Column("share", text("diagnosis.loop.share", "Share (interval)"), "share", low="low", high="high"),
        Column("median", text("diagnosis.column.p50", "Median, hours"), "hours"),
        Column("p90", text("diagnosis.column.p90", "90th percentile, hours"), "hours"),
    )
    note = text(
        "diagnosis.loop.note",
        "Complaints opened {start} to {end}; called back: of those solved; hours around the clock since the step before; "
        "analysed: {analysed}. The title leaves out solutions whose call-back is not due yet.",
        start=day(tables.period.start), end=day(tables.period.end),
        analysed=text("diagnosis.loop.noted", "by the log of events") if bool(called["noted"])
        else text("diagnosis.loop.responded", "taken as the first response, since no event notes it"),
    )  # fmt: skip
    return Table(id, title, columns, rows, note)
