"""One metric of a pilot's units as effects need it, in a frame or in the database: the same figures either way (row P3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbook.pilots.clusters import cluster_values
from workbook.pilots.moments import Moments, joint_moments_in_database, moments_in_database, moments_of
from workbook.pilots.outcomes import numbers_of, read_values, store_values
from workbook.pilots.query import Query
from workbook.pilots.units import in_two_arms, is_large, read_units, store_units
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Variable:
    """A column of numbers: missing ones filled with ``fill``, larger ones cut to ``cap``; ``mark``: 1 where it is missing."""

    name: str
    fill: float | None = None
    cap: float | None = None
    mark: bool = False


VALUE = Variable("value")


class Sample(Protocol):
    """One metric of the units of a pilot that count; all but :meth:`tally` speak of units with a value."""

    @property
    def before(self) -> Sequence[str]:
        """The columns of numbers known before, any of them with a number."""

    def tally(self) -> pd.DataFrame:
        """Arm → units, missing, undefined, odd (numbers of units)."""

    def moments(self, arm: str, *variables: Variable) -> Moments:
        """Moments of variables over the units of an arm."""

    def level(self, name: str, arms: Sequence[str]) -> tuple[int, int, float]:
        """Units with a number in a column, units without, and the mean of the numbers; over some arms together."""

    def ordered(self, arm: str, places: NDArray[np.int_]) -> Floats:
        """Values of an arm at some places (from 1) in ascending order."""

    def top(self, arms: Sequence[str], part: float) -> tuple[float, float, float] | None:
        """Over some arms together: that quantile of the values that are not zero, smallest and largest value; None without."""

    def strata(self, arms: Sequence[str]) -> pd.DataFrame:
        """Columns arm, stratum (missing where none was told), count, mean, var; sorted."""

    def within(self, stratum: str) -> Sample:
        """The units of one stratum."""

    def reached(self, arm: str) -> Sample:
        """The same with only those units of an arm that met the measure."""

    def capped(self, cap: float) -> Sample:
        """The same with larger values cut to *cap*."""

    def clusters(self) -> FrameSample:
        """The units of each cluster put together, one row a cluster; without a stratum where its units stand in several."""

    def lost_by_cluster(self) -> pd.DataFrame:
        """Columns cluster, arm, value: share of the cluster's units without a value."""

    def earlier(self) -> Sample:
        """The same with what the metric was before the pilot as the value."""

    def days(self) -> pd.DataFrame | None:
        """Columns arm, value, in order of days, where each unit is a day of its own; None where it is not."""

    def some(self, arms: Sequence[str], most: int, *names: str) -> pd.DataFrame:
        """Unit (or cluster) → value and *names* of some arms together, by ascending value; of those in the database about
        *most*, picked by a hash of the unit, which then names it."""


@dataclass(frozen=True)
class FrameSample:
    """A sample in a frame.

    Attributes:
        frame: columns arm, stratum, cluster, assigned_at, exposed_at, value, pre_value, undefined, odd, denominator (of a
            ratio) and known_*; one row a unit.
    """

    frame: pd.DataFrame

    @property
    def before(self) -> Sequence[str]:
        columns = [c for c in self.frame.columns if c == "pre_value" or c.startswith("known_")]
        return [c for c in columns if self.frame[c].notna().any()]

    def tally(self) -> pd.DataFrame:
        frame = self.frame
        flags = {name: frame[name].fillna(False).astype(bool) for name in ("undefined", "odd")}
        counts = pd.DataFrame({"arm": frame["arm"], "units": 1, "missing": frame["value"].isna(), **flags})
        return counts.groupby("arm", sort=True).sum()

    def moments(self, arm: str, *variables: Variable) -> Moments:
        rows = self._known([arm])
        return moments_of(np.column_stack([_column(rows, variable) for variable in variables]))

    def level(self, name: str, arms: Sequence[str]) -> tuple[int, int, float]:
        numbers = self._known(arms)[name].to_numpy(float)
        told = numbers[~np.isnan(numbers)]
        return len(told), len(numbers) - len(told), float(told.mean()) if len(told) else np.nan

    def ordered(self, arm: str, places: NDArray[np.int_]) -> Floats:
        return np.asarray(np.sort(self._known([arm])["value"].to_numpy(float))[places - 1])

    def top(self, arms: Sequence[str], part: float) -> tuple[float, float, float] | None:
        values = self._known(arms)["value"].to_numpy(float)
        told = values[values != 0]
        return (float(np.quantile(told, part)), float(values.min()), float(values.max())) if len(told) else None

    def strata(self, arms: Sequence[str]) -> pd.DataFrame:
        groups = self._known(arms).groupby(["arm", "stratum"], sort=True, dropna=False)["value"]
        return groups.agg(["count", "mean", "var"]).reset_index()

    def within(self, stratum: str) -> FrameSample:
        return FrameSample(self.frame[self.frame["stratum"] == stratum])

    def reached(self, arm: str) -> FrameSample:
        return FrameSample(self.frame[(self.frame["arm"] != arm) | self.frame["exposed_at"].notna()])

    def capped(self, cap: float) -> FrameSample:
        return FrameSample(self.frame.assign(value=self.frame["value"].clip(upper=cap)))

    def clusters(self) -> FrameSample:
        return FrameSample(cluster_values(self.frame))

    def lost_by_cluster(self) -> pd.DataFrame:
        lost = self.frame.assign(value=self.frame["value"].isna().astype(float))
        return lost.groupby(["cluster", "arm"], sort=True)["value"].mean().reset_index()

    def earlier(self) -> FrameSample:
        return FrameSample(self.frame.assign(value=self.frame["pre_value"]))

    def days(self) -> pd.DataFrame | None:
        known = self.frame[self.frame["value"].notna() & self.frame["assigned_at"].notna()]
        if known["assigned_at"].duplicated().any():
            return None
        return known.sort_values("assigned_at", kind="stable")[["arm", "value"]]

    def some(self, arms: Sequence[str], most: int, *names: str) -> pd.DataFrame:
        rows = self._known(arms).sort_values("value", kind="stable")
        unit = next((name for name in ("unit_id", "cluster") if name in rows.columns), None)
        return (rows if unit is None else rows.set_index(unit))[["value", *names]].astype(float)

    def _known(self, arms: Sequence[str]) -> pd.DataFrame:
        return self.frame[self.frame["value"].notna() & self.frame["arm"].isin(list(arms))]


