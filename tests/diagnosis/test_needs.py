"""X2 by hand: depth of needs, and recommendations bought against chance."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.needs import needs_checks
from workbook.diagnosis.needs_exhibits import depth_table, match_rates, match_table
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")


def test_depth_is_the_share_of_needs_with_a_root_cause(run, settings):
    frames = {
        "customers": {"customer_id": ["a", "b"]},
        "needs": {"customer_id": ["a", "a", "b", "b"], "noted_at": ["2025-05-01"] * 4, "need": list("wxyz"),
                  "level": ["Root Cause", "surface", "根本原因", None]},
    }  # fmt: skip
    found = run(needs_checks, frames, settings)["needs.depth"]
    assert found.figure == pytest.approx(2 / 3)
    assert (found.n, found.customers) == (3, ("a",))


def test_a_level_of_the_clients_own_is_neither_deep_nor_shallow_until_it_is_named(run, settings):
    ids = [f"C{i:02}" for i in range(30)]

    def frames(levels):
        needs = {"customer_id": ids, "noted_at": ["2025-05-01"] * 30, "need": ["x"] * 30, "level": levels}
        return {"customers": {"customer_id": ids}, "needs": needs}

    own = frames(["L1", "L2", "l3 "] * 10)
    unknown = run(needs_checks, own, settings)["needs.depth"]
    table = depth_table(tables_of({name: pd.DataFrame(frame) for name, frame in own.items()}, PERIOD), settings)
    assert isinstance(unknown, NotMeasured) and isinstance(table, NotMeasured)
    assert "l1, l2, l3" in unknown.why.render(Edition("en")) and "diagnosis.root_levels" in unknown.why.render(Edition("zh"))

    limits = settings.diagnosis.model_copy(update={"root_levels": ["L3"], "surface_levels": ["L1", "L2"]})
    told = run(needs_checks, own, settings.model_copy(update={"diagnosis": limits}))["needs.depth"]
    assert (told.figure, told.n, told.unjudged) == (pytest.approx(1 / 3), 30, 0)

    few = frames(["root"] * 10 + ["wish"] * 10 + ["L1"] * 9 + [" "])
    left_out = run(needs_checks, few, settings)["needs.depth"]
    assert (left_out.figure, left_out.n, left_out.unjudged) == (0.5, 20, 10)
    table = depth_table(tables_of({name: pd.DataFrame(frame) for name, frame in few.items()}, PERIOD), settings)
    assert table.frame["n"].tolist() == [20]
    assert "33.3%" in table.note.render(Edition("en"))


def recommendations(bought_at, noted_at="2025-05-10"):
    """Four customers were each recommended P; the first bought it at *bought_at*, the second bought Q."""
    return {
        "customers": {"customer_id": list("abcd")},
        "needs": {"customer_id": list("abcd"), "noted_at": [noted_at] * 4, "need": ["n"] * 4, "product_recommended": ["P"] * 4},
        "orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "ordered_at": [bought_at, "2025-05-20"]},
        "order_lines": {"order_id": ["1", "2"], "line_id": ["1", "1"], "product_id": ["P", "Q"]},
    }


@pytest.mark.parametrize(
    "bought_at, matched", [("2025-05-10", 0.25), ("2025-08-08", 0.25), ("2025-08-09", 0.0), ("2025-05-09", 0.0)]
)
def test_only_a_purchase_within_the_days_after_a_recommendation_matches(run, settings, bought_at, matched):
    found = run(needs_checks, recommendations(bought_at), settings)["needs.match"]
    assert (found.figure, found.n) == (matched, 4)


def test_chance_is_the_share_of_all_advised_customers_who_buy_the_product(run, settings):
    cause = run(needs_checks, recommendations("2025-05-10"), settings)["needs.match"].words.cause
    assert "25.0%" in cause.render(Edition("en"))


def test_recommendations_too_young_to_have_been_followed_are_left_out(run, settings):
    result = run(needs_checks, recommendations("2025-12-20", "2025-12-15"), settings)["needs.match"]
    assert isinstance(result, NotMeasured)
    assert not result.missing


def test_a_refunded_line_is_no_purchase(run, settings):
    frames = recommendations("2025-05-10")
    frames["order_lines"]["refund_of"] = ["0", None]
    assert run(needs_checks, frames, settings)["needs.match"].figure == 0.0


def test_an_empty_delivery_names_what_to_deliver(run, settings, all_missing):
    all_missing(run(needs_checks, {}, settings))


def advised(n=300, gain=0.3, several=1, seed=2):
    """*n* customers of two tiers with *several* recommendations each; the advised buy more often by *gain* than the 10 % who
    buy anyway."""
    rng = np.random.default_rng(seed)
    ids = [f"C{i:03}" for i in range(n)]
    who = np.repeat(ids, several)
    products = rng.choice([f"P{k}" for k in range(40)], len(who))
    anyway = pd.DataFrame({"customer_id": np.repeat(ids, 4), "product_id": rng.choice([f"P{k}" for k in range(40)], 4 * n)})
    followed = rng.random(len(who)) < gain
    level = np.where(np.arange(len(who)) < len(who) // 2, "root cause", "wish")
    bought = pd.concat([anyway, pd.DataFrame({"customer_id": who[followed], "product_id": products[followed]})])
    bought["order_id"] = np.arange(len(bought)).astype(str)
    return {
        "customers": {"customer_id": ids, "tier": ["gold", "silver"] * (n // 2)},
        "needs": {"customer_id": who, "noted_at": ["2025-05-01"] * len(who), "need": ["n"] * len(who),
                  "product_recommended": products, "level": level},
        "orders": bought[["order_id", "customer_id"]].assign(ordered_at="2025-05-20"),
        "order_lines": bought[["order_id", "product_id"]].assign(line_id="1"),
    }  # fmt: skip


def test_a_planted_gain_over_chance_is_found_and_none_is_not(settings):
    def shown(gain):
        tables = tables_of({name: pd.DataFrame(frame) for name, frame in advised(gain=gain).items()}, PERIOD)
        return match_table(tables, settings)

    found = shown(0.3)
    whole = found.frame.iloc[0]
    assert whole["low"] < 0.3 * 0.9 < whole["high"]  # of those who would not have bought it anyway
    assert list(found.frame["reading"]) == ["beyond"] * 3
    title = found.bundle((Edition("en"), Edition("zh")))["languages"]
    assert "more than by chance" in title["en"]["title"] and "高于随机水平" in title["zh"]["title"]
    assert list(shown(0.0).frame["reading"]) == ["unclear"] * 3


def test_the_gain_over_chance_is_covered_by_its_interval_though_customers_were_advised_several_times(settings):
    missed = 0
    for seed in range(15):
        frames = advised(n=100, gain=0.0, several=3, seed=seed)
        tables = tables_of({name: pd.DataFrame(frame) for name, frame in frames.items()}, PERIOD)
        rates, _ = match_rates(tables, settings)
        missed += not (rates["low"].iloc[0] <= 0 <= rates["high"].iloc[0])
    assert missed <= 2  # 5 % of 15 with two standard errors


def test_depth_counts_each_customer_once_by_the_deepest_record(settings):
    frames = {
        "customers": {"customer_id": [f"C{i:02}" for i in range(40)], "tier": ["gold"] * 20 + ["黄金"] * 10 + ["silver"] * 10},
        "needs": {"customer_id": ["C00", "C00", "C01", "C35", "C35"], "need": ["x"] * 5, "noted_at": ["2025-05-01"] * 5,
                  "level": ["wish", "根因", "wish", "root", "wish"], "product_recommended": [None, None, "P", "P", None]},
    }  # fmt: skip
    tables = tables_of({name: pd.DataFrame(frame) for name, frame in frames.items()}, PERIOD)
    frame = depth_table(tables, settings).frame
    assert frame["n"].tolist() == [40, 30, 10]
    assert (frame["none"] * frame["n"]).round().tolist() == [37, 28, 9]
    assert (frame["surface"] * frame["n"]).round().tolist() == [1, 1, 0]
    assert (frame["root"] * frame["n"]).round().tolist() == [1, 1, 0]
    assert (frame["product"] * frame["n"]).round().tolist() == [1, 0, 1]
    assert match_table(tables_of({}, PERIOD), settings).missing
    assert depth_table(tables_of({}, PERIOD), settings).missing
