"""Channels whose openings and answers stand by two clocks (UTC beside local time): their waits mean nothing (X3, X5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.tables import Tables

SURE_TICKETS = 30
"""Answered tickets that a channel needs, and the others together, before its clock is judged."""

MOST_BEFORE = 0.5
"""Share of answers before their opening from which two clocks are at work, where the other channels have hardly any."""

FEW_BEFORE = 0.05

QUARTERS = 4
"""Parts of an hour by which waits are counted."""

LONGEST = 100 * QUARTERS
"""Quarters of an hour from which waits are counted together."""

_CELLS = """
    select channel, cast(opened_hour as integer) as hour,
           cast(greatest(least(floor(date_diff('second', opened_at, first_response_at) * {quarters} / 3600.0), {longest}), -1)
                as integer) as wait, count(*) as n
    from {opened}
    where first_response_at is not null
      and not (opened_at = date_trunc('day', opened_at) and first_response_at = date_trunc('day', first_response_at))
    group by all order by all
"""


def odd_clocks(tables: Tables, opened: str) -> pd.DataFrame:
    """The channels that keep two clocks.

    A channel does where half of its answers or more stand before their openings and hardly any elsewhere; or where none of
    its tickets was answered within a whole number of hours, while others were within minutes, and beyond these hours it either
    answers as soon as the others do or its tickets come in so many hours sooner in the day than theirs. A slow channel answers
    some tickets soon, and not by a whole number of hours later.

    Args:
        tables: the canonical tables.
        opened: name of a table with channel, opened_hour, opened_at and first_response_at.

    Returns:
        channel, n (answered tickets), before (share of answers before the opening), hours (that the clocks stand apart; missing
        where answers stand before openings).
    """
    cells = tables.sql(_CELLS.format(opened=opened, quarters=QUARTERS, longest=LONGEST))
    rows = []
    for channel in sorted(set(cells["channel"])):
        mine = cells["channel"] == channel
        own, others = cells[mine], cells[~mine]
        n, other_n = int(own["n"].sum()), int(others["n"].sum())
        before, other_before = (_share_before(part) for part in (own, others))
        if n < SURE_TICKETS:
            continue
        if before >= MOST_BEFORE and other_before <= FEW_BEFORE:
            rows.append({"channel": channel, "n": n, "before": before, "hours": np.nan})
        elif other_n >= SURE_TICKETS and (hours := _apart(own, others[others["wait"] >= 0])):
            rows.append({"channel": channel, "n": n, "before": before, "hours": float(hours)})
    return pd.DataFrame(rows, columns=["channel", "n", "before", "hours"])


def _share_before(cells: pd.DataFrame) -> float:
    n = cells["n"].sum()
    return float(cells.loc[cells["wait"] < 0, "n"].sum() / n) if n else 0.0


def _apart(own: pd.DataFrame, others: pd.DataFrame) -> int:
    """Whole hours by which the openings of a channel stand too early; 0 where they do not."""
    soonest = int(own["wait"].min())
    hours, rest = divmod(soonest, QUARTERS)
    if hours < 1 or rest or others.empty or int(others["wait"].min()) > 0:
        return 0
    typical, usual = (_median(part) for part in (own, others))
    as_soon = abs(typical - soonest - usual) <= max(QUARTERS / 2, usual / 2)
    return hours if as_soon or _earlier(own, others, hours) else 0


def _median(cells: pd.DataFrame) -> float:
    """Median wait in quarters of an hour."""
    waits = cells.groupby("wait")["n"].sum().sort_index().cumsum()
    return float(waits.index[int(np.searchsorted(waits.to_numpy(), waits.iloc[-1] / 2))])


def _earlier(own: pd.DataFrame, others: pd.DataFrame, hours: int) -> bool:
    """Whether a channel's openings lie *hours* sooner in the day than the others', by the mean direction of the hours."""
    means, errors = [], []
    for cells in (own, others):
        angle, n = 2 * np.pi * cells["hour"].to_numpy(float) / 24, cells["n"].to_numpy(float)
        centre = np.sum(n * np.exp(1j * angle)) / n.sum()
        if abs(centre) < 0.3:  # spread over the clock: there is no typical hour
            return False
        means.append(float(np.angle(centre)) * 12 / np.pi)
        errors.append(np.sqrt(-2 * np.log(abs(centre)) / n.sum()) * 12 / np.pi)
    gap = (means[1] - means[0] - hours + 12) % 24 - 12
    return bool(abs(gap) <= 1 and np.hypot(*errors) <= 0.5)
