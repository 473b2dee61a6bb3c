"""Are the grades worth having: what they foretold against what happened, ties shared, errors honest, no flattery."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grading.quarters import ENDS, profile_at, real_orders
from tests.report.picture_checks import assert_figure_readable

from workbook.grading.rfm import score_rfm
from workbook.grading.score import grade
from workbook.grading.worth import Worth, capture, judge_grades
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Grading, Rfm

quickly = settings(max_examples=12, deadline=None)
Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
TIERS = Grading().tiers
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")


def world(n=3000, seed=1, noise=0.4):
    """Customers with a hidden worth: a score that knows it with noise, revenue that knows it with more."""
    rng = np.random.default_rng(seed)
    worth = rng.lognormal(3, 1, n)
    score = np.clip(100 * (pd.Series(worth * rng.lognormal(0, noise, n)).rank(pct=True)), 0, 100)
    revenue = worth * rng.lognormal(0, 1.2, n)
    later = np.where(rng.random(n) < 0.6, worth * rng.lognormal(0, 0.5, n), 0.0)
    ids = [f"c{k:05d}" for k in range(n)]
    tier = np.select([score >= 90, score >= 80, score >= 60], ["diamond", "gold", "silver"], "ordinary")
    scores = pd.DataFrame({"customer_id": ids, "score": score, "tier": tier})
    profile = pd.DataFrame({"customer_id": ids, "revenue": revenue, "recency_days": rng.integers(0, 200, n).astype(float)})
    now = pd.DataFrame({"customer_id": ids, "revenue_period": later, "orders_period": (later > 0).astype(int)})
    return scores, profile, now


def judged(scores, profile, now, rfm=None):
    found = judge_grades(scores, profile, rfm, now, TIERS, periods=(Q3, Q4), hiatus_days=91)
    assert isinstance(found, Worth)
    return found


@quickly
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), min_size=2, max_size=40), st.sampled_from([0.1, 0.25, 0.5]))
def test_capture_of_ties_is_the_mean_over_their_orders(pairs, top):
    rank, later = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if later.sum() == 0:
        return
    rng = np.random.default_rng(1)
    places, found = top * len(rank), []
    for _ in range(300):
        order = np.lexsort((rng.random(len(rank)), -rank))
        weight = np.clip(places - np.arange(len(rank)), 0, 1)
        found.append((weight * later[order]).sum() / later.sum())
    assert capture(rank, later, top)[0] == pytest.approx(np.mean(found), abs=0.08)
    perfect = capture(later, later, top)[0]
    assert capture(rank, later, top)[0] <= perfect + 1e-9


def test_errors_agree_with_drawing_customers_anew():
    scores, profile, now = world()
    rng = np.random.default_rng(3)
    later = now["revenue_period"].to_numpy()
    place = scores["tier"].map({"diamond": 3, "gold": 2, "silver": 1, "ordinary": 0})
    ranks = {"score": scores["score"].to_numpy(), "tier": place.to_numpy(float), "revenue": profile["revenue"].to_numpy()}
    draws = rng.integers(0, len(later), (200, len(later)))
    for rank in ranks.values():
        told = capture(rank, later)[1].std() / np.sqrt(len(later))
        assert told == pytest.approx(np.std([capture(rank[i], later[i])[0] for i in draws]), rel=0.2)
    gap = (capture(ranks["score"], later)[1] - capture(ranks["revenue"], later)[1]).std() / np.sqrt(len(later))
    drawn = [capture(ranks["score"][i], later[i])[0] - capture(ranks["revenue"][i], later[i])[0] for i in draws]
    assert gap == pytest.approx(np.std(drawn), rel=0.2)


def test_a_grade_that_knows_more_is_said_to_and_one_that_knows_less_too():
    scores, profile, now = world()
    good = judged(scores, profile, now)
    rows = good.methods.set_index("method")
    assert rows.loc["score", "capture"] > rows.loc["revenue", "capture"] and rows.loc["revenue", "gap_low"] > 0
    assert good.methods_table().title.render(EN).startswith("Best tenth by score:")
    blind = scores.assign(score=np.random.default_rng(9).uniform(0, 100, len(scores)))
    bad = judged(blind, profile, now)
    assert bad.methods_table().title.render(EN).startswith("The score loses to")
    same = judged(scores.assign(score=profile["revenue"].rank(pct=True) * 100), profile.assign(recency_days=0.0), now)
    assert "No clear lead over" in same.methods_table().title.render(EN)
    assert same.methods.set_index("method").loc["revenue", "gap"] == pytest.approx(0)


@pytest.mark.parametrize(("gap_low", "gap_high"), [(0.01, 0.1), (-0.1, -0.01), (-0.1, 0.1)])
def test_a_title_has_at_most_fifteen_words_whoever_the_rival_is(gap_low, gap_high):
    good = judged(*world())
    for rival in ("rfm", "revenue", "hiatus"):
        rows = good.methods.assign(gap_low=gap_low, gap_high=gap_high)
        rows["capture"] = np.where(rows["method"] == rival, 0.4, 0.3)
        title = replace(good, methods=rows).methods_table().title.render(EN)
        assert len(title.split()) <= 15, title


def test_tiers_tell_what_their_customers_did_with_nobody_lost():
    scores, profile, now = world()
    found = judged(scores, profile, now.iloc[: len(now) // 2])  # the others are gone: they bought nothing
    tiers = found.tiers.set_index("tier")
    assert tiers["customers"].sum() == found.n == len(scores)
    assert (tiers["customers"] * tiers["mean"]).sum() == pytest.approx(now["revenue_period"].iloc[: len(now) // 2].sum())
    assert tiers["share"].sum() == pytest.approx(1)
    assert (tiers["kept_low"] <= tiers["kept"]).all() and (tiers["kept"] <= tiers["kept_high"]).all()
    assert tiers.loc["diamond", "mean"] > tiers.loc["ordinary", "mean"]
    assert "Each tier clearly brought more than the next" in found.tiers_table().title.render(EN)
    upside = scores.assign(tier=scores["tier"].map({"diamond": "ordinary", "ordinary": "diamond"}).fillna(scores["tier"]))
    assert "A lower tier clearly brought more" in judged(upside, profile, now).tiers_table().title.render(EN)


def test_no_order_is_claimed_that_the_intervals_do_not_carry():
    scores, profile, now = world(n=600)
    rng = np.random.default_rng(5)
    titles = []
    for _ in range(80):  # tiers that say nothing of what comes after
        shuffled = scores.assign(tier=rng.permutation(scores["tier"].to_numpy()))
        titles.append(judged(shuffled, profile, now).tiers_table().title.render(EN))
    assert sum("Each tier clearly" in title for title in titles) == 0
    assert sum("A lower tier clearly" in title for title in titles) <= 5  # 2.5% of 80 are expected
    assert sum("falls clearly at 0 of 3 steps" in title for title in titles) >= 60
    one = scores.assign(tier="gold")
    assert judged(one, profile, now).tiers_table().title.render(EN).startswith("All customers stood in Gold")
    lone = scores.assign(tier=np.where(scores.index == 7, "diamond", "ordinary"))  # of one customer there is no interval
    assert "falls clearly at 0 of 1 steps" in judged(lone, profile, now).tiers_table().title.render(EN)


def test_what_cannot_be_judged_is_said():
    scores, profile, now = world()
    nothing = NotMeasured("grading.tiers", judged(scores, profile, now).tiers_table().title)
    for before, people, since in (
        (None, profile, now), (nothing, profile, now), (scores, None, now), (scores[:50], profile, now),
        (scores, profile, now.assign(revenue_period=0.0)),
    ):  # fmt: skip
        found = judge_grades(before, people, None, since, TIERS, periods=(Q3, Q4), hiatus_days=91)
        assert isinstance(found, NotMeasured)
        found.bundle((EN, ZH))


def test_real_grades_are_held_to_the_next_quarter():
    lines = real_orders("online_retail")
    before, now = (profile_at(lines, end, 12) for end in ENDS["online_retail"][1:3])
    grades = grade(before, Grading(), period=Q3)
    rfm = score_rfm(before.assign(orders_all=before["orders"]), Rfm(), period=Q3)
    since = now[["customer_id", "revenue_period"]].assign(orders_period=(now["revenue_period"] > 0).astype(int))
    found = judged(grades.frame, before, since, rfm.frame)
    assert list(found.methods["method"]) == ["score", "tier", "rfm", "revenue", "hiatus"]
    rows = found.methods.set_index("method")
    # counted another way: who stands in the best tenth by revenue, and what they bought
    best = before.merge(since, on="customer_id").sort_values("revenue", ascending=False)["revenue_period_y"]
    by_hand = best.iloc[: len(best) // 10].sum() / best.sum()
    assert rows.loc["revenue", "capture"] == pytest.approx(by_hand, abs=0.004)
    kept = found.tiers.set_index("tier")["kept"]
    assert kept["diamond"] > kept["ordinary"]
    assert_figure_readable(found.figure())
    for block in (*found.blocks(), found.methods_table()):
        block.bundle((EN, ZH))
