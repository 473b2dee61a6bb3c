"""Runs of symbols: the same n-grams as scikit-learn's vectoriser gives, Chinese and English, and nothing over a break."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer

from workbook.voice.ngrams import features, plain, script_of, unit_rows, words

TEXTS = [plain(t) for t in ("房间很好，服务也好", "服务不好！", "Good room, good Wi-Fi", "很好 very good", "的", "a b go on")]


@pytest.mark.parametrize("within_words, analyzer, lengths", [(True, "char_wb", (2, 3, 4)), (False, "char", (1, 2))])
def test_features_agree_with_scikit_learn(within_words, analyzer, lengths):
    ours = features(TEXTS, lengths, within_words=within_words, least=1)
    theirs = CountVectorizer(analyzer=analyzer, ngram_range=(lengths[0], lengths[-1]), binary=True, lowercase=False)
    counts = theirs.fit_transform(TEXTS if within_words else [f" {text} " for text in TEXTS])
    assert np.array_equal(np.sort(np.ravel(ours.sum(axis=0))), np.sort(np.ravel(counts.sum(axis=0))))
    assert np.array_equal(np.ravel(ours.sum(axis=1)), np.ravel(counts.sum(axis=1)))


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_any_texts_give_rows_of_length_one_or_nothing(texts):
    rows = unit_rows(features([plain(t) for t in texts], (1, 2), within_words=False, least=1))
    size = np.sqrt(np.ravel(rows.multiply(rows).sum(axis=1)))
    assert rows.shape[0] == len(texts)
    assert np.all((np.abs(size - 1) < 1e-9) | (size == 0))


def test_words_are_chinese_characters_and_words_of_other_scripts_and_punctuation_breaks_them():
    symbols = words([plain("APP 很慢，don't 用")])
    runs = symbols.runs(2)
    assert sorted(symbols.words(runs.first, 2).tolist()) == ["app 很", "don't 用", "很慢"]


@pytest.mark.parametrize(
    "text, script",
    [("客服", "han"), ("slow reply", "latin"), ("客服 no reply at all whatsoever", "latin"), ("123", "latin"),
     ("微信 app 很慢", "han")],
)  # fmt: skip
def test_script_is_told_by_the_letters(text, script):
    assert script_of(text) == script
