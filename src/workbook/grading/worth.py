"""Are the grades worth having? Grades of the period before held against what customers did since; row T10 of the method.

The grade is compared with what would have been had for nothing: the revenue of the past, the same with everybody silent for
long put last, and RFM. Each ranks the customers as they stood a period ago; what they then spent was known to none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from scipy.stats import norm, rankdata

from workbook.grading.scale import Values
from workbook.language import Edition, Text, count, named, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, Figure, KeyFigure, NotMeasured, Table
from workbook.report.figures import DIAMOND, FULL_WIDTH, MUTED, canvas
from workbook.settings.models import Tier

TOP = 0.1
"""The share of the customers, ranked highest, whose later revenue is counted."""

Z = 1.959964
FEW = 100
"""Fewest customers on whom rankings are compared."""

METHODS: Mapping[str, Text] = {
    "score": text("grading.worth.score", "Score of the grade"),
    "tier": text("grading.worth.tier", "Tier alone"),
    "rfm": text("grading.worth.rfm", "RFM (sum of the three)"),
    "revenue": text("grading.worth.revenue", "Past revenue"),
    "hiatus": text("grading.worth.hiatus", "Past revenue, the silent last"),
}
RIVALS = ("rfm", "revenue", "hiatus")
"""What the grade has to beat."""


@dataclass(frozen=True, eq=False)
class Worth:
    """What the grades of the period before foretold.

    Attributes:
        tiers: tier (id), customers, mean, mean_low, mean_high (revenue of a customer in this period), kept, kept_low, kept_high
            (share who bought in it), share (of the revenue).
        methods: method (id), capture, capture_low, capture_high (share of this period's revenue from the best tenth), gap,
            gap_low, gap_high (score less this method; missing for the score itself), order (rank correlation with revenue).
        names: tier → what readers see.
        n: customers graded in the period before.
        periods: the period before and this one.
        hiatus_days: days after which a customer counts as silent.
    """

    tiers: pd.DataFrame
    methods: pd.DataFrame
    names: Mapping[str, Text]
    n: int
    periods: tuple[str, str]
    hiatus_days: int

    def tiers_table(self) -> Table:
        """Later revenue and retention of each tier."""
        columns = (
            Column("tier", text("grading.worth.column.tier", "Tier in {period}", period=self.periods[0]), labels=self.names),
            Column("customers", text("grading.column.customers", "Customers"), "people"),
            Column("mean", text("grading.worth.column.mean", "Later revenue each"), "money", low="mean_low", high="mean_high"),
            Column("kept", text("grading.worth.column.kept", "Bought again"), "share", low="kept_low", high="kept_high"),
            Column("share", text("grading.worth.column.share", "Share of later revenue"), "share"),
        )
        return Table("grading.worth_tiers", self._tiers_title(), columns, self.tiers, self._tiers_note(), rows=len(self.tiers))

    def methods_table(self) -> Table:
        """The grade beside its rivals."""
        columns = (
            Column("method", text("grading.worth.column.method", "Ranked by"), labels=METHODS),
            Column("capture", text("grading.worth.column.capture", "Later revenue from the best tenth"), "share",
                   low="capture_low", high="capture_high"),
            Column("gap", text("grading.worth.column.gap", "Score ahead by (points)"), "points",
                   low="gap_low", high="gap_high"),
            Column("order", text("grading.worth.column.order", "Rank correlation"), "number", digits=2),
        )  # fmt: skip
        return Table("grading.worth", self._title(), columns, self.methods, self._note(), rows=len(self.methods))

    def figure(self) -> Figure:
        """Share of later revenue that the best tenth brings, by what ranked it, with intervals."""
        shown = self.methods

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(FULL_WIDTH, 2.6)
            y = np.arange(len(shown))[::-1]
            middle = shown["capture"].to_numpy()
            spans = [middle - shown["capture_low"], shown["capture_high"] - middle]
            colours = [DIAMOND if method in ("score", "tier") else MUTED for method in shown["method"]]
            for at, part, low, high, colour in zip(y, middle, *spans, colours, strict=True):
                axes.errorbar([part], [at], xerr=[[low], [high]], fmt="o", color=colour, markersize=5, elinewidth=1.4)
            for at, part in zip(y, middle, strict=True):
                axes.annotate(share(part).render(edition), (part, at), (0, 5), textcoords="offset points", ha="center")
            axes.set_yticks(y, [METHODS[method].render(edition) for method in shown["method"]])
            axes.set_ylim(-0.5, len(shown) - 0.2)
            right = float(shown["capture_high"].max())
            axes.set_xlim(0, 1.1 * max(right, 0.05))
            axes.set_xticks([])
            axes.tick_params(axis="y", length=0)
            axes.spines[["bottom"]].set_visible(False)
            return figure

        alt = text(
            "grading.worth.alt",
            "Points with intervals: share of later revenue from the best tenth of customers, by what ranked them. {message}",
            message=self._title(),
        )
        data = self.methods_table()
        under = Table("grading.worth_data", data.title, data.columns, data.frame, data.note, data.rows)
        return Figure("grading.worth_methods", self._title(), draw, alt, self._note(), under)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of later revenue that the best tenth by score brought."""
        row = self._by_method()["score"]
        label = text("grading.worth.key", "Later revenue from the best tenth by score")
        note = text("grading.worth.key_note", "graded in {before}, revenue of {after}; n = {n}", before=self.periods[0],
                    after=self.periods[1], n=count(self.n))  # fmt: skip
        low, high = share(row["capture_low"]), share(row["capture_high"])
        return (KeyFigure("grading.capture", label, share(row["capture"]), low, high, note=note, rank=29),)

    def blocks(self) -> tuple[Block, ...]:
        """The picture, both tables and the key figure."""
        return (self.figure(), self.tiers_table(), *self.key_figures())

    def _by_method(self) -> dict[str, dict[str, float]]:
        return {
            str(row["method"]): {str(name): value for name, value in row.items()} for row in self.methods.to_dict("records")
        }

    def _title(self) -> Text:
        rows = self._by_method()
        best = max((method for method in RIVALS if method in rows), key=lambda method: rows[method]["capture"])
        mine, theirs, name = share(rows["score"]["capture"]), share(rows[best]["capture"]), METHODS[best]
        low, high = rows[best]["gap_low"], rows[best]["gap_high"]
        if low > 0:
            return text(
                "grading.worth.better", "Best tenth by score: {mine} of later revenue; rival {theirs} ({name})",
                mine=mine, theirs=theirs, name=name,
            )  # fmt: skip
        if high < 0:
            return text(
                "grading.worth.worse", "The score loses to {name}: {mine} against {theirs} of later revenue",
                mine=mine, theirs=theirs, name=name,
            )  # fmt: skip
        return text(
            "grading.worth.level", "No clear lead over {name}: {mine} against {theirs} of later revenue",
            mine=mine, theirs=theirs, name=name,
        )  # fmt: skip

    def _tiers_title(self) -> Text:
        there = self.tiers[self.tiers["customers"] > 0]
        first, last = there.iloc[0], there.iloc[-1]
        values = {"top": share(float(first["kept"])), "bottom": share(float(last["kept"]))}
        high, low = self.names[str(first["tier"])], self.names[str(last["tier"])]
        if len(there) == 1:
            return text("grading.worth.one", "All customers stood in {tier}; bought again: {top}", tier=high, top=values["top"])
        # an order is claimed where the differences of neighbouring tiers carry it, not where the means happen to lie so
        fall = -there["mean"].diff().to_numpy()[1:]
        error = ((there["mean_high"] - there["mean"]) / Z).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):  # a tier of one customer has no error: nothing is clear of it
            sure = fall / np.sqrt(error[1:] ** 2 + error[:-1] ** 2)
        clear = int((sure > Z).sum())
        if clear == len(fall):
            return text(
                "grading.worth.ordered",
                "Each tier clearly brought more than the next; bought again: {high} {top}, {low} {bottom}",
                high=high, low=low, top=values["top"], bottom=values["bottom"],
            )  # fmt: skip
        if (sure < -norm.isf(0.025 / len(fall))).any():  # that one of several lies so by chance is allowed for
            return text(
                "grading.worth.unordered",
                "A lower tier clearly brought more than a higher; bought again: {high} {top}, {low} {bottom}",
                high=high, low=low, top=values["top"], bottom=values["bottom"],
            )  # fmt: skip
        return text(
            "grading.worth.partly",
            "Later revenue falls clearly at {n} of {steps} steps down; bought again: {high} {top}, {low} {bottom}",
            n=count(clear), steps=count(len(fall)), high=high, low=low, top=values["top"], bottom=values["bottom"],
        )  # fmt: skip

    def _tiers_note(self) -> Text:
        return text(
            "grading.worth.tiers_note",
            "Tiers as they stood at the end of {before}; revenue and orders of {after}; 95% intervals over customers; clearly ="
            " the 95% interval of the difference of the means leaves zero out; n = {n} customers.",
            before=self.periods[0],
            after=self.periods[1],
            n=count(self.n),
        )

    def _note(self) -> Text:
        return text(
            "grading.worth.note",
            "Customers ranked as they stood at the end of {before}; revenue and orders of {after}, which no ranking knew;"
            " silent = no order for {hiatus} days; 95% intervals over customers; n = {n} customers.",
            before=self.periods[0],
            after=self.periods[1],
            hiatus=count(self.hiatus_days),
            n=count(self.n),
        )


