"""Checks of the consultant's own, written in the engagement's settings (X6): a query, a limit, and words."""

from __future__ import annotations

import duckdb
import pandas as pd

from workbook.diagnosis.catalogue import own_id
from workbook.diagnosis.finding import RECORD_IDS, Cases, Context, Measured, Words, not_delivered, share_finding
from workbook.errors import WorkbookError
from workbook.language import named
from workbook.settings.models import OwnCheck, Settings
from workbook.tables import Tables


def own_checks(tables: Tables, profile: pd.DataFrame, settings: Settings) -> list[Measured]:
    """The checks of diagnosis.checks, each a share of the cases that its query gives.

    Raises:
        WorkbookError: where a query cannot be run, or gives no columns customer_id and hit.
    """
    context = Context.of(profile, settings.analysis.confidence)
    return [_measured(check, tables, context) for check in settings.diagnosis.checks]


def _measured(check: OwnCheck, tables: Tables, context: Context) -> Measured:
    words = Words(named(check.measure), named(check.problem), named(check.cause))
    if missing := tables.lacks(*check.needs):
        return not_delivered(own_id(check), words.measure, missing)
    query = f"select * from ({check.sql.strip().rstrip(';')}) as cases"
    where = f"diagnosis.checks.{check.id}.sql"
    try:
        rows = tables.sql(query)
    except duckdb.Error as fault:
        first = str(fault).splitlines()[0]
        raise WorkbookError(f"{where}: {first}; expected one query over the tables of `workbook explain tables`") from None
    if lacking := {"customer_id", "hit"} - set(rows.columns):
        raise WorkbookError(f"{where}: the query gives no column {' and no '.join(sorted(lacking))}; name one so with `as`")
    known = rows["hit"].notna()
    unjudged, rows = int((~known).sum()), rows[known]
    hit = rows["hit"].astype(bool)
    bad = hit if check.direction == "above" else ~hit
    return share_finding(
        own_id(check), check.module, words, hits=int(hit.sum()), n=len(rows), threshold=check.limit,
        direction=check.direction, touched=rows.loc[bad, "customer_id"], context=context,
        cases=_cases(check, query, list(rows.columns)), unjudged=unjudged,
    )  # fmt: skip


def _cases(check: OwnCheck, query: str, columns: list[str]) -> Cases | None:
    """The bad cases, where the query names the record of each by one of the columns ``RECORD_IDS``."""
    named_by = next((column for column in RECORD_IDS if column in columns), None)
    if named_by is None:
        return None
    bad = "cast(hit as boolean)"
    when = "happened_at" if "happened_at" in columns else "null"
    sql = (
        f"select cast({named_by} as varchar) as record_id, cast(customer_id as varchar) as customer_id, "
        f"{when} as happened_at from ({query}) as own where {bad if check.direction == 'above' else f'not {bad}'}"
    )
    return Cases(RECORD_IDS[named_by], sql)
