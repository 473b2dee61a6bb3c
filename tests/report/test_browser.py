"""The pages in a real browser: nothing missing, nothing cut off, nothing fetched, and a print that keeps its order.

Screenshots and prints are left in the folder named by ``WORKBOOK_SCREENSHOTS``, else in pytest's own.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (1280, 390)
PAGES = ["report.en.html", "report.zh.html", "notebooks/4_strategy.en.html", "notebooks/4_strategy.zh.html"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("WORKBOOK_REQUIRE_BROWSER") == "1":
            pytest.fail("no Chromium was found, and WORKBOOK_REQUIRE_BROWSER=1 asks for it")
        pytest.skip("no Chromium on this machine: the looks of the pages are not checked")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("WORKBOOK_SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module", params=[(name, width) for name in PAGES for width in WIDTHS], ids=lambda p: f"{p[0]}-{p[1]}")
def view(request: pytest.FixtureRequest, browser: Any, built: Path, pictures: Path) -> Iterator[Any]:
    """A page open at one width, with what it said and asked for while loading."""
    name, width = request.param
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto((built / name).as_uri())
    page.evaluate("document.fonts.ready")
    page.screenshot(path=str(pictures / f"{name.replace('/', '-')}-{width}.png"), full_page=True)
    yield page
    page.close()


def test_nothing_is_asked_of_any_host_and_nothing_goes_wrong(view):
    assert [url for url in view.asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in view.asked if url.startswith("file:")]) == 1
    assert view.said == []


def test_page_is_no_wider_than_the_screen(view):
    widths = view.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]


def test_nothing_is_cut_off_outside_what_scrolls(view):
    outside = view.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('.scroll, pre, nav.contents, .skip, details:not([open]) > :not(summary)'))
            .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > window.innerWidth + 1)
            .map(e => e.tagName + '.' + e.className)"""
    )
    assert outside == []


def test_no_text_is_clipped_by_its_own_box(view):
    clipped = view.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, p, td, th, dd, dt, li, figcaption, caption')]
            .filter(e => e.getClientRects().length && getComputedStyle(e).overflowX === 'visible')
            .filter(e => e.scrollWidth > e.clientWidth + 2 && e.clientWidth && !e.closest('.scroll'))
            .map(e => e.tagName + ': ' + e.textContent.slice(0, 40))"""
    )
    assert clipped == []


def test_embedded_font_is_loaded_and_holds_every_character(view):
    assert view.evaluate("document.fonts.check('16px \"Workbook Sans\"')")
    own, *beside = view.evaluate("[...document.fonts].map(f => f.status)")
    assert own == "loaded" and set(beside) <= {"loaded", "unloaded"}  # a face is loaded where a page shows a character of it
    shown = set(view.evaluate("document.body.innerText"))
    known = _characters_of_the_font(view.content())
    missing = {c for c in shown if c.isprintable() and not c.isspace() and ord(c) not in known}
    assert missing == set()


def test_pictures_are_drawn_and_not_stretched(view):
    view.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    pictures = view.evaluate(
        """() => [...document.images].map(i =>
            [i.naturalWidth > 0, (i.clientWidth / i.clientHeight) / (i.naturalWidth / i.naturalHeight)])"""
    )
    assert pictures
    assert all(drawn and abs(ratio - 1) < 0.02 for drawn, ratio in pictures)


def test_small_text_is_not_too_small(view):
    smallest = view.evaluate(
        """() => Math.min(...[...document.querySelectorAll('body *')].filter(e => e.innerText && e.getClientRects().length)
            .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
    )
    assert smallest >= 11


def test_text_reaches_the_contrast_of_wcag(view):
    """Each text against the nearest ground painted behind it."""
    low = view.evaluate(
        """() => {
            const parse = c => (c.match(/[0-9.]+/g) || []).map(Number);
            const linear = x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
            const light = c => { const v = c.slice(0, 3).map(x => linear(x / 255));
                return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
            const ground = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
                if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
            return [...document.querySelectorAll('body *')]
                .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && e.getClientRects().length)
                .map(e => { const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
                    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName + '.' + e.className]; })
                .filter(x => x[0] < 4.5);
        }"""
    )
    assert low == []


def test_contents_stay_in_sight_on_a_wide_screen(view):
    if not view.query_selector("nav.contents"):
        return
    wide = view.evaluate("window.innerWidth >= 900")
    view.evaluate("document.querySelector('#chapter-4_strategy').scrollIntoView()")
    top = view.evaluate("document.querySelector('nav.contents').getBoundingClientRect().top")
    assert (0 <= top < 200) is wide


@pytest.mark.parametrize("language", ["en", "zh"])
def test_print_is_a4_with_each_chapter_on_a_new_page_and_the_summary_on_one(browser, built, pictures, language):
    if shutil.which("pdftotext") is None:
        if os.environ.get("WORKBOOK_REQUIRE_BROWSER") == "1":
            pytest.fail("no pdftotext (poppler) was found, and WORKBOOK_REQUIRE_BROWSER=1 asks for it")
        pytest.skip("no poppler on this machine: the print is not read")
    page = browser.new_page()
    page.goto((built / f"report.{language}.html").as_uri())
    path = pictures / f"report.{language}.pdf"
    page.pdf(path=str(path), prefer_css_page_size=True, print_background=True)
    page.close()
    words = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout
    pages = words.split("\f")[:-1]
    flat = [re.sub(r"\s+", "", each) for each in pages]
    information = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Page size:\s+59[45]\S* x 84[12]", information)
    chapters = {"en": ["Goals and scope", "Data", "Diagnosis", "Strategy", "Pilot", "Review"],
                "zh": ["目标与范围", "数据", "诊断", "策略", "试点", "复盘"]}[language]  # fmt: skip
    synthetic, summary, contents, source, rows = {
        "en": ("Syntheticdata", "Summary", "Contents", "Source:", "Diamond"),
        "zh": ("模拟数据", "摘要", "目录", "资料来源：", "Diamond"),
    }[language]
    body = [re.sub(rf"^{synthetic}\S*?[.。]", "", each) for each in flat]
    for chapter in chapters:
        assert any(each.startswith(chapter.replace(" ", "")) for each in body), chapter
    assert body[1].startswith(summary) and body[2].startswith(contents)
    assert all(synthetic in each for each in flat)
    assert not any(each.startswith(source) for each in body), "a source line was parted from its exhibit"
    assert any(rows in each for each in flat)
    assert all(f"{n}/{len(flat)}" in each for n, each in enumerate(flat, start=1))


def _characters_of_the_font(page: str) -> set[int]:
    """Code points of the fonts embedded in a page: the product's own, and what a client's words need beside it."""
    import base64
    import io

    from fontTools.ttLib import TTFont

    embedded = re.findall(r"data:font/woff;base64,([A-Za-z0-9+/=]+)", page)
    assert embedded
    return {code for data in embedded for code in TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()}
