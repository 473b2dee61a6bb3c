"""Only what is stale is executed, and it can be said why."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.run.conftest import Q3, Q4, TINY_STAGES

from workbook import stages
from workbook.ledger import encode_signature, ledger_folder
from workbook.run import keys
from workbook.run.stale import Change, StageState, as_words, differences, examine, is_stale
from workbook.run.stamp import is_fresh


@pytest.fixture
def published(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tiny engagement, whose second stage reads one setting more, published."""
    first, second = TINY_STAGES
    second = replace(second, settings=("grading.rfm",), previous=("doubled",), ledger=("grades",))
    monkeypatch.setattr(stages, "STAGES", (first, second))
    tiny.run(Q3, Q4)
    tiny.events.clear()
    return tiny


def states(tiny: Any, **options: Any) -> dict[str, str]:
    return {state.stage: state.state for state in examine(tiny.home, "tiny", Q4, **options)}


def changed(tiny: Any, stage: str, **options: Any) -> list[str]:
    (state,) = [state for state in examine(tiny.home, "tiny", Q4, **options) if state.stage == stage]
    return [change.words for change in state.changes]


def set_period(tiny: Any, words: str) -> None:
    (tiny.home / "params" / "tiny" / "2025Q4.yaml").write_text(words, "utf-8")


def told(tiny: Any) -> list[tuple[str, str]]:
    return [(event.kind, event.stage) for event in tiny.events]


def test_nothing_is_done_where_nothing_changed(published: Any) -> None:
    files = {path: path.stat().st_mtime_ns for path in published.outputs.rglob("*") if path.name != ".lock"}
    results = published.run(Q3, Q4)
    assert told(published) == [("up_to_date", ""), ("up_to_date", "")]
    assert [result.stages for result in results] == [(), ()]
    assert {path: path.stat().st_mtime_ns for path in files if path.is_file()} == {
        p: t for p, t in files.items() if p.is_file()
    }
    assert states(published) == dict.fromkeys(["1_count", "2_double", "report"], "fresh")
    assert not is_stale(published.home, "tiny", Q4)


def test_a_setting_executes_the_stages_that_declare_it_and_no_other(published: Any) -> None:
    set_period(published, "grading: {rfm: {bins: 4}}\n")
    assert states(published) == {"1_count": "fresh", "2_double": "stale", "report": "follows"}
    assert changed(published, "2_double") == ["settings.grading.rfm.bins  5 → 4"]
    assert is_stale(published.home, "tiny", Q4)
    (result,) = published.run()
    assert result.stages == ("2_double",)
    assert ("reused", "1_count") in told(published)


def test_a_stage_that_makes_the_same_artefacts_again_leaves_the_later_ones_as_they_are(published: Any) -> None:
    path = published.notebooks / "1_count.ipynb"
    path.write_text(path.read_text("utf-8").replace("# Count", "# Count anew"), "utf-8")
    assert states(published) == {"1_count": "stale", "2_double": "follows", "report": "follows"}
    (result,) = published.run()
    assert result.stages == ("1_count",)
    assert told(published)[-3:] == [("reused", "2_double"), ("report", ""), ("published", "")]


def test_what_was_made_of_the_same_inputs_before_is_not_made_again(published: Any) -> None:
    set_period(published, "seed: 8\n")
    published.run()
    set_period(published, "{}\n")
    assert states(published) == {"1_count": "stale", "2_double": "stale", "report": "fresh"}
    assert all(state.kept for state in examine(published.home, "tiny", Q4) if state.state == "stale")
    published.events.clear()
    (result,) = published.run()
    assert result.stages == ()
    assert told(published)[-1] == ("published", "")


def test_an_override_reaches_only_the_stages_that_declare_it(published: Any) -> None:
    (result,) = published.run(overrides={"grading.rfm.bins": 4})
    assert result.stages == ("2_double",)
    first, second = (
        json.loads((result.folder / "notebooks" / f"{stage}.ipynb").read_text("utf-8")) for stage in ("1_count", "2_double")
    )
    given = [next(c for c in n["cells"] if c["id"] == "injected-parameters")["source"] for n in (first, second)]
    assert "overrides = {}\n" in given[0] and 'overrides = {"grading.rfm.bins": 4}\n' in given[1]
    assert changed(published, "2_double") == ["override.grading.rfm.bins  4 → none", "settings.grading.rfm.bins  4 → 5"]


def change_a_file(tiny: Any) -> list[str]:
    (tiny.home / "data" / "tiny" / "2025Q4" / "orders.csv").write_text("id\n2\n", "utf-8")
    return ["delivery.orders.csv  changed"]


def change_the_notebook(tiny: Any) -> list[str]:
    path = tiny.notebooks / "2_double.ipynb"
    path.write_text(path.read_text("utf-8").replace("2 * counted", "counted['n'] + counted"), "utf-8")
    return ["notebook  changed"]


def change_the_previous_period(tiny: Any) -> list[str]:
    (tiny.outputs / "2025Q3" / "tables" / "doubled.json").write_text('{"n": 1}', "utf-8")
    return [next(words for words in changed(tiny, "2_double") if words.startswith("previous.doubled"))]


