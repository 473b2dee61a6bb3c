"""The problem list (X6, 《客户关系管理功能问题清单》): every check that breaches its limit, ranked by a written rule.

The rule stands in ranking.py; high and medium begin at the scores in the settings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from workbook.diagnosis import cases, exhibits, mix, own_history, ranking, ranking_exhibits, time_exhibits
from workbook.diagnosis.catalogue import effort, limit_source
from workbook.diagnosis.finding import (
    FINDING_COLUMNS,
    MODULES,
    TOUCHED_TYPES,
    Context,
    Finding,
    Measured,
    Module,
    Touch,
    not_delivered,
    split,
)
from workbook.diagnosis.five_whys import five_whys
from workbook.diagnosis.information import information_checks
from workbook.diagnosis.interaction import interaction_checks
from workbook.diagnosis.needs import needs_checks
from workbook.diagnosis.own import own_checks
from workbook.diagnosis.own_history import OwnLimit
from workbook.diagnosis.ranking import Trend, certainty, priority
from workbook.diagnosis.service import service_checks
from workbook.diagnosis.tickets import days_only, ticket_times
from workbook.diagnosis.value import pairs_table, value_checks
from workbook.language import Text, count, share, text
from workbook.period import Period
from workbook.report.blocks import Answer, Figure, KeyFigure, NotMeasured, Paragraph, Sheet, Table
from workbook.service_hours import Event
from workbook.settings.models import Settings
from workbook.tables import Tables

_CHECKS: tuple[Callable[[Tables, pd.DataFrame, Settings], list[Measured]], ...] = (
    information_checks, needs_checks, interaction_checks, value_checks, service_checks, own_checks,
)  # fmt: skip

_BY_EVENT = {"interaction": interaction_checks, "service": service_checks}
"""Modules with checks that count what happened in a period."""

PROBLEM_COLUMNS: tuple[str, ...] = (
    *FINDING_COLUMNS, "impact", "severity", "certainty", "trend", "effort", "priority_score", "priority",
    "stability", "status", "part_of",
)  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """What stage 3 found.

    Attributes:
        measured: every check that could be measured.
        not_measured: checks for which the client delivered no data.
        findings: one row a measured check (``FINDING_COLUMNS``).
        problems: the breaching rows with impact, severity, certainty, priority_score, priority (high, medium, low) and
            status (new, open, better), sorted by priority score; trend since the period before, effort, and stability: the
            share of tries with other limits and cut points in which the priority stays; part_of: the check that leads those
            which one remedy answers (its own where it leads or stands alone).
        figure_history: the figures of this period and of the reports before (``own_history.HISTORY_COLUMNS``).
        own_limits: what the client's own history says of the checks of diagnosis.own_history.
        changes: service rates against the period before, as they are and at equal mix of tickets.
        problem_cases: the records behind each problem, bounded (see :func:`workbook.diagnosis.cases.problem_cases`).
        progress: the problems of the period before and what became of them.
        gone_problems: those of them that are no longer on the list, solved or not measured (``ranking.GONE_COLUMNS``).
        problem_customers: problem, customer_id: whom each problem touches.
        responses, solutions: first responses and solutions by channel, priority, hour and tier, where they were delivered.
        high_revenue_share: share of trailing revenue of the customers whom problems of high priority touch; NaN where it is
            not known of each of them.
        touch: what the impact of a problem is a share of: revenue, customers where no revenue is known, nothing where no
            customer is.
        previous_high: number of problems of high priority in the previous period; None where there is none.
    """

    measured: tuple[Finding, ...]
    not_measured: tuple[NotMeasured, ...]
    findings: pd.DataFrame
    problems: pd.DataFrame
    problem_customers: pd.DataFrame
    changes: pd.DataFrame
    problem_cases: pd.DataFrame
    figure_history: pd.DataFrame
    own_limits: Mapping[str, OwnLimit]
    progress: pd.DataFrame
    gone_problems: pd.DataFrame
    responses: pd.DataFrame | NotMeasured
    solutions: pd.DataFrame | NotMeasured
    high_revenue_share: float
    touch: Touch
    previous_high: int | None
    settings: Settings
    period: Period

    @property
    def frame(self) -> pd.DataFrame:
        """The problem list."""
        return self.problems

    def found(self, check: str) -> Finding:
        """The finding of one check."""
        return next(finding for finding in self.measured if finding.check == check)

    @property
    def ranked(self) -> tuple[Finding, ...]:
        """The breaching findings in the order of the problem list."""
        return tuple(self.found(check) for check in self.problems["check"])

    def module_missing(self, module: Module) -> tuple[NotMeasured, ...]:
        """The checks of a module that could not be measured."""
        return tuple(m for m in self.not_measured if m.id.startswith(f"diagnosis.{module}."))

    def table(self) -> Table | NotMeasured:
        """The problem list for the report."""
        return exhibits.problem_table(self.problems, self.ranked, len(self.measured), self.settings, self.period)

    def evidence_table(self) -> Table | NotMeasured:
        """How many records stand behind each problem, and how many of them are listed."""
        return cases.evidence_table(self.problem_cases, self.ranked)

    def case_list(self) -> Table | NotMeasured:
        """The records behind each problem, one a line, for the departments."""
        return cases.case_list(self.problem_cases, self.problems, self.ranked)

    def cause_table(self) -> Table | Paragraph:
        """The likely cause of each problem."""
        return exhibits.cause_table(self.problems, self.ranked)

    def ranking_table(self) -> Table | NotMeasured:
        """The parts of each priority score, and how firm the priority is."""
        return ranking_exhibits.ranking_table(self.problems, self.ranked, self.touch, self.settings)

    def progress_table(self) -> Table | NotMeasured:
        """What became of the problems of the period before."""
        return ranking_exhibits.progress_table(self.progress, self.previous_high is not None, self.period)

    def figure(self) -> Figure | NotMeasured | Paragraph:
        """The problems ranked by priority score."""
        return exhibits.priority_figure(
            self.problems, self.ranked, len(self.measured), self.touch, self.settings.diagnosis, self.period
        )

    def module_table(self, module: Module) -> Table | NotMeasured:
        """Every measured check of a module against its limit."""
        chosen = [finding for finding in self.measured if finding.module == module]
        return exhibits.module_table(module, chosen, self.module_missing(module), self.settings, self.period)

    def module_tables(self) -> tuple[Table | NotMeasured, ...]:
        """The table of each module in the order of the method."""
        return tuple(self.module_table(module) for module in MODULES)

    def change_table(self) -> Table | NotMeasured:
        """Service rates against the period before, as they are and at equal mix of tickets."""
        return mix.change_table(self.changes, self.settings, self.period)

    def history_table(self) -> tuple[Table, ...]:
        """The limits from the client's own history, where any were asked for."""
        return own_history.history_table(self.own_limits, self.measured, self.settings)

    def sla_figure(self) -> Figure | NotMeasured:
        """Share of late first responses by channel, against the limit."""
        if isinstance(self.responses, NotMeasured):
            return self.responses
        return time_exhibits.sla_figure(self.responses, self.settings, self.period)

    def response_table(self) -> Table | NotMeasured:
        """First responses by channel, hour of opening and tier: late share, median and 90th percentile of hours."""
        if isinstance(self.responses, NotMeasured):
            return self.responses
        return time_exhibits.response_table(self.responses, self.settings, self.period)

    def solution_table(self) -> Table | NotMeasured:
        """Solutions in the same way."""
        if isinstance(self.solutions, NotMeasured):
            return self.solutions
        return time_exhibits.solution_table(self.solutions, self.settings, self.period)

    def pairs_table(self) -> Table | NotMeasured:
        """The pairs of products behind the cross-sell finding."""
        found = [finding for finding in self.measured if finding.check == "value.cross_sell"]
        lacking = [missing for missing in self.not_measured if missing.id == "diagnosis.value.cross_sell"]
        return pairs_table(found[0]) if found else lacking[0]

    def five_whys(self, known: Mapping[str, Sequence[Text]] | None = None) -> tuple[Sheet | NotMeasured, ...]:
        """The sheets of the 5 Whys, one a problem of high priority; *known*: check → what the data say to why 2 and on."""
        return five_whys(self.problems, self.ranked, known)

    def answer(self) -> Answer:
        """The chapter's message: what is wrong, how surely, and what it touches."""
        return exhibits.answer(self.problems, self.ranked, len(self.measured), len(self.not_measured))

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Problems of high priority, the revenue they touch, and late first responses; none where nothing was checked."""
        if not self.measured:
            return ()
        figures = [
            KeyFigure(
                "diagnosis.key.high", text("diagnosis.key.high", "Problems of high priority"),
                count(int((self.problems["priority"] == "high").sum())),
                previous=None if self.previous_high is None else count(self.previous_high), better="lower", rank=30,
            ),
            KeyFigure(
                "diagnosis.key.revenue", text("diagnosis.key.revenue", "Revenue of customers whom they touch"),
                share(self.high_revenue_share), rank=32,
            ),
        ]  # fmt: skip
        late = [finding for finding in self.measured if finding.check == "interaction.late_response"]
        figures += [
            KeyFigure(
                "diagnosis.key.late", text("diagnosis.key.late", "First responses too late"), share(f.figure, 1),
                share(f.low, 1), share(f.high, 1), better="lower", rank=31,
            )
            for f in late
        ]  # fmt: skip
        return tuple(figures)

    def definitions(self) -> tuple[Paragraph, ...]:
        """How breaches, intervals and priorities are found; for the appendix."""
        return exhibits.definitions(self.settings)


def diagnose(
    tables: Tables,
    profile: pd.DataFrame,
    settings: Settings,
    previous: pd.DataFrame | None = None,
    previous_findings: pd.DataFrame | None = None,
    history: pd.DataFrame | None = None,
) -> Diagnosis:
    """Run the checks of the five modules and rank what breaches its limit.

    Args:
        tables: the canonical tables.
        profile: one row a customer with customer_id and revenue over the trailing window.
        settings: sections diagnosis, service, scope, grading and analysis.
        previous: the artefact ``problems`` of the previous period; a problem that stood there is open, else new.
        previous_findings: the artefact ``findings`` of the previous period: what has become better or worse since.
        history: the artefact ``figure_history`` of the previous period: what limits from the client's own history rest on.

    Source: method.md X1–X6.
    """
    found, missing = split(result for checks in _CHECKS for result in checks(tables, profile, settings))
    known = history if isinstance(history, pd.DataFrame) else None
    own_limits = own_history.own_limits(found, known, tables, profile, settings, _BY_EVENT)
    measured = [_limited(finding, own_limits.get(finding.check), settings) for finding in found]
    context = Context.of(profile, settings.analysis.confidence)
    earlier = previous if isinstance(previous, pd.DataFrame) else None
    before = previous_findings if isinstance(previous_findings, pd.DataFrame) else None
    changes = mix.rate_changes(tables, settings)
    since = {f.check: ranking.trend_since(f, before, settings.analysis.confidence) for f in measured}
    trends = mix.trends_at_equal_mix(since, changes)
    problems = _problems(measured, context, settings, set() if earlier is None else set(earlier["check"]), trends)
    problem_customers = pd.DataFrame(
        [(f.check, customer) for f in measured if f.breached != "fine" for customer in f.customers],
        columns=["problem", "customer_id"], dtype="str",
    ).sort_values(["problem", "customer_id"], ignore_index=True)  # fmt: skip
    by_check = {finding.check: finding for finding in measured}
    steps = ranking.progress(measured, trends, earlier)
    ranked = [by_check[check] for check in problems["check"]]
    total = context.total
    high = problems[problems["priority"] == "high"]
    touched = problem_customers.loc[problem_customers["problem"].isin(high["check"]), "customer_id"]
    touched_known = total > 0 and high["revenue"].notna().all()
    return Diagnosis(
        measured=tuple(measured),
        not_measured=tuple(missing),
        findings=pd.DataFrame([f.row for f in measured], columns=list(FINDING_COLUMNS)).astype(TOUCHED_TYPES),
        problems=problems,
        problem_customers=problem_customers,
        figure_history=own_history.figure_history(measured, known, settings, tables.period),
        own_limits=own_limits,
        changes=changes,
        problem_cases=cases.problem_cases(ranked, tables, context, settings.diagnosis.listed_cases),
        progress=steps,
        gone_problems=ranking.gone(measured, steps, earlier),
        responses=_times(tables, settings, "first_response_at"),
        solutions=_times(tables, settings, "resolved_at"),
        high_revenue_share=context.touched(touched)[1] / total if touched_known else float("nan"),
        touch="revenue" if total > 0 else "customers" if len(context.revenue) else "nothing",
        previous_high=None if earlier is None else int((earlier["priority"] == "high").sum()),
        settings=settings,
        period=tables.period,
    )


def _limited(finding: Finding, own: OwnLimit | None, settings: Settings) -> Finding:
    """The finding against its limit: from the client's own history where that was asked for and is long enough."""
    source = limit_source(finding.check, settings)
    if own is None:
        return replace(finding, source=source)
    threshold = finding.threshold if math.isnan(own.limit) else own.limit
    return replace(finding, threshold=threshold, source=own_history.history_source(own, finding, source))


