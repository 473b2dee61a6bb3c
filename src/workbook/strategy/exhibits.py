"""How the action plan shows: table, Gantt chart, sheets for Excel, and the chapter's message."""

from __future__ import annotations

import datetime as dt
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from babel.dates import format_date
from matplotlib.figure import Figure as Canvas

from workbook.language import LANGUAGES, Edition, Text, count, day, is_missing, money, named, text
from workbook.report.blocks import Answer, Column, Figure, NotMeasured, Paragraph, Table
from workbook.report.figures import GRID, MUTED, UNCLEAR, WORSE, canvas
from workbook.strategy.measures import Measure

MODULE_NAMES: Mapping[str, Text] = {
    "information": text("strategy.module.information", "Customer information"),
    "needs": text("strategy.module.needs", "Needs analysis"),
    "interaction": text("strategy.module.interaction", "Interaction tracking"),
    "value": text("strategy.module.value", "Value assessment"),
    "service": text("strategy.module.service", "Service optimisation"),
}
PRIORITY_NAMES = {
    "high": text("strategy.priority.high", "high"),
    "medium": text("strategy.priority.medium", "medium"),
    "low": text("strategy.priority.low", "low"),
}
STATUS_NAMES = {
    "new": text("strategy.status.new", "new"),
    "open": text("strategy.status.open", "open"),
    "better": text("strategy.status.better", "better"),
    "solved": text("strategy.status.solved", "solved"),
    "not_measured": text("strategy.status.not_measured", "not measured"),
}
MOST_BARS = 14


def words(row: Mapping[Any, Any], name: str) -> Text:
    """The words of one cell in every language, from its columns ``<name>_<language>``."""
    return named({language: str(row[f"{name}_{language}"]) for language in LANGUAGES})


def _cells(frame: pd.DataFrame, name: str) -> pd.Series:
    cells = [words(row, name) for row in frame.to_dict("records")]
    return pd.Series(cells, index=frame.index, dtype="object")


def plan_table(frame: pd.DataFrame) -> Table:
    """Problem, priority, measure, owner, working days, start, due, deliverable."""
    shown = frame[["priority", "days", "starts", "due"]].assign(
        **{name: _cells(frame, name) for name in ("problem_name", "measure_name", "owner", "deliverable")}
    )
    columns = (
        Column("problem_name", text("strategy.column.problem", "Problem")),
        Column("priority", text("strategy.column.priority", "Priority"), labels=PRIORITY_NAMES),
        Column("measure_name", text("strategy.column.measure", "Measure")),
        Column("owner", text("strategy.column.owner", "Owner")),
        Column("days", text("strategy.column.days", "Working days"), "count"),
        Column("starts", text("strategy.column.starts", "Start"), "date"),
        Column("due", text("strategy.column.due", "Deadline"), "date"),
        Column("deliverable", text("strategy.column.deliverable", "Deliverable")),
    )
    note = text(
        "strategy.plan.note", "{n} {n:problem|problems}, {measures} {measures:measure|measures}; "
        "limits in working days, the first day counted.",
        n=count(len(frame)), measures=count(frame["measure"].nunique()),
    )  # fmt: skip
    return Table("strategy.plan", _plan_title(frame), columns, shown, note, artefact="plan")


def _plan_title(frame: pd.DataFrame) -> Text:
    if frame.empty:
        return text("strategy.plan.none", "No problem asks for a measure")
    return text("strategy.plan.title", "{measures} {measures:measure answers|measures answer} "
                "{n} {n:problem|problems}; the last is due {due}",
                measures=count(frame["measure"].nunique()), n=count(len(frame)), due=day(_last(frame)))  # fmt: skip


def _last(frame: pd.DataFrame) -> dt.date:
    last: dt.date = pd.Timestamp(frame["due"].max()).date()
    return last


