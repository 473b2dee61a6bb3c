"""The cross-check: an effect that was planted is found, none is found where there is none, and who buys much is not blamed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.crosscheck import cross_check

ROOT = Path(__file__).parents[2]
PERIOD = Period.parse("2025Q4")
SETTINGS = Settings(client={"name": "Test"})
EDITIONS = (Edition("en", least=5), Edition("zh", least=5))
UNHEARD = NotMeasured("voice.hotspots", None, ("feedback.text",))


def made_up(seed, effect=0.0, n=900):
    """Customers of two tiers; the high tier both buys more and meets more late answers; *effect* on buying again."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"C{i:04d}" for i in range(n)])
    high = rng.random(n) < 0.5
    late = rng.random(n) < np.where(high, 0.6, 0.2)
    again = rng.random(n) < np.where(high, 0.75, 0.35) - effect * late
    score = np.where(rng.random(n) < 0.2, 3, 9)
    first = pd.DataFrame({"order_id": "A" + ids, "customer_id": ids, "ordered_at": "2025-06-01", "amount": 100})
    second = pd.DataFrame({"order_id": "B" + ids, "customer_id": ids, "ordered_at": "2025-11-01", "amount": 50})[again]
    opened = pd.Timestamp("2025-08-04 09:00")
    return tables_of(
        {
            "customers": pd.DataFrame({"customer_id": ids, "tier": np.where(high, "gold", "low"), "created_at": "2024-01-01"}),
            "orders": pd.concat([first, second]),
            "tickets": pd.DataFrame({"ticket_id": "T" + ids, "customer_id": ids, "opened_at": opened, "priority": "high",
                                     "first_response_at": opened + pd.to_timedelta(np.where(late, 9, 1), unit="h")}),
            "feedback": pd.DataFrame({"feedback_id": "F" + ids, "customer_id": ids, "given_at": "2025-09-01",
                                      "instrument": "nps", "score": score, "scale_max": 10}),
        },
        PERIOD,
    )  # fmt: skip


def checked(seed, effect=0.0):
    return cross_check(UNHEARD, made_up(seed, effect), SETTINGS)


def test_a_planted_effect_is_found_at_its_signal_with_its_size():
    found = [checked(seed, 0.25).rows.set_index("signal") for seed in range(6)]
    assert all(rows.loc["service:late_response", "reading"] == "worse" for rows in found)
    assert all(rows.loc["score:nps", "reading"] == "unclear" for rows in found)
    assert np.mean([rows.loc["service:late_response", "difference"] for rows in found]) == pytest.approx(-0.25, abs=0.05)


def test_no_effect_is_not_found_although_customers_who_buy_more_meet_more_late_answers():
    found = [checked(seed).rows for seed in range(8)]
    assert sum((rows["reading"] != "unclear").any() for rows in found) <= 2  # 5 % each


def test_what_is_at_stake_is_customers_times_difference_times_spending():
    row = checked(1, 0.25).rows.set_index("signal").loc["service:late_response"]
    assert row["at_stake"] == pytest.approx(-row["n"] * row["difference"] * 50)
    assert row["stake_low"] == pytest.approx(-row["n"] * row["high"] * 50)


def test_signals_come_from_the_period_before_and_outcomes_from_this_one():
    n = 60
    ids = [f"C{i:02d}" for i in range(n)]
    bad, back, new = range(30), range(0, n, 2), range(0, n, 3)
    lines = pd.DataFrame(
        {"order_id": [f"O{i:02d}" for i in range(n)] + [f"N{i:02d}" for i in new], "line_id": "1", "amount": 10}
    )
    lines["refund_of"] = [None] * n + ["1" if i in back else None for i in new]
    feedback = pd.DataFrame(
        {
            "feedback_id": ids,
            "customer_id": ids,
            "instrument": "csat",
            "scale_max": 5,
            "score": [1 if i in bad else 5 for i in range(n)],
            "given_at": "2025-09-30",
        }
    )
    later = feedback.assign(feedback_id="L" + feedback["feedback_id"], score=6 - feedback["score"], given_at="2025-10-01")
    tables = tables_of(
        {
            "orders": pd.DataFrame({"order_id": lines["order_id"], "customer_id": [f"C{i:02d}" for i in (*range(n), *new)],
                                    "ordered_at": ["2025-09-01"] * n + ["2025-12-31"] * 20, "amount": 10}),
            "order_lines": lines,
            "contracts": pd.DataFrame({"contract_id": ids, "customer_id": ids, "ends_at": "2025-12-31",
                                       "starts_at": "2025-01-01", "renewed": [i >= 20 for i in range(n)]}),
            "feedback": pd.concat([feedback, later]),
        },
        PERIOD,
    )  # fmt: skip
    rows = cross_check(UNHEARD, tables, SETTINGS).rows.set_index("outcome")
    assert rows.loc["renewed", ["share", "other_share"]].tolist() == pytest.approx([10 / 30, 1.0])
    assert rows.loc["repeat", ["share", "other_share"]].tolist() == pytest.approx([10 / 30, 10 / 30])
    assert rows.loc["returned", ["share", "other_share"]].tolist() == pytest.approx([5 / 30, 5 / 30])
    assert rows.loc["renewed", "reading"] == "worse"


