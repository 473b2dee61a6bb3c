"""The 360° profile (客户画像): one row a customer, the ground of every later stage (D6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workbook.language import Text, count, day, text
from workbook.period import Period
from workbook.report.blocks import Column, Table
from workbook.service_hours import judged_tickets
from workbook.settings.models import Settings
from workbook.sources.consent import open_gate
from workbook.sources.parsing import literal
from workbook.tables import Tables

COUNTS = (
    "tenure_days", "recency_days", "orders", "orders_all", "orders_period", "orders_previous", "categories",
    "contact_recency_days", "contacts", "contacts_period", "tickets", "complaints", "late_responses", "feedbacks", "needs",
    "disputes", "age_days_record",
)  # fmt: skip
"""Columns of whole numbers; doubles in the frame where a customer has none."""

DAYS = ("created_at", "first_order_at", "last_order_at", "last_contact_at", "contract_ends_at")
"""Columns of dates."""


@dataclass(frozen=True)
class Profile:
    """One row a customer.

    Attributes:
        frame: the profile, ordered by customer_id; columns as in sql/profile.sql, without a customer's name, phone or e-mail,
            then the client's own columns (``sources.attributes``) as own_NAME.
        period: the period analysed; all ages count to its last day.
        window_start: first day of the trailing window of ``orders``, ``revenue``, ``tickets`` …
        covered_from: first day of the months of the window that the delivered orders reach back into.
    """

    frame: pd.DataFrame
    period: Period
    window_start: dt.date
    covered_from: dt.date

    def coverage(self) -> pd.DataFrame:
        """Each column with the share of customers for whom it holds a value: column, share, meaning."""
        filled = self.frame.notna().mean()
        meanings = column_meanings()
        own = text("sources.profile.own", "Column of the client's own files, kept by its name")
        return pd.DataFrame(
            {
                "column": list(self.frame.columns),
                "share": [float(filled[c]) for c in self.frame.columns],
                "meaning": [meanings.get(c, own) for c in self.frame.columns],
            }
        )

    def table(self) -> Table:
        """The columns that hold least first: column, meaning, share of customers with a value."""
        frame = self.coverage().sort_values("share", kind="stable").reset_index(drop=True)
        full = int((frame["share"] >= 0.95).sum())
        return self._described(
            "sources.profile",
            text(
                "sources.profile.title",
                "Of {all} profile columns, {full} are filled for at least 95% of customers",
                all=count(len(frame)),
                full=count(full),
            ),
            frame,
            None,
        )

    def dictionary(self) -> Table:
        """Every column with its meaning, in the order of the profile; for the appendix."""
        frame = self.coverage()
        title = text("sources.profile.dictionary", "The {all} columns of the profile and what they mean", all=count(len(frame)))
        return self._described("sources.profile.dictionary", title, frame, len(frame))

    def _described(self, id: str, title: Text, frame: pd.DataFrame, rows: int | None) -> Table:
        return Table(
            id,
            title,
            (
                Column("column", text("sources.profile.column", "Column")),
                Column("meaning", text("sources.profile.meaning", "Meaning")),
                Column("share", text("sources.profile.share", "Customers with a value"), "share"),
            ),
            frame,
            note=text(
                "sources.profile.note",
                "Share of customers with a value, by column; {n} customers; window from {start} to {end}.",
                n=count(len(self.frame)),
                start=day(self.covered_from),
                end=day(self.period.end),
            ),
            rows=rows,
            artefact="profile",
        )

    def card(self, customer_id: str) -> pd.Series:
        """All that the profile knows of one customer (快速查询).

        Raises:
            KeyError: where there is no such customer.
        """
        found = self.frame.loc[self.frame["customer_id"] == customer_id]
        if found.empty:
            raise KeyError(customer_id)
        return found.iloc[0]


def build_profile(tables: Tables, settings: Settings) -> Profile:
    """Make the profile from the canonical tables.

    Args:
        tables: prepared canonical tables; rows after the analysis date are not in them.
        settings: reads analysis.window_months, service (limits, hours, complaint_topics), consent.purposes,
            sources (attributes).

    Returns:
        Profile of all customers of the customer table and all buyers, each once.
    """
    period = tables.period
    window_start = first_day_of_window(period.end, settings.analysis.window_months)
    _count_late(tables, settings, window_start)
    frame = tables.wide(
        profile_query(),
        window_start=window_start,
        previous_start=period.previous.start,
        complaint_topics=list(settings.service.complaint_topics),
        purposes=list(settings.consent.purposes),
        closed=sorted(open_gate(tables, settings).closed) or [""],
        has_orders=tables.has("orders"),
        has_amounts=tables.has("orders.amount"),
        has_contacts=tables.has("customers.phone") or tables.has("customers.email"),
        has_lines=tables.has("order_lines.amount"),
        has_categories=tables.has("order_lines.amount")
        and (tables.has("order_lines.category") or tables.has("order_lines.product_id", "products.category")),
        has_cost=tables.has("order_lines.cost"),
        has_interactions=tables.has("interactions"),
        has_tickets=tables.has("tickets"),
        has_responses=tables.has("tickets.first_response_at"),
        has_feedback=tables.has("feedback"),
        has_needs=tables.has("needs"),
    )
    covered_from = first_day_of_window(period.end, tables.covered_months(settings.analysis.window_months))
    return Profile(_with_own(_typed(frame), tables, settings), period, window_start, covered_from)


def own_attributes(settings: Settings) -> dict[str, str]:
    """The client's own columns that are kept, and their kinds (text, number), in the order of the settings."""
    return {name: kind for source in settings.sources for name, kind in source.own_columns.items()}


