"""Tags by written rules, and consent as the gate of every outreach list."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from workbook.errors import SettingsError
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings, Tag
from workbook.sources.consent import count_consent, may_contact
from workbook.sources.profile import build_profile
from workbook.sources.tags import tag_customers
from workbook.tables import empty_tables, tables_of

PERIOD = Period.parse("2025Q4")
BOTH = (Edition("en"), Edition("zh"))
SETTINGS = Settings.model_validate({"client": {"name": "Acme"}})
PROFILE = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"], "orders": [5, 1, 0], "recency_days": [3.0, 200.0, None], "tickets": [0, 4, 1],
        "complaints": [0, 0, 1], "discount_share": [0.3, None, None],
    }
)  # fmt: skip


def tag(rule: str, id: str = "t") -> Tag:
    return Tag(id=id, name=id, rule=rule)


def test_the_default_tags_mark_who_they_should():
    found = tag_customers(PROFILE, SETTINGS.tags).frame.groupby("tag")["customer_id"].agg(list).to_dict()
    assert found == {"high_activity": ["a"], "price_sensitive": ["a"], "service_first": ["b", "c"]}


def test_the_default_tags_run_over_a_profile_in_which_everything_is_missing():
    bare = build_profile(tables_of({"customers": pd.DataFrame({"customer_id": ["a"]})}, PERIOD), SETTINGS)
    tags = tag_customers(bare.frame, SETTINGS.tags)
    assert tags.frame.empty
    assert tags.table().bundle(BOTH)["languages"]["en"]["title"] == "No customer meets the rule of a tag"


def test_a_rule_whose_data_were_not_delivered_is_not_judged_and_no_zero():
    orders = pd.DataFrame({"customer_id": ["a"], "order_id": ["1"], "ordered_at": ["2025-12-01"], "amount": [5]})
    profile = build_profile(tables_of({"orders": orders}, PERIOD), SETTINGS).frame
    rules = [tag("orders >= 1", "buys"), tag("orders >= 9", "often"), tag("tickets >= 1", "asks")]
    tags = tag_customers(profile, rules)
    assert tags.unjudged == {"asks"}
    cells = tags.table().bundle(BOTH)["languages"]["en"]["cells"]
    assert [row[2:] for row in cells] == [["1", "100.0%"], ["–", "–"], ["n/a", "n/a"]]


def test_every_bad_rule_is_named_at_once():
    rules = [tag("orders >", "first"), tag("ordres > 1", "second"), tag("true); drop table profile; select (1", "third")]
    with pytest.raises(SettingsError) as caught:
        tag_customers(PROFILE, [*rules, tag("orders > 1", "fine")])
    assert [p.split(":")[0] for p in caught.value.problems] == ["tags.first.rule", "tags.second.rule", "tags.third.rule"]


def test_a_rule_cannot_read_files():
    with pytest.raises(SettingsError, match=r"tags\.t\.rule"):
        tag_customers(PROFILE, [tag("customer_id in (select content from read_text('/etc/hostname'))")])


def test_the_title_of_the_tags_holds_the_number_of_its_row():
    table = tag_customers(PROFILE, SETTINGS.tags).table()
    words = table.bundle(BOTH)["languages"]["en"]
    assert words["title"] == "The most frequent tag is “Service first”: 66.7% of customers"
    assert words["cells"][2][3] == "66.7%"


CONSENTS = pd.DataFrame(
    [
        ("a", "marketing", "sms", "2025-01-01", None, None), ("a", "marketing", "email", "2025-01-01", "2025-06-01", None),
        ("b", "marketing", "sms", "2025-01-01", "2025-12-31", None),
        ("c", "marketing", "sms", "2025-01-01", None, "2025-12-30"),
        ("d", "marketing", "sms", "2025-01-01", "2025-02-01", None), ("d", "marketing", "sms", "2025-03-01", None, None),
        ("e", "research", "sms", "2025-01-01", None, None), ("f", "marketing", "sms", None, None, None),
        ("g", "marketing", "sms", "2025-01-01", None, "2025-12-31"),
    ],
    columns=["customer_id", "purpose", "channel", "granted_at", "withdrawn_at", "expires_at"],
)  # fmt: skip


def test_consent_stands_as_last_decided_on_the_day_asked_for():
    tables = tables_of({"consents": CONSENTS}, PERIOD)
    assert may_contact(tables, "marketing", PERIOD.end)["customer_id"].tolist() == ["a", "d", "g"]
    assert may_contact(tables, "marketing", dt.date(2025, 2, 15))["customer_id"].tolist() == ["a", "b", "c", "g"]
    assert may_contact(tables, "marketing", dt.date(2024, 12, 31)).empty


def test_the_profile_and_the_gate_agree():
    customers = pd.DataFrame({"customer_id": list("abcdefg")})
    tables = tables_of({"consents": CONSENTS, "customers": customers}, PERIOD)
    profile = build_profile(tables, SETTINGS).frame
    allowed = profile.loc[profile["marketing_consent"], "customer_id"].tolist()
    assert allowed == may_contact(tables, "marketing", PERIOD.end)["customer_id"].tolist()


def test_consents_are_counted_by_purpose_and_channel():
    counted = count_consent(
        tables_of({"consents": CONSENTS, "customers": pd.DataFrame({"customer_id": list("abcdefg")})}, PERIOD), SETTINGS
    )
    assert not isinstance(counted, NotMeasured)
    assert counted.frame.to_numpy().tolist() == [
        ["marketing", "email", 0, 1, 0], ["marketing", "sms", 3, 1, 1], ["research", "sms", 1, 0, 0],
    ]  # fmt: skip
    assert counted.allowed == 3
    assert "42.9%" in counted.table().bundle(BOTH)["languages"]["en"]["title"]


def test_nobody_may_be_approached_where_no_consent_was_delivered():
    tables = empty_tables(PERIOD)
    assert isinstance(count_consent(tables, SETTINGS), NotMeasured)
    assert may_contact(tables, "marketing", PERIOD.end) is None
