"""The records behind a problem: exactly the bad cases of its figure, bounded, and safe to open."""

import csv

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.cases import CASE_COLUMNS, RECORDS, problem_cases
from workbook.diagnosis.finding import RECORD_IDS, Context, Finding
from workbook.diagnosis.interaction import interaction_checks
from workbook.diagnosis.needs import needs_checks
from workbook.diagnosis.own import own_checks
from workbook.diagnosis.problems import diagnose
from workbook.diagnosis.service import service_checks
from workbook.language import Edition
from workbook.period import Period
from workbook.report.excel import write_csv
from workbook.settings.models import Settings
from workbook.tables import SCHEMAS, tables_of

PERIOD = Period.parse("2025Q4")


def delivery(seed):
    """Tickets with every fault at random: twins, midnights, missing times, words in several spellings."""
    rng = np.random.default_rng(seed)
    n = 400
    opened = pd.Timestamp("2025-09-01") + pd.to_timedelta(rng.integers(0, 122 * 24, n), unit="h")
    opened = pd.Series(np.where(rng.random(n) < 0.2, opened.normalize(), opened)).astype("datetime64[us]")
    solved = (opened + pd.to_timedelta(rng.integers(-2, 200, n), unit="h")).where(rng.random(n) < 0.9)
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"T{i}" for i in range(n)], "customer_id": [f"C{i}" for i in rng.integers(0, 60, n)],
            "opened_at": opened, "resolved_at": solved,
            "first_response_at": opened + pd.to_timedelta(rng.integers(0, 30, n), unit="h"),
            "called_back_at": (solved + pd.to_timedelta(rng.integers(-5, 90, n), unit="h")).where(rng.random(n) < 0.7),
            "topic": rng.choice(["投诉", "delivery", "Delivery "], n), "channel": rng.choice(["phone", "web"], n),
            "priority": rng.choice(["high", "low", None], n), "reopened": rng.integers(0, 2, n),
            "in_time": rng.random(n) < 0.5,
        }
    )  # fmt: skip
    events = pd.DataFrame({"ticket_id": tickets["ticket_id"].sample(frac=0.4, random_state=seed), "activity": "Template"})
    events["happened_at"] = pd.Timestamp("2025-10-01")
    needs = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(40)], "noted_at": pd.Timestamp("2025-08-01"), "need": "speed",
            "level": rng.choice(["root cause", "surface"], 40), "product_recommended": rng.choice(["P1", "P2"], 40),
        }
    )  # fmt: skip
    orders = pd.DataFrame(
        {"order_id": [f"O{i}" for i in range(20)], "customer_id": [f"C{i}" for i in range(20)],
         "ordered_at": pd.Timestamp("2025-08-20"), "amount": 10.0}
    )  # fmt: skip
    lines = pd.DataFrame({"order_id": orders["order_id"], "line_id": "1", "product_id": "P1", "amount": 10.0})
    customers = pd.DataFrame({"customer_id": [f"C{i}" for i in range(60)]})
    frames = {"customers": customers, "tickets": tickets, "ticket_events": events, "needs": needs, "orders": orders,
              "order_lines": lines}  # fmt: skip
    return tables_of(frames, PERIOD), customers.assign(revenue=1.0)


@pytest.fixture
def settings():
    return Settings(client={"name": "Test"})


def listed(found, tables, profile, settings, most=10_000):
    return problem_cases([found], tables, Context.of(profile, settings.analysis.confidence), most)


@pytest.mark.parametrize("seed", range(3))
def test_the_records_are_the_bad_cases_of_the_figure(settings, seed):
    tables, profile = delivery(seed)
    found = {
        f.check: f
        for checks in (service_checks, interaction_checks, needs_checks)
        for f in checks(tables, profile, settings)
        if isinstance(f, Finding)
    }
    assert {"service.callback", "service.repeat", "service.reopened", "service.late_resolution", "service.missed_level",
            "service.first_contact", "service.template", "interaction.late_response", "interaction.late_channel",
            "needs.depth", "needs.match"} <= set(found)  # fmt: skip
    for check, finding in found.items():
        rows = listed(finding, tables, profile, settings)
        # whom the records name are the customers that the finding touches
        assert set(rows["customer_id"].dropna()) == set(finding.customers), check
        if finding.unit == "share" and check not in ("service.repeat", "service.first_contact"):
            bad = finding.figure if finding.direction == "above" else 1 - finding.figure
            assert len(rows) == round(bad * finding.n), check
    # tickets of one moment count once in a figure and are both to be opened
    first = found["service.first_contact"]
    assert len(listed(first, tables, profile, settings)) >= round((1 - first.figure) * first.n)


