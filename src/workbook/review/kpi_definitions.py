"""What each KPI is: its name, unit, better direction, the data that it needs, and its definition in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from workbook.language import Quantity, Text, Unit, count, number, share, text
from workbook.settings.models import Settings

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class KpiDefinition:
    """One KPI.

    Attributes:
        name: as readers see it.
        unit: of its value; shares are 0 to 1.
        better: which way is good.
        needs: canonical tables and columns without which it cannot be measured.
        total: True for sums and counts of the whole period, behind which no sample stands.
        words: the definition, with the days and limits of the settings in it.
        rank: place in the summary, smaller first.
    """

    name: Text
    unit: Unit
    better: Better
    needs: tuple[str, ...]
    words: Callable[[Settings], Text]
    rank: int
    total: bool = False


DEFINITIONS: Mapping[str, KpiDefinition] = {
    "repurchase_rate": KpiDefinition(
        text("review.kpi.repurchase_rate", "Repeat-purchase rate"),
        "share",
        "higher",
        ("orders.customer_id", "orders.ordered_at"),
        lambda s: text(
            "review.define.repurchase_rate",
            "of the customers who bought in the last {months} months, the share with two or more orders in them",
            months=count(s.analysis.window_months),
        ),
        10,
    ),
    "revenue": KpiDefinition(
        text("review.kpi.revenue", "Revenue"),
        "money",
        "higher",
        ("orders.ordered_at", "orders.amount"),
        lambda s: text(
            "review.define.revenue", "sum of the orders of the period, refunds taken off; a total, so it has no interval"
        ),
        5,
        total=True,
    ),
    "active_customers": KpiDefinition(
        text("review.kpi.active_customers", "Active customers"),
        "count",
        "higher",
        ("orders.customer_id", "orders.ordered_at"),
        lambda s: text(
            "review.define.active_customers", "customers with an order in the period; a count of all, so it has no interval"
        ),
        15,
        total=True,
    ),
    "average_order": KpiDefinition(
        text("review.kpi.average_order", "Average order value"),
        "money",
        "higher",
        ("orders.ordered_at", "orders.amount"),
        lambda s: text(
            "review.define.average_order",
            "revenue of the period over its orders, refunds left out of their number; "
            "the interval counts the orders of one customer as one draw",
        ),
        40,
    ),
    "first_response_hours": KpiDefinition(
        text("review.kpi.first_response_hours", "First response time"),
        "hours",
        "lower",
        ("tickets.opened_at", "tickets.first_response_at"),
        lambda s: text(
            "review.define.first_response_hours",
            "median hours from opening to first response, of the tickets opened in the period and answered",
        ),
        25,
    ),
    "late_share": KpiDefinition(
        text("review.kpi.late_share", "Late first responses"),
        "share",
        "lower",
        ("tickets.opened_at", "tickets.first_response_at"),
        lambda s: text(
            "review.define.late_share",
            "of the tickets opened in the period, the share answered after the limit of their priority, "
            "or past it and not answered yet (usual limit: {hours} hours)",
            hours=number(s.service.first_response_hours.get("default", 8)),
        ),
        20,
    ),
    "nps": KpiDefinition(
        text("review.kpi.nps", "Net promoter score"),
        "score",
        "higher",
        ("feedback.instrument", "feedback.score"),
        lambda s: text(
            "review.define.nps",
            "percentage of scores 9 and 10 less percentage of scores 0 to 6, of the answers given in the period, "
            "weighted where weights were delivered",
        ),
        30,
    ),
    "csat": KpiDefinition(
        text("review.kpi.csat", "Satisfied customers"),
        "share",
        "higher",
        ("feedback.instrument", "feedback.score"),
        lambda s: text(
            "review.define.csat",
            "of the satisfaction answers given in the period, the share in the top two fifths of the scale (4 or 5 of 5)",
        ),
        35,
    ),
    "churn_share": KpiDefinition(
        text("review.kpi.churn_share", "Churned customers"),
        "share",
        "lower",
        ("orders.customer_id", "orders.ordered_at"),
        lambda s: text(
            "review.define.churn_share",
            "of the customers who bought more than {days} days ago, in the {months} months before that, the share without an "
            "order since",
            months=count(s.analysis.window_months),
            days=count(s.analysis.churn_days),
        ),
        12,
    ),
    "complaints_called_back": KpiDefinition(
        text("review.kpi.complaints_called_back", "Complaints called back"),
        "share",
        "higher",
        ("tickets.topic", "tickets.resolved_at", "tickets.called_back_at"),
        lambda s: text(
            "review.define.complaints_called_back",
            "of the complaints solved in the period, the share called back within {hours} hours of the solution",
            hours=number(s.service.callback_hours),
        ),
        45,
    ),
}

KPI_NAMES: Mapping[str, Text] = {kpi: definition.name for kpi, definition in DEFINITIONS.items()}
"""KPI → its name; the values that ``goals[].kpi`` may take."""


def kpi_value(kpi: str, value: float | None) -> Quantity:
    """A KPI's value with its unit."""
    unit = DEFINITIONS[kpi].unit
    if unit == "share":
        return share(value, 1)
    return Quantity(value, unit, _hour_digits(value) if unit == "hours" else None)


def _hour_digits(value: float | None) -> int | None:
    """Half an hour more or less is read off the second decimal, a call centre's seconds off the third."""
    if value is None or value >= 1:
        return None
    return 2 if value >= 0.1 or not value else 3


def kpi_bare(kpi: str, value: float) -> Quantity:
    """A KPI's value as an end of an interval whose unit is said already."""
    if DEFINITIONS[kpi].unit == "hours":
        return Quantity(value, "number", _hour_digits(value) or 1)
    return kpi_value(kpi, value)


def kpi_change(kpi: str, change: float, *, bare: bool = False) -> Text:
    """A change of a KPI with its sign: percentage points where the KPI is a share, else the KPI's own unit.

    *bare* leaves out points and hours, for the ends of an interval whose unit is said already.
    """
    unit = DEFINITIONS[kpi].unit
    digits = 2 if unit == "hours" and abs(change) < 1 else None
    amount = Quantity(change, "points", 1) if unit == "share" else Quantity(change, unit, digits)
    if bare and unit in ("share", "hours"):
        amount = Quantity(100 * change if unit == "share" else change, "number", digits or 1)
    if change > 0:
        return text("review.signed.up", "+{amount}", amount=amount)
    return text("review.signed.as_is", "{amount}", amount=amount)
