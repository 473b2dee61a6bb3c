import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from workbook.pilots.multiplicity import benjamini_hochberg, holm, simultaneous


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_holm_and_benjamini_hochberg_agree_with_statsmodels(n):
    p = np.random.default_rng(n).uniform(size=n).round(1).tolist()
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)


def test_what_could_not_be_tested_counts_for_nothing():
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04] and benjamini_hochberg([None]) == [None]


def test_intervals_of_three_arms_hold_together():
    """20,000 experiments with three arms of no effect: all three intervals hold zero at least 95 % of the time."""
    control, *arms = np.random.default_rng(3).normal(size=(4, 20_000))
    z = 2.3940  # normal quantile of 1 - 0.05 / 6
    assert simultaneous(0.95, 3) == pytest.approx(1 - 0.05 / 3)
    inside = np.all([np.abs(arm - control) / np.sqrt(2) < z for arm in arms], axis=0)
    assert 0.95 < inside.mean() < 0.97
