import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.report.blocks import NotMeasured

ARMS = two_arms(400)


def failed(assignments, *measured, plan=None, **more):
    checks = check_pilots(tables(assignments, *measured, **more), settings(plan or pilot()))
    return {check.check for check in checks.failed("care")}


def yes(n=400, seed=0):
    return np.random.default_rng(seed).integers(0, 2, n).astype(float)


def test_a_sound_pilot_passes_every_check():
    assert failed(units(ARMS, exposed_at="2025-10-02"), outcomes(yes(), pre_value=yes(seed=1))) == set()


def test_a_lopsided_split_shuts_the_gate():
    arms = np.where(np.arange(400) < 250, "control", "treatment")
    assert failed(units(arms), outcomes(yes())) == {"sample_ratio"}


def test_the_split_is_held_to_the_planned_shares():
    arms = np.where(np.arange(400) < 100, "treatment", "control")
    assert failed(units(arms), outcomes(yes()), plan=pilot(arms={"control": 0.75, "treatment": 0.25})) == set()


def test_units_in_two_arms_shut_the_gate():
    both = pd.concat([units(ARMS), units(ARMS).head(20).assign(arm="treatment", unit_id=lambda f: f["unit_id"] + "x")])
    assert "two_arms" in failed(both, outcomes(yes()))


def test_exposure_before_assignment_shuts_the_gate():
    early = np.where(np.arange(400) < 40, "2025-09-01", "2025-10-05")
    assert failed(units(ARMS, exposed_at=early), outcomes(yes())) == {"exposure"}


def test_outcomes_missing_in_one_arm_shut_the_gate():
    values = yes()
    values[np.flatnonzero(ARMS == "treatment")[:60]] = np.nan
    assert failed(units(ARMS), outcomes(values)) == {"missing.repeat"}


def test_rows_without_outcome_count_as_missing_too():
    measured = outcomes(yes())
    kept = measured[~measured["unit_id"].isin(units(ARMS)["unit_id"][ARMS == "control"].head(60))]
    assert failed(units(ARMS), kept) == {"missing.repeat"}


def test_arms_that_differed_before_shut_the_gate():
    assert failed(units(ARMS), outcomes(yes(), pre_value=np.where(ARMS == "control", 1.0, 2.0) + yes(seed=3))) == {"balance"}


def test_balance_falls_back_on_revenue_before_the_pilot():
    rich = units(ARMS)["unit_id"][ARMS == "treatment"]
    orders = pd.DataFrame({"order_id": rich, "customer_id": rich, "ordered_at": "2025-06-01", "amount": 100 + yes(len(rich))})
    assert failed(units(ARMS), outcomes(yes()), orders=orders) == {"balance"}


@pytest.mark.parametrize(
    ("arms", "said"), [(np.where(ARMS == "control", "control", "other"), "other"), (np.repeat("control", 400), "treatment")]
)
def test_strange_and_empty_arms_shut_the_gate_and_are_named(arms, said):
    checks = check_pilots(tables(units(arms), outcomes(yes())), settings(pilot()))
    check = next(c for c in checks.failed("care") if c.check == "assigned")
    assert said in check.words.render(Edition("en"))


def test_a_running_pilot_may_be_looked_at_since_its_interval_knows():
    assert failed(units(ARMS), outcomes(yes()), plan=pilot(ends="2026-01-31")) == set()


def test_many_missing_outcomes_are_a_doubt_though_no_gate_is_red():
    values = yes()
    values[:40] = np.nan
    checks = check_pilots(tables(units(ARMS), outcomes(values)), settings(pilot()))
    assert checks.doubts["care"] and not checks.failed("care")


def test_the_artefact_has_its_columns_also_without_any_pilot():
    checks = check_pilots(tables(units(ARMS)), settings())
    assert list(checks.frame.columns) == ["pilot", "check", "statistic", "p", "passed"]
    assert isinstance(checks.table(), NotMeasured)


