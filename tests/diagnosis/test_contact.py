"""Contacts are counted against value: by tier, else by fifths of revenue, and silence is not hidden by a mean (X3)."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.contact import QUARTER_DAYS, contact_rates, contact_table
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of

PERIOD = Period.parse("2025Q4")
SETTINGS = Settings(client={"name": "Test"})
EN, ZH = Edition("en"), Edition("zh")


def client(n=200, tiers=("diamond", "ordinary"), rates=(0.5, 3.0)):
    rng = np.random.default_rng(3)
    ids = np.array([f"C{i:03}" for i in range(n)])
    place = np.arange(n) % len(tiers)
    made = rng.poisson(np.array(rates)[place])
    who = np.repeat(ids, made)
    direction = np.where(np.arange(len(who)) % 4, "in", "呼出")
    contacts = pd.DataFrame({"interaction_id": np.arange(len(who)).astype(str), "customer_id": who,
                             "happened_at": "2025-10-01 10:00", "direction": direction})  # fmt: skip
    profile = pd.DataFrame({"customer_id": ids, "revenue": np.where(place == 0, 900.0, 100.0) + np.arange(n)})
    customers = pd.DataFrame({"customer_id": ids, "tier": np.array(tiers)[place]})
    return {"customers": customers, "interactions": contacts}, profile, made, place


def test_the_mean_by_tier_agrees_with_a_count_by_hand_and_the_title_blames_the_right_tier():
    frames, profile, made, place = client()
    tables = tables_of(frames, PERIOD)
    rates, names, (rho, _, high) = contact_rates(tables, profile, SETTINGS)
    assert [names[int(p)].render(EN) for p in rates["place"][1:]] == ["Diamond", "Ordinary"]
    scale = QUARTER_DAYS / 92
    by_hand = [made.mean(), made[place == 0].mean(), made[place == 1].mean()]
    np.testing.assert_allclose(rates["a_quarter"], np.array(by_hand) * scale)
    np.testing.assert_allclose(rates["without"], [(m == 0).mean() for m in (made, made[place == 0], made[place == 1])])
    assert rates["ours"].iloc[0] == pytest.approx(np.ceil(made.sum() / 4) / 200 * scale)
    assert rho < high < 0  # the dearer customers hear less
    shown = contact_table(tables, profile, SETTINGS).bundle((EN, ZH))["languages"]
    assert shown["en"]["title"].startswith("Diamond: only 0.5 contacts a quarter, fewer than Ordinary with 3.")
    assert shown["zh"]["title"].startswith("钻石每季仅联系 0.5 次，少于普通的 3.")


def test_intervals_over_rows_hold_together_in_nineteen_of_twenty_clients():
    rng, missed = np.random.default_rng(5), 0
    ids = [f"C{i:03}" for i in range(120)]
    profile = pd.DataFrame({"customer_id": ids, "revenue": 1.0 + np.arange(120)})
    for _ in range(20):
        made = rng.negative_binomial(2, 0.4, 120)
        frames = {"customers": pd.DataFrame({"customer_id": ids}),
                  "interactions": pd.DataFrame({"customer_id": np.repeat(ids, made), "happened_at": "2025-10-01"})}  # fmt: skip
        rates, names, _ = contact_rates(tables_of(frames, PERIOD), profile, SETTINGS)
        assert len(rates) == 6 and len(names) == 5
        truth = 3.0 * QUARTER_DAYS / 92
        missed += not ((rates["low"] <= truth) & (truth <= rates["high"])).all()
    assert missed <= 3  # 5 % of 20 with two standard errors


def test_records_that_begin_within_the_period_are_scaled_by_the_days_they_cover():
    frames, profile, made, _ = client()
    frames["interactions"]["happened_at"] = "2025-12-01"
    rates = contact_rates(tables_of(frames, PERIOD), profile, SETTINGS)[0]
    assert rates["a_quarter"].iloc[0] == pytest.approx(made.mean() * QUARTER_DAYS / 31)


def test_without_contacts_or_customers_it_is_said():
    frames, profile, _, _ = client()
    assert contact_table(tables_of({}, PERIOD), profile, SETTINGS).missing == ("interactions",)
    empty = contact_table(tables_of(frames, PERIOD), profile.head(0), SETTINGS)
    assert isinstance(empty, NotMeasured)
