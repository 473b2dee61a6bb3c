"""A client's words in YAML: quoted wherever they could be anything but text, on one line whatever they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z_\u4e00-\u9fff][A-Za-z0-9_./\u4e00-\u9fff]*(?: [A-Za-z0-9_./\u4e00-\u9fff]+)*")
_OTHER = frozenset(["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"])


def scalar(words: str) -> str:
    """*words* as a YAML value that reads as this very text.

    >>> scalar("订单号"), scalar("yes"), scalar("a: b # c"), scalar("1e3"), scalar("two\\nlines")
    ('订单号', '"yes"', '"a: b # c"', '"1e3"', '"two\\\\nlines"')
    """
    if _PLAIN.fullmatch(words) and words.casefold() not in _OTHER:
        return words
    return "".join(_escaped(sign) for sign in json.dumps(words, ensure_ascii=False))


def flow(value: str | Sequence[str] | Mapping[str, object]) -> str:
    """A value, list or mapping of texts on one line."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"  # type: ignore[arg-type]
    return "[" + ", ".join(scalar(one) for one in value) + "]"


def _escaped(sign: str) -> str:
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
