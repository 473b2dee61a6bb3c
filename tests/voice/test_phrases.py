"""Key phrases: words of Chinese without a segmenter, words that belong together in English, nothing that only binds."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbook.voice.ngrams import plain
from workbook.voice.phrases import key_phrases

HOTEL = Path(__file__).resolve().parents[3] / "shared" / "data" / "zh_hotel_reviews" / "ChnSentiCorp_htl_all.csv"


@pytest.mark.skipif(not HOTEL.is_file(), reason="shared/data/zh_hotel_reviews is not here")
def test_the_words_of_hotels_are_found_among_hotel_reviews():
    texts = [plain(review) for review in pd.read_csv(HOTEL)["review"].dropna()[:2500]]
    found = key_phrases(texts, "han", least=5).words.tolist()
    words = {"酒店", "房间", "服务", "前台", "早餐", "卫生间", "服务员", "性价比", "隔音", "空调", "大堂", "电梯", "服务态度"}
    assert words <= set(found)
    assert not {"的房", "店的", "间很", "早餐很", "性价", "卫生间的"} & set(found)
    assert found.index("酒店") < 5


def test_phrases_are_counted_once_a_comment_and_the_most_frequent_comes_first():
    texts = [plain(f"{a} customer service {b} delivery") for a, b in zip("abcdefgh" * 2, "hgfedcba" * 2, strict=True)]
    texts += [plain(f"slow delivery of {c}, delivery again") for c in ("tea", "soap", "milk", "rice")]
    found = key_phrases(texts, "latin")
    held = dict(zip(found.words.tolist(), np.ravel(found.held.sum(axis=0)).astype(int).tolist(), strict=True))
    assert held["delivery"] == 20
    assert "customer service" in held and "customer" not in held
    assert found.words[0] == "delivery"


@pytest.mark.parametrize("texts", [[], ["的"], ["a"], ["好"] * 5])
def test_hardly_a_word_gives_no_phrase(texts):
    assert len(key_phrases(texts, "han").words) <= 1
