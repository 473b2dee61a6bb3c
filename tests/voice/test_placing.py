"""Where a comment belongs: its order, its ticket's server, its week; each customer by the last comment, nobody by name."""

import pandas as pd

from workbook.language import Edition
from workbook.period import Period
from workbook.tables import tables_of
from workbook.voice.placing import place_comments, place_name

PERIOD = Period.parse("2025Q4")


def test_a_comment_belongs_to_the_product_and_store_of_its_order_or_of_the_last_one_before_it():
    tables = tables_of(
        {
            "orders": pd.DataFrame({"order_id": list("abc"), "customer_id": list("112"), "store": ["A", "B", "C"],
                                    "ordered_at": ["2025-10-01", "2025-11-01", "2025-12-30"]}),
            "order_lines": pd.DataFrame({"order_id": list("abbc"), "line_id": list("1121"), "category": list("xyzx"),
                                         "amount": [1, 5, 1, 1]}),
            "feedback": pd.DataFrame({"feedback_id": ["f", "g"], "given_at": "2025-12-01", "order_id": ["a", None]}),
            "customers": pd.DataFrame({"customer_id": ["1", "2"], "owner": ["Li", None], "region": ["N", "S"]}),
        },
        PERIOD,
    )  # fmt: skip
    bad = pd.DataFrame({"comment_id": ["f", "g", "t", "n"], "source": ["review", "review", "ticket", "open"],
                        "customer_id": ["1", "1", "2", None], "given_at": pd.to_datetime(["2025-12-01"] * 4),
                        "channel": "", "topic": ["late", "x", "x", "x"]})  # fmt: skip
    rows = place_comments(bad[bad["comment_id"] != "g"], tables).set_index("customer_id")
    assert rows.loc["1", ["topic", "store", "product", "region", "owner"]].tolist() == ["late", "A", "x", "N", "1"]
    assert rows.loc["2", ["store", "product", "owner"]].isna().all() and rows.loc["2", "topic"] == "x"
    assert rows.loc["open n", ["store", "region"]].isna().all()
    later = place_comments(bad[bad["comment_id"] == "g"], tables).iloc[0]
    assert later[["store", "product"]].tolist() == ["B", "y"]


def comments(**columns):
    return pd.DataFrame({"source": "review", "channel": "web", "topic": "x", **columns})


def test_each_customer_counts_once_by_the_last_comment_whatever_it_speaks_of():
    bad = comments(comment_id=list("abcd"), customer_id=["1", "1", "1", None], topic=["late", "late", "taste", "late"],
                   given_at=pd.to_datetime(["2025-10-01", "2025-11-05", "2025-12-24", "2025-10-02"]))  # fmt: skip
    rows = place_comments(bad, tables_of({}, PERIOD)).set_index("customer_id")
    assert rows["topic"].to_dict() == {"1": "taste", "review d": "late"}
    assert rows.loc["1", ["week", "weekday"]].tolist() == ["2025-12", "3"]


def test_time_is_looked_at_by_weeks_in_a_month_and_by_months_in_longer_periods():
    bad = comments(comment_id=["a"], customer_id=["1"], given_at=pd.to_datetime(["2025-11-05"]))
    assert place_comments(bad, tables_of({}, Period.parse("2025-11")))["week"].tolist() == ["2025-11-03"]
    assert place_name("week", "2025-11-03").render(Edition("zh")).startswith("2025 年 11 月 3 日")
    assert place_name("week", "2025-11").render(Edition("zh")) == "2025-11"


def test_an_employee_is_who_logged_most_of_the_ticket_a_comment_is_or_is_about_and_has_a_number():
    tables = tables_of(
        {
            "tickets": pd.DataFrame({"ticket_id": ["t", "u"], "customer_id": ["1", "2"], "opened_at": "2025-10-01"}),
            "ticket_events": pd.DataFrame({"ticket_id": list("tttu"), "happened_at": pd.date_range("2025-10-01", periods=4),
                                           "activity": "x", "actor": ["Wu", "Li", "Wu", "Li"]}),
            "feedback": pd.DataFrame({"feedback_id": ["f", "g"], "given_at": "2025-12-01", "ticket_id": ["u", None]}),
            "customers": pd.DataFrame({"customer_id": ["1"], "owner": ["An"]}),
        },
        PERIOD,
    )  # fmt: skip
    bad = comments(comment_id=["t", "f", "g"], source=["ticket", "review", "review"], customer_id=["1", "2", "3"],
                   given_at=pd.to_datetime(["2025-12-01"] * 3))  # fmt: skip
    rows = place_comments(bad, tables).set_index("customer_id")
    assert rows.loc[["1", "2"], "employee"].tolist() == ["3", "2"] and pd.isna(rows.loc["3", "employee"])
    assert rows.loc["1", "owner"] == "1"


def test_without_events_the_employee_is_who_had_the_last_contact_and_the_account_owner_is_not_counted_twice():
    def rows(owners):
        contacts = pd.DataFrame({"interaction_id": list("abc"), "customer_id": list("112"), "employee": ["Li", "Wu", "Li"],
                                 "happened_at": ["2025-10-01", "2025-11-01", "2025-10-05"]})  # fmt: skip
        people = pd.DataFrame({"customer_id": ["1", "2"], "owner": owners})
        bad = comments(comment_id=["a", "b"], customer_id=["1", "2"], given_at=pd.to_datetime(["2025-10-20"] * 2))
        return place_comments(bad, tables_of({"interactions": contacts, "customers": people}, PERIOD))

    assert rows(["An", "An"])["employee"].tolist() == ["2", "2"]
    same = rows(["Li", "Li"])
    assert same["employee"].isna().all() and same["owner"].tolist() == ["1", "1"]
