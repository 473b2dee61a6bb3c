"""What the data say to the second and third why: a place that gathers, none, the driver, the step of the loop, nothing."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.drivers import find_late_drivers
from workbook.voice.whys import known_whys

PERIOD = Period.parse("2025Q4")
SETTINGS = Settings(client={"name": "Test"})
NOTHING = NotMeasured("x", named("x"))
EN, ZH = Edition("en"), Edition("zh")


def customers(n=300):
    return pd.DataFrame({"customer_id": [f"C{i:03}" for i in range(n)], "region": ["East", "West", "North"] * (n // 3),
                         "owner": ["Ann", "Bob"] * (n // 2)})  # fmt: skip


def touched(ids, check="information.stale"):
    return pd.DataFrame({"problem": check, "customer_id": ids})


def test_a_problem_that_gathers_names_the_place_with_its_figures():
    base = customers()
    hit = base.loc[(base["region"] == "East") & (np.arange(300) % 4 != 0), "customer_id"].tolist()
    hit += base.loc[base["region"] == "West", "customer_id"].tolist()[:10]
    (answer,) = known_whys(touched(hit), NOTHING, NOTHING, tables_of({"customers": base}, PERIOD), SETTINGS)[
        "information.stale"
    ]
    words = answer.render(EN)
    east = len(hit) - 10
    assert f"Region: East, {east} of 100 customers ({east}%" in words and "elsewhere 5% (3% to 9%)" in words
    assert "p < 0.001 over 5 places" in words
    assert stats.fisher_exact([[east, 100 - east], [10, 190]], "greater").pvalue * 5 < 0.001
    assert "Ann" not in words and "Bob" not in words and answer.render(ZH)


def test_a_problem_that_is_everywhere_says_so():
    base = customers()
    hit = base["customer_id"].tolist()[::5]
    (answer,) = known_whys(touched(hit), NOTHING, NOTHING, tables_of({"customers": base}, PERIOD), SETTINGS)[
        "information.stale"
    ]
    assert answer.render(EN).startswith("It gathers at none of 5 places (Region, Account owner)")


def test_hardly_a_problem_spread_by_chance_is_said_to_gather():
    base, rng = customers(), np.random.default_rng(1)
    tables = tables_of({"customers": base}, PERIOD)
    said = 0
    for _ in range(60):
        hit = base["customer_id"][rng.random(300) < 0.3].tolist()
        (answer,) = known_whys(touched(hit), NOTHING, NOTHING, tables, SETTINGS)["information.stale"]
        said += answer.render(EN).startswith("It gathers by")
    assert said <= 6  # 5 % of 60, and its luck


def test_customers_without_a_ticket_are_no_like_of_those_with_a_late_one():
    base = customers()
    east = base.loc[base["region"] == "East", "customer_id"].tolist()
    rest = base.loc[base["region"] != "East", "customer_id"].tolist()[:50]
    tickets = pd.DataFrame({"ticket_id": [f"T{i}" for i in range(150)], "customer_id": east + rest, "opened_at": "2025-11-03"})
    hit = east[:50] + rest[:25]  # half of all with a ticket: nowhere more than elsewhere
    tables = tables_of({"customers": base, "tickets": tickets}, PERIOD)
    (answer,) = known_whys(touched(hit, "service.repeat"), NOTHING, NOTHING, tables, SETTINGS)["service.repeat"]
    assert answer.render(EN).startswith("It gathers at none")


def test_whom_a_problem_cannot_touch_is_not_compared_and_where_that_is_not_known_no_place_is_named():
    tables = tables_of({"customers": customers()}, PERIOD)
    hit = touched(["C000", "C003"], "needs.depth")
    assert known_whys(hit, NOTHING, NOTHING, tables, SETTINGS) == {"needs.depth": ()}


def test_the_third_why_of_late_answers_is_the_fact_that_foretells_them():
    n = 240
    rng = np.random.default_rng(2)
    slow = rng.random(n) < 0.5
    late = np.where(slow, rng.random(n) < 0.8, rng.random(n) < 0.1)
    opened = pd.Timestamp("2025-11-03 09:00") + pd.to_timedelta(np.arange(n) % 30, unit="D")
    tickets = pd.DataFrame({"ticket_id": [f"T{i}" for i in range(n)], "customer_id": [f"C{i:03}" for i in range(n)],
                            "opened_at": opened, "first_response_at": opened + pd.to_timedelta(np.where(late, 90, 1), unit="h"),
                            "channel": np.where(slow, "email", "phone")})  # fmt: skip
    tables = tables_of({"customers": customers(), "tickets": tickets}, PERIOD)
    found = known_whys(touched([f"C{i:03}" for i in np.flatnonzero(late)], "interaction.late_response"), NOTHING,
                       find_late_drivers(tables, SETTINGS), tables, SETTINGS)["interaction.late_response"]  # fmt: skip
    words = found[-1].render(EN)
    assert words.startswith("Late first responses go most with: Channel;") and f"e-mail: {late[slow].mean():.0%} of" in words
    assert found[-1].render(ZH)


def loop(**shares):
    rows = [("accepted", 40, 40, 1.0), *((step, int(40 * part), 40, part) for step, part in shares.items())]
    frame = pd.DataFrame(rows, columns=["step", "complaints", "of", "share"])
    return Table(
        "x", named("x"), (), frame.assign(low=0.3, high=0.6, median=[np.nan, 3.0, 30.0, 50.0], p90=[np.nan, 9.0, 90.0, 99.0])
    )


@pytest.mark.parametrize(("check", "words"), [
    ("service.callback", "“called back” is reached by 16 of 40 (40%; 30% to 60%); those who do wait 50.0"),
    ("service.reopened", "“solved” is reached by 36 of 40"),
])  # fmt: skip
def test_the_third_why_of_complaints_is_the_step_that_they_are_about(check, words):
    tables = tables_of({"customers": customers()}, PERIOD)
    steps = loop(analysed=0.2, solved=0.9, called_back=0.4)
    found = known_whys(touched(["C000"], check), steps, NOTHING, tables, SETTINGS)[check]
    assert words in found[-1].render(EN) and found[-1].render(ZH)


def test_where_nothing_is_known_nothing_is_said():
    base = customers()[["customer_id"]]
    assert known_whys(touched(["C000"]), NOTHING, NOTHING, tables_of({"customers": base}, PERIOD), SETTINGS) == {
        "information.stale": ()
    }
