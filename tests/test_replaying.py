"""Given grades follow from the ledger alone, to the same bytes, with an event, an appeal and a grade set by hand between."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from workbook.accepting import append
from workbook.appeals import enter as enter_appeals
from workbook.appeals import write_form
from workbook.cli import app
from workbook.errors import WorkbookError
from workbook.events import enter as enter_events
from workbook.grading.policy import past_of
from workbook.grading.score import grade
from workbook.ledger import ledger_file, read_ledger
from workbook.period import Period
from workbook.replaying import replay, replay_words
from workbook.settings.models import GradeRule, Grading, Override
from workbook.store import Store

PERIODS = tuple(Period.parse(name) for name in ("2025Q2", "2025Q3", "2025Q4", "2026Q1"))
TODAY = dt.date(2026, 5, 4)
BY = "sales director"
HAND = Override(customer="c005", tier="diamond", reason="Founding partner", author="board", until=dt.date(2026, 12, 31))


def profile_of(rng: np.random.Generator, strength: np.ndarray) -> pd.DataFrame:
    n = len(strength)
    orders = rng.poisson(strength) + 1
    return pd.DataFrame({
        "customer_id": [f"c{k:03d}" for k in range(n)], "orders": orders, "revenue": orders * rng.lognormal(4, 0.9, n),
        "recency_days": rng.integers(0, 365, n), "categories": np.minimum(orders, rng.integers(1, 9, n)),
        "revenue_period": 10.0, "revenue_previous": rng.uniform(0, 50, n),
    })  # fmt: skip


def give(home: Path, period: Period, before: Period | None, profile: pd.DataFrame, settings: Grading) -> None:
    """Grade a period on what the ledger holds, publish it and accept it, as run and ``workbook accept`` do."""
    ledger = {kind: read_ledger(home, "demo", kind, before=period) for kind in ("grades", "policies", "events", "appeals")}
    past = None
    if before is not None:
        earlier = Store(home / "outputs/demo" / before.name / "tables")
        changes = (ledger["events"], ledger["appeals"])
        past = past_of(earlier.read("scores"), earlier.read("grade_policy"), ledger["grades"], ledger["policies"], changes,
                       periods=(before, period))  # fmt: skip
    found = grade(profile, settings, period=period, past=past)
    store = Store(home / "outputs/demo" / period.name / "tables")
    for name, what in (("profile", profile), ("scores", found.frame), ("grade_policy", found.policy.json)):
        store.write(name, what)
    given = found.frame[["customer_id", "tier", "score", "waiting", "held"]].assign(period=period.name)
    content = pd.DataFrame([{"number": found.policy.number, "since": found.policy.since, "cause": found.policy.cause,
                             "content": json.dumps(found.policy.json, sort_keys=True)}])  # fmt: skip
    append(home, "demo", period, {"grades": given, "policies": content}, on=period.end, by=BY)


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four periods: an event after the second, an appeal after the third, a grade set by hand in the last."""
    home = tmp_path_factory.mktemp("decided")
    params = home / "params/demo"
    params.mkdir(parents=True)
    (params / "engagement.yaml").write_text("client: {name: Demo}\n")
    for period in PERIODS:
        (params / f"{period.name}.yaml").write_text("")
    rng = np.random.default_rng(7)
    strength = rng.gamma(1.5, 4, 200)
    steady = profile_of(rng, strength)
    profiles = [steady.assign(revenue=steady["revenue"] * rng.lognormal(0, 0.1, len(steady))) for _ in PERIODS]
    give(home, PERIODS[0], None, profiles[0], Grading())
    give(home, PERIODS[1], PERIODS[0], profiles[1], Grading())
    event = home / "events.csv"
    event.write_text("customer,date,kind\nc011,2025-10-20,strategic_contract\n")
    assert enter_events(home, "demo", event, today=TODAY, by=BY).ok
    give(home, PERIODS[2], PERIODS[1], profiles[2], Grading())
    openpyxl = pytest.importorskip("openpyxl")
    form = home / "appeals.xlsx"
    write_form(home, "demo", ["c042"], form, "en")
    book = openpyxl.load_workbook(form)
    sheet = book.worksheets[1]
    heads = [str(cell.value).split(":")[0].split("(")[0].strip() for cell in sheet[1]]
    told = {"raised_on": "2026-01-10", "about": "A year of orders was booked to the parent", "frequency": 60, "revenue": 90000,
            "decision": "upheld", "reason": "Invoices seen", "author": BY, "decided_on": "2026-01-20"}  # fmt: skip
    for name, value in told.items():
        sheet.cell(2, heads.index(name) + 1, value)
    book.save(form)
    assert enter_appeals(home, "demo", form, today=TODAY, by=BY).ok
    give(home, PERIODS[3], PERIODS[2], profiles[3], Grading(overrides=[HAND]))
    return home


