"""The whole comparison: key figures, blocks, and the three kinds of reasons, each planted alone and found alone."""

import json
from pathlib import Path

import pytest
from tests.diff.made_up import KPIS, LEDGER, REVIEW, blocks, manifest, publish, tables

from workbook.diff.finding import find_result
from workbook.diff.published import Published
from workbook.diff.reasons import changes, compare_files
from workbook.diff.whole import Difference, compare
from workbook.errors import WorkbookError
from workbook.language import named


def beside(tmp_path: Path, content=None, artefacts=None, shown=None, before=None) -> Difference:
    one = Published.open(publish(tmp_path / "before", before), "before")
    other = Published.open(publish(tmp_path / "after", content, artefacts, shown), "after")
    return compare("made-up", one, other)


def settings(**grading) -> dict:
    return {**manifest()["settings"], "grading": {**manifest()["settings"]["grading"], **grading}}


def test_the_same_results_do_not_differ(tmp_path):
    found = beside(tmp_path)
    assert found.same
    assert found.same_period
    assert found.reasons.causes == ()
    assert (found.blocks, found.same_blocks) == ((), 3)
    assert not any(kpi.changed for kpi in found.kpis)


def test_a_changed_parameter_is_named_with_old_and_new_value_and_nothing_else(tmp_path):
    found = beside(tmp_path, manifest(settings=settings(rfm={"bins": 4})))
    assert [(c.key, c.before, c.after) for c in found.reasons.settings] == [("grading.rfm.bins", 5, 4)]
    assert found.reasons.causes == ("parameters",)


def test_a_parameter_is_no_reason_for_stages_that_do_not_read_it(tmp_path):
    found = beside(tmp_path, manifest(settings={**manifest()["settings"], "review": {"market": {"en": "wild", "zh": "动荡"}}}))
    assert found.reasons.of_artefact("review") == ("parameters",)
    assert found.reasons.of_artefact("kpis") == ()


def test_a_parameter_is_a_reason_for_stages_that_stand_on_one_that_reads_it(tmp_path):
    found = beside(tmp_path, manifest(settings=settings(rfm={"bins": 4})))
    assert found.reasons.of_artefact("assignment") == ("parameters",)


def test_changed_data_are_told_by_file_and_by_rows(tmp_path):
    found = beside(
        tmp_path,
        manifest(deliveries={"a.csv": "9" * 64, "c.csv": "3" * 64}),
        {**tables(), "row_ledger": LEDGER.assign(rows_kept=[9, 4])},
    )
    assert [(f.file, f.state) for f in found.reasons.files] == [("a.csv", "changed"), ("b.csv", "removed"), ("c.csv", "added")]
    assert [(r.table, r.rows_in, r.rows_kept) for r in found.reasons.rows] == [("orders", (15, 15), (14, 13))]
    assert found.reasons.causes == ("data",)


def test_a_file_that_lies_elsewhere_now_is_the_same_file():
    assert compare_files({"lines.csv": "1"}, {"2025Q3/lines.csv": "1", "lines.csv": "2"})[1] == 1


def test_two_copies_of_a_file_are_not_taken_for_one():
    differing, same = compare_files({"a": "1"}, {"b": "1", "c": "1"})
    assert same == 1
    assert [f.state for f in differing] == ["added"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"git": {"commit": "e" * 40, "changed": True}}, ("git", "f" * 12, "e" * 12 + "+")),
        ({"python": "3.12.1"}, ("python", "3.11.7", "3.12.1")),
        ({"packages": {"pandas": "3.0.1", "numpy": "2.3.0"}}, ("package pandas", "3.0.0", "3.0.1")),
        ({"packages": {"pandas": "3.0.0"}}, ("package numpy", "2.3.0", None)),
    ],
)
def test_changed_code_is_named(tmp_path, change, expected):
    found = beside(tmp_path, manifest(**change))
    assert [(c.key, c.before, c.after) for c in found.reasons.code] == [expected]
    assert found.reasons.causes == ("code",)


