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
    ended = np.arange(1, len(kept))
    if len(kept) < 3 or (lost < 0).any() or kept[0] <= 0 or lost.sum() <= 0:
        why = text("value.fit.cohort", "a cohort needs two periods at least, with customers who left and none who came back")
        return NoFit("sbg", why)

    def objective(parameters: Values) -> tuple[float, Values]:
        alpha, beta = parameters
        ends = len(kept) - 1
        whole = betaln(alpha, beta)
        value = lost @ (betaln(alpha + 1, beta + ended - 1) - whole) + kept[-1] * (betaln(alpha, beta + ends) - whole)
        both = digamma(alpha + beta)
        gone = digamma(alpha + beta + ended)
        slope_alpha = lost @ (digamma(alpha + 1) - gone - digamma(alpha) + both)
        slope_alpha += kept[-1] * (both - digamma(alpha + beta + ends))
        slope_beta = lost @ (digamma(beta + ended - 1) - gone - digamma(beta) + both)
        slope_beta += kept[-1] * (digamma(beta + ends) - digamma(alpha + beta + ends) - digamma(beta) + both)
        return float(value), np.array([slope_alpha, slope_beta])

    return fit("sbg", NAMES, objective, np.array([1.0, 1.0]), customers=round(kept[0]))


def survival(parameters: Values, periods: Values) -> Values:
    """The share of a cohort that is still there after so many periods."""
    alpha, beta = parameters
    return np.asarray(np.exp(betaln(alpha, beta + periods) - betaln(alpha, beta)))