def test_it_shows_in_both_languages_with_titles_that_hold_to_the_readings():
    for effect in (0.0, 0.3):
        found = checked(2, effect)
        for shown in (found.figure(), found.table(), found.limits()):
            shown.bundle(EDITIONS)
        title = found.table().title.render(EDITIONS[0])
        assert len(title.split()) <= 15 and ("None of" in title) == (effect == 0)
        assert len(found.figure().title.render(EDITIONS[0]).split()) <= 15


def test_the_money_of_a_signal_that_few_customers_met_is_not_shown():
    found = checked(2)
    named = found.figure().table.frame["signal"].tolist()
    few = found.rows["now"].mask(found.rows["signal"] == named[0], 4)
    assert named[0] not in replace(found, rows=found.rows.assign(now=few)).figure().table.frame["signal"].tolist()
    nobody = replace(found, rows=found.rows.assign(now=4)).figure()
    assert isinstance(nobody, NotMeasured)


def test_without_orders_or_signals_nothing_is_measured():
    assert cross_check(UNHEARD, tables_of({}, PERIOD), SETTINGS).missing == ("orders.customer_id", "orders.ordered_at")
    orders = pd.DataFrame({"order_id": ["1"], "customer_id": ["C"], "ordered_at": ["2025-09-01"], "amount": [1]})
    assert isinstance(cross_check(UNHEARD, tables_of({"orders": orders}, PERIOD), SETTINGS), NotMeasured)


def stacked(seed, effect=0.0, slow=0.0, periods=5, n=220):
    """A small client over several quarters; one of three employees is late for most; *slow* on buying again after him."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"C{i:03d}" for i in range(n)])
    loyal = rng.normal(0, 0.15, n)  # a customer's quarters are alike
    orders = [pd.DataFrame({"order_id": "A" + ids, "customer_id": ids, "ordered_at": "2024-03-01", "amount": 100})]
    tickets, events, hit = [], [], np.zeros(n, dtype=bool)
    for place, period in enumerate(pd.period_range("2024Q2", periods=periods + 2, freq="Q")):
        again = rng.random(n) < 0.5 + loyal - (effect + slow) * hit
        stamp = f"{place}-"
        orders.append(pd.DataFrame({"order_id": stamp + ids, "customer_id": ids, "amount": 50,
                                    "ordered_at": period.start_time + pd.Timedelta("5D")})[again])  # fmt: skip
        server = rng.choice(["x", "y", "z"], n)
        late = rng.random(n) < np.where(server == "x", 0.7, 0.1)
        hit = late if effect else server == "x"
        opened = period.start_time + pd.Timedelta("20D")
        tickets.append(
            pd.DataFrame(
                {
                    "ticket_id": stamp + ids,
                    "customer_id": ids,
                    "opened_at": opened,
                    "priority": "high",
                    "first_response_at": opened + pd.to_timedelta(np.where(late, 9, 1), unit="h"),
                }
            )
        )
        events.append(pd.DataFrame({"ticket_id": stamp + ids, "happened_at": opened, "activity": "new", "actor": server}))
    frames = {"orders": pd.concat(orders), "tickets": pd.concat(tickets), "ticket_events": pd.concat(events)}
    return cross_check(UNHEARD, tables_of(frames, PERIOD), SETTINGS)


def test_stacked_periods_find_what_one_pair_is_too_small_for_and_say_what_they_could_find():
    found = [stacked(seed, effect=0.15) for seed in range(5)]
    rows = [each.rows.set_index("signal").loc["service:late_response"] for each in found]
    assert all(each.windows == 4 for each in found)
    assert sum(row["reading"] == "worse" for row in rows) >= 4
    assert np.mean([row["difference"] for row in rows]) == pytest.approx(-0.15, abs=0.04)
    assert all(0.06 < row["least"] < 0.2 for row in rows)  # 0.4 and more from one pair of periods


def test_a_slow_employee_is_told_by_the_customers_of_others_and_costs_what_was_planted():
    rows = [stacked(seed, slow=0.15).rows.set_index("signal").loc["service:slow_server"] for seed in range(5)]
    assert np.mean([row["difference"] for row in rows]) == pytest.approx(-0.15, abs=0.04)
    assert sum(row["reading"] == "worse" for row in rows) >= 4
    none = [stacked(100 + seed).rows for seed in range(6)]
    assert sum((each["reading"] != "unclear").any() for each in none) <= 2
