"""What was planted in customers, products and pilots can be found again by first methods."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.synthetic import Faults, Plan, Story, generate, make_world
from workbook.synthetic.activity import product_position
from workbook.synthetic.generate import run_pilots
from workbook.synthetic.truth import lift
from workbook.synthetic.world import TIERS, tier_of


def test_each_planted_pair_is_bought_together_at_its_rate(clean: Story) -> None:
    lines = clean.sales.lines
    for pair in clean.world.pairs:
        with_a = set(lines.loc[lines["product"] == product_position(clean.world, pair.anchor), "order"])
        with_b = set(lines.loc[lines["product"] == product_position(clean.world, pair.companion), "order"])
        n, share = len(with_a), len(with_a & with_b) / len(with_a)
        # the companion may also be there by itself, so the share lies above the planted one
        assert share > pair.attach - 3 * np.sqrt(pair.attach * (1 - pair.attach) / n), pair
        assert share < pair.attach + 0.15, pair


def test_planted_pairs_have_the_highest_lifts_of_all(clean: Story) -> None:
    codes = clean.world.products["product_id"].tolist()
    found = {
        (a, b): lift(clean.world, clean.sales.lines, a, b)
        for i, a in enumerate(codes) for b in codes[i + 1 :]
        if joint(clean, a, b) >= 20
    }  # fmt: skip
    planted = {tuple(sorted((p.anchor, p.companion))) for p in clean.world.pairs}
    best = sorted(found, key=lambda pair: -found[pair])[: len(planted & set(found))]
    assert set(best) <= planted


def joint(story: Story, a: str, b: str) -> int:
    lines = story.sales.lines
    orders = [set(lines.loc[lines["product"] == product_position(story.world, p), "order"]) for p in (a, b)]
    return len(orders[0] & orders[1])


def test_purchase_rates_can_be_read_from_the_orders(clean: Story) -> None:
    c, orders = clean.world.customers, clean.sales.orders
    base = orders[orders["happened"] & (orders["trial"] == "") & (orders["day_of"] < clean.world.plan.days)]
    alive = np.clip(np.minimum(c["alive_to"], clean.world.plan.days) - c["alive_from"], 0, None).to_numpy()
    seen = np.bincount(base["customer"], minlength=len(c))
    expected = c["rate"].to_numpy() / 7 * alive + ((c["created"] >= 0) & (alive > 0)).to_numpy()
    assert seen.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert np.corrcoef(seen, expected)[0, 1] > 0.85


def test_who_is_content_stays_longer(clean: Story) -> None:
    c = clean.world.customers[~clean.world.customers["prospect"] & (clean.world.customers["alive_to"] > 0)]
    assert np.corrcoef(np.log(c["alive_to"] - c["alive_from"] + 1), c["contentment"])[0, 1] > 0.1


def test_pilot_interval_covers_the_true_effect_over_many_seeds() -> None:
    covered = {"spend": [], "repeat": []}
    for seed in range(200):
        measured = run_pilots(make_world(Plan(customers=300, seed=seed)))[1]
        treated = measured.enrolment.treated
        for metric, values in (("spend", measured.spend), ("repeat", measured.repeat)):
            a, b = values[treated], values[~treated]
            effect, error = a.mean() - b.mean(), np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
            covered[metric].append(abs(effect - measured.effects[metric]["all"]) < 1.97 * error)
    for metric, hits in covered.items():
        # 190 of 200 are expected or more (Neyman's variance is not too small); four standard errors below is a defect
        assert sum(hits) >= 178, metric


def test_first_pilot_does_nothing_and_the_second_differs_by_tier(clean: Story) -> None:
    first, second = clean.pilots
    assert set(first.effects["spend"].values()) == {0.0}
    assert second.effects["spend"]["all"] > 20
    assert len({round(second.effects["spend"][t], 2) for t in TIERS if t in second.effects["spend"]}) > 1


def test_demo_pilot_is_found_by_a_welch_test() -> None:
    measured = run_pilots(make_world(Plan(faults=Faults.moderate())))[1]
    treated = measured.enrolment.treated
    a, b = measured.spend[treated], measured.spend[~treated]
    assert min(len(a), len(b)) > 650
    assert (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)) > 2.5


def test_arms_are_balanced_within_each_tier(clean: Story) -> None:
    enrolment = clean.pilots[1].enrolment
    tiers = clean.world.customers["stratum"].to_numpy()[enrolment.units]
    for tier in TIERS:
        mine = enrolment.treated[tiers == tier]
        assert abs(mine.sum() - (~mine).sum()) <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80))
def test_a_customer_of_more_value_is_never_in_a_lower_tier(values: list[float]) -> None:
    value = np.array(values)
    place = np.array([TIERS.index(t) for t in tier_of(value)])
    order = np.argsort(-value, kind="stable")
    assert (np.diff(place[order]) >= 0).all()


def test_feedback_speaks_both_languages_and_of_its_cause(clean: Story) -> None:
    f = clean.feedback[clean.feedback["text"] != ""]
    english = f[f["language"] == "en"]["text"]
    assert 0.1 < (f["language"] == "en").mean() < 0.35
    assert english.str.isascii().all()
    assert (f[f["language"] == "zh"]["text"].str.count(r"[\u4e00-\u9fff]") > 3).all()
    assert f["text"].nunique() > 0.5 * len(f)


def test_ids_are_unique(faulty: Story) -> None:
    for frame, key in (
        (faulty.world.customers, "customer_id"), (faulty.world.customers, "phone"), (faulty.sales.orders, "order_id"),
        (faulty.tickets, "ticket_id"), (faulty.feedback, "feedback_id"), (faulty.contracts, "contract_id"),
    ):  # fmt: skip
        assert frame[key].is_unique, key


def test_same_plan_same_story(clean: Story) -> None:
    again = generate(clean.world.plan)
    assert again.sales.lines.equals(clean.sales.lines)
    assert again.feedback.equals(clean.feedback)
