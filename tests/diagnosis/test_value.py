"""X4 by hand: misgraded customers; companions recovered from planted never-takers."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.companions import companion_pairs, never_takers
from workbook.diagnosis.value import tier_places, value_checks
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.tables import tables_of


def graded(tiers):
    ids = [f"C{i}" for i in range(len(tiers))]
    frames = {
        "customers": {"customer_id": ids, "tier": tiers},
        "orders": {"order_id": ["1"], "customer_id": ["C0"], "ordered_at": ["2025-12-01"], "amount": [1]},
    }
    return frames, {"customer_id": ids, "revenue": [float(100 - i) for i in range(len(tiers))]}


def test_the_best_buyer_in_a_low_tier_is_misgraded(run, settings):
    frames, profile = graded(["普通", "Gold", "gold", *["silver"] * 7])
    found = run(value_checks, frames, settings, profile)["value.misgraded"]
    # two places among the high tiers and a top fifth of two: C0 and C1 deserve one, C0 has none
    assert (found.figure, found.n, found.customers) == (0.5, 2, ("C0",))


def test_tiers_that_follow_revenue_are_fine(run, settings):
    frames, profile = graded(["diamond", "gold", *["silver"] * 8])
    assert run(value_checks, frames, settings, profile)["value.misgraded"].figure == 0.0


def test_a_client_with_few_high_places_is_not_blamed_for_their_number(run, settings):
    frames, profile = graded(["diamond", *["silver"] * 19])
    found = run(value_checks, frames, settings, profile)["value.misgraded"]
    assert (found.figure, found.n) == (0.0, 1)


def test_tiers_in_unknown_words_are_said_and_not_guessed(run, settings):
    frames, profile = graded(["A", "B", "C"])
    result = run(value_checks, frames, settings, profile)["value.misgraded"]
    assert isinstance(result, NotMeasured)
    assert result.why is not None


def test_tiers_are_known_by_id_and_by_name_in_each_language(settings):
    assert tier_places(settings) == {
        "diamond": 0, "钻石": 0, "gold": 1, "黄金": 1, "silver": 2, "白银": 2, "ordinary": 3, "普通": 3,
    }  # fmt: skip


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_the_share_of_never_takers_is_recovered(share):
    rng = np.random.default_rng(7)
    n = 4000
    pair, baskets = rng.integers(0, 3, n), rng.integers(1, 9, n)
    taken = rng.binomial(baskets, np.array([0.2, 0.4, 0.6])[pair]) * (rng.random(n) >= share)
    found = never_takers(pair, baskets, taken, 0.95)
    assert found.low <= share <= found.high
    assert found.share == pytest.approx(share, abs=0.05)


def test_buyers_who_all_take_the_companion_leave_nobody_out():
    found = never_takers(["x"] * 50, [2] * 50, [2] * 50, 0.95)
    assert (found.share, found.low) == (0.0, 0.0)


def baskets(joint, alone_a, alone_b, others):
    rows = [(f"j{i}", p) for i in range(joint) for p in ("A", "B")]
    rows += [(f"a{i}", "A") for i in range(alone_a)] + [(f"b{i}", "B") for i in range(alone_b)]
    rows += [(f"o{i}", "O") for i in range(others)]
    lines = pd.DataFrame(rows, columns=["order_id", "product_id"]).assign(line_id=lambda f: f.index.astype(str))
    orders = pd.DataFrame({"order_id": lines["order_id"].unique()})
    orders = orders.assign(customer_id=orders["order_id"], ordered_at="2025-06-01")
    return tables_of({"orders": orders, "order_lines": lines}, Period.parse("2025Q4"))


def test_lift_is_joint_baskets_over_what_chance_gives():
    pairs = companion_pairs(baskets(40, 10, 60, 90), 1.3, 12)
    assert pairs[["anchor", "companion", "baskets", "joint"]].to_numpy().tolist() == [["A", "B", 50, 40]]
    assert pairs["lift"].iloc[0] == pytest.approx(40 * 200 / (50 * 100))
    assert pairs["attach"].iloc[0] == pytest.approx(0.8)


def test_products_together_as_often_as_chance_are_no_companions():
    assert companion_pairs(baskets(25, 25, 75, 75), 1.3, 12).empty


def test_without_companions_cross_sell_is_not_measured(run, settings):
    frames = {
        "customers": {"customer_id": ["a"]},
        "orders": {"order_id": ["1"], "customer_id": ["a"], "ordered_at": ["2025-12-01"]},
        "order_lines": {"order_id": ["1"], "line_id": ["1"], "product_id": ["A"]},
    }
    assert isinstance(run(value_checks, frames, settings)["value.cross_sell"], NotMeasured)


def test_an_empty_delivery_names_what_to_deliver(run, settings, all_missing):
    all_missing(run(value_checks, {}, settings))
