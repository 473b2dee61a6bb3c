"""What the units of a pilot did: one SQL query a metric, read into a frame or kept in the database (rows P2, P3)."""

from __future__ import annotations

import duckdb
import pandas as pd

from workbook.errors import WorkbookError
from workbook.pilots.history import history_query
from workbook.pilots.query import Query
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

LARGEST = 1e100
"""No outcome is larger: squares of larger ones do not fit into a number, and nothing that a client measures comes near."""


def read_values(tables: Tables, pilot: Pilot, metric: Metric) -> pd.DataFrame:
    """Outcome of each unit that has one; see :func:`values_query` for the columns.

    Raises:
        WorkbookError: where an expression cannot be worked out, or a value is infinite or beyond :data:`LARGEST`.
    """
    query = values_query(tables, pilot, metric)
    try:
        found = tables.sql(f"{query.sql} order by unit_id", **query.given)
    except duckdb.Error as error:
        raise _refused(tables, pilot, metric, error) from error
    numbers = numbers_of(metric)
    found[numbers] = found[numbers].astype(float)
    if (found[numbers].abs() > LARGEST).any(axis=None):
        raise _beyond(tables, pilot, metric, query)
    return found


def store_values(tables: Tables, pilot: Pilot, metric: Metric, units: str) -> str:
    """The outcomes beside their units in a table of the database, for pilots that are too large for a frame.

    Args:
        units: relation of the units that count, with unit_id, arm, stratum, cluster and exposed_at.

    Returns:
        Name of a temporary table with arm, stratum, cluster, reached, place (a hash of the unit, to draw some of them by) and
        the columns of :func:`values_query` but the unit.

    Raises:
        WorkbookError: as :func:`read_values`.
    """
    query = values_query(tables, pilot, metric)
    whole = f"""select u.arm, u.stratum, u.cluster, u.exposed_at is not null as reached, hash(u.unit_id) as place,
                       v.* exclude (unit_id)
                from {units} u left join ({query.sql}) v using (unit_id)"""
    try:
        stored = tables.keep(whole, **query.given)
    except duckdb.Error as error:
        raise _refused(tables, pilot, metric, error) from error
    largest = ", ".join(f"max(abs({name}))" for name in numbers_of(metric))
    (row,) = tables.connection.execute(f"select greatest({largest}, 0) from {stored}").fetchall()
    if row[0] is not None and row[0] > LARGEST:
        raise _beyond(tables, pilot, metric, query)
    return stored


def numbers_of(metric: Metric) -> list[str]:
    """The columns of numbers that :func:`values_query` has for a metric."""
    below = ["denominator"] if metric.denominator is not None else []
    return ["value", "pre_value", *below, *(f"known_{place}" for place in range(len(metric.covariates)))]


def values_query(tables: Tables, pilot: Pilot, metric: Metric) -> Query:
    """Outcome of each unit that has one, as SQL.

    With ``source: outcomes`` the delivered values are read. Anything else is an SQL expression over the canonical tables,
    worked out for each unit: ``unit.customer_id`` and ``unit.unit_id`` name the unit, ``$first_day`` and ``$last_day`` the
    pilot's days. The metric's covariates are such expressions too.

    Returns:
        Columns unit_id, value, pre_value (the same measure before the pilot, where delivered), undefined (whether the value is
        missing because the expression divides zero by zero), odd (of a proportion: whether it is missing because it was neither
        0 nor 1), denominator (of a ratio), and known_0, known_1 … for each covariate; one row a unit.
    """
    values: dict[str, object] = {
        "name": pilot.id, "first_day": pilot.starts, "last_day": pilot.extended_to or pilot.ends, "metric": metric.id,
        "scale": metric.scale,
    }  # fmt: skip
    if metric.source == "outcomes":
        main = _delivered(tables, pilot, metric.id, metric.repeats, "metric", values)
        columns = "unit_id, value * $scale as value, pre_value * $scale as pre_value, false as undefined"
    else:
        main = _expression(metric.source)
        columns = "unit_id, value, cast(null as double) as pre_value, undefined"
    joins, more, known = "", "", "true"
    if metric.denominator is not None:
        values["below"] = metric.denominator
        below = _delivered(tables, pilot, metric.denominator, metric.repeats, "below", values)
        joins += f" left join (select unit_id, value as denominator from ({below})) below using (unit_id)"
        # a ratio of sums needs both of a unit; half of one is as good as none
        more, known = ", denominator", "denominator is not null"
    for place, expression in enumerate(metric.covariates):
        joins += (
            f" left join (select unit_id, value as known_{place} from ({_expression(expression)})) k{place} using (unit_id)"
        )
        more += f", known_{place}"
    odd = "value is not null and value not in (0, 1)" if metric.kind == "proportion" else "false"
    return Query(
        f"""select unit_id, case when not ({odd}) and {known} then value end as value, pre_value, undefined,
                   coalesce({odd} and {known}, false) as odd{more}
            from (select {columns} from ({main})) main{joins}""",
        values,
    )


