"""The client's present tiers as groups that exhibits compare: who sits where, and what readers call each tier."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.diagnosis.assessment import tier_places
from workbook.language import Text, named, text
from workbook.settings.models import Settings
from workbook.tables import Tables

MOST_TIERS = 8
"""Tiers that a table shows, from the top."""


def tier_names(settings: Settings) -> tuple[Text, ...]:
    """What readers call the tiers, from the top: the words of diagnosis.client_tiers where they are given."""
    given = settings.diagnosis.client_tiers
    return tuple(named(word) for word in given) or tuple(named(tier.name) for tier in settings.grading.tiers)


def customers_by_tier(tables: Tables, settings: Settings) -> tuple[pd.Series, tuple[Text, ...]]:
    """In which tier each customer sits.

    Returns:
        customer_id → place in the names, from the top tier (0), the last for who has no known tier; and the names. Only the
        last where no tier was delivered or no word of it is known.
    """
    rows = tables.sql("select customer_id, lower(trim(coalesce(tier, ''))) as tier from customers order by customer_id")
    places = tier_places(settings)
    found = rows["tier"].map(places).astype(float)
    names = tier_names(settings)[:MOST_TIERS]
    found = found.where(found < len(names))
    if not found.notna().any():
        names = ()
    nobody = text("diagnosis.tiers.none", "without a known tier")
    place = found.fillna(len(names)).astype(np.int64)
    return pd.Series(place.to_numpy(), index=rows["customer_id"].astype(str).to_numpy(), name="place"), (*names, nobody)
