"""Late answers in the profile: judged by service hours and limits of tiers, as everywhere else."""

import pandas as pd

from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.profile import build_profile
from workbook.tables import tables_of


def late_of(tables, **more) -> pd.Series:
    settings = Settings.model_validate({"client": {"name": "Acme"}, **more})
    return build_profile(tables_of(tables, Period.parse("2025Q4")), settings).frame["late_responses"]


def test_late_answers_are_judged_by_service_hours_and_the_limits_of_tiers_as_in_the_diagnosis():
    tickets = pd.DataFrame(
        {
            "ticket_id": ["night", "slow", "gold"], "customer_id": ["A", "B", "C"], "priority": "high",
            "opened_at": ["2025-11-03 20:00", "2025-11-03 09:00", "2025-11-03 09:00"],
            "first_response_at": ["2025-11-04 10:00", "2025-11-03 15:00", "2025-11-03 12:00"],
        }
    )  # fmt: skip
    given = {"tickets": tickets, "customers": pd.DataFrame({"customer_id": list("ABC"), "tier": ["", "", "gold"]})}
    by_clock = late_of(given, service={"first_response_hours": {"high": 4}})
    assert by_clock.tolist() == [1, 1, 0]
    day = {"opens": "09:00", "closes": "18:00"}
    by_hours = late_of(given, service={"first_response_hours": {"high": 4, "gold/high": 2}, "hours": day})
    assert by_hours.tolist() == [0, 1, 1]
