"""The weighted score: weights of groups and indices, and a mean that leaves out what a customer lacks; rows T1 and T2."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workbook.errors import SettingsError
from workbook.grading.ahp import Weights, weigh
from workbook.grading.scale import Scale, Values
from workbook.language import named
from workbook.settings.models import Grading, Index


def check_grading(settings: Grading) -> None:
    """Raises SettingsError where the settings of the grading contradict themselves, every fault at once."""
    problems: list[str] = []
    groups = [group.id for group in settings.groups]
    used = {index.group for index in settings.indices}
    for index in settings.indices:
        if index.group not in groups:
            problems.append(f"grading.indices.{index.id}.group: found {index.group!r}, expected one of {', '.join(groups)}")
    problems += [
        f"grading.groups.{group}: no index belongs to it; add an index or take the group out"
        for group in groups
        if group not in used
    ]
    for group in groups:
        given = [index.weight is None for index in settings.indices if index.group == group]
        compared = any(comparison.among == group for comparison in settings.comparisons)
        if not compared and any(given) and not all(given):
            problems.append(f"grading.groups.{group}: some of its indices have a weight and some none; give all or none")
    for what, ids in (("indices", [index.id for index in settings.indices]), ("groups", groups)):
        problems += [f"grading.{what}: {id!r} stands there twice" for id in sorted({i for i in ids if ids.count(i) > 1})]
    lows = [tier.at_least for tier in settings.tiers]
    if settings.cut != "benchmark" and (
        not lows or lows[-1] != 0 or any(high <= low for high, low in itertools.pairwise(lows))
    ):
        problems.append(
            f"grading.tiers: found at_least {lows}, expected falling thresholds from the highest tier down to 0 for the lowest"
        )
    compared = any(not comparison.among for comparison in settings.comparisons)
    if not compared and len({group.weight is None for group in settings.groups}) > 1:
        problems.append("grading.groups: some groups have a weight and some none; give all or none")
    if problems:
        raise SettingsError(problems)


def compare(settings: Grading) -> dict[str, Weights]:
    """What the experts compared: the weights of the groups under ``""``, those of a group's indices under its id.

    Raises:
        SettingsError: for comparisons that cannot be read, do not connect, or contradict each other beyond the limit.
    """
    sets = dict.fromkeys(comparison.among or "" for comparison in settings.comparisons)
    found = {}
    for among in sorted(sets, key=lambda among: (among != "", among)):
        inside = {index.id: named(index.name) for index in settings.indices if index.group == among}
        names = inside if among else {group.id: named(group.name) for group in settings.groups}
        chosen = [comparison for comparison in settings.comparisons if (comparison.among or "") == among]
        found[among] = weigh(chosen, list(names), limit=settings.consistency_limit, names=names, among=among)
    return found


def with_compared(settings: Grading, compared: Mapping[str, Weights]) -> Grading:
    """The settings with the weights that the comparisons give in the place of those that stood there."""
    groups = compared[""].by_item if "" in compared else {}
    inside = {item: weight for among, weights in compared.items() if among for item, weight in weights.by_item.items()}
    return settings.model_copy(
        update={
            "groups": [g.model_copy(update={"weight": groups.get(g.id, g.weight)}) for g in settings.groups],
            "indices": [i.model_copy(update={"weight": inside.get(i.id, i.weight)}) for i in settings.indices],
        }
    )


def weigh_groups(settings: Grading, measured: Sequence[Index]) -> dict[str, float]:
    """Weights of the groups in which at least one index is measured, summing to 1."""
    given = {group.id: 1.0 if group.weight is None else group.weight for group in settings.groups}
    present = {index.group for index in measured}
    kept = {group: weight for group, weight in given.items() if group in present}
    return {group: weight / sum(kept.values()) for group, weight in kept.items()}


def _inside(index: Index) -> float:
    return 1.0 if index.weight is None else index.weight


def weigh_indices(measured: Sequence[Index], group_weights: Mapping[str, float]) -> dict[str, float]:
    """Weight of each measured index in the whole score; they sum to 1."""
    inside = {g: sum(_inside(index) for index in measured if index.group == g) for g in group_weights}
    return {index.id: group_weights[index.group] * _inside(index) / inside[index.group] for index in measured}


def index_shares(scores: pd.DataFrame, indices: Sequence[Index], group_weights: Mapping[str, float]) -> pd.DataFrame:
    """The weight of each index in the score of each customer, customers × indices; with the indices' scores they make it up.

    What a customer lacks (NaN) weighs nothing, and the others of its group, or the other groups, take its weight.
    """
    weights = {index.id: ~np.isnan(scores[index.id].to_numpy(dtype=float)) * _inside(index) for index in indices}
    inside = {index.group: np.zeros(len(scores)) for index in indices}
    for index in indices:
        inside[index.group] += weights[index.id]
    whole = np.zeros(len(scores))
    for group, weight in group_weights.items():  # added one by one: a product of matrices rounds as memory happens to lie
        whole += (inside[group] > 0) * weight
    whole = np.where(whole > 0, whole, 1.0)
    of_group = {g: group_weights.get(g, 0.0) / np.where(sums > 0, sums, 1.0) / whole for g, sums in inside.items()}
    return pd.DataFrame({i.id: weights[i.id] * of_group[i.group] for i in indices}, index=scores.index)


def benchmark_thresholds(settings: Grading, scales: Mapping[str, Scale], group_weights: Mapping[str, float]) -> Values:
    """The lowest score of each tier where ``cut`` is ``benchmark``: that of the industry's customer who just reaches it.

    An index for which no benchmark value is given counts as the middle customer's of the reference population.

    Raises:
        SettingsError: where the benchmarks do not fall from the highest tier down, or score nothing.
    """
    tiers = settings.tiers[:-1]
    points = {}
    for index in settings.indices:
        given = np.array([tier.benchmark.get(index.id, np.nan) for tier in tiers], dtype=float)
        scale = scales.get(index.id)
        scored = np.full(len(tiers), np.nan) if scale is None else scale.score(given)
        points[index.id] = scored if scale is None else np.where(np.isnan(scored), scale.median, scored)
    lows = np.append(total_score(pd.DataFrame(points), settings.indices, group_weights), 0.0)
    if wrong := [i for i in range(len(tiers)) if not lows[i] > lows[i + 1]]:
        tier, below = tiers[wrong[0]], settings.tiers[wrong[0] + 1]
        raise SettingsError([
            f"grading.tiers.{tier.id}.benchmark: found values that score {lows[wrong[0]]:.2f}, expected more than "
            f"{lows[wrong[0] + 1]:.2f}, the score of {below.id}; correct the benchmarks"
        ])  # fmt: skip
    return lows


def total_score(scores: pd.DataFrame, indices: Sequence[Index], group_weights: Mapping[str, float]) -> Values:
    """The weighted mean of the groups' weighted means. What a customer lacks is left out: first inside its group, so that
    the group keeps its weight, and where the whole group is missing the other groups share it. NaN where nothing is left."""
    total, weight = np.zeros(len(scores)), np.zeros(len(scores))
    for group, group_weight in group_weights.items():
        part, inside = np.zeros(len(scores)), np.zeros(len(scores))
        for index in indices:
            if index.group == group:
                one = scores[index.id].to_numpy()
                there = ~np.isnan(one)
                part += np.where(there, one, 0.0) * _inside(index)
                inside += there * _inside(index)
        there = inside > 0
        total += np.where(there, part / np.where(there, inside, 1.0), 0.0) * group_weight
        weight += there * group_weight
    mean = np.divide(total, weight, out=np.full(len(scores), np.nan), where=weight > 0)
    return np.asarray(np.clip(mean, 0.0, 100.0))
