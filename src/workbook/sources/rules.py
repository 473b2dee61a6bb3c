"""Checks across tables (D3): what the delivered rows say against one another, how grave it is and what it weakens."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbook.tables import SCHEMAS, Tables

ALERT_COLUMNS = ("alert", "table", "column", "rows", "share", "severity", "weakens")
ROW_COLUMNS = ("alert", "table", "column", "file", "row", "value")
MEDIUM_SHARE, HIGH_SHARE = 0.01, 0.1
"""From these shares of the checked rows an alert is of medium or high severity."""

MOST_ROWS = 1_000
"""So many rows of the client's files are named for each alert."""


Found = tuple[str, str, str, int, int]
"""A check that failed: alert, table, column, rows that fail, rows that could."""


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
    "product_without_line": Rule(("order_lines.product_id", "products"), "needs", notice=True),
    "order_without_customer": Rule(("orders",), "revenue, value"),
    "order_of_unknown_customer": Rule(("orders.customer_id", "customers"), "information, value"),
    "customer_without_order": Rule(("orders.customer_id", "customers"), "lifecycle", notice=True),
    "order_before_customer": Rule(("orders", "customers.created_at"), "information, lifecycle"),
    "refund_order": Rule(("orders.amount",), "revenue", notice=True),
    "zero_order": Rule(("orders.amount",), "revenue", notice=True),
    "refund_line": Rule(("order_lines",), "revenue", notice=True),
    "zero_quantity": Rule(("order_lines.quantity",), "needs", notice=True),
    "extreme_amount": Rule(("orders.amount",), "revenue, value"),
    "extreme_quantity": Rule(("order_lines.quantity",), "needs, revenue"),
    "paid_before_ordered": Rule(("orders.paid_at",), "value", notice=True),
    "ticket_response_before_opened": Rule(("tickets.first_response_at",), "interaction, service"),
    "ticket_closed_before_opened": Rule(("tickets.resolved_at",), "interaction, service"),
    "ticket_of_unknown_customer": Rule(("tickets.customer_id", "customers"), "service"),
    "event_of_unknown_ticket": Rule(("ticket_events", "tickets"), "service"),
    "contact_of_unknown_customer": Rule(("interactions", "customers"), "interaction"),
    "feedback_of_unknown_customer": Rule(("feedback.customer_id", "customers"), "service"),
    "feedback_of_unknown_order": Rule(("feedback.order_id", "orders"), "needs"),
    "feedback_of_unknown_ticket": Rule(("feedback.ticket_id", "tickets"), "service"),
    "score_outside_scale": Rule(("feedback.score",), "service"),
    "consent_of_unknown_customer": Rule(("consents", "customers"), "outreach"),
    "consent_without_date": Rule(("consents",), "outreach"),
    "consent_purpose_assumed": Rule((), "outreach"),
    "contract_of_unknown_customer": Rule(("contracts", "customers"), "value"),
    "need_of_unknown_customer": Rule(("needs", "customers"), "needs"),
    "risk_of_unknown_customer": Rule(("risk", "customers"), "value"),
    "campaign_contact_of_unknown_customer": Rule(("campaign_contacts", "customers"), "outreach"),
    "contract_ends_before_start": Rule(("contracts.ends_at",), "value"),
    "record_updated_before_created": Rule(("customers.updated_at",), "information"),
    "record_after_period": Rule(("customers.created_at",), "information", notice=True),
    "impossible_birthday": Rule(("customers.birthday",), "information"),
    "shared_contact": Rule(("customers",), "information, value"),
    "incomplete_field": Rule(("customers",), "information"),
    "identical_rows": Rule((), "revenue"),
}


@dataclass(frozen=True)
class Check:
    """A check as it stands in ``sql/checks.sql``: its query gives ``_file``, ``_row`` and ``failing`` for each row judged."""

    name: str
    table: str
    column: str
    query: str


@dataclass(frozen=True)
class Faults:
    """What the checks found.

    Attributes:
        alerts: alert, table, column, rows (that fail), share (of those that could), severity (high, medium, low), weakens;
            the gravest first.
        rows: alert, table, column, file (its number), row, value (of the column): the client's own rows that fail, at most
            :data:`MOST_ROWS` an alert, in the order of the files. Customers known from rows alone stand in no file and are
            left out.
    """

    alerts: pd.DataFrame
    rows: pd.DataFrame


@functools.cache
def checks_query() -> tuple[Mapping[str, str], tuple[Check, ...]]:
    """The views and the checks of ``sql/checks.sql``."""
    words = (Path(__file__).parent / "sql" / "checks.sql").read_text("utf-8")
    parts = re.split(r"^-- (view|check) (.+)$", words, flags=re.MULTILINE)[1:]
    views: dict[str, str] = {}
    checks: list[Check] = []
    for kind, head, query in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if kind == "view":
            views[head.strip()] = query.strip()
        else:
            name, place = head.split()
            table, _, column = place.partition(".")
            checks.append(Check(name, table, column, query.strip()))
    return views, tuple(checks)


def find_faults(tables: Tables, key_fields: Sequence[str], more: Sequence[Found] = ()) -> Faults:
    """Every check that failed.

    Args:
        tables: the canonical tables with ``_file`` and ``_row`` beside their own columns.
        key_fields: columns of the customer table that should be filled (diagnosis.key_fields).
        more: what the reading itself found: alert, table, column, rows that fail, rows judged.
    """
    views, _ = checks_query()
    for name, query in views.items():
        tables.connection.execute(f"create or replace temp view {name} as {query}")
    found: list[Found] = []
    rows: list[tuple[str, str, str, int, int, object]] = []
    for check in _applicable(tables, key_fields):
        judged = tables.sql(f"select count(*) filter (failing) as failing, count(*) as checked from ({check.query})").iloc[0]
        if judged["failing"]:
            found.append((check.name, check.table, check.column, int(judged["failing"]), int(judged["checked"])))
            places = tables.sql(
                f'select failed._file, failed._row, cast(t."{check.column}" as varchar) as value from (select _file, _row '
                f"from ({check.query}) where failing and _file is not null order by _file, _row limit {MOST_ROWS}) as failed "
                f"left join {check.table} as t on t._file = failed._file and t._row = failed._row "
                "order by failed._file, failed._row"
            )
            rows += [
                (check.name, check.table, check.column, int(file), int(row), value)
                for file, row, value in places.itertuples(index=False, name=None)
            ]
    found += [one for one in more if one[3]]
    return Faults(_ranked(found), pd.DataFrame(rows, columns=list(ROW_COLUMNS)).astype({"file": "int64", "row": "int64"}))


def _applicable(tables: Tables, key_fields: Sequence[str]) -> Iterator[Check]:
    _, checks = checks_query()
    yield from (check for check in checks if tables.has(*RULES[check.name].needs))
    customers = tables.rows("customers")
    for column in key_fields:
        # a field that nobody has was not delivered, and is told as that
        if column in SCHEMAS["customers"].columns and 0 < tables.filled.get("customers", {}).get(column, 0) < customers:
            query = f'select _file, _row, "{column}" is null as failing from customers'
            yield Check("incomplete_field", "customers", column, query)


def _ranked(found: Sequence[Found]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [
            (alert, table, column, n, n / checked, _severity(n / checked, RULES[alert]), RULES[alert].weakens)
            for alert, table, column, n, checked in found
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
