"""Tags by written rules, and consent as the gate of every outreach list."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbook.errors import SettingsError
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings, Tag
from workbook.sources.consent import LISTS, admit_lists, count_consent, open_gate
from workbook.sources.profile import build_profile
from workbook.sources.tags import tag_customers
from workbook.tables import empty_tables, tables_of

PERIOD = Period.parse("2025Q4")
BOTH = (Edition("en"), Edition("zh"))
FEW = (Edition("en", least=5), Edition("zh", least=5))
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


def test_a_tag_of_few_customers_shows_neither_their_number_nor_their_share():
    profile = pd.DataFrame({"customer_id": list("abcdefghij"), "orders": [9, 9, 9, *[1] * 7]})
    rules = [Tag(id="rare", name="Rare", rule="orders > 5"), Tag(id="usual", name="Usual", rule="orders > 0")]
    table = tag_customers(profile, rules).table().bundle(FEW)
    assert [row[2:] for row in table["languages"]["en"]["cells"]] == [["<5", "hidden"], ["10", "100.0%"]]


def test_a_rule_cannot_read_files():
    with pytest.raises(SettingsError, match=r"tags\.t\.rule"):
        tag_customers(PROFILE, [tag("customer_id in (select content from read_text('/etc/hostname'))")])


def test_the_title_of_the_tags_holds_the_number_of_its_row():
    table = tag_customers(PROFILE, SETTINGS.tags).table()
    words = table.bundle(BOTH)["languages"]["en"]
    assert words["title"] == "The most frequent tag is “Service first”: 66.7% of customers"
    assert words["cells"][2][3] == "66.7%"


def admitted(tables):
    """Of all customers named in consents those who may be approached for marketing."""
    named = tables.sql("select distinct customer_id from consents")
    return open_gate(tables, SETTINGS).admit(named, ["marketing"]).frame["customer_id"].tolist()


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
    assert admitted(tables_of({"consents": CONSENTS}, PERIOD)) == ["a", "d", "g"]
    assert admitted(tables_of({"consents": CONSENTS}, Period.parse("2025-02"))) == ["a", "b", "c", "g"]
    assert admitted(tables_of({"consents": CONSENTS}, Period.parse("2024-12"))) == []


def test_the_gate_says_why_it_blocks():
    gate = open_gate(tables_of({"consents": CONSENTS}, PERIOD), SETTINGS)
    found = gate.admit([*"abcdefg", "nobody"], ["marketing"])
    assert found.blocked == {"withdrawn": 1, "expired": 1, "undated": 1, "never": 2}
    assert found.asked == 8 and len(found.frame) == 3
    words = found.tell("sources.gate", LISTS["marketing"]).bundle(BOTH)["languages"]
    assert "of 8 customers for the marketing list, 5 are blocked" in words["en"]["words"]
    assert "never asked: fewer than 5" in words["en"]["words"], "a group of two customers is told by itself"
    assert "营销名单的 8 位客户中，5 位被拦截" in words["zh"]["words"]
    everyone = gate.admit(["a", "d"], ["marketing", "research"])
    assert "all 2 customers" in everyone.tell("x.y", LISTS["marketing"]).words.render(BOTH[0])


def test_every_list_goes_through_the_gate_on_the_ground_that_the_settings_name():
    graded = pd.DataFrame({"customer_id": list("abcdefg")})
    profile = graded.assign(orders=[1, 0, 0, 0, 0, 2, 0], tickets=[0, 0, 3, 0, 0, 0, 0], contract_value=[None] * 6 + [9.0])
    gate = open_gate(tables_of({"consents": CONSENTS}, PERIOD), SETTINGS)
    assumed = admit_lists(gate, graded, profile, SETTINGS)
    assert all(list(assumed.allowed[name]["customer_id"]) == ["a", "d", "g"] for name in LISTS)
    assert len(assumed.blocks()) == 1, "three lists on one ground are told together"
    named = Settings(client={"name": "Test"}, consent={"lists": {"service": "contract", "sales": ["research"]}})
    chosen = admit_lists(gate, graded, profile, named)
    assert {name: list(one.frame["customer_id"]) for name, one in chosen.lists.items()} == {
        "sales": ["e"], "marketing": ["a", "d", "g"], "service": ["a", "c", "f", "g"],
    }  # fmt: skip
    told = [one.bundle(BOTH)["languages"]["en"]["words"] for one in chosen.blocks()]
    assert "fewer than 5 of 7 customers for the service list had a contract, order or ticket" in told[2]
    undelivered = admit_lists(open_gate(empty_tables(PERIOD), SETTINGS), graded, profile, named)
    assert undelivered.allowed["sales"].empty and len(undelivered.allowed["service"]) == 4


def test_who_withdrew_everything_or_asked_to_be_erased_stands_on_no_list_and_an_objection_to_marketing_leaves_service():
    said = pd.DataFrame(
        [
            ("objects", "marketing", True, "2025-01-01", "2025-06-01"), ("gone", "marketing", True, "2025-01-01", None),
            ("gone", "all", True, "2025-01-01", "2025-06-01"), ("erased", "marketing", True, "2025-01-01", None),
            ("erased", "erasure", True, "2025-07-01", None), ("later", "marketing", True, "2025-01-01", None),
            ("later", "erasure", True, "2026-07-01", None), ("stays", "marketing", True, "2025-01-01", None),
            ("stays", "all", True, "2025-01-01", None),
        ],
        columns=["customer_id", "purpose", "granted", "granted_at", "withdrawn_at"],
    )  # fmt: skip
    customers = said[["customer_id"]].drop_duplicates()
    tables = tables_of({"consents": said, "customers": customers}, PERIOD)
    profile = customers.assign(orders=1, tickets=0, contract_value=None)
    named = Settings(client={"name": "Test"}, consent={"lists": {"service": "contract"}})
    found = admit_lists(open_gate(tables, named), customers, profile, named)
    assert {name: list(one.frame["customer_id"]) for name, one in found.lists.items()} == {
        "sales": ["later", "stays"], "marketing": ["later", "stays"], "service": ["later", "objects", "stays"],
    }  # fmt: skip
    assert found.lists["service"].blocked == {"closed": 2}
    assert found.lists["marketing"].blocked == {"withdrawn": 1, "closed": 2}
    words = found.lists["service"].tell("x.y", LISTS["service"]).bundle(BOTH)["languages"]
    assert "withdrew everything or asked to be erased: fewer than 5" in words["en"]["words"]
    assert "撤回全部授权或要求删除" in words["zh"]["words"]
    seen = build_profile(tables, named).frame
    assert seen.loc[seen["marketing_consent"], "customer_id"].tolist() == ["later", "stays"]


def test_a_withdrawal_in_a_row_of_its_own_ends_an_earlier_grant():
    said = pd.DataFrame(
        [("a", "2025-01-01", None), ("a", None, "2025-06-01"), ("b", "2025-07-01", None), ("b", None, "2025-06-01")],
        columns=["customer_id", "granted_at", "withdrawn_at"],
    ).assign(purpose="marketing")  # fmt: skip
    assert admitted(tables_of({"consents": said, "customers": said[["customer_id"]].drop_duplicates()}, PERIOD)) == ["b"]


def test_a_refusal_counts_with_and_without_a_date():
    said = pd.DataFrame(
        [
            ("yes", True, "2025-01-01"), ("no", False, "2025-01-01"), ("undated_no", True, "2025-01-01"),
            ("undated_no", False, None), ("bare_yes", True, None), ("back", False, "2025-01-01"), ("back", True, "2025-02-01"),
            ("twice", True, "2025-01-01"), ("twice", False, "2025-01-01"),
        ],
        columns=["customer_id", "granted", "granted_at"],
    ).assign(purpose="marketing")  # fmt: skip
    tables = tables_of({"consents": said, "customers": said[["customer_id"]].drop_duplicates()}, PERIOD)
    assert admitted(tables) == ["back", "yes"]
    profile = build_profile(tables, SETTINGS).frame
    assert profile.loc[profile["marketing_consent"], "customer_id"].tolist() == ["back", "yes"]


days = st.sampled_from([None, "2025-01-01", "2025-06-01", "2025-12-31", "2026-02-01"])


@settings(max_examples=30)
@given(st.lists(st.tuples(
    st.sampled_from("abc"), st.sampled_from(["sms", None]), st.sampled_from([True, False, None]), days, days, days), max_size=12
))  # fmt: skip
def test_the_profile_and_the_gate_always_agree(rows):
    consents = pd.DataFrame(rows, columns=["customer_id", "channel", "granted", "granted_at", "withdrawn_at", "expires_at"])
    consents["granted"] = consents["granted"].astype("boolean")
    customers = pd.DataFrame({"customer_id": list("abc")})
    purposes = [("marketing", "marketing", "marketing", "all", "erasure")[i % 5] for i in range(len(consents))]
    tables = tables_of({"consents": consents.assign(purpose=purposes), "customers": customers}, PERIOD)
    profile = build_profile(tables, SETTINGS).frame
    assert profile.loc[profile["marketing_consent"], "customer_id"].tolist() == admitted(tables)


def test_the_profile_and_the_gate_agree():
    customers = pd.DataFrame({"customer_id": list("abcdefg")})
    tables = tables_of({"consents": CONSENTS, "customers": customers}, PERIOD)
    profile = build_profile(tables, SETTINGS).frame
    allowed = profile.loc[profile["marketing_consent"], "customer_id"].tolist()
    assert allowed == admitted(tables)


def test_consents_are_counted_by_purpose_and_channel():
    counted = count_consent(
        tables_of({"consents": CONSENTS, "customers": pd.DataFrame({"customer_id": list("abcdefg")})}, PERIOD), SETTINGS
    )
    assert not isinstance(counted, NotMeasured)
    assert counted.frame.to_numpy().tolist() == [
        ["marketing", "email", 0, 1, 0, 0], ["marketing", "sms", 3, 1, 1, 1], ["research", "sms", 1, 0, 0, 0],
    ]  # fmt: skip
    assert counted.allowed == 3
    assert counted.table().bundle(FEW)["languages"]["en"]["cells"][1][2:] == ["<5", "<5", "<5", "<5"]
    assert "42.9%" in counted.table().bundle(BOTH)["languages"]["en"]["title"]


def test_nobody_may_be_approached_where_no_consent_was_delivered():
    tables = empty_tables(PERIOD)
    assert isinstance(count_consent(tables, SETTINGS), NotMeasured)
    found = open_gate(tables, SETTINGS).admit(["a", "b"], ["marketing"])
    assert found.frame.empty and found.allowed is None and found.blocked == {"undelivered": 2}
    assert "no consents were delivered" in found.tell("x.y", LISTS["marketing"]).words.render(BOTH[0])
