"""How far the delivered history reaches, back and to the period's end, and which figures a shorter one makes smaller."""

from __future__ import annotations

from workbook.language import Quantity, count, day, text
from workbook.report.blocks import Paragraph
from workbook.settings.models import Settings
from workbook.tables import Tables

SILENT_DAYS, FEWEST_DAYS = 7, 30
"""Days without an order up to the end of the period from which they are told; days with orders that tell the usual pause."""


def tell_history(tables: Tables, settings: Settings) -> tuple[Paragraph, ...]:
    """Limits of the report where the orders begin after the trailing window does, or end well before the period does.

    Args:
        tables: canonical tables of the period.
        settings: ``analysis.window_months``, and ``analysis.churn_days`` by which the window of churned customers ends earlier.
    """
    window = settings.analysis.window_months
    covered = tables.covered_months(window)
    return (*_begun_late(tables, window, covered), *_ended_early(tables))


def _begun_late(tables: Tables, window: int, covered: int) -> tuple[Paragraph, ...]:
    if covered == window:
        return ()
    return (
        Paragraph(
            "review.history",
            text(
                "review.history",
                "The delivered orders begin on {first}: of the window of {window} months only {covered} are covered. Wherever "
                "this report speaks of the last {window} months, of a year or of annual figures, it means these {covered}; "
                "totals and numbers of orders are smaller than a full window would give, and repeat purchase and churn cannot "
                "be compared with a full one. For the whole window, deliver the earlier orders.",
                first=day(tables.first_order),
                window=count(window),
                covered=count(covered),
            ),
            "limits",
        ),
    )


def _ended_early(tables: Tables) -> tuple[Paragraph, ...]:
    """Said where the orders stop :data:`SILENT_DAYS` or more before the period ends, for longer than they ever paused."""
    if not tables.has("orders.ordered_at"):
        return ()
    found = tables.sql(
        """
        with days as (select distinct cast(ordered_at as date) as d from orders where ordered_at is not null)
        select count(*) as days, max(d) as last, date_diff('day', max(d), $end) as silent, max(pause) as pause
        from (select d, date_diff('day', lag(d) over (order by d), d) as pause from days)"""
    ).iloc[0]
    if found["days"] < FEWEST_DAYS:
        return ()
    silent, pause = int(found["silent"]), int(found["pause"])
    if silent < SILENT_DAYS or silent <= pause:
        return ()
    return (
        Paragraph(
            "review.history.end",
            text(
                "review.history.end",
                "The delivered orders end on {last}, {silent} before the period does; they never paused for longer than"
                " {pause} before. If the export stops early, revenue, orders and active customers of the period are too low:"
                " ask for the rest.",
                last=day(found["last"]),
                silent=Quantity(silent, "days"),
                pause=Quantity(pause, "days"),
            ),
            "limits",
        ),
    )
