"""How far weights can move: the ranges hold when the whole grading is done again with another weight, and no further."""

from __future__ import annotations

import numpy as np

from workbook.grading.score import grade
from workbook.grading.sensitivity import LEAVING, weigh_otherwise
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Grading

Q4 = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


def moved(profile, settings, group, weight):
    """The share of customers in another tier, by grading all anew with that weight of a group."""
    before = grade(profile, settings, period=Q4)
    present = before.group_weights
    others = 1 - present[group]
    groups = [
        g.model_copy(update={"weight": weight if g.id == group else (1 - weight) * present[g.id] / others})
        for g in settings.groups
    ]  # fmt: skip
    after = grade(profile, settings.model_copy(update={"groups": groups}), period=Q4)
    return float((after.frame["tier_by_score"] != before.frame["tier_by_score"]).mean())


def test_the_ranges_are_those_of_grading_anew(make_profile):
    profile = make_profile(400)
    found = weigh_otherwise(grade(profile, Grading(), period=Q4))
    for row in found.frame.to_dict("records"):
        low, high = row["all_low"], row["all_high"]
        assert low <= row["weight"] <= high
        for weight, step in ((low, -0.01), (high, 0.01)):
            assert moved(profile, Grading(), row["group"], max(weight, 1e-9)) <= LEAVING + 1e-9
            if 0 < weight + step < 1:
                assert moved(profile, Grading(), row["group"], weight + step) > LEAVING


def test_missing_groups_give_their_weight_to_the_others_as_in_the_score(make_profile):
    profile = make_profile(600)
    profile.loc[:250, "credit"] = np.nan
    base = Grading()
    credit = base.indices[-1].model_copy(update={"source": "credit", "direction": "benefit", "missing": "exclude"})
    settings = base.model_copy(update={"indices": [*base.indices[:-1], credit]})
    found = weigh_otherwise(grade(profile, settings, period=Q4)).frame.set_index("group")
    assert moved(profile, settings, "risk", found.loc["risk", "all_high"]) <= LEAVING + 1e-9


def test_where_no_weight_moves_anybody_no_room_is_claimed(make_profile):
    profile = make_profile(100).assign(
        orders=3, revenue=100.0, recency_days=5.0, categories=2, revenue_period=1.0, revenue_previous=1.0
    )
    told = weigh_otherwise(grade(profile, Grading(), period=Q4)).table().title.render(EDITIONS[0])
    assert told == "No weight of one group moves over 5% of customers to another tier"


def test_it_is_told_in_both_languages_and_one_group_has_nothing_to_move(make_profile):
    profile = make_profile(600)
    told = weigh_otherwise(grade(profile, Grading(), period=Q4))
    for block in told.blocks():
        block.bundle(EDITIONS)
    assert "Tiers hold while the weight of" in told.table().title.render(EDITIONS[0])
    base = Grading()
    indices = [index for index in base.indices if index.group == "financial"]
    one = base.model_copy(update={"groups": base.groups[:1], "indices": indices})
    assert isinstance(weigh_otherwise(grade(profile, one, period=Q4)), NotMeasured)
