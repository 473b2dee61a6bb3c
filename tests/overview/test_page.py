"""The overview's pages: links that lead somewhere, hostile names as words, the same bytes twice, and never in a run's way."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup
from tests.diff.made_up import HOSTILE
from tests.overview.conftest import made_up_home
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

from workbook.language import Edition
from workbook.overview import page as overview_module
from workbook.overview.page import PAGES, write_overview
from workbook.overview.results import find_results
from workbook.overview.words import as_screen


@pytest.fixture(scope="session")
def outputs(home):
    write_overview(home)
    return home / "outputs"


@pytest.fixture(params=["en", "zh"])
def language(request):
    return request.param


@pytest.fixture
def soup(outputs, language):
    return BeautifulSoup((outputs / PAGES[language]).read_text("utf-8"), "html.parser")


@pytest.fixture(params=[(language, width) for language in ("en", "zh") for width in WIDTHS], ids=str)
def view(request, browser, outputs):  # noqa: F811
    code, width = request.param
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto((outputs / PAGES[code]).as_uri())
    page.evaluate("document.fonts.ready")
    yield page
    page.close()


def test_every_client_and_period_has_its_row(soup):
    rows = [
        (section["id"], row.th.get_text())
        for section in soup.select("section[id^=client]")
        for row in section.select("tbody tr")
    ]
    assert rows == [
        ("client-hostile", "2025-11"),
        *(("client-made-up", period) for period in ("2026Q1", "2025Q4", "2025Q3", "2025Q2")),
    ]


def test_links_are_relative_and_lead_to_files(soup, outputs):
    links = [a["href"] for a in soup.select("a[href]") if not a["href"].startswith("#")]
    assert links
    assert [link for link in links if not (outputs / unquote(link)).is_file()] == []
    assert any("x%20y.en.xlsx" in link for link in links) == (soup.html["lang"] == "en")


def test_what_needs_a_look_stands_first(soup):
    said = [item.get_text() for item in soup.select("#attention li")]
    assert len(said) == 3
    assert ("failed; earlier results stand" in said[0]) or ("保留此前结果" in said[0])


def test_changes_are_said_in_words_beside_the_values(soup, language):
    row = next(r for r in soup.select("#client-made-up tbody tr") if r.th.get_text() == "2025Q4")
    cells = [cell.get_text(" ") for cell in row.select("td.num")]
    words = {"en": ["80.0% −2.0 points, worse", "CNY 1,000", "80.0% ±0.0 points", "2 +1"],
             "zh": ["80.0% −2.0 个百分点，变差", "1,000 元", "80.0% ±0.0 个百分点", "2 +1"]}[language]  # fmt: skip
    assert cells == words


def test_hostile_names_stay_words(soup):
    assert not soup.find_all("script")
    assert HOSTILE.replace("\x1b", "") in soup.get_text().replace("\x1b", "")


def test_the_same_results_give_the_same_bytes_with_and_without_what_was_kept(home, outputs, tmp_path):
    again = made_up_home(tmp_path)
    for path in write_overview(again) + write_overview(again):
        assert path.read_bytes() == (outputs / path.name).read_bytes()


def test_a_fault_is_told_and_not_raised_where_a_run_asks(tmp_path, monkeypatch):
    monkeypatch.setattr(overview_module, "find_results", lambda home: 1 / 0)
    told = []
    assert write_overview(tmp_path, told.append) == []
    assert "could not be written: division by zero" in told[0]
    with pytest.raises(ZeroDivisionError):
        write_overview(tmp_path)


def test_pages_follow_what_is_published(tmp_path):
    made_up_home(tmp_path)
    before = [path.read_bytes() for path in write_overview(tmp_path)]
    (tmp_path / "outputs" / "made-up" / ".failed" / "2025Q2").rmdir()
    assert [path.read_bytes() for path in write_overview(tmp_path)] != before


def test_the_screen_has_one_line_a_period(home, language):
    lines = as_screen(find_results(home), Edition(language)).splitlines()
    assert len(lines) == 6
    assert str(home / "outputs" / "made-up" / "2025Q4" / f"report.{language}.html") in lines[3]
