"""The action plan (S1, S9): a measure with owner, limit and deliverable for every problem, and its calendar.

Every owner takes one measure after another, the more urgent first; different owners work side by side. A measure that
answers several problems is done once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from babel import Locale

from workbook.language import LANGUAGES, Text, day, named, text
from workbook.period import Period
from workbook.report.blocks import Answer, Ask, Figure, NotMeasured, Paragraph, Table
from workbook.settings.models import Settings
from workbook.strategy import exhibits
from workbook.strategy.measures import Measure, adjusted, measure_for, read_measures
from workbook.strategy.workdays import first_workday, last_of_workdays, next_workday

WORDS = ("problem_name", "evidence", "measure_name", "owner", "deliverable", "expected")

PLAN_COLUMNS: tuple[str, ...] = (
    "problem", "number", "module", "priority", "status", "measure", "owner", "days", "starts", "due", "deliverable", "expected",
    "customers", "revenue", *(f"{word}_{language}" for word in WORDS for language in LANGUAGES),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The action plan.

    Attributes:
        frame: one row a problem in the order of the problem list (``PLAN_COLUMNS``): problem (check id), number (in the list;
            problems of one remedy share it), priority, measure (id), owner, days (working days), starts, due, deliverable and
            expected in the leading language, and the same words in each language (``owner_en``, ``owner_zh`` …).
        measures: the measures chosen, each once, in the order in which they start.
        library: all measures, with the client's owners and limits.
        period: the period whose problems are answered.
    """

    frame: pd.DataFrame
    measures: tuple[Measure, ...]
    library: tuple[Measure, ...]
    settings: Settings
    period: Period

    def table(self) -> Table:
        """The plan for the report: problem, priority, measure, owner, days, start, due, deliverable."""
        return exhibits.plan_table(self.frame)

    def gantt(self) -> Figure | Paragraph:
        """The calendar of the measures as bars."""
        return exhibits.gantt(self.frame)

    def problem_sheet(self, gone: pd.DataFrame | None = None) -> Table:
        """The problem list with owner and deadline (《客户关系管理功能问题清单》), for the Excel file.

        Args:
            gone: the artefact ``gone_problems`` of stage 3: they close the list as solved, under who would answer for them.
        """
        if gone is None or gone.empty:
            return exhibits.problem_sheet(self.frame)
        after = int(self.frame["number"].max()) if len(self.frame) else 0
        chosen = [measure_for(str(check), self.library) for check in gone["check"]]
        rows = [
            {**_row(problem, measure, self.settings), "number": after + place, "starts": pd.NaT, "due": pd.NaT}
            for place, (problem, measure) in enumerate(zip(gone.to_dict("records"), chosen, strict=True), start=1)
        ]
        closed = pd.DataFrame(rows, columns=list(PLAN_COLUMNS)).astype({"starts": "datetime64[ns]", "due": "datetime64[ns]"})
        return exhibits.problem_sheet(pd.concat([self.frame, closed], ignore_index=True) if len(self.frame) else closed)

    def plan_sheet(self) -> Table:
        """The whole plan with deliverable and expected effect, for the Excel file."""
        return exhibits.plan_sheet(self.frame)

    def steps_sheet(self) -> Table:
        """The steps of every measure of the plan, for the Excel file."""
        return exhibits.steps_sheet(self.measures)

    def asks(self) -> tuple[Ask, ...]:
        """A decision for each measure against a problem of high priority: confirm owner and date before it starts."""
        high = self.frame[self.frame["priority"] == "high"].drop_duplicates("measure")
        return tuple(
            Ask(
                f"strategy.ask.{row['measure']}",
                text(
                    "strategy.ask.what", "Confirm owner and deadline ({due}) of “{measure}” against “{problem}”",
                    measure=exhibits.words(row, "measure_name"), problem=exhibits.words(row, "problem_name"),
                    due=day(row["due"]),
                ),
                exhibits.words(row, "owner"),
                day(row["starts"]),
                rank=40 + place,
            )
            for place, row in enumerate(high.to_dict("records"))
        )  # fmt: skip

    def answer(self, *otherwise: Text | NotMeasured) -> Answer:
        """What will be done, by when, and what comes first; without a problem that asks for it, the first known *otherwise*."""
        return exhibits.plan_answer(self.frame, otherwise)

    def limits(self) -> Paragraph:
        """How days are counted and what the plan does not promise."""
        return Paragraph(
            "strategy.plan.limits",
            text(
                "strategy.plan.limits",
                "Working days leave out public holidays as far as they are announced ({country}); the first day counts. Each "
                "owner takes one measure after another. Effects are expected, not measured: a pilot shows their size.",
                country=named({e: str(Locale(e).territories[self.settings.client.country]) for e in LANGUAGES}),
            ),
            "limits",
        )  # fmt: skip


