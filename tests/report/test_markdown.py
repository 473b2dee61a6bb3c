"""Markdown cells: escaped, numbered, with formulas drawn and Chinese lines joined."""

import itertools

import pytest

from workbook.errors import WorkbookError
from workbook.report.markdown import formula, markdown_html
from workbook.report.words import heading_number


def test_raw_markup_and_dangerous_addresses_do_not_pass():
    page = markdown_html('<script>x</script> [link](javascript:alert(1)) ![a](x" onerror="y)')
    assert "<script" not in page and 'href="javascript' not in page and 'onerror="' not in page


def test_headings_in_a_chapter_are_numbered_once():
    counter = itertools.count(1)
    page = markdown_html("# 标题\n\n## 目的\n\n## （二）范围", number=lambda: heading_number(next(counter), 2, "zh"), top=3,
                         drop_title=True)  # fmt: skip
    assert page.replace("\n", "") == "<h3>（一）目的</h3><h3>（二）范围</h3>"


def test_lines_of_chinese_broken_in_the_source_are_joined_without_a_space():
    assert markdown_html("第一行，\n第二行") == "<p>第一行，第二行</p>"
    assert markdown_html("## 标题\n正文", top=1) == "<h2>标题</h2>\n<p>正文</p>"


def test_formula_becomes_a_picture_with_its_tex_and_the_same_bytes():
    page = markdown_html(r"$\frac{a}{b} \ge 0$ and $$x^2$$")
    assert page.count("data:image/svg+xml;base64,") == 2 and r'alt="\frac{a}{b} \ge 0"' in page
    formula.cache_clear()
    assert markdown_html(r"$\frac{a}{b} \ge 0$ and $$x^2$$") == page


def test_formula_that_cannot_be_drawn_is_named():
    with pytest.raises(WorkbookError, match=r"\\nonsense"):
        markdown_html(r"$\nonsense{a}$")
