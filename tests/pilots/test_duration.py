import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import PERIOD, settings

from workbook.language import Edition
from workbook.pilots.comparison import compare_means
from workbook.pilots.design import draw_assignment
from workbook.pilots.duration import plan_duration
from workbook.tables import tables_of

EN, ZH = Edition("en"), Edition("zh")
DAYS = 730


def firm(seed=0, customers=600, uneven=0.0, joining=0, rate=1 / 14):
    """Customers who order with a rhythm of their own for two years, and *joining* who began one by one over the last."""
    rng = np.random.default_rng(seed)
    n = customers + joining
    rates = rate * (rng.gamma(1 / uneven, uneven, n) if uneven else np.ones(n))
    begins = np.r_[np.zeros(customers), np.linspace(DAYS - 364, DAYS - 1, joining)].astype(int)
    numbers = rng.poisson(rates * DAYS)
    who = np.repeat(np.arange(n), numbers)
    day = rng.integers(0, DAYS, len(who))
    kept = day >= begins[who]
    who, day = np.r_[who[kept], np.arange(n)], np.r_[day[kept], begins]
    ids = np.array([f"c{k:05d}" for k in range(n)])
    orders = pd.DataFrame({
        "order_id": [f"o{k}" for k in range(len(who))], "customer_id": ids[who],
        "ordered_at": pd.Timestamp(PERIOD.end) - pd.to_timedelta(DAYS - 1 - day, unit="D"),
        "amount": rng.lognormal(3, 0.5, len(who)).round(2),
    })  # fmt: skip
    profile = pd.DataFrame({"customer_id": ids, "tier": "gold", "tenure_days": DAYS - begins})
    return tables_of({"orders": orders}, PERIOD), profile


def planned(given, **next_pilot):
    tables, profile = given
    plan = settings(next_pilot=next_pilot)
    draw = draw_assignment(profile, None, plan, allowed=list(profile["customer_id"]))
    return plan_duration(tables, draw, profile, plan)


def test_orders_by_chance_alone_scatter_as_chance_does_and_uneven_customers_more():
    """Planted: Poisson orders scatter 1 time; with gamma rates 1 + rate · window · unevenness."""
    even = {window.days: window for window in planned(firm()).windows}
    assert all(window.scatter == pytest.approx(1, abs=0.12) for window in even.values())
    uneven = {window.days: window for window in planned(firm(uneven=0.5, customers=1500)).windows}
    for days, window in uneven.items():
        assert window.scatter == pytest.approx(1 + days / 14 * 0.5, rel=0.12)


def test_the_difference_found_is_found_with_the_stated_power():
    """Planted: pilots of the drawn size on such customers, the difference added, judged as a pilot is."""
    window = planned(firm(uneven=0.3)).windows[1]
    rng, hits = np.random.default_rng(1), 0
    for _ in range(600):
        rates = window.days / 14 * rng.gamma(1 / 0.3, 0.3, 600)
        spent = np.array([rng.lognormal(3, 0.5, k).sum() for k in rng.poisson(rates)])
        spent[300:] += window.found
        hits += compare_means(spent[:300], spent[300:]).p < 0.05
    assert hits / 600 == pytest.approx(0.8, abs=0.06)


def test_customers_needed_are_those_of_the_formula_and_fall_with_the_window():
    plan = planned(firm(uneven=0.3), margin=0.1)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    for window in plan.windows:
        assert window.needed == pytest.approx(4 * (z * window.spread / (0.1 * window.level)) ** 2, abs=1)
    needed = [window.needed for window in plan.windows]
    assert needed == sorted(needed, reverse=True) and [w.days for w in plan.windows] == [28, 56, 91, 182]
    thin = planned(firm(uneven=0.3), margin=0.1, arms={"control": 0.8, "treatment": 0.2})
    assert thin.windows[0].needed == pytest.approx(plan.windows[0].needed * (1 / 0.8 + 1 / 0.2) / 4, rel=0.01)


def test_days_come_from_the_rate_at_which_customers_come():
    still, growing = planned(firm(), margin=0.12), planned(firm(joining=400), margin=0.12)
    assert still.a_week == 0 and growing.a_week == pytest.approx(400 / 52, rel=0.1)
    for window in growing.windows:
        short = max(window.needed - growing.drawn, 0)
        assert window.gather in (None, int(np.ceil(7 * short / growing.a_week)))
    assert any(window.total is None for window in still.windows if window.needed > still.drawn)


def test_the_title_says_the_soonest_or_that_a_year_is_too_short():
    soon = planned(firm(), margin=0.2)
    assert soon.best is not None and soon.title().render(EN).endswith(f"needs {soon.best.total} days")
    never = planned(firm(customers=60), margin=0.02)
    assert never.best is None and never.title().render(EN).startswith("Within a year no difference of 2% can be found")
    for edition in (EN, ZH):
        for block in soon.blocks():
            assert block.bundle((edition,))["languages"][edition.language]
    assert len(soon.table().columns) <= 8


def test_the_season_of_the_planned_days_stands_beside_it():
    plan = planned(firm(), margin=0.2)
    assert plan.season.first == PERIOD.end + dt.timedelta(days=14)
    assert (plan.season.last - plan.season.first).days + 1 == plan.best.total


def test_what_cannot_be_planned_says_what_is_missing():
    tables, profile = firm()
    plan = settings()
    nobody = draw_assignment(profile, None, plan, allowed=None)
    assert plan_duration(tables, nobody, profile, plan).blocks() == ()
    draw = draw_assignment(profile, None, plan, allowed=list(profile["customer_id"]))
    assert "orders.amount" in plan_duration(tables_of({}, PERIOD), draw, profile, plan).missing
    young = pd.DataFrame({"order_id": ["o"], "customer_id": ["c00000"], "ordered_at": ["2025-12-20"], "amount": [5.0]})
    assert "less than 4 weeks" in plan_duration(tables_of({"orders": young}, PERIOD), draw, profile, plan).why.render(EN)
    others = pd.DataFrame({"order_id": ["o"], "customer_id": ["x"], "ordered_at": ["2025-02-20"], "amount": [5.0]})
    assert "bought anything" in plan_duration(tables_of({"orders": others}, PERIOD), draw, profile, plan).why.render(EN)
