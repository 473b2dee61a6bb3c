"""Chapters out of executed notebooks: order, numbers, what goes where."""

from dataclasses import replace

import nbformat
import pytest
from tests.report.made_up import output, tier_table

from workbook.errors import WorkbookError
from workbook.language import Edition, count, named
from workbook.report import assemble as assembling
from workbook.report.assemble import MOST_EXHIBITS, assemble, chapter_exhibits
from workbook.report.blocks import Answer, KeyFigure, NotMeasured

EN, ZH = Edition("en"), Edition("zh")


def notebook(*blocks):
    cells = [nbformat.v4.new_code_cell("", id=f"c{n}", outputs=[output(b)]) for n, b in enumerate(blocks)]
    return nbformat.v4.new_notebook(cells=cells)


def test_a_chapter_without_an_answer_gets_its_neutral_name():
    chapters = assemble({"5_pilot": notebook(tier_table("x.t"))}, EN, "C").chapters
    assert (chapters[0].heading, chapters[0].sentences) == ("Pilot", ())


def test_exhibits_count_by_kind_and_chapter_in_the_order_of_the_notebook():
    content = assemble(
        {"1_goals": notebook(tier_table("x.a"), tier_table("x.b")), "3_diagnose": notebook(tier_table("x.c"))}, ZH, "C"
    )
    assert [e.label for c in content.chapters for e in c.exhibits] == ["表 1-1", "表 1-2", "表 2-1"]
    assert content.numbers == {("1_goals", "x.a"): "1-1", ("1_goals", "x.b"): "1-2", ("3_diagnose", "x.c"): "2-1"}


def test_a_table_without_rows_is_a_sentence_and_no_exhibit_and_is_not_said_twice():
    empty = replace(tier_table("x.a"), frame=tier_table("x.a").frame.iloc[:0], title=named("Nothing found"))
    chapter = assemble({"1_goals": notebook(empty, tier_table("x.b"))}, EN, "C").chapters[0]
    assert [e.label for e in chapter.exhibits] == ["Table 1-1"] and chapter.meaning == ("Nothing found.",)
    said = assemble(
        {"1_goals": notebook(Answer("x.answer", named("Nothing found"), (), part="complication"), empty)}, ZH, "C"
    ).chapters[0]
    assert (said.heading, said.exhibits, said.meaning) == ("Nothing found", (), ())


def test_source_leads_to_the_cell_of_the_notebook_edition():
    exhibit = assemble({"1_goals": notebook(tier_table("x.a"))}, EN, "C").chapters[0].exhibits[0]
    assert 'href="notebooks/1_goals.en.html#cell-c0"' in exhibit.html


def test_the_summary_takes_the_five_numbers_of_lowest_rank():
    figures = [KeyFigure(f"x.k{n}", named(f"K{n}"), count(n), rank=9 - n) for n in range(8)]
    cards = assemble({"1_goals": notebook(*figures)}, EN, "C").summary.cards
    assert [f"K{n}" in str(card) for n, card in zip((7, 6, 5, 4, 3), cards, strict=True)] == [True] * 5


def test_a_number_that_is_not_known_takes_no_place_in_the_summary():
    figures = [KeyFigure("x.a", named("A"), count(None), rank=1), KeyFigure("x.b", named("B"), count(2), rank=2)]
    (card,) = assemble({"1_goals": notebook(*figures)}, EN, "C").summary.cards
    assert "B" in str(card)


def test_the_summary_gathers_what_waits_for_one_table_and_counts_the_rest():
    lacking = [NotMeasured(f"x.{n}", named(f"thing {n}"), (f"tickets.c{n}",)) for n in range(5)]
    assert assemble({"3_diagnose": notebook(*lacking)}, EN, "C").summary.unknown == (
        ("thing 0; thing 1; thing 2 and 2 more", "To measure it, deliver: tickets.c0; tickets.c1; tickets.c2 and 2 more."),
    )


