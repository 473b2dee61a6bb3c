"""Response times by channel, hour and tier."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbook.diagnosis.finding import proportion_interval
from workbook.diagnosis.tickets import ticket_times
from workbook.diagnosis.time_exhibits import response_table, sla_figure
from workbook.language import Edition
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.tables import tables_of


@pytest.fixture(scope="module")
def rows():
    hours = np.random.default_rng(1).exponential(5, 400).round(3)
    opened = pd.Timestamp("2025-11-03 09:30")
    frame = pd.DataFrame(
        {
            "ticket_id": np.arange(400).astype(str), "customer_id": "a", "opened_at": opened,
            "first_response_at": opened + pd.to_timedelta((3600 * hours).astype(int), unit="s"),
            "channel": np.where(np.arange(400) < 300, "phone", "email"), "priority": "medium",
        }
    )  # fmt: skip
    tables = tables_of(
        {"tickets": frame, "customers": pd.DataFrame({"customer_id": ["a"], "tier": ["gold"]})}, Period.parse("2025Q4")
    )
    return ticket_times(tables, Settings(client={"name": "Test"}), "first_response_at").set_index(["dimension", "group"]), hours


def test_each_dimension_counts_every_ticket(rows):
    frame, _ = rows
    assert frame.groupby("dimension")["tickets"].sum().to_dict() == dict.fromkeys(
        ["all", "channel", "hour", "priority", "tier"], 400
    )
    assert list(frame.loc["hour"].index) == ["08:00–12:00"]


def test_quantiles_agree_with_numpy_and_late_with_a_count(rows):
    frame, hours = rows
    whole = frame.loc[("all", "")]
    assert whole["p50"] == pytest.approx(np.quantile(hours, 0.5), abs=1e-3)
    assert whole["p90"] == pytest.approx(np.quantile(hours, 0.9), abs=1e-3)
    assert whole["late"] == (hours > 8).sum()


@pytest.mark.parametrize("p", [0.5, 0.9])
def test_quantile_intervals_are_within_a_rank_of_the_exact_binomial_ones(rows, p):
    frame, hours = rows
    ordered = np.sort(hours)
    low, high = stats.binom.ppf([0.025, 0.975], 400, p).astype(int)
    whole = frame.loc[("all", "")]
    name = f"p{100 * p:.0f}"
    assert ordered[low - 3] <= whole[f"{name}_low"] <= ordered[low + 1]
    assert ordered[high - 2] <= whole[f"{name}_high"] <= ordered[high + 2]


def test_intervals_of_groups_allow_for_all_groups_of_the_table(rows):
    frame, hours = rows
    every, phone = frame.loc[("all", "")], frame.loc[("channel", "phone")]
    assert (every["low"], every["high"]) == proportion_interval(every["late"], 400, 0.95)
    assert (phone["low"], phone["high"]) == proportion_interval(phone["late"], 300, 1 - 0.05 / 4)  # 2 channels, priority, tier
    ordered = np.sort(hours[:300])
    low, high = stats.binom.ppf([0.05 / 8, 1 - 0.05 / 8], 300, 0.5).astype(int)
    assert ordered[low - 3] <= phone["p50_low"] <= ordered[low + 1]
    assert ordered[high - 2] <= phone["p50_high"] <= ordered[high + 2]
    note = response_table(frame.reset_index(), Settings(client={"name": "Test"}), Period.parse("2025Q4")).note
    assert "allow for all 4 groups" in note.render(Edition("en"))


def test_priorities_without_a_limit_are_named_beside_the_times(rows):
    times, settings = rows[0].reset_index(), Settings(client={"name": "Test"})
    period = Period.parse("2025Q4")
    assert "default" not in response_table(times, settings, period).note.render(Edition("en"))
    odd = times.replace({"group": {"medium": "p3"}})
    assert "400 tickets of priority p3" in response_table(odd, settings, period).note.render(Edition("en"))


def test_a_channel_of_few_tickets_is_not_drawn_by_itself(rows):
    settings = Settings(client={"name": "Test"})
    times = rows[0].reset_index()
    few = times.assign(tickets=times["tickets"].where(times["group"] != "email", 4))
    shown = sla_figure(few, settings, Period.parse("2025Q4"))
    assert "n = 4" not in shown.bundle([Edition("en")])["languages"]["en"]["svg"]
    none = sla_figure(times.assign(tickets=4), settings, Period.parse("2025Q4"))
    assert none.missing == () and "No channel has 5 tickets" in str(none.bundle([Edition("en")]))


def test_answers_within_the_hour_are_told_in_minutes():
    opened = pd.Timestamp("2025-11-03 09:30")
    frame = pd.DataFrame({"ticket_id": np.arange(41).astype(str), "opened_at": opened,
                          "first_response_at": opened + pd.to_timedelta(np.arange(41), unit="s") * 6})  # fmt: skip
    settings, period = Settings(client={"name": "Test"}), Period.parse("2025Q4")
    times = ticket_times(tables_of({"tickets": frame}, period), settings, "first_response_at")
    shown = response_table(times, settings, period)
    assert shown.title.render(Edition("en")) == "Half of first responses take up to 2.0 minutes, one in ten over 3.6 minutes"
    assert [c.unit for c in shown.columns[-2:]] == ["minutes", "minutes"]
    assert "分钟" in shown.columns[-1].head.render(Edition("zh"))
