"""Customers who come while a pilot runs: the arm of each by a keyed hash of its own id (row P1).

The draw of the start evens the arms out among those who are there. Who comes later comes alone, so its arm must hang on
nothing but itself: the same customer lands in the same arm whatever the order, the day and the company.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workbook.language import count, joined, named, text
from workbook.period import Period
from workbook.pilots.design import strata_of
from workbook.pilots.draws import arm_by_hash
from workbook.pilots.looks import last_day
from workbook.pilots.units import arm_name, granting, meeting, newest_first, read_units, with_scores
from workbook.report.blocks import Block, Column, NotMeasured, Sheet, Table
from workbook.settings.models import Pilot, Settings
from workbook.tables import Tables

COLUMNS = ["pilot", "customer_id", "stratum", "arm"]


@dataclass(frozen=True)
class Arrivals:
    """Customers drawn into pilots that are under way.

    Attributes:
        frame: columns pilot, customer_id, stratum, arm; sorted by pilot and customer.
        pilots: those that take who comes later, and run past the period.
        blocked: customers who came but have not granted the purpose.
        settings: the parameters.
    """

    frame: pd.DataFrame
    pilots: tuple[Pilot, ...]
    blocked: int
    settings: Settings

    def table(self) -> Table | NotMeasured:
        """Customers drawn into each arm, beside the share that the card fixed for it."""
        if self.frame.empty:
            why = text("pilots.arrivals.nobody", "Nobody came who meets the condition and has granted the purpose.")
            return NotMeasured("pilots.arrivals", text("pilots.arrivals.none", "Customers drawn while a pilot runs"), why=why)
        rows: list[dict[str, object]] = []
        for pilot in self.pilots:
            mine = self.frame.loc[self.frame["pilot"] == pilot.id, "arm"]
            whole = sum(pilot.arms.values())
            rows += [
                {"pilot": named(pilot.name), "arm": arm_name(arm), "drawn": int((mine == arm).sum()), "planned": part / whole}
                for arm, part in pilot.arms.items()
                if len(mine)
            ]
        title = text("pilots.arrivals.title", "{n} customers came and are drawn into {pilots}",
                     n=count(len(self.frame)), pilots=joined([named(p.name) for p in self._with_somebody()]))  # fmt: skip
        note = text(
            "pilots.arrivals.note",
            "By a hash of customer, pilot and seed {seed}, each by itself: nobody's arm hangs on who else comes, or when. "
            "{blocked} more came without having granted the purpose.",
            seed=str(self.settings.seed),
            blocked=count(self.blocked),
        )
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("arm", text("pilots.head.arm", "Arm")),
            Column("drawn", text("pilots.arrivals.head.drawn", "Customers drawn"), "people"),
            Column("planned", text("pilots.arrivals.head.planned", "Share on the card"), "share"),
        )
        return Table("pilots.arrivals", title, columns, pd.DataFrame(rows, dtype=object), note)

    def sheet(self) -> Sheet | NotMeasured:
        """The customers as a file for those who run the pilots; arms and strata as the systems know them."""
        if self.frame.empty:
            return NotMeasured("pilots.arrivals", text("pilots.arrivals.none", "Customers drawn while a pilot runs"))
        columns = (
            Column("pilot", text("pilots.head.pilot", "Pilot")),
            Column("customer_id", text("pilots.head.customer", "Customer")),
            Column("stratum", text("pilots.head.stratum", "Stratum")),
            Column("arm", text("pilots.head.arm", "Arm")),
        )
        title = text("pilots.arrivals.sheet_title", "Drawn while the pilot runs")
        return Sheet(text("pilots.arrivals.sheet", "Arrivals"), Table("pilots.arrivals.list", title, columns, self.frame))

    def blocks(self) -> tuple[Block, ...]:
        """The table, where any pilot takes who comes later."""
        return (self.table(),) if self.pilots else ()

    def _with_somebody(self) -> list[Pilot]:
        return [pilot for pilot in self.pilots if (self.frame["pilot"] == pilot.id).any()]


def draw_arrivals(
    tables: Tables, profile: pd.DataFrame, scores: object, settings: Settings, consents: pd.DataFrame | None
) -> Arrivals:
    """Draw who came to meet the condition of a pilot that is under way and takes arrivals, and stands in none of its arms.

    Args:
        profile: one row a customer.
        scores: the artefact ``scores``; anything but a frame leaves the client's own tier.
        consents: customer_id, purpose and standing of each consent; None: none were delivered, so nobody may take part.

    Raises:
        WorkbookError: where a condition cannot be worked out or a strata column is not there.
    """
    running = [pilot for pilot in newest_first(settings) if pilot.arrivals and pilot.randomised and _runs(pilot, tables.period)]
    people = with_scores(profile, scores)
    frames, blocked = [pd.DataFrame(columns=COLUMNS, dtype="str")], 0
    for pilot in running:
        drawn = read_units(tables, pilot)
        taken = pd.concat([drawn["customer_id"], drawn["unit_id"]]).dropna()
        meets = people["customer_id"].isin(meeting(people, pilot.groups, f"pilots.{pilot.id}.groups"))
        new = people[meets & ~people["customer_id"].isin(taken)]
        granted = new[new["customer_id"].isin(granting(consents, pilot.purpose))].sort_values("customer_id", kind="stable")
        blocked += len(new) - len(granted)
        if granted.empty:
            continue
        arms = arm_by_hash(granted["customer_id"], f"{settings.seed}:{pilot.id}:arrivals:", pilot.arms)
        stratum = strata_of(granted, pilot.strata, f"pilots.{pilot.id}.strata")
        rows = {"pilot": pilot.id, "customer_id": granted["customer_id"], "stratum": stratum, "arm": arms}
        frames.append(pd.DataFrame(rows).astype("str"))
    frame = pd.concat(frames, ignore_index=True).sort_values(["pilot", "customer_id"], ignore_index=True)
    return Arrivals(frame, tuple(running), blocked, settings)


def _runs(pilot: Pilot, period: Period) -> bool:
    return pilot.starts <= period.end < last_day(pilot)
