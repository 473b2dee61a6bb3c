"""What the preparation did, told to a reader: verdict, where rows went, what was mended, what contradicts what (D2, D3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Canvas

from workbook.language import Edition, Quantity, Text, count, day, joined, people, share, text
from workbook.report.blocks import Answer, Column, Figure, KeyFigure, Paragraph, Table
from workbook.report.figures import CATEGORIES, MUTED, UNCLEAR, canvas, label_axis
from workbook.sources.forms import FORM_REPAIRS
from workbook.sources.prepare import Preparation
from workbook.sources.words import (
    alert_name,
    module_name,
    reason_name,
    repair_name,
    severity_names,
    table_names,
)


@dataclass(frozen=True)
class DeliveryStory:
    """The account of a delivery as blocks; every number comes from the preparation's own frames."""

    preparation: Preparation

    @property
    def totals(self) -> Mapping[str, int]:
        """Rows of all files: rows_in, rows_kept, rows_quarantined, rows_repeated, rows_set_aside and due (to be used)."""
        ledger = self.preparation.row_ledger
        sums = {c: int(ledger[c].sum()) for c in ledger.columns if c.startswith("rows_")}
        return {**sums, "due": sums["rows_in"] - sums["rows_set_aside"]}

    @property
    def usable(self) -> float | None:
        """Share of the rows up to the analysis date that are kept; None where there are none."""
        totals = self.totals
        return _floor(totals["rows_kept"] / totals["due"]) if totals["due"] else None

    def _usable_words(self) -> Quantity:
        return share(self.usable, 0 if self.usable == 1 else 1)

    def answer(self) -> Answer:
        """The verdict first: how much of the delivery can be used, where the rest went, what it weakens."""
        totals = self.totals
        return Answer(
            "sources.answer",
            text(
                "sources.answer.heading",
                "{share} of {n} rows up to the analysis date are usable",
                share=self._usable_words(),
                n=count(totals["due"]),
            ),
            (
                text(
                    "sources.answer.rows",
                    "Quarantined with a reason: {quarantined} {quarantined:row|rows}; repeating another: {repeated}; "
                    "dated after {end} and set aside: {aside}.",
                    quarantined=count(totals["rows_quarantined"]),
                    repeated=count(totals["rows_repeated"]),
                    aside=count(totals["rows_set_aside"]),
                    end=day(self.preparation.tables.period.end),
                ),
                self._alert_sentence(),
                *self._shared_files(),
            ),
            part="complication",
        )

    def _shared_files(self) -> tuple[Text, ...]:
        """That rows are counted more than once, where they are."""
        ledger = self.preparation.row_ledger
        if ledger.groupby("file")["table"].nunique().max() < 2:
            return ()
        return (text("sources.answer.shared", "Rows of a file that fills several tables are counted in each table."),)

    def key_figures(self) -> list[KeyFigure]:
        """The share of usable rows."""
        return [
            KeyFigure(
                "sources.usable_rows",
                text("sources.usable_rows", "Usable rows of the delivery"),
                self._usable_words(),
                better="higher",
                note=text("sources.usable_rows.note", "rows up to the analysis date, all files"),
                rank=80,
            )
        ]

    def ledger_table(self) -> Table:
        """Each table: rows in = kept + quarantined + repeated + set aside; the artefact has every file."""
        worst = self._losses()
        if len(worst) and worst["quarantined"].iloc[0] > 0:
            first = worst.iloc[0]
            title = text(
                "sources.ledger.title",
                "Every row is accounted for; most quarantined by share: {table}, {n} {n:row|rows}",
                n=count(int(first["quarantined"])),
                table=table_names()[str(first["table"])],
            )
        else:
            title = text("sources.ledger.clean", "Every row is accounted for, none was quarantined")
        by_table = self.ledger_by_table()
        return Table(
            "sources.ledger",
            title,
            (
                Column("table", text("sources.ledger.table", "Table"), labels=table_names()),
                Column("files", text("sources.ledger.files", "Files"), "count"),
                Column("systems", text("sources.ledger.systems", "Systems")),
                Column("rows_in", text("sources.ledger.in", "Rows in"), "count"),
                Column("rows_kept", text("sources.ledger.kept", "Kept"), "count"),
                Column("rows_quarantined", text("sources.ledger.quarantined", "Quarantined"), "count"),
                Column("rows_repeated", text("sources.ledger.repeated", "Repeated"), "count"),
                Column("rows_set_aside", text("sources.ledger.aside", "Set aside"), "count"),
            ),
            by_table,
            note=text(
                "sources.ledger.note",
                "Rows of the files of each table: in = kept + quarantined + repeated + set aside (dated after {end}, or of "
                "customers who came later); files: {files}, rows: {n}, those of a file that fills several tables counted in "
                "each.",
                end=day(self.preparation.tables.period.end),
                n=count(self.totals["rows_in"]),
                files=count(int(self.preparation.row_ledger["file"].nunique())),
            ),
            rows=len(by_table),
            artefact="row_ledger",
        )

    def ledger_by_table(self) -> pd.DataFrame:
        """table, files, systems, rows_in, rows_kept, rows_quarantined, rows_repeated, rows_set_aside."""
        grouped = self.preparation.row_ledger.groupby("table", sort=False)
        sums = {c: (c, "sum") for c in self.preparation.row_ledger.columns if c.startswith("rows_")}
        frame = grouped.agg(files=("file", "size"), **sums).reset_index()
        systems = grouped["system"].unique().map(lambda names: ", ".join(n for n in names if n) or "–")
        frame.insert(2, "systems", list(systems))
        return frame

    def quarantine_table(self) -> Table | Paragraph:
        """Why rows were not used: reason, table, rows, share, and where to find one; no personal data."""
        reasons = self.quarantine_reasons()
        if reasons.empty:
            return Paragraph(
                "sources.quarantine",
                text("sources.quarantine.none", "No row was quarantined: every row could be read and obeys the rules."),
            )
        # rows that fell with their order or campaign are a consequence, the headline is a cause
        causes = reasons.loc[~reasons["reason"].str.endswith("_quarantined")]
        first = causes.iloc[0] if len(causes) else reasons.iloc[0]
        shown = reasons.assign(reason=reasons["reason"].map(reason_name))
        return Table(
            "sources.quarantine",
            text(
                "sources.quarantine.title",
                "First reason for quarantine: {reason} ({rows} {rows:row|rows} of {table})",
                reason=reason_name(str(first["reason"])),
                rows=count(int(first["rows"])),
                table=table_names()[str(first["table"])],
            ),
            (
                Column("reason", text("sources.quarantine.reason", "Reason")),
                Column("table", text("sources.ledger.table", "Table"), labels=table_names()),
                Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
                Column("share", text("sources.quarantine.share", "Share of quarantine"), "share"),
                Column("example", text("sources.quarantine.example", "Example (file: row)")),
            ),
            shown,
            note=text(
                "sources.quarantine.note",
                "Rows by reason; {n} quarantined rows; the rows themselves lie with the preparation, not in this report.",
                n=count(self.totals["rows_quarantined"]),
            ),
        )

    def quarantine_reasons(self) -> pd.DataFrame:
        """reason, table, rows, share (of all quarantined rows), example (file: row); most rows first."""
        parts = [frame.assign(table=name) for name, frame in self.preparation.quarantine.items() if len(frame)]
        if not parts:
            return pd.DataFrame({c: [] for c in ("reason", "table", "rows", "share", "example")})
        everything = pd.concat(parts, ignore_index=True)
        grouped = everything.groupby(["reason", "table"], sort=True)
        reasons = grouped.agg(rows=("row", "size"), file=("file", "first"), row=("row", "first")).reset_index()
        reasons["share"] = reasons["rows"] / reasons["rows"].sum()
        reasons["example"] = reasons["file"] + ": " + reasons["row"].astype("str")
        ordered = reasons.sort_values(["rows", "reason", "table"], ascending=[False, True, True], kind="stable")
        return ordered[["reason", "table", "rows", "share", "example"]].reset_index(drop=True)

    def repairs_table(self) -> Table | Paragraph:
        """What was emptied, given or derived by rule, with an example that is masked where it is personal."""
        every = self.preparation.repairs
        repairs = every.loc[~every["repair"].isin(FORM_REPAIRS)]
        if repairs.empty:
            return Paragraph("sources.repairs", text("sources.repairs.none", "No value had to be emptied, given or derived."))
        grouped = repairs.groupby(["table", "column", "repair"], sort=False).agg(
            rows=("rows", "sum"), example=("example", "first")
        )
        frame = grouped.reset_index().sort_values(
            ["rows", "table", "column", "repair"], ascending=[False, True, True, True], kind="stable"
        )
        first = frame.iloc[0]
        shown = frame.assign(repair=frame["repair"].map(repair_name), column=frame["table"] + "." + frame["column"])
        return Table(
            "sources.repairs",
            text(
                "sources.repairs.title",
                "{n} {n:value was|values were} emptied, given or derived by rule, most in {table}",
                n=count(int(frame["rows"].sum())),
                table=table_names()[str(first["table"])],
            ),
            (
                Column("column", text("sources.repairs.column", "Column")),
                Column("repair", text("sources.repairs.repair", "What was done")),
                Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
                Column("example", text("sources.repairs.example", "Example")),
            ),
            shown,
            note=text("sources.repairs.note", "Values by column and rule, all files; examples of personal data are masked."),
        )

    def alerts_table(self) -> Table | Paragraph:
        """The checks across tables that failed, the gravest first, and what each weakens."""
        alerts = self.preparation.alerts
        if alerts.empty:
            return Paragraph("sources.alerts", text("sources.alerts.none", "No check across the tables failed."))
        grave = int((alerts["severity"] == "high").sum())
        names: list[Any] = [alert_name(str(a), str(c)) for a, c in zip(alerts["alert"], alerts["column"], strict=True)]
        # a row of the customer list is a person: a few of them are not told by themselves
        rows = [people(n) if t == "customers" else n for n, t in zip(alerts["rows"], alerts["table"], strict=True)]
        shown = alerts.assign(
            alert=names,
            rows=pd.Series(rows, index=alerts.index, dtype="object"),
            column=alerts["table"] + "." + alerts["column"],
            weakens=alerts["weakens"].map(_modules),
        )
        if len(alerts) == 1:
            title = text("sources.alerts.one", "One check across tables found a fault: {alert}", alert=shown["alert"].iloc[0])
        elif grave:
            title = text(
                "sources.alerts.grave",
                "{n} {n:check|checks} across tables found faults, {grave} of them grave",
                n=count(len(alerts)),
                grave=count(grave),
            )
        else:
            title = text(
                "sources.alerts.light", "{n} {n:check|checks} across tables found faults, none grave", n=count(len(alerts))
            )
        return Table(
            "sources.alerts",
            title,
            (
                Column("alert", text("sources.alerts.alert", "Finding")),
                Column("column", text("sources.repairs.column", "Column")),
                Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
                Column("share", text("sources.alerts.share", "Share of rows checked"), "share", of="rows"),
                Column("severity", text("sources.alerts.severity", "Severity"), labels=severity_names()),
                Column("weakens", text("sources.alerts.weakens", "Weakens")),
            ),
            shown,
            note=text(
                "sources.alerts.note",
                "Kept rows that contradict others, as a share of those that could be checked; "
                "medium from 1%, high from 10%; period up to {end}.",
                end=day(self.preparation.tables.period.end),
            ),
            artefact="alerts",
        )

    def figure(self) -> Figure | Paragraph:
        """Where rows were lost: quarantined and repeated rows of each table as a share of its rows."""
        losses = self._losses()
        losses = losses.loc[losses["quarantined"] + losses["repeated"] > 0].head(10)
        if losses.empty:
            return Paragraph("sources.losses", text("sources.losses.none", "No table lost a row to quarantine or repetition."))
        first = losses.iloc[0]
        lost = (first["quarantined"] + first["repeated"]) / first["due"]
        title = text(
            "sources.losses.title",
            "The table “{table}” lost most rows: {share} quarantined or repeated",
            table=table_names()[str(first["table"])],
            share=share(float(lost), 1),
        )
        table = Table(
            "sources.losses.table",
            title,
            (
                Column("table", text("sources.ledger.table", "Table"), labels=table_names()),
                Column("due", text("sources.losses.due", "Rows up to the analysis date"), "count"),
                Column("quarantined", text("sources.ledger.quarantined", "Quarantined"), "count"),
                Column("repeated", text("sources.ledger.repeated", "Repeated"), "count"),
            ),
            losses,
        )
        return Figure(
            "sources.losses",
            title,
            lambda edition: _draw_losses(losses, edition),
            alt=text(
                "sources.losses.alt",
                "Bars, one a table: share of rows quarantined and repeated. {table} comes first with {share}.",
                table=table_names()[str(first["table"])],
                share=share(float(lost), 1),
            ),
            note=text(
                "sources.losses.note",
                "Rows quarantined (orange) and repeated (grey) as a share of the rows up to {end}, by table; {n} rows in all.",
                end=day(self.preparation.tables.period.end),
                n=count(self.totals["due"]),
            ),
            table=table,
        )

    def _losses(self) -> pd.DataFrame:
        """table, due, quarantined, repeated; the largest share of lost rows first."""
        sums = self.preparation.row_ledger.groupby("table", sort=False)[
            ["rows_in", "rows_quarantined", "rows_repeated", "rows_set_aside"]
        ].sum()
        frame = pd.DataFrame(
            {
                "table": list(sums.index),
                "due": (sums["rows_in"] - sums["rows_set_aside"]).to_numpy(),
                "quarantined": sums["rows_quarantined"].to_numpy(),
                "repeated": sums["rows_repeated"].to_numpy(),
            }
        )
        lost = (frame["quarantined"] + frame["repeated"]) / frame["due"].clip(lower=1)
        ordered = frame.assign(_lost=lost).sort_values(["_lost", "table"], ascending=[False, True], kind="stable")
        return ordered.drop(columns="_lost").reset_index(drop=True)

    def _alert_sentence(self) -> Text:
        alerts = self.preparation.alerts
        if alerts.empty:
            return text("sources.answer.sound", "No check across the tables failed.")
        first = alerts.iloc[0]
        return text(
            "sources.answer.alerts",
            "Checks across tables that found faults: {n}; the gravest, “{alert}” ({share} of rows), weakens: {weakens}.",
            n=count(len(alerts)),
            alert=alert_name(str(first["alert"]), str(first["column"])),
            share=share(float(first["share"]), 1),
            weakens=_modules(str(first["weakens"])),
        )


