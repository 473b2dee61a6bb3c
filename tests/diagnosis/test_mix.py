"""Like with like: a change of the mix is no change of the service, one that the mix hides is found, and chance stays quiet."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.contingency_tables import StratifiedTable

from workbook.diagnosis.mix import change_table, group_gaps, group_table, rate_changes, trends_at_equal_mix
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Paragraph, Table
from workbook.settings.models import Settings
from workbook.tables import tables_of

NOW = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


@pytest.fixture
def settings():
    return Settings(client={"name": "Test"})


def quarter(period, cells, prefix):
    """Solved tickets of a quarter: (channel, topic) → (tickets, of them opened again)."""
    rows = [
        {"channel": channel, "topic": topic, "reopened": int(i < again)}
        for (channel, topic), (n, again) in cells.items()
        for i in range(n)
    ]
    frame = pd.DataFrame(rows)
    opened = pd.Series(pd.date_range(period.start, periods=len(frame), freq="7min"))
    return frame.assign(ticket_id=[f"{prefix}{i}" for i in range(len(frame))], opened_at=opened, resolved_at=opened,
                        customer_id="C1")  # fmt: skip


def delivery(before, now):
    frames = [quarter(NOW.previous, before, "A"), quarter(NOW, now, "B")]
    tickets = pd.concat(frames, ignore_index=True)
    return tables_of({"customers": pd.DataFrame({"customer_id": ["C1"]}), "tickets": tickets}, NOW)


HARD, EASY = ("phone", "repair"), ("phone", "question")


def reopened(tables, settings):
    return rate_changes(tables, settings).set_index("check").loc["service.reopened"]


def test_more_hard_tickets_are_no_worse_service(settings):
    # 30 % of hard and 5 % of easy tickets come back in both quarters; their numbers change places
    tables = delivery({HARD: (100, 30), EASY: (400, 20)}, {HARD: (400, 120), EASY: (100, 5)})
    row = reopened(tables, settings)
    assert row["gap"] == pytest.approx(0.25 - 0.10) and row["low"] > 0
    assert row["inside"] == pytest.approx(0) and row["reading"] == "mix"
    changed = rate_changes(tables, settings)
    assert trends_at_equal_mix({"service.reopened": "worse"}, changed) == {"service.reopened": "unclear"}
    title = change_table(changed, settings, NOW).title.render(Edition("en"))
    assert title == "Solved tickets opened again: the change of 15.0 points comes from another mix of tickets"


def test_worse_service_that_the_mix_hides_is_found(settings):
    tables = delivery({HARD: (400, 80), EASY: (100, 2)}, {HARD: (200, 70), EASY: (400, 40)})
    row = reopened(tables, settings)
    assert row["low"] < 0 < row["high"] and row["inside_low"] > 0 and row["reading"] == "hidden"
    changed = rate_changes(tables, settings)
    assert trends_at_equal_mix({"service.reopened": "unclear"}, changed) == {"service.reopened": "worse"}
    # a check without a period before gets no trend
    assert trends_at_equal_mix({"service.reopened": "none"}, changed) == {"service.reopened": "none"}


def test_worse_service_at_the_same_mix_stays_worse(settings):
    tables = delivery({HARD: (300, 30), EASY: (300, 30)}, {HARD: (300, 90), EASY: (300, 90)})
    row = reopened(tables, settings)
    assert row["reading"] == "service" and row["inside"] == pytest.approx(row["gap"])


def test_a_delivery_that_does_not_reach_back_says_so(settings):
    tables = tables_of({"tickets": quarter(NOW, {HARD: (50, 5)}, "B")}, NOW)
    assert isinstance(change_table(rate_changes(tables, settings), settings, NOW), NotMeasured)


def test_a_change_by_mix_alone_is_seldom_called_one_of_the_service(settings):
    rng = np.random.default_rng(1)
    readings = []
    for _ in range(60):
        quarters = [
            {HARD: (n, rng.binomial(n, 0.3)), EASY: (500 - n, rng.binomial(500 - n, 0.05))} for n in rng.integers(50, 450, 2)
        ]
        readings.append(reopened(delivery(*quarters), settings)["reading"])
    # at most 5 % by chance (corrected for the number of rates); within four standard errors
    assert np.mean([reading in ("service", "hidden") for reading in readings]) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)
    assert readings.count("mix") > 20


# phone gets the hard tickets and is better in each kind
TURNED = {("phone", "repair"): (400, 120), ("phone", "question"): (100, 1),
          ("web", "repair"): (100, 45), ("web", "question"): (400, 32)}  # fmt: skip


def test_a_reversal_between_channels_is_found_in_rates_other_than_late_responses(settings):
    tables = tables_of({"tickets": quarter(NOW, TURNED, "B")}, NOW)
    found = group_gaps(tables, settings)
    row = found[(found["check"] == "service.reopened") & (found["group"] == "phone") & (found["within"] == "topic")].iloc[0]
    assert row["gap"] > 0 > row["inside"] and row["reading"] == "reversed"
    # the second way: the pooled odds ratio of statsmodels lies on the same side
    cells = [np.array([[120, 280], [45, 55]]), np.array([[1, 99], [32, 368]])]
    assert StratifiedTable(cells).oddsratio_pooled < 1
    table = group_table(tables, settings)
    assert isinstance(table, Table) and table.frame["reading"].iloc[0] == "reversed"
    table.bundle(EDITIONS)


def test_where_nothing_turns_round_it_is_said_in_how_many_comparisons(settings):
    even = {(c, t): (200, 20) for c in ("phone", "web") for t in ("repair", "question")}
    said = group_table(tables_of({"tickets": quarter(NOW, even, "B")}, NOW), settings)
    assert isinstance(said, Paragraph)
    said.bundle(EDITIONS)


def test_groups_of_few_tickets_are_not_compared(settings):
    few = {("phone", "repair"): (200, 20), ("web", "repair"): (200, 20), ("fax", "repair"): (4, 4)}
    found = group_gaps(tables_of({"tickets": quarter(NOW, few | {("web", "other"): (50, 5)}, "B")}, NOW), settings)
    assert set(found["group"]) == {"phone", "web"}
