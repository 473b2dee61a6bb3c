"""Drivers on the demo: the planted evening of one channel is found for late answers; titles say what the interval allows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.tables import tables_of
from workbook.voice.drivers import Drivers, find_late_drivers, find_unhappy_drivers
from workbook.voice.foretelling import Held

ROOT = Path(__file__).parents[2]
PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


@pytest.fixture(scope="module")
def demo():
    chosen = read_settings(ROOT, "demo", PERIOD, None)
    return prepare(ROOT, "demo", PERIOD, chosen).tables, chosen


def test_late_answers_are_foretold_by_the_hour_and_channel_that_were_planted(demo):
    found = find_late_drivers(*demo)
    first = found.held.contributions.head(2)
    assert found.foretold and set(first["factor"]) == {"hours", "channel"} and (first["low"] > 0).all()
    assert set(first["level"]) == {"18:00–23:59", "wechat"}
    cells = found.table().bundle(EDITIONS)["languages"]["zh"]["cells"]
    assert "微信" in str(cells) and "有作用" in str(cells)


def test_titles_hold_to_what_was_found(demo):
    for found in (find_late_drivers(*demo), find_unhappy_drivers(*demo)):
        title = found.table().title.render(EDITIONS[0])
        assert len(title.split()) <= 15
        assert ("no better than chance" in title) == (not found.foretold)
        found.table().bundle(EDITIONS)


def test_a_late_answer_before_the_score_counts_as_the_customers_experience():
    n = 60
    slow = pd.Series(range(n)) < 30
    opened = pd.Timestamp("2025-10-05 09:00")
    tables = tables_of(
        {
            "tickets": pd.DataFrame({"ticket_id": [f"T{i}" for i in range(n)], "customer_id": [f"C{i}" for i in range(n)],
                                     "opened_at": opened, "priority": "high",
                                     "first_response_at": opened + pd.to_timedelta(slow.map({True: 9, False: 1}), unit="h")}),
            "feedback": pd.DataFrame({"feedback_id": [f"F{i}" for i in range(n)], "customer_id": [f"C{i}" for i in range(n)],
                                      "given_at": "2025-10-20", "instrument": "csat", "scale_max": 5,
                                      "score": slow.map({True: 1, False: 5})}),
        },
        PERIOD,
    )  # fmt: skip
    found = find_unhappy_drivers(tables, Settings(client={"name": "Test"}))
    assert found.held.auc == 1.0
    assert found.held.contributions.iloc[0][["factor", "level", "level_bad"]].tolist() == ["late", "yes", 30]


def test_an_employee_who_answers_late_is_found_and_has_a_number():
    n, rng = 400, np.random.default_rng(4)
    who = rng.choice(["Li", "Wu", "Xu", "Zhao"], n)
    slow = rng.random(n) < np.where(who == "Xu", 0.6, 0.1)
    opened = pd.Timestamp("2025-10-06 09:00") + pd.to_timedelta(rng.integers(0, 5, n), unit="D")
    tickets = pd.DataFrame({"ticket_id": [f"T{i}" for i in range(n)], "customer_id": [f"C{i}" for i in range(n)],
                            "opened_at": opened, "priority": "high",
                            "first_response_at": opened + pd.to_timedelta(np.where(slow, 9, 1), unit="h")})  # fmt: skip
    events = pd.DataFrame({"ticket_id": tickets["ticket_id"], "happened_at": opened, "activity": "answer", "actor": who})
    found = find_late_drivers(tables_of({"tickets": tickets, "ticket_events": events}, PERIOD), Settings(client={"name": "T"}))
    first = found.held.contributions.iloc[0]
    assert found.foretold and first["factor"] == "employee" and first["low"] > 0 and first["level"] == "3"
    shown = str(found.table().bundle(EDITIONS))
    assert "employee no. 3" in shown and "员工 3 号" in shown and "Xu" not in shown


def test_questions_whose_high_end_need_not_be_good_make_nobody_unhappy():
    n = 90
    rows = pd.DataFrame({"feedback_id": [str(i) for i in range(n)], "given_at": "2025-10-20", "instrument": "scale",
                         "question": "needs.importance", "scale_max": 5, "score": [1 if i % 3 == 0 else 5 for i in range(n)],
                         "channel": ["store" if i % 3 == 0 else "web" for i in range(n)]})  # fmt: skip
    found = find_unhappy_drivers(tables_of({"feedback": rows}, PERIOD), Settings(client={"name": "Test"}))
    assert isinstance(found, NotMeasured)


def test_answers_without_a_name_are_judged_by_what_they_tell():
    n = 90
    rows = pd.DataFrame({"feedback_id": [str(i) for i in range(n)], "given_at": "2025-10-20", "instrument": "csat",
                         "scale_max": 5, "score": [1 if i % 3 == 0 else 5 for i in range(n)],
                         "channel": ["store" if i % 3 == 0 else "web" for i in range(n)]})  # fmt: skip
    found = find_unhappy_drivers(tables_of({"feedback": rows}, PERIOD), Settings(client={"name": "Test"}))
    assert found.held.auc == 1.0 and found.held.contributions["factor"].tolist() == ["channel"]


def test_too_few_cases_or_none_delivered_are_not_measured():
    nothing = tables_of({}, PERIOD)
    settings = Settings(client={"name": "Test"})
    assert isinstance(find_late_drivers(nothing, settings), NotMeasured)
    few = tables_of({"feedback": pd.DataFrame({"feedback_id": ["1"], "customer_id": ["C"], "given_at": ["2025-10-02"],
                                               "instrument": ["nps"], "score": [3]})}, PERIOD)  # fmt: skip
    assert "fewer than 20" in find_unhappy_drivers(few, settings).why.render(EDITIONS[0])


def test_below_a_coin_the_note_says_that_it_is_luck_and_what_to_deliver():
    found = coin(0.4, ("store", "employee", "weekday"))
    words = found.table().note.render(EDITIONS[0])
    assert found.table().title.render(EDITIONS[0]).endswith("AUC 0.40 is below one half by luck")
    assert "it is no finding" in words
    assert "deliver feedback.order_id, feedback.ticket_id, orders.store, ticket_events.actor" in words
    assert "deliver" not in coin(0.52, ()).table().note.render(EDITIONS[0])
    assert "do not tell bad cases from good ones" in coin(0.52, ()).table().note.render(EDITIONS[0])
    coin(0.4, ("store",)).table().bundle(EDITIONS)


def coin(auc, lacking):
    """Drivers that tell nothing."""
    row = {"factor": "channel", "drop": 0.0, "low": -0.1, "high": 0.1, "level": None, "level_share": np.nan, "level_n": 0,
           "level_bad": 0}  # fmt: skip
    held = Held(auc, auc - 0.1, auc + 0.1, pd.DataFrame([row]), 80, 30)
    return Drivers("unhappy", held, lacking, Settings(client={"name": "T"}), Period.parse("2025Q4"))
