"""The demo as stage 2 reads it: everything parses, and the planted faults end where they belong."""

import json
from pathlib import Path

import pytest

from workbook.period import Period
from workbook.settings.reading import check_settings, read_settings
from workbook.sources.prepare import Preparation, prepare


@pytest.fixture(scope="module")
def prepared(remade: Path) -> Preparation:
    period = Period.parse("2025Q4")
    return prepare(remade, "demo", period, read_settings(remade, "demo", period))


@pytest.fixture(scope="module")
def faults(remade: Path) -> dict:
    return json.loads((remade / "data/synthetic/demo/truth.json").read_text("utf-8"))["faults"]


def test_settings_of_every_period_have_no_fault(remade: Path) -> None:
    assert check_settings(remade, "demo") == []


def test_every_table_of_the_demo_is_read(prepared: Preparation) -> None:
    ledger = prepared.row_ledger.groupby("table")[["rows_in", "rows_kept"]].sum()
    assert len(ledger) == 17
    assert (ledger["rows_kept"] > 0.9 * ledger["rows_in"]).all()


def test_planted_dates_and_unfinished_orders_are_quarantined(prepared: Preparation, faults: dict) -> None:
    reasons = prepared.quarantine["orders"]["reason"].value_counts()
    spoiled = faults["malformed_dates"]["detail"]
    vain = {order.removeprefix("U") for order in faults["unfinished_orders"]["ids"]}
    twice = set(faults["repeated_rows"]["detail"]["orders"])
    bad = set(spoiled["orders"])
    # a spoiled time spoils the vain attempt as well, and one dated too late is set aside
    assert reasons["not_valid_business"] == len(vain - bad - set(faults["late_rows"]["ids"]))
    expected = len(bad) + len(vain & bad)
    assert expected <= reasons["unreadable_ordered_at"] <= expected + len(bad & twice)
    assert prepared.quarantine["interactions"]["reason"].value_counts()["unreadable_happened_at"] == len(
        spoiled["interactions"]
    )


def test_rows_delivered_twice_count_once_and_rows_too_late_are_set_aside(prepared: Preparation, faults: dict) -> None:
    ledger = prepared.row_ledger.groupby("table")[["rows_repeated", "rows_set_aside"]].sum()
    assert ledger.loc["feedback", "rows_repeated"] == len(faults["repeated_rows"]["detail"]["feedback"])
    assert 0 < ledger.loc["orders", "rows_set_aside"] <= 1.3 * len(faults["late_rows"]["ids"])


def test_amounts_in_ten_thousands_become_yuan(prepared: Preparation) -> None:
    typical = prepared.tables.sql("select median(value) as v from contracts order by 1")["v"].iloc[0]
    assert 5_000 < float(typical) < 50_000


def test_times_of_excel_come_back_to_the_minute(prepared: Preparation) -> None:
    odd = prepared.tables.sql("select count(*) as n from tickets where second(opened_at) <> 0 order by 1")["n"].iloc[0]
    assert odd == 0
