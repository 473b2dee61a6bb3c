"""The grade card: parts that add up, a way to the next tier that really leads there, odds, and corrected facts graded again."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbook.errors import UsageError
from workbook.grading.cards import make_card
from workbook.grading.composite import index_shares, total_score
from workbook.grading.policy import past_of
from workbook.grading.scale import freeze
from workbook.grading.score import grade
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Buffer, Grading, Index

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
KINDS = ("percentile", "minmax", "robust", "log", "z", "target")


@pytest.fixture(scope="module")
def world(make_profile):
    """Two periods, with an index that a third of the customers lack and that is left out for them."""
    base = Grading()
    credit = Index(id="credit", name={"en": "Credit", "zh": "信用"}, source="credit", group="risk", missing="exclude")
    grading = base.model_copy(update={"indices": [*base.indices, credit]})
    profile = make_profile(600)
    first = grade(
        profile.assign(revenue=profile["revenue"] * np.random.default_rng(2).lognormal(0, 0.5, 600)), grading, period=Q3
    )
    past = past_of(first.frame, first.policy.json, periods=(Q3, Q4))
    return profile, first, grade(profile, grading, period=Q4, past=past), past


@pytest.fixture(scope="module")
def card(world):
    """The card of a customer, made once."""
    profile, first, grades, _ = world

    @functools.cache
    def make(customer):
        rng = np.random.default_rng(1)
        return make_card(customer, profile, grades.frame, grades.policy, before=first.frame, rng=rng)

    return make


def test_parts_add_up_to_the_score_for_everybody(world, card):
    _, _, grades, _ = world
    indices = grades.settings.indices
    points = grades.frame[[f"index_{i.id}" for i in indices]].rename(columns=lambda name: name.removeprefix("index_"))
    shares = index_shares(points, indices, grades.group_weights)
    assert (shares * points).sum(axis=1).to_numpy() == pytest.approx(grades.frame["score"].to_numpy(), abs=1e-9)
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1.0)
    assert points["credit"].isna().any() and (shares["credit"][points["credit"].isna()] == 0).all()
    assert total_score(points, indices, grades.group_weights) == pytest.approx(grades.frame["score"].to_numpy(), abs=1e-9)
    for customer in grades.frame["customer_id"].iloc[:8]:
        found = card(customer)
        assert found.parts["contribution"].sum() == pytest.approx(found.score, abs=1e-9)


def test_the_way_to_the_next_tier_leads_there(world, card):
    profile, _, grades, past = world
    source = {i.id: i.source for i in grades.settings.indices}
    better, wanted = profile.astype({"orders": float, "categories": float, "recency_days": float}), {}
    for customer in grades.frame["customer_id"].iloc[::8]:
        found = card(customer)
        if found.cheapest is None or source[found.cheapest] not in profile.columns:
            continue
        row = found.parts.set_index("index").loc[found.cheapest]
        assert row["lift"] == found.parts["lift"].min()
        better.loc[better["customer_id"] == customer, source[found.cheapest]] = row["wanted"]
        wanted[customer] = found.score + found.gap
    assert len(wanted) >= 4
    # graded again, all of them at once: the scales are frozen, so that nobody's rise hinders another's
    again = grade(better, grades.settings, period=Q4, past=past).frame.set_index("customer_id")["score"]
    reached = again[list(wanted)].to_numpy()
    assert (reached >= np.array([*wanted.values()]) - 1e-6).all()


def test_a_count_is_asked_for_whole(world, card):
    counts = {"frequency", "breadth", "recency"}
    for customer in world[2].frame["customer_id"].iloc[::16]:
        wanted = card(customer).parts.set_index("index")["wanted"].reindex(list(counts)).dropna()
        assert (wanted % 1 == 0).all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.sampled_from(KINDS), st.sampled_from(["benefit", "cost"]),
    st.floats(0, 100),
)  # fmt: skip
def test_a_scale_turned_round_gives_a_value_that_scores_so_much(values, kind, direction, score):
    one = Index(id="x", name="X", source="x", group="g", normalise=kind, direction=direction, target=50.0)
    scale = freeze(np.array(values), one)
    value = scale.value_at(score)
    highest = max(scale.score(np.array([value]))[0] for value in (*values, *scale.numbers, -1e9, 0.0, 1e9))
    if value is None:
        assert highest < score
    else:
        assert scale.score(np.array([value]))[0] >= score


@pytest.mark.parametrize("kind", ["minmax", "robust", "log", "z"])
def test_where_all_were_alike_a_better_value_still_lifts(kind):
    for direction, better in (("benefit", 1), ("cost", -1)):
        index = Index(id="x", name="X", source="x", group="g", normalise=kind, direction=direction)
        scale = freeze(np.array([-3.0, -3.0]), index)
        value = scale.value_at(51.0)
        assert value is not None and (value + 3.0) * better > 0 and scale.score(np.array([value]))[0] == 100.0
        assert scale.value_at(50.0) is not None


def test_odds_are_those_of_the_noise_that_is_there(world, card):
    found = card(world[2].frame["customer_id"].iloc[3])
    assert sum(found.odds.values()) == pytest.approx(1.0)
    assert found.noise is not None and found.noise > 0
    profile, first, grades, _ = world
    again = make_card(found.customer, profile, grades.frame, grades.policy, before=first.frame, rng=np.random.default_rng(1))
    assert again.odds == found.odds
    alone = make_card(found.customer, profile, grades.frame, grades.policy, rng=np.random.default_rng(1))
    assert alone.noise is None and max(alone.odds.values()) >= max(found.odds.values()) - 0.05
    assert "not known before a second period" in alone.odds_table().note.render(EN)


def test_odds_cover_a_score_planted_with_known_noise():
    rng = np.random.default_rng(6)
    n = 1500
    true = rng.uniform(20, 95, n)
    first, second = (np.clip(true + rng.normal(0, 4, n), 0, 100) for _ in range(2))
    profile = pd.DataFrame({"customer_id": [f"c{k:04d}" for k in range(n)], "revenue": second})
    one = Grading(groups=[Grading().groups[0]], buffer=Buffer(points=0), indices=[
        Index(id="r", name="R", source="revenue", group="financial", normalise="target", target=100)])  # fmt: skip
    now = grade(profile, one, period=Q4)
    before = now.frame[["customer_id"]].assign(score=first)
    sure, right = [], []
    lows = [90, 80, 60, 0]
    for k in np.flatnonzero((second > 25) & (second < 92))[::60]:
        found = make_card(f"c{k:04d}", profile, now.frame, now.policy, before=before, rng=np.random.default_rng(k))
        assert found.noise == pytest.approx(4, abs=1.6)
        truth = next(tier for tier, low in zip(found.odds, lows, strict=True) if true[k] >= low)
        sure.append(found.odds[found.by_score])
        right.append(found.by_score == truth)
    assert np.mean(sure) == pytest.approx(np.mean(right), abs=0.15)


def test_faults_are_told(world, card):
    with pytest.raises(UsageError, match="found no 'nobody' among 600"):
        card("nobody")


def test_cards_of_every_tier_show_in_both_languages(world, card):
    _, _, grades, _ = world
    held = grades.frame[grades.frame["waiting"] != 0]
    shown = [*grades.frame.drop_duplicates("tier")["customer_id"], held["customer_id"].iloc[0]]
    for customer in shown:
        found = card(customer)
        for block in found.blocks():
            block.bundle((EN, ZH))
    top = card(grades.frame[grades.frame["tier"] == "diamond"]["customer_id"].iloc[0])
    assert top.next_tier is None and "no higher tier" in top.sentences()[-1].render(EN)
    assert "buffer holds" in card(held["customer_id"].iloc[0]).sentences()[0].render(EN)


def test_a_tier_that_a_rule_gave_is_told_by_its_rule(world):
    profile, first, grades, _ = world
    low = grades.frame.sort_values("score")["customer_id"].iloc[0]
    ruled = grades.frame.assign(rule=pd.Series(pd.NA, index=grades.frame.index, dtype="str"))
    ruled.loc[ruled["customer_id"] == low, ["tier", "rule"]] = ["gold", "vip_floor"]
    found = make_card(low, profile, ruled, grades.policy, before=first.frame, rng=np.random.default_rng(1))
    assert found.sentences()[0].render(EN).startswith("The rule or override vip_floor gives Gold; by score alone")
    assert "vip_floor" in found.sentences()[0].render(ZH)
