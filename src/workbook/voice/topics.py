"""What comments speak of: topics given by words in the settings, and topics found in the rest (V3).

Found topics are the factors of a non-negative matrix factorisation (Lee & Seung 1999) of comments × key phrases, started from
the singular vectors (Boutsidis & Gallopoulos 2008), so that the same comments give the same topics. Each script has its own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

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

DRAWS, MOST_DRAWN = 10, 1_000
"""Bootstrap draws by which it is seen whether topics recur, and most comments of one."""

STEADY = 0.6
"""Share of its comments from which a topic counts as found again (Hennig 2007)."""


@dataclass(frozen=True)
class Topics:
    """Comments with their topics.

    Attributes:
        topic: id of each comment's topic, ``other`` where none fits; index of the comments.
        weight: how typical each comment is of its topic, from 0.
        names: topic id → the phrases that name a found topic, in the order of the topics.
        recurs: topic id → how surely a found topic recurs in other draws of the comments and from other starts, 0 to 1.
        by_words: the topic that a comment would have by the words of the settings alone.
    """

    topic: pd.Series
    weight: pd.Series
    names: dict[str, tuple[str, ...]]
    recurs: dict[str, float]
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
    recurs: dict[str, float] = {}
    for script in ("han", "latin"):
        rest = comments.index[(comments["script"] == script) & (topic == OTHER) & (hand == "")]
        most = min(settings.voice.found_topics, len(rest) // COMMENTS_A_TOPIC)
        if len(rest) < SMALLEST or most < 2:
            continue
        phrases = key_phrases(comments.loc[rest, "words"].tolist(), script, least=max(3, len(rest) // 1000))
        found, strength, named, steadiness = found_topics(_topical(phrases, script), most, settings.seed)
        ids = np.array([*(f"{script}_{i + 1}" for i in range(len(named))), OTHER], dtype=object)
        topic.loc[rest] = ids[found]
        weight.loc[rest] = strength
        names |= dict(zip(ids.tolist(), named, strict=False))
        recurs |= dict(zip(ids.tolist(), steadiness.tolist(), strict=False))
    return Topics(topic, weight, names, recurs, by_words)


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
        hits = words.str.count(topic_pattern(topic)).astype(float)
        better = hits > most
        best[better], most[better] = topic.id, hits[better]
    return best, most


def topic_pattern(topic: VoiceTopic) -> str:
    """The words of a given topic as one regular expression for plain text."""
    return "|".join(_pattern(plain(word)) for word in topic.words)


def _pattern(word: str) -> str:
    """A word in any place of a Chinese sentence; elsewhere where a word begins, so that ``deliver`` finds ``delivery``."""
    return rf"\b{re.escape(word)}" if word.isascii() else re.escape(word)


def found_topics(
    phrases: Phrases, most: int, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], list[tuple[str, ...]], npt.NDArray[np.float64]]:
    """The factor of each comment (the number of factors where none fits), its weight, the phrases that name each factor, and
    how surely each recurs.

    Args:
        phrases: key phrases of the comments.
        most: number of topics.
        seed: of the randomised singular vectors and of the draws.
    """
    held = phrases.held[:, :MOST_PHRASES]
    known = np.asarray(held.sum(axis=1)).ravel() > 0
    most = min(most, held.shape[1], int(known.sum()))
    if most < 2:
        return np.zeros(held.shape[0], dtype=np.intp), np.zeros(held.shape[0]), [], np.zeros(0)
    rarity = np.log(held.shape[0] / np.maximum(np.asarray(held.sum(axis=0)).ravel(), 1))
    rows = unit_rows(sparse.csr_matrix(held @ sparse.diags(np.maximum(rarity, 1e-6))))[known]
    fitting, parts, factors = factorised(rows, most, "nndsvd", seed)
    order = np.argsort(-np.bincount(fitting, minlength=most + 1)[:most], kind="stable")
    ranks = np.append(np.argsort(order), most)
    found, weight = np.full(held.shape[0], most), np.zeros(held.shape[0])
    found[known], weight[known] = ranks[fitting], parts.max(axis=1)
    return found, weight, [_name(phrases, factor) for factor in factors[order]], recurrence(rows, ranks[fitting], most, seed)


def factorised(
    rows: sparse.csr_matrix, most: int, start: str, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The factor of each row (*most* where none fits), the weights of all factors, and the factors."""
    model = NMF(most, init=start, solver="cd", tol=1e-3, max_iter=200, random_state=seed % 2**31)
    with warnings.catch_warnings():
        # 200 passes are the rule here: where topics are hard to tell apart they recur the less, and that is shown
        warnings.simplefilter("ignore", ConvergenceWarning)
        parts = model.fit_transform(rows)
    parts = parts * np.linalg.norm(model.components_, axis=1)
    return np.where(parts.max(axis=1) > 0, parts.argmax(axis=1), most), parts, model.components_


def recurrence(rows: sparse.csr_matrix, found: npt.NDArray[np.intp], most: int, seed: int) -> npt.NDArray[np.float64]:
    """How surely each topic recurs: the mean over bootstrap draws of what it shares with the topic of the draw most like it.

    Each draw is factorised from a random start of its own, so that both another sample and another seed may upset a topic. What
    two topics share: comments in both of the comments in either (Jaccard), among those drawn. Source: Hennig 2007,
    cluster-wise assessment of cluster stability; below 0.6 he advises no trust.

    Args:
        rows: comments × phrases, weighted; shape (n, k).
        found: topic of each comment, *most* where none fits; shape (n,).
        most: number of topics.
        seed: of draws and starts.
    """
    rng = np.random.default_rng(seed)
    shares = np.zeros(most)
    for _ in range(DRAWS):
        drawn = rng.permutation(len(found))[:MOST_DRAWN]
        drawn = np.unique(rng.choice(drawn, len(drawn)))
        again = factorised(rows[drawn], most, "random", int(rng.integers(2**31)))[0]
        both = np.zeros((most + 1, most + 1))
        np.add.at(both, (found[drawn], again), 1)
        either = both.sum(axis=1)[:most, None] + both.sum(axis=0)[None, :most] - both[:most, :most]
        shares += (both[:most, :most] / np.maximum(either, 1)).max(axis=1)
    return shares / DRAWS


def _name(phrases: Phrases, factor: npt.NDArray[np.float64]) -> tuple[str, ...]:
    """The heaviest phrases of a factor, none of them a part of another."""
    chosen: list[str] = []
    for at in np.argsort(-factor, kind="stable")[: 5 * NAMED_BY].tolist():
        word = str(phrases.words[at])
        if factor[at] > 0 and not any(word in other or other in word for other in chosen):
            chosen.append(word)
    return tuple(chosen[:NAMED_BY])
