"""Checks across tables (D3): what the delivered rows say against one another, how grave it is and what it weakens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbook.tables import SCHEMAS, Tables

ALERT_COLUMNS = ("alert", "table", "column", "rows", "share", "severity", "weakens")
MEDIUM_SHARE, HIGH_SHARE = 0.01, 0.1
"""From these shares of the checked rows an alert is of medium or high severity."""


@dataclass(frozen=True)
class Rule:
    """What a failed check means: the delivered tables it needs, the findings it weakens, and whether it is only to be known.

    Attributes:
        needs: tables or columns that must hold values for the check to say anything.
        weakens: names of modules and KPIs whose figures suffer.
        notice: True where the rows may well be right (a refund is a refund); such an alert is never above low.
    """

    needs: tuple[str, ...]
    weakens: str
    notice: bool = False


RULES: Mapping[str, Rule] = {
    "order_amount_differs": Rule(("orders.amount", "order_lines.amount"), "revenue, value"),
    "order_without_lines": Rule(("orders", "order_lines"), "needs, value"),
    "lines_without_order": Rule(("order_lines",), "needs, value"),
    "line_without_product": Rule(("order_lines.product_id", "products"), "needs"),
    "order_without_customer": Rule(("orders",), "revenue, value"),
    "order_of_unknown_customer": Rule(("orders.customer_id", "customers"), "information, value"),
    "order_before_customer": Rule(("orders", "customers.created_at"), "information, lifecycle"),
    "refund_order": Rule(("orders.amount",), "revenue", notice=True),
    "zero_order": Rule(("orders.amount",), "revenue", notice=True),
    "refund_line": Rule(("order_lines",), "revenue", notice=True),
    "zero_quantity": Rule(("order_lines.quantity",), "needs", notice=True),
    "extreme_amount": Rule(("orders.amount",), "revenue, value"),
    "paid_before_ordered": Rule(("orders.paid_at",), "value", notice=True),
    "ticket_response_before_opened": Rule(("tickets.first_response_at",), "interaction, service"),
    "ticket_closed_before_opened": Rule(("tickets.resolved_at",), "interaction, service"),
    "ticket_of_unknown_customer": Rule(("tickets.customer_id", "customers"), "service"),
    "contact_of_unknown_customer": Rule(("interactions", "customers"), "interaction"),
    "feedback_of_unknown_customer": Rule(("feedback.customer_id", "customers"), "service"),
    "score_outside_scale": Rule(("feedback.score",), "service"),
    "consent_of_unknown_customer": Rule(("consents", "customers"), "outreach"),
    "contract_ends_before_start": Rule(("contracts.ends_at",), "value"),
    "record_updated_before_created": Rule(("customers.updated_at",), "information"),
    "record_after_period": Rule(("customers.created_at",), "information", notice=True),
    "impossible_birthday": Rule(("customers.birthday",), "information"),
    "shared_contact": Rule(("customers",), "information, value"),
    "incomplete_field": Rule(("customers",), "information"),
    "identical_rows": Rule((), "revenue"),
}


def find_alerts(tables: Tables, key_fields: Sequence[str], identical: Mapping[str, int]) -> pd.DataFrame:
    """Every check that failed, the gravest first.

    Args:
        tables: the canonical tables.
        key_fields: columns of the customer table that should be filled (diagnosis.key_fields).
        identical: table → rows equal to another one that were kept.

    Returns:
        alert, table, column, rows (that fail), share (of those that could), severity (high, medium, low), weakens.
    """
    found = tables.sql((Path(__file__).parent / "sql" / "alerts.sql").read_text("utf-8"))
    found = found.loc[[tables.has(*RULES[str(alert)].needs) for alert in found["alert"]]].fillna(0)
    failed = found.loc[found["rows"] > 0, ["alert", "table", "column", "rows", "checked"]]
    rows: list[tuple[str, str, str, int, int]] = list(
        failed.astype({"rows": "int64", "checked": "int64"}).itertuples(index=False, name=None)
    )
    customers = tables.rows("customers")
    rows += [
        ("incomplete_field", "customers", field, customers - tables.filled["customers"][field], customers)
        for field in key_fields
        if field in SCHEMAS["customers"].columns and 0 < tables.filled.get("customers", {}).get(field, 0) < customers
    ]
    rows += [("identical_rows", name, SCHEMAS[name].key[0], n, tables.rows(name)) for name, n in identical.items() if n]
    frame = pd.DataFrame(
        [
            (alert, table, column, n, n / checked, _severity(n / checked, RULES[alert]), RULES[alert].weakens)
            for alert, table, column, n, checked in rows
        ],
        columns=list(ALERT_COLUMNS),
    ).astype({"rows": "int64", "share": "float64"})
    rank = frame["severity"].map({"high": 0, "medium": 1, "low": 2})
    order = frame.assign(_rank=rank).sort_values(
        ["_rank", "share", "alert", "column"], ascending=[True, False, True, True], kind="stable"
    )
    return order.drop(columns="_rank").reset_index(drop=True)


def _severity(share: float, rule: Rule) -> str:
    if rule.notice or share < MEDIUM_SHARE:
        return "low"
    return "high" if share >= HIGH_SHARE else "medium"
