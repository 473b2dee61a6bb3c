"""What is to be invented: how many customers, over which periods, with which faults, from which seed."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from workbook.errors import UsageError
from workbook.period import Period

DEMO_SEED = 20250101
"""The seed of the committed demo."""

DEMO_LAST = Period.parse("2025Q4")
"""The last delivery of the committed demo."""

SMALLEST = 100
"""Fewest customers of a delivery: below it whole tables would be empty."""

SPILL_DAYS = 5
"""Days after the last period for which activity is invented, so that rows dated too late can be delivered."""


@dataclass(frozen=True)
class Faults:
    """How strongly each fault is planted: 0 plants none, 1 hits the largest share (see ``faults.LARGEST``).

    Attributes:
        duplicate_customers: members of the shop who also stand in the CRM under another id.
        missing_fields: phone, e-mail, region, industry and birthday left empty.
        wrong_industry: a company whose industry contradicts its name.
        malformed_contacts: phones and e-mails that cannot be right.
        malformed_dates: order and follow-up times that are no dates.
        repeated_rows: rows that stand twice in one file.
        unfinished_orders: cancelled or unpaid orders among the sales.
        wrong_totals: orders whose amount is not the sum of their lines.
        late_rows: orders dated after the end of the last period.
        stale_status: customer records that no longer follow the status history.
        late_responses: WeChat tickets of the evening answered only the next day.
        no_callback: complaints never called back.
        repeat_tickets: the same trouble reported again within two weeks.
        misgraded: customers whose tier in the CRM disagrees with their revenue.
        missed_cross_sell: buyers who were never offered the usual companion product.
        silent_customers: valuable customers whom nobody contacts any more.
        surface_needs: needs noted without their root cause.
        missed_recommendations: recommended products that the customer did not want.
    """

    duplicate_customers: float = 0.0
    missing_fields: float = 0.0
    wrong_industry: float = 0.0
    malformed_contacts: float = 0.0
    malformed_dates: float = 0.0
    repeated_rows: float = 0.0
    unfinished_orders: float = 0.0
    wrong_totals: float = 0.0
    late_rows: float = 0.0
    stale_status: float = 0.0
    late_responses: float = 0.0
    no_callback: float = 0.0
    repeat_tickets: float = 0.0
    misgraded: float = 0.0
    missed_cross_sell: float = 0.0
    silent_customers: float = 0.0
    surface_needs: float = 0.0
    missed_recommendations: float = 0.0

    def __post_init__(self) -> None:
        for name, strength in self.strengths().items():
            if not 0 <= strength <= 1:
                raise UsageError(f"faults.{name}: found {strength!r}, expected a strength from 0 to 1")

    def strengths(self) -> dict[str, float]:
        """Fault: its strength, in the order of the fields."""
        return {field.name: float(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of(cls, strengths: Mapping[str, float]) -> Faults:
        """The faults named in *strengths*; those not named are not planted.

        Raises:
            UsageError: for a fault that does not exist or a strength outside 0–1.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(strengths) - set(known)):
            raise UsageError(f"faults: found {', '.join(unknown)}, expected some of {', '.join(known)}")
        return cls(**{name: float(strength) for name, strength in strengths.items()})

    @classmethod
    def none(cls) -> Faults:
        """No fault at all."""
        return cls()

    @classmethod
    def moderate(cls) -> Faults:
        """Every fault, at the strengths of the demo: some findings grave, some slight."""
        return cls(
            duplicate_customers=0.4, missing_fields=0.35, wrong_industry=0.3, malformed_contacts=0.5, malformed_dates=0.3,
            repeated_rows=0.3, unfinished_orders=0.4, wrong_totals=0.3, late_rows=1.0, stale_status=0.6,
            late_responses=0.8, no_callback=0.55, repeat_tickets=0.5, misgraded=0.55, missed_cross_sell=0.6,
            silent_customers=0.6, surface_needs=0.7, missed_recommendations=0.8,
        )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The size, the time and the faults of a client to invent.

    Attributes:
        customers: number of true customers, prospects included.
        periods: number of deliveries.
        last: the last delivery's period; the others lie just before it.
        seed: every random number follows from it.
        faults: strengths of the planted faults.
    """

    customers: int = 2000
    periods: int = 4
    last: Period = DEMO_LAST
    seed: int = DEMO_SEED
    faults: Faults = Faults()

    def __post_init__(self) -> None:
        if self.customers < SMALLEST:
            raise UsageError(f"customers: found {self.customers}, expected {SMALLEST} or more")
        if not 1 <= self.periods <= 40:
            raise UsageError(f"periods: found {self.periods}, expected 1 to 40")
        if self.seed < 0:
            raise UsageError(f"seed: found {self.seed}, expected 0 or more")

    @property
    def deliveries(self) -> tuple[Period, ...]:
        """The periods delivered, oldest first."""
        found = [self.last]
        for _ in range(self.periods - 1):
            found.insert(0, found[0].previous)
        return tuple(found)

    @property
    def opens(self) -> dt.date:
        """First day of the history: a year before the first period begins."""
        start = self.deliveries[0].start
        return start.replace(year=start.year - 1)

    @property
    def days(self) -> int:
        """Days from the first day of the history to the end of the last period, both included."""
        return (self.last.end - self.opens).days + 1

    def day(self, date: dt.date) -> int:
        """Days from the first day of the history to *date*; negative before it."""
        return (date - self.opens).days

    def ends(self) -> list[int]:
        """The last day of each delivery, as days since :attr:`opens`."""
        return [self.day(period.end) for period in self.deliveries]


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers for one purpose: the others stay as they are when one part draws more of its own."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
