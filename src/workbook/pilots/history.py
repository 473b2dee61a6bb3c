"""Outcomes that the client measured again and again: what was measured before a pilot is its history (rows P3, P5)."""

from __future__ import annotations

import pandas as pd

from workbook.pilots.query import Query
from workbook.settings.models import Pilot
from workbook.tables import Tables


def read_history(tables: Tables, pilot: Pilot, metric: str, most: int) -> pd.DataFrame:
    """Delivered outcomes of each unit, stretch by stretch; see :func:`history_query`, sorted.

    Returns:
        Without a day of measurement before the pilot there is no row.
    """
    query = history_query(tables, pilot, metric, most, "metric")
    if query is None:
        return pd.DataFrame({"unit_id": pd.Series(dtype="str"), "back": pd.Series(dtype="int64"), "value": []})
    values = {f"metric_{name}": value for name, value in query.given.items()}
    return tables.sql(f"{query.sql} order by 1, 2", name=pilot.id, metric=metric, first_day=pilot.starts, **values)


def history_query(tables: Tables, pilot: Pilot, metric: str, most: int, parameter: str) -> Query | None:
    """Delivered outcomes of each unit, stretch by stretch, as SQL.

    A stretch holds as many days of measurement as the pilot itself, counted back from its first day; whole stretches only,
    unless there is none: then what there is makes one.

    Args:
        metric: id of the delivered outcome.
        parameter: ``$<parameter>`` stands for it in the query, and ``$<parameter>_<name>`` for whatever else is given.
        most: stretches before the pilot that are read.

    Returns:
        Columns unit_id, back (0 while the pilot ran, 1, 2 … before it), value (mean of what was measured). None without a day
        of measurement before the pilot.
    """
    days = tables.sql(
        """select distinct measured_at as day, measured_at < $first_day as early from outcomes
           where pilot = $name and metric = $metric and measured_at is not null and value is not null
                 and measured_at <= least($last_day, cast($end as date)) order by day desc""",
        name=pilot.id,
        metric=metric,
        first_day=pilot.starts,
        last_day=pilot.extended_to or pilot.ends,
    )
    early = days.loc[days["early"], "day"].tolist()
    length = max(len(days) - len(early), 1)
    whole = max(len(early) // length, 1) * length
    early = early[: min(whole, most * length)]
    if not early:
        return None
    return Query(
        f"""select unit_id, case when measured_at is null or measured_at >= $first_day then 0
                                else (list_position(${parameter}_days, measured_at) - 1) // ${parameter}_length + 1 end as back,
                   avg(value) as value
           from outcomes where pilot = $name and metric = ${parameter} and unit_id is not null and value is not null
                and (measured_at is null or measured_at >= $first_day or list_contains(${parameter}_days, measured_at))
           group by 1, 2""",
        {"days": [pd.Timestamp(day).date() for day in early], "length": length},
    )