def judge_grades(
    scores: pd.DataFrame | NotMeasured | None,
    profile: pd.DataFrame | None,
    rfm: pd.DataFrame | NotMeasured | None,
    now: pd.DataFrame,
    tiers: Sequence[Tier],
    *,
    periods: tuple[Period, Period],
    hiatus_days: int,
) -> Worth | NotMeasured:
    """Hold the grades of the period before against what customers bought in this one.

    Args:
        scores, profile, rfm: artefacts of the period before; without RFM that rival is left out.
        now: this period's profile (revenue_period, orders_period); who is missing there bought nothing.
        tiers: the tiers of the settings, the highest first.
        periods: the period before and this one.
        hiatus_days: days after which a customer counts as silent.

    Returns:
        The comparison; NotMeasured where the period before was not graded, or too few customers or no revenue are there.
    """
    what = text("grading.worth.what", "What the grades foretold")
    if not isinstance(scores, pd.DataFrame) or not isinstance(profile, pd.DataFrame):
        why = text("grading.worth.why", "Grades are judged by the period after; the period before this one was not graded.")
        return NotMeasured("grading.worth", what, (), why)
    frame = _together(scores, profile, rfm, now)
    later = frame["later"].to_numpy()
    if len(frame) < FEW or later.sum() <= 0:
        why = text("grading.worth.few", "Rankings are compared on 100 customers or more, with revenue since.")
        return NotMeasured("grading.worth", what, (), why)
    place = {tier.id: position for position, tier in enumerate(tiers)}
    ranks = {
        "score": frame["score"], "tier": -frame["tier"].map(place).fillna(len(place)), "revenue": frame["revenue"],
        "hiatus": frame["revenue"].where(frame["recency_days"] <= hiatus_days, -1.0),
    }  # fmt: skip
    if "rfm" in frame:
        ranks["rfm"] = frame["rfm"]
    methods = [method for method in METHODS if method in ranks]
    parts = {method: capture(ranks[method].to_numpy(dtype=float), later) for method in methods}
    rows = [_row(method, parts, ranks[method].to_numpy(dtype=float), later) for method in methods]
    names = {tier.id: named(tier.name) for tier in tiers}
    return Worth(
        _by_tier(frame, [tier.id for tier in tiers]), pd.DataFrame(rows), names, len(frame),
        (periods[0].name, periods[1].name), hiatus_days,
    )  # fmt: skip


