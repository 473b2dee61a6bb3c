"""What graded single customers again between two periods: events and appeals as they were accepted; rows T8 and T9."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workbook.language import Text, count, named, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Grading

DECISIONS: Mapping[str, Text] = {
    "": text("grading.appeal.open", "open"),
    "upheld": text("grading.appeal.upheld", "upheld"),
    "changed": text("grading.appeal.changed", "changed by hand"),
    "refused": text("grading.appeal.refused", "refused"),
}
"""How an appeal ends."""

APPEAL = text("grading.changes.appeal", "Appeal")


def tell_changes(
    since: Sequence[pd.DataFrame | NotMeasured], settings: Grading, *, periods: tuple[Period, Period]
) -> tuple[Block, ...]:
    """The events and appeals since the period before, with the tier before and after; nothing where there were none.

    Args:
        since: accepted events and appeals, as the ledger has them.
        periods: the period before and this one.
    """
    events, appeals = (one if isinstance(one, pd.DataFrame) else pd.DataFrame() for one in since)
    rows = []
    first, last = (period.end.isoformat() for period in periods)
    if len(events):
        inside = events[(events["happened_on"] > first) & (events["happened_on"] <= last)]
        rows.append(inside.assign(on=inside["happened_on"], what=inside["event"], decision="–"))
    if len(appeals):
        inside = appeals[appeals["period"] == periods[0].name]
        rows.append(inside.assign(on=inside["decided_on"], what="appeal"))
    wanted = ["on", "customer_id", "what", "decision", "score_before", "score", "tier_before", "tier"]
    frame = pd.concat([one[wanted] for one in rows if len(one)]) if any(map(len, rows)) else pd.DataFrame(columns=wanted)
    if frame.empty:
        return ()
    frame = frame.sort_values(["on", "customer_id"], kind="stable", ignore_index=True)
    tiers = {tier.id: named(tier.name) for tier in settings.tiers}
    kinds = {kind.id: named(kind.name) for kind in settings.events} | {"appeal": APPEAL}
    columns = (
        Column("on", text("grading.regrade.day", "Day")),
        Column("customer_id", text("grading.regrade.customer", "Customer")),
        Column("what", text("grading.regrade.what", "Event"), labels=kinds),
        Column("decision", text("grading.appeal.decision", "Decision"), labels=DECISIONS),
        Column("score_before", text("grading.regrade.score_before", "Score before"), "score"),
        Column("score", text("grading.regrade.score", "Score"), "score"),
        Column("tier_before", text("grading.regrade.tier_before", "Tier before"), labels=tiers),
        Column("tier", text("grading.column.tier", "Tier"), labels=tiers),
    )
    moved = frame.loc[frame["tier"] != frame["tier_before"], "customer_id"].nunique()
    title = text(
        "grading.changes.title", "Events and appeals since {period}: {n}; customers who changed tier: {moved}",
        period=periods[0].name, n=count(len(frame)), moved=count(moved),
    )  # fmt: skip
    note = text(
        "grading.changes.note",
        "Graded at once on the grades of {period}, by the policy of then, as accepted; the buffer of {now} begins from these"
        " tiers.",
        period=periods[0].name,
        now=periods[1].name,
    )
    return (Table("grading.changes", title, columns, frame, note),)
