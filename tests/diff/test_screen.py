"""The comparison on the screen: one screen first, all on demand, in both languages, and deaf to what steers a terminal."""

import pytest

from workbook.diff.screen import as_screen
from workbook.diff.whole import compare
from workbook.diff.words import listings, signed
from workbook.language import Edition


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_screen_is_one_screen_and_names_every_kind_of_reason(difference, language):
    words = as_screen(difference, Edition(language))
    assert len(words.splitlines()) <= 40
    for part in {"en": ("Key figures", "data, parameters, code", "package pandas", "3.0.0", "3.0.1"),
                 "zh": ("关键指标", "数据、参数、代码", "package pandas", "3.0.0", "3.0.1")}[language]:  # fmt: skip
        assert part in words


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_tells_every_row_of_every_list(difference, language):
    words = as_screen(difference, Edition(language), whole=True)
    edition = Edition(language)
    assert len(words.splitlines()) >= sum(len(listing.rows) for listing in listings(difference, edition))
    assert "19.csv" in words


def test_nothing_that_steers_a_terminal_comes_through(difference):
    assert "\x1b" not in as_screen(difference, Edition("en"), whole=True)


def test_equal_results_are_said_to_be_equal(difference):
    words = as_screen(compare("made-up", difference.before, difference.before), Edition("en"))
    assert words.splitlines()[0] == "2025Q3 against 2025Q3: no result differs"
    assert "the same on both sides" in words


@pytest.mark.parametrize(
    ("change", "unit", "words"),
    [
        (-0.0187, "share", "−1.9 points"),
        (33.0, "count", "+33"),
        (-0.033, "hours", "−0.03 hours"),
        (-1e4, "money", "−CNY 10,000"),
    ],
)
def test_changes_carry_their_sign_and_unit(change, unit, words):
    assert signed(change, unit, Edition("en")) == words


@pytest.mark.parametrize("language", ["en", "zh"])
def test_lists_have_as_many_heads_as_cells(difference, language):
    for listing in listings(difference, Edition(language)):
        assert {len(row) for row in listing.rows} <= {len(listing.head)}
        assert len(listing.numeric) == len(listing.head) <= 8
