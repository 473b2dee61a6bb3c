"""RFM (recency, frequency, monetary value): scores, the eight classical segments and the R×F grid; rows T5 and T11."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from workbook.errors import SettingsError
from workbook.language import Edition, Quantity, Text, count, day, money, number, people, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, KeyFigure, NotMeasured, Table
from workbook.report.figures import DIAMOND, FULL_WIDTH, TEXT, canvas, label_axis
from workbook.settings.models import Rfm

Values = NDArray[np.float64]
Scores = NDArray[np.int64]

FEW = 30
"""Below this many customers counts are told instead of shares."""

MEASURES = {"recency": "recency_days", "frequency": "orders", "monetary": "revenue"}
"""Measure → column of the profile."""

SEGMENTS: Mapping[tuple[bool, bool, bool], str] = {
    (True, True, True): "key_value",
    (True, False, True): "key_development",
    (False, True, True): "key_retention",
    (False, False, True): "key_win_back",
    (True, True, False): "general_value",
    (True, False, False): "general_development",
    (False, True, False): "general_retention",
    (False, False, False): "general_win_back",
}
"""Recency, frequency and monetary value better than the middle → segment (重要/一般 × 价值/发展/保持/挽留)."""

SEGMENT_NAMES: Mapping[str, Text] = {
    "key_value": text("grading.segment.key_value", "Key value"),
    "key_development": text("grading.segment.key_development", "Key development"),
    "key_retention": text("grading.segment.key_retention", "Key retention"),
    "key_win_back": text("grading.segment.key_win_back", "Key win-back"),
    "general_value": text("grading.segment.general_value", "General value"),
    "general_development": text("grading.segment.general_development", "General development"),
    "general_retention": text("grading.segment.general_retention", "General retention"),
    "general_win_back": text("grading.segment.general_win_back", "General win-back"),
}


@dataclass(frozen=True, eq=False)
class RfmResult:
    """Customers who bought in the window, scored and segmented.

    Attributes:
        frame: customer_id, r, f, m (1 to bins, higher is better), segment (id); ordered by customer_id.
        segments: segment (id), customers, customer_share, revenue, revenue_share; key segments first.
        cuts: measure → inner cut points, rising; put them into the settings to keep them for the next period.
        lows: measure → lowest value of each score's class, as the R package rfm prints them.
        measures: recency, frequency, monetary of each customer, in the order of ``frame``.
        settings: how they were scored.
        silent: customers of the profile without an order in the window; they have no score.
        window: "the 12 months to 31 Dec 2025", for notes.
    """

    frame: pd.DataFrame
    segments: pd.DataFrame
    cuts: Mapping[str, tuple[float, ...]]
    lows: Mapping[str, tuple[float, ...]]
    measures: pd.DataFrame
    settings: Rfm
    silent: int
    window: Text

    def table(self) -> Table:
        """The segments with their rule, customers and revenue."""
        rules = {id: _rule(*sides) for sides, id in SEGMENTS.items()}
        frame = self.segments.assign(rule=self.segments["segment"])
        columns = (
            Column("segment", text("grading.rfm.segment", "Segment"), labels=SEGMENT_NAMES),
            Column("rule", text("grading.rfm.rule", "R, F, M"), labels=rules),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            Column("customer_share", text("grading.column.customer_share", "Share of customers"), "share", of="customers"),
            Column("revenue", text("grading.column.revenue", "Revenue"), "money"),
            Column("revenue_share", text("grading.column.revenue_share", "Share of revenue"), "share"),
        )
        return Table("grading.rfm", self._title(), columns, frame, self._note(), rows=len(frame), artefact="rfm")

    def cuts_table(self) -> Table:
        """The values that earn each score."""
        rows = []
        for score in range(self.settings.bins, 0, -1):
            row: dict[str, object] = {"score": score}
            for measure, column in (("recency", "r"), ("frequency", "f"), ("monetary", "m")):
                row[measure] = _range(self.measures.loc[self.frame[column] == score, measure], measure)
            rows.append(row)
        columns = (
            Column("score", text("grading.rfm.score", "Score"), "count"),
            Column("recency", text("grading.rfm.recency", "Recency (days)")),
            Column("frequency", text("grading.rfm.frequency", "Frequency (orders)")),
            Column("monetary", text("grading.rfm.monetary", "Monetary value")),
        )
        top = self.measures.loc[self.frame["m"] == self.settings.bins, "monetary"]
        title = text("grading.rfm.cuts_neutral", "Values that earn each score")
        if len(top):
            title = text("grading.rfm.cuts", "The top monetary score begins at {revenue}", revenue=money(float(top.min())))
        note = text(
            "grading.rfm.cuts_note",
            "Range of values observed in {window} for each score; – where ties leave a score empty; n = {n} buyers. Cut"
            " points stay when they are written into the settings.",
            window=self.window,
            n=count(len(self.frame)),
        )
        return Table("grading.rfm_cuts", title, columns, pd.DataFrame(rows), note, rows=len(rows))

    def grid(self) -> Figure:
        """Recency × frequency: number of customers, tinted by revenue per customer."""
        bins = self.settings.bins
        joined_up = self.frame.assign(revenue=self.measures["monetary"].to_numpy())
        cells = joined_up.groupby(["r", "f"])["revenue"].agg(["size", "mean"]).reset_index()
        cells.columns = pd.Index(["r", "f", "customers", "revenue_per_customer"])
        low, high = cells["revenue_per_customer"].agg(["min", "max"]).astype(float)

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(FULL_WIDTH, 0.8 + 0.48 * bins)
            tint = LinearSegmentedColormap.from_list("revenue", ["#F3F6F9", "#9DB4CC", DIAMOND])
            r, f = cells["r"].to_numpy(dtype=int), cells["f"].to_numpy(dtype=int)
            worth = cells["revenue_per_customer"].to_numpy(dtype=float)
            depth = (worth - low) / (high - low) if high > low else np.full(len(worth), 0.5)
            shade = np.full((bins, bins), np.nan)
            shade[r - 1, f - 1] = depth
            edges = np.arange(bins + 1) + 0.5
            axes.pcolormesh(edges, edges, shade, cmap=tint, vmin=0, vmax=1, edgecolor="white", linewidth=2)
            for x, y, n, dark in zip(f, r, cells["customers"], depth > 0.6, strict=True):
                words, ink = people(int(n)).render(edition), "white" if dark else TEXT
                axes.text(x, y, words, ha="center", va="center", color=ink)
            axes.set_xticks(range(1, bins + 1))
            axes.set_yticks(range(1, bins + 1))
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set_xlabel(text("grading.rfm.x", "F score: orders, the most on the right").render(edition))
            label_axis(axes, text("grading.rfm.y", "R score: last order, the latest on top").render(edition))
            return figure

        best = joined_up[(joined_up["r"] == bins) & (joined_up["f"] == bins)]
        title = _grid_title(best["revenue"], joined_up["revenue"])
        note = text(
            "grading.rfm.grid_note",
            "Number of customers by R and F score; darker = more revenue per customer, from {low} to {high}, in {window};"
            " n = {n} buyers.",
            low=money(low),
            high=money(high),
            window=self.window,
            n=count(len(self.frame)),
        )
        alt = text(
            "grading.rfm.alt",
            "Grid of customers by recency and frequency score, tinted by revenue per customer. {message}",
            message=title,
        )
        columns = (
            Column("r", text("grading.rfm.r", "R score"), "count"),
            Column("f", text("grading.rfm.f", "F score"), "count"),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            Column("revenue_per_customer", text("grading.rfm.per_customer", "Revenue per customer"), "money"),
        )
        ordered = cells.sort_values(["r", "f"], ascending=False).reset_index(drop=True)
        table = Table("grading.rfm_grid_data", title, columns, ordered, note, rows=bins * bins)
        return Figure("grading.rfm_grid", title, draw, alt, note, table)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Customers of the segment that is worth most and recent."""
        first = self.segments.iloc[0]
        return (
            KeyFigure(
                "grading.key_value_customers",
                text("grading.rfm.key", "Key value customers"),
                people(int(first["customers"])),
                note=text("grading.rfm.key_note", "of {n} buyers in {window}", n=count(len(self.frame)), window=self.window),
                rank=40,
            ),
        )

    def _title(self) -> Text:
        first = self.segments.iloc[0]
        n, of = int(first["customers"]), len(self.frame)
        if np.isnan(first["revenue_share"]) or n == 0:
            return text("grading.rfm.neutral", "Buyers by RFM segment")
        if of < FEW:
            return text(
                "grading.rfm.few",
                "Key value customers: {n} of {of} buyers, {revenue} of revenue",
                n=people(n),
                of=count(of),
                revenue=share(float(first["revenue_share"])),
            )
        return text(
            "grading.rfm.title",
            "Key value customers: {part} of buyers bring {revenue} of revenue",
            part=share(float(first["customer_share"])),
            revenue=share(float(first["revenue_share"])),
        )

    def _note(self) -> Text:
        return text(
            "grading.rfm.note",
            "High (H) = better than the {split} of all buyers: fewer than {days}, more than {orders} orders, more than {money};"
            " revenue in {window}; n = {n} buyers, all counted; customers without an order in it, not scored: {silent}.",
            split=_SPLITS[self.settings.split],
            days=Quantity(_middle(self.measures["recency"], self.settings.split), "days"),
            orders=number(_middle(self.measures["frequency"], self.settings.split), 1),
            money=money(_middle(self.measures["monetary"], self.settings.split)),
            window=self.window,
            n=count(len(self.frame)),
            silent=count(self.silent),
        )


