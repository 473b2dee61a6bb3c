"""Whether an effect lasts: the first half of a pilot beside the second, since what is new wears off (rows P3, P6)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from workbook.language import Quantity, Text, named, text
from workbook.pilots.clusters import FEWEST_CLUSTERS
from workbook.pilots.comparison import Difference, welch
from workbook.pilots.effect import amount_of_difference
from workbook.pilots.looks import last_day
from workbook.pilots.outcomes import values_query
from workbook.pilots.query import Query
from workbook.pilots.samples import VALUE, Variable, sample_of
from workbook.pilots.units import arm_name
from workbook.report.blocks import Paragraph
from workbook.settings.models import Metric, Pilot
from workbook.tables import Tables

FEWEST_DAYS = 4
"""Days of measurement, two a half, below which nothing is said."""


@dataclass(frozen=True)
class Lasting:
    """The effect of one arm in both halves; ``change`` is the second less the first, with its interval."""

    pilot: Pilot
    metric: Metric
    arm: str
    first: Difference
    second: Difference
    change: Difference

    def paragraph(self) -> Paragraph:
        """Both halves in a sentence, and whether they differ clearly."""
        c = self.change
        words: dict[str, Text | Quantity] = {
            "pilot": named(self.pilot.name)
            if len(self.pilot.arms) == 2
            else text("pilots.lasting.arm", "{pilot} (arm {arm})", pilot=named(self.pilot.name), arm=arm_name(self.arm)),
            "metric": named(self.metric.name),
            "first": amount_of_difference(self.metric, self.first.effect),
            "second": amount_of_difference(self.metric, self.second.effect),
            "change": amount_of_difference(self.metric, c.effect),
            "low": amount_of_difference(self.metric, c.low),
            "high": amount_of_difference(self.metric, c.high),
        }
        role: Literal["limits", "meaning"] = "limits" if self.wears_off else "meaning"
        return Paragraph(f"pilots.lasting.{self.pilot.id}.{self.arm}", self._words(words), role)

    @property
    def wears_off(self) -> bool:
        """Whether the effect is clearly nearer to zero in the second half."""
        c = self.change
        if c.low is None or c.high is None:
            return False
        return c.high < 0 if self.first.effect > 0 else c.low > 0

    def _words(self, words: dict[str, Text | Quantity]) -> Text:
        c = self.change
        if self.wears_off:
            return text(
                "pilots.lasting.off",
                "{pilot}: the effect on {metric} wears off: {first} in the first half of the days measured, {second} in the "
                "second ({change}; {low} to {high}). A year's worth reckoned from the whole is too high.",
                **words,
            )
        if c.low is not None and c.high is not None and (c.low > 0 or c.high < 0):
            return text(
                "pilots.lasting.grows",
                "{pilot}: the effect on {metric} grows: {first} in the first half of the days measured, {second} in the second "
                "({change}; {low} to {high}).",
                **words,
            )
        return text(
            "pilots.lasting.unclear",
            "{pilot}: whether the effect on {metric} lasts is not clear: {first} in the first half of the days measured, "
            "{second} in the second ({change}; {low} to {high}).",
            **words,
        )


def weigh_lasting(tables: Tables, pilot: Pilot, confidence: float) -> tuple[Lasting, ...]:
    """Both halves of a pilot on its primary metric, arm by arm.

    Args:
        confidence: of the interval of the change.

    Returns:
        Nothing where the metric is not measured along the pilot: by the mean of several days, or by an expression that names
        ``$first_day`` and ``$last_day``.
    """
    metric = pilot.metrics[0]
    if metric.kind not in ("mean", "proportion"):
        return ()
    halves = _delivered(tables, pilot, metric) if metric.source == "outcomes" else _by_expression(tables, pilot, metric)
    if halves is None:
        return ()
    both = Query(
        f"""select unit_id, first as known_first, second as known_second, second - first as value from ({halves.sql})
            where first is not null and second is not null""",
        halves.given,
    )
    sample = sample_of(tables, pilot, both, ("value", "known_first", "known_second"))
    counted = sample.clusters() if pilot.unit == "cluster" else sample
    control, *arms = pilot.arms
    fewest = FEWEST_CLUSTERS if pilot.unit == "cluster" else 2
    found = []
    for arm in arms:
        if min(counted.moments(name, VALUE).n for name in (control, arm)) < fewest:
            continue
        columns = (Variable("known_first"), Variable("known_second"), VALUE)
        parts = [welch(counted.moments(control, one), counted.moments(arm, one), confidence) for one in columns]
        first, second, change = parts
        if first is not None and second is not None and change is not None and change.low is not None:
            found.append(Lasting(pilot, metric, arm, first, second, change))
    return tuple(found)


def _delivered(tables: Tables, pilot: Pilot, metric: Metric) -> Query | None:
    """Mean of each unit over both halves of the days on which outcomes were measured; columns unit_id, first, second."""
    if metric.repeats != "mean":
        return None
    days = tables.sql(
        """select distinct measured_at as day from outcomes where pilot = $name and metric = $metric and value is not null
           and measured_at between $first_day and least($last_day, cast($end as date)) order by day""",
        name=pilot.id,
        metric=metric.id,
        first_day=pilot.starts,
        last_day=last_day(pilot),
    )["day"]
    if len(days) < FEWEST_DAYS:
        return None
    return Query(
        """select unit_id, $scale * avg(value) filter (where measured_at < $middle) as first,
                  $scale * avg(value) filter (where measured_at >= $middle) as second
           from outcomes where pilot = $name and metric = $metric and unit_id is not null
                and measured_at between $first_day and least($last_day, cast($end as date))
           group by unit_id""",
        {"name": pilot.id, "metric": metric.id, "first_day": pilot.starts, "last_day": last_day(pilot),
         "middle": pd.Timestamp(days.iloc[len(days) // 2]).date(), "scale": metric.scale},
    )  # fmt: skip


def _by_expression(tables: Tables, pilot: Pilot, metric: Metric) -> Query | None:
    """The expression worked out for both halves of the pilot's days, a day between them left out where they are odd."""
    if not {"$first_day", "$last_day"} <= {word.strip("(),;") for word in metric.source.split()}:
        return None
    end = min(last_day(pilot), tables.period.end)
    length = ((end - pilot.starts).days + 1) // 2
    if length * 2 < FEWEST_DAYS:
        return None
    shift = dt.timedelta(days=length - 1)
    spans = ((pilot.starts, pilot.starts + shift), (end - shift, end))
    part = [pilot.model_copy(update={"starts": a, "ends": b, "extended_to": None}) for a, b in spans]
    first, second = (values_query(tables, half, metric) for half in part)
    # both halves in one query: the days of the second have names of their own
    later = {f"second_{name}": value for name, value in second.given.items()}
    words = re.sub(r"\$(\w+)", lambda name: f"$second_{name[1]}" if name[1] in second.given else name[0], second.sql)
    return Query(
        f"""select unit_id, one.value as first, two.value as second
            from ({first.sql}) one join ({words}) two using (unit_id)""",
        {**first.given, **later},
    )
