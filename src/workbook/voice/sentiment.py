"""Is a comment content or discontent? Offline, in Chinese and English (V3).

Character n-grams and logistic regression, trained on the client's own scores where enough of the comments carry one, else on
the seed sentences of templates/voice. Decision values become probabilities by Platt's method (1999) on comments that the
model has not seen; where the probability is not certain enough the model abstains. How often it is right is measured on the
client's own scored comments, each judged by a model that was trained without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from workbook.voice.ngrams import features, plain, unit_rows
from workbook.voice.word_lists import seed_sentences

Floats = npt.NDArray[np.float64]
Origin = Literal["own scores", "seed sentences"]

FOLDS = 5
SMALLEST_CLASS = 10
"""Comments of either mood that training on the client's own scores takes."""

MOST_TRAINED = 8_000
"""More scored comments than these add time and hardly accuracy."""

OWN_LENGTHS = {"han": (1, 2), "latin": (2, 3, 4, 5)}
SEED_LENGTHS = {"han": (2, 3), "latin": (3, 4, 5)}
"""Lengths of the n-grams by script; single characters mislead a model of a hundred sentences."""

SEED_SLOPE = 1.5
"""Logits a standard deviation of the seed model's decision: what ranks 84 of 100 pairs right gives (assumed, not fitted: the
seed sentences are no sample of a client's comments)."""

PENALTY = 10.0
"""Inverse strength of the penalty; between 3 and 30 accuracy on hotel reviews moves by less than half a point."""


@dataclass(frozen=True)
class Mood:
    """Comments of one script judged.

    Attributes:
        probability: that each comment is content; for comments trained on, by a model trained without them; shape (n,).
        origin: what the model was trained on.
        labelled: which comments carry a mood of their own to compare with; shape (n,).
    """

    probability: Floats
    origin: Origin
    labelled: npt.NDArray[np.bool_]


def judge(texts: list[str], content: Floats, script: str, *, enough: int, seed: int) -> Mood:
    """The probability that each comment is content.

    Args:
        texts: plain comments of one script; shape (n,).
        content: 1 where the customer's own score is good, 0 where it is bad, NaN where there is none; shape (n,).
        script: ``han`` or ``latin``.
        enough: scored comments from which the model is trained on them, where it reads those held out better than chance.
        seed: what the folds are drawn with.
    """
    labelled = ~np.isnan(content)
    good, bad = int(np.nansum(content)), int(labelled.sum() - np.nansum(content))
    if labelled.sum() >= enough and min(good, bad) >= SMALLEST_CLASS:
        rows = unit_rows(features(texts, OWN_LENGTHS[script], within_words=script == "latin"))
        probability = _probability(rows, content, _folds(texts, labelled, seed), seed)
        if probability is not None:
            return Mood(probability, "own scores", labelled)
    return Mood(_by_seeds(texts, script, seed), "seed sentences", labelled)


def _by_seeds(texts: list[str], script: str, seed: int) -> Floats:
    """Probabilities by a model of the seed sentences; a long comment is weighed by what they know of it alone."""
    sentences = seed_sentences(script)
    seeds = [plain(sentence) for mood in ("content", "discontent") for sentence in sentences[mood]]
    content = np.repeat([1.0, 0.0], [len(sentences["content"]), len(sentences["discontent"])])
    both = features([*seeds, *texts], SEED_LENGTHS[script], within_words=script == "latin", least=1)
    both = unit_rows(both[:, np.flatnonzero(np.asarray(both[: len(seeds)].sum(axis=0)).ravel() > 0)])
    decision = _fitted(both[: len(seeds)], content, seed).decision_function(both)
    spread = float(np.std(decision[len(seeds) :] if len(texts) >= SMALLEST_CLASS else decision[: len(seeds)]))
    return _logistic(SEED_SLOPE * decision[len(seeds) :] / max(spread, 1e-9))


def _folds(texts: list[str], labelled: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.int64]:
    """A fold for each comment to train on, −1 for the others; comments of the same words share one."""
    folds = np.full(len(texts), -1)
    kinds, which = np.unique(np.array(texts, dtype=object)[labelled].astype(str), return_inverse=True)
    drawn = np.random.default_rng(seed).permutation(len(kinds))
    folds[labelled] = drawn[which] % FOLDS
    rows = np.flatnonzero(labelled)
    if len(rows) > MOST_TRAINED:
        folds[rows[drawn[which] >= MOST_TRAINED * len(kinds) / len(rows)]] = -1
    return folds


def _probability(rows: sparse.csr_matrix, content: Floats, folds: npt.NDArray[np.int64], seed: int) -> Floats | None:
    """Probabilities from decision values: of rows trained on by the model of the other folds, of the rest by that of all.

    None where the model ranks the comments that it has not seen no better than chance, as it does where a few sentences are all
    that many customers write: calibrated on them it would turn every mood into its opposite.
    """
    trained = folds >= 0
    decision = np.asarray(_fitted(rows[trained], content[trained], seed).decision_function(rows), dtype=np.float64)
    for fold in range(FOLDS):
        held = folds == fold
        others = trained & ~held
        if held.any() and 0 < content[others].mean() < 1:
            decision[held] = _fitted(rows[others], content[others], seed).decision_function(rows[held])
    slope, start = _platt(decision[trained], content[trained])
    return _logistic(slope * decision + start) if slope > 0 else None


def _logistic(logit: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -500, 500))), dtype=np.float64)


def _fitted(rows: sparse.csr_matrix, content: Floats, seed: int) -> LogisticRegression:
    # balanced: else a few hundred comments of which most are content are all called content
    model = LogisticRegression(
        C=PENALTY, class_weight="balanced", solver="liblinear", dual=True, tol=0.01, random_state=seed % 2**31
    )  # fmt: skip
    model.fit(rows, content.astype(int))
    return model


def _platt(decision: Floats, content: Floats) -> tuple[float, float]:
    """Slope and start of the logit over decision values, from those whose mood is known.

    Source: Platt 1999 with his smoothed targets, by Newton's steps (Lin, Lin & Weng 2007).
    """
    good = content.sum()
    bad = len(content) - good
    target = np.where(content > 0.5, (good + 1) / (good + 2), 1 / (bad + 2))
    design = np.column_stack([decision, np.ones(len(decision))])
    beta = np.array([1.0, 0.0])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -35, 35)))
        gradient = design.T @ (target - p)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return float(beta[0]), float(beta[1])


def moods(probability: pd.Series, certain: float) -> pd.Series:
    """``content``, ``discontent``, or ``unclear`` where neither probability reaches *certain*."""
    return pd.Series(
        np.select([probability >= certain, probability <= 1 - certain], ["content", "discontent"], "unclear"),
        index=probability.index,
    )