def test_a_pilot_that_was_not_randomised_is_not_checked():
    checks = check_pilots(tables(units(ARMS), outcomes(yes())), settings(pilot(randomised=False)))
    assert checks.frame.empty


def test_the_table_says_in_words_what_failed():
    checks = check_pilots(
        tables(units(np.where(np.arange(400) < 250, "control", "treatment")), outcomes(yes())),
        settings(pilot(metrics=[spend(source="outcomes")])),
    )
    words = checks.table().bundle((Edition("en"), Edition("zh")), 20)["languages"]
    assert "not passed" in {row[-1] for row in words["en"]["cells"]} and "未通过" in {row[-1] for row in words["zh"]["cells"]}
    assert words["zh"]["title"].endswith("样本比例")


def days(values):
    return pd.to_datetime("2025-10-01") + pd.to_timedelta(values, unit="D")


def test_a_split_that_strays_day_by_day_is_seen_though_many_looks_are_taken():
    rng = np.random.default_rng(0)
    drifting = rng.random(4000) < np.where(np.arange(4000) < 2000, 0.5, 0.62)
    arms = np.where(drifting, "treatment", "control")
    assert "arrivals" in failed(units(arms, assigned_at=days(np.arange(4000) // 100)), outcomes(yes(4000)))


def test_a_sound_split_is_rarely_doubted_however_often_it_is_looked_at():
    from workbook.pilots.gates import split_evidence

    rng = np.random.default_rng(1)
    shares = np.array([0.5, 0.3, 0.2])
    seen = rng.multinomial(20, shares, (3000, 60)).cumsum(axis=1)
    crossed = [np.exp(split_evidence(one.astype(float), shares).max()) >= 20 for one in seen]
    assert np.mean(crossed) <= 0.05


def test_three_arms_of_a_third_each_can_be_written_and_are_held_to_it():
    arms = np.array(["control", "letter", "call"])[np.arange(400) % 3]
    thirds = pilot(arms={"control": "1/3", "letter": "1/3", "call": "1/3"})
    assert failed(units(arms), outcomes(yes()), plan=thirds) == set()
    assert failed(units(arms), outcomes(yes()), plan=pilot(arms={"control": 1, "letter": 1, "call": 1})) == set()


def test_outcomes_from_before_the_start_and_units_drawn_after_the_end_shut_the_gate():
    assert failed(units(ARMS), outcomes(yes(), measured_at="2025-09-01")) == {"dates"}
    assert "dates" in failed(units(ARMS, assigned_at="2026-01-05"), outcomes(yes()))


def test_outcomes_measured_twice_that_differ_shut_the_gate():
    twice = pd.concat([outcomes(yes()), outcomes(1 - yes()).head(40)])
    assert failed(units(ARMS), twice) == {"duplicates"}
    same = pd.concat([outcomes(yes()), outcomes(yes()).head(40)])
    assert failed(units(ARMS), same) == set()


def test_other_metrics_that_differed_before_shut_the_gate():
    plan = pilot(metrics=[*pilot()["metrics"], spend()])
    before = np.where(ARMS == "control", 10.0, 20.0) + yes(seed=3)
    measured = (outcomes(yes(), pre_value=yes(seed=5)), outcomes(yes(seed=4), metric="spend", pre_value=before))
    assert failed(units(ARMS), *measured, plan=plan) == {"before"}


def test_clusters_in_two_arms_or_units_without_one_shut_the_gate():
    shops = np.array([f"s{k:02d}" for k in range(40)])[np.arange(400) // 10]
    arms = np.where(np.arange(400) // 10 % 2, "treatment", "control")
    plan = pilot(unit="cluster")
    assert failed(units(arms, cluster=shops), outcomes(yes()), plan=plan) == set()
    assert "clusters" in failed(units(ARMS, cluster=shops), outcomes(yes()), plan=plan)
    assert "clusters" in failed(units(arms), outcomes(yes()), plan=plan)


def test_summaries_are_held_to_the_planned_shares_too():
    rows = pd.DataFrame(
        {"pilot": "care", "arm": ["control", "treatment"], "metric": "repeat", "looked_at": "2025-12-20", "n": [900, 1100],
         "successes": [90, 120]}
    )  # fmt: skip
    assert failed(units([]), pilot_summaries=rows) == {"sample_ratio"}
    assert failed(units([]), pilot_summaries=rows.assign(n=[1000, 1010])) == set()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"successes": [90, 1300]}, "successes or shares that cannot be: 1"),
        ({"successes": [90, -1]}, "successes or shares that cannot be: 1"),
        ({"successes": [None, None], "mean": [0.1, 1.2]}, "successes or shares that cannot be: 1"),
        ({"variance": [-1.0, 0.1]}, "variances that cannot be: 1"),
        ({"n": [1000, 0]}, "without units: 1"),
        ({"looked_at": "2024-12-20"}, "looked at before the first day: 2"),
    ],
)
def test_summaries_that_cannot_be_shut_the_gate_and_are_counted(changed, said):
    rows = pd.DataFrame(
        {"pilot": "care", "arm": ["control", "treatment"], "metric": "repeat", "looked_at": "2025-12-20", "n": [1000, 1010],
         "mean": [0.09, 0.11], "variance": [0.08, 0.09], "successes": [90, 120]}
    )  # fmt: skip
    checks = check_pilots(tables(units([]), pilot_summaries=rows.assign(**changed)), settings(pilot()))
    words = {check.check: check.words.render(Edition("en")) for check in checks.failed("care")}
    assert said in words["summaries"] and not {check.check for check in checks.failed("care")} - {"summaries", "assigned",
                                                                                                  "sample_ratio"}  # fmt: skip


def test_exposure_before_the_pilot_began_shuts_the_gate():
    early = np.where(np.arange(400) < 40, "2025-09-20", "2025-10-05")
    assert failed(units(ARMS, assigned_at="2025-09-10", exposed_at=early), outcomes(yes())) == {"exposure"}


def test_units_of_measure_mixed_in_one_arm_are_no_effect():
    """A third of the treated were delivered in fen: a gate that needs no orders; heavy tails alone never close it."""
    rng, n = np.random.default_rng(3), 600
    values = rng.lognormal(4, 0.5, n)
    mixed = np.where((np.arange(n) % 2 == 1) & (np.arange(n) % 3 == 0), 100 * values, values)
    plan = settings(pilot(metrics=[spend()]))
    checks = check_pilots(tables(units(two_arms(n)), outcomes(mixed, metric="spend")), plan)
    (red,) = checks.failed("care")
    assert red.check == "scale.spend" and "a twentieth of arm With measure" in red.words.render(Edition("en"))
    assert "请统一单位" in red.words.render(Edition("zh"))
    for seed in range(20):
        tails = np.random.default_rng(seed).lognormal(3, 2, 200)
        assert not check_pilots(tables(units(two_arms(200)), outcomes(tails, metric="spend")), plan).failed("care")


def test_arms_of_unlikely_sizes_are_doubted_before_they_close_the_gate():
    """A hundred and fifty robots among 2,150: p = 0.0012 passes the gate, but the reading says probably and why."""
    arms = np.r_[two_arms(2000), np.repeat("treatment", 150)]
    plan = settings(pilot(metrics=[spend()]))
    for extra, doubted in ((150, True), (40, False)):
        mine = arms[: 2000 + extra]
        values = np.random.default_rng(1).normal(100, 20, len(mine)) * (np.arange(len(mine)) < 2000)
        delivered = tables(units(mine), outcomes(values, metric="spend"))
        checks = check_pilots(delivered, plan)
        assert not checks.failed("care") and bool(checks.doubts["care"]) == doubted
        said = measure_effects(delivered, plan, checks).effects[0].words().render(Edition("en"))
        assert said.startswith("probably") == doubted
