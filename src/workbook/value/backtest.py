"""Which forecast of repeat buying deserves trust: each tried on months that it has not seen; row L3 of the method.

Models and rules of thumb stand side by side: the rate of the past carried on, and the same with everybody silent for long
counted as lost. The one with the smallest error makes the forecast, and may be a rule of thumb.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from scipy.stats import rankdata

from workbook.language import Edition, Text, count, day, number, share, text
from workbook.report.blocks import Column, Figure, NotMeasured, Paragraph, Table
from workbook.report.figures import DIAMOND, MUTED, PARTIAL_WIDTH, canvas, label_axis
from workbook.settings.models import Value
from workbook.value.buying import MODELS
from workbook.value.fitting import Fit, NoFit, Values
from workbook.value.histories import WEEK, Chosen, Histories, Places, Rows

GROUPS = 10
"""Groups of customers by forecast in the picture of calibration."""

TOP = 0.1
"""Share of the customers with the highest forecast whose purchases are counted."""

RULES: Mapping[str, Text] = {
    "hiatus": text("value.rule.hiatus", "Past rate, none after a long silence"),
    "past_rate": text("value.rule.past_rate", "Past rate carried on"),
    "nobody": text("value.rule.nobody", "Nobody buys again"),
}
NAMES: Mapping[str, Text] = {**{id: model.name for id, model in MODELS.items()}, **RULES}


def rule_forecast(rule: str, rows: Rows, weeks: float | Values, hiatus_days: int) -> Values:
    """Purchases in the weeks to come by a rule of thumb.

    ``past_rate``: purchases after the first by week of age, carried on; ``hiatus``: the same, but none of a customer whose last
    purchase lies more than *hiatus_days* back; ``nobody``: none.
    """
    rate = np.divide(rows.x, rows.age, out=np.zeros(len(rows.x)), where=rows.age > 0) * weeks
    if rule == "nobody":
        return rate * 0.0
    if rule == "hiatus":
        return np.where((rows.age - rows.t_x) * WEEK > hiatus_days, 0.0, rate)
    return rate


@dataclass(frozen=True)
class Score:
    """How well a forecast of each customer's purchases met what happened.

    Attributes:
        rmse: root mean squared error.
        bias: forecast of all customers over what they bought, less 1.
        correlation, rank_correlation: Pearson's and Spearman's.
        capture: share of all purchases made by the tenth with the highest forecast.
        rmse_error, bias_error, capture_error: their standard errors.
    """

    rmse: float
    rmse_error: float
    bias: float
    bias_error: float
    correlation: float
    rank_correlation: float
    capture: float
    capture_error: float


def judge(forecast: Values, actual: Values) -> Score:
    """Hold a forecast of each customer against what happened; NaN where nobody bought or all forecasts are equal.

    Standard errors by the delta method over customers. Customers of equal forecast are taken in their own order.
    """
    n, root = len(actual), np.sqrt(len(actual))
    squares = (forecast - actual) ** 2
    rmse = float(np.sqrt(squares.mean()))
    bought = float(actual.mean())
    nan = float("nan")
    bias = float(forecast.mean()) / bought - 1 if bought else nan
    order, most = np.argsort(-forecast, kind="stable"), int(n * TOP)
    top = np.zeros(n)
    top[order[:most]] = 1.0
    # the edge of the tenth moves with the sample: what stands there is taken out of the error
    edge = float(actual[order[max(0, most - n // 50) : most + n // 50 + 1]].mean())
    capture = float((top * actual).mean()) / bought if bought else nan
    varied = forecast.min() < forecast.max() and actual.min() < actual.max()
    return Score(
        rmse,
        float(squares.std()) / (2 * rmse * root) if rmse else 0.0,
        bias,
        float((forecast - (1 + bias) * actual).std()) / (bought * root) if bought else nan,
        float(np.corrcoef(forecast, actual)[0, 1]) if varied else nan,
        float(np.corrcoef(rankdata(forecast), rankdata(actual))[0, 1]) if varied else nan,
        capture,
        float(((top - capture) * actual - (top - TOP) * edge).std()) / (bought * root) if bought else nan,
    )


@dataclass(frozen=True, eq=False)
class BackTest:
    """Forecasts made at an earlier day, held against what happened since.

    Attributes:
        frame: method (id), then the fields of Score, with low and high (95%) of rmse, bias and capture; the best first.
        forecasts: method → forecast of each customer; actual: what each bought.
        fits: model → its fit on what was known at the cut.
        failed: the models that the data could not carry.
        cut: the last day that the forecasts knew.
        weeks: length of what they foretold.
        settings: as given.
    """

    frame: pd.DataFrame
    forecasts: Mapping[str, Values]
    actual: Values
    fits: Mapping[str, Fit]
    failed: tuple[NoFit, ...]
    cut: pd.Timestamp
    weeks: float
    settings: Value

    @property
    def chosen(self) -> str:
        """The method with the smallest error."""
        return str(self.frame["method"].iloc[0])

    @property
    def clear_bias(self) -> float | None:
        """How far the chosen forecast of all customers was off, as a share of what they bought; None where not clear."""
        best = self.frame.iloc[0]
        clear = float(best["bias_low"]) > 0 or float(best["bias_high"]) < 0
        return float(best["bias"]) if clear else None

    @property
    def dispersion(self) -> float:
        """How much wider than by chance alone (Poisson) purchases spread about the forecast; at least 1.

        Of all customers together: a mean over customers hangs on the few who were given up and bought all the same.
        """
        forecast = self.forecasts[self.chosen]
        expected = float(forecast.sum())
        return max(1.0, float(((self.actual - forecast) ** 2).sum()) / expected) if expected > 0 else 1.0

    def table(self) -> Table:
        """Every method with its errors, the best first."""
        columns = (
            Column("method", text("value.column.method", "Method"), labels=NAMES),
            Column("rmse", text("value.column.rmse", "Error (RMSE)"), "number", digits=3, low="rmse_low", high="rmse_high"),
            Column("bias", text("value.column.bias", "Too high or low"), "share", low="bias_low", high="bias_high"),
            Column("correlation", text("value.column.correlation", "Correlation"), "number", digits=3),
            Column("rank_correlation", text("value.column.rank_correlation", "Rank correlation"), "number", digits=3),
            Column("capture", text("value.column.capture", "Caught by the top tenth"), "share",
                   low="capture_low", high="capture_high"),
        )  # fmt: skip
        return Table("value.backtest", self._title(), columns, self.frame, self._note(), rows=len(self.frame))

    def figure(self) -> Figure:
        """Calibration: mean forecast against mean purchases of ten groups of customers, by the chosen method."""
        groups = self._groups()

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(PARTIAL_WIDTH, 3.1)
            x, y = groups["forecast"].to_numpy(), groups["actual"].to_numpy()
            top = 1.12 * max(float(groups["high"].max()), float(x.max()), 0.1)
            axes.plot([0, top], [0, top], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)))
            spans = np.maximum([y - groups["low"], groups["high"] - y], 0.0)
            axes.errorbar(x, y, yerr=spans, fmt="o", color=DIAMOND, markersize=4.5, elinewidth=1.2)
            axes.set_xlim(0, top)
            axes.set_ylim(0, top)
            axes.set_xlabel(text("value.calibration.forecast", "Purchases forecast for a customer").render(edition))
            label_axis(axes, text("value.calibration.actual", "Purchases made by a customer").render(edition))
            return figure

        title = self._calibration_title(groups)
        alt = text(
            "value.calibration.alt",
            "Points of mean purchases made against mean purchases forecast for ten groups of customers. {message}",
            message=title,
        )
        columns = (
            Column("group", text("value.column.group", "Group by forecast"), "count"),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("forecast", text("value.column.forecast", "Forecast"), "number", digits=2),
            Column("actual", text("value.column.actual", "Made"), "number", digits=2, low="low", high="high"),
        )
        under = Table("value.calibration_data", title, columns, groups, self._note(), rows=len(groups))
        return Figure("value.calibration", title, draw, alt, self._note(), under)

    def limits(self) -> tuple[Paragraph, ...]:
        """The models that the data could not carry."""
        return tuple(
            Paragraph(
                f"value.backtest_{failed.model}",
                text("value.backtest.failed", "{model} was left out: {why}.", model=NAMES[failed.model], why=failed.why),
                "limits",
            )
            for failed in self.failed
        )

    def _groups(self) -> pd.DataFrame:
        forecast = self.forecasts[self.chosen]
        place = pd.qcut(pd.Series(forecast), GROUPS, labels=False, duplicates="drop") if np.ptp(forecast) > 0 else 0
        people = pd.DataFrame({"place": place, "forecast": forecast, "actual": self.actual})
        groups = people.groupby("place").agg(
            customers=("actual", "size"), forecast=("forecast", "mean"), actual=("actual", "mean"), spread=("actual", "std")
        )
        half = 1.96 * groups["spread"].fillna(0.0) / np.sqrt(groups["customers"])
        groups = groups.assign(low=np.maximum(groups["actual"] - half, 0.0), high=groups["actual"] + half)
        return groups.drop(columns="spread").reset_index(drop=True).rename_axis("group").reset_index().assign(
            group=lambda frame: frame["group"] + 1
        )  # fmt: skip

    def _title(self) -> Text:
        if not self.actual.any():
            return text("value.backtest.nobody", "Nobody bought in the months held out")
        method, off = NAMES[self.chosen], self.clear_bias
        if off is not None and off > 0:
            return text(
                "value.backtest.high", "{method} errs least; its total is {bias} too high", method=method, bias=share(off)
            )
        if off is not None:
            return text(
                "value.backtest.low", "{method} errs least; its total is {bias} too low", method=method, bias=share(-off)
            )
        return text("value.backtest.level", "{method} errs least, and its total is not clearly off", method=method)

    def _calibration_title(self, groups: pd.DataFrame) -> Text:
        inside = int(((groups["forecast"] >= groups["low"]) & (groups["forecast"] <= groups["high"])).sum())
        return text(
            "value.calibration.title",
            "In {inside} of {n} groups the forecast lies within what the purchases allow",
            inside=count(inside),
            n=count(len(groups)),
        )

    def _note(self) -> Text:
        return text(
            "value.backtest.note",
            "Purchase days of a customer in the {weeks} weeks after {cut}, forecast from what was known then; 95% intervals"
            " over customers; a long silence is more than {hiatus} days; n = {n} customers, {bought} purchases.",
            weeks=number(self.weeks, 0),
            cut=day(self.cut.date()),
            hiatus=count(self.settings.hiatus_days),
            n=count(len(self.actual)),
            bought=count(float(self.actual.sum())),
        )


def back_test(before: Histories, after: Histories, settings: Value) -> BackTest | NotMeasured:
    """Forecast from the histories until an earlier day, and judge by what the same customers bought since.

    Args:
        before: histories until the cut.
        after: histories until the end, of these customers and newer ones.
        settings: models to try, hiatus.
    """
    what = text("value.backtest.what", "Which forecast of purchases errs least")
    seen = (before.until - before.begins).days + 1
    if seen < (after.until - before.until).days or len(before.frame) < GROUPS * GROUPS:
        why = text("value.backtest.short", "The orders reach back too short a time to hold some of it out.")
        return NotMeasured("value.backtest", what, (), why)
    weeks = (after.until - before.until).days / WEEK
    later = before.frame[["customer_id", "x"]].merge(after.frame[["customer_id", "x"]], on="customer_id", suffixes=("", "_now"))
    actual = (later["x_now"] - later["x"]).to_numpy(dtype=float)
    rows, place = before.rows()
    return compare_methods(
        rows, place, actual, weeks=weeks, settings=settings, ground=before.ground(), cut=before.until
    )  # fmt: skip


def compare_methods(
    rows: Rows, place: Places, actual: Values, *, weeks: float, settings: Value, ground: Chosen, cut: dt.date
) -> BackTest:
    """The models and rules on the same customers.

    Args:
        rows, place: the histories and each customer's own.
        actual: purchases of each customer in the weeks held out.
        ground: the customers that the models are fitted on.
        cut: the last day that the forecasts may know.
    """
    fits = [MODELS[id].fit(rows.only(place[ground])) for id in settings.models]
    forecasts = {
        one.model: MODELS[one.model].expected(one.values, rows, weeks)[place] for one in fits if isinstance(one, Fit)
    }  # fmt: skip
    forecasts |= {rule: rule_forecast(rule, rows, weeks, settings.hiatus_days)[place] for rule in RULES}
    scores = pd.DataFrame([judge(forecast, actual) for forecast in forecasts.values()])
    frame = scores.assign(method=list(forecasts)).sort_values(["rmse", "method"], ignore_index=True)
    for name in ("rmse", "bias", "capture"):
        half = 1.96 * frame.pop(f"{name}_error")
        frame[f"{name}_low"], frame[f"{name}_high"] = frame[name] - half, frame[name] + half
    failed = tuple(one for one in fits if isinstance(one, NoFit))
    carried = {one.model: one for one in fits if isinstance(one, Fit)}
    return BackTest(frame, forecasts, actual, carried, failed, pd.Timestamp(cut), weeks, settings)
