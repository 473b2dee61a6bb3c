"""Encodings are told apart by what the bytes of real text look like."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbook.errors import DeliveryError
from workbook.sources.encoding import find_encoding

SIMPLIFIED = "客户编号,客户名称,所在地区\n1,上海远东贸易有限公司,上海浦东新区\n2,王小明,北京市朝阳区\n"
TRADITIONAL = "客戶編號,客戶名稱,所在地區\n1,臺灣大明貿易有限公司,臺北市信義區\n2,陳小明,高雄市左營區\n"
WESTERN = "name,city,price\nJosé Núñez,Köln,€5\nZoë,Málaga,£7\nRenée’s,São Paulo,12\n"


@pytest.mark.parametrize(
    ("words", "encoding", "found"),
    [
        (SIMPLIFIED, "gbk", "gb18030"),
        (SIMPLIFIED, "gb2312", "gb18030"),
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8-sig"),
        (SIMPLIFIED, "utf-16", "utf-16"),
        (TRADITIONAL, "big5", "cp950"),
        (TRADITIONAL, "utf-8", "utf-8"),
        (WESTERN, "cp1252", "cp1252"),
        ("Artikel\nSchrauben größe 8\nMüßig\n", "cp1252", "cp1252"),
        ("name\nBush “Café” – 8’\n", "cp1252", "cp1252"),
        ("only ASCII,1\n", "ascii", "utf-8"),
        ("Channel,Fresh\xa0\n2,12669\n", "latin-1", "cp1252"),
    ],
)
def test_each_encoding_is_known_by_its_bytes(words, encoding, found):
    content = words.encode(encoding)
    assert find_encoding(content, "a.csv") == found
    assert content.decode(found).removeprefix("\ufeff") == words


@pytest.mark.parametrize(
    "content",
    [
        "Клиент,Город\nИванов,Москва\n".encode("cp1251"),
        SIMPLIFIED.encode() + SIMPLIFIED.encode("gbk"),  # two encodings in one file
        bytes(range(128, 256)) * 4,
    ],
)
def test_what_fits_no_encoding_is_asked_for(content):
    with pytest.raises(DeliveryError, match=r"neither UTF-8 nor GB 18030.*sources\.encoding"):
        find_encoding(content, "a.csv")


def test_a_long_line_without_accents_costs_no_time():
    content = b"x" * 3_000_000 + "\né,Köln\n".encode("cp1252")
    assert find_encoding(content, "a.csv") == "cp1252"


@given(st.binary(max_size=300))
def test_any_bytes_give_an_encoding_that_decodes_or_a_message(content):
    try:
        encoding = find_encoding(content, "a.csv")
    except DeliveryError:
        return
    if not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)):
        content.decode(encoding)


JAPANESE = (
    "会員番号,氏名,電話番号,登録日,都道府県\n"
    + "C001,やまだ太郎,090,2024/01/05,東京都\nC002,鈴木はなこ,080,2024/02/05,大阪府\n" * 9
)
KANJI = (
    "会員番号,氏名,電話番号,登録日,都道府県\n"
    + "C001,山田太郎,090,2024/01/05,東京都\nC002,鈴木花子,080,2024/02/05,大阪府\n" * 9
)
KOREAN = "고객번호,이름,전화번호,등록일,지역\n" + "C001,김철수,010,2024-01-05,서울\nC002,이영희,010,2024-02-05,부산\n" * 9


@pytest.mark.parametrize(
    ("words", "codec"),
    [(JAPANESE, "euc_jp"), (JAPANESE, "cp932"), (KOREAN, "cp949"), ("이름\n김\n", "cp949"), (KOREAN[:20], "cp949")],
)
def test_japanese_and_korean_are_told_from_chinese(words, codec):
    assert words.encode(codec).decode(find_encoding(words.encode(codec), "a.csv")) == words


@pytest.mark.parametrize("codec", ["euc_jp", "cp932"])
def test_japanese_without_kana_is_asked_about_and_never_read_as_chinese(codec):
    with pytest.raises(DeliveryError, match=r"sources\.encoding"):
        find_encoding(KANJI.encode(codec), "a.csv")


@pytest.mark.parametrize(
    "words",
    [
        "客户,金额\n",
        "姓名\n王芳\n",
        "门店\n",
        "订单号,会员号\n1,2\n",
        "工单号,创建时间,问题描述\n1,2025-01-01,包裹破损\n",
        "品名,单价\n螺丝,3\n",
    ],
)
def test_few_chinese_words_are_still_chinese(words):
    assert find_encoding(words.encode("gbk"), "a.csv") == "gb18030"
