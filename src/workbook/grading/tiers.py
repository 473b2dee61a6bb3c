"""From scores to tiers: thresholds, the buffer that keeps a tier, and what each tier brings; rows T4 and T8 of the method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.errors import WorkbookError
from workbook.grading.scale import Values
from workbook.settings.models import Buffer, Grading, Tier

TOLERANCE = 1e-9
"""Scores this close below a threshold reach it: 80 computed as 79.99999999999999 is 80."""

MOST_MONEY = 9e14
"""What all revenue has to stay below, so that its ten-thousandths are counted exactly in 64 bits."""

Places = NDArray[np.int64]
"""Place of each customer's tier from the top: 0 for the highest."""

NOBODY = -1
"""The place of a customer who held no tier before."""


def thresholds(scores: Values, settings: Grading) -> Values:
    """The lowest score of each tier, the highest tier first.

    With ``cut: score`` these are the settings' own. With ``cut: quantile`` each is the smallest score below which at least the
    tier's share of customers lies strictly, so that a tier from 90 up never holds more than 10% of customers and equal scores
    share a tier; infinite where no score is that high.
    """
    asked = np.array([tier.at_least for tier in settings.tiers], dtype=float)
    if settings.cut != "quantile":
        return asked
    values, sizes = np.unique(scores, return_counts=True)
    below = 100.0 * (np.cumsum(sizes) - sizes) / max(len(scores), 1)
    first = np.searchsorted(below + TOLERANCE, asked)
    lows = np.append(values, np.inf)[first]
    lows[-1] = 0.0  # the lowest tier takes everybody, now and later
    return np.asarray(lows)


def places_of(scores: Values, lows: Values) -> Places:
    """The place of the highest tier whose threshold each unrounded score reaches; the lowest takes all others."""
    reached = np.searchsorted(lows[::-1], scores + TOLERANCE, side="right") - 1
    return np.asarray(len(lows) - 1 - np.maximum(reached, 0), dtype=np.int64)


def tier_of(scores: Values, settings: Grading, lows: Values | None = None) -> NDArray[np.object_]:
    """The tier id of each score by the thresholds *lows*, those of these scores by default."""
    ids = np.array([tier.id for tier in settings.tiers], dtype=object)
    return np.asarray(ids[places_of(scores, thresholds(scores, settings) if lows is None else lows)])


def hold(before: Places, waiting: Places, scores: Values, lows: Values, buffer: Buffer) -> tuple[Places, Places]:
    """The tier that each customer gets where the buffer keeps small and passing moves back.

    A customer moves to the tier of the score at once where the score lies ``buffer.points`` or more beyond the threshold that
    it has to cross, and otherwise when it was beyond it in ``buffer.periods`` periods running. Who held no tier before gets the
    tier of the score.

    Args:
        before: place of the tier held, NOBODY where there was none.
        waiting: periods running in which the score was beyond a threshold of the tier held before this one: above 0 for
            higher, below 0 for lower.
        scores: this period's, unrounded.
        lows: thresholds, the highest tier first.

    Returns:
        Place of the tier given, and the periods waited so far where it was held back (0 elsewhere).

    >>> lows = np.array([90.0, 80.0, 60.0, 0.0])
    >>> hold(np.array([1, 1, 1]), np.array([0, 0, -1]), np.array([69.9, 75.0, 75.0]), lows, Buffer(points=10, periods=2))
    (array([2, 1, 2]), array([ 0, -1,  0]))
    """
    now = places_of(scores, lows)
    held = np.where(before == NOBODY, now, before)
    side = np.sign(held - now)
    running = np.where(side == 0, 0, np.where(np.sign(waiting) == side, waiting + side, side))
    over = scores + TOLERANCE >= lows[np.maximum(held - 1, 0)] + buffer.points
    under = scores - TOLERANCE <= lows[held] - buffer.points
    beyond = np.where(side > 0, over, under)
    moves = (side != 0) & (beyond | (np.abs(running) >= buffer.periods))
    return np.where(moves, now, held), np.where(moves, 0, running)


def held_tiers(
    frame: pd.DataFrame, settings: Grading, lows: Values, before: pd.DataFrame | None
) -> tuple[NDArray[np.object_], Places]:
    """The tier id that each customer gets after the buffer, and the periods waited so far (see :func:`hold`).

    Args:
        frame: customer_id and score.
        before: customer_id, held (the tier before the rules) and waiting of the period before; None where it was not graded.
    """
    scores = frame["score"].to_numpy()
    if before is None:
        return tier_of(scores, settings, lows), np.zeros(len(frame), dtype=np.int64)
    known = before.set_index("customer_id").reindex(frame["customer_id"])
    place = {tier.id: position for position, tier in enumerate(settings.tiers)}
    held = known["held"].map(place).fillna(NOBODY).to_numpy().astype(np.int64)
    waiting = known["waiting"].fillna(0).to_numpy().astype(np.int64)
    given, waited = hold(held, waiting, scores, lows, settings.buffer)
    return np.array([tier.id for tier in settings.tiers], dtype=object)[given], waited


def tier_totals(frame: pd.DataFrame, tiers: Sequence[Tier]) -> pd.DataFrame:
    """Customers, revenue and their shares for each tier, the highest first; a tier without customers has zeros.

    Revenue is summed in whole ten-thousandths, so that the order of the customers cannot change the last digit; it is unknown
    where no customer's is known.

    Raises:
        WorkbookError: where an amount is so large that it cannot be money.
    """
    known = bool(frame["revenue"].notna().any()) or frame.empty
    revenue = frame["revenue"].fillna(0.0).to_numpy(dtype=float)
    size = np.abs(revenue)
    if len(frame) and not float(size.max()) * len(frame) < MOST_MONEY:
        row = int(size.argmax())
        who = f" of customer {frame['customer_id'].iloc[row]!r}" if "customer_id" in frame else ""
        raise WorkbookError(
            f"profile, revenue{who}: found {revenue[row]:g}, expected amounts that add up to less than {MOST_MONEY:g} in all; "
            "correct the amount, or the unit of money under sources"
        )
    parts = np.round(revenue * 10_000).astype("int64")
    grouped = pd.DataFrame({"tier": frame["tier"], "parts": parts}).groupby("tier")["parts"].agg(["size", "sum"])
    grouped = grouped.reindex([tier.id for tier in tiers], fill_value=0)
    total = int(grouped["sum"].sum())
    return pd.DataFrame(
        {
            "tier": grouped.index.astype(str),
            "customers": grouped["size"].to_numpy(),
            "customer_share": grouped["size"].to_numpy() / max(len(frame), 1),
            "revenue": grouped["sum"].to_numpy() / 10_000 if known else np.nan,
            "revenue_share": grouped["sum"].to_numpy() / total if total > 0 else np.nan,
        }
    )
