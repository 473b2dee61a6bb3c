import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, two_arms, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
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


def test_a_running_pilot_is_not_looked_at():
    assert failed(units(ARMS), outcomes(yes()), plan=pilot(ends="2026-01-31")) == {"ended"}


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
