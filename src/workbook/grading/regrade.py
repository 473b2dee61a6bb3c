"""Customers graded anew between two periods: an event, or an appeal, changed what is known of them; rows T8 and T9.

The one question behind both: what do these facts give under the policy in force? Scales, weights, thresholds and rules stay as
they were frozen; only the facts of the customers named change. What changed them takes effect at once, in its own direction:
who scores more may rise and never falls, who scores less may fall and never rises, whatever the buffer was holding back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbook.errors import SettingsError, WorkbookError
from workbook.grading.clusters import place_in_clusters
from workbook.grading.composite import total_score, weigh_groups
from workbook.grading.facts import told_values, with_facts
from workbook.grading.indices import fill_missing, index_values
from workbook.grading.policy import Policy
from workbook.grading.rules import apply_rules
from workbook.grading.scale import Values
from workbook.grading.tiers import Places, places_of
from workbook.settings.models import EventKind, Index

SAME = 1e-6
"""Points within which a score computed for a customer alone must be the one published."""


def fact_names(profile: pd.DataFrame, policy: Policy) -> tuple[str, ...]:
    """What of a customer may change: the indices by id, and the numeric columns of the profile."""
    numeric = [str(name) for name in profile.columns if pd.api.types.is_numeric_dtype(profile[name])]
    return tuple(dict.fromkeys([*(index.id for index in policy.settings.indices), *numeric]))


def regrade(
    people: pd.DataFrame,
    standing: pd.DataFrame,
    policy: Policy,
    facts: pd.DataFrame,
    *,
    measured: Sequence[str],
    on: dt.date,
    earlier: pd.DataFrame | None = None,
    kinds: Sequence[EventKind | None] | None = None,
    centres: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """The grades that changed facts give, each customer by himself, at once.

    Args:
        people: the profile of these customers as the policy graded it, one row each.
        standing: beside them, how they stand: score, tier, held (the tier before the rules).
        policy: what they were graded by; all of it stays.
        facts: beside them, one column a fact (see :func:`fact_names`) with its new value, NaN where it stays.
        measured: the indices that the period measured.
        on: the day of it: rules and overrides that had ended by then do not count.
        earlier: beside them, the facts that earlier events and appeals had changed already.
        centres: of the natural groups, for rules that name ``cluster``.
        kinds: beside them, what an event does besides its facts: at least, at most, or steps from the tier by facts.

    Returns:
        customer_id, ``index_<id>``, score_before, score, tier_before, tier, tier_by_score, held, rule, cause (``facts``,
        ``event``, ``rule``, or ``none`` where the tier stays); in the order of *people*.

    Raises:
        WorkbookError: where a score cannot be told from the customer alone, since an index compares customers.
    """
    people, standing = people.reset_index(drop=True), standing.reset_index(drop=True)
    earlier = pd.DataFrame(index=people.index) if earlier is None else earlier.reset_index(drop=True)
    now = together(facts, earlier)
    _, before = _scored(people, policy, earlier, measured)
    if (strange := np.abs(before - standing["score"].to_numpy(dtype=float)) > SAME).any():
        row = int(np.argmax(strange))
        raise WorkbookError(
            f"customer {people['customer_id'].iloc[row]!r}: found the score {before[row]:.4f} for the customer alone, expected "
            f"{standing['score'].iloc[row]:.4f} as it was given; an index that compares customers cannot be graded for a few: "
            "change its source, or wait for the next run"
        )
    points, score = _scored(people, policy, now, measured)
    ids = np.array([tier.id for tier in policy.settings.tiers], dtype=object)
    place = {str(tier): k for k, tier in enumerate(ids)}
    start = standing["held"].map(place).to_numpy(dtype=np.int64)
    by_score = places_of(score, policy.lows)
    rise = np.sign(np.round(score - before, 9))
    by_facts = np.where(rise > 0, np.minimum(start, by_score), np.where(rise < 0, np.maximum(start, by_score), start))
    held = _with_effects(by_facts, kinds or [None] * len(people), place)
    changed = with_facts(people, policy.settings.indices, now)
    client_tier = changed["tier"] if "tier" in changed else pd.Series(pd.NA, index=changed.index, dtype="str")
    cluster = place_in_clusters(points.add_prefix("index_"), centres)
    meant = changed.assign(client_tier=client_tier, score=score, tier=ids[held], cluster=cluster)
    ruled = apply_rules(meant, policy.settings, on)
    cause = np.where(ruled.by != "", "rule", np.where(held != by_facts, "event", "facts")).astype(object)
    cause[ruled.tiers == standing["tier"].to_numpy()] = "none"
    return pd.DataFrame({
        "customer_id": people["customer_id"], **{f"index_{id}": points[id] for id in points},
        "score_before": standing["score"], "score": score, "tier_before": standing["tier"], "tier": ruled.tiers,
        "tier_by_score": ids[by_score], "held": ids[held], "rule": ruled.by, "cause": cause,
    })  # fmt: skip


def together(facts: pd.DataFrame, earlier: pd.DataFrame) -> pd.DataFrame:
    """Earlier facts with the new ones over them."""
    facts = facts.reset_index(drop=True)
    names = list(dict.fromkeys([*earlier.columns, *facts.columns]))
    both = {name: [frame[name].astype(float) for frame in (facts, earlier) if name in frame] for name in names}
    return pd.DataFrame({name: found[0].combine_first(found[-1]) for name, found in both.items()}, index=facts.index)


def _scored(people: pd.DataFrame, policy: Policy, facts: pd.DataFrame, measured: Sequence[str]) -> tuple[pd.DataFrame, Values]:
    """Points of each index and the score, under these facts."""
    indices = policy.settings.indices
    values = told_values(people, indices, facts)
    points = pd.DataFrame(np.nan, index=values.index, columns=values.columns)
    for index in (index for index in indices if index.id in measured):
        scale = policy.scales[index.id]
        points[index.id] = fill_missing(scale.score(values[index.id].to_numpy(dtype=float)), index, scale.median)
    weights = weigh_groups(policy.settings, [index for index in indices if index.id in measured])
    return points, np.nan_to_num(total_score(points, indices, weights))


def _with_effects(places: Places, kinds: Sequence[EventKind | None], place: Mapping[str, int]) -> Places:
    lowest = len(place) - 1
    floor = np.array([place[k.at_least] if k and k.at_least else lowest for k in kinds], dtype=np.int64)
    cap = np.array([place[k.at_most] if k and k.at_most else 0 for k in kinds], dtype=np.int64)
    steps = np.array([(k.steps or 0) if k else 0 for k in kinds], dtype=np.int64)
    return np.asarray(np.clip(np.maximum(np.minimum(places, floor), cap) - steps, 0, lowest), dtype=np.int64)


def facts_of_event(people: pd.DataFrame, given: pd.DataFrame, kind: EventKind) -> pd.DataFrame:
    """What an event of one kind changes: what its kind computes, and over it what was said of the customer outright.

    Args:
        people: the profile of the customers whom it happened to.
        given: beside them, one column a word that was given (``amount``, a fact), NaN where nothing was.

    Raises:
        SettingsError: where an expression of the kind cannot be computed.
    """
    people, given = people.reset_index(drop=True), given.reset_index(drop=True)
    if not kind.facts:
        return given
    # what was said goes before what stands in the profile
    names = [str(name) for name in given]
    said = {name: given[name].fillna(pd.to_numeric(people[name])) if name in people else given[name] for name in names}
    table = people.assign(**said)
    asked = [Index(id=f"f{k}", name="x", source=source, group="x") for k, source in enumerate(kind.facts.values())]
    try:
        made = index_values(table, asked).set_axis(list(kind.facts), axis=1)
    except SettingsError as fault:
        told = [words.replace(f"indices.f{k}.source", f"events.{kind.id}.facts.{name}") for k, name in enumerate(kind.facts)
                for words in fault.problems if f"indices.f{k}.source" in words]  # fmt: skip
        raise SettingsError(told) from None
    return given.combine_first(made) if len(given.columns) else made