def _with_own(frame: pd.DataFrame, tables: Tables, settings: Settings) -> pd.DataFrame:
    """The profile with a column for each attribute: a number, or text; missing where a customer has none."""
    own = own_attributes(settings)
    if not own:
        return frame
    types = {"number": "double", "text": "varchar"}
    cells = ", ".join(
        f"cast(max(case when attribute = {literal(name)} then value end) as {types[kind]}) as c{i}"
        for i, (name, kind) in enumerate(own.items())
    )
    told = tables.sql(f"select customer_id, {cells} from attributes group by customer_id").set_index("customer_id")
    told.columns = pd.Index([f"own_{name}" for name in own])
    kinds = {f"own_{name}": "float64" if kind == "number" else "str" for name, kind in own.items()}
    return pd.concat([frame, told.astype(kinds).reindex(frame["customer_id"]).reset_index(drop=True)], axis=1)


def _count_late(tables: Tables, settings: Settings, since: dt.date) -> None:
    """The table ``late_answers``, which the profile joins: late first responses a customer, judged as everywhere else."""
    judged, values = judged_tickets(tables, settings, "first_response_at", since)
    tables.connection.execute(
        f"create or replace temp table late_answers as with {judged} select customer_id, count(*) as late_responses "
        "from judged where late and customer_id is not null group by customer_id",
        values or None,
    )


def profile_query() -> str:
    """The SQL of the profile, as it is taught."""
    return (Path(__file__).parent / "sql" / "profile.sql").read_text("utf-8")


