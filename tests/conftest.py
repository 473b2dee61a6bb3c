"""What several rooms' tests share: one full run of the demo's last two periods for the whole session."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings as hypothesis_settings

from workbook.period import Period
from workbook.run.execute import run_periods
from workbook.settings.reading import periods

ROOT = Path(__file__).parents[1]

# The same examples in every run, and no deadline: a busy machine is no fault. HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis_settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis_settings.register_profile("search", deadline=None, max_examples=1000)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def demo_periods() -> list[Period]:
    """The last two periods of the demo."""
    return periods(ROOT, "demo")[-2:]


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the demo's parameters, deliveries and the published results of its last two periods.

    Made once, for all processes of a parallel session too; tests only read it and copy it where they change something.
    """
    fcntl = pytest.importorskip("fcntl")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = shared / "demo-home"
    with (shared / "demo-home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            shutil.copytree(ROOT / "params" / "demo", home / "params" / "demo")
            shutil.copytree(ROOT / "data" / "synthetic" / "demo", home / "data" / "synthetic" / "demo")
            run_periods(home, "demo", demo_periods(), lanes=2)  # later compared with periods run alone
            (home / "done").touch()
    return home


@pytest.fixture(scope="session")
def graded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose grades of 2025Q3 were published and accepted."""
    from workbook.accepting import append
    from workbook.grading.score import grade
    from workbook.settings.models import Grading
    from workbook.store import Store

    period = Period.parse("2025Q3")
    folder = tmp_path_factory.mktemp("home")
    params = folder / "params" / "demo"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text("client: {name: Demo}\n")
    (params / "2025Q3.yaml").write_text("")
    rng = np.random.default_rng(4)
    n = 300
    orders = rng.negative_binomial(1.2, 0.15, n) + 1
    profile = pd.DataFrame({
        "customer_id": [f"c{k:03d}" for k in range(n)], "orders": orders, "revenue": orders * rng.lognormal(4, 0.9, n),
        "recency_days": rng.integers(0, 365, n), "categories": rng.integers(1, 9, n), "revenue_period": 10.0,
        "revenue_previous": rng.uniform(0, 50, n),
    })  # fmt: skip
    grades = grade(profile, Grading(), period=period)
    store = Store(folder / "outputs" / "demo" / "2025Q3" / "tables")
    for name, what in (("profile", profile), ("scores", grades.frame), ("grade_policy", grades.policy.json)):
        store.write(name, what)
    given = grades.frame[["customer_id", "tier", "score", "waiting", "held"]].assign(period="2025Q3")
    append(folder, "demo", period, {"grades": given}, on=dt.date(2025, 10, 9), by="sales director")
    return folder
