"""Outcomes measured again and again: history serves what comes after it, and no measurement counts twice."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import PERIOD, outcomes, pilot, settings, spend, tables, units

from workbook.pilots.card import card_of
from workbook.pilots.checks import check_pilots
from workbook.pilots.chosen_clusters import weigh_clusters
from workbook.pilots.effects import measure_effects
from workbook.pilots.history import read_history
from workbook.pilots.outcomes import read_values
from workbook.tables import tables_of

SHOPS, WEEKS, DURING = 16, 24, 4
STARTS = pd.Timestamp("2025-10-01")
PLAN = {"unit": "cluster", "starts": "2025-10-01", "ends": "2025-10-28", "metrics": [spend(margin=3, repeats="mean")]}


def shops(seed, effect=0.0, drawn=SHOPS // 2, **changes):
    """Weekly sales of shops, twenty weeks before the pilot and four during it, as a client delivers them; a shop is a unit."""
    rng = np.random.default_rng(seed)
    level, common = rng.normal(100, 8, SHOPS), rng.normal(0, 4, WEEKS)
    ids = [f"s{k:02d}" for k in range(SHOPS)]
    has = rng.permutation(SHOPS) < drawn
    rows = []
    for week in range(WEEKS):
        on = STARTS + pd.Timedelta(days=7 * (week - WEEKS + DURING) + 6)
        value = level + common[week] + rng.normal(0, 4, SHOPS) + effect * has * (on >= STARTS)
        rows.append(
            pd.DataFrame({"pilot": "care", "unit_id": ids, "metric": "spend", "value": value, "measured_at": on.date()})
        )
    arms = np.where(has, "treatment", "control")
    assigned = pd.DataFrame({"pilot": "care", "unit_id": ids, "arm": arms, "assigned_at": "2025-09-20"})
    delivered = tables_of({"assignments": assigned, "outcomes": pd.concat(rows, ignore_index=True)}, PERIOD)
    return delivered, settings(pilot(**(PLAN | changes)))


def test_stretches_are_as_long_as_the_pilot_and_counted_back_from_it():
    delivered, plan = shops(1)
    history = read_history(delivered, plan.pilots[0], "spend", 12)
    raw = delivered.sql("select * from outcomes where unit_id = 's03' order by measured_at")["value"].to_numpy()
    mine = history[history["unit_id"] == "s03"].set_index("back")["value"]
    assert mine.index.tolist() == [0, 1, 2, 3, 4, 5]
    for back in range(6):
        end = WEEKS - DURING * back
        assert mine[back] == pytest.approx(raw[end - DURING : end].mean())
    assert read_history(delivered, plan.pilots[0], "spend", 2)["back"].max() == 2
    assert read_history(delivered, plan.pilots[0], "nothing", 2).empty


def test_the_latest_or_the_mean_of_the_pilot_counts_and_what_was_before_stands_beside_it():
    delivered, plan = shops(2)
    raw = delivered.sql("select * from outcomes where unit_id = 's00' order by measured_at")["value"].to_numpy()
    mean = read_values(delivered, plan.pilots[0], plan.pilots[0].metrics[0]).iloc[0]
    assert mean["value"] == pytest.approx(raw[-4:].mean()) and mean["pre_value"] == pytest.approx(raw[-8:-4].mean())
    latest = read_values(delivered, plan.pilots[0], spend_metric("latest")).iloc[0]
    assert latest["value"] == raw[-1] and latest["pre_value"] == pytest.approx(raw[-8:-4].mean())


def spend_metric(repeats):
    return settings(pilot(metrics=[spend(repeats=repeats)])).pilots[0].metrics[0]


def test_a_series_of_drawn_shops_passes_the_gates_and_is_adjusted_by_its_history():
    delivered, plan = shops(3, effect=12.0)
    checks = check_pilots(delivered, plan)
    passed = {c.check: c.passed for c in checks.checks}
    assert all(passed.values()) and {"dates", "duplicates", "balance", "clusters"} <= set(passed)
    (effect,) = measure_effects(delivered, plan, checks).effects
    adjusted = next(way for way in effect.ways if way.way == "adjusted")
    assert effect.found.n_control == 8 and adjusted.gain > 0.5 and adjusted.found.low < 12 < adjusted.found.high
    once = settings(pilot(**(PLAN | {"metrics": [spend(margin=3)]})))
    red = {c.check: c.passed for c in check_pilots(delivered, once).checks}
    assert not red["duplicates"]  # four outcomes that differ, and the card does not say that their mean counts


def test_chosen_shops_are_weighed_by_their_delivered_history():
    found = [weigh_clusters(*shops(seed, effect=12.0, randomised=False)).found[0] for seed in range(4)]
    assert sum(one.verdict == "higher_weak" for one in found) >= 3 and all(one.stretches == 5 for one in found)
    assert all(one.plain.estimate.low < 12 < one.plain.estimate.high for one in found)
    none = [weigh_clusters(*shops(seed, randomised=False)).found[0].verdict for seed in range(10, 16)]
    assert sum(verdict.startswith(("higher", "lower")) for verdict in none) <= 1


def test_outcomes_measured_only_before_or_before_the_draw_shut_the_gate():
    ids = np.where(np.arange(200) % 2 == 0, "control", "treatment")
    values = np.random.default_rng(1).normal(50, 5, 200)
    plan = settings(pilot(metrics=[spend()]))
    before = tables(units(ids), outcomes(values, metric="spend", measured_at="2025-09-01"))
    undrawn = tables(units(ids, assigned_at="2025-11-15"), outcomes(values, metric="spend", measured_at="2025-11-01"))
    for delivered in (before, undrawn):
        (red,) = check_pilots(delivered, plan).failed("care")
        assert red.check == "dates" and red.statistic == 1.0
    both = tables(units(ids), outcomes(values, metric="spend", measured_at="2025-09-01"), outcomes(values, metric="spend"))
    assert not check_pilots(both, plan).failed("care")


def test_customers_without_a_cluster_are_never_taken_for_clusters():
    ids = np.where(np.arange(200) % 2 == 0, "control", "treatment")
    plan = settings(pilot(unit="cluster", metrics=[spend()]))
    delivered = tables(units(ids), outcomes(np.arange(200.0), metric="spend"))
    assert "clusters" in [c.check for c in check_pilots(delivered, plan).failed("care")]


def test_a_card_fixed_before_is_as_it_was_unless_the_mean_counts():
    plain, mean = (card_of(settings(pilot(metrics=[spend(repeats=r)])).pilots[0], 0.95) for r in ("latest", "mean"))
    assert "spend.repeats" not in plain and mean["spend.repeats"] == "mean"
