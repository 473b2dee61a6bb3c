"""The units of a pilot and their outcomes, read from the canonical tables: intention to treat, missing is missing."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import Text, named, text
from workbook.period import Period
from workbook.settings.models import Metric, Pilot, Settings
from workbook.tables import Tables

_ARMS = {
    "control": text("pilots.arm.control", "Control"),
    "treatment": text("pilots.arm.treatment", "With measure"),
}


def newest_first(settings: Settings) -> list[Pilot]:
    """The pilots of the settings, the one that ends last in front."""
    return sorted(settings.pilots, key=lambda pilot: (pilot.ends, pilot.id), reverse=True)


def current(pilots: Iterable[Pilot], period: Period) -> list[Pilot]:
    """Of pilots in order, newest first, those that were out in the period; where none was, the newest."""
    ordered = list(pilots)
    return [pilot for pilot in ordered if pilot.ends >= period.start] or ordered[:1]


def arm_name(arm: str) -> Text:
    """What readers call an arm: the usual two in their language, any other by its own name."""
    return _ARMS.get(arm) or named(arm)


def read_units(tables: Tables, pilot: Pilot) -> pd.DataFrame:
    """The units assigned to *pilot*.

    Returns:
        Columns unit_id, customer_id, arm, assigned_at, exposed_at, stratum; a unit that stands in two arms has two rows.
    """
    return tables.sql(
        """select unit_id, min(customer_id) as customer_id, arm, min(assigned_at) as assigned_at,
                  min(exposed_at) as exposed_at, min(stratum) as stratum
           from assignments where pilot = $name and unit_id is not null and arm is not null
           group by unit_id, arm order by unit_id, arm""",
        name=pilot.id,
    )


def in_two_arms(units: pd.DataFrame) -> pd.Series:
    """Whether each row of :func:`read_units` is of a unit, or of a customer, that stands in more than one arm."""
    arms_of_unit = units.groupby("unit_id")["arm"].transform("nunique")
    arms_of_customer = units.groupby("customer_id")["arm"].transform("nunique").fillna(1)
    return (arms_of_unit > 1) | (arms_of_customer > 1)


def read_values(tables: Tables, pilot: Pilot, metric: Metric) -> pd.DataFrame:
    """Outcome of each unit that has one.

    With ``source: outcomes`` the delivered values are read. Anything else is an SQL expression over the canonical tables,
    worked out for each unit: ``unit.customer_id`` and ``unit.unit_id`` name the unit, ``$first_day`` and ``$last_day`` the
    pilot's days.

    Returns:
        Columns unit_id, value, pre_value (the same measure before the pilot, where delivered); one row a unit.

    Raises:
        WorkbookError: where the expression cannot be worked out, or a proportion holds something other than 0 and 1.
    """
    if metric.source == "outcomes":
        # a unit measured twice counts once, by its latest measurement
        values = tables.sql(
            """select unit_id, value, pre_value from outcomes where pilot = $name and metric = $metric and unit_id is not null
               order by unit_id, measured_at nulls first, value""",
            name=pilot.id,
            metric=metric.id,
        ).drop_duplicates("unit_id", keep="last")
    else:
        values = _by_expression(tables, pilot, metric)
    values["value"] = values["value"].astype(float)
    if metric.kind == "proportion":
        odd = values.loc[values["value"].notna() & ~values["value"].isin([0, 1]), ["unit_id", "value"]]
        if len(odd):
            unit, value = odd.iloc[0]
            raise WorkbookError(
                f"pilots.{pilot.id}.metrics.{metric.id}: unit {unit!r} has the value {value}, expected 0 or 1 for a "
                "proportion; say kind: mean, or deliver yes as 1 and no as 0"
            )
    return values.reset_index(drop=True)


def _by_expression(tables: Tables, pilot: Pilot, metric: Metric) -> pd.DataFrame:
    query = f"""
        with unit as (select unit_id, min(customer_id) as customer_id from assignments
                      where pilot = $name and unit_id is not null group by unit_id)
        select unit_id, cast(({metric.source}) as double) as value, cast(null as double) as pre_value
        from unit order by unit_id"""
    try:
        return tables.sql(query, name=pilot.id, first_day=pilot.starts, last_day=pilot.ends)
    except duckdb.Error as error:
        raise WorkbookError(
            f"pilots.{pilot.id}.metrics.{metric.id}.source: found {metric.source!r}, expected 'outcomes' or an SQL "
            "expression over the canonical tables with unit.customer_id for the customer; the database says: "
            + str(error).partition("\n")[0]
        ) from error


def money_before(tables: Tables, pilot: Pilot) -> pd.DataFrame:
    """Revenue of each customer of the pilot over the 365 days before it, for balance; columns unit_id, value."""
    return tables.sql(
        """select a.unit_id, cast(coalesce(sum(o.amount), 0) as double) as value
           from (select unit_id, min(customer_id) as customer_id from assignments
                 where pilot = $name and customer_id is not null group by unit_id) a
           left join orders o on o.customer_id = a.customer_id
                and o.ordered_at < $first_day and o.ordered_at >= cast($first_day as date) - interval 365 day
           group by a.unit_id order by a.unit_id""",
        name=pilot.id,
        first_day=pilot.starts,
    )
