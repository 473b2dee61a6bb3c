"""Experiments in the shapes in which they are published and delivered, sound and flawed: each is judged right, or its fault is
named with what to do."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.checking import check_client
from workbook.language import Edition
from workbook.period import Period
from workbook.pilots.checks import check_pilots
from workbook.pilots.decision import decide
from workbook.pilots.draw_gates import FEWEST_AMOUNTS, strata
from workbook.pilots.effects import measure_effects
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare

EN, ZH = Edition("en"), Edition("zh")
N = 1200
ARMS = two_arms(N)
TREATED = ARMS == "treatment"
IDS = [f"c{k:05d}" for k in range(N)]
SETTINGS = """client: {{name: Acme}}
sources:
  - {{table: assignments, file: assigned.csv, columns: {{pilot: p, unit_id: u, arm: a, assigned_at: d}}}}
  - {{table: outcomes, file: measured.csv, columns: {{pilot: p, unit_id: u, metric: m, value: v, measured_at: d}}}}
  - {{table: pilot_summaries, file: sums.csv, columns: {{pilot: p, arm: a, metric: m, looked_at: d, n: n, successes: y}}}}
pilots:
  - id: care
    name: Care
    starts: 2025-10-01
    ends: 2025-12-20
    summaries: {summaries}
    metrics: [{{id: back, name: Came back, kind: proportion, unit: share, margin: 0.01, better: {better}}}]
