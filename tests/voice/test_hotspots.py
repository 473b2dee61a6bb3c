"""Comments read: planted causes and moods of an invented client, topics by hand and found, masks, meagre deliveries."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from workbook.language import Edition
from workbook.period import Period
from workbook.report.blocks import NotMeasured
from workbook.report.figures import house_style
from workbook.settings.models import Settings
from workbook.settings.reading import read_settings
from workbook.sources.prepare import prepare
from workbook.tables import tables_of
from workbook.voice.hotspot_exhibits import shown_name
from workbook.voice.hotspots import find_hotspots
from workbook.voice.intervals import change_interval, share_interval
from workbook.voice.quotes import masked
from workbook.voice.topics import assign_topics, given_topics

ROOT = Path(__file__).parents[2]
PERIOD = Period.parse("2025Q4")
EDITIONS = (Edition("en"), Edition("zh"))


@pytest.fixture(scope="module")
def heard():
    settings = read_settings(ROOT, "demo", PERIOD, None)
    return find_hotspots(prepare(ROOT, "demo", PERIOD, settings).tables, settings)


@pytest.fixture(scope="module")
def truth():
    causes = json.loads((ROOT / "data" / "synthetic" / "demo" / "truth.json").read_text("utf-8"))["feedback"]["ids_by_cause"]
    rows = [(id, cause, mood) for cause, moods in causes.items() for mood, ids in moods.items() for id in ids]
    return pd.DataFrame(rows, columns=["comment_id", "cause", "told"])


def test_moods_planted_in_the_demo_are_read(heard, truth):
    both = heard.comments.merge(truth, on="comment_id")
    clear = both[both["mood"] != "unclear"]
    assert len(both) > 200
    assert (clear["mood"] == clear["told"]).mean() >= 0.95
    assert len(clear) / len(both) >= 0.9


def test_topics_given_by_hand_find_the_planted_causes(heard, truth):
    both = heard.comments.merge(truth, on="comment_id").replace({"topic": {"staff": "attitude"}})
    known = both[both["topic"].isin(truth["cause"].unique())]
    assert (known["topic"] == known["cause"]).mean() >= 0.9
    assert len(known) / len(both) >= 0.8


def test_counts_of_topics_add_up_to_the_comments(heard):
    assert heard.topics["n"].sum() == len(heard.comments)
    assert (heard.topics[["content", "discontent", "unclear"]].sum(axis=1) == heard.topics["n"]).all()
    assert heard.topics["share"].sum() == pytest.approx(1)
    assert heard.topics["topic"].iloc[-1] == "other"


def blocks_of(heard):
    return [
        heard.figure(), heard.table(), heard.phrase_table(), *heard.accuracy.tables(), *heard.key_figures(),
        *heard.definitions(),
    ]  # fmt: skip


def test_changes_of_topics_hold_for_all_topics_together(heard):
    topics = heard.topics
    now, before = int(topics["n"].sum()), int(topics["before"].sum())
    level = 1 - 0.05 / len(topics)
    low, high = change_interval(topics["n"], now, topics["before"], before, level)
    np.testing.assert_allclose(topics["change_low"], low)
    np.testing.assert_allclose(topics["change_high"], high)


def test_every_block_renders_and_titles_are_short(heard):
    ids = [block.bundle(EDITIONS)["id"] for block in blocks_of(heard)]
    assert len(set(ids)) == len(ids)
    for block in blocks_of(heard)[:4]:
        if not isinstance(block, NotMeasured):
            assert len(block.title.render(EDITIONS[0]).split()) <= 15


def test_no_label_of_the_figure_is_cut_off_or_lies_on_another(heard):
    for edition in EDITIONS:
        with house_style(foreign=True):
            canvas = heard.figure().draw(edition)
            agg = FigureCanvasAgg(canvas)
            agg.draw()
            axes = canvas.axes[0]
            labels = [t for t in (*axes.texts, *axes.get_yticklabels()) if t.get_text()]
            boxes = [t.get_window_extent(agg.get_renderer()) for t in labels]
        assert all(b.x0 >= -1 and b.x1 <= canvas.bbox.width + 1 and b.y1 <= canvas.bbox.height + 1 for b in boxes)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def settings(**voice):
    return Settings(client={"name": "Test"}, voice=voice)


def read(texts, **columns):
    frame = pd.DataFrame({"feedback_id": [str(i) for i in range(len(texts))], "given_at": "2025-11-03", "text": texts})
    return find_hotspots(tables_of({"feedback": frame.assign(**columns)}, PERIOD), settings())


def spoken(seed, n=400):
    """Comments on two matters in words that overlap, and which matter each speaks of."""
    rng = np.random.default_rng(seed)
    about = {"parcel": ["parcel late", "parcel crushed", "courier lost the parcel", "courier came at night"],
             "coffee": ["coffee tastes sour", "coffee beans stale", "beans too dark", "stale coffee"]}  # fmt: skip
    fill = ["today", "yesterday", "sadly", "in june", "for us", "at work", "here", "in town"]
    kind = rng.choice(list(about), n)
    texts = [f"{rng.choice(about[k])} {rng.choice(fill)}, {rng.choice(fill)}" for k in kind]
    return pd.DataFrame({"words": texts, "script": "latin", "hand_topic": ""}), kind


def test_topics_that_are_found_part_comments_by_what_they_speak_of():
    comments, kind = spoken(5)
    found = assign_topics(comments, settings(found_topics=2))
    table = pd.crosstab(found.topic, kind)
    assert table.max(axis=1).sum() / len(comments) >= 0.9
    again = assign_topics(comments, settings(found_topics=2))
    assert found.topic.equals(again.topic) and found.names == again.names


def test_planted_topics_recur_in_other_draws_and_from_other_starts_and_more_topics_than_there_are_do_not():
    for seed in range(5):
        comments, _ = spoken(seed)
        two = assign_topics(comments, settings(found_topics=2))
        assert min(two.recurs.values()) >= 0.9
    rng = np.random.default_rng(1)
    words = np.array([a + b for a in ("tal", "mor", "ken", "sil", "bur", "nep") for b in ("ik", "on", "as", "ut")])
    noise = pd.DataFrame({"words": [" ".join(rng.choice(words, 5)) for _ in range(300)], "script": "latin", "hand_topic": ""})
    assert max(assign_topics(noise, settings(found_topics=6)).recurs.values()) < 0.6


def test_a_topic_that_does_not_recur_is_called_unsteady_beside_its_name():
    row = pd.Series({"name_en": "late parcel", "name_zh": "", "recurs": 0.59})
    assert shown_name(row).render(EDITIONS[0]) == "late parcel (unsteady)"
    assert shown_name(row.replace(0.59, 0.6)).render(EDITIONS[0]) == "late parcel"
    assert shown_name(row.replace(0.59, np.nan)).render(EDITIONS[0]) == "late parcel"


def test_words_of_a_given_topic_match_inside_chinese_and_at_the_beginning_of_other_words():
    topics = settings(topics=[{"id": "ship", "name": "Shipping", "words": ["发货", "deliver"]},
                              {"id": "price", "name": "Price", "words": ["价", "cost"]}]).voice.topics  # fmt: skip
    words = pd.Series(["说好发货却没有", "the delivery was late", "undelivered", "涨价又降价还不发货", "costs"])
    found, hits = given_topics(words, topics)
    assert found.tolist() == ["ship", "ship", "other", "price", "price"]
    assert hits.tolist() == [1, 1, 0, 2, 1]


def test_quotes_hide_who_wrote_and_who_served():
    words = "王经理说打13812345678或发邮件到li.wei@example.com，单号SF1234567890，小周很热情"
    shown = masked(words, ["小周"])
    for secret in ("13812345678", "li.wei", "SF1234567890", "王经理", "小周"):
        assert secret not in shown
    assert masked("Mr. John Smith of the desk, call 0044 20 7946 0000") == "Mr *** of the desk, call ***"
    assert len(masked("很" * 500)) == 90


def test_what_shops_write_for_a_silent_customer_is_no_comment():
    found = read(
        ["此用户没有填写评价", "系统默认好评!", "。。。", "好评", "发货太慢了", "服务很好", "还可以吧", "一般般", "再来一次"]
    )
    assert len(found.comments) == 5


def test_scores_tell_the_mood_by_the_quarters_of_their_scale():
    found = read(
        ["said something here"] * 8, score=[10, 6, 7, 8, 3, 5, 9, 20], scale_max=[10, 10, 10, 10, 10, 5, 5, 10],
        instrument=["nps", "nps", "nps", "review", "review", "csat", "csat", "review"],
    )  # fmt: skip
    stated = found.comments.loc[found.comments["stated"], ["comment_id", "mood"]].to_numpy().tolist()
    assert stated == [["5", "content"], ["0", "content"], ["1", "discontent"], ["3", "content"], ["4", "discontent"]]


@pytest.mark.parametrize("texts", [[""] * 9, [None] * 3, ["ok thanks"], ["?!"] * 20])
def test_hardly_a_comment_is_told_and_never_an_error(texts):
    found = read(texts)
    assert isinstance(found, NotMeasured)
    found.bundle(EDITIONS)


@pytest.mark.parametrize(
    "texts", [["很好很好"] * 6, ["bad service"] * 6, ["a b", "c d", "e f", "g h", "i j", "\U0001f600 ok then"]]
)
def test_few_comments_render(texts):
    for block in blocks_of(read(texts)):
        block.bundle(EDITIONS)


def test_without_comments_the_tables_to_deliver_are_named():
    assert "feedback.text" in find_hotspots(tables_of({}, PERIOD), settings()).missing


def test_intervals_are_the_published_ones():
    # Newcombe 1998, tables I and II: 15/50 by Wilson, 56/70 against 48/80 by method 10
    assert [x[0] for x in share_interval([15], [50], 0.95)] == pytest.approx([0.1910, 0.4375], abs=5e-5)
    assert [x[0] for x in change_interval([56], [70], [48], [80], 0.95)] == pytest.approx([0.0524, 0.3339], abs=5e-5)
    assert np.isnan(change_interval([1], [2], [0], [0], 0.95)[0][0])
