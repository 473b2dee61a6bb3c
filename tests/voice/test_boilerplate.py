"""Signatures, automatic replies and repeated lines leave comments; what customers say alike stays."""

import pandas as pd

from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.boilerplate import without_boilerplate
from workbook.voice.hotspots import find_hotspots


def test_signatures_and_automatic_replies_are_no_words_of_a_customer():
    assert without_boilerplate(
        [
            "The parcel came late.\nSent from my iPhone", "包装破了 —— 发自我的iPhone",
            "【系统自动回复】您好，您的反馈已收到。送错了货",
            "Automatic reply: I am out of office until Monday.", "Refund missing\n-- \nJohn Doe\nSales, Example Ltd",
        ]
    ) == ["The parcel came late.", "包装破了", "送错了货", "", "Refund missing"]  # fmt: skip


def test_a_line_that_many_comments_share_is_a_form_and_one_alone_is_an_opinion():
    forms = [f"Please rate our service below\nThe courier lost box no. {i}" for i in range(40)]
    assert without_boilerplate(forms) == [f"The courier lost box no. {i}" for i in range(40)]
    assert without_boilerplate(["The delivery was late"] * 50) == ["The delivery was late"] * 50


def test_what_was_not_read_is_counted_and_told():
    texts = ["送货太慢了 发自我的iPhone"] * 30 + ["客服没人接电话"] * 30 + ["此用户没有填写评价。"] * 12
    frame = pd.DataFrame({"feedback_id": range(72), "given_at": "2025-11-03", "instrument": "review", "text": texts})
    heard = find_hotspots(tables_of({"feedback": frame}, Period.parse("2025Q4")), Settings(client={"name": "Test"}))
    assert (len(heard.comments), heard.shortened, heard.unwritten) == (60, 30, 12)
    assert not heard.topics["name_en"].str.contains("iphone").any()
    assert "12 comments without words" in heard.accuracy_table().note.render(Edition("en"))
