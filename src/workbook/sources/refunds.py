"""Refunds and cancellations beside the purchases that they undo (D2): what pairs is explained, what does not is asked about.

Nothing is removed: a refund lowers the revenue of the day on which it was made. Pairing says whether the purchase is in the
delivery too; where it is not, the revenue of the customer is too low by that much.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workbook.tables import Tables

REFUND_COLUMNS = ("pairing", "rows", "amount")
PAIRINGS = ("paired", "part", "without_purchase", "without_customer")
"""A purchase of the same customer, product, quantity and amount before it; a larger purchase of the product; none; nobody to
ask about."""


def pair_refunds(tables: Tables) -> pd.DataFrame:
    """Refunds by whether the purchase that they undo is in the delivery.

    Lines are paired where they carry a product, else orders by their amount. Of one customer, the refunds of an article are
    paired in the order of time, each with a purchase of its own that lies before it.

    Args:
        tables: the canonical tables.

    Returns:
        pairing (one of :data:`PAIRINGS`), rows, amount (taken back, a positive number); empty where there is no refund.
    """
    lines = tables.has("order_lines.amount", "order_lines.product_id", "order_lines.quantity", "orders")
    if not lines and not tables.has("orders.amount"):
        return pd.DataFrame({c: [] for c in REFUND_COLUMNS}).astype({"rows": "int64", "amount": "float64"})
    query = (Path(__file__).parent / "sql" / "refunds.sql").read_text("utf-8")
    found = tables.sql(query.replace("/* traded */", _LINES if lines else _ORDERS))
    place = {pairing: i for i, pairing in enumerate(PAIRINGS)}
    return found.sort_values("pairing", key=lambda column: column.map(place)).reset_index(drop=True)


_LINES = """
    select l.order_id || '/' || l.line_id as id, o.customer_id, l.product_id as article, o.ordered_at as traded_at,
        l.quantity, cast(l.amount as double) as amount
    from order_lines as l join orders as o on o.order_id = l.order_id
    where l.amount <> 0"""

_ORDERS = """
    select order_id as id, customer_id, 'order' as article, ordered_at as traded_at,
        cast(amount as double) as quantity, cast(amount as double) as amount
    from orders where amount <> 0"""
