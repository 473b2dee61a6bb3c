"""Blocks turn themselves into words and cells of both languages without losing or inventing anything."""

import datetime as dt
import re
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from workbook.language import Edition, named, people, share
from workbook.report.blocks import Column, KeyFigure, NotMeasured, Table
from workbook.report.cells import mask

REPOSITORY = Path(__file__).resolve().parents[2]
EDITIONS = (Edition("en", "CNY"), Edition("zh", "CNY"))


def figure(change=None, better="higher", now=0.78, before=0.80):
    return KeyFigure("t.k", named("rate"), share(now), previous=share(before), better=better, change=change)


@pytest.mark.parametrize(
    ("change", "better", "verdict"),
    [
        (None, "higher", "worse"),
        (None, "lower", "better"),
        ((-0.05, 0.01), "higher", "unclear"),
        ((-0.05, -0.01), "higher", "worse"),
        ((-0.05, -0.01), "lower", "better"),
        ((-0.05, 0.0), "lower", "unclear"),
        (None, None, "none"),
    ],
)
def test_a_change_whose_interval_holds_zero_is_never_called_better_or_worse(change, better, verdict):
    assert figure(change, better).bundle(EDITIONS)["verdict"] == verdict


def test_a_figure_without_a_previous_value_has_no_verdict():
    assert figure(before=None).bundle(EDITIONS)["verdict"] == "none"
    assert figure(before=0.78).bundle(EDITIONS)["verdict"] == "same"


def test_cells_carry_units_in_the_head_and_one_scale_a_table():
    frame = pd.DataFrame({"who": ["a", "b"], "amount": [Decimal("1234567.8"), 5.0], "part": [0.5, None]})
    columns = (
        Column("who", named("Who")),
        Column("amount", named({"en": "Revenue", "zh": "收入"}), "money"),
        Column("part", named("Share"), "share"),
    )
    words = Table("t.t", named("title"), columns, frame).bundle(EDITIONS)["languages"]
    assert words["zh"]["head"][1] == "收入（万元）"
    assert words["zh"]["cells"][0][1] == "123.5"
    assert words["en"]["head"][1] == "Revenue (CNY thousand)"
    assert words["en"]["cells"][0][1] == "1,234.6"
    assert words["en"]["cells"][1][2] == "n/a"


def test_interval_and_labels_stand_in_the_cell():
    frame = pd.DataFrame({"tier": ["gold"], "x": [0.5], "low": [0.4], "high": [0.6]})
    columns = (
        Column("tier", named("Tier"), labels={"gold": named({"en": "Gold", "zh": "黄金"})}),
        Column("x", named("x"), "share", low="low", high="high"),
    )
    words = Table("t.i", named("title"), columns, frame).bundle(EDITIONS)["languages"]
    assert words["en"]["cells"] == [["Gold", "50.0% (40.0% to 60.0%)"]]
    assert words["zh"]["cells"][0][0] == "黄金"
    assert "40.0%～60.0%" in words["zh"]["cells"][0][1]


def test_personal_values_never_enter_a_bundle():
    frame = pd.DataFrame({"phone": ["13812345678"], "email": ["li.wei@example.com"]})
    columns = (Column("phone", named("p"), personal=True), Column("email", named("e"), personal=True))
    bundle = Table("t.p", named("title"), columns, frame).bundle(EDITIONS)
    assert "13812345678" not in str(bundle)
    assert "li.wei" not in str(bundle)
    assert bundle["languages"]["en"]["cells"] == [["138****5678", "l***@example.com"]]


def test_a_few_people_are_hidden_wherever_they_are_counted():
    editions = (Edition("en", least=5), Edition("zh", least=5))
    frame = pd.DataFrame({"n": [4, 40, 0], "part": [0.04, 0.4, 0.0], "rows": [4, 40, 0]})
    columns = (
        Column("n", named("n"), "people"),
        Column("part", named("p"), "share", of="n"),
        Column("rows", named("r"), "count"),
    )
    bundle = Table("t.few", named("title"), columns, frame).bundle(editions)
    assert bundle["languages"]["en"]["cells"] == [["<5", "hidden", "4"], ["40", "40.0%", "40"], ["–", "–", "–"]]
    assert bundle["languages"]["zh"]["cells"][0] == ["<5", "不显示", "4"]
    assert bundle["rows"][0] == [None, None, 4]
    few = KeyFigure("t.k", named("k"), people(3), previous=people(40)).bundle(editions)["languages"]["en"]
    assert (few["value"], few["change"]) == ("<5", "")


