import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.pilots.trials import PERIOD, settings
from tests.report.picture_checks import assert_figure_readable

from workbook.language import Edition
from workbook.pilots.comparison import compare_means
from workbook.pilots.design import draw_assignment
from workbook.pilots.duration import plan_duration
from workbook.pilots.power import detectable_proportion, detectable_t
from workbook.pilots.rhythm import proportion_needed
from workbook.tables import tables_of

EN, ZH = Edition("en"), Edition("zh")
DAYS = 730


def _factors(shops, apart):
    """As even as numbers with this spread can be, so that a test needs no luck."""
    if not apart:
        return np.ones(shops)
    return stats.gamma(1 / apart**2, scale=apart**2).ppf((np.arange(shops) + 0.5) / shops)


def firm(seed=0, customers=600, uneven=0.0, joining=0, rate=1 / 14, shops=16, apart=0.0):
    """Customers who order with a rhythm of their own for two years, and *joining* who began one by one over the last.

    Each belongs to one of *shops* (regions), whose customers together order more or less by a relative spread of *apart*.
    """
    rng = np.random.default_rng(seed)
    n = customers + joining
    shop = np.arange(n) % shops
    rates = rate * _factors(shops, apart)[shop] * (rng.gamma(1 / uneven, uneven, n) if uneven else np.ones(n))
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
    profile = pd.DataFrame({"customer_id": ids, "tier": "gold", "tenure_days": DAYS - begins,
                            "region": [f"r{k:03d}" for k in shop]})  # fmt: skip
    return tables_of({"orders": orders}, PERIOD), profile


def planned(given, **next_pilot):
    tables, profile = given
    plan = settings(next_pilot=next_pilot)
    draw = draw_assignment(profile, None, plan, allowed=list(profile["customer_id"]))
    return plan_duration(tables, draw, profile, plan)


def test_orders_by_chance_alone_scatter_as_chance_does_and_uneven_customers_more():
    """Planted: Poisson orders scatter 1 time; with gamma rates 1 + rate · window · unevenness."""
    even = {window.days: window for window in planned(firm()).of("revenue")}
    assert all(window.scatter == pytest.approx(1, abs=0.12) for window in even.values())
    uneven = {window.days: window for window in planned(firm(uneven=0.5, customers=1500)).of("revenue")}
    for days, window in uneven.items():
        assert window.scatter == pytest.approx(1 + days / 14 * 0.5, rel=0.12)


def test_the_difference_found_is_found_with_the_stated_power():
    """Planted: pilots of the drawn size on such customers, the difference added, judged as a pilot is."""
    window = planned(firm(uneven=0.3)).of("revenue")[1]
    rng, hits = np.random.default_rng(1), 0
    for _ in range(600):
        rates = window.days / 14 * rng.gamma(1 / 0.3, 0.3, 600)
        spent = np.array([rng.lognormal(3, 0.5, k).sum() for k in rng.poisson(rates)])
        spent[300:] += window.found
        hits += compare_means(spent[:300], spent[300:]).p < 0.05
    assert hits / 600 == pytest.approx(0.8, abs=0.06)


def test_the_share_that_buys_is_found_with_the_stated_power():
    """Planted: the share rises by what is found among the customers drawn; judged by the z-test of two proportions."""
    window = planned(firm(uneven=0.3, rate=1 / 40)).of("buyers")[0]
    rng, n = np.random.default_rng(2), 300
    buys = (rng.binomial(n, window.level, 20_000), rng.binomial(n, window.level + window.found, 20_000))
    pooled = (buys[0] + buys[1]) / (2 * n)
    z = (buys[1] - buys[0]) / n / np.sqrt(pooled * (1 - pooled) * 2 / n)
    assert np.mean(np.abs(z) > stats.norm.isf(0.025)) == pytest.approx(0.8, abs=0.02)
    assert window.level == pytest.approx(1 - (1 + 28 / 40 * 0.3) ** (-1 / 0.3), abs=0.02)


def test_customers_needed_for_a_proportion_are_those_with_which_it_is_found():
    parts = (0.6, 0.4)
    for level, rise in ((0.05, 0.005), (0.4, 0.04), (0.8, 0.08)):
        needed = proportion_needed(level, rise, parts, 0.95, 0.8)
        n0, n1 = round(needed * 0.6), round(needed * 0.4)
        assert detectable_proportion(level, n0, n1, 0.95, 0.8) == pytest.approx(rise, rel=0.01)
    assert proportion_needed(0.95, 0.095, parts, 0.95, 0.8) == np.inf


def test_a_ratio_is_found_with_the_stated_power():
    """Planted: every order worth what is found more; revenue over orders, judged by the delta method as a pilot is."""
    window = planned(firm(uneven=0.3)).of("average_order")[0]
    assert window.level == pytest.approx(np.exp(3 + 0.5**2 / 2), rel=0.03)
    rng, hits = np.random.default_rng(3), 0
    for _ in range(600):
        orders = rng.poisson(window.days / 14 * rng.gamma(1 / 0.3, 0.3, 600))
        spent = np.add.reduceat(np.r_[rng.lognormal(3, 0.5, orders.sum()), 0.0], np.r_[0, orders.cumsum()[:-1]])
        spent = np.where(orders > 0, spent, 0.0) + window.found * orders * (np.arange(600) >= 300)
        sides = [(spent[side], orders[side]) for side in (slice(0, 300), slice(300, 600))]
        ratios = [y.sum() / x.sum() for y, x in sides]
        error = np.hypot(
            *[np.std(y - r * x, ddof=1) / x.mean() / np.sqrt(300) for r, (y, x) in zip(ratios, sides, strict=True)]
        )
        hits += abs(ratios[1] - ratios[0]) / error > stats.norm.isf(0.025)
    assert hits / 600 == pytest.approx(0.8, abs=0.06)


