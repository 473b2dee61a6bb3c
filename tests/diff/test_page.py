"""The page of a comparison: whole, self-contained, deaf to hostile words, and sound in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from tests.diff.made_up import HOSTILE
from tests.report.test_browser import (  # noqa: F401
    WIDTHS,
    browser,
    test_embedded_font_is_loaded_and_holds_every_character,
    test_no_text_is_clipped_by_its_own_box,
    test_nothing_is_asked_of_any_host_and_nothing_goes_wrong,
    test_nothing_is_cut_off_outside_what_scrolls,
    test_page_is_no_wider_than_the_screen,
    test_small_text_is_not_too_small,
    test_text_reaches_the_contrast_of_wcag,
)

from workbook.diff.page import difference_page, write_pages
from workbook.diff.words import listings
from workbook.language import Edition


@pytest.fixture(scope="session")
def pages(difference, tmp_path_factory) -> dict[str, Path]:
    written = write_pages(difference, tmp_path_factory.mktemp("pages"))
    return {path.suffixes[0].lstrip("."): path for path in written}


@pytest.fixture(params=[(language, width) for language in ("en", "zh") for width in WIDTHS], ids=str)
def view(request, browser, pages):  # noqa: F811
    language, width = request.param
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(pages[language].as_uri())
    page.evaluate("document.fonts.ready")
    yield page
    page.close()


def test_pages_are_named_by_both_results_in_the_languages_of_the_settings(pages):
    assert {path.name for path in pages.values()} == {"diff-2025Q3-2025Q4.zh.html", "diff-2025Q3-2025Q4.en.html"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_holds_every_list_and_row(difference, pages, language):
    soup = BeautifulSoup(pages[language].read_text("utf-8"), "html.parser")
    assert soup.html["lang"] == {"en": "en", "zh": "zh-Hans"}[language]
    for listing in listings(difference, Edition(language)):
        section = soup.find(id=listing.name)
        assert len(section.select("tbody tr")) == len(listing.rows)
        assert section.h2.get_text() == listing.heading


@pytest.mark.parametrize("language", ["en", "zh"])
def test_hostile_words_stay_words(pages, language):
    soup = BeautifulSoup(pages[language].read_text("utf-8"), "html.parser")
    assert not soup.find_all("script")
    assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
    assert HOSTILE.replace("\x1b", "") in soup.get_text().replace("\x1b", "")


def test_the_same_comparison_gives_the_same_bytes(difference):
    assert difference_page(difference, Edition("zh")) == difference_page(difference, Edition("zh"))


def test_one_file_takes_the_language_of_its_name(difference, tmp_path):
    (path,) = write_pages(difference, tmp_path, tmp_path / "deep" / "x.en.html")
    assert '<html lang="en">' in path.read_text("utf-8")


def test_pages_link_to_each_other(pages):
    soup = BeautifulSoup(pages["en"].read_text("utf-8"), "html.parser")
    assert [a["href"] for a in soup.select(".eyebrow a")] == [pages["zh"].name]
