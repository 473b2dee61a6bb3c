"""Replies of the service read from transcripts: whom and what they name, which repeat others, and what to deliver."""

import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.replies import measure_replies, names

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "T"}, voice={"topics": [
    {"id": "ship", "name": "Shipping", "words": ["parcel", "快递"]}, {"id": "price", "name": "Price", "words": ["invoice"]},
]})  # fmt: skip
SAID = [
    ("C1", "[10:01] Customer: my parcel is late\n[10:02] Agent: Dear Ms Archer, your parcel left today"),
    ("C1", "[10:01] Customer: the invoice is wrong\n[10:02] Agent: We are sorry to hear that."),
    ("C2", "客户：你好\n客户：快递还没到\n客服：张先生您好，快递明天到，咖啡豆也会补发"),
    ("C2", "客户：没人回我\n客服：您好\n客服：您的反馈我们已经收到"),
    *[("C3", f"[10:0{i}] Customer: parcel crushed {i}\n[10:0{i}] Agent: Thank you for your message.") for i in range(4)],
    ("C3", "[10:01] Customer: one line alone, and no reply"),
    ("C3", "no transcript at all"),
]


def measured(said=SAID, **more):
    tickets = pd.DataFrame({"ticket_id": [f"T{i}" for i in range(len(said))], "customer_id": [who for who, _ in said],
                            "opened_at": "2025-11-03", "text": [words for _, words in said]})  # fmt: skip
    customers = pd.DataFrame({"customer_id": ["C1", "C2", "C3"], "name": ["Ann Archer", "张伟", None]})
    return measure_replies(tables_of({"tickets": tickets, "customers": customers} | more, PERIOD), SETTINGS)


def rows_of(found):
    return {row["aspect"]: (row["n"], row["hits"]) for row in found.frame.to_dict("records")}


def test_whom_and_what_a_reply_names_is_counted_where_it_can_be_told():
    orders = pd.DataFrame({"order_id": ["O1", "O2"], "customer_id": ["C1", "C2"], "ordered_at": "2025-10-01"})
    lines = pd.DataFrame({"order_id": ["O1", "O2"], "line_id": "1", "category": ["Filters", "咖啡豆"]})
    found = measured(orders=orders, order_lines=lines)
    assert found.read == 8
    assert rows_of(found) == {"customer": (4, 2), "product": (4, 1), "matter": (7, 2), "repeated": (8, 4)}
    assert found.table().title.render(EDITIONS[0]) == "2 of 4 replies name the customer; 4 repeat others word for word"
    found.table().bundle(EDITIONS)


def test_a_ticket_without_the_other_side_holds_no_reply():
    for said in ([("C1", "Customer: hello\nCustomer: anybody there")] * 9, [("C1", "Order: 12\nColour: red")] * 9):
        found = measured(said)
        assert isinstance(found, NotMeasured) and "Agent:" in found.why.render(EDITIONS[0])
        found.bundle(EDITIONS)
    assert measure_replies(tables_of({}, PERIOD), SETTINGS).missing == ("tickets.text",)


def test_where_no_name_is_known_the_title_speaks_of_what_is():
    title = measured([("C3", words) for who, words in SAID if who == "C3"] * 2).table().title.render(EDITIONS[0])
    assert title == "8 of 8 replies repeat others word for word"


@pytest.mark.parametrize(("reply", "name", "said"), [
    ("dear mr li", "Li Wei", False), ("dear wei", "Li Wei", True), ("张女士", "张伟", True), ("主张先退款", "张伟", False),
    ("annual plan", "Ann Lee", False), ("", "Ann", False), ("ann", "Ann (VIP) [x", True),
])  # fmt: skip
def test_names_are_found_whole_and_not_in_other_words(reply, name, said):
    assert names(reply, name) is said
