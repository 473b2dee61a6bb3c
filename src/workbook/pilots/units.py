"""The units of a pilot and their outcomes, read from the canonical tables: intention to treat, missing is missing."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import numpy as np
import pandas as pd

from workbook.errors import WorkbookError
from workbook.language import Text, named, text
from workbook.period import Period
from workbook.pilots.query import Query
from workbook.settings.models import Pilot, Settings
from workbook.tables import Tables

_ARMS = {
    "control": text("pilots.arm.control", "Control"),
    "treatment": text("pilots.arm.treatment", "With measure"),
}

_PURPOSES = {
    "marketing": text("pilots.purpose.marketing", "Marketing"),
    "research": text("pilots.purpose.research", "Research"),
    "service": text("pilots.purpose.service", "Service"),
}

MOST_IN_FRAME = 1_000_000
"""Units of a pilot that are read into memory; of more, the database makes counts and moments."""


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


def purpose_name(purpose: str) -> Text:
    """What readers call a purpose of consent: the usual ones in their language, any other by its own name."""
    return _PURPOSES.get(purpose) or named(purpose)


def read_units(tables: Tables, pilot: Pilot) -> pd.DataFrame:
    """The units assigned to *pilot*.

    Returns:
        Columns unit_id, customer_id, arm, assigned_at, exposed_at, stratum, cluster; a unit that stands in two arms has two
        rows. Where clusters were drawn and neither they nor customers are named, the units are the clusters.
    """
    query = _units_query(tables, pilot)
    return tables.sql(f"{query.sql} order by unit_id, arm", **query.given)


def _units_query(tables: Tables, pilot: Pilot) -> Query:
    plain = """select unit_id, min(customer_id) as customer_id, arm, min(assigned_at) as assigned_at,
                      min(exposed_at) as exposed_at, min(stratum) as stratum, min(cluster) as cluster
               from assignments where pilot = $name and unit_id is not null and arm is not null group by unit_id, arm"""
    if pilot.unit == "cluster":
        plain = f"""select * replace (case when (select count(cluster) + count(customer_id) from assignments
                                                 where pilot = $name and unit_id is not null and arm is not null) = 0
                                           then unit_id else cluster end as cluster) from ({plain})"""
    return Query(plain, {"name": pilot.id})


def is_large(tables: Tables, pilot: Pilot) -> bool:
    """Whether the units of a pilot stay in the database: more than :data:`MOST_IN_FRAME` rows of its assignment.

    Everything is then worked out from counts and moments that the database makes, to the same figures.
    """
    if tables.rows("assignments") <= MOST_IN_FRAME:
        return False
    return (
        int(tables.sql("select count(*) as n from assignments where pilot = $name", name=pilot.id)["n"].iloc[0]) > MOST_IN_FRAME
    )


def store_units(tables: Tables, pilot: Pilot) -> str:
    """The units of :func:`read_units` in a table of the database, with ``doubled`` (of :func:`in_two_arms`).

    Returns:
        Name of the table.
    """
    query = _units_query(tables, pilot)
    return tables.keep(
        f"""with units as materialized ({query.sql}),
                 twice as (select unit_id from units group by unit_id having min(arm) <> max(arm)),
                 customers as (select customer_id from units where customer_id is not null
                               group by customer_id having min(arm) <> max(arm))
            select *, unit_id in (select unit_id from twice)
                      or (customer_id is not null and customer_id in (select customer_id from customers)) as doubled
            from units""",
        **query.given,
    )


def in_two_arms(units: pd.DataFrame) -> pd.Series:
    """Whether each row of :func:`read_units` is of a unit, or of a customer, that stands in more than one arm."""
    arms_of_unit = units.groupby("unit_id")["arm"].transform("nunique")
    arms_of_customer = units.groupby("customer_id")["arm"].transform("nunique").fillna(1)
    return (arms_of_unit > 1) | (arms_of_customer > 1)


def read_summaries(tables: Tables, pilot: Pilot) -> pd.DataFrame:
    """What was delivered of a pilot as summaries, up to the analysis date.

    Returns:
        Columns arm, metric, looked_at (a date; the pilot's last day where none was delivered), n, mean, variance (n − 1 below,
        missing where neither it nor successes were delivered), successes, covariance (with the denominator of a ratio, n − 1
        below); sorted. Where each row tells of its own days alone
        (``summaries: daily``), those up to the newest day are put together, and there is one look.
    """
    rows = tables.sql(
        """select arm, metric, coalesce(looked_at, least($last_day, cast($end as date))) as looked_at, n,
                  coalesce(mean, successes / nullif(n, 0)) as mean,
                  case when variance >= 0 then variance
                       when successes between 0 and n then successes * (1 - successes / n) / nullif(n - 1, 0) end as variance,
                  cast(successes as double) as successes, covariance
           from pilot_summaries
           where pilot = $name and n > 0 and arm is not null and (looked_at is null or looked_at <= $end)
           order by looked_at, metric, arm, n""",
        name=pilot.id,
        last_day=pilot.extended_to or pilot.ends,
    ).assign(looked_at=lambda frame: pd.to_datetime(frame["looked_at"]).dt.date)
    for metric in pilot.metrics:
        if metric.scale != 1:
            mine = rows["metric"] == metric.id
            rows.loc[mine, ["mean", "variance", "covariance"]] *= [metric.scale, metric.scale**2, metric.scale]
    return rows if pilot.summaries == "to_date" else _together(rows)


def _together(rows: pd.DataFrame) -> pd.DataFrame:
    """Summaries of parts as one of the whole, by arm and metric: moments of disjoint groups add up around the common mean."""
    n = rows["n"].astype(float)
    weighed = rows.assign(
        total=n * rows["mean"], inner=rows["variance"].where(n > 1, 0.0) * (n - 1), looked_at=rows["looked_at"].max()
    )
    groups = weighed.groupby(["arm", "metric"], sort=True)
    found = groups.agg(looked_at=("looked_at", "max"), n=("n", "sum"), total=("total", lambda x: x.sum(skipna=False)),
                       inner=("inner", lambda x: x.sum(skipna=False)),
                       successes=("successes", lambda x: x.sum(skipna=False))).reset_index()  # fmt: skip
    found["mean"] = found["total"] / found["n"]
    away = weighed.merge(found[["arm", "metric", "mean"]], on=["arm", "metric"], suffixes=("", "_whole"))
    outer = (away["n"] * (away["mean"] - away["mean_whole"]) ** 2).groupby([away["arm"], away["metric"]]).sum()
    between = pd.Series([outer[key] for key in zip(found["arm"], found["metric"], strict=True)], dtype="float64")
    found["variance"] = ((found["inner"] + between) / (found["n"] - 1)).where(found["n"] > 1)
    found["covariance"] = np.nan  # of parts of the whole it is not told how their means went together
    columns = ["arm", "metric", "looked_at", "n", "mean", "variance", "successes", "covariance"]
    return found[columns].sort_values(["looked_at", "metric", "arm"], kind="stable").reset_index(drop=True)


def with_scores(profile: pd.DataFrame, scores: object) -> pd.DataFrame:
    """The profile with score and tier of the grading, the client's own tier then being ``client_tier``.

    Args:
        scores: the artefact ``scores``; anything but a frame leaves the profile as it is.
    """
    if not isinstance(scores, pd.DataFrame):
        return profile
    graded = scores[["customer_id", *[c for c in ("score", "tier") if c in scores.columns]]]
    return profile.rename(columns={"tier": "client_tier"}).merge(graded, on="customer_id", how="left")


def meeting(people: pd.DataFrame, condition: str | None, key: str) -> pd.Series:
    """The ids of the customers of the profile who meet an SQL condition over its columns; all where there is none.

    Raises:
        WorkbookError: where the condition, which stands under *key* of the settings, cannot be worked out.
    """
    if condition is None:
        return people["customer_id"]
    # conditions come from a settings file: they see the customers and nothing else
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.register("people", people)
        try:
            return connection.execute(f"select customer_id from people where ({condition}\n)").df()["customer_id"]
        except duckdb.Error as error:
            raise WorkbookError(
                f"{key}: found {condition!r}, expected an SQL condition over the columns of the profile "
                f"({', '.join(people.columns)}); the database says: {str(error).partition(chr(10))[0]}"
            ) from error


def granting(consents: pd.DataFrame | None, purpose: str) -> pd.Series:
    """The ids of the customers who have granted a purpose; none where no consents were delivered.

    Args:
        consents: columns customer_id, purpose, standing.
    """
    if consents is None:
        return pd.Series([], dtype="str")
    return consents.loc[(consents["purpose"] == purpose) & (consents["standing"] == "granted"), "customer_id"]


def money_before(pilot: Pilot) -> Query:
    """Revenue of each customer of the pilot over the 365 days before it, for balance; columns unit_id, value."""
    return Query(
        """select a.unit_id, cast(coalesce(sum(o.amount), 0) as double) as value
           from (select unit_id, min(customer_id) as customer_id from assignments
                 where pilot = $name and customer_id is not null group by unit_id) a
           left join orders o on o.customer_id = a.customer_id
                and o.ordered_at < $first_day and o.ordered_at >= cast($first_day as date) - interval 365 day
           group by a.unit_id order by a.unit_id""",
        {"name": pilot.id, "first_day": pilot.starts},
    )
