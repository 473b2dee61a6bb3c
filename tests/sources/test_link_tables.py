"""What the canonical tables say after linking: one row a customer, and his one id everywhere (D4, D5)."""

from __future__ import annotations

import pytest

from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.settings.checks import check
from workbook.settings.models import Settings
from workbook.sources.third_party import tell_third_party

CRM = (
    "id,name,phone,city,day,seen\nC1,张三,13800000001,上海,2024-01-01,2025-03-01\nC2,李四,13800000002,,2024-02-01,2025-03-01\n"
)
SHOP = (
    "id,name,phone,city,day,seen\nM1,张三,+86 138 0000 0001,北京,2024-06-01,2025-09-01\nM3,王五,13800000003,广州,2024-06-01,\n"
)
COLUMNS = "customer_id=id name phone region=city created_at=day updated_at=seen"


@pytest.fixture
def sources(source):
    return [
        source("customers", "crm.csv", COLUMNS, system="CRM"),
        source("customers", "shop.csv", COLUMNS, system="shop"),
        source("orders", "orders.csv", "order_id=o customer_id=id ordered_at=day amount", system="shop"),
    ]


ORDERS = "o,id,day,amount\n1,M1,2025-10-01,5\n2,C1,2025-10-02,6\n3,M3,2025-10-03,7\n4,X9,2025-10-04,8\n"
FILES = {"crm.csv": CRM, "shop.csv": SHOP, "orders.csv": ORDERS}


def orders(done):
    return done.tables.sql("select order_id, customer_id from orders order by order_id")["customer_id"].tolist()


def field(done, customer, column):
    return done.tables.sql(f"select {column} as x from customers where customer_id = $c", c=customer)["x"].iloc[0]


def test_orders_of_every_system_speak_of_the_linked_customer(deliver, sources):
    done = deliver(FILES, sources)
    assert done.tables.sql("select customer_id from customers order by 1")["customer_id"].tolist() == ["C1", "C2", "M3"]
    assert orders(done) == ["C1", "C1", "M3", "X9"]
    # what became one customer was kept: every row of every file still has one fate
    assert done.row_ledger.set_index("file").loc[["crm.csv", "shop.csv"], "rows_kept"].tolist() == [2, 2]
    repairs = done.repairs.set_index("repair")["rows"]
    assert repairs["records_linked"] == 1
    assert done.linked.facts["systems"] == {"CRM": 2, "shop": 2}


@pytest.mark.parametrize(
    ("linking", "region", "leader"),
    [
        ({}, "上海", "C1"),
        ({"prefer": "fresh"}, "北京", "C1"),
        ({"fields": {"region": ["shop"]}}, "北京", "C1"),
        ({"priority": ["shop"]}, "北京", "M1"),
    ],
)
def test_fields_survive_by_trust_or_freshness_and_say_where_they_come_from(deliver, sources, linking, region, leader):
    done = deliver(FILES, sources, linking=linking)
    assert field(done, leader, "region") == region
    assert [str(field(done, leader, c))[:10] for c in ("created_at", "updated_at")] == ["2024-01-01", "2025-09-01"]
    told = done.provenance.set_index(["customer_id", "field"]).loc[(leader, "region")]
    assert tuple(told) == ("CRM" if region == "上海" else "shop", 2)


def test_without_linking_every_record_stays_a_customer(deliver, sources):
    done = deliver(FILES, sources, linking={"use": False})
    assert done.linked is None and done.provenance.empty
    assert done.tables.rows("customers") == 4
    assert orders(done)[0] == "M1"


def test_a_number_that_two_systems_mean_different_customers_by_is_resolved_by_the_system_of_its_file(deliver, source):
    till = source("orders", "till.csv", "order_id=o customer_id=id ordered_at=day", system="till")
    files = {
        "crm.csv": "id,name\n7,张三\n8,赵六\n", "shop.csv": "id,name\n7,李四\n9,孙七\n",
        "orders.csv": "o,id,day\n1,7,2025-10-01\n", "till.csv": "o,id,day\n2,7,2025-10-01\n3,9,2025-10-02\n",
    }  # fmt: skip
    described = [
        source("customers", "crm.csv", "customer_id=id name", system="CRM"),
        source("customers", "shop.csv", "customer_id=id name", system="shop"),
        source("orders", "orders.csv", "order_id=o customer_id=id ordered_at=day", system="shop"),
        till,
    ]
    done = deliver(files, described, linking={"ids": "own"})
    assert [None if x != x else x for x in orders(done)] == ["shop:7", None, "9"]
    assert done.repairs.set_index("repair").loc["ambiguous_customer", "rows"] == 1


