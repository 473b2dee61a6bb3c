"""Clusters are the transitive closure of the links, except where that would make an impossible customer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbook.sources.link_clusters import Limits, cluster_records

N = 9
PAIRS = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] < p[1]), unique=True, max_size=20
)  # fmt: skip


def of(pairs):
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def components(pairs):
    """Union-find written out, the plain way."""
    home = list(range(N))
    for a, b in pairs:
        old, new = max(home[a], home[b]), min(home[a], home[b])
        home = [new if h == old else h for h in home]
    return home


@given(PAIRS)
def test_without_limits_clusters_are_the_connected_components(pairs):
    found = cluster_records(N, of(pairs), np.ones(len(pairs)), Limits(N, 0.0, of([])))
    assert found.tolist() == components(pairs)


@given(PAIRS, PAIRS, st.integers(0, 10**6))
def test_records_called_different_never_share_a_customer_whatever_links_them(pairs, apart, seed):
    strength = np.random.default_rng(seed).random(len(pairs))
    found = cluster_records(N, of(pairs), strength, Limits(N, 0.0, of(apart)))
    assert not [pair for pair in apart if found[pair[0]] == found[pair[1]]]
    # and nobody is joined whom no chain of links joins
    whole = components(pairs)
    assert not [(a, b) for a in range(N) for b in range(a) if found[a] == found[b] and whole[a] != whole[b]]


@given(PAIRS, st.integers(0, 10**6), st.lists(st.integers(0, 2), min_size=N, max_size=N))
def test_a_customer_has_one_record_in_each_system_where_systems_are_told_apart(pairs, seed, systems):
    strength = np.random.default_rng(seed).random(len(pairs))
    found = cluster_records(N, of(pairs), strength, Limits(N, 0.0, of([]), np.array(systems, dtype=np.int64)))
    places = list(zip(found.tolist(), systems, strict=True))
    assert len(set(places)) == len(places)


@given(PAIRS, st.integers(0, 10**6), st.integers(2, 4))
def test_the_order_of_the_pairs_does_not_matter_and_no_customer_is_too_large(pairs, seed, most):
    rng = np.random.default_rng(seed)
    strength = rng.integers(1, 4, len(pairs)).astype(float)
    mixed = rng.permutation(len(pairs))
    limits = Limits(most, 0.4, of([]))
    found = cluster_records(N, of(pairs), strength, limits)
    assert found.tolist() == cluster_records(N, of(pairs)[mixed], strength[mixed], limits).tolist()
    assert np.bincount(found).max() <= most


def test_two_firm_groups_that_one_weak_link_joins_stay_two_customers():
    groups = [(a, b) for start in (0, 4) for a in range(start, start + 4) for b in range(a + 1, start + 4)]
    bridge = [*groups, (3, 4)]
    strength = np.array([0.99] * len(groups) + [0.91])
    assert cluster_records(8, of(bridge), strength, Limits(60, 0.6, of([]))).tolist() == [0] * 4 + [4] * 4
    # the chain of single records is as weak: its ends have nothing to do with each other
    chain = [(i, i + 1) for i in range(7)]
    assert len(set(cluster_records(8, of(chain), np.full(7, 0.91), Limits(60, 0.4, of([]))).tolist())) > 1


def test_what_a_person_calls_the_same_is_joined_whatever_the_limits_say():
    systems = np.zeros(3, dtype=np.int64)
    pairs, strength = of([(0, 1), (1, 2)]), np.array([4.0, 0.95])
    assert cluster_records(3, pairs, strength, Limits(2, 0.4, of([]), systems, certain=4.0)).tolist() == [0, 0, 2]
