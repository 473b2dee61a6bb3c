"""Who leaves, from tables to exhibits: the definition at its edge, planted leavers, and what is said where data lack."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from tests.conftest import ROOT
from tests.report.picture_checks import assert_readable

from workbook.language import Edition, text
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import house_style
from workbook.settings.models import Analysis, Grading, Value
from workbook.tables import tables_of
from workbook.value.backtest import BackTest
from workbook.value.churn import foresee_churn, signals_of, standing_on, who_left
from workbook.value.churn_exhibits import OFFERS, SIGNS, Churn
from workbook.value.lifetime import Lifetime, forecast_value

PERIOD = Period.parse("2025Q4")
END = pd.Timestamp(PERIOD.end)
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
NO_VALUE = NotMeasured("value.lifetime", text("value.lifetime.what", "What customers will bring"))


def orders(*customers):
    """Orders of customers given by days before the end of the period."""
    rows = [{"customer_id": f"c{k:04d}", "ordered_at": END - pd.Timedelta(days=int(day)), "amount": 20.0 + k % 7 + day % 3}
            for k, days in enumerate(customers) for day in days]  # fmt: skip
    return pd.DataFrame(rows).assign(order_id=[str(k) for k in range(len(rows))])


def leavers(n=1300, seed=1):
    """Customers who buy about every 20 days and stop at random; three in ten are discontent, say so and stop more readily."""
    rng = np.random.default_rng(seed)
    bought, marks = [], []
    for k in range(n):
        discontent, often = rng.random() < 0.3, rng.uniform(0.02, 0.12)
        day, days, stopped = 720 - rng.integers(0, 640), [], False
        while day > 0 and not stopped:
            days.append(day)
            if rng.random() < (0.6 if discontent else 0.02):
                marks.append((f"c{k:04d}", day))
            stopped = rng.random() < (0.2 if discontent else 0.015)
            day -= rng.geometric(often)
        bought.append(days)
    frame = orders(*bought)
    feedback = pd.DataFrame(marks, columns=["customer_id", "day"])
    feedback = pd.DataFrame({"feedback_id": feedback.index.astype(str), "customer_id": feedback["customer_id"], "score": 1.0,
                             "scale_max": 5.0, "given_at": END - pd.to_timedelta(feedback["day"], unit="D")})  # fmt: skip
    return tables_of({"orders": frame, "feedback": feedback}, PERIOD)


@pytest.fixture(scope="module")
def found():
    tables = leavers()
    expected = forecast_value(tables, Value(), period=PERIOD)
    churn = foresee_churn(tables, Value(), Analysis(), expected, period=PERIOD)
    assert isinstance(churn, Churn)
    return churn


def test_the_horizon_follows_the_own_rhythm_within_its_limits():
    # gaps of 10, 40 and 100 days; one purchase; silent for longer than three own gaps already
    tables = tables_of(
        {"orders": orders(range(5, 205, 10), range(20, 500, 40), (50, 150, 250), (3,), range(150, 200, 10))}, PERIOD
    )
    found = standing_on(tables, PERIOD.end, "purchases", Value(), 180).frame.set_index("customer_id")
    assert found.index.tolist() == ["c0000", "c0001", "c0002", "c0003"]
    typical = np.median([10, 40, 100, 10])
    assert found.loc["c0000", "horizon"] == np.floor(3 * (190 + typical) / 20)
    assert found.loc["c0001", "horizon"] == np.floor(3 * (440 + typical) / 12)
    assert found.loc["c0002", "horizon"] == 180 and found.loc["c0003", "horizon"] == 3 * typical


def test_a_purchase_on_the_last_day_of_the_horizon_counts_and_one_after_it_does_not():
    every = range(200, 400, 10)
    cut = PERIOD.end - dt.timedelta(days=195)
    one = standing_on(tables_of({"orders": orders(every)}, PERIOD), cut, "purchases", Value(), 180)
    last = int(one.frame["horizon"].iloc[0])
    for day, left in ((last, False), (last + 1, True)):
        tables = tables_of({"orders": orders([*every, 195 - day])}, PERIOD)
        standing = standing_on(tables, cut, "purchases", Value(), 180)
        assert who_left(tables, standing, "purchases").tolist() == [left]


@pytest.mark.parametrize(
    ("renewed", "next_start", "left"),
    [(True, None, False), (False, None, True), (None, None, True), (None, 30, False), (None, 31, True), (False, 10, False)],
)
def test_a_contract_is_lost_unless_renewed_or_followed(renewed, next_start, left):
    cut = PERIOD.end - dt.timedelta(days=180)
    ends = pd.Timestamp(cut) + pd.Timedelta(days=60)
    rows = [
        {
            "contract_id": "a",
            "customer_id": "c",
            "starts_at": ends - pd.Timedelta(days=365),
            "ends_at": ends,
            "renewed": renewed,
        }
    ]
    if next_start is not None:
        begins = ends + pd.Timedelta(days=next_start)
        rows.append({"contract_id": "b", "customer_id": "c", "starts_at": begins, "ends_at": begins + pd.Timedelta(days=365)})
    tables = tables_of({"contracts": pd.DataFrame(rows)}, PERIOD)
    standing = standing_on(tables, cut, "contracts", Value(), 180)
    assert standing.frame["customer_id"].tolist() == ["c"]
    assert who_left(tables, standing, "contracts").tolist() == [left]


def test_contracts_alone_are_learned_from_end_to_end():
    rng = np.random.default_rng(3)
    n = 600
    ends = PERIOD.end - dt.timedelta(days=30)
    day = [ends - dt.timedelta(days=int(k)) for k in rng.integers(0, 170, n)]
    value = rng.lognormal(0, 1, n)
    lost = rng.random(n) < 1 / (1 + np.exp(0.5 + 1.5 * np.log(value)))
    now = pd.DataFrame({"contract_id": [f"k{k}" for k in range(n)], "customer_id": [f"c{k:04d}" for k in range(n)],
                        "ends_at": day,
                        "starts_at": [d - dt.timedelta(days=365) for d in day], "renewed": ~lost, "value": value})  # fmt: skip
    kept = now[~lost].assign(contract_id=lambda f: f["contract_id"] + "b", renewed=None, starts_at=lambda f: f["ends_at"],
                             ends_at=lambda f: [d + dt.timedelta(days=100) for d in f["starts_at"]])  # fmt: skip
    tables = tables_of({"contracts": pd.concat([now, kept], ignore_index=True)}, PERIOD)
    churn = foresee_churn(tables, Value(), Analysis(), NO_VALUE, period=PERIOD)
    assert isinstance(churn, Churn) and churn.definition == "contracts"
    assert churn.scores["auc"].iloc[0] > 0.75 and not churn.later
    assert isinstance(churn.keep_table(pd.DataFrame({"customer_id": ["c0001"], "tier": ["gold"]}), Grading()), NotMeasured)
    assert churn.key_figures() == () and "contract" in churn.definition_words().words.render(EN)


def test_planted_leavers_are_ranked_and_the_planted_sign_is_clear(found):
    assert found.later and found.scores.set_index("method").loc[found.method, "auc"] > 0.6
    clear = found.signals[found.signals["clear"]]
    assert "unhappy" in clear["signal"].tolist()
    assert found.held_out.mean() == pytest.approx(found.lost.mean(), abs=0.04)


def test_value_at_risk_ranks_and_not_the_probability(found):
    keep = found.to_keep()
    assert keep["value_at_risk"].is_monotonic_decreasing and not keep["probability"].is_monotonic_decreasing
    whole = found.people.set_index("customer_id")
    product = (whole["probability"] * whole["value"]).loc[keep["customer_id"]].to_numpy()
    assert len(keep) and keep["value_at_risk"].to_numpy() == pytest.approx(product)
    assert list(found.frame.columns) == ["customer_id", "probability", "value_at_risk", "signals"]
    assert found.frame["probability"].between(0, 1).all() and found.frame["customer_id"].is_monotonic_increasing


def test_every_sign_has_its_offer_and_only_clear_signs_are_named(found):
    assert set(OFFERS) == {*SIGNS, ""}
    named = {one for ids in found.frame["signals"] for one in ids.split(", ") if one}
    assert named <= set(found.signals.loc[found.signals["clear"], "signal"])


def test_titles_tell_the_figures_below_them(found):
    row = found.scores.set_index("method").loc[found.method]
    assert f"{row['auc']:.0%}" in found.table().title.render(EN)
    assert f"{found.lost.mean():.0%} left" in found.figure().title.render(EN)
    first = found.signals.iloc[0]
    assert f"{first['left_with']:.0%} left" in found.signs_table().title.render(EN)
    scores = found.people[["customer_id"]].assign(tier=np.where(found.people["value"] > 500, "gold", "ordinary"))
    table = found.keep_table(scores, Grading())
    assert table.frame["value_at_risk"].sum() == pytest.approx(found.people["value_at_risk"].sum())
    for block in found.blocks(scores, Grading()):
        block.bundle((EN, ZH))
    for edition in (EN, ZH):
        with house_style():
            assert_readable(found.figure().draw(edition))


def test_too_few_leavers_and_no_data_are_said():
    none = foresee_churn(tables_of({}, PERIOD), Value(), Analysis(), NO_VALUE, period=PERIOD)
    assert isinstance(none, NotMeasured) and none.missing == ("orders.customer_id", "contracts.ends_at")
    few = foresee_churn(leavers(60), Value(), Analysis(), NO_VALUE, period=PERIOD)
    assert isinstance(few, NotMeasured) and few.why is not None and "50 of each" in few.why.render(EN)


def test_signs_need_their_tables():
    tables = tables_of({"orders": orders((5, 30, 60))}, PERIOD)
    standing = standing_on(tables, PERIOD.end, "purchases", Value(), 180)
    assert list(signals_of(standing, tables, "purchases")) == ["slowing", "once", "spends_less"]


def test_online_retail_is_calibrated_by_trees_or_regression_and_its_value_is_forecast():
    path = ROOT.parent / "shared" / "data" / "online_retail" / "online_retail.parquet"
    if not path.is_file():
        pytest.skip(f"{path} is not on this machine")
    rows = pd.read_parquet(path, columns=["InvoiceNo", "InvoiceDate", "Quantity", "UnitPrice", "CustomerID"])
    rows["ordered_at"] = pd.to_datetime(rows["InvoiceDate"])
    amount = pd.to_numeric(rows["Quantity"]) * pd.to_numeric(rows["UnitPrice"])
    rows = rows.assign(amount=amount)[rows["CustomerID"].notna() & (amount > 0) & (rows["ordered_at"] < "2011-12-01")]
    sums = rows.groupby("InvoiceNo").agg(
        customer_id=("CustomerID", "first"), ordered_at=("ordered_at", "min"), amount=("amount", "sum")
    )
    bought = sums.rename_axis("order_id").reset_index().astype({"order_id": str, "customer_id": str})
    november = Period.parse("2011-11")
    tables = tables_of({"orders": bought}, november)
    expected = forecast_value(tables, Value(), period=november)
    assert isinstance(expected, Lifetime) and isinstance(expected.tested, BackTest)
    churn = foresee_churn(tables, Value(), Analysis(), expected, period=november)
    assert isinstance(churn, Churn) and churn.method in ("logistic", "boosting")
    scores = churn.scores.set_index("method")
    assert scores.loc[churn.method, "auc"] == pytest.approx(0.753, abs=0.01)
    assert scores.loc[churn.method, "skill_low"] > 0.13
    assert scores.loc[churn.method, "brier"] < min(scores.loc["hiatus", "brier"], scores.loc["bg_nbd", "brier"]) - 0.005
    assert churn.held_out.mean() == pytest.approx(churn.lost.mean(), abs=0.005)
