"""Satisfaction from questionnaires (V2): NPS, CSAT and CES with intervals, in all, by channel and by month.

NPS (net promoter score): share of scores 9–10 less share of scores 0–6, in points from −100 to 100 (Reichheld 2003).
CSAT: share of the two best scores of the scale. CES: mean score of ease. A score outside its scale is no answer (surveys
code "don't know" and blank that way) and is counted apart, never scored. Delivered weights are used throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from workbook.language import text
from workbook.period import Period
from workbook.report.blocks import Answer, Figure, KeyFigure, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice import exhibits

Floats = npt.NDArray[np.float64]
Instrument = Literal["nps", "csat", "ces"]
INSTRUMENTS: tuple[Instrument, ...] = ("nps", "csat", "ces")

SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Lowest and highest score; the highest gives way to a delivered scale_max (CSAT and CES only)."""

COLUMNS: tuple[str, ...] = (
    "instrument", "dimension", "group", "n", "value", "low", "high", "unit", "best", "middle", "worst", "beyond_scale",
)  # fmt: skip


@dataclass(frozen=True)
class Satisfaction:
    """Satisfaction measured.

    Attributes:
        frame: one row an instrument, dimension (all, channel, month) and group: n answers, value with low and high, unit
            (score or share), shares best, middle and worst (promoters, passives, detractors; or satisfied, middle,
            dissatisfied), and beyond_scale, the answers outside the scale, which count as missing. The rows ``all`` and
            ``channel`` speak of the period, the rows ``month`` of all that was delivered.
        period: the period measured.
    """

    frame: pd.DataFrame
    period: Period
    settings: Settings

    def row(self, instrument: Instrument) -> pd.Series | None:
        """The row of an instrument over the whole period; None where it was not asked."""
        rows = self.frame[(self.frame["instrument"] == instrument) & (self.frame["dimension"] == "all")]
        return None if rows.empty else rows.iloc[0]

    def table(self) -> Table:
        """Every measure of the period, in all and by channel."""
        return exhibits.satisfaction_table(self.frame, self.period, self.settings)

    def figure(self) -> Figure | NotMeasured:
        """Promoters, passives and detractors as stacked bars with the NPS, in all and by channel."""
        return exhibits.nps_figure(self.frame, self.period)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """NPS, CSAT and CES with their intervals."""
        return exhibits.satisfaction_key_figures(self.frame)

    def answer(self) -> Answer:
        """What customers say, in a sentence an instrument."""
        return exhibits.satisfaction_answer(self.frame)


def measure_satisfaction(tables: Tables, settings: Settings) -> Satisfaction | NotMeasured:
    """NPS, CSAT and CES of the period.

    Args:
        tables: feedback with instrument (nps, csat, ces) and score; scale_max, weight and channel where delivered.
        settings: section analysis (confidence).

    Returns:
        NotMeasured where no answer on any scale was delivered for the period.
    """
    what = text("voice.satisfaction.what", "Satisfaction (NPS, CSAT, CES)")
    if missing := tables.lacks("feedback.instrument", "feedback.score"):
        return NotMeasured("voice.satisfaction", what, missing)
    answers = tables.sql(
        """
        select lower(trim(instrument)) as instrument, coalesce(channel, '') as channel,
               date_trunc('month', given_at) as given_month,
               cast(given_at as date) >= $start and cast(given_at as date) <= $end as inside,
               score, scale_max, coalesce(weight, 1.0) as weight, count(*) as answers
        from feedback
        where score is not null and lower(trim(instrument)) in ('nps', 'csat', 'ces') and cast(given_at as date) <= $end
        group by all order by all
        """
    )
    rows = [
        measure_group(instrument, dimension, group, part, settings.analysis.confidence)
        for instrument in INSTRUMENTS
        for dimension, group, part in _groups(answers[answers["instrument"] == instrument])
    ]
    frame = pd.DataFrame([row for row in rows if row["n"]], columns=list(COLUMNS))
    if not (frame["dimension"] == "all").any():
        why = text("voice.satisfaction.none", "No questionnaire was answered in the period.")
        return NotMeasured("voice.satisfaction", what, why=why)
    return Satisfaction(frame, tables.period, settings)


