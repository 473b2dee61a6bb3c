"""X3 by hand: silent valuable customers and late first responses."""

import pandas as pd
import pytest

from workbook.diagnosis.interaction import interaction_checks
from workbook.diagnosis.tickets import channel_name
from workbook.language import Edition
from workbook.report.blocks import NotMeasured


def tickets(rows):
    """Rows of (customer, opened, hours to the first response or None, priority, channel)."""
    opened = pd.to_datetime([r[1] for r in rows])
    answered = [None if r[2] is None else o + pd.Timedelta(hours=r[2]) for o, r in zip(opened, rows, strict=True)]
    return {
        "ticket_id": [str(i) for i in range(len(rows))], "customer_id": [r[0] for r in rows], "opened_at": opened,
        "first_response_at": pd.to_datetime(pd.Series(answered)), "priority": [r[3] for r in rows],
        "channel": [r[4] for r in rows],
    }  # fmt: skip


def test_silent_are_the_best_buyers_without_a_recent_contact(run, settings):
    ids = [f"C{i}" for i in range(10)]
    profile = {"customer_id": ids, "revenue": [float(i) for i in range(10)]}  # buyers C1–C9; the top fifth: C9, C8
    frames = {
        "customers": {"customer_id": ids},
        "interactions": {"customer_id": ["C9", "C8", "C7"], "happened_at": ["2025-12-30", "2025-10-02", "2025-01-01"]},
    }
    found = run(interaction_checks, frames, settings, profile)["interaction.silent"]
    # 2 October is exactly 90 days before 31 December
    assert (found.n, found.customers, found.revenue) == (2, ("C8",), 8.0)


@pytest.mark.parametrize("first, measured", [("2025-12-02", False), ("2025-10-13", False), ("2025-10-12", True)])
def test_a_log_that_does_not_reach_back_calls_nobody_silent(run, settings, first, measured):
    frames = {
        "customers": {"customer_id": ["a", "b"]},
        "interactions": {"customer_id": ["a", "a"], "happened_at": [first, "2025-12-30"]},
    }
    found = run(interaction_checks, frames, settings)["interaction.silent"]
    assert isinstance(found, NotMeasured) != measured
    if not measured:
        assert f"reaches back to {int(first[-2:])} " in found.why.render(Edition("en"))


def test_who_opened_a_ticket_lately_was_in_contact(run, settings):
    frames = {
        "customers": {"customer_id": ["a", "b", "c"]},
        "interactions": {"customer_id": ["a", "b", "c"], "happened_at": ["2025-01-01"] * 3},
        "tickets": {"ticket_id": ["1", "2"], "customer_id": ["a", "b"], "opened_at": ["2025-12-20", "2025-10-02"]},
    }
    settings = settings.model_copy(update={"scope": settings.scope.model_copy(update={"high_value_share": 1.0})})
    assert run(interaction_checks, frames, settings)["interaction.silent"].customers == ("b", "c")


def test_late_is_judged_by_the_limit_of_the_priority(run, settings):
    rows = [
        ("a", "2025-10-05 10:00", 2.0, "high", "phone"), ("b", "2025-10-05 10:00", 2.1, "HIGH ", "phone"),
        ("c", "2025-10-05 10:00", 7.9, "odd", "phone"), ("d", "2025-10-05 10:00", 23.0, "low", "phone"),
        ("e", "2025-10-05 10:00", None, "low", "phone"), ("f", "2025-12-31 20:00", None, "low", "phone"),
        ("g", "2025-09-30 10:00", 99.0, "high", "phone"), ("h", "2025-10-05 10:00", -1.0, "high", "phone"),
    ]  # fmt: skip
    frames = {"customers": {"customer_id": list("abcdefgh")}, "tickets": tickets(rows)}
    found = run(interaction_checks, frames, settings)["interaction.late_response"]
    # f is still in time, g was opened before the period, h was answered before it was opened
    assert (found.n, found.customers) == (5, ("b", "e"))
    assert found.unjudged == 2  # f and h


def test_the_worst_channel_is_named_and_its_gap_measured(run, settings):
    rows = [(f"C{i}", "2025-11-01 09:00", 9.0 if i < 30 else 1.0, "medium", "微信") for i in range(40)]
    rows += [(f"C{i}", "2025-11-01 09:00", 9.0 if i < 2 else 1.0, "medium", "phone") for i in range(40)]
    frames = {"customers": {"customer_id": [f"C{i}" for i in range(40)]}, "tickets": tickets(rows)}
    found = run(interaction_checks, frames, settings)["interaction.late_channel"]
    assert found.figure == pytest.approx(0.75 - 0.05)
    assert (found.n, len(found.customers), found.breached) == (40, 30, "clear")
    assert "WeChat" in found.words.problem.render(Edition("en"))
    assert "微信" in found.words.problem.render(Edition("zh"))


def test_channels_alike_leave_no_gap(run, settings):
    rows = [(f"C{i}", "2025-11-01 09:00", 9.0 if i % 8 < 2 else 1.0, "medium", "ab"[i % 2]) for i in range(400)]
    frames = {"customers": {"customer_id": [f"C{i}" for i in range(400)]}, "tickets": tickets(rows)}
    assert run(interaction_checks, frames, settings)["interaction.late_channel"].breached == "fine"


def test_one_channel_alone_has_nothing_to_be_compared_with(run, settings):
    rows = [(f"C{i}", "2025-11-01 09:00", 9.0, "medium", "phone") for i in range(20)]
    frames = {"customers": {"customer_id": ["C0"]}, "tickets": tickets(rows)}
    assert isinstance(run(interaction_checks, frames, settings)["interaction.late_channel"], NotMeasured)


def test_a_channel_without_a_house_word_keeps_its_own():
    assert channel_name("抖音").render(Edition("en")) == "抖音"


def test_an_empty_delivery_names_what_to_deliver(run, settings, all_missing):
    all_missing(run(interaction_checks, {}, settings))
