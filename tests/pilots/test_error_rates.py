"""Simulated error rates of the rules: 20,000 pilots each with fixed seeds."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import pilot, settings, spend

from workbook.pilots.boundaries import anytime_limit, limits
from workbook.pilots.comparison import adjusted_means, welch
from workbook.pilots.estimates import lead_estimate
from workbook.pilots.few_clusters import _assignments, p_among
from workbook.pilots.moments import Moments, moments_of
from workbook.pilots.playing import _of_means, play
from workbook.pilots.samples import FrameSample

TRIALS = 20_000
Z = stats.norm.isf(0.025)
# so small a margin that no pilot ends for want of a worthwhile effect
METRIC = settings(pilot(metrics=[spend(margin=1e-9)])).pilots[0].metrics[0]

pytestmark = pytest.mark.slow


def rng(seed):
    return np.random.default_rng(seed)


def errors(history, units, looks, seed):
    null = play(history, units, looks, METRIC, 0.05, rng(seed), trials=TRIALS)[0]
    return null.gain + null.harm, null.naive


def test_group_sequential_limits_at_five_and_thirty_looks():
    history = rng(0).normal(100, 15, 100_000)
    found = {}
    for looks, units in ((5, 400), (30, 900)):
        times = [k / looks for k in range(1, looks + 1)]
        planned = [(t, min(limit, 9.0)) for t, limit in zip(times, limits(times), strict=True)]
        found[looks], naive = errors(history, (units, units), planned, looks)
        assert naive == pytest.approx({5: 0.1417, 30: 0.285}[looks], abs=0.01)
    assert found[5] == pytest.approx(0.05, abs=0.005) and found[30] == pytest.approx(0.05, abs=0.005)


def test_the_confidence_sequence_at_thirty_looks():
    times = [k / 30 for k in range(1, 31)]
    found, _ = errors(rng(1).normal(0, 1, 100_000), (900, 900), [(t, anytime_limit(t)) for t in times], 31)
    assert 0.005 < found <= 0.05


def test_intervals_of_zero_inflated_lognormal_spend_at_two_thousand_a_side():
    generator = rng(2)
    history = generator.lognormal(3, 1.2, 400_000) * (generator.random(400_000) < 0.1)
    found, _ = errors(history, (2000, 2000), [(1.0, float(Z))], 3)
    assert 1 - found == pytest.approx(0.95, abs=0.005)


def test_peeking_at_zero_inflated_lognormal_spend_errs_no_more_than_it_says():
    """Heavy tails make Welch's test wary: it errs a little less than 5 %, never more; see the next test for how much less."""
    generator = rng(2)
    history = generator.lognormal(3, 1.2, 400_000) * (generator.random(400_000) < 0.1)
    times = [k / 5 for k in range(1, 6)]
    planned, _ = errors(history, (2000, 2000), [(t, min(limit, 9.0)) for t, limit in zip(times, limits(times), strict=True)], 5)
    anytime, _ = errors(history, (2000, 2000), [(t, anytime_limit(t)) for t in times], 6)
    assert 0.039 < planned <= 0.055 and anytime <= 0.05


@pytest.mark.long
@pytest.mark.parametrize("looks", [5, 30])
def test_how_wary_the_rule_is_follows_from_how_few_buy_and_how_far_their_spend_spreads(looks):
    """2,000 a side, 20,000 trials, measured: a spread of the logarithm of .8 gives 4.6 to 5.1 %; of 1.2 with a tenth of buyers
    or more 4.4 to 4.9 %, with a twentieth 3.9 to 4.2 %; of 1.6 3.1 to 4.3 %; and of 2, where one buyer in a hundred spends a
    hundred times the median, 2.3 to 3.4 %.

    No look errs more often than it says: an outlier widens the interval of the arm that it falls into.

    A narrower limit from the signs that the contributions of the units might have had (the ten largest exactly, a normal
    distribution for the rest) was tried and is not used. Without an effect it errs as often as it says (5 looks, 20,000
    trials: 4.9 to 5.4 % at spreads of .8 to 2 and a twentieth to three tenths of buyers), but it takes both arms to be spread
    alike. Where the measure multiplies spend by 1.3, its interval misses 5.6 to 6.8 % at a spread of 1.6 and 6.3 to 9.1 % at 2
    (6,000 trials); the present one 4.5 to 5.5 %.
    """
    times = [k / looks for k in range(1, looks + 1)]
    planned = [(t, min(limit, 9.0)) for t, limit in zip(times, limits(times), strict=True)]
    for buyers, spread, least in (
        (0.1, 0.8, 0.045),
        (0.1, 1.2, 0.042),
        (0.3, 1.2, 0.042),
        (0.05, 1.2, 0.036),
        (0.1, 2.0, 0.02),
    ):
        generator = rng(int(1000 * buyers + 10 * spread))
        history = generator.lognormal(3, spread, 1_000_000) * (generator.random(1_000_000) < buyers)
        found, _ = errors(history, (2000, 2000), planned, looks)
        assert least < found <= 0.055


