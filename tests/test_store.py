"""Artefacts come back as they were saved, whole or not at all."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from workbook.errors import WorkbookError
from workbook.language import Edition, named
from workbook.report.blocks import NotMeasured
from workbook.store import Store

FRAME = pd.DataFrame(
    {
        "customer_id": ["0012", "客户"],
        "score": [81.25, np.nan],
        "orders": [3, 4],
        "last": pd.to_datetime(["2025-11-03", None]),
        "flag": [True, False],
    }
)


def test_a_frame_comes_back_with_its_types_and_without_its_index(tmp_path):
    Store(tmp_path).write("scores", FRAME.set_axis([7, 9]))
    pd.testing.assert_frame_equal(Store(tmp_path).read("scores"), FRAME)


def test_the_same_frame_gives_the_same_bytes(tmp_path):
    one, other = Store(tmp_path / "one").write("scores", FRAME), Store(tmp_path / "other").write("scores", FRAME.copy())
    assert one.read_bytes() == other.read_bytes()


def test_an_object_comes_back_with_numbers_as_numbers(tmp_path):
    store = Store(tmp_path)
    store.write("proposal", {"b": np.int64(5), "a": {"x": np.float64(0.5), "y": np.True_, "名": "值"}, "n": None})
    assert store.read("proposal") == {"a": {"x": 0.5, "y": True, "名": "值"}, "b": 5, "n": None}
    assert "名" in (tmp_path / "proposal.json").read_text("utf-8")


def test_dates_and_decimals_of_an_object_are_text(tmp_path):
    store = Store(tmp_path)
    store.write("decision", {"day": dt.date(2025, 12, 31), "money": Decimal("1.10")})
    assert store.read("decision") == {"day": "2025-12-31", "money": "1.10"}


def test_what_is_no_value_is_refused_and_leaves_the_old_artefact(tmp_path):
    store = Store(tmp_path)
    store.write("decision", {"a": 1})
    with pytest.raises(TypeError, match="cannot hold"):
        store.write("decision", {"a": object()})
    assert store.read("decision") == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["decision.json"]


def test_what_was_not_measured_comes_back_in_both_languages(tmp_path):
    note = NotMeasured("diagnosis.late", named({"en": "late responses", "zh": "超时率"}), ("tickets",), None)
    Store(tmp_path).write("findings", note)
    back = Store(tmp_path).read("findings")
    assert isinstance(back, NotMeasured)
    assert (back.id, back.missing, back.why) == ("diagnosis.late", ("tickets",), None)
    assert [back.what.render(Edition(language)) for language in ("en", "zh")] == ["late responses", "超时率"]


def test_a_name_holds_one_artefact_whatever_its_kind(tmp_path):
    store = Store(tmp_path)
    store.write("plan", FRAME)
    store.write("plan", {"a": 1})
    assert store.read("plan") == {"a": 1}
    store.write("plan", FRAME)
    assert isinstance(store.read("plan"), pd.DataFrame)
    assert [p.name for p in tmp_path.iterdir()] == ["plan.parquet"]


def test_a_frame_that_cannot_be_written_leaves_the_old_one(tmp_path):
    store = Store(tmp_path)
    store.write("plan", FRAME)
    with pytest.raises(Exception, match=r"."):
        store.write("plan", pd.DataFrame({"a": [1, "x"]}))
    pd.testing.assert_frame_equal(store.read("plan"), FRAME)


def test_an_artefact_that_was_never_saved_names_what_to_do(tmp_path):
    assert not Store(tmp_path).has("scores")
    with pytest.raises(WorkbookError, match="no artefact 'scores'; run the stage that makes it first"):
        Store(tmp_path).read("scores")
