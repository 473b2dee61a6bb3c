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


def test_a_running_pilot_goes_on_and_is_not_judged():
    plan = settings(pilot(ends="2026-02-28", metrics=[spend(margin=5)]))
    result = decided(tables(units(ARMS), outcomes(money(10), metric="spend")), plan)
    assert result.json["care"]["decision"] == "continue" and "effect" not in result.json["care"]


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
