"""Clusters that the client chose: a planted effect is graded, choice and drift are not taken for one, doubt is said."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.chosen_clusters import VERDICTS, weigh_clusters
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.pilots.few_clusters import clusters_in_differences, on_earlier_dates

EN, ZH = Edition("en"), Edition("zh")
SPENT = (
    "(select coalesce(sum(o.amount), 0) from orders o where o.customer_id = unit.customer_id "
    "and o.ordered_at between $first_day and $last_day)"
)
SIZE, BACK = 12, 9


def firm(seed, treated=6, others=6, effect=0.0, drift=0.0, own=0.0, **changes):
    """Shops of a few customers each, one order a customer and stretch of 40 days, the newest stretch the pilot's."""
    rng = np.random.default_rng(seed)
    shops = treated + others
    shop = np.repeat(np.arange(shops), SIZE)
    has = shop < treated
    level = rng.normal(100, 5, shops) + own * (np.arange(shops) < treated)
    common = rng.normal(0, 4, BACK)
    rows = []
    ids = units(has)["customer_id"]
    for back in range(BACK):
        moved = rng.normal(0, 2, shops)[shop] + common[back] + drift * (BACK - back) * has
        amount = level[shop] + moved + rng.normal(0, 8, len(shop)) + effect * has * (back == 0)
        on = pd.Timestamp("2025-10-05") - pd.Timedelta(days=40 * back)
        rows.append(pd.DataFrame({"customer_id": ids, "ordered_at": on, "amount": amount.round(2)}))
    orders = pd.concat(rows, ignore_index=True)
    orders["order_id"] = np.arange(len(orders))
    plan = {"unit": "cluster", "randomised": False, "starts": "2025-10-01", "ends": "2025-11-09",
            "metrics": [spend(source=SPENT, margin=3)]} | changes  # fmt: skip
    assigned = units(np.where(has, "treatment", "control"), cluster=[f"s{k:02d}" for k in shop])
    return tables(assigned, orders=orders), settings(pilot(**plan))


def judged(*given, **changes):
    (found,) = weigh_clusters(*firm(*given, **changes)).found
    return found


def test_a_planted_effect_is_read_as_higher_and_covered():
    found = [judged(seed, effect=15.0) for seed in range(5)]
    # 6 others are too few for a mixture; the oldest stretch began before the first order, so it is none
    assert sum(one.verdict == "higher_weak" for one in found) >= 4
    assert sum(one.plain.estimate.low <= 15 <= one.plain.estimate.high for one in found) >= 4
    assert all(one.stretches == BACK - 2 and one.mixture is None for one in found)


def test_every_earlier_date_is_the_same_comparison_begun_earlier():
    rng = np.random.default_rng(4)
    panel, treated = rng.normal(100, 5, (12, 8)), np.arange(12) < 5
    found = on_earlier_dates(panel, treated, 12, 4, rng)
    assert len(found) == 6
    for at, (effect, p) in enumerate(found, start=1):
        alone = clusters_in_differences(panel[:, at], panel[:, at + 1 : at + 5], treated, 0.95, rng)
        assert (effect, p) == pytest.approx((alone.estimate.effect, alone.p))
    bias = max(abs(effect) for effect, _ in found)
    one = judged(3, effect=15.0)
    largest = max(abs(effect) for effect, _ in one.earlier)
    assert len(one.earlier) == one.stretches - 1 and one.plain.estimate.high - one.plain.estimate.effect > largest and bias > 0
    assert one.hidden > 1


def test_with_enough_others_both_comparisons_make_it_moderate():
    found = [judged(seed, others=20, effect=20.0) for seed in range(2)]
    assert sum(one.verdict == "higher_moderate" for one in found) >= 1
    assert all(one.mixture.effect == pytest.approx(20, abs=8) for one in found)


def test_one_shop_beside_twenty_is_judged_by_a_mixture_alone():
    found = judged(1, treated=1, others=20, effect=30.0)
    assert found.plain is None and found.mixture.p <= 0.05 and found.verdict == "higher_weak"


def test_who_was_chosen_is_no_effect_and_neither_is_a_trend_of_its_own():
    plain = [judged(seed, own=10.0).verdict for seed in range(20, 24)]
    assert sum(verdict.startswith(("higher", "lower")) for verdict in plain) <= 1
    drifting = [judged(seed, drift=4.0).verdict for seed in range(3)]
    assert not any(verdict.startswith("higher") for verdict in drifting)


def test_too_few_clusters_and_too_little_history_are_said():
    assert judged(1, treated=2, others=3).verdict == "few"
    _, plan = firm(1, metrics=[spend(margin=3)])
    assigned = units(np.where(np.arange(120) < 60, "treatment", "control"), cluster=[f"s{k // 10}" for k in range(120)])
    rng = np.random.default_rng(1)
    measured = outcomes(rng.normal(100, 5, 120), metric="spend", pre_value=rng.normal(100, 5, 120))
    (found,) = weigh_clusters(tables(assigned, measured), plan).found
    assert found.verdict == "short" and found.stretches == 1 and found.plain is not None
    (bare,) = weigh_clusters(tables(assigned, measured.drop(columns="pre_value")), plan).found
    assert bare.verdict == "short" and bare.plain is None


def test_drawn_pilots_and_single_customers_are_not_weighed_here():
    for changes in ({"randomised": True}, {"unit": "customer"}, {"starts": "2026-01-05", "ends": "2026-02-05"}):
        assert weigh_clusters(*firm(1, **changes)).blocks() == ()


def test_table_and_frame_say_the_same_in_both_languages():
    result = weigh_clusters(*firm(2, effect=15.0))
    table, limits = result.blocks()
    row = result.frame.iloc[0]
    assert row["verdict"] in VERDICTS and row["low"] < row["effect"] < row["high"] and (row["treated"], row["others"]) == (6, 6)
    for edition in (EN, ZH):
        said = table.bundle((edition,))["languages"][edition.language]
        assert "6 / 6" in said["cells"][0] and VERDICTS[row["verdict"]].render(edition) in said["cells"][0]
        assert limits.bundle((edition,))["languages"][edition.language]
    assert len(table.title.render(EN).split()) <= 15


def test_the_decision_says_what_the_comparison_bears_and_decides_nothing():
    delivered, plan = firm(2, effect=15.0)
    checks = check_pilots(delivered, plan)
    chosen = weigh_clusters(delivered, plan)
    verdict = decide(measure_effects(delivered, plan, checks), checks, plan, delivered.period, chosen=chosen)
    (decision,) = verdict.decisions
    assert decision.action == "cannot_decide" and verdict.to_roll_out is None
    said = VERDICTS[chosen.found[0].verdict]
    assert decision.reason.render(EN).endswith(f"no effect can be claimed; beside other clusters: {said.render(EN)}")
    assert decision.reason.render(ZH).endswith(said.render(ZH))


def test_the_order_of_rows_changes_nothing():
    delivered, plan = firm(3, effect=10.0)
    one = weigh_clusters(delivered, plan).frame
    pd.testing.assert_frame_equal(one, weigh_clusters(firm(3, effect=10.0)[0], plan).frame)
