"""What several rooms' tests share: one full run of the demo's last two periods for the whole session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

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
