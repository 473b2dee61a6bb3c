"""What customers write, and where it hurts: topic × mood × volume × trend of all comments (V3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from workbook.language import text
from workbook.period import Period
from workbook.report.blocks import Figure, KeyFigure, NotMeasured, Paragraph, Table
from workbook.settings.models import Name, Settings
from workbook.tables import Tables
from workbook.voice import hotspot_exhibits as exhibits
from workbook.voice.accuracy import Accuracy
from workbook.voice.comments import read_comments
from workbook.voice.intervals import change_interval, share_interval
from workbook.voice.labels import mood_accuracy, mood_confusion, topic_accuracy, with_labels
from workbook.voice.phrases import key_phrases
from workbook.voice.quotes import masked, staff_names
from workbook.voice.sentiment import judge, moods
from workbook.voice.topics import OTHER, Topics, assign_topics

TOPIC_COLUMNS: tuple[str, ...] = (
    "topic", "name_en", "name_zh", "given", "recurs", "n", "share", "content", "discontent", "unclear", "bad", "low", "high",
    "before", "change", "change_low", "change_high", "trend", "quote",
)  # fmt: skip

MOST_PHRASES = 20
SMALLEST_PHRASE = 5


@dataclass(frozen=True)
class Hotspots:
    """The comments of a period read.

    Attributes:
        comments: one row a comment of the period: comment_id, source, customer_id, given_at, channel, topic, mood (content,
            discontent, unclear), probability (that it is content), stated (whether a person told the mood: the customer by a
            score, or who labelled the comment).
        topics: one row a topic, most discontent first: recurs (how surely a found topic recurs in other draws), comments n
            and share, of them content, discontent and unclear, bad (share discontent of those whose mood is clear, with low
            and high), before (comments in the previous period), change of the share of comments with its interval, trend
            (rising, falling, unclear, none), quote (masked).
        accuracy: how often moods and topics are read as the customer scored and as people labelled.
        phrases: phrase, n comments, bad (share discontent with low and high), z (log odds over their error).
    """

    comments: pd.DataFrame
    topics: pd.DataFrame
    accuracy: Accuracy
    phrases: pd.DataFrame
    before: pd.DataFrame
    settings: Settings
    period: Period

    def figure(self) -> Figure:
        """Topics by number of comments: discontent, unclear, content."""
        return exhibits.topic_figure(self.topics, self.period, self.settings)

    def table(self) -> Table:
        """Topic, comments, mood with interval, change since the previous period, a typical quote."""
        return exhibits.topic_table(self.topics, self.period, self.settings)

    def phrase_table(self) -> Table | NotMeasured:
        """The phrases that go with discontent and with content."""
        return exhibits.phrase_table(self.phrases, self.period, self.settings)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of discontent comments, before and now."""
        return exhibits.key_figures(self.comments, self.before, self.settings.analysis.confidence)

    def definitions(self) -> tuple[Paragraph, ...]:
        """How moods and topics are found; for the appendix."""
        return exhibits.definitions(self.settings)


def find_hotspots(tables: Tables, settings: Settings) -> Hotspots | NotMeasured:
    """Read every comment of the period: its mood, its topic, and how both have moved.

    Args:
        tables: feedback and tickets with text; history makes the models better and the trend possible.
        settings: sections voice and analysis, and the seed.

    Returns:
        NotMeasured where no comment was delivered, or fewer in the period than a small cell.
    """
    what = text("voice.hotspots.what", "What comments speak of, and in which mood")
    if not tables.has("feedback.text") and not tables.has("tickets.text"):
        return NotMeasured("voice.hotspots", what, tables.lacks("feedback.text", "tickets.text"))
    every = read_comments(tables)
    comments = every[every["written"].astype(bool)].reset_index(drop=True)
    given = every[every["inside"].astype(bool)]
    if int(comments["inside"].sum()) < settings.analysis.small_cell:
        why = text("voice.hotspots.none", "Hardly a comment was written in the period.")
        return NotMeasured("voice.hotspots", what, why=why)
    comments, origins = _with_moods(with_labels(comments, settings.voice.labels), settings)
    topics = assign_topics(comments, settings)
    comments = comments.assign(topic=topics.topic.astype(str), weight=topics.weight)
    often = comments.loc[comments["inside"].astype(bool), "topic"].value_counts()
    small = [id for id in topics.names if often.get(id, 0) < settings.analysis.small_cell]
    comments["topic"] = comments["topic"].where(~comments["topic"].isin(small), OTHER)
    now, before = comments[comments["inside"].astype(bool)], comments[comments["before"].astype(bool)]
    shown = ["comment_id", "source", "customer_id", "given_at", "channel", "topic", "mood", "probability", "stated"]
    confidence = settings.analysis.confidence
    accuracy = Accuracy(
        mood_accuracy(comments, origins, settings.voice.certain, confidence),
        mood_confusion(comments, settings.voice.certain, confidence),
        topic_accuracy(comments["hand_topic"], topics.by_words, confidence),
        int((given["shortened"] & given["written"]).sum()), int((~given["written"]).sum()), settings,
    )  # fmt: skip
    return Hotspots(
        now[shown].reset_index(drop=True), _topic_rows(now, before, topics, settings, staff_names(tables)), accuracy,
        _phrase_rows(now, settings), before[shown].reset_index(drop=True),
        settings, tables.period,
    )  # fmt: skip


