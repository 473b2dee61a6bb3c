"""Real orders by quarter: profiles as stage 2 would make them, for what is measured over time."""

from __future__ import annotations

import functools

import pandas as pd
import pytest
from tests.conftest import ROOT

SHARED_DATA = ROOT.parent / "shared" / "data"

ENDS = {
    "complete_journey": ("2017-03-31", "2017-06-30", "2017-09-30", "2017-12-31"),
    "online_retail": ("2011-02-28", "2011-05-31", "2011-08-31", "2011-11-30"),
}


@functools.cache
def real_orders(name: str) -> pd.DataFrame:
    """customer, order, day, amount and category of every line of a published data set; skips where it is not there."""
    folder = SHARED_DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not on this machine")
    if name == "complete_journey":
        lines = pd.read_parquet(folder / "transactions.parquet")
        products = pd.read_parquet(folder / "products.parquet", columns=["product_id", "product_category"])
        lines = lines.merge(products, on="product_id", how="left")
        days = pd.to_datetime(lines["transaction_timestamp"]).dt.tz_localize(None).dt.normalize()
        return pd.DataFrame({"customer": lines["household_id"].astype(str), "order": lines["basket_id"], "day": days,
                             "amount": lines["sales_value"], "category": lines["product_category"]})  # fmt: skip
    lines = pd.read_parquet(folder / "online_retail.parquet").query("CustomerID.notna() and Quantity > 0 and UnitPrice > 0")
    return pd.DataFrame({"customer": lines["CustomerID"].astype(int).astype(str), "order": lines["InvoiceNo"],
                         "day": pd.to_datetime(lines["InvoiceDate"]).dt.normalize(),
                         "amount": lines["Quantity"] * lines["UnitPrice"], "category": lines["StockCode"]})  # fmt: skip


def profile_at(lines: pd.DataFrame, end: str, window: int) -> pd.DataFrame:
    """The profile of the customers who bought until *end*, with a window of so many months and periods of three."""
    after = pd.Timestamp(end) + pd.Timedelta(days=1)
    begins, before = after - pd.DateOffset(months=3), after - pd.DateOffset(months=6)
    known = lines[lines["day"] < after]
    recent = known[known["day"] >= after - pd.DateOffset(months=window)]
    customers = known.groupby("customer")["day"].agg(first_order_at="min", last="max").sort_index()
    inside = recent.groupby("customer")
    customers["revenue"] = inside["amount"].sum()
    customers["orders"] = inside["order"].nunique()
    customers["categories"] = inside["category"].nunique()
    customers["revenue_period"] = known[known["day"] >= begins].groupby("customer")["amount"].sum()
    earlier = known[(known["day"] >= before) & (known["day"] < begins)]
    customers["revenue_previous"] = earlier.groupby("customer")["amount"].sum()
    customers["recency_days"] = (after - customers.pop("last")).dt.days - 1
    return customers.fillna(0.0).reset_index(names="customer_id")
