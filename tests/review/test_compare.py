import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.picture_checks import assert_figure_readable
from tests.review.firms import kpi_frame

from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.review.compare import compare_kpis, compare_problems

EN, ZH = Edition("en"), Edition("zh")
NOW = kpi_frame(repurchase_rate=(0.50, 0.47, 0.53), late_share=(0.10, 0.08, 0.13), nps=(30, 20, 40), revenue=1e6)
BEFORE = kpi_frame(repurchase_rate=(0.40, 0.37, 0.43), late_share=(0.05, 0.04, 0.07), nps=(28, 18, 38), revenue=0.9e6)
GOALS = pd.DataFrame({"goal": ["a", "b"], "kpi": ["repurchase_rate", "late_share"], "target": [0.45, 0.05]})


def movements(now=NOW, before=BEFORE, goals=GOALS):
    return compare_kpis(now, before, goals).frame.set_index("kpi")


def test_movement_follows_the_interval_and_the_better_direction():
    found = movements()["movement"].to_dict()
    assert found == {"repurchase_rate": "better", "late_share": "worse", "nps": "unclear", "revenue": "better"}


def test_a_total_that_hardly_moved_is_unchanged():
    assert movements(kpi_frame(revenue=1e6), kpi_frame(revenue=1.005e6)).loc["revenue", "movement"] == "same"
    assert movements(kpi_frame(revenue=1e6), kpi_frame(revenue=1.1e6)).loc["revenue", "movement"] == "worse"


@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.floats(0.001, 0.1))
def test_no_clear_change_exactly_where_the_interval_of_the_change_holds_zero(now, before, half):
    row = movements(kpi_frame(csat=(now, now - half, now + half)), kpi_frame(csat=(before, before - half, before + half))).loc[
        "csat"
    ]
    assert (row["movement"] == "unclear") == (row["low"] <= 0 <= row["high"])
    assert row["low"] <= row["change"] <= row["high"]


def test_targets_are_judged_by_the_better_direction():
    review = compare_kpis(NOW, BEFORE, GOALS)
    assert {m.now.id: m.reached for m in review.movements} == {
        "repurchase_rate": True,
        "late_share": False,
        "nps": None,
        "revenue": None,
    }


@pytest.mark.parametrize("before", [None, NotMeasured("x", compare_kpis(NOW, None, None).answer().heading)])
def test_the_first_period_says_that_there_is_nothing_to_compare_with(before):
    review = compare_kpis(NOW, before, None)
    assert review.first and review.frame["movement"].tolist() == ["first"] * 4 and review.frame["change"].isna().all()
    assert "no previous period" in review.answer().sentences[0].render(EN)
    assert isinstance(review.figure(), NotMeasured)
    assert all(block.bundle((EN, ZH)) for block in review.blocks())


def test_a_kpi_measured_for_the_first_time_has_no_change():
    assert np.isnan(movements(before=kpi_frame(nps=(28, 18, 38))).loc["revenue", "change"])


def test_windows_of_other_lengths_are_not_compared_and_that_is_said():
    short = BEFORE.assign(months=[10.0, np.nan, np.nan, np.nan])
    whole = NOW.assign(months=[12.0, np.nan, np.nan, np.nan])
    review = compare_kpis(whole, short, GOALS)
    found = review.frame.set_index("kpi")
    assert found.loc["repurchase_rate", "movement"] == "window" and np.isnan(found.loc["repurchase_rate", "change"])
    assert found.loc["late_share", "movement"] == "worse"
    for edition, words in ((EN, "Not comparable"), (ZH, "不可比")):
        assert any(words in sentence.render(edition) for sentence in review.answer().sentences)
    assert compare_kpis(short, short, GOALS).frame.set_index("kpi").loc["repurchase_rate", "movement"] == "unclear"


def test_the_artefact_has_its_columns():
    columns = list(compare_kpis(NOW, BEFORE, GOALS).frame.columns)
    assert columns[:4] == ["kpi", "value", "previous", "change"] and {"target", "unit"} <= set(columns)


def test_counts_in_the_title_are_those_of_the_table():
    review = compare_kpis(NOW, BEFORE, GOALS)
    assert review.answer().heading.render(EN) == "KPIs better than in the previous period: 2; worse: 1"
    cells = review.table().bundle((EN, ZH))["languages"]["en"]["cells"]
    assert [row[4] for row in cells] == ["better", "worse", "no clear change", "better"]
    assert cells[0][3] == "+10.0 points (+5.8 to +14.2)"


def test_the_picture_can_be_read_in_both_languages():
    assert_figure_readable(compare_kpis(NOW, BEFORE, GOALS).figure())


def problems(**found):
    return pd.DataFrame([(check, module, 0.1) for check, module in found.items()], columns=["check", "module", "figure"])


def test_problems_are_opened_carried_and_closed():
    changes = compare_problems(problems(a="service", b="value"), problems(b="value", c="needs"))
    assert changes.frame.set_index("check")["state"].to_dict() == {"a": "opened", "b": "carried", "c": "closed"}
    assert changes.frame.set_index("check")["module"].to_dict() == {"a": "service", "b": "value", "c": "needs"}
    assert changes.table().title.render(EN) == "Problems closed: 1; opened: 1; carried over: 1"
    assert all(block.bundle((EN, ZH)) for block in changes.blocks())


def test_all_problems_gone_and_first_period():
    assert compare_problems(problems(), problems(b="value")).frame["state"].tolist() == ["closed"]
    first = compare_problems(problems(a="service"), None)
    assert first.frame["state"].tolist() == ["opened"] and isinstance(first.table(), NotMeasured)
