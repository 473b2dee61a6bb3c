"""Who was drawn into which arm of a pilot, counted in the database: what the gates look at (row P2)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbook.pilots.units import store_units
from workbook.settings.models import Pilot
from workbook.tables import Tables


@dataclass(frozen=True)
class Drawn:
    """The units of one pilot in numbers.

    Attributes:
        arms: arm → units, or clusters where those were drawn.
        by_day: units drawn; rows days in order, columns arms.
        units: units in all; ``doubled`` those of them that stand in two arms.
        strata: units (clusters) that stand in one arm; rows strata, columns arms.
        clusters: cluster → size and arms (how many it stands in), and arms_kept where units in two arms are left out.
        unclustered: units without a cluster.
        kept: units that stand in one arm.
        dated: whether some of those were told to be assigned, and to be exposed, on a day.
        early: those exposed before they were assigned or before the pilot began.
    """

    arms: pd.Series
    by_day: pd.DataFrame
    units: int
    doubled: int
    strata: pd.DataFrame
    clusters: pd.DataFrame
    unclustered: int
    kept: int
    dated: bool
    early: int


def count_drawn(tables: Tables, pilot: Pilot) -> Drawn | None:
    """The units of a pilot in numbers; None where no unit was delivered."""
    units = store_units(tables, pilot)
    (row,) = tables.sql(
        f"""select count(*) as rows, count(*) filter (where not doubled) as kept,
                   count(distinct unit_id) filter (where doubled) as doubled,
                   count(*) filter (where cluster is null) as unclustered,
                   bool_or(not doubled and assigned_at is not null)
                       and bool_or(not doubled and exposed_at is not null) as dated,
                   count(*) filter (where not doubled and (exposed_at < assigned_at or exposed_at < $first_day)) as early
            from {units}""",
        first_day=pilot.starts,
    ).to_dict("records")
    if not row["rows"]:
        return None
    by_day = tables.sql(
        f"select assigned_at, arm, count(*) as n from {units} where assigned_at is not null group by 1, 2 order by 1, 2"
    )
    clusters = tables.sql(
        f"""select cluster, count(*) as size, count(distinct arm) as arms,
                   count(distinct arm) filter (where not doubled) as arms_kept,
                   min(arm) filter (where not doubled) as arm, min(stratum) filter (where not doubled) as stratum
            from {units} where cluster is not null group by cluster order by cluster"""
    ).set_index("cluster")
    if pilot.unit == "cluster":
        arms = tables.sql(f"select arm, count(distinct cluster) as n from {units} group by arm order by arm")
        known = clusters.dropna(subset=["stratum"])
        strata = pd.crosstab(known["stratum"], known["arm"])
    else:
        arms = tables.sql(f"select arm, count(*) as n from {units} group by arm order by arm")
        cells = tables.sql(
            f"""select stratum, arm, count(*) as n from {units} where stratum is not null and not doubled
                group by 1, 2 order by 1, 2"""
        )
        strata = cells.pivot_table(index="stratum", columns="arm", values="n", aggfunc="sum", fill_value=0)
    return Drawn(
        arms.set_index("arm")["n"],
        by_day.pivot_table(index="assigned_at", columns="arm", values="n", aggfunc="sum", fill_value=0),
        int(row["kept"] + row["doubled"]),
        int(row["doubled"]),
        strata,
        clusters[["size", "arms", "arms_kept"]],
        int(row["unclustered"]),
        int(row["kept"]),
        bool(row["dated"]),
        int(row["early"]),
    )