_SPLITS: Mapping[str, Text] = {
    "mean": text("grading.rfm.mean", "mean"),
    "median": text("grading.rfm.median", "median"),
}


def score_rfm(profile: pd.DataFrame, settings: Rfm, *, period: Period, window_months: int = 12) -> RfmResult | NotMeasured:
    """Score every customer with an order in the window from 1 to ``bins`` on recency, frequency and monetary value.

    With ``cuts: quantile`` (and with cut points of the settings) a value equal to a cut point falls below it; with
    ``cuts: r_package`` the cut points are the quantiles plus 1 and a value equal to one falls above, as the R package rfm
    does: its scores depend on the unit of money. Equal values always score alike.

    Args:
        profile: one row a customer with customer_id, recency_days, orders and revenue (of the window).
        settings: bins, way of cutting, cut points to keep.
        period: the period analysed; its last day ends the window.
        window_months: length of the window in months.

    Returns:
        The scores, or NotMeasured where nobody bought.

    Raises:
        SettingsError: for cut points that do not rise or are not ``bins`` − 1.
    """
    problems = [p for measure in MEASURES if (p := _cut_fault(measure, getattr(settings, measure), settings.bins))]
    if problems:
        raise SettingsError(problems)
    profile = profile.sort_values("customer_id", kind="stable")
    measures = pd.DataFrame({m: pd.to_numeric(profile[c]).astype(float).to_numpy() for m, c in MEASURES.items()})
    bought = ((measures["frequency"] > 0) & measures["recency"].notna()).to_numpy()
    measures = measures[bought].fillna({"monetary": 0.0}).reset_index(drop=True)
    if measures.empty:
        return NotMeasured("grading.rfm", text("grading.rfm.what", "RFM scores and segments"), ("orders",))
    cuts = {measure: _cuts(measures[measure].to_numpy(), getattr(settings, measure), settings) for measure in MEASURES}
    classes = {
        m: _classes(measures[m].to_numpy(), cuts[m], upper=settings.cuts == "r_package" and getattr(settings, m) is None)
        for m in MEASURES
    }
    r, f, m = settings.bins - classes["recency"], 1 + classes["frequency"], 1 + classes["monetary"]
    frame = pd.DataFrame({"customer_id": profile["customer_id"].to_numpy()[bought], "r": r, "f": f, "m": m})
    frame["segment"] = segment_of(measures, split=settings.split)
    return RfmResult(
        frame=frame,
        segments=_segment_totals(frame["segment"], measures["monetary"]),
        cuts=cuts,
        lows={measure: (float(measures[measure].min()), *cuts[measure]) for measure in MEASURES},
        measures=measures,
        settings=settings,
        silent=int((~bought).sum()),
        window=text("grading.window", "the {months} to {day}", months=Quantity(window_months, "months"), day=day(period.end)),
    )


