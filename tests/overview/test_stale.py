"""Whether something changed since a period was published, by real runs of a tiny engagement."""

from __future__ import annotations

from tests.run.conftest import tiny  # noqa: F401

from workbook.diff.finding import find_result
from workbook.diff.whole import compare
from workbook.language import Edition
from workbook.overview.page import write_overview
from workbook.overview.results import find_results
from workbook.overview.words import as_screen


def state(engagement):
    result = find_results(engagement.home).results[0]
    return result.state, result.stale


def test_a_changed_delivery_is_noticed_and_a_run_settles_it(tiny):  # noqa: F811
    tiny.run()
    assert state(tiny) == ("published", False)
    (tiny.home / "data" / "tiny" / "2025Q4" / "orders.csv").write_text("id\n1\n2\n", "utf-8")
    assert state(tiny) == ("published", True)
    assert "published; something changed since" in as_screen(find_results(tiny.home), Edition("en"))
    page, _ = write_overview(tiny.home)
    assert "something changed since" in page.read_text("utf-8")
    tiny.run()
    assert state(tiny) == ("published", False)


def test_results_of_which_no_record_is_kept_are_not_called_stale(home):
    assert {result.stale for result in find_results(home).results} == {None}


def test_the_run_before_is_kept_for_comparison(tiny):  # noqa: F811
    for seed in (1, 2):
        tiny.run(overrides={"seed": seed})
    before, after = (find_result(tiny.home, "tiny", words) for words in ("2025Q4@before", "2025Q4"))
    found = compare("tiny", before, after)
    assert found.same_period
    assert {"counted", "doubled"} <= set(before.tables) == set(after.tables)
    assert ("seed", 1, 2) in [(change.key, change.before, change.after) for change in found.reasons.settings]
    assert found.reasons.causes == ("parameters",)
