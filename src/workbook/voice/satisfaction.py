"""Satisfaction from questionnaires (V2): NPS, CSAT and CES with intervals, by tier × channel × period, and what has changed.

NPS (net promoter score): share of scores 9–10 less share of scores 0–6, in points from −100 to 100 (Reichheld 2003).
CSAT: share of the two best scores of the scale. CES: mean score of ease. A score outside its scale is no answer (surveys
code "don't know" and blank that way) and is counted apart, never scored; so is a recommendation asked on another scale than
0–10. Delivered weights are used throughout.
"""

from __future__ import annotations

from collections import Counter
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
from workbook.voice.intervals import share_interval
from workbook.voice.month_exhibits import month_figure

Floats = npt.NDArray[np.float64]
Instrument = Literal["nps", "csat", "ces"]
INSTRUMENTS: tuple[Instrument, ...] = ("nps", "csat", "ces")

SCALES: dict[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Lowest and highest score; the highest gives way to a delivered scale_max (CSAT and CES only)."""

COLUMNS: tuple[str, ...] = (
    "instrument", "dimension", "group", "n", "value", "low", "high", "unit", "best", "middle", "worst", "beyond_scale",
    "before_n", "before", "change", "change_low", "change_high", "reading", "alike",
)  # fmt: skip


@dataclass(frozen=True)
class Satisfaction:
    """Satisfaction measured.

    Attributes:
        frame: one row an instrument, dimension (all, tier, channel, tier_channel, month) and group: n answers, value with
            low and high, unit (score or share), shares best, middle and worst (promoters, passives, detractors; or
            satisfied, middle, dissatisfied), and beyond_scale, the answers outside the scale, which count as missing; n and
            value of the period before, and the change since with its interval and reading (better, worse, unclear); alike,
            whether the same answers stand in a row above (a tier that was asked by one channel only). The rows ``month``
            speak of the last months delivered, each against the others taken together in place of the period before.
            Groups smaller than a small cell are left out, and so is what so few of a group said before.
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

    def change_table(self) -> Table | NotMeasured:
        """Every group of tier, channel, and tier × channel against the period before."""
        return exhibits.change_table(self.frame, self.period, self.settings)

    def figure(self) -> Figure | NotMeasured:
        """Promoters, passives and detractors as stacked bars with the NPS, in all and by channel."""
        return exhibits.nps_figure(self.frame, self.period, self.settings)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """NPS, CSAT and CES with their intervals."""
        return exhibits.satisfaction_key_figures(self.frame)

    def month_figure(self) -> Figure | NotMeasured:
        """Each measure month by month with its interval, and the months that differ from the others."""
        return month_figure(self.frame, self.period, self.settings)

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
    previous = tables.period.previous
    answers = tables.sql(
        """
        with scored as (
            select lower(trim(instrument)) as instrument, coalesce(f.channel, '') as channel, coalesce(c.tier, '') as tier,
                   given_at, score, scale_max, coalesce(weight, 1.0) as weight
            from feedback f left join customers c on c.customer_id = f.customer_id
            where score is not null and lower(trim(instrument)) in ('nps', 'csat', 'ces') and cast(given_at as date) <= $end
        )
        select instrument, channel, tier, date_trunc('month', given_at) as given_month,
               cast(given_at as date) >= $start as inside,
               cast(given_at as date) >= $before_start and cast(given_at as date) <= $before_end as before,
               score, scale_max, weight, count(*) as answers
        from scored group by all order by all
        """,
        before_start=previous.start, before_end=previous.end,
    )  # fmt: skip
    level, cell = settings.analysis.confidence, settings.analysis.small_cell
    # tiers from the highest to the lowest, whatever the client calls them; channels by name
    places = {
        word.strip().lower(): place
        for place, tier in enumerate(settings.grading.tiers)
        for word in (tier.id, *([tier.name] if isinstance(tier.name, str) else tier.name.values()))
    }
    rows = []
    for instrument in INSTRUMENTS:
        asked = answers[answers["instrument"] == instrument]
        parts = [
            (dimension, group, _within(asked, columns, group))
            for dimension, columns in COMPARED.items()
            for group in sorted(_parts(asked, columns), key=lambda g: (places.get(g[0].strip().lower(), 99) if g else 0, g))
        ]
        held = [tuple(part.index[part["inside"].astype(bool) | part["before"].astype(bool)]) for _, _, part in parts]
        alike = [one in held[:place] for place, one in enumerate(held)]
        compared = Counter(dimension for (dimension, _, _), same in zip(parts, alike, strict=True) if not same)
        for (dimension, group, part), same in zip(parts, alike, strict=True):
            now, then = part[part["inside"].astype(bool)], part[part["before"].astype(bool)]
            row = measure_group(instrument, dimension, JOINED.join(group), now, level)
            earlier = measure_group(instrument, dimension, "", then, level)
            if dimension != "all" and int(str(row["n"])) < cell:
                continue
            if dimension != "all" and int(str(earlier["n"])) < cell:
                earlier = {}
            moved = _change(row, earlier, 1 - (1 - level) / max(compared[dimension], 1))
            rows.append(row | moved | {"alike": same})
        rows += _months(instrument, asked, tables.period, level, cell)
    frame = pd.DataFrame([row for row in rows if row["n"]], columns=list(COLUMNS))
    if not (frame["dimension"] == "all").any():
        why = text("voice.satisfaction.none", "No questionnaire was answered in the period.")
        return NotMeasured("voice.satisfaction", what, why=why)
    return Satisfaction(frame, tables.period, settings)


def _months(instrument: str, asked: pd.DataFrame, period: Period, level: float, cell: int) -> list[dict[str, object]]:
    """A row a month of the last :data:`MONTHS`, against all the others of them; the interval allows for their number."""
    month = pd.to_datetime(asked["given_month"]).dt.to_period("M")
    last = pd.Period(period.end, "M")
    shown = [m for m in sorted(month.unique()) if m > last - MONTHS]
    recent = month.isin(shown)
    rows = []
    for one in shown:
        row = measure_group(instrument, "month", str(one), asked[month == one], level)
        rest = measure_group(instrument, "month", "", asked[recent & (month != one)], level)
        if int(str(row["n"])) >= cell:
            rest = rest if int(str(rest["n"])) >= cell else {}
            rows.append(row | _change(row, rest, 1 - (1 - level) / len(shown)) | {"alike": False})
    return rows


COMPARED: dict[str, tuple[str, ...]] = {
    "all": (), "tier": ("tier",), "channel": ("channel",), "tier_channel": ("tier", "channel"),
}  # fmt: skip
MONTHS = 12
"""Months that are shown one by one, up to the end of the period."""

JOINED = "\x1f"
"""Parts the tier from the channel in the name of a group of both."""


def _parts(answers: pd.DataFrame, columns: tuple[str, ...]) -> set[tuple[str, ...]]:
    """The groups with an answer in the period; answers that lack a column are in none."""
    now = answers[answers["inside"].astype(bool)]
    found = {tuple(map(str, row)) for row in now[list(columns)].itertuples(index=False)}
    return {group for group in found if all(group)}


def _within(answers: pd.DataFrame, columns: tuple[str, ...], group: tuple[str, ...]) -> pd.DataFrame:
    inside = pd.Series(True, index=answers.index)
    for column, value in zip(columns, group, strict=True):
        inside &= answers[column] == value
    return answers[inside]


def _change(row: dict[str, object], earlier: dict[str, object], confidence: float) -> dict[str, object]:
    """The change since the period before with Welch's interval (1947), and its reading.

    Within a dimension the interval allows for the number of groups compared (Bonferroni): among ten channels one would else
    change by chance every other time.
    """
    nothing = float("nan")
    if not row or not earlier.get("n"):
        return {"before_n": 0, "before": nothing, "change": nothing, "change_low": nothing, "change_high": nothing,
                "reading": "none"}  # fmt: skip
    now, then = float(str(row["value"])), float(str(earlier["value"]))
    variances = [float(str(part["error"])) ** 2 for part in (row, earlier)]
    sizes = [int(str(part["n"])) for part in (row, earlier)]
    total, change = sum(variances), now - then
    low = high = nothing
    if min(sizes) >= 2 and total > 0:
        freedom = total**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
        half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * total**0.5
        reach = float(str(row["reach"]))
        low, high = max(change - half, -reach), min(change + half, reach)
    reading = "better" if low > 0 else "worse" if high < 0 else "unclear"
    return {"before_n": sizes[1], "before": then, "change": change, "change_low": low, "change_high": high,
            "reading": reading}  # fmt: skip


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
    # on another scale than 0–10 nobody is a promoter or a detractor
    asked_so = (scale == usual).to_numpy() if instrument == "nps" else True
    valid = (score >= lowest) & (score <= highest) & asked_so
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
    error = standard_error(points, weight, cases)
    if error < 1e-9 and cases.sum() >= 2:
        # all answers agree: others may not; at most the share that Wilson's interval leaves lies at the other end
        agree = float(share_interval(cases.sum(), cases.sum(), confidence)[0])
        half = (ceiling - floor) * (1 - agree)
        low, high = value - half, value + half
        error = half / float(stats.t.ppf((1 + confidence) / 2, cases.sum() - 1))
    return {
        "instrument": instrument, "dimension": dimension, "group": group, "n": int(cases.sum()), "value": value,
        "low": max(low, floor), "high": min(high, ceiling), "unit": "share" if instrument == "csat" else "score",
        "best": parts[0], "middle": 1 - parts[0] - parts[1], "worst": parts[1],
        "beyond_scale": int(number_of[~valid].sum()),
        "error": error, "reach": ceiling - floor,
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
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * standard_error(values, weight, cases)
    return mean, mean - half, mean + half


def standard_error(values: Floats, weight: Floats, cases: Floats) -> float:
    """Standard error of the weighted mean; NaN with fewer than two cases. Arguments as for :func:`weighted_mean_interval`."""
    n, total = float(cases.sum()), float(np.sum(cases * weight))
    if n < 2 or total == 0:
        return float("nan")
    mean = float(np.sum(cases * weight * values)) / total
    variance = float(np.sum(cases * (weight * (values - mean)) ** 2)) / total**2 * n / (n - 1)
    return float(variance**0.5)
