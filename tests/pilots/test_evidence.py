"""Campaigns that the client aimed: a planted effect is found, choice alone is not taken for one, doubt is said."""

import numpy as np
import pandas as pd
import pytest
from tests.pilots.trials import PERIOD, settings

from workbook.language import Edition
from workbook.pilots.evidence import VERDICTS, weigh_campaigns
from workbook.report.blocks import NotMeasured
from workbook.tables import tables_of

EN, ZH = Edition("en"), Edition("zh")


def firm(seed, effect=0.0, drift=0.0, sharp=1.0, customers=1500, start="2025-11-01", end="2025-11-30"):
    """Frequent buyers are aimed at; *effect* is the spend that the campaign adds to each who is reached."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"c{k:04d}" for k in range(customers)])
    rate = rng.gamma(2, 1.5, customers)
    reached = rng.random(customers) < 1 / (1 + np.exp(-sharp * (rate - 4)))
    rows = []
    first = pd.Timestamp(start)
    for back in range(8, -1, -1):
        day = first - pd.Timedelta(days=30 * back)
        grown = rate * np.where(reached, 1 + drift * (8 - back), 1)
        numbers = rng.poisson(grown)
        amounts = np.round(rng.lognormal(3, 0.4, numbers.sum()), 2)
        who = np.repeat(ids, numbers)
        rows.append(pd.DataFrame({"customer_id": who, "ordered_at": day + pd.Timedelta(days=3), "amount": amounts}))
    if effect:
        extra = pd.DataFrame({"customer_id": ids[reached], "ordered_at": first + pd.Timedelta(days=5), "amount": effect})
        rows.append(extra)
    orders = pd.concat(rows, ignore_index=True)
    orders["order_id"] = np.arange(len(orders))
    frames = {
        "customers": pd.DataFrame({"customer_id": ids}),
        "orders": orders,
        "campaigns": pd.DataFrame({"campaign_id": ["gift"], "measure": ["gift"], "starts_at": [start], "ends_at": [end]}),
        "campaign_contacts": pd.DataFrame({"campaign_id": "gift", "customer_id": ids[reached]}),
    }
    return tables_of(frames, PERIOD)


def row(tables):
    return weigh_campaigns(tables, settings()).frame.iloc[0]


def test_a_planted_effect_is_covered_and_read_as_more():
    found = pd.DataFrame([row(firm(seed, effect=40.0)) for seed in range(12)])
    assert ((found["plain_low"] <= 40) & (found["plain_high"] >= 40)).sum() >= 10
    assert found["verdict"].str.startswith("more").sum() >= 10


def test_who_was_chosen_is_no_effect():
    verdicts = [row(firm(seed, sharp=0.5))["verdict"] for seed in range(100, 115)]
    assert not any(verdict.startswith(("more", "less")) for verdict in verdicts)


def test_intervals_hold_what_earlier_dates_show_where_the_chosen_already_grew():
    """Without that the comparison beside like customers covered the planted effect in 8 of 23 such firms."""
    found = pd.DataFrame([row(firm(seed, effect=40.0, drift=0.06)) for seed in range(300, 306)])
    assert (found["placebos"] == 3).all() and (found["verdict"] == "differ").all()
    for name in ("plain", "weighted"):
        assert ((found[f"{name}_low"] <= 40) & (found[f"{name}_high"] >= 40)).sum() >= 5
        largest = found[[f"{name}_before_low", f"{name}_before_high"]].abs().max(axis=1)
        assert (found[f"{name}_high"] - found[name] > largest).all()


def test_comparison_with_all_others_is_not_shown_where_the_chosen_already_grew():
    found = pd.DataFrame([row(firm(seed, drift=0.15)) for seed in range(6)])
    assert not found["plain_passes"].any() and set(found["verdict"]) == {"differ"}


def test_comparison_with_like_customers_is_not_shown_where_none_are_like():
    found = row(firm(1, sharp=40.0))
    assert found["weighted_passes"] is not True and not found["verdict"].endswith("_moderate")


@pytest.mark.parametrize(
    ("made", "verdict"),
    [({"customers": 60, "sharp": 8.0}, "few"), ({"start": "2025-11-01", "end": "2026-12-31"}, None)],
)
def test_too_few_customers_are_said(made, verdict):
    found = row(firm(2, **made))
    assert found["verdict"] == verdict if verdict else found["days"] == 61  # cut at the analysis date


def test_short_history_is_said():
    tables = firm(3)
    tables.connection.execute("delete from orders where ordered_at < timestamp '2025-10-01'")
    assert row(tables)["verdict"] == "short"


def test_several_campaigns_are_judged_together_and_those_of_other_periods_left_out():
    tables = firm(4)
    alone = row(tables)
    tables.connection.execute(
        "insert into campaigns values ('late', 'call', date '2025-12-02', date '2025-12-31'),"
        " ('old', 'call', date '2025-01-02', date '2025-02-28')"
    )
    tables.connection.execute(
        "insert into campaign_contacts (campaign_id, customer_id) select 'late', customer_id from customers "
        "order by 2 limit 300"
    )
    both = weigh_campaigns(tables, settings()).frame.set_index("campaign")
    assert list(both.index) == ["gift", "late"]
    assert both.loc["gift", "plain_high"] - both.loc["gift", "plain_low"] > alone["plain_high"] - alone["plain_low"]
    assert both.loc["gift", "also"] == 0  # they do not overlap in time


def test_every_part_shows_in_both_languages_and_hides_what_is_undecided():
    judged, hidden = weigh_campaigns(firm(5, effect=40.0), settings()), weigh_campaigns(firm(1, drift=0.15), settings())
    for block in judged.blocks():
        block.bundle((EN, ZH))
    assert set(judged.frame["verdict"]) <= set(VERDICTS) and judged.title().render(EN).startswith("1 of 1")
    assert isinstance(hidden.figure(), NotMeasured)
    for edition, words in ((EN, "undecided"), (ZH, "无法判断")):
        (cells,) = hidden.table().bundle((edition,))["languages"][edition.language]["cells"]
        assert cells[2] in ("n/a", "未知") and cells[3] in ("n/a", "未知") and words in cells[-1]


def test_without_campaigns_the_description_alone_says_what_is_missing():
    found = weigh_campaigns(tables_of({}, PERIOD), settings())
    assert found.blocks() == () and isinstance(found.table(), NotMeasured)
    assert "campaigns.starts_at" in found.missing
