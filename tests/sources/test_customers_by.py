"""Files that call customers by name, e-mail or phone: the id is looked up; who is unknown or called as another has none."""

from __future__ import annotations

import pytest

from workbook.errors import DeliveryError

CUSTOMERS = """id,name,mail
C1,远东贸易（上海）有限公司,a@example.com
C2,Bright  Star Ltd,B@Example.com
C3,王伟,c@example.com
C4,王伟,d@example.com
"""


def ids(prepared, table, key):
    return prepared.tables.connection.execute(f"select {key}, customer_id from {table} order by 1").fetchall()


def repairs(prepared):
    rows = prepared.repairs[prepared.repairs["column"] == "customer_id"]
    return dict(zip(rows["repair"], zip(rows["rows"].astype(int), rows["example"], strict=True), strict=True))


@pytest.fixture
def listed(source):
    return source("customers", "c.csv", "customer_id=id name=name email=mail")


def test_names_lead_to_ids_and_nobody_is_guessed(deliver, source, listed):
    who = ["远东贸易(上海)有限公司", "BRIGHT star ltd", "王伟", "Nobody"]
    orders = "no,who,day\n" + "".join(f"{i},{name},2025-10-0{i}\n" for i, name in enumerate(who, 1))
    made = deliver(
        {"c.csv": CUSTOMERS, "o.csv": orders},
        [listed, source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day", customers_by="name")],
        analysis={"customers_from_orders": True},
    )
    assert ids(made, "orders", "order_id") == [("1", "C1"), ("2", "C2"), ("3", None), ("4", None)]
    assert ids(made, "customers", "customer_id") == [(f"C{i}", f"C{i}") for i in range(1, 5)]
    found = repairs(made)
    assert {repair: rows for repair, (rows, _) in found.items()} == {
        "customer_found": 2, "customer_unknown": 1, "customer_called_twice": 1,
    }  # fmt: skip
    assert "王伟" not in str(found) and "Nobody" not in str(found)


def test_addresses_lead_to_ids_and_rows_that_need_one_are_quarantined(deliver, source, listed):
    calls = "who,day\nb@example.com,2025-10-02\nnobody@example.com,2025-10-03\n"
    made = deliver(
        {"c.csv": CUSTOMERS, "i.csv": calls},
        [listed, source("interactions", "i.csv", "customer_id=who happened_at=day", customers_by="email")],
    )
    assert [row[1] for row in ids(made, "interactions", "happened_at")] == ["C2"]
    assert made.quarantine["interactions"]["reason"].tolist() == ["unknown_customer"]
    ledger = made.row_ledger.set_index("table").loc["interactions"]
    assert (ledger["rows_in"], ledger["rows_kept"], ledger["rows_quarantined"]) == (2, 1, 1)


def test_without_a_list_that_holds_names_it_is_refused(deliver, source):
    orders = source("orders", "o.csv", "order_id=no customer_id=who ordered_at=day", customers_by="name")
    with pytest.raises(DeliveryError, match="found customers_by: name in sources; expected a list of customers"):
        deliver({"o.csv": "no,who,day\n1,Ann,2025-10-01\n"}, [orders])


@pytest.mark.parametrize(
    ("country", "listed", "called"),
    [
        (
            "CN",
            ["13800138000", "138-0013-8001", "13800138002"],
            ["+86 138 0013 8000", "013800138001", "138****8002", "13800139999"],
        ),
        (
            "GB",
            ["020 7946 0958", "+44 20 7946 0959", "02079460957"],
            ["+442079460958", "(020) 7946 0959", "x", "020 7946 0000"],
        ),
    ],
)
def test_telephones_lead_to_ids_however_they_are_written(deliver, source, country, listed, called):
    customers = "id,tel\n" + "".join(f"C{i},{phone}\n" for i, phone in enumerate(listed, 1))
    calls = "no,who,day\n" + "".join(f"T{i},{phone},2025-10-0{i}\n" for i, phone in enumerate(called, 1))
    made = deliver(
        {"c.csv": customers, "t.csv": calls},
        [source("customers", "c.csv", "customer_id=id phone=tel"),
         source("tickets", "t.csv", "ticket_id=no customer_id=who opened_at=day", customers_by="phone")],
        client={"name": "Test", "country": country},
    )  # fmt: skip
    assert [row[1] for row in ids(made, "tickets", "ticket_id")] == ["C1", "C2", None, None]