def forget_the_previous_period(tiny: Any) -> list[str]:
    (tiny.home / "params" / "tiny" / "2025Q3.yaml").unlink()
    return [next(w for w in changed(tiny, "2_double") if "previous." in w), "previous  2025Q3 → none"]


def accept_a_grade(tiny: Any) -> list[str]:
    folder = ledger_folder(tiny.home, "tiny")
    folder.mkdir()
    record = b'{"period":"2025Q3","customer_id":"a","tier":"gold","score":1.0,"cause":"first grade"}\n'
    import datetime as dt

    signature = encode_signature(record, n=1, period=Q3, on=dt.date(2025, 10, 12), by=None, run="")
    (folder / "grades.jsonl").write_bytes(record + signature)
    return ["ledger.grades  changed"]


@pytest.mark.parametrize(
    "change",
    [change_a_file, change_the_notebook, change_the_previous_period, forget_the_previous_period, accept_a_grade],
)
def test_every_input_makes_a_stage_stale_and_is_named(published: Any, change: Any) -> None:
    assert is_fresh(published.home, "tiny", Q4)
    expected = change(published)
    assert not is_fresh(published.home, "tiny", Q4)
    assert sorted(changed(published, "2_double")) == sorted(expected)
    if change is not change_the_previous_period:  # which the run of Q4 repairs
        (result,) = published.run()
        assert "2_double" in result.stages


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("python", "3.11.7", "3.12.1"), ("package.pandas", "3.0.0", "3.0.1"), ("code.workbook/grading/rfm.py", "a1", "b2")],
)
def test_interpreter_packages_and_code_are_inputs(
    published: Any, monkeypatch: pytest.MonkeyPatch, name: str, before: str, after: str
) -> None:
    surroundings = dict(keys.surroundings())
    assert name in surroundings
    monkeypatch.setattr(keys, "surroundings", lambda: surroundings | {name: after})
    (words,) = changed(published, "1_count")
    assert words in (f"{name}  {surroundings[name]} → {after}", f"{name}  changed")


def test_a_delivery_of_another_period_changes_the_stamp_and_no_key(published: Any) -> None:
    (published.home / "data" / "tiny" / "2026Q1").mkdir()
    (published.home / "data" / "tiny" / "2026Q1" / "orders.csv").write_text("id\n", "utf-8")
    assert not is_fresh(published.home, "tiny", Q4)
    assert not is_stale(published.home, "tiny", Q4)
    (result,) = published.run()
    assert (result.stages, told(published)) == ((), [("up_to_date", "")])
    assert is_fresh(published.home, "tiny", Q4)


def test_force_executes_what_is_fresh_and_changes_no_byte(published: Any, contents: Any) -> None:
    before = contents(published.outputs / "2025Q4")
    (result,) = published.run(force=True)
    assert result.stages == ("1_count", "2_double")
    assert contents(result.folder) == before


def test_a_failed_stage_does_not_lose_what_was_made_before_it(published: Any) -> None:
    set_period(published, "seed: 9\n")
    good = (published.notebooks / "2_double.ipynb").read_bytes()
    published.use("failing")
    with pytest.raises(Exception, match="2_double failed"):
        published.run()
    (published.notebooks / "2_double.ipynb").write_bytes(good)
    (result,) = published.run()
    assert result.stages == ("2_double",)


def test_a_stage_that_makes_what_it_does_not_declare_fails(published: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = stages.STAGES
    monkeypatch.setattr(stages, "STAGES", (replace(first, lists=()), second))
    with pytest.raises(Exception, match=r"1_count made names, which stages\.py does not list"):
        published.run(force=True)


def test_where_nothing_is_published_all_is_new(tiny: Any) -> None:
    assert set(states(tiny).values()) == {"new"}
    assert is_stale(tiny.home, "tiny", Q4)


def test_a_home_that_was_moved_is_fresh(published: Any, tmp_path: Path) -> None:
    shutil.copytree(published.home, tmp_path / "elsewhere")
    assert is_fresh(tmp_path / "elsewhere", "tiny", Q4)


def test_what_changed_for_all_is_told_once() -> None:
    code, seed = Change("code.workbook/a.py", "1", "2"), Change("settings.seed", "1", "2")
    words = as_words(
        [
            StageState("1_goals", "stale", (code,)),
            StageState("2_integrate", "stale", (seed, code)),
            StageState("report", "fresh"),
        ],
        most=5,
    )
    assert words.splitlines() == [
        "changed for all that are stale",
        "    code.workbook/a.py  changed",
        "",
        "1_goals      stale",
        "2_integrate  stale",
        "    settings.seed  1 → 2",
        "report       fresh",
    ]


def test_long_lists_of_changes_are_cut() -> None:
    changes = differences({}, {f"code.{n}": "x" for n in range(9)})
    assert as_words([StageState("1_goals", "stale", changes)], most=3).splitlines()[-1] == "    … and 6 more; --json tells all"
