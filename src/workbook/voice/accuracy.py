"""How the accuracy of reading shows: moods by script and by class, and topics, against what people said (V3)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbook.language import Text, count, named, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.voice.hotspot_exhibits import OTHER_NAME

SCRIPT_NAMES = {
    "han": text("voice.script.han", "Chinese"),
    "latin": text("voice.script.latin", "English and other alphabets"),
}
ORIGIN_NAMES = {
    "own scores": text("voice.origin.own", "the client's own scores and labels"),
    "seed sentences": text("voice.origin.seed", "seed sentences of the workbook"),
}
TOLD_NAMES = {
    "score": text("voice.told.score", "the customer's score"),
    "hand": text("voice.told.hand", "a label by hand"),
    "": text("voice.told.nobody", "nobody"),
}
MOOD_NAMES = {
    "content": text("voice.mood.content", "content"),
    "discontent": text("voice.mood.discontent", "discontent"),
    "neither": text("voice.mood.neither", "neither"),
}


@dataclass(frozen=True)
class Accuracy:
    """How often moods and topics are read as people told them.

    Attributes:
        moods: as `labels.mood_accuracy` gives it.
        classes: as `labels.mood_confusion` gives it.
        topics: as `labels.topic_accuracy` gives it; empty where no topic was labelled.
        shortened: comments of the period from which signatures, automatic replies or repeated lines were dropped.
        unwritten: those that hold no words of a customer's own, and are read no further.
    """

    moods: pd.DataFrame
    classes: pd.DataFrame
    topics: pd.DataFrame
    shortened: int
    unwritten: int
    settings: Settings

    def tables(self) -> tuple[Table | NotMeasured, ...]:
        """Moods by script; mood by mood; topics, or what to label so that they can be judged."""
        return (self.mood_table(), *self.class_tables(), self.topic_table())

    def mood_table(self) -> Table:
        """By script and who told the mood: comments told, decided, read rightly where decided and in all."""
        columns = (
            Column("script", text("voice.column.script", "Written in"), labels=SCRIPT_NAMES),
            Column("told_by", text("voice.column.told_by", "Mood told by"), labels=TOLD_NAMES),
            Column("origin", text("voice.column.origin", "Mood learnt from"), labels=ORIGIN_NAMES),
            Column("labelled", text("voice.column.told", "Mood known"), "count"),
            Column("content", text("voice.column.told_content", "Content of them"), "share"),
            Column("decided", text("voice.column.decided", "Decided"), "share"),
            Column("right", text("voice.column.right", "Decided rightly (interval)"), "share", low="low", high="high"),
            Column("all_right", text("voice.column.all_right", "Rightly, were all decided (interval)"), "share", low="all_low",
                   high="all_high"),
        )  # fmt: skip
        note = text(
            "voice.accuracy.note",
            "Comments up to the end of the period that a customer scored or a person labelled, each judged by a model that was "
            "trained without it. Decided: probability of at least {certain}; the others are called unclear. To call every "
            "comment content would be right as often as comments are content. {level} intervals. Not read, of the period: "
            "{unwritten} comments without words of a customer’s own; signatures, automatic replies and repeated lines were "
            "dropped from {shortened} others.",
            certain=share(self.settings.voice.certain), level=share(self.settings.analysis.confidence),
            unwritten=count(self.unwritten), shortened=count(self.shortened),
        )  # fmt: skip
        return Table("voice.accuracy", self._title(), columns, self.moods, note)

    def _title(self) -> Text:
        told = self.moods[self.moods["labelled"] > 0]
        n = int(told["labelled"].sum())
        if not n:
            return text("voice.accuracy.none", "Moods are read by seed sentences; no score or label tells how rightly")
        sure = float((told["decided"] * told["labelled"]).sum())
        right = float((told["right"].fillna(0) * told["decided"] * told["labelled"]).sum())
        if sure == 0:
            return text("voice.accuracy.unsure", "Of {n} comments of known mood, none could be read with certainty", n=count(n))
        return text("voice.accuracy.title", "Mood decided for {decided} of {n} comments of known mood, {right} of them rightly",
                    n=count(n), decided=share(sure / n), right=share(right / sure))  # fmt: skip

    def class_tables(self) -> tuple[Table, ...]:
        """What was told against what was read, mood by mood; none where nobody told a mood."""
        frame = self.classes
        if frame.empty:
            return ()
        columns = (
            Column("told_by", text("voice.column.told_by", "Mood told by"), labels=TOLD_NAMES),
            Column("mood", text("voice.column.told_mood", "Told"), labels=MOOD_NAMES),
            Column("n", text("voice.column.comments", "Comments"), "count"),
            Column("content", text("voice.column.read_content", "Read as content"), "count"),
            Column("discontent", text("voice.column.read_discontent", "As discontent"), "count"),
            Column("unclear", text("voice.column.read_unclear", "Unclear"), "count"),
            Column("found", text("voice.column.found", "Found, of those told so (interval)"), "share", low="found_low",
                   high="found_high"),
            Column("precise", text("voice.column.precise", "Right, of those read so (interval)"), "share", low="precise_low",
                   high="precise_high"),
        )  # fmt: skip
        bad = frame[frame["mood"] == "discontent"]
        if bad.empty or not int(bad["n"].sum()):
            title = text("voice.classes.none", "No comment was told to be discontent: it cannot be said how many are found")
        else:
            title = text("voice.classes.title", "Of {n} discontent comments, {found} are read as such",
                         n=count(int(bad["n"].sum())), found=count(int(bad["discontent"].sum())))  # fmt: skip
        note = text(
            "voice.classes.note",
            "The same comments, by the mood told and the mood read; what is left unclear is not found. {level} intervals.",
            level=share(self.settings.analysis.confidence),
        )
        return (Table("voice.accuracy_classes", title, columns, frame, note),)

    def topic_table(self) -> Table | NotMeasured:
        """Topic by topic: comments labelled so by hand, and how many of them the words of the settings find."""
        if self.topics.empty:
            return NotMeasured(
                "voice.accuracy_topics", text("voice.accuracy_topics.what", "How rightly topics are read"),
                why=text("voice.accuracy_topics.why",
                         "No comment carries a topic given by hand: draw comments with “workbook labels”, fill the form in and "
                         "take it back."),
            )  # fmt: skip
        names = {topic.id: named(topic.name) for topic in self.settings.voice.topics} | {"other": OTHER_NAME}
        columns = (
            Column("topic", text("voice.column.topic", "Topic"), labels=names),
            Column("n", text("voice.column.by_hand", "By hand"), "count"),
            Column("called", text("voice.column.by_words", "By words"), "count"),
            Column("hits", text("voice.column.both", "Both"), "count"),
            Column("found", text("voice.column.topic_found", "Found by words (interval)"), "share", low="found_low",
                   high="found_high"),
            Column("precise", text("voice.column.topic_precise", "Words are right (interval)"), "share", low="precise_low",
                   high="precise_high"),
        )  # fmt: skip
        n, hits = int(self.topics["n"].sum()), int(self.topics["hits"].sum())
        title = text("voice.accuracy_topics.title", "Words find the topic that a person gave in {hits} of {n} comments",
                     hits=count(hits), n=count(n))  # fmt: skip
        note = text(
            "voice.accuracy_topics.note",
            "Comments that a person gave a topic, against the topic by the words of the settings; what no words fit counts as "
            "other. In the tables above the person's topic stands. {level} intervals.",
            level=share(self.settings.analysis.confidence),
        )  # fmt: skip
        return Table("voice.accuracy_topics", title, columns, self.topics, note, rows=20)
