"""One measured check of stage 3: a figure with its interval, held against a limit, and whom it touches (X1–X6)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import compute

from workbook.language import LANGUAGES, Edition, Quantity, Text, Unit, text
from workbook.report.blocks import NotMeasured

Module = Literal["information", "needs", "interaction", "value", "service"]
MODULES: tuple[Module, ...] = ("information", "needs", "interaction", "value", "service")

MODULE_NAMES: Mapping[str, Text] = {
    "information": text("diagnosis.module.information", "Customer information"),
    "needs": text("diagnosis.module.needs", "Needs analysis"),
    "interaction": text("diagnosis.module.interaction", "Interaction tracking"),
    "value": text("diagnosis.module.value", "Value assessment"),
    "service": text("diagnosis.module.service", "Service optimisation"),
}

RECORD_IDS: Mapping[str, str] = {
    "ticket_id": "tickets", "order_id": "orders", "feedback_id": "feedback", "interaction_id": "interactions",
    "contract_id": "contracts", "lead_id": "leads",
}  # fmt: skip
"""Columns by which a query of a check of one's own names the record of a case, and the table it stands in."""

UNSOURCED = text("diagnosis.limit.set", "set for this client")

Breach = Literal["clear", "possible", "fine"]
Direction = Literal["above", "below"]
Touch = Literal["revenue", "customers", "nothing"]
"""What the impact of a problem is a share of: of customers where no revenue is known, of nothing where no customer is."""


@dataclass(frozen=True)
class Words:
    """What readers call a check: ``measure`` the quantity, ``problem`` what is wrong on a breach, ``cause`` the likely why."""

    measure: Text
    problem: Text
    cause: Text


@dataclass(frozen=True)
class Cases:
    """The bad cases of a finding: as a query, which is run only where the finding stands as a problem, or as known rows.

    Attributes:
        record: the table whose rows they are, one of ``RECORDS`` of cases.py.
        sql: gives record_id (null where a row has no id of its own), customer_id and happened_at, one row a case.
        values: what the query's parameters stand for, beside $start and $end.
        rows: what the query reads as the table ``bad_rows``; where there is no query the cases themselves, in its columns.
    """

    record: str
    sql: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: pd.DataFrame | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Finding:
    """One measured check.

    Attributes:
        check: stable id, ``<module>.<name>``.
        figure: the estimate in *unit*, with its interval *low* to *high*.
        n: the number of cases behind it (the denominator of a share).
        threshold: the limit from the settings, in *unit*.
        direction: on which side of the limit a breach lies.
        customers: ids of the customers touched, sorted; none where no bad case names a customer of the profile.
        revenue: revenue of these customers over the trailing window of the profile; NaN where no revenue is known.
        detail: what stands behind the figure beyond the customers, where there is such (pairs of products).
        source: where the limit comes from.
        cases: the bad cases, where they are records other than customers.
        unjudged: cases left out of *n* because they cannot be judged: not due yet, with impossible times or without a value.
        looked_at: cases of which *unjudged* is a part, where these are not those of *n* (tickets behind customers); else 0.
    """

    check: str
    module: Module
    words: Words
    figure: float
    unit: Unit
    low: float
    high: float
    n: int
    threshold: float
    direction: Direction
    customers: tuple[str, ...]
    revenue: float
    detail: pd.DataFrame | None = field(default=None, compare=False)
    source: Text = UNSOURCED
    unjudged: int = 0
    looked_at: int = 0
    cases: Cases | None = field(default=None, compare=False)

    @property
    def breached(self) -> Breach:
        """Clear where the whole interval lies beyond the limit, possible where only the figure does."""
        if not self._beyond(self.figure):
            return "fine"
        return "clear" if self._beyond(self.low) and self._beyond(self.high) else "possible"

    def _beyond(self, value: float) -> bool:
        return value > self.threshold if self.direction == "above" else value < self.threshold

    @property
    def unjudged_share(self) -> float:
        """Share of the cases looked at that could not be judged.

        >>> Finding("a", "needs", None, 0.2, "share", 0.1, 0.3, 60, 0.5, "below", (), 0.0, unjudged=40).unjudged_share
        0.4
        """
        every = self.looked_at or self.n + self.unjudged
        return self.unjudged / every if every else 0.0

    @property
    def severity(self) -> float:
        """Share of the bad cases that would have to go for the limit to be met: 0 at the limit, towards 1 far beyond.

        >>> found = Finding("needs.depth", "needs", None, 0.2, "share", 0.1, 0.3, 50, 0.5, "below", (), 0.0)
        >>> round(found.severity, 3)
        0.375
        """
        if self.breached == "fine":
            return 0.0
        bad, limit = (self.figure, self.threshold) if self.direction == "above" else (1 - self.figure, 1 - self.threshold)
        return 1 - limit / bad if bad > 0 else 0.0

    @property
    def reach(self) -> tuple[int | None, float | None]:
        """Customers touched and their revenue; None where the delivery cannot tell, which is not none.

        >>> Finding("own.a", "service", None, 0.2, "share", 0.1, 0.3, 50, 0.1, "above", (), 0.0).reach
        (None, None)
        """
        bad = self.figure if self.direction == "above" else 1 - self.figure
        if not self.customers and bad > 0:
            return None, None
        return len(self.customers), None if math.isnan(self.revenue) else self.revenue

    @property
    def evidence(self) -> Text:
        """Figure, interval, limit and n in one phrase; counts where there are fewer than 30 cases.

        Where the figure counts what is in order, the phrase says so: it stands beside the name of what is wrong.
        """
        n, good = Quantity(self.n, "count"), self.direction == "below"
        if self.unit == "share" and self.n < SMALL_SAMPLE:
            hits = Quantity(round(self.figure * self.n), "count")
            if good:
                return text("diagnosis.evidence.good_counts", "{hits} of {n} in order (at least {limit} wanted)",
                            hits=hits, n=n, limit=self.limit)  # fmt: skip
            return text("diagnosis.evidence.counts", "{hits} of {n} (limit {limit})", hits=hits, n=n, limit=self.limit)
        if good:
            return text(
                "diagnosis.evidence.good", "{figure} in order ({low} to {high}), at least {limit} wanted, n = {n}",
                figure=self.quantity(self.figure), low=self.bound(self.low), high=self.bound(self.high), limit=self.limit, n=n,
            )  # fmt: skip
        return text(
            "diagnosis.evidence.share", "{figure} ({low} to {high}), limit {limit}, n = {n}",
            figure=self.quantity(self.figure), low=self.bound(self.low), high=self.bound(self.high), limit=self.limit, n=n,
        )  # fmt: skip

    @property
    def limit(self) -> Quantity:
        """The limit as it is said: with no more decimals than it needs."""
        return Quantity(self.threshold, self.unit, 0 if (100 * self.threshold).is_integer() else 1)

    def quantity(self, value: float) -> Quantity:
        """*value* in the unit of the finding, with one decimal."""
        return Quantity(value, self.unit, 1)

    def bound(self, value: float) -> Quantity:
        """An end of the interval: percentage points without their name, which the figure beside it has said."""
        return Quantity(100 * value, "number", 1) if self.unit == "points" else self.quantity(value)

    @property
    def row(self) -> dict[str, object]:
        """The finding as a row of the artefact ``findings``."""
        words = {
            f"{name}_{language}": said.render(Edition(language))
            for name, said in (
                ("measure", self.words.measure), ("problem", self.words.problem),
                ("cause", self.words.cause), ("evidence", self.evidence), ("source", self.source),
            )
            for language in LANGUAGES
        }  # fmt: skip
        customers, revenue = self.reach
        return {
            "check": self.check, "module": self.module, "figure": self.figure, "low": self.low, "high": self.high,
            "n": self.n, "threshold": self.threshold, "unit": self.unit, "direction": self.direction,
            "breached": self.breached, "customers": customers, "revenue": revenue, "unjudged": self.unjudged,
            **words,
        }  # fmt: skip


