"""What a customer spends on a purchase: the Gamma-Gamma model (Fader & Hardie 2013); row L3 of the method.

Each purchase of a customer varies about an own mean, means differ between customers, and both are gamma distributions. Who has
few purchases is drawn towards the mean of all, who has many is taken at the own mean.
"""

from __future__ import annotations

import numpy as np
from scipy.special import digamma, gammaln

from workbook.language import text
from workbook.value.fitting import Fit, NoFit, Values, fit

NAMES = ("p", "q", "v")
FEWEST = 30
"""Fewest customers with a repeat purchase that the model is fitted on."""


def fit_spend(x: Values, spend: Values) -> Fit | NoFit:
    """The Gamma-Gamma model of customers with at least one repeat purchase and a mean spend above 0.

    Args:
        x: purchases after the first.
        spend: their mean value; others than above 0 (and customers without a repeat purchase) are left out.
    """
    there = (x > 0) & (spend > 0)
    x, m = x[there].astype(float), spend[there].astype(float)
    if len(x) < FEWEST:
        return NoFit("gamma_gamma", text("value.fit.few_spend", "fewer than 30 customers have a repeat purchase with a value"))
    scale = float(m.mean())  # in units of the mean, so that the start suits every currency
    m = m / scale
    fixed = float(((-1) * np.log(m)).sum())

    def objective(parameters: Values) -> tuple[float, Values]:
        p, q, v = parameters
        shape, total = p * x, v + x * m
        values = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v) + shape * np.log(x * m)
        values -= (shape + q) * np.log(total)
        rising = digamma(shape + q)
        slopes = [
            (x * (rising - digamma(shape) + np.log(x * m) - np.log(total))).sum(),
            (rising - digamma(q) + np.log(v) - np.log(total)).sum(),
            (q / v - (shape + q) / total).sum(),
        ]
        return float(values.sum()) + fixed, np.array(slopes)

    found = fit("gamma_gamma", NAMES, objective, np.array([2.0, 3.0, 1.0]), customers=len(x))
    if isinstance(found, NoFit):
        return found
    # back in money: v carries the unit, and each value of the density its inverse
    parameters = {**found.parameters, "v": found.parameters["v"] * scale}
    errors = {**found.errors, "v": found.errors["v"] * scale}
    likelihood = found.log_likelihood - len(x) * float(np.log(scale))
    return Fit(found.model, parameters, errors, likelihood, found.covariance, found.customers)


def expected_spend(parameters: Values, x: Values, spend: Values) -> Values:
    """The mean spend expected of each customer's purchases; that of all customers for somebody without a repeat purchase."""
    p, q, v = parameters
    there = (x > 0) & (spend > 0)
    total = np.where(there, x * np.where(there, spend, 0.0), 0.0)
    return np.asarray(p * (v + total) / (p * np.where(there, x, 0.0) + q - 1))
