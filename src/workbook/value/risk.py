"""Probabilities of leaving: learned, calibrated across customers, and held against rules of thumb; row L4 of the method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm, rankdata

from workbook.language import Text, count, text
from workbook.value.fitting import Values
from workbook.value.histories import Chosen, Places

FOLDS = 5
"""Parts of the customers, each foretold by what the others taught."""

FEWEST_TO_LEARN = 50
"""Fewest customers who left, and who stayed, from which probabilities are learned."""

ENOUGH_FOR_TREES = 300
"""Fewest customers who left, and who stayed, from which on boosted trees are tried."""

Z95 = 1.959964

Learned = Callable[[Values], Values]
"""Features, one row a customer → logarithm of the odds of leaving."""


def logistic(features: Values, lost: Chosen) -> Learned:
    """Logistic regression on standardised features, whose coefficients are held in by a normal prior of unit width."""
    centre, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(lost)), (features - centre) / spread])
    line, _ = newton(design, lost.astype(float), ridge=np.r_[0.0, np.ones(features.shape[1])])
    return lambda new: np.asarray((new - centre) / spread @ line[1:] + line[0])


def boosting(features: Values, lost: Chosen) -> Learned:
    """Gradient boosting of shallow trees."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    fitted = HistGradientBoostingClassifier(
        max_iter=40, learning_rate=0.1, max_leaf_nodes=6, min_samples_leaf=40, l2_regularization=5.0, early_stopping=False
    ).fit(features, lost)
    return lambda new: np.asarray(fitted.decision_function(new), dtype=float)


METHODS: Mapping[str, Callable[[Values, Chosen], Learned]] = {"logistic": logistic, "boosting": boosting}


@dataclass(frozen=True, eq=False)
class Risk:
    """A learned probability of leaving.

    Attributes:
        method: id of the method.
        held_out: the probability of each customer learned from, by folds that the customer is not in, calibration included.
    """

    method: str
    held_out: Values
    _learned: Learned
    _line: Values

    def of(self, features: Values) -> Values:
        """The probability that each of other customers leaves."""
        return _on_line(self._line, self._learned(features))


def learn(method: str, features: Values, lost: Chosen, *, seed: int = 0, folds: Places | None = None) -> Risk:
    """Learn the probability of leaving, calibrated on customers that it was not learned from.

    Each fifth of the customers is scored by what the other four taught. A line through the logarithm of the odds (Platt 1999)
    then makes probabilities of the scores: for the held-out figures fitted without the fifth itself, for others on all.

    Args:
        method: ``logistic`` or ``boosting``.
        features: one row a customer, no value missing.
        lost: who left.
        seed: decides who is in which fifth; folds: the fifth of each customer, where that is decided otherwise.
    """
    folds = folds_of(lost, seed) if folds is None else folds
    scores = np.zeros(len(lost))
    for fold in range(FOLDS):
        others = folds != fold
        scores[~others] = METHODS[method](features[others], lost[others])(features[~others])
    held_out = np.zeros(len(lost))
    for fold in range(FOLDS):
        others = folds != fold
        held_out[~others] = _on_line(calibration_line(scores[others], lost[others]), scores[~others])
    return Risk(method, held_out, METHODS[method](features, lost), calibration_line(scores, lost))


def folds_of(lost: Chosen, seed: int) -> Places:
    """The fold of each customer, with as many who left in each as chance and whole numbers allow."""
    order = np.random.default_rng(seed).permutation(len(lost))
    folds = np.zeros(len(lost), dtype=np.int64)
    for group in (True, False):
        chosen = order[lost[order] == group]
        folds[chosen] = np.arange(len(chosen)) % FOLDS
    return folds


def calibration_line(scores: Values, lost: Chosen) -> Values:
    """Constant and slope of the logarithm of the odds of leaving by a score; ends held in as Platt (1999) does."""
    left, stayed = float(lost.sum()), float((~lost).sum())
    target = np.where(lost, (left + 1) / (left + 2), 1 / (stayed + 2))
    design = np.column_stack([np.ones(len(scores)), scores])
    line, _ = newton(design, target, ridge=1e-6)
    return line


