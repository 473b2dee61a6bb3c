"""Signatures, automatic replies and repeated lines leave comments; what customers say alike stays."""

import pandas as pd

from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.boilerplate import own_turns, without_boilerplate
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
    assert (len(heard.comments), heard.accuracy.shortened, heard.accuracy.unwritten) == (60, 30, 12)
    assert not heard.topics["name_en"].str.contains("iphone").any()
    assert "12 comments without words" in heard.accuracy.mood_table().note.render(Edition("en"))


def test_of_a_transcript_only_what_the_customer_says_is_read():
    said = "[10:01] Ann: Hello, can I help you?\n[10:03] Customer: The box came crushed\nand late\n[10:04] Ann: I am sorry"
    assert own_turns(said) == "The box came crushed\nand late"
    assert without_boilerplate([said]) == ["The box came crushed\nand late"]
    assert own_turns("2025-10-03 09:12 客服：您好\n2025-10-03 09:13 客户：没人回复\n客服：非常抱歉") == "没人回复"
    assert own_turns("客服：已登记\n客服：请稍等\n客户：") == ""  # the customer said nothing


def test_words_with_colons_that_are_no_talk_stay_whole():
    for text in ("Good: the price\nBad: the wait", "one line, customer: late", "优点：便宜\n缺点：慢", "See http://x.example\nnow",
                 "客户：某公司\n问题：机器漏水", "Customer: Example Ltd\nProblem: leaks\nWanted: repair"):  # fmt: skip
        assert own_turns(text) == text
