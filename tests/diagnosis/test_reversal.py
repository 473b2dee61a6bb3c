"""A gap that turns round among tickets of one kind is found and shown; an honest one is left alone."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.finding import Finding
from workbook.diagnosis.interaction import interaction_checks
from workbook.diagnosis.reversal import channel_gaps, gap_within, reversal_table
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})


def tickets(counts):
    """One row a ticket from (channel, priority, late, n)."""
    rows = [row for channel, priority, late, n in counts for row in [(channel, priority, i < late) for i in range(n)]]
    frame = pd.DataFrame(rows, columns=["channel", "priority", "late"])
    opened = pd.Timestamp("2025-11-03 09:00")
    return pd.DataFrame(
        {"ticket_id": np.arange(len(frame)).astype(str), "channel": frame["channel"], "priority": frame["priority"],
         "opened_at": opened, "first_response_at": np.where(frame["late"], opened + pd.Timedelta(days=20), opened)}
    ).astype({"first_response_at": "datetime64[us]"})  # fmt: skip


# Charig et al. 1986 (kidney stones, failures): open surgery 6 of 87 and 71 of 263, the other 36 of 270 and 25 of 80;
# ten times as many, so that both gaps are clear
STONES = [("wechat", "low", 60, 870), ("wechat", "high", 710, 2630), ("phone", "low", 360, 2700), ("phone", "high", 250, 800)]


def test_the_reversal_of_the_kidney_stones_is_found_and_shown():
    tables = tables_of({"tickets": tickets(STONES)}, PERIOD)
    found = channel_gaps(tables, SETTINGS).set_index("channel")
    assert found.loc["wechat", "gap"] == pytest.approx(770 / 3500 - 610 / 3500)
    assert found.loc["wechat", "inside"] < 0 and (found["reading"] == "reversed").all()
    table = reversal_table(tables, SETTINGS)
    title = table.title.render(EDITIONS[0])
    assert title == "Simpson’s reversal: WeChat, 4.6 points against the others, turns round within priority"
    assert table.bundle(EDITIONS)["n_rows"] == 2


def test_an_honest_gap_holds_and_a_chance_one_is_not_called_clear():
    honest = [("wechat", "low", 60, 300), ("wechat", "high", 80, 300), ("phone", "low", 9, 300), ("phone", "high", 12, 300)]
    found = channel_gaps(tables_of({"tickets": tickets(honest)}, PERIOD), SETTINGS)
    assert set(found["reading"]) == {"holds"}
    chance = [("wechat", "low", 5, 50), ("wechat", "high", 6, 50), ("phone", "low", 4, 50), ("phone", "high", 5, 50)]
    assert set(channel_gaps(tables_of({"tickets": tickets(chance)}, PERIOD), SETTINGS)["reading"]) == {"unclear"}


def test_the_gap_within_strata_is_unbiased_and_its_interval_covers():
    rng = np.random.default_rng(1)
    n, m, base = np.array([40, 90, 25]), np.array([120, 30, 60]), np.array([0.05, 0.2, 0.4])
    gaps, covered = [], []
    for _ in range(2000):
        strata = pd.DataFrame(
            {"hits": rng.binomial(n, base + 0.1), "n": n, "other_hits": rng.binomial(m, base), "other_n": m}
        )  # fmt: skip
        gap, low, high = gap_within(strata, 0.95)
        gaps.append(gap)
        covered.append(low <= 0.1 <= high)
    assert np.mean(gaps) == pytest.approx(0.1, abs=0.004)
    assert 0.935 <= np.mean(covered) <= 0.965


def test_one_stratum_gives_the_plain_difference():
    strata = pd.DataFrame({"hits": [6], "n": [60], "other_hits": [2], "other_n": [40]})
    assert gap_within(strata, 0.95)[0] == pytest.approx(0.05)
    assert np.isnan(gap_within(strata.assign(other_n=0, other_hits=0), 0.95)[0])


def test_one_channel_or_no_tickets_is_said():
    one = [("phone", "low", 5, 50), ("phone", "high", 5, 50), ("web", "low", 0, 3)]
    assert isinstance(reversal_table(tables_of({"tickets": tickets(one)}, PERIOD), SETTINGS), NotMeasured)
    assert reversal_table(tables_of({}, PERIOD), SETTINGS).missing


def worst_channel(counts):
    checks = interaction_checks(tables_of({"tickets": tickets(counts)}, PERIOD), pd.DataFrame({"customer_id": []}), SETTINGS)
    return next(found for found in checks if isinstance(found, Finding) and found.check == "interaction.late_channel")


def test_a_channel_that_only_carries_the_harder_tickets_is_no_problem_and_the_one_it_hides_is_found():
    found = worst_channel(STONES)
    assert "WeChat" not in found.words.problem.render(EDITIONS[0])
    assert "within one priority" in found.words.measure.render(EDITIONS[0])
    assert 0 < found.low < found.figure < found.high
    # WeChat carries nine times the hard tickets; among tickets of one priority both channels are alike
    mix = [("wechat", "low", 5, 100), ("wechat", "high", 360, 900), ("phone", "low", 45, 900), ("phone", "high", 40, 100)]
    assert worst_channel(mix).breached == "fine"


def test_a_channel_late_among_tickets_of_every_kind_keeps_its_whole_gap():
    honest = [("wechat", "low", 60, 300), ("wechat", "high", 80, 300), ("phone", "low", 9, 300), ("phone", "high", 12, 300)]
    found = worst_channel(honest)
    assert found.figure == pytest.approx(140 / 600 - 21 / 600)
    assert "within" not in found.words.measure.render(EDITIONS[0])