def plan_measures(problems: pd.DataFrame, settings: Settings, period: Period) -> Plan:
    """Choose a measure for every problem and set its dates.

    Args:
        problems: the artefact ``problems`` of stage 3, sorted by priority; columns check, module, priority, status,
            customers, revenue, and the words of problem and evidence in each language.
        settings: sections measures, client (country) and languages.
        period: the plan starts on the first working day after it, unless ``measures.start`` says another day.

    Raises:
        WorkbookError: where no measure answers a check, or the country's holidays are not known.

    Source: method.md S1, S9.
    """
    library = adjusted(read_measures(), settings.measures)
    country = settings.client.country
    start = settings.measures.start
    opening = next_workday(period.end, country) if start is None else first_workday(start, country)
    chosen = [measure_for(str(check), library) for check in problems["check"]]
    # the problem list is sorted, so the first problem that a measure answers decides its turn
    measures = tuple({measure.id: measure for measure in chosen}.values())
    dates: dict[str, tuple[dt.date, dt.date]] = {}
    free: dict[tuple[tuple[str, str], ...], dt.date] = {}
    for measure in measures:
        owner = tuple(sorted(measure.owner.items()))
        starts = free.get(owner, opening)
        due = last_of_workdays(starts, measure.days, country)
        dates[measure.id], free[owner] = (starts, due), next_workday(due, country)
    rows = [
        _row(problem, measure, settings) | {"starts": dates[measure.id][0], "due": dates[measure.id][1], "number": number}
        for problem, measure, number in zip(problems.to_dict("records"), chosen, _numbers(problems), strict=True)
    ]
    frame = pd.DataFrame(rows, columns=list(PLAN_COLUMNS))
    frame[["starts", "due"]] = frame[["starts", "due"]].apply(pd.to_datetime)
    return Plan(frame, tuple(sorted(measures, key=lambda m: (dates[m.id], m.id))), library, settings, period)


def _numbers(problems: pd.DataFrame) -> list[int]:
    """The number of each problem in the list: those that one remedy answers (part_of) share the number of the first."""
    of = problems.get("part_of", problems["check"])
    leads = [check for check, lead in zip(problems["check"], of, strict=True) if check == lead]
    return [leads.index(lead) + 1 for lead in of]


def _row(problem: Mapping[Any, Any], measure: Measure, settings: Settings) -> dict[str, object]:
    named_by: dict[str, Mapping[str, str]] = {
        "problem_name": {language: str(problem[f"problem_{language}"]) for language in LANGUAGES},
        "evidence": {language: str(problem[f"evidence_{language}"]) for language in LANGUAGES},
        "measure_name": measure.name,
        "owner": measure.owner,
        "deliverable": measure.deliverable,
        "expected": measure.expected,
    }
    said = {
        f"{word}_{language}": names.get(language) or next(iter(names.values()))
        for word, names in named_by.items() for language in LANGUAGES
    }  # fmt: skip
    leading = settings.languages[0]
    return {
        "problem": problem["check"], "module": problem["module"], "priority": problem["priority"],
        "status": problem["status"], "measure": measure.id, "days": measure.days,
        "customers": problem["customers"], "revenue": problem["revenue"],
        **{word: said[f"{word}_{leading}"] for word in ("owner", "deliverable", "expected")}, **said,
    }  # fmt: skip
