import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbook.language import Edition, points
from workbook.pilots.verdicts import ACTIONS, DEFAULT_ACTION, judge, reading

EN, ZH = Edition("en"), Edition("zh")
NUMBERS = st.floats(-100, 100, allow_nan=False)


def rows(low, high, m):
    """The wording table of the report's rules, row by row, as it is written there."""
    return {
        "better": low >= m,
        "small": 0 < low < m <= high,
        "unclear": low <= 0 and high >= m,
        "none": low > -m and high < m,
        "no_gain": low <= -m and 0 <= high < m,
        "worse": low <= -m and high < 0,
    }


@given(NUMBERS, NUMBERS, st.floats(1e-6, 50))
def test_every_interval_falls_into_exactly_one_row_and_judge_finds_it(a, b, margin):
    low, high = sorted((a, b))
    holding = [verdict for verdict, holds in rows(low, high, margin).items() if holds]
    assert holding == [judge(low, high, margin)]


@given(NUMBERS, NUMBERS, st.floats(1e-6, 50))
def test_lower_is_better_mirrors_the_interval(a, b, margin):
    low, high = sorted((a, b))
    assert judge(low, high, margin, "lower") == judge(-high, -low, margin)


@pytest.mark.parametrize(
    ("low", "high", "english", "chinese", "action"),
    [
        (0.03, 0.04, "raised it by 3.4 points", "提高 3.4 个百分点", "roll_out"),
        (0.01, 0.04, "raised it, perhaps by less than needed", "有所提高，但可能未达要求", "limited"),
        (-0.01, 0.04, "no clear difference yet", "差异尚不明确", "extend"),
        (-0.01, 0.01, "little or no difference", "基本没有差异", "stop"),
        (-0.03, 0.01, "no worthwhile gain; harm possible", "无明显改善，不排除变差", "stop"),
        (-0.03, -0.01, "made it worse", "变差", "roll_back"),
    ],
)
def test_words_and_default_are_those_of_the_table(low, high, english, chinese, action):
    verdict = judge(low, high, 0.02)
    words = reading(verdict, points(0.034), "higher")
    assert (words.render(EN), words.render(ZH), DEFAULT_ACTION[verdict]) == (english, chinese, action)


def test_fewer_is_said_to_be_lowered_and_doubt_says_probably():
    assert reading("better", points(0.034), "lower").render(EN) == "lowered it by 3.4 points"
    assert reading("better", points(0.034), "higher", sound=False).render(ZH) == "很可能提高 3.4 个百分点"


def test_every_default_action_has_words():
    assert set(DEFAULT_ACTION.values()) <= set(ACTIONS)
