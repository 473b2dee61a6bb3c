"""The written rule by which problems are ranked, how firmly it ranks them, and how they have moved since the last period (X6).

Priority score = certainty × gravity × urgency × effort, at most 1. Gravity = 1 − (1 − impact) × (1 − severity): a problem is
grave where it touches much revenue or lies far beyond its limit. Impact is the share of trailing revenue of the customers
touched; severity the share of the bad cases that would have to go for the limit to be met. Certainty is how much surer than a
coin the breach is: 2P − 1, P the probability (normal, from the interval) that the limit is truly passed. Urgency and effort are
the factors of diagnosis.priority.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import Literal

import pandas as pd
from scipy import stats

from workbook.diagnosis.catalogue import effort, family
from workbook.diagnosis.finding import TOUCHED_TYPES, Finding
from workbook.language import LANGUAGES, Edition, text
from workbook.settings.models import Settings

Trend = Literal["better", "worse", "unclear", "none"]

SHIFTS = (0.8, 1.0, 1.25)
"""Factors on the accepted share of bad cases under which the ranking is tried again."""

CUTS = (-0.05, 0.0, 0.05)
"""What is added to the scores from which a problem is high and medium, to try them again."""


def priority(score: float, settings: Settings, shift: float = 0.0) -> str:
    """The priority that a score earns, as it is shown with two decimals: high, medium or low."""
    score = round(score, 2)
    if score >= round(settings.diagnosis.high_priority + shift, 9):
        return "high"
    return "medium" if score >= round(settings.diagnosis.medium_priority + shift, 9) else "low"


def certainty(finding: Finding, confidence: float) -> float:
    """How much surer than a coin it is that the limit is truly passed: 0 at the limit, near 1 where the interval is clear.

    >>> found = Finding("a", "needs", None, 0.3, "share", 0.2, 0.4, 80, 0.2, "above", (), 0.0)
    >>> round(certainty(found, 0.95), 3)
    0.95
    """
    if finding.breached == "fine":
        return 0.0
    over = finding.direction == "above"
    beyond = finding.figure - finding.threshold if over else finding.threshold - finding.figure
    half = finding.figure - finding.low if over else finding.high - finding.figure
    if half <= 0:
        return 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2) * beyond / half
    return 2 * NormalDist().cdf(z) - 1


def score_of(finding: Finding, impact: float, urgency: float, ease: float, confidence: float) -> float:
    """The priority score of a finding by the written rule."""
    gravity = 1 - (1 - impact) * (1 - finding.severity)
    return min(1.0, certainty(finding, confidence) * gravity * urgency * ease)


def urgency_factor(trend: Trend, settings: Settings) -> float:
    """The factor of a problem that has become worse or better since the period before."""
    rule = settings.diagnosis.priority
    return {"worse": rule.worse, "better": rule.better}.get(trend, 1.0)


def effort_factor(check: str, settings: Settings) -> float:
    """The factor of what it takes to mend a problem."""
    rule = settings.diagnosis.priority
    return {"small": rule.small, "large": rule.large}.get(effort(check, settings), 1.0)


def stability(finding: Finding, impact: float, urgency: float, ease: float, settings: Settings) -> float:
    """Share of nine tries, with other limits and other cut points, in which a problem keeps its priority."""
    level = settings.analysis.confidence
    here = priority(score_of(finding, impact, urgency, ease, level), settings)
    tries = [
        priority(score_of(_held_against(finding, shift), impact, urgency, ease, level), settings, cut) == here
        for shift in SHIFTS
        for cut in CUTS
    ]
    return sum(tries) / len(tries)


def _held_against(finding: Finding, shift: float) -> Finding:
    """A finding with a limit that accepts *shift* times as many bad cases."""
    if finding.direction == "above":
        return replace(finding, threshold=finding.threshold * shift)
    return replace(finding, threshold=1 - (1 - finding.threshold) * shift)


def leading(problems: pd.DataFrame, settings: Settings) -> pd.Series:
    """For each problem the check that leads its family: the first of those that one remedy answers; itself where it leads.

    Args:
        problems: sorted by priority score, with the column ``check``.
    """
    families = problems["check"].map(lambda check: family(check, settings))
    found: pd.Series = problems.groupby(families, sort=False)["check"].transform("first")
    return found


def trend_since(finding: Finding, earlier: pd.DataFrame | None, confidence: float) -> Trend:
    """How a figure has moved since the period before, by the interval of the difference of two independent estimates.

    Args:
        earlier: the artefact ``findings`` of the period before; None where there is none.
    """
    if earlier is None or finding.check not in set(earlier["check"]):
        return "none"
    row = earlier.loc[earlier["check"] == finding.check].iloc[0]
    z = float(stats.norm.ppf((1 + confidence) / 2))
    errors = [(finding.high - finding.low) / (2 * z), (float(row["high"]) - float(row["low"])) / (2 * z)]
    change = finding.figure - float(row["figure"])
    half = z * math.hypot(*errors)
    if abs(change) <= half:
        return "unclear"
    return "worse" if (change > 0) == (finding.direction == "above") else "better"


def progress(findings: list[Finding], trends: dict[str, Trend], earlier: pd.DataFrame | None) -> pd.DataFrame:
    """The problems of the period before and what became of them.

    Args:
        earlier: the artefact ``problems`` of the period before; None where there is none.

    Returns:
        check, problem_en, problem_zh, unit, direction, before, now, status: solved, better, worse, open, or not_measured.
    """
    columns = ["check", "problem_en", "problem_zh", "unit", "direction", "before", "now", "status"]
    if earlier is None:
        return pd.DataFrame(columns=columns)
    found = {finding.check: finding for finding in findings}

    def became(check: str) -> str:
        finding = found.get(check)
        if finding is None:
            return "not_measured"
        if finding.breached == "fine":
            return "solved"
        return {"better": "better", "worse": "worse"}.get(trends.get(check, "none"), "open")

    return pd.DataFrame(
        [
            {
                "check": row["check"], "problem_en": row["problem_en"], "problem_zh": row["problem_zh"], "unit": row["unit"],
                "direction": row["direction"],
                "before": float(row["figure"]),
                "now": found[row["check"]].figure if row["check"] in found else float("nan"),
                "status": became(str(row["check"])),
            }
            for row in earlier.to_dict("records")
            if {"problem_en", "figure"} <= set(row)
        ],
        columns=columns,
    )  # fmt: skip


GONE_COLUMNS: tuple[str, ...] = (
    "check", "module", "priority", "status", "customers", "revenue",
    *(f"{word}_{language}" for word in ("problem", "evidence") for language in LANGUAGES),
)  # fmt: skip


def gone(findings: list[Finding], steps: pd.DataFrame, earlier: pd.DataFrame | None) -> pd.DataFrame:
    """The problems of the period before that are no longer on the list, so that none goes from it without a word.

    Args:
        steps: what :func:`progress` gives.
        earlier: the artefact ``problems`` of the period before.

    Returns:
        ``GONE_COLUMNS``: the priority that the problem had; status solved, or not_measured where nothing can be said of it now;
        evidence by the figure of this period; customers and revenue it still touches.
    """
    left = steps[steps["status"].isin(("solved", "not_measured"))]
    if earlier is None or left.empty:
        return pd.DataFrame(columns=list(GONE_COLUMNS)).astype(TOUCHED_TYPES)
    found = {finding.check: finding for finding in findings}
    had = earlier.drop_duplicates("check").set_index("check")
    nothing = text("diagnosis.gone.not_measured", "not measured in this period")
    rows = []
    for check, status in zip(left["check"], left["status"], strict=True):
        said = found[check].evidence if check in found else nothing
        customers, revenue = found[check].reach if check in found else (None, None)
        rows.append(
            {
                "check": check, "module": had.loc[check, "module"], "priority": had.loc[check, "priority"], "status": status,
                "customers": customers, "revenue": revenue,
                **{f"problem_{language}": had.loc[check, f"problem_{language}"] for language in LANGUAGES},
                **{f"evidence_{language}": said.render(Edition(language)) for language in LANGUAGES},
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(GONE_COLUMNS)).astype(TOUCHED_TYPES)
