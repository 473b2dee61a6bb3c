"""Models of repeat buying without contracts: BG/NBD, MBG/NBD and Pareto/NBD; row L3 of the method.

All three say: a customer buys at random with an own rate while alive, rates differ as a gamma distribution (r, α), and at some
time, unseen, the customer stops for good. In BG/NBD the customer may stop after any repeat purchase (Fader, Hardie & Lee 2005),
in MBG/NBD after the first one too (Batislam, Denizel & Filiztekin 2007), each with an own probability that differs as a beta
distribution (a, b); in Pareto/NBD at any moment, with an own rate that differs as a gamma distribution (s, β) (Schmittlein,
Morrison & Colombo 1987). Time is in weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy.special import digamma, gammaln, hyp2f1

from workbook.language import Text, text
from workbook.value.fitting import Fit, NoFit, Objective, Values, fit
from workbook.value.histories import Rows

FEWEST = 30
"""Fewest repeat buyers that a model is fitted on."""

SAMPLE = 20_000
"""Different histories from which on the search begins on a sample of them."""

ALIKE = 1000.0
"""Size of the parameters of a distribution so narrow that all customers are alike in it (they differ by 3%)."""

NEVER, SELDOM = 1e-6, 1e-3
"""Tendencies to stop (odds at a purchase, or a rate a week): one that means nobody does, and one that is more than that."""

_NODES, _WEIGHTS = leggauss(32)
PLACES, WEIGHTS = ((_NODES + 1) / 2) ** 3, _WEIGHTS / 2 * 3 * ((_NODES + 1) / 2) ** 2
"""Gauss's places and weights between 0 and 1, cubed: the integral over the time of stopping has a logarithm at 0."""


@dataclass(frozen=True)
class Model:
    """A model of repeat buying.

    Attributes:
        likelihood: parameters, rows → log-likelihood of each row and its gradient (parameters × rows).
        expected: parameters, rows, weeks → purchases expected of each in the weeks to come; several numbers of weeks, one a
            row, give a row each.
        alive: parameters, rows → probability of being still a customer.
        alike: (r, α and the common tendency to stop) → parameters, and their slopes (parameters × 3), where customers differ in
            how often they buy but not in how readily they stop.
    """

    id: str
    name: Text
    names: tuple[str, ...]
    likelihood: Callable[[Values, Rows], tuple[Values, Values]]
    expected: Callable[[Values, Rows, float | Values], Values]
    alive: Callable[[Values, Rows], Values]
    alike: Callable[[Values], tuple[Values, Values]]

    def fit(self, rows: Rows, near: Fit | None = None) -> Fit | NoFit:
        """The parameters that make the histories most likely.

        Args:
            rows: the histories.
            near: a fit of similar histories, where the search may begin.

        Where customers do not differ in how readily they stop, two of the four parameters grow without end at a fixed ratio:
        then the model in which all stop alike is fitted, with the parameters at that end (`ALIKE`). Where nobody is seen to
        stop, that tendency is 0: then how often customers buy is fitted alone, and the fit says so (``never``).
        """
        if float(rows.n[rows.x > 0].sum()) < FEWEST:
            return NoFit(self.id, text("value.fit.few", "fewer than 30 customers bought twice"))
        step = len(rows.x) // SAMPLE
        rough = self._objective(rows.every(step + 1)) if step else None
        start = np.ones(len(self.names)) * np.array([1.0, max(1.0, float(np.median(rows.age)) / 4), 1.0, 3.0])
        if near is not None and not near.alike:
            start = near.values
        customers = round(rows.customers)
        if rough is not None:
            rough = _scaled(rough, rows.customers / rows.every(step + 1).customers)
        whole = self._objective(rows)
        found = fit(self.id, self.names, whole, start, customers=customers, rough=rough)
        if isinstance(found, Fit):
            return found
        few = fit(self.id, (*self.names[:2], "stop"), self._alike(whole), np.array([1.0, start[1], 0.1]), customers=customers)
        if isinstance(few, Fit):
            return self._told_whole(few.values, few.covariance, few)
        never = fit(self.id, self.names[:2], self._never(whole), np.array([1.0, start[1]]), customers=customers)
        if isinstance(never, NoFit):
            return found
        if whole(self.alike(np.array([*never.values, SELDOM]))[0])[0] >= never.log_likelihood:
            return found  # some stop after all: the failure was another one
        covariance = np.zeros((3, 3))
        covariance[:2, :2] = never.covariance
        return replace(self._told_whole(np.array([*never.values, NEVER]), covariance, never), never=True)

    def _never(self, whole: Objective) -> Objective:
        def objective(two: Values) -> tuple[float, Values]:
            parameters, slopes = self.alike(np.array([*two, NEVER]))
            value, slope = whole(parameters)
            return value, slope @ slopes[:, :2]

        return objective

    def _alike(self, whole: Objective) -> Objective:
        def objective(three: Values) -> tuple[float, Values]:
            parameters, slopes = self.alike(three)
            value, slope = whole(parameters)
            return value, slope @ slopes

        return objective

    def _told_whole(self, three: Values, known: Values, few: Fit) -> Fit:
        """The fit of the model in which all stop alike, told by the parameters of the whole model."""
        parameters, slopes = self.alike(three)
        logs = slopes * three / parameters[:, None]
        covariance = np.asarray(logs @ known @ logs.T)
        errors = parameters * np.sqrt(np.diag(covariance))
        told, spread = (dict(zip(self.names, values.tolist(), strict=True)) for values in (parameters, errors))
        return Fit(self.id, told, spread, few.log_likelihood, covariance, few.customers, alike=True)

    def silent(self, parameters: Values, rows: Rows, weeks: float | Values) -> Values:
        """The probability of no purchase in the weeks to come: that the history goes on unchanged for so long."""
        later, now = (self.likelihood(parameters, one)[0] for one in (rows.at_age(weeks), rows))
        return np.asarray(np.exp(np.minimum(later - now, 0.0)))

    def expected_of_new(self, parameters: Values, weeks: float) -> float:
        """Purchases expected of somebody who has just bought for the first time."""
        nothing = np.zeros(1)
        return float(self.expected(parameters, Rows.of(nothing, nothing, nothing), weeks)[0])

    def _objective(self, rows: Rows) -> Objective:
        def objective(parameters: Values) -> tuple[float, Values]:
            values, slopes = self.likelihood(parameters, rows)
            return float(values @ rows.n), slopes @ rows.n

        return objective


