"""Delivered values as they may be shown in examples, messages and lists: nobody is named by them (D7)."""

from __future__ import annotations

from workbook.report.cells import mask, mask_contacts
from workbook.tables import SCHEMAS

FREE_TEXT = ("text", "question", "choices", "need", "evidence", "outcome")
"""Columns in which people write sentences."""

LONGEST = 60


def shown_value(table: str, column: str, value: object, longest: int = LONGEST) -> str:
    """A delivered value as it may be shown: masked where personal, shortened, nothing of sentences.

    What looks like an e-mail address or a mobile number is masked wherever it stands: a column may be mapped wrongly, and ids
    are telephone numbers in some shops. A name in a column of dates cannot be told from any other word there.

    >>> shown_value("customers", "phone", "13812345678"), shown_value("orders", "customer_id", "li@example.com")
    ('138****5678', 'l***@example.com')
    >>> shown_value("orders", "amount", "twelve"), shown_value("tickets", "text", "call Mrs Li")
    ('twelve', '')
    """
    if value is None or value != value or column in FREE_TEXT:
        return ""
    words = str(value)
    if SCHEMAS[table].columns.get(column) == "contact" or column == "birthday":
        return mask(words[:longest])
    words = mask_contacts(words)
    return words if len(words) <= longest else words[: longest - 1] + "…"
