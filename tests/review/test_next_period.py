import json

import pandas as pd
import pytest
from tests.review.firms import PERIOD, settings

from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.review.next_period import propose

EN, ZH = Edition("en"), Edition("zh")


def goal(**changes):
    return {"id": "repeat", "name": "More", "kpi": "repurchase_rate", "due": "2026-06-30"} | changes


def artefact(value, target):
    return pd.DataFrame({"goal": ["repeat"], "kpi": ["repurchase_rate"], "baseline": [value], "target": [target]})


def changes(plan, goals=None, **more):
    return propose(plan, PERIOD, goals, **more).json


def test_a_change_is_fixed_as_a_level_once():
    found = changes(settings(goals=[goal(change=0.03)]), artefact(0.4213, 0.4513))
    assert found["goals.repeat.target"]["to"] == 0.451 and found["goals.repeat.target"]["from"] is None


def test_a_reached_target_moves_on_by_the_goals_own_change():
    found = changes(settings(goals=[goal(change=0.03, target=0.45)]), artefact(0.46, 0.45))
    assert found["goals.repeat.target"]["to"] == pytest.approx(0.49) and "goals.repeat.due" not in found


def test_an_unreached_target_stays_and_only_a_past_due_date_moves():
    plan = settings(goals=[goal(target=0.45)])
    assert changes(plan, artefact(0.40, 0.45)) == {}
    late = settings(goals=[goal(target=0.45, due="2025-12-31")])
    assert changes(late, artefact(0.40, 0.45))["goals.repeat.due"] == {
        "from": "2025-12-31",
        "to": "2026-03-31",
        "because": changes(late, artefact(0.40, 0.45))["goals.repeat.due"]["because"],
    }
    assert changes(late, artefact(0.46, 0.45)) == {}


def test_less_is_better_is_reached_from_above():
    plan = settings(goals=[goal(kpi="late_share", change=-0.02, target=0.05)])
    found = changes(plan, artefact(0.04, 0.05))
    assert found["goals.repeat.target"]["to"] == pytest.approx(0.02)


def test_a_goal_without_a_baseline_is_left_alone():
    assert changes(settings(goals=[goal(change=0.03)]), artefact(float("nan"), float("nan"))) == {}
    assert changes(settings(goals=[goal(change=0.03)]), NotMeasured("x", propose(settings(), PERIOD, None).table().title)) == {}


def test_a_top_tier_that_nobody_reaches_gets_a_threshold_that_some_do():
    scores = pd.DataFrame({"score": [float(s) for s in range(87)], "tier": ["gold"] * 87})
    found = changes(settings(), scores=scores)["grading.tiers.diamond.at_least"]
    assert found["from"] == 90 and found["to"] == 81
    assert changes(settings(), scores=scores.assign(tier="diamond")) == {}
    assert changes(settings(), scores=scores.assign(score=10.0)) == {}, "never at or below the next tier's threshold"


def test_only_a_pilot_of_this_period_is_extended():
    pilot = {
        "id": "care",
        "name": "Care",
        "starts": "2025-10-01",
        "ends": "2025-12-20",
        "metrics": [{"id": "m", "name": "m", "margin": 1}],
    }
    decision = {"care": {"decision": "extend"}}
    assert changes(settings(pilots=[pilot]), decision=decision)["pilots.care.extended_to"]["to"] == "2026-03-31"
    old = pilot | {"starts": "2025-01-01", "ends": "2025-03-01"}
    assert changes(settings(pilots=[old]), decision=decision) == {}
    assert changes(settings(pilots=[pilot]), decision={"care": {"decision": "stop"}}) == {}


def test_the_proposal_is_plain_json_with_reasons_in_both_languages():
    proposal = propose(
        settings(goals=[goal(change=0.03)]), PERIOD, artefact(0.42, 0.45), problems=pd.DataFrame({"check": ["a"]})
    )
    assert json.loads(json.dumps(proposal.json)) == proposal.json
    assert set(proposal.json["goals.repeat.target"]["because"]) == {"en", "zh"}
    assert proposal.carried == 1 and all(block.bundle((EN, ZH)) for block in proposal.blocks())


def test_nothing_to_propose_is_said():
    proposal = propose(settings(), PERIOD, None)
    assert isinstance(proposal.table(), NotMeasured) and "2026Q1" in proposal.table().what.render(ZH)