def first_day_of_window(end: dt.date, months: int) -> dt.date:
    """The first day of the window of *months* that ends with *end*, the last day of a month.

    >>> first_day_of_window(dt.date(2025, 12, 31), 12), first_day_of_window(dt.date(2025, 2, 28), 1)
    (datetime.date(2025, 1, 1), datetime.date(2025, 2, 1))
    """
    first = 12 * end.year + end.month - months
    return dt.date(first // 12, first % 12 + 1, 1)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The same types whatever was delivered: a column that is all null comes back as object from the engine."""
    for column in COUNTS:
        if frame[column].notna().all() and len(frame):
            frame[column] = frame[column].astype("int64")
        else:
            frame[column] = frame[column].astype("float64")
    for column in DAYS:
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    numbers = [c for c in frame.columns if c not in (*COUNTS, *DAYS, *_WORDS, "marketing_consent", "reachable")]
    frame[numbers] = frame[numbers].astype("float64")
    frame[list(_WORDS)] = frame[list(_WORDS)].astype("str")
    return frame


_WORDS = ("customer_id", "kind", "status", "region", "industry", "size", "channel", "owner", "tier", "credit_rating")


def column_meanings() -> Mapping[str, Text]:
    """What each column of the profile means, with its unit."""
    return {
        "customer_id": text("sources.profile.customer_id", "The client's own customer number"),
        "kind": text("sources.profile.kind", "Person or company"),
        "status": text("sources.profile.status", "Status in the client's system"),
        "region": text("sources.profile.region", "Region"),
        "industry": text("sources.profile.industry", "Industry"),
        "size": text("sources.profile.size", "Size of company or household"),
        "channel": text("sources.profile.channel", "Channel by which the customer came"),
        "owner": text("sources.profile.owner", "Account manager"),
        "tier": text("sources.profile.tier", "Tier that the client has given"),
        "created_at": text("sources.profile.created_at", "Date of the customer record"),
        "tenure_days": text("sources.profile.tenure_days", "Days since the record or the first order"),
        "first_order_at": text("sources.profile.first_order_at", "Date of the first order"),
        "last_order_at": text("sources.profile.last_order_at", "Date of the last order"),
        "recency_days": text("sources.profile.recency_days", "Days since the last order"),
        "orders": text("sources.profile.orders", "Orders in the window, refunds left out"),
        "revenue": text("sources.profile.revenue", "Revenue in the window, refunds taken off"),
        "average_order": text("sources.profile.average_order", "Revenue an order in the window"),
        "orders_all": text("sources.profile.orders_all", "Orders in all data"),
        "revenue_all": text("sources.profile.revenue_all", "Revenue in all data"),
        "orders_period": text("sources.profile.orders_period", "Orders in the period"),
        "revenue_period": text("sources.profile.revenue_period", "Revenue in the period"),
        "orders_previous": text("sources.profile.orders_previous", "Orders in the previous period"),
        "revenue_previous": text("sources.profile.revenue_previous", "Revenue in the previous period"),
        "categories": text("sources.profile.categories", "Product categories bought in the window"),
        "refund_share": text("sources.profile.refund_share", "Refunds as a share of sales in the window"),
        "discount_share": text("sources.profile.discount_share", "Discounts as a share of list prices in the window"),
        "margin": text("sources.profile.margin", "Gross margin as a share of sales with a known cost"),
        "interval_days": text("sources.profile.interval_days", "Mean days between two days with orders"),
        "last_contact_at": text("sources.profile.last_contact_at", "Date of the last contact"),
        "contact_recency_days": text("sources.profile.contact_recency_days", "Days since the last contact"),
        "contacts": text("sources.profile.contacts", "Contacts in the window"),
        "contacts_period": text("sources.profile.contacts_period", "Contacts in the period"),
        "tickets": text("sources.profile.tickets", "Service tickets in the window"),
        "complaints": text("sources.profile.complaints", "Complaints in the window"),
        "late_responses": text("sources.profile.late_responses", "Tickets answered past the limit in the window"),
        "resolution_hours": text("sources.profile.resolution_hours", "Mean hours from opening to solution in the window"),
        "satisfaction": text("sources.profile.satisfaction", "Mean satisfaction score as a share of its scale"),
        "nps": text("sources.profile.nps", "Latest answer to the recommendation question, 0–10"),
        "feedbacks": text("sources.profile.feedbacks", "Feedback given in the window"),
        "needs": text("sources.profile.needs", "Needs noted in the window"),
        "contract_value": text("sources.profile.contract_value", "Value of the contracts that run"),
        "contract_ends_at": text("sources.profile.contract_ends_at", "Last day of the last contract"),
        "overdue_days": text("sources.profile.overdue_days", "Days of overdue payment, by the risk file"),
        "disputes": text("sources.profile.disputes", "Disputes, by the risk file"),
        "credit_rating": text("sources.profile.credit_rating", "Credit rating, by the risk file"),
        "marketing_consent": text("sources.profile.marketing_consent", "Outreach is allowed at the end of the period"),
        "reachable": text("sources.profile.reachable", "A valid phone or e-mail is known"),
        "age_days_record": text("sources.profile.age_days_record", "Days since the record was last updated"),
    }
