"""Who responded to campaigns, and in which tier: a share with its interval, and no word on what the campaign did; row P5."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
from scipy import stats

from workbook.language import Text, count, named, share, text
from workbook.pilots.comparison import wilson
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Settings
from workbook.tables import Tables

ALL = "all"


@dataclass(frozen=True, eq=False)
class Responses:
    """Responses of the customers whom campaigns reached.

    Attributes:
        frame: group (``all``, then tiers from the highest), reached (customers of whom it is known whether they responded),
            responded, share, low, high (Wilson); tiers in which nobody was reached are left out.
        contacts: contacts behind it.
        unknown: customers reached of whom no response is known.
        settings: the parameters.
    """

    frame: pd.DataFrame
    contacts: int
    unknown: int
    settings: Settings

    def blocks(self) -> tuple[Block, ...]:
        """The shares, one row a tier; what to deliver where no response is known."""
        if self.frame.empty:
            what = text("pilots.responses.what", "Responses to campaigns")
            return (NotMeasured("pilots.responses", what, ("campaign_contacts.customer_id", "campaign_contacts.response")),)
        names: Mapping[str, Text] = {
            ALL: text("pilots.responses.all", "All reached"),
            **{tier.id: named(tier.name) for tier in self.settings.grading.tiers},
        }
        columns = (
            Column("group", text("grading.column.tier", "Tier"), labels=names),
            Column("reached", text("pilots.responses.reached", "Customers reached"), "people"),
            Column("responded", text("pilots.responses.responded", "Customers who responded"), "people"),
            Column("share", text("pilots.responses.share", "Share who responded (interval)"), "share", low="low", high="high"),
        )
        note = text(
            "pilots.responses.note",
            "Customers whom campaigns reached until the analysis date, each once: responded = to one campaign at least;"
            " n = {n} customers, {contacts} contacts; {level} Wilson interval.{more} A response is no effect: who was reached"
            " was chosen, and may have bought anyway.",
            n=count(int(self.frame["reached"].iloc[0])),
            contacts=count(self.contacts),
            more=self._more(),
            level=share(self.settings.analysis.confidence),
        )
        return (Table("pilots.responses", self._title(names), columns, self.frame, note, rows=len(self.frame)),)

    def _more(self) -> Text:
        if not self.unknown:
            return named("")
        return text(
            "pilots.responses.unknown",
            " Customers reached whose response is not known: {n}.",
            n=count(self.unknown),
        )

    def _title(self, names: Mapping[str, Text]) -> Text:
        everyone, tiers = self.frame.iloc[0], self.frame.iloc[1:]
        said = {"share": share(float(everyone["share"])), "n": count(int(everyone["reached"]))}
        if len(tiers) > 1:
            tiers = tiers.sort_values("share", ascending=False, kind="stable")
            first = tiers.iloc[0]
            if float(first["low"]) > float(tiers["high"].iloc[1:].max()):
                return text(
                    "pilots.responses.first",
                    "{share} of {n} customers reached responded, most in {tier}: {most}",
                    **said, tier=names[str(first["group"])], most=share(float(first["share"])),
                )  # fmt: skip
        return text("pilots.responses.title", "{share} of {n} customers reached responded", **said)


def read_responses(tables: Tables, scores: pd.DataFrame | NotMeasured, settings: Settings) -> Responses:
    """Share of the customers reached by campaigns who responded, in all and by tier.

    Args:
        tables: campaign_contacts with customer_id and response.
        scores: customer_id and tier; NotMeasured where nobody could be graded.
    """
    columns = ["group", "reached", "responded", "share", "low", "high"]
    if not tables.has("campaign_contacts.customer_id", "campaign_contacts.response"):
        return Responses(pd.DataFrame(columns=columns), 0, 0, settings)
    people = tables.sql(
        """
        select customer_id, count(*) as contacts, max(case when response then 1 when not response then 0 end) as responded
        from campaign_contacts where customer_id is not null group by customer_id order by customer_id"""
    )
    known = people[people["responded"].notna()]
    counts = [(ALL, len(known), int(known["responded"].sum()))]
    if isinstance(scores, pd.DataFrame):
        tiers = known["customer_id"].map(scores.set_index("customer_id")["tier"])
        found = known["responded"].groupby(tiers.to_numpy()).agg(["size", "sum"])
        found = found.reindex([tier.id for tier in settings.grading.tiers]).dropna().astype("int64")
        counts += list(zip(found.index.astype(str), found["size"].tolist(), found["sum"].tolist(), strict=True))
    z = float(stats.norm.ppf(0.5 + settings.analysis.confidence / 2))
    rows = [(group, n, hits, hits / n, *wilson(hits / n, n, z)) for group, n, hits in counts if n]
    frame = pd.DataFrame(rows, columns=columns)
    return Responses(frame, int(known["contacts"].sum()), len(people) - len(known), settings)
