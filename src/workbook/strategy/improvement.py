"""The improvement plan (改进计划): what is done about each need of customers, by whom and when, and by what it is judged (V6).

A need that goes with a problem gets the measure of the action plan that answers the problem; the first needs that go with none
get the measure that finds the cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbook.language import LANGUAGES, Text, count, day, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.strategy.exhibits import words
from workbook.strategy.measures import measure_for
from workbook.strategy.plan import Plan

MOST_NEEDS = 10
OPEN_CHECK = "voice.own.need"
"""What a need without a known problem is answered by: the measure of the library for checks of one's own."""


@dataclass(frozen=True)
class Improvement:
    """The improvement plan.

    Attributes:
        frame: one row a need, the first in rank first: need, rank, customers, share, problem, measure (id), due (missing
            where the action plan has not dated it yet), and the words of need, problem_name, measure_name and owner in each
            language.
    """

    frame: pd.DataFrame

    def table(self) -> Table:
        """Need, problem behind it, measure, owner, deadline, and the figure that is to fall."""
        rows = self.frame.to_dict("records")
        cells = {
            name: pd.Series([words(row, name) for row in rows], dtype=object) for name in ("need", "measure_name", "owner")
        }
        behind = [
            words(row, "problem_name") if row["problem"] else text("strategy.improve.unknown", "not known yet") for row in rows
        ]
        due = [text("strategy.improve.undated", "to be set") if pd.isna(row["due"]) else day(pd.Timestamp(row["due"]).date())
               for row in rows]  # fmt: skip
        shown = self.frame[["rank", "customers", "share"]].assign(
            **cells, behind=pd.Series(behind, dtype=object), due=pd.Series(due, dtype=object)
        )
        columns = (
            Column("rank", text("strategy.improve.rank", "Rank"), "count"),
            Column("need", text("strategy.improve.need", "Need")),
            Column("customers", text("strategy.improve.customers", "Customers now"), "people"),
            Column("share", text("strategy.improve.share", "Of those heard"), "share", of="customers"),
            Column("behind", text("strategy.improve.problem", "Problem that goes with it")),
            Column("measure_name", text("strategy.column.measure", "Measure")),
            Column("owner", text("strategy.column.owner", "Owner")),
            Column("due", text("strategy.column.due", "Deadline")),
        )
        note = text(
            "strategy.improve.note",
            "Needs in the order of the register. The problem: its customers have the need more often than chance allows; that "
            "it causes the need is for the measure to find out. Deadlines are those of the action plan. Judged next period by "
            "the share of customers heard who still have the need.",
        )
        return Table("strategy.improvement", self._title(), columns, shown, note, rows=MOST_NEEDS)

    def _title(self) -> Text:
        tied = int((self.frame["problem"] != "").sum())
        return text("strategy.improve.title", "With a measure already: {tied} of the first {n} needs; first: {need}",
                    tied=count(tied), n=count(len(self.frame)),
                    need=words(self.frame.to_dict("records")[0], "need"))  # fmt: skip


def plan_improvement(register: pd.DataFrame | NotMeasured, plan: Plan) -> Improvement | NotMeasured:
    """Tie the first needs of the register to the measures of the action plan.

    Args:
        register: the artefact ``needs_register``.
        plan: the action plan.

    Returns:
        NotMeasured where the register is.

    Source: method.md V6.
    """
    if isinstance(register, NotMeasured) or register.empty:
        missing = register.missing if isinstance(register, NotMeasured) else ("needs",)
        return NotMeasured(
            "strategy.improvement", text("strategy.improve.what", "Improvement plan for customers' needs"), missing
        )
    answered = {str(row["problem"]): row for row in plan.frame.to_dict("records")}
    measure = measure_for(OPEN_CHECK, plan.library)
    rows = []
    for need in register.head(MOST_NEEDS).to_dict("records"):
        row = answered.get(str(need["problem"]))
        fresh = {"measure": measure.id, "due": pd.NaT, "problem": ""} | {
            f"{name}_{e}": said for e in LANGUAGES
            for name, said in (("problem_name", ""), ("measure_name", measure.name[e]), ("owner", measure.owner[e]))
        }  # fmt: skip
        tied = fresh if row is None else {name: row[name] for name in fresh}
        rows.append({name: need[name] for name in ("rank", "customers", "share", "need_en", "need_zh")} | tied)
    return Improvement(pd.DataFrame(rows))
