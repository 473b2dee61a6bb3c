"""Mood of comments: published reviews in Chinese and English, calibration, abstention, seeds where scores are few."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.voice.ngrams import plain
from workbook.voice.sentiment import judge, moods
from workbook.voice.word_lists import seed_sentences

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
HOTEL = SHARED / "zh_hotel_reviews" / "ChnSentiCorp_htl_all.csv"
SENTENCES = SHARED / "amazon_yelp_sentences" / "review_data.csv"


@pytest.fixture(scope="module")
def hotel():
    if not HOTEL.is_file():
        pytest.skip("shared/data/zh_hotel_reviews is not here")
    reviews = pd.read_csv(HOTEL).dropna()
    return [plain(review) for review in reviews["review"]], reviews["label"].to_numpy(float)


@pytest.fixture(scope="module")
def sentences():
    if not SENTENCES.is_file():
        pytest.skip("shared/data/amazon_yelp_sentences is not here")
    rows = pd.read_csv(SENTENCES, encoding="utf-8-sig")
    return [plain(review) for review in rows["Review"]], rows["Sentiment"].to_numpy(float)


def held_out(texts, truth, rows, seed=1):
    known = np.full(len(texts), np.nan)
    known[rows] = truth[rows]
    found = judge(texts, known, "han", enough=100, seed=seed)
    rest = np.isnan(known)
    return found.probability[rest], truth[rest]


def test_four_fifths_of_the_hotel_reviews_read_the_rest_rightly_and_know_how_surely(hotel):
    texts, truth = hotel
    rows = np.random.default_rng(0).permutation(len(texts))[: int(0.8 * len(texts))]
    probability, told = held_out(texts, truth, rows)
    assert ((probability > 0.5) == (told > 0.5)).mean() >= 0.88
    for low in (0.1, 0.3, 0.5, 0.7):  # calibrated: of those called 70–90 % content that many are
        near = (probability >= low) & (probability < low + 0.2)
        assert told[near].mean() == pytest.approx(probability[near].mean(), abs=0.12)


@pytest.mark.long
def test_two_hundred_labels_read_the_other_hotel_reviews_in_the_mean_of_twenty_draws(hotel):
    texts, truth = hotel
    found = []
    for draw in range(20):
        probability, told = held_out(texts, truth, np.random.default_rng(draw).permutation(len(texts))[:200])
        found.append(((probability > 0.5) == (told > 0.5)).mean())
    assert np.mean(found) >= 0.80


def test_english_sentences_are_read_rightly_by_models_that_have_not_seen_them(sentences):
    texts, truth = sentences
    found = judge(texts, truth, "latin", enough=100, seed=1)
    assert found.origin == "own scores"
    assert ((found.probability > 0.5) == (truth > 0.5)).mean() >= 0.80


def test_seed_sentences_alone_read_better_than_chance_and_abstain_where_they_are_not_sure(sentences, hotel):
    for (texts, truth), script in ((sentences, "latin"), ((hotel[0][:2500] + hotel[0][-2000:],
                                                          np.r_[hotel[1][:2500], hotel[1][-2000:]]), "han")):  # fmt: skip
        found = judge(texts, np.full(len(texts), np.nan), script, enough=100, seed=1)
        right = (found.probability > 0.5) == (truth > 0.5)
        sure = np.abs(found.probability - 0.5) >= 0.2
        assert found.origin == "seed sentences"
        assert right.mean() >= 0.72
        assert right[sure].mean() >= 0.82 > right.mean()


def test_too_few_scores_of_one_mood_leave_the_seeds_to_judge():
    texts = [f"服务很好 {i}" for i in range(150)] + ["态度太差"] * 5
    known = np.array([1.0] * 150 + [0.0] * 5)
    found = judge(texts, known, "han", enough=100, seed=1)
    assert found.origin == "seed sentences"
    assert found.labelled.all()
    assert found.probability[-1] < 0.5 < found.probability[0]


def test_a_few_sentences_that_many_write_turn_no_mood_into_its_opposite():
    """Held out, each of ten sentences looked like the others' opposite, and the calibration turned every mood round."""
    good = ["quick and friendly answer thank you", "beans are fresh and taste great", "well packed and here the next day",
            "the technician knew his job", "fair price will buy again"]  # fmt: skip
    bad = [
        "nobody answered my mail for two days",
        "the parcel came three days late and the box was crushed",
        "still no invoice after a week",
        "the machine leaks again after two repairs",
        "the agent was rude and passed me on",
    ]
    texts = good * 20 + bad * 20 + good
    known = np.repeat([1.0, 0.0, np.nan], [100, 100, 5])
    found = judge(texts, known, "latin", enough=100, seed=1)
    assert found.origin == "seed sentences"
    assert (found.probability[-5:] > 0.5).mean() > 0.5


def test_comments_of_the_same_words_are_never_on_both_sides():
    rng = np.random.default_rng(1)
    texts = [plain(t) for t in np.repeat([f"comment number {i} {'x' * (i % 7)}" for i in range(60)], 5)]
    known = np.repeat(rng.integers(0, 2, 60), 5).astype(float)  # mood without any reason: copies alone could tell it
    found = judge(texts, known, "latin", enough=100, seed=1)
    assert abs(((found.probability > 0.5) == (known > 0.5)).mean() - 0.5) < 0.25


def test_the_same_comments_give_the_same_probabilities():
    texts = [*seed_sentences("latin")["content"], *seed_sentences("latin")["discontent"]]
    known = np.repeat([1.0, 0.0], [len(seed_sentences("latin")["content"]), len(seed_sentences("latin")["discontent"])])
    first, second = (judge(texts, known, "latin", enough=40, seed=7).probability for _ in range(2))
    assert np.array_equal(first, second)


def test_what_is_not_certain_is_unclear():
    assert moods(pd.Series([0.7, 0.69, 0.31, 0.3]), 0.7).tolist() == ["content", "unclear", "unclear", "discontent"]
