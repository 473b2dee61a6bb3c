"""How the needs register shows: the ranked table, and the form of the comparison with competitors (V7)."""

from __future__ import annotations

import pandas as pd

from workbook.language import LANGUAGES, Text, count, named, number, share, text
from workbook.period import Period
from workbook.report.blocks import Column, Sheet, Table
from workbook.settings.models import Settings

KIND_NAMES = {
    "noted": text("voice.needs.noted", "noted"),
    "complained": text("voice.needs.complained", "complained of"),
    "both": text("voice.needs.both", "noted and complained of"),
}
COMPARED_NEEDS, COMPETITORS = 8, 3
"""Needs and competitors for which the form has rows."""

FORM_HEADS = {
    "need": text("voice.compete.need", "Need"),
    "competitor": text("voice.compete.competitor", "Competitor"),
    "ours": text("voice.compete.ours", "We meet it (1–5)"),
    "theirs": text("voice.compete.theirs", "They meet it (1–5)"),
    "source": text("voice.compete.source", "Seen where (test purchase, customer, review)"),
    "seen": text("voice.compete.seen", "Seen on"),
}
"""Columns of the form, by which it is read again."""

MARKS = tuple(named(str(mark)) for mark in range(1, 6))


def need_words(row: pd.Series) -> Text:
    """What readers call a need."""
    return named({language: str(row[f"need_{language}"]) for language in LANGUAGES})


def register_table(frame: pd.DataFrame, heard: int, settings: Settings, period: Period) -> Table:
    """Rank, need, kind, customers, revenue, mentions, lead of competitors, score."""
    shown = frame.assign(
        name=pd.Series([need_words(row) for _, row in frame.iterrows()], index=frame.index, dtype=object),
        place=pd.Series([_place(row) for _, row in frame.iterrows()], index=frame.index, dtype=object),
        ahead=pd.Series(["–" if v != v else number(v, 1) for v in frame["behind"]], index=frame.index, dtype=object),
    )
    columns = (
        Column("place", text("voice.needs.rank", "Rank (under other weights)")),
        Column("name", text("voice.needs.need", "Need")),
        Column("kind", text("voice.needs.kind", "Known from"), labels=KIND_NAMES),
        Column("customers", text("voice.needs.customers", "Customers"), "people"),
        Column(
            "share", text("voice.needs.share", "Of those heard (interval)"), "share", low="low", high="high", of="customers"
        ),
        Column("revenue", text("voice.needs.revenue", "Their revenue"), "money"),
        Column("mentions", text("voice.needs.mentions", "Mentions a customer"), "number", digits=2),
        Column("ahead", text("voice.needs.behind", "Competitors ahead by, points of 5")),
    )
    weights = settings.voice.need_weights
    note = text(
        "voice.needs.note",
        "Needs noted in the year to the end of {period} and topics of discontent of the period; n = {heard} customers who said "
        "anything. Score: customers {customers}, revenue {value}, mentions beyond the first {intensity}, lead of competitors "
        "{gap}, each as a part of the largest; rank again with each weight halved and doubled. A customer may have several "
        "needs; revenue of the trailing window.",
        period=period.name, heard=count(heard), customers=number(weights.customers), value=number(weights.value),
        intensity=number(weights.intensity), gap=number(weights.gap),
    )  # fmt: skip
    return Table("voice.needs", _title(frame), columns, shown, note, artefact="needs_register")


def _place(row: pd.Series) -> Text:
    if row["rank_low"] == row["rank_high"]:
        return named(str(row["rank"]))
    return text("voice.needs.place", "{rank} ({low} to {high})", rank=count(int(row["rank"])), low=count(int(row["rank_low"])),
                high=count(int(row["rank_high"])))  # fmt: skip


def _title(frame: pd.DataFrame) -> Text:
    first = frame.iloc[0]
    if int(first["rank_high"]) == 1:
        return text("voice.needs.title", "First of {n} needs, however weighed: {need}, {part} of customers heard",
                    n=count(len(frame)), need=need_words(first), part=share(float(first["share"]), 0))  # fmt: skip
    return text("voice.needs.title_open", "First of {n} needs: {need}; with other weights down to rank {rank}",
                n=count(len(frame)), need=need_words(first), rank=count(int(first["rank_high"])))  # fmt: skip


def competitor_sheet(frame: pd.DataFrame, settings: Settings) -> Sheet:
    """A row for each of the first needs and each competitor: how well both meet it (1–5), from which source, when.

    Comparisons that the settings hold already are filled in.
    """
    done = {(row.need.strip().lower(), row.competitor): row for row in settings.voice.competitors}
    rows = [[row.competitor, named(row.need), row.ours, row.theirs, row.source, row.seen] for row in done.values()]
    known = {need for need, _ in done}
    open_needs = [need_words(row) for _, row in frame.iterrows()
                  if not known & {str(row[f"need_{language}"]).strip().lower() for language in LANGUAGES}]  # fmt: skip
    rows += [[None, need, None, None, None, None] for need in open_needs[:COMPARED_NEEDS] for _ in range(COMPETITORS)]
    names = ["competitor", "need", "ours", "theirs", "source", "seen"]
    shown = pd.DataFrame(rows, columns=names, dtype=object)
    columns = tuple(Column(field, head, "date" if field == "seen" else "text") for field, head in FORM_HEADS.items())
    title = text("voice.compete.title", "Comparison with competitors")
    table = Table("voice.competitors", title, columns, shown, rows=max(len(shown), 1))
    return Sheet(title, table, {"ours": MARKS, "theirs": MARKS}, to_fill=True)