def test_eight_clusters_a_side_with_intra_class_correlation_of_a_tenth():
    generator = rng(4)
    means = generator.normal(0, np.sqrt(0.1 + 0.9 / 60), (TRIALS, 16))
    p = stats.ttest_ind(means[:, :8], means[:, 8:], axis=1, equal_var=False).pvalue
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.007)
    # customers taken for independent: wrong more than a third of the time
    within = np.sqrt((0.1 + 0.9) / 60 * 2 / 8)
    naive = np.abs(means[:, :8].mean(axis=1) - means[:, 8:].mean(axis=1)) / within > Z
    assert naive.mean() > 0.3


@pytest.mark.long
def test_eight_clusters_a_side_by_the_estimate_that_the_report_reads():
    """From customers to the interval and the permutation's p, with the package's own code; without an effect and with one.

    20,000 trials, measured: see the assertions.
    """
    generator, metric = rng(40), METRIC.model_copy(update={"cap": 1.0})
    arms = np.repeat(np.where(np.arange(16) < 8, "control", "treatment"), 20)
    shops = np.repeat([f"s{k:02d}" for k in range(16)], 20)
    rows = pd.DataFrame({"cluster": shops, "arm": arms, "stratum": None, "unit_id": np.arange(320)})
    away, rejected, missed = np.where(arms == "treatment", 0.4, 0.0), 0, 0
    for _ in range(TRIALS):
        values = np.repeat(generator.normal(0, np.sqrt(0.1), 16), 20) + generator.normal(0, np.sqrt(0.9), 320)
        sample = FrameSample(rows.assign(value=values + away))
        found = lead_estimate(sample, metric, "control", "treatment", 0.95, seed=1, clustered=True)
        missed += not found.low <= 0.4 <= found.high
        none = lead_estimate(
            FrameSample(rows.assign(value=values)), metric, "control", "treatment", 0.95, seed=1, clustered=True
        )
        rejected += none.p <= 0.05
        assert (none.low <= 0 <= none.high) == (found.low <= 0.4 <= found.high)
    assert rejected / TRIALS == pytest.approx(0.05, abs=0.007) and missed / TRIALS == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("looks", [1, 5])
def test_intervals_cover_an_effect_as_often_as_they_say_also_after_several_looks(looks):
    """Those of all looks hold together: 95 % of pilots are covered at every look, so wherever the rule ended them."""
    times = [k / looks for k in range(1, looks + 1)]
    at = [float(Z)] if looks == 1 else [min(limit, 9.0) for limit in limits(times)]
    generator, effect, n = rng(41 + looks), 4.0, 400
    missed = np.zeros(TRIALS, dtype=bool)
    for start in range(0, TRIALS, 2000):
        sides = [generator.gamma(4, 10, (2000, n)), generator.gamma(4, 10, (2000, n)) + effect]
        for t, limit in zip(times, at, strict=True):
            now = round(n * t)
            moments = [np.stack([np.full(2000, float(now)), x[:, :now].sum(axis=1), (x[:, :now] ** 2).sum(axis=1)], axis=1)
                       for x in sides]  # fmt: skip
            low, high = _of_means(moments[0], moments[1], limit)
            missed[start : start + 2000] |= (low > effect) | (high < effect)
    assert missed.mean() == pytest.approx(0.05, abs=0.005)
    # the intervals played are those of the report
    one = welch(moments_of(sides[0][0]), moments_of(sides[1][0]), 1 - 2 * stats.norm.sf(at[-1]))
    assert (low[0], high[0]) == pytest.approx((one.low, one.high))


@pytest.mark.long
@pytest.mark.parametrize("looks", [1, 5])
def test_the_estimate_adjusted_for_what_was_known_before_errs_as_often_as_the_plain_one(looks):
    """The plain difference is played in calibrations; that of a card with covariates errs alike, and covers an effect alike."""
    times = [k / looks for k in range(1, looks + 1)]
    at = [float(Z)] if looks == 1 else [min(limit, 9.0) for limit in limits(times)]
    levels = [1 - 2 * stats.norm.sf(limit) for limit in at]
    generator, n, effect = rng(50 + looks), 400, 5.0
    rejected, missed = np.zeros(TRIALS, dtype=bool), np.zeros(TRIALS, dtype=bool)
    for trial in range(TRIALS):
        before = generator.gamma(4, 10, (2, n))
        values = np.stack([0.8 * before + generator.gamma(2, 10, (2, n)), before], axis=-1)
        for t, level in zip(times, levels, strict=True):
            arms = [moments_of(side[: round(n * t)]) for side in values]
            none = adjusted_means(*arms, level)
            rejected[trial] |= not none.low <= 0 <= none.high
            moved = Moments(arms[1].n, arms[1].mean + np.array([effect, 0.0]), arms[1].scatter)
            found = adjusted_means(arms[0], moved, level)
            missed[trial] |= not found.low <= effect <= found.high
    assert rejected.mean() == pytest.approx(0.05, abs=0.005) and missed.mean() == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize("side", [8, 6])
def test_chosen_clusters_with_intra_class_correlation_of_a_tenth(side):
    """Difference in differences of shops: changes between two stretches of 60 customers each, shops alike by a tenth."""
    generator = rng(side)
    treated = np.arange(2 * side) < side
    chosen = _assignments(treated, generator)
    changes = generator.normal(0, np.sqrt(2 * (0.1 + 0.9 / 60)), (TRIALS // 2, 2 * side))
    rejected = [p_among(change, treated, chosen) <= 0.05 for change in changes]
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.007)