def test_whole_clusters_are_found_with_the_stated_power_and_longer_windows_help_less_the_more_they_differ():
    """Planted: shops whose customers order more or less for good; a shop counts once."""
    plan = planned(firm(customers=960, rate=1 / 28, apart=0.2), cluster="region", strata=[])
    assert plan.clusters == 16 and plan.drawn == 960
    window = plan.of("revenue")[0]
    worth = np.exp(3 + 0.5**2 / 2)
    between = _factors(16, 0.2).std(ddof=1)
    chance = (np.exp(0.5**2) / 60) ** 0.5  # of one shop's mean, in orders: Poisson numbers of lognormal amounts
    assert window.spread == pytest.approx(worth * np.hypot(between, chance), rel=0.12)
    rng = np.random.default_rng(4)
    means = rng.normal(0, window.spread, (20_000, 16))
    p = stats.ttest_ind(means[:, :8] + window.found, means[:, 8:], axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.02)
    gains = {}
    for apart in (0.0, 0.6):
        found = planned(firm(customers=960, rate=1 / 28, apart=apart), cluster="region", strata=[]).of("revenue")
        relative = [one.found / one.level for one in found]
        gains[apart] = relative[0] / relative[-1]
    assert gains[0.0] == pytest.approx((182 / 28) ** 0.5, rel=0.25) and gains[0.6] < 1.15


def test_days_of_clusters_are_the_window_with_which_those_drawn_are_enough():
    given = firm(customers=960, rate=1 / 28)
    soon, never = (planned(given, cluster="region", strata=[], margin=margin) for margin in (0.15, 0.01))
    for window in soon.windows:
        assert window.total == (window.days if window.needed <= 16 else None)
        n0 = max(4, round(window.needed / 2))
        error = window.spread * np.sqrt(2 / n0)
        assert detectable_t(error, 2 * n0 - 2, 0.95, 0.8) <= 0.15 * window.level * (1 + 1e-9)
    assert soon.best() is not None and never.best() is None
    assert "too few clusters" in str(never.table().bundle((EN,)))
    assert "chance alone" not in str(soon.table().bundle((EN,)))


def test_customers_needed_are_those_of_the_formula_and_fall_with_the_window():
    plan = planned(firm(uneven=0.3), margin=0.1)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    money = plan.of("revenue")
    for window in money:
        assert window.needed == pytest.approx(4 * (z * window.spread / (0.1 * window.level)) ** 2, abs=1)
    needed = [window.needed for window in money]
    assert needed == sorted(needed, reverse=True) and [w.days for w in money] == [28, 56, 91, 182]
    thin = planned(firm(uneven=0.3), margin=0.1, arms={"control": 0.8, "treatment": 0.2})
    assert thin.windows[0].needed == pytest.approx(money[0].needed * (1 / 0.8 + 1 / 0.2) / 4, rel=0.01)


def test_days_come_from_the_rate_at_which_customers_come():
    still, growing = planned(firm(), margin=0.12), planned(firm(joining=400), margin=0.12)
    assert still.a_week == 0 and growing.a_week == pytest.approx(400 / 52, rel=0.1)
    for window in growing.windows:
        short = max(window.needed - growing.drawn, 0)
        assert window.gather in (None, int(np.ceil(7 * short / growing.a_week)))
    assert any(window.total is None for window in still.windows if window.needed > still.drawn)


def test_who_comes_is_counted_by_the_records_where_they_are_dated_and_not_made_up_from_a_short_history():
    tables, profile = firm(joining=100)
    created = pd.Timestamp(PERIOD.end) - pd.to_timedelta(profile["tenure_days"] - 1, unit="D")
    dated = planned((tables, profile.assign(created_at=created)))
    assert dated.a_week == pytest.approx(100 / 52, rel=0.05)
    late = tables.sql("select * from orders where cast(ordered_at as date) > cast($end as date) - 400 * interval 1 day")
    short = planned((tables_of({"orders": late}, PERIOD), profile))
    assert np.isnan(short.a_week) and "how many come is not known" in str(short.table().bundle((EN,)))


def test_the_title_says_the_soonest_or_that_a_year_is_too_short():
    soon = planned(firm(), margin=0.2)
    assert soon.best() and soon.title().render(EN).endswith(f"needs {soon.best().total} days")
    never = planned(firm(customers=60), margin=0.02)
    assert never.best() is None and never.title().render(EN).startswith("Revenue a customer: within a year only")
    for edition in (EN, ZH):
        for block in soon.blocks():
            assert block.bundle((edition,))["languages"][edition.language]
    assert len(soon.table().columns) <= 8 and len(soon.table().frame) <= 12


@pytest.mark.parametrize("plan", [{"margin": 0.2}, {"margin": 0.02}, {"cluster": "region", "strata": []}], ids=str)
def test_the_picture_can_be_read_in_both_languages(plan):
    """Also where two metrics end at the same height."""
    made = planned(firm(customers=960, rate=1 / 28), **plan)
    assert_figure_readable(made.figure())
    (last,) = made.of("revenue")[-1:]
    alike = [replace(w, found=last.found * w.level / last.level) if w.days == last.days else w for w in made.windows]
    assert_figure_readable(replace(made, windows=tuple(alike)).figure())


def test_the_season_of_the_planned_days_stands_beside_it():
    plan = planned(firm(), margin=0.2)
    assert plan.season.first == PERIOD.end + dt.timedelta(days=14)
    assert (plan.season.last - plan.season.first).days + 1 == plan.best().total


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