"""


def spent(gain=0.0, seed=0):
    return 100 + np.random.default_rng(seed).normal(0, 10, N) + gain * TREATED


def judged(delivered, plan):
    checks = check_pilots(delivered, plan)
    effects = measure_effects(delivered, plan, checks)
    return checks, effects, decide(effects, checks, plan, delivered.period).decisions[0]


def red(checks):
    return {check.check: check.words.render(EN) for check in checks.failed("care")}


@pytest.fixture
def delivered(tmp_path):
    """A pilot judged from the files of one delivery."""

    def run(assigned=None, measured=None, sums=None, summaries="to_date", better="higher"):
        folder = tmp_path / "data" / "acme" / "2025Q4"
        folder.mkdir(parents=True)
        (tmp_path / "params" / "acme").mkdir(parents=True)
        (tmp_path / "params" / "acme" / "engagement.yaml").write_text(SETTINGS.format(summaries=summaries, better=better))
        (tmp_path / "params" / "acme" / "2025Q4.yaml").write_text("{}\n")
        lines = SETTINGS.format(summaries=summaries, better=better).splitlines(keepends=True)
        for name, frame in (("assigned", assigned), ("measured", measured), ("sums", sums)):
            if frame is None:
                lines = [line for line in lines if f"{name}.csv" not in line]
            else:
                frame.to_csv(folder / f"{name}.csv", index=False)
        (tmp_path / "params" / "acme" / "engagement.yaml").write_text("".join(lines))
        period = Period.parse("2025Q4")
        plan = read_settings(tmp_path, "acme", period)
        return judged(prepare(tmp_path, "acme", period, plan).tables, plan)

    return run


def assigned(arms, **changes):
    return pd.DataFrame({"p": "care", "u": IDS[: len(arms)], "a": arms, "d": "2025-10-01"} | changes)


def measured(values, **changes):
    return pd.DataFrame({"p": "care", "u": IDS[: len(values)], "m": "back", "v": values, "d": "2025-12-20"} | changes)


def daily(days=30, share=(0.22, 0.20), seed=1):
    """Counts of each day by arm, as web analytics export them (the shape of Udacity's free-trial screener)."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in pd.date_range("2025-10-05", periods=days):
        for arm, rate in zip(("control", "treatment"), share, strict=True):
            n = int(rng.integers(700, 900))
            rows.append(("care", arm, "back", day.date(), n, rng.binomial(n, rate)))
    return pd.DataFrame(rows, columns=list("pamdny"))


def test_counts_of_single_days_are_not_taken_for_looks_and_are_put_together_where_the_card_says_so(delivered):
    checks, effects, _ = delivered(sums=daily())
    assert "say summaries: daily" in red(checks)["summaries"] and not effects.effects[0].shown


def test_counts_of_single_days_put_together_are_the_whole(delivered):
    rows = daily()
    checks, effects, decision = delivered(sums=rows, summaries="daily", better="lower")
    whole = rows.groupby("a")[["n", "y"]].sum()
    (effect,) = effects.effects
    assert not red(checks) and (effect.found.n_control, effect.found.n_treated) == tuple(whole["n"])
    rates = whole["y"] / whole["n"]
    assert effect.found.effect == pytest.approx(rates["treatment"] - rates["control"])
    assert decision.action in ("roll_out", "limited") and len(effects.seen["care"]) == 1


def test_summaries_of_parts_put_together_have_the_moments_of_all_units():
    values, part = spent(), np.arange(N) % 5
    rows = pd.DataFrame({"arm": ARMS, "value": values, "looked_at": [f"2025-12-{16 + k}" for k in part]})
    sums = rows.groupby(["arm", "looked_at"])["value"].agg(n="size", mean="mean", variance="var").reset_index()
    sums = sums.assign(pilot="care", metric="spend")
    plan = settings(pilot(metrics=[spend()], summaries="daily"))
    (found,) = judged(tables(units([])[:0], pilot_summaries=sums), plan)[1].effects
    (whole,) = judged(tables(units(ARMS), outcomes(values, metric="spend")), plan)[1].effects
    for name in ("control", "treated", "effect", "error", "low", "high", "p"):
        assert getattr(found.found, name) == pytest.approx(getattr(whole.found, name), rel=1e-9)


def test_two_rows_of_one_arm_and_look_shut_the_gate(delivered):
    rows = daily(days=1)
    checks, _, _ = delivered(sums=pd.concat([rows, rows.iloc[:1].assign(n=650)]))
    assert "several rows of one arm, metric and look: 2" in red(checks)["summaries"]


def test_retention_delivered_as_words_is_one_and_nought(delivered):
    came = np.arange(N) % 3 == 0
    checks, effects, _ = delivered(assigned(ARMS), measured(came))
    assert not red(checks) and effects.effects[0].found.control == pytest.approx(came[~TREATED].mean())


def test_customers_drawn_into_both_arms_reach_the_gate_and_are_not_one_of_them(delivered):
    both = pd.concat([assigned(np.repeat("control", N)), assigned(np.repeat("treatment", N), d="2025-11-10")])
    checks, effects, decision = delivered(both, measured(np.arange(N) % 2))
    assert f"{N:,} units" in red(checks)["two_arms"] and decision.action == "cannot_decide"
    assert "Every unit stands in two arms" in effects.missing[0].why.render(EN)


def test_several_outcomes_of_a_unit_reach_the_gate_and_equal_ones_are_one(delivered):
    twice = pd.concat([measured(np.arange(N) % 2), measured(1 - np.arange(N) % 2), measured(np.arange(N) % 2)])
    checks, _, _ = delivered(assigned(ARMS), twice)
    assert f"{N:,} with several" in red(checks)["duplicates"]


def test_strata_that_the_arms_hold_in_other_shares_were_not_drawn():
    """Simpson: each stratum is worse with the measure and the whole looks better."""
    rng = np.random.default_rng(3)
    tier = np.where(rng.random(N) < np.where(TREATED, 0.7, 0.3), "gold", "silver")
    values = np.where(tier == "gold", 100, 50) - 5 * TREATED + rng.normal(0, 10, N)
    plan = settings(pilot(metrics=[spend()]))
    checks, effects, decision = judged(tables(units(ARMS, stratum=tier), outcomes(values, metric="spend")), plan)
    assert set(red(checks)) == {"strata"} and not effects.effects[0].shown and decision.action == "cannot_decide"


def test_drawn_strata_pass_their_gate_as_often_as_it_says_and_rare_ones_are_no_fault():
    plan, rng = settings(pilot(metrics=[spend()])).pilots[0], np.random.default_rng(4)
    shut = 0
    for _ in range(200):
        tier = rng.choice(["a", "b", "c", "d", "e"], N, p=[0.5, 0.3, 0.19, 0.006, 0.004])
        arms = np.where(rng.random(N) < 0.5, "control", "treatment")
        shut += not strata(plan, pd.crosstab(tier, arms)).passed
    assert shut <= 3
    assert strata(plan, pd.crosstab(np.repeat("one", N), ARMS)) is None


def test_shops_drawn_whole_are_not_judged_as_customers():
    shop = [f"s{k % 20}" for k in range(N)]  # even shops are controls, odd ones have the measure
    plan = settings(pilot(metrics=[spend()]))
    checks, effects, _ = judged(tables(units(ARMS, cluster=shop), outcomes(spent(), metric="spend")), plan)
    assert "20 of 20 clusters" in red(checks)["whole_clusters"] and not effects.effects[0].shown
    as_shops = settings(pilot(metrics=[spend()], unit="cluster"))
    assert not red(judged(tables(units(ARMS, cluster=shop), outcomes(spent(), metric="spend")), as_shops)[0])


def test_customers_of_one_shop_in_both_arms_may_reach_each_other():
    shop = [f"s{k % 21}" for k in range(N)]
    plan = settings(pilot(metrics=[spend()]))
    checks, effects, _ = judged(tables(units(ARMS, cluster=shop), outcomes(spent(12), metric="spend")), plan)
    assert not red(checks) and effects.effects[0].sound
    assert any("21 clusters" in words.render(EN) for words in checks.unchecked["care"])


def test_a_pilot_that_switches_from_day_to_day_is_never_called_sound():
    days = pd.date_range("2025-10-01", periods=80)
    rng = np.random.default_rng(5)
    ids = [f"d{k}" for k in range(80)]
    arms = np.where(np.arange(80) % 2, "treatment", "control")
    frame = pd.DataFrame({"pilot": "care", "unit_id": ids, "arm": arms, "assigned_at": days.date})
    plan = settings(pilot(metrics=[spend()]))
    for walk, said in ((True, "go together"), (False, "carry over")):
        value = 1000 + rng.normal(0, 20, 80) + walk * np.cumsum(rng.normal(0, 40, 80))
        rows = pd.DataFrame({"pilot": "care", "unit_id": ids, "metric": "spend", "value": value, "measured_at": days.date})
        checks, effects, _ = judged(tables(frame, rows), plan)
        assert any(said in words.render(EN) for words in checks.doubts["care"]) and not effects.effects[0].sound


@pytest.mark.parametrize(("times", "shut"), [(1.0, False), (100.0, True), (0.01, True), (3.0, False)])
def test_amounts_in_hundredths_are_found_by_the_orders_and_scaled_by_the_card(times, shut):
    values = spent(12)
    orders = pd.DataFrame({"order_id": IDS, "customer_id": IDS, "ordered_at": "2025-11-01", "amount": values.round(2)})
    rows = tables(units(ARMS), outcomes(values * times, metric="spend"), orders=orders)
    checks, effects, _ = judged(rows, settings(pilot(metrics=[spend()])))
    assert ("amounts" in red(checks)) == shut
    if times == 100:
        assert "100.00 times the orders" in red(checks)["amounts"]
        checks, effects, _ = judged(rows, settings(pilot(metrics=[spend(scale=0.01)])))
        assert not red(checks) and effects.effects[0].found.effect == pytest.approx(12, abs=2)
    few = tables(units(ARMS), outcomes(values * times, metric="spend"), orders=orders.head(FEWEST_AMOUNTS - 1))
    assert "amounts" not in red(judged(few, settings(pilot(metrics=[spend()])))[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"arm": np.where(TREATED, "B", "A")},
            "The units stand in arms that are called A, B, the card names control, treatment",
        ),
        ({"arm": "treatment"}, "No unit stands in control"),
        ({"pilot": "Care"}, "called Care, none is called care"),
    ],
)
def test_names_that_do_not_meet_are_told_and_not_called_missing_files(change, said):
    frame = units(ARMS).assign(**change)
    checks, effects, decision = judged(tables(frame, outcomes(spent(), metric="spend")), settings(pilot(metrics=[spend()])))
    assert effects.missing[0].why.render(EN).startswith(said) or said in effects.missing[0].why.render(EN)
    assert effects.blocks() == effects.missing and decision.action == "cannot_decide"
    assert ("pilots.uncarded" in [block.id for block in checks.blocks()]) == ("pilot" in change)