def test_the_summary_stays_a_page_where_much_is_unknown_and_begins_with_what_most_waits_for():
    lacking = [NotMeasured(f"x.{n}", named(f"thing {n}"), why=named(f"reason {n}")) for n in range(6)]
    waiting = [NotMeasured(f"y.{n}", named(f"other {n}"), ("tickets",)) for n in range(2)]
    summary = assemble({"3_diagnose": notebook(*lacking, *waiting)}, EN, "C").summary
    assert [what for what, _ in summary.unknown] == ["other 0; other 1", "thing 0", "thing 1"]
    assert summary.more_unknown == 4


def test_a_table_is_asked_for_as_a_whole_only_where_all_of_it_is_lacking():
    """Customers were delivered and only their telephone numbers lacked: "deliver: customers" sent the reader astray."""
    lacking = [NotMeasured("x.1", named("one"), ("tickets",)), NotMeasured("x.2", named("other"), ("tickets.topic",))]
    assert assemble({"3_diagnose": notebook(*lacking)}, EN, "C").summary.unknown == (
        ("one; other", "To measure it, deliver: tickets."),
    )


def test_what_lacks_the_same_delivery_is_gathered_in_one_line():
    lacking = [NotMeasured(f"x.{n}", named(f"thing {n}"), ("tickets",)) for n in range(3)]
    assert assemble({"1_goals": notebook(*lacking)}, EN, "C").summary.unknown == (
        ("thing 0; thing 1; thing 2", "To measure it, deliver: tickets."),
    )


@pytest.mark.parametrize("part", ["situation", "complication", "resolution"])
def test_an_answer_stands_in_its_part_of_the_summary(part):
    answer = Answer("x.a", named("Heading"), (named("First."), named("Second.")), part)
    message = assemble({"1_goals": notebook(answer)}, EN, "C").summary.parts[part][0]
    assert (message.words, message.more, message.href) == ("Heading", "First.", "#chapter-1_goals")


def test_a_chapter_shows_five_exhibits_and_points_to_the_others_in_the_appendix():
    content = assemble({"1_goals": notebook(*(tier_table(f"x.t{n}") for n in range(7)))}, EN, "C")
    chapter = content.chapters[0]
    assert [e.number for e in chapter.exhibits] == [f"1-{n}" for n in range(1, MOST_EXHIBITS + 1)]
    assert [e.number for e in chapter.further] == ["1-6", "1-7"]


def test_the_consultant_chooses_what_stands_in_a_chapter(monkeypatch):
    monkeypatch.setattr(assembling, "chapter_exhibits", lambda: {"1_goals": ("x.c", "x.d*")})
    chapter = assemble({"1_goals": notebook(*(tier_table(f"x.{n}") for n in ("a", "b", "c", "d1", "d2")))}, EN, "C").chapters[0]
    assert [e.block for e in chapter.exhibits] == ["x.c", "x.d1", "x.d2"]
    assert [e.block for e in chapter.further] == ["x.a", "x.b"]


def test_the_choice_names_stages_and_lists(monkeypatch, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "chapters.yaml").write_text("7_more: [a]\n1_goals: all\n")
    monkeypatch.setattr(assembling, "templates_folder", lambda: tmp_path)
    with pytest.raises(WorkbookError, match="7_more, 1_goals"):
        chapter_exhibits()


def test_the_same_gap_is_told_once_in_a_chapter():
    lacking = [NotMeasured(f"x.{n}", named("one thing"), ("tickets",)) for n in range(3)]
    chapter = assemble({"1_goals": notebook(*lacking)}, EN, "C").chapters[0]
    assert chapter.unknown == (("one thing", "To measure it, deliver: tickets."),)


@pytest.mark.parametrize(("client", "words"), [("云松", "资料来源：云松交付数据"), ("Acme", "资料来源：Acme 交付数据")])
def test_source_line_sets_a_space_only_after_western_names(client, words):
    assert words in assemble({"1_goals": notebook(tier_table("x.a"))}, ZH, client).chapters[0].exhibits[0].html
