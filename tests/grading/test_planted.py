"""The planted tiers of an invented client are found again, and better than by the client's own misgraded ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbook.grading.agreement import weighted_kappa
from workbook.grading.score import Grades, grade
from workbook.settings.models import Grading
from workbook.synthetic import Faults, Plan, generate
from workbook.synthetic.records import client_tiers

LEVELS = {"diamond": 0, "gold": 1, "silver": 2, "ordinary": 3}


def levels(tiers):
    return pd.Series(tiers).map(LEVELS).to_numpy(dtype=int)


def test_planted_tiers_are_found_again():
    plan = Plan(customers=1500, periods=2, faults=Faults(misgraded=0.2))
    story = generate(plan)
    end = plan.day(plan.last.end)
    orders = story.sales.orders
    orders = orders[orders["happened"] & (orders["day_of"] <= end) & (orders["day_of"] > end - 365)]
    days, money = orders["day_of"], orders["cents"] / 100
    customers = pd.RangeIndex(plan.customers)

    def each(values):
        return values.groupby(orders["customer"]).sum().reindex(customers, fill_value=0)

    profile = pd.DataFrame(
        {
            "customer_id": [f"{k:06d}" for k in customers],
            "orders": each(money > 0),
            "revenue": each(money),
            "recency_days": end - days.groupby(orders["customer"]).max().reindex(customers),
            "revenue_period": each(money.where(days > end - 92, 0.0)),
            "revenue_previous": each(money.where((days <= end - 92) & (days > end - 184), 0.0)),
            "categories": np.nan,
        }
    )
    # the planted tiers hold 5, 15, 30 and 50% of the customers
    shares = [tier.model_copy(update={"at_least": low}) for tier, low in zip(Grading().tiers, (95, 80, 50, 0), strict=True)]
    found = grade(profile, Grading(cut="quantile", tiers=shares), period=plan.last)
    assert isinstance(found, Grades) and found.unmeasured == ("breadth",)
    true = levels(client_tiers(story.world, story.sales.orders, end))
    delivered = levels(story.tiers[plan.last.name])
    assert (delivered != true).mean() > 0.02
    ours = weighted_kappa(levels(found.frame["tier"]), true, 4)
    assert ours > 0.65  # potential and risk weigh half, which the planted tiers know nothing of
    money_only = [group.model_copy(update={"weight": 1.0}) for group in Grading().groups if group.id == "financial"]
    of_money = [index for index in Grading().indices if index.group == "financial"]
    same = grade(profile, Grading(cut="quantile", tiers=shares, groups=money_only, indices=of_money), period=plan.last)
    assert weighted_kappa(levels(same.frame["tier"]), true, 4) >= 0.8  # graded by what they were planted by
    assert ours > weighted_kappa(delivered, levels(found.frame["tier"]), 4)
