import json

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import PERIOD, outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.campaigns import observe_campaigns
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects
from workbook.pilots.luck import Passed, corrected_effect, corrected_interval

EN, ZH = Edition("en"), Edition("zh")
ARMS = two_arms(2000)


def decided(delivered, plan, **more):
    checks = check_pilots(delivered, plan)
    return decide(measure_effects(delivered, plan, checks), checks, plan, PERIOD, **more)


def money(gain, seed=0, spread=20.0):
    return 100 + np.where(ARMS == "control", 0.0, gain) + np.random.default_rng(seed).normal(0, spread, len(ARMS))


@pytest.mark.parametrize(
    ("gain", "margin", "decision"),
    [(10, 5, "roll_out"), (4, 4.2, "limited"), (0.3, 1.2, "extend"), (0, 5, "stop"), (-20, 5, "roll_back")],
)
def test_the_decision_follows_the_interval(gain, margin, decision):
    plan = settings(pilot(metrics=[spend(margin=margin)]))
    result = decided(tables(units(ARMS), outcomes(money(gain), metric="spend")), plan)
    assert result.json["care"]["decision"] == decision


def test_the_json_is_plain_and_in_both_languages():
    plan = settings(pilot(metrics=[spend(margin=5)]))
    result = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), plan)
    again = json.loads(json.dumps(result.json))
    assert again == result.json and set(again["care"]["reason"]) == {"en", "zh"}
    assert again["care"]["decision_words"]["zh"] == "全面推广"


def test_a_red_gate_leaves_nothing_to_decide_and_asks_nothing():
    arms = np.where(np.arange(2000) < 1200, "control", "treatment")
    result = decided(tables(units(arms), outcomes(money(10), metric="spend")), settings(pilot(metrics=[spend()])))
    assert result.json["care"]["decision"] == "cannot_decide" and result.asks() == ()
    assert "Sample ratio" in result.json["care"]["reason"]["en"]


def test_a_pilot_without_customers_delivered_is_decided_and_its_yearly_worth_left_open():
    """As Hillstrom is published: outcomes of units, and nobody of whom anything else is known."""
    plan = settings(pilot(metrics=[spend(margin=5)]))
    nobody = pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    result = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), plan, profile=nobody)
    (decision,) = result.decisions
    assert decision.action == "roll_out" and decision.worth is None
    shown = str([block.bundle((EN, ZH)) for block in result.blocks()])
    assert "times the customers who would get it" in shown and "乘以将获得该措施的客户数" in shown


@pytest.mark.parametrize(("gain", "decision"), [(10, "roll_out"), (4, "continue"), (0.5, "stop"), (-20, "roll_back")])
def test_a_running_pilot_is_ended_early_only_where_the_limit_of_the_look_says_so(gain, decision):
    plan = settings(pilot(ends="2026-02-28", metrics=[spend(margin=5)]))
    result = decided(tables(units(ARMS), outcomes(money(gain), metric="spend")), plan)
    found = result.json["care"]
    assert found["decision"] == decision
    # an unplanned look: wider than the interval of one look at the end
    assert found["high"] - found["low"] > 1.5 * 2 * 1.96 * 20 * np.sqrt(4 / 2000)


def test_not_randomised_and_not_measured_cannot_be_decided():
    delivered = tables(units(ARMS), outcomes(money(10), metric="spend"))
    chosen = decided(delivered, settings(pilot(randomised=False, metrics=[spend()])))
    absent = decided(delivered, settings(pilot(id="other", metrics=[spend()])))
    assert chosen.json["care"]["decision"] == absent.json["other"]["decision"] == "cannot_decide"


def test_of_several_arms_the_one_that_did_best_is_named():
    arms = np.array(["control", "letter", "call"])[np.arange(2000) % 3]
    values = 100 + np.select([arms == "call", arms == "letter"], [20.0, 8.0], 0.0)
    values = values + np.random.default_rng(1).normal(0, 10, 2000)
    plan = settings(pilot(arms={"control": 1, "letter": 1, "call": 1}, metrics=[spend(margin=5)]))
    result = decided(tables(units(arms), outcomes(values, metric="spend")), plan)
    assert result.json["care"]["arm"] == "call" and "best arm call" in result.json["care"]["reason"]["en"]


def test_the_client_is_asked_once_when_the_pilot_has_ended():
    delivered = tables(units(ARMS), outcomes(money(10), metric="spend"))
    now = decided(delivered, settings(pilot(metrics=[spend(margin=5)])))
    assert [ask.what.render(ZH) for ask in now.asks()] == ["关怀电话：全面推广"]
    delivered = tables(units(ARMS, assigned_at="2025-01-01"), outcomes(money(10), metric="spend", measured_at="2025-03-31"))
    old = decided(delivered, settings(pilot(starts="2025-01-01", ends="2025-03-31", metrics=[spend(margin=5)])))
    assert old.asks() == () and old.json["care"]["decision"] == "roll_out"


