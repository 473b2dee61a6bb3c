"""Who was served by somebody slow: late answers by employee, each customer's own tickets left out (V5)."""

from __future__ import annotations

import pandas as pd

from workbook.service_hours import judged_tickets
from workbook.settings.models import Settings
from workbook.tables import Tables
from workbook.voice.intervals import share_interval

FEWEST_TICKETS = 20
"""Tickets of other customers that an employee needs to be called slow or not."""

SERVED = """
    select ticket_id, arg_max(actor, (n, actor)) as employee from (
        select ticket_id, actor, count(*) as n from ticket_events where actor is not null group by ticket_id, actor)
    group by ticket_id
    """
"""Who served each ticket: whoever logged most of its events."""


def staff_numbers(tables: Tables) -> dict[str, str]:
    """Number of everybody who serves customers, in the order of their names: pages and notebooks name nobody.

    Args:
        tables: ticket events, interactions and customers, whichever were delivered.

    Returns:
        name → number from 1, as text.
    """
    names = tables.sql(
        """
        select distinct actor as name from ticket_events where actor is not null
        union select distinct employee from interactions where employee is not null
        union select distinct owner from customers where owner is not null
        order by name
        """
    )
    return {str(name): str(place) for place, name in enumerate(names["name"], start=1)}


def served_slowly(tables: Tables, settings: Settings) -> pd.DataFrame:
    """Customers with a ticket of the period, and whether one of those who served them is slow.

    Served by: whoever logged most events of the ticket, else the customer's account manager. Slow: the interval of the late
    share of his tickets of *other* customers lies above the share of all tickets, so that a customer's own late answer makes
    nobody slow for him.

    Returns:
        customer_id, bad; customers whose servers had too few other tickets are left out. No row where nobody who served is
        known.
    """
    served = "ticket_events.actor" if tables.has("ticket_events.actor") else "customers.owner"
    if not tables.has(served, "tickets.first_response_at", "tickets.customer_id"):
        return pd.DataFrame({"customer_id": pd.Series(dtype="str"), "bad": pd.Series(dtype=bool)})
    by = (
        SERVED
        if served == "ticket_events.actor"
        else """select t.ticket_id, c.owner as employee from tickets t join customers c on c.customer_id = t.customer_id"""
    )
    judged, values = judged_tickets(tables, settings, "first_response_at")
    rows = tables.sql(
        f"""
        with {judged}, served as ({by})
        select s.employee, j.customer_id, count(*) as n, cast(sum(case when j.late then 1 else 0 end) as bigint) as late
        from judged j join served s on s.ticket_id = j.ticket_id
        where j.late is not null and j.customer_id is not null and s.employee is not null
        group by s.employee, j.customer_id order by s.employee, j.customer_id
        """,
        **values,
    )
    whole = rows.groupby("employee")[["n", "late"]].transform("sum")
    rest, rest_late = whole["n"] - rows["n"], whole["late"] - rows["late"]
    enough = rest >= FEWEST_TICKETS
    low, _ = share_interval(rest_late[enough], rest[enough], settings.analysis.confidence)
    every = float(rows["late"].sum()) / max(int(rows["n"].sum()), 1)
    judged_rows = rows[enough].assign(bad=low > every)
    return judged_rows.groupby("customer_id")["bad"].max().reset_index()
