"""Roll-out by whole clusters: who has it is left out, some are held out where enough are left, and the limits know how few."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.pilots.rollout import plan_rollout
from workbook.pilots.rollout_clusters import ClusterRollout, clusters_of
from workbook.report.blocks import NotMeasured
from workbook.settings.checks import check

EN, ZH = Edition("en"), Edition("zh")
SHOPS, SIZE = 16, 10


def planned(more=24, gain=20.0, column="region", **changes):
    """Sixteen shops drawn, *more* others of the client's, all with ten customers."""
    rng = np.random.default_rng(5)
    shop = np.repeat(np.arange(SHOPS + more), SIZE)
    ids = [f"c{k:05d}" for k in range(len(shop))]
    profile = pd.DataFrame({"customer_id": ids, column: [f"s{k:02d}" for k in shop], "tier": "gold"})
    profile["cluster"] = profile[column]
    inside = shop < SHOPS
    arms = np.where(shop[inside] % 2 == 0, "control", "treatment")
    levels = rng.normal(100, 4, SHOPS)[shop[inside]]
    values = levels + rng.normal(0, 10, inside.sum()) + gain * (arms == "treatment")
    given = settings(pilot(**({"unit": "cluster", "metrics": [spend(margin=2)]} | changes)), seed=7)
    assigned = units(arms, cluster=[f"s{k:02d}" for k in shop[inside]])
    orders = pd.DataFrame({"order_id": ids, "customer_id": ids, "ordered_at": "2025-01-01", "amount": 1.0,
                           "store": [f"s{k:02d}" for k in shop]})  # fmt: skip
    delivered = tables(assigned, outcomes(values, metric="spend"), orders=orders)
    checks = check_pilots(delivered, given)
    effects = measure_effects(delivered, given, checks)
    decision = decide(effects, checks, given, delivered.period, profile=profile)
    return plan_rollout(delivered, decision, effects, profile, None, None)


def test_shops_with_the_measure_are_in_no_wave_and_some_are_held_out_of_all():
    plan = planned()
    assert isinstance(plan, ClusterRollout) and plan.decided.action == "roll_out" and plan.already == 8
    assert not set(plan.frame["cluster"]) & {f"s{k:02d}" for k in range(1, 16, 2)} and len(plan.frame) == 8 + 24
    assert plan.held == (plan.frame["arm"] == "control").sum() >= 4
    assert sum(wave.clusters for wave in plan.waves) == 32 - plan.held and len(plan.waves) == 3
    assert (plan.frame["customers"] == SIZE).all() and plan.waves[0].customers == 10 * plan.waves[0].clusters
    assert all(a.read_on == b.starts for a, b in zip(plan.waves, plan.waves[1:], strict=False))
    assert plan.frame.equals(planned().frame)


def test_the_limits_are_those_of_few_clusters_and_the_error_of_the_waves_holds():
    """Planted: no effect in the roll-out; the share of plans that any wave takes back stays below 2.5 %."""
    plan = planned()
    spread = plan.effect.found.error / np.sqrt(1 / 8 + 1 / 8)
    rng = np.random.default_rng(3)
    out = rng.normal(0, spread, (20_000, plan.held))
    reached = rng.normal(0, spread, (20_000, sum(w.clusters for w in plan.waves)))
    back, seen = np.zeros(20_000, bool), 0
    for wave in plan.waves:
        seen += wave.clusters
        difference = reached[:, :seen].mean(axis=1) - out.mean(axis=1)
        back |= difference < wave.back
        assert wave.widen == pytest.approx(wave.back + plan.effect.metric.margin)
    assert back.mean() < 0.025
    freedom = plan.held + plan.waves[0].clusters - 2
    error = spread * np.sqrt(1 / plan.held + 1 / plan.waves[0].clusters)
    assert -plan.waves[0].back / error > stats.norm.isf(0.025) and freedom < 20


def test_a_limited_roll_out_is_its_first_wave_and_the_others_wait():
    plan = planned(gain=10.0, metrics=[spend(margin=9)])
    assert plan.decided.action == "limited" and len(plan.waves) == 1 and plan.waiting > 0
    for edition in (EN, ZH):
        note = plan.table().bundle((edition,))["languages"][edition.language]
        assert str(plan.waiting) in str(note)


def test_with_few_shops_left_nobody_is_held_out_and_it_says_so():
    plan = planned(more=0, rollout={"holdout": 0.5})
    assert plan.held == 4 and len(plan.waves) == 1
    few = planned(more=0, groups="cluster not in ('s00', 's02')")
    assert few.held == 0 and np.isnan(few.waves[0].back)
    assert "Too few clusters are left" in few._note().render(EN)


def test_the_column_that_tells_the_drawn_clusters_is_found_and_no_other_taken():
    assert isinstance(planned(column="industry"), ClusterRollout)
    assert isinstance(planned(column="size"), ClusterRollout)  # by the shop of their orders
    profile = pd.DataFrame({"customer_id": ["a", "b"], "region": ["north", "south"]})
    assigned = pd.DataFrame({"unit_id": ["a", "b"], "customer_id": ["a", "b"], "cluster": ["s1", "s2"], "arm": "control"})
    plan = settings(pilot(unit="cluster")).pilots[0]
    assert clusters_of(tables(units(["control"])), plan, assigned, profile) is None
    shops = assigned.assign(unit_id=["north", "south"], customer_id=None, cluster=["north", "south"])
    assert clusters_of(tables(units(["control"])), plan, shops, profile).tolist() == ["north", "south"]


def test_nothing_left_to_roll_out_to_is_said_and_waves_of_tiers_are_refused():
    said = planned(more=0, groups="right(cluster, 1) in ('1', '3', '5', '7', '9')")
    assert isinstance(said, NotMeasured) and said.why.render(EN) == "Every cluster has the measure."
    faults = check(settings(pilot(unit="cluster", rollout={"waves": [["gold"]]})))
    assert any("clusters" in str(fault) for fault in faults)


def test_the_table_reads_in_both_languages():
    plan = planned()
    for edition in (EN, ZH):
        said = plan.table().bundle((edition,))["languages"][edition.language]
        assert len(said["cells"]) == 3
    assert len(plan.table().title.render(EN).split()) <= 15
    assert [column.name for column in plan.sheet().table.columns][1:3] == ["cluster", "customers"]
