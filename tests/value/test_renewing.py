"""Contracts at fixed dates: the published cohort, the survival that follows, and cohorts that no model can carry."""

from __future__ import annotations

import numpy as np
import pytest

from workbook.value.fitting import Fit, NoFit
from workbook.value.renewing import fit_renewals, survival

HIGH_END = (1000, 869, 743, 653, 593, 551, 517, 491)
"""Customers active after 0 to 7 years, Fader & Hardie (2007), table 1, High End."""


def test_the_published_cohort():
    found = fit_renewals(HIGH_END)
    assert isinstance(found, Fit)
    assert list(found.parameters.values()) == pytest.approx([0.668, 3.806], abs=0.0005)
    assert found.log_likelihood == pytest.approx(-1611.16, abs=0.005)
    assert survival(found.values, np.arange(8.0, 13.0)) == pytest.approx([0.460, 0.436, 0.414, 0.395, 0.378], abs=0.0005)


def test_the_other_published_cohort():
    # Fader & Hardie (2007), table 1, Regular
    found = fit_renewals((1000, 631, 468, 382, 326, 289, 262, 241))
    assert isinstance(found, Fit)
    assert list(found.parameters.values()) == pytest.approx([0.704, 1.182], abs=0.0005)
    assert found.log_likelihood == pytest.approx(-1680.27, abs=0.005)


def test_survival_agrees_with_drawing_customers():
    rng = np.random.default_rng(4)
    left = rng.geometric(rng.beta(0.7, 3.0, 400_000))
    drawn = [(left > t).mean() for t in range(1, 9)]
    assert survival(np.array([0.7, 3.0]), np.arange(1.0, 9.0)) == pytest.approx(drawn, abs=0.003)
    found = fit_renewals([(left > t).sum() for t in range(9)])
    assert list(found.parameters.values()) == pytest.approx([0.7, 3.0], rel=0.05)


@pytest.mark.parametrize("active", [(1000,), (1000, 900), (1000, 1000, 1000), (1000, 900, 950), (0, 0, 0)])
def test_a_cohort_that_cannot_be_fitted_is_said(active):
    found = fit_renewals(active)
    assert isinstance(found, NoFit) and "a cohort needs two periods" in found.why.english