def _groups(answers: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    inside = answers[answers["inside"].astype(bool)]
    channels = inside[inside["channel"] != ""]
    months = answers.assign(month=pd.to_datetime(answers["given_month"]).dt.strftime("%Y-%m"))
    return [
        ("all", "", inside),
        *(("channel", str(name), part) for name, part in channels.groupby("channel", sort=True)),
        *(("month", str(name), part) for name, part in months.groupby("month", sort=True)),
    ]


def measure_group(instrument: str, dimension: str, group: str, answers: pd.DataFrame, confidence: float) -> dict[str, object]:
    """One row of :attr:`Satisfaction.frame`.

    Args:
        answers: score, scale_max, weight and answers (how many gave this score with this weight).
        confidence: level of the interval.
    """
    lowest, usual = SCALES[instrument]
    scale = answers["scale_max"].astype("float64").fillna(usual)
    highest: Floats = np.full(len(answers), float(usual)) if instrument == "nps" else np.asarray(scale, dtype=np.float64)
    score = answers["score"].to_numpy(float)
    valid = (score >= lowest) & (score <= highest)
    number_of = answers["answers"].to_numpy(float)
    weight = answers["weight"].to_numpy(float)
    usable = valid & (weight > 0)
    score, highest, weight, cases = score[usable], highest[usable], weight[usable], number_of[usable]
    best, worst = _ends(instrument, score, highest)
    points = {"nps": 100.0 * (best - worst), "csat": best, "ces": score}[instrument]
    value, low, high = weighted_mean_interval(points, weight, cases, confidence)
    total = float(np.sum(cases * weight))
    # the interval of a share or a score ends with the scale
    floor, ceiling = {"nps": (-100.0, 100.0), "csat": (0.0, 1.0), "ces": (float(lowest), float(highest.max(initial=usual)))}[
        instrument
    ]
    parts = [float(np.sum(cases * weight * part)) / total if total else float("nan") for part in (best, worst)]
    return {
        "instrument": instrument, "dimension": dimension, "group": group, "n": int(cases.sum()), "value": value,
        "low": max(low, floor), "high": min(high, ceiling), "unit": "share" if instrument == "csat" else "score",
        "best": parts[0], "middle": 1 - parts[0] - parts[1], "worst": parts[1],
        "beyond_scale": int(number_of[~valid].sum()),
    }  # fmt: skip


def _ends(instrument: str, score: Floats, highest: Floats) -> tuple[Floats, Floats]:
    """Whether each score is among the best (promoter, satisfied, easy) and among the worst."""
    if instrument == "nps":
        return (score >= 9).astype(float), (score <= 6).astype(float)
    return (score >= highest - 1).astype(float), (score <= 2).astype(float)


def weighted_mean_interval(
    values: Floats, weight: Floats, cases: Floats, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Weighted mean with the interval of its linearised variance (Cochran 1977, ratio estimator; t with n − 1 degrees).

    Args:
        values: one value a cell; shape (k,).
        weight: weight of each case in the cell; shape (k,).
        cases: number of cases in the cell; shape (k,).
        confidence: level of the interval.

    Returns:
        mean, low, high; the limits are NaN with fewer than two cases.

    >>> [round(x, 3) for x in weighted_mean_interval(np.array([0.0, 1.0]), np.ones(2), np.array([5.0, 5.0]))]
    [0.5, 0.123, 0.877]
    """
    n, total = float(cases.sum()), float(np.sum(cases * weight))
    if n == 0 or total == 0:
        return float("nan"), float("nan"), float("nan")
    mean = float(np.sum(cases * weight * values)) / total
    if n < 2:
        return mean, float("nan"), float("nan")
    variance = float(np.sum(cases * (weight * (values - mean)) ** 2)) / total**2 * n / (n - 1)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * variance**0.5
    return mean, mean - half, mean + half
