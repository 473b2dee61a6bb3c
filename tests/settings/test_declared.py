"""A stage sees what it declares; every value has a name, and the order of items counts."""

from __future__ import annotations

import pytest

from workbook.errors import UndeclaredRead
from workbook.settings.declared import declared, values
from workbook.settings.models import Settings


@pytest.fixture
def settings() -> Settings:
    tiers = [{"id": "high", "name": "High", "at_least": 50}, {"id": "low", "name": "Low", "at_least": 0}]
    return Settings.model_validate({"client": {"name": "A"}, "grading": {"tiers": tiers}, "pilots": []})


def test_declared_sections_and_fields_are_read_and_others_raise(settings: Settings) -> None:
    seen = declared(settings, ("grading", "service.late_share"), "9_stage")
    assert seen.grading is settings.grading
    assert seen.service.late_share == 0.1
    for read in (lambda: seen.pilots, lambda: seen.service.callback_hours):
        with pytest.raises(UndeclaredRead, match=r"9_stage reads the setting '(pilots|service\.callback_hours)'"):
            read()


def test_values_have_dotted_names_and_items_go_by_id(settings: Settings) -> None:
    found = values(settings, ("grading.tiers", "pilots", "client.name"))
    assert found["grading.tiers"] == '["high", "low"]'
    assert found["grading.tiers.high.at_least"] == "50.0"
    assert (found["pilots"], found["client.name"]) == ("[]", '"A"')


def test_another_order_of_items_is_another_value(settings: Settings) -> None:
    turned = settings.model_copy(
        update={"grading": settings.grading.model_copy(update={"tiers": settings.grading.tiers[::-1]})}
    )
    assert values(turned, ("grading",)) != values(settings, ("grading",))


def test_one_field_of_each_item_is_read_and_told_apart_from_the_others(settings: Settings) -> None:
    keys = ("grading.tiers.id", "grading.tiers.name")
    seen = declared(settings, keys, "9_stage")
    assert [(tier.id, tier.name) for tier in seen.grading.tiers] == [("high", "High"), ("low", "Low")]
    with pytest.raises(UndeclaredRead, match=r"grading\.tiers\.at_least"):
        _ = seen.grading.tiers[0].at_least
    moved = [tier.model_copy(update={"at_least": tier.at_least / 2}) for tier in settings.grading.tiers]
    other = settings.model_copy(update={"grading": settings.grading.model_copy(update={"tiers": moved})})
    assert values(other, keys) == values(settings, keys) != values(settings, ("grading.tiers",))
    assert values(settings, keys)["grading.tiers.name.low"] == '"Low"'
