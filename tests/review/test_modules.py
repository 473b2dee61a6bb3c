import pandas as pd
from tests.review.firms import many_orders, settings, tables

from workbook.language import Edition
from workbook.report.blocks import NotMeasured
from workbook.review.kpi_definitions import DEFINITIONS
from workbook.review.modules import DATA, LEANS, MODULES, match_modules
from workbook.tables import SCHEMAS

EN, ZH = Edition("en"), Edition("zh")
GOAL = {"id": "repeat", "name": "More", "kpi": "repurchase_rate", "change": 0.1, "due": "2026-06-30"}


def test_every_kpi_leans_on_named_canonical_columns_of_the_five_modules():
    assert set(LEANS) == set(DEFINITIONS)
    for modules in LEANS.values():
        assert set(modules) <= set(MODULES)
        for field in (f for fields in modules.values() for f in fields):
            table, _, column = field.partition(".")
            assert column in SCHEMAS[table].columns and field in DATA


def test_what_is_missing_is_named_module_by_module():
    found = match_modules(tables(orders=many_orders()), settings(goals=[GOAL]))
    frame = found.frame.set_index("module")
    assert frame.loc["value", "missing"] == "customers.tier"
    assert not frame["ready"].any() and list(found.frame.columns) == ["module", "ready", "missing"]
    assert {note.id.rpartition(".")[2] for note in found.not_measured()} == {"information", "needs", "interaction", "service"}


def test_filled_share_is_that_of_the_rows():
    customers = pd.DataFrame({"customer_id": list("abcd"), "phone": ["1", None, None, None]})
    fields = match_modules(tables(customers=customers), settings(goals=[GOAL])).fields.set_index("field")
    assert fields.loc["customers.phone", "filled_share"] == 0.25 and fields.loc["customers.region", "filled_share"] == 0


def test_categories_of_products_do_for_those_of_lines():
    products = pd.DataFrame({"product_id": ["p"], "category": ["tea"]})
    frame = match_modules(tables(products=products), settings(goals=[GOAL])).frame.set_index("module")
    assert "category" not in frame.loc["needs", "missing"]


def test_matrix_counts_data_and_leaves_out_what_a_goal_does_not_lean_on():
    plan = settings(goals=[GOAL | {"id": "fast", "kpi": "late_share"}])
    words = match_modules(tables(orders=many_orders()), plan).matrix().bundle((EN,))["languages"]["en"]
    assert words["cells"] == [["More", "–", "–", "0 of 2", "0 of 1", "0 of 4"]]
    assert "3 of 5" in words["title"]


def test_without_goals_every_module_is_still_looked_at():
    found = match_modules(tables(), settings())
    assert isinstance(found.matrix(), NotMeasured) and found.frame["module"].tolist() == list(MODULES)
    assert all(block.bundle((EN, ZH)) for block in found.blocks())