def test_a_setting_that_became_nothing_is_not_one_that_is_gone():
    assert [c.key for c in changes({"a": 1}, {"a": None})] == ["a"]
    assert changes({"a": None}, {"a": None}) == ()


def test_kpis_carry_value_change_and_the_interval_that_the_review_computed(tmp_path):
    now = KPIS.assign(value=[0.82, 1000.0, 2.0])
    judged = REVIEW.assign(value=0.82, previous=0.80, change=0.02, low=0.01, high=0.03, movement="better")
    found = beside(tmp_path, artefacts={**tables(), "kpis": now, "review": judged})
    rate, revenue, _ = found.kpis
    assert (rate.change_interval, rate.movement) == ((0.01, 0.03), "better")
    assert rate.change == pytest.approx(0.02)
    assert rate.name.given == {"en": "Repeat-purchase rate", "zh": "复购率"}
    assert (revenue.change, revenue.changed, revenue.movement) == (0.0, False, "")


def test_a_review_against_another_result_lends_no_interval(tmp_path):
    found = beside(tmp_path, artefacts={**tables(), "kpis": KPIS.assign(value=[0.82, 1000.0, 2.0])})
    assert (found.kpis[0].change_interval, found.kpis[0].movement) == (None, "")


def test_kpis_of_one_side_only_are_kept(tmp_path):
    found = beside(tmp_path, artefacts={**tables(), "kpis": KPIS.head(1)})
    assert [(k.kpi, k.value[1]) for k in found.kpis] == [
        ("repurchase_rate", 0.8),
        ("revenue", None),
        ("first_response_hours", None),
    ]


def test_blocks_that_came_went_and_say_something_else(tmp_path):
    shown = blocks(named({"en": "Shops are known.", "zh": "门店情况已知。"}))
    shown["6_iterate"] = shown.pop("4_strategy")
    found = beside(tmp_path, shown=shown)
    assert [(b.stage, b.id, b.state) for b in found.blocks] == [
        ("1_goals", "review.limits", "title"),
        ("6_iterate", "strategy.answer", "added"),
        ("4_strategy", "strategy.answer", "removed"),
    ]
    assert found.blocks[0].after["zh"] == "门店情况已知。"
    assert found.same_blocks == 1


def test_periods_and_runs_are_told_apart(tmp_path):
    assert not beside(tmp_path, before=manifest("2025Q3")).same_period


def test_json_is_plain_and_whole(tmp_path):
    found = beside(tmp_path, manifest(settings=settings(high_tiers=2)), {**tables(), "kpis": KPIS.head(1)})
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert told["causes"] == ["parameters"]
    assert told["parameters"] == [{"key": "grading.high_tiers", "before": 1, "after": 2}]
    assert {t["name"] for t in told["tables"] if t["changed"]} == {"kpis"}


def test_results_are_found_by_period_and_by_folder(tmp_path):
    publish(tmp_path / "outputs" / "made-up" / "2025Q4")
    kept = publish(tmp_path / "kept" / "before")
    assert find_result(tmp_path, "made-up", "2025Q4").label == "2025Q4"
    assert find_result(tmp_path, "made-up", str(kept)).label == "before"


@pytest.mark.parametrize("words", ["2025Q3", "nowhere", "2025Q9"])
def test_an_unknown_result_is_answered_with_those_there_are(tmp_path, words):
    publish(tmp_path / "outputs" / "made-up" / "2025Q4")
    with pytest.raises(WorkbookError, match=f"{words}: found no result .*2025Q4"):
        find_result(tmp_path, "made-up", words)


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_folder_without_a_manifest_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(WorkbookError, match="expected"):
        Published.open(tmp_path, "x")


def test_a_bare_folder_and_an_old_manifest_are_still_compared(tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "manifest.json").write_text("{}")
    found = compare("made-up", Published.open(tmp_path / "bare", "bare"), Published.open(publish(tmp_path / "b"), "b"))
    assert {t.before for t in found.tables} == {"absent"}
    assert len(found.blocks) == 3