def newton(design: Values, target: Values, *, ridge: float | Values) -> tuple[Values, Values]:
    """Coefficients of a logistic regression and their covariance, by Newton's method with step halving.

    Args:
        design: one row a customer, constant included.
        target: share of each that is counted as having left, 0 to 1.
        ridge: penalty on half of each squared coefficient; keeps those of rare signals finite.
    """
    held = np.broadcast_to(np.asarray(ridge, dtype=float), design.shape[1:])

    def loss(at: Values) -> float:
        score = design @ at
        return float(np.logaddexp(0.0, score).sum() - target @ score + held @ at**2 / 2)

    at, bend = np.zeros(design.shape[1]), np.eye(design.shape[1])
    now = loss(at)
    for _ in range(50):
        chance = expit(design @ at)
        slope = design.T @ (chance - target) + held * at
        bend = design.T @ (design * (chance * (1 - chance))[:, None]) + np.diag(held)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while size > 1e-6 and (then := loss(at - size * step)) > now + 1e-12 * abs(now):
            size /= 2
        at, now = at - size * step, then
        if float(np.abs(step).max()) < 1e-7:
            break
    return at, np.asarray(np.linalg.inv(bend))


def _on_line(line: Values, scores: Values) -> Values:
    return np.asarray(expit(line[0] + line[1] * scores))


