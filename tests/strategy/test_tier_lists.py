"""Lists by tier for the departments: order, next step, consent."""

import pandas as pd
import pytest

from workbook.language import Edition, named
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.strategy.tier_lists import LIST_COLUMNS, NEXT_STEPS, department_lists, tier_lists

SCORES = pd.DataFrame(
    {
        "customer_id": list("abcde"), "score": [95.0, 61.0, 12.0, 95.0, 82.0],
        "tier": ["diamond", "silver", "ordinary", "diamond", "gold"],
    }
)  # fmt: skip
PROFILE = pd.DataFrame(
    {
        "customer_id": list("abcde"), "owner": "Li", "region": "Shanghai", "revenue": 10.0,
        "last_order_at": pd.Timestamp("2025-12-01"),
    }
)  # fmt: skip


ALLOWED = pd.DataFrame({"customer_id": ["a", "d"]})


@pytest.fixture
def settings():
    return Settings(client={"name": "Test"})


EVERYONE = PROFILE[["customer_id"]]


def test_rows_go_from_the_best_tier_and_score_down_ties_by_id(settings):
    found = tier_lists(SCORES, PROFILE, settings, "sales", EVERYONE)
    assert list(found.frame["customer_id"]) == ["a", "d", "e", "b", "c"]
    assert list(found.frame.columns) == list(LIST_COLUMNS)
    assert list(found.frame["step"]) == ["sales.high"] * 3 + ["sales.middle", "sales.low"]


@pytest.mark.parametrize("department", ["sales", "marketing", "service"])
def test_every_list_holds_only_whom_the_gate_lets_through(settings, department):
    found = tier_lists(SCORES, PROFILE, settings, department, ALLOWED)
    assert list(found.frame["customer_id"]) == ["a", "d"]
    assert found.left_out == 3


def test_nobody_is_on_the_marketing_list_where_no_consent_was_delivered(settings):
    found = tier_lists(SCORES, PROFILE, settings, "marketing", ALLOWED.head(0))
    assert found.frame.empty
    assert found.tables() == ()


def test_a_profile_of_ids_alone_still_makes_a_list(settings):
    found = tier_lists(SCORES, PROFILE[["customer_id"]], settings, "service", EVERYONE)
    assert len(found.frame) == 5
    for table in found.tables():
        table.bundle((Edition("en"), Edition("zh")))


def test_every_step_that_a_list_can_hold_has_words():
    assert set(NEXT_STEPS) == {f"{d}.{level}" for d in ("sales", "marketing", "service") for level in ("high", "middle", "low")}


def test_each_tier_has_a_table_of_all_its_customers(settings):
    tables = tier_lists(SCORES, PROFILE, settings, "sales", EVERYONE).tables()
    assert [table.title.render(Edition("en")) for table in tables] == [
        "Diamond: 2 customers", "Gold: 1 customer", "Silver: 1 customer", "Ordinary: 1 customer",
    ]  # fmt: skip


def test_each_department_gets_its_lists_and_a_note_where_nobody_was_graded(settings):
    allowed = {"sales": EVERYONE, "marketing": ALLOWED, "service": EVERYONE}
    lists = department_lists(SCORES, PROFILE, settings, allowed)
    assert {name: len(tables) for name, tables in lists.items()} == {"sales": 4, "marketing": 1, "service": 4}
    note = NotMeasured("grading.scores", named("grades"), ("orders",))
    assert department_lists(note, PROFILE, settings, allowed)["sales"] == (note,)


def test_account_managers_are_named_to_their_department_and_to_nobody_else(settings):
    owned = PROFILE.assign(owner="王小明")
    (sheet, *_) = tier_lists(SCORES, owned, settings, "sales", ALLOWED).sheets()
    assert sheet.unmasked
    shown = sheet.table.bundle((Edition("en"), Edition("zh")))
    assert "王小明" not in str(shown) and "王**" in str(shown)