def capture(rank: Values, later: Values, top: float = TOP) -> tuple[float, Values]:
    """The share of *later* that the best *top* of the customers bring, and what each customer adds to its error.

    Customers of equal rank at the edge are counted in part, so that their order does not matter. The standard error of the
    share is the standard deviation of the second over the root of the number of customers.

    >>> round(capture(np.array([3.0, 2, 2, 1]), np.array([6.0, 3, 1, 0]), top=0.5)[0], 3)
    0.8
    """
    n, places = len(rank), top * len(rank)
    above = rankdata(-rank, method="min") - 1  # customers strictly before
    alike = rankdata(-rank, method="max") - above
    part = np.clip((places - above) / alike, 0.0, 1.0)
    mean = float(later.mean())
    caught = float((part * later).mean()) / mean
    # the edge of the best tenth moves with the sample: what stands there is taken out of the error
    near = np.abs(above + alike / 2 - places) <= max(0.02 * n, 1.0)
    near |= (part > 0) & (part < 1)
    edge = float(later[near].mean()) if near.any() else 0.0
    return caught, ((part - caught) * later - (part - top) * edge) / mean


def _row(method: str, parts: Mapping[str, tuple[float, Values]], rank: Values, later: Values) -> dict[str, float | str]:
    root = np.sqrt(len(later))
    caught, errors = parts[method]
    half = Z * float(errors.std()) / root
    gap, spread = parts["score"][0] - caught, Z * float((parts["score"][1] - errors).std()) / root
    if method == "score":
        gap = spread = np.nan
    varied = rank.min() < rank.max()
    return {
        "method": method, "capture": caught, "capture_low": max(0.0, caught - half), "capture_high": min(1.0, caught + half),
        "gap": gap, "gap_low": gap - spread, "gap_high": gap + spread,
        "order": float(np.corrcoef(rankdata(rank), rankdata(later))[0, 1]) if varied else np.nan,
    }  # fmt: skip


