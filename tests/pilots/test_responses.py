"""Responses to campaigns: customers counted once, with an interval, by tier; nothing said where none is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from tests.conftest import ROOT

from workbook.language import Edition, text
from workbook.period import Period
from workbook.pilots.responses import read_responses
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of

Q4 = Period.parse("2025Q4")
EN, ZH = Edition("en", "USD"), Edition("zh", "CNY")
SETTINGS = Settings.model_validate({"client": {"name": "x"}})
UNGRADED = NotMeasured("grading.tiers", text("grading.not_measured", "The grading of customers"))
BANK = ROOT.parent / "shared" / "data" / "bank_marketing" / "bank_full.csv.gz"


def contacts(customers, response):
    campaigns = [f"k{n}" for n in range(len(customers))]
    frame = pd.DataFrame({"campaign_id": campaigns, "customer_id": customers, "response": response})
    return tables_of({"campaign_contacts": frame}, Q4)


def test_a_customer_counts_once_and_what_is_unknown_is_no_refusal():
    tables = contacts(["a", "a", "b", "c", "c", None], [False, True, False, None, None, True])
    found = read_responses(tables, UNGRADED, SETTINGS)
    assert found.frame[["group", "reached", "responded"]].to_numpy().tolist() == [["all", 2, 1]]
    assert (found.contacts, found.unknown) == (3, 1)


def test_tiers_have_their_own_share_and_the_highest_is_named_only_where_it_surely_is():
    people = [f"c{n:04d}" for n in range(400)]
    scores = pd.DataFrame({"customer_id": people, "tier": np.repeat(["gold", "ordinary"], 200)})
    surely = read_responses(contacts(people, [n < 60 or n >= 390 for n in range(400)]), scores, SETTINGS)
    assert surely.frame["group"].tolist() == ["all", "gold", "ordinary"]
    assert surely.frame["share"].tolist() == pytest.approx([70 / 400, 0.3, 0.05])
    low, high = proportion_confint(60, 200, method="wilson")
    assert surely.frame.loc[1, ["low", "high"]].to_list() == pytest.approx([low, high])
    (table,) = surely.blocks()
    assert table.title.render(EN) == "18% of 400 customers reached responded, most in Gold: 30%"
    table.bundle((EN, ZH))
    hardly = read_responses(contacts(people, [n < 24 or n >= 380 for n in range(400)]), scores, SETTINGS)
    assert hardly.blocks()[0].title.render(EN) == "11% of 400 customers reached responded"


def test_without_responses_it_says_what_to_deliver():
    for tables in (tables_of({}, Q4), contacts(["a"], [None])):
        (note,) = read_responses(tables, UNGRADED, SETTINGS).blocks()
        assert isinstance(note, NotMeasured)


@pytest.mark.skipif(not BANK.exists(), reason=f"{BANK.name} is not on this machine")
def test_the_bank_reaches_its_published_share():
    bank = pd.read_csv(BANK)
    tables = contacts([f"b{n}" for n in bank.iloc[:, 0]], (bank.iloc[:, -1] == "yes").tolist())
    found = read_responses(tables, UNGRADED, SETTINGS).frame.iloc[0]
    assert (found["reached"], found["responded"]) == (45211, 5289)
    assert round(found["share"], 4) == 0.1170 and found["low"] < 0.1170 < found["high"]
