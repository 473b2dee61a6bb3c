"""Comments as others may read them: whoever wrote or served cannot be known by them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workbook.tables import Tables

LONGEST = 90
"""Characters of a quote that are shown."""

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+|https?://\S+|www\.\S+", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\+?\d[\d\s-]{4,}\d)|\b[A-Za-z]{1,6}-?\d{4,}\b")
_SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范"
    "方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚"
)
_ADDRESSED = re.compile(
    rf"[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?"
    "(?=先生|女士|小姐|经理|师傅|老师|主任|主管|总(?![是会要算])|姐|哥)"
)
_TITLED = re.compile(r"\b(Mr|Mrs|Ms|Miss|Dr)\.?\s+[A-Z][\w'-]+(?:\s+[A-Z][\w'-]+)?")


def staff_names(tables: Tables) -> tuple[str, ...]:
    """Names that must not stand in a quote: of those who serve the customers."""
    names = tables.sql(
        "select distinct owner as name from customers where owner is not null "
        "union select distinct employee from interactions where employee is not null"
    )
    return tuple(sorted(names["name"].astype(str)))


def masked(text: str, names: Iterable[str] = (), longest: int = LONGEST) -> str:
    """A comment with addresses, numbers and names hidden, cut to *longest* characters.

    Args:
        text: what the customer wrote.
        names: names known to stand in it perhaps: the customer's own and those of the staff.
        longest: characters that are shown.

    >>> masked("找张经理，电话 13812345678，单号 AB123456")
    '找*经理，电话 ***，单号 ***'
    >>> masked("Ms. Wu promised it", [])
    'Ms *** promised it'
    """
    text = " ".join(text.split())
    text = _NUMBER.sub("***", _ADDRESS.sub("***", text))
    text = _TITLED.sub(r"\1 ***", _ADDRESSED.sub("*", text))
    for name in sorted({name.strip() for name in names if len(name.strip()) >= 2}, key=len, reverse=True):
        pattern = re.escape(name) if not name.isascii() else rf"\b{re.escape(name)}\b"
        text = re.sub(pattern, "***", text, flags=re.IGNORECASE)
    return text if len(text) <= longest else text[: longest - 1] + "…"
