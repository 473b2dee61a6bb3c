"""Pilots of two measures alone and together: held to regression and to planted truth, refused where they are none."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.language import Edition
from workbook.pilots import units as reading
from workbook.pilots.card import card_of
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.pilots.factorial import contrast
from workbook.pilots.moments import moments_of
from workbook.settings.reading import check_settings

ARMS = ["control", "letter", "call", "both"]
EVEN = dict.fromkeys(ARMS, 1)
FACTORS = {"letter": ["letter", "both"], "call": ["call", "both"]}
EN, ZH = Edition("en", "CNY"), Edition("zh", "CNY")


def drawn(n=800):
    return np.array(ARMS)[np.arange(n) % 4]


def factors_of(values, arms, **changes):
    plan = settings(pilot(arms=EVEN, factors=FACTORS, metrics=[spend(**{"margin": 3.0} | changes)]))
    delivered = tables(units(arms), values)
    return measure_effects(delivered, plan, check_pilots(delivered, plan)), plan


def test_main_effects_and_interaction_are_those_of_regression_with_robust_errors():
    rng, arms = np.random.default_rng(0), drawn()
    arms = np.concatenate([arms, ["both"] * 20, ["control"] * 12])  # not balanced
    letter, call = np.isin(arms, FACTORS["letter"]), np.isin(arms, FACTORS["call"])
    y = 50 + 4 * letter + 2 * call + 3 * letter * call + rng.normal(0, 10 + 8 * letter)
    groups = [moments_of(y[arms == arm]) for arm in ARMS]
    design = np.column_stack([np.ones(len(y)), letter - 0.5, call - 0.5, (letter - 0.5) * (call - 0.5)])
    fit = sm.OLS(y, design).fit(cov_type="HC2")
    for place, weights in ((1, (-0.5, 0.5, -0.5, 0.5)), (2, (-0.5, -0.5, 0.5, 0.5)), (3, (1, -1, -1, 1))):
        found = contrast(groups, weights, 0.95)
        assert (found.effect, found.error) == pytest.approx((fit.params[place], fit.bse[place]), rel=1e-9)
    x = rng.normal(0, 5, len(y)) + y / 4
    fit = sm.OLS(y, np.column_stack([design, x])).fit()
    adjusted = [moments_of(np.column_stack([y, x])[arms == arm]) for arm in ARMS]
    assert contrast(adjusted, (1, -1, -1, 1), 0.95).effect == pytest.approx(fit.params[3], rel=1e-9)


@pytest.mark.parametrize(("together", "said"), [(8.0, "together better"), (-8.0, "together worse"), (0.0, "add up")])
def test_the_stage_says_whether_the_effects_add_up(together, said):
    rng, arms = np.random.default_rng(3), drawn(4000)
    letter, call = np.isin(arms, FACTORS["letter"]), np.isin(arms, FACTORS["call"])
    y = 50 + 6 * letter + 4 * call + together * letter * call + rng.normal(0, 10, len(arms))
    effects, plan = factors_of(outcomes(y, metric="spend"), arms)
    (found,) = effects.factors
    table = found.table()
    assert said in table.title.render(EN) and "letter" in table.title.render(EN) and "。" not in table.title.render(ZH)
    assert any(block.id == "pilots.factors.care" for block in effects.blocks())
    main = found.found["letter"]
    assert main.low < 6 + together / 2 < main.high
    assert card_of(plan.pilots[0], 0.95)["factors"] == "letter: letter, both; call: call, both"


def test_all_three_intervals_hold_the_truth_together_as_often_as_they_say():
    rng, held = np.random.default_rng(5), 0
    weights = ((-0.5, 0.5, -0.5, 0.5), (-0.5, -0.5, 0.5, 0.5), (1, -1, -1, 1))
    for _ in range(1500):
        groups = [moments_of(rng.lognormal(0, 0.5, 60) + shift) for shift in (0, 1, 2, 4)]
        found = [contrast(groups, w, 1 - 0.05 / 3) for w in weights]
        held += all(one.low <= true <= one.high for one, true in zip(found, (1.5, 2.5, 1), strict=True))
    assert held / 1500 == pytest.approx(0.955, abs=0.015)


def test_in_the_database_the_same(monkeypatch):
    rng, arms = np.random.default_rng(7), drawn(400)
    y, before = rng.normal(50, 10, 400), rng.normal(0, 3, 400)
    told = []
    for most in (1_000_000, 0):
        monkeypatch.setattr(reading, "MOST_IN_FRAME", most)
        effects, _ = factors_of(outcomes(y, metric="spend", pre_value=before), arms, estimate="adjusted")
        told.append([(one.effect, one.low, one.p) for one in effects.factors[0].found.values()])
    assert told[0] == [pytest.approx(one, rel=1e-9) for one in told[1]]


def test_red_gates_and_metrics_without_means_tell_no_factor():
    arms = drawn(400)
    effects, _ = factors_of(outcomes(np.arange(400.0) % 7, metric="spend"), np.where(arms == "both", "call", arms))
    assert effects.factors == ()
    assert factors_of(outcomes(np.arange(400.0) % 7, metric="spend"), arms, kind="quantile")[0].factors == ()


@pytest.mark.parametrize(
    ("factors", "arms", "said"),
    [
        ({"letter": ["letter", "both"]}, ARMS, "control: neither; letter: letter; call: neither; both: letter"),
        ({"letter": ["letter", "both"], "call": ["call"]}, ARMS, "call: call; both: letter"),
        ({"letter": ["letter", "sms"], "call": ["call"]}, ARMS, "'sms'"),
        (
            {"letter": ["letter", "control"], "call": ["call", "control"]},
            ["control", "letter", "call", "both"],
            "control: letter",
        ),
        (
            {"letter": ["letter"], "call": ["call"]},
            ["control", "letter", "call"],
            "control: neither; letter: letter; call: call",
        ),
    ],
)
def test_what_is_no_two_by_two_is_refused_with_what_each_arm_has(tmp_path, factors, arms, said):
    folder = tmp_path / "params" / "acme"
    folder.mkdir(parents=True)
    (folder / "engagement.yaml").write_text(
        f"""client: {{name: acme}}
sources: []
pilots:
  - id: care
    name: Care
    arms: {{{", ".join(f"{arm}: 1" for arm in arms)}}}
    factors: {{{", ".join(f"{name}: [{', '.join(of)}]" for name, of in factors.items())}}}
    starts: 2025-10-01
    ends: 2025-12-20
    metrics: [{{id: spend, name: Spend, margin: 1}}]
""",
        encoding="utf-8",
    )
    (fault,) = [f for f in check_settings(tmp_path, "acme", []) if "factors" in f.key]
    assert said in fault.found and fault.line == 7
    assert pd.notna(fault.expected) and ("two factors" in fault.expected or "arms of the pilot" in fault.expected)
