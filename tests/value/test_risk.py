"""Probabilities of leaving against second implementations, planted truth, and the published churn sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from tests.conftest import ROOT

from workbook.value.risk import FOLDS, folds_of, judge_risk, learn, lost_value, newton, reliability, weigh_signals, wilson

DATA = ROOT.parent / "shared" / "data"


def planted(n=4000, seed=0, slope=1.0):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3))
    truth = 1 / (1 + np.exp(-(-1.0 + slope * features[:, 0] - 0.5 * features[:, 1])))
    return features, rng.random(n) < truth, truth


def telco():
    path = DATA / "ibm_telco" / "Telco-Customer-Churn.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not on this machine")
    frame = pd.read_csv(path)
    frame["TotalCharges"] = pd.to_numeric(frame["TotalCharges"], errors="coerce").fillna(0.0)
    lost = (frame["Churn"] == "Yes").to_numpy()
    known = pd.get_dummies(frame.drop(columns=["customerID", "Churn"]), drop_first=True).astype(float)
    return frame, known.to_numpy(), lost


def iranian():
    path = DATA / "iranian_churn" / "Customer_Churn.csv"
    if not path.is_file():
        pytest.skip(f"{path} is not on this machine")
    frame = pd.read_csv(path).rename(columns=lambda name: " ".join(name.split()))
    return frame, (frame["Churn"] == 1).to_numpy()


def test_the_regression_agrees_with_scikit_learn():
    features, lost, _ = planted(800)
    line, covariance = newton(np.column_stack([np.ones(800), features]), lost.astype(float), ridge=np.r_[0.0, np.ones(3)])
    other = LogisticRegression(C=1.0, tol=1e-10, max_iter=5000).fit(features, lost)
    assert line == pytest.approx([*other.intercept_, *other.coef_[0]], abs=1e-5)
    assert np.all(np.linalg.eigvalsh(covariance) > 0)


def test_figures_of_skill_agree_with_scikit_learn_and_with_drawing_anew():
    _, lost, truth = planted(1500, seed=3)
    found = judge_risk(truth, lost)
    assert found["brier"] == pytest.approx(brier_score_loss(lost, truth))
    assert found["auc"] == pytest.approx(roc_auc_score(lost, truth))
    rng = np.random.default_rng(5)
    draws = [judge_risk(truth[i], lost[i]) for i in rng.integers(0, 1500, (200, 1500))]
    for name in ("auc", "skill"):
        spread = np.std([one[name] for one in draws])
        assert (found[f"{name}_high"] - found[f"{name}_low"]) / 3.92 == pytest.approx(spread, rel=0.2), name


def test_ties_and_a_constant_forecast_rank_by_chance():
    lost = np.array([True, False] * 50)
    found = judge_risk(np.full(100, 0.5), lost)
    assert found["auc"] == 0.5 and found["skill"] == 0


@pytest.mark.parametrize("method", ["logistic", "boosting"])
def test_planted_probabilities_are_recovered_on_others(method):
    features, lost, _ = planted(4000)
    new, _, truth = planted(2000, seed=9)
    said = learn(method, features, lost).of(new)
    assert said.mean() == pytest.approx(truth.mean(), abs=0.02)
    assert np.sqrt(((said - truth) ** 2).mean()) < {"logistic": 0.03, "boosting": 0.08}[method]
    groups = reliability(said, new[:, 0] > -99)
    assert groups["customers"].sum() == 2000


def test_nobody_is_foretold_from_what_the_customer_taught():
    # features that tell nothing: whoever is foretold by the own outcome beats chance, whoever is not does not
    rng = np.random.default_rng(2)
    noise, lost = rng.normal(size=(600, 40)), rng.random(600) < 0.3
    seen, held_out = learn("logistic", noise, lost).of(noise), learn("logistic", noise, lost).held_out
    assert judge_risk(seen, lost)["auc"] > 0.65
    assert judge_risk(held_out, lost)["auc"] < 0.56


def test_folds_share_leavers_evenly_and_are_the_same_each_time():
    lost = np.arange(103) % 4 == 0
    folds = folds_of(lost, 7)
    for group in (lost, ~lost):
        sizes = np.bincount(folds[group], minlength=FOLDS)
        assert sizes.max() - sizes.min() <= 1
    assert (folds == folds_of(lost, 7)).all()


def test_intervals_of_shares_and_differences_agree_with_statsmodels():
    low, high = wilson(np.array([0.2]), np.array([50.0]))
    assert (low[0], high[0]) == pytest.approx(proportion_confint(10, 50, method="wilson"))
    rng = np.random.default_rng(1)
    sign, lost = rng.random(400) < 0.3, rng.random(400) < 0.25
    found = weigh_signals(pd.DataFrame({"one": sign}), lost, np.zeros((400, 1))).iloc[0]
    expected = confint_proportions_2indep(
        int(lost[sign].sum()), int(sign.sum()), int(lost[~sign].sum()), int((~sign).sum()), method="newcomb"
    )
    assert (found["low"], found["high"]) == pytest.approx(expected, abs=1e-6)


def test_signs_without_effect_are_called_clear_in_few_of_many_draws():
    wrong = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        signs = pd.DataFrame({f"s{k}": rng.random(300) < 0.4 for k in range(6)})
        wrong += bool(weigh_signals(signs, rng.random(300) < 0.3, np.zeros((300, 1)))["clear"].any())
    assert wrong <= 12  # above on one side of 95% for all together: 2.5%


def test_a_planted_sign_comes_first_and_holds_its_odds():
    rng = np.random.default_rng(4)
    signs = pd.DataFrame({"true": rng.random(4000) < 0.3, "noise": rng.random(4000) < 0.3})
    lost = rng.random(4000) < 1 / (1 + np.exp(1.5 - 1.0 * signs["true"].to_numpy()))
    found = weigh_signals(signs.assign(nobody=False), lost, rng.normal(size=(4000, 1)))
    assert found["signal"].tolist() == ["true", "noise"] and found["clear"].tolist() == [True, False]
    assert found["odds_low"][0] < np.e < found["odds_high"][0]
    p = multipletests([0.01, 0.04, 0.03], method="holm")[1]
    from workbook.value.risk import _holm

    assert _holm(np.array([0.01, 0.04, 0.03])) == pytest.approx(p)


def test_telco_is_calibrated_and_better_than_its_base_rate():
    _, features, lost = telco()
    assert (len(lost), int(lost.sum())) == (7043, 1869) and lost.mean() == pytest.approx(0.2654, abs=0.00005)
    found = learn("logistic", features, lost)
    judged, groups = judge_risk(found.held_out, lost), reliability(found.held_out, lost)
    assert judged["auc"] == pytest.approx(0.845, abs=0.005) and judged["skill_low"] > 0.28
    assert judged["brier"] == pytest.approx(0.135, abs=0.002)
    assert found.held_out.mean() == pytest.approx(lost.mean(), abs=0.002)
    assert (groups["foretold"] - groups["left"]).abs().max() < 0.06


def test_iranian_complaints_set_leavers_apart_and_trees_win():
    frame, lost = iranian()
    assert (len(lost), int(lost.sum())) == (3150, 495)
    sign = weigh_signals(pd.DataFrame({"complained": frame["Complains"] == 1}), lost, frame[["Seconds of Use"]].to_numpy(float))
    assert sign["customers"][0] == 241
    assert (sign["left_with"][0], sign["left_without"][0]) == pytest.approx((0.8299, 0.1014), abs=0.00005)
    different = ~frame.duplicated()  # 300 rows stand twice: a fold would know them
    features = frame.drop(columns="Churn").to_numpy(dtype=float)[different]
    errors = {m: judge_risk(learn(m, features, lost[different]).held_out, lost[different]) for m in ("logistic", "boosting")}
    assert errors["boosting"]["brier"] < errors["logistic"]["brier"] - 0.01
    assert errors["boosting"]["skill_low"] > 0.5


@pytest.mark.parametrize("skewed", [False, True])
def test_the_interval_of_the_value_at_risk_holds_what_is_lost_in_95_of_100(skewed):
    """A level learned from one year, a year to judge it, a year to come: planted, 400 times, even and very uneven values."""
    held = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        true = rng.beta(2, 6, 800)
        value = rng.lognormal(5, 1.2 if skewed else 0.2, 800)
        first, second, third = (rng.random(800) < true for _ in range(3))
        learned = true * first.sum() / true.sum()  # the order is right, the level as far off as one year is
        total, low, high = lost_value(learned, value, learned, second)
        assert total == pytest.approx((learned * value).sum()) and low < total < high
        held += low <= value[third].sum() <= high
    assert 0.93 <= held / 400 <= 0.99


def test_a_back_test_that_was_far_off_widens_the_interval():
    probability, value = np.full(100, 0.2), np.full(100, 50.0)
    lost = np.arange(100) < 20
    near, far = (lost_value(probability, value, probability, np.arange(100) < n) for n in (20, 40))
    assert near[0] == far[0] == 1000 and far[2] - far[1] > 1.5 * (near[2] - near[1])
    nothing = lost_value(probability, np.full(100, np.nan), probability, lost)
    assert nothing == (0.0, 0.0, 0.0)
