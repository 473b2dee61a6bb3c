"""The workbook for the IT department: every problem, the rows of their own files, nobody named, no formula."""

from __future__ import annotations

import openpyxl
import pytest

from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.excel import About, write_excel
from workbook.sources.quality import quality_problems, quality_sheets

EDITIONS = {"en": Edition("en"), "zh": Edition("zh")}
PHONES = ["13812345678", "138****5678", "1.38E+10", "call me"]
CUSTOMERS = "id,name,phone,mail,city,born\n" + "".join(
    f"{i},王小明{i},{phone},wang{i}@example.com,=1+{i},{born}\n"
    for i, (phone, born) in enumerate(zip(PHONES, ["1990-01-01", "1890-01-01", "", "2030-01-01"], strict=True))
)
ORDERS = (
    "no,who,day,sum\n1,0,2025-10-01,5\n2,Z,2025-10-02,=cmd\n3,0,soon,7\n4,0,2025-10-03,8,9\n5,li@example.com,2025-10-03,8\n"
)


@pytest.fixture
def done(deliver, source):
    return deliver(
        {"c.csv": CUSTOMERS, "o.csv": ORDERS},
        [
            source("customers", "c.csv", "customer_id=id name phone email=mail region=city birthday=born"),
            source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day amount=sum"),
        ],
    )


def test_every_problem_stands_in_the_overview_with_its_rows(done):
    found = {(p.problem, p.table): (p.rows, p.listed) for p in quality_problems(done).itertuples()}
    assert found["masked_phone", "customers"] == (1, 1)
    assert found["phone_in_scientific_notation", "customers"] == (1, 1)
    assert found["unreadable_phone", "customers"] == (1, 1)
    assert found["impossible_birthday", "customers"] == found["unreadable_birthday", "customers"] == (1, 1)
    assert found["unreadable_amount", "orders"] == (1, 1)
    assert found["unreadable_ordered_at", "orders"] == (1, 1)
    assert found["wrong_number_of_cells", "orders"] == (1, 1)
    assert found["order_of_unknown_customer", "orders"] == (2, 2)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_file_names_rows_masks_people_and_holds_no_formula(done, tmp_path, language):
    sheets = quality_sheets(done)
    about = About(sheets[0].name, named("Acme"), Period.parse("2025Q4"))
    path = write_excel(tmp_path / "q.xlsx", sheets, EDITIONS[language], about)
    book = openpyxl.load_workbook(path)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    words = "\n".join(str(cell.value) for cell in cells)
    assert not [cell for cell in cells if cell.data_type == "f"]
    for personal in ("王小明", "13812345678", "@example.com", "1890-01-01"):
        assert personal not in words.replace("l***@example.com", "")
    assert "l***@example.com" in words and "o.csv" in words
    assert len(book.sheetnames) == 1 + len(sheets)
    rows = {tuple(c.value for c in row[:2]) for sheet in book for row in sheet.iter_rows(min_row=2)}
    assert {("o.csv", 3), ("o.csv", 4), ("o.csv", 5), ("c.csv", 3), ("c.csv", 5)} <= rows


def test_a_sound_delivery_says_so(deliver, source):
    done = deliver({"c.csv": "id\nA\nB\n"}, [source("customers", "c.csv", "customer_id=id")])
    (sheet,) = quality_sheets(done)
    assert sheet.table.title.render(EDITIONS["en"]) == "No problem was found in the delivery"
    assert sheet.table.title.render(EDITIONS["zh"]) == "数据中未发现问题"


def test_every_problem_has_its_advice():
    from workbook.sources.rules import RULES
    from workbook.sources.words import advice

    look = advice("something else")
    for problem in [*RULES, "missing_order_id", "unreadable_phone", "duplicate_key", "orders_quarantined", "masked_phone"]:
        assert advice(problem) != look, problem
        assert advice(problem).render(EDITIONS["zh"])


def test_a_bare_yes_is_itself_a_finding(deliver, source):
    done = deliver(
        {"c.csv": "id,ok\nA,是\nB,否\nC,是\n"},
        [
            source("customers", "c.csv", "customer_id=id"),
            source("consents", "c.csv", "customer_id=id granted=ok", constants={"purpose": "marketing"}),
        ],
    )
    alerts = done.alerts.set_index("alert")
    assert alerts.loc["consent_without_date", ["rows", "severity", "weakens"]].tolist() == [2, "high", "outreach"]
    assert alerts.loc["consent_purpose_assumed", ["rows", "severity"]].tolist() == [3, "high"]
    assert ("consent_without_date", 2) in [(p.problem, p.listed) for p in quality_problems(done).itertuples()]
