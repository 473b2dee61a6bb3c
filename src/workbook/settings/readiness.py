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
        any_of: groups of tables and ``table.column``; with one whole group the stage has something to say.
        opens: tables that open more of it.
        own: whether columns of the client's own (sources.attributes), which nobody can be asked for by name, are enough.
    """

    any_of: tuple[tuple[str, ...], ...]
    opens: tuple[str, ...]
    own: bool = False


LEANINGS: Mapping[str, Leaning] = {
    "1_goals": Leaning((("orders",), ("tickets",), ("feedback",)), ("customers",)),
    "2_integrate": Leaning(
        (("customers",), ("orders",), ("tickets",), ("interactions",), ("feedback",), ("contracts",)),
        ("order_lines", "products", "needs", "consents", "risk"),
    ),
    "3_diagnose": Leaning(
        (("customers",), ("orders",), ("tickets",), ("interactions",), ("needs",), ("feedback",)),
        ("order_lines", "products", "status_history"),
    ),
    # without the customer an order says nothing of anybody: no RFM, no tiers
    "4_strategy": Leaning(
        (("orders", "orders.customer_id"), ("contracts",)), ("customers", "order_lines", "risk", "consents"), own=True
    ),
    # answers to campaigns say who answers, if not what a campaign did
    "5_pilot": Leaning(
        (
            ("assignments", "outcomes"),
            ("assignments", "orders"),
            ("pilot_summaries",),
            ("campaign_contacts.customer_id", "campaign_contacts.response"),
        ),
        ("consents",),
    ),
    "6_iterate": Leaning((("orders",), ("tickets",), ("feedback",)), ("tasks",)),
}
"""Stage → the tables that it leans on (rows G4 and D1 of the method)."""


@dataclass(frozen=True)
class Readiness:
    """Whether a stage has enough to say something, and the tables that would let it say more."""

    ready: bool
    missing: tuple[str, ...]


def readiness(names: Iterable[str]) -> dict[str, Readiness]:
    """Each stage's readiness where the *names* (``orders``, ``orders.customer_id``) are delivered."""
    there = set(names)
    return {stage.id: _ready(LEANINGS[stage.id], there) for stage in STAGES}


def mapped_names(settings: Settings) -> list[str]:
    """The canonical tables that the settings name a file for and their mapped columns as ``table.column``, each once."""
    names: dict[str, None] = {}
    for source in settings.sources:
        names |= dict.fromkeys([source.table, *(f"{source.table}.{c}" for c in (*source.columns, *source.constants))])
        names |= {"attributes": None} if source.attributes else {}
    return list(names)


def _ready(leaning: Leaning, there: set[str]) -> Readiness:
    wanted = dict.fromkeys([table for group in leaning.any_of for table in group] + list(leaning.opens))
    return Readiness(
        any(there.issuperset(group) for group in leaning.any_of) or (leaning.own and "attributes" in there),
        tuple(name for name in wanted if name not in there and ("." not in name or name.partition(".")[0] in there)),
    )
