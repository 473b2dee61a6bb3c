"""The forecast of value: planted customers forecast rightly, old ones said, kinds asked and never pooled by habit."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Table
from workbook.settings.models import Grading, Value
from workbook.tables import tables_of
from workbook.value.histories import purchase_histories
from workbook.value.lifetime import Lifetime, forecast_value

EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
Q4 = Period.parse("2025Q4")
BEGIN = pd.Timestamp("2024-01-01")


def story(n=900, seed=1, dear=1.0, record=True, days=731):
    """Customers who join in the first year, buy at their own rate and stop at random; every third is a company."""
    rng = np.random.default_rng(seed)
    company = np.arange(n) % 3 == 0
    joined = rng.integers(0, 360, n)
    rate = rng.gamma(1.2, 0.12 / 1.2, n) / 7
    gone = joined + rng.exponential(420, n)
    mean = rng.gamma(6, 20, n) * np.where(company, dear, 1.0)
    horizon = days + 366
    gaps = np.cumsum(rng.exponential(1, (n, 400)) / rate[:, None], axis=1)
    when = np.concatenate([np.zeros((n, 1)), gaps], axis=1) + joined[:, None]
    who, which = np.nonzero((when < horizon) & (when <= gone[:, None]))
    day = np.floor(when[who, which]).astype(int)
    amount = np.round(rng.gamma(4, mean[who] / 4), 2) + 1
    ids = np.array([f"c{k:04d}" for k in range(n)])
    orders = pd.DataFrame({"order_id": [f"o{k}" for k in range(len(who))], "customer_id": ids[who],
                           "ordered_at": BEGIN + pd.to_timedelta(day, "D"), "amount": amount})  # fmt: skip
    customers = pd.DataFrame({"customer_id": ids, "kind": np.where(company, "company", "person")})
    if record:
        customers["created_at"] = BEGIN + pd.to_timedelta(joined, "D")
    known = orders[day < days]
    later = orders[(day >= days) & (day < days + 365)].groupby("customer_id")["amount"].sum().reindex(ids).fillna(0.0)
    return tables_of({"orders": known, "customers": customers}, Q4), later


def forecast(tables, **more):
    found = forecast_value(tables, Value(**{"discount": 0.0, **more}), period=Q4)
    assert isinstance(found, Lifetime)
    return found


def test_planted_customers_are_forecast_within_the_interval():
    inside, errors = [], []
    for seed in range(5):
        tables, later = story(2000, seed=seed)
        found = forecast(tables, models=["pareto_nbd"])
        inside.append(found.total_low <= later.sum() <= found.total_high)
        errors.append(found.total / later.sum() - 1)
    assert np.mean(inside) >= 0.6 and abs(np.mean(errors)) < 0.05


def test_the_forecast_orders_customers_better_than_chance_and_holds_its_parts_together():
    tables, later = story(2000)
    found = forecast(tables)
    frame = found.frame.set_index("customer_id")
    assert frame["value"].corr(later, method="spearman") > 0.6
    assert frame["value"].sum() == pytest.approx(found.total)
    assert frame["value"].to_numpy() == pytest.approx((frame["purchases"] * frame["spend"]).to_numpy())
    assert frame["silent"].between(0, 1).all() and frame["alive"].between(0, 1).all()
    assert (frame["value_low"] <= frame["value"]).all() and (frame["value"] <= frame["value_high"]).all()
    quiet = later == 0
    groups = pd.qcut(frame["silent"], 5, labels=False)
    assert frame["silent"].groupby(groups).mean().to_numpy() == pytest.approx(quiet.groupby(groups).mean().to_numpy(), abs=0.09)


def test_discounting_lowers_value_and_leaves_purchases():
    tables, _ = story()
    plain, discounted = forecast(tables), forecast(tables, discount=0.2)
    assert plain.frame["purchases"].equals(discounted.frame["purchases"])
    ratio = discounted.total / plain.total
    assert 1 / 1.2 < ratio < 0.95


def test_kinds_that_spend_otherwise_get_their_own_spend_model_and_it_is_said():
    same, _ = story(1500)
    apart, _ = story(1500, dear=4.0)
    pooled, split = forecast(same), forecast(apart)
    assert set(split.spending.fits) == {"company", "person"} and split.spending.p < 1e-6
    assert set(pooled.spending.fits) == {""} and pooled.spending.p > 0.05
    words = [block.words.render(EN) for block in split.limits()]
    assert any("differ in spend beyond chance" in one and "companies, persons" in one for one in words)
    assert any("do not differ in spend" in block.words.render(EN) for block in pooled.limits())


def test_customers_older_than_the_files_are_set_apart_and_said():
    tables, _ = story(1500)
    # the files begin 200 days late: who joined before stands in the customer table with the older date
    tables.connection.execute("delete from orders where ordered_at < timestamp '2024-07-19'")
    found = forecast(tables, holdout_months=3)
    created = tables.sql("select count(*) as n from customers where created_at < date '2024-07-19'")["n"].iloc[0]
    assert 0 < found.old <= created and found.ground < len(found.frame)
    assert found.ground == len(found.frame) - found.old
    assert any("may lie before the files" in block.words.render(EN) for block in found.limits())


def test_without_record_dates_the_first_months_count_as_old():
    tables, _ = story(record=False)
    histories = purchase_histories(tables, until=Q4.end, lead_days=90)
    late = pd.to_datetime(histories.frame["first"]) >= BEGIN + pd.Timedelta(days=90)
    assert (histories.frame["seen"] == late).all() and histories.begins == dt.date(2024, 1, 1)
    assert purchase_histories(tables, until=Q4.end, lead_days=0).frame["seen"].mean() == 1


def test_orders_of_one_day_are_one_purchase_and_refunds_none():
    orders = pd.DataFrame({
        "order_id": list("abcdef"), "customer_id": ["x"] * 6, "amount": [10.0, 20.0, 30.0, 50.0, -5.0, 999.0],
        "ordered_at": ["2025-01-01 09:00", "2025-01-01 18:00", "2025-02-01", "2025-02-01", "2025-03-01", "2026-02-01"],
    })  # fmt: skip
    found = purchase_histories(tables_of({"orders": orders}, Q4), until=Q4.end)
    (row,) = found.frame.to_dict("records")
    assert (row["x"], row["last"], row["age"], row["spend"]) == (1, 31, 364, 80.0)


def test_too_little_is_said_and_no_exception():
    tables, _ = story(40)
    assert isinstance(forecast_value(tables, Value(), period=Q4), NotMeasured)
    empty = tables_of({}, Q4)
    nothing = forecast_value(empty, Value(), period=Q4)
    assert isinstance(nothing, NotMeasured) and "orders.amount" in nothing.missing


def test_a_short_history_forecasts_without_a_back_test():
    tables, _ = story(1200)
    tables.connection.execute("delete from orders where ordered_at < timestamp '2025-11-01'")
    found = forecast(tables, holdout_months=6)
    assert isinstance(found.tested, NotMeasured) and found.method == "bg_nbd"


def test_blocks_show_in_both_languages():
    tables, _ = story(600, dear=3.0)
    found = forecast(tables)
    grading = Grading()
    scores = pd.DataFrame({"customer_id": found.frame["customer_id"], "tier": [t.id for t in grading.tiers] * 150})
    for block in found.blocks(scores, grading):
        block.bundle((EN, ZH))
    table = found.table(scores, grading)
    assert isinstance(table, Table) and table.frame["value"].sum() == pytest.approx(found.total)
    assert isinstance(found.table(NotMeasured("grading.tiers", table.title), grading), NotMeasured)
    again = forecast(story(600, dear=3.0)[0])
    assert again.frame.equals(found.frame)
