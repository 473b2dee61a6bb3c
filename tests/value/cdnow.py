"""The CDNOW sample that Fader and Hardie published: histories in 39 weeks, and what was bought in the 39 weeks after."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from tests.conftest import ROOT

FILE = ROOT.parent / "shared" / "data" / "cdnow" / "CDNOW_sample.txt"
CUT = pd.Timestamp("1997-09-30")


@functools.cache
def cdnow() -> pd.DataFrame:
    """customer, x, last and age (days), spend (mean of the repeat purchase days, 0 without one), later (purchases held out)."""
    if not FILE.is_file():
        pytest.skip(f"{FILE} is not on this machine")
    rows = pd.read_csv(FILE, sep=r"\s+", header=None, names=["master", "customer", "day", "discs", "amount"])
    rows["day"] = pd.to_datetime(rows["day"].astype(str))
    days = rows.groupby(["customer", "day"])["amount"].sum().reset_index()
    known = days[days["day"] <= CUT]
    people = known.groupby("customer")["day"].agg(first="min", last_day="max", bought="size")
    repeats = known.merge(people["first"], left_on="customer", right_index=True).query("day > first")
    later = days[days["day"] > CUT].groupby("customer").size()
    return pd.DataFrame({
        "x": people["bought"] - 1, "last": (people["last_day"] - people["first"]).dt.days,
        "age": (CUT - people["first"]).dt.days, "spend": repeats.groupby("customer")["amount"].mean(), "later": later,
    }).fillna(0.0).astype({"x": np.int64, "last": np.int64, "age": np.int64}).reset_index()  # fmt: skip