@pytest.fixture
def alone(decided: Path, tmp_path: Path) -> Path:
    """A home that holds the ledger and nothing else."""
    shutil.copytree(decided / "data/demo/ledger", tmp_path / "data/demo/ledger")
    return tmp_path


def test_given_grades_are_built_again_from_the_ledger_alone_to_the_same_bytes(alone, tmp_path):
    built = replay(alone, "demo")
    assert [one.period for one in built] == list(PERIODS) and all(one.ok for one in built), replay_words("demo", built)
    assert [one.policy for one in built] == [1, 1, 1, 2]
    assert [one.changes for one in built] == [0, 0, 1, 1]  # the event, then the appeal
    assert built[3].grades.set_index("customer_id").loc["c005", "tier"] == "diamond"
    assert built[3].grades.set_index("customer_id").loc["c005", "held"] != "diamond"
    again = tmp_path / "again"
    for one in built:
        append(again, "demo", one.period, {"grades": one.grades}, on=one.period.end, by=BY)
    assert ledger_file(again, "demo", "grades").read_bytes() == ledger_file(alone, "demo", "grades").read_bytes()


def test_event_and_appeal_matter_and_without_them_grades_no_longer_follow(alone):
    for kind, period in (("events", PERIODS[2]), ("appeals", PERIODS[3])):
        file = ledger_file(alone, "demo", kind)
        kept = file.read_bytes()
        file.unlink()
        found = {one.period: one for one in replay(alone, "demo")}
        assert not found[period].ok and set(found[period].differences["customer_id"]) <= {"c011", "c042"}
        file.write_bytes(kept)
        assert all(one.ok for one in replay(alone, "demo"))


def test_the_command_says_what_follows_and_exits_1_where_something_does_not(alone):
    call = ["--home", str(alone), "replay", "demo"]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0, done.output
    assert (
        "2025Q4  200 grades  policy 1, from 2025Q3 with 1 changed by events and appeals: follow from the ledger" in done.output
    )
    ledger_file(alone, "demo", "events").unlink()
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 1 and "do not follow" in done.output and "c011" in done.output
    ledger_file(alone, "demo", "policies").unlink()
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 1 and "cannot be built again: no policy was accepted" in done.output


def test_rules_over_the_profile_are_told_apart_and_a_ledger_without_grades_is_refused(decided, tmp_path):
    with pytest.raises(WorkbookError, match="found no accepted grades"):
        replay(tmp_path, "demo")
    home = tmp_path / "ruled"
    shutil.copytree(decided / "params", home / "params")
    profile = profile_of(np.random.default_rng(3), np.full(60, 4.0))
    floor = GradeRule(id="vip", name="VIP", when="revenue > 300", at_least="gold", reason="Board", author="board")
    give(home, PERIODS[0], None, profile, Grading(rules=[floor]))
    (one,) = replay(home, "demo")
    assert one.ok and one.by_rules > 0 and "by rules over the profile" in replay_words("demo", (one,))