def quantile_cuts(values: Values, bins: int) -> tuple[float, ...]:
    """The inner quantiles that part *values* into *bins* classes: type 7, the default of R and numpy.

    The position is found in whole numbers, so that a cut point that falls on a value is that value to the last digit and
    scaling all values cannot move anyone across it.

    >>> quantile_cuts(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 5)
    (2.0, 3.0, 4.0, 5.0)
    """
    ordered = np.sort(values)
    cuts = []
    for k in range(1, bins):
        low, rest = divmod((len(ordered) - 1) * k, bins)
        high = ordered[min(low + 1, len(ordered) - 1)]
        cuts.append(float(ordered[low] + (high - ordered[low]) * (rest / bins)))
    return tuple(cuts)


def segment_of(measures: pd.DataFrame, *, split: str = "mean") -> NDArray[np.object_]:
    """The segment id of each customer: is each measure better than the mean (or median) of all buyers?

    The values are compared and not the scores: the mean of scores from quantiles lies within a hair of the middle score,
    so that chance would decide on which side a fifth of the customers fall.
    """
    code = np.zeros(len(measures), dtype=np.int64)
    for weight, measure in ((4, "recency"), (2, "frequency"), (1, "monetary")):
        values = measures[measure].to_numpy()
        middle = _middle(measures[measure], split)
        # a hair's breadth, so that equal values stay equal to their own mean
        better = (middle - values if measure == "recency" else values - middle) > 1e-12 * abs(middle)
        code += weight * better
    ids = np.empty(8, dtype=object)
    for (recent, frequent, valuable), id in SEGMENTS.items():
        ids[4 * recent + 2 * frequent + valuable] = id
    picked: NDArray[np.object_] = ids[code]
    return picked


