"""The pages: whole, self-contained, in order, legible, and deaf to what stands in a client's data."""

import base64
import hashlib
import io
import itertools
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from tests.report.conftest import made_up_settings
from tests.report.made_up import HEADINGS, HOSTILE, write_notebooks

from workbook.errors import WorkbookError
from workbook.language import StaleTranslation
from workbook.period import Period
from workbook.places import kept_fonts, templates_folder
from workbook.report.build import _visible, build_report
from workbook.report.colours import contrast, legible
from workbook.report.fonts import page_font, subset_woff
from workbook.report.templating import css_string
from workbook.stages import STAGES

PERIOD = Period.parse("2025Q4")


@pytest.fixture(scope="session")
def soup(page: str) -> BeautifulSoup:
    return BeautifulSoup(page, "html.parser")


def every_page(built: Path) -> list[Path]:
    return [*built.glob("report.*.html"), *(built / "notebooks").glob("*.html")]


def test_one_report_a_language_and_an_edition_of_each_notebook(built):
    names = {str(path.relative_to(built)) for path in every_page(built)}
    editions = {f"notebooks/{stage.id}.{language}.html" for stage in STAGES for language in ("en", "zh")}
    assert names == {"report.en.html", "report.zh.html"} | editions


def test_nothing_is_loaded_from_outside_and_nothing_runs(built):
    for path in every_page(built):
        soup = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        assert not soup.find_all(["script", "link", "iframe", "object", "embed", "base", "form"])
        for tag in soup.find_all(True):
            assert not [name for name in tag.attrs if name.startswith("on")], tag
            assert all(tag.get(name, "data:").startswith("data:") for name in ("src", "srcset", "poster"))
        outside = re.findall(r"url\((?!data:)[^)]*\)|@import", "".join(s.get_text() for s in soup.find_all("style")))
        assert not outside


def test_hostile_words_of_a_client_stay_words(built, soup):
    assert HOSTILE in soup.get_text()
    assert "Cloud Pine Retail <b>" in soup.get_text() or "云松零售 <b>" in soup.get_text()
    for path in every_page(built):
        assert "<script" not in path.read_text("utf-8").lower()


def test_language_is_declared(soup, language):
    assert soup.html["lang"] == {"en": "en", "zh": "zh-Hans"}[language]


def test_headings_descend_without_a_gap_from_one_h1(built):
    for path in every_page(built):
        levels = [
            int(h.name[1]) for h in BeautifulSoup(path.read_text("utf-8"), "html.parser").find_all(re.compile(r"^h[1-6]$"))
        ]
        if path.parent == built:
            assert levels.count(1) == 1 and levels[0] == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), path


def test_chapter_headings_read_alone_tell_the_story(soup, language):
    shown = [h.get_text() for h in soup.select("section.chapter > h2")]
    place = {"en": 0, "zh": 1}[language]
    numbers = {"en": "123456", "zh": ["一、", "二、", "三、", "四、", "五、", "六、"]}[language]
    assert shown == [number + HEADINGS[stage.id][place] for number, stage in zip(numbers, STAGES, strict=True)]


def test_exhibits_are_numbered_in_each_chapter_and_say_their_source(soup, language):
    labels = [span.get_text() for span in soup.select("section.chapter .exhibit .label")]
    words = {"en": ("Figure ", "Table "), "zh": ("图 ", "表 ")}[language]
    assert labels == [f"{word}{chapter}-1" for chapter in range(1, 7) for word in words]
    for exhibit in soup.select("section.chapter .exhibit"):
        assert exhibit.select_one(".note").get_text()
        assert exhibit.select_one(".source").get_text().startswith({"en": "Source: ", "zh": "资料来源："}[language])


def test_every_link_leads_somewhere(built):
    pages = {path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in every_page(built)}
    for path, soup in pages.items():
        for link in soup.find_all("a"):
            file, _, name = link["href"].partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target.exists(), link
            if name:
                assert pages[target].find(id=name), link


def test_no_id_stands_twice_on_a_page(built):
    for path in every_page(built):
        ids = [tag["id"] for tag in BeautifulSoup(path.read_text("utf-8"), "html.parser").find_all(id=True)]
        assert len(ids) == len(set(ids))


