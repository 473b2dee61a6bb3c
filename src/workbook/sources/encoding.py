"""The encoding of a text file by evidence: its mark, strict UTF-8, then what its own bytes say (D1).

GB 18030, Big5 and the Western code page share their bytes: nearly any file decodes as each of them. They are told apart
by where the bytes of real text lie. Simplified Chinese uses the first level of GB 2312 (lead byte B0–D7, second byte from
A1 on) from end to end, where Korean (EUC-KR) stops at C8 and Japanese (EUC-JP) at CF, with kana of which Chinese has none;
traditional Chinese the first level of Big5 (lead byte A4–C6), of which two characters in five have a second byte
below 7F; Western text has accents, quotes and dashes, at most three beside each other, between plain letters.
"""

from __future__ import annotations

import codecs
import re

from workbook.errors import DeliveryError

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_EVIDENCE = 1 << 18
"""Bytes of text outside ASCII that are judged; the whole file must then decode."""

_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
_WESTERN = bytes({*b"\x80\x85\x8a\x8c\x8e\x91\x92\x93\x94\x95\x96\x97\x99\x9a\x9c\x9e\x9f", *range(0xA0, 0x100)})
"""Letters with accents, signs and the quotes and dashes that word processors set; other bytes are rare in Western text."""
_IN_WORDS = re.compile(
    rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])|(?<=[A-Za-z])[\x80-\xff]{2,3}(?![\x80-\xff])"
    rb"|(?<![\x80-\xff])[\x80-\xff]{2,3}(?=[A-Za-z])"
)
"""Alone, or two or three beside a plain letter."""
_USUAL = frozenset(
    "客户号编名称姓手机电话日期时间金额订单产品商数量价格状态地区城市省类型会员等级邮箱备注公司企业联系人渠道来源门店销售支付款"
    "交易成功完工投诉服务评内容下总计元年月男女上海北京广州深圳的有不是一在中大国分生活动结果说明原因部经理业务项目合同开始束签用"
)
"""Characters of which any Chinese export of some rows has several."""
_HIGH = re.compile(rb"[\x80-\xff]+")


def find_encoding(content: bytes, name: str) -> str:
    """The encoding of a text file; ``name`` is how the message calls it.

    >>> [find_encoding(words.encode(code), "a.csv") for words, code in
    ...  [("客户,金额", "gbk"), ("客戶名稱,訂單金額", "big5"), ("Zoë,Köln", "latin-1"), ("客户", "utf-16")]]
    ['gb18030', 'cp950', 'cp1252', 'utf-16']

    Raises:
        DeliveryError: where no encoding fits, or two fit as well.
    """
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return encoding
    try:
        content.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        pass
    sample = b"\n".join(_some(content))
    for fits, encoding in (
        (_is_euc_jp, "euc_jp"),
        (_is_euc_kr, "cp949"),
        (_is_shift_jis, "cp932"),
        (_is_gb, "gb18030"),
        (_is_big5, "cp950"),
        (_is_western, "cp1252"),
    ):
        if fits(sample) and _decodes(content, encoding):
            return encoding
    raise DeliveryError(
        [
            f"{name}: found text that is neither UTF-8 nor GB 18030, Big5, Japanese, Korean or Western (cp1252) for sure; "
            "expected a known encoding, one for the whole file; give sources.encoding, e.g. shift_jis or euc_kr, or export it "
            "again"
        ]
    )


def _some(content: bytes) -> list[bytes]:
    """The first lines with bytes outside ASCII: the others tell nothing."""
    lines, size, end = [], 0, 0
    while size < _EVIDENCE and (match := _HIGH.search(content, end)):
        start = content.rfind(b"\n", end, match.start()) + 1 or end
        end = content.find(b"\n", match.end())
        end = len(content) if end < 0 else end
        lines.append(content[start:end])
        size += end - start
    return lines


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_gb(sample: bytes) -> bool:
    pairs = _PAIR.findall(sample)
    usual = sum(p[1] >= 0xA1 and (0xB0 <= p[0] <= 0xD7 or 0xA1 <= p[0] <= 0xA3) for p in pairs)
    return bool(pairs) and usual >= 0.7 * len(pairs) and not _stops_before(pairs, 0xD0)


def _stops_before(pairs: list[bytes], lead: int) -> bool:
    """Whether the characters of another language end before *lead*, where a third or more of Chinese ones lie behind it."""
    signs = {p for p in pairs if 0xB0 <= p[0] <= 0xF7 and p[1] >= 0xA1}
    behind = sum(p[0] >= lead for p in signs)
    known = sum(p.decode("gb18030", "replace") in _USUAL for p in signs)
    return bool(signs) and behind < 0.05 * len(signs) and known < 0.15 * len(signs)


def _all_high(pairs: list[bytes]) -> bool:
    return bool(pairs) and sum(p[1] >= 0xA1 and p[0] >= 0xA1 for p in pairs) >= 0.98 * len(pairs)


def _is_euc_jp(sample: bytes) -> bool:
    pairs = _PAIR.findall(sample)
    return _all_high(pairs) and sum(p[0] in (0xA4, 0xA5) for p in pairs) >= 0.05 * len(pairs)


def _is_euc_kr(sample: bytes) -> bool:
    pairs = _PAIR.findall(sample)
    syllables = sum(0xB0 <= p[0] <= 0xC8 for p in pairs)
    return _all_high(pairs) and syllables >= 0.9 * len(pairs) and _stops_before(pairs, 0xC9)


def _is_shift_jis(sample: bytes) -> bool:
    pairs = _PAIR.findall(sample)
    kana = sum((p[0] == 0x82 and 0x9F <= p[1] <= 0xF1) or (p[0] == 0x83 and 0x40 <= p[1] <= 0x96) for p in pairs)
    return bool(pairs) and kana >= 0.1 * len(pairs)


def _is_big5(sample: bytes) -> bool:
    pairs = _PAIR.findall(sample)
    usual = sum(0xA1 <= p[0] <= 0xC6 and not 0x80 <= p[1] <= 0xA0 for p in pairs)
    low = sum(p[1] < 0x7F for p in pairs)
    return bool(pairs) and usual >= 0.85 * len(pairs) and low >= 0.1 * len(pairs)


def _is_western(sample: bytes) -> bool:
    usual = sum(len(run) for run in _IN_WORDS.findall(sample) if not run.translate(None, _WESTERN))
    return usual >= 0.8 * sum(map(len, _HIGH.findall(sample))) and _decodes(sample, "cp1252")
