"""``workbook new`` of a client that is there: the next delivery is read as before, what changed is told, nothing is lost."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest
from tests.opening.conftest import write_files
from tests.opening.test_client import everything

from workbook.errors import WorkbookError
from workbook.opening.client import open_client
from workbook.period import Period
from workbook.settings.reading import read_settings

Q4, Q1 = Period.parse("2025Q4"), Period.parse("2026Q1")


def rows(header: str, first: str, n: int, row) -> str:
    start = dt.date.fromisoformat(first)
    return "\n".join([header, *(row(i, start + dt.timedelta(days=i * 90 // n)) for i in range(n))]) + "\n"


def orders(first: str, n: int = 90, header="Order ID,Customer ID,Order Date,Total Amount,Status", states=("paid",), factor=1.0):
    return rows(header, first, n, lambda i, d: f"O{i},C{i % 40:03},{d},{factor * (10 + i % 7):.6f},{states[i % len(states)]}")


CUSTOMERS = rows("Customer ID,Name,Region,Created", "2024-01-01", 40, lambda i, d: f"C{i:03},Ann {i},North,{d:%d.%m.%Y}")
TICKETS = rows("Ticket ID,Customer ID,Opened At,Topic", "2025-10-01", 60, lambda i, d: f"T{i},C{i % 40:03},{d},delivery")
SURVEY = rows("Response ID,Customer ID,Submitted At,NPS", "2026-01-01", 60, lambda i, d: f"R{i},C{i % 40:03},{d},{i % 11}")


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory) -> Path:
    """A client with one delivery."""
    folder = tmp_path_factory.mktemp("opened")
    files = {
        "orders_2025Q4.csv": orders("2025-10-01", states=("paid", "paid", "cancelled")),
        "customers.csv": CUSTOMERS,
        "tickets.csv": TICKETS,
    }
    open_client(folder / "home", "acme", write_files(folder / "q4", files))
    return folder / "home"


@pytest.fixture
def home(opened_once, tmp_path) -> Path:
    return Path(shutil.copytree(opened_once, tmp_path / "home"))


def deliver(home: Path, files, **told):
    return open_client(home, "acme", write_files(home.parent / "q1", files), **told)


def test_a_delivery_of_the_same_form_is_read_with_the_settings_that_stand(home):
    before = everything(home / "params")
    opened = deliver(home, {
        "orders_2025Q4.csv": orders("2026-01-01", states=("paid", "cancelled")), "customers.csv": CUSTOMERS,
        "tickets.csv": TICKETS,
    })  # fmt: skip
    assert "nothing has changed" in opened.words
    after = everything(home / "params")
    assert {k: v for k, v in after.items() if "2026Q1" not in k} == before
    assert read_settings(home, "acme", Q1).sources == read_settings(home, "acme", Q4).sources
    with pytest.raises(WorkbookError, match="found a delivery"):
        deliver(home, {})


def test_what_changed_is_told_and_proposed_for_the_period_alone(home):
    before = everything(home / "params")
    header = "Order ID,Customer ID,Order Date,Net Amount,Status,Coupon"
    opened = deliver(home, {
        "orders_2026Q1.csv": orders("2026-01-01", 20, header, ("paid", "refunded"), 0.001).replace("d\n", "d,x\n"),
        "customers.csv": CUSTOMERS.replace("Region", "Zone"),
        "survey.csv": SURVEY,
    })  # fmt: skip
    words = opened.words
    assert "orders_2025Q4.csv is not there; orders_2026Q1.csv has its columns" in words
    assert "Total Amount is gone, Net Amount is taken for it" in words
    assert "20 rows, 90 in the delivery before" in words
    assert "new and not read: Coupon" in words
    assert "refunded are new, and their 10 rows are left out unless they are added under only" in words
    assert "the middle amount is 0.01, it was 13.00" in words
    assert "tickets.csv was not delivered" in words
    assert "feedback           + survey.csv  (60)" in words
    after = everything(home / "params")
    assert {k: v for k, v in after.items() if "2026Q1" not in k} == before
    read = {s.table: s for s in read_settings(home, "acme", Q1).sources}
    assert (read["orders"].file, read["orders"].columns["amount"]) == ("orders_*Q*.csv", "Net Amount")
    assert read["orders"].only == {"status": ["paid"]}
    assert "feedback" not in read  # proposed as lines to paste, not taken
    assert "#   - table: feedback" in opened.text
    assert read_settings(home, "acme", Q4).sources[1].columns["amount"] == "Total Amount"


def test_what_the_period_before_needed_is_kept_for_the_next(home):
    files = {"customers.csv": CUSTOMERS, "tickets.csv": TICKETS}
    header = "Order ID,Customer ID,Order Date,Net Amount,Status"
    deliver(home, {**files, "orders_2026Q1.csv": orders("2026-01-01", 90, header)})
    path = home / "params" / "acme" / "2026Q1.yaml"
    path.write_text(path.read_text("utf-8").replace("status: Status", "channel: Status"), "utf-8")
    opened = open_client(
        home, "acme", write_files(home.parent / "q2", {**files, "orders_2026Q2.csv": orders("2026-04-01", 90, header)})
    )
    assert "nothing has changed" in opened.words
    orders_now = next(s for s in read_settings(home, "acme", Q1.following).sources if s.table == "orders")
    assert (orders_now.columns["amount"], orders_now.columns["channel"]) == ("Net Amount", "Status")


def test_dates_that_cannot_be_told_any_more_are_asked_and_stop_the_check(home):
    ambiguous = orders("2026-01-01").splitlines()
    ambiguous = [ambiguous[0], *(f"O{i},C{i % 40:03},0{1 + i % 9}/0{1 + i % 8}/2026,5,paid" for i in range(90))]
    files = {"orders_2025Q4.csv": "\n".join(ambiguous), "customers.csv": CUSTOMERS, "tickets.csv": TICKETS}
    answers = iter(["1"])
    opened = deliver(home, files, period=Q1, write=False, ask=lambda words: next(answers))
    assert "day and month cannot be told apart" in opened.words
    assert "dates:\n      ordered_at: day first" in opened.text
    assert not (home / "data" / "acme" / "2026Q1").exists()


@pytest.mark.parametrize("own", [False, True])
def test_what_a_person_wrote_for_the_period_stays(home, own):
    path = home / "params" / "acme" / "2026Q1.yaml"
    words = "# mine\ngrading:\n  rfm:\n    bins: 4\n"
    if own:
        words += "sources:\n  - table: customers\n    file: customers.csv\n    columns: {customer_id: Customer ID}\n"
    path.write_text(words, "utf-8")
    opened = deliver(home, {"customers.csv": CUSTOMERS.replace("Customer ID", "Number")}, period=Q1)
    text = path.read_text("utf-8")
    assert text.startswith(words)
    assert (text == words) is own
    assert ("was left as it is" in opened.words) is own
