"""The commands: exit codes, what goes to which stream, and never a traceback where a person can mend it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbook.cli import app
from workbook.errors import DeliveryError, StageFailed
from workbook.places import notebooks_folder
from workbook.run import execute
from workbook.run.events import Event
from workbook.run.execute import RunResult
from workbook.sources import prepare
from workbook.stages import STAGES

DEFAULTS = (None, False, 3600.0, None)
ENGAGEMENT = """\
client: {name: Demo}
languages: [en]
sources:
  - {table: orders, file: o.csv, columns: {order_id: id, ordered_at: day}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "params" / "demo"
    folder.mkdir(parents=True)
    (folder / "engagement.yaml").write_text(ENGAGEMENT)
    (folder / "2025Q3.yaml").write_text("")
    (folder / "2025Q4.yaml").write_text("")
    return tmp_path


@pytest.fixture
def workbook(home):
    def call(*words: str):
        return CliRunner().invoke(app, ["--home", str(home), *words])

    return call


@pytest.fixture
def runs(home, monkeypatch):
    """Runs are recorded instead of executed."""
    seen = []

    def run_periods(home, client, periods, *, stages, overrides, engine, force, timeout, memory, lanes, echo):
        seen.append((client, [p.name for p in periods], stages, overrides, (engine, force, timeout, memory)))
        echo(Event("begun", client, periods[0].name))
        if client == "broken":
            raise StageFailed("broken 2025Q4: 3_diagnose failed")
        return [RunResult(client, p, home, (home / f"{p.name}.html",), (), 1.0) for p in periods]

    monkeypatch.setattr(execute, "run_periods", run_periods)
    return seen


def test_run_takes_every_period_of_the_client_and_prints_only_the_reports(workbook, runs, home):
    done = workbook("run", "demo")
    assert done.exit_code == 0
    assert runs == [("demo", ["2025Q3", "2025Q4"], None, {}, DEFAULTS)]
    assert done.stdout == f"{home / '2025Q3.html'}\n{home / '2025Q4.html'}\n"
    assert "demo 2025Q3  begun" in done.stderr


def test_run_of_all_periods_leaves_those_out_that_wait_for_their_delivery(workbook, runs, home):
    (home / "data" / "demo" / "2025Q3").mkdir(parents=True)
    done = workbook("run", "demo")
    assert [periods for _, periods, *_ in runs] == [["2025Q3"]]
    assert "demo 2025Q4  waiting        no delivery yet, left out" in done.stderr
    workbook("run", "demo", "2025Q4")
    assert runs[-1][1] == ["2025Q4"]  # asked for by name, it is run and fails with what to deliver


def test_a_gap_between_deliveries_is_not_left_out(workbook, runs, home):
    (home / "data" / "synthetic" / "demo" / "2025Q4").mkdir(parents=True)
    workbook("run", "demo")
    assert runs[0][1] == ["2025Q3", "2025Q4"]


def test_run_passes_periods_stages_and_parameters_on(workbook, runs):
    words = ("run", "demo", "2025Q4", "--stage", "4_strategy", "--stage", "5", "--set", "grading.rfm.bins=4")
    assert workbook(*words, "--set", "languages=[zh]").exit_code == 0
    assert runs == [("demo", ["2025Q4"], ["4_strategy", "5"], {"grading.rfm.bins": "4", "languages": ["zh"]}, DEFAULTS)]
    limits = ("--engine", "papermill", "--force", "--timeout", "60", "--memory", "500")
    workbook("run", "demo", "2025Q4", *limits)
    assert runs[-1][-1] == ("papermill", True, 60.0, 500)
    workbook("run", "demo", "2025Q4", "--timeout", "0")
    assert runs[-1][-1] == (None, False, None, None)


def test_run_all_goes_on_after_a_client_that_fails(workbook, runs, home):
    for name in ("broken", "apart"):
        (home / "params" / name).mkdir()
        (home / "params" / name / "engagement.yaml").write_text(ENGAGEMENT)
    for period in ("2025Q3", "2025Q4"):
        (home / "params" / "broken" / f"{period}.yaml").write_text("")
    done = workbook("run", "--all", "--jobs", "1")
    assert done.exit_code == 3
    assert [client for client, *_ in runs] == ["broken", "demo"]
    assert "broken 2025Q4: 3_diagnose failed" in done.stderr
    assert "params/apart: found no period" in done.stderr
    assert "2025Q4.html" in done.stdout
    assert [line.split()[:3] for line in done.stderr.splitlines()[-6:]] == [
        ["client", "period", "state"],
        ["apart", "–", "failed"],
        ["broken", "2025Q3", "failed"],
        ["broken", "2025Q4", "not"],
        ["demo", "2025Q3", "published"],
        ["demo", "2025Q4", "published"],
    ]


def test_run_takes_several_clients_and_all_that_have_a_period(workbook, runs, home):
    (home / "params" / "acme").mkdir()
    (home / "params" / "acme" / "engagement.yaml").write_text(ENGAGEMENT)
    (home / "params" / "acme" / "2025Q4.yaml").write_text("")
    assert workbook("run", "demo,acme", "2025Q4", "--jobs", "1").exit_code == 0
    assert workbook("run", "--all", "2025Q3", "--jobs", "1").exit_code == 0
    assert workbook("run", "--all", "2025Q3", "2025Q4", "--jobs", "1").exit_code == 0
    assert [(client, periods) for client, periods, *_ in runs] == [
        ("demo", ["2025Q4"]), ("acme", ["2025Q4"]), ("demo", ["2025Q3"]), ("acme", ["2025Q4"]), ("demo", ["2025Q3", "2025Q4"]),
    ]  # fmt: skip


def test_run_tells_programs_each_step_as_json_and_nothing_else(workbook, runs):
    done = workbook("run", "demo", "2025Q4", "--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"kind": "begun", "client": "demo", "period": "2025Q4"}]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "dem"), 1, "did you mean 'demo'"),
        (("run", "../demo"), 1, "small letters"),
        (("run", "demo", "2024Q1"), 1, "expected one of 2025Q3, 2025Q4"),
        (("run", "demo", "soon"), 2, "expected 2025Q4, 2025-11, 2025H2 or 2025"),
        (("run",), 2, "expected a client, or --all"),
        (("run", "demo", "--all"), 2, "expected a client, or --all"),
        (("run", "demo", "--scheduler", "nowhere"), 2, "found no scheduler at 'nowhere'"),
        (("run", "demo", "--set", "x"), 2, "expected KEY=VALUE"),
        (("check",), 2, "Missing argument"),
        (("nothing",), 2, "No such command"),
        (("explain", "nothing.at.all"), 2, "expected a key of the settings"),
        (("next", "demo"), 1, "workbook run demo"),
        (("lab", "demo", "2020Q1", "--dry-run"), 1, "did you mean"),
        (("synth", "../x"), 2, "small letters"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_exit_codes_and_one_message(workbook, runs, words, code, said):
    done = workbook(*words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_home_that_is_not_there_is_wrong_usage(tmp_path):
    assert CliRunner().invoke(app, ["--home", str(tmp_path / "none"), "list"]).exit_code == 2


def test_a_fault_of_the_system_and_a_stop_are_told_in_a_line(workbook, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device", "/somewhere")

    def stopped(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(execute, "run_periods", full)
    done = workbook("run", "demo")
    assert done.exit_code == 1
    assert done.stderr.startswith("/somewhere: the disk is full") and len(done.stderr.splitlines()) == 1
    monkeypatch.setattr(execute, "run_periods", stopped)
    done = workbook("run", "demo")
    assert done.exit_code == 130
    assert "stopped" in done.stderr


def test_check_tells_every_fault_at_once_as_words_and_as_json(workbook, home):
    (home / "params" / "demo" / "2025Q4.yaml").write_text("seed: x\ncurency: CNY\n")
    done = workbook("check", "demo")
    assert done.exit_code == 1
    assert "params/demo/2025Q4.yaml:1: seed: found 'x', expected a whole number at least 0\n" in done.stdout
    assert "2 faults to mend" in done.stdout
    found = json.loads(workbook("check", "demo", "--json").stdout)
    assert (found["ok"], found["files"], found["stages"]) == (False, [], {})
    assert [(e["file"], e["line"], e["key"], e["found"]) for e in found["errors"]] == [
        ("params/demo/2025Q4.yaml", 1, "seed", "'x'"),
        ("params/demo/2025Q4.yaml", 2, "curency", "a key that does not exist"),
    ]
    assert all(e["expected"] and e["message"].startswith("params/") for e in found["errors"])


def test_check_shows_one_screen_and_counts_the_rest(workbook, home):
    (home / "params" / "demo" / "2025Q4.yaml").write_text("".join(f"key{i}: 1\n" for i in range(60)))
    words = workbook("check", "demo").stdout
    assert len(words.splitlines()) < 50
    assert "and 20 more" in words


def test_check_of_sound_settings_tells_files_and_what_the_data_are_enough_for(workbook, monkeypatch):
    file = {"file": "o.csv", "table": "orders", "rows_in": 10, "rows_kept": 7, "rows_quarantined": 2, "reasons": {"no date": 2}}
    monkeypatch.setattr(prepare, "check_delivery", lambda *_: [file])
    done = workbook("check", "demo", "2025Q4")
    assert done.exit_code == 0
    assert "no date: 2" in done.stdout
    found = json.loads(workbook("check", "demo", "2025Q4", "--json").stdout)
    assert found["files"] == [{"period": "2025Q4", **file}]
    # orders that name no customer give no tiers; contracts would at least tell who may leave
    lacking = ["orders.customer_id", "contracts", "customers", "order_lines", "risk", "consents"]
    assert found["stages"]["4_strategy"] == {"ready": False, "missing": lacking}
    assert found["stages"]["5_pilot"]["ready"] is False
    assert list(found["stages"]) == [stage.id for stage in STAGES]


def test_check_names_the_periods_that_wait(workbook, home, monkeypatch):
    (home / "data" / "demo" / "2025Q3").mkdir(parents=True)
    monkeypatch.setattr(prepare, "check_delivery", lambda *_: [])
    assert "2025Q4    no delivery yet\n" in workbook("check", "demo").stdout
    found = json.loads(workbook("check", "demo", "--json").stdout)
    assert (found["ok"], found["waiting"]) == (True, ["2025Q4"])


def test_check_tells_the_faults_of_each_delivery(workbook, monkeypatch):
    def faulty(_home, _client, period, _settings):
        raise DeliveryError([f"{period.name}.csv: found no rows; expected at least one; deliver it again", "just words"])

    monkeypatch.setattr(prepare, "check_delivery", faulty)
    found = json.loads(workbook("check", "demo", "--json").stdout)
    assert [e["file"] for e in found["errors"]] == ["2025Q3.csv", "", "2025Q4.csv"]
    assert found["errors"][0]["found"] == "no rows"
    assert found["errors"][0]["expected"].startswith("at least one")


def test_check_of_an_unknown_client_is_json_too(workbook):
    done = workbook("check", "dem", "--json")
    assert done.exit_code == 1
    (error,) = json.loads(done.stdout)["errors"]
    assert (error["key"], error["found"]) == ("client", "'dem'")


def test_list_names_clients_periods_and_reports(workbook, home):
    report = home / "outputs" / "demo" / "2025Q4" / "report.en.html"
    report.parent.mkdir(parents=True)
    report.write_text("")
    (report.parent / "manifest.json").write_text("{}")
    head, latest, earlier = (line.split("  ") for line in workbook("list").stdout.splitlines())
    assert (head[0], latest[-1], earlier[-1]) == ("Client", str(report), "–")
    assert [[c.strip() for c in line if c.strip()][:3] for line in (latest, earlier)] == [
        ["demo", "2025Q4", "published"],
        ["demo", "2025Q3", "waiting for its delivery"],
    ]


def test_explain_prints_and_writes_the_schema(workbook, home):
    assert "from 2 to 10" in workbook("explain", "grading.rfm.bins").stdout
    assert "grading" in workbook("explain").stdout
    done = workbook("explain", "--schema")
    assert json.loads(Path(done.stdout.strip()).read_text("utf-8"))["title"] == "Parameters of an engagement"


def test_next_says_what_it_set(workbook, home):
    tables = home / "outputs" / "demo" / "2025Q4" / "tables"
    tables.mkdir(parents=True)
    (tables / "proposal.json").write_text(json.dumps({"seed": {"from": 1, "to": 2, "because": {"en": "so"}}}))
    done = workbook("next", "demo")
    assert done.stdout == f"{home / 'params' / 'demo' / '2026Q1.yaml'}\n  set   seed\n"
    assert "kept  seed" in workbook("next", "demo", "2025Q4").stdout


def notebooks(folder: Path) -> Path:
    folder.mkdir()
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Stage"]},
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": ['client = "x"'], "outputs": []},
    ]
    for stage in STAGES:
        (folder / f"{stage.id}.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return folder


def test_lab_copies_notebooks_with_client_and_period_and_keeps_work_in_them(workbook, home, monkeypatch, tmp_path):
    originals = notebooks(tmp_path / "notebooks")
    monkeypatch.setattr("workbook.lab.notebooks_folder", lambda: originals)
    before = {path: path.read_bytes() for path in originals.iterdir()}
    copies = [Path(line) for line in workbook("lab", "demo", "2025Q4", "--dry-run").stdout.split()]
    assert [copy.name for copy in copies] == [f"{stage.id}.ipynb" for stage in STAGES]
    assert copies[0].parent == home / "outputs" / "demo" / ".lab" / "2025Q4"
    source = "".join(json.loads(copies[0].read_text())["cells"][1]["source"])
    assert source == 'client = "demo"\nperiod = "2025Q4"\noverrides = {}'
    assert {path: path.read_bytes() for path in originals.iterdir()} == before
    copies[0].write_text("my work")
    workbook("lab", "demo", "2025Q4", "--dry-run")
    assert copies[0].read_text() == "my work"
    workbook("lab", "demo", "2025Q4", "--dry-run", "--fresh")
    assert "demo" in copies[0].read_text()


def test_lab_opens_jupyter_on_the_copies_with_the_home_set(workbook, home, monkeypatch, tmp_path):
    originals = notebooks(tmp_path / "notebooks")
    seen = {}

    def start(command, env, check):
        seen.update(command=command, home=env["WORKBOOK_HOME"])
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setattr("workbook.lab.notebooks_folder", lambda: originals)
    monkeypatch.setattr("workbook.commands.preparing.subprocess.run", start)
    assert workbook("lab", "demo", "2025Q4", "--no-browser").exit_code == 5
    assert seen["command"][1:] == ["-m", "jupyter", "lab", "--no-browser", str(home / "outputs" / "demo" / ".lab" / "2025Q4")]
    assert seen["home"] == str(home)


def test_lab_without_a_parameters_cell_is_told(workbook, monkeypatch, tmp_path):
    originals = notebooks(tmp_path / "notebooks")
    (originals / "1_goals.ipynb").write_text('{"cells": []}')
    monkeypatch.setattr("workbook.lab.notebooks_folder", lambda: originals)
    done = workbook("lab", "demo", "2025Q4", "--dry-run")
    assert done.exit_code == 1
    assert "no cell tagged 'parameters'" in done.stderr
    (originals / "1_goals.ipynb").unlink()
    assert "missing" in workbook("lab", "demo", "2025Q4", "--dry-run").stderr


def test_every_notebook_of_the_package_can_be_opened_in_the_lab(workbook):
    present = [stage.id for stage in STAGES if (notebooks_folder() / f"{stage.id}.ipynb").is_file()]
    if len(present) < len(STAGES):
        pytest.skip(f"only {present} of the notebooks are there")
    assert workbook("lab", "demo", "2025Q4", "--dry-run").exit_code == 0


def test_synth_makes_a_client_whose_settings_are_sound(workbook, home):
    done = workbook("synth", "made-up", "--customers", "120", "--periods", "2", "--seed", "7")
    assert done.exit_code == 0, done.stderr
    assert Path(done.stdout.strip()).is_dir()
    assert workbook("list").stdout.count("not run yet") == 2
    assert workbook("synth", "made-up", "--customers", "120").exit_code == 2


def test_the_installed_command_works_as_a_process_of_its_own(home):
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "workbook", "run", "nobody"],
        env={**os.environ, "WORKBOOK_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("client: found 'nobody', expected demo")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["list"], ["explain", "seed"], ["check", "demo"]])
def test_quick_commands_import_nothing_heavy(home, words):
    (home / "params" / "demo" / "2025Q4.yaml").write_text("sed: 1\n")
    code = (
        "import sys; from workbook.cli import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'duckdb', 'matplotlib', 'IPython', 'papermill'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--home", str(home), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "words"), [(30, "a disk that can only be read"), (13, "no right to read or write it")])
def test_a_home_that_takes_nothing_is_told_with_what_to_do(workbook, monkeypatch, number, words):
    def refuse(*_args, **_options):
        raise OSError(number, "not here", "/media/outputs")

    monkeypatch.setattr(execute, "run_periods", refuse)
    done = workbook("run", "demo")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"/media/outputs: found {words} (not here), expected ")
    assert "--home or WORKBOOK_HOME" in done.stderr


def test_faults_of_several_clients_stand_beneath_the_name_of_each(workbook, monkeypatch, home):
    def faulty(home, client, *_args, **_options):
        raise DeliveryError([f"{client}.csv: row 3", f"{client}.csv: row 9"])

    shutil.copytree(home / "params" / "demo", home / "params" / "acme")
    monkeypatch.setattr(execute, "run_periods", faulty)
    done = workbook("run", "acme,demo", "2025Q4", "--jobs", "1")
    assert done.exit_code == 1
    expected = "acme 2025Q4:\n  acme.csv: row 3\n  acme.csv: row 9\ndemo 2025Q4:\n  demo.csv: row 3\n  demo.csv: row 9\n"
    assert expected in done.stderr
    assert "demo 2025Q4:\n" not in workbook("run", "demo", "2025Q4").stderr
