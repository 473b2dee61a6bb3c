"""Given grades built again from the ledger alone: whether every tier follows from what was accepted (rows T6, T8 and T9).

A score is what was measured and stands as given. What follows from it is computed again: the tier that the accepted policy asks
for, what the buffer made of it after the grades, events and appeals before it, and grades set by hand. Rules that look at the
profile cannot be computed from the ledger; under a policy that has some, the tier is held to the tier before the rules only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbook.errors import WorkbookError
from workbook.grading.policy import Policy, past_of, policy_of
from workbook.grading.rules import apply_rules
from workbook.grading.tiers import held_tiers
from workbook.ledger import ledger_file, read_ledger, signatures
from workbook.period import Period

FIELDS = ("tier", "held", "waiting")
"""What is computed again."""


@dataclass(frozen=True, eq=False)
class Replay:
    """The grades of one period, built again.

    Attributes:
        period: of the grades.
        before: the accepted period that the buffer began from; None for the first.
        policy: its number; None where no policy was accepted, and nothing can be built again.
        grades: period, customer_id, tier, score, cause, waiting and held, as they are built again, in the order of the ledger.
        differences: customer_id, field, given, again: what was accepted otherwise.
        changes: events and appeals of the period before that the buffer began from.
        by_rules: customers whose tier rules over the profile gave, so that only the tier before them is built again.
    """

    period: Period
    before: Period | None
    policy: int | None
    grades: pd.DataFrame
    differences: pd.DataFrame
    changes: int
    by_rules: int

    @property
    def ok(self) -> bool:
        """Whether all was built again, to the same values."""
        return self.policy is not None and self.differences.empty


def replay(home: Path, client: str) -> tuple[Replay, ...]:
    """Build the grades of every accepted period again from the ledger, the earliest first.

    Raises:
        WorkbookError: where no grades were accepted, or the ledger was changed by hand.
    """
    signed = signatures(ledger_file(home, client, "grades"))[0]
    given = sorted({one.period for one in signed}, key=lambda period: period.end)
    if not given:
        raise WorkbookError(
            f"{client}: found no accepted grades, expected those of a period; accept them: workbook accept {client} PERIOD"
        )
    return tuple(_again(home, client, period, given) for period in given)


def _again(home: Path, client: str, period: Period, given: Sequence[Period]) -> Replay:
    earlier = [one for one in given if one.end < period.end and one.months == period.months]
    before = earlier[-1] if earlier else None
    kinds = ("grades", "policies", "events", "appeals")
    grades, policies, events, appeals = (read_ledger(home, client, kind) for kind in kinds)
    names = ["period", "customer_id", "tier", "score", "cause", "waiting", "held"]
    now = grades.loc[grades["period"] == period.name, names].reset_index(drop=True)
    policy = policy_of(policies, period)
    none = pd.DataFrame(columns=["customer_id", "field", "given", "again"], dtype=object)
    if policy is None:
        return Replay(period, before, None, now, none, 0, 0)
    known = policies[[Period.parse(one).end < period.end for one in policies["since"]]]
    periods = (before or period, period)
    past = past_of(None, None, grades, known, (events, appeals), periods=periods) if before is not None else None
    changed = 0 if past is None else int((past.grades["held"] != past.given["held"]).sum())
    built, by_rules = _graded(now, policy, period, past.grades if past else None)
    differences = [
        {"customer_id": customer, "field": field, "given": was, "again": is_now}
        for field in FIELDS
        for customer, was, is_now in zip(now["customer_id"], now[field], built[field], strict=True)
        if was != is_now
    ]
    told = pd.DataFrame(differences, columns=none.columns, dtype=object)
    return Replay(period, before, policy.number, built, told, changed, by_rules)


def _graded(now: pd.DataFrame, policy: Policy, period: Period, before: pd.DataFrame | None) -> tuple[pd.DataFrame, int]:
    """The grades by score, buffer and hand, and for how many rules over the profile decided."""
    settings = policy.settings
    held, waiting = held_tiers(now, settings, policy.lows, before)
    people = now[["customer_id", "score"]].assign(tier=held)
    bare = settings.model_copy(update={"rules": []})
    asked = pd.Series(apply_rules(people, bare, period.end).tiers, index=now.index, dtype="str")
    live = any(rule.until is None or rule.until >= period.end for rule in settings.rules)
    ruled = (now["tier"] != asked) & live
    return now.assign(tier=asked.where(~ruled, now["tier"]), held=pd.Series(held, dtype="str"), waiting=waiting), int(
        ruled.sum()
    )


def replay_words(client: str, replays: Sequence[Replay], most: int = 20) -> str:
    """What was built again, a line a period, and the first differences."""
    lines = []
    for one in replays:
        if one.policy is None:
            lines.append(f"{client} {one.period}  {len(one.grades):,} grades  cannot be built again: no policy was accepted")
            continue
        from_ = f", from {one.before} with {one.changes:,} changed by events and appeals" if one.before else ""
        found = "follow from the ledger" if one.ok else f"{one.differences['customer_id'].nunique():,} do not follow"
        ruled = f"; {one.by_rules:,} by rules over the profile, held to the tier before them" if one.by_rules else ""
        lines.append(f"{client} {one.period}  {len(one.grades):,} grades  policy {one.policy}{from_}: {found}{ruled}")
        shown = one.differences.head(most)
        lines += [
            f"  {customer} {field}: given {was}, built again {now}"
            for customer, field, was, now in shown.itertuples(index=False)
        ]
    return "\n".join(lines)
