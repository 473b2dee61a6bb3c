"""Segments: each rule at its edge, nobody counted twice, and dimensions that were not delivered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Analysis
from workbook.value.segments import WITHIN, Segments, segment_customers

EN, ZH = Edition("en", "USD", least=5), Edition("zh", "CNY", least=5)


def person(**given):
    return {"orders_all": 5, "recency_days": 10.0, "revenue": 100.0, "contacts": 1, "tickets": 0, "feedbacks": 0, "needs": 1,
            "nps": 9.0, "satisfaction": np.nan} | given  # fmt: skip


def placed(*people):
    return segment_customers(pd.DataFrame(people).assign(customer_id=[f"c{k:03d}" for k in range(len(people))]), Analysis())


@pytest.mark.parametrize(
    ("given", "dimension", "segment"),
    [
        ({"orders_all": 1}, "history", "once"), ({"orders_all": 3}, "history", "occasional"),
        ({"orders_all": 4}, "history", "regular"), ({"orders_all": 0}, "history", None),
        ({"contacts": 0}, "interaction", "none"), ({"contacts": 3}, "interaction", "some"),
        ({"contacts": 2, "tickets": 1, "feedbacks": 1}, "interaction", "close"),
        ({"needs": 0}, "needs", "unknown"), ({}, "needs", "known"),
        ({}, "loyalty", "loyal"), ({"nps": 8.0}, "loyalty", "habit"), ({"orders_all": 3}, "loyalty", "friend"),
        ({"orders_all": 3, "nps": 8.0}, "loyalty", "distant"), ({"nps": np.nan}, "loyalty", None),
        ({"nps": np.nan, "satisfaction": 0.8}, "loyalty", "loyal"), ({"nps": 5.0, "satisfaction": 0.9}, "loyalty", "habit"),
        ({"orders_all": 0}, "loyalty", None),
    ],
)  # fmt: skip
def test_each_rule_holds_up_to_its_edge(given, dimension, segment):
    found = placed(person(**given), person())
    assert isinstance(found, Segments)
    value = found.frame[dimension].iloc[0]
    assert value == segment if segment else pd.isna(value)


def test_shares_add_up_within_each_dimension_and_lost_is_of_buyers():
    people = [
        person(orders_all=k % 6, recency_days=np.nan if k % 6 == 0 else 10.0 * (k % 30), revenue=float(k)) for k in range(120)
    ]
    found = placed(*people)
    for dimension, segments in WITHIN.items():
        rows = found.rows[found.rows["dimension"] == dimension]
        assert rows["segment"].tolist() == list(segments)
        assert rows["share"].sum() == pytest.approx(1) and rows["revenue_share"].sum() == pytest.approx(1)
        assert rows["customers"].sum() == found.frame[dimension].notna().sum()
    none = found.rows.set_index("segment").loc["known"]
    buyers = [p for p in people if p["orders_all"]]
    assert none["lost"] == pytest.approx(np.mean([p["recency_days"] > 180 for p in buyers]))
    assert none["low"] < none["lost"] < none["high"]


def test_titles_tell_the_rows_and_small_segments_are_hidden():
    found = placed(
        *[person() for _ in range(30)], *[person(nps=3.0, revenue=50.0) for _ in range(20)], person(orders_all=1, nps=9.0)
    )
    assert found.table().title.render(EN) == "59% of those asked are loyal and bring 73% of their revenue"
    shown = found.table().frame.set_index("segment")
    assert shown["customers"]["friend"] == 1 and np.isnan(shown["share"]["friend"])
    cells = found.table().bundle((EN, ZH))["languages"]["en"]["cells"]
    assert any("<5" in row for row in cells)


def test_what_was_not_delivered_is_said_and_left_out():
    bare = segment_customers(pd.DataFrame({"customer_id": ["a", "b"], "orders_all": [5, 1], "recency_days": [1.0, 9.0],
                                           "revenue": [9.0, 1.0]}), Analysis())  # fmt: skip
    assert isinstance(bare, Segments) and bare.missing == ("interaction", "needs", "loyalty")
    assert [note.missing for note in bare.not_measured()][1] == ("needs",)
    assert bare.table().title.render(EN) == "50% of buyers are regular and bring 90% of the revenue"
    assert isinstance(placed(person(orders_all=0)), NotMeasured)
