"""Moves between stages of life: nobody is lost between two periods, and the title tells what the grid shows."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.report.picture_checks import assert_readable

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import BETTER, UNCLEAR, WORSE, house_style
from workbook.value.flows import Flows, _ink, flow_between
from workbook.value.lifecycle import STAGES

EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
PERIODS = (Period.parse("2025Q3"), Period.parse("2025Q4"))
quickly = settings(max_examples=40, deadline=None)


def placed(*moves):
    """Frames before and after from (before, after, how many); None: not there."""
    rows = [(f"c{k}", before, after) for k, (before, after) in enumerate(m[:2] for m in moves for _ in range(m[2]))]
    frame = pd.DataFrame(rows, columns=["customer_id", "before", "after"])
    parts = [frame[["customer_id", name]].dropna().rename(columns={name: "lifecycle"}) for name in ("before", "after")]
    return flow_between(parts[0], parts[1], periods=PERIODS)


@quickly
@given(st.lists(st.tuples(st.sampled_from([*STAGES, None]), st.sampled_from([*STAGES, None]), st.integers(1, 4)), min_size=1))
def test_everybody_of_either_period_is_counted_once(moves):
    found = placed(*moves)
    there = [m for m in moves if m[0] or m[1]]
    assert isinstance(found, Flows)
    assert found.square.to_numpy().sum() == sum(m[2] for m in there)
    for stage in STAGES:
        assert found.square.loc[stage].sum() == sum(m[2] for m in there if m[0] == stage)
        assert found.square[stage].sum() == sum(m[2] for m in there if m[1] == stage)


def test_titles_tell_who_was_lost_and_who_came_back():
    many = placed(
        ("retention", "churned", 10), ("retention", "retention", 90), ("churned", "retention", 8), ("churned", "churned", 32)
    )
    assert many.figure().title.render(EN) == "10% of buying customers were lost, 20% of the lost came back"
    assert many.figure().title.render(ZH) == "购买中的客户流失 10%，流失客户中 20% 回来"
    few = placed(("acquisition", "churned", 2), ("development", "retention", 5), ("churned", "churned", 3))
    assert few.figure().title.render(EN) == "2 of 7 buying customers were lost, 0 of 3 lost ones came back"


@pytest.mark.parametrize(
    ("before", "after", "ink"),
    [
        ("contact", "acquisition", BETTER), ("retention", "churned", WORSE), ("churned", "development", BETTER),
        ("retention", "development", UNCLEAR), ("retention", "retention", UNCLEAR), ("development", "absent", WORSE),
        ("new", "acquisition", UNCLEAR), ("churned", "churned", UNCLEAR),
    ],
)  # fmt: skip
def test_colours_tell_the_direction(before, after, ink):
    assert _ink(before, after) == ink


def test_the_first_period_has_nothing_to_compare_with():
    frame = pd.DataFrame({"customer_id": ["a"], "lifecycle": ["contact"]})
    found = flow_between(None, frame, periods=PERIODS)
    assert isinstance(found, NotMeasured) and found.why is not None
    note = NotMeasured("value.lifecycle", found.what)
    assert flow_between(frame, note, periods=PERIODS) is note


def test_the_grid_is_readable_in_both_languages():
    found = placed(*[(one, two, 7) for one in (*STAGES, None) for two in (*STAGES, None) if one or two])
    found.figure().bundle((EN, ZH))
    for edition in (EN, ZH):
        with house_style():
            assert_readable(found.figure().draw(edition))
