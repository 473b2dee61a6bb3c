"""The process map counts what follows on what, and the loop of complaints what came of each."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.problems import diagnose
from workbook.diagnosis.process_exhibits import loop_table, process_figure
from workbook.diagnosis.processes import complaint_loop, process_map
from workbook.diagnosis.service import service_checks
from workbook.language import Edition
from workbook.opening.client import open_client
from workbook.period import Period
from workbook.report.blocks import Figure, NotMeasured
from workbook.report.figures import house_style
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.sources.profile import build_profile
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})
DATA = Path(__file__).parents[3] / "shared" / "data"


def logged(n=300, seed=1):
    """Tickets that go new → active → solved, some waiting for the customer and coming back."""
    rng = np.random.default_rng(seed)
    tickets, events = [], []
    for i in range(n):
        moment = pd.Timestamp("2025-10-05") + pd.Timedelta(hours=float(rng.uniform(0, 1500)))
        tickets.append({"ticket_id": f"T{i}", "opened_at": moment})
        path = ["new", "active", *["waiting", "active"] * int(rng.integers(0, 3)), "active", "solved"]
        for state in path:
            events.append({"ticket_id": f"T{i}", "happened_at": moment, "activity": state})
            moment += pd.Timedelta(hours=float(rng.exponential(5)))
    return pd.DataFrame(tickets), pd.DataFrame(events)


def test_moves_and_times_agree_with_pandas():
    tickets, events = logged()
    found = process_map(tables_of({"tickets": tickets, "ticket_events": events}, PERIOD))
    events = events.sort_values(["ticket_id", "happened_at"], ignore_index=True)
    stays = events[events["activity"].ne(events.groupby("ticket_id")["activity"].shift())].copy()
    stays["after"] = stays.groupby("ticket_id")["activity"].shift(-1)
    stays["hours"] = (stays.groupby("ticket_id")["happened_at"].shift(-1) - stays["happened_at"]).dt.total_seconds() / 3600
    expected = stays.dropna(subset=["after"]).groupby(["activity", "after"])["hours"].agg(
        ["size", "median", lambda h: h.quantile(0.9), "sum"]
    )  # fmt: skip
    ours = found.moves.set_index(["before", "after"])[["passes", "median", "p90", "total"]].sort_index()
    # times are cut to whole seconds
    np.testing.assert_allclose(ours.to_numpy(float), expected.sort_index().to_numpy(float), rtol=2e-3)
    assert found.tickets == 300 and found.logged
    assert found.states["state"].tolist() == ["new", "waiting", "active", "solved"] or found.states["state"].tolist() == [
        "new", "active", "waiting", "solved",
    ]  # fmt: skip


def test_entries_of_one_moment_stand_in_their_usual_order():
    tickets, events = logged(60)
    twin = pd.DataFrame(
        {"ticket_id": "X", "happened_at": pd.Timestamp("2025-11-01"), "activity": ["solved", "active", "new"]}
    )  # fmt: skip
    both = {
        "tickets": pd.concat([tickets, pd.DataFrame({"ticket_id": ["X"], "opened_at": [pd.Timestamp("2025-11-01")]})]),
        "ticket_events": pd.concat([events, twin]),
    }
    moves = process_map(tables_of(both, PERIOD)).moves.set_index(["before", "after"])["passes"]
    assert not {("solved", "active"), ("active", "new")} & set(moves.index)
    assert moves["new", "active"] == 61


def test_without_a_log_the_times_of_the_tickets_are_the_states():
    tickets = pd.DataFrame(
        {"ticket_id": list("abcdef"), "opened_at": "2025-11-03 09:00", "first_response_at": "2025-11-03 10:00",
         "resolved_at": ["2025-11-03 13:00"] * 5 + [None], "called_back_at": ["2025-11-03 15:00"] + [None] * 5}
    )  # fmt: skip
    found = process_map(tables_of({"tickets": tickets}, PERIOD))
    assert found.moves[["before", "after", "passes", "median"]].to_numpy().tolist() == [
        ["opened", "first_response", 6, 1.0], ["first_response", "solved", 5, 3.0], ["solved", "called_back", 1, 2.0],
    ]  # fmt: skip
    assert not found.logged
    shown = process_figure(tables_of({"tickets": tickets}, PERIOD), SETTINGS)
    assert shown.title.render(EDITIONS[0]) == "71% of the time to a solution lies between “first response” and “solved”"


def test_the_map_draws_in_both_languages_whatever_a_state_is_called():
    tickets, events = logged(60)
    events["activity"] = events["activity"].replace({"waiting": "<b>=1+1</b> " * 9, "active": "处理中😀"})
    shown = process_figure(tables_of({"tickets": tickets, "ticket_events": events}, PERIOD), SETTINGS)
    assert isinstance(shown, Figure)
    for edition in EDITIONS:
        with house_style(foreign=True):
            assert shown.draw(edition).axes
    assert "<b>" not in shown.bundle(EDITIONS)["languages"]["en"]["svg"]


def test_states_few_tickets_passed_are_not_shown():
    tickets, events = logged(4)
    assert isinstance(process_figure(tables_of({"tickets": tickets, "ticket_events": events}, PERIOD), SETTINGS), NotMeasured)
    assert process_figure(tables_of({}, PERIOD), SETTINGS).missing == ("tickets", "ticket_events")


def complaints():
    return pd.DataFrame(
        {"ticket_id": list("abcde"), "customer_id": list("abcde"), "topic": ["投诉", "投诉", "complaint", "投诉", "使用"],
         "opened_at": "2025-11-03 09:00",
         "first_response_at": ["2025-11-03 10:00", "2025-11-03 11:00", None, "2025-11-03 10:00", "2025-11-03 10:00"],
         "resolved_at": ["2025-11-03 13:00", "2025-11-04 13:00", "2025-11-04 13:00", "2025-12-31 12:00", "2025-11-04 13:00"],
         "called_back_at": ["2025-11-04 13:00", "2025-11-09 13:00", None, None, None]}
    )  # fmt: skip


def test_each_step_of_the_loop_is_counted_and_what_is_not_due_is_left_out():
    tables = tables_of({"tickets": complaints()}, PERIOD)
    rows = complaint_loop(tables, SETTINGS).set_index("step")
    assert rows["complaints"].to_dict() == {"accepted": 4, "analysed": 3, "solved": 4, "called_back": 2}
    assert (rows.loc["called_back", "due"], rows.loc["called_back", "in_time"]) == (3, 1)
    assert rows.loc["called_back", "median"] == 72.0
    table = loop_table(tables, SETTINGS)
    assert table.title.render(EDITIONS[0]) == "1 of 3 solved complaints were called back within 48 hours"
    assert "since no event notes it" in table.note.render(EDITIONS[0]) and table.bundle(EDITIONS)["n_rows"] == 4


def test_the_log_says_when_a_complaint_was_analysed():
    events = pd.DataFrame({"ticket_id": ["a", "e"], "happened_at": "2025-11-03 12:00", "activity": ["分析", "Analysis"]})
    tables = tables_of({"tickets": complaints(), "ticket_events": events}, PERIOD)
    rows = complaint_loop(tables, SETTINGS).set_index("step")
    assert (rows.loc["analysed", "complaints"], rows.loc["analysed", "median"]) == (1, 3.0)


def test_a_client_without_complaints_is_told():
    frame = complaints().assign(topic="使用")
    assert "complaint_topics" in loop_table(tables_of({"tickets": frame}, PERIOD), SETTINGS).why.render(EDITIONS[0])
    assert loop_table(tables_of({}, PERIOD), SETTINGS).missing


def test_a_solution_holds_where_nobody_comes_back(run):
    tickets = pd.DataFrame(
        {"ticket_id": list("123456"), "customer_id": ["a", "a", "b", "c", "d", "e"], "topic": "使用",
         "opened_at": ["2025-10-03", "2025-10-20", "2025-10-03", "2025-10-03", "2025-10-03", "2025-12-20"],
         "resolved_at": ["2025-10-04", "2025-10-21", "2025-10-04", "2025-10-04", None, "2025-12-21"],
         "reopened": [0, 0, 1, 0, 0, 0]}
    )  # fmt: skip
    events = pd.DataFrame({"ticket_id": ["1", "3"], "happened_at": "2025-10-03", "activity": ["Template", "模板回复"]})
    customers = {"customer_id": list("abcde")}
    found = run(service_checks, {"tickets": tickets, "customers": customers, "ticket_events": events}, SETTINGS)
    first, template = found["service.first_contact"], found["service.template"]
    # solved long enough ago: 1 (came back), 2, 3 (opened again), 4
    assert (first.figure, first.n, first.customers) == (0.5, 4, ("a", "b"))
    assert (template.figure, template.n, template.customers) == (1.0, 2, ("a", "b"))


def test_templates_sent_for_the_hard_topics_are_not_blamed_for_them(run):
    """Within each topic both fail alike; templates go to the hard one mostly."""
    cases = [(topic, by_template, bad) for topic, share in (("hard", 0.5), ("easy", 0.1))
             for by_template, n in ((True, 180 if topic == "hard" else 20), (False, 20 if topic == "hard" else 180))
             for bad in np.arange(n) < share * n]  # fmt: skip
    tickets = pd.DataFrame(cases, columns=["topic", "template", "reopened"])
    names = tickets.index.astype(str)
    tickets = tickets.assign(ticket_id=names, customer_id=names, opened_at="2025-10-03 09:00", resolved_at="2025-10-04 09:00")
    tickets["reopened"] = tickets["reopened"].astype(int)
    events = tickets.loc[tickets["template"], ["ticket_id"]].assign(happened_at="2025-10-03", activity="template")
    frames = {"tickets": tickets.drop(columns="template"), "ticket_events": events}
    frames |= {"customers": tickets[["customer_id"]]}
    found = run(service_checks, frames, SETTINGS)["service.template"]
    assert found.figure == pytest.approx(0, abs=1e-12) and found.low < 0 < found.high and found.n == 200
    apart = frames | {"tickets": frames["tickets"].assign(topic=np.where(tickets["template"], "hard", "easy"))}
    why = run(service_checks, apart, SETTINGS)["service.template"].why.render(EDITIONS[0])
    assert why.startswith("No topic was answered both")


def test_the_clients_own_word_on_service_levels_is_counted(run):
    tickets = pd.DataFrame(
        {"ticket_id": list("1234"), "customer_id": list("abcd"), "opened_at": "2025-10-03",
         "in_time": [True, False, False, None]}
    )  # fmt: skip
    found = run(service_checks, {"tickets": tickets}, SETTINGS)["service.missed_level"]
    assert (found.figure, found.n) == (pytest.approx(2 / 3), 3)


@pytest.mark.long
def test_servicenow_misses_its_service_levels_as_published(tmp_path):
    """oracles.md: 24,918 incidents in 141,712 events, service level missed for 36.58 % on final events."""
    folder = DATA / "servicenow_incidents"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    period = Period.parse("2017H1")
    open_client(tmp_path, "servicenow", folder, period=period)
    own = {"id": "whole_log", "module": "service", "limit": 0.1, "sql": "select customer_id, not in_time as hit from tickets",
           "needs": ["tickets.in_time"], "measure": "m", "problem": "p", "cause": "c"}  # fmt: skip
    settings = read_settings(tmp_path, "servicenow", period, {"diagnosis.checks": [own]})
    prepared = prepare(tmp_path, "servicenow", period, settings)
    assert prepared.row_ledger.set_index("table").loc["ticket_events", "rows_in"] == 141_712
    found = diagnose(prepared.tables, build_profile(prepared.tables, settings).frame, settings)
    finding = found.found("service.own.whole_log")
    assert (finding.n, round(finding.figure, 4)) == (24_918, 0.3658)
    log = process_map(prepared.tables)
    assert {"New", "Active", "Resolved", "Closed"} <= set(log.states["state"])
