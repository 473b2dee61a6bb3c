"""A client's own columns, kept by name: as text or number, in the profile, for indices, rules and tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.errors import DeliveryError
from workbook.expressions import bad_expressions
from workbook.grading.clusters import find_clusters
from workbook.grading.score import grade
from workbook.period import Period
from workbook.settings.checks import check
from workbook.settings.models import Settings
from workbook.sources.profile import build_profile

LIST = 'id,Spend,Standing,Plan\na,"1,200.50",8,gold\nb,3.5万,,silver\nc,about 40,5,gold\n'
OWN = {"Spend": "number", "Standing": "number", "Plan": "text"}
WHOLESALE = Path(__file__).parents[3] / "shared" / "data" / "wholesale_customers" / "wholesale_customers_clean.csv"


def settings_of(sources, **more) -> Settings:
    return Settings.model_validate({"client": {"name": "Acme"}, "sources": sources, **more})


def test_numbers_are_read_as_clients_write_them_and_what_is_no_number_is_told(deliver, source):
    one = source("customers", "l.csv", "customer_id=id", attributes=OWN)
    done = deliver({"l.csv": LIST}, [one])
    profile = build_profile(done.tables, settings_of([one])).frame.set_index("customer_id")
    assert profile["own_Spend"].tolist()[:2] == [1200.5, 35000.0] and np.isnan(profile.loc["c", "own_Spend"])
    assert profile["own_Standing"].tolist()[::2] == [8.0, 5.0] and np.isnan(profile.loc["b", "own_Standing"])
    assert profile["own_Plan"].tolist() == ["gold", "silver", "gold"]
    told = done.repairs[done.repairs["table"] == "attributes"].iloc[0]
    assert (told["repair"], told["rows"]) == ("unreadable_value", 1)
    assert told["example"].startswith("Spend") or "*" in told["example"]


def test_a_comma_before_decimals_is_seen_in_the_column_and_asked_about_where_nothing_tells(deliver, source):
    one = source("customers", "l.csv", "customer_id=id", attributes={"Spend": "number"}, delimiter=";")
    clear = deliver({"l.csv": "id;Spend\na;1.234,56\nb;12,5\n"}, [one])
    assert build_profile(clear.tables, settings_of([one])).frame["own_Spend"].tolist() == [1234.56, 12.5]
    with pytest.raises(DeliveryError, match=r"found numbers such as '1.234' in 'Spend'; expected to tell the sign"):
        deliver({"l.csv": "id;Spend\na;1.234\nb;5.678\n"}, [one], client={"name": "Acme", "country": "DE"})


def test_the_own_columns_stand_behind_the_others_and_have_a_meaning(deliver, source):
    one = source("customers", "l.csv", "customer_id=id", attributes=["Plan"])
    profile = build_profile(deliver({"l.csv": LIST}, [one]).tables, settings_of([one]))
    assert profile.frame.columns[-1] == "own_Plan"
    assert profile.coverage().iloc[-1][["column", "share"]].tolist() == ["own_Plan", 1.0]


@pytest.mark.parametrize(
    ("source_of_index", "fault"),
    [("own_Spend + own_Standing", None), ("own_Spent", "did you mean 'own_Spend'?"), ("own_Plan + 1", "Plan")],
)
def test_an_index_over_own_columns_is_judged_before_a_run(source, source_of_index, fault):
    index = {"id": "x", "name": "x", "source": source_of_index, "group": "g"}
    grading = {"groups": [{"id": "g", "name": "g", "weight": 1}], "indices": [index]}
    settings = settings_of([source("customers", "l.csv", "customer_id=id", attributes=OWN)], grading=grading)
    faults = [f for f in bad_expressions(settings) if f.path[:2] == ("grading", "indices")]
    assert bool(faults) == (fault is not None)
    assert all(fault in f"{f.found} {f.hint}" for f in faults)


def test_one_name_in_two_spellings_or_of_two_kinds_is_refused(source):
    sources = [
        source("customers", "a.csv", "customer_id=id", attributes={"Spend": "number", "Plan": "text"}),
        source("customers", "b.csv", "customer_id=id", attributes={"spend": "number", "Plan": "number"}),
    ]
    found = {fault.path: fault.found for fault in check(settings_of(sources))}
    assert found[("sources", 1, "attributes", "spend")] == "'spend' beside 'Spend'"
    assert found[("sources", 1, "attributes", "Plan")] == "'Plan' as number, elsewhere as text"


def test_an_attribute_named_like_sql_is_a_name_and_nothing_else(deliver, source):
    header = "x\" from profile -- '"
    content = pd.DataFrame({"id": ["a", "b"], header: ["1", "2"]}).to_csv(index=False)
    one = source("customers", "l.csv", "customer_id=id", attributes={header: "number"})
    profile = build_profile(deliver({"l.csv": content}, [one]).tables, settings_of([one])).frame
    assert profile[f"own_{header}"].tolist() == [1.0, 2.0]


def test_wholesale_customers_are_graded_by_what_they_spent(deliver):
    if not WHOLESALE.is_file():
        pytest.skip(f"{WHOLESALE} is not on this machine")
    kinds = ["Fresh", "Milk", "Grocery", "Frozen", "Detergents_Paper", "Delicassen"]
    one = {
        "table": "customers", "file": "w.csv", "columns": {"channel": "Channel", "region": "Region"},
        "constants": {"customer_id": "row number"}, "attributes": dict.fromkeys(kinds, "number"),
    }  # fmt: skip
    indices = [{"id": k.lower(), "name": k, "source": f"own_{k}", "group": "spend", "normalise": "log"} for k in kinds]
    tiers = [{"id": "a", "name": "A", "at_least": 60}, {"id": "b", "name": "B", "at_least": 0}]
    settings = settings_of(
        [one], grading={"groups": [{"id": "spend", "name": "Spending", "weight": 1}], "indices": indices, "tiers": tiers}
    )
    profile = build_profile(deliver({"w.csv": WHOLESALE.read_bytes()}, [one]).tables, settings).frame
    # the set's own figures: 440 customers, 298 and 142 by channel; means 12,000.30 and 7,951.28
    assert profile["channel"].value_counts().to_dict() == {"1": 298, "2": 142}
    assert (round(profile["own_Fresh"].mean(), 2), round(profile["own_Grocery"].mean(), 2)) == (12000.30, 7951.28)
    period = Period.parse("2025Q4")
    graded = grade(profile, settings.grading, period=period, window_months=12)
    assert len(graded.frame) == 440 and graded.unscored == 0
    assert graded.tiers.set_index("tier")["customers"].sum() == 440
    # what a retail customer buys sets it apart from a hotel or a café: two groups that follow the channel
    found = find_clusters(graded.frame, settings.grading, graded.policy.number, period=period, seed=1)
    both = found.frame.merge(profile[["customer_id", "channel"]])
    table = pd.crosstab(both["cluster"], both["channel"])
    assert found.frame["cluster"].nunique() >= 2
    assert table.max(axis=1).sum() / 440 > 0.75


def test_a_tag_that_asks_for_an_own_column_nobody_named_is_refused(source):
    settings = settings_of(
        [source("customers", "l.csv", "customer_id=id")], tags=[{"id": "t", "name": "T", "rule": "own_X > 1"}]
    )
    assert [f.path for f in bad_expressions(settings)] == [("tags", 0, "rule")]
