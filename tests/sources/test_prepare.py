"""From delivered files to canonical tables: every row has one fate, and the same inputs give the same bytes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbook.errors import WorkbookError
from workbook.period import Period
from workbook.settings.models import Settings
from workbook.sources.prepare import check_delivery, prepare

ORDERS = """id,who,day,sum,state
1,A,2025-10-01,5,done
2,B,2025-10-02,6,open
3,A,2026-01-01,7,done
3x,A,,7,done
1,A,2025-10-01,5,done
"""


def ledger(done, table):
    frame = done.row_ledger.set_index("table")
    return frame.loc[table, ["rows_in", "rows_kept", "rows_quarantined", "rows_repeated", "rows_set_aside"]].tolist()


def test_every_row_of_a_file_has_one_fate(deliver, source):
    orders = source("orders", "o.csv", "order_id=id customer_id=who ordered_at=day amount=sum status=state")
    done = deliver({"o.csv": ORDERS}, [orders], analysis={"finished_orders": ["done"]})
    assert ledger(done, "orders") == [5, 1, 2, 1, 1]
    assert done.quarantine["orders"][["row", "reason"]].to_numpy().tolist() == [
        [3, "unfinished_order"],
        [5, "missing_ordered_at"],
    ]
    assert json.loads(done.quarantine["orders"]["original"].iloc[0])["who"] == "B"
    assert done.tables.sql("select customer_id from customers")["customer_id"].tolist() == ["A"]


def test_lines_share_the_fate_of_their_order(deliver, source):
    orders = source("orders", "o.csv", "order_id=id customer_id=who ordered_at=day status=state", only={"status": ["done"]})
    lines = source("order_lines", "l.csv", "order_id=id product_id=p amount")
    text = "id,p,amount\n1,x,2\n1,y,3\n2,x,6\n3,x,7\n9,x,1\n"
    done = deliver({"o.csv": ORDERS, "l.csv": text}, [lines, orders])
    assert ledger(done, "order_lines") == [5, 3, 1, 0, 1]
    assert done.quarantine["order_lines"]["reason"].tolist() == ["orders_quarantined"]
    assert done.tables.sql("select line_id from order_lines order by order_id, line_id")["line_id"].tolist() == ["1", "2", "1"]
    # the orders carry no amount of their own: it is the sum of the lines
    assert done.tables.sql("select amount from orders")["amount"].astype(float).tolist() == [5.0]
    assert "lines_without_order" in done.alerts["alert"].tolist()


def test_grouped_rows_make_one_row_and_all_are_counted(deliver, source):
    text = "basket,who,day,sum\n" + "1,A,2025-10-01 08:00,1.10\n" * 2 + "1,A,2025-10-01 08:00,2.20\n2,B,2026-01-05,9\n"
    orders = source("orders", "t.csv", "order_id=basket customer_id=who ordered_at=day amount=sum", group=True)
    done = deliver({"t.csv": text}, [orders])
    assert ledger(done, "orders") == [4, 3, 0, 0, 1]
    assert done.tables.sql("select amount::varchar as amount from orders")["amount"].tolist() == ["4.4000"]


def test_rows_delivered_again_in_a_later_period_are_repeated(deliver, source):
    orders = source("orders", "o.csv", "order_id=id ordered_at=day", accumulate=True)
    deliver({"o.csv": "id,day\n1,2025-07-01\n2,2025-08-01\n"}, [orders], period="2025Q3")
    done = deliver({"o.csv": "id,day\n2,2025-08-01\n3,2025-10-01\n"}, [orders])
    assert done.row_ledger[["file", "rows_kept", "rows_repeated"]].to_numpy().tolist() == [
        ["2025Q3/o.csv", 1, 1],
        ["o.csv", 2, 0],
    ]


def test_rows_without_a_key_are_repeated_only_across_files(deliver, source):
    touches = source("interactions", "i.csv", "customer_id=who happened_at=day", accumulate=True)
    deliver({"i.csv": "who,day\nA,2025-07-01\nA,2025-07-01\n"}, [touches], period="2025Q3")
    done = deliver({"i.csv": "who,day\nA,2025-07-01\nA,2025-10-01\n"}, [touches])
    assert done.row_ledger["rows_kept"].tolist() == [2, 1]
    assert done.row_ledger["rows_repeated"].tolist() == [0, 1]
    assert "identical_rows" in done.alerts["alert"].tolist()


def test_the_latest_version_of_a_customer_is_kept(deliver, source):
    crm = source("customers", "a.csv", "customer_id=id updated_at=day region")
    shop = source("customers", "b.csv", "customer_id=id updated_at=day region")
    done = deliver({"a.csv": "id,day,region\n1,2025-11-01,new\n", "b.csv": "id,day,region\n1,2025-03-01,old\n"}, [crm, shop])
    assert done.tables.sql("select region from customers")["region"].tolist() == ["new"]
    assert done.quarantine["customers"][["file", "reason"]].to_numpy().tolist() == [["b.csv", "duplicate_key"]]


def test_vocabularies_constants_units_and_missing_words(deliver, source):
    deals = source(
        "contracts", "c.csv", "contract_id=编号 customer_id=客户 value=金额 renewed=续约 ends_at=到期",
        amounts_in="ten_thousand", constants={"starts_at": "2025-01-01"}, values={"renewed": {"续": "yes", "无": "no"}},
    )  # fmt: skip
    done = deliver({"c.csv": "编号,客户,金额,续约,到期\n１,A,1.5,续,2025年12月31日\n2,B,3万,无,未知\n3,C,N/A,,-\n"}, [deals])
    found = done.tables.sql(
        "select contract_id, value::double as value, renewed, starts_at::varchar as s, ends_at::varchar as e from contracts"
    )
    assert found["contract_id"].tolist() == ["1", "2", "3"]
    assert found["value"].tolist()[:2] == [15000, 30000]
    assert found["renewed"].tolist()[:2] == [True, False]
    assert found["value"].isna().tolist() == [False, False, True]
    assert found["e"].tolist()[0] == "2025-12-31"
    assert found["s"].tolist() == ["2025-01-01"] * 3


def test_unreadable_values_are_emptied_counted_and_masked(deliver, source):
    people = source("customers", "c.csv", "customer_id=id phone email birthday")
    rows = [
        "1,13812345678,A@X.com,1990-01-01",
        "2,138****5678,b@x.com,unknown day",
        "3,1.38E+10,c@x.com,1990/2/3",
        "4,12,d@x.com,1990-3-4",
    ]
    done = deliver({"c.csv": "id,phone,email,birthday\n" + "\n".join(rows) + "\n"}, [people])
    repairs = {r.repair: (r.rows, r.example) for r in done.repairs.itertuples()}
    assert set(repairs) == {
        "masked_phone", "phone_in_scientific_notation", "unreadable_phone", "unreadable_birthday", "phone_form", "date_form",
    }  # fmt: skip
    assert repairs.pop("date_form") == (2, "199****-3-4")
    assert all(rows == 1 for rows, _ in repairs.values())
    assert repairs["unreadable_birthday"][1] == "unk**** day"
    assert done.tables.sql("select email from customers where phone is not null")["email"].tolist() == ["a@x.com"]


def test_a_file_whose_columns_stand_in_another_order_fits_its_neighbours(deliver, source):
    orders = source("orders", "o_*.csv", "order_id=id ordered_at=day")
    # alone the first file would leave day and month in doubt
    done = deliver({"o_1.csv": "id,day\n1,01/02/2025\n", "o_2.csv": "day,id\n25/02/2025,2\n"}, [orders])
    assert done.tables.sql("select ordered_at::date::varchar as d from orders")["d"].tolist() == ["2025-02-01", "2025-02-25"]


cell = st.sampled_from(["1", "2", "3", "", "x", "2025-10-01", "2026-02-01", "5.5", '"a\nb"', "无", "2025-11-05 10:00"])
rows = st.lists(st.lists(cell, min_size=1, max_size=5).map(",".join), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=rows, second=rows, group=st.booleans())
def test_rows_in_are_always_rows_kept_quarantined_repeated_and_set_aside(first, second, group):
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        for period, lines in (("2025Q3", first), ("2025Q4", second)):
            folder = home / "data" / "acme" / period
            folder.mkdir(parents=True)
            # two sound rows, so that the columns are not refused as wrong
            sound = [f"{period}{i},A,2025-08-0{i % 9 + 1},3" for i in range(40)]
            (folder / "o.csv").write_text("\n".join(["id,who,day,sum", *sound, *lines]) + "\n")
        chosen = Settings.model_validate(
            {
                "client": {"name": "Acme"},
                "sources": [
                    {
                        "table": "orders", "file": "o.csv", "accumulate": True, "group": group,
                        "columns": {"order_id": "id", "customer_id": "who", "ordered_at": "day", "amount": "sum"},
                    }
                ],
            }
        )  # fmt: skip
        done = prepare(home, "acme", Period.parse("2025Q4"), chosen)
        counts = done.row_ledger
        parts = counts["rows_kept"] + counts["rows_quarantined"] + counts["rows_repeated"] + counts["rows_set_aside"]
        assert (counts["rows_in"] == parts).all()
        assert counts["rows_quarantined"].sum() == len(done.quarantine["orders"])
        if not group:
            assert counts["rows_kept"].sum() == done.tables.rows("orders")


def test_the_same_inputs_are_prepared_once_and_to_the_same_bytes(deliver, source, tmp_path):
    orders = source("orders", "o.csv", "order_id=id customer_id=who ordered_at=day amount=sum status=state")
    done = deliver({"o.csv": ORDERS}, [orders])
    before = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in done.folder.rglob("*.*")}
    again = deliver({"o.csv": ORDERS}, [orders])
    assert again.folder == done.folder
    for path in sorted(done.folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    done.folder.rmdir()
    fresh = deliver({"o.csv": ORDERS}, [orders])
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in fresh.folder.rglob("*.*")} == before
    other = deliver({"o.csv": ORDERS + "9,C,2025-12-01,1,done\n"}, [orders])
    assert other.folder != done.folder
    assert not done.folder.exists(), "an older preparation of the period stayed behind"


def test_nothing_is_left_behind_where_the_delivery_is_refused(deliver, source, tmp_path):
    with pytest.raises(Exception, match="orders"):
        deliver({"o.csv": "id,day\n"}, [source("orders", "o.csv", "order_id=id ordered_at=day")])
    assert not [path for path in (tmp_path / "outputs").rglob("*") if path.is_file()]


def test_a_full_disk_is_said_and_leaves_nothing_half_written(deliver, source, tmp_path, monkeypatch):
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbook.sources.prepare._write_tables", full)
    with pytest.raises(WorkbookError, match=r"No space left on device.*free some space"):
        deliver({"o.csv": ORDERS}, [source("orders", "o.csv", "order_id=id ordered_at=day")])
    assert not [path for path in (tmp_path / "outputs").rglob("*") if path.is_file()]


def test_check_reports_files_with_their_reasons(deliver, source, tmp_path):
    orders = source("orders", "o.csv", "order_id=id ordered_at=day")
    deliver({"o.csv": "id,day\n1,2025-10-01\n2,2025-10-02\n3,soon\n"}, [orders])
    chosen = Settings.model_validate({"client": {"name": "Acme"}, "sources": [orders]})
    assert check_delivery(tmp_path, "acme", Period.parse("2025Q4"), chosen) == [
        {
            "file": "o.csv", "table": "orders", "rows_in": 3, "rows_kept": 2, "rows_quarantined": 1,
            "reasons": {"unreadable_ordered_at": 1},
        }
    ]  # fmt: skip


def test_planted_contradictions_between_tables_are_found(deliver, source):
    files = {
        "c.csv": "id,created,phone\nA,2025-06-01,13800000001\nB,2025-11-01,13800000001\nC,2025-01-01,13800000003\n",
        "o.csv": "id,who,day,sum\n1,A,2025-10-01,10\n2,B,2025-10-01,5\n3,Z,2025-10-01,5\n4,A,2025-10-02,-3\n",
        "l.csv": "id,n,amount\n1,1,4\n1,2,5\n2,1,5\n3,1,5\n",
        "t.csv": "id,who,opened,closed\n1,A,2025-10-05 10:00,2025-10-05 09:00\n2,A,2025-10-05 10:00,2025-10-06 09:00\n",
    }
    done = deliver(
        files,
        [
            source("customers", "c.csv", "customer_id=id created_at=created phone"),
            source("orders", "o.csv", "order_id=id customer_id=who ordered_at=day amount=sum"),
            source("order_lines", "l.csv", "order_id=id line_id=n amount"),
            source("tickets", "t.csv", "ticket_id=id customer_id=who opened_at=opened resolved_at=closed"),
        ],
    )
    found = {r.alert: r.rows for r in done.alerts.itertuples() if r.alert != "incomplete_field"}
    assert found == {
        "order_amount_differs": 1, "order_without_lines": 1, "order_of_unknown_customer": 1, "order_before_customer": 1,
        "refund_order": 1, "ticket_closed_before_opened": 1, "shared_contact": 2, "customer_without_order": 1,
    }  # fmt: skip
