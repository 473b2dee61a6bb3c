"""Labels of comments on paper: comments drawn at random for a person to judge, and what the person said read back (V3).

The form shows each comment masked, and nothing of what a model reads: a person who saw that would agree with it too often.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workbook.errors import DeliveryError, UsageError
from workbook.language import LANGUAGES, Edition, Language, Text, count, named, text
from workbook.period import Period
from workbook.regrading import Row, read_rows
from workbook.report.blocks import Column, Sheet, Table
from workbook.report.excel import About, write_excel
from workbook.settings.label_file import FIELDS, label_file
from workbook.settings.models import Labelled, Settings, VoiceTopic
from workbook.settings.reading import read_settings
from workbook.settings.writing import write_whole
from workbook.sources.prepare import prepare
from workbook.tables import Tables
from workbook.voice.accuracy import MOOD_NAMES
from workbook.voice.comments import read_comments
from workbook.voice.hotspot_exhibits import OTHER_NAME
from workbook.voice.quotes import masked, staff_names

HEADS: Mapping[str, Text] = {
    "comment": text("voice.label.comment", "Comment"),
    "given_at": text("voice.label.day", "Day"),
    "text": text("voice.label.text", "What was written (masked)"),
    "topic": text("voice.label.topic", "Topic"),
    "mood": text("voice.label.mood", "Mood"),
}
LONGEST = 1_000
"""Characters of a comment that the form shows."""

_DO = "take the form of `workbook labels CLIENT --form FILE` and fill in topic or mood"


def write_form(home: Path, client: str, period: Period, path: Path, language: Language, most: int) -> int:
    """Write the form: comments of the period drawn at random among those that nobody labelled.

    Args:
        home: the folder that holds ``params/``.
        path: the Excel file to write.
        most: comments to draw.

    Returns:
        The number of comments drawn.

    Raises:
        UsageError: where no comment is left to label.
    """
    settings = read_settings(home, client, period)
    drawn = draw(prepare(home, client, period, settings).tables, settings, most)
    if drawn.empty:
        raise UsageError(f"labels: found no comment of {period.name} without a label, expected one at least; choose another "
                         "period")  # fmt: skip
    topics = tuple(named(topic.name) for topic in settings.voice.topics)
    columns = tuple(Column(name, head, "date" if name == "given_at" else "text") for name, head in HEADS.items())
    title = text("voice.label.title", "{n} comments to label", n=count(len(drawn)))
    table = Table("voice.labels", title, columns, drawn, rows=len(drawn))
    sheet = Sheet(text("voice.label.sheet", "Comments to label"), table,
                  {"topic": (*topics, OTHER_NAME), "mood": tuple(MOOD_NAMES.values())}, to_fill=True)  # fmt: skip
    note = text(
        "voice.label.note",
        "Judge each comment by its words alone, as the customer meant them: the topic that weighs most, and the mood. Leave "
        "empty what you cannot tell. The comments are drawn at random: label them in this order, not those that are easy.",
    )  # fmt: skip
    about = About(title, named(settings.client.name), period, (note,), synthetic=settings.client.synthetic)
    write_excel(path, [sheet], Edition(language), about)
    return len(drawn)


def draw(tables: Tables, settings: Settings, most: int) -> pd.DataFrame:
    """Comments of the period without a label, in random order that a seed repeats; masked: comment, given_at, text."""
    comments = read_comments(tables)
    done = {label.comment for label in settings.voice.labels}
    left = comments[comments["inside"].astype(bool) & comments["written"].astype(bool) & ~comments["comment_id"].isin(done)]
    left = left.drop_duplicates("comment_id")
    rng = np.random.default_rng(settings.seed)
    chosen = left.iloc[rng.permutation(len(left))[:most]]
    names = tables.sql("select customer_id, any_value(name) as name from customers where name is not null group by 1")
    own = chosen["customer_id"].map(names.set_index("customer_id")["name"]).astype(object).fillna("").astype(str)
    staff = staff_names(tables)
    shown = [masked(words, (*staff, name), LONGEST) for words, name in zip(chosen["text"], own, strict=True)]
    return pd.DataFrame({"comment": chosen["comment_id"].to_numpy(), "given_at": pd.to_datetime(chosen["given_at"]).dt.date.
                         to_numpy(), "text": shown, "topic": None, "mood": None}, dtype=object)  # fmt: skip


def read_forms(home: Path, client: str, period: Period, paths: Sequence[Path]) -> tuple[Path, int]:
    """Read filled forms into ``params/<client>/labels.csv``; a comment labelled before gets what was filled in now.

    Returns:
        The file of labels, and the number of comments labelled in the forms.

    Raises:
        DeliveryError: with every fault of every form; nothing is written then.
    """
    settings = read_settings(home, client, period)
    kept = {label.comment: label for label in settings.voice.labels}
    fresh: dict[str, Labelled] = {}
    faults: list[str] = []
    for path in paths:
        asked = {name: [head.render(Edition(language)).partition(" (")[0].partition("（")[0] for language in LANGUAGES]
                 for name, head in HEADS.items()}  # fmt: skip
        for row in read_rows(path, asked, (), _DO):
            label = _label(row, settings.voice.topics, faults)
            before = fresh.get(label.comment) or kept.get(label.comment) or label
            fresh |= {label.comment: label.model_copy(update={"topic": label.topic or before.topic,
                                                              "mood": label.mood or before.mood})}  # fmt: skip
    fresh = {id: label for id, label in fresh.items() if label.topic or label.mood}
    if not fresh and not faults:
        faults.append(f"{', '.join(map(str, paths))}: found no topic and no mood filled in, expected one at least; {_DO}")
    if faults:
        raise DeliveryError(faults)
    return _write(label_file(home, client), kept | fresh), len(fresh)


def _label(row: Row, topics: Sequence[VoiceTopic], faults: list[str]) -> Labelled:
    """What a row says; its faults are added to *faults*."""
    known = {word.lower(): topic.id for topic in topics for word in (topic.id, *_words(named(topic.name)))}
    known |= dict.fromkeys(("other", *_words(OTHER_NAME)), "other")
    moods = {word: mood for mood, name in MOOD_NAMES.items() for word in (mood, *_words(name))}
    said = {}
    for field, words in (("topic", known), ("mood", moods)):
        cell = row.cells.get(field, "")
        said[field] = words.get(cell.lower(), "")
        if cell and not said[field]:
            expected = ", ".join(dict.fromkeys(words.values()))
            faults.append(f"{row.where}: {field}: found {cell[:40]!r}, expected one of {expected}")
    if not row.cells.get("comment"):
        faults.append(f"{row.where}: found no id of a comment, expected the one of the form")
    return Labelled.model_validate({"comment": row.cells.get("comment") or "?", **said})


def _words(name: Text) -> list[str]:
    return [name.render(Edition(language)).lower() for language in LANGUAGES]


def _write(path: Path, labels: Mapping[str, Labelled]) -> Path:
    made = io.StringIO(newline="")
    rows = csv.writer(made, lineterminator="\n")
    rows.writerow(FIELDS)
    rows.writerows([(label.comment, label.topic, label.mood) for label in labels.values()])
    return write_whole(path, made.getvalue())
