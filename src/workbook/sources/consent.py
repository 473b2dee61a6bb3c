"""Consent (授权): what customers have allowed, and the gate through which every outreach list goes (D7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbook.language import Text, count, day, joined, named, share, text
from workbook.report.blocks import Column, NotMeasured, Paragraph, Table
from workbook.settings.models import Settings
from workbook.sources.words import block_reasons, consent_words
from workbook.tables import Tables

STANDINGS = ("granted", "withdrawn", "expired", "undated")
"""How a consent stands, from the one that opens the gate to the one that says least."""

NEVER, UNDELIVERED = "never", "undelivered"
"""Blocked since the customer was never asked, and since no consents were delivered at all."""
ALL, ERASURE, CLOSED = "all", "erasure", "closed"
"""Purposes that close every list: all consent withdrawn (GDPR art. 7, PIPL art. 15), or erasure asked for (GDPR art. 17, PIPL
art. 47); and blocked for it. An objection to marketing alone leaves the service of a contract as it is (GDPR art. 21)."""
CONTRACT, NO_CONTRACT = "contract", "no_contract"
"""The other ground of a list: to serve those with whom there is business; and blocked since there is none."""

LISTS: Mapping[str, Text] = {
    "sales": text("sources.use.sales", "the sales list"),
    "marketing": text("sources.use.marketing", "the marketing list"),
    "service": text("sources.use.service", "the service list"),
}
NEXT_PILOT = text("sources.use.pilot", "the next pilot")
"""What customers go through the gate for."""


@dataclass(frozen=True)
class ConsentCount:
    """Customers by purpose and channel and how their consent stands at the end of the period.

    Attributes:
        frame: purpose, channel, granted, withdrawn, expired, undated (customers).
        customers: customers in all.
        allowed: customers who allow at least one purpose of consent.purposes.
        on: the day on which it stands so.
        least: groups of fewer customers are not shown by themselves.
    """

    frame: pd.DataFrame
    customers: int
    allowed: int
    on: dt.date
    basis: str | dict[str, str]
    least: int

    def table(self) -> Table:
        """Purposes and channels with the customers who granted, withdrew, let expire or whose grant carries no date."""
        part = self.allowed / self.customers if self.customers else None
        return Table(
            "sources.consent",
            text("sources.consent.title", "{share} of customers may be approached for outreach", share=share(part, 1)),
            (
                Column("purpose", text("sources.consent.purpose", "Purpose"), labels=consent_words()),
                Column("channel", text("sources.consent.channel", "Channel"), labels=consent_words()),
                Column("granted", text("sources.consent.granted", "Granted"), "people"),
                Column("withdrawn", text("sources.consent.withdrawn", "Withdrawn"), "people"),
                Column("expired", text("sources.consent.expired", "Expired"), "people"),
                Column("undated", text("sources.consent.undated", "Without a date"), "people"),
            ),
            self.frame,
            note=text(
                "sources.consent.note",
                "Customers by their last decision, on {day}; {allowed} of {n} customers allow outreach. A grant without a date "
                "opens nothing. Groups of fewer than {least} customers are hidden. The analysis itself rests on: {basis}.",
                day=day(self.on),
                allowed=count(self.allowed),
                n=count(self.customers),
                least=count(self.least),
                basis=named(self.basis),
            ),
            artefact="consent",
        )


@dataclass(frozen=True)
class Admission:
    """Whom the gate lets through to one use, and why the others are blocked.

    Attributes:
        frame: customer_id of those let through, in order.
        blocked: reason (withdrawn, expired, undated, never, undelivered, closed, no_contract) → customers.
        purposes: the purposes asked for; one that was granted is enough; only ``contract`` where that is the ground.
        on: the day asked for.
    """

    frame: pd.DataFrame
    blocked: Mapping[str, int]
    purposes: tuple[str, ...]
    on: dt.date
    least: int

    @property
    def asked(self) -> int:
        """Customers who came to the gate."""
        return len(self.frame) + sum(self.blocked.values())

    @property
    def allowed(self) -> pd.DataFrame | None:
        """Those let through; None where no consents were delivered, so that a list can say that instead of being empty."""
        return None if UNDELIVERED in self.blocked else self.frame

    def tell(self, id: str, use: Text) -> Paragraph:
        """How many of the customers of a list or pilot were blocked, by reason.

        Args:
            id: stable id of the paragraph.
            use: what they were to stand on: "the marketing list".
        """
        words = consent_words()
        purposes = joined([words.get(purpose) or named(purpose) for purpose in self.purposes])
        shown = [reason for reason in block_reasons() if self.blocked.get(reason)]
        if not self.asked:
            return Paragraph(id, text(
                "sources.gate.nobody",
                "No customer came into question for {use}: none was delivered, or none meets its condition.",
                use=use,
            ))  # fmt: skip
        reasons = joined([
            text("sources.gate.reason", "{reason}: {n}", reason=block_reasons()[reason], n=self._number(self.blocked[reason]))
            for reason in shown
        ])  # fmt: skip
        if self.purposes == (CONTRACT,) and self.blocked.get(CLOSED):
            return Paragraph(id, text(
                "sources.gate.contract_closed",
                "Contract (on {day}): {admitted} of {n} customers for {use} had a contract, order or ticket in the window; "
                "blocked are {reasons}.",
                day=day(self.on), admitted=self._number(len(self.frame)), n=count(self.asked), use=use, reasons=reasons,
            ))  # fmt: skip
        if self.purposes == (CONTRACT,):
            return Paragraph(id, text(
                "sources.gate.contract",
                "Contract (on {day}): {admitted} of {n} customers for {use} had a contract, order or ticket in the window; "
                "the others stand on no such list.",
                day=day(self.on), admitted=self._number(len(self.frame)), n=count(self.asked), use=use,
            ))  # fmt: skip
        if not shown:
            said = text(
                "sources.gate.open",
                "Consent ({purposes}, on {day}): all {n} customers for {use} may be approached.",
                purposes=purposes, day=day(self.on), n=count(self.asked), use=use,
            )  # fmt: skip
            return Paragraph(id, said)
        said = text(
            "sources.gate.blocked",
            "Consent ({purposes}, on {day}): of {n} customers for {use}, {blocked} are blocked ({reasons}).",
            purposes=purposes, day=day(self.on), n=count(self.asked), use=use,
            blocked=self._number(sum(self.blocked.values())), reasons=reasons,
        )  # fmt: skip
        return Paragraph(id, said)

    def _number(self, n: int) -> Text:
        return text("sources.gate.few", "fewer than {n}", n=count(self.least)) if 0 < n < self.least else (
            text("sources.gate.number", "{n}", n=count(n))
        )  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """What every outreach list and pilot goes through.

    Attributes:
        standing: customer_id, purpose, standing (the best of its channels); None where no consents were delivered: then
            nobody may be approached.
        on: the day on which it stands so.
        least: groups of fewer customers are not told by themselves.
    """

    standing: pd.DataFrame | None
    on: dt.date
    least: int

    @property
    def closed(self) -> set[str]:
        """Customers who stand on no list, whatever its ground: they withdrew everything, or asked to be erased."""
        if self.standing is None:
            return set()
        purpose, standing = self.standing["purpose"], self.standing["standing"]
        shut = purpose.eq(ERASURE) | (purpose.eq(ALL) & standing.eq("withdrawn"))
        return set(self.standing.loc[shut, "customer_id"])

    def admit(self, customers: pd.DataFrame | Sequence[str] | NotMeasured, purposes: Sequence[str]) -> Admission:
        """Those of *customers* who on the day allow at least one of *purposes* in at least one channel.

        Args:
            customers: ids, or a frame with customer_id; where it was not measured, nobody comes to the gate.
        """
        ids = customers["customer_id"] if isinstance(customers, pd.DataFrame) else (
            [] if isinstance(customers, NotMeasured) else customers
        )  # fmt: skip
        wanted = pd.Series(sorted(set(ids)), dtype="str", name="customer_id")
        if self.standing is None:
            return Admission(wanted.head(0).to_frame(), {UNDELIVERED: len(wanted)}, tuple(purposes), self.on, self.least)
        mine = self.standing.loc[self.standing["purpose"].isin(list(purposes))]
        best = _best(mine, ["customer_id"]).set_index("customer_id")["standing"]
        stands = wanted.map(best).fillna(NEVER).mask(wanted.isin(self.closed), CLOSED)
        blocked = {reason: int((stands == reason).sum()) for reason in (*STANDINGS[1:], NEVER, CLOSED)}
        admitted = wanted.loc[stands == STANDINGS[0]].reset_index(drop=True).to_frame()
        return Admission(admitted, {k: n for k, n in blocked.items() if n}, tuple(purposes), self.on, self.least)

    def admit_served(self, profile: pd.DataFrame, customers: pd.DataFrame | NotMeasured) -> Admission:
        """Those of *customers* with whom there is business: a contract that runs, an order or a ticket in the window; but for
        those who closed every list.

        Args:
            profile: customer_id, orders, tickets, contract_value.
            customers: a frame with customer_id.
        """
        ids: set[str] = set() if isinstance(customers, NotMeasured) else set(customers["customer_id"])
        wanted = pd.Series(sorted(ids), dtype="str", name="customer_id")
        business = profile[["orders", "tickets", "contract_value"]].fillna(0).gt(0).any(axis=1)
        closed, served = wanted.isin(self.closed), wanted.isin(profile.loc[business, "customer_id"])
        admitted = wanted.loc[served & ~closed].reset_index(drop=True).to_frame()
        blocked = {CLOSED: int(closed.sum()), NO_CONTRACT: int((~served & ~closed).sum())}
        return Admission(admitted, {k: n for k, n in blocked.items() if n}, (CONTRACT,), self.on, self.least)


@dataclass(frozen=True)
class ListAdmissions:
    """Whom the gate lets through to the list of each department: list → :class:`Admission`."""

    lists: Mapping[str, Admission]

    @property
    def allowed(self) -> dict[str, pd.DataFrame]:
        """List → customer_id of those who may stand on it."""
        return {name: one.frame for name, one in self.lists.items()}

    def blocks(self) -> list[Paragraph]:
        """How many were blocked, by reason; lists on the same ground, for the same customers, are told together."""
        alike: dict[tuple[object, ...], list[str]] = {}
        for name, one in self.lists.items():
            alike.setdefault((one.purposes, one.asked, *sorted(one.blocked.items())), []).append(name)
        return [
            self.lists[names[0]].tell(f"sources.gate.{names[0]}", joined([LISTS[name] for name in names]))
            for names in alike.values()
        ]


def admit_lists(gate: Gate, customers: pd.DataFrame | NotMeasured, profile: pd.DataFrame, settings: Settings) -> ListAdmissions:
    """Send the graded customers through the gate to the list of each department, on the ground that the settings name for it.

    Args:
        customers: those who are graded: a frame with customer_id.
        profile: customer_id, orders, tickets, contract_value.
        settings: reads consent.purposes and consent.lists.
    """
    grounds = {name: settings.consent.lists.get(name, settings.consent.purposes) for name in LISTS}  # type: ignore[call-overload]
    return ListAdmissions({
        name: gate.admit_served(profile, customers) if ground == CONTRACT else gate.admit(customers, ground)
        for name, ground in grounds.items()
    })  # fmt: skip


def open_gate(tables: Tables, settings: Settings) -> Gate:
    """The gate as consents stand at the end of the period."""
    on = tables.period.end
    standing = None if tables.lacks("consents") else _best(_standing(tables, on), ["customer_id", "purpose"])
    return Gate(standing, on, settings.analysis.small_cell)


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
        settings.analysis.small_cell,
    )


def _best(standing: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row for each of *keys*: the standing that opens most."""
    rank = standing["standing"].map({name: place for place, name in enumerate(STANDINGS)})
    ordered = standing.assign(_rank=rank).sort_values([*keys, "_rank"], kind="stable")
    return ordered.drop_duplicates(keys)[[*keys, "standing"]].reset_index(drop=True)


def _standing(tables: Tables, on: dt.date) -> pd.DataFrame:
    return tables.sql((Path(__file__).parent / "sql" / "consent.sql").read_text("utf-8"), on=on)
