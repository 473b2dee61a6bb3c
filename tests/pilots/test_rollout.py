import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.language import Edition
from workbook.period import Period
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.design import Unplanned
from workbook.pilots.effects import measure_effects
from workbook.pilots.rollout import plan_rollout, smallest_share
from workbook.report.blocks import NotMeasured
from workbook.settings.checks import check

EN, ZH = Edition("en"), Edition("zh")
N, MORE = 2000, 6000
IDS = [f"c{k:05d}" for k in range(N + MORE)]
TIERS = np.array(["gold", "silver", "ordinary", "diamond"])[np.arange(N + MORE) % 4]
ARMS = np.where(np.arange(N) // 4 % 2 == 0, "control", "treatment")
PROFILE = pd.DataFrame({"customer_id": IDS, "tier": TIERS})
CONSENTS = pd.DataFrame({"customer_id": IDS[:-800], "purpose": "marketing", "standing": "granted"})


def planned(gain=8.0, by_tier=None, consents=CONSENTS, profile=PROFILE, plan=None, seed=7, **changes):
    given = settings(pilot(**({"metrics": [spend(margin=2)], "arms": {"control": 0.5, "treatment": 0.5}} | changes)), seed=seed)
    gains = gain + np.array([(by_tier or {}).get(tier, 0.0) for tier in TIERS[:N]])
    values = 100 + np.where(ARMS == "control", 0, gains) + np.random.default_rng(1).normal(0, 20, N)
    delivered = tables(units(ARMS, stratum=TIERS[:N]), outcomes(values, metric="spend"))
    checks = check_pilots(delivered, given)
    effects = measure_effects(delivered, given, checks)
    decision = decide(effects, checks, given, delivered.period, profile=profile)
    return plan_rollout(delivered, decision, effects, profile, None, consents)


def test_waves_go_from_the_tier_worth_most_and_each_holds_some_out():
    plan = planned(by_tier={"silver": 20.0, "diamond": 8.0})
    assert plan.decided.action == "roll_out" and [wave.tiers[0] for wave in plan.waves][:2] == ["silver", "diamond"]
    assert [w.worth[0] for w in plan.waves] == sorted([w.worth[0] for w in plan.waves], reverse=True)
    assert all(wave.worth[1] < wave.worth[0] < wave.worth[2] for wave in plan.waves)
    assert all(wave.held and wave.reached > 3 * wave.held for wave in plan.waves)
    days = [wave.starts for wave in plan.waves]
    assert days[0].isoformat() == "2026-01-19" and all(a.read_on == b for a, b in zip(plan.waves, days[1:], strict=False))


def test_who_has_the_measure_or_granted_no_consent_is_in_no_wave():
    plan = planned()
    listed = set(plan.frame["customer_id"])
    assert not listed & set(np.array(IDS[:N])[ARMS == "treatment"]) and not listed & set(IDS[-800:])
    assert (plan.already, plan.blocked) == (1000, 800) and len(listed) == N + MORE - 1000 - 800
    nobody = planned(consents=None)
    assert isinstance(nobody, NotMeasured) and "consents.purpose" in nobody.missing
    assert isinstance(planned(consents=CONSENTS.assign(standing="withdrawn")), NotMeasured)


def test_the_holdout_finds_the_effect_with_the_stated_power():
    """Planted: 4,000 roll-outs of the planned sizes with the planned effect; four in five are found at the last wave."""
    plan = planned(gain=4.0)
    held, reached = sum(w.held for w in plan.waves), sum(w.reached for w in plan.waves)
    assert plan.found == pytest.approx(plan.lift, rel=0.06) and 0.01 < plan.share < 0.2
    rng = np.random.default_rng(3)
    spread = plan.effect.found.error / np.sqrt(1 / 1000 + 1 / 1000)
    error = spread * np.sqrt(1 / held + 1 / reached)
    z = (plan.found + rng.normal(0, error, 4000)) / error
    limit = -plan.waves[-1].back / error
    assert limit > stats.norm.ppf(0.975) and (z > limit).mean() == pytest.approx(0.8, abs=0.025)


def test_a_larger_share_is_asked_for_where_the_effect_is_small_and_never_above_a_half():
    assert smallest_share(10_000, 10, 1.0, 1.96, 0.8) < smallest_share(10_000, 10, 0.7, 1.96, 0.8) < 0.5
    assert smallest_share(100, 10, 0.1, 1.96, 0.8) == 0.5
    share = smallest_share(10_000, 10, 1.0, 1.96, 0.8)
    found = (1.96 + stats.norm.ppf(0.8)) * 10 * np.sqrt(1 / (1e4 * share) + 1 / (1e4 * (1 - share)))
    assert found == pytest.approx(1.0, rel=1e-9)


def test_a_measure_that_does_nothing_is_taken_back_as_rarely_as_the_error_says():
    """The limits of the waves are looks at one comparison: crossed by a true nought in 2.5 % of roll-outs to that side."""
    plan = planned()
    rng, crossed, trials = np.random.default_rng(5), 0, 4000
    spread = plan.effect.found.error / np.sqrt(1 / 1000 + 1 / 1000)
    sums = np.zeros((trials, 2))
    back = np.zeros(trials, bool)
    held = reached = 0
    for wave in plan.waves:
        sums += rng.normal(0, spread * np.sqrt([wave.reached, wave.held]), (trials, 2))
        reached, held = reached + wave.reached, held + wave.held
        back |= sums[:, 0] / reached - sums[:, 1] / held < wave.back
    crossed = back.mean()
    assert crossed == pytest.approx(0.025, abs=0.008)
    assert all(wave.back < wave.widen for wave in plan.waves)


def test_waves_of_the_settings_are_followed_and_tiers_without_one_are_named():
    rollout = {"waves": [["gold", "silver"], ["diamond"]], "holdout": 0.3, "starts": "2026-03-02", "days": 30}
    plan = planned(rollout=rollout)
    assert [wave.tiers for wave in plan.waves] == [("gold", "silver"), ("diamond",)]
    assert plan.waves[1].starts.isoformat() == "2026-04-01" and plan.waiting == ("ordinary",)
    assert "In no wave of the settings: Ordinary" in plan.table().note.render(EN)
    assert plan.frame["arm"].eq("control").mean() == pytest.approx(0.3, abs=0.03)


def test_a_tier_in_which_it_is_not_worth_its_cost_is_left_out():
    plan = planned(gain=8.0, by_tier={"ordinary": -7.5}, cost=25.0)
    assert plan.waiting == ("ordinary",) and "not worth its cost" in plan.table().note.render(EN)
    assert "ordinary" not in set(plan.frame["tier"])


def test_a_limited_roll_out_has_one_wave_and_says_what_waits():
    plan = planned(gain=2.5, metrics=[spend(margin=3.5)])
    assert plan.decided.action == "limited" and len(plan.waves) == 1 and len(plan.waiting) == 3
    assert "limited to its first wave" in plan.table().note.render(EN) and "第一波" in plan.table().note.render(ZH)


def test_small_tiers_share_a_wave():
    few = PROFILE.assign(tier=np.where(np.arange(N + MORE) < N, TIERS, "ordinary"))
    few.loc[few.index[:N:4], "tier"] = "ordinary"
    plan = planned(profile=few, by_tier={"silver": 9.0, "diamond": 6.0, "gold": 3.0})
    assert all((w.reached + w.held) >= 0.1 * len(plan.frame) for w in plan.waves) and len(plan.waves) < 4
    assert [tier for wave in plan.waves for tier in wave.tiers][:2] == ["silver", "diamond"]


def test_the_draw_is_that_of_the_seed_and_of_nothing_else():
    one, again, other = planned(), planned(profile=PROFILE.sample(frac=1, random_state=1)), planned(seed=8)
    pd.testing.assert_frame_equal(one.frame, again.frame)
    assert (one.frame["arm"] != other.frame["arm"]).any()
    # customers who are there later leave the draw of the others alone, with the share that the settings fix
    fixed = {"rollout": {"holdout": 0.2}}
    few, many = planned(profile=PROFILE.head(5000), **fixed).frame, planned(**fixed).frame
    both = few.merge(many, on="customer_id")
    assert len(both) == len(few) and (both["arm_x"] == both["arm_y"]).all()


@pytest.mark.parametrize("gain", [0.0, -10.0])
def test_nothing_is_planned_for_what_is_not_rolled_out(gain):
    plan = planned(gain=gain)
    assert isinstance(plan, Unplanned) and plan.blocks() == () and isinstance(plan.sheet(), NotMeasured)
    assert list(plan.frame.columns) == list(planned().frame.columns) and plan.frame.empty


def test_less_is_better_turns_the_limits():
    metric = spend(margin=2, better="lower")
    plan = planned(gain=-8.0, metrics=[metric])
    assert all(wave.back > wave.widen for wave in plan.waves) and plan.waves[0].back > 0 and plan.waves[0].worth[0] > 0


def test_a_wave_of_an_unknown_tier_is_refused_in_the_settings():
    faults = check(settings(pilot(rollout={"waves": [["gold", "platinum"]]})))
    assert any("platinum" in fault.found and "diamond" in fault.expected for fault in faults)


def test_the_table_is_short_in_both_languages():
    table = planned().table()
    for edition in (EN, ZH):
        words = table.bundle((edition,))["languages"][edition.language]
        assert len(words["cells"]) == 4 and len(table.columns) <= 8
    assert len(table.title.render(EN).split()) <= 15
    assert list(planned().frame.columns) == ["pilot", "customer_id", "tier", "wave", "starts", "arm"]


def test_the_list_delivered_back_is_a_pilot_of_its_own():
    """Read with the waves as its strata, with the share held out on its card, and judged as any other."""
    plan = planned(rollout={"holdout": 0.2})
    frame = plan.frame.rename(columns={"starts": "assigned_at", "tier": "stratum"}).assign(unit_id=plan.frame["customer_id"])
    rng = np.random.default_rng(4)
    values = 100 + np.where(frame["arm"] == "control", 0, 8) + rng.normal(0, 20, len(frame))
    measured = pd.DataFrame({"pilot": "care_rollout", "unit_id": frame["unit_id"], "metric": "spend", "value": values})
    given = settings(pilot(id="care_rollout", arms={"control": 0.2, "treatment": 0.8}, starts="2026-01-19", ends="2027-01-31",
                           metrics=[spend(margin=2)]))  # fmt: skip
    delivered = tables(frame.drop(columns="wave"), measured, period=Period.parse("2027Q1"))
    checks = check_pilots(delivered, given)
    assert not checks.failed("care_rollout")
    assert measure_effects(delivered, given, checks).effects[0].state == "better"