def _delivered(tables: Tables, pilot: Pilot, name: str, repeats: str, parameter: str, values: dict[str, object]) -> str:
    """The delivered outcomes called *name*, one row a unit: unit_id, value, pre_value.

    A unit measured several times counts by its latest measurement, or by the mean of all where the card says so. What was
    measured before the first day of a unit that was measured later too is its history: where no value before the pilot was
    delivered, the stretch just before it stands there.
    """
    plain = f"""select unit_id, nullif(value, 'nan'::double) as value, nullif(pre_value, 'nan'::double) as pre_value,
                       measured_at, coalesce(measured_at < $first_day, false) as early
                from outcomes where pilot = $name and metric = ${parameter} and unit_id is not null"""
    history = history_query(tables, pilot, name, 1, parameter)
    counted = plain
    if history is not None or _any(tables, pilot, name, "and measured_at < $first_day"):
        counted = f"""select * from ({plain})
                      qualify not early or bool_and(early) over (partition by unit_id)"""
    if not _any(tables, pilot, name, "group by unit_id having count(*) > 1"):
        one = f"select unit_id, value, pre_value from ({counted})"
    elif repeats == "mean":
        one = f"select unit_id, avg(value) as value, avg(pre_value) as pre_value from ({counted}) group by unit_id"
    else:
        # of several on one day the largest counts, and a missing one before any
        one = f"""select distinct on (unit_id) unit_id, value, pre_value from ({counted})
                  order by unit_id, measured_at desc nulls last, value desc nulls first"""
    if history is None:
        return one
    for key, value in history.given.items():
        values[f"{parameter}_{key}"] = value
    return f"""with stretch as ({history.sql})
               select unit_id, value, coalesce(pre_value, known) as pre_value from ({one})
               left join (select unit_id, min(value) filter (where back = 1) as known from stretch
                          group by unit_id having count(*) filter (where back = 0) > 0) using (unit_id)"""


def _any(tables: Tables, pilot: Pilot, name: str, rest: str) -> bool:
    """Whether there is a delivered outcome called *name* of which the rest of a query is true."""
    found = tables.sql(
        f"select 1 from outcomes where pilot = $name and metric = $metric and unit_id is not null {rest} limit 1",
        name=pilot.id,
        metric=name,
        first_day=pilot.starts,
    )
    return len(found) > 0


def _expression(expression: str) -> str:
    """An expression worked out for each unit: unit_id, value, undefined."""
    return f"""with unit as (select unit_id, min(customer_id) as customer_id from assignments
                             where pilot = $name and unit_id is not null group by unit_id)
               select unit_id, nullif(value, 'nan'::double) as value, coalesce(isnan(value), false) as undefined
               from (select unit_id, cast(({expression}) as double) as value from unit)"""


def _expressions(pilot: Pilot, metric: Metric) -> list[tuple[str, str]]:
    """Key in the settings and words of each expression of a metric."""
    key = f"pilots.{pilot.id}.metrics.{metric.id}"
    own = [] if metric.source == "outcomes" else [(f"{key}.source", metric.source)]
    return [*own, *((f"{key}.covariates", expression) for expression in metric.covariates)]


def _refused(tables: Tables, pilot: Pilot, metric: Metric, error: duckdb.Error) -> WorkbookError | duckdb.Error:
    """The error of the first expression that the database refuses; what it said where none is at fault."""
    given = {"name": pilot.id, "first_day": pilot.starts, "last_day": pilot.extended_to or pilot.ends}
    for key, expression in _expressions(pilot, metric):
        try:
            tables.sql(f"select count(value) from ({_expression(expression)})", **given)
        except duckdb.Error as found:
            return WorkbookError(
                f"{key}: found {expression!r}, expected 'outcomes' or an SQL expression over the canonical tables with "
                f"unit.customer_id for the customer; the database says: {str(found).partition(chr(10))[0]}"
            )
    return error


def _beyond(tables: Tables, pilot: Pilot, metric: Metric, query: Query) -> WorkbookError:
    """The first unit with a number that cannot be measured, and where it comes from."""
    given = {"name": pilot.id, "first_day": pilot.starts, "last_day": pilot.extended_to or pilot.ends}
    for key, expression in _expressions(pilot, metric):
        found = tables.sql(
            f"select unit_id, value from ({_expression(expression)}) where abs(value) > {LARGEST} order by unit_id limit 1",
            **given,
        )
        if len(found):
            unit, value = found.iloc[0]
            # the database divides by zero without an error; one infinite value would decide the whole pilot
            return WorkbookError(
                f"{key}: unit {unit!r} has the value {value} by {expression!r}, expected a finite number up to {LARGEST:g}; "
                "put nullif(…, 0) under a division, so that the unit counts as missing"
            )
    for column, scale in (("value", metric.scale), ("pre_value", metric.scale), ("denominator", 1.0)):
        if column not in numbers_of(metric):
            continue
        found = tables.sql(
            f"select unit_id, {column} as number from ({query.sql}) where abs({column}) > {LARGEST} order by unit_id limit 1",
            **query.given,
        )
        if len(found):
            unit, value = found.iloc[0]
            name = metric.denominator if column == "denominator" else metric.id
            return WorkbookError(
                f"outcomes.{'pre_value' if column == 'pre_value' else 'value'}: pilot {pilot.id!r}, metric {name!r}, unit "
                f"{unit!r} has the value {value / scale:g}, expected a number of a size that can be measured (at most "
                f"{LARGEST:g}); correct the file, or leave the cell empty where nothing was measured"
            )
    raise ValueError(f"{pilot.id}: no value of {metric.id} is beyond {LARGEST:g}")
