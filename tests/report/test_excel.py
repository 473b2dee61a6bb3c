"""Files for the departments: full values, filters, choices, print set-up, and no formula out of a client's data."""

import csv
import datetime as dt
import hashlib
import time

import openpyxl
import pandas as pd
import pytest
from tests.report.made_up import HOSTILE

from workbook.errors import WorkbookError
from workbook.language import Edition, display_width, named, share
from workbook.period import Period
from workbook.report.blocks import Column, Table
from workbook.report.excel import LONGEST_TEXT, About, Sheet, write_csv, write_excel

EN, ZH = Edition("en"), Edition("zh")
ABOUT = About(named({"en": "List of CRM problems", "zh": "《客户关系管理功能问题清单》"}), named("云松 & Co"),
              Period.parse("2025Q4"), synthetic=True)  # fmt: skip
FORMULAS = ["=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1"]


def problem_table(words: list[str]) -> Table:
    n = len(words)
    frame = pd.DataFrame(
        {"problem": words, "evidence": [0.123456] * n, "low": [0.1] * n, "high": [0.15] * n, "priority": ["high"] * n,
         "due": [dt.date(2026, 1, 5)] + [None] * (n - 1), "revenue": [12_345.678] * n, "phone": ["13812345678"] * n}
    )  # fmt: skip
    columns = (
        Column("problem", named({"en": "Problem", "zh": "问题"})),
        Column("evidence", named({"en": "Evidence", "zh": "证据"}), "share", low="low", high="high"),
        Column("priority", named({"en": "Priority", "zh": "优先级"}), labels={"high": named({"en": "High", "zh": "高"})}),
        Column("due", named({"en": "Due", "zh": "完成时限"}), "date"),
        Column("revenue", named({"en": "Revenue", "zh": "收入"}), "money"),
        Column("phone", named({"en": "Contact", "zh": "联系电话"}), personal=True),
    )
    return Table("x.problems", named({"en": "Six problems", "zh": "六个问题"}), columns, frame)


def sheet_of(words: list[str], **more) -> Sheet:
    choices = {"priority": [named({"en": "High", "zh": "高"}), named({"en": "Low", "zh": "低"})]}
    return Sheet(named({"en": "Problems", "zh": "问题清单"}), problem_table(words), choices, **more)


@pytest.fixture
def book(tmp_path):
    path = write_excel(tmp_path / "list.xlsx", [sheet_of([*FORMULAS, HOSTILE])], ZH, ABOUT)
    return openpyxl.load_workbook(path)


def test_formulas_in_the_data_stay_text(book):
    cells = [row[0] for row in book["问题清单"].iter_rows(min_row=2)]
    assert [c.value for c in cells[:4]] == FORMULAS[:4]
    assert all(c.data_type == "s" and c.quotePrefix for c in cells[:6])
    assert cells[6].value == HOSTILE


def test_values_are_full_with_number_formats_and_the_interval_in_columns(book):
    heads = [c.value for c in book["问题清单"][1]]
    assert heads == ["问题", "证据", "证据：下限", "证据：上限", "优先级", "完成时限", "收入（元）", "联系电话"]
    row = book["问题清单"][2]
    assert (row[1].value, row[1].number_format) == (0.123456, "0.0%")
    assert (row[5].value, row[5].number_format) == (dt.datetime(2026, 1, 5), "yyyy-mm-dd")
    assert (row[6].value, row[6].number_format) == (12_345.678, "#,##0.00")


def test_contacts_are_masked_unless_the_department_may_see_them(book, tmp_path):
    assert book["问题清单"]["H2"].value == "138****5678"
    path = write_excel(tmp_path / "open.xlsx", [sheet_of(["a"], unmasked=True)], EN, ABOUT)
    assert openpyxl.load_workbook(path)["Problems"]["H2"].value == "13812345678"


