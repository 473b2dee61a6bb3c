"""Limits for looking more than once: group-sequential by alpha spending, and anytime-valid by a confidence sequence (row P4).

All limits are in standard errors of the effect: the interval that a look allows is the effect plus or minus the limit
times its standard error. Information is counted as a share of that at the planned end, 1 there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
Spending = Literal["obrien_fleming", "pocock"]

NODES = 32
"""Points of the quadrature between the limits of one look; 16 give six decimals already."""
FARTHEST = 9.0
"""Standard errors beyond which nothing happens: two-sided probability 2e-19."""


def spent(information: Floats, error: float, spending: Spending) -> Floats:
    """How much of a two-sided *error* may be spent up to each information.

    Args:
        information: shares from 0 to 1.
        spending: ``obrien_fleming`` for 4 − 4 Φ(z₁₋α/₄ / √t), hardly anything early; ``pocock`` for α ln(1 + (e − 1) t).

    Source: Lan & DeMets (1983), Biometrika 70, 659-663.
    """
    t = np.clip(information, 1e-12, 1.0)
    if spending == "pocock":
        return np.asarray(error * np.log1p((math.e - 1) * t))
    return np.asarray(4 * stats.norm.sf(stats.norm.isf(error / 4) / np.sqrt(t)))


def limits(information: Sequence[float], error: float = 0.05, spending: Spending = "obrien_fleming") -> list[float]:
    """Group-sequential limits of looks at rising information, so that a true null crosses any with probability *error*.

    Args:
        information: shares of the planned information at each look, rising, the last at most 1. The last one spends what is
            left only where it is 1.
        error: two-sided error, 0.05 for 95 % confidence.

    Returns:
        A limit a look; infinite where a look may spend nothing. Exact by recursive integration: Armitage, McPherson & Rowe
        (1969), Journal of the Royal Statistical Society A 132, 235-244; Jennison & Turnbull (2000), Group Sequential Methods,
        ch. 7 and 19.
    """
    return list(_limits(tuple(float(t) for t in information), float(error), spending))


@functools.lru_cache(maxsize=256)
def _limits(information: tuple[float, ...], error: float, spending: Spending) -> tuple[float, ...]:
    return spend(information, spent(np.array(information), error, spending).tolist())


def spend(information: Sequence[float], spent_by: Sequence[float]) -> tuple[float, ...]:
    """Limits of looks that spend *spent_by* (cumulated) of the two-sided error; see :func:`limits`."""
    found: list[float] = []
    state = _Walk.start()
    before = 0.0
    for t, total in zip(information, spent_by, strict=True):
        state = state.step(t)
        now = total - before
        limit = state.limit(now)
        state = state.inside(limit)
        found.append(limit)
        before = total if math.isfinite(limit) else before
    return tuple(found)


def crossing(
    information: Sequence[float], at: Sequence[float], drift: float = 0.0, below: Sequence[float] | None = None
) -> list[float]:
    """Probability of having crossed a limit by each look.

    Args:
        information: rising shares of the planned information.
        at: two-sided limit of each look, in standard errors.
        drift: expected effect in standard errors at information 1; 0 for a true null.
        below: lower limits where they are not the upper ones mirrored.

    >>> [round(p, 4) for p in crossing([0.5, 1.0], [1.9599640, 1.9599640])]
    [0.05, 0.0831]
    """
    state = _Walk.start(drift)
    lower = [-limit for limit in at] if below is None else list(below)
    left = []
    for t, low, high in zip(information, lower, at, strict=True):
        state = state.step(t)
        left.append(state.within(low, high))
        state = state.inside(high, low)
    return [1 - x for x in left]


def standing(information: Sequence[float], low: Sequence[float], high: Sequence[float]) -> tuple[Floats, Floats, float]:
    """Where the paths of no effect that passed all looks but the last stood at the last but one.

    Args:
        information: rising, of every look.
        low, high: between which a path went on at each look but the last, in standard errors.

    Returns:
        Points of the score, the probability of each, and the standard deviation of the step from there to the last look.
    """
    state = _Walk.start()
    for t, bottom, top in zip(information, low, high, strict=False):
        state = state.step(t).inside(top, bottom)
    last = state.step(information[-1])
    return last.points, last.mass, last.spread


def constant_limit(looks: int, error: float = 0.05, shape: Callable[[Floats], Floats] | None = None) -> float:
    """The constant C of equally spaced looks with limits C · shape(t): Pocock's where *shape* is left out, O'Brien and
    Fleming's with ``lambda t: t ** -0.5``. Source: Jennison & Turnbull (2000), tables 2.1 and 2.3."""
    t = np.arange(1, looks + 1) / looks
    form = np.ones(looks) if shape is None else shape(t)
    return float(optimize.brentq(lambda c: crossing(t.tolist(), (c * form).tolist())[-1] - error, 0.5, 8.0, xtol=1e-9))


