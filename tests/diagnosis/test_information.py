"""X1 by hand: completeness, validity, staleness, duplicates and status."""

import numpy as np
import pandas as pd
import pytest

from workbook.diagnosis.information import information_checks
from workbook.diagnosis.quality import dated_fields, judged_records, record_quality
from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of


def customers(n=4, **columns):
    return {"customers": {"customer_id": [f"C{i}" for i in range(n)], **columns}}


def test_empty_and_blank_fields_count_as_missing(run, settings):
    found = run(information_checks, customers(phone=["13812345678", None, "", "  "]), settings)["information.complete.phone"]
    assert found.figure == 0.25
    assert found.n == 4
    assert found.customers == ("C1", "C2", "C3")
    assert found.revenue == 3.0
    assert found.breached == "clear"


def test_a_full_field_is_fine(run, settings):
    found = run(information_checks, customers(region=["Shanghai"] * 4), settings)["information.complete.region"]
    assert (found.figure, found.breached, found.customers) == (1.0, "fine", ())


def test_a_field_that_was_not_delivered_is_not_called_empty(run, settings):
    result = run(information_checks, customers(), settings)["information.complete.industry"]
    assert isinstance(result, NotMeasured)
    assert result.missing == ("customers.industry",)


def test_persons_are_not_asked_for_an_industry(run, settings):
    frames = customers(5, kind=["person", "Person", "company", "company", None], industry=[None, "Retail", "Retail", None, ""])
    frames["customers"]["region"] = ["x"] * 5
    found = run(information_checks, frames, settings)
    industry, region = found["information.complete.industry"], found["information.complete.region"]
    assert (industry.n, industry.figure, industry.customers) == (3, 1 / 3, ("C3", "C4"))  # of unknown kind: asked, as a company
    assert "persons left out" in industry.words.problem.render(Edition("en"))
    assert region.n == 5
    nobody = run(information_checks, customers(2, kind=["person"] * 2, industry=["Retail", None]), settings)
    assert "of persons" in nobody["information.complete.industry"].why.render(Edition("en"))


@pytest.mark.parametrize(
    "phone, valid",
    [
        ("13812345678", True), ("+86 138-1234-5678", True), ("0086 13812345678", True), ("021-62345678", True),
        ("400-820-8820", True), ("1381234567", False), ("12345", False), ("11111111111", False), ("n/a 138", False),
        ("23812345678901", False),
    ],
)  # fmt: skip
def test_chinese_phone_numbers_are_told_from_impossible_ones(run, settings, phone, valid):
    found = run(information_checks, customers(1, phone=[phone]), settings)["information.valid_phone"]
    assert found.figure == (0.0 if valid else 1.0)


def test_phones_of_other_countries_are_judged_by_length_only(run):
    abroad = Settings(client={"name": "Test", "country": "DE"})
    found = run(information_checks, customers(2, phone=["+49 30 1234567", "12"]), abroad)["information.valid_phone"]
    assert found.customers == ("C1",)


@pytest.mark.parametrize("email, valid", [("a@b.cn", True), ("a.b+c@d-e.com", True), ("a@b", False), ("a b@c.cn", False),
                                          ("@b.cn", False), ("a@@b.cn", False)])  # fmt: skip
def test_email_addresses_are_told_from_impossible_ones(run, settings, email, valid):
    found = run(information_checks, customers(1, email=[email]), settings)["information.valid_email"]
    assert found.figure == (0.0 if valid else 1.0)


def test_stale_records_are_those_of_customers_still_active(run, settings):
    frames = customers(4, updated_at=["2025-01-01", "2025-12-01", "2025-01-01", None])
    # C3 has no date of update, C2 has not been seen for a year
    frames["orders"] = {"order_id": ["1", "2", "3", "4"], "customer_id": ["C0", "C1", "C2", "C3"],
                        "ordered_at": ["2025-12-20", "2025-12-20", "2024-12-20", "2025-12-20"]}  # fmt: skip
    found = run(information_checks, frames, settings)["information.stale"]
    assert (found.n, found.customers) == (2, ("C0",))


def test_a_contact_also_keeps_a_customer_active(run, settings):
    frames = customers(1, updated_at=["2025-01-01"])
    frames["interactions"] = {"customer_id": ["C0"], "happened_at": ["2025-12-20"]}
    assert run(information_checks, frames, settings)["information.stale"].figure == 1.0


def test_records_with_one_phone_or_email_are_duplicates_whatever_the_spelling(run, settings):
    frames = customers(5, phone=["+86 13812345678", "138-1234-5678", "13900000001", None, None],
                       email=["x@y.cn", None, "A@B.cn", "a@b.cn ", "c@d.cn"])  # fmt: skip
    found = run(information_checks, frames, settings)["information.duplicates"]
    assert found.customers == ("C0", "C1", "C2", "C3")
    assert (found.figure, found.n) == (0.8, 5)


def test_planted_twins_are_found_one_by_one_among_fillers(run, settings):
    rng = np.random.default_rng(3)
    n, twins = 400, 40
    phone = [f"139{i:08}" for i in rng.choice(10**8, n, replace=False)]
    of = rng.choice(n, twins, replace=False)
    filled = rng.choice(np.setdiff1d(np.arange(n), of), 60, replace=False)
    for i in filled:
        phone[i] = "13800000000"
    frames = customers(n + twins, phone=phone + [f"+86 {phone[i]}" for i in of])
    found = run(information_checks, frames, settings)["information.duplicates"]
    assert set(found.customers) == {f"C{i}" for i in [*of, *range(n, n + twins)]}
    assert (found.n, found.unjudged) == (n + twins - 60, 60)


