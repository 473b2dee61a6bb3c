"""SQL in the settings that cannot be run is told before anything runs, with its place and without the engine's own lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbook.cli import app
from workbook.errors import SettingsError
from workbook.expressions import bad_expressions, check_expressions
from workbook.period import Period
from workbook.run.execute import run_periods
from workbook.settings.models import Settings

Q4 = Period.parse("2025Q4")
ENGAGEMENT = """\
client: {name: Acme}
scope:
  where: regoin = '上海'
tags:
  - id: busy
    name: Busy
    rule: ordres >= 3
grading:
  indices:
    - {id: revenue, name: R, source: sum(revenue), group: financial}
    - {id: growth, name: G, source: revenue_period - revenue_previos, group: potential}
    - {id: recency, name: D, source: recency_days, group: risk, direction: cost}
  events:
    - {id: order, name: O, facts: {revenue: "coalesce(revenue, 0) + amuont", growth: growth + amount, recency_days: "0"}}
    - {id: loss, name: L, facts: {region: "1", own_rating: own_rating - 1, revenu: "1"}}
pilots:
  - id: p
    name: P
    starts: 2025-10-01
    ends: 2025-12-31
    groups: kind =
    metrics:
      - {id: spend, name: S, margin: 1, source: "(select sum(amnt) from orders where customer_id = unit.customer_id)"}
      - {id: sound, name: S, margin: 1, source: "(select sum(amount) from orders o where o.customer_id = unit.customer_id
         and o.ordered_at >= $first_day)"}
next_pilot:
  groups: tickets >= 1 and score > 60 and tier = 'gold' and random() < 0.5
  strata: [tier, distrct]