def test_a_metric_of_another_name_is_told():
    rows = tables(units(ARMS), outcomes(spent(), metric="Spend "))
    (said,) = judged(rows, settings(pilot(metrics=[spend()])))[1].missing
    assert "called Spend" in said.why.render(EN) and "none is called spend" in said.why.render(EN)
    sums = pd.DataFrame({"pilot": "care", "arm": ["control", "treatment"], "metric": "spend", "n": 100, "mean": 5.0})
    (said,) = judged(tables(units([])[:0], pilot_summaries=sums), settings(pilot(metrics=[spend()])))[1].missing
    assert "pilot_summaries.variance" in said.missing


def test_before_and_after_without_a_control_cannot_tell():
    frame = units(np.repeat("treatment", N))
    rows = tables(frame, outcomes(spent(), metric="spend", pre_value=90.0))
    _, effects, decision = judged(rows, settings(pilot(metrics=[spend()], randomised=False)))
    assert "before and after" in effects.missing[0].why.render(EN) and decision.action == "cannot_decide"


def test_a_delivered_pilot_without_a_card_is_told_by_check_before_any_run(tmp_path):
    folder = tmp_path / "data" / "acme" / "2025Q4"
    folder.mkdir(parents=True)
    assigned(ARMS).to_csv(folder / "assigned.csv", index=False)
    (tmp_path / "params" / "acme").mkdir(parents=True)
    head, cards = SETTINGS.format(summaries="to_date", better="higher").split("pilots:\n")
    lines = [line for line in head.splitlines(keepends=True) if "measured.csv" not in line and "sums.csv" not in line]
    for text, told in (("".join(lines), True), ("".join([*lines, "pilots:\n", cards]), False)):
        (tmp_path / "params" / "acme" / "engagement.yaml").write_text(text)
        (tmp_path / "params" / "acme" / "2025Q4.yaml").write_text("{}\n")
        outcome = check_client(tmp_path, "acme", [Period.parse("2025Q4")])
        assert outcome.ok and ("no card stands under pilots" in outcome.as_words(20)) == told


def test_the_example_of_the_readme_is_judged_as_it_stands(tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    example = next(part for part in readme.split("```yaml\n")[1:] if "ab.csv" in part).partition("```")[0]
    (tmp_path / "params" / "acme").mkdir(parents=True)
    (tmp_path / "params" / "acme" / "engagement.yaml").write_text("client: {name: Acme}\n" + example)
    (tmp_path / "params" / "acme" / "2025Q4.yaml").write_text("{}\n")
    folder = tmp_path / "data" / "acme" / "2025Q4"
    folder.mkdir(parents=True)
    wide = {"user_id": IDS, "group": ARMS, "assigned": "2025-10-01", "measured": "2025-12-20", "spend": spent(12)}
    pd.DataFrame(wide).to_csv(folder / "ab.csv", index=False)
    period = Period.parse("2025Q4")
    plan = read_settings(tmp_path, "acme", period)
    tables = prepare(tmp_path, "acme", period, plan).tables
    checks = check_pilots(tables, plan)
    (effect,) = measure_effects(tables, plan, checks).effects
    assert not checks.failed("spring") and effect.found.low < 12 < effect.found.high
