"""Questions to the person at the terminal, and what an answer changes in the proposal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace

from workbook.language import Edition, Text, text
from workbook.settings.writing import one_line
from workbook.sources.inspection.match import Question
from workbook.sources.inspection.proposal import Proposal, ProposedSource
from workbook.sources.inspection.tables import Unplaced
from workbook.sources.parsing import DAY_FIRST, MONTH_FIRST
from workbook.sources.waits import ELAPSED
from workbook.tables import SCHEMAS

Ask = Callable[[str], str]
"""Shows a question and returns what the person typed."""


def ask_tables(unplaced: tuple[Unplaced, ...], ask: Ask, edition: Edition) -> dict[str, str]:
    """File's table → canonical table, for those of which two are likely; nothing typed leaves it open."""
    told: dict[str, str] = {}
    for one in unplaced:
        if len(one.candidates) < 2:
            continue
        question = text("new.prompt.table", "Which table is {file}?", file=one.extract.name)
        answer = _chosen(_options(question, one.candidates, edition), one.candidates, ask)
        if answer is not None:
            told[one.extract.name] = answer
    return told


def ask_columns(proposal: Proposal, ask: Ask, edition: Edition) -> Proposal:
    """Every open question put, the answers in their places."""
    answered = []
    for proposed in proposal.sources:
        for question in list(proposed.questions.values()):
            proposed = _put(proposed, question, ask, edition)
        answered.append(proposed)
    return replace(proposal, sources=tuple(answered))


def answer(proposed: ProposedSource, column: str, reply: str) -> ProposedSource:
    """The source with one question answered: one of its file's columns, a date order, or ``= value`` for all rows.

    Raises:
        ValueError: where the reply is none of these; its message says what is.
    """
    source = proposed.source
    update: dict[str, object] = {"todo": {c: o for c, o in source.todo.items() if c != column}}
    if reply in (DAY_FIRST, MONTH_FIRST, *ELAPSED):
        columns = dict(source.columns)
        if column not in columns:
            (columns[column],) = proposed.questions[column].candidates
        dates = dict(source.dates) if isinstance(source.dates, Mapping) else {}
        update |= {"columns": columns, "dates": {**dates, column: reply}}
    elif reply.startswith("="):
        update["constants"] = {**source.constants, column: _constant(source.table, column, reply[1:].strip())}
        update["columns"] = {c: o for c, o in source.columns.items() if c != column}
    elif reply in proposed.left or reply in proposed.questions[column].candidates:
        update["columns"] = {**source.columns, column: reply}
    else:
        raise ValueError(f"found {reply!r}, expected a column of the file, or = and one value for all rows")
    order = list(SCHEMAS[source.table].columns)
    for key in ("columns", "constants"):
        if key in update:
            update[key] = dict(sorted(update[key].items(), key=lambda pair: order.index(pair[0])))  # type: ignore[attr-defined]
    questions = {c: q for c, q in proposed.questions.items() if c != column}
    left = tuple(name for name in proposed.left if name != reply)
    return replace(proposed, source=source.model_copy(update=update), questions=questions, left=left)


def _put(proposed: ProposedSource, question: Question, ask: Ask, edition: Edition) -> ProposedSource:
    column, source = question.column, proposed.source
    asked = text(
        "new.prompt.column", "{file}: which column is {table}.{column}? ({why}; = and a value for all rows)",
        file=source.file, table=source.table, column=column, why=question.why,
    )  # fmt: skip
    words = _options(asked, question.candidates, edition)
    while True:
        reply = ask(words).strip()
        if not reply:
            return proposed
        if reply.isdigit() and 1 <= int(reply) <= len(question.candidates):
            reply = question.candidates[int(reply) - 1]
        try:
            return answer(proposed, column, reply)
        except ValueError as fault:
            words = str(fault)


def _constant(table: str, column: str, value: str) -> str:
    if not value:
        raise ValueError("found nothing after =, expected one value for all rows")
    if SCHEMAS[table].columns[column] in ("date", "time"):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"found {value!r}, expected a day such as = 2025-12-31") from None
    return value


def _chosen(words: str, candidates: tuple[str, ...], ask: Ask) -> str | None:
    while True:
        reply = ask(words).strip()
        if not reply:
            return None
        if reply in candidates:
            return reply
        if reply.isdigit() and 1 <= int(reply) <= len(candidates):
            return candidates[int(reply) - 1]
        words = f"found {reply!r}, expected 1 to {len(candidates)}, or nothing"


def _options(question: Text, candidates: tuple[str, ...], edition: Edition) -> str:
    lines = [one_line(question.render(edition))]
    lines += [f"  {number}  {one_line(name)}" for number, name in enumerate(candidates, start=1)]
    lines.append("  " + text("new.prompt.enter", "Enter leaves it open").render(edition))
    return "\n".join(lines)
