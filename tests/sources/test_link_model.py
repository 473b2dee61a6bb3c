"""Linking without labels on two published sets, one threshold for both (issue 4): pairwise F1 of the customers it makes.

The threshold is the default of ``linking.threshold``; neither set is told from the other by any setting but its country.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tests.sources.linking import agreement, link

DATA = Path(__file__).parents[3] / "shared" / "data"


def fake_1000():
    path = DATA / "link_fake_1000" / "fake_1000.csv"
    if not path.is_file():
        pytest.skip(f"{path.parent.name} is not in shared/data")
    raw = pd.read_csv(path, dtype="str")
    name = (raw["first_name"].fillna("") + " " + raw["surname"].fillna("")).str.strip()
    columns = {"customer_id": raw["unique_id"], "name": name.replace("", None), "birthday": raw["dob"], "region": raw["city"]}
    return pd.DataFrame({**columns, "email": raw["email"]}), raw["cluster"]


def historical_50k():
    path = DATA / "link_historical_50k" / "historical_figures_with_errors_50k.parquet"
    if not path.is_file():
        pytest.skip(f"{path.parent.name} is not in shared/data")
    raw = pd.read_parquet(path)
    names = {"unique_id": "customer_id", "first_and_surname": "name", "dob": "birthday", "birth_place": "region",
             "occupation": "industry", "postcode_fake": "postcode"}  # fmt: skip
    return raw[list(names)].rename(columns=names), raw["cluster"]


def measured(made, **linking):
    """Precision, recall and F1 over all pairs of records."""
    records, truth = made
    linked = link({"list": records}, country="GB", within=True, **linking)
    found = linked.xref.set_index("source_id")["customer_id"]
    return agreement(found.loc[records["customer_id"]].reset_index(drop=True), truth.reset_index(drop=True))


def test_a_thousand_invented_records_are_linked_without_labels():
    precision, recall, f1 = measured(fake_1000(), model=True)
    assert f1 >= 0.72
    assert precision >= 0.98
    rules = measured(fake_1000())
    assert rules[0] >= 0.99 and rules[1] < recall


@pytest.mark.slow
def test_fifty_thousand_historical_records_are_linked_without_labels():
    precision, recall, f1 = measured(historical_50k(), model=True)
    assert f1 >= 0.80
    assert precision >= 0.97
    rules = measured(historical_50k())
    assert rules[0] >= 0.98 and rules[1] < recall


def test_the_model_is_left_out_where_there_is_nothing_to_learn_from():
    records = pd.DataFrame({"customer_id": [f"C{i}" for i in range(300)], "name": [f"人{i}" for i in range(300)]})
    few = link({"crm": records.head(50), "shop": records.tail(50).assign(name="李四")}, model=True)
    assert few.facts["untrained"] == "few_records"
    assert link({"crm": records.head(150), "shop": records.tail(150)}, model=True).facts["untrained"] == "few_matches"
    phones = records.assign(phone=[f"+86138{i % 150:08d}" for i in range(300)], name=[f"人{i % 150}" for i in range(300)])
    two = link({"crm": phones.head(150), "shop": phones.tail(150)}, model=True)
    assert two.facts["untrained"] == "few_columns"
    assert two.facts["customers"] == 150
