from dataclasses import replace

import pandas as pd
from tests.review.firms import many_orders, orders, settings, tables

from workbook.language import Edition
from workbook.report.blocks import NotMeasured, Paragraph
from workbook.review.scope import count_scope

EN, ZH = Edition("en"), Edition("zh")


def test_groups_by_hand():
    rows = [
        ("new", "2025-12-01", 10),
        ("kept", "2024-05-01", 5),
        ("kept", "2025-11-01", 80),
        ("lost", "2025-02-01", 10),
        ("unlisted", "2025-12-05", 1),
    ]
    customers = pd.DataFrame({"customer_id": ["new", "kept", "lost", "prospect"]})
    found = count_scope(tables(customers=customers, orders=orders(rows)), settings()).frame.set_index("group")
    assert found["customers"].to_dict() == {"new": 2, "existing": 1, "lost": 1, "prospect": 1, "high_value": 1}
    assert found.loc["high_value", "revenue"] == 80 and found.loc["existing", "revenue"] == 80


def test_who_was_only_refunded_has_not_ordered():
    rows = [("a", "2025-12-01", 10), ("refunded", "2025-12-02", -4)]
    frame = count_scope(tables(orders=orders(rows)), settings()).frame.set_index("group")
    assert frame["customers"].to_dict() == {"new": 1, "existing": 0, "lost": 0, "prospect": 1, "high_value": 1}


def test_the_four_groups_part_all_customers_and_all_revenue():
    found = count_scope(tables(orders=many_orders(), customers=pd.DataFrame({"customer_id": ["x1", "x2"]})), settings())
    parts = found.frame[found.frame["group"] != "high_value"]
    assert parts["customers"].sum() == found.customers
    assert abs(parts["customer_share"].sum() - 1) < 1e-12 and abs(parts["revenue_share"].sum() - 1) < 1e-12


def test_title_number_is_that_of_the_table():
    found = count_scope(tables(orders=many_orders()), settings())
    high = found.frame.set_index("group").loc["high_value"]
    assert found.table().title.render(EN).startswith(f"{int(high['customers']):,} high-value customers")
    assert found.table().title.render(ZH).endswith(f"{100 * high['revenue_share']:.0f}%")


def test_nothing_delivered_is_not_measured():
    assert isinstance(count_scope(tables(), settings()).table(), NotMeasured)


def test_without_orders_nobody_is_called_a_prospect():
    block = count_scope(tables(customers=pd.DataFrame({"customer_id": ["a", "b"]})), settings()).table()
    assert isinstance(block, NotMeasured) and block.missing == ("orders.customer_id", "orders.ordered_at")
    assert "2 customers" in block.what.render(EN) and "2 位客户" in block.what.render(ZH)


def test_a_narrowed_scope_is_said_with_both_counts():
    whole = tables(orders=many_orders())
    found = count_scope(replace(whole, everyone=900), settings(scope={"where": "kind = 'person'", "groups": ["new", "lost"]}))
    assert found.frame["group"].tolist() == ["new", "lost"]
    table, said = found.blocks()
    assert isinstance(said, Paragraph) and all(block.bundle((EN, ZH)) for block in (table, said))
    for edition in (EN, ZH):
        words = said.words.render(edition)
        assert "900" in words and str(found.customers) in words and "kind = 'person'" in words


def test_summaries_of_pilots_are_said_to_stay_whole():
    summaries = pd.DataFrame({"pilot": ["p"], "arm": ["control"], "metric": ["spend"], "n": [9]})
    whole = tables(orders=many_orders(), pilot_summaries=summaries)
    found = count_scope(replace(whole, everyone=900), settings(scope={"where": "kind = 'person'"}))
    assert [block.id for block in found.blocks()] == ["review.scope", "review.scope.where", "review.scope.summed"]


def test_groups_choose_rows_of_the_table_and_no_customers():
    some = count_scope(tables(orders=many_orders()), settings(scope={"groups": ["new"]}))
    assert some.customers == count_scope(tables(orders=many_orders()), settings()).customers
    assert len(some.blocks()) == 1
