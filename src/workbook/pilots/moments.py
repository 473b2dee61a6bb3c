"""Sufficient statistics of a group of units: number, means and centred cross-products. All effects are worked out from
these, so that a table of a hundred million rows, a frame and a delivered summary go the same way (row P3).

Raw sums of squares die where the mean is large beside the spread (1e9 with unit variance leaves nothing in double precision);
centred moments do not, and two groups of them can still be put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Moments of *k* variables over *n* units.

    Attributes:
        n: units, each with a value of every variable.
        mean: means, length k.
        scatter: Σ (x − mean)(x − mean)ᵀ, k × k.
    """

    n: int
    mean: Floats
    scatter: Floats

    def variance(self, i: int = 0) -> float:
        """Variance of variable *i* with n − 1 below; NaN for fewer than two units."""
        return float(self.scatter[i, i] / (self.n - 1)) if self.n > 1 else float("nan")

    def covariance(self) -> Floats:
        """Covariance matrix with n − 1 below."""
        return self.scatter / (self.n - 1)

    def only(self, *variables: int) -> Moments:
        """Moments of some of the variables."""
        places = list(variables)
        return Moments(self.n, self.mean[places], self.scatter[np.ix_(places, places)])

    def __add__(self, other: Moments) -> Moments:
        """Moments of both groups together. Source: Chan, Golub & LeVeque (1983), The American Statistician 37, 242-247."""
        n = self.n + other.n
        if not n:
            return self
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.n / n)
        return Moments(n, mean, self.scatter + other.scatter + np.outer(apart, apart) * (self.n * other.n / n))


def moments_of(values: Floats) -> Moments:
    """Moments of a column, or of the columns of a table of n × k numbers without gaps.

    >>> moments_of(np.array([1.0, 2.0, 3.0])).variance()
    1.0
    """
    table = values[:, None] if values.ndim == 1 else values
    n, k = table.shape
    if not n:
        return Moments(0, np.full(k, np.nan), np.zeros((k, k)))
    # the first row is taken off first, so that even the mean is exact where values are large and close together
    shift = table[0]
    rest = table - shift
    mean = rest.mean(axis=0)
    rest -= mean
    return Moments(n, shift + mean, rest.T @ rest)


def summary(n: int, mean: float, variance: float) -> Moments:
    """Moments of one variable of which only number, mean and variance (n − 1 below) were delivered."""
    return Moments(n, np.array([mean]), np.array([[variance * (n - 1)]]))


def moments_by_arm(frame: pd.DataFrame, arm: str, metrics: Sequence[str]) -> dict[tuple[str, str], Moments]:
    """Moments of several metrics in every arm of a frame with one row a unit; missing values are left out, metric by metric.

    Args:
        frame: the column *arm* and one column of numbers for each of *metrics*.

    Returns:
        (arm, metric) → moments.
    """
    codes, arms = pd.factorize(frame[arm], sort=True)
    k = len(arms)
    found: dict[tuple[str, str], Moments] = {}
    known_arm = codes >= 0
    for metric in metrics:
        values = frame[metric].to_numpy(float)
        known = known_arm & ~np.isnan(values)
        x, c = (values, codes) if known.all() else (values[known], codes[known])
        if not len(x):
            continue
        shift = float(x[0])
        n = np.bincount(c, minlength=k)
        away = x - shift
        with np.errstate(invalid="ignore"):
            mean = np.bincount(c, weights=away, minlength=k) / n
        away -= mean[c]
        scatter = np.bincount(c, weights=np.square(away, out=away), minlength=k)
        for i in np.flatnonzero(n).tolist():
            found[str(arms[i]), metric] = Moments(int(n[i]), np.array([shift + mean[i]]), np.array([[scatter[i]]]))
    return found


def moments_in_database(
    connection: duckdb.DuckDBPyConnection, relation: str, arm: str, metrics: Mapping[str, str]
) -> dict[tuple[str, str], Moments]:
    """Moments of several metrics in every arm of a DuckDB table or view with one row a unit, in one pass.

    Args:
        relation: name of the table or view, or a query in brackets.
        arm: its column of arms.
        metrics: metric → SQL expression over the columns of *relation*; missing values are left out.

    Returns:
        (arm, metric) → moments. Means by compensated sums, variances by Welford's updates, so that large means do no harm.
    """
    parts = [f"count({x}), favg({x}), var_pop({x})" for x in (f"cast(({e}) as double)" for e in metrics.values())]
    if not parts:
        return {}
    rows = connection.execute(
        f"select cast({arm} as varchar), {', '.join(parts)} from {relation} where {arm} is not null group by 1 order by 1"
    ).fetchall()
    found = {}
    for name, *numbers in rows:
        for i, metric in enumerate(metrics):
            n, mean, variance = numbers[3 * i : 3 * i + 3]
            if n:
                found[name, metric] = Moments(int(n), np.array([float(mean)]), np.array([[float(variance) * n]]))
    return found


def joint_moments_in_database(
    connection: duckdb.DuckDBPyConnection, relation: str, arm: str, variables: Sequence[str]
) -> dict[str, Moments]:
    """Moments of several variables together, with their covariances, in every arm of a DuckDB table, in one pass.

    Args:
        relation: name of the table or view, or a query in brackets.
        arm: its column of arms.
        variables: SQL expressions over the columns of *relation*; only rows with a number for each of them count.

    Returns:
        arm → moments. Means and centred products as in :func:`moments_in_database`.
    """
    places = range(len(variables))
    pairs = [(i, j) for i in places for j in places if i <= j]
    table = ", ".join(f"cast(({e}) as double) as x{i}" for i, e in enumerate(variables))
    known = " and ".join(f"x{i} is not null" for i in places)
    parts = [f"favg(x{i})" for i in places] + [f"var_pop(x{i})" if i == j else f"covar_pop(x{i}, x{j})" for i, j in pairs]
    rows = connection.execute(
        f"""select arm, count(*), {", ".join(parts)} from (select cast({arm} as varchar) as arm, {table} from {relation})
            where arm is not null and {known} group by arm order by arm"""
    ).fetchall()
    found = {}
    for name, n, *numbers in rows:
        scatter = np.zeros((len(variables), len(variables)))
        for (i, j), product in zip(pairs, numbers[len(variables) :], strict=True):
            scatter[i, j] = scatter[j, i] = product * n
        found[str(name)] = Moments(int(n), np.array(numbers[: len(variables)], dtype=float), scatter)
    return found
