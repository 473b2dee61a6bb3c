"""From linked pairs to customers (D4): transitive closure, with a guard against chains.

Components of the graph of pairs are found at once. A component that cannot be one customer as it stands – it holds two records
that a person called different, two of one system, too many records, or groups that hang together by a thread – is built up
again from its strongest pairs, and what would make it impossible is left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What a cluster may be.

    Attributes:
        most_records: most records of one customer.
        cohesion: smallest share of the pairs between two groups of records that must be linked before they are joined.
        apart: pairs of records that a person called different, shape (k, 2).
        systems: the system of each record, where a customer may have one record in each; None where he may have several.
        certain: strength from which a pair is joined whatever the limits say, unless its records are apart.
    """

    most_records: int
    cohesion: float
    apart: Ints
    systems: Ints | None = None
    certain: float = float("inf")


def cluster_records(n: int, pairs: Ints, strength: Floats, limits: Limits) -> Ints:
    """The customer of each record.

    Args:
        n: number of records, 0 … n − 1.
        pairs: linked pairs, shape (m, 2), the smaller number first.
        strength: of each pair, larger is stronger; ties go to the smaller record numbers.
        limits: see :class:`Limits`.

    Returns:
        For each record the smallest number of a record of its cluster.

    >>> chain = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])
    >>> nobody = np.empty((0, 2), dtype=np.int64)
    >>> cluster_records(6, chain, np.array([1.0, 0.9, 0.5, 1.0, 0.9]), Limits(60, 0.4, nobody)).tolist()
    [0, 0, 0, 3, 3, 3]
    """
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    label = _smallest(component.astype(np.int64))
    doubtful = _impossible(component.astype(np.int64), pairs, limits)
    chosen = np.flatnonzero(doubtful[component[pairs[:, 0]]]) if len(pairs) else np.empty(0, dtype=np.int64)
    if len(chosen) == 0:
        return label
    order = np.lexsort((pairs[chosen, 1], pairs[chosen, 0], -strength[chosen]))
    rebuilt = _rebuild(pairs[chosen[order]], strength[chosen[order]] >= limits.certain, limits)
    records = np.fromiter(rebuilt, dtype=np.int64, count=len(rebuilt))
    label[records] = np.fromiter(rebuilt.values(), dtype=np.int64, count=len(rebuilt))
    return label


def _impossible(component: Ints, pairs: Ints, limits: Limits) -> npt.NDArray[np.bool_]:
    """Which components cannot be one customer."""
    size = np.bincount(component)
    links = np.bincount(component[pairs[:, 0]], minlength=len(size)) if len(pairs) else np.zeros(len(size), dtype=np.int64)
    found: npt.NDArray[np.bool_] = size > limits.most_records
    found |= (size >= 4) & (links < limits.cohesion * size * (size - 1) / 2)
    if len(limits.apart):
        together = component[limits.apart[:, 0]] == component[limits.apart[:, 1]]
        found[component[limits.apart[together, 0]]] = True
    if limits.systems is not None:
        places = component * (limits.systems.max(initial=0) + 1) + limits.systems
        _, first, count = np.unique(places, return_index=True, return_counts=True)
        found[component[first[count > 1]]] = True
    return found


def _rebuild(pairs: Ints, certain: npt.NDArray[np.bool_], limits: Limits) -> dict[int, int]:
    """Record → smallest record of its cluster, for the records of *pairs*, which come strongest first."""
    neighbours: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in pairs.tolist():
        neighbours[a].add(b)
        neighbours[b].add(a)
    apart: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in limits.apart.tolist():
        apart[a].add(b)
        apart[b].add(a)
    home = {record: record for record in neighbours}
    members = {record: {record} for record in neighbours}
    systems = limits.systems

    def may_join(larger: set[int], smaller: set[int], surely: bool) -> bool:
        if any(apart[record] & larger for record in smaller):
            return False
        if surely:
            return True
        if len(larger) + len(smaller) > limits.most_records:
            return False
        if systems is not None and {systems[r] for r in larger} & {systems[r] for r in smaller}:
            return False
        links = sum(len(neighbours[record] & larger) for record in smaller)
        return links >= limits.cohesion * len(larger) * len(smaller)

    for (a, b), surely in zip(pairs.tolist(), certain.tolist(), strict=True):
        larger, smaller = sorted((home[a], home[b]), key=lambda one: (-len(members[one]), one))
        if larger != smaller and may_join(members[larger], members[smaller], surely):
            for record in members[smaller]:
                home[record] = larger
            members[larger] |= members.pop(smaller)
    return {record: smallest for group in members.values() for smallest in (min(group),) for record in group}


def _smallest(component: Ints) -> Ints:
    """For each record the smallest record of its component."""
    _, first = np.unique(component, return_index=True)
    smallest: Ints = first.astype(np.int64)[component]
    return smallest