def _scaled(objective: Objective, factor: float) -> Objective:
    def scaled(parameters: Values) -> tuple[float, Values]:
        value, slope = objective(parameters)
        return value * factor, slope * factor

    return scaled


def _coin_likelihood(parameters: Values, rows: Rows, first: int) -> tuple[Values, Values]:
    """BG/NBD (*first* 0) and MBG/NBD (*first* 1): stops are tossed for at x + *first* purchases."""
    r, alpha, a, b = parameters
    x, k = rows.x, rows.x_values + first
    rate = (gammaln(r + rows.x_values) - gammaln(r) + r * np.log(alpha))[rows.x_place]
    coin = (gammaln(a + b) + gammaln(b + k) - gammaln(b) - gammaln(a + b + k))[rows.x_place]
    log_age, log_last = np.log(alpha + rows.age), np.log(alpha + rows.t_x)
    tossed = k > 0
    odds = np.where(tossed, np.log(a) - np.log(np.where(tossed, b + k - 1, 1.0)), -np.inf)[rows.x_place]
    gap = odds + (r + x) * (log_age - log_last)  # log of the odds of having stopped
    stopped = 1.0 / (1.0 + np.exp(-np.clip(gap, -700, 700)))
    stopped = np.where(np.isneginf(gap), 0.0, stopped)
    values = rate + coin - (r + x) * log_age + np.logaddexp(0.0, gap)
    alive = 1.0 - stopped
    both = (digamma(a + b) - digamma(a + b + k))[rows.x_place]
    slopes = np.array([
        (digamma(r + rows.x_values) - digamma(r) + np.log(alpha))[rows.x_place] - alive * log_age - stopped * log_last,
        r / alpha - (r + x) * (alive / (alpha + rows.age) + stopped / (alpha + rows.t_x)),
        both + stopped / a,
        both + (digamma(b + k) - digamma(b))[rows.x_place] - stopped / np.where(tossed, b + k - 1, 1.0)[rows.x_place],
    ])  # fmt: skip
    return values, slopes


def _coin_alive(parameters: Values, rows: Rows, first: int) -> Values:
    r, alpha, a, b = parameters
    k = rows.x + first
    tossed = k > 0
    gap = np.log(a) - np.log(np.where(tossed, b + k - 1, 1.0)) + (r + rows.x) * np.log((alpha + rows.age) / (alpha + rows.t_x))
    return np.where(tossed, 1.0 / (1.0 + np.exp(np.minimum(gap, 700))), 1.0)


def _coin_expected(parameters: Values, rows: Rows, weeks: float | Values, first: int) -> Values:
    r, alpha, a, b = parameters
    if abs(a - 1) < 1e-6:  # the formula has a removable pole there
        a = 1 + 1e-6
    c = a + b + rows.x + first - 1
    z = weeks / (alpha + rows.age + weeks)
    # Euler's transformation of the published series: its first argument no longer grows with x, so that it stays accurate
    series = (1 - z) ** (a - 1) * hyp2f1(a + b + first - 1 - r, a - 1, c, z)
    return np.asarray(c / (a - 1) * (1 - series) * _coin_alive(parameters, rows, first))