def _together(
    scores: pd.DataFrame, profile: pd.DataFrame, rfm: pd.DataFrame | NotMeasured | None, now: pd.DataFrame
) -> pd.DataFrame:
    """customer_id, score, tier, revenue, recency_days, rfm (where given) as they stood; later, bought since."""
    frame = scores[["customer_id", "score", "tier"]].merge(
        profile[["customer_id", "revenue", "recency_days"]], on="customer_id", how="left"
    )
    if isinstance(rfm, pd.DataFrame):
        sums = pd.DataFrame({"customer_id": rfm["customer_id"], "rfm": rfm[["r", "f", "m"]].astype(float).sum(axis=1)})
        frame = frame.merge(sums, on="customer_id", how="left").fillna({"rfm": 0.0})
    since = now[["customer_id", "revenue_period", "orders_period"]]
    frame = frame.merge(since, on="customer_id", how="left").sort_values("customer_id", ignore_index=True)
    names = ["revenue", "recency_days", "revenue_period", "orders_period"]
    revenue, recency, later, orders = (frame[name].astype(float) for name in names)
    return frame.assign(
        revenue=revenue.fillna(0.0), recency_days=recency, later=later.fillna(0.0), again=orders.fillna(0.0) > 0
    )  # fmt: skip


def _by_tier(frame: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    groups = frame.groupby("tier")
    told = pd.DataFrame({
        "customers": groups.size(), "mean": groups["later"].mean(), "spread": groups["later"].std(),
        "kept": groups["again"].mean(), "sum": groups["later"].sum(),
    }).reindex(list(order))  # fmt: skip
    told["customers"] = told["customers"].fillna(0).astype("int64")
    n = told["customers"].replace(0, np.nan)
    half = Z * told.pop("spread") / np.sqrt(n)
    told["mean_low"], told["mean_high"] = told["mean"] - half, told["mean"] + half
    middle = (told["kept"] + Z**2 / (2 * n)) / (1 + Z**2 / n)  # Wilson (1927)
    reach = Z * np.sqrt(told["kept"] * (1 - told["kept"]) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    told["kept_low"], told["kept_high"] = middle - reach, middle + reach
    told["share"] = told.pop("sum").fillna(0.0) / frame["later"].sum()
    return told.rename_axis("tier").reset_index()
