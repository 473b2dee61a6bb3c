"""Labels by hand: they come before scores and words, train the model, and tell how rightly it reads, class by class."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.settings.models import Labelled, Settings
from workbook.tables import tables_of
from workbook.voice.hotspots import find_hotspots
from workbook.voice.labels import mood_accuracy, mood_confusion, topic_accuracy, with_labels
from workbook.voice.sentiment import moods

EDITIONS = (Edition("en"), Edition("zh"))
TOPICS = [{"id": "ship", "name": {"en": "Shipping", "zh": "配送"}, "words": ["parcel"]},
          {"id": "price", "name": "Price", "words": ["cost"]}]  # fmt: skip


def label(comment, topic="", mood=""):
    return Labelled(comment=comment, topic=topic, mood=mood)


def told(n=300, seed=1):
    """Comments told by scores and by hand, with made-up probabilities."""
    rng = np.random.default_rng(seed)
    content = rng.integers(0, 2, n).astype(float)
    by = rng.choice(["hand", "score", ""], n)
    hand = np.where(by == "hand", np.where(content > 0.5, "content", "discontent"), "")
    neither = (by == "hand") & (rng.random(n) < 0.2)
    hand[neither] = "neither"
    content[neither | (by == "")] = np.nan
    probability = np.clip(np.nan_to_num(content, nan=0.5) * 0.4 + 0.3 + rng.normal(0, 0.25, n), 0, 1)
    return pd.DataFrame({"script": rng.choice(["han", "latin"], n), "told_by": by, "content": content, "hand_mood": hand,
                         "probability": probability})  # fmt: skip


def test_a_person_comes_before_the_score_and_neither_takes_the_score_away():
    comments = pd.DataFrame({"comment_id": list("abcd"), "content": [1.0, 1.0, np.nan, 0.0]})
    read = with_labels(comments, [label("a", mood="discontent"), label("b", mood="neither"), label("c", "ship"), label("x")])
    assert read["content"].fillna(-1).tolist() == [0, -1, -1, 0]
    assert read["told_by"].tolist() == ["hand", "hand", "", "score"]
    assert read["hand_topic"].tolist() == ["", "", "ship", ""]
    assert with_labels(comments, [])["content"].equals(comments["content"])


def test_counts_by_class_are_those_of_scikit_learn():
    read = told()
    table = mood_confusion(read, 0.7, 0.95)
    for by, rows in table.groupby("told_by"):
        own = read[read["told_by"] == by]
        truth = own["hand_mood"].where(own["hand_mood"] != "", np.where(own["content"] == 1, "content", "discontent"))
        said = moods(own["probability"], 0.7)
        both = ["content", "discontent"]
        precision, recall, _, n = precision_recall_fscore_support(truth, said, labels=both, zero_division=np.nan)
        rows = rows.set_index("mood").loc[both]
        assert rows["precise"].to_numpy() == pytest.approx(precision)
        assert rows["found"].to_numpy() == pytest.approx(recall)
        assert rows["n"].tolist() == n.tolist()
        assert (rows["found_low"] <= rows["found"]).all() and (rows["precise"] <= rows["precise_high"]).all()
    assert table["n"].sum() == (read["told_by"] != "").sum()
    assert table.loc[table["mood"] == "neither", "found"].isna().all()


def test_accuracy_counts_the_decided_apart_from_all():
    read = told()
    table = mood_accuracy(read, {"han": "own scores", "latin": "seed sentences"}, 0.7, 0.95)
    assert len(table) == 4
    for row in table.itertuples():
        own = read[(read["script"] == row.script) & (read["told_by"] == row.told_by) & read["content"].notna()]
        sure = (own["probability"] - 0.5).abs() >= 0.2
        right = (own["probability"] > 0.5) == (own["content"] > 0.5)
        assert (row.labelled, row.decided) == (len(own), pytest.approx(sure.mean()))
        assert (row.right, row.all_right) == (pytest.approx(right[sure].mean()), pytest.approx(right.mean()))
        assert row.low <= row.right <= row.high


def test_words_are_judged_by_the_comments_that_a_person_gave_a_topic():
    hand = pd.Series(["ship", "ship", "price", "other", "", ""])
    read = pd.Series(["ship", "other", "ship", "other", "price", "ship"])
    table = topic_accuracy(hand, read, 0.95).set_index("topic")
    assert table.loc["ship", ["n", "called", "hits"]].tolist() == [2, 2, 1]
    assert (table.loc["price", "found"], table.loc["other", "found"]) == (0, 1)
    assert np.isnan(table.loc["price", "precise"])


def comments_of(n):
    half = ["the parcel is late again", "parcel crushed", "what a cost for so little"]
    texts = [f"{half[i % 3]} {'xyz'[i % 3]}{i % 11}" for i in range(n)]
    return tables_of({"feedback": pd.DataFrame({"feedback_id": [f"F{i}" for i in range(n)], "given_at": "2025-11-03",
                                                "text": texts})}, Period.parse("2025Q4"))  # fmt: skip


def test_labels_reach_moods_topics_and_the_tables_of_accuracy():
    labels = [label(f"F{i}", "price" if i % 3 == 2 else "ship", "content" if i % 3 == 2 else "discontent") for i in range(60)]
    labels += [label("F60", "other", "neither"), label("gone", "ship")]
    settings = Settings(client={"name": "T"}, voice={"topics": TOPICS, "labels": labels, "enough_scores": 40})
    heard = find_hotspots(comments_of(90), settings)
    read = heard.comments.set_index("comment_id")
    assert read.loc["F60", ["topic", "mood"]].tolist() == ["other", "unclear"]
    assert read.loc["F2", "mood"] == "content" and read.loc["F0", "mood"] == "discontent"
    later = read.loc[[f"F{i}" for i in range(61, 90)]]
    assert ((later["topic"] == "price") == (later["mood"] == "content")).all(), "what was labelled trains the model"
    classes, topics = heard.accuracy.classes, heard.accuracy.topics
    assert classes["n"].sum() == 61 and topics["n"].sum() == 61
    for block in heard.accuracy.tables():
        block.bundle(EDITIONS)
    title = heard.accuracy.topic_table().title.render(EDITIONS[0])
    assert title == "Words find the topic that a person gave in 60 of 61 comments"


def test_without_labels_the_accuracy_of_topics_names_what_to_do():
    settings = Settings(client={"name": "T"}, voice={"topics": TOPICS})
    table = find_hotspots(comments_of(30), settings).accuracy.topic_table()
    assert isinstance(table, NotMeasured) and "workbook labels" in table.why.render(EDITIONS[0])
