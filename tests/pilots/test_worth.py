import numpy as np
import pytest
from scipy import stats

from workbook.pilots.worth import corrected_effect


def test_the_corrected_effect_is_where_the_conditional_likelihood_is_highest():
    means = np.linspace(0, 4, 40_001)
    for z in (2.0, 2.3, 3.1):
        crossed = stats.norm.sf(1.96 - means) + stats.norm.cdf(-1.96 - means)
        best = means[np.argmax(stats.norm.logpdf(z - means) - np.log(crossed))]
        assert corrected_effect(z * 5, 5.0, 1.96) == pytest.approx(best * 5, abs=2e-3)
        assert corrected_effect(-z * 5, 5.0, 1.96) == -corrected_effect(z * 5, 5.0, 1.96)


def test_told_effects_are_too_large_and_corrected_ones_hardly():
    rng = np.random.default_rng(0)
    told = [z for z in rng.normal(2, 1, 900) if z > 1.96]
    corrected = [corrected_effect(z, 1.0, 1.96) for z in told]
    assert np.mean(told) > 2.7 and abs(np.mean(corrected) - 2) < 0.3


def test_what_did_not_cross_and_what_is_far_beyond_stays():
    assert corrected_effect(1.0, 1.0, 1.96) == 1.0
    assert corrected_effect(9.0, 1.0, 1.96) == pytest.approx(9.0, abs=1e-6)
