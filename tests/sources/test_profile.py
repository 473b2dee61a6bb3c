"""The profile against figures worked out by hand and against a second way of computing it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import sqlglot

import workbook.tables
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.profile import DAYS, build_profile, column_meanings, first_day_of_window, profile_query
from workbook.tables import SCHEMAS, Tables, tables_of

PERIOD = Period.parse("2025Q4")
COLUMNS = [
    "customer_id", "kind", "status", "region", "industry", "size", "channel", "owner", "tier", "created_at", "tenure_days",
    "first_order_at", "last_order_at", "recency_days", "orders", "revenue", "average_order", "orders_all", "revenue_all",
    "orders_period", "revenue_period", "orders_previous", "revenue_previous", "categories", "refund_share",
    "discount_share", "margin", "interval_days", "last_contact_at", "contact_recency_days", "contacts", "contacts_period",
    "tickets", "complaints", "late_responses", "resolution_hours", "satisfaction", "nps", "feedbacks", "needs",
    "contract_value", "contract_ends_at", "overdue_days", "disputes", "credit_rating", "marketing_consent", "reachable",
    "age_days_record",
]  # fmt: skip


def settings(**more) -> Settings:
    return Settings.model_validate({"client": {"name": "Acme"}, **more})


def profile_of(tables, **more) -> pd.DataFrame:
    return build_profile(tables_of(tables, PERIOD), settings(**more)).frame.set_index("customer_id", drop=False)


DELIVERED = {
    "customers": pd.DataFrame(
        {
            "customer_id": ["ann", "cy"], "name": ["Ann A", None], "region": ["North", None],
            "phone": ["+8613800000001", "12"], "email": ["x", None],
            "created_at": ["2024-12-31", "2025-12-01"], "updated_at": ["2025-12-01", None],
        }
    ),
    "orders": pd.DataFrame(
        [
            ("1", "ann", "2024-12-31 23:59", 50), ("2", "ann", "2025-01-01 00:00", 100),
            ("3", "ann", "2025-07-01 09:00", 60), ("4", "ann", "2025-12-31 23:30", 40),
            ("5", "ann", "2025-12-31 23:45", -10), ("6", "bo", "2025-10-01 08:00", 7),
        ],
        columns=["order_id", "customer_id", "ordered_at", "amount"],
    ),
    "order_lines": pd.DataFrame(
        [
            ("2", "1", "p1", 80, 20, 20, None), ("2", "2", "p2", 20, 15, 0, None),
            ("3", "1", "p1", 60, None, None, None), ("4", "1", "p9", 40, 30, 10, None),
            ("5", "1", "p1", -10, -5, None, "2"),
        ],
        columns=["order_id", "line_id", "product_id", "amount", "cost", "discount", "refund_of"],
    ),
    "products": pd.DataFrame({"product_id": ["p1", "p2"], "category": ["tea", "pots"]}),
    "interactions": pd.DataFrame(
        {
            "interaction_id": ["1", "2", "3"], "customer_id": ["ann"] * 3,
            "happened_at": ["2024-05-01 10:00", "2025-05-01 10:00", "2025-12-30 10:00"],
        }
    ),
    "tickets": pd.DataFrame(
        [
            ("1", "ann", "2025-11-01 08:00", "2025-11-01 10:00", "2025-11-01 12:00", "high", "投诉"),  # just in time
            ("2", "ann", "2025-11-02 08:00", "2025-11-02 10:00:01", "2025-11-02 10:00", "High", "delivery"),  # late
            ("3", "ann", "2025-12-31 10:00", None, None, "low", "delivery"),  # unanswered, but still within its day
            ("4", "ann", "2025-12-30 10:00", None, None, None, "complaint"),  # unanswered past the default of 8 hours
        ],
        columns=["ticket_id", "customer_id", "opened_at", "first_response_at", "resolved_at", "priority", "topic"],
    ),
    "feedback": pd.DataFrame(
        [
            ("1", "ann", "2025-03-01", "csat", 4, 5), ("2", "ann", "2025-04-01", "ces", 3, 5),
            ("3", "ann", "2025-05-01", "nps", 9, 10), ("4", "ann", "2025-06-01", "nps", 6, 10),
            ("5", "ann", "2024-06-01", "csat", 1, 5),
        ],
        columns=["feedback_id", "customer_id", "given_at", "instrument", "score", "scale_max"],
    ),
    "needs": pd.DataFrame({"customer_id": ["ann"], "noted_at": ["2025-02-01"], "need": ["quick delivery"]}),
    "contracts": pd.DataFrame(
        {
            "contract_id": ["1", "2"], "customer_id": ["ann", "ann"], "starts_at": ["2024-01-01", "2025-01-01"],
            "ends_at": ["2024-12-31", "2026-12-31"], "value": [500, 900],
        }
    ),
    "risk": pd.DataFrame({"customer_id": ["ann"], "credit_rating": ["AA"], "disputes": [1], "overdue_days": [12.5]}),
    "consents": pd.DataFrame(
        [
            ("ann", "marketing", "sms", "2025-01-01", None, "2025-12-31"),
            ("cy", "marketing", "sms", "2025-01-01", "2025-12-31", None),
            ("bo", "research", "sms", "2025-01-01", None, None),
        ],
        columns=["customer_id", "purpose", "channel", "granted_at", "withdrawn_at", "expires_at"],
    ),
}  # fmt: skip
"""Ann with everything, Bo known by one order alone, Cy on the list without an order."""


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return profile_of(DELIVERED)


def test_the_profile_has_the_agreed_columns_and_nothing_personal(small):
    assert list(small.columns) == COLUMNS
    assert list(column_meanings()) == COLUMNS
    # the account manager stands in it for the departments' lists, and is masked wherever it is shown
    assert [c for c in small.columns if SCHEMAS["customers"].columns.get(c) == "contact"] == ["owner"]


def test_made_in_steps_where_rows_are_many_it_is_the_same(small, monkeypatch):
    at_once, made = Tables._make, []
    monkeypatch.setattr(workbook.tables, "MANY_ROWS", 1)
    monkeypatch.setattr(Tables, "_make", lambda tables, name, *more: (made.append(name), at_once(tables, name, *more)))
    pd.testing.assert_frame_equal(profile_of(DELIVERED), small)
    assert made[-1] == "wide" and len(made) > 15


def test_the_query_can_be_read_by_spark_too():
    (words,) = sqlglot.transpile(profile_query(), read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
    assert "line_orders" in words


def test_all_customers_and_buyers_stand_in_it_once(small):
    assert small["customer_id"].tolist() == ["ann", "bo", "cy"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("orders", 3), ("revenue", 190), ("average_order", 190 / 3), ("orders_all", 4), ("revenue_all", 240),
        ("orders_period", 1), ("revenue_period", 30), ("orders_previous", 1), ("revenue_previous", 60),
        ("recency_days", 0), ("tenure_days", 365), ("interval_days", 365 / 3), ("categories", 2),
        ("refund_share", 10 / 200), ("discount_share", 30 / 170), ("margin", (130 - 60) / 130),
        ("contacts", 2), ("contacts_period", 1), ("contact_recency_days", 1),
        ("tickets", 4), ("complaints", 2), ("late_responses", 2), ("resolution_hours", (4 + 2) / 2),
        ("satisfaction", 0.7), ("nps", 6), ("feedbacks", 4), ("needs", 1), ("contract_value", 900),
        ("overdue_days", 12.5), ("disputes", 1), ("age_days_record", 30),
    ],
)  # fmt: skip
def test_ann_is_as_counted_by_hand(small, column, value):
    assert small.loc["ann", column] == pytest.approx(value)


def test_what_was_delivered_but_did_not_happen_is_zero_and_the_unknown_stays_empty(small):
    cy = small.loc["cy"]
    assert cy[["orders", "revenue", "tickets", "contacts", "late_responses", "categories"]].tolist() == [0] * 6
    assert cy[["average_order", "recency_days", "nps", "satisfaction", "margin", "contract_value"]].isna().all()
    nameless = profile_of({"customers": pd.DataFrame({"customer_id": ["a", "b"], "status": ["active", "lost"]})})
    assert nameless["tenure_days"].isna().all()  # neither a record's date nor an order: nobody came on the last day
    only_orders = profile_of({"orders": pd.DataFrame({"order_id": ["1"], "customer_id": ["a"], "ordered_at": ["2025-10-01"]})})
    assert only_orders[["tickets", "contacts", "late_responses", "feedbacks", "categories", "needs"]].isna().all().all()
    assert only_orders["marketing_consent"].tolist() == [False]
    assert only_orders["reachable"].isna().all()  # neither phones nor addresses were delivered: nobody is known to lack them


def test_consent_and_reach(small):
    assert small["marketing_consent"].tolist() == [True, False, False]
    assert small["reachable"].tolist() == [True, False, False]


def test_days_are_dates_and_types_do_not_hang_on_what_was_delivered(small):
    bare = profile_of({"customers": pd.DataFrame({"customer_id": ["a"]})})
    for frame in (small, bare):
        assert {str(frame[c].dtype) for c in DAYS} == {"datetime64[us]"}
    assert str(bare["revenue"].dtype) == "float64"
    assert str(bare["region"].dtype) == str(small["region"].dtype)
    assert small.loc["ann", "first_order_at"] == pd.Timestamp("2024-12-31")


def test_the_window_ends_with_the_period():
    assert first_day_of_window(dt.date(2025, 12, 31), 6) == dt.date(2025, 7, 1)
    assert first_day_of_window(dt.date(2024, 2, 29), 24) == dt.date(2022, 3, 1)


def test_a_second_implementation_gives_the_same_buying_figures():
    rng = np.random.default_rng(7)
    n = 4000
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 731 * 24 * 60, n), unit="min")
    orders = pd.DataFrame(
        {
            "order_id": [str(i) for i in range(n)], "customer_id": [f"c{i}" for i in rng.integers(0, 300, n)],
            "ordered_at": days, "amount": np.round(rng.normal(60, 40, n), 2),
        }
    )  # fmt: skip
    made = profile_of({"orders": orders})
    orders["day"] = orders["ordered_at"].dt.normalize()
    sale = orders.loc[orders["amount"] >= 0]
    window, period = orders["day"] >= "2025-01-01", orders["day"] >= "2025-10-01"
    previous = (orders["day"] >= "2025-07-01") & (orders["day"] < "2025-10-01")
    ids = made.index

    def per(rows, column="amount", how="sum"):
        return rows.groupby("customer_id")[column].agg(how).reindex(ids)

    expected = {
        "orders": per(sale.loc[window], how="size").fillna(0), "revenue": per(orders.loc[window]).fillna(0),
        "orders_period": per(sale.loc[period], how="size").fillna(0), "revenue_period": per(orders.loc[period]).fillna(0),
        "revenue_previous": per(orders.loc[previous]).fillna(0), "orders_all": per(sale, how="size").fillna(0),
        "recency_days": (pd.Timestamp("2025-12-31") - per(sale, "day", "max")).dt.days,
        "interval_days": (per(sale, "day", "max") - per(sale, "day", "min")).dt.days
        / (per(sale, "day", "nunique") - 1).replace(0, np.nan),
    }  # fmt: skip
    for column, values in expected.items():
        np.testing.assert_allclose(made[column].astype(float), values.astype(float), rtol=1e-9, atol=1e-9, err_msg=column)


def test_the_tables_render_in_both_languages_and_a_customer_can_be_looked_up():
    tables = tables_of(
        {"orders": pd.DataFrame({"order_id": ["1"], "customer_id": ["a"], "ordered_at": ["2025-10-01"]})}, PERIOD
    )
    profile = build_profile(tables, settings())
    for block in (profile.table(), profile.dictionary()):
        words = block.bundle((Edition("en"), Edition("zh")))["languages"]
        assert words["en"]["cells"]
        assert words["zh"]["head"][1] == "含义"
    assert profile.card("a")["orders"] == 1
    with pytest.raises(KeyError):
        profile.card("nobody")


def test_categories_that_were_not_delivered_are_unknown_and_not_none():
    """Lines without a category made everybody a buyer of no category at all, and an index of the score out of it."""
    orders = pd.DataFrame({"order_id": ["1"], "customer_id": ["a"], "ordered_at": ["2025-12-01"], "amount": [5]})
    lines = pd.DataFrame({"order_id": ["1"], "line_id": ["1"], "product_id": ["p"], "amount": [5]})
    products = pd.DataFrame({"product_id": ["p"], "name": ["Pot"]})
    bare = profile_of({"orders": orders, "order_lines": lines, "products": products})
    assert bare["categories"].isna().all()
    told = profile_of({"orders": orders, "order_lines": lines, "products": products.assign(category="Pots")})
    assert told["categories"].tolist() == [1]


def test_revenue_is_unknown_and_not_nothing_where_no_amount_was_delivered():
    orders = pd.DataFrame({"order_id": ["1", "2"], "customer_id": ["A", "B"], "ordered_at": ["2025-10-01", "2025-10-05"]})
    frame = build_profile(tables_of({"orders": orders}, Period.parse("2025Q4")), settings()).frame
    assert frame["orders"].tolist() == [1, 1]
    assert frame[["revenue", "revenue_all", "revenue_period", "average_order"]].isna().all(axis=None)
