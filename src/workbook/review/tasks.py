"""Tasks planned against done: what is late, with whom, and whether the team was trained (row P8)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbook.language import Text, count, day, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, NotMeasured, Paragraph, Sheet, Table
from workbook.tables import Tables

STATES: dict[str, Text] = {
    "on_time": text("review.task.on_time", "done on time"),
    "late": text("review.task.late", "done late"),
    "done": text("review.task.done", "done, date unknown"),
    "overdue": text("review.task.overdue", "overdue"),
    "open": text("review.task.open", "not due yet"),
    "undated": text("review.task.undated", "open, no due date"),
    "dropped": text("review.task.dropped", "cancelled"),
}
"""State of a task on the analysis date."""

_DONE = ("done", "closed", "complete", "completed", "finished", "完成", "已完成", "已关闭", "关闭")
_DROPPED = ("cancelled", "canceled", "dropped", "取消", "已取消", "作废")
_TRAINING = ("training", "train the", "workshop", "培训")


@dataclass(frozen=True)
class TaskTracking:
    """The tasks as they stood on the analysis date.

    Attributes:
        frame: task_id, measure, owner, due_at, done_at, state (:data:`STATES`), days_late (days past the due date, of tasks
            done late and of those overdue; 0 for others), training; overdue ones first, the latest of them before the others.
        period: the period analysed.
    """

    frame: pd.DataFrame
    period: Period

    def number(self, *states: str) -> int:
        """How many tasks are in one of *states*."""
        return int(self.frame["state"].isin(states).sum())

    def blocks(self) -> tuple[Block, ...]:
        """Tasks by owner, those overdue, and training, in the order of a chapter."""
        overdue = self.frame[self.frame["state"] == "overdue"]
        listed = (self._list("review.tasks.overdue", self._late_title(), overdue),) if len(overdue) else ()
        return (self.owners(), *listed, self._training())

    def sheet(self) -> Sheet:
        """Every task, for whoever follows them up; owners are named in full."""
        name = text("review.tasks.sheet", "Tasks")
        return Sheet(name, self._list("review.tasks.all", self._title(), self.frame), unmasked=True)

    def owners(self) -> Table:
        """Planned and done by owner, the one with most overdue first."""
        state = self.frame["state"]
        marks = self.frame.assign(
            due=state.isin(["on_time", "late", "overdue"]), on_time=state == "on_time", late=state == "late",
            overdue=state == "overdue", open=state.isin(["open", "undated"]),
            days=self.frame["days_late"].where(state == "overdue"),
        )  # fmt: skip
        rows = marks.groupby("owner", dropna=False, sort=True).agg(
            tasks=("task_id", "size"), due=("due", "sum"), on_time=("on_time", "sum"), late=("late", "sum"),
            overdue=("overdue", "sum"), longest=("days", "max"), open=("open", "sum"),
        )  # fmt: skip
        rows = (
            rows.assign(longest=rows["longest"].fillna(0))
            .reset_index()
            .sort_values(["overdue", "tasks", "owner"], ascending=[False, False, True], ignore_index=True)
        )
        columns = (
            Column("owner", text("review.head.owner", "Owner"), personal=True),
            Column("tasks", text("review.head.tasks", "Tasks"), "count"),
            Column("due", text("review.head.tasks_due", "Due so far"), "count"),
            Column("on_time", text("review.head.on_time", "Done on time"), "count"),
            Column("late", text("review.head.late", "Done late"), "count"),
            Column("overdue", text("review.head.overdue", "Overdue"), "count"),
            Column("longest", text("review.head.longest", "Longest overdue, days"), "count"),
            Column("open", text("review.head.open", "Not due yet"), "count"),
        )
        note = text(
            "review.tasks.note",
            "{n} tasks as they stood on {day}. Due so far: with a due date up to that day and not cancelled; what was done "
            "later counts as not done. Owners stand in full in the file of the effect report.",
            n=count(len(self.frame)),
            day=day(self.period.end),
        )
        return Table("review.tasks", self._title(), columns, rows, note)

    def _title(self) -> Text:
        return text(
            "review.tasks.title",
            "Of {due} {due:task|tasks} due, {done} {done:is|are} done, {on_time} on time; overdue: {overdue}",
            due=count(self.number("on_time", "late", "overdue")),
            done=count(self.number("on_time", "late")),
            on_time=count(self.number("on_time")),
            overdue=count(self.number("overdue")),
        )

    def _late_title(self) -> Text:
        longest = int(self.frame.loc[self.frame["state"] == "overdue", "days_late"].max())
        return text("review.tasks.overdue", "The oldest overdue task is {days} {days:day|days} late", days=count(longest))

    def _list(self, id: str, title: Text, rows: pd.DataFrame) -> Table:
        columns = (
            Column("task_id", text("review.head.task", "Task")),
            Column("measure", text("review.head.measure", "Measure")),
            Column("owner", text("review.head.owner", "Owner"), personal=True),
            Column("due_at", text("review.head.due", "Due"), "date"),
            Column("done_at", text("review.head.done", "Done"), "date"),
            Column("state", text("review.head.state", "State"), labels=STATES),
            Column("days_late", text("review.head.days_late", "Days late"), "count"),
        )
        shown = columns if id == "review.tasks.all" else tuple(c for c in columns if c.name not in ("done_at", "state"))
        return Table(id, title, shown, rows.reset_index(drop=True))

    def _training(self) -> Paragraph:
        trained = self.frame[self.frame["training"] & (self.frame["state"] != "dropped")]
        if trained.empty:
            words = text("review.tasks.untrained", "No task trains the team: what is new for it will not be used by itself.")
        else:
            words = text(
                "review.tasks.training",
                "Team training: {done} of {n} {n:task is|tasks are} done, {overdue} overdue.",
                done=count(int(trained["state"].isin(["on_time", "late", "done"]).sum())),
                n=count(len(trained)),
                overdue=count(int((trained["state"] == "overdue").sum())),
            )
        return Paragraph("review.tasks.training", words)


def track_tasks(tables: Tables) -> TaskTracking | NotMeasured:
    """Set the tasks done beside those planned, on the last day of the period.

    A task without a due date is never overdue; one whose status says "done" without a date is done, on time or not. Training is
    told by its words (training, workshop, 培训).

    Args:
        tables: canonical tables with ``tasks``.

    Source: method.md P8.
    """
    lacks = tables.lacks("tasks.task_id", "tasks.due_at")
    if lacks:
        return NotMeasured("review.tasks", text("review.tasks.none", "Tasks planned against done"), lacks)
    rows = tables.sql("select task_id, measure, owner, due_at, done_at, status from tasks order by task_id")
    due, done, end = pd.to_datetime(rows["due_at"]), pd.to_datetime(rows["done_at"]), pd.Timestamp(tables.period.end)
    done = done.where(done <= end)
    words = rows["status"].astype("object").fillna("").astype(str).str.strip().str.lower()
    # a date after the analysis date says more than a status of the same later day
    later = pd.to_datetime(rows["done_at"]) > end
    state = pd.Series("undated", index=rows.index, dtype="object")
    state = state.mask(due > end, "open").mask(due <= end, "overdue")
    state = state.mask(words.isin(_DONE) & ~later, "done").mask(words.isin(_DROPPED), "dropped")
    state = state.mask(done.notna(), "done").mask(done.notna() & (done <= due), "on_time").mask(done > due, "late")
    late = (done.fillna(end) - due).dt.days.where(state.isin(["late", "overdue"]), 0)
    training = rows["measure"].astype("object").fillna("").astype(str).str.lower().str.contains("|".join(_TRAINING))
    frame = rows.assign(due_at=due, done_at=done, state=state.astype("str"), days_late=late.astype("int64"), training=training)
    frame = frame.assign(first=state != "overdue").sort_values(
        ["first", "days_late", "task_id"], ascending=[True, False, True], ignore_index=True
    )
    return TaskTracking(frame.drop(columns=["first", "status"]), tables.period)
