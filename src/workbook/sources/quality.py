"""The data-quality workbook for the client's IT department: one sheet a problem, with the rows of their own files (D2, D3)."""

from __future__ import annotations

import pandas as pd

from workbook.language import Text, count, day, text
from workbook.report.blocks import Column, Sheet, Table
from workbook.sources.account import overlaps
from workbook.sources.forms import FORM_REPAIRS
from workbook.sources.prepare import Preparation
from workbook.sources.words import advice, alert_name, reason_name, repair_name, table_names

_NO_FAULT = ("unfinished_order", "not_valid_business", "orders_quarantined", "campaigns_quarantined", "duplicate_key")
"""Reasons that say what a row is, not that its source is wrong: they stand last."""


def quality_sheets(preparation: Preparation) -> tuple[Sheet, ...]:
    """An overview of every problem with what to do about it, then a sheet for each whose rows can be named.

    Rows carry the file and the row number that a spreadsheet program shows; values are masked where they are personal.
    """
    problems = quality_problems(preparation)
    rows = preparation.problem_rows
    sheets = [_overview(problems, preparation)]
    for problem in problems.to_dict("records"):
        mine = rows
        for column in ("kind", "problem", "table", "column"):
            mine = mine.loc[mine[column] == problem[column]]
        if len(mine):
            name = problem_name(str(problem["kind"]), str(problem["problem"]), str(problem["column"]))
            sheets.append(_rows_sheet(name, str(problem["table"]), mine, int(problem["rows"])))
    twice = overlaps(preparation)
    if isinstance(twice, Table):
        sheets.append(Sheet(text("sources.quality.twice", "Delivered twice"), twice))
    return tuple(sheets)


def quality_problems(preparation: Preparation) -> pd.DataFrame:
    """kind (quarantine, repair, alert), problem, table, column, rows (all of them), listed (with their row): faults first,
    then what is only to be known, each with most rows first."""
    rows = preparation.problem_rows
    listed = rows.groupby(["kind", "problem", "table", "column"], sort=True).size().rename("listed").reset_index()
    parts: list[tuple[str, str, str, int]] = []
    for table, frame in preparation.quarantine.items():
        parts += [
            ("quarantine", str(reason), table, int(n)) for reason, n in frame["reason"].value_counts().sort_index().items()
        ]
    repairs = preparation.repairs.loc[~preparation.repairs["repair"].isin(FORM_REPAIRS)]
    emptied = repairs.groupby(["repair", "table", "column"], sort=True)["rows"].sum().reset_index().to_dict("records")
    named = listed.set_index(["kind", "problem", "table"])["column"].groupby(level=[0, 1, 2]).first()
    everything = [
        (kind, problem, table, str(named.get((kind, problem, table), "")), n, problem in _NO_FAULT)
        for kind, problem, table, n in parts
    ]
    # what was given or worked out lacks nothing that the client could still mend
    everything += [
        ("repair", str(row["repair"]), str(row["table"]), str(row["column"]), int(row["rows"]), False)
        for row in emptied
        if str(row["repair"]).startswith("unreadable_") or row["repair"] in ("masked_phone", "phone_in_scientific_notation")
    ]
    everything += [
        ("alert", str(row["alert"]), str(row["table"]), str(row["column"]), int(row["rows"]), row["severity"] == "low")
        for row in preparation.alerts.to_dict("records")
    ]
    frame = pd.DataFrame(everything, columns=["kind", "problem", "table", "column", "rows", "last"]).astype({"rows": "int64"})
    frame = frame.merge(listed, on=["kind", "problem", "table", "column"], how="left")
    frame["listed"] = frame["listed"].fillna(0).astype("int64")
    order = ["last", "rows", "kind", "problem", "table", "column"]
    ordered = frame.sort_values(order, ascending=[True, False, True, True, True, True], kind="stable")
    return ordered.drop(columns="last").reset_index(drop=True)


def problem_name(kind: str, problem: str, column: str) -> Text:
    """What readers call a problem."""
    if kind == "alert":
        return alert_name(problem, column)
    if kind == "quarantine":
        return reason_name(problem)
    if problem.startswith("unreadable_"):
        return text("sources.quality.unreadable", "{column} cannot be read, emptied", column=column)
    return repair_name(problem)


def _overview(problems: pd.DataFrame, preparation: Preparation) -> Sheet:
    named = [problem_name(str(p.kind), str(p.problem), str(p.column)) for p in problems.itertuples()]
    frame = problems.assign(
        name=pd.Series(named, dtype=object, index=problems.index),
        advice=pd.Series([advice(str(p)) for p in problems["problem"]], dtype=object, index=problems.index),
    )
    table = Table(
        "sources.quality",
        text("sources.quality.title", "{n} {n:kind|kinds} of problems in the delivery", n=count(len(problems)))
        if len(problems)
        else text("sources.quality.none", "No problem was found in the delivery"),
        (
            Column("name", text("sources.quality.problem", "Problem")),
            Column("table", text("sources.ledger.table", "Table"), labels=table_names()),
            Column("column", text("sources.repairs.column", "Column")),
            Column("rows", text("sources.quarantine.rows", "Rows"), "count"),
            Column("listed", text("sources.quality.listed", "Rows listed"), "count"),
            Column("advice", text("sources.quality.advice", "What to do")),
        ),
        frame,
        note=text(
            "sources.quality.note",
            "Rows up to {end} that could not be used, values that were emptied and rows that contradict others. Row numbers "
            "are those that a spreadsheet program shows; a row that several rows of a file make is named by the first of them. "
            "Personal values are masked.",
            end=day(preparation.tables.period.end),
        ),
    )
    return Sheet(text("sources.quality.overview", "Overview"), table)


def _rows_sheet(name: Text, table: str, rows: pd.DataFrame, all_rows: int) -> Sheet:
    title = text(
        "sources.quality.rows_title",
        "{problem}: {n} {n:row|rows} of {table}",
        problem=name,
        n=count(all_rows),
        table=table_names()[table],
    )
    columns = (
        Column("file", text("sources.overlaps.file", "File")),
        Column("row", text("sources.quality.row", "Row in the file"), "count"),
        Column("column", text("sources.repairs.column", "Column")),
        Column("value", text("sources.quality.value", "Value as delivered")),
    )
    return Sheet(name, Table(f"sources.quality.{table}", title, columns, rows, rows=max(len(rows), 1)))
