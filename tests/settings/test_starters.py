"""The starters grade a profile as it is: every index is an expression over its columns that gives a number."""

from __future__ import annotations

import pandas as pd
import pytest

from workbook.grading.indices import index_values
from workbook.period import Period
from workbook.places import templates_folder
from workbook.settings.reading import read_settings
from workbook.sources.profile import DAYS, column_meanings

STARTERS = sorted(path.stem for path in (templates_folder() / "engagements").glob("*.yaml"))
TEXTS = ("customer_id", "kind", "status", "region", "industry", "size", "channel", "owner", "tier", "credit_rating")


def profile() -> pd.DataFrame:
    """Two customers, one of whom nothing is known of."""
    numbers = [c for c in column_meanings() if c not in (*TEXTS, *DAYS, "marketing_consent", "reachable")]
    frame = pd.DataFrame({column: [1.5, None] for column in numbers})
    for column in DAYS:
        frame[column] = pd.to_datetime(["2025-11-03", None])
    for column in TEXTS:
        frame[column] = pd.Series(["aa", None], dtype="str")
    return frame.assign(customer_id=["a", "b"], marketing_consent=[True, False], reachable=[True, None])


@pytest.mark.parametrize("name", STARTERS)
def test_every_index_of_a_starter_can_be_computed(home, name):
    home.write("engagement", f"client: {{name: Demo}}\ntemplate: {name}\n")
    indices = read_settings(home.folder, "demo", Period.parse("2025Q4")).grading.indices
    values = index_values(profile(), indices)
    assert list(values.columns) == [index.id for index in indices]
    assert values.iloc[0].notna().all()


def test_a_better_credit_rating_earns_more(home):
    home.write("engagement", "client: {name: Demo}\ntemplate: b2b\n")
    indices = read_settings(home.folder, "demo", Period.parse("2025Q4")).grading.indices
    credit = [index for index in indices if index.id == "credit"]
    ratings = ["AAA", "aa", "A", "BBB", "BB", "B", "C"]
    frame = pd.DataFrame({"customer_id": ratings, "credit_rating": ratings})
    found = index_values(frame, credit)["credit"].tolist()
    assert found == sorted(found, reverse=True)
    assert found[0] == 100
