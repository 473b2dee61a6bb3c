"""Which interval a look at a pilot allows, and the looks taken so far: peeking made safe (row P4)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd
from scipy import stats

from workbook.language import Text, count, number, share, text
from workbook.pilots.boundaries import FARTHEST, anytime_limit, limits
from workbook.settings.models import Pilot

Method = Literal["fixed", "group_sequential", "anytime"]
Why = Literal["end", "planned", "unplanned", "more_than_planned", "past_plan", "nothing_new", "earlier"]

METHODS: Mapping[Method, Text] = {
    "fixed": text("pilots.look.fixed", "one look, at the planned end"),
    "group_sequential": text("pilots.look.group_sequential", "limit of planned looks"),
    "anytime": text("pilots.look.anytime", "limit that holds at any time"),
}

WHYS: Mapping[Why, Text] = {
    "end": text("pilots.why.end", "the pilot was looked at once, when it had ended"),
    "planned": text("pilots.why.planned", "looks before the end were planned"),
    "unplanned": text("pilots.why.unplanned", "no look before the end was planned"),
    "more_than_planned": text("pilots.why.more", "more looks were taken than planned"),
    "past_plan": text("pilots.why.past_plan", "the pilot ran past its plan"),
    "nothing_new": text("pilots.why.nothing_new", "the pilot was no further than at the look before"),
    "earlier": text("pilots.why.earlier", "an earlier look was not as planned"),
}


@dataclass(frozen=True)
class Look:
    """One look at a pilot.

    Attributes:
        on: the day up to which results count.
        units: units with an outcome of the primary metric.
        information: share of the planned information, 1 at the planned end.
        method: how the interval is made wide enough; ``why`` it is that one.
        place: which look it is, from 1.
        limit: half the width of the interval in standard errors, where samples are large.
    """

    on: dt.date
    units: int
    information: float
    method: Method
    why: Why
    place: int
    limit: float

    @property
    def confidence(self) -> float:
        """Confidence of the ordinary interval that is as wide as this look allows."""
        return float(1 - 2 * stats.norm.sf(self.limit))

    def words(self) -> Text:
        """Which look it is, how far the pilot was and which limit holds, in a sentence without its full stop."""
        if self.method == "fixed":
            return text(
                "pilots.look.once",
                "one look, at the planned end; intervals are {limit} standard errors to either side",
                limit=number(self.limit, 2),
            )
        return text(
            "pilots.look.words",
            "look {place} at {part} of the planned information: {method}, since {why}; intervals are {limit} standard errors "
            "to either side",
            place=count(self.place),
            part=share(self.information, 0),
            method=METHODS[self.method],
            why=WHYS[self.why],
            limit=number(self.limit, 2),
        )


def last_day(pilot: Pilot) -> dt.date:
    """The last day on which results count: the planned one, or that to which the pilot was extended."""
    return pilot.extended_to or pilot.ends


def information_at(pilot: Pilot, on: dt.date, units: int) -> float:
    """How far a pilot is: units with an outcome over those planned, or else days gone over days planned; 1 at the planned end.

    Args:
        on: day of the look.
        units: with an outcome of the primary metric, in all arms.
    """
    if on == pilot.ends:
        return 1.0
    if pilot.units is not None:
        return units / pilot.units
    days = (pilot.ends - pilot.starts).days + 1
    return max((on - pilot.starts).days + 1, 1) / days


def take_looks(pilot: Pilot, taken: Sequence[tuple[dt.date, int]], confidence: float, comparisons: int = 1) -> list[Look]:
    """The looks at a pilot in order, each with the limit that holds for it.

    Planned looks spend the error as the card says (group-sequential); one look at the planned end is the ordinary interval. A
    look that was not planned, one more than planned, or one past the plan falls under a confidence sequence, and so do all
    after it: what was once looked at without a plan cannot be unseen.

    Args:
        taken: day and units with an outcome of each look; looks after the last day of the pilot count as one on it.
        confidence: of the card, 0.95.
        comparisons: arms compared with the control at the same time; they share the error (Bonferroni).
    """
    end = last_day(pilot)
    error = (1 - confidence) / max(comparisons, 1)
    days: dict[dt.date, int] = {}
    for on, units in sorted(taken):
        days[min(on, end)] = units
    found: list[Look] = []
    reached: list[float] = []
    open_ = False
    for place, (on, units) in enumerate(days.items(), start=1):
        t = information_at(pilot, on, units)
        why = _why(pilot, on, t, place, reached, open_)
        open_ = open_ or why not in ("end", "planned")
        if open_:
            found.append(Look(on, units, t, "anytime", why, place, anytime_limit(t, error)))
            continue
        reached.append(min(t, 1.0))
        method: Method = "fixed" if why == "end" else "group_sequential"
        found.append(Look(on, units, t, method, why, place, float(stats.norm.isf(error / 2))))
    if not any(look.method == "group_sequential" for look in found):
        return found
    # the limit of a look hangs on those before it alone, so one walk through all of them gives each
    walked = [min(limit, FARTHEST) for limit in limits(reached, error, pilot.spending)]
    planned = len(walked)
    told = [replace(look, limit=limit) if look.method == "group_sequential" else look
            for look, limit in zip(found[:planned], walked, strict=True)]  # fmt: skip
    return [*told, *found[planned:]]


def summarised(pilot: str, arm_rows: pd.DataFrame) -> list[tuple[dt.date, int]]:
    """Day and units of each look in the ledger at a pilot, from its records.

    Args:
        arm_rows: records of kind ``looks`` of the primary metric (pilot, arm, looked_at, n_control, n_arm).
    """
    rows = arm_rows[arm_rows["pilot"] == pilot]
    by_day = rows.groupby("looked_at").agg(control=("n_control", "max"), arms=("n_arm", "sum"))
    return [(dt.date.fromisoformat(str(day)), int(row["control"] + row["arms"])) for day, row in by_day.sort_index().iterrows()]


def _why(pilot: Pilot, on: dt.date, information: float, place: int, reached: Sequence[float], open_: bool) -> Why:
    if on > pilot.ends:
        return "past_plan"
    if open_:
        return "earlier"
    if place > pilot.looks:
        return "more_than_planned"
    if pilot.looks == 1:
        return "unplanned" if on < pilot.ends else "end"
    return "nothing_new" if reached and min(information, 1.0) <= reached[-1] + 1e-9 else "planned"
