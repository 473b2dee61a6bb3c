"""Waiting counts the hours in which service is open, and limits know priority and tier."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.review.kpi import measure_kpis
from workbook.service_hours import calendar, judged_tickets
from workbook.settings.checks import check
from workbook.settings.diagnosing import OpenHours
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
OFFICE = {"opens": "09:30", "closes": "18:00", "days": ["mon", "tue", "wed", "thu", "fri"], "holidays": "closed"}


def settings(hours=None, **service):
    return Settings(client={"name": "Test", "country": "CN"}, service={"hours": hours or {}, **service})


def judged(frame, chosen, customers=None):
    tables = tables_of({"tickets": frame, **({"customers": customers} if customers is not None else {})}, PERIOD)
    sql, values = judged_tickets(tables, chosen, "first_response_at")
    return tables.sql(f"with {sql} select * from judged order by ticket_id", **values)


def test_china_closes_on_holidays_and_works_the_days_that_make_up_for_them():
    days = calendar(OpenHours(**OFFICE), "CN", dt.date(2025, 9, 26), dt.date(2025, 10, 12)).set_index("day")["open"]
    assert days["2025-09-28"] == 1  # a Sunday worked
    assert days["2025-10-01":"2025-10-08"].sum() == 0
    assert days["2025-10-11"] == 1  # a Saturday worked


def test_a_ticket_closed_without_a_time_of_solution_is_not_called_late():
    frame = pd.DataFrame({"ticket_id": list("abc"), "opened_at": "2025-10-02 09:00", "status": ["Closed", "open", None],
                          "resolved_at": [None, None, "2025-10-02 10:00"]})  # fmt: skip
    tables = tables_of({"tickets": frame}, PERIOD)
    sql, values = judged_tickets(tables, settings(), "resolved_at")
    late = tables.sql(f"with {sql} select ticket_id, late from judged order by ticket_id", **values).set_index("ticket_id")[
        "late"
    ]
    assert pd.isna(late["a"]) and late["b"] and not late["c"]


def test_a_country_without_known_holidays_is_told():
    with pytest.raises(WorkbookError, match=r"client\.country.*service\.hours\.holidays: open"):
        calendar(OpenHours(**OFFICE), "XX", dt.date(2025, 1, 1), dt.date(2025, 1, 2))


def test_hours_agree_with_a_count_of_open_minutes():
    rng = np.random.default_rng(3)
    opened = pd.Timestamp("2025-10-01") + pd.to_timedelta(rng.integers(0, 60 * 24 * 80, 150), unit="min")
    taken = pd.to_timedelta(rng.integers(0, 60 * 24 * 9, 150), unit="min")
    frame = pd.DataFrame(
        {"ticket_id": [f"{i:03}" for i in range(150)], "customer_id": "a", "opened_at": opened,
         "first_response_at": opened + taken, "priority": "high"}
    )  # fmt: skip
    found = judged(frame, settings(OFFICE))
    is_open = calendar(OpenHours(**OFFICE), "CN", dt.date(2025, 10, 1), dt.date(2026, 1, 1)).set_index("day")["open"] == 1
    minutes = pd.date_range("2025-10-01", "2026-01-01", freq="min")
    day, of_day = minutes.normalize(), minutes.hour * 60 + minutes.minute
    worked = np.concatenate([[0], np.cumsum(is_open.reindex(day).to_numpy() & (of_day >= 570) & (of_day < 1080))])
    place = lambda moments: ((moments - minutes[0]) // pd.Timedelta("1min")).to_numpy()  # noqa: E731
    expected = (worked[place(frame["first_response_at"])] - worked[place(frame["opened_at"])]) / 60
    np.testing.assert_allclose(found["hours"], expected)
    assert (found["late"] == (expected > 2)).all()


def test_the_clock_is_the_calendar_that_is_always_open():
    frame = pd.DataFrame(
        {"ticket_id": ["1", "2", "3"], "opened_at": ["2025-11-03 22:00", "2025-11-08 10:00", "2025-12-31 20:00"],
         "first_response_at": ["2025-11-04 07:00", None, None], "priority": "medium"}
    )  # fmt: skip
    always = judged(frame, settings())
    nearly = judged(frame, settings({"holidays": "closed"}))  # no holiday of China in November and December
    assert always["late"].tolist()[:2] == [True, True] and pd.isna(always["late"][2])  # four hours of eight are gone
    np.testing.assert_allclose(always[["hours", "waited"]], nearly[["hours", "waited"]])


def test_an_evening_ticket_answered_in_the_morning_waited_little():
    frame = pd.DataFrame({"ticket_id": ["1"], "opened_at": ["2025-11-07 17:30"], "first_response_at": ["2025-11-10 10:00"]})
    assert judged(frame, settings(OFFICE))["hours"].tolist() == [1.0]  # half an hour on Friday, half an hour on Monday


def test_a_tier_may_have_limits_of_its_own():
    frame = pd.DataFrame(
        {"ticket_id": list("123456"), "customer_id": list("ggggss"), "opened_at": "2025-11-03 09:00",
         "first_response_at": "2025-11-03 12:00", "priority": ["high", "low", "odd", None, "high", "odd"]}
    )  # fmt: skip
    customers = pd.DataFrame({"customer_id": ["g", "s"], "tier": ["黄金", "silver"]})
    limits = {"high": 4, "low": 24, "default": 8, "gold/high": 1, "gold/default": 2}
    chosen = settings(first_response_hours=limits)
    assert judged(frame, chosen, customers)["limit_hours"].tolist() == [1, 2, 2, 2, 4, 8]
    assert not check(chosen)
    wrong = check(settings(first_response_hours={"glod/high": 1}))
    assert wrong[0].path == ("service", "first_response_hours", "glod/high") and "gold" in wrong[0].hint


def test_hours_that_close_before_they_open_are_a_fault():
    assert check(settings({"opens": "18:00", "closes": "09:00"}))[0].path == ("service", "hours", "closes")


def test_the_kpi_of_the_first_stage_counts_as_the_diagnosis_does():
    frame = pd.DataFrame(
        {"ticket_id": ["1", "2"], "opened_at": ["2025-11-07 17:30", "2025-11-03 10:00"],
         "first_response_at": ["2025-11-10 10:00", "2025-11-03 16:00"], "priority": "high"}
    )  # fmt: skip
    found = measure_kpis(tables_of({"tickets": frame}, PERIOD), settings(OFFICE)).frame.set_index("kpi")
    assert found.loc["late_share", ["value", "n"]].tolist() == [0.5, 2]
    assert found.loc["first_response_hours", "value"] == 3.5