def test_what_is_cut_is_counted_and_the_newest_stay(settings):
    tables, profile = delivery(0)
    late = next(f for f in interaction_checks(tables, profile, settings) if f.check == "interaction.late_response")
    every = listed(late, tables, profile, settings)
    few = listed(late, tables, profile, settings, most=5)
    assert len(few) == 5 and set(few["cases"]) == {len(every)}
    assert few["happened_at"].is_monotonic_decreasing and few["happened_at"].iloc[0] == every["happened_at"].max()
    pd.testing.assert_frame_equal(few, every.head(5))


def test_the_whole_list_keeps_to_the_settings_and_says_what_it_left_out(settings):
    tables, profile = delivery(0)
    settings = settings.model_copy(update={"diagnosis": settings.diagnosis.model_copy(update={"listed_cases": 7})})
    found = diagnose(tables, profile, settings)
    assert found.problem_cases.groupby("problem").size().max() == 7
    assert tuple(found.problem_cases.columns) == CASE_COLUMNS
    assert list(dict.fromkeys(found.problem_cases["problem"])) == list(found.problems["check"])
    table = found.evidence_table()
    every, shown = (int(sum(cell.value for cell in table.frame[column])) for column in ("cases", "listed"))
    assert 0 < shown < every
    assert table.title.render(Edition("en")).startswith(f"{shown} of {every:,} records behind")


def test_a_number_in_the_list_of_cases_is_that_of_the_problem_list(settings):
    found = diagnose(*delivery(1), settings)
    numbers = dict(zip(found.problem_cases["problem"], found.case_list().frame["no"], strict=True))
    leads = found.problems[found.problems["part_of"] == found.problems["check"]]["check"].tolist()
    assert len(leads) < len(found.problems)
    assert all(
        number == leads.index(found.problems.set_index("check")["part_of"][check]) + 1 for check, number in numbers.items()
    )


def test_an_id_that_is_a_formula_does_no_harm(settings, tmp_path):
    tables, profile = delivery(0)
    tables.connection.execute("update tickets set ticket_id = '=cmd|''/c calc''!A1' where ticket_id = 'T1'")
    settings = settings.model_copy(update={"diagnosis": settings.diagnosis.model_copy(update={"listed_cases": 1000})})
    write_csv(tmp_path / "cases.csv", diagnose(tables, profile, settings).case_list(), Edition("zh"))
    cells = [cell for row in csv.reader((tmp_path / "cases.csv").open(encoding="utf-8-sig")) for cell in row]
    assert "'=cmd|'/c calc'!A1" in cells and not any(cell.startswith("=") for cell in cells)


def test_a_check_of_ones_own_names_its_records(settings):
    tables, profile = delivery(0)
    own = {
        "id": "open", "module": "service", "measure": "Open", "problem": "Open tickets", "cause": "Nobody", "limit": 0.1,
        "sql": "select customer_id, ticket_id, opened_at as happened_at, resolved_at is null as hit from tickets;",
    }  # fmt: skip
    settings = Settings(client={"name": "Test"}, diagnosis={"checks": [own]})
    (found,) = own_checks(tables, profile, settings)
    rows = listed(found, tables, profile, settings)
    unsolved = tables.sql("select ticket_id from tickets where resolved_at is null")["ticket_id"]
    assert set(rows["record_id"]) == set(unsolved) and set(rows["record"]) == {"tickets"}


def test_every_id_of_a_record_is_a_column_of_its_table():
    assert all(column in SCHEMAS[table].columns and table in RECORDS for column, table in RECORD_IDS.items())
