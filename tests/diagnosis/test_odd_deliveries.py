"""Deliveries with faults that the generator does not know: clocks of two systems, days without time, doubled tickets."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.problems import diagnose
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of

TIMES = ["opened_at", "first_response_at", "resolved_at"]


def tickets(seed=1, n=800):
    """A sound service: answers within two hours and solutions within a day, opened in office hours."""
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2025-07-01") + pd.to_timedelta(rng.integers(0, 183, n), unit="D")
    opened = pd.Series(day + pd.to_timedelta(rng.integers(9 * 60, 18 * 60, n), unit="m"))
    return pd.DataFrame(
        {
            "ticket_id": [f"T{i}" for i in range(n)], "customer_id": [f"C{i}" for i in rng.integers(0, 300, n)],
            "opened_at": opened, "channel": rng.choice(["web", "phone", "wechat"], n),
            "topic": rng.choice([f"topic {i}" for i in range(12)], n), "priority": rng.choice(["high", "medium", "low"], n),
            "reopened": (rng.random(n) < 0.04).astype(int),
            "first_response_at": opened + pd.to_timedelta(rng.exponential(0.4, n).clip(0, 1.9), unit="h"),
            "resolved_at": opened + pd.to_timedelta(rng.exponential(5, n).clip(0, 23), unit="h"),
        }
    )  # fmt: skip


def found(frame, **tables):
    customers = pd.DataFrame({"customer_id": [f"C{i}" for i in range(300)]})
    delivery = tables_of({"customers": customers, "tickets": frame, **tables}, Period.parse("2025Q4"))
    return diagnose(delivery, customers.assign(revenue=1.0), Settings(client={"name": "Test"}))


def high(result):
    return set(result.problems.loc[result.problems["priority"] == "high", "check"])


def shifted(columns):
    frame = tickets()
    web = frame["channel"] == "web"
    for column in columns:
        frame.loc[web, column] -= pd.Timedelta(hours=8)
    return frame


def doubled():
    frame = tickets()
    again = frame.sample(frac=0.5, random_state=1)
    return pd.concat([frame, again.assign(ticket_id=again["ticket_id"] + "x")], ignore_index=True)


@pytest.mark.parametrize(
    "frame",
    [
        tickets(), shifted(TIMES), shifted(TIMES[1:]), doubled(), tickets().assign(priority="P3"),
        tickets().assign(**{name: tickets()[name].dt.normalize() for name in TIMES}),
    ],
    ids=["sound", "a channel in UTC", "answers of a channel in UTC", "doubled", "unknown priorities", "days only"],
)  # fmt: skip
def test_an_odd_delivery_of_a_sound_service_gives_no_high_problem(frame):
    assert high(found(frame)) == set()


def test_answers_before_the_opening_are_left_out_and_said_to_be():
    result = found(shifted(TIMES[1:]))
    late = result.found("interaction.late_response")
    assert late.unjudged > 100 and late.unjudged_share > 0.3


def test_days_without_time_of_day_are_not_called_in_time():
    frame = tickets()
    result = found(frame.assign(**{name: frame[name].dt.normalize() for name in TIMES}))
    missing = {m.id: m for m in result.not_measured}
    for check in ("interaction.late_response", "interaction.late_channel"):
        assert "tell the day and not the time of day" in missing[f"diagnosis.{check}"].why.render(Edition("en"))
    assert isinstance(result.responses, NotMeasured)
    # limits of solutions are days, and days tell them
    assert result.found("service.late_resolution").n > 300


def test_a_channel_whose_clock_stands_apart_is_asked_about_before_it_is_blamed():
    late = found(shifted(["opened_at"])).found("interaction.late_channel")
    said = late.words.cause.render(Edition("en"))
    assert said.startswith("Perhaps the clocks: no ticket of the channel was answered within 8.0 hours")
    assert "时钟" in late.words.cause.render(Edition("zh"))
    # a channel that is truly slow answers some tickets soon
    frame = tickets()
    web = frame["channel"] == "web"
    frame.loc[web, "first_response_at"] += pd.to_timedelta(np.random.default_rng(0).exponential(12, web.sum()), unit="h")
    assert "Perhaps the clocks" not in found(frame).found("interaction.late_channel").words.cause.render(Edition("en"))


def test_a_final_state_followed_by_an_early_one_does_no_harm():
    frame = tickets()
    back = frame[["ticket_id"]].head(200).assign(happened_at=frame["resolved_at"] + pd.Timedelta(hours=1), activity="new")
    closed = frame[["ticket_id"]].assign(happened_at=frame["resolved_at"], activity="closed")
    assert high(found(frame, ticket_events=pd.concat([closed, back], ignore_index=True))) == set()
