"""Do the questions of a scale measure one thing (V2), and how many answers does a measure need?

Cronbach's alpha (1951) with Feldt's interval (1965), and omega of one common factor (McDonald 1999): alpha is the lower of the
two unless all questions weigh alike. Answers are those of :mod:`workbook.voice.questionnaires`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from workbook.language import Text, count, joined, named, number, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.exhibits import INSTRUMENT_NAMES
from workbook.voice.questionnaires import questionnaire_names, read_questionnaire
from workbook.voice.satisfaction import Satisfaction

Floats = npt.NDArray[np.float64]

FEWEST_ITEMS, FEWEST_RESPONDENTS = 3, 30
GOOD_ENOUGH = 0.7
"""Alpha from which a scale serves to compare groups (Nunnally 1978)."""

MARGINS = {"nps": 10.0, "csat": 0.05, "ces": 0.25}
"""Half width of the interval that the advice on sample size aims at, in the unit of the measure."""


@dataclass(frozen=True)
class Reliability:
    """Reliability of the questionnaires answered: questionnaire, items, respondents, alpha with low and high, omega."""

    frame: pd.DataFrame
    settings: Settings

    def table(self) -> Table:
        """Alpha with its interval and omega, one row a questionnaire."""
        columns = (
            Column("name", text("voice.column.questionnaire", "Questionnaire")),
            Column("items", text("voice.column.items", "Questions of the scale"), "count"),
            Column("respondents", text("voice.column.respondents", "Complete answers"), "count"),
            Column("alpha", text("voice.column.alpha", "Alpha (interval)"), "number", digits=2, low="low", high="high"),
            Column("omega", text("voice.column.omega", "Omega"), "number", digits=2),
        )
        names = [named(read_questionnaire(questionnaire).name) for questionnaire in self.frame["questionnaire"]]
        frame = self.frame.assign(name=pd.Series(names, dtype=object))
        weak, whole = count(int((self.frame["low"] < GOOD_ENOUGH).sum())), count(len(frame))
        title = text("voice.reliability.good",
                     "{all} {all:questionnaire measures|questionnaires measure} one thing each", all=whole)  # fmt: skip
        if weak.value:
            title = text("voice.reliability.weak", "{n} of {all} scales may not measure one thing", n=weak, all=whole)
        note = text(
            "voice.reliability.note",
            "Cronbach's alpha with {level} interval (Feldt), McDonald's omega of one factor; complete answers up to the end "
            "of the period. From {least} groups can be compared.",
            level=share(self.settings.analysis.confidence), least=number(GOOD_ENOUGH, 1),
        )  # fmt: skip
        if turned := _turned(self.frame["questionnaire"]):
            note = text("voice.reliability.turned",
                        "{note} Turned round, as the high answer is the bad one; the highest score counts as the lowest: "
                        "{questions}.", note=note, questions=joined(turned))  # fmt: skip
        return Table("voice.reliability", title, columns, frame, note)


def _turned(questionnaires: Iterable[str]) -> list[Text]:
    """The questions whose scores count turned round, with what the ends of their scale mean."""
    items = [item for name in questionnaires for item in read_questionnaire(name).items if item.reverse]
    return [
        text("voice.reliability.question", "“{words}” ({lowest} to {highest}: {ends})", words=named(item.words),
             lowest=count(item.lowest), highest=count(item.highest), ends=named(item.ends))
        for item in items
    ]  # fmt: skip


def measure_reliability(tables: Tables, settings: Settings) -> Reliability | NotMeasured:
    """Alpha and omega of every questionnaire of the workbook that thirty respondents or more answered whole."""
    what = text("voice.reliability.what", "Reliability of the questionnaires (alpha, omega)")
    if missing := tables.lacks("feedback.question", "feedback.score"):
        return NotMeasured("voice.reliability", what, missing)
    answers = tables.sql(
        r"""
        select regexp_extract(feedback_id, '^(.*)/[^/]*$', 1) as respondent, split_part(question, '.', 1) as questionnaire,
               split_part(question, '.', 2) as item, avg(score) as score
        from feedback
        where score is not null and question is not null and contains(feedback_id, '/') and cast(given_at as date) <= $end
        group by all order by all
        """
    )
    rows = []
    for name in questionnaire_names():
        scale = [item.id for item in read_questionnaire(name).items if item.kind == "scale"]
        wide = answers[answers["questionnaire"] == name].pivot_table(index="respondent", columns="item", values="score")
        whole = wide.reindex(columns=scale).dropna().to_numpy(float)
        if len(scale) < FEWEST_ITEMS or len(whole) < FEWEST_RESPONDENTS:
            continue
        low, alpha, high = alpha_interval(whole, settings.analysis.confidence)
        rows.append({"questionnaire": name, "items": len(scale), "respondents": len(whole), "alpha": alpha, "low": low,
                     "high": high, "omega": omega(whole)})  # fmt: skip
    if not rows:
        why = text("voice.reliability.none",
                   "No questionnaire of {items} questions or more was answered whole by {n} respondents.",
                   items=count(FEWEST_ITEMS), n=count(FEWEST_RESPONDENTS))  # fmt: skip
        return NotMeasured("voice.reliability", what, why=why)
    return Reliability(pd.DataFrame(rows), settings)


def alpha_interval(answers: Floats, confidence: float) -> tuple[float, float, float]:
    """Low, Cronbach's alpha, high (Feldt 1965: (1 − α̂) / (1 − α) follows F with n − 1 and (n − 1)(k − 1) degrees).

    Args:
        answers: respondents × questions, shape (n, k).
    """
    n, k = answers.shape
    covariance = np.cov(answers, rowvar=False)
    total = float(covariance.sum())
    if total <= 0:
        return float("nan"), float("nan"), float("nan")
    alpha = k / (k - 1) * (1 - float(np.trace(covariance)) / total)
    tail = (1 - confidence) / 2
    upper, lower = stats.f.ppf([1 - tail, tail], n - 1, (n - 1) * (k - 1))
    return 1 - (1 - alpha) * float(upper), alpha, 1 - (1 - alpha) * float(lower)


def omega(answers: Floats) -> float:
    """McDonald's omega: the share of the sum's variance that one common factor explains, fitted by least squares."""
    covariance = np.cov(answers, rowvar=False)
    k = len(covariance)
    off = ~np.eye(k, dtype=bool)
    values, vectors = np.linalg.eigh(covariance)
    start = vectors[:, -1] * math.sqrt(max(values[-1], 0.0))
    start = start if start.sum() >= 0 else -start

    def residuals(loading: Floats) -> Floats:
        gap: Floats = (covariance - np.outer(loading, loading))[off]
        return gap

    loading = optimize.least_squares(residuals, start).x
    common = float(loading.sum()) ** 2
    own = float(np.maximum(np.diag(covariance) - loading**2, 0).sum())
    return common / (common + own) if common + own > 0 else float("nan")


def answers_needed(spread: float, margin: float, population: int | None, confidence: float) -> int:
    """Answers for an interval of ± *margin* about a mean, of a population that is no larger than *population*.

    Args:
        spread: standard deviation of one answer, in the unit of the margin.

    Source: Cochran 1977, 4.4–4.5, with the correction for finite populations.

    >>> answers_needed(0.5, 0.05, None, 0.95), answers_needed(0.5, 0.05, 1000, 0.95)
    (385, 278)
    """
    z = float(stats.norm.ppf((1 + confidence) / 2))
    needed = (z * spread / margin) ** 2
    return math.ceil(needed / (1 + (needed - 1) / population) if population else needed)


def sample_advice(satisfaction: Satisfaction | NotMeasured, tables: Tables) -> Table | NotMeasured:
    """For each measure: the half width that the answers of the period reach, and the answers that a useful one takes."""
    if isinstance(satisfaction, NotMeasured):
        return satisfaction
    whole = satisfaction.frame[satisfaction.frame["dimension"] == "all"]
    level = satisfaction.settings.analysis.confidence
    population = tables.rows("customers") or np.inf
    z = float(stats.norm.ppf((1 + level) / 2))
    rows = [
        {
            "instrument": row["instrument"], "n": int(row["n"]), "unit": row["unit"],
            "reached": (float(row["high"]) - float(row["low"])) / 2, "wanted": MARGINS[str(row["instrument"])],
            # as the intervals do, so that more are needed exactly where they are too wide: without the number of customers
            "needed": answers_needed((float(row["high"]) - float(row["low"])) / 2 / z * math.sqrt(int(row["n"])),
                                     MARGINS[str(row["instrument"])], None, level)
            if int(row["n"]) > 1 else None,
        }
        for row in whole.to_dict("records")
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return _advice_table(frame.assign(needed=frame["needed"].where(frame["needed"] <= population)), level)


def _advice_table(rows: pd.DataFrame, level: float) -> Table:
    factor = rows["unit"].map({"share": 100.0}).fillna(1.0)
    frame = rows.assign(reached=rows["reached"] * factor, wanted=rows["wanted"] * factor)
    columns = (
        Column("instrument", text("voice.column.instrument", "Measure"), labels=INSTRUMENT_NAMES),
        Column("n", text("voice.column.n", "Answers"), "count"),
        Column("reached", text("voice.column.reached", "Known to within ±"), "number", digits=2),
        Column("wanted", text("voice.column.wanted", "Useful: ±"), "number", digits=2),
        Column("needed", text("voice.column.needed", "Answers needed"), "count"),
    )
    short = int((rows["needed"].fillna(np.inf) > rows["n"]).sum())
    title = (
        text("voice.sample.short", "Measures that need more answers: {n} of {all}", n=count(short), all=count(len(rows)))
        if short
        else text("voice.sample.enough", "Measures for which answers suffice: {all} of {all}", all=count(len(rows)))
    )
    note = text(
        "voice.sample.note",
        "Half width of the {level} interval in points (CSAT: percentage points) and the answers for the useful one, from the "
        "spread of this period's answers; n/a where there are fewer customers; for a group by itself as many again.",
        level=share(level),
    )  # fmt: skip
    return Table("voice.sample", title, columns, frame, note)