def test_pictures_have_words_and_their_data_beneath(soup):
    for figure in soup.select("figure:has(img)"):
        assert len(figure.img["alt"]) > 20
        assert figure.select_one("details table")


def test_summary_holds_three_parts_five_numbers_the_decisions_and_the_unknown(soup):
    summary = soup.select_one("#summary")
    assert len(summary.select(".story > div")) == 3
    assert len(summary.select(".story dd p")) == 6
    assert len(summary.select(".card")) == 5
    assert len(summary.select("table.asks tbody tr")) == 4
    assert "tickets.first_response_at" in summary.select_one(".unknown").get_text()


def test_definitions_stand_once_and_in_the_appendix(page, soup):
    words = "Repeat-purchase rate: customers" if "Repeat-purchase rate: customers" in page else "复购率：下单"
    assert page.count(words) == 1
    assert words in soup.select_one("#appendix").get_text()


def test_changes_since_the_last_issue_name_only_what_was_measured_then(soup):
    rows = soup.select_one("#appendix table").select("tbody tr")
    assert len(rows) == 9  # three rates and six revenues have a previous value


def test_invented_clients_are_called_so_on_screen_and_paper(page, soup, language):
    words = {"en": "Synthetic data", "zh": "模拟数据"}[language]
    assert words in soup.select_one(".ribbon").get_text()
    assert css_string(words).strip('"') in page


def test_real_clients_get_no_such_notice(tmp_path):
    settings = made_up_settings().model_copy(
        update={"client": made_up_settings().client.model_copy(update={"synthetic": False})}
    )
    page = build_report(write_notebooks(tmp_path / "run"), settings, PERIOD, "demo", tmp_path)[0].read_text("utf-8")
    assert "Synthetic data" not in page


def test_contacts_are_masked(page):
    assert "13812345678" not in page
    assert "138****5678" in page


def test_same_notebooks_give_the_same_bytes(built, settings, tmp_path):
    again = write_notebooks(tmp_path / "run")
    build_report(again, settings, PERIOD, "demo", tmp_path)
    for path in every_page(built):
        other = again / path.relative_to(built)
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest(), path.name


