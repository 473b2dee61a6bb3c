"""Deliveries with faults that the generator does not know: clocks of two systems, days without time, doubled tickets."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.problems import diagnose
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.service_hours import clocks_apart
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
            "topic": rng.choice([f"topic {i}" for i in range(6)], n), "priority": rng.choice(["high", "medium", "low"], n),
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
        tickets(), shifted(TIMES), shifted(TIMES[1:]), shifted(["opened_at"]), doubled(),
        tickets().assign(priority="P3"),
        tickets().assign(**{name: tickets()[name].dt.normalize() for name in TIMES}),
    ],
    ids=["sound", "a channel in UTC", "answers of a channel in UTC", "openings of a channel in UTC", "doubled",
         "unknown priorities", "days only"],
)  # fmt: skip
def test_an_odd_delivery_of_a_sound_service_gives_no_high_problem(frame):
    assert high(found(frame)) == set()


def clock(result):
    return [m.why.render(Edition("en")) for m in result.not_measured if m.id.startswith("diagnosis.interaction.clock.")]


def test_answers_before_the_opening_are_left_out_and_said_to_be():
    result = found(shifted(TIMES[1:]))
    late = result.found("interaction.late_response")
    assert late.unjudged > 100 and late.unjudged_share > 0.3
    assert clock(result)[0].startswith("100% of 130 answers stand before their opening")


def test_days_without_time_of_day_are_not_called_in_time():
    frame = tickets()
    result = found(frame.assign(**{name: frame[name].dt.normalize() for name in TIMES}))
    missing = {m.id: m for m in result.not_measured}
    for check in ("interaction.late_response", "interaction.late_channel"):
        assert "tell the day and not the time of day" in missing[f"diagnosis.{check}"].why.render(Edition("en"))
    assert isinstance(result.responses, NotMeasured)
    # limits of solutions are days, and days tell them
    assert result.found("service.late_resolution").n > 300


def test_a_channel_whose_openings_stand_by_another_clock_is_left_out_of_all_times():
    result = found(shifted(["opened_at"]))
    said = clock(result)[0]
    assert said.startswith("None of 130 tickets was answered within 8 hours")
    assert "时钟" in next(m.why.render(Edition("zh")) for m in result.not_measured if ".clock." in m.id)
    assert result.found("interaction.late_response").unjudged >= 130
    assert "web" not in set(result.responses["group"])
    assert clock(found(tickets())) == []


def slow(wait):
    """The channel web is truly slow: *wait* gives its hours."""
    frame = tickets()
    web = frame["channel"] == "web"
    hours = wait(np.random.default_rng(0), int(web.sum()))
    frame.loc[web, "first_response_at"] = frame.loc[web, "opened_at"] + pd.to_timedelta(hours, unit="h")
    return frame


@pytest.mark.parametrize(
    "wait",
    [lambda rng, n: rng.exponential(12, n), lambda rng, n: rng.uniform(2, 30, n), lambda rng, n: 1.1 + rng.gamma(2, 5, n)],
    ids=["long tails", "never before two hours", "never before one hour"],
)
def test_a_channel_that_is_truly_slow_is_blamed_and_not_its_clock(wait):
    result = found(slow(wait))
    assert clock(result) == []
    assert "interaction.late_channel" in high(result)


def test_shifts_of_any_whole_hours_are_found_and_sound_channels_never():
    rng = np.random.default_rng(4)
    for seed in range(6):
        frame = tickets(seed=seed, n=300)
        web, hours = frame["channel"] == "web", int(rng.integers(1, 13))
        early = frame["opened_at"].mask(web, frame["opened_at"] - pd.Timedelta(hours=hours))
        for frame_, sure in ((frame, 0), (frame.assign(opened_at=early), 1)):
            tables = tables_of({"tickets": frame_}, Period.parse("2025Q4"))
            apart = clocks_apart(tables, tables.period.start, tables.period.end)
            assert list(apart["hours"]) == ([float(hours)] if sure else [])


def test_a_final_state_followed_by_an_early_one_does_no_harm():
    frame = tickets()
    back = frame[["ticket_id"]].head(200).assign(happened_at=frame["resolved_at"] + pd.Timedelta(hours=1), activity="new")
    closed = frame[["ticket_id"]].assign(happened_at=frame["resolved_at"], activity="closed")
    assert high(found(frame, ticket_events=pd.concat([closed, back], ignore_index=True))) == set()
