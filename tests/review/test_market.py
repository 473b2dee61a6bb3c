from workbook.language import Edition
from workbook.report.blocks import NotMeasured, Paragraph
from workbook.report.html import block_html
from workbook.review.market import tell_market
from workbook.settings.models import Review

EN, ZH = Edition("en"), Edition("zh")


def test_the_comment_stands_in_each_language():
    block = tell_market(Review(market={"en": "Bean prices rose.", "zh": "咖啡豆涨价。"}))
    assert isinstance(block, Paragraph)
    assert block.words.render(EN).endswith(": Bean prices rose.")
    assert block.words.render(ZH) == "本期市场情况（顾问观察）：咖啡豆涨价。"


def test_one_language_serves_both_and_markup_is_words():
    block = tell_market(Review(market={"en": "<script>alert(1)</script> {x} & =1+1"}))
    for language in ("en", "zh"):
        page = block_html(block.bundle((EN, ZH)), language)
        assert "<script>" not in page and "&lt;script&gt;alert(1)&lt;/script&gt; {x} &amp; =1+1" in page


def test_no_comment_is_not_measured_and_says_where_to_write_it():
    for empty in ("", "  ", {"en": "", "zh": " "}):
        block = tell_market(Review(market=empty))
        assert isinstance(block, NotMeasured)
        assert "review.market" in block.bundle((EN, ZH))["languages"]["zh"]["why"]
