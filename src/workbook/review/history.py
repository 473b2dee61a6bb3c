"""How far back the delivered history reaches, and which figures a shorter one makes smaller than their names say."""

from __future__ import annotations

from workbook.language import count, day, text
from workbook.report.blocks import Paragraph
from workbook.settings.models import Settings
from workbook.tables import Tables


def tell_history(tables: Tables, settings: Settings) -> tuple[Paragraph, ...]:
    """A limit of the report where the orders begin after the trailing window does; nothing where they fill it.

    Args:
        tables: canonical tables of the period.
        settings: ``analysis.window_months``, and ``analysis.churn_days`` by which the window of churned customers ends earlier.
    """
    window = settings.analysis.window_months
    covered = tables.covered_months(window)
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