def gantt(frame: pd.DataFrame) -> Figure | Paragraph:
    """Bars from start to deadline of every measure, with owner and deadline beside them."""
    if frame.empty:
        return Paragraph("strategy.gantt", text("strategy.gantt.none", "No problem that was measured lies beyond its limit."))
    # the problem list is sorted by priority: a measure's first row carries its highest
    rows = frame.drop_duplicates("measure").sort_values(["starts", "due", "measure"]).head(MOST_BARS).to_dict("records")

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(height=max(2.6, 0.42 * len(rows) + 0.7))
        places = np.arange(len(rows))
        begin = np.array([float(pd.Timestamp(row["starts"]).toordinal()) for row in rows])
        end = np.array([float(pd.Timestamp(row["due"]).toordinal()) + 1 for row in rows])
        fills = {"high": WORSE, "medium": MUTED, "low": "white"}
        edges = {"high": WORSE, "medium": MUTED, "low": UNCLEAR}
        axes.barh(places, end - begin, left=begin, height=0.56, color=[fills[r["priority"]] for r in rows],
                  edgecolor=[edges[r["priority"]] for r in rows], linewidth=1.2)  # fmt: skip
        span = float(end.max() - begin.min())
        for place, row, at in zip(places.tolist(), rows, end.tolist(), strict=True):
            label = f"{words(row, 'owner').render(edition)} · {_short(row['due'], edition)}"
            axes.text(at + 0.015 * span, place, label, va="center", fontsize=8.5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
        axes.set_yticks(places, [_wrapped(row, edition) for row in rows], linespacing=1.45)
        axes.invert_yaxis()
        axes.set_xlim(float(begin.min()), float(end.max()) + 0.8 * span)
        ticks = pd.date_range(rows[0]["starts"], _last(frame), periods=4).normalize()
        axes.set_xticks([t.toordinal() for t in ticks], [_short(t, edition) for t in ticks])
        axes.grid(axis="x", color=GRID)
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        return figure

    high = [row for row in rows if row["priority"] == "high"]
    title = (
        text("strategy.gantt.high", "Measures against high-priority problems are done by {due}",
             due=day(max(pd.Timestamp(row["due"]).date() for row in high)))
        if high else
        text("strategy.gantt.title", "All measures are done by {due}", due=day(_last(frame)))
    )  # fmt: skip
    return Figure(
        "strategy.gantt", title, draw,
        text("strategy.gantt.alt", "Gantt chart of {n} {n:measure|measures} from {start} to {due}.", n=count(len(rows)),
             start=day(pd.Timestamp(rows[0]["starts"]).date()), due=day(_last(frame))),
        text("strategy.gantt.note",
             "Start to deadline of each measure; orange: against a problem of high priority, grey: medium, hollow: low. "
             "One owner takes measures one after another; n = {n} measures.", n=count(frame["measure"].nunique())),
    )  # fmt: skip


def _short(when: Any, edition: Edition) -> str:
    pattern = "d MMM" if edition.language == "en" else "M 月 d 日"
    return format_date(pd.Timestamp(when).date(), pattern, locale=edition.locale)


def _wrapped(row: Mapping[Any, Any], edition: Edition) -> str:
    english = edition.language == "en"
    said = words(row, "measure_name").render(edition)
    return textwrap.fill(said, 30 if english else 14, break_long_words=not english, break_on_hyphens=False)


def problem_sheet(frame: pd.DataFrame) -> Table:
    """序号、模块、问题、证据、影响、优先级、责任人、完成时限、状态: the form that clients keep the list in."""
    impact = [_impact(n, amount) for n, amount in zip(frame["customers"], frame["revenue"], strict=True)]
    shown = frame[["module", "priority", "due", "status"]].assign(
        no=frame["number"],
        impact=pd.Series(impact, index=frame.index, dtype="object"),
        **{name: _cells(frame, name) for name in ("problem_name", "evidence", "owner")},
    )
    columns = (
        Column("no", text("strategy.column.no", "No."), "count"),
        Column("module", text("strategy.column.module", "Module"), labels=MODULE_NAMES),
        Column("problem_name", text("strategy.column.problem", "Problem")),
        Column("evidence", text("strategy.column.evidence", "Evidence")),
        Column("impact", text("strategy.column.impact", "Impact")),
        Column("priority", text("strategy.column.priority", "Priority"), labels=PRIORITY_NAMES),
        Column("owner", text("strategy.column.owner", "Owner")),
        Column("due", text("strategy.column.due", "Deadline"), "date"),
        Column("status", text("strategy.column.status", "Status"), labels=STATUS_NAMES),
    )
    title = text("strategy.sheet.title", "Problems of customer relationship management")
    return Table("strategy.problem_sheet", title, columns, shown, rows=max(len(shown), 1))


def _impact(customers: Any, revenue: Any) -> Text:
    """Whom a problem touches, as far as the delivery names customers and what they bring."""
    if is_missing(customers):
        return text("strategy.sheet.impact_unknown", "not known: the rows name no customer")
    if is_missing(revenue):
        return text("strategy.sheet.impact_customers", "{customers} {customers:customer|customers}", customers=count(customers))
    return text("strategy.sheet.impact", "{customers} {customers:customer|customers}, revenue {revenue}",
                customers=count(customers), revenue=money(revenue))  # fmt: skip


def plan_sheet(frame: pd.DataFrame) -> Table:
    """The whole plan, one row a problem."""
    names = ("problem_name", "measure_name", "owner", "deliverable", "expected")
    shown = frame[["priority", "days", "starts", "due"]].assign(**{name: _cells(frame, name) for name in names})
    columns = (
        Column("problem_name", text("strategy.column.problem", "Problem")),
        Column("priority", text("strategy.column.priority", "Priority"), labels=PRIORITY_NAMES),
        Column("measure_name", text("strategy.column.measure", "Measure")),
        Column("owner", text("strategy.column.owner", "Owner")),
        Column("days", text("strategy.column.days", "Working days"), "count"),
        Column("starts", text("strategy.column.starts", "Start"), "date"),
        Column("due", text("strategy.column.due", "Deadline"), "date"),
        Column("deliverable", text("strategy.column.deliverable", "Deliverable")),
        Column("expected", text("strategy.column.expected", "Expected effect")),
    )
    return Table("strategy.plan_sheet", _plan_title(frame), columns, shown, rows=max(len(shown), 1))


def steps_sheet(measures: Sequence[Measure]) -> Table:
    """The steps of the measures, numbered within each."""
    steps = [(measure, place, step) for measure in measures for place, step in enumerate(measure.steps, start=1)]
    shown = pd.DataFrame(
        {
            "measure": pd.Series([named(measure.name) for measure, _, _ in steps], dtype="object"),
            "no": [place for _, place, _ in steps],
            "step": pd.Series([named(step) for _, _, step in steps], dtype="object"),
            "owner": pd.Series([named(measure.owner) for measure, _, _ in steps], dtype="object"),
        }
    )
    columns = (
        Column("measure", text("strategy.column.measure", "Measure")),
        Column("no", text("strategy.column.step_no", "Step no."), "count"),
        Column("step", text("strategy.column.step", "Step")),
        Column("owner", text("strategy.column.owner", "Owner")),
    )
    title = text(
        "strategy.steps.title",
        "{n} {n:step|steps} of {measures} {measures:measure|measures}",
        n=count(len(steps)),
        measures=count(len(measures)),
    )
    return Table("strategy.steps_sheet", title, columns, shown, rows=max(len(shown), 1))


def plan_answer(frame: pd.DataFrame, otherwise: Sequence[Text | NotMeasured]) -> Answer:
    """Heading: how many measures by when; then what comes first and who has most to do. Without a measure: *otherwise*."""
    known = [message for message in otherwise if isinstance(message, Text)]
    if frame.empty and known:
        nothing = text("strategy.answer.none", "No problem that was measured asks for a measure.")
        return Answer("strategy.answer", known[0], (nothing,), "resolution")
    if frame.empty:
        return Answer("strategy.answer", _plan_title(frame), (), "resolution")
    first = frame.to_dict("records")[0]
    owners = frame.drop_duplicates("measure")["owner_en"].nunique()
    sentences = (
        text("strategy.answer.first", "First: {owner} takes on “{measure}” against “{problem}”, due {due}.",
             owner=words(first, "owner"), measure=words(first, "measure_name"), problem=words(first, "problem_name"),
             due=day(pd.Timestamp(first["due"]).date())),
        text("strategy.answer.owners", "The work falls on {owners} {owners:role|roles}; "
             "{high} {high:problem is|problems are} of high priority.",
             owners=count(owners), high=count(int((frame["priority"] == "high").sum()))),
    )  # fmt: skip
    return Answer("strategy.answer", _plan_title(frame), sentences, "resolution")
