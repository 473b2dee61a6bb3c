"""The planted tier of each customer: what the engagement's own grade policy gives to the profile free of noise.

Reckoned here by hand from the policy that is written into ``params/<name>/engagement.yaml``, so that it owes nothing to the
grading that is to find it again: percentiles as mid-ranks, weights as geometric row means (which for three groups are the AHP
weights), thresholds on the unrounded score. Source: rows C3 and T1–T4 of method.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from workbook.synthetic.engagement import engagement_yaml
from workbook.synthetic.expected import expected_profile
from workbook.synthetic.world import Floats, World


def planted_tiers(world: World, end: int) -> pd.Series[str]:
    """The tier at day *end* of each customer known by then, under the position in ``world.customers``."""
    policy = YAML(typ="safe").load(engagement_yaml("any", world.plan))["grading"]
    profile = expected_profile(world, end)
    score = _score(profile, policy)
    tiers = np.full(len(score), policy["tiers"][-1]["id"], dtype="<U16")
    for tier in reversed(policy["tiers"]):
        tiers[score >= tier["at_least"]] = tier["id"]
    return pd.Series(tiers, index=profile.index)


def _score(profile: pd.DataFrame, policy: Mapping[str, Any]) -> Floats:
    groups = [group["id"] for group in policy["groups"]]
    total, weight = np.zeros(len(profile)), np.zeros(len(profile))
    for group, share in zip(groups, _weights(groups, policy["comparisons"]), strict=True):
        mine = [index for index in policy["indices"] if index["group"] == group]
        scores = np.array([_points(pd.Series(profile.eval(index["source"])), index) for index in mine])
        inside = ~np.isnan(scores) * np.array([[index["weight"]] for index in mine], dtype=float)
        there = inside.sum(axis=0)
        with np.errstate(invalid="ignore"):
            total += np.where(there > 0, share * np.nansum(scores * inside, axis=0) / there, 0.0)
        weight += share * (there > 0)
    return total / weight


def _points(values: pd.Series, index: Mapping[str, Any]) -> Floats:
    ranks = (values.rank(method="average").to_numpy(float) - 0.5) / values.notna().sum()
    points: Floats = 100 * (1 - ranks if index.get("direction") == "cost" else ranks)
    missing = {"worst": 0.0, "neutral": 50.0, "exclude": np.nan}[index.get("missing", "neutral")]
    return np.where(np.isnan(points), missing, points)


def _weights(groups: Sequence[str], comparisons: Sequence[Mapping[str, Any]]) -> Floats:
    logs = np.zeros((len(groups), len(groups)))
    for said in comparisons:
        for pair, times in said["pairs"].items():
            a, b = (groups.index(name) for name in pair.split("/"))
            logs[a, b] += np.log(float(Fraction(str(times)))) / len(comparisons)
    rows = np.exp((logs - logs.T).mean(axis=1))
    weights: Floats = rows / rows.sum()
    return weights
