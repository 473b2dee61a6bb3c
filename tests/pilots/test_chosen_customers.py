"""Customers whom the client chose: a planted effect is graded, choice and drift are not taken for one, doubt is said."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.language import Edition
from workbook.pilots.checks import check_pilots
from workbook.pilots.chosen_customers import VERDICTS, weigh_customers
from workbook.pilots.decision import decide
from workbook.pilots.effects import measure_effects

EN, ZH = Edition("en"), Edition("zh")


def firm(seed, n=800, effect=0.0, drift=0.0, sharp=0.5, back=6, **changes):
    """Customers of whom those who spend much are chosen; measured once a month before the pilot, and at its end."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 1, n)
    has = rng.random(n) < 1 / (1 + np.exp(-sharp * level))
    rows = []
    for k in range(back, -1, -1):
        values = 100 + 20 * level + rng.normal(0, 15, n) + drift * (back - k) * has + effect * has * (k == 0)
        on = "2025-12-20" if k == 0 else str((pd.Timestamp("2025-10-01") - pd.Timedelta(days=30 * k)).date())
        rows.append(outcomes(values, metric="spend", measured_at=on))
    plan = {"randomised": False, "metrics": [spend(margin=3)]} | changes
    return tables(units(np.where(has, "treatment", "control")), *rows), settings(pilot(**plan))


def judged(*given, **changes):
    (found,) = weigh_customers(*firm(*given, **changes)).found
    return found


def test_a_planted_effect_is_covered_and_graded():
    found = [judged(seed, effect=10.0) for seed in range(8)]
    assert sum(one.verdict == "higher_moderate" for one in found) >= 5
    assert not any(one.verdict.startswith("lower") for one in found)
    for name in ("plain", "weighted"):
        estimates = [getattr(one.graded, name).estimate for one in found]
        assert sum(e.low <= 10 <= e.high for e in estimates) >= 7
    assert all(len(one.graded.weighted_before) == 2 and one.graded.hidden > 1 for one in found if one.graded.judged)


def test_who_was_chosen_is_no_effect_and_neither_is_a_trend_of_their_own():
    plain = [judged(seed, sharp=1.0).verdict for seed in range(20, 30)]
    assert sum(verdict.startswith(("higher", "lower")) for verdict in plain) <= 1
    drifting = [judged(seed, drift=4.0).verdict for seed in range(5)]
    assert not any(verdict.startswith("higher") for verdict in drifting)


@pytest.mark.parametrize(
    ("made", "verdict"), [({"n": 50}, "few"), ({"back": 1}, "short"), ({"back": 0}, "short"), ({"sharp": 60.0}, None)]
)
def test_doubt_is_said(made, verdict):
    found = judged(1, **made)
    assert found.verdict == verdict if verdict else not found.verdict.endswith("_moderate")


def test_what_was_known_before_and_the_strata_are_weighed_too():
    rng = np.random.default_rng(3)
    n = 1000
    gold = rng.random(n) < 0.5
    has = rng.random(n) < np.where(gold, 0.6, 0.4)
    rows = []
    # gold customers alone gain at the end of the year: who does not know their stratum takes it for an effect
    for k in range(6, -1, -1):
        on = "2025-12-20" if k == 0 else str((pd.Timestamp("2025-10-01") - pd.Timedelta(days=30 * k)).date())
        values = 100 + rng.normal(0, 5, n) + 30 * gold * (k == 0)
        rows.append(outcomes(values, metric="spend", measured_at=on))
    plan = settings(pilot(randomised=False, metrics=[spend(margin=3)]))
    arms = np.where(has, "treatment", "control")
    (without,) = weigh_customers(tables(units(arms), *rows), plan).found
    (within,) = weigh_customers(tables(units(arms, stratum=np.where(gold, "gold", "other")), *rows), plan).found
    assert without.graded.weighted.estimate.low > 0 and within.graded.weighted.estimate.covers_zero


def test_drawn_pilots_and_clusters_are_not_weighed_here():
    for changes in ({"randomised": True}, {"unit": "cluster"}, {"starts": "2026-01-05", "ends": "2026-02-05"}):
        assert weigh_customers(*firm(1, n=80, **changes)).blocks() == ()


def test_table_and_decision_say_the_same_in_both_languages_and_nothing_is_decided():
    delivered, plan = firm(2, effect=10.0)
    result = weigh_customers(delivered, plan)
    table, limits = result.blocks()
    (one,) = result.found
    for edition in (EN, ZH):
        (cells,) = table.bundle((edition,))["languages"][edition.language]["cells"]
        assert f"{one.treated} / {one.others}" in cells and VERDICTS[one.verdict].render(edition) == cells[-1]
        assert limits.bundle((edition,))["languages"][edition.language]
    assert len(table.title.render(EN).split()) <= 15
    checks = check_pilots(delivered, plan)
    found = measure_effects(delivered, plan, checks)
    (decision,) = decide(found, checks, plan, delivered.period, alike=result).decisions
    assert decision.action == "cannot_decide"
    assert decision.reason.render(EN).endswith(f"beside other customers: {VERDICTS[one.verdict].render(EN)}")
