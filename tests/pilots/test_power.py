import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import TTestIndPower
from tests.report.picture_checks import assert_figure_readable

from workbook.language import Edition
from workbook.pilots.comparison import compare_means
from workbook.pilots.moments import moments_of
from workbook.pilots.power import (
    clustering_blocks,
    clusterings,
    correlation_interval,
    design_effect,
    detectable_t,
    ratio_spread,
)

EN, ZH = Edition("en"), Edition("zh")


@pytest.mark.parametrize(("n0", "n1"), [(4, 4), (8, 8), (8, 16), (500, 500)])
def test_the_smallest_difference_is_that_of_a_second_implementation(n0, n1):
    effect = TTestIndPower().solve_power(nobs1=n0, ratio=n1 / n0, alpha=0.05, power=0.8)
    found = detectable_t(math.sqrt(1 / n0 + 1 / n1), n0 + n1 - 2, 0.95, 0.8)
    assert found == pytest.approx(effect, rel=1e-6)


def test_eight_clusters_a_side_find_what_is_promised_as_often_as_promised():
    rng = np.random.default_rng(0)
    k, m, rho = 8, 50, 0.1
    error = math.sqrt(design_effect(np.full(2 * k, float(m)), rho) / m * 2 / k)
    effect = detectable_t(error, 2 * k - 2, 0.95, 0.8)
    hits = 0
    for _ in range(2000):
        means = rng.normal(0, math.sqrt(rho + (1 - rho) / m), 2 * k)
        means[k:] += effect
        hits += compare_means(means[:k], means[k:], 0.95).low > 0
    assert hits / 2000 == pytest.approx(0.8, abs=0.03)


def test_design_effect_of_equal_clusters_is_the_classic_one():
    assert design_effect(np.full(9, 21.0), 0.05) == pytest.approx(2.0)
    assert design_effect(np.array([10.0, 32.0]), 0.05) > design_effect(np.array([21.0, 21.0]), 0.05)


def test_the_interval_of_the_correlation_covers_as_often_as_it_says():
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(1000):
        parts = rng.normal(0, math.sqrt(0.1), 12)[:, None] + rng.normal(0, math.sqrt(0.9), (12, 20))
        low, high = correlation_interval([moments_of(part) for part in parts], 0.95)
        held += low <= 0.1 <= high
    assert held / 1000 == pytest.approx(0.95, abs=0.02)


def test_spread_of_a_ratio_is_the_scatter_of_ratios_drawn_again():
    rng = np.random.default_rng(1)
    orders = rng.poisson(3, (2000, 400)) + 1
    spent = orders * rng.lognormal(3, 0.5, (2000, 400))
    drawn = (spent.sum(axis=1) / orders.sum(axis=1)).std(ddof=1)
    assert ratio_spread(spent[0], orders[0].astype(float)) / 20 == pytest.approx(drawn, rel=0.15)
    assert math.isnan(ratio_spread(np.ones(3), np.zeros(3))) and math.isnan(ratio_spread(np.array([]), np.array([])))


def people(effect=0.5, owners=20, each=60, seed=3):
    rng = np.random.default_rng(seed)
    owner = np.repeat([f"o{i}" for i in range(owners)], each)
    values = 100 + np.repeat(rng.normal(0, effect * 30, owners), each) + rng.normal(0, 30, owners * each)
    return pd.DataFrame({"owner": owner, "region": np.where(np.arange(owners * each) % 2, "a", "b"), "revenue_period": values})


def test_clusters_that_differ_cost_power_and_two_of_them_tell_nothing():
    single, owner, region = clusterings(people(), "revenue_period", 0.5, 0.95, 0.8)
    assert owner.units == 20 and 0.1 < owner.correlation < 0.35 and owner.detectable > 2 * single.detectable
    assert region.by == "region" and math.isnan(region.detectable)
    assert single.detectable == pytest.approx(
        TTestIndPower().solve_power(nobs1=600, alpha=0.05, power=0.8) * people()["revenue_period"].std(), rel=1e-6
    )


def test_nobody_in_a_group_or_each_in_his_own_gives_no_clusters():
    alone = people().assign(owner=None, region=[str(i) for i in range(1200)])
    assert len(clusterings(alone, "revenue_period", 0.5, 0.95, 0.8)) == 1
    assert clustering_blocks(clusterings(alone, "revenue_period", 0.5, 0.95, 0.8), 100.0, 0.95, 0.8) == ()


def test_a_constant_figure_gives_no_error():
    assert clusterings(people().assign(revenue_period=5.0), "revenue_period", 0.5, 0.95, 0.8) == ()


def test_table_and_picture_read_in_both_languages():
    blocks = clustering_blocks(clusterings(people(), "revenue_period", 0.5, 0.95, 0.8), 100.0, 0.95, 0.8)
    assert all(block.bundle((EN, ZH)) for block in blocks)
    assert_figure_readable(blocks[1])
    assert "too few clusters" in str(blocks[0].bundle((EN, ZH)))
