"""Which stages a client's mapped files are enough for: each leans on canonical tables, any of some to start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workbook.settings.models import Settings
from workbook.stages import STAGES


@dataclass(frozen=True)
class Leaning:
    """What a stage leans on.

    Attributes:
        any_of: groups of tables; with one whole group the stage has something to say.
        opens: tables that open more of it.
    """

    any_of: tuple[tuple[str, ...], ...]
    opens: tuple[str, ...]


LEANINGS: Mapping[str, Leaning] = {
    "1_goals": Leaning((("orders",), ("tickets",), ("feedback",)), ("customers",)),
    "2_integrate": Leaning(
        (("customers",), ("orders",), ("tickets",), ("interactions",), ("feedback",), ("contracts",)),
        ("order_lines", "products", "needs", "consents", "risk"),
    ),
    "3_diagnose": Leaning(
        (("customers",), ("orders",), ("tickets",), ("interactions",), ("needs",)),
        ("order_lines", "products", "status_history"),
    ),
    "4_strategy": Leaning((("orders",),), ("customers", "order_lines", "risk", "consents")),
    "5_pilot": Leaning((("assignments", "outcomes"), ("assignments", "orders"), ("pilot_summaries",)), ("consents",)),
    "6_iterate": Leaning((("orders",), ("tickets",), ("feedback",)), ("tasks",)),
}
"""Stage → the tables that it leans on (rows G4 and D1 of the method)."""


@dataclass(frozen=True)
class Readiness:
    """Whether a stage has enough to say something, and the tables that would let it say more."""

    ready: bool
    missing: tuple[str, ...]


def readiness(tables: Iterable[str]) -> dict[str, Readiness]:
    """Each stage's readiness where *tables* are delivered."""
    there = set(tables)
    return {stage.id: _ready(LEANINGS[stage.id], there) for stage in STAGES}


def mapped_tables(settings: Settings) -> list[str]:
    """The canonical tables that the settings name a file for, each once."""
    return list(dict.fromkeys(source.table for source in settings.sources))


def _ready(leaning: Leaning, there: set[str]) -> Readiness:
    wanted = dict.fromkeys([table for group in leaning.any_of for table in group] + list(leaning.opens))
    return Readiness(
        any(there.issuperset(group) for group in leaning.any_of), tuple(table for table in wanted if table not in there)
    )
