"""Differences within strata: the field's p, an interval that covers as stated, and no difference where only strata differ."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable

from workbook.voice.matched import compare_within


def made_up(seed, effect=0.0, strata=12, n=600):
    """Strata in which both signal and outcome are more frequent: confounded, with *effect* within each of them."""
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, strata, n)
    signal = rng.random(n) < 0.1 + 0.6 * stratum / strata
    outcome = rng.random(n) < 0.1 + 0.6 * stratum / strata + effect * signal
    return stratum, signal, outcome


def test_p_is_that_of_cochran_mantel_and_haenszel():
    stratum, signal, outcome = made_up(1, 0.1)
    tables = [np.array([[(outcome & s & here).sum() for s in (signal, ~signal)],
                        [(~outcome & s & here).sum() for s in (signal, ~signal)]])
              for here in (stratum == k for k in range(12))]  # fmt: skip
    assert compare_within(stratum, signal, outcome, 0.95).p == pytest.approx(StratifiedTable(tables).test_null_odds().pvalue)


def test_one_stratum_gives_the_plain_difference():
    _, signal, outcome = made_up(2, 0.1)
    found = compare_within(np.zeros(600, dtype=np.int64), signal, outcome, 0.95)
    assert found.difference == pytest.approx(outcome[signal].mean() - outcome[~signal].mean())


@pytest.mark.parametrize(("strata", "n"), [(4, 400), (120, 500)])
def test_the_interval_covers_as_often_as_stated_for_few_strata_and_for_many(strata, n):
    found = [compare_within(*made_up(seed, 0.15, strata, n), 0.95) for seed in range(400)]
    assert 0.92 <= np.mean([f.low <= 0.15 <= f.high for f in found]) <= 0.98


def test_what_differs_between_strata_only_is_no_difference():
    found = [compare_within(*made_up(seed), 0.95) for seed in range(200)]
    assert np.mean([f.p <= 0.05 for f in found]) <= 0.09
    assert abs(np.mean([f.difference for f in found])) < 0.01
    plain = [compare_within(np.zeros(600, dtype=np.int64), *made_up(seed)[1:], 0.95) for seed in range(20)]
    assert sum(f.p < 0.05 for f in plain) >= 15  # without strata it would be called one


def test_a_stratum_without_its_like_is_left_out_and_counted():
    stratum = np.array([0] * 40 + [1] * 10)
    signal = np.array([True, False] * 20 + [True] * 10)
    found = compare_within(stratum, signal, np.array([True, True, False, False] * 10 + [True] * 10), 0.95)
    assert (found.n, found.others, found.left_out) == (20, 20, 10)
    assert compare_within(np.array([0, 1]), np.array([True, False]), np.array([True, True]), 0.95) is None


def test_customers_who_stand_in_several_periods_count_for_less():
    rng = np.random.default_rng(2)
    has, came = rng.random(150) < 0.4, rng.random(150) < 0.5
    once = compare_within(np.zeros(150, dtype=np.int64), has, came, 0.95)
    four = (np.repeat(np.arange(4), 150), np.tile(has, 4), np.tile(came, 4), 0.95)
    copied = compare_within(*four, np.tile(np.arange(150), 4))
    assert copied.difference == pytest.approx(once.difference)
    assert copied.error == pytest.approx(once.error, rel=0.02) and copied.p == pytest.approx(once.p, abs=0.03)
    assert compare_within(*four).error < 0.6 * once.error
