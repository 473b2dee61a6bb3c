"""Sheets for the 5 Whys (5Why): one a problem of high priority, filled with the evidence as far as the data go, the rest asked
of those who do the work (V4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workbook.diagnosis.finding import Finding
from workbook.language import Text, count, joined, text
from workbook.report.blocks import Column, NotMeasured, Sheet, Table

WHYS = 5
VERIFIED = (
    text("diagnosis.whys.seen", "seen in records"),
    text("diagnosis.whys.asked", "told by those who do the work"),
    text("diagnosis.whys.guessed", "assumption"),
)


ASKED: Mapping[str, Text] = {
    "information": text("diagnosis.whys.ask.information", "who enters the field, when, and what happens if it stays empty?"),
    "needs": text("diagnosis.whys.ask.needs", "what is asked in a talk, where is the answer noted, and who reads it?"),
    "interaction": text("diagnosis.whys.ask.interaction", "what tells the person in charge that a customer is waiting?"),
    "value": text("diagnosis.whys.ask.value", "by which rule is it decided, and who looks at it again, and when?"),
    "service": text("diagnosis.whys.ask.service", "at which step is it handed over, and who notices when nothing follows?"),
}
"""What to ask of those who do the work where the data end, by module."""


def five_whys(
    problems: pd.DataFrame, ranked: Sequence[Finding], known: Mapping[str, Sequence[Text]] | None = None
) -> tuple[Sheet | NotMeasured, ...]:
    """One sheet for each problem of high priority; problems that one remedy answers share the sheet of their leader.

    Args:
        problems: the problem list, sorted, with check, priority and part_of.
        ranked: its findings in the same order.
        known: check → answers to the second why and those after it that the data give.

    Returns:
        A single NotMeasured where no problem is of high priority: then no file is written.
    """
    names = {finding.check: finding for finding in ranked}
    leads = problems.loc[(problems["priority"] == "high") & (problems["part_of"] == problems["check"]), "check"]
    if leads.empty:
        why = text("diagnosis.whys.none", "No problem is of high priority.")
        return (NotMeasured("diagnosis.whys", text("diagnosis.whys.what", "Sheets for the 5 Whys"), why=why),)
    sheets = [_overview([names[str(check)] for check in leads])]
    for number, check in enumerate(leads, start=1):
        also = problems.loc[(problems["part_of"] == check) & (problems["check"] != check), "check"]
        sheets.append(_sheet(number, names[str(check)], [names[str(other)] for other in also],
                             (known or {}).get(str(check), ())))  # fmt: skip
    return tuple(sheets)


def _overview(findings: Sequence[Finding]) -> Sheet:
    """The problems with what is to be found: the first sheet of the file."""
    frame = pd.DataFrame(
        {
            "no": range(1, len(findings) + 1),
            "problem": [finding.words.problem for finding in findings],
            "evidence": [finding.evidence for finding in findings],
            **{name: pd.Series([None] * len(findings), dtype=object) for name in ("root", "owner", "date")},
        }
    )
    columns = (
        Column("no", text("diagnosis.column.no", "No."), "count"),
        Column("problem", text("diagnosis.column.problem", "Problem")),
        Column("evidence", text("diagnosis.column.evidence", "Evidence")),
        Column("root", text("diagnosis.whys.found", "Root cause found")),
        Column("owner", text("diagnosis.whys.owner", "Owner")),
        Column("date", text("diagnosis.whys.date", "Date"), "date"),
    )
    title = text("diagnosis.whys.all", "5 Whys of {n} {n:problem|problems} of high priority", n=count(len(findings)))
    return Sheet(text("diagnosis.whys.name", "5 Whys"), Table("diagnosis.whys", title, columns, frame), to_fill=True)


def _sheet(number: int, finding: Finding, also: Sequence[Finding], known: Sequence[Text]) -> Sheet:
    """Rows: the problem with its evidence, five whys, and what follows from the last."""
    said = [text("diagnosis.whys.evidence", "{measure}: {evidence}", measure=f.words.measure, evidence=f.evidence)
            for f in (finding, *also)]  # fmt: skip
    steps: list[tuple[Text, Text | None, Text | None]] = [
        (text("diagnosis.whys.problem", "Problem: {problem}", problem=finding.words.problem), joined(said), VERIFIED[0]),
        (text("diagnosis.whys.first", "Why 1: why is it so?"), finding.words.cause, VERIFIED[2]),
        *(
            (text("diagnosis.whys.next", "Why {n}: why is that so?", n=count(n)), answer, VERIFIED[0])
            for n, answer in enumerate(known, start=2)
        ),
        *((_open(n, finding.module, first=n == 2 + len(known)), None, None) for n in range(2 + len(known), WHYS + 1)),
        (text("diagnosis.whys.root", "Root cause: what would keep it from coming back?"), None, None),
        (text("diagnosis.whys.measure", "Measure against the root cause"), None, None),
    ]
    frame = pd.DataFrame(
        {
            "step": pd.Series([step for step, _, _ in steps], dtype=object),
            "answer": pd.Series([answer for _, answer, _ in steps], dtype=object),
            "verified": pd.Series([how for _, _, how in steps], dtype=object),
            "owner": pd.Series([None] * len(steps), dtype=object),
            "date": pd.Series([None] * len(steps), dtype=object),
        }
    )
    columns = (
        Column("step", text("diagnosis.whys.step", "Step")),
        Column("answer", text("diagnosis.whys.answer", "Answer, with figures")),
        Column("verified", text("diagnosis.whys.verified", "How it is known")),
        Column("owner", text("diagnosis.whys.owner", "Owner")),
        Column("date", text("diagnosis.whys.date", "Date"), "date"),
    )
    name = text("diagnosis.whys.tab", "{n} {problem}", n=count(number), problem=finding.words.problem)
    title = text("diagnosis.whys.title", "5 Whys: {problem}", problem=finding.words.problem)
    return Sheet(name, Table(f"diagnosis.whys.{finding.check}", title, columns, frame), {"verified": VERIFIED}, to_fill=True)


def _open(n: int, module: str, first: bool) -> Text:
    """A why that the data leave open; the first of them says what to ask."""
    if not first or module not in ASKED:
        return text("diagnosis.whys.next", "Why {n}: why is that so?", n=count(n))
    return text("diagnosis.whys.ask", "Why {n}: why is that so? The data do not tell; ask: {question}", n=count(n),
                question=ASKED[module])  # fmt: skip
