"""Facts that foretell bad cases: planted ones found with their AUC, none where there are none, the error as DeLong's."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from workbook.voice.foretelling import auc_of, foretell

FACTS = ["channel", "hour", "region"]


def made_up(seed, n=400, channel=0.0, both=0.0):
    rng = np.random.default_rng(seed)
    cases = pd.DataFrame(
        {
            "channel": rng.choice(list("abcd"), n),
            "hour": rng.choice(list("mnoe"), n),
            "region": rng.choice(list("uvwxyz"), n),
            "customer_id": rng.integers(0, n // 2, n).astype(str),
        }
    )
    odds = 0.12 + channel * (cases["channel"] == "a") + both * ((cases["channel"] == "a") & (cases["hour"] == "e"))
    return cases.assign(bad=rng.random(n) < odds)


def test_facts_without_effect_foretell_no_better_than_chance():
    found = [foretell(made_up(seed), FACTS, 0.95, 5, 1).low > 0.5 for seed in range(30)]
    assert sum(found) <= stats.binom.ppf(0.999, 30, 0.025)


def test_the_fact_that_was_planted_is_found_and_no_other():
    right = 0
    for seed in range(20):
        held = foretell(made_up(seed, channel=0.5), FACTS, 0.95, 5, 1)
        clear = held.contributions.loc[held.contributions["low"] > 0, "factor"].tolist()
        right += held.low > 0.5 and clear == ["channel"] and held.contributions["level"].iloc[0] == "a"
    assert right >= 18


def test_auc_is_that_of_the_field_and_its_error_delongs():
    rng = np.random.default_rng(2)
    bad = rng.random(150) < 0.3
    score = np.round(rng.normal(size=150) + bad, 1)
    auc, influence = auc_of(score, bad)
    assert auc == pytest.approx(roc_auc_score(bad, score))
    placed = np.where(score[bad][:, None] > score[~bad], 1.0, 0.5 * (score[bad][:, None] == score[~bad]))
    variance = placed.mean(axis=1).var() / bad.sum() + placed.mean(axis=0).var() / (~bad).sum()
    assert (influence**2).sum() == pytest.approx(variance)


def test_what_differs_between_kinds_of_question_only_foretells_nothing():
    cases = made_up(4)
    cases["source"] = np.where(cases["channel"] == "a", "nps", "csat")
    cases["bad"] = np.random.default_rng(5).random(len(cases)) < np.where(cases["source"] == "nps", 0.6, 0.05)
    assert foretell(cases, FACTS, 0.95, 5, 1).low > 0.5
    assert foretell(cases, FACTS, 0.95, 5, 1, within="source").low <= 0.5


def test_a_customer_with_many_alike_cases_counts_as_one():
    once = made_up(6, n=200, channel=0.3).assign(customer_id=[str(i) for i in range(200)])
    often = pd.concat([once] * 5, ignore_index=True)
    single, many = (foretell(rows, FACTS, 0.95, 5, 1) for rows in (once, often))
    assert many.high - many.low > 0.8 * (single.high - single.low)


def test_the_same_seed_gives_the_same_figures():
    one, two = (foretell(made_up(7, channel=0.2), FACTS, 0.95, 5, 3) for _ in range(2))
    assert one.auc == two.auc and one.contributions.equals(two.contributions)
