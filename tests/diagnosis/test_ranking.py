"""The written rule: what moves a score, how firm a priority is, what became of earlier problems; checks of one's own."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.catalogue import DECLARED, checks_in_words, declared, effort
from workbook.diagnosis.finding import Finding, Words, proportion_interval
from workbook.diagnosis.problems import diagnose
from workbook.diagnosis.ranking import (
    certainty,
    effort_factor,
    leading,
    priority,
    progress,
    score_of,
    stability,
    trend_since,
    urgency_factor,
)  # fmt: skip
from workbook.errors import WorkbookError
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.checks import check
from workbook.settings.checks import check as check_settings
from workbook.settings.diagnosing import CHECK_IDS
from workbook.settings.explain import all_keys
from workbook.settings.models import Settings
from workbook.strategy.measures import measure_for, read_measures
from workbook.strategy.plan import plan_measures
from workbook.tables import SCHEMAS, tables_of

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
WORDS = Words(named("measure"), named("problem"), named("cause"))


def finding(figure=0.4, low=0.35, high=0.45, threshold=0.1, direction="above", check="service.reopened"):
    return Finding(check, "service", WORDS, figure, "share", low, high, 400, threshold, direction, (), 0.0)


def settings(**diagnosis):
    return Settings(client={"name": "Test"}, diagnosis=diagnosis)


def test_urgency_and_effort_are_factors_and_the_score_ends_at_one():
    gravity = 1 - 0.5 * 0.25
    assert score_of(finding(), 0.5, 1.0, 1.0, 0.95) == pytest.approx(gravity)
    assert score_of(finding(), 0.5, 1.1, 0.95, 0.95) == pytest.approx(gravity * 1.1 * 0.95)
    assert score_of(finding(figure=1.0, low=0.9, high=1.0), 1.0, 1.2, 1.1, 0.95) == 1.0


@pytest.mark.parametrize("direction, figure, threshold", [("above", 0.2, 0.15), ("below", 0.8, 0.85)])
def test_certainty_is_what_draws_from_the_posterior_say(direction, figure, threshold):
    n, level = 150, 0.95
    low, high = proportion_interval(figure * n, n, level)
    found = finding(figure, low, high, threshold, direction)
    draws = np.random.default_rng(1).beta(figure * n + 0.5, (1 - figure) * n + 0.5, 200_000)
    passed = np.mean(draws > threshold if direction == "above" else draws < threshold)
    assert certainty(found, level) == pytest.approx(2 * passed - 1, abs=0.05)
    assert certainty(finding(0.1, 0.05, 0.15, 0.1), level) == 0.0


def test_problems_of_one_remedy_stand_together_under_the_first():
    ranked = pd.DataFrame({"check": ["information.complete.email", "service.repeat", "needs.depth", "service.reopened",
                                     "information.complete.phone", "service.own.mine"]})  # fmt: skip
    assert leading(ranked, settings()).tolist() == [
        "information.complete.email", "service.repeat", "needs.depth", "service.repeat", "information.complete.email",
        "service.own.mine",
    ]  # fmt: skip
    own = settings(checks=[OWN | {"id": "mine", "family": "solutions"}])
    assert leading(ranked, own).tolist()[-1] == "service.repeat"
    assert "family  solutions" in checks_in_words({"x.sql": own.diagnosis.checks}).split("service.own.mine")[1]


def test_factors_come_from_the_settings():
    chosen = settings(priority={"worse": 1.5, "effort": {"service.reopened": "large"}, "large": 0.7})
    assert urgency_factor("worse", chosen) == 1.5
    assert urgency_factor("unclear", chosen) == urgency_factor("none", chosen) == 1.0
    assert effort_factor("service.reopened", chosen) == 0.7
    assert effort_factor("information.complete.email", chosen) == 1.0


def test_a_priority_far_from_every_cut_is_firm_and_one_at_a_cut_is_not():
    assert stability(finding(figure=0.95, low=0.93, high=0.97), 0.9, 1.0, 1.0, settings()) == 1.0
    at_the_cut = finding(figure=0.15, low=0.13, high=0.17)
    borderline = stability(at_the_cut, 0.4, 1.0, 1.0, settings())
    assert priority(score_of(at_the_cut, 0.4, 1.0, 1.0, 0.95), settings()) == "high"
    assert borderline < 7 / 9


@pytest.mark.parametrize(
    "figure, direction, expected",
    [(0.6, "above", "worse"), (0.2, "above", "better"), (0.42, "above", "unclear"), (0.6, "below", "better")],
)
def test_trend_is_told_by_the_interval_of_the_change(figure, direction, expected):
    earlier = pd.DataFrame([finding(direction=direction).row])
    now = finding(figure=figure, low=figure - 0.05, high=figure + 0.05, direction=direction)
    assert trend_since(now, earlier, 0.95) == expected
    assert trend_since(now, None, 0.95) == "none"


def test_what_became_of_each_earlier_problem_is_told():
    earlier = pd.DataFrame([finding(check=check).row for check in ("a", "b", "c", "d")])
    now = [finding(0.05, 0.03, 0.08, check="a"), finding(0.2, 0.18, 0.22, check="b"), finding(check="c")]
    trends = {f.check: trend_since(f, earlier, 0.95) for f in now}
    assert progress(now, trends, earlier)["status"].tolist() == ["solved", "better", "open", "not_measured"]
    assert progress(now, trends, None).empty


def frames():
    tickets = pd.DataFrame(
        {
            "ticket_id": [str(i) for i in range(100)], "customer_id": [f"C{i % 50}" for i in range(100)],
            "opened_at": "2025-11-03 09:00", "channel": ["web"] * 60 + ["phone"] * 40,
        }
    )  # fmt: skip
    return {"tickets": tickets, "customers": pd.DataFrame({"customer_id": [f"C{i}" for i in range(50)]})}


OWN = {
    "id": "by_phone", "module": "service", "measure": {"en": "Tickets by phone", "zh": "电话工单"}, "limit": 0.1,
    "problem": {"en": "Too many calls", "zh": "电话过多"}, "cause": {"en": "The page is hard to find", "zh": "页面难找"},
    "needs": ["tickets.channel"], "sql": "select customer_id, channel = 'phone' as hit from tickets where opened_at >= $start",
    "effort": "small",
}  # fmt: skip


def run(own, tables=None, **more):
    profile = pd.DataFrame({"customer_id": [f"C{i}" for i in range(50)], "revenue": 10.0})
    return diagnose(tables_of(frames() if tables is None else tables, PERIOD), profile, settings(checks=[own]), **more)


def test_a_check_of_the_consultants_own_ranks_with_the_others():
    found = run(OWN)
    row = found.problems.set_index("check").loc["service.own.by_phone"]
    assert (row["figure"], row["n"], row["customers"]) == (0.4, 100, 40)
    assert (row["problem_zh"], row["effort"], row["status"]) == ("电话过多", "small", "new")
    assert "Tickets by phone" in str(found.module_table("service").bundle(EDITIONS))
    assert measure_for("service.own.by_phone", read_measures()).id == "clarify"


def test_a_check_of_the_consultants_own_says_what_it_lacks():
    found = run(OWN, tables={"customers": frames()["customers"]})
    assert [m.missing for m in found.not_measured if m.id == "diagnosis.service.own.by_phone"] == [("tickets.channel",)]


@pytest.mark.parametrize(
    "sql, said",
    [
        ("select customer_id from tickets", "no column hit"),
        ("select nothing from tickets", "diagnosis.checks.by_phone.sql: Binder Error"),
        ("delete from tickets", "diagnosis.checks.by_phone.sql: Parser Error"),
    ],
)
def test_a_query_at_fault_is_named_with_its_place(sql, said):
    with pytest.raises(WorkbookError, match=said):
        run(OWN | {"sql": sql})


def test_a_need_that_is_no_column_is_a_fault_of_the_settings():
    chosen = settings(checks=[OWN | {"needs": ["tickets.chanel"]}, OWN])
    assert len(check_settings(chosen)) == 2  # the id stands twice, the column is unknown


def test_the_table_of_ranking_and_of_progress_render():
    first = run(OWN)
    again = run(OWN, previous=first.problems, previous_findings=first.findings)
    assert again.problems["status"].tolist() == ["open"] * len(again.problems)
    for table in (first.ranking_table(), first.progress_table(), again.ranking_table(), again.progress_table()):
        table.bundle(EDITIONS)
    assert isinstance(first.progress_table(), NotMeasured)
    assert again.progress["status"].tolist() == ["open"] * len(again.progress)


def test_a_solved_problem_closes_the_list_that_the_client_keeps():
    first = run(OWN)
    earlier = first.problems
    again = run(OWN | {"limit": 0.6}, previous=earlier, previous_findings=first.findings)
    assert "service.own.by_phone" not in set(again.problems["check"])
    gone = again.gone_problems
    assert gone[["check", "status", "priority"]].to_numpy().tolist() == [
        ["service.own.by_phone", "solved", earlier.set_index("check").loc["service.own.by_phone", "priority"]]
    ]  # fmt: skip
    assert "40.0%" in gone["evidence_en"].iloc[0]
    period = Period.parse("2025Q4")
    sheet = plan_measures(again.problems, settings(), period).problem_sheet(gone)
    assert sheet.frame["status"].tolist() == [*again.problems["status"], "solved"]
    assert sheet.frame["no"].is_unique
    assert "已解决" in str(sheet.bundle(EDITIONS))
    assert run(OWN).gone_problems.empty and plan_measures(again.problems, settings(), period).problem_sheet(first.gone_problems)
    without = run(OWN, tables={"customers": frames()["customers"]}, previous=earlier, previous_findings=first.findings)
    assert without.gone_problems["status"].tolist() == ["not_measured"]


def test_every_check_is_declared_with_tables_and_a_parameter_that_exist():
    profile = pd.DataFrame({"customer_id": pd.Series([], dtype="str"), "revenue": []})
    nothing = diagnose(tables_of({}, PERIOD), profile, settings())
    for missing in nothing.not_measured:
        assert declared(missing.id.removeprefix("diagnosis.")), missing.id
    keys = set(all_keys())
    for one in DECLARED:
        assert one.limit in keys and set(one.rests_on) <= keys
        for name in (part for need in one.needs for part in need.split("|")):
            table, _, column = name.partition(".")
            assert table in SCHEMAS and (not column or column == "<field>" or column in SCHEMAS[table].columns), name
        assert one.id in checks_in_words()
    assert effort("service.callback", settings()) == "small"


def test_settings_may_name_every_check_and_no_other():
    assert {one.id for one in DECLARED} == {*CHECK_IDS, "information.complete.<field>"}
    assert not check(settings(limit_sources={"information.complete": "x", "information.complete.phone": "x"}))
    assert not check(settings(own_history=["service.reopened", "information.complete.phone"]))
    assert [fault.path for fault in check(settings(own_history=["service.reopend"]))] == [("diagnosis", "own_history", 0)]
    wrong = check(settings(limit_sources={"service.callbak": "x"}, priority={"effort": {"needs.dept": "small"}}))
    assert [(fault.path[-1], fault.hint) for fault in wrong] == [
        ("needs.dept", "did you mean 'needs.depth'?"), ("service.callbak", "did you mean 'service.callback'?"),
    ]  # fmt: skip