def _pareto_parts(parameters: Values, rows: Rows) -> tuple[Values, Values, Values, Values]:
    """Logarithm of the alive part; the odds of having stopped at each node of the integral over when; and those times."""
    r, alpha, s, beta = parameters
    # the time of stopping u by w = ((o + u)/(o + t_x))^−k, with o the smaller of α and β and k the slope of the integrand at
    # its beginning, which only grows from there: what is left to integrate is smooth and between fixed ends
    begun = min(alpha, beta) + rows.t_x
    k = np.maximum(begun * ((r + rows.x) / (alpha + rows.t_x) + (s + 1) / (beta + rows.t_x)) - 1, 0.2)
    span = np.exp(-k * np.log1p((rows.age - rows.t_x) / begun))
    w = span[:, None] + (1 - span[:, None]) * PLACES
    moved = begun[:, None] * w ** (-1 / k[:, None])
    u = moved - min(alpha, beta)
    alive = -(r + rows.x) * np.log(alpha + rows.age) - s * np.log(beta + rows.age)
    logs = np.log(moved / w) - (r + rows.x)[:, None] * np.log(alpha + u) - (s + 1) * np.log(beta + u)
    logs -= (alive + np.log(k / s))[:, None]
    parts = np.exp(logs) * (1 - span[:, None]) * WEIGHTS
    return alive, parts, u, parts.sum(axis=1)


def _pareto_likelihood(parameters: Values, rows: Rows) -> tuple[Values, Values]:
    r, alpha, s, beta = parameters
    alive, parts, u, odds = _pareto_parts(parameters, rows)
    x = rows.x
    rate = (gammaln(r + rows.x_values) - gammaln(r))[rows.x_place] + r * np.log(alpha) + s * np.log(beta)
    values = rate + alive + np.log1p(odds)
    chance = 1 / (1 + odds)

    def mixed(living: Values, stopped: Values) -> Values:
        return np.asarray((living + (parts * stopped).sum(axis=1)) * chance)

    slopes = np.array([
        (digamma(r + rows.x_values) - digamma(r))[rows.x_place] + np.log(alpha)
        - mixed(np.log(alpha + rows.age), np.log(alpha + u)),
        r / alpha - (r + x) * mixed(1 / (alpha + rows.age), 1 / (alpha + u)),
        np.log(beta) - mixed(np.log(beta + rows.age), np.log(beta + u) - 1 / s),
        s / beta - mixed(s / (beta + rows.age), (s + 1) / (beta + u)),
    ])  # fmt: skip
    return values, slopes


def _pareto_alive(parameters: Values, rows: Rows) -> Values:
    return np.asarray(1 / (1 + _pareto_parts(parameters, rows)[3]))


def _pareto_expected(parameters: Values, rows: Rows, weeks: float | Values) -> Values:
    r, alpha, s, beta = parameters
    growth = np.log1p(weeks / (beta + rows.age))
    lasting = growth if abs(s - 1) < 1e-9 else -np.expm1(-(s - 1) * growth) / (s - 1)
    return np.asarray(_pareto_alive(parameters, rows) * (r + rows.x) / (alpha + rows.age) * (beta + rows.age) * lasting)


def _coin_alike(three: Values) -> tuple[Values, Values]:
    r, alpha, odds = three
    size = ALIKE / (1 + odds)
    slopes = np.array([[1, 0, 0], [0, 1, 0], [0, 0, size / (1 + odds)], [0, 0, -size / (1 + odds)]], dtype=float)
    return np.array([r, alpha, size * odds, size]), slopes


def _pareto_alike(three: Values) -> tuple[Values, Values]:
    r, alpha, rate = three
    slopes = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, -ALIKE / rate**2]], dtype=float)
    return np.array([r, alpha, ALIKE, ALIKE / rate]), slopes


_COIN = ("r", "alpha", "a", "b")

MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        Model("bg_nbd", text("value.model.bg_nbd", "BG/NBD"), _COIN,
              lambda p, rows: _coin_likelihood(p, rows, 0), lambda p, rows, t: _coin_expected(p, rows, t, 0),
              lambda p, rows: _coin_alive(p, rows, 0), _coin_alike),
        Model("mbg_nbd", text("value.model.mbg_nbd", "MBG/NBD"), _COIN,
              lambda p, rows: _coin_likelihood(p, rows, 1), lambda p, rows, t: _coin_expected(p, rows, t, 1),
              lambda p, rows: _coin_alive(p, rows, 1), _coin_alike),
        Model("pareto_nbd", text("value.model.pareto_nbd", "Pareto/NBD"), ("r", "alpha", "s", "beta"),
              _pareto_likelihood, _pareto_expected, _pareto_alive, _pareto_alike),
    )
}  # fmt: skip
"""The models by their id."""
