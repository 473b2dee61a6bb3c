"""Small clients whose faults are counted by hand."""

import pandas as pd
import pytest

from workbook.diagnosis.finding import Finding
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")


@pytest.fixture
def settings():
    return Settings(client={"name": "Test"})


@pytest.fixture
def run():
    """Runs the checks of a module over frames; returns check → result."""

    def run_checks(checks, frames, settings, profile=None):
        tables = tables_of({name: pd.DataFrame(frame) for name, frame in frames.items()}, PERIOD)
        ids = pd.DataFrame(frames.get("customers", {"customer_id": []})).get("customer_id", pd.Series(dtype=str))
        profile = pd.DataFrame({"customer_id": ids, "revenue": 1.0}) if profile is None else pd.DataFrame(profile)
        results = checks(tables, profile, settings)
        return {r.check if isinstance(r, Finding) else r.id.removeprefix("diagnosis."): r for r in results}

    return run_checks


@pytest.fixture
def all_missing():
    """Asserts that nothing was measured and each check names what to deliver."""

    def check(results):
        assert all(isinstance(r, NotMeasured) and r.missing for r in results.values()), results

    return check
