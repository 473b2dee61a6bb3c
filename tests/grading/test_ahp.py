"""AHP against published figures, its invariants, and comparisons that have no answer."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.errors import SettingsError
from workbook.grading.ahp import weigh
from workbook.grading.contradictions import STEPS, circles, mend_of, worst
from workbook.grading.pairwise import RANDOM_INDEX, complete, consistency_ratio, least_squares, random_index
from workbook.language import Edition
from workbook.settings.models import Comparison

quickly = settings(max_examples=40, deadline=None)


def experts(*pairs):
    return [Comparison(expert=f"expert {i}", pairs=given) for i, given in enumerate(pairs, 1)]


def rounded(weights, digits):
    return [round(weight, digits) for weight in weights.by_item.values()]


CITIES = {"a/b": "1/5", "a/c": 3, "a/d": "1/2", "a/e": 5, "b/c": 7, "b/d": 1, "b/e": 7, "c/d": "1/4", "c/e": 3, "d/e": 7}
BOZOKI = {"a/b": 1, "a/c": 5, "a/d": 2, "b/c": 3, "b/d": 4}


def test_random_index_is_saatys():
    # Saaty & Tran 2007, table 3
    published = [0.52, 0.89, 1.11, 1.25, 1.35, 1.40, 1.45, 1.49, 1.52, 1.54, 1.56, 1.58, 1.59]
    assert [RANDOM_INDEX[n] for n in range(3, 16)] == published


def test_saatys_cities():
    weights = weigh(experts(CITIES), "abcde")
    assert rounded(weights, 3) == [0.152, 0.433, 0.072, 0.305, 0.038]
    assert round(weights.ratio, 4) == 0.0507


def test_saatys_distances_from_philadelphia():
    # Saaty (1977), six cities judged by how far away they are; read: .263 .397 .033 .116 .164 .027, largest eigenvalue 6.45
    rows = {"cairo": ("1/3", 8, 3, 3, 7), "tokyo": (9, 3, 3, 9), "chicago": ("1/6", "1/5", 2), "francisco": ("1/3", 6),
            "london": (6,)}  # fmt: skip
    cities = [*rows, "montreal"]
    pairs = {
        f"{one}/{other}": times for k, one in enumerate(rows) for other, times in zip(cities[k + 1 :], rows[one], strict=True)
    }
    weights = weigh(experts(pairs), cities)
    assert rounded(weights, 3) == pytest.approx([0.263, 0.397, 0.033, 0.116, 0.164, 0.027], abs=0.0011)
    assert weights.ratio == pytest.approx(0.45 / 5 / RANDOM_INDEX[6], abs=0.001)


def test_consistent_comparisons_give_exact_weights():
    weights = weigh(experts({"a/b": "5/3", "a/c": 2.5, "b/c": 1.5}), "abc")
    assert list(weights.by_item.values()) == pytest.approx([0.5, 0.3, 0.2], abs=1e-12)
    assert weights.ratio == pytest.approx(0, abs=1e-12)


def test_whole_number_comparisons():
    weights = weigh(experts({"a/b": 2, "a/c": 3, "b/c": 2}), "abc")
    assert rounded(weights, 3) == [0.540, 0.297, 0.163]
    assert round(weights.ratio, 3) == 0.009


def test_two_judges_are_joined_by_the_geometric_mean():
    weights = weigh(experts({"a/b": 2, "a/c": 3, "b/c": 2}, {"a/b": 1, "a/c": 3, "b/c": 2}), "abc")
    assert rounded(weights, 4) == [0.4918, 0.3410, 0.1672]
    assert [j.pairs for j in weights.judgements] == [3, 3]


def test_incomplete_comparisons_of_bozoki():
    weights = weigh(experts(BOZOKI), "abcd")
    assert rounded(weights, 4) == [0.3738, 0.3920, 0.0985, 0.1357]
    assert weights.matrix[2, 3] == pytest.approx(math.sqrt(8 / 15), abs=1e-6)
    assert weights.missing == 1
    logs = np.log(weights.matrix)
    logs[2, 3] = logs[3, 2] = np.nan
    assert [round(w, 4) for w in least_squares(logs)] == [0.3742, 0.3916, 0.0988, 0.1353]


def test_random_index_shrinks_with_every_pair_not_compared():
    assert random_index(4, 1) == 0.58  # Ágoston & Csató 2022
    for n in range(4, 16):
        steps = [random_index(n, missing) for missing in range((n - 1) * (n - 2) // 2 + 1)]
        assert all(low < high for high, low in itertools.pairwise(steps))
        assert steps[-1] == pytest.approx(0)


def test_random_index_of_incomplete_matrices_agrees_with_simulation():
    rng = np.random.default_rng(3)
    scale = np.log([1 / k for k in range(9, 1, -1)] + list(range(1, 10)))
    found = []
    for _ in range(400):
        logs = np.zeros((5, 5))
        upper = np.triu_indices(5, 1)
        logs[upper] = rng.choice(scale, 10)
        logs -= logs.T
        logs[0, 1] = logs[1, 0] = logs[2, 3] = logs[3, 2] = np.nan
        matrix, _ = complete(logs)
        found.append((np.linalg.eigvals(matrix).real.max() - 5) / 4)
    assert np.mean(found) == pytest.approx(random_index(5, 2), abs=4 * np.std(found) / 20)


def test_unconnected_comparisons_are_refused_naming_the_parts():
    with pytest.raises(SettingsError, match=r"\{a, b\} and \{c, d\}"):
        weigh(experts({"a/b": 2, "c/d": 3}), "abcd")
    with pytest.raises(SettingsError, match=r"\{a\} and \{b\}"):
        weigh([], "ab")


def test_experts_who_compared_different_pairs_complete_each_other():
    weights = weigh(experts({"a/b": 2}, {"b/c": 3}), "abc")
    assert list(weights.by_item.values()) == pytest.approx([0.6, 0.3, 0.1], abs=1e-6)
    assert weights.ratio == 0
    assert [j.ratio for j in weights.judgements] == [None, None]


def test_contradictions_are_refused_naming_the_three_comparisons():
    with pytest.raises(SettingsError) as caught:
        weigh(experts({"a/b": 3, "b/c": 3, "a/c": "1/5", "a/d": 1, "b/d": 1, "c/d": 1}), "abcd")
    words = str(caught.value)
    assert "grading.comparisons: consistency ratio" in words
    assert "a/b = 3 and b/c = 3 ask for a/c = 9, but it is 0.2" in words


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ({"a/b": 0}, "found 0"),
        ({"a/b": -2}, "found -2"),
        ({"a/b": "1/0"}, "1/0"),
        ({"a/b": "three"}, "three"),
        ({"a/bb": 2}, "the nearest is 'b'"),
        ({"a/a": 2}, "found 'a/a'"),
        ({"ab": 2}, "found 'ab'"),
        ({"a/b": 2, "b/a": 2}, "another value"),
    ],
)
def test_comparisons_that_cannot_be_read_are_named(pairs, said):
    with pytest.raises(SettingsError) as caught:
        weigh(experts(pairs), ["a", "b"])
    assert said in str(caught.value)
    assert "grading.comparisons[0].pairs." in str(caught.value)


def test_the_same_judgement_given_twice_is_no_fault():
    assert weigh(experts({"a/b": 4, "b/a": "1/4"}), "ab").by_item["a"] == pytest.approx(0.8)


def test_one_item_and_too_many_items():
    assert weigh([], ["only"]).by_item == {"only": 1.0}
    with pytest.raises(SettingsError, match="found 16 items"):
        weigh([], [f"i{k}" for k in range(16)])


values = st.lists(st.floats(0.2, 5), min_size=6, max_size=6)


@quickly
@given(values)
def test_weights_sum_to_one_and_turning_every_pair_round_changes_nothing(six):
    keys = ["a/b", "a/c", "a/d", "b/c", "b/d", "c/d"]
    weights = weigh(experts(dict(zip(keys, six, strict=True))), "abcd", limit=9)
    assert sum(weights.by_item.values()) == pytest.approx(1)
    assert np.allclose(weights.matrix * weights.matrix.T, 1)
    turned = {"/".join(reversed(key.split("/"))): 1 / value for key, value in zip(keys, six, strict=True)}
    again = weigh(experts(turned), "abcd", limit=9)
    assert list(again.by_item.values()) == pytest.approx(list(weights.by_item.values()), rel=1e-9)


@quickly
@given(st.lists(st.floats(0.05, 1), min_size=5, max_size=5), st.sets(st.integers(0, 9), max_size=4))
def test_consistent_comparisons_give_their_weights_back_with_pairs_left_out(given_weights, left_out):
    items = "abcde"
    pairs = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    kept = {
        f"{items[i]}/{items[j]}": given_weights[i] / given_weights[j] for k, (i, j) in enumerate(pairs) if k not in left_out
    }
    try:
        weights = weigh(experts(kept), items)
    except SettingsError as error:
        assert "compared" in str(error)  # four pairs left out can cut one item off
        return
    total = sum(given_weights)
    assert list(weights.by_item.values()) == pytest.approx([w / total for w in given_weights], rel=1e-4)


def test_experts_of_one_group_of_indices_are_told_with_its_name():
    with pytest.raises(SettingsError, match=r"^grading\.comparisons \(among risk\): nobody compared"):
        weigh(experts({"a/b": 2, "c/d": 3}), "abcd", among="risk")
    weights = weigh(experts(CITIES), "abcde", among="risk")
    assert [block.id for block in weights.blocks()] == ["grading.ahp.risk", "grading.ahp_circles.risk"]


def test_circles_are_ordered_by_how_far_they_are_from_closing():
    found = circles(weigh(experts(CITIES), "abcde").logs)
    assert len(found) == 10
    assert [c.times for c in found] == sorted((c.times for c in found), reverse=True)
    said = {pair: float(Fraction(value)) for pair, value in CITIES.items()}
    apart = [said[f"{a}/{b}"] * said[f"{b}/{c}"] / said[f"{a}/{c}"] for a, b, c in itertools.combinations("abcde", 3)]
    assert found[0].times == pytest.approx(max(max(x, 1 / x) for x in apart))


def test_the_judgement_that_was_spoilt_is_the_one_to_mend():
    true = {"a": 8, "b": 4, "c": 2, "d": 1}
    pairs = {f"{i}/{j}": true[i] / true[j] for i, j in itertools.combinations(true, 2)} | {"b/d": "1/3"}
    spoilt = weigh(experts(pairs), "abcd", limit=9)
    mend = mend_of(spoilt.logs, spoilt.ratio)
    assert (mend.a, mend.b) == (1, 3)
    assert mend.better == 4 and mend.found == pytest.approx(1 / 3) and mend.ratio == pytest.approx(0, abs=1e-6)
    assert all(mend_of(spoilt.logs, spoilt.ratio, c.pairs) == mend for c in worst(spoilt.logs))  # each circle runs through it
    with pytest.raises(SettingsError, match=r"but it is .*\(with b/d = 4 instead of 1/3 the ratio would be 0\.000\); a/b"):
        weigh(experts(pairs), "abcd")


@pytest.mark.parametrize("left_out", [(), ("c/d", "a/e")])
def test_no_other_step_of_the_scale_mends_a_circle_more(left_out):
    pairs = {pair: value for pair, value in CITIES.items() if pair not in left_out}
    weights = weigh(experts(pairs | {"a/b": 6}), "abcde", limit=9)
    for circle in worst(weights.logs):
        mend = mend_of(weights.logs, weights.ratio, circle.pairs)
        tried = {}
        for (a, b), step in itertools.product(circle.pairs, STEPS):
            logs = weights.logs.copy()
            logs[a, b], logs[b, a] = np.log(float(step)), -np.log(float(step))
            tried[a, b, step] = consistency_ratio(*complete(logs))
        assert mend.ratio == pytest.approx(min(tried.values()), abs=1e-6) and mend.ratio < weights.ratio
        assert tried[mend.a, mend.b, mend.better] == pytest.approx(mend.ratio, abs=1e-9)


def test_nothing_is_to_be_mended_where_all_agree():
    weights = weigh(experts({"a/b": 2, "b/c": 2, "a/c": 4}), "abc")
    assert mend_of(weights.logs, weights.ratio) is None
    assert [block.id for block in weights.blocks()] == ["grading.ahp"]


def test_tables_render_in_both_languages():
    weights = weigh(experts(CITIES), "abcde")
    both = (Edition("en"), Edition("zh"))
    shown = weights.table().bundle(both)
    assert shown["languages"]["en"]["title"] == "b weighs most: 43%; consistency ratio 0.051"
    assert shown["languages"]["zh"]["title"] == "b权重最高，为 43%；一致性比率 0.051"
    assert shown["languages"]["en"]["cells"][0][1:3] == ["1.00", "0.20"]
    assert weights.experts_table().bundle(both)["n_rows"] == 1
    mending = weights.circles_table().bundle(both)
    assert mending["n_rows"] == 3
    assert mending["languages"]["en"]["cells"][0][5:] == ["a : b = 1/2 instead of 1/5", "0.024"]
    assert mending["languages"]["zh"]["cells"][0][5:] == ["a : b 由 1/5 改为 1/2", "0.024"]