def test_fillers_switchboards_and_impossible_contacts_make_no_duplicates(run, settings):
    phone = ["13800000000"] * 8 + ["12345678"] * 2 + ["13912345678"] * 2 + [f"1371234{i:04}" for i in range(12)]
    email = [None] * 12 + ["noemail@example.com"] * 6 + ["n/a@x"] * 6
    found = run(information_checks, customers(24, phone=phone, email=email), settings)["information.duplicates"]
    assert (found.n, found.customers, found.unjudged) == (14, ("C10", "C11"), 10)
    cause = found.words.cause.render(Edition("en"))
    assert "14 records share a filler" in cause
    assert "138…00" in cause
    one = customers(8, phone=phone[:8], name=["Li Na"] * 8)  # one customer held often is no filler
    assert run(information_checks, one, settings)["information.duplicates"].figure == 1
    alone = run(information_checks, customers(6, email=email[12:18]), settings)["information.duplicates"]
    assert "no…@…" in alone.why.render(Edition("en"))


def test_the_last_noted_status_contradicts_an_active_record(run, settings):
    frames = customers(4, status=["active", "Active", "active", "lost"])
    frames["status_history"] = {
        "customer_id": ["C0", "C0", "C1", "C3"], "field": ["status"] * 4, "old": ["x"] * 4,
        "new": ["active", "lost", "active", "active"], "changed_at": ["2025-01-01", "2025-06-01", "2025-06-01", "2025-06-01"],
    }  # fmt: skip
    found = run(information_checks, frames, settings)["information.status"]
    assert (found.n, found.customers) == (3, ("C0",))


def test_without_a_history_long_silence_in_orders_contradicts_an_active_record(run, settings):
    frames = customers(2, status=["活跃", "活跃"])
    frames["orders"] = {"order_id": ["1", "2"], "customer_id": ["C0", "C1"], "ordered_at": ["2025-01-01", "2025-12-01"]}
    assert run(information_checks, frames, settings)["information.status"].customers == ("C0",)


def test_an_empty_delivery_names_what_to_deliver(run, settings, all_missing):
    all_missing(run(information_checks, {}, settings))


def test_a_word_that_says_nothing_does_not_fill_a_field(run, settings):
    words = ["Retail", "unknown", "N/A", "-", "未知", None, " ", "餐饮", "——"]
    frames = {"customers": {"customer_id": list("abcdefghi"), "industry": words}}
    found = run(information_checks, frames, settings)["information.complete.industry"]
    assert (found.n, found.figure, set(found.customers)) == (9, 2 / 9, set("bcdefgi"))


def test_spellings_of_one_industry_are_told_from_the_usual_one(run, settings):
    words = ["Retail"] * 5 + ["retail", "ＲＥＴＡＩＬ", "Retail sector", "Mining", "零售", "零售业", "unknown", None]
    found = run(information_checks, customers(13, industry=words), settings)["information.valid_industry"]
    assert (found.n, found.customers) == (11, ("C10", "C5", "C6", "C7"))
    cause = found.words.cause.render(Edition("en"))
    assert "Retail sector for Retail" in cause


def test_industries_outside_the_agreed_list_are_invalid(run):
    agreed = Settings(client={"name": "Test"}, diagnosis={"industries": ["Retail", "Mining"]})
    found = run(information_checks, customers(4, industry=["Retail", "mining", "Space", "Mining"]), agreed)
    assert found["information.valid_industry"].customers == ("C1", "C2")


def test_a_name_speaks_for_an_industry_only_where_most_who_bear_it_are_in_it(run, settings):
    names = (
        [f"澄石{i}餐饮有限公司" for i in range(12)] + [f"万帆{i}科技有限公司" for i in range(12)] + ["餐饮科技公司", "餐饮王"]
    )
    industry = ["餐饮"] * 10 + ["科技"] * 2 + ["科技"] * 5 + ["餐饮"] * 7 + ["餐饮", "科技"]
    frames = customers(26, name=names, industry=industry, kind=["company"] * 25 + ["person"])
    found = run(information_checks, frames, settings)["information.industry_name"]
    assert (found.n, found.customers) == (12, ("C10", "C11"))  # 科技 does not tell; two words tell nothing; persons have names
    none = run(information_checks, customers(2, name=["a", "b"], industry=["Retail"] * 2), settings)
    assert "No word" in none["information.industry_name"].why.render(Edition("en"))


def test_a_field_is_out_of_date_by_its_own_changes_where_they_are_logged(settings):
    frame = pd.DataFrame(
        {"customer_id": list("abcd"), "phone": ["1"] * 4, "region": ["x", "x", "x", None], "created_at": "2024-01-01"}
    )
    log = pd.DataFrame({"customer_id": ["a", "b", "a"], "field": ["Region", "region", "status"], "new": ["x", "x", "lost"],
                        "changed_at": ["2025-12-01", "2025-01-05", "2025-12-20"]})  # fmt: skip
    contacts = pd.DataFrame({"customer_id": list("abcd"), "happened_at": "2025-12-20"})
    tables = tables_of({"customers": frame, "status_history": log, "interactions": contacts}, Period.parse("2025Q4"))
    assert dated_fields(tables, settings) == ("region",)  # nothing tells of phones; the log of status does not reach back
    with record_quality(tables, settings):
        assert list(judged_records(tables, "stale_region")["customer_id"]) == ["b", "c"]