def _with_moods(comments: pd.DataFrame, settings: Settings) -> tuple[pd.DataFrame, dict[str, str]]:
    """Comments with probability, mood and whether it was told; and what the model of each script was trained on."""
    read = comments.assign(probability=np.nan)
    origins: dict[str, str] = {}
    for script, part in comments.groupby("script", sort=True):
        mood = judge(
            part["words"].tolist(), part["content"].to_numpy(float), str(script), enough=settings.voice.enough_scores,
            seed=settings.seed,
        )  # fmt: skip
        read.loc[part.index, "probability"] = mood.probability
        origins[str(script)] = mood.origin
    told = read["told_by"] != ""
    own = read["content"].map({1.0: "content", 0.0: "discontent"}).fillna("unclear")  # neither, by hand, is unclear
    return read.assign(stated=told, mood=own.where(told, moods(read["probability"], settings.voice.certain))), origins


def _topic_rows(
    now: pd.DataFrame, before: pd.DataFrame, topics: Topics, settings: Settings, staff: tuple[str, ...]
) -> pd.DataFrame:
    given = {topic.id: topic.name for topic in settings.voice.topics}
    ids = [*given, *topics.names, OTHER]
    table = pd.crosstab(now["topic"], now["mood"]).reindex(
        index=ids, columns=["content", "discontent", "unclear"], fill_value=0
    )
    n = table.sum(axis=1).to_numpy()
    earlier = before["topic"].value_counts().reindex(ids, fill_value=0).to_numpy()
    clear = (table["content"] + table["discontent"]).to_numpy()
    low, high = share_interval(table["discontent"], clear, settings.analysis.confidence)
    compared = max(int(((n > 0) | (earlier > 0)).sum()), 1)  # the changes of all topics hold together (Bonferroni)
    up, down = change_interval(n, len(now), earlier, len(before), 1 - (1 - settings.analysis.confidence) / compared)
    frame = pd.DataFrame(
        {
            "topic": ids,
            "name_en": [_name(id, given, topics, "en") for id in ids],
            "name_zh": [_name(id, given, topics, "zh") for id in ids],
            "given": [id in given for id in ids],
            "recurs": [topics.recurs.get(id, np.nan) for id in ids],
            "n": n, "share": n / len(now), **{mood: table[mood].to_numpy() for mood in table.columns},
            "bad": table["discontent"].to_numpy() / np.where(clear > 0, clear, np.nan), "low": low, "high": high,
            "before": earlier, "change": n / len(now) - earlier / max(len(before), 1) if len(before) else np.nan,
            "change_low": up, "change_high": down,
            "trend": np.select([np.isnan(up), up > 0, down < 0], ["none", "rising", "falling"], "unclear"),
            "quote": [_quote(now[now["topic"] == id], settings, staff) for id in ids],
        }
    )  # fmt: skip
    frame = frame[(frame["n"] > 0) | (frame["before"] > 0)]
    # what fits no topic stands last, however much there is of it
    ordered = frame.assign(last=frame["topic"] == OTHER).sort_values(
        ["last", "discontent", "n", "topic"], ascending=[True, False, False, True], ignore_index=True
    )
    return ordered[list(TOPIC_COLUMNS)]


def _name(id: str, given: Mapping[str, Name], topics: Topics, language: str) -> str:
    if id in given:
        name = given[id]
        return name if isinstance(name, str) else name.get(language) or next(iter(name.values()))
    return " / ".join(topics.names.get(id, ()))


def _quote(rows: pd.DataFrame, settings: Settings, staff: tuple[str, ...]) -> str:
    """A typical discontent comment, masked: of a fitting length, weightiest in its topic; none in small cells."""
    bad = rows[(rows["mood"] == "discontent") & rows["text"].str.len().between(6, 120)]
    if len(rows) < settings.analysis.small_cell or bad.empty:
        return ""
    best = bad.sort_values(["weight", "given_at", "comment_id"], ascending=[False, False, True]).iloc[0]
    return masked(str(best["text"]), staff)


def _phrase_rows(now: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Phrases of comments with a clear mood: share discontent, and the log odds against the other comments over their error."""
    clear = now[now["mood"] != "unclear"]
    bad = (clear["mood"] == "discontent").to_numpy()
    parts = []
    for script in ("han", "latin"):
        rows = (clear["script"] == script).to_numpy()
        if rows.sum() < SMALLEST_PHRASE or bad[rows].all() or not bad[rows].any():
            continue
        phrases = key_phrases(clear.loc[rows, "words"].tolist(), script, least=SMALLEST_PHRASE)
        n = np.asarray(phrases.held.sum(axis=0)).ravel()
        hits = np.asarray(phrases.held[bad[rows]].sum(axis=0)).ravel()
        all_bad, all_n = float(bad[rows].sum()), float(rows.sum())
        a, b = hits + 0.5, n - hits + 0.5
        c, d = all_bad - hits + 0.5, all_n - n - (all_bad - hits) + 0.5
        z = np.log(a * d / (b * c)) / np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
        parts.append(pd.DataFrame({"phrase": phrases.words.astype(object), "n": n.astype(int), "hits": hits, "z": z}))
    if not parts:
        return pd.DataFrame({"phrase": [], "n": [], "bad": [], "low": [], "high": [], "z": []})
    found = pd.concat(parts, ignore_index=True)
    # with hundreds of phrases some stand out by chance
    found = found[found["z"].abs() >= stats.norm.isf(0.025 / max(len(found), 1))]
    low, high = share_interval(found["hits"], found["n"], settings.analysis.confidence)
    found = found.assign(bad=found["hits"] / found["n"], low=low, high=high, size=found["z"].abs())
    found = found.sort_values(["size", "phrase"], ascending=[False, True], ignore_index=True).head(MOST_PHRASES)
    shown: pd.DataFrame = found.sort_values(["z", "phrase"], ascending=[False, True], ignore_index=True)
    return shown[["phrase", "n", "bad", "low", "high", "z"]]
