"""The templates of all pages, ready to be filled; nothing heavy is imported, so that light pages can be made quickly."""

from __future__ import annotations

import functools
import re

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from workbook.places import templates_folder


@functools.cache
def environment() -> Environment:
    """The Jinja environment of the report's templates: escaping on, unknown names an error."""
    return Environment(
        loader=FileSystemLoader(templates_folder() / "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def anchor(*parts: str) -> str:
    """A name for use in ``id`` and ``href``: letters, digits, dots, hyphens and underscores only.

    >>> anchor("exhibit", "goals.kpi table<b>")
    'exhibit-goals.kpi-table-b-'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join(parts))


def css_string(words: str) -> Markup:
    """Words as a CSS string that no client text can break out of.

    >>> print(css_string("A&B </style>"))
    "A\\26 B\\20 \\3c \\2f style\\3e "
    """
    safe = "".join(c if c.isalnum() and ord(c) < 128 else f"\\{ord(c):x} " for c in words)
    return Markup(f'"{safe}"')