def mixture_scale(error: float) -> float:
    """ρ of the two-sided normal mixture that is narrowest at information 1: 1 / (2 ln(1/α) + ln(1 + 2 ln(1/α))).

    Source: Howard, Ramdas, McAuliffe & Sekhon (2021), Annals of Statistics 49, 1055-1080, section 3.5.
    """
    once = 2 * math.log(1 / error)
    return 1 / (once + math.log1p(once))


def anytime_limit(information: float, error: float = 0.05) -> float:
    """Limit of a look at any time, planned or not, as often as one likes: normal-mixture confidence sequence.

    Args:
        information: over the planned one; may pass 1.

    Returns:
        √((t + ρ) ln((t + ρ) / (α² ρ)) / t). Valid with estimated variances once samples are large: Waudby-Smith, Arbour,
        Sinha, Kennedy & Ramdas (2024), Annals of Statistics 52, 2613-2640.

    >>> round(10 * anytime_limit(1.0), 4)
    30.3521
    """
    t, rho = max(information, 1e-12), mixture_scale(error)
    return math.sqrt((t + rho) / t * math.log((t + rho) / (error**2 * rho)))


class _Walk:
    """The density of the score (a Brownian motion at the information of the looks) on the paths that crossed no limit."""

    def __init__(self, t: float, drift: float, points: Floats, mass: Floats, step: float) -> None:
        self.t, self.drift, self.points, self.mass, self.spread = t, drift, points, mass, step

    @classmethod
    def start(cls, drift: float = 0.0) -> _Walk:
        return cls(0.0, drift, np.zeros(1), np.ones(1), 0.0)

    def step(self, t: float) -> _Walk:
        """At information *t*, before its limit: *points* are where the paths stood at the look before."""
        if t <= self.t:
            raise ValueError(f"information must rise from look to look: {t} after {self.t}")
        return _Walk(t, self.drift, self.points + self.drift * (t - self.t), self.mass, math.sqrt(t - self.t))

    def within(self, low: float, high: float) -> float:
        """Probability of standing between two limits in standard errors, having crossed none before."""
        root = math.sqrt(self.t)
        return float(self.mass @ self._between(low * root, high * root))

    def limit(self, error: float) -> float:
        """The symmetrical limit that just *error* crosses at this look."""
        alive = float(self.mass.sum())

        def over(limit: float) -> float:
            root = math.sqrt(self.t)
            beyond = stats.norm.sf((limit * root - self.points) / self.spread)
            beyond += stats.norm.cdf((-limit * root - self.points) / self.spread)
            return float(self.mass @ beyond) - error

        if error <= 0 or over(FARTHEST) > 0:
            return math.inf
        return 0.0 if error >= alive else float(optimize.brentq(over, 0.0, FARTHEST, xtol=1e-12))

    def inside(self, high: float, low: float | None = None) -> _Walk:
        """The paths that stay between the limits, on the nodes of a quadrature between them."""
        root = math.sqrt(self.t)
        centre = self.drift * self.t
        top = min(high * root, centre + FARTHEST * root)
        bottom = max((-high if low is None else low) * root, centre - FARTHEST * root)
        # several pieces, since a density may be narrow beside far limits
        pieces = max(1, math.ceil((top - bottom) / (6 * self.spread)))
        base, weight = np.polynomial.legendre.leggauss(NODES)
        edges = np.linspace(bottom, top, pieces + 1)
        half = (edges[1] - edges[0]) / 2
        points = ((edges[:-1] + half)[:, None] + half * base).ravel()
        weights = np.tile(half * weight, pieces)
        density = stats.norm.pdf((points[:, None] - self.points) / self.spread) / self.spread @ self.mass
        return _Walk(self.t, self.drift, points, density * weights, 0.0)

    def _between(self, low: float, high: float) -> Floats:
        return np.asarray(
            stats.norm.cdf((high - self.points) / self.spread) - stats.norm.cdf((low - self.points) / self.spread)
        )
