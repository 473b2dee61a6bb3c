"""Learned weights: planted ones are found, intervals cover, a later window judges them, and nothing is ever applied."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr

from workbook.grading.learned import Learned, fit_weights, judge_weights, learn_weights
from workbook.grading.score import grade
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Grading

Q2, Q3, Q4 = (Period.parse(f"2025Q{n}") for n in (2, 3, 4))
TRUE = np.array([0.4, 0.3, 0.2, 0.1, 0.0])
EDITIONS = (Edition("en"), Edition("zh"))


def planted(seed, n=600, noise=25.0):
    """Correlated scores from 0 to 100 and a target that they make by the planted weights."""
    rng = np.random.default_rng(seed)
    mixed = np.linalg.cholesky(0.5 * np.eye(5) + 0.5)
    scores = 100 * ndtr(rng.normal(size=(n, 5)) @ mixed.T)
    return scores, scores @ TRUE + rng.normal(0, noise, n), rng


def test_planted_weights_are_found_and_intervals_cover_them():
    """Over 100 seeds: no bias, and 95% intervals that hold the truth in 90 to 99 of a hundred."""
    found, covered = [], np.zeros(5)
    for seed in range(100):
        scores, target, rng = planted(seed)
        fit = fit_weights(scores, target, rng, draws=150)
        found.append(fit.weights)
        covered += (fit.low <= TRUE) & (fit.high >= TRUE)
        assert fit.weights.sum() == pytest.approx(1) and fit.weights.min() >= 0
    np.testing.assert_allclose(np.mean(found, axis=0), TRUE, atol=0.03)
    assert 0.90 <= covered.mean() / 100 <= 0.99 and covered.min() >= 86


def test_it_is_the_least_of_squares_under_the_constraint():
    """Held to a general optimiser: same weights where one of them would be negative without the constraint."""
    scores, target, rng = planted(3, n=300)
    target = target - 0.3 * scores[:, 4]
    fit = fit_weights(scores, target, rng, draws=20)

    def squares(b):
        return float(((target - b[0] - scores @ b[1:]) ** 2).mean())

    free = minimize(squares, np.r_[0, np.full(5, 0.2)], bounds=[(None, None), *[(0, None)] * 5], options={"ftol": 1e-15})
    np.testing.assert_allclose(fit.weights, free.x[1:] / free.x[1:].sum(), atol=1e-3)
    assert fit.weights[4] == 0


def test_many_customers_in_parcels_give_the_same_interval_as_one_by_one(monkeypatch):
    scores, target, _ = planted(5, n=6000)
    singly = fit_weights(scores, target, np.random.default_rng(1))
    monkeypatch.setattr("workbook.grading.learned.PARCELS", 500)
    parcels = fit_weights(scores, target, np.random.default_rng(1))
    np.testing.assert_allclose(parcels.weights, singly.weights, rtol=1e-9)
    np.testing.assert_allclose(parcels.high - parcels.low, singly.high - singly.low, rtol=0.35)


def test_missing_scores_two_alike_and_nothing_to_learn_are_borne():
    scores, target, rng = planted(7)
    scores[:400, 1] = np.nan
    scores[:, 2] = scores[:, 0]
    fit = fit_weights(scores, target, rng)
    assert np.isfinite(fit.weights).all() and (fit.low <= fit.weights).all() and (fit.weights <= fit.high).all()
    assert fit_weights(scores, -target, rng) is None or fit_weights(scores[:, :1], -target, rng) is None


@pytest.fixture
def graded(make_profile):
    """Three periods in which later revenue follows one index alone, breadth."""
    profile = make_profile(800)
    rng = np.random.default_rng(2)
    later = [profile.assign(revenue_period=profile["categories"] ** 3 * rng.lognormal(0, 0.3, 800)) for _ in range(3)]
    return [grade(one, Grading(), period=period) for one, period in zip(later, (Q2, Q3, Q4), strict=True)], later


def test_what_foretells_value_gets_the_weight_and_the_next_window_judges_it(graded):
    grades, later = graded
    learned = learn_weights(grades[0].frame, later[1], grades[0].settings.indices, periods=(Q2, Q3), seed=1)
    assert max(learned["weights"], key=learned["weights"].get) == "breadth" and learned["windows"] == ["2025Q2", "2025Q3"]
    kept = json.loads(json.dumps(learned, sort_keys=True))  # as the artefact comes back
    told = judge_weights(kept, grades[1].frame, later[2], grades[2], periods=(Q3, Q4))
    assert isinstance(told, Learned) and told.frame.set_index("index")["learned"].to_dict() == learned["weights"]
    assert isinstance(told, Learned) and told.windows == ("2025Q2", "2025Q3", "2025Q4")
    assert told.gap_low > 0 and told.caught > told.present and told.gap == pytest.approx(told.caught - told.present)
    assert told.moved == pytest.approx(told.up + told.down) and told.frame["present"].sum() == pytest.approx(1)
    assert "Learned weights do better: best tenth brings" in told.table().title.render(EDITIONS[0])
    for block in told.blocks():
        block.bundle(EDITIONS)


def test_the_present_weights_judged_are_the_grade_itself(graded):
    """With the present weights in the place of the learned ones nothing moves and the gap is nothing."""
    grades, later = graded
    present = {"weights": dict(grades[2].index_weights), "low": {}, "high": {}, "n": 1, "windows": ["2025Q2", "2025Q3"]}
    present |= dict.fromkeys(("low", "high"), present["weights"])
    told = judge_weights(present, grades[1].frame, later[2], grades[2], periods=(Q3, Q4))
    assert told.moved == 0 and told.gap == told.gap_low == told.gap_high == 0
    assert "do not clearly do better" in told.table().title.render(EDITIONS[0])


def test_what_cannot_be_learned_or_judged_says_what_it_takes(graded):
    grades, later = graded
    indices = grades[0].settings.indices
    first = learn_weights(None, later[0], indices, periods=(Q2, Q3), seed=1)
    assert isinstance(first, NotMeasured)
    assert isinstance(judge_weights(first, grades[0].frame, later[1], grades[1], periods=(Q2, Q3)), NotMeasured)
    nothing = later[1].assign(revenue_period=0.0)
    assert isinstance(learn_weights(grades[0].frame, nothing, indices, periods=(Q2, Q3), seed=1), NotMeasured)
    other = {"weights": {"x": 1.0}, "windows": ["a", "b"], "n": 1, "low": {"x": 1.0}, "high": {"x": 1.0}}
    assert isinstance(judge_weights(other, grades[1].frame, later[2], grades[2], periods=(Q3, Q4)), NotMeasured)
