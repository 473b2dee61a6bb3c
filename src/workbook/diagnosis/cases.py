"""The records behind a problem, one a line, so that a department can open each of them (X6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workbook.diagnosis.finding import Context, Finding
from workbook.language import Quantity, Text, Unit, count, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.tables import Tables

CASE_COLUMNS: tuple[str, ...] = ("problem", "record", "record_id", "customer_id", "happened_at", "cases")

RECORDS: Mapping[str, Text] = {
    "customers": text("diagnosis.record.customers", "customer"),
    "orders": text("diagnosis.record.orders", "order"),
    "contracts": text("diagnosis.record.contracts", "contract"),
    "interactions": text("diagnosis.record.interactions", "contact"),
    "tickets": text("diagnosis.record.tickets", "ticket"),
    "feedback": text("diagnosis.record.feedback", "feedback"),
    "needs": text("diagnosis.record.needs", "need"),
    "recommendations": text("diagnosis.record.recommendations", "recommended product"),
    "leads": text("diagnosis.record.leads", "lead"),
}
"""Tables whose rows can be evidence, with what readers call one of them."""


def problem_cases(ranked: Sequence[Finding], tables: Tables, context: Context, most: int) -> pd.DataFrame:
    """The records behind each problem, in the order of the problem list.

    Args:
        ranked: the breaching findings.
        most: records listed for one problem: the newest, or the customers of the largest revenue.

    Returns:
        problem, record (table), record_id, customer_id, happened_at (time; null for customers), cases (all there are, listed
        or not).
    """
    frames = [_listed(found, tables, context, most) for found in ranked]
    frames = [frame for frame in frames if not frame.empty]
    listed: pd.DataFrame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(CASE_COLUMNS))
    types: Mapping[str, str] = {"problem": "str", "record": "str", "record_id": "str", "customer_id": "str", "cases": "int64"}
    when = pd.to_datetime(listed["happened_at"]).astype("datetime64[us]")
    typed: pd.DataFrame = listed.astype(types)
    return typed.assign(happened_at=when)


def _listed(found: Finding, tables: Tables, context: Context, most: int) -> pd.DataFrame:
    record = "customers" if found.cases is None else found.cases.record
    if found.cases is None:
        first = context.foremost(found.customers, most)
        rows = pd.DataFrame({"record_id": first, "customer_id": first, "happened_at": pd.NaT, "cases": len(found.customers)})
    elif (known := found.cases.rows) is not None and not found.cases.sql:
        newest = known.nlargest(most, "happened_at", keep="all").astype({"record_id": "str", "customer_id": "str"})
        newest = newest.sort_values(["happened_at", "record_id"], ascending=[False, True]).head(most)
        rows = newest.assign(cases=len(known))
    else:
        if known is not None:
            tables.connection.register("bad_rows", known)
        rows = tables.sql(
            f"""
            select record_id, customer_id, cast(happened_at as timestamp) as happened_at, count(*) over () as cases
            from ({found.cases.sql}) as bad order by happened_at desc nulls last, record_id, customer_id limit {int(most)}
            """,
            **found.cases.values,
        )
        if known is not None:
            tables.connection.unregister("bad_rows")
    return rows.assign(problem=found.check, record=record)[list(CASE_COLUMNS)]


def evidence_table(cases: pd.DataFrame, ranked: Sequence[Finding]) -> Table | NotMeasured:
    """How many records stand behind each problem, and how many of them the list of cases holds."""
    id, what = "diagnosis.evidence", text("diagnosis.cases.what", "Records behind each problem")
    if cases.empty:
        return NotMeasured(id, what, why=text("diagnosis.cases.none", "No record stands behind a problem."))
    problem = {found.check: found.words.problem for found in ranked}
    sums = cases.groupby("problem", sort=False).agg(record=("record", "first"), cases=("cases", "first"),
                                                    listed=("problem", "size")).reset_index()  # fmt: skip
    # customers are counted as people are: too few of them are not told
    units: list[Unit] = ["people" if record == "customers" else "count" for record in sums["record"]]
    shown = {
        column: pd.Series([Quantity(int(n), unit) for n, unit in zip(sums[column], units, strict=True)], dtype=object)
        for column in ("cases", "listed")
    }
    sums["name"] = pd.Series([problem[check] for check in sums["problem"]], dtype=object)
    columns = (
        Column("name", text("diagnosis.column.problem", "Problem")),
        Column("record", text("diagnosis.cases.record", "Record"), labels=RECORDS),
        Column("cases", text("diagnosis.cases.cases", "Records behind it"), "count"),
        Column("listed", text("diagnosis.cases.listed", "Of them listed"), "count"),
    )
    note = text(
        "diagnosis.cases.note",
        "Listed one by one in lists/problem_cases, with the customer: the newest, or customers by revenue, up to "
        "diagnosis.listed_cases a problem.",
    )
    return Table(id, _title(sums), columns, sums.assign(**shown), note, artefact="problem_cases")


def case_list(cases: pd.DataFrame, problems: pd.DataFrame, ranked: Sequence[Finding]) -> Table | NotMeasured:
    """The list of cases for the departments: a line a record, with the number that its problem has in the problem list."""
    if cases.empty:
        return evidence_table(cases, ranked)
    leads = problems.loc[problems["part_of"] == problems["check"], "check"].tolist()
    number = {check: leads.index(lead) + 1 for check, lead in zip(problems["check"], problems["part_of"], strict=True)}
    problem = {found.check: found.words.problem for found in ranked}
    sums = cases.groupby("problem", sort=False).agg(cases=("cases", "first"), listed=("problem", "size"))
    frame = cases.assign(
        no=cases["problem"].map(number), name=pd.Series(list(_names(cases["problem"], problem)), dtype=object),
    )  # fmt: skip
    columns = (
        Column("no", text("diagnosis.column.no", "No."), "count"),
        Column("name", text("diagnosis.column.problem", "Problem")),
        Column("record", text("diagnosis.cases.record", "Record"), labels=RECORDS),
        Column("record_id", text("diagnosis.cases.id", "Its id")),
        Column("customer_id", text("diagnosis.misgraded.customer", "Customer")),
        Column("happened_at", text("diagnosis.cases.when", "Of"), "date"),
        Column("cases", text("diagnosis.cases.all", "Records behind the problem"), "count"),
    )
    return Table("diagnosis.cases", _title(sums), columns, frame)


def _names(checks: pd.Series, problem: Mapping[str, Text]) -> Iterator[Text]:
    return (problem[check] for check in checks)


def _title(sums: pd.DataFrame) -> Text:
    listed, every = int(sums["listed"].sum()), int(sums["cases"].sum())
    if listed == every:
        return text("diagnosis.cases.title", "{n} {n:record|records} behind {problems} {problems:problem|problems}",
                    n=count(every), problems=count(len(sums)))  # fmt: skip
    return text("diagnosis.cases.cut", "{listed} of {n} records behind {problems} {problems:problem|problems} are listed",
                listed=count(listed), n=count(every), problems=count(len(sums)))  # fmt: skip
