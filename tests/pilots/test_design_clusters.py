"""Whole clusters drawn for the next pilot: each stands in one arm with all its customers, the draw can be repeated, and balance
and power count clusters."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import settings

from workbook.language import Edition
from workbook.pilots.design import draw_assignment
from workbook.pilots.design_clusters import SIZE
from workbook.pilots.power import detectable_t
from workbook.report.blocks import NotMeasured

EN, ZH = Edition("en"), Edition("zh")
REGIONS, EACH = 24, 30


def people(regions=REGIONS, seed=1):
    rng = np.random.default_rng(seed)
    region = np.repeat(np.arange(regions), EACH)
    level = rng.normal(300, 80, regions)[region]
    revenue = np.maximum(level + rng.normal(0, 50, len(region)), 0)
    return pd.DataFrame(
        {
            "customer_id": [f"c{k:05d}" for k in range(len(region))],
            "region": [f"R{k:02d}" for k in region],
            "tier": "gold",
            "revenue": revenue * 4,
            "revenue_period": revenue,
            "orders_period": 1 + rng.poisson(2, len(region)),
            "recency_days": rng.integers(1, 90, len(region)).astype(float),
        }
    )


def drawn(profile=None, **changes):
    profile = people() if profile is None else profile
    plan = settings(next_pilot={"cluster": "region", "arms": {"control": 0.5, "treatment": 0.5}} | changes, seed=11)
    return draw_assignment(profile, None, plan, allowed=list(profile["customer_id"]))


def test_every_cluster_stands_whole_in_one_arm_and_the_arms_share_them():
    draw = drawn()
    assert len(draw.frame) == REGIONS * EACH and list(draw.frame.columns)[-1] == "cluster"
    arms_of = draw.frame.groupby("cluster")["arm"].nunique()
    assert (arms_of == 1).all()
    assert draw.drawn_clusters["arm"].value_counts().tolist() == [12, 12] and (draw.drawn_clusters[SIZE] == EACH).all()


def test_the_draw_is_that_of_the_seed_and_not_of_the_order_of_rows():
    shuffled = people().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(drawn().frame, drawn(shuffled).frame)


def test_drawn_again_for_balance_the_means_of_clusters_are_closer():
    plain, redrawn = (drawn(balance=b).balance().set_index("covariate")["smd"].abs() for b in (None, 0.05))
    assert redrawn["revenue"] < max(plain["revenue"], 0.25) and redrawn.max() < 0.8
    assert drawn(balance=0.05).draw > 1


def test_power_and_balance_count_clusters_and_not_customers():
    draw = drawn()
    row = draw.power().iloc[0]
    means = draw.people.groupby("cluster")["revenue_period"].mean()
    error = means.std() * np.sqrt(1 / 12 + 1 / 12)
    assert (row["n_control"], row["n_arm"]) == (12, 12)
    assert row["detectable"] == pytest.approx(detectable_t(error, 22, 0.95, 0.8))
    assert draw.balance()["chance"].iloc[0] == pytest.approx(1.96 * np.sqrt(2 / 12))


def test_few_clusters_that_differ_within_chance_are_not_called_even():
    for seed in range(6):
        draw = drawn(people(10, seed))
        far = draw.balance()["smd"].abs()
        title = draw.balance_table().title.render(EN)
        if (far < draw.balance()["chance"]).all():
            assert ("as chance alone may" in title) == (far.max() >= 0.25) and len(title.split()) <= 15


def test_the_largest_size_keeps_whole_clusters_and_too_few_are_refused():
    draw = drawn(largest=400)
    assert len(draw.frame) == 13 * EACH and draw.beyond == 11 * EACH
    assert (draw.frame.groupby("cluster").size() == EACH).all()
    few = drawn(people(7))
    assert isinstance(few.table(), NotMeasured) and "Fewer than 8 clusters" in few.table().why.render(EN)
    assert list(few.frame.columns) == ["pilot", "customer_id", "stratum", "arm", "cluster"]


def test_customers_without_a_cluster_take_no_part():
    profile = people()
    profile.loc[::10, "region"] = None
    draw = drawn(profile)
    assert len(draw.frame) == int(profile["region"].notna().sum()) and draw.beyond == int(profile["region"].isna().sum())


def test_the_tables_read_in_both_languages_and_the_file_names_the_cluster():
    draw = drawn()
    blocks = draw.blocks()
    for edition in (EN, ZH):
        for block in blocks[:3]:
            assert block.bundle((edition,))["languages"][edition.language]["title"]
    assert "24 clusters drawn into 2 arms" in blocks[0].title.render(EN)
    assert draw.sheet().table.columns[-1].name == "cluster"
