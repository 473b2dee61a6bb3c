"""One customer looked up: the card from what was published, the grades from what was given, nobody's contacts shown."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from workbook.accepting import append
from workbook.cli import app
from workbook.grading.policy import past_of
from workbook.grading.score import grade
from workbook.period import Period
from workbook.settings.models import Grading
from workbook.store import Store

Q3, Q4 = Period.parse("2025Q3"), Period.parse("2025Q4")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two graded periods, the first of which was accepted."""
    folder = tmp_path_factory.mktemp("home")
    params = folder / "params" / "demo"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text("client: {name: Demo}\n")
    rng = np.random.default_rng(4)
    n = 300
    orders = rng.negative_binomial(1.2, 0.15, n) + 1
    profile = pd.DataFrame({
        "customer_id": [f"c{k:03d}" for k in range(n)], "owner": "李小明", "orders": orders,
        "revenue": orders * rng.lognormal(4, 0.9, n), "recency_days": rng.integers(0, 365, n), "categories": 3,
        "revenue_period": 10.0, "revenue_previous": rng.uniform(0, 50, n), "nps": np.nan,
        "last_order_at": pd.Timestamp("2025-11-03"),
    })  # fmt: skip
    past = None
    for period in (Q3, Q4):
        (params / f"{period.name}.yaml").write_text("")
        moved = profile.assign(revenue=profile["revenue"] * rng.lognormal(0, 0.3, n))
        grades = grade(moved, Grading(), period=period, past=past)
        store = Store(folder / "outputs" / "demo" / period.name / "tables")
        store.write("profile", moved)
        store.write("scores", grades.frame)
        store.write("grade_policy", grades.policy.json)
        past = past_of(grades.frame, grades.policy.json, periods=(period, period.following))
        if period == Q3:
            given = grades.frame[["customer_id", "tier", "score", "waiting"]].assign(period="2025Q3")
            append(folder, "demo", Q3, {"grades": given}, on=dt.date(2025, 10, 9), by="sales director")
    store.write("lifetime", pd.DataFrame({"customer_id": ["c007"], "purchases": [3.4], "value": [1234.5], "silent": [0.25]}))
    return folder


def invoke(home: Path, *words: str):
    return CliRunner().invoke(app, ["--home", str(home), "customer", "demo", *words])


def test_card_forecast_profile_and_history_are_told_in_both_languages(home):
    english, chinese = invoke(home, "c007"), invoke(home, "c007", "--language", "zh")
    assert english.exit_code == chinese.exit_code == 0, english.output
    for words in ("c007: ", "Adds to the score", "Expected in 12 months: 3.4 purchases", "Grades given so far: 1",
                  "Profile of 2025Q4", "3 Nov 2025"):  # fmt: skip
        assert words in english.output
    assert "first grade" in english.output and "首次分级" in chinese.output and "预计购买" in chinese.output
    assert "李小明" not in english.output and "nps" not in english.output


def test_json_holds_parts_that_add_up_and_the_grades_given(home):
    done = invoke(home, "c007", "--json")
    said = json.loads(done.output)
    assert sum(part["contribution"] for part in said["parts"]) == pytest.approx(said["score"])
    assert said["period"] == "2025Q4" and sum(said["odds"].values()) == pytest.approx(1)
    assert [row["period"] for row in said["history"]] == ["2025Q3"] and said["history"][0]["accepted_on"] == "2025-10-09"
    assert invoke(home, "c007", "--json").output == done.output


def test_an_earlier_period_and_a_customer_without_a_forecast(home):
    done = invoke(home, "c008", "2025Q3")
    assert done.exit_code == 0 and "Profile of 2025Q3" in done.output and "Expected in" not in done.output
    assert "not known before a second period" in done.output


def test_faults_are_told_without_a_traceback(home, tmp_path):
    nobody = invoke(home, "nobody")
    assert nobody.exit_code == 2 and "found no 'nobody' among 300 graded customers" in nobody.output
    unpublished = invoke(home, "c007", "2025Q2")
    assert unpublished.exit_code == 1 and "workbook run demo" in unpublished.output
