"""The log of the service desk: what was done with each ticket, and when.

Nothing is planted here: answers from templates and tickets passed on are as good as the others.

Source: rows C3, X5 of method.md.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.synthetic.plan import Plan, stream

TEMPLATE_SHARE = 0.3
"""Tickets first answered from a template, whatever they are about."""

ANALYSED_SHARE = 0.65
"""Tickets whose cause somebody looks into before they are solved."""

PASSED_ON_SHARE = 0.2
"""Tickets that the first who answers passes on."""

AGENTS = 12


def make_events(plan: Plan, tickets: pd.DataFrame) -> pd.DataFrame:
    """Every step of every ticket, in the order of time.

    Args:
        plan: gives the seed.
        tickets: as delivered, with minutes opened, responded, resolved, called_back (−1 where it did not happen), reopened.

    Returns:
        ticket_id, minute (since the history opens), activity, actor.
    """
    rng = stream(plan.seed, "ticket events")
    n = len(tickets)
    agent = rng.integers(1, AGENTS + 1, n)
    template, analysed, passed_on = (rng.random(n) < part for part in (TEMPLATE_SHARE, ANALYSED_SHARE, PASSED_ON_SHARE))
    between, again = rng.uniform(0.2, 0.8, n), rng.integers(240, 4320, n)
    opened, responded, resolved, called = (
        tickets[name].to_numpy(np.int64) for name in ("opened", "responded", "resolved", "called_back")
    )
    solved, reopened = resolved >= 0, tickets["reopened"].to_numpy() > 0
    midway = responded + (between * (resolved - responded)).astype(np.int64)
    everyone = np.ones(n, dtype=bool)
    steps = (
        ("受理", opened, everyone), ("首次响应", responded, ~template), ("模板回复", responded, template),
        ("转二线", responded + 5, passed_on & solved & (midway > responded + 5)), ("分析", midway, analysed & solved),
        ("解决", resolved, solved), ("回访", called, called >= 0), ("重新打开", resolved + again, reopened & solved),
        ("解决", resolved + again + 120, reopened & solved),
    )  # fmt: skip
    parts = [
        pd.DataFrame(
            {
                "ticket_id": tickets["ticket_id"].to_numpy(object)[here], "minute": minute[here], "activity": activity,
                "actor": [f"客服{number:02d}" for number in agent[here]],
            }
        )
        for activity, minute, here in steps
    ]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True)
    rows["step"] = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    rows = rows.sort_values(["minute", "ticket_id", "step"], kind="stable", ignore_index=True)
    return rows[["ticket_id", "minute", "activity", "actor"]]
