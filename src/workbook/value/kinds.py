"""One model for all customers, or one for each kind: asked of the data, never assumed; row L3 of the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from workbook.value.fitting import Fit, NoFit, Values

FEWEST = 100
"""Fewest repeat buyers of a kind that may have a model of its own."""

APART = 0.05
"""Kinds get models of their own where so great a difference between them would be rarer than this by chance."""

STEP = 1e-4
"""Step of the logarithm of a parameter for the delta method."""

Kinds = NDArray[np.object_]
Chosen = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A model for all customers, or one for each kind where one for all does not fit.

    Attributes:
        fits: kind of customer (``""`` for all) → fit.
        p: how likely so great a difference between the kinds were by chance; None where there is nothing to compare.
    """

    fits: Mapping[str, Fit]
    p: float | None

    def of(self, kinds: Kinds) -> list[tuple[Fit, Chosen]]:
        """Each fit with the customers that it is for."""
        return [(one, kinds == kind if kind else np.ones(len(kinds), dtype=bool)) for kind, one in self.fits.items()]


@dataclass(frozen=True, eq=False)
class Told:
    """What models say of each customer, and how far their parameters leave it open.

    Attributes:
        value: one number a customer.
        relative: variance of each over its square.
        parts: for each fit its customers, the slopes of their values by the logarithms of its parameters, and the covariance.
    """

    value: Values
    relative: Values
    parts: tuple[tuple[Chosen, Values, Values], ...]

    @classmethod
    def fixed(cls, value: Values) -> Told:
        """What no model with parameters says."""
        return cls(value, np.zeros(len(value)), ())

    def of_total(self, weight: Values) -> float:
        """The variance that the parameters leave in the weighted sum over all customers."""
        sums = [(slopes @ weight[chosen], covariance) for chosen, slopes, covariance in self.parts]
        return float(sum(slope @ covariance @ slope for slope, covariance in sums))


def kinds_of(kind: pd.Series[str], counted: Chosen) -> Kinds:
    """The kind of each customer for modelling: those with too few counted customers go with the largest.

    >>> kinds_of(pd.Series(["person"] * 150 + ["company"] * 3), np.ones(153, dtype=bool)).tolist()[-1]
    'person'
    """
    words = kind.astype("object").where(kind.notna(), "other")
    sizes = words[counted].value_counts()
    large = sorted(sizes[sizes >= FEWEST].index)
    largest = min(sizes.index, key=lambda name: (-sizes[name], name)) if len(sizes) else "other"
    return np.asarray(words.where(words.isin(large), largest if large else "other"), dtype=object)


def fit_kinds(kinds: Kinds, ground: Chosen, fit_one: Callable[[Chosen], Fit | NoFit]) -> Fitted | NoFit:
    """One model for all, unless the kinds differ beyond chance (likelihood ratio test): then one for each.

    Args:
        kinds: see :func:`kinds_of`.
        ground: the customers that are fitted on.
        fit_one: customers → fit.
    """
    together = fit_one(ground)
    names = sorted(set(kinds.tolist()))
    if isinstance(together, NoFit) or len(names) < 2:
        return together if isinstance(together, NoFit) else Fitted({"": together}, None)
    parts = {name: fit_one(ground & (kinds == name)) for name in names}
    found = {name: part for name, part in parts.items() if isinstance(part, Fit)}
    if len(found) < len(parts):
        return Fitted({"": together}, None)
    p = one_model_serves(list(found.values()), together)
    return Fitted(found if p < APART else {"": together}, p)


def one_model_serves(parts: list[Fit], together: Fit) -> float:
    """The p value of one model for several groups of customers against one each (likelihood ratio test)."""
    gain = 2 * (sum(part.log_likelihood for part in parts) - together.log_likelihood)
    return float(chi2.sf(max(gain, 0.0), len(together.parameters) * (len(parts) - 1)))


def tell(fitted: Fitted, kinds: Kinds, predict: Callable[[Values, Chosen], Values]) -> Told:
    """What the fits say of their customers, with its slopes by their parameters (delta method).

    Args:
        predict: parameters, customers → one number for each of them.
    """
    value, relative = np.zeros(len(kinds)), np.zeros(len(kinds))
    parts = []
    for one, chosen in fitted.of(kinds):
        logs = np.log(one.values)
        value[chosen] = predict(one.values, chosen)
        steps = np.eye(len(logs)) * STEP
        slopes = np.array([predict(np.exp(logs + s), chosen) - predict(np.exp(logs - s), chosen) for s in steps]) / (2 * STEP)
        variance = np.einsum("ic,ij,jc->c", slopes, one.covariance, slopes)
        relative[chosen] = variance / np.maximum(value[chosen], 1e-300) ** 2
        parts.append((chosen, slopes, one.covariance))
    return Told(value, relative, tuple(parts))