def test_brand_shows_and_stays_legible(tmp_path):
    home = tmp_path / "home"
    (home / "params" / "demo").mkdir(parents=True)
    (home / "params" / "demo" / "logo.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    settings = made_up_settings(brand={"name": "North & Co", "logo": "logo.svg", "colour": "#FFD400"})
    page = build_report(write_notebooks(tmp_path / "run"), settings, PERIOD, "demo", home)[0].read_text("utf-8")
    assert '<img src="data:image/svg+xml;base64,' in page
    assert 'alt="North &amp; Co"' in page
    assert "--brand: #FFD400" in page
    assert f"--brand-text: {legible('#FFD400')}" in page


@pytest.mark.parametrize("logo", ["missing.png", "../../secret.png", "engagement.yaml"])
def test_a_logo_that_is_missing_or_elsewhere_is_named(tmp_path, logo):
    (tmp_path / "params" / "demo").mkdir(parents=True)
    (tmp_path / "params" / "demo" / "engagement.yaml").write_text("")
    (tmp_path / "secret.png").write_bytes(b"")
    with pytest.raises(WorkbookError, match=r"report\.brand\.logo"):
        build_report(write_notebooks(tmp_path / "run"), made_up_settings(brand={"logo": logo}), PERIOD, "demo", tmp_path)


def test_no_notebook_is_said_and_not_an_empty_report(tmp_path, settings):
    with pytest.raises(WorkbookError, match="no executed notebook"):
        build_report(tmp_path, settings, PERIOD, "demo", tmp_path)


def test_stages_that_did_not_run_leave_the_others(tmp_path, settings):
    folder = write_notebooks(tmp_path / "run")
    for stage in ("5_pilot", "6_iterate"):
        (folder / "notebooks" / f"{stage}.ipynb").unlink()
    page = build_report(folder, settings, PERIOD, "demo", tmp_path)[0].read_text("utf-8")
    assert page.count('<section class="chapter"') == 4


def test_words_without_chinese_stop_the_chinese_report(tmp_path, settings):
    folder = write_notebooks(tmp_path / "run")
    path = folder / "notebooks" / "1_goals.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("A sentence without Chinese.", id="no-chinese"))
    nbformat.write(notebook, path)
    with pytest.raises(StaleTranslation, match="no-chinese"):
        build_report(folder, settings, PERIOD, "demo", tmp_path)


def test_lessons_stand_in_the_edition_and_not_in_the_report(tmp_path):
    folder = write_notebooks(tmp_path / "run")
    path = folder / "notebooks" / "1_goals.ipynb"
    notebook = nbformat.read(path, as_version=4)
    lesson = nbformat.v4.new_markdown_cell("What a goal is: $a \\le b$ <i>raw</i>", id="lesson", metadata={"tags": ["lesson"]})
    prose = nbformat.v4.new_markdown_cell("# Title\n\n## Why\n\nGoals come first.", id="prose")
    notebook.cells[1:1] = [lesson, prose]
    nbformat.write(notebook, path)
    settings = made_up_settings().model_copy(update={"languages": ["en"]})
    report, edition, *_ = [p.read_text("utf-8") for p in build_report(folder, settings, PERIOD, "demo", tmp_path)]
    assert "What a goal is" not in report
    assert "Goals come first." in report and "<h3>Why</h3>" in report and "<h1>Title" not in report
    assert "What a goal is" in edition and "&lt;i&gt;raw" in edition and 'alt="a \\le b"' in edition


def test_colours_of_text_reach_the_contrast_of_wcag():
    style = (templates_folder() / "report" / "style.css").read_text("utf-8")
    named = dict(re.findall(r"--(text|muted|better|worse|ground): (#[0-9A-F]{6})", style))
    for name in ("text", "muted", "better", "worse"):
        for ground in ("#FFFFFF", named["ground"]):
            assert contrast(named[name], ground) >= 4.5, (name, ground)
    assert contrast("#5C3D00", "#FFF4D6") >= 4.5
    code = re.findall(r"\.code [^{]*\{ color: (#[0-9A-F]{6})", style)
    assert len(code) == 5 and all(contrast(colour, named["ground"]) >= 4.5 for colour in code)


def test_characters_written_as_entities_are_in_the_font_too():
    assert set("it's <b>") <= set(_visible("<p>it&#39;s &lt;b&gt;</p>"))
    woff, missing = subset_woff(["it's 客户 ☃"], "zh")
    assert set(map(ord, "'客户")) <= set(TTFont(io.BytesIO(woff)).getBestCmap())
    assert missing <= {"☃"}


def embedded(face: str) -> TTFont:
    return TTFont(io.BytesIO(base64.b64decode(face.partition("base64,")[2].partition(")")[0])))


def test_pages_share_one_font_and_a_clients_own_characters_stand_in_a_second(tmp_path):
    first = page_font(["复购率 63%"], "zh", tmp_path)
    assert page_font(["流失 ± 2"], "zh", tmp_path) == first
    both = page_font(["麒麟 63%"], "zh", tmp_path)
    assert both.startswith(first)
    own = both.removeprefix(first)
    assert "unicode-range:U+9E92,U+9E9F;" in own and set(map(ord, "麒麟")) <= set(embedded(own).getBestCmap())
    assert len(list(kept_fonts(tmp_path).iterdir())) == 2
    assert page_font(["复购率 63%"], "zh", tmp_path / "another home") == first
    assert ord("率") not in embedded(page_font(["Rate"], "en", tmp_path)).getBestCmap()


def test_a_page_has_its_font_where_none_can_be_kept(tmp_path):
    (tmp_path / "outputs").write_text("a file where a folder should be")
    assert ord("R") in embedded(page_font(["Rate"], "en", tmp_path)).getBestCmap()


def test_western_pages_get_narrow_quotation_marks():
    def width(language: str) -> int:
        font = TTFont(io.BytesIO(subset_woff(["“quoted”"], language)[0]))
        return font["hmtx"][font.getBestCmap()[ord("“")]][0]

    assert width("en") < width("zh")
