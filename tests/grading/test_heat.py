"""Heat maps: means and shares as a loop counts them, a region named only where it stands out among so many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from pytest import approx

from workbook.grading.heat import MOST_REGIONS, map_tiers
from workbook.grading.score import grade
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Table
from workbook.settings.models import Grading

Q4 = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


def mapped(profile):
    grades = grade(profile, Grading(), period=Q4)
    return grades, map_tiers(grades, profile)


def test_means_and_shares_are_those_counted_one_by_one(make_profile, check_picture):
    rng = np.random.default_rng(5)
    profile = make_profile(400).assign(region=rng.choice(["North", "South", None], 400, p=[0.6, 0.3, 0.1]))
    grades, heat = mapped(profile)
    frame = grades.frame.merge(profile[["customer_id", "region"]], on="customer_id")
    for row in heat.indices.to_dict("records"):
        ours = frame[frame["tier"] == row["tier"]]
        assert [row["revenue"], row["recency"]] == approx([ours["index_revenue"].mean(), ours["index_recency"].mean()])
    assert heat.regions["region"].iloc[:2].tolist() == ["North", "South"] and heat.regions["customers"].sum() == 400
    north = frame[frame["region"] == "North"]
    first = heat.regions.iloc[0]
    assert first["customers"] == len(north) and first["gold"] == approx((north["tier"] == "gold").mean())
    assert first["low"] < first["high"] < first["top"] and first["high"] == approx(north["tier"].isin(grades.high).mean())
    check_picture(heat.figure())
    check_picture(heat.region_figure())
    for block in heat.blocks():
        block.bundle(EDITIONS)


def test_a_region_is_named_where_it_stands_out_and_seldom_by_chance(make_profile):
    """Twelve regions drawn without any difference, 60 times: one is named in about a twentieth."""
    profile = make_profile(1500)
    grades = grade(profile, Grading(), period=Q4)
    rng = np.random.default_rng(8)
    named = 0
    for _ in range(60):
        heat = map_tiers(grades, profile.assign(region=rng.choice(list("abcdefghijkl"), 1500)))
        named += "No region" not in heat.table().title.render(EDITIONS[0])
    assert named <= 8
    rich = profile.assign(region=np.where(grades.frame["score"] > 75, "Harbour", rng.choice(list("abc"), 1500)))
    told = map_tiers(grades, rich).table()
    assert isinstance(told, Table) and told.title.render(EDITIONS[0]).startswith("Harbour: ")


def test_many_regions_are_put_together_and_none_is_said(make_profile):
    profile = make_profile(400)
    regions = [f"r{k % 30:02d}" for k in range(400)]
    _, heat = mapped(profile.assign(region=regions))
    assert len(heat.regions) == MOST_REGIONS and heat.regions["customers"].sum() == 400
    assert "Others" in str(heat.table().bundle(EDITIONS))
    _, nowhere = mapped(profile)
    assert isinstance(nowhere.table(), NotMeasured) and isinstance(nowhere.region_figure(), NotMeasured)
    assert isinstance(map_tiers(NotMeasured("x", heat.table().title, ()), pd.DataFrame()), NotMeasured)


def test_hostile_names_of_regions_stay_text(make_profile):
    profile = make_profile(400).assign(region=["<script>{x}", "=1+1"] * 200)
    _, heat = mapped(profile)
    assert "<script>{x" not in heat.region_figure().bundle(EDITIONS)["languages"]["en"]["svg"]
    assert "<script>{x}" in {row[0] for row in heat.table().bundle(EDITIONS)["languages"]["en"]["cells"]}


def test_tiers_of_few_customers_in_a_region_are_blank_in_the_picture_as_in_the_table(make_profile):
    _, heat = mapped(make_profile(400).assign(region=["North", "South"] * 200))
    one = 1 / 200  # one customer of the first region
    frame = heat.regions.assign(diamond=[one, 0.2], gold=0.2, silver=0.3, ordinary=[0.5 - one, 0.3], high=[0.2 + one, 0.4])
    shown = replace(heat, regions=frame).region_figure()
    edition = Edition("en", least=5)
    words = [word.get_text() for word in shown.draw(edition).axes[0].texts]
    assert "0%" not in words and "<1%" not in words and len(words) < 8
    everything = Edition("en", least=1000)
    assert not shown.draw(everything).axes[0].texts
    assert shown.table.bundle([edition])["languages"]["en"]["cells"][0][2] == "hidden"