def tell_delivery(preparation: Preparation) -> DeliveryStory:
    """The account of *preparation* as blocks for the report."""
    return DeliveryStory(preparation)


def _modules(codes: str) -> Text:
    return joined([module_name(code) for code in codes.split(", ")])


def _floor(part: float) -> float:
    """A share cut to tenths of a per cent, so that 99.96% is never shown as all."""
    return part if part == 1 else math.floor(part * 1000) / 1000


def _draw_losses(losses: pd.DataFrame, edition: Edition) -> Canvas:
    figure, axes = canvas(height=max(1.3, 0.75 + 0.3 * len(losses)))
    due = losses["due"].to_numpy(dtype=float)
    quarantined = losses["quarantined"].to_numpy(dtype=float) / due
    repeated = losses["repeated"].to_numpy(dtype=float) / due
    places = range(len(losses))
    axes.barh(places, quarantined, height=0.62, color=CATEGORIES[1])
    axes.barh(places, repeated, height=0.62, left=quarantined, color=UNCLEAR)
    names = table_names()
    axes.set_yticks(list(places), [names[t].render(edition) for t in losses["table"]])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    longest = float((quarantined + repeated).max())
    for place, (q, r) in enumerate(zip(losses["quarantined"], losses["repeated"], strict=True)):
        part = share((int(q) + int(r)) / int(due[place]), 1)
        words = text(
            "sources.losses.label",
            "{share}: {quarantined} quarantined, {repeated} repeated",
            share=part,
            quarantined=count(int(q)),
            repeated=count(int(r)),
        ).render(edition)
        axes.text(
            float(quarantined[place] + repeated[place]) + 0.01 * longest, place, words, va="center", fontsize=8.5, color=MUTED
        )
    # room for the words behind the longest bar
    axes.set_xlim(0, longest * 1.75)
    label_axis(axes, text("sources.losses.axis", "Share of rows lost").render(edition))
    return figure