def _problems(
    measured: list[Finding], context: Context, settings: Settings, before: set[str], trends: dict[str, Trend]
) -> pd.DataFrame:
    total = context.total
    rows = []
    for finding in measured:
        if finding.breached == "fine":
            continue
        impact = finding.revenue / total if total > 0 else len(finding.customers) / max(len(context.revenue), 1)
        # refunds can leave the touched customers with more than the total, or with less than nothing
        impact = min(max(impact, 0.0), 1.0) if finding.customers else 0.0
        trend = trends[finding.check]
        urgency, ease = ranking.urgency_factor(trend, settings), ranking.effort_factor(finding.check, settings)
        score = ranking.score_of(finding, impact, urgency, ease, settings.analysis.confidence)
        status = "new" if finding.check not in before else "better" if trend == "better" else "open"
        rows.append(
            {
                **finding.row, "impact": impact if finding.customers else None, "severity": finding.severity,
                "certainty": certainty(finding, settings.analysis.confidence),
                "trend": trend, "effort": effort(finding.check, settings), "priority_score": score,
                "priority": priority(score, settings),
                "stability": ranking.stability(finding, impact, urgency, ease, settings), "status": status,
            }
        )  # fmt: skip
    problems = pd.DataFrame(rows, columns=list(PROBLEM_COLUMNS)).astype(TOUCHED_TYPES | {"impact": "float64"})
    ranked = problems.sort_values(["priority_score", "revenue", "check"], ascending=[False, False, True], ignore_index=True)
    return ranked.assign(part_of=ranking.leading(ranked, settings).astype("str"))


def _times(tables: Tables, settings: Settings, event: Event) -> pd.DataFrame | NotMeasured:
    id, what = (
        ("responses", text("diagnosis.responses.what", "First responses against their limit, by channel"))
        if event == "first_response_at"
        else ("solutions", text("diagnosis.solutions.what", "Solutions against their limit, by channel"))
    )
    if missing := tables.lacks(f"tickets.{event}"):
        return not_delivered(id, what, missing)
    if why := days_only(tables, settings, event):
        return NotMeasured(f"diagnosis.{id}", what, why=why)
    rows = ticket_times(tables, settings, event)
    if rows.empty:
        why = text("diagnosis.responses.none", "No ticket was opened in the period.")
        return NotMeasured(f"diagnosis.{id}", what, why=why)
    return rows


__all__ = ["MODULES", "Diagnosis", "diagnose", "priority"]
