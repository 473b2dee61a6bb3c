"""More of the account of a delivery: other forms, what was delivered twice, refunds beside their purchases (D2)."""

from __future__ import annotations

from workbook.language import count, money, share, text
from workbook.report.blocks import Column, Paragraph, Table
from workbook.sources.forms import FORM_REPAIRS
from workbook.sources.prepare import Preparation
from workbook.sources.words import overlap_kinds, pairing_names, repair_name, table_names


def forms(preparation: Preparation) -> Table | Paragraph:
    """Values that were brought to one form without losing anything: column, rule, rows, example."""
    changed = preparation.repairs.loc[preparation.repairs["repair"].isin(FORM_REPAIRS)]
    if changed.empty:
        return Paragraph("sources.forms", text("sources.forms.none", "Every value stood in the delivery in its plain form."))
    grouped = changed.groupby(["table", "column", "repair"], sort=False).agg(rows=("rows", "sum"), example=("example", "first"))
    frame = grouped.reset_index().sort_values(
        ["rows", "table", "column", "repair"], ascending=[False, True, True, True], kind="stable"
    )
    shown = frame.assign(repair=frame["repair"].map(repair_name), column=frame["table"] + "." + frame["column"])
    return Table(
        "sources.forms",
        text("sources.forms.title", "{n} {n:value was|values were} brought to one form", n=count(int(frame["rows"].sum()))),
        (
            Column("column", text("sources.repairs.column", "Column")),
            Column("repair", text("sources.repairs.repair", "What was done")),
            Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
            Column("example", text("sources.forms.example", "Example as delivered")),
        ),
        shown,
        note=text(
            "sources.forms.note",
            "Values by column and rule, all files; what they say stays the same. Examples of personal data are masked.",
        ),
    )


def overlaps(preparation: Preparation) -> Table | Paragraph:
    """Files that hold rows of other files, or of themselves: what was delivered twice and counted once."""
    found = preparation.overlaps
    if found.empty:
        return Paragraph("sources.overlaps", text("sources.overlaps.none", "No row was delivered twice."))
    frame = found.sort_values(["rows", "file", "other", "table"], ascending=[False, True, True, True], kind="stable")
    twice = frame.loc[frame["kind"].isin(["batch", "whole"])]
    if len(twice):
        first = twice.iloc[0]
        title = text(
            "sources.overlaps.title_batch",
            "A batch was delivered twice: {n} {n:row|rows} of {file}",
            n=count(int(first["rows"])),
            file=str(first["file"]),
        )
    else:
        title = text(
            "sources.overlaps.title",
            "{n} {n:row repeats|rows repeat} another and {n:is|are} counted once",
            n=count(int(frame["rows"].sum())),
        )
    return Table(
        "sources.overlaps",
        title,
        (
            Column("file", text("sources.overlaps.file", "File")),
            Column("other", text("sources.overlaps.other", "Also stands in")),
            Column("table", text("sources.ledger.table", "Table"), labels=table_names()),
            Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
            Column("share", text("sources.overlaps.share", "Share of the file"), "share"),
            Column("kind", text("sources.overlaps.kind", "What it is"), labels=overlap_kinds()),
        ),
        frame,
        note=text(
            "sources.overlaps.note",
            "Rows that repeat another row in every mapped column; each is kept once. {n} repeated rows of all files.",
            n=count(int(preparation.row_ledger["rows_repeated"].sum())),
        ),
    )


def refunds(preparation: Preparation) -> Table | Paragraph:
    """Refunds by whether the purchase that they undo is in the delivery."""
    frame = preparation.refunds
    if frame.empty:
        return Paragraph("sources.refunds", text("sources.refunds.none", "The delivery holds no refund."))
    rows, amount = int(frame["rows"].sum()), float(frame["amount"].sum())
    explained = int(frame.loc[frame["pairing"].isin(["paired", "part"]), "rows"].sum())
    return Table(
        "sources.refunds",
        text(
            "sources.refunds.title",
            "{part} of {n} refunds have their purchase in the delivery",
            part=share(explained / rows),
            n=count(rows),
        )
        if rows >= 30
        else text(
            "sources.refunds.few", "{k} of {n} refunds have their purchase in the delivery", k=count(explained), n=count(rows)
        ),
        (
            Column("pairing", text("sources.refunds.pairing", "Refund"), labels=pairing_names()),
            Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
            Column("amount", text("sources.refunds.amount", "Amount taken back"), "money"),
            Column("share", text("sources.refunds.share", "Share of the amount"), "share"),
        ),
        frame.assign(share=frame["amount"] / amount if amount else None),
        note=text(
            "sources.refunds.note",
            "Lines, or orders, below zero; each is paired with one earlier purchase of the same customer and product. They "
            "lower the revenue of the day they were made; where the purchase is missing, that customer's revenue is {amount} "
            "too low in all.",
            amount=money(float(frame.loc[frame["pairing"] == "without_purchase", "amount"].sum())),
        ),
    )
