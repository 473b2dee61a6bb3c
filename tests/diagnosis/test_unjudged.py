"""What a check leaves out is counted, with its share of the cases looked at."""

import pandas as pd
import pytest

from workbook.diagnosis.information import information_checks
from workbook.diagnosis.interaction import interaction_checks
from workbook.diagnosis.needs import needs_checks
from workbook.diagnosis.own import own_checks
from workbook.diagnosis.problems import diagnose
from workbook.diagnosis.service import service_checks
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of

TICKETS = pd.DataFrame(
    {
        "ticket_id": ["a", "b", "c", "d", "e"],
        "customer_id": ["C1", None, "C2", "C3", "C1"],
        "opened_at": pd.to_datetime(["2025-10-01 09:00", "2025-10-02 09:00", "2025-12-30 09:00", "2025-11-01 09:00",
                                     "2025-10-03 09:00"]),
        "resolved_at": pd.to_datetime(["2025-10-02 09:00", "2025-10-03 09:00", "2025-12-31 09:00", None, "2025-10-01 09:00"]),
        "called_back_at": pd.to_datetime(["2025-10-02 10:00", None, None, None, None]),
        "topic": ["投诉", "投诉", "投诉", None, "投诉"], "channel": ["web", "", "web", "web", None],
        "reopened": [0, None, 1, None, 0], "in_time": [True, None, False, True, True],
    }
)  # fmt: skip
NEEDS = pd.DataFrame(
    {
        "customer_id": ["C1", "C2", "C3"], "need": "speed", "level": ["surface", None, "root cause"],
        "noted_at": pd.to_datetime(["2025-08-01", "2025-12-20", None]), "product_recommended": ["P1", "P1", "P1"],
    }
)  # fmt: skip
CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["C1", "C2", "C3"], "phone": ["13812345678", None, None], "email": None, "status": ["active", None, " "],
        "updated_at": pd.to_datetime(["2025-12-01", None, None]),
    }
)  # fmt: skip
ORDERS = pd.DataFrame(
    {"order_id": ["1", "2"], "customer_id": ["C1", "C2"], "ordered_at": pd.to_datetime(["2025-12-01", "2025-12-02"]),
     "amount": 10.0}
)  # fmt: skip
LINES = pd.DataFrame({"order_id": ["1"], "line_id": ["1"], "product_id": ["P1"], "amount": [10.0]})
FRAMES = {"tickets": TICKETS, "needs": NEEDS, "customers": CUSTOMERS, "orders": ORDERS, "order_lines": LINES}


@pytest.mark.parametrize(
    ("checks", "check", "unjudged", "share"),
    [
        (service_checks, "service.callback", 1, 1 / 4),  # c is not due
        (service_checks, "service.repeat", 2, 2 / 5),  # b has no customer, d no topic
        (service_checks, "service.reopened", 1, 1 / 4),  # b says nothing; d is not solved
        (service_checks, "service.missed_level", 1, 1 / 5),
        (service_checks, "service.first_contact", 3, 3 / 4),  # b, c too young, e solved before it was opened
        (needs_checks, "needs.depth", 1, 1 / 3),
        (needs_checks, "needs.match", 2, 2 / 3),  # one too young, one without a day
        (information_checks, "information.duplicates", 2, 2 / 3),  # no phone and no e-mail
        (information_checks, "information.stale", 1, 1 / 2),  # C2 buys and was never dated
        (information_checks, "information.status", 2, 2 / 3),
    ],
)
def test_what_cannot_be_judged_is_counted_with_its_share(run, settings, checks, check, unjudged, share):
    found = run(checks, FRAMES, settings)[check]
    assert found.unjudged == unjudged
    assert found.unjudged_share == pytest.approx(share)


def test_tickets_without_a_channel_are_counted_where_channels_are_compared(run, settings):
    n = 40
    tickets = pd.DataFrame(
        {
            "ticket_id": map(str, range(n)), "customer_id": "C1", "opened_at": pd.Timestamp("2025-10-01 09:00"),
            "first_response_at": pd.Timestamp("2025-10-01 10:00"),
            "channel": ["web"] * 15 + ["phone"] * 15 + [None] * 7 + ["fax"] * 3,
        }
    )  # fmt: skip
    found = run(interaction_checks, {"tickets": tickets, "customers": CUSTOMERS}, settings)["interaction.late_channel"]
    assert (found.unjudged, found.unjudged_share) == (10, 0.25)


def test_a_case_that_a_check_of_ones_own_cannot_judge_is_left_out_and_counted():
    own = {"id": "x", "module": "service", "measure": "m", "problem": "p", "cause": "c", "limit": 0.1,
           "sql": "select customer_id, ticket_id, reopened > 0 as hit from tickets"}  # fmt: skip
    settings = Settings(client={"name": "Test"}, diagnosis={"checks": [own]})
    tables = tables_of(FRAMES, Period.parse("2025Q4"))
    (found,) = own_checks(tables, CUSTOMERS.assign(revenue=1.0), settings)
    assert (found.figure, found.n, found.unjudged) == (pytest.approx(1 / 3), 3, 2)


def test_the_table_of_a_module_says_how_many_were_left_out(settings):
    tables = tables_of(FRAMES, Period.parse("2025Q4"))
    table = diagnose(tables, CUSTOMERS.assign(revenue=1.0), settings).module_table("service")
    assert "first contact: 3 (75.0%)" in table.note.render(Edition("en"))
    assert "3 条（75.0%）" in table.note.render(Edition("zh"))
