"""What comments speak of: topics given by words in the settings, and topics found in the rest (V3).

Found topics are the factors of a non-negative matrix factorisation (Lee & Seung 1999) of comments × key phrases, started from
the singular vectors (Boutsidis & Gallopoulos 2008), so that the same comments give the same topics. Each script has its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.decomposition import NMF

from workbook.settings.models import Settings, VoiceTopic
from workbook.voice.ngrams import plain, unit_rows
from workbook.voice.phrases import Phrases, key_phrases
from workbook.voice.word_lists import mood_words

OTHER = "other"
NAMED_BY = 3
"""Phrases that name a found topic."""

SMALLEST = 30
"""Comments of one script from which topics are looked for."""

COMMENTS_A_TOPIC = 15
"""Fewest comments to each topic looked for."""

MOST_PHRASES = 1500


@dataclass(frozen=True)
class Topics:
    """Comments with their topics.

    Attributes:
        topic: id of each comment's topic, ``other`` where none fits; index of the comments.
        weight: how typical each comment is of its topic, from 0.
        names: topic id → the phrases that name a found topic, in the order of the topics.
        by_words: the topic that a comment would have by the words of the settings alone.
    """

    topic: pd.Series
    weight: pd.Series
    names: dict[str, tuple[str, ...]]
    by_words: pd.Series


def assign_topics(comments: pd.DataFrame, settings: Settings) -> Topics:
    """The topic of each comment: first what a person gave it, then those of the settings, then those found in what is left.

    Args:
        comments: words and script of each, hand_topic (empty where no person gave one); any index.
        settings: voice.topics, voice.found_topics and seed.
    """
    by_words, weight = given_topics(comments["words"], settings.voice.topics)
    hand = comments["hand_topic"]
    topic = by_words.where(hand == "", hand)
    names: dict[str, tuple[str, ...]] = {}
    for script in ("han", "latin"):
        rest = comments.index[(comments["script"] == script) & (topic == OTHER) & (hand == "")]
        most = min(settings.voice.found_topics, len(rest) // COMMENTS_A_TOPIC)
        if len(rest) < SMALLEST or most < 2:
            continue
        phrases = key_phrases(comments.loc[rest, "words"].tolist(), script, least=max(3, len(rest) // 1000))
        found, strength, named = found_topics(_topical(phrases, script), most, settings.seed)
        ids = np.array([*(f"{script}_{i + 1}" for i in range(len(named))), OTHER], dtype=object)
        topic.loc[rest] = ids[found]
        weight.loc[rest] = strength
        names |= dict(zip(ids.tolist(), named, strict=False))
    return Topics(topic, weight, names, by_words)


def _topical(phrases: Phrases, script: str) -> Phrases:
    """The phrases without those that tell a mood or a courtesy only."""
    telling = re.compile("|".join(_pattern(word) + (r"\b" if script == "latin" else "") for word in mood_words(script)))
    kept = np.flatnonzero([not telling.search(word) for word in phrases.words.tolist()])
    return Phrases(phrases.words[kept], phrases.held[:, kept])


def given_topics(words: pd.Series, topics: Sequence[VoiceTopic]) -> tuple[pd.Series, pd.Series]:
    """The topic of the settings whose words stand most often in each comment (the first listed of equals), and how often."""
    best = pd.Series(OTHER, index=words.index, dtype=object)
    most = pd.Series(0.0, index=words.index)
    for topic in topics:
        hits = words.str.count("|".join(_pattern(plain(word)) for word in topic.words)).astype(float)
        better = hits > most
        best[better], most[better] = topic.id, hits[better]
    return best, most


def _pattern(word: str) -> str:
    """A word in any place of a Chinese sentence; elsewhere where a word begins, so that ``deliver`` finds ``delivery``."""
    return rf"\b{re.escape(word)}" if word.isascii() else re.escape(word)


def found_topics(
    phrases: Phrases, most: int, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], list[tuple[str, ...]]]:
    """The factor of each comment (the number of factors where none fits), its weight, and the phrases that name each factor.

    Args:
        phrases: key phrases of the comments.
        most: number of topics.
        seed: of the randomised singular vectors.
    """
    held = phrases.held[:, :MOST_PHRASES]
    known = np.asarray(held.sum(axis=1)).ravel() > 0
    most = min(most, held.shape[1], int(known.sum()))
    if most < 2:
        return np.zeros(held.shape[0], dtype=np.intp), np.zeros(held.shape[0]), []
    rarity = np.log(held.shape[0] / np.maximum(np.asarray(held.sum(axis=0)).ravel(), 1))
    rows = unit_rows(sparse.csr_matrix(held @ sparse.diags(np.maximum(rarity, 1e-6))))[known]
    model = NMF(most, init="nndsvd", solver="cd", tol=1e-3, max_iter=200, random_state=seed % 2**31)
    parts = model.fit_transform(rows) * np.linalg.norm(model.components_, axis=1)
    size = np.bincount(parts.argmax(axis=1)[parts.max(axis=1) > 0], minlength=most)
    order = np.argsort(-size, kind="stable")
    parts = parts[:, order]
    found = np.full(held.shape[0], most)
    found[known] = np.where(parts.max(axis=1) > 0, parts.argmax(axis=1), most)
    weight = np.zeros(held.shape[0])
    weight[known] = parts.max(axis=1)
    return found, weight, [_name(phrases, factor) for factor in model.components_[order]]


def _name(phrases: Phrases, factor: npt.NDArray[np.float64]) -> tuple[str, ...]:
    """The heaviest phrases of a factor, none of them a part of another."""
    chosen: list[str] = []
    for at in np.argsort(-factor, kind="stable")[: 5 * NAMED_BY].tolist():
        word = str(phrases.words[at])
        if factor[at] > 0 and not any(word in other or other in word for other in chosen):
            chosen.append(word)
    return tuple(chosen[:NAMED_BY])
