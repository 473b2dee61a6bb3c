"""Normalisations tried before they are chosen: each row is what the settings, so changed, would give."""

from __future__ import annotations

import numpy as np
import pytest

from workbook.grading.normalising import ALL, CHOICES, PRESENT, normalise_otherwise
from workbook.grading.score import grade
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Buffer, Grading

EN, ZH = Edition("en"), Edition("zh")
WHEN = {"period": Period.parse("2025Q4")}


def changed(settings, kind, index=ALL):
    """The settings with another normalisation for one index or for all."""
    indices = [
        one.model_copy(update={"normalise": kind}) if index in (ALL, one.id) else one
        for one in settings.indices
    ]  # fmt: skip
    return settings.model_copy(update={"indices": indices})


def test_every_row_is_what_the_changed_settings_would_give(make_profile):
    profile = make_profile(600)
    settings = Grading(buffer=Buffer(points=0))
    settings = settings.model_copy(update={"indices": [i.model_copy(update={"target": 40.0}) for i in settings.indices]})
    grades = grade(profile, settings, **WHEN)
    frame = normalise_otherwise(grades).frame.set_index(["index", "normalise"])
    ids = [index.id for index in settings.indices]
    assert set(frame.index) == {(ALL, PRESENT), *((ALL, kind) for kind in CHOICES)} | {
        (index.id, kind) for index in settings.indices for kind in CHOICES if kind != index.normalise
    }
    for index in (ALL, *ids):
        for kind in ("minmax", "log", "target"):
            other = grade(profile, changed(settings, kind, index), **WHEN)
            told = frame.loc[index, kind]
            for row in other.tiers.itertuples():
                assert told[row.tier] == pytest.approx(row.customer_share)
            assert told["moved"] == pytest.approx(np.mean(other.frame["tier"] != grades.frame["tier"]))


def test_min_max_of_money_pushes_customers_down_and_is_told_so(make_profile):
    found = normalise_otherwise(grade(make_profile(2000), Grading(), **WHEN))
    rows = found.together().frame.set_index("normalise")
    assert rows.loc["minmax", "ordinary"] > 0.9 > rows.loc["percentile", "ordinary"]
    assert rows.loc[PRESENT, "moved"] == rows.loc["percentile", "moved"] == 0
    most = found.alone().frame.loc[lambda frame: frame["moved"].idxmax()]
    assert 0 < most["moved"] <= rows["moved"].max()  # one index alone moves no more than all
    title = found.alone().title.render(EN)
    assert f"{100 * most['moved']:.0f}%" in title and found.indices[most["index"]].render(EN) in title


def test_a_target_that_nobody_set_is_said_and_one_that_cannot_be_is_left_out(make_profile):
    profile = make_profile(300).assign(recency_days=0.0)
    found = normalise_otherwise(grade(profile, Grading(), **WHEN))
    cost = next(index.id for index in Grading().indices if index.direction == "cost")
    assert (cost, "target") not in set(zip(found.frame["index"], found.frame["normalise"], strict=True))
    assert "what the best 20% of customers reach" in found.alone().note.render(EN)
    assert "最优 20% 客户" in found.together().note.render(ZH)
    for block in found.blocks():
        block.bundle((EN, ZH))