def test_answer_states_the_numbers_of_the_effect():
    result = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), settings(pilot(metrics=[spend(margin=5)])))
    answer = result.answer()
    assert answer.heading.render(EN) == "Care calls: roll out" and len(answer.sentences) <= 3
    assert f"raised it by CNY {result.json['care']['effect']:.2f}" in answer.sentences[0].render(EN)


def test_campaigns_alone_never_raise_anything():
    ids = [f"c{k:03d}" for k in range(60)]
    days = ["2025-10-20", "2025-11-05"]
    orders = pd.DataFrame(
        [(f"{i}{d}", i, d, 50.0 + 50 * k + 7 * (int(i[1:]) % 5)) for i in ids for k, d in enumerate(days)],
        columns=["order_id", "customer_id", "ordered_at", "amount"],
    )
    delivered = tables(
        units([]),
        orders=orders,
        campaigns=pd.DataFrame({"campaign_id": ["1"], "starts_at": ["2025-11-01"], "ends_at": ["2025-11-20"]}),
        campaign_contacts=pd.DataFrame({"campaign_id": "1", "customer_id": ids[:40]}),
    )
    plan = settings()
    observed = observe_campaigns(delivered, plan)
    result = decided(delivered, plan, observed=observed)
    words = str([b.bundle((EN,))["languages"] for b in (*result.blocks(), *observed.blocks())])
    assert "no effect can be claimed" in words and "raised it" not in words
    assert result.answer().heading.render(ZH) == "营销活动未随机分组，不能认定效果"


def test_of_several_arms_the_decision_names_the_one_it_is_on():
    """The words "E-mail: roll out" did not say which of two e-mails."""
    arms = np.array(["control", "men", "women"])[np.arange(3000) % 3]
    gains = 100 + np.where(arms == "men", 10.0, 0.0) + np.random.default_rng(1).normal(0, 20, len(arms))
    plan = settings(pilot(arms={"control": 0.3334, "men": 0.3333, "women": 0.3333}, metrics=[spend(margin=5)]))
    result = decided(tables(units(arms), outcomes(gains, metric="spend")), plan)
    assert result.answer().heading.render(EN) == "Care calls (arm men): roll out"
    assert [ask.what.render(EN) for ask in result.asks()] == ["Care calls (arm men): roll out"]
    assert "men 组" in result.answer().heading.render(ZH)


def guarded(harm_of_arm, margin=2.0, **changes):
    plan = settings(
        pilot(metrics=[spend(margin=5), spend(id="returns", name="Returns", margin=margin, guardrail=True)], **changes)
    )
    returns = 50 - np.where(ARMS == "control", 0, harm_of_arm) + np.random.default_rng(4).normal(0, 10, len(ARMS))
    return decided(tables(units(ARMS), outcomes(money(10), metric="spend"), outcomes(returns, metric="returns")), plan)


@pytest.mark.parametrize(("harm", "decision"), [(0.0, "roll_out"), (1.5, "extend"), (6.0, "stop")])
def test_a_gain_is_rolled_out_only_where_no_guardrail_may_be_broken(harm, decision):
    found = guarded(harm).json["care"]
    assert found["decision"] == decision
    if decision != "roll_out":
        assert "Returns" in found["reason"]["en"]


def test_the_best_of_six_arms_must_be_better_than_the_best_of_six_by_chance():
    """2.3 standard errors: told from none where it is the only arm, and not where it is the best of six."""
    names = ["control", *"abcdef"]
    arms = np.array(names)[np.arange(1400) % 7]
    noise = np.tile(np.repeat([-10.0, 10.0], 7), 100)
    values = 100 + noise + np.where(arms == "a", 2.3 * 10 * np.sqrt(2 / 200), 0.0)
    many = settings(pilot(arms=dict.fromkeys(names, 1), metrics=[spend(margin=0.1)]))
    pair = np.isin(arms, ["control", "a"])
    alone = settings(pilot(arms={"control": 1, "a": 1}, metrics=[spend(margin=0.1)]))
    delivered = (tables(units(arms), outcomes(values, metric="spend")), many), (
        tables(units(arms[pair]), outcomes(values[pair], metric="spend")), alone,
    )  # fmt: skip
    assert [decided(*each).json["care"]["decision"] for each in delivered] == ["extend", "roll_out"]


