"""The grade policy: what decides a customer's score, numbered and frozen until somebody changes it; row T8 of the method.

A policy holds the settings of the grading, the scale of every index as it was frozen from one period's customers, and the
thresholds. As long as the settings stay, every later period is graded by it. It changes where the settings do (the indices that
were not touched keep their scales), where ``grading.reference`` is raised, which is the decision to freeze all scales anew, and
while the data are too young to fill the window: half a year is no scale for a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from workbook.grading.facts import told_at_last
from workbook.grading.scale import Scale, Values, freeze
from workbook.language import Text, text
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Grading, Index

Cause = Literal["first", "settings", "reference", "window"]

CAUSES: Mapping[str, Text] = {
    "first": text("grading.policy.first", "The first policy"),
    "settings": text("grading.policy.settings", "The settings of the grading changed"),
    "reference": text("grading.policy.reference", "The scales were frozen anew by decision"),
    "window": text("grading.policy.window", "The data before did not fill the window"),
}

_NAMES = {"name", "rfm", "high_tiers", "events"}
"""What of the settings moves nobody's grade."""


@dataclass(frozen=True, eq=False)
class Policy:
    """What decides a score and the tier that it asks for.

    Attributes:
        number: 1 for the first; a change counts one up.
        since: the first period graded by it.
        cause: why it took the place of the one before.
        reference: index → the period whose customers its scale was frozen from.
        provisional: whether the data of that period did not fill the window, so that the next period freezes anew.
        settings: the settings of the grading.
        scales: index → scale; none for an index that nobody had a value for.
        lows: the lowest score of each tier, the highest tier first; infinite where no score is that high.
    """

    number: int
    since: str
    cause: Cause
    reference: Mapping[str, str]
    provisional: bool
    settings: Grading
    scales: Mapping[str, Scale]
    lows: Values

    @property
    def json(self) -> dict[str, Any]:
        """As plain JSON, from which :meth:`of` makes the same policy."""
        said = self.settings.model_dump(mode="json", exclude={"events"})
        for tier in said["tiers"]:
            if not tier[
                "benchmark"
            ]:  # policies were accepted before there were benchmarks: what says nothing new stays the same
                del tier["benchmark"]
        return {
            "number": self.number, "since": self.since, "cause": self.cause, "reference": dict(self.reference),
            "provisional": self.provisional, "settings": said,
            "scales": {index: scale.json for index, scale in self.scales.items()},
            "lows": [None if np.isinf(low) else float(low) for low in self.lows],
        }  # fmt: skip

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Policy:
        """The policy that :attr:`json` told."""
        return cls(
            said["number"], said["since"], said["cause"], said["reference"], said["provisional"],
            Grading.model_validate(said["settings"]), {index: Scale.of(one) for index, one in said["scales"].items()},
            np.array([np.inf if low is None else low for low in said["lows"]]),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Past:
    """How the period before was graded.

    Attributes:
        period: its name.
        grades: customer_id, tier, score, waiting, held (the tier that the buffer begins from); one row a customer.
        given: the same before events and appeals changed what is held; the very same frame where none did.
        policy: the policy that it was graded by.
        accepted: whether the grades were given, or only proposed by its run.
        facts: what events and appeals had told of single customers by then: customer_id, fact, told_on, value.
    """

    period: str
    grades: pd.DataFrame
    given: pd.DataFrame
    policy: Policy
    accepted: bool
    facts: pd.DataFrame


def past_of(
    scores: pd.DataFrame | NotMeasured | None,
    policy: Mapping[str, Any] | NotMeasured | None,
    given: pd.DataFrame | NotMeasured | None = None,
    policies: pd.DataFrame | NotMeasured | None = None,
    changes: Sequence[pd.DataFrame | NotMeasured] = (),
    told: pd.DataFrame | NotMeasured | None = None,
    *,
    periods: tuple[Period, Period],
) -> Past | None:
    """How the period before was graded: as accepted where it was, else as its run proposed; None where it was not graded.

    Args:
        scores, policy: artefacts of the period before.
        given: accepted grades: period, customer_id, tier, score, waiting, held.
        policies: accepted policies: number, since, content (the policy as text of JSON), accepted_for.
        changes: accepted events (customer_id, happened_on, held, facts) and appeals (customer_id, period, decided_on, held,
            facts): the tier that they gave since is the one held now, and the facts that they told go on.
        told: facts told before that counted in the period before (the artefact ``told_facts``).
        periods: the period before and this one.
    """
    before = periods[0].name
    proposed = isinstance(policy, Mapping) and isinstance(scores, pd.DataFrame) and "waiting" in scores
    chosen = policy_of(policies, periods[0]) or (Policy.of(policy) if proposed and isinstance(policy, Mapping) else None)
    if chosen is None:
        return None  # nothing was graded, or by a version of this package that had no policies
    since = _since(changes, periods)
    facts = told_at_last(told if isinstance(told, pd.DataFrame) else None, since)
    if isinstance(given, pd.DataFrame) and len(rows := given[given["period"] == before]):
        grades = _grades(rows)
        return Past(before, _changed(grades, since), grades, chosen, True, facts)
    if isinstance(scores, pd.DataFrame) and proposed and isinstance(policy, Mapping):
        grades = _grades(scores)
        return Past(before, _changed(grades, since), grades, Policy.of(policy), False, facts)
    return None


def policy_of(policies: pd.DataFrame | NotMeasured | None, period: Period) -> Policy | None:
    """The policy accepted for *period*, None where none was."""
    if not isinstance(policies, pd.DataFrame):
        return None
    ours = policies[[Period.parse(name).end <= period.end for name in policies["since"]]]
    return Policy.of(json.loads(ours.sort_values("number")["content"].iloc[-1])) if len(ours) else None


def _grades(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame.reindex(columns=["customer_id", "tier", "score", "waiting", "held"]).reset_index(drop=True)
    # grades given by a version of this package that did not keep what the rules found
    held = kept["held"].astype("object").where(kept["held"].notna(), kept["tier"])
    return kept.assign(waiting=kept["waiting"].fillna(0).astype("int64"), held=held)


def _since(changes: Sequence[pd.DataFrame | NotMeasured], periods: tuple[Period, Period]) -> pd.DataFrame:
    """What events and appeals up to this period's last day gave, in order: customer_id, happened_on, held, facts, delivered."""
    first, last = (period.end.isoformat() for period in periods)
    rows = []
    for one in (one for one in changes if isinstance(one, pd.DataFrame)):
        if "decided_on" in one:  # an appeal speaks of the period whose grade it is against, whenever it is decided
            rows.append(one[one["period"] == periods[0].name].rename(columns={"decided_on": "happened_on"}))
        else:
            rows.append(one[(one["happened_on"] > first) & (one["happened_on"] <= last)])
    wanted = ["customer_id", "happened_on", "held", "facts", "delivered"]
    since = pd.concat([one.reindex(columns=wanted) for one in rows]) if rows else pd.DataFrame(columns=wanted)
    return since[since["held"].notna()].sort_values("happened_on", kind="stable", ignore_index=True)


def _changed(grades: pd.DataFrame, since: pd.DataFrame) -> pd.DataFrame:
    """The grades with the tier that events and appeals gave since as the one held, nothing waiting."""
    if since.empty:
        return grades
    latest = since.drop_duplicates("customer_id", keep="last")
    held = grades["customer_id"].map(latest.set_index("customer_id")["held"])
    return grades.assign(
        held=held.where(held.notna(), grades["held"]), waiting=grades["waiting"].where(held.isna(), 0)
    )  # fmt: skip


def choose_scales(
    values: pd.DataFrame, settings: Grading, measured: Sequence[Index], *, period: Period, past: Policy | None, full: bool
) -> tuple[Policy, bool]:
    """The policy of this period but for its thresholds, and whether it is still the one before.

    Args:
        values: one column an index, one row a customer.
        measured: the indices that have a value for somebody.
        past: the policy of the period before.
        full: whether the data fill the window of the profile.
    """
    cause: Cause | None = "first"
    if past is not None:
        cause = None
        if settings.reference != past.settings.reference:
            cause = "reference"
        elif past.provisional:
            cause = "window"
    kept = {} if past is None or cause is not None else _unchanged(past, settings)
    scales = {i.id: kept[i.id] if i.id in kept else freeze(values[i.id].to_numpy(), i) for i in measured}
    scales |= {index: scale for index, scale in kept.items() if index not in scales}
    since = {index: past.reference[index] if past and index in kept else period.name for index in scales}
    if past is not None and cause is None:
        if set(scales) == set(kept) and _recipe(settings) == _recipe(past.settings):
            return past, True
        cause = "settings"
    number = 1 if past is None else past.number + 1
    provisional = past.provisional if past is not None and cause == "settings" else not full
    return Policy(number, period.name, cause or "first", since, provisional, settings, scales, np.array([])), False


def _unchanged(past: Policy, settings: Grading) -> dict[str, Scale]:
    """The scales of the indices that are still made in the same way."""
    before = {index.id: _index_recipe(index) for index in past.settings.indices}
    same = [index.id for index in settings.indices if before.get(index.id) == _index_recipe(index)]
    return {index: past.scales[index] for index in same if index in past.scales}


def _index_recipe(index: Index) -> Any:
    return index.model_dump(include={"source", "direction", "normalise", "target"})


def _recipe(settings: Grading) -> Any:
    """What of the settings decides grades."""
    said = settings.model_dump(exclude=_NAMES)
    for part in ("groups", "indices", "tiers"):
        said[part] = [{key: value for key, value in item.items() if key not in ("name", "unit")} for item in said[part]]
    return said
