"""The needs register: what is noted and complained of on one list, ranked by the rule, tied to the problem that was planted."""

import numpy as np
import pandas as pd
import pytest

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Settings
from workbook.tables import tables_of
from workbook.voice.hotspots import Hotspots
from workbook.voice.register import REGISTER_COLUMNS, register_needs

PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en", least=5), Edition("zh", least=5))
UNHEARD = NotMeasured("voice.hotspots", None, ("feedback.text",))
NOBODY = pd.DataFrame({"problem": [], "customer_id": []}, dtype="str")
TOPICS = [{"id": "delivery", "name": {"en": "Delivery", "zh": "配送"}, "words": ["deliver", "配送"]}]


def settings(**voice):
    return Settings(client={"name": "Test"}, voice={"topics": TOPICS, **voice})


def noted(needs, **more):
    """Needs: what → the customers (numbers) who note it, once or again."""
    rows = [(f"C{who:03d}", need) for need, people in needs.items() for who in people]
    frame = pd.DataFrame(rows, columns=["customer_id", "need"]).assign(noted_at="2025-11-03", **more)
    frame["noted_at"] = pd.to_datetime(frame["noted_at"]) + pd.to_timedelta(
        frame.groupby(["customer_id", "need"]).cumcount(), "D"
    )
    return tables_of({"needs": frame}, PERIOD)


def profile(revenue=lambda i: 100.0, n=400):
    return pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(n)], "revenue": [revenue(i) for i in range(n)]})


def heard(topic_people):
    rows = [(f"K{i}", "review", f"C{who:03d}", topic, "discontent") for topic, people in topic_people.items()
            for i, who in enumerate(people)]  # fmt: skip
    comments = pd.DataFrame(rows, columns=["comment_id", "source", "customer_id", "topic", "mood"])
    topics = pd.DataFrame({"topic": list(topic_people), "name_en": "Delivery", "name_zh": "配送"})
    nothing = pd.DataFrame()
    return Hotspots(comments, topics, nothing, nothing, nothing, settings(), PERIOD)


def test_customers_revenue_and_repeated_mentions_lift_a_need_and_its_rank_says_how_firmly():
    found = register_needs(UNHEARD, profile(), NOBODY, noted({"many": range(40), "few": range(50, 60)}), settings()).frame
    assert found["need_en"].tolist() == ["many", "few"] and list(found.columns) == list(REGISTER_COLUMNS)
    assert found["rank_high"].tolist() == [1, 2] and found["score"].iloc[0] == pytest.approx(1.0)
    rich = profile(lambda i: 100.0 if i < 50 else 100_000.0)
    close = register_needs(UNHEARD, rich, NOBODY, noted({"many": range(40), "few": range(50, 80)}), settings()).frame
    assert close["need_en"].iloc[0] == "few"
    often = noted({"once": range(20), "again": [*range(50, 70), *range(50, 70)]})
    assert register_needs(UNHEARD, profile(), NOBODY, often, settings()).frame["need_en"].iloc[0] == "again"


def test_a_noted_need_joins_the_topic_whose_words_it_holds():
    tables = noted({"deliver faster": range(10), "cheaper": range(20, 30)})
    found = register_needs(heard({"delivery": range(5, 25)}), profile(), NOBODY, tables, settings()).frame.set_index("need")
    assert found.loc["delivery", ["customers", "kind", "need_zh"]].tolist() == [25, "both", "配送"]
    assert found.loc["delivery", "mentions"] == pytest.approx(30 / 25)
    assert found.loc["need:cheaper", "kind"] == "noted"
    assert found.loc["delivery", "share"] == pytest.approx(25 / 30)


def test_competitors_ahead_lift_a_need_and_those_behind_do_not():
    tables = noted({"alpha": range(20), "beta": range(30, 50)})
    marks = [{"need": "Beta", "competitor": "X", "ours": 2, "theirs": 5},
             {"need": "beta", "competitor": "Y", "ours": 2, "theirs": 4},
             {"need": "alpha", "competitor": "X", "ours": 5, "theirs": 1}]  # fmt: skip
    found = register_needs(UNHEARD, profile(), NOBODY, tables, settings(competitors=marks)).frame
    assert found["need_en"].tolist() == ["beta", "alpha"] and found["behind"].tolist() == [2.5, -4.0]


def test_only_the_planted_problem_is_tied_to_its_need():
    tied, false = 0, 0
    for seed in range(15):
        rng = np.random.default_rng(seed)
        people = rng.permutation(300)
        tables = noted({"a": people[:60], "b": people[60:150], "c": people[150:300]})
        touched = [f"C{i:03d}" for i in (*people[:60][rng.random(60) < 0.5], *people[60:][rng.random(240) < 0.1])]
        chance = [f"C{i:03d}" for i in rng.choice(300, 60, replace=False)]
        whom = pd.DataFrame({"problem": ["p"] * len(touched) + ["q"] * 60, "customer_id": touched + chance})
        found = register_needs(UNHEARD, profile(), whom, tables, settings()).frame.set_index("need")["problem"]
        tied += found["need:a"] == "p"
        false += bool(found.drop("need:a").notna().any() or found["need:a"] == "q")
    assert tied >= 14 and false <= 4


def test_a_problem_of_every_note_is_tied_to_no_need():
    tables = noted({"a": range(30), "b": range(30, 90)})
    all_of_them = pd.DataFrame({"problem": "needs.depth", "customer_id": [f"C{i:03d}" for i in range(90)]})
    found = register_needs(heard({"delivery": range(200, 260)}), profile(), all_of_them, tables, settings()).frame
    assert found["problem"].isna().all()


def test_who_comments_without_a_name_counts_once_a_comment():
    said = heard({"delivery": range(12)})
    said.comments["customer_id"] = None
    found = register_needs(said, profile(), NOBODY, tables_of({}, PERIOD), settings())
    assert found.heard == 12 and found.frame["customers"].tolist() == [12] and found.frame["revenue"].tolist() == [0.0]
    found.table().bundle(EDITIONS)


def test_needs_of_few_customers_stay_out_and_old_ones_too():
    tables = noted({"rare": range(4), "usual": range(10, 30)})
    assert register_needs(UNHEARD, profile(), NOBODY, tables, settings()).frame["need_en"].tolist() == ["usual"]
    old = tables_of(
        {"needs": pd.DataFrame({"customer_id": [f"C{i}" for i in range(9)], "need": "x", "noted_at": "2024-06-01"})}, PERIOD
    )
    assert isinstance(register_needs(UNHEARD, profile(), NOBODY, old, settings()), NotMeasured)


def test_table_and_form_read_in_both_languages():
    found = register_needs(UNHEARD, profile(), NOBODY, noted({"=1+1": range(40), "few": range(50, 60)}), settings())
    assert len(found.table().title.render(EDITIONS[0]).split()) <= 15
    found.table().bundle(EDITIONS)
    sheet = found.competitor_sheet()
    assert len(sheet.table.frame) == 2 * 3 and sheet.to_fill
    sheet.table.bundle(EDITIONS)
