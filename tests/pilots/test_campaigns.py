import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import PERIOD, settings

from workbook.language import Edition
from workbook.pilots.campaigns import observe_campaigns
from workbook.report.blocks import NotMeasured
from workbook.tables import tables_of


@pytest.fixture(scope="module")
def delivered():
    rng = np.random.default_rng(0)
    ids = [f"c{k:03d}" for k in range(200)]
    rows = 3000
    days = pd.Timestamp("2025-09-01") + pd.to_timedelta(rng.integers(0, 121, rows), unit="D")
    customer = rng.choice(ids[:180], rows)
    reached = np.isin(customer, ids[:80])
    amount = (rng.lognormal(3, 0.5, rows) * np.where(reached & (days >= "2025-11-01"), 3, 1)).round(2)
    orders = pd.DataFrame({"order_id": range(rows), "customer_id": customer, "ordered_at": days, "amount": amount})
    campaigns = pd.DataFrame(
        {
            "campaign_id": ["big", "old", "late"],
            "measure": ["letter", "letter", "call"],
            "starts_at": ["2025-11-01", "2025-01-01", "2025-12-22"],
            "ends_at": ["2025-11-30", "2025-02-01", "2026-02-01"],
        }
    )
    contacts = pd.concat([pd.DataFrame({"campaign_id": c, "customer_id": ids[:80]}) for c in ("big", "old", "late")])
    frames = {
        "customers": pd.DataFrame({"customer_id": ids}),
        "orders": orders,
        "campaigns": campaigns,
        "campaign_contacts": contacts,
    }
    return frames, tables_of(frames, PERIOD)


def test_before_and_after_are_those_of_a_frame_worked_by_hand(delivered):
    frames, tables = delivered
    found = observe_campaigns(tables, settings()).frame.set_index("campaign").loc["big"]
    orders = frames["orders"]
    day = orders["ordered_at"]
    reached = frames["campaign_contacts"]["customer_id"].unique()

    def spent(first, last):
        inside = orders[(day >= first) & (day <= last)]
        return inside.groupby("customer_id")["amount"].sum().reindex(reached, fill_value=0.0)

    change = spent("2025-11-01", "2025-11-30") - spent("2025-10-02", "2025-10-31")
    half = stats.t.ppf(0.975, 79) * change.std(ddof=1) / np.sqrt(80)
    assert (found["days"], found["contacted"], found["others"]) == (30, 80, 120)
    assert found["change"] == pytest.approx(change.mean())
    assert (found["low"], found["high"]) == pytest.approx((change.mean() - half, change.mean() + half))
    assert found["movement"] == "rose"


def test_only_campaigns_of_the_period_are_described_up_to_the_analysis_date(delivered):
    found = observe_campaigns(delivered[1], settings()).frame.set_index("campaign")
    assert set(found.index) == {"big", "late"} and found.loc["late", "days"] == 10


def test_words_say_rose_after_and_never_raised(delivered):
    observed = observe_campaigns(delivered[1], settings())
    words = {e: str([b.bundle((Edition(e),))["languages"] for b in observed.blocks()]) for e in ("en", "zh")}
    assert "rose after" in words["en"] and "raised it" not in words["en"] and "不能认定效果" in words["zh"]


def test_what_was_not_delivered_is_named():
    observed = observe_campaigns(tables_of({}, PERIOD), settings())
    table = observed.table()
    assert isinstance(table, NotMeasured) and "campaign_contacts.customer_id" in table.missing


def test_one_contacted_customer_cannot_tell(delivered):
    frames = dict(delivered[0])
    frames["campaign_contacts"] = pd.DataFrame({"campaign_id": ["big"], "customer_id": ["c001"]})
    found = observe_campaigns(tables_of(frames, PERIOD), settings()).frame
    assert found["movement"].tolist() == ["unknown"] and found["low"].isna().all()
