"""A query that methods put together before it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Query:
    """SQL with what is given for its ``$names``."""

    sql: str
    given: Mapping[str, object] = field(default_factory=dict)