@dataclass(frozen=True)
class StoredSample:
    """A sample in a table of the database.

    Attributes:
        tables: whose database it is.
        relation: the table, of :func:`~workbook.pilots.outcomes.store_values`.
        numbers: its columns of numbers.
        where: SQL condition on the rows that belong to the sample.
    """

    tables: Tables
    relation: str
    numbers: tuple[str, ...]
    where: str = "true"
    _moments: dict[tuple[str, ...], dict[str, Moments]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def before(self) -> Sequence[str]:
        names = [name for name in self.numbers if name == "pre_value" or name.startswith("known_")]
        (row,) = self._rows(f"select {', '.join(f'count({name})' for name in names)} from {self._all}")
        return [name for name, told in zip(names, row, strict=True) if told]

    def tally(self) -> pd.DataFrame:
        return self.tables.sql(
            f"""select arm, count(*) as units, count(*) - count(value) as missing,
                       count(*) filter (where undefined) as undefined, count(*) filter (where odd) as odd
                from {self._all} group by arm order by arm"""
        ).set_index("arm")

    def moments(self, arm: str, *variables: Variable) -> Moments:
        words = tuple(_expression(variable) for variable in variables)
        if words not in self._moments:
            connection, rows = (
                self.tables.connection,
                f"(select * from {self.relation} where {self.where} and value is not null)",
            )
            if len(words) == 1:
                alone = moments_in_database(connection, rows, "arm", {"x": words[0]})
                self._moments[words] = {name: found for (name, _), found in alone.items()}
            else:
                self._moments[words] = joint_moments_in_database(connection, rows, "arm", words)
        return self._moments[words].get(arm, moments_of(np.empty((0, len(words)))))

    def level(self, name: str, arms: Sequence[str]) -> tuple[int, int, float]:
        ((told, every, mean),) = self._rows(f"select count({name}), count(*), favg({name}) from {self._known(arms)}")
        return int(told), int(every - told), float(mean) if told else np.nan

    def ordered(self, arm: str, places: NDArray[np.int_]) -> Floats:
        ((n,),) = self._rows(f"select count(*) from {self._known([arm])}")
        wanted, back = np.unique(places, return_inverse=True)
        # a little below the place, so that rounding cannot lead to the next one
        parts = [(place - 0.5) / n for place in wanted.tolist()]
        ((values,),) = self._rows(f"select quantile_disc(value, {parts}) from {self._known([arm])}")
        return np.array(values, dtype=float)[back]

    def top(self, arms: Sequence[str], part: float) -> tuple[float, float, float] | None:
        ((cap, low, high),) = self._rows(
            f"select quantile_cont(value, {part}) filter (where value <> 0), min(value), max(value) from {self._known(arms)}"
        )
        return None if cap is None else (float(cap), float(low), float(high))

    def strata(self, arms: Sequence[str]) -> pd.DataFrame:
        return self.tables.sql(
            f"""select arm, stratum, count(*) as count, favg(value) as mean, var_samp(value) as var
                from {self._known(arms)} group by arm, stratum order by arm, stratum"""
        )

    def within(self, stratum: str) -> StoredSample:
        return replace(self, _moments={}, where=f"{self.where} and stratum = {_quoted(stratum)}")

    def reached(self, arm: str) -> StoredSample:
        return replace(self, _moments={}, where=f"{self.where} and (arm <> {_quoted(arm)} or reached)")

    def capped(self, cap: float) -> StoredSample:
        values = f"(select * replace (case when value > {cap!r} then {cap!r} else value end as value) from {self.relation})"
        return replace(self, _moments={}, relation=values)

    def clusters(self) -> FrameSample:
        means = ", ".join(f"favg({name}) as {name}" for name in self.numbers)
        found = self.tables.sql(
            f"""select cluster, min(arm) as arm, case when count(distinct stratum) = 1 then min(stratum) end as stratum, {means}
                from {self._all}
                where value is not null and cluster is not null group by cluster order by cluster"""
        )
        return FrameSample(found)

    def lost_by_cluster(self) -> pd.DataFrame:
        return self.tables.sql(
            f"""select cluster, arm, 1 - count(value) / count(*) as value from {self._all}
                where cluster is not null group by cluster, arm order by cluster, arm"""
        )

    def earlier(self) -> StoredSample:
        return replace(self, _moments={}, relation=f"(select * replace (pre_value as value) from {self.relation})")

    def days(self) -> pd.DataFrame | None:
        return None  # there are more units than days

    def some(self, arms: Sequence[str], most: int, *names: str) -> pd.DataFrame:
        ((n,),) = self._rows(f"select count(*) from {self._known(arms)}")
        every = max(1, n // most)
        columns = ", ".join(["place", "value", *names])
        picked = self.tables.sql(f"select {columns} from {self._known(arms)} and place % {every} = 0 order by value, place")
        return picked.set_index("place").astype(float)

    @property
    def _all(self) -> str:
        return f"(select * from {self.relation} where {self.where})"

    def _known(self, arms: Sequence[str]) -> str:
        names = ", ".join(_quoted(arm) for arm in arms)
        return f"{self.relation} where {self.where} and value is not null and arm in ({names})"

    def _rows(self, query: str) -> list[tuple[float, ...]]:
        return self.tables.connection.execute(query).fetchall()


def read_samples(tables: Tables, pilot: Pilot, only: Metric | None = None) -> dict[str, Sample]:
    """Metrics of a pilot over its units that stand in one arm; in the database where they are many (:func:`is_large`).

    Args:
        only: one of them; None: every one.

    Raises:
        WorkbookError: as :func:`~workbook.pilots.outcomes.read_values`.
    """
    metrics = [only] if only is not None else pilot.metrics
    if is_large(tables, pilot):
        kept = _kept(tables, pilot)
        return {m.id: StoredSample(tables, store_values(tables, pilot, m, kept), tuple(numbers_of(m))) for m in metrics}
    units = read_units(tables, pilot)
    kept_units = units[~in_two_arms(units)]
    return {m.id: FrameSample(kept_units.merge(read_values(tables, pilot, m), on="unit_id", how="left")) for m in metrics}


def sample_of(tables: Tables, pilot: Pilot, query: Query, numbers: Sequence[str]) -> Sample:
    """Numbers of the units of a pilot that stand in one arm, as a sample.

    Args:
        query: one row a unit: unit_id and *numbers*, ``value`` among them.
    """
    if is_large(tables, pilot):
        whole = f"select u.*, v.* exclude (unit_id) from {_kept(tables, pilot)} u join ({query.sql}) v using (unit_id)"
        return StoredSample(tables, tables.keep(whole, **query.given), tuple(numbers))
    units = read_units(tables, pilot)
    return FrameSample(units[~in_two_arms(units)].merge(tables.sql(query.sql, **query.given), on="unit_id"))


def _kept(tables: Tables, pilot: Pilot) -> str:
    return f"(select * from {store_units(tables, pilot)} where not doubled)"


def tally_units(tables: Tables, pilot: Pilot) -> pd.DataFrame:
    """Arm → drawn (units that stand in it) and kept (those of them that stand in no other); no row where none was delivered."""
    if is_large(tables, pilot):
        units = store_units(tables, pilot)
        return tables.sql(
            f"select arm, count(*) as drawn, count(*) filter (where not doubled) as kept from {units} group by arm order by arm"
        ).set_index("arm")
    frame = read_units(tables, pilot)
    return frame.assign(drawn=1, kept=~in_two_arms(frame)).groupby("arm", sort=True)[["drawn", "kept"]].sum()


def _column(rows: pd.DataFrame, variable: Variable) -> Floats:
    numbers: Floats = rows[variable.name].to_numpy(float)
    gone = np.isnan(numbers)
    if variable.mark:
        return np.asarray(gone, dtype=float)
    if variable.fill is not None:
        numbers = np.where(gone, variable.fill, numbers)
    return numbers if variable.cap is None else np.minimum(numbers, variable.cap)


def _expression(variable: Variable) -> str:
    name = variable.name
    if variable.mark:
        return f"cast({name} is null as double)"
    if variable.fill is not None:
        name = f"coalesce({name}, {variable.fill!r})"
    return name if variable.cap is None else f"least({name}, {variable.cap!r})"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
