"""The checker of pictures sees what it is there to see."""

import pytest
from tests.report.made_up import _blocks
from tests.report.picture_checks import assert_figure_readable, assert_readable

from workbook.report.blocks import Figure
from workbook.report.figures import canvas, house_style


def test_a_good_picture_passes():
    figure = next(block for block in _blocks("1_goals", 1) if isinstance(block, Figure))
    assert_figure_readable(figure)


def draw(*texts, size=9.0):
    figure, axes = canvas()
    axes.set_axis_off()
    for x, y, words in texts:
        figure.text(x, y, words, fontsize=size)
    return figure


@pytest.mark.parametrize(
    ("texts", "size", "fault"),
    [
        ([(0.98, 0.5, "leaves the picture")], 9, "leaves"),
        ([(0.5, 0.5, "one"), (0.51, 0.5, "other")], 9, "overlap"),
        ([(0.5, 0.5, "tiny")], 7, "smaller"),
    ],
)
def test_a_bad_picture_is_told(texts, size, fault):
    with house_style(), pytest.raises(AssertionError, match=fault):
        assert_readable(draw(*texts, size=size))
