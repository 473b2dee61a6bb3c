"""Comments that a person labelled, and how often the reading of moods and topics agrees with what people said (V3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbook.settings.models import Labelled
from workbook.voice.intervals import share_interval
from workbook.voice.sentiment import moods

MOODS = ("content", "discontent", "neither")


def with_labels(comments: pd.DataFrame, labels: Sequence[Labelled]) -> pd.DataFrame:
    """Comments with the topic and mood that a person gave them (empty where none did); content follows the person.

    Args:
        comments: comment_id and content (1, 0, or missing: the customer's own score).
        labels: of any comments, those of other periods among them.

    Returns:
        The comments with hand_topic, hand_mood and ``told_by``: ``hand``, ``score``, or empty where nobody told the mood.
    """
    given = pd.DataFrame([(label.comment, label.topic, label.mood) for label in labels], columns=["id", "topic", "mood"],
                         dtype="str")  # fmt: skip
    given = given.set_index("id")
    hand = {name: comments["comment_id"].map(given[name]).astype(object).fillna("").astype(str) for name in ("topic", "mood")}
    judged = hand["mood"] != ""
    content = comments["content"].where(~judged, hand["mood"].map({"content": 1.0, "discontent": 0.0}).astype(float))
    told_by = np.select([judged, comments["content"].notna()], ["hand", "score"], "")
    return comments.assign(content=content, hand_topic=hand["topic"], hand_mood=hand["mood"], told_by=told_by)


def mood_accuracy(read: pd.DataFrame, origins: dict[str, str], certain: float, confidence: float) -> pd.DataFrame:
    """How often the reading of moods is right, by script and by who told the mood.

    Args:
        read: script, told_by, content, and the probability that a comment is content, by a model trained without it.
        origins: script → what its model was trained on.
        certain: probability from which a mood counts as decided.
        confidence: of the intervals.

    Returns:
        script, told_by, origin, labelled (comments told content or discontent), content (share of them), decided (share beyond
        doubt), right (share of these read as told; low, high), all_right (share read as told, were all decided; all_low,
        all_high). Scripts of which nobody told a mood have labelled 0.
    """
    rows = []
    for script, part in read.groupby("script", sort=True):
        told = part[part["content"].notna()]
        for by in ("score", "hand"):
            own = told[told["told_by"] == by]
            if own.empty and (by == "hand" or len(told)):
                continue
            good, guess = own["content"].to_numpy(float) > 0.5, own["probability"].to_numpy(float)
            clear = (guess >= certain) | (guess <= 1 - certain)
            agrees = (guess > 0.5) == good
            rows.append((script, by if len(own) else "", origins[str(script)], len(part), len(own), int(good.sum()),
                         int(clear.sum()), int(agrees[clear].sum()), int(agrees.sum())))  # fmt: skip
    names = ["script", "told_by", "origin", "comments", "labelled", "good", "sure", "hits", "all_hits"]
    frame = pd.DataFrame(rows, columns=names)
    n, sure = frame["labelled"].where(frame["labelled"] > 0), frame["sure"].where(frame["sure"] > 0)
    low, high = share_interval(frame["hits"], frame["sure"], confidence)
    all_low, all_high = share_interval(frame["all_hits"], frame["labelled"], confidence)
    frame = frame.assign(content=frame["good"] / n, decided=frame["sure"] / n, right=frame["hits"] / sure, low=low, high=high,
                         all_right=frame["all_hits"] / n, all_low=all_low, all_high=all_high)  # fmt: skip
    return frame.drop(columns=["good", "sure", "hits", "all_hits"])


def mood_confusion(read: pd.DataFrame, certain: float, confidence: float) -> pd.DataFrame:
    """What was told against what was read, class by class, over all scripts.

    Returns:
        told_by, mood (as told), n, content, discontent, unclear (comments read so), found (share of those told so that were
        read so; an abstention is none) and precise (share of those read so that were told so), each with its interval.
    """
    told = read[read["told_by"] != ""]
    truth = told["hand_mood"].where(told["told_by"] == "hand", told["content"].map({1.0: "content", 0.0: "discontent"}))
    said = moods(told["probability"], certain)
    parts = []
    for by in ("score", "hand"):
        chosen = told["told_by"] == by
        if not chosen.any():
            continue
        table = pd.crosstab(truth[chosen], said[chosen]).reindex(
            index=list(MOODS), columns=["content", "discontent", "unclear"], fill_value=0
        )
        n = table.sum(axis=1).to_numpy()
        right = np.array([table.loc[mood, mood] if mood in table else 0 for mood in MOODS])
        called = np.array([table[mood].sum() if mood in table else 0 for mood in MOODS])
        shares = _shares("found", right, np.where([mood in table for mood in MOODS], n, 0), confidence)
        shares |= _shares("precise", right, called, confidence)
        counts = {name: table[name].to_numpy() for name in table.columns}
        parts.append(pd.DataFrame({"told_by": by, "mood": MOODS, "n": n, **counts, **shares}).query("n > 0"))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"told_by": [], "mood": [], "n": []})


def topic_accuracy(hand: pd.Series, read: pd.Series, confidence: float) -> pd.DataFrame:
    """Topics as a person gave them against those read by their words.

    Args:
        hand: topic given by a person, empty where none was.
        read: topic read by words, whatever a person said.

    Returns:
        topic, n (given by hand), called (read so, of the comments with a hand label), hits, found and precise with intervals.
    """
    judged = hand != ""
    topics = sorted(set(hand[judged]) | set(read[judged]))
    told, said = hand[judged], read[judged]
    n = np.array([int((told == topic).sum()) for topic in topics])
    called = np.array([int((said == topic).sum()) for topic in topics])
    hits = np.array([int(((told == topic) & (said == topic)).sum()) for topic in topics])
    shares = _shares("found", hits, n, confidence) | _shares("precise", hits, called, confidence)
    frame = pd.DataFrame({"topic": topics, "n": n, "called": called, "hits": hits, **shares})
    return frame.sort_values(["n", "topic"], ascending=[False, True], ignore_index=True)


def _shares(name: str, hits: npt.ArrayLike, n: npt.ArrayLike, confidence: float) -> dict[str, npt.NDArray[np.float64]]:
    k, m = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    low, high = share_interval(k, m, confidence)
    return {name: k / np.where(m > 0, m, np.nan), f"{name}_low": low, f"{name}_high": high}
