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
from workbook.voice.comments import read_comments
from workbook.voice.intervals import change_interval, share_interval
from workbook.voice.phrases import key_phrases
from workbook.voice.quotes import masked
from workbook.voice.sentiment import judge, moods
from workbook.voice.topics import OTHER, Topics, assign_topics

TOPIC_COLUMNS: tuple[str, ...] = (
    "topic", "name_en", "name_zh", "given", "n", "share", "content", "discontent", "unclear", "bad", "low", "high", "before",
    "change", "change_low", "change_high", "trend", "quote",
)  # fmt: skip

MOST_PHRASES = 20
SMALLEST_PHRASE = 5


@dataclass(frozen=True)
class Hotspots:
    """The comments of a period read.

    Attributes:
        comments: one row a comment of the period: comment_id, source, customer_id, given_at, channel, topic, mood (content,
            discontent, unclear), probability (that it is content), stated (whether the customer's own score told the mood).
        topics: one row a topic, most discontent first: comments n and share, of them content, discontent and unclear, bad
            (share discontent of those whose mood is clear, with low and high), before (comments in the previous period),
            change of the share of comments with its interval, trend (rising, falling, unclear, none), quote (masked).
        accuracy: one row a script: origin of the model, labelled comments, content (share of them), decided (share of them
            beyond doubt), right (share of these judged as the customer scored) with low and high.
        phrases: phrase, n comments, bad (share discontent with low and high), z (log odds over their error).
        shortened: comments of the period from which signatures, automatic replies or repeated lines were dropped.
        unwritten: those that hold no words of a customer's own, and are read no further.
    """

    comments: pd.DataFrame
    topics: pd.DataFrame
    accuracy: pd.DataFrame
    phrases: pd.DataFrame
    before: pd.DataFrame
    settings: Settings
    period: Period
    shortened: int = 0
    unwritten: int = 0

    def figure(self) -> Figure:
        """Topics by number of comments: discontent, unclear, content."""
        return exhibits.topic_figure(self.topics, self.period, self.settings)

    def table(self) -> Table:
        """Topic, comments, mood with interval, change since the previous period, a typical quote."""
        return exhibits.topic_table(self.topics, self.period, self.settings)

    def accuracy_table(self) -> Table:
        """How often the reading of moods is right on the client's own scored comments."""
        return exhibits.accuracy_table(self.accuracy, self.shortened, self.unwritten, self.settings)

    def phrase_table(self) -> Table | NotMeasured:
        """The phrases that go with discontent and with content."""
        return exhibits.phrase_table(self.phrases, self.period, self.settings)

    def key_figures(self) -> tuple[KeyFigure, ...]:
        """Share of discontent comments, before and now."""
        return exhibits.key_figures(self.comments, self.before, self.settings.analysis.confidence)

    def definitions(self) -> tuple[Paragraph, ...]:
        """How moods and topics are found; for the appendix."""
        return exhibits.definitions(self.settings, self.accuracy)


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
    comments, accuracy = _with_moods(comments, settings)
    topics = assign_topics(comments, settings)
    comments = comments.assign(topic=topics.topic.astype(str), weight=topics.weight)
    often = comments.loc[comments["inside"].astype(bool), "topic"].value_counts()
    small = [id for id in topics.names if often.get(id, 0) < settings.analysis.small_cell]
    comments["topic"] = comments["topic"].where(~comments["topic"].isin(small), OTHER)
    now, before = comments[comments["inside"].astype(bool)], comments[comments["before"].astype(bool)]
    shown = ["comment_id", "source", "customer_id", "given_at", "channel", "topic", "mood", "probability", "stated"]
    return Hotspots(
        now[shown].reset_index(drop=True), _topic_rows(now, before, topics, settings, _staff(tables)), accuracy,
        _phrase_rows(now, settings), before[shown].reset_index(drop=True),
        settings, tables.period, int((given["shortened"] & given["written"]).sum()), int((~given["written"]).sum()),
    )  # fmt: skip


def _with_moods(comments: pd.DataFrame, settings: Settings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Comments with probability, mood and whether it was stated; and how often the reading is right, by script."""
    read = comments.assign(probability=np.nan)
    rows = []
    for script, part in comments.groupby("script", sort=True):
        mood = judge(
            part["words"].tolist(), part["content"].to_numpy(float), str(script), enough=settings.voice.enough_scores,
            seed=settings.seed,
        )  # fmt: skip
        read.loc[part.index, "probability"] = mood.probability
        labelled = mood.labelled
        guess, truth = mood.probability[labelled], part["content"].to_numpy(float)[labelled]
        sure = (guess >= settings.voice.certain) | (guess <= 1 - settings.voice.certain)
        right = int(((guess > 0.5) == (truth > 0.5))[sure].sum())
        low, high = share_interval([right], [int(sure.sum())], settings.analysis.confidence)
        n = int(labelled.sum())
        rows.append(
            {
                "script": script, "origin": mood.origin, "comments": len(part), "labelled": n,
                "content": float(truth.mean()) if n else float("nan"), "decided": float(sure.mean()) if n else float("nan"),
                "right": right / int(sure.sum()) if sure.any() else float("nan"), "low": float(low[0]), "high": float(high[0]),
            }
        )  # fmt: skip
    stated = read["content"].notna()
    judged = moods(read["probability"], settings.voice.certain)
    own = pd.Series(np.where(read["content"] == 1, "content", "discontent"), index=read.index)
    return read.assign(stated=stated, mood=own.where(stated, judged)), pd.DataFrame(rows)


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
    up, down = change_interval(n, len(now), earlier, len(before), settings.analysis.confidence)
    frame = pd.DataFrame(
        {
            "topic": ids,
            "name_en": [_name(id, given, topics, "en") for id in ids],
            "name_zh": [_name(id, given, topics, "zh") for id in ids],
            "given": [id in given for id in ids],
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


def _staff(tables: Tables) -> tuple[str, ...]:
    """Names that must not stand in a quote: of those who serve the customers."""
    names = tables.sql(
        "select distinct owner as name from customers where owner is not null "
        "union select distinct employee from interactions where employee is not null"
    )
    return tuple(sorted(names["name"].astype(str)))


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