def test_rows_that_fall_together_because_their_customers_do_become_one(deliver, sources, source):
    risk = source("risk", "risk.csv", "customer_id=id credit_rating=grade noted_at=day", system="agency")
    text = "id,grade,day\nC1,A,2025-01-01\nM1,B,2025-06-01\nC2,C,2025-01-01\n"
    done = deliver({**FILES, "risk.csv": text}, [*sources, risk])
    found = done.tables.sql("select customer_id, credit_rating from risk order by 1")
    assert found.to_numpy().tolist() == [["C1", "B"], ["C2", "C"]]
    assert done.repairs.set_index("repair").loc["merged_by_link", "rows"] == 1


def test_units_of_a_pilot_keep_their_ids_and_get_the_customer_they_are(deliver, sources, source):
    pilot = source("assignments", "p.csv", "pilot unit_id=id arm assigned_at=day", system="pilots")
    done = deliver(
        {**FILES, "p.csv": "pilot,id,arm,day\nx,M1,control,2025-10-01\nx,C2,treatment,2025-10-01\n"}, [*sources, pilot]
    )
    found = done.tables.sql("select unit_id, customer_id from assignments order by unit_id")
    assert found.to_numpy().tolist() == [["C2", "C2"], ["M1", "C1"]]


def test_a_third_party_fills_what_is_empty_and_adds_nobody(deliver, source):
    crm = source("customers", "crm.csv", COLUMNS, system="CRM")
    register = source(
        "customers", "register.csv", "customer_id=id industry=trade region=city", system="register", third_party=True
    )
    text = "id,trade,city\nC1,餐饮,天津\nC2,教育,深圳\nZ9,金融,重庆\n"
    done = deliver({"crm.csv": CRM, "register.csv": text}, [crm, register])
    found = done.tables.sql("select customer_id, region, industry from customers order by 1")
    assert found.to_numpy().tolist() == [["C1", "上海", "餐饮"], ["C2", "深圳", "教育"]]
    assert done.linked is None
    told = done.provenance.set_index(["customer_id", "field"])["source"]
    assert told[("C1", "region")] == "CRM" and told[("C2", "region")] == "register"


def test_the_same_delivery_gives_the_same_bytes(deliver, sources, tmp_path):
    files = {}
    for name in ("once", "again"):
        done = deliver(FILES, sources)
        files[name] = {p.name: p.read_bytes() for p in done.folder.rglob("*.parquet")}
        done.tables.connection.close()
        for path in sorted(done.folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
    assert files["once"] == files["again"]


def test_names_in_the_settings_of_linking_must_be_known():
    listed = {"table": "customers", "file": "a.csv", "system": "CRM", "columns": {"customer_id": "id"}, "third_party": True}
    wrong = Settings.model_validate({
        "client": {"name": "A"},
        "sources": [listed],
        "linking": {"rules": [{"id": "model", "name": "x", "keys": ["telephone"]}], "priority": ["SAP"],
                    "fields": {"town": ["CRM"]}, "threshold": 0.8, "review_from": 0.9},
    })  # fmt: skip
    places = {".".join(map(str, fault.path)) for fault in check(wrong)}
    assert {"linking.rules.0.keys.0", "linking.rules.0.id", "linking.priority.0", "linking.fields.town", "linking.review_from",
            "sources.0.third_party"} <= places  # fmt: skip


def test_each_third_party_field_tells_its_source_its_day_and_how_many_rows_found_their_customer(deliver, sources, source):
    """Two systems linked, a credit agency and a business register: rates by the rows that were delivered."""
    risk = source("risk", "risk.csv", "customer_id=id credit_rating=grade noted_at=day", system="agency")
    columns = "customer_id=id industry=trade updated_at=day"
    register = source("customers", "register.csv", columns, system="register", third_party=True)
    files = {
        **FILES,
        "risk.csv": "id,grade,day\nM1,A,2025-01-01\nC2,,2025-09-09\nQ1,B,2025-06-01\nQ2,B,2025-06-01\n",
        "register.csv": "id,trade,day\nM1,餐饮,2025-02-02\nC1,餐饮,2025-02-01\nZ9,金融,2025-05-05\n",
    }
    done = deliver(files, [*sources, risk, register])
    found = done.third_party.assign(latest=done.third_party["latest"].astype("str").str[:10]).set_index("column")
    assert found.loc["credit_rating"].tolist() == ["agency", "risk", 3, 1, 1, 3, "2025-06-01"]
    assert found.loc["industry"].tolist() == ["register", "customers", 3, 2, 1, 3, "2025-05-05"]
    table = tell_third_party(done.third_party).table()
    words = table.bundle([Edition("en"), Edition("zh")])["languages"]
    assert words["en"]["title"] == "agency: 33.3% of its rows find their customer"
    assert [cells[5] for cells in words["zh"]["cells"]] == ["66.7%", "33.3%"]


def test_without_a_third_party_its_fields_are_not_measured(deliver, sources):
    told = tell_third_party(deliver(FILES, sources).third_party)
    assert isinstance(told, NotMeasured) and told.missing == ("risk",)
