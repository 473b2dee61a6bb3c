"""The review file: written, filled in, read back, honoured, and what its answers say of the links."""

from __future__ import annotations

import openpyxl
import pytest
from tests.sources.test_link_tables import COLUMNS

from workbook.errors import DeliveryError
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.excel import About, write_csv, write_excel
from workbook.settings.models import Settings
from workbook.sources.delivery import AnswerFile
from workbook.sources.link_review import read_answers
from workbook.sources.tell_links import Judged, NothingLinked, tell_links

HEAD = "System A,Number in A,System B,Number in B,Same customer?\n"


@pytest.fixture
def delivered(deliver, source, tmp_path):
    """Two systems: 40 customers in both, a family of two names under one phone, and a name that is a formula."""
    crm = "id,name,phone,city,day,seen\n" + "".join(f"C{i},客户{i},138{i:08d},上海,2024-01-01,\n" for i in range(40))
    shop = "id,name,phone,city,day,seen\n" + "".join(f"M{i},客户{i},138{i:08d},上海,2024-01-01,\n" for i in range(40))
    crm += 'C90,"=HYPERLINK(""x"")",13900000000,北京,2024-01-01,\n'
    shop += "M90,王小梅,13900000000,广州,2024-01-01,\n"
    files = {"crm.csv": crm, "shop.csv": shop}
    sources = [source("customers", f"{n}.csv", COLUMNS, system=n) for n in ("crm", "shop")]

    def run():
        done = deliver(files, sources)
        settings = Settings.model_validate({"client": {"name": "Acme"}, "sources": sources})
        return done, tell_links(done, settings)

    return run


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_a_filled_review_file_is_honoured_by_the_next_run(delivered, tmp_path, language, ending):
    done, story = delivered()
    assert isinstance(story.precision_table(), NotMeasured)
    (sheet,) = story.sheets()
    place = tmp_path / "data" / "acme" / "ledger" / f"link_review.{language}.{ending}"
    place.parent.mkdir(parents=True)
    edition = Edition(language)
    words = {"same": {"en": "same customer", "zh": "同一客户"}, "different": {"en": "different customers", "zh": "不同客户"}}
    answer = {"C90": "same", "C0": "different"}
    if ending == "xlsx":
        write_excel(place, [sheet], edition, About(sheet.name, named("Acme"), Period.parse("2025Q4")))
        book = openpyxl.load_workbook(place)
        page = book.worksheets[1]
        ids = {page.cell(1, c).value: c for c in range(1, page.max_column + 1)}
        column = ids[{"en": "Number in A", "zh": "甲系统编号"}[language]]
        for row in range(2, page.max_row + 1):
            code = answer.get(page.cell(row, column).value, "same")
            page.cell(row, page.max_column).value = words[code][language]
        assert not any(cell.data_type == "f" for line in page.iter_rows() for cell in line)
        book.save(place)
    else:
        write_csv(place, sheet.table, edition)
        lines = place.read_text("utf-8-sig").splitlines()
        filled = [f"{line}{words['different' if ',C0,' in line else 'same'][language]}" for line in lines[1:]]
        place.write_text("\n".join([lines[0], *filled]), "utf-8")
        assert "'=" not in lines[0]
    after, told = delivered()
    assert after.folder != done.folder
    found = dict(zip(after.linked.xref["source_id"], after.linked.xref["customer_id"], strict=True))
    sampled = set(after.linked.pairs.loc[after.linked.pairs["sampled"], "id_a"])
    assert found["M90"] == "C90"
    assert found["M0"] == ("M0" if "C0" in sampled else "C0")
    judged = told.judged_sample()
    assert (judged.same, judged.different) == (30 - ("C0" in sampled), int("C0" in sampled))
    assert told.precision_table().frame["part"].iloc[0] == judged.same / 30
    assert told.key_figures()[0].value.value == judged.same / 30


def test_the_review_file_masks_names_and_contacts(delivered):
    _, story = delivered()
    shown = [block.bundle([Edition("en"), Edition("zh")]) for block in story.blocks()]
    assert "客户1" not in str(shown) and "13800000" not in str(shown) and "王小梅" not in str(shown)
    (sheet,) = story.sheets()
    personal = {c.name for c in sheet.table.columns if c.personal}
    assert {"name_a", "name_b", "phone_a", "phone_b", "email_a", "email_b", "birthday_a", "birthday_b"} <= personal
    assert not sheet.unmasked


def test_answers_in_any_order_and_language_count_and_empty_ones_do_not(tmp_path):
    first, second = tmp_path / "link_review_1.csv", tmp_path / "link_review_2.csv"
    first.write_text(HEAD + "crm,1,shop,2,Same customer\ncrm,3,shop,4,\ncrm,5,shop,6,unsure\n", "utf-8")
    second.write_text(
        "是否同一客户？,系统甲,甲系统编号,系统乙,乙系统编号\n不同客户,crm,'=7,shop,8\n同一客户,shop,2,crm,1\n", "utf-8-sig"
    )
    found = read_answers([AnswerFile(first, ""), AnswerFile(second, "")])
    assert found.to_numpy().tolist() == [
        ["crm", "1", "shop", "2", "same"], ["crm", "5", "shop", "6", "unsure"], ["crm", "=7", "shop", "8", "different"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "crm,1,shop,2,perhaps\n", "link_review.csv, row 2: found the answer 'perhaps'; expected one of same"),
        (
            HEAD + "crm,1,shop,2,same\nshop,2,crm,1,different\n",
            "row 3: found 'different' for shop 2 and crm 1; expected",
        ),
        ("a,b\n1,2\n", "link_review.csv: found no sheet with the columns System A"),
        (b"\xff\xfe\x00bad", "link_review.csv: found a file that cannot be read"),
    ],
)
def test_what_is_no_answer_is_told_with_its_place(tmp_path, text, expected):
    path = tmp_path / "link_review.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DeliveryError) as fault:
        read_answers([AnswerFile(path, "")])
    assert expected in str(fault.value)


def test_a_file_that_only_calls_itself_excel_is_told(tmp_path):
    path = tmp_path / "link_review.xlsx"
    path.write_bytes(b"not a workbook")
    with pytest.raises(DeliveryError, match="cannot be read"):
        read_answers([AnswerFile(path, "")])


def test_a_client_of_one_system_hears_in_one_sentence_that_nothing_was_linked(deliver, source):
    done = deliver({"a.csv": "id\n1\n"}, [source("customers", "a.csv", "customer_id=id")])
    told = tell_links(done, Settings.model_validate({"client": {"name": "A"}}))
    assert isinstance(told, NothingLinked) and told.xref.empty and not told.sheets()
    assert len(told.blocks()) == 1


def test_no_answer_is_no_precision_and_all_right_is_not_certain():
    assert Judged(0, 0, 3).interval(0.95) is None
    low, high = Judged(30, 0, 0).interval(0.95)
    assert high == 1 and low == pytest.approx(0.8865, abs=1e-4)
