"""Files that say who has left, without dates or ids, up to the risk of leaving: planted, Telco, Iranian churn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.errors import WorkbookError
from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Analysis, Grading, Value
from workbook.value.churn import Churn, foresee_churn
from workbook.value.contracts import Contracts, keep_contracts

DATA = Path(__file__).parents[3] / "shared" / "data"
PERIOD = Period.parse("2025Q4")
DAY = {"noted_at": "2025-12-31"}
EDITIONS = (Edition("en", "USD"), Edition("zh", "USD"))
UNKNOWN = NotMeasured("value.lifetime", named("what customers will bring"))


def foreseen(done, **settings) -> Churn:
    found = foresee_churn(done.tables, Value.model_validate(settings), Analysis(), UNKNOWN, period=PERIOD)
    assert isinstance(found, Churn)
    assert all(block.bundle(EDITIONS) for block in found.blocks(UNKNOWN, Grading()))
    return found


def content(name: str) -> bytes:
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"{path} is not on this machine")
    return path.read_bytes()


def planted(n: int = 1200) -> pd.DataFrame:
    """A sign that matters, one that does not, one of many words, and one written down when the customer had left."""
    rng = np.random.default_rng(7)
    sign, noise = rng.random(n) < 0.4, rng.random(n) < 0.5
    left = rng.random(n) < np.where(sign, 0.5, 0.15)
    return pd.DataFrame({
        "months": rng.integers(0, 60, n), "gone": np.where(left, "Yes", "No"), "plan": np.where(sign, "monthly", "yearly"),
        "side": np.where(noise, "left", "right"), "note": [f"note {k}" for k in range(n)],
        "reason": np.where(left, rng.choice(["price", "service"], n), "none"),
    })  # fmt: skip


def test_months_on_board_and_a_word_for_the_end_become_dates_and_each_row_is_a_customer(deliver):
    text = "months,gone\n3,Yes\n0,No\n,No\n"
    constants = {**DAY, "customer_id": "row number"}
    done = deliver(
        {"s.csv": text},
        [{"table": "contracts", "file": "s.csv", "columns": {"months": "months", "ended": "gone"}, "constants": constants}],
    )
    rows = done.tables.sql(
        "select customer_id, starts_at::varchar as a, ends_at::varchar as b from contracts order by customer_id"
    )
    assert rows["customer_id"].nunique() == 3
    assert rows["a"].tolist()[:2] == ["2025-09-30", "2025-12-31"] and pd.isna(rows["a"].tolist()[2])
    assert rows["b"].tolist()[0] == "2025-12-31" and rows["b"].isna().tolist()[1:] == [True, True]
    made = set(done.repairs["repair"])
    assert {"customer_is_row", "start_by_months", "end_by_snapshot"} <= made


def test_a_snapshot_taken_after_the_period_is_set_aside(deliver, source):
    one = source("contracts", "s.csv", "customer_id=id months ended", constants={"noted_at": "2026-01-31"})
    done = deliver({"s.csv": "id,months,ended\na,3,Yes\n"}, [one])
    assert done.tables.rows("contracts") == 0 and done.row_ledger["rows_set_aside"].tolist() == [1]


def test_an_attribute_that_the_file_lacks_is_named_with_the_nearest(deliver, source):
    one = source("contracts", "s.csv", "customer_id=id months ended", constants=DAY, attributes=["Plann"])
    with pytest.raises(WorkbookError, match=r"no column of its own 'Plann' for sources\.attributes"):
        deliver({"s.csv": "id,months,ended,Plan\na,3,Yes,x\n"}, [one])


def test_the_planted_sign_is_clear_the_noise_is_not_and_what_tells_the_outcome_is_left_out(deliver):
    frame = planted()
    one = {
        "table": "contracts", "file": "s.csv", "columns": {"months": "months", "ended": "gone"},
        "constants": {**DAY, "customer_id": "row number"}, "attributes": ["plan", "side", "note", "reason"],
    }  # fmt: skip
    found = foreseen(deliver({"s.csv": frame.to_csv(index=False)}, [one]))
    signs = found.signals.set_index("signal")
    assert signs.index[0] == "plan: monthly" and bool(signs["clear"].iloc[0])
    assert not signs.drop(index="plan: monthly")["clear"].any()
    assert not any("reason" in name for name in signs.index)
    assert found.snapshot is not None
    assert [one.render(EDITIONS[0]) for one in found.snapshot.leaky] == ["reason"]
    assert [one.render(EDITIONS[0]) for one in found.snapshot.unread] == ["note"]
    # only who has not left can be kept
    assert len(found.frame) == (frame["gone"] == "No").sum()


def test_telco_gives_its_published_shares_and_calibrated_risks(deliver):
    text = content("ibm_telco/Telco-Customer-Churn.csv")
    header = text.split(b"\n", 1)[0].decode().strip().split(",")
    mapped = {"customer_id": "customerID", "months": "tenure", "ended": "Churn", "value": "MonthlyCharges"}
    own = [name for name in header if name not in {*mapped.values(), "TotalCharges"}]
    done = deliver(
        {"t.csv": text},
        [{"table": "contracts", "file": "t.csv", "columns": mapped, "constants": DAY, "attributes": own}],
    )
    found = foreseen(done)
    assert (len(found.lost), int(found.lost.sum())) == (7043, 1869)
    best = found.scores.iloc[0]
    assert best["auc"] == pytest.approx(0.845, abs=0.005) and best["brier"] == pytest.approx(0.135, abs=0.002)
    month = found.signals.set_index("signal").loc["Contract: Month-to-month"]
    assert month["left_with"] == pytest.approx(0.4271, abs=0.00005)
    assert found.snapshot is not None and found.snapshot.leaky == ()
    kept = keep_contracts(done.tables, Value(contract_segment="Contract"), period=PERIOD)
    assert isinstance(kept, Contracts) and kept.monthly
    # the estimate itself is held by hand in tests/value/test_contracts.py
    segments = kept.segments.set_index("segment")["contracts"]
    assert segments.to_dict() == {"Month-to-month": 3875, "One year": 1473, "Two year": 1695}


def test_iranian_churn_without_ids_or_days_is_read_a_row_a_customer(deliver):
    text = content("iranian_churn/Customer_Churn.csv")
    header = text.split(b"\n", 1)[0].decode().strip().split(",")
    one = {
        "table": "contracts", "file": "i.csv", "columns": {"months": "Subscription  Length", "ended": "Churn"},
        "constants": {**DAY, "customer_id": "row number"},
        "attributes": [name for name in header if name not in ("Subscription  Length", "Churn")],
    }  # fmt: skip
    found = foreseen(deliver({"i.csv": text}, [one]))
    assert (len(found.lost), int(found.lost.sum())) == (3150, 495)
    best = found.scores.iloc[0]
    assert best["auc"] > 0.9 and best["skill_low"] > 0.4
    assert found.frame["value_at_risk"].isna().all()  # nobody says what a month brings
