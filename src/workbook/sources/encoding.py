"""The encoding of a text file by evidence: its mark, strict UTF-8, then what its own bytes say (D1).

GB 18030, Big5 and the Western code page share their bytes: nearly any file decodes as each of them. They are told apart
by where the bytes of real text lie. Simplified Chinese uses the first level of GB 2312 (lead byte B0–D7, second byte from
A1 on); traditional Chinese the first level of Big5 (lead byte A4–C6), of which two characters in five have a second byte
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
    for fits, encoding in ((_is_gb, "gb18030"), (_is_big5, "cp950"), (_is_western, "cp1252")):
        if fits(sample) and _decodes(content, encoding):
            return encoding
    raise DeliveryError(
        [
            f"{name}: found text that is neither UTF-8 nor GB 18030, Big5 or Western (cp1252); expected a known encoding, one "
            "for the whole file; give sources.encoding, e.g. shift_jis, or export it again"
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
    return bool(pairs) and usual >= 0.7 * len(pairs)


def _is_big5(sample: bytes) -> bool:
    pairs = _PAIR.findall(sample)
    usual = sum(0xA1 <= p[0] <= 0xC6 and not 0x80 <= p[1] <= 0xA0 for p in pairs)
    low = sum(p[1] < 0x7F for p in pairs)
    return bool(pairs) and usual >= 0.85 * len(pairs) and low >= 0.1 * len(pairs)


def _is_western(sample: bytes) -> bool:
    usual = sum(len(run) for run in _IN_WORDS.findall(sample) if not run.translate(None, _WESTERN))
    return usual >= 0.8 * sum(map(len, _HIGH.findall(sample))) and _decodes(sample, "cp1252")
