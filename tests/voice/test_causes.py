"""Systemic or single: planted excess found, even complaints of all topics left alone at the stated rate."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import Edition, named
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.synthetic.world import OWNERS
from workbook.tables import tables_of
from workbook.voice.causes import AllCauses, Causes, find_causes, judge_topics
from workbook.voice.excess import excess
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


def placed(seed, planted=0.0, n=900):
    """Discontent customers of four topics at places dealt by lot; *planted* share of employee 3's speak of b instead."""
    rng = np.random.default_rng(seed)
    sizes = {
        "channel": 4,
        "employee": 10,
        "owner": 6,
        "week": 3,
        "weekday": 7,
        "hours": 4,
        "region": 5,
        "store": 20,
        "product": 5,
    }
    frame = pd.DataFrame({name: rng.choice([str(i) for i in range(1, k + 1)], n) for name, k in sizes.items()})
    topic = rng.choice(["a", "b", "c", "other"], n, p=[0.4, 0.2, 0.2, 0.2])
    hit = (frame["employee"] == "3") & (rng.random(n) < planted)
    return frame.assign(customer_id=[str(i) for i in range(n)], topic=np.where(hit, "b", topic))


def systemic(frame):
    """Topic, factor and level of the first place of every topic found systemic."""
    found = [(topic, places.iloc[0]) for topic, places, _, _ in judge_topics(frame, ["a", "b", "c"], SETTINGS)]
    return [(topic, row["factor"], row["level"]) for topic, row in found if row["p_held"] <= 0.05]


def test_single_cases_are_called_systemic_in_no_topic_more_often_than_stated():
    false = sum(bool(systemic(placed(seed))) for seed in range(60))
    assert false <= stats.binom.ppf(0.999, 60, 0.05)


def test_a_fault_planted_at_one_employee_is_found_there_and_makes_no_other_topic_systemic():
    """What gathers at one place makes all else rarer there: without setting it aside the other topics seemed to gather too."""
    found = [systemic(placed(seed, 0.6)) for seed in range(30)]
    assert all(rows[:1] == [("b", "employee", "3")] for rows in found)
    assert sum(len(rows) > 1 for rows in found) <= stats.binom.ppf(0.999, 30, 0.05)


def test_topics_found_systemic_stand_first_and_count_no_more_among_the_others():
    frame = placed(1, 0.9)
    found = judge_topics(frame, ["a", "b", "c"], SETTINGS)
    assert [topic for topic, *_ in found] == ["b", "a", "c"]
    assert [len(customers) for _, _, customers, _ in found] == [900, *[(frame["topic"] != "b").sum()] * 2]
    assert found[0][3] > found[1][3]


def judged(customers, active):
    customers = customers.assign(customer_id=[str(i) for i in range(len(customers))])
    return Causes(
        excess(customers, FACTORS, 0.95, 5), named("delivery"), SETTINGS, customers, active, 16, int(customers["case"].sum())
    )


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
    assert isinstance(found, AllCauses)
    for table in (found.table(), *(topic.table() for topic in found.topics)):
        assert len(table.title.render(EDITIONS[0]).split()) <= 15
        shown = json.dumps(table.bundle(EDITIONS), ensure_ascii=False)
        assert not any(name in shown for name in (*OWNERS, "客服"))
    assert "员工" in shown and {"employee", "owner", "product", "store", "channel", "week"} <= set(found.first.places["factor"])
    for topic in found.topics:
        assert topic.places["cases"].groupby(topic.places["factor"]).sum().max() <= topic.cases <= topic.told
    assert len(found.topics) + found.small == (heard.topics.loc[heard.topics["topic"] != "other", "discontent"] > 0).sum()


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
