"""How stage 3 shows: problem list, priorities, checks by module, first responses, and the chapter's message."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.diagnosis.finding import MODULE_NAMES, TOUCHED_TYPES, Finding, Touch, told
from workbook.language import Edition, Quantity, Text, count, day, format_value, joined, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Answer, Column, Figure, NotMeasured, Paragraph, Table
from workbook.report.figures import GRID, MUTED, UNCLEAR, WORSE, canvas, label_axis
from workbook.settings.models import Diagnosis as Limits
from workbook.settings.models import Settings

PRIORITY_NAMES = {
    "high": text("diagnosis.priority.high", "high"),
    "medium": text("diagnosis.priority.medium", "medium"),
    "low": text("diagnosis.priority.low", "low"),
}
STATUS_NAMES = {
    "new": text("diagnosis.status_name.new", "new"),
    "open": text("diagnosis.status_name.open", "open"),
    "better": text("diagnosis.status_name.better", "better"),
}
BREACH_NAMES = {
    "clear": text("diagnosis.breach.clear", "beyond the limit"),
    "possible": text("diagnosis.breach.possible", "perhaps beyond the limit"),
    "fine": text("diagnosis.breach.fine", "within the limit"),
}
MOST_BARS = 12


def problem_table(
    problems: pd.DataFrame, ranked: Sequence[Finding], checks: int, settings: Settings, period: Period
) -> Table | NotMeasured:
    """The problem list: number, module, problem, evidence, customers, revenue, priority, status; of *checks* measured."""
    if not checks:
        what = text("diagnosis.problems.what", "Problem list")
        return NotMeasured("diagnosis.problems", what, why=_no_check())
    names = {f.check: f.words.problem for f in ranked}
    leads = (problems["part_of"] == problems["check"]).to_numpy()
    listed = [f for f, first in zip(ranked, leads, strict=True) if first]
    frame = pd.DataFrame(
        {
            "no": range(1, len(listed) + 1),
            "module": [f.module for f in listed],
            "problem": [_together(f, problems, names) for f in listed],
            "evidence": [f.evidence for f in listed],
            **_touched(listed),
            "priority": problems.loc[leads, "priority"].to_list(),
            "status": problems.loc[leads, "status"].to_list(),
        }
    )
    columns = (
        Column("no", text("diagnosis.column.no", "No."), "count"),
        Column("module", text("diagnosis.column.module", "Module"), labels=MODULE_NAMES),
        Column("problem", text("diagnosis.column.problem", "Problem")),
        Column("evidence", text("diagnosis.column.evidence", "Evidence")),
        Column("customers", text("diagnosis.column.customers", "Customers touched"), "people"),
        Column("revenue", text("diagnosis.column.revenue", "Their revenue"), "money"),
        Column("priority", text("diagnosis.column.priority", "Priority"), labels=PRIORITY_NAMES),
        Column("status", text("diagnosis.column.status", "Status"), labels=STATUS_NAMES),
    )
    note = text(
        "diagnosis.problems.note",
        "Evidence: figure with {level} interval, limit and number of cases. Revenue: trailing window of the customers touched, "
        "who may stand in several rows. Also: problems that the same remedy answers; figures of the first. "
        "{start} to {end}.{unknown}",
        unknown=_why_unknown(frame), level=share(settings.analysis.confidence), start=day(period.start), end=day(period.end),
    )  # fmt: skip
    return Table("diagnosis.problems", _list_title(problems), columns, frame, note, artefact="problems")


def _together(found: Finding, problems: pd.DataFrame, names: Mapping[str, Text]) -> Text:
    """The problem, and those that the same remedy answers."""
    others = problems.loc[(problems["part_of"] == found.check) & (problems["check"] != found.check), "check"]
    if others.empty:
        return found.words.problem
    return text("diagnosis.problems.together", "{problem} (also: {others})",
                problem=found.words.problem, others=joined([names[str(check)] for check in others]))  # fmt: skip


def _list_title(problems: pd.DataFrame) -> Text:
    high = int((problems["priority"] == "high").sum())
    if problems.empty:
        return text("diagnosis.problems.none", "No check lies beyond its limit")
    if high == 0:
        return text("diagnosis.problems.no_high", "{n} {n:problem|problems}, none of high priority", n=count(len(problems)))
    groups = problems["part_of"].nunique()
    if groups < len(problems):
        return text("diagnosis.problems.groups", "{n} {n:problem|problems} in {groups} {groups:group|groups}, "
            "{high} of high priority",
                    n=count(len(problems)), groups=count(groups), high=count(high))  # fmt: skip
    return text(
        "diagnosis.problems.some", "{n} {n:problem|problems}, {high} of high priority", n=count(len(problems)), high=count(high)
    )  # fmt: skip


def _no_check() -> Text:
    return text("diagnosis.none_measured", "No check could be measured with the data delivered.")


def cause_table(problems: pd.DataFrame, ranked: Sequence[Finding]) -> Table | Paragraph:
    """The likely cause of each problem, to be checked with the people who do the work."""
    if not ranked:
        return Paragraph("diagnosis.causes", text("diagnosis.causes.none", "Without a problem there is no cause to look for."))
    frame = pd.DataFrame(
        {
            "problem": [f.words.problem for f in ranked],
            "cause": [f.words.cause for f in ranked],
            "priority": problems["priority"].to_list(),
        }
    )
    columns = (
        Column("problem", text("diagnosis.column.problem", "Problem")),
        Column("cause", text("diagnosis.column.cause", "Likely cause")),
        Column("priority", text("diagnosis.column.priority", "Priority"), labels=PRIORITY_NAMES),
    )
    note = text("diagnosis.causes.note", "Assumptions from experience, not measured; check them with those who do the work.")
    title = text("diagnosis.causes.title", "{n} {n:problem|problems}, each with a likely cause to check", n=count(len(ranked)))
    return Table("diagnosis.causes", title, columns, frame, note, artefact="problems")


def priority_figure(
    problems: pd.DataFrame, ranked: Sequence[Finding], checks: int, touch: Touch, limits: Limits, period: Period
) -> Figure | NotMeasured | Paragraph:
    """Ranked bars of the priority score, with the scores from which a problem is medium and high; of *checks* measured."""
    if not checks:
        return NotMeasured("diagnosis.priorities", text("diagnosis.priorities.what", "Ranking of problems"), why=_no_check())
    if not ranked:
        words = text("diagnosis.priorities.none", "Every check measured lies within its limit.")
        return Paragraph("diagnosis.priorities", words)
    leads = problems[problems["part_of"] == problems["check"]].head(MOST_BARS)
    top, scores = [ranked[i] for i in leads.index], leads["priority_score"].to_numpy(float)
    grades, impact = leads["priority"].to_list(), leads["impact"].to_numpy(float)

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(height=max(2.6, 0.42 * len(top) + 0.8))
        places = np.arange(len(top))
        fills = {"high": WORSE, "medium": MUTED, "low": "white"}
        edges = {"high": WORSE, "medium": MUTED, "low": UNCLEAR}
        axes.barh(
            places, scores, height=0.62, color=[fills[g] for g in grades], edgecolor=[edges[g] for g in grades], linewidth=1.2
        )
        for place, score, grade, part in zip(places.tolist(), scores.tolist(), grades, impact, strict=True):
            words = f"{PRIORITY_NAMES[grade].render(edition)} {format_value(score, 'ratio', edition)}"
            if not np.isnan(part):
                words += f" · {_touch_words(part, touch).render(edition)}"
            axes.text(score + 0.012, place, words, va="center", fontsize=8.5,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})  # fmt: skip
        for at in (limits.medium_priority, limits.high_priority):
            axes.axvline(at, color=GRID, linewidth=1.2, zorder=0)
        axes.set_xticks(
            [0, limits.medium_priority, limits.high_priority, 1],
            ["0",
             *(f"{PRIORITY_NAMES[g].render(edition)}\n≥ {format_value(at, 'ratio', edition)}"
               for g, at in (("medium", limits.medium_priority), ("high", limits.high_priority))), "1"],
            linespacing=1.45,
        )  # fmt: skip
        axes.set_yticks(places, [_wrapped(f.words.problem.render(edition), edition) for f in top], linespacing=1.45)
        axes.invert_yaxis()
        axes.set_xlim(0, max(1.0, float(scores.max()) / 0.5))
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        label_axis(axes, text("diagnosis.priorities.axis", "Priority score").render(edition))
        return figure

    first = top[0]
    title = _first_title(first, float(impact[0]), touch)
    alt = text(
        "diagnosis.priorities.alt", "Horizontal bars: priority score of {n} problems; the highest is {problem} at {score}.",
        n=count(len(top)), problem=first.words.problem, score=number(float(scores[0]), 2),
    )  # fmt: skip
    note = text(
        "diagnosis.priorities.note",
        "Priority score from 0 to 1 = certainty × gravity × urgency × effort; gravity grows with the revenue touched and "
        "the distance from the limit; n = {n} problems, those of one remedy under the first of them; {start} to {end}.",
        n=count(len(ranked)), start=day(period.start), end=day(period.end),
    )  # fmt: skip
    return Figure("diagnosis.priorities", title, draw, alt, note)


def _first_title(first: Finding, part: float, touch: Touch) -> Text:
    problem, touched = first.words.problem, share(part)
    if np.isnan(part):
        return text("diagnosis.priorities.title_alone", "First to mend: {problem}", problem=problem)
    if touch == "customers":
        return text("diagnosis.priorities.title_customers", "First to mend: {problem} ({part} of customers touched)",
                    problem=problem, part=touched)  # fmt: skip
    return text("diagnosis.priorities.title", "First to mend: {problem} ({part} of revenue touched)",
                problem=problem, part=touched)  # fmt: skip


def _touch_words(part: float, touch: Touch) -> Text:
    if touch == "customers":
        return text("diagnosis.priorities.label_customers", "touches {part} of customers", part=share(part))
    return text("diagnosis.priorities.label", "touches {part} of revenue", part=share(part))


def _wrapped(words: str, edition: Edition) -> str:
    english = edition.language == "en"
    return textwrap.fill(words, 34 if english else 16, break_long_words=not english, break_on_hyphens=False)


def module_table(
    module: str, findings: Sequence[Finding], missing: Sequence[NotMeasured], settings: Settings, period: Period
) -> Table | NotMeasured:
    """Checks of one module: figure with interval, n, limit and reading; NotMeasured where none could be measured."""
    id = f"diagnosis.module.{module}"
    if not findings:
        lacking = tuple(dict.fromkeys(name for m in missing for name in m.missing))
        why = None if lacking else text("diagnosis.module.no_case", "The data delivered hold no case for these checks.")
        return NotMeasured(id, text("diagnosis.module.what", "Checks of the module {module}", module=MODULE_NAMES[module]),
                           lacking, why)  # fmt: skip
    frame = pd.DataFrame(
        {
            "measure": [f.words.measure for f in findings],
            "figure": [f.quantity(f.figure) for f in findings],
            "low": [f.bound(f.low) for f in findings],
            "high": [f.bound(f.high) for f in findings],
            "n": [f.n for f in findings],
            "limit": [_limit(f) for f in findings],
            "source": [f.source for f in findings],
            "breached": [f.breached for f in findings],
            **_touched(findings),
        }
    )
    columns = (
        Column("measure", text("diagnosis.column.measure", "Measure")),
        Column("figure", text("diagnosis.column.figure", "Figure (interval)"), low="low", high="high"),
        Column("n", text("diagnosis.column.n", "n"), "count"),
        Column("limit", text("diagnosis.column.limit", "Limit")),
        Column("source", text("diagnosis.column.source", "Limit from")),
        Column("breached", text("diagnosis.column.reading", "Reading"), labels=BREACH_NAMES),
        Column("customers", text("diagnosis.column.customers", "Customers touched"), "people"),
        Column("revenue", text("diagnosis.column.revenue", "Their revenue"), "money"),
    )
    note = text(
        "diagnosis.module.note",
        "Shares of records, customers or tickets (n) with {level} interval; service tickets of "
        "{start} to {end}, records as of {end}; revenue over the trailing window.{unjudged}{unknown}",
        unjudged=_unjudged(findings), unknown=_why_unknown(frame), level=share(settings.analysis.confidence),
        start=day(period.start), end=day(period.end),
    )  # fmt: skip
    return Table(id, _module_title(module, findings), columns, frame, note, artefact="findings")


def _touched(findings: Sequence[Finding]) -> dict[str, pd.Series]:
    """Customers touched and their revenue; missing where the delivery cannot tell, which is not none."""
    customers, revenue = ([f.reach[place] for f in findings] for place in (0, 1))
    return {
        "customers": pd.Series(customers, dtype=TOUCHED_TYPES["customers"]),
        "revenue": pd.Series(revenue, dtype=TOUCHED_TYPES["revenue"]),
    }


def _why_unknown(frame: pd.DataFrame) -> Text:
    """Why customers touched or their revenue are n/a in some rows; nothing where they are known in all."""
    if frame["customers"].isna().any():
        return text("diagnosis.unknown.customers",
                    " n/a: the records behind the figure name no customer of the delivery; the priority then rests on the "
                    "distance from the limit alone.")  # fmt: skip
    if frame["revenue"].isna().any():
        return text("diagnosis.unknown.revenue", " n/a: no order amounts were delivered for the trailing window.")
    return named("")


def _unjudged(findings: Sequence[Finding]) -> Text:
    """Cases left out of the figures; nothing where there is none."""
    left = [
        text("diagnosis.unjudged.one", "{measure}: {n} ({part})", measure=f.words.measure, n=count(f.unjudged),
             part=share(f.unjudged_share, 1))
        for f in findings if f.unjudged > 0
    ]  # fmt: skip
    if not left:
        return named("")
    return text("diagnosis.unjudged.all", " Left out (not due yet, or times or values missing or impossible): {cases}.",
                cases=joined(left))  # fmt: skip


def _limit(finding: Finding) -> Text:
    limit = finding.limit
    if finding.direction == "above":
        return text("diagnosis.limit.above", "at most {limit}", limit=limit)
    return text("diagnosis.limit.below", "at least {limit}", limit=limit)


def _module_title(module: str, findings: Sequence[Finding]) -> Text:
    worst = max(findings, key=lambda f: (f.breached == "clear", f.severity))
    if worst.breached == "fine":
        return text("diagnosis.module.fine", "{module}: {n} of {n} {n:check within its limit|checks within their limits}",
                    module=MODULE_NAMES[module], n=count(len(findings)))  # fmt: skip
    values: dict[str, Text | Quantity] = {
        "problem": worst.words.problem,
        "figure": told(worst.figure, worst.unit, worst.direction), "limit": _limit(worst),
    }  # fmt: skip
    if worst.breached == "possible":
        return text("diagnosis.module.possible", "Perhaps: {problem} ({figure}, {limit} wanted)", **values)
    return text("diagnosis.module.clear", "{problem}: {figure}, {limit} wanted", **values)


def answer(problems: pd.DataFrame, ranked: Sequence[Finding], checks: int, missing: int) -> Answer:
    """Heading and at most three sentences: how many problems, the first of them, what stayed dark."""
    clear = sum(f.breached == "clear" for f in ranked)
    sentences = [_checks_sentence(checks, clear, len(ranked) - clear)] if checks else []
    if ranked and ranked[0].reach[0] is None:
        sentences.append(
            text("diagnosis.answer.first_alone", "First comes “{problem}”: {evidence}; whom it touches was not delivered.",
                 problem=ranked[0].words.problem, evidence=ranked[0].evidence)
        )  # fmt: skip
    elif ranked:
        sentences.append(
            text("diagnosis.answer.first", "First comes “{problem}”: {evidence}; it touches {customers} customers.",
                 problem=ranked[0].words.problem, evidence=ranked[0].evidence, customers=count(len(ranked[0].customers)))
        )  # fmt: skip
    if missing:
        sentences.append(text("diagnosis.answer.missing", "Checks not measured for want of data: {n}.", n=count(missing)))
    return Answer("diagnosis.answer", _answer_heading(problems, ranked, checks, missing), tuple(sentences), "complication")


def _checks_sentence(checks: int, clear: int, possible: int) -> Text:
    if possible == 0:
        return text("diagnosis.answer.clear", "Checks measured: {checks}; beyond their limit: {clear}.",
                    checks=count(checks), clear=count(clear))  # fmt: skip
    return text("diagnosis.answer.checks",
                "Checks measured: {checks}; clearly beyond their limit: {clear}, perhaps: {possible}.",
                checks=count(checks), clear=count(clear), possible=count(possible))  # fmt: skip


def _answer_heading(problems: pd.DataFrame, ranked: Sequence[Finding], checks: int, missing: int) -> Text:
    if not checks:
        return text("diagnosis.answer.nothing", "No check of the five modules could be measured")
    if not ranked and missing:
        return text("diagnosis.answer.partly", "Checks beyond their limit: 0 of {checks}; {missing} more lack data",
                    checks=count(checks), missing=count(missing))  # fmt: skip
    high = [f.module for f, grade in zip(ranked, problems["priority"], strict=True) if grade == "high"]
    if not ranked:
        return text("diagnosis.answer.none", "The five modules show no problem beyond its limit")
    if not high:
        return text("diagnosis.answer.no_high", "{n} {n:problem|problems}, none of high priority", n=count(len(ranked)))
    modules = joined([MODULE_NAMES[module] for module in dict.fromkeys(high)][:2])
    return text(
        "diagnosis.answer.heading",
        "{n} {n:problem|problems}; the gravest {n:lies|lie} in: {modules}",
        n=count(len(ranked)),
        modules=modules,
    )


def definitions(settings: Settings) -> tuple[Paragraph, ...]:
    """The rules of stage 3 in words."""
    limits = settings.diagnosis
    return (
        Paragraph(
            "diagnosis.definition.interval",
            text("diagnosis.definition.interval",
                 "Intervals have a confidence of {confidence} (Wilson; Newcombe for differences): "
                 "although every delivered case is counted, the period is read as a sample of how the process works.",
                 confidence=share(settings.analysis.confidence)),
            "definition",
        ),
        Paragraph(
            "diagnosis.definition.breach",
            text("diagnosis.definition.breach",
                 "A check is beyond its limit where its whole interval is, and perhaps beyond where only the figure is."),
            "definition",
        ),
        Paragraph(
            "diagnosis.definition.priority",
            text("diagnosis.definition.priority",
            "Priority score = certainty × gravity × urgency × effort, at most 1. Gravity = 1 − (1 − impact) × (1 − severity). "
            "Impact: share of revenue of the customers touched. Severity: share of the bad cases that would have to go for "
            "the limit to be met. Certainty: 2P − 1, P the probability by the interval that the limit is passed. Urgency: "
            "{worse} where clearly worse than in the last period, {better} where better. Effort: {small} where small, "
            "{large} where large. High from {high}, medium from {medium}.",
                 worse=number(limits.priority.worse, 2), better=number(limits.priority.better, 2),
                 small=number(limits.priority.small, 2), large=number(limits.priority.large, 2),
                 high=number(limits.high_priority, 2), medium=number(limits.medium_priority, 2)),
            "definition",
        ),
    )  # fmt: skip
