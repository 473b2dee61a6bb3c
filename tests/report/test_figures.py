"""Words in pictures: the client's may hold anything, ours must be in the house font."""

import io
import warnings

import polib
import pytest
from fontTools.ttLib import TTCollection

from workbook.language import Edition, text
from workbook.places import templates_folder
from workbook.report.blocks import Figure
from workbook.report.figures import FONT, canvas, house_style, label_axis, svg
from workbook.report.fonts import font_file


def picture_of(words):
    figure, axes = canvas()
    axes.set_yticks([0.5], [words])
    return figure


@pytest.mark.parametrize("words", ["😀 app 🚀", "ภาษาไทย", "a\tb", "\u202eRTL"])
def test_words_of_a_client_in_any_script_do_not_stop_a_run(words):
    source = text("report.page.source", "Source")
    figure = Figure("x.figure", source, lambda _: picture_of(words), source)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, again = (figure.bundle([Edition("en")]) for _ in range(2))
    assert first == again


def test_a_glyph_that_our_own_words_lack_is_an_error():
    with house_style(), pytest.raises(UserWarning, match="missing"):
        svg(picture_of("😀"))


def test_sums_of_money_are_not_read_as_formulas():
    with house_style():
        money, letters, broken = (svg(picture_of(words)) for words in ("$3 to $4", "S3 to S4", r"$\\frac{1}$"))
    assert money.count(b"<use") == letters.count(b"<use")
    assert broken


def test_every_word_of_the_catalogues_has_a_glyph():
    with TTCollection(str(font_file()), lazy=True) as collection:
        font = next(f for f in collection.fonts if f["name"].getDebugName(1) == FONT)
        known = set(font.getBestCmap())
    for path in sorted((templates_folder() / "locale" / "zh").glob("*.po")):
        lacking = {
            c
            for entry in polib.pofile(str(path))
            for c in entry.msgid + entry.msgstr
            if c.isprintable() and ord(c) not in known
        }
        assert not lacking, f"{path.name}: {lacking}"


@pytest.mark.parametrize("layout", ["constrained", None])
def test_a_picture_is_drawn_as_savefig_draws_it(layout):
    def drawn():
        figure, axes = canvas()
        figure.set_layout_engine(layout)
        axes.plot([1, 20_000, 3], label="销售额")
        axes.legend()
        label_axis(axes, "万元")
        return figure

    with house_style():
        expected = io.BytesIO()
        drawn().savefig(expected, format="svg", metadata={"Date": None, "Creator": None})
        assert svg(drawn()) == expected.getvalue()
