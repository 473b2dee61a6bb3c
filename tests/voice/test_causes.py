"""Systemic or single: planted excess found, even complaints left alone at the stated rate, the exact test and Holm held."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.synthetic.world import OWNERS
from workbook.tables import tables_of
from workbook.voice.causes import Causes, excess, find_causes
from workbook.voice.hotspots import find_hotspots

ROOT = Path(__file__).parents[2]
PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})
FACTORS = ["channel", "owner", "weekday"]


def made_up(seed, planted=0.0, n=240):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"channel": rng.choice(list("abc"), n), "owner": rng.choice(list("ABCDEF"), n),
                          "weekday": rng.choice(list("1234567"), n)})  # fmt: skip
    return frame.assign(case=rng.random(n) < 0.2 + planted * (frame["owner"] == "C"))


def test_single_cases_are_called_systemic_no_more_often_than_stated():
    false = sum((excess(made_up(seed), FACTORS, 0.95, 5)["p_held"] <= 0.05).any() for seed in range(200))
    assert false <= stats.binom.ppf(0.999, 200, 0.05)


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


def test_verdict_reads_in_both_languages():
    for part in (0.0, 0.45):
        found = Causes(excess(made_up(1, part), FACTORS, 0.95, 5), "delivery", SETTINGS)
        assert found.systemic == (part > 0)
        assert len(found.table().title.render(EDITIONS[0]).split()) <= 15
        found.table().bundle(EDITIONS)


def test_the_demo_is_judged():
    chosen = read_settings(ROOT, "demo", PERIOD, None)
    tables = prepare(ROOT, "demo", PERIOD, chosen).tables
    heard = find_hotspots(tables, chosen)
    found = find_causes(heard, tables, chosen)
    assert len(found.table().title.render(EDITIONS[0]).split()) <= 15
    shown = json.dumps(found.table().bundle(EDITIONS), ensure_ascii=False)
    assert "负责人" in shown and not any(name in shown for name in OWNERS)
    assert isinstance(found, Causes)
    assert found.places["cases"].groupby(found.places["factor"]).sum().max() <= heard.topics["discontent"].max()


def test_without_comments_the_cause_is_not_measured():
    nothing = NotMeasured("voice.hotspots", "what", ("feedback.text",))
    assert isinstance(find_causes(nothing, tables_of({}, PERIOD), SETTINGS), NotMeasured)
