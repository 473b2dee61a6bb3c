"""One rule for all rooms: a customer whose last order lies more than ``churn_days`` back is lost, one day earlier is not."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from workbook.diagnosis.problems import diagnose
from workbook.period import Period
from workbook.review.kpi import measure_kpis
from workbook.review.scope import count_scope
from workbook.settings.models import Settings
from workbook.sources.profile import build_profile
from workbook.tables import tables_of
from workbook.value.lifecycle import place_in_lifecycle

Q4 = Period.parse("2025Q4")


@pytest.mark.parametrize(("ago", "lost"), [(59, False), (60, False), (61, True)])
def test_scope_lifecycle_kpi_and_diagnosis_part_on_the_same_day(ago, lost):
    settings = Settings.model_validate({"client": {"name": "A"}, "analysis": {"churn_days": 60, "new_days": 20}})
    day = Q4.end - dt.timedelta(days=ago)
    orders = pd.DataFrame({
        "order_id": ["1", "2"], "customer_id": ["a", "a"], "amount": [5.0, 5.0],
        "ordered_at": [Q4.end - dt.timedelta(days=100), dt.datetime.combine(day, dt.time(23, 59))],
    })  # fmt: skip
    customers = pd.DataFrame({"customer_id": ["a"], "status": ["active"]})
    tables = tables_of({"orders": orders, "customers": customers}, Q4)
    profile = build_profile(tables, settings).frame
    groups = count_scope(tables, settings).frame.set_index("group")["customers"]
    assert (groups["lost"], groups["existing"]) == ((1, 0) if lost else (0, 1))
    assert (place_in_lifecycle(profile, settings.analysis, period=Q4).frame["lifecycle"].item() == "churned") is lost
    assert measure_kpis(tables, settings).get("churn_share").value == float(lost)
    findings = diagnose(tables, profile, settings).findings.set_index("check")
    assert findings.loc["information.status", "figure"] == float(lost)


@pytest.mark.parametrize(("ago", "new"), [(19, True), (20, True), (21, False)])
def test_scope_and_lifecycle_agree_who_is_new(ago, new):
    settings = Settings.model_validate({"client": {"name": "A"}, "analysis": {"churn_days": 60, "new_days": 20}})
    orders = pd.DataFrame({"order_id": ["1"], "customer_id": ["a"], "ordered_at": [Q4.end - dt.timedelta(days=ago)]})
    tables = tables_of({"orders": orders}, Q4)
    groups = count_scope(tables, settings).frame.set_index("group")["customers"]
    placed = place_in_lifecycle(build_profile(tables, settings).frame, settings.analysis, period=Q4).frame["lifecycle"].item()
    assert (groups["new"] == 1, placed == "acquisition") == (new, new)
