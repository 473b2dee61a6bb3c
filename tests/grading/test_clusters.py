"""Natural groups: planted ones are found, none are claimed where there are none, centres stand with the policy."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score, silhouette_score

from workbook.grading import clusters
from workbook.grading.clusters import agreement, find_clusters, silhouette
from workbook.grading.score import grade
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import GradeRule, Grading, Settings

BOTH = (Edition("en"), Edition("zh"))
Q4 = Period.parse("2025Q4")


@pytest.fixture(scope="module")
def settings() -> Grading:
    return Settings(client={"name": "Test"}).grading


def graded(scores: np.ndarray, settings: Grading, revenue: np.ndarray | None = None) -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": [f"c{n:05d}" for n in range(len(scores))]})
    for place, index in enumerate(settings.indices):
        frame[f"index_{index.id}"] = scores[:, place % scores.shape[1]] if place < scores.shape[1] else 50.0
    frame["revenue"] = np.arange(len(scores), dtype=float) if revenue is None else revenue
    frame["tier"] = [tier.id for tier in settings.tiers][-1]
    frame.loc[:9, "tier"] = settings.tiers[0].id
    return frame


def heaps(seed: int, n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    middles = np.array([[20, 20, 80], [80, 30, 20], [50, 85, 50]], dtype=float)
    planted = chance.integers(0, 3, n)
    return np.clip(middles[planted] + chance.normal(0, 8, (n, 3)), 0, 100), planted


@pytest.mark.parametrize("seed", range(4))
def test_planted_groups_are_found_and_the_most_valuable_comes_first(settings, seed):
    scores, planted = heaps(seed)
    revenue = np.where(planted == 2, 900.0, np.where(planted == 0, 100.0, 10.0))
    found = find_clusters(graded(scores, settings, revenue), settings, 1, period=Q4, seed=seed)
    assert found.found and found.frame["cluster"].nunique() == 3
    assert adjusted_rand_score(planted, found.frame["cluster"]) > 0.95
    assert set(found.frame.loc[planted == 2, "cluster"]) == {1}
    assert "3 natural groups" in found.table().title.render(BOTH[0])


@pytest.mark.parametrize("kind", ["uniform", "normal", "correlated"])
def test_no_groups_are_claimed_where_there_are_none(settings, kind):
    claimed = 0
    for seed in range(3):
        chance = np.random.default_rng(seed)
        if kind == "uniform":
            scores = chance.uniform(0, 100, (600, 3))
        else:
            mixed = np.eye(3) if kind == "normal" else np.array([[1, 0.8, 0.7], [0, 0.6, 0.2], [0, 0, 0.7]])
            scores = 50 + 15 * chance.normal(size=(600, 3)) @ mixed
        claimed += find_clusters(graded(scores, settings), settings, 1, period=Q4, seed=seed).found
    assert claimed == 0


def test_centres_stand_with_the_policy_and_are_fitted_anew_with_a_new_one(settings):
    scores, _ = heaps(1)
    first = find_clusters(graded(scores, settings), settings, 3, period=Period.parse("2025Q3"), seed=1)
    moved = graded(np.clip(scores + 3, 0, 100), settings)
    again = find_clusters(moved, settings, 3, period=Q4, seed=2, frozen=first.centres)
    assert again.centres == first.centres and again.choice_table() is None
    assert "since 2025Q3" in again.table().note.render(BOTH[0])
    anew = find_clusters(moved, settings, 4, period=Q4, seed=2, frozen=first.centres)
    assert anew.centres["since"] == "2025Q4" and len(anew.blocks()) == 3


def test_the_same_seed_gives_the_same_groups_and_both_languages_have_words(settings):
    scores, _ = heaps(2)
    one, two = (find_clusters(graded(scores, settings), settings, 1, period=Q4, seed=5) for _ in range(2))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    for block in one.blocks():
        block.bundle(BOTH)
    cross = one.crossed().frame
    assert cross[[tier.id for tier in settings.tiers]].to_numpy().sum() == len(scores)


def test_silhouette_and_agreement_are_those_of_the_textbook():
    rng = np.random.default_rng(8)
    for k in (2, 3, 5):
        x, one, other = rng.normal(size=(120, 3)), rng.integers(0, k, 120), rng.integers(0, 4, 120)
        one[:k] = range(k)
        assert silhouette(cdist(x, x), one) == pytest.approx(silhouette_score(x, one), abs=1e-12)
        assert agreement(one, other) == pytest.approx(adjusted_rand_score(one, other), abs=1e-12)
        assert agreement(one, one) == 1.0
    lone = np.r_[0, np.ones(119, dtype=np.int64)]  # a group of one counts 0
    assert silhouette(cdist(x, x), lone) == pytest.approx(silhouette_score(x, lone), abs=1e-12)
    assert silhouette(cdist(x, x), np.zeros(120, dtype=np.int64)) == -1.0


def test_stability_is_told_with_where_the_draws_lie_and_planted_groups_are_stabler_than_none(settings):
    planted = find_clusters(graded(heaps(3)[0], settings), settings, 1, period=Q4, seed=3).choice.set_index("clusters")
    noise = np.random.default_rng(3).normal(50, 15, (600, 3))
    without = find_clusters(graded(noise, settings), settings, 1, period=Q4, seed=3).choice.set_index("clusters")
    assert planted.loc[3, "stability_low"] > 0.9 > without.loc[3, "stability_high"] - 0.1
    for choice in (planted, without):
        assert (choice["stability_low"] <= choice["stability"]).all()
        assert (choice["stability"] <= choice["stability_high"]).all()


def test_groups_that_a_rule_asked_for_are_found_once(settings, make_profile, monkeypatch):
    rule = GradeRule(id="r", name="R", when="cluster = 1", at_least="gold", reason="x", author="y")
    ruled = settings.model_copy(update={"rules": [rule]})
    fits = []
    monkeypatch.setattr(clusters, "_freeze", lambda *one, freeze=clusters._freeze: fits.append(1) or freeze(*one))
    grades = grade(make_profile(300), ruled, period=Q4, seed=4)
    found = find_clusters(grades.frame, ruled, grades.policy.number, period=Q4, seed=4, known=grades.groups)
    assert fits == [1] and found.centres == grades.groups.centres
    assert (
        found.crossed().frame.drop(columns="cluster").sum().to_dict() == grades.tiers.set_index("tier")["customers"].to_dict()
    )
    alone = find_clusters(grades.frame, ruled, grades.policy.number, period=Q4, seed=4)
    pd.testing.assert_frame_equal(found.frame, alone.frame)
    assert grade(make_profile(300), settings, period=Q4).groups is None


def test_what_cannot_be_grouped_says_why(settings):
    few = graded(heaps(1)[0][:20], settings)
    assert "fewer than 50" in find_clusters(few, settings, 1, period=Q4, seed=1).why.render(BOTH[0])
    flat = graded(np.full((80, 1), 50.0), settings)
    assert isinstance(find_clusters(flat, settings, 1, period=Q4, seed=1), NotMeasured)
    note = NotMeasured("grading.scores", named("grades"), ("orders",))
    assert isinstance(find_clusters(note, settings, 1, period=Q4, seed=1), NotMeasured)
