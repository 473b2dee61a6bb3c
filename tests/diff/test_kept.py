"""Earlier runs of a period, put together from what is kept of their stages, and reasons told by each stage's own record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.diff.made_up import KPIS, blocks, manifest, publish, tables

from workbook.diff.finding import earlier_runs, find_result
from workbook.diff.whole import Difference, compare
from workbook.errors import WorkbookError

ARTEFACTS = {"1_goals": ("kpis",), "4_strategy": ("scores", "tiers")}
INPUTS = {
    "1_goals": {"python": "3.11.7", "client": "made-up", "period": "2025Q4", "delivery.a.csv": "1", "notebook": "a",
                "code.workbook/x.py": "c", "ledger.grades": "0"},
    "4_strategy": {"python": "3.11.7", "settings.grading.high_tiers": "1", "notebook": "b", "artefact.profile": "p",
                   "previous.scores": "s"},
}  # fmt: skip


def keep_run(outputs: Path, run: str, ended: str, inputs: dict, values: dict, where: str) -> None:
    """A run as it is kept: a folder for each stage, and the pointer that names them."""
    stages = {}
    for stage, names in ARTEFACTS.items():
        folder = outputs / ".store" / f"{stage}-{run}"
        publish(folder, {}, {name: values[name] for name in names}, {stage: blocks()[stage]})
        (folder / "manifest.json").unlink()
        (folder / "stage.json").write_text(json.dumps({"inputs": inputs[stage]}))
        stages[stage] = {"key": run, "started": ended, "ended": ended}
    pointer = outputs / ".published" / where
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_text(json.dumps(manifest(run=run, stages=stages)))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    outputs = tmp_path / "outputs" / "made-up"
    keep_run(outputs, "aaaa1111bbbb", "2026-01-01", INPUTS, tables(), "earlier/2025Q4-aaaa1111bbbb.json")
    keep_run(outputs, "cccc2222dddd", "2026-01-02", INPUTS, tables(), "earlier/2025Q4-cccc2222dddd.json")
    return tmp_path


def against(home: Path, changed: dict[str, dict[str, str]], values: dict | None = None) -> Difference:
    """The run before against one whose stages depended on *changed* too."""
    outputs = home / "outputs" / "made-up"
    inputs = {stage: {**each, **changed.get(stage, {})} for stage, each in INPUTS.items()}
    keep_run(outputs, "eeee3333ffff", "2026-01-03", inputs, values or tables(), "2025Q4.json")
    pointer = (outputs / ".published" / "2025Q4.json").read_text()
    publish(
        outputs / "2025Q4", json.loads(pointer), values or {"kpis": KPIS}, {k: v for k, v in blocks().items() if k in ARTEFACTS}
    )
    return compare("made-up", find_result(home, "made-up", "2025Q4@before"), find_result(home, "made-up", "2025Q4"))


def test_earlier_runs_are_listed_the_latest_first(home):
    assert list(earlier_runs(home / "outputs" / "made-up", "2025Q4")) == ["cccc2222dddd", "aaaa1111bbbb"]


def test_an_earlier_run_is_found_by_the_beginning_of_its_key_and_holds_all_its_stages(home):
    result = find_result(home, "made-up", "2025Q4@aaaa")
    assert result.label == "2025Q4@aaaa1111"
    assert set(result.tables) == {"kpis", "scores", "tiers"}
    assert {stage for stage, _ in result.blocks} == {"1_goals", "4_strategy"}
    assert find_result(home, "made-up", "2025Q4@before").label == "2025Q4@cccc2222"


@pytest.mark.parametrize("words", ["2025Q4@zzzz", "2025Q4@", "2025Q3@before"])
def test_an_unknown_run_is_answered_with_those_there_are(home, words):
    known = "cccc2222, aaaa1111" if words.startswith("2025Q4") else "none"
    with pytest.raises(WorkbookError, match=f"no earlier run.*{known}"):
        find_result(home, "made-up", words)


def test_the_run_that_is_published_is_not_an_earlier_one_though_it_was_one_once(home):
    outputs = home / "outputs" / "made-up"
    keep_run(outputs, "cccc2222dddd", "2026-01-02", INPUTS, tables(), "2025Q4.json")
    assert list(earlier_runs(outputs, "2025Q4")) == ["aaaa1111bbbb"]


def test_a_run_of_which_a_stage_was_pruned_is_not_offered(home):
    (home / "outputs" / "made-up" / ".store" / "1_goals-aaaa1111bbbb" / "stage.json").unlink()
    assert list(earlier_runs(home / "outputs" / "made-up", "2025Q4")) == ["cccc2222dddd"]


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"delivery.a.csv": "9"}, "data"),
        ({"ledger.grades": "1"}, "data"),
        ({"settings.goals.repurchase.change": "0.03"}, "parameters"),
        ({"override.seed": "2"}, "parameters"),
        ({"code.workbook/x.py": "d"}, "code"),
        ({"package.pandas": "3.0.1"}, "code"),
        ({"notebook": "z"}, "code"),
    ],
)
def test_a_stage_is_changed_by_what_it_depended_on_and_no_other(home, changed, cause):
    reasons = against(home, {"1_goals": changed}).reasons
    assert reasons.of_artefact("kpis") == (cause,)
    assert reasons.of_artefact("tiers") == ()


def test_a_stage_that_read_a_changed_artefact_takes_over_its_reasons(home):
    changed = {"1_goals": {"settings.goals.x": "1"}, "4_strategy": {"artefact.kpis": "new", "notebook": "n"}}
    assert against(home, changed).reasons.of_artefact("scores") == ("parameters", "code")


def test_earlier_results_and_accepted_records_are_named(home):
    found = against(home, {"1_goals": {"ledger.grades": "7"}, "4_strategy": {"previous.scores": "t"}}).reasons
    assert [(c.key, c.before, c.after) for c in found.inherited] == [("ledger.grades", "0", "7"), ("previous.scores", "s", "t")]
    assert found.causes == ("data",)


def test_changed_files_of_code_and_notebooks_are_named(home):
    found = against(home, {"1_goals": {"code.workbook/x.py": "d", "notebook": "z"}}).reasons.code
    assert {(c.key, c.before, c.after) for c in found} == {("workbook/x.py", "c", "d"), ("notebook 1_goals", "a", "z")}
