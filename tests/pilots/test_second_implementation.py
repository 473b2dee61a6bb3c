"""Estimates of pilots are those of other packages, to nine digits, where the definitions agree.

CUPED differs by definition and is held to within what that explains: tea-tasting centres the covariate over both arms with one
slope of the pooled data, this package takes the slope within arms (analysis of covariance) and widens the interval for it.
"""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.pilots.checks import check_pilots
from workbook.pilots.comparison import adjusted_means, compare_means, compare_proportions, ratio_of_sums
from workbook.pilots.effects import measure_effects
from workbook.pilots.gates import sample_ratio
from workbook.pilots.moments import moments_of
from workbook.pilots.multiplicity import benjamini_hochberg, holm

tt = pytest.importorskip("tea_tasting", reason="tea-tasting is in the test extra of pyproject.toml")

NINE = 1e-9


def data(seed, n=1501, lost=0.1):
    """Skewed spend that goes with what was spent before, orders to divide by, arms of unequal size, some outcomes missing."""
    rng = np.random.default_rng(seed)
    arm = (rng.random(n) < 0.4).astype(int)
    before = rng.lognormal(3, 1, n)
    orders = 1.0 + rng.poisson(2, n)
    spent = 0.6 * before + orders * rng.lognormal(2, 0.8, n) + 4 * arm
    spent[rng.random(n) < lost] = np.nan
    return pd.DataFrame({"variant": arm, "spent": spent, "before": before, "orders": orders})


def beside(frame, **metrics):
    """What tea-tasting finds; it is given no missing value, since it would count one as a number, and never an Arrow table."""
    return tt.Experiment(metrics).analyze(frame.dropna().reset_index(drop=True))


def sides(frame, *names):
    known = frame.dropna()
    return [known.loc[known["variant"] == arm, list(names)].to_numpy().squeeze() for arm in (0, 1)]


@pytest.mark.parametrize("confidence", [0.95, 0.99])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_means_are_those_of_tea_tasting_and_statsmodels(seed, confidence):
    frame = data(seed)
    found = compare_means(*sides(frame, "spent"), confidence)
    metric = tt.Mean("spent", use_t=True, equal_var=False, confidence_level=confidence)
    other = beside(frame, spent=metric)["spent"]
    ours = (found.control, found.treated, found.effect, found.low, found.high, found.p)
    assert ours == pytest.approx(
        (
            other.control,
            other.treatment,
            other.effect_size,
            other.effect_size_ci_lower,
            other.effect_size_ci_upper,
            other.pvalue,
        ),
        rel=NINE,
    )
    control, treated = sides(frame, "spent")
    third = CompareMeans(DescrStatsW(treated), DescrStatsW(control))
    assert (found.low, found.high) == pytest.approx(third.tconfint_diff(1 - confidence, usevar="unequal"), rel=NINE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ratios_of_sums_are_those_of_tea_tasting(seed):
    frame = data(seed)
    found = ratio_of_sums(*(moments_of(side) for side in sides(frame, "spent", "orders")))
    other = beside(frame, basket=tt.RatioOfMeans("spent", "orders", use_t=True, equal_var=False))["basket"]
    ours = (found.control, found.treated, found.effect, found.low, found.high, found.p)
    assert ours == pytest.approx(
        (
            other.control,
            other.treatment,
            other.effect_size,
            other.effect_size_ci_lower,
            other.effect_size_ci_upper,
            other.pvalue,
        ),
        rel=NINE,
    )


def test_proportions_are_those_of_statsmodels():
    rng = np.random.default_rng(4)
    control, treated = (rng.random(900) < 0.2).astype(float), (rng.random(700) < 0.26).astype(float)
    found = compare_proportions(control, treated)
    yes = [treated.sum(), control.sum()]
    assert found.p == pytest.approx(proportions_ztest(yes, [700, 900])[1], rel=NINE)
    interval = confint_proportions_2indep(yes[0], 700, yes[1], 900, method="wald", compare="diff")
    assert (found.low, found.high) == pytest.approx(interval, rel=NINE)


def test_the_sample_ratio_is_that_of_tea_tasting():
    frame = data(5)
    plan = settings(pilot(arms={"control": 0.6, "treatment": 0.4})).pilots[0]
    sizes = frame["variant"].map({0: "control", 1: "treatment"}).value_counts()
    found = sample_ratio(plan, sizes)
    ratio = tt.SampleRatio({0: 0.6, 1: 0.4}, method="norm", correction=False)
    other = tt.Experiment(arms=ratio).analyze(frame)["arms"]
    assert found.p == pytest.approx(other.pvalue, rel=NINE)


def test_several_comparisons_are_adjusted_as_statsmodels_does():
    p = np.random.default_rng(6).uniform(0, 0.2, 12).tolist()
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], rel=NINE)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], rel=NINE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_adjusted_effect_is_that_of_ordinary_regression_and_near_cuped(seed):
    frame = data(seed)
    known = frame.dropna()
    found = adjusted_means(*(moments_of(side) for side in sides(frame, "spent", "before")))
    line = sm.OLS(known["spent"], sm.add_constant(known[["variant", "before"]])).fit()
    assert found.effect == pytest.approx(line.params["variant"], rel=NINE)
    other = beside(frame, spent=tt.Mean("spent", "before", use_t=True, equal_var=False))["spent"]
    assert found.effect == pytest.approx(other.effect_size, abs=0.05 * found.error)
    width = other.effect_size_ci_upper - other.effect_size_ci_lower
    assert found.high - found.low == pytest.approx(width, rel=5e-3)


def test_a_pilot_from_its_tables_gives_the_same_nine_digits():
    """The whole way of a delivery: assignments and outcomes with gaps, plain, as a ratio, and its relative lift."""
    frame = data(7)
    arms = np.where(frame["variant"] == 1, "treatment", "control")
    plan = settings(pilot(arms={"control": 0.6, "treatment": 0.4}, metrics=[
        spend(margin=1), spend(id="basket", kind="ratio", denominator="orders", margin=1)]))  # fmt: skip
    measured = [outcomes(frame[name], metric=metric) for name, metric in
                (("spent", "spend"), ("spent", "basket"), ("orders", "orders"))]  # fmt: skip
    delivered = tables(units(arms), *measured)
    rows = measure_effects(delivered, plan, check_pilots(delivered, plan)).frame.set_index("metric")
    other = beside(
        frame,
        spend=tt.Mean("spent", use_t=True, equal_var=False),
        basket=tt.RatioOfMeans("spent", "orders", use_t=True, equal_var=False),
    )
    for metric in ("spend", "basket"):
        row, theirs = rows.loc[metric], other[metric]
        assert row[["effect", "low", "high", "p", "lift"]].tolist() == pytest.approx(
            [
                theirs.effect_size,
                theirs.effect_size_ci_lower,
                theirs.effect_size_ci_upper,
                theirs.pvalue,
                theirs.rel_effect_size,
            ],
            rel=NINE,
        )
