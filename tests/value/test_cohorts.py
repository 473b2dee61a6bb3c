"""Cohorts counted by hand: who came back and when, what is blank, what is hidden, who stands in no cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.report.picture_checks import assert_readable

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import house_style
from workbook.settings.models import Analysis, Value
from workbook.tables import tables_of
from workbook.value.cohorts import Cohorts, keep_cohorts

PERIOD = Period.parse("2025Q4")
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
QUARTERS = {"2025Q1": "2025-02-10", "2025Q2": "2025-05-10", "2025Q3": "2025-08-10", "2025Q4": "2025-11-10"}


def client(*groups):
    """Groups of customers: how many, and the quarters in which each of them bought."""
    rows, people, k = [], [], 0
    for size, quarters in groups:
        for _ in range(size):
            people.append({"customer_id": f"c{k:03d}", "created_at": QUARTERS[quarters[0]]})
            rows += [{"customer_id": f"c{k:03d}", "ordered_at": QUARTERS[q], "amount": 1.0} for q in quarters]
            k += 1
    orders = pd.DataFrame(rows).assign(order_id=[str(j) for j in range(len(rows))])
    return {"orders": orders, "customers": pd.DataFrame(people)}


def kept(frames, least=5, period=PERIOD):
    return keep_cohorts(tables_of(frames, period), Value(), Analysis(small_cell=least), period=period)


BOTH = client(
    (30, ["2025Q1", "2025Q2", "2025Q4"]), (10, ["2025Q1"]), (12, ["2025Q3", "2025Q4"]), (8, ["2025Q3"]), (9, ["2025Q4"])
)


def test_shares_are_those_counted_by_hand_and_what_is_not_over_is_blank():
    found = kept(BOTH)
    assert isinstance(found, Cohorts)
    frame = found.frame.set_index("cohort")
    assert frame["n"].to_dict() == {"2025Q1": 40, "2025Q3": 20, "2025Q4": 9}
    assert frame.loc["2025Q1", ["kept_1", "kept_2", "kept_3"]].tolist() == [0.75, 0.0, 0.75]
    assert frame.loc["2025Q3", "kept_1"] == 0.6
    assert frame.loc["2025Q3", ["kept_2", "kept_3"]].isna().all() and frame.loc["2025Q4"].drop("n").isna().all()
    assert not found.hidden.to_numpy().any()
    assert (
        found.next_period == (60, 42) and found.figure().title.render(EN) == "70% of new customers buy again in the next period"
    )
    assert found.next_interval[0] < 0.7 < found.next_interval[1]


@pytest.mark.parametrize(("came", "stayed_away"), [(3, 30), (30, 3)])
def test_neither_the_few_who_came_nor_the_few_who_did_not_can_be_counted(came, stayed_away):
    found = kept(client((came, ["2025Q2", "2025Q3"]), (stayed_away, ["2025Q2"]), (20, ["2025Q3"]), (20, ["2025Q1"])))
    place = found.frame["cohort"].tolist().index("2025Q2")
    assert np.isnan(found.frame["kept_1"][place]) and found.hidden["kept_1"][place]


def test_who_may_have_bought_before_the_files_stands_in_no_cohort():
    old = client((30, ["2025Q1", "2025Q2"]), (20, ["2025Q2", "2025Q3"]))
    old["customers"].loc[:29, "created_at"] = "2020-01-01"
    found = kept(old)
    assert found.frame["cohort"].tolist() == ["2025Q2"]
    # without record dates: only first purchases more than lead_days after the first order count
    bare = {"orders": client((30, ["2025Q1", "2025Q2"]), (20, ["2025Q3", "2025Q4"]))["orders"]}
    assert kept(bare).frame["cohort"].tolist() == ["2025Q3"]


def test_cohorts_are_as_long_as_the_period():
    found = kept(BOTH, period=Period.parse("2025H2"))
    assert found.frame["cohort"].tolist() == ["2025H1", "2025H2"]
    # whoever bought in Q1 and Q4 came back in the next half-year
    assert found.frame["kept_1"].tolist()[0] == 0.75


def test_data_too_short_or_missing_are_said():
    assert isinstance(kept({}), NotMeasured)
    short = kept(client((30, ["2025Q4"])))
    assert isinstance(short, NotMeasured) and short.why is not None


def test_the_map_is_readable_in_both_languages():
    found = kept(BOTH)
    found.figure().bundle((EN, ZH))
    for edition in (EN, ZH):
        with house_style():
            assert_readable(found.figure().draw(edition))
