"""What stands in a cell: plain values for programs, masked where they are personal, hidden where they tell of too few."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from workbook.language import Edition, Quantity, Text, Unit, is_missing

HIDDEN = {"en": "hidden", "zh": "不显示"}
"""What stands for a number that would tell of too few people."""


def hides(value: object, unit: Unit, edition: Edition) -> bool:
    """Whether a cell is a number of people too small to be shown."""
    return edition.hides(value.value, value.unit) if isinstance(value, Quantity) else edition.hides(value, unit)


def mask(value: str) -> str:
    """A personal value with its middle hidden.

    >>> mask("13812345678"), mask("li.wei@example.com"), mask("李小明"), mask("Wu")
    ('138****5678', 'l***@example.com', '李**', 'W*')
    """
    if "@" in value:
        name, _, host = value.partition("@")
        return f"{name[:1]}***@{host}"
    if len(value) >= 8:
        return f"{value[:3]}****{value[-4:]}"
    return value[:1] + "*" * (len(value) - 1)


def mask_contacts(words: str) -> str:
    """Words in which e-mail addresses and Chinese mobile numbers are masked: ids are telephone numbers in some shops.

    >>> mask_contacts("li.wei@example.com"), mask_contacts("13812345678"), mask_contacts("CA-2025-100001")
    ('l***@example.com', '138****5678', 'CA-2025-100001')
    """
    return _CONTACT.sub(lambda found: mask(found[0]), words)


# an address is looked for from the beginning of a word only: from every sign of an endless one it would take minutes
_CONTACT = re.compile(r"(?<!\S)\S+@\S+|(?<!\d)(?:\+?86)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)")


def is_nothing(value: Any, unit: Unit) -> bool:
    """Whether a cell is a zero that a table shows as a dash."""
    return unit in ("count", "people", "money", "share") and isinstance(value, int | float | Decimal | np.number) and value == 0


def raw(value: Any) -> Any:
    if isinstance(value, Text | Quantity):
        return None
    if is_missing(value):
        return None
    if isinstance(value, str):
        return mask_contacts(value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.date | dt.datetime | pd.Timestamp):
        return value.isoformat()
    if hasattr(value, "item"):
        return raw(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
