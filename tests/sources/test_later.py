"""Customers whom the period cannot know are set aside; nobody who acted in it is, and no row is left pointing to nobody."""

from __future__ import annotations

CUSTOMERS = """id,created,phone
A,2025-06-01,13800000001
B,2026-02-01,13800000002
C,2026-02-01,13800000003
D,,13800000004
E,2025-12-31,13800000005
"""


def ledger(done, table):
    frame = done.row_ledger.set_index("table")
    return frame.loc[table, ["rows_in", "rows_kept", "rows_quarantined", "rows_repeated", "rows_set_aside"]].tolist()


def delivered(deliver, source, **more):
    files = {
        "c.csv": CUSTOMERS,
        # B bought after the period only, C within it although its record is younger
        "o.csv": "id,who,day,sum\n1,A,2025-10-01,10\n2,B,2026-02-03,5\n3,C,2025-12-30,7\n",
        "r.csv": "who,rating\nA,AA\nB,B\nC,C\nZ,D\n",
        "k.csv": "who,purpose,day\nA,marketing,2025-06-01\nB,marketing,2026-02-01\nB,research,\nC,marketing,\n",
    }
    return deliver(
        files,
        [
            source("customers", "c.csv", "customer_id=id created_at=created phone"),
            source("orders", "o.csv", "order_id=id customer_id=who ordered_at=day amount=sum"),
            source("risk", "r.csv", "customer_id=who credit_rating=rating"),
            source("consents", "k.csv", "customer_id=who purpose granted_at=day"),
        ],
        **more,
    )


def test_later_customers_are_set_aside_and_counted(deliver, source):
    done = delivered(deliver, source)
    assert done.tables.sql("select customer_id from customers order by 1")["customer_id"].tolist() == ["A", "C", "D", "E"]
    assert ledger(done, "customers") == [5, 4, 0, 0, 1]
    assert ledger(done, "orders") == [3, 2, 0, 0, 1]


def test_rows_that_point_to_them_are_no_orphans(deliver, source):
    done = delivered(deliver, source)
    assert ledger(done, "risk") == [4, 3, 0, 0, 1]
    assert ledger(done, "consents") == [4, 2, 0, 0, 2]
    alerts = set(done.alerts["alert"])
    assert not {"order_of_unknown_customer", "consent_of_unknown_customer"} & alerts
    assert {"order_before_customer", "record_after_period"} <= alerts


def test_an_earlier_period_of_the_same_files_knows_fewer(deliver, source):
    done = delivered(deliver, source, period="2025Q3")
    assert done.tables.sql("select customer_id from customers order by 1")["customer_id"].tolist() == ["A", "D"]
    assert ledger(done, "customers") == [5, 2, 0, 0, 3]


def test_a_list_without_creation_days_stays_whole(deliver, source):
    done = deliver({"c.csv": CUSTOMERS}, [source("customers", "c.csv", "customer_id=id phone")])
    assert ledger(done, "customers") == [5, 5, 0, 0, 0]
