import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from workbook.pilots.moments import Moments, moments_by_arm, moments_in_database, moments_of, summary

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@examples(max_examples=50, deadline=None)
@given(NUMBERS, NUMBERS)
def test_two_groups_put_together_are_the_group_of_both(a, b):
    both = moments_of(np.array(a)) + moments_of(np.array(b))
    whole = moments_of(np.array(a + b))
    assert both.n == whole.n and both.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-6)
    assert both.scatter == pytest.approx(whole.scatter, rel=1e-6, abs=1e-3)


def test_moments_of_several_variables_are_numpys():
    values = np.random.default_rng(0).lognormal(size=(200, 3))
    found = moments_of(values)
    assert found.covariance() == pytest.approx(np.cov(values.T)) and found.mean == pytest.approx(values.mean(axis=0))
    assert found.only(2, 0).covariance() == pytest.approx(np.cov(values[:, [2, 0]].T))


def test_means_of_a_thousand_million_with_unit_variance_keep_their_digits():
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1, 10_000)
    frame = pd.DataFrame({"arm": np.where(np.arange(10_000) % 2, "a", "b"), "m": 1e9 + noise})
    exact = pd.Series(frame["m"] - 1e9).groupby(frame["arm"]).var()
    with duckdb.connect() as connection:
        connection.register("units", frame)
        kept = moments_in_database(connection, "units", "arm", {"m": "m"})
    for found, digits in ((moments_by_arm(frame, "arm", ["m"]), 1e-12), (kept, 1e-6)):
        assert [found[arm, "m"].variance() for arm in ("a", "b")] == pytest.approx(exact.tolist(), rel=digits)


def test_frame_and_database_say_the_same_and_leave_out_what_is_missing():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"arm": rng.choice(["a", "b", "c"], 500), "x": rng.lognormal(size=500), "y": rng.normal(size=500)})
    frame.loc[:99, "x"] = np.nan
    frame.loc[frame["arm"] == "c", "y"] = np.nan
    with duckdb.connect() as connection:
        connection.register("units", frame)
        kept = moments_in_database(connection, "units", "arm", {"x": "x", "y": "y"})
    found = moments_by_arm(frame, "arm", ["x", "y"])
    assert set(kept) == set(found) == {(a, m) for a in "abc" for m in "xy"} - {("c", "y")}
    for key, one in found.items():
        arm, metric = key
        values = frame.loc[frame["arm"] == arm, metric].dropna()
        assert (one.n, one.mean[0], one.variance()) == pytest.approx((len(values), values.mean(), values.var()))
        assert (kept[key].n, kept[key].mean[0], kept[key].variance()) == pytest.approx((one.n, one.mean[0], one.variance()))


def test_a_delivered_summary_and_an_empty_group():
    assert summary(10, 3.0, 2.0).variance() == pytest.approx(2.0)
    empty = moments_of(np.array([]))
    assert empty.n == 0 and np.isnan(empty.variance())
    assert (empty + empty).n == 0 and isinstance(empty + empty, Moments)
