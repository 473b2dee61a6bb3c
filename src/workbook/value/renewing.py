"""Contracts that end or go on at fixed dates: the shifted beta-geometric model (Fader & Hardie 2007); row L3 of the method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln, digamma

from workbook.language import text
from workbook.value.fitting import Fit, NoFit, Values, fit

NAMES = ("alpha", "beta")


def fit_renewals(active: Sequence[float]) -> Fit | NoFit:
    """The model of a cohort that could leave at the end of each period.

    Args:
        active: customers active at the start and after each period, never rising: ``[1000, 869, 743, …]``.
    """
    kept = np.asarray(active, dtype=float)
    lost = -np.diff(kept)
    stay = np.zeros(len(lost))
    if len(stay):
        stay[-1] = kept[-1]
    return fit_terms(lost, stay)


def fit_terms(lost: Sequence[float] | Values, stay: Sequence[float] | Values) -> Fit | NoFit:
    """The model of customers whose contracts began at different times, so that some have had fewer ends than others.

    Args:
        lost: customers who left at the end of the first term, the second, …
        stay: customers who have gone on after so many ends, and whose next end is not yet known.
    """
    gone, still = np.asarray(lost, dtype=float), np.asarray(stay, dtype=float)
    ended = np.arange(1, len(gone) + 1)
    if len(gone) < 2 or (gone < 0).any() or (still < 0).any() or gone.sum() <= 0 or still.sum() <= 0:
        why = text("value.fit.cohort", "a cohort needs two periods at least, with customers who left and none who came back")
        return NoFit("sbg", why)

    def objective(parameters: Values) -> tuple[float, Values]:
        alpha, beta = parameters
        whole = betaln(alpha, beta)
        value = gone @ (betaln(alpha + 1, beta + ended - 1) - whole) + still @ (betaln(alpha, beta + ended) - whole)
        both, later = digamma(alpha + beta), digamma(alpha + beta + ended)
        slope_alpha = gone @ (digamma(alpha + 1) - later - digamma(alpha) + both) + still @ (both - later)
        slope_beta = gone @ (digamma(beta + ended - 1) - later - digamma(beta) + both)
        slope_beta += still @ (digamma(beta + ended) - later - digamma(beta) + both)
        return float(value), np.array([slope_alpha, slope_beta])

    return fit("sbg", NAMES, objective, np.array([1.0, 1.0]), customers=round(float(gone.sum() + still.sum())))


def survival(parameters: Values, periods: Values) -> Values:
    """The share of a cohort that is still there after so many periods."""
    alpha, beta = parameters
    return np.asarray(np.exp(betaln(alpha, beta + periods) - betaln(alpha, beta)))