def test_worth_is_brought_to_a_year_and_to_all_who_would_get_it():
    plan = settings(pilot(metrics=[spend(margin=5)], population=1000, cost=12))
    result = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), plan)
    found = result.json["care"]
    worth = found["worth"]
    days = 81  # 1 October to 20 December
    assert worth["value"] == pytest.approx(1000 * (found["effect"] * 365 / days - 12))
    assert worth["low"] == pytest.approx(1000 * (found["low"] * 365 / days - 12)) and worth["chance"] > 0.99
    assert worth["loss_stay"] == pytest.approx(worth["value"], rel=1e-3) and worth["loss_out"] < 1
    assert result.worth_table().title.render(EN).startswith("Care calls: rolled out, worth CNY")


def test_who_would_get_it_is_counted_in_the_profile_where_the_card_does_not_say():
    plan = settings(pilot(metrics=[spend(margin=5)], groups="orders > 2"))
    profile = pd.DataFrame({"customer_id": list("abcde"), "orders": [1, 2, 3, 4, 5]})
    found = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), plan, profile=profile).json["care"]
    assert found["worth"]["customers"] == 3
    assert "worth" not in decided(tables(units(ARMS), outcomes(money(10), metric="spend")), plan).json["care"]


def test_an_unclear_pilot_says_how_long_it_takes_at_most():
    plan = settings(pilot(metrics=[spend(margin=1.2)]))
    found = decided(tables(units(ARMS), outcomes(money(0.3), metric="spend")), plan).json["care"]
    times = ((found["high"] - found["low"]) / 1.2) ** 2
    assert found["decision"] == "extend" and found["days_to_decide"] == int(np.ceil(81 * (times - 1)))


@pytest.mark.parametrize(("gains", "said"), [((14.0, 12.5), "is not clear"), ((20.0, 8.0), "It is better than arm call too")])
def test_the_best_of_several_arms_is_set_beside_the_next_best(gains, said):
    arms = np.array(["control", "call", "letter"])[np.arange(1500) % 3]
    values = 100 + np.select([arms == "letter", arms == "call"], gains, 0.0) + np.random.default_rng(3).normal(0, 20, 1500)
    plan = settings(pilot(arms={"control": 1, "call": 1, "letter": 1}, metrics=[spend(margin=2)]))
    result = decided(tables(units(arms), outcomes(values, metric="spend")), plan)
    (decision,) = result.decisions
    groups = [values[arms == arm] for arm in ("letter", "call")]
    apart, error = groups[0].mean() - groups[1].mean(), np.sqrt(sum(g.var(ddof=1) / len(g) for g in groups))
    assert decision.effect.arm == "letter" and decision.rival.difference == pytest.approx(apart, rel=1e-9)
    assert decision.rival.high - decision.rival.low == pytest.approx(2 * decision.effect.look.limit * error, rel=1e-9)
    assert said in str(result.answer().bundle((EN,))["languages"]["en"])


def test_two_arms_have_no_rival():
    result = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), settings(pilot(metrics=[spend(margin=5)])))
    assert result.decisions[0].rival is None


def test_the_effect_to_plan_with_knows_the_looks_after_which_the_rule_let_the_pilot_go_on():
    delivered = tables(units(ARMS), outcomes(money(5.0), metric="spend"))
    plan = settings(pilot(looks=2, units=2000, metrics=[spend(margin=4)]))
    checks = check_pilots(delivered, plan)

    def seen(effect, half):
        looked = {"pilot": "care", "metric": "spend", "arm": "treatment", "looked_at": "2025-11-10", "n_control": 500}
        record = pd.DataFrame([looked | {"n_arm": 500, "effect": effect, "low": effect - half, "high": effect + half}])
        found = measure_effects(delivered, plan, checks, record)
        one = found.effects[0]
        early = found.seen["care"][0].look
        return decide(found, checks, plan, PERIOD).decisions[0], one, early

    decision, one, early = seen(3.0, 5.0)
    error, limit = one.found.error, one.look.limit
    passed = [Passed((error * early.limit / 5.0) ** 2, 4 - 5.0, 4 + 5.0)]
    assert decision.corrected == corrected_effect(one.found.effect, error, limit, passed)
    assert decision.planned == corrected_interval(one.found.effect, error, limit, 0.95, passed)
    alone = corrected_interval(one.found.effect, error, limit, 0.95)
    assert decision.planned != alone
    # the rule would have ended it there: that it went on says nothing
    assert seen(9.5, 5.0)[0].planned == alone and seen(-1.5, 5.0)[0].planned == alone
