"""How the ranking shows: the parts of each score, how firm it is, and what became of the problems of the period before."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workbook.diagnosis.exhibits import PRIORITY_NAMES
from workbook.diagnosis.finding import Finding, Touch, told
from workbook.language import count, day, named, number, text
from workbook.period import Period
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings

FIRM = 7 / 9
"""Share of the tries from which a priority is called firm."""

TREND_NAMES = {
    "worse": text("diagnosis.trend.worse", "worse"),
    "better": text("diagnosis.trend.better", "better"),
    "unclear": text("diagnosis.trend.unclear", "no clear change"),
    "none": text("diagnosis.trend.none", "not known"),
}
EFFORT_NAMES = {
    "small": text("diagnosis.effort.small", "small"),
    "medium": text("diagnosis.effort.medium", "medium"),
    "large": text("diagnosis.effort.large", "large"),
}
PROGRESS_NAMES = {
    "solved": text("diagnosis.progress.solved", "solved"),
    "better": text("diagnosis.progress.better", "better, still open"),
    "worse": text("diagnosis.progress.worse", "worse"),
    "open": text("diagnosis.progress.open", "open"),
    "not_measured": text("diagnosis.progress.not_measured", "not measured any more"),
}


def ranking_table(problems: pd.DataFrame, ranked: Sequence[Finding], touch: Touch, settings: Settings) -> Table | NotMeasured:
    """The parts of each priority score, and how often the priority stays when limits and cut points move."""
    what = text("diagnosis.ranking.what", "Parts of the priority scores")
    if not ranked:
        why = text("diagnosis.ranking.none", "There is no problem to rank.")
        return NotMeasured("diagnosis.ranking", what, why=why)
    frame = problems.assign(problem=pd.Series([f.words.problem for f in ranked], dtype=object))
    columns = (
        Column("problem", text("diagnosis.column.problem", "Problem")),
        Column(
            "impact",
            text("diagnosis.column.impact_customers", "Impact, of customers")
            if touch == "customers"
            else text("diagnosis.column.impact", "Impact"),
            "share",
        ),
        Column("severity", text("diagnosis.column.severity", "Severity"), "share"),
        Column("trend", text("diagnosis.column.trend", "Since the last period"), labels=TREND_NAMES),
        Column("effort", text("diagnosis.column.effort", "Effort"), labels=EFFORT_NAMES),
        Column("priority_score", text("diagnosis.column.score", "Score"), "ratio"),
        Column("priority", text("diagnosis.column.priority", "Priority"), labels=PRIORITY_NAMES),
        Column("stability", text("diagnosis.column.stability", "Keeps its priority"), "share", digits=0),
    )
    firm = int((problems["stability"] >= FIRM).sum())
    title = text("diagnosis.ranking.title", "{firm} of {n} {n:priority holds|priorities hold} when limits and cut points move",
                 firm=count(firm), n=count(len(problems)))  # fmt: skip
    note = text(
        "diagnosis.ranking.note",
        "Keeps its priority: share of nine tries with accepted shares × {low}, × 1 and × {high} and cut points ± {cut}; a "
        "priority that seldom stays deserves a look at its limit. Firm: seven tries of nine or more.",
        low=number(0.8, 1), high=number(1.25, 2), cut=number(0.05, 2),
    )  # fmt: skip
    return Table("diagnosis.ranking", title, columns, frame, note, rows=20, artefact="problems")


def progress_table(progress: pd.DataFrame, known: bool, period: Period) -> Table | NotMeasured:
    """What became of the problems of the period before; *known* says whether there was one."""
    what = text("diagnosis.progress.what", "What became of the last period's problems")
    if progress.empty:
        why = (
            text("diagnosis.progress.nothing", "The period before had no problem on its list.")
            if known
            else text("diagnosis.progress.first", "No problem list of a period before is there.")
        )
        return NotMeasured("diagnosis.progress", what, why=why)
    frame = progress.assign(
        problem=pd.Series(
            [named({"en": en, "zh": zh}) for en, zh in zip(progress["problem_en"], progress["problem_zh"], strict=True)],
            dtype=object,
        ),
        then=pd.Series([told(*row) for row in progress[["before", "unit", "direction"]].to_numpy()], dtype=object),
        here=pd.Series([told(*row) for row in progress[["now", "unit", "direction"]].to_numpy()], dtype=object),
    )
    columns = (
        Column("problem", text("diagnosis.column.problem", "Problem")),
        Column("then", text("diagnosis.column.before", "Last period")),
        Column("here", text("diagnosis.column.now", "Now")),
        Column("status", text("diagnosis.column.became", "Became"), labels=PROGRESS_NAMES),
    )
    solved, better = (int((progress["status"] == status).sum()) for status in ("solved", "better"))
    title = text("diagnosis.progress.title", "Of {n} earlier {n:problem|problems} {solved} are solved and {better} better",
                 n=count(len(progress)), solved=count(solved), better=count(better))  # fmt: skip
    if solved + better == 0:
        title = text(
            "diagnosis.progress.all_open",
            "None of {n} earlier {n:problem|problems} is solved or better",
            n=count(len(progress)),
        )
    note = text(
        "diagnosis.progress.note",
        "Problem list of the period before against {end}; solved: within its limit; better or worse: the interval of the "
        "change holds no zero. What came after a measure did not thereby come from it.",
        end=day(period.end),
    )  # fmt: skip
    return Table("diagnosis.progress", title, columns, frame, note, rows=20)
