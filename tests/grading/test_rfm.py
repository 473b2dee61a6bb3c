"""RFM against the R package, its invariants, segments and exhibits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.errors import SettingsError
from workbook.grading.rfm import SEGMENTS, RfmResult, quantile_cuts, score_rfm, segment_of
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Rfm

quickly = settings(max_examples=40, deadline=None)

PERIOD = Period.parse("2006")
ORDERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "rfm_orders" / "orders.csv"
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")


def scored(profile, settings=None):
    found = score_rfm(profile, settings or Rfm(), period=PERIOD)
    assert isinstance(found, RfmResult)
    return found


def people(recency, orders, revenue):
    ids = [f"c{k:03d}" for k in range(len(recency))]
    return pd.DataFrame({"customer_id": ids, "recency_days": recency, "orders": orders, "revenue": revenue})


@pytest.fixture(scope="module")
def published():
    """The profile of rfm_data_orders, the data set of the R package rfm, on its analysis date."""
    if not ORDERS.is_file():
        pytest.skip(f"{ORDERS} is not there")
    orders = pd.read_csv(ORDERS, parse_dates=["order_date"])
    grouped = orders.groupby("customer_id")
    return pd.DataFrame(
        {
            "recency_days": (pd.Timestamp("2006-12-31") - grouped["order_date"].max()).dt.days,
            "orders": grouped.size(),
            "revenue": grouped["revenue"].sum(),
        }
    ).reset_index()


def test_cut_points_are_those_of_the_r_package(published):
    found = scored(published, Rfm(cuts="r_package"))
    # rfm::rfm_table_order(rfm_data_orders, customer_id, order_date, revenue, "2006-12-31")
    assert found.lows["recency"] == pytest.approx((1, 115, 181, 297.4, 482))
    assert found.lows["frequency"] == pytest.approx((1, 4, 5, 6, 8))
    assert found.lows["monetary"] == pytest.approx((12, 255.8, 382, 506.4, 666))
    assert len(found.frame) == 995


def test_scores_of_the_r_package_follow_its_half_open_classes(published):
    found = scored(published, Rfm(cuts="r_package"))
    # an independent implementation: each class asked for, lower bound in, upper bound out
    lows = found.lows["monetary"]
    highs = (*lows[1:], np.inf)
    asked = [next(k for k, (a, b) in enumerate(zip(lows, highs, strict=True), 1) if a <= x < b) for x in published["revenue"]]
    assert found.frame["m"].tolist() == asked
    lows = found.lows["recency"]
    highs = (*lows[1:], np.inf)
    asked = [
        5 - next(k for k, (a, b) in enumerate(zip(lows, highs, strict=True)) if a <= x < b) for x in published["recency_days"]
    ]
    assert found.frame["r"].tolist() == asked


def test_scores_of_the_r_package_change_with_the_unit_and_plain_quantiles_do_not(published):
    tens = published.assign(revenue=published["revenue"] / 16)
    assert not scored(published, Rfm(cuts="r_package")).frame["m"].equals(scored(tens, Rfm(cuts="r_package")).frame["m"])
    assert scored(published).frame.equals(scored(tens).frame)


amounts = st.lists(st.integers(0, 10**6).map(lambda cents: cents / 100), min_size=1, max_size=50)


@quickly
@given(amounts, st.integers(2, 10))
def test_cut_points_are_numpys_default_quantiles(values, bins):
    expected = np.quantile(values, [k / bins for k in range(1, bins)])
    assert quantile_cuts(np.array(values), bins) == pytest.approx(tuple(expected))


@quickly
@given(amounts, st.integers(2, 10), st.integers(-6, 6))
def test_scores_follow_the_values_and_not_their_unit(values, bins, power):
    n = len(values)
    profile = people(list(range(n)), [1] * n, values)
    frame = scored(profile, Rfm(bins=bins)).frame
    assert frame[["r", "f", "m"]].isin(range(1, bins + 1)).all().all()
    assert (np.diff(frame["m"].to_numpy()[np.argsort(values, kind="stable")]) >= 0).all()
    assert (np.diff(frame["r"]) <= 0).all()
    assert len(set(frame["f"])) == 1
    assert all(len(set(alike)) == 1 for _, alike in frame.groupby(values)["m"])
    scaled = profile.assign(revenue=profile["revenue"] * 2.0**power)
    assert scored(scaled, Rfm(bins=bins)).frame.equals(frame)


def test_order_of_the_customers_changes_nothing(make_profile):
    profile = make_profile()
    one, other = scored(profile), scored(profile.sample(frac=1, random_state=5))
    assert one.frame.equals(other.frame) and one.segments.equals(other.segments)


def test_only_buyers_of_the_window_are_scored(make_profile):
    profile = make_profile(100)
    found = scored(profile)
    assert len(found.frame) == 90 and found.silent == 10
    assert found.segments["customers"].sum() == 90
    nobody = score_rfm(profile.assign(orders=0), Rfm(), period=PERIOD)
    assert isinstance(nobody, NotMeasured) and nobody.missing == ("orders",)


def test_each_segment_is_its_three_sides():
    rows = [(r, f, m) for r in (True, False) for f in (True, False) for m in (True, False)]
    measures = pd.DataFrame([(10 if r else 90, 9 if f else 1, 900 if m else 100) for r, f, m in rows],
                            columns=["recency", "frequency", "monetary"])  # fmt: skip
    assert list(segment_of(measures)) == [SEGMENTS[row] for row in rows]
    assert list(segment_of(measures, split="median")) == [SEGMENTS[row] for row in rows]
    assert SEGMENTS[True, True, True] == "key_value" and SEGMENTS[False, False, False] == "general_win_back"


@quickly
@given(st.floats(0.01, 1e6), st.integers(1, 60))
def test_buyers_who_are_all_alike_are_above_nothing(value, n):
    measures = pd.DataFrame({"recency": [value] * n, "frequency": [value] * n, "monetary": [value] * n})
    assert set(segment_of(measures)) == {"general_win_back"}


def test_cut_points_of_the_settings_are_kept(make_profile):
    kept = Rfm(bins=3, recency=[30, 90], frequency=[1, 5], monetary=[100, 1000])
    found = scored(people([10, 30, 31, 90, 200], [1, 2, 5, 6, 7], [100, 101, 1000, 1001, 5]), kept)
    assert found.frame["r"].tolist() == [3, 3, 2, 2, 1]
    assert found.frame["f"].tolist() == [1, 2, 2, 3, 3]
    assert found.frame["m"].tolist() == [1, 2, 2, 3, 1]
    first = scored(make_profile())
    again = Rfm(**{measure: list(cuts) for measure, cuts in first.cuts.items()})
    assert scored(make_profile(), again).frame.equals(first.frame)


@pytest.mark.parametrize("cuts", [[1, 2], [1, 2, 3, 3], [4, 3, 2, 1], []])
def test_cut_points_that_do_not_fit_are_named(make_profile, cuts):
    with pytest.raises(SettingsError, match=r"grading\.rfm\.monetary.*expected 4 rising cut points"):
        scored(make_profile(20), Rfm(monetary=cuts))


def test_segments_sum_to_the_buyers_and_their_revenue(make_profile):
    profile = make_profile(500)
    found = scored(profile)
    assert len(found.segments) == 8
    assert found.segments["revenue"].sum() == pytest.approx(profile["revenue"].sum())
    assert found.segments["revenue_share"].sum() == pytest.approx(1)
    assert list(found.frame.columns) == ["customer_id", "r", "f", "m", "segment"]


def test_titles_say_what_their_tables_hold():
    # 10 of 40 buyers are recent, frequent and valuable, and bring 1000 of 1300
    found = scored(people([1] * 10 + [300] * 30, [9] * 10 + [1] * 30, [100.0] * 10 + [10.0] * 30))
    assert found.table().title.render(EN) == "Key value customers: 25% of buyers bring 77% of revenue"
    assert found.table().title.render(ZH) == "重要价值客户占 25%，贡献收入的 77%"
    rising = scored(people([1] * 10, [1] * 10, [float(k) for k in range(101, 111)]))
    assert rising.cuts_table().title.render(EN) == "The top monetary score begins at $109"
    assert rising.cuts_table().frame["monetary"].iloc[0].render(EN) == "$109 to $110"
    few = scored(people([1, 300, 300], [9, 1, 1], [80.0, 10.0, 10.0]))
    assert few.table().title.render(EN) == "Key value customers: 1 of 3 buyers, 80% of revenue"
    alike = scored(people([5] * 40, [1] * 40, [0.0] * 40))
    assert alike.table().title.render(EN) == "Buyers by RFM segment"
    assert alike.cuts_table().title.render(EN) == "Values that earn each score"


@pytest.mark.parametrize("bins", [2, 5, 10])
def test_exhibits_are_readable_in_both_languages(make_profile, check_picture, bins):
    found = scored(make_profile(), Rfm(bins=bins))
    bundle = check_picture(found.grid())
    assert bundle["table"]["n_rows"] <= bins * bins
    for block in (found.table(), found.cuts_table(), *found.key_figures()):
        block.bundle((EN, ZH))
