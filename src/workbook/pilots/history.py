"""Outcomes that the client measured again and again: what was measured before a pilot is its history (rows P3, P5)."""

from __future__ import annotations

import pandas as pd

from workbook.settings.models import Pilot
from workbook.tables import Tables


def read_history(tables: Tables, pilot: Pilot, metric: str, most: int) -> pd.DataFrame:
    """Delivered outcomes of each unit, stretch by stretch.

    A stretch holds as many days of measurement as the pilot itself, counted back from its first day; whole stretches only,
    unless there is none: then what there is makes one.

    Args:
        metric: id of the delivered outcome.
        most: stretches before the pilot that are read.

    Returns:
        Columns unit_id, back (0 while the pilot ran, 1, 2 … before it), value (mean of what was measured); sorted. Without a
        day of measurement before the pilot there is no row.
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
        return pd.DataFrame({"unit_id": pd.Series(dtype="str"), "back": pd.Series(dtype="int64"), "value": []})
    return tables.sql(
        """select unit_id, case when measured_at is null or measured_at >= $first_day then 0
                                else (list_position($days, measured_at) - 1) // $length + 1 end as back, avg(value) as value
           from outcomes where pilot = $name and metric = $metric and unit_id is not null and value is not null
                and (measured_at is null or measured_at >= $first_day or list_contains($days, measured_at))
           group by 1, 2 order by 1, 2""",
        name=pilot.id,
        metric=metric,
        first_day=pilot.starts,
        days=[pd.Timestamp(day).date() for day in early],
        length=length,
    )
