"""The sheets of the 5 Whys: one a problem of high priority, begun with its evidence, the rest empty to be filled in."""

from datetime import date

import pandas as pd
from openpyxl import load_workbook

from workbook.diagnosis.finding import Finding, Words
from workbook.diagnosis.five_whys import five_whys
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.excel import About, write_excel


def finding(check, problem):
    words = Words(named(f"measure of {check}"), named(problem), named("=cause()"))
    return Finding(check, "service", words, 0.4, "share", 0.3, 0.5, 80, 0.1, "above", (), 0.0)


RANKED = [finding("service.callback", "No call-back"), finding("service.repeat", "They come back"),
          finding("service.reopened", "Opened again"), finding("needs.depth", "Shallow")]  # fmt: skip
LIST = pd.DataFrame({"check": [f.check for f in RANKED], "priority": ["high", "high", "high", "medium"],
                     "part_of": ["service.callback", "service.repeat", "service.repeat", "needs.depth"]})  # fmt: skip


def test_each_high_problem_that_leads_has_a_sheet_with_its_evidence_and_those_of_its_family():
    sheets = five_whys(LIST, RANKED)
    assert [s.table.id for s in sheets] == [
        "diagnosis.whys",
        "diagnosis.whys.service.callback",
        "diagnosis.whys.service.repeat",
    ]
    answers = [None if a is None else a.render(Edition("en")) for a in sheets[2].table.frame["answer"]]
    assert (
        "measure of service.repeat: 40.0%" in answers[0]
        and "measure of service.reopened" in answers[0]
        and "n = 80" in answers[0]
    )
    assert answers[1] == "=cause()" and answers[2:] == [None] * 6


def test_the_file_is_a_form_with_owner_and_date_whose_words_never_are_formulas(tmp_path):
    about = About(named("5 Whys"), named("Test"), Period.parse("2025Q4"))
    for language in ("en", "zh"):
        path = write_excel(tmp_path / f"{language}.xlsx", five_whys(LIST, RANKED), Edition(language), about)
        book = load_workbook(path)
        sheet = book.worksheets[2]
        rows = list(sheet.iter_rows(values_only=True))
        assert len(rows) == 1 + 8 and len(rows[0]) == 5
        assert rows[2][1] == "=cause()" and sheet.cell(3, 2).data_type == "s"
        assert all(row[3] in (None, "") and not isinstance(row[4], date) for row in rows[1:])


def test_without_a_problem_of_high_priority_nothing_is_asked():
    (nothing,) = five_whys(LIST.assign(priority="low"), RANKED)
    assert isinstance(nothing, NotMeasured)
