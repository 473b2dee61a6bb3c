"""More cases than chance allows: the exact test, Holm and the bound of a ratio held to oracles, planted excess found."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbook.voice.excess import excess, ratio_bound

FACTORS = ["channel", "owner", "weekday"]


def made_up(seed, planted=0.0, n=240):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"channel": rng.choice(list("abc"), n), "owner": rng.choice(list("ABCDEF"), n),
                          "weekday": rng.choice(list("1234567"), n)})  # fmt: skip
    return frame.assign(case=rng.random(n) < 0.2 + planted * (frame["owner"] == "C"))


def test_a_planted_systemic_fault_is_found_at_its_place():
    first = [excess(made_up(seed, 0.45), FACTORS, 0.95, 5).iloc[0] for seed in range(50)]
    assert sum(row["p_held"] <= 0.05 and row["level"] == "C" for row in first) >= 45


def test_p_is_fishers_and_held_by_holm():
    cases = made_up(3, 0.2)
    found = excess(cases, FACTORS, 0.95, 5)
    for row in found.itertuples():
        at = cases[row.factor] == row.level
        table = [[(a & b).sum() for b in (cases["case"], ~cases["case"])] for a in (at, ~at)]
        assert row.p == pytest.approx(stats.fisher_exact(table, "greater")[1])
    assert found["p_held"].to_numpy() == pytest.approx(multipletests(found["p"], method="holm")[1])


def test_the_bound_of_a_ratio_covers_as_often_as_stated():
    rng = np.random.default_rng(1)
    hits, others = rng.binomial(60, 0.3, 4000), rng.binomial(300, 0.2, 4000)
    missed = (ratio_bound(hits, [60] * 4000, others, [300] * 4000, 0.95) < 1.5).mean()
    assert 0.015 < missed < 0.035


def test_cases_without_any_place_leave_nothing_to_look_at():
    """Reviews without customers and stores ended in a traceback: of no row at all pandas made text."""
    frame = pd.DataFrame({"case": [True, False, True], "channel": [None] * 3, "owner": [None] * 3})
    assert excess(frame, ["channel", "owner"], 0.95, 1).empty
    assert excess(frame[["case"]], [], 0.95, 1).empty
