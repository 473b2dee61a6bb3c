"""How the reading of comments shows: topics by mood, accuracy, phrases, and how it was done."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, count, day, named, number, points, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Figure, KeyFigure, NotMeasured, Paragraph, Table
from workbook.report.figures import BETTER, TIER_EDGE, UNCLEAR, WORSE, canvas
from workbook.settings.models import Settings
from workbook.voice.intervals import change_interval, share_interval
from workbook.voice.topics import STEADY

OTHER_NAME = text("voice.topic.other", "other")
TREND_NAMES = {
    "rising": text("voice.trend.rising", "rising"),
    "falling": text("voice.trend.falling", "falling"),
    "unclear": text("voice.trend.unclear", "no clear change"),
    "none": text("voice.trend.none", "nothing before"),
}
MOST_BARS = 12
SMALL_SAMPLE = 30


def topic_name(row: pd.Series) -> Text:
    """What readers call a topic: the name of the settings, or the phrases that tell it."""
    words = {"en": str(row["name_en"]), "zh": str(row["name_zh"])}
    return named(words) if words["en"] else OTHER_NAME


def shown_name(row: pd.Series) -> Text:
    """The name of a topic, with a warning where it does not recur in other draws of the comments."""
    if float(row["recurs"]) < STEADY:
        return text("voice.topic.unsteady", "{topic} (unsteady)", topic=topic_name(row))
    return topic_name(row)


def topic_figure(topics: pd.DataFrame, period: Period, settings: Settings) -> Figure:
    """Stacked bars: comments of each topic by mood, most discontent first, with the share discontent beside."""
    rows = topics[topics["n"] > 0].head(MOST_BARS).reset_index(drop=True)
    names = [shown_name(row) for _, row in rows.iterrows()]

    def draw(edition: Edition) -> Canvas:
        figure, axes = canvas(height=max(2.6, 0.44 * len(rows) + 1.0))
        places, left = np.arange(len(rows)), np.zeros(len(rows))
        for mood, face, edge in (("discontent", WORSE, WORSE), ("unclear", "white", UNCLEAR), ("content", BETTER, BETTER)):
            width = rows[mood].to_numpy(float)
            axes.barh(places, width, left=left, height=0.62, color=face, edgecolor=edge, linewidth=0.8)
            left = left + width
        for place, (_, row) in zip(places.tolist(), rows.iterrows(), strict=True):
            axes.text(left[place] + 0.015 * left.max(), place, _bar_words(row).render(edition), va="center", fontsize=8.5)
        axes.set_yticks(places, [_wrapped(name.render(edition), edition) for name in names], linespacing=1.45)
        axes.set_ylim(len(rows) - 0.45, -1.05)
        axes.set_xlim(0, 1.75 * left.max())
        axes.set_xticks([])
        axes.tick_params(length=0)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        heads = (
            (0.0, text("voice.hotspots.discontent", "discontent"), "#B34E00"),
            (0.3, text("voice.hotspots.unclear", "unclear"), TIER_EDGE),
            (0.52, text("voice.hotspots.content", "content"), BETTER),
            (0.78, text("voice.hotspots.head", "comments · discontent · trend"), TIER_EDGE),
        )
        for at, words, colour in heads:
            axes.text(at * 1.75 * left.max() / 1.35, -0.75, words.render(edition), color=colour, va="center", fontsize=8.5)
        return figure

    n, bad = int(topics["n"].sum()), int(topics["discontent"].sum())
    first = rows.iloc[0]
    return Figure(
        "voice.topics",
        _title(rows),
        draw,
        text("voice.hotspots.alt", "Stacked bars: comments of {n} topics by mood; most discontent ones: {topic}, {bad}.",
             n=count(len(rows)), topic=names[0], bad=count(int(first["discontent"]))),
        text("voice.hotspots.note",
             "Comments of answers, reviews, interviews and tickets by topic, {start} to {end}; n = {n}, {bad} of them "
             "discontent. Mood by the customer's own score, else read from the words (see accuracy). Trend: share of comments "
             "against the previous period, {level} intervals that hold for all topics together; what came after a measure did "
             "not thereby come from it.",
             n=count(n), bad=count(bad), start=day(period.start), end=day(period.end),
             level=share(settings.analysis.confidence)),
        topic_table(topics, period, settings),
    )  # fmt: skip


def _bar_words(row: pd.Series) -> Text:
    values: dict[str, Text | Quantity] = {"n": count(int(row["n"])), "trend": TREND_NAMES[str(row["trend"])]}
    clear = int(row["content"] + row["discontent"])
    if clear < SMALL_SAMPLE:
        return text("voice.hotspots.label_few", "{n} · {bad} of {clear} · {trend}", bad=count(int(row["discontent"])),
                    clear=count(clear), **values)  # fmt: skip
    return text("voice.hotspots.label", "{n} · {bad} · {trend}", bad=share(float(row["bad"])), **values)


def _wrapped(words: str, edition: Edition) -> str:
    return textwrap.fill(words, 26, break_long_words=False) if edition.language == "en" else textwrap.fill(words, 16)


def _title(rows: pd.DataFrame) -> Text:
    known = rows[rows["name_en"] != ""]
    if known.empty:
        return text("voice.hotspots.title_none", "{n} comments, and no topic that many share", n=count(int(rows["n"].sum())))
    first = known.iloc[0]
    if int(first["discontent"]) == 0:
        return text("voice.hotspots.title_fine", "No topic draws discontent; most is said of {topic}", topic=shown_name(first))
    if first["trend"] == "rising":
        return text("voice.hotspots.title_rising", "Most discontent, and rising: {topic}, {bad} {bad:comment|comments}",
                    topic=shown_name(first), bad=count(int(first["discontent"])))  # fmt: skip
    return text("voice.hotspots.title", "Most discontent: {topic}, {bad} {bad:comment|comments}",
                topic=shown_name(first), bad=count(int(first["discontent"])))  # fmt: skip


def topic_table(topics: pd.DataFrame, period: Period, settings: Settings) -> Table:
    """Topic, comments, share, share discontent with interval, change of the share of comments, typical quote."""
    shown = topics.assign(
        name=pd.Series([shown_name(row) for _, row in topics.iterrows()], index=topics.index, dtype=object),
        again=pd.Series(["–" if v != v else share(v, 0) for v in topics["recurs"]], dtype=object),
        moved=pd.Series([None if v != v else points(v) for v in topics["change"]], dtype=object),
        moved_low=pd.Series([None if v != v else number(100 * v, 1) for v in topics["change_low"]], dtype=object),
        moved_high=pd.Series([None if v != v else number(100 * v, 1) for v in topics["change_high"]], dtype=object),
        said=topics["quote"].where(topics["quote"] != "", "–"),
    )
    columns = (
        Column("name", text("voice.column.topic", "Topic")),
        Column("again", text("voice.column.recurs", "Recurs")),
        Column("n", text("voice.column.comments", "Comments"), "count"),
        Column("share", text("voice.column.share", "Share"), "share"),
        Column("discontent", text("voice.column.discontent", "Discontent"), "count"),
        Column("bad", text("voice.column.bad", "Discontent, of clear ones (interval)"), "share", low="low", high="high"),
        Column("moved", text("voice.column.moved", "Change of the share (interval)"), low="moved_low", high="moved_high"),
        Column("said", text("voice.column.quote", "Typical, masked")),
    )
    note = text(
        "voice.hotspots.table_note",
        "Comments of {start} to {end}; change against the previous period in percentage points; {level} intervals, "
        "those of the changes for all topics together. "
        "Topics of the settings carry the name given there; the others are named by the phrases that tell them. "
        "Recurs: what a found topic shares with the one most like it when comments are drawn again (bootstrap) and the search "
        "begins elsewhere; below {steady} it is called unsteady, and its figures are those of these comments only.",
        start=day(period.start), end=day(period.end), level=share(settings.analysis.confidence), steady=share(STEADY),
    )  # fmt: skip
    return Table("voice.topic_list", _title(topics), columns, shown, note, rows=20, artefact="topics")


def phrase_table(phrases: pd.DataFrame, period: Period, settings: Settings) -> Table | NotMeasured:
    """Phrases that go with discontent first, those that go with content last."""
    if phrases.empty:
        why = text("voice.phrases.none", "No phrase goes with one mood more often than chance allows.")
        return NotMeasured("voice.phrases", text("voice.phrases.what", "Phrases of discontent and content"), why=why)
    columns = (
        Column("phrase", text("voice.column.phrase", "Phrase")),
        Column("n", text("voice.column.comments", "Comments"), "count"),
        Column("bad", text("voice.column.bad_share", "Share discontent (interval)"), "share", low="low", high="high"),
        Column("z", text("voice.column.z", "Log odds over their error"), "number", digits=1),
    )
    first = phrases.iloc[0]
    title = text("voice.phrases.title", "“{phrase}” goes most with discontent: {bad} of its comments",
                 phrase=str(first["phrase"]), bad=share(float(first["bad"])))  # fmt: skip
    if float(first["z"]) <= 0:
        title = text("voice.phrases.fine", "No phrase goes with discontent; {n} {n:goes|go} with content",
                     n=count(len(phrases)))  # fmt: skip
    note = text(
        "voice.phrases.note",
        "Phrases of five comments or more whose mood differs from the other comments by more than chance among all phrases "
        "allows (Bonferroni); {start} to {end}; {level} intervals.",
        start=day(period.start), end=day(period.end), level=share(settings.analysis.confidence),
    )  # fmt: skip
    return Table("voice.phrases", title, columns, phrases, note, rows=20)


def key_figures(comments: pd.DataFrame, before: pd.DataFrame, confidence: float) -> tuple[KeyFigure, ...]:
    """Share of discontent comments among those of clear mood, tickets apart (who opens one has a trouble)."""
    bad, n = _discontent(comments)
    if n == 0:
        return ()
    earlier_bad, earlier_n = _discontent(before)
    low, high = share_interval([bad], [n], confidence)
    change = change_interval([bad], [n], [earlier_bad], [earlier_n], confidence)
    return (
        KeyFigure(
            "voice.key.discontent", text("voice.key.discontent", "Discontent comments"), share(bad / n, 1),
            share(float(low[0]), 1), share(float(high[0]), 1),
            previous=share(earlier_bad / earlier_n, 1) if earlier_n else None, better="lower",
            note=text("voice.key.comments", "{n} comments of clear mood, tickets apart", n=count(n)), rank=36,
            change=(float(change[0][0]), float(change[1][0])) if earlier_n else None,
        ),
    )  # fmt: skip


def _discontent(comments: pd.DataFrame) -> tuple[int, int]:
    told = comments[(comments["source"] != "ticket") & (comments["mood"] != "unclear")]
    return int((told["mood"] == "discontent").sum()), len(told)


def definitions(settings: Settings) -> tuple[Paragraph, ...]:
    """How moods and topics are found, in words."""
    return (
        Paragraph(
            "voice.definition.mood",
            text("voice.definition.mood",
                 "Mood: what a person who labelled the comment said, else the customer's own score where there is one (best "
                 "and worst quarter of the scale; NPS 9–10 and 0–6). Otherwise character n-grams and logistic regression, "
                 "calibrated by Platt's method, trained on such comments where there are {enough} or more and those held out "
                 "are read better than by chance, else on seed sentences; below a probability of {certain} it is unclear.",
                 enough=count(settings.voice.enough_scores), certain=share(settings.voice.certain)),
            "definition",
        ),
        Paragraph(
            "voice.definition.topic",
            text("voice.definition.topic",
                 "Topics: first what a person gave, then those given by words in the settings, then up to {n} found in "
                 "the other comments of each script by non-negative matrix factorisation of key phrases. "
                 "A comment counts for the topic it fits best.",
                 n=count(settings.voice.found_topics)),
            "definition",
        ),
    )  # fmt: skip
