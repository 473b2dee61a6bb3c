"""Systemic or single: planted excess found, even complaints left alone at the stated rate, the exact test and Holm held."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.synthetic.world import OWNERS
from workbook.tables import tables_of
from workbook.voice.causes import Causes, excess, find_causes, placed_cases, ratio_bound
from workbook.voice.hotspots import find_hotspots

ROOT = Path(__file__).parents[2]
PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))
SETTINGS = Settings(client={"name": "Test"})
FACTORS = ["channel", "owner", "weekday"]


def made_up(seed, planted=0.0, n=240):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"channel": rng.choice(list("abc"), n), "owner": rng.choice(list("ABCDEF"), n),
                          "weekday": rng.choice(list("1234567"), n)})  # fmt: skip
    return frame.assign(case=rng.random(n) < 0.2 + planted * (frame["owner"] == "C"))


def test_single_cases_are_called_systemic_no_more_often_than_stated():
    false = sum((excess(made_up(seed), FACTORS, 0.95, 5)["p_held"] <= 0.05).any() for seed in range(200))
    assert false <= stats.binom.ppf(0.999, 200, 0.05)


def test_a_planted_systemic_fault_is_found_at_its_place():
    first = [excess(made_up(seed, 0.45), FACTORS, 0.95, 5).iloc[0] for seed in range(50)]
    assert sum(row["p_held"] <= 0.05 and row["level"] == "C" for row in first) >= 45


def judged(customers, active):
    customers = customers.assign(customer_id=[str(i) for i in range(len(customers))])
    return Causes(excess(customers, FACTORS, 0.95, 5), named("delivery"), SETTINGS, customers, active)


def test_many_even_complaints_are_single_cases_where_few_customers_have_them_and_a_general_fault_where_many_do():
    even = made_up(5, n=4000)
    assert judged(even, active=100_000).verdict == "single"
    assert judged(even, active=8_000).verdict == "general"
    assert judged(even, active=int(even["case"].sum() / 0.02)).verdict == "open"


def test_complaints_that_gather_at_double_the_share_are_hardly_ever_called_even():
    def doubled(seed):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"channel": rng.choice(list("abcd"), 500), "owner": "x", "weekday": "1"})
        return frame.assign(case=rng.random(500) < np.where(frame["channel"] == "a", 0.3, 0.15))

    verdicts = [judged(doubled(seed), active=50_000).verdict for seed in range(80)]
    assert sum(v in ("single", "general") for v in verdicts) <= stats.binom.ppf(0.999, 80, 0.05)


def test_the_bound_of_a_ratio_covers_as_often_as_stated():
    rng = np.random.default_rng(1)
    hits, others = rng.binomial(60, 0.3, 4000), rng.binomial(300, 0.2, 4000)
    missed = (ratio_bound(hits, [60] * 4000, others, [300] * 4000, 0.95) < 1.5).mean()
    assert 0.015 < missed < 0.035


def test_a_comment_belongs_to_the_product_and_store_of_its_order_or_of_the_last_one_before_it():
    tables = tables_of(
        {
            "orders": pd.DataFrame({"order_id": list("abc"), "customer_id": list("112"), "store": ["A", "B", "C"],
                                    "ordered_at": ["2025-10-01", "2025-11-01", "2025-12-30"]}),
            "order_lines": pd.DataFrame({"order_id": list("abbc"), "line_id": list("1121"), "category": list("xyzx"),
                                         "amount": [1, 5, 1, 1]}),
            "feedback": pd.DataFrame({"feedback_id": ["f", "g"], "given_at": "2025-12-01", "order_id": ["a", None]}),
            "customers": pd.DataFrame({"customer_id": ["1", "2"], "owner": ["Li", None], "region": ["N", "S"]}),
        },
        PERIOD,
    )  # fmt: skip
    bad = pd.DataFrame({"comment_id": ["f", "g", "t", "n"], "source": ["review", "review", "ticket", "open"],
                        "customer_id": ["1", "1", "2", None], "given_at": pd.to_datetime(["2025-12-01"] * 4),
                        "channel": "", "topic": ["late", "x", "x", "x"]})  # fmt: skip
    rows = placed_cases(bad, "late", tables).set_index("customer_id")
    assert rows.loc["1", ["case", "store", "product", "region", "owner"]].tolist() == [True, "A", "x", "N", "1"]
    assert rows.loc["2", ["store", "product", "owner"]].isna().all() and not rows.loc["2", "case"]
    assert rows.loc["n", ["store", "region"]].isna().all()
    later = placed_cases(bad[bad["comment_id"] == "g"], "late", tables).iloc[0]
    assert later[["store", "product"]].tolist() == ["B", "y"]


def test_p_is_fishers_and_held_by_holm():
    cases = made_up(3, 0.2)
    found = excess(cases, FACTORS, 0.95, 5)
    for row in found.itertuples():
        at = cases[row.factor] == row.level
        table = [[(a & b).sum() for b in (cases["case"], ~cases["case"])] for a in (at, ~at)]
        assert row.p == pytest.approx(stats.fisher_exact(table, "greater")[1])
    assert found["p_held"].to_numpy() == pytest.approx(multipletests(found["p"], method="holm")[1])


def test_verdict_reads_in_both_languages():
    for part in (0.0, 0.45):
        found = judged(made_up(1, part), active=5000)
        assert found.verdict == ("systemic" if part > 0 else "open")
        assert len(found.table().title.render(EDITIONS[0]).split()) <= 15
        found.table().bundle(EDITIONS)
        found.definition().bundle(EDITIONS)


def test_the_demo_is_judged():
    chosen = read_settings(ROOT, "demo", PERIOD, None)
    tables = prepare(ROOT, "demo", PERIOD, chosen).tables
    heard = find_hotspots(tables, chosen)
    found = find_causes(heard, tables, chosen)
    assert len(found.table().title.render(EDITIONS[0]).split()) <= 15
    shown = json.dumps(found.table().bundle(EDITIONS), ensure_ascii=False)
    assert "负责人" in shown and not any(name in shown for name in OWNERS)
    assert isinstance(found, Causes)
    assert found.places["cases"].groupby(found.places["factor"]).sum().max() <= heard.topics["discontent"].max()


def test_where_nothing_says_where_comments_belong_it_is_asked_for():
    rows = pd.DataFrame({"feedback_id": [str(i) for i in range(60)], "given_at": "2025-11-15", "instrument": "review",
                         "score": 1, "scale_max": 5, "text": [f"the parcel was late, box {i}" for i in range(60)]})  # fmt: skip
    given = Settings(client={"name": "Test"}, voice={"topics": [{"id": "d", "name": "Delivery", "words": ["parcel"]}]})
    tables = tables_of({"feedback": rows}, PERIOD)
    found = find_causes(find_hotspots(tables, given), tables, given)
    assert "orders.store" in found.missing and "feedback.channel" in found.missing


def test_without_comments_the_cause_is_not_measured():
    nothing = NotMeasured("voice.hotspots", "what", ("feedback.text",))
    assert isinstance(find_causes(nothing, tables_of({}, PERIOD), SETTINGS), NotMeasured)


def test_cases_without_any_place_leave_nothing_to_look_at():
    """Reviews without customers and stores ended in a traceback: of no row at all pandas made text."""
    frame = pd.DataFrame({"case": [True, False, True], "channel": [None] * 3, "owner": [None] * 3})
    assert excess(frame, ["channel", "owner"], 0.95, 1).empty
    assert excess(frame[["case"]], [], 0.95, 1).empty