def judge_risk(probability: Values, lost: Chosen) -> dict[str, float]:
    """How well probabilities of leaving met what happened, each with its 95% interval over customers.

    Args:
        probability: of each customer.
        lost: who left.

    Returns:
        brier (mean squared error), skill (1 less it over that of a forecast that says the
        share of leavers of everybody, known afterwards; 0 says no better), auc (chance that
        one who left stood above one who stayed; DeLong, DeLong & Clarke-Pearson 1988), capture (share of leavers in the tenth
        of highest probability), and ``_low`` and ``_high`` of skill and auc.
    """
    n = len(lost)
    error, blind = (probability - lost) ** 2, (lost.mean() - lost) ** 2
    brier, ratio = float(error.mean()), float(error.mean() / blind.mean())
    half = Z95 * float((error - ratio * blind).std(ddof=1)) / (float(blind.mean()) * np.sqrt(n))
    left, stayed = probability[lost], probability[~lost]
    within_left, within_stayed, together = rankdata(left), rankdata(stayed), rankdata(np.concatenate([left, stayed]))
    above = (together[: len(left)] - within_left) / len(stayed)
    below = 1 - (together[len(left) :] - within_stayed) / len(left)
    auc = float(above.mean())
    spread = float(np.sqrt(above.var(ddof=1) / len(left) + below.var(ddof=1) / len(stayed)))
    top = np.argsort(-probability, kind="stable")[: max(1, n // 10)]
    return {
        "brier": brier,
        "skill": 1 - ratio,
        "skill_low": 1 - ratio - half,
        "skill_high": 1 - ratio + half,
        "auc": auc,
        "auc_low": max(0.0, auc - Z95 * spread),
        "auc_high": min(1.0, auc + Z95 * spread),
        "capture": float(lost[top].sum() / lost.sum()),
    }


def reliability(probability: Values, lost: Chosen, groups: int = 10) -> pd.DataFrame:
    """Groups of equal size by probability: group, customers, foretold, left, low, high (Wilson, 95%).

    Equal probabilities stay together, so that there may be fewer groups.
    """
    place = pd.qcut(pd.Series(rankdata(probability)), groups, labels=False, duplicates="drop")
    people = pd.DataFrame({"group": place, "foretold": probability, "left": lost.astype(float)})
    found = people.groupby("group").agg(customers=("left", "size"), foretold=("foretold", "mean"), left=("left", "mean"))
    low, high = wilson(found["left"].to_numpy(), found["customers"].to_numpy(dtype=float))
    found = found.assign(low=low, high=high).reset_index(drop=True)
    return found.assign(group=np.arange(1, len(found) + 1))[["group", "customers", "foretold", "left", "low", "high"]]


def lost_value(probability: Values, value: Values, held_out: Values, lost: Chosen) -> tuple[float, float, float]:
    """What leaving customers will take with them: expected, and a 95% interval, the value of each being given.

    Two things make it uncertain: who happens to leave, and how far the level of the probabilities is off. The second is read
    from the back-test: the larger of its chance error and of what it was found to be off.

    Args:
        probability, value: of each customer; a value that is not known counts nothing.
        held_out: probabilities of the back-test.
        lost: who of them left.
    """
    worth = np.nan_to_num(value)
    total = float((probability * worth).sum())
    chance = float((probability * (1 - probability) * worth**2).sum())
    foretold = float(held_out.sum())
    error = max(float((held_out * (1 - held_out)).sum()), (float(lost.sum()) - foretold) ** 2)
    half = Z95 * float(np.sqrt(chance + (total / foretold) ** 2 * error)) if foretold > 0 else np.nan
    return total, max(total - half, 0.0), total + half


def wilson(part: Values, n: Values, z: float = Z95) -> tuple[Values, Values]:
    """Wilson's score interval (1927) of shares of *n*; NaN where n is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (part + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(part * (1 - part) / n + z**2 / (4 * n**2))
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def weigh_signals(signals: pd.DataFrame, lost: Chosen, controls: Values, *, tried: int = 0) -> pd.DataFrame:
    """What each sign says of leaving: by itself, and at equal other signs and buying.

    Intervals hold for all signs at once (Bonferroni), p values are adjusted for their number (Holm 1979).

    Args:
        signals: one column of yes or no a sign.
        lost: who left.
        controls: further features, held equal in the odds ratio.
        tried: signs that were looked at, where only the most telling ones were kept: intervals and p values hold for all.

    Returns:
        signal, customers (who show it), left_with, left_without (shares), difference with low and high (Newcombe 1998), p, odds
        with odds_low and odds_high (logistic regression), clear (whether low is above 0); largest difference first. Signs that
        nobody or everybody shows are left out.
    """
    shown = [name for name in signals if 0 < signals[name].sum() < len(lost)]
    columns = ["signal", "customers", "left_with", "left_without", "difference", "low", "high", "p", "odds", "odds_low",
               "odds_high", "clear"]  # fmt: skip
    if not shown:
        return pd.DataFrame(columns=columns)
    z = float(norm.isf(0.025 / max(tried, len(shown))))
    flags = signals[shown].to_numpy(dtype=float)
    n1 = flags.sum(axis=0)
    n0 = len(lost) - n1
    with_it, without = lost @ flags / n1, lost @ (1 - flags) / n0
    (low1, high1), (low0, high0) = wilson(with_it, n1, z), wilson(without, n0, z)
    difference = with_it - without
    low = difference - np.sqrt((with_it - low1) ** 2 + (high0 - without) ** 2)
    high = difference + np.sqrt((high1 - with_it) ** 2 + (without - low0) ** 2)
    pooled = lost.mean()
    p = 2 * norm.sf(np.abs(difference) / np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0)))
    spread = controls.std(axis=0)
    held = (controls[:, spread > 0] - controls[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    line, covariance = newton(np.column_stack([np.ones(len(lost)), flags, held]), lost.astype(float), ridge=1e-3)
    at, error = line[1 : len(shown) + 1], np.sqrt(np.diag(covariance))[1 : len(shown) + 1]
    found = pd.DataFrame({
        "signal": shown, "customers": n1.astype("int64"), "left_with": with_it, "left_without": without,
        "difference": difference, "low": low, "high": high, "p": _holm(p, tried), "odds": np.exp(at),
        "odds_low": np.exp(at - z * error), "odds_high": np.exp(at + z * error), "clear": low > 0,
    })[columns]  # fmt: skip
    return found.sort_values(["difference", "signal"], ascending=[False, True], ignore_index=True)


def clear_signs(signs: pd.DataFrame, weighed: pd.DataFrame) -> pd.Series[str]:
    """The ids of each customer's clear signs, the strongest first, set apart by a comma and a space.

    Args:
        signs: one column of yes or no a sign.
        weighed: what :func:`weigh_signals` says of them.
    """
    shown = pd.Series("", index=signs.index)
    for name in weighed.loc[weighed["clear"].astype(bool), "signal"]:  # a handful of signs, not customers
        shown = shown.where(~signs[name], shown + np.where(shown == "", "", ", ") + str(name))
    return shown


def too_few(lost: Chosen) -> Text:
    """Why nothing is learned from so few."""
    return text(
        "value.churn.few",
        "{left} customers left and {stayed} stayed; probabilities are learned from {fewest} of each at least.",
        left=count(int(lost.sum())), stayed=count(int((~lost).sum())), fewest=count(FEWEST_TO_LEARN),
    )  # fmt: skip


def _holm(p: Values, tried: int = 0) -> Values:
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * (max(tried, len(p)) - np.arange(len(p))))
    found = np.empty(len(p))
    found[order] = np.minimum(adjusted, 1.0)
    return found
