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
        "顧客番号,ひらがなのなまえ\n1,カタカナとひらがな\n".encode("shift_jis"),
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
