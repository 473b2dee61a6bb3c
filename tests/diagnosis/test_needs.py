"""X2 by hand: depth of needs, and recommendations bought against chance."""

import pytest

from workbook.diagnosis.needs import needs_checks
from workbook.language import Edition
from workbook.report.blocks import NotMeasured


def test_depth_is_the_share_of_needs_with_a_root_cause(run, settings):
    frames = {
        "customers": {"customer_id": ["a", "b"]},
        "needs": {"customer_id": ["a", "a", "b", "b"], "noted_at": ["2025-05-01"] * 4, "need": list("wxyz"),
                  "level": ["Root Cause", "surface", "根本原因", None]},
    }  # fmt: skip
    found = run(needs_checks, frames, settings)["needs.depth"]
    assert found.figure == pytest.approx(2 / 3)
    assert (found.n, found.customers) == (3, ("a",))


def recommendations(bought_at, noted_at="2025-05-10"):
    """Four customers were each recommended P; the first bought it at *bought_at*, the second bought Q."""
    return {
        "customers": {"customer_id": list("abcd")},
        "needs": {"customer_id": list("abcd"), "noted_at": [noted_at] * 4, "need": ["n"] * 4, "product_recommended": ["P"] * 4},
        "orders": {"order_id": ["1", "2"], "customer_id": ["a", "b"], "ordered_at": [bought_at, "2025-05-20"]},
        "order_lines": {"order_id": ["1", "2"], "line_id": ["1", "1"], "product_id": ["P", "Q"]},
    }


@pytest.mark.parametrize(
    "bought_at, matched", [("2025-05-10", 0.25), ("2025-08-08", 0.25), ("2025-08-09", 0.0), ("2025-05-09", 0.0)]
)
def test_only_a_purchase_within_the_days_after_a_recommendation_matches(run, settings, bought_at, matched):
    found = run(needs_checks, recommendations(bought_at), settings)["needs.match"]
    assert (found.figure, found.n) == (matched, 4)


def test_chance_is_the_share_of_all_advised_customers_who_buy_the_product(run, settings):
    cause = run(needs_checks, recommendations("2025-05-10"), settings)["needs.match"].words.cause
    assert "25.0%" in cause.render(Edition("en"))


def test_recommendations_too_young_to_have_been_followed_are_left_out(run, settings):
    result = run(needs_checks, recommendations("2025-12-20", "2025-12-15"), settings)["needs.match"]
    assert isinstance(result, NotMeasured)
    assert not result.missing


def test_a_refunded_line_is_no_purchase(run, settings):
    frames = recommendations("2025-05-10")
    frames["order_lines"]["refund_of"] = ["0", None]
    assert run(needs_checks, frames, settings)["needs.match"].figure == 0.0


def test_an_empty_delivery_names_what_to_deliver(run, settings, all_missing):
    all_missing(run(needs_checks, {}, settings))