SMALL_SAMPLE = 30
"""Below this many cases a share is told as counts (report.md §2)."""

FINDING_COLUMNS: tuple[str, ...] = (
    "check", "module", "figure", "low", "high", "n", "threshold", "unit", "direction", "breached", "customers", "revenue",
    "unjudged",
    *(f"{name}_{language}" for name in ("measure", "problem", "cause", "evidence", "source") for language in LANGUAGES),
)  # fmt: skip

TOUCHED_TYPES = {"customers": "Int64", "revenue": "float64"}
"""Types of the columns of what a finding touches; missing where it is not known."""


def told(value: float, unit: Unit, direction: Direction) -> Text | Quantity:
    """A figure beside the name of its problem: said to be in order where it counts what is."""
    figure = Quantity(value, unit, 1)
    if direction == "above" or math.isnan(value):
        return figure
    return text("diagnosis.told.good", "{figure} in order", figure=figure)


Measured = Finding | NotMeasured


def proportion_interval(hits: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion (Wilson 1927); (0, 1) where there is no case.

    Args:
        hits: number of successes, 0 to *n*.
        n: number of cases.
        confidence: level, above 0.5 and below 1.

    >>> tuple(round(x, 4) for x in proportion_interval(15, 50))
    (0.191, 0.4375)
    """
    if n <= 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)  # a hundred times as fast as SciPy's for one value
    p = hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # the limits are exactly 0 and 1 at the ends; rounding must not move them past the figure
    return (0.0 if hits == 0 else max(0.0, centre - half)), (1.0 if hits == n else min(1.0, centre + half))


def difference_interval(
    hits: float, n: float, other_hits: float, other_n: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Newcombe's interval (1998, method 10) of the difference of two independent proportions, hits/n − other."""
    p, q = hits / n, other_hits / other_n
    low, high = proportion_interval(hits, n, confidence)
    other_low, other_high = proportion_interval(other_hits, other_n, confidence)
    difference = p - q
    return (
        difference - math.sqrt((p - low) ** 2 + (other_high - q) ** 2),
        difference + math.sqrt((high - p) ** 2 + (q - other_low) ** 2),
    )


@dataclass(frozen=True)
class Context:
    """What every check needs to know of the customers.

    Attributes:
        revenue: customer_id → revenue over the trailing window of the profile (0 where none), in the profile's order.
        confidence: level of the intervals.
    """

    revenue: pd.Series
    confidence: float

    @classmethod
    def of(cls, profile: pd.DataFrame, confidence: float) -> Context:
        """Taken from the profile; a profile without revenue counts as no revenue."""
        values = pd.to_numeric(profile["revenue"]) if "revenue" in profile else pd.Series(0.0, index=profile.index)
        revenue = pd.Series(
            values.astype(float).fillna(0.0).to_numpy(), index=profile["customer_id"].astype(str).to_numpy(), name="revenue"
        )
        return cls(revenue[~revenue.index.duplicated()], confidence)

    def touched(self, ids: Iterable[object]) -> tuple[tuple[str, ...], float]:
        """The customers among *ids* that the profile knows, sorted, and their revenue; NaN where no revenue is known at all."""
        # in Arrow: a third of the time of a set of Python's own over 300,000 texts
        given = ids if isinstance(ids, pd.Series) else pd.Series(list(ids), dtype="object")
        known, revenue = self._known
        touched = compute.is_in(known, pa.array(given.dropna().astype(str), pa.large_string()), skip_nulls=True)
        amount = float(revenue[touched.to_numpy(zero_copy_only=False)].sum()) if self.total > 0 else math.nan
        return tuple(known.filter(touched).to_pylist()), amount

    @cached_property
    def total(self) -> float:
        """Revenue of all customers over the trailing window; 0 where none is known."""
        return float(self.revenue.sum())

    @cached_property
    def _known(self) -> tuple[pa.Array, npt.NDArray[np.float64]]:
        """The customers' ids in order, and the revenue of each; every check asks for them."""
        ids = self.revenue.index.to_numpy(dtype=object)
        order = np.argsort(ids.astype(str), kind="stable")
        return pa.array(ids[order], pa.large_string()), self.revenue.to_numpy()[order]

    def foremost(self, customers: Sequence[str], most: int) -> list[str]:
        """The *most* of some customers of the profile with the largest revenue; ties go to the smaller id."""
        known, revenue = self._known
        places = compute.index_in(pa.array(customers, pa.large_string()), known).to_numpy(zero_copy_only=False)
        places = np.sort(places[~np.isnan(places)] if places.dtype.kind == "f" else places).astype(int)
        first = places[np.argsort(-revenue[places], kind="stable")[:most]]
        ids: list[str] = known.take(pa.array(first, pa.int64())).to_pylist()
        return ids

    def valuable(self, part: float) -> pd.Index:
        """Ids of the top *part* of buyers by revenue; ties go to the smaller id."""
        buyers = self.revenue[self.revenue > 0].rename_axis("customer_id").reset_index()
        ranked = buyers.sort_values(["revenue", "customer_id"], ascending=[False, True])
        first = math.ceil(round(part * len(ranked), 9))
        ids: pd.Index = pd.Index(ranked["customer_id"].head(first))
        return ids


def share_finding(
    check: str,
    module: Module,
    words: Words,
    *,
    hits: float,
    n: float,
    threshold: float,
    direction: Direction,
    touched: Iterable[object],
    context: Context,
    unjudged: int = 0,
    looked_at: int = 0,
    cases: Cases | None = None,
) -> Measured:
    """A finding whose figure is the share *hits* of *n*, with Wilson's interval; NotMeasured where there is no case."""
    if n == 0:
        return no_case(check, words.measure)
    low, high = proportion_interval(hits, n, context.confidence)
    customers, revenue = context.touched(touched)
    return Finding(
        check, module, words, hits / n, "share", low, high, int(n), threshold, direction, customers, revenue,
        unjudged=unjudged, looked_at=looked_at, cases=cases,
    )  # fmt: skip


def no_case(check: str, measure: Text) -> NotMeasured:
    """What a check returns where the data were delivered but hold no case in the period."""
    why = text("diagnosis.not_measured.no_case", "The data delivered hold no such case up to the analysis date.")
    return NotMeasured(f"diagnosis.{check}", measure, why=why)


def not_delivered(check: str, measure: Text, missing: Sequence[str]) -> NotMeasured:
    """What a check returns where the client did not deliver the data."""
    return NotMeasured(f"diagnosis.{check}", measure, tuple(missing))


def split(results: Iterable[Measured]) -> tuple[list[Finding], list[NotMeasured]]:
    """Findings apart from what could not be measured."""
    listed = list(results)
    return [r for r in listed if isinstance(r, Finding)], [r for r in listed if isinstance(r, NotMeasured)]
