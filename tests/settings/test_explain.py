"""Every parameter is explained, and the schema that editors use is the one of the models."""

from __future__ import annotations

import json

import pytest

from workbook.errors import UsageError
from workbook.places import templates_folder
from workbook.settings.explain import all_keys, explain, schema, schema_text, stages_reading
from workbook.settings.kinds import slot_at
from workbook.settings.models import KPIS, Settings

REPOSITORY = templates_folder().parent


@pytest.mark.parametrize("key", all_keys())
def test_every_parameter_says_what_it_does_what_it_expects_and_who_reads_it(key):
    words = explain(key)
    assert words.startswith(key + "\n")
    assert "expects: " in words
    assert "read by: " in words
    assert len(words.splitlines()[1].strip()) > 5


def test_bounds_default_and_stages_are_those_of_the_models():
    words = explain("grading.rfm.bins")
    assert "a whole number from 2 to 10" in words
    assert "default: 5" in words
    assert "read by: 4_strategy, 6_iterate" in words
    assert "read by: 4_strategy, 6_iterate" in explain("grading.tiers.at_least")
    assert "read by: all stages" in explain("grading.tiers.name")


def test_every_section_is_read_by_a_stage_or_by_the_report():
    unread = [name for name in Settings.model_fields if not stages_reading(name)]
    assert unread == ["template"]


def test_items_may_be_named_by_id_number_or_not_at_all():
    assert explain("goals.repeat.due").splitlines()[1:] == explain("goals.due").splitlines()[1:]
    assert explain("goals.1.due").splitlines()[1:] == explain("goals.due").splitlines()[1:]


def test_an_entry_of_a_mapping_is_explained_by_what_holds_it():
    assert "a number above 0" in explain("service.first_response_hours.high")


def test_the_sections_the_kpis_and_the_tables_are_listed():
    assert all(name in explain() for name in Settings.model_fields)
    assert all(kpi in explain("kpis") for kpi in KPIS)
    assert "ordered_at" in explain("tables.orders")
    assert "tickets" in explain("tables")


@pytest.mark.parametrize(
    ("key", "nearest"), [("bins", "grading.rfm.bins"), ("gradin.rfm.bins", "grading.rfm.bins"), ("kpi", "")]
)
def test_an_unknown_key_names_the_nearest(key, nearest):
    with pytest.raises(UsageError, match=f"did you mean '{nearest}") as fault:
        explain(key)
    assert fault.value.exit_code == 2


def test_a_path_that_leads_nowhere_has_no_slot():
    assert slot_at(("seed", "deeper")) is None
    assert slot_at(("nowhere", "deeper")) is None


def test_the_schema_file_is_up_to_date():
    path = REPOSITORY / "params" / "schema.json"
    assert path.read_text("utf-8") == schema_text(), "write it anew with: workbook explain --schema"


def test_the_schema_takes_a_file_that_gives_only_a_part():
    found = schema()
    assert "required" not in found
    assert found["$defs"]["Tier"]["properties"]["remove"]["type"] == "boolean"
    assert json.loads(schema_text()) == found
    assert found["additionalProperties"] is False
