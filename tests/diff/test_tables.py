"""Tables beside each other: planted differences are found, and nothing else is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import pandas as frames
from tests.diff.made_up import SCORES, publish, tables

from workbook.diff.published import Published
from workbook.diff.tables import as_words, compare_frames, compare_objects, compare_tables, flattened, row_key
from workbook.language import named
from workbook.report.blocks import NotMeasured


def planted() -> pd.DataFrame:
    after = SCORES.copy()
    after.loc[0, "score"] = 1.5
    after.loc[1, "score"] = 5.0
    after.loc[2, "tier"] = "gold"
    return after


def test_changed_cells_are_counted_with_largest_and_mean_size():
    change = compare_frames("scores", SCORES, planted())
    assert change.key == ("customer_id",)
    assert [(c.name, c.cells, c.largest, c.mean) for c in change.columns] == [("score", 2, 3.0, 1.75), ("tier", 1, None, None)]
    assert change.columns[0].example == ("C1", "1", "1.5")
    assert (change.cells, change.rows_added, change.rows_removed) == (3, 0, 0)


def test_rows_added_and_removed_are_told_by_their_keys():
    after = pd.concat([SCORES[SCORES["customer_id"] != "C2"], SCORES.head(1).assign(customer_id="C9")])
    change = compare_frames("scores", SCORES, after)
    assert (change.rows_added, change.added, change.rows_removed, change.removed) == (1, ("C9",), 1, ("C2",))
    assert change.cells == 0
    assert not change.reordered


def test_columns_added_and_removed_are_named():
    change = compare_frames("scores", SCORES, SCORES.drop(columns="tier").assign(segment="a"))
    assert (change.columns_added, change.columns_removed, change.cells) == (("segment",), ("tier",), 0)


def test_another_order_is_said_and_is_no_change_of_cells():
    change = compare_frames("scores", SCORES, SCORES[::-1])
    assert change.reordered
    assert change.changed
    assert change.cells == 0


def test_two_missing_cells_are_equal_and_one_is_a_change():
    filled = SCORES.assign(index_revenue=[10.0, None, 7.0])
    (column,) = compare_frames("scores", SCORES, filled).columns
    assert (column.name, column.cells, column.largest) == ("index_revenue", 2, None)


def test_whole_numbers_that_became_decimals_are_the_same_numbers():
    counts = pd.DataFrame({"tier": ["gold"], "customers": [3]})
    assert not compare_frames("tiers", counts, counts.astype({"customers": float})).changed


def test_a_table_without_a_key_is_compared_by_whole_rows():
    one = pd.DataFrame({"share": [0.1, 0.1, 0.2], "name": ["a", "a", "b"]})
    change = compare_frames("x", one, pd.DataFrame({"share": [0.1, 0.2, 0.3], "name": ["a", "b", "c"]}))
    assert (change.key, change.rows_added, change.rows_removed) == ((), 1, 1)
    assert compare_frames("x", one, one.iloc[[2, 0, 1]]).reordered
    assert not compare_frames("x", one, one).changed


def test_a_key_of_two_columns_is_found():
    tags = pd.DataFrame({"tag": ["a", "a"], "customer_id": ["C1", "C2"]})
    assert row_key(tags, tags) == ("tag", "customer_id")


def test_objects_are_compared_entry_by_entry():
    before = {"card": {"decision": "extend", "effect": 1.5, "arms": ["a", "b"]}}
    after = {"card": {"decision": "stop", "effect": 2.0, "arms": ["a", "b"]}, "care": {"decision": "stop"}}
    change = compare_objects("decision", before, after)
    assert (change.rows_added, change.added, change.rows_removed) == (1, ("care.decision",), 0)
    assert [(c.name, c.largest) for c in change.columns] == [("card.decision", None), ("card.effect", 0.5)]


def test_what_was_not_measured_and_now_is_changed_its_kind(tmp_path):
    note = NotMeasured("x", named("nothing"))
    one = Published.open(publish(tmp_path / "a", artefacts={**tables(), "tiers": note}), "a")
    other = Published.open(publish(tmp_path / "b", artefacts={k: v for k, v in tables().items() if k != "review"}), "b")
    found = {t.name: (t.before, t.after) for t in compare_tables(one, other) if t.changed}
    assert found == {"tiers": ("not_measured", "table"), "review": ("table", "absent")}
    assert not any(t.changed for t in compare_tables(one, one))


def test_lists_of_records_are_flattened_by_id_so_that_an_inserted_one_moves_nothing():
    before = {"tiers": [{"id": "gold", "at_least": 80}, {"id": "silver", "at_least": 0}]}
    after = {"tiers": [{"id": "diamond", "at_least": 90}, *before["tiers"]]}
    assert set(flattened(after).items()) - set(flattened(before).items()) == {("tiers.diamond.at_least", 90)}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (pd.NaT, "–"),
        (pd.Timestamp("2025-12-10"), "2025-12-10"),
        (True, "true"),
        (0.1 + 0.2, "0.3"),
        ("", "“”"),
        ([], "–"),
        ([1, "二"], '[1, "二"]'),
    ],
)
def test_raw_values_in_words(value, words):
    assert as_words(value) == words


TABLES = frames.data_frames(
    [
        frames.column("id", dtype=int, unique=True),
        frames.column("x", elements=st.floats(allow_infinity=True) | st.none(), dtype=float),
    ],
    index=frames.range_indexes(max_size=8),
)


@given(TABLES)
def test_a_table_does_not_differ_from_itself(table):
    assert not compare_frames("t", table, table.copy()).changed


@given(TABLES, TABLES)
def test_what_one_way_adds_the_other_way_removes(one, other):
    there, back = compare_frames("t", one, other), compare_frames("t", other, one)
    assert (there.rows_added, there.rows_removed) == (back.rows_removed, back.rows_added)
    assert there.cells == back.cells
    if there.key:
        assert there.rows[0] - there.rows_removed + there.rows_added == there.rows[1]
    assert all(c.largest is None or (np.isfinite(c.largest) and c.largest >= c.mean >= 0) for c in there.columns)
