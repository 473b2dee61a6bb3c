"""Customers by what they need: the leading recorded need of each, with size, revenue and tiers; row L2 of the method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import pandas as pd

from workbook.language import Quantity, Text, count, named, share, text
from workbook.period import Period
from workbook.report.blocks import Block, Column, NotMeasured, Table
from workbook.settings.models import Analysis, Tier
from workbook.tables import Tables

MOST = 8
"""Needs that are segments of their own; the others are gathered."""

FEWEST = 10
"""Customers who share a need before it is a segment of its own."""

TIERS = 4
"""Most tiers whose shares are shown."""

OTHER, NONE = "other", "none"


@dataclass(frozen=True, eq=False)
class Needing:
    """Customers by their leading need.

    Attributes:
        frame: customer_id, need (id of the segment: ``need:`` with the words in small letters, ``other``, ``none``).
        rows: need, customers, share, revenue, revenue_share, one column a tier with its share of the segment's customers; the
            largest need first, the gathered ones and those without a need last.
        names: need → what readers see.
        tiers: tier → what readers see; empty where nobody was graded.
        gathered: needs that too few share, gathered as ``other``.
        window_months: months in which needs were noted and revenue counts.
    """

    frame: pd.DataFrame
    rows: pd.DataFrame
    names: Mapping[str, Text]
    tiers: Mapping[str, Text]
    gathered: int
    window_months: int

    def blocks(self) -> tuple[Block, ...]:
        """The table."""
        return (self.table(),)

    def table(self) -> Table:
        """Each need with its customers, what they bring, and their tiers."""
        columns = (
            Column("need", text("value.needs.need", "Leading need"), labels=self.names),
            Column("customers", text("value.column.customers", "Customers"), "people"),
            Column("share", text("value.column.customer_share", "Share"), "share", of="customers"),
            Column("revenue_share", text("value.column.revenue_share", "Share of revenue"), "share", of="customers"),
            *(Column(tier, name, "share", within="customers") for tier, name in list(self.tiers.items())[:TIERS]),
        )
        note = text(
            "value.needs.note",
            "A customer belongs to the need noted for him most often in the last {months}, the newer one where two were noted"
            " alike; needs of fewer than {fewest} customers are gathered ({gathered}). Tiers as shares of the row; all n = {n}"
            " customers counted, so there is no interval.",
            months=Quantity(self.window_months, "months"),
            fewest=count(FEWEST),
            gathered=count(self.gathered),
            n=count(len(self.frame)),
        )
        return Table("value.needs", self._title(), columns, self.rows, note, rows=len(self.rows))

    def _title(self) -> Text:
        own = self.rows[~self.rows["need"].isin([OTHER, NONE])]
        known = 1 - float(self.rows.loc[self.rows["need"] == NONE, "share"].sum())
        if own.empty or own["revenue_share"].isna().all():
            return text("value.needs.title_known", "Of {known} of customers a need is recorded", known=share(known))
        first = own.iloc[int(own["revenue_share"].to_numpy(dtype=float).argmax())]
        return text(
            "value.needs.title",
            "{need}: {customers} of customers bring {revenue} of revenue",
            need=self.names[str(first["need"])],
            customers=share(float(first["share"])),
            revenue=share(float(first["revenue_share"])),
        )


def segment_by_need(
    tables: Tables,
    graded: pd.DataFrame | NotMeasured,
    tiers: Sequence[Tier],
    settings: Analysis,
    *,
    period: Period,
    window_months: int,
) -> Needing | NotMeasured:
    """Place every customer by his leading need.

    Args:
        tables: needs (customer_id, need, noted_at).
        graded: customer_id, tier, revenue, one row a customer.
        tiers: the tiers of the settings, the highest first.
        settings: window_months.
        period: the period analysed.
        window_months: length of the window, as far as the data reach.
    """
    what = text("value.segments.what_needs", "Segments by needs")
    if isinstance(graded, NotMeasured):
        return graded
    query = files("workbook.value").joinpath("sql/leading_needs.sql").read_text("utf-8")
    start = (pd.Timestamp(period.end) + pd.Timedelta(days=1) - pd.DateOffset(months=settings.window_months)).date()
    leading = tables.sql(query, window_start=start) if tables.rows("needs") else None
    if leading is None or not len(known := leading[leading["customer_id"].isin(graded["customer_id"])]):
        return NotMeasured("value.segments_needs", what, ("needs",))
    sizes = known.groupby("need_key").size().sort_values(ascending=False, kind="stable")
    own = sizes.index[sizes >= max(FEWEST, settings.small_cell)][:MOST].tolist()
    words = known.drop_duplicates("need_key").set_index("need_key")["need"]
    names = {f"need:{key}": named(str(words[key])) for key in own}
    names |= {
        OTHER: text("value.needs.other", "Other needs"),
        NONE: text("value.needs.none", "No need recorded"),
    }
    said = known.set_index("customer_id")["need_key"]
    key = graded["customer_id"].map(said)
    need = pd.Series(np.where(key.isna(), NONE, np.where(key.isin(own), "need:" + key.fillna(""), OTHER)), dtype="str")
    frame = pd.DataFrame({"customer_id": graded["customer_id"].to_numpy(), "need": need})
    shown = {tier.id: named(tier.name) for tier in tiers}
    rows = _count(need, graded.reset_index(drop=True), list(names), list(shown))
    return Needing(frame, rows, names, shown, len(sizes) - len(own), window_months)


def _count(need: pd.Series[str], graded: pd.DataFrame, needs: list[str], tiers: list[str]) -> pd.DataFrame:
    # whole ten-thousandths, so that the order of the customers cannot change the last digit of a sum
    money = np.round(graded["revenue"].fillna(0.0) * 10_000).astype("int64")
    parts = pd.DataFrame({"need": need, "money": money})
    sums = parts.groupby("need")["money"].agg(["size", "sum"]).reindex(needs, fill_value=0)
    mix = pd.crosstab(need.to_numpy(), graded["tier"].to_numpy()).reindex(index=needs, columns=tiers, fill_value=0)
    total = int(sums["sum"].sum())
    rows = pd.DataFrame({
        "need": needs, "customers": sums["size"].to_numpy(), "share": (sums["size"] / max(len(graded), 1)).to_numpy(),
        "revenue": sums["sum"].to_numpy() / 10_000, "revenue_share": sums["sum"].to_numpy() / total if total > 0 else np.nan,
    })  # fmt: skip
    for tier in tiers:
        rows[tier] = (mix[tier] / sums["size"].where(sums["size"] > 0)).to_numpy(dtype=float)
    return rows[rows["customers"] > 0].reset_index(drop=True)
