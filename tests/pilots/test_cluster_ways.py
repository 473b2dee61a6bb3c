"""A pilot of shops is estimated in every way that one of customers is, each shop counting once."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.pilots.estimates import _post_stratified, other_estimates
from workbook.pilots.samples import FrameSample

SHOPS, SIZE = 24, 40


def frame(seed=0, gain=0.0, spread=3.0):
    """Shops of two regions, twelve in either arm; customers of two tiers in every shop; half of the treated were reached."""
    rng = np.random.default_rng(seed)
    shop = np.repeat(np.arange(SHOPS), SIZE)
    arm = np.where(np.arange(SHOPS) % 2 == 0, "control", "treatment")
    north = np.arange(SHOPS) < SHOPS // 2
    level = rng.normal(0, 1, SHOPS) + spread * north
    value = 20 + level[shop] + rng.lognormal(1, 1, len(shop)) + gain * (arm == "treatment")[shop]
    exposed = np.where((arm == "treatment")[shop] & (rng.random(len(shop)) < 0.5), "2025-10-05", None)
    return pd.DataFrame({
        "unit_id": [f"c{k:05d}" for k in range(len(shop))], "arm": arm[shop], "cluster": [f"s{k:02d}" for k in shop],
        "region": np.where(north, "north", "south")[shop], "tier": rng.choice(["gold", "other"], len(shop)),
        "exposed_at": pd.to_datetime(exposed), "assigned_at": pd.Timestamp("2025-10-01"), "value": value,
    })  # fmt: skip


def ways(rows, stratum):
    metric = settings(pilot(unit="cluster", metrics=[spend(cap=0.95)])).pilots[0].metrics[0]
    sample = FrameSample(rows.assign(stratum=rows[stratum], undefined=False, odd=False))
    found = other_estimates(sample, metric, "control", "treatment", 0.95, seed=1, clustered=True)
    return {one.way: one for one in found}


def means(rows, arm):
    return rows[rows["arm"] == arm].groupby("cluster")["value"].mean()


def test_each_way_is_welch_of_the_shops_values():
    rows = frame()
    found = ways(rows, "region")
    cap = np.quantile(rows["value"], 0.95)
    kept = rows[(rows["arm"] == "control") | rows["exposed_at"].notna()]
    for way, data in (("plain", rows), ("capped", rows.assign(value=rows["value"].clip(upper=cap))), ("as_treated", kept)):
        wanted = stats.ttest_ind(means(data, "treatment"), means(data, "control"), equal_var=False)
        low, high = wanted.confidence_interval(0.95)
        one = found[way].found
        assert (one.low, one.high, one.p) == pytest.approx((low, high, wanted.pvalue)), way
        assert (one.n_control, one.n_treated) == (12, 12)
    assert found["capped"].gain > 0 and found["as_treated"].gain is None


def test_shops_of_regions_are_compared_within_them_and_covered_though_few():
    found = ways(frame(), "region")
    assert found["post_stratified"].gain > 0.4 and found["post_stratified"].found.freedom < 22
    covered = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        values = rng.normal(0, 1, 16) + 3 * (np.arange(16) < 8)
        rows = pd.DataFrame({
            "unit_id": range(16), "cluster": [f"s{k}" for k in range(16)],
            "arm": np.where(np.arange(16) % 2 == 0, "control", "treatment"),
            "region": np.where(np.arange(16) < 8, "north", "south"), "value": values, "exposed_at": pd.NaT,
        })  # fmt: skip
        sample = FrameSample(rows.rename(columns={"region": "stratum"}))
        one = _post_stratified(sample, "control", "treatment", 0.95, few=True)
        covered.append(one.low <= 0 <= one.high)
    # by a normal interval four shops a cell would be covered in 92 %
    assert np.mean(covered) == pytest.approx(0.95, abs=0.025)


def test_tiers_that_share_a_shop_are_no_strata_of_shops():
    assert "post_stratified" not in ways(frame(), "tier") and "post_stratified" in ways(frame(), "region")


def test_the_report_shows_tiers_of_shops_and_every_way_in_both_languages():
    rows = frame(gain=2.0)
    delivered = tables(
        units(rows["arm"], cluster=rows["cluster"], stratum=rows["tier"], exposed_at=rows["exposed_at"]),
        outcomes(rows["value"], metric="spend"),
    )
    plan = settings(pilot(unit="cluster", metrics=[spend(margin=1.0, cap=0.95)]))
    found = measure_effects(delivered, plan, check_pilots(delivered, plan))
    (effect,) = found.effects
    assert {one.way for one in effect.ways} >= {"plain", "capped", "as_treated"}
    assert len(found.parts) == 2
    for part in found.parts:
        mine = rows[rows["tier"] == part.stratum]
        wanted = stats.ttest_ind(means(mine, "treatment"), means(mine, "control"), equal_var=False)
        assert part.found.effect == pytest.approx(means(mine, "treatment").mean() - means(mine, "control").mean())
        assert (part.found.low, part.found.high) == pytest.approx(wanted.confidence_interval(0.95))
    table = found.stratum_table()
    assert "n counts those" in table.note.render(Edition("en")) and "整群数" in table.note.render(Edition("zh"))
    for block in found.blocks():
        block.bundle((Edition("en"), Edition("zh")))
