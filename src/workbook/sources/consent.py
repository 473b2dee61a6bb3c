"""Consent (授权): what customers have allowed, and the gate through which every outreach list goes (D7)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbook.language import count, day, named, share, text
from workbook.report.blocks import Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.sources.words import consent_words
from workbook.tables import Tables

STANDINGS = ("granted", "withdrawn", "expired")


@dataclass(frozen=True)
class ConsentCount:
    """Customers by purpose and channel and how their consent stands at the end of the period.

    Attributes:
        frame: purpose, channel, granted, withdrawn, expired (customers).
        customers: customers in all.
        allowed: customers who allow at least one purpose of consent.purposes.
        on: the day on which it stands so.
    """

    frame: pd.DataFrame
    customers: int
    allowed: int
    on: dt.date
    basis: str | dict[str, str]

    def table(self) -> Table:
        """Purposes and channels with the customers who granted, withdrew or let expire."""
        part = self.allowed / self.customers if self.customers else None
        return Table(
            "sources.consent",
            text("sources.consent.title", "{share} of customers may be approached for outreach", share=share(part, 1)),
            (
                Column("purpose", text("sources.consent.purpose", "Purpose"), labels=consent_words()),
                Column("channel", text("sources.consent.channel", "Channel"), labels=consent_words()),
                Column("granted", text("sources.consent.granted", "Granted"), "count"),
                Column("withdrawn", text("sources.consent.withdrawn", "Withdrawn"), "count"),
                Column("expired", text("sources.consent.expired", "Expired"), "count"),
            ),
            self.frame,
            note=text(
                "sources.consent.note",
                "Customers by their last decision, on {day}; {allowed} of {n} customers allow outreach. "
                "The analysis itself rests on: {basis}.",
                day=day(self.on),
                allowed=count(self.allowed),
                n=count(self.customers),
                basis=named(self.basis),
            ),
            artefact="consent",
        )


def count_consent(tables: Tables, settings: Settings) -> ConsentCount | NotMeasured:
    """Count consents as they stand at the end of the period.

    Returns:
        ConsentCount, or NotMeasured where no consents were delivered: then nobody may be approached.
    """
    if tables.lacks("consents"):
        return NotMeasured(
            "sources.consent",
            text("sources.consent.missing", "Consent was not delivered, so outreach lists stay empty"),
            ("consents",),
        )
    on = tables.period.end
    standing = _standing(tables, on).assign(channel=lambda f: f["channel"].fillna("–"))
    counts = {name: standing["standing"].eq(name).astype("int64") for name in STANDINGS}
    frame = standing.assign(**counts).groupby(["purpose", "channel"], sort=True)[list(STANDINGS)].sum().reset_index()
    customers = tables.sql(
        "select count(*) as n from (select customer_id from customers union "
        "select customer_id from orders where customer_id is not null) as everyone"
    )
    granted = standing.loc[(standing["standing"] == "granted") & standing["purpose"].isin(settings.consent.purposes)]
    basis = settings.consent.basis
    return ConsentCount(
        frame,
        int(customers["n"].iloc[0]),
        int(granted["customer_id"].nunique()),
        on,
        basis if isinstance(basis, str) else dict(basis),
    )


def may_contact(tables: Tables, purpose: str, on: dt.date) -> pd.DataFrame | None:
    """The customers who on that day allow *purpose* in at least one channel.

    Returns:
        customer_id, in order; None where no consents were delivered: then nobody may be approached.
    """
    if tables.lacks("consents"):
        return None
    standing = _standing(tables, on)
    granted = standing.loc[(standing["standing"] == "granted") & (standing["purpose"] == purpose), ["customer_id"]]
    return granted.drop_duplicates().sort_values("customer_id", kind="stable").reset_index(drop=True)


def _standing(tables: Tables, on: dt.date) -> pd.DataFrame:
    return tables.sql((Path(__file__).parent / "sql" / "consent.sql").read_text("utf-8"), on=on)
