"""X5 by hand: call-backs, repeats, reopened tickets and late solutions."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.service import service_checks
from workbook.language import Edition
from workbook.settings.models import Settings


def ticket(customer, opened, solved=None, called=None, topic="投诉", reopened=0, priority="medium"):
    return {"customer_id": customer, "opened_at": opened, "resolved_at": solved, "called_back_at": called, "topic": topic,
            "reopened": reopened, "priority": priority}  # fmt: skip


def frames(*rows):
    table = pd.DataFrame(rows).assign(ticket_id=[str(i) for i in range(len(rows))])
    for column in ("opened_at", "resolved_at", "called_back_at"):
        table[column] = pd.to_datetime(table[column], format="mixed")
    return {"customers": {"customer_id": sorted(set(table["customer_id"]))}, "tickets": table}


def test_a_complaint_counts_as_called_back_only_within_the_hours(run, settings):
    data = frames(
        ticket("a", "2025-10-01 09:00", "2025-10-02 09:00", "2025-10-04 09:00"),
        ticket("b", "2025-10-01 09:00", "2025-10-02 09:00", "2025-10-04 09:01"),
        ticket("c", "2025-10-01 09:00", "2025-10-02 09:00"),
        ticket("d", "2025-10-01 09:00", "2025-10-02 09:00", topic="delivery"),
        ticket("e", "2025-10-01 09:00"),
        ticket("f", "2025-12-30 09:00", "2025-12-31 09:00"),
    )
    found = run(service_checks, data, settings)["service.callback"]
    # d is no complaint, e is not solved, the call to f is not yet due
    assert found.figure == pytest.approx(1 / 3)
    assert (found.n, found.customers) == (3, ("b", "c"))


def test_complaints_under_a_word_of_the_clients_own_are_asked_for_by_the_topics_found(run, settings):
    called = ("2025-10-01 09:00", "2025-10-02 09:00", "2025-10-02 10:00")
    data = frames(*(ticket("a", *called, topic="产品投诉") for _ in range(12)),
                  ticket("b", "2025-10-01 09:00", topic="王经理要求退款"))  # fmt: skip
    why = run(service_checks, data, settings)["service.callback"].why
    for language in ("en", "zh"):
        words = why.render(Edition(language))
        assert "产品投诉" in words and "service.complaint_topics" in words and "王" not in words


def test_a_repeat_is_the_same_customer_and_topic_within_the_days(run, settings):
    data = frames(
        ticket("a", "2025-09-10", topic="x"), ticket("a", "2025-10-10", topic="X "),
        ticket("b", "2025-10-01", topic="x"), ticket("b", "2025-11-05", topic="x"),
        ticket("c", "2025-10-01", topic="x"), ticket("c", "2025-10-02", topic="y"),
        ticket("d", "2025-08-01", topic="x"), ticket("d", "2025-08-02", topic="x"),
    )  # fmt: skip
    found = run(service_checks, data, settings)["service.repeat"]
    # d's tickets lie before the period
    assert (found.n, found.customers) == (3, ("a",))


def test_reopened_is_a_share_of_solved_tickets(run, settings):
    data = frames(
        ticket("a", "2025-10-01", "2025-10-02", reopened=2), ticket("b", "2025-10-01", "2025-10-02"),
        ticket("c", "2025-10-01", None, reopened=1),
    )  # fmt: skip
    found = run(service_checks, data, settings)["service.reopened"]
    assert (found.figure, found.n, found.customers) == (0.5, 2, ("a",))


def test_a_solution_past_its_limit_or_overdue_is_late(run, settings):
    data = frames(
        ticket("a", "2025-10-01", "2025-10-02 01:00", priority="high"),
        ticket("b", "2025-10-01", "2025-10-02", priority="high"),
        ticket("c", "2025-10-01"), ticket("d", "2025-12-31"),
    )  # fmt: skip
    found = run(service_checks, data, settings)["service.late_resolution"]
    assert (found.n, found.customers) == (3, ("a", "c"))


def test_an_empty_delivery_names_what_to_deliver(run, settings, all_missing):
    all_missing(run(service_checks, {}, settings))


def test_repeats_and_solutions_that_held_agree_with_a_count_in_pandas(run, settings):
    rng = np.random.default_rng(4)
    n = 600
    opened = pd.Timestamp("2025-08-20") + pd.to_timedelta(rng.integers(0, 130 * 24, n), unit="h")
    tickets = pd.DataFrame(
        {"ticket_id": np.arange(n).astype(str), "customer_id": rng.integers(0, 90, n).astype(str), "opened_at": opened,
         "resolved_at": opened + pd.to_timedelta(rng.integers(1, 90, n), unit="h"), "reopened": rng.integers(0, 8, n) // 7,
         "topic": rng.choice(["use", " Use", "delivery"], n)}
    )  # fmt: skip
    found = run(service_checks, {"tickets": tickets, "customers": {"customer_id": np.arange(90).astype(str)}}, settings)
    start, end, days = pd.Timestamp("2025-10-01"), pd.Timestamp("2025-12-31"), settings.diagnosis.repeat_days
    back, asked, held, solved = set(), set(), 0, 0
    for (customer, _), group in tickets.groupby(["customer_id", tickets["topic"].str.strip().str.lower()]):
        times = group.sort_values(["opened_at", "ticket_id"])
        moments, again = list(times["opened_at"]), [*times["opened_at"][1:], None]
        for i, (moment, later, reopened) in enumerate(zip(moments, again, times["reopened"], strict=True)):
            if not start <= moment < end + pd.Timedelta("1D"):
                continue
            asked.add(customer)
            if i and (moment.normalize() - moments[i - 1].normalize()).days <= days:
                back.add(customer)
            if (end - moment.normalize()).days >= days:
                solved += 1
                held += not reopened and (later is None or (later.normalize() - moment.normalize()).days > days)
    assert set(found["service.repeat"].customers) == back and found["service.repeat"].n == len(asked)
    assert (found["service.first_contact"].n, round(found["service.first_contact"].figure * solved)) == (solved, held)


def test_where_no_limit_speaks_of_the_priorities_the_first_thing_to_do_is_to_agree_some(run, settings):
    late = [ticket("a", "2025-10-01 09:00", "2025-10-09 09:00") | {"priority": "P1"}] * 3
    said = run(service_checks, frames(*late), settings)["service.late_resolution"].words.cause
    assert said.render(Edition("en")).startswith("Agree limits first: none speaks of the priorities p1, so that 100%")
    assert "72" in said.render(Edition("zh"))
    known = [one | {"priority": "high"} for one in late]
    agreed = Settings(client={"name": "Test"}, service={"resolution_hours": {"default": 24}})
    for rows, chosen in ((known, settings), (late, agreed)):
        cause = run(service_checks, frames(*rows), chosen)["service.late_resolution"].words.cause
        assert "Agree" not in cause.render(Edition("en"))


def test_a_call_before_the_solution_is_no_call_back(run, settings):
    data = frames(
        ticket("a", "2025-10-01 09:00", "2025-10-02 09:00", "2025-10-02 08:00"),
        ticket("b", "2025-10-01 09:00", "2025-10-02 09:00", "2025-10-02 10:00"),
    )
    found = run(service_checks, data, settings)["service.callback"]
    assert (found.figure, found.customers) == (0.5, ("a",))


def test_a_ticket_delivered_twice_under_two_numbers_is_no_repeat_and_does_not_unsettle_its_solution(run, settings):
    once = [
        ticket("a", "2025-10-01 09:13", "2025-10-02 10:00"), ticket("b", "2025-10-05 11:20", "2025-10-06 09:30"),
        ticket("b", "2025-10-09 11:20", "2025-10-10 09:30"),
    ]  # fmt: skip
    alone, twice = (run(service_checks, frames(*rows), settings) for rows in (once, once + once))
    for check in ("service.repeat", "service.first_contact"):
        assert (twice[check].figure, twice[check].n, twice[check].customers) == (
            alone[check].figure, alone[check].n, ("b",)
        )  # fmt: skip
    # where only the day is known, two tickets of a day are two
    days = run(service_checks, frames(ticket("c", "2025-10-01"), ticket("c", "2025-10-01")), settings)
    assert days["service.repeat"].customers == ("c",)