def _middle(values: pd.Series[float], split: str) -> float:
    return float(values.mean() if split == "mean" else values.median())


def _cuts(values: Values, given: Sequence[float] | None, settings: Rfm) -> tuple[float, ...]:
    if given is not None:
        return tuple(float(cut) for cut in given)
    found = quantile_cuts(values, settings.bins)
    return tuple(cut + 1.0 for cut in found) if settings.cuts == "r_package" else found


def _classes(values: Values, cuts: Sequence[float], *, upper: bool) -> Scores:
    """Number of cut points below each value; with *upper* those equal to it count too."""
    return np.asarray(np.searchsorted(np.asarray(cuts), values, side="right" if upper else "left"), dtype=np.int64)


def _cut_fault(measure: str, given: Sequence[float] | None, bins: int) -> str | None:
    if given is None:
        return None
    if len(given) == bins - 1 and all(low < high for low, high in itertools.pairwise(given)):
        return None
    return f"grading.rfm.{measure}: found {list(given)}, expected {bins - 1} rising cut points for {bins} scores"


def _segment_totals(segment: pd.Series[str], revenue: pd.Series[float]) -> pd.DataFrame:
    # whole ten-thousandths, so that the order of the customers cannot change the last digit of a sum
    parts = pd.DataFrame({"segment": segment, "parts": np.round(revenue.to_numpy() * 10_000).astype("int64")})
    grouped = parts.groupby("segment")["parts"].agg(["size", "sum"]).reindex(list(SEGMENT_NAMES), fill_value=0)
    total = int(grouped["sum"].sum())
    return pd.DataFrame(
        {
            "segment": grouped.index.astype(str),
            "customers": grouped["size"].to_numpy(),
            "customer_share": grouped["size"].to_numpy() / len(segment),
            "revenue": grouped["sum"].to_numpy() / 10_000,
            "revenue_share": grouped["sum"].to_numpy() / total if total > 0 else np.nan,
        }
    )


def _rule(recent: bool, frequent: bool, valuable: bool) -> Text:
    words = {True: text("grading.rfm.high", "H"), False: text("grading.rfm.low", "L")}
    return text("grading.rfm.sides", "R {r} · F {f} · M {m}", r=words[recent], f=words[frequent], m=words[valuable])


def _range(values: pd.Series[float], measure: str) -> Text:
    if values.empty:
        return text("grading.rfm.empty", "–")
    show = money if measure == "monetary" else number
    low, high = show(float(values.min())), show(float(values.max()))
    if values.min() == values.max():
        return text("grading.rfm.one", "{value}", value=low)
    return text("grading.rfm.range", "{low} to {high}", low=low, high=high)


def _grid_title(best: pd.Series[float], everyone: pd.Series[float]) -> Text:
    total = float(everyone.sum())
    if best.empty or total <= 0:
        return text("grading.rfm.grid_neutral", "Buyers by recency and frequency")
    revenue = share(float(best.sum()) / total)
    if len(everyone) < FEW:
        return text(
            "grading.rfm.grid_few",
            "Recent and frequent: {n} of {of} buyers, {revenue} of revenue",
            n=count(len(best)),
            of=count(len(everyone)),
            revenue=revenue,
        )
    return text(
        "grading.rfm.grid_title",
        "Recent and frequent: {part} of buyers bring {revenue} of revenue",
        part=share(len(best) / len(everyone)),
        revenue=revenue,
    )
