"""An effect once its luck is taken off: it was told since it crossed a limit, at a look that the pilot came to (row P6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from workbook.pilots.boundaries import standing

Floats = NDArray[np.float64]

FAR = 12.0
"""Standard errors beyond the effect within which ends of intervals are sought."""


@dataclass(frozen=True)
class Passed:
    """An earlier look after which the pilot went on.

    Attributes:
        information: then, as a share of the present one.
        low, high: between which effects the rule lets a pilot go on there, in the metric's unit.
    """

    information: float
    low: float
    high: float


class Crossing:
    """The distribution of an effect given that it crossed the limit at this look and passed the looks before.

    With *x* the effect in standard errors and θ the true one, the density of *x* is that under θ = 0 times exp(θx − θ²/2), cut
    to what crosses: an exponential family, whatever the looks before. Sources: Zhong & Prentice (2008), Biostatistics 9,
    621-634, for one look; Jennison & Turnbull (2000), Group Sequential Methods, 8.4 for the density after several.
    """

    def __init__(self, effect: float, error: float, limit: float, passed: Sequence[Passed] = ()) -> None:
        """Args:
        effect, error: in the metric's unit.
        limit: in standard errors; must be crossed.
        passed: earlier looks in order.
        """
        self.sign, self.error, self.limit = math.copysign(1.0, effect), error, limit
        self.x = abs(effect) / error
        times = [one.information for one in passed]
        roots = [math.sqrt(t) / error for t in times]
        sides = [
            sorted((self.sign * one.low * root, self.sign * one.high * root)) for one, root in zip(passed, roots, strict=True)
        ]
        # where the score stood at the look before, and how far it moves from there
        self.points, mass, self.spread = standing([*times, 1.0], [low for low, _ in sides], [high for _, high in sides])
        with np.errstate(divide="ignore"):
            self.mass = np.log(mass)

    def beyond(self, theta: float) -> float:
        """Probability of crossing at least as far on this side."""
        up = self._parts(theta, self.x, self.limit)[0]
        return math.exp(up - self._either(theta))

    def effect(self) -> float:
        """The most likely effect: where a crossing one is expected to be as found; never on the other side of zero."""

        def apart(theta: float) -> float:
            return self._expected(theta) - self.x

        if apart(0.0) >= 0:
            return 0.0
        theta = float(optimize.brentq(apart, 0.0, self.x + FAR, xtol=1e-10)) if apart(self.x + FAR) > 0 else self.x
        return self.sign * theta * self.error

    def interval(self, confidence: float) -> tuple[float, float]:
        """Every effect under which a crossing one is not too far off to either side."""
        side = (1 - confidence) / 2
        ends = [
            float(optimize.brentq(lambda theta, part=part: self.beyond(theta) - part, -self.x - FAR, self.x + FAR, xtol=1e-10))
            for part in (side, 1 - side)
        ]
        low, high = sorted(self.sign * end * self.error for end in ends)
        return low, high

    def _either(self, theta: float) -> float:
        return float(np.logaddexp(*self._parts(theta, self.limit, self.limit)))

    def _parts(self, theta: float, above: float, below: float) -> tuple[float, float]:
        """Logarithms of what lies above one limit and below the other one mirrored, up to a common constant."""
        centre, weight = self._tilted(theta)
        up = np.logaddexp.reduce(weight + special.log_ndtr((centre - above) / self.spread))
        return float(up), float(np.logaddexp.reduce(weight + special.log_ndtr((-below - centre) / self.spread)))

    def _expected(self, theta: float) -> float:
        centre, weight = self._tilted(theta)
        whole = self._either(theta)
        up, down = (self.limit - centre) / self.spread, (-self.limit - centre) / self.spread
        inside = np.exp(weight + np.logaddexp(special.log_ndtr(-up), special.log_ndtr(down)) - whole)
        edges = np.exp(weight - up * up / 2 - whole) - np.exp(weight - down * down / 2 - whole)
        return float(inside @ centre + self.spread * edges.sum() / math.sqrt(2 * math.pi))

    def _tilted(self, theta: float) -> tuple[Floats, Floats]:
        """Where paths are expected at this look, and the logarithm of their weight, under a true effect."""
        move = theta * self.spread**2
        return self.points + move, self.mass + theta * self.points + theta * move / 2


def corrected_effect(effect: float, error: float, limit: float, passed: Sequence[Passed] = ()) -> float:
    """The effect without the luck that made it cross the limit: most likely value given that it did.

    Of effects that are only told when they cross a limit, the told ones are too large on average.

    Args:
        limit: in standard errors; an effect that did not cross is returned as it is.
        passed: earlier looks after which the pilot went on, in order.

    >>> round(corrected_effect(2.5, 1.0, 1.96), 3), round(corrected_effect(6.0, 1.0, 1.96), 3)
    (1.138, 6.0)
    """
    return effect if abs(effect) <= limit * error else Crossing(effect, error, limit, passed).effect()


def corrected_interval(
    effect: float, error: float, limit: float, confidence: float, passed: Sequence[Passed] = ()
) -> tuple[float, float] | None:
    """Interval of the effect given that it crossed the limit; None where it did not.

    Of all effects that are told at this look it covers as often as it says. Just beyond the limit it reaches far towards zero
    and past it: a crossing alone says little.

    Args:
        limit: in standard errors.
        confidence: 0.95.
        passed: earlier looks after which the pilot went on, in order.

    Source: Zöllner & Pritchard (2007), American Journal of Human Genetics 80, 605-615; see :class:`Crossing`.

    >>> [round(end, 2) for end in corrected_interval(6.0, 1.0, 1.96, 0.95)]
    [4.03, 7.96]
    """
    return None if abs(effect) <= limit * error else Crossing(effect, error, limit, passed).interval(confidence)
