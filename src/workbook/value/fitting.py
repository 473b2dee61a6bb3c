"""Maximum likelihood for models with positive parameters: analytic gradients, standard errors, and failure said in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from workbook.language import Text, text

Values = NDArray[np.float64]
Objective = Callable[[Values], tuple[float, Values]]
"""Parameters → log-likelihood and its gradient with respect to them."""

LARGEST, SMALLEST = 1e5, 1e-5
"""Beyond these a parameter has run away: the data do not hold the difference between customers that it measures."""

STEP = 1e-4
"""Step of the logarithm of a parameter for the curvature."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A model fitted by maximum likelihood.

    Attributes:
        model: id of the model.
        parameters: name → estimate.
        errors: name → standard error.
        log_likelihood: at the estimate.
        covariance: of the logarithms of the parameters.
        customers: number of customers that it was fitted on.
        alike: whether customers do not differ in how readily they stop, so that two parameters stand at their end.
        never: whether nobody is seen to stop, so that they stand for a tendency of 0.
    """

    model: str
    parameters: Mapping[str, float]
    errors: Mapping[str, float]
    log_likelihood: float
    covariance: Values
    customers: int
    alike: bool = False
    never: bool = False

    @property
    def values(self) -> Values:
        """The estimates in the order of their names."""
        return np.array(list(self.parameters.values()))

    @property
    def at_end(self) -> tuple[str, ...]:
        """Names of the parameters that stand at their end and have no interval."""
        return tuple(self.parameters)[2:] if self.alike else ()

    def interval(self, name: str, z: float = 1.959964) -> tuple[float, float]:
        """Interval of a parameter, symmetric in its logarithm so that it stays above 0."""
        place = list(self.parameters).index(name)
        half = z * float(np.sqrt(self.covariance[place, place]))
        return self.parameters[name] * float(np.exp(-half)), self.parameters[name] * float(np.exp(half))


@dataclass(frozen=True)
class NoFit:
    """A model that the data cannot carry, and why."""

    model: str
    why: Text


def fit(
    model: str, names: tuple[str, ...], objective: Objective, start: Values, *, customers: int, rough: Objective | None = None
) -> Fit | NoFit:
    """The parameters that make the data most likely.

    Args:
        model: id of the model.
        names: names of the parameters, all above 0.
        objective: log-likelihood and gradient.
        start: parameters to begin at.
        customers: number of customers behind the data.
        rough: the same on a sample of the data, where all of it is dear: its optimum is where the search begins.

    Returns:
        The fit, or NoFit where the search does not end, a parameter runs away, or the optimum is flat in some direction.
    """

    def down(logs: Values, of: Objective) -> tuple[float, Values]:
        parameters = np.exp(np.clip(logs, -30, 30))
        value, slope = of(parameters)
        return -value / customers, -slope * parameters / customers

    begun = np.log(start)
    if rough is not None:
        begun = _search(lambda logs: down(logs, rough), begun)
        bend = _curvature(lambda logs: down(logs, rough)[1], begun)
        begun = _polish(lambda logs: down(logs, objective)[1], begun, bend)
    found = _search(lambda logs: down(logs, objective), begun)
    value, slope = down(found, objective)
    parameters = np.exp(found)
    away = [name for name, p in zip(names, parameters, strict=True) if not SMALLEST < p < LARGEST]
    if away:
        why = text(
            "value.fit.away", "the estimate of {names} runs away: the customers differ too little", names=", ".join(away)
        )
        return NoFit(model, why)
    if not np.isfinite(value) or float(np.abs(slope).max()) > 1e-4:
        return NoFit(model, text("value.fit.search", "the search for the most likely parameters does not end"))
    bend = customers * _curvature(lambda logs: down(logs, objective)[1], found)
    roots = np.linalg.eigvalsh(bend)
    if roots[0] <= 1e-8 * roots[-1]:
        return NoFit(model, text("value.fit.flat", "different parameters explain the data equally well"))
    covariance = np.asarray(np.linalg.inv(bend), dtype=np.float64)
    errors = parameters * np.sqrt(np.diag(covariance))
    return Fit(
        model,
        dict(zip(names, parameters.tolist(), strict=True)),
        dict(zip(names, errors.tolist(), strict=True)),
        -value * customers,
        covariance,
        customers,
    )


def _search(down: Objective, start: Values) -> Values:
    def run_away(intermediate_result: OptimizeResult) -> None:
        if float(np.abs(intermediate_result.x).max()) > np.log(LARGEST):
            raise StopIteration  # the answer is known: there is none

    options = {"gtol": 1e-7, "maxiter": 500}
    return np.asarray(minimize(down, start, jac=True, method="BFGS", callback=run_away, options=options).x)


def _curvature(slope: Callable[[Values], Values], at: Values) -> Values:
    """Second derivatives by central differences of the first."""
    steps = np.eye(len(at)) * STEP
    bend = np.array([(slope(at + step) - slope(at - step)) / (2 * STEP) for step in steps])
    return np.asarray((bend + bend.T) / 2)


def _polish(slope: Callable[[Values], Values], at: Values, bend: Values, most: int = 8) -> Values:
    """Newton steps with the curvature of a sample, which is almost that of all the data."""
    for _ in range(most):
        step = np.linalg.solve(bend, slope(at))
        at = at - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return at