"""
FAULTS = [
    (3, "scope.where", "\"regoin = '上海'\", in which there is no column 'regoin'"),
    (7, "tags.busy.rule", "'ordres >= 3', in which there is no column 'ordres'"),
    (10, "grading.indices.revenue.source", "'sum(revenue)', which gives one value for all"),
    (11, "grading.indices.growth.source", "'revenue_period - revenue_previos', in which there is no column 'revenue_previos'"),
    (14, "grading.events.order.facts.revenue", "'coalesce(revenue, 0) + amuont', in which there is no column 'amuont'"),
    (15, "grading.events.loss.facts.own_rating", "'own_rating - 1', in which there is no column 'own_rating'"),
    (21, "pilots.p.groups", "'kind =', which breaks off"),
    (23, "pilots.p.metrics.spend.source",
     "'(select sum(amnt) from orders where customer_id = unit.customer_id)', in which there is no column 'amnt'"),
    (27, "next_pilot.groups",
     "\"tickets >= 1 and score > 60 and tier = 'gold' and random() < 0.5\", in which random changes from run to run"),
    (28, "next_pilot.strata.2", "'distrct'"),
    (15, "grading.events.loss.facts.region", "'region'"),
    (15, "grading.events.loss.facts.own_rating", "'own_rating'"),
    (15, "grading.events.loss.facts.revenu", "'revenu'"),
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "params" / "acme"
    folder.mkdir(parents=True)
    (folder / "engagement.yaml").write_text(ENGAGEMENT)
    (folder / "2025Q4.yaml").write_text("")
    return tmp_path


def test_every_bad_expression_is_told_with_its_place(home):
    found = check_expressions(home, "acme", [Q4])
    assert [(p.line, p.key, p.found) for p in found] == FAULTS
    assert {p.file for p in found} == {"params/acme/engagement.yaml"}
    assert not [p for p in found if "\n" in str(p) or "LINE" in str(p) or "Error" in str(p)]
    hints = {p.key: p.hint for p in found}
    assert hints["grading.events.order.facts.revenue"] == "did you mean 'amount'?"
    assert hints["grading.events.loss.facts.revenu"] == "did you mean 'revenue'?"
    assert hints["scope.where"] == "did you mean 'region'?"
    assert hints["tags.busy.rule"] == "did you mean 'orders'?"
    assert hints["pilots.p.metrics.spend.source"] == "did you mean 'amount'?"


def test_check_tells_them_all_and_asks_for_no_delivery(home):
    done = CliRunner().invoke(app, ["--home", str(home), "check", "acme", "--json"])
    assert done.exit_code == 1
    assert [(e["line"], e["key"]) for e in json.loads(done.stdout)["errors"]] == [(line, key) for line, key, _ in FAULTS]


def test_a_run_tells_them_before_any_kernel(home, monkeypatch):
    folder = home / "data" / "acme" / "2025Q4"
    folder.mkdir(parents=True)
    (folder / "o.csv").write_text("id,day\n1,2025-10-01\n")
    (home / "params" / "acme" / "2025Q4.yaml").write_text(
        "sources: [{table: orders, file: o.csv, columns: {order_id: id, ordered_at: day}}]\n"
    )
    monkeypatch.setattr("workbook.run.execute.client_lock", lambda *_: pytest.fail("the run began"))
    with pytest.raises(SettingsError) as caught:
        run_periods(home, "acme", [Q4], overrides={"tags.busy.rule": "orders > $limit"})
    assert len(caught.value.problems) == len(FAULTS)
    assert "overrides: tags.busy.rule: found 'orders > $limit', in which nothing is known of $limit" in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "nothing"),
        ("orders >", "which breaks off"),
        ("orders > 1;", 'syntax error at or near ";"'),
        ("orders > 1; drop table profile", 'syntax error at or near ";"'),
        ("orders > 1) or (1 = 1", "closes a bracket that it did not open"),
        ("foo(orders) > 1", "there is no function 'foo'"),
        ("a.orders > 1", "there is no table 'a'"),
        ("orders > (select max(x) from elsewhere)", "there is no table 'elsewhere'"),
        ("region in (select column0 from read_csv('/etc/passwd'))", "reaches for a file"),
        ("customer_id in (select * from '/etc/passwd')", "there is no table '/etc/passwd'"),
        ("current_date > created_at", "current_date changes from run to run"),
        ("NOW() > created_at", "now changes from run to run"),
        ("max(orders) > 1", "cannot contain aggregates"),
        ("{orders", "breaks off"),
        ("orders > 1 /* open", "of which SQL says"),
        ("name = 'A'", "there is no column 'name'"),
        ("phone is null", "there is no column 'phone'"),
    ],
)
def test_a_bad_rule_is_refused(rule, said):
    settings = Settings.model_validate({"client": {"name": "A"}, "tags": [{"id": "x", "name": "X", "rule": rule}]})
    (fault,) = bad_expressions(settings)
    assert fault.path == ("tags", 0, "rule")
    assert said in fault.found
    assert "condition over the columns of the profile" in fault.expected or "mean the same" in fault.expected


@pytest.mark.parametrize(
    "rule",
    ["orders > 1 -- a word", "region = 'now()'", "kind in ('person', 'a;b')", "orders > (select avg(orders) from profile)",
     "last_order_at >= date '2025-01-01'", "regexp_matches(region, '^[(]')"],
)  # fmt: skip
def test_a_sound_rule_passes(rule):
    settings = Settings.model_validate({"client": {"name": "A"}, "tags": [{"id": "x", "name": "X", "rule": rule}]})
    assert bad_expressions(settings) == []


def test_the_settings_of_the_package_pass(home):
    assert bad_expressions(Settings.model_validate({"client": {"name": "A"}})) == []
    root = Path(__file__).parents[1]
    assert check_expressions(root, "demo", [Q4]) == []
    assert check_expressions(root, "complete-journey", [Period.parse("2017Q4")]) == []


@pytest.mark.parametrize(
    "starter", sorted(p.stem for p in (Path(__file__).parents[1] / "templates/engagements").glob("*.yaml"))
)
def test_the_starters_of_the_package_pass(home, starter):
    (home / "params" / "acme" / "engagement.yaml").write_text(f"client: {{name: Acme}}\ntemplate: {starter}\n")
    assert check_expressions(home, "acme", [Q4]) == []
