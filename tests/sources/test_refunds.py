"""Each refund finds the purchase that it undoes, where one was delivered: by hand, by a slow second way, and on real data."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbook.period import Period
from workbook.sources.refunds import pair_refunds
from workbook.tables import empty_tables, tables_of

Q4 = Period.parse("2025Q4")


def delivered(rows):
    """Rows of (customer, product, day of October, quantity, amount) as orders of one line each."""
    frame = pd.DataFrame(rows, columns=["customer_id", "product_id", "day", "quantity", "amount"])
    frame["order_id"] = [f"o{i:03d}" for i in range(len(frame))]
    frame["ordered_at"] = pd.Timestamp("2025-10-01") + pd.to_timedelta(frame["day"], unit="D")
    lines = frame[["order_id", "product_id", "quantity", "amount"]].assign(line_id="1")
    return tables_of({"orders": frame[["order_id", "customer_id", "ordered_at"]], "order_lines": lines}, Q4)


def counts(tables):
    return pair_refunds(tables).set_index("pairing")["rows"].to_dict()


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([("A", "x", 1, 2, 10), ("A", "x", 3, -2, -10)], {"paired": 1}),
        ([("A", "x", 3, 2, 10), ("A", "x", 1, -2, -10)], {"without_purchase": 1}),
        ([("A", "x", 1, 2, 10), ("B", "x", 3, -2, -10)], {"without_purchase": 1}),
        ([("A", "x", 1, 2, 10), ("A", "y", 3, -2, -10)], {"without_purchase": 1}),
        ([("A", "x", 1, 9, 45), ("A", "x", 3, -2, -10)], {"part": 1}),
        ([("A", "x", 1, 2, 10), ("A", "x", 2, -2, -10), ("A", "x", 3, -2, -10)], {"paired": 1, "without_purchase": 1}),
        ([("A", "x", 0, -2, -10), ("A", "x", 1, 2, 10), ("A", "x", 2, -2, -10)], {"paired": 1, "without_purchase": 1}),
        ([(None, "x", 1, 2, 10), (None, "x", 2, -2, -10)], {"without_customer": 1}),
        ([("A", "x", 1, 2, 10)], {}),
    ],
)  # fmt: skip
def test_by_hand(rows, found):
    assert counts(delivered(rows)) == found


def test_orders_without_lines_pair_by_their_amount():
    orders = pd.DataFrame({
        "order_id": ["1", "2", "3"], "customer_id": ["A", "A", "A"], "amount": [50, -50, -7],
        "ordered_at": ["2025-10-01", "2025-10-05", "2025-10-06"],
    })  # fmt: skip
    found = pair_refunds(tables_of({"orders": orders}, Q4)).set_index("pairing")
    assert found["rows"].to_dict() == {"paired": 1, "without_purchase": 1}
    assert found["amount"].to_dict() == {"paired": 50.0, "without_purchase": 7.0}


def test_nothing_delivered_gives_an_empty_table():
    assert pair_refunds(empty_tables(Q4)).empty


@given(st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 9), st.sampled_from([-1, 1])), max_size=24))
def test_as_many_are_paired_as_a_slow_search_pairs(trades):
    rows = [(who, "x", day, sign, 5 * sign) for who, day, sign in trades]
    if not any(sign < 0 for *_, sign in trades):
        return
    slow = 0
    for who in "AB":
        open_ = 0
        # on one day purchases come before refunds
        for _, sign in sorted(((day, -sign) for w, day, sign in trades if w == who)):
            if sign < 0:
                open_ += 1
            elif open_:
                open_, slow = open_ - 1, slow + 1
    assert counts(delivered(rows)).get("paired", 0) == slow
