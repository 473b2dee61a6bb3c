"""A pilot that is too large for a frame is worked out in the database: the same figures, gates and readings."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import outcomes, pilot, settings, spend, tables, units

from workbook.errors import WorkbookError
from workbook.language import Edition
from workbook.pilots import units as reading
from workbook.pilots.calibration import calibrate
from workbook.pilots.checks import check_pilots
from workbook.pilots.effects import measure_effects
from workbook.pilots.feedback import hear_participants

N = 900
NAME = {"en": "x", "zh": "x"}


def rng(seed=0):
    return np.random.default_rng(seed)


def told(delivered, plan):
    """Everything that stage 5 tells of a pilot before it decides."""
    checks = check_pilots(delivered, plan)
    effects = measure_effects(delivered, plan, checks)
    ways = [
        (e.arm, w.way, w.gain, w.found.effect, w.found.low, w.found.high, w.found.p) for e in effects.effects for w in e.ways
    ]
    lasting = [(x.arm, y.effect, y.low, y.high) for x in effects.lasting for y in (x.first, x.second, x.change)]
    words = [c.words.render(Edition("en", "CNY")) for c in checks.checks]
    played = [one.table().frame.to_numpy().tolist() for one in calibrate(delivered, effects).calibrated]
    heard = hear_participants(delivered, plan, checks).frame
    missing = [note.why for note in effects.missing]
    return checks.frame, words, checks.doubts, effects.frame, effects.by_stratum, ways, lasting, played, heard, missing


def both_ways(monkeypatch, make, plan):
    read = told(make(), plan)
    monkeypatch.setattr(reading, "MOST_IN_FRAME", 0)
    stored = told(make(), plan)
    for one, other in zip(read, stored, strict=True):
        if isinstance(one, pd.DataFrame):
            pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-12, check_dtype=False)
        else:
            assert other == _near(one)
    return read


def _near(found):
    if isinstance(found, float):
        return pytest.approx(found, rel=1e-9, abs=1e-12, nan_ok=True)
    if isinstance(found, list):
        return [_near(one) for one in found]
    return tuple(_near(one) for one in found) if isinstance(found, tuple) else found


def three_arms(plan_arms=("control", "post", "call")):
    return np.array(plan_arms)[rng().integers(0, 3, N)]


def test_means_ratios_quantiles_and_proportions_of_three_arms(monkeypatch):
    arms = three_arms()
    value = rng(1).lognormal(3, 1.2, N) * (rng(2).random(N) < 0.4)
    value[rng(3).random(N) < 0.05] = np.nan
    before = np.where(rng(4).random(N) < 0.8, value + rng(5).normal(0, 5, N), np.nan)
    drawn = units(arms, stratum=np.array(["gold", "it's", "new"])[rng(6).integers(0, 3, N)],
                  exposed_at=np.where(rng(7).random(N) < 0.7, "2025-10-05", None))  # fmt: skip
    doubled = drawn.head(4).assign(arm=np.where(drawn["arm"].head(4) == "control", "post", "control"))
    measured = [
        outcomes(value, metric="spend", pre_value=before),
        outcomes(value[:9] + 1, metric="spend").assign(measured_at="2025-11-30"),
        outcomes(rng(8).integers(0, 3, N).astype(float), metric="visits"),
        outcomes((rng(9).random(N) < 0.1).astype(float), metric="repeat"),
    ]
    plan = settings(
        pilot(
            arms={"control": 1, "post": 1, "call": 1},
            metrics=[
                spend(covariates=["length(unit.unit_id) + hash(unit.unit_id) % 7", "nullif(hash(unit.unit_id) % 3, 1)"]),
                spend(id="each", kind="ratio", denominator="visits", source="hash(unit.unit_id) % 11"),
                spend(id="visits", kind="quantile", quantile=0.7, unit="number", guardrail=True, harm=1),
                {"id": "repeat", "name": NAME, "kind": "proportion", "unit": "share", "margin": 0.02},
            ],
        )
    )
    found = both_ways(monkeypatch, lambda: tables(pd.concat([drawn, doubled]), *measured), plan)
    assert {way for _, way, *_ in found[5]} == {"plain", "adjusted", "capped", "post_stratified", "as_treated"}
    assert len(found[4]) == 6 and found[7]


def test_clusters_measured_week_by_week(monkeypatch):
    shops = np.repeat(np.arange(12), 20)
    drawn = units(np.where(shops % 2 == 0, "control", "treatment"), cluster=[f"s{k}" for k in shops], stratum="one")
    weeks = pd.date_range("2025-09-05", "2025-12-05", freq="7D")
    measured = [
        outcomes(rng(k).normal(100, 10, len(shops)) + shops, metric="spend").assign(measured_at=day.date())
        for k, day in enumerate(weeks)
    ]
    plan = settings(pilot(unit="cluster", metrics=[spend(repeats="mean", scale=0.5)]))
    found = both_ways(monkeypatch, lambda: tables(drawn, *measured), plan)
    assert found[6] and found[3]["n_arm"].tolist() == [6]


def test_what_cannot_be_is_refused_by_the_same_words(monkeypatch):
    arms = np.where(np.arange(40) % 2 == 0, "control", "treatment")
    delivered = tables(units(arms), outcomes(np.full(40, np.inf), metric="spend"))
    wrong = settings(pilot(metrics=[spend()])), settings(pilot(metrics=[spend(source="1.0 / (length(unit.unit_id) - 6)")]))
    words = []
    for most in (1_000_000, 0):
        monkeypatch.setattr(reading, "MOST_IN_FRAME", most)
        for plan in (*wrong, settings(pilot(metrics=[spend(source="unit.nothing")]))):
            with pytest.raises(WorkbookError) as raised:
                check_pilots(delivered, plan)
            words.append(str(raised.value))
    assert words[:3] == words[3:] and "inf" in words[0] and "nullif" in words[1] and "nothing" in words[2]


def test_outcomes_that_are_all_missing_say_so(monkeypatch):
    drawn = units(np.where(np.arange(60) % 2 == 0, "control", "treatment"))
    found = both_ways(monkeypatch, lambda: tables(drawn, outcomes(np.full(60, np.nan))), settings(pilot()))
    assert found[3].empty and len(found[9]) == 1