def test_a_hidden_part_cannot_be_told_from_the_others():
    editions = (Edition("en", least=5),)
    columns = (Column("n", named("n"), "people"), Column("part", named("p"), "share", of="n"))
    whole = pd.DataFrame({"n": [3, 57, 40], "part": [0.03, 0.57, 0.4]})
    table = Table("t.whole", named("title"), columns, whole)
    bundle = table.bundle(editions)
    assert bundle["languages"]["en"]["cells"] == [["<5", "hidden"], ["57", "57.0%"], ["hidden", "hidden"]]
    assert bundle["rows"] == [[None, None], [57, 0.57], [None, None]]
    # two that are hidden keep each other's secret
    two = Table("t.two", named("title"), columns, pd.DataFrame({"n": [3, 3, 94], "part": [0.03, 0.03, 0.94]}))
    assert two.bundle(editions)["languages"]["en"]["cells"][2] == ["94", "94.0%"]


def test_the_share_of_a_small_part_of_a_row_is_hidden_and_cannot_be_told_from_the_others():
    columns = (
        Column("n", named("n"), "people"),
        *(Column(part, named(part), "share", within="n") for part in ("a", "b", "c")),
        Column("top", named("a, b"), "share", low="low", high="high", within="n"),
    )
    parts = [(100, 0.03, 0.17, 0.8), (100, 0.03, 0.57, 0.4), (1000, 0.1, 0.2, 0.7), (100, 0.2, 0.02, 0.78), (4, 0.5, 0.0, 0.5)]
    frame = pd.DataFrame(parts, columns=["n", "a", "b", "c"])
    frame = frame.assign(top=frame["a"] + frame["b"], low=0.1, high=0.9)
    cells = Table("t.parts", named("title"), columns, frame).bundle((Edition("en", least=5),))["languages"]["en"]["cells"]
    assert cells[0][1:4] == ["hidden", "hidden", "80.0%"] and cells[0][4].startswith("20.0%")  # both parts of the sum
    assert cells[1][1:] == ["hidden", "57.0%", "hidden", "hidden"]  # the sum less b would tell a
    assert cells[2][1:4] == ["10.0%", "20.0%", "70.0%"]
    assert cells[3][1:4] == ["hidden", "hidden", "78.0%"]
    assert cells[4] == ["<5", "hidden", "hidden", "hidden", "hidden"]


def test_every_number_of_customers_in_a_table_is_declared_as_people():
    source = "".join(path.read_text("utf-8") for path in (REPOSITORY / "src" / "workbook").rglob("*.py"))
    heads = re.findall(r'Column\("[a-z_]+", text\("[^"]+", "Customers[^"]*"\), "(\w+)"', source)
    assert len(heads) > 10 and set(heads) <= {"people", "share"}


def test_only_the_first_rows_are_shown_and_the_number_of_all_is_known():
    frame = pd.DataFrame({"n": range(30), "day": [dt.date(2025, 1, 1)] * 30})
    columns = (Column("n", named("n"), "count"), Column("day", named("day"), "date"))
    bundle = Table("t.r", named("title"), columns, frame).bundle(EDITIONS, 12)
    assert len(bundle["rows"]) == 12
    assert bundle["n_rows"] == 30
    assert bundle["languages"]["zh"]["cells"][0][1] == "2025 年 1 月 1 日"


def test_what_was_not_measured_stands_in_for_every_part_of_the_missing_result():
    note = NotMeasured("t.n", named("response times"), ("tickets.first_response_at",))
    assert note.frame is note
    assert note.pyramid() is note
    assert [*note.key_figures()] == [note]
    with pytest.raises(AttributeError):
        note._repr_html_()
    assert note.bundle(EDITIONS)["missing"] == ["tickets.first_response_at"]


@pytest.mark.parametrize("value", ["13812345678", "li.wei@example.com", "李小明", "Wu", "x"])
def test_masking_leaves_too_little_to_recognise(value):
    hidden = mask(value)
    assert value not in hidden or len(value) == 1
    assert "*" in hidden or len(value) == 1


def test_ids_that_are_addresses_or_telephone_numbers_are_masked_wherever_a_table_is_shown():
    frame = pd.DataFrame({"customer_id": ["li.wei@example.com", "13812345678", "C-10001"], "n": [1, 2, 3]})
    bundle = Table("t.ids", named("t"), (Column("customer_id", named("id")), Column("n", named("n"), "count")), frame).bundle(
        EDITIONS
    )
    shown = ["l***@example.com", "138****5678", "C-10001"]
    assert [row[0] for row in bundle["languages"]["en"]["cells"]] == [row[0] for row in bundle["rows"]] == shown