def test_sheet_filters_freezes_validates_and_prints(book):
    sheet = book["问题清单"]
    assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:H8"
    rules = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    assert rules["E2:E8"].formula1 == "'选项'!$A$2:$A$3"
    assert rules["F2:F8"].type == "date"
    assert [c.value for c in book["选项"]["A"]] == ["优先级", "高", "低"]
    assert sheet.page_setup.orientation == "landscape" and sheet.page_setup.fitToHeight == 0
    assert sheet.print_title_rows == "$1:$1" and sheet.print_area
    assert sheet.oddFooter.right.text == "&P / &N"
    assert not sheet.merged_cells.ranges
    assert sheet.column_dimensions["A"].width <= 49


def test_cover_says_whose_which_period_and_that_it_is_invented(book):
    words = [str(c.value) for row in book["说明"].iter_rows() for c in row if c.value is not None]
    assert {"《客户关系管理功能问题清单》", "云松 & Co", "2025 年第四季度（10—12 月）", "六个问题"} <= set(words)
    assert any("模拟数据" in each for each in words)
    assert "日期列和选项列中的空单元格由贵方填写。" in words


def test_same_table_gives_the_same_bytes(tmp_path):
    def digest() -> str:
        return hashlib.sha256(write_excel(tmp_path / "a.xlsx", [sheet_of(["a"])], EN, ABOUT).read_bytes()).hexdigest()

    before = digest()
    time.sleep(2)  # the ZIP format counts in steps of two seconds
    assert digest() == before


def test_tabs_have_names_that_excel_takes(tmp_path):
    name = named("[A]:*?/\\ list with a name far longer than thirty-one characters")
    sheets = [Sheet(name, problem_table(["a"])), Sheet(name, problem_table(["b"]))]
    tabs = openpyxl.load_workbook(write_excel(tmp_path / "a.xlsx", sheets, EN, ABOUT)).sheetnames
    assert len(set(tabs)) == 3 and all(len(tab) <= 31 for tab in tabs)


def test_a_text_too_long_for_excel_is_an_error_and_not_cut(tmp_path):
    with pytest.raises(WorkbookError, match="32768 characters"):
        write_excel(tmp_path / "a.xlsx", [sheet_of(["x" * (LONGEST_TEXT + 1)])], EN, ABOUT)


def test_empty_table_still_makes_a_file(tmp_path):
    table = Table("x", named("T"), (Column("a", named("A")),), pd.DataFrame({"a": []}))
    book = openpyxl.load_workbook(write_excel(tmp_path / "a.xlsx", [Sheet(named("S"), table)], EN, ABOUT))
    assert [c.value for c in book["S"][1]] == ["A"]


def test_quantities_in_cells_keep_their_unit(tmp_path):
    table = Table("x", named("T"), (Column("a", named("A")),), pd.DataFrame({"a": [share(0.3)]}))
    book = openpyxl.load_workbook(write_excel(tmp_path / "a.xlsx", [Sheet(named("S"), table)], EN, ABOUT))
    assert book["S"]["A2"].value == "30%"


def test_csv_disarms_formulas_and_opens_in_excel_as_chinese(tmp_path):
    path = tmp_path / "a.csv"
    write_csv(path, problem_table([*FORMULAS, "客户"]), ZH)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == [f"'{words}" for words in FORMULAS] + ["客户"]
    assert rows[1][1:] == ["0.123456", "0.1", "0.15", "高", "2026-01-05", "12345.678", "138****5678"]


def test_a_chinese_character_is_two_columns_wide():
    assert display_width("客户 A1") == 7


def test_too_few_people_are_hidden_in_files_too_with_their_share(tmp_path):
    columns = (Column("n", named("n"), "people"), Column("part", named("p"), "share", of="n"))
    table = Table("t.few", named("title"), columns, pd.DataFrame({"n": [3, 57, 40], "part": [0.03, 0.57, 0.4]}))
    path = write_csv(tmp_path / "few.csv", table, Edition("en", least=5))
    with path.open(encoding="utf-8-sig") as file:
        assert list(csv.reader(file))[1:] == [["<5", "hidden"], ["57", "0.57"], ["hidden", "hidden"]]
    with write_csv(tmp_path / "all.csv", table, Edition("en", least=5), unmasked=True).open(encoding="utf-8-sig") as file:
        assert list(csv.reader(file))[1] == ["3", "0.03"]
