"""Matrices of pairwise comparisons: their gaps, weights and consistency; row T2 of the method.

A matrix is kept as the logarithms of its comparisons, NaN where nobody compared.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Matrix = NDArray[np.float64]

RANDOM_INDEX: Mapping[int, float] = {
    1: 0.0, 2: 0.0, 3: 0.52, 4: 0.89, 5: 1.11, 6: 1.25, 7: 1.35, 8: 1.40, 9: 1.45, 10: 1.49, 11: 1.52, 12: 1.54,
    13: 1.56, 14: 1.58, 15: 1.59,
}  # fmt: skip
"""Mean consistency index of random matrices, by number of items (Saaty & Tran 2007, table 3)."""

RANDOM_INDEX_OF_FOUR: Mapping[int, float] = {1: 0.58, 2: 0.28}
"""Random index of four items by the number of pairs not compared: 15,000 random matrices on Saaty's scale each (standard
error .004), where the straight line below would be 2% and 5% too high."""


def eigenvector(matrix: Matrix) -> tuple[Matrix, float]:
    """The principal eigenvector of a positive matrix, summing to 1, and its eigenvalue."""
    values, vectors = np.linalg.eig(matrix)
    first = int(np.argmax(values.real))
    vector = np.abs(vectors[:, first].real)
    return vector / vector.sum(), float(values[first].real)


def complete(logs: Matrix) -> tuple[Matrix, int]:
    """The comparison matrix of *logs* (items × items, NaN where not compared) with the gaps filled, and their number.

    The gaps take the values that make the largest eigenvalue smallest; the problem is convex in the logarithms
    (Bozóki, Fülöp & Rónyai 2010), so that the descent, begun at the least-squares solution, finds the only answer.
    """
    rows, columns = np.nonzero(np.triu(np.isnan(logs), 1))
    if not len(rows):
        return np.exp(logs), 0
    base = np.where(np.isnan(logs), 0.0, logs)

    def filled(gaps: Matrix) -> Matrix:
        full = base.copy()
        full[rows, columns], full[columns, rows] = gaps, -gaps
        return np.exp(full)

    def largest(gaps: Matrix) -> tuple[float, Matrix]:
        matrix = filled(gaps)
        right, value = eigenvector(matrix)
        left, _ = eigenvector(matrix.T)
        slope = left[rows] * matrix[rows, columns] * right[columns] - left[columns] * matrix[columns, rows] * right[rows]
        return value, slope / (left @ right)

    start = np.log(least_squares(logs))
    found = minimize(largest, start[rows] - start[columns], jac=True, method="BFGS", options={"gtol": 1e-10})
    return filled(found.x), len(rows)


def least_squares(logs: Matrix) -> Matrix:
    """Weights by logarithmic least squares on the graph of the pairs compared (NaN where not), summing to 1.

    With every pair compared these are the geometric means of the rows (Crawford & Williams 1985).
    """
    known = ~np.isnan(logs)
    np.fill_diagonal(known, False)
    laplacian = np.diag(known.sum(axis=1)) - known.astype(float)
    solution = np.linalg.pinv(laplacian) @ np.where(known, logs, 0.0).sum(axis=1)
    weights = np.exp(solution - solution.max())
    return np.asarray(weights / weights.sum())


def consistency_ratio(matrix: Matrix, missing: int = 0) -> float:
    """Saaty's ratio: how much more the matrix contradicts itself than full agreement, 1 meaning as much as chance."""
    n = len(matrix)
    random = random_index(n, missing)
    if random == 0.0:  # a tree of comparisons, or two items, leaves no room for contradiction
        return 0.0
    return max(0.0, (eigenvector(matrix)[1] - n) / (n - 1)) / random


def random_index(n: int, missing: int = 0) -> float:
    """The random index of *n* items with *missing* pairs not compared.

    Fewer comparisons leave less room for contradiction, so the index shrinks to 0 where they form a tree, almost in a
    straight line: RI(n, m) = (1 − 2m / ((n − 1)(n − 2))) · RI(n) (Ágoston & Csató 2022); four
    items stand in a table of their own.
    """
    if n < 3:
        return 0.0
    if n == 4 and missing in RANDOM_INDEX_OF_FOUR:
        return RANDOM_INDEX_OF_FOUR[missing]
    return (1 - 2 * missing / ((n - 1) * (n - 2))) * RANDOM_INDEX[n]
