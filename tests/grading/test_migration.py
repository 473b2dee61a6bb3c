"""Moves between tiers: every customer counted once, up and down told rightly, first period and changed tiers said."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.patches import PathPatch, Rectangle

from workbook.grading.alluvial import lay_out
from workbook.grading.migration import Migration, compare_tiers
from workbook.language import Edition, text
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import BETTER, DIAMOND, GOLD, UNCLEAR, WORSE, house_style
from workbook.settings.models import Grading

quickly = settings(max_examples=40, deadline=None)

TIERS = Grading().tiers
PERIODS = (Period.parse("2025Q3"), Period.parse("2025Q4"))
EN, ZH = Edition("en"), Edition("zh")
IDS = [tier.id for tier in TIERS]


def tiers(words):
    return pd.DataFrame({"customer_id": list(words), "tier": list(words.values())}, dtype="str")


def compared(before, after):
    found = compare_tiers(tiers(before), tiers(after), TIERS, periods=PERIODS)
    assert isinstance(found, Migration)
    return found


def test_each_kind_of_move_is_counted():
    before = {"a": "gold", "b": "gold", "c": "silver", "d": "ordinary", "e": "diamond"}
    after = {"a": "gold", "b": "diamond", "c": "ordinary", "d": "silver", "f": "gold"}
    found = compared(before, after)
    assert (found.same, found.up, found.down, found.new, found.absent) == (1, 2, 1, 1, 1)
    assert found.frame.values.tolist() == [
        ["diamond", "absent", 1],
        ["gold", "diamond", 1],
        ["gold", "gold", 1],
        ["silver", "ordinary", 1],
        ["ordinary", "silver", 1],
        ["new", "gold", 1],
    ]
    assert found.table().title.render(EN) == "3 of 4 customers changed tier: 2 up, 1 down"
    assert found.table().title.render(ZH) == "4 位客户中 3 位等级变动：2 升 1 降"


population = st.dictionaries(st.integers(0, 60).map(str), st.sampled_from(IDS), max_size=60)


@quickly
@given(population, population)
def test_every_customer_is_in_exactly_one_cell(before, after):
    found = compared(before, after)
    assert found.frame["customers"].sum() == len(set(before) | set(after))
    assert found.new == len(set(after) - set(before)) and found.absent == len(set(before) - set(after))
    both = set(before) & set(after)
    assert found.both == len(both)
    assert found.up == sum(IDS.index(after[c]) < IDS.index(before[c]) for c in both)
    back = compared(after, before)
    assert (back.up, back.down, back.same) == (found.down, found.up, found.same)
    if before or after:
        assert found.table().frame["n"].sum() == len(set(before) | set(after))


def test_shares_of_many_customers_are_in_the_title():
    before = {f"c{k}": "silver" for k in range(100)}
    after = {**before, **{f"c{k}": "gold" for k in range(15)}, **{f"c{k}": "ordinary" for k in range(15, 21)}}
    found = compared(before, after)
    assert found.table().title.render(EN) == "21% of customers changed tier: 15% up, 6.0% down"
    assert found.table().title.render(ZH) == "21% 的客户等级变动：15% 上升，6.0% 下降"
    assert found.key_figures()[0].value.render(EN) == "21%"
    assert found.sentences()[0].render(ZH) == "两期均有等级的 100 位客户中，15 位上升，6 位下降，79 位不变。"
    assert len(found.answer().sentences) <= 3


def test_the_first_period_is_said_and_no_exception():
    now = tiers({"a": "gold"})
    unmeasured = NotMeasured("grading.tiers", text("grading.not_measured", "The grading of customers"))
    for before, after in ((None, now), (unmeasured, now), (now, unmeasured)):
        found = compare_tiers(before, after, TIERS, periods=PERIODS)
        assert isinstance(found, NotMeasured)
        assert found.bundle((EN, ZH))["languages"]["zh"]["why"] == "没有可供比较的往期分级结果。"


def test_tiers_that_the_settings_no_longer_have_are_neither_up_nor_down():
    found = compared({"a": "platinum", "b": "gold"}, {"a": "gold", "b": "gold"})
    assert (found.other, found.up, found.down, found.same) == (1, 0, 0, 1)
    assert "platinum" in found.table().frame["before"].tolist()
    assert len(found.sentences()) == 3
    found.table().bundle((EN, ZH))


def test_nobody_in_both_periods_has_a_neutral_title_and_no_key_figure():
    found = compared({"a": "gold"}, {"b": "gold"})
    assert found.table().title.render(EN) == "Customers by tier before and after"
    assert found.key_figures() == ()


@pytest.mark.parametrize("n", [3, 3000])
def test_exhibits_are_readable_in_both_languages(check_picture, n):
    rng = np.random.default_rng(4)
    before = {f"c{k}": rng.choice(IDS) for k in range(n)}
    after = {f"c{k}": rng.choice(IDS) for k in range(n // 3, n + n // 3)}
    found = compared(before, after)
    check_picture(found.figure())
    check_picture(found.flow())
    for block in (found.table(), found.answer(), *found.key_figures()):
        block.bundle((EN, ZH))


@quickly
@given(population, population)
def test_bands_hold_every_customer_and_never_overlap_at_either_end(before, after):
    flow = lay_out(compared(before, after)._square())
    assert sum(band.customers for band in flow.bands) == len(set(before) | set(after))
    for end, side, of in (("leaves", flow.left, "before"), ("arrives", flow.right, "after")):
        spans = sorted((getattr(band, end), getattr(band, end) + band.customers / flow.everyone) for band in flow.bands)
        assert all(high <= low + 1e-9 for (_, high), (low, _) in itertools.pairwise(spans))
        for state, floor in side.items():
            own = [getattr(band, end) for band in flow.bands if getattr(band, of) == state]
            assert not own or min(own) == pytest.approx(floor)  # the bands of a tier fill its bar down to its foot


def test_the_flow_counts_who_came_to_the_high_tiers_and_who_left_them():
    before = {"a": "gold", "b": "diamond", "c": "silver", "d": "gold", "e": "gold"}
    after = {"a": "diamond", "b": "silver", "c": "gold", "e": "gold", "f": "gold", "g": "ordinary"}
    found = compare_tiers(tiers(before), tiers(after), TIERS, periods=PERIODS, high=2)
    assert found.flow().title.render(EN) == "Diamond, Gold: 2 customers came, 2 left"  # c and the new f; b fell, d is gone
    balance = found.flow().table.frame.set_index("tier")
    assert balance.loc["gold"].tolist() == [3, 1, 1, 1, 1, 3]
    kept = balance["before"] + balance["new"] + balance["came"] - balance["left"] - balance["absent"]
    assert kept.tolist() == balance["after"].tolist()


def test_bands_are_coloured_by_the_move_and_bars_by_the_tier():
    before = {"a": "gold", "b": "gold", "c": "silver", "d": "gold"}
    after = {"a": "gold", "b": "diamond", "c": "ordinary", "e": "silver"}
    with house_style():
        axes = compared(before, after).flow().draw(EN).axes[0]
    bands = [patch for patch in axes.patches if isinstance(patch, PathPatch)]
    colours = sorted(to_hex(band.get_facecolor()).upper() for band in bands)
    assert colours == sorted([UNCLEAR, BETTER, WORSE, WORSE, UNCLEAR])  # same, up, down, gone, new
    bars = [to_hex(patch.get_facecolor()).upper() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert bars.count(DIAMOND) == bars.count(GOLD) == 2 and bars.count("#FFFFFF") == 2
