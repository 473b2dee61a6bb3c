"""How long contracts last: Kaplan-Meier by segment, the shifted beta-geometric model beside it; row L3 of the method.

A contract can be left only at its end, so time is counted in terms: of those whose first term ended, how many went on to the
second. Contracts whose next end is still to come count for as long as they are known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from workbook.language import Edition, Quantity, Text, count, day, named, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, Figure, NotMeasured, Table
from workbook.report.figures import DIAMOND, MUTED, PARTIAL_WIDTH, canvas, label_axis
from workbook.settings.models import Value
from workbook.tables import Tables
from workbook.value.fitting import Fit, NoFit
from workbook.value.renewing import fit_terms, survival
from workbook.value.snapshot import OF_CUSTOMERS, SNAPSHOT, Snapshot, open_snapshot

FEWEST = 30
"""Fewest contracts, and customers of a segment, whose survival is told."""

AT_RISK = 10
"""Fewest contracts whose end decides a step of the curve; where fewer were left the curve ends."""

RENEWED_WITHIN = 30
"""Days after the end of a contract within which the next one counts as its renewal."""

AHEAD = 2
"""Terms for which the model goes beyond what was seen."""

SEGMENT_TERMS = 3
"""Terms after which the table of segments tells who is left."""

LEAP = 3
"""Days by which several terms together may fall short of as many median ones."""

MONTHS_TOLD = (12, 24, 36)
"""Months on board after which the table of segments tells who is left, where a snapshot counts months."""

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


def kept_after(terms: Whole, lost: Flags, *, fewest: int = AT_RISK) -> pd.DataFrame:
    """Kaplan and Meier's (1958) estimate of the share that is still there after each term.

    Args:
        terms: of each contract the term at whose end it was left, or the ends that it is known to have outlived.
        lost: whether it was left.
        fewest: contracts at risk below which the curve ends.

    Returns:
        term (1, 2, …), at_risk, lost, kept, low and high (95%, by the logarithm of −log, after Greenwood's variance).
    """
    columns = ["term", "at_risk", "lost", "kept", "low", "high"]
    longest = int(terms.max(initial=0))
    if longest < 1:
        return pd.DataFrame(columns=columns)
    found = SurvfuncRight(terms.astype(float), lost.astype(int))
    steps = np.arange(1, longest + 1)
    place = np.searchsorted(found.surv_times, steps, side="right") - 1
    kept = np.where(place >= 0, found.surv_prob[np.maximum(place, 0)], 1.0) if len(found.surv_times) else np.ones(longest)
    error = np.where(place >= 0, found.surv_prob_se[np.maximum(place, 0)], 0.0) if len(found.surv_times) else np.zeros(longest)
    at_risk = (terms[:, None] >= steps).sum(axis=0)
    gone = ((terms[:, None] == steps) & lost[:, None]).sum(axis=0)
    inside = (kept > 0) & (kept < 1)
    held = np.where(inside, kept, 0.5)
    spread = np.exp(1.959964 * np.where(inside, error, 0.0) / (held * np.abs(np.log(held))))
    # at 0 and 1 the variance is 0, which tells nothing: there the exact bound of so many trials stands in
    bound = 0.025 ** (1 / np.maximum(at_risk, 1))
    low = np.where(inside, held**spread, np.where(kept >= 1, bound, 0.0))
    high = np.where(inside, held ** (1 / spread), np.where(kept >= 1, 1.0, 1 - bound))
    frame = pd.DataFrame(dict(zip(columns, (steps, at_risk, gone, kept, low, high), strict=True)))
    return frame[frame["at_risk"] >= fewest].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class Contracts:
    """How long contracts last.

    Attributes:
        curve: see :func:`kept_after`, and sbg (share kept by the model; also for terms to come).
        segments: segment, contracts, lost, and kept_1, low_1, high_1, … after one term and more.
        apart: p of the log-rank test that the segments do not differ; NaN where there is one segment only.
        model: the shifted beta-geometric model, or why there is none.
        term_days: median length of a contract.
        contracts, lost: spells in all, and of them left.
        by: column of the customers that makes the segments.
        until: day of the count.
        monthly: whether terms are months on board that a snapshot names.
    """

    curve: pd.DataFrame
    segments: pd.DataFrame
    apart: float
    model: Fit | NoFit
    term_days: int
    contracts: int
    lost: int
    by: str
    until: dt.date
    monthly: bool = False

    def figure(self) -> Figure:
        """Share of contracts still running after each term: counted, and by the model."""
        counted = self.curve.dropna(subset=["kept"])

        def draw(edition: Edition) -> Canvas:
            figure, axes = canvas(PARTIAL_WIDTH, 2.8)
            x = np.r_[0, counted["term"].to_numpy(dtype=float)]
            axes.step(x, np.r_[1.0, counted["kept"].to_numpy()], where="post", color=DIAMOND)
            y = counted["kept"].to_numpy()
            if self.monthly:
                axes.fill_between(x[1:], counted["low"], counted["high"], step="post", color=DIAMOND, alpha=0.2, linewidth=0)
            else:
                spans = np.maximum([y - counted["low"], counted["high"] - y], 0.0)
                axes.errorbar(x[1:], y, yerr=spans, fmt="none", ecolor=DIAMOND, elinewidth=1.2)
            if isinstance(self.model, Fit):
                dots = self._told()
                axes.plot(dots["term"], dots["sbg"], "o", color=MUTED, markersize=4.5, markerfacecolor="white")
            axes.set_xlim(0, float(self.curve["term"].max()) + 0.5)
            axes.set_ylim(0, 1.05)
            axes.set_xticks(self._told()["term"])
            axes.yaxis.set_major_formatter(lambda value, _: share(value, 0).render(edition))
            months = text("value.contracts.axis_months", "Months on board")
            axes.set_xlabel((months if self.monthly else text("value.contracts.axis_term", "Terms ended")).render(edition))
            label_axis(axes, text("value.contracts.axis_kept", "Share still under contract").render(edition))
            return figure

        alt = text(
            "value.contracts.alt",
            "Steps of the share of contracts still running after each term, dots of the model beside them. {message}",
            message=self._title(),
        )
        columns = (
            Column("term", text("value.column.month", "Month") if self.monthly else text("value.column.term", "Term"), "count"),
            Column(
                "at_risk",
                text("value.column.there", "There until then")
                if self.monthly
                else text("value.column.ended", "Came to its end"),
                "count",
            ),
            Column("lost", self._lost_column(), "count"),
            Column("kept", text("value.column.kept", "Still there"), "share", low="low", high="high"),
            Column("sbg", text("value.column.by_model", "By the model"), "share"),
        )
        told = self._told()
        under = Table("value.contracts_data", self._title(), columns, told, self._note(), rows=len(told))
        return Figure("value.contracts", self._title(), draw, alt, self._note(), under)

    def table(self) -> Table | NotMeasured:
        """Who is left after one term and more, by segment."""
        if self.segments.empty:
            what = text("value.contracts.segments", "How long contracts last, by segment")
            own = text("value.contracts.by_own", "Name a column of the customers, or one that sources.attributes keeps, in "
                       "value.contract_segment; {by} tells nothing.", by=named(self.by))  # fmt: skip
            return NotMeasured("value.contract_segments", what, () if self.monthly else (f"customers.{self.by}",),
                               own if self.monthly else None)  # fmt: skip
        steps = MONTHS_TOLD if self.monthly else range(1, SEGMENT_TERMS + 1)
        shown = [k for k in steps if f"kept_{k}" in self.segments]
        columns = (
            Column("segment", text("value.column.segment", "Segment")),
            Column("contracts", text("value.column.contracts", "Contracts"), "count"),
            Column("lost", self._lost_column(), "count"),
            *(
                Column(
                    f"kept_{k}",
                    text("value.column.kept_months", "After {k} months", k=count(k)) if self.monthly
                    else text("value.column.kept_after", "After {k}", k=count(k)),
                    "share", low=f"low_{k}", high=f"high_{k}",
                )
                for k in shown
            ),
        )  # fmt: skip
        note = text(
            "value.contracts.segments_months",
            "Share still there after so many months on board, 95% intervals; segments ({by}) with "
            "fewer than {fewest} contracts are"
            " left out, and months that fewer than {risk} customers reached; log-rank test p = {p}; n = {n}.",
            by=named(self.by), fewest=count(FEWEST), risk=count(AT_RISK), p=_p_words(self.apart),
            n=count(int(self.segments["contracts"].sum())),
        ) if self.monthly else text(
            "value.contracts.segments_note",
            "Share still under contract after so many terms of {days}, 95% intervals; segments with fewer than {fewest}"
            " contracts are left out, and steps that fewer than {risk} contracts decide; log-rank test p = {p}; n = {n}.",
            days=Quantity(self.term_days, "days"), fewest=count(FEWEST), risk=count(AT_RISK),
            p=_p_words(self.apart), n=count(int(self.segments["contracts"].sum())),
        )  # fmt: skip
        return Table("value.contract_segments", self._segments_title(), columns, self.segments, note, rows=len(self.segments))

    def blocks(self) -> tuple[Block, ...]:
        """All that readers see."""
        return (self.figure(), self.table())

    def _told(self) -> pd.DataFrame:
        """The rows of the curve that are told: every term, or every twelfth month and the last."""
        if not self.monthly:
            return self.curve
        counted = self.curve.dropna(subset=["kept"])
        last = int(counted["term"].max())
        return counted[(counted["term"] % 12 == 0) | ((counted["term"] == last) & (last % 12 > 5))]

    def _lost_column(self) -> Text:
        return text("value.column.left", "Left") if self.monthly else text("value.column.not_renewed", "Not renewed")

    def _title(self) -> Text:
        counted = self.curve.dropna(subset=["kept"])
        last = counted.iloc[-1]
        if self.monthly:
            return text(
                "value.contracts.title_months", "After {months} months {part} of customers are still there",
                months=count(int(last["term"])), part=share(float(last["kept"]), 0),
            )  # fmt: skip
        return text(
            "value.contracts.title",
            "After {terms} terms {part} of contracts still run",
            terms=count(int(last["term"])),
            part=share(float(last["kept"]), 0),
        )

    def _segments_title(self) -> Text:
        step = f"kept_{MONTHS_TOLD[0] if self.monthly else 1}"
        first = self.segments.sort_values(step, ascending=False, kind="stable")
        if len(first) < 2 or not self.apart < 0.05:
            return text("value.contracts.alike", "Segments do not differ clearly in how long contracts last")
        if self.monthly:
            return text(
                "value.contracts.apart_months",
                "{best}: {high} are there after {months} months; {worst}: {low}",
                best=named(str(first["segment"].iloc[0])), high=share(float(first[step].iloc[0]), 0),
                worst=named(str(first["segment"].iloc[-1])), low=share(float(first[step].iloc[-1]), 0),
                months=count(MONTHS_TOLD[0]),
            )  # fmt: skip
        return text(
            "value.contracts.apart",
            "{best}: {high} go on after the first term; {worst}: {low}",
            best=named(str(first["segment"].iloc[0])), high=share(float(first["kept_1"].iloc[0]), 0),
            worst=named(str(first["segment"].iloc[-1])), low=share(float(first["kept_1"].iloc[-1]), 0),
        )  # fmt: skip

    def _note(self) -> Text:
        model: Text = (
            text(
                "value.contracts.model",
                "dots: shifted beta-geometric, α = {alpha}, β = {beta}, also for the {ahead} terms to come",
                alpha=Quantity(self.model.parameters["alpha"], "number", 2),
                beta=Quantity(self.model.parameters["beta"], "number", 2),
                ahead=count(AHEAD),
            )
            if isinstance(self.model, Fit)
            else text("value.contracts.no_model", "no model beside it: {why}", why=self.model.why)
        )
        if self.monthly:
            model = text(
                "value.contracts.model_months", "dots: shifted beta-geometric, α = {alpha}, β = {beta}",
                alpha=Quantity(self.model.parameters["alpha"], "number", 2),
                beta=Quantity(self.model.parameters["beta"], "number", 2),
            ) if isinstance(self.model, Fit) else model  # fmt: skip
            return text(
                "value.contracts.note_months",
                "Kaplan-Meier with 95% intervals over the months on board that the snapshot of {day} "
                "names; n = {n}, of whom {lost}"
                " have left. Who left before and stands in the file no more is unknown, and makes the curve too high; {model}.",
                day=day(self.until), n=count(self.contracts), lost=count(self.lost), model=model,
            )  # fmt: skip
        return text(
            "value.contracts.note",
            "Kaplan-Meier with 95% intervals; a term is {days}; contracts that follow within {within} are one; n = {n}, of"
            " which {lost} ended without renewal by {day}. Contracts that ended before the files begin are unknown; {model}.",
            days=Quantity(self.term_days, "days"), within=Quantity(RENEWED_WITHIN, "days"), n=count(self.contracts),
            lost=count(self.lost), day=day(self.until), model=model,
        )  # fmt: skip


def keep_contracts(tables: Tables, settings: Value, *, period: Period) -> Contracts | NotMeasured:
    """How long the contracts of all customers last.

    Args:
        tables: contracts, and customers for the segments.
        settings: contract_segment.
        period: the period analysed; contracts are known until its last day.

    Returns:
        The survival, or NotMeasured where contracts or their ends were not delivered, or too few of them ended.
    """
    what = text("value.contracts.what", "How long contracts last")
    needed = ("contracts.customer_id", "contracts.starts_at", "contracts.ends_at")
    if tables.has(*SNAPSHOT):
        return _by_months(open_snapshot(tables), settings.contract_segment)
    if tables.lacks(*needed):
        return NotMeasured("value.contracts", what, tables.lacks(*needed))
    query = (Path(__file__).parent / "sql" / "contract_spells.sql").read_text("utf-8")
    spells = tables.sql(query, within=RENEWED_WITHIN)
    lengths = tables.sql("select median(date_diff('day', starts_at, ends_at) + 1) as days from contracts")["days"]
    term = max(1, round(float(lengths.iloc[0])))
    lost = spells["lost"].to_numpy(dtype=bool)
    # what was left ended with a term; what runs has outlived the ends before the next one (leap days apart)
    whole, so_far = spells["days"].to_numpy(dtype=float), spells["so_far"].to_numpy(dtype=float)
    renewed = spells["renewed"].to_numpy(dtype=bool)
    outlived = np.where(renewed, whole, np.minimum(so_far, whole - 1 - LEAP)) + LEAP
    terms = np.where(lost, np.maximum(1, np.rint(whole / term)), np.floor(outlived / term)).astype(np.int64)
    if len(spells) < FEWEST or lost.sum() < AT_RISK:
        return NotMeasured("value.contracts", what, (), _few())
    by = settings.contract_segment
    segment = spells[by] if by in OF_CUSTOMERS else _told_of(tables, spells["customer_id"], by)
    return survive(terms, lost, segment, by=by, term_days=term, until=period.end)


def _told_of(tables: Tables, customers: pd.Series[str], attribute: str) -> pd.Series[str]:
    """An attribute of some customers, missing where it is not told."""
    told = tables.sql("select customer_id, value from attributes where attribute = $name order by 1", name=attribute)
    return customers.map(told.set_index("customer_id")["value"])


def _p_words(p: float) -> Text | Quantity:
    return named("<0.001") if p < 0.001 else Quantity(p, "number", 3)


def _few() -> Text:
    return text("value.contracts.few", "Fewer than {n} contracts, or {lost} that ended.", n=count(FEWEST), lost=count(AT_RISK))


def _by_months(snapshot: Snapshot, by: str) -> Contracts | NotMeasured:
    """The survival over the months on board that a snapshot names; customers whose months it does not tell are left out."""
    known = snapshot.people["months"].notna().to_numpy(dtype=bool)
    lost = snapshot.left[known]
    terms = np.floor(snapshot.people["months"].to_numpy(dtype=float)[known]).astype(np.int64)
    if len(terms) < FEWEST or lost.sum() < AT_RISK:
        return NotMeasured("value.contracts", text("value.contracts.what", "How long contracts last"), (), _few())
    empty = pd.Series([None] * len(terms), dtype="str")
    segment = snapshot.traits[by][known].astype("str") if by in snapshot.traits else empty
    return survive(np.where(lost, np.maximum(terms, 1), terms), lost, segment, by=by, term_days=30, until=snapshot.noted,
                   monthly=True)  # fmt: skip


def survive(
    terms: Whole, lost: Flags, segment: Sequence[str] | pd.Series[str], *, by: str, term_days: int, until: dt.date,
    monthly: bool = False,
) -> Contracts:  # fmt: skip
    """The survival of contracts of which the terms are known; see :func:`kept_after`.

    Args:
        segment: of each contract's customer; missing ones stand in no segment.
        by: column that the segments come from; term_days: length of a term; until: day of the count; monthly: whether the terms
            are months on board; for the words.
    """
    curve = kept_after(terms, lost)
    most = int(terms.max(initial=0))
    gone, still = (np.bincount(terms[part], minlength=most + 1)[1:].astype(float) for part in (lost, ~lost))
    model = fit_terms(gone, still)
    if isinstance(model, Fit):
        told = np.arange(1, int(curve["term"].max()) + AHEAD + 1)
        curve = pd.DataFrame({"term": told, "sbg": survival(model.values, told.astype(np.float64))}).merge(
            curve, on="term", how="left"
        )
    else:
        curve = curve.assign(sbg=np.nan)
    names = pd.Series(segment).reset_index(drop=True)
    sizes = names.value_counts()
    shown = sorted(str(name) for name in sizes[sizes >= FEWEST].index)
    steps = MONTHS_TOLD if monthly else tuple(range(1, SEGMENT_TERMS + 1))
    rows = [_segment(name, terms[(chosen := (names == name).to_numpy(dtype=bool))], lost[chosen], steps) for name in shown]
    segments = pd.DataFrame([row for row in rows if f"kept_{steps[0]}" in row])
    return Contracts(curve, segments, _log_rank(terms, lost, names, shown), model, term_days, len(terms), int(lost.sum()), by,
                     until, monthly)  # fmt: skip


def _segment(name: str, terms: Whole, lost: Flags, steps: Sequence[int]) -> dict[str, object]:
    row: dict[str, object] = {"segment": name, "contracts": len(terms), "lost": int(lost.sum())}
    curve = kept_after(terms, lost)
    for one in curve[curve["term"].isin(steps)].itertuples():
        row |= {f"kept_{one.term}": one.kept, f"low_{one.term}": one.low, f"high_{one.term}": one.high}
    return row


def _log_rank(terms: Whole, lost: Flags, names: pd.Series[str], shown: list[str]) -> float:
    counted = names.isin(shown).to_numpy(dtype=bool) & (terms > 0)
    if len(set(names[counted])) < 2 or not lost[counted].any():
        return float("nan")
    _, p = survdiff(terms[counted].astype(float), lost[counted].astype(int), names[counted].to_numpy(dtype=object))
    return float(p)
